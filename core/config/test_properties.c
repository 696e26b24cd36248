/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_properties.c: building, sharing and comparing properties; problems.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "tests/harness/conf.h"


static const struct place here = { "a.yaml", 3, 5 };

static void
test_build(void **state)
{
	struct properties_builder *b = properties_builder_new();
	struct properties *p;
	char key[] = "url", value[] = "v";

	assert_int_equal(properties_builder_set(b, key, "${env:X}", value,
	    here, true), 0);
	assert_int_equal(properties_builder_set(b, "a", "1", "1", here,
	    false), 0);
	assert_int_equal(properties_builder_set(b, "z", "2", "2", here,
	    false), 0);
	assert_int_equal(properties_builder_set(b, "a", "3", "3", here,
	    false), 0);
	properties_builder_remove(b, "z");
	properties_builder_origin(b, (struct place){ "a.yaml", 1, 1 });
	key[0] = value[0] = 'x';
	assert_string_equal(properties_builder_find(b, "a")->value, "3");
	p = properties_builder_finish(b);
	assert_properties(p, "url=v\na=3\n");
	assert_string_equal(properties_find(p, "url")->raw, "${env:X}");
	assert_true(properties_find(p, "url")->secret);
	assert_int_equal(properties_find(p, "a")->place.line, 3);
	assert_string_equal(properties_find(p, "a")->place.file, "a.yaml");
	assert_int_equal(properties_origin(p).line, 1);
	assert_null(properties_find(p, "z"));
	assert_string_equal(properties_get(p, "z", "def"), "def");
	assert_string_equal(properties_get(p, "a", "def"), "3");
	/* The builder is empty and can be used again. */
	properties_unref(properties_ref(p));
	properties_unref(p);
	p = properties_builder_finish(b);
	assert_int_equal(properties_count(p), 0);
	properties_unref(p);
	properties_unref(NULL);
	properties_builder_free(b);
	properties_builder_free(NULL);
}

static struct properties *
make(const char *const *pairs)
{
	struct properties_builder *b = properties_builder_new();
	struct properties *p;

	for (; *pairs != NULL; pairs += 2)
		(void)properties_builder_set(b, pairs[0], "raw", pairs[1],
		    here, false);
	p = properties_builder_finish(b);
	properties_builder_free(b);
	return p;
}

static void
test_equal(void **state)
{
	struct properties *a = make((const char *[]){ "x", "1", "y", "2",
	    NULL });
	struct properties *b = make((const char *[]){ "y", "2", "x", "1",
	    NULL });
	struct properties *c = make((const char *[]){ "y", "2", "x", "3",
	    NULL });
	struct properties *d = make((const char *[]){ "y", "2", NULL });

	assert_true(properties_equal(a, b));
	assert_false(properties_equal(a, c));
	assert_false(properties_equal(a, d));
	properties_unref(a);
	properties_unref(b);
	properties_unref(c);
	properties_unref(d);
}

static void
test_add(void **state)
{
	struct properties *p = make((const char *[]){ "x", "1", "y", "2",
	    NULL });
	struct properties_builder *b = properties_builder_new();
	struct properties *q;

	(void)properties_builder_set(b, "y", "own", "own", here, false);
	assert_int_equal(properties_builder_add(b, p, true), 0);
	q = properties_builder_finish(b);
	assert_properties(q, "y=own\nx=1\n");
	properties_unref(q);
	(void)properties_builder_set(b, "y", "own", "own", here, false);
	assert_int_equal(properties_builder_add(b, p, false), 0);
	q = properties_builder_finish(b);
	assert_properties(q, "y=2\nx=1\n");
	properties_unref(q);
	properties_unref(p);
	properties_builder_free(b);
}

static void
test_limit(void **state)
{
	struct properties_builder *b = properties_builder_new();
	char key[16];

	for (int i = 0; i < PROPERTIES_MAX; i++) {
		(void)snprintf(key, sizeof(key), "k%d", i);
		assert_int_equal(properties_builder_set(b, key, "v", "v",
		    here, false), 0);
	}
	assert_int_equal(properties_builder_set(b, "k1", "w", "w", here,
	    false), 0);
	assert_int_equal(properties_builder_set(b, "one more", "v", "v", here,
	    false), LEAT_E_LIMIT);
	assert_int_equal(properties_builder_set(b, "k1", "v", "v", here,
	    false), LEAT_E_LIMIT);
	assert_null(properties_builder_finish(b));
	properties_builder_free(b);
}

static void
test_problems(void **state)
{
	struct problems *p = problems_new(), *q = problems_new();
	struct leat_buf b;

	problems_add(p, (struct place){ "b.yaml", 2, 1 }, "port", NULL,
	    "expected a number (1 to %d)", 65535);
	problems_add(q, (struct place){ "a.yaml", 7, 3 }, "tabels",
	    "did you mean 'tables'?", "unknown option");
	problems_add(q, (struct place){ "a.yaml", 7, 1 }, NULL, NULL, "x");
	problems_add(q, (struct place){ .file = "a.yaml" }, NULL, NULL,
	    "the file is empty");
	problems_add(q, (struct place){ .file = NULL }, "k", NULL, "y");
	problems_append(p, q);
	problems_sort(p);
	assert_int_equal(problems_count(p), 5);
	assert_problems(p, "k: y\n"
	    "a.yaml: the file is empty\n"
	    "a.yaml:7:1: x\n"
	    "a.yaml:7:3: tabels: unknown option (did you mean 'tables'?)\n"
	    "b.yaml:2:1: port: expected a number (1 to 65535)\n");
	leat_buf_init(&b, 10000);
	assert_int_equal(problems_print_json(q, &b), 0);
	assert_string_equal(leat_buf_cstr(&b),
	    "[{\"file\":\"a.yaml\",\"line\":7,\"column\":3,"
	    "\"key\":\"tabels\",\"message\":\"unknown option\","
	    "\"hint\":\"did you mean 'tables'?\"},"
	    "{\"file\":\"a.yaml\",\"line\":7,\"column\":1,\"key\":null,"
	    "\"message\":\"x\",\"hint\":null},"
	    "{\"file\":\"a.yaml\",\"line\":0,\"column\":0,\"key\":null,"
	    "\"message\":\"the file is empty\",\"hint\":null},"
	    "{\"file\":null,\"line\":0,\"column\":0,\"key\":\"k\","
	    "\"message\":\"y\",\"hint\":null}]");
	leat_buf_fini(&b);
	problems_free(p);
	problems_free(q);
	problems_free(NULL);
}

static void
test_many_problems(void **state)
{
	struct problems *p = problems_new(), *q = problems_new();

	for (int i = 0; i < 510; i++)
		problems_add(p, here, "k", NULL, "%d", i);
	assert_int_equal(problems_count(p), 501);
	assert_string_equal(problems_at(p, 499)->text, "499");
	assert_string_equal(problems_at(p, 500)->text,
	    "10 more problems are not shown");
	problems_add(q, here, "k", NULL, "first");
	problems_append(q, p);
	assert_int_equal(problems_count(q), 501);
	assert_string_equal(problems_at(q, 500)->text,
	    "11 more problems are not shown");
	problems_free(p);
	problems_free(q);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_build),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_problems),
		cmocka_unit_test(test_many_problems),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
