/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The broker from end to end, on a real directory.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <leat/wire.h>

#include "broker/broker_int.h"
#include "core/base/obj.h"
#include "tests/harness/proc.h"
#include "tests/harness/th_broker.h"


static struct broker *
open_broker(const char *name)
{
	struct broker_options o;

	broker_options_init(&o);
	o.flush_interval_ms = 50;
	return th_broker_open(name, &o);
}

static struct batch_builder *
build(int first, int n)
{
	struct batch_builder *bb = batch_builder_new(CODEC_NONE, 0, 1 << 20);
	struct leat_err err = LEAT_ERR_INIT;

	for (int i = first; i < first + n; i++) {
		char key[32], value[64];
		struct record rec = { .timestamp_ms =
		    clock_wall_ms(&clock_system) };

		rec.key.ptr = key;
		rec.key.len = (size_t)snprintf(key, sizeof(key), "k%d", i);
		rec.value.ptr = value;
		rec.value.len = (size_t)snprintf(value, sizeof(value),
		    "value %d", i);
		OK(batch_builder_add(bb, &rec, &err));
	}
	return bb;
}

static int64_t
append(struct broker_partition *p, int first, int n)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct batch_builder *bb = build(first, n);
	struct broker_appended done;
	uint8_t *data;
	size_t len;

	OK(batch_builder_finish(bb, NULL, &data, &len, &err));
	OK(broker_append(p, data, len, &done, &err));
	batch_builder_free(bb);
	assert_int_equal(done.last_offset - done.base_offset + 1, n);
	return done.base_offset;
}

/* Reads all; checks that values are the given numbers in order. */
static void
expect(struct broker_partition *p, enum broker_isolation iso, const int *want,
    size_t n)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_reader *r = broker_reader_open(p, 0, iso, &err);
	struct record rec;
	size_t got = 0;
	int rc;

	assert_non_null(r);
	while ((rc = broker_reader_fill(r, 4096, &err)) > 0)
		while ((rc = broker_reader_next(r, &rec, &err)) > 0) {
			char value[64];

			assert_true(got < n);
			snprintf(value, sizeof(value), "value %d", want[got]);
			assert_int_equal(rec.value.len, strlen(value));
			assert_memory_equal(rec.value.ptr, value,
			    rec.value.len);
			got++;
		}
	if (rc < 0)
		fail_msg("%s", err.text);
	assert_int_equal(got, n);
	broker_reader_close(r);
}

static void
expect_range(struct broker_partition *p, enum broker_isolation iso, int from,
    int to)
{
	int *want = calloc((size_t)(to - from) + 1, sizeof(*want));

	for (int i = from; i < to; i++)
		want[i - from] = i;
	expect(p, iso, want, (size_t)(to - from));
	free(want);
}

/* ------------------------------------------------------------- waiting */

struct signal {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	int fired;
	int code;
	char text[480];
};

#define SIGNAL_INIT { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, \
	0, 0, "" }

static void
on_done(void *arg, const struct leat_err *err)
{
	struct signal *s = arg;

	pthread_mutex_lock(&s->mutex);
	s->fired++;
	if (err != NULL) {
		s->code = err->code;
		snprintf(s->text, sizeof(s->text), "%s", err->text);
	}
	pthread_cond_signal(&s->cond);
	pthread_mutex_unlock(&s->mutex);
}

static void
on_wake(void *arg)
{
	on_done(arg, NULL);
}

static void
wait_signal(struct signal *s)
{
	pthread_mutex_lock(&s->mutex);
	while (s->fired == 0)
		pthread_cond_wait(&s->cond, &s->mutex);
	pthread_mutex_unlock(&s->mutex);
}

static void
commit(struct broker_txn *t)
{
	struct signal s = SIGNAL_INIT;

	broker_txn_commit(t, on_done, &s);
	wait_signal(&s);
	if (s.code != 0)
		fail_msg("%s", s.text);
}

/* --------------------------------------------------------------- tests */

