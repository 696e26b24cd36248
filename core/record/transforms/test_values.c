/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_values.c: the transforms that change single values:
 * VectorToJsonConverter, GeometryFormatTransformer, SwapGeometryCoordinates,
 * EnforceRecordSize; and the classes that are refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/record/testing_chain.h"
#include "core/record/transforms/wkb.h"

/* clang-format off */

#define DBZ "io.debezium.transforms."
#define ONE(type) "transforms=x\ntransforms.x.type=" type "\n"
#define X(key, value) "transforms.x." key "=" value "\n"
#define E(text) "!transform 'x': " text

/* An envelope around one row {id, v}. */
struct event {
	struct leat_field row_fields[2];
	struct leat_schema row;
	struct leat_field fields[3];
	struct leat_schema envelope;
	struct leat_value row_values[2], before_values[2];
	struct leat_value values[3];
	struct leat_record rec;
};

static struct leat_record *
event(struct event *e, const struct leat_schema *s, struct leat_value v)
{
	memset(e, 0, sizeof(*e));
	e->row_fields[0] = (struct leat_field){ .name = "id",
		.schema = &t_int32 };
	e->row_fields[1] = (struct leat_field){ .name = "v", .schema = s };
	e->row = (struct leat_schema){ .kind = LEAT_STRUCT, .optional = 1,
		.name = "t.Value", .fields = e->row_fields, .nfields = 2 };
	e->fields[0] = (struct leat_field){ .name = "before",
		.schema = &e->row };
	e->fields[1] = (struct leat_field){ .name = "after",
		.schema = &e->row };
	e->fields[2] = (struct leat_field){ .name = "op",
		.schema = &t_string };
	e->envelope = (struct leat_schema){ .kind = LEAT_STRUCT, .version = 2,
		.name = "t.Envelope", .fields = e->fields, .nfields = 3 };
	e->row_values[0] = e->before_values[0] = leat_i32(1);
	e->row_values[1] = v;
	e->values[1] = leat_items(LEAT_STRUCT, e->row_values, 2);
	e->values[2] = leat_cstring("c");
	e->rec = (struct leat_record){ .topic = "t",
		.value_schema = &e->envelope,
		.value = leat_items(LEAT_STRUCT, e->values, 3) };
	return &e->rec;
}

static void
expect(const char *settings, const struct leat_schema *s,
    struct leat_value v, const char *want)
{
	struct testing_chain c;
	struct event e;
	const char *got;

	if (testing_chain_open(&c, settings) < 0)
		fail_msg("%s", c.err.text);
	got = testing_chain_run(&c, event(&e, s, v));
	if (strcmp(got, want) != 0)
		fail_msg("%s\n  wanted %s\n  got    %s", settings, want, got);
	testing_chain_close(&c);
}

#define OUT(v) "t|NULL|{\"before\":null,\"after\":{\"id\":1,\"v\":" v \
	"},\"op\":\"c\"}|"

/* ----------------------------------------------------------------- vectors */

#define V_F64(x) { .kind = LEAT_FLOAT64, .u.f = (x) }
#define V_I16(n) { .kind = LEAT_INT16, .u.i = (n) }

static const struct leat_schema s_f64 = { .kind = LEAT_FLOAT64 };
static const struct leat_schema s_i16 = { .kind = LEAT_INT16 };
static const struct leat_schema s_vector = { .kind = LEAT_ARRAY,
	.version = 1, .optional = 1, .name = "io.debezium.data.DoubleVector",
	.elem = &s_f64 };
static const struct leat_schema s_map = { .kind = LEAT_MAP, .key = &s_i16,
	.elem = &s_f64 };
static const struct leat_field sparse_fields[] = {
	{ .name = "dimensions", .schema = &s_i16 },
	{ .name = "vector", .schema = &s_map } };
static const struct leat_schema s_sparse = { .kind = LEAT_STRUCT,
	.version = 1, .name = "io.debezium.data.SparseDoubleVector",
	.fields = sparse_fields, .nfields = 2 };

