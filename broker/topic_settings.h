/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topic_settings.h: the per-topic settings, by Kafka's names, with
 * Kafka's defaults and rules. One table drives parsing, defaults and
 * description.
 */
#ifndef LEAT_BROKER_TOPIC_SETTINGS_H
#define LEAT_BROKER_TOPIC_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/err.h>

enum { CLEANUP_DELETE = 1, CLEANUP_COMPACT = 2 };

/* compression.type: a codec's number, or this. */
enum { COMPRESSION_PRODUCER = 5 };

/* By the numbers that Kafka's answers give them. */
enum setting_type {
	SETTING_BOOL = 1,
	SETTING_STRING = 2,
	SETTING_INT = 3,
	SETTING_SHORT = 4,
	SETTING_LONG = 5,
	SETTING_DOUBLE = 6,
	SETTING_LIST = 7
};

/* The settings that the broker acts on, parsed. */
struct topic_config {
	int64_t cleanup;		/* CLEANUP_* */
	int64_t compression;		/* enum codec or COMPRESSION_PRODUCER */
	int64_t gzip_level;		/* -1: the library's own */
	int64_t lz4_level;
	int64_t zstd_level;
	int64_t delete_retention_ms;
	int64_t flush_messages;		/* INT64_MAX: never */
	int64_t flush_ms;		/* INT64_MAX: the broker's interval */
	int64_t index_interval_bytes;
	int64_t max_compaction_lag_ms;
	int64_t max_message_bytes;
	int64_t timestamp_after_max_ms;
	int64_t timestamp_before_max_ms;
	int64_t log_append_time;	/* 1: message.timestamp.type */
	double min_cleanable_ratio;
	int64_t min_compaction_lag_ms;
	int64_t preallocate;		/* 1: yes */
	int64_t retention_bytes;
	int64_t retention_ms;
	int64_t segment_bytes;
	int64_t segment_index_bytes;
	int64_t segment_jitter_ms;
	int64_t segment_ms;
};

/* How many settings there are; they are numbered from 0. */
int setting_count(void);
const char *setting_name(int i);
const char *setting_default(int i);
/* The broker's setting that gives all topics their default; NULL: none. */
const char *setting_broker_name(int i);
enum setting_type setting_type(int i);
/* A sentence or two for people. */
const char *setting_doc(int i);
/* Does anything here depend on it? */
bool setting_acts(int i);
/* The number of a name, or -1. */
int setting_find(const char *name);
/* Is the value legal? 0, or LEAT_E_CONFIG with what is allowed. */
int setting_check(int i, const char *value, struct leat_err *err);

/* Kafka's defaults. */
void topic_config_init(struct topic_config *c);
/* Applies one value, which must have been checked. */
void topic_config_apply(struct topic_config *c, int i, const char *value);
/* Do the values fit each other? 0 or LEAT_E_CONFIG. */
int topic_config_check(const struct topic_config *c, struct leat_err *err);

#endif
