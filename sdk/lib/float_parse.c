/* SPDX-License-Identifier: Apache-2.0 */
/*
 * float_parse.c: decimal text to the nearest double.
 *
 * Up to 15 digits and a small exponent need one exact multiplication or
 * division; the rest goes to strtod.
 */
#include "float.h"

#include <locale.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	EXACT_POW10 = 22	/* 10^22 is the last exact power in a double */
};

static const double exact_pow10[EXACT_POW10 + 1] = {
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22
};

/* A text taken apart: digits * 10^exp, unless there were more than 19. */
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

static void
add_digit(struct parts *p, char c)
{
	if (p->digits >= UINT64_MAX / 10 - 1) {
		p->cut = true;
		return;
	}
	p->digits = p->digits * 10 + (uint64_t)(c - '0');
}

static int64_t
read_exponent(const char *s, const char *end)
{
	bool minus = s < end && *s == '-';
	int64_t v = 0;

	if (s < end && !is_digit(*s))
		s++;
	for (; s < end; s++)
		if (v < 100000)
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
		add_digit(&p, *s);
	if (s < end && *s == '.')
		for (s++; s < end && is_digit(*s); s++, p.exp--)
			add_digit(&p, *s);
	if (s < end)
		p.exp += read_exponent(s + 1, end);
	return p;
}

/* strtod wants a NUL, and the decimal point of the locale. */
static double
by_strtod(const char *s, size_t len)
{
	char local[128], *copy = local, *point;
	double v;

	if (len >= sizeof(local) && (copy = malloc(len + 1)) == NULL)
		return __builtin_inf();
	memcpy(copy, s, len);
	copy[len] = '\0';
	point = strchr(copy, '.');
	if (point != NULL)
		*point = *localeconv()->decimal_point;
	v = strtod(copy, NULL);
	if (copy != local)
		free(copy);
	return v;
}

double
leat_f64_from_text(const char *s, size_t len)
{
	struct parts p = take_apart(s, len);
	double v = (double)p.digits;

	if (p.cut || p.digits >= UINT64_C(1) << 53 || p.exp < -EXACT_POW10 ||
	    p.exp > EXACT_POW10)
		return by_strtod(s, len);
	if (p.exp < 0)
		v /= exact_pow10[-p.exp];
	else
		v *= exact_pow10[p.exp];
	return p.minus ? -v : v;
}
