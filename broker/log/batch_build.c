/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The batch builder: the hot path of change capture.
 *
 * A record is measured first, then written with one reservation; the header's
 * 61 bytes are left free in front and filled in at the end. Compression goes
 * into a second buffer, so an uncompressed batch is never copied.
 */
#include "broker/record_batch.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include <leat/wire.h>

#include "broker/log/batch.h"
#include "broker/log/codec.h"
#include "broker/log/varint.h"
#include "core/base/obj.h"

struct batch_builder {
	struct leat_buf raw;		/* header space and records */
	struct leat_buf packed;		/* the same, compressed */
	struct codec codec;
	enum record_codec kind;
	int level;
	uint32_t count;
	int64_t base_timestamp;
	int64_t max_timestamp;
};

struct batch_builder *
batch_builder_new(enum record_codec kind, int level, size_t max_bytes)
{
	struct batch_builder *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	max_bytes = MIN(max_bytes, (size_t)INT32_MAX);
	max_bytes = MAX(max_bytes, (size_t)RECORD_BATCH_HEADER_BYTES);
	leat_buf_init(&b->raw, max_bytes);
	/* Incompressible data grows by its framing. */
	leat_buf_init(&b->packed, max_bytes + max_bytes / 4 + 4096);
	b->kind = kind;
	b->level = level;
	batch_builder_reset(b);
	return b;
}

void
batch_builder_free(struct batch_builder *b)
{
	if (b == NULL)
		return;
	leat_buf_fini(&b->raw);
	leat_buf_fini(&b->packed);
	codec_fini(&b->codec);
	free(b);
}

void
batch_builder_reset(struct batch_builder *b)
{
	leat_buf_reset(&b->raw);
	leat_buf_reset(&b->packed);
	b->count = 0;
	b->base_timestamp = -1;
	b->max_timestamp = -1;
}

uint32_t
batch_builder_count(const struct batch_builder *b)
{
	return b->count;
}

size_t
batch_builder_bytes(const struct batch_builder *b)
{
	return MAX(b->raw.len, (size_t)RECORD_BATCH_HEADER_BYTES);
}

size_t
batch_builder_held(const struct batch_builder *b)
{
	return sizeof(*b) + b->raw.cap + b->packed.cap;
}

static inline size_t
field_len(struct leat_str s)
{
	return s.ptr == NULL ? 1 : varlong_len((int64_t)s.len) + s.len;
}

static inline uint8_t *
put_field(uint8_t *p, struct leat_str s)
{
	if (s.ptr == NULL)
		return put_varlong(p, -1);
	p = put_varlong(p, (int64_t)s.len);
	memcpy(p, s.ptr, s.len);
	return p + s.len;
}

/* Bytes behind the length field, SIZE_MAX when a field alone is too large. */
static size_t
record_len(const struct batch_builder *b, const struct record *rec,
    int64_t delta)
{
	size_t n = 1 + varlong_len(delta) + varlong_len(b->count) +
	    varlong_len(rec->nheaders);

	if (rec->key.len > INT32_MAX || rec->value.len > INT32_MAX)
		return SIZE_MAX;
	n += field_len(rec->key) + field_len(rec->value);
	for (uint32_t i = 0; i < rec->nheaders; i++) {
		if (rec->headers[i].name.len > INT32_MAX ||
		    rec->headers[i].value.len > INT32_MAX || n > INT32_MAX)
			return SIZE_MAX;
		n += varlong_len((int64_t)rec->headers[i].name.len) +
		    rec->headers[i].name.len +
		    field_len(rec->headers[i].value);
	}
	return n;
}

static int
full(const struct batch_builder *b, size_t need, struct leat_err *err)
{
	if (b->count > 0)
		return leat_err_set(err, LEAT_CLS_RETRY, LEAT_E_LIMIT,
		    "batch is full");
	return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_LIMIT,
	    "record of %zu bytes is larger than a batch may be (%zu)", need,
	    b->raw.max);
}

static void
write_record(uint8_t *p, const struct batch_builder *b,
    const struct record *rec, int64_t delta, size_t len)
{
	p = put_varlong(p, (int64_t)len);
	*p++ = 0;
	p = put_varlong(p, delta);
	p = put_varlong(p, b->count);
	p = put_field(p, rec->key);
	p = put_field(p, rec->value);
	p = put_varlong(p, rec->nheaders);
	for (uint32_t i = 0; i < rec->nheaders; i++) {
		const struct record_header *h = &rec->headers[i];

		p = put_varlong(p, (int64_t)h->name.len);
		if (h->name.len > 0)
			memcpy(p, h->name.ptr, h->name.len);
		p = put_field(p + h->name.len, h->value);
	}
}

int
batch_builder_add(struct batch_builder *b, const struct record *rec,
    struct leat_err *err)
{
	int64_t delta = 0;
	size_t len, need;
	uint8_t *to;

