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
#include <leat/err.h>

struct broker;
struct bus;
struct directory;
struct herder;
struct metrics;
struct worker_config;
struct worker_options;

/* What is running, for whoever serves it to the outside. */
struct worker_parts {
	const struct worker_options *options;
	struct broker *broker;
	struct bus *bus;
	struct herder *herder;
	struct directory *directory;
	struct metrics *metrics;
	const char *cluster_id;
};

struct worker_start {
	const struct worker_config *config;	/* outlives the run */
	const char *plugin_path;	/* where the settings name none */
	/* Begins to serve (REST); `serving` ends it. Both may be NULL. */
	int (*serve)(void *arg, const struct worker_parts *parts,
	    struct leat_err *err);
	void (*unserve)(void *arg);
	void *arg;
};

/*
 * Runs until SIGTERM or SIGINT, and ends within the graceful timeout; a second
 * signal ends at once. SIGHUP reads the directory again. Returns the exit code:
 * 0, or 1 when it could not start (said in the log).
 */
int worker_run(const struct worker_start *start);

#endif
