/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Producers beyond the network: InitProducerId, AddPartitionsToTxn,
 * AddOffsetsToTxn, TxnOffsetCommit and EndTxn, without the wire.
 *
 * What a request is checked for, in this order: the id is known; nothing is
 * under way; the producer id is the entry's; so is the epoch; the table's word.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/coord/groups.h"
#include "broker/coord/txns_int.h"
#include "core/base/obj.h"

static int
unknown_id(const struct txn_ident *who, struct leat_err *err)
{
	return leat_err_set(err, LEAT_CLS_FATAL, BROKER_E_TXN_ID,
	    "transactional id '%.200s' has no producer %lld", who->id,
	    (long long)who->producer_id);
}

static int
is_busy(const struct txn_entry *e, struct leat_err *err)
{
	return leat_err_set(err, LEAT_CLS_RETRY, BROKER_E_TXN_BUSY,
	    "transactional id '%s': the call before is under way", e->id);
}

static int
is_fenced(const struct txn_entry *e, int16_t epoch, struct leat_err *err)
{
	return leat_err_set(err, LEAT_CLS_FATAL, BROKER_E_TXN_FENCED,
	    "transactional id '%s': epoch %d is not the current one, %d",
	    e->id, epoch, e->epoch);
}

static int
find_producer(const struct txns *ts, const struct txn_ident *who,
    struct txn_entry **ret, struct leat_err *err)
{
	struct txn_entry *e = txn_entry_find(ts, who->id);

	if (e == NULL || !e->remote)
		return unknown_id(who, err);
	if (e->busy)
		return is_busy(e, err);
	if (e->producer_id != who->producer_id)
		return unknown_id(who, err);
	if (e->epoch != who->epoch)
		return is_fenced(e, who->epoch, err);
	*ret = e;
	return 0;
}

/* ------------------------------------------------------- InitProducerId */

struct txn_beginning {
	txn_told_fn *fn;
	void *arg;
	int64_t producer_id;	/* that the caller takes itself for, or -1 */
	int16_t epoch;
	int16_t found;		/* the epoch when it asked */
	int32_t timeout_ms;
	int64_t fresh_id;	/* a producer id to be given out, or -1 */
};

/* Answers; the lock is released before. */
static void
answer_unlock(struct txn_entry *e, const struct leat_err *err)
{
	struct txn_beginning *op = TAKE(e->beginning);
	int64_t id = e->producer_id;
	int16_t epoch = e->epoch;
	struct leat_err copy = LEAT_ERR_INIT;

	if (err != NULL)
		copy = *err;
	e->busy = false;
	cond_broadcast(&e->ts->cond);
	lock_release(&e->ts->lock);
	op->fn(op->arg, err == NULL ? NULL : &copy, id, epoch);
	free(op);
}

static void
on_begun(void *arg, const struct leat_err *err)
{
	struct txn_entry *e = arg;

	lock_acquire(&e->ts->lock);
	answer_unlock(e, err);
}

/* The previous transaction could not be aborted. */
static void
on_abort_failed(void *arg, const struct leat_err *err)
{
	struct txn_beginning *op = arg;

	op->fn(op->arg, err, -1, -1);
	free(op);
}

/*
 * The producer that is to go on: the next epoch, or a new id where there was
 * none or no epoch is left. 1 when it has it already (its answer was lost).
 */
static int
next_producer(struct txn_entry *e, struct txn_beginning *op,
    struct leat_err *err)
{
	bool expected = op->producer_id >= 0;
	bool used_up = e->epoch >= TXN_EPOCH_LAST;
	int64_t last_id = e->producer_id;
	int rc;

	if (expected && (op->producer_id != e->producer_id ||
	    op->epoch != op->found)) {
		if (op->epoch == e->last_epoch &&
		    (op->producer_id == e->producer_id ||
		    op->producer_id == e->last_producer_id))
			return 1;
		return is_fenced(e, op->epoch, err);
	}
	if (op->fresh_id >= 0)
		rc = txn_set_producer(e, op->fresh_id, 0, err);
	else if (used_up)		/* rare: the lock is held over it */
		rc = txn_new_producer(e, err);
	else
		rc = txn_set_producer(e, e->producer_id,
		    (int16_t)(e->epoch + 1), err);
	if (rc < 0)
		return rc;
	e->last_producer_id = expected ? last_id : -1;
	e->last_epoch = expected ? op->found : -1;
	return 0;
}

