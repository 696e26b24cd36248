/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_type_time.c: what time.precision.mode and interval.handling.mode make of
 * dates, times, timestamps and intervals.
 */
#include "pg_type_rows.h"

#include <errno.h>
#include <string.h>

/* A struct of components, whose zero is the epoch or midnight. */
static int
structured(struct pg_type_build *b, const char *name, pg_conv_fn *conv,
    const char *kinds, const char *const *fields, const char *zero)
{
	b->ty->conv = conv;
	pg_type_set_schema(b, LEAT_STRUCT, name);
	if (pg_type_set_fields(b, (uint32_t)strlen(kinds), kinds, fields) < 0)
		return -ENOMEM;
	return pg_type_set_fallback(b, zero);
}

#define DATE_FIELDS "year", "month", "day"
#define TIME_FIELDS "hour", "minute", "second", "nanos"

int
pg_make_date(struct pg_type_build *b)
{
	static const char *const fields[] = { DATE_FIELDS, "specialValue" };
	int32_t mode = b->env->cfg->time_mode;

	if (mode == PG_TIME_STRUCTURED)
		return structured(b, "io.debezium.time.StructuredDate",
		    pg_conv_date_struct, "iccs", fields, "1970-01-01");
	b->ty->infinity = b->env->cfg->infinity_mode;
	b->ty->mode = mode == PG_TIME_ISOSTRING ? PG_OUT_ISO : PG_OUT_DAYS;
	if (mode == PG_TIME_ISOSTRING) {
		pg_type_set_schema(b, LEAT_STRING, "io.debezium.time.IsoDate");
		b->ty->fallback = leat_cstring("1970-01-01Z");
	} else {
		pg_type_set_schema(b, LEAT_INT32, mode == PG_TIME_CONNECT ?
		    "org.apache.kafka.connect.data.Date" :
		    "io.debezium.time.Date");
		b->ty->fallback = leat_i32(0);
	}
	return 0;
}

/* How a time or timestamp of precision p comes out under the option. */
static int32_t
time_output(int32_t mode, int32_t p, int is_time)
{
	switch (mode) {
	case PG_TIME_ADAPTIVE:
		return p <= 3 ? PG_OUT_MS : PG_OUT_US;
	case PG_TIME_ADAPTIVE_TIME_MICROS:
		return p <= 3 && !is_time ? PG_OUT_MS : PG_OUT_US;
	case PG_TIME_NANOS:
		return PG_OUT_NS;
	case PG_TIME_CONNECT:
		return PG_OUT_MS;
	case PG_TIME_ISOSTRING:
		return PG_OUT_ISO;
	default:
		return PG_OUT_US;
	}
}

int
pg_make_time(struct pg_type_build *b)
{
	static const char *const names[] = { NULL, "io.debezium.time.Time",
		"io.debezium.time.MicroTime", "io.debezium.time.NanoTime",
		"io.debezium.time.IsoTime" };
	static const char *const fields[] = { TIME_FIELDS, "precision" };
	int32_t mode = b->env->cfg->time_mode;
	int32_t p = b->typmod < 0 ? 6 : b->typmod;
	int32_t out = time_output(mode, p, 1);

	b->ty->mode = out;
	b->ty->precision = p;
	if (mode == PG_TIME_STRUCTURED)
		return structured(b, "io.debezium.time.StructuredTime",
		    pg_conv_time_struct, "cccii", fields, "00:00:00");
	if (out == PG_OUT_ISO) {
		pg_type_set_schema(b, LEAT_STRING, names[out]);
		b->ty->fallback = leat_cstring("00:00:00Z");
		return 0;
	}
	pg_type_set_schema(b, out == PG_OUT_MS ? LEAT_INT32 : LEAT_INT64,
	    mode == PG_TIME_CONNECT ? "org.apache.kafka.connect.data.Time" :
	    names[out]);
	b->ty->fallback = out == PG_OUT_MS ? leat_i32(0) : leat_i64(0);
	return 0;
}

