/* SPDX-License-Identifier: Apache-2.0 */
/*
 * producer_commit.c: source offsets, and the flight of a commit (producer.h).
 */
#include "core/bus/producer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/obj.h"

/* -------------------------------------------------------------- offsets */

void
producer_slot_free(struct slot *s)
{
	free(s->partition);
	free(s->key);
	free(s->offset);
	free(s->flying);
	free(s);
}

static struct slot *
slot_new(struct bus_producer *p, const char *partition, struct leat_err *err)
{
	struct slot *s = calloc(1, sizeof(*s));
	struct leat_buf key;

	leat_buf_init(&key, BUS_JSON_MAX);
	if (s == NULL || (s->partition = strdup(partition)) == NULL) {
		producer_no_memory(err);
		goto fail;
	}
	if (bus_offset_key(&key, p->connector, partition, err) < 0)
		goto fail;
	s->key = strdup((const char *)key.data);
	if (s->key == NULL) {
		producer_no_memory(err);
		goto fail;
	}
	leat_buf_fini(&key);
	s->next = p->slots;
	p->slots = s;
	return s;
fail:
	leat_buf_fini(&key);
	if (s != NULL)
		producer_slot_free(s);
	return NULL;
}

static struct slot *
slot_of(struct bus_producer *p, const char *partition, struct leat_err *err)
{
	struct slot *s = p->last_slot;

	if (s != NULL && strcmp(s->partition, partition) == 0)
		return s;
	for (s = p->slots; s != NULL; s = s->next) {
		if (strcmp(s->partition, partition) == 0)
			return p->last_slot = s;
	}
	return p->last_slot = slot_new(p, partition, err);
}

int
bus_produce_offset(struct bus_producer *p, const char *partition,
    const char *offset, struct leat_err *err)
{
	struct slot *s;
	char *copy = NULL;

	OBJ_CHECK(p, BUS_PRODUCER_MAGIC);
	if (p->broken)
		return producer_broken(err);
	s = slot_of(p, partition, err);
	if (s == NULL)
		return err->code;
	if (offset != NULL && (copy = strdup(offset)) == NULL)
		return producer_no_memory(err);
	free(s->offset);
	s->offset = copy;
	s->dirty = true;
	return 0;
}

/* Puts the offsets that moved into the batch of connect-offsets. */
static int
offsets_add(struct bus_producer *p, struct leat_err *err)
{
	struct bus_message m = { .topic = BUS_OFFSETS_TOPIC, .partition = 0,
		.timestamp_ms = -1 };
	struct slot *s;

	for (s = p->flight_slots; s != NULL; s = s->next_flight) {
		m.key = leat_str_c(s->key);
		m.value = s->flying == NULL ? (struct leat_str){ NULL, 0 } :
		    leat_str_c(s->flying);
		if (producer_produce(p, &m, err) < 0)
			return err->code;
	}
	return 0;
}

/* Marks what moves with this commit; later calls are for the next one. */
static void
offsets_depart(struct bus_producer *p)
{
	struct slot *s;

	p->flight_slots = NULL;
	for (s = p->slots; s != NULL; s = s->next) {
		if (!s->dirty)
			continue;
		free(s->flying);
		s->flying = TAKE(s->offset);
		s->dirty = false;
		s->next_flight = p->flight_slots;
		p->flight_slots = s;
	}
}

/* -------------------------------------------------------------- commits */

/*
 * One callback of a flight has come. When it was the last, the offsets that it
 * carried count as stored, the task is woken, and p may be freed as soon as the
 * lock is released. @thread of the broker
 */
static void
landed(void *arg, const struct leat_err *err)
{
	struct bus_producer *p = arg;
	enum flight next;
	bool last, good;
	struct slot *s;

	lock_acquire(&p->lock);
	if (err != NULL && p->landing.code == 0)
		p->landing = *err;
	last = --p->pending == 0;
	good = p->landing.code == 0;
	lock_release(&p->lock);
	if (!last)
		return;
	next = LANDED;
	if (p->txn == NULL && producer_flight_of(p) == FLYING)
		next = LANDED_DATA;
	if (good && next == LANDED) {
		for (s = p->flight_slots; s != NULL; s = s->next_flight)
			bus_offsets_apply(p->bus, s->key, s->flying);
	}
	lock_acquire(&p->lock);
	producer_flight_set(p, next);
	if (p->o.wake != NULL)
		wake_up(p->o.wake);
	cond_signal(&p->cond);
	lock_release(&p->lock);
}

