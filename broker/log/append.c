/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Appending: the one way bytes get into a partition.
 *
 * All that can fail without a trace is done before the write; the write is cut
 * off again when it fails; what follows it cannot fail (P2 in partition.c).
 */
#include <errno.h>
#include <limits.h>

#include <leat/wire.h>

#include "broker/log/flusher.h"
#include "broker/log/partition.h"
#include "broker/log/recode.h"
#include "broker/log/validate.h"
#include "core/base/obj.h"

enum { WRITEBACK_BYTES = 4 << 20 };	/* unsynced before writing begins */

static bool
must_roll(const struct broker_partition *p, const struct append *a)
{
	const struct topic_config *c = &p->config;
	const struct segment *s = partition_active_locked(p);
	const struct batch_header *h = &a->header;
	int64_t limit_ms = c->segment_ms - MIN(c->segment_jitter_ms,
	    c->segment_ms), age;

	if (s->size == 0)
		return false;
	if (s->size + (int64_t)a->len > c->segment_bytes ||
	    p->written + h->last_offset_delta - s->base > INT32_MAX ||
	    segment_index_full(s, c->segment_index_bytes))
		return true;
	if (s->first_ts >= 0 && h->max_timestamp >= 0)
		age = h->max_timestamp - s->first_ts;
	else
		age = clock_wall_ms(p->env->clock) - s->created_ms;
	return age > limit_ms;
}

/* Rolls when it must; the segment comes back pinned. */
static int
prepare_segment(struct broker_partition *p, const struct append *a,
    struct segment **ret, int *ret_fd, struct leat_err *err)
{
	struct segment *s;
	int fd, rc;

	if (must_roll(p, a) && (rc = partition_roll_locked(p, err)) < 0)
		return leat_err_wrap(err, "begin a segment of %s-%d",
		    p->topic, p->number);
	s = partition_active_locked(p);
	if ((fd = segment_pin(s, err)) < 0)
		return fd;
	*ret = s;
	*ret_fd = fd;
	return 0;
}

/* A failed or short write must leave nothing behind. */
static int
undo_write(struct broker_partition *p, struct segment *s, int fd,
    struct leat_err *err)
{
	const struct fsio *fs = p->env->fs;
	struct leat_err why;
	int rc = fs->ftruncate(fs, fd, s->size);

	if (rc < 0) {
		leat_err_set(&why, LEAT_CLS_FATAL, rc,
		    "%s cannot be cut back after a failed write", s->path);
		partition_fail_locked(p, &why);
	}
	return leat_err_wrap(err, "append to %s-%d", p->topic, p->number);
}

/* An ABORT marker's entry in the .txnindex, before the marker (P7). */
static int
note_abort(struct broker_partition *p, struct segment *s,
    const struct append *a, struct leat_err *err)
{
	const struct producer *pr;
	struct aborted_txn t;
	int64_t stable;

	if (a->marker != MARKER_ABORT)
		return 0;
	pr = producers_find(&p->producers, a->header.producer_id);
	if (pr == NULL || pr->txn_first < 0)
		return 0;
	stable = batch_next_offset(&a->header);
	for (const struct producer *o = p->producers.open; o != NULL;
	    o = o->next_open)
		if (o != pr) {
			stable = o->txn_first;
			break;
		}
	t = (struct aborted_txn){ pr->id, pr->txn_first,
	    a->header.base_offset, stable };
	return aborted_append(s, &t, err);
}

static int
duplicate(const struct producer_batch *dup, struct broker_appended *ret)
{
	ret->last_offset = dup->last_offset;
	ret->base_offset = dup->last_offset - dup->delta;
	ret->append_time_ms = -1;
	return 0;
}

static void
note_written(struct broker_partition *p, struct segment *s,
    const struct append *a, int64_t pos)
{
	const struct batch_header *h = &a->header;
	struct aborted_txn t;

	p->changed = true;
	segment_note(s, h, pos, p->config.index_interval_bytes);
	if (a->marker >= 0)
		(void)producers_end_txn(&p->producers, h, a->marker,
		    a->coordinator_epoch, &t);
	else if (h->producer_id >= 0)
		(void)producers_update(&p->producers, h);
	offset_store(&p->written, batch_next_offset(h));
	offset_store(&p->stable,
	    producers_stable(&p->producers, batch_next_offset(h)));
	p->unsynced_bytes += (int64_t)a->len;
	if (s->dirty)
		segment_unpin(s);	/* pinned since it became dirty */
	s->dirty = true;
	flusher_dirty_locked(p->env->flusher, p);
	if (p->unsynced_bytes >= WRITEBACK_BYTES) {
		p->unsynced_bytes = 0;
		flusher_writeback(p->env->flusher, s);
	}
}

