/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pg_types_wide.c: structured times, shapes, arrays of all kinds, and
 * what Debezium has no schema for.
 */
#include "pg_types_testing.h"

enum {
	BOX = 603,
	LSEG = 601,
	PATH = 602,
	POLYGON = 604,
	LINE = 628,
	CIRCLE = 718,
	BOX_ARRAY = 1020,
	MONEY_ARRAY = 791,
	INTERVAL_ARRAY = 1187,
	BIT_ARRAY = 1561,
	VARBIT_ARRAY = 1563,
	POINT_ARRAY = 1017,
	BYTEA_ARRAY = 1001,
	UUID_ARRAY = 2951,
	PG_LSN = 3220
};

/* A fallback as JSON; a struct prints as its items. */
static const char *
json_of(struct leat_value v)
{
	struct leat_buf b;
	char *out;

	leat_buf_init(&b, 1u << 20);
	if (v.kind == LEAT_STRUCT)
		v.kind = LEAT_ARRAY;
	assert_int_equal(leat_json_add_value(&b, &v), 0);
	out = leat_arena_strndup(&arena, (const char *)b.data, b.len);
	leat_buf_fini(&b);
	return out;
}

static void
test_structured(void **state)
{
	static const struct row rows[] = {
		{ DATE, -1, "2024-02-29", "[2024,2,29,null]" },
		{ DATE, -1, "0044-03-15 BC", "[-43,3,15,null]" },
		{ DATE, -1, "infinity",
		    "[null,null,null,\"POSITIVE_INFINITY\"]" },
		{ TIME, -1, "24:00:00", "[24,0,0,0,6]" },
		{ TIME, 3, "01:02:03.004", "[1,2,3,4000000,3]" },
		{ TIMESTAMP, -1, "2024-03-01 01:02:03.45",
		    "[2024,3,1,1,2,3,450000000,null,6]" },
		{ TIMESTAMP, 0, "-infinity", "[null,null,null,null,null,null,"
		    "null,\"NEGATIVE_INFINITY\",0]" },
		{ TIMESTAMPTZ, -1, "2024-12-31 23:30:00-02",
		    "[2025,1,1,1,30,0,0,0,\"Z\",null,6]" },
		{ TIMESTAMPTZ, -1, "infinity", "[null,null,null,null,null,"
		    "null,null,null,null,\"POSITIVE_INFINITY\",6]" },
		{ TIMETZ, -1, "10:11:12.5-05:30",
		    "[10,11,12,500000000,-19800,6]" },
		{ TIMETZ, 0, "24:00:00+00", "[24,0,0,0,0,0]" },
		{ TIMETZ, -1, "24:00:01+00", "BAD" },
		{ INTERVAL, -1, "1 year 2 mons -3 days +04:05:06.789",
		    "[1,2,-3,4,5,6,789000000,6]" },
		{ INTERVAL, 0x7fff0003, "-00:00:01.5",
		    "[0,0,0,0,0,-1,-500000000,3]" },
	};

	cfg.time_mode = PG_TIME_STRUCTURED;
	CHECK(rows);
	/* More hours than an int32 has room for. */
	assert_string_equal(value_of(type_of(INTERVAL, -1),
	    "2562047788:00:00"), "NONE");
	assert_string_equal(type_of(TIMETZ, -1)->schema.name,
	    "io.debezium.time.StructuredZonedTime");
	assert_string_equal(json_of(type_of(DATE, -1)->fallback),
	    "[1970,1,1,null]");
	assert_int_equal(leat_schema_field(&type_of(TIMESTAMPTZ, -1)->schema,
	    "specialValue"), 9);
}

static void
test_infinities(void **state)
{
	static const struct row rows[] = {
		{ DATE, -1, "infinity", "2147483647" },
		{ DATE, -1, "-infinity", "-2147483648" },
		{ TIMESTAMP, -1, "infinity", "9223372036854775807" },
		{ TIMESTAMP, 0, "-infinity", "-9223372036854775808" },
		{ TIMESTAMPTZ, 0, "-infinity", "\"-infinity\"" },
	};
	static const struct row iso[] = {
		{ DATE, -1, "-infinity", "\"-infinity\"" },
		{ TIMESTAMP, -1, "infinity", "\"infinity\"" },
	};

	cfg.infinity_mode = PG_INFINITY_LIMITS;
	CHECK(rows);
	cfg.time_mode = PG_TIME_ISOSTRING;
	CHECK(iso);
}

