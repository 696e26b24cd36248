/* SPDX-License-Identifier: Apache-2.0 */
/* test: timeout=600 */
/*
 * kill -9 of the worker during incremental snapshots of two tables under load,
 * with pauses, resumes and stops, by each kind of mark. Whoever applies the
 * topics' records ends with the tables as they are, and sees no row that is
 * older than one before it. LEAT_LONG=1 kills more often.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/harness/pg.h"
#include "tests/harness/proc.h"
#include "tests/harness/reader.h"
#include "tests/harness/th_replay.h"
#include "tests/harness/th_worker.h"

enum { SOON_MS = 60000, ROWS = 20000, NTABLES = 2 };

static struct th_pg *pg;
static struct th_worker *w;
static struct th_versions seen[NTABLES];
static struct th_reader *readers[NTABLES];
static pthread_t writer;
static int writing;		/* atomic */

static void *
write_all(void *arg)
{
	PGconn *c = PQconnectdb(th_pg_conninfo(pg));
	unsigned s = 7;

	PQclear(PQexec(c, "SET client_min_messages = error"));

	while (__atomic_load_n(&writing, __ATOMIC_ACQUIRE)) {
		char sql[600];
		unsigned id;

		s = s * 1103515245u + 12345u;
		id = 1 + (s >> 8) % (ROWS * 5 / 4);
		(void)snprintf(sql, sizeof(sql), "BEGIN;"
		    "UPDATE t%u SET ver = nextval('version') WHERE id = %u;"
		    "UPDATE t%u SET id = -id, ver = nextval('version') WHERE "
		    "id IN (%u, -%u);"
		    "DELETE FROM t%u WHERE id = %u;"
		    "INSERT INTO t%u VALUES (%u, 'new', nextval('version')) "
		    "ON CONFLICT DO NOTHING; COMMIT", id % 2, id,
		    (id >> 1) % 2, id + 3, id + 11, (id >> 2) % 2, id + 5,
		    (id >> 3) % 2, id + 7);
		PQclear(PQexec(c, sql));
		/* A key that is taken left the transaction open. */
		PQclear(PQexec(c, "ROLLBACK"));
	}
	PQfinish(c);
	return arg;
}

/* ---------------------------------------------------------------- consumer */

static void
apply(void *arg, const struct th_record *rec)
{
	if (rec->value != NULL)
		th_versions_apply(arg, rec->key, rec->value);
}

static void
read_topics(void)
{
	for (int t = 0; t < NTABLES; t++)
		while (th_reader_read(readers[t], apply, &seen[t]) > 0)
			continue;
}

/* What is different in table t; NULL: nothing. */
static const char *
difference(int t)
{
	return th_versions_differ(&seen[t], pg, th_text("t%d", t),
	    "format('{\"id\":%s}', id)");
}

/* ------------------------------------------------------------------- worker */

/* 202 once a task is up. */
static bool
sent(const char *type, const char *data)
{
	const char *body = NULL;

	return th_worker_call(w, "POST", "/leat/connectors/inc/signals",
	    th_text("{\"type\":\"%s\",\"data\":%s}", type, data), &body) ==
	    202;
}

static void
signal_to(const char *type, const char *data)
{
	TH_WAIT(sent(type, data), SOON_MS);
}

static int64_t
rows_read(void)
{
	return th_worker_metric(w, "leat_postgres_incremental_rows_total"
	    "{connector=\"inc\",task=\"0\"}");
}

static bool
idle(void)
{
	const char *status = th_worker_get(w, "/connectors/inc/status");

	return strstr(status, "RUNNING") != NULL && th_worker_metric(w,
	    "leat_postgres_incremental_tables_left{connector=\"inc\","
	    "task=\"0\"}") == 0;
}

#define EVERYTHING "{\"data-collections\":[\"public\\\\.t[01]\"]}"

