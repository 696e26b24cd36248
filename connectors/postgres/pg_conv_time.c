/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_conv_time.c: dates, times, timestamps and intervals.
 *
 * The session runs with datestyle ISO and time zone UTC, so the texts are
 * "2024-03-01 01:02:03.45+00", "0044-03-15 BC", "infinity", "24:00:00",
 * "10:11:12.5+05:30", "1 year 2 mons -3 days +04:05:06.789".
 */
#include "pg_types.h"

#include <string.h>

#include <leat/str.h>
#include <leat/time.h>

#define US_PER_S INT64_C(1000000)
#define US_PER_DAY INT64_C(86400000000)

/* What Debezium's driver makes of the infinities, in microseconds. */
#define INFINITY_US INT64_C(9223372036825200000)
#define MINUS_INFINITY_US INT64_C(-9223372036832400000)
/* Its dates -5877611-06-21 and -5877611-06-22, in days. */
#define INFINITY_DAYS INT64_C(-2147472692)
#define MINUS_INFINITY_DAYS INT64_C(-2147472691)

enum { TIME_TEXT_MAX = 48 };

struct cursor {
	const char *p;
	const char *end;
};

/* A run of digits; their number, 0 when there is none or it is too long. */
static int
digits(struct cursor *c, int64_t *ret)
{
	int64_t v = 0;
	int n = 0;

	while (c->p < c->end && *c->p >= '0' && *c->p <= '9' && n < 10) {
		v = v * 10 + (*c->p++ - '0');
		n++;
	}
	*ret = v;
	return n;
}

static int
skip(struct cursor *c, char what)
{
	if (c->p >= c->end || *c->p != what)
		return 0;
	c->p++;
	return 1;
}

/* Y-M-D, without its era. */
static int
scan_date(struct cursor *c, struct leat_date *ret)
{
	int64_t y, m, d;

	if (!digits(c, &y) || !skip(c, '-') || !digits(c, &m) ||
	    !skip(c, '-') || !digits(c, &d))
		return PG_CONV_BAD;
	if (m < 1 || m > 12 || d < 1 || d > 31)
		return PG_CONV_BAD;
	ret->year = y;
	ret->month = (int32_t)m;
	ret->day = (int32_t)d;
	return 0;
}

/* " BC" at the end turns the year into an astronomical one. */
static void
scan_era(struct cursor *c, struct leat_date *d)
{
	if (c->end - c->p == 3 && memcmp(c->p, " BC", 3) == 0) {
		c->p += 3;
		d->year = 1 - d->year;
	}
}

/* H:M:S[.f] in microseconds. */
static int
scan_time(struct cursor *c, int64_t *ret_us)
{
	int64_t h, m, s, frac = 0;
	int n = 0;

	if (!digits(c, &h) || !skip(c, ':') || !digits(c, &m) ||
	    !skip(c, ':') || !digits(c, &s))
		return PG_CONV_BAD;
	if (skip(c, '.')) {
		n = digits(c, &frac);
		if (n == 0 || n > 6)
			return PG_CONV_BAD;
	}
	for (; n < 6; n++)
		frac *= 10;
	if (m > 59 || s > 60)
		return PG_CONV_BAD;
	*ret_us = ((h * 60 + m) * 60 + s) * US_PER_S + frac;
	return 0;
}

/* +05, -03:30, +05:30:15 in seconds. */
static int
scan_zone(struct cursor *c, int64_t *ret_s)
{
	int neg = skip(c, '-');
	int64_t h, m = 0, s = 0;

	if ((!neg && !skip(c, '+')) || !digits(c, &h))
		return PG_CONV_BAD;
	if (skip(c, ':') && !digits(c, &m))
		return PG_CONV_BAD;
	if (skip(c, ':') && !digits(c, &s))
		return PG_CONV_BAD;
	s += (h * 60 + m) * 60;
	*ret_s = neg ? -s : s;
	return 0;
}

/* 1 for infinity, -1 for -infinity, 0 for a real value. */
static int
infinite(const char *s, uint32_t len)
{
	struct leat_str t = { s, len };

	if (len < 8 || (s[0] != 'i' && s[0] != '-'))
		return 0;
	return leat_str_eq_c(t, "infinity") ? 1 :
	    leat_str_eq_c(t, "-infinity") ? -1 : 0;
}

static struct leat_value
number(const struct pg_type *ty, int64_t v)
{
	struct leat_value r = leat_i64(v);

	r.kind = ty->schema.kind;
	return r;
}

/* ------------------------------------------------------------------ output */

static char *
put_digits(char *to, int64_t v, int width)
{
	for (int i = width - 1; i >= 0; i--) {
		to[i] = (char)('0' + v % 10);
		v /= 10;
	}
	return to + width;
}