/* Little-endian doubles 0 and 1 in base64 are told apart by their tails. */
static void
test_shapes(void **state)
{
	static const struct row rows[] = {
		{ LSEG, -1, "[(0,0),(1,0)]",
		    "[\"AQIAAAACAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAPA/"
		    "AAAAAAAAAAA=\",null,{\"type\":\"lseg\"}]" },
		{ PATH, -1, "[(0,0),(1,0)]",
		    "[\"AQIAAAACAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAPA/"
		    "AAAAAAAAAAA=\",null,{\"type\":\"path\","
		    "\"closed\":\"false\"}]" },
		{ LINE, -1, "{1,-2.5,3e10}", "[1.0,-2.5,3.0E10]" },
		{ LINE, -1, "{1,2}", "BAD" },
		{ BOX, -1, "(1,1),(0,x)", "BAD" },
		{ PATH, -1, "((0,0),(1))", "BAD" },
		{ POINT, -1, "(Infinity,NaN)", "[\"Infinity\",\"NaN\","
		    "\"AQEAAAAAAAAAAADwfwAAAAAAAPh/\",null]" },
		{ SPARSE, -1, "{}/3", "[3,{}]" },
		{ SPARSE, -1, "{1:0.5}/40000", "NONE" },
		{ SPARSE, -1, "{1;0.5}/4", "BAD" },
	};
	const struct leat_value *items;
	const struct pg_type *ty;
	struct pg_arena_batch ab;
	struct leat_value v;
	char text[] = "{(1,1),(0,0);NULL}", circle[] = "<(1,2),3>";
	char ring[] = "((0,0),(1,0),(0,1))";

	CHECK(rows);
	pg_arena_batch_init(&ab, &arena);
	ty = type_of(BOX_ARRAY, -1);
	assert_int_equal(ty->conv(ty, text, sizeof(text) - 1, &ab.b, &v), 0);
	assert_int_equal(v.len, 2);
	assert_int_equal(v.u.items[0].u.items[0].len, 13 + 5 * 16);
	assert_int_equal(v.u.items[1].kind, LEAT_NULL);
	ty = type_of(CIRCLE, -1);
	assert_true(ty->schema.optional);
	assert_int_equal(ty->conv(ty, circle, sizeof(circle) - 1, &ab.b, &v),
	    0);
	items = v.u.items;
	assert_true(items[0].u.items[1].u.f == 2.0 && items[1].u.f == 3.0);
	/* The ring comes back to where it began. */
	ty = type_of(POLYGON, -1);
	assert_int_equal(ty->conv(ty, ring, sizeof(ring) - 1, &ab.b, &v), 0);
	assert_int_equal(v.u.items[0].len, 13 + 4 * 16);
	assert_int_equal(type_of(PATH, -1)->fallback.u.items[2].len, 1);
	assert_int_equal(type_of(POINT, -1)->fallback.u.items[2].len, 21);
	assert_int_equal(type_of(GEOMETRY, -1)->fallback.u.items[0].len, 9);
}

static void
test_dimensions(void **state)
{
	static const struct row nested[] = {
		{ INT4_ARRAY, -1, "{{1,2},{3,NULL}}", "[[1,2],[3,null]]" },
		{ INT4_ARRAY, -1, "[0:0][5:6]={{1,2}}", "[[1,2]]" },
		{ INT4_ARRAY, -1, "{}", "[]" },
		{ INT4_ARRAY, -1, "{1,2}", "NONE" },
		{ INT4_ARRAY, -1, "{{{1}}}", "NONE" },
		{ INT4_ARRAY, -1, "{{1,2}", "BAD" },
		{ TEXT_ARRAY, -1, "{{\"a{b\",\"}\\\"\"},{x,NULL}}",
		    "[[\"a{b\",\"}\\\"\"],[\"x\",null]]" },
	};
	static const struct row text[] = {
		{ INT4_ARRAY, -1, "[2:3]={5,6}", "\"[2:3]={5,6}\"" },
		{ ENUM_ARRAY, -1, "{{sad}}", "\"{{sad}}\"" },
	};

	ndims = 2;
	CHECK(nested);
	assert_int_equal(type_of(INT4_ARRAY, -1)->schema.elem->kind,
	    LEAT_ARRAY);
	cfg.array_mode = PG_ARRAY_TEXT;
	CHECK(text);
}

