/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole way: PostgreSQL to a topic, from there to a webhook and a file,
 * with a pipeline file of a few lines. Everything arrives, once, and in order
 * per key, whatever is paused or restarted on the way.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <leat/str.h>

#include "tests/harness/http.h"
#include "tests/harness/jsonq.h"
#include "tests/harness/ledger.h"
#include "tests/harness/pg.h"
#include "tests/harness/proc.h"
#include "tests/harness/reader.h"
#include "tests/harness/th_worker.h"

enum { SOON_MS = 15000, ROWS = 50 };

#define TOPIC "shop.public.item"

static struct th_pg *pg;
static struct th_http *hook;
static struct th_worker *w;
static struct th_ledger *hooked;	/* what the webhook got */
static size_t taken;		/* requests that are in it */

/* Events go into the ledger as they arrived. */
static void
take_requests(void)
{
	size_t n = th_http_count(hook);

	for (; taken < n; taken++)
		th_ledger_take(hooked, th_http_request(hook, taken)->body);
}

static void
settle_hook(void)
{
	TH_WAIT((take_requests(), th_ledger_differences(hooked, pg, false)) ==
	    0, SOON_MS);
}

static int
start(void **state)
{
	pg = th_pg_start(NULL);
	th_ledger_tables(pg, ROWS);
	hook = th_http_start();
	hooked = th_ledger_new(0);
	w = th_worker_start(NULL);
	/* Nine lines are a pipeline. */
	th_worker_file(w, "shop.yaml",
	    "source:\n"
	    "  connector: postgres-source\n"
	    "  url: %s\n"
	    "  tables: [public.item]\n"
	    "  status.update.interval.ms: 200ms\n"
	    "sink:\n"
	    "  connector: http-sink\n"
	    "  url: %s\n"
	    "  retry.backoff.max.ms: 100ms\n",
	    th_pg_url(pg, NULL), th_http_url(hook, "/hook"));
	th_worker_file(w, "file.yaml", "connector: file-sink\n"
	    "topics: " TOPIC "\nfile: %s\n", th_path("out.jsonl"));
	settle_hook();
	return 0;
}

static int
stop(void **state)
{
	assert_int_equal(th_worker_stop(w), 0);
	th_worker_free(w);
	th_ledger_free(hooked);
	th_http_stop(hook);
	th_pg_free(pg);
	return 0;
}

/* ------------------------------------------------------------------ tests */

static void
snapshot_came(void **state)
{
	const struct th_http_request *rq = th_http_request(hook, 0);
	const struct leat_value *doc = th_json(rq->body);
	int last = 0;

	assert_int_equal(th_http_count(hook), ROWS);
	assert_string_equal(rq->method, "POST");
	assert_string_equal(th_http_header(rq, "Content-Type"),
	    "application/json");
	assert_string_equal(th_json_text(doc, "/op"), "r");
	assert_string_equal(th_json_text(doc, "/before"), "null");
	assert_string_equal(th_json_text(doc, "/source/connector"),
	    "postgresql");
	assert_string_equal(th_json_text(doc, "/source/table"), "item");
	/* Requests of several keys overtake each other. */
	for (size_t i = 0; i < ROWS; i++)
		last += strcmp(th_json_text(th_json(th_http_request(hook, i)->
		    body), "/source/snapshot"), "last") == 0;
	assert_int_equal(last, 1);
}

