/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The housekeeper: one thread for everything that may wait: checkpoints,
 * sealing of finished segments, retention, compaction, expiry of producers,
 * transactions and groups' offsets.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/broker_int.h"
#include "broker/coord/groups.h"
#include "broker/coord/txns.h"
#include "core/base/obj.h"

enum {
	TICK_BUSY_MS = 1000,
	TICK_IDLE_MS = 15000,
	CLEAN_MS = 15000,
	PRODUCER_EXPIRY_MS = 24 * 3600 * 1000
};

/* Writes one checkpoint file of a value per partition. */
static int
save_locked(struct broker *b, const char *name,
    int64_t (*value)(struct broker_partition *), struct leat_err *err)
{
	struct broker_partition **list;
	struct leat_buf lines;
	char path[4096];
	size_t n, count = 0;
	int rc;

	lock_assert_held(&b->files);
	list = topics_partitions(b, &n);
	leat_buf_init(&lines, 64 << 20);
	for (size_t i = 0; list != NULL && i < n; i++) {
		int64_t v = value(list[i]);

		if (v <= 0)
			continue;	/* nothing to say */
		checkpoint_add(&lines, list[i]->topic, list[i]->number, v);
		count++;
	}
	snprintf(path, sizeof(path), "%s/%s", b->dir, name);
	if (list == NULL)
		rc = leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for %s", path);
	else
		rc = checkpoint_save(b->env.fs, path, &lines, count, err);
	leat_buf_fini(&lines);
	partitions_put(list, n);
	return rc;
}

/* Where the log starts, when that is not where its first segment does. */
static int64_t
start_of(struct broker_partition *p)
{
	int64_t v;

	lock_acquire(&p->lock);
	v = p->nsegs > 0 && p->log_start > p->segs[0]->base ? p->log_start : 0;
	lock_release(&p->lock);
	return v;
}

static int64_t
clean_end_of(struct broker_partition *p)
{
	int64_t v;

	lock_acquire(&p->lock);
	v = p->clean_end;
	lock_release(&p->lock);
	return v;
}

static int
save_points_locked(struct broker *b, struct leat_err *err)
{
	/* Before it looks: what comes meanwhile counts for the next time. */
	__atomic_store_n(&b->env.unnoted_bytes, 0, __ATOMIC_RELAXED);
	return save_locked(b, "recovery-point-offset-checkpoint",
	    partition_recovery_point, err);
}

static int
save_starts_locked(struct broker *b, struct leat_err *err)
{
	return save_locked(b, "log-start-offset-checkpoint", start_of, err);
}

int
keeper_save_checkpoints_locked(struct broker *b, struct leat_err *err)
{
	int rc = save_points_locked(b, err);

	if (rc == 0)
		rc = save_starts_locked(b, err);
	if (rc == 0)
		rc = save_locked(b, "cleaner-offset-checkpoint", clean_end_of,
		    err);
	return rc;
}

/* One of the above with the lock that it wants. */
static int
save(struct broker *b, int (*fn)(struct broker *, struct leat_err *),
    struct leat_err *err)
{
	int rc;

	lock_acquire(&b->files);
	rc = fn(b, err);
	lock_release(&b->files);
	return rc;
}

int
keeper_save_starts(void *arg, struct leat_err *err)
{
	return save(arg, save_starts_locked, err);
}

int
keeper_save_checkpoints(struct broker *b, struct leat_err *err)
{
	return save(b, keeper_save_checkpoints_locked, err);
}

/* The checkpoints that are due: all of them, or those of much that is new. */
static void
note(struct broker *b, bool all)
{
	struct leat_err err;
	int rc = 0;

	if (all)
		rc = keeper_save_checkpoints(b, &err);
	else if (__atomic_load_n(&b->env.unnoted_bytes, __ATOMIC_RELAXED) >=
	    CHECKPOINT_BYTES)
		rc = save(b, save_points_locked, &err);
	if (rc < 0)
		log_warn_err(&b->env.lg, "checkpoint failed", &err);
}

void
keeper_kick(void *arg)
{
	struct broker *b = arg;

	lock_acquire(&b->keeper_lock);
	b->keeper_kicked = true;
	cond_signal(&b->keeper_cond);
	lock_release(&b->keeper_lock);
}

