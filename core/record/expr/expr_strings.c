/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expr_strings.c: the methods of strings. Positions and lengths are Java's:
 * UTF-16 units, of which a character beyond U+FFFF has two.
 */
#include "core/record/expr/expr_methods.h"

/* ---------------------------------------------------------------- positions */

/* Units that the character with this first byte has; 0 inside of one. */
static unsigned
units(char first)
{
	const uint8_t b = (uint8_t)first;

	if ((b & 0xc0) == 0x80)
		return 0;
	return b >= 0xf0 ? 2 : 1;
}

static int64_t
units_of(const char *s, size_t len)
{
	int64_t n = 0;
	size_t i;

	for (i = 0; i < len; i++)
		n += units(s[i]);
	return n;
}

/* The byte at a position; false beyond the end. */
static bool
byte_at(struct leat_str s, int64_t position, size_t *ret_byte)
{
	size_t i = 0;
	int64_t at = 0;

	if (position < 0)
		return false;
	for (; i < s.len && at < position; i++)
		at += units(s.ptr[i]);
	/* Over the rest of the last character. */
	while (i < s.len && units(s.ptr[i]) == 0)
		i++;
	*ret_byte = i;
	return at >= position;
}

int
expr_string_length(const struct expr_value *s, struct expr_value *ret_value)
{
	*ret_value = expr_int(units_of(s->u.s, s->len));
	return 0;
}

/* --------------------------------------------------------------- searching */

/* Both must be strings. */
static int
two_strings(struct expr_run *r, const struct expr_node *n,
    const struct expr_value *self, const struct expr_value *arg)
{
	if (self->kind != X_STRING)
		return expr_no_method(r, n, self);
	if (arg->kind != X_STRING)
		return expr_fail(r, n, "%s() takes a string, not %s",
		    n->u.method->name, expr_kind_words(arg));
	return 0;
}

static const char *
find(struct leat_str in, struct leat_str what)
{
	return what.len == 0 ? in.ptr
	    : memmem(in.ptr, in.len, what.ptr, what.len);
}

int
expr_string_contains(METHOD_ARGS)
{
	if (two_strings(r, n, self, &args[0]) < 0)
		return -1;
	*ret_value = expr_bool(find(expr_str(self), expr_str(&args[0])) !=
	    NULL);
	return 0;
}

int
expr_string_index(METHOD_ARGS)
{
	const char *at;

	if (two_strings(r, n, self, &args[0]) < 0)
		return -1;
	at = find(expr_str(self), expr_str(&args[0]));
	*ret_value = expr_int(at == NULL ? -1
	    : units_of(self->u.s, (size_t)(at - self->u.s)));
	return 0;
}

int
expr_string_starts(METHOD_ARGS)
{
	if (two_strings(r, n, self, &args[0]) < 0)
		return -1;
	*ret_value = expr_bool(self->len >= args[0].len &&
	    (args[0].len == 0 ||
	    memcmp(self->u.s, args[0].u.s, args[0].len) == 0));
	return 0;
}

int
expr_string_ends(METHOD_ARGS)
{
	if (two_strings(r, n, self, &args[0]) < 0)
		return -1;
	*ret_value = expr_bool(self->len >= args[0].len &&
	    (args[0].len == 0 || memcmp(self->u.s + self->len - args[0].len,
	    args[0].u.s, args[0].len) == 0));
	return 0;
}

int
expr_string_matches(METHOD_ARGS)
{
	if (self->kind != X_STRING)
		return expr_no_method(r, n, self);
	return expr_matches(r, n, n->pattern, self, true, ret_value);
}

/* --------------------------------------------------------------------- case */

/*
 * Letters whose two cases lie a fixed distance apart, and have two bytes in
 * UTF-8 both: Latin-1, Greek, Cyrillic.
 */
static const struct {
	uint16_t first;
	uint16_t last;
	uint16_t away;
	uint16_t but;
} upper_cases[] = {
	{ 0xc0, 0xde, 0x20, 0xd7 },
	{ 0x391, 0x3a9, 0x20, 0x3a2 },
	{ 0x400, 0x40f, 0x50, 0 },
	{ 0x410, 0x42f, 0x20, 0 },
};

static unsigned
other_case(unsigned c, bool lower)
{
	const unsigned n = sizeof(upper_cases) / sizeof(upper_cases[0]);
	unsigned i;

	for (i = 0; i < n; i++) {
		const unsigned upper = lower ? c : c - upper_cases[i].away;

		if (upper >= upper_cases[i].first &&
		    upper <= upper_cases[i].last && upper != upper_cases[i].but)
			return lower ? c + upper_cases[i].away : upper;
	}
	return c;
}

