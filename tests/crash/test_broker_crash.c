/* SPDX-License-Identifier: Apache-2.0 */
/* test: timeout=300 */
/*
 * The broker under power cuts.
 *
 * One workload (plain appends, transactions over two topics with group
 * offsets, aborts, small segments, compaction, trims) is run again and again;
 * the n-th run loses power at its n-th sync. After each the broker is opened
 * on what a disk may hold then, and must keep its promises:
 *
 *  1. every record whose durability was confirmed is there, in order;
 *  2. a transaction shows all its records in all topics, or none; a confirmed
 *     commit shows them;
 *  3. a committed group offset is not ahead of its topic, and moves only with
 *     its transaction;
 *  4. no producer id is given out twice;
 *  5. the broker takes appends again, and closes and opens cleanly.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/broker_int.h"
#include "broker/coord/txn_record.h"
#include "core/base/obj.h"
#include "tests/harness/power_cuts.h"
#include "tests/harness/proc.h"

enum { STEPS = 60, VALUE_MAX = 64, IDS_MAX = 4096 };

/* What the workload knows; it outlives the crashes of one seed. */
struct model {
	int64_t plain_durable;	/* confirmed records of "plain" */
	int64_t plain_next;
	int64_t txn_confirmed;	/* the last transaction confirmed, -1 none */
	int64_t txn_next;	/* number of the next transaction */
	int64_t txn_ended;	/* transactions up to it are decided */
	int64_t ids[IDS_MAX];
	int nids;
};

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

struct done {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool fired;
	int code;
};

static void
on_done(void *arg, const struct leat_err *err)
{
	struct done *d = arg;

	pthread_mutex_lock(&d->mutex);
	d->fired = true;
	d->code = err == NULL ? 0 : err->code;
	pthread_cond_signal(&d->cond);
	pthread_mutex_unlock(&d->mutex);
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

#define DONE_INIT { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, \
	false, 0 }

static struct batch_builder *
build(const char *key, int64_t number, int n)
{
	struct batch_builder *bb = batch_builder_new(number % 5 == 4 ?
	    CODEC_LZ4 : CODEC_NONE, 0, 1 << 20);

	for (int i = 0; i < n; i++) {
		char value[VALUE_MAX];
		struct record rec = { .timestamp_ms = 1700000000000 + number };

		rec.key = leat_str_c(key);
		rec.value.ptr = value;
		rec.value.len = (size_t)snprintf(value, sizeof(value),
		    "%lld", (long long)(number + i));
		assert_int_equal(batch_builder_add(bb, &rec, NULL), 0);
	}
	return bb;
}

static int
plain(struct broker *b, struct model *m, int n, bool wait)
{
	struct broker_partition *p = broker_partition_get(b, "plain", 0, NULL);
	struct batch_builder *bb;
	struct broker_appended done;
	struct done d = DONE_INIT;
	uint8_t *data;
	size_t len;
	int rc;

	if (p == NULL)
		return -1;
	bb = build("k", m->plain_next, n);
	batch_builder_finish(bb, NULL, &data, &len, NULL);
	rc = broker_append(p, data, len, &done, NULL);
	if (rc == 0)
		m->plain_next += n;
	if (rc == 0 && wait) {
		broker_when_durable(p, done.last_offset + 1, on_done, &d);
		if ((rc = wait_done(&d)) == 0)
			m->plain_durable = m->plain_next;
	}
	batch_builder_free(bb);
	broker_partition_put(p);
	return rc;
}

/* One transaction: its number into both topics, several records each. */
static int
transact(struct broker *b, struct broker_txn *t, struct model *m, bool abort_it)
{
	static const char *const topics[] = { "left", "right" };
	struct broker_group_offset o = { .topic = "left",
	    .leader_epoch = -1 };
	int64_t number = abort_it ? -1000 : m->txn_next;
	struct done d = DONE_INIT;
	int rc = 0;

	for (int k = 0; k < 4 && rc == 0; k++) {
		struct broker_partition *p = broker_partition_get(b,
		    topics[k % 2], 0, NULL);
		struct batch_builder *bb = build("k", number, 1);
		struct broker_appended done;

		rc = p == NULL ? -1 : broker_txn_append(t, p, bb, &done, NULL);
		if (rc == 0 && k == 2)
			o.offset = done.last_offset + 1;
		batch_builder_free(bb);
		broker_partition_put(p);
	}
	if (rc == 0)
		rc = broker_txn_offsets(t, "group", &o, 1, NULL);
	if (rc < 0)
		return rc;
	if (abort_it)
		return broker_txn_abort(t, NULL);
	m->txn_next++;
	broker_txn_commit(t, on_done, &d);
	if ((rc = wait_done(&d)) == 0)
		m->txn_confirmed = number;
	return rc;
}

