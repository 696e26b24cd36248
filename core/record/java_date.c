/* SPDX-License-Identifier: Apache-2.0 */
/*
 * java_date.c: see java_date.h.
 */
#include "core/record/java_date.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <leat/time.h>

static const char *const months[] = { "January", "February", "March", "April",
	"May", "June", "July", "August", "September", "October", "November",
	"December", NULL };
static const char *const days[] = { "Sunday", "Monday", "Tuesday",
	"Wednesday", "Thursday", "Friday", "Saturday", NULL };

/* A date taken apart. */
struct parts {
	int64_t year;
	int month;		/* 1 .. 12 */
	int day;
	int hour;		/* 0 .. 23 */
	int minute;
	int second;
	int ms;
	int pm;			/* -1: not given */
	int hour12;		/* -1: not given */
	int offset_min;		/* of the zone */
};

/* A piece of a pattern: a run of one letter, or text. */
struct piece {
	char letter;		/* 0: text */
	size_t n;
	const char *text;
};

/* The next piece, or false at the end. In quotes '' is a quote. */
static bool
next_piece(const char **p, bool *quoted, struct piece *ret)
{
	const char *s = *p;

	while (*s == '\'') {
		if (s[1] == '\'') {
			*ret = (struct piece){ 0, 1, s };
			*p = s + 2;
			return true;
		}
		*quoted = !*quoted;
		s++;
	}
	if (*s == '\0')
		return false;
	ret->text = s;
	ret->n = 1;
	ret->letter = '\0';
	if (!*quoted && ((*s >= 'a' && *s <= 'z') ||
	    (*s >= 'A' && *s <= 'Z'))) {
		ret->letter = *s;
		while (s[ret->n] == *s)
			ret->n++;
	}
	*p = s + ret->n;
	return true;
}

int
java_date_check(const char *pattern, struct leat_err *err)
{
	const char *p = pattern;
	bool quoted = false;
	struct piece piece;
	size_t width = 0;

	while (next_piece(&p, &quoted, &piece)) {
		if (piece.letter != '\0' &&
		    strchr("yMdHhkKmsSaEzZX", piece.letter) == NULL)
			return leat_err_set(err, LEAT_CLS_CONFIG,
			    LEAT_E_CONFIG, "the date pattern '%.100s' uses "
			    "'%c', which is not supported (letters: y M d H h "
			    "k K m s S a E z Z X)", pattern, piece.letter);
		/* At most 20 digits of a year, or a name, at the least n. */
		width += piece.letter == '\0' ? 1 : piece.n + 20;
		if (piece.n > 20 || width >= JAVA_DATE_TEXT)
			return leat_err_set(err, LEAT_CLS_CONFIG,
			    LEAT_E_CONFIG, "the date pattern '%.100s' is too "
			    "long", pattern);
	}
	if (quoted)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "the date pattern '%.100s' has a quote without its end",
		    pattern);
	return 0;
}

/* --------------------------------------------------------------- formatting */

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static struct parts
take_apart(int64_t ms, int *ret_weekday)
{
	const int64_t day = floor_div(ms, 86400000);
	const int in_day = (int)(ms - day * 86400000);
	const struct leat_date date = leat_date_from_days(day);

	*ret_weekday = (int)((day % 7 + 11) % 7);
	return (struct parts){ .year = date.year, .month = date.month,
		.day = date.day, .hour = in_day / 3600000,
		.minute = in_day / 60000 % 60, .second = in_day / 1000 % 60,
		.ms = in_day % 1000 };
}

/* The number that a letter stands for, or -1 for words and zones. */
static int64_t
number_of(const struct parts *d, const struct piece *piece)
{
	switch (piece->letter) {
	case 'y':
		return piece->n == 2 ? ((d->year % 100) + 100) % 100
		    : d->year;
	case 'M':
		return piece->n >= 3 ? -1 : d->month;
	case 'd':
		return d->day;
	case 'H':
		return d->hour;
	case 'k':
		return d->hour == 0 ? 24 : d->hour;
	case 'K':
		return d->hour % 12;
	case 'h':
		return d->hour % 12 == 0 ? 12 : d->hour % 12;
	case 'm':
		return d->minute;
	case 's':
		return d->second;
	case 'S':
		return d->ms;
	default:
		return -1;
	}
}

static size_t
put_word(char *to, size_t room, const struct parts *d, int weekday,
    const struct piece *piece)
{
	const char *word = "UTC";
	int max = 100;

	switch (piece->letter) {
	case 'M':
		word = months[d->month - 1];
		max = piece->n == 3 ? 3 : 100;
		break;
	case 'E':
		word = days[weekday];
		max = piece->n <= 3 ? 3 : 100;
		break;
	case 'a':
		word = d->hour < 12 ? "AM" : "PM";
		break;
	case 'Z':
		word = "+0000";
		break;
	case 'X':
		word = "Z";
		break;
	default:
		break;
	}
	return (size_t)snprintf(to, room, "%.*s", max, word);
}

size_t
java_date_format(char to[JAVA_DATE_TEXT], const char *pattern, int64_t ms)
{
	const char *p = pattern;
	bool quoted = false;
	struct piece piece;
	size_t len = 0;
	int weekday;
	const struct parts d = take_apart(ms, &weekday);

	while (next_piece(&p, &quoted, &piece)) {
		const size_t room = JAVA_DATE_TEXT - len;
		int64_t n;

		if (room < 48)
			break;	/* java_date_check has looked */
		if (piece.letter == '\0') {
			to[len++] = *piece.text;
			continue;
		}
		n = number_of(&d, &piece);
		if (n >= 0)
			len += (size_t)snprintf(to + len, room, "%0*lld",
			    (int)piece.n, (long long)n);
		else
			len += put_word(to + len, room, &d, weekday, &piece);
	}
	return len;
}

