/* SPDX-License-Identifier: Apache-2.0 */
/*
 * float_exact.c: decimal text to the nearest double with long numbers, for the
 * few texts that float_parse.c cannot decide otherwise.
 *
 * The value is a fraction of two long integers. It is scaled by powers of two
 * into [1, 2), and then its bits are taken off one by one.
 */
#include "sdk/lib/float.h"

#include <stdbool.h>
#include <string.h>

enum {
	/*
	 * More digits than this never decide by their value, only by being
	 * there: the middle of two doubles has at most 767.
	 */
	DIGITS = 800,
	MIN_POW10 = -400, /* below is 0, above infinite, with any digits */
	MAX_POW10 = 400,
	/* 10^(DIGITS - MIN_POW10), shifted by some bits */
	WORDS = 140
};

struct big {
	uint32_t w[WORDS]; /* lowest first */
	int n;
};

static void
big_mul_add(struct big *b, uint32_t mul, uint32_t add)
{
	uint64_t carry = add;
	int i;

	for (i = 0; i < b->n; i++) {
		carry += (uint64_t)b->w[i] * mul;
		b->w[i] = (uint32_t)carry;
		carry >>= 32;
	}
	if (carry != 0)
		b->w[b->n++] = (uint32_t)carry;
}

static void
big_pow10(struct big *b, int64_t n)
{
	for (; n >= 9; n -= 9)
		big_mul_add(b, 1000000000, 0);
	for (; n > 0; n--)
		big_mul_add(b, 10, 0);
}

static void
big_shift_left(struct big *b, int bits)
{
	int words = bits / 32;

	if (words > 0) {
		memmove(b->w + words, b->w, (size_t)b->n * sizeof(b->w[0]));
		memset(b->w, 0, (size_t)words * sizeof(b->w[0]));
		b->n += words;
	}
	big_mul_add(b, UINT32_C(1) << (bits % 32), 0);
}

static int
big_bits(const struct big *b)
{
	return b->n * 32 - __builtin_clz(b->w[b->n - 1]);
}

static int
big_compare(const struct big *a, const struct big *b)
{
	int i;

	if (a->n != b->n)
		return a->n < b->n ? -1 : 1;
	for (i = a->n - 1; i >= 0; i--)
		if (a->w[i] != b->w[i])
			return a->w[i] < b->w[i] ? -1 : 1;
	return 0;
}

/* a -= b, where a >= b. */
static void
big_subtract(struct big *a, const struct big *b)
{
	int64_t borrow = 0;
	int i;

	for (i = 0; i < a->n; i++) {
		borrow += (int64_t)a->w[i] - (i < b->n ? b->w[i] : 0);
		a->w[i] = (uint32_t)borrow;
		borrow >>= 32;
	}
	while (a->n > 0 && a->w[a->n - 1] == 0)
		a->n--;
}

/* The digits into b; the power of ten that they are to be multiplied by. */
static int64_t
read_digits(struct big *b, const char *s, const char *end)
{
	bool point = false, more = false;
	int64_t exp = 0;
	int n = 0;

	for (; s < end && (*s | 0x20) != 'e'; s++) {
		if (*s == '.') {
			point = true;
		} else if (n < DIGITS) {
			big_mul_add(b, 10, (uint32_t)(*s - '0'));
			n += b->n > 0;
			exp -= point;
		} else {
			more = more || *s != '0';
			exp += !point;
		}
	}
	if (more) {
		big_mul_add(b, 10, 1);
		exp--;
	}
	return s < end ? exp + leat_f64_exponent(s + 1, end) : exp;
}

/* Takes `bits` bits off a fraction in [1, 2), and rounds by what is left. */
static uint64_t
divide(struct big *num, const struct big *den, int bits)
{
	uint64_t c = 0;
	int cmp;

	for (; bits > 0; bits--) {
		c <<= 1;
		if (big_compare(num, den) >= 0) {
			big_subtract(num, den);
			c |= 1;
		}
		big_mul_add(num, 2, 0);
	}
	cmp = big_compare(num, den);
	return c + (cmp > 0 || (cmp == 0 && (c & 1) != 0));
}

double
leat_f64_exact(const char *s, size_t len)
{
	struct big num = { .n = 0 }, den = { .w = { 1 }, .n = 1 };
	const char *end = s + len;
	int64_t exp;
	int q, bits = 53;

	if (*s == '-' || *s == '+')
		s++;
	exp = read_digits(&num, s, end);
	if (num.n == 0 || exp < MIN_POW10 - DIGITS)
		return 0;
	if (exp > MAX_POW10)
		return __builtin_inf();
	if (exp < 0)
		big_pow10(&den, -exp);
	else
		big_pow10(&num, exp);
	/* value = num / den * 2^q with the fraction in [1, 2) */
	q = big_bits(&num) - big_bits(&den);
	big_shift_left(q > 0 ? &den : &num, q > 0 ? q : -q);
	if (big_compare(&num, &den) < 0) {
		big_mul_add(&num, 2, 0);
		q--;
	}
	if (q < -1022) /* a subnormal has fewer bits */
		bits -= -1022 - q;
	if (bits < 0)
		return 0;
	if (q > 1023)
		return __builtin_inf();
	return leat_f64_make(divide(&num, &den, bits), q - bits + 1);
}