/*
 * Asked here, under the lock that markers are written under: what comes late
 * must not open the next transaction.
 */
static int
check_joined(const struct broker_partition *p, const struct batch_header *h,
    struct leat_err *err)
{
	const struct producer *pr = producers_find(&p->producers,
	    h->producer_id);

	if ((h->attributes & BATCH_TRANSACTIONAL) == 0 ||
	    (pr != NULL && pr->txn_epoch == h->producer_epoch))
		return 0;
	return leat_err_set(err, LEAT_CLS_FATAL, BROKER_E_TXN_STATE,
	    "not in an open transaction of producer %lld epoch %d",
	    (long long)h->producer_id, h->producer_epoch);
}

static int
append_locked(struct broker_partition *p, struct append *a,
    struct broker_appended *ret, struct leat_err *err)
{
	const struct producer_batch *dup = NULL;
	struct segment *s = NULL;
	int fd = -1, rc;

	if ((rc = partition_check_locked(p, err)) < 0)
		return rc;
	if (a->foreign && (rc = producers_check_marker(&p->producers,
	    &a->header, a->coordinator_epoch, err)) < 0)
		return leat_err_wrap(err, "%s-%d", p->topic, p->number);
	if (a->header.producer_id >= 0 && a->marker < 0) {
		rc = producers_check(&p->producers, &a->header, &dup, err);
		if (rc > 0)
			return duplicate(dup, ret);
		if (rc == 0 && a->joined)
			rc = check_joined(p, &a->header, err);
		if (rc < 0)
			return leat_err_wrap(err, "%s-%d", p->topic, p->number);
	}
	if ((rc = producers_reserve(&p->producers, a->header.producer_id,
	    err)) < 0 || (rc = prepare_segment(p, a, &s, &fd, err)) < 0)
		return rc;
	a->header.base_offset = p->written;
	a->header.leader_epoch = epochs_last(&p->epochs);
	leat_put_u64(a->batch, (uint64_t)a->header.base_offset);
	leat_put_u32(a->batch + 12, (uint32_t)a->header.leader_epoch);
	if ((rc = note_abort(p, s, a, err)) < 0) {
		segment_unpin(s);
		return rc;
	}
	rc = fsio_pwrite_full(p->env->fs, fd, a->batch, a->len, s->size, err);
	if (rc < 0) {
		rc = undo_write(p, s, fd, err);
		segment_unpin(s);
		return rc;
	}
	ret->base_offset = a->header.base_offset;
	ret->last_offset = batch_next_offset(&a->header) - 1;
	ret->append_time_ms =
	    (a->header.attributes & BATCH_LOG_APPEND_TIME) != 0 ?
	    a->header.max_timestamp : -1;
	note_written(p, s, a, s->size);
	return 1;
}

/* What a crash now would have to read again, over all partitions. */
static void
count_unnoted(struct log_env *env, int64_t bytes)
{
	if (__atomic_add_fetch(&env->unnoted_bytes, bytes,
	    __ATOMIC_RELAXED) >= CHECKPOINT_BYTES && env->checkpoint != NULL)
		env->checkpoint(env->arg);
}

/*
 * A file stays open until it is synced, so that no error of the disk is missed.
 * With more partitions being written than files may be open, each is synced as
 * it is written, until the flusher has caught up.
 */
static void
make_room(struct broker_partition *p)
{
	if (!fd_cache_crowded(p->env->fds))
		return;
	flusher_hurry_all(p->env->flusher);
	(void)flusher_sync(p, NULL);	/* who waits for it hears of it */
}

int
partition_append(struct broker_partition *p, struct append *a,
    struct broker_appended *ret, struct leat_err *err)
{
	int rc;

