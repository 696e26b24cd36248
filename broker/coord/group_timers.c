/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time-outs: a heap of timers by their time, and the thread that waits for the
 * first of them.
 *
 * A heartbeat moves its member's time-out further away, thousands of times a
 * second. So moving away only notes the new time; the timer keeps its place,
 * and when that comes up it goes where it belongs. The heap has room for all
 * timers that exist (group_timer_init sees to it), so setting one cannot fail.
 */
#include "broker/coord/consumer_group.h"

#include <errno.h>
#include <stdlib.h>

enum { HEAP_FIRST = 64, IDLE_MS = 60000 };

static void
put(struct groups *gs, size_t i, struct group_timer *t)
{
	gs->heap[i] = t;
	t->pos = i + 1;
}

static void
sift_up(struct groups *gs, size_t i)
{
	struct group_timer *t = gs->heap[i];

	while (i > 0 && gs->heap[(i - 1) / 2]->at_ns > t->at_ns) {
		put(gs, i, gs->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	put(gs, i, t);
}

static void
sift_down(struct groups *gs, size_t i)
{
	struct group_timer *t = gs->heap[i];

	for (;;) {
		size_t k = 2 * i + 1;

		if (k >= gs->nheap)
			break;
		if (k + 1 < gs->nheap &&
		    gs->heap[k + 1]->at_ns < gs->heap[k]->at_ns)
			k++;
		if (gs->heap[k]->at_ns >= t->at_ns)
			break;
		put(gs, i, gs->heap[k]);
		i = k;
	}
	put(gs, i, t);
}

int
group_timer_init(struct groups *gs, struct group_timer *t,
    void (*fn)(struct groups *gs, void *owner), void *owner)
{
	if (gs->ntimers == gs->cap_heap) {
		size_t cap = MAX(gs->cap_heap * 2, (size_t)HEAP_FIRST);
		struct group_timer **heap = realloc(gs->heap,
		    cap * sizeof(struct group_timer *));

		if (heap == NULL)
			return -ENOMEM;
		gs->heap = heap;
		gs->cap_heap = cap;
	}
	gs->ntimers++;
	*t = (struct group_timer){ .fn = fn, .owner = owner };
	return 0;
}

void
group_timer_fini(struct groups *gs, struct group_timer *t)
{
	if (t->fn == NULL)
		return;
	group_timer_stop(gs, t);
	gs->ntimers--;
	t->fn = NULL;
}

void
group_timer_stop(struct groups *gs, struct group_timer *t)
{
	struct group_timer *last;
	size_t i = t->pos;

	if (i-- == 0)
		return;
	t->pos = 0;
	last = gs->heap[--gs->nheap];
	if (last == t)
		return;
	put(gs, i, last);
	sift_up(gs, i);
	sift_down(gs, last->pos - 1);
}

void
group_timer_set(struct groups *gs, struct group_timer *t, int64_t in_ms)
{
	int64_t at = clock_deadline_ns(gs->b->env.clock, in_ms);

	t->want_ns = at;
	if (t->pos > 0 && t->at_ns <= at)
		return;
	group_timer_stop(gs, t);
	t->at_ns = at;
	gs->heap[gs->nheap] = t;
	sift_up(gs, gs->nheap++);
	if (t->pos == 1)
		cond_signal(&gs->cond);
}

/* Runs what is due; the time until the next one. */
static int64_t
run_due(struct groups *gs)
{
	const struct clock *clock = gs->b->env.clock;
	int64_t now = clock_mono_ns(clock);

	while (gs->nheap > 0 && gs->heap[0]->at_ns <= now) {
		struct group_timer *t = gs->heap[0];

		if (t->want_ns > now) {
			t->at_ns = t->want_ns;
			sift_down(gs, 0);
			continue;
		}
		group_timer_stop(gs, t);
		t->fn(gs, t->owner);
	}
	return gs->nheap == 0 ? IDLE_MS : MIN((int64_t)IDLE_MS,
	    clock_left_ms(clock, gs->heap[0]->at_ns));
}

void
groups_tick(struct groups *gs)
{
	groups_lock(gs);
	(void)run_due(gs);
	groups_unlock(gs);
}

static void *
run(void *arg)
{
	struct groups *gs = arg;

	groups_lock(gs);
	while (!gs->stop) {
		int64_t left = run_due(gs);

		if (gs->answers != NULL || gs->notes != NULL) {
			groups_unlock(gs);
			groups_lock(gs);
			continue;
		}
		(void)cond_wait_until(&gs->cond, &gs->lock,
		    clock_deadline_ns(&clock_system, left));
	}
	groups_unlock(gs);
	return NULL;
}

int
groups_start(struct groups *gs, struct leat_err *err)
{
	if (topic_view_refresh(gs) < 0)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for groups");
	return thread_start(&gs->thread, "leat-groups", run, gs, err);
}

void
groups_stop(struct groups *gs)
{
	if (gs == NULL || !gs->thread.running)
		return;
	groups_lock(gs);
	gs->stop = true;
	cond_signal(&gs->cond);
	groups_unlock(gs);
	thread_join(&gs->thread);
}
