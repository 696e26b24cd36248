/* SPDX-License-Identifier: Apache-2.0 */
/* test: timeout=300 */
/*
 * Transactions of remote producers under power cuts.
 *
 * Two clients write transactions over two topics, with a group's offset in
 * each, step by step and in turns; their memory outlives the broker, as that of
 * a client on another machine does. The n-th run loses power at its n-th sync.
 * After each the broker is opened on what a disk may hold then, and the clients
 * go on where they were: they send again what was not confirmed, ask again for
 * the end that was not answered, and begin anew when they are told to.
 *
 * The truth is read from the bare log: which marker ends which data. Then
 *
 *  1. what a commit was confirmed for is there as a whole, in both topics;
 *  2. what was aborted, or never asked to be committed, is not committed;
 *  3. what has no answer is there in both topics or in none, and stays so;
 *  4. a read_committed reader sees just that, up to the first open
 *     transaction, and only the clients' current ones are open;
 *  5. a group's offset is that of the last transaction committed.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/broker_int.h"
#include "broker/coord/txns_int.h"
#include "broker/log/batch.h"
#include "core/base/obj.h"
#include "tests/harness/power_cuts.h"
#include "tests/harness/proc.h"

enum {
	STEPS = 400,
	CLIENTS = 2,
	NUMBERS = 8192,		/* transactions of a client */
	ITEMS = 65536,
	TIMEOUT_MS = 3600000
};

/* What a client does in a transaction, in this order. */
enum action {
	ADD_LEFT,
	ADD_RIGHT,
	LEFT_1,
	RIGHT_1,
	LEFT_2,
	RIGHT_2,
	ADD_GROUP,
	OFFSETS,
	END,
	ACTIONS
};

enum outcome { UNKNOWN, COMMITTED, ABORTED };

struct client {
	char id[16];
	struct txn_ident who;
	bool begun;
	bool ending;		/* the end was asked for, and not answered */
	bool commit;		/* what was asked for, or will be */
	enum action next;
	int64_t number;		/* of the transaction */
	int32_t seq[2];
	bool unsure;		/* a batch was sent, and not confirmed */
	enum outcome outcomes[NUMBERS];
};

struct model {
	struct client clients[CLIENTS];
	uint64_t random;
};

static const char *const topics[] = { "left", "right" };

static uint32_t
pick(struct model *m, uint32_t n)
{
	m->random = m->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(m->random >> 33) % n;
}

static struct broker *
open_broker(const char *dir, const struct fsio *fs, struct leat_err *err)
{
	struct broker_options o;
	struct broker *b = NULL;

	broker_options_init(&o);
	o.dir = dir;
	o.fs = fs;
	o.flush_interval_ms = 5;
	o.checkpoint_ms = 20;
	if (broker_open(&o, &b, err) < 0)
		return NULL;
	return b;
}

/* ------------------------------------------------------------- the calls */

struct done {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool fired;
	int code;
	int64_t producer_id;
	int16_t epoch;
};

#define DONE_INIT { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, \
	false, 0, -1, -1 }

static void
on_begun(void *arg, const struct leat_err *err, int64_t producer_id,
    int16_t epoch)
{
	struct done *d = arg;

	pthread_mutex_lock(&d->mutex);
	d->fired = true;
	d->code = err == NULL ? 0 : err->code;
	d->producer_id = producer_id;
	d->epoch = epoch;
	pthread_cond_signal(&d->cond);
	pthread_mutex_unlock(&d->mutex);
}

static void
on_done(void *arg, const struct leat_err *err)
{
	on_begun(arg, err, -1, -1);
}

static int
wait_done(struct done *d)
{
	pthread_mutex_lock(&d->mutex);
	while (!d->fired)
		pthread_cond_wait(&d->cond, &d->mutex);
	pthread_mutex_unlock(&d->mutex);
	return d->code;
}

static int
add(struct broker *b, struct client *c, int side)
{
	struct broker_partition *p = topics_find(b, topics[side], 0);
	struct leat_err err = LEAT_ERR_INIT;
	int rc;

	if (p == NULL)
		return -EIO;
	rc = txns_add(b->txns, &c->who, &p, 1, &err);
	broker_partition_put(p);
	return rc;
}

