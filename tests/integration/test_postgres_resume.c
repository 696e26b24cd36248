/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_postgres_resume.c: snapshots that are interrupted again and again while
 * the tables are written to. What was finished is not read again, and whoever
 * applies the events has the tables in the end.
 */
#include "tests/harness/pgserver.h"
#include "tests/harness/th_replay.h"
#include "tests/integration/pgtest.h"

enum { TABLES = 4, KEYS = 400, ROUNDS = 12 };

static struct leat_fake *f;
static uint32_t random_state;

/* What a consumer has: the value of each key, or TH_GONE. */
static int64_t have[TABLES][KEYS];
static int reads[TABLES][KEYS];		/* how often a row was read */
static int finished[TABLES];

static uint32_t
dice(uint32_t n)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (random_state >> 8) % n;
}

static int64_t
number(const char *text)
{
	int64_t n = 0;
	size_t len = strspn(text, "0123456789");

	assert_int_equal(leat_parse_i64((struct leat_str){ text, len }, 0,
	    INT64_MAX, &n), 0);
	return n;
}

/* ---------------------------------------------------------------- consumer */

static void
apply(size_t i)
{
	const struct leat_record *rec = leat_fake_record(f, i);
	size_t t = (size_t)(rec->topic[strlen(rec->topic) - 1] - '0');
	const char *key = strchr(leat_fake_key(f, i), ':');
	size_t k;

	assert_non_null(key);
	k = (size_t)number(key + 1);
	assert_true(t < TABLES && k < KEYS);
	if (strcmp(leat_fake_value(f, i), "null") == 0 ||
	    strcmp(pgt_at(f, i, "/op"), "\"d\"") == 0) {
		have[t][k] = TH_GONE;
		return;
	}
	if (strcmp(pgt_at(f, i, "/op"), "\"r\"") == 0) {
		if (finished[t])
			fail_msg("table %zu is finished, and read again", t);
		reads[t][k]++;
	}
	have[t][k] = number(pgt_at(f, i, "/after/v"));
}

/* The tables that are stored as finished. */
static void
note_finished(void)
{
	const char *list = leat_fake_offset(f,
	    "{\"server\":\"px\",\"snapshot\":\"tables\"}");

	for (size_t t = 0; t < TABLES && list != NULL; t++) {
		const char *oid = th_pg_value(pg,
		    "SELECT 's%zu'::regclass::oid", t);

		if (strstr(list, th_text("[%s,", oid)) != NULL ||
		    strstr(list, th_text(",%s,", oid)) != NULL ||
		    strstr(list, th_text(",%s]", oid)) != NULL ||
		    strstr(list, th_text("[%s]", oid)) != NULL)
			finished[t] = 1;
	}
}

/* Some of what was delivered is durable; the rest never happened. */
static void
crash(void)
{
	size_t n = leat_fake_positions(f);

	if (n > 0) {
		size_t at = dice((uint32_t)n);

		for (size_t i = 0; i < leat_fake_position(f, at)->nrecords;
		    i++)
			apply(i);
		assert_int_equal(leat_fake_durable_to(f, at), 0);
	}
	leat_fake_close(f);
	leat_fake_clear(f);
	note_finished();
	assert_true(th_pg_wait(pg, "0", PGT_WAIT_MS,
	    "SELECT count(*) FROM pg_replication_slots WHERE active"));
}

/* ------------------------------------------------------------------ writer */

static void
write_one(void)
{
	unsigned t = dice(TABLES), k = dice(KEYS - 1), v = dice(1000000);

	switch (dice(4)) {
	case 0:
		th_pg_exec(pg, "INSERT INTO s%u VALUES (%u, %u) "
		    "ON CONFLICT (id) DO UPDATE SET v = excluded.v", t, k, v);
		break;
	case 1:
		th_pg_exec(pg, "UPDATE s%u SET v = %u WHERE id = %u", t, v, k);
		break;
	case 2:
		th_pg_exec(pg, "DELETE FROM s%u WHERE id = %u", t, k);
		break;
	default:
		(void)th_pg_try(pg, "UPDATE s%u SET id = %u WHERE id = %u", t,
		    (unsigned)dice(KEYS - 1), k);
		break;
	}
}

/* ------------------------------------------------------------------- tests */

static void
make_tables(void)
{
	for (unsigned t = 0; t < TABLES; t++) {
		th_pg_exec(pg, "DROP TABLE IF EXISTS s%u; "
		    "CREATE TABLE s%u (id int PRIMARY KEY, v int); "
		    "INSERT INTO s%u SELECT g, g FROM "
		    "generate_series(0, %d, 2) g", t, t, t, KEYS - 2);
		for (size_t k = 0; k < KEYS; k++) {
			have[t][k] = TH_GONE;
			reads[t][k] = 0;
		}
		finished[t] = 0;
	}
}

static void
expect_tables(void)
{
	for (unsigned t = 0; t < TABLES; t++)
		th_replay_values(pg, th_text("s%u", t), have[t], KEYS);
}

static void
open_source(const char *threads)
{
	f = pgt_source(pg, "resume", "public.s[0-9]");
	leat_fake_set(f, "snapshot.max.threads", threads);
	pgt_open(f);
}

