/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_postgres_prepared.c: prepared transactions on a slot with two_phase give
 * the events that they give without, at their COMMIT PREPARED, through restarts
 * of either side.
 */
#include "tests/integration/pgsteady.h"
#include "tests/integration/pgtest.h"

static struct th_pg *pg;

static struct leat_fake *
new_source(const char *id, const char *two_phase)
{
	struct leat_fake *f = pgt_source(pg, id, "public.[tu]");

	leat_fake_set(f, "snapshot.mode", "no_data");
	leat_fake_set(f, "streaming.two.phase", two_phase);
	leat_fake_set(f, "streaming.large.transactions", two_phase);
	leat_fake_set(f, "provide.transaction.metadata", "true");
	leat_fake_batch_limits(f, 3000, 1 << 24);
	return f;
}

static void
make_tables(void)
{
	th_pg_exec(pg, "DROP TABLE IF EXISTS t, u; DROP SEQUENCE IF EXISTS s; "
	    "CREATE TABLE t (id int PRIMARY KEY, v text);"
	    "CREATE TABLE u (id int PRIMARY KEY); CREATE SEQUENCE s");
}

static void
open_quiet(struct leat_fake *f)
{
	pgt_open(f);
	(void)leat_fake_run(f, 1, 100);
	assert_int_equal(leat_fake_durable(f), 0);
	leat_fake_clear(f);
}

static void
prepare(const char *gid, const char *sql)
{
	PGconn *c = th_pg_connect(pg, NULL);

	th_pg_run(c, "BEGIN");
	th_pg_run(c, sql);
	th_pg_run(c, th_text("PREPARE TRANSACTION '%s'", gid));
	PQfinish(c);
}

#define ROWS(from, to) \
	"INSERT INTO t (id, v) SELECT g, repeat('x', 100) FROM " \
	"generate_series(" #from ", " #to ") g"

/*
 * Small and large ones, committed and rolled back, with a description that
 * comes first inside, one that came before, and one that never commits.
 */
static void
make_changes(void)
{
	prepare("first", "INSERT INTO t VALUES (1, 'a')");
	th_pg_exec(pg, "INSERT INTO t VALUES (2, 'b')");
	prepare("lost", "INSERT INTO t VALUES (3, 'c')");
	prepare("nothing", "SELECT nextval('s')");
	prepare("large", ROWS(1001, 3000) "; SAVEPOINT p; " ROWS(3001, 4000)
	    "; ROLLBACK TO p; " ROWS(4001, 5000));
	prepare("lost large", ROWS(6001, 9000));
	th_pg_exec(pg, "INSERT INTO u VALUES (1)");
	th_pg_exec(pg, "COMMIT PREPARED 'large'");
	th_pg_exec(pg, "INSERT INTO t VALUES (4, 'd')");
	th_pg_exec(pg, "ROLLBACK PREPARED 'lost'");
	th_pg_exec(pg, "ROLLBACK PREPARED 'lost large'");
	th_pg_exec(pg, "COMMIT PREPARED 'nothing'");
	th_pg_exec(pg, "COMMIT PREPARED 'first'");
	prepare("altered", "ALTER TABLE t ADD COLUMN n int DEFAULT 7; "
	    "INSERT INTO t VALUES (5, 'e', 1); DELETE FROM t WHERE id = 2; "
	    "SELECT pg_logical_emit_message(true, 'in', 'x')");
	prepare("never", "ALTER TABLE u ADD COLUMN lost int; "
	    "INSERT INTO u VALUES (9, 9)");
	th_pg_exec(pg, "SELECT pg_logical_emit_message(false, 'lone', 'x')");
	th_pg_exec(pg, "ROLLBACK PREPARED 'never'");
	th_pg_exec(pg, "COMMIT PREPARED 'altered'");
	th_pg_exec(pg, "INSERT INTO t VALUES (6, 'f', 2)");
	th_pg_exec(pg, "INSERT INTO u VALUES (2)");
}

