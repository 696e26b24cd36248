/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tz_rule.c: see tz_rule.h.
 */
#include "core/record/tz_rule.h"

#include <leat/time.h>

enum { HOUR = 3600,
	DAY = 86400,
	HOURS_MAX = 167 };

/* ----------------------------------------------------------------- reading */

static bool
take(struct leat_str *s, char c)
{
	if (s->len == 0 || *s->ptr != c)
		return false;
	s->ptr++;
	s->len--;
	return true;
}

/* A number of digits within 0..max, or -1. */
static int32_t
take_number(struct leat_str *s, int32_t max)
{
	int32_t n = 0;
	size_t digits = 0;

	while (s->len > 0 && *s->ptr >= '0' && *s->ptr <= '9' && n <= max) {
		n = n * 10 + (*s->ptr - '0');
		s->ptr++;
		s->len--;
		digits++;
	}
	return digits == 0 || n > max ? -1 : n;
}

/* "CET" or "<+03>". */
static int
skip_name(struct leat_str *s)
{
	const bool quoted = take(s, '<');
	size_t n = 0;

	while (s->len > 0 && (quoted ? *s->ptr != '>' : (*s->ptr | 0x20) >=
	    'a' && (*s->ptr | 0x20) <= 'z')) {
		s->ptr++;
		s->len--;
		n++;
	}
	return n < 3 || (quoted && !take(s, '>')) ? -1 : 0;
}

/* [+-]hh[:mm[:ss]] in seconds. */
static int
take_time(struct leat_str *s, int32_t *ret)
{
	const bool minus = take(s, '-');
	int32_t h, m = 0, sec = 0;

	if (!minus)
		(void)take(s, '+');
	h = take_number(s, HOURS_MAX);
	if (h >= 0 && take(s, ':')) {
		m = take_number(s, 59);
		if (m >= 0 && take(s, ':'))
			sec = take_number(s, 59);
	}
	if (h < 0 || m < 0 || sec < 0)
		return -1;
	*ret = (h * HOUR + m * 60 + sec) * (minus ? -1 : 1);
	return 0;
}

static int
take_day(struct leat_str *s, struct tz_day *d)
{
	*d = (struct tz_day){ .form = 'n', .second = 2 * HOUR };
	if (!take(s, ','))
		return -1;
	if (take(s, 'M')) {
		d->form = 'M';
		d->month = take_number(s, 12);
		d->week = take(s, '.') ? take_number(s, 5) : -1;
		d->day = take(s, '.') ? take_number(s, 6) : -1;
		if (d->month < 1 || d->week < 1 || d->day < 0)
			return -1;
	} else {
		if (take(s, 'J'))
			d->form = 'J';
		d->day = take_number(s, 365);
		if (d->day < (d->form == 'J' ? 1 : 0))
			return -1;
	}
	return take(s, '/') ? take_time(s, &d->second) : 0;
}

int
tz_rule_parse(struct leat_str text, struct tz_rule *ret)
{
	struct tz_rule r = { 0 };

	if (skip_name(&text) < 0 || take_time(&text, &r.std) < 0)
		return -1;
	r.std = -r.std; /* POSIX counts west of UTC */
	r.has_dst = text.len > 0;
	if (r.has_dst) {
		r.dst = r.std + HOUR;
		if (skip_name(&text) < 0)
			return -1;
		if (text.len > 0 && *text.ptr != ',') {
			if (take_time(&text, &r.dst) < 0)
				return -1;
			r.dst = -r.dst;
		}
		if (take_day(&text, &r.from) < 0 ||
		    take_day(&text, &r.to) < 0 || text.len > 0)
			return -1;
	}
	*ret = r;
	return 0;
}

/* ---------------------------------------------------------------- applying */

static bool
is_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days since 1970 of the day in that year. */
static int64_t
day_in(const struct tz_day *d, int64_t year)
{
	const int64_t first = leat_days_from_date(year, 1, 1);
	int64_t day, next;
	int32_t weekday;

	if (d->form == 'n')
		return first + d->day;
	if (d->form == 'J') /* the 29th of February is never counted */
		return first + d->day - 1 + (is_leap(year) && d->day >= 60);
	day = leat_days_from_date(year, d->month, 1);
	next = d->month == 12 ? leat_days_from_date(year + 1, 1, 1)
	    : leat_days_from_date(year, d->month + 1, 1);
	/* 1970-01-01 was a Thursday. */
	weekday = (int32_t)(((day + 4) % 7 + 7) % 7);
	day += (d->day - weekday + 7) % 7 + (d->week - 1) * 7;
	while (day >= next)
		day -= 7;
	return day;
}

int32_t
tz_rule_offset(const struct tz_rule *r, int64_t utc_s)
{
	const int64_t local = utc_s + r->std;
	const int64_t days = local / DAY - (local % DAY < 0);
	int64_t year, from, to;
	bool dst;

	if (!r->has_dst)
		return r->std;
	year = leat_date_from_days(days).year;
	from = day_in(&r->from, year) * DAY + r->from.second - r->std;
	to = day_in(&r->to, year) * DAY + r->to.second - r->dst;
	/* On the southern half it lasts over the new year. */
	dst = from < to ? utc_s >= from && utc_s < to
	    : utc_s < to || utc_s >= from;
	return dst ? r->dst : r->std;
}