/* Types that Debezium leaves out. */
static void
test_beyond(void **state)
{
	static const struct row rows[] = {
		{ INTERVAL_ARRAY, -1, "{\"1 day\",NULL}",
		    "[86400000000,null]" },
		{ MONEY_ARRAY, -1, "{-$5.00,\"$1,234.50\"}",
		    "[\"/gw=\",\"AeI6\"]" },
		{ BIT_ARRAY, 3, "{101,NULL}", "[\"BQ==\",null]" },
		{ BIT_ARRAY, 1, "{1,0}", "[true,false]" },
		{ VARBIT_ARRAY, -1, "{101}", "[\"BQ==\"]" },
		{ DOMAIN_ARRAY, -1, "{1.5,NULL}", "[\"Dw==\",null]" },
		{ ARRAY_DOMAIN, -1, "{{1},{2}}", "[[1],[2]]" },
		{ ARRAY_DOMAIN_ARRAY, -1, "{\"{{1,2}}\",NULL}",
		    "[[[1,2]],null]" },
		{ MULTIRANGE, -1, "{[1,2),[5,6)}", "\"{[1,2),[5,6)}\"" },
		{ COMPOSITE, -1, "(1,\"a b\")", "\"(1,\\\"a b\\\")\"" },
		{ COMPOSITE_ARRAY, -1, "{\"(1,\\\"a b\\\")\"}",
		    "[\"(1,\\\"a b\\\")\"]" },
	};

	CHECK(rows);
	assert_string_equal(value_of(type_of(POINT_ARRAY, -1),
	    "{NULL}"), "[null]");
	assert_null(type_of(CUBE, -1));
	assert_null(type_of(CUBE_ARRAY, -1));
	cfg.include_unknown = 1;
	assert_string_equal(value_of(type_of(CUBE, -1), "(1)"), "\"KDEp\"");
	assert_string_equal(value_of(type_of(CUBE_ARRAY, -1), "{(1),NULL}"),
	    "[\"KDEp\",null]");
	/* As Debezium has them when they are asked for. */
	assert_string_equal(value_of(type_of(COMPOSITE, -1), "(1)"),
	    "\"KDEp\"");
}

static const char *
placeholder_of(uint32_t oid)
{
	const struct pg_type *ty = type_of(oid, -1);

	return ty->has_placeholder ? json_of(ty->placeholder) : "none";
}

static void
test_placeholders(void **state)
{
	assert_string_equal(placeholder_of(TEXT),
	    "\"__debezium_unavailable_value\"");
	assert_string_equal(placeholder_of(HSTORE),
	    "\"{\\\"__debezium_unavailable_value\\\":"
	    "\\\"__debezium_unavailable_value\\\"}\"");
	assert_string_equal(placeholder_of(UUID_ARRAY),
	    "[\"b68a35a7-17ad-35b3-af2a-ae46edb4545a\"]");
	assert_string_equal(placeholder_of(BYTEA_ARRAY),
	    "[\"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==\"]");
	assert_string_equal(placeholder_of(NUMERIC), "none");
	assert_string_equal(placeholder_of(UUID), "none");
	assert_string_equal(placeholder_of(INTERVAL_ARRAY), "none");
	ndims = 2;
	assert_string_equal(placeholder_of(TEXT_ARRAY),
	    "[[\"__debezium_unavailable_value\"]]");
	ndims = 0;
	cfg.placeholder = "hex:41ff";
	assert_string_equal(placeholder_of(BYTEA), "\"Qf8=\"");
	/* Bytes have a sign in Java. */
	assert_string_equal(placeholder_of(INT4_ARRAY), "[65,-1]");
	cfg.hstore_mode = PG_HSTORE_MAP;
	cfg.placeholder = "a";
	assert_string_equal(placeholder_of(HSTORE), "{\"a\":\"a\"}");
	cfg.binary_mode = PG_BINARY_HEX;
	assert_string_equal(placeholder_of(BYTEA), "\"a\"");
	cfg.binary_mode = PG_BINARY_BASE64;
	assert_string_equal(placeholder_of(BYTEA), "\"YQ==\"");
}

static void
test_fallbacks(void **state)
{
	assert_string_equal(json_of(type_of(NUMERIC, TYPMOD(10, 2))->fallback),
	    "\"AA==\"");
	cfg.decimal_mode = PG_DECIMAL_STRING;
	assert_string_equal(json_of(type_of(NUMERIC, TYPMOD(10, 2))->fallback),
	    "\"0.00\"");
	assert_string_equal(json_of(type_of(NUMERIC, -1)->fallback), "\"0\"");
	assert_string_equal(json_of(type_of(MONEY, -1)->fallback), "\"0.00\"");
	cfg.decimal_mode = PG_DECIMAL_DOUBLE;
	assert_string_equal(json_of(type_of(MONEY, -1)->fallback), "0.0");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TYPES_TEST(test_structured),
		TYPES_TEST(test_infinities),
		TYPES_TEST(test_shapes),
		TYPES_TEST(test_dimensions),
		TYPES_TEST(test_beyond),
		TYPES_TEST(test_placeholders),
		TYPES_TEST(test_fallbacks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
