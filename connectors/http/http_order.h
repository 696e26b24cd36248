/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_order.h: which record of a batch may be sent next.
 *
 * Records with the same key (in the same topic partition) form a chain; a
 * record is given out only when the one before it is done, or travels in the
 * same request. Records without a key are free. Given out in the order of the
 * batch as far as chains allow; with a single lane that is the order of the
 * batch.
 */
#ifndef LEAT_HTTP_ORDER_H
#define LEAT_HTTP_ORDER_H

#include <stdint.h>

#include <leat/connector.h>

#define HTTP_ORDER_NONE UINT32_MAX

struct http_order_item {
	uint32_t prev;		/* earlier record of the same key */
	uint32_t next;
	uint32_t lane;		/* whose it is when taken */
	uint8_t state;
};

struct http_order {
	struct http_order_item *items;
	uint32_t *heap;		/* passed over before, perhaps free now */
	struct http_order_slot *table;	/* key hash -> last record */
	uint32_t n;
	uint32_t cap;
	uint32_t nheap;
	uint32_t scan;		/* first record not looked at yet */
	uint32_t left;		/* not done */
};

/* Accepts a zeroed one. */
void http_order_fini(struct http_order *o);

/* Starts a batch. `chains` 0: no record waits for another. 0 or -ENOMEM. */
int http_order_begin(struct http_order *o, const struct leat_sink_batch *b,
    int chains);

/* Gives the next record to a lane, HTTP_ORDER_NONE: none is free now. */
uint32_t http_order_next(struct http_order *o, uint32_t lane);
/*
 * From here on only records are given that stand before one that was given
 * already, so that what is delivered becomes a whole beginning of the batch.
 */
void http_order_seal(struct http_order *o);
/* Takes back the record that http_order_next gave last. */
void http_order_untake(struct http_order *o, uint32_t i);
/* The record is delivered, or given up for good. */
void http_order_done(struct http_order *o, uint32_t i);

#endif
