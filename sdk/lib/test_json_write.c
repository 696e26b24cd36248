/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_json_write.c: values to JSON text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include <leat/json.h>

#include "sdk/testkit/mem_fail.h"

static void
check_string(const char *s, size_t len, const char *json)
{
	struct leat_buf b;

	leat_buf_init(&b, 1000);
	assert_int_equal(leat_json_add_string(&b, s, len), 0);
	assert_string_equal(leat_buf_cstr(&b), json);
	leat_buf_fini(&b);
}

static void
test_strings(void **state)
{
	(void)state;
	check_string(NULL, 0, "\"\"");
	check_string("a", 1, "\"a\"");
	check_string("\"\\/", 3, "\"\\\"\\\\/\"");
	check_string("\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\"");
	check_string("\0\1\v\x1f\x7f", 5,
	    "\"\\u0000\\u0001\\u000B\\u001F\x7f\"");
	check_string("\xe2\x82\xac", 3, "\"\xe2\x82\xac\"");
	check_string("a\0b", 3, "\"a\\u0000b\"");
	/* As Kafka Connect's converter: beyond U+FFFF by two escapes. */
	check_string("\xf0\x9d\x84\x9e", 4, "\"\\uD834\\uDD1E\"");
	check_string("x\xf0\x90\x80\x80y\xf4\x8f\xbf\xbfz", 11,
	    "\"x\\uD800\\uDC00y\\uDBFF\\uDFFFz\"");
	check_string("\xf0\x9d\x84", 3, "\"\xf0\x9d\x84\"");
}

/* Every byte, at every place of a block, with every tail. */
static void
test_escapes_at_all_places(void **state)
{
	char text[64], expected[80];
	size_t at, len;
	unsigned c;

	(void)state;
	for (c = 0; c < 256; c++)
		for (len = 1; len < 40; len += c % 3 + 1)
			for (at = 0; at < len; at++) {
				char escaped[8];
				size_t n;

				memset(text, 'x', len);
				text[at] = (char)c;
				if (c == '"' || c == '\\')
					n = (size_t)snprintf(escaped, 8,
					    "\\%c", (int)c);
				else if (c == '\n')
					n = (size_t)snprintf(escaped, 8, "\\n");
				else if (c < 0x20 && (c < 8 || c > 13))
					n = (size_t)snprintf(escaped, 8,
					    "\\u%04X", c);
				else if (c < 0x20)
					continue;
				else
					n = (size_t)snprintf(escaped, 8, "%c",
					    (int)c);
				expected[0] = '"';
				memset(expected + 1, 'x', at);
				memcpy(expected + 1 + at, escaped, n);
				memset(expected + 1 + at + n, 'x',
				    len - at - 1);
				expected[len + n] = '"';
				expected[len + n + 1] = '\0';
				check_string(text, len, expected);
			}
}

static void
test_ceiling(void **state)
{
	struct leat_buf b;

	(void)state;
	leat_buf_init(&b, 6);
	assert_int_equal(leat_json_add_string(&b, "abcd", 4), 0);
	leat_buf_reset(&b);
	assert_int_equal(leat_json_add_string(&b, "ab\n\n", 4), -1);
	assert_true(b.failed);
	leat_buf_reset(&b);
	assert_int_equal(leat_json_add_string(&b, "abcde", 5), -1);
	assert_true(b.failed);
	leat_buf_fini(&b);
}

static void
check_value(const struct leat_value *v, const char *json)
{
	struct leat_buf b;

	leat_buf_init(&b, 10000);
	assert_int_equal(leat_json_add_value(&b, v), 0);
	assert_string_equal(leat_buf_cstr(&b), json);
	leat_buf_fini(&b);
}

static void
test_scalars(void **state)
{
	struct leat_value v = leat_null();

	(void)state;
	check_value(&v, "null");
	v = leat_bool(1);
	check_value(&v, "true");
	v = leat_bool(0);
	check_value(&v, "false");
	v = leat_i64(INT64_MIN);
	check_value(&v, "-9223372036854775808");
	v = leat_i32(-7);
	check_value(&v, "-7");
	v = leat_f64(1e20);
	check_value(&v, "1.0E20");
	v = leat_f64(__builtin_nan(""));
	check_value(&v, "\"NaN\"");
	v = leat_f64(__builtin_inf());
	check_value(&v, "\"Infinity\"");
	v = leat_f64(-__builtin_inf());
	check_value(&v, "\"-Infinity\"");
	v = (struct leat_value){ .kind = LEAT_FLOAT32, .u.f = 0.1f };
	check_value(&v, "0.1");
	v = leat_bytes("\0\1\2", 3);
	check_value(&v, "\"AAEC\"");
	v = leat_bytes(NULL, 0);
	check_value(&v, "\"\"");
}

