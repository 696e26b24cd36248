/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checks of a Produce request.
 *
 * Records are walked one by one when they are not compressed, and when the
 * topic is compacted; a compressed batch for an ordinary topic is taken by its
 * header, as inflating it would cost more than all the rest. What is not
 * compressed is looked at in one pass that keeps nothing of a record but what
 * is asked of it.
 */
#include "broker/log/validate.h"

#include <errno.h>

#include <leat/wire.h>

#include "broker/broker.h"
#include "broker/log/varint.h"

static int
refuse(struct leat_err *err, int code, const char *why)
{
	return leat_err_set(err, LEAT_CLS_RECORD, code, "batch refused: %s",
	    why);
}

int
validate_size(const uint8_t *batch, size_t len, const struct topic_config *c,
    struct leat_err *err)
{
	int64_t length;

	if (len >= 17 && batch[16] != 2)
		return leat_err_set(err, LEAT_CLS_RECORD, BROKER_E_RECORD,
		    "batch refused: magic %u, only 2 is supported", batch[16]);
	if (len < RECORD_BATCH_HEADER_BYTES)
		return refuse(err, LEAT_E_CORRUPT, "it is cut off");
	length = (int32_t)leat_get_u32(batch + 8);
	if (length < BATCH_LENGTH_MIN)
		return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_CORRUPT,
		    "batch length %lld is below %d", (long long)length,
		    BATCH_LENGTH_MIN);
	if (length + 12 > (int64_t)len)
		return refuse(err, LEAT_E_CORRUPT, "it is cut off");
	if (length + 12 < (int64_t)len)
		return refuse(err, BROKER_E_RECORD, "not exactly one batch");
	if ((int64_t)len > c->max_message_bytes)
		return leat_err_set(err, LEAT_CLS_RECORD, BROKER_E_TOO_LARGE,
		    "batch of %zu bytes is larger than max.message.bytes %lld",
		    len, (long long)c->max_message_bytes);
	if ((int64_t)len > c->segment_bytes)
		return leat_err_set(err, LEAT_CLS_RECORD, BROKER_E_SEGMENT,
		    "batch of %zu bytes is larger than segment.bytes %lld",
		    len, (long long)c->segment_bytes);
	return 0;
}

static int
check_header(const struct batch_header *h, struct leat_err *err)
{
	if (h->base_offset != 0)
		return refuse(err, BROKER_E_RECORD, "base offset is not 0");
	if (h->count <= 0 || h->last_offset_delta != h->count - 1)
		return refuse(err, BROKER_E_RECORD,
		    "number of records does not fit the offsets");
	if ((h->attributes & BATCH_CODEC_MASK) >= CODEC_N)
		return refuse(err, BROKER_E_RECORD, "unknown compression");
	if ((h->attributes & BATCH_CONTROL) != 0)
		return refuse(err, BROKER_E_RECORD, "control batch");
	if ((h->attributes & BATCH_DELETE_HORIZON) != 0)
		return refuse(err, BROKER_E_RECORD, "delete horizon is set");
	if ((h->attributes & BATCH_LOG_APPEND_TIME) != 0)
		return refuse(err, BROKER_E_TIMESTAMP,
		    "a client may not set the append time");
	if (h->producer_id >= 0 &&
	    (h->base_sequence < 0 || h->producer_epoch < 0))
		return refuse(err, BROKER_E_RECORD,
		    "producer id without sequence");
	if ((h->attributes & BATCH_TRANSACTIONAL) != 0 && h->producer_id < 0)
		return refuse(err, BROKER_E_RECORD,
		    "transactional without producer id");
	return 0;
}

/* What is asked of each record. */
struct rules {
	bool keys;
	bool times;
	int64_t now_ms;
	int64_t before_max_ms, after_max_ms;
};

static int
check_time(int64_t ts, const struct rules *c, struct leat_err *err)
{
	if (ts < 0)		/* none */
		return 0;
	if (ts > c->now_ms && ts - c->now_ms > c->after_max_ms)
		return leat_err_set(err, LEAT_CLS_RECORD, BROKER_E_TIMESTAMP,
		    "timestamp %lld is more than %lld ms in the future",
		    (long long)ts, (long long)c->after_max_ms);
	if (ts < c->now_ms && c->now_ms - ts > c->before_max_ms)
		return leat_err_set(err, LEAT_CLS_RECORD, BROKER_E_TIMESTAMP,
		    "timestamp %lld is more than %lld ms in the past",
		    (long long)ts, (long long)c->before_max_ms);
	return 0;
}

static int
check_record(const struct rules *c, int64_t index, int64_t delta, bool key,
    int64_t ts, int32_t *ret_bad, struct leat_err *err)
{
	int rc = 0;

	if (delta != index)
		rc = refuse(err, BROKER_E_RECORD,
		    "record offsets are not 0, 1, 2, ...");
	else if (c->keys && !key)
		rc = refuse(err, BROKER_E_RECORD,
		    "record without a key in a compacted topic");
	else if (c->times)
		rc = check_time(ts, c, err);
	if (rc < 0)
		*ret_bad = (int32_t)index;
	return rc;
}

