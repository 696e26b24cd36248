/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zoned_text.c: see zoned_text.h.
 */
#include "core/record/transforms/zoned_text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <leat/time.h>

enum {
	DAY = 86400,
	DIGITS_MAX = 9, /* of a fraction */
	TEXT_MAX = 60 /* of what is read */
};

/* ----------------------------------------------------------------- reading */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/*
 * Copies the text without its fraction, which is noted: seconds are read by
 * what knows no more digits than microseconds have. 0, or -1.
 */
static int
cut_fraction(struct leat_str text, char to[TEXT_MAX], struct leat_str *ret)
{
	const char *dot = memchr(text.ptr, '.', text.len);
	size_t n = 0, head;

	*ret = (struct leat_str){ text.ptr, 0 };
	if (text.len >= TEXT_MAX)
		return -1;
	head = dot == NULL ? text.len : (size_t)(dot - text.ptr);
	if (dot != NULL) {
		while (head + 1 + n < text.len && is_digit(dot[1 + n]))
			n++;
		if (n == 0 || n > DIGITS_MAX)
			return -1;
		*ret = (struct leat_str){ dot + 1, n };
		while (ret->len > 0 && ret->ptr[ret->len - 1] == '0')
			ret->len--;
		n++;
	}
	memcpy(to, text.ptr, head);
	memcpy(to + head, text.ptr + head + n, text.len - head - n);
	to[text.len - n] = '\0';
	return 0;
}

static int
parse_whole(const char *text, int64_t *ret_s)
{
	int64_t us;

	if (leat_time_parse_us(leat_str_c(text), &us) < 0)
		return -1;
	*ret_s = us / 1000000 - (us % 1000000 < 0);
	return 0;
}

int
zoned_parse_timestamp(struct leat_str text, struct zoned *ret)
{
	char whole[TEXT_MAX];

	if (cut_fraction(text, whole, &ret->fraction) < 0)
		return -1;
	return parse_whole(whole, &ret->utc_s);
}

int
zoned_parse_time(struct leat_str text, struct zoned *ret)
{
	char whole[TEXT_MAX], dated[TEXT_MAX + 12];

	if (cut_fraction(text, whole, &ret->fraction) < 0)
		return -1;
	snprintf(dated, sizeof(dated), "1970-01-01T%s", whole);
	return parse_whole(dated, &ret->utc_s);
}

/* ----------------------------------------------------------------- writing */

/* "Z", "+01:00", "-00:44:30" */
static size_t
add_offset(char *to, size_t room, int32_t offset)
{
	const int32_t abs = offset < 0 ? -offset : offset;
	const char sign = offset < 0 ? '-' : '+';
	const int h = abs / 3600, m = abs / 60 % 60, s = abs % 60;

	if (abs == 0)
		return (size_t)snprintf(to, room, "Z");
	if (s == 0)
		return (size_t)snprintf(to, room, "%c%02d:%02d", sign, h, m);
	return (size_t)snprintf(to, room, "%c%02d:%02d:%02d", sign, h, m, s);
}

/* The time of a local day from its second on, the fraction and the offset. */
static size_t
add_time(char *to, size_t room, int32_t second, const struct zoned *z,
    int32_t offset)
{
	size_t n;

	n = (size_t)snprintf(to, room, "%02d:%02d:%02d%s%.*s", second / 3600,
	    second / 60 % 60, second % 60, z->fraction.len > 0 ? "." : "",
	    (int)z->fraction.len, z->fraction.ptr);
	return n + add_offset(to + n, room - n, offset);
}

static int64_t
day_of(int64_t s)
{
	return s / DAY - (s % DAY < 0);
}

size_t
zoned_format_timestamp(char to[ZONED_TEXT], const struct zoned *z,
    int32_t offset)
{
	const int64_t local = z->utc_s + offset, days = day_of(local);
	const struct leat_date d = leat_date_from_days(days);
	const char *sign = d.year < 0 ? "-" : d.year > 9999 ? "+"
	    : "";
	size_t n;

	n = (size_t)snprintf(to, ZONED_TEXT, "%s%04" PRId64 "-%02d-%02dT",
	    sign, d.year < 0 ? -d.year : d.year, d.month, d.day);
	return n + add_time(to + n, ZONED_TEXT - n, (int32_t)(local - days *
	    DAY), z, offset);
}

size_t
zoned_format_time(char to[ZONED_TEXT], const struct zoned *z, int32_t offset)
{
	const int64_t local = z->utc_s + offset;

	return add_time(to, ZONED_TEXT, (int32_t)(local - day_of(local) * DAY),
	    z, offset);
}
