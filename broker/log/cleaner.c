/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compaction of keyed topics.
 *
 * A round covers the segments before the active one and before the last stable
 * offset. It first makes a map of the newest offset of each key in the part
 * that no round has seen (when the map is full, the round ends there), then
 * rewrites the segments, several small ones into one.
 *
 * The new segment is written as NNN.*.cleaned, synced, renamed to NNN.*.swap
 * and put in the place of the old ones while the partition's lock is held
 * (recover_files.c says why in this order). Offsets never change; the last
 * batch of each segment leaves at least its header, so that its end stays
 * known. Only the housekeeper calls this.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/log/clean_batch.h"
#include "broker/log/partition.h"
#include "core/base/obj.h"

enum { WINDOW = 1 << 20 };

struct round {
	struct broker_partition *p;
	struct topic_config config;
	struct segment **segs;		/* counted; those to be rewritten */
	size_t nsegs;
	int64_t dirty_from;
	int64_t end;			/* before which may be cleaned */
	struct key_map *map;
	struct cleaning c;
	struct aborted_txn *aborted;
	size_t naborted;
};

/* ------------------------------------------------------------- choosing */

static bool
old_enough(const struct topic_config *c, struct segment *s, int64_t now_ms)
{
	segment_load_stats(s);
	return c->min_compaction_lag_ms == 0 ||
	    now_ms - (s->max_ts >= 0 ? s->max_ts : s->created_ms) >=
	    c->min_compaction_lag_ms;
}

/* Takes the segments of a round; false when there is too little to gain. */
static bool
choose(struct round *r, bool force)
{
	struct broker_partition *p = r->p;
	int64_t now = clock_wall_ms(p->env->clock), clean = 0, dirty = 0;
	bool late = false;
	size_t n = 0;

	lock_acquire(&p->lock);
	r->config = p->config;
	r->dirty_from = MAX(p->clean_end, p->log_start);
	if (p->state == PART_ONLINE &&
	    (p->config.cleanup & CLEANUP_COMPACT) != 0)
		while (n + 1 < p->nsegs &&
		    p->segs[n + 1]->base <= p->stable &&
		    !p->segs[n]->dirty &&
		    old_enough(&p->config, p->segs[n], now)) {
			struct segment *s = p->segs[n++];

			if (p->segs[n]->base <= r->dirty_from) {
				clean += s->size;
				continue;
			}
			dirty += s->size;
			late = late || (s->max_ts >= 0 && now - s->max_ts >
			    p->config.max_compaction_lag_ms);
		}
	if (dirty == 0 || (!force && !late && (double)dirty <
	    p->config.min_cleanable_ratio * (double)(clean + dirty)))
		n = 0;
	if (n > 0 && (r->segs = calloc(n, sizeof(*r->segs))) != NULL) {
		r->nsegs = n;
		r->end = p->segs[n]->base;
		memcpy(r->segs, p->segs, n * sizeof(*r->segs));
		for (size_t i = 0; i < n; i++)
			segment_get(r->segs[i]);
	}
	lock_release(&p->lock);
	return r->nsegs > 0;
}

static int
note_aborted(struct round *r, struct segment *s, struct leat_err *err)
{
	struct aborted_txn *list, *more;
	size_t n;
	int rc = aborted_load(s, &list, &n, err);

	if (rc < 0 || n == 0)
		return rc;
	more = realloc(r->aborted, (r->naborted + n) * sizeof(*more));
	if (more == NULL) {
		free(list);
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for aborted transactions");
	}
	memcpy(more + r->naborted, list, n * sizeof(*list));
	r->aborted = more;
	r->naborted += n;
	free(list);
	return 0;
}

