/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_default.c: a column's DEFAULT, as the default of its schema.
 *
 * The server prints constants as literals ('none'::text, 0, true, '-1'::
 * integer); these are converted as a value of the column would be. Anything
 * else is computed when a row is inserted, and gets a stand-in: 0, the epoch,
 * the zero UUID, an empty text.
 */
#include "pg_types.h"

#include <string.h>

#include <leat/str.h>

/* A cast behind a literal: ::character varying(20)[], and nothing after it. */
static int
is_cast_or_end(const char *p)
{
	if (*p == '\0')
		return 1;
	if (p[0] != ':' || p[1] != ':')
		return 0;
	return p[strspn(p, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:.\" (),[]")] == '\0';
}

/* '...' or E'...' or B'...'; NULL when it is not one. */
static char *
quoted_literal(const char *p, struct leat_arena *a, uint32_t *ret_len)
{
	int escapes = p[0] == 'E';
	char *to = leat_arena_alloc(a, strlen(p) + 1);
	uint32_t n = 0;

	if (to == NULL)
		return NULL;
	p += p[0] == 'E' || p[0] == 'B';
	if (*p++ != '\'')
		return NULL;
	for (; *p != '\0'; p++) {
		if (p[0] == '\'' && p[1] != '\'')
			break;
		if (p[0] == '\'' || (escapes && p[0] == '\\' && p[1] != '\0'))
			p++;
		to[n++] = *p;
	}
	if (*p != '\'' || !is_cast_or_end(p + 1))
		return NULL;
	to[n] = '\0';
	*ret_len = n;
	return to;
}

/* 0, -1.5, (-1.5), 0::numeric */
static char *
number_literal(const char *p, struct leat_arena *a, uint32_t *ret_len)
{
	int paren = *p == '(';
	const char *start = p + paren;
	size_t n = strspn(start, "+-0123456789.eE");
	const char *rest = start + n;

	if (n == 0 || strpbrk(start, "0123456789") == NULL ||
	    (paren && *rest != ')') || !is_cast_or_end(rest + paren))
		return NULL;
	*ret_len = (uint32_t)n;
	return leat_arena_strndup(a, start, n);
}

static int
starts_with_word(const char *p, const char *word)
{
	size_t n = strlen(word);

	return strncmp(p, word, n) == 0 && is_cast_or_end(p + n);
}

/* The stand-in for what is computed at insert. */
static int
stand_in(const struct pg_type *ty, struct leat_batch *mem,
    struct leat_value *ret)
{
	static const char epoch[] = "1970-01-01 00:00:00+00";
	char *s;

	if (ty->category == PG_CAT_UUID) {
		*ret = leat_cstring("00000000-0000-0000-0000-000000000000");
		return 1;
	}
	if (ty->conv == pg_conv_timestamptz) {
		s = leat_batch_copy(mem, epoch, sizeof(epoch) - 1);
		return s != NULL && ty->conv(ty, s, sizeof(epoch) - 1, mem,
		    ret) == 0;
	}
	*ret = ty->fallback;
	return 1;
}

int
pg_default_value(const struct pg_type *ty, const char *expr,
    struct leat_arena *a, struct leat_value *ret)
{
	struct pg_arena_batch ab;
	uint32_t len = 0;
	char *s;

	if (ty->schema.kind == LEAT_STRUCT ||
	    starts_with_word(expr, "NULL"))
		return 0;
	pg_arena_batch_init(&ab, a);
	if (starts_with_word(expr, "true") || starts_with_word(expr, "false")) {
		len = expr[0] == 't' ? 4 : 5;
		s = leat_arena_strndup(a, expr, len);
	} else {
		s = quoted_literal(expr, a, &len);
		if (s == NULL)
			s = number_literal(expr, a, &len);
	}
	if (s == NULL)
		return stand_in(ty, &ab.b, ret);
	return ty->conv(ty, s, len, &ab.b, ret) == 0;
}