void
txn_begin_unlock(struct txn_entry *e)
{
	struct txn_beginning *op = e->beginning;
	struct leat_err err = LEAT_ERR_INIT;
	struct txn_entry was = *e;
	int64_t end;
	int rc;

	lock_assert_held(&e->ts->lock);
	e->busy = true;
	if ((rc = next_producer(e, op, &err)) != 0) {
		answer_unlock(e, rc > 0 ? NULL : &err);
		return;
	}
	e->remote = true;
	e->timeout_ms = op->timeout_ms;
	e->version = TXN_CLASSIC;
	if (txn_write(e, TXN_EMPTY, &end, &err) < 0) {
		(void)txn_set_producer(e, was.producer_id, was.epoch, NULL);
		e->last_producer_id = was.last_producer_id;
		e->last_epoch = was.last_epoch;
		e->timeout_ms = was.timeout_ms;
		e->version = was.version;
		e->remote = was.remote;
		answer_unlock(e, &err);
		return;
	}
	txn_move(e, TXN_EV_INIT);
	e->decision.fn = on_begun;
	e->decision.arg = e;
	lock_release(&e->ts->lock);
	flusher_wait(e->ts->b->env.flusher, txn_log(e->ts, e->id), end,
	    &e->decision, true);
}

/*
 * May this caller begin? On return with 0 the transaction that stands in the
 * way, if any, is a remote producer's.
 */
static int
check_begin(struct txn_entry *e, const struct txn_ident *who,
    struct leat_err *err)
{
	int rc;

	if (e->busy)
		return is_busy(e, err);
	if (who->producer_id >= 0 && who->producer_id != e->producer_id &&
	    who->producer_id != e->last_producer_id)
		return is_fenced(e, who->epoch, err);
	if ((rc = txn_ask(e, TXN_EV_INIT, err)) < 0)
		return rc;
	/* Nobody but the current producer may abort what is open. */
	if (e->state == TXN_ONGOING && who->producer_id >= 0 &&
	    (who->producer_id != e->producer_id || who->epoch != e->epoch))
		return is_fenced(e, who->epoch, err);
	if (e->state == TXN_ONGOING && !e->remote) {
		txn_abort_locked(e, true);
		rc = txn_ask(e, TXN_EV_INIT, err);
	}
	return rc;
}

static int
start_unlock(struct txns *ts, const struct txn_ident *caller,
    struct txn_beginning *op, struct leat_err *err)
{
	struct txn_ident begins = *caller, *who = &begins;
	struct txn_entry *e;
	int rc;

	lock_acquire(&ts->lock);
	e = txn_entry_find(ts, who->id);
	if ((e == NULL || !e->remote) && op->fresh_id < 0) {
		lock_release(&ts->lock);
		if ((rc = broker_producer_id(ts->b, &op->fresh_id, err)) < 0)
			return rc;
		lock_acquire(&ts->lock);
	}
	rc = txn_entry_get(ts, who->id, &e, err);
	/*
	 * Nobody has been it before: whoever the caller takes itself for, it
	 * gets a new producer, as from Kafka.
	 */
	if (rc == 0 && e->producer_id < 0)
		op->producer_id = who->producer_id = -1;
	if (rc == 0 && !e->remote && who->producer_id >= 0)
		rc = is_fenced(e, who->epoch, err);
	if (rc == 0)
		rc = check_begin(e, who, err);
	if (rc < 0) {
		if (e != NULL && e->producer_id < 0 && e->handles == 0 &&
		    !e->busy)
			txn_entry_drop(e);
		lock_release(&ts->lock);
		return rc;
	}
	if (e->remote)
		op->fresh_id = -1;
	e->owner = NULL;
	op->found = e->epoch;
	e->beginning = op;
	if (e->state == TXN_ONGOING)
		txn_fence_unlock(e, TXN_EV_INIT, on_abort_failed, op);
	else
		txn_begin_unlock(e);
	return 0;
}

