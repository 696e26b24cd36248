/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of http.h, with libcurl as the client.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <curl/curl.h>

#include "tests/harness/http.h"
#include "tests/harness/proc.h"

static struct th_http *h;

struct got {
	CURLcode rc;
	long status;
	char body[256];
	size_t len;
};

static size_t
keep(char *p, size_t size, size_t n, void *arg)
{
	struct got *got = arg;

	if (n > sizeof(got->body) - 1 - got->len)
		n = sizeof(got->body) - 1 - got->len;
	memcpy(got->body + got->len, p, n);
	got->len += n;
	return n;
}

/* body NULL: GET, else POST. */
static struct got
ask(CURL *c, const char *path, const char *body)
{
	struct got got = { 0 };

	curl_easy_reset(c);
	curl_easy_setopt(c, CURLOPT_URL, th_http_url(h, path));
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, keep);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, &got);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, 10000L);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	if (body != NULL)
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, body);
	got.rc = curl_easy_perform(c);
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &got.status);
	return got;
}

static int
setup(void **state)
{
	h = th_http_start();
	*state = curl_easy_init();
	return 0;
}

static int
teardown(void **state)
{
	curl_easy_cleanup(*state);
	th_http_stop(h);
	return 0;
}

static void
records(void **state)
{
	const struct th_http_request *req;
	struct got got;

	got = ask(*state, "/a/b?c=d%20e", NULL);
	assert_int_equal(got.status, 200);
	assert_int_equal(got.len, 0);
	got = ask(*state, "/post", "some data");
	assert_int_equal(got.status, 200);
	assert_true(th_http_wait(h, 2, 1000));
	assert_true(th_http_wait_answered(h, 2, 1000));
	assert_false(th_http_wait(h, 3, 10));

	req = th_http_request(h, 0);
	assert_string_equal(req->method, "GET");
	assert_string_equal(req->url, "/a/b?c=d%20e");
	assert_string_equal(req->path, "/a/b");
	assert_string_equal(req->query, "c=d%20e");
	assert_int_equal(req->seq, 0);
	req = th_http_request(h, 1);
	assert_string_equal(req->method, "POST");
	assert_string_equal(req->body, "some data");
	assert_int_equal(req->body_len, 9);
	assert_string_equal(th_http_header(req, "content-LENGTH"), "9");
	assert_null(th_http_header(req, "X-None"));
	/* One client, one kept connection. */
	assert_int_equal(req->conn, 1);
	assert_int_equal(th_http_connections(h), 1);
	assert_int_equal(th_http_max_concurrent(h), 1);
	th_http_reset(h);
	assert_int_equal(th_http_count(h), 0);
}

static void
script(void **state)
{
	const char *const headers[] = { "X-A: b", "Retry-After: 3", NULL };
	struct th_http_reply reply = { .status = 429, .headers = headers,
		.body = "later" };
	struct curl_header *hd;
	struct got got;

	th_http_script(h, "POST", "/x*", 2, &reply);
	th_http_answer(h, NULL, "/x", 1, 500, "broken");
	th_http_answer(h, NULL, NULL, 0, 204, NULL);
	assert_int_equal(th_http_unused(h), 3);
	got = ask(*state, "/xyz?q", "");
	assert_int_equal(got.status, 429);
	assert_string_equal(got.body, "later");
	assert_int_equal(curl_easy_header(*state, "retry-after", 0,
	    CURLH_HEADER, -1, &hd), CURLHE_OK);
	assert_string_equal(hd->value, "3");
	assert_int_equal(ask(*state, "/x", NULL).status, 500);
	assert_int_equal(ask(*state, "/x", "").status, 429);
	assert_int_equal(ask(*state, "/x", "").status, 204);
	assert_int_equal(th_http_unused(h), 0);
}

static void
failures(void **state)
{
	struct th_http_reply drop = { .flags = TH_HTTP_DROP };
	struct th_http_reply cut = { .flags = TH_HTTP_TRUNCATE,
		.body = "0123456789" };
	struct th_http_reply late = { .delay_ms = 80 };
	int64_t start;
	struct got got;

	th_http_script(h, NULL, "/drop", 0, &drop);
	th_http_script(h, NULL, "/cut", 0, &cut);
	th_http_script(h, NULL, "/late", 0, &late);
	assert_int_equal(ask(*state, "/drop", "x").rc, CURLE_GOT_NOTHING);
	got = ask(*state, "/cut", NULL);
	assert_int_equal(got.rc, CURLE_PARTIAL_FILE);
	assert_string_equal(got.body, "01234");
	start = th_now_ms();
	assert_int_equal(ask(*state, "/late", NULL).status, 200);
	assert_true(th_now_ms() - start >= 80);

	th_http_down(h);
	assert_int_equal(ask(*state, "/", NULL).rc, CURLE_COULDNT_CONNECT);
	th_http_up(h);
	assert_int_equal(ask(*state, "/", NULL).status, 200);
}

static void
echo(void *arg, const struct th_http_request *req,
    struct th_http_reply *reply)
{
	reply->status = 201;
	reply->body = req->body;
	reply->body_len = req->body_len;
}

static void
handler(void **state)
{
	struct got got;

	th_http_handler(h, echo, NULL);
	got = ask(*state, "/", "to and fro");
	assert_int_equal(got.status, 201);
	assert_string_equal(got.body, "to and fro");
}

static void *
ask_once(void *arg)
{
	CURL *c = curl_easy_init();
	struct got got = ask(c, "/slow", "x");

	curl_easy_cleanup(c);
	return (void *)(intptr_t)got.status;
}

static void
concurrency(void **state)
{
	struct th_http_reply hang = { .flags = TH_HTTP_HANG };
	pthread_t threads[4];
	void *status;
	int i;

	th_http_script(h, NULL, "/slow", 0, &hang);
	for (i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, ask_once, NULL);
	assert_true(th_http_wait(h, 4, 5000));
	assert_int_equal(th_http_max_concurrent(h), 4);
	th_http_down(h);
	for (i = 0; i < 4; i++) {
		pthread_join(threads[i], &status);
		assert_int_equal((intptr_t)status, 0);
	}
	assert_int_equal(th_http_connections(h), 4);
}

static void
large_body(void **state)
{
	size_t n = 3 << 20;
	char *body = malloc(n + 1);

	memset(body, 'a', n);
	body[n] = '\0';
	assert_int_equal(ask(*state, "/", body).status, 200);
	assert_int_equal(th_http_request(h, 0)->body_len, n);
	free(body);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(records),
		TEST(script),
		TEST(failures),
		TEST(handler),
		TEST(concurrency),
		TEST(large_body),
	};
	int rc;

	curl_global_init(CURL_GLOBAL_ALL);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	curl_global_cleanup();
	return rc;
}