static int
make_topics(struct broker *b)
{
	static const struct broker_setting small[] = {
		{ "segment.bytes", "600" }, { "index.interval.bytes", "100" },
		{ "retention.ms", "-1" }
	};
	static const char *const names[] = { "plain", "left", "right" };

	for (int i = 0; i < 3; i++) {
		int rc = broker_topic_partitions(b, names[i]) > 0 ? 0 :
		    broker_topic_create(b, names[i], 1, small, 3, NULL);

		if (rc < 0)
			return rc;
	}
	return broker_topic_alter(b, offsets_topic, small, 1, NULL);
}

static void
note_id(struct model *m, int64_t id)
{
	for (int i = 0; i < m->nids; i++)
		if (m->ids[i] == id)
			fail_msg("producer id %lld twice", (long long)id);
	if (m->nids < IDS_MAX)
		m->ids[m->nids++] = id;
}

static void
workload(struct broker *b, struct model *m)
{
	struct broker_txn *t = NULL;
	int64_t id;

	if (make_topics(b) < 0 ||
	    broker_txn_open(b, "txn", 60000, &t, NULL) < 0)
		return;
	for (int i = 0; i < STEPS; i++) {
		int rc = 0;

		if (broker_producer_id(b, &id, NULL) == 0)
			note_id(m, id);
		switch (i % 6) {
		case 0:
		case 3:
			rc = plain(b, m, 1 + i % 3, i % 2 == 0);
			break;
		case 5:
			rc = transact(b, t, m, i % 12 == 5);
			break;
		default:
			rc = transact(b, t, m, false);
		}
		if (rc < 0)
			break;
		if (i % 20 == 19)
			keeper_round(b, true, true);
	}
	broker_txn_close(t);
}

/* -------------------------------------------------------------- checking */

static int
dump_batch(void *arg, const struct batch_header *h, const uint8_t *batch,
    struct leat_err *err)
{
	int32_t epoch;

	fprintf(stderr,
	    "# %s [%lld..%lld] pid %lld epoch %d seq %d %s%s n %d\n",
	    (const char *)arg, (long long)h->base_offset,
	    (long long)batch_next_offset(h) - 1, (long long)h->producer_id,
	    h->producer_epoch, h->base_sequence,
	    (h->attributes & BATCH_TRANSACTIONAL) != 0 ? "txn" : "",
	    (h->attributes & BATCH_CONTROL) == 0 ? "" :
	    batch_marker_decode(batch, h->size, &epoch) == MARKER_COMMIT ?
	    " commit" : " abort", h->count);
	if (strcmp(arg, txn_topic) == 0) {
		struct batch_reader *r = batch_reader_new(1 << 20);
		struct txn_value v;
		struct record rec;

		assert_int_equal(batch_reader_open(r, batch, h->size, err), 0);
		while (batch_reader_next(r, &rec, err) > 0 &&
		    txn_value_decode(rec.value, &v) == 0) {
			fprintf(stderr, "#   status %d pid %lld epoch %d\n",
			    (int)v.status, (long long)v.producer_id, v.epoch);
			free(v.places);
		}
		batch_reader_free(r);
	}
	return 0;
}

static int
dump_aborted(void *arg, int64_t producer_id, int64_t first_offset)
{
	fprintf(stderr, "# %s aborted: pid %lld from %lld\n",
	    (const char *)arg, (long long)producer_id,
	    (long long)first_offset);
	return 0;
}

/* What a failure needs to be understood. */
static void
dump(struct broker *b, const char *topic)
{
	struct broker_partition *p = topics_find(b, topic, 0);

	if (p == NULL)
		return;
	fprintf(stderr, "# %s: start %lld stable %lld written %lld\n", topic,
	    (long long)p->log_start, (long long)p->stable,
	    (long long)p->written);
	for (size_t i = 0; i < p->nsegs; i++) {
		struct aborted_txn *list = NULL;
		size_t n = 0;

		fprintf(stderr, "#   segment %lld: %lld bytes, end %lld\n",
		    (long long)p->segs[i]->base, (long long)p->segs[i]->size,
		    (long long)p->segs[i]->next_offset);
		(void)aborted_load(p->segs[i], &list, &n, NULL);
		for (size_t k = 0; k < n; k++)
			fprintf(stderr, "#     aborted pid %lld [%lld, %lld] "
			    "stable %lld\n", (long long)list[k].producer_id,
			    (long long)list[k].first_offset,
			    (long long)list[k].last_offset,
			    (long long)list[k].stable);
		free(list);
	}
	(void)broker_aborted_each(p, 0, p->written, dump_aborted,
	    (void *)(uintptr_t)topic, NULL);
	(void)partition_each_batch(p, dump_batch, (void *)(uintptr_t)topic,
	    NULL);
	broker_partition_put(p);
}

