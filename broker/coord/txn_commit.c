/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ending transactions.
 *
 * A commit runs in three steps, none of which blocks its caller:
 *
 *	txn_end_unlock	asks for the data's sync, in one round
 *	on_data		all of it is durable: writes PREPARE_COMMIT and
 *			asks for its sync
 *	on_decision	it is durable: writes the markers, calls back
 *
 * What is durable already is not waited for, so a producer whose every batch
 * was confirmed as durable pays for one round only. The last two run on the
 * flusher's thread. COMPLETE_COMMIT follows later, by the housekeeper, when
 * some other round has made the markers durable.
 *
 * A remote producer's abort goes the same way without data to wait for. The
 * entry is busy from the first step to the last.
 */
#include <errno.h>
#include <stdlib.h>

#include "broker/coord/groups.h"
#include "broker/coord/txns_int.h"
#include "core/base/obj.h"

enum { LOCAL_EPOCH_MAX = 32760 };

static void on_data(void *arg, const struct leat_err *err);
static void on_decision(void *arg, const struct leat_err *err);

void
txn_wait_idle_locked(struct txn_entry *e)
{
	while (e->busy)
		cond_wait(&e->ts->cond, &e->ts->lock);
}

/* -------------------------------------------------------------- markers */

/*
 * COMMIT or ABORT into every part that has none yet; what fails is reported
 * after the others are done.
 */
static int
mark(struct txn_entry *e, bool commit, int16_t epoch, struct leat_err *err)
{
	int rc = 0;

	for (size_t i = 0; i < e->nparts; i++) {
		struct txn_part *part = &e->parts[i];
		struct leat_err why = LEAT_ERR_INIT;
		int r;

		if (part->ended)
			continue;
		r = partition_append_marker(part->part, e->producer_id,
		    epoch, commit, &part->end, &why);
		/* A deleted topic has nothing to show or to hide. */
		if (r < 0 && r != LEAT_E_NOTFOUND) {
			rc = r;
			if (err != NULL)
				*err = why;
			continue;
		}
		part->ended = true;
	}
	if (e->has_offsets)
		groups_end_txn(e->ts->b->groups, e->producer_id,
		    GROUPS_ALL_PARTITIONS, commit);
	e->has_offsets = false;
	return rc;
}

/*
 * A local producer's next transaction has another epoch (T3); without one
 * left, the producer is fenced.
 */
static void
next_epoch(struct txn_entry *e, int16_t step)
{
	e->serial++;
	e->epoch = (int16_t)(e->epoch + step);
	if (e->epoch >= LOCAL_EPOCH_MAX && txn_new_producer(e, NULL) < 0)
		e->owner = NULL;
}

void
txn_abort_locked(struct txn_entry *e, bool fence)
{
	struct leat_err err = LEAT_ERR_INIT;
	int16_t step = fence ? 1 : 0;

	lock_assert_held(&e->ts->lock);
	assert(!e->remote);
	txn_move(e, TXN_EV_ABORT);
	/* With the larger epoch an append that is under way comes too late. */
	if (mark(e, false, (int16_t)(e->epoch + step), &err) < 0 &&
	    err.code != BROKER_E_OFFLINE) {
		leat_err_wrap(&err, "abort");
		log_err(&e->ts->b->env.lg, "transaction not ended", &err);
		txn_move(e, TXN_EV_UNKNOWN);
		e->failure = err;
		return;
	}
	txn_parts_clear(&e->parts, &e->nparts);
	txn_move(e, TXN_EV_SHOWN);
	next_epoch(e, (int16_t)(step + 1));
}

/* --------------------------------------------------------------- ending */

/* Nobody waits any more. */
static struct txn_ending
take_waiter(struct txn_entry *e)
{
	struct txn_ending how = e->ending;

	e->ending.done = NULL;
	e->ending.told = NULL;
	return how;
}

static void
tell(const struct txn_ending *how, const struct leat_err *err, int64_t id,
    int16_t epoch)
{
	if (how->done != NULL)
		how->done(how->arg, err);
	if (how->told != NULL)
		how->told(how->arg, err, id, epoch);
}

/* Ends what is under way: the lock is dropped, then the callback runs. */
static void
finish_unlock(struct txn_entry *e, const struct leat_err *err)
{
	struct txns *ts = e->ts;
	struct txn_ending how = take_waiter(e);
	int64_t id = e->producer_id;
	int16_t epoch = e->epoch;
	struct leat_err copy = LEAT_ERR_INIT;

	if (err != NULL)
		copy = *err;
	e->busy = false;
	e->stuck = false;
	e->beginning = NULL;	/* who waits has taken it over */
	cond_broadcast(&ts->cond);
	lock_release(&ts->lock);
	tell(&how, err == NULL ? NULL : &copy, id, epoch);
}

