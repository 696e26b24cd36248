/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a partition.
 *
 * After a clean stop the files are trusted: the log's end is found from the
 * last index entry, the producers from the snapshot at the end. Otherwise
 * every segment that ends behind the recovery point is read: the headers of
 * what is before the point, and all of what is behind it.
 *
 * Where bytes are bad there are three cases. At or behind the recovery point
 * nothing was promised: the log is cut there and what follows, also later
 * segments, goes (a torn tail, or pages that were written out of order).
 * Before it, with no valid batch behind: cut too, with a warning, since records
 * that were durable are lost and nothing here can bring them back. Before it,
 * with valid batches behind: a damaged middle. Nothing is changed on disk; the
 * partition shows what stands before the damage and takes no appends.
 *
 * After an unclean stop a new leader epoch begins, as offsets that somebody
 * has read may now be given to other records.
 */
#include "broker/log/recover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <leat/wire.h>

#include "broker/log/flusher.h"
#include "core/base/obj.h"

enum { SNAPSHOT_MAX_BYTES = 64 << 20, TAIL_WINDOW = 16384 };

static int
load_snapshot(struct broker_partition *p, int64_t offset,
    struct leat_err *err)
{
	char *path = segment_path(p->dir, offset, ".snapshot"), *data;
	size_t len;
	int rc;

	if (path == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	rc = fsio_slurp(p->env->fs, path, SNAPSHOT_MAX_BYTES, &data, &len,
	    err);
	free(path);
	if (rc < 0)
		return rc;
	rc = producers_decode(&p->producers, data, len, err);
	free(data);
	return rc;
}

/* Producer state at `offset` from the newest snapshot and the log. */
static int
replay_to(struct broker_partition *p, const struct dir_list *files,
    int64_t offset, struct leat_err *err)
{
	int64_t from = p->segs[0]->base, at;
	int rc = 0;

	producers_clear(&p->producers);
	for (size_t i = files->n; i-- > 0;) {
		at = recover_parse_name(files->entries[i].name, ".snapshot");
		if (at < 0 || at > offset || at < from)
			continue;
		rc = load_snapshot(p, at, err);
		if (rc == 0) {
			from = at;
			break;
		}
		if (rc == -ENOMEM)
			return rc;
	}
	rc = 0;
	for (size_t i = partition_find_locked(p, from);
	    i < p->nsegs && from < offset && rc >= 0; i++) {
		struct segment *s = p->segs[i];
		struct batch_header h;
		struct log_scan scan;
		const uint8_t *batch;
		int fd;

		if (s->base >= offset || (fd = rc = segment_pin(s, err)) < 0)
			break;
		log_scan_init(&scan, p->env->fs, fd, segment_seek(s, from),
		    s->size, 1 << 20, true);
		while ((rc = log_scan_next(&scan, &h, &batch, err)) > 0 &&
		    h.base_offset < offset)
			if (batch_next_offset(&h) > from &&
			    (rc = recover_replay(p, NULL, &h, batch,
			    err)) < 0)
				break;
		log_scan_fini(&scan);
		segment_unpin(s);
	}
	return rc < 0 ? rc : 0;
}

/* The end of the last segment from its indexes: 1, or 0 when they lie. */
static int
load_tail(struct broker_partition *p, struct segment *s, struct leat_err *err)
{
	uint8_t e[OFFSET_ENTRY_BYTES];
	char path[4096];
	struct batch_header h;
	struct log_scan scan;
	int64_t pos = 0;
	int fd, rc;

	s->next_offset = s->base;
	segment_load_stats(s);
	if (s->size == 0)
		return 1;
	segment_sibling(s, SEG_INDEX, path, sizeof(path));
	if (seg_index_last(&s->offsets, p->env->fs, path, e, NULL) > 0)
		pos = leat_get_u32(e + 4);
	if (pos >= s->size || s->size > INT32_MAX)
		return 0;
	if ((fd = segment_pin(s, err)) < 0)
		return fd;
	log_scan_init(&scan, p->env->fs, fd, 0, s->size, 64, false);
	if ((rc = log_scan_next(&scan, &h, NULL, err)) > 0)
		s->first_ts = h.max_timestamp;
	log_scan_fini(&scan);
	log_scan_init(&scan, p->env->fs, fd, pos, s->size, TAIL_WINDOW, true);
	while (rc > 0 && (rc = log_scan_next(&scan, &h, NULL, err)) > 0) {
		if (h.max_timestamp > s->max_ts) {
			s->max_ts = h.max_timestamp;
			s->max_ts_offset = batch_next_offset(&h) - 1;
		}
		s->next_offset = batch_next_offset(&h);
	}
	s->since_index = s->size - pos;
	log_scan_fini(&scan);
	segment_unpin(s);
	return rc == LEAT_E_CORRUPT ? 0 : rc < 0 ? rc
						 : 1;
}

static void
set_damaged(struct broker_partition *p, size_t i, int64_t pos,
    int64_t recovery_point, const struct leat_err *why)
{
	struct segment *s = p->segs[i];
	struct leat_err err = LEAT_ERR_INIT;

	leat_err_set(&err, LEAT_CLS_FATAL, LEAT_E_CORRUPT,
	    "%s is damaged at byte %lld (offset %lld) and goes on behind it: "
	    "%s", s->path, (long long)pos, (long long)s->next_offset,
	    why->text);
	p->state = PART_OFFLINE;
	p->why = err;
	p->damaged_point = recovery_point;
	partition_drop_locked(p, i + 1, p->nsegs);
}

/* Cuts the log at byte `pos` of segment i; later segments go. */
static int
cut_log(struct broker_partition *p, size_t i, int64_t pos, int64_t file_size,
    struct recovered *stats, struct leat_err *err)
{
	const struct fsio *fs = p->env->fs;
	struct segment *s = p->segs[i];
	int fd, rc = 0;

