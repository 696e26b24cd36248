/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader of records in this process.
 *
 * It reads whole batches into its buffer, steps from batch to batch there, and
 * remembers the file position behind the last one, so that reading in order
 * needs no index.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <leat/wire.h>

#include "broker/log/partition.h"
#include "core/base/obj.h"

#define READER_MAGIC 0x4ead3401

enum { FIRST_BYTES = 4096, HELD_MAX = 1 << 20, ABORTED_MAX = 1 << 20 };

struct aborted {
	int64_t producer_id;
	int64_t first_offset;
};

struct broker_reader {
	unsigned magic;
	struct broker_partition *part;
	enum broker_isolation isolation;
	int64_t offset;			/* the next record is there or behind */
	struct read_hint hint;
	struct leat_buf buf;		/* whole batches */
	size_t at;			/* of the next batch in buf */
	struct batch_reader *batch;
	bool in_batch;
	struct aborted *aborted;	/* of what is loaded, by first offset */
	size_t naborted;
	size_t cap_aborted;
};

struct broker_reader *
broker_reader_open(struct broker_partition *p, int64_t offset,
    enum broker_isolation isolation, struct leat_err *err)
{
	struct broker_reader *r = calloc(1, sizeof(*r));

	OBJ_CHECK(p, PARTITION_MAGIC);
	if (r == NULL ||
	    (r->batch = batch_reader_new(BATCH_INFLATED_MAX)) == NULL) {
		free(r);
		leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for a reader");
		return NULL;
	}
	r->magic = READER_MAGIC;
	r->isolation = isolation;
	r->offset = offset;
	r->part = p;
	partition_get(p);
	leat_buf_init(&r->buf, (size_t)INT32_MAX + 12 + 1);
	return r;
}

void
broker_reader_close(struct broker_reader *r)
{
	if (r == NULL)
		return;
	OBJ_CHECK(r, READER_MAGIC);
	broker_partition_put(r->part);
	batch_reader_free(r->batch);
	leat_buf_fini(&r->buf);
	free(r->aborted);
	OBJ_FREE(r);
}

int64_t
broker_reader_offset(const struct broker_reader *r)
{
	return r->offset;
}

void
broker_reader_seek(struct broker_reader *r, int64_t offset)
{
	r->offset = offset;
	r->in_batch = false;
	r->at = r->buf.len;
}

size_t
broker_reader_held(const struct broker_reader *r)
{
	return sizeof(*r) + r->buf.cap + batch_reader_held(r->batch) +
	    r->cap_aborted * sizeof(*r->aborted);
}

/* ---------------------------------------------------------------- fill */

static int
load_range(struct broker_reader *r, const struct read_range *range,
    size_t len, struct leat_err *err)
{
	const struct fsio *fs = r->part->env->fs;
	size_t have = r->buf.len;
	int fd, rc;

	if (leat_buf_reserve(&r->buf, len - have) == NULL) {
		r->buf.failed = false;
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory to read %zu bytes", len);
	}
	if ((fd = segment_pin(range->seg, err)) < 0)
		return fd;
	rc = fsio_pread_full(fs, fd, r->buf.data + have, len - have,
	    range->pos + (int64_t)have, err);
	segment_unpin(range->seg);
	if (rc == 0)
		r->buf.len = len;
	return rc;
}

/* Bytes of whole batches in the buffer; *ret_next gets what follows them. */
static int
whole_batches(const struct broker_reader *r, size_t *ret_len,
    int64_t *ret_next, size_t *ret_first, struct leat_err *err)
{
	struct batch_header h;
	size_t at = 0;

	*ret_first = RECORD_BATCH_HEADER_BYTES;
	while (r->buf.len - at >= RECORD_BATCH_HEADER_BYTES) {
		int rc = batch_header_decode(r->buf.data + at,
		    r->buf.len - at, false, &h, err);

		if (rc < 0)
			return rc;
		if (at == 0)
			*ret_first = h.size;
		if (h.size > r->buf.len - at)
			break;
		at += h.size;
		*ret_next = batch_next_offset(&h);
	}
	*ret_len = at;
	return 0;
}

/* Loads whole batches, more than max_bytes only for the first one. */
static int
load_batches(struct broker_reader *r, const struct read_range *range,
    size_t max_bytes, struct leat_err *err)
{
	size_t want = (size_t)MIN(range->len, (int64_t)max_bytes);
	size_t len = 0, first = 0;
	int64_t next = r->offset;
	int rc;

	/* Give back what one large batch took. */
	if (r->buf.cap > HELD_MAX && want < r->buf.cap / 4)
		leat_buf_fini(&r->buf);
	leat_buf_reset(&r->buf);
	for (;;) {
		if ((rc = load_range(r, range, want, err)) < 0 ||
		    (rc = whole_batches(r, &len, &next, &first, err)) < 0)
			return leat_err_wrap(err, "%s at %lld",
			    range->seg->path, (long long)range->pos);
		if (len > 0)
			break;
		if ((int64_t)first > range->len || first <= want)
			return leat_err_set(err, LEAT_CLS_FATAL,
			    LEAT_E_CORRUPT, "%s at %lld: batch of %zu bytes "
			    "does not end in the log", range->seg->path,
			    (long long)range->pos, first);
		want = first;
	}
	r->buf.len = len;
	r->hint = (struct read_hint){ .offset = next, .base = range->seg->base,
	    .pos = range->pos + (int64_t)len, .layout = r->hint.layout,
	    .valid = true };
	metric_add(r->part->env->read_bytes, (int64_t)len);
	return 1;
}

