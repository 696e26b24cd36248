/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The transaction coordinator as remote producers use it: every state and
 * every event of its table, epochs, time, and what a restart finds.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/obj.h"
#include "tests/harness/proc.h"
#include "tests/harness/th_broker.h"
#include "tests/harness/th_txns.h"

enum { WALL_S = 1700000000 };

static struct clock_fake fake;

/* ---------------------------------------------------- a disk with a gate */

/* Not a ranked lock: files are synced under all kinds of them. */
static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_cond = PTHREAD_COND_INITIALIZER;
static bool gate_closed;

/* While the gate is closed no sync ends: decisions stay undecided. */
static int
gated_fdatasync(const struct fsio *fs, int fd)
{
	pthread_mutex_lock(&gate_lock);
	while (gate_closed)
		pthread_cond_wait(&gate_cond, &gate_lock);
	pthread_mutex_unlock(&gate_lock);
	return fsio_system.fdatasync(fs, fd);
}

static void
gate_set(bool closed)
{
	pthread_mutex_lock(&gate_lock);
	gate_closed = closed;
	pthread_cond_broadcast(&gate_cond);
	pthread_mutex_unlock(&gate_lock);
}

/* ------------------------------------------------------------- the broker */

static struct fsio gated;

static int32_t offsets_partitions = 1;

static struct broker *
open_broker(const char *name)
{
	struct broker_options o;

	broker_options_init(&o);
	o.fs = &gated;
	o.clock = &fake.clock;
	o.flush_interval_ms = 20;
	o.checkpoint_ms = 3600000;
	o.offsets_partitions = offsets_partitions;
	return th_broker_open(name, &o);
}

/* -------------------------------------------------------------- the table */

/* Each cell by its letter, as the reference of the protocol has it. */
static void
test_table(void **state)
{
	/* INIT ADD WRITE COMMIT ABORT COMMIT_BUMP ABORT_BUMP TIMEOUT FENCE
	 * SHOWN GIVE_UP UNKNOWN EXPIRE; a digit is the state to go to, '='
	 * nothing to do, 'n' no, 'b' busy, 'l' lost, '-' impossible. */
	static const char *const rows[TXN_STATUS_N] = {
		[TXN_EMPTY] =			"01nnnn3=----6",
		[TXN_ONGOING] =			"71123237--=-=",
		[TXN_PREPARE_COMMIT] =		"bbbbnbn=-4-6=",
		[TXN_PREPARE_ABORT] =		"bbbnbnb=-5-6=",
		[TXN_COMPLETE_COMMIT] =		"01n=nn3=----6",
		[TXN_COMPLETE_ABORT] =		"01nn=n3=----6",
		[TXN_DEAD] =			"lllllll=----=",
		[TXN_PREPARE_EPOCH_FENCE] =	"bbbbbbb=3-1-=",
	};

	for (int s = 0; s < TXN_STATUS_N; s++) {
		assert_int_equal(strlen(rows[s]), TXN_EV_N);
		for (int e = 0; e < TXN_EV_N; e++) {
			struct txn_cell c = txn_cell((enum txn_status)s,
			    (enum txn_event)e);
			char got = '?';

			switch (c.answer) {
			case TXN_IMPOSSIBLE: got = '-'; break;
			case TXN_GO: got = (char)('0' + c.to); break;
			case TXN_NOTHING: got = '='; break;
			case TXN_NO: got = 'n'; break;
			case TXN_BUSY: got = 'b'; break;
			case TXN_LOST: got = 'l'; break;
			}
			if (got != rows[s][e])
				fail_msg("%s, %s: '%c', not '%c'",
				    txn_status_name((enum txn_status)s),
				    txn_event_text((enum txn_event)e), got,
				    rows[s][e]);
		}
	}
}

/* Into a state by calls alone. */
static void
bring(struct broker *b, struct txn_ident *who, enum txn_status to,
    struct broker_partition *p, struct th_answer *pending)
{
	assert_int_equal(th_txn_begin(b, who), 0);
	if (to == TXN_EMPTY)
		return;
	assert_int_equal(th_txn_add(b, who, p), 0);
	assert_int_equal(th_txn_produce(p, who, 0), 0);
	if (to == TXN_ONGOING)
		return;
	if (to == TXN_COMPLETE_COMMIT || to == TXN_COMPLETE_ABORT) {
		assert_int_equal(th_txn_end(b, who,
		    to == TXN_COMPLETE_COMMIT), 0);
		return;
	}
	th_answer_init(pending);
	gate_set(true);
	txns_end(b->txns, who, to == TXN_PREPARE_COMMIT, th_on_told, pending);
	assert_false(th_answered(pending));
}

