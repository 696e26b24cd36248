/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_postgres_incremental.c: incremental snapshots beside random changes, by
 * each kind of mark, with ends, pauses and stops in the middle. Whoever applies
 * the events ends with the tables as they are, and no event carries an older
 * row than one before it.
 */
/* test: timeout=300 */
#include <pthread.h>

#include "tests/harness/pgserver.h"
#include "tests/harness/th_replay.h"
#include "tests/integration/pgtest.h"

enum {
	NTABLES = 3,
	NWRITERS = 2,
	NROWS = 3000,
	ROUNDS = 40,
	AHEAD = 12		/* changes for each poll */
};

/* The key of a row as the events have it, from its columns. */
static const struct {
	const char *name;
	const char *ddl;
	const char *rows;	/* of the start, from g */
	const char *key;	/* SQL: the event's key */
	const char *insert;	/* $1: a random number */
	const char *move;	/* gives another key to the rows matched */
	const char *match;
} tables[NTABLES] = {
	{ "a", "id int PRIMARY KEY", "g",
	    "format('{\"id\":%s}', id)",
	    "$1::int", "id = 5000 + (id * 7 + 1) % 5000",
	    "id = $1::int" },
	/* Text by a language's order, and a second column that counts. */
	{ "b", "name text COLLATE \"und-x-icu\", n int, PRIMARY KEY (name, n)",
	    "(CASE g % 3 WHEN 0 THEN 'a' WHEN 1 THEN 'B' ELSE '\xc3\xa4' END)"
	    " || (g / 7), g",
	    "format('{\"name\":\"%s\",\"n\":%s}', name, n)",
	    "'C' || ($1::int / 5), $1::int", "name = 'z' || name",
	    "n = $1::int" },
	{ "c", "k numeric(12,3) PRIMARY KEY", "g * 1.5",
	    "format('{\"k\":\"%s\"}', k)",
	    "$1::int * 1.5", "k = -k", "k = $1::int * 1.5" },
};

static struct leat_fake *f;
static struct th_versions seen[NTABLES];
static pthread_t writers[NWRITERS];
static int writing;		/* atomic */
static unsigned long writes;	/* atomic */

/* ----------------------------------------------------------------- writers */

static unsigned
next_random(unsigned *s)
{
	*s = *s * 1103515245u + 12345u;
	return *s >> 8;
}

static void
write_one(PGconn *c, unsigned *s)
{
	unsigned t = next_random(s) % NTABLES, what = next_random(s) % 10;
	char number[16], sql[512];
	const char *params[1] = { number };

	(void)snprintf(number, sizeof(number), "%u",
	    1 + next_random(s) % (NROWS + NROWS / 2));
	if (what < 3)
		(void)snprintf(sql, sizeof(sql), "INSERT INTO inc.%s VALUES "
		    "(%s, 'new', nextval('inc.version')) ON CONFLICT DO "
		    "NOTHING", tables[t].name, tables[t].insert);
	else if (what < 7)
		(void)snprintf(sql, sizeof(sql), "UPDATE inc.%s SET v = 'up', "
		    "ver = nextval('inc.version') WHERE %s", tables[t].name,
		    tables[t].match);
	else if (what < 8)
		(void)snprintf(sql, sizeof(sql), "UPDATE inc.%s SET %s, ver = "
		    "nextval('inc.version') WHERE %s", tables[t].name,
		    tables[t].move, tables[t].match);
	else
		(void)snprintf(sql, sizeof(sql), "DELETE FROM inc.%s WHERE %s",
		    tables[t].name, tables[t].match);
	/* A key that is taken is no matter. */
	PQclear(PQexecParams(c, sql, 1, NULL, params, NULL, NULL, 0));
	__atomic_fetch_add(&writes, 1, __ATOMIC_RELAXED);
}

static void *
writer(void *arg)
{
	unsigned s = (unsigned)(uintptr_t)arg * 7919 + 1;
	PGconn *c = PQconnectdb(th_pg_conninfo(pg));

	while (__atomic_load_n(&writing, __ATOMIC_ACQUIRE)) {
		int in_tx = next_random(&s) % 4 == 0;

		if (in_tx)
			PQclear(PQexec(c, "BEGIN"));
		for (unsigned i = 0; i <= (in_tx ? 5u : 0u); i++)
			write_one(c, &s);
		if (in_tx)
			PQclear(PQexec(c, next_random(&s) % 5 == 0 ?
			    "ROLLBACK" : "COMMIT"));
	}
	PQfinish(c);
	return NULL;
}