/* Numbers in the values of a topic, in order. */
static int64_t *
read_topic(struct broker *b, const char *topic, size_t *ret_n)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_partition *p = topics_find(b, topic, 0);
	struct broker_reader *r;
	struct record rec;
	int64_t *list = calloc(8192, sizeof(*list));
	size_t n = 0;
	int rc;

	*ret_n = 0;
	if (p == NULL)
		return list;
	assert_int_equal(p->state, PART_ONLINE);
	r = broker_reader_open(p, 0, READ_COMMITTED, &err);
	while ((rc = broker_reader_fill(r, 700, &err)) > 0)
		while ((rc = broker_reader_next(r, &rec, &err)) > 0) {
			assert_true(n < 8192);
			assert_int_equal(leat_parse_i64(rec.value, INT64_MIN,
			    INT64_MAX, &list[n++]), 0);
		}
	if (rc < 0)
		fail_msg("%s: %s", topic, err.text);
	/* Nothing may be left open. */
	if (broker_reader_offset(r) != p->written)
		dump(b, topic);
	assert_int_equal(broker_reader_offset(r), p->written);
	assert_int_equal(p->stable, p->written);
	broker_reader_close(r);
	broker_partition_put(p);
	*ret_n = n;
	return list;
}

static void
check_plain(struct broker *b, struct model *m)
{
	size_t n;
	int64_t *list = read_topic(b, "plain", &n);

	for (size_t i = 0; i < n; i++)
		assert_int_equal(list[i], i);
	if ((int64_t)n < m->plain_durable)
		fail_msg("durable records lost: %zu of %lld", n,
		    (long long)m->plain_durable);
	m->plain_durable = m->plain_next = (int64_t)n;
	free(list);
}

static void
check_txns(struct broker *b, struct model *m)
{
	size_t n, k;
	int64_t *left = read_topic(b, "left", &n);
	int64_t *right = read_topic(b, "right", &k), last = -1, offset;

	if (n != k) {
		for (size_t i = 0; i < MAX(n, k); i++)
			fprintf(stderr, "# value %lld %lld\n", (long long)
			    left[i], (long long)right[i]);
		dump(b, "left");
		dump(b, "right");
		dump(b, txn_topic);
	}
	assert_int_equal(n, k);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(left[i], right[i]);
		if (i % 2 == 1) {
			assert_int_equal(left[i], left[i - 1]);
			continue;
		}
		assert_true(left[i] > last);
		last = left[i];
	}
	assert_int_equal(n % 2, 0);
	if (last < m->txn_confirmed) {
		dump(b, "left");
		dump(b, "right");
		dump(b, txn_topic);
	}
	if (last < m->txn_confirmed)
		fail_msg("confirmed transaction %lld lost, last is %lld",
		    (long long)m->txn_confirmed, (long long)last);
	if (broker_group_offset(b, "group", "left", 0, &offset) == 0) {
		struct broker_partition *p = topics_find(b, "left", 0);

		assert_true(offset <= p->written);
		broker_partition_put(p);
	} else {
		assert_int_equal(last, -1);
	}
	m->txn_confirmed = last;
	free(left);
	free(right);
}

static void
round_of(struct crashfs *c, const char *dir, void *model, uint64_t n)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct model *m = model;
	struct broker *b;

	crashfs_arm(c, n);
	b = open_broker(dir, crashfs_fsio(c), &err);
	if (b != NULL) {
		check_plain(b, m);
		check_txns(b, m);
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
	check_plain(b, m);
	check_txns(b, m);
	broker_close(b);
}

static void *
begin(uint64_t seed)
{
	struct model *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	m->txn_confirmed = -1;
	return m;
}

static void
end(const char *dir, void *model)
{
	free(model);
}

static void
test_power_cuts(void **state)
{
	static const struct power_cuts work = { begin, round_of, end };

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
