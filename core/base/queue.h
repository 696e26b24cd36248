/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue.h: a bounded queue of operations between threads.
 *
 * Many threads push, one takes. A full queue is the back-pressure: push fails
 * and the pusher decides. Optionally wakes the taker's poll().
 */
#ifndef LEAT_CORE_BASE_QUEUE_H
#define LEAT_CORE_BASE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/lock.h"
#include "core/base/thread.h"

struct queue_item {
	struct queue_item *next;
};

struct queue {
	struct lock lock;	/* RANK_QUEUE; guards all below */
	struct cond cond;
	struct queue_item *head;
	struct queue_item **tail;
	size_t len;
	size_t max;
	bool closed;
	struct wake *wake;	/* NULL: none */
};

void queue_init(struct queue *q, size_t max, struct wake *wake);
void queue_fini(struct queue *q);	/* must be empty */
/* 0; -EAGAIN when full, -EPIPE when closed. @thread any */
int queue_push(struct queue *q, struct queue_item *item);
/* The oldest item, or NULL. */
struct queue_item *queue_take(struct queue *q);
/* Waits; NULL at the deadline (monotonic ns, -1: none) or when closed. */
struct queue_item *queue_wait(struct queue *q, int64_t deadline_ns);
/* No more pushes; wakes the taker. */
void queue_close(struct queue *q);

#endif
