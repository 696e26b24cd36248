/* SPDX-License-Identifier: Apache-2.0 */
/* test: timeout=120 */
/*
 * test_postgres_seams.c: what happens to the server, the slot and the tables
 * while a snapshot is under way, and what a task is told in the meantime.
 */
#include "tests/integration/pgtest.h"

enum { ROWS = 50, BIG = 6000 };

static struct th_pg *pg;

static struct leat_fake *
source(const char *tables)
{
	struct leat_fake *f;

	assert_true(th_pg_wait(pg, "0", PGT_WAIT_MS,
	    "SELECT count(*) FROM pg_replication_slots WHERE active"));
	th_pg_exec(pg, "SELECT pg_drop_replication_slot(slot_name) FROM "
	    "pg_replication_slots; DROP SCHEMA IF EXISTS seam CASCADE; "
	    "CREATE SCHEMA seam");
	for (const char *t = "ab"; *t != '\0'; t++)
		th_pg_exec(pg, "CREATE TABLE seam.%c (id int PRIMARY KEY, "
		    "v text); INSERT INTO seam.%c SELECT g, 'v' || g FROM "
		    "generate_series(1, %d) g", *t, *t, ROWS);
	f = pgt_source(pg, "seam", tables);
	leat_fake_batch_limits(f, 10, 1 << 20);
	return f;
}