/* The outcome is not known before the next start. */
static void
lose_unlock(struct txn_entry *e, const struct leat_err *why)
{
	e->failure = *why;
	txn_move(e, TXN_EV_UNKNOWN);
	/* Who asks again is told so, not that it was fenced. */
	e->version = txn_ending_version(e);
	if (e->ending.bump) {
		e->last_producer_id = e->producer_id;
		e->last_epoch = e->unbumped;
	}
	finish_unlock(e, why);
}

/*
 * It could not be decided. A local producer's transaction is aborted; a remote
 * one stays open, for its producer to try again or its timeout to abort.
 */
static void
give_up_unlock(struct txn_entry *e, const struct leat_err *why)
{
	struct leat_err err = *why;

	if (!e->remote) {
		leat_err_wrap(&err, "transaction '%s' aborted", e->id);
		txn_abort_locked(e, false);
	} else {
		leat_err_wrap(&err, "transaction '%s' not ended", e->id);
		if (e->unbumped >= 0)
			e->epoch = e->unbumped;
		e->unbumped = -1;
		(void)txn_set_next(e, -1, NULL);
		if (e->state == TXN_PREPARE_EPOCH_FENCE)
			txn_move(e, TXN_EV_GIVE_UP);
	}
	finish_unlock(e, &err);
}

/* What comes with the epoch before is fenced. */
static void
bump_epoch(struct txn_entry *e)
{
	e->unbumped = e->epoch;
	e->epoch = (int16_t)MIN(e->epoch + 1, INT16_MAX);
}

static void
decide_unlock(struct txn_entry *e)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct txns *ts = e->ts;
	int64_t end;

	if (e->failure.code != 0) {
		give_up_unlock(e, &e->failure);
		return;
	}
	if (e->ending.bump && e->unbumped < 0)
		bump_epoch(e);
	if (txn_write(e, e->to, &end, &err) < 0) {
		give_up_unlock(e, &err);
		return;
	}
	/* T2: this round has covered the markers of the one before. */
	txn_parts_clear(&e->marked, &e->nmarked);
	txn_move(e, e->ending.event);
	e->decision.fn = on_decision;
	e->decision.arg = e;
	lock_release(&ts->lock);
	flusher_wait(ts->b->env.flusher, txn_log(ts, e->id), end, &e->decision,
	    true);
}

static void
on_data(void *arg, const struct leat_err *err)
{
	struct txn_entry *e = arg;

	lock_acquire(&e->ts->lock);
	if (err != NULL && err->code != LEAT_E_NOTFOUND)
		e->failure = *err;
	if (--e->left > 0) {
		lock_release(&e->ts->lock);
		return;
	}
	decide_unlock(e);
}

/* The markers are written: what follows. */
static void
shown_unlock(struct txn_entry *e)
{
	txn_move(e, TXN_EV_SHOWN);
	e->version = txn_ending_version(e);
	if (e->ending.bump)
		txn_bumped(e, e->producer_id, e->unbumped);
	e->finished = (struct txn_finished){ e->producer_id, e->epoch,
	    e->state, e->version, e->last_producer_id };
	e->marked = TAKE(e->parts);
	e->nmarked = e->nparts;
	e->nparts = 0;
	e->complete_due = true;
	e->unbumped = -1;
	if (!e->remote)
		next_epoch(e, 1);
	else
		e->serial++;
	if (e->beginning != NULL) {
		(void)take_waiter(e);
		txn_begin_unlock(e);
	} else {
		finish_unlock(e, NULL);
	}
}

/*
 * The markers cannot be written for now: the housekeeper tries on. A client is
 * told to ask again meanwhile, whether this broker lives on or not.
 */
static void
stick_unlock(struct txn_entry *e)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct txn_ending how = { 0 };

	e->stuck = true;
	if (e->remote) {
		how = take_waiter(e);
		e->beginning = NULL;
		leat_err_set(&err, LEAT_CLS_RETRY, BROKER_E_TXN_BUSY,
		    "transaction '%s' is decided, but cannot be shown yet",
		    e->id);
	}
	lock_release(&e->ts->lock);
	tell(&how, &err, -1, -1);
}

