/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker.h: the worker as a whole: broker, bus, plugins, herder, the watched
 * directory, signals, the service manager. `leat worker` is a thin shell around
 * worker_run.
 */
#ifndef LEAT_CORE_WORKER_WORKER_H
#define LEAT_CORE_WORKER_WORKER_H

#include <stdint.h>

#include <leat/arena.h>
#include <leat/connector.h>
#include <leat/err.h>

struct broker;
struct bus;
struct directory;
struct herder;
struct metrics;
struct problems;
struct properties;

/* What the rows of worker_rows() fill. */
struct worker_settings {
	const char *data_dir;
	const char *connectors_dir;
	struct leat_list plugin_path;
	const char *rest_listen;	/* "none": off */
	const char *kafka_listen;
	const char *kafka_advertise;
	int64_t memory_bytes;
	int64_t stop_timeout_ms;
	int64_t num_partitions;
	int32_t auto_create;
	int64_t flush_interval_ms;
	int64_t retention_ms;
	int64_t retention_bytes;
	int64_t segment_bytes;
	const char *log_level;
	struct leat_params log_levels;		/* log.level.<component> */
	int32_t log_format;
};

/* The rows of worker.yaml, for validation and docs. */
const struct leat_option *worker_rows(void);
/* Everything wrong with the worker's settings. */
void worker_validate(const struct properties *settings, struct problems *out);
/* The same, filling `set`; settings may be NULL. 0 or the number of errors. */
int worker_settings_fill(const struct properties *settings,
    struct leat_arena *arena, struct worker_settings *set,
    struct problems *out);

/* What is running, for whoever serves it to the outside. */
struct worker_parts {
	const struct worker_settings *settings;
	struct broker *broker;
	struct bus *bus;
	struct herder *herder;
	struct directory *directory;
	struct metrics *metrics;
	const char *cluster_id;
};

struct worker_options {
	const struct properties *settings;	/* NULL: all defaults */
	const char *plugin_path;	/* colon separated; NULL: the settings' */
	/* Begins to serve (REST); `serving` ends it. Both may be NULL. */
	int (*serve)(void *arg, const struct worker_parts *parts,
	    struct leat_err *err);
	void (*unserve)(void *arg);
	void *arg;
};

/*
 * Runs until SIGTERM or SIGINT, and ends within the graceful timeout; a second
 * signal ends at once. SIGHUP reads the directory again. Returns the exit code:
 * 0, 1 when it could not start (said in the log), 3 when the settings are
 * refused (said on stderr). The settings' lifetime is the caller's.
 */
int worker_run(const struct worker_options *o);

#endif