/* Goes on until the row that is written last has come. */
static void
run_to_the_end(void)
{
	for (unsigned t = 0; t < TABLES; t++)
		th_pg_exec(pg, "INSERT INTO s%u VALUES (%d, 77)", t, KEYS - 1);
	for (size_t done = 0; have[TABLES - 1][KEYS - 1] != 77;) {
		if (leat_fake_run(f, done + 1, PGT_WAIT_MS * th_slowness()) < 0)
			fail_msg("%s", leat_fake_err(f)->text);
		for (; done < leat_fake_count(f); done++)
			apply(done);
	}
}

static void
interrupt_often(const char *threads)
{
	make_tables();
	open_source(threads);
	for (int round = 0; round < ROUNDS; round++) {
		int polls = (int)dice(14);

		leat_fake_batch_limits(f, 10 + dice(60), 1 << 20);
		for (int i = 0; i < polls; i++) {
			write_one();
			if (leat_fake_poll(f) < 0)
				fail_msg("%s", leat_fake_err(f)->text);
			(void)leat_fake_wait(f);
			write_one();
		}
		crash();
		for (int i = 0; i < 5; i++)
			write_one();
		pgt_open(f);
	}
	leat_fake_batch_limits(f, 500, 1 << 20);
	run_to_the_end();
	expect_tables();
	pgt_end(pg, f, "resume");
}

static void
test_one_connection(void **state)
{
	for (random_state = 1; random_state < 5; random_state++) {
		uint32_t seed = random_state;

		interrupt_often("1");
		random_state = seed;
	}
}

static void
test_connections(void **state)
{
	for (random_state = 11; random_state < 14; random_state++) {
		uint32_t seed = random_state;

		interrupt_often("3");
		random_state = seed;
	}
}

/* Of two tables one is finished: the other one alone is read again. */
static void
test_finished_is_kept(void **state)
{
	size_t n;

	make_tables();
	open_source("1");
	leat_fake_batch_limits(f, 50, 1 << 20);
	assert_int_equal(leat_fake_run(f, KEYS / 2 + KEYS / 4, PGT_WAIT_MS), 0);
	n = leat_fake_count(f);
	for (size_t i = 0; i < n; i++)
		apply(i);
	assert_int_equal(leat_fake_durable(f), 0);
	leat_fake_close(f);
	leat_fake_clear(f);
	note_finished();
	assert_true(finished[0] && !finished[1]);
	pgt_open(f);
	run_to_the_end();
	expect_tables();
	assert_int_equal(leat_fake_logged(f, "tables_finished=1"), 1);
	for (size_t k = 0; k < KEYS - 1; k += 2) {
		assert_int_equal(reads[0][k], 1);
		assert_true(reads[1][k] == 1 || reads[1][k] == 2);
		assert_int_equal(reads[2][k], 1);
	}
	/* Nothing is left to go on with. */
	assert_int_equal(leat_fake_durable(f), 0);
	assert_non_null(strstr(leat_fake_offset(f,
	    "{\"server\":\"px\",\"snapshot\":\"tables\"}"),
	    "\"finished\":[]"));
	assert_null(strstr(leat_fake_offset(f, "{\"server\":\"px\"}"),
	    "snapshot"));
	pgt_end(pg, f, "resume");
}

/* always: what happened while the task was away is delivered, then the rows. */
static void
test_always_misses_no_delete(void **state)
{
	make_tables();
	f = pgt_source(pg, "resume", "public.s[0-9]");
	leat_fake_set(f, "snapshot.mode", "always");
	pgt_open(f);
	pgt_run(f, TABLES * KEYS / 2);
	for (size_t i = 0; i < leat_fake_count(f); i++)
		apply(i);
	assert_int_equal(leat_fake_durable(f), 0);
	leat_fake_close(f);
	leat_fake_clear(f);
	th_pg_exec(pg, "DELETE FROM s1 WHERE id < 10; "
	    "UPDATE s2 SET v = 5 WHERE id = 10");
	pgt_open(f);
	run_to_the_end();
	expect_tables();
	pgt_expect(f, 0, "/op", "\"d\"");
	pgt_expect(f, 10, "/op", "\"u\"");
	pgt_expect(f, 11, "/op", "\"r\"");
	pgt_end(pg, f, "resume");
}

/* The slot is gone: nothing can be caught up with, all is read again. */
static void
test_slot_gone(void **state)
{
	make_tables();
	open_source("1");
	leat_fake_batch_limits(f, 50, 1 << 20);
	assert_int_equal(leat_fake_run(f, KEYS, PGT_WAIT_MS), 0);
	assert_int_equal(leat_fake_durable(f), 0);
	leat_fake_close(f);
	leat_fake_clear(f);
	assert_true(th_pg_wait(pg, "resume", PGT_WAIT_MS,
	    "SELECT slot_name FROM pg_replication_slots WHERE NOT active"));
	th_pg_exec(pg, "SELECT pg_drop_replication_slot('resume')");
	pgt_open(f);
	pgt_run(f, TABLES * KEYS / 2);
	assert_int_equal(leat_fake_logged(f, "the snapshot begins anew"), 1);
	pgt_end(pg, f, "resume");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finished_is_kept),
		cmocka_unit_test(test_one_connection),
		cmocka_unit_test(test_connections),
		cmocka_unit_test(test_always_misses_no_delete),
		cmocka_unit_test(test_slot_gone),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
