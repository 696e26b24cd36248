/* SPDX-License-Identifier: Apache-2.0 */
#include "pg_queue.h"

#include <errno.h>
#include <string.h>

#include "pgoutput.h"

enum {
	LENGTH = sizeof(uint32_t),
	KEEP_BYTES = 4 * PG_QUEUE_BYTES	/* more is for one large frame */
};

/* A frame has 2^31 bytes at most, in front of it stand less than that. */
#define QUEUE_MAX ((size_t)UINT32_MAX + KEEP_BYTES)

/* What was delivered makes room for what comes, if that is worth the move. */
static void
close_up(struct pg_queue *q)
{
	size_t left = pg_queue_bytes(q);

	if (q->at < left)
		return;
	memmove(q->bytes.data, q->bytes.data + q->at, left);
	q->bytes.len = left;
	q->at = 0;
}

int
pg_queue_push(struct pg_queue *q, const char *frame, size_t len,
    int64_t now_ms)
{
	uint32_t n = (uint32_t)len;

	if (q->bytes.max == 0)
		leat_buf_init(&q->bytes, QUEUE_MAX);
	if (q->at > 0 && LENGTH + len > q->bytes.cap - q->bytes.len)
		close_up(q);
	if (len > INT32_MAX || leat_buf_reserve(&q->bytes, LENGTH + len) ==
	    NULL) {
		q->bytes.failed = false;
		return -ENOMEM;
	}
	(void)leat_buf_add(&q->bytes, &n, LENGTH);
	(void)leat_buf_add(&q->bytes, frame, len);
	if (q->len++ == 0)
		q->since_ms = now_ms;
	if (len > PGO_DATA_HEADER && frame[0] == PGO_FRAME_DATA) {
		if (frame[PGO_DATA_HEADER] == PGO_BEGIN)
			q->in_tx = 1;
		else if (frame[PGO_DATA_HEADER] == PGO_COMMIT)
			q->in_tx = 0;
	}
	return 0;
}

struct leat_str
pg_queue_head(const struct pg_queue *q)
{
	const uint8_t *p = q->bytes.data + q->at;
	uint32_t n;

	memcpy(&n, p, LENGTH);
	return (struct leat_str){ (const char *)p + LENGTH, n };
}

void
pg_queue_pop(struct pg_queue *q)
{
	q->at += LENGTH + pg_queue_head(q).len;
	if (--q->len > 0)
		return;
	q->at = 0;
	leat_buf_reset(&q->bytes);
	if (q->bytes.cap > KEEP_BYTES)
		leat_buf_fini(&q->bytes);
}

void
pg_queue_fini(struct pg_queue *q)
{
	leat_buf_fini(&q->bytes);
	*q = (struct pg_queue){ 0 };
}
