/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settings.h: the keys of a connector that belong to the framework and not to
 * its plugin: one table of rows, with the struct that they fill. The names are
 * Kafka Connect's; docs/CONFIG.md lists them.
 */
#ifndef LEAT_CORE_WORKER_SETTINGS_H
#define LEAT_CORE_WORKER_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include <leat/arena.h>
#include <leat/connector.h>
#include <leat/err.h>

struct properties;
struct problems;
struct registered;

enum settings_tolerance { TOLERATE_DEFAULT, TOLERATE_NONE, TOLERATE_ALL };
enum settings_exactly_once { EOS_REQUESTED, EOS_REQUIRED, EOS_DISABLED };
enum settings_reset { RESET_EARLIEST, RESET_LATEST };
enum settings_isolation { ISOLATION_COMMITTED, ISOLATION_UNCOMMITTED };
enum settings_target { INITIAL_RUNNING, INITIAL_PAUSED, INITIAL_STOPPED };

/* In the field types that leat_option rows fill. */
struct connector_settings {
	const char *name;
	const char *connector_class;
	int64_t tasks_max;
	int32_t initial_state;		/* settings_target */
	/* errors */
	int32_t tolerance;		/* settings_tolerance */
	int64_t retry_timeout_ms;	/* -1: no limit */
	int64_t retry_delay_max_ms;
	int32_t log_errors;
	int32_t log_messages;
	const char *dlq_topic;		/* NULL: <connector>.dlq; "": none */
	int32_t dlq_headers;
	/* sources */
	int32_t exactly_once;		/* settings_exactly_once */
	int64_t linger_ms;		/* most a record waits for its commit */
	int64_t commit_bytes;		/* or so many bytes */
	int64_t buffer_bytes;
	int64_t batch_bytes;
	int64_t message_bytes;
	int64_t batch_records;
	int64_t transaction_timeout_ms;
	const char *compression;
	int64_t topic_partitions;
	struct leat_params topic_settings;	/* topic.creation.default.* */
	/* sinks */
	struct leat_list topics;
	const char *topics_regex;
	int64_t commit_interval_ms;
	int64_t poll_records;
	int64_t poll_bytes;
	int32_t reset;			/* settings_reset */
	int32_t isolation;		/* settings_isolation */
	/* accepted for Kafka Connect's sake, without effect here */
	int64_t ignored;
	int32_t ignored_bool;
	const char *ignored_text;
	struct leat_list ignored_list;
	struct leat_params ignored_map;
};

/* Is exactly-once delivery wished, by the connector and its worker? */
bool settings_exactly_once(const struct connector_settings *set,
    const struct properties *worker);

/* The rows that apply to a kind (LEAT_SOURCE, LEAT_SINK). */
const struct leat_option *settings_rows(int32_t kind);

/*
 * Fills `set` from the properties, with the worker's properties as defaults for
 * the keys that a worker may set for all; strings live in the arena.
 */
int settings_parse(const struct properties *props,
    const struct properties *worker, int32_t kind,
    struct connector_settings *set, struct leat_arena *arena,
    struct leat_err *err);

/*
 * Everything that can be known to be wrong with a connector's configuration
 * without running it: framework keys, the plugin's options and its check(),
 * converters, transforms, unknown keys with the nearest known one.
 */
void settings_validate(const char *name, const struct registered *conn,
    const struct properties *props, const struct properties *worker,
    struct problems *out);

/*
 * The plugin's config struct (config_size bytes, zeroed first) from the
 * properties; what it points to is in the arena.
 */
int settings_fill(const struct registered *conn,
    const struct properties *props, void *config, struct leat_arena *arena,
    struct leat_err *err);

#endif
