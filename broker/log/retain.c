/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Retention and trimming. Segments go from the front only. The log start moves
 * first, durably (P6 in partition.c); then the names go, in order.
 */
#include <errno.h>

#include "broker/log/partition.h"
#include "core/base/obj.h"

/* Before this offset everything is too old or too much. */
static int64_t
retention_point_locked(struct broker_partition *p, int64_t now_ms)
{
	const struct topic_config *c = &p->config;
	int64_t total = 0;
	size_t i;

	if ((c->cleanup & CLEANUP_DELETE) == 0)
		return p->log_start;
	for (i = 0; i < p->nsegs; i++)
		total += p->segs[i]->size;
	for (i = 0; i < p->nsegs; i++) {
		struct segment *s = p->segs[i];
		int64_t newest;

		if (s->size == 0)
			break;
		segment_load_stats(s);
		newest = s->max_ts >= 0 ? s->max_ts : s->created_ms;
		if (!(c->retention_bytes >= 0 &&
		    total - s->size >= c->retention_bytes) &&
		    !(c->retention_ms >= 0 &&
		    now_ms - newest > c->retention_ms))
			break;
		total -= s->size;
	}
	if (i == 0)
		return p->log_start;
	/* An open transaction's records are not taken away under it. */
	return MIN(i < p->nsegs ? p->segs[i]->base : p->written, p->stable);
}

/* 1 when the start has moved and is to be saved. */
static int
move_start_unsaved(struct broker_partition *p, int64_t to,
    struct leat_err *err)
{
	int rc = 0;

	lock_acquire(&p->lock);
	if (to > p->log_start) {
		/* All of it goes: what stays is an empty segment. */
		if (to == p->written &&
		    partition_active_locked(p)->size > 0)
			rc = partition_roll_locked(p, err);
		if (rc == 0)
			offset_store(&p->log_start, to);
	} else {
		to = -1;
	}
	lock_release(&p->lock);
	return rc < 0 ? rc : to >= 0;
}

static int
move_start(struct broker_partition *p, int64_t to, struct leat_err *err)
{
	int rc = move_start_unsaved(p, to, err);

	return rc <= 0 ? rc : p->env->save_starts(p->env->arg, err);
}

/* Removes the files of segments that end at or before the log start. */
static int
drop_before_start(struct broker_partition *p, struct leat_err *err)
{
	int rc = 0;

	for (;;) {
		int64_t base = -1;

		lock_acquire(&p->lock);
		if (p->nsegs > 1 && p->segs[1]->base <= p->log_start) {
			base = p->segs[0]->base;
			rc = segment_retire(p->segs[0], err);
			if (rc == 0)
				partition_drop_locked(p, 0, 1);
		}
		lock_release(&p->lock);
		if (rc < 0 || base < 0)
			return rc;
		rc = segment_unlink(p->env->fs, p->dir, base, err);
		if (rc < 0)
			return rc;
	}
}

int
partition_retain(struct broker_partition *p, bool retention,
    struct leat_err *err)
{
	int64_t point = -1;
	int rc = 0;

	lock_acquire(&p->lock);
	if (p->state != PART_ONLINE) {
		lock_release(&p->lock);
		return 0;
	}
	if (retention)
		point = retention_point_locked(p,
		    clock_wall_ms(p->env->clock));
	lock_release(&p->lock);
	if (point >= 0)
		rc = move_start(p, point, err);
	return rc < 0 ? rc : drop_before_start(p, err);
}

int
partition_trim(struct broker_partition *p, int64_t before,
    struct leat_err *err)
{
	int rc;

	lock_acquire(&p->lock);
	rc = partition_check_locked(p, err);
	if (rc == 0 && (before < 0 || before > p->written))
		rc = leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_RANGE,
		    "cannot delete before offset %lld of %s-%d, which ends at "
		    "%lld", (long long)before, p->topic, p->number,
		    (long long)p->written);
	else if (rc == 0 && before > p->stable)
		rc = leat_err_set(err, LEAT_CLS_RETRY, LEAT_E_RANGE,
		    "an open transaction of %s-%d begins at offset %lld",
		    p->topic, p->number, (long long)p->stable);
	lock_release(&p->lock);
	if (rc == 0)
		rc = move_start_unsaved(p, before, err);
	return rc < 0 ? rc : 0;
}

int
broker_partition_trim(struct broker_partition *p, int64_t before,
    struct leat_err *err)
{
	int rc;

	OBJ_CHECK(p, PARTITION_MAGIC);
	if (before == -1)
		before = offset_load(&p->written);
	rc = partition_trim(p, before, err);
	if (rc == 0)
		rc = p->env->save_starts(p->env->arg, err);
	if (rc == 0 && p->env->kick != NULL)
		p->env->kick(p->env->arg);
	return rc;
}
