/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The transaction APIs on the wire: every version's layout is read to its last
 * byte, and every refusal has its number.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "broker/broker_int.h"
#include "broker/coord/txns_int.h"
#include "broker/log/batch.h"
#include "tests/harness/proc.h"
#include "tests/harness/th_broker.h"
#include "tests/harness/th_kafka.h"

enum {
	PRODUCE = 0,
	INIT = 22,
	ADD_PARTITIONS = 24,
	ADD_OFFSETS = 25,
	END = 26,
	MARKERS = 27,
	OFFSET_COMMIT = 28,
	DESCRIBE_PRODUCERS = 61,
	DESCRIBE = 65,
	LIST = 66,
	WAIT_MS = 10000
};

static const char *root;
static struct broker *broker;
static struct kafka_server *server;

static void
answer(struct th_call *c)
{
	kout_tags(&c->body);
	th_kafka_send(c);
	assert_true(th_kafka_wait(c, WAIT_MS));
	assert_int_equal(c->rq.outcome, OUTCOME_REPLY);
}

static void
throttle(struct th_call *c)
{
	assert_int_equal(kin_i32(&c->in), 0);
}

static void
finish(struct th_call *c)
{
	kin_tags(&c->in);
	assert_true(kin_ok(&c->in));
	assert_int_equal(leat_reader_left(&c->in.r), 0);
	th_kafka_end(c);
}

/* ------------------------------------------------------------- requests */

static int16_t
init(int16_t version, const char *id, int32_t timeout_ms,
    struct txn_ident *who)
{
	struct th_call c;
	int64_t producer_id;
	int16_t error, epoch;

	th_kafka_begin(&c, server, INIT, version, "test");
	kout_str_null(&c.body, id);
	kout_i32(&c.body, timeout_ms);
	if (version >= 3) {
		kout_i64(&c.body, who->producer_id);
		kout_i16(&c.body, who->epoch);
	}
	answer(&c);
	throttle(&c);
	error = kin_i16(&c.in);
	producer_id = kin_i64(&c.in);
	epoch = kin_i16(&c.in);
	finish(&c);
	if (error == KAFKA_NONE) {
		*who = (struct txn_ident){ id, producer_id, epoch, 0 };
	} else {
		assert_int_equal(producer_id, -1);
		assert_int_equal(epoch, -1);
	}
	return error;
}

static struct txn_ident
producer(const char *id)
{
	struct txn_ident who = { id, -1, -1, 0 };

	assert_int_equal(init(5, id, 60000, &who), KAFKA_NONE);
	return who;
}

static void
put_ident(struct th_call *c, const struct txn_ident *who)
{
	kout_str(&c->body, who->id);
	kout_i64(&c->body, who->producer_id);
	kout_i16(&c->body, who->epoch);
}

/* Partition `number` of a topic and 0 of "t": their errors. */
static void
add2(int16_t version, const struct txn_ident *who, const char *topic,
    int32_t number, int16_t errors[2])
{
	const char *const names[] = { topic, "t" };
	struct th_call c;

	th_kafka_begin(&c, server, ADD_PARTITIONS, version, "test");
	put_ident(&c, who);
	kout_array(&c.body, 2);
	for (int i = 0; i < 2; i++) {
		kout_str(&c.body, names[i]);
		kout_array(&c.body, 1);
		kout_i32(&c.body, i == 0 ? number : 0);
		kout_tags(&c.body);
	}
	answer(&c);
	throttle(&c);
	assert_int_equal(kin_array(&c.in), 2);
	for (int i = 0; i < 2; i++) {
		assert_string_equal(kin_str(&c.in), names[i]);
		assert_int_equal(kin_array(&c.in), 1);
		assert_int_equal(kin_i32(&c.in), i == 0 ? number : 0);
		errors[i] = kin_i16(&c.in);
		kin_tags(&c.in);
		kin_tags(&c.in);
	}
	finish(&c);
}

static int16_t
add(int16_t version, const struct txn_ident *who)
{
	int16_t errors[2];

	add2(version, who, "u", 0, errors);
	assert_int_equal(errors[0], errors[1]);
	return errors[0];
}

static int16_t
add_offsets(int16_t version, const struct txn_ident *who, const char *group)
{
	struct th_call c;
	int16_t error;

	th_kafka_begin(&c, server, ADD_OFFSETS, version, "test");
	put_ident(&c, who);
	kout_str(&c.body, group);
	answer(&c);
	throttle(&c);
	error = kin_i16(&c.in);
	finish(&c);
	return error;
}

