/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_options.c: settings as text into a config struct.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include <leat/options.h>

#include "sdk/testkit/mem_fail.h"

struct config {
	const char *url;
	const char *password;
	int32_t tls;
	int32_t mode;
	int64_t port;
	int64_t wait_ms;
	int64_t size;
	double factor;
	struct leat_list tables;
	struct leat_params headers;
	const char *old;
};

#define AT(field) .offset = offsetof(struct config, field)

/* clang-format off */
static const struct leat_option table[] = {
	{ .name = "url", .aliases = "address, connection.url",
	  .type = LEAT_OPT_STRING, .flags = LEAT_OPT_REQUIRED, AT(url) },
	{ .name = "password", .type = LEAT_OPT_STRING,
	  .flags = LEAT_OPT_SECRET, AT(password) },
	{ .name = "tls", .type = LEAT_OPT_BOOL, .def = "true", AT(tls) },
	{ .name = "snapshot.mode", .type = LEAT_OPT_CHOICE, .def = "initial",
	  .choices = "never, initial, always", AT(mode) },
	{ .name = "port", .type = LEAT_OPT_INT, .def = "5432", .min = 1,
	  .max = 65535, AT(port) },
	{ .name = "wait.ms", .type = LEAT_OPT_DURATION, .def = "5s", .min = 1,
	  .max = 3600000, AT(wait_ms) },
	{ .name = "max.bytes", .type = LEAT_OPT_BYTES, .def = "1MiB",
	  AT(size) },
	{ .name = "factor", .type = LEAT_OPT_DOUBLE, .def = "0.5",
	  AT(factor) },
	{ .name = "tables", .aliases = "table.include.list",
	  .type = LEAT_OPT_LIST, AT(tables) },
	{ .name = "headers", .type = LEAT_OPT_MAP, AT(headers) },
	{ .name = "old", .type = LEAT_OPT_STRING, .flags = LEAT_OPT_DEPRECATED,
	  .help = "use url", AT(old) },
	{ .name = NULL }
};
/* clang-format on */

struct fixture {
	struct leat_arena arena;
	struct leat_buf issues;
	struct config config;
};

/* One line per issue: "severity key: text (hint) @place". */
static void
note_issue(void *arg, const struct leat_issue *issue)
{
	struct leat_buf *b = arg;
	const char *place = issue->setting != NULL ? issue->setting->place :
						     NULL;

	(void)leat_buf_printf(b, "%s %s: %s",
	    issue->severity == LEAT_ISSUE_ERROR ? "error" : "warning",
	    issue->key, issue->text);
	if (issue->hint != NULL)
		(void)leat_buf_printf(b, " (%s)", issue->hint);
	(void)leat_buf_printf(b, " @%s\n", place != NULL ? place : "-");
}

static int
setup(void **state)
{
	static struct fixture x;

	leat_arena_init(&x.arena, 0, 0);
	leat_buf_init(&x.issues, 100000);
	*state = &x;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *x = *state;

	leat_arena_fini(&x->arena);
	leat_buf_fini(&x->issues);
	return 0;
}

static int
fill_from(struct fixture *x, const struct leat_option *from,
    const struct leat_setting *settings, size_t n)
{
	struct leat_fill fill = { .table = from, .settings = settings,
		.nsettings = n, .issue = note_issue, .arg = &x->issues };

	leat_buf_reset(&x->issues);
	return leat_options_fill(&fill, &x->arena, &x->config,
	    sizeof(x->config));
}

/* clang-format off */
#define FILL(x, ...)                                                \
	fill_from((x), table, (const struct leat_setting[]){        \
	    { .key = "url", .value = "u" }, __VA_ARGS__ },          \
	    sizeof((const struct leat_setting[]){                   \
	    { .key = "url" }, __VA_ARGS__ }) / sizeof(struct leat_setting))
#define SET(k, v) { .key = (k), .value = (v), .place = "f:" k }
/* clang-format on */

static void
assert_issues(struct fixture *x, const char *expected)
{
	assert_string_equal(leat_buf_cstr(&x->issues), expected);
}

static void
test_defaults(void **state)
{
	struct fixture *x = *state;

	memset(&x->config, 0xff, sizeof(x->config));
	assert_int_equal(FILL(x, { .key = "password" }), 0);
	assert_issues(x, "");
	assert_string_equal(x->config.url, "u");
	assert_null(x->config.password);
	assert_int_equal(x->config.tls, 1);
	assert_int_equal(x->config.mode, 1);
	assert_int_equal(x->config.port, 5432);
	assert_int_equal(x->config.wait_ms, 5000);
	assert_int_equal(x->config.size, 1048576);
	assert_true(x->config.factor == 0.5);
	assert_int_equal(x->config.tables.len, 0);
	assert_int_equal(x->config.headers.len, 0);
}