/* Rows and messages, and two for the delete; BEGIN and END of each. */
enum { EVENTS = 1 + 1 + 3000 + 1 + 1 + (2 + 2) + 1 + 1 + 1 + 2 * 8 };

static void
test_same_events(void **state)
{
	struct leat_fake *plain, *two;

	make_tables();
	plain = new_source("pla", "false");
	two = new_source("two", "true");
	open_quiet(plain);
	open_quiet(two);
	assert_string_equal(th_pg_rows(pg, "SELECT slot_name, two_phase FROM "
	    "pg_replication_slots ORDER BY 1"), "pla|f\ntwo|t\n");
	make_changes();
	pgt_run(plain, EVENTS);
	pgt_run(two, EVENTS);
	for (size_t i = 0; i < EVENTS; i++)
		pgt_expect_same(plain, i, two, i);
	assert_int_equal(leat_fake_metric(two,
	    "postgres_prepared_transactions"), 0);
	assert_int_equal(leat_fake_metric(two, "postgres_spooled_bytes"), 0);
	/* One that was rolled back meanwhile is not sent by newer servers. */
	assert_true(leat_fake_metric(two,
	    "postgres_streamed_transactions_total") >= 1);
	pgt_end(pg, plain, "pla");
	pgt_end(pg, two, "two");
}

static uint64_t
lsn_number(const char *sql)
{
	return (uint64_t)th_pg_number(pg, "SELECT (%s) - '0/0'::pg_lsn", sql);
}

/* Is the slot confirmed up to that place? */
static bool
confirmed(const char *id, uint64_t lsn)
{
	return lsn_number(th_text("SELECT confirmed_flush_lsn FROM "
	    "pg_replication_slots WHERE slot_name = '%s'", id)) >= lsn;
}

/* Runs, with what is given made durable, until the slot is there. */
static void
run_to_confirmed(struct leat_fake *f, const char *id, uint64_t lsn)
{
	int64_t end = th_now_ms() + (int64_t)PGT_WAIT_MS * th_slowness();

	while (!confirmed(id, lsn)) {
		if (th_now_ms() > end)
			fail_msg("the slot does not advance");
		pgt_settle(f);
	}
}

/* An undecided one holds the slot, not the others; through restarts. */
static void
test_holds_position(void **state)
{
	struct leat_fake *f;
	uint64_t before, prepared, behind;

	make_tables();
	f = new_source("two", "true");
	open_quiet(f);
	th_pg_exec(pg, "INSERT INTO t VALUES (1)");
	before = lsn_number("SELECT pg_current_wal_lsn()");
	prepare("hold", "INSERT INTO t VALUES (2)");
	prepared = lsn_number("SELECT pg_current_wal_lsn()");
	th_pg_exec(pg, "INSERT INTO t VALUES (3)");
	behind = lsn_number("SELECT pg_current_wal_lsn()");
	pgt_run(f, 6);
	pgt_settle(f);
	assert_string_equal(leat_fake_key(f, 1), "{\"id\":1}");
	assert_string_equal(leat_fake_key(f, 4), "{\"id\":3}");
	assert_int_equal(leat_fake_metric(f, "postgres_prepared_transactions"),
	    1);
	run_to_confirmed(f, "two", before);
	assert_false(confirmed("two", prepared));
	for (int i = 0; i < 3; i++) {
		leat_fake_close(f);
		leat_fake_clear(f);
		/* Nothing comes twice, and the server stops in time. */
		if (i == 1)
			th_pg_restart(pg);
		pgt_open(f);
		assert_int_equal(leat_fake_run(f, 1, 300), -ETIME);
		pgt_settle(f);
		assert_false(confirmed("two", prepared));
	}
	th_pg_stop(pg);
	th_pg_resume(pg);
	leat_fake_close(f);
	leat_fake_clear(f);
	pgt_open(f);
	th_pg_exec(pg, "COMMIT PREPARED 'hold'");
	pgt_run(f, 3);
	assert_string_equal(leat_fake_key(f, 1), "{\"id\":2}");
	run_to_confirmed(f, "two", behind);
	pgt_end(pg, f, "two");
}

