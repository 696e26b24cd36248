/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Link header: <target>; param=value; param="value", <target>; ...
 */
#include "http_link.h"

#include <strings.h>

static void
skip_blanks(struct leat_str *s)
{
	while (s->len > 0 && (*s->ptr == ' ' || *s->ptr == '\t')) {
		s->ptr++;
		s->len--;
	}
}

static void
advance(struct leat_str *s, size_t n)
{
	s->ptr += n;
	s->len -= n;
}

static int
is_token(char c)
{
	return c != ' ' && c != '\t' && c != ';' && c != ',' && c != '=' &&
	    c != '"' && c != '<' && c != '>';
}

static struct leat_str
take_token(struct leat_str *s)
{
	struct leat_str t = { s->ptr, 0 };

	while (t.len < s->len && is_token(s->ptr[t.len]))
		t.len++;
	advance(s, t.len);
	return t;
}

/* A token, or what stands between quotes (escapes are left as they are). */
static int
take_value(struct leat_str *s, struct leat_str *ret_value)
{
	size_t i;

	if (s->len == 0 || *s->ptr != '"') {
		*ret_value = take_token(s);
		return 0;
	}
	for (i = 1; i < s->len && s->ptr[i] != '"'; i++) {
		if (s->ptr[i] == '\\')
			i++;
	}
	if (i >= s->len)
		return -1;
	*ret_value = (struct leat_str){ s->ptr + 1, i - 1 };
	advance(s, i + 1);
	return 0;
}

static bool
eq_nocase(struct leat_str a, const char *b)
{
	return a.len == strlen(b) && strncasecmp(a.ptr, b, a.len) == 0;
}

static bool
rel_is_next(struct leat_str rel)
{
	while (rel.len > 0) {
		if (eq_nocase(leat_str_cut(&rel, ' '), "next"))
			return true;
	}
	return false;
}

/* The parameters of one link; only the first rel counts (RFC 8288, 3.3). */
static int
take_params(struct leat_str *s, bool *ret_next)
{
	struct leat_str name, value;
	bool have_rel = false;

	*ret_next = false;
	for (;;) {
		skip_blanks(s);
		if (s->len == 0 || *s->ptr == ',')
			return 0;
		if (*s->ptr != ';')
			return -1;
		advance(s, 1);
		skip_blanks(s);
		name = take_token(s);
		value = (struct leat_str){ "", 0 };
		skip_blanks(s);
		if (s->len > 0 && *s->ptr == '=') {
			advance(s, 1);
			skip_blanks(s);
			if (take_value(s, &value) < 0)
				return -1;
		}
		if (!have_rel && eq_nocase(name, "rel")) {
			have_rel = true;
			*ret_next = rel_is_next(value);
		}
	}
}

int
http_link_next(struct leat_str s, struct leat_str *ret_target)
{
	const char *end;
	bool next;

	for (;;) {
		struct leat_str target;

		skip_blanks(&s);
		if (s.len > 0 && *s.ptr == ',') {
			advance(&s, 1);
			continue;
		}
		if (s.len == 0 || *s.ptr != '<')
			return -1;
		end = memchr(s.ptr, '>', s.len);
		if (end == NULL)
			return -1;
		target.ptr = s.ptr + 1;
		target.len = (size_t)(end - target.ptr);
		advance(&s, target.len + 2);
		if (take_params(&s, &next) < 0)
			return -1;
		if (next) {
			*ret_target = target;
			return 0;
		}
	}
}
