/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decimal.c: big integers of a few kilobytes to decimal text and back, by the
 * schoolbook method in steps of nine digits. The limit keeps the square small.
 */
#include "core/record/decimal.h"

#include <stdbool.h>
#include <string.h>

enum {
	LIMBS_MAX = DECIMAL_BYTES_MAX / 4 + 1,
	BILLION = 1000000000,
	EXPONENT_MAX = 100000
};

/* A magnitude, least significant limb first. */
struct big {
	uint32_t limb[LIMBS_MAX];
	size_t n;
};

/* ------------------------------------------------------------ to text */

/* The magnitude of n bytes; true if the number is negative. */
static bool
big_load(struct big *b, const uint8_t *bytes, size_t n)
{
	const bool negative = (bytes[0] & 0x80) != 0;
	uint32_t carry = 1;
	size_t i;

	b->n = (n + 3) / 4;
	memset(b->limb, negative ? 0xff : 0, b->n * sizeof(b->limb[0]));
	for (i = 0; i < n; i++) {
		size_t at = n - 1 - i;
		unsigned shift = (unsigned)(at % 4) * 8;

		b->limb[at / 4] = (b->limb[at / 4] &
		    ~((uint32_t)0xff << shift)) | (uint32_t)bytes[i] << shift;
	}
	for (i = 0; negative && i < b->n; i++) {
		b->limb[i] = ~b->limb[i] + carry;
		carry = carry != 0 && b->limb[i] == 0;
	}
	while (b->n > 0 && b->limb[b->n - 1] == 0)
		b->n--;
	return negative;
}

/* Divides by 10^9 in place and returns the remainder. */
static uint32_t
big_cut(struct big *b)
{
	uint64_t rest = 0;
	size_t i;

	for (i = b->n; i > 0; i--) {
		rest = rest << 32 | b->limb[i - 1];
		b->limb[i - 1] = (uint32_t)(rest / BILLION);
		rest %= BILLION;
	}
	while (b->n > 0 && b->limb[b->n - 1] == 0)
		b->n--;
	return (uint32_t)rest;
}

/* Digits without leading zeros, "0" for zero; `to` ends where they end. */
static char *
big_digits(struct big *b, char *end)
{
	char *p = end;
	uint32_t part;
	int i;

	while (b->n > 0) {
		part = big_cut(b);
		for (i = 0; i < 9; i++, part /= 10)
			*--p = (char)('0' + part % 10);
	}
	while (p < end && *p == '0')
		p++;
	if (p == end)
		*--p = '0';
	return p;
}

