/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding bytes: from offsets and timestamps to places in segment files.
 *
 * The lock is held for the search in the index, not for the walk of the last
 * few kilobytes in the log, which never change.
 */
#include <errno.h>

#include "broker/log/partition.h"
#include "core/base/obj.h"

enum { WALK_WINDOW = 4096 };

static int
out_of_range(const struct broker_partition *p, int64_t offset,
    struct leat_err *err)
{
	return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_RANGE,
	    "offset %lld of %s-%d is not in [%lld, %lld]", (long long)offset,
	    p->topic, p->number, (long long)offset_load(&p->log_start),
	    (long long)offset_load(&p->written));
}

/*
 * From `pos`, a batch boundary, to the first batch that ends behind `offset`;
 * `size` when all are before it.
 */
static int
walk_to(struct segment *s, int64_t pos, int64_t size, int64_t offset,
    int64_t *ret_pos, struct leat_err *err)
{
	struct log_scan scan;
	struct batch_header h;
	int fd, rc;

	if (pos >= size) {
		*ret_pos = size;
		return 0;
	}
	if ((fd = segment_pin(s, err)) < 0)
		return fd;
	log_scan_init(&scan, s->env->fs, fd, pos, size, WALK_WINDOW, false);
	rc = log_scan_next(&scan, &h, NULL, err);
	/* An entry of the index that is wrong: begin at the start. */
	if (pos > 0 && (rc == LEAT_E_CORRUPT ||
	    (rc > 0 && (h.base_offset < s->base || h.base_offset > offset)))) {
		log_scan_fini(&scan);
		log_scan_init(&scan, s->env->fs, fd, 0, size, WALK_WINDOW,
		    false);
		rc = log_scan_next(&scan, &h, NULL, err);
	}
	while (rc > 0 && batch_next_offset(&h) <= offset)
		rc = log_scan_next(&scan, &h, NULL, err);
	*ret_pos = rc > 0 ? scan.pos : size;
	log_scan_fini(&scan);
	segment_unpin(s);
	return rc < 0 ? leat_err_wrap(err, "%s", s->path) : 0;
}

struct place {
	struct segment *seg;	/* counted */
	int64_t from;		/* where to begin to walk */
	int64_t size;
	int64_t bound_from;	/* where to begin for the bound, -1: not here */
	bool exact;		/* `from` is the place */
};

/* The search in memory and index; 0 when there is nothing to read. */
static int
locate(struct broker_partition *p, int64_t offset, int64_t bound,
    const struct read_hint *hint, struct place *pl, struct leat_err *err)
{
	size_t i;

	lock_acquire(&p->lock);
	if (offset < p->log_start || offset > p->written || p->nsegs == 0) {
		lock_release(&p->lock);
		return out_of_range(p, offset, err);
	}
	i = partition_find_locked(p, offset);
	pl->seg = p->segs[i];
	pl->exact = hint != NULL && hint->valid && hint->offset == offset &&
	    hint->layout == p->layout && hint->base <= pl->seg->base;
	if (pl->exact && hint->base == pl->seg->base)
		pl->from = hint->pos;
	else if (pl->exact && offset == pl->seg->base)
		pl->from = 0;
	else {
		pl->exact = false;
		pl->from = segment_seek(pl->seg, offset);
	}
	/* An empty rest of a segment: what follows is in the next. */
	while (pl->from >= pl->seg->size && i + 1 < p->nsegs) {
		pl->seg = p->segs[++i];
		pl->from = 0;
	}
	pl->size = pl->seg->size;
	pl->bound_from = -1;
	if (bound < p->written && (i + 1 == p->nsegs ||
	    p->segs[i + 1]->base > bound))
		pl->bound_from = segment_seek(pl->seg, bound);
	segment_get(pl->seg);
	lock_release(&p->lock);
	return 1;
}

int
partition_range(struct broker_partition *p, int64_t offset, int64_t bound,
    int64_t max_bytes, const struct read_hint *hint, struct read_range *ret,
    struct leat_err *err)
{
	struct place pl = { 0 };
	int64_t pos, end;
	int rc = locate(p, offset, bound, hint, &pl, err);

