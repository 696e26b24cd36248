/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_flatten.c: nesting, lists, transforms the long way, and binding.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include <leat/json.h>

#include "core/config/bind.h"
#include "core/config/flatten.h"
#include "tests/harness/conf.h"

static struct leat_arena arena;
static struct problems *problems;

static int
setup(void **state)
{
	leat_arena_init(&arena, 0, 0);
	problems = problems_new();
	return 0;
}

static int
teardown(void **state)
{
	leat_arena_fini(&arena);
	problems_free(problems);
	return 0;
}

/* The properties of a text, whatever was wrong. */
static struct properties *
flatten_as(const char *text, bool kafka)
{
	struct flatten f = { "f.yaml", &testing_refs, kafka, problems };
	struct properties_builder *b = properties_builder_new();
	const struct tree_node *root = tree_parse(text, strlen(text),
	    "f.yaml", &arena, problems);
	struct properties *p;
	size_t before = problems_count(problems);
	int rc;

	assert_non_null(root);
	rc = flatten_map(&f, root, b);
	if (rc == 0)
		assert_int_equal(problems_count(problems), before);
	else
		assert_int_not_equal(problems_count(problems), before);
	p = properties_builder_finish(b);
	properties_builder_free(b);
	return p;
}

static void
assert_flat(const char *text, const char *want, const char *want_problems)
{
	struct properties *p = flatten_as(text, false);

	assert_problems(problems, want_problems);
	assert_properties(p, want);
	properties_unref(p);
}

static void
test_nesting(void **state)
{
	assert_flat("a: 1\nb: {c: 2, d: {e: 3}}\nf.g: 4\nf: {h: 5}\n"
	    "empty: {}\nnull1:\nnull2: ~\ntext: ''\nbool: yes\n",
	    "a=1\nb.c=2\nb.d.e=3\nf.g=4\nf.h=5\ntext=\nbool=yes\n", "");
}

static void
test_lists(void **state)
{
	assert_flat("a: [x, y]\nb: [x]\nc: []\nd:\n  - 'p,q'\n"
	    "  - ${env:LIST}\ne: ${env:LIST}\nf: ['a{1,2}', null1]\n",
	    "a=x,y\nb=x\nc=\nd=p\\,q,a\\,b\ne=a,b\nf=a{1\\,2},null1\n", "");
}

static void
test_list_errors(void **state)
{
	assert_flat("a: [x, [y]]\nb:\n  - {c: 1}\nd: ['x\\', y]\ne: [~]\n",
	    "",
	    "f.yaml:1:8: a: a list may hold only plain values\n"
	    "f.yaml:3:5: b: a list may hold only plain values\n"
	    "f.yaml:4:5: d: an item of a list may not end in a backslash\n"
	    "f.yaml:5:5: e: a list may hold only plain values\n");
}

static void
test_twice(void **state)
{
	assert_flat("a.b: 1\na:\n  b: 2\n  c: 3\n", "a.b=1\na.c=3\n",
	    "f.yaml:3:3: a.b: set twice, first in line 1\n");
}

static void
test_long_name(void **state)
{
	char key[300], text[700];

	memset(key, 'x', sizeof(key));
	key[sizeof(key) - 1] = '\0';
	(void)snprintf(text, sizeof(text), "%s:\n  %s: 1\n", key, key);
	properties_unref(flatten_as(text, false));
	assert_int_equal(problems_count(problems), 1);
	assert_string_equal(problems_at(problems, 0)->text,
	    "the name is too long");
	assert_int_equal(problems_at(problems, 0)->place.line, 2);
}

