/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thread.c: starting and joining threads, and the eventfd that wakes them.
 *
 * The end of a thread is told through a lock and a condition of our own, so
 * that a join may have a deadline on the monotonic clock.
 */
#include "core/base/thread.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/lock.h"
#include "core/base/obj.h"

/* Touched pages count, not reserved ones: room for libpq, TLS and curl. */
enum { STACK_BYTES = 1024 * 1024, NAME_MAX_LEN = 15 };

struct thread_state {
	struct lock lock;	/* RANK_LEAF; guards done, detached */
	struct cond cond;
	bool done;
	bool detached;		/* the thread frees this */
	char name[NAME_MAX_LEN + 1];
	void *(*fn)(void *);
	void *arg;
};

static void
state_free(struct thread_state *st)
{
	cond_fini(&st->cond);
	lock_fini(&st->lock);
	free(st);
}

static void *
thread_main(void *arg)
{
	struct thread_state *st = arg;
	void *result;
	bool detached;

	(void)pthread_setname_np(pthread_self(), st->name);
	result = st->fn(st->arg);
	lock_acquire(&st->lock);
	st->done = true;
	detached = st->detached;
	cond_signal(&st->cond);
	lock_release(&st->lock);
	if (detached)
		state_free(st);
	return result;
}

static struct thread_state *
state_new(const char *name, void *(*fn)(void *), void *arg)
{
	struct thread_state *st = calloc(1, sizeof(*st));

	if (st == NULL)
		return NULL;
	lock_init(&st->lock, RANK_LEAF);
	cond_init(&st->cond);
	(void)snprintf(st->name, sizeof(st->name), "%s", name);
	st->fn = fn;
	st->arg = arg;
	return st;
}

/* All but those that the thread's own mistakes raise. */
static void
signals_to_block(sigset_t *set)
{
	static const int own[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT,
	    SIGTRAP, SIGSYS };

	(void)sigfillset(set);
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		(void)sigdelset(set, own[i]);
}

static int
create(pthread_t *ret_id, struct thread_state *st)
{
	pthread_attr_t attr;
	sigset_t block, old;
	int rc;

	signals_to_block(&block);
	rc = pthread_attr_init(&attr);
	if (rc != 0)
		return rc;
	(void)pthread_attr_setstacksize(&attr, STACK_BYTES);
	(void)pthread_sigmask(SIG_BLOCK, &block, &old);
	rc = pthread_create(ret_id, &attr, thread_main, st);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	(void)pthread_attr_destroy(&attr);
	return rc;
}

int
thread_start(struct thread *t, const char *name, void *(*fn)(void *),
    void *arg, struct leat_err *err)
{
	struct thread_state *st = state_new(name, fn, arg);
	int rc;

	t->running = false;
	t->state = NULL;
	if (st == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "start thread '%s': out of memory", name);
	rc = create(&t->id, st);
	if (rc != 0) {
		state_free(st);
		errno = rc;
		return leat_err_errno(err, LEAT_CLS_RETRY,
		    "start thread '%s'", name);
	}
	t->state = st;
	t->running = true;
	return 0;
}

void
thread_join(struct thread *t)
{
	(void)thread_join_until(t, -1);
}

bool
thread_join_until(struct thread *t, int64_t deadline_ns)
{
	struct thread_state *st = t->state;
	bool done;

	if (!t->running)
		return true;
	lock_acquire(&st->lock);
	while (!st->done &&
	    cond_wait_until(&st->cond, &st->lock, deadline_ns))
		;
	done = st->done;
	lock_release(&st->lock);
	if (!done)
		return false;
	(void)pthread_join(t->id, NULL);
	state_free(TAKE(t->state));
	t->running = false;
	return true;
}

void
thread_detach(struct thread *t)
{
	struct thread_state *st = t->state;
	bool done;

	if (!t->running)
		return;
	lock_acquire(&st->lock);
	done = st->done;
	if (!done) {
		st->detached = true;
		(void)pthread_detach(t->id);
		t->state = NULL;
		t->running = false;
	}
	lock_release(&st->lock);
	if (done)
		thread_join(t);
}

int
wake_init(struct wake *w, struct leat_err *err)
{
	w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->fd < 0)
		return leat_err_errno(err, LEAT_CLS_RETRY, "make an eventfd");
	return 0;
}

void
wake_fini(struct wake *w)
{
	if (w->fd >= 0)
		(void)close(w->fd);
	w->fd = -1;
}

void
wake_up(struct wake *w)
{
	static const uint64_t one = 1;
	int saved = errno;

	/* EAGAIN says that a wake is pending already. */
	while (write(w->fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	errno = saved;
}

void
wake_drain(struct wake *w)
{
	uint64_t n;

	while (read(w->fd, &n, sizeof(n)) < 0 && errno == EINTR)
		;
}
