/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_partition_routing.c: hashes against those of a Java machine, and the
 * partitions that they lead to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/record/testing_chain.h"
#include "core/record/transforms/java_hash.h"

/* clang-format off */

#define V_KIND(k, n) { .kind = LEAT_##k, .u.i = (n) }
#define V_F(k, x) { .kind = LEAT_##k, .u.f = (x) }
#define V_BYTES(text) { .kind = LEAT_BYTES, .len = sizeof(text) - 1, \
	.u.b = (const uint8_t *)"" text }

static const struct leat_param scale_0[] = { { "scale", "0" } };
static const struct leat_param scale_2[] = { { "scale", "2" } };
static const struct leat_schema decimal_0 = { .kind = LEAT_BYTES,
	.name = "org.apache.kafka.connect.data.Decimal", .params = scale_0,
	.nparams = 1 };
static const struct leat_schema decimal_2 = { .kind = LEAT_BYTES,
	.name = "org.apache.kafka.connect.data.Decimal", .params = scale_2,
	.nparams = 1 };
static const struct leat_schema decimal_x = { .kind = LEAT_BYTES,
	.name = "org.apache.kafka.connect.data.Decimal" };
static const struct leat_schema timestamp = { .kind = LEAT_INT64,
	.name = "org.apache.kafka.connect.data.Timestamp" };
static const struct leat_schema date = { .kind = LEAT_INT32,
	.name = "org.apache.kafka.connect.data.Date" };
static const struct leat_schema list = { .kind = LEAT_ARRAY,
	.elem = &t_string };
static const struct leat_value list_items[] = { V_STR("a"), V_I32(7) };

static void
test_hashes(void **state)
{
	static const struct {
		const struct leat_schema *schema;
		struct leat_value v;
		int32_t java;
		int32_t murmur;
	} rows[] = {
		{ NULL, V_STR("orange"), -1008851410, -1471092080 },
		{ NULL, V_STR(""), 0, 89125410 },
		{ NULL, V_STR("Größe €"), 2085911101, -1467894003 },
		{ NULL, V_STR("a😀b"), 57849694, -916027309 },
		{ NULL, V_STR("0123456789abcdef"), 285443752, 26898387 },
		{ NULL, V_STR("0123456789abcdefg"), 258821823, -1536414354 },
		{ NULL, V_STR("0123456789abcdefghijklmnopqrstu"), 2063500166,
		    1953692690 },
		{ NULL, V_STR("ÿþýüûúùø"), -1278634116, 57258124 },
		{ NULL, V_I32(7), 7, -784540462 },
		{ NULL, V_I32(-1), -1, 171705313 },
		{ NULL, V_I64(5000000000), 705032705, -716149582 },
		{ NULL, V_I64(-3), 2, -351805952 },
		{ NULL, V_KIND(INT16, -5), -5, 1960881932 },
		{ NULL, V_KIND(INT8, 5), 5, -837177610 },
		{ NULL, V_KIND(BOOLEAN, 1), 1231, -1891831265 },
		{ NULL, V_KIND(BOOLEAN, 0), 1237, -682375457 },
		{ NULL, V_F(FLOAT32, 1.5), 1069547520, 1166483436 },
		{ NULL, V_F(FLOAT64, 1.5), 1073217536, -1122085266 },
		{ NULL, V_F(FLOAT64, __builtin_nan("")), 2146959360,
		    -1249978784 },
		{ NULL, V_F(FLOAT64, -0.0), INT32_MIN, -797218156 },
		{ NULL, V_BYTES("\x01\xff\x03"), 32644, 1960897649 },
		{ &decimal_2, V_BYTES("\x07\xcf"), 61971, -125479526 },
		{ &decimal_2, V_BYTES("\xbd\x12\xed\xc4\xf4\x27\xdf\xc5\xec"),
		    -494185779, 1294521600 },
		{ &decimal_2, V_BYTES("\x00"), 2, -351805952 },
		{ &decimal_0, V_BYTES("\xff\x7f"), -3999, -270881855 },
		{ &decimal_0, V_BYTES("\xff\x00"), -7936, -1281653074 },
		{ &decimal_0, V_BYTES("\x01\x00\x00\x00\x00"), 961,
		    392629079 },
		{ &decimal_0, V_BYTES("\xff\x00\x00\x00\x00"), -961,
		    1494028145 },
		{ &timestamp, V_I64(1577923200000), 1670202735, 1904594540 },
		{ &timestamp, V_I64(-1), 0, 1805505889 },
		{ &date, V_I32(18263), 1670202735, 1904594540 },
		{ &list, { .kind = LEAT_ARRAY, .len = 2,
		    .u.items = list_items }, 3975, 969904934 },
	};
	struct leat_err err = LEAT_ERR_INIT;
	int32_t h;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		assert_int_equal(java_hash_code(rows[i].schema, &rows[i].v, &h,
		    &err), 0);
		if (h != rows[i].java)
			fail_msg("row %zu: %d is not %d", i, h, rows[i].java);
		assert_int_equal(java_hash_murmur(rows[i].schema, &rows[i].v,
		    &h, &err), 0);
		if (h != rows[i].murmur)
			fail_msg("row %zu: murmur %d is not %d", i, h,
			    rows[i].murmur);
	}
	assert_true(java_hash_code(&decimal_x, &rows[21].v, &h, &err) < 0);
	assert_string_equal(err.text, "a decimal without a scale");
	assert_true(java_hash_code(NULL, &t_k1, &h, &err) < 0);
	assert_string_equal(err.text, "a struct has no hash");
}