static void
test_containers(void **state)
{
	const struct leat_value items[] = {
		leat_cstring("b"), leat_i64(1), leat_cstring("a"), leat_null()
	};
	const struct leat_value pairs[] = {
		leat_i64(1), leat_cstring("x"), leat_cstring("a"), leat_null()
	};
	struct leat_value v = leat_items(LEAT_MAP, items, 2);

	(void)state;
	check_value(&v, "{\"b\":1,\"a\":null}");
	v = leat_items(LEAT_MAP, pairs, 2);
	check_value(&v, "[[1,\"x\"],[\"a\",null]]");
	v = leat_items(LEAT_ARRAY, items, 4);
	check_value(&v, "[\"b\",1,\"a\",null]");
	v = leat_items(LEAT_STRUCT, items, 2);
	check_value(&v, "[\"b\",1]");
	v = leat_items(LEAT_ARRAY, NULL, 0);
	check_value(&v, "[]");
	v = leat_items(LEAT_MAP, NULL, 0);
	check_value(&v, "{}");
}

static void
test_depth_is_limited(void **state)
{
	struct leat_value v[LEAT_JSON_DEPTH + 2];
	struct leat_buf b;
	size_t i;

	(void)state;
	v[0] = leat_null();
	for (i = 1; i < LEAT_JSON_DEPTH + 2; i++)
		v[i] = leat_items(LEAT_ARRAY, &v[i - 1], 1);
	leat_buf_init(&b, 10000);
	assert_int_equal(leat_json_add_value(&b, &v[LEAT_JSON_DEPTH]), 0);
	assert_int_equal(leat_json_add_value(&b, &v[LEAT_JSON_DEPTH + 1]), -1);
	assert_true(b.failed);
	leat_buf_fini(&b);
}

static void
check_canonical(const char *from, const char *to)
{
	struct leat_arena a;
	struct leat_value v;
	struct leat_buf b;

	leat_arena_init(&a, 0, 0);
	leat_buf_init(&b, 10000);
	assert_int_equal(leat_json_parse(&a, from, strlen(from), &v, NULL), 0);
	assert_int_equal(leat_json_add_canonical(&b, &v), 0);
	assert_string_equal(leat_buf_cstr(&b), to);
	leat_buf_fini(&b);
	leat_arena_fini(&a);
}

static void
test_canonical(void **state)
{
	(void)state;
	check_canonical(" { } ", "{}");
	check_canonical(
	    "{\"b\":1, \"a\":{\"d\":[2,{\"z\":1,\"y\":2}],\"c\":0}}",
	    "{\"a\":{\"c\":0,\"d\":[2,{\"y\":2,\"z\":1}]},\"b\":1}");
	check_canonical("{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2}");
	check_canonical("{\"ab\":1,\"a\":2,\"\":3}",
	    "{\"\":3,\"a\":2,\"ab\":1}");
}

static void
test_out_of_memory(void **state)
{
	char text[300];
	long n;

	(void)state;
	memset(text, '\n', sizeof(text));
	for (n = 1;; n++) {
		struct leat_buf b;
		int rc;

		leat_buf_init(&b, 10000);
		mem_fail_at(n);
		rc = leat_json_add_string(&b, text, sizeof(text));
		assert_int_equal(rc < 0, mem_fail_hit());
		assert_int_equal(b.failed, rc < 0);
		leat_buf_fini(&b);
		if (rc == 0)
			break;
	}
	mem_fail_at(0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_escapes_at_all_places),
		cmocka_unit_test(test_ceiling),
		cmocka_unit_test(test_scalars),
		cmocka_unit_test(test_containers),
		cmocka_unit_test(test_depth_is_limited),
		cmocka_unit_test(test_canonical),
		cmocka_unit_test(test_out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
