/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Retry-After, HTTP dates and back-off.
 */
#include "http_retry.h"

#include <leat/time.h>

enum { RETRY_SECONDS_MAX = 366 * 24 * 3600 };

static int
parse_month(struct leat_str s, int64_t *ret_month)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int i;

	if (s.len != 3)
		return -1;
	for (i = 0; i < 12; i++) {
		if (memcmp(names + i * 3, s.ptr, 3) == 0) {
			*ret_month = i + 1;
			return 0;
		}
	}
	return -1;
}

/* "08:49:37" */
static int
parse_clock(struct leat_str s, int64_t *ret_s)
{
	int64_t h, m, sec;

	if (leat_parse_i64(leat_str_cut(&s, ':'), 0, 23, &h) < 0 ||
	    leat_parse_i64(leat_str_cut(&s, ':'), 0, 59, &m) < 0 ||
	    leat_parse_i64(s, 0, 60, &sec) < 0)
		return -1;
	*ret_s = h * 3600 + m * 60 + sec;
	return 0;
}

/* The next word; blanks may be doubled (asctime pads the day). */
static struct leat_str
next_word(struct leat_str *rest, char sep)
{
	while (rest->len > 0 && *rest->ptr == ' ') {
		rest->ptr++;
		rest->len--;
	}
	return leat_str_cut(rest, sep);
}

static int64_t
full_year(int64_t y, size_t digits)
{
	if (digits == 2)
		return y < 70 ? 2000 + y : 1900 + y;
	return y;
}

int
http_date_parse(struct leat_str s, int64_t *ret_s)
{
	struct leat_str day, month, year, clock;
	int64_t d, m, y, t;
	char sep = ' ';

	if (memchr(s.ptr, ',', s.len) != NULL) {
		/* Sun, 06 Nov 1994 08:49:37 GMT; Sunday, 06-Nov-94 08:.. */
		leat_str_cut(&s, ',');
		if (s.len > 3 && s.ptr[3] == '-')
			sep = '-';
		day = next_word(&s, sep);
		month = next_word(&s, sep);
		year = next_word(&s, ' ');
		clock = next_word(&s, ' ');
		if (!leat_str_eq_c(leat_str_trim(s), "GMT"))
			return -1;
	} else {
		/* Sun Nov  6 08:49:37 1994 */
		next_word(&s, ' ');
		month = next_word(&s, ' ');
		day = next_word(&s, ' ');
		clock = next_word(&s, ' ');
		year = leat_str_trim(s);
	}
	if (leat_parse_i64(day, 1, 31, &d) < 0 || parse_month(month, &m) < 0 ||
	    leat_parse_i64(year, 0, 9999, &y) < 0 || parse_clock(clock, &t) < 0)
		return -1;
	y = full_year(y, year.len);
	*ret_s = leat_days_from_date(y, (int32_t)m, (int32_t)d) * 86400 + t;
	return 0;
}

int
http_retry_after_parse(struct leat_str text, int64_t now_s, int64_t *ret_ms)
{
	struct leat_str s = leat_str_trim(text);
	int64_t v;

	if (s.len == 0)
		return -1;
	if (leat_parse_i64(s, 0, RETRY_SECONDS_MAX, &v) == 0) {
		*ret_ms = v * 1000;
		return 0;
	}
	if (http_date_parse(s, &v) < 0)
		return -1;
	v -= now_s;
	if (v > RETRY_SECONDS_MAX)
		v = RETRY_SECONDS_MAX;
	*ret_ms = v > 0 ? v * 1000 : 0;
	return 0;
}

void
http_backoff_init(struct http_backoff *b, int64_t base_ms, int64_t max_ms,
    uint64_t seed)
{
	b->base_ms = base_ms > 0 ? base_ms : 1;
	b->max_ms = max_ms > b->base_ms ? max_ms : b->base_ms;
	b->rng = seed | 1;
}

int64_t
http_backoff_ms(struct http_backoff *b, uint32_t attempt)
{
	int64_t top = b->base_ms;

	while (attempt-- > 1 && top < b->max_ms)
		top *= 2;
	if (top > b->max_ms)
		top = b->max_ms;
	b->rng ^= b->rng << 13;
	b->rng ^= b->rng >> 7;
	b->rng ^= b->rng << 17;
	return 1 + (int64_t)((b->rng >> 11) % (uint64_t)top);
}
