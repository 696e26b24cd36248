/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ending transactions.
 *
 * A commit runs in three steps, none of which blocks its caller:
 *
 *	broker_txn_commit	asks for the data's sync, in one round
 *	on_data			all of it is durable: writes PREPARE_COMMIT and
 *				asks for its sync
 *	on_decision		it is durable: writes the markers, calls back
 *
 * The last two run on the flusher's thread. COMPLETE_COMMIT follows later, by
 * the housekeeper, when some other round has made the markers durable.
 */
#include <errno.h>
#include <stdlib.h>

#include "broker/coord/txns_int.h"
#include "core/base/obj.h"

enum { EPOCH_MAX = 32760 };

static void on_data(void *arg, const struct leat_err *err);
static void on_decision(void *arg, const struct leat_err *err);

void
txn_wait_idle_locked(struct txn_entry *e)
{
	while (e->state == TX_COMMITTING)
		cond_wait(&e->ts->cond, &e->ts->lock);
}

/* The next transaction's epoch; without one left, the producer is fenced. */
static void
next_epoch(struct txn_entry *e, int16_t step)
{
	e->serial++;
	e->epoch = (int16_t)(e->epoch + step);
	if (e->epoch >= EPOCH_MAX && txn_new_producer(e, NULL) < 0)
		e->owner = NULL;
}

void
txn_abort_locked(struct txn_entry *e, bool fence)
{
	struct leat_err err = LEAT_ERR_INIT;
	int16_t step = fence ? 1 : 0;

	lock_assert_held(&e->ts->lock);
	/* With the larger epoch an append that is under way comes too late. */
	if (txn_mark(e, false, (int16_t)(e->epoch + step), &err) < 0 &&
	    err.code != BROKER_E_OFFLINE) {
		leat_err_wrap(&err, "abort");
		log_err(&e->ts->b->env.lg, "transaction not ended", &err);
		e->state = TX_DEAD;
		e->failure = err;
		return;
	}
	txn_parts_clear(&e->parts, &e->nparts);
	e->state = TX_IDLE;
	next_epoch(e, (int16_t)(step + 1));
}

int
txn_finish_marked(struct txn_entry *e, struct leat_err *err)
{
	int64_t end;
	int rc;

	lock_assert_held(&e->ts->lock);
	if (e->nmarked == 0)
		return 0;
	for (size_t i = 0; i < e->nmarked; i++) {
		struct broker_partition *p = e->marked[i].part;

		if (offset_load(&p->durable) >= e->marked[i].end)
			continue;
		rc = flusher_sync(p, err);
		if (rc < 0 && rc != LEAT_E_NOTFOUND)
			return rc;
	}
	if ((rc = txn_write(e, TXN_COMPLETE_COMMIT, &end, err)) < 0)
		return rc;
	txn_parts_clear(&e->marked, &e->nmarked);
	return 0;
}

/* Ends the commit in flight: the lock is dropped, then the callback runs. */
static void
end_commit(struct txn_entry *e, enum txn_state state,
    const struct leat_err *err)
{
	struct txns *ts = e->ts;
	broker_done_fn *fn = e->fn;
	void *arg = e->arg;
	struct leat_err copy = LEAT_ERR_INIT;

	if (err != NULL)
		copy = *err;
	e->state = state;
	e->stuck = false;
	if (err != NULL)
		e->failure = copy;
	e->fn = NULL;
	cond_broadcast(&ts->cond);
	lock_release(&ts->lock);
	fn(arg, err == NULL ? NULL : &copy);
}

/* The commit failed before its decision was written: abort. */
static void
give_up(struct txn_entry *e, const struct leat_err *why)
{
	struct leat_err err = *why;

	leat_err_wrap(&err, "transaction '%s' aborted", e->id);
	txn_abort_locked(e, false);
	end_commit(e, e->state, &err);
}

static void
decide(struct txn_entry *e)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct txns *ts = e->ts;
	int64_t end;

	if (e->failure.code != 0) {
		give_up(e, &e->failure);
		return;
	}
	/* T2: this round has covered the markers of the commit before. */
	txn_parts_clear(&e->marked, &e->nmarked);
	if (txn_write(e, TXN_PREPARE_COMMIT, &end, &err) < 0) {
		give_up(e, &err);
		return;
	}
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
	decide(e);
}