/* Kills in the middle, again and again. */
static void
kill_rounds(int rounds)
{
	for (int i = 0; i < rounds; i++) {
		signal_to("execute-snapshot", EVERYTHING);
		TH_WAIT(rows_read() > 0, SOON_MS);
		if (i % 3 == 1) {
			signal_to("pause-snapshot", "{}");
			signal_to("stop-snapshot",
			    "{\"data-collections\":[\"public.t1\"]}");
		}
		th_worker_kill(w);
		th_worker_resume(w);
		signal_to("resume-snapshot", "{}");
		TH_WAIT(rows_read() > 500 || idle(), SOON_MS);
		read_topics();
	}
}

static void
start_writer(void)
{
	writing = 1;
	assert_int_equal(pthread_create(&writer, NULL, write_all, NULL), 0);
}

static int
stop_writer(void **state)
{
	(void)state;
	if (__atomic_exchange_n(&writing, 0, __ATOMIC_ACQ_REL) != 0)
		(void)pthread_join(writer, NULL);
	return 0;
}

static void
make_tables(void)
{
	th_pg_exec(pg, "CREATE SEQUENCE version;"
	    "CREATE TABLE signals (id text PRIMARY KEY, type text, "
	    "data text)");
	for (int t = 0; t < NTABLES; t++) {
		th_pg_exec(pg, "CREATE TABLE t%d (id int PRIMARY KEY, v text, "
		    "ver bigint); INSERT INTO t%d SELECT g, 'old', "
		    "nextval('version') FROM generate_series(1, %d) g", t, t,
		    (int)ROWS);
	}
}

static void
run(const char *name, const char *settings)
{
	const char *text = getenv("LEAT_LONG");

	pg = th_pg_start(&(struct th_pg_opts){ .name = th_text("pg-%s",
	    name) });
	make_tables();
	w = th_worker_start(&(struct th_worker_opts){ .name = name });
	th_worker_file(w, "inc.yaml", "connector: postgres-source\nurl: %s\n"
	    "tables: ['public.t[01]']\ntopic.prefix: inc\n"
	    "snapshot.mode: no_data\nvalue.converter.schemas.enable: false\n"
	    "key.converter.schemas.enable: false\n"
	    "incremental.snapshot.chunk.size: 500\n"
	    "incremental.snapshot.rows.per.second: 30000\n%s",
	    th_pg_url(pg, NULL), settings);
	for (int t = 0; t < NTABLES; t++)
		readers[t] = th_reader_open(w, th_text("inc.public.t%d", t));
	start_writer();
	kill_rounds(text != NULL && strcmp(text, "1") == 0 ? 30 : 4);
	signal_to("execute-snapshot", EVERYTHING);
	(void)stop_writer(NULL);
	TH_WAIT(idle(), SOON_MS);
	for (int t = 0; t < NTABLES; t++)
		TH_WAIT((read_topics(), difference(t)) == NULL, SOON_MS);
	assert_true(seen[0].reads + seen[1].reads >= ROWS);
	for (int t = 0; t < NTABLES; t++) {
		th_reader_close(readers[t]);
		th_versions_fini(&seen[t]);
	}
	assert_int_equal(th_worker_stop(w), 0);
	th_worker_free(w);
	th_pg_free(pg);
}

static void
test_messages(void **state)
{
	(void)state;
	run("messages", "");
}

static void
test_insert_insert(void **state)
{
	(void)state;
	run("insert-insert", "signal.data.collection: public.signals\n");
}

static void
test_insert_delete(void **state)
{
	(void)state;
	run("insert-delete", "signal.data.collection: public.signals\n"
	    "incremental.snapshot.watermarking.strategy: insert_delete\n");
}

static void
test_read_only(void **state)
{
	(void)state;
	run("read-only", "read.only: true\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_messages, stop_writer),
		cmocka_unit_test_teardown(test_insert_insert, stop_writer),
		cmocka_unit_test_teardown(test_insert_delete, stop_writer),
		cmocka_unit_test_teardown(test_read_only, stop_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
