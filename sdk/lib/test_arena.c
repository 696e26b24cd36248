/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_arena.c: the bump allocator.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <leat/arena.h>

#include "sdk/testkit/mem_fail.h"

static void
test_memory_is_aligned_and_apart(void **state)
{
	struct leat_arena a;
	uint8_t *p[200];
	size_t i, k;

	(void)state;
	leat_arena_init(&a, 512, 0);
	for (i = 0; i < 200; i++) {
		p[i] = leat_arena_alloc(&a, i);
		assert_non_null(p[i]);
		assert_int_equal((uintptr_t)p[i] % 16, 0);
		memset(p[i], (int)i, i);
	}
	for (i = 0; i < 200; i++)
		for (k = 0; k < i; k++)
			assert_int_equal(p[i][k], i);
	leat_arena_fini(&a);
}

static void
test_reset_keeps_one_chunk(void **state)
{
	struct leat_arena a;
	void *first;
	size_t held;

	(void)state;
	leat_arena_init(&a, 1024, 0);
	first = leat_arena_alloc(&a, 10);
	held = a.held_bytes;
	assert_int_equal(held, 1024);
	assert_non_null(leat_arena_alloc(&a, 5000));
	assert_non_null(leat_arena_alloc(&a, 900));
	assert_non_null(leat_arena_alloc(&a, 900));
	leat_arena_reset(&a);
	assert_int_equal(a.held_bytes, held);
	assert_int_equal(leat_arena_used(&a), 0);
	assert_ptr_equal(leat_arena_alloc(&a, 10), first);
	leat_arena_fini(&a);
	assert_int_equal(a.held_bytes, 0);
}

static void
test_used_counts_all_chunks(void **state)
{
	struct leat_arena a;
	size_t i;

	(void)state;
	leat_arena_init(&a, 256, 0);
	assert_int_equal(leat_arena_used(&a), 0);
	for (i = 0; i < 100; i++)
		assert_non_null(leat_arena_alloc(&a, 17));
	assert_non_null(leat_arena_alloc(&a, 4096));
	assert_int_equal(leat_arena_used(&a), 100 * 32 + 4096);
	leat_arena_fini(&a);
}

/* A big piece does not push the room left in the head out of use. */
static void
test_big_pieces_leave_the_head_alone(void **state)
{
	struct leat_arena a;
	uint8_t *small;

	(void)state;
	leat_arena_init(&a, 4096, 0);
	small = leat_arena_alloc(&a, 16);
	assert_non_null(leat_arena_alloc(&a, 100000));
	assert_ptr_equal(leat_arena_alloc(&a, 16), small + 16);
	leat_arena_fini(&a);
}

static void
test_limit(void **state)
{
	struct leat_arena a;

	(void)state;
	leat_arena_init(&a, 1024, 2048);
	assert_non_null(leat_arena_alloc(&a, 900));
	assert_non_null(leat_arena_alloc(&a, 200));
	assert_null(leat_arena_alloc(&a, 1024));
	assert_non_null(leat_arena_alloc(&a, 16));
	leat_arena_reset(&a);
	assert_non_null(leat_arena_alloc(&a, 900));
	leat_arena_fini(&a);
}

static void
test_sizes_that_overflow(void **state)
{
	struct leat_arena a;

	(void)state;
	leat_arena_init(&a, 0, 0);
	assert_null(leat_arena_alloc(&a, SIZE_MAX));
	assert_null(leat_arena_alloc(&a, SIZE_MAX - 20));
	assert_null(leat_arena_calloc(&a, SIZE_MAX / 2, 3));
	assert_null(leat_arena_strndup(&a, "x", SIZE_MAX));
	assert_int_equal(a.held_bytes, 0);
	leat_arena_fini(&a);
}

static void
test_copies(void **state)
{
	struct leat_arena a;
	const uint64_t *zero;

	(void)state;
	leat_arena_init(&a, 0, 0);
	assert_string_equal(leat_arena_strdup(&a, "abc"), "abc");
	assert_string_equal(leat_arena_strdup(&a, ""), "");
	assert_string_equal(leat_arena_strndup(&a, "abcdef", 3), "abc");
	assert_string_equal(leat_arena_strndup(&a, NULL, 0), "");
	assert_memory_equal(leat_arena_memdup(&a, "a\0b", 3), "a\0b", 3);
	assert_non_null(leat_arena_memdup(&a, NULL, 0));
	assert_string_equal(leat_arena_printf(&a, "%d-%s", 7, "x"), "7-x");
	zero = leat_arena_calloc(&a, 3, 8);
	assert_true(zero[0] == 0 && zero[1] == 0 && zero[2] == 0);
	leat_arena_fini(&a);
}

static void
test_zeroed_arena_works(void **state)
{
	struct leat_arena a;

	(void)state;
	memset(&a, 0, sizeof(a));
	leat_arena_fini(&a);
	leat_arena_reset(&a);
	assert_non_null(leat_arena_alloc(&a, 0));
	leat_arena_fini(&a);
}

static void
test_out_of_memory(void **state)
{
	long before = mem_live();
	struct leat_arena a;

	(void)state;
	leat_arena_init(&a, 256, 0);
	mem_fail_at(1);
	assert_null(leat_arena_alloc(&a, 16));
	assert_non_null(leat_arena_alloc(&a, 16));
	mem_fail_at(1);
	assert_null(leat_arena_alloc(&a, 1000));
	mem_fail_at(1);
	assert_null(leat_arena_printf(&a, "%300s", "x"));
	mem_fail_at(0);
	assert_non_null(leat_arena_alloc(&a, 1000));
	leat_arena_fini(&a);
	assert_int_equal(mem_live(), before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_is_aligned_and_apart),
		cmocka_unit_test(test_reset_keeps_one_chunk),
		cmocka_unit_test(test_used_counts_all_chunks),
		cmocka_unit_test(test_big_pieces_leave_the_head_alone),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_sizes_that_overflow),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_zeroed_arena_works),
		cmocka_unit_test(test_out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