/* Java's years: four digits at least, + beyond 9999, - before year 0. */
static char *
put_date(char *to, struct leat_date d)
{
	int64_t y = d.year;
	int width = 4;

	if (y < 0) {
		*to++ = '-';
		y = -y;
	} else if (y > 9999) {
		*to++ = '+';
	}
	for (int64_t t = y; t > 9999; t /= 10)
		width++;
	to = put_digits(to, y, width);
	*to++ = '-';
	to = put_digits(to, d.month, 2);
	*to++ = '-';
	return put_digits(to, d.day, 2);
}

/* `places` digits of fraction; -1: as few as are needed. */
static char *
put_time(char *to, int64_t us, int places)
{
	int64_t s = us / US_PER_S, frac = us % US_PER_S;

	to = put_digits(to, s / 3600, 2);
	*to++ = ':';
	to = put_digits(to, s / 60 % 60, 2);
	*to++ = ':';
	to = put_digits(to, s % 60, 2);
	if (places == 0 || (places < 0 && frac == 0))
		return to;
	*to++ = '.';
	to = put_digits(to, frac, 6);
	if (places > 0)
		return to - (6 - places);
	while (to[-1] == '0')
		to--;
	return to;
}

/* An instant as "2024-03-01T01:02:03.45Z". */
static int
iso_value(int64_t day, int64_t us_of_day, int places, struct leat_batch *mem,
    struct leat_value *ret)
{
	char *to = leat_batch_alloc(mem, TIME_TEXT_MAX), *p;

	if (to == NULL)
		return PG_CONV_NOMEM;
	p = put_date(to, leat_date_from_days(day));
	*p++ = 'T';
	p = put_time(p, us_of_day, places);
	*p++ = 'Z';
	*ret = leat_string(to, (size_t)(p - to));
	return 0;
}

/* --------------------------------------------------------------- the types */

int
pg_conv_date(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	struct cursor c = { s, s + len };
	struct leat_date d;
	int inf = infinite(s, len);
	int64_t days;
	char *to, *p;

	if (inf != 0) {
		days = inf > 0 ? INFINITY_DAYS : MINUS_INFINITY_DAYS;
	} else {
		if (scan_date(&c, &d) < 0)
			return PG_CONV_BAD;
		scan_era(&c, &d);
		if (c.p != c.end)
			return PG_CONV_BAD;
		days = leat_days_from_date(d.year, d.month, d.day);
	}
	if (ty->mode != PG_OUT_ISO) {
		*ret = number(ty, days);
		return 0;
	}
	to = leat_batch_alloc(mem, TIME_TEXT_MAX);
	if (to == NULL)
		return PG_CONV_NOMEM;
	p = put_date(to, leat_date_from_days(days));
	*p++ = 'Z';
	*ret = leat_string(to, (size_t)(p - to));
	return 0;
}

static int64_t
scaled(int32_t mode, int64_t us)
{
	if (mode == PG_OUT_MS)
		return us >= 0 ? us / 1000 : -((999 - us) / 1000);
	return mode == PG_OUT_NS ? us * 1000 : us;
}

int
pg_conv_time(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	struct cursor c = { s, s + len };
	int64_t us;
	char *to, *p;

	if (scan_time(&c, &us) < 0 || c.p != c.end || us > US_PER_DAY)
		return PG_CONV_BAD;
	if (ty->mode != PG_OUT_ISO) {
		*ret = number(ty, scaled(ty->mode, us));
		return 0;
	}
	to = leat_batch_alloc(mem, TIME_TEXT_MAX);
	if (to == NULL)
		return PG_CONV_NOMEM;
	p = put_time(to, us, -1);
	*p++ = 'Z';
	*ret = leat_string(to, (size_t)(p - to));
	return 0;
}

static int
infinite_timestamp(const struct pg_type *ty, int inf, struct leat_batch *mem,
    struct leat_value *ret)
{
	int64_t us = inf > 0 ? INFINITY_US : MINUS_INFINITY_US;

	(void)mem;
	if (ty->mode == PG_OUT_NS)
		*ret = number(ty, inf > 0 ? INT64_MAX : INT64_MIN);
	else if (ty->mode == PG_OUT_ISO)
		*ret = leat_cstring(inf > 0 ? "+294247-01-10T04:00:25.2Z" :
		    "-290308-12-21T19:59:27.6Z");
	else
		*ret = number(ty, ty->mode == PG_OUT_MS ? us / 1000 : us);
	return 0;
}

/* Date and time up to the zone or the era. */
static int
scan_timestamp(struct cursor *c, struct leat_date *d, int64_t *ret_us)
{
	if (scan_date(c, d) < 0 || !skip(c, ' '))
		return PG_CONV_BAD;
	return scan_time(c, ret_us);
}