	/* From the end, so that a crash in between leaves no hole. */
	for (size_t k = p->nsegs; k-- > i + 1 && rc == 0;) {
		stats->truncated_bytes += p->segs[k]->size;
		rc = segment_unlink(fs, p->dir, p->segs[k]->base, err);
		if (rc == 0)
			partition_drop_locked(p, k, k + 1);
	}
	if (rc < 0 || (fd = rc = segment_pin(s, err)) < 0)
		return rc;
	stats->truncated_bytes += file_size - pos;
	if ((rc = fs->ftruncate(fs, fd, pos)) < 0)
		leat_err_set(err, LEAT_CLS_FATAL, rc, "truncate %s", s->path);
	segment_unpin(s);
	return rc;
}

static int
bad_bytes(struct broker_partition *p, size_t i, int64_t pos,
    int64_t file_size, int64_t recovery_point, struct recovered *stats,
    struct leat_err *why)
{
	struct leat_err err = LEAT_ERR_INIT;
	int more = 0, rc;

	if (recover_is_old_format(p, i, pos, file_size)) {
		leat_err_set(why, LEAT_CLS_CONFIG, LEAT_E_CORRUPT,
		    "%s has messages of a format from before Kafka 0.11, "
		    "which is not read", p->segs[i]->path);
		more = 1;
	} else if (p->segs[i]->next_offset < recovery_point) {
		more = recover_more_behind(p, i, pos, file_size, &err);
		if (more < 0) {
			*why = err;
			return more;
		}
		log_error(&p->env->lg, more ? "log damaged, partition offline" :
		    "durable records are lost", "partition=%s-%d segment=%s "
		    "byte=%lld offset=%lld reason=\"%s\"", p->topic, p->number,
		    p->segs[i]->path, (long long)pos,
		    (long long)p->segs[i]->next_offset, why->text);
	}
	if (more > 0) {
		set_damaged(p, i, pos, recovery_point, why);
		return 0;
	}
	rc = cut_log(p, i, pos, file_size, stats, &err);
	if (rc < 0)
		*why = err;
	return rc;
}

/*
 * The end of a segment was lost at a batch boundary: the next one is no longer
 * joined to it. Behind the recovery point that is a torn tail like any other.
 */
static bool
has_gap(const struct broker_partition *p, size_t i, int64_t recovery_point)
{
	return i + 1 < p->nsegs &&
	    p->segs[i]->next_offset < p->segs[i + 1]->base &&
	    p->segs[i]->next_offset >= recovery_point;
}

/* Reads the segments from i on; makes what stands there durable. */
static int
scan_from(struct broker_partition *p, size_t first, int64_t recovery_point,
    struct recovered *stats, struct leat_err *err)
{
	const struct fsio *fs = p->env->fs;
	int rc;