static void
test_references(void **state)
{
	struct properties *p = flatten_as("a: ${env:USER_NAME}\n"
	    "b: ${file:/etc/hostname}\nc: pa$$word\nd: ${topic}\n"
	    "e:\n  - ${env:NONE}\n  - ${nix:x}\nf: ${env:NONE}\n", false);

	assert_problems(problems,
	    "f.yaml:6:5: e: environment variable 'NONE' is not set\n"
	    "f.yaml:7:5: e: unknown provider 'nix' (allowed: env, file, dir, "
	    "cred)\n"
	    "f.yaml:8:4: f: environment variable 'NONE' is not set\n");
	assert_string_equal(properties_find(p, "a")->value, "ada");
	assert_string_equal(properties_find(p, "a")->raw,
	    "${env:USER_NAME}");
	assert_false(properties_find(p, "a")->secret);
	assert_true(properties_find(p, "b")->secret);
	assert_string_equal(properties_get(p, "c", NULL), "pa$word");
	assert_string_equal(properties_find(p, "d")->raw, "${topic}");
	properties_unref(p);
	p = flatten_as("{\"c\": \"pa$$word\"}", true);
	assert_string_equal(properties_get(p, "c", NULL), "pa$$word");
	properties_unref(p);
}

static void
test_transforms_map(void **state)
{
	assert_flat("transforms:\n  unwrap:\n    type: T1\n    x: {y: 1}\n"
	    "  route: {type: T2, predicate: p}\n  gone: ~\n"
	    "predicates:\n  p.type: P\n  p.name: n\n",
	    "transforms=unwrap,route\ntransforms.unwrap.type=T1\n"
	    "transforms.unwrap.x.y=1\ntransforms.route.type=T2\n"
	    "transforms.route.predicate=p\npredicates=p\n"
	    "predicates.p.type=P\npredicates.p.name=n\n", "");
}

static void
test_transforms_list(void **state)
{
	assert_flat("transforms:\n  - type: T1\n    a: 1\n"
	    "  - {name: route, type: T2}\npredicates:\n  - {type: P}\n",
	    "transforms.t1.type=T1\ntransforms.t1.a=1\n"
	    "transforms.route.type=T2\ntransforms=t1,route\n"
	    "predicates.p1.type=P\npredicates=p1\n", "");
	/* Kafka Connect's own way. */
	assert_flat("transforms: a,b\ntransforms.a.type: T\n",
	    "transforms=a,b\ntransforms.a.type=T\n", "");
	assert_flat("transforms: [a, b]\n", "transforms=a,b\n", "");
}

static void
test_transforms_errors(void **state)
{
	assert_flat("transforms:\n  - {type: T}\n  - x\n"
	    "  - {name: a.b, type: T}\n  - {name: [], type: T}\n",
	    "transforms.t1.type=T\ntransforms=t1\n",
	    "f.yaml:3:5: transforms: expected a map with a 'type'\n"
	    "f.yaml:4:6: transforms: expected a name without dots and "
	    "commas\n"
	    "f.yaml:5:6: transforms: expected a name without dots and "
	    "commas\n");
}

static void
test_json(void **state)
{
	static const char json[] = "{\"name\":\"x\",\"tasks.max\":1,"
	    "\"on\":true,\"none\":null,\"list\":[\"a\",\"b\"],"
	    "\"pw\":\"a$$b\",\"ref\":\"${env:NONE}\"}";
	struct leat_value v;
	struct properties *p;

	assert_int_equal(leat_json_parse(&arena, json, sizeof(json) - 1, &v,
	    NULL), 0);
	p = flatten_json(&v, "REST", &testing_refs, problems);
	assert_null(p);
	assert_problems(problems,
	    "REST: ref: environment variable 'NONE' is not set\n");
	v.len--;	/* without the last one */
	p = flatten_json(&v, "REST", &testing_refs, problems);
	assert_properties(p,
	    "name=x\ntasks.max=1\non=true\nlist=a,b\npw=a$$b\n");
	properties_unref(p);
	v = leat_i64(1);
	assert_null(flatten_json(&v, "REST", &testing_refs, problems));
	assert_string_equal(problems_at(problems, 1)->text,
	    "expected an object");
}

/* --------------------------------------------------------------- binding */

struct config {
	const char *url;
	const char *password;
	int64_t port;
	int64_t wait_ms;
	int32_t mode;
	struct leat_list tables;
	const char *old;
};

#define AT(f) offsetof(struct config, f)