static void
test_append_read(void **state)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct broker *b = open_broker("append");
	struct broker_partition *p;
	struct broker_offsets o;
	struct signal s = SIGNAL_INIT;

	OK(broker_topic_create(b, "a.topic", 1, NULL, 0, &err));
	assert_int_equal(broker_topic_create(b, "a.topic", 1, NULL, 0, &err),
	    LEAT_E_EXISTS);
	p = th_partition(b, "a.topic");
	assert_int_equal(append(p, 0, 10), 0);
	assert_int_equal(append(p, 10, 5), 10);
	expect_range(p, READ_UNCOMMITTED, 0, 15);
	broker_when_durable(p, 15, on_done, &s);
	wait_signal(&s);
	assert_int_equal(s.code, 0);
	broker_partition_offsets(p, &o);
	assert_int_equal(o.durable, 15);
	assert_int_equal(o.written, 15);
	broker_partition_put(p);
	broker_close(b);

	b = open_broker("append");
	assert_true(b->was_clean);
	p = th_partition(b, "a.topic");
	expect_range(p, READ_COMMITTED, 0, 15);
	assert_int_equal(append(p, 15, 5), 15);
	expect_range(p, READ_COMMITTED, 0, 20);
	broker_partition_put(p);
	broker_close(b);
}

static void
test_waiter(void **state)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct broker *b = open_broker("waiter");
	struct signal s = SIGNAL_INIT;
	struct broker_waiter w = { .fn = on_wake, .arg = &s };
	struct broker_partition *p;

	OK(broker_topic_create(b, "t", 1, NULL, 0, &err));
	p = th_partition(b, "t");
	broker_wait(&w, p, 0, READ_COMMITTED);
	assert_int_equal(s.fired, 0);
	append(p, 0, 1);
	assert_int_equal(s.fired, 1);
	broker_wait(&w, p, 0, READ_COMMITTED);
	assert_int_equal(s.fired, 2);
	broker_wait(&w, p, 1, READ_COMMITTED);
	broker_wait_cancel(&w);
	append(p, 1, 1);
	assert_int_equal(s.fired, 2);
	broker_wait(&w, p, 2, READ_COMMITTED);
	OK(broker_topic_delete(b, "t", &err));
	assert_int_equal(s.fired, 3);
	broker_partition_put(p);
	broker_close(b);
}

static void
test_txn(void **state)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct broker *b = open_broker("txn");
	struct broker_partition *p, *q;
	struct broker_appended done;
	struct batch_builder *bb;
	struct broker_txn *t, *t2;
	int64_t offset = -1;
	struct broker_group_offset o = { .topic = "t1", .offset = 3,
	    .leader_epoch = -1 };

	OK(broker_topic_create(b, "t1", 1, NULL, 0, &err));
	OK(broker_topic_create(b, "t2", 1, NULL, 0, &err));
	p = th_partition(b, "t1");
	q = th_partition(b, "t2");
	OK(broker_txn_open(b, "id", 60000, &t, &err));
	for (int i = 0; i < 3; i++) {
		bb = build(i, 1);
		OK(broker_txn_append(t, p, bb, &done, &err));
		OK(broker_txn_append(t, q, bb, &done, &err));
		batch_builder_free(bb);
	}
	OK(broker_txn_offsets(t, "g", &o, 1, &err));
	expect_range(p, READ_COMMITTED, 0, 0);
	expect_range(p, READ_UNCOMMITTED, 0, 3);
	assert_int_equal(broker_group_offset(b, "g", "t1", 0, &offset),
	    LEAT_E_NOTFOUND);
	commit(t);
	expect_range(p, READ_COMMITTED, 0, 3);
	expect_range(q, READ_COMMITTED, 0, 3);
	OK(broker_group_offset(b, "g", "t1", 0, &offset));
	assert_int_equal(offset, 3);

	/* Aborted data is skipped; what follows is seen. */
	bb = build(100, 1);
	OK(broker_txn_append(t, p, bb, &done, &err));
	batch_builder_free(bb);
	OK(broker_txn_abort(t, &err));
	append(p, 3, 1);
	expect_range(p, READ_COMMITTED, 0, 4);
	for (int i = 4; i < 30; i++) {
		bb = build(i, 1);
		OK(broker_txn_append(t, p, bb, &done, &err));
		batch_builder_free(bb);
		commit(t);
	}
	expect_range(p, READ_COMMITTED, 0, 30);

	/* A second opener fences the first and aborts what it had open. */
	bb = build(200, 1);
	OK(broker_txn_append(t, p, bb, &done, &err));
	OK(broker_txn_open(b, "id", 60000, &t2, &err));
	assert_int_equal(broker_txn_append(t, p, bb, &done, &err),
	    LEAT_E_FENCED);
	batch_builder_free(bb);
	broker_txn_close(t);
	bb = build(30, 1);
	OK(broker_txn_append(t2, p, bb, &done, &err));
	batch_builder_free(bb);
	commit(t2);
	broker_txn_close(t2);
	expect_range(p, READ_COMMITTED, 0, 31);
	broker_partition_put(p);
	broker_partition_put(q);
	broker_close(b);

	b = open_broker("txn");
	p = th_partition(b, "t1");
	expect_range(p, READ_COMMITTED, 0, 31);
	OK(broker_group_offset(b, "g", "t1", 0, &offset));
	assert_int_equal(offset, 3);
	broker_partition_put(p);
	broker_close(b);
}

