/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tree.c: trees with places, and each error with its place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <leat/json.h>

#include "core/config/tree.h"
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

/* {key: value} and [a, b], with places as @line:column of keys and items. */
static void
print(const struct tree_node *n, bool places, struct leat_buf *to)
{
	const char *sep = "";

	if (n->kind == TREE_NULL)
		(void)leat_buf_add_str(to, "null");
	else if (n->kind == TREE_SCALAR)
		(void)leat_buf_printf(to, "'%s'", n->text);
	if (n->kind == TREE_NULL || n->kind == TREE_SCALAR)
		return;
	(void)leat_buf_add_str(to, n->kind == TREE_MAP ? "{" : "[");
	for (size_t i = 0; i < n->nitems; i++) {
		(void)leat_buf_add_str(to, sep);
		if (n->kind == TREE_MAP)
			(void)leat_buf_add_str(to, n->items[i].key);
		if (places)
			(void)leat_buf_printf(to, "@%d:%d",
			    n->items[i].line, n->items[i].column);
		if (n->kind == TREE_MAP || places)
			(void)leat_buf_add_str(to, " ");
		print(n->items[i].value, places, to);
		sep = ", ";
	}
	(void)leat_buf_add_str(to, n->kind == TREE_MAP ? "}" : "]");
}

static const struct tree_node *
parse(const char *text)
{
	return tree_parse(text, strlen(text), "f.yaml", &arena, problems);
}

static void
assert_tree(const struct tree_node *root, bool places, const char *want)
{
	struct leat_buf b;

	assert_problems(problems, "");
	assert_non_null(root);
	leat_buf_init(&b, 1 << 20);
	print(root, places, &b);
	assert_string_equal(leat_buf_cstr(&b), want);
	leat_buf_fini(&b);
}

static void
test_scalars(void **state)
{
	assert_tree(parse("a: no\nb: 010\nc: 'it''s'\nd: \"x\\ty\"\n"
	    "e: ~\nf:\ng: null\nh: 'null'\ni: \"\"\nj: |\n  two\n  lines\n"
	    "k: >-\n  one\n  line\nl: !!str null\nm: 1.10\n"), false,
	    "{a 'no', b '010', c 'it's', d 'x\ty', e null, f null, g null, "
	    "h 'null', i '', j 'two\nlines\n', k 'one line', l 'null', "
	    "m '1.10'}");
}

static void
test_places(void **state)
{
	assert_tree(parse("# comment\na: 1\nb:\n  - x\n  - {c: y}\n  -   z\n"),
	    true, "{a@2:1 '1', b@3:1 [@4:5 'x', @5:5 {c@5:6 'y'}, "
	    "@6:7 'z']}");
}

static void
test_json(void **state)
{
	assert_tree(parse("{\n\t\"name\": \"x\",\n\t\"n\": 1,\n"
	    "\t\"t\": [true, null, \"a\\/b\\u00e4\"]\n}"), false,
	    "{name 'x', n '1', t ['true', null, 'a/b\xc3\xa4']}");
	/* Only a JSON parser understands this. */
	assert_tree(parse("{\"a\": \"\\ud83d\\ude00\", \"b\": {\"c\": 1.5, "
	    "\"d\": [null, false, 1]}}"), false,
	    "{a '\xf0\x9f\x98\x80', b {c '1.5', d [null, 'false', '1']}}");
}

static void
test_empty(void **state)
{
	assert_tree(parse(""), false, "null");
	assert_tree(parse("# nothing\n"), false, "null");
	assert_tree(parse("---\n...\n"), false, "null");
	assert_tree(parse("\xef\xbb\xbfk: 1\n"), false, "{k '1'}");
	assert_tree(parse("a: 1\r\nb: 2\r\n"), false, "{a '1', b '2'}");
	assert_tree(parse("x"), false, "'x'");
}

static void
test_aliases(void **state)
{
	assert_tree(parse("a: &x {k: 1, l: 2}\nb: *x\nc:\n  <<: *x\n  k: 3\n"
	    "d:\n  <<: [*x, {m: 4}]\n  n: &y 5\ne: *y\n"), false,
	    "{a {k '1', l '2'}, b {k '1', l '2'}, c {k '3', l '2'}, "
	    "d {n '5', k '1', l '2', m '4'}, e '5'}");
	assert_int_equal(parse("[&a 1, *a, *a]")->weight, 4);
}