static int
add_aborted(void *arg, int64_t producer_id, int64_t first_offset)
{
	struct broker_reader *r = arg;
	size_t i;

	if (r->naborted == r->cap_aborted) {
		size_t cap = r->cap_aborted == 0 ? 16 : r->cap_aborted * 2;
		void *more = cap > ABORTED_MAX ? NULL :
		    realloc(r->aborted, cap * sizeof(*r->aborted));

		if (more == NULL)
			return -ENOMEM;
		r->aborted = more;
		r->cap_aborted = cap;
	}
	/* They come by marker; nearly in order. */
	for (i = r->naborted; i > 0 &&
	    r->aborted[i - 1].first_offset > first_offset; i--)
		r->aborted[i] = r->aborted[i - 1];
	r->aborted[i] = (struct aborted){ producer_id, first_offset };
	r->naborted++;
	return 0;
}

static int
load_aborted(struct broker_reader *r, struct leat_err *err)
{
	int rc;

	r->naborted = 0;
	if (r->isolation != READ_COMMITTED)
		return 0;
	rc = broker_aborted_each(r->part, r->offset, r->hint.offset,
	    add_aborted, r, err);
	if (rc == -ENOMEM)
		leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for aborted transactions");
	return rc;
}

int
broker_reader_fill(struct broker_reader *r, size_t max_bytes,
    struct leat_err *err)
{
	struct broker_partition *p = r->part;
	struct read_range range = { 0 };
	uint32_t layout;
	int64_t bound;
	int rc;

	OBJ_CHECK(r, READER_MAGIC);
	if (r->at < r->buf.len || r->in_batch)
		return 1;
	if (r->offset < offset_load(&p->log_start))
		r->offset = offset_load(&p->log_start);
	bound = offset_load(r->isolation == READ_COMMITTED ? &p->stable :
	    &p->written);
	if (r->offset >= bound && r->offset <= offset_load(&p->written))
		return 0;
	layout = __atomic_load_n(&p->layout, __ATOMIC_SEQ_CST);
	rc = partition_range(p, r->offset, bound, INT32_MAX,
	    r->hint.layout == layout ? &r->hint : NULL, &range, err);
	if (rc <= 0)
		return rc;
	r->hint.layout = layout;
	rc = load_batches(r, &range, MAX(max_bytes, (size_t)FIRST_BYTES), err);
	segment_put(range.seg);
	if (rc < 0 || (rc = load_aborted(r, err)) < 0) {
		leat_buf_reset(&r->buf);
		r->at = 0;
		r->hint.valid = false;
		return rc;
	}
	r->at = 0;
	return 1;
}

/* ---------------------------------------------------------------- next */

/*
 * Is this batch of an aborted transaction? An entry is in force from its first
 * offset until the producer's marker.
 */
static bool
is_aborted(struct broker_reader *r, const struct batch_header *h)
{
	for (size_t i = 0; i < r->naborted; i++) {
		if (r->aborted[i].first_offset > h->base_offset)
			break;
		if (r->aborted[i].producer_id == h->producer_id)
			return true;
	}
	return false;
}

static void
end_aborted(struct broker_reader *r, const struct batch_header *h)
{
	for (size_t i = 0; i < r->naborted; i++) {
		if (r->aborted[i].first_offset > h->base_offset)
			return;
		if (r->aborted[i].producer_id != h->producer_id)
			continue;
		memmove(r->aborted + i, r->aborted + i + 1,
		    (r->naborted - i - 1) * sizeof(*r->aborted));
		r->naborted--;
		return;
	}
}

/* Steps to the next batch that has records to show: 1, 0 when none is left. */
static int
next_batch(struct broker_reader *r, struct leat_err *err)
{
	while (r->at < r->buf.len) {
		const uint8_t *p = r->buf.data + r->at;
		struct batch_header h;
		bool skip;
		int rc;

		rc = batch_header_decode(p, r->buf.len - r->at, true, &h, err);
		if (rc != 0)
			return rc < 0 ? rc : LEAT_E_CORRUPT;
		r->at += h.size;
		skip = (h.attributes & BATCH_CONTROL) != 0 || h.count == 0 ||
		    batch_next_offset(&h) <= r->offset;
		if (r->naborted > 0 && (h.attributes & BATCH_CONTROL) != 0)
			end_aborted(r, &h);
		else if (r->naborted > 0 && !skip &&
		    (h.attributes & BATCH_TRANSACTIONAL) != 0)
			skip = is_aborted(r, &h);
		if (skip) {
			r->offset = MAX(r->offset, batch_next_offset(&h));
			continue;
		}
		if ((rc = batch_reader_open(r->batch, p, h.size, err)) < 0)
			return rc;
		r->in_batch = true;
		return 1;
	}
	return 0;
}

int
broker_reader_next(struct broker_reader *r, struct record *ret_record,
    struct leat_err *err)
{
	int rc;

	OBJ_CHECK(r, READER_MAGIC);
	for (;;) {
		if (!r->in_batch && (rc = next_batch(r, err)) <= 0)
			break;
		rc = batch_reader_next(r->batch, ret_record, err);
		if (rc < 0)
			break;
		if (rc == 0) {
			r->offset = MAX(r->offset, batch_next_offset(
			    batch_reader_header(r->batch)));
			r->in_batch = false;
			/*
			 * The next batch would be inflated over this one, whose
			 * records hold until the next fill.
			 */
			if ((batch_reader_header(r->batch)->attributes &
			    BATCH_CODEC_MASK) != 0)
				return 0;
			continue;
		}
		if (ret_record->offset < r->offset)
			continue;
		r->offset = ret_record->offset + 1;
		return 1;
	}
	if (rc < 0) {
		r->in_batch = false;
		leat_err_wrap(err, "%s-%d", r->part->topic, r->part->number);
	}
	return rc;
}
