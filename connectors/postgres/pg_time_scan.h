/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_time_scan.h: reads the server's dates, times and intervals.
 *
 * The session runs with datestyle ISO, intervalstyle postgres and time zone
 * UTC, so the texts are "2024-03-01 01:02:03.45+00", "0044-03-15 BC",
 * "infinity", "24:00:00", "10:11:12.5+05:30",
 * "1 year 2 mons -3 days +04:05:06.789". The functions stand here so that they
 * are inlined into each of the conversions, which run once per value.
 */
#ifndef LEAT_PG_TIME_SCAN_H
#define LEAT_PG_TIME_SCAN_H

#include <stdint.h>
#include <string.h>

#include <leat/str.h>
#include <leat/time.h>

#include "pg_types.h"

#define US_PER_S INT64_C(1000000)
#define US_PER_DAY INT64_C(86400000000)

struct pg_cursor {
	const char *p;
	const char *end;
};

/* A run of digits; their number, 0 when there is none or it is too long. */
static inline int
pg_scan_digits(struct pg_cursor *c, int64_t *ret)
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

static inline int
pg_scan_skip(struct pg_cursor *c, char what)
{
	if (c->p >= c->end || *c->p != what)
		return 0;
	c->p++;
	return 1;
}

/* Y-M-D, without its era. */
static inline int
pg_scan_date(struct pg_cursor *c, struct leat_date *ret)
{
	int64_t y, m, d;

	if (!pg_scan_digits(c, &y) || !pg_scan_skip(c, '-') ||
	    !pg_scan_digits(c, &m) || !pg_scan_skip(c, '-') ||
	    !pg_scan_digits(c, &d))
		return PG_CONV_BAD;
	if (m < 1 || m > 12 || d < 1 || d > 31)
		return PG_CONV_BAD;
	ret->year = y;
	ret->month = (int32_t)m;
	ret->day = (int32_t)d;
	return 0;
}

/* " BC" at the end turns the year into an astronomical one. */
static inline void
pg_scan_era(struct pg_cursor *c, struct leat_date *d)
{
	if (c->end - c->p == 3 && memcmp(c->p, " BC", 3) == 0) {
		c->p += 3;
		d->year = 1 - d->year;
	}
}

/* H:M:S[.f] in microseconds. */
static inline int
pg_scan_time(struct pg_cursor *c, int64_t *ret_us)
{
	int64_t h, m, s, frac = 0;
	int n = 0;

	if (!pg_scan_digits(c, &h) || !pg_scan_skip(c, ':') ||
	    !pg_scan_digits(c, &m) || !pg_scan_skip(c, ':') ||
	    !pg_scan_digits(c, &s))
		return PG_CONV_BAD;
	if (pg_scan_skip(c, '.')) {
		n = pg_scan_digits(c, &frac);
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
static inline int
pg_scan_zone(struct pg_cursor *c, int64_t *ret_s)
{
	int neg = pg_scan_skip(c, '-');
	int64_t h, m = 0, s = 0;

	if ((!neg && !pg_scan_skip(c, '+')) || !pg_scan_digits(c, &h))
		return PG_CONV_BAD;
	if (pg_scan_skip(c, ':') && !pg_scan_digits(c, &m))
		return PG_CONV_BAD;
	if (pg_scan_skip(c, ':') && !pg_scan_digits(c, &s))
		return PG_CONV_BAD;
	s += (h * 60 + m) * 60;
	*ret_s = neg ? -s : s;
	return 0;
}

/* 1 for infinity, -1 for -infinity, 0 for a real value. */
static inline int
pg_scan_infinite(const char *s, uint32_t len)
{
	struct leat_str t = { s, len };

	if (len < 8 || (s[0] != 'i' && s[0] != '-'))
		return 0;
	return leat_str_eq_c(t, "infinity") ? 1 :
	    leat_str_eq_c(t, "-infinity") ? -1 : 0;
}

/* A whole date. */
static inline int
pg_scan_whole_date(const char *s, uint32_t len, struct leat_date *ret)
{
	struct pg_cursor c = { s, s + len };

	if (pg_scan_date(&c, ret) < 0)
		return PG_CONV_BAD;
	pg_scan_era(&c, ret);
	return c.p == c.end ? 0 : PG_CONV_BAD;
}

/* A whole time of day, 24:00:00 included. */
static inline int
pg_scan_whole_time(const char *s, uint32_t len, int64_t *ret_us)
{
	struct pg_cursor c = { s, s + len };

	if (pg_scan_time(&c, ret_us) < 0 || c.p != c.end ||
	    *ret_us > US_PER_DAY)
		return PG_CONV_BAD;
	return 0;
}

/* A whole timestamp: its date, and the microseconds of the day. */
static inline int
pg_scan_timestamp(const char *s, uint32_t len, struct leat_date *d,
    int64_t *ret_us)
{
	struct pg_cursor c = { s, s + len };

	if (pg_scan_date(&c, d) < 0 || !pg_scan_skip(&c, ' ') ||
	    pg_scan_time(&c, ret_us) < 0)
		return PG_CONV_BAD;
	pg_scan_era(&c, d);
	return c.p == c.end ? 0 : PG_CONV_BAD;
}

/* A whole timestamp with its zone, in UTC: day since 1970, time of the day. */
static inline int
pg_scan_timestamptz(const char *s, uint32_t len, int64_t *ret_day,
    int64_t *ret_us)
{
	struct pg_cursor c = { s, s + len };
	struct leat_date d;
	int64_t us, zone, day;

	if (pg_scan_date(&c, &d) < 0 || !pg_scan_skip(&c, ' ') ||
	    pg_scan_time(&c, &us) < 0 || pg_scan_zone(&c, &zone) < 0)
		return PG_CONV_BAD;
	pg_scan_era(&c, &d);
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
	*ret_day = day;
	*ret_us = us;
	return 0;
}

/* ----------------------------------------------------------------- writing */

enum { PG_TIME_TEXT_MAX = 48 };

static inline char *
pg_put_digits(char *to, int64_t v, int width)
{
	for (int i = width - 1; i >= 0; i--) {
		to[i] = (char)('0' + v % 10);
		v /= 10;
	}
	return to + width;
}

#endif
