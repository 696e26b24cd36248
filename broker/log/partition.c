/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One partition.
 *
 * What always holds, numbered because recovery and the tests refer to it:
 *
 *  P1  log_start <= stable <= written, and durable <= written.
 *  P2  Bytes of a segment below its `size` are whole batches and never change;
 *      a write that fails is cut off again before anything else is written.
 *  P3  `durable` moves only after a sync that began after the bytes below it
 *      were written, and after the names of their files were synced.
 *  P4  A failed sync ends appends until recovery has read the log again: what
 *      the kernel dropped cannot be known from here.
 *  P5  The recovery point in the checkpoint is at most `durable`, and at most
 *      the base of the first inactive segment whose indexes are not durable.
 *  P6  The log start moves on disk before the files below it go.
 *  P7  An ABORT marker is written only after its entry in the .txnindex.
 *  P8  The segments are ordered and the last one, active, is the only one that
 *      is appended to.
 *
 * Locking: the lock is held over the append's pwrite, so that offsets and file
 * order agree. Readers take it to find a byte range, never to read bytes.
 */
#include "broker/log/partition.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/log/flusher.h"
#include "core/base/obj.h"

enum { SNAPSHOT_MAX_BYTES = 64 << 20 };

struct broker_partition *
partition_new(struct log_env *env, const char *data_dir, const char *topic,
    int32_t number, bool internal, const struct topic_config *config)
{
	struct broker_partition *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->magic = PARTITION_MAGIC;
	p->refs = 1;
	p->env = env;
	p->number = number;
	p->internal = internal;
	p->config = *config;
	p->damaged_point = p->told_damaged = -1;
	p->waits_tail = &p->waits;
	lock_init(&p->lock, RANK_PARTITION);
	cond_init(&p->cond);
	producers_init(&p->producers);
	epochs_init(&p->epochs);
	waiters_init(p);
	p->topic = strdup(topic);
	if (asprintf(&p->dir, "%s/%s-%d", data_dir, topic, number) < 0)
		p->dir = NULL;
	if (p->topic == NULL || p->dir == NULL) {
		broker_partition_put(p);
		return NULL;
	}
	return p;
}

void
partition_get(struct broker_partition *p)
{
	OBJ_CHECK(p, PARTITION_MAGIC);
	__atomic_fetch_add(&p->refs, 1, __ATOMIC_RELAXED);
}

void
broker_partition_put(struct broker_partition *p)
{
	if (p == NULL)
		return;
	OBJ_CHECK(p, PARTITION_MAGIC);
	if (__atomic_sub_fetch(&p->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	for (size_t i = 0; i < p->nsegs; i++) {
		if (p->segs[i]->dirty)
			segment_unpin(p->segs[i]);
		segment_put(p->segs[i]);
	}
	free(p->segs);
	producers_fini(&p->producers);
	epochs_fini(&p->epochs);
	waiters_fini(p);
	lock_fini(&p->lock);
	cond_fini(&p->cond);
	free(p->topic);
	free(p->dir);
	OBJ_FREE(p);
}

void
broker_partition_offsets(struct broker_partition *p,
    struct broker_offsets *ret_offsets)
{
	/* In this order each is at most the next, whatever runs beside. */
	ret_offsets->log_start = offset_load(&p->log_start);
	ret_offsets->durable = offset_load(&p->durable);
	ret_offsets->stable = offset_load(&p->stable);
	ret_offsets->written = offset_load(&p->written);
}

int64_t
broker_partition_size(struct broker_partition *p)
{
	int64_t n = 0;

	lock_acquire(&p->lock);
	for (size_t i = 0; i < p->nsegs; i++)
		n += p->segs[i]->size;
	lock_release(&p->lock);
	return n;
}

/* Epochs change only while the partition is loaded: no lock. */

int32_t
broker_partition_epoch(struct broker_partition *p)
{
	return epochs_last(&p->epochs);
}

int32_t
broker_partition_epoch_at(struct broker_partition *p, int64_t offset)
{
	return epochs_at(&p->epochs, offset);
}

void
broker_partition_epoch_end(struct broker_partition *p, int32_t epoch,
    int32_t *ret_epoch, int64_t *ret_end)
{
	epochs_end(&p->epochs, epoch, offset_load(&p->written), ret_epoch,
	    ret_end);
}

const char *
broker_partition_topic(const struct broker_partition *p)
{
	return p->topic;
}

int32_t
broker_partition_number(const struct broker_partition *p)
{
	return p->number;
}

void
partition_fail_locked(struct broker_partition *p, const struct leat_err *why)
{
	lock_assert_held(&p->lock);
	if (p->state != PART_ONLINE)
		return;
	p->why = *why;
	__atomic_store_n(&p->state, PART_OFFLINE, __ATOMIC_SEQ_CST);
}

bool
partition_is_online(struct broker_partition *p)
{
	bool online;

	lock_acquire(&p->lock);
	online = p->state == PART_ONLINE;
	lock_release(&p->lock);
	return online;
}

int
partition_check_locked(const struct broker_partition *p, struct leat_err *err)
{
	lock_assert_held(&p->lock);
	switch (p->state) {
	case PART_ONLINE:
		return 0;
	case PART_OFFLINE:
		return leat_err_set(err, LEAT_CLS_FATAL, BROKER_E_OFFLINE,
		    "partition %s-%d takes no appends: %s", p->topic,
		    p->number, p->why.text);
	case PART_DELETED:
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_NOTFOUND,
		    "topic '%s' was deleted", p->topic);
	}
	UNREACHABLE("partition state");
}

void
partition_set_config(struct broker_partition *p,
    const struct topic_config *config)
{
	lock_acquire(&p->lock);
	p->config = *config;
	lock_release(&p->lock);
}

/* ------------------------------------------------------------ segments */

struct segment *
partition_active_locked(const struct broker_partition *p)
{
	return p->segs[p->nsegs - 1];
}

size_t
partition_find_locked(const struct broker_partition *p, int64_t offset)
{
	size_t lo = 0, hi = p->nsegs;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (p->segs[mid]->base <= offset)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo == 0 ? 0 : lo - 1;
}

int
partition_insert_locked(struct broker_partition *p, size_t at,
    struct segment *owned_seg, struct leat_err *err)
{
	if (p->nsegs == p->cap_segs) {
		size_t cap = p->cap_segs == 0 ? 2 : p->cap_segs * 2;
		void *more = realloc(p->segs, cap * sizeof(*p->segs));

		if (more == NULL)
			return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
			    "out of memory for a segment");
		p->segs = more;
		p->cap_segs = cap;
	}
	memmove(p->segs + at + 1, p->segs + at,
	    (p->nsegs - at) * sizeof(*p->segs));
	p->segs[at] = owned_seg;
	p->nsegs++;
	__atomic_add_fetch(&p->layout, 1, __ATOMIC_SEQ_CST);
	p->changed = true;
	return 0;
}

