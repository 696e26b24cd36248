/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema_name.c: see schema_name.h.
 */
#include "core/record/transforms/schema_name.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { ESCAPED = 6 }; /* "_u002d" */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A digit and a dot may stand anywhere but in front. */
static bool
is_allowed(enum schema_name_mode mode, char c, bool first)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
		return true;
	if (c == '_')
		return mode == SCHEMA_NAME_AVRO;
	return !first && (is_digit(c) || c == '.');
}

const char *
schema_name_adjust(enum schema_name_mode mode, const char *name,
    struct leat_arena *arena)
{
	const size_t len = strlen(name);
	char *to, *p;
	size_t i;

	if (mode == SCHEMA_NAME_AS_IS)
		return name;
	to = p = leat_arena_alloc(arena, len * ESCAPED + 1);
	if (to == NULL)
		return NULL;
	for (i = 0; i < len; i++) {
		const unsigned char c = (unsigned char)name[i];

		if (is_allowed(mode, name[i], i == 0)) {
			*p++ = name[i];
		} else if (mode == SCHEMA_NAME_UNICODE) {
			p += snprintf(p, ESCAPED + 1, "_u%04x", c);
		} else {
			*p++ = '_';
			if (i == 0 && is_digit(name[i]))
				*p++ = name[i];
		}
	}
	*p = '\0';
	return to;
}
