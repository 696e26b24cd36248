/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of the http-source against a real HTTP server.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <leat/connector.h>
#include <leat/fake_host.h>

#include "tests/harness/http.h"
#include "tests/harness/proc.h"

static struct th_http *h;
static struct leat_fake *f;

static int
setup(void **state)
{
	const struct leat_plugin *p = leat_plugin();
	uint32_t i = 0;

	while (strcmp(p->connectors[i]->name, "http-source") != 0)
		i++;
	h = th_http_start();
	f = leat_fake_new(p->connectors[i]);
	leat_fake_set(f, "url", th_http_url(h, "/data"));
	leat_fake_set(f, "topic", "t");
	leat_fake_set(f, "poll.interval.ms", "10");
	leat_fake_set(f, "retry.backoff.ms", "5");
	leat_fake_set(f, "retry.backoff.max.ms", "10");
	return 0;
}

static int
teardown(void **state)
{
	leat_fake_free(f);
	th_http_stop(h);
	return 0;
}

static void
must_open(void)
{
	if (leat_fake_open(f) != 0)
		fail_msg("%s", leat_fake_err(f)->text);
}

static void
run(size_t n)
{
	int rc = leat_fake_run(f, n, 10000);

	if (rc != 0)
		fail_msg("%zu records, not %zu (%d): %s", leat_fake_count(f),
		    n, rc, leat_fake_err(f)->text);
}

/* Goes on until the server has been asked n times, and answered. */
static void
run_requests(size_t n)
{
	int64_t end = th_now_ms() + 10000;

	while (th_http_count(h) < n && th_now_ms() < end) {
		if (leat_fake_poll(f) < 0)
			fail_msg("%s", leat_fake_err(f)->text);
		leat_fake_wait(f);
	}
	assert_true(th_http_count(h) >= n);
}

/* Runs until poll() fails. */
static const struct leat_err *
run_to_error(void)
{
	int64_t end = th_now_ms() + 10000;

	while (th_now_ms() < end && leat_fake_poll(f) >= 0)
		leat_fake_wait(f);
	return leat_fake_err(f);
}

static void
restart(void)
{
	assert_int_equal(leat_fake_durable(f), 0);
	leat_fake_close(f);
	leat_fake_clear(f);
	must_open();
}

static const char *
url(size_t i)
{
	return th_http_request(h, i)->url;
}

static const char *
header(size_t i, const char *name)
{
	return th_http_header(th_http_request(h, i), name);
}

static void
test_array(void **state)
{
	th_http_answer(h, NULL, NULL, 1, 200,
	    "{\"data\":{\"items\":[{\"id\":1,\"at\":\"2024-01-01T00:00:00Z\"},"
	    "{\"id\":2,\"at\":\"nonsense\"}]}}");
	leat_fake_set(f, "records.pointer", "/data/items");
	leat_fake_set(f, "key.pointer", "/id");
	leat_fake_set(f, "timestamp.pointer", "/at");
	leat_fake_set(f, "header.X-Api", "k");
	leat_fake_set(f, "token", "tok");
	must_open();
	run(2);
	assert_string_equal(leat_fake_json(f, 0),
	    "{\"topic\":\"t\",\"timestamp\":1704067200000,\"key\":1,"
	    "\"value\":{\"id\":1,\"at\":\"2024-01-01T00:00:00Z\"}}");
	assert_string_equal(leat_fake_key(f, 1), "2");
	assert_int_equal(leat_fake_record(f, 1)->timestamp_ms,
	    LEAT_TIMESTAMP_NONE);
	assert_string_equal(th_http_request(h, 0)->method, "GET");
	assert_string_equal(header(0, "X-Api"), "k");
	assert_string_equal(header(0, "Authorization"), "Bearer tok");
	assert_non_null(strstr(header(0, "Accept-Encoding"), "gzip"));
}

static void
test_forms(void **state)
{
	static const char *const nd[] = {
		"Content-Type: application/x-ndjson", NULL
	};
	struct th_http_reply ndjson = { .headers = nd,
		.body = "{\"a\":1}\n\n{\"a\":2}\r\n3" };

	th_http_answer(h, NULL, NULL, 1, 200, "{\"one\":\"object\"}");
	th_http_answer(h, NULL, NULL, 1, 204, NULL);
	th_http_answer(h, NULL, NULL, 1, 200, "[]");
	th_http_script(h, NULL, NULL, 1, &ndjson);
	must_open();
	run(4);
	assert_string_equal(leat_fake_value(f, 0), "{\"one\":\"object\"}");
	assert_string_equal(leat_fake_value(f, 1), "{\"a\":1}");
	assert_string_equal(leat_fake_value(f, 3), "3");
}