	if (rc < 0)
		return rc;
	pos = pl.from;
	end = pl.size;
	if (!pl.exact &&
	    (rc = walk_to(pl.seg, pl.from, pl.size, offset, &pos, err)) < 0)
		goto done;
	if (offset >= bound) {
		rc = 0;
		goto done;
	}
	/* The batch with the bound itself is not to be seen. */
	if (pl.bound_from >= 0 && (rc = walk_to(pl.seg,
	    MAX(pl.bound_from, pos), pl.size, bound, &end, err)) < 0)
		goto done;
	if (pos == pl.size) {
		/* A hole at the end of a compacted segment. */
		int64_t next = -1;

		lock_acquire(&p->lock);
		for (size_t i = 0; i < p->nsegs && next < 0; i++)
			if (p->segs[i]->base > pl.seg->base)
				next = p->segs[i]->base;
		lock_release(&p->lock);
		segment_put(pl.seg);
		if (next < 0 || next <= offset || next >= bound)
			return 0;
		return partition_range(p, next, bound, max_bytes, NULL, ret,
		    err);
	}
	rc = end > pos;
	if (rc > 0) {
		ret->seg = pl.seg;
		ret->pos = pos;
		ret->len = MIN(end - pos, max_bytes);
		return 1;
	}
done:
	segment_put(pl.seg);
	return rc < 0 ? rc : 0;
}

static int64_t
bound_of(const struct broker_partition *p, enum broker_isolation isolation)
{
	return offset_load(isolation == READ_COMMITTED ? &p->stable :
	    &p->written);
}

/*
 * Cuts a range at a batch boundary, at least one batch. What is whole in front
 * of damage is read; the damage is told to who comes to it.
 */
static int
cut_slice(struct broker_partition *p, struct read_range *r, int64_t max,
    int fd, int64_t *ret_next, struct leat_err *err)
{
	struct log_scan scan;
	struct batch_header h;
	int64_t from = r->pos, at;
	bool whole = false;
	int rc;

	lock_acquire(&p->lock);
	at = segment_boundary(r->seg, r->pos, r->pos + MIN(max, r->len - 1));
	lock_release(&p->lock);
	/* Skip over what the index knows to be whole batches. */
	if (at > from && at < r->pos + r->len)
		from = at;
	log_scan_init(&scan, p->env->fs, fd, from, r->pos + r->len,
	    WALK_WINDOW, false);
	while ((rc = log_scan_next(&scan, &h, NULL, err)) > 0) {
		if (scan.next - r->pos > max && scan.pos > r->pos) {
			r->len = scan.pos - r->pos;
			*ret_next = h.base_offset;
			break;
		}
		*ret_next = batch_next_offset(&h);
		whole = true;
		if (scan.next - r->pos >= max) {
			r->len = scan.next - r->pos;
			break;
		}
	}
	if (rc == LEAT_E_CORRUPT && whole) {
		leat_err_clear(err);
		r->len = scan.next - r->pos;
		rc = 0;
	}
	log_scan_fini(&scan);
	return rc < 0 ? leat_err_wrap(err, "%s", r->seg->path) : 0;
}

int
broker_slice_get(struct broker_partition *p, int64_t offset,
    enum broker_isolation isolation, size_t max_bytes,
    struct broker_slice *ret_slice, struct leat_err *err)
{
	struct read_range r;
	int64_t next = offset;
	int fd, rc;

	OBJ_CHECK(p, PARTITION_MAGIC);
	rc = partition_range(p, offset, bound_of(p, isolation), INT32_MAX,
	    NULL, &r, err);
	if (rc <= 0)
		return rc;
	if ((fd = segment_pin(r.seg, err)) < 0) {
		segment_put(r.seg);
		return fd;
	}
	rc = cut_slice(p, &r, (int64_t)MIN(max_bytes, (size_t)INT32_MAX), fd,
	    &next, err);
	if (rc < 0) {
		segment_unpin(r.seg);
		segment_put(r.seg);
		return rc;
	}
	metric_add(p->env->read_bytes, r.len);
	*ret_slice = (struct broker_slice){ .fd = fd, .pos = r.pos,
	    .len = (size_t)r.len, .next_offset = next, .segment = r.seg };
	return 1;
}

void
broker_slice_put(struct broker_slice *s)
{
	if (s->segment == NULL)
		return;
	segment_unpin(s->segment);
	segment_put(s->segment);
	s->segment = NULL;
}

int
partition_each_batch(struct broker_partition *p,
    int (*fn)(void *arg, const struct batch_header *h, const uint8_t *batch,
    struct leat_err *err), void *arg, struct leat_err *err)
{
	int64_t at = offset_load(&p->log_start);
	struct read_range r;
	int rc = 0;