static void
each_operation(void **state)
{
	const struct leat_value *doc;
	size_t n = th_http_count(hook);
	const char *id;

	id = th_pg_value(pg, "INSERT INTO item(pad) VALUES ('caf\xc3\xa9') "
	    "RETURNING id");
	th_pg_exec(pg, "UPDATE item SET rev = rev + 1 WHERE id = %s", id);
	th_pg_exec(pg, "DELETE FROM item WHERE id = %s", id);
	assert_true(th_http_wait(hook, n + 3, SOON_MS));
	doc = th_json(th_http_request(hook, n)->body);
	assert_string_equal(th_json_text(doc, "/op"), "c");
	assert_string_equal(th_json_text(doc, "/after/pad"), "caf\xc3\xa9");
	doc = th_json(th_http_request(hook, n + 1)->body);
	assert_string_equal(th_json_text(doc, "/op"), "u");
	assert_int_equal(th_json_int(doc, "/before/rev"), 1);
	assert_int_equal(th_json_int(doc, "/after/rev"), 2);
	doc = th_json(th_http_request(hook, n + 2)->body);
	assert_string_equal(th_json_text(doc, "/op"), "d");
	assert_string_equal(th_json_text(doc, "/after"), "null");
	settle_hook();
	/* The tombstone behind the deletion makes no request. */
	assert_int_equal(th_http_count(hook), n + 3);
}

static void
under_load(void **state)
{
	struct th_proc *load = th_ledger_load(pg, 4, 300, 42);
	size_t n = th_ledger_changes(hooked);

	TH_WAIT((take_requests(), th_ledger_changes(hooked)) > n + 500,
	    SOON_MS);
	th_proc_stop(load, 5000);
	th_proc_free(load);
	settle_hook();
	assert_int_equal(th_ledger_repeats(hooked), 0);
}

static void
topic_has_the_same(void **state)
{
	struct th_ledger *l = th_ledger_new(0);
	struct th_reader *r = th_reader_open(w, TOPIC);

	th_ledger_settle(l, pg, r, SOON_MS);
	assert_int_equal(th_ledger_changes(l), th_ledger_changes(hooked));
	th_reader_close(r);
	th_ledger_free(l);
}

/* Every line of the file, but tombstones, is an event. */
static bool
file_is_complete(void)
{
	struct th_ledger *l = th_ledger_new(0);
	char *text = th_slurp(th_path("out.jsonl"), NULL);
	struct leat_str rest = leat_str_c(text);
	bool same;

	while (rest.len > 0) {
		struct leat_str line = leat_str_cut(&rest, '\n');

		if (line.len > 0 && line.ptr[0] == '{' && rest.ptr != NULL)
			th_ledger_take(l, th_text("%.*s", (int)line.len,
			    line.ptr));
	}
	same = th_ledger_differences(l, pg, false) == 0;
	free(text);
	th_ledger_free(l);
	return same;
}

static void
file_has_the_same(void **state)
{
	TH_WAIT(th_exists(th_path("out.jsonl")) && file_is_complete(),
	    SOON_MS);
}

static const char *
name_of(const char *type)
{
	const struct leat_value *doc =
	    th_json(th_worker_get(w, "/connectors?expand=status"));

	for (uint32_t i = 0; i < doc->len; i++) {
		const struct leat_value *st = &doc->u.items[2 * i + 1];
		const char *name = th_json_text(st, "/status/name");

		if (strncmp(name, "shop", 4) == 0 &&
		    strcmp(th_json_text(st, "/status/type"), type) == 0)
			return name;
	}
	th_fail("no %s", type);
}

static void
paused_and_resumed(void **state)
{
	const char *source = name_of("source"), *sink = name_of("sink");
	int64_t end;
	size_t n;

	th_worker_call(w, "PUT", th_text("/connectors/%s/pause", sink), NULL,
	    NULL);
	TH_WAIT(th_worker_is(w, sink, "PAUSED"), SOON_MS);
	n = th_http_count(hook);
	end = th_worker_topic(w, TOPIC, "stable_offset");
	th_pg_exec(pg, "UPDATE item SET rev = rev + 1 WHERE id <= 10");
	/* The source goes on without its sink. */
	TH_WAIT(th_worker_topic(w, TOPIC, "stable_offset") >= end + 10,
	    SOON_MS);
	assert_int_equal(th_http_count(hook), n);

	th_worker_call(w, "PUT", th_text("/connectors/%s/pause", source), NULL,
	    NULL);
	TH_WAIT(th_worker_is(w, source, "PAUSED"), SOON_MS);
	end = th_worker_topic(w, TOPIC, "stable_offset");
	th_pg_exec(pg, "UPDATE item SET rev = rev + 1 WHERE id <= 10");
	th_worker_call(w, "PUT", th_text("/connectors/%s/resume", sink), NULL,
	    NULL);
	assert_true(th_http_wait(hook, n + 10, SOON_MS));
	assert_int_equal(th_worker_topic(w, TOPIC, "stable_offset"), end);
	th_worker_call(w, "PUT", th_text("/connectors/%s/resume", source),
	    NULL, NULL);
	settle_hook();
}