static void
test_post(void **state)
{
	th_http_answer(h, NULL, NULL, 0, 200, "[{\"id\":5}]");
	leat_fake_set(f, "method", "POST");
	leat_fake_set(f, "body", "{\"after\":\"${cursor}\"}");
	leat_fake_set(f, "cursor.pointer", "/id");
	must_open();
	run(1);
	run_requests(2);
	assert_string_equal(th_http_request(h, 0)->method, "POST");
	assert_string_equal(th_http_request(h, 0)->body, "{\"after\":\"\"}");
	assert_string_equal(th_http_request(h, 1)->body,
	    "{\"after\":\"5\"}");
	assert_string_equal(url(1), "/data");
}

/* ----------------------------------------------------------------- cursors */

/*
 * A list that only grows: ?since=n gives at most 3 items from n on (inclusive),
 * or behind n with &x=1.
 */
struct list {
	int size;
	char bodies[64][256];
	unsigned calls;
};

static void
serve_list(void *arg, const struct th_http_request *q,
    struct th_http_reply *reply)
{
	struct list *l = arg;
	char *to = l->bodies[l->calls++ % 64];
	const char *since = strstr(q->query, "since=");
	int from = 0, n = 0, i;
	size_t at;

	for (since = since ? since + 6 : ""; *since >= '0' && *since <= '9';
	     since++)
		from = from * 10 + (*since - '0');
	if (strstr(q->query, "x=1") != NULL)
		from++;
	if (from == 0)
		from = 1;
	at = (size_t)snprintf(to, 256, "{\"items\":[");
	for (i = from; i <= l->size && n < 3; i++, n++)
		at += (size_t)snprintf(to + at, 256 - at, "%s{\"id\":%d}",
		    n > 0 ? "," : "", i);
	snprintf(to + at, 256 - at, "]}");
	reply->body = to;
}

static void
check_ids(int from, int n)
{
	char want[32];
	int i;

	assert_int_equal(leat_fake_count(f), n);
	for (i = 0; i < n; i++) {
		snprintf(want, sizeof(want), "{\"id\":%d}", from + i);
		assert_string_equal(leat_fake_value(f, (size_t)i), want);
	}
}

static void
record_cursor(const char *path)
{
	struct list l = { .size = 7 };
	size_t n;

	th_http_handler(h, serve_list, &l);
	/* As long as the cursor moves on nothing waits for this. */
	leat_fake_set(f, "poll.interval.ms", "50");
	leat_fake_set(f, "url", th_http_url(h, path));
	leat_fake_set(f, "records.pointer", "/items");
	leat_fake_set(f, "cursor.pointer", "/id");
	leat_fake_set(f, "cursor.param", "since");
	must_open();
	run(7);
	n = th_http_count(h);
	run_requests(n + 3);
	check_ids(1, 7);
	restart();
	run_requests(th_http_count(h) + 2);
	assert_int_equal(leat_fake_count(f), 0);
	l.size = 12;
	run(5);
	check_ids(8, 5);
	th_http_handler(h, NULL, NULL);
}

static void
test_cursor_exclusive(void **state)
{
	record_cursor("/list?x=1");
	assert_string_equal(url(0), "/list?x=1");
	assert_string_equal(url(1), "/list?x=1&since=3");
}

/* Servers that send the record of the cursor again: it is passed over. */
static void
test_cursor_inclusive(void **state)
{
	record_cursor("/list");
	assert_string_equal(url(1), "/list?since=3");
}

static void
test_cursor_initial(void **state)
{
	struct list l = { .size = 7 };

	th_http_handler(h, serve_list, &l);
	leat_fake_set(f, "url", th_http_url(h, "/list?since=${cursor}"));
	leat_fake_set(f, "records.pointer", "/items");
	leat_fake_set(f, "cursor.pointer", "/id");
	leat_fake_set(f, "cursor.initial", "6");
	must_open();
	run(2);
	check_ids(6, 2);
	assert_string_equal(url(0), "/list?since=6");
	leat_fake_close(f);
}

static void
test_cursor_max(void **state)
{
	th_http_answer(h, NULL, NULL, 0, 200,
	    "[{\"id\":9},{\"id\":10},{\"id\":3}]");
	leat_fake_set(f, "cursor.pointer", "/id");
	leat_fake_set(f, "cursor.param", "after");
	leat_fake_set(f, "cursor.select", "max");
	must_open();
	run(3);
	run_requests(2);
	assert_string_equal(url(1), "/data?after=10");
}

