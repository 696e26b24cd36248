/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_postgres_restart.c: positions are exact. Whatever was durable when a
 * task ended is not delivered again, and nothing behind it is lost.
 */
#include "tests/integration/pgtest.h"

enum { EVENTS = 14 };

static struct th_pg *pg;
static struct leat_fake *f;

/* Key and operation of a record: what tells it from the others here. */
static const char *
label(size_t i)
{
	const char *value = leat_fake_value(f, i);

	if (strcmp(value, "null") == 0)
		return th_text("tombstone %s", leat_fake_key(f, i));
	return th_text("%s %s %s", pgt_at(f, i, "/op"), leat_fake_key(f, i),
	    pgt_at(f, i, "/after"));
}

/* Two transactions; the second has a changed key, which makes three records. */
static void
make_changes(void)
{
	th_pg_exec(pg, "BEGIN;"
	    "INSERT INTO r SELECT g, 'row ' || g FROM generate_series(1,5) g;"
	    "COMMIT");
	th_pg_exec(pg, "BEGIN;"
	    "UPDATE r SET v = 'new' WHERE id = 1;"
	    "UPDATE r SET id = 10 WHERE id = 2;"
	    "DELETE FROM r WHERE id = 3;"
	    "INSERT INTO r VALUES (11, 'x'), (12, 'y');"
	    "COMMIT");
	th_pg_exec(pg, "INSERT INTO r VALUES (13, 'z')");
}

static void
begin(void)
{
	th_pg_exec(pg, "DROP TABLE IF EXISTS r; "
	    "CREATE TABLE r (id int PRIMARY KEY, v text)");
	f = pgt_source(pg, "restart", "public.r");
	pgt_open(f);
	(void)leat_fake_run(f, 1, 100);
	pgt_settle(f);
	leat_fake_clear(f);
	make_changes();
}

static const char **
expected_labels(void)
{
	const char **all = calloc(EVENTS, sizeof(*all));

	begin();
	pgt_run(f, EVENTS);
	for (size_t i = 0; i < EVENTS; i++)
		all[i] = label(i);
	pgt_end(pg, f, "restart");
	return all;
}

/* Takes the labels of the records that are durable, from `from` on. */
static size_t
take_durable(const char **got, size_t from)
{
	size_t n = leat_fake_positions(f);
	size_t records = n == 0 ? 0 : leat_fake_position(f, n - 1)->nrecords;

	for (size_t i = 0; i < records; i++)
		got[from + i] = label(i);
	assert_int_equal(leat_fake_durable(f), 0);
	return from + records;
}

/* As the worker does when poll() fails: what has a position is kept. */
static void
open_again(void)
{
	assert_int_equal(leat_fake_durable(f), 0);
	leat_fake_close(f);
	assert_true(th_pg_wait(pg, "0", PGT_WAIT_MS,
	    "SELECT count(*) FROM pg_replication_slots "
	    "WHERE slot_name = 'restart' AND active"));
	pgt_open(f);
}

static void
reopen(void)
{
	leat_fake_close(f);
	assert_true(th_pg_wait(pg, "0", PGT_WAIT_MS,
	    "SELECT count(*) FROM pg_replication_slots "
	    "WHERE slot_name = 'restart' AND active"));
	leat_fake_clear(f);
	pgt_open(f);
}

static void
finish(const char **want, const char **got, size_t n)
{
	leat_fake_batch_limits(f, 500, 1 << 20);
	if (n < EVENTS)
		pgt_run(f, EVENTS - n);
	for (size_t i = n; i < EVENTS; i++)
		got[i] = label(i - n);
	for (size_t i = 0; i < EVENTS; i++)
		assert_string_equal(got[i], want[i]);
	/* and nothing behind it */
	assert_int_equal(leat_fake_run(f, EVENTS - n + 1, 100), -ETIME);
	pgt_end(pg, f, "restart");
}

