/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_postgres_signals.c: signals by each channel, and what they do: snapshots
 * in chunks or all at once, pauses and stops, and the notifications of it.
 */
#include <sys/stat.h>

#include "tests/harness/pgserver.h"
#include "tests/integration/pgtest.h"

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

/* The first record of a topic, SIZE_MAX: there is none. */
static size_t
first_of(const char *topic)
{
	for (size_t i = 0; i < leat_fake_count(f); i++)
		if (strcmp(leat_fake_record(f, i)->topic, topic) == 0)
			return i;
	return SIZE_MAX;
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
	    "INSERT INTO sig.t SELECT g, 'v' || g "
	    "FROM generate_series(1,10) g");
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

/* Several tables, one of them empty, one without a key, one not captured. */
static void
test_tables(void **state)
{
	source("CREATE TABLE sig.a (id int PRIMARY KEY);"
	    "CREATE TABLE sig.b (id int);"
	    "CREATE TABLE sig.c (x text, y int, PRIMARY KEY (x, y));"
	    "INSERT INTO sig.b VALUES (1);"
	    "INSERT INTO sig.c SELECT 'k', g FROM generate_series(1,9) g");
	pgt_open(f);
	signal_ok("", "execute-snapshot", "{\"data-collections\":"
	    "[\"sig\\\\..\", \"other.t\"]}");
	(void)await_note("COMPLETED", 0);
	assert_int_equal(count_reads("px.sig.c"), 9);
	assert_int_equal(leat_fake_logged(f, "scanned_collection=\"sig.a\" "
	    "total_rows_scanned=\"0\" status=\"EMPTY\""), 1);
	assert_int_equal(leat_fake_logged(f, "scanned_collection=\"sig.b\" "
	    "total_rows_scanned=\"0\" status=\"NO_PRIMARY_KEY\""), 1);
	assert_int_equal(leat_fake_logged(f, "scanned_collection=\"sig.c\" "
	    "total_rows_scanned=\"9\" status=\"SUCCEEDED\""), 1);
	assert_int_equal(leat_fake_logged(f, "scanned_collection=\"other.t\" "
	    "total_rows_scanned=\"0\" status=\"UNKNOWN_SCHEMA\""), 1);
	end();
}

/* What the source block of such a row says, and what it does not. */
static void
test_source_block(void **state)
{
	size_t i;

	source("CREATE TABLE sig.t (id int PRIMARY KEY);"
	    "INSERT INTO sig.t VALUES (1)");
	leat_fake_set(f, "extended.headers.enabled", "true");
	pgt_open(f);
	signal_ok("", "execute-snapshot",
	    "{\"data-collections\":[\"sig.t\"]}");
	(void)await_note("COMPLETED", 0);
	i = first_of("px.sig.t");
	pgt_expect(f, i, "/op", "\"r\"");
	pgt_expect(f, i, "/source/snapshot", "\"incremental\"");
	pgt_expect(f, i, "/source/lsn", "null");
	pgt_expect(f, i, "/source/txId", "null");
	assert_int_equal(leat_fake_record(f, i)->nheaders, 4);
	/* The stream goes on as it was. */
	leat_fake_clear(f);
	th_pg_exec(pg, "INSERT INTO sig.t VALUES (2)");
	pgt_run(f, 1);
	pgt_expect(f, 0, "/source/snapshot", "null");
	assert_int_equal(leat_fake_record(f, 0)->nheaders, 4);
	end();
}

/* A key of any type and order; a column that has nulls and repeats itself. */
static void
test_surrogate_key(void **state)
{
	source("CREATE TABLE sig.t (id uuid PRIMARY KEY, s text);"
	    "CREATE INDEX ON sig.t (s);"
	    "INSERT INTO sig.t SELECT gen_random_uuid(), CASE WHEN g % 3 = 0 "
	    "THEN NULL ELSE E'q\\'\\\\' || g / 9 END "
	    "FROM generate_series(1,50) g");
	pgt_open(f);
	signal_ok("", "execute-snapshot", "{\"data-collections\":[\"sig.t\"],"
	    "\"surrogate-key\":\"s\"}");
	(void)await_note("COMPLETED", 0);
	assert_int_equal(count_reads("px.sig.t"), 50);
	signal_ok("", "execute-snapshot", "{\"data-collections\":[\"sig.t\"],"
	    "\"surrogate-key\":\"none\"}");
	(void)await_note("COMPLETED", leat_fake_count(f));
	assert_int_equal(leat_fake_logged(f, "status=\"SKIPPED\""), 1);
	end();
}

