/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pg_signal.c: what signals may say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pg_signal.h"

static struct leat_err err;
static struct leat_arena arena;
static struct pg_signal sig;

static int
parse(const char *type, const char *data)
{
	leat_err_clear(&err);
	return pg_signal_parse(LEAT_STR("id-1"), leat_str_c(type),
	    leat_str_c(data), &arena, &sig, &err);
}

static void
refused(const char *type, const char *data, const char *text)
{
	assert_true(parse(type, data) < 0);
	if (strstr(err.text, text) == NULL)
		fail_msg("'%s' is not in '%s'", text, err.text);
}

static void
test_execute(void **state)
{
	assert_int_equal(parse("execute-snapshot", "{\"type\":\"BLOCKING\","
	    "\"data-collections\":[\"a.b\",\"c\\\\..*\"],"
	    "\"additional-conditions\":[{\"data-collection\":\"a.b\","
	    "\"filter\":\"x > 1\"}],\"surrogate-key\":\"k\"}"), 0);
	assert_int_equal(sig.kind, PG_SIGNAL_EXECUTE);
	assert_true(sig.blocking);
	assert_string_equal(sig.id, "id-1");
	assert_int_equal(sig.ncollections, 2);
	assert_string_equal(sig.collections[1], "c\\..*");
	assert_int_equal(sig.nconditions, 1);
	assert_string_equal(sig.conditions[0].collection, "a.b");
	assert_string_equal(sig.conditions[0].filter, "x > 1");
	assert_string_equal(sig.surrogate, "k");
	/* Incremental is what is meant when nothing is said. */
	assert_int_equal(parse("execute-snapshot",
	    "{\"data-collections\":[\"t\"]}"), 0);
	assert_false(sig.blocking);
	assert_null(sig.surrogate);
}

static void
test_others(void **state)
{
	assert_int_equal(parse("stop-snapshot", "{\"type\":\"incremental\"}"),
	    0);
	assert_int_equal(sig.kind, PG_SIGNAL_STOP);
	assert_int_equal(sig.ncollections, 0);
	assert_int_equal(parse("pause-snapshot", ""), 0);
	assert_int_equal(sig.kind, PG_SIGNAL_PAUSE);
	assert_int_equal(parse(" resume-snapshot ", "null"), 0);
	assert_int_equal(sig.kind, PG_SIGNAL_RESUME);
	assert_int_equal(parse("log", "{\"message\":\"at {}\"}"), 0);
	assert_string_equal(sig.message, "at {}");
	/* Our own rows have data that nobody reads. */
	assert_int_equal(parse("snapshot-window-close",
	    "{\"openWindowTimestamp\":\"2024-01-01T00:00:00Z\"}"), 0);
	assert_int_equal(sig.kind, PG_SIGNAL_WINDOW_CLOSE);
}

static void
test_refused(void **state)
{
	refused("explode", "{}", "'explode' is not one of execute-snapshot");
	refused("execute-snapshot", "{", "data: ");
	refused("execute-snapshot", "[1]", "data: must be a JSON object");
	refused("execute-snapshot", "{}", "data-collections: names no table");
	refused("execute-snapshot", "{\"data-collections\":\"t\"}",
	    "data-collections: must be a list");
	refused("execute-snapshot", "{\"data-collections\":[1]}",
	    "data-collections: has what is no text");
	refused("execute-snapshot", "{\"data-collections\":[\"t\"],"
	    "\"type\":\"FULL\"}", "type: 'FULL' is not one of INCREMENTAL");
	refused("execute-snapshot", "{\"data-collections\":[\"t\"],"
	    "\"additional-conditions\":[{\"filter\":\"x\"}]}",
	    "additional-conditions: need data-collection and filter");
	refused("execute-snapshot", "{\"data-collections\":[\"t\"],"
	    "\"additional-conditions\":[1]}",
	    "additional-conditions: must be objects");
	refused("execute-snapshot", "{\"data-collections\":[\"t\"],"
	    "\"surrogate-key\":5}", "surrogate-key: must be a text");
	refused("pause-snapshot", "{\"type\":\"BLOCKING\"}",
	    "only an INCREMENTAL snapshot can be");
	refused("log", "{}", "message: is missing");
}

static void
test_limits(void **state)
{
	char *data = malloc(PG_SIGNAL_DATA_MAX + 2);
	char id[200];

	memset(data, ' ', PG_SIGNAL_DATA_MAX + 1);
	data[PG_SIGNAL_DATA_MAX + 1] = '\0';
	refused("log", data, "data: is longer than 256 KiB");
	free(data);
	memset(id, 'x', sizeof(id));
	assert_int_equal(pg_signal_parse((struct leat_str){ id, sizeof(id) },
	    LEAT_STR("pause-snapshot"), LEAT_STR(""), &arena, &sig, &err), 0);
	assert_int_equal(strlen(sig.id), PG_SIGNAL_ID_MAX);
	/* One is made where none is. */
	assert_int_equal(pg_signal_parse(LEAT_STR(" "),
	    LEAT_STR("pause-snapshot"), LEAT_STR(""), &arena, &sig, &err), 0);
	assert_int_equal(strlen(sig.id), 36);
}

static int
object(const char *json)
{
	leat_err_clear(&err);
	return pg_signal_parse_object(leat_str_c(json), &arena, &sig, &err);
}

static void
test_object(void **state)
{
	assert_int_equal(object("{\"id\":\"7\",\"type\":\"log\",\"data\":"
	    "{\"message\":\"m\"}}"), 0);
	assert_string_equal(sig.id, "7");
	assert_string_equal(sig.message, "m");
	/* The data may be a text with JSON in it. */
	assert_int_equal(object("{\"type\":\"log\",\"data\":"
	    "\"{\\\"message\\\":\\\"n\\\"}\"}"), 0);
	assert_string_equal(sig.message, "n");
	assert_int_equal(object("{\"type\":\"pause-snapshot\"}"), 0);
	assert_true(object("{\"type\":\"pause-snapshot\",\"data\":[]}") < 0);
	assert_string_equal(err.text, "data: must be an object");
	assert_true(object("{\"id\":\"1\"}") < 0);
	assert_string_equal(err.text, "type: is missing");
	assert_true(object("[]") < 0);
	assert_string_equal(err.text, "signal: must be a JSON object");
	assert_true(object("{") < 0);
}

static void
test_table_name(void **state)
{
	assert_true(pg_signal_is_table("a.b", LEAT_STR("a"), LEAT_STR("b")));
	assert_true(pg_signal_is_table("a.b.c", LEAT_STR("a"),
	    LEAT_STR("b.c")));
	assert_false(pg_signal_is_table("a.b", LEAT_STR("a"), LEAT_STR("bb")));
	assert_false(pg_signal_is_table(NULL, LEAT_STR("a"), LEAT_STR("b")));
}

static int
start(void **state)
{
	leat_arena_init(&arena, 4096, 0);
	return 0;
}

static int
stop(void **state)
{
	leat_arena_fini(&arena);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_execute),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_object),
		cmocka_unit_test(test_table_name),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