	if (b->count == 0)
		b->raw.len = 0;
	else
		delta = (int64_t)((uint64_t)rec->timestamp_ms -
		    (uint64_t)b->base_timestamp);
	len = record_len(b, rec, delta);
	if (len > INT32_MAX || b->count == INT32_MAX)
		return full(b, len, err);
	need = varlong_len((int64_t)len) + len;
	if (b->count == 0)
		need += RECORD_BATCH_HEADER_BYTES;
	if (need > b->raw.max - b->raw.len)
		return full(b, need, err);
	to = leat_buf_reserve(&b->raw, need);
	if (to == NULL) {
		b->raw.failed = false;
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for a batch");
	}
	if (b->count == 0) {
		b->base_timestamp = rec->timestamp_ms;
		b->max_timestamp = rec->timestamp_ms;
		to += RECORD_BATCH_HEADER_BYTES;
	}
	write_record(to, b, rec, delta, len);
	b->raw.len += need;
	b->count++;
	if (rec->timestamp_ms > b->max_timestamp)
		b->max_timestamp = rec->timestamp_ms;
	return 0;
}

static int
pack(struct batch_builder *b, struct leat_err *err)
{
	leat_buf_reset(&b->packed);
	if (leat_buf_reserve(&b->packed, RECORD_BATCH_HEADER_BYTES) == NULL) {
		b->packed.failed = false;
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for a batch");
	}
	b->packed.len = RECORD_BATCH_HEADER_BYTES;
	return codec_compress(&b->codec, b->kind, b->level,
	    b->raw.data + RECORD_BATCH_HEADER_BYTES,
	    b->raw.len - RECORD_BATCH_HEADER_BYTES, &b->packed, err);
}

void
batch_header_encode(uint8_t *p, const struct batch_header *h)
{
	leat_put_u64(p, (uint64_t)h->base_offset);
	leat_put_u32(p + 8, (uint32_t)h->length);
	leat_put_u32(p + 12, (uint32_t)h->leader_epoch);
	p[16] = 2;
	leat_put_u32(p + 17, h->crc);
	leat_put_u16(p + 21, h->attributes);
	leat_put_u32(p + 23, (uint32_t)h->last_offset_delta);
	leat_put_u64(p + 27, (uint64_t)h->base_timestamp);
	leat_put_u64(p + 35, (uint64_t)h->max_timestamp);
	leat_put_u64(p + 43, (uint64_t)h->producer_id);
	leat_put_u16(p + 51, (uint16_t)h->producer_epoch);
	leat_put_u32(p + 53, (uint32_t)h->base_sequence);
	leat_put_u32(p + 57, (uint32_t)h->count);
}

void
batch_seal(uint8_t *batch, size_t len)
{
	leat_put_u32(batch + 8, (uint32_t)(len - 12));
	leat_put_u32(batch + 17, crc32c(0, batch + 21, len - 21));
}

int
batch_builder_finish(struct batch_builder *b, const struct batch_identity *id,
    uint8_t **ret_data, size_t *ret_len, struct leat_err *err)
{
	struct batch_header h = {
		.leader_epoch = -1,
		.attributes = (uint16_t)b->kind,
		.last_offset_delta = (int32_t)b->count - 1,
		.base_timestamp = b->base_timestamp,
		.max_timestamp = b->max_timestamp,
		.producer_id = -1,
		.producer_epoch = -1,
		.base_sequence = -1,
		.count = (int32_t)b->count,
	};
	struct leat_buf *out = &b->raw;
	int rc;

	if (b->count == 0)
		return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_STATE,
		    "batch without records");
	if (b->kind != CODEC_NONE) {
		if ((rc = pack(b, err)) < 0)
			return rc;
		out = &b->packed;
	}
	if (id != NULL && id->producer_id >= 0) {
		h.producer_id = id->producer_id;
		h.producer_epoch = id->producer_epoch;
		h.base_sequence = id->base_sequence;
		if (id->transactional)
			h.attributes |= BATCH_TRANSACTIONAL;
	}
	batch_header_encode(out->data, &h);
	batch_seal(out->data, out->len);
	*ret_data = out->data;
	*ret_len = out->len;
	return 0;
}

size_t
batch_marker_encode(uint8_t *to, int64_t producer_id, int16_t epoch,
    bool commit, int32_t coordinator_epoch, int64_t timestamp_ms)
{
	static const struct batch_header plain = {
		.leader_epoch = -1,
		.attributes = BATCH_TRANSACTIONAL | BATCH_CONTROL,
		.base_sequence = -1,
		.count = 1,
	};
	struct batch_header h = plain;
	uint8_t *p = to + RECORD_BATCH_HEADER_BYTES;

	h.base_timestamp = h.max_timestamp = timestamp_ms;
	h.producer_id = producer_id;
	h.producer_epoch = epoch;
	batch_header_encode(to, &h);
	p = put_varlong(p, 16);		/* length of the record */
	*p++ = 0;			/* attributes */
	*p++ = 0;			/* timestamp delta */
	*p++ = 0;			/* offset delta */
	p = put_varlong(p, 4);
	leat_put_u16(p, 0);
	leat_put_u16(p + 2, commit ? MARKER_COMMIT : MARKER_ABORT);
	p = put_varlong(p + 4, 6);
	leat_put_u16(p, 0);
	leat_put_u32(p + 2, (uint32_t)coordinator_epoch);
	p += 6;
	*p++ = 0;			/* headers */
	batch_seal(to, (size_t)(p - to));
	return (size_t)(p - to);
}
