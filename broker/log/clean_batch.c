/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compacting one batch.
 *
 * A record stays when it is the newest of its key, or newer than what the map
 * covers. A tombstone stays until its horizon, which is written into the batch
 * when it is first cleaned: bit 6, and the time in place of the base timestamp.
 * A marker stays while data of its transaction does, and then until a horizon.
 */
#include "broker/log/clean_batch.h"

#include <errno.h>
#include <string.h>

#include <leat/wire.h>

#include "broker/log/varint.h"

int
cleaning_init(struct cleaning *c)
{
	memset(c, 0, sizeof(*c));
	leat_buf_init(&c->records, BATCH_INFLATED_MAX);
	leat_buf_init(&c->out, (size_t)INT32_MAX);
	c->reader = batch_reader_new(BATCH_INFLATED_MAX);
	return c->reader == NULL ? -ENOMEM : 0;
}

void
cleaning_fini(struct cleaning *c)
{
	leat_map_fini(&c->kept);
	batch_reader_free(c->reader);
	codec_fini(&c->codec);
	leat_buf_fini(&c->records);
	leat_buf_fini(&c->out);
}

bool
cleaning_is_aborted(const struct cleaning *c, const struct batch_header *h)
{
	if ((h->attributes & BATCH_TRANSACTIONAL) == 0)
		return false;
	for (size_t i = 0; i < c->naborted; i++)
		if (c->aborted[i].producer_id == h->producer_id &&
		    c->aborted[i].first_offset <= h->base_offset &&
		    c->aborted[i].last_offset > h->base_offset)
			return true;
	return false;
}

static struct leat_str
producer_key(const struct batch_header *h)
{
	return (struct leat_str){ (const char *)&h->producer_id, 8 };
}

/* The header alone: it keeps offsets and a producer's sequence. */
static int
empty_header(struct cleaning *c, const struct batch_header *h,
    const uint8_t **ret_data, size_t *ret_len)
{
	struct batch_header e = *h;

	leat_buf_reset(&c->out);
	if (leat_buf_reserve(&c->out, RECORD_BATCH_HEADER_BYTES) == NULL)
		return -ENOMEM;
	e.count = 0;
	e.base_timestamp = -1;
	e.attributes &= (uint16_t) ~(BATCH_DELETE_HORIZON | BATCH_CODEC_MASK);
	batch_header_encode(c->out.data, &e);
	batch_seal(c->out.data, RECORD_BATCH_HEADER_BYTES);
	*ret_data = c->out.data;
	*ret_len = RECORD_BATCH_HEADER_BYTES;
	return 1;
}

static void
put_bytes(struct leat_buf *to, struct leat_str s)
{
	leat_write_varint(to, s.ptr == NULL ? -1 : (int32_t)s.len);
	if (s.ptr != NULL)
		(void)leat_buf_add(to, s.ptr, s.len);
}

static size_t
bytes_len(struct leat_str s)
{
	return s.ptr == NULL ? 1 : varlong_len((int64_t)s.len) + s.len;
}

static void
put_record(struct leat_buf *to, const struct record *rec, int64_t base_offset,
    int64_t base_ts)
{
	int32_t delta = (int32_t)(rec->offset - base_offset);
	int64_t ts = (int64_t)((uint64_t)rec->timestamp_ms -
	    (uint64_t)base_ts);
	size_t len = 1 + varlong_len(ts) + varlong_len(delta) +
	    bytes_len(rec->key) + bytes_len(rec->value) +
	    varlong_len(rec->nheaders);

	for (uint32_t i = 0; i < rec->nheaders; i++)
		len += bytes_len(rec->headers[i].name) +
		    bytes_len(rec->headers[i].value);
	leat_write_varint(to, (int32_t)len);
	leat_write_u8(to, 0);
	leat_write_varlong(to, ts);
	leat_write_varint(to, delta);
	put_bytes(to, rec->key);
	put_bytes(to, rec->value);
	leat_write_varint(to, (int32_t)rec->nheaders);
	for (uint32_t i = 0; i < rec->nheaders; i++) {
		put_bytes(to, rec->headers[i].name);
		put_bytes(to, rec->headers[i].value);
	}
}

/* Has the batch a horizon that has passed? */
static bool
past_horizon(const struct cleaning *c, const struct batch_header *h)
{
	return (h->attributes & BATCH_DELETE_HORIZON) != 0 &&
	    c->now_ms >= h->base_timestamp;
}

static bool
keep(const struct cleaning *c, const struct batch_header *h,
    const struct record *rec)
{
	if (rec->offset >= c->map_end)
		return true;
	if (rec->key.ptr == NULL ||
	    rec->offset < key_map_get(c->map, rec->key))
		return false;
	return rec->value.ptr != NULL || !past_horizon(c, h);
}

struct outcome {
	int32_t kept;
	bool tombstone;		/* one that may go later was kept */
	int64_t first_ts;
	int64_t max_ts;
};

/* Looks, and in the second pass (base_ts given) writes what stays. */
static int
walk(struct cleaning *c, const struct batch_header *h, const uint8_t *batch,
    const int64_t *base_ts, struct outcome *o, struct leat_err *err)
{
	struct record rec;
	int rc = batch_reader_open(c->reader, batch, h->size, err);

	*o = (struct outcome){ .first_ts = -1, .max_ts = -1 };
	while (rc >= 0 &&
	    (rc = batch_reader_next(c->reader, &rec, err)) > 0) {
		if (!keep(c, h, &rec))
			continue;
		if (o->kept++ == 0)
			o->first_ts = rec.timestamp_ms;
		if (rec.timestamp_ms > o->max_ts)
			o->max_ts = rec.timestamp_ms;
		if (rec.value.ptr == NULL && rec.offset < c->map_end)
			o->tombstone = true;
		if (base_ts != NULL)
			put_record(&c->records, &rec, h->base_offset,
			    *base_ts);
	}
	return rc;
}

