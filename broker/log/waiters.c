/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiters: readers that have reached the end and are to be woken.
 *
 * A waiter is unlinked before its fn is called, and from then on may be gone
 * at any moment; so who is being called stands in a list of `struct firing` on
 * the stacks of the calling threads, where a cancel looks for it.
 */
#include <stddef.h>

#include "broker/log/partition.h"
#include "core/base/obj.h"

struct firing {
	const struct broker_waiter *w;
	struct firing *next;
};

void
waiters_init(struct broker_partition *p)
{
	lock_init(&p->waiters_lock, RANK_WAITERS);
	cond_init(&p->waiters_cond);
}

void
waiters_fini(struct broker_partition *p)
{
	assert(p->waiters == NULL && p->firing == NULL);
	lock_fini(&p->waiters_lock);
	cond_fini(&p->waiters_cond);
}

static bool
satisfied(const struct broker_partition *p, const struct broker_waiter *w)
{
	int64_t end = offset_load(w->isolation == READ_COMMITTED ?
	    &p->stable : &p->written);

	return end > w->offset ||
	    __atomic_load_n(&p->state, __ATOMIC_SEQ_CST) == PART_DELETED;
}

static void
unlink_waiter(struct broker_partition *p, struct broker_waiter *w)
{
	*w->prev = w->next;
	if (w->next != NULL)
		w->next->prev = w->prev;
	w->prev = NULL;
	__atomic_sub_fetch(&p->nwaiters, 1, __ATOMIC_SEQ_CST);
}

/* Unlinks and calls one; the lock is held and dropped meanwhile. */
static void
fire(struct broker_partition *p, struct broker_waiter *w)
{
	struct firing f = { w, p->firing }, **at;
	void (*fn)(void *) = w->fn;
	void *arg = w->arg;

	unlink_waiter(p, w);
	p->firing = &f;
	lock_release(&p->waiters_lock);
	fn(arg);
	lock_acquire(&p->waiters_lock);
	for (at = &p->firing; *at != &f; at = &(*at)->next)
		;
	*at = f.next;
	cond_broadcast(&p->waiters_cond);
}

void
waiters_wake(struct broker_partition *p)
{
	struct broker_waiter *w;

	if (__atomic_load_n(&p->nwaiters, __ATOMIC_SEQ_CST) == 0)
		return;
	lock_acquire(&p->waiters_lock);
	do {
		for (w = p->waiters; w != NULL; w = w->next)
			if (satisfied(p, w))
				break;
		if (w != NULL)
			fire(p, w);
	} while (w != NULL);
	lock_release(&p->waiters_lock);
}

void
broker_wait(struct broker_waiter *w, struct broker_partition *p,
    int64_t offset, enum broker_isolation isolation)
{
	OBJ_CHECK(p, PARTITION_MAGIC);
	w->part = p;
	w->offset = offset;
	w->isolation = isolation;
	lock_acquire(&p->waiters_lock);
	w->next = p->waiters;
	w->prev = &p->waiters;
	if (w->next != NULL)
		w->next->prev = &w->next;
	p->waiters = w;
	__atomic_add_fetch(&p->nwaiters, 1, __ATOMIC_SEQ_CST);
	/* An append that did not see us has stored its offset before this. */
	if (satisfied(p, w))
		fire(p, w);
	lock_release(&p->waiters_lock);
}

void
broker_wait_cancel(struct broker_waiter *w)
{
	struct broker_partition *p = w->part;
	const struct firing *f;

	if (p == NULL)
		return;
	lock_acquire(&p->waiters_lock);
	if (w->prev != NULL) {
		unlink_waiter(p, w);
	} else {
		do {
			for (f = p->firing; f != NULL && f->w != w;
			    f = f->next)
				;
			if (f != NULL)
				cond_wait(&p->waiters_cond, &p->waiters_lock);
		} while (f != NULL);
	}
	lock_release(&p->waiters_lock);
}
