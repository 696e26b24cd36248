/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of the pure parts: status sets, Retry-After, Link, templates, pointers,
 * the order by key and the reading of responses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <leat/json.h>

#include "http1.h"
#include "http_field.h"
#include "http_link.h"
#include "http_order.h"
#include "http_retry.h"
#include "http_status.h"
#include "http_template.h"

static struct leat_list
list_of(const char *const *items, uint32_t n)
{
	return (struct leat_list){ items, n, 0 };
}

static void
test_status(void **state)
{
	static const char *const good[] = { "408", " 429 ", "5xx", "" };
	static const char *const open[] = { "400-" };
	static const char *const bad[] = { "99", "600", "5x", "500-400",
		"4xx-5xx", "x" };
	struct leat_list l = list_of(good, 4);
	struct http_status_set s;
	struct leat_err err;
	uint32_t i;

	assert_int_equal(http_status_parse(&l, "o", &s, &err), 0);
	assert_true(http_status_has(&s, 408));
	assert_true(http_status_has(&s, 599));
	assert_true(http_status_has(&s, 500));
	assert_false(http_status_has(&s, 499));
	assert_false(http_status_has(&s, -1));
	assert_false(http_status_has(&s, 100000));
	l = list_of(open, 1);
	assert_int_equal(http_status_parse(&l, "o", &s, &err), 0);
	assert_true(http_status_has(&s, 404) && http_status_has(&s, 503));
	for (i = 0; i < 6; i++) {
		l = list_of(&bad[i], 1);
		assert_true(http_status_parse(&l, "o", &s, &err) < 0);
		assert_int_equal(err.cls, LEAT_CLS_CONFIG);
		assert_non_null(strstr(err.text, "o: '"));
	}
}