static void
test_vectors(void **state)
{
#define VECTOR ONE(DBZ "VectorToJsonConverter")
	static const struct leat_value v[] = { V_F64(1), V_F64(-2.5) };
	static const struct leat_value pairs[] = { V_I16(25), V_F64(0.5),
		V_I16(3), V_F64(10) };
	static const struct leat_value sparse[] = { V_I16(100),
		{ .kind = LEAT_MAP, .len = 2, .u.items = pairs } };
	struct testing_chain c;
	struct event e;
	const struct leat_schema *row;

	expect(VECTOR, &s_vector, leat_items(LEAT_ARRAY, v, 2),
	    OUT("\"{ \\\"values\\\": [1.0, -2.5] }\""));
	expect(VECTOR, &s_vector, leat_items(LEAT_ARRAY, v, 0),
	    OUT("\"{ \\\"values\\\": [] }\""));
	expect(VECTOR, &s_vector, leat_null(), OUT("null"));
	expect(VECTOR, &s_sparse, leat_items(LEAT_STRUCT, sparse, 2),
	    OUT("\"{ \\\"dimensions\\\": 100, \\\"vector\\\": { \\\"3\\\": "
	    "10.0, \\\"25\\\": 0.5 } }\""));
	expect(VECTOR, &t_string, leat_cstring("x"), OUT("\"x\""));
	assert_int_equal(testing_chain_open(&c, VECTOR), 0);
	(void)testing_chain_run(&c, event(&e, &s_vector,
	    leat_items(LEAT_ARRAY, v, 2)));
	row = e.rec.value_schema->fields[1].schema;
	assert_string_equal(e.rec.value_schema->name, "t.Envelope");
	assert_string_equal(row->name, "t.Value");
	assert_true(row->optional);
	assert_string_equal(row->fields[1].schema->name,
	    "io.debezium.data.Json");
	assert_int_equal(row->fields[1].schema->version, 1);
	assert_true(row->fields[1].schema->optional);
	testing_chain_close(&c);
}

/* -------------------------------------------------------------- geometries */

static const struct leat_schema s_bytes = { .kind = LEAT_BYTES };
static const struct leat_field geometry_fields[] = {
	{ .name = "wkb", .schema = &s_bytes },
	{ .name = "srid", .schema = &t_opt_int32 } };
static const struct leat_schema s_geometry = { .kind = LEAT_STRUCT,
	.optional = 1, .version = 1,
	.name = "io.debezium.data.geometry.Geometry",
	.fields = geometry_fields, .nfields = 2 };
static const struct leat_schema s_list = { .kind = LEAT_ARRAY,
	.elem = &s_geometry };

#define ONE_LE "\0\0\0\0\0\0\xf0\x3f"
#define TWO_LE "\0\0\0\0\0\0\0\x40"
#define ONE_BE "\x3f\xf0\0\0\0\0\0\0"
#define TWO_BE "\x40\0\0\0\0\0\0\0"
#define POINT_12 "\1\1\0\0\0" ONE_LE TWO_LE
#define POINT_21 "\1\1\0\0\0" TWO_LE ONE_LE
#define EPOINT_12 "\1\1\0\0\x20\xe6\x10\0\0" ONE_LE TWO_LE
#define EPOINT_21 "\1\1\0\0\x20\xe6\x10\0\0" TWO_LE ONE_LE
#define BIG_12 "\0\0\0\0\1" ONE_BE TWO_BE

struct bytes {
	const char *p;
	size_t len;
};
#define B(text) { text, sizeof(text) - 1 }

/* The bytes that come out for a geometry with this SRID (0: none). */
static void
expect_wkb(const char *settings, struct bytes in, int32_t srid,
    struct bytes want)
{
	const struct leat_value values[] = { leat_bytes(in.p, in.len),
		srid == 0 ? leat_null() : leat_i32(srid) };
	const struct leat_value v = leat_items(LEAT_STRUCT, values, 2);
	const struct leat_value *got;
	struct testing_chain c;
	struct event e;

	if (testing_chain_open(&c, settings) < 0)
		fail_msg("%s", c.err.text);
	assert_true(*testing_chain_run(&c, event(&e, &s_geometry, v)) !=
	    '!');
	got = &e.rec.value.u.items[1].u.items[1].u.items[0];
	assert_int_equal(got->len, want.len);
	assert_memory_equal(got->u.b, want.p, want.len);
	testing_chain_close(&c);
}

static void
test_geometry_format(void **state)
{
#define FORMAT ONE(DBZ "GeometryFormatTransformer")
	const struct bytes plain = B(POINT_12), extended = B(EPOINT_12);
	const struct bytes big = B(BIG_12), big_extended =
	    B("\0\x20\0\0\1\0\0\x10\xe6" ONE_BE TWO_BE);
	const struct bytes tiny = B("\1\1");

	expect_wkb(FORMAT, extended, 4326, plain);
	expect_wkb(FORMAT, plain, 4326, plain);
	expect_wkb(FORMAT X("format", "EWKB"), plain, 4326, extended);
	expect_wkb(FORMAT X("format", "ewkb"), extended, 4326, extended);
	expect_wkb(FORMAT X("format", "ewkb"), big, 4326, big_extended);
	expect_wkb(FORMAT, big_extended, 4326, big);
	/* Without an SRID there is nothing to add. */
	expect_wkb(FORMAT X("format", "ewkb"), plain, 0, plain);
	expect_wkb(FORMAT X("format", "ewkb"), tiny, 4326, tiny);
	expect(FORMAT, &t_string, leat_cstring("x"), OUT("\"x\""));
}

