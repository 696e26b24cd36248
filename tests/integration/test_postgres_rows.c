/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_postgres_rows.c: all types by snapshot and by stream, replica identity
 * in its forms, large values, keys, changes of tables under way.
 */
#include "tests/harness/pgserver.h"
#include "tests/integration/pgtest.h"

/* Name, type, SQL literal, expected JSON. */
static const struct {
	const char *type;
	const char *value;
	const char *json;
} rows[] = {
	{ "boolean", "true", "true" },
	{ "smallint", "-32768", "-32768" },
	{ "integer", "2147483647", "2147483647" },
	{ "bigint", "-9223372036854775808", "-9223372036854775808" },
	{ "oid", "4294967295", "4294967295" },
	{ "real", "0.1", "0.1" },
	{ "double precision", "'NaN'", "\"NaN\"" },
	{ "double precision", "1e20", "1.0E20" },
	{ "numeric(10,2)", "-0.01", "\"/w==\"" },
	{ "numeric(38,10)", "12345678901234567890.5", NULL },
	{ "numeric", "12.500", "{\"scale\":1,\"value\":\"fQ==\"}" },
	{ "numeric", "1234567890.123",
	    "{\"scale\":3,\"value\":\"AR9x+wTL\"}" },
	{ "numeric", "'NaN'", "null" },
	{ "numeric(3,-2)", "12345", "\"ew==\"" },
	{ "money", "'-5.00'", "\"/gw=\"" },
	{ "text", "E'tab\\tnl\\nback\\\\slash \"q\" \\u00e9'",
	    "\"tab\\tnl\\nback\\\\slash \\\"q\\\" \xc3\xa9\"" },
	{ "text", "'\\N'", "\"\\\\N\"" },
	{ "varchar(5)", "'ab'", "\"ab\"" },
	{ "char(5)", "'ab'", "\"ab   \"" },
	{ "bytea", "'\\x00ff7f'", "\"AP9/\"" },
	{ "date", "'2024-03-01'", "19783" },
	{ "date", "'0044-03-15 BC'", "-735160" },
	{ "date", "'infinity'", "-2147472692" },
	{ "time", "'01:02:03.456789'", "3723456789" },
	{ "time(3)", "'24:00:00'", "86400000" },
	{ "timestamp", "'2024-03-01 01:02:03.45'", "1709254923450000" },
	{ "timestamp(3)", "'0044-03-15 01:02:03 BC'", "-63517820277000" },
	{ "timestamp", "'infinity'", "9223372036825200000" },
	{ "timestamp", "'-infinity'", "-9223372036832400000" },
	{ "timestamptz", "'2024-03-01 01:02:03.45+01'",
	    "\"2024-03-01T00:02:03.450000Z\"" },
	{ "timestamptz(0)", "'2024-03-01 01:02:03+00'",
	    "\"2024-03-01T01:02:03Z\"" },
	{ "timestamptz", "'12345-03-15 01:02:03+00'",
	    "\"+12345-03-15T01:02:03.000000Z\"" },
	{ "timestamptz", "'0044-03-15 01:02:03+00 BC'",
	    "\"-0043-03-15T01:02:03.000000Z\"" },
	{ "timestamptz", "'infinity'", "\"infinity\"" },
	{ "timetz", "'01:02:03.12+01'", "\"00:02:03.12Z\"" },
	{ "timetz", "'24:00:00+00'", "\"24:00:00Z\"" },
	{ "interval", "'1 year 2 mons 3 days 04:05:06.78'",
	    "37091106780000" },
	{ "uuid", "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'",
	    "\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\"" },
	{ "json", "'{\"a\":  1}'", "\"{\\\"a\\\":  1}\"" },
	{ "jsonb", "'{\"a\":  1}'", "\"{\\\"a\\\": 1}\"" },
	{ "xml", "'<a/>'", "\"<a/>\"" },
	{ "mood", "'happy'", "\"happy\"" },
	{ "bit", "B'1'", "true" },
	{ "bit(3)", "B'101'", "\"BQ==\"" },
	{ "varbit(10)", "B'1010101010'", "\"qgI=\"" },
	{ "inet", "'10.0.0.1/8'", "\"10.0.0.1/8\"" },
	{ "macaddr", "'08:00:2b:01:02:03'", "\"08:00:2b:01:02:03\"" },
	{ "int4range", "'[1,6)'", "\"[1,6)\"" },
	{ "tsvector", "'a:1 b:2'", "\"'a':1 'b':2\"" },
	{ "point", "'(1,2)'",
	    "{\"x\":1.0,\"y\":2.0,\"wkb\":"
	    "\"AQEAAAAAAAAAAADwPwAAAAAAAABA\",\"srid\":null}" },
	{ "int[]", "'{1,NULL,3}'", "[1,null,3]" },
	{ "int[]", "'[2:3]={5,6}'", "[5,6]" },
	{ "int[]", "'{}'", "[]" },
	{ "int[]", "'{{1,2},{3,4}}'", "null" },
	{ "int[][]", "'{{1,2},{3,4}}'", "[[1,2],[3,4]]" },
	{ "matrix", "'{{1},{2}}'", "[[1],[2]]" },
	{ "posint[]", "'{1,NULL}'", "[1,null]" },
	{ "interval[]", "'{1 day,NULL}'", "[86400000000,null]" },
	{ "int4multirange", "'{[1,2),[5,6)}'", "\"{[1,2),[5,6)}\"" },
	{ "pair", "ROW(1, 'a b')", "\"(1,\\\"a b\\\")\"" },
	{ "pg_lsn", "'0/1'", "\"0/1\"" },
	{ "line", "'{1,2,3}'", "{\"a\":1.0,\"b\":2.0,\"c\":3.0}" },
	{ "citext", "'Ab'", "\"Ab\"" },
	{ "ltree", "'a.b'", "\"a.b\"" },
	{ "isbn", "'978-0-393-04002-9'", "\"0-393-04002-X\"" },
	{ "hstore", "'a=>1,b=>NULL'",
	    "\"{\\\"a\\\":\\\"1\\\",\\\"b\\\":null}\"" },
	{ "citext[]", "'{a,NULL}'", "[\"a\",null]" },
	{ "text[]", "ARRAY['a b', 'NULL', E'q\"\\\\', NULL]",
	    "[\"a b\",\"NULL\",\"q\\\"\\\\\",null]" },
	{ "numeric(10,2)[]", "'{19.99,5}'", "[\"B88=\",\"AfQ=\"]" },
	{ "timestamptz[]", "'{2024-03-01 01:02:03+00,infinity}'",
	    "[\"2024-03-01T01:02:03.000000Z\",\"infinity\"]" },
	{ "mood[]", "'{sad,happy}'", "[\"sad\",\"happy\"]" },
	{ "posint", "7", "7" },
	{ "shortnum", "1.5", "\"AJY=\"" },
};

