/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_postgres_server.c: publication, slot and server around the source: what
 * is refused at the start and in which words, snapshot modes, restarts of the
 * server, and what the server is told.
 */
#include "tests/harness/pgserver.h"
#include "tests/integration/pgtest.h"

static void
expect_refusal(struct leat_fake *f, int cls, const char *part)
{
	int rc = leat_fake_open(f);

	if (rc == 0)
		fail_msg("opened, instead of: %s", part);
	if (strstr(leat_fake_err(f)->text, part) == NULL)
		fail_msg("'%s' does not contain '%s'", leat_fake_err(f)->text,
		    part);
	assert_int_equal(leat_fake_err(f)->cls, cls);
}

static void
make_table(const char *name)
{
	th_pg_exec(pg, "DROP TABLE IF EXISTS %s; CREATE TABLE %s "
	    "(id int PRIMARY KEY, v text)", name, name);
}

/* ---------------------------------------------------------------- refusals */

static void
test_connection_refusals(void **state)
{
	struct leat_fake *f = pgt_source(pg, "conn", "public.none");

	leat_fake_set(f, "database.port", "1");
	expect_refusal(f, LEAT_CLS_RETRY, "refused");
	leat_fake_set(f, "database.port", NULL);
	leat_fake_set(f, "database.user", "nobody_here");
	expect_refusal(f, LEAT_CLS_CONFIG, "role \"nobody_here\" does not "
	    "exist");
	assert_string_equal(leat_fake_err(f)->sqlstate, "28000");
	leat_fake_set(f, "database.user", NULL);
	leat_fake_set(f, "database.dbname", "nothing");
	expect_refusal(f, LEAT_CLS_CONFIG, "database \"nothing\" does not "
	    "exist");
	leat_fake_free(f);
}

static void
test_table_refusals(void **state)
{
	struct leat_fake *f = pgt_source(pg, "tab", "public.nothing_here");

	expect_refusal(f, LEAT_CLS_CONFIG, "table.include.list: none of the");
	th_pg_exec(pg, "DROP ROLE IF EXISTS cdc; CREATE ROLE cdc LOGIN");
	make_table("tab");
	leat_fake_set(f, "tables", "public.tab");
	leat_fake_set(f, "database.user", "cdc");
	expect_refusal(f, LEAT_CLS_CONFIG, "role 'cdc' may not replicate: "
	    "ALTER ROLE \"cdc\" REPLICATION;");
	th_pg_exec(pg, "ALTER ROLE cdc REPLICATION");
	expect_refusal(f, LEAT_CLS_CONFIG, "GRANT USAGE ON SCHEMA "
	    "\"public\" TO \"cdc\"; GRANT SELECT ON \"public\".\"tab\" TO "
	    "\"cdc\";");
	th_pg_exec(pg, "GRANT SELECT ON tab TO cdc");
	expect_refusal(f, LEAT_CLS_CONFIG, "create the publication, with the "
	    "rights of the tables' owner: CREATE PUBLICATION \"tab\" FOR TABLE "
	    "\"public\".\"tab\"");
	leat_fake_set(f, "publication.autocreate.mode", "disabled");
	expect_refusal(f, LEAT_CLS_CONFIG, "publication 'tab' does not exist");
	th_pg_exec(pg, "CREATE PUBLICATION tab FOR TABLE tab;"
	    "INSERT INTO tab VALUES (1)");
	pgt_open(f);
	pgt_run(f, 1);
	pgt_end(pg, f, "tab");
	th_pg_exec(pg, "DROP OWNED BY cdc; DROP ROLE cdc");
}

static void
test_slot_refusals(void **state)
{
	struct leat_fake *f = pgt_source(pg, "slo", "public.slo");

	make_table("slo");
	th_pg_exec(pg, "SELECT pg_create_logical_replication_slot('slo', "
	    "'test_decoding')");
	expect_refusal(f, LEAT_CLS_CONFIG, "slot 'slo' is of plug-in "
	    "'test_decoding'");
	th_pg_exec(pg, "SELECT pg_drop_replication_slot('slo');"
	    "SELECT pg_create_physical_replication_slot('slo')");
	expect_refusal(f, LEAT_CLS_CONFIG, "slot 'slo' is of plug-in "
	    "'physical'");
	th_pg_exec(pg, "SELECT pg_drop_replication_slot('slo')");
	leat_fake_set(f, "slot.name", "Bad-Name");
	expect_refusal(f, LEAT_CLS_CONFIG, "slot.name");
	pgt_end(pg, f, "slo");
}