/* In place. */
static void
set_case(char *s, size_t len, bool lower)
{
	size_t i;
	unsigned c;

	for (i = 0; i < len; i++) {
		const uint8_t b = (uint8_t)s[i];

		if (b < 0x80) {
			if (lower ? b >= 'A' && b <= 'Z'
			    : b >= 'a' && b <= 'z')
				s[i] = (char)(b ^ 0x20);
		} else if (b >= 0xc2 && b < 0xe0 && i + 1 < len &&
		    units(s[i + 1]) == 0) {
			c = other_case((b & 0x1fU) << 6 |
			    ((uint8_t)s[i + 1] & 0x3fU), lower);
			s[i++] = (char)(0xc0 | c >> 6);
			s[i] = (char)(0x80 | (c & 0x3f));
		}
	}
}

static int
in_case(struct expr_run *r, const struct expr_value *v, bool lower,
    struct expr_value *ret_value)
{
	char *to = leat_arena_alloc(r->arena, v->len);

	if (to == NULL)
		return expr_no_memory(r);
	if (v->len > 0)
		memcpy(to, v->u.s, v->len);
	set_case(to, v->len, lower);
	*ret_value = expr_string(to, v->len);
	return 0;
}

int
expr_string_lower(METHOD_ARGS)
{
	if (self->kind != X_STRING)
		return expr_no_method(r, n, self);
	return in_case(r, self, true, ret_value);
}

int
expr_string_upper(METHOD_ARGS)
{
	if (self->kind != X_STRING)
		return expr_no_method(r, n, self);
	return in_case(r, self, false, ret_value);
}

int
expr_string_equals_any_case(METHOD_ARGS)
{
	struct expr_value a, b;

	if (self->kind != X_STRING)
		return expr_no_method(r, n, self);
	*ret_value = expr_bool(false);
	if (args[0].kind != X_STRING || args[0].len != self->len)
		return 0;
	if (in_case(r, self, true, &a) < 0 ||
	    in_case(r, &args[0], true, &b) < 0)
		return -1;
	*ret_value = expr_bool(expr_equal(&a, &b));
	return 0;
}

/* -------------------------------------------------------------------- parts */

/* Java's trim: everything up to U+0020. */
int
expr_string_trim(METHOD_ARGS)
{
	const char *s = self->u.s;
	size_t len = self->len;

	if (self->kind != X_STRING)
		return expr_no_method(r, n, self);
	for (; len > 0 && (uint8_t)s[0] <= ' '; s++)
		len--;
	while (len > 0 && (uint8_t)s[len - 1] <= ' ')
		len--;
	*ret_value = expr_string(s, len);
	return 0;
}

int
expr_string_blank(METHOD_ARGS)
{
	struct expr_value rest;

	if (expr_string_trim(r, n, self, args, &rest) < 0)
		return -1;
	*ret_value = expr_bool(rest.len == 0);
	return 0;
}

int
expr_string_substring(METHOD_ARGS)
{
	struct leat_str s;
	size_t from, to;

	if (self->kind != X_STRING)
		return expr_no_method(r, n, self);
	s = expr_str(self);
	to = s.len;
	if (args[0].kind != X_INT || (n->nargs > 1 && args[1].kind != X_INT))
		return expr_fail(r, n, "substring() takes integers");
	if (!byte_at(s, args[0].u.i, &from) ||
	    (n->nargs > 1 && !byte_at(s, args[1].u.i, &to)) || to < from)
		return expr_fail(r, n, "the string has only %lld characters",
		    (long long)units_of(s.ptr, s.len));
	*ret_value = expr_string(s.ptr + from, to - from);
	return 0;
}

/* All places where `what` stands, from left to right. */
static size_t
replaced_len(struct leat_str s, struct leat_str what, size_t with)
{
	size_t len = s.len;
	const char *at;

	while ((at = find(s, what)) != NULL) {
		len = len - what.len + with;
		s.len -= (size_t)(at - s.ptr) + what.len;
		s.ptr = at + what.len;
	}
	return len;
}

int
expr_string_replace(METHOD_ARGS)
{
	struct leat_str s, what, with;
	const char *at;
	char *to, *copy;
	size_t len;

	if (two_strings(r, n, self, &args[0]) < 0 ||
	    two_strings(r, n, self, &args[1]) < 0)
		return -1;
	s = expr_str(self);
	what = expr_str(&args[0]);
	with = expr_str(&args[1]);
	if (what.len == 0)
		return expr_fail(r, n, "replace() of an empty string");
	len = replaced_len(s, what, with.len);
	if (len > EXPR_STRING_MAX)
		return expr_fail(r, n, "the string is larger than %d bytes",
		    EXPR_STRING_MAX);
	to = copy = leat_arena_alloc(r->arena, len + 1);
	if (to == NULL)
		return expr_no_memory(r);
	while ((at = find(s, what)) != NULL) {
		to = (char *)mempcpy(to, s.ptr, (size_t)(at - s.ptr));
		to = (char *)mempcpy(to, with.ptr, with.len);
		s.len -= (size_t)(at - s.ptr) + what.len;
		s.ptr = at + what.len;
	}
	if (s.len > 0)
		memcpy(to, s.ptr, s.len);
	*ret_value = expr_string(copy, len);
	return 0;
}