static const enum txn_status lasting[] = { TXN_EMPTY, TXN_ONGOING,
    TXN_PREPARE_COMMIT, TXN_PREPARE_ABORT, TXN_COMPLETE_COMMIT,
    TXN_COMPLETE_ABORT };

enum { INIT, ADD, OFFSETS, COMMIT, ABORT, CALLS };

/* What each call answers in each state; the state after it. */
static void
test_calls(void **state)
{
	static const struct {
		int code;
		int after;
	} want[ARRAY_LEN(lasting)][CALLS] = {
		{ { 0, TXN_EMPTY }, { 0, TXN_ONGOING },
		    { BROKER_E_TXN_STATE, TXN_EMPTY },
		    { BROKER_E_TXN_STATE, TXN_EMPTY },
		    { BROKER_E_TXN_STATE, TXN_EMPTY } },
		{ { 0, TXN_EMPTY }, { 0, TXN_ONGOING },
		    { BROKER_E_TXN_STATE, TXN_ONGOING }, /* not added */
		    { 0, TXN_COMPLETE_COMMIT }, { 0, TXN_COMPLETE_ABORT } },
		{ { BROKER_E_TXN_BUSY, TXN_COMPLETE_COMMIT },
		    { BROKER_E_TXN_BUSY, TXN_COMPLETE_COMMIT },
		    { BROKER_E_TXN_BUSY, TXN_COMPLETE_COMMIT },
		    { BROKER_E_TXN_BUSY, TXN_COMPLETE_COMMIT },
		    { BROKER_E_TXN_BUSY, TXN_COMPLETE_COMMIT } },
		{ { BROKER_E_TXN_BUSY, TXN_COMPLETE_ABORT },
		    { BROKER_E_TXN_BUSY, TXN_COMPLETE_ABORT },
		    { BROKER_E_TXN_BUSY, TXN_COMPLETE_ABORT },
		    { BROKER_E_TXN_BUSY, TXN_COMPLETE_ABORT },
		    { BROKER_E_TXN_BUSY, TXN_COMPLETE_ABORT } },
		{ { 0, TXN_EMPTY }, { 0, TXN_ONGOING },
		    { BROKER_E_TXN_STATE, TXN_COMPLETE_COMMIT },
		    { 0, TXN_COMPLETE_COMMIT },
		    { BROKER_E_TXN_STATE, TXN_COMPLETE_COMMIT } },
		{ { 0, TXN_EMPTY }, { 0, TXN_ONGOING },
		    { BROKER_E_TXN_STATE, TXN_COMPLETE_ABORT },
		    { BROKER_E_TXN_STATE, TXN_COMPLETE_ABORT },
		    { 0, TXN_COMPLETE_ABORT } },
	};
	struct broker *b = open_broker("calls");
	struct broker_partition *p = th_topic(b, "t");

	for (size_t s = 0; s < ARRAY_LEN(lasting); s++)
		for (int call = 0; call < CALLS; call++) {
			char id[32];
			struct txn_ident who = { id, -1, -1, 0 };
			struct th_answer pending;
			int code = 0;

			snprintf(id, sizeof(id), "%zu-%d", s, call);
			bring(b, &who, lasting[s], p, &pending);
			switch (call) {
			case INIT: code = th_txn_begin(b, &who); break;
			case ADD: code = th_txn_add(b, &who, p); break;
			case OFFSETS:
				code = th_txn_offsets(b, &who, "g", 1);
				break;
			case COMMIT: code = th_txn_end(b, &who, true); break;
			case ABORT: code = th_txn_end(b, &who, false); break;
			}
			if (code != want[s][call].code)
				fail_msg("state %s call %d: %d, not %d",
				    txn_status_name(lasting[s]), call, code,
				    want[s][call].code);
			if (lasting[s] == TXN_PREPARE_COMMIT ||
			    lasting[s] == TXN_PREPARE_ABORT) {
				gate_set(false);
				assert_int_equal(th_answer_wait(&pending), 0);
			}
			assert_int_equal(th_txn_state(b, id),
			    want[s][call].after);
			/* Nothing may hold up the other ids' data. */
			if (th_txn_state(b, id) == TXN_ONGOING)
				assert_int_equal(th_txn_end(b, &who, false), 0);
		}
	assert_int_equal(p->stable, p->written);
	broker_partition_put(p);
	broker_close(b);
}