/* The decision stands: show it. */
static void
show(struct txn_entry *e)
{
	struct leat_err err = LEAT_ERR_INIT;

	lock_assert_held(&e->ts->lock);
	if (txn_mark(e, true, e->epoch, &err) < 0) {
		leat_err_wrap(&err, "transaction '%s' is committed, but cannot "
		    "be shown yet", e->id);
		log_err(&e->ts->b->env.lg, "markers not written", &err);
		if (err.cls == LEAT_CLS_RETRY) {
			e->stuck = true;	/* the housekeeper tries on */
			lock_release(&e->ts->lock);
			return;
		}
		end_commit(e, TX_DEAD, &err);
		return;
	}
	e->marked = TAKE(e->parts);
	e->nmarked = e->nparts;
	e->nparts = 0;
	next_epoch(e, 1);
	end_commit(e, TX_IDLE, NULL);
}

static void
on_decision(void *arg, const struct leat_err *err)
{
	struct txn_entry *e = arg;
	struct leat_err why;

	lock_acquire(&e->ts->lock);
	if (err == NULL) {
		show(e);
		return;
	}
	/* Whether the record will be there after a restart is not known. */
	why = *err;
	leat_err_wrap(&why, "outcome of transaction '%s' is open until the "
	    "next start", e->id);
	end_commit(e, TX_DEAD, &why);
}

static bool
has_part(const struct txn_entry *e, const struct broker_partition *p)
{
	for (size_t i = 0; i < e->nparts; i++)
		if (e->parts[i].part == p && e->parts[i].end > 0)
			return true;
	return false;
}

static void
add_target(struct txn_entry *e, struct broker_partition *p, int64_t end)
{
	struct flush_target *t = &e->targets[e->ntargets++];

	*t = (struct flush_target){ .part = p, .offset = end,
	    .wait = { .fn = on_data, .arg = e } };
}

/* Everything that must be durable before the decision. */
static int
make_targets(struct txn_entry *e, struct leat_err *err)
{
	size_t n = e->nparts + e->nmarked;
	void *more = realloc(e->targets, n * sizeof(*e->targets));

	if (more == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for a commit");
	e->targets = more;
	e->ntargets = 0;
	for (size_t i = 0; i < e->nparts; i++)
		if (e->parts[i].end > 0)
			add_target(e, e->parts[i].part, e->parts[i].end);
	for (size_t i = 0; i < e->nmarked; i++)
		if (!has_part(e, e->marked[i].part) &&
		    offset_load(&e->marked[i].part->durable) <
		    e->marked[i].end)
			add_target(e, e->marked[i].part, e->marked[i].end);
	return 0;
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
	if (rc == 0 && e->state == TX_OPEN)
		rc = make_targets(e, &err);
	if (rc < 0 || e->state != TX_OPEN) {
		lock_release(&t->ts->lock);
		fn(arg, rc < 0 ? &err : NULL);
		return;
	}
	e->state = TX_COMMITTING;
	e->fn = fn;
	e->arg = arg;
	leat_err_clear(&e->failure);
	if (e->ntargets == 0) {		/* every append has failed */
		decide(e);
		return;
	}
	e->left = e->ntargets;
	lock_release(&t->ts->lock);
	flusher_wait_all(t->ts->b->env.flusher, e->targets, e->ntargets);
}

/* ---------------------------------------------------------- housekeeping */

static bool
all_durable(const struct txn_entry *e)
{
	for (size_t i = 0; i < e->nmarked; i++)
		if (offset_load(&e->marked[i].part->durable) <
		    e->marked[i].end && e->marked[i].part->state ==
		    PART_ONLINE)
			return false;
	return true;
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

		if (e->state == TX_COMMITTING && e->stuck)
			stuck = e;
		if (e->state == TX_IDLE && e->nmarked > 0 && all_durable(e))
			(void)txn_finish_marked(e, NULL);
		more = more || e->nmarked > 0 || e->state == TX_OPEN ||
		    e->state == TX_COMMITTING;
	}
	if (stuck != NULL) {
		stuck->stuck = false;
		show(stuck);
	} else {
		lock_release(&ts->lock);
	}
	return more;
}

void
txns_settle(struct txns *ts)
{
	const struct leat_map_entry *me;
	size_t it = 0;

	lock_acquire(&ts->lock);
	while ((me = leat_map_next(&ts->by_id, &it)) != NULL) {
		struct txn_entry *e = me->value;

		while (e->state == TX_COMMITTING && !e->stuck)
			cond_wait(&ts->cond, &ts->lock);
		if (e->state == TX_OPEN)
			txn_abort_locked(e, true);
		e->owner = NULL;
		if (e->state == TX_IDLE)
			(void)txn_finish_marked(e, NULL);
	}
	lock_release(&ts->lock);
}