static void
test_all_types(void **state)
{
	struct fixture *x = *state;

	assert_int_equal(FILL(x, SET("password", " secret "),
	    SET("tls", "OFF"), SET("snapshot.mode", "Always"),
	    SET("port", " 1 "), SET("wait.ms", "1.5s"),
	    SET("max.bytes", "2GiB"), SET("factor", "1e-3"),
	    SET("table.include.list", " a , b\\,c ,, d\\e "),
	    SET("headers.X-A", " 1 "), SET("headers.b.c", "")), 0);
	assert_issues(x, "");
	assert_string_equal(x->config.password, "secret");
	assert_int_equal(x->config.tls, 0);
	assert_int_equal(x->config.mode, 2);
	assert_int_equal(x->config.port, 1);
	assert_int_equal(x->config.wait_ms, 1500);
	assert_int_equal(x->config.size, INT64_C(2147483648));
	assert_true(x->config.factor == 0.001);
	assert_int_equal(x->config.tables.len, 3);
	assert_string_equal(x->config.tables.items[0], "a");
	assert_string_equal(x->config.tables.items[1], "b,c");
	assert_string_equal(x->config.tables.items[2], "d\\e");
	assert_int_equal(x->config.headers.len, 2);
	assert_string_equal(x->config.headers.items[0].key, "X-A");
	assert_string_equal(x->config.headers.items[0].value, "1");
	assert_string_equal(x->config.headers.items[1].key, "b.c");
	assert_string_equal(x->config.headers.items[1].value, "");
}

static void
test_all_errors_at_once(void **state)
{
	struct fixture *x = *state;

	assert_int_equal(FILL(x, SET("tls", "1"),
	    SET("snapshot.mode", "allways"), SET("port", "0"),
	    SET("wait.ms", "2h"), SET("max.bytes", "2x"),
	    SET("factor", "half")), 6);
	assert_issues(x,
	    "error tls: expected true or false, got '1' @f:tls\n"
	    "error snapshot.mode: expected one of: never, initial, always,"
	    " got 'allways' (did you mean 'always'?) @f:snapshot.mode\n"
	    "error port: expected a whole number (1 to 65535), got '0'"
	    " @f:port\n"
	    "error wait.ms: expected a duration such as 500ms, 5s or 1h"
	    " (1ms to 3600000ms), got '2h' @f:wait.ms\n"
	    "error max.bytes: expected a size such as 65536, 64KiB or 1MB,"
	    " got '2x' @f:max.bytes\n"
	    "error factor: expected a number, got 'half' @f:factor\n");
	assert_int_equal(x->config.port, 0);
}

static void
test_required(void **state)
{
	struct fixture *x = *state;
	struct leat_setting blank = SET("address", "  ");

	assert_int_equal(fill_from(x, table, NULL, 0), 1);
	assert_issues(x, "error url: required, but not set @-\n");
	assert_int_equal(fill_from(x, table, &blank, 1), 1);
	assert_issues(x, "error address: required, but empty @f:address\n");
}

static void
test_set_twice(void **state)
{
	struct fixture *x = *state;

	assert_int_equal(FILL(x, SET("connection.url", "v")), 1);
	assert_issues(x, "error connection.url: set before as 'url'"
	    " @f:connection.url\n");
	assert_string_equal(x->config.url, "u");
}

static void
test_unknown_keys(void **state)
{
	struct fixture *x = *state;

	assert_int_equal(FILL(x, SET("tabels", "a"), SET("zzzzzz", "b"),
	    SET("headers", "c"), SET("headers.", "d"),
	    SET("snapshot_mode", "e")), 5);
	assert_issues(x,
	    "error tabels: unknown option (did you mean 'tables'?)"
	    " @f:tabels\n"
	    "error zzzzzz: unknown option @f:zzzzzz\n"
	    "error headers: unknown option @f:headers\n"
	    "error headers.: unknown option @f:headers.\n"
	    "error snapshot_mode: unknown option"
	    " (did you mean 'snapshot.mode'?) @f:snapshot_mode\n");
}

/* Keys of another table are neither taken nor unknown, and may be meant. */
static void
test_other_tables(void **state)
{
	static const struct leat_option worker[] = {
		{ .name = "tasks.max", .type = LEAT_OPT_INT },
		{ .name = "transforms", .type = LEAT_OPT_MAP },
		{ .name = "headers.mode", .type = LEAT_OPT_STRING },
		{ .name = NULL }
	};
	const struct leat_option *const others[] = { worker, NULL };
	const struct leat_setting settings[] = {
		SET("url", "u"), SET("tasks.max", "1"),
		SET("transforms.a.type", "x"), SET("headers.mode", "m"),
		SET("headers.x", "y"), SET("task.max", "1")
	};
	struct fixture *x = *state;
	struct leat_fill fill = { .table = table, .others = others,
		.settings = settings, .nsettings = 6, .issue = note_issue,
		.arg = &x->issues };

	leat_buf_reset(&x->issues);
	assert_int_equal(leat_options_fill(&fill, &x->arena, &x->config,
	    sizeof(x->config)), 1);
	assert_issues(x, "error task.max: unknown option"
	    " (did you mean 'tasks.max'?) @f:task.max\n");
	assert_int_equal(x->config.headers.len, 1);
	assert_string_equal(x->config.headers.items[0].key, "x");
}