/* From version 5 on *who gets what it is to go on with. */
static int16_t
end(int16_t version, struct txn_ident *who, bool commit)
{
	struct th_call c;
	int64_t producer_id;
	int16_t error, epoch;

	th_kafka_begin(&c, server, END, version, "test");
	put_ident(&c, who);
	kout_bool(&c.body, commit);
	answer(&c);
	throttle(&c);
	error = kin_i16(&c.in);
	if (version >= 5) {
		producer_id = kin_i64(&c.in);
		epoch = kin_i16(&c.in);
		assert_true((error == KAFKA_NONE) == (producer_id >= 0));
		assert_true((error == KAFKA_NONE) == (epoch >= 0));
		if (error == KAFKA_NONE)
			*who = (struct txn_ident){ who->id, producer_id,
			    epoch, 0 };
	}
	finish(&c);
	return error;
}

static int16_t
commit_offset(int16_t version, const struct txn_ident *who,
    const char *group, int32_t partition, int64_t offset, int32_t generation)
{
	struct th_call c;
	int16_t error;

	th_kafka_begin(&c, server, OFFSET_COMMIT, version, "test");
	kout_str(&c.body, who->id);
	kout_str(&c.body, group);
	kout_i64(&c.body, who->producer_id);
	kout_i16(&c.body, who->epoch);
	if (version >= 3) {
		kout_i32(&c.body, generation);
		kout_str(&c.body, "");
		kout_str_null(&c.body, NULL);
	}
	kout_array(&c.body, 1);
	kout_str(&c.body, "t");
	kout_array(&c.body, 1);
	kout_i32(&c.body, partition);
	kout_i64(&c.body, offset);
	if (version >= 2)
		kout_i32(&c.body, -1);
	kout_str_null(&c.body, "note");
	kout_tags(&c.body);
	kout_tags(&c.body);
	answer(&c);
	throttle(&c);
	assert_int_equal(kin_array(&c.in), 1);
	assert_string_equal(kin_str(&c.in), "t");
	assert_int_equal(kin_array(&c.in), 1);
	assert_int_equal(kin_i32(&c.in), partition);
	error = kin_i16(&c.in);
	kin_tags(&c.in);
	kin_tags(&c.in);
	finish(&c);
	return error;
}

static int
produce(const struct txn_ident *who, int32_t seq)
{
	struct batch_identity id = { who->producer_id, who->epoch, seq, true };
	struct batch_builder *bb = batch_builder_new(CODEC_NONE, 0, 1 << 16);
	struct broker_partition *p = topics_find(broker, "t", 0);
	struct record rec = { .timestamp_ms = clock_wall_ms(&clock_system),
	    .value = LEAT_STR("v") };
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_appended done;
	uint8_t *data;
	size_t len;
	int rc;

	OK(batch_builder_add(bb, &rec, &err));
	OK(batch_builder_finish(bb, &id, &data, &len, &err));
	rc = broker_append(p, data, len, &done, &err);
	batch_builder_free(bb);
	broker_partition_put(p);
	return rc;
}

/* Two batches of one record, to partitions 0 of "t" and "u": their errors. */
static void
produce2(int16_t version, const struct txn_ident who[2], const int32_t seq[2],
    int16_t errors[2])
{
	static const char *const names[] = { "t", "u" };
	struct record rec = { .timestamp_ms = clock_wall_ms(&clock_system),
	    .value = LEAT_STR("v") };
	struct leat_err err = LEAT_ERR_INIT;
	struct th_call c;
	uint8_t *data;
	size_t len;

	th_kafka_begin(&c, server, PRODUCE, version, "test");
	kout_str(&c.body, who[0].id);
	kout_i16(&c.body, 1);
	kout_i32(&c.body, 1000);
	kout_array(&c.body, 2);
	for (int i = 0; i < 2; i++) {
		struct batch_builder *bb = batch_builder_new(CODEC_NONE, 0,
		    1 << 16);
		struct batch_identity id = { who[i].producer_id,
		    who[i].epoch, seq[i], true };

		OK(batch_builder_add(bb, &rec, &err));
		OK(batch_builder_finish(bb, &id, &data, &len, &err));
		kout_str(&c.body, names[i]);
		kout_array(&c.body, 1);
		kout_i32(&c.body, 0);
		kout_bytes(&c.body, data, len);
		kout_tags(&c.body);
		kout_tags(&c.body);
		batch_builder_free(bb);
	}
	answer(&c);
	assert_int_equal(kin_array(&c.in), 2);
	for (int i = 0; i < 2; i++) {
		(void)kin_str(&c.in);
		assert_int_equal(kin_array(&c.in), 1);
		(void)kin_i32(&c.in);
		errors[i] = kin_i16(&c.in);
		for (int k = 0; k < 3; k++)
			(void)kin_i64(&c.in);
		assert_int_equal(kin_array(&c.in), 0);
		(void)kin_str_null(&c.in);
		kin_tags(&c.in);
		kin_tags(&c.in);
	}
	throttle(&c);
	finish(&c);
}

