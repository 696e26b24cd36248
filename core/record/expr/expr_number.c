/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expr_number.c: the arithmetic and the order of numbers.
 */
#include "core/record/expr/expr_number.h"

#include <math.h>
#include <string.h>

#include "core/record/decimal.h"

__extension__ typedef __int128 wide;
__extension__ typedef unsigned __int128 uwide;

enum {
	WIDE_BYTES = 16,
	SCALE_MAX = 10000,	/* in registers */
	DIV_SCALE_MIN = 10	/* digits of a quotient that never ends */
};

static const char too_large[] = "the result is too large";
static const char no_memory[] = "out of memory";

/* A decimal in registers: unscaled * 10^-scale. */
struct dec {
	wide unscaled;
	int32_t scale;
};

/* --------------------------------------------------------------- in and out */

/* Without the bytes that only repeat the sign. */
static struct expr_value
trimmed(struct expr_value v)
{
	while (v.len > 1 && ((v.u.b[0] == 0 && v.u.b[1] < 0x80) ||
	    (v.u.b[0] == 0xff && v.u.b[1] >= 0x80))) {
		v.u.b++;
		v.len--;
	}
	return v;
}

/* False if it has more digits than registers hold. */
static bool
dec_load(const struct expr_value *v, struct dec *ret_dec)
{
	struct expr_value t;
	uwide u;
	uint32_t i;

	if (v->kind == X_INT) {
		*ret_dec = (struct dec){ v->u.i, 0 };
		return true;
	}
	t = trimmed(*v);
	if (t.len > WIDE_BYTES - 1 || v->scale > SCALE_MAX ||
	    v->scale < -SCALE_MAX)
		return false;
	u = t.len > 0 && t.u.b[0] >= 0x80 ? ~(uwide)0 : 0;
	for (i = 0; i < t.len; i++)
		u = u << 8 | t.u.b[i];
	*ret_dec = (struct dec){ (wide)u, v->scale };
	return true;
}

static bool
dec_store(struct dec d, struct leat_arena *arena, struct expr_value *ret_value)
{
	uint8_t *to = leat_arena_alloc(arena, WIDE_BYTES);
	uwide u = (uwide)d.unscaled;
	int i;

	if (to == NULL)
		return false;
	for (i = WIDE_BYTES - 1; i >= 0; i--, u >>= 8)
		to[i] = (uint8_t)u;
	*ret_value = trimmed((struct expr_value){ .kind = X_DECIMAL,
	    .scale = d.scale, .len = WIDE_BYTES, .u.b = to });
	return true;
}

/* To a larger scale; false if that is too large. */
static bool
dec_rescale(struct dec *d, int32_t scale)
{
	if (d->unscaled == 0)
		d->scale = scale;
	for (; d->scale < scale; d->scale++)
		if (__builtin_mul_overflow(d->unscaled, (wide)10,
			&d->unscaled))
			return false;
	return true;
}

static bool
dec_align(struct dec *a, struct dec *b)
{
	const int32_t scale = a->scale > b->scale ? a->scale : b->scale;

	return dec_rescale(a, scale) && dec_rescale(b, scale);
}

double
expr_number_double(const struct expr_value *v)
{
	char text[DECIMAL_BYTES_MAX * 3 + 48];
	double f;
	int64_t len;

	if (v->kind == X_DOUBLE)
		return v->u.f;
	if (v->kind == X_INT)
		return (double)v->u.i;
	len = decimal_to_text(text, v->u.b, v->len, v->scale);
	if (len > 0 && leat_parse_f64((struct leat_str){ text, (size_t)len },
		&f) == 0)
		return f;
	/* Beyond a double: next to nothing, or more than it can hold. */
	if (v->scale > 0)
		return 0;
	return text[0] == '-' ? -INFINITY : INFINITY;
}

bool
expr_number_is_zero(const struct expr_value *v)
{
	uint32_t i;

	if (v->kind == X_DOUBLE)
		return v->u.f == 0;
	if (v->kind == X_INT)
		return v->u.i == 0;
	for (i = 0; i < v->len; i++)
		if (v->u.b[i] != 0)
			return false;
	return true;
}

bool
expr_number_int(const struct expr_value *v, int64_t *ret_value)
{
	struct dec d;

	if (v->kind == X_DOUBLE) {
		if (!(v->u.f > -9.3e18 && v->u.f < 9.3e18) ||
		    v->u.f >= 9223372036854775808.0 ||
		    v->u.f < -9223372036854775808.0)
			return false;
		*ret_value = (int64_t)v->u.f;
		return true;
	}
	if (!dec_load(v, &d) || (d.scale < 0 && !dec_rescale(&d, 0)))
		return false;
	for (; d.scale > 0 && d.unscaled != 0; d.scale--)
		d.unscaled /= 10;
	if (d.unscaled > INT64_MAX || d.unscaled < INT64_MIN)
		return false;
	*ret_value = (int64_t)d.unscaled;
	return true;
}