/* One record, confirmed as durable. */
static int
produce(struct broker *b, struct client *c, int side)
{
	struct broker_partition *p = topics_find(b, topics[side], 0);
	struct batch_identity id = { c->who.producer_id, c->who.epoch,
	    c->seq[side], true };
	struct batch_builder *bb = batch_builder_new(CODEC_NONE, 0, 1 << 16);
	struct record rec = { .timestamp_ms = 1700000000000 };
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_appended at;
	struct done d = DONE_INIT;
	char value[64];
	uint8_t *data;
	size_t len;
	int rc = -EIO;

	rec.value.ptr = value;
	rec.value.len = (size_t)snprintf(value, sizeof(value), "%lld",
	    (long long)c->number * CLIENTS + c->id[0] - '0');
	assert_int_equal(batch_builder_add(bb, &rec, NULL), 0);
	assert_int_equal(batch_builder_finish(bb, &id, &data, &len, NULL), 0);
	c->unsure = true;
	if (p != NULL)
		rc = broker_append(p, data, len, &at, &err);
	if (rc == 0) {
		broker_when_durable(p, at.last_offset + 1, on_done, &d);
		rc = wait_done(&d);
	}
	if (rc == 0) {
		c->seq[side]++;
		c->unsure = false;
	}
	batch_builder_free(bb);
	broker_partition_put(p);
	return rc;
}

static int
commit_offset(struct broker *b, struct client *c)
{
	struct broker_group_offset o = { .topic = "left",
	    .offset = c->number, .leader_epoch = -1 };
	struct done d = DONE_INIT;

	txns_offsets(b->txns, &c->who, c->id, &o, 1, on_done, &d);
	return wait_done(&d);
}

static int
end(struct broker *b, struct client *c)
{
	struct done d = DONE_INIT;
	int rc;

	c->ending = true;
	txns_end(b->txns, &c->who, c->commit, on_begun, &d);
	if ((rc = wait_done(&d)) != 0)
		return rc;
	c->outcomes[c->number] = c->commit ? COMMITTED : ABORTED;
	if (c->who.version == TXN_BUMPS) {
		assert_true(d.epoch == c->who.epoch + 1);
		c->who.producer_id = d.producer_id;
		c->who.epoch = d.epoch;
		c->seq[0] = c->seq[1] = 0;
	}
	return 0;
}

static void
next_transaction(struct model *m, struct client *c)
{
	assert_true(c->number < NUMBERS - 1);
	c->number++;
	c->next = ADD_LEFT;
	c->ending = false;
	c->commit = pick(m, 4) != 0;
	/* Clients of both flows, one after another. */
	c->who.version = pick(m, 2) != 0 ? TXN_BUMPS : TXN_CLASSIC;
}

/* Who begins anew takes no more interest in what was. */
static int
begin(struct broker *b, struct model *m, struct client *c)
{
	struct txn_ident as = { c->id, -1, -1, TXN_CLASSIC };
	struct done d = DONE_INIT;
	int rc;

	txns_begin(b->txns, &as, TIMEOUT_MS, on_begun, &d);
	if ((rc = wait_done(&d)) != 0)
		return rc;
	if (c->outcomes[c->number] == UNKNOWN && !(c->ending && c->commit))
		c->outcomes[c->number] = ABORTED;
	c->who = (struct txn_ident){ c->id, d.producer_id, d.epoch, 0 };
	c->seq[0] = c->seq[1] = 0;
	c->begun = true;
	c->unsure = false;
	next_transaction(m, c);
	return 0;
}

static int
act(struct broker *b, struct client *c)
{
	struct leat_err err = LEAT_ERR_INIT;

	switch (c->next) {
	case ADD_LEFT:
	case ADD_RIGHT:
		return add(b, c, c->next == ADD_RIGHT);
	case LEFT_1:
	case LEFT_2:
		return produce(b, c, 0);
	case RIGHT_1:
	case RIGHT_2:
		return produce(b, c, 1);
	case ADD_GROUP:
		return txns_add_group(b->txns, &c->who, c->id, &err);
	case OFFSETS:
		return commit_offset(b, c);
	case END:
		return end(b, c);
	case ACTIONS:
		break;
	}
	fail();
	return -1;
}