static void
test_groups(void **state)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct broker *b = open_broker("groups");
	struct broker_group_offset o = { .topic = "t", .offset = 7,
	    .leader_epoch = -1, .metadata = "m" };
	int64_t offset = -1;

	for (int i = 0; i < 100; i++) {
		o.partition = i % 10;
		o.offset = i;
		OK(broker_group_commit(b, "g1", &o, 1, &err));
	}
	OK(broker_group_commit(b, "g2", &o, 1, &err));
	broker_close(b);
	b = open_broker("groups");
	OK(broker_group_offset(b, "g1", "t", 3, &offset));
	assert_int_equal(offset, 93);
	OK(broker_group_delete(b, "g1", &err));
	assert_int_equal(broker_group_offset(b, "g1", "t", 3, &offset),
	    LEAT_E_NOTFOUND);
	broker_close(b);
	b = open_broker("groups");
	assert_int_equal(broker_group_offset(b, "g1", "t", 3, &offset),
	    LEAT_E_NOTFOUND);
	OK(broker_group_offset(b, "g2", "t", 9, &offset));
	/* One partition is taken back, for good; the others stay. */
	o.partition = 9;
	o.offset = BROKER_OFFSET_FORGET;
	OK(broker_group_commit(b, "g2", &o, 1, &err));
	assert_int_equal(broker_group_offset(b, "g2", "t", 9, &offset),
	    LEAT_E_NOTFOUND);
	o.offset = -2;
	assert_true(broker_group_commit(b, "g2", &o, 1, &err) < 0);
	assert_non_null(strstr(err.text, "an offset is negative"));
	broker_close(b);
	b = open_broker("groups");
	assert_int_equal(broker_group_offset(b, "g2", "t", 9, &offset),
	    LEAT_E_NOTFOUND);
	broker_close(b);
}

static void
test_roll_and_trim(void **state)
{
	static const struct broker_setting small[] = {
		{ "segment.bytes", "2000" }, { "index.interval.bytes", "100" }
	};
	struct leat_err err = LEAT_ERR_INIT;
	struct broker *b = open_broker("roll");
	struct broker_partition *p;
	struct broker_slice slice;
	struct broker_offsets o;

	OK(broker_topic_create(b, "t", 1, small, 2, &err));
	p = th_partition(b, "t");
	for (int i = 0; i < 500; i++)
		append(p, i, 1);
	expect_range(p, READ_COMMITTED, 0, 500);
	assert_true(p->nsegs > 10);
	OK(broker_partition_trim(p, 250, &err));
	keeper_round(b, false, false);
	expect_range(p, READ_COMMITTED, 250, 500);
	assert_int_equal(broker_slice_get(p, 249, READ_COMMITTED, 100, &slice,
	    &err), LEAT_E_RANGE);
	assert_int_equal(broker_slice_get(p, 300, READ_COMMITTED, 1000, &slice,
	    &err), 1);
	assert_true(slice.len <= 1000 && slice.len > 500);
	broker_slice_put(&slice);
	broker_partition_put(p);
	broker_close(b);
	b = open_broker("roll");
	p = th_partition(b, "t");
	broker_partition_offsets(p, &o);
	assert_int_equal(o.log_start, 250);
	assert_int_equal(o.written, 500);
	expect_range(p, READ_COMMITTED, 250, 500);
	broker_partition_put(p);
	broker_close(b);
}

static void
test_unclean(void **state)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct broker *b = open_broker("unclean");
	struct broker_partition *p;
	const char *log = th_path("unclean/t-0/00000000000000000000.log");
	struct stat st;

	OK(broker_topic_create(b, "t", 1, NULL, 0, &err));
	p = th_partition(b, "t");
	for (int i = 0; i < 100; i++)
		append(p, i, 1);
	broker_partition_put(p);
	broker_close(b);
	/* No mark, and half a batch at the end. */
	th_remove(th_path("unclean/.kafka_cleanshutdown"));
	th_remove(th_path("unclean/recovery-point-offset-checkpoint"));
	assert_int_equal(stat(log, &st), 0);
	assert_int_equal(truncate(log, st.st_size - 10), 0);
	b = open_broker("unclean");
	p = th_partition(b, "t");
	expect_range(p, READ_COMMITTED, 0, 99);
	assert_int_equal(append(p, 99, 1), 99);
	expect_range(p, READ_COMMITTED, 0, 100);
	assert_int_equal(broker_partition_epoch(p), 1);
	broker_partition_put(p);
	broker_close(b);
}