/* Waits for the server, polling meanwhile. */
static void
poll_until(struct leat_fake *f, const char *expected, const char *sql)
{
	int64_t end = th_now_ms() + (int64_t)PGT_WAIT_MS * th_slowness();

	while (strcmp(th_pg_value(pg, "%s", sql), expected) != 0) {
		if (leat_fake_poll(f) < 0)
			fail_msg("%s", leat_fake_err(f)->text);
		assert_true(th_now_ms() < end);
	}
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

/* Another table takes the name of one that is still to be read. */
static void
test_swapped(void **state)
{
	struct leat_fake *f = source("seam.a,seam.b.*");
	int rc;

	th_pg_exec(pg, "CREATE TABLE seam.c (LIKE seam.b INCLUDING ALL)");
	pgt_open(f);
	assert_int_equal(leat_fake_run(f, 10, PGT_WAIT_MS), 0);
	th_pg_exec(pg, "BEGIN; ALTER TABLE seam.b RENAME TO b_old; "
	    "ALTER TABLE seam.c RENAME TO b; COMMIT");
	rc = leat_fake_run(f, 2 * (size_t)ROWS, PGT_WAIT_MS);
	assert_true(rc < 0);
	assert_int_equal(leat_fake_err(f)->cls, LEAT_CLS_RETRY);
	assert_non_null(strstr(leat_fake_err(f)->text,
	    "table seam.b was renamed"));
	reopen(f);
	leat_fake_batch_limits(f, 500, 1 << 20);
	assert_int_equal(leat_fake_run(f, ROWS, PGT_WAIT_MS), 0);
	assert_string_equal(leat_fake_record(f, leat_fake_count(f) - 1)->topic,
	    "px.seam.b_old");
	pgt_end(pg, f, "seam");
}

/* To stop does not mean to read the rest of the table first. */
static void
test_slot_is_dropped_at_once(void **state)
{
	struct leat_fake *f = source("seam.a");
	PGconn *other = th_pg_connect(pg, NULL);

	th_pg_run(other, "SELECT pg_advisory_lock(7)");
	leat_fake_set(f, "slot.drop.on.stop", "true");
	leat_fake_set(f, "snapshot.select.statement.overrides", "seam.a");
	leat_fake_set(f, "snapshot.select.statement.overrides.seam.a",
	    "SELECT id, v FROM seam.a WHERE "
	    "pg_advisory_lock_shared(7) IS NOT NULL");
	pgt_open(f);
	poll_until(f, "1", "SELECT count(*) FROM pg_locks WHERE "
	    "locktype = 'advisory' AND NOT granted");
	leat_fake_close(f);
	assert_true(th_pg_wait(pg, "0", PGT_WAIT_MS,
	    "SELECT count(*) FROM pg_replication_slots"));
	PQfinish(other);
	pgt_end(pg, f, "seam");
}

/* A snapshot is a reader: who makes a slot need not wait for its end. */
static void
test_others_make_slots(void **state)
{
	struct leat_fake *f = source("seam.a");

	pgt_open(f);
	assert_int_equal(leat_fake_run(f, 10, PGT_WAIT_MS), 0);
	assert_true(strspn(pgt_at(f, 0, "/source/txId"), "0123456789") > 2);
	th_pg_exec(pg, "SET statement_timeout = '20s'; SELECT "
	    "pg_create_logical_replication_slot('other', 'pgoutput'); "
	    "RESET statement_timeout");
	pgt_run(f, ROWS);
	pgt_end(pg, f, "seam");
}

/* What is asked for while tables are read is done when the stream runs. */
static void
test_signal_meanwhile(void **state)
{
	struct leat_fake *f = source("seam.a,seam.b");

	pgt_open(f);
	assert_int_equal(leat_fake_run(f, 10, PGT_WAIT_MS), 0);
	assert_int_equal(leat_fake_signal(f, "s-1", "execute-snapshot",
	    "{\"type\":\"incremental\",\"data-collections\":[\"seam.a\"]}"),
	    0);
	assert_int_equal(leat_fake_logged(f, "signal refused"), 0);
	/* It is stored with the next rows. */
	assert_int_equal(leat_fake_run(f, 30, PGT_WAIT_MS), 0);
	reopen(f);
	leat_fake_batch_limits(f, 500, 1 << 20);
	assert_int_equal(leat_fake_run(f, 3 * (size_t)ROWS, PGT_WAIT_MS), 0);
	pgt_expect(f, 2 * (size_t)ROWS, "/source/snapshot",
	    "\"incremental\"");
	pgt_end(pg, f, "seam");
}

/* A worker died in CREATE_REPLICATION_SLOT: its session is still at it. */
static void
test_slot_in_making(void **state)
{
	struct leat_fake *f = source("seam.a");
	PGconn *old = th_pg_connect(pg, NULL);
	PGconn *dead = PQconnectdb(th_text("%s replication=database",
	    th_pg_conninfo(pg)));

	th_pg_run(old, "BEGIN; SELECT txid_current()");
	assert_int_equal(PQsendQuery(dead,
	    "CREATE_REPLICATION_SLOT seam LOGICAL pgoutput"), 1);
	assert_true(th_pg_wait(pg, "1", PGT_WAIT_MS, "SELECT count(*) FROM "
	    "pg_replication_slots WHERE slot_name = 'seam'"));
	assert_true(leat_fake_open(f) < 0);
	assert_int_equal(leat_fake_err(f)->cls, LEAT_CLS_RETRY);
	assert_non_null(strstr(leat_fake_err(f)->text,
	    "slot 'seam' is being made by process"));
	th_pg_run(old, "COMMIT");
	PQclear(PQgetResult(dead));
	PQfinish(dead);
	PQfinish(old);
	pgt_open(f);
	pgt_run(f, ROWS);
	pgt_end(pg, f, "seam");
}

/* Much is written while a large table is read: the stream comes in between. */
static struct leat_fake *
guarded(const char *action)
{
	struct leat_fake *f = source("seam.big");

	th_pg_exec(pg, "CREATE TABLE seam.big (id int PRIMARY KEY, pad text); "
	    "ALTER TABLE seam.big ALTER pad SET STORAGE PLAIN; INSERT INTO "
	    "seam.big SELECT g, repeat('x', 900) FROM generate_series(1, %d) g",
	    BIG);
	leat_fake_batch_limits(f, 500, 1 << 24);
	leat_fake_set(f, "snapshot.max.threads.multiplier", "100");
	leat_fake_set(f, "wal.guard.bytes", "2MiB");
	leat_fake_set(f, "wal.guard.action", action);
	pgt_open(f);
	assert_int_equal(leat_fake_run(f, BIG / 2, PGT_WAIT_MS), 0);
	assert_int_equal(leat_fake_durable(f), 0);
	th_pg_exec(pg, "SELECT count(pg_logical_emit_message(false, 'fill', "
	    "repeat('x', 1000000))) FROM generate_series(1, 4)");
	leat_fake_set_clock(f, leat_now_us(leat_fake_task(f)));
	leat_fake_add_clock(f, 11000000);
	return f;
}

static void
interrupt_and_go_on(struct leat_fake *f, size_t n)
{
	assert_int_equal(leat_fake_poll(f), LEAT_E_STATE);
	assert_int_equal(leat_fake_err(f)->cls, LEAT_CLS_RETRY);
	assert_non_null(strstr(leat_fake_err(f)->text,
	    "the snapshot is interrupted"));
	reopen(f);
	assert_int_equal(leat_fake_logged(f, "tables_read_in_part=1"), 1);
	for (int i = 0; i < 100000 && leat_fake_count(f) < n; i++) {
		if (leat_fake_poll(f) < 0)
			fail_msg("%s", leat_fake_err(f)->text);
		(void)leat_fake_wait(f);
	}
}

static void
test_guard_interrupts(void **state)
{
	struct leat_fake *f = guarded("hold-snapshots");
	size_t n = leat_fake_count(f);

	interrupt_and_go_on(f, BIG - n);
	/* The rest, and what the batches had begun of another piece. */
	assert_in_range(leat_fake_count(f), BIG - n, BIG - n + 1100);
	pgt_end(pg, f, "seam");
}

/* The slot is not given up for what the snapshot has held. */
static void
test_guard_spares(void **state)
{
	struct leat_fake *f = guarded("give-up");

	interrupt_and_go_on(f, 1);
	assert_int_equal(leat_fake_logged(f, "give-up"), 0);
	pgt_end(pg, f, "seam");
}

static void
test_guard_warns(void **state)
{
	struct leat_fake *f = guarded("warn");

	assert_true(leat_fake_poll(f) >= 0);
	assert_int_equal(leat_fake_logged(f, "more of the server's log than "
	    "wal.guard allows"), 1);
	assert_int_equal(leat_fake_metric(f, "postgres_wal_guard_over"), 1);
	pgt_end(pg, f, "seam");
}

/* To go on reading would be in vain. */
static void
test_slot_is_lost(void **state)
{
	struct leat_fake *f = guarded("warn");

	th_pg_exec(pg, "SELECT pg_drop_replication_slot('seam')");
	leat_fake_add_clock(f, 11000000);
	assert_int_equal(leat_fake_poll(f), LEAT_E_STATE);
	assert_non_null(strstr(leat_fake_err(f)->text,
	    "was dropped while the snapshot was read"));
	reopen(f);
	assert_int_equal(leat_fake_logged(f, "the snapshot begins anew"), 1);
	pgt_end(pg, f, "seam");
}

static int
start(void **state)
{
	pg = th_pg_start(NULL);
	return 0;
}

static int
stop(void **state)
{
	th_pg_free(pg);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_swapped),
		cmocka_unit_test(test_slot_is_dropped_at_once),
		cmocka_unit_test(test_others_make_slots),
		cmocka_unit_test(test_signal_meanwhile),
		cmocka_unit_test(test_slot_in_making),
		cmocka_unit_test(test_guard_interrupts),
		cmocka_unit_test(test_guard_spares),
		cmocka_unit_test(test_guard_warns),
		cmocka_unit_test(test_slot_is_lost),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
