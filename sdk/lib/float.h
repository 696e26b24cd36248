/* SPDX-License-Identifier: Apache-2.0 */
/*
 * float.h: floating point and decimal text, private to libleat.
 */
#ifndef LEAT_LIB_FLOAT_H
#define LEAT_LIB_FLOAT_H

#include <stddef.h>
#include <stdint.h>

enum {
	LEAT_POW10_MIN = -292,
	LEAT_POW10_MAX = 324,
	LEAT_FLOAT_TEXT = 32	/* bytes that a number's text needs at most */
};

/*
 * 10^k as hi:lo * 2^e, rounded up, its top bit set; index k - LEAT_POW10_MIN.
 * The exponent e is floor(log2(10^k)) - 127.
 */
struct leat_pow10 {
	uint64_t hi;
	uint64_t lo;
};

extern const struct leat_pow10
    leat_pow10_table[LEAT_POW10_MAX - LEAT_POW10_MIN + 1];

/*
 * Writes the shortest text that reads back as the same number, in the form of
 * Java's Double.toString and Float.toString: "1.0", "1.0E20", "1.0E-5". The
 * number must be finite. Returns the length.
 */
size_t leat_f64_to_text(char *to, double v);
size_t leat_f32_to_text(char *to, float v);

/*
 * The double nearest to a decimal text, which the caller has checked: an
 * optional sign, digits with an optional point, an optional exponent. Infinite
 * if it is out of range.
 */
double leat_f64_from_text(const char *s, size_t len);

/*
 * Its parts. The same for the text without regard to its sign, slowly; c * 2^q
 * with at most 53 bits (54 for 2^53 itself) as a double; the number behind the
 * "e" of a text.
 */
double leat_f64_exact(const char *s, size_t len);
double leat_f64_make(uint64_t c, int64_t q);
int64_t leat_f64_exponent(const char *s, const char *end);

#endif
