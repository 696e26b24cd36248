/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CreateTopics, DeleteTopics, CreatePartitions, DeleteRecords: what is done,
 * and each error.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/harness/th_kafka_admin.h"

static struct admin a;

/* The syncs of this thread, and which of them fails; 0: none. */
static struct fsio counting;
static _Thread_local int syncs, fail_at;

static int
count_fdatasync(const struct fsio *fs, int fd)
{
	return ++syncs == fail_at ? -EIO : fsio_system.fdatasync(fs, fd);
}

static int
count_fsync_dir(const struct fsio *fs, const char *dir)
{
	return ++syncs == fail_at ? -EIO : fsio_system.fsync_dir(fs, dir);
}

/* ---------------------------------------------------------- CreateTopics */

struct ask {
	const char *name;
	int32_t partitions;
	int16_t replicas;
	const int32_t *nodes;	/* of partitions 0, 1, ...; 0 ends */
	const char *setting, *value;
};

struct told {
	enum kafka_error error;
	char text[256];
	uint8_t id[16];
	int32_t partitions;
	int16_t replicas;
	int32_t nsettings;
	char setting[64];	/* the value of the one asked for */
	int8_t source;
};

static void
write_ask(const struct ask *q)
{
	struct kafka_out *b = &a.call.body;
	int32_t n = 0;

	kout_str(b, q->name);
	kout_i32(b, q->partitions);
	kout_i16(b, q->replicas);
	while (q->nodes != NULL && q->nodes[n] != 0)
		n++;
	kout_array(b, n);
	for (int32_t i = 0; i < n; i++) {
		kout_i32(b, i);
		kout_array(b, 1);
		kout_i32(b, q->nodes[i]);
		kout_tags(b);
	}
	kout_array(b, q->setting != NULL ? 1 : 0);
	if (q->setting != NULL) {
		kout_str(b, q->setting);
		kout_str_null(b, q->value);
		kout_tags(b);
	}
	kout_tags(b);
}

static void
read_settings(struct kafka_in *in, const char *of, struct told *t)
{
	t->nsettings = kin_array_null(in);
	for (int32_t i = 0; i < t->nsettings; i++) {
		const char *name = kin_str(in), *value = kin_str_null(in);
		int8_t source;

		assert_false(kin_bool(in));	/* read only */
		source = kin_i8(in);
		assert_false(kin_bool(in));	/* sensitive */
		kin_tags(in);
		if (of != NULL && strcmp(name, of) == 0) {
			snprintf(t->setting, sizeof(t->setting), "%s", value);
			t->source = source;
		}
	}
}

static void
read_told(struct kafka_in *in, int16_t version, const struct ask *q,
    struct told *t)
{
	const char *text;

	memset(t, 0, sizeof(*t));
	assert_string_equal(kin_str(in), q->name);
	if (version >= 7)
		kin_uuid(in, t->id);
	t->error = kin_i16(in);
	text = kin_str_null(in);
	snprintf(t->text, sizeof(t->text), "%s", text != NULL ? text : "");
	assert_int_equal(text == NULL, t->error == KAFKA_NONE);
	if (version >= 5) {
		t->partitions = kin_i32(in);
		t->replicas = kin_i16(in);
		read_settings(in, q->setting, t);
	}
	kin_tags(in);
}

static void
create_all(int16_t version, const struct ask *q, int32_t n, bool check_only,
    struct told *t)
{
	struct kafka_in *in;

	admin_begin(&a, 19, version);
	kout_array(&a.call.body, n);
	for (int32_t i = 0; i < n; i++)
		write_ask(&q[i]);
	kout_i32(&a.call.body, 30000);
	kout_bool(&a.call.body, check_only);
	kout_tags(&a.call.body);
	in = admin_send(&a);
	assert_int_equal(kin_array(in), n);
	for (int32_t i = 0; i < n; i++)
		read_told(in, version, &q[i], &t[i]);
	admin_end(&a);
}

static enum kafka_error
create(const char *name, int32_t partitions, const char *setting,
    const char *value)
{
	struct ask q = { name, partitions, 1, NULL, setting, value };
	struct told t;

	create_all(7, &q, 1, false, &t);
	return t.error;
}

