/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_doctor.c: `leat doctor` against a real server: what a good one gets, and
 * each thing that is missing with the SQL that mends it, which then does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <leat/str.h>

#include "tests/harness/jsonq.h"
#include "tests/harness/pg.h"
#include "tests/harness/pgserver.h"
#include "tests/harness/proc.h"

/* The answer of `leat doctor --json` about the first connector of a file. */
static const struct leat_value *
examine(const char *what, int exit_code)
{
	char *text = NULL;
	int rc = th_run(&text, th_leat_bin(), "doctor", "--json",
	    "--plugin-path", th_plugin_dir(), what, NULL);
	const struct leat_value *doc = th_json(text);

	if (rc != exit_code)
		fail_msg("exit %d, not %d: %s", rc, exit_code, text);
	free(text);
	return doc;
}

/* The finding about a subject, or NULL; of several the worst. */
static const struct leat_value *
finding(const struct leat_value *doc, const char *subject)
{
	static const char *const grades[] = { "bad", "warning", "note",
		"good" };
	size_t n = th_json_len(doc, "/connectors/0/findings");

	for (size_t g = 0; g < 4; g++)
		for (size_t i = 0; i < n; i++) {
			const struct leat_value *f = th_json_at(doc,
			    th_text("/connectors/0/findings/%zu", i));

			if (strcmp(th_json_text(f, "/subject"), subject) ==
			    0 && strcmp(th_json_text(f, "/grade"),
			    grades[g]) == 0)
				return f;
		}
	return NULL;
}

static const struct leat_value *
expect(const struct leat_value *doc, const char *subject, const char *grade,
    const char *part)
{
	const struct leat_value *f = finding(doc, subject);

	if (f == NULL)
		fail_msg("nothing about %s", subject);
	if (strcmp(th_json_text(f, "/grade"), grade) != 0 ||
	    strstr(th_json_text(f, "/text"), part) == NULL)
		fail_msg("%s: %s '%s', not %s with '%s'", subject,
		    th_json_text(f, "/grade"), th_json_text(f, "/text"), grade,
		    part);
	return f;
}

/* Pastes a finding's cure into the server, as psql would: line by line. */
static void
apply(const struct leat_value *f)
{
	struct leat_str rest = leat_str_c(th_json_text(f, "/cure"));

	while (rest.len > 0) {
		struct leat_str line = leat_str_cut(&rest, '\n');

		th_pg_exec(pg, "%.*s", (int)line.len, line.ptr);
	}
}

static const char *
file_at(const char *path, const char *user, const char *more)
{
	th_write_text(path, th_text("connector: postgres-source\n"
	    "url: %s\ndatabase.user: %s\n"
	    "tables: [public.item, public.keyless]\n%s",
	    th_pg_url(pg, NULL), user, more));
	return path;
}

static const char *
file(const char *user, const char *more)
{
	return file_at(th_path("shop.yaml"), user, more);
}

static void
test_good(void **state)
{
	const struct leat_value *doc = examine(th_text("postgres://postgres@"
	    "127.0.0.1:%u/postgres", (unsigned)th_pg_port(pg)), 3);

	(void)state;
	expect(doc, "version", "good", "PostgreSQL ");
	expect(doc, "wal_level", "good", "logical");
	expect(doc, "role", "good", "may replicate");
	expect(doc, "clock", "good", " ms from");
	expect(doc, "tables", "good", "2 are captured");
	expect(doc, "max_replication_slots", "good", "0 of 20");
	expect(doc, "replication connection", "good", "timeline 1");
	expect(doc, "slot", "good", "created at the first start");
	/* What the server would do to the application. */
	apply(expect(doc, "replica identity", "bad",
	    "\"public\".\"keyless\""));
	doc = examine(file("postgres", ""), 0);
	expect(doc, "replica identity", "good", "each");
	expect(doc, "publication", "good", "is created");
}

static void
test_rights(void **state)
{
	const struct leat_value *doc, *f;

	(void)state;
	th_pg_exec(pg, "CREATE ROLE cdc LOGIN");
	doc = examine(file("cdc", ""), 3);
	f = expect(doc, "role", "bad", "'cdc' may not replicate");
	apply(f);
	apply(expect(doc, "rights", "bad", "\"public\".\"item\""));
	apply(expect(doc, "publication", "bad", "may not create it"));
	doc = examine(file("cdc", "publication.autocreate.mode: disabled\n"),
	    0);
	expect(doc, "role", "good", "may replicate");
	expect(doc, "rights", "good", "may read");
	expect(doc, "publication", "good", "has the captured tables");
	th_pg_exec(pg, "ALTER PUBLICATION dbz_publication SET (publish = "
	    "'insert'); ALTER PUBLICATION dbz_publication DROP TABLE keyless");
	doc = examine(file("cdc", "publication.autocreate.mode: disabled\n"),
	    3);
	apply(expect(doc, "publication", "bad", "lacks 1"));
	doc = examine(file("cdc", "publication.autocreate.mode: disabled\n"),
	    0);
	apply(expect(doc, "publication", "warning",
	    "leaves out: update delete"));
	th_pg_exec(pg, "DROP PUBLICATION dbz_publication; DROP OWNED BY cdc;"
	    "DROP ROLE cdc");
}

