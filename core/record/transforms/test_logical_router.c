/* SPDX-License-Identifier: Apache-2.0 */
/* test_logical_router.c: ToLogicalTopicRouter and ByLogicalTableRouter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/record/testing_chain.h"

/* clang-format off */

#define DBZ "io.debezium.transforms."
#define ROUTER(type) "transforms=r\ntransforms.r.type=" type "\n"
#define R(key, value) "transforms.r." key "=" value "\n"
#define ALL ROUTER(DBZ "ToLogicalTopicRouter") \
	R("topic.regex", "(.*)orders_shard_(.*)") \
	R("topic.replacement", "$1all-orders")

static struct leat_record
shard(const struct leat_value *event)
{
	struct leat_record rec = { .topic = "px.orders_shard_3",
		.key_schema = &t_key, .key = t_k1 };

	if (event != NULL) {
		rec.value_schema = &t_envelope;
		rec.value = *event;
	}
	return rec;
}

static void
expect(const char *settings, const struct leat_value *event,
    const char *want)
{
	struct leat_record rec = shard(event);
	struct testing_chain c;

	if (testing_chain_open(&c, settings) < 0)
		fail_msg("%s", c.err.text);
	assert_string_equal(testing_chain_run(&c, &rec), want);
	testing_chain_close(&c);
}

static void
test_topic_and_key(void **state)
{
	expect(ALL, &t_e1, "px.all-orders|{\"id\":1,"
	    "\"__dbz__sourceIdentifier\":\"px.orders_shard_3\"}|" E1_JSON "|");
	/* Tombstones too. */
	expect(ALL, NULL, "px.all-orders|{\"id\":1,"
	    "\"__dbz__sourceIdentifier\":\"px.orders_shard_3\"}|NULL|");
	expect(ROUTER("ByLogicalTableRouter") R("topic.regex", ".*")
	    R("topic.replacement", "x") R("logical.table.cache.size", "4"),
	    NULL, "x|{\"id\":1,\"__dbz__physicalTableIdentifier\":"
	    "\"px.orders_shard_3\"}|NULL|");
	expect(ALL R("key.field.name", "shard") R("key.field.regex",
	    "(.*)shard_(.*)") R("key.field.replacement", "$2"), NULL,
	    "px.all-orders|{\"id\":1,\"shard\":\"3\"}|NULL|");
	/* The key's expression does not match: the whole topic. */
	expect(ALL R("key.field.name", "shard") R("key.field.regex", "x(.*)")
	    R("key.field.replacement", "$1"), NULL, "px.all-orders|{\"id\":1,"
	    "\"shard\":\"px.orders_shard_3\"}|NULL|");
	expect(ALL R("key.enforce.uniqueness", "false"), &t_e1,
	    "px.all-orders|{\"id\":1}|" E1_JSON "|");
	expect(ROUTER("ToLogicalTopicRouter") R("topic.regex", "other")
	    R("topic.replacement", "x") R("logical.destination.cache.size",
		"4"), &t_e1, "px.orders_shard_3|{\"id\":1}|" E1_JSON "|");
	expect(ROUTER("ToLogicalTopicRouter") R("topic.regex", "()px.*")
	    R("topic.replacement", "$1"), NULL,
	    "px.orders_shard_3|{\"id\":1}|NULL|");
	expect(ALL R("key.field.name", "id"), NULL, "!transform 'r': the key "
	    "has a field 'id' already: choose another key.field.name");
}

static void
check_names(const char *settings, const char *key, const char *envelope,
    const char *row)
{
	struct leat_record rec = shard(&t_e1), again = shard(&t_e2);
	const struct leat_schema *s;
	struct testing_chain c;

	assert_int_equal(testing_chain_open(&c, settings), 0);
	(void)testing_chain_run(&c, &rec);
	s = rec.value_schema;
	assert_string_equal(rec.key_schema->name, key);
	assert_string_equal(s->name, envelope);
	assert_int_equal(s->version, 2);
	assert_int_equal(s->nfields, 8);
	assert_string_equal(s->fields[0].schema->name, row);
	assert_ptr_equal(s->fields[0].schema, s->fields[1].schema);
	assert_true(s->fields[0].schema->optional);
	assert_string_equal(s->fields[2].schema->name,
	    "io.debezium.connector.postgresql.Source");
	(void)testing_chain_run(&c, &again);
	assert_ptr_equal(again.value_schema, s);
	assert_ptr_equal(again.key_schema, rec.key_schema);
	testing_chain_close(&c);
}