/* Also the markers behind the round end transactions inside it. */
static int
load_aborted(struct round *r, struct leat_err *err)
{
	struct broker_partition *p = r->p;
	int64_t seen = -1;
	int rc = 0;

	for (;;) {
		struct segment *s = NULL;

		lock_acquire(&p->lock);
		for (size_t i = 0; i < p->nsegs && s == NULL; i++)
			if (p->segs[i]->has_aborted && p->segs[i]->base > seen)
				s = p->segs[i];
		if (s != NULL)
			segment_get(s);
		lock_release(&p->lock);
		if (s == NULL || rc < 0) {
			segment_put(s);
			return rc;
		}
		rc = note_aborted(r, s, err);
		seen = s->base;
		segment_put(s);
	}
}

/* -------------------------------------------------------------- the map */

/* LEAT_E_LIMIT when the map is full; c.map_end is then where. */
static int
map_batch(struct round *r, const struct batch_header *h,
    const uint8_t *batch, struct leat_err *err)
{
	struct record rec;
	int rc = batch_reader_open(r->c.reader, batch, h->size, err);

	while (rc >= 0 &&
	    (rc = batch_reader_next(r->c.reader, &rec, err)) > 0) {
		if (rec.offset < r->dirty_from || rec.key.ptr == NULL)
			continue;
		rc = key_map_put(r->map, rec.key, rec.offset);
		if (rc < 0) {
			r->c.map_end = rec.offset;
			leat_err_set(err, LEAT_CLS_RETRY, rc,
			    "out of memory for compaction");
		}
	}
	return rc;
}

static int
build_map(struct round *r, struct leat_err *err)
{
	int rc = 0;

	r->c.map_end = r->end;
	for (size_t i = 0; i < r->nsegs && rc >= 0; i++) {
		struct segment *s = r->segs[i];
		struct batch_header h;
		struct log_scan scan;
		const uint8_t *batch;
		int fd;

		if (i + 1 < r->nsegs &&
		    r->segs[i + 1]->base <= r->dirty_from)
			continue;
		if ((fd = segment_pin(s, err)) < 0)
			return fd;
		log_scan_init(&scan, s->env->fs, fd, 0, s->size, WINDOW, true);
		while ((rc = log_scan_next(&scan, &h, &batch, err)) > 0)
			if ((h.attributes & BATCH_CONTROL) == 0 &&
			    !cleaning_is_aborted(&r->c, &h) &&
			    (rc = map_batch(r, &h, batch, err)) < 0)
				break;
		log_scan_fini(&scan);
		segment_unpin(s);
	}
	return rc == LEAT_E_LIMIT ? 0 : rc;
}

/* ------------------------------------------------------------ rewriting */

struct writer {
	struct segment *seg;	/* NNN.log.cleaned */
	int fd;
};

static int
put_batch(struct round *r, struct writer *w, const uint8_t *data, size_t len,
    struct leat_err *err)
{
	struct batch_header h;
	int rc;

	rc = batch_header_decode(data, len, false, &h, err);
	if (rc != 0)
		return rc < 0 ? rc : LEAT_E_CORRUPT;
	rc = fsio_pwrite_full(r->p->env->fs, w->fd, data, len, w->seg->size,
	    err);
	if (rc == 0)
		segment_note(w->seg, &h, w->seg->size,
		    r->config.index_interval_bytes);
	return rc;
}

/* Markers that stay keep their entries in the .txnindex. */
static int
keep_aborted(const struct round *r, struct writer *w,
    const struct batch_header *h, struct leat_err *err)
{
	for (size_t i = 0; i < r->naborted; i++)
		if (r->aborted[i].last_offset == h->base_offset)
			return aborted_append(w->seg, &r->aborted[i], err);
	return 0;
}

/* Is it the newest batch of a producer that may go on from its sequence? */
static bool
holds_sequence(struct broker_partition *p, const struct batch_header *h)
{
	const struct producer *pr;
	bool yes;

	if (h->producer_id < 0)
		return false;
	lock_acquire(&p->lock);
	pr = producers_find(&p->producers, h->producer_id);
	yes = pr != NULL && pr->nbatches > 0 &&
	    pr->batches[pr->nbatches - 1].last_offset ==
	    h->base_offset + h->last_offset_delta;
	lock_release(&p->lock);
	return yes;
}

