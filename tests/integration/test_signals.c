/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_signals.c: signals through a worker: by REST, by `leat signal`, and by a
 * topic of its broker.
 */
#include "tests/harness/pg.h"
#include "tests/harness/reader.h"
#include "tests/harness/th_worker.h"
#include "tests/integration/clirun.h"

enum { SOON_MS = 30000 };

static struct th_pg *pg;
static struct th_worker *w;
static struct th_reader *reader;

/* The status of a POST, and a text that its answer must have. */
static void
post(const char *name, const char *body, int status, const char *text)
{
	const char *answer = NULL;
	int got = th_worker_call(w, "POST", th_text(
	    "/leat/connectors/%s/signals", name), body, &answer);

	if (got != status || (text != NULL && strstr(answer, text) == NULL))
		th_fail("%d %s, not %d %s", got, answer, status,
		    text == NULL ? "" : text);
}

static bool
said(const char *text)
{
	return th_worker_said(w, text);
}

static void
test_rest(void **state)
{
	post("nobody", "{\"type\":\"log\"}", 404, "nobody not found");
	post("shop", "{", 400, NULL);
	post("shop", "[]", 400, "must be a JSON object");
	post("shop", "{\"data\":{}}", 400, "type is missing");
	post("shop", "{\"type\":5}", 400, "type must be a text");
	post("shop", "{\"type\":\"log\",\"data\":[1]}", 400,
	    "data must be a text");
	post("numbers", "{\"type\":\"log\"}", 409, "takes no signals");
	post("shop", "{\"id\":\"r-1\",\"type\":\"log\",\"data\":{\"message\":"
	    "\"by rest\"}}", 202, NULL);
	TH_WAIT(said("by rest"), SOON_MS);
	post("shop", "{\"type\":\"nonsense\"}", 202, NULL);
	TH_WAIT(said("'nonsense' is not one of"), SOON_MS);
	assert_true(th_worker_is(w, "shop", "RUNNING"));
}

static void
test_not_running(void **state)
{
	assert_int_equal(th_worker_call(w, "PUT", "/connectors/shop/pause",
	    NULL, NULL), 202);
	TH_WAIT(th_worker_is(w, "shop", "PAUSED"), SOON_MS);
	post("shop", "{\"type\":\"pause-snapshot\"}", 409,
	    "takes signals while it runs");
	assert_int_equal(th_worker_call(w, "PUT", "/connectors/shop/resume",
	    NULL, NULL), 202);
	TH_WAIT(th_worker_is(w, "shop", "RUNNING"), SOON_MS);
}

static void
test_command(void **state)
{
	size_t before = th_reader_count(reader);

	leat(OK, "signal shop execute-snapshot "
	    "{\"data-collections\":[\"public.t\"]} -u %s --id c-1",
	    th_worker_url(w));
	th_reader_wait(reader, before + 7, SOON_MS, NULL, NULL);
	TH_WAIT(said("type=COMPLETED aggregate=\"Incremental Snapshot\" "
	    "id=c-1"), SOON_MS);
	assert_non_null(strstr(leat(USAGE, "signal shop"),
	    "needs a connector and a type"));
	leat(NOT_FOUND, "signal nobody log -u %s", th_worker_url(w));
	assert_non_null(strstr(th_worker_get(w, "/metrics"),
	    "leat_postgres_incremental_rows_total{connector=\"shop\","
	    "task=\"0\"} 7"));
}

/* A record of the topic, as any client of Kafka writes it. */
static void
test_topic(void **state)
{
	size_t before = th_reader_count(reader);
	char *words;

	if (th_thread_sanitizer())
		skip();
	th_write_text(th_path("signal.in"), "px~{\"id\":\"k-1\",\"type\":"
	    "\"execute-snapshot\",\"data\":{\"data-collections\":"
	    "[\"public.t\"]}}\n");
	words = strdup(th_text("produce px-signal -K ~ -b %s",
	    th_worker_kafka(w)));
	(void)leat_words(OK, th_path("signal.in"), words);
	free(words);
	th_reader_wait(reader, before + 7, SOON_MS, NULL, NULL);
	TH_WAIT(said("id=k-1"), SOON_MS);
	/* Where it was read to is stored: a restart reads nothing again. */
	TH_WAIT(strstr(th_worker_get(w, "/connectors/shop/offsets"),
	    "\"signal_topic_offset\":1") != NULL, SOON_MS);
}

static int
start(void **state)
{
	pg = th_pg_start(NULL);
	th_pg_exec(pg, "CREATE TABLE t (id int PRIMARY KEY); "
	    "INSERT INTO t SELECT generate_series(1, 7)");
	w = th_worker_start(NULL);
	th_worker_file(w, "shop.yaml", "connector: postgres-source\nurl: %s\n"
	    "tables: [public.t]\ntopic.prefix: px\nsnapshot.mode: no_data\n"
	    "signal.enabled.channels: [kafka, in-process]\n"
	    "signal.poll.interval.ms: 50\n"
	    "notification.enabled.channels: log\n", th_pg_url(pg, NULL));
	th_worker_file(w, "numbers.yaml", "connector: datagen\n"
	    "topic: numbers\nfield.id: sequence\nrate: 1\n");
	TH_WAIT(th_worker_is(w, "shop", "RUNNING") &&
	    th_worker_is(w, "numbers", "RUNNING"), SOON_MS);
	reader = th_reader_open(w, "px.public.t");
	return 0;
}

static int
stop(void **state)
{
	th_reader_close(reader);
	assert_int_equal(th_worker_stop(w), 0);
	th_worker_free(w);
	th_pg_free(pg);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rest),
		cmocka_unit_test(test_not_running),
		cmocka_unit_test(test_command),
		cmocka_unit_test(test_topic),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