void
txns_begin(struct txns *ts, const struct txn_ident *who, int32_t timeout_ms,
    txn_told_fn *fn, void *arg)
{
	struct txn_beginning *op = calloc(1, sizeof(*op));
	struct leat_err err = LEAT_ERR_INIT;
	int rc;

	if (op == NULL) {
		leat_err_set(&err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for a transaction");
		fn(arg, &err, -1, -1);
		return;
	}
	*op = (struct txn_beginning){ .fn = fn, .arg = arg,
	    .producer_id = who->producer_id, .epoch = who->epoch,
	    .timeout_ms = timeout_ms, .fresh_id = -1 };
	if (who->id[0] == '\0' || strlen(who->id) > TXN_ID_MAX_BYTES)
		rc = leat_err_set(&err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "transactional id is empty or too long");
	else
		rc = start_unlock(ts, who, op, &err);
	if (rc < 0) {
		fn(arg, &err, -1, -1);
		free(op);
	}
}

/* --------------------------------------------------- AddPartitionsToTxn */

/* The ids of the topics, before the lock is taken: that of topics is lower. */
static uint8_t (*topic_ids(struct txns *ts,
    struct broker_partition *const *parts, size_t n))[16]
{
	uint8_t (*ids)[16] = calloc(n + 1, sizeof(*ids));
	struct broker_topic_info info = { 0 };

	for (size_t i = 0; ids != NULL && i < n; i++) {
		if (i > 0 && strcmp(parts[i]->topic, parts[i - 1]->topic) == 0)
			memcpy(ids[i], ids[i - 1], sizeof(ids[i]));
		else if (topics_info(ts->b, parts[i]->topic, &info) == 0)
			memcpy(ids[i], info.id, sizeof(ids[i]));
	}
	return ids;
}

/* Takes back the parts from `keep` on. */
static void
take_back(struct txn_entry *e, size_t keep)
{
	while (e->nparts > keep) {
		struct broker_partition *p = e->parts[--e->nparts].part;

		(void)partition_txn_leave(p, e->producer_id);
		broker_partition_put(p);
	}
}

static int
add_locked(struct txn_entry *e, int16_t version,
    struct broker_partition *const *parts, uint8_t (*ids)[16], size_t n,
    struct leat_err *err)
{
	size_t had = e->nparts, at;
	int64_t end, start_ms = e->start_ms;
	int16_t was = e->version;
	int rc = 0;

	if (e->state != TXN_ONGOING)
		e->start_ms = clock_wall_ms(e->ts->b->env.clock);
	/*
	 * It may write there from now on as far as the partition knows, but
	 * txns_verify stands before it, behind our lock.
	 */
	for (size_t i = 0; rc == 0 && i < n; i++) {
		if (partition_txn_joined(parts[i], e->producer_id, e->epoch))
			continue;
		if ((rc = txn_part_add(e, parts[i], &at, err)) < 0)
			break;
		memcpy(e->parts[at].topic_id, ids[i], sizeof(ids[i]));
		rc = partition_txn_join(parts[i], e->producer_id, e->epoch,
		    err);
	}
	if (rc == 0 && e->nparts > had) {
		e->version = version;
		rc = txn_write(e, TXN_ONGOING, &end, err);
	}
	if (rc < 0) {
		take_back(e, had);
		e->version = was;
		e->start_ms = start_ms;
		return rc;
	}
	if (e->nparts == had)
		return 0;		/* all were there already */
	if (e->state != TXN_ONGOING) {
		e->start_mono_ns = clock_mono_ns(e->ts->b->env.clock);
		keeper_wake(e->ts->b);
	}
	for (size_t i = had; i < e->nparts; i++)
		e->has_offsets = e->has_offsets ||
		    strcmp(e->parts[i].part->topic, offsets_topic) == 0;
	txn_move(e, TXN_EV_ADD);
	return 0;
}

int
txns_add(struct txns *ts, const struct txn_ident *who,
    struct broker_partition *const *parts, size_t n, struct leat_err *err)
{
	uint8_t (*ids)[16] = topic_ids(ts, parts, n);
	struct txn_entry *e;
	int rc;

	if (ids == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for a transaction");
	lock_acquire(&ts->lock);
	if ((rc = find_producer(ts, who, &e, err)) == 0 &&
	    (rc = txn_ask(e, TXN_EV_ADD, err)) == 0)
		rc = add_locked(e, who->version, parts, ids, n, err);
	lock_release(&ts->lock);
	free(ids);
	return rc;
}

int
txns_add_group(struct txns *ts, const struct txn_ident *who,
    const char *group, struct leat_err *err)
{
	struct broker_partition *p = groups_partition(ts->b->groups, group);
	int rc = txns_add(ts, who, &p, 1, err);

	broker_partition_put(p);
	return rc;
}

/* ------------------------------------------------------ TxnOffsetCommit */

static int
append_offsets(struct txn_entry *e, struct broker_partition *p,
    struct batch_builder *bb, int64_t *ret_end, struct leat_err *err)
{
	struct batch_identity id = { .producer_id = e->producer_id,
	    .producer_epoch = e->epoch, .transactional = true };
	struct broker_appended done;
	uint8_t *data;
	size_t len;
	int rc;

	if ((rc = txn_ask(e, TXN_EV_WRITE, err)) < 0)
		return rc;
	if (!partition_txn_joined(p, e->producer_id, e->epoch))
		return leat_err_set(err, LEAT_CLS_FATAL, BROKER_E_TXN_STATE,
		    "transactional id '%s': the group was not added", e->id);
	id.base_sequence = partition_next_sequence(p, e->producer_id,
	    e->epoch);
	rc = batch_builder_finish(bb, &id, &data, &len, err);
	if (rc == 0)
		rc = partition_append_own(p, data, len, &done, err);
	if (rc == 0)
		*ret_end = done.last_offset + 1;
	return rc;
}

void
txns_offsets(struct txns *ts, const struct txn_ident *who, const char *group,
    const struct broker_group_offset *offsets, size_t n, broker_done_fn *fn,
    void *arg)
{
	struct groups *gs = ts->b->groups;
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_partition *p;
	struct batch_builder *bb;
	struct txn_entry *e;
	int64_t end = 0;
	int rc;

	if (who->version == TXN_BUMPS &&
	    txns_add_group(ts, who, group, &err) < 0) {
		fn(arg, &err);
		return;
	}
	if (groups_prepare(gs, group, offsets, n, &bb, &err) < 0) {
		fn(arg, &err);
		return;
	}
	p = groups_partition(gs, group);
	/* Under the lock as a whole: the end comes before it or behind it. */
	lock_acquire(&ts->lock);
	if ((rc = find_producer(ts, who, &e, &err)) == 0 &&
	    (rc = append_offsets(e, p, bb, &end, &err)) == 0)
		rc = groups_add_pending(gs, who->producer_id, group, offsets,
		    n, &err);
	lock_release(&ts->lock);
	batch_builder_free(bb);
	if (rc < 0)
		fn(arg, &err);
	else
		broker_when_durable(p, end, fn, arg);
	broker_partition_put(p);
}

/* --------------------------------------------------------------- EndTxn */

/*
 * Is it the producer that the last end gave another epoch, asking again? Then
 * the answer was lost.
 */
static bool
asks_again(const struct txn_entry *e, const struct txn_ident *who)
{
	return e != NULL && e->remote && !e->busy &&
	    who->version == TXN_BUMPS && e->version == TXN_BUMPS &&
	    (e->state == TXN_COMPLETE_COMMIT ||
	    e->state == TXN_COMPLETE_ABORT || e->state == TXN_DEAD) &&
	    e->last_producer_id == who->producer_id &&
	    e->last_epoch == who->epoch;
}

static enum txn_event
end_event(const struct txn_entry *e, const struct txn_ident *who, bool commit)
{
	if (who->version == TXN_BUMPS && !asks_again(e, who))
		return commit ? TXN_EV_COMMIT_BUMP : TXN_EV_ABORT_BUMP;
	return commit ? TXN_EV_COMMIT : TXN_EV_ABORT;
}

static int
find_ending(const struct txns *ts, const struct txn_ident *who,
    struct txn_entry **ret, struct leat_err *err)
{
	*ret = txn_entry_find(ts, who->id);
	return asks_again(*ret, who) ? 0 : find_producer(ts, who, ret, err);
}

/* As above; with the last epoch, *ret_fresh gets the id that is to follow. */
static int
find_to_end(struct txns *ts, const struct txn_ident *who,
    struct txn_entry **ret, int64_t *ret_fresh, struct leat_err *err)
{
	int rc = find_ending(ts, who, ret, err);

	if (rc < 0 || who->version != TXN_BUMPS ||
	    (*ret)->epoch < TXN_EPOCH_LAST || asks_again(*ret, who))
		return rc;
	lock_release(&ts->lock);	/* it may wait for the disk */
	rc = broker_producer_id(ts->b, ret_fresh, err);
	lock_acquire(&ts->lock);
	return rc < 0 ? rc : find_ending(ts, who, ret, err);
}

void
txns_end(struct txns *ts, const struct txn_ident *who, bool commit,
    txn_told_fn *fn, void *arg)
{
	struct txn_ending how = { .told = fn, .arg = arg };
	struct leat_err err = LEAT_ERR_INIT;
	struct txn_ident now = *who;
	struct txn_entry *e;
	int64_t fresh = -1;
	int rc;

	lock_acquire(&ts->lock);
	rc = find_to_end(ts, who, &e, &fresh, &err);
	if (rc == 0) {
		how.event = end_event(e, who, commit);
		how.bump = who->version == TXN_BUMPS;
		now.producer_id = e->producer_id;
		now.epoch = e->epoch;
		rc = txn_ask(e, how.event, &err);
	}
	if (rc == 0 && e->epoch >= TXN_EPOCH_LAST && fresh >= 0)
		rc = txn_set_next(e, fresh, &err);
	if (rc == 0) {
		if (e->nparts == 0)
			e->start_ms = clock_wall_ms(ts->b->env.clock);
		txn_end_unlock(e, &how);
		return;
	}
	lock_release(&ts->lock);
	/* Ended so before: asked again. */
	fn(arg, rc > 0 ? NULL : &err, now.producer_id, now.epoch);
}
