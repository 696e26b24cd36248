/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop.c: epoll, a heap of timers, and rules that make removal safe.
 *
 * A round waits, then calls the descriptors that are ready, then the timers
 * that are due. Callbacks may add and remove anything: a removed descriptor
 * stays allocated, without a function, until the round is over, since the
 * kernel may have reported it already. Timers that are due are moved out of
 * the heap first, so that one started again with no delay waits for the next
 * round.
 */
#include "core/base/loop.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "core/base/obj.h"
#include "core/base/thread.h"

enum {
	EVENTS_MAX = 64,	/* taken from the kernel at once */
	WAIT_MAX_MS = 60 * 60 * 1000,
	NOT_IN_HEAP = -1
};

struct loop_fd {
	struct loop *loop;
	struct loop_fd *prev, *next;	/* all of the loop, or the removed */
	int fd;
	int events;
	loop_fd_fn *fn;		/* NULL: removed */
	void *arg;
};

struct loop_timer {
	struct loop *loop;
	struct loop_timer *prev, *next;	/* the list of due ones */
	int64_t deadline_ns;
	uint64_t seq;		/* equal deadlines fire in order of starting */
	int32_t at;		/* in the heap, or NOT_IN_HEAP */
	bool due;
	loop_timer_fn *fn;
	void *arg;
};

struct loop {
	const struct clock *clock;
	int epoll;
	struct wake wake;
	bool stop;		/* atomic */
	bool in_round;
	struct loop_fd *fds;
	struct loop_fd *removed;
	struct loop_timer **heap;
	int32_t nheap;
	int32_t cap;
	int32_t ntimers;	/* all, started or not; cap is never less */
	uint64_t seq;
	struct loop_timer *due_head, *due_tail;
};

/* --------------------------------------------------------------- timers */

static bool
earlier(const struct loop_timer *a, const struct loop_timer *b)
{
	if (a->deadline_ns != b->deadline_ns)
		return a->deadline_ns < b->deadline_ns;
	return a->seq < b->seq;
}

static void
heap_put(struct loop *l, struct loop_timer *t, int32_t at)
{
	l->heap[at] = t;
	t->at = at;
}

static void
heap_up(struct loop *l, struct loop_timer *t, int32_t at)
{
	while (at > 0 && earlier(t, l->heap[(at - 1) / 2])) {
		heap_put(l, l->heap[(at - 1) / 2], at);
		at = (at - 1) / 2;
	}
	heap_put(l, t, at);
}

static void
heap_down(struct loop *l, struct loop_timer *t, int32_t at)
{
	for (;;) {
		int32_t kid = at * 2 + 1;

		if (kid + 1 < l->nheap && earlier(l->heap[kid + 1],
		    l->heap[kid]))
			kid++;
		if (kid >= l->nheap || !earlier(l->heap[kid], t))
			break;
		heap_put(l, l->heap[kid], at);
		at = kid;
	}
	heap_put(l, t, at);
}

static void
heap_remove(struct loop *l, struct loop_timer *t)
{
	struct loop_timer *last = l->heap[--l->nheap];
	int32_t at = t->at;

	t->at = NOT_IN_HEAP;
	if (last == t)
		return;
	if (at > 0 && earlier(last, l->heap[(at - 1) / 2]))
		heap_up(l, last, at);
	else
		heap_down(l, last, at);
}

static void
due_add(struct loop *l, struct loop_timer *t)
{
	t->due = true;
	t->next = NULL;
	t->prev = l->due_tail;
	if (l->due_tail != NULL)
		l->due_tail->next = t;
	else
		l->due_head = t;
	l->due_tail = t;
}

static void
due_remove(struct loop *l, struct loop_timer *t)
{
	t->due = false;
	if (t->prev != NULL)
		t->prev->next = t->next;
	else
		l->due_head = t->next;
	if (t->next != NULL)
		t->next->prev = t->prev;
	else
		l->due_tail = t->prev;
}