	lock_acquire(&p->lock);
	rc = append_locked(p, a, ret, err);
	lock_release(&p->lock);
	if (rc <= 0)
		return rc;
	metric_add(p->env->appended_bytes, (int64_t)a->len);
	metric_add(p->env->appended_batches, 1);
	count_unnoted(p->env, (int64_t)a->len);
	waiters_wake(p);
	make_room(p);
	return 0;
}

int
partition_append_own(struct broker_partition *p, uint8_t *batch, size_t len,
    struct broker_appended *ret, struct leat_err *err)
{
	struct append a = { .batch = batch, .len = len, .marker = -1 };
	int rc = batch_header_decode(batch, len, false, &a.header, err);

	if (rc != 0)
		return rc > 0 ? LEAT_E_CORRUPT : rc;
	return partition_append(p, &a, ret, err);
}

/* Are that many records not durable? Then they are to be soon. */
static bool
hurry(struct broker_partition *p, int64_t flush_messages)
{
	if (offset_load(&p->written) - offset_load(&p->durable) <
	    flush_messages)
		return false;
	flusher_hurry(p->env->flusher, p);
	return true;
}

int
broker_append(struct broker_partition *p, uint8_t *batch, size_t len,
    struct broker_appended *ret_appended, struct leat_err *err)
{
	struct append_told told;

	return partition_append_client(p, batch, len, &told, ret_appended,
	    err);
}

int
partition_append_client(struct broker_partition *p, uint8_t *batch,
    size_t len, struct append_told *ret_told, struct broker_appended *ret,
    struct leat_err *err)
{
	struct append a = { .batch = batch, .len = len, .marker = -1,
	    .joined = true };
	struct batch_builder *builder = NULL;
	struct topic_config config;
	int rc;

	OBJ_CHECK(p, PARTITION_MAGIC);
	*ret_told = (struct append_told){ .bad_record = -1 };
	lock_acquire(&p->lock);
	config = p->config;
	lock_release(&p->lock);
	rc = validate_batch(batch, len, &config, clock_wall_ms(p->env->clock),
	    &a.header, &ret_told->bad_record, err);
	if (rc < 0)
		return leat_err_wrap(err, "%s-%d", p->topic, p->number);
	if ((a.header.attributes & BATCH_TRANSACTIONAL) != 0 &&
	    (rc = p->env->verify_txn(p->env->arg, p, a.header.producer_id,
	    a.header.producer_epoch, err)) < 0)
		return rc;
	if (recode_needed(&a.header, &config) && (rc = recode(batch, len,
	    &config, &builder, &a.batch, &a.len, &a.header, err)) < 0)
		return leat_err_wrap(err, "%s-%d", p->topic, p->number);
	rc = partition_append(p, &a, ret, err);
	batch_builder_free(builder);
	if (rc == 0 && config.flush_messages < INT64_MAX)
		ret_told->sync = hurry(p, config.flush_messages);
	return rc;
}

static int
append_marker(struct broker_partition *p, struct append *a,
    int64_t producer_id, int16_t epoch, bool commit, int64_t *ret_end,
    struct leat_err *err)
{
	uint8_t batch[BATCH_MARKER_BYTES + 16];
	struct broker_appended done;
	int rc;

	a->batch = batch;
	a->len = batch_marker_encode(batch, producer_id, epoch, commit,
	    a->coordinator_epoch, clock_wall_ms(p->env->clock));
	a->marker = commit ? MARKER_COMMIT : MARKER_ABORT;
	if ((rc = batch_header_decode(batch, a->len, false, &a->header,
	    err)) != 0)
		return rc;
	rc = partition_append(p, a, &done, err);
	if (rc == 0)
		*ret_end = done.last_offset + 1;
	return rc;
}

int
partition_append_marker(struct broker_partition *p, int64_t producer_id,
    int16_t epoch, bool commit, int64_t *ret_end, struct leat_err *err)
{
	struct append a = { 0 };

	return append_marker(p, &a, producer_id, epoch, commit, ret_end, err);
}

int
partition_append_foreign_marker(struct broker_partition *p,
    int64_t producer_id, int16_t epoch, bool commit,
    int32_t coordinator_epoch, int64_t *ret_end, struct leat_err *err)
{
	struct append a = { .coordinator_epoch = coordinator_epoch,
	    .foreign = true };

	return append_marker(p, &a, producer_id, epoch, commit, ret_end, err);
}