static void
test_create(void **state)
{
	struct ask q = { "one", 3, 1, NULL, "segment.ms", "60000" };
	struct broker_topic_info info;
	struct told t;

	for (int16_t v = 2; v <= 7; v++) {
		char name[16];

		snprintf(name, sizeof(name), "one-%d", v);
		q.name = name;
		create_all(v, &q, 1, true, &t);
		assert_int_equal(t.error, KAFKA_NONE);
		assert_int_equal(broker_topic_partitions(a.broker, name),
		    LEAT_E_NOTFOUND);
		create_all(v, &q, 1, false, &t);
		assert_int_equal(t.error, KAFKA_NONE);
		assert_int_equal(topics_info(a.broker, name, &info), 0);
		assert_int_equal(info.partitions, 3);
		if (v >= 7)
			assert_memory_equal(t.id, info.id, 16);
		if (v < 5)
			continue;
		assert_int_equal(t.partitions, 3);
		assert_int_equal(t.replicas, 1);
		assert_int_equal(t.nsettings, setting_count());
		assert_string_equal(t.setting, "60000");
		assert_int_equal(t.source, 1);
	}
	/* The broker's defaults, and manual assignments. */
	q = (struct ask){ "default", -1, -1, NULL, NULL, NULL };
	create_all(4, &q, 1, false, &t);
	assert_int_equal(broker_topic_partitions(a.broker, "default"), 1);
	q = (struct ask){ "here", -1, -1, (int32_t[]){ 1, 1, 0 }, NULL, NULL };
	create_all(7, &q, 1, false, &t);
	assert_int_equal(t.error, KAFKA_NONE);
	assert_int_equal(t.partitions, 2);
	assert_int_equal(broker_topic_partitions(a.broker, "here"), 2);
}

static void
test_create_refused(void **state)
{
	static const int32_t here[] = { 1, 0 }, elsewhere[] = { 2, 0 };
	static const struct {
		struct ask q;
		enum kafka_error error;
		const char *why;
	} rows[] = {
		{ { "", 1, 1, NULL, NULL, NULL },
		    KAFKA_INVALID_TOPIC_EXCEPTION, "empty" },
		{ { "a/b", 1, 1, NULL, NULL, NULL },
		    KAFKA_INVALID_TOPIC_EXCEPTION, "only letters" },
		{ { "..", 1, 1, NULL, NULL, NULL },
		    KAFKA_INVALID_TOPIC_EXCEPTION, "\"..\"" },
		{ { "under_score", 1, 1, NULL, NULL, NULL },
		    KAFKA_INVALID_TOPIC_EXCEPTION, "under.score" },
		{ { "under.score", 1, 1, NULL, NULL, NULL },
		    KAFKA_TOPIC_ALREADY_EXISTS, "exists" },
		{ { "n", 0, 1, NULL, NULL, NULL },
		    KAFKA_INVALID_PARTITIONS, "non-positive" },
		{ { "n", -2, 1, NULL, NULL, NULL },
		    KAFKA_INVALID_PARTITIONS, "non-positive" },
		{ { "n", 10001, 1, NULL, NULL, NULL },
		    KAFKA_INVALID_PARTITIONS, "1..10000" },
		{ { "n", 500, 1, NULL, NULL, NULL },
		    KAFKA_POLICY_VIOLATION, "max.partitions=200" },
		{ { "n", 1, 0, NULL, NULL, NULL },
		    KAFKA_INVALID_REPLICATION_FACTOR, "larger than 0" },
		{ { "n", 1, 1, here, NULL, NULL },
		    KAFKA_INVALID_REQUEST, "must be -1" },
		{ { "n", -1, -1, elsewhere, NULL, NULL },
		    KAFKA_INVALID_REPLICA_ASSIGNMENT, "is 1" },
		{ { "n", 1, 1, NULL, "no.such", "1" },
		    KAFKA_INVALID_CONFIG, "no.such" },
		{ { "n", 1, 1, NULL, "retention.ms", "soon" },
		    KAFKA_INVALID_CONFIG, "'soon'" },
		{ { "n", 1, 1, NULL, "retention.ms", NULL },
		    KAFKA_INVALID_CONFIG, "null" },
		{ { "__consumer_offsets", 1, 1, NULL, NULL, NULL },
		    KAFKA_TOPIC_ALREADY_EXISTS, "exists" },
	};
	struct told t, two[3];
	struct ask twice[] = {
		{ "twice", 1, 1, NULL, NULL, NULL },
		{ "once", 1, 1, NULL, NULL, NULL },
		{ "twice", 1, 1, NULL, NULL, NULL },
	};

	assert_int_equal(create("under.score", 1, NULL, NULL), KAFKA_NONE);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		create_all(7, &rows[i].q, 1, false, &t);
		assert_int_equal(t.error, rows[i].error);
		if (strstr(t.text, rows[i].why) == NULL)
			fail_msg("'%s' says not '%s'", t.text, rows[i].why);
		assert_int_equal(t.partitions, -1);
		assert_int_equal(t.nsettings, 0);
	}
	assert_int_equal(broker_topic_partitions(a.broker, "n"),
	    LEAT_E_NOTFOUND);
	create_all(5, twice, 3, false, two);
	assert_int_equal(two[0].error, KAFKA_INVALID_REQUEST);
	assert_int_equal(two[1].error, KAFKA_NONE);
	assert_int_equal(two[2].error, KAFKA_INVALID_REQUEST);
	assert_string_equal(two[2].text, "Duplicate topic name.");
}

