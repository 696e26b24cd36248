/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/cli/record_text.h"

static struct leat_arena work, arena;
static struct leat_buf out;

static int
setup(void **state)
{
	leat_buf_init(&out, 1 << 20);
	leat_arena_init(&work, 4096, 0);
	leat_arena_init(&arena, 4096, 0);
	return 0;
}

static int
teardown(void **state)
{
	leat_buf_fini(&out);
	leat_arena_fini(&work);
	leat_arena_fini(&arena);
	return 0;
}

static struct cli_record
sample(void)
{
	static const struct cli_header headers[] = {
		{ { "a", 1 }, { "1", 1 } },
		{ { "a", 1 }, { NULL, 0 } },
	};

	return (struct cli_record){
		.topic = LEAT_STR("t"),
		.partition = 3,
		.offset = 17,
		.timestamp = 1700000000123,
		.key = LEAT_STR("k"),
		.value = LEAT_STR("v"),
		.headers = headers,
		.nheaders = 2,
	};
}

static void
prints(const char *format, const struct cli_record *r, const char *wanted)
{
	struct record_format f;
	struct leat_err err = LEAT_ERR_INIT;

	assert_int_equal(record_format_parse(&f, format, &err), 0);
	leat_buf_reset(&out);
	record_print(&f, r, &out);
	assert_string_equal(leat_buf_cstr(&out), wanted);
}

static void
formats(void **state)
{
	struct cli_record r = sample();

	prints("%t/%p/%o %T [%h] %K %k %S %s%%\\n", &r,
	    "t/3/17 1700000000123 [a=1,a=null] 1 k 1 v%\n");
	prints("", &r, "");
	prints("\\x41\\t\\\\", &r, "A\t\\");
	r.key.ptr = NULL;
	r.value = LEAT_STR("");
	prints("%k:%K:%s:%S", &r, "null:-1::0");
}

static void
format_refused(const char *format, const char *text)
{
	struct record_format f;
	struct leat_err err = LEAT_ERR_INIT;

	assert_true(record_format_parse(&f, format, &err) < 0);
	assert_non_null(strstr(err.text, text));
}

static void
bad_formats(void **state)
{
	char much[200];

	format_refused("%z", "'%z' is none of");
	format_refused("a%", "'%' is none of");
	format_refused("\\q", "'\\q' is none of");
	format_refused("\\x4", "is none of");
	for (size_t i = 0; i < sizeof(much) - 1; i += 2)
		memcpy(much + i, "%s", 2);
	much[198] = '\0';
	format_refused(much, "more than");
}

