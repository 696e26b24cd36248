/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue.c: a bounded list under a lock.
 *
 * The taker is woken with the lock held, so that it may end the queue as soon
 * as it has taken the last item.
 */
#include "core/base/queue.h"

#include <errno.h>

#include "core/base/obj.h"

void
queue_init(struct queue *q, size_t max, struct wake *wake)
{
	lock_init(&q->lock, RANK_QUEUE);
	cond_init(&q->cond);
	q->head = NULL;
	q->tail = &q->head;
	q->len = 0;
	q->max = max;
	q->closed = false;
	q->wake = wake;
}

void
queue_fini(struct queue *q)
{
	assert(q->len == 0);
	cond_fini(&q->cond);
	lock_fini(&q->lock);
}

static void
wake_taker_locked(struct queue *q)
{
	lock_assert_held(&q->lock);
	cond_broadcast(&q->cond);
	if (q->wake != NULL)
		wake_up(q->wake);
}

static struct queue_item *
take_locked(struct queue *q)
{
	struct queue_item *item = q->head;

	lock_assert_held(&q->lock);
	if (item == NULL)
		return NULL;
	q->head = item->next;
	if (q->head == NULL)
		q->tail = &q->head;
	q->len--;
	item->next = NULL;
	return item;
}

int
queue_push(struct queue *q, struct queue_item *item)
{
	int rc = 0;

	lock_acquire(&q->lock);
	if (q->closed) {
		rc = -EPIPE;
	} else if (q->len >= q->max) {
		rc = -EAGAIN;
	} else {
		item->next = NULL;
		*q->tail = item;
		q->tail = &item->next;
		q->len++;
		wake_taker_locked(q);
	}
	lock_release(&q->lock);
	return rc;
}

struct queue_item *
queue_take(struct queue *q)
{
	struct queue_item *item;

	lock_acquire(&q->lock);
	item = take_locked(q);
	lock_release(&q->lock);
	return item;
}

struct queue_item *
queue_wait(struct queue *q, int64_t deadline_ns)
{
	struct queue_item *item;

	lock_acquire(&q->lock);
	while (q->head == NULL && !q->closed &&
	    cond_wait_until(&q->cond, &q->lock, deadline_ns))
		;
	item = take_locked(q);
	lock_release(&q->lock);
	return item;
}

void
queue_close(struct queue *q)
{
	lock_acquire(&q->lock);
	q->closed = true;
	wake_taker_locked(q);
	lock_release(&q->lock);
}
