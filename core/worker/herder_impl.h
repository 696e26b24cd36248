/* SPDX-License-Identifier: Apache-2.0 */
/*
 * herder_impl.h: what the herder remembers. Private to herder.c (wishes),
 * herder_status.c (questions), herder_run.c (its thread), herder_store.c and
 * herder_publish.c (what it keeps on disk, and shows there).
 *
 * Two halves. What is wished is set by anyone, under the lock. What is there is
 * changed by the herder's thread alone, under the lock too, so that the thread
 * reads it without and everybody else with it. The lock is never held while
 * something may block or log.
 */
#ifndef LEAT_CORE_WORKER_HERDER_IMPL_H
#define LEAT_CORE_WORKER_HERDER_IMPL_H

#include <leat/map.h>

#include "core/base/lock.h"
#include "core/base/log.h"
#include "core/base/metrics.h"
#include "core/base/thread.h"
#include "core/worker/backoff.h"
#include "core/worker/herder.h"
#include "core/worker/plan.h"
#include "core/worker/task.h"

enum conn_phase {
	CONN_IDLE,		/* no plan, no tasks */
	CONN_PLANNING,
	CONN_RUNNING,		/* it has tasks, in whatever state */
	CONN_STOPPING		/* its tasks were told to end */
};

struct conn {
	char *name;
	struct logger log;

	/* What is wished; guarded by herder->lock. */
	struct properties *props;
	enum target_state target;
	uint64_t generation;
	bool gone;		/* to be ended and forgotten */
	bool was_gone;		/* before the apply that goes on */
	bool again;		/* try again in spite of the error */

	/* What is there; changed by the herder's thread under the lock. */
	enum conn_phase phase;
	const struct registered *reg;
	struct properties *running;	/* what plan or tasks were made of */
	struct leat_task **tasks;
	size_t ntasks;
	struct leat_err error;	/* of the connector: no plugin, plan() */
	bool failed;		/* and it does not help to try again */

	/* The herder's thread only. */
	struct plan *plan;
	bool plan_reported;
	int64_t retry_at_ms;
	struct backoff backoff;
	int64_t stop_at_ms;	/* deadline of CONN_STOPPING */
	int64_t nudge_at_ms;
	enum target_state stored;	/* the target as it is on disk */
	bool is_stored;
	const char *published;	/* state in connect-status; a constant */
	const char **published_tasks;
	size_t npublished;
};

struct herder_metrics {
	int64_t *connectors;
	int64_t *tasks;
	int64_t *stuck;
	int64_t *generation;
};

struct herder {
	unsigned magic;
#define HERDER_MAGIC 0x68657264u
	struct herder_options o;
	char *worker_id;
	struct logger log;
	struct lock lock;	/* RANK_HERDER */
	struct cond cond;	/* something to do, or something was done */
	struct leat_map conns;	/* name to struct conn; guarded by lock */
	uint64_t generation;	/* atomic */
	uint64_t changes;	/* guarded by lock: events since the start */
	bool closing;		/* guarded by lock */
	bool stopped;
	size_t stuck;		/* tasks left behind */
	struct leat_map targets;	/* name to target_state + 1, as on disk;
				 * guarded by lock */
	struct thread thread;
	struct herder_metrics m;
};

/* Tells the thread that something changed. @thread any */
void herder_poke(void *arg);

/* A connector that is there, and is not being ended; NULL. @locks lock */
struct conn *herder_find(struct herder *h, const char *name);
/* The error when there is none. */
int herder_unknown(const char *name, struct leat_err *err);

/* herder_run.c */
void *herder_main(void *arg);
void herder_task_options(struct herder *h, const struct conn *c,
    struct task_options *o);

/* herder_store.c */
int herder_store_load(struct herder *h, struct leat_err *err);
void herder_store_fini(struct herder *h);
/* The target stored for a connector, or -1. @locks lock */
int herder_store_target(const struct herder *h, const char *name);
/* Makes the disk agree with c->target. @thread herder, without the lock */
void herder_store_put(struct herder *h, struct conn *c,
    enum target_state target);
void herder_store_remove(struct herder *h, const char *name);

/* herder_publish.c: connect-status. @thread herder, without the lock */
void herder_publish(struct herder *h, struct conn *c);
void herder_unpublish(struct herder *h, struct conn *c);

#endif