static void
test_cursor_response(void **state)
{
	th_http_answer(h, NULL, NULL, 1, 200,
	    "{\"items\":[1,2],\"next\":\"a b\"}");
	th_http_answer(h, NULL, NULL, 1, 200,
	    "{\"items\":[3],\"next\":\"c\"}");
	th_http_answer(h, NULL, NULL, 0, 200, "{\"items\":[4],\"next\":null}");
	leat_fake_set(f, "records.pointer", "/items");
	leat_fake_set(f, "pagination", "cursor");
	leat_fake_set(f, "cursor.response.pointer", "/next");
	leat_fake_set(f, "cursor.param", "token");
	must_open();
	run(4);
	assert_string_equal(url(1), "/data?token=a%20b");
	assert_string_equal(url(2), "/data?token=c");
	/* The last page again: nothing new on it. */
	run_requests(5);
	assert_string_equal(url(4), "/data?token=c");
	assert_int_equal(leat_fake_count(f), 4);
	restart();
	run_requests(th_http_count(h) + 2);
	assert_int_equal(leat_fake_count(f), 0);
}

static void
test_cursor_header(void **state)
{
	static const char *const headers[] = { "X-Next: 42", NULL };
	static const struct th_http_reply reply = { .headers = headers,
		.body = "[1]" };

	th_http_script(h, NULL, NULL, 1, &reply);
	th_http_answer(h, NULL, NULL, 0, 200, "[]");
	leat_fake_set(f, "cursor.header", "X-Next");
	leat_fake_set(f, "cursor.param", "from");
	must_open();
	run(1);
	run_requests(3);
	assert_string_equal(url(2), "/data?from=42");
}

/* ------------------------------------------------------------------- pages */

static void
test_pages(void **state)
{
	th_http_answer(h, NULL, NULL, 1, 200, "[1,2]");
	th_http_answer(h, NULL, NULL, 1, 200, "[3]");
	th_http_answer(h, NULL, NULL, 1, 200, "[3]");
	th_http_answer(h, NULL, NULL, 1, 200, "[3,4]");
	th_http_answer(h, NULL, NULL, 0, 200, "[]");
	leat_fake_set(f, "pagination", "page");
	leat_fake_set(f, "page.size", "2");
	leat_fake_set(f, "limit.param", "per_page");
	must_open();
	run(4);
	assert_string_equal(url(0), "/data?page=1&per_page=2");
	assert_string_equal(url(1), "/data?page=2&per_page=2");
	assert_string_equal(url(3), "/data?page=2&per_page=2");
	assert_string_equal(leat_fake_value(f, 3), "4");
	run_requests(5);
	assert_string_equal(url(4), "/data?page=3&per_page=2");
}

static void
test_offset_pages(void **state)
{
	th_http_answer(h, NULL, NULL, 1, 200, "[1,2]");
	th_http_answer(h, NULL, NULL, 1, 200, "[3]");
	th_http_answer(h, NULL, NULL, 0, 200, "[]");
	leat_fake_set(f, "pagination", "offset");
	leat_fake_set(f, "url", th_http_url(h, "/d?o=${offset}"));
	must_open();
	run(3);
	run_requests(3);
	assert_string_equal(url(0), "/d?o=0");
	assert_string_equal(url(1), "/d?o=2");
	assert_string_equal(url(2), "/d?o=3");
}

static void
test_links(void **state)
{
	static const char *const next[] = {
		"Link: </data?p=2>; rel=\"next\", </data>; rel=first", NULL
	};
	static const struct th_http_reply first = { .headers = next,
		.body = "[1]" };

	th_http_script(h, NULL, "/data", 1, &first);
	th_http_answer(h, NULL, NULL, 0, 200, "[2]");
	leat_fake_set(f, "pagination", "link");
	must_open();
	run(2);
	assert_string_equal(url(1), "/data?p=2");
	run_requests(4);
	assert_string_equal(url(3), "/data?p=2");
	assert_int_equal(leat_fake_count(f), 2);
}

static void
test_foreign_link(void **state)
{
	static const char *const next[] = {
		"Link: <http://127.0.0.2:1/x>; rel=next", NULL
	};
	static const struct th_http_reply first = { .headers = next,
		.body = "[1]" };

	th_http_script(h, NULL, NULL, 1, &first);
	leat_fake_set(f, "pagination", "link");
	must_open();
	assert_int_equal(run_to_error()->cls, LEAT_CLS_CONFIG);
	assert_non_null(strstr(leat_fake_err(f)->text, "another server"));
}

