/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_map.c: the hash table, against a plain array.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include <leat/map.h>

#include "sdk/testkit/mem_fail.h"

static void *
number(uintptr_t n)
{
	return (void *)n;
}

static void
test_set_get_remove(void **state)
{
	struct leat_map m;
	void *old = NULL;

	(void)state;
	leat_map_init(&m);
	assert_null(leat_map_get_c(&m, "a"));
	assert_null(leat_map_remove(&m, LEAT_STR("a")));
	assert_int_equal(leat_map_set(&m, LEAT_STR("a"), number(1), &old), 0);
	assert_null(old);
	assert_int_equal(leat_map_set(&m, LEAT_STR("a"), number(2), &old), 0);
	assert_ptr_equal(old, number(1));
	assert_ptr_equal(leat_map_get_c(&m, "a"), number(2));
	assert_int_equal(m.len, 1);
	assert_ptr_equal(leat_map_remove(&m, LEAT_STR("a")), number(2));
	assert_null(leat_map_get_c(&m, "a"));
	assert_int_equal(m.len, 0);
	leat_map_fini(&m);
}

static void
test_keys_are_bytes(void **state)
{
	struct leat_map m = { 0 };

	(void)state;
	(void)leat_map_set(&m, LEAT_STR("a\0b"), number(1), NULL);
	(void)leat_map_set(&m, LEAT_STR("a\0c"), number(2), NULL);
	(void)leat_map_set(&m, LEAT_STR(""), number(3), NULL);
	(void)leat_map_set(&m, (struct leat_str){ NULL, 0 }, number(4), NULL);
	assert_ptr_equal(leat_map_get(&m, LEAT_STR("a\0b")), number(1));
	assert_ptr_equal(leat_map_get(&m, LEAT_STR("a\0c")), number(2));
	assert_ptr_equal(leat_map_get_c(&m, ""), number(4));
	assert_null(leat_map_get_c(&m, "a"));
	assert_int_equal(m.len, 3);
	leat_map_fini(&m);
}

static void
test_walks_in_order(void **state)
{
	struct leat_map m = { 0 };
	const struct leat_map_entry *e;
	char key[16];
	size_t it = 0;
	int i, seen = 0;

	(void)state;
	for (i = 0; i < 1000; i++) {
		(void)snprintf(key, sizeof(key), "key-%d", i);
		(void)leat_map_set(&m, leat_str_c(key), number(1), NULL);
	}
	while ((e = leat_map_next(&m, &it)) != NULL) {
		(void)snprintf(key, sizeof(key), "key-%d", seen++);
		assert_string_equal(e->key, key);
		/* Removing while walking is allowed. */
		if (seen % 3 == 0)
			(void)leat_map_remove(&m, leat_str_c(key));
	}
	assert_int_equal(seen, 1000);
	assert_int_equal(m.len, 667);
	leat_map_fini(&m);
}

enum { KEYS = 500 };

/* Random sets and removes, compared with an array. */
static void
test_against_an_array(void **state)
{
	uintptr_t model[KEYS] = { 0 };
	struct leat_map m = { 0 };
	uint64_t x = 42;
	char key[16];
	int i;

	(void)state;
	for (i = 1; i < 200000; i++) {
		unsigned k;

		x = x * 6364136223846793005u + 1442695040888963407u;
		k = (unsigned)(x >> 33) % KEYS;
		(void)snprintf(key, sizeof(key), "%u", k);
		if ((x >> 60) % 3 == 0) {
			assert_ptr_equal(leat_map_remove(&m, leat_str_c(key)),
			    number(model[k]));
			model[k] = 0;
		} else {
			model[k] = (uintptr_t)i;
			assert_int_equal(leat_map_set(&m, leat_str_c(key),
			    number(model[k]), NULL), 0);
		}
		assert_ptr_equal(leat_map_get_c(&m, key), number(model[k]));
	}
	assert_true(m.cap <= KEYS * 4);
	leat_map_fini(&m);
}

static int
fill(struct leat_map *m)
{
	char key[16];
	int i;

	for (i = 0; i < 20; i++) {
		(void)snprintf(key, sizeof(key), "%d", i);
		if (leat_map_set(m, leat_str_c(key), number(1), NULL) < 0)
			return -1;
	}
	return 0;
}

static void
test_out_of_memory(void **state)
{
	long before = mem_live(), n;
	int rc = -1;

	(void)state;
	for (n = 1; rc < 0; n++) {
		struct leat_map m = { 0 };
		size_t len;

		mem_fail_at(n);
		rc = fill(&m);
		/* What was there before the failure is there behind it. */
		len = m.len;
		assert_int_equal(leat_map_get_c(&m, "0") != NULL, len > 0);
		assert_int_equal(rc < 0, mem_fail_hit());
		assert_int_equal(fill(&m), 0);
		assert_int_equal(m.len, 20);
		leat_map_fini(&m);
		assert_int_equal(mem_live(), before);
	}
	assert_true(n > 20);
	mem_fail_at(0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set_get_remove),
		cmocka_unit_test(test_keys_are_bytes),
		cmocka_unit_test(test_walks_in_order),
		cmocka_unit_test(test_against_an_array),
		cmocka_unit_test(test_out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
