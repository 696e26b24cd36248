/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets of HTTP status codes.
 */
#include "http_status.h"

#include <leat/str.h>

enum { STATUS_MIN = 100, STATUS_MAX = 599 };

static int
parse_class(struct leat_str s, int64_t *ret_from, int64_t *ret_to)
{
	if (s.len != 3 || s.ptr[0] < '1' || s.ptr[0] > '5' ||
	    (s.ptr[1] | 32) != 'x' || (s.ptr[2] | 32) != 'x')
		return -1;
	*ret_from = (s.ptr[0] - '0') * 100;
	*ret_to = *ret_from + 99;
	return 0;
}

static int
parse_range(struct leat_str s, int64_t *ret_from, int64_t *ret_to)
{
	struct leat_str from;

	if (parse_class(s, ret_from, ret_to) == 0)
		return 0;
	if (memchr(s.ptr, '-', s.len) == NULL) {
		if (leat_parse_i64(s, STATUS_MIN, STATUS_MAX, ret_from) < 0)
			return -1;
		*ret_to = *ret_from;
		return 0;
	}
	from = leat_str_trim(leat_str_cut(&s, '-'));
	s = leat_str_trim(s);
	if (leat_parse_i64(from, STATUS_MIN, STATUS_MAX, ret_from) < 0)
		return -1;
	if (s.len == 0) {
		*ret_to = STATUS_MAX;
		return 0;
	}
	return leat_parse_i64(s, *ret_from, STATUS_MAX, ret_to);
}

int
http_status_parse(const struct leat_list *list, const char *option,
    struct http_status_set *ret_set, struct leat_err *err)
{
	struct http_status_set set = { { 0 } };
	int64_t from, to, c;
	uint32_t i;

	for (i = 0; i < list->len; i++) {
		struct leat_str s = leat_str_trim(leat_str_c(list->items[i]));

		if (s.len == 0)
			continue;
		if (parse_range(s, &from, &to) < 0)
			return leat_err_set(err, LEAT_CLS_CONFIG,
			    LEAT_E_CONFIG,
			    "%s: '%.*s' is not a status code (allowed: 429, "
			    "500-599, 5xx)",
			    option, (int)s.len, s.ptr);
		for (c = from; c <= to; c++)
			set.bits[c / 64] |= (uint64_t)1 << (c % 64);
	}
	*ret_set = set;
	return 0;
}
