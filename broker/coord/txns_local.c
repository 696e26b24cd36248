/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Producers in this process: the calls of broker.h. They share the states with
 * remote ones, but say less in records: EMPTY when they open, PREPARE_COMMIT
 * when they commit (T3 and T4 in txns.c).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/coord/groups.h"
#include "broker/coord/txns_int.h"
#include "core/base/obj.h"

/* May t go on? The lock is held. */
int
txn_check_owner(const struct broker_txn *t, struct leat_err *err)
{
	const struct txn_entry *e = t->entry;

	if (e->owner != t)
		return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_FENCED,
		    "transactional id '%s': a newer producer took over, or "
		    "the transaction was open for too long", e->id);
	if (e->state == TXN_DEAD)
		return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_STATE,
		    "transactional id '%s': %s", e->id, e->failure.text);
	if (e->busy)
		return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_STATE,
		    "transactional id '%s': a commit is in flight", e->id);
	return 0;
}

/* Ends what is open, whoever opened it; the lock may be let go meanwhile. */
static void
end_open(struct txn_entry *e)
{
	txn_wait_idle_locked(e);
	while (e->state == TXN_ONGOING && e->remote) {
		txn_fence_unlock(e, TXN_EV_INIT, NULL, NULL);
		lock_acquire(&e->ts->lock);
		txn_wait_idle_locked(e);
		/* The log takes no records: what is written now fails too. */
		if (e->state == TXN_ONGOING)
			break;
	}
	if (e->state == TXN_ONGOING && !e->remote)
		txn_abort_locked(e, true);
}

static int
take_over(struct txn_entry *e, struct broker_txn *t, int64_t timeout_ms,
    int64_t producer_id, struct leat_err *err)
{
	int64_t end;
	int rc;

	end_open(e);
	if (e->state == TXN_DEAD) {
		e->owner = t;
		rc = txn_check_owner(t, err);
		e->owner = NULL;
		return rc;
	}
	e->owner = NULL;
	if ((rc = txn_ask(e, TXN_EV_INIT, err)) < 0)
		return rc;
	if (e->state == TXN_ONGOING)
		return leat_err_set(err, LEAT_CLS_RETRY, BROKER_E_TXN_BUSY,
		    "transactional id '%s' cannot be taken over yet", e->id);
	if ((rc = txn_set_producer(e, producer_id, 0, err)) < 0)
		return rc;
	e->remote = false;
	e->last_producer_id = e->last_epoch = -1;
	e->version = TXN_CLASSIC;
	e->timeout_ms = (int32_t)MIN(timeout_ms, (int64_t)INT32_MAX);
	if ((rc = txn_write(e, TXN_EMPTY, &end, err)) < 0)
		return rc;
	txn_move(e, TXN_EV_INIT);
	e->owner = t;
	return 0;
}

int
broker_txn_open(struct broker *b, const char *transactional_id,
    int64_t timeout_ms, struct broker_txn **ret_txn, struct leat_err *err)
{
	struct txns *ts = b->txns;
	struct broker_txn *t;
	int64_t id;
	int rc;

	OBJ_CHECK(b, BROKER_MAGIC);
	if (transactional_id[0] == '\0' ||
	    strlen(transactional_id) > TXN_ID_MAX_BYTES)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "transactional id is empty or too long");
	/* Here, since it may wait for the disk. */
	if ((rc = broker_producer_id(b, &id, err)) < 0)
		return rc;
	if ((t = calloc(1, sizeof(*t))) == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for a transaction");
	t->magic = TXN_MAGIC;
	t->ts = ts;
	lock_acquire(&ts->lock);
	rc = txn_entry_get(ts, transactional_id, &t->entry, err);
	if (rc == 0) {
		t->entry->handles++;	/* the lock may be let go */
		rc = take_over(t->entry, t, timeout_ms, id, err);
		if (rc < 0)
			t->entry->handles--;
	}
	lock_release(&ts->lock);
	if (rc < 0) {
		OBJ_FREE(t);
		return rc;
	}
	*ret_txn = t;
	return 0;
}

void
broker_txn_close(struct broker_txn *t)
{
	struct txn_entry *e;

	if (t == NULL)
		return;
	OBJ_CHECK(t, TXN_MAGIC);
	e = t->entry;
	lock_acquire(&t->ts->lock);
	if (e->owner == t) {
		txn_wait_idle_locked(e);
		if (e->owner == t && e->state == TXN_ONGOING)
			txn_abort_locked(e, true);
		e->owner = NULL;
	}
	e->handles--;
	lock_release(&t->ts->lock);
	OBJ_FREE(t);
}

/* The part of a partition, made when it is new; the lock is held. */
static int
get_part(struct txn_entry *e, struct broker_partition *p, size_t *ret_i,
    struct leat_err *err)
{
	int rc;