/* Writes over a byte of the n-th batch of a log. */
static void
damage(const char *log, int n, int64_t at)
{
	int fd = open(log, O_RDWR);
	int64_t pos = 0;
	uint8_t len[4];

	assert_true(fd >= 0);
	while (n-- > 0) {
		assert_int_equal(pread(fd, len, 4, pos + 8), 4);
		pos += 12 + leat_get_u32(len);
	}
	assert_int_equal(pwrite(fd, "X", 1, pos + at), 1);
	close(fd);
}

enum { MAGIC_AT = 16 };		/* in a batch; behind the header are records */

/* How far a reader comes. */
static int
readable(struct broker_partition *p)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_reader *r = broker_reader_open(p, 0, READ_COMMITTED,
	    &err);
	struct record rec;
	int n = 0, rc = 0;

	while (rc >= 0 && broker_reader_fill(r, 1 << 16, &err) > 0)
		while ((rc = broker_reader_next(r, &rec, &err)) > 0)
			n++;
	broker_reader_close(r);
	return n;
}

/*
 * Before the recovery point the headers alone are read, and all of what is
 * behind it.
 */
static void
test_recovery_point(void **state)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct broker *b = open_broker("point");
	const char *log = th_path("point/t-0/00000000000000000000.log");
	const char *points = th_path("point/recovery-point-offset-checkpoint");
	struct broker_partition *p;
	struct broker_txn *t;
	struct broker_appended done;
	struct batch_builder *bb;
	char *data;
	size_t len;

	/* 0..99 of records, 100..102 an aborted transaction with its marker */
	OK(broker_topic_create(b, "t", 1, NULL, 0, &err));
	p = th_partition(b, "t");
	for (int i = 0; i < 100; i++)
		append(p, i, 1);
	OK(broker_txn_open(b, "id", 60000, &t, &err));
	bb = build(1000, 2);
	OK(broker_txn_append(t, p, bb, &done, &err));
	batch_builder_free(bb);
	OK(broker_txn_abort(t, &err));
	broker_txn_close(t);
	broker_partition_put(p);
	broker_close(b);
	OK(fsio_slurp(&fsio_system, points, 65536, &data, &len, &err));
	b = open_broker("point");
	p = th_partition(b, "t");
	assert_int_equal(p->written, 103);
	for (int i = 100; i < 110; i++)
		append(p, i, 1);
	broker_partition_put(p);
	broker_close(b);
	OK(fsio_replace(&fsio_system, points, data, len, 0640, &err));
	free(data);
	th_remove(th_path("point/.kafka_cleanshutdown"));
	th_remove(th_path("point/t-0/00000000000000000103.snapshot"));
	th_remove(th_path("point/t-0/00000000000000000113.snapshot"));

	b = open_broker("point");
	p = th_partition(b, "t");
	assert_int_equal(p->written, 113);
	assert_int_equal(p->stable, 113);
	assert_int_equal(broker_partition_epoch(p), 1);
	/* The aborted ones are known from the headers and the marker. */
	assert_int_equal(readable(p), 110);
	broker_partition_put(p);
	broker_close(b);

	/* The point is at the end now. */
	th_remove(th_path("point/.kafka_cleanshutdown"));
	damage(log, 50, RECORD_BATCH_HEADER_BYTES + 1);
	b = open_broker("point");
	p = th_partition(b, "t");
	assert_int_equal(p->written, 113);
	assert_int_equal(readable(p), 50);
	broker_partition_put(p);
	broker_close(b);
}