static void
test_conditions(void **state)
{
	source("CREATE TABLE sig.t (id int PRIMARY KEY, v int);"
	    "INSERT INTO sig.t SELECT g, g % 2 FROM generate_series(1,20) g");
	pgt_open(f);
	signal_ok("", "execute-snapshot", "{\"data-collections\":[\"sig.t\"],"
	    "\"additional-conditions\":[{\"data-collection\":\"sig.t\","
	    "\"filter\":\"v = 1 -- the odd ones\"}]}");
	(void)await_note("COMPLETED", 0);
	assert_int_equal(count_reads("px.sig.t"), 10);
	/* What the server cannot read ends the table, not the task. */
	signal_ok("", "execute-snapshot", "{\"data-collections\":[\"sig.t\"],"
	    "\"additional-conditions\":[{\"data-collection\":\"sig.t\","
	    "\"filter\":\"nothing\"}]}");
	(void)await_note("COMPLETED", leat_fake_count(f));
	assert_int_equal(leat_fake_logged(f, "status=\"SQL_EXCEPTION\""), 1);
	end();
}

static void
test_pause_stop(void **state)
{
	size_t at;

	source("CREATE TABLE sig.t (id int PRIMARY KEY);"
	    "CREATE TABLE sig.u (id int PRIMARY KEY);"
	    "INSERT INTO sig.t SELECT g FROM generate_series(1,12) g;"
	    "INSERT INTO sig.u SELECT g FROM generate_series(1,12) g");
	pgt_open(f);
	signal_ok("", "pause-snapshot", "");
	assert_int_equal(find_note("PAUSED", 0), SIZE_MAX);
	signal_ok("", "execute-snapshot", "{\"data-collections\":[\"sig.t\","
	    "\"sig.u\"]}");
	signal_ok("", "pause-snapshot", "{\"type\":\"INCREMENTAL\"}");
	(void)await_note("PAUSED", 0);
	/* Paused over the end of the task. */
	assert_int_equal(leat_fake_durable(f), 0);
	leat_fake_close(f);
	pgt_open(f);
	pgt_settle(f);
	assert_int_equal(count_reads("px.sig.t"), 0);
	assert_non_null(strstr(leat_fake_status(f), "\"paused\":true"));
	signal_ok("", "stop-snapshot", "{\"type\":\"INCREMENTAL\","
	    "\"data-collections\":[\"sig.t\"]}");
	signal_ok("", "resume-snapshot", "{}");
	at = await_note("COMPLETED", 0);
	assert_true(find_note("RESUMED", 0) < at);
	assert_string_equal(note(find_note("ABORTED", 0)), "\"ABORTED\" "
	    "\"Incremental Snapshot\" {\"connector_name\":\"px\","
	    "\"data_collections\":\"sig.t\"}");
	assert_int_equal(count_reads("px.sig.t"), 0);
	assert_int_equal(count_reads("px.sig.u"), 12);
	end();
}