/* ------------------------------------------------------------------ parsing */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits, at most `max`; false if there is none. */
static bool
take_number(struct leat_str *s, size_t max, int64_t *ret)
{
	int64_t v = 0;
	size_t n = 0;

	while (n < max && n < s->len && is_digit(s->ptr[n]))
		v = v * 10 + (s->ptr[n++] - '0');
	s->ptr += n;
	s->len -= n;
	*ret = v;
	return n > 0;
}

/* The index of the name, or of its first three letters; -1. */
static int
take_name(struct leat_str *s, const char *const *names)
{
	size_t len, i;

	for (i = 0; names[i] != NULL; i++) {
		len = strlen(names[i]);
		if (s->len < len || strncasecmp(s->ptr, names[i], len) != 0)
			len = 3;
		if (s->len < len || strncasecmp(s->ptr, names[i], len) != 0)
			continue;
		s->ptr += len;
		s->len -= len;
		return (int)i;
	}
	return -1;
}

/* Z, UTC, GMT, +hh, +hhmm, +hh:mm. */
static bool
take_zone(struct leat_str *s, int *ret_min)
{
	int64_t hours, minutes = 0;
	int sign;

	*ret_min = 0;
	if (s->len >= 3 && (strncmp(s->ptr, "UTC", 3) == 0 ||
	    strncmp(s->ptr, "GMT", 3) == 0)) {
		s->ptr += 3;
		s->len -= 3;
		return true;
	}
	if (s->len == 0 || strchr("Z+-", *s->ptr) == NULL)
		return false;
	sign = *s->ptr == '-' ? -1 : 1;
	s->len--;
	if (*s->ptr++ == 'Z')
		return true;
	if (!take_number(s, 2, &hours))
		return false;
	if (s->len > 0 && *s->ptr == ':') {
		s->ptr++;
		s->len--;
	}
	if (s->len > 0 && is_digit(*s->ptr) && !take_number(s, 2, &minutes))
		return false;
	*ret_min = sign * (int)(hours * 60 + minutes);
	return hours < 24 && minutes < 60;
}

static bool
set_number(struct parts *d, const struct piece *piece, int64_t v)
{
	switch (piece->letter) {
	case 'y':
		if (piece->n <= 2 && v < 100)
			v += v < 70 ? 2000 : 1900;
		d->year = v;
		return v <= 290000000;
	case 'M':
		d->month = (int)v;
		return v >= 1 && v <= 12;
	case 'd':
		d->day = (int)v;
		return v >= 1 && v <= 31;
	case 'k':
		d->hour = v == 24 ? 0 : (int)v;
		return v >= 1 && v <= 24;
	case 'H':
		d->hour = (int)v;
		return v <= 23;
	case 'K':
	case 'h':
		d->hour12 = (int)(v % 12);
		return v <= 12;
	case 'm':
		d->minute = (int)v;
		return v <= 59;
	case 's':
		d->second = (int)v;
		return v <= 59;
	default:
		d->ms = (int)v;
		return v <= 999;
	}
}

static bool
take_piece(struct leat_str *s, struct parts *d, const struct piece *piece,
    bool digits_follow)
{
	int64_t v;
	int at;

	switch (piece->letter) {
	case 'E':
		return take_name(s, days) >= 0;
	case 'a':
		if (s->len < 2 || (s->ptr[1] | 32) != 'm')
			return false;
		d->pm = (s->ptr[0] | 32) == 'p';
		s->ptr += 2;
		s->len -= 2;
		return true;
	case 'z':
	case 'Z':
	case 'X':
		return take_zone(s, &d->offset_min);
	case 'M':
		if (piece->n < 3)
			break;
		at = take_name(s, months);
		d->month = at + 1;
		return at >= 0;
	default:
		break;
	}
	return take_number(s, digits_follow ? piece->n : 12, &v) &&
	    set_number(d, piece, v);
}

static int64_t
put_together(const struct parts *d)
{
	int64_t hour = d->hour;

	if (d->hour12 >= 0)
		hour = d->hour12 + (d->pm == 1 ? 12 : 0);
	return leat_days_from_date(d->year, d->month, d->day) * 86400000 +
	    hour * 3600000 + (d->minute - d->offset_min) * INT64_C(60000) +
	    d->second * INT64_C(1000) + d->ms;
}

int
java_date_parse(struct leat_str text, const char *pattern, int64_t *ret_ms)
{
	struct parts d = { .year = 1970, .month = 1, .day = 1, .pm = -1,
		.hour12 = -1 };
	const char *p = pattern;
	bool quoted = false;
	struct piece piece;
	struct leat_date back;

	while (next_piece(&p, &quoted, &piece)) {
		if (piece.letter == '\0') {
			if (text.len == 0 || *text.ptr != *piece.text)
				return -1;
			text.ptr++;
			text.len--;
		} else if (!take_piece(&text, &d, &piece, !quoted &&
		    *p != '\0' && strchr("yMdHhkKmsS", *p) != NULL)) {
			return -1;
		}
	}
	back = leat_date_from_days(leat_days_from_date(d.year, d.month,
	    d.day));
	if (text.len > 0 || back.day != d.day)
		return -1;
	*ret_ms = put_together(&d);
	return 0;
}