/* Behind the point, a damaged record is a torn tail. */
static void
test_behind_point(void **state)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct broker *b = open_broker("behind");
	const char *points =
	    th_path("behind/recovery-point-offset-checkpoint");
	struct broker_partition *p;
	char *data;
	size_t len;

	OK(broker_topic_create(b, "t", 1, NULL, 0, &err));
	p = th_partition(b, "t");
	for (int i = 0; i < 20; i++)
		append(p, i, 1);
	broker_partition_put(p);
	broker_close(b);
	OK(fsio_slurp(&fsio_system, points, 65536, &data, &len, &err));
	b = open_broker("behind");
	p = th_partition(b, "t");
	for (int i = 20; i < 40; i++)
		append(p, i, 1);
	broker_partition_put(p);
	broker_close(b);
	OK(fsio_replace(&fsio_system, points, data, len, 0640, &err));
	free(data);
	th_remove(th_path("behind/.kafka_cleanshutdown"));
	damage(th_path("behind/t-0/00000000000000000000.log"), 30,
	    RECORD_BATCH_HEADER_BYTES + 1);
	b = open_broker("behind");
	p = th_partition(b, "t");
	expect_range(p, READ_COMMITTED, 0, 30);
	assert_int_equal(append(p, 30, 1), 30);
	broker_partition_put(p);
	broker_close(b);
}

/*
 * A header in a middle that was durable: nothing is cut, appends are refused.
 */
static void
test_damaged_middle(void **state)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct broker *b = open_broker("damaged");
	struct broker_partition *p;
	struct broker_appended done;
	struct batch_builder *bb;
	uint8_t *data;
	size_t len;

	OK(broker_topic_create(b, "t", 1, NULL, 0, &err));
	OK(broker_topic_create(b, "other", 1, NULL, 0, &err));
	p = th_partition(b, "t");
	for (int i = 0; i < 100; i++)
		append(p, i, 1);
	broker_partition_put(p);
	broker_close(b);
	th_remove(th_path("damaged/.kafka_cleanshutdown"));
	damage(th_path("damaged/t-0/00000000000000000000.log"), 25, MAGIC_AT);
	for (int again = 0; again < 2; again++) {
		b = open_broker("damaged");
		assert_false(b->was_clean);
		p = th_partition(b, "t");
		expect_range(p, READ_COMMITTED, 0, (int)p->written);
		assert_true(p->written > 10 && p->written < 99);
		bb = build(0, 1);
		OK(batch_builder_finish(bb, NULL, &data, &len, &err));
		assert_int_equal(broker_append(p, data, len, &done, &err),
		    BROKER_E_OFFLINE);
		assert_non_null(strstr(err.text, "partition t-0 takes no "
		    "appends: "));
		assert_non_null(strstr(err.text, ".log is damaged at byte "));
		batch_builder_free(bb);
		broker_partition_put(p);
		p = th_partition(b, "other");
		append(p, again, 1);
		expect_range(p, READ_COMMITTED, 0, again + 1);
		broker_partition_put(p);
		broker_close(b);
	}
}

/* A sync that fails ends appends to that partition only. */
static int fail_syncs;

static int
failing_fdatasync(const struct fsio *fs, int fd)
{
	char link[64], path[512];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = '\0';
	if (__atomic_load_n(&fail_syncs, __ATOMIC_SEQ_CST) != 0 &&
	    strstr(path, "/bad-0/") != NULL)
		return -EIO;
	return fsio_system.fdatasync(fs, fd);
}

static void
test_failed_sync(void **state)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct fsio fs = fsio_system;
	struct broker_options o;
	struct broker_partition *p, *q;
	struct broker_offsets at;
	struct broker_txn *t;
	struct batch_builder *bb;
	struct broker_appended done;
	struct signal s = SIGNAL_INIT, s2 = SIGNAL_INIT, s3 = SIGNAL_INIT;
	struct broker *b;

	fs.fdatasync = failing_fdatasync;
	broker_options_init(&o);
	o.fs = &fs;
	b = th_broker_open("sync", &o);
	OK(broker_topic_create(b, "bad", 1, NULL, 0, &err));
	OK(broker_topic_create(b, "good", 1, NULL, 0, &err));
	p = th_partition(b, "bad");
	q = th_partition(b, "good");
	OK(broker_txn_open(b, "x", 0, &t, &err));
	append(p, 0, 1);
	fail_syncs = 1;
	bb = build(1, 1);
	OK(broker_txn_append(t, p, bb, &done, &err));
	OK(broker_txn_append(t, q, bb, &done, &err));
	broker_txn_commit(t, on_done, &s3);
	wait_signal(&s3);
	assert_int_equal(s3.code, -EIO);
	broker_when_durable(p, 1, on_done, &s);
	wait_signal(&s);
	assert_int_equal(s.code, BROKER_E_OFFLINE);
	assert_int_equal(broker_txn_append(t, p, bb, &done, &err),
	    BROKER_E_OFFLINE);
	batch_builder_free(bb);
	broker_partition_offsets(p, &at);
	assert_int_equal(at.durable, 0);
	broker_partition_offsets(q, &at);
	assert_int_equal(at.stable, at.written);
	expect_range(q, READ_COMMITTED, 0, 0);
	append(q, 0, 1);
	broker_when_durable(q, 3, on_done, &s2);
	wait_signal(&s2);
	assert_int_equal(s2.code, 0);
	broker_txn_close(t);
	broker_partition_put(p);
	broker_partition_put(q);
	broker_close(b);
	fail_syncs = 0;
	b = open_broker("sync");
	assert_false(b->was_clean);
	p = th_partition(b, "bad");
	append(p, 5, 1);
	broker_partition_put(p);
	broker_close(b);
}

