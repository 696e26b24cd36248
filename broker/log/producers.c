/* SPDX-License-Identifier: Apache-2.0 */
/* Producer state of a partition: see producers.h. */
#include "broker/log/producers.h"

#include <errno.h>
#include <stdlib.h>

#include <leat/wire.h>

#include "broker/broker.h"
#include "core/base/obj.h"

enum {
	SNAPSHOT_HEADER = 10,
	SNAPSHOT_ENTRY = 46,
	PRODUCERS_MAX = 1000000
};

void
producers_init(struct producers *ps)
{
	leat_map_init(&ps->by_id);
	ps->open = NULL;
}

void
producers_fini(struct producers *ps)
{
	const struct leat_map_entry *e;
	size_t it = 0;

	while ((e = leat_map_next(&ps->by_id, &it)) != NULL)
		free(e->value);
	leat_map_fini(&ps->by_id);
	ps->open = NULL;
}

void
producers_clear(struct producers *ps)
{
	producers_fini(ps);
	producers_init(ps);
}

int64_t
producers_largest_id(const struct producers *ps)
{
	const struct leat_map_entry *e;
	int64_t largest = -1;
	size_t it = 0;

	while ((e = leat_map_next(&ps->by_id, &it)) != NULL)
		largest = MAX(largest, ((const struct producer *)e->value)->id);
	return largest;
}

size_t
producers_count(const struct producers *ps)
{
	return ps->by_id.len;
}

struct producer *
producers_find(const struct producers *ps, int64_t id)
{
	return leat_map_get(&ps->by_id, (struct leat_str){ (char *)&id, 8 });
}

int64_t
producers_stable(const struct producers *ps, int64_t end)
{
	return ps->open != NULL ? ps->open->txn_first : end;
}

static int
add_producer(struct producers *ps, int64_t id, struct producer **ret)
{
	struct producer *p;

	if (ps->by_id.len >= PRODUCERS_MAX ||
	    (p = calloc(1, sizeof(*p))) == NULL)
		return -ENOMEM;
	p->id = id;
	p->epoch = -1;
	p->txn_first = -1;
	p->txn_epoch = -1;
	p->last_ts = -1;
	if (leat_map_set(&ps->by_id, (struct leat_str){ (char *)&id, 8 }, p,
	    NULL) < 0) {
		free(p);
		return -ENOMEM;
	}
	*ret = p;
	return 0;
}

int
producers_reserve(struct producers *ps, int64_t id, struct leat_err *err)
{
	struct producer *p;

	if (id < 0 || producers_find(ps, id) != NULL ||
	    add_producer(ps, id, &p) == 0)
		return 0;
	return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
	    "out of memory for a producer's state");
}

int32_t
sequence_add(int32_t seq, int32_t n)
{
	return (int32_t)(((int64_t)seq + n) & INT32_MAX);
}

static const struct producer_batch *
find_duplicate(const struct producer *p, const struct batch_header *h)
{
	int32_t last = sequence_add(h->base_sequence, h->last_offset_delta);

	if (p->epoch != h->producer_epoch)
		return NULL;
	for (uint32_t i = 0; i < p->nbatches; i++)
		if (p->batches[i].first_seq == h->base_sequence &&
		    p->batches[i].last_seq == last)
			return &p->batches[i];
	return NULL;
}

static int
bad_sequence(struct leat_err *err, const struct batch_header *h,
    int32_t expected)
{
	return leat_err_set(err, LEAT_CLS_RETRY, BROKER_E_SEQUENCE,
	    "producer %lld epoch %d: sequence %d does not follow, expected %d",
	    (long long)h->producer_id, h->producer_epoch, h->base_sequence,
	    expected);
}

