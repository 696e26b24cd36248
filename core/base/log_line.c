/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_line.c: rendering, as text (logfmt values) and as JSON.
 */
#include "core/base/log_line.h"

#include <stdio.h>
#include <string.h>

#include <leat/str.h>

#include "core/base/obj.h"

/* Kept free for closing quotes and what the writer of the line appends. */
enum { RESERVE = 64, NUMBER_MAX = 16 };

static const char hex[] = "0123456789abcdef";

static size_t
room(const struct log_line *l)
{
	size_t most = sizeof(l->text) - RESERVE;

	return l->len < most ? most - l->len : 0;
}

/* Adds bytes if they fit; only closing ones may use the reserve. */
static void
put(struct log_line *l, const char *s, size_t n)
{
	if (n <= room(l)) {
		memcpy(l->text + l->len, s, n);
		l->len += n;
	}
}

static void
put_str(struct log_line *l, const char *s)
{
	put(l, s, strlen(s));
}

static void
put_end(struct log_line *l, char c)
{
	if (l->len < sizeof(l->text) - RESERVE / 2)
		l->text[l->len++] = c;
}

/* Control characters: a value must not start a line or move a cursor. */
static void
put_control(struct log_line *l, unsigned char c, bool json)
{
	char esc[7] = "\\u00xx";

	if (c == '\n') {
		put(l, "\\n", 2);
	} else if (c == '\t') {
		put(l, "\\t", 2);
	} else if (c == '\r') {
		put(l, "\\r", 2);
	} else if (json) {
		esc[4] = hex[c >> 4];
		esc[5] = hex[c & 15];
		put(l, esc, 6);
	} else {
		esc[1] = 'x';
		esc[2] = hex[c >> 4];
		esc[3] = hex[c & 15];
		put(l, esc, 4);
	}
}

/* Bytes of a UTF-8 character that begins with c. */
static size_t
char_len(unsigned char c)
{
	if (c < 0x80)
		return 1;
	if (c < 0xe0)
		return 2;
	return c < 0xf0 ? 3 : 4;
}

/* One character of a quoted string. Returns the bytes consumed. */
static size_t
put_char(struct log_line *l, const char *s, size_t left, bool json)
{
	unsigned char c = (unsigned char)*s;
	size_t n = char_len(c);

	if (c < 0x20 || c == 0x7f) {
		put_control(l, c, json);
	} else if (c == '"' || c == '\\') {
		put(l, "\\", 1);
		put(l, s, 1);
	} else if (n > left || (n > 1 && !leat_utf8_valid(s, n))) {
		put(l, "?", 1);
		return 1;
	} else {
		put(l, s, n);
	}
	return n;
}

static void
put_quoted(struct log_line *l, const char *s, size_t n, bool json)
{
	put(l, "\"", 1);
	for (size_t i = 0; i < n && room(l) >= 8;)
		i += put_char(l, s + i, n - i, json);
	put_end(l, '"');
}

static void
put_number(struct log_line *l, int32_t n)
{
	char text[NUMBER_MAX];

	(void)snprintf(text, sizeof(text), "%d", n);
	put_str(l, text);
}

/* ---------------------------------------------------------------- fields */

static bool
is_key_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

/* The length of "key" when s begins with "key=", else 0. */
static size_t
key_len(const char *s)
{
	size_t n = 0;

	while (is_key_char(s[n]))
		n++;
	return s[n] == '=' ? n : 0;
}

/* Cuts the next field off; ends at a mark, or before " key=". */
static struct leat_str
next_field(const char **rest, bool marked)
{
	const char *start, *end;

	while (**rest == ' ' || **rest == LOG_FIELD_MARK)
		(*rest)++;
	start = *rest;
	for (end = start; *end != '\0'; end++) {
		if (marked ? *end == LOG_FIELD_MARK :
		    (*end == ' ' && key_len(end + 1) > 0))
			break;
	}
	*rest = end;
	while (end > start && end[-1] == ' ')
		end--;
	return (struct leat_str){ start, (size_t)(end - start) };
}

static struct leat_str
unquote(struct leat_str v)
{
	if (v.len >= 2 && v.ptr[0] == '"' && v.ptr[v.len - 1] == '"')
		return (struct leat_str){ v.ptr + 1, v.len - 2 };
	return v;
}

