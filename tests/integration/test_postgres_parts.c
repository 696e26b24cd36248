/* SPDX-License-Identifier: Apache-2.0 */
/* test: timeout=300 */
/*
 * test_postgres_parts.c: one large table whose snapshot is interrupted again
 * and again, while its rows move: blocks that were read are not read again, and
 * whoever applies the events has the table in the end.
 */
#include "tests/integration/pgtest.h"

enum { KEYS = 6000, ROUNDS = 6, GONE = -1, UNKNOWN = -2 };

static struct th_pg *pg;
static struct leat_fake *f;
static uint32_t random_state;

/* What a consumer has, by key: the small column, and the large one. */
static struct {
	int64_t v, doc;
	int reads;
} have[KEYS];

static uint32_t
dice(uint32_t n)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (random_state >> 8) % n;
}

/* ---------------------------------------------------------------- consumer */

static int64_t
number_behind(const char *text, const char *name)
{
	const char *at = strstr(text, name);
	int64_t n = 0;

	assert_non_null(at);
	at += strlen(name);
	assert_int_equal(leat_parse_i64((struct leat_str){ at,
	    strspn(at, "0123456789") }, 0, INT64_MAX, &n), 0);
	return n;
}

static void
apply(size_t i)
{
	const char *text = leat_fake_value(f, i), *after;
	int64_t k = number_behind(leat_fake_key(f, i), "\"id\":");

	assert_in_range(k, 0, KEYS - 1);
	if (strcmp(text, "null") == 0 ||
	    strstr(text, "\"op\":\"d\"") != NULL) {
		have[k].v = have[k].doc = GONE;
		return;
	}
	have[k].reads += strstr(text, "\"op\":\"r\"") != NULL;
	after = strstr(text, "\"after\":");
	assert_non_null(after);
	have[k].v = number_behind(after, "\"v\":");
	if (strstr(after, "\"__debezium_unavailable_value\"") == NULL)
		have[k].doc = number_behind(after, "\"doc\":\"");
	else if (have[k].doc == GONE)
		have[k].doc = UNKNOWN;
}

static void
expect_table(void)
{
	struct leat_str rest = leat_str_c(th_pg_rows(pg, "SELECT "
	    "coalesce(v, %d), coalesce(split_part(doc, '-', 1), '%d') FROM "
	    "generate_series(0, %d) g LEFT JOIN big ON id = g ORDER BY g",
	    GONE, GONE, KEYS - 1));

	for (int k = 0; k < KEYS; k++) {
		struct leat_str line = leat_str_cut(&rest, '\n');
		int64_t v = 0, doc = 0;

		assert_int_equal(leat_parse_i64(leat_str_cut(&line, '|'), GONE,
		    INT64_MAX, &v), 0);
		assert_int_equal(leat_parse_i64(line, GONE, INT64_MAX, &doc),
		    0);
		if (have[k].v != v || have[k].doc != doc)
			fail_msg("key %d: have %lld, %lld, want %lld, %lld", k,
			    (long long)have[k].v, (long long)have[k].doc,
			    (long long)v, (long long)doc);
	}
}

static int64_t
reads(void)
{
	int64_t n = 0;

	for (int k = 0; k < KEYS; k++)
		n += have[k].reads;
	return n;
}

/* ------------------------------------------------------------------- table */

/*
 * Eight rows a block, pieces of a hundred and twenty-eight. The index makes
 * each update a move, and `doc` lies outside of the row.
 */
static void
make_table(void)
{
	th_pg_exec(pg, "DROP TABLE IF EXISTS big; CREATE TABLE big (id int "
	    "PRIMARY KEY, v int, pad text, doc text) WITH (autovacuum_enabled "
	    "= off); ALTER TABLE big ALTER pad SET STORAGE PLAIN, "
	    "ALTER doc SET STORAGE EXTERNAL; CREATE INDEX ON big (v); "
	    "INSERT INTO big SELECT g, g, repeat('x', 900), "
	    "g || '-' || repeat('y', 1300) FROM generate_series(0, %d) g",
	    KEYS - 2);
	for (int k = 0; k < KEYS; k++) {
		have[k].v = have[k].doc = GONE;
		have[k].reads = 0;
	}
}

