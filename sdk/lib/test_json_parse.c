/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_json_parse.c: JSON text to values.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include <leat/json.h>

#include "sdk/testkit/mem_fail.h"

/* What is parsed and written again must be `to`. */
static void
check(const char *from, const char *to)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct leat_arena a;
	struct leat_value v;
	struct leat_buf b;

	leat_arena_init(&a, 0, 0);
	leat_buf_init(&b, 100000);
	if (leat_json_parse(&a, from, strlen(from), &v, &err) < 0)
		fail_msg("%s: %s", from, err.text);
	assert_int_equal(leat_json_add_value(&b, &v), 0);
	assert_string_equal(leat_buf_cstr(&b), to);
	leat_buf_fini(&b);
	leat_arena_fini(&a);
}

/* The text is handed over without a NUL, so that ASan sees an overrun. */
static void
check_bad_len(const char *text, size_t len, const char *reason)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct leat_value v = leat_i64(77);
	char *copy = malloc(len + (len == 0));
	struct leat_arena a;

	assert_non_null(copy);
	memcpy(copy, text, len);
	leat_arena_init(&a, 0, 0);
	assert_int_equal(leat_json_parse(&a, copy, len, &v, &err),
	    LEAT_E_PARSE);
	assert_string_equal(err.text, reason);
	assert_int_equal(err.cls, LEAT_CLS_RECORD);
	assert_int_equal(v.u.i, 77);
	leat_arena_fini(&a);
	free(copy);
}

static void
check_bad(const char *text, const char *reason)
{
	check_bad_len(text, strlen(text), reason);
}

static void
test_scalars(void **state)
{
	(void)state;
	check("null", "null");
	check(" \t\r\n true \n", "true");
	check("false", "false");
	check("0", "0");
	check("-0", "0");
	check("-1", "-1");
	check("9223372036854775807", "9223372036854775807");
	check("-9223372036854775808", "-9223372036854775808");
	check("9223372036854775808", "9.223372036854776E18");
	check("-9223372036854775809", "-9.223372036854776E18");
	check("123456789012345678901234567890", "1.2345678901234568E29");
	check("1.5", "1.5");
	check("1e2", "100.0");
	check("-0.0", "-0.0");
	check("1E-2", "0.01");
	check("1.25e+3", "1250.0");
}

static void
test_strings(void **state)
{
	(void)state;
	check("\"\"", "\"\"");
	check("\"plain text that is longer than a block\"",
	    "\"plain text that is longer than a block\"");
	check("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\"");
	check("\"a\\u0041\\u00e9\\u20AC\\ud83d\\ude00z\"",
	    "\"aA\xc3\xa9\xe2\x82\xac\\uD83D\\uDE00z\"");
	check("\"\\u0000\\u001f\"", "\"\\u0000\\u001F\"");
	check("\"\xe2\x82\xac\xf0\x9f\x98\x80\"",
	    "\"\xe2\x82\xac\\uD83D\\uDE00\"");
	check("\"\\n0123456789abcdef\xc3\xa9\\n0123456789abcdef\"",
	    "\"\\n0123456789abcdef\xc3\xa9\\n0123456789abcdef\"");
}

static void
test_containers(void **state)
{
	(void)state;
	check("[]", "[]");
	check("{}", "{}");
	check("[ 1 , [ ] , { } ]", "[1,[],{}]");
	check("{\"a\" : 1 , \"b\":[true,null]}", "{\"a\":1,\"b\":[true,null]}");
	check("{\"a\":1,\"a\":2}", "{\"a\":1,\"a\":2}");
}

static void
test_refuses(void **state)
{
	(void)state;
	check_bad("", "byte 0: unexpected end");
	check_bad("  ", "byte 2: unexpected end");
	check_bad("x", "byte 0: expected a value");
	check_bad("nul", "byte 0: expected a value");
	check_bad("nulL", "byte 0: expected a value");
	check_bad("1 2", "byte 2: text behind the value");
	check_bad("1,", "byte 1: text behind the value");
	check_bad("[1", "byte 2: unexpected end");
	check_bad("[1 2]", "byte 3: expected ',' or ']'");
	check_bad("[1,]", "byte 3: expected a value");
	check_bad("[,]", "byte 1: expected a value");
	check_bad("{\"a\"}", "byte 4: expected ':'");
	check_bad("{\"a\":1,}", "byte 7: expected a member name");
	check_bad("{a:1}", "byte 1: expected a member name");
	check_bad("{\"a\":1 \"b\":2}", "byte 7: expected ',' or '}'");
	check_bad("{\"a\":", "byte 5: unexpected end");
	check_bad("{\"a\"", "byte 4: unexpected end");
	check_bad("{", "byte 1: unexpected end");
	check_bad("]", "byte 0: expected a value");
	check_bad_len("1\0", 2, "byte 1: text behind the value");
}

