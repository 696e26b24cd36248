/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of both connectors over TLS, and of the sink through libcurl's own
 * HTTP (http.version: 2, which falls back to 1.1 here).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <leat/connector.h>
#include <leat/fake_host.h>

#include "tests/harness/http.h"
#include "tests/harness/proc.h"

static struct th_http *h;
static struct leat_fake *f;
static const char *cert_file;
static char *cert, *key;

static int
make_certificate(void **state)
{
	const char *key_file = th_path("key.pem");
	size_t len;

	cert_file = th_path("cert.pem");
	assert_int_equal(th_run(NULL, "openssl", "req", "-x509", "-newkey",
			     "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
			     "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
			     "-addext", "subjectAltName=IP:127.0.0.1",
			     "-keyout", key_file, "-out", cert_file, NULL),
	    0);
	cert = th_slurp(cert_file, &len);
	key = th_slurp(key_file, &len);
	return 0;
}

static int
drop_certificate(void **state)
{
	free(cert);
	free(key);
	return 0;
}

static struct leat_fake *
fake(const char *name)
{
	const struct leat_plugin *p = leat_plugin();
	uint32_t i = 0;

	while (strcmp(p->connectors[i]->name, name) != 0)
		i++;
	return leat_fake_new(p->connectors[i]);
}

static int
setup(void **state)
{
	h = th_http_start_tls(cert, key);
	f = fake("http-sink");
	leat_fake_set(f, "url", th_http_url(h, "/hook/${key}"));
	leat_fake_set(f, "tls.ca.file", cert_file);
	leat_fake_set(f, "retry.backoff.ms", "5");
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
put(const char *k, const char *value)
{
	if (leat_fake_put_json(f, "t", k, value) != 0)
		fail_msg("%s", leat_fake_err(f)->text);
}

static void
must_open(void)
{
	if (leat_fake_open(f) != 0)
		fail_msg("%s", leat_fake_err(f)->text);
}

static void
test_sink(void **state)
{
	static const struct th_http_reply drop = { .flags = TH_HTTP_DROP };
	enum { BIG = 3000000 };
	char *big = malloc(BIG + 3);

	memset(big, 'x', BIG + 2);
	big[0] = big[BIG + 1] = '"';
	big[BIG + 2] = '\0';
	assert_memory_equal(th_http_url(h, "/"), "https://", 8);
	must_open();
	put("1", "1");
	put("2", "2");
	assert_int_equal(th_http_connections(h), 1);
	assert_string_equal(th_http_request(h, 1)->url, "/hook/2");
	th_http_script(h, NULL, NULL, 1, &drop);
	put("3", "3");
	put("4", big);
	assert_int_equal(th_http_count(h), 5);
	assert_int_equal(th_http_request(h, 4)->body_len, BIG);
	free(big);
}

static void
test_untrusted(void **state)
{
	leat_fake_set(f, "tls.ca.file", NULL);
	leat_fake_set(f, "max.retries", "0");
	must_open();
	assert_true(leat_fake_put_json(f, "t", "1", "1") < 0);
	assert_non_null(strstr(leat_fake_err(f)->text, "tls.ca.file"));
	assert_int_equal(leat_fake_err(f)->cls, LEAT_CLS_RETRY);
	leat_fake_close(f);
	leat_fake_set(f, "tls.verify", "false");
	must_open();
	put("1", "1");
	leat_fake_close(f);
	leat_fake_set(f, "tls.ca.file", th_path("nothing.pem"));
	assert_true(leat_fake_open(f) < 0);
	assert_int_equal(leat_fake_err(f)->cls, LEAT_CLS_CONFIG);
	assert_non_null(strstr(leat_fake_err(f)->text, "tls.ca.file: cannot"));
}

static void
test_source(void **state)
{
	struct leat_fake *s = fake("http-source");

	th_http_answer(h, NULL, NULL, 0, 200, "[1,2]");
	leat_fake_set(s, "url", th_http_url(h, "/"));
	leat_fake_set(s, "topic", "t");
	leat_fake_set(s, "tls.ca.file", cert_file);
	assert_int_equal(leat_fake_open(s), 0);
	assert_int_equal(leat_fake_run(s, 2, 5000), 0);
	leat_fake_free(s);
}

static void
test_libcurl(void **state)
{
	static const char *const headers[] = { "Retry-After: 1", NULL };
	static const struct th_http_reply later = { .status = 429,
		.headers = headers };
	static const struct th_http_reply drop = { .flags = TH_HTTP_DROP };
	int64_t start;

	leat_fake_set(f, "http.version", "2");
	leat_fake_set(f, "behavior.on.null.values", "delete");
	leat_fake_set(f, "header.X-A", "b");
	must_open();
	put("1", "{\"a\":1}");
	assert_string_equal(th_http_request(h, 0)->url, "/hook/1");
	assert_string_equal(th_http_request(h, 0)->body, "{\"a\":1}");
	assert_string_equal(th_http_header(th_http_request(h, 0), "X-A"), "b");
	assert_string_equal(th_http_header(th_http_request(h, 0),
				"Idempotency-Key"),
	    "t-0-0");
	put("2", NULL);
	assert_string_equal(th_http_request(h, 1)->method, "DELETE");
	assert_int_equal(th_http_request(h, 1)->body_len, 0);
	put("3", "3");
	assert_string_equal(th_http_request(h, 2)->method, "POST");
	assert_string_equal(th_http_request(h, 2)->body, "3");
	th_http_script(h, NULL, NULL, 1, &later);
	start = th_now_ms();
	put("4", "4");
	assert_true(th_now_ms() - start >= 1000);
	th_http_script(h, NULL, NULL, 1, &drop);
	put("5", "5");
	th_http_answer(h, NULL, NULL, 1, 400, "bad");
	put("6", "6");
	assert_int_equal(leat_fake_failures(f), 1);
	assert_non_null(strstr(leat_fake_failure(f, 0)->text,
	    "status 400: bad"));
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		T(test_sink),
		T(test_untrusted),
		T(test_source),
		T(test_libcurl),
	};

	return cmocka_run_group_tests(tests, make_certificate,
	    drop_certificate);
}
