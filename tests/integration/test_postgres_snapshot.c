/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_postgres_snapshot.c: what a snapshot reads, in which order, by how many
 * connections, and what it says of itself.
 */
#include "tests/harness/pgserver.h"
#include "tests/integration/pgtest.h"

enum { MANY = 6000 };

/* A table of n rows that fill some three hundred blocks, and more with more. */
static void
make_table(const char *name, int n)
{
	th_pg_exec(pg, "DROP TABLE IF EXISTS %s; "
	    "CREATE TABLE %s (id int PRIMARY KEY, v text); "
	    "INSERT INTO %s SELECT g, repeat('x', 400) FROM "
	    "generate_series(1, %d) g", name, name, name, n);
}

static struct leat_fake *
source(const char *tables)
{
	assert_true(th_pg_wait(pg, "0", PGT_WAIT_MS,
	    "SELECT count(*) FROM pg_replication_slots WHERE active"));
	th_pg_exec(pg, "SELECT pg_drop_replication_slot(slot_name) FROM "
	    "pg_replication_slots WHERE NOT temporary");
	return pgt_source(pg, "snap", tables);
}

static const char *
marker(struct leat_fake *f, size_t i)
{
	return pgt_at(f, i, "/source/snapshot");
}

static const char *
table_of(struct leat_fake *f, size_t i)
{
	return pgt_at(f, i, "/source/table");
}

/* ---------------------------------------------------------------- parallel */

/* The rule of markers, held against the order in which records came. */
static void
expect_markers(struct leat_fake *f)
{
	size_t n = leat_fake_count(f);
	const char *t;

	for (size_t i = 0; i < n; i++) {
		int first = 1, last = 1;
		const char *want = "\"true\"";

		t = table_of(f, i);
		for (size_t j = 0; j < i && first; j++)
			first = strcmp(table_of(f, j), t) != 0;
		for (size_t j = n; j-- > i + 1 && last;)
			last = strcmp(table_of(f, j), t) != 0;
		if (first)
			want = "\"first_in_data_collection\"";
		if (last)
			want = "\"last_in_data_collection\"";
		if (i == 0)
			want = "\"first\"";
		if (i == n - 1)
			want = "\"last\"";
		assert_string_equal(marker(f, i), want);
	}
}

static void
test_markers(void **state)
{
	struct leat_fake *f = source("public.m[a-e]");

	make_table("ma", 20);
	make_table("mb", 0);
	make_table("mc", 1);
	make_table("md", 30);
	make_table("me", 0);
	leat_fake_set(f, "snapshot.max.threads", "3");
	leat_fake_batch_limits(f, 7, 1 << 20);
	pgt_open(f);
	pgt_run(f, 51);
	expect_markers(f);
	pgt_end(pg, f, "snap");
}

/* All rows once, of one state, whatever is written meanwhile. */
static void
test_pieces(void **state)
{
	struct leat_fake *f = source("public.big");
	char *seen = calloc(MANY + 1, 1);

	make_table("big", MANY);
	leat_fake_set(f, "snapshot.max.threads", "4");
	pgt_open(f);
	assert_int_equal(leat_fake_logged(f, "snapshot started tables=1 "
	    "connections=2"), 1);
	/* New versions of rows, in blocks that are read still. */
	th_pg_exec(pg, "UPDATE big SET v = 'new' WHERE id %% 3 = 0; "
	    "DELETE FROM big WHERE id %% 7 = 0");
	assert_int_equal(leat_fake_run(f, MANY, PGT_WAIT_MS), 0);
	for (size_t i = 0; i < MANY; i++) {
		int64_t id = 0;
		const char *text = pgt_at(f, i, "/after/id");

		assert_int_equal(leat_parse_i64(leat_str_c(text), 1, MANY,
		    &id), 0);
		assert_int_equal(seen[id]++, 0);
		pgt_expect(f, i, "/op", "\"r\"");
		assert_true(strlen(pgt_at(f, i, "/after/v")) == 402);
	}
	assert_string_equal(marker(f, MANY - 1), "\"last\"");
	free(seen);
	pgt_end(pg, f, "snap");
}

