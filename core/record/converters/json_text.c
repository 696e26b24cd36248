/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_text.c: the rarer half of writing JSON strings, where bytes are escaped.
 */
#include "core/record/converters/json_text.h"

#include <leat/json.h>

uint8_t *
json_put_escaped(uint8_t *p, const uint8_t *s, size_t n)
{
	const uint8_t *end = s + n;
	size_t run;

	while (s < end) {
		p += leat_json_escape(p, s, (size_t)(end - s), &run);
		s += run;
		run = json_copy_plain(p, s, (size_t)(end - s));
		p += run;
		s += run;
	}
	return p;
}