static void
test_restart_pages(void **state)
{
	th_http_answer(h, NULL, NULL, 1, 200, "[1,2]");
	th_http_answer(h, NULL, NULL, 1, 200, "[3]");
	th_http_answer(h, NULL, NULL, 0, 200, "[7,8]");
	leat_fake_set(f, "pagination", "page");
	leat_fake_set(f, "page.size", "2");
	leat_fake_set(f, "pagination.restart", "true");
	must_open();
	run(5);
	assert_string_equal(url(2), "/data?page=1");
	assert_string_equal(leat_fake_value(f, 3), "7");
}

/* ---------------------------------------------------------------- resuming */

static void
test_resume_within(void **state)
{
	th_http_answer(h, NULL, NULL, 2, 200, "[1,2,3,4,5,6,7]");
	th_http_answer(h, NULL, NULL, 0, 200, "[9,2,3,4,5,6,7]");
	leat_fake_batch_limits(f, 3, 1 << 20);
	must_open();
	run(3);
	assert_int_equal(leat_fake_count(f), 3);
	restart();
	run(3);
	assert_string_equal(leat_fake_value(f, 0), "4");
	/* Another response: from its start. */
	restart();
	run(3);
	assert_string_equal(leat_fake_value(f, 0), "9");
	assert_int_equal(leat_fake_logged(f, "response changed"), 1);
}

static void
test_conditional(void **state)
{
	static const char *const tag[] = { "ETag: \"v1\"",
		"Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT", NULL };
	static const struct th_http_reply first = { .headers = tag,
		.body = "[1]" };

	th_http_script(h, NULL, NULL, 1, &first);
	th_http_answer(h, NULL, NULL, 2, 304, NULL);
	th_http_answer(h, NULL, NULL, 0, 200, "[2]");
	must_open();
	run(1);
	run_requests(2);
	assert_null(header(0, "If-None-Match"));
	assert_string_equal(header(1, "If-None-Match"), "\"v1\"");
	assert_non_null(header(1, "If-Modified-Since"));
	restart();
	run(1);
	assert_string_equal(header(2, "If-None-Match"), "\"v1\"");
	assert_string_equal(leat_fake_value(f, 0), "2");
}

static void
test_unchanged(void **state)
{
	th_http_answer(h, NULL, NULL, 3, 200, "{\"t\":20}");
	th_http_answer(h, NULL, NULL, 0, 200, "{\"t\":21}");
	leat_fake_set(f, "skip.unchanged", "true");
	must_open();
	run(2);
	assert_string_equal(leat_fake_value(f, 1), "{\"t\":21}");
	run_requests(6);
	assert_int_equal(leat_fake_count(f), 2);
}

/* ------------------------------------------------------------------ errors */

static void
test_retries(void **state)
{
	static const struct th_http_reply drop = { .flags = TH_HTTP_DROP };
	static const struct th_http_reply cut = { .body = "[1,2,3]",
		.flags = TH_HTTP_TRUNCATE };

	th_http_answer(h, NULL, NULL, 1, 503, "later");
	th_http_script(h, NULL, NULL, 1, &drop);
	th_http_script(h, NULL, NULL, 1, &cut);
	th_http_answer(h, NULL, NULL, 1, 200, "<html>");
	th_http_answer(h, NULL, NULL, 1, 200, "[1]");
	must_open();
	run(1);
	/* The drop, on a kept connection, libcurl mends by itself. */
	assert_int_equal(leat_fake_metric(f, "http_source_retries_total"), 3);
	assert_int_equal(th_http_count(h), 5);
}

static void
test_retry_after_header(void **state)
{
	static const char *const headers[] = { "Retry-After: 1", NULL };
	static const struct th_http_reply reply = { .status = 429,
		.headers = headers };
	int64_t start = th_now_ms();

	th_http_script(h, NULL, NULL, 1, &reply);
	th_http_answer(h, NULL, NULL, 1, 200, "[1]");
	must_open();
	run(1);
	assert_true(th_now_ms() - start >= 1000);
}