#define ROUTING "transforms=p\ntransforms.p.type=" \
	"io.debezium.transforms.partitions.PartitionRouting\n"
#define P(fields, num) ROUTING "transforms.p.partition.payload.fields=" \
	fields "\ntransforms.p.partition.topic.num=" num "\n"
#define MURMUR "transforms.p.partition.hash.function=murmur\n"

static int
partition(const char *settings, const struct leat_value *event)
{
	struct leat_record rec = { .topic = "t", .partition = -1,
		.value_schema = &t_envelope, .value = *event };
	struct testing_chain c;
	const char *line;

	if (testing_chain_open(&c, settings) < 0)
		fail_msg("%s", c.err.text);
	line = testing_chain_run(&c, &rec);
	if (line[0] == '!')
		fail_msg("%s", line);
	testing_chain_close(&c);
	return rec.partition;
}

static void
test_partitions(void **state)
{
	static const struct leat_value truncated[] = { V_NULL, V_NULL,
		V_STRUCT(t_source_1), V_NULL, V_STR("t"), V_I64(1), V_I64(1),
		V_I64(1) };
	static const struct leat_value t = V_STRUCT(truncated);
	/* "ann" is 96737, "orders" -1008770331, "c" 99. */
	static const struct {
		const char *settings;
		const struct leat_value *event;
		int want;
	} rows[] = {
		{ P("change.id", "100"), &t_e1, 1 },
		{ P("change.id", "100"), &t_e4, 7 },
		{ P("change.customer", "10"), &t_e1, 7 },
		{ P("after.id, change.customer", "100"), &t_e1, 38 },
		{ P("source.table", "1000"), &t_e1,
		    (int)((uint32_t)-1008770331 & INT32_MAX) % 1000 },
		{ P("op", "50"), &t_e1, 49 },
		{ P("change.amount", "1000000"), &t_e1, 61971 },
		/* What is not there, or null, counts nothing. */
		{ P("before.id,nope.x,source.nope,change,op.x", "10"), &t_e1,
		    -1 },
		{ P("before.id,op", "50"), &t_e1, 49 },
		{ P("change.m", "50"), &t_e1, -1 },
		/* A default stands for null. */
		{ P("change.note", "1000000000"), &t_e4, 3387192 },
		{ P("change.id", "100"), &t, -1 },
		{ P("change.customer", "100") MURMUR, &t_e1, 22 },
	};
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		const int got = partition(rows[i].settings, rows[i].event);

		if (got != rows[i].want)
			fail_msg("row %zu: %d is not %d", i, got,
			    rows[i].want);
	}
}

/* A sum of 2^31 - 1 is taken for 0. */
static void
test_largest_sum(void **state)
{
	static const struct leat_field fields[] = {
		{ .name = "op", .schema = &t_string },
		{ .name = "after", .schema = &t_opt_int32 },
		{ .name = "n", .schema = &t_int32 },
	};
	static const struct leat_schema s = { .kind = LEAT_STRUCT,
		.name = "a.Envelope", .fields = fields, .nfields = 3 };
	struct leat_value items[] = { V_STR("c"), V_NULL,
		V_I32(INT32_MAX) };
	struct leat_record rec = { .topic = "t", .partition = -1,
		.value_schema = &s, .value = V_STRUCT(items) };
	struct testing_chain c;

	assert_int_equal(testing_chain_open(&c, P("n", "100")), 0);
	(void)testing_chain_run(&c, &rec);
	assert_int_equal(rec.partition, 0);
	items[2] = leat_i32(INT32_MIN + 7);
	(void)testing_chain_run(&c, &rec);
	assert_int_equal(rec.partition, 7);
	testing_chain_close(&c);
}

static void
test_others(void **state)
{
	struct leat_record rec = { .topic = "t", .partition = 3,
		.value_schema = &t_key, .value = t_k1 };
	struct testing_chain c;

	assert_int_equal(testing_chain_open(&c, P("source", "10")), 0);
	assert_string_equal(testing_chain_run(&c, &rec),
	    "t|NULL|{\"id\":1}|");
	assert_int_equal(rec.partition, 3);
	rec.value_schema = NULL;
	rec.value = leat_null();
	assert_string_equal(testing_chain_run(&c, &rec), "t|NULL|NULL|");
	assert_int_equal(rec.partition, 3);
	rec.value_schema = &t_envelope;
	rec.value = t_e1;
	assert_string_equal(testing_chain_run(&c, &rec), "!transform 'p': "
	    "source: a struct has no hash");
	testing_chain_close(&c);
}

static void
test_bad_settings(void **state)
{
	static const char *const rows[][2] = {
		{ ROUTING, "partition.payload.fields" },
		{ P("", "1"), "partition.payload.fields" },
		{ P("a..b", "1"), "partition.payload.fields: 'a..b' is not" },
		{ P("a.", "1"), "partition.payload.fields: 'a.' ends" },
		{ P("1.2.3.4.5.6.7.8.9", "1"), "at most 8 deep" },
		{ P("a", "0"), "partition.topic.num" },
		{ P("a", "1") "transforms.p.partition.hash.function=x\n",
		    "partition.hash.function" },
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
		cmocka_unit_test(test_hashes),
		cmocka_unit_test(test_partitions),
		cmocka_unit_test(test_largest_sum),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_bad_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
