/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_conv_number.c: integers, floats, numeric and money.
 *
 * numeric comes as plain decimal text. Up to 18 digits go through an int64;
 * longer ones through words of 32 bits, nine digits at a time.
 */
#include "pg_types.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include <leat/str.h>

enum {
	FAST_DIGITS = 18,
	DIGITS_MAX = 200000	/* numeric has 147455 at most */
};

int
pg_conv_bool(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	(void)ty;
	(void)mem;
	if (len == 0 || (s[0] != 't' && s[0] != 'f'))
		return PG_CONV_BAD;
	*ret = leat_bool(s[0] == 't');
	return 0;
}

/* int2, int4, int8, oid: the kind of the schema says which. */
int
pg_conv_int(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	uint32_t neg = len > 0 && s[0] == '-';
	uint64_t v = 0;

	(void)mem;
	if (len == neg || len - neg > 19)
		return PG_CONV_BAD;
	for (uint32_t i = neg; i < len; i++) {
		unsigned d = (unsigned)(unsigned char)s[i] - '0';

		if (d > 9)
			return PG_CONV_BAD;
		v = v * 10 + d;
	}
	if (v > (uint64_t)INT64_MAX + neg)
		return PG_CONV_BAD;
	ret->kind = ty->schema.kind;
	ret->flags = 0;
	ret->reserved = 0;
	ret->len = 0;
	ret->u.i = (int64_t)(neg ? 0 - v : v);
	return 0;
}

int
pg_parse_double(struct leat_str text, double *ret)
{
	double v;

	if (leat_str_eq_c(text, "NaN"))
		v = __builtin_nan("");
	else if (leat_str_eq_c(text, "Infinity"))
		v = __builtin_inf();
	else if (leat_str_eq_c(text, "-Infinity"))
		v = -__builtin_inf();
	else if (leat_parse_f64(text, &v) < 0)
		return PG_CONV_BAD;
	*ret = v;
	return 0;
}

int
pg_conv_float(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	double v;

	(void)mem;
	if (pg_parse_double((struct leat_str){ s, len }, &v) < 0)
		return PG_CONV_BAD;
	*ret = leat_f64(v);
	ret->kind = ty->schema.kind;
	return 0;
}

/* ---------------------------------------------------------------- decimals */

/* A decimal text taken apart: sign, digits, and how many follow the point. */
struct decimal {
	int neg;
	uint32_t ndigits;	/* without leading zeros */
	uint32_t fraction;
	const char *first;	/* first digit that counts */
	const char *end;	/* the point may stand between */
};

/* 0, PG_CONV_NONE for NaN and the infinities, PG_CONV_BAD. */
static int
scan_decimal(const char *s, uint32_t len, struct decimal *ret)
{
	struct decimal d = { 0 };
	const char *p = s, *end = s + len, *point = NULL;
	uint32_t digits = 0;

	if (p < end && (*p == '-' || *p == '+'))
		d.neg = *p++ == '-';
	if (p < end && (*p == 'N' || *p == 'I'))
		return PG_CONV_NONE;
	if (p == end || len > DIGITS_MAX)
		return PG_CONV_BAD;
	for (const char *q = p; q < end; q++) {
		if (*q == '.' && point == NULL)
			point = q;
		else if (*q < '0' || *q > '9')
			return PG_CONV_BAD;
		else
			digits++;
	}
	if (digits == 0)
		return PG_CONV_BAD;
	d.fraction = point == NULL ? 0 : (uint32_t)(end - point - 1);
	while (p < end && (*p == '0' || *p == '.')) {
		digits -= *p == '0';
		p++;
	}
	d.first = p;
	d.end = end;
	d.ndigits = digits;
	*ret = d;
	return 0;
}

