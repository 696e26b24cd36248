/* SPDX-License-Identifier: Apache-2.0 */
/*
 * java_date.h: dates as text by the patterns of Java's SimpleDateFormat, in UTC
 * and English.
 *
 * Letters: y M d H h k K m s S a E z Z X, and text in quotes. Others are
 * refused. Reading is strict: what the calendar does not have is an error.
 */
#ifndef LEAT_RECORD_JAVA_DATE_H
#define LEAT_RECORD_JAVA_DATE_H

#include <stddef.h>
#include <stdint.h>

#include <leat/err.h>
#include <leat/str.h>

enum { JAVA_DATE_TEXT = 256 };	/* room for any formatted date */

/* Is the pattern understood? 0 or class CONFIG. */
int java_date_check(const char *pattern, struct leat_err *err);
/* Writes milliseconds since the epoch; returns the length. */
size_t java_date_format(char to[JAVA_DATE_TEXT], const char *pattern,
    int64_t ms);
/* 0, or -1 if the text does not fit the pattern. */
int java_date_parse(struct leat_str text, const char *pattern,
    int64_t *ret_ms);

#endif