/* Every record of a compressed batch; *max_ts gets the largest timestamp. */
static int
check_inflated(const uint8_t *batch, size_t len, const struct rules *c,
    int64_t *max_ts, int32_t *ret_bad, struct leat_err *err)
{
	struct batch_reader *r = batch_reader_new(BATCH_INFLATED_MAX);
	struct record rec;
	int64_t next = 0;
	int rc;

	if (r == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for a batch");
	*max_ts = -1;
	rc = batch_reader_open(r, batch, len, err);
	while (rc >= 0 && (rc = batch_reader_next(r, &rec, err)) > 0) {
		rc = check_record(c, next++, rec.offset, rec.key.ptr != NULL,
		    rec.timestamp_ms, ret_bad, err);
		if (rec.timestamp_ms > *max_ts)
			*max_ts = rec.timestamp_ms;
	}
	batch_reader_free(r);
	return rc;
}

/* A length and that many bytes, which are skipped; -1: null. */
static inline int
skip_field(const uint8_t **p, const uint8_t *end, int32_t *ret_len)
{
	int32_t n;

	if (get_varint(p, end, &n) < 0 || n < -1 || n > end - *p)
		return -1;
	*p += n > 0 ? n : 0;
	*ret_len = n;
	return 0;
}

struct plain_record {
	int64_t ts_delta;
	int32_t delta;
	int32_t key_len;
};

/* One record, which must end where its length says. */
static inline int
skip_record(const uint8_t **at, const uint8_t *end, struct plain_record *r)
{
	const uint8_t *p = *at;
	int32_t len, n, ignored;

	if (get_varint(&p, end, &len) < 0 || len <= 0 || len > end - p)
		return -1;
	end = p + len;
	p++;			/* attributes */
	if (get_varlong(&p, end, &r->ts_delta) < 0 ||
	    get_varint(&p, end, &r->delta) < 0 ||
	    skip_field(&p, end, &r->key_len) < 0 ||
	    skip_field(&p, end, &ignored) < 0 ||
	    get_varint(&p, end, &n) < 0 || n < 0)
		return -1;
	for (; n > 0; n--)
		if (skip_field(&p, end, &len) < 0 || len < 0 ||
		    skip_field(&p, end, &ignored) < 0)
			return -1;
	*at = p;
	return p == end ? 0 : -1;
}

/* The same for one that is not. */
static int
check_plain(const uint8_t *batch, const struct batch_header *h,
    const struct rules *c, int64_t *max_ts, int32_t *ret_bad,
    struct leat_err *err)
{
	const uint8_t *p = batch + RECORD_BATCH_HEADER_BYTES;
	const uint8_t *end = batch + h->size;
	struct plain_record r;
	int64_t ts, max = -1;
	int rc;

	for (int32_t i = 0; i < h->count; i++) {
		if (skip_record(&p, end, &r) < 0) {
			*ret_bad = i;
			return leat_err_set(err, LEAT_CLS_RECORD,
			    LEAT_E_CORRUPT, "record %d is damaged", i);
		}
		ts = (int64_t)((uint64_t)h->base_timestamp +
		    (uint64_t)r.ts_delta);
		rc = check_record(c, i, r.delta, r.key_len >= 0, ts, ret_bad,
		    err);
		if (rc < 0)
			return rc;
		max = ts > max ? ts : max;
	}
	*max_ts = max;
	return p == end ? 0 : leat_err_set(err, LEAT_CLS_RECORD,
	    LEAT_E_CORRUPT, "batch has bytes behind its last record");
}

int
validate_batch(uint8_t *batch, size_t len, const struct topic_config *c,
    int64_t now_ms, struct batch_header *ret_header, int32_t *ret_bad_record,
    struct leat_err *err)
{
	struct rules rules = {
		.keys = (c->cleanup & CLEANUP_COMPACT) != 0,
		.times = !c->log_append_time,
		.now_ms = now_ms,
		.before_max_ms = c->timestamp_before_max_ms,
		.after_max_ms = c->timestamp_after_max_ms,
	};
	struct batch_header h;
	int64_t max_ts;
	int rc;

	if ((rc = validate_size(batch, len, c, err)) < 0)
		return rc;
	batch_header_fields(batch, &h);
	if (crc32c(0, batch + 21, len - 21) != h.crc)
		return refuse(err, LEAT_E_CORRUPT, "checksum does not match");
	if ((rc = check_header(&h, err)) < 0)
		return rc;
	max_ts = h.max_timestamp;
	if ((h.attributes & BATCH_CODEC_MASK) == CODEC_NONE)
		rc = check_plain(batch, &h, &rules, &max_ts, ret_bad_record,
		    err);
	else if (rules.keys)
		rc = check_inflated(batch, len, &rules, &max_ts,
		    ret_bad_record, err);
	else if (rules.times)
		rc = check_time(max_ts, &rules, err);
	if (rc < 0)
		return rc;
	if (c->log_append_time) {
		h.attributes |= BATCH_LOG_APPEND_TIME;
		max_ts = now_ms;
	}
	if (max_ts != h.max_timestamp || c->log_append_time) {
		h.max_timestamp = max_ts;
		batch_header_encode(batch, &h);
		batch_seal(batch, len);
		h.crc = leat_get_u32(batch + 17);
	}
	*ret_header = h;
	return 0;
}