/* A partitioned table that is published as a whole. */
static void
test_partitioned(void **state)
{
	struct leat_fake *f = source("public.parted");

	th_pg_exec(pg, "CREATE TABLE parted (id int PRIMARY KEY, v text) "
	    "PARTITION BY RANGE (id); "
	    "CREATE TABLE p1 PARTITION OF parted FOR VALUES FROM (0) TO (5000);"
	    "CREATE TABLE p2 PARTITION OF parted FOR VALUES FROM (5000) TO "
	    "(9000); INSERT INTO parted SELECT g, repeat('x', 400) FROM "
	    "generate_series(1, %d) g", MANY);
	leat_fake_set(f, "publish.via.partition.root", "true");
	leat_fake_set(f, "snapshot.max.threads", "3");
	pgt_open(f);
	pgt_run(f, MANY);
	assert_string_equal(leat_fake_record(f, 0)->topic,
	    "px.public.parted");
	assert_string_equal(marker(f, MANY - 1), "\"last\"");
	assert_int_equal(leat_fake_logged(f, "connections=2"), 1);
	pgt_end(pg, f, "snap");
	th_pg_exec(pg, "DROP TABLE parted");
}

/* A parent's rows are its own; those of its children are theirs. */
static void
test_inherited(void **state)
{
	struct leat_fake *f = source("public.parent,public.child");

	th_pg_exec(pg, "CREATE TABLE parent (id int PRIMARY KEY); "
	    "CREATE TABLE child (more int) INHERITS (parent); "
	    "ALTER TABLE child ADD PRIMARY KEY (id); "
	    "INSERT INTO parent VALUES (1); INSERT INTO child VALUES (2, 3)");
	pgt_open(f);
	pgt_run(f, 2);
	pgt_expect(f, 0, "/after", "{\"id\":1}");
	pgt_expect(f, 1, "/after", "{\"id\":2,\"more\":3}");
	pgt_end(pg, f, "snap");
	th_pg_exec(pg, "DROP TABLE parent CASCADE");
}

/* Its locks are given back table by table. */
static void
test_locks(void **state)
{
	struct leat_fake *f = source("public.lk.*");

	for (int i = 0; i < 30; i++)
		make_table(th_text("lk%d", i), 2);
	leat_fake_batch_limits(f, 10, 1 << 20);
	pgt_open(f);
	assert_int_equal(leat_fake_run(f, 40, PGT_WAIT_MS), 0);
	assert_true(th_pg_number(pg, "SELECT count(*) FROM pg_locks l JOIN "
	    "pg_class c ON c.oid = l.relation WHERE c.relname LIKE 'lk%%'") <
	    5);
	pgt_run(f, 60);
	pgt_end(pg, f, "snap");
}

/* ------------------------------------------------------------- what is read */

static void
test_order_and_choice(void **state)
{
	struct leat_fake *f = source("public.oa,public.ob,public.oc");

	make_table("oa", 3);
	make_table("ob", 1);
	make_table("oc", 2);
	th_pg_exec(pg, "ANALYZE oa; ANALYZE ob; ANALYZE oc");
	leat_fake_set(f, "snapshot.tables.order.by.row.count", "ascending");
	pgt_open(f);
	pgt_run(f, 6);
	assert_string_equal(table_of(f, 0), "\"ob\"");
	assert_string_equal(table_of(f, 1), "\"oc\"");
	assert_string_equal(table_of(f, 3), "\"oa\"");
	pgt_end(pg, f, "snap");

	f = source("public.oa,public.ob,public.oc");
	leat_fake_set(f, "snapshot.tables.order.by.row.count", "descending");
	leat_fake_set(f, "snapshot.include.collection.list",
	    "public.o[bc]");
	pgt_open(f);
	pgt_run(f, 3);
	assert_string_equal(table_of(f, 0), "\"oc\"");
	assert_string_equal(table_of(f, 2), "\"ob\"");
	/* What is not read is followed all the same. */
	th_pg_exec(pg, "INSERT INTO oa VALUES (10, 'x')");
	pgt_run(f, 4);
	assert_string_equal(table_of(f, 3), "\"oa\"");
	pgt_end(pg, f, "snap");
}

#define OVERRIDES "snapshot.select.statement.overrides"

static void
expect_no_start(struct leat_fake *f, const char *why)
{
	assert_true(leat_fake_open(f) < 0 || leat_fake_run(f, 1, 5000) < 0);
	if (strstr(leat_fake_err(f)->text, why) == NULL)
		fail_msg("'%s' is not in '%s'", why, leat_fake_err(f)->text);
	leat_fake_close(f);
}

