/* SPDX-License-Identifier: Apache-2.0 */
/*
 * time.c: the calendar, and instants as text.
 *
 * Dates are counted in eras of 400 years that begin on 1 March, so that the
 * leap day is the last of its year (Howard Hinnant, "chrono-compatible
 * low-level date algorithms").
 */
#include <leat/time.h>

enum { ERA_DAYS = 146097, EPOCH_SHIFT = 719468 };

static const int64_t day_us = INT64_C(86400) * 1000000;

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

int64_t
leat_days_from_date(int64_t year, int32_t month, int32_t day)
{
	int64_t y = year - (month <= 2), era = floor_div(y, 400);
	int64_t yoe = y - era * 400;
	int64_t doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 +
	    day - 1;
	int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

	return era * ERA_DAYS + doe - EPOCH_SHIFT;
}

struct leat_date
leat_date_from_days(int64_t days)
{
	int64_t era = days / ERA_DAYS, doe = days % ERA_DAYS, yoe, doy, mp;
	struct leat_date d;

	/* The shift comes after the division, so that it cannot overflow. */
	doe += EPOCH_SHIFT;
	era += floor_div(doe, ERA_DAYS);
	doe -= floor_div(doe, ERA_DAYS) * ERA_DAYS;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	d.day = (int32_t)(doy - (153 * mp + 2) / 5 + 1);
	d.month = (int32_t)(mp < 10 ? mp + 3 : mp - 9);
	d.year = yoe + era * 400 + (d.month <= 2);
	return d;
}

/* ---------------------------------------------------------------- writing */

/* v in decimal, with leading zeros up to `width`. */
static char *
put_padded(char *to, uint64_t v, int width)
{
	char tmp[20];
	int n = 0;

	do
		tmp[n++] = (char)('0' + v % 10);
	while ((v /= 10) != 0);
	while (n < width)
		tmp[n++] = '0';
	while (n > 0)
		*to++ = tmp[--n];
	return to;
}

/* Four digits; outside 0000..9999 with a sign, as in ISO 8601 and Java. */
static char *
put_year(char *to, int64_t year)
{
	if (year < 0)
		*to++ = '-';
	else if (year > 9999)
		*to++ = '+';
	return put_padded(to, (uint64_t)(year < 0 ? -year : year), 4);
}

static char *
put_date(char *to, struct leat_date d)
{
	to = put_year(to, d.year);
	*to++ = '-';
	to = put_padded(to, (uint64_t)d.month, 2);
	*to++ = '-';
	return put_padded(to, (uint64_t)d.day, 2);
}

static char *
put_clock(char *to, int64_t seconds)
{
	to = put_padded(to, (uint64_t)(seconds / 3600), 2);
	*to++ = ':';
	to = put_padded(to, (uint64_t)(seconds / 60 % 60), 2);
	*to++ = ':';
	return put_padded(to, (uint64_t)(seconds % 60), 2);
}

size_t
leat_time_format_us(char *to, int64_t us, int digits)
{
	int64_t days = floor_div(us, day_us);
	int64_t in_day = (us % day_us + day_us) % day_us;
	int64_t frac = in_day % 1000000 * 1000;
	char *p = to;
	int i;

	p = put_date(p, leat_date_from_days(days));
	*p++ = 'T';
	p = put_clock(p, in_day / 1000000);
	if (digits > 9)
		digits = 9;
	if (digits > 0) {
		for (i = digits; i < 9; i++)
			frac /= 10;
		*p++ = '.';
		p = put_padded(p, (uint64_t)frac, digits);
	}
	*p++ = 'Z';
	*p = '\0';
	return (size_t)(p - to);
}

/* ---------------------------------------------------------------- parsing */

static bool
take(struct leat_str *s, char c)
{
	if (s->len == 0 || s->ptr[0] != c)
		return false;
	s->ptr++;
	s->len--;
	return true;
}

/* Between `least` and `most` digits; their number, or 0. */
static size_t
take_digits(struct leat_str *s, size_t least, size_t most, int64_t *ret_value)
{
	int64_t v = 0;
	size_t n = 0;

	while (n < most && n < s->len && s->ptr[n] >= '0' && s->ptr[n] <= '9')
		v = v * 10 + (s->ptr[n++] - '0');
	if (n < least)
		return 0;
	s->ptr += n;
	s->len -= n;
	*ret_value = v;
	return n;
}