static void
test_swap(void **state)
{
#define SWAP ONE(DBZ "SwapGeometryCoordinates")
	const struct bytes p12 = B(POINT_12), p21 = B(POINT_21);
	const struct bytes e12 = B(EPOINT_12), e21 = B(EPOINT_21);
	const struct leat_value geometry[] = { leat_bytes(p12.p, p12.len),
		leat_i32(4326) };
	const struct leat_value item = leat_items(LEAT_STRUCT, geometry, 2);
	const struct leat_value broken[] = { leat_bytes(p12.p, 7),
		leat_i32(4326) };

	expect_wkb(SWAP, p12, 4326, p21);
	expect_wkb(SWAP, e12, 3857, e21);
	expect_wkb(SWAP, p12, 25832, p12);
	expect_wkb(SWAP, p12, 0, p12);
	expect_wkb(SWAP X("srids", "25832, 1"), p12, 25832, p21);
	expect(SWAP, &s_list, leat_items(LEAT_ARRAY, &item, 1),
	    OUT("[{\"wkb\":\"AQEAAAAAAAAAAAAAQAAAAAAAAPA/\",\"srid\":4326}]"));
	expect(SWAP, &s_geometry, leat_items(LEAT_STRUCT, broken, 2),
	    E("Failed to swap EWKB/WKB coordinates: the bytes are no "
	    "geometry"));
}

/* All kinds, in both orders and with more dimensions. */
static void
test_wkb(void **state)
{
	static const struct {
		struct bytes in;
		struct bytes out;
	} rows[] = {
		{ B("\1\2\0\0\0\2\0\0\0" ONE_LE TWO_LE TWO_LE TWO_LE),
		    B("\1\2\0\0\0\2\0\0\0" TWO_LE ONE_LE TWO_LE TWO_LE) },
		{ B("\1\3\0\0\0\1\0\0\0\1\0\0\0" ONE_LE TWO_LE),
		    B("\1\3\0\0\0\1\0\0\0\1\0\0\0" TWO_LE ONE_LE) },
		{ B("\1\4\0\0\0\2\0\0\0" POINT_12 BIG_12),
		    B("\1\4\0\0\0\2\0\0\0" POINT_21 "\0\0\0\0\1" TWO_BE
			ONE_BE) },
		{ B("\0\0\0\0\7\0\0\0\2" POINT_12 EPOINT_12),
		    B("\0\0\0\0\7\0\0\0\2" POINT_21 EPOINT_21) },
		/* z, by a flag and by ISO's thousands; z and m */
		{ B("\1\1\0\0\x80" ONE_LE TWO_LE "zzzzzzzz"),
		    B("\1\1\0\0\x80" TWO_LE ONE_LE "zzzzzzzz") },
		{ B("\1\xe9\3\0\0" ONE_LE TWO_LE "zzzzzzzz"),
		    B("\1\xe9\3\0\0" TWO_LE ONE_LE "zzzzzzzz") },
		{ B("\1\1\0\0\xc0" ONE_LE TWO_LE "zzzzzzzzmmmmmmmm"),
		    B("\1\1\0\0\xc0" TWO_LE ONE_LE "zzzzzzzzmmmmmmmm") },
		{ B("\1\2\0\0\0\0\0\0\0"), B("\1\2\0\0\0\0\0\0\0") },
	};
	static const struct bytes bad[] = { B(""), B("\1\1\0\0\0"),
		B("\1\x09\0\0\0\0\0\0\0"), B(POINT_12 "x"),
		B("\1\2\0\0\0\xff\xff\xff\xff" ONE_LE TWO_LE),
		B("\1\3\0\0\0\xff\xff\xff\xff"), B("\1\1\0\0\x20\1"),
		B("\1\7\0\0\0\xff\xff\xff\xff") };
	uint8_t b[400];
	size_t i, j;

	for (i = 0; i < COUNT(rows); i++) {
		memcpy(b, rows[i].in.p, rows[i].in.len);
		assert_int_equal(wkb_swap(b, rows[i].in.len), 0);
		assert_memory_equal(b, rows[i].out.p, rows[i].out.len);
		for (j = 0; j < rows[i].in.len; j++) {
			memcpy(b, rows[i].in.p, j);
			assert_int_equal(wkb_swap(b, j), -1);
		}
	}
	for (i = 0; i < COUNT(bad); i++) {
		memcpy(b, bad[i].p, bad[i].len);
		assert_int_equal(wkb_swap(b, bad[i].len), -1);
	}
	/* Collections within collections, too deep. */
	for (i = 0; i < 40; i++)
		memcpy(b + i * 9, "\1\7\0\0\0\1\0\0\0", 9);
	assert_int_equal(wkb_swap(b, 360), -1);
}