/* The shortest two's complement of a 64-bit number. */
static int
bytes_of_i64(int64_t v, struct leat_batch *mem, struct leat_value *ret)
{
	uint8_t *b = leat_batch_alloc(mem, 8);
	uint64_t be = htobe64((uint64_t)v);
	uint32_t skip = 0;

	if (b == NULL)
		return PG_CONV_NOMEM;
	memcpy(b, &be, 8);
	while (skip < 7 && ((b[skip] == 0 && b[skip + 1] < 0x80) ||
	    (b[skip] == 0xff && b[skip + 1] >= 0x80)))
		skip++;
	*ret = leat_bytes(b + skip, 8 - skip);
	return 0;
}

/* Little-endian words: w = w * mul + add; returns the number of words. */
static size_t
mul_add(uint32_t *w, size_t n, uint32_t mul, uint32_t add)
{
	uint64_t carry = add;

	for (size_t i = 0; i < n; i++) {
		carry += (uint64_t)w[i] * mul;
		w[i] = (uint32_t)carry;
		carry >>= 32;
	}
	if (carry != 0)
		w[n++] = (uint32_t)carry;
	return n;
}

/* Words into big-endian two's complement, one sign byte at most too many. */
static int
bytes_of_words(const uint32_t *w, size_t n, int neg, struct leat_batch *mem,
    struct leat_value *ret)
{
	size_t len = n * 4 + 1, skip = 0;
	uint8_t *b = leat_batch_alloc(mem, len);
	unsigned carry = 1;

	if (b == NULL)
		return PG_CONV_NOMEM;
	b[0] = 0;
	for (size_t i = 0; i < n; i++) {
		uint32_t be = htobe32(w[n - 1 - i]);

		memcpy(b + 1 + i * 4, &be, 4);
	}
	for (size_t i = len; neg && i-- > 0;) {
		carry += (uint8_t)~b[i];
		b[i] = (uint8_t)carry;
		carry >>= 8;
	}
	while (skip + 1 < len && ((b[skip] == 0 && b[skip + 1] < 0x80) ||
	    (b[skip] == 0xff && b[skip + 1] >= 0x80)))
		skip++;
	*ret = leat_bytes(b + skip, len - skip);
	return 0;
}

static int
big_decimal(const struct decimal *d, uint32_t ndigits, uint32_t zeros,
    struct leat_batch *mem, struct leat_value *ret)
{
	static const uint32_t tens[] = { 1, 10, 100, 1000, 10000, 100000,
		1000000, 10000000, 100000000, 1000000000 };
	uint32_t total = ndigits + zeros, part = 0, in_part = 0;
	size_t n = 0;
	uint32_t *w = calloc(total / 9 + 2, sizeof(*w));
	const char *p = d->first;
	int rc;

	if (w == NULL)
		return PG_CONV_NOMEM;
	for (uint32_t i = 0; i < total; i++) {
		uint32_t digit = 0;

		if (i < ndigits) {
			p += *p == '.';
			digit = (uint32_t)(*p++ - '0');
		}
		part = part * 10 + digit;
		if (++in_part == 9 || i + 1 == total) {
			n = mul_add(w, n, tens[in_part], part);
			part = in_part = 0;
		}
	}
	rc = bytes_of_words(w, n, d->neg, mem, ret);
	free(w);
	return rc;
}

/*
 * The first `ndigits` digits of d, with `zeros` zeros behind them.
 */
static int
unscaled(const struct decimal *d, uint32_t ndigits, uint32_t zeros,
    struct leat_batch *mem, struct leat_value *ret)
{
	const char *p = d->first;
	int64_t v = 0;

	if (ndigits == 0)
		zeros = 0;
	if (ndigits + zeros > FAST_DIGITS)
		return ndigits + zeros > DIGITS_MAX ? PG_CONV_BAD :
		    big_decimal(d, ndigits, zeros, mem, ret);
	for (uint32_t i = 0; i < ndigits; i++) {
		p += *p == '.';
		v = v * 10 + (*p++ - '0');
	}
	for (uint32_t i = 0; i < zeros; i++)
		v *= 10;
	return bytes_of_i64(d->neg ? -v : v, mem, ret);
}

