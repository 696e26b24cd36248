/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_buf.c: the buffer with a ceiling.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <leat/buf.h>

#include "sdk/testkit/mem_fail.h"

static void
test_appends(void **state)
{
	struct leat_buf b;

	(void)state;
	leat_buf_init(&b, 1000);
	assert_int_equal(leat_buf_add(&b, NULL, 0), 0);
	assert_int_equal(leat_buf_add(&b, "ab", 2), 0);
	assert_int_equal(leat_buf_add_byte(&b, 'c'), 0);
	assert_int_equal(leat_buf_add_str(&b, "de"), 0);
	assert_int_equal(leat_buf_printf(&b, "%d%s", 1, "x"), 0);
	assert_string_equal(leat_buf_cstr(&b), "abcde1x");
	assert_int_equal(b.len, 7);
	leat_buf_reset(&b);
	assert_string_equal(leat_buf_cstr(&b), "");
	leat_buf_fini(&b);
}

static void
test_ceiling(void **state)
{
	struct leat_buf b;

	(void)state;
	leat_buf_init(&b, 10);
	assert_int_equal(leat_buf_add(&b, "0123456789", 10), 0);
	assert_string_equal(leat_buf_cstr(&b), "0123456789");
	assert_int_equal(leat_buf_add_byte(&b, 'x'), -1);
	assert_true(b.failed);
	assert_int_equal(b.len, 10);
	assert_null(leat_buf_cstr(&b));
	leat_buf_reset(&b);
	assert_false(b.failed);
	assert_int_equal(leat_buf_printf(&b, "%s", "0123456789"), 0);
	assert_int_equal(leat_buf_printf(&b, "%s", "x"), -1);
	assert_int_equal(leat_buf_grow(&b, SIZE_MAX), -1);
	leat_buf_fini(&b);
}

static void
test_zeroed_buffer_holds_nothing(void **state)
{
	struct leat_buf b = { 0 };

	(void)state;
	assert_int_equal(leat_buf_add(&b, "", 0), 0);
	assert_int_equal(leat_buf_add(&b, "x", 1), -1);
	leat_buf_fini(&b);
}

static void
test_grows_to_much(void **state)
{
	struct leat_buf b;
	size_t i;

	(void)state;
	leat_buf_init(&b, 100003);
	for (i = 0; i < 100003; i++)
		assert_int_equal(leat_buf_add_byte(&b, (uint8_t)i), 0);
	for (i = 0; i < 100003; i++)
		assert_int_equal(b.data[i], (uint8_t)i);
	assert_true(b.cap <= b.max);
	leat_buf_fini(&b);
}

static void
check_i64(struct leat_buf *b, int64_t v)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%" PRId64, v);
	leat_buf_reset(b);
	assert_int_equal(leat_buf_add_i64(b, v), 0);
	assert_string_equal(leat_buf_cstr(b), text);
	(void)snprintf(text, sizeof(text), "%" PRIu64, (uint64_t)v);
	leat_buf_reset(b);
	assert_int_equal(leat_buf_add_u64(b, (uint64_t)v), 0);
	assert_string_equal(leat_buf_cstr(b), text);
}

static void
test_numbers(void **state)
{
	struct leat_buf b;
	int64_t v = 1;
	int i;

	(void)state;
	leat_buf_init(&b, 100);
	check_i64(&b, 0);
	check_i64(&b, INT64_MIN);
	check_i64(&b, INT64_MAX);
	for (i = 0; i < 18; i++, v *= 10) {
		check_i64(&b, v - 1);
		check_i64(&b, v);
		check_i64(&b, v + 1);
		check_i64(&b, -v);
	}
	leat_buf_fini(&b);
}

static void
test_detach(void **state)
{
	struct leat_buf b;
	uint8_t *data;
	size_t len = 0;

	(void)state;
	leat_buf_init(&b, 100);
	(void)leat_buf_add_str(&b, "abc");
	data = leat_buf_detach(&b, &len);
	assert_int_equal(len, 3);
	assert_memory_equal(data, "abc", 3);
	free(data);
	assert_int_equal(b.len, 0);
	assert_int_equal(leat_buf_add_str(&b, "x"), 0);
	leat_buf_fini(&b);
}

static int
fill(struct leat_buf *b)
{
	int i;

	for (i = 0; i < 300; i++)
		(void)leat_buf_add_i64(b, i);
	return b->failed ? -1 : 0;
}

static void
test_out_of_memory(void **state)
{
	long before = mem_live(), n;

	(void)state;
	for (n = 1;; n++) {
		struct leat_buf b;
		int rc;

		leat_buf_init(&b, 10000);
		mem_fail_at(n);
		rc = fill(&b);
		assert_int_equal(rc < 0, mem_fail_hit());
		leat_buf_fini(&b);
		assert_int_equal(mem_live(), before);
		if (rc == 0)
			break;
	}
	assert_true(n > 3);
	mem_fail_at(0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_appends),
		cmocka_unit_test(test_ceiling),
		cmocka_unit_test(test_zeroed_buffer_holds_nothing),
		cmocka_unit_test(test_grows_to_much),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_detach),
		cmocka_unit_test(test_out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
