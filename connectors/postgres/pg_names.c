/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_names.c: Avro allows letters, digits and underscores, and no digit first.
 *
 * The rules are Debezium's. They work on Java's characters, of which a letter
 * beyond U+FFFF is two. In mode avro_unicode the underscore is the escape, and
 * is escaped itself.
 */
#include "pg_names.h"

#include <stdio.h>
#include <string.h>

#include "pg_config.h"

enum { ESCAPE_MAX = 8 };	/* "_uXXXX" and a NUL */

/* The next character of UTF-8 text, which it moves on. */
static uint32_t
next_char(const unsigned char **p)
{
	const unsigned char *s = *p;
	int more = (s[0] >= 0x80) + (s[0] >= 0xe0) + (s[0] >= 0xf0);
	uint32_t c = more == 0 ? s[0] : s[0] & (0x3fu >> more);

	for (s++; more > 0 && (*s & 0xc0) == 0x80; more--)
		c = c << 6 | (*s++ & 0x3f);
	*p = s;
	return c;
}

static int
is_allowed(uint32_t c, int32_t mode, int is_field, int first)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
		return 1;
	if (c == '_')
		return mode == PG_NAMES_AVRO;
	return !first && ((c >= '0' && c <= '9') || (c == '.' && !is_field));
}

/* One of Java's characters, in hex of two digits after 00, or of three up. */
static char *
escape(char *to, uint32_t unit)
{
	return to + snprintf(to, ESCAPE_MAX, unit <= 0xff ? "_u00%x" : "_u%x",
	    unit);
}

static char *
replace(char *to, uint32_t c, int32_t mode, int first)
{
	if (mode == PG_NAMES_AVRO) {
		*to++ = '_';
		if (c > 0xffff)
			*to++ = '_';
		if (first && c >= '0' && c <= '9')
			*to++ = (char)c;
		return to;
	}
	if (c <= 0xffff)
		return escape(to, c);
	to = escape(to, 0xd800 + ((c - 0x10000) >> 10));
	return escape(to, 0xdc00 + ((c - 0x10000) & 0x3ff));
}

const char *
pg_adjust_name(struct leat_arena *a, int32_t mode, int is_field,
    const char *name)
{
	const unsigned char *p = (const unsigned char *)name;
	char *s, *to;

	if (mode == PG_NAMES_NONE || name[0] == '\0')
		return name;
	s = to = leat_arena_alloc(a, strlen(name) * ESCAPE_MAX + 1);
	if (s == NULL)
		return NULL;
	for (int first = 1; *p != '\0'; first = 0) {
		uint32_t c = next_char(&p);

		if (is_allowed(c, mode, is_field, first))
			*to++ = (char)c;
		else
			to = replace(to, c, mode, first);
	}
	*to = '\0';
	return s;
}
