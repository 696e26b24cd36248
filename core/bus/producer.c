/* SPDX-License-Identifier: Apache-2.0 */
/*
 * producer.c: opening and closing a producer. How it works: producer.h.
 */
#include "core/bus/producer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/obj.h"

enum {
	BATCH_BYTES = 256 * 1024,
	MESSAGE_BYTES = 1024 * 1024,
	BUFFER_BYTES = 4 * 1024 * 1024,
	TXN_TIMEOUT_MS = 60000
};

/* --------------------------------------------------------- open, close */

static int
producer_init(struct bus_producer *p, const struct bus_producer_options *o,
    struct leat_err *err)
{
	int codec = o->compression == NULL ? CODEC_NONE :
	    record_codec_parse(leat_str_c(o->compression));

	if (codec < 0)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "compression '%s' is not one of none, gzip, snappy, lz4, "
		    "zstd", o->compression);
	p->codec = (enum record_codec)codec;
	if (p->o.batch_bytes == 0)
		p->o.batch_bytes = BATCH_BYTES;
	if (p->o.message_bytes == 0)
		p->o.message_bytes = MESSAGE_BYTES;
	if (p->o.buffer_bytes == 0)
		p->o.buffer_bytes = BUFFER_BYTES;
	if (p->o.batch_bytes > p->o.message_bytes)
		p->o.batch_bytes = p->o.message_bytes;
	if (o->connector != NULL &&
	    (p->connector = strdup(o->connector)) == NULL)
		return producer_no_memory(err);
	if (o->transactional_id == NULL)
		return 0;
	return broker_txn_open(p->bus->broker, o->transactional_id,
	    o->transaction_timeout_ms > 0 ? o->transaction_timeout_ms :
	    TXN_TIMEOUT_MS, &p->txn, err);
}

int
bus_producer_open(struct bus *b, const struct bus_producer_options *o,
    struct bus_producer **ret_producer, struct leat_err *err)
{
	struct bus_producer *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return producer_no_memory(err);
	p->magic = BUS_PRODUCER_MAGIC;
	p->bus = b;
	p->o = *o;
	p->closed_tail = &p->closed;
	lock_init(&p->lock, RANK_LEAF);
	cond_init(&p->cond);
	leat_map_init(&p->topics);
	p->topics_version = broker_topics_version(b->broker);
	if (producer_init(p, o, err) < 0) {
		bus_producer_close(p);
		return leat_err_wrap(err, "open producer");
	}
	*ret_producer = p;
	return 0;
}

static void
wait_for_landing(struct bus_producer *p)
{
	lock_acquire(&p->lock);
	while (producer_flying(producer_flight_of(p)))
		cond_wait(&p->cond, &p->lock);
	lock_release(&p->lock);
}

void
bus_producer_close(struct bus_producer *p)
{
	const struct leat_map_entry *e;
	struct closed *c;
	struct slot *s;
	size_t it = 0;

	if (p == NULL)
		return;
	OBJ_CHECK(p, BUS_PRODUCER_MAGIC);
	wait_for_landing(p);
	if (p->txn != NULL)
		broker_txn_close(p->txn);
	while ((c = p->closed) != NULL) {
		p->closed = c->next;
		batch_builder_free(c->builder);
		free(c);
	}
	while ((s = p->slots) != NULL) {
		p->slots = s->next;
		producer_slot_free(s);
	}
	while ((e = leat_map_next(&p->topics, &it)) != NULL)
		producer_ptopic_free(e->value);
	leat_map_fini(&p->topics);
	while (p->npool > 0)
		batch_builder_free(p->pool[--p->npool]);
	cond_fini(&p->cond);
	lock_fini(&p->lock);
	free(p->connector);
	OBJ_FREE(p);
}