/* One step of a client: 0, or negative when the power is gone. */
static int
step(struct broker *b, struct model *m, struct client *c)
{
	int rc;

	if (!c->begun || pick(m, 60) == 0)
		return begin(b, m, c);
	if (c->next < END && pick(m, 40) == 0) {
		/* Its sequence may have been used: then as clients do. */
		if (c->unsure)
			return begin(b, m, c);
		c->commit = false;	/* half way */
		c->next = END;
	}
	rc = act(b, c);
	switch (rc) {
	case 0:
		if (++c->next == ACTIONS)
			next_transaction(m, c);
		return 0;
	case BROKER_E_TXN_STATE:
	case BROKER_E_TXN_FENCED:
	case LEAT_E_FENCED:
		return begin(b, m, c);
	case BROKER_E_SEQUENCE:
	case BROKER_E_TXN_ID:
		fail_msg("client %s, action %d: error %d", c->id, c->next, rc);
	}
	return rc;
}

static int
make_topics(struct broker *b)
{
	static const struct broker_setting small[] = {
		{ "segment.bytes", "900" }, { "min.compaction.lag.ms", "0" },
		{ "retention.ms", "-1" }
	};
	int rc = 0;

	for (int i = 0; i < 2 && rc == 0; i++)
		if (broker_topic_partitions(b, topics[i]) < 1)
			rc = broker_topic_create(b, topics[i], 1, small, 3,
			    NULL);
	if (rc == 0)
		rc = broker_topic_alter(b, offsets_topic, small, 1, NULL);
	return rc < 0 ? rc : broker_topic_alter(b, txn_topic, small, 2, NULL);
}

static void
workload(struct broker *b, struct model *m)
{
	if (make_topics(b) < 0)
		return;
	for (int i = 0; i < STEPS; i++) {
		if (step(b, m, &m->clients[pick(m, CLIENTS)]) < 0)
			return;
		if (i % 25 == 24)
			keeper_round(b, true, true);
	}
}

/* ------------------------------------------------------------- the truth */

struct item {
	int64_t offset, producer_id, value;
	enum outcome outcome;	/* UNKNOWN: open */
};

struct truth {
	struct item items[ITEMS];
	size_t n;
};

static int
take_batch(void *arg, const struct batch_header *h, const uint8_t *batch,
    struct leat_err *err)
{
	struct truth *t = arg;
	struct batch_reader *r;
	struct record rec;
	int32_t epoch;
	bool commit;

	if ((h->attributes & BATCH_CONTROL) != 0) {
		commit = batch_marker_decode(batch, h->size, &epoch) ==
		    MARKER_COMMIT;
		for (size_t i = 0; i < t->n; i++)
			if (t->items[i].producer_id == h->producer_id &&
			    t->items[i].outcome == UNKNOWN)
				t->items[i].outcome = commit ? COMMITTED :
				    ABORTED;
		return 0;
	}
	r = batch_reader_new(1 << 20);
	assert_int_equal(batch_reader_open(r, batch, h->size, err), 0);
	while (batch_reader_next(r, &rec, err) > 0) {
		struct item *i = &t->items[t->n++];

		assert_true(t->n < ITEMS);
		*i = (struct item){ rec.offset, h->producer_id, -1, UNKNOWN };
		assert_int_equal(leat_parse_i64(rec.value, 0, INT64_MAX,
		    &i->value), 0);
	}
	batch_reader_free(r);
	return 0;
}

/* What a failure needs to be understood. */
static int
dump_batch(void *arg, const struct batch_header *h, const uint8_t *batch,
    struct leat_err *err)
{
	struct batch_reader *r;
	struct txn_value v;
	struct record rec;
	int32_t epoch;