/* ------------------------------------------------- who asks, and epochs */

static void
test_refusals(void **state)
{
	struct broker *b = open_broker("refusals");
	struct broker_partition *p = th_topic(b, "t");
	struct txn_ident who = { "a", -1, -1, 0 }, other = { "b", -1, -1, 0 };
	struct txn_ident bad;
	struct txn_info info;
	struct broker_txn *local;

	bad = (struct txn_ident){ "unknown", 1, 0, 0 };
	assert_int_equal(th_txn_add(b, &bad, p), BROKER_E_TXN_ID);
	assert_int_equal(th_txn_end(b, &bad, true), BROKER_E_TXN_ID);
	assert_int_equal(txns_each(b->txns, "unknown", th_txn_take_info, &info),
	    LEAT_E_NOTFOUND);
	/* Some clients say 0 and 0 where they are nobody yet. */
	assert_int_equal(th_txn_begin_as(b, &bad, 7000000, 3), 0);
	assert_true(bad.producer_id != 7000000);
	assert_int_equal(bad.epoch, 0);
	bad.id = "";
	assert_int_equal(th_txn_begin(b, &bad), LEAT_E_CONFIG);
	assert_int_equal(th_txn_begin(b, &who), 0);
	assert_int_equal(th_txn_begin(b, &other), 0);
	assert_int_equal(who.epoch, 0);
	assert_true(who.producer_id != other.producer_id);
	bad = who;
	bad.producer_id = other.producer_id;
	assert_int_equal(th_txn_add(b, &bad, p), BROKER_E_TXN_ID);
	bad = who;
	bad.epoch = 1;
	assert_int_equal(th_txn_add(b, &bad, p), BROKER_E_TXN_FENCED);
	/* Data without its partition added, and beside a transaction. */
	assert_int_equal(th_txn_produce(p, &who, 0), BROKER_E_TXN_STATE);
	assert_int_equal(th_txn_add(b, &who, p), 0);
	assert_int_equal(th_txn_produce(p, &who, 0), 0);
	assert_int_equal(th_txn_produce(p, &other, 0), BROKER_E_TXN_STATE);
	assert_int_equal(th_txn_produce(p, &who, 2), BROKER_E_SEQUENCE);
	/* A zombie. */
	bad = who;
	assert_int_equal(th_txn_begin(b, &who), 0);
	assert_int_equal(who.producer_id, bad.producer_id);
	assert_int_equal(who.epoch, 2);
	assert_int_equal(th_txn_produce(p, &bad, 1), LEAT_E_FENCED);
	assert_int_equal(th_txn_end(b, &bad, true), BROKER_E_TXN_FENCED);
	assert_int_equal(th_txn_count(p), 0);
	assert_int_equal(p->stable, p->written);
	/* An id that is at home in this process. */
	assert_int_equal(broker_txn_open(b, "local", 1000, &local, NULL), 0);
	bad = (struct txn_ident){ "local", local->entry->producer_id, 0, 0 };
	assert_int_equal(th_txn_add(b, &bad, p), BROKER_E_TXN_ID);
	assert_int_equal(th_txn_begin(b, &bad), 0);
	assert_int_equal(broker_txn_abort(local, NULL), LEAT_E_FENCED);
	broker_txn_close(local);
	/* And the other way round. */
	assert_int_equal(th_txn_add(b, &bad, p), 0);
	assert_int_equal(th_txn_produce(p, &bad, 0), 0);
	assert_int_equal(broker_txn_open(b, "local", 1000, &local, NULL), 0);
	assert_int_equal(th_txn_end(b, &bad, true), BROKER_E_TXN_ID);
	assert_int_equal(th_txn_produce(p, &bad, 1), BROKER_E_TXN_STATE);
	assert_int_equal(p->stable, p->written);
	broker_txn_close(local);
	broker_partition_put(p);
	broker_close(b);
}