static void
test_wal_level(void **state)
{
	static const char *const settings[] = { "wal_level = replica", NULL };
	struct th_pg_opts o = { .name = "replica", .settings = settings };
	struct th_pg *other = th_pg_start(&o);
	struct leat_fake *f = pgt_source(other, "lvl", "public.lvl");

	expect_refusal(f, LEAT_CLS_CONFIG, "wal_level is 'replica', logical "
	    "decoding needs 'logical': ALTER SYSTEM SET wal_level = logical;");
	leat_fake_free(f);
	th_pg_free(other);
}

static void
test_slots_used_up(void **state)
{
	static const char *const settings[] = { "max_replication_slots = 1",
		NULL };
	struct th_pg_opts o = { .name = "oneslot", .settings = settings };
	struct th_pg *other = th_pg_start(&o);
	struct leat_fake *f = pgt_source(other, "two", "public.t");

	th_pg_exec(other, "CREATE TABLE t (id int PRIMARY KEY);"
	    "SELECT pg_create_physical_replication_slot('one')");
	expect_refusal(f, LEAT_CLS_CONFIG, "max_replication_slots to more");
	leat_fake_free(f);
	th_pg_free(other);
}

/* --------------------------------------------------------- stored position */

static void
run_once(struct leat_fake *f, size_t n)
{
	pgt_open(f);
	pgt_run(f, n);
	pgt_settle(f);
	leat_fake_close(f);
	leat_fake_clear(f);
}

static void
test_holes(void **state)
{
	struct leat_fake *f = pgt_source(pg, "hole", "public.hole");

	make_table("hole");
	th_pg_exec(pg, "INSERT INTO hole VALUES (1, 'a')");
	run_once(f, 1);
	assert_true(th_pg_wait(pg, "f", PGT_WAIT_MS, "SELECT active FROM "
	    "pg_replication_slots WHERE slot_name = 'hole'"));
	th_pg_exec(pg, "SELECT pg_drop_replication_slot('hole')");
	expect_refusal(f, LEAT_CLS_CONFIG, "replication slot 'hole' is gone");
	th_pg_exec(pg, "INSERT INTO hole VALUES (2, 'b')");
	th_pg_exec(pg, "SELECT pg_create_logical_replication_slot('hole', "
	    "'pgoutput')");
	expect_refusal(f, LEAT_CLS_CONFIG, "ahead of the stored position");
	leat_fake_set(f, "snapshot.mode", "when_needed");
	run_once(f, 2);
	pgt_open(f);
	th_pg_exec(pg, "INSERT INTO hole VALUES (3, 'c')");
	pgt_run(f, 1);
	pgt_expect(f, 0, "/op", "\"c\"");
	leat_fake_close(f);
	leat_fake_set(f, "snapshot.mode", "initial");
	leat_fake_set_offset(f, "{\"server\":\"px\"}",
	    "{\"lsn\":1,\"lsn_flush\":1,\"system_id\":\"1234\"}");
	expect_refusal(f, LEAT_CLS_CONFIG, "of database cluster 1234");
	pgt_end(pg, f, "hole");
}

static void
test_snapshot_modes(void **state)
{
	struct leat_fake *f = pgt_source(pg, "mode", "public.mode");

	make_table("mode");
	th_pg_exec(pg, "INSERT INTO mode VALUES (1, 'a')");
	leat_fake_set(f, "snapshot.mode", "initial_only");
	run_once(f, 1);
	assert_int_equal(th_pg_number(pg, "SELECT count(*) FROM "
	    "pg_replication_slots WHERE slot_name = 'mode'"), 0);
	pgt_open(f);
	assert_int_equal(leat_fake_run(f, 1, 100), -ETIME);
	leat_fake_close(f);
	leat_fake_set_offset(f, "{\"server\":\"px\"}", NULL);
	leat_fake_set(f, "snapshot.mode", "no_data");
	pgt_open(f);
	th_pg_exec(pg, "INSERT INTO mode VALUES (2, 'b')");
	pgt_run(f, 1);
	pgt_expect(f, 0, "/op", "\"c\"");
	pgt_settle(f);
	leat_fake_close(f);
	leat_fake_clear(f);
	leat_fake_set(f, "snapshot.mode", "always");
	run_once(f, 2);
	pgt_end(pg, f, "mode");
}

/* Markers, over tables of which some are empty. */
static void
test_snapshot_markers(void **state)
{
	static const char *const want[] = { "\"first\"", "\"true\"",
		"\"last_in_data_collection\"", "\"first_in_data_collection\"",
		"\"last\"" };
	struct leat_fake *f = pgt_source(pg, "mark", "public.m[a-d]");

	for (char c = 'a'; c <= 'd'; c++)
		make_table(th_text("m%c", c));
	th_pg_exec(pg, "INSERT INTO mb SELECT g FROM generate_series(1,3) g;"
	    "INSERT INTO mc SELECT g FROM generate_series(1,2) g");
	leat_fake_batch_limits(f, 2, 1 << 20);
	pgt_open(f);
	pgt_run(f, 5);
	for (size_t i = 0; i < 5; i++)
		pgt_expect(f, i, "/source/snapshot", want[i]);
	pgt_settle(f);
	assert_non_null(strstr(leat_fake_offset(f, "{\"server\":\"px\"}"),
	    "\"snapshot_completed\":true"));
	pgt_end(pg, f, "mark");
}

