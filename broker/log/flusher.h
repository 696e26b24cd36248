/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flusher.h: makes written bytes durable, for all partitions in common rounds.
 */
#ifndef LEAT_BROKER_FLUSHER_H
#define LEAT_BROKER_FLUSHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/err.h>

#include "broker/broker.h"
#include "broker/log/log_env.h"

struct flusher;
struct segment;

/* One wait; the caller's memory until fn is called. */
struct flush_wait {
	broker_done_fn *fn;
	void *arg;
	/* private: */
	struct flush_wait *next;
	int64_t offset;
	bool urgent;
	bool heap;		/* freed after fn */
};

int flusher_start(struct log_env *env, int64_t interval_ms,
    struct metrics *metrics, struct flusher **ret, struct leat_err *err);
/* Syncs what is dirty, calls every waiter, ends the thread. */
void flusher_stop(struct flusher *f);

/*
 * fn is called when everything before `offset` is durable, or never will be.
 * Urgent waits begin a round; others are served by whatever round comes. May
 * call fn before it returns. No lock of the caller above RANK_TXN may be held.
 */
void flusher_wait(struct flusher *f, struct broker_partition *p,
    int64_t offset, struct flush_wait *w, bool urgent);
/* Several urgent waits, so that one round takes them all. */
struct flush_target {
	struct broker_partition *part;
	int64_t offset;
	struct flush_wait wait;
};
void flusher_wait_all(struct flusher *f, struct flush_target *t, size_t n);
/* Syncs one partition now, in the calling thread. */
int flusher_sync(struct broker_partition *p, struct leat_err *err);
/* Begins to write a segment back, without waiting. @thread any */
void flusher_writeback(struct flusher *f, struct segment *s);
/* The partition has unsynced bytes. Its lock is held. */
void flusher_dirty_locked(struct flusher *f, struct broker_partition *p);
/* Begins a round for a partition, if it has unsynced bytes. @thread any */
void flusher_hurry(struct flusher *f, struct broker_partition *p);
/* Begins a round of all partitions. @thread any */
void flusher_hurry_all(struct flusher *f);
/* Calls the waiters of a partition that will not be synced any more. */
void flusher_forget(struct flusher *f, struct broker_partition *p);

#endif
