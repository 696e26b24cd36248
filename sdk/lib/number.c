/* SPDX-License-Identifier: Apache-2.0 */
/*
 * number.c: text to numbers, whole or refused.
 */
#include <leat/str.h>

#include "sdk/lib/float.h"

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

int
leat_parse_u64(struct leat_str s, uint64_t max, uint64_t *ret_value)
{
	uint64_t v = 0;
	size_t i;

	if (s.len == 0)
		return -1;
	for (i = 0; i < s.len; i++)
		if (!is_digit(s.ptr[i]) ||
		    __builtin_mul_overflow(v, (uint64_t)10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.ptr[i] - '0'), &v))
			return -1;
	if (v > max)
		return -1;
	*ret_value = v;
	return 0;
}

/* Takes a leading sign off; was it a minus? */
static bool
cut_sign(struct leat_str *s)
{
	bool minus = s->len > 0 && s->ptr[0] == '-';

	if (minus || (s->len > 0 && s->ptr[0] == '+')) {
		s->ptr++;
		s->len--;
	}
	return minus;
}

int
leat_parse_i64(struct leat_str s, int64_t min, int64_t max,
    int64_t *ret_value)
{
	bool minus = cut_sign(&s);
	uint64_t u;
	int64_t v;

	if (leat_parse_u64(s, (uint64_t)INT64_MAX + minus, &u) < 0)
		return -1;
	v = (int64_t)(minus ? -u : u);
	if (v < min || v > max)
		return -1;
	*ret_value = v;
	return 0;
}

/* Is the text digits with an optional point and exponent? */
static bool
is_decimal(struct leat_str s)
{
	size_t i = 0, digits = 0;

	(void)cut_sign(&s);
	for (; i < s.len && is_digit(s.ptr[i]); i++)
		digits++;
	if (i < s.len && s.ptr[i] == '.')
		for (i++; i < s.len && is_digit(s.ptr[i]); i++)
			digits++;
	if (digits == 0)
		return false;
	if (i < s.len && (s.ptr[i] | 0x20) == 'e') {
		struct leat_str rest = { s.ptr + i + 1, s.len - i - 1 };

		(void)cut_sign(&rest);
		for (i = 0; i < rest.len && is_digit(rest.ptr[i]); i++)
			;
		return i > 0 && i == rest.len;
	}
	return i == s.len;
}

static bool
eq_nocase(struct leat_str s, const char *word)
{
	size_t i;

	if (strlen(word) != s.len)
		return false;
	for (i = 0; i < s.len; i++) {
		char a = s.ptr[i], b = word[i];

		if (a >= 'A' && a <= 'Z')
			a = (char)(a | 0x20);
		if (b >= 'A' && b <= 'Z')
			b = (char)(b | 0x20);
		if (a != b)
			return false;
	}
	return true;
}

int
leat_parse_f64(struct leat_str s, double *ret_value)
{
	struct leat_str word = s;
	bool minus;

	if (is_decimal(s)) {
		double v = leat_f64_from_text(s.ptr, s.len);

		if (__builtin_isinf(v))
			return -1;
		*ret_value = v;
		return 0;
	}
	minus = cut_sign(&word);
	if (eq_nocase(word, "nan"))
		*ret_value = __builtin_nan("");
	else if (eq_nocase(word, "infinity") || eq_nocase(word, "inf"))
		*ret_value = minus ? -__builtin_inf() : __builtin_inf();
	else
		return -1;
	return 0;
}

int
leat_parse_bool(struct leat_str s, bool *ret_value)
{
	if (eq_nocase(s, "true") || eq_nocase(s, "yes") || eq_nocase(s, "on"))
		*ret_value = true;
	else if (eq_nocase(s, "false") || eq_nocase(s, "no") ||
	    eq_nocase(s, "off"))
		*ret_value = false;
	else
		return -1;
	return 0;
}

/* ------------------------------------------------- numbers with a unit */

struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit duration_units[] = {
	{ "", 1 },
	{ "ms", 1 },
	{ "s", 1000 },
	{ "m", 60 * 1000 },
	{ "min", 60 * 1000 },
	{ "h", 3600 * 1000 },
	{ "d", 24 * 3600 * 1000 },
	{ NULL, 0 }
};

static const struct unit byte_units[] = {
	{ "", 1 },
	{ "b", 1 },
	{ "kb", 1000 },
	{ "mb", 1000 * 1000 },
	{ "gb", 1000 * 1000 * 1000 },
	{ "tb", INT64_C(1000) * 1000 * 1000 * 1000 },
	{ "kib", 1 << 10 },
	{ "mib", 1 << 20 },
	{ "gib", 1 << 30 },
	{ "tib", INT64_C(1) << 40 },
	{ NULL, 0 }
};

/* Cuts off the text before the first letter: the number. */
static struct leat_str
cut_number(struct leat_str *s)
{
	struct leat_str number = *s;
	size_t i = 0;

	while (i < s->len && (s->ptr[i] | 0x20) < 'a')
		i++;
	number.len = i;
	s->ptr += i;
	s->len -= i;
	return leat_str_trim(number);
}

/* 1.5 of a unit of 1000 is 1500. At most 9 digits of fraction. */
static int
scale(struct leat_str number, int64_t factor, int64_t *ret_value)
{
	struct leat_str frac = number, whole = leat_str_cut(&frac, '.');
	bool minus = whole.len > 0 && whole.ptr[0] == '-';
	uint64_t f = 0, ten = 1;
	int64_t v, part;
	size_t i;

	if (leat_parse_i64(whole, INT64_MIN, INT64_MAX, &v) < 0 ||
	    __builtin_mul_overflow(v, factor, &v))
		return -1;
	if (whole.len < number.len &&
	    (frac.len > 9 || leat_parse_u64(frac, UINT64_MAX, &f) < 0))
		return -1;
	for (i = 0; i < frac.len; i++)
		ten *= 10;
	part = (int64_t)((double)f * (double)factor / (double)ten + 0.5);
	if (__builtin_add_overflow(v, minus ? -part : part, &v))
		return -1;
	*ret_value = v;
	return 0;
}

static int
parse_with_unit(struct leat_str s, const struct unit *units,
    int64_t *ret_value)
{
	struct leat_str name = leat_str_trim(s), number = cut_number(&name);
	const struct unit *u;

	for (u = units; u->name != NULL; u++)
		if (eq_nocase(name, u->name))
			return scale(number, u->factor, ret_value);
	return -1;
}

int
leat_parse_duration_ms(struct leat_str s, int64_t *ret_ms)
{
	return parse_with_unit(s, duration_units, ret_ms);
}

int
leat_parse_bytes(struct leat_str s, int64_t *ret_bytes)
{
	return parse_with_unit(s, byte_units, ret_bytes);
}