struct bad {
	const char *text;
	const char *want;
};

static const struct bad bads[] = {
	{ "a: 1\nb: 2\na: 3\n",
	    "f.yaml:3:1: a: set twice, first in line 1\n" },
	{ "x:\n  a: 1\n  a: 1\n",
	    "f.yaml:3:3: a: set twice, first in line 2\n" },
	{ "a:\n\tb: 1\n",
	    "f.yaml:2:1: unexpected tab (indent with spaces)\n" },
	{ "a: b: c\n",
	    "f.yaml:1:5: syntax error: unexpected ':' (check the "
	    "indentation, or quote a value that contains ': ')\n" },
	{ "a: 1\n b: 2\n",
	    "f.yaml:2:3: syntax error: unexpected ':' (check the "
	    "indentation, or quote a value that contains ': ')\n" },
	{ "a:\n  b: 1\n c: 2\n",
	    "f.yaml:3:2: syntax error: expected a key (keys of one level "
	    "begin in one column)\n" },
	{ "a:\n  - 1\n  b: 2\n",
	    "f.yaml:3:3: syntax error: expected '-' (items of one list begin "
	    "in one column)\n" },
	{ "a: [1, 2\nb: 3\n",
	    "f.yaml:2:2: syntax error: expected ',' or ']'\n" },
	{ "a: {b: 1\n",
	    "f.yaml:2:1: syntax error: expected ',' or '}'\n" },
	{ "a: \"x\n",
	    "f.yaml:2:1: syntax error: the file ends within a quoted text\n" },
	{ "a\nb: 1\n",
	    "f.yaml:2:2: syntax error: unexpected ':' (check the "
	    "indentation, or quote a value that contains ': ')\n" },
	{ "a: x\xff\n",
	    "f.yaml:1:5: syntax error: invalid leading UTF-8 octet\n" },
	{ "a: 1\nb: x\x01\n",
	    "f.yaml:2:5: syntax error: a control character\n" },
	{ "a: \"x\\0y\"\n",
	    "f.yaml:1:4: text may not hold a NUL character\n" },
	{ "a: *b\n",
	    "f.yaml:1:4: no anchor '&b' before this alias\n" },
	{ "a: &b [*b]\n",
	    "f.yaml:1:8: no anchor '&b' before this alias\n" },
	{ "a: 1\n---\nb: 2\n",
	    "f.yaml:2:1: a second document (one file holds one document)\n" },
	{ "? [a]\n: 1\n", "f.yaml:1:3: a key must be plain text\n" },
	{ "a: &x 1\n*x : 2\n", "f.yaml:2:1: a key must be plain text\n" },
	{ "'': 1\n", "f.yaml:1:1: an empty key\n" },
	{ "{: 1}\n", "f.yaml:1:2: syntax error: expected a value\n" },
	{ "a: !!binary abc\n",
	    "f.yaml:1:4: unknown tag 'tag:yaml.org,2002:binary'\n" },
	{ "a: !secret x\n", "f.yaml:1:4: unknown tag '!secret'\n" },
	{ "a: !x!y z\n", "f.yaml:1:4: syntax error: unknown tag\n" },
	{ "a:\n  <<: 1\n",
	    "f.yaml:2:3: <<: expected a map, or a list of maps\n" },
	{ "a:\n  <<: [{b: 1}, 2]\n",
	    "f.yaml:2:3: <<: expected a map, or a list of maps\n" },
	{ "a: %x\n", "f.yaml:1:4: syntax error: found character that cannot "
	    "start any token\n" },
};

static void
test_errors(void **state)
{
	for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
		struct problems *own = problems_new();

		assert_null(tree_parse(bads[i].text, strlen(bads[i].text),
		    "f.yaml", &arena, own));
		assert_problems(own, bads[i].want);
		problems_free(own);
	}
}