static bool
is_plain(struct leat_str v)
{
	for (size_t i = 0; i < v.len; i++) {
		unsigned char c = (unsigned char)v.ptr[i];

		if (c <= 0x20 || c == '"' || c == '\\' || c == 0x7f)
			return false;
	}
	return v.len > 0 && leat_utf8_valid(v.ptr, v.len);
}

/* Keys of the line itself: a field of that name gets a "_". */
static bool
is_own_key(struct leat_str key)
{
	static const char *const own[] = { "ts", "level", "component",
	    "connector", "task", "msg", "repeated" };

	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		if (leat_str_eq_c(key, own[i]))
			return true;
	return false;
}

static void
put_field(struct log_line *l, struct leat_str field, bool json)
{
	size_t n = field.len == 0 ? 0 : key_len(field.ptr);
	struct leat_str key = n > 0 && n < field.len ?
	    (struct leat_str){ field.ptr, n } : LEAT_STR("info");
	struct leat_str value = n > 0 && n < field.len ?
	    unquote((struct leat_str){ field.ptr + n + 1, field.len - n - 1 }) :
	    field;

	if (field.len == 0 || room(l) < key.len + 16)
		return;
	put_str(l, json ? ",\"" : " ");
	put(l, key.ptr, key.len);
	if (json && is_own_key(key))
		put(l, "_", 1);
	put_str(l, json ? "\":" : "=");
	if (json || !is_plain(value))
		put_quoted(l, value.ptr, value.len, json);
	else
		put(l, value.ptr, MIN(value.len, room(l)));
}

static void
put_fields(struct log_line *l, const char *fields, bool json)
{
	bool marked = strchr(fields, LOG_FIELD_MARK) != NULL;

	while (*fields != '\0')
		put_field(l, next_field(&fields, marked), json);
}

bool
log_line_mark(char *to, size_t size, const char *fmt)
{
	size_t n = 0;

	for (const char *p = fmt; *p != '\0'; p++) {
		if ((p == fmt || p[-1] == ' ') && key_len(p) > 0) {
			if (n + 1 >= size)
				return false;
			to[n++] = LOG_FIELD_MARK;
		}
		if (n + 1 >= size)
			return false;
		to[n++] = *p;
	}
	to[n] = '\0';
	return true;
}

/* ----------------------------------------------------------------- lines */

static void
put_object_text(struct log_line *l, const struct logger *lg)
{
	put(l, "[", 1);
	put_str(l, lg->connector != NULL ? lg->connector : lg->component);
	if (lg->task >= 0) {
		put(l, "-", 1);
		put_number(l, lg->task);
	}
	put(l, "] ", 2);
}

static void
render_text(struct log_line *l, const struct logger *lg,
    enum log_level level, const char *msg)
{
	char word[NUMBER_MAX];

	(void)snprintf(word, sizeof(word), "%-5s ", log_level_name(level));
	put_str(l, word);
	put_object_text(l, lg);
	for (; *msg != '\0'; msg++) {
		if ((unsigned char)*msg < 0x20)
			put_control(l, (unsigned char)*msg, false);
		else
			put(l, msg, 1);
	}
}

static void
put_member(struct log_line *l, const char *name, const char *value)
{
	put_str(l, ",\"");
	put_str(l, name);
	put_str(l, "\":");
	put_quoted(l, value, strlen(value), true);
}

static void
render_json(struct log_line *l, const struct logger *lg,
    enum log_level level, const char *msg)
{
	put_member(l, "level", log_level_name(level));
	put_member(l, "component", lg->component);
	if (lg->connector != NULL)
		put_member(l, "connector", lg->connector);
	if (lg->task >= 0) {
		put_str(l, ",\"task\":");
		put_number(l, lg->task);
	}
	put_member(l, "msg", msg);
}

void
log_line_render(struct log_line *to, enum log_format format,
    const struct logger *lg, enum log_level level, const char *msg,
    const char *fields)
{
	bool json = format == LOG_FORMAT_JSON;

	to->len = 0;
	if (json)
		render_json(to, lg, level, msg);
	else
		render_text(to, lg, level, msg);
	if (fields != NULL)
		put_fields(to, fields, json);
}