enum { NROWS = sizeof(rows) / sizeof(rows[0]) };

static void
make_types(const char *table)
{
	th_pg_exec(pg, "DROP TABLE IF EXISTS %s; DROP TYPE IF EXISTS mood "
	    "CASCADE; DROP DOMAIN IF EXISTS posint, shortnum, matrix;"
	    "DROP TYPE IF EXISTS pair;"
	    "CREATE EXTENSION IF NOT EXISTS citext;"
	    "CREATE EXTENSION IF NOT EXISTS ltree;"
	    "CREATE EXTENSION IF NOT EXISTS hstore;"
	    "CREATE EXTENSION IF NOT EXISTS isn;"
	    "CREATE EXTENSION IF NOT EXISTS cube;"
	    "CREATE DOMAIN matrix AS int[][];"
	    "CREATE TYPE pair AS (a int, b text);"
	    "CREATE TYPE mood AS ENUM ('sad','happy');"
	    "CREATE DOMAIN posint AS int CHECK (VALUE > 0);"
	    "CREATE DOMAIN shortnum AS numeric(5,2);"
	    "CREATE TABLE %s (id int PRIMARY KEY, gone cube)", table, table);
	for (size_t i = 0; i < NROWS; i++)
		th_pg_exec(pg, "ALTER TABLE %s ADD c%zu %s", table, i,
		    rows[i].type);
}