	fprintf(stderr, "# %s [%lld..%lld] leader %d pid %lld epoch %d seq %d"
	    "%s:", (const char *)arg, (long long)h->base_offset,
	    (long long)batch_next_offset(h) - 1, h->leader_epoch,
	    (long long)h->producer_id, h->producer_epoch, h->base_sequence,
	    (h->attributes & BATCH_CONTROL) == 0 ? "" :
	    batch_marker_decode(batch, h->size, &epoch) == MARKER_COMMIT ?
	    " COMMIT" : " ABORT");
	r = batch_reader_new(1 << 20);
	assert_int_equal(batch_reader_open(r, batch, h->size, err), 0);
	while ((h->attributes & BATCH_CONTROL) == 0 &&
	    batch_reader_next(r, &rec, err) > 0) {
		if (strcmp(arg, txn_topic) != 0) {
			fprintf(stderr, " %.*s", (int)rec.value.len,
			    rec.value.ptr);
		} else if (txn_value_decode(rec.value, &v) == 0) {
			fprintf(stderr, " %.*s status %d pid %lld epoch %d",
			    (int)rec.key.len - 4, rec.key.ptr + 4,
			    (int)v.status, (long long)v.producer_id, v.epoch);
			free(v.places);
		}
	}
	fprintf(stderr, "\n");
	batch_reader_free(r);
	return 0;
}

static void
dump(struct broker *b)
{
	const char *const all[] = { "left", "right", txn_topic };

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct broker_partition *p = topics_find(b, all[i], 0);

		(void)partition_each_batch(p, dump_batch,
		    (void *)(uintptr_t)all[i], NULL);
		for (size_t k = 0; k < p->nsegs; k++) {
			struct aborted_txn *list = NULL;
			size_t n = 0;

			fprintf(stderr, "# %s segment %lld, aborted %d\n",
			    all[i], (long long)p->segs[k]->base,
			    p->segs[k]->has_aborted);
			(void)aborted_load(p->segs[k], &list, &n, NULL);
			for (size_t m = 0; m < n; m++)
				fprintf(stderr, "#   pid %lld [%lld, %lld] "
				    "stable %lld\n",
				    (long long)list[m].producer_id,
				    (long long)list[m].first_offset,
				    (long long)list[m].last_offset,
				    (long long)list[m].stable);
			free(list);
		}
		for (const struct producer *o = p->producers.open; o != NULL;
		    o = o->next_open)
			fprintf(stderr, "# %s open: pid %lld epoch %d from "
			    "%lld\n", all[i], (long long)o->id, o->epoch,
			    (long long)o->txn_first);
		broker_partition_put(p);
	}
}

/* A reader sees what is committed before the first that is open. */
static void
check_reader(struct broker *b, struct broker_partition *p,
    const struct truth *t)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_reader *r;
	struct record rec;
	int64_t value, stable = p->written;
	size_t i = 0;

	for (size_t k = t->n; k-- > 0;)
		if (t->items[k].outcome == UNKNOWN)
			stable = t->items[k].offset;
	if (p->stable != stable)
		dump(b);
	assert_int_equal(p->stable, stable);
	r = broker_reader_open(p, 0, READ_COMMITTED, &err);
	assert_non_null(r);
	while (broker_reader_fill(r, 700, &err) > 0)
		while (broker_reader_next(r, &rec, &err) > 0) {
			while (i < t->n && t->items[i].outcome != COMMITTED)
				i++;
			assert_true(i < t->n);
			assert_int_equal(leat_parse_i64(rec.value, 0,
			    INT64_MAX, &value), 0);
			if (rec.offset != t->items[i].offset)
				dump(b);
			assert_int_equal(rec.offset, t->items[i].offset);
			assert_int_equal(value, t->items[i++].value);
		}
	assert_int_equal(err.code, 0);
	while (i < t->n && t->items[i].offset < stable)
		assert_int_not_equal(t->items[i++].outcome, COMMITTED);
	broker_reader_close(r);
}

/* Records of a client's transaction in a topic that came to an outcome. */
static int
count(const struct truth *t, const struct client *c, int64_t number,
    enum outcome outcome)
{
	int n = 0;

	for (size_t i = 0; i < t->n; i++)
		if (t->items[i].value ==
		    number * CLIENTS + (c->id[0] - '0') &&
		    t->items[i].outcome == outcome)
			n++;
	return n;
}