static void
restart_of_the_worker(void **state)
{
	struct th_proc *load = th_ledger_load(pg, 4, 200, 43);

	for (int i = 0; i < 3; i++) {
		size_t n = th_http_count(hook);

		assert_true(th_http_wait(hook, n + 50, SOON_MS));
		assert_int_equal(th_worker_stop(w), 0);
		take_requests();
		th_worker_resume(w);
	}
	th_proc_stop(load, 5000);
	th_proc_free(load);
	settle_hook();
	/* An orderly end repeats nothing. */
	assert_int_equal(th_ledger_repeats(hooked), 0);
}

static void
restart_of_the_database(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct th_proc *load = th_ledger_load(pg, 2, 200, 44);
		size_t n = th_http_count(hook);

		assert_true(th_http_wait(hook, n + 50, SOON_MS));
		if (i == 0)
			th_pg_stop(pg);
		else
			th_pg_stop_immediate(pg);
		th_proc_stop(load, 5000);
		th_proc_free(load);
		th_pg_resume(pg);
		th_pg_exec(pg, "UPDATE item SET rev = rev + 1 WHERE id <= 10");
		settle_hook();
	}
	TH_WAIT(th_worker_is(w, name_of("source"), "RUNNING"), SOON_MS);
	assert_int_equal(th_ledger_repeats(hooked), 0);
}

/* The slot moves with what is durable, so that the server can free its log. */
static void
slot_moves_on(void **state)
{
	const char *lsn = th_pg_value(pg, "SELECT pg_current_wal_insert_lsn()");

	th_pg_exec(pg, "UPDATE item SET rev = rev + 1 WHERE id = 1");
	settle_hook();
	assert_true(th_pg_wait(pg, "t", SOON_MS, "SELECT confirmed_flush_lsn "
	    "> '%s' FROM pg_replication_slots", lsn));
	/* What is not captured moves it too: no log is held for nothing. */
	th_pg_exec(pg, "CREATE TABLE other(x int); INSERT INTO other "
	    "SELECT generate_series(1, 1000)");
	lsn = th_pg_value(pg, "SELECT pg_current_wal_insert_lsn()");
	assert_true(th_pg_wait(pg, "t", SOON_MS, "SELECT confirmed_flush_lsn "
	    ">= '%s' FROM pg_replication_slots", lsn));
}

static void
ends_in_time_under_load(void **state)
{
	struct th_proc *load = th_ledger_load(pg, 4, 500, 45);
	size_t n = th_http_count(hook);
	int64_t began;

	assert_true(th_http_wait(hook, n + 50, SOON_MS));
	began = th_now_ms();
	assert_int_equal(th_worker_stop(w), 0);
	assert_in_range(th_now_ms() - began, 0, 5000);
	th_proc_stop(load, 5000);
	th_proc_free(load);
	th_worker_resume(w);
	settle_hook();
	assert_int_equal(th_ledger_repeats(hooked), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(snapshot_came),
		cmocka_unit_test(each_operation),
		cmocka_unit_test(under_load),
		cmocka_unit_test(topic_has_the_same),
		cmocka_unit_test(file_has_the_same),
		cmocka_unit_test(paused_and_resumed),
		cmocka_unit_test(restart_of_the_worker),
		cmocka_unit_test(restart_of_the_database),
		cmocka_unit_test(slot_moves_on),
		cmocka_unit_test(ends_in_time_under_load),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