static void
test_failures(void **state)
{
	leat_fake_set(f, "max.retries", "1");
	th_http_answer(h, NULL, NULL, 2, 500, "oops");
	must_open();
	assert_int_equal(run_to_error()->cls, LEAT_CLS_RETRY);
	assert_non_null(strstr(leat_fake_err(f)->text, "status 500: oops"));
	leat_fake_close(f);
	th_http_answer(h, NULL, NULL, 1, 401, NULL);
	must_open();
	assert_int_equal(run_to_error()->cls, LEAT_CLS_CONFIG);
	assert_non_null(strstr(leat_fake_err(f)->text, "credentials"));
	leat_fake_close(f);
	th_http_answer(h, NULL, NULL, 1, 200, "{}");
	leat_fake_set(f, "records.pointer", "/items");
	must_open();
	assert_int_equal(run_to_error()->cls, LEAT_CLS_CONFIG);
	assert_non_null(strstr(leat_fake_err(f)->text, "nothing at '/items'"));
	leat_fake_close(f);
	th_http_answer(h, NULL, NULL, 1, 200, "[1,2,3,4,5,6]");
	leat_fake_set(f, "max.response.bytes", "5");
	must_open();
	assert_int_equal(run_to_error()->cls, LEAT_CLS_CONFIG);
	assert_non_null(strstr(leat_fake_err(f)->text, "max.response.bytes"));
}

static void
test_timeout(void **state)
{
	static const struct th_http_reply slow = { .delay_ms = 3000,
		.body = "[0]" };

	th_http_script(h, NULL, NULL, 1, &slow);
	th_http_answer(h, NULL, NULL, 1, 200, "[1]");
	leat_fake_set(f, "request.timeout.ms", "100");
	must_open();
	run(1);
	assert_string_equal(leat_fake_value(f, 0), "1");
}

/* poll() returns at once while a request is under way. */
static void
test_never_blocks(void **state)
{
	static const struct th_http_reply slow = { .delay_ms = 1000,
		.body = "[0]" };
	int64_t start = th_now_ms();

	th_http_script(h, NULL, NULL, 1, &slow);
	must_open();
	assert_int_equal(leat_fake_poll(f), 0);
	assert_int_equal(leat_fake_poll(f), 0);
	assert_true(th_now_ms() - start < 900);
	run(1);
}

static void
refused(const char *key, const char *value, const char *text)
{
	leat_fake_set(f, key, value);
	assert_int_equal(leat_fake_validate(f), LEAT_E_CONFIG);
	if (strstr(leat_fake_err(f)->text, text) == NULL)
		fail_msg("'%s' is not in: %s", text, leat_fake_err(f)->text);
	leat_fake_set(f, key, NULL);
}

static void
test_validation(void **state)
{
	refused("records.pointer", "items", "not a JSON pointer");
	refused("pagination", "page", "page.size: required");
	refused("pagination", "cursor", "cursor needs");
	refused("cursor.pointer", "/id", "nowhere in the requests");
	refused("cursor.param", "a&b", "not the name of a query parameter");
	leat_fake_set(f, "cursor.param", "c");
	leat_fake_set(f, "cursor.header", "X");
	refused("cursor.pointer", "/id", "only one of");
	leat_fake_set_offset(f, th_text("{\"url\":\"%s\"}",
	    th_http_url(h, "/data")), "{\"page\":\"x\"}");
	assert_true(leat_fake_open(f) < 0);
	assert_non_null(strstr(leat_fake_err(f)->text, "not one of ours"));
}

static void
test_memory(void **state)
{
	uint32_t n;

	th_http_answer(h, NULL, NULL, 0, 200,
	    "[{\"id\":1},{\"id\":2},{\"id\":3}]");
	leat_fake_set(f, "cursor.pointer", "/id");
	leat_fake_set(f, "cursor.param", "since");
	for (n = 1; n < 8; n++) {
		int64_t end = th_now_ms() + 5000;
		int rc = 0;

		must_open();
		leat_fake_fail_at(f, n);
		while (rc == 0 && leat_fake_count(f) == 0 &&
		    th_now_ms() < end) {
			rc = leat_fake_poll(f);
			leat_fake_wait(f);
		}
		leat_fake_fail_at(f, 0);
		leat_fake_close(f);
		leat_fake_clear(f);
		must_open();
		run(3);
		leat_fake_close(f);
		leat_fake_clear(f);
	}
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		T(test_array),
		T(test_forms),
		T(test_post),
		T(test_cursor_exclusive),
		T(test_cursor_inclusive),
		T(test_cursor_initial),
		T(test_cursor_max),
		T(test_cursor_response),
		T(test_cursor_header),
		T(test_pages),
		T(test_offset_pages),
		T(test_links),
		T(test_foreign_link),
		T(test_restart_pages),
		T(test_resume_within),
		T(test_conditional),
		T(test_unchanged),
		T(test_retries),
		T(test_retry_after_header),
		T(test_failures),
		T(test_timeout),
		T(test_never_blocks),
		T(test_validation),
		T(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