	for (size_t i = first; i < p->nsegs; i++) {
		struct segment *s = p->segs[i];
		int64_t bad = 0, size = s->size;
		int fd;

		if ((rc = recover_scan(p, i, recovery_point, &bad, stats,
		    err)) < 0)
			return rc;
		if (rc == 0 && has_gap(p, i, recovery_point)) {
			bad = size;
			rc = 1;
		}
		if (rc == 1 && (rc = bad_bytes(p, i, bad, size,
		    recovery_point, stats, err)) < 0)
			return rc;
		if (p->state == PART_OFFLINE)
			return 0;
		if (i + 1 < p->nsegs)
			segment_finish_index(s);
		if ((fd = rc = segment_pin(s, err)) < 0)
			return rc;
		if ((rc = fs->fdatasync(fs, fd)) < 0)
			leat_err_set(err, LEAT_CLS_FATAL, rc, "sync %s",
			    s->path);
		segment_unpin(s);
		if (rc < 0 || (rc = segment_write_index(s, err)) < 0 ||
		    (rc = segment_seal(s, err)) < 0)
			return rc;
		s->sealed = i + 1 < p->nsegs;
	}
	if ((rc = fs->fsync_dir(fs, p->dir)) < 0)
		leat_err_set(err, LEAT_CLS_FATAL, rc, "sync %s", p->dir);
	return rc;
}

/* The first segment that must be read, nsegs for none. */
static size_t
first_to_scan(const struct broker_partition *p, bool clean,
    int64_t recovery_point)
{
	for (size_t i = 0; i < p->nsegs; i++) {
		bool last = i + 1 == p->nsegs;

		if (!p->segs[i]->sealed && !last)
			return i;		/* an index is missing */
		/*
		 * A point at the very end of a segment may have been noted
		 * while that was active, its indexes not yet durable.
		 */
		if (!clean && (last || p->segs[i + 1]->base >= recovery_point))
			return i;
	}
	return p->nsegs;
}

static int
load_segments(struct broker_partition *p, const struct dir_list *files,
    bool clean, int64_t recovery_point, struct recovered *stats,
    struct leat_err *err)
{
	size_t first = first_to_scan(p, clean, recovery_point);
	struct segment *s = partition_active_locked(p);
	int rc;

	for (size_t i = 0; i + 1 < p->nsegs; i++)
		p->segs[i]->next_offset = p->segs[i + 1]->base;
	if (first == p->nsegs) {
		if ((rc = load_tail(p, s, err)) < 0)
			return rc;
		if (rc == 0)
			first = p->nsegs - 1;
		else if ((rc = replay_to(p, files, s->next_offset, err)) < 0)
			return rc;
	}
	if (first < p->nsegs) {
		stats->unclean = true;
		if ((rc = replay_to(p, files, p->segs[first]->base, err)) < 0 ||
		    (rc = scan_from(p, first, recovery_point, stats, err)) < 0)
			return rc;
	}
	for (size_t i = 0; i + 1 < p->nsegs; i++)
		p->segs[i]->sealed = true;
	s = partition_active_locked(p);
	s->sealed = false;
	p->written = s->next_offset;
	return 0;
}

/* Snapshots of offsets that the log does not have (any more). */
static int
drop_snapshots(struct broker_partition *p, const struct dir_list *files,
    struct leat_err *err)
{
	bool any = false;
	int rc = 0;