/* Behind the last row delivered, wherever the task ends. */
static void
test_goes_on(void **state)
{
	size_t before;

	source("CREATE TABLE sig.t (id int PRIMARY KEY);"
	    "INSERT INTO sig.t SELECT g FROM generate_series(1,30) g");
	leat_fake_set(f, "notification.enabled.channels", "log");
	leat_fake_batch_limits(f, 3, 1 << 20);
	pgt_open(f);
	signal_ok("", "execute-snapshot",
	    "{\"data-collections\":[\"sig.t\"]}");
	while (leat_fake_count(f) < 30) {
		before = leat_fake_count(f);
		assert_int_equal(leat_fake_run(f, before + 1, PGT_WAIT_MS), 0);
		assert_int_equal(leat_fake_durable(f), 0);
		leat_fake_close(f);
		assert_true(th_pg_wait(pg, "0", PGT_WAIT_MS, "SELECT count(*) "
		    "FROM pg_replication_slots WHERE active"));
		pgt_open(f);
	}
	assert_int_equal(leat_fake_run(f, 31, 200), -ETIME);
	for (size_t i = 0; i < 30; i++)
		assert_string_equal(leat_fake_key(f, i),
		    th_text("{\"id\":%zu}", i + 1));
	end();
}

/* A column is added while a chunk is read: it is read again, with it. */
static void
test_altered(void **state)
{
	source("CREATE TABLE sig.t (id int PRIMARY KEY);"
	    "INSERT INTO sig.t SELECT g FROM generate_series(1,8) g");
	pgt_open(f);
	signal_ok("", "execute-snapshot",
	    "{\"data-collections\":[\"sig.t\"]}");
	(void)leat_fake_run(f, 6, PGT_WAIT_MS);
	th_pg_exec(pg, "ALTER TABLE sig.t ADD v text DEFAULT 'x';"
	    "UPDATE sig.t SET v = 'y' WHERE id = 1");
	(void)await_note("COMPLETED", 0);
	assert_int_equal(count_reads("px.sig.t"), 8);
	assert_int_equal(leat_fake_logged(f, "SUCCEEDED"), 2);
	end();
}

/* ---------------------------------------------------------------- channels */

static void
test_table_channel(void **state)
{
	source("CREATE TABLE sig.t (id int PRIMARY KEY);"
	    "CREATE TABLE sig.signals (id text, type text, data text);"
	    "INSERT INTO sig.t SELECT g FROM generate_series(1,5) g");
	leat_fake_set(f, "tables", "sig.t");
	leat_fake_set(f, "signal.data.collection", "sig.signals");
	pgt_open(f);
	th_pg_exec(pg, "INSERT INTO sig.signals VALUES ('s-1', 'log', "
	    "'{\"message\": \"here: {}\"}'), ('s-2', 'execute-snapshot', "
	    "'{\"data-collections\": [\"sig.t\"]}'), ('s-3', 'nonsense', "
	    "'{}'), ('s-4', 'log', 'no json')");
	(void)await_note("COMPLETED", 0);
	assert_int_equal(count_reads("px.sig.t"), 5);
	assert_int_equal(leat_fake_logged(f, "id=s-1 message=\"here: "
	    "{\"lsn_proc\":"), 1);
	assert_string_equal(leat_fake_key(f, find_note("STARTED", 0)),
	    "{\"id\":\"s-2\"}");
	assert_string_equal(leat_fake_key(f, find_note("REJECTED", 0)),
	    "{\"id\":\"s-3\"}");
	assert_int_equal(leat_fake_logged(f, "'nonsense' is not one of "
	    "execute-snapshot, stop-snapshot"), 2);
	assert_int_equal(leat_fake_logged(f, "signal refused id=s-4"), 1);
	/* The table itself is not captured, and its rows are no events. */
	for (size_t i = 0; i < leat_fake_count(f); i++)
		assert_string_not_equal(leat_fake_record(f, i)->topic,
		    "px.sig.signals");
	/* Once: a restart does not begin it again. */
	assert_int_equal(leat_fake_durable(f), 0);
	leat_fake_close(f);
	leat_fake_clear(f);
	assert_true(th_pg_wait(pg, "0", PGT_WAIT_MS, "SELECT count(*) FROM "
	    "pg_replication_slots WHERE active"));
	pgt_open(f);
	pgt_settle(f);
	assert_int_equal(count_reads("px.sig.t"), 0);
	end();
}

static int64_t
size_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