int
producers_check(const struct producers *ps, const struct batch_header *h,
    const struct producer_batch **ret_dup, struct leat_err *err)
{
	const struct producer *p = producers_find(ps, h->producer_id);
	int32_t next;

	if (p == NULL || p->epoch < 0)
		return 0;
	if ((*ret_dup = find_duplicate(p, h)) != NULL)
		return 1;
	if (h->producer_epoch < p->epoch)
		return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_FENCED,
		    "producer %lld epoch %d: a newer epoch %d took over",
		    (long long)h->producer_id, h->producer_epoch, p->epoch);
	if (h->producer_epoch > p->epoch) {
		if (h->base_sequence != 0)
			return bad_sequence(err, h, 0);
	} else if (p->nbatches > 0) {
		next = sequence_add(p->batches[p->nbatches - 1].last_seq, 1);
		if (h->base_sequence != next)
			return bad_sequence(err, h, next);
	}
	if (p->txn_first >= 0 && (h->attributes & BATCH_TRANSACTIONAL) == 0)
		return leat_err_set(err, LEAT_CLS_FATAL, BROKER_E_TXN_STATE,
		    "producer %lld has a transaction open here and wrote "
		    "outside of it", (long long)h->producer_id);
	return 0;
}

int
producers_check_marker(const struct producers *ps,
    const struct batch_header *h, int32_t coordinator_epoch,
    struct leat_err *err)
{
	const struct producer *p = producers_find(ps, h->producer_id);

	if (p == NULL)
		return 0;
	if (h->producer_epoch < p->epoch)
		return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_FENCED,
		    "producer %lld epoch %d: a newer epoch %d took over",
		    (long long)h->producer_id, h->producer_epoch, p->epoch);
	if (coordinator_epoch < p->coordinator_epoch)
		return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_STATE,
		    "producer %lld: coordinator epoch %d is older than %d",
		    (long long)h->producer_id, coordinator_epoch,
		    p->coordinator_epoch);
	return 0;
}

static void
open_txn(struct producers *ps, struct producer *p, int64_t first)
{
	struct producer **at = &ps->open;

	p->txn_first = first;
	while (*at != NULL && (*at)->txn_first < first)
		at = &(*at)->next_open;
	p->next_open = *at;
	*at = p;
}

static void
close_txn(struct producers *ps, struct producer *p)
{
	for (struct producer **at = &ps->open; *at != NULL;
	    at = &(*at)->next_open)
		if (*at == p) {
			*at = p->next_open;
			break;
		}
	p->next_open = NULL;
	p->txn_first = -1;
}

int
producers_update(struct producers *ps, const struct batch_header *h)
{
	struct producer *p = producers_find(ps, h->producer_id);
	struct producer_batch *b;

	if (p == NULL && add_producer(ps, h->producer_id, &p) < 0)
		return -ENOMEM;
	if (h->producer_epoch != p->epoch) {
		p->epoch = h->producer_epoch;
		p->nbatches = 0;
	}
	if (p->nbatches == PRODUCER_BATCHES) {
		memmove(p->batches, p->batches + 1,
		    sizeof(p->batches) - sizeof(p->batches[0]));
		p->nbatches--;
	}
	b = &p->batches[p->nbatches++];
	b->first_seq = h->base_sequence;
	b->last_seq = sequence_add(h->base_sequence, h->last_offset_delta);
	b->last_offset = h->base_offset + h->last_offset_delta;
	b->delta = h->last_offset_delta;
	b->timestamp_ms = h->max_timestamp;
	p->last_ts = h->max_timestamp;
	if ((h->attributes & BATCH_TRANSACTIONAL) != 0 && p->txn_first < 0)
		open_txn(ps, p, h->base_offset);
	return 0;
}

int
producers_end_txn(struct producers *ps, const struct batch_header *h,
    int marker, int32_t coordinator_epoch, struct aborted_txn *ret_aborted)
{
	struct producer *p = producers_find(ps, h->producer_id);
	int64_t first;

	if (p == NULL && add_producer(ps, h->producer_id, &p) < 0)
		return -ENOMEM;
	if (h->producer_epoch > p->epoch) {
		p->epoch = h->producer_epoch;
		p->nbatches = 0;
	}
	p->txn_epoch = -1;
	p->coordinator_epoch = coordinator_epoch;
	p->last_ts = h->max_timestamp;
	first = p->txn_first;
	if (first < 0)
		return 0;
	close_txn(ps, p);
	if (marker != MARKER_ABORT)
		return 0;
	ret_aborted->producer_id = h->producer_id;
	ret_aborted->first_offset = first;
	ret_aborted->last_offset = h->base_offset;
	ret_aborted->stable = producers_stable(ps, batch_next_offset(h));
	return 1;
}

