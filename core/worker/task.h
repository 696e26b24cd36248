/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task.h: one task: its thread, its state, and what it holds. Private to
 * core/worker, which shows tasks to others through herder.h.
 *
 * A task's thread runs the table of task_fsm.h. What differs between sources
 * and sinks is behind struct task_kind. Other threads say what they wish
 * (task_want, task_restart), which is a word and not a queue: a newer wish
 * replaces an older one, it can never be full, and a stuck task costs nothing.
 */
#ifndef LEAT_CORE_WORKER_TASK_H
#define LEAT_CORE_WORKER_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/arena.h>
#include <leat/connector.h>
#include <leat/err.h>

#include "core/base/budget.h"
#include "core/base/clock.h"
#include "core/base/lock.h"
#include "core/base/log.h"
#include "core/base/metrics.h"
#include "core/base/thread.h"
#include "core/worker/backoff.h"
#include "core/worker/settings.h"
#include "core/worker/task_asks.h"
#include "core/worker/task_fsm.h"
#include "core/worker/task_metrics.h"
#include "core/worker/topics_seen.h"

struct bus;
struct chain_failure;
struct properties;
struct registered;
struct task_status;

enum task_want { WANT_RUN, WANT_PAUSE, WANT_STOP };

/* What a task is made of; what is no reference must outlive it. */
struct task_options {
	struct bus *bus;
	struct metrics *metrics;
	struct budget *budget;
	const struct clock *clock;
	struct properties *worker;
	const struct registered *conn;
	struct properties *props;	/* with what plan() said of it */
	const char *connector;	/* copied */
	int32_t id;
	int32_t ntasks;
	enum task_want want;	/* at the start */
	int64_t stop_timeout_ms;
	/* Told after each change of state. @thread task, without locks */
	void (*changed)(void *arg);
	void *arg;
};

struct task_kind {
	/* Resources and the plugin's open(). */
	int (*open)(struct leat_task *t, struct leat_err *err);
	/* A round of the loop; waits by itself. */
	int (*step)(struct leat_task *t, struct leat_err *err);
	/* A round of finishing: 1 when all is durable, 0 not yet. */
	int (*drain)(struct leat_task *t, struct leat_err *err);
	/* Undoes open(), also half of it. */
	void (*close)(struct leat_task *t);
};

extern const struct task_kind source_kind;
extern const struct task_kind sink_kind;

enum { TASK_PLUGIN_METRICS_MAX = 64 };

struct plugin_metric {
	const char *name;	/* in the task's memory */
	int64_t *value;
};

struct leat_task {
	const struct leat_host *host;	/* first: struct leat_task_head */
	unsigned magic;
#define TASK_MAGIC 0x7461736bu
	const struct task_kind *kind;
	struct task_options o;
	char *connector;
	struct logger log;
	struct thread thread;
	bool started;		/* the herder's: not joined yet */
	struct wake wake;
	int32_t refs;		/* atomic */

	/* Wishes: atomics, set by any thread. */
	int32_t want;		/* enum task_want */
	int32_t wish_restart;
	int32_t forget_topics;

	/* What others may look at: atomics, set by the task's thread. */
	int32_t state;		/* enum task_state */
	const char *call;	/* callback it is in, NULL: none */
	int64_t call_since_ms;
	int64_t retry_at_ms;	/* -1: no time is set */

	struct topics_seen topics;

	struct lock lock;	/* RANK_TASK; guards the next six */
	struct cond cond;
	bool interruptible;	/* between open() and close() */
	int32_t interrupting;	/* calls of interrupt() going on */
	char *status_json;
	struct task_signal *signals;	/* oldest first */
	struct leat_err error;	/* the last; code 0: none */

	/* All below belongs to the task's thread. */
	struct leat_arena memory;	/* lives from open to close */
	struct leat_arena call_memory;	/* until the callback returns */
	struct connector_settings set;
	void *config;
	void *self;		/* the plugin's */
	bool opened;
	int64_t opened_ms;	/* when it began to run */
	struct leat_schema_pool *pool;
	struct budget_share *share;
	size_t charged;
	struct topic_reader topic_reader;
	void *data;		/* struct source or struct sink */
	struct backoff backoff;
	struct backoff backoff_late;
	struct task_metrics m;
	struct plugin_metric plugin_metrics[TASK_PLUGIN_METRICS_MAX];
	size_t nplugin_metrics;
	bool wait_set;		/* leat_wait was called */
	int32_t wait_fd;
	int32_t wait_events;
	int64_t wait_ms;
	int64_t next_tick_ms;
	int64_t deadline_ms;	/* of STOPPING */
	struct plan *plan;	/* while plan() runs */
};

/* -------------------------------------------------- the herder's side */

/* A task without a thread; the caller has the only reference. */
int task_new(const struct task_options *o, struct leat_task **ret_task,
    struct leat_err *err);
int task_start(struct leat_task *t, struct leat_err *err);
/* Once it has ended: waits for its thread's last steps. */
void task_join(struct leat_task *t);
/* It will not end: its thread frees it should that ever return. */
void task_abandon(struct leat_task *t);
void task_put(struct leat_task *t);

/* @thread any, for all of these */
void task_want(struct leat_task *t, enum task_want want);
void task_restart(struct leat_task *t);
/* Calls interrupt() on a thread of its own if the task is inside a callback. */
void task_interrupt(struct leat_task *t);
enum task_state task_state(const struct leat_task *t);
bool task_ended(const struct leat_task *t);
/* The callback that the task is in and for how long; NULL: none. */
const char *task_call(const struct leat_task *t, int64_t *ret_ms);
void task_status_get(struct leat_task *t, struct leat_arena *arena,
    struct task_status *ret_status);

/* ---------------------------------------------- the task thread's side */

/* Around every call of the plugin. */
void task_enter(struct leat_task *t, const char *call);
void task_leave(struct leat_task *t);
/*
 * What a callback returned: `err` has a reason and a class when that is an
 * error. A plugin that fails without saying how is retried: that does no harm.
 */
int task_said(int rc, const char *call, struct leat_err *err);
/* open() and close() with what belongs around them. */
int task_plugin_open(struct leat_task *t, struct leat_err *err);
void task_plugin_close(struct leat_task *t);
/* tick(), if the plugin has one. */
int task_plugin_tick(struct leat_task *t, struct leat_err *err);

int64_t task_now_ms(const struct leat_task *t);
/* Should the loop come to an end (pause, stop, restart)? @thread any */
bool task_stopping(const struct leat_task *t);
/*
 * Waits until fd is ready (-1: none), the task is woken, or a point in time
 * (ms, monotonic) has come.
 */
void task_wait(struct leat_task *t, int32_t fd, int32_t events,
    int64_t until_ms);
/* Sleeps for less than a millisecond, whatever happens. */
void task_nap(int64_t us);
/*
 * Makes the share of the memory bound what the task holds; false when there is
 * not so much: then the task is woken when it may fit.
 */
bool task_charge(struct leat_task *t, size_t bytes);
/* Clears the topics seen when somebody asked for it; true when done. */
bool task_forget_topics(struct leat_task *t);
/* Something went well: the next failure is a first one. */
void task_progress(struct leat_task *t);
/* Work goes on after errors of records? By errors.tolerance. */
bool task_tolerates(const struct leat_task *t);

/* The thread (task_run.c); arg is the task, whose reference it drops. */
void *task_main(void *arg);

/* The host table (host.c). */
extern const struct leat_host host_table;

#endif
