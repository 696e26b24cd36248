/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lock.c: ranked mutexes and monotonic condition variables.
 *
 * Ranks of held locks rise strictly, so what a thread holds is a set with one
 * bit per rank. Checking it costs a few instructions, so it is always on.
 */
#include "core/base/lock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "core/base/obj.h"

static _Thread_local uint32_t held_ranks;
static _Thread_local int32_t own_tid;

_Static_assert(RANK_LEAF < 32, "one bit per rank");

static int32_t
self(void)
{
	if (own_tid == 0)
		own_tid = (int32_t)gettid();
	return own_tid;
}

static void __attribute__((noreturn))
broken(const char *what, const struct lock *l)
{
	dprintf(2, "leat: lock of rank %d: %s (thread %d holds ranks %#x)\n",
	    (int)l->rank, what, self(), held_ranks);
	abort();
}

static void
check(int rc, const char *what, const struct lock *l)
{
	if (rc != 0)
		broken(what, l);
}

static void
took(struct lock *l)
{
	held_ranks |= 1u << l->rank;
	__atomic_store_n(&l->owner, self(), __ATOMIC_RELAXED);
}

static void
drop(struct lock *l)
{
	lock_assert_held(l);
	__atomic_store_n(&l->owner, 0, __ATOMIC_RELAXED);
	held_ranks &= ~(1u << l->rank);
}

void
lock_init(struct lock *l, enum lock_rank rank)
{
	l->rank = rank;
	l->owner = 0;
	check(pthread_mutex_init(&l->mutex, NULL), "cannot be made", l);
}

void
lock_fini(struct lock *l)
{
	check(pthread_mutex_destroy(&l->mutex), "destroyed while held", l);
}

void
lock_acquire(struct lock *l)
{
	if (held_ranks >> l->rank != 0)
		broken("taken out of order", l);
	check(pthread_mutex_lock(&l->mutex), "cannot be taken", l);
	took(l);
}

void
lock_release(struct lock *l)
{
	drop(l);
	check(pthread_mutex_unlock(&l->mutex), "cannot be released", l);
}

void
lock_assert_held(const struct lock *l)
{
	if (__atomic_load_n(&l->owner, __ATOMIC_RELAXED) != self())
		broken("not held by this thread", l);
}

void
cond_init(struct cond *c)
{
	pthread_condattr_t attr;
	int rc;

	rc = pthread_condattr_init(&attr);
	assert(rc == 0);
	rc = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	assert(rc == 0);
	rc = pthread_cond_init(&c->cond, &attr);
	assert(rc == 0);
	(void)pthread_condattr_destroy(&attr);
}

void
cond_fini(struct cond *c)
{
	(void)pthread_cond_destroy(&c->cond);
}

void
cond_signal(struct cond *c)
{
	(void)pthread_cond_signal(&c->cond);
}

void
cond_broadcast(struct cond *c)
{
	(void)pthread_cond_broadcast(&c->cond);
}

/* A lock taken again after the wait must again be the last one taken. */
static void
drop_for_wait(struct lock *l)
{
	drop(l);
	if (held_ranks >> l->rank != 0)
		broken("waited with, under a higher lock", l);
}

void
cond_wait(struct cond *c, struct lock *l)
{
	drop_for_wait(l);
	check(pthread_cond_wait(&c->cond, &l->mutex), "cannot wait", l);
	took(l);
}

bool
cond_wait_until(struct cond *c, struct lock *l, int64_t deadline_ns)
{
	struct timespec ts;
	int rc;

	if (deadline_ns < 0) {
		cond_wait(c, l);
		return true;
	}
	ts.tv_sec = (time_t)(deadline_ns / 1000000000);
	ts.tv_nsec = (long)(deadline_ns % 1000000000);
	drop_for_wait(l);
	rc = pthread_cond_timedwait(&c->cond, &l->mutex, &ts);
	took(l);
	if (rc != 0 && rc != ETIMEDOUT)
		broken("cannot wait", l);
	return rc == 0;
}