static void
test_refuses_numbers(void **state)
{
	(void)state;
	check_bad("-", "byte 1: expected a digit");
	check_bad("+1", "byte 0: expected a value");
	check_bad(".5", "byte 0: expected a value");
	check_bad("01", "byte 0: leading zero in a number");
	check_bad("-01", "byte 1: leading zero in a number");
	check_bad("1.", "byte 2: expected a digit behind the point");
	check_bad("1.e5", "byte 2: expected a digit behind the point");
	check_bad("1e", "byte 2: expected a digit in the exponent");
	check_bad("1e+", "byte 3: expected a digit in the exponent");
	check_bad("[1e999]", "byte 1: number out of range");
	check_bad("NaN", "byte 0: expected a value");
	check_bad("0x10", "byte 1: text behind the value");
}

static void
test_refuses_strings(void **state)
{
	(void)state;
	check_bad("\"abc", "byte 4: unterminated string");
	check_bad("\"", "byte 1: unterminated string");
	check_bad("\"a\\", "byte 2: unterminated string");
	check_bad("\"a\\\"", "byte 4: unterminated string");
	check_bad("\"a\nb\"", "byte 2: control character in a string");
	check_bad("\"\\n\tb\"", "byte 3: control character in a string");
	check_bad("\"\\x\"", "byte 1: bad escape");
	check_bad("\"\\u12\"", "byte 1: bad \\u escape");
	check_bad("\"\\u12g4\"", "byte 1: bad \\u escape");
	check_bad("\"\\ud800\"", "byte 1: lone surrogate");
	check_bad("\"\\ud800\\u0041\"", "byte 1: lone surrogate");
	check_bad("\"\\ud800\\n     \"", "byte 1: lone surrogate");
	check_bad("\"\\udc00\"", "byte 1: lone surrogate");
	check_bad("\"\xff\"", "byte 1: invalid UTF-8");
	check_bad("\"a\xe2\x82\"", "byte 2: invalid UTF-8");
	check_bad("\"\xed\xa0\x80\"", "byte 1: invalid UTF-8");
	check_bad_len("\"\\\0\"", 4, "byte 1: bad escape");
	check_bad_len("\"a\xe2\x82", 4, "byte 2: invalid UTF-8");
}

/* Every prefix of a document is refused, and read within its bounds. */
static void
test_prefixes(void **state)
{
	static const char doc[] = "{\"a\":[1,-2.5e+3,\"x\\u00e9\\ud83d\\ude00"
	    "\xe2\x82\xac\",true,false,null,{}],\"bcdefghijklmnopqr\":[]}";
	struct leat_value v;
	struct leat_arena a;
	size_t len;

	(void)state;
	leat_arena_init(&a, 0, 0);
	for (len = 0; len < sizeof(doc) - 1; len++) {
		char *copy = malloc(len + (len == 0));

		assert_non_null(copy);
		memcpy(copy, doc, len);
		assert_int_equal(leat_json_parse(&a, copy, len, &v, NULL),
		    LEAT_E_PARSE);
		free(copy);
		leat_arena_reset(&a);
	}
	assert_int_equal(leat_json_parse(&a, doc, len, &v, NULL), 0);
	leat_arena_fini(&a);
}

static void
test_depth_is_limited(void **state)
{
	char text[2 * LEAT_JSON_DEPTH + 3];
	size_t n = LEAT_JSON_DEPTH;

	(void)state;
	memset(text, '[', n);
	memset(text + n, ']', n);
	text[2 * n] = '\0';
	check(text, text);
	memset(text, '[', n + 1);
	memset(text + n + 1, ']', n + 1);
	text[2 * n + 2] = '\0';
	check_bad(text, "byte 128: nested too deeply");
}

static void
test_strings_point_into_the_text(void **state)
{
	static const char text[] = "[\"abc\",\"a\\nc\"]";
	struct leat_value v = leat_null();
	struct leat_arena a;

	(void)state;
	leat_arena_init(&a, 0, 0);
	assert_int_equal(leat_json_parse(&a, text, strlen(text), &v, NULL), 0);
	assert_ptr_equal(v.u.items[0].u.s, text + 2);
	assert_true(v.u.items[1].u.s < text ||
	    v.u.items[1].u.s > text + sizeof(text));
	leat_arena_fini(&a);
}

static void
test_prefix_says_what_it_used(void **state)
{
	static const char text[] = " {\"a\":1} [2]x";
	struct leat_value v = leat_null();
	struct leat_arena a;
	size_t used = 0;

	(void)state;
	leat_arena_init(&a, 0, 0);
	assert_int_equal(leat_json_parse_prefix(&a, text, strlen(text), &v,
	    &used, NULL), 0);
	assert_int_equal(used, 8);
	assert_int_equal(v.kind, LEAT_MAP);
	assert_int_equal(leat_json_parse_prefix(&a, text + 8, 5, &v, &used,
	    NULL), 0);
	assert_int_equal(used, 4);
	assert_int_equal(v.kind, LEAT_ARRAY);
	leat_arena_fini(&a);
}

