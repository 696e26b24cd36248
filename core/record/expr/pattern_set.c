/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pattern_set.c: a pattern's characters and sets of them.
 */
#include "core/record/expr/pattern_compile.h"

enum { UNICODE_MAX = 0x10ffff };

/* --------------------------------------------------------------- characters */

uint32_t
pattern_take_char(struct pattern_compiler *c)
{
	const uint8_t *b = (const uint8_t *)c->text.ptr + c->at;
	uint32_t v = *b, more;

	more = v < 0xc2 ? 0 : v < 0xe0 ? 1
	    : v < 0xf0                 ? 2
				       : 3;
	if (more >= c->text.len - c->at || !leat_utf8_valid(b, more + 1U))
		more = 0;
	c->at += more + 1;
	if (more > 0)
		v &= 0x3fU >> more;
	while (more-- > 0)
		v = v << 6 | (*++b & 0x3f);
	return v;
}

static int
add_range(struct pattern_compiler *c, uint32_t from, uint32_t to)
{
	if (c->nranges >= PATTERN_RANGES_MAX)
		return pattern_refuse(c, "a set has too many members");
	c->ranges[c->nranges++] = (struct pattern_range){ from, to };
	return 0;
}

int
pattern_add_class(struct pattern_compiler *c, char letter)
{
	static const struct pattern_range digit[] = { { '0', '9' } };
	static const struct pattern_range word[] = { { '0', '9' },
		{ 'A', 'Z' }, { '_', '_' }, { 'a', 'z' } };
	static const struct pattern_range space[] = { { '\t', '\r' },
		{ ' ', ' ' } };
	const struct pattern_range *r;
	uint32_t n, i, from = 0;
	int rc = 0;

	switch (letter | 0x20) {
	case 'd':
		r = digit;
		n = 1;
		break;
	case 'w':
		r = word;
		n = 4;
		break;
	case 's':
		r = space;
		n = 2;
		break;
	default:
		return -2;
	}
	for (i = 0; rc == 0 && i < n; i++) {
		if (letter >= 'a') {
			rc = add_range(c, r[i].from, r[i].to);
		} else {
			rc = add_range(c, from, r[i].from - 1);
			from = r[i].to + 1;
		}
	}
	if (rc == 0 && letter < 'a')
		rc = add_range(c, from, UNICODE_MAX);
	return rc;
}

static int
hex(struct pattern_compiler *c, unsigned digits, uint32_t *ret_char)
{
	uint32_t v = 0;
	char d;

	while (digits-- > 0) {
		d = pattern_peek(c);
		if (d >= '0' && d <= '9')
			v = v * 16 + (uint32_t)(d - '0');
		else if ((d | 0x20) >= 'a' && (d | 0x20) <= 'f')
			v = v * 16 + (uint32_t)((d | 0x20) - 'a') + 10;
		else
			return pattern_refuse(c,
			    "hexadecimal digits are expected");
		c->at++;
	}
	*ret_char = v;
	return 0;
}

int
pattern_escaped(struct pattern_compiler *c, uint32_t *ret_char)
{
	static const char from[] = "tnrfae";
	static const char to[] = "\t\n\r\f\a\033";
	const char b = pattern_peek(c), *at;

	if (c->at >= c->text.len)
		return pattern_refuse(c, "a backslash at the end");
	at = strchr(from, b);
	if (b == 'x' || b == 'u') {
		c->at++;
		return hex(c, b == 'x' ? 2 : 4, ret_char);
	}
	if (b != '\0' && at != NULL) {
		c->at++;
		*ret_char = (uint8_t)to[at - from];
		return 0;
	}
	if (b >= '1' && b <= '9')
		return pattern_refuse(c, "back references are not supported");
	if (b == 'p' || b == 'P')
		return pattern_refuse(c,
		    "\\p is not supported; list the characters");
	if (b == '0' || ((b | 0x20) >= 'a' && (b | 0x20) <= 'z'))
		return pattern_refuse(c, "an escape that is not supported");
	*ret_char = pattern_take_char(c);
	return 0;
}

/* --------------------------------------------------------------------- sets */

int
pattern_emit_set(struct pattern_compiler *c, bool invert)
{
	struct pattern_set *set = &c->sets[c->nsets];

	if (c->nsets >= PATTERN_SETS_MAX)
		return pattern_refuse(c, "the pattern has too many sets");
	*set = (struct pattern_set){ .invert = invert, .n = c->nranges };
	set->ranges = leat_arena_memdup(c->arena, c->ranges,
	    c->nranges * sizeof(c->ranges[0]));
	if (set->ranges == NULL)
		return pattern_refuse(c, NULL);
	return pattern_emit(c, P_SET, c->nsets++, 0);
}

/* A character of a set; 1: a class, which is added already. */
static int
member(struct pattern_compiler *c, uint32_t *ret_char)
{
	int rc;

	if (pattern_peek(c) != '\\') {
		*ret_char = pattern_take_char(c);
		return 0;
	}
	c->at++;
	rc = pattern_add_class(c, pattern_peek(c));
	if (rc != -2) {
		c->at++;
		return rc < 0 ? rc : 1;
	}
	return pattern_escaped(c, ret_char);
}

int
pattern_bracket(struct pattern_compiler *c)
{
	uint32_t from, to;
	bool invert;
	int rc;

	c->nranges = 0;
	c->at++;
	invert = pattern_peek(c) == '^';
	c->at += invert;
	do {
		if (c->at >= c->text.len)
			return pattern_refuse(c, "a [ without its ]");
		if (pattern_peek(c) == '[' || pattern_ahead(c, "&&"))
			return pattern_refuse(c, "a set inside a set is not "
			    "supported; list the characters");
		rc = member(c, &from);
		if (rc < 0)
			return -1;
		if (rc > 0)
			continue;
		to = from;
		if (pattern_ahead(c, "-") && !pattern_ahead(c, "-]") &&
		    c->at + 1 < c->text.len) {
			c->at++;
			rc = member(c, &to);
			if (rc != 0)
				return rc < 0 ? -1 : pattern_refuse(c,
				    "a class cannot end a range");
		}
		if (to < from)
			return pattern_refuse(c, "a range that runs backwards");
		if (add_range(c, from, to) < 0)
			return -1;
	} while (pattern_peek(c) != ']' || c->at >= c->text.len);
	c->at++;
	return pattern_emit_set(c, invert);
}