/* Names are anything: the cures quote them. */
static void
test_odd_names(void **state)
{
	const char *path = th_path("odd.yaml");
	const struct leat_value *doc;

	(void)state;
	th_pg_exec(pg, "CREATE ROLE \"o\"\"k\" LOGIN; CREATE SCHEMA \"s\"\"t\";"
	    "CREATE TABLE \"s\"\"t\".\"t\"\"u\" (id int);"
	    "GRANT USAGE ON SCHEMA \"s\"\"t\" TO \"o\"\"k\"");
	th_write_text(path, th_text("connector: postgres-source\n"
	    "url: %s\ndatabase.user: 'o\"k'\ntables: ['s\"t.t\"u']\n"
	    "publication.name: 'p\"q'\n", th_pg_url(pg, NULL)));
	doc = examine(path, 3);
	apply(expect(doc, "role", "bad", "'o\"k' may not replicate"));
	apply(expect(doc, "rights", "bad", "\"s\"\"t\".\"t\"\"u\""));
	apply(expect(doc, "replica identity", "bad", "\"t\"\"u\""));
	apply(expect(doc, "publication", "bad", "may not create it"));
	doc = examine(path, 0);
	expect(doc, "rights", "good", "may read");
	expect(doc, "publication", "good", "has the captured tables");
	th_pg_exec(pg, "DROP PUBLICATION \"p\"\"q\"; DROP SCHEMA \"s\"\"t\" "
	    "CASCADE; DROP OWNED BY \"o\"\"k\"; DROP ROLE \"o\"\"k\"");
}

static void
test_slots(void **state)
{
	const struct leat_value *doc;

	(void)state;
	th_pg_exec(pg, "SELECT pg_create_logical_replication_slot('debezium',"
	    " 'test_decoding')");
	doc = examine(file("postgres", ""), 3);
	apply(expect(doc, "slot", "bad", "test_decoding"));
	expect(examine(file("postgres", ""), 0), "slot", "good", "created");
}

static void
test_tables(void **state)
{
	const struct leat_value *doc;

	(void)state;
	th_pg_exec(pg, "CREATE UNLOGGED TABLE scratch (id int PRIMARY KEY)");
	doc = examine(th_pg_url(pg, NULL), 0);
	apply(expect(doc, "unlogged tables", "warning", "scratch"));
	assert_null(finding(examine(th_pg_url(pg, NULL), 0),
	    "unlogged tables"));
	th_pg_exec(pg, "DROP TABLE scratch");
	doc = examine(file("postgres", "schema.include.list: [nowhere]\n"), 3);
	expect(doc, "tables", "bad", "none of the tables");
}

static void
test_activity(void **state)
{
	(void)state;
	th_pg_exec(pg, "BEGIN; INSERT INTO item VALUES (9); "
	    "PREPARE TRANSACTION 'left'");
	expect(examine(file("postgres", ""), 0), "transactions", "good",
	    "none is open for long");
	th_pg_exec(pg, "ROLLBACK PREPARED 'left'");
}

static void
test_no_server(void **state)
{
	const struct leat_value *doc = examine(
	    "postgres://x@127.0.0.1:1/nothing", 3);

	(void)state;
	expect(doc, "connection", "bad", "refused");
	doc = examine("postgres://nobody@127.0.0.1:1/x?oops=1", 3);
	assert_non_null(doc);
}

/* What is wrong in a file is said all at once, with its place. */
static void
test_files(void **state)
{
	const struct leat_value *doc = examine(file("postgres",
	    "snapshot.mod: initial\nwal.guard.bytes: 10XB\n"), 3);

	(void)state;
	assert_int_equal(th_json_len(doc, "/connectors"), 0);
	assert_int_equal(th_json_len(doc, "/problems"), 2);
	assert_int_equal(th_json_int(doc, "/problems/0/line"), 5);
	assert_string_equal(th_json_text(doc, "/problems/1/key"),
	    "wal.guard.bytes");
	th_mkdir(th_path("shops"));
	(void)file_at(th_path("shops/shop.yaml"), "postgres", "");
	doc = examine(th_path("shops"), 0);
	expect(doc, "version", "good", "PostgreSQL ");
}

/* Settings that only a start changes, so this comes last. */
static void
test_settings(void **state)
{
	const struct leat_value *doc;

	(void)state;
	th_pg_set(pg, "wal_level = replica");
	th_pg_set(pg, "max_wal_senders = 1");
	th_pg_set(pg, "wal_sender_timeout = 0");
	th_pg_restart(pg);
	doc = examine(file("postgres", ""), 3);
	expect(doc, "wal_level", "bad", "is 'replica'");
	expect(doc, "max_wal_senders", "bad", "0 of 1");
	apply(expect(doc, "wal_sender_timeout", "warning", "is 0"));
	apply(expect(doc, "max_slot_wal_keep_size", "warning", "is -1"));
	assert_true(th_pg_wait(pg, "1min", 10000, "SHOW wal_sender_timeout"));
	doc = examine(file("postgres", ""), 3);
	expect(doc, "wal_sender_timeout", "good", "60000 ms");
	expect(doc, "max_slot_wal_keep_size", "good", "51200 MB");
}

static int
start(void **state)
{
	(void)state;
	pg = th_pg_start(NULL);
	th_pg_exec(pg, "CREATE TABLE item (id int PRIMARY KEY);"
	    "CREATE TABLE keyless (id int)");
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_rights),
		cmocka_unit_test(test_odd_names),
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_activity),
		cmocka_unit_test(test_no_server),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_settings),
	};

	return cmocka_run_group_tests(tests, start, stop_server);
}
