/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pg_types.c: texts of values against what they become, edges included.
 */
#include "pg_types_testing.h"

static void
test_numbers(void **state)
{
	static const struct row rows[] = {
		{ BOOL, -1, "t", "true" },
		{ BOOL, -1, "x", "BAD" },
		{ INT2, -1, "-32768", "-32768" },
		{ INT8, -1, "-9223372036854775808", "-9223372036854775808" },
		{ INT8, -1, "9223372036854775807", "9223372036854775807" },
		{ INT8, -1, "9223372036854775808", "BAD" },
		{ INT4, -1, "", "BAD" },
		{ INT4, -1, "-", "BAD" },
		{ INT4, -1, "1x", "BAD" },
		{ FLOAT8, -1, "-Infinity", "\"-Infinity\"" },
		{ FLOAT8, -1, "1e-05", "1.0E-5" },
		{ FLOAT8, -1, "one", "BAD" },
		{ NUMERIC, TYPMOD(10, 2), "19.99", "\"B88=\"" },
		{ NUMERIC, TYPMOD(10, 2), "5.00", "\"AfQ=\"" },
		{ NUMERIC, TYPMOD(10, 2), "-0.01", "\"/w==\"" },
		{ NUMERIC, TYPMOD(10, 2), "0.00", "\"AA==\"" },
		{ NUMERIC, TYPMOD(10, 2), "1.28", "\"AIA=\"" },
		{ NUMERIC, TYPMOD(10, 2), "-1.28", "\"gA==\"" },
		{ NUMERIC, TYPMOD(10, 2), "7", "\"Arw=\"" },
		{ NUMERIC, TYPMOD(10, 2), "1.234", "BAD" },
		{ NUMERIC, TYPMOD(10, 2), "1.230", "\"ew==\"" },
		{ NUMERIC, TYPMOD(10, 2), "NaN", "NONE" },
		{ NUMERIC, TYPMOD(10, 2), "Infinity", "NONE" },
		{ NUMERIC, TYPMOD(10, 2), "1.2.3", "BAD" },
		{ NUMERIC, TYPMOD(3, -2), "12300", "\"ew==\"" },
		/* 2^64 and its neighbours: beyond the fast path */
		{ NUMERIC, TYPMOD(30, 0), "18446744073709551616",
		    "\"AQAAAAAAAAAA\"" },
		{ NUMERIC, TYPMOD(30, 0), "-18446744073709551616",
		    "\"/wAAAAAAAAAA\"" },
		{ NUMERIC, TYPMOD(30, 0), "9223372036854775807",
		    "\"f/////////8=\"" },
		{ NUMERIC, TYPMOD(30, 0), "-9223372036854775808",
		    "\"gAAAAAAAAAA=\"" },
		{ NUMERIC, TYPMOD(38, 10), "1.0000000000",
		    "\"AlQL5AA=\"" },
		{ NUMERIC, -1, "12.500", "[1,\"fQ==\"]" },
		{ NUMERIC, -1, "100", "[0,\"ZA==\"]" },
		{ NUMERIC, -1, "0.00", "[0,\"AA==\"]" },
		{ NUMERIC, -1, "1234567890.123", "[3,\"AR9x+wTL\"]" },
		{ NUMERIC, -1, "NaN", "NONE" },
		{ MONEY, -1, "-$5.00", "\"/gw=\"" },
		{ MONEY, -1, "$1,234.50", "\"AeI6\"" },
		{ MONEY, -1, "($5.00)", "\"/gw=\"" },
		{ DOMAIN, -1, "1.5", "\"Dw==\"" },
	};

	CHECK(rows);
}

