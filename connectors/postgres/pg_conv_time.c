/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_conv_time.c: dates, times and timestamps as numbers and as ISO text.
 */
#include "pg_time_scan.h"

/* What Debezium's driver makes of the infinities, in microseconds. */
#define INFINITY_US INT64_C(9223372036825200000)
#define MINUS_INFINITY_US INT64_C(-9223372036832400000)
/* Its dates -5877611-06-21 and -5877611-06-22, in days. */
#define INFINITY_DAYS INT64_C(-2147472692)
#define MINUS_INFINITY_DAYS INT64_C(-2147472691)

static struct leat_value
number(const struct pg_type *ty, int64_t v)
{
	struct leat_value r = leat_i64(v);

	r.kind = ty->schema.kind;
	return r;
}

/* ------------------------------------------------------------------ output */

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
	to = pg_put_digits(to, y, width);
	*to++ = '-';
	to = pg_put_digits(to, d.month, 2);
	*to++ = '-';
	return pg_put_digits(to, d.day, 2);
}

/* `places` digits of fraction; -1: as few as are needed. */
static char *
put_time(char *to, int64_t us, int places)
{
	int64_t s = us / US_PER_S, frac = us % US_PER_S;

	to = pg_put_digits(to, s / 3600, 2);
	*to++ = ':';
	to = pg_put_digits(to, s / 60 % 60, 2);
	*to++ = ':';
	to = pg_put_digits(to, s % 60, 2);
	if (places == 0 || (places < 0 && frac == 0))
		return to;
	*to++ = '.';
	to = pg_put_digits(to, frac, 6);
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
	char *to = leat_batch_alloc(mem, PG_TIME_TEXT_MAX), *p;

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

/* An infinity as text, where infinity.handling.mode has the ends of ranges. */
static struct leat_value
infinity_text(int inf)
{
	return leat_cstring(inf > 0 ? "infinity" : "-infinity");
}

static int
date_text(int64_t days, struct leat_batch *mem, struct leat_value *ret)
{
	char *to = leat_batch_alloc(mem, PG_TIME_TEXT_MAX), *p;

	if (to == NULL)
		return PG_CONV_NOMEM;
	p = put_date(to, leat_date_from_days(days));
	*p++ = 'Z';
	*ret = leat_string(to, (size_t)(p - to));
	return 0;
}

static int
infinite_date(const struct pg_type *ty, int inf, struct leat_batch *mem,
    struct leat_value *ret)
{
	int64_t days = inf > 0 ? INFINITY_DAYS : MINUS_INFINITY_DAYS;

	if (ty->infinity == PG_INFINITY_LIMITS) {
		*ret = ty->mode == PG_OUT_ISO ? infinity_text(inf) :
		    number(ty, inf > 0 ? INT32_MAX : INT32_MIN);
		return 0;
	}
	if (ty->mode == PG_OUT_ISO)
		return date_text(days, mem, ret);
	*ret = number(ty, days);
	return 0;
}

int
pg_conv_date(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	struct leat_date d;
	int inf = pg_scan_infinite(s, len);
	int64_t days;

	if (inf != 0)
		return infinite_date(ty, inf, mem, ret);
	if (pg_scan_whole_date(s, len, &d) < 0)
		return PG_CONV_BAD;
	days = leat_days_from_date(d.year, d.month, d.day);
	if (ty->mode == PG_OUT_ISO)
		return date_text(days, mem, ret);
	*ret = number(ty, days);
	return 0;
}

int
pg_conv_time(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	int64_t us;
	char *to, *p;

	if (pg_scan_whole_time(s, len, &us) < 0)
		return PG_CONV_BAD;
	if (ty->mode != PG_OUT_ISO) {
		*ret = number(ty, ty->mode == PG_OUT_MS ? us / 1000 :
		    ty->mode == PG_OUT_NS ? us * 1000 : us);
		return 0;
	}
	to = leat_batch_alloc(mem, PG_TIME_TEXT_MAX);
	if (to == NULL)
		return PG_CONV_NOMEM;
	p = put_time(to, us, -1);
	*p++ = 'Z';
	*ret = leat_string(to, (size_t)(p - to));
	return 0;
}

static void
infinite_timestamp(const struct pg_type *ty, int inf, struct leat_value *ret)
{
	int64_t us = inf > 0 ? INFINITY_US : MINUS_INFINITY_US;
	int limits = ty->infinity == PG_INFINITY_LIMITS;

	if (ty->mode == PG_OUT_ISO)
		*ret = limits ? infinity_text(inf) :
		    leat_cstring(inf > 0 ? "+294247-01-10T04:00:25.2Z" :
		    "-290308-12-21T19:59:27.6Z");
	else if (ty->mode == PG_OUT_NS || limits)
		*ret = number(ty, inf > 0 ? INT64_MAX : INT64_MIN);
	else
		*ret = number(ty, ty->mode == PG_OUT_MS ? us / 1000 : us);
}

int
pg_conv_timestamp(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	struct leat_date d;
	int inf = pg_scan_infinite(s, len);
	int64_t us, day, total;

	if (inf != 0) {
		infinite_timestamp(ty, inf, ret);
		return 0;
	}
	if (pg_scan_timestamp(s, len, &d, &us) < 0)
		return PG_CONV_BAD;
	day = leat_days_from_date(d.year, d.month, d.day);
	if (ty->mode == PG_OUT_ISO)
		return iso_value(day, us, -1, mem, ret);
	if (ty->mode == PG_OUT_MS) {
		*ret = number(ty, day * (US_PER_DAY / 1000) + us / 1000);
		return 0;
	}
	/* Microseconds end in the year 294247, nanoseconds in 2262. */
	if (__builtin_mul_overflow(day, US_PER_DAY, &total) ||
	    __builtin_add_overflow(total, us, &total) ||
	    (ty->mode == PG_OUT_NS &&
	    __builtin_mul_overflow(total, (int64_t)1000, &total)))
		return PG_CONV_NONE;
	*ret = number(ty, total);
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
	int64_t us, day;

	if (len >= 22 && len <= 29 && s[4] == '-' && s[10] == ' ' &&
	    (s[19] == '.' || len == 22) && memcmp(s + len - 3, "+00", 3) == 0)
		return rewrite_utc(ty, s, len, mem, ret);
	if (pg_scan_infinite(s, len) != 0) {
		*ret = leat_string(s, len);
		return 0;
	}
	if (pg_scan_timestamptz(s, len, &day, &us) < 0)
		return PG_CONV_BAD;
	return iso_value(day, us, ty->precision == 0 ? -1 : ty->precision, mem,
	    ret);
}

int
pg_conv_timetz(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	struct pg_cursor c = { s, s + len };
	int64_t us, zone;
	char *to, *p;

	(void)ty;
	if (pg_scan_time(&c, &us) < 0 || pg_scan_zone(&c, &zone) < 0 ||
	    c.p != c.end)
		return PG_CONV_BAD;
	if (us != US_PER_DAY || zone != 0)
		us = ((us - zone * US_PER_S) % US_PER_DAY + US_PER_DAY) %
		    US_PER_DAY;
	to = leat_batch_alloc(mem, PG_TIME_TEXT_MAX);
	if (to == NULL)
		return PG_CONV_NOMEM;
	p = put_time(to, us, -1);
	*p++ = 'Z';
	*ret = leat_string(to, (size_t)(p - to));
	return 0;
}