static const struct leat_option table[] = {
	{ "url", NULL, LEAT_OPT_STRING, LEAT_OPT_REQUIRED, NULL, 0, 0, NULL,
	    AT(url), "Where.", "1.0" },
	{ "password", NULL, LEAT_OPT_STRING, LEAT_OPT_SECRET, NULL, 0, 0,
	    NULL, AT(password), "", "1.0" },
	{ "port", NULL, LEAT_OPT_INT, 0, "80", 1, 65535, NULL, AT(port), "",
	    "1.0" },
	{ "wait.ms", NULL, LEAT_OPT_DURATION, 0, "5s", 0, 60000, NULL,
	    AT(wait_ms), "", "1.0" },
	{ "mode", NULL, LEAT_OPT_CHOICE, 0, "fast", 0, 0, "fast,slow",
	    AT(mode), "", "1.0" },
	{ "tables", "table.include.list", LEAT_OPT_LIST, 0, NULL, 0, 0, NULL,
	    AT(tables), "", "1.0" },
	{ "old", NULL, LEAT_OPT_STRING, LEAT_OPT_DEPRECATED, NULL, 0, 0, NULL,
	    AT(old), "Use url.", "1.0" },
	{ .name = NULL },
};

static const struct leat_option other[] = {
	{ "connector.class", NULL, LEAT_OPT_STRING, 0, NULL, 0, 0, NULL, 0, "",
	    "1.0" },
	{ .name = NULL },
};

static int
bind(const char *text, struct config *c, struct problems *warnings)
{
	const struct leat_option *const others[] = { other, NULL };
	struct properties *p = flatten_as(text, false);
	int rc = config_bind(p, table, others, &arena, c,
	    c != NULL ? sizeof(*c) : 0, problems, warnings);

	properties_unref(p);
	return rc;
}

static void
test_bind(void **state)
{
	struct problems *warnings = problems_new();
	struct config c;

	assert_int_equal(bind("url: x\nwait.ms: 3s\ntables: [a, 'b,c']\n"
	    "connector.class: y\nold: 1\n", &c, warnings), 0);
	assert_problems(problems, "");
	assert_problems(warnings, "f.yaml:5:1: old: deprecated: Use url.\n");
	assert_string_equal(c.url, "x");
	assert_int_equal(c.port, 80);
	assert_int_equal(c.wait_ms, 3000);
	assert_int_equal(c.tables.len, 2);
	assert_string_equal(c.tables.items[1], "b,c");
	problems_free(warnings);
}

static void
test_bind_errors(void **state)
{
	assert_int_equal(bind("port: 99999\ntabels: x\nmode: fats\n"
	    "password: ''\nwait.ms: 2h\n", NULL, NULL), 5);
	assert_problems(problems,
	    "f.yaml:1:1: port: expected a whole number (1 to 65535), got "
	    "'99999'\n"
	    "f.yaml:2:1: tabels: unknown option (did you mean 'tables'?)\n"
	    "f.yaml:3:1: mode: expected one of: fast,slow, got 'fats' (did "
	    "you mean 'fast'?)\n"
	    "f.yaml:5:1: wait.ms: expected a duration such as 500ms, 5s or 1h "
	    "(0ms to 60000ms), got '2h'\n"
	    "url: required, but not set\n");
}

static void
test_table_bytes(void **state)
{
	static const struct leat_option far[] = {
		{ .name = "x", .type = LEAT_OPT_STRING,
		    .offset = UINT64_MAX - 2 },
		{ .name = "y", .type = LEAT_OPT_LIST, .offset = 8 },
		{ .name = NULL },
	};

	assert_int_equal(config_table_bytes(table), sizeof(struct config));
	assert_int_equal(config_table_bytes(far), 24);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_nesting),
		T(test_lists),
		T(test_list_errors),
		T(test_twice),
		T(test_long_name),
		T(test_references),
		T(test_transforms_map),
		T(test_transforms_list),
		T(test_transforms_errors),
		T(test_json),
		T(test_bind),
		T(test_bind_errors),
		T(test_table_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