static void
test_many_items(void **state)
{
	struct leat_value v = leat_null();
	struct leat_arena a;
	struct leat_buf b;
	int i;

	(void)state;
	leat_arena_init(&a, 0, 0);
	leat_buf_init(&b, 1 << 20);
	(void)leat_buf_add_byte(&b, '[');
	for (i = 0; i < 10000; i++)
		(void)leat_buf_printf(&b, "%s[%d,{\"k\":%d}]", i ? "," : "", i,
		    -i);
	(void)leat_buf_add_byte(&b, ']');
	assert_int_equal(leat_json_parse(&a, (char *)b.data, b.len, &v, NULL),
	    0);
	assert_int_equal(v.len, 10000);
	for (i = 0; i < 10000; i++) {
		const struct leat_value *item = &v.u.items[i];

		assert_int_equal(item->u.items[0].u.i, i);
		assert_int_equal(
		    leat_map_value(&item->u.items[1], "k")->u.i, -i);
	}
	leat_buf_fini(&b);
	leat_arena_fini(&a);
}

static const struct leat_value *
at(const struct leat_value *doc, const char *pointer)
{
	return leat_json_pointer(doc, leat_str_c(pointer));
}

/* The examples of RFC 6901, and what leads nowhere. */
static void
test_pointers(void **state)
{
	static const char text[] = "{\"foo\":[\"bar\",\"baz\"],\"\":0,"
	    "\"a/b\":1,"
	    "\"c%d\":2,\"m~n\":8,\"x\":{\"\":{\"y\":9}},\"d\":1,\"d\":2}";
	struct leat_value v = leat_null();
	struct leat_arena a;

	(void)state;
	leat_arena_init(&a, 0, 0);
	assert_int_equal(leat_json_parse(&a, text, strlen(text), &v, NULL), 0);
	assert_ptr_equal(at(&v, ""), &v);
	assert_int_equal(at(&v, "/foo")->kind, LEAT_ARRAY);
	assert_memory_equal(at(&v, "/foo/0")->u.s, "bar", 3);
	assert_memory_equal(at(&v, "/foo/1")->u.s, "baz", 3);
	assert_int_equal(at(&v, "/")->u.i, 0);
	assert_int_equal(at(&v, "/a~1b")->u.i, 1);
	assert_int_equal(at(&v, "/c%d")->u.i, 2);
	assert_int_equal(at(&v, "/m~0n")->u.i, 8);
	assert_int_equal(at(&v, "/x//y")->u.i, 9);
	assert_int_equal(at(&v, "/x/")->kind, LEAT_MAP);
	assert_int_equal(at(&v, "/d")->u.i, 2);
	assert_null(at(&v, "foo"));
	assert_null(at(&v, "/foo/2"));
	assert_null(at(&v, "/foo/00"));
	assert_null(at(&v, "/foo/-1"));
	assert_null(at(&v, "/foo/"));
	assert_null(at(&v, "/none/x"));
	assert_null(at(&v, "/a~1b/x"));
	assert_null(at(&v, "/fo"));
	assert_null(at(&v, "/fooo"));
	leat_arena_fini(&a);
}

static void
test_out_of_memory(void **state)
{
	static const char doc[] = "[[1,2,3],{\"a\\n\":\"b\\t\"},4,5,6,7,8,9]";
	struct leat_err err = LEAT_ERR_INIT;
	long before = mem_live(), n;
	struct leat_value v;
	int rc = -1;

	(void)state;
	for (n = 1; rc < 0; n++) {
		struct leat_arena a;

		/* Small chunks, so that there is much to fail. */
		leat_arena_init(&a, 1, 0);
		mem_fail_at(n);
		rc = leat_json_parse(&a, doc, strlen(doc), &v, &err);
		assert_int_equal(rc, mem_fail_hit() ? -ENOMEM : 0);
		leat_arena_fini(&a);
		assert_int_equal(mem_live(), before);
	}
	mem_fail_at(0);
	assert_int_equal(err.cls, LEAT_CLS_RETRY);
	assert_string_equal(err.text, "out of memory for JSON of 35 bytes");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scalars),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_containers),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_refuses_numbers),
		cmocka_unit_test(test_refuses_strings),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_depth_is_limited),
		cmocka_unit_test(test_strings_point_into_the_text),
		cmocka_unit_test(test_prefix_says_what_it_used),
		cmocka_unit_test(test_many_items),
		cmocka_unit_test(test_pointers),
		cmocka_unit_test(test_out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
