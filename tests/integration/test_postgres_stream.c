/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_postgres_stream.c: the stream under way: changes that cannot become
 * events, heartbeats, what the metrics say, and limits.
 */
#include "tests/harness/pgserver.h"
#include "tests/integration/pgtest.h"

static struct leat_fake *
new_source(const char *id)
{
	struct leat_fake *f = pgt_source(pg, id, "public.t");

	th_pg_exec(pg, "DROP TABLE IF EXISTS t; "
	    "CREATE TABLE t (id int PRIMARY KEY, n numeric(5,2))");
	leat_fake_set(f, "snapshot.mode", "no_data");
	return f;
}

static void
expect_text(const struct leat_fake *f, int cls, const char *part)
{
	if (strstr(leat_fake_err(f)->text, part) == NULL)
		fail_msg("'%s' does not contain '%s'", leat_fake_err(f)->text,
		    part);
	assert_int_equal(leat_fake_err(f)->cls, cls);
}

/* Runs until the connector fails. */
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
check_left_out(struct leat_fake *f, const char *mode, size_t warnings)
{
	leat_fake_close(f);
	leat_fake_clear(f);
	leat_fake_set(f, "event.processing.failure.handling.mode", mode);
	pgt_open(f);
	pgt_run(f, 2);
	assert_string_equal(leat_fake_key(f, 0), "{\"id\":1}");
	assert_string_equal(leat_fake_key(f, 1), "{\"id\":3}");
	assert_int_equal(leat_fake_logged(f, "a change was left out"),
	    warnings);
}

static void
test_failed_events(void **state)
{
	struct leat_fake *f = new_source("bad");

	leat_fake_set(f, "event.converting.failure.handling.mode", "fail");
	pgt_open(f);
	(void)leat_fake_run(f, 1, 200);
	th_pg_exec(pg, "INSERT INTO t VALUES (1, 1), (2, 'NaN'), (3, 3)");
	run_to_error(f);
	expect_text(f, LEAT_CLS_FATAL, "public.t.n: value 'NaN' cannot be "
	    "represented");
	assert_int_equal(leat_fake_count(f), 1);
	check_left_out(f, "warn", 1);
	check_left_out(f, "skip", 1);
	assert_int_equal(leat_fake_metric(f, "postgres_events_erroneous_total")
	    >= 3, 1);
	pgt_end(pg, f, "bad");
}

static void
test_guardrail(void **state)
{
	struct leat_fake *f = new_source("grd");

	th_pg_exec(pg, "DROP TABLE IF EXISTS t2; "
	    "CREATE TABLE t2 (id int PRIMARY KEY)");
	leat_fake_set(f, "tables", "public.t,public.t2");
	leat_fake_set(f, "guardrail.collections.max", "1");
	pgt_open(f);
	assert_int_equal(leat_fake_logged(f, "more tables than "
	    "guardrail.collections.max tables=2 max=1"), 1);
	leat_fake_close(f);
	leat_fake_set(f, "guardrail.collections.limit.action", "fail");
	assert_true(leat_fake_open(f) < 0);
	expect_text(f, LEAT_CLS_CONFIG, "guardrail.collections.max: 2 tables "
	    "would be captured, 1 are allowed");
	pgt_end(pg, f, "grd");
}

/* --------------------------------------------------------------- heartbeats */

static void
test_heartbeat_after_snapshot(void **state)
{
	struct leat_fake *f = new_source("hbs");

	th_pg_exec(pg, "INSERT INTO t VALUES (1)");
	leat_fake_set(f, "snapshot.mode", "initial");
	leat_fake_set(f, "heartbeat.interval.ms", "3600000");
	pgt_open(f);
	pgt_run(f, 2);
	assert_string_equal(leat_fake_record(f, 1)->topic,
	    "__debezium-heartbeat.px");
	assert_int_equal(leat_fake_run(f, 3, 200), -ETIME);
	pgt_end(pg, f, "hbs");
}

static void
test_heartbeat_query_fails(void **state)
{
	struct leat_fake *f = new_source("hbq");

	leat_fake_set(f, "heartbeat.interval.ms", "20");
	leat_fake_set(f, "heartbeat.action.query",
	    "INSERT INTO no_such_table VALUES (1)");
	pgt_open(f);
	run_to_error(f);
	expect_text(f, LEAT_CLS_CONFIG, "heartbeat.action.query: relation "
	    "\"no_such_table\" does not exist");
	leat_fake_close(f);
	leat_fake_set(f, "heartbeat.action.query",
	    "SELECT pg_terminate_backend(pg_backend_pid())");
	pgt_open(f);
	run_to_error(f);
	assert_int_equal(leat_fake_err(f)->cls, LEAT_CLS_RETRY);
	pgt_end(pg, f, "hbq");
}