/* The same producer for both, whose epoch they are the first of. */
static int16_t
produce_first(int16_t version, const struct txn_ident *who)
{
	const struct txn_ident both[] = { *who, *who };
	int16_t errors[2];

	produce2(version, both, (const int32_t[]){ 0, 0 }, errors);
	assert_int_equal(errors[0], errors[1]);
	return errors[0];
}

/* ---------------------------------------------------------------- tests */

static void
test_init(void **state)
{
	struct txn_ident who = { NULL, -1, -1, 0 }, old;
	int64_t last = -1;

	for (int16_t v = 0; v <= 5; v++) {
		who = (struct txn_ident){ NULL, -1, -1, 0 };
		assert_int_equal(init(v, NULL, 0, &who), KAFKA_NONE);
		assert_int_equal(who.epoch, 0);
		assert_true(who.producer_id > last);
		last = who.producer_id;
		who = (struct txn_ident){ NULL, -1, -1, 0 };
		assert_int_equal(init(v, "init", 60000, &who), KAFKA_NONE);
		assert_int_equal(who.epoch, v);
		assert_int_equal(init(v, "", 60000, &who),
		    KAFKA_INVALID_REQUEST);
		assert_int_equal(init(v, "init", 0, &who),
		    KAFKA_INVALID_TRANSACTION_TIMEOUT);
		assert_int_equal(init(v, "init", 900001, &who),
		    KAFKA_INVALID_TRANSACTION_TIMEOUT);
	}
	old = who;
	who.epoch = -1;
	assert_int_equal(init(4, "init", 60000, &who), KAFKA_INVALID_REQUEST);
	who = old;
	assert_int_equal(init(3, "init", 60000, &who), KAFKA_NONE);
	assert_int_equal(init(3, "init", 60000, &who), KAFKA_NONE);
	assert_int_equal(init(3, "init", 60000, &old),
	    KAFKA_INVALID_PRODUCER_EPOCH);
	assert_int_equal(init(4, "init", 60000, &old), KAFKA_PRODUCER_FENCED);
	old = (struct txn_ident){ NULL, last, 0, 0 };
	assert_int_equal(init(4, "new", 60000, &old), KAFKA_NONE);
	assert_int_equal(old.epoch, 0);
	assert_true(old.producer_id > last);
}

