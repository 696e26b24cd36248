/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ListOffsets and OffsetForLeaderEpoch.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "broker/broker_int.h"
#include "tests/harness/proc.h"
#include "tests/harness/th_broker.h"
#include "tests/harness/th_kafka.h"

enum { LIST_OFFSETS = 2, OFFSET_FOR_LEADER_EPOCH = 23, WAIT_MS = 10000 };

static const char *root;
static struct broker *broker;
static struct kafka_server *server;

static struct batch_builder *
builder(const int64_t *ts, int n)
{
	struct batch_builder *bb = batch_builder_new(CODEC_GZIP, 0, 1 << 20);
	struct leat_err err = LEAT_ERR_INIT;
	struct record rec = { .value = LEAT_STR("value") };

	for (int i = 0; i < n; i++) {
		rec.timestamp_ms = ts[i];
		OK(batch_builder_add(bb, &rec, &err));
	}
	return bb;
}

static struct broker_partition *
partition(const char *name)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_partition *p;

	OK(broker_topic_create(broker, name, 1, NULL, 0, &err));
	p = topics_find(broker, name, 0);
	assert_non_null(p);
	return p;
}

static void
append(struct broker_partition *p, const int64_t *ts, int n)
{
	struct batch_builder *bb = builder(ts, n);
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_appended done;
	uint8_t *data;
	size_t len;

	OK(batch_builder_finish(bb, NULL, &data, &len, &err));
	OK(broker_append(p, data, len, &done, &err));
	batch_builder_free(bb);
}

struct got {
	int16_t error;
	int64_t timestamp, offset;
	int32_t epoch;
};

static void
finish(struct th_call *c)
{
	kin_tags(&c->in);
	kin_tags(&c->in);
	kin_tags(&c->in);
	assert_true(kin_ok(&c->in));
	assert_int_equal(leat_reader_left(&c->in.r), 0);
	th_kafka_end(c);
}

static struct got
list(int16_t version, const char *name, int32_t number, int8_t isolation,
    int32_t leader_epoch, int64_t ts)
{
	struct got g = { .epoch = -1 };
	struct th_call c;

	th_kafka_begin(&c, server, LIST_OFFSETS, version, "test");
	kout_i32(&c.body, -1);
	if (version >= 2)
		kout_i8(&c.body, isolation);
	kout_array(&c.body, 1);
	kout_str(&c.body, name);
	kout_array(&c.body, 1);
	kout_i32(&c.body, number);
	if (version >= 4)
		kout_i32(&c.body, leader_epoch);
	kout_i64(&c.body, ts);
	kout_tags(&c.body);
	kout_tags(&c.body);
	kout_tags(&c.body);
	th_kafka_send(&c);
	assert_true(th_kafka_wait(&c, WAIT_MS));
	if (version >= 2)
		assert_int_equal(kin_i32(&c.in), 0);
	assert_int_equal(kin_array(&c.in), 1);
	assert_string_equal(kin_str(&c.in), name);
	assert_int_equal(kin_array(&c.in), 1);
	assert_int_equal(kin_i32(&c.in), number);
	g.error = kin_i16(&c.in);
	g.timestamp = kin_i64(&c.in);
	g.offset = kin_i64(&c.in);
	if (version >= 4)
		g.epoch = kin_i32(&c.in);
	finish(&c);
	return g;
}

static void
expect(struct got g, int16_t error, int64_t timestamp, int64_t offset,
    int32_t epoch)
{
	assert_int_equal(g.error, error);
	assert_int_equal(g.timestamp, timestamp);
	assert_int_equal(g.offset, offset);
	assert_int_equal(g.epoch, epoch);
}

static void
test_list(void **state)
{
	static const int64_t first[] = { 1000, 1010, 1020 };
	static const int64_t second[] = { 5000, 9000, 3000 };
	static const int64_t third[] = { 4000 };
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_partition *p = partition("list");

	/* Of an empty log. */
	expect(list(7, "list", 0, 0, -1, -1), 0, -1, 0, 0);
	expect(list(7, "list", 0, 0, -1, -2), 0, -1, 0, 0);
	expect(list(7, "list", 0, 0, -1, -3), 0, -1, -1, -1);
	expect(list(7, "list", 0, 0, -1, 0), 0, -1, -1, -1);
	append(p, first, 3);
	append(p, second, 3);
	append(p, third, 1);
	for (int16_t v = 1; v <= 9; v++) {
		int32_t epoch = v >= 4 ? 0 : -1;

		expect(list(v, "list", 0, 0, -1, -1), 0, -1, 7, epoch);
		expect(list(v, "list", 0, 0, -1, -2), 0, -1, 0, epoch);
		expect(list(v, "list", 0, 0, -1, 1005), 0, 1010, 1, epoch);
		expect(list(v, "list", 0, 0, -1, 1021), 0, 5000, 3, epoch);
		expect(list(v, "list", 0, 0, -1, 9001), 0, -1, -1, -1);
	}
	expect(list(7, "list", 0, 0, -1, -3), 0, 9000, 4, 0);
	expect(list(8, "list", 0, 0, -1, -4), 0, -1, 0, 0);
	expect(list(9, "list", 0, 0, -1, -5), 0, -1, -1, -1);
	OK(broker_partition_trim(p, 2, &err));
	expect(list(7, "list", 0, 0, -1, -2), 0, -1, 2, 0);
	expect(list(7, "list", 0, 0, -1, 0), 0, 1020, 2, 0);
	broker_partition_put(p);
}

