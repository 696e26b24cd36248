/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_queue.h: frames that were received and not yet delivered.
 *
 * The server sends each message by itself, so that a stream under way is read
 * in tiny pieces; frames are gathered here until a transaction ends or enough
 * came together, and a batch is made of them then. They lie one behind the
 * other in one piece of memory, which is used again once all are delivered.
 */
#ifndef LEAT_PG_QUEUE_H
#define LEAT_PG_QUEUE_H

#include <stdint.h>

#include <leat/buf.h>
#include <leat/str.h>

enum {
	PG_QUEUE_FRAMES = 8192,
	PG_QUEUE_BYTES = 1 << 20
};

/* Zeroed, it is empty. */
struct pg_queue {
	struct leat_buf bytes;	/* each frame behind its length */
	size_t at;		/* the next to deliver */
	uint32_t len;		/* frames */
	int in_tx;		/* a transaction is open at the end */
	int64_t since_ms;	/* when the first of them came */
};

/* Takes a copy of a frame. 0 or -ENOMEM. */
int pg_queue_push(struct pg_queue *q, const char *frame, size_t len,
    int64_t now_ms);

/* The next frame, until the queue is touched; there is one. */
struct leat_str pg_queue_head(const struct pg_queue *q);
void pg_queue_pop(struct pg_queue *q);

/* Forgets all frames, and gives the memory back. */
void pg_queue_fini(struct pg_queue *q);

/* Bytes of the frames that are in it. */
static inline size_t
pg_queue_bytes(const struct pg_queue *q)
{
	return q->bytes.len - q->at;
}

static inline int
pg_queue_full(const struct pg_queue *q)
{
	return q->len >= PG_QUEUE_FRAMES ||
	    pg_queue_bytes(q) >= PG_QUEUE_BYTES;
}

#endif
