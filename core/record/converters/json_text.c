/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_text.c: the rarer half of writing JSON strings, where bytes are escaped.
 */
#include "core/record/converters/json_text.h"

static uint8_t *
put_escape(uint8_t *p, uint8_t c)
{
	static const char letters[] = "btn?fr";	/* of 8, 9, 10, -, 12, 13 */
	static const char hex[] = "0123456789ABCDEF";

	*p++ = '\\';
	if (c == '"' || c == '\\') {
		*p++ = c;
	} else if (c >= 8 && c <= 13 && c != 11) {
		*p++ = (uint8_t)letters[c - 8];
	} else {
		memcpy(p, "u00", 3);
		p[3] = (uint8_t)hex[c >> 4];
		p[4] = (uint8_t)hex[c & 15];
		p += 5;
	}
	return p;
}

uint8_t *
json_put_escaped(uint8_t *p, const uint8_t *s, size_t n)
{
	const uint8_t *end = s + n;
	size_t run;

	while (s < end) {
		p = put_escape(p, *s++);
		run = json_copy_plain(p, s, (size_t)(end - s));
		p += run;
		s += run;
	}
	return p;
}
