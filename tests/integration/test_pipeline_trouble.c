/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sink in trouble: it answers 500, then nobody is there, then it is slow, or
 * it does not want some records. The source goes on, memory stays bounded, and
 * what could not be delivered is kept.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/harness/http.h"
#include "tests/harness/jsonq.h"
#include "tests/harness/ledger.h"
#include "tests/harness/pg.h"
#include "tests/harness/proc.h"
#include "tests/harness/reader.h"
#include "tests/harness/th_worker.h"

enum { SOON_MS = 15000, ROWS = 20, MEMORY_MIB = 8 };

#define TOPIC "shop.public.item"

static struct th_pg *pg;
static struct th_http *hook;
static struct th_worker *w;

static void
start_worker(const char *name, const char *sink_more)
{
	const char *settings[] = { th_text("memory.max.bytes: %dMiB",
	    MEMORY_MIB), NULL };
	struct th_worker_opts o = { .name = name, .settings = settings };

	pg = th_pg_start(&(struct th_pg_opts){ .name = th_text("pg-%s",
	    name) });
	th_ledger_tables(pg, ROWS);
	hook = th_http_start();
	w = th_worker_start(&o);
	th_worker_file(w, "shop.yaml", "source:\n"
	    "  connector: postgres-source\n  url: %s\n"
	    "  tables: [public.item]\n"
	    "sink:\n  connector: http-sink\n  name: hook\n  url: %s\n"
	    "  retry.backoff.ms: 20ms\n  retry.backoff.max.ms: 100ms\n%s",
	    th_pg_url(pg, NULL), th_http_url(hook, "/hook"), sink_more);
}

static void
end_worker(void)
{
	assert_int_equal(th_worker_stop(w), 0);
	th_worker_free(w);
	th_http_stop(hook);
	th_pg_free(pg);
}

static bool
topic_complete(struct th_ledger *l, struct th_reader *r)
{
	th_reader_read(r, th_ledger_record, l);
	return th_ledger_differences(l, pg, false) == 0;
}

/* Requests that were answered with 200, from the i-th on, into the ledger. */
static void
take_from(struct th_ledger *l, size_t *i)
{
	size_t n = th_http_count(hook);

	for (; *i < n; (*i)++)
		th_ledger_take(l, th_http_request(hook, *i)->body);
}

static void
change(int rows)
{
	th_pg_exec(pg, "UPDATE item SET rev = rev + 1 WHERE id <= %d", rows);
}

/* ------------------------------------------------------------------ tests */

static void
sink_is_down_for_a_while(void **state)
{
	struct th_ledger *topic = th_ledger_new(0);
	struct th_ledger *got = th_ledger_new(0);
	struct th_reader *r;
	size_t i = 0;

	start_worker("down", "  max.retries: 3\n");
	r = th_reader_open(w, TOPIC);
	TH_WAIT((take_from(got, &i), th_ledger_differences(got, pg, false)) ==
	    0, SOON_MS);

	/* Errors of the server: the source goes on meanwhile. */
	th_http_answer(hook, NULL, NULL, 0, 500, "no");
	change(ROWS);
	TH_WAIT(topic_complete(topic, r), SOON_MS);
	TH_WAIT(th_http_count(hook) > i + 5, SOON_MS);
	/* Nobody listens. */
	th_http_down(hook);
	change(ROWS);
	TH_WAIT(topic_complete(topic, r), SOON_MS);
	assert_true(th_worker_is(w, "shop-source", "RUNNING"));
	/* It says why, while it waits. */
	TH_WAIT(th_worker_said(w, "Failed to connect"), SOON_MS);

	th_http_reset(hook);
	th_http_up(hook);
	i = 0;
	TH_WAIT((take_from(got, &i), th_ledger_differences(got, pg, false)) ==
	    0, SOON_MS);
	TH_WAIT(th_worker_is(w, "hook", "RUNNING"), SOON_MS);
	assert_int_equal(th_ledger_repeats(got), 0);
	th_reader_close(r);
	th_ledger_free(topic);
	th_ledger_free(got);
	end_worker();
}

/* ----------------------------------------------------------- dead letters */

struct dead {
	int n;
	const char *value;
};

static const char *
must(const struct th_record *rec, const char *name)
{
	const char *v = th_record_header(rec, name);

	if (v == NULL)
		th_fail("no header %s in %s", name,
		    th_json_text(rec->headers, ""));
	return v;
}

static void
check_dead(void *arg, const struct th_record *rec)
{
	struct dead *d = arg;

	assert_string_equal(must(rec, "__connect.errors.topic"), TOPIC);
	assert_string_equal(must(rec, "__connect.errors.partition"), "0");
	assert_true(strlen(must(rec, "__connect.errors.offset")) > 0);
	assert_string_equal(must(rec, "__connect.errors.connector.name"),
	    "hook");
	assert_string_equal(must(rec, "__connect.errors.task.id"), "0");
	assert_string_equal(must(rec, "__connect.errors.stage"), "TASK_PUT");
	must(rec, "__connect.errors.class.name");
	must(rec, "__connect.errors.exception.class.name");
	assert_non_null(strstr(must(rec,
	    "__connect.errors.exception.message"), "400"));
	must(rec, "__connect.errors.exception.stacktrace");
	assert_non_null(rec->key);
	d->value = th_text("%s", rec->value);
	d->n++;
}

