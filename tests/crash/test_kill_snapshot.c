/* SPDX-License-Identifier: Apache-2.0 */
/* test: timeout=300 */
/*
 * kill -9 of the worker in the middle of a snapshot over several connections,
 * again and again, while the tables are written to: finished tables are not
 * read again, of others not what was read, and whoever applies the events of
 * the topics has the tables.
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
#include "tests/harness/proc.h"
#include "tests/harness/reader.h"
#include "tests/harness/th_replay.h"
#include "tests/harness/th_worker.h"

enum { SOON_MS = 60000, TABLES = 5, KEYS = 3000, KILLS = 5 };

static struct th_pg *pg;
static struct th_worker *w;
static int64_t have[TABLES][KEYS];
static int reads[TABLES][KEYS];

/* Random changes of all tables, a transaction each, until table "halt" has a
 * row. It runs in the server. */
static const char writer[] = "DO $$ DECLARE t text; k int; BEGIN LOOP "
    "EXIT WHEN EXISTS (SELECT FROM halt); "
    "t := 'k' || (random() * 4)::int; k := (random() * 2998)::int; "
    "CASE (random() * 3)::int "
    "WHEN 0 THEN EXECUTE format('INSERT INTO %s VALUES (%s, 1) "
    "ON CONFLICT DO NOTHING', t, k); "
    "WHEN 1 THEN EXECUTE format('DELETE FROM %s WHERE id = %s', t, k); "
    "WHEN 2 THEN EXECUTE format('UPDATE %s SET id = %s WHERE id = %s AND NOT "
    "EXISTS (SELECT FROM %s WHERE id = %s)', t, (k + 7) % 2999, k, t, "
    "(k + 7) % 2999); "
    "ELSE EXECUTE format('UPDATE %s SET v = v + 1 WHERE id = %s', t, k); "
    "END CASE; COMMIT; PERFORM pg_sleep(0.0005); COMMIT; END LOOP; END $$";

static void
take(void *arg, const struct th_record *rec)
{
	int t = *(int *)arg;
	const struct leat_value *doc;
	int64_t k = th_json_int(th_json(rec->key), "/id");

	assert_true(k >= 0 && k < KEYS);
	if (rec->value == NULL) {
		have[t][k] = TH_GONE;
		return;
	}
	doc = th_json(rec->value);
	if (strcmp(th_json_text(doc, "/op"), "d") == 0) {
		have[t][k] = TH_GONE;
		return;
	}
	if (strcmp(th_json_text(doc, "/op"), "r") == 0)
		reads[t][k]++;
	have[t][k] = th_json_int(doc, "/after/v");
}

static void
make_tables(void)
{
	th_pg_exec(pg, "CREATE TABLE halt (x int)");
	for (int t = 0; t < TABLES; t++) {
		th_pg_exec(pg, "CREATE TABLE k%d (id int PRIMARY KEY, v int, "
		    "t text DEFAULT repeat('x', 1900)); ALTER TABLE k%d ALTER "
		    "t SET STORAGE PLAIN; CREATE INDEX ON k%d (v); INSERT INTO "
		    "k%d SELECT g, 0 FROM generate_series(0, %d) g", t, t, t,
		    t, KEYS - 2);
		for (int k = 0; k < KEYS; k++)
			have[t][k] = TH_GONE;
	}
}

static int64_t
delivered(int t)
{
	return th_worker_topic(w, th_text("kill.public.k%d", t), "end_offset");
}

static int64_t
delivered_in_all(void)
{
	int64_t n = 0;

	for (int t = 0; t < TABLES; t++)
		n += delivered(t);
	return n;
}

/* The row that is written last ends a topic. */
static void
read_topic(int t)
{
	struct th_reader *r = th_reader_open(w, th_text("kill.public.k%d", t));

	TH_WAIT((th_reader_read(r, take, &t), have[t][KEYS - 1]) == 77,
	    SOON_MS);
	th_reader_close(r);
}

static void
finish(PGconn *load)
{
	th_pg_exec(pg, "INSERT INTO halt VALUES (1)");
	PQclear(PQgetResult(load));
	PQfinish(load);
	for (int t = 0; t < TABLES; t++)
		th_pg_exec(pg, "INSERT INTO k%d VALUES (%d, 77)", t, KEYS - 1);
	for (int t = 0; t < TABLES; t++) {
		read_topic(t);
		th_replay_values(pg, th_text("k%d", t), have[t], KEYS);
	}
	/* The first one was finished before the first kill. */
	for (int k = 0; k < KEYS; k++)
		assert_true(reads[0][k] <= 1);
	assert_true(th_worker_said(w, "catching up with the snapshot"));
	assert_true(th_worker_said(w, "tables_read_in_part=1") ||
	    th_worker_said(w, "tables_read_in_part=2") ||
	    th_worker_said(w, "tables_read_in_part=3"));
}

static void
test_killed(void **state)
{
	PGconn *load = th_pg_connect(pg, NULL);
	int64_t seen;

	make_tables();
	assert_int_equal(PQsendQuery(load, writer), 1);
	th_worker_file(w, "kill.yaml", "connector: postgres-source\nurl: %s\n"
	    "tables: [public.k0, 'public.k[1-4]']\ntopic.prefix: kill\n"
	    "snapshot.max.threads: 3\nsnapshot.max.threads.multiplier: 100\n"
	    "snapshot.max.rows.per.second: 4000\n"
	    "value.converter.schemas.enable: false\n"
	    "key.converter.schemas.enable: false\n", th_pg_url(pg, NULL));
	TH_WAIT(delivered(2) > 0, SOON_MS);
	TH_WAIT(strstr(th_worker_get(w, "/connectors/kill/offsets"),
	    "\"parts\":[{") != NULL, SOON_MS);
	for (int i = 0; i < KILLS; i++) {
		th_worker_kill(w);
		th_worker_resume(w);
		seen = delivered_in_all();
		TH_WAIT(delivered_in_all() > seen + i * 500, SOON_MS);
	}
	finish(load);
}

static int
start(void **state)
{
	const struct th_pg_opts po = { .name = "pg-kill-snapshot" };

	pg = th_pg_start(&po);
	w = th_worker_start(&(struct th_worker_opts){ .name = "snapshot" });
	return 0;
}

static int
stop(void **state)
{
	assert_int_equal(th_worker_stop(w), 0);
	th_worker_free(w);
	th_pg_free(pg);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_killed),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
