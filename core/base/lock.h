/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lock.h: mutexes with a rank and an owner.
 *
 * Locks are leaf-level and ranked: a thread may take a lock only when its rank
 * is above that of every lock it holds; debug builds assert it, and the owner
 * is always recorded, so helpers named *_locked can assert that they may run.
 * No lock is held while calling a plugin, doing I/O that can block for long, or
 * logging; the partition lock, which is held over pwrite, is the exception.
 */
#ifndef LEAT_CORE_BASE_LOCK_H
#define LEAT_CORE_BASE_LOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Lower is taken first. */
enum lock_rank {
	RANK_CONFIG,
	RANK_HERDER,
	RANK_TASK,
	RANK_OFFSETS,
	RANK_BUS,
	RANK_BROKER_FILES,	/* the catalogue, held over its syncs */
	RANK_BROKER,		/* the topic table */
	RANK_TXN,
	RANK_GROUPS,
	RANK_PARTITION,
	RANK_FLUSHER,
	RANK_WAITERS,
	RANK_QUEUE,
	RANK_METRICS,
	RANK_LOG,
	RANK_LEAF		/* taken last; two of these never nest */
};

struct lock {
	pthread_mutex_t mutex;
	enum lock_rank rank;
	int32_t owner;		/* thread id while held, else 0 */
};

struct cond {
	pthread_cond_t cond;	/* on CLOCK_MONOTONIC */
};

void lock_init(struct lock *l, enum lock_rank rank);
void lock_fini(struct lock *l);
void lock_acquire(struct lock *l);
void lock_release(struct lock *l);
/* Aborts unless the calling thread holds the lock. */
void lock_assert_held(const struct lock *l);

void cond_init(struct cond *c);
void cond_fini(struct cond *c);
void cond_signal(struct cond *c);
void cond_broadcast(struct cond *c);
void cond_wait(struct cond *c, struct lock *l);
/* false when the deadline (clock.h, monotonic ns) passed; -1 is for ever. */
bool cond_wait_until(struct cond *c, struct lock *l, int64_t deadline_ns);

#endif