void
keeper_wake(void *arg)
{
	struct broker *b = arg;

	if (!__atomic_load_n(&b->keeper_idle, __ATOMIC_ACQUIRE))
		return;
	lock_acquire(&b->keeper_lock);
	__atomic_store_n(&b->keeper_idle, false, __ATOMIC_RELEASE);
	cond_signal(&b->keeper_cond);
	lock_release(&b->keeper_lock);
}

static void
tend_partition(struct broker *b, struct broker_partition *p, bool retention,
    bool clean)
{
	struct leat_err err;

	if (!partition_begin_work(p))
		return;
	partition_seal(p);
	if (retention) {
		lock_acquire(&p->lock);
		producers_expire(&p->producers,
		    clock_wall_ms(b->env.clock) - PRODUCER_EXPIRY_MS);
		lock_release(&p->lock);
	}
	if (partition_retain(p, retention, &err) < 0)
		log_warn_err(&b->env.lg, "retention failed", &err);
	if (clean && partition_clean(p, b->o.cleaner_memory, false, &err) < 0)
		log_warn_err(&b->env.lg, "compaction failed", &err);
	partition_end_work(p);
}

void
keeper_round(struct broker *b, bool retention, bool clean)
{
	struct broker_partition **list;
	size_t n;

	if (clean)
		txns_sync_markers(b->txns);
	list = topics_partitions(b, &n);
	for (size_t i = 0; list != NULL && i < n; i++)
		tend_partition(b, list[i], retention, clean);
	partitions_put(list, n);
	txns_expire(b->txns);
	if (retention && b->o.txn_id_expiration_ms > 0)
		txns_expire_ids(b->txns, clock_wall_ms(b->env.clock) -
		    b->o.txn_id_expiration_ms);
	if (retention && b->o.offsets_retention_ms > 0)
		groups_expire(b->groups, clock_wall_ms(b->env.clock) -
		    b->o.offsets_retention_ms);
}

static bool
due(int64_t *last, int64_t now_ms, int64_t every_ms)
{
	if (now_ms - *last < every_ms)
		return false;
	*last = now_ms;
	return true;
}

static void *
run(void *arg)
{
	struct broker *b = arg;
	int64_t now = clock_mono_ms(&clock_system), clean = now;
	int64_t checkpoint = now, retention = now;

	lock_acquire(&b->keeper_lock);
	while (!b->keeper_stop) {
		bool kicked = b->keeper_kicked, busy, old;
		int64_t wait_ms = MIN(b->o.checkpoint_ms,
		    b->o.retention_check_ms);

		b->keeper_kicked = false;
		/* Before it looks, so that what comes meanwhile wakes it. */
		__atomic_store_n(&b->keeper_idle, true, __ATOMIC_RELEASE);
		lock_release(&b->keeper_lock);
		now = clock_mono_ms(&clock_system);
		txns_expire(b->txns);
		busy = txns_tend(b->txns);
		old = due(&retention, now, b->o.retention_check_ms);
		if (due(&clean, now, CLEAN_MS) || kicked || old)
			keeper_round(b, old, true);
		note(b, due(&checkpoint, now, b->o.checkpoint_ms));
		lock_acquire(&b->keeper_lock);
		if (busy)
			__atomic_store_n(&b->keeper_idle, false,
			    __ATOMIC_RELEASE);
		if (!b->keeper_stop && !b->keeper_kicked)
			(void)cond_wait_until(&b->keeper_cond, &b->keeper_lock,
			    clock_deadline_ns(&clock_system, MIN(wait_ms,
			    b->keeper_idle ? TICK_IDLE_MS : TICK_BUSY_MS)));
	}
	lock_release(&b->keeper_lock);
	return NULL;
}

int
keeper_start(struct broker *b, struct leat_err *err)
{
	return thread_start(&b->keeper, "leat-keeper", run, b, err);
}

void
keeper_stop(struct broker *b)
{
	if (!b->keeper.running)
		return;
	lock_acquire(&b->keeper_lock);
	b->keeper_stop = true;
	cond_signal(&b->keeper_cond);
	lock_release(&b->keeper_lock);
	thread_join(&b->keeper);
}
