/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_scan.c: tokens of JSON (RFC 8259).
 */
#include "core/record/converters/json_scan.h"

#include <stdint.h>
#include <string.h>

#include <leat/json.h>

#include "core/record/memory.h"

void
json_scan_init(struct json_scan *s, struct leat_str text,
    struct leat_arena *arena, struct leat_err *err)
{
	s->p = s->start = text.ptr;
	s->end = text.ptr + text.len;
	s->arena = arena;
	s->err = err;
}

int
json_scan_fail(struct json_scan *s, const char *what)
{
	return leat_err_set(s->err, LEAT_CLS_RECORD, LEAT_E_PARSE,
	    "Converting byte[] to Kafka Connect data failed due to "
	    "serialization error: %s at byte %zu", what,
	    (size_t)(s->p - s->start));
}

bool
json_scan_word(struct json_scan *s, const char *word, size_t len)
{
	if ((size_t)(s->end - s->p) < len || memcmp(s->p, word, len) != 0)
		return false;
	s->p += len;
	return true;
}

/* ------------------------------------------------------------------ strings */

/* The end of what needs no look: the next quote, backslash or control byte. */
static const char *
plain_end(const char *p, const char *end)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t v, quote, slash;

	for (; end - p >= 8; p += 8) {
		memcpy(&v, p, 8);
		quote = v ^ ones * '"';
		slash = v ^ ones * '\\';
		if ((((v - ones * 0x20) | ((quote - ones) & ~quote) |
		    ((slash - ones) & ~slash)) & ~v & ones << 7) != 0)
			break;
	}
	while (p < end && (unsigned char)*p >= 0x20 && *p != '"' &&
	    *p != '\\')
		p++;
	return p;
}

static int
hex4(const char *p, const char *end)
{
	int v = 0, i;

	if (end - p < 4)
		return -1;
	for (i = 0; i < 4; i++) {
		char c = p[i];

		if (c >= '0' && c <= '9')
			v = v * 16 + c - '0';
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			v = v * 16 + (c | 32) - 'a' + 10;
		else
			return -1;
	}
	return v;
}

static char *
put_utf8(char *to, unsigned long c)
{
	if (c < 0x80) {
		*to++ = (char)c;
	} else if (c < 0x800) {
		*to++ = (char)(0xc0 | c >> 6);
		*to++ = (char)(0x80 | (c & 63));
	} else if (c < 0x10000) {
		*to++ = (char)(0xe0 | c >> 12);
		*to++ = (char)(0x80 | (c >> 6 & 63));
		*to++ = (char)(0x80 | (c & 63));
	} else {
		*to++ = (char)(0xf0 | c >> 18);
		*to++ = (char)(0x80 | (c >> 12 & 63));
		*to++ = (char)(0x80 | (c >> 6 & 63));
		*to++ = (char)(0x80 | (c & 63));
	}
	return to;
}

/* \uXXXX, with the second half of a pair; at the X. */
static char *
unescape_hex(struct json_scan *s, char *to)
{
	int hi = hex4(s->p, s->end), lo;

	if (hi < 0)
		return NULL;
	s->p += 4;
	if (hi < 0xd800 || hi > 0xdfff)
		return put_utf8(to, (unsigned long)hi);
	if (hi > 0xdbff || s->end - s->p < 6 || s->p[0] != '\\' ||
	    s->p[1] != 'u')
		return NULL;
	lo = hex4(s->p + 2, s->end);
	if (lo < 0xdc00 || lo > 0xdfff)
		return NULL;
	s->p += 6;
	return put_utf8(to, 0x10000ul + ((unsigned long)(hi - 0xd800) << 10) +
	    (unsigned long)(lo - 0xdc00));
}

/* One escape, at the byte behind the backslash. */
static char *
unescape(struct json_scan *s, char *to)
{
	static const char from[] = "\"\\/bfnrt";
	static const char what[] = "\"\\/\b\f\n\r\t";
	const char *at;

	if (s->p == s->end)
		return NULL;
	if (*s->p == 'u') {
		s->p++;
		return unescape_hex(s, to);
	}
	at = memchr(from, *s->p, sizeof(from) - 1);
	if (at == NULL)
		return NULL;
	s->p++;
	*to++ = what[at - from];
	return to;
}

/* The closing quote of a string that has escapes; s->p is inside it. */
static const char *
closing_quote(const struct json_scan *s)
{
	const char *p = s->p;

	while ((p = plain_end(p, s->end)) < s->end && *p == '\\')
		p += p + 1 < s->end ? 2 : 1;
	return p;
}

