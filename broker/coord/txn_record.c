/* SPDX-License-Identifier: Apache-2.0 */
/* Records of __transaction_state, byte for byte as Kafka writes them. */
#include "broker/coord/txn_record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <leat/err.h>
#include <leat/wire.h>

enum { PLACES_MAX = 1000000, END_BYTES = 24 };

/* Tagged fields of the value. */
enum { TAG_PREVIOUS_ID = 0, TAG_NEXT_ID = 1, TAG_VERSION = 2 };

void
txn_header_begin(struct leat_buf *to)
{
	leat_write_u8(to, 0);
}

void
txn_header_add(struct leat_buf *to, const uint8_t topic_id[16],
    int64_t offset)
{
	(void)leat_buf_add(to, topic_id, 16);
	leat_write_u64(to, (uint64_t)offset);
}

int
txn_header_decode(struct leat_str header, struct txn_end **ret_ends,
    size_t *ret_n)
{
	struct txn_end *ends = NULL;
	struct leat_reader r;
	size_t n;

	leat_reader_init(&r, header.ptr, header.len);
	if (leat_read_u8(&r) != 0 || r.err != 0 ||
	    leat_reader_left(&r) % END_BYTES != 0 ||
	    (n = leat_reader_left(&r) / END_BYTES) > PLACES_MAX)
		return LEAT_E_PROTO;
	if (n > 0 && (ends = calloc(n, sizeof(*ends))) == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		memcpy(ends[i].topic_id, leat_read_bytes(&r, 16), 16);
		ends[i].offset = leat_read_i64(&r);
	}
	*ret_ends = ends;
	*ret_n = n;
	return 0;
}

void
txn_key_encode(struct leat_buf *to, struct leat_str id)
{
	leat_write_u16(to, 0);
	leat_write_u16(to, (uint16_t)id.len);
	(void)leat_buf_add(to, id.ptr, id.len);
}

/* How many places from i on are of one topic. */
static size_t
same_topic(const struct txn_value *v, size_t i)
{
	size_t k = i;

	while (k < v->nplaces &&
	    leat_str_eq(v->places[k].topic, v->places[i].topic))
		k++;
	return k - i;
}

/* A length: classic, or compact (one more, as a varint). */
static void
put_len(struct leat_buf *to, bool flexible, bool is_string, size_t n)
{
	if (flexible)
		leat_write_uvarint(to, (uint32_t)n + 1);
	else if (is_string)
		leat_write_u16(to, (uint16_t)n);
	else
		leat_write_u32(to, (uint32_t)n);
}

static void
put_places(struct leat_buf *to, bool flexible, const struct txn_value *v)
{
	size_t topics = 0, n;

	for (size_t i = 0; i < v->nplaces; i += same_topic(v, i))
		topics++;
	put_len(to, flexible, false, topics);
	for (size_t i = 0; i < v->nplaces; i += n) {
		n = same_topic(v, i);
		put_len(to, flexible, true, v->places[i].topic.len);
		(void)leat_buf_add(to, v->places[i].topic.ptr,
		    v->places[i].topic.len);
		put_len(to, flexible, false, n);
		for (size_t k = i; k < i + n; k++)
			leat_write_u32(to, (uint32_t)v->places[k].partition);
		if (flexible)
			leat_write_uvarint(to, 0);
	}
}

static void
put_id_tag(struct leat_buf *to, uint32_t tag, int64_t id)
{
	if (id < 0)
		return;
	leat_write_uvarint(to, tag);
	leat_write_uvarint(to, sizeof(id));
	leat_write_u64(to, (uint64_t)id);
}

void
txn_value_encode(struct leat_buf *to, const struct txn_value *v)
{
	bool flexible = v->version != 0;

	leat_write_u16(to, flexible ? 1 : 0);
	leat_write_u64(to, (uint64_t)v->producer_id);
	leat_write_u16(to, (uint16_t)v->epoch);
	leat_write_u32(to, (uint32_t)v->timeout_ms);
	leat_write_u8(to, (uint8_t)v->status);
	if (v->status != TXN_EMPTY)
		put_places(to, flexible, v);
	else if (flexible)
		leat_write_uvarint(to, 0);	/* null */
	else
		leat_write_u32(to, UINT32_MAX);
	leat_write_u64(to, (uint64_t)v->update_ms);
	leat_write_u64(to, (uint64_t)v->start_ms);
	if (!flexible)
		return;
	leat_write_uvarint(to, 1 + (v->previous_id >= 0) + (v->next_id >= 0));
	put_id_tag(to, TAG_PREVIOUS_ID, v->previous_id);
	put_id_tag(to, TAG_NEXT_ID, v->next_id);
	leat_write_uvarint(to, TAG_VERSION);
	leat_write_uvarint(to, sizeof(v->version));
	leat_write_u16(to, (uint16_t)v->version);
}