static void
write_one(void)
{
	unsigned k = dice(KEYS - 1), n = dice(1000000), to = dice(KEYS - 1);

	switch (dice(6)) {
	case 0:
		th_pg_exec(pg, "INSERT INTO big VALUES (%u, %u, "
		    "repeat('x', 900), '%u-' || repeat('z', 1300)) "
		    "ON CONFLICT DO NOTHING", k, n, n);
		break;
	case 1:
		th_pg_exec(pg, "DELETE FROM big WHERE id BETWEEN %u AND %u", k,
		    k + 15);
		break;
	case 2:
		(void)th_pg_try(pg, "UPDATE big SET id = %u, doc = '%u-' || "
		    "repeat('k', 1300) WHERE id = %u", to, n, k);
		break;
	case 3:
		th_pg_exec(pg, "UPDATE big SET doc = '%u-' || "
		    "repeat('u', 1300) WHERE id = %u", n, k);
		break;
	default:
		th_pg_exec(pg, "UPDATE big SET v = %u WHERE id BETWEEN %u AND "
		    "%u", n, k, k + 30);
		break;
	}
}

static void
write_some(unsigned n)
{
	while (n-- > 0)
		write_one();
}

/* ------------------------------------------------------------------ source */

static void
open_source(const char *threads)
{
	f = pgt_source(pg, "parts", "public.big");
	leat_fake_set(f, "snapshot.max.threads", threads);
	leat_fake_set(f, "snapshot.max.threads.multiplier", "100");
	leat_fake_batch_limits(f, 150, 1 << 24);
	pgt_open(f);
}

static void
poll_some(int polls)
{
	for (int i = 0; i < polls; i++) {
		if (leat_fake_poll(f) < 0)
			fail_msg("%s", leat_fake_err(f)->text);
		(void)leat_fake_wait(f);
	}
}

/* What lies in front of position `at` is durable; the rest never happened. */
static void
crash_at(size_t at)
{
	for (size_t i = 0; i < leat_fake_position(f, at)->nrecords; i++)
		apply(i);
	assert_int_equal(leat_fake_durable_to(f, at), 0);
	leat_fake_close(f);
	leat_fake_clear(f);
	assert_true(th_pg_wait(pg, "0", PGT_WAIT_MS,
	    "SELECT count(*) FROM pg_replication_slots WHERE active"));
}

static void
crash(void)
{
	assert_true(leat_fake_positions(f) > 0);
	crash_at(dice((uint32_t)leat_fake_positions(f)));
}

static const char *
stored(void)
{
	return leat_fake_offset(f,
	    "{\"server\":\"px\",\"snapshot\":\"tables\"}");
}

static void
run_to_the_end(void)
{
	th_pg_exec(pg, "INSERT INTO big VALUES (%d, 77, '', '77-')", KEYS - 1);
	for (size_t done = 0; have[KEYS - 1].v != 77;) {
		if (leat_fake_run(f, done + 1, PGT_WAIT_MS * th_slowness()) < 0)
			fail_msg("%s", leat_fake_err(f)->text);
		for (; done < leat_fake_count(f); done++)
			apply(done);
	}
	expect_table();
	pgt_end(pg, f, "parts");
}

/* ------------------------------------------------------------------- tests */