static void
test_retention(void **state)
{
	static const struct broker_setting set[] = {
		{ "segment.bytes", "500" }, { "retention.ms", "60000" }
	};
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_options o;
	struct broker_partition *p;
	struct clock_fake clock;
	struct broker_offsets at;
	struct broker *b;

	clock_fake_init(&clock, clock_wall_us(&clock_system));
	broker_options_init(&o);
	o.clock = &clock.clock;
	b = th_broker_open("retention", &o);
	OK(broker_topic_create(b, "t", 1, set, 2, &err));
	p = th_partition(b, "t");
	for (int i = 0; i < 50; i++)
		append(p, i, 1);
	keeper_round(b, true, false);
	expect_range(p, READ_COMMITTED, 0, 50);
	clock_fake_advance_ms(&clock, 120000);
	keeper_round(b, true, false);
	broker_partition_offsets(p, &at);
	assert_int_equal(at.log_start, 50);
	assert_int_equal(p->nsegs, 1);
	append(p, 50, 10);
	expect_range(p, READ_COMMITTED, 50, 60);
	/* By size: the oldest go until no more than that is left. */
	OK(broker_topic_alter(b, "t", &(struct broker_setting){
	    "retention.ms", "-1" }, 1, &err));
	OK(broker_topic_alter(b, "t", &(struct broker_setting){
	    "retention.bytes", "1000" }, 1, &err));
	for (int i = 60; i < 160; i++)
		append(p, i, 1);
	keeper_round(b, true, false);
	assert_in_range(broker_partition_size(p), 500, 1500);
	assert_int_equal(broker_topic_alter(b, "t", &(struct broker_setting){
	    "retention.ms", "soon" }, 1, &err), LEAT_E_CONFIG);
	assert_string_equal(err.text, "retention.ms: 'soon' is not a number "
	    "from -1 to 9223372036854775807");
	broker_partition_put(p);
	broker_close(b);
}

static void
test_by_time(void **state)
{
	static const struct broker_setting set[] = {
		{ "segment.bytes", "2000" }, { "index.interval.bytes", "200" }
	};
	struct leat_err err = LEAT_ERR_INIT;
	struct broker *b = open_broker("time");
	struct broker_partition *p;
	int64_t offset, ts;

	OK(broker_topic_create(b, "t", 1, set, 2, &err));
	p = th_partition(b, "t");
	for (int i = 0; i < 200; i++) {
		struct batch_builder *bb = batch_builder_new(CODEC_NONE, 0,
		    1 << 16);
		struct record rec = { .timestamp_ms = 1000 + i * 10,
		    .value = LEAT_STR("v") };
		struct broker_appended done;
		uint8_t *data;
		size_t len;

		OK(batch_builder_add(bb, &rec, &err));
		OK(batch_builder_finish(bb, NULL, &data, &len, &err));
		OK(broker_append(p, data, len, &done, &err));
		batch_builder_free(bb);
	}
	for (int i = 0; i < 200; i++) {
		OK(broker_partition_offset_at(p, 995 + i * 10, &offset, &ts,
		    &err));
		assert_int_equal(offset, i);
		assert_int_equal(ts, 1000 + i * 10);
	}
	OK(broker_partition_offset_at(p, 5000, &offset, &ts, &err));
	assert_int_equal(offset, -1);
	broker_partition_put(p);
	broker_close(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_append_read),
		cmocka_unit_test(test_waiter),
		cmocka_unit_test(test_txn),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_roll_and_trim),
		cmocka_unit_test(test_unclean),
		cmocka_unit_test(test_recovery_point),
		cmocka_unit_test(test_behind_point),
		cmocka_unit_test(test_damaged_middle),
		cmocka_unit_test(test_failed_sync),
		cmocka_unit_test(test_retention),
		cmocka_unit_test(test_by_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
