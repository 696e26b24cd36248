/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_float.c: floating point and decimal text, against the C library.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sdk/lib/float.h"

static uint64_t
next(uint64_t *x)
{
	*x = *x * 6364136223846793005u + 1442695040888963407u;
	return *x ^ *x >> 29;
}

static void
check_f64(double v, const char *text)
{
	char to[LEAT_FLOAT_TEXT + 1];
	size_t n = leat_f64_to_text(to, v);

	to[n] = '\0';
	assert_string_equal(to, text);
}

static void
check_f32(float v, const char *text)
{
	char to[LEAT_FLOAT_TEXT + 1];
	size_t n = leat_f32_to_text(to, v);

	to[n] = '\0';
	assert_string_equal(to, text);
}

/* As Double.toString of Java 19 and later. */
static void
test_prints_as_java(void **state)
{
	(void)state;
	check_f64(0.0, "0.0");
	check_f64(-0.0, "-0.0");
	check_f64(1, "1.0");
	check_f64(-100, "-100.0");
	check_f64(0.1, "0.1");
	check_f64(0.001, "0.001");
	check_f64(0.000999, "9.99E-4");
	check_f64(9999999, "9999999.0");
	check_f64(1e7, "1.0E7");
	check_f64(12345678.9, "1.23456789E7");
	check_f64(1e20, "1.0E20");
	check_f64(1e23, "1.0E23");
	check_f64(2e23, "2.0E23");
	check_f64(9007199254740993.0, "9.007199254740992E15");
	check_f64(1.7976931348623157e308, "1.7976931348623157E308");
	check_f64(2.2250738585072014e-308, "2.2250738585072014E-308");
	check_f64(4.9e-324, "4.9E-324");
	check_f64(1e-323, "9.9E-324");
	check_f64(1.5e-323, "1.5E-323");
	check_f64(2e-44, "2.0E-44");
}

static void
test_prints_floats_as_java(void **state)
{
	(void)state;
	check_f32(0.1f, "0.1");
	check_f32(-0.0f, "-0.0");
	check_f32(16777216, "1.6777216E7");
	check_f32(3.4028235e38f, "3.4028235E38");
	check_f32(1.17549435e-38f, "1.1754944E-38");
	check_f32(1.4e-45f, "1.4E-45");
	check_f32(9.8e-45f, "9.8E-45");
	check_f32(100, "100.0");
}

/* The number of digits before the exponent. */
static int
digits_of(const char *text)
{
	int n = 0, zeros = 0, started = 0;

	for (; *text != '\0' && *text != 'E'; text++) {
		if (*text < '0' || *text > '9')
			continue;
		started = started || *text != '0';
		zeros = *text == '0' ? zeros + 1 : 0;
		n += started;
	}
	return n - zeros;
}

/* Reads back as the same, with no more digits than printf needs. */
static void
check_shortest(double v)
{
	char to[LEAT_FLOAT_TEXT + 1], other[64];
	int most = 17;

	to[leat_f64_to_text(to, v)] = '\0';
	assert_true(strtod(to, NULL) == v); /* style: the reference */
	for (; most > 1; most--) {
		(void)snprintf(other, sizeof(other), "%.*e", most - 2, v);
		if (strtod(other, NULL) != v) /* style: the reference */
			break;
	}
	/* Java wants two digits, even where one would do. */
	assert_true(digits_of(to) <= (most < 2 ? 2 : most));
}

static void
test_shortest(void **state)
{
	uint64_t x = 3;
	int i;

	(void)state;
	for (i = 0; i < 20000; i++) {
		uint64_t bits = next(&x);
		double v;

		if (i % 4 == 1)	/* few bits set */
			bits &= next(&x) >> (next(&x) % 32);
		if (i % 4 == 2)	/* subnormal */
			bits &= ~(UINT64_C(0x7ff) << 52);
		if (i % 4 == 3)	/* a power of two */
			bits &= UINT64_C(0x7ff) << 52;
		memcpy(&v, &bits, sizeof(v));
		if (isfinite(v) && v != 0)
			check_shortest(v);
	}
}