/* Batches of k records; the task ends after each. */
static void
test_every_index(void **state)
{
	const char **want = expected_labels(), *got[EVENTS * 2];

	for (uint32_t k = 1; k <= EVENTS; k++) {
		size_t n = 0;

		begin();
		leat_fake_batch_limits(f, k, 1 << 20);
		for (int turn = 0; turn < 3 && n < EVENTS; turn++) {
			if (leat_fake_run(f, 1, PGT_WAIT_MS) < 0)
				fail_msg("%s", leat_fake_err(f)->text);
			n = take_durable(got, n);
			reopen();
		}
		finish(want, got, n);
	}
	free(want);
}

/* The batch's memory ends anywhere, between the records of one change too. */
static void
test_every_allocation(void **state)
{
	const char **want = expected_labels(), *got[EVENTS * 2];
	int ended = 0;

	for (uint32_t k = 1; !ended; k += 3) {
		size_t n = 0;

		begin();
		assert_true(th_pg_wait(pg, "t", PGT_WAIT_MS, "SELECT true"));
		leat_fake_fail_at(f, k);
		for (int i = 0; i < 500 && !leat_fake_has_failed(f) &&
		    leat_fake_count(f) < EVENTS; i++) {
			int rc = leat_fake_poll(f);

			/* Without memory no position can be given either. */
			if (rc < 0)
				break;
			(void)leat_fake_wait(f);
		}
		ended = !leat_fake_has_failed(f);
		leat_fake_fail_at(f, 0);
		n = take_durable(got, n);
		reopen();
		finish(want, got, n);
	}
	free(want);
}

/* A stream that goes on after its batch had no room loses nothing. */
static void
test_goes_on_after_no_memory(void **state)
{
	const char **want = expected_labels();

	for (uint32_t k = 1; k < 60; k += 4) {
		int rc = 0;

		begin();
		leat_fake_fail_at(f, k);
		for (int i = 0; i < 200 && !leat_fake_has_failed(f); i++) {
			rc = leat_fake_poll(f);
			if (rc < 0)
				break;
			(void)leat_fake_wait(f);
		}
		leat_fake_fail_at(f, 0);
		if (rc < 0)
			open_again();
		pgt_run(f, EVENTS);
		for (size_t i = 0; i < EVENTS; i++)
			assert_string_equal(label(i), want[i]);
		pgt_end(pg, f, "restart");
	}
	free(want);
}

static void
test_debezium_offset(void **state)
{
	begin();
	pgt_run(f, EVENTS);
	leat_fake_close(f);
	/* As Debezium left it behind the first transaction. */
	leat_fake_set_offset(f, "{\"server\":\"px\"}", th_text(
	    "{\"lsn_proc\":%s,\"messageType\":\"INSERT\",\"lsn_commit\":%s,"
	    "\"lsn\":%s,\"txId\":7,\"ts_usec\":1}",
	    pgt_at(f, 5, "/source/lsn"), pgt_at(f, 5, "/source/lsn"),
	    pgt_at(f, 5, "/source/lsn")));
	leat_fake_clear(f);
	pgt_open(f);
	pgt_run(f, EVENTS - 5);
	pgt_expect(f, 0, "/op", "\"u\"");
	pgt_end(pg, f, "restart");
}

static void
test_large_transaction(void **state)
{
	begin();
	pgt_run(f, EVENTS);
	pgt_settle(f);
	leat_fake_clear(f);
	th_pg_exec(pg, "INSERT INTO r SELECT g, 'many' FROM "
	    "generate_series(100, 10099) g");
	leat_fake_batch_limits(f, 700, 1 << 26);
	assert_int_equal(leat_fake_run(f, 3000, PGT_WAIT_MS), 0);
	assert_int_equal(leat_fake_durable(f), 0);
	{
		size_t n = leat_fake_count(f);

		reopen();
		pgt_run(f, 10000 - n);
		assert_string_equal(leat_fake_key(f, 0),
		    th_text("{\"id\":%zu}", 100 + n));
	}
	pgt_end(pg, f, "restart");
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
		cmocka_unit_test(test_every_index),
		cmocka_unit_test(test_every_allocation),
		cmocka_unit_test(test_goes_on_after_no_memory),
		cmocka_unit_test(test_debezium_offset),
		cmocka_unit_test(test_large_transaction),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
