/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_default.c: a column's DEFAULT, as the default of its schema.
 *
 * The server prints constants as literals ('none'::text, 0, true, '-1'::
 * integer); these are converted as a value of the column would be. What a
 * function computes when a row is inserted gets a stand-in, as in Debezium: 0,
 * the epoch, the zero UUID, an empty text. Other expressions and other types
 * (bytea, arrays, domains, ...) have none.
 */
#include "pg_types.h"

#include <string.h>
#include <strings.h>

#include <leat/str.h>

enum { JSON_OID = 114, JSONB_OID = 3802 };

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

/* now(), (date_part(...))::integer, CURRENT_TIMESTAMP, ... */
static int
is_computed(const char *p)
{
	static const char *const words[] = { "CURRENT_TIMESTAMP",
		"CURRENT_TIME", "CURRENT_DATE", "LOCALTIME",
		"LOCALTIMESTAMP" };
	size_t n;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(p, words[i]) == 0)
			return 1;
	p += *p == '(';
	n = strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789_.");
	return n > 0 && p[n] == '(' && strchr(p + n, ')') != NULL;
}

/* Types whose defaults are told. */
static int
has_defaults(const struct pg_type *ty)
{
	static const uint32_t oids[] = { 16, 20, 21, 23, 25, 114, 142, 700,
		701, 1042, 1043, 1082, 1083, 1114, 1184, 1186, 1560, 1562,
		1700, 2950, 3802 };

	if (ty->is_domain || ty->schema.kind == LEAT_STRUCT)
		return 0;
	if (ty->conv == pg_conv_enum)
		return 1;
	for (size_t i = 0; i < sizeof(oids) / sizeof(oids[0]); i++)
		if (ty->oid == oids[i])
			return 1;
	return 0;
}

/* The stand-in for what is computed at insert. */
static int
stand_in(const struct pg_type *ty, struct leat_batch *mem,
    struct leat_value *ret)
{
	static const char epoch[] = "1970-01-01 00:00:00+00";
	char *s;

	if (ty->conv == pg_conv_enum)
		return 0;
	if (ty->category == PG_CAT_UUID) {
		*ret = leat_cstring("00000000-0000-0000-0000-000000000000");
		return 1;
	}
	if (ty->oid == JSON_OID || ty->oid == JSONB_OID) {
		*ret = leat_cstring("{}");
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

/* A decimal as text has all the digits of its scale, as its values have. */
static char *
fill_scale(const struct pg_type *ty, char *s, uint32_t *len,
    struct leat_arena *a)
{
	const char *point = strchr(s, '.');
	int32_t have = point == NULL ? 0 : (int32_t)strlen(point + 1);

	if (ty->conv != pg_conv_numeric_string || have >= ty->scale ||
	    s[strspn(s, "+-0123456789.")] != '\0')
		return s;
	s = leat_arena_printf(a, "%s%s%0*d", s, point == NULL ? "." : "",
	    (int)(ty->scale - have), 0);
	if (s != NULL)
		*len = (uint32_t)strlen(s);
	return s;
}

int
pg_default_value(const struct pg_type *ty, const char *expr,
    struct leat_arena *a, struct leat_value *ret)
{
	struct pg_arena_batch ab;
	uint32_t len = 0;
	char *s;

	if (!has_defaults(ty) || starts_with_word(expr, "NULL"))
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
		return is_computed(expr) ? stand_in(ty, &ab.b, ret) : 0;
	s = fill_scale(ty, s, &len, a);
	return s != NULL && ty->conv(ty, s, len, &ab.b, ret) == 0;
}