/* ---------------------------------------------------------------- consumer */

static void
apply(size_t i)
{
	const char *topic = leat_fake_record(f, i)->topic;
	const char *value = leat_fake_value(f, i);

	if (strncmp(topic, "px.inc.", 7) != 0 || strcmp(value, "null") == 0)
		return;
	for (int t = 0; t < NTABLES; t++)
		if (strcmp(topic + 7, tables[t].name) == 0)
			th_versions_apply(&seen[t], leat_fake_key(f, i), value);
}

/* What is durable is seen, and nothing else ever. */
static void
consume(void)
{
	size_t n = leat_fake_positions(f);

	if (n > 0)
		n = leat_fake_position(f, n - 1)->nrecords;
	assert_int_equal(leat_fake_durable(f), 0);
	for (size_t i = 0; i < n; i++)
		apply(i);
	assert_int_equal(n, leat_fake_count(f));
	leat_fake_clear(f);
}

/* Ends the task between two polls. */
static void
reopen(void)
{
	consume();
	leat_fake_close(f);
	assert_true(th_pg_wait(pg, "0", PGT_WAIT_MS, "SELECT count(*) FROM "
	    "pg_replication_slots WHERE slot_name = 'inc' AND active"));
	pgt_open(f);
}

static void
run_for(int polls)
{
	for (int i = 0; i < polls; i++) {
		unsigned long w = __atomic_load_n(&writes, __ATOMIC_RELAXED);
		int rc = leat_fake_run(f, leat_fake_count(f) + 1, 20);

		/* The writers shall be ahead of the stream. */
		if (__atomic_load_n(&writing, __ATOMIC_ACQUIRE))
			TH_WAIT(__atomic_load_n(&writes, __ATOMIC_RELAXED) >=
			    w + AHEAD, PGT_WAIT_MS);
		if (rc < 0 && rc != -ETIME)
			fail_msg("run: %s", leat_fake_err(f)->text);
	}
}

static void
signal_ok(const char *type, const char *data)
{
	if (leat_fake_signal(f, "", type, data) < 0)
		fail_msg("signal: %s", leat_fake_err(f)->text);
}

/* ------------------------------------------------------------------- tests */

static void
begin(const char *const settings[][2])
{
	th_pg_exec(pg, "DROP SCHEMA IF EXISTS inc CASCADE; CREATE SCHEMA inc;"
	    "CREATE SEQUENCE inc.version;"
	    "CREATE TABLE inc.signals (id text PRIMARY KEY, type text, "
	    "data text)");
	for (int t = 0; t < NTABLES; t++) {
		th_pg_exec(pg, "CREATE TABLE inc.%s (%s, v text, ver bigint);"
		    "ALTER TABLE inc.%s ADD CHECK (true);"
		    "INSERT INTO inc.%s SELECT %s, 'old', "
		    "nextval('inc.version') FROM generate_series(1, %d) g",
		    tables[t].name, tables[t].ddl, tables[t].name,
		    tables[t].name, tables[t].rows, (int)NROWS);
	}
	f = pgt_source(pg, "inc", "inc\\.[abc]");
	leat_fake_set(f, "snapshot.mode", "no_data");
	leat_fake_set(f, "decimal.handling.mode", "string");
	leat_fake_set(f, "incremental.snapshot.chunk.size", "397");
	for (int i = 0; settings[i][0] != NULL; i++)
		leat_fake_set(f, settings[i][0], settings[i][1]);
	pgt_open(f);
	/* The stream lags behind the writers, so that windows are long. */
	leat_fake_batch_limits(f, 8, 1 << 20);
}

static const char everything[] =
    "{\"data-collections\":[\"inc\\\\.[abc]\"]}";