static void
insert_types(const char *table)
{
	th_pg_exec(pg, "INSERT INTO %s (id) VALUES (1)", table);
	for (size_t i = 0; i < NROWS; i++)
		th_pg_exec(pg, "UPDATE %s SET c%zu = %s", table, i,
		    rows[i].value);
}

static void
check_types(struct leat_fake *f, size_t at)
{
	for (size_t i = 0; i < NROWS; i++) {
		const char *got = pgt_at(f, at, th_text("/after/c%zu", i));

		if (rows[i].json != NULL && strcmp(got, rows[i].json) != 0)
			fail_msg("%s %s: got %s, want %s", rows[i].type,
			    rows[i].value, got, rows[i].json);
	}
}

/* The same row by snapshot and by stream, in all columns. */
static void
test_types(void **state)
{
	struct leat_fake *f;
	const char *snap;

	make_types("types");
	insert_types("types");
	f = pgt_source(pg, "types", "public.types");
	pgt_open(f);
	pgt_run(f, 1);
	pgt_expect(f, 0, "/op", "\"r\"");
	pgt_expect(f, 0, "/source/snapshot", "\"last\"");
	check_types(f, 0);
	snap = pgt_at(f, 0, "/after");
	th_pg_exec(pg, "CREATE TABLE copy_of AS SELECT * FROM types;"
	    "DELETE FROM types; INSERT INTO types SELECT * FROM copy_of");
	pgt_run(f, 4);
	pgt_expect(f, 3, "/op", "\"c\"");
	check_types(f, 3);
	assert_string_equal(pgt_at(f, 3, "/after"), snap);
	assert_null(strstr(snap, "gone"));
	assert_true(leat_fake_metric(f,
	    "postgres_values_unconverted_total") > 0);
	pgt_end(pg, f, "types");
}

static void
test_modes(void **state)
{
	struct leat_fake *f = pgt_source(pg, "modes", "public.modes");

	th_pg_exec(pg, "CREATE TABLE modes (id int PRIMARY KEY, n numeric,"
	    " m numeric(10,2), d date, t time(3), ts timestamp(0),"
	    " i interval, b bytea, x cube);"
	    "INSERT INTO modes VALUES (1, 'NaN', 5, '2024-01-02', '01:02:03',"
	    " '2024-01-02 01:02:03.45', '1 year 2 mons 3 days 04:05:06.78',"
	    " '\\xff', '(1,2)')");
	leat_fake_set(f, "decimal.handling.mode", "string");
	leat_fake_set(f, "time.precision.mode", "isostring");
	leat_fake_set(f, "interval.handling.mode", "string");
	leat_fake_set(f, "binary.handling.mode", "hex");
	leat_fake_set(f, "include.unknown.datatypes", "true");
	pgt_open(f);
	pgt_run(f, 1);
	pgt_expect(f, 0, "/after", "{\"id\":1,\"n\":\"NAN\",\"m\":\"5.00\","
	    "\"d\":\"2024-01-02Z\",\"t\":\"01:02:03Z\","
	    "\"ts\":\"2024-01-02T01:02:03Z\",\"i\":\"P1Y2M3DT4H5M6.78S\","
	    "\"b\":\"ff\",\"x\":\"28312c203229\"}");
	pgt_end(pg, f, "modes");

	f = pgt_source(pg, "modes", "public.modes");
	leat_fake_set(f, "decimal.handling.mode", "double");
	leat_fake_set(f, "time.precision.mode", "connect");
	leat_fake_set(f, "binary.handling.mode", "base64-url-safe");
	pgt_open(f);
	pgt_run(f, 1);
	pgt_expect(f, 0, "/after", "{\"id\":1,\"n\":\"NaN\",\"m\":5.0,"
	    "\"d\":19724,\"t\":3723000,\"ts\":1704157323000,"
	    "\"i\":37091106780000,\"b\":\"_w==\"}");
	pgt_end(pg, f, "modes");
}