static void
on_hook(void *arg, const struct th_http_request *rq,
    struct th_http_reply *reply)
{
	bool bad = strstr(rq->body, "poison") != NULL;

	reply->status = bad ? 400 : 200;
	reply->body = bad ? "I do not like it" : NULL;
}

static void
dead_letters(void **state)
{
	struct th_reader *r;
	struct dead d = { 0, "" };
	size_t n;

	start_worker("dead", "");
	th_http_handler(hook, on_hook, NULL);
	assert_true(th_http_wait(hook, ROWS, SOON_MS));
	n = th_http_count(hook);
	th_pg_exec(pg, "INSERT INTO item(pad) VALUES ('one'), ('poison'), "
	    "('two'), ('poison'), ('three')");
	assert_true(th_http_wait_answered(hook, n + 5, SOON_MS));
	r = th_reader_open(w, "hook.dlq");
	th_reader_wait(r, 2, SOON_MS, check_dead, &d);
	assert_int_equal(d.n, 2);
	assert_non_null(strstr(d.value, "poison"));
	assert_true(th_worker_is(w, "hook", "RUNNING"));
	/* Neither tried again, nor after a restart. */
	assert_int_equal(th_worker_stop(w), 0);
	th_worker_resume(w);
	th_pg_exec(pg, "INSERT INTO item(pad) VALUES ('four')");
	assert_true(th_http_wait(hook, n + 6, SOON_MS));
	assert_non_null(strstr(th_http_request(hook, n + 5)->body, "four"));
	assert_int_equal(th_reader_read(r, check_dead, &d), 0);
	th_reader_close(r);
	end_worker();
}

static void
tolerance_none_stops_the_task(void **state)
{
	const struct leat_value *doc;
	size_t n;

	start_worker("none", "  errors.tolerance: none\n");
	th_http_handler(hook, on_hook, NULL);
	assert_true(th_http_wait(hook, ROWS, SOON_MS));
	n = th_http_count(hook);
	th_pg_exec(pg, "INSERT INTO item(pad) VALUES ('poison')");
	TH_WAIT(strstr(th_worker_get(w, "/connectors/hook/status"),
	    "FAILED") != NULL, SOON_MS);
	doc = th_json(th_worker_get(w, "/connectors/hook/status"));
	assert_non_null(strstr(th_json_text(doc, "/tasks/0/trace"), "400"));
	/* A human decides: letters are on again, and it goes on from there. */
	th_worker_file(w, "shop.yaml", "source:\n"
	    "  connector: postgres-source\n  url: %s\n"
	    "  tables: [public.item]\n"
	    "sink:\n  connector: http-sink\n  name: hook\n  url: %s\n",
	    th_pg_url(pg, NULL), th_http_url(hook, "/hook"));
	th_pg_exec(pg, "INSERT INTO item(pad) VALUES ('after')");
	assert_true(th_http_wait(hook, n + 3, SOON_MS));
	TH_WAIT(th_worker_topic(w, "hook.dlq", "stable_offset") >= 1, SOON_MS);
	end_worker();
}

/* ----------------------------------------------------------- back-pressure */

static void
slow_hook(void *arg, const struct th_http_request *rq,
    struct th_http_reply *reply)
{
	reply->delay_ms = 100;
}

/* 40 MB wait behind a slow sink; memory holds a part of them only. */
static void
memory_is_bounded(void **state)
{
	struct th_ledger *l = th_ledger_new(0);
	struct th_reader *r;
	int64_t before, peak;

	start_worker("slow", "");
	th_http_handler(hook, slow_hook, NULL);
	assert_true(th_http_wait(hook, 5, SOON_MS));
	before = th_rss_kb(th_worker_pid(w));
	th_pg_exec(pg, "INSERT INTO item(pad) SELECT repeat(md5(i::text), "
	    "250) FROM generate_series(1, 5000) i");
	th_pg_exec(pg, "INSERT INTO item(pad) VALUES (repeat('x', 900000))");
	r = th_reader_open(w, TOPIC);
	TH_WAIT(topic_complete(l, r), 3 * SOON_MS);
	peak = th_rss_peak_kb(th_worker_pid(w));
	/* A sanitizer keeps what was freed. */
	if (th_slowness() == 1 && peak - before > (MEMORY_MIB + 24) * 1024)
		th_fail("from %lld kB to %lld kB", (long long)before,
		    (long long)peak);
	th_reader_close(r);
	th_ledger_free(l);
	end_worker();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sink_is_down_for_a_while),
		cmocka_unit_test(dead_letters),
		cmocka_unit_test(tolerance_none_stops_the_task),
		cmocka_unit_test(memory_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