/* Many topics are one commit: as many syncs as one, and one fate. */
static void
test_create_many(void **state)
{
	enum { MANY = 20 };
	char names[MANY][24];
	struct ask q[MANY];
	struct told t[MANY];
	int one;

	for (int i = 0; i < MANY; i++) {
		snprintf(names[i], sizeof(names[i]), "many-%d", i);
		q[i] = (struct ask){ names[i], 2, 1, NULL, NULL, NULL };
	}
	syncs = 0;
	assert_int_equal(create("single", 1, NULL, NULL), KAFKA_NONE);
	one = syncs;
	assert_in_range(one, 1, 3);
	q[3].partitions = 0;
	syncs = 0;
	fail_at = 1;
	create_all(7, q, MANY, false, t);
	fail_at = 0;
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(t[i].error, i == 3 ?
		    KAFKA_INVALID_PARTITIONS : KAFKA_KAFKA_STORAGE_ERROR);
		assert_int_equal(broker_topic_partitions(a.broker, names[i]),
		    LEAT_E_NOTFOUND);
	}
	syncs = 0;
	create_all(7, q, MANY, false, t);
	assert_int_equal(syncs, one);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(t[i].error, i == 3 ?
		    KAFKA_INVALID_PARTITIONS : KAFKA_NONE);
	for (int i = 0; i < MANY; i++)
		(void)broker_topic_delete(a.broker, names[i], NULL);
}

static void
test_replicas(void **state)
{
	struct ask q = { "rf3", 1, 3, NULL, NULL, NULL };
	struct told t;

	a.server->o.lenient_replication = false;
	create_all(7, &q, 1, false, &t);
	assert_int_equal(t.error, KAFKA_INVALID_REPLICATION_FACTOR);
	a.server->o.lenient_replication = true;
	create_all(7, &q, 1, false, &t);
	assert_int_equal(t.error, KAFKA_NONE);
	assert_int_equal(t.replicas, 1);
}

/* ---------------------------------------------------------- DeleteTopics */

static enum kafka_error
delete(int16_t version, const char *name, const uint8_t id[16])
{
	static const uint8_t none[16];
	enum kafka_error error;
	const char * text;
	struct kafka_in * in;

	admin_begin(&a, 20, version);
	kout_array(&a.call.body, 1);
	if (version < 6){
	    kout_str(&a.call.body, name); }
else
{
	kout_str_null(&a.call.body, name);
	kout_uuid(&a.call.body, id != NULL ? id : none);
	kout_tags(&a.call.body);
}
kout_i32(&a.call.body, 30000);
kout_tags(&a.call.body);
in = admin_send(&a);
assert_int_equal(kin_array(in), 1);
text = version < 6 ? kin_str(in) : kin_str_null(in);
if (name != NULL)
	assert_string_equal(text, name);
if (version >= 6)
	kin_skip(in, 16);
error = kin_i16(in);
if (version >= 5) {
	text = kin_str_null(in);
	assert_int_equal(text == NULL, error == KAFKA_NONE);
}
kin_tags(in);
admin_end(&a);
return error;
}

static void
woken(void *arg)
{
	*(bool *)arg = true;
}