/* Sequences go on from one transaction to the next in the same epoch. */
static void
test_sequences(void **state)
{
	struct broker *b = open_broker("sequences");
	struct broker_partition *p = th_topic(b, "t");
	struct txn_ident who = { "a", -1, -1, 0 };

	assert_int_equal(th_txn_begin(b, &who), 0);
	assert_int_equal(th_txn_add(b, &who, p), 0);
	assert_int_equal(th_txn_produce(p, &who, 0), 0);
	assert_int_equal(th_txn_produce(p, &who, 1), 0);
	assert_int_equal(th_txn_end(b, &who, true), 0);
	assert_int_equal(th_txn_produce(p, &who, 2), BROKER_E_TXN_STATE);
	assert_int_equal(th_txn_add(b, &who, p), 0);
	assert_int_equal(th_txn_produce(p, &who, 3), BROKER_E_SEQUENCE);
	assert_int_equal(th_txn_produce(p, &who, 2), 0);
	assert_int_equal(th_txn_produce(p, &who, 2), 0);	/* sent again */
	assert_int_equal(th_txn_end(b, &who, true), 0);
	assert_int_equal(th_txn_end(b, &who, true), 0);	/* asked again */
	assert_int_equal(th_txn_count(p), 3);
	broker_partition_put(p);
	broker_close(b);
}

static void
test_epochs(void **state)
{
	struct broker *b = open_broker("epochs");
	struct broker_partition *p = th_topic(b, "t");
	struct txn_ident who = { "a", -1, -1, 0 };
	int64_t id;
	int16_t last;

	assert_int_equal(th_txn_begin(b, &who), 0);
	id = who.producer_id;
	/* The current producer asks for the next epoch, and again. */
	assert_int_equal(th_txn_begin_as(b, &who, id, 0), 0);
	assert_int_equal(who.epoch, 1);
	assert_int_equal(th_txn_begin_as(b, &who, id, 0), 0);
	assert_int_equal(who.epoch, 1);
	assert_int_equal(th_txn_begin_as(b, &who, id, 1), 0);
	assert_int_equal(who.epoch, 2);
	assert_int_equal(th_txn_begin_as(b, &who, id, 0), BROKER_E_TXN_FENCED);
	assert_int_equal(th_txn_begin_as(b, &who, id + 1, 2),
	    BROKER_E_TXN_FENCED);
	/* In the middle of a transaction it aborts that; a zombie may not. */
	assert_int_equal(th_txn_add(b, &who, p), 0);
	assert_int_equal(th_txn_produce(p, &who, 0), 0);
	assert_int_equal(th_txn_begin_as(b, &who, id, 1), BROKER_E_TXN_FENCED);
	assert_int_equal(th_txn_state(b, "a"), TXN_ONGOING);
	last = who.epoch;
	assert_int_equal(th_txn_begin_as(b, &who, id, last), 0);
	assert_int_equal(who.epoch, last + 2);
	assert_int_equal(th_txn_begin_as(b, &who, id, last), 0);
	assert_int_equal(who.epoch, last + 2);
	assert_int_equal(p->stable, p->written);
	/* The last epochs there are. */
	lock_acquire(&b->txns->lock);
	txn_entry_find(b->txns, "a")->epoch = TXN_EPOCH_LAST - 1;
	lock_release(&b->txns->lock);
	assert_int_equal(th_txn_begin(b, &who), 0);
	assert_int_equal(who.epoch, TXN_EPOCH_LAST);
	assert_int_equal(who.producer_id, id);
	assert_int_equal(th_txn_add(b, &who, p), 0);
	assert_int_equal(th_txn_produce(p, &who, 0), 0);
	assert_int_equal(th_txn_end(b, &who, true), 0);
	assert_int_equal(th_txn_begin_as(b, &who, id, TXN_EPOCH_LAST), 0);
	assert_int_equal(who.epoch, 0);
	assert_true(who.producer_id != id);
	/* Its answer was lost. */
	assert_int_equal(th_txn_begin_as(b, &who, id, TXN_EPOCH_LAST), 0);
	assert_int_equal(who.epoch, 0);
	assert_int_equal(th_txn_count(p), 1);
	/* Fenced at the very end: the marker has the last number of all. */
	lock_acquire(&b->txns->lock);
	txn_entry_find(b->txns, "a")->epoch = TXN_EPOCH_LAST;
	lock_release(&b->txns->lock);
	who.epoch = TXN_EPOCH_LAST;
	assert_int_equal(th_txn_add(b, &who, p), 0);
	assert_int_equal(th_txn_produce(p, &who, 0), 0);
	assert_int_equal(th_txn_begin(b, &who), 0);
	assert_int_equal(who.epoch, 0);
	assert_int_equal(p->stable, p->written);
	broker_partition_put(p);
	broker_close(b);
}