/* -------------------------------------------------------------------- size */

static uint32_t
length_after(const char *settings, struct leat_value v, bool both)
{
	struct testing_chain c;
	struct event e;
	uint32_t len;

	if (testing_chain_open(&c, settings) < 0)
		fail_msg("%s", c.err.text);
	event(&e, v.kind == LEAT_BYTES ? &s_bytes : &t_string, v);
	if (both) {
		e.before_values[1] = v;
		e.values[0] = leat_items(LEAT_STRUCT, e.before_values, 2);
	}
	assert_true(*testing_chain_run(&c, &e.rec) != '!');
	len = e.rec.value.u.items[1].u.items[1].len;
	if (both)
		assert_int_equal(e.rec.value.u.items[0].u.items[1].len, len);
	testing_chain_close(&c);
	return len;
}

static void
test_size(void **state)
{
#define SIZE(max) ONE(DBZ "EnforceRecordSize") X("max.bytes", max)
#define ANY X("min.field.size", "0")
	static char text[30001];
	struct leat_value v;

	/* Around the text there are 298 bytes, of one row. */
	memset(text, 'a', sizeof(text));
	v = leat_string(text, 1000);
	assert_int_equal(length_after(SIZE("1298") ANY, v, false), 1000);
	assert_int_equal(length_after(SIZE("1198") ANY, v, false), 900);
	assert_int_equal(length_after(SIZE("1") ANY, v, false), 0);
	assert_int_equal(length_after(SIZE("599") ANY
	    X("compression.ratio", "0.5"), v, false), 950);
	v = leat_bytes(text, 1000);
	assert_int_equal(length_after(SIZE("1166") ANY, v, false), 900);
	/* Short fields stay; both rows are cut alike. */
	v = leat_string(text, 1000);
	assert_int_equal(length_after(SIZE("10"), v, false), 1000);
	assert_int_equal(length_after(SIZE("10") X("min.field.size", "1000"),
	    v, false), 1000);
	v = leat_string(text, 30000);
	assert_true(length_after(SIZE("30000"), v, true) < 15000);
	/* Two bytes a character: none is cut in half. */
	for (size_t i = 0; i + 1 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa4", 2);
	v = leat_string(text, 1000);
	assert_int_equal(length_after(SIZE("1197") ANY, v, false), 898);
}

/* ----------------------------------------------------------- configuration */

static void
test_bad_settings(void **state)
{
	static const char *const rows[][2] = {
		{ FORMAT X("format", "wkt"), "format" },
		{ SWAP X("srids", "4326,x"), "srids: 'x' is not a number" },
		{ ONE(DBZ "EnforceRecordSize"), "max.bytes" },
		{ SIZE("0"), "max.bytes" },
		{ SIZE("1") X("compression.ratio", "0"), "compression.ratio" },
		{ SIZE("1") X("min.field.size", "-1"), "min.field.size" },
		{ VECTOR X("x", "y"), "x" },
		{ ONE("io.debezium.connector.postgresql.transforms."
		    "timescaledb.TimescaleDb"), "use ToLogicalTopicRouter" },
		{ ONE(DBZ "SchemaChangeEventFilter"), "no schema change" },
		{ ONE("ExtractSchemaToNewRecord"), "schemas.enable" },
		{ ONE(DBZ "partitions.ComputePartition"),
		    "use PartitionRouting" },
		{ ONE(DBZ "UnwrapFromEnvelope"), "ExtractNewRecordState" },
		{ ONE(DBZ "tracing.ActivateTracingSpan"), "not written" },
		{ ONE("OpenLineage"), "not reported" },
		{ ONE("io.debezium.connector.mongodb.transforms."
		    "ExtractNewDocumentState"), "MongoDB" },
		{ ONE("MongoEventRouter"), "MongoDB" },
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
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_geometry_format),
		cmocka_unit_test(test_swap),
		cmocka_unit_test(test_wkb),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_bad_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