static void
test_floats_read_back(void **state)
{
	char to[LEAT_FLOAT_TEXT + 1];
	uint64_t x = 3;
	int i;

	(void)state;
	for (i = 0; i < 200000; i++) {
		uint32_t bits = (uint32_t)(next(&x) >> 32);
		float v;

		memcpy(&v, &bits, sizeof(v));
		if (!isfinite(v))
			continue;
		to[leat_f32_to_text(to, v)] = '\0';
		assert_true(strtof(to, NULL) == v); /* style: the reference */
	}
}

static void
check_parse(const char *text)
{
	double v = leat_f64_from_text(text, strlen(text));
	double ref = strtod(text, NULL);	/* style: the reference */
	double exact = leat_f64_exact(text, strlen(text));

	assert_true(v == ref);
	assert_true(signbit(v) == signbit(ref));
	assert_true(exact == fabs(ref));
}

static void
test_parses_hard_cases(void **state)
{
	static const char *const texts[] = {
		"0", "-0", "-0.0e5", "0e999999999999999999", "1e-400",
		"9007199254740993", "9007199254740992.999999999999999999999",
		"9007199254740993.00000000000000000000000000000000000001",
		"2.2250738585072011e-308", "2.2250738585072012e-308",
		"4.9e-324", "2.4703282292062327208e-324",
		"2.4703282292062328e-324", "2.470328229206232720e-324",
		"1.7976931348623158e308", "1.7976931348623159e308", "1e309",
		"1e99999999999999999999", "1e-99999999999999999999",
		"0.00000000000000000000000000000000000001e38",
		"18446744073709551615", "18446744073709551616",
		"123456789012345678901234567890e-10",
		"1.00000000000000011102230246251565404236316680908203125",
		"1.00000000000000011102230246251565404236316680908203124",
		"1.00000000000000011102230246251565404236316680908203126",
		"-8.5e-290", "1e22", "1e23", "9e-294", "+1.5"
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		check_parse(texts[i]);
}

/* The middle between a double and its upper neighbour, in full. */
static void
check_middle(double v)
{
	static char text[1600];
	long double middle;
	uint64_t bits;
	double up;

	memcpy(&bits, &v, sizeof(bits));
	bits++;			/* the next one away from zero */
	memcpy(&up, &bits, sizeof(up));
	middle = ((long double)v + up) / 2;

	(void)snprintf(text, sizeof(text), "%.1100Lf", middle);
	if (strlen(text) + 1 < sizeof(text))
		check_parse(text);
	(void)snprintf(text, sizeof(text), "%.900Le", middle);
	check_parse(text);
}

static void
test_parses_random_numbers(void **state)
{
	static char text[1600];
	uint64_t x = 11;
	int i;

	(void)state;
	for (i = 0; i < 20000; i++) {
		uint64_t bits = next(&x);
		double v;

		if (i % 2 != 0)
			bits &= ~(UINT64_C(0x780) << 52);
		memcpy(&v, &bits, sizeof(v));
		if (!isfinite(v))
			continue;
		(void)snprintf(text, sizeof(text), "%.*e",
		    (int)(next(&x) % 25), v);
		check_parse(text);
		if (i % 50 == 0 && fabs(v) < 1e300)
			check_middle(v);
	}
}

/*
 * From row to row by a factor of ten, but for the rounding, up and down from
 * the row of 10^0, which is exact.
 */
static void
test_table(void **state)
{
	__extension__ typedef unsigned __int128 u128;
	const struct leat_pow10 *g = leat_pow10_table;
	int k;

	(void)state;
	assert_true(g[-LEAT_POW10_MIN].hi == UINT64_C(1) << 63);
	assert_true(g[-LEAT_POW10_MIN].lo == 0);
	for (k = LEAT_POW10_MIN; k < LEAT_POW10_MAX; k++, g++) {
		u128 a = (u128)g[0].hi << 64 | g[0].lo;
		u128 b = (u128)g[1].hi << 64 | g[1].lo, ten;

		assert_true(g[0].hi >> 63 == 1);
		ten = (a >> 4) * 10;
		assert_true(b + 32 - ten < 64 || b + 32 - (ten << 1) < 64);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prints_as_java),
		cmocka_unit_test(test_prints_floats_as_java),
		cmocka_unit_test(test_shortest),
		cmocka_unit_test(test_floats_read_back),
		cmocka_unit_test(test_parses_hard_cases),
		cmocka_unit_test(test_parses_random_numbers),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