/* What is rolled back while the task is down is never seen. */
static void
test_decided_while_down(void **state)
{
	struct leat_fake *f;

	make_tables();
	f = new_source("two", "true");
	open_quiet(f);
	prepare("no", "INSERT INTO t VALUES (1)");
	prepare("yes", "INSERT INTO t VALUES (2)");
	assert_int_equal(leat_fake_run(f, 1, 300), -ETIME);
	pgt_settle(f);
	leat_fake_close(f);
	prepare("later", "INSERT INTO t VALUES (3)");
	th_pg_exec(pg, "ROLLBACK PREPARED 'no'");
	th_pg_exec(pg, "COMMIT PREPARED 'yes'");
	th_pg_exec(pg, "COMMIT PREPARED 'later'");
	th_pg_exec(pg, "INSERT INTO t VALUES (4)");
	pgt_open(f);
	pgt_run(f, 9);
	assert_string_equal(leat_fake_key(f, 1), "{\"id\":2}");
	assert_string_equal(leat_fake_key(f, 4), "{\"id\":3}");
	assert_string_equal(leat_fake_key(f, 7), "{\"id\":4}");
	pgt_end(pg, f, "two");
}

/* The task ends over and over in the middle; what was not stored is lost. */
static void
test_restarts(void **state)
{
	struct leat_fake *plain, *f;
	size_t done = 0;

	make_tables();
	plain = new_source("pla", "false");
	f = new_source("two", "true");
	open_quiet(plain);
	open_quiet(f);
	make_changes();
	pgt_run(plain, EVENTS);
	leat_fake_batch_limits(f, 170, 1 << 24);
	for (int turn = 0; done < EVENTS; turn++) {
		size_t n;

		(void)leat_fake_run(f, 1, PGT_WAIT_MS);
		n = leat_fake_positions(f) == 0 ? 0 : leat_fake_position(f,
		    leat_fake_positions(f) - 1)->nrecords;
		assert_true(n > 0);
		assert_true(done + n <= EVENTS);
		for (size_t i = 0; i < n; i++)
			pgt_expect_same(plain, done + i, f, i);
		/* Every third time the records are not durable. */
		if (turn % 3 != 2) {
			done += n;
			assert_int_equal(leat_fake_durable(f), 0);
		}
		leat_fake_close(f);
		leat_fake_clear(f);
		leat_fake_set(f, "streaming.large.transactions",
		    turn % 3 == 1 ? "false" : "true");
		leat_fake_set(f, "streaming.two.phase",
		    turn % 4 == 1 ? "false" : "true");
		pgt_open(f);
	}
	assert_int_equal(leat_fake_run(f, 1, 300), -ETIME);
	/* The slot remembers it. */
	assert_true(leat_fake_logged(f, "the slot decodes prepared "
	    "transactions at their PREPARE") > 0);
	pgt_end(pg, plain, "pla");
	pgt_end(pg, f, "two");
}

/* Prepared before the slot is made two_phase: it comes with its commit. */
static void
test_switched_on(void **state)
{
	struct leat_fake *f;

	make_tables();
	f = new_source("two", "false");
	open_quiet(f);
	prepare("old", "INSERT INTO t VALUES (1)");
	th_pg_exec(pg, "INSERT INTO t VALUES (2)");
	pgt_run(f, 3);
	pgt_settle(f);
	leat_fake_close(f);
	leat_fake_clear(f);
	leat_fake_set(f, "streaming.two.phase", "true");
	pgt_open(f);
	th_pg_exec(pg, "INSERT INTO t VALUES (3)");
	th_pg_exec(pg, "COMMIT PREPARED 'old'");
	pgt_run(f, 6);
	assert_string_equal(leat_fake_key(f, 1), "{\"id\":3}");
	assert_string_equal(leat_fake_key(f, 4), "{\"id\":1}");
	pgt_end(pg, f, "two");
}