static void
test_depth(void **state)
{
	char text[200];

	memset(text, '[', 100);
	memset(text + 100, ']', 100);
	assert_non_null(tree_parse(text + 68, 64, "f", &arena, problems));
	assert_null(tree_parse(text + 67, 66, "f.yaml", &arena, problems));
	assert_problems(problems,
	    "f.yaml:1:33: nested deeper than 32 levels\n");
}

/* Depth that comes through aliases counts too. */
static void
test_alias_depth(void **state)
{
	struct leat_buf b;

	leat_buf_init(&b, 10000);
	(void)leat_buf_add_str(&b, "a0: &a0 [x]\n");
	for (int i = 1; i < 40; i++)
		(void)leat_buf_printf(&b, "a%d: &a%d [*a%d]\n", i, i, i - 1);
	assert_null(parse(leat_buf_cstr(&b)));
	assert_problems(problems,
	    "f.yaml:31:1: nested deeper than 32 levels\n");
	leat_buf_fini(&b);
}

static void
test_billion_laughs(void **state)
{
	struct leat_buf b;

	leat_buf_init(&b, 10000);
	(void)leat_buf_add_str(&b, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
	for (int i = 1; i < 10; i++)
		(void)leat_buf_printf(&b, "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,"
		    "*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i, i - 1, i - 1,
		    i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
	assert_null(parse(leat_buf_cstr(&b)));
	assert_int_equal(problems_count(problems), 1);
	assert_string_equal(problems_at(problems, 0)->text,
	    "more than 100000 values, aliases written out");
	leat_buf_fini(&b);
}

static void
test_sizes(void **state)
{
	size_t n = TREE_BYTES_MAX + 1;
	char *text = malloc(n);
	struct leat_buf b;

	memset(text, ' ', n);
	assert_null(tree_parse(text, n, "f.yaml", &arena, problems));
	assert_problems(problems, "f.yaml: larger than 1048576 bytes\n");
	free(text);
	/* Many keys: still quick, and twins are found. */
	leat_buf_init(&b, 1 << 20);
	for (int i = 0; i < 20000; i++)
		(void)leat_buf_printf(&b, "k%d: 1\n", i);
	(void)leat_buf_add_str(&b, "k17: 1\n");
	assert_null(parse(leat_buf_cstr(&b)));
	assert_string_equal(problems_at(problems, 1)->text,
	    "set twice, first in line 18");
	leat_buf_fini(&b);
}

static void
test_merge_limit(void **state)
{
	struct leat_buf b;

	leat_buf_init(&b, 1 << 20);
	(void)leat_buf_add_str(&b, "a: &a\n");
	for (int i = 0; i < 1001; i++)
		(void)leat_buf_printf(&b, "  k%d: 1\n", i);
	(void)leat_buf_add_str(&b, "b:\n  <<: *a\n");
	assert_null(parse(leat_buf_cstr(&b)));
	assert_string_equal(problems_at(problems, 0)->text,
	    "more than 1000 keys in a map with '<<'");
	leat_buf_fini(&b);
}

static void
test_from_value(void **state)
{
	static const char json[] = "{\"a\":[1,\"x\\u0000\"]}";
	struct leat_value v;

	assert_int_equal(leat_json_parse(&arena, json, sizeof(json) - 1, &v,
	    NULL), 0);
	assert_null(tree_from_value(&v, "REST", &arena, problems));
	assert_problems(problems,
	    "REST: text may not hold a NUL character\n");
}

static void
test_value_twice(void **state)
{
	static const char json[] = "{\"a\":1,\"a\":2}";
	struct leat_value v;

	assert_int_equal(leat_json_parse(&arena, json, sizeof(json) - 1, &v,
	    NULL), 0);
	assert_null(tree_from_value(&v, "REST", &arena, problems));
	assert_problems(problems, "REST: a: set twice\n");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_scalars),
		T(test_places),
		T(test_json),
		T(test_empty),
		T(test_aliases),
		T(test_errors),
		T(test_depth),
		T(test_alias_depth),
		T(test_billion_laughs),
		T(test_sizes),
		T(test_merge_limit),
		T(test_from_value),
		T(test_value_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