	while (rc == 0 && (rc = partition_range(p, at,
	    offset_load(&p->written), INT32_MAX, NULL, &r, err)) > 0) {
		struct batch_header h;
		struct log_scan scan;
		const uint8_t *batch;
		int fd = rc = segment_pin(r.seg, err);

		if (rc >= 0) {
			log_scan_init(&scan, p->env->fs, fd, r.pos,
			    r.pos + r.len, 1 << 18, true);
			while ((rc = log_scan_next(&scan, &h, &batch,
			    err)) > 0 &&
			    (rc = fn(arg, &h, batch, err)) >= 0)
				at = batch_next_offset(&h);
			log_scan_fini(&scan);
			segment_unpin(r.seg);
		}
		segment_put(r.seg);
	}
	return rc;
}

/* ---------------------------------------------------------- timestamps */

/* The first record of a batch with a timestamp of at least ts. */
static int
search_batch(const uint8_t *batch, size_t len, int64_t ts, int64_t from,
    int64_t *ret_offset, int64_t *ret_ts, struct leat_err *err)
{
	struct batch_reader *r = batch_reader_new(BATCH_INFLATED_MAX);
	struct record rec;
	int rc;

	if (r == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for a batch");
	rc = batch_reader_open(r, batch, len, err);
	while (rc >= 0 && (rc = batch_reader_next(r, &rec, err)) > 0)
		if (rec.timestamp_ms >= ts && rec.offset >= from) {
			*ret_offset = rec.offset;
			*ret_ts = rec.timestamp_ms;
			break;
		}
	batch_reader_free(r);
	return rc;
}

static int
search_segment(struct broker_partition *p, struct segment *s, int64_t pos,
    int64_t size, int64_t ts, int64_t *ret_offset, int64_t *ret_ts,
    struct leat_err *err)
{
	int64_t from = offset_load(&p->log_start);
	struct batch_header h;
	struct log_scan scan, one;
	const uint8_t *batch;
	int fd, rc;

	if ((fd = segment_pin(s, err)) < 0)
		return fd;
	log_scan_init(&scan, p->env->fs, fd, pos, size, WALK_WINDOW, false);
	while ((rc = log_scan_next(&scan, &h, NULL, err)) > 0) {
		if (h.max_timestamp < ts || batch_next_offset(&h) <= from ||
		    (h.attributes & BATCH_CONTROL) != 0)
			continue;
		log_scan_init(&one, p->env->fs, fd, scan.pos, scan.next,
		    (size_t)(scan.next - scan.pos), true);
		rc = log_scan_next(&one, &h, &batch, err);
		if (rc > 0)
			rc = search_batch(batch, h.size, ts, from, ret_offset,
			    ret_ts, err);
		log_scan_fini(&one);
		if (rc != 0)
			break;
	}
	log_scan_fini(&scan);
	segment_unpin(s);
	return rc;
}

int
broker_partition_offset_at(struct broker_partition *p, int64_t ts_ms,
    int64_t *ret_offset, int64_t *ret_ts_ms, struct leat_err *err)
{
	int64_t seen = -1;
	int rc = 0;

	OBJ_CHECK(p, PARTITION_MAGIC);
	while (rc == 0) {
		struct segment *s = NULL;
		int64_t pos = 0, size = 0;

		lock_acquire(&p->lock);
		for (size_t i = 0; i < p->nsegs && s == NULL; i++) {
			struct segment *c = p->segs[i];

			if (c->base <= seen)
				continue;
			segment_load_stats(c);
			if (c->max_ts >= ts_ms || i + 1 == p->nsegs) {
				s = c;
				segment_get(s);
				pos = segment_seek_time(s, ts_ms);
				size = s->size;
			}
		}
		lock_release(&p->lock);
		if (s == NULL)
			break;
		rc = search_segment(p, s, pos, size, ts_ms, ret_offset,
		    ret_ts_ms, err);
		seen = s->base;
		segment_put(s);
	}
	if (rc < 0)
		return rc;
	if (rc == 0) {
		*ret_offset = -1;
		*ret_ts_ms = -1;
	}
	return 0;
}

int
broker_partition_offset_of_max(struct broker_partition *p,
    int64_t *ret_offset, int64_t *ret_ts_ms, struct leat_err *err)
{
	int64_t max = -1;

	OBJ_CHECK(p, PARTITION_MAGIC);
	lock_acquire(&p->lock);
	for (size_t i = 0; i < p->nsegs; i++) {
		segment_load_stats(p->segs[i]);
		max = MAX(max, p->segs[i]->max_ts);
	}
	lock_release(&p->lock);
	return broker_partition_offset_at(p, max < 0 ? INT64_MAX : max,
	    ret_offset, ret_ts_ms, err);
}