static int
rewrite_segment(struct round *r, struct writer *w, struct segment *s,
    bool last_of_group, struct leat_err *err)
{
	struct batch_header h;
	struct log_scan scan;
	const uint8_t *batch, *data;
	int fd = segment_pin(s, err), rc;
	size_t len;

	if (fd < 0)
		return fd;
	log_scan_init(&scan, s->env->fs, fd, 0, s->size, WINDOW, true);
	while ((rc = log_scan_next(&scan, &h, &batch, err)) > 0) {
		bool stay = (last_of_group && scan.next == s->size) ||
		    holds_sequence(r->p, &h);

		if (__atomic_load_n(&r->p->state, __ATOMIC_SEQ_CST) ==
		    PART_DELETED) {
			rc = LEAT_E_STOPPED;
			break;
		}
		rc = cleaning_batch(&r->c, &h, batch, stay, &data, &len, err);
		if (rc > 0)
			rc = put_batch(r, w, data, len, err);
		if (rc == 0 && (h.attributes & BATCH_CONTROL) != 0 &&
		    w->seg->next_offset == batch_next_offset(&h))
			rc = keep_aborted(r, w, &h, err);
		if (rc < 0)
			break;
	}
	log_scan_fini(&scan);
	segment_unpin(s);
	return rc;
}

/* Syncs the new files and gives them the name that counts. */
static int
commit_files(struct broker_partition *p, struct writer *w,
    struct leat_err *err)
{
	const struct fsio *fs = p->env->fs;
	char from[4096], to[4096 + 8];
	int rc;

	if ((rc = fs->fdatasync(fs, w->fd)) < 0)
		return leat_err_set(err, LEAT_CLS_RETRY, rc, "sync %s",
		    w->seg->path);
	segment_finish_index(w->seg);
	if ((rc = segment_write_index(w->seg, err)) < 0 ||
	    (rc = segment_seal(w->seg, err)) < 0)
		return rc;
	for (int k = SEG_TXNINDEX; k >= SEG_LOG && rc == 0; k--) {
		size_t n;

		segment_sibling(w->seg, (enum segment_file)k, from,
		    sizeof(from));
		n = strlen(from) - strlen(".cleaned");
		snprintf(to, sizeof(to), "%.*s.swap", (int)n, from);
		rc = fs->rename(fs, from, to);
		if (rc == -ENOENT && k == SEG_TXNINDEX)
			rc = 0;
	}
	if (rc < 0)
		return leat_err_set(err, LEAT_CLS_RETRY, rc, "rename %s",
		    from);
	if ((rc = fs->fsync_dir(fs, p->dir)) < 0)
		return leat_err_set(err, LEAT_CLS_FATAL, rc, "sync %s",
		    p->dir);
	return 0;
}

/* Puts the new segment in the place of segs[from, from + n). */
static int
swap_in(struct round *r, struct segment *made, size_t n, int64_t end,
    struct leat_err *err)
{
	struct broker_partition *p = r->p;
	struct segment *s = segment_new(p->env, p->dir, made->base);
	size_t at;
	int rc = 0;