static void
check_client(struct broker *b, struct client *c, struct truth *const t[2])
{
	int64_t last = -1, offset = -1;

	for (int64_t k = 1; k <= c->number; k++) {
		int left = count(t[0], c, k, COMMITTED);
		int right = count(t[1], c, k, COMMITTED);
		bool open = count(t[0], c, k, UNKNOWN) +
		    count(t[1], c, k, UNKNOWN) > 0;

		if (left != right || (left != 0 && left != 2) ||
		    (left == 2 && (open || c->outcomes[k] == ABORTED)) ||
		    (left == 0 && c->outcomes[k] == COMMITTED) ||
		    (open && k != c->number)) {
			dump(b);
			fail_msg("client %s, transaction %lld: %d and %d "
			    "committed, open %d, outcome %d, current %lld",
			    c->id, (long long)k, left, right, open,
			    (int)c->outcomes[k], (long long)c->number);
		}
		if (left == 2 && k == c->number && !(c->ending && c->commit))
			fail_msg("client %s: %lld was not asked for", c->id,
			    (long long)k);
		if (left == 2)
			last = k;
		if (k < c->number && !open)
			c->outcomes[k] = left == 2 ? COMMITTED : ABORTED;
	}
	(void)broker_group_offset(b, c->id, "left", 0, &offset);
	if (offset != last)
		dump(b);
	if (offset != last)
		fail_msg("client %s: offset %lld, last committed %lld", c->id,
		    (long long)offset, (long long)last);
}

static void
check(struct broker *b, struct model *m)
{
	struct truth *t[2];
	bool there = true;

	for (int i = 0; i < 2; i++) {
		struct broker_partition *p = topics_find(b, topics[i], 0);

		t[i] = calloc(1, sizeof(*t[i]));
		assert_non_null(t[i]);
		if ((there = there && p != NULL)) {
			assert_int_equal(p->state, PART_ONLINE);
			assert_int_equal(partition_each_batch(p, take_batch,
			    t[i], NULL), 0);
			check_reader(b, p, t[i]);
		}
		broker_partition_put(p);
	}
	for (int i = 0; i < CLIENTS && there; i++)
		check_client(b, &m->clients[i], t);
	free(t[0]);
	free(t[1]);
}

/* ----------------------------------------------------------------- rounds */

/* Everybody begins anew: nothing may stay open. */
static void
finish(const char *dir, void *model)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct model *m = model;
	struct broker *b = open_broker(dir, &fsio_system, &err);

	if (b == NULL)
		fail_msg("does not open at the end: %s", err.text);
	for (int i = 0; i < CLIENTS; i++)
		assert_int_equal(begin(b, m, &m->clients[i]), 0);
	check(b, m);
	for (int i = 0; i < 2; i++) {
		struct broker_partition *p = topics_find(b, topics[i], 0);

		assert_int_equal(p->stable, p->written);
		broker_partition_put(p);
	}
	broker_close(b);
	free(m);
}

/* Loses power at the n-th sync. */
static void
round_of(struct crashfs *c, const char *dir, void *model, uint64_t n)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct model *m = model;
	struct broker *b;

	crashfs_arm(c, n);
	b = open_broker(dir, crashfs_fsio(c), &err);
	if (b != NULL) {
		check(b, m);
		workload(b, m);
		broker_close(b);
	} else if (!crashfs_crashed(c)) {
		fail_msg("does not open: %s", err.text);
	}
	crashfs_crash(c);
	crashfs_recover(c);
	b = open_broker(dir, &fsio_system, &err);
	if (b == NULL)
		fail_msg("does not open after the crash: %s", err.text);
	check(b, m);
	broker_close(b);
}

static void *
new_model(uint64_t seed)
{
	struct model *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	m->random = seed;
	for (int i = 0; i < CLIENTS; i++)
		snprintf(m->clients[i].id, sizeof(m->clients[i].id), "%d", i);
	return m;
}

static void
test_power_cuts(void **state)
{
	static const struct power_cuts work = { new_model, round_of, finish };

	power_cuts_run(&work, th_tmpdir());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_power_cuts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
