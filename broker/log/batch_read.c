/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading batches. Every byte may come from a peer or a damaged disk: nothing
 * here trusts a length, and a batch must end exactly where its last record
 * does.
 */
#include "broker/record_batch.h"

#include <errno.h>
#include <stdlib.h>

#include <leat/wire.h>

#include "broker/log/batch.h"
#include "broker/log/codec.h"
#include "broker/log/varint.h"
#include "core/base/obj.h"

struct batch_reader {
	struct batch_header header;
	const uint8_t *cur;
	const uint8_t *end;
	int32_t left;			/* records not yet read */
	struct leat_buf inflated;
	struct codec codec;
	struct record_header *headers;
	size_t cap_headers;
};

static int
bad_batch(struct leat_err *err, const struct batch_header *h, const char *why)
{
	return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_CORRUPT,
	    "batch at offset %lld: %s", (long long)h->base_offset, why);
}

void
batch_header_fields(const uint8_t *p, struct batch_header *h)
{
	h->base_offset = (int64_t)leat_get_u64(p);
	h->length = (int32_t)leat_get_u32(p + 8);
	h->leader_epoch = (int32_t)leat_get_u32(p + 12);
	h->crc = leat_get_u32(p + 17);
	h->attributes = leat_get_u16(p + 21);
	h->last_offset_delta = (int32_t)leat_get_u32(p + 23);
	h->base_timestamp = (int64_t)leat_get_u64(p + 27);
	h->max_timestamp = (int64_t)leat_get_u64(p + 35);
	h->producer_id = (int64_t)leat_get_u64(p + 43);
	h->producer_epoch = (int16_t)leat_get_u16(p + 51);
	h->base_sequence = (int32_t)leat_get_u32(p + 53);
	h->count = (int32_t)leat_get_u32(p + 57);
	h->size = (size_t)h->length + 12;
}

int
batch_header_decode(const void *ptr, size_t len, bool check_crc,
    struct batch_header *ret_header, struct leat_err *err)
{
	const uint8_t *p = ptr;
	struct batch_header h = { 0 };

	if (len >= 17) {
		h.base_offset = (int64_t)leat_get_u64(p);
		h.length = (int32_t)leat_get_u32(p + 8);
		if (h.length < BATCH_LENGTH_MIN)
			return leat_err_set(err, LEAT_CLS_RECORD,
			    LEAT_E_CORRUPT, "batch length %d is below %d",
			    h.length, BATCH_LENGTH_MIN);
		if (p[16] != 2)
			return leat_err_set(err, LEAT_CLS_RECORD,
			    LEAT_E_CORRUPT, "batch has magic %u, not 2", p[16]);
	}
	if (len < RECORD_BATCH_HEADER_BYTES)
		return 1;
	batch_header_fields(p, &h);
	if (h.base_offset < 0 || h.last_offset_delta < 0 || h.count < 0 ||
	    h.base_offset > INT64_MAX - h.last_offset_delta - 1)
		return bad_batch(err, &h, "impossible offsets or count");
	if ((int64_t)h.count > (int64_t)h.last_offset_delta + 1)
		return bad_batch(err, &h, "more records than offsets");
	if ((h.attributes & BATCH_CODEC_MASK) >= CODEC_N)
		return bad_batch(err, &h, "unknown compression");
	if (check_crc) {
		if (len < h.size)
			return 1;
		if (crc32c(0, p + 21, h.size - 21) != h.crc)
			return bad_batch(err, &h, "checksum does not match");
	}
	*ret_header = h;
	return 0;
}

struct batch_reader *
batch_reader_new(size_t max_inflated_bytes)
{
	struct batch_reader *r = calloc(1, sizeof(*r));

	if (r != NULL)
		leat_buf_init(&r->inflated, max_inflated_bytes);
	return r;
}

void
batch_reader_free(struct batch_reader *r)
{
	if (r == NULL)
		return;
	leat_buf_fini(&r->inflated);
	codec_fini(&r->codec);
	free(r->headers);
	free(r);
}

size_t
batch_reader_held(const struct batch_reader *r)
{
	return sizeof(*r) + r->inflated.cap +
	    r->cap_headers * sizeof(*r->headers);
}

int
batch_reader_open(struct batch_reader *r, const void *ptr, size_t len,
    struct leat_err *err)
{
	const uint8_t *p = ptr;
	struct batch_header h;
	int rc;

	rc = batch_header_decode(p, len, false, &h, err);
	if (rc == 0 && len < h.size)
		rc = 1;
	if (rc == 1)
		return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_CORRUPT,
		    "batch is cut off after %zu bytes", len);
	if (rc < 0)
		return rc;
	r->left = 0;
	leat_buf_reset(&r->inflated);
	if ((h.attributes & BATCH_CODEC_MASK) != CODEC_NONE && h.count > 0) {
		rc = codec_inflate(&r->codec,
		    (enum record_codec)(h.attributes & BATCH_CODEC_MASK),
		    p + RECORD_BATCH_HEADER_BYTES,
		    h.size - RECORD_BATCH_HEADER_BYTES, &r->inflated, err);
		if (rc < 0)
			return leat_err_wrap(err, "batch at offset %lld",
			    (long long)h.base_offset);
		r->cur = r->inflated.data;
		r->end = r->cur + r->inflated.len;
	} else {
		r->cur = p + RECORD_BATCH_HEADER_BYTES;
		r->end = p + h.size;
	}
	r->header = h;
	r->left = h.count;
	return 0;
}

