/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_postgres_signals.c: signals by each channel, and what they do: snapshots
 * in chunks or all at once, pauses and stops, and the notifications of it.
 */
#include <sys/stat.h>

#include "tests/integration/pgtest.h"

static struct th_pg *pg;
static struct leat_fake *f;

/* ----------------------------------------------------------------- helpers */

/* A table t with n rows that the initial snapshot does not read. */
static struct leat_fake *
source(const char *ddl)
{
	th_pg_exec(pg, "DROP SCHEMA IF EXISTS sig CASCADE; CREATE SCHEMA sig;"
	    "%s", ddl);
	f = pgt_source(pg, "signals", "sig\\..*");
	leat_fake_set(f, "table.exclude.list", NULL);
	leat_fake_set(f, "snapshot.mode", "no_data");
	leat_fake_set(f, "incremental.snapshot.chunk.size", "4");
	leat_fake_set(f, "notification.enabled.channels", "sink,log");
	leat_fake_set(f, "notification.sink.topic.name", "notes");
	return f;
}

static void
signal_ok(const char *id, const char *type, const char *data)
{
	if (leat_fake_signal(f, id, type, data) < 0)
		fail_msg("signal: %s", leat_fake_err(f)->text);
}

/* Is record i a notification of this type? */
static bool
is_note(size_t i, const char *type)
{
	return strcmp(leat_fake_record(f, i)->topic, "notes") == 0 &&
	    strcmp(pgt_at(f, i, "/type"), th_text("\"%s\"", type)) == 0;
}

/* The first notification of a type from record `from` on; its place. */
static size_t
find_note(const char *type, size_t from)
{
	for (size_t i = from; i < leat_fake_count(f); i++)
		if (is_note(i, type))
			return i;
	return SIZE_MAX;
}

/* Runs until such a notification is there. */
static size_t
await_note(const char *type, size_t from)
{
	int64_t end = th_now_ms() + (int64_t)PGT_WAIT_MS * th_slowness();
	size_t at;

	while ((at = find_note(type, from)) == SIZE_MAX) {
		int rc = leat_fake_run(f, leat_fake_count(f) + 1, 50);

		if (rc < 0 && rc != -ETIME)
			fail_msg("run: %s", leat_fake_err(f)->text);
		if (th_now_ms() > end)
			fail_msg("no notification %s", type);
	}
	return at;
}

/* Rows of the topic that are op `r`. */
static size_t
count_reads(const char *topic)
{
	size_t n = 0;

	for (size_t i = 0; i < leat_fake_count(f); i++)
		if (strcmp(leat_fake_record(f, i)->topic, topic) == 0 &&
		    strcmp(leat_fake_value(f, i), "null") != 0 &&
		    strcmp(pgt_at(f, i, "/op"), "\"r\"") == 0)
			n++;
	return n;
}

static void
end(void)
{
	pgt_end(pg, f, "signals");
}

/* A notification without its id and time. */
static const char *
note(size_t i)
{
	return th_text("%s %s %s", pgt_at(f, i, "/type"),
	    pgt_at(f, i, "/aggregate_type"), pgt_at(f, i,
	    "/additional_data"));
}

/* ------------------------------------------------------------- incremental */

static void
test_incremental(void **state)
{
	size_t at;

	source("CREATE TABLE sig.t (id int PRIMARY KEY, v text);"
	    "INSERT INTO sig.t SELECT g, 'v' || g FROM generate_series(1,10) g");
	pgt_open(f);
	signal_ok("a-1", "execute-snapshot",
	    "{\"type\":\"incremental\",\"data-collections\":[\"sig.t\"]}");
	at = await_note("COMPLETED", 0);
	assert_int_equal(count_reads("px.sig.t"), 10);
	assert_string_equal(leat_fake_key(f, at), "{\"id\":\"a-1\"}");
	assert_string_equal(note(find_note("STARTED", 0)),
	    "\"STARTED\" \"Incremental Snapshot\" "
	    "{\"connector_name\":\"px\",\"data_collections\":\"sig.t\"}");
	assert_string_equal(note(find_note("IN_PROGRESS", 0)),
	    "\"IN_PROGRESS\" \"Incremental Snapshot\" "
	    "{\"connector_name\":\"px\",\"data_collections\":\"sig.t\","
	    "\"current_collection_in_progress\":\"sig.t\","
	    "\"maximum_key\":\"10\",\"last_processed_key\":\"4\"}");
	assert_string_equal(note(find_note("TABLE_SCAN_COMPLETED", 0)),
	    "\"TABLE_SCAN_COMPLETED\" \"Incremental Snapshot\" "
	    "{\"connector_name\":\"px\",\"data_collections\":\"sig.t\","
	    "\"scanned_collection\":\"sig.t\",\"total_rows_scanned\":\"10\","
	    "\"status\":\"SUCCEEDED\"}");
	assert_string_equal(note(at), "\"COMPLETED\" \"Incremental Snapshot\" "
	    "{\"connector_name\":\"px\",\"data_collections\":\"\"}");
	end();
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
		cmocka_unit_test(test_incremental),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
