/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checks of a Produce request.
 *
 * Records are walked one by one when they are not compressed, and when the
 * topic is compacted; a compressed batch for an ordinary topic is taken by its
 * header, as inflating it would cost more than all the rest.
 */
#include "broker/log/validate.h"

#include <errno.h>

#include <leat/wire.h>

#include "broker/broker.h"

static int
refuse(struct leat_err *err, int code, const char *why)
{
	return leat_err_set(err, LEAT_CLS_RECORD, code, "batch refused: %s",
	    why);
}

static int
check_header(const struct batch_header *h, size_t len,
    const struct topic_config *c, struct leat_err *err)
{
	if (h->size != len)
		return refuse(err, BROKER_E_RECORD, "not exactly one batch");
	if (h->base_offset != 0)
		return refuse(err, BROKER_E_RECORD, "base offset is not 0");
	if (h->count <= 0 || h->last_offset_delta != h->count - 1)
		return refuse(err, BROKER_E_RECORD,
		    "number of records does not fit the offsets");
	if ((h->attributes & BATCH_CONTROL) != 0)
		return refuse(err, BROKER_E_RECORD, "control batch");
	if ((h->attributes & BATCH_DELETE_HORIZON) != 0)
		return refuse(err, BROKER_E_RECORD, "delete horizon is set");
	if (h->producer_id >= 0 &&
	    (h->base_sequence < 0 || h->producer_epoch < 0))
		return refuse(err, BROKER_E_RECORD,
		    "producer id without sequence");
	if ((h->attributes & BATCH_TRANSACTIONAL) != 0 && h->producer_id < 0)
		return refuse(err, BROKER_E_RECORD,
		    "transactional without producer id");
	if ((int64_t)len > c->max_message_bytes)
		return leat_err_set(err, LEAT_CLS_RECORD, BROKER_E_TOO_LARGE,
		    "batch of %zu bytes is larger than max.message.bytes %lld",
		    len, (long long)c->max_message_bytes);
	if ((int64_t)len > c->segment_bytes)
		return leat_err_set(err, LEAT_CLS_RECORD, BROKER_E_TOO_LARGE,
		    "batch of %zu bytes is larger than segment.bytes %lld",
		    len, (long long)c->segment_bytes);
	return 0;
}

static int
check_time(int64_t ts, const struct topic_config *c, int64_t now_ms,
    struct leat_err *err)
{
	if (ts < 0)		/* none */
		return 0;
	if (ts > now_ms && ts - now_ms > c->timestamp_after_max_ms)
		return leat_err_set(err, LEAT_CLS_RECORD, BROKER_E_TIMESTAMP,
		    "timestamp %lld is more than %lld ms in the future",
		    (long long)ts, (long long)c->timestamp_after_max_ms);
	if (ts < now_ms && now_ms - ts > c->timestamp_before_max_ms)
		return leat_err_set(err, LEAT_CLS_RECORD, BROKER_E_TIMESTAMP,
		    "timestamp %lld is more than %lld ms in the past",
		    (long long)ts, (long long)c->timestamp_before_max_ms);
	return 0;
}

/* Every record; *max_ts gets the largest timestamp. */
static int
check_records(const uint8_t *batch, size_t len, const struct topic_config *c,
    int64_t now_ms, int64_t *max_ts, struct leat_err *err)
{
	bool compact = (c->cleanup & CLEANUP_COMPACT) != 0;
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
		if (rec.offset != next++)
			rc = refuse(err, BROKER_E_RECORD,
			    "record offsets are not 0, 1, 2, ...");
		else if (compact && rec.key.ptr == NULL)
			rc = refuse(err, BROKER_E_RECORD,
			    "record without a key in a compacted topic");
		else if (!c->log_append_time)
			rc = check_time(rec.timestamp_ms, c, now_ms, err);
		if (rec.timestamp_ms > *max_ts)
			*max_ts = rec.timestamp_ms;
	}
	batch_reader_free(r);
	return rc;
}

int
validate_batch(uint8_t *batch, size_t len, const struct topic_config *c,
    int64_t now_ms, struct batch_header *ret_header, struct leat_err *err)
{
	struct batch_header h;
	int64_t max_ts;
	int rc;

	rc = batch_header_decode(batch, len, true, &h, err);
	if (rc > 0)
		return refuse(err, LEAT_E_CORRUPT, "it is cut off");
	if (rc < 0 || (rc = check_header(&h, len, c, err)) < 0)
		return rc;
	if ((h.attributes & BATCH_LOG_APPEND_TIME) != 0)
		return refuse(err, BROKER_E_TIMESTAMP,
		    "a client may not set the append time");
	max_ts = h.max_timestamp;
	if ((h.attributes & BATCH_CODEC_MASK) == CODEC_NONE ||
	    (c->cleanup & CLEANUP_COMPACT) != 0)
		rc = check_records(batch, len, c, now_ms, &max_ts, err);
	else if (!c->log_append_time)
		rc = check_time(max_ts, c, now_ms, err);
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