/* One disturbance. */
static void
disturb(unsigned *s)
{
	switch (next_random(s) % 6) {
	case 0:
	case 1:
		reopen();
		break;
	case 2:
		signal_ok("pause-snapshot", "{}");
		run_for(3);
		if (next_random(s) % 2 == 0)
			reopen();
		signal_ok("resume-snapshot", "{}");
		break;
	case 3:
		signal_ok("stop-snapshot",
		    "{\"data-collections\":[\"inc.b\"]}");
		signal_ok("execute-snapshot", everything);
		break;
	case 4:
		leat_fake_batch_limits(f, 1 + next_random(s) % 20, 1 << 20);
		break;
	default:
		leat_fake_batch_limits(f, 100, 1 << 20);
		break;
	}
}

static bool
snapshot_left(void)
{
	return strstr(leat_fake_offset(f, "{\"server\":\"px\"}"),
	    "incremental_snapshot") != NULL;
}

static void
finish(void)
{
	int64_t end = th_now_ms() + (int64_t)PGT_WAIT_MS * 3 * th_slowness();

	/* A last round over everything, while nobody writes. */
	leat_fake_batch_limits(f, 500, 1 << 20);
	signal_ok("resume-snapshot", "{}");
	signal_ok("execute-snapshot", everything);
	th_pg_exec(pg, "INSERT INTO inc.a VALUES (999999, 'end', "
	    "nextval('inc.version'))");
	do {
		run_for(5);
		consume();
		if (th_now_ms() > end)
			fail_msg("the snapshot does not end: %s",
			    leat_fake_status(f));
	} while (leat_map_get_c(&seen[0].rows, "{\"id\":999999}") == NULL ||
	    snapshot_left());
	for (int t = 0; t < NTABLES; t++) {
		const char *what = th_versions_differ(&seen[t], pg,
		    th_text("inc.%s", tables[t].name), tables[t].key);

		if (what != NULL)
			fail_msg("%s", what);
		th_versions_fini(&seen[t]);
	}
	pgt_end(pg, f, "inc");
}

/* After a failure the writers of the test still run. */
static int
calm(void **state)
{
	if (__atomic_exchange_n(&writing, 0, __ATOMIC_ACQ_REL) != 0)
		for (int i = 0; i < NWRITERS; i++)
			(void)pthread_join(writers[i], NULL);
	return 0;
}

static void
run_random(const char *const settings[][2], unsigned seed)
{
	unsigned s = seed;
	size_t before = 0;

	begin(settings);
	__atomic_store_n(&writing, 1, __ATOMIC_RELEASE);
	for (uintptr_t i = 0; i < NWRITERS; i++)
		assert_int_equal(pthread_create(&writers[i], NULL, writer,
		    (void *)(i + seed)), 0);
	signal_ok("execute-snapshot", everything);
	for (int i = 0; i < ROUNDS; i++) {
		run_for(20 + (int)(next_random(&s) % 40));
		consume();
		disturb(&s);
	}
	for (int t = 0; t < NTABLES; t++)
		before += seen[t].reads;
	(void)calm(NULL);
	assert_true(before > 0);
	finish();
}

static void
test_messages(void **state)
{
	static const char *const settings[][2] = { { NULL, NULL } };

	run_random(settings, 11);
}

static void
test_insert_insert(void **state)
{
	static const char *const settings[][2] = {
		{ "signal.data.collection", "inc.signals" },
		{ NULL, NULL },
	};

	run_random(settings, 12);
	assert_true(th_pg_number(pg, "SELECT count(*) FROM inc.signals WHERE "
	    "type = 'snapshot-window-close'") > 10);
}

static void
test_insert_delete(void **state)
{
	static const char *const settings[][2] = {
		{ "signal.data.collection", "inc.signals" },
		{ "incremental.snapshot.watermarking.strategy",
		    "insert_delete" },
		{ NULL, NULL },
	};

	run_random(settings, 13);
	assert_int_equal(th_pg_number(pg, "SELECT count(*) FROM inc.signals "
	    "WHERE type = 'snapshot-window-close'"), 0);
}

static void
test_read_only(void **state)
{
	static const char *const settings[][2] = {
		{ "read.only", "true" },
		{ NULL, NULL },
	};

	run_random(settings, 14);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_messages, calm),
		cmocka_unit_test_teardown(test_insert_insert, calm),
		cmocka_unit_test_teardown(test_insert_delete, calm),
		cmocka_unit_test_teardown(test_read_only, calm),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