/*
 * A snapshot that ends in the middle reads the table again, behind the deletes
 * of rows that were delivered, and joins the stream.
 */
static void
test_snapshot_interrupted(void **state)
{
	struct leat_fake *f = pgt_source(pg, "mid", "public.mid");

	make_table("mid");
	th_pg_exec(pg, "INSERT INTO mid SELECT g FROM "
	    "generate_series(1,100) g");
	leat_fake_batch_limits(f, 30, 1 << 20);
	pgt_open(f);
	assert_int_equal(leat_fake_run(f, 60, PGT_WAIT_MS), 0);
	assert_int_equal(leat_fake_durable(f), 0);
	leat_fake_close(f);
	leat_fake_clear(f);
	/* The insert is seen by the second snapshot, so not to be streamed. */
	th_pg_exec(pg, "INSERT INTO mid VALUES (101); DELETE FROM mid WHERE "
	    "id = 1");
	pgt_open(f);
	th_pg_exec(pg, "INSERT INTO mid VALUES (102)");
	pgt_run(f, 103);
	pgt_expect(f, 0, "/op", "\"d\"");
	pgt_expect(f, 0, "/before/id", "1");
	pgt_expect(f, 0, "/source/snapshot", "null");
	assert_string_equal(leat_fake_value(f, 1), "null");
	pgt_expect(f, 2, "/source/snapshot", "\"first\"");
	pgt_expect(f, 101, "/op", "\"r\"");
	pgt_expect(f, 101, "/source/snapshot", "\"last\"");
	pgt_expect(f, 102, "/op", "\"c\"");
	pgt_expect(f, 102, "/after/id", "102");
	pgt_end(pg, f, "mid");
}

/* --------------------------------------------------------------- the server */

static void
test_server_restart(void **state)
{
	struct leat_fake *f = pgt_source(pg, "re", "public.re");
	int rc = 0;

	make_table("re");
	pgt_open(f);
	th_pg_exec(pg, "INSERT INTO re VALUES (1, 'a')");
	pgt_run(f, 1);
	pgt_settle(f);
	th_pg_stop_immediate(pg);
	for (int i = 0; i < 100 && rc == 0; i++) {
		rc = leat_fake_poll(f);
		(void)leat_fake_wait(f);
	}
	assert_true(rc < 0);
	assert_int_equal(leat_fake_err(f)->cls, LEAT_CLS_RETRY);
	leat_fake_close(f);
	expect_refusal(f, LEAT_CLS_RETRY, "connect to PostgreSQL");
	th_pg_resume(pg);
	th_pg_exec(pg, "INSERT INTO re VALUES (2, 'b')");
	pgt_open(f);
	pgt_run(f, 2);
	pgt_expect(f, 1, "/after/id", "2");
	pgt_end(pg, f, "re");
}

static int64_t
confirmed(const char *slot)
{
	return th_pg_number(pg, "SELECT confirmed_flush_lsn - '0/0' FROM "
	    "pg_replication_slots WHERE slot_name = '%s'", slot);
}

/* Nothing is confirmed before it is durable; then it soon is. */
static void
test_acknowledge(void **state)
{
	struct leat_fake *f = pgt_source(pg, "ack", "public.ack");
	int64_t before;

	make_table("ack");
	pgt_open(f);
	(void)leat_fake_run(f, 1, 300);
	before = confirmed("ack");
	th_pg_exec(pg, "INSERT INTO ack VALUES (1, 'a')");
	pgt_run(f, 1);
	(void)leat_fake_run(f, 2, 500);
	assert_int_equal(leat_fake_tick(f), 0);
	assert_int_equal(confirmed("ack"), before);
	for (int i = 0; i < 50 && confirmed("ack") == before; i++) {
		assert_int_equal(leat_fake_durable(f), 0);
		(void)leat_fake_run(f, 2, 100);
	}
	assert_true(confirmed("ack") > before);
	assert_true(leat_fake_metric(f, "postgres_confirmed_lsn") > 0);
	pgt_end(pg, f, "ack");
}