/* Are the last n digits zeros? */
static int
ends_in_zeros(const struct decimal *d, uint32_t n)
{
	const char *p = d->end;

	while (n > 0 && p > d->first) {
		p--;
		if (*p == '.')
			continue;
		if (*p != '0')
			return 0;
		n--;
	}
	return 1;
}

int
pg_decimal_bytes(const char *s, uint32_t len, int32_t scale,
    struct leat_batch *mem, struct leat_value *ret)
{
	struct decimal d;
	int32_t shift;
	int rc = scan_decimal(s, len, &d);

	if (rc < 0)
		return rc;
	shift = scale - (int32_t)d.fraction;
	if (shift >= 0)
		return unscaled(&d, d.ndigits, (uint32_t)shift, mem, ret);
	if (!ends_in_zeros(&d, (uint32_t)-shift))
		return PG_CONV_BAD;
	return unscaled(&d, (uint32_t)-shift >= d.ndigits ? 0 :
	    d.ndigits - (uint32_t)-shift, 0, mem, ret);
}

int
pg_conv_decimal(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	return pg_decimal_bytes(s, len, ty->scale, mem, ret);
}

/* A struct {scale, value} without trailing zeros behind the point. */
int
pg_conv_vardecimal(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	struct leat_value *items;
	uint32_t fraction = 0;
	const char *point = memchr(s, '.', len);
	int rc;

	(void)ty;
	if (point != NULL) {
		while (s[len - 1] == '0')
			len--;
		fraction = (uint32_t)(s + len - point - 1);
	}
	items = leat_batch_alloc(mem, 2 * sizeof(*items));
	if (items == NULL)
		return PG_CONV_NOMEM;
	rc = pg_decimal_bytes(s, len, (int32_t)fraction, mem, &items[1]);
	if (rc < 0)
		return rc;
	items[0] = leat_i32((int32_t)fraction);
	*ret = leat_items(LEAT_STRUCT, items, 2);
	return 0;
}

static int
is_plain_decimal(const char *s, uint32_t len)
{
	uint32_t i = len > 0 && s[0] == '-', digits = 0;

	for (; i < len && ((s[i] >= '0' && s[i] <= '9') || s[i] == '.'); i++)
		digits += s[i] != '.';
	return digits > 0 && i == len;
}

/* numeric reaches further than a double: beyond is infinity, as in Java. */
int
pg_conv_numeric_double(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	int rc = pg_conv_float(ty, s, len, mem, ret);

	if (rc == PG_CONV_BAD && is_plain_decimal(s, len)) {
		*ret = leat_f64(s[0] == '-' ? -__builtin_inf() :
		    __builtin_inf());
		rc = 0;
	}
	return rc;
}

/* Java's names for what is not a number. */
int
pg_conv_numeric_string(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	struct leat_str text = { s, len };

	(void)ty;
	(void)mem;
	if (leat_str_eq_c(text, "NaN"))
		*ret = leat_cstring("NAN");
	else if (leat_str_eq_c(text, "Infinity"))
		*ret = leat_cstring("POSITIVE_INFINITY");
	else if (leat_str_eq_c(text, "-Infinity"))
		*ret = leat_cstring("NEGATIVE_INFINITY");
	else
		*ret = leat_string(s, len);
	return 0;
}

/* ------------------------------------------------------------------- money */

/* "-$1,234.50" and "($1,234.50)" to "-1234.50", in place. */
static uint32_t
strip_money(char *s, uint32_t len)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < len; i++) {
		char c = s[i];

		/* The sign stands before the first digit, so it has room. */
		if ((c == '-' || c == '(') && n == 0)
			s[n++] = '-';
		else if ((c >= '0' && c <= '9') || c == '.')
			s[n++] = c;
	}
	return n;
}

int
pg_conv_money(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	len = strip_money(s, len);
	return pg_decimal_bytes(s, len, ty->scale, mem, ret);
}

int
pg_conv_money_double(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	return pg_conv_float(ty, s, strip_money(s, len), mem, ret);
}

int
pg_conv_money_string(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	(void)ty;
	(void)mem;
	*ret = leat_string(s, strip_money(s, len));
	return 0;
}