static int64_t
month_days(int64_t year, int64_t month)
{
	static const int8_t days[] = {
		31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
	};

	if (month == 2 && year % 4 == 0 &&
	    (year % 100 != 0 || year % 400 == 0))
		return 29;
	return days[month - 1];
}

static int
take_date(struct leat_str *s, int64_t *ret_days)
{
	bool minus = take(s, '-');
	int64_t year, month, day;

	if (!minus)
		(void)take(s, '+');
	if (take_digits(s, 4, 6, &year) == 0 || !take(s, '-') ||
	    take_digits(s, 2, 2, &month) == 0 || !take(s, '-') ||
	    take_digits(s, 2, 2, &day) == 0)
		return -1;
	if (minus)
		year = -year;
	if (month < 1 || month > 12 || day < 1 || day > month_days(year, month))
		return -1;
	*ret_days = leat_days_from_date(year, (int32_t)month, (int32_t)day);
	return 0;
}

/* Digits behind the sixth are read and dropped. */
static int
take_fraction(struct leat_str *s, int64_t *ret_us)
{
	int64_t v = 0, rest;
	size_t n;

	if (!take(s, '.') && !take(s, ',')) {
		*ret_us = 0;
		return 0;
	}
	n = take_digits(s, 1, 6, &v);
	if (n == 0)
		return -1;
	for (; n < 6; n++)
		v *= 10;
	while (take_digits(s, 1, 9, &rest) != 0)
		;
	*ret_us = v;
	return 0;
}

/* hh:mm[:ss[.fraction]]; second 60, a leap second, is the next minute's 0. */
static int
take_clock(struct leat_str *s, int64_t *ret_us)
{
	int64_t hour, minute, second = 0, us = 0;

	if (take_digits(s, 2, 2, &hour) == 0 || !take(s, ':') ||
	    take_digits(s, 2, 2, &minute) == 0)
		return -1;
	if (take(s, ':') && (take_digits(s, 2, 2, &second) == 0 ||
	    take_fraction(s, &us) < 0))
		return -1;
	if (hour > 23 || minute > 59 || second > 60)
		return -1;
	*ret_us = ((hour * 60 + minute) * 60 + second) * 1000000 + us;
	return 0;
}

/* Z, +hh, +hhmm, +hh:mm, +hh:mm:ss, or nothing. */
static int
take_zone(struct leat_str *s, int64_t *ret_us)
{
	int64_t hour, minute = 0, second = 0, us;
	bool minus = s->len > 0 && s->ptr[0] == '-';

	*ret_us = 0;
	if (s->len == 0 || take(s, 'Z') || take(s, 'z'))
		return 0;
	if (!take(s, '+') && !take(s, '-'))
		return -1;
	if (take_digits(s, 2, 2, &hour) == 0)
		return -1;
	if (s->len > 0) {
		(void)take(s, ':');
		if (take_digits(s, 2, 2, &minute) == 0)
			return -1;
	}
	if (take(s, ':') && take_digits(s, 2, 2, &second) == 0)
		return -1;
	if (hour > 23 || minute > 59 || second > 59)
		return -1;
	us = ((hour * 60 + minute) * 60 + second) * 1000000;
	*ret_us = minus ? -us : us;
	return 0;
}

int
leat_time_parse_us(struct leat_str s, int64_t *ret_us)
{
	int64_t days, clock, zone, us;

	if (take_date(&s, &days) < 0)
		return -1;
	if (!take(&s, 'T') && !take(&s, 't') && !take(&s, ' '))
		return -1;
	if (take_clock(&s, &clock) < 0 || take_zone(&s, &zone) < 0 ||
	    s.len > 0)
		return -1;
	/* One day nearer to zero, or the least instant would overflow. */
	if (days < 0) {
		days++;
		clock -= day_us;
	}
	if (__builtin_mul_overflow(days, day_us, &us) ||
	    __builtin_add_overflow(us, clock - zone, &us))
		return -1;
	*ret_us = us;
	return 0;
}