bool
expr_number_parse(struct leat_str text, struct leat_arena *arena,
    struct expr_value *ret_value)
{
	uint8_t unscaled[DECIMAL_BYTES_MAX];
	int32_t scale;
	size_t len;

	if (decimal_text_scale(text, &scale) != DECIMAL_OK ||
	    decimal_from_text(text, scale, unscaled, &len) != DECIMAL_OK)
		return false;
	*ret_value = (struct expr_value){ .kind = X_DECIMAL, .scale = scale,
		.len = (uint32_t)len };
	ret_value->u.b = leat_arena_memdup(arena, unscaled, len);
	return ret_value->u.b != NULL;
}

/* -------------------------------------------------------------------- order */

/* A decimal of any length as sign, digits and the place of its point. */
struct digits {
	char text[DECIMAL_DIGITS_MAX + 64];
	const char *first;
	int64_t len;
	int64_t point;		/* digits before the point; may be < 0 */
	bool negative;
};

static void
digits_of(const struct expr_value *v, struct digits *to)
{
	uint8_t word[8];
	struct expr_value d = *v;
	int i;

	if (v->kind == X_INT) {
		for (i = 0; i < 8; i++)
			word[i] = (uint8_t)((uint64_t)v->u.i >> (56 - 8 * i));
		d = (struct expr_value){ .len = 8, .u.b = word };
	}
	d = trimmed(d);
	to->first = to->text;
	to->len = decimal_to_text(to->text, d.u.b, d.len, 0);
	if (to->len < 0)
		to->len = 0;
	to->negative = to->len > 0 && to->text[0] == '-';
	to->first += to->negative;
	to->len -= to->negative;
	to->point = to->len - d.scale;
	while (to->len > 0 && to->first[to->len - 1] == '0')
		to->len--;
}

/* Digit by digit: for numbers that do not fit registers. */
static int
long_order(const struct expr_value *a, const struct expr_value *b)
{
	struct digits x, y;
	int64_t common;
	int c;

	digits_of(a, &x);
	digits_of(b, &y);
	if (x.len == 0 || y.len == 0)	/* zero: the other's sign decides */
		return x.len > 0 ? (x.negative ? -1 : 1)
		    : y.len > 0 ? (y.negative ? 1 : -1) : 0;
	if (x.negative != y.negative)
		return x.negative ? -1 : 1;
	common = x.len < y.len ? x.len : y.len;
	c = x.point != y.point ? (x.point < y.point ? -1 : 1)
	    : memcmp(x.first, y.first, (size_t)common);
	if (c == 0)
		c = x.len < y.len ? -1 : x.len > y.len;
	return x.negative ? -c : c;
}

int
expr_number_order(const struct expr_value *a, const struct expr_value *b)
{
	struct dec x, y;
	double f, g;

	if (a->kind == X_DOUBLE || b->kind == X_DOUBLE) {
		f = expr_number_double(a);
		g = expr_number_double(b);
		if (isnan(f) || isnan(g))
			return isnan(f) - isnan(g);
		return (f > g) - (f < g);
	}
	if (a->kind == X_INT && b->kind == X_INT)
		return (a->u.i > b->u.i) - (a->u.i < b->u.i);
	if (!dec_load(a, &x) || !dec_load(b, &y) || !dec_align(&x, &y))
		return long_order(a, b);
	return (x.unscaled > y.unscaled) - (x.unscaled < y.unscaled);
}

/* --------------------------------------------------------------- arithmetic */

static const char *
compute_double(enum expr_arith op, double a, double b,
    struct expr_value *ret_value)
{
	double r = 0;

	switch (op) {
	case ARITH_ADD:
		r = a + b;
		break;
	case ARITH_SUB:
		r = a - b;
		break;
	case ARITH_MUL:
		r = a * b;
		break;
	case ARITH_DIV:
		r = a / b;
		break;
	case ARITH_REM:
		r = fmod(a, b);
		break;
	}
	*ret_value = expr_double(r);
	return NULL;
}

static const char *
compute_int(enum expr_arith op, int64_t a, int64_t b,
    struct expr_value *ret_value)
{
	int64_t r = 0;
	bool over = false;