const struct batch_header *
batch_reader_header(const struct batch_reader *r)
{
	return &r->header;
}

/* A length and that many bytes; -1 bytes is null. */
static inline int
get_field(const uint8_t **p, const uint8_t *end, struct leat_str *ret)
{
	int32_t n;

	if (get_varint(p, end, &n) < 0 || n < -1 || n > end - *p)
		return -1;
	ret->ptr = n < 0 ? NULL : (const char *)*p;
	ret->len = n < 0 ? 0 : (size_t)n;
	*p += ret->len;
	return 0;
}

static int
read_headers(struct batch_reader *r, const uint8_t **p, const uint8_t *end,
    uint32_t n, struct leat_err *err)
{
	if (n > r->cap_headers) {
		void *more = realloc(r->headers, n * sizeof(*r->headers));

		if (more == NULL)
			return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
			    "out of memory for %u headers", n);
		r->headers = more;
		r->cap_headers = n;
	}
	for (uint32_t i = 0; i < n; i++)
		if (get_field(p, end, &r->headers[i].name) < 0 ||
		    r->headers[i].name.ptr == NULL ||
		    get_field(p, end, &r->headers[i].value) < 0)
			return bad_batch(err, &r->header, "bad record header");
	return 0;
}

static int
read_record(struct batch_reader *r, struct record *rec, struct leat_err *err)
{
	const struct batch_header *h = &r->header;
	const uint8_t *p = r->cur, *end;
	int64_t ts_delta;
	int32_t len, delta, n;
	int rc;

	if (get_varint(&p, r->end, &len) < 0 || len < 0 || len > r->end - p)
		return bad_batch(err, h, "record length exceeds the batch");
	end = p + len;
	if (p++ == end || get_varlong(&p, end, &ts_delta) < 0 ||
	    get_varint(&p, end, &delta) < 0)
		return bad_batch(err, h, "record is cut off");
	if (delta < 0 || delta > h->last_offset_delta)
		return bad_batch(err, h, "record offset is outside the batch");
	if (get_field(&p, end, &rec->key) < 0)
		return bad_batch(err, h, "record key exceeds the record");
	if (get_field(&p, end, &rec->value) < 0)
		return bad_batch(err, h, "record value exceeds the record");
	/* A header takes two bytes at least. */
	if (get_varint(&p, end, &n) < 0 || n < 0 || n > (end - p) / 2)
		return bad_batch(err, h, "bad number of record headers");
	rec->nheaders = (uint32_t)n;
	if (n > 0 && (rc = read_headers(r, &p, end, (uint32_t)n, err)) < 0)
		return rc;
	if (p != end)
		return bad_batch(err, h, "record has bytes behind its end");
	rec->headers = n > 0 ? r->headers : NULL;
	rec->offset = h->base_offset + delta;
	rec->timestamp_ms = (h->attributes & BATCH_LOG_APPEND_TIME) != 0 ?
	    h->max_timestamp :
	    (int64_t)((uint64_t)h->base_timestamp + (uint64_t)ts_delta);
	r->cur = end;
	return 0;
}

int
batch_reader_next(struct batch_reader *r, struct record *ret_record,
    struct leat_err *err)
{
	struct record rec;
	int rc;

	if (r->left == 0)
		return 0;
	if ((rc = read_record(r, &rec, err)) == 0 && r->left == 1 &&
	    r->cur != r->end)
		rc = bad_batch(err, &r->header, "bytes behind the last record");
	if (rc < 0) {
		r->left = 0;
		return rc;
	}
	r->left--;
	*ret_record = rec;
	return 1;
}

int
batch_marker_decode(const uint8_t *batch, size_t len,
    int32_t *ret_coordinator_epoch)
{
	const uint8_t *p = batch + RECORD_BATCH_HEADER_BYTES;
	const uint8_t *end = batch + len;
	struct leat_str key, value;
	int32_t n;
	int64_t ts;

	if (len < RECORD_BATCH_HEADER_BYTES || get_varint(&p, end, &n) < 0 ||
	    p++ == end || get_varlong(&p, end, &ts) < 0 ||
	    get_varint(&p, end, &n) < 0 || get_field(&p, end, &key) < 0 ||
	    get_field(&p, end, &value) < 0 || key.len < 4)
		return LEAT_E_CORRUPT;
	*ret_coordinator_epoch = value.len < 6 ? 0 :
	    (int32_t)leat_get_u32(value.ptr + 2);
	return (int)leat_get_u16(key.ptr + 2);
}
