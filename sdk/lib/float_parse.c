/* SPDX-License-Identifier: Apache-2.0 */
/*
 * float_parse.c: decimal text to the nearest double.
 *
 * Three ways, each for what the one before it cannot decide. Up to 15 digits
 * and a small exponent need one exact multiplication or division. Else the
 * first 19 digits are multiplied by a power of ten of 128 bits: if the lowest
 * and the highest value that the text may have round to the same double, that
 * is it. What is left, values next to the middle of two doubles, is done with
 * long numbers (float_exact.c).
 */
#include "sdk/lib/float.h"

#include <stdbool.h>
#include <string.h>

__extension__ typedef unsigned __int128 u128;

enum { EXACT_POW10 = 22 };	/* 10^22 is the last exact power in a double */

static const double exact_pow10[EXACT_POW10 + 1] = {
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22
};

/* A text taken apart: |value| is digits * 10^exp, or, cut, a little more. */
struct parts {
	uint64_t digits;
	int64_t exp;
	bool minus;
	bool cut;
};

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Was there room for the digit? */
static bool
add_digit(struct parts *p, char c)
{
	if (p->cut || p->digits >= UINT64_MAX / 10 - 1) {
		p->cut = true;
		return false;
	}
	p->digits = p->digits * 10 + (uint64_t)(c - '0');
	return true;
}

int64_t
leat_f64_exponent(const char *s, const char *end)
{
	bool minus = s < end && *s == '-';
	int64_t v = 0;

	if (s < end && !is_digit(*s))
		s++;
	for (; s < end; s++)
		if (v < INT64_C(1000000000000))
			v = v * 10 + (*s - '0');
	return minus ? -v : v;
}

static struct parts
take_apart(const char *s, size_t len)
{
	const char *end = s + len;
	struct parts p = { .minus = len > 0 && *s == '-' };

	if (s < end && (*s == '-' || *s == '+'))
		s++;
	for (; s < end && is_digit(*s); s++)
		p.exp += !add_digit(&p, *s);
	if (s < end && *s == '.')
		for (s++; s < end && is_digit(*s); s++)
			p.exp -= add_digit(&p, *s);
	if (s < end)
		p.exp += leat_f64_exponent(s + 1, end);
	return p;
}

double
leat_f64_make(uint64_t c, int64_t q)
{
	uint64_t bits;
	double v;

	if (c == UINT64_C(1) << 53) {
		c >>= 1;
		q++;
	}
	if (q > 971)
		return __builtin_inf();
	/* Without the top bit it is a subnormal, whose exponent field is 0. */
	bits = c;
	if (c >> 52 != 0)
		bits += (uint64_t)(q + 1074) << 52;
	memcpy(&v, &bits, sizeof(v));
	return v;
}

/* x * 2^q to the nearest double, ties to even; x is not 0. */
static double
round_u128(u128 x, int64_t q)
{
	uint64_t high = (uint64_t)(x >> 64), c;
	u128 rest, half = (u128)1 << 74;
	int shift = 64;

	if (high != 0)
		shift = __builtin_clzll(high);
	else
		shift += __builtin_clzll((uint64_t)x);
	x <<= shift;
	c = (uint64_t)(x >> 75);
	rest = x & ((half << 1) - 1);
	if (rest > half || (rest == half && (c & 1) != 0))
		c++;
	return leat_f64_make(c, q - shift + 75);
}

/*
 * The product is off by less than one downwards, as the table is rounded up,
 * and upwards, as the product is rounded down; digits that were cut add up to
 * one unit of m. False if that leaves two doubles to choose from.
 */
static bool
by_table(struct parts p, double *ret_value)
{
	const struct leat_pow10 *g;
	int shift = __builtin_clzll(p.digits);
	uint64_t m = p.digits << shift;
	int64_t q;
	u128 low, high, cut;
	double a, b;

	if (p.exp < LEAT_POW10_MIN || p.exp > LEAT_POW10_MAX)
		return false;
	g = &leat_pow10_table[p.exp - LEAT_POW10_MIN];
	q = ((p.exp * 1741647) >> 19) - 63 - shift;
	low = (u128)m * g->hi + (uint64_t)((u128)m * g->lo >> 64) - 1;
	high = low + 2;
	cut = p.cut ? ((u128)g->hi + 1) << shift : 0;
	if (__builtin_add_overflow(high, cut, &high))
		return false;
	a = round_u128(low, q);
	b = round_u128(high, q);
	*ret_value = a;
	return a == b;
}

static double
scale_exact(double v, int exp)
{
	return exp < 0 ? v / exact_pow10[-exp] : v * exact_pow10[exp];
}

double
leat_f64_from_text(const char *s, size_t len)
{
	struct parts p = take_apart(s, len);
	double v = (double)p.digits;

	if (p.digits == 0)
		v = 0;
	else if (!p.cut && p.digits < UINT64_C(1) << 53 &&
	    p.exp >= -EXACT_POW10 && p.exp <= EXACT_POW10)
		v = scale_exact(v, (int)p.exp);
	else if (!by_table(p, &v))
		v = leat_f64_exact(s, len);
	return p.minus ? -v : v;
}