/* Nothing moves: what was read is read once, but for the pieces under way. */
static void
test_kept(void **state)
{
	make_table();
	open_source("1");
	assert_int_equal(leat_fake_run(f, KEYS * 2 / 3, PGT_WAIT_MS), 0);
	crash_at(leat_fake_positions(f) - 1);
	assert_non_null(strstr(stored(), "\"parts\":[{\"table\":"));
	assert_non_null(strstr(stored(), "\"blocks\":[0,"));
	pgt_open(f);
	assert_int_equal(leat_fake_logged(f, "tables_read_in_part=1"), 1);
	run_to_the_end();
	assert_in_range(reads(), KEYS, KEYS + 1200);
	assert_int_equal(have[0].reads, 1);
}

static void
interrupt_often(const char *threads)
{
	make_table();
	open_source(threads);
	for (int round = 0; round < ROUNDS; round++) {
		write_some(20);
		poll_some(8 + (int)dice(12));
		write_some(20);
		poll_some(1 + (int)dice(8));
		crash();
		write_some(40);
		th_pg_exec(pg, "VACUUM big");
		write_some(40);
		pgt_open(f);
	}
	run_to_the_end();
}

static void
test_moving(void **state)
{
	for (uint32_t seed = 1; seed <= 4; seed++) {
		random_state = seed;
		interrupt_often(seed % 2 == 0 ? "1" : "3");
	}
}

/* Each row moves behind the part that was read, or into it. */
static void
test_all_move(void **state)
{
	make_table();
	th_pg_exec(pg, "DELETE FROM big WHERE id %% 2 = 0 AND id < 2000");
	th_pg_exec(pg, "VACUUM big");
	open_source("1");
	assert_int_equal(leat_fake_run(f, KEYS / 4, PGT_WAIT_MS), 0);
	crash_at(leat_fake_positions(f) - 1);
	assert_non_null(strstr(stored(), "\"parts\":[{\"table\":"));
	/* From the end to the start, where there is room. */
	th_pg_exec(pg, "UPDATE big SET v = v + 1 WHERE id > %d; "
	    "DELETE FROM big WHERE id %% 5 = 0", KEYS / 2);
	assert_true(th_pg_number(pg, "SELECT count(*) FROM big WHERE id > %d "
	    "AND ctid < '(200,0)'", KEYS / 2) > 100);
	pgt_open(f);
	run_to_the_end();
}

/* A file of its own has other blocks: the table is read as a whole. */
static void
test_rewritten(void **state)
{
	static const char *const ways[] = { "VACUUM FULL big",
		"CLUSTER big USING big_v_idx", "TRUNCATE big",
		"ALTER TABLE big ALTER v TYPE bigint" };

	for (size_t i = 0; i < 4; i++) {
		make_table();
		open_source("1");
		assert_int_equal(leat_fake_run(f, KEYS / 2, PGT_WAIT_MS), 0);
		crash_at(leat_fake_positions(f) - 1);
		th_pg_exec(pg, "DELETE FROM big WHERE id %% 3 = 0");
		th_pg_exec(pg, "%s", ways[i]);
		leat_fake_set(f, "skipped.operations", "none");
		pgt_open(f);
		assert_int_equal(leat_fake_logged(f, "tables_read_in_part=0"),
		    1);
		if (i == 2)
			for (int k = 0; k < KEYS; k++)
				have[k].v = have[k].doc = GONE;
		if (i != 2)
			run_to_the_end();
		else
			pgt_end(pg, f, "parts");
	}
}

/* Updates are not in the stream: what was read of the table is no help. */
static void
test_not_all_changes(void **state)
{
	make_table();
	open_source("1");
	assert_int_equal(leat_fake_run(f, KEYS / 2, PGT_WAIT_MS), 0);
	crash_at(leat_fake_positions(f) - 1);
	assert_non_null(strstr(stored(), "\"parts\":[{"));
	leat_fake_set(f, "skipped.operations", "u");
	pgt_open(f);
	assert_int_equal(leat_fake_logged(f, "tables_read_in_part=0"), 1);
	run_to_the_end();
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
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_moving),
		cmocka_unit_test(test_all_move),
		cmocka_unit_test(test_rewritten),
		cmocka_unit_test(test_not_all_changes),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