static void
test_times(void **state)
{
	static const struct row rows[] = {
		{ DATE, -1, "1970-01-01", "0" },
		{ DATE, -1, "2024-02-29", "19782" },
		{ DATE, -1, "0044-03-15 BC", "-735160" },
		{ DATE, -1, "-infinity", "-2147472691" },
		{ DATE, -1, "2024-13-01", "BAD" },
		{ DATE, -1, "2024-01-01x", "BAD" },
		{ TIME, -1, "24:00:00", "86400000000" },
		{ TIME, 3, "01:02:03.5", "3723500" },
		{ TIME, 6, "00:00:00.000001", "1" },
		{ TIME, -1, "24:00:01", "BAD" },
		{ TIMESTAMP, -1, "1969-12-31 23:59:59.999999", "-1" },
		{ TIMESTAMP, 3, "1969-12-31 23:59:59.999", "-1" },
		{ TIMESTAMP, 3, "infinity", "9223372036825200" },
		{ TIMESTAMP, 0, "-infinity", "-9223372036832400" },
		{ TIMESTAMP, 3, "0044-03-15 01:02:03 BC", "-63517820277000" },
		{ TIMESTAMP, -1, "2024-03-01", "BAD" },
		/* The server counts from 2000, and so a little further. */
		{ TIMESTAMP, -1, "294276-12-31 23:59:59", "NONE" },
		{ TIMESTAMP, 3, "294276-12-31 23:59:59.5",
		    "9224318015999500" },
		{ TIMESTAMPTZ, -1, "2024-03-01 01:02:03.45+00",
		    "\"2024-03-01T01:02:03.450000Z\"" },
		{ TIMESTAMPTZ, 3, "2024-03-01 01:02:03.45+00",
		    "\"2024-03-01T01:02:03.450Z\"" },
		{ TIMESTAMPTZ, 0, "2024-03-01 01:02:03+00",
		    "\"2024-03-01T01:02:03Z\"" },
		{ TIMESTAMPTZ, -1, "2024-03-01 00:02:03.45+05:30",
		    "\"2024-02-29T18:32:03.450000Z\"" },
		{ TIMESTAMPTZ, -1, "2024-12-31 23:30:00-02",
		    "\"2025-01-01T01:30:00.000000Z\"" },
		{ TIMESTAMPTZ, -1, "12345-03-15 01:02:03+00",
		    "\"+12345-03-15T01:02:03.000000Z\"" },
		{ TIMESTAMPTZ, -1, "0044-03-15 01:02:03+00 BC",
		    "\"-0043-03-15T01:02:03.000000Z\"" },
		{ TIMESTAMPTZ, -1, "-infinity", "\"-infinity\"" },
		{ TIMESTAMPTZ, -1, "2024-03-01 01:02:03", "BAD" },
		{ TIMETZ, -1, "10:11:12.5+05:30", "\"04:41:12.5Z\"" },
		{ TIMETZ, -1, "24:00:00+00", "\"24:00:00Z\"" },
		{ TIMETZ, -1, "01:00:00+02", "\"23:00:00Z\"" },
		{ INTERVAL, -1, "1 year 2 mons 3 days 04:05:06.78",
		    "37091106780000" },
		{ INTERVAL, -1, "-00:00:01.5", "-1500000" },
		{ INTERVAL, -1, "00:00:00", "0" },
		{ INTERVAL, -1, "1 fortnight", "BAD" },
		{ INTERVAL, -1, "infinity", "NONE" },
	};

	CHECK(rows);
}

static void
test_time_modes(void **state)
{
	static const struct row nanos[] = {
		{ DATE, -1, "1970-01-02", "1" },
		{ TIME, -1, "24:00:00", "86400000000000" },
		{ TIMESTAMP, -1, "1970-01-01 00:00:00.000001", "1000" },
		{ TIMESTAMP, -1, "infinity", "9223372036854775807" },
		{ TIMESTAMP, -1, "9999-01-01 00:00:00", "NONE" },
	};
	static const struct row iso[] = {
		{ DATE, -1, "2024-01-02", "\"2024-01-02Z\"" },
		{ TIME, -1, "01:02:03", "\"01:02:03Z\"" },
		{ TIMESTAMP, -1, "2024-01-02 01:02:03.45",
		    "\"2024-01-02T01:02:03.45Z\"" },
		{ TIMESTAMP, -1, "infinity",
		    "\"+294247-01-10T04:00:25.2Z\"" },
		{ INTERVAL, -1, "00:00:00", "\"P0Y0M0DT0H0M0S\"" },
		{ INTERVAL, -1, "-1 mons", "\"P0Y-1M0DT0H0M0S\"" },
		{ INTERVAL, -1, "-00:00:00.5", "\"P0Y0M0DT0H0M-0.5S\"" },
		{ INTERVAL, -1, "1 year 2 mons -3 days +04:05:06.789",
		    "\"P1Y2M-3DT4H5M6.789S\"" },
	};
	static const struct row connect[] = {
		{ TIME, -1, "00:00:01.999999", "1999" },
		{ TIMESTAMP, -1, "1970-01-01 00:00:01.999999", "1999" },
	};

	cfg.time_mode = PG_TIME_NANOS;
	CHECK(nanos);
	cfg.time_mode = PG_TIME_ISOSTRING;
	cfg.interval_mode = PG_INTERVAL_STRING;
	CHECK(iso);
	cfg.time_mode = PG_TIME_CONNECT;
	CHECK(connect);
	assert_string_equal(type_of(TIMESTAMP, 6)->schema.name,
	    "org.apache.kafka.connect.data.Timestamp");
	cfg.time_mode = PG_TIME_ADAPTIVE_TIME_MICROS;
	assert_string_equal(type_of(TIME, 0)->schema.name,
	    "io.debezium.time.MicroTime");
	assert_string_equal(type_of(TIMESTAMP, 0)->schema.name,
	    "io.debezium.time.Timestamp");
}

