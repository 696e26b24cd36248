/* SPDX-License-Identifier: Apache-2.0 */
/* test: timeout=180 */
/*
 * test_postgres_shapes.c: tables as large, as many and as odd as PostgreSQL
 * lets them be: 1,600 columns, names of 63 bytes of anything, no columns, many
 * schemas, deep trees of partitions. LEAT_LONG=1: a thousand of them.
 */
#include <stdio.h>

#include "tests/harness/jsonq.h"
#include "tests/harness/pgserver.h"
#include "tests/integration/pgtest.h"

enum { WIDE = 1600 };

static int
many(int few)
{
	return getenv("LEAT_LONG") != NULL ? 1000 : few;
}

static void
signal_ok(struct leat_fake *f, const char *type, const char *data)
{
	if (leat_fake_signal(f, "", type, data) < 0)
		fail_msg("signal: %s", leat_fake_err(f)->text);
}

/* ----------------------------------------------------------- many columns */

static void
expect_wide(struct leat_fake *f, size_t i, const char *op, const char *row,
    int first, int last)
{
	pgt_expect(f, i, "/op", op);
	pgt_expect(f, i, th_text("/%s/c1", row), "7");
	pgt_expect(f, i, th_text("/%s/c2", row), th_text("%d", first));
	pgt_expect(f, i, th_text("/%s/c%d", row, WIDE), th_text("%d", last));
	pgt_expect(f, i, th_text("/%s/c%d", row, WIDE - 1), "null");
}

static void
test_wide(void **state)
{
	struct leat_fake *f = pgt_source(pg, "wide", "public.wide");

	th_pg_exec(pg, "DO $$ BEGIN EXECUTE (SELECT 'CREATE TABLE wide (c1 int "
	    "PRIMARY KEY, ' || string_agg(format('c%%s %%s', g, CASE g %% 10 "
	    "WHEN 9 THEN 'text' ELSE 'int DEFAULT ' || g END), ', ') || ')' "
	    "FROM generate_series(2, %d) g); END $$;"
	    "ALTER TABLE wide REPLICA IDENTITY FULL;"
	    "INSERT INTO wide (c1) VALUES (7)", WIDE);
	pgt_open(f);
	pgt_run(f, 1);
	expect_wide(f, 0, "\"r\"", "after", 2, WIDE);
	assert_int_equal(leat_fake_record(f, 0)->value_schema->nfields > 0, 1);
	assert_int_equal(leat_fake_record(f, 0)->value_schema->fields[1]
	    .schema->nfields, WIDE);
	th_pg_exec(pg, "UPDATE wide SET c2 = -1, c%d = -2", WIDE);
	pgt_run(f, 2);
	expect_wide(f, 1, "\"u\"", "before", 2, WIDE);
	expect_wide(f, 1, "\"u\"", "after", -1, -2);
	signal_ok(f, "execute-snapshot",
	    "{\"data-collections\":[\"public.wide\"]}");
	pgt_run(f, 3);
	expect_wide(f, 2, "\"r\"", "after", -1, -2);
	th_pg_exec(pg, "DELETE FROM wide");
	pgt_run(f, 5);
	expect_wide(f, 3, "\"d\"", "before", -1, -2);
	pgt_end(pg, f, "wide");
	th_pg_exec(pg, "DROP TABLE wide");
}

/* ------------------------------------------------------------- odd names */

/* 31 times two bytes and one. */
#define LONG_NAME "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4" \
    "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4" \
    "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4" \
    "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4x"

/* As they stand between the quotes of an identifier; JSON has its own way. */
static const struct {
	const char *name;
	const char *plain;	/* without the doubled quotes */
	const char *pointer;
} odd[] = {
	{ "Upper Case", "Upper Case", "Upper Case" },
	{ "do.t.s", "do.t.s", "do.t.s" },
	{ "quo\"\"te's", "quo\"te's", "quo\"te's" },
	{ "back\\slash/%s~{}$1", "back\\slash/%s~{}$1",
	    "back\\slash~1%s~0{}$1" },
	{ "select", "select", "select" },
	{ LONG_NAME, LONG_NAME, LONG_NAME },
	{ "\xf0\x9f\x98\x80 \n\t,()", "\xf0\x9f\x98\x80 \n\t,()",
	    "\xf0\x9f\x98\x80 \n\t,()" },
};

