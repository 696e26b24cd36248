/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_clock.c: deadlines and the clock for tests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/clock.h"

static void
test_fake(void **state)
{
	struct clock_fake f;
	int64_t d;

	clock_fake_init(&f, 1700000000000000);
	assert_int_equal(clock_wall_us(&f.clock), 1700000000000000);
	assert_int_equal(clock_wall_ms(&f.clock), 1700000000000);
	d = clock_deadline_ns(&f.clock, 10);
	assert_int_equal(clock_left_ms(&f.clock, d), 10);
	f.now_ns += 1;
	assert_int_equal(clock_left_ms(&f.clock, d), 10);
	clock_fake_advance_ms(&f, 9);
	assert_int_equal(clock_left_ms(&f.clock, d), 1);
	clock_fake_advance_ms(&f, 5);
	assert_int_equal(clock_left_ms(&f.clock, d), 0);
	assert_int_equal(clock_wall_ms(&f.clock), 1700000000014);
}

static void
test_far_deadlines(void **state)
{
	struct clock_fake f;

	clock_fake_init(&f, 0);
	assert_int_equal(clock_deadline_ns(&f.clock, INT64_MAX), INT64_MAX);
	assert_int_equal(clock_deadline_ns(&f.clock, INT64_MIN), 0);
	assert_int_equal(clock_deadline_ns(&f.clock, -5000), 0);
	assert_true(clock_left_ms(&f.clock, INT64_MAX) > 0);
}

static void
test_system(void **state)
{
	int64_t a = clock_mono_ns(&clock_system);

	assert_true(clock_mono_ns(&clock_system) >= a);
	assert_true(clock_wall_us(&clock_system) > 1600000000000000);
	assert_true(clock_mono_ms(&clock_system) >= a / 1000000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fake),
		cmocka_unit_test(test_far_deadlines),
		cmocka_unit_test(test_system),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
