/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_postgres_restart.c: positions are exact. Whatever was durable when a
 * task ended is not delivered again, and nothing behind it is lost.
 */
#include "tests/harness/pgserver.h"
#include "tests/integration/pgtest.h"

enum {
	ROWS_ONLY = 14,	/* records of the rows */
	MESSAGES = 3,	/* logical ones, in transactions and not */
	MOST_EVENTS = 32
};

static struct leat_fake *f;
static int metadata;		/* with BEGIN and END of three transactions */
static size_t nevents;

/* Key and operation of a record: what tells it from the others here. */
static const char *
label(size_t i)
{
	const char *value = leat_fake_value(f, i);

	if (strcmp(value, "null") == 0)
		return th_text("tombstone %s", leat_fake_key(f, i));
	if (strcmp(leat_fake_record(f, i)->topic, "px.transaction") == 0)
		return th_text("%s %s %s", pgt_at(f, i, "/status"),
		    pgt_at(f, i, "/event_count"),
		    pgt_at(f, i, "/data_collections"));
	return th_text("%s %s %s %s", pgt_at(f, i, "/op"), leat_fake_key(f, i),
	    pgt_at(f, i, strstr(value, "\"message\"") != NULL ?
	    "/message" : "/after"), metadata && pgt_at(f, i,
	    "/transaction")[0] == '{' ? th_text("%s of %s", pgt_at(f, i,
	    "/transaction/data_collection_order"), pgt_at(f, i,
	    "/transaction/total_order")) : "");
}

/*
 * Three transactions and a message between them; the second has a changed key,
 * which makes three records.
 */
static void
make_changes(void)
{
	th_pg_exec(pg, "BEGIN;"
	    "INSERT INTO r SELECT g, 'row ' || g FROM generate_series(1,5) g;"
	    "COMMIT");
	th_pg_exec(pg, "SELECT pg_logical_emit_message(false, 'lone', 'a')");
	th_pg_exec(pg, "BEGIN;"
	    "UPDATE r SET v = 'new' WHERE id = 1;"
	    "UPDATE r SET id = 10 WHERE id = 2;"
	    "DELETE FROM r WHERE id = 3;"
	    "SELECT pg_logical_emit_message(true, 'in', 'b');"
	    "INSERT INTO r VALUES (11, 'x'), (12, 'y');"
	    "COMMIT");
	th_pg_exec(pg, "INSERT INTO r VALUES (13, 'z')");
	th_pg_exec(pg, "SELECT pg_logical_emit_message(false, 'last', 'c')");
}

static void
begin(void)
{
	th_pg_exec(pg, "DROP TABLE IF EXISTS r; "
	    "CREATE TABLE r (id int PRIMARY KEY, v text)");
	f = pgt_source(pg, "restart", "public.r");
	if (metadata)
		leat_fake_set(f, "provide.transaction.metadata", "true");
	pgt_open(f);
	(void)leat_fake_run(f, 1, 100);
	pgt_settle(f);
	leat_fake_clear(f);
	make_changes();
}

static const char **
expected_labels(void)
{
	const char **all = calloc(nevents, sizeof(*all));

	begin();
	pgt_run(f, nevents);
	for (size_t i = 0; i < nevents; i++)
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
	if (n < nevents)
		pgt_run(f, nevents - n);
	for (size_t i = n; i < nevents; i++)
		got[i] = label(i - n);
	for (size_t i = 0; i < nevents; i++)
		assert_string_equal(got[i], want[i]);
	/* and nothing behind it */
	assert_int_equal(leat_fake_run(f, nevents - n + 1, 100), -ETIME);
	pgt_end(pg, f, "restart");
}

/* Batches of k records; the task ends after each. */
static void
test_every_index(void **state)
{
	const char **want = expected_labels(), *got[MOST_EVENTS * 2];

	for (uint32_t k = 1; k <= nevents; k++) {
		size_t n = 0;

		begin();
		leat_fake_batch_limits(f, k, 1 << 20);
		for (int turn = 0; turn < 3 && n < nevents; turn++) {
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
	const char **want = expected_labels(), *got[MOST_EVENTS * 2];
	int ended = 0;

	for (uint32_t k = 1; !ended; k += 3) {
		size_t n = 0;

		begin();
		assert_true(th_pg_wait(pg, "t", PGT_WAIT_MS, "SELECT true"));
		leat_fake_fail_at(f, k);
		for (int i = 0; i < 500 && !leat_fake_has_failed(f) &&
		    leat_fake_count(f) < nevents; i++) {
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
		pgt_run(f, nevents);
		for (size_t i = 0; i < nevents; i++)
			assert_string_equal(label(i), want[i]);
		pgt_end(pg, f, "restart");
	}
	free(want);
}

static void
test_debezium_offset(void **state)
{
	begin();
	pgt_run(f, nevents);
	leat_fake_close(f);
	/* As Debezium left it behind the lone message. */
	leat_fake_set_offset(f, "{\"server\":\"px\"}", th_text(
	    "{\"lsn_proc\":%s,\"messageType\":\"INSERT\",\"lsn_commit\":%s,"
	    "\"lsn\":%s,\"txId\":7,\"ts_usec\":1}",
	    pgt_at(f, 6, "/source/lsn"), pgt_at(f, 6, "/source/lsn"),
	    pgt_at(f, 6, "/source/lsn")));
	leat_fake_clear(f);
	pgt_open(f);
	pgt_run(f, nevents - 6);
	pgt_expect(f, 0, "/op", "\"u\"");
	pgt_end(pg, f, "restart");
}

static void
test_large_transaction(void **state)
{
	begin();
	pgt_run(f, nevents);
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
plain(void **state)
{
	metadata = 0;
	nevents = ROWS_ONLY + MESSAGES;
	return 0;
}

static int
with_metadata(void **state)
{
	metadata = 1;
	nevents = ROWS_ONLY + MESSAGES + 6;
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_every_index, plain),
		cmocka_unit_test_setup(test_every_index, with_metadata),
		cmocka_unit_test_setup(test_every_allocation, plain),
		cmocka_unit_test_setup(test_every_allocation, with_metadata),
		cmocka_unit_test_setup(test_goes_on_after_no_memory, plain),
		cmocka_unit_test_setup(test_goes_on_after_no_memory,
		    with_metadata),
		cmocka_unit_test_setup(test_debezium_offset, plain),
		cmocka_unit_test_setup(test_large_transaction, plain),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