/* Printed, parsed, and the same again. */
static void
survives(struct leat_str value, const char *as_json)
{
	struct cli_record r = sample(), back;
	struct leat_err err = LEAT_ERR_INIT;
	struct leat_str line;

	r.value = value;
	leat_buf_reset(&out);
	record_print_json(&r, &work, &out);
	assert_non_null(strstr(leat_buf_cstr(&out), as_json));
	line = (struct leat_str){ (char *)out.data, out.len - 1 };
	assert_null(memchr(line.ptr, '\n', line.len));
	leat_arena_reset(&arena);
	if (record_parse_json(line, &arena, &back, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(back.value.ptr == NULL, value.ptr == NULL);
	assert_int_equal(back.value.len, value.len);
	if (value.len > 0)
		assert_memory_equal(back.value.ptr, value.ptr, value.len);
	assert_int_equal(back.partition, 3);
	assert_int_equal(back.timestamp, 1700000000123);
	assert_memory_equal(back.key.ptr, "k", 1);
	assert_int_equal(back.nheaders, 2);
	assert_memory_equal(back.headers[0].value.ptr, "1", 1);
	assert_null(back.headers[1].value.ptr);
}

static void
json_and_back(void **state)
{
	survives((struct leat_str){ NULL, 0 }, ",\"value\":null,");
	survives(LEAT_STR(""), ",\"value\":\"\",");
	survives(LEAT_STR("null"), ",\"value\":\"null\",");
	survives(LEAT_STR("a \"b\" \\ \t\x01 \xc3\xa9"),
	    ",\"value\":\"a \\\"b");
	survives(LEAT_STR("\"x\""), ",\"value\":\"\\\"x\\\"\",");
	survives(LEAT_STR("12.50"), ",\"value\":12.50,");
	survives(LEAT_STR("-1e400"), ",\"value\":");
	survives(LEAT_STR("true"), ",\"value\":true,");
	survives(LEAT_STR("truth"), ",\"value\":\"truth\",");
	survives(LEAT_STR(" 1"), ",\"value\":\" 1\",");
	survives(LEAT_STR("1 "), ",\"value\":\"1 \",");
	survives(LEAT_STR("{\"b\": [1,  2], \"b\": {}}"),
	    ",\"value\":{\"b\": [1,  2], \"b\": {}},");
	survives(LEAT_STR("{\n}"), ",\"value\":\"{\\n}\",");
	survives(LEAT_STR("{\"base64\":\"AA==\"}"),
	    ",\"value\":\"{\\\"base64");
	survives(LEAT_STR("{\"base64\":\"AA==\",\"x\":1}"),
	    ",\"value\":{\"base64");
	survives(LEAT_STR("\xff\x00\n"), ",\"value\":{\"base64\":\"/wAK\"},");
	survives(LEAT_STR("\0"), ",\"value\":\"\\u0000\",");
}

static struct cli_record
parsed(const char *text)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct cli_record r;

	leat_arena_reset(&arena);
	if (record_parse_json(leat_str_c(text), &arena, &r, &err) < 0)
		fail_msg("%s", err.text);
	return r;
}

static void
json_by_hand(void **state)
{
	struct cli_record r = parsed(" { \"value\" : \"v\" } ");

	assert_null(r.key.ptr);
	assert_int_equal(r.partition, -1);
	assert_int_equal(r.timestamp, -1);
	assert_int_equal(r.nheaders, 0);
	r = parsed("{\"value\":{ \"a\": 1 },\"headers\":[{\"key\":\"h\","
		   "\"value\":\"x\"},{\"name\":\"i\"}],\"partition\":null,"
		   "\"timestamp\":null,\"topic\":\"t\",\"offset\":1}");
	assert_memory_equal(r.value.ptr, "{ \"a\": 1 }", 10);
	assert_int_equal(r.value.len, 10);
	assert_int_equal(r.nheaders, 2);
	assert_memory_equal(r.headers[0].name.ptr, "h", 1);
	assert_null(r.headers[1].value.ptr);
	assert_int_equal(r.partition, -1);
}

static void
refused(const char *line, const char *text)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct cli_record r;

	leat_arena_reset(&arena);
	assert_true(
	    record_parse_json(leat_str_c(line), &arena, &r, &err) < 0);
	if (strstr(err.text, text) == NULL)
		fail_msg("%s: %s", line, err.text);
}

static void
bad_json(void **state)
{
	refused("", "not one object");
	refused("[]", "not one object");
	refused("{\"value\":1} x", "not one object");
	refused("{\"value\":1", "not one object");
	refused("{\"key\":1}", "no \"value\"");
	refused("{\"value\":tru}", "");
	refused("{\"valeu\":1,\"value\":1}", "'valeu' is none of");
	refused("{\"value\":1,\"partition\":\"0\"}", "\"partition\" is not");
	refused("{\"value\":1,\"partition\":3000000000}", "\"partition\"");
	refused("{\"value\":1,\"timestamp\":-5}", "\"timestamp\" is not");
	refused("{\"value\":1,\"headers\":{}}", "is not an array");
	refused("{\"value\":1,\"headers\":[1]}", "\"headers\" is not [");
	refused("{\"value\":1,\"headers\":[{\"value\":1}]}", "\"headers\"");
	refused("{\"value\":1,\"headers\":[{\"x\":1}]}", "\"headers\"");
	refused("{\"value\":{\"base64\":\"?\"}}", "base64");
	refused("{\"value\":{\"base64\":1}}", "base64");
}

static void
separators(void **state)
{
	char to[4];

	assert_int_equal(record_unescape("\\t", to, 4), 1);
	assert_int_equal(to[0], '\t');
	assert_int_equal(record_unescape("abcd", to, 4), 4);
	assert_int_equal(record_unescape("abcde", to, 4), -1);
	assert_int_equal(record_unescape("\\z", to, 4), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats),
		cmocka_unit_test(bad_formats),
		cmocka_unit_test(json_and_back),
		cmocka_unit_test(json_by_hand),
		cmocka_unit_test(bad_json),
		cmocka_unit_test(separators),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
