/* SPDX-License-Identifier: Apache-2.0 */
/* test: timeout=180 */
/*
 * test_postgres_tables.c: very many tables in one connector, with fewer file
 * descriptors than topics: a snapshot of all, changes of all, by one
 * transaction too, restarts. LEAT_LONG=10000: so many tables. The figures are
 * printed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include <leat/str.h>

#include "tests/harness/jsonq.h"
#include "tests/harness/pg.h"
#include "tests/harness/proc.h"
#include "tests/harness/reader.h"
#include "tests/harness/th_worker.h"

enum { LONG_TABLES = 10000, SHORT_TABLES = 400 };

static struct th_pg *pg;
static struct th_worker *w;
static int tables;
static int soon_ms = 60000;
static int64_t began;

static void
begin(void)
{
	began = th_now_ms();
}

static void
figure(const char *what)
{
	printf("# %s: %d tables, %.1f s, peak %lld MB, now %lld MB\n", what,
	    tables, (double)(th_now_ms() - began) / 1000,
	    (long long)th_rss_peak_kb(th_worker_pid(w)) / 1024,
	    (long long)th_rss_kb(th_worker_pid(w)) / 1024);
}

static int64_t
metric(const char *name)
{
	return th_worker_metric(w, th_text("leat_postgres_%s"
	    "{connector=\"many\",task=\"0\"}", name));
}

/* Runs a statement for each table, %1$s its name, some in a transaction. */
static void
each_table(const char *statement, int in_transaction)
{
	th_pg_exec(pg, "DO $x$ BEGIN FOR i IN 1..%d LOOP "
	    "EXECUTE format($y$%s$y$, 't' || i); "
	    "IF i %% %d = 0 THEN COMMIT; END IF; END LOOP; END $x$", tables,
	    statement, in_transaction);
}

/* All of it is in the topics, and confirmed. */
static void
wait_durable(void)
{
	const char *end = th_pg_value(pg, "SELECT pg_current_wal_lsn()");

	assert_true(th_pg_wait(pg, "t", soon_ms, "SELECT confirmed_flush_lsn "
	    ">= '%s' FROM pg_replication_slots", end));
}

static void
wait_streaming(void)
{
	TH_WAIT(th_worker_is(w, "many", "RUNNING") &&
	    metric("connected") == 1, soon_ms);
}

static void
test_snapshot(void **state)
{
	each_table("CREATE TABLE %1$s (id int PRIMARY KEY, v int, name text, "
	    "price numeric(10,2), made timestamptz); "
	    "INSERT INTO %1$s VALUES (1, 0, 'x', 1, now())", 100);
	begin();
	th_worker_file(w, "many.yaml", "connector: postgres-source\nurl: %s\n"
	    "tables: ['public\\.t.*']\ntopic.prefix: px\n"
	    "status.update.interval.ms: 200\n",
	    th_pg_url(pg, NULL));
	TH_WAIT(metric("events_snapshot_total") == tables, soon_ms);
	wait_streaming();
	figure("snapshot");
}

/* A transaction for each table. */
static void
test_changes(void **state)
{
	int64_t before = metric("events_update_total");

	begin();
	each_table("UPDATE %1$s SET v = v + 1", 1);
	TH_WAIT(metric("events_update_total") >= before + tables, soon_ms);
	figure("changes");
	wait_durable();
}

static void
test_one_transaction(void **state)
{
	int64_t before = metric("events_update_total");

	begin();
	each_table("UPDATE %1$s SET v = v + 1", tables);
	TH_WAIT(metric("events_update_total") >= before + tables, soon_ms);
	wait_durable();
	figure("one transaction");
}

static void
test_restart(void **state)
{
	begin();
	assert_int_equal(th_worker_stop(w), 0);
	printf("# stop: %.1f s\n", (double)(th_now_ms() - began) / 1000);
	begin();
	th_worker_resume(w);
	figure("start");
	wait_streaming();
	figure("start, streaming");
	test_changes(state);
}

static void
test_killed(void **state)
{
	th_worker_kill(w);
	begin();
	th_worker_resume(w);
	wait_streaming();
	figure("start after a kill, streaming");
	test_one_transaction(state);
}

/* Topics have the row, and each change of the four tests once. */
static void
test_all_there(void **state)
{
	char *text = NULL;
	const struct leat_value *doc;
	int n = 0;

	assert_int_equal(th_worker_fetch(w, "GET", "/leat/topics", NULL,
	    &text), 200);
	doc = th_json(text);
	for (uint32_t i = 0; i < doc->len; i++)
		n += strncmp(th_json_text(&doc->u.items[i], "/name"),
		    "px.public.t", 11) == 0;
	free(text);
	assert_int_equal(n, tables);
	for (int i = 1; i <= tables; i += tables / 20) {
		struct th_reader *r = th_reader_open(w,
		    th_text("px.public.t%d", i));

		th_reader_wait(r, 5, soon_ms, NULL, NULL);
		assert_int_equal(th_reader_read(r, NULL, NULL), 0);
		assert_int_equal(th_reader_count(r), 5);
		th_reader_close(r);
	}
}

static int
start(void **state)
{
	struct rlimit few = { 256, 256 };
	static const char *const settings[] = {
		"max_locks_per_transaction = 256", NULL
	};
	struct th_pg_opts o = { .name = "pg-many", .settings = settings };

	const char *text = getenv("LEAT_LONG");
	int64_t n = SHORT_TABLES;

	if (text != NULL && (leat_parse_i64(leat_str_c(text), 1, 1000000,
	    &n) < 0 || n == 1))
		n = LONG_TABLES;
	tables = (int)n;
	if (text != NULL)
		soon_ms = 900000;
	pg = th_pg_start(&o);
	if (getenv("LEAT_LONG") != NULL)
		few = (struct rlimit){ 1024, 1024 };
	if (setrlimit(RLIMIT_NOFILE, &few) < 0)
		return -1;
	w = th_worker_start(&(struct th_worker_opts){ .name = "many" });
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
		cmocka_unit_test(test_snapshot),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_one_transaction),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_all_there),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
