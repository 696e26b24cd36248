/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which record of a batch may be sent next.
 *
 * States: NEW (not looked at, at or above o->scan) -> TAKEN -> DONE, or NEW ->
 * SKIPPED (its predecessor was not done) -> READY (in the heap: look again) ->
 * TAKEN or back to SKIPPED. Whoever takes or finishes a record moves a skipped
 * successor to READY, so no record is forgotten and each is looked at no more
 * than a few times.
 */
#include "http_order.h"

#include <errno.h>
#include <stdlib.h>

#include <leat/str.h>

#include "http_field.h"

enum { NEW = 0, SKIPPED, READY, TAKEN, DONE };

struct http_order_slot {
	uint64_t hash;
	uint32_t last;		/* index + 1; 0: free */
	uint32_t reserved;
};

void
http_order_fini(struct http_order *o)
{
	free(o->items);
	free(o->heap);
	free(o->table);
	memset(o, 0, sizeof(*o));
}

static uint32_t
table_size(uint32_t n)
{
	uint32_t size = 16;

	while (size < n * 2)
		size *= 2;
	return size;
}

static int
make_room(struct http_order *o, uint32_t n)
{
	uint32_t cap = o->cap > 0 ? o->cap : 64;

	if (n <= o->cap)
		return 0;
	if (n > 1u << 24)
		return -ENOMEM;
	while (cap < n)
		cap *= 2;
	http_order_fini(o);
	o->items = calloc(cap, sizeof(*o->items));
	o->heap = calloc(cap, sizeof(*o->heap));
	o->table = calloc(table_size(cap), sizeof(*o->table));
	if (o->items == NULL || o->heap == NULL || o->table == NULL) {
		http_order_fini(o);
		return -ENOMEM;
	}
	o->cap = cap;
	return 0;
}

static const char *
topic_of(const struct leat_record *r)
{
	return r->origin_topic != NULL ? r->origin_topic : r->topic;
}

/* Records of one topic come in runs: its name is hashed once for each. */
static uint64_t
topic_hash(const struct leat_record *r, const struct leat_record *before,
    uint64_t hash)
{
	const char *topic = topic_of(r);

	if (before != NULL && topic_of(before) == topic)
		return hash;
	return topic == NULL ? 0 : leat_hash(topic, strlen(topic), 0);
}

static uint64_t
chain_of(const struct leat_record *r, uint64_t topic)
{
	return http_field_hash(&r->key,
	    topic + (uint32_t)r->origin_partition);
}

/*
 * Two keys with the same 64-bit hash share a chain: that costs a little
 * parallelism and no correctness.
 */
static void
link_chain(struct http_order *o, uint32_t i, uint64_t hash, uint32_t mask)
{
	uint32_t at = (uint32_t)(hash ^ hash >> 32) & mask;

	while (o->table[at].last != 0 && o->table[at].hash != hash)
		at = (at + 1) & mask;
	if (o->table[at].last != 0) {
		o->items[i].prev = o->table[at].last - 1;
		o->items[o->table[at].last - 1].next = i;
	}
	o->table[at].hash = hash;
	o->table[at].last = i + 1;
}

int
http_order_begin(struct http_order *o, const struct leat_sink_batch *b,
    int chains)
{
	uint64_t topic = 0;
	uint32_t i, mask;

	if (make_room(o, b->nrecords) < 0)
		return -ENOMEM;
	o->n = o->left = b->nrecords;
	o->nheap = 0;
	o->scan = 0;
	mask = table_size(o->n) - 1;
	if (chains)
		memset(o->table, 0, (mask + 1) * sizeof(*o->table));
	for (i = 0; i < o->n; i++) {
		o->items[i] = (struct http_order_item){ HTTP_ORDER_NONE,
		    HTTP_ORDER_NONE, 0, NEW };
		if (!chains)
			continue;
		topic = topic_hash(&b->records[i],
		    i > 0 ? &b->records[i - 1] : NULL, topic);
		if (b->records[i].key.kind != LEAT_NULL)
			link_chain(o, i, chain_of(&b->records[i], topic),
			    mask);
	}
	return 0;
}

static void
heap_push(struct http_order *o, uint32_t i)
{
	uint32_t at = o->nheap++;

	while (at > 0 && o->heap[(at - 1) / 2] > i) {
		o->heap[at] = o->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	o->heap[at] = i;
	o->items[i].state = READY;
}

static uint32_t
heap_pop(struct http_order *o)
{
	uint32_t top = o->heap[0], last = o->heap[--o->nheap], at = 0;

	for (;;) {
		uint32_t child = at * 2 + 1;

		if (child >= o->nheap)
			break;
		if (child + 1 < o->nheap && o->heap[child + 1] < o->heap[child])
			child++;
		if (o->heap[child] >= last)
			break;
		o->heap[at] = o->heap[child];
		at = child;
	}
	o->heap[at] = last;
	return top;
}

static void
wake_next(struct http_order *o, uint32_t i)
{
	uint32_t next = o->items[i].next;

	if (next != HTTP_ORDER_NONE && o->items[next].state == SKIPPED)
		heap_push(o, next);
}

static int
try_take(struct http_order *o, uint32_t i, uint32_t lane)
{
	struct http_order_item *it = &o->items[i];

	if (it->prev != HTTP_ORDER_NONE) {
		const struct http_order_item *p = &o->items[it->prev];

		if (p->state != DONE &&
		    !(p->state == TAKEN && p->lane == lane)) {
			it->state = SKIPPED;
			return 0;
		}
	}
	it->state = TAKEN;
	it->lane = lane;
	wake_next(o, i);
	return 1;
}

uint32_t
http_order_next(struct http_order *o, uint32_t lane)
{
	while (o->nheap > 0) {
		uint32_t i = heap_pop(o);

		if (try_take(o, i, lane))
			return i;
	}
	while (o->scan < o->n) {
		uint32_t i = o->scan++;

		if (try_take(o, i, lane))
			return i;
	}
	return HTTP_ORDER_NONE;
}

void
http_order_seal(struct http_order *o)
{
	o->n = o->scan;
}

void
http_order_untake(struct http_order *o, uint32_t i)
{
	heap_push(o, i);
}

void
http_order_done(struct http_order *o, uint32_t i)
{
	o->items[i].state = DONE;
	o->left--;
	wake_next(o, i);
}
