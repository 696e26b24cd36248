/* SPDX-License-Identifier: Apache-2.0 */
/*
 * budget.c: shares of one limit.
 *
 * A share is charged the larger of its minimum and what it holds; the sum of
 * the charges stays within the limit. So a share below its minimum always gets
 * memory, whatever the others hold. What could never fit is let through when
 * its share holds nothing: one record larger than the limit must not stop a
 * connector for ever.
 */
#include "core/base/budget.h"

#include "core/base/lock.h"
#include "core/base/obj.h"

struct budget {
	struct lock lock;	/* RANK_LEAF; guards all below and all shares */
	struct cond called;	/* some share's `calling` fell to 0 */
	size_t limit;
	size_t used;		/* bytes held by all shares */
	size_t charged;		/* sum of charge() over all shares */
	size_t minimums;	/* sum of all min_bytes */
	struct budget_share *shares;
};

struct budget_share {
	struct budget *budget;
	struct budget_share *next;
	size_t min_bytes;
	size_t used;
	size_t want;		/* what the waiter asked for */
	void (*fn)(void *);	/* NULL: nobody waits */
	void *arg;
	uint64_t turn;		/* waiters are called in order of asking */
	unsigned calling;	/* calls of fn under way */
};

struct budget *
budget_new(size_t limit_bytes)
{
	struct budget *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	lock_init(&b->lock, RANK_LEAF);
	cond_init(&b->called);
	b->limit = limit_bytes;
	return b;
}

void
budget_free(struct budget *b)
{
	if (b == NULL)
		return;
	assert(b->shares == NULL);
	cond_fini(&b->called);
	lock_fini(&b->lock);
	free(b);
}

struct budget_share *
budget_join(struct budget *b, size_t min_bytes)
{
	struct budget_share *s = calloc(1, sizeof(*s));
	bool fits;

	if (s == NULL)
		return NULL;
	s->budget = b;
	s->min_bytes = min_bytes;
	lock_acquire(&b->lock);
	fits = min_bytes <= b->limit - MIN(b->limit, b->minimums);
	if (fits) {
		b->minimums += min_bytes;
		b->charged += min_bytes;
		s->next = b->shares;
		b->shares = s;
	}
	lock_release(&b->lock);
	if (fits)
		return s;
	free(s);
	return NULL;
}

static size_t
charge(const struct budget_share *s, size_t used)
{
	return MAX(s->min_bytes, used);
}

static bool
fits_locked(const struct budget_share *s, size_t bytes)
{
	const struct budget *b = s->budget;
	size_t others = b->charged - charge(s, s->used);
	size_t most = b->limit - MIN(b->limit, b->minimums - s->min_bytes);
	size_t after;

	lock_assert_held(&b->lock);
	if (__builtin_add_overflow(s->used, bytes, &after))
		return false;
	if (after <= s->min_bytes || (s->used == 0 && bytes > most))
		return true;
	return others <= b->limit && after <= b->limit - others;
}

static void
hold_locked(struct budget_share *s, size_t used)
{
	struct budget *b = s->budget;

	lock_assert_held(&b->lock);
	b->charged += charge(s, used) - charge(s, s->used);
	b->used += used - s->used;
	s->used = used;
}

/* The next in turn of those whose wish may be met now. */
static struct budget_share *
next_waiter_locked(struct budget *b, uint64_t before)
{
	struct budget_share *best = NULL;

	for (struct budget_share *s = b->shares; s != NULL; s = s->next)
		if (s->fn != NULL && s->turn <= before &&
		    (best == NULL || s->turn < best->turn) &&
		    fits_locked(s, s->want))
			best = s;
	return best;
}

/* Turns given out so far, of all budgets: older is smaller. */
static uint64_t turns;

/* Calls the waiters; the lock is let go around each call. */
static void
call_waiters_locked(struct budget *b)
{
	uint64_t until = __atomic_load_n(&turns, __ATOMIC_RELAXED);
	struct budget_share *s;

	while ((s = next_waiter_locked(b, until)) != NULL) {
		void (*fn)(void *) = TAKE(s->fn);
		void *arg = s->arg;

		s->calling++;
		lock_release(&b->lock);
		fn(arg);
		lock_acquire(&b->lock);
		if (--s->calling == 0)
			cond_broadcast(&b->called);
	}
}

void
budget_leave(struct budget_share *s)
{
	struct budget_share **at;
	struct budget *b;

	if (s == NULL)
		return;
	b = s->budget;
	lock_acquire(&b->lock);
	s->fn = NULL;
	while (s->calling > 0)
		cond_wait(&b->called, &b->lock);
	hold_locked(s, 0);
	for (at = &b->shares; *at != s; at = &(*at)->next)
		;
	*at = s->next;
	b->minimums -= s->min_bytes;
	b->charged -= s->min_bytes;
	call_waiters_locked(b);
	lock_release(&b->lock);
	free(s);
}

bool
budget_take(struct budget_share *s, size_t bytes, void (*fn)(void *),
    void *arg)
{
	struct budget *b = s->budget;
	bool fits;

	lock_acquire(&b->lock);
	fits = fits_locked(s, bytes);
	s->fn = NULL;
	if (fits) {
		hold_locked(s, s->used + bytes);
	} else if (fn != NULL) {
		s->fn = fn;
		s->arg = arg;
		s->want = bytes;
		s->turn = __atomic_add_fetch(&turns, 1, __ATOMIC_RELAXED);
	}
	lock_release(&b->lock);
	return fits;
}

void
budget_give(struct budget_share *s, size_t bytes)
{
	struct budget *b = s->budget;

	lock_acquire(&b->lock);
	assert(bytes <= s->used);
	hold_locked(s, s->used - bytes);
	call_waiters_locked(b);
	lock_release(&b->lock);
}

size_t
budget_used(const struct budget *b)
{
	/* The lock is not part of what const promises. */
	struct lock *lock = (struct lock *)(uintptr_t)&b->lock;
	size_t used;

	lock_acquire(lock);
	used = b->used;
	lock_release(lock);
	return used;
}

size_t
budget_limit(const struct budget *b)
{
	return b->limit;
}