static void
test_overrides(void **state)
{
	struct leat_fake *f = source("public.ov,public.other");

	make_table("ov", 10);
	make_table("other", 1);
	leat_fake_set(f, OVERRIDES, "public.ov");
	expect_no_start(f, "the SELECT of this table, is not set");
	leat_fake_set(f, OVERRIDES ".public.ov",
	    "SELECT upper(v) AS v, id FROM ov WHERE id > 8 ORDER BY id -- end");
	leat_fake_set(f, OVERRIDES ".public.no", "SELECT 1");
	expect_no_start(f, "does not list this table");
	leat_fake_set(f, OVERRIDES ".public.no", NULL);
	pgt_open(f);
	pgt_run(f, 3);
	pgt_expect(f, 0, "/after/id", "9");
	assert_int_equal(pgt_at(f, 0, "/after/v")[1], 'X');
	pgt_expect(f, 1, "/after/id", "10");
	assert_string_equal(table_of(f, 2), "\"other\"");
	pgt_end(pg, f, "snap");
}

static void
test_bad_overrides(void **state)
{
	struct leat_fake *f = source("public.ov");

	make_table("ov", 10);
	leat_fake_set(f, OVERRIDES, "public.ov");
	leat_fake_set(f, OVERRIDES ".public.ov",
	    "SELECT * FROM ov) x; DELETE FROM ov; SELECT (1");
	expect_no_start(f, "the SELECT for table public.ov");
	leat_fake_set(f, OVERRIDES ".public.ov",
	    "SELECT * FROM ov; SELECT * FROM ov");
	expect_no_start(f, "cannot insert multiple commands");
	assert_int_equal(leat_fake_err(f)->cls, LEAT_CLS_CONFIG);
	leat_fake_set(f, OVERRIDES ".public.ov", "DELETE FROM ov");
	expect_no_start(f, "it gives no rows");
	leat_fake_set(f, OVERRIDES ".public.ov", "SELECT id FROM ov");
	expect_no_start(f, "column \"v\" does not exist");
	assert_int_equal(leat_fake_err(f)->cls, LEAT_CLS_CONFIG);
	assert_int_equal(th_pg_number(pg, "SELECT count(*) FROM ov"), 10);
	leat_fake_free(f);
	th_pg_exec(pg, "DROP PUBLICATION snap");
}

/* ------------------------------------------------------------------- modes */

static void
set_based(struct leat_fake *f, const char *which, const char *value)
{
	leat_fake_set(f, th_text("snapshot.mode.configuration.based.%s",
	    which), value);
}

static void
reopen(struct leat_fake *f)
{
	assert_int_equal(leat_fake_durable(f), 0);
	leat_fake_close(f);
	leat_fake_clear(f);
	assert_true(th_pg_wait(pg, "0", PGT_WAIT_MS,
	    "SELECT count(*) FROM pg_replication_slots WHERE active"));
	pgt_open(f);
}

static void
test_configuration_based(void **state)
{
	struct leat_fake *f = source("public.cb");

	make_table("cb", 2);
	leat_fake_set(f, "snapshot.mode", "configuration_based");
	expect_no_start(f, "does nothing");
	set_based(f, "start.stream", "true");
	pgt_open(f);
	th_pg_exec(pg, "INSERT INTO cb VALUES (3, 'c')");
	pgt_run(f, 1);
	pgt_expect(f, 0, "/op", "\"c\"");
	/* Data: at each start. */
	set_based(f, "snapshot.data", "true");
	reopen(f);
	pgt_run(f, 3);
	pgt_expect(f, 2, "/source/snapshot", "\"last\"");
	reopen(f);
	pgt_run(f, 3);
	/* Without a stream that is all. */
	set_based(f, "start.stream", "false");
	reopen(f);
	pgt_run(f, 3);
	th_pg_exec(pg, "INSERT INTO cb VALUES (4, 'd')");
	assert_int_equal(leat_fake_run(f, 4, 200), -ETIME);
	/* A hole. */
	set_based(f, "start.stream", "true");
	set_based(f, "snapshot.data", "false");
	th_pg_exec(pg, "SELECT pg_drop_replication_slot('snap')");
	assert_int_equal(leat_fake_durable(f), 0);
	leat_fake_close(f);
	expect_no_start(f, "is gone");
	set_based(f, "snapshot.on.data.error", "true");
	leat_fake_clear(f);
	pgt_open(f);
	pgt_run(f, 4);
	pgt_end(pg, f, "snap");
}

