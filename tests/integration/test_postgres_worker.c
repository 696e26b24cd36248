/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_postgres_worker.c: the real worker, killed and cut off in the middle of
 * transactions: each event is there once, in its order, with its number; and
 * the memory that a large transaction takes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <leat/json.h>

#include "tests/harness/jsonq.h"
#include "tests/harness/pg.h"
#include "tests/harness/proc.h"
#include "tests/harness/reader.h"
#include "tests/harness/th_worker.h"

enum { SOON_MS = 30000, TX_ROWS = 3000, LARGE_ROWS = 200000 };

static struct th_pg *pg;
static struct th_worker *w;

static void
start_worker(const char *name, const char *options)
{
	static const char *const work_mem[] = {
		"logical_decoding_work_mem = 1MB", NULL
	};
	static const char *const settings[] = { "memory.max.bytes: 16MiB",
		NULL };
	struct th_worker_opts o = { .name = name, .settings = settings };

	pg = th_pg_start(&(struct th_pg_opts){ .name = th_text("pg-%s",
	    name), .settings = work_mem });
	th_pg_exec(pg, "CREATE TABLE t (id int PRIMARY KEY, pad text)");
	w = th_worker_start(&o);
	th_worker_file(w, "px.yaml", "connector: postgres-source\n"
	    "topic.prefix: px\nurl: %s\ntables: [public.t]\n"
	    "snapshot.mode: no_data\nslot.retry.delay.ms: 200ms\n"
	    "provide.transaction.metadata: true\n%s", th_pg_url(pg, NULL),
	    options);
	assert_true(th_pg_wait(pg, "t", SOON_MS,
	    "SELECT active FROM pg_replication_slots"));
}

static void
end_worker(void)
{
	assert_int_equal(th_worker_stop(w), 0);
	th_worker_free(w);
	th_pg_free(pg);
}

/* What a reader of the table's topic expects next. */
struct expect {
	int64_t tx;		/* rows of each transaction */
	int64_t n;		/* records so far */
};

static int64_t
number_at(const struct leat_value *doc, const char *pointer)
{
	const struct leat_value *v = leat_json_pointer(doc,
	    leat_str_c(pointer));

	if (v == NULL || v->kind != LEAT_INT64)
		fail_msg("no number at %s", pointer);
	return v->u.i;
}

/* Rows come in the order of their ids, and are numbered in each transaction. */
static void
check_row(void *arg, const struct th_record *rec)
{
	struct expect *e = arg;
	struct leat_arena a = { 0 };
	struct leat_value doc;
	int64_t i = e->n++;

	leat_arena_init(&a, 16384, 0);
	assert_int_equal(leat_json_parse(&a, rec->value, strlen(rec->value),
	    &doc, NULL), 0);
	assert_int_equal(number_at(&doc, "/after/id"), i + 1);
	assert_int_equal(number_at(&doc, "/transaction/total_order"),
	    i % e->tx + 1);
	leat_arena_fini(&a);
}

static void
insert_rows(int64_t from, int64_t n)
{
	th_pg_exec(pg, "INSERT INTO t SELECT g, repeat('x', 100) FROM "
	    "generate_series(%lld, %lld) g", (long long)from,
	    (long long)(from + n - 1));
}

static void
cut_walsender(void)
{
	th_pg_exec(pg, "SELECT pg_terminate_backend(pid) FROM "
	    "pg_stat_replication");
}

