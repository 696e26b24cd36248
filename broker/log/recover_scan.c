/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a segment after an unclean stop: indexes and producer state are built
 * anew.
 *
 * What is before the recovery point is durable and was checked when it was
 * appended; its headers are walked, which costs a read of a few bytes a batch.
 * What is behind it may be torn, and is read whole.
 */
#include "broker/log/recover.h"

#include <errno.h>
#include <stdlib.h>

#include <zlib.h>

#include <leat/wire.h>

#include "core/base/obj.h"

enum { WINDOW = 1 << 20, HEADER_WINDOW = 4096, LENGTH_MAX = INT32_MAX };

int
recover_replay(struct broker_partition *p, struct segment *note_aborted,
    const struct batch_header *h, const uint8_t *batch, struct leat_err *err)
{
	struct aborted_txn t;
	int32_t epoch = 0;
	int marker, rc;

	if (h->producer_id < 0)
		return 0;
	if ((h->attributes & BATCH_CONTROL) == 0) {
		/* A header that compaction left empty keeps the sequence. */
		rc = producers_update(&p->producers, h);
	} else if (h->count == 0) {
		rc = 0;
	} else {
		marker = batch_marker_decode(batch, h->size, &epoch);
		if (marker != MARKER_ABORT && marker != MARKER_COMMIT)
			return 0;
		rc = producers_end_txn(&p->producers, h, marker, epoch, &t);
		if (rc == 1)
			rc = note_aborted == NULL ? 0 :
			    aborted_append(note_aborted, &t, err);
	}
	if (rc == -ENOMEM)
		leat_err_set(err, LEAT_CLS_RETRY, rc,
		    "out of memory for producers");
	return rc;
}

static int
reset_segment(struct segment *s, struct leat_err *err)
{
	const struct fsio *fs = s->env->fs;
	char path[4096];
	int rc;

	seg_index_reset(&s->offsets);
	seg_index_reset(&s->times);
	s->since_index = 0;
	s->indexed_ts = s->max_ts = s->first_ts = -1;
	s->stats_known = true;
	s->has_aborted = false;
	segment_sibling(s, SEG_TXNINDEX, path, sizeof(path));
	rc = fs->unlink(fs, path);
	if (rc < 0 && rc != -ENOENT)
		return leat_err_set(err, LEAT_CLS_RETRY, rc, "unlink %s",
		    path);
	return 0;
}

struct walk {
	struct broker_partition *p;
	struct segment *s;
	int fd;
	int64_t next;		/* the offset that may come now, at least */
	int64_t limit;		/* where the next segment begins */
};

static int
check_order(const struct walk *w, const struct batch_header *h,
    struct leat_err *err)
{
	if (h->base_offset >= w->next && batch_next_offset(h) <= w->limit &&
	    h->base_offset + h->last_offset_delta - w->s->base <= INT32_MAX)
		return 0;
	return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_CORRUPT,
	    "offset %lld does not follow %lld", (long long)h->base_offset,
	    (long long)w->next);
}

/* What a batch does to the producers; batch NULL: only its header is read. */
static int
replay(const struct walk *w, const struct log_scan *scan,
    struct batch_header *h, const uint8_t *batch, struct leat_err *err)
{
	struct log_scan one;
	int rc = 1;

	if (batch != NULL || (h->attributes & BATCH_CONTROL) == 0)
		return recover_replay(w->p, w->s, h, batch, err);
	log_scan_init(&one, scan->fs, w->fd, scan->pos, scan->next, h->size,
	    true);
	if ((rc = log_scan_next(&one, h, &batch, err)) > 0)
		rc = recover_replay(w->p, w->s, h, batch, err);
	log_scan_fini(&one);
	return rc;
}

/*
 * Takes batches in up to the first with an offset at or behind `until`. When
 * bytes are bad, or that is reached, scan->next is where they stand.
 */
static int
walk(struct walk *w, struct log_scan *scan, int64_t until,
    struct leat_err *err)
{
	struct batch_header h;
	const uint8_t *batch;
	int rc;

	while ((rc = log_scan_next(scan, &h, &batch, err)) > 0) {
		if (h.base_offset >= until ||
		    (rc = check_order(w, &h, err)) < 0 ||
		    (rc = replay(w, scan, &h, batch, err)) < 0) {
			scan->next = scan->pos;
			break;
		}
		w->next = batch_next_offset(&h);
		segment_note(w->s, &h, scan->pos,
		    w->p->config.index_interval_bytes);
	}
	return rc;
}