enum { ODD = sizeof(odd) / sizeof(odd[0]) };

static void
expect_odd(struct leat_fake *f, size_t i, size_t k, const char *op,
    const char *v)
{
	pgt_expect(f, i, "/op", op);
	pgt_expect(f, i, th_text("/after/%s", odd[k].pointer), v);
	assert_string_equal(th_json_text(th_json(leat_fake_value(f, i)),
	    "/source/table"), odd[k].plain);
}

static void
test_names(void **state)
{
	struct leat_fake *f = pgt_source(pg, "odd", "odd .*");
	char sql[1024];
	PGconn *c = th_pg_connect(pg, NULL);
	size_t n = 0;

	th_pg_run(c, "CREATE SCHEMA \"odd .\"\"S\"");
	for (size_t k = 0; k < ODD; k++) {
		(void)snprintf(sql, sizeof(sql), "CREATE TABLE \"odd .\"\"S\"."
		    "\"%s\" (\"%s\" int PRIMARY KEY, \"_%.50s\" text); "
		    "INSERT INTO \"odd .\"\"S\".\"%s\" VALUES (1, 'x')",
		    odd[k].name, odd[k].name, k == 5 ? "y" : odd[k].name,
		    odd[k].name);
		th_pg_run(c, sql);
	}
	leat_fake_set(f, "snapshot.locking.mode", "shared");
	pgt_open(f);
	pgt_run(f, ODD);
	assert_string_equal(leat_fake_record(f, ODD - 1)->topic,
	    "px.odd_._S.________");
	n = ODD;
	for (size_t k = 0; k < ODD; k++) {
		(void)snprintf(sql, sizeof(sql), "INSERT INTO \"odd .\"\"S\"."
		    "\"%s\" VALUES (2, 'y')", odd[k].name);
		th_pg_run(c, sql);
		pgt_run(f, n + 1);
		expect_odd(f, n, k, "\"c\"", "2");
		n++;
	}
	signal_ok(f, "execute-snapshot", "{\"data-collections\":[\"odd .*\"]}");
	pgt_run(f, n + (size_t)ODD * 2);
	PQfinish(c);
	pgt_end(pg, f, "odd");
	th_pg_exec(pg, "DROP SCHEMA \"odd .\"\"S\" CASCADE");
}

/* ------------------------------------------------------------- no columns */

/* Rows without columns say nothing, and do no harm. */
static void
test_no_columns(void **state)
{
	struct leat_fake *f = pgt_source(pg, "none", "public.(none|gone|kept)");

	th_pg_exec(pg, "CREATE TABLE none (); "
	    "CREATE TABLE gone (a int, b text); "
	    "CREATE TABLE kept (id int PRIMARY KEY);"
	    "INSERT INTO none DEFAULT VALUES; INSERT INTO gone VALUES (1, 'x');"
	    "ALTER TABLE gone DROP COLUMN a, DROP COLUMN b;"
	    "INSERT INTO kept VALUES (1)");
	pgt_open(f);
	(void)leat_fake_run(f, 1, PGT_WAIT_MS);
	th_pg_exec(pg, "INSERT INTO none DEFAULT VALUES; INSERT INTO gone "
	    "DEFAULT VALUES; TRUNCATE none");
	th_pg_exec(pg, "INSERT INTO kept VALUES (2)");
	for (size_t n = 2; ; n++) {
		if (leat_fake_run(f, n, PGT_WAIT_MS * th_slowness()) < 0)
			fail_msg("%s", leat_fake_err(f)->text);
		if (strstr(leat_fake_record(f, n - 1)->topic, "kept") != NULL)
			break;
		pgt_expect(f, n - 1, "/after", "{}");
	}
	th_pg_exec(pg, "ALTER TABLE gone ADD COLUMN c int; "
	    "INSERT INTO gone VALUES (5)");
	pgt_run(f, leat_fake_count(f) + 1);
	pgt_expect(f, leat_fake_count(f) - 1, "/after/c", "5");
	pgt_end(pg, f, "none");
	th_pg_exec(pg, "DROP TABLE none, gone, kept");
}

/* ----------------------------------------------------------- many schemas */