/* A message as the action needs no table, and moves the slot. */
static void
test_heartbeat_message(void **state)
{
	struct leat_fake *f = new_source("hbm");

	leat_fake_set(f, "heartbeat.interval.ms", "20");
	leat_fake_set(f, "heartbeat.action.query",
	    "SELECT pg_logical_emit_message(false, 'heartbeat', 'x')");
	leat_fake_set(f, "message.prefix.exclude.list", "heartbeat");
	pgt_open(f);
	assert_int_equal(leat_fake_run(f, 5, PGT_WAIT_MS), 0);
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(leat_fake_record(f, i)->topic,
		    "__debezium-heartbeat.px");
	assert_true(leat_fake_metric(f, "postgres_events_filtered_total") > 0);
	pgt_end(pg, f, "hbm");
}

/* ------------------------------------------------------------------ origins */

/* A row as replicated from elsewhere. */
static void
replicate(PGconn *c, int id, const char *at)
{
	th_pg_run(c, "BEGIN");
	th_pg_run(c, th_text("SELECT pg_replication_origin_xact_setup('%s', "
	    "now())", at));
	th_pg_run(c, th_text("INSERT INTO t VALUES (%d)", id));
	th_pg_run(c, "COMMIT");
}

static void
test_origins(void **state)
{
	struct leat_fake *f = new_source("org");
	PGconn *c = th_pg_connect(pg, NULL);

	leat_fake_set(f, "provide.transaction.metadata", "true");
	pgt_open(f);
	(void)leat_fake_run(f, 1, 200);
	th_pg_run(c, "SELECT pg_replication_origin_create('else')");
	th_pg_run(c, "SELECT pg_replication_origin_session_setup('else')");
	replicate(c, 1, "0/AA");
	th_pg_exec(pg, "INSERT INTO t VALUES (2)");
	pgt_run(f, 6);
	pgt_expect(f, 1, "/source/origin", "\"else\"");
	pgt_expect(f, 1, "/source/origin_lsn", "170");
	pgt_expect(f, 4, "/source/origin", "null");
	pgt_expect(f, 4, "/source/origin_lsn", "null");
	/* The position of BEGIN is not known then; it is the one before. */
	pgt_expect(f, 0, "/status", "\"BEGIN\"");
	pgt_settle(f);
	leat_fake_close(f);
	leat_fake_clear(f);
	replicate(c, 3, "0/BB");
	pgt_open(f);
	pgt_run(f, 3);
	pgt_expect(f, 1, "/source/origin_lsn", "187");
	PQfinish(c);
	pgt_end(pg, f, "org");
}

/* ------------------------------------------------------------------ metrics */

static void
test_metrics(void **state)
{
	struct leat_fake *f = new_source("met");
	int64_t lsn;

	th_pg_exec(pg, "ALTER TABLE t REPLICA IDENTITY FULL");
	leat_fake_set(f, "skip.messages.without.change", "true");
	pgt_open(f);
	(void)leat_fake_run(f, 1, 200);
	assert_int_equal(leat_fake_metric(f, "postgres_connected"), 1);
	th_pg_exec(pg, "INSERT INTO t VALUES (1, 1)");
	th_pg_exec(pg, "UPDATE t SET n = n");
	th_pg_exec(pg, "UPDATE t SET n = 2");
	pgt_run(f, 2);
	lsn = leat_fake_metric(f, "postgres_source_lsn");
	assert_string_equal(th_text("%lld", (long long)lsn),
	    pgt_at(f, 1, "/source/lsn"));
	assert_string_equal(th_text("%lld", (long long)leat_fake_metric(f,
	    "postgres_last_transaction_id")), pgt_at(f, 1, "/source/txId"));
	assert_int_equal(leat_fake_metric(f,
	    "postgres_events_unchanged_total"), 1);
	assert_true(leat_fake_metric(f, "postgres_last_event_timestamp_ms") >
	    INT64_C(1700000000000));
	assert_true(leat_fake_metric(f, "postgres_transactions_total") >= 2);
	leat_fake_close(f);
	assert_int_equal(leat_fake_metric(f, "postgres_connected"), 0);
	pgt_end(pg, f, "met");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_failed_events),
		cmocka_unit_test(test_guardrail),
		cmocka_unit_test(test_heartbeat_after_snapshot),
		cmocka_unit_test(test_heartbeat_query_fails),
		cmocka_unit_test(test_heartbeat_message),
		cmocka_unit_test(test_origins),
		cmocka_unit_test(test_metrics),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