	if (s == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for a segment");
	s->size = made->size;
	s->next_offset = end;
	s->max_ts = s->indexed_ts = made->max_ts;
	s->max_ts_offset = made->max_ts_offset;
	s->first_ts = made->first_ts;
	s->created_ms = clock_wall_ms(p->env->clock);
	s->stats_known = s->sealed = true;
	s->has_aborted = made->has_aborted;
	s->offsets.on_disk = seg_index_count(&made->offsets);
	s->times.on_disk = seg_index_count(&made->times);
	lock_acquire(&p->lock);
	at = partition_find_locked(p, made->base);
	/* Whoever still reads the old files must not find the new ones. */
	for (size_t i = at; i < at + n && rc == 0; i++)
		rc = segment_retire(p->segs[i], err);
	if (rc == 0 && (rc = cleaned_install(p, made->base, end, err)) < 0) {
		/* The files are between two states: a start sorts it out. */
		partition_fail_locked(p, err);
	}
	if (rc == 0) {
		partition_drop_locked(p, at, at + n);
		rc = partition_insert_locked(p, at, s, err);
	}
	lock_release(&p->lock);
	if (rc < 0)
		segment_put(s);
	return rc;
}

static void
remove_made(struct broker_partition *p, const struct segment *s)
{
	char path[4096];

	for (int k = SEG_LOG; k <= SEG_TXNINDEX; k++) {
		segment_sibling(s, (enum segment_file)k, path, sizeof(path));
		(void)p->env->fs->unlink(p->env->fs, path);
	}
}

/* Rewrites segs[from, from + n) into one. */
static int
rewrite_group(struct round *r, size_t from, size_t n, struct leat_err *err)
{
	struct broker_partition *p = r->p;
	int64_t end = from + n < r->nsegs ? r->segs[from + n]->base : r->end;
	struct writer w;
	int rc;

	w.seg = segment_new_suffixed(p->env, p->dir, r->segs[from]->base,
	    ".cleaned");
	if (w.seg == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for a segment");
	remove_made(p, w.seg);
	w.seg->stats_known = true;
	rc = w.fd = fd_slot_pin(p->env->fds, &w.seg->file, true, err);
	if (rc < 0) {
		segment_put(w.seg);
		return rc;
	}
	for (size_t i = from; i < from + n && rc >= 0; i++)
		rc = rewrite_segment(r, &w, r->segs[i], i + 1 == from + n,
		    err);
	if (rc == 0)
		rc = commit_files(p, &w, err);
	else
		remove_made(p, w.seg);
	segment_unpin(w.seg);
	if (rc == 0)
		rc = swap_in(r, w.seg, n, end, err);
	segment_put(w.seg);
	return rc;
}

static int
rewrite(struct round *r, struct leat_err *err)
{
	int rc = 0;

	for (size_t i = 0; i < r->nsegs && rc == 0;) {
		int64_t bytes = r->segs[i]->size;
		size_t n = 1;

		if (r->segs[i]->base >= r->c.map_end)
			break;
		while (i + n < r->nsegs &&
		    bytes + r->segs[i + n]->size <= r->config.segment_bytes &&
		    r->segs[i + n]->base < r->c.map_end &&
		    (i + n + 1 < r->nsegs ? r->segs[i + n + 1]->base :
		    r->end) - r->segs[i]->base <= INT32_MAX)
			bytes += r->segs[i + n++]->size;
		rc = rewrite_group(r, i, n, err);
		i += n;
	}
	return rc;
}

int
partition_clean(struct broker_partition *p, size_t max_memory, bool force,
    struct leat_err *err)
{
	struct round r = { .p = p };
	int rc = 0;

	if (!choose(&r, force))
		return 0;
	if (cleaning_init(&r.c) < 0 ||
	    (r.map = key_map_new(max_memory)) == NULL)
		rc = leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for compaction");
	r.c.map = r.map;
	r.c.now_ms = clock_wall_ms(p->env->clock);
	r.c.delete_retention_ms = r.config.delete_retention_ms;
	if (rc == 0)
		rc = load_aborted(&r, err);
	r.c.aborted = r.aborted;
	r.c.naborted = r.naborted;
	if (rc == 0)
		rc = build_map(&r, err);
	if (rc == 0)
		rc = rewrite(&r, err);
	if (rc == 0) {
		lock_acquire(&p->lock);
		p->clean_end = r.c.map_end;
		lock_release(&p->lock);
	}
	for (size_t i = 0; i < r.nsegs; i++)
		segment_put(r.segs[i]);
	free(r.segs);
	free(r.aborted);
	key_map_free(r.map);
	cleaning_fini(&r.c);
	return rc < 0 ? leat_err_wrap(err, "compact %s-%d", p->topic,
	    p->number) : 1;
}
