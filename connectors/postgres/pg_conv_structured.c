/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_conv_structured.c: dates and times as the structs of
 * time.precision.mode=structured, which say the components as they are.
 *
 * Fields that do not apply to a value are null: those of the calendar where
 * specialValue says infinity, and specialValue elsewhere.
 */
#include "pg_time_scan.h"

enum {
	DATE_N = 4,
	TIME_N = 5,
	ZONED_TIME_N = 6,
	STAMP_N = 9,
	ZONED_STAMP_N = 11
};

static struct leat_value
int8_value(int64_t v)
{
	return (struct leat_value){ .kind = LEAT_INT8, .u.i = v };
}

static struct leat_value *
items_of(struct leat_batch *mem, uint32_t n)
{
	struct leat_value *v = leat_batch_alloc(mem, n * sizeof(*v));

	for (uint32_t i = 0; v != NULL && i < n; i++)
		v[i] = leat_null();
	return v;
}

/* year, month, day */
static void
put_date(struct leat_value *v, struct leat_date d)
{
	v[0] = leat_i32((int32_t)d.year);
	v[1] = int8_value(d.month);
	v[2] = int8_value(d.day);
}

/* hour, minute, second, nanos */
static void
put_time(struct leat_value *v, int64_t us)
{
	int64_t s = us / US_PER_S;

	v[0] = int8_value(s / 3600);
	v[1] = int8_value(s / 60 % 60);
	v[2] = int8_value(s % 60);
	v[3] = leat_i32((int32_t)(us % US_PER_S * 1000));
}

static struct leat_value
special_value(int inf)
{
	return leat_cstring(inf > 0 ? "POSITIVE_INFINITY" :
	    "NEGATIVE_INFINITY");
}

int
pg_conv_date_struct(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	struct leat_value *v = items_of(mem, DATE_N);
	struct leat_date d;
	int inf = pg_scan_infinite(s, len);

	(void)ty;
	if (v == NULL)
		return PG_CONV_NOMEM;
	if (inf != 0)
		v[3] = special_value(inf);
	else if (pg_scan_whole_date(s, len, &d) < 0)
		return PG_CONV_BAD;
	else
		put_date(v, d);
	*ret = leat_items(LEAT_STRUCT, v, DATE_N);
	return 0;
}

int
pg_conv_time_struct(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	struct leat_value *v = items_of(mem, TIME_N);
	int64_t us;

	if (v == NULL)
		return PG_CONV_NOMEM;
	if (pg_scan_whole_time(s, len, &us) < 0)
		return PG_CONV_BAD;
	put_time(v, us);
	v[4] = leat_i32(ty->precision);
	*ret = leat_items(LEAT_STRUCT, v, TIME_N);
	return 0;
}

/*
 * Date and time, or what stands for infinity, in a struct whose last two fields
 * are that and the precision.
 */
static int
stamp_value(const struct pg_type *ty, int inf, struct leat_date d, int64_t us,
    struct leat_value *v, uint32_t n, struct leat_value *ret)
{
	if (inf != 0) {
		v[n - 2] = special_value(inf);
	} else {
		put_date(v, d);
		put_time(v + 3, us);
	}
	v[n - 1] = leat_i32(ty->precision);
	*ret = leat_items(LEAT_STRUCT, v, n);
	return 0;
}

int
pg_conv_timestamp_struct(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	struct leat_value *v = items_of(mem, STAMP_N);
	struct leat_date d = { 0 };
	int inf = pg_scan_infinite(s, len);
	int64_t us = 0;

	if (v == NULL)
		return PG_CONV_NOMEM;
	if (inf == 0 && pg_scan_timestamp(s, len, &d, &us) < 0)
		return PG_CONV_BAD;
	return stamp_value(ty, inf, d, us, v, STAMP_N, ret);
}

/* The server keeps no zone: all are told in UTC. */
int
pg_conv_timestamptz_struct(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	struct leat_value *v = items_of(mem, ZONED_STAMP_N);
	int inf = pg_scan_infinite(s, len);
	int64_t day = 0, us = 0;

	if (v == NULL)
		return PG_CONV_NOMEM;
	if (inf == 0) {
		if (pg_scan_timestamptz(s, len, &day, &us) < 0)
			return PG_CONV_BAD;
		v[7] = leat_i32(0);
		v[8] = leat_cstring("Z");
	}
	return stamp_value(ty, inf, leat_date_from_days(day), us, v,
	    ZONED_STAMP_N, ret);
}

/* The offset is part of a timetz, and stays. */
int
pg_conv_timetz_struct(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret)
{
	struct leat_value *v = items_of(mem, ZONED_TIME_N);
	struct pg_cursor c = { s, s + len };
	int64_t us, zone;

	if (v == NULL)
		return PG_CONV_NOMEM;
	if (pg_scan_time(&c, &us) < 0 || pg_scan_zone(&c, &zone) < 0 ||
	    c.p != c.end || us > US_PER_DAY)
		return PG_CONV_BAD;
	put_time(v, us);
	v[4] = leat_i32((int32_t)zone);
	v[5] = leat_i32(ty->precision);
	*ret = leat_items(LEAT_STRUCT, v, ZONED_TIME_N);
	return 0;
}