/* ----------------------------------------------------------- identities */

static void
test_identity_full(void **state)
{
	struct leat_fake *f = pgt_source(pg, "rifull", "public.rifull");

	th_pg_exec(pg, "CREATE TABLE rifull (id int PRIMARY KEY, v text,"
	    " big text); ALTER TABLE rifull REPLICA IDENTITY FULL;"
	    "ALTER TABLE rifull ALTER big SET STORAGE EXTERNAL");
	leat_fake_set(f, "skip.messages.without.change", "true");
	pgt_open(f);
	th_pg_exec(pg, "INSERT INTO rifull VALUES (1,'a',repeat('z',9000))");
	th_pg_exec(pg, "UPDATE rifull SET v = 'b'");
	th_pg_exec(pg, "UPDATE rifull SET v = 'b'");
	th_pg_exec(pg, "UPDATE rifull SET id = 2");
	th_pg_exec(pg, "DELETE FROM rifull");
	pgt_run(f, 7);
	pgt_expect(f, 1, "/op", "\"u\"");
	pgt_expect(f, 1, "/before/v", "\"a\"");
	pgt_expect(f, 1, "/after/v", "\"b\"");
	/* The large value comes from the old row. */
	assert_string_equal(pgt_at(f, 1, "/after/big"),
	    pgt_at(f, 0, "/after/big"));
	pgt_expect(f, 2, "/op", "\"d\"");
	pgt_expect(f, 2, "/before/v", "\"b\"");
	pgt_expect(f, 4, "/op", "\"c\"");
	pgt_expect(f, 5, "/op", "\"d\"");
	pgt_expect(f, 5, "/before/v", "\"b\"");
	assert_string_equal(leat_fake_key(f, 5), "{\"id\":2}");
	pgt_end(pg, f, "rifull");
}

static void
test_identity_index(void **state)
{
	struct leat_fake *f = pgt_source(pg, "riidx", "public.riidx");

	th_pg_exec(pg, "CREATE TABLE riidx (id int PRIMARY KEY, code int NOT "
	    "NULL UNIQUE, v text); ALTER TABLE riidx REPLICA IDENTITY USING "
	    "INDEX riidx_code_key");
	th_pg_exec(pg, "INSERT INTO riidx VALUES (1, 10, 'a')");
	pgt_open(f);
	pgt_run(f, 1);
	/* The old rows know the code alone, so that is the key throughout. */
	assert_string_equal(leat_fake_key(f, 0), "{\"code\":10}");
	th_pg_exec(pg, "UPDATE riidx SET v = 'b'");
	th_pg_exec(pg, "UPDATE riidx SET code = 11");
	th_pg_exec(pg, "DELETE FROM riidx");
	pgt_run(f, 7);
	pgt_expect(f, 1, "/op", "\"u\"");
	assert_string_equal(leat_fake_key(f, 2), "{\"code\":10}");
	assert_string_equal(leat_fake_key(f, 4), "{\"code\":11}");
	assert_string_equal(leat_fake_key(f, 5), "{\"code\":11}");
	pgt_expect(f, 5, "/before/id", "0");
	assert_int_equal(leat_fake_logged(f, "lacks the primary key"), 2);
	pgt_end(pg, f, "riidx");
}