void
partition_drop_locked(struct broker_partition *p, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		if (p->segs[i]->dirty) {
			p->segs[i]->dirty = false;
			segment_unpin(p->segs[i]);
		}
		segment_put(p->segs[i]);
	}
	memmove(p->segs + from, p->segs + to,
	    (p->nsegs - to) * sizeof(*p->segs));
	p->nsegs -= to - from;
	__atomic_add_fetch(&p->layout, 1, __ATOMIC_SEQ_CST);
	p->changed = true;
}

int
partition_snapshot_locked(struct broker_partition *p, bool sync,
    struct leat_err *err)
{
	const struct fsio *fs = p->env->fs;
	struct leat_buf data;
	char *path = segment_path(p->dir, p->written, ".snapshot");
	int fd = -1, rc;

	leat_buf_init(&data, SNAPSHOT_MAX_BYTES);
	if (path == NULL || producers_encode(&p->producers, &data) < 0) {
		rc = leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for a producer snapshot");
		goto done;
	}
	if ((fd = fs->open(fs, path, O_WRONLY | O_CREAT | O_TRUNC,
	    0640)) < 0) {
		rc = leat_err_set(err, LEAT_CLS_RETRY, fd, "create %s", path);
		goto done;
	}
	rc = fsio_pwrite_full(fs, fd, data.data, data.len, 0, err);
	if (rc == 0 && sync && (rc = fs->fdatasync(fs, fd)) < 0)
		rc = leat_err_set(err, LEAT_CLS_FATAL, rc, "sync %s", path);
done:
	if (fd >= 0)
		(void)fs->close(fs, fd);
	leat_buf_fini(&data);
	free(path);
	return rc;
}

/* Room on disk for a whole segment, which its file does not show. */
static int
reserve_room(struct broker_partition *p, struct segment *s,
    struct leat_err *err)
{
	const struct fsio *fs = p->env->fs;
	int rc;

	if (!p->config.preallocate || fs->reserve == NULL)
		return 0;
	rc = fs->reserve(fs, s->file.fd, p->config.segment_bytes);
	if (rc == 0 || rc == -EOPNOTSUPP)
		return 0;
	return leat_err_set(err, LEAT_CLS_RETRY, rc, "reserve %lld bytes of "
	    "%s: %s", (long long)p->config.segment_bytes, s->path,
	    strerror(-rc));
}

/* Gives back what a finished segment did not need. */
static void
release_room(struct broker_partition *p, struct segment *s)
{
	const struct fsio *fs = p->env->fs;
	int fd;

	if (!p->config.preallocate || fs->reserve == NULL ||
	    (fd = segment_pin(s, NULL)) < 0)
		return;
	(void)fs->ftruncate(fs, fd, s->size);
	segment_unpin(s);
}