void
txn_show_unlock(struct txn_entry *e)
{
	bool commit = e->state == TXN_PREPARE_COMMIT;
	struct leat_err err = LEAT_ERR_INIT;

	lock_assert_held(&e->ts->lock);
	e->stuck = false;
	if (mark(e, commit, e->epoch, &err) == 0 ||
	    (!commit && err.code == BROKER_E_OFFLINE)) {
		shown_unlock(e);
		return;
	}
	leat_err_wrap(&err, "transaction '%s' is decided, but cannot be shown "
	    "yet", e->id);
	log_err(&e->ts->b->env.lg, "markers not written", &err);
	if (err.cls == LEAT_CLS_RETRY)
		stick_unlock(e);
	else
		lose_unlock(e, &err);
}

static void
on_decision(void *arg, const struct leat_err *err)
{
	struct txn_entry *e = arg;
	struct leat_err why;

	lock_acquire(&e->ts->lock);
	if (err == NULL) {
		txn_show_unlock(e);
		return;
	}
	/* Whether the record will be there after a restart is not known. */
	why = *err;
	leat_err_wrap(&why, "outcome of transaction '%s' is open until the "
	    "next start", e->id);
	lose_unlock(e, &why);
}

/* ------------------------------------------------------------ beginning */

static bool
has_part(const struct txn_entry *e, const struct broker_partition *p)
{
	for (size_t i = 0; i < e->ntargets; i++)
		if (e->targets[i].part == p)
			return true;
	return false;
}

static void
add_target(struct txn_entry *e, const struct txn_part *part)
{
	if (part->end <= 0 ||
	    offset_load(&part->part->durable) >= part->end)
		return;
	e->targets[e->ntargets++] = (struct flush_target){
	    .part = part->part, .offset = part->end,
	    .wait = { .fn = on_data, .arg = e } };
}

/* Everything that must be durable before the decision. */
static int
make_targets(struct txn_entry *e, struct leat_err *err)
{
	size_t n = e->nparts + e->nmarked;
	void *more = realloc(e->targets, MAX(n, (size_t)1) *
	    sizeof(*e->targets));

	if (more == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for a commit");
	e->targets = more;
	e->ntargets = 0;
	for (size_t i = 0; i < e->nparts && e->to == TXN_PREPARE_COMMIT; i++)
		add_target(e, &e->parts[i]);
	for (size_t i = 0; i < e->nmarked; i++)
		if (!has_part(e, e->marked[i].part))
			add_target(e, &e->marked[i]);
	return 0;
}

void
txn_end_unlock(struct txn_entry *e, const struct txn_ending *how)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct txns *ts = e->ts;

	lock_assert_held(&ts->lock);
	e->busy = true;
	e->to = txn_cell(e->state, how->event).to;
	e->ending = *how;
	leat_err_clear(&e->failure);
	/* Nothing more may come, whose end would not be in the record. */
	for (size_t i = 0; e->remote && i < e->nparts; i++)
		e->parts[i].end = partition_txn_leave(e->parts[i].part,
		    e->producer_id);
	if (make_targets(e, &err) < 0) {
		give_up_unlock(e, &err);
		return;
	}
	if (e->ntargets == 0) {		/* all durable, or nothing there */
		decide_unlock(e);
		return;
	}
	e->left = e->ntargets;
	lock_release(&ts->lock);
	flusher_wait_all(ts->b->env.flusher, e->targets, e->ntargets);
}

void
txn_fence_unlock(struct txn_entry *e, enum txn_event event,
    broker_done_fn *fn, void *arg)
{
	lock_assert_held(&e->ts->lock);
	assert(e->remote);
	txn_move(e, event);
	assert(e->state == TXN_PREPARE_EPOCH_FENCE);
	bump_epoch(e);
	txn_end_unlock(e, &(struct txn_ending){ .event = TXN_EV_FENCE,
	    .bump = e->version == TXN_BUMPS, .done = fn, .arg = arg });
}

void
broker_txn_commit(struct broker_txn *t, broker_done_fn *fn, void *arg)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct txn_entry *e = t->entry;
	int rc;

	OBJ_CHECK(t, TXN_MAGIC);
	lock_acquire(&t->ts->lock);
	rc = txn_check_owner(t, &err);
	if (rc < 0 || e->state != TXN_ONGOING) {
		lock_release(&t->ts->lock);
		fn(arg, rc < 0 ? &err : NULL);
		return;
	}
	txn_end_unlock(e, &(struct txn_ending){ .event = TXN_EV_COMMIT,
	    .done = fn, .arg = arg });
}