	for (size_t i = 0; i < files->n; i++) {
		int64_t at = recover_parse_name(files->entries[i].name,
		    ".snapshot");
		char *path;

		if (at <= p->written ||
		    (path = segment_path(p->dir, at, ".snapshot")) == NULL)
			continue;
		(void)p->env->fs->unlink(p->env->fs, path);
		free(path);
		any = true;
	}
	/* One that came back would tell of batches that never were. */
	if (any && (rc = p->env->fs->fsync_dir(p->env->fs, p->dir)) < 0)
		leat_err_set(err, LEAT_CLS_FATAL, rc, "sync %s", p->dir);
	return rc;
}

/*
 * A log without the file is in the epoch it was born in, which is why a birth
 * is not synced.
 */
static int
load_epochs(struct broker_partition *p, bool unclean, struct leat_err *err)
{
	bool born;
	int rc;

	rc = epochs_load(&p->epochs, p->env->fs, p->dir, err);
	if (rc == LEAT_E_CORRUPT)
		epochs_fini(&p->epochs);
	else if (rc < 0)
		return rc;
	born = p->epochs.n == 0;
	if (!born && !unclean)
		return 0;
	rc = born ? epochs_add(&p->epochs, 0, p->segs[0]->base) : 0;
	if (rc == 0 && unclean)
		rc = epochs_add(&p->epochs, epochs_last(&p->epochs) + 1,
		    p->written);
	if (rc < 0)
		return leat_err_set(err, LEAT_CLS_RETRY, rc, "out of memory");
	return epochs_save(&p->epochs, p->env->fs, p->dir, unclean, err);
}

/* The log lost what its start was moved to: begin again there. */
static int
restart_at(struct broker_partition *p, int64_t log_start,
    struct leat_err *err)
{
	while (p->nsegs > 0) {
		size_t k = p->nsegs - 1;
		int rc = segment_unlink(p->env->fs, p->dir,
		    p->segs[k]->base, err);

		if (rc < 0)
			return rc;
		partition_drop_locked(p, k, k + 1);
	}
	producers_clear(&p->producers);
	p->written = log_start;
	return partition_roll_locked(p, err);
}

static int
load_locked(struct broker_partition *p, bool clean, int64_t recovery_point,
    int64_t log_start, struct recovered *stats, struct leat_err *err)
{
	struct dir_list files = { 0 };
	int rc;

	if ((rc = recover_files(p, err)) < 0 ||
	    (rc = dir_list_load(&files, p->dir, err)) < 0)
		return rc;
	rc = recover_list(p, &files, err);
	p->changed = !clean || p->nsegs == 0;
	if (rc == 0 && p->nsegs > 0)
		rc = load_segments(p, &files, clean, recovery_point, stats,
		    err);
	if (rc == 0 && p->nsegs > 0 && p->state == PART_ONLINE)
		rc = drop_snapshots(p, &files, err);
	dir_list_fini(&files);
	if (rc < 0)
		return rc;
	if (p->nsegs == 0) {
		p->written = log_start;
		if ((rc = partition_roll_locked(p, err)) < 0)
			return rc;
	} else if (p->written < log_start && p->state == PART_ONLINE &&
	    (rc = restart_at(p, log_start, err)) < 0) {
		return rc;
	}
	if (p->state == PART_ONLINE &&
	    (rc = load_epochs(p, stats->unclean, err)) < 0)
		return rc;
	p->changed = p->changed || stats->unclean;
	p->log_start = MAX(log_start, p->segs[0]->base);
	p->log_start = MIN(p->log_start, p->written);
	p->durable = p->written;
	p->stable = producers_stable(&p->producers, p->written);
	/* The transaction's start may be older than what is left. */
	p->stable = MAX(p->stable, p->log_start);
	return 0;
}

int
partition_load(struct broker_partition *p, bool clean, int64_t recovery_point,
    int64_t log_start, struct recovered *ret, struct leat_err *err)
{
	int rc;

	memset(ret, 0, sizeof(*ret));
	lock_acquire(&p->lock);
	rc = load_locked(p, clean, recovery_point, log_start, ret, err);
	lock_release(&p->lock);
	return rc < 0 ? leat_err_wrap(err, "open %s-%d", p->topic,
	    p->number) : 0;
}