	for (size_t i = 0; i < e->nparts; i++)
		if (e->parts[i].part == p) {
			*ret_i = i;
			return 0;
		}
	if ((rc = txn_part_add(e, p, ret_i, err)) < 0)
		return rc;
	if (e->state != TXN_ONGOING)
		txn_started(e);
	txn_move(e, TXN_EV_ADD);
	return 0;
}

static int
append(struct broker_txn *t, struct broker_partition *p,
    struct batch_builder *builder, bool offsets, struct broker_appended *ret,
    struct leat_err *err)
{
	struct txn_entry *e = t->entry;
	struct batch_identity id = { .transactional = true };
	uint8_t *data;
	uint64_t serial = 0;
	size_t i = 0, len;
	int rc;

	lock_acquire(&t->ts->lock);
	if ((rc = txn_check_owner(t, err)) == 0 &&
	    (rc = get_part(e, p, &i, err)) == 0) {
		id.producer_id = e->producer_id;
		id.producer_epoch = e->epoch;
		id.base_sequence = e->parts[i].next_seq;
		serial = e->serial;
		e->has_offsets = e->has_offsets || offsets;
	}
	lock_release(&t->ts->lock);
	if (rc < 0 || (rc = batch_builder_finish(builder, &id, &data, &len,
	    err)) < 0 ||
	    (rc = partition_append_own(p, data, len, ret, err)) < 0)
		return rc;
	lock_acquire(&t->ts->lock);
	/* Else it was fenced meanwhile, and the markers have the last word. */
	if (e->owner == t && e->serial == serial) {
		e->parts[i].next_seq = sequence_add(e->parts[i].next_seq,
		    (int32_t)(ret->last_offset - ret->base_offset + 1));
		e->parts[i].end = ret->last_offset + 1;
	}
	lock_release(&t->ts->lock);
	return 0;
}

int
broker_txn_append(struct broker_txn *t, struct broker_partition *p,
    struct batch_builder *builder, struct broker_appended *ret_appended,
    struct leat_err *err)
{
	int64_t max, bytes = (int64_t)batch_builder_bytes(builder);

	OBJ_CHECK(t, TXN_MAGIC);
	OBJ_CHECK(p, PARTITION_MAGIC);
	lock_acquire(&p->lock);
	max = MIN(p->config.max_message_bytes, p->config.segment_bytes);
	lock_release(&p->lock);
	if (bytes > max && batch_builder_count(builder) > 1)
		return leat_err_set(err, LEAT_CLS_RECORD, BROKER_E_TOO_LARGE,
		    "batch of %lld bytes is larger than %s-%d takes (%lld)",
		    (long long)bytes, p->topic, p->number, (long long)max);
	return append(t, p, builder, false, ret_appended, err);
}

int
broker_txn_offsets(struct broker_txn *t, const char *group,
    const struct broker_group_offset *offsets, size_t n, struct leat_err *err)
{
	struct groups *gs = t->ts->b->groups;
	struct broker_appended done;
	struct broker_partition *p;
	struct batch_builder *bb;
	int64_t id;
	int rc;

	OBJ_CHECK(t, TXN_MAGIC);
	if (n == 0)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (offsets[i].offset < 0)
			return leat_err_set(err, LEAT_CLS_CONFIG,
			    LEAT_E_CONFIG, "a transaction cannot forget the "
			    "offset of '%.60s'", offsets[i].topic);
	if ((rc = groups_prepare(gs, group, offsets, n, &bb, err)) < 0)
		return rc;
	p = groups_partition(gs, group);
	lock_acquire(&t->ts->lock);
	id = t->entry->producer_id;
	lock_release(&t->ts->lock);
	rc = append(t, p, bb, true, &done, err);
	if (rc == 0)
		rc = groups_add_pending(gs, id, group, offsets, n, err);
	lock_acquire(&t->ts->lock);
	if (t->entry->owner != t)	/* fenced meanwhile, and so aborted */
		groups_end_txn(gs, id, GROUPS_ALL_PARTITIONS, false);
	lock_release(&t->ts->lock);
	broker_partition_put(p);
	batch_builder_free(bb);
	return rc;
}

int
broker_txn_abort(struct broker_txn *t, struct leat_err *err)
{
	struct txn_entry *e = t->entry;
	int rc;

	OBJ_CHECK(t, TXN_MAGIC);
	lock_acquire(&t->ts->lock);
	rc = txn_check_owner(t, err);
	if (rc == 0 && e->state == TXN_ONGOING)
		txn_abort_locked(e, false);
	if (rc == 0 && e->state == TXN_DEAD)
		rc = txn_check_owner(t, err);
	lock_release(&t->ts->lock);
	return rc;
}

