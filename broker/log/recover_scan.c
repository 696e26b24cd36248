/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a segment after an unclean stop: everything is checked, indexes and
 * producer state are built anew.
 */
#include "broker/log/recover.h"

#include <errno.h>
#include <stdlib.h>

#include <zlib.h>

#include <leat/wire.h>

#include "core/base/obj.h"

enum { WINDOW = 1 << 20, LENGTH_MAX = INT32_MAX };

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

int
recover_scan(struct broker_partition *p, size_t i, int64_t *ret_bad,
    struct recovered *stats, struct leat_err *err)
{
	struct segment *s = p->segs[i];
	int64_t size = s->size, next = s->base;
	int64_t limit = i + 1 < p->nsegs ? p->segs[i + 1]->base : INT64_MAX;
	struct batch_header h;
	struct log_scan scan;
	const uint8_t *batch;
	int fd, rc;

	if ((rc = reset_segment(s, err)) < 0 ||
	    (fd = rc = segment_pin(s, err)) < 0)
		return rc;
	stats->scanned_bytes += size;
	s->size = 0;
	s->next_offset = s->base;
	log_scan_init(&scan, p->env->fs, fd, 0, size, WINDOW, true);
	while ((rc = log_scan_next(&scan, &h, &batch, err)) > 0) {
		if (h.base_offset < next || batch_next_offset(&h) > limit ||
		    h.base_offset + h.last_offset_delta - s->base >
		    INT32_MAX) {
			leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_CORRUPT,
			    "offset %lld does not follow %lld",
			    (long long)h.base_offset, (long long)next);
			rc = LEAT_E_CORRUPT;
			scan.next = scan.pos;
			break;
		}
		next = batch_next_offset(&h);
		segment_note(s, &h, scan.pos, p->config.index_interval_bytes);
		if ((rc = recover_replay(p, s, &h, batch, err)) < 0)
			break;
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
