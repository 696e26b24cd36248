/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_batch.c: see source_batch.h. No memory is taken per record:
 * chunks and the array of records stay from poll to poll.
 */
#include "core/worker/source_batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/obj.h"
#include "core/worker/task.h"

enum { OFFSET_MAX = 1024 * 1024 };

static struct batch *
batch_of(struct leat_batch *pub)
{
	return (struct batch *)(void *)pub;
}

int
batch_init(struct batch *b, struct leat_task *t, uint32_t max_records,
    size_t max_bytes)
{
	memset(b, 0, sizeof(*b));
	b->pub.task = t;
	b->max_records = max_records;
	b->max_bytes = max_bytes;
	b->max_piece = max_bytes * 64;
	leat_map_init(&b->by_name);
	b->cap = MIN(max_records, (uint32_t)BATCH_RECORDS_MIN);
	b->records = malloc(b->cap * sizeof(*b->records));
	if (b->records == NULL)
		return -ENOMEM;
	b->held = b->cap * sizeof(*b->records);
	return 0;
}

static void
chunk_free(struct batch *b, struct batch_chunk *c)
{
	b->held -= c->size;
	free(c);
}

static void
position_free(struct batch_position *p)
{
	leat_buf_fini(&p->polled);
	leat_buf_fini(&p->ready);
	leat_buf_fini(&p->flying);
	free(p->partition);
	free(p);
}

void
batch_fini(struct batch *b)
{
	struct batch_position *p;

	batch_reset(b);
	batch_trim(b);
	while ((p = b->positions) != NULL) {
		b->positions = p->next;
		position_free(p);
	}
	leat_map_fini(&b->by_name);
	free(b->records);
	memset(b, 0, sizeof(*b));
}

void
batch_reset(struct batch *b)
{
	struct batch_position *p;
	struct batch_chunk *c;

	while ((c = b->chunks) != NULL) {
		b->chunks = c->next;
		if (c->size == BATCH_CHUNK && b->nfree < BATCH_KEEP) {
			c->next = b->free;
			b->free = c;
			b->nfree++;
		} else
			chunk_free(b, c);
	}
	while ((p = b->polled) != NULL) {
		b->polled = p->next_polled;
		p->is_polled = false;
	}
	b->pub.cur = b->pub.end = NULL;
	b->pub.nrecords = 0;
	b->pub.full = 0;
	b->prefix = 0;
	b->failed = false;
}

void
batch_trim(struct batch *b)
{
	struct batch_chunk *c;

	while ((c = b->free) != NULL) {
		b->free = c->next;
		chunk_free(b, c);
	}
	b->nfree = 0;
}

static struct batch_chunk *
chunk_new(struct batch *b, size_t size)
{
	struct batch_chunk *c = b->free;

	if (size == BATCH_CHUNK && c != NULL) {
		b->free = c->next;
		b->nfree--;
		return c;
	}
	if (!task_charge(b->pub.task, b->overhead + b->held + size))
		return NULL;
	c = aligned_alloc(16, sizeof(*c) + size);
	if (c == NULL)
		return NULL;
	c->size = size;
	b->held += size;
	return c;
}

uint8_t *
batch_grow(struct leat_batch *pub, uint64_t size)
{
	struct batch *b = batch_of(pub);
	struct batch_chunk *c;
	uint64_t need;

	if (size > b->max_piece || size > SIZE_MAX / 2)
		return NULL;
	need = (size + 15) & ~(uint64_t)15;
	c = chunk_new(b, MAX((size_t)need, (size_t)BATCH_CHUNK));
	if (c == NULL) {
		pub->full = 1;
		return NULL;
	}
	if (b->held + BATCH_CHUNK > b->max_bytes)
		pub->full = 1;
	c->next = b->chunks;
	b->chunks = c;
	/* A large piece has a chunk of its own. */
	pub->cur = c->data + need;
	pub->end = c->data + c->size;
	return c->data;
}

static int
records_grow(struct batch *b)
{
	uint32_t cap = b->cap * 2 < b->max_records ? b->cap * 2 :
	    b->max_records;
	struct leat_record *more;
	size_t add = (cap - b->cap) * sizeof(*more);

	if (cap == b->cap ||
	    !task_charge(b->pub.task, b->overhead + b->held + add))
		return -ENOMEM;
	more = realloc(b->records, cap * sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	b->records = more;
	b->cap = cap;
	b->held += add;
	return 0;
}

int32_t
batch_add(struct leat_batch *pub, const struct leat_record *rec)
{
	struct batch *b = batch_of(pub);

	if (pub->nrecords == b->cap && records_grow(b) < 0) {
		pub->full = 1;
		return -ENOMEM;
	}
	b->records[pub->nrecords++] = *rec;
	if (pub->nrecords >= b->max_records)
		pub->full = 1;
	return 0;
}

static struct batch_position *
position_new(struct batch *b, const char *partition)
{
	struct batch_position *p;

	if (b->by_name.len >= BATCH_POSITIONS_MAX)
		return NULL;
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return NULL;
	leat_buf_init(&p->polled, OFFSET_MAX);
	leat_buf_init(&p->ready, OFFSET_MAX);
	leat_buf_init(&p->flying, OFFSET_MAX);
	p->partition = strdup(partition);
	if (p->partition == NULL ||
	    leat_map_set(&b->by_name, leat_str_c(partition), p, NULL) < 0) {
		position_free(p);
		return NULL;
	}
	p->next = b->positions;
	b->positions = p;
	return p;
}

int32_t
batch_position(struct leat_batch *pub, const struct leat_position *pos)
{
	struct batch *b = batch_of(pub);
	struct batch_position *p = b->last;

	if (p == NULL || strcmp(p->partition, pos->partition) != 0) {
		p = leat_map_get_c(&b->by_name, pos->partition);
		if (p == NULL)
			p = position_new(b, pos->partition);
		b->last = p;
	}
	if (p == NULL)
		goto fail;
	leat_buf_reset(&p->polled);
	if (leat_buf_add(&p->polled, pos->offset, strlen(pos->offset)) < 0 ||
	    leat_buf_cstr(&p->polled) == NULL)
		goto fail;
	if (!p->is_polled) {
		p->is_polled = true;
		p->next_polled = b->polled;
		b->polled = p;
	}
	b->prefix = pub->nrecords;
	return 0;
fail:
	b->failed = true;
	return -ENOMEM;
}

bool
batch_positions_ready(struct batch *b)
{
	struct batch_position *p;
	struct leat_buf tmp;
	bool any = b->polled != NULL;

	while ((p = b->polled) != NULL) {
		b->polled = p->next_polled;
		tmp = p->ready;
		p->ready = p->polled;
		p->polled = tmp;
		p->is_polled = false;
		p->is_ready = true;
	}
	return any;
}