int
pg_make_timestamp(struct pg_type_build *b)
{
	static const char *const names[] = { NULL,
		"io.debezium.time.Timestamp",
		"io.debezium.time.MicroTimestamp",
		"io.debezium.time.NanoTimestamp",
		"io.debezium.time.IsoTimestamp" };
	static const char *const fields[] = { DATE_FIELDS, TIME_FIELDS,
		"specialValue", "precision" };
	int32_t mode = b->env->cfg->time_mode;
	int32_t p = b->typmod < 0 ? 6 : b->typmod;
	int32_t out = time_output(mode, p, 0);

	b->ty->mode = out;
	b->ty->precision = p;
	b->ty->infinity = b->env->cfg->infinity_mode;
	if (mode == PG_TIME_STRUCTURED)
		return structured(b, "io.debezium.time.StructuredTimestamp",
		    pg_conv_timestamp_struct, "iccccci" "si", fields,
		    "1970-01-01 00:00:00");
	if (out == PG_OUT_ISO) {
		pg_type_set_schema(b, LEAT_STRING, names[out]);
		b->ty->fallback = leat_cstring("1970-01-01T00:00:00Z");
		return 0;
	}
	pg_type_set_schema(b, LEAT_INT64, mode == PG_TIME_CONNECT ?
	    "org.apache.kafka.connect.data.Timestamp" : names[out]);
	b->ty->fallback = leat_i64(0);
	return 0;
}

int
pg_make_timestamptz(struct pg_type_build *b)
{
	static const char *const fields[] = { DATE_FIELDS, TIME_FIELDS,
		"offsetSeconds", "zoneId", "specialValue", "precision" };

	b->ty->precision = b->typmod < 0 || b->typmod > 6 ? 6 : b->typmod;
	if (b->env->cfg->time_mode == PG_TIME_STRUCTURED)
		return structured(b,
		    "io.debezium.time.StructuredZonedTimestamp",
		    pg_conv_timestamptz_struct, "iccccciissi", fields,
		    "1970-01-01 00:00:00+00");
	b->ty->fallback = leat_cstring("1970-01-01T00:00:00Z");
	return 0;
}

int
pg_make_timetz(struct pg_type_build *b)
{
	static const char *const fields[] = { TIME_FIELDS, "offsetSeconds",
		"precision" };

	b->ty->precision = b->typmod < 0 || b->typmod > 6 ? 6 : b->typmod;
	if (b->env->cfg->time_mode == PG_TIME_STRUCTURED)
		return structured(b, "io.debezium.time.StructuredZonedTime",
		    pg_conv_timetz_struct, "ccciii", fields, "00:00:00+00");
	b->ty->fallback = leat_cstring("00:00:00Z");
	return 0;
}

int
pg_make_interval(struct pg_type_build *b)
{
	static const char *const fields[] = { "years", "months", "days",
		"hours", "minutes", "seconds", "nanos", "precision" };

	b->ty->mode = b->env->cfg->interval_mode;
	/* The lower half; the upper one says which parts are kept. */
	b->ty->precision = b->typmod < 0 ? 6 : b->typmod & 0xffff;
	if (b->env->cfg->time_mode == PG_TIME_STRUCTURED)
		return structured(b, "io.debezium.time.StructuredDuration",
		    pg_conv_interval, "iiiiilii", fields, "00:00:00");
	if (b->ty->mode == PG_INTERVAL_STRING) {
		pg_type_set_schema(b, LEAT_STRING, "io.debezium.time.Interval");
		b->ty->fallback = leat_cstring("P0Y0M0DT0H0M0S");
	} else {
		pg_type_set_schema(b, LEAT_INT64,
		    "io.debezium.time.MicroDuration");
		b->ty->fallback = leat_i64(0);
	}
	return 0;
}