/* Every other time the worker dies, else its connection. */
static void
survive(const char *name, const char *options)
{
	struct expect e = { .tx = TX_ROWS };
	struct th_reader *rows, *tx;
	int64_t total = 0;

	start_worker(name, options);
	rows = th_reader_open(w, "px.public.t");
	tx = th_reader_open(w, "px.transaction");
	for (int turn = 0; turn < 8; turn++) {
		insert_rows(total + 1, TX_ROWS);
		total += TX_ROWS;
		TH_WAIT(th_reader_read(rows, check_row, &e) > 0 ||
		    e.n == total, SOON_MS);
		if (turn % 2 == 0) {
			th_worker_kill(w);
			th_worker_resume(w);
		} else {
			cut_walsender();
		}
	}
	th_reader_wait(rows, (size_t)total, SOON_MS, check_row, &e);
	assert_int_equal(e.n, total);
	th_reader_wait(tx, 16, SOON_MS, NULL, NULL);
	assert_int_equal(th_reader_read(rows, check_row, &e), 0);
	assert_int_equal(th_reader_read(tx, NULL, NULL), 0);
	th_reader_close(rows);
	th_reader_close(tx);
	end_worker();
}

static void
survives(void **state)
{
	survive("plain", "");
}

static void
survives_streaming(void **state)
{
	survive("streamed", "streaming.large.transactions: true\n");
}

static void
measure(const char *name, const char *options)
{
	int64_t before, peak;

	start_worker(name, options);
	insert_rows(1, 1000);
	TH_WAIT(th_worker_topic(w, "px.public.t", "end_offset") >= 1000,
	    SOON_MS);
	before = th_rss_kb(th_worker_pid(w));
	insert_rows(1001, LARGE_ROWS);
	TH_WAIT(th_worker_topic(w, "px.public.t", "end_offset") >=
	    LARGE_ROWS + 1000, 3 * SOON_MS);
	peak = th_rss_peak_kb(th_worker_pid(w));
	print_message("%s: %lld kB before, %lld kB at most\n", name,
	    (long long)before, (long long)peak);
	/* A sanitizer keeps what was freed. */
	if (th_slowness() == 1 && peak - before > (16 + 24) * 1024)
		th_fail("from %lld kB to %lld kB", (long long)before,
		    (long long)peak);
	end_worker();
}

static void
memory_is_flat(void **state)
{
	measure("large", "");
	measure("large-streamed", "streaming.large.transactions: true\n");
}

/* While a snapshot is read, REST and the command line say how far it is. */
static void
progress_is_told(void **state)
{
	const struct leat_value *doc = NULL;
	char *text = NULL;

	(void)state;
	start_worker("progress", "");
	insert_rows(1, 5000);
	th_pg_exec(pg, "ANALYZE t");
	th_worker_file(w, "slow.yaml", "connector: postgres-source\n"
	    "url: %s\ntables: [public.t]\nslot.name: slow\n"
	    "publication.name: slow\nsnapshot.max.rows.per.second: 200\n",
	    th_pg_url(pg, NULL));
	TH_WAIT(th_worker_is(w, "slow", "RUNNING") && (doc = th_json(
	    th_worker_get(w, "/leat/connectors/slow/status"))) != NULL &&
	    th_json_at(doc, "/tasks/0/progress/seconds_left") != NULL,
	    SOON_MS);
	assert_string_equal(th_json_text(doc, "/tasks/0/progress/phase"),
	    "snapshot");
	assert_int_equal(th_json_int(doc, "/tasks/0/progress/rows_estimated"),
	    5000);
	assert_string_equal(th_json_text(doc,
	    "/tasks/0/progress/reading/0/table"), "public.t");
	assert_string_equal(th_json_text(doc,
	    "/tasks/0/progress/events/0/table"), "public.t");
	assert_true(th_json_int(doc, "/tasks/0/progress/events/0/read") > 0);
	assert_int_equal(th_run(&text, th_leat_bin(), "connectors", "status",
	    "slow", "--url", th_worker_url(w), NULL), 0);
	assert_non_null(strstr(text, "\n    phase                snapshot\n"));
	assert_non_null(strstr(text, "\n    reading              table "
	    "public.t, rows "));
	free(text);
	end_worker();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(survives),
		cmocka_unit_test(survives_streaming),
		cmocka_unit_test(memory_is_flat),
		cmocka_unit_test(progress_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