static void
test_deprecated_warns(void **state)
{
	struct fixture *x = *state;

	assert_int_equal(FILL(x, SET("old", "v")), 0);
	assert_issues(x, "warning old: deprecated: use url @f:old\n");
	assert_string_equal(x->config.old, "v");
}

static void
test_secrets_are_not_told(void **state)
{
	static const struct leat_option secret[] = {
		{ .name = "pin", .type = LEAT_OPT_INT,
		    .flags = LEAT_OPT_SECRET, AT(port) },
		{ .name = "port", .type = LEAT_OPT_INT, AT(size) },
		{ .name = NULL }
	};
	struct leat_setting settings[] = {
		SET("pin", "12x4"), SET("port", "hunter2")
	};
	struct fixture *x = *state;

	settings[1].secret = 1;
	assert_int_equal(fill_from(x, secret, settings, 2), 2);
	assert_issues(x, "error pin: expected a whole number @f:pin\n"
	    "error port: expected a whole number @f:port\n");
}

static void
test_bad_tables(void **state)
{
	static const struct leat_option bad[] = {
		{ .name = "a", .type = LEAT_OPT_INT, .def = "x" },
		{ .name = "b", .type = LEAT_OPT_INT,
		    .offset = sizeof(struct config) - 7 },
		{ .name = "c", .type = LEAT_OPT_STRING, .offset = UINT64_MAX },
		{ .name = "d", .type = 99 },
		{ .name = NULL }
	};
	struct fixture *x = *state;

	assert_int_equal(fill_from(x, bad, NULL, 0), 4);
	assert_issues(x,
	    "error a: default 'x': expected a whole number @-\n"
	    "error b: the option's field lies outside its struct @-\n"
	    "error c: the option's field lies outside its struct @-\n"
	    "error d: the option's type is unknown @-\n");
}

static void
test_no_table(void **state)
{
	const struct leat_setting s = SET("a", "1");
	struct fixture *x = *state;

	assert_int_equal(fill_from(x, NULL, NULL, 0), 0);
	assert_int_equal(fill_from(x, NULL, &s, 1), 1);
	assert_issues(x, "error a: unknown option @f:a\n");
}

static void
test_find(void **state)
{
	const char *rest = "x";

	(void)state;
	assert_ptr_equal(leat_options_find(table, "url", &rest), &table[0]);
	assert_null(rest);
	assert_ptr_equal(leat_options_find(table, "connection.url", NULL),
	    &table[0]);
	assert_ptr_equal(leat_options_find(table, "headers.a.b", &rest),
	    &table[9]);
	assert_string_equal(rest, "a.b");
	assert_null(leat_options_find(table, "ur", &rest));
	assert_null(rest);
	assert_true(leat_str_eq_c(leat_options_nearest(table, "passwort"),
	    "password"));
	assert_int_equal(leat_options_nearest(table, "qqqqqqq").len, 0);
}

static void
test_prints_without_secrets(void **state)
{
	struct fixture *x = *state;
	struct leat_buf b;

	leat_buf_init(&b, 10000);
	assert_int_equal(FILL(x, SET("password", "hunter2"),
	    SET("tables", "a,b"), SET("headers.auth", "hunter2")), 0);
	x->config.url = "postgres://cdc:hunter2@db:5432/shop?x=1";
	assert_int_equal(leat_options_print(table, &x->config, &b), 0);
	assert_string_equal(leat_buf_cstr(&b),
	    "url=postgres://cdc:***@db:5432/shop?x=1\n"
	    "password=***\ntls=true\nsnapshot.mode=initial\nport=5432\n"
	    "wait.ms=5000\nmax.bytes=1048576\nfactor=0.5\ntables=a,b\n"
	    "headers=auth=***\n");
	leat_buf_fini(&b);
}

static void
test_out_of_memory(void **state)
{
	struct fixture *x = *state;
	long n;
	int rc = -1;

	for (n = 1; rc != 0; n++) {
		/* Small chunks, so that there is much to fail. */
		leat_arena_fini(&x->arena);
		leat_arena_init(&x->arena, 1, 0);
		mem_fail_at(n);
		rc = FILL(x, SET("tables", "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o"),
		    SET("headers.a", "1"), SET("headers.b", "2"),
		    SET("headers.c", "3"), SET("password", "x"));
		assert_true(rc == 0 || mem_fail_hit());
	}
	mem_fail_at(0);
	assert_true(n > 5);
	assert_int_equal(x->config.headers.len, 3);
	assert_int_equal(x->config.tables.len, 15);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_all_types),
		cmocka_unit_test(test_all_errors_at_once),
		cmocka_unit_test(test_required),
		cmocka_unit_test(test_set_twice),
		cmocka_unit_test(test_unknown_keys),
		cmocka_unit_test(test_other_tables),
		cmocka_unit_test(test_deprecated_warns),
		cmocka_unit_test(test_secrets_are_not_told),
		cmocka_unit_test(test_bad_tables),
		cmocka_unit_test(test_no_table),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_prints_without_secrets),
		cmocka_unit_test(test_out_of_memory),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