/* ------------------------------------------------------------------ time */

static void
test_timeout(void **state)
{
	struct broker *b = open_broker("timeout");
	struct broker_partition *p = th_topic(b, "t");
	struct txn_ident who = { "a", -1, -1, 0 };
	struct txn_info info;
	struct txn_entry *e;

	assert_int_equal(th_txn_begin(b, &who), 0);
	clock_fake_advance_ms(&fake, TH_TXN_TIMEOUT_MS * 2);
	txns_expire(b->txns);		/* nothing is open: nothing to abort */
	assert_int_equal(th_txn_add(b, &who, p), 0);
	assert_int_equal(th_txn_produce(p, &who, 0), 0);
	clock_fake_advance_ms(&fake, TH_TXN_TIMEOUT_MS - 1);
	txns_expire(b->txns);
	assert_int_equal(th_txn_state(b, "a"), TXN_ONGOING);
	clock_fake_advance_ms(&fake, 1);
	txns_expire(b->txns);
	lock_acquire(&b->txns->lock);
	e = txn_entry_find(b->txns, "a");
	txn_wait_idle_locked(e);
	assert_int_equal(e->state, TXN_COMPLETE_ABORT);
	assert_int_equal(e->epoch, who.epoch + 1);
	lock_release(&b->txns->lock);
	assert_int_equal(th_txn_end(b, &who, true), BROKER_E_TXN_FENCED);
	assert_int_equal(th_txn_produce(p, &who, 1), LEAT_E_FENCED);
	assert_int_equal(p->stable, p->written);
	assert_int_equal(th_txn_count(p), 0);
	/* The id is forgotten when nobody has used it for long. */
	txns_expire_ids(b->txns, clock_wall_ms(&fake.clock));
	assert_int_equal(txns_each(b->txns, "a", th_txn_take_info, &info), 0);
	txns_sync_markers(b->txns);
	(void)txns_tend(b->txns);
	clock_fake_advance_ms(&fake, 10);
	txns_expire_ids(b->txns, clock_wall_ms(&fake.clock));
	assert_int_equal(txns_each(b->txns, "a", th_txn_take_info, &info),
	    LEAT_E_NOTFOUND);
	broker_partition_put(p);
	broker_close(b);
	b = open_broker("timeout");
	assert_int_equal(txns_each(b->txns, "a", th_txn_take_info, &info),
	    LEAT_E_NOTFOUND);
	broker_close(b);
}

/* --------------------------------------------------------------- offsets */

static void
test_offsets(void **state)
{
	struct broker *b = open_broker("offsets");
	struct broker_partition *p = th_topic(b, "t");
	struct txn_ident who = { "a", -1, -1, 0 };
	int64_t at = -1;

	assert_int_equal(th_txn_begin(b, &who), 0);
	assert_int_equal(txns_add_group(b->txns, &who, "g", NULL), 0);
	assert_int_equal(th_txn_offsets(b, &who, "g", 5), 0);
	assert_int_equal(th_txn_offsets(b, &who, "g", 6), 0);
	assert_int_equal(broker_group_offset(b, "g", "t", 0, &at),
	    LEAT_E_NOTFOUND);
	/* They are pending still after a restart. */
	broker_partition_put(p);
	broker_close(b);
	b = open_broker("offsets");
	p = th_topic(b, "t");
	assert_int_equal(th_txn_state(b, "a"), TXN_ONGOING);
	assert_int_equal(broker_group_offset(b, "g", "t", 0, &at),
	    LEAT_E_NOTFOUND);
	assert_int_equal(th_txn_offsets(b, &who, "g", 7), 0);
	assert_int_equal(th_txn_end(b, &who, true), 0);
	assert_int_equal(broker_group_offset(b, "g", "t", 0, &at), 0);
	assert_int_equal(at, 7);
	assert_int_equal(txns_add_group(b->txns, &who, "g", NULL), 0);
	assert_int_equal(th_txn_offsets(b, &who, "g", 8), 0);
	assert_int_equal(th_txn_end(b, &who, false), 0);
	assert_int_equal(broker_group_offset(b, "g", "t", 0, &at), 0);
	assert_int_equal(at, 7);
	broker_partition_put(p);
	broker_close(b);
	b = open_broker("offsets");
	assert_int_equal(broker_group_offset(b, "g", "t", 0, &at), 0);
	assert_int_equal(at, 7);
	broker_close(b);
}