static char *
put_exponent(char *to, int64_t e)
{
	char digits[24], *p = digits + sizeof(digits);
	uint64_t v = (uint64_t)(e < 0 ? -e : e);

	do {
		*--p = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	*to++ = 'E';
	*to++ = e < 0 ? '-' : '+';
	memcpy(to, p, (size_t)(digits + sizeof(digits) - p));
	return to + (digits + sizeof(digits) - p);
}

/* BigDecimal.toString: plain if the exponent allows, else one digit first. */
static char *
put_scaled(char *to, const char *digits, int64_t n, int64_t scale)
{
	const int64_t exponent = n - 1 - scale;
	int64_t whole = n - scale;

	if (scale == 0) {
		memcpy(to, digits, (size_t)n);
		return to + n;
	}
	if (scale < 0 || exponent < -6) {
		*to++ = digits[0];
		if (n > 1) {
			*to++ = '.';
			memcpy(to, digits + 1, (size_t)n - 1);
			to += n - 1;
		}
		return exponent != 0 ? put_exponent(to, exponent) : to;
	}
	if (whole > 0) {
		memcpy(to, digits, (size_t)whole);
		to += whole;
	} else {
		*to++ = '0';
	}
	*to++ = '.';
	for (; whole < 0; whole++)
		*to++ = '0';
	memcpy(to, digits + n - (scale < n ? scale : n),
	    (size_t)(scale < n ? scale : n));
	return to + (scale < n ? scale : n);
}

int64_t
decimal_to_text(char *to, const uint8_t *bytes, size_t n, int32_t scale)
{
	char digits[DECIMAL_DIGITS_MAX + 16], *first, *p = to;
	char *end = digits + sizeof(digits);
	struct big b;

	if (n == 0 || n > DECIMAL_BYTES_MAX)
		return -1;
	if (big_load(&b, bytes, n))
		*p++ = '-';
	first = big_digits(&b, end);
	return put_scaled(p, first, end - first, scale) - to;
}

/* ---------------------------------------------------------- from text */

/* A number taken apart: value = digits * 10^-scale. */
struct parts {
	bool negative;
	const char *digits;	/* with a point among them */
	size_t ndigits;		/* bytes, the point included */
	int64_t scale;
};

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int
split(struct leat_str text, struct parts *ret)
{
	const char *p = text.ptr, *end = p + text.len;
	struct parts parts = { .negative = p < end && *p == '-' };
	bool point = false;
	size_t n = 0;
	int64_t e = 0;

	if (p < end && (*p == '-' || *p == '+'))
		p++;
	parts.digits = p;
	for (; p < end && (is_digit(*p) || (*p == '.' && !point)); p++) {
		if (*p == '.') {
			point = true;
			continue;
		}
		n++;
		parts.scale += point;
	}
	parts.ndigits = (size_t)(p - parts.digits);
	if (n == 0)
		return DECIMAL_BAD;
	if (p < end && (*p == 'e' || *p == 'E')) {
		struct leat_str exponent = { p + 1, (size_t)(end - p - 1) };

		if (exponent.len > 0 && *exponent.ptr == '+' &&
		    exponent.len > 1 && is_digit(exponent.ptr[1])) {
			exponent.ptr++;
			exponent.len--;
		}
		if (leat_parse_i64(exponent, -EXPONENT_MAX, EXPONENT_MAX,
			&e) < 0)
			return DECIMAL_BAD;
		p = end;
	}
	if (p != end)
		return DECIMAL_BAD;
	parts.scale -= e;
	*ret = parts;
	return DECIMAL_OK;
}

/* b = b * by + add; false if it becomes too large. */
static bool
big_step(struct big *b, uint32_t by, uint32_t add)
{
	uint64_t carry = add;
	size_t i;

	for (i = 0; i < b->n; i++) {
		carry += (uint64_t)b->limb[i] * by;
		b->limb[i] = (uint32_t)carry;
		carry >>= 32;
	}
	if (carry == 0)
		return true;
	if (b->n == LIMBS_MAX)
		return false;
	b->limb[b->n++] = (uint32_t)carry;
	return true;
}

/* Writes the bytes of b, negated if so wished, as short as possible. */
static int
big_store(const struct big *b, bool negative, uint8_t *to, size_t *ret_len)
{
	uint8_t bytes[LIMBS_MAX * 4 + 1];
	const size_t size = b->n * 4 + 1;
	size_t i, skip = 0;
	unsigned carry = 1;

	bytes[0] = 0;
	for (i = 0; i < b->n * 4; i++)
		bytes[size - 1 - i] = (uint8_t)(b->limb[i / 4] >> i % 4 * 8);
	for (i = size; negative && i > 0; i--) {
		carry += (uint8_t)~bytes[i - 1];
		bytes[i - 1] = (uint8_t)carry;
		carry >>= 8;
	}
	while (skip + 1 < size && (bytes[skip] == 0 || bytes[skip] == 0xff) &&
	    (bytes[skip] & 0x80) == (bytes[skip + 1] & 0x80))
		skip++;
	if (size - skip > DECIMAL_BYTES_MAX)
		return DECIMAL_LARGE;
	memcpy(to, bytes + skip, size - skip);
	*ret_len = size - skip;
	return DECIMAL_OK;
}

int
decimal_from_text(struct leat_str text, int32_t scale, uint8_t *to,
    size_t *ret_len)
{
	struct big b = { .n = 0 };
	struct parts parts;
	int64_t shift;
	size_t i, n;

	if (split(text, &parts) < 0)
		return DECIMAL_BAD;
	shift = scale - parts.scale;
	n = parts.ndigits;
	/* Digits beyond the scale may only be zeros. */
	for (; shift < 0 && n > 0; n--) {
		if (parts.digits[n - 1] == '.')
			continue;
		if (parts.digits[n - 1] != '0')
			return DECIMAL_ROUNDS;
		shift++;
	}
	if (n > 2 * DECIMAL_DIGITS_MAX)
		return DECIMAL_LARGE;
	for (i = 0; i < n; i++)
		if (parts.digits[i] != '.' &&
		    !big_step(&b, 10, (uint32_t)(parts.digits[i] - '0')))
			return DECIMAL_LARGE;
	if (shift > DECIMAL_DIGITS_MAX && b.n > 0)
		return DECIMAL_LARGE;
	for (; shift > 0 && b.n > 0; shift--)
		if (!big_step(&b, 10, 0))
			return DECIMAL_LARGE;
	return big_store(&b, parts.negative && b.n > 0, to, ret_len);
}

int
decimal_text_scale(struct leat_str text, int32_t *ret_scale)
{
	struct parts parts;

	if (split(text, &parts) < 0)
		return DECIMAL_BAD;
	*ret_scale = (int32_t)parts.scale;
	return DECIMAL_OK;
}