/* Other tables are written, ours is idle: the slot moves on all the same. */
static void
test_idle(void **state)
{
	struct leat_fake *f = pgt_source(pg, "idle", "public.idle");
	int64_t target;

	make_table("idle");
	make_table("busy");
	pgt_open(f);
	(void)leat_fake_run(f, 1, 300);
	th_pg_exec(pg, "INSERT INTO busy SELECT g, repeat('x', 100) FROM "
	    "generate_series(1, 10000) g");
	target = th_pg_number(pg, "SELECT pg_current_wal_lsn() - '0/0'");
	for (int i = 0; i < 100 && confirmed("idle") < target; i++) {
		(void)leat_fake_run(f, 1, 100);
		assert_int_equal(leat_fake_durable(f), 0);
	}
	assert_true(confirmed("idle") >= target);
	/* and what was stored agrees, so that a restart is no hole */
	leat_fake_close(f);
	th_pg_exec(pg, "INSERT INTO idle VALUES (1, 'a')");
	pgt_open(f);
	pgt_run(f, 1);
	pgt_end(pg, f, "idle");
}

/* An orderly stop of the server waits for its walsenders: it must not hang. */
static void
test_fast_shutdown(void **state)
{
	struct leat_fake *f = pgt_source(pg, "stop", "public.stop");
	pid_t pid;

	make_table("stop");
	pgt_open(f);
	th_pg_exec(pg, "INSERT INTO stop VALUES (1, 'a')");
	pgt_run(f, 1);
	pid = fork();
	if (pid == 0) {
		char text[16];

		(void)snprintf(text, sizeof(text), "%d", (int)th_pg_pid(pg));
		execlp("kill", "kill", "-INT", text, (char *)NULL);
		_exit(1);
	}
	for (int i = 0; i < 300; i++) {
		int rc = leat_fake_poll(f);

		if (rc < 0)
			break;
		(void)leat_fake_durable(f);
		(void)leat_fake_wait(f);
		assert_true(i < 299);
	}
	leat_fake_close(f);
	th_pg_stop(pg);
	th_pg_resume(pg);
	pgt_end(pg, f, "stop");
}

static void
test_heartbeat(void **state)
{
	struct leat_fake *f = pgt_source(pg, "beat", "public.beat");

	make_table("beat");
	th_pg_exec(pg, "CREATE TABLE beats (n int)");
	leat_fake_set(f, "heartbeat.interval.ms", "50");
	leat_fake_set(f, "heartbeat.action.query",
	    "INSERT INTO beats VALUES (1)");
	pgt_open(f);
	assert_int_equal(leat_fake_run(f, 3, PGT_WAIT_MS), 0);
	assert_string_equal(leat_fake_record(f, 0)->topic,
	    "__debezium-heartbeat.px");
	assert_string_equal(leat_fake_key(f, 0), "{\"serverName\":\"px\"}");
	assert_true(th_pg_number(pg, "SELECT count(*) FROM beats") > 0);
	pgt_end(pg, f, "beat");
}

static void
test_publication(void **state)
{
	struct leat_fake *f = pgt_source(pg, "pub", "public.pa");

	make_table("pa");
	make_table("pb");
	run_once(f, 0);
	assert_string_equal(th_pg_value(pg, "SELECT string_agg(tablename, ',') "
	    "FROM pg_publication_tables WHERE pubname = 'pub'"), "pa");
	leat_fake_set(f, "tables", "public.pb");
	run_once(f, 0);
	assert_string_equal(th_pg_value(pg, "SELECT string_agg(tablename, ',') "
	    "FROM pg_publication_tables WHERE pubname = 'pub'"), "pb");
	pgt_end(pg, f, "pub");

	f = pgt_source(pg, "pub", "public.pa");
	leat_fake_set(f, "publication.autocreate.mode", "all_tables");
	leat_fake_set(f, "slot.drop.on.stop", "true");
	pgt_open(f);
	(void)leat_fake_run(f, 1, 200);
	th_pg_exec(pg, "INSERT INTO pb VALUES (1); INSERT INTO pa VALUES (2)");
	pgt_run(f, 1);
	pgt_expect(f, 0, "/source/table", "\"pa\"");
	assert_true(leat_fake_metric(f, "postgres_events_filtered_total") > 0);
	leat_fake_close(f);
	assert_int_equal(th_pg_number(pg, "SELECT count(*) FROM "
	    "pg_replication_slots WHERE slot_name = 'pub'"), 0);
	pgt_end(pg, f, "pub");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connection_refusals),
		cmocka_unit_test(test_table_refusals),
		cmocka_unit_test(test_slot_refusals),
		cmocka_unit_test(test_wal_level),
		cmocka_unit_test(test_slots_used_up),
		cmocka_unit_test(test_holes),
		cmocka_unit_test(test_snapshot_modes),
		cmocka_unit_test(test_snapshot_markers),
		cmocka_unit_test(test_snapshot_interrupted),
		cmocka_unit_test(test_server_restart),
		cmocka_unit_test(test_acknowledge),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_fast_shutdown),
		cmocka_unit_test(test_heartbeat),
		cmocka_unit_test(test_publication),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
