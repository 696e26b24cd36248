/* SPDX-License-Identifier: Apache-2.0 */
/*
 * time.h: calendar arithmetic and ISO 8601 text. Pure functions of their
 * arguments: no clock is read and no time zone database is used. The calendar
 * is the proleptic Gregorian one with astronomical years (year 0 is 1 BC).
 */
#ifndef LEAT_TIME_H
#define LEAT_TIME_H

#include <stddef.h>
#include <stdint.h>

#include <leat/str.h>

struct leat_date {
	int64_t year;
	int32_t month;		/* 1..12 */
	int32_t day;		/* 1..31 */
};

/* Days since 1970-01-01, and back. */
int64_t leat_days_from_date(int64_t year, int32_t month, int32_t day);
struct leat_date leat_date_from_days(int64_t days);

/*
 * Writes "2024-03-01T01:02:03.450000Z" for microseconds since the epoch, with
 * `digits` (0..9) digits of fraction; returns the length. `to` needs 40 bytes.
 */
size_t leat_time_format_us(char *to, int64_t us, int digits);

/*
 * Parses an ISO 8601 / RFC 3339 instant with a date, "T" or a space, a time, an
 * optional fraction and an optional zone ("Z", "+02", "+02:30"; none is UTC)
 * into microseconds since the epoch. 0, or -1 for bad text.
 */
int leat_time_parse_us(struct leat_str s, int64_t *ret_us);

#endif