static void
test_retry_after(void **state)
{
	/* All three forms of 1994-11-06 08:49:37, from RFC 9110. */
	static const char *const dates[] = {
		"Sun, 06 Nov 1994 08:49:37 GMT",
		"Sunday, 06-Nov-94 08:49:37 GMT",
		"Sun Nov  6 08:49:37 1994",
	};
	static const char *const bad[] = { "", "-1", "1.5", "soon",
		"Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 06 Nov 1994",
		"Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37",
		"99999999999" };
	int64_t ms;
	size_t i;

	assert_int_equal(http_retry_after_parse(LEAT_STR(" 120 "), 0, &ms), 0);
	assert_int_equal(ms, 120000);
	for (i = 0; i < 3; i++) {
		struct leat_str s = leat_str_c(dates[i]);

		assert_int_equal(http_retry_after_parse(s, 784111767, &ms), 0);
		assert_int_equal(ms, 10000);
		assert_int_equal(http_retry_after_parse(s, 784111778, &ms), 0);
		assert_int_equal(ms, 0);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(http_retry_after_parse(leat_str_c(bad[i]), 0,
		    &ms), -1);
}

static void
test_backoff(void **state)
{
	struct http_backoff b;
	uint32_t i;

	http_backoff_init(&b, 100, 1000, 7);
	for (i = 0; i < 1000; i++) {
		assert_in_range(http_backoff_ms(&b, 1), 1, 100);
		assert_in_range(http_backoff_ms(&b, 3), 1, 400);
		assert_in_range(http_backoff_ms(&b, 4000000000u), 1, 1000);
	}
}

static void
check_link(const char *header, const char *want)
{
	struct leat_str target;
	int rc = http_link_next(leat_str_c(header), &target);

	if (want == NULL) {
		assert_int_equal(rc, -1);
		return;
	}
	assert_int_equal(rc, 0);
	assert_int_equal(target.len, strlen(want));
	assert_memory_equal(target.ptr, want, target.len);
}

static void
test_link(void **state)
{
	check_link("<https://a/?page=2>; rel=\"next\"", "https://a/?page=2");
	check_link("</p?x=1,2>;rel=prev, </q>; title=\"a, b\"; REL=Next",
	    "/q");
	check_link("<a>; rel=\"last next\"", "a");
	check_link(", ,<a>;rel=next", "a");
	check_link("<a>; rel=prev; rel=next", NULL);
	check_link("<a>; rel=\"nextish\"", NULL);
	check_link("<a; rel=next", NULL);
	check_link("<a>; title=\"open; rel=next", NULL);
	check_link("", NULL);
	check_link("nonsense", NULL);
}

/* --------------------------------------------------------------- templates */

static int
get_var(const void *ctx, const struct http_part *part, struct leat_buf *out,
    struct leat_err *err)
{
	const char *text = part->var == HTTP_VAR_TOPIC ? "orders" : ctx;

	return leat_buf_add_str(out, text);
}

static int
expand(const char *template, enum http_escape escape, const char *value,
    char *to, struct leat_err *err)
{
	struct http_template t;
	struct leat_buf b;
	int rc;

	rc = http_template_parse(&t, template, "url", HTTP_VARS_SINK, escape,
	    err);
	if (rc < 0)
		return rc;
	leat_buf_init(&b, 200);
	rc = http_template_expand(&t, get_var, value, &b, err);
	if (rc == 0)
		memcpy(to, leat_buf_cstr(&b), b.len + 1);
	leat_buf_fini(&b);
	return rc;
}

static void
test_template(void **state)
{
	struct leat_err err = LEAT_ERR_INIT;
	char to[256];

	assert_int_equal(expand("/x/${topic}?k=${key:/id}", HTTP_ESCAPE_URL,
	    "a/b c\xc3\xa9", to, &err), 0);
	assert_string_equal(to, "/x/orders?k=a%2Fb%20c%C3%A9");
	assert_int_equal(expand("$${topic} $5 $$", HTTP_ESCAPE_NONE, "", to,
	    &err), 0);
	assert_string_equal(to, "${topic} $5 $");
	assert_int_equal(expand("v ${value}", HTTP_ESCAPE_HEADER, "a b", to,
	    &err), 0);
	assert_string_equal(to, "v a b");
}

static void
test_template_refuses(void **state)
{
	struct leat_err err = LEAT_ERR_INIT;
	char to[256];

	assert_true(expand("${nope}", HTTP_ESCAPE_URL, "", to, &err) < 0);
	assert_non_null(strstr(err.text, "unknown variable '${nope}'"));
	assert_non_null(strstr(err.text, "${topic}"));
	assert_true(expand("${topic", HTTP_ESCAPE_URL, "", to, &err) < 0);
	assert_non_null(strstr(err.text, "without '}'"));
	assert_true(expand("${topic:/x}", HTTP_ESCAPE_URL, "", to, &err) < 0);
	assert_non_null(strstr(err.text, "take a JSON pointer"));
	assert_true(expand("${cursor}", HTTP_ESCAPE_URL, "", to, &err) < 0);
	assert_true(expand("/a b", HTTP_ESCAPE_URL, "", to, &err) < 0);
	assert_true(expand("a\r\nb", HTTP_ESCAPE_HEADER, "", to, &err) < 0);
	assert_int_equal(err.cls, LEAT_CLS_CONFIG);
	/* What comes from a record is that record's fault. */
	assert_true(expand("${key}", HTTP_ESCAPE_HEADER, "a\r\nX: y", to,
	    &err) < 0);
	assert_int_equal(err.cls, LEAT_CLS_RECORD);
	assert_true(expand("/${key}", HTTP_ESCAPE_URL, "..", to, &err) < 0);
	assert_non_null(strstr(err.text, "'..' may not stand in a url"));
	assert_true(expand("/${key:/id}", HTTP_ESCAPE_URL, "", to, &err) < 0);
	assert_non_null(strstr(err.text, "${key:/id}"));
	assert_int_equal(err.cls, LEAT_CLS_RECORD);
}

/* ---------------------------------------------------------------- pointers */

static void
check_field(struct leat_arena *a, const char *json, const char *pointer,
    const char *want)
{
	const struct leat_schema *schema;
	const struct leat_value *v;
	struct leat_value doc;
	struct leat_buf b;

	assert_int_equal(leat_json_parse(a, json, strlen(json), &doc, NULL),
	    0);
	v = http_field_find(NULL, &doc, leat_str_c(pointer), &schema);
	if (want == NULL) {
		assert_null(v);
		return;
	}
	assert_non_null(v);
	leat_buf_init(&b, 1000);
	assert_int_equal(http_field_text(&b, schema, v), 0);
	assert_string_equal(leat_buf_cstr(&b), want);
	leat_buf_fini(&b);
}

static void
test_field(void **state)
{
	static const char doc[] = "{\"a\":{\"b/c\":[1,true,\"x y\"]},\"\":7,"
				  "\"m~n\":null,\"d\":1,\"d\":2.5}";
	struct leat_arena a;

	leat_arena_init(&a, 4096, 0);
	check_field(&a, doc, "/a/b~1c/0", "1");
	check_field(&a, doc, "/a/b~1c/1", "true");
	check_field(&a, doc, "/a/b~1c/2", "x y");
	check_field(&a, doc, "/a/b~1c", "[1,true,\"x y\"]");
	check_field(&a, doc, "/", "7");
	check_field(&a, doc, "/m~0n", "");
	check_field(&a, doc, "/d", "2.5");
	check_field(&a, "\"s\"", "", "s");
	check_field(&a, doc, "/a/b~1c/3", NULL);
	check_field(&a, doc, "/a/b~1c/-1", NULL);
	check_field(&a, doc, "/x", NULL);
	check_field(&a, doc, "/a/~2", NULL);
	check_field(&a, doc, "a", NULL);
	leat_arena_fini(&a);
}

static void
test_typed_field(void **state)
{
	struct leat_field fields[] = {
		{ .name = "id", .schema = leat_schema_plain(LEAT_INT64, 0),
		    .name_len = 2 },
	};
	struct leat_schema schema = { .kind = LEAT_STRUCT, .nfields = 1,
		.fields = fields };
	struct leat_value id = leat_i64(42);
	struct leat_value rec = leat_items(LEAT_STRUCT, &id, 1);
	const struct leat_schema *found;
	const struct leat_value *v;

	v = http_field_find(&schema, &rec, LEAT_STR("/id"), &found);
	assert_ptr_equal(v, &id);
	assert_int_equal(found->kind, LEAT_INT64);
	assert_null(http_field_find(&schema, &rec, LEAT_STR("/no"), &found));
	assert_null(http_field_find(NULL, &rec, LEAT_STR("/id"), &found));
}

/* ------------------------------------------------------------------- order */

static struct leat_record
rec(const char *key)
{
	return (struct leat_record){ .topic = "t", .origin_topic = "t",
		.key = key == NULL ? leat_null() : leat_cstring(key) };
}

static void
test_order(void **state)
{
	/* a b a - a b */
	struct leat_record r[] = { rec("a"), rec("b"), rec("a"), rec(NULL),
		rec("a"), rec("b") };
	struct leat_sink_batch b = { r, 6, 0 };
	struct http_order o = { 0 };

	assert_int_equal(http_order_begin(&o, &b, 1), 0);
	assert_int_equal(http_order_next(&o, 0), 0);
	assert_int_equal(http_order_next(&o, 1), 1);
	/* The second a waits; the record without a key does not. */
	assert_int_equal(http_order_next(&o, 2), 3);
	assert_int_equal(http_order_next(&o, 3), HTTP_ORDER_NONE);
	http_order_done(&o, 0);
	assert_int_equal(http_order_next(&o, 3), 2);
	/* Within one lane's request the next a may follow. */
	assert_int_equal(http_order_next(&o, 3), 4);
	assert_int_equal(http_order_next(&o, 0), HTTP_ORDER_NONE);
	http_order_untake(&o, 4);
	assert_int_equal(http_order_next(&o, 0), HTTP_ORDER_NONE);
	http_order_done(&o, 2);
	assert_int_equal(http_order_next(&o, 0), 4);
	http_order_done(&o, 4);
	http_order_done(&o, 3);
	http_order_done(&o, 1);
	assert_int_equal(http_order_next(&o, 0), 5);
	http_order_done(&o, 5);
	assert_int_equal(o.left, 0);
	http_order_fini(&o);
}

/*
 * Many keys, lanes and requests of random size: each record comes once, and
 * none while an earlier one of its key is with another lane.
 */
static void
test_order_random(void **state)
{
	enum { N = 500,
		LANES = 5,
		KEYS = 7 };
	static const char *const keys[KEYS] = { "0", "1", "2", "3", "4", "5",
		NULL };
	static struct leat_record r[N];
	static uint32_t taken[LANES][N], n[LANES], key_of[N], last[KEYS];
	struct leat_sink_batch b = { r, N, 0 };
	struct http_order o = { 0 };
	uint64_t rng = 12345;
	uint32_t i, lane;

	for (i = 0; i < N; i++) {
		rng = rng * 6364136223846793005u + 1442695040888963407u;
		key_of[i] = (uint32_t)(rng >> 33) % KEYS;
		r[i] = rec(keys[key_of[i]]);
	}
	assert_int_equal(http_order_begin(&o, &b, 1), 0);
	while (o.left > 0) {
		rng = rng * 6364136223846793005u + 1442695040888963407u;
		lane = (uint32_t)(rng >> 33) % LANES;
		if (n[lane] > 0 && (rng >> 40 & 1) != 0) {
			for (i = 0; i < n[lane]; i++)
				http_order_done(&o, taken[lane][i]);
			n[lane] = 0;
			continue;
		}
		while (n[lane] < (rng >> 50) % 8) {
			i = http_order_next(&o, lane);
			if (i == HTTP_ORDER_NONE)
				break;
			if (keys[key_of[i]] != NULL) {
				assert_true(i + 1 > last[key_of[i]]);
				last[key_of[i]] = i + 1;
			}
			taken[lane][n[lane]++] = i;
		}
	}
	http_order_fini(&o);
}

/* --------------------------------------------------------------- responses */

static int
feed(struct http1_response *r, const char *text, size_t step,
    struct leat_err *err)
{
	size_t len = strlen(text), at = 0, used, n;
	int rc = 0;

	http1_reset(r, false);
	while (at < len && rc == 0) {
		n = len - at < step ? len - at : step;
		rc = http1_feed(r, (const uint8_t *)text + at, n, &used, err);
		at += rc == 0 ? n : used;
	}
	if (rc == 1)
		assert_int_equal(at, len);
	return rc;
}

static void
test_response(void **state)
{
	static const char length[] =
	    "HTTP/1.1 100 Continue\r\n\r\n"
	    "HTTP/1.1 503 Slow Down\r\nContent-Length: 5\r\n"
	    "Retry-After:  7 \r\nConnection: close\r\n\r\nhello";
	static const char chunked[] =
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "3;x=y\r\nabc\r\n02\r\nde\r\n0\r\nT: v\r\n\r\n";
	struct http1_response r;
	struct leat_err err;
	size_t step;

	http1_init(&r);
	for (step = 1; step < 200; step++) {
		assert_int_equal(feed(&r, length, step, &err), 1);
		assert_int_equal(r.status, 503);
		assert_string_equal(r.retry_after, "7");
		assert_false(r.keep_alive);
		assert_memory_equal(r.body.data, "hello", 5);
		assert_int_equal(feed(&r, chunked, step, &err), 1);
		assert_int_equal(r.status, 200);
		assert_true(r.keep_alive);
		assert_int_equal(r.body.len, 5);
		assert_memory_equal(r.body.data, "abcde", 5);
	}
	assert_int_equal(feed(&r, "HTTP/1.1 204 No Content\r\n\r\n", 99,
	    &err), 1);
	assert_int_equal(feed(&r, "HTTP/1.0 200\r\n\r\nuntil the end", 5,
	    &err), 0);
	assert_int_equal(http1_feed_eof(&r, &err), 1);
	assert_false(r.keep_alive);
	http1_fini(&r);
}

static void
test_response_refused(void **state)
{
	static const char *const bad[] = {
		"HTTP/2 200\r\n\r\n",
		"garbage\r\n",
		"HTTP/1.1 2x0 OK\r\n",
		"HTTP/1.1 101 Switching\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"
		"Content-Length: 2\r\n",
		"HTTP/1.1 200 OK\r\nno colon\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
		"Content-Length: 2\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		"1\r\nab\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		"1000000000000\r\n",
	};
	struct http1_response r;
	struct leat_err err;
	size_t i;

	http1_init(&r);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_true(feed(&r, bad[i], 7, &err) < 0);
		assert_int_equal(err.cls, LEAT_CLS_RETRY);
	}
	assert_int_equal(feed(&r, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n"
				  "\r\nabc",
			     9, &err),
	    0);
	assert_int_equal(http1_feed_eof(&r, &err), LEAT_E_PROTO);
	assert_non_null(strstr(err.text, "within the response"));
	http1_reset(&r, false);
	assert_int_equal(http1_feed_eof(&r, &err), LEAT_E_PROTO);
	assert_non_null(strstr(err.text, "before the response"));
	http1_fini(&r);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_backoff),
		cmocka_unit_test(test_link),
		cmocka_unit_test(test_template),
		cmocka_unit_test(test_template_refuses),
		cmocka_unit_test(test_field),
		cmocka_unit_test(test_typed_field),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_order_random),
		cmocka_unit_test(test_response),
		cmocka_unit_test(test_response_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
