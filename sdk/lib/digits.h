/* SPDX-License-Identifier: Apache-2.0 */
/*
 * digits.h: whole numbers to decimal text, two digits at a time, private to
 * libleat.
 */
#ifndef LEAT_LIB_DIGITS_H
#define LEAT_LIB_DIGITS_H

#include <stdint.h>
#include <string.h>

static const char digits_pairs[] =
    "00010203040506070809101112131415161718192021222324252627282930313233"
    "34353637383940414243444546474849505152535455565758596061626364656667"
    "6869707172737475767778798081828384858687888990919293949596979899";

/* How many digits v has; 0 has one. */
static inline unsigned
digits_of(uint64_t v)
{
	static const uint64_t digits_pow10[] = {
		0, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000,
		1000000000, 10000000000, 100000000000, 1000000000000,
		10000000000000, 100000000000000, 1000000000000000,
		10000000000000000, 100000000000000000, 1000000000000000000,
		10000000000000000000u
	};
	/* log10 from log2, by 1233 / 4096; one too little at times */
	unsigned bits = 64 - (unsigned)__builtin_clzll(v | 1);
	unsigned n = bits * 1233 >> 12;

	return n + (v >= digits_pow10[n]);
}

/* Writes the n digits of v, as digits_of() counts them. */
static inline void
digits_put(uint8_t *to, uint64_t v, unsigned n)
{
	uint8_t *p = to + n;

	for (; v >= 100; v /= 100) {
		p -= 2;
		memcpy(p, digits_pairs + v % 100 * 2, 2);
	}
	if (v >= 10)
		memcpy(to, digits_pairs + v * 2, 2);
	else
		*to = (uint8_t)('0' + v);
}

#endif