int
partition_roll_locked(struct broker_partition *p, struct leat_err *err)
{
	struct segment *s;
	int rc;

	lock_assert_held(&p->lock);
	s = segment_new(p->env, p->dir, p->written);
	if (s == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for a segment");
	rc = fd_slot_pin(p->env->fds, &s->file, true, err);
	if (rc < 0)
		goto fail;
	rc = reserve_room(p, s, err);
	segment_unpin(s);
	if (rc < 0)
		goto fail;
	s->created_ms = clock_wall_ms(p->env->clock);
	s->stats_known = true;
	s->fresh = true;
	s->next_offset = s->base;
	/* An index of a segment that was here before a crash must go. */
	if (p->nsegs > 0) {
		segment_finish_index(partition_active_locked(p));
		if ((rc = partition_snapshot_locked(p, false, err)) < 0)
			goto fail;
		release_room(p, partition_active_locked(p));
	}
	if ((rc = partition_insert_locked(p, p->nsegs, s, err)) < 0)
		goto fail;
	/* A new log has nothing to tend, and its name waits for a record. */
	if (p->nsegs == 1)
		return 0;
	flusher_dirty_locked(p->env->flusher, p);
	if (p->env->kick != NULL)
		p->env->kick(p->env->arg);
	return 0;
fail:
	segment_put(s);
	return rc;
}

bool
partition_begin_work(struct broker_partition *p)
{
	bool ok;

	lock_acquire(&p->lock);
	while (p->busy)
		cond_wait(&p->cond, &p->lock);
	ok = p->state != PART_DELETED;
	p->busy = ok;
	lock_release(&p->lock);
	return ok;
}

void
partition_end_work(struct broker_partition *p)
{
	lock_acquire(&p->lock);
	p->busy = false;
	cond_broadcast(&p->cond);
	lock_release(&p->lock);
}

/* The oldest inactive segment that is not sealed, its index written. */
static int
next_unsealed(struct broker_partition *p, struct segment **ret,
    struct leat_err *err)
{
	struct segment *s = NULL;
	int rc = 0;

	lock_acquire(&p->lock);
	for (size_t i = 0; i + 1 < p->nsegs && s == NULL; i++)
		if (!p->segs[i]->sealed)
			s = p->segs[i];
	if (s != NULL && (rc = segment_write_index(s, err)) == 0)
		segment_get(s);
	lock_release(&p->lock);
	*ret = rc == 0 ? s : NULL;
	return rc;
}

void
partition_seal(struct broker_partition *p)
{
	struct leat_err err;
	struct segment *s;
	int rc;

	while ((rc = next_unsealed(p, &s, &err)) == 0 && s != NULL) {
		/* The log itself is the flusher's. */
		if ((rc = segment_seal(s, &err)) == 0 &&
		    (rc = p->env->fs->fsync_dir(p->env->fs, p->dir)) < 0)
			leat_err_set(&err, LEAT_CLS_FATAL, rc, "sync %s",
			    p->dir);
		if (rc == 0) {
			lock_acquire(&p->lock);
			s->sealed = true;
			lock_release(&p->lock);
		}
		segment_put(s);
		if (rc < 0)
			break;
	}
	if (rc < 0)
		log_warn_err(&p->env->lg, "segment not sealed", &err);
}

int64_t
partition_recovery_point(struct broker_partition *p)
{
	int64_t point;

	lock_acquire(&p->lock);
	point = p->damaged_point >= 0 ? p->damaged_point : p->durable;
	for (size_t i = 0; i + 1 < p->nsegs; i++)
		if (!p->segs[i]->sealed) {
			point = MIN(point, p->segs[i]->base);
			break;
		}
	lock_release(&p->lock);
	return point;
}

int
partition_close_files(struct broker_partition *p, struct leat_err *err)
{
	struct segment *s;
	bool changed;
	int rc;

	lock_acquire(&p->lock);
	changed = p->changed;
	rc = partition_check_locked(p, err);
	lock_release(&p->lock);
	if (!changed || (rc = flusher_sync(p, err)) < 0)
		return rc;
	partition_seal(p);
	lock_acquire(&p->lock);
	s = partition_active_locked(p);
	segment_finish_index(s);
	release_room(p, s);
	rc = partition_check_locked(p, err);
	if (rc == 0 && (rc = segment_write_index(s, err)) == 0)
		rc = segment_seal(s, err);
	if (rc == 0)
		rc = partition_snapshot_locked(p, true, err);
	lock_release(&p->lock);
	if (rc == 0 && (rc = p->env->fs->fsync_dir(p->env->fs, p->dir)) < 0)
		rc = leat_err_set(err, LEAT_CLS_FATAL, rc, "sync %s", p->dir);
	return rc;
}

void
partition_delete(struct broker_partition *p)
{
	lock_acquire(&p->lock);
	__atomic_store_n(&p->state, PART_DELETED, __ATOMIC_SEQ_CST);
	while (p->busy)
		cond_wait(&p->cond, &p->lock);
	lock_release(&p->lock);
	waiters_wake(p);
	flusher_forget(p->env->flusher, p);
}
