/* SPDX-License-Identifier: Apache-2.0 */
/*
 * java_properties.c: looking up a key in a text of java.util.Properties: "key =
 * value", "key: value" or "key value" per line, # and ! comments, lines that
 * go on behind a backslash, and escapes.
 */
#include <string.h>

#include "core/config/interpolate.h"

enum { KEY_MAX = 1024 };

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\f';
}

static const char *
skip_blanks(const char *p)
{
	while (is_blank(*p))
		p++;
	return p;
}

/* The end of a line that was begun; the next one's start. */
static const char *
next_line(const char *p)
{
	p += strcspn(p, "\r\n");
	if (*p == '\r')
		p++;
	if (*p == '\n')
		p++;
	return p;
}

static void
add_utf8(struct leat_buf *to, uint32_t c)
{
	if (c < 0x80) {
		(void)leat_buf_add_byte(to, (uint8_t)c);
		return;
	}
	if (c < 0x800) {
		(void)leat_buf_add_byte(to, (uint8_t)(0xc0 | c >> 6));
	} else {
		(void)leat_buf_add_byte(to, (uint8_t)(0xe0 | c >> 12));
		(void)leat_buf_add_byte(to, (uint8_t)(0x80 | (c >> 6 & 63)));
	}
	(void)leat_buf_add_byte(to, (uint8_t)(0x80 | (c & 63)));
}

/* Four hex digits, or -1. */
static int32_t
parse_hex4(const char *p)
{
	int32_t v = 0;

	for (int i = 0; i < 4; i++) {
		static const char digits[] = "0123456789abcdef";
		const char *d = *p == '\0' ? NULL :
		    strchr(digits, *p >= 'A' && *p <= 'F' ? *p + 32 : *p);

		if (d == NULL)
			return -1;
		v = v << 4 | (int32_t)(d - digits);
		p++;
	}
	return v;
}

/* Behind a backslash; returns what is behind the escape. */
static const char *
add_escaped(const char *p, struct leat_buf *to)
{
	static const char letters[] = "tnrf", bytes[] = "\t\n\r\f";
	const char *at = *p == '\0' ? NULL : strchr(letters, *p);
	int32_t c;

	if (*p == '\0')
		return p;
	if (*p == '\r' || *p == '\n')
		return skip_blanks(next_line(p));
	if (*p == 'u' && (c = parse_hex4(p + 1)) >= 0) {
		if (c != 0)
			add_utf8(to, (uint32_t)c);
		return p + 5;
	}
	(void)leat_buf_add_byte(to, (uint8_t)(at != NULL ?
	    bytes[at - letters] : *p));
	return p + 1;
}

/* A key or a value up to one of `ends`; returns where it ended. */
static const char *
read_part(const char *p, const char *ends, struct leat_buf *to)
{
	while (*p != '\0' && strchr(ends, *p) == NULL) {
		if (*p == '\\')
			p = add_escaped(p + 1, to);
		else
			(void)leat_buf_add_byte(to, (uint8_t)*p++);
	}
	return p;
}

int
java_properties_find(const char *text, const char *key, struct leat_buf *to)
{
	struct leat_buf name, skipped;
	int rc = LEAT_E_NOTFOUND;

	leat_buf_init(&name, KEY_MAX);
	leat_buf_init(&skipped, INTERPOLATED_MAX);
	for (const char *p = text; *p != '\0';) {
		const char *got;
		bool found;

		p = skip_blanks(p);
		if (*p == '#' || *p == '!' || *p == '\r' || *p == '\n') {
			p = next_line(p);
			continue;
		}
		leat_buf_reset(&name);
		leat_buf_reset(&skipped);
		p = skip_blanks(read_part(p, "=: \t\f\r\n", &name));
		if (*p == '=' || *p == ':')
			p = skip_blanks(p + 1);
		got = leat_buf_cstr(&name);
		found = got != NULL && strcmp(got, key) == 0;
		/* As in Java, the last one of a key counts. */
		if (found) {
			leat_buf_reset(to);
			rc = 0;
		}
		p = next_line(read_part(p, "\r\n", found ? to : &skipped));
	}
	leat_buf_fini(&name);
	leat_buf_fini(&skipped);
	return rc;
}
