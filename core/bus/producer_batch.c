/* SPDX-License-Identifier: Apache-2.0 */
/*
 * producer_batch.c: messages into batches, batches into partitions.
 */
#include "core/bus/producer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/obj.h"

enum { RECORD_OVERHEAD = 24 };	/* varints around a message, about */

_Static_assert(sizeof(struct bus_header) == sizeof(struct record_header) &&
    offsetof(struct bus_header, value) ==
    offsetof(struct record_header, value), "headers pass without a copy");

/* -------------------------------------------------------------- batches */

static struct batch_builder *
builder_take(struct bus_producer *p)
{
	if (p->npool > 0)
		return p->pool[--p->npool];
	return batch_builder_new(p->codec, 0, p->o.message_bytes);
}

static void
builder_give(struct bus_producer *p, struct batch_builder *b)
{
	/* One that held a very large record gives its memory back. */
	if (p->npool < PRODUCER_POOL_MAX &&
	    batch_builder_held(b) <= 4 * p->o.batch_bytes) {
		batch_builder_reset(b);
		p->pool[p->npool++] = b;
	} else
		batch_builder_free(b);
}

static void
touch(struct bus_producer *p, struct target *t, int64_t end)
{
	t->end = end;
	if (!t->touched) {
		t->touched = true;
		t->next_touched = p->touched;
		p->touched = t;
	}
}

static int
append(struct bus_producer *p, struct target *t, struct batch_builder *b,
    struct leat_err *err)
{
	static const struct batch_identity nobody = { -1, -1, -1, false };
	struct broker_appended at;
	uint8_t *data;
	size_t len;
	int rc = t->part == NULL ? producer_topics_make(p, err) : 0;

	if (rc < 0)
		;
	else if (p->txn != NULL)
		rc = broker_txn_append(p->txn, t->part, b, &at, err);
	else {
		rc = batch_builder_finish(b, &nobody, &data, &len, err);
		if (rc == 0)
			rc = broker_append(t->part, data, len, &at, err);
	}
	if (rc < 0) {
		p->broken = true;
		return leat_err_wrap(err, "append to '%s-%d'", t->topic->name,
		    (int)t->index);
	}
	touch(p, t, at.last_offset + 1);
	return 0;
}

/* Takes the builder out of the target, which leaves the list of open ones. */
static void
target_unopen(struct bus_producer *p, struct target *t)
{
	struct target **at = &p->open;

	while (*at != t)
		at = &(*at)->next_open;
	*at = t->next_open;
	t->next_open = NULL;
}

/* Closes the target's batch: into the log, or in line for it. */
static int
target_close_batch(struct bus_producer *p, struct target *t,
    struct leat_err *err)
{
	struct closed *c;
	int rc;

	if (producer_blocked(p)) {
		c = calloc(1, sizeof(*c));
		if (c == NULL)
			return producer_no_memory(err);
		c->target = t;
		c->builder = TAKE(t->builder);
		c->bytes = t->bytes;
		*p->closed_tail = c;
		p->closed_tail = &c->next;
		rc = 0;
	} else {
		rc = append(p, t, t->builder, err);
		builder_give(p, TAKE(t->builder));
		p->bytes -= t->bytes;
	}
	t->bytes = 0;
	target_unopen(p, t);
	if (t->topic->sticky == t->index)
		t->topic->sticky = (t->index + 1) % t->topic->n;
	return rc;
}

int
producer_write_closed(struct bus_producer *p, struct leat_err *err)
{
	struct closed *c;
	int rc = 0;

	while (rc == 0 && (c = p->closed) != NULL) {
		rc = append(p, c->target, c->builder, err);
		p->closed = c->next;
		p->bytes -= c->bytes;
		builder_give(p, c->builder);
		free(c);
	}
	if (p->closed == NULL)
		p->closed_tail = &p->closed;
	return rc;
}

int
producer_write_all(struct bus_producer *p, struct leat_err *err)
{
	if (producer_write_closed(p, err) < 0)
		return err->code;
	while (p->open != NULL) {
		if (target_close_batch(p, p->open, err) < 0)
			return err->code;
	}
	return 0;
}

static int
target_add(struct bus_producer *p, struct target *t, const struct record *rec,
    struct leat_err *err)
{
	int rc;

	if (t->builder == NULL) {
		t->builder = builder_take(p);
		if (t->builder == NULL)
			return producer_no_memory(err);
		t->next_open = p->open;
		p->open = t;
	}
	rc = batch_builder_add(t->builder, rec, err);
	if (rc != LEAT_E_LIMIT || batch_builder_count(t->builder) == 0)
		return rc;
	leat_err_clear(err);
	if (target_close_batch(p, t, err) < 0)
		return err->code;
	return target_add(p, t, rec, err);
}

static size_t
message_bytes(const struct bus_message *m)
{
	size_t n = m->key.len + m->value.len + RECORD_OVERHEAD;
	uint32_t i;

	for (i = 0; i < m->nheaders; i++)
		n += m->headers[i].name.len + m->headers[i].value.len + 8;
	return n;
}

int
producer_produce(struct bus_producer *p, const struct bus_message *m,
    struct leat_err *err)
{
	struct record rec;
	struct target *t;
	size_t size;
	int rc;

	t = producer_target_of(p, m, err);
	if (t == NULL)
		return err->code;
	size = message_bytes(m);
	rec.offset = 0;
	rec.timestamp_ms = m->timestamp_ms >= 0 ? m->timestamp_ms :
	    clock_wall_ms(&clock_system);
	rec.key = m->key;
	rec.value = m->value;
	rec.headers = (const struct record_header *)(const void *)m->headers;
	rec.nheaders = m->nheaders;
	rc = target_add(p, t, &rec, err);
	if (rc == LEAT_E_LIMIT)
		(void)leat_err_set(err, LEAT_CLS_RECORD, rc, "a record of %zu "
		    "bytes for topic '%s' is larger than max.request.size "
		    "(%zu): raise it, or make the record smaller; "
		    "errors.tolerance=all leaves such records out", size,
		    m->topic, p->o.message_bytes);
	if (rc < 0) {
		/* An empty builder is no open batch. */
		if (t->builder != NULL &&
		    batch_builder_count(t->builder) == 0) {
			target_unopen(p, t);
			builder_give(p, TAKE(t->builder));
		}
		return rc;
	}
	t->bytes += size;
	p->bytes += size;
	if (t->bytes >= p->o.batch_bytes)
		return target_close_batch(p, t, err);
	return 0;
}

int
producer_broken(struct leat_err *err)
{
	return leat_err_set(err, LEAT_CLS_RETRY, LEAT_E_STATE,
	    "the producer failed before");
}

int
bus_produce(struct bus_producer *p, const struct bus_message *m,
    struct leat_err *err)
{
	OBJ_CHECK(p, BUS_PRODUCER_MAGIC);
	if (p->broken)
		return producer_broken(err);
	if (p->bytes > 0 && p->bytes + message_bytes(m) > p->o.buffer_bytes) {
		if (producer_blocked(p))
			return -EAGAIN;
		if (producer_write_all(p, err) < 0)
			return err->code;
	}
	return producer_produce(p, m, err);
}

int
bus_flush(struct bus_producer *p, struct leat_err *err)
{
	OBJ_CHECK(p, BUS_PRODUCER_MAGIC);
	if (p->broken)
		return producer_broken(err);
	if (producer_blocked(p))
		return -EAGAIN;
	if (producer_write_all(p, err) < 0)
		return err->code;
	while (p->npool > 0)
		batch_builder_free(p->pool[--p->npool]);
	return 0;
}