static void
test_no_key(void **state)
{
	struct leat_fake *f = pgt_source(pg, "nokey", "public.nokey");

	th_pg_exec(pg, "CREATE TABLE nokey (v text)");
	pgt_open(f);
	assert_true(leat_fake_logged(f, "no replica identity") > 0);
	th_pg_exec(pg, "INSERT INTO nokey VALUES ('a')");
	assert_string_equal(th_pg_try(pg, "UPDATE nokey SET v = 'b'"), "55000");
	th_pg_exec(pg, "ALTER TABLE nokey REPLICA IDENTITY FULL");
	th_pg_exec(pg, "UPDATE nokey SET v = 'b'; DELETE FROM nokey");
	pgt_run(f, 3);
	assert_string_equal(leat_fake_key(f, 0), "null");
	pgt_expect(f, 1, "/before/v", "\"a\"");
	pgt_expect(f, 2, "/op", "\"d\"");
	pgt_end(pg, f, "nokey");
}

static void
test_unchanged_values(void **state)
{
	struct leat_fake *f = pgt_source(pg, "toast", "public.toast");

	th_pg_exec(pg, "CREATE TABLE toast (id int PRIMARY KEY, v int, t text,"
	    " b bytea, ta text[], ia int[], ua uuid[], j jsonb, n numeric[]);"
	    "ALTER TABLE toast ALTER t SET STORAGE EXTERNAL,"
	    " ALTER b SET STORAGE EXTERNAL, ALTER ta SET STORAGE EXTERNAL,"
	    " ALTER ia SET STORAGE EXTERNAL, ALTER ua SET STORAGE EXTERNAL,"
	    " ALTER j SET STORAGE EXTERNAL, ALTER n SET STORAGE EXTERNAL");
	pgt_open(f);
	th_pg_exec(pg, "INSERT INTO toast SELECT 1, 1, repeat('x', 9000),"
	    " decode(repeat('ff', 9000), 'hex'), array_agg(repeat('y', 9)),"
	    " array_agg(g), array_agg(gen_random_uuid()),"
	    " jsonb_build_object('k', repeat('z', 9000)), array_agg(g::numeric)"
	    " FROM generate_series(1, 2500) g");
	th_pg_exec(pg, "UPDATE toast SET v = 2");
	pgt_run(f, 2);
	pgt_expect(f, 1, "/after/t", "\"__debezium_unavailable_value\"");
	pgt_expect(f, 1, "/after/b",
	    "\"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==\"");
	pgt_expect(f, 1, "/after/ta", "[\"__debezium_unavailable_value\"]");
	assert_memory_equal(pgt_at(f, 1, "/after/ia"), "[95,95,100,101", 14);
	pgt_expect(f, 1, "/after/ua",
	    "[\"b68a35a7-17ad-35b3-af2a-ae46edb4545a\"]");
	pgt_expect(f, 1, "/after/j", "\"__debezium_unavailable_value\"");
	pgt_expect(f, 1, "/after/n", "null");
	pgt_end(pg, f, "toast");
}

/* ------------------------------------------------------ columns and keys */

static void
test_columns(void **state)
{
	struct leat_fake *f = pgt_source(pg, "cols", "public.cols");

	th_pg_exec(pg, "CREATE TABLE cols (a int, b int, secret text, c text,"
	    " g int GENERATED ALWAYS AS (a + b) STORED, PRIMARY KEY (b, a));"
	    "INSERT INTO cols VALUES (1, 2, 's', 'c')");
	leat_fake_set(f, "column.exclude.list", "public.cols.secret,.*\\.b");
	pgt_open(f);
	pgt_run(f, 1);
	assert_string_equal(leat_fake_key(f, 0), "{\"b\":2,\"a\":1}");
	pgt_expect(f, 0, "/after", "{\"a\":1,\"c\":\"c\"}");
	pgt_end(pg, f, "cols");

	f = pgt_source(pg, "cols", "public.cols");
	leat_fake_set(f, "message.key.columns", "public.co.*:c");
	leat_fake_set(f, "extended.headers.enabled", "true");
	pgt_open(f);
	th_pg_exec(pg, "DELETE FROM cols");
	pgt_run(f, 3);
	assert_string_equal(leat_fake_key(f, 0), "{\"c\":\"c\"}");
	assert_int_equal(leat_fake_record(f, 0)->nheaders, 4);
	pgt_expect(f, 1, "/op", "\"d\"");
	pgt_end(pg, f, "cols");
}

