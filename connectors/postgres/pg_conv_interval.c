/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_conv_interval.c: intervals as microseconds, as ISO 8601 text and as
 * Debezium's StructuredDuration.
 */
#include "pg_time_scan.h"

struct interval {
	int64_t years, months, days;
	int neg_time;
	int64_t time_us;	/* absolute */
};

static int
scan_interval_part(struct pg_cursor *c, struct interval *iv)
{
	int neg = pg_scan_skip(c, '-');
	int64_t n;
	const char *start;

	if (!neg)
		(void)pg_scan_skip(c, '+');
	start = c->p;
	if (!pg_scan_digits(c, &n))
		return PG_CONV_BAD;
	if (c->p < c->end && *c->p == ':') {
		c->p = start;
		iv->neg_time = neg;
		return pg_scan_time(c, &iv->time_us);
	}
	if (!pg_scan_skip(c, ' '))
		return PG_CONV_BAD;
	start = c->p;
	while (c->p < c->end && *c->p != ' ')
		c->p++;
	n = neg ? -n : n;
	if (c->p - start >= 3 && memcmp(start, "yea", 3) == 0)
		iv->years = n;
	else if (c->p - start >= 3 && memcmp(start, "mon", 3) == 0)
		iv->months = n;
	else if (c->p - start >= 3 && memcmp(start, "day", 3) == 0)
		iv->days = n;
	else
		return PG_CONV_BAD;
	return 0;
}

static int
interval_number(const struct interval *iv, struct leat_value *ret)
{
	int64_t sec = iv->time_us / US_PER_S;
	int64_t h = sec / 3600, m = sec / 60 % 60;
	double sign = iv->neg_time ? -1.0 : 1.0;
	double days = (double)(iv->years * 12 + iv->months) * 30.4375 +
	    (double)iv->days;
	double s = ((days * 24 + sign * (double)h) * 60 +
	    sign * (double)m) * 60 +
	    sign * ((double)(sec % 60 * US_PER_S + iv->time_us % US_PER_S) /
	    1e6);
	double us = s * 1e6;

	/* As a Java cast does it: to the nearest end of the range. */
	*ret = leat_i64(us >= 9223372036854775807.0 ? INT64_MAX :
	    us <= -9223372036854775808.0 ? INT64_MIN : (int64_t)us);
	return 0;
}

static char *
put_signed(char *to, int64_t v, int neg, char unit)
{
	char tmp[24];
	int n = 0;

	if (v < 0) {
		neg = 1;
		v = -v;
	}
	if (neg && v != 0)
		*to++ = '-';
	do {
		tmp[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	while (n > 0)
		*to++ = tmp[--n];
	*to++ = unit;
	return to;
}

static int
interval_text(const struct interval *iv, struct leat_batch *mem,
    struct leat_value *ret)
{
	int64_t s = iv->time_us / US_PER_S, frac = iv->time_us % US_PER_S;
	char *to = leat_batch_alloc(mem, 160), *p = to;

	if (to == NULL)
		return PG_CONV_NOMEM;
	*p++ = 'P';
	p = put_signed(p, iv->years, 0, 'Y');
	p = put_signed(p, iv->months, 0, 'M');
	p = put_signed(p, iv->days, 0, 'D');
	*p++ = 'T';
	p = put_signed(p, s / 3600, iv->neg_time, 'H');
	p = put_signed(p, s / 60 % 60, iv->neg_time, 'M');
	if (iv->neg_time && s % 60 == 0 && frac != 0)
		*p++ = '-';
	p = put_signed(p, s % 60, iv->neg_time, 'S') - 1;
	if (frac != 0) {
		*p++ = '.';
		p = pg_put_digits(p, frac, 6);
		while (p[-1] == '0')
			p--;
	}
	*p++ = 'S';
	*ret = leat_string(to, (size_t)(p - to));
	return 0;
}

/* The parts as PostgreSQL prints them: months below 12, each with its sign. */
static int
interval_struct(const struct pg_type *ty, const struct interval *iv,
    struct leat_batch *mem, struct leat_value *ret)
{
	struct leat_value *v = leat_batch_alloc(mem, 8 * sizeof(*v));
	int64_t sign = iv->neg_time ? -1 : 1;
	int64_t s = iv->time_us / US_PER_S, hours = sign * (s / 3600);

	if (v == NULL)
		return PG_CONV_NOMEM;
	if (hours != (int32_t)hours)
		return PG_CONV_NONE;
	v[0] = leat_i32((int32_t)iv->years);
	v[1] = leat_i32((int32_t)iv->months);
	v[2] = leat_i32((int32_t)iv->days);
	v[3] = leat_i32((int32_t)hours);
	v[4] = leat_i32((int32_t)(sign * (s / 60 % 60)));
	v[5] = leat_i64(sign * (s % 60));
	v[6] = leat_i32((int32_t)(sign * (iv->time_us % US_PER_S) * 1000));
	v[7] = leat_i32(ty->precision);
	*ret = leat_items(LEAT_STRUCT, v, 8);
	return 0;
}

int
pg_conv_interval(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	struct pg_cursor c = { s, s + len };
	struct interval iv = { 0 };

	if (len == 0 || pg_scan_infinite(s, len) != 0)
		return len == 0 ? PG_CONV_BAD : PG_CONV_NONE;
	while (c.p < c.end) {
		if (scan_interval_part(&c, &iv) < 0)
			return PG_CONV_BAD;
		(void)pg_scan_skip(&c, ' ');
	}
	if (ty->schema.kind == LEAT_STRUCT)
		return interval_struct(ty, &iv, mem, ret);
	return ty->mode == PG_INTERVAL_STRING ? interval_text(&iv, mem, ret) :
	    interval_number(&iv, ret);
}