static void
test_schema_names(void **state)
{
#define AVRO(mode) ALL R("schema.name.adjustment.mode", mode)
	check_names(ALL, "px.all-orders.Key", "px.all-orders.Envelope",
	    "px.all-orders.Value");
	check_names(AVRO("avro"), "px.all_orders.Key",
	    "px.all_orders.Envelope", "px.all_orders.Value");
	check_names(AVRO("avro_unicode"), "px.all_u002dorders.Key",
	    "px.all_u002dorders.Envelope", "px.all_u002dorders.Value");
	check_names(ROUTER("ToLogicalTopicRouter") R("topic.regex", ".*")
	    R("topic.replacement", "1_a-b")
	    R("schema.name.adjustment.mode", "avro"), "_1_a_b.Key",
	    "_1_a_b.Envelope", "_1_a_b.Value");
	check_names(ROUTER("ToLogicalTopicRouter") R("topic.regex", ".*")
	    R("topic.replacement", "1_a")
	    R("schema.name.adjustment.mode", "avro_unicode"),
	    "_u0031_u005fa.Key", "_u0031_u005fa.Envelope",
	    "_u0031_u005fa.Value");
}

/* One key schema for two topics: each gets its own names. */
static void
test_two_topics(void **state)
{
	static const char *const topics[] = { "a.orders_shard_1",
		"b.orders_shard_1", "a.orders_shard_2" };
	static const char *const names[] = { "a.all-orders.Key",
		"b.all-orders.Key", "a.all-orders.Key" };
	struct testing_chain c;
	size_t i;

	assert_int_equal(testing_chain_open(&c, ALL), 0);
	for (i = 0; i < COUNT(topics); i++) {
		struct leat_record rec = shard(&t_e1);

		rec.topic = topics[i];
		(void)testing_chain_run(&c, &rec);
		assert_string_equal(rec.key_schema->name, names[i]);
	}
	testing_chain_close(&c);
}

/* No key, a key without schema, a key that is no struct, other values. */
static void
test_others(void **state)
{
	static const struct leat_value pairs[] = { V_STR("k"), V_I64(1) };
	struct leat_record rec = { .topic = "orders_shard_1",
		.value_schema = &t_key, .value = t_k1 };
	struct testing_chain c;

	assert_int_equal(testing_chain_open(&c, ALL), 0);
	assert_string_equal(testing_chain_run(&c, &rec),
	    "all-orders|NULL|{\"id\":1}|");
	assert_string_equal(rec.value_schema->name, "px.shop.orders.Key");
	rec.topic = "orders_shard_1";
	rec.key = leat_items(LEAT_MAP, pairs, 1);
	assert_string_equal(testing_chain_run(&c, &rec), "all-orders|{\"k\":1,"
	    "\"__dbz__sourceIdentifier\":\"orders_shard_1\"}|{\"id\":1}|");
	rec.topic = "orders_shard_1";
	rec.key = leat_i32(1);
	rec.key_schema = &t_int32;
	assert_string_equal(testing_chain_run(&c, &rec), "!transform 'r': "
	    "Only Struct objects supported for [Updating schema], found: "
	    "int32");
	testing_chain_close(&c);
}

static void
test_bad_settings(void **state)
{
	static const char *const rows[][2] = {
		{ ROUTER("ToLogicalTopicRouter"), "topic.regex" },
		{ ROUTER("ToLogicalTopicRouter") R("topic.regex", "("),
		    "topic.replacement" },
		{ ROUTER("ToLogicalTopicRouter") R("topic.regex", "(")
		    R("topic.replacement", "x"), "topic.regex: " },
		{ ALL R("key.field.regex", "a"), "key.field.replacement must "
		    "be non-empty if key.field.regex is set" },
		{ ALL R("key.field.regex", "(") R("key.field.replacement",
		    "x"), "key.field.regex: " },
		{ ALL R("key.field.regex", "a") R("key.field.replacement",
		    "$1"), "key.field.replacement: " },
		{ ALL R("schema.name.adjustment.mode", "x"),
		    "schema.name.adjustment.mode" },
		{ ALL R("key.field.name", ""), "key.field.name" },
		{ ALL R("logical.table.cache.size", "0"),
		    "logical.table.cache.size" },
	};
	struct testing_chain c;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		assert_true(testing_chain_open(&c, rows[i][0]) < 0);
		if (strstr(c.err.text, rows[i][1]) == NULL)
			fail_msg("%s: %s", rows[i][0], c.err.text);
		testing_chain_close(&c);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_topic_and_key),
		cmocka_unit_test(test_schema_names),
		cmocka_unit_test(test_two_topics),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_bad_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