static void
test_table_changes(void **state)
{
	struct leat_fake *f = pgt_source(pg, "ddl", "public.ddl.*");
	const struct leat_schema *before;

	th_pg_exec(pg, "CREATE TYPE fruit AS ENUM ('apple');"
	    "CREATE TABLE ddl (id int PRIMARY KEY, v int, fr fruit)");
	pgt_open(f);
	(void)leat_fake_run(f, 1, 300);
	th_pg_exec(pg, "INSERT INTO ddl VALUES (1, 1, 'apple')");
	th_pg_exec(pg, "ALTER TABLE ddl ADD w text NOT NULL DEFAULT 'x'");
	th_pg_exec(pg, "INSERT INTO ddl VALUES (2, 2, 'apple', 'y')");
	th_pg_exec(pg, "ALTER TABLE ddl DROP v; ALTER TABLE ddl RENAME w TO u");
	th_pg_exec(pg, "INSERT INTO ddl VALUES (3, 'apple', 'z')");
	pgt_run(f, 3);
	pgt_expect(f, 0, "/after/v", "1");
	pgt_expect(f, 1, "/after", "{\"id\":2,\"v\":2,\"fr\":\"apple\","
	    "\"w\":\"y\"}");
	pgt_expect(f, 2, "/after", "{\"id\":3,\"fr\":\"apple\",\"u\":\"z\"}");
	before = leat_fake_record(f, 2)->value_schema;
	/* A new label changes the schema, and no Relation message says so. */
	th_pg_exec(pg, "ALTER TYPE fruit ADD VALUE 'pear'");
	th_pg_exec(pg, "INSERT INTO ddl VALUES (4, 'pear', 'z')");
	pgt_run(f, 4);
	pgt_expect(f, 3, "/after/fr", "\"pear\"");
	assert_ptr_not_equal(leat_fake_record(f, 3)->value_schema, before);
	pgt_end(pg, f, "ddl");
}

static void
test_partitions(void **state)
{
	struct leat_fake *f = pgt_source(pg, "part", "public.part");

	th_pg_exec(pg, "CREATE TABLE part (id int PRIMARY KEY) PARTITION BY "
	    "RANGE (id);"
	    "CREATE TABLE part_a PARTITION OF part FOR VALUES FROM (0) TO (10);"
	    "CREATE TABLE part_b PARTITION OF part FOR VALUES FROM (10) TO "
	    "(20); INSERT INTO part VALUES (1), (11)");
	pgt_open(f);
	pgt_run(f, 2);
	assert_string_equal(leat_fake_record(f, 0)->topic, "px.public.part_a");
	assert_string_equal(leat_fake_record(f, 1)->topic, "px.public.part_b");
	th_pg_exec(pg, "INSERT INTO part VALUES (12)");
	pgt_run(f, 3);
	assert_string_equal(leat_fake_record(f, 2)->topic, "px.public.part_b");
	pgt_end(pg, f, "part");

	f = pgt_source(pg, "part", "public.part");
	leat_fake_set(f, "publish.via.partition.root", "true");
	pgt_open(f);
	th_pg_exec(pg, "INSERT INTO part VALUES (13)");
	pgt_run(f, 4);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(leat_fake_record(f, i)->topic,
		    "px.public.part");
	pgt_end(pg, f, "part");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_identity_full),
		cmocka_unit_test(test_identity_index),
		cmocka_unit_test(test_no_key),
		cmocka_unit_test(test_unchanged_values),
		cmocka_unit_test(test_columns),
		cmocka_unit_test(test_table_changes),
		cmocka_unit_test(test_partitions),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