int
txn_key_decode(struct leat_str key, struct leat_str *ret_id)
{
	struct leat_reader r;
	const uint8_t *p;
	uint16_t version;
	int16_t n;

	leat_reader_init(&r, key.ptr, key.len);
	version = leat_read_u16(&r);
	n = leat_read_i16(&r);
	if (r.err == 0 && version != 0)
		return 1;
	if (n < 0)
		return LEAT_E_PROTO;
	p = leat_read_bytes(&r, (size_t)n);
	if (r.err != 0)
		return r.err;
	*ret_id = (struct leat_str){ (const char *)p, (size_t)n };
	return 0;
}

static int
add_place(struct txn_value *v, size_t *cap, struct leat_str topic,
    int32_t partition)
{
	if (v->nplaces == *cap) {
		size_t more = *cap == 0 ? 4 : *cap * 2;
		void *p = more > PLACES_MAX ? NULL :
		    realloc(v->places, more * sizeof(*v->places));

		if (p == NULL)
			return -ENOMEM;
		v->places = p;
		*cap = more;
	}
	v->places[v->nplaces++] = (struct txn_place){ topic, partition };
	return 0;
}

/* A length: classic, or compact (one less than its varint). */
static int64_t
get_len(struct leat_reader *r, bool flexible, bool is_string)
{
	if (flexible)
		return (int64_t)leat_read_uvarint(r) - 1;
	return is_string ? leat_read_i16(r) : leat_read_i32(r);
}

static void
skip_tags(struct leat_reader *r, bool flexible)
{
	uint32_t n = flexible ? leat_read_uvarint(r) : 0;

	while (n-- > 0 && r->err == 0) {
		(void)leat_read_uvarint(r);
		(void)leat_read_bytes(r, leat_read_uvarint(r));
	}
}

static int
get_places(struct leat_reader *r, bool flexible, struct txn_value *v)
{
	int64_t topics = get_len(r, flexible, false);
	size_t cap = 0;
	int rc = 0;

	while (topics-- > 0 && r->err == 0) {
		int64_t len = get_len(r, flexible, true), n;
		const uint8_t *p;

		if (len < 0)
			return LEAT_E_PROTO;
		p = leat_read_bytes(r, (size_t)len);
		n = get_len(r, flexible, false);
		while (n-- > 0 && r->err == 0 && rc == 0) {
			int32_t partition = leat_read_i32(r);

			if (r->err == 0)
				rc = add_place(v, &cap, (struct leat_str){
				    (const char *)p, (size_t)len }, partition);
		}
		if (rc < 0)
			return rc;
		skip_tags(r, flexible);
	}
	return r->err;
}

/* The tagged fields that we know; others are skipped. */
static void
get_tags(struct leat_reader *r, struct txn_value *v)
{
	uint32_t n = leat_read_uvarint(r);

	while (n-- > 0 && r->err == 0) {
		uint32_t tag = leat_read_uvarint(r);
		uint32_t size = leat_read_uvarint(r);

		if (tag == TAG_PREVIOUS_ID && size == sizeof(v->previous_id))
			v->previous_id = leat_read_i64(r);
		else if (tag == TAG_NEXT_ID && size == sizeof(v->next_id))
			v->next_id = leat_read_i64(r);
		else if (tag == TAG_VERSION && size == sizeof(v->version))
			v->version = leat_read_i16(r);
		else
			(void)leat_read_bytes(r, size);
	}
}

int
txn_value_decode(struct leat_str value, struct txn_value *ret)
{
	struct txn_value v = { .previous_id = -1, .next_id = -1 };
	struct leat_reader r;
	uint16_t version;
	uint8_t status;
	int rc;

	leat_reader_init(&r, value.ptr, value.len);
	version = leat_read_u16(&r);
	if (version > 1)
		return LEAT_E_PROTO;
	v.producer_id = leat_read_i64(&r);
	v.epoch = leat_read_i16(&r);
	v.timeout_ms = leat_read_i32(&r);
	status = leat_read_u8(&r);
	rc = get_places(&r, version == 1, &v);
	v.update_ms = leat_read_i64(&r);
	v.start_ms = leat_read_i64(&r);
	if (version == 1)
		get_tags(&r, &v);
	if (rc == 0)
		rc = r.err;
	if (rc == 0 && status > TXN_PREPARE_EPOCH_FENCE)
		rc = LEAT_E_PROTO;
	if (rc < 0) {
		free(v.places);
		return rc;
	}
	v.status = (enum txn_status)status;
	*ret = v;
	return 0;
}