static void
test_texts(void **state)
{
	char far[400] = "";
	static const struct row rows[] = {
		{ TEXT, -1, "", "\"\"" },
		{ ENUM, -1, "sad", "\"sad\"" },
		{ ENUM, -1, "new", "STALE" },
		{ BYTEA, -1, "\\x", "\"\"" },
		{ BYTEA, -1, "\\xfF00", "\"/wA=\"" },
		{ BYTEA, -1, "\\xf", "BAD" },
		{ BYTEA, -1, "abc", "BAD" },
		{ BIT, 1, "1", "true" },
		{ BIT, 3, "101", "\"BQ==\"" },
		{ BIT, 3, "000", "\"\"" },
		{ VARBIT, 10, "1010101010", "\"qgI=\"" },
		{ VARBIT, 1, "1", "true" },
		{ VARBIT, 1, "", "NONE" },
		{ VARBIT, -1, "12", "BAD" },
		{ HSTORE, -1, "\"a\"=>\"1\", \"b\"=>NULL",
		    "\"{\\\"a\\\":\\\"1\\\",\\\"b\\\":null}\"" },
		{ HSTORE, -1, "\"q\\\"\"=>\"\\\\\"",
		    "\"{\\\"q\\\\\\\"\\\":\\\"\\\\\\\\\\\"}\"" },
		{ HSTORE, -1, "", "\"{}\"" },
		{ HSTORE, -1, "\"a\"", "BAD" },
		{ POINT, -1, "(1,2)",
		    "[1.0,2.0,\"AQEAAAAAAAAAAADwPwAAAAAAAABA\",null]" },
		{ POINT, -1, "(1;2)", "BAD" },
		{ GEOMETRY, -1, "0101000020E6100000000000000000F03F"
				"0000000000000040",
		    "[\"AQEAACDmEAAAAAAAAAAA8D8AAAAAAAAAQA==\","
		    "4326,null]" },
		{ VECTOR, -1, "[1,2.5]", "[1.0,2.5]" },
	};

	CHECK(rows);
	assert_string_equal(type_of(ENUM, -1)->schema.params[0].value,
	    "sad,a,b");
	cfg.hstore_mode = PG_HSTORE_MAP;
	assert_string_equal(value_of(type_of(HSTORE, -1),
	    "\"a\"=>\"1\", \"b\"=>NULL"), "{\"a\":\"1\",\"b\":null}");
	cfg.binary_mode = PG_BINARY_HEX;
	assert_string_equal(value_of(type_of(BYTEA, -1), "\\x0aff"),
	    "\"0aff\"");
	cfg.binary_mode = PG_BINARY_BASE64_URL;
	assert_string_equal(value_of(type_of(BYTEA, -1), "\\xffef"),
	    "\"_-8=\"");
	/* Further than a double reaches. */
	memset(far, '9', sizeof(far) - 1);
	cfg.decimal_mode = PG_DECIMAL_DOUBLE;
	assert_string_equal(value_of(type_of(NUMERIC, -1), far),
	    "\"Infinity\"");
	far[0] = '-';
	assert_string_equal(value_of(type_of(NUMERIC, -1), far),
	    "\"-Infinity\"");
}

static void
test_arrays(void **state)
{
	static const struct row rows[] = {
		{ INT4_ARRAY, -1, "{}", "[]" },
		{ INT4_ARRAY, -1, "{1,NULL,-3}", "[1,null,-3]" },
		{ INT4_ARRAY, -1, "[2:3]={5,6}", "[5,6]" },
		{ INT4_ARRAY, -1, "{{1,2},{3,4}}", "NONE" },
		{ INT4_ARRAY, -1, "{1,", "BAD" },
		{ INT4_ARRAY, -1, "{1,}", "BAD" },
		{ INT4_ARRAY, -1, "{,}", "BAD" },
		{ INT4_ARRAY, -1, "{x}", "BAD" },
		{ TEXT_ARRAY, -1, "{\"a b\",\"NULL\",NULL,\"q\\\"\\\\\",c}",
		    "[\"a b\",\"NULL\",null,\"q\\\"\\\\\",\"c\"]" },
		{ TEXT_ARRAY, -1, "{\"\"}", "[\"\"]" },
		{ TEXT_ARRAY, -1, "{\"a}", "BAD" },
		{ ENUM_ARRAY, -1, "{sad,\"a,b\"}", "[\"sad\",\"a,b\"]" },
	};
	char *big = malloc(20002), *want;

	CHECK(rows);
	assert_non_null(big);
	for (int i = 0; i < 10000; i++)
		memcpy(big + 2 * i, "7,", 2);
	memmove(big + 1, big, 19999);
	big[0] = '{';
	memcpy(big + 20000, "}", 2);
	want = leat_arena_strdup(&arena, value_of(type_of(INT4_ARRAY, -1),
	    big));
	assert_int_equal(strlen(want), 20001);
	free(big);
}