static void
test_custom_is_refused(void **state)
{
	static const char *const keys[] = { "snapshot.mode",
		"snapshot.locking.mode", "snapshot.query.mode" };
	struct leat_fake *f = pgt_source(pg, "snap", "public.none");

	for (size_t i = 0; i < 3; i++) {
		leat_fake_set(f, keys[i], "custom");
		assert_true(leat_fake_validate(f) < 0);
		assert_non_null(strstr(leat_fake_err(f)->text,
		    "names a Java class"));
		leat_fake_set(f, keys[i], NULL);
	}
	leat_fake_free(f);
}

static void
test_isolation(void **state)
{
	static const char *const levels[] = { "serializable",
		"repeatable_read", "read_committed", "read_uncommitted" };

	make_table("iso", MANY);
	for (size_t i = 0; i < 4; i++) {
		struct leat_fake *f = source("public.iso");

		leat_fake_set(f, "snapshot.mode", "initial_only");
		leat_fake_set(f, "snapshot.isolation.mode", levels[i]);
		leat_fake_set(f, "snapshot.max.threads", "2");
		pgt_open(f);
		pgt_run(f, MANY);
		pgt_end(pg, f, "snap");
	}
}

/* ------------------------------------------------------------ what happens */

static void
test_rewritten(void **state)
{
	struct leat_fake *f = source("public.ra,public.rb");
	int rc;

	make_table("ra", 50);
	make_table("rb", 50);
	leat_fake_batch_limits(f, 10, 1 << 20);
	pgt_open(f);
	assert_int_equal(leat_fake_run(f, 10, PGT_WAIT_MS), 0);
	/* Older snapshots see it empty, without an error. */
	th_pg_exec(pg, "ALTER TABLE rb ALTER id TYPE bigint");
	rc = leat_fake_run(f, 100, PGT_WAIT_MS);
	assert_true(rc < 0);
	assert_int_equal(leat_fake_err(f)->cls, LEAT_CLS_RETRY);
	assert_non_null(strstr(leat_fake_err(f)->text,
	    "rewritten since the snapshot began"));
	reopen(f);
	/* The last row of ra was kept back, so that is read again too. */
	pgt_run(f, 100);
	assert_string_equal(table_of(f, 99), "\"rb\"");
	pgt_end(pg, f, "snap");
}

static void
test_shared_lock(void **state)
{
	struct leat_fake *f = source("public.sl");
	PGconn *other = th_pg_connect(pg, NULL);
	PGresult *res;

	make_table("sl", 30);
	leat_fake_set(f, "snapshot.locking.mode", "shared");
	leat_fake_batch_limits(f, 10, 1 << 20);
	pgt_open(f);
	th_pg_run(other, "SET lock_timeout = 100");
	res = PQexec(other, "TRUNCATE sl");
	assert_int_equal(PQresultStatus(res), PGRES_FATAL_ERROR);
	PQclear(res);
	pgt_run(f, 30);
	PQfinish(other);
	pgt_end(pg, f, "snap");
}

/* With the test's clock no wait takes time: polls until n records came. */
static void
drive(struct leat_fake *f, size_t n)
{
	for (int i = 0; i < 1000000 && leat_fake_count(f) < n; i++) {
		if (leat_fake_poll(f) < 0)
			fail_msg("%s", leat_fake_err(f)->text);
		(void)leat_fake_wait(f);
	}
	assert_true(leat_fake_count(f) >= n);
}

/* No more than a second's worth in a second. */
static void
test_rate(void **state)
{
	struct leat_fake *f = source("public.rate");
	int64_t begun;

	make_table("rate", 1000);
	leat_fake_set(f, "snapshot.max.rows.per.second", "100");
	leat_fake_set_clock(f, 1000000000);
	pgt_open(f);
	begun = leat_mono_ms(leat_fake_task(f));
	drive(f, 200);
	assert_true(leat_mono_ms(leat_fake_task(f)) - begun >= 1800);
	pgt_end(pg, f, "snap");
}

static void
test_delays(void **state)
{
	struct leat_fake *f = source("public.late");

	make_table("late", 3);
	leat_fake_set(f, "snapshot.delay.ms", "5000");
	leat_fake_set(f, "streaming.delay.ms", "7000");
	leat_fake_set_clock(f, 1000000000);
	pgt_open(f);
	assert_int_equal(leat_fake_poll(f), 0);
	assert_non_null(strstr(leat_fake_status(f),
	    "waiting for the snapshot"));
	assert_int_equal(th_pg_number(pg,
	    "SELECT count(*) FROM pg_replication_slots"), 0);
	leat_fake_add_clock(f, 5000000);
	drive(f, 3);
	leat_fake_add_clock(f, 1100000);
	assert_int_equal(leat_fake_poll(f), 0);
	assert_non_null(strstr(leat_fake_status(f),
	    "waiting for the stream"));
	leat_fake_add_clock(f, 7000000);
	th_pg_exec(pg, "INSERT INTO late VALUES (4, 'd')");
	drive(f, 4);
	pgt_end(pg, f, "snap");
}