void
producers_expire(struct producers *ps, int64_t before_ms)
{
	const struct leat_map_entry *e;
	size_t it = 0;

	while ((e = leat_map_next(&ps->by_id, &it)) != NULL) {
		struct producer *p = e->value;

		if (p->txn_first >= 0 || p->txn_epoch >= 0 ||
		    p->last_ts >= before_ms)
			continue;
		leat_map_remove(&ps->by_id,
		    (struct leat_str){ e->key, e->key_len });
		free(p);
	}
}

/* ------------------------------------------------------------ snapshot */

int
producers_encode(const struct producers *ps, struct leat_buf *to)
{
	const struct leat_map_entry *e;
	size_t it = 0;

	leat_write_u16(to, 1);
	leat_write_u32(to, 0);
	leat_write_u32(to, (uint32_t)ps->by_id.len);
	while ((e = leat_map_next(&ps->by_id, &it)) != NULL) {
		const struct producer *p = e->value;
		const struct producer_batch *b = p->nbatches == 0 ? NULL :
		    &p->batches[p->nbatches - 1];

		leat_write_u64(to, (uint64_t)p->id);
		leat_write_u16(to, (uint16_t)p->epoch);
		leat_write_u32(to, (uint32_t)(b == NULL ? -1 : b->last_seq));
		leat_write_u64(to, (uint64_t)(b == NULL ? -1 :
		    b->last_offset));
		leat_write_u32(to, (uint32_t)(b == NULL ? 0 : b->delta));
		leat_write_u64(to, (uint64_t)p->last_ts);
		leat_write_u32(to, (uint32_t)p->coordinator_epoch);
		leat_write_u64(to, (uint64_t)p->txn_first);
	}
	if (to->failed)
		return -ENOMEM;
	leat_put_u32(to->data + 2, crc32c(0, to->data + 6, to->len - 6));
	return 0;
}

static int
decode_entry(struct producers *ps, struct leat_reader *r)
{
	struct producer *p;
	int64_t id = leat_read_i64(r), last_offset, txn_first;
	int32_t last_seq, delta;

	if (id < 0 || producers_find(ps, id) != NULL)
		return LEAT_E_CORRUPT;
	if (add_producer(ps, id, &p) < 0)
		return -ENOMEM;
	p->epoch = leat_read_i16(r);
	last_seq = leat_read_i32(r);
	last_offset = leat_read_i64(r);
	delta = leat_read_i32(r);
	p->last_ts = leat_read_i64(r);
	p->coordinator_epoch = leat_read_i32(r);
	txn_first = leat_read_i64(r);
	if (delta < 0 || last_seq < -1 || txn_first < -1)
		return LEAT_E_CORRUPT;
	if (last_seq >= 0) {
		p->nbatches = 1;
		p->batches[0] = (struct producer_batch){
		    .first_seq = sequence_add(last_seq, -delta),
		    .last_seq = last_seq, .last_offset = last_offset,
		    .delta = delta, .timestamp_ms = p->last_ts };
	}
	if (txn_first >= 0)
		open_txn(ps, p, txn_first);
	return 0;
}

int
producers_decode(struct producers *ps, const void *data, size_t len,
    struct leat_err *err)
{
	struct leat_reader r;
	uint32_t crc, n;
	int rc = 0;

	leat_reader_init(&r, data, len);
	if (leat_read_u16(&r) != 1)
		rc = LEAT_E_CORRUPT;
	crc = leat_read_u32(&r);
	n = leat_read_u32(&r);
	if (r.err != 0 || leat_reader_left(&r) / SNAPSHOT_ENTRY != n ||
	    leat_reader_left(&r) % SNAPSHOT_ENTRY != 0 ||
	    crc32c(0, (const uint8_t *)data + 6, len - 6) != crc)
		rc = LEAT_E_CORRUPT;
	for (uint32_t i = 0; i < n && rc == 0; i++)
		rc = decode_entry(ps, &r);
	if (rc == 0)
		return 0;
	producers_clear(ps);
	return leat_err_set(err, LEAT_CLS_FATAL, rc,
	    "producer snapshot is damaged");
}