/* A group whose offsets stand in that partition of __consumer_offsets. */
static const char *
group_in(struct broker *b, int32_t partition)
{
	static char names[2][16];
	char *name = names[partition];

	for (int i = 0; i < 100; i++) {
		struct broker_partition *p;
		int32_t at;

		snprintf(name, sizeof(names[0]), "g%d", i);
		p = groups_partition(b->groups, name);
		at = broker_partition_number(p);
		broker_partition_put(p);
		if (at == partition)
			return name;
	}
	fail_msg("no group is in partition %d", partition);
	return NULL;
}

/* What one partition says of a producer's end is no end in another. */
static void
test_offsets_apart(void **state)
{
	struct txn_ident who = { "a", -1, -1, 0 };
	struct broker_partition *p;
	const char *low, *high;
	struct broker *b;
	int64_t at = -1;

	offsets_partitions = 2;
	b = open_broker("apart");
	p = th_topic(b, "t");
	broker_partition_put(p);
	low = group_in(b, 0);
	high = group_in(b, 1);
	assert_int_equal(th_txn_begin(b, &who), 0);
	assert_int_equal(txns_add_group(b->txns, &who, high, NULL), 0);
	assert_int_equal(th_txn_offsets(b, &who, high, 5), 0);
	assert_int_equal(th_txn_end(b, &who, true), 0);
	assert_int_equal(txns_add_group(b->txns, &who, low, NULL), 0);
	assert_int_equal(th_txn_offsets(b, &who, low, 6), 0);
	broker_close(b);

	/* The marker of the first transaction is read after the second. */
	b = open_broker("apart");
	assert_int_equal(th_txn_state(b, "a"), TXN_ONGOING);
	assert_int_equal(broker_group_offset(b, low, "t", 0, &at),
	    LEAT_E_NOTFOUND);
	assert_int_equal(broker_group_offset(b, high, "t", 0, &at), 0);
	assert_int_equal(at, 5);
	assert_int_equal(th_txn_end(b, &who, true), 0);
	assert_int_equal(broker_group_offset(b, low, "t", 0, &at), 0);
	assert_int_equal(at, 6);

	/* A coordinator elsewhere ends the one partition before the other. */
	assert_int_equal(txns_add_group(b->txns, &who, low, NULL), 0);
	assert_int_equal(txns_add_group(b->txns, &who, high, NULL), 0);
	assert_int_equal(th_txn_offsets(b, &who, low, 7), 0);
	assert_int_equal(th_txn_offsets(b, &who, high, 8), 0);
	assert_int_equal(th_txn_offsets(b, &who, low, 9), 0);
	groups_end_txn(b->groups, who.producer_id, 1, true);
	assert_int_equal(broker_group_offset(b, high, "t", 0, &at), 0);
	assert_int_equal(at, 8);
	assert_int_equal(broker_group_offset(b, low, "t", 0, &at), 0);
	assert_int_equal(at, 6);
	groups_end_txn(b->groups, who.producer_id, 0, true);
	assert_int_equal(broker_group_offset(b, low, "t", 0, &at), 0);
	assert_int_equal(at, 9);
	broker_close(b);
	offsets_partitions = 1;
}

/* --------------------------------------------------------------- restart */

