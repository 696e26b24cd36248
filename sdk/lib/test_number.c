/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_number.c: numbers parsed whole or refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include <leat/str.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
test_i64(void **state)
{
	static const char *const bad[] = {
		"", "-", "+", " 1", "1 ", "1.0", "0x10", "1e3", "--1", "+-1",
		"9223372036854775808", "-9223372036854775809",
		"99999999999999999999999", "1_000", "\xd9\xa1"
	};
	int64_t v = 77;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bad); i++)
		assert_int_equal(leat_parse_i64(leat_str_c(bad[i]), INT64_MIN,
		    INT64_MAX, &v), -1);
	assert_int_equal(v, 77);
	assert_int_equal(leat_parse_i64(LEAT_STR("-9223372036854775808"),
	    INT64_MIN, INT64_MAX, &v), 0);
	assert_true(v == INT64_MIN);
	assert_int_equal(leat_parse_i64(LEAT_STR("9223372036854775807"),
	    INT64_MIN, INT64_MAX, &v), 0);
	assert_true(v == INT64_MAX);
	assert_int_equal(leat_parse_i64(LEAT_STR("+0042"), 0, 100, &v), 0);
	assert_int_equal(v, 42);
	assert_int_equal(leat_parse_i64(LEAT_STR("101"), 0, 100, &v), -1);
	assert_int_equal(leat_parse_i64(LEAT_STR("-1"), 0, 100, &v), -1);
}

static void
test_u64(void **state)
{
	uint64_t v = 77;

	(void)state;
	assert_int_equal(leat_parse_u64(LEAT_STR("18446744073709551615"),
	    UINT64_MAX, &v), 0);
	assert_true(v == UINT64_MAX);
	v = 77;
	assert_int_equal(leat_parse_u64(LEAT_STR("18446744073709551616"),
	    UINT64_MAX, &v), -1);
	assert_int_equal(leat_parse_u64(LEAT_STR("+1"), 10, &v), -1);
	assert_int_equal(leat_parse_u64(LEAT_STR("11"), 10, &v), -1);
	assert_int_equal(v, 77);
}

static void
test_f64(void **state)
{
	static const char *const bad[] = {
		"", ".", "-", "e5", "1e", "1e+", "1.2.3", " 1", "1x", "0x1p3",
		"1e999", "-1e999", "nano", "+"
	};
	double v = 7;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bad); i++)
		assert_int_equal(leat_parse_f64(leat_str_c(bad[i]), &v), -1);
	assert_true(v == 7);
	assert_int_equal(leat_parse_f64(LEAT_STR("-12.5e-1"), &v), 0);
	assert_true(v == -1.25);
	assert_int_equal(leat_parse_f64(LEAT_STR(".5"), &v), 0);
	assert_true(v == 0.5);
	assert_int_equal(leat_parse_f64(LEAT_STR("5."), &v), 0);
	assert_true(v == 5);
	assert_int_equal(leat_parse_f64(LEAT_STR("-Infinity"), &v), 0);
	assert_true(isinf(v) && v < 0);
	assert_int_equal(leat_parse_f64(LEAT_STR("inf"), &v), 0);
	assert_true(isinf(v) && v > 0);
	assert_int_equal(leat_parse_f64(LEAT_STR("NaN"), &v), 0);
	assert_true(isnan(v));
}

static void
test_bool(void **state)
{
	static const char *const yes[] = { "true", "TRUE", "Yes", "on" };
	static const char *const no[] = { "false", "No", "OFF" };
	static const char *const bad[] = { "", "1", "0", "y", "tru", "truee" };
	bool v;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(yes); i++) {
		v = false;
		assert_int_equal(leat_parse_bool(leat_str_c(yes[i]), &v), 0);
		assert_true(v);
	}
	for (i = 0; i < COUNT(no); i++) {
		v = true;
		assert_int_equal(leat_parse_bool(leat_str_c(no[i]), &v), 0);
		assert_false(v);
	}
	for (i = 0; i < COUNT(bad); i++)
		assert_int_equal(leat_parse_bool(leat_str_c(bad[i]), &v), -1);
}

struct quantity {
	const char *text;
	int64_t value;
};

static void
test_durations(void **state)
{
	static const struct quantity good[] = {
		{ "0", 0 }, { "5", 5 }, { "-1", -1 }, { "5ms", 5 },
		{ "5s", 5000 }, { "1.5s", 1500 }, { "2m", 120000 },
		{ "2min", 120000 }, { " 1 h ", 3600000 }, { "2d", 172800000 },
		{ "0.001s", 1 }, { "-0.5s", -500 }, { "-1.5s", -1500 }
	};
	static const char *const bad[] = {
		"", "s", "5x", "1e3", "1.s", ".5s", "1.2.3s", "5 s s", "--1s",
		"9223372036854775807s", "1.0000000001s", "5us"
	};
	int64_t v = 77;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(good); i++) {
		assert_int_equal(leat_parse_duration_ms(
		    leat_str_c(good[i].text), &v), 0);
		assert_int_equal(v, good[i].value);
	}
	v = 77;
	for (i = 0; i < COUNT(bad); i++)
		assert_int_equal(leat_parse_duration_ms(leat_str_c(bad[i]),
		    &v), -1);
	assert_int_equal(v, 77);
}

static void
test_bytes(void **state)
{
	static const struct quantity good[] = {
		{ "0", 0 }, { "65536", 65536 }, { "1B", 1 }, { "1kB", 1000 },
		{ "1KB", 1000 }, { "1.5 KiB", 1536 }, { "10MiB", 10485760 },
		{ "2gb", 2000000000 }, { "1GiB", 1073741824 },
		{ "1TiB", 1099511627776 }, { "1TB", 1000000000000 }
	};
	static const char *const bad[] = {
		"", "B", "1k", "1Mi", "x", "8388608TiB", "1e3"
	};
	int64_t v = 77;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(good); i++) {
		assert_int_equal(leat_parse_bytes(leat_str_c(good[i].text),
		    &v), 0);
		assert_int_equal(v, good[i].value);
	}
	v = 77;
	for (i = 0; i < COUNT(bad); i++)
		assert_int_equal(leat_parse_bytes(leat_str_c(bad[i]), &v), -1);
	assert_int_equal(v, 77);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_i64),
		cmocka_unit_test(test_u64),
		cmocka_unit_test(test_f64),
		cmocka_unit_test(test_bool),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