/* Waits for the disk on everything appended since the last time. */
static void
depart_touched(struct bus_producer *p, enum flight f)
{
	struct target *t, *next;

	p->pending = 1;		/* ours, so that none of them is the last */
	p->landing = (struct leat_err)LEAT_ERR_INIT;
	producer_flight_set(p, f);
	for (t = p->touched; t != NULL; t = next) {
		next = t->next_touched;
		t->touched = false;
		t->next_touched = NULL;
		lock_acquire(&p->lock);
		p->pending++;
		lock_release(&p->lock);
		broker_when_durable(t->part, t->end, landed, p);
	}
	p->touched = NULL;
	landed(p, NULL);
}

static void
depart_txn(struct bus_producer *p)
{
	struct target *t, *next;

	for (t = p->touched; t != NULL; t = next) {
		next = t->next_touched;
		t->touched = false;
		t->next_touched = NULL;
	}
	p->touched = NULL;
	p->pending = 1;
	p->landing = (struct leat_err)LEAT_ERR_INIT;
	producer_flight_set(p, FLYING);
	broker_txn_commit(p->txn, landed, p);
}

int
bus_commit(struct bus_producer *p, uint64_t ticket, struct leat_err *err)
{
	OBJ_CHECK(p, BUS_PRODUCER_MAGIC);
	if (p->broken)
		return producer_broken(err);
	if (producer_flight_of(p) != IDLE)
		return -EAGAIN;
	if (producer_topics_refresh(p, err) < 0 ||
	    producer_write_all(p, err) < 0)
		return err->code;
	p->ticket = ticket;
	offsets_depart(p);
	if (p->txn == NULL) {
		depart_touched(p, FLYING);
		return 0;
	}
	if (offsets_add(p, err) < 0 || producer_write_all(p, err) < 0) {
		p->broken = true;
		return err->code;
	}
	depart_txn(p);
	return 0;
}

/* The data is durable: now the offsets may be. */
static int
second_step(struct bus_producer *p, struct leat_err *err)
{
	if (offsets_add(p, err) < 0 || producer_write_all(p, err) < 0) {
		p->broken = true;
		producer_flight_set(p, IDLE);
		return err->code;
	}
	depart_touched(p, FLYING_OFFSETS);
	return 0;
}

int
bus_commit_poll(struct bus_producer *p, uint64_t *ret_ticket,
    struct leat_err *err)
{
	enum flight f = producer_flight_of(p);

	OBJ_CHECK(p, BUS_PRODUCER_MAGIC);
	if (f == IDLE || producer_flying(f))
		return 0;
	lock_acquire(&p->lock);	/* the callback may still hold it */
	*err = p->landing;
	lock_release(&p->lock);
	if (err->code < 0) {
		p->broken = true;
		producer_flight_set(p, IDLE);
		return leat_err_wrap(err, "commit");
	}
	if (f == LANDED_DATA && p->flight_slots != NULL)
		return second_step(p, err);
	producer_flight_set(p, IDLE);
	if (producer_write_closed(p, err) < 0)
		return err->code;
	*ret_ticket = p->ticket;
	return 1;
}

bool
bus_commit_in_flight(const struct bus_producer *p)
{
	return producer_flight_of(p) != IDLE;
}

size_t
bus_producer_held(const struct bus_producer *p)
{
	const struct target *t;
	const struct closed *c;
	size_t n = 0, i;

	for (t = p->open; t != NULL; t = t->next_open)
		n += batch_builder_held(t->builder);
	for (c = p->closed; c != NULL; c = c->next)
		n += batch_builder_held(c->builder);
	for (i = 0; i < p->npool; i++)
		n += batch_builder_held(p->pool[i]);
	return n;
}