int
recover_scan(struct broker_partition *p, size_t i, int64_t recovery_point,
    int64_t *ret_bad, struct recovered *stats, struct leat_err *err)
{
	struct segment *s = p->segs[i];
	struct walk w = { .p = p, .s = s, .next = s->base,
		.limit = i + 1 < p->nsegs ? p->segs[i + 1]->base : INT64_MAX };
	int64_t size = s->size, pos;
	struct log_scan scan;
	int rc;

	if ((rc = reset_segment(s, err)) < 0 ||
	    (w.fd = rc = segment_pin(s, err)) < 0)
		return rc;
	s->size = 0;
	s->next_offset = s->base;
	log_scan_init(&scan, p->env->fs, w.fd, 0, size, HEADER_WINDOW, false);
	rc = recovery_point <= s->base ? 0 :
	    walk(&w, &scan, recovery_point, err);
	pos = scan.next;
	if (rc >= 0 && pos < size) {
		stats->scanned_bytes += size - pos;
		log_scan_fini(&scan);
		log_scan_init(&scan, p->env->fs, w.fd, pos, size, WINDOW,
		    true);
		rc = walk(&w, &scan, INT64_MAX, err);
	}
	if (rc == LEAT_E_CORRUPT) {
		*ret_bad = scan.next;
		rc = 1;
	}
	log_scan_fini(&scan);
	segment_unpin(s);
	return rc;
}

/* Is there a whole, valid batch at p? Cheap tests first. */
static bool
batch_at(const uint8_t *p, size_t len, int64_t min_offset)
{
	struct batch_header h;

	return p[16] == 2 && (int32_t)leat_get_u32(p + 8) >=
	    BATCH_LENGTH_MIN && (int64_t)leat_get_u64(p) >= min_offset &&
	    batch_header_decode(p, len, true, &h, NULL) == 0;
}

int
recover_more_behind(struct broker_partition *p, size_t i, int64_t pos,
    int64_t file_size, struct leat_err *err)
{
	struct segment *s = p->segs[i];
	int64_t len = file_size - pos;
	uint8_t *data;
	int fd, rc = 0;

	for (size_t k = i + 1; k < p->nsegs; k++)
		if (p->segs[k]->size > 0)
			return 1;
	if (len < RECORD_BATCH_HEADER_BYTES)
		return 0;
	if ((data = malloc((size_t)len)) == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory to check %lld bytes", (long long)len);
	if ((fd = rc = segment_pin(s, err)) >= 0) {
		rc = fsio_pread_full(p->env->fs, fd, data, (size_t)len, pos,
		    err);
		segment_unpin(s);
	}
	for (int64_t at = 1; rc == 0 &&
	    at + RECORD_BATCH_HEADER_BYTES <= len; at++)
		if (batch_at(data + at, (size_t)(len - at), s->next_offset))
			rc = 1;
	free(data);
	return rc;
}

/*
 * Messages of before format 2: offset (8), length (4), CRC-32 of what follows
 * (4), magic (1). The magic stands where batches have it.
 */
bool
recover_is_old_format(struct broker_partition *p, size_t i, int64_t pos,
    int64_t file_size)
{
	enum { HEAD = 17,
		LENGTH_LEAST = 14,
		LENGTH_MOST = 64 << 20 };
	struct segment *s = p->segs[i];
	uint8_t head[HEAD], *data = NULL;
	bool is_old = false;
	int32_t length;
	int fd;

	if (file_size - pos < HEAD || (fd = segment_pin(s, NULL)) < 0)
		return false;
	if (fsio_pread_full(p->env->fs, fd, head, HEAD, pos, NULL) < 0 ||
	    head[16] > 1)
		goto done;
	length = (int32_t)leat_get_u32(head + 8);
	if (length < LENGTH_LEAST || length > LENGTH_MOST ||
	    length > file_size - pos - 12 ||
	    (data = malloc((size_t)length)) == NULL)
		goto done;
	if (fsio_pread_full(p->env->fs, fd, data, (size_t)length, pos + 12,
	    NULL) == 0)
		is_old = crc32(0, data + 4, (uInt)length - 4) ==
		    leat_get_u32(data);
done:
	free(data);
	segment_unpin(s);
	return is_old;
}