/* Up to where whole transactions are delivered, by the latest position. */
static const char *
stored_flush(struct leat_fake *f)
{
	const char *offset = leat_fake_position(f, leat_fake_positions(f) -
	    1)->offset;
	const char *at = strstr(offset, "\"lsn_flush\":");

	assert_non_null(at);
	at += strlen("\"lsn_flush\":");
	return th_text("%.*s", (int)strspn(at, "0123456789"), at);
}

/* Somebody else read the PREPARE: what is missing is said. */
static void
test_lost_prepare(void **state)
{
	struct leat_fake *f;
	const char *flush;

	make_tables();
	f = new_source("two", "true");
	open_quiet(f);
	prepare("lost", "INSERT INTO t VALUES (1)");
	th_pg_exec(pg, "INSERT INTO t VALUES (2)");
	pgt_run(f, 3);
	pgt_settle(f);
	flush = stored_flush(f);
	leat_fake_close(f);
	leat_fake_clear(f);
	assert_true(th_pg_wait(pg, "f", PGT_WAIT_MS, "SELECT active FROM "
	    "pg_replication_slots WHERE slot_name = 'two'"));
	th_pg_exec(pg, "SELECT pg_replication_slot_advance('two', "
	    "'0/0'::pg_lsn + %s)", flush);
	if (leat_fake_open(f) == 0)
		fail_msg("the hole is not seen");
	assert_non_null(strstr(leat_fake_err(f)->text,
	    "ahead of the PREPARE at "));
	leat_fake_set(f, "offset.mismatch.strategy", "trust_slot");
	pgt_open(f);
	assert_int_equal(leat_fake_logged(f, "prepared transactions are "
	    "skipped"), 1);
	th_pg_exec(pg, "COMMIT PREPARED 'lost'");
	th_pg_exec(pg, "INSERT INTO t VALUES (3)");
	pgt_run(f, 3);
	assert_string_equal(leat_fake_key(f, 1), "{\"id\":3}");
	pgt_end(pg, f, "two");
}

/* Versions of the protocol that do not fit, in words. */
static void
test_versions(void **state)
{
	struct leat_fake *f;

	make_tables();
	f = new_source("two", "true");
	leat_fake_set(f, "streaming.protocol.version", "2");
	assert_true(leat_fake_open(f) < 0);
	assert_non_null(strstr(leat_fake_err(f)->text,
	    "streaming.protocol.version: streaming.two.phase needs version 3 "
	    "or newer, not 2"));
	leat_fake_set(f, "streaming.protocol.version", "1");
	leat_fake_set(f, "streaming.two.phase", "false");
	assert_true(leat_fake_open(f) < 0);
	assert_non_null(strstr(leat_fake_err(f)->text,
	    "streaming.large.transactions needs version 2 or newer, not 1"));
	leat_fake_set(f, "streaming.large.transactions", "false");
	for (int v = 1; v <= 3; v++) {
		leat_fake_set(f, "streaming.protocol.version",
		    th_text("%d", v));
		pgt_open(f);
		assert_true(leat_fake_logged(f, th_text("protocol=%d", v)) >
		    0);
		leat_fake_close(f);
		leat_fake_clear(f);
	}
	pgt_end(pg, f, "two");
}

static int
start(void **state)
{
	static const char *const settings[] = {
		"logical_decoding_work_mem = 64kB", NULL
	};
	struct th_pg_opts o = { .settings = settings };

	pg = th_pg_start(&o);
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
		cmocka_unit_test(test_same_events),
		cmocka_unit_test(test_holds_position),
		cmocka_unit_test(test_decided_while_down),
		cmocka_unit_test(test_restarts),
		cmocka_unit_test(test_switched_on),
		cmocka_unit_test(test_lost_prepare),
		cmocka_unit_test(test_versions),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