static void
append(const char *path, const char *text)
{
	FILE *file = fopen(path, "a");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* What was not stored when the worker died is done again, not lost. */
static void
test_file_is_kept(void **state)
{
	const char *path = th_path("kept.txt");

	source("CREATE TABLE sig.t (id int PRIMARY KEY);"
	    "INSERT INTO sig.t SELECT g FROM generate_series(1,5) g");
	leat_fake_set(f, "signal.enabled.channels", "file");
	leat_fake_set(f, "signal.file", path);
	leat_fake_set(f, "signal.poll.interval.ms", "20");
	pgt_open(f);
	th_write_text(path, "{\"id\":\"f-1\",\"type\":\"log\",\"data\":"
	    "{\"message\":\"one\"}}\n{\"id\":\"f-2\",\"type\":"
	    "\"execute-snapshot\",\"data\":"
	    "{\"data-collections\":[\"sig.t\"]}}\n");
	(void)await_note("COMPLETED", 0);
	assert_int_equal(leat_fake_logged(f, "message=\"one\""), 1);
	assert_true(size_of(path) > 0);
	leat_fake_close(f);
	leat_fake_clear(f);
	assert_true(th_pg_wait(pg, "0", PGT_WAIT_MS, "SELECT count(*) FROM "
	    "pg_replication_slots WHERE active"));
	pgt_open(f);
	(void)await_note("COMPLETED", 0);
	assert_int_equal(count_reads("px.sig.t"), 5);
	assert_int_equal(leat_fake_logged(f, "message=\"one\""), 2);
	/* One that comes in between is taken, the others are not again. */
	append(path, "{\"id\":\"f-3\",\"type\":\"log\",\"data\":"
	    "{\"message\":\"two\"}}\n");
	while (size_of(path) > 0)
		pgt_settle(f);
	assert_int_equal(leat_fake_logged(f, "message=\"one\""), 2);
	assert_int_equal(leat_fake_logged(f, "message=\"two\""), 1);
	end();
}

static void
test_file_channel(void **state)
{
	const char *path = th_path("signals.txt");

	source("CREATE TABLE sig.t (id int PRIMARY KEY);"
	    "INSERT INTO sig.t SELECT g FROM generate_series(1,5) g");
	leat_fake_set(f, "signal.enabled.channels", "file");
	leat_fake_set(f, "signal.file", path);
	leat_fake_set(f, "signal.poll.interval.ms", "20");
	pgt_open(f);
	th_write_text(path, "{\"id\":\"f-1\",\"type\":\"log\",\"data\":"
	    "{\"message\":\"by file\"}}\nrubbish\n"
	    "{\"id\":\"f-2\",\"type\":\"execute-snapshot\",\"data\":"
	    "\"{\\\"data-collections\\\":[\\\"sig.t\\\"]}\"}");
	(void)await_note("COMPLETED", 0);
	assert_int_equal(count_reads("px.sig.t"), 5);
	assert_int_equal(leat_fake_logged(f, "message=\"by file\""), 1);
	assert_int_equal(leat_fake_logged(f, "signal refused"), 1);
	while (size_of(path) > 0)
		pgt_settle(f);
	/* The other channels are off. */
	assert_true(leat_fake_signal(f, "", "log", "{}") < 0);
	assert_non_null(strstr(leat_fake_err(f)->text, "no in-process"));
	end();
}

static void
test_topic_channel(void **state)
{
	source("CREATE TABLE sig.t (id int PRIMARY KEY);"
	    "INSERT INTO sig.t SELECT g FROM generate_series(1,5) g");
	leat_fake_set(f, "signal.enabled.channels", "kafka");
	leat_fake_set(f, "signal.poll.interval.ms", "20");
	leat_fake_topic_add(f, "px-signal", "other", "{\"type\":\"log\","
	    "\"data\":{\"message\":\"not for us\"}}");
	leat_fake_topic_add(f, "px-signal", "px", "{\"id\":\"k-1\","
	    "\"type\":\"execute-snapshot\",\"data\":{\"data-collections\":"
	    "[\"sig.t\"],\"type\":\"INCREMENTAL\"}}");
	leat_fake_topic_add(f, "px-signal", "px", NULL);
	pgt_open(f);
	(void)await_note("COMPLETED", 0);
	assert_int_equal(count_reads("px.sig.t"), 5);
	assert_int_equal(leat_fake_logged(f, "not for us"), 0);
	/* How far it was read is part of the position. */
	assert_int_equal(leat_fake_durable(f), 0);
	assert_non_null(strstr(leat_fake_offset(f, "{\"server\":\"px\"}"),
	    "\"signal_topic_offset\":3"));
	leat_fake_close(f);
	leat_fake_clear(f);
	assert_true(th_pg_wait(pg, "0", PGT_WAIT_MS, "SELECT count(*) FROM "
	    "pg_replication_slots WHERE active"));
	pgt_open(f);
	pgt_settle(f);
	assert_int_equal(count_reads("px.sig.t"), 0);
	end();
}

/* ---------------------------------------------------------------- blocking */

static void
test_blocking(void **state)
{
	size_t at;

	source("CREATE TABLE sig.t (id int PRIMARY KEY, v text);"
	    "CREATE TABLE sig.u (id int PRIMARY KEY);"
	    "INSERT INTO sig.t SELECT g, 'v' FROM generate_series(1,6) g");
	pgt_open(f);
	th_pg_exec(pg, "INSERT INTO sig.t VALUES (7, 'before')");
	signal_ok("b-1", "execute-snapshot", "{\"type\":\"BLOCKING\","
	    "\"data-collections\":[\"sig.t\"],\"additional-conditions\":"
	    "[{\"data-collection\":\"sig.t\",\"filter\":"
	    "\"SELECT * FROM sig.t WHERE id > 2\"}]}");
	at = await_note("COMPLETED", 0);
	assert_int_equal(count_reads("px.sig.t"), 5);
	assert_string_equal(note(at), "\"COMPLETED\" \"Initial Snapshot\" "
	    "{\"connector_name\":\"px\"}");
	assert_string_equal(leat_fake_key(f, at), "{\"id\":\"b-1\"}");
	assert_string_equal(note(find_note("TABLE_SCAN_COMPLETED", 0)),
	    "\"TABLE_SCAN_COMPLETED\" \"Initial Snapshot\" "
	    "{\"connector_name\":\"px\",\"data_collections\":\"sig.t\","
	    "\"scanned_collection\":\"sig.t\",\"total_rows_scanned\":\"5\","
	    "\"status\":\"SUCCEEDED\"}");
	/* The insert stands in front of the rows that were read. */
	pgt_expect(f, first_of("px.sig.t"), "/op", "\"c\"");
	leat_fake_clear(f);
	th_pg_exec(pg, "UPDATE sig.t SET v = 'after' WHERE id = 7");
	pgt_run(f, 1);
	pgt_expect(f, 0, "/op", "\"u\"");
	pgt_expect(f, 0, "/source/snapshot", "null");
	/* A query that fails ends the snapshot, not the task. */
	signal_ok("b-2", "execute-snapshot", "{\"type\":\"BLOCKING\","
	    "\"data-collections\":[\"sig.t\"],\"additional-conditions\":"
	    "[{\"data-collection\":\"sig.t\",\"filter\":\"no query\"}]}");
	(void)await_note("ABORTED", 0);
	signal_ok("b-3", "execute-snapshot", "{\"type\":\"BLOCKING\","
	    "\"data-collections\":[\"sig.x\"]}");
	(void)await_note("REJECTED", 0);
	leat_fake_clear(f);
	th_pg_exec(pg, "INSERT INTO sig.u VALUES (1)");
	pgt_run(f, 1);
	pgt_expect(f, 0, "/op", "\"c\"");
	end();
}

/* --------------------------------------------------- the initial snapshot */

static void
test_initial_notes(void **state)
{
	source("CREATE TABLE sig.t (id int PRIMARY KEY);"
	    "CREATE TABLE sig.u (id int PRIMARY KEY);"
	    "INSERT INTO sig.t VALUES (1), (2)");
	leat_fake_set(f, "snapshot.mode", "initial");
	pgt_open(f);
	(void)await_note("COMPLETED", 0);
	assert_true(find_note("STARTED", 0) < find_note("IN_PROGRESS", 0));
	assert_string_equal(note(find_note("IN_PROGRESS", 0)),
	    "\"IN_PROGRESS\" \"Initial Snapshot\" {\"connector_name\":\"px\","
	    "\"data_collections\":\"sig.t,sig.u\","
	    "\"current_collection_in_progress\":\"sig.t\"}");
	assert_int_equal(leat_fake_logged(f, "total_rows_scanned=\"2\" "
	    "status=\"SUCCEEDED\""), 1);
	assert_int_equal(leat_fake_logged(f, "total_rows_scanned=\"0\" "
	    "status=\"EMPTY\""), 1);
	pgt_settle(f);
	leat_fake_close(f);
	leat_fake_clear(f);
	assert_true(th_pg_wait(pg, "0", PGT_WAIT_MS, "SELECT count(*) FROM "
	    "pg_replication_slots WHERE active"));
	pgt_open(f);
	(void)await_note("SKIPPED", 0);
	end();
}

/* A signal that meets a lost connection is acted on when there is another. */
static void
test_signal_meets_trouble(void **state)
{
	int rc;

	source("CREATE TABLE sig.t (id int PRIMARY KEY);"
	    "CREATE TABLE sig.signals (id text, type text, data text);"
	    "INSERT INTO sig.t SELECT g FROM generate_series(1,5) g");
	leat_fake_set(f, "tables", "sig.t");
	leat_fake_set(f, "signal.data.collection", "sig.signals");
	pgt_open(f);
	th_pg_exec(pg, "INSERT INTO sig.signals VALUES ('s-0', 'log', "
	    "'{\"message\": \"now the table is known\"}');"
	    "INSERT INTO sig.t VALUES (6)");
	while (first_of("px.sig.t") == SIZE_MAX)
		assert_int_equal(leat_fake_run(f, leat_fake_count(f) + 1,
		    PGT_WAIT_MS * th_slowness()), 0);
	assert_int_equal(leat_fake_durable(f), 0);
	th_pg_exec(pg, "SELECT pg_terminate_backend(pid, 5000) FROM "
	    "pg_stat_activity WHERE backend_type = 'client backend' AND "
	    "client_addr IS NOT NULL");
	th_pg_exec(pg, "INSERT INTO sig.signals VALUES ('s-1', "
	    "'execute-snapshot', '{\"data-collections\": [\"sig.t\"], "
	    "\"additional-conditions\": [{\"data-collection\": \"sig.t\", "
	    "\"filter\": \"id > 1\"}]}')");
	rc = leat_fake_run(f, SIZE_MAX, PGT_WAIT_MS * th_slowness());
	assert_true(rc < 0 && rc != -ETIME);
	assert_int_equal(leat_fake_err(f)->cls, LEAT_CLS_RETRY);
	assert_int_equal(leat_fake_durable(f), 0);
	assert_non_null(strstr(leat_fake_offset(f, "{\"server\":\"px\"}"),
	    "signals_kept"));
	leat_fake_close(f);
	assert_true(th_pg_wait(pg, "f", PGT_WAIT_MS, "SELECT active FROM "
	    "pg_replication_slots WHERE slot_name = 'signals'"));
	pgt_open(f);
	(void)await_note("COMPLETED", 0);
	assert_int_equal(count_reads("px.sig.t"), 5);
	assert_int_equal(leat_fake_logged(f, "signal refused"), 0);
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_incremental),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_source_block),
		cmocka_unit_test(test_surrogate_key),
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_pause_stop),
		cmocka_unit_test(test_goes_on),
		cmocka_unit_test(test_altered),
		cmocka_unit_test(test_table_channel),
		cmocka_unit_test(test_file_channel),
		cmocka_unit_test(test_file_is_kept),
		cmocka_unit_test(test_topic_channel),
		cmocka_unit_test(test_signal_meets_trouble),
		cmocka_unit_test(test_blocking),
		cmocka_unit_test(test_initial_notes),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