	switch (op) {
	case ARITH_ADD:
		over = __builtin_add_overflow(a, b, &r);
		break;
	case ARITH_SUB:
		over = __builtin_sub_overflow(a, b, &r);
		break;
	case ARITH_MUL:
		over = __builtin_mul_overflow(a, b, &r);
		break;
	case ARITH_REM:
		r = b == -1 ? 0 : a % b;
		break;
	case ARITH_DIV:
		return too_large;	/* never: a quotient is a decimal */
	}
	*ret_value = expr_int(r);
	return over ? too_large : NULL;
}

/* Exactly if the quotient ends, else ten digits, rounded half up. */
static bool
divide(struct dec a, struct dec b, struct dec *ret_dec)
{
	int32_t most = DIV_SCALE_MIN;
	wide q, rest;

	most = a.scale > most ? a.scale : most;
	most = b.scale > most ? b.scale : most;
	while (a.scale < b.scale)
		if (!dec_rescale(&a, a.scale + 1))
			return false;
	while (a.unscaled % b.unscaled != 0 && a.scale - b.scale < most)
		if (!dec_rescale(&a, a.scale + 1))
			return false;
	q = a.unscaled / b.unscaled;
	rest = a.unscaled % b.unscaled;
	/* Half or more of the divisor: compared without doubling it. */
	rest = rest < 0 ? -rest : rest;
	if (rest != 0 && rest >= (b.unscaled < 0 ? -b.unscaled : b.unscaled) -
		rest)
		q += (a.unscaled < 0) == (b.unscaled < 0) ? 1 : -1;
	*ret_dec = (struct dec){ q, a.scale - b.scale };
	return true;
}

static const char *
compute_dec(enum expr_arith op, struct dec a, struct dec b,
    struct leat_arena *arena, struct expr_value *ret_value)
{
	struct dec r = { 0, 0 };
	bool ok = true;
	int64_t scale;

	if (op == ARITH_MUL) {
		scale = (int64_t)a.scale + b.scale;
		ok = scale == (int32_t)scale &&
		    !__builtin_mul_overflow(a.unscaled, b.unscaled,
			&r.unscaled);
		r.scale = (int32_t)scale;
	} else if (op == ARITH_DIV) {
		ok = divide(a, b, &r);
	} else {
		ok = dec_align(&a, &b);
		r.scale = a.scale;
		if (ok && op == ARITH_ADD)
			ok = !__builtin_add_overflow(a.unscaled, b.unscaled,
			    &r.unscaled);
		else if (ok && op == ARITH_SUB)
			ok = !__builtin_sub_overflow(a.unscaled, b.unscaled,
			    &r.unscaled);
		else if (ok)
			r.unscaled = b.unscaled == -1 ? 0
			    : a.unscaled % b.unscaled;
	}
	if (!ok)
		return too_large;
	return dec_store(r, arena, ret_value) ? NULL : no_memory;
}

const char *
expr_number_compute(enum expr_arith op, const struct expr_value *a,
    const struct expr_value *b, struct leat_arena *arena,
    struct expr_value *ret_value)
{
	struct dec x, y;

	if (a->kind == X_DOUBLE || b->kind == X_DOUBLE)
		return compute_double(op, expr_number_double(a),
		    expr_number_double(b), ret_value);
	if (op >= ARITH_DIV && expr_number_is_zero(b))
		return "division by zero";
	if (a->kind == X_INT && b->kind == X_INT && op != ARITH_DIV)
		return compute_int(op, a->u.i, b->u.i, ret_value);
	if (!dec_load(a, &x) || !dec_load(b, &y))
		return "decimals of more than 35 digits do not compute";
	return compute_dec(op, x, y, arena, ret_value);
}

const char *
expr_number_negate(const struct expr_value *v, struct leat_arena *arena,
    struct expr_value *ret_value)
{
	const struct expr_value zero = expr_int(0);
	unsigned carry = 1, byte;
	uint8_t *to;
	uint32_t i;

	if (v->kind == X_DOUBLE) {
		*ret_value = *v;
		ret_value->u.f = -v->u.f;
		return NULL;
	}
	if (v->kind == X_INT)
		return expr_number_compute(ARITH_SUB, &zero, v, arena,
		    ret_value);
	/* Two's complement, with a byte more for the least number. */
	to = leat_arena_alloc(arena, v->len + 1U);
	if (to == NULL)
		return no_memory;
	for (i = v->len + 1; i-- > 0; carry = byte >> 8) {
		byte = i > 0 ? v->u.b[i - 1] : v->u.b[0] >= 0x80 ? 0xff
								 : 0;
		byte = (~byte & 0xff) + carry;
		to[i] = (uint8_t)byte;
	}
	*ret_value = trimmed((struct expr_value){ .kind = X_DECIMAL,
	    .scale = v->scale, .len = v->len + 1, .u.b = to });
	return NULL;
}