struct loop_timer *
loop_timer_new(struct loop *l, loop_timer_fn *fn, void *arg)
{
	struct loop_timer *t;

	if (l->ntimers == l->cap) {
		int32_t cap = l->cap == 0 ? 16 : l->cap * 2;
		struct loop_timer **heap;

		heap = realloc(l->heap, (size_t)cap * sizeof(*heap));
		if (heap == NULL)
			return NULL;
		l->heap = heap;
		l->cap = cap;
	}
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return NULL;
	t->loop = l;
	t->at = NOT_IN_HEAP;
	t->fn = fn;
	t->arg = arg;
	l->ntimers++;
	return t;
}

void
loop_timer_start(struct loop_timer *t, int64_t delay_ms)
{
	struct loop *l = t->loop;

	loop_timer_cancel(t);
	t->deadline_ns = clock_deadline_ns(l->clock, MAX(delay_ms, 0));
	t->seq = l->seq++;
	heap_up(l, t, l->nheap++);
}

void
loop_timer_cancel(struct loop_timer *t)
{
	if (t->at != NOT_IN_HEAP)
		heap_remove(t->loop, t);
	else if (t->due)
		due_remove(t->loop, t);
}

void
loop_timer_free(struct loop_timer *t)
{
	if (t == NULL)
		return;
	loop_timer_cancel(t);
	t->loop->ntimers--;
	free(t);
}

static void
fire_timers(struct loop *l)
{
	int64_t now = clock_mono_ns(l->clock);

	while (l->nheap > 0 && l->heap[0]->deadline_ns <= now) {
		struct loop_timer *t = l->heap[0];

		heap_remove(l, t);
		due_add(l, t);
	}
	while (l->due_head != NULL) {
		struct loop_timer *t = l->due_head;

		due_remove(l, t);
		t->fn(t->arg);
	}
}

/* ---------------------------------------------------------- descriptors */

static uint32_t
to_epoll(int events)
{
	return (events & LOOP_READ ? (uint32_t)EPOLLIN : 0) |
	    (events & LOOP_WRITE ? (uint32_t)EPOLLOUT : 0);
}

/* A peer that hung up is also ready, so that the next read or write says so. */
static int
from_epoll(uint32_t got, int wanted)
{
	int events = 0;

	if (got & (EPOLLHUP | EPOLLERR))
		return LOOP_HANGUP | (wanted & (LOOP_READ | LOOP_WRITE));
	if (got & EPOLLIN)
		events |= LOOP_READ;
	if (got & EPOLLOUT)
		events |= LOOP_WRITE;
	return events;
}

struct loop_fd *
loop_fd_add(struct loop *l, int fd, int events, loop_fd_fn *fn, void *arg,
    struct leat_err *err)
{
	struct loop_fd *f = calloc(1, sizeof(*f));
	struct epoll_event ev = { .events = to_epoll(events) };

	if (f == NULL) {
		(void)leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "watch descriptor %d: out of memory", fd);
		return NULL;
	}
	ev.data.ptr = f;
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ev) < 0) {
		(void)leat_err_errno(err, LEAT_CLS_RETRY,
		    "watch descriptor %d", fd);
		free(f);
		return NULL;
	}
	*f = (struct loop_fd){ .loop = l, .next = l->fds, .fd = fd,
	    .events = events, .fn = fn, .arg = arg };
	if (l->fds != NULL)
		l->fds->prev = f;
	l->fds = f;
	return f;
}

int
loop_fd_change(struct loop_fd *f, int events)
{
	struct epoll_event ev = { .events = to_epoll(events), .data.ptr = f };

	if (events == f->events)
		return 0;
	if (epoll_ctl(f->loop->epoll, EPOLL_CTL_MOD, f->fd, &ev) < 0)
		return -errno;
	f->events = events;
	return 0;
}