static void
test_delete(void **state)
{
	struct broker_topic_info old, young;
	struct leat_err err = LEAT_ERR_INIT;
	bool called = false;
	struct broker_waiter w = { .fn = woken, .arg = &called };
	struct broker_partition *p;
	struct broker_group_offset o = { .topic = "del", .offset = 0,
		.leader_epoch = -1, .metadata = "" };
	int64_t offset;

	for (int16_t v = 1; v <= 6; v++) {
		assert_int_equal(create("del", 1, NULL, NULL), KAFKA_NONE);
		assert_int_equal(delete (v, "del", NULL), KAFKA_NONE);
		assert_int_equal(delete (v, "del", NULL),
		    KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
	}
	/* By id; a new topic of the name is another one. */
	assert_int_equal(create("del", 1, NULL, NULL), KAFKA_NONE);
	assert_int_equal(topics_info(a.broker, "del", &old), 0);
	assert_int_equal(broker_group_commit(a.broker, "g", &o, 1, &err), 0);
	p = topics_find(a.broker, "del", 0);
	broker_wait(&w, p, 0, READ_UNCOMMITTED);
	assert_false(called);
	assert_int_equal(delete (6, NULL, old.id), KAFKA_NONE);
	assert_true(called);
	broker_wait_cancel(&w);
	broker_partition_put(p);
	assert_int_equal(broker_group_offset(a.broker, "g", "del", 0, &offset),
	    LEAT_E_NOTFOUND);
	assert_int_equal(create("del", 1, NULL, NULL), KAFKA_NONE);
	assert_int_equal(topics_info(a.broker, "del", &young), 0);
	assert_memory_not_equal(old.id, young.id, 16);
	assert_int_equal(delete (6, NULL, old.id), KAFKA_UNKNOWN_TOPIC_ID);
	assert_int_equal(delete (6, NULL, NULL), KAFKA_INVALID_REQUEST);
	assert_int_equal(delete (6, "del", young.id), KAFKA_INVALID_REQUEST);
}

static void
test_delete_refused(void **state)
{
	assert_int_equal(create("keep", 1, NULL, NULL), KAFKA_NONE);
	assert_int_equal(delete (6, "__consumer_offsets", NULL),
	    KAFKA_INVALID_TOPIC_EXCEPTION);
	a.server->o.delete_topics = false;
	assert_int_equal(delete (6, "keep", NULL),
	    KAFKA_TOPIC_DELETION_DISABLED);
	assert_int_equal(delete (2, "keep", NULL), KAFKA_INVALID_REQUEST);
	a.server->o.delete_topics = true;
	assert_int_equal(broker_topic_protect(a.broker, "keep"), 0);
	assert_int_equal(delete (5, "keep", NULL), KAFKA_POLICY_VIOLATION);
	assert_int_equal(broker_topic_partitions(a.broker, "keep"), 1);
}

/* ------------------------------------------------------ CreatePartitions */

static enum kafka_error
grow(int16_t version, const char *name, int32_t count, int32_t node,
    bool check_only)
{
	struct kafka_out *b;
	struct kafka_in *in;
	enum kafka_error error;
	const char *text;

	admin_begin(&a, 37, version);
	b = &a.call.body;
	kout_array(b, 1);
	kout_str(b, name);
	kout_i32(b, count);
	kout_array(b, node > 0 ? 1 : -1);
	if (node > 0) {
		kout_array(b, 1);
		kout_i32(b, node);
		kout_tags(b);
	}
	kout_tags(b);
	kout_i32(b, 30000);
	kout_bool(b, check_only);
	kout_tags(b);
	in = admin_send(&a);
	assert_int_equal(kin_array(in), 1);
	assert_string_equal(kin_str(in), name);
	error = kin_i16(in);
	text = kin_str_null(in);
	assert_int_equal(text == NULL, error == KAFKA_NONE);
	kin_tags(in);
	admin_end(&a);
	return error;
}

static void
test_grow(void **state)
{
	assert_int_equal(create("grows", 1, NULL, NULL), KAFKA_NONE);
	for (int16_t v = 0; v <= 3; v++) {
		assert_int_equal(grow(v, "grows", v + 2, 0, true), KAFKA_NONE);
		assert_int_equal(broker_topic_partitions(a.broker, "grows"),
		    v + 1);
		assert_int_equal(grow(v, "grows", v + 2, 0, false),
		    KAFKA_NONE);
		assert_int_equal(broker_topic_partitions(a.broker, "grows"),
		    v + 2);
	}
	assert_int_equal(grow(3, "grows", 6, 1, false), KAFKA_NONE);
	assert_int_equal(grow(3, "grows", 6, 0, false),
	    KAFKA_INVALID_PARTITIONS);
	assert_int_equal(grow(3, "grows", -1, 0, false),
	    KAFKA_INVALID_PARTITIONS);
	assert_int_equal(grow(3, "grows", 10001, 0, false),
	    KAFKA_INVALID_PARTITIONS);
	assert_int_equal(grow(3, "grows", 300, 0, false),
	    KAFKA_POLICY_VIOLATION);
	assert_int_equal(grow(3, "grows", 7, 2, false),
	    KAFKA_INVALID_REPLICA_ASSIGNMENT);
	assert_int_equal(grow(3, "grows", 9, 1, false),
	    KAFKA_INVALID_REPLICA_ASSIGNMENT);
	assert_int_equal(grow(3, "nobody", 9, 0, false),
	    KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(grow(3, "__consumer_offsets", 9, 0, false),
	    KAFKA_INVALID_TOPIC_EXCEPTION);
	assert_int_equal(broker_topic_partitions(a.broker, "grows"), 6);
}

/* --------------------------------------------------------- DeleteRecords */

static enum kafka_error
trim(int16_t version, const char *name, int32_t partition, int64_t before,
    int64_t *ret_start)
{
	struct kafka_out *b;
	struct kafka_in *in;
	enum kafka_error error;

	admin_begin(&a, 21, version);
	b = &a.call.body;
	kout_array(b, 1);
	kout_str(b, name);
	kout_array(b, 1);
	kout_i32(b, partition);
	kout_i64(b, before);
	kout_tags(b);
	kout_tags(b);
	kout_i32(b, 30000);
	kout_tags(b);
	in = admin_send(&a);
	assert_int_equal(kin_array(in), 1);
	assert_string_equal(kin_str(in), name);
	assert_int_equal(kin_array(in), 1);
	assert_int_equal(kin_i32(in), partition);
	*ret_start = kin_i64(in);
	error = kin_i16(in);
	kin_tags(in);
	kin_tags(in);
	admin_end(&a);
	return error;
}

static void
append(const char *topic, int n)
{
	struct broker_partition *p = topics_find(a.broker, topic, 0);
	struct batch_builder *bb = batch_builder_new(CODEC_NONE, 0, 1 << 20);
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_appended done;
	uint8_t *data;
	size_t len;

	for (int i = 0; i < n; i++) {
		struct record rec = { .timestamp_ms =
		    clock_wall_ms(&clock_system), .key = LEAT_STR("k"),
			.value = LEAT_STR("v") };

		assert_int_equal(batch_builder_add(bb, &rec, &err), 0);
	}
	assert_int_equal(batch_builder_finish(bb, NULL, &data, &len, &err), 0);
	assert_int_equal(broker_append(p, data, len, &done, &err), 0);
	batch_builder_free(bb);
	broker_partition_put(p);
}

static void
test_delete_records(void **state)
{
	struct broker_partition *p;
	struct broker_offsets at;
	int64_t start;

	assert_int_equal(create("trim", 1, NULL, NULL), KAFKA_NONE);
	append("trim", 10);
	for (int16_t v = 0; v <= 2; v++) {
		assert_int_equal(trim(v, "trim", 0, v + 3, &start),
		    KAFKA_NONE);
		assert_int_equal(start, v + 3);
	}
	assert_int_equal(trim(2, "trim", 0, 2, &start), KAFKA_NONE);
	assert_int_equal(start, 5);	/* it goes not back */
	assert_int_equal(trim(2, "trim", 0, 11, &start),
	    KAFKA_OFFSET_OUT_OF_RANGE);
	assert_int_equal(start, -1);
	assert_int_equal(trim(2, "trim", 0, -2, &start),
	    KAFKA_OFFSET_OUT_OF_RANGE);
	assert_int_equal(trim(2, "trim", 1, 0, &start),
	    KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(trim(2, "nobody", 0, 0, &start),
	    KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(trim(2, "__consumer_offsets", 0, 0, &start),
	    KAFKA_INVALID_TOPIC_EXCEPTION);
	assert_int_equal(create("comp", 1, "cleanup.policy", "compact"),
	    KAFKA_NONE);
	append("comp", 1);
	assert_int_equal(trim(2, "comp", 0, 1, &start),
	    KAFKA_POLICY_VIOLATION);
	assert_int_equal(trim(2, "trim", 0, 7, &start), KAFKA_NONE);
	/* Known to the next start, however this one ends. */
	admin_close(&a);
	admin_open(&a);
	p = topics_find(a.broker, "trim", 0);
	broker_partition_offsets(p, &at);
	assert_int_equal(at.log_start, 7);
	broker_partition_put(p);
	assert_int_equal(trim(2, "trim", 0, -1, &start), KAFKA_NONE);
	assert_int_equal(start, 10);
}

static int
setup(void **state)
{
	a.root = strdup(th_tmpdir());
	counting = fsio_system;
	counting.fdatasync = count_fdatasync;
	counting.fsync_dir = count_fsync_dir;
	a.fs = &counting;
	admin_open(&a);
	return 0;
}

static int
teardown(void **state)
{
	admin_close(&a);
	free(a.root);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_create_refused),
		cmocka_unit_test(test_create_many),
		cmocka_unit_test(test_replicas),
		cmocka_unit_test(test_delete),
		cmocka_unit_test(test_delete_refused),
		cmocka_unit_test(test_grow),
		cmocka_unit_test(test_delete_records),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