static void
check_default(uint32_t oid, int32_t typmod, const char *expr,
    const char *json)
{
	const struct pg_type *ty = type_of(oid, typmod);
	struct leat_value v = leat_null();
	struct leat_buf b;
	int has = pg_default_value(ty, expr, &arena, &v);

	if (json == NULL) {
		assert_int_equal(has, 0);
		return;
	}
	assert_int_equal(has, 1);
	leat_buf_init(&b, 4096);
	(void)leat_json_add_value(&b, &v);
	if (strcmp(leat_buf_cstr(&b), json) != 0)
		fail_msg("%s: got %s, want %s", expr, leat_buf_cstr(&b), json);
	leat_buf_fini(&b);
}

static void
test_defaults(void **state)
{
	check_default(TEXT, -1, "'none'::text", "\"none\"");
	check_default(TEXT, -1, "'it''s'::character varying", "\"it's\"");
	check_default(TEXT, -1, "E'a\\\\b'::text", "\"a\\\\b\"");
	check_default(TEXT, -1, "NULL::character varying", NULL);
	check_default(TEXT, -1, "('a'::text || 'b'::text)", NULL);
	check_default(TEXT, -1, "upper('a'::text)", "\"\"");
	check_default(INT4, -1, "nextval('shop.orders_id_seq'::regclass)", "0");
	check_default(INT4, -1, "42", "42");
	check_default(INT4, -1, "'-1'::integer", "-1");
	check_default(INT4, -1, "(-1)", "-1");
	check_default(INT4, -1, "(1 + 2)", NULL);
	check_default(INT4, -1, "(date_part('year'::text, now()))::integer",
	    "0");
	check_default(INT4, -1, "shop.next_id()", "0");
	check_default(BOOL, -1, "true", "true");
	check_default(NUMERIC, TYPMOD(10, 2), "0", "\"AA==\"");
	check_default(NUMERIC, TYPMOD(10, 2), "1.5", "\"AJY=\"");
	check_default(NUMERIC, -1, "1.5", NULL);
	check_default(DATE, -1, "'2024-01-02'::date", "19724");
	check_default(DATE, -1, "CURRENT_DATE", "0");
	check_default(TIMESTAMPTZ, -1, "now()",
	    "\"1970-01-01T00:00:00.000000Z\"");
	check_default(UUID, -1, "gen_random_uuid()",
	    "\"00000000-0000-0000-0000-000000000000\"");
	/* Debezium has none for these. */
	check_default(TEXT_ARRAY, -1, "'{a,b}'::text[]", NULL);
	check_default(BYTEA, -1, "'\\x00'::bytea", NULL);
	check_default(DOMAIN, -1, "1.5", NULL);
	check_default(ENUM, -1, "some_mood()", NULL);
	check_default(JSON, -1, "json_object('{}'::text[])", "\"{}\"");
	check_default(DATE, -1, "(now() + '1 day'::interval)", "0");
	check_default(ENUM, -1, "'sad'::shop.mood", "\"sad\"");
	check_default(BIT, 3, "B'101'::\"bit\"", "\"BQ==\"");
	check_default(DATE, -1, "'rubbish'::text", NULL);
	cfg.decimal_mode = PG_DECIMAL_STRING;
	check_default(NUMERIC, TYPMOD(10, 2), "1.5", "\"1.50\"");
	check_default(NUMERIC, TYPMOD(10, 2), "'-7'::integer", "\"-7.00\"");
	check_default(NUMERIC, -1, "1.5", "\"1.5\"");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TYPES_TEST(test_numbers),
		TYPES_TEST(test_times),
		TYPES_TEST(test_time_modes),
		TYPES_TEST(test_texts),
		TYPES_TEST(test_arrays),
		TYPES_TEST(test_defaults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
