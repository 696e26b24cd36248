/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What time does to transactions: the housekeeper's calls, and the last ones
 * before the broker closes.
 */
#include <stdlib.h>

#include "broker/coord/txns_int.h"
#include "core/base/obj.h"

static bool
is_durable(const struct txn_part *m)
{
	return offset_load(&m->part->durable) >= m->end ||
	    m->part->state != PART_ONLINE;
}

static bool
all_durable(const struct txn_entry *e)
{
	for (size_t i = 0; i < e->nmarked; i++)
		if (!is_durable(&e->marked[i]))
			return false;
	return true;
}

/* The markers are durable: COMPLETE, unless a newer record is there. */
static void
finish_marked(struct txn_entry *e)
{
	if (e->complete_due && txn_write_complete(e, NULL) < 0)
		return;
	txn_parts_clear(&e->marked, &e->nmarked);
}

bool
txns_tend(struct txns *ts)
{
	const struct leat_map_entry *me;
	struct txn_entry *stuck = NULL;
	size_t it = 0;
	bool more = false;

	lock_acquire(&ts->lock);
	while ((me = leat_map_next(&ts->by_id, &it)) != NULL) {
		struct txn_entry *e = me->value;

		if (e->busy && e->stuck)
			stuck = e;
		if (!e->busy && e->state != TXN_DEAD &&
		    (e->nmarked > 0 || e->complete_due) && all_durable(e))
			finish_marked(e);
		more = more || e->nmarked > 0 || e->state == TXN_ONGOING ||
		    e->busy;
	}
	if (stuck != NULL)
		txn_show_unlock(stuck);
	else
		lock_release(&ts->lock);
	return more;
}

/* One whose time is over, or NULL. */
static struct txn_entry *
find_late(struct txns *ts)
{
	int64_t now = clock_mono_ns(ts->b->env.clock);
	const struct leat_map_entry *me;
	size_t it = 0;

	while ((me = leat_map_next(&ts->by_id, &it)) != NULL) {
		struct txn_entry *e = me->value;

		if (!e->busy && e->timeout_ms > 0 &&
		    now - e->start_mono_ns >=
		    (int64_t)e->timeout_ms * 1000000 &&
		    txn_ask(e, TXN_EV_TIMEOUT, NULL) == 0)
			return e;
	}
	return NULL;
}

void
txns_expire(struct txns *ts)
{
	struct txn_entry *e;

	/* Bounded, as what cannot be aborted now stays late. */
	for (size_t left = TXN_IDS_MAX; left > 0; left--) {
		lock_acquire(&ts->lock);
		if ((e = find_late(ts)) == NULL) {
			lock_release(&ts->lock);
			return;
		}
		log_warn(&ts->b->env.lg, "transaction timed out, aborted",
		    "id=%s timeout_ms=%d", e->id, e->timeout_ms);
		if (e->remote) {
			/* Once more in a while, should it fail. */
			e->start_mono_ns = clock_mono_ns(ts->b->env.clock);
			txn_fence_unlock(e, TXN_EV_TIMEOUT, NULL, NULL);
			continue;
		}
		txn_abort_locked(e, true);
		e->owner = NULL;
		lock_release(&ts->lock);
	}
}

/* A tombstone for one id that nobody uses; negative when it failed. */
static int
forget(struct txn_entry *e)
{
	struct batch_builder *bb = batch_builder_new(CODEC_NONE, 0,
	    TXN_ID_MAX_BYTES * 4);
	struct record rec = { .timestamp_ms =
	    clock_wall_ms(e->ts->b->env.clock) };
	struct broker_appended done;
	struct leat_buf key;
	uint8_t *data;
	size_t len;
	int rc = -1;

	leat_buf_init(&key, TXN_ID_MAX_BYTES + 4);
	txn_key_encode(&key, leat_str_c(e->id));
	rec.key = (struct leat_str){ (char *)key.data, key.len };
	if (bb != NULL && !key.failed &&
	    (rc = batch_builder_add(bb, &rec, NULL)) == 0 &&
	    (rc = batch_builder_finish(bb, NULL, &data, &len, NULL)) == 0)
		rc = partition_append_own(txn_log(e->ts, e->id), data, len,
		    &done, NULL);
	batch_builder_free(bb);
	leat_buf_fini(&key);
	if (rc < 0)
		return rc;
	txn_move(e, TXN_EV_EXPIRE);
	txn_entry_drop(e);
	return 0;
}

void
txns_expire_ids(struct txns *ts, int64_t before_ms)
{
	const struct leat_map_entry *me;
	size_t it = 0;
	int rc = 0;

	lock_acquire(&ts->lock);
	while (rc == 0 && (me = leat_map_next(&ts->by_id, &it)) != NULL) {
		struct txn_entry *e = me->value;

		if (!e->busy && e->owner == NULL && e->handles == 0 &&
		    e->nmarked == 0 && e->update_ms < before_ms &&
		    txn_ask(e, TXN_EV_EXPIRE, NULL) == 0)
			rc = forget(e);
	}
	lock_release(&ts->lock);
}

/* One marker's partition that is not durable yet, counted, or NULL. */
static struct broker_partition *
next_undurable(struct txns *ts)
{
	const struct leat_map_entry *me;
	struct broker_partition *p = NULL;
	size_t it = 0;

	lock_acquire(&ts->lock);
	while (p == NULL && (me = leat_map_next(&ts->by_id, &it)) != NULL) {
		const struct txn_entry *e = me->value;

		for (size_t i = 0; i < e->nmarked && p == NULL; i++)
			if (!is_durable(&e->marked[i]))
				p = e->marked[i].part;
	}
	if (p != NULL)
		partition_get(p);
	lock_release(&ts->lock);
	return p;
}

void
txns_sync_markers(struct txns *ts)
{
	struct broker_partition *p;
	int rc = 0;

	/* New ones may come all the time; those that were there are enough. */
	for (size_t left = TXN_PARTS_MAX; left > 0 && rc == 0 &&
	    (p = next_undurable(ts)) != NULL; left--) {
		rc = flusher_sync(p, NULL);
		broker_partition_put(p);
	}
}

void
txns_settle(struct txns *ts)
{
	const struct leat_map_entry *me;
	size_t it = 0;

	lock_acquire(&ts->lock);
	while ((me = leat_map_next(&ts->by_id, &it)) != NULL) {
		struct txn_entry *e = me->value;

		while (e->busy && !e->stuck)
			cond_wait(&ts->cond, &ts->lock);
		/* A remote producer goes on after the restart. */
		if (e->state == TXN_ONGOING && !e->remote && !e->busy)
			txn_abort_locked(e, true);
		e->owner = NULL;
	}
	lock_release(&ts->lock);
	txns_sync_markers(ts);
	(void)txns_tend(ts);
}