int
json_scan_string(struct json_scan *s, struct leat_str *ret_text)
{
	const char *begin = ++s->p, *end = plain_end(begin, s->end);
	char *text, *to;

	if (end < s->end && *end == '"') {
		*ret_text = (struct leat_str){ begin, (size_t)(end - begin) };
		s->p = end + 1;
		return 0;
	}
	text = leat_arena_alloc(s->arena, (size_t)(closing_quote(s) - begin));
	if (text == NULL)
		return record_no_memory(s->arena, s->err);
	for (to = text;;) {
		end = plain_end(s->p, s->end);
		memcpy(to, s->p, (size_t)(end - s->p));
		to += end - s->p;
		s->p = end;
		if (s->p == s->end)
			return json_scan_fail(s, "a string has no end");
		if (*s->p == '"')
			break;
		if (*s->p++ != '\\')
			return json_scan_fail(s, "control character in text");
		to = unescape(s, to);
		if (to == NULL)
			return json_scan_fail(s, "bad escape");
	}
	s->p++;
	*ret_text = (struct leat_str){ text, (size_t)(to - text) };
	return 0;
}

/* ------------------------------------------------------------------ numbers */

static const char *
digits_end(const char *p, const char *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

int
json_scan_number(struct json_scan *s, struct leat_str *ret_text,
    bool *ret_integer)
{
	const char *begin = s->p, *p = s->p, *from;
	bool integer = true;

	if (p < s->end && *p == '-')
		p++;
	from = p;
	p = digits_end(p, s->end);
	if (p == from || (*from == '0' && p - from > 1))
		return json_scan_fail(s, "not a JSON value");
	if (p < s->end && *p == '.') {
		integer = false;
		from = ++p;
		p = digits_end(p, s->end);
		if (p == from)
			return json_scan_fail(s, "bad number");
	}
	if (p < s->end && (*p == 'e' || *p == 'E')) {
		integer = false;
		p++;
		if (p < s->end && (*p == '+' || *p == '-'))
			p++;
		from = p;
		p = digits_end(p, s->end);
		if (p == from)
			return json_scan_fail(s, "bad number");
	}
	s->p = p;
	*ret_text = (struct leat_str){ begin, (size_t)(p - begin) };
	*ret_integer = integer;
	return 0;
}

/* --------------------------------------------------------------- structures */

int
json_scan_elem(struct json_scan *s, bool *first)
{
	const char c = json_scan_peek(s);

	if (c == ']') {
		s->p++;
		return 0;
	}
	if (!*first) {
		if (c != ',')
			return json_scan_fail(s, "',' or ']' expected");
		s->p++;
		if (json_scan_peek(s) == ']')
			return json_scan_fail(s, "a value expected");
	}
	*first = false;
	return 1;
}

int
json_scan_member(struct json_scan *s, bool *first, struct leat_str *ret_name)
{
	char c = json_scan_peek(s);

	if (c == '}') {
		s->p++;
		return 0;
	}
	if (!*first) {
		if (c != ',')
			return json_scan_fail(s, "',' or '}' expected");
		s->p++;
		c = json_scan_peek(s);
	}
	*first = false;
	if (c != '"')
		return json_scan_fail(s, "a member's name expected");
	if (json_scan_string(s, ret_name) < 0)
		return -1;
	if (json_scan_peek(s) != ':')
		return json_scan_fail(s, "':' expected");
	s->p++;
	json_scan_space(s);
	return 1;
}

static int skip(struct json_scan *s, int depth);

static int
skip_object(struct json_scan *s, int depth)
{
	struct leat_str name;
	bool first = true;
	int rc;

	s->p++;
	while ((rc = json_scan_member(s, &first, &name)) > 0)
		if (skip(s, depth + 1) < 0)
			return -1;
	return rc;
}

static int
skip_array(struct json_scan *s, int depth)
{
	bool first = true;
	int rc;

	s->p++;
	while ((rc = json_scan_elem(s, &first)) > 0)
		if (skip(s, depth + 1) < 0)
			return -1;
	return rc;
}

static int
skip(struct json_scan *s, int depth)
{
	struct leat_str text;
	bool integer;

	if (depth > LEAT_JSON_DEPTH)
		return json_scan_fail(s, "nested too deep");
	switch (json_scan_peek(s)) {
	case '{':
		return skip_object(s, depth);
	case '[':
		return skip_array(s, depth);
	case '"':
		return json_scan_string(s, &text);
	case 'n':
		if (json_scan_word(s, "null", 4))
			return 0;
		break;
	case 't':
		if (json_scan_word(s, "true", 4))
			return 0;
		break;
	case 'f':
		if (json_scan_word(s, "false", 5))
			return 0;
		break;
	default:
		return json_scan_number(s, &text, &integer);
	}
	return json_scan_fail(s, "not a JSON value");
}

int
json_scan_skip(struct json_scan *s, struct leat_str *ret_text)
{
	const char *begin;

	json_scan_space(s);
	begin = s->p;
	if (skip(s, 0) < 0)
		return -1;
	*ret_text = (struct leat_str){ begin, (size_t)(s->p - begin) };
	return 0;
}

int
json_scan_end(struct json_scan *s)
{
	json_scan_space(s);
	return s->p == s->end ? 0
	    : json_scan_fail(s, "more text behind the value");
}
