/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_copy_text.c: see pg_copy_text.h.
 */
#include "pg_copy_text.h"

#include <string.h>

static char
unescaped(char c)
{
	switch (c) {
	case 'b': return '\b';
	case 'f': return '\f';
	case 'n': return '\n';
	case 'r': return '\r';
	case 't': return '\t';
	case 'v': return '\v';
	default: return c;
	}
}

/* From the first backslash on; returns the end of what was written. */
static char *
unescape(char *from, const char *end)
{
	char *to = from;

	while (from < end) {
		if (*from == '\\' && from + 1 < end) {
			*to++ = unescaped(from[1]);
			from += 2;
		} else {
			*to++ = *from++;
		}
	}
	return to;
}

static void
set_column(struct pgo_column *c, char *p, char *end)
{
	char *esc;

	if (end - p == 2 && p[0] == '\\' && p[1] == 'N') {
		*c = (struct pgo_column){ .kind = PGO_NULL };
		return;
	}
	esc = memchr(p, '\\', (size_t)(end - p));
	if (esc != NULL)
		end = unescape(esc, end);
	c->kind = PGO_TEXT;
	c->data = p;
	c->len = (uint32_t)(end - p);
}

int
pg_copy_split(char *line, size_t len, struct pgo_column *cols, uint32_t most)
{
	char *p = line, *end;
	uint32_t n = 0;

	if (len > 0 && line[len - 1] == '\n')
		len--;
	end = line + len;
	for (;;) {
		char *tab = memchr(p, '\t', (size_t)(end - p));

		if (n == most)
			return -1;
		set_column(&cols[n++], p, tab == NULL ? end : tab);
		if (tab == NULL)
			return (int)n;
		p = tab + 1;
	}
}