void
loop_fd_remove(struct loop_fd *f)
{
	struct loop *l;

	if (f == NULL)
		return;
	l = f->loop;
	assert(f->fn != NULL);
	/* Fails when the caller closed it first, which took it out already. */
	(void)epoll_ctl(l->epoll, EPOLL_CTL_DEL, f->fd, NULL);
	if (f->prev != NULL)
		f->prev->next = f->next;
	else
		l->fds = f->next;
	if (f->next != NULL)
		f->next->prev = f->prev;
	f->fn = NULL;
	if (!l->in_round) {
		free(f);
		return;
	}
	f->next = l->removed;
	l->removed = f;
}

static void
bury(struct loop *l)
{
	while (l->removed != NULL) {
		struct loop_fd *f = l->removed;

		l->removed = f->next;
		free(f);
	}
}

/* ----------------------------------------------------------------- loop */

struct loop *
loop_new(const struct clock *clock, struct leat_err *err)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct loop *l = calloc(1, sizeof(*l));

	if (l == NULL) {
		(void)leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "make a loop: out of memory");
		return NULL;
	}
	l->clock = clock != NULL ? clock : &clock_system;
	l->wake.fd = -1;
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0) {
		(void)leat_err_errno(err, LEAT_CLS_RETRY, "make a loop");
		goto fail;
	}
	if (wake_init(&l->wake, err) < 0)
		goto fail;
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->wake.fd, &ev) < 0) {
		(void)leat_err_errno(err, LEAT_CLS_RETRY, "make a loop");
		goto fail;
	}
	return l;
fail:
	loop_free(l);
	return NULL;
}

void
loop_free(struct loop *l)
{
	if (l == NULL)
		return;
	assert(!l->in_round);
	for (struct loop_fd *f = l->fds, *next; f != NULL; f = next) {
		next = f->next;
		free(f);
	}
	assert(l->ntimers == 0);
	if (l->epoll >= 0)
		(void)close(l->epoll);
	wake_fini(&l->wake);
	free(l->heap);
	free(l);
}

static int
wait_ms(const struct loop *l, int64_t timeout_ms)
{
	int64_t left = timeout_ms < 0 ? WAIT_MAX_MS : timeout_ms;

	if (l->nheap > 0)
		left = MIN(left,
		    clock_left_ms(l->clock, l->heap[0]->deadline_ns));
	return (int)MIN(left, WAIT_MAX_MS);
}

static void
dispatch(struct loop *l, const struct epoll_event *events, int n)
{
	for (int i = 0; i < n; i++) {
		struct loop_fd *f = events[i].data.ptr;
		int got;

		if (f == NULL) {
			wake_drain(&l->wake);
			continue;
		}
		got = f->fn == NULL ? 0 :
		    from_epoll(events[i].events, f->events);
		if (got != 0)
			f->fn(f->arg, got);
	}
}

int
loop_run_once(struct loop *l, int64_t timeout_ms, struct leat_err *err)
{
	struct epoll_event events[EVENTS_MAX];
	int n;

	n = epoll_wait(l->epoll, events, EVENTS_MAX, wait_ms(l, timeout_ms));
	if (n < 0 && errno != EINTR)
		return leat_err_errno(err, LEAT_CLS_FATAL, "epoll_wait");
	l->in_round = true;
	dispatch(l, events, MAX(n, 0));
	fire_timers(l);
	l->in_round = false;
	bury(l);
	return 0;
}

int
loop_run(struct loop *l, struct leat_err *err)
{
	int rc = 0;

	while (rc == 0 && !__atomic_exchange_n(&l->stop, false,
	    __ATOMIC_ACQUIRE))
		rc = loop_run_once(l, -1, err);
	return rc;
}

void
loop_stop(struct loop *l)
{
	__atomic_store_n(&l->stop, true, __ATOMIC_RELEASE);
	wake_up(&l->wake);
}

void
loop_wake(struct loop *l)
{
	wake_up(&l->wake);
}
