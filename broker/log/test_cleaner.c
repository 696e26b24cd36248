/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compaction against a model: a random workload of keys, tombstones and
 * transactions; after each round the newest value of every key must be there,
 * in order, at the offset it always had.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/broker_int.h"
#include "core/base/obj.h"
#include "tests/harness/proc.h"
#include "tests/harness/th_broker.h"

enum { KEYS = 40, STEPS = 1500 };

static uint64_t seed_state;

static int
pick(int n)
{
	seed_state = seed_state * 6364136223846793005u + 1442695040888963407u;
	return (int)(seed_state >> 33) % n;
}

struct newest {
	int64_t offset;		/* -1: never written */
	bool tombstone;
	char value[32];
};

static bool
same(const struct newest *a, const struct newest *b)
{
	return a->offset == b->offset && a->tombstone == b->tombstone &&
	    strcmp(a->value, b->value) == 0;
}

static const struct broker_setting settings[] = {
	{ "cleanup.policy", "compact" },
	{ "segment.bytes", "4000" },
	{ "index.interval.bytes", "200" },
	{ "min.cleanable.dirty.ratio", "0" },
	{ "delete.retention.ms", "1000" },
};

static struct broker *
open_broker(const char *name, struct clock_fake *clock)
{
	struct broker_options o;

	broker_options_init(&o);
	o.clock = &clock->clock;
	return th_broker_open(name, &o);
}

/* A batch of 1 to 5 records of random keys into the topic and the model. */
static void
step(struct broker_partition *p, struct broker_txn *t, struct newest *model,
    int i)
{
	struct newest seen[KEYS];
	struct batch_builder *bb = batch_builder_new(i % 3 == 0 ? CODEC_ZSTD :
	    CODEC_NONE, 0, 1 << 16);
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_appended done = { 0 };
	bool in_txn = t != NULL && i % 4 == 0, abort_it = i % 8 == 0;
	int n = 1 + pick(5);
	uint8_t *data;
	size_t len;

	memcpy(seen, model, sizeof(seen));
	for (int k = 0; k < n; k++) {
		int key = pick(KEYS);
		struct record rec = { .timestamp_ms = 1000 + i };
		char name[16];

		rec.key.ptr = name;
		rec.key.len = (size_t)snprintf(name, sizeof(name), "key-%d",
		    key);
		seen[key].offset = k;
		seen[key].tombstone = pick(10) == 0;
		snprintf(seen[key].value, sizeof(seen[key].value), "v%d.%d",
		    i, k);
		if (!seen[key].tombstone)
			rec.value = leat_str_c(seen[key].value);
		assert_int_equal(batch_builder_add(bb, &rec, NULL), 0);
	}
	if (in_txn) {
		if (broker_txn_append(t, p, bb, &done, &err) < 0)
			fail_msg("%s", err.text);
	} else {
		batch_builder_finish(bb, NULL, &data, &len, NULL);
		if (broker_append(p, data, len, &done, &err) < 0)
			fail_msg("%s", err.text);
	}
	batch_builder_free(bb);
	if (in_txn && abort_it) {
		assert_int_equal(broker_txn_abort(t, &err), 0);
		return;
	}
	for (int k = 0; k < KEYS; k++)
		if (!same(&seen[k], &model[k])) {
			model[k] = seen[k];
			model[k].offset += done.base_offset;
		}
}

struct done {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool fired;
};

static void
on_done(void *arg, const struct leat_err *err)
{
	struct done *d = arg;

	assert_null(err);
	pthread_mutex_lock(&d->mutex);
	d->fired = true;
	pthread_cond_signal(&d->cond);
	pthread_mutex_unlock(&d->mutex);
}

static void
commit(struct broker_txn *t)
{
	struct done d = { PTHREAD_MUTEX_INITIALIZER,
	    PTHREAD_COND_INITIALIZER, false };

	broker_txn_commit(t, on_done, &d);
	pthread_mutex_lock(&d.mutex);
	while (!d.fired)
		pthread_cond_wait(&d.cond, &d.mutex);
	pthread_mutex_unlock(&d.mutex);
}

static void
check(struct broker_partition *p, const struct newest *model)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_reader *r = broker_reader_open(p, 0, READ_COMMITTED,
	    &err);
	struct newest got[KEYS] = { { 0 } };
	struct record rec;
	int64_t last = -1;
	int rc;

	for (int k = 0; k < KEYS; k++)
		got[k].offset = -1;
	while ((rc = broker_reader_fill(r, 5000, &err)) > 0)
		while ((rc = broker_reader_next(r, &rec, &err)) > 0) {
			int64_t key;

			assert_true(rec.offset > last);
			last = rec.offset;
			rec.key.ptr += 4;
			rec.key.len -= 4;
			assert_int_equal(leat_parse_i64(rec.key, 0, KEYS - 1,
			    &key), 0);
			got[key].offset = rec.offset;
			got[key].tombstone = rec.value.ptr == NULL;
			snprintf(got[key].value, sizeof(got[key].value),
			    "%.*s", (int)rec.value.len, rec.value.ptr != NULL ?
			    rec.value.ptr : "");
		}
	if (rc < 0)
		fail_msg("%s", err.text);
	assert_int_equal(broker_reader_offset(r), p->written);
	broker_reader_close(r);
	for (int k = 0; k < KEYS; k++) {
		if (model[k].offset < 0 ||
		    (model[k].tombstone && got[k].offset < 0))
			continue;
		assert_int_equal(got[k].offset, model[k].offset);
		assert_int_equal(got[k].tombstone, model[k].tombstone);
		if (!model[k].tombstone)
			assert_string_equal(got[k].value, model[k].value);
	}
}

static void
run(const char *name, size_t memory, unsigned seed)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct newest model[KEYS];
	struct broker_partition *p;
	struct clock_fake clock;
	struct broker_txn *t;
	struct broker *b;
	int64_t before;

	memset(model, 0, sizeof(model));
	for (int k = 0; k < KEYS; k++)
		model[k].offset = -1;
	clock_fake_init(&clock, 1700000000000000);
	seed_state = seed;
	b = open_broker(name, &clock);
	assert_int_equal(broker_topic_create(b, "t", 1, settings,
	    ARRAY_LEN(settings), &err), 0);
	p = broker_partition_get(b, "t", 0, &err);
	assert_int_equal(broker_txn_open(b, "x", 0, &t, &err), 0);
	for (int i = 1; i <= STEPS; i++) {
		step(p, t, model, i);
		if (i % 4 == 0 && i % 8 != 0)
			commit(t);
		if (i % 300 != 0)
			continue;
		check(p, model);
		assert_int_equal(flusher_sync(p, &err), 0);
		assert_true(partition_begin_work(p));
		if (partition_clean(p, memory, true, &err) < 0)
			fail_msg("%s", err.text);
		partition_end_work(p);
		check(p, model);
		clock_fake_advance_ms(&clock, 600);
	}
	before = broker_partition_size(p);
	assert_true(before < STEPS * 40);
	broker_txn_close(t);
	broker_partition_put(p);
	broker_close(b);
	b = open_broker(name, &clock);
	p = broker_partition_get(b, "t", 0, &err);
	check(p, model);
	broker_partition_put(p);
	broker_close(b);
}

static void
test_model(void **state)
{
	run("model", 1 << 20, 1);
	run("again", 1 << 20, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
