/* SPDX-License-Identifier: Apache-2.0 */
/*
 * herder.h: which connectors are wanted, which run, and the acting on the
 * difference. The worker's front door for the directory watch and for REST.
 *
 * Wanted comes from the configuration directory (and from REST, which writes
 * files into it); actual is the set of running tasks. The herder never calls
 * plugin code: tasks do, each on its own thread, so one stuck connector blocks
 * no other.
 *
 * All functions are @thread any.
 */
#ifndef LEAT_CORE_WORKER_HERDER_H
#define LEAT_CORE_WORKER_HERDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/arena.h>
#include <leat/err.h>

struct broker;
struct budget;
struct bus;
struct clock;
struct metrics;
struct properties;
struct problems;
struct registry;
struct herder;
struct leat_option;

struct herder_options {
	struct bus *bus;
	struct registry *registry;
	struct metrics *metrics;
	struct budget *budget;
	const struct clock *clock;
	struct properties *worker;	/* the worker's own settings */
	const char *worker_id;	/* "127.0.0.1:8083" */
	int64_t stop_timeout_ms;	/* for a task to end, 5000 */
	int64_t plan_timeout_ms;	/* for plan(), 60000 */
};

int herder_new(const struct herder_options *o, struct herder **ret_herder,
    struct leat_err *err);
/*
 * Stops all tasks within the stop timeout. The number of tasks and plans that
 * were ever left behind because they did not end: their threads may still use
 * what the herder was given, so then nothing of that may be freed.
 */
size_t herder_stop(struct herder *h);
/* Stops first if that was not done. Accepts NULL. */
void herder_free(struct herder *h);

/* What the user wants of a connector (Kafka Connect's target states). */
enum target_state { TARGET_STARTED, TARGET_PAUSED, TARGET_STOPPED };

/* One wanted connector. */
struct wanted {
	const char *name;
	struct properties *props;	/* a reference is taken */
};

/*
 * Validates a connector's whole configuration against its plugin, the
 * framework's keys and the chain: all problems at once. @thread any
 */
void herder_validate(struct herder *h, const char *name,
    const struct properties *props, struct problems *out);

/*
 * Makes `list` the wanted set: starts what is new, restarts what changed, ends
 * what is gone; leaves alone what is equal. Returns at once. `generation` is
 * shown in status and metrics.
 */
int herder_apply(struct herder *h, const struct wanted *list, size_t n,
    uint64_t generation, struct leat_err *err);

/*
 * Leaves a signal for all tasks of a source. LEAT_E_STATE when it takes none,
 * or has no task that runs. Returns at once; what becomes of the signal is the
 * source's to tell.
 */
int herder_signal(struct herder *h, const char *name, const char *id,
    const char *type, const char *data, struct leat_err *err);

/* LEAT_E_NOTFOUND for an unknown name. All return at once. */
int herder_target(struct herder *h, const char *name, enum target_state want,
    struct leat_err *err);
/* task -1: the connector and, by the flags, its tasks. */
int herder_restart(struct herder *h, const char *name, int32_t task,
    bool include_tasks, bool only_failed, struct leat_err *err);

/*
 * Kafka Connect's words: RUNNING, PAUSED, FAILED, UNASSIGNED, RESTARTING,
 * STOPPED.
 */
struct task_status {
	int32_t id;
	const char *state;
	const char *trace;	/* NULL: none; the error's text and origin */
	const char *detail;	/* our own finer state: "backoff", "opening" */
	const char *json;	/* the connector's own status object, or NULL */
	int64_t retry_in_ms;	/* in back-off: until the next try; else -1 */
	uint64_t restarts;
};

struct connector_status {
	const char *name;
	const char *type;	/* "source", "sink" */
	const char *state;
	const char *trace;
	const char *worker_id;
	enum target_state target;
	uint64_t generation;
	struct properties *props;	/* a reference: connector_status_put */
	struct task_status *tasks;
	size_t ntasks;
};

/* A snapshot of one connector; strings in the arena. LEAT_E_NOTFOUND. */
int herder_status(struct herder *h, const char *name,
    struct leat_arena *arena, struct connector_status *ret_status,
    struct leat_err *err);
/* Drops the reference to the properties; the rest is the arena's. */
void connector_status_put(struct connector_status *st);
/* Names of all connectors, sorted. */
int herder_names(struct herder *h, struct leat_arena *arena,
    const char *const **ret_names, size_t *ret_n, struct leat_err *err);
/* The properties a task runs with; a reference, to be dropped; NULL unknown. */
struct properties *herder_task_config(struct herder *h, const char *name,
    int32_t task);
/* Topics seen by a connector since its start. */
int herder_topics(struct herder *h, const char *name,
    struct leat_arena *arena, const char *const **ret_topics, size_t *ret_n,
    struct leat_err *err);
/* Waits until every task is in its wanted state, for tests; 0 or -ETIME. */
int herder_settle(struct herder *h, int64_t timeout_ms);

/* Forgets the topics seen so far. */
int herder_topics_reset(struct herder *h, const char *name,
    struct leat_err *err);

/*
 * Offsets of a stopped connector (Kafka Connect's PATCH and DELETE of
 * /connectors/<name>/offsets): a source's by JSON texts, a sink's by topic
 * partition. LEAT_E_STATE unless the connector is STOPPED.
 */
int herder_offsets_each(struct herder *h, const char *name,
    int (*source)(void *arg, const char *partition, const char *offset),
    int (*sink)(void *arg, const char *topic, int32_t partition,
    int64_t offset), void *arg, struct leat_err *err);
int herder_source_offset_set(struct herder *h, const char *name,
    const char *partition, const char *offset, struct leat_err *err);
int herder_sink_offset_set(struct herder *h, const char *name,
    const char *topic, int32_t partition, int64_t offset,
    struct leat_err *err);
int herder_offsets_reset(struct herder *h, const char *name,
    struct leat_err *err);

/* The framework's own options of connectors of a kind (LEAT_SOURCE, ..). */
const struct leat_option *herder_options(int32_t kind);
const struct registry *herder_registry(const struct herder *h);
uint64_t herder_generation(const struct herder *h);

#endif