static void
test_restart(void **state)
{
	struct broker *b = open_broker("restart");
	struct broker_partition *p = th_topic(b, "t"), *q = th_topic(b, "u");
	struct txn_ident who = { "a", -1, -1, 0 }, gone = { "b", -1, -1, 0 };
	struct txn_info info;

	assert_int_equal(th_txn_begin(b, &who), 0);
	assert_int_equal(th_txn_begin(b, &gone), 0);
	assert_int_equal(th_txn_add(b, &who, p), 0);
	assert_int_equal(th_txn_produce(p, &who, 0), 0);
	assert_int_equal(th_txn_end(b, &who, true), 0);
	assert_int_equal(th_txn_add(b, &who, p), 0);
	assert_int_equal(th_txn_add(b, &who, q), 0);
	assert_int_equal(th_txn_produce(p, &who, 1), 0);
	assert_int_equal(th_txn_produce(q, &who, 0), 0);
	broker_partition_put(p);
	broker_partition_put(q);
	clock_fake_advance_ms(&fake, TH_TXN_TIMEOUT_MS / 2);
	broker_close(b);

	b = open_broker("restart");
	p = th_topic(b, "t");
	q = th_topic(b, "u");
	info = th_txn_info(b, "a");
	assert_int_equal(info.state, TXN_ONGOING);
	assert_int_equal(info.nplaces, 2);
	assert_int_equal(info.producer_id, who.producer_id);
	assert_int_equal(info.timeout_ms, TH_TXN_TIMEOUT_MS);
	assert_int_equal(th_txn_count(p), 1);
	assert_int_equal(th_txn_produce(p, &who, 2), 0);
	assert_int_equal(th_txn_end(b, &who, true), 0);
	assert_int_equal(th_txn_count(p), 3);
	assert_int_equal(th_txn_count(q), 1);
	assert_int_equal(th_txn_state(b, "b"), TXN_EMPTY);
	/* Its time went on while the broker was down. */
	assert_int_equal(th_txn_add(b, &who, p), 0);
	broker_partition_put(p);
	broker_partition_put(q);
	broker_close(b);
	clock_fake_advance_ms(&fake, TH_TXN_TIMEOUT_MS);
	b = open_broker("restart");
	txns_expire(b->txns);
	lock_acquire(&b->txns->lock);
	txn_wait_idle_locked(txn_entry_find(b->txns, "a"));
	lock_release(&b->txns->lock);
	assert_int_equal(th_txn_end(b, &who, true), BROKER_E_TXN_FENCED);
	assert_int_equal(th_txn_state(b, "a"), TXN_COMPLETE_ABORT);
	broker_close(b);
}

/* What the log of transactions says, as "status:epoch status:epoch". */
struct dump {
	char text[512];
	size_t len;
};

static int
dump_batch(void *arg, const struct batch_header *h, const uint8_t *batch,
    struct leat_err *err)
{
	struct batch_reader *r = batch_reader_new(1 << 20);
	struct dump *d = arg;
	struct record rec;
	struct txn_value v;

	assert_int_equal(batch_reader_open(r, batch, h->size, err), 0);
	while (batch_reader_next(r, &rec, err) > 0) {
		assert_int_equal(txn_value_decode(rec.value, &v), 0);
		d->len += (size_t)snprintf(d->text + d->len,
		    sizeof(d->text) - d->len, "%d:%d ", (int)v.status,
		    v.epoch);
		free(v.places);
	}
	batch_reader_free(r);
	return 0;
}

static void
test_records(void **state)
{
	struct broker *b = open_broker("records");
	struct broker_partition *p = th_topic(b, "t");
	struct txn_ident who = { "a", -1, -1, 0 };
	struct dump d = { .len = 0 };

	assert_int_equal(th_txn_begin(b, &who), 0);
	assert_int_equal(th_txn_add(b, &who, p), 0);
	assert_int_equal(th_txn_add(b, &who, p), 0);	/* says nothing new */
	assert_int_equal(th_txn_produce(p, &who, 0), 0);
	assert_int_equal(th_txn_end(b, &who, true), 0);
	txns_sync_markers(b->txns);
	(void)txns_tend(b->txns);
	assert_int_equal(th_txn_add(b, &who, p), 0);
	assert_int_equal(th_txn_begin(b, &who), 0);		/* fences */
	txns_sync_markers(b->txns);
	(void)txns_tend(b->txns);			/* EMPTY says more */
	assert_int_equal(th_txn_add(b, &who, p), 0);
	assert_int_equal(th_txn_end(b, &who, false), 0);
	txns_sync_markers(b->txns);
	(void)txns_tend(b->txns);
	assert_int_equal(partition_each_batch(b->txns->parts[0], dump_batch,
	    &d, NULL), 0);
	assert_string_equal(d.text,
	    "0:0 1:0 2:0 4:0 1:0 3:1 0:2 1:2 3:2 5:2 ");
	broker_partition_put(p);
	broker_close(b);
}

static int
group_setup(void **state)
{
	gated = fsio_system;
	gated.fdatasync = gated_fdatasync;
	clock_fake_init(&fake, WALL_S * 1000000LL);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_sequences),
		cmocka_unit_test(test_epochs),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_offsets),
		cmocka_unit_test(test_offsets_apart),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_records),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
