/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_time.c: the calendar, and instants as text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <leat/time.h>

static int32_t
month_length(int64_t y, int32_t m)
{
	if (m == 2)
		return y % 4 == 0 && (y % 100 != 0 || y % 400 == 0) ? 29 : 28;
	return m == 4 || m == 6 || m == 9 || m == 11 ? 30 : 31;
}

/* Day by day through 1000 years around the year 0. */
static void
test_every_day(void **state)
{
	int64_t day = leat_days_from_date(-500, 1, 1), y;
	int32_t m, d;

	(void)state;
	for (y = -500; y < 500; y++)
		for (m = 1; m <= 12; m++)
			for (d = 1; d <= month_length(y, m); d++, day++) {
				struct leat_date back =
				    leat_date_from_days(day);

				assert_int_equal(leat_days_from_date(y, m, d),
				    day);
				assert_true(back.year == y);
				assert_int_equal(back.month, m);
				assert_int_equal(back.day, d);
			}
}

static void
test_known_days(void **state)
{
	(void)state;
	assert_int_equal(leat_days_from_date(1970, 1, 1), 0);
	assert_int_equal(leat_days_from_date(1969, 12, 31), -1);
	assert_int_equal(leat_days_from_date(2000, 2, 29), 11016);
	assert_int_equal(leat_days_from_date(0, 3, 1), -719468);
	assert_int_equal(leat_date_from_days(INT64_MAX).month > 0, 1);
	assert_int_equal(leat_date_from_days(INT64_MIN).month > 0, 1);
}

static void
check(int64_t us, int digits, const char *text)
{
	char to[40];

	assert_int_equal(leat_time_format_us(to, us, digits), strlen(text));
	assert_string_equal(to, text);
}

static void
test_format(void **state)
{
	(void)state;
	check(0, 0, "1970-01-01T00:00:00Z");
	check(1709254923450000, 6, "2024-03-01T01:02:03.450000Z");
	check(1709254923456789, 3, "2024-03-01T01:02:03.456Z");
	check(1709254923456789, 9, "2024-03-01T01:02:03.456789000Z");
	check(1709254923456789, 1, "2024-03-01T01:02:03.4Z");
	check(-1, 6, "1969-12-31T23:59:59.999999Z");
	check(INT64_C(253402300800000000), 0, "+10000-01-01T00:00:00Z");
	check(INT64_C(-62135596800000001), 6, "0000-12-31T23:59:59.999999Z");
	check(INT64_C(-62167219200000001), 0, "-0001-12-31T23:59:59Z");
	check(INT64_MAX, 6, "+294247-01-10T04:00:54.775807Z");
	check(INT64_MIN, 6, "-290308-12-21T19:59:05.224192Z");
}

static void
check_parse(const char *text, int64_t us)
{
	int64_t v = -77;

	assert_int_equal(leat_time_parse_us(leat_str_c(text), &v), 0);
	assert_true(v == us);
}

static void
test_parse(void **state)
{
	(void)state;
	check_parse("1970-01-01T00:00:00Z", 0);
	check_parse("1970-01-01 00:00", 0);
	check_parse("1970-01-01t00:00:00.5z", 500000);
	check_parse("1970-01-01T00:00:00,25", 250000);
	check_parse("1970-01-01T00:00:00.123456789Z", 123456);
	check_parse("1970-01-01T02:00:00+02", 0);
	check_parse("1970-01-01T05:30:00+05:30", 0);
	check_parse("1970-01-01T05:30:00+0530", 0);
	check_parse("1969-12-31T19:00:00-05:00", 0);
	check_parse("1970-01-01T00:53:28+00:53:28", 0);
	check_parse("2024-02-29T23:59:60Z", 1709251200000000);
	check_parse("0000-12-31T23:59:59.999999Z", INT64_C(-62135596800000001));
	check_parse("+294247-01-10T04:00:54.775807Z", INT64_MAX);
	check_parse("-290308-12-21T19:59:05.224192Z", INT64_MIN);
}

static void
test_parse_refuses(void **state)
{
	static const char *const bad[] = {
		"", "1970", "1970-01-01", "1970-1-1T00:00:00Z",
		"1970-13-01T00:00:00Z", "1970-00-01T00:00:00Z",
		"1970-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
		"1970-04-31T00:00:00Z", "1970-01-00T00:00:00Z",
		"1970-01-01X00:00:00Z", "1970-01-01T24:00:00Z",
		"1970-01-01T00:60:00Z", "1970-01-01T00:00:61Z",
		"1970-01-01T00:00:00.Z", "1970-01-01T00:00:00+",
		"1970-01-01T00:00:00+1", "1970-01-01T00:00:00+24:00",
		"1970-01-01T00:00:00+01:60", "1970-01-01T00:00:00Z ",
		"1970-01-01T00:00:00Europe", "+294247-01-10T04:00:54.775808Z",
		"-290308-12-21T19:59:05.224191Z", "+999999-01-01T00:00:00Z",
		"12345678-01-01T00:00:00Z", "1970-01-01T00:00:00+01:"
	};
	int64_t v = 77;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(leat_time_parse_us(leat_str_c(bad[i]), &v),
		    -1);
	assert_int_equal(v, 77);
}

static void
test_round_trip(void **state)
{
	uint64_t x = 1;
	int64_t v = 0;
	char to[40];
	int i;

	(void)state;
	for (i = 0; i < 100000; i++) {
		size_t n;

		x = x * 6364136223846793005u + 1442695040888963407u;
		n = leat_time_format_us(to, (int64_t)x, 6);
		assert_true(n < sizeof(to));
		assert_int_equal(leat_time_parse_us(
		    (struct leat_str){ to, n }, &v), 0);
		assert_true(v == (int64_t)x);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_day),
		cmocka_unit_test(test_known_days),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