/* A row that no batch takes is an error that says what to set. */
static void
test_no_room(void **state)
{
	struct leat_fake *f = source("public.room");
	int rc = 0;

	make_table("room", 3);
	leat_fake_set_clock(f, 1000000000);
	leat_fake_batch_limits(f, 1, 1 << 20);
	pgt_open(f);
	/* The table's schemas are made, two rows are to come. */
	assert_true(leat_fake_poll(f) >= 0);
	leat_fake_fail_at(f, 1);
	for (int i = 0; i < 1000000 && rc >= 0; i++) {
		rc = leat_fake_poll(f);
		(void)leat_fake_wait(f);
	}
	assert_int_equal(rc, LEAT_E_LIMIT);
	assert_non_null(strstr(leat_fake_err(f)->text,
	    "a row of public.room, "));
	assert_non_null(strstr(leat_fake_err(f)->text, "memory.max.bytes"));
	leat_fake_fail_at(f, 0);
	pgt_end(pg, f, "snap");
}

/* As many columns as a table can have. */
static void
test_columns(void **state)
{
	struct leat_fake *f = source("public.wide");

	th_pg_exec(pg, "DO $$ BEGIN EXECUTE (SELECT 'CREATE TABLE wide (' || "
	    "string_agg('column_number_' || g || ' int', ', ') || "
	    "', PRIMARY KEY (column_number_1))' FROM generate_series(1, 1600) "
	    "g); END $$; INSERT INTO wide (column_number_1, "
	    "column_number_1600) VALUES (1, 7), (2, 8)");
	leat_fake_batch_limits(f, 500, 1 << 24);
	pgt_open(f);
	pgt_run(f, 2);
	pgt_expect(f, 1, "/after/column_number_1600", "8");
	pgt_expect(f, 1, "/after/column_number_800", "null");
	th_pg_exec(pg, "UPDATE wide SET column_number_2 = 5 WHERE "
	    "column_number_1 = 1");
	pgt_run(f, 3);
	pgt_expect(f, 2, "/after/column_number_2", "5");
	pgt_end(pg, f, "snap");
	th_pg_exec(pg, "DROP TABLE wide");
}

static void
test_report(void **state)
{
	struct leat_fake *f = source("public.rep");
	const char *status;

	make_table("rep", MANY);
	th_pg_exec(pg, "ANALYZE rep");
	leat_fake_batch_limits(f, 500, 1 << 24);
	pgt_open(f);
	assert_int_equal(leat_fake_run(f, 1000, PGT_WAIT_MS), 0);
	assert_int_equal(leat_fake_metric(f, "postgres_snapshot_running"), 1);
	assert_int_equal(leat_fake_metric(f, "postgres_snapshot_tables"), 1);
	assert_int_equal(leat_fake_metric(f, "postgres_snapshot_tables_left"),
	    1);
	assert_int_equal(leat_fake_metric(f,
	    "postgres_snapshot_rows_estimated"), MANY);
	status = leat_fake_status(f);
	assert_non_null(strstr(status, "\"phase\":\"snapshot\""));
	assert_non_null(strstr(status, "\"rows_estimated\":6000"));
	pgt_run(f, MANY);
	assert_int_equal(leat_fake_metric(f, "postgres_snapshot_running"), 0);
	assert_int_equal(leat_fake_metric(f, "postgres_snapshot_completed"),
	    1);
	assert_int_equal(leat_fake_metric(f, "postgres_snapshot_rows"), MANY);
	assert_int_equal(leat_fake_metric(f, "postgres_snapshot_tables_left"),
	    0);
	pgt_end(pg, f, "snap");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_markers),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_partitioned),
		cmocka_unit_test(test_inherited),
		cmocka_unit_test(test_locks),
		cmocka_unit_test(test_order_and_choice),
		cmocka_unit_test(test_overrides),
		cmocka_unit_test(test_bad_overrides),
		cmocka_unit_test(test_configuration_based),
		cmocka_unit_test(test_custom_is_refused),
		cmocka_unit_test(test_isolation),
		cmocka_unit_test(test_rewritten),
		cmocka_unit_test(test_shared_lock),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_delays),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_columns),
		cmocka_unit_test(test_report),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