static void
test_list_errors(void **state)
{
	broker_partition_put(partition("errors"));
	expect(list(6, "errors", 0, 0, -1, -3), KAFKA_UNSUPPORTED_VERSION, -1,
	    -1, -1);
	expect(list(7, "errors", 0, 0, -1, -4), KAFKA_UNSUPPORTED_VERSION, -1,
	    -1, -1);
	expect(list(9, "errors", 0, 0, -1, -6), KAFKA_UNSUPPORTED_VERSION, -1,
	    -1, -1);
	expect(list(9, "nowhere", 0, 0, -1, -1),
	    KAFKA_UNKNOWN_TOPIC_OR_PARTITION, -1, -1, -1);
	expect(list(9, "errors", 1, 0, -1, -1),
	    KAFKA_UNKNOWN_TOPIC_OR_PARTITION, -1, -1, -1);
	expect(list(9, "errors", 0, 0, 3, -1), KAFKA_UNKNOWN_LEADER_EPOCH, -1,
	    -1, -1);
	assert_int_equal(broker_topic_partitions(broker, "nowhere"),
	    LEAT_E_NOTFOUND);
}

static void
test_list_committed(void **state)
{
	static const int64_t ts[] = { 1000, 2000 };
	struct broker_partition *p = partition("committed");
	struct batch_builder *bb = builder(ts, 2);
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_appended done;
	struct broker_txn *t;

	append(p, ts, 1);
	OK(broker_txn_open(broker, "offsets", 60000, &t, &err));
	OK(broker_txn_append(t, p, bb, &done, &err));
	expect(list(5, "committed", 0, 0, -1, -1), 0, -1, 3, 0);
	expect(list(5, "committed", 0, 1, -1, -1), 0, -1, 1, 0);
	expect(list(5, "committed", 0, 0, -1, 1500), 0, 2000, 2, 0);
	expect(list(5, "committed", 0, 1, -1, 1500), 0, -1, -1, -1);
	broker_txn_close(t);
	batch_builder_free(bb);
	broker_partition_put(p);
}

static struct got
end_of(int16_t version, const char *name, int32_t number,
    int32_t leader_epoch, int32_t epoch)
{
	struct got g = { 0 };
	struct th_call c;

	th_kafka_begin(&c, server, OFFSET_FOR_LEADER_EPOCH, version, "test");
	if (version >= 3)
		kout_i32(&c.body, -1);
	kout_array(&c.body, 1);
	kout_str(&c.body, name);
	kout_array(&c.body, 1);
	kout_i32(&c.body, number);
	kout_i32(&c.body, leader_epoch);
	kout_i32(&c.body, epoch);
	kout_tags(&c.body);
	kout_tags(&c.body);
	kout_tags(&c.body);
	th_kafka_send(&c);
	assert_true(th_kafka_wait(&c, WAIT_MS));
	assert_int_equal(kin_i32(&c.in), 0);
	assert_int_equal(kin_array(&c.in), 1);
	assert_string_equal(kin_str(&c.in), name);
	assert_int_equal(kin_array(&c.in), 1);
	g.error = kin_i16(&c.in);
	assert_int_equal(kin_i32(&c.in), number);
	g.epoch = kin_i32(&c.in);
	g.offset = kin_i64(&c.in);
	finish(&c);
	return g;
}

static void
test_epochs(void **state)
{
	static const int64_t ts[] = { 1, 2, 3, 4, 5 };
	struct broker_partition *p = partition("epochs");

	append(p, ts, 5);
	assert_int_equal(epochs_add(&p->epochs, 4, 5), 0);
	append(p, ts, 2);
	/* The oldest epochs are forgotten: what is left begins at 1. */
	p->epochs.starts[0] = (struct epoch_start){ 2, 1 };
	for (int16_t v = 2; v <= 4; v++) {
		expect(end_of(v, "epochs", 0, -1, 2), 0, 0, 5, 2);
		expect(end_of(v, "epochs", 0, 4, 3), 0, 0, 5, 2);
		expect(end_of(v, "epochs", 0, -1, 4), 0, 0, 7, 4);
		expect(end_of(v, "epochs", 0, -1, 5), 0, 0, -1, -1);
		expect(end_of(v, "epochs", 0, -1, 1), 0, 0, 1, 1);
		expect(end_of(v, "epochs", 0, 3, 2),
		    KAFKA_FENCED_LEADER_EPOCH, 0, -1, -1);
		expect(end_of(v, "epochs", 0, 5, 2),
		    KAFKA_UNKNOWN_LEADER_EPOCH, 0, -1, -1);
		expect(end_of(v, "epochs", 9, -1, 2),
		    KAFKA_UNKNOWN_TOPIC_OR_PARTITION, 0, -1, -1);
	}
	expect(list(4, "epochs", 0, 0, -1, -1), 0, -1, 7, 4);
	broker_partition_put(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_list_errors),
		cmocka_unit_test(test_list_committed),
		cmocka_unit_test(test_epochs),
	};
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_listen_options lo;
	struct broker_options o;
	int failed;

	root = th_tmpdir();
	broker_options_init(&o);
	o.dir = root;
	broker_listen_options_init(&lo);
	if (broker_open(&o, &broker, &err) < 0 ||
	    kafka_server_new(broker, &lo, &server, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	kafka_server_free(server);
	broker_close(broker);
	return failed;
}
