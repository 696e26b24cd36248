/* SPDX-License-Identifier: Apache-2.0 */
/*
 * float_print.c: floating point to the shortest decimal text.
 *
 * A number c * 2^q stands for all reals nearer to it than to its neighbours.
 * Schubfach (Raffaello Giulietti, "The Schubfach way to render doubles") picks
 * the power of ten at which that interval holds at least one and at most a few
 * multiples, and takes the nearest of the shortest ones. All arithmetic is on
 * integers: the three values of interest (the number and its two borders, times
 * 4) are scaled by one 128-bit power of ten and rounded to odd, which keeps
 * every comparison right.
 */
#include "sdk/lib/float.h"

#include <stdbool.h>
#include <string.h>

#include "sdk/lib/digits.h"

/* digits * 10^exp */
struct decimal {
	uint64_t digits;
	int exp;
};

/* A binary format: value = c * 2^q. */
struct binary {
	uint64_t c;
	int q;
	bool narrow;	/* the lower neighbour is at half the distance */
};

/* floor(log10(2^q)), or of 3/4 of it, and floor(log2(10^k)). */
static int
log10_pow2(int q, bool three_quarters)
{
	return (q * 1262611 - (three_quarters ? 524031 : 0)) >> 22;
}

static int
log2_pow10(int k)
{
	return (k * 1741647) >> 19;
}

/* The upper part of g * cp; its last bit also says "and something more". */
static uint64_t
round_to_odd(const struct leat_pow10 *g, uint64_t cp)
{
	__extension__ typedef unsigned __int128 u128;
	u128 x = (u128)g->lo * cp;
	u128 y = (u128)g->hi * cp + (uint64_t)(x >> 64);

	return (uint64_t)(y >> 64) | ((uint64_t)y > 1);
}

static struct decimal
shortest(struct binary b)
{
	int k = log10_pow2(b.q, b.narrow);
	int h = b.q + log2_pow10(-k) + 1;
	const struct leat_pow10 *g = &leat_pow10_table[-k - LEAT_POW10_MIN];
	uint64_t odd = b.c & 1;
	uint64_t low = round_to_odd(g, (4 * b.c - 2 + b.narrow) << h) + odd;
	uint64_t mid = round_to_odd(g, 4 * b.c << h);
	uint64_t high = round_to_odd(g, (4 * b.c + 2) << h) - odd;
	uint64_t s = mid / 4, t = s / 10 * 10;
	bool below, above;

	if (s >= 100) {
		below = low <= 4 * t;
		above = 4 * t + 40 <= high;
		if (below != above)
			return (struct decimal){ t / 10 + above, k + 1 };
	}
	below = low <= 4 * s;
	above = 4 * s + 4 <= high;
	if (below == above)
		above = mid > 4 * s + 2 || (mid == 4 * s + 2 && (s & 1) != 0);
	return (struct decimal){ s + above, k };
}

/* Takes zeros off the end: many at once first, for there are often many. */
static struct decimal
without_zeros(struct decimal d)
{
	uint64_t cut = d.digits / 100000000;

	if (cut * 100000000 == d.digits) {
		d.digits = cut;
		d.exp += 8;
	}
	for (; (cut = d.digits / 10) * 10 == d.digits; d.digits = cut)
		d.exp++;
	return d;
}

/*
 * The smallest subnormals have less than two digits; Java wants two, which
 * come out when they are scaled by ten.
 */
static struct decimal
to_decimal(struct binary b, uint64_t tiny)
{
	struct decimal d;

	if (b.q <= 0 && b.q > -64 && (b.c & ((UINT64_C(1) << -b.q) - 1)) == 0) {
		d = (struct decimal){ b.c >> -b.q, 0 };
	} else if (b.c < tiny) {
		b.c *= 10;
		d = shortest(b);
		d.exp--;
	} else {
		d = shortest(b);
	}
	return without_zeros(d);
}

static size_t
put_digits(char *to, uint64_t v)
{
	unsigned n = digits_of(v);

	digits_put((uint8_t *)to, v, n);
	return n;
}

/* 0.00123: the point stands before all digits. */
static size_t
format_small(char *to, const char *digits, size_t n, int point)
{
	size_t zeros = (size_t)-point;

	to[0] = '0';
	to[1] = '.';
	memset(to + 2, '0', zeros);
	memcpy(to + 2 + zeros, digits, n);
	return 2 + zeros + n;
}

/* 123.45 or 1200.0: `point` digits stand before the point. */
static size_t
format_plain(char *to, const char *digits, size_t n, size_t point)
{
	if (n <= point) {
		memcpy(to, digits, n);
		memset(to + n, '0', point - n);
		to[point] = '.';
		to[point + 1] = '0';
		return point + 2;
	}
	memcpy(to, digits, point);
	to[point] = '.';
	memcpy(to + point + 1, digits + point, n - point);
	return n + 1;
}

/* 1.2345E-10 */
static size_t
format_exponent(char *to, const char *digits, size_t n, int exp)
{
	size_t len = format_plain(to, digits, n, 1);

	to[len++] = 'E';
	if (exp < 0)
		to[len++] = '-';
	return len + put_digits(to + len, (uint64_t)(exp < 0 ? -exp : exp));
}

/* Java's choice: plain from 1e-3 up to below 1e7. */
static size_t
format(char *to, struct decimal d)
{
	char digits[20];
	size_t n = put_digits(digits, d.digits);
	int point = (int)n + d.exp;

	if (point > 0 && point <= 7)
		return format_plain(to, digits, n, (size_t)point);
	if (point > -3 && point <= 0)
		return format_small(to, digits, n, point);
	return format_exponent(to, digits, n, point - 1);
}

size_t
leat_f64_to_text(char *to, double v)
{
	uint64_t bits, frac;
	unsigned exp;
	size_t sign;

	memcpy(&bits, &v, sizeof(bits));
	frac = bits & ((UINT64_C(1) << 52) - 1);
	exp = (unsigned)(bits >> 52) & 0x7ff;
	sign = bits >> 63;
	if (sign != 0)
		*to++ = '-';
	if (exp == 0 && frac == 0)
		return sign + format(to, (struct decimal){ 0, 0 });
	if (exp == 0)
		return sign + format(to, to_decimal(
		    (struct binary){ frac, -1074, false }, 3));
	return sign + format(to, to_decimal((struct binary){
	    frac | UINT64_C(1) << 52, (int)exp - 1075,
	    frac == 0 && exp > 1 }, 0));
}

size_t
leat_f32_to_text(char *to, float v)
{
	uint32_t bits, frac;
	unsigned exp;
	size_t sign;

	memcpy(&bits, &v, sizeof(bits));
	frac = bits & ((UINT32_C(1) << 23) - 1);
	exp = (bits >> 23) & 0xff;
	sign = bits >> 31;
	if (sign != 0)
		*to++ = '-';
	if (exp == 0 && frac == 0)
		return sign + format(to, (struct decimal){ 0, 0 });
	if (exp == 0)
		return sign + format(to, to_decimal(
		    (struct binary){ frac, -149, false }, 8));
	return sign + format(to, to_decimal((struct binary){
	    frac | UINT32_C(1) << 23, (int)exp - 150,
	    frac == 0 && exp > 1 }, 0));
}