static void
test_schemas(void **state)
{
	struct leat_fake *f = pgt_source(pg, "sch", "sc[0-9]+.t");
	size_t n = (size_t)many(150);

	th_pg_exec(pg, "DO $$ BEGIN FOR i IN 1..%zu LOOP EXECUTE format("
	    "'CREATE SCHEMA sc%%s CREATE TABLE t (id int PRIMARY KEY)', i); "
	    "EXECUTE format('INSERT INTO sc%%s.t VALUES (1)', i); "
	    "COMMIT; END LOOP; END $$", n);
	pgt_open(f);
	pgt_run(f, n);
	th_pg_exec(pg, "DO $$ BEGIN FOR i IN 1..%zu LOOP EXECUTE format("
	    "'INSERT INTO sc%%s.t VALUES (2)', i); END LOOP; END $$", n);
	pgt_run(f, 2 * n);
	assert_string_equal(leat_fake_record(f, n)->topic, "px.sc1.t");
	pgt_end(pg, f, "sch");
	th_pg_exec(pg, "DO $$ BEGIN FOR i IN 1..%zu LOOP EXECUTE format("
	    "'DROP SCHEMA sc%%s CASCADE', i); COMMIT; END LOOP; END $$", n);
}

/* ------------------------------------------------------------- partitions */

/* Three levels below the root, `width` on each. */
static void
make_tree(int width)
{
	th_pg_exec(pg, "CREATE TABLE tree (a int, b int, c int, v int, "
	    "PRIMARY KEY (a, b, c)) PARTITION BY LIST (a)");
	th_pg_exec(pg, "DO $x$ BEGIN FOR i IN 1..%d LOOP EXECUTE "
	    "format('CREATE TABLE tree_%%s PARTITION OF tree FOR VALUES IN "
	    "(%%s) PARTITION BY LIST "
	    "(b)', i, i); FOR j IN 1..%d LOOP EXECUTE format('CREATE TABLE "
	    "tree_%%s_%%s PARTITION OF tree_%%s FOR VALUES IN (%%s) PARTITION "
	    "BY LIST (c)', i, j, i, j); FOR k IN 1..%d LOOP EXECUTE format("
	    "'CREATE TABLE tree_%%s_%%s_%%s PARTITION OF tree_%%s_%%s FOR "
	    "VALUES IN (%%s)', i, j, k, i, j, k); END LOOP; COMMIT; END LOOP; "
	    "END LOOP; END $x$", width, width, width);
	th_pg_exec(pg, "INSERT INTO tree SELECT i, j, k, 0 FROM "
	    "generate_series(1, %d) i, generate_series(1, %d) j, "
	    "generate_series(1, %d) k", width, width, width);
}

static void
capture_tree(const char *via_root, size_t n, const char *topic)
{
	struct leat_fake *f = pgt_source(pg, "tree", "public.tree");

	leat_fake_set(f, "publish.via.partition.root", via_root);
	pgt_open(f);
	pgt_run(f, n);
	th_pg_exec(pg, "UPDATE tree SET v = v + 1");
	pgt_run(f, 2 * n);
	assert_string_equal(leat_fake_record(f, 0)->topic, topic);
	assert_string_equal(leat_fake_record(f, n)->topic, topic);
	signal_ok(f, "execute-snapshot",
	    "{\"data-collections\":[\"public.tree\"]}");
	pgt_run(f, 3 * n);
	pgt_end(pg, f, "tree");
}

static void
test_partitions(void **state)
{
	int width = many(4) == 1000 ? 10 : 4;
	size_t n = (size_t)width * (size_t)width * (size_t)width;

	make_tree(width);
	capture_tree("false", n, "px.public.tree_1_1_1");
	capture_tree("true", n, "px.public.tree");
	th_pg_exec(pg, "DROP TABLE tree");
}

static int
start(void **state)
{
	static const char *const settings[] = {
		"max_locks_per_transaction = 256", NULL
	};

	pg = th_pg_start(&(struct th_pg_opts){ .settings = settings });
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wide),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_no_columns),
		cmocka_unit_test(test_schemas),
		cmocka_unit_test(test_partitions),
	};

	return cmocka_run_group_tests(tests, start, stop_server);
}