/* Builds the batch anew with what stays. */
static int
rebuild(struct cleaning *c, const struct batch_header *h,
    const uint8_t *batch, int64_t base_ts, bool horizon,
    const uint8_t **ret_data, size_t *ret_len, struct leat_err *err)
{
	enum record_codec kind =
	    (enum record_codec)(h->attributes & BATCH_CODEC_MASK);
	struct batch_header n = *h;
	struct outcome o;
	int rc;

	leat_buf_reset(&c->records);
	leat_buf_reset(&c->out);
	if ((rc = walk(c, h, batch, &base_ts, &o, err)) < 0)
		return rc;
	if (c->records.failed ||
	    leat_buf_reserve(&c->out, RECORD_BATCH_HEADER_BYTES) == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for a batch");
	c->out.len = RECORD_BATCH_HEADER_BYTES;
	if ((rc = codec_compress(&c->codec, kind, 0, c->records.data,
	    c->records.len, &c->out, err)) < 0)
		return rc;
	n.count = o.kept;
	n.base_timestamp = base_ts;
	if ((h->attributes & BATCH_LOG_APPEND_TIME) == 0)
		n.max_timestamp = o.max_ts;
	if (horizon)
		n.attributes |= BATCH_DELETE_HORIZON;
	batch_header_encode(c->out.data, &n);
	batch_seal(c->out.data, c->out.len);
	*ret_data = c->out.data;
	*ret_len = c->out.len;
	return 1;
}

static int
clean_data(struct cleaning *c, const struct batch_header *h,
    const uint8_t *batch, const uint8_t **ret_data, size_t *ret_len,
    struct leat_err *err)
{
	bool had = (h->attributes & BATCH_DELETE_HORIZON) != 0, horizon;
	struct outcome o;
	int rc = walk(c, h, batch, NULL, &o, err);

	if (rc < 0 || o.kept == 0)
		return rc;
	if ((h->attributes & BATCH_TRANSACTIONAL) != 0 &&
	    leat_map_set(&c->kept, producer_key(h), c, NULL) < 0)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for producers");
	horizon = had || o.tombstone;
	if (o.kept == h->count && horizon == had) {
		*ret_data = batch;
		*ret_len = h->size;
		return 1;
	}
	return rebuild(c, h, batch, had ? h->base_timestamp : horizon ?
	    c->now_ms + c->delete_retention_ms : o.first_ts, horizon,
	    ret_data, ret_len, err);
}

/* A marker: kept with its data, then until its horizon. */
static int
clean_marker(struct cleaning *c, const struct batch_header *h,
    const uint8_t *batch, const uint8_t **ret_data, size_t *ret_len)
{
	bool data = leat_map_remove(&c->kept, producer_key(h)) != NULL;
	struct batch_header n = *h;
	const uint8_t *p = batch + RECORD_BATCH_HEADER_BYTES;
	const uint8_t *end = batch + h->size;
	int64_t ts, base_ts = c->now_ms + c->delete_retention_ms;
	int32_t len;

	if (h->count == 0)
		return 0;
	*ret_data = batch;
	*ret_len = h->size;
	if (data || h->base_offset >= c->map_end)
		return 1;
	if ((h->attributes & BATCH_DELETE_HORIZON) != 0)
		return !past_horizon(c, h);
	/* The same record with its timestamp relative to the horizon. */
	if (get_varint(&p, end, &len) < 0 || p++ == end ||
	    get_varlong(&p, end, &ts) < 0)
		return 1;
	leat_buf_reset(&c->out);
	if (leat_buf_reserve(&c->out, RECORD_BATCH_HEADER_BYTES) == NULL)
		return -ENOMEM;
	c->out.len = RECORD_BATCH_HEADER_BYTES;
	ts = h->base_timestamp + ts - base_ts;
	leat_write_varint(&c->out, (int32_t)(1 + varlong_len(ts) +
	    (size_t)(end - p)));
	leat_write_u8(&c->out, 0);
	leat_write_varlong(&c->out, ts);
	(void)leat_buf_add(&c->out, p, (size_t)(end - p));
	if (c->out.failed)
		return -ENOMEM;
	n.base_timestamp = base_ts;
	n.attributes |= BATCH_DELETE_HORIZON;
	batch_header_encode(c->out.data, &n);
	batch_seal(c->out.data, c->out.len);
	*ret_data = c->out.data;
	*ret_len = c->out.len;
	return 1;
}

int
cleaning_batch(struct cleaning *c, const struct batch_header *h,
    const uint8_t *batch, bool must_stay, const uint8_t **ret_data,
    size_t *ret_len, struct leat_err *err)
{
	int rc;

	if ((h->attributes & BATCH_CONTROL) != 0)
		rc = clean_marker(c, h, batch, ret_data, ret_len);
	else if (h->count == 0 || cleaning_is_aborted(c, h))
		rc = 0;
	else
		rc = clean_data(c, h, batch, ret_data, ret_len, err);
	if (rc == 0 && must_stay)
		rc = empty_header(c, h, ret_data, ret_len);
	if (rc == -ENOMEM)
		leat_err_set(err, LEAT_CLS_RETRY, rc,
		    "out of memory for compaction");
	return rc;
}
