/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_postgres_large.c: transactions that the server streams before they
 * commit give the same events as those that it does not.
 */
#include "tests/harness/pgserver.h"
#include "tests/integration/pgsteady.h"
#include "tests/integration/pgtest.h"

static struct leat_fake *
new_source(const char *id, const char *streaming)
{
	struct leat_fake *f = pgt_source(pg, id, "public.[tu]");

	leat_fake_set(f, "snapshot.mode", "no_data");
	leat_fake_set(f, "streaming.large.transactions", streaming);
	leat_fake_set(f, "provide.transaction.metadata", "true");
	leat_fake_batch_limits(f, 3000, 1 << 24);
	return f;
}

static void
make_tables(void)
{
	th_pg_exec(pg, "DROP TABLE IF EXISTS t, u; "
	    "CREATE TABLE t (id int PRIMARY KEY, v text);"
	    "CREATE TABLE u (id int PRIMARY KEY)");
}

#define ROWS(from, to) \
	"INSERT INTO t SELECT g, repeat('x', 100) FROM " \
	"generate_series(" #from ", " #to ") g"

/* 6,500 rows by one transaction, between and behind others. */
static void
make_changes(void)
{
	PGconn *large = th_pg_connect(pg, NULL);
	PGconn *lost = th_pg_connect(pg, NULL);

	th_pg_run(large, "BEGIN");
	th_pg_run(large, ROWS(1, 3000));
	th_pg_exec(pg, "INSERT INTO u VALUES (1)");
	th_pg_run(lost, "BEGIN");
	th_pg_run(lost, ROWS(20001, 23000));
	th_pg_run(large, "SAVEPOINT a");
	th_pg_run(large, ROWS(5001, 7000));
	th_pg_run(large, "SAVEPOINT b");
	th_pg_run(large, ROWS(7001, 9000));
	th_pg_run(large, "RELEASE b");
	th_pg_exec(pg, "INSERT INTO u VALUES (2)");
	th_pg_run(large, "ROLLBACK TO a");
	th_pg_run(lost, "ROLLBACK");
	th_pg_run(large, "SELECT pg_logical_emit_message(true, 'in', 'x')");
	th_pg_run(large, "SAVEPOINT c");
	th_pg_run(large, "ALTER TABLE t ADD COLUMN lost int");
	th_pg_run(large, "INSERT INTO t SELECT g, repeat('y', 100), g FROM "
	    "generate_series(9001, 12000) g");
	th_pg_run(large, "ROLLBACK TO c");
	th_pg_run(large, "ALTER TABLE t ADD COLUMN n int");
	th_pg_run(large, "INSERT INTO t SELECT g, repeat('z', 100), g FROM "
	    "generate_series(3001, 6000) g");
	th_pg_run(large, "UPDATE t SET n = 1 WHERE id <= 500");
	th_pg_exec(pg, "SELECT pg_logical_emit_message(false, 'lone', 'x')");
	th_pg_run(large, "COMMIT");
	th_pg_exec(pg, "INSERT INTO t VALUES (30000, 'last', 7)");
	PQfinish(large);
	PQfinish(lost);
}

enum { EVENTS = 6500 + 2 + 1 + 2 + 2 * 4 };

static void
open_quiet(struct leat_fake *f)
{
	pgt_open(f);
	(void)leat_fake_run(f, 1, 100);
	leat_fake_clear(f);
}

static void
test_same_events(void **state)
{
	struct leat_fake *plain, *streamed;

	make_tables();
	plain = new_source("pla", "false");
	streamed = new_source("stm", "true");
	open_quiet(plain);
	open_quiet(streamed);
	make_changes();
	pgt_run(plain, EVENTS);
	pgt_run(streamed, EVENTS);
	for (size_t i = 0; i < EVENTS; i++)
		pgt_expect_same(plain, i, streamed, i);
	assert_int_equal(leat_fake_metric(plain,
	    "postgres_streamed_transactions_total"), 0);
	assert_int_equal(leat_fake_metric(streamed,
	    "postgres_streamed_transactions_total"), 2);
	assert_int_equal(leat_fake_metric(streamed, "postgres_spooled_bytes"),
	    0);
	pgt_end(pg, plain, "pla");
	pgt_end(pg, streamed, "stm");
}

/* The task ends over and over in the middle; streaming goes on and off. */
static void
test_restarts(void **state)
{
	struct leat_fake *plain, *f;
	size_t done = 0;

	make_tables();
	plain = new_source("pla", "false");
	f = new_source("stm", "true");
	open_quiet(plain);
	open_quiet(f);
	assert_int_equal(leat_fake_durable(f), 0);
	make_changes();
	pgt_run(plain, EVENTS);
	leat_fake_batch_limits(f, 900, 1 << 24);
	for (int turn = 0; done < EVENTS; turn++) {
		size_t n;

		(void)leat_fake_run(f, 1, PGT_WAIT_MS);
		n = leat_fake_positions(f) == 0 ? 0 : leat_fake_position(f,
		    leat_fake_positions(f) - 1)->nrecords;
		assert_true(n > 0);
		assert_true(done + n <= EVENTS);
		for (size_t i = 0; i < n; i++)
			pgt_expect_same(plain, done + i, f, i);
		done += n;
		assert_int_equal(leat_fake_durable(f), 0);
		leat_fake_close(f);
		leat_fake_clear(f);
		leat_fake_set(f, "streaming.large.transactions",
		    turn % 3 == 1 ? "false" : "true");
		pgt_open(f);
	}
	assert_int_equal(leat_fake_run(f, 1, 200), -ETIME);
	pgt_end(pg, plain, "pla");
	pgt_end(pg, f, "stm");
}

static void
run_to_error(struct leat_fake *f)
{
	for (int i = 0; i < 2000; i++) {
		if (leat_fake_poll(f) < 0)
			return;
		(void)leat_fake_wait(f);
	}
	fail_msg("no error");
}

static void
test_limits(void **state)
{
	struct leat_fake *f;
	PGconn *c = th_pg_connect(pg, NULL);

	make_tables();
	f = new_source("lim", "true");
	leat_fake_set(f, "streaming.spool.max.bytes", "100000");
	open_quiet(f);
	th_pg_run(c, "BEGIN");
	th_pg_run(c, ROWS(1, 3000));
	run_to_error(f);
	assert_non_null(strstr(leat_fake_err(f)->text,
	    "streaming.spool.max.bytes: open transactions have more than "
	    "100000 bytes"));
	assert_int_equal(leat_fake_err(f)->cls, LEAT_CLS_CONFIG);
	leat_fake_close(f);
	leat_fake_set(f, "streaming.spool.max.bytes", NULL);
	leat_fake_set(f, "streaming.spool.directory", "/nowhere");
	pgt_open(f);
	run_to_error(f);
	assert_non_null(strstr(leat_fake_err(f)->text,
	    "streaming.spool.directory: a file in /nowhere"));
	th_pg_run(c, "ROLLBACK");
	PQfinish(c);
	pgt_end(pg, f, "lim");
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_events),
		cmocka_unit_test(test_restarts),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, start, stop_server);
}