static void
test_add(void **state)
{
	int16_t e[2];

	for (int16_t v = 0; v <= 3; v++) {
		struct txn_ident old = producer("add"), who = producer("add");
		struct txn_ident none = { "nobody", 1, 0, 0 }, empty = who;

		empty.id = "";
		assert_int_equal(add(v, &empty), KAFKA_INVALID_REQUEST);
		assert_int_equal(add(v, &none),
		    KAFKA_INVALID_PRODUCER_ID_MAPPING);
		assert_int_equal(add(v, &old), v < 2 ?
		    KAFKA_INVALID_PRODUCER_EPOCH : KAFKA_PRODUCER_FENCED);
		add2(v, &who, "u", 7, e);
		assert_int_equal(e[0], KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
		assert_int_equal(e[1], KAFKA_OPERATION_NOT_ATTEMPTED);
		add2(v, &who, "nothing", 0, e);
		assert_int_equal(e[0], KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
		assert_int_equal(add(v, &who), KAFKA_NONE);
		assert_int_equal(add(v, &who), KAFKA_NONE);
		assert_int_equal(produce(&who, 0), 0);
		assert_int_equal(end(4, &who, true), KAFKA_NONE);
	}
}

/* Produce 12: the first batch in a partition adds it. */
static void
test_produce(void **state)
{
	struct txn_ident who = producer("produce"), two[2], old, bad;
	int16_t e[2];

	assert_int_equal(produce_first(11, &who), KAFKA_TRANSACTION_ABORTABLE);
	assert_int_equal(produce_first(10, &who), KAFKA_INVALID_TXN_STATE);
	bad = who;
	bad.id = "nobody";
	assert_int_equal(produce_first(12, &bad),
	    KAFKA_INVALID_PRODUCER_ID_MAPPING);
	bad = who;
	bad.producer_id += 1000;
	assert_int_equal(produce_first(12, &bad),
	    KAFKA_INVALID_PRODUCER_ID_MAPPING);
	bad = who;
	bad.epoch++;
	assert_int_equal(produce_first(12, &bad), KAFKA_INVALID_PRODUCER_EPOCH);
	/* One that overtakes the first of its epoch, and another producer's. */
	two[0] = two[1] = who;
	produce2(12, two, (const int32_t[]){ 5, 0 }, e);
	assert_int_equal(e[0], KAFKA_OUT_OF_ORDER_SEQUENCE_NUMBER);
	assert_int_equal(e[1], KAFKA_NONE);
	two[1] = bad;
	produce2(12, two, (const int32_t[]){ 0, 0 }, e);
	assert_int_equal(e[0], KAFKA_NONE);
	assert_int_equal(e[1], KAFKA_INVALID_PRODUCER_ID_MAPPING);
	two[1] = who;
	produce2(12, two, (const int32_t[]){ 1, 1 }, e);
	assert_int_equal(e[0], KAFKA_NONE);
	assert_int_equal(e[1], KAFKA_NONE);
	old = who;
	assert_int_equal(end(5, &who, true), KAFKA_NONE);
	assert_int_equal(who.epoch, old.epoch + 1);
	/* What comes late is fenced, whatever its sequence. */
	assert_int_equal(produce_first(12, &old), KAFKA_INVALID_PRODUCER_EPOCH);
	two[0] = two[1] = old;
	produce2(12, two, (const int32_t[]){ 2, 2 }, e);
	assert_int_equal(e[0], KAFKA_INVALID_PRODUCER_EPOCH);
	assert_int_equal(produce_first(12, &who), KAFKA_NONE);
	assert_int_equal(end(5, &who, false), KAFKA_NONE);
}

/* EndTxn 5: see the table of the newer flow. */
static void
test_end_bumps(void **state)
{
	struct txn_ident who = producer("bump"), last;

	assert_int_equal(end(5, &who, true), KAFKA_INVALID_TXN_STATE);
	last = who;
	assert_int_equal(end(5, &who, false), KAFKA_NONE);
	assert_int_equal(who.epoch, last.epoch + 1);
	assert_int_equal(produce_first(12, &who), KAFKA_NONE);
	last = who;
	assert_int_equal(end(5, &who, true), KAFKA_NONE);
	assert_int_equal(who.epoch, last.epoch + 1);
	/* The answer was lost. */
	assert_int_equal(end(5, &last, true), KAFKA_NONE);
	assert_int_equal(last.epoch, who.epoch);
	last.epoch--;
	assert_int_equal(end(5, &last, false), KAFKA_INVALID_TXN_STATE);
	last.epoch--;
	assert_int_equal(end(5, &last, true), KAFKA_PRODUCER_FENCED);
	last.epoch = (int16_t)(who.epoch + 1);
	assert_int_equal(end(5, &last, true), KAFKA_PRODUCER_FENCED);
	/* The current epoch asks for an end of its own. */
	assert_int_equal(end(5, &who, true), KAFKA_INVALID_TXN_STATE);
	assert_int_equal(end(5, &who, false), KAFKA_NONE);
}

static void
test_end(void **state)
{
	for (int16_t v = 0; v <= 4; v++) {
		struct txn_ident old = producer("end"), who = producer("end");
		struct txn_ident none = { "nobody", 1, 0, 0 }, empty = who;

		empty.id = "";
		assert_int_equal(end(v, &empty, true), KAFKA_INVALID_REQUEST);
		assert_int_equal(end(v, &none, true),
		    KAFKA_INVALID_PRODUCER_ID_MAPPING);
		assert_int_equal(end(v, &old, true), v < 2 ?
		    KAFKA_INVALID_PRODUCER_EPOCH : KAFKA_PRODUCER_FENCED);
		assert_int_equal(end(v, &who, true), KAFKA_INVALID_TXN_STATE);
		assert_int_equal(end(v, &who, false),
		    KAFKA_INVALID_TXN_STATE);
		assert_int_equal(add(3, &who), KAFKA_NONE);
		assert_int_equal(produce(&who, 0), 0);
		assert_int_equal(end(v, &who, true), KAFKA_NONE);
		assert_int_equal(end(v, &who, true), KAFKA_NONE);
		assert_int_equal(end(v, &who, false),
		    KAFKA_INVALID_TXN_STATE);
		assert_int_equal(add(3, &who), KAFKA_NONE);
		assert_int_equal(end(v, &who, false), KAFKA_NONE);
		assert_int_equal(end(v, &who, false), KAFKA_NONE);
		assert_int_equal(end(v, &who, true), KAFKA_INVALID_TXN_STATE);
	}
}

static void
test_offsets(void **state)
{
	for (int16_t v = 0; v <= 4; v++) {
		struct txn_ident old = producer("off"), who = producer("off");
		struct txn_ident empty = who;
		int64_t at = -1;
		char g[16];

		snprintf(g, sizeof(g), "g%d", v);
		empty.id = "";
		assert_int_equal(add_offsets(v, &empty, g),
		    KAFKA_INVALID_REQUEST);
		assert_int_equal(add_offsets(v, &who, ""),
		    KAFKA_INVALID_GROUP_ID);
		assert_int_equal(add_offsets(v, &old, g), v < 2 ?
		    KAFKA_INVALID_PRODUCER_EPOCH : KAFKA_PRODUCER_FENCED);
		/* Before the group is added. */
		assert_int_equal(commit_offset(v, &who, g, 0, 5, -1), v < 4 ?
		    KAFKA_INVALID_TXN_STATE : KAFKA_TRANSACTION_ABORTABLE);
		assert_int_equal(add_offsets(v, &who, g), KAFKA_NONE);
		assert_int_equal(commit_offset(v, &empty, g, 0, 5, -1),
		    KAFKA_INVALID_REQUEST);
		assert_int_equal(commit_offset(v, &who, "", 0, 5, -1),
		    KAFKA_INVALID_GROUP_ID);
		assert_int_equal(commit_offset(v, &old, g, 0, 5, -1),
		    KAFKA_INVALID_PRODUCER_EPOCH);
		assert_int_equal(commit_offset(v, &who, g, 9, 5, -1),
		    KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
		if (v >= 3)
			assert_int_equal(commit_offset(v, &who, g, 0, 5, 3),
			    KAFKA_ILLEGAL_GENERATION);
		assert_int_equal(commit_offset(v, &who, g, 0, 5, -1),
		    KAFKA_NONE);
		assert_int_equal(broker_group_offset(broker, g, "t", 0, &at),
		    LEAT_E_NOTFOUND);
		assert_int_equal(end(4, &who, true), KAFKA_NONE);
		assert_int_equal(broker_group_offset(broker, g, "t", 0, &at),
		    0);
		assert_int_equal(at, 5);
	}
}

/* ----------------------------------------------------------------- admin */

static int64_t
open_since(const struct txn_ident *who)
{
	struct th_call c;
	int64_t first = -2;
	int32_t n;

	th_kafka_begin(&c, server, DESCRIBE_PRODUCERS, 0, "test");
	kout_array(&c.body, 1);
	kout_str(&c.body, "t");
	kout_array(&c.body, 2);
	kout_i32(&c.body, 0);
	kout_i32(&c.body, 9);
	kout_tags(&c.body);
	answer(&c);
	throttle(&c);
	assert_int_equal(kin_array(&c.in), 1);
	assert_string_equal(kin_str(&c.in), "t");
	assert_int_equal(kin_array(&c.in), 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(kin_i32(&c.in), i == 0 ? 0 : 9);
		assert_int_equal(kin_i16(&c.in), i == 0 ? KAFKA_NONE :
		    KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
		assert_null(kin_str_null(&c.in));
		n = kin_array(&c.in);
		while (n-- > 0) {
			bool it = kin_i64(&c.in) == who->producer_id;
			int64_t from;

			assert_true(!it || kin_i32(&c.in) == who->epoch);
			if (!it)
				(void)kin_i32(&c.in);
			(void)kin_i32(&c.in);	/* last sequence */
			(void)kin_i64(&c.in);	/* last timestamp */
			(void)kin_i32(&c.in);	/* coordinator */
			from = kin_i64(&c.in);
			if (it)
				first = from;
			kin_tags(&c.in);
		}
		kin_tags(&c.in);
	}
	kin_tags(&c.in);
	finish(&c);
	return first;
}

static void
describe(const char *id, const char *name, const struct txn_ident *who,
    int32_t topics)
{
	struct th_call c;
	int32_t n;

	th_kafka_begin(&c, server, DESCRIBE, 0, "test");
	kout_array(&c.body, 1);
	kout_str(&c.body, id);
	answer(&c);
	throttle(&c);
	assert_int_equal(kin_array(&c.in), 1);
	assert_int_equal(kin_i16(&c.in), who != NULL ? KAFKA_NONE :
	    KAFKA_TRANSACTIONAL_ID_NOT_FOUND);
	assert_string_equal(kin_str(&c.in), id);
	assert_string_equal(kin_str(&c.in), name);
	assert_int_equal(kin_i32(&c.in), who != NULL ? 60000 : 0);
	assert_true((kin_i64(&c.in) > 0) == (topics > 0));
	assert_int_equal(kin_i64(&c.in), who != NULL ? who->producer_id : -1);
	assert_int_equal(kin_i16(&c.in), who != NULL ? who->epoch : -1);
	assert_int_equal(n = kin_array(&c.in), topics);
	while (n-- > 0) {
		(void)kin_str(&c.in);
		assert_int_equal(kin_array(&c.in), 1);
		assert_int_equal(kin_i32(&c.in), 0);
		kin_tags(&c.in);
	}
	kin_tags(&c.in);
	finish(&c);
}

/* How many ids match, or the negative of the error. */
static int
matching(const char *pattern)
{
	struct th_call c;
	int error, n, i;

	th_kafka_begin(&c, server, LIST, 2, "test");
	kout_array(&c.body, 0);
	kout_array(&c.body, 0);
	kout_i64(&c.body, -1);
	kout_str_null(&c.body, pattern);
	answer(&c);
	throttle(&c);
	error = kin_i16(&c.in);
	assert_int_equal(kin_array(&c.in), 0);
	n = kin_array(&c.in);
	for (i = 0; i < n; i++) {
		(void)kin_str(&c.in);
		(void)kin_i64(&c.in);
		(void)kin_str(&c.in);
		kin_tags(&c.in);
	}
	finish(&c);
	assert_true(error == KAFKA_NONE || n == 0);
	return error != KAFKA_NONE ? -error : n;
}

/* The pattern of version 2: of the whole id. */
static void
test_list_pattern(void **state)
{
	int all;

	(void)producer("list-a");
	(void)producer("list-b");
	(void)producer("list-bb");
	all = matching(NULL);
	assert_true(all >= 3);
	assert_int_equal(matching(""), all);
	assert_int_equal(matching(".*"), all);
	assert_int_equal(matching("list-[ab]"), 2);
	assert_int_equal(matching("list-a|list-bb"), 2);
	assert_int_equal(matching("list"), 0);
	assert_int_equal(matching("list-["),
	    -KAFKA_INVALID_REGULAR_EXPRESSION);
	assert_int_equal(matching("list-b{2}"),
	    -KAFKA_INVALID_REGULAR_EXPRESSION);
}

/* Is the id in the list? *ret_unknown counts filters that are no states. */
static bool
listed(int16_t version, const char *filter, int64_t producer_id,
    int64_t open_ms, const char *id, int32_t *ret_unknown)
{
	struct th_call c;
	bool found = false;
	int32_t n;

	th_kafka_begin(&c, server, LIST, version, "test");
	kout_array(&c.body, filter != NULL);
	if (filter != NULL)
		kout_str(&c.body, filter);
	kout_array(&c.body, producer_id >= 0);
	if (producer_id >= 0)
		kout_i64(&c.body, producer_id);
	if (version >= 1)
		kout_i64(&c.body, open_ms);
	answer(&c);
	throttle(&c);
	assert_int_equal(kin_i16(&c.in), KAFKA_NONE);
	*ret_unknown = n = kin_array(&c.in);
	while (n-- > 0)
		(void)kin_str(&c.in);
	n = kin_array(&c.in);
	while (n-- > 0) {
		found = found || strcmp(kin_str(&c.in), id) == 0;
		(void)kin_i64(&c.in);
		(void)kin_str(&c.in);
		kin_tags(&c.in);
	}
	finish(&c);
	return found;
}

static int16_t
marker(const struct txn_ident *who, int16_t epoch, int32_t coordinator)
{
	struct th_call c;
	int16_t error;

	th_kafka_begin(&c, server, MARKERS, 1, "test");
	kout_array(&c.body, 1);
	kout_i64(&c.body, who->producer_id);
	kout_i16(&c.body, epoch);
	kout_bool(&c.body, false);
	kout_array(&c.body, 1);
	kout_str(&c.body, "t");
	kout_array(&c.body, 1);
	kout_i32(&c.body, 0);
	kout_tags(&c.body);
	kout_i32(&c.body, coordinator);
	kout_tags(&c.body);
	answer(&c);
	assert_int_equal(kin_array(&c.in), 1);
	assert_int_equal(kin_i64(&c.in), who->producer_id);
	assert_int_equal(kin_array(&c.in), 1);
	assert_string_equal(kin_str(&c.in), "t");
	assert_int_equal(kin_array(&c.in), 1);
	assert_int_equal(kin_i32(&c.in), 0);
	error = kin_i16(&c.in);
	kin_tags(&c.in);
	kin_tags(&c.in);
	kin_tags(&c.in);
	finish(&c);
	return error;
}

static void
test_admin(void **state)
{
	struct txn_ident who;
	int32_t unknown;

	(void)producer("admin");
	who = producer("admin");
	describe("nobody", "", NULL, 0);
	describe("admin", "Empty", &who, 0);
	assert_int_equal(open_since(&who), -2);
	assert_int_equal(add(3, &who), KAFKA_NONE);
	assert_int_equal(open_since(&who), -2);
	assert_int_equal(produce(&who, 0), 0);
	assert_true(open_since(&who) >= 0);
	describe("admin", "Ongoing", &who, 2);
	for (int16_t v = 0; v <= 1; v++) {
		assert_true(listed(v, NULL, -1, -1, "admin", &unknown));
		assert_true(listed(v, "Ongoing", -1, -1, "admin", &unknown));
		assert_int_equal(unknown, 0);
		assert_false(listed(v, "Empty", -1, -1, "admin", &unknown));
		assert_false(listed(v, "Sleepy", -1, -1, "admin", &unknown));
		assert_int_equal(unknown, 1);
		assert_true(listed(v, NULL, who.producer_id, -1, "admin",
		    &unknown));
		assert_false(listed(v, NULL, who.producer_id + 99, -1,
		    "admin", &unknown));
	}
	assert_false(listed(1, NULL, -1, 3600000, "admin", &unknown));
	/* The administrator's abort of what hangs in a partition. */
	assert_int_equal(marker(&who, (int16_t)(who.epoch - 1), 0),
	    KAFKA_INVALID_PRODUCER_EPOCH);
	assert_int_equal(marker(&who, who.epoch, 3), KAFKA_NONE);
	assert_int_equal(open_since(&who), -1);
	assert_int_equal(marker(&who, who.epoch, 2),
	    KAFKA_TRANSACTION_COORDINATOR_FENCED);
	assert_int_equal(produce(&who, 1), BROKER_E_TXN_STATE);
	assert_int_equal(end(4, &who, false), KAFKA_NONE);
	describe("admin", "CompleteAbort", &who, 0);
}

static int
setup(void **state)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_listen_options lo;
	struct broker_options o;
	char dir[512];

	snprintf(dir, sizeof(dir), "%s/txn", root);
	broker_options_init(&o);
	o.dir = dir;
	OK(broker_open(&o, &broker, &err));
	broker_listen_options_init(&lo);
	OK(kafka_server_new(broker, &lo, &server, &err));
	OK(broker_topic_create(broker, "t", 1, NULL, 0, &err));
	OK(broker_topic_create(broker, "u", 1, NULL, 0, &err));
	return 0;
}

static int
teardown(void **state)
{
	kafka_server_free(server);
	broker_close(broker);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_init),
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_end_bumps),
		cmocka_unit_test(test_produce),
		cmocka_unit_test(test_list_pattern),
		cmocka_unit_test(test_offsets),
		cmocka_unit_test(test_admin),
	};

	root = th_tmpdir();
	return cmocka_run_group_tests(tests, setup, teardown);
}