int
pg_conv_timestamp(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	struct cursor c = { s, s + len };
	struct leat_date d;
	int inf = infinite(s, len);
	int64_t us, day, total;

	if (inf != 0)
		return infinite_timestamp(ty, inf, mem, ret);
	if (scan_timestamp(&c, &d, &us) < 0)
		return PG_CONV_BAD;
	scan_era(&c, &d);
	if (c.p != c.end)
		return PG_CONV_BAD;
	day = leat_days_from_date(d.year, d.month, d.day);
	if (ty->mode == PG_OUT_ISO)
		return iso_value(day, us, -1, mem, ret);
	total = day * US_PER_DAY + us;
	/* Nanoseconds end in the year 2262. */
	if (ty->mode == PG_OUT_NS &&
	    __builtin_mul_overflow(total, (int64_t)1000, &us))
		return PG_CONV_NONE;
	*ret = number(ty, scaled(ty->mode, total));
	return 0;
}

/* "2024-03-01 01:02:03.45+00" to its ISO form without calendar arithmetic. */
static int
rewrite_utc(const struct pg_type *ty, const char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	uint32_t places = (uint32_t)ty->precision, have = len - 22, n = 19;
	char *to;

	if (have > 0)
		have--;		/* the point */
	if (have > places || places > 6)
		return PG_CONV_BAD;
	to = leat_batch_alloc(mem, 32);
	if (to == NULL)
		return PG_CONV_NOMEM;
	memcpy(to, s, 19);
	to[10] = 'T';
	if (places > 0) {
		to[n++] = '.';
		memcpy(to + n, s + 20, have);
		memset(to + n + have, '0', places - have);
		n += places;
	}
	to[n++] = 'Z';
	*ret = leat_string(to, n);
	return 0;
}

int
pg_conv_timestamptz(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	struct cursor c = { s, s + len };
	struct leat_date d;
	int64_t us, zone, day;

	if (len >= 22 && len <= 29 && s[4] == '-' && s[10] == ' ' &&
	    (s[19] == '.' || len == 22) && memcmp(s + len - 3, "+00", 3) == 0)
		return rewrite_utc(ty, s, len, mem, ret);
	if (infinite(s, len) != 0) {
		*ret = leat_string(s, len);
		return 0;
	}
	if (scan_timestamp(&c, &d, &us) < 0 || scan_zone(&c, &zone) < 0)
		return PG_CONV_BAD;
	scan_era(&c, &d);
	if (c.p != c.end)
		return PG_CONV_BAD;
	day = leat_days_from_date(d.year, d.month, d.day);
	us -= zone * US_PER_S;
	while (us < 0) {
		us += US_PER_DAY;
		day--;
	}
	while (us >= US_PER_DAY) {
		us -= US_PER_DAY;
		day++;
	}
	return iso_value(day, us, ty->precision, mem, ret);
}

int
pg_conv_timetz(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	struct cursor c = { s, s + len };
	int64_t us, zone;
	char *to, *p;

	(void)ty;
	if (scan_time(&c, &us) < 0 || scan_zone(&c, &zone) < 0 || c.p != c.end)
		return PG_CONV_BAD;
	if (us != US_PER_DAY || zone != 0)
		us = ((us - zone * US_PER_S) % US_PER_DAY + US_PER_DAY) %
		    US_PER_DAY;
	to = leat_batch_alloc(mem, TIME_TEXT_MAX);
	if (to == NULL)
		return PG_CONV_NOMEM;
	p = put_time(to, us, -1);
	*p++ = 'Z';
	*ret = leat_string(to, (size_t)(p - to));
	return 0;
}

/* --------------------------------------------------------------- intervals */

struct interval {
	int64_t years, months, days;
	int neg_time;
	int64_t time_us;	/* absolute */
};

static int
scan_interval_part(struct cursor *c, struct interval *iv)
{
	int neg = skip(c, '-');
	int64_t n;
	const char *start;

	if (!neg)
		(void)skip(c, '+');
	start = c->p;
	if (!digits(c, &n))
		return PG_CONV_BAD;
	if (c->p < c->end && *c->p == ':') {
		c->p = start;
		iv->neg_time = neg;
		return scan_time(c, &iv->time_us);
	}
	if (!skip(c, ' '))
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
		p = put_digits(p, frac, 6);
		while (p[-1] == '0')
			p--;
	}
	*p++ = 'S';
	*ret = leat_string(to, (size_t)(p - to));
	return 0;
}

int
pg_conv_interval(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	struct cursor c = { s, s + len };
	struct interval iv = { 0 };

	if (len == 0 || infinite(s, len) != 0)
		return len == 0 ? PG_CONV_BAD : PG_CONV_NONE;
	while (c.p < c.end) {
		if (scan_interval_part(&c, &iv) < 0)
			return PG_CONV_BAD;
		(void)skip(&c, ' ');
	}
	return ty->mode == PG_INTERVAL_STRING ? interval_text(&iv, mem, ret) :
	    interval_number(&iv, ret);
}
