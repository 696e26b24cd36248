/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_write.c: values to JSON text.
 */
#include <leat/json.h>

#include "sdk/lib/float.h"
#include "sdk/lib/scan.h"

/* Writes the escape of one byte; its length. Upper-case hex, as Jackson. */
static size_t
put_escape(uint8_t *to, uint8_t c)
{
	static const char letters[] = "btn?fr";	/* of 8, 9, 10, -, 12, 13 */
	static const char hex[] = "0123456789ABCDEF";

	to[0] = '\\';
	if (c == '"' || c == '\\') {
		to[1] = c;
		return 2;
	}
	if (c >= 8 && c <= 13 && c != 11) {
		to[1] = (uint8_t)letters[c - 8];
		return 2;
	}
	memcpy(to + 1, "u00", 3);
	to[4] = (uint8_t)hex[c >> 4];
	to[5] = (uint8_t)hex[c & 15];
	return 6;
}

/*
 * Room is made for the text as if nothing had to be escaped, and more of it at
 * each escape: `room` always covers what is left and the closing quote.
 */
int
leat_json_add_string(struct leat_buf *b, const char *s, size_t len)
{
	const uint8_t *p = (const uint8_t *)s, *end = p + len;
	uint8_t *to;
	size_t run;

	if (len > SIZE_MAX - 16 ||
	    (to = leat_buf_reserve(b, len + 2)) == NULL) {
		b->failed = true;
		return -1;
	}
	*to++ = '"';
	for (;;) {
		run = scan_json(p, (size_t)(end - p), 0);
		memcpy(to, p, run);
		to += run;
		p += run;
		if (p == end)
			break;
		b->len = (size_t)(to - b->data);
		to = leat_buf_reserve(b, 6 + (size_t)(end - p));
		if (to == NULL)
			return -1;
		to += put_escape(to, *p++);
	}
	*to++ = '"';
	b->len = (size_t)(to - b->data);
	return 0;
}

/* NaN and the infinities; the sign bit and the class decide. */
static int
add_not_finite(struct leat_buf *b, double v)
{
	if (__builtin_isnan(v))
		return leat_buf_add_str(b, "\"NaN\"");
	return leat_buf_add_str(b, v < 0 ? "\"-Infinity\"" : "\"Infinity\"");
}

int
leat_json_add_f64(struct leat_buf *b, double v)
{
	char text[LEAT_FLOAT_TEXT];

	if (!__builtin_isfinite(v))
		return add_not_finite(b, v);
	return leat_buf_add(b, text, leat_f64_to_text(text, v));
}

int
leat_json_add_f32(struct leat_buf *b, float v)
{
	char text[LEAT_FLOAT_TEXT];

	if (!__builtin_isfinite(v))
		return add_not_finite(b, (double)v);
	return leat_buf_add(b, text, leat_f32_to_text(text, v));
}

/* ----------------------------------------------------------------- values */

static int add_value(struct leat_buf *b, const struct leat_value *v,
    int depth);

static int
add_bytes(struct leat_buf *b, const struct leat_value *v)
{
	size_t n = leat_base64_len(v->len);
	uint8_t *to = leat_buf_reserve(b, n + 2);

	if (to == NULL)
		return -1;
	to[0] = '"';
	leat_base64_encode((char *)to + 1, v->u.b, v->len);
	to[n + 1] = '"';
	b->len += n + 2;
	return 0;
}

static int
add_items(struct leat_buf *b, const struct leat_value *items, uint32_t n,
    int depth)
{
	uint32_t i;

	if (leat_buf_add_byte(b, '[') < 0)
		return -1;
	for (i = 0; i < n; i++) {
		if (i > 0 && leat_buf_add_byte(b, ',') < 0)
			return -1;
		if (add_value(b, &items[i], depth + 1) < 0)
			return -1;
	}
	return leat_buf_add_byte(b, ']');
}

static int
add_object(struct leat_buf *b, const struct leat_value *v, int depth)
{
	const struct leat_value *kv = v->u.items;
	uint32_t i;

	if (leat_buf_add_byte(b, '{') < 0)
		return -1;
	for (i = 0; i < v->len; i++, kv += 2) {
		if (i > 0 && leat_buf_add_byte(b, ',') < 0)
			return -1;
		if (leat_json_add_string(b, kv->u.s, kv->len) < 0 ||
		    leat_buf_add_byte(b, ':') < 0 ||
		    add_value(b, kv + 1, depth + 1) < 0)
			return -1;
	}
	return leat_buf_add_byte(b, '}');
}

static int
add_pairs(struct leat_buf *b, const struct leat_value *v, int depth)
{
	uint32_t i;

	if (leat_buf_add_byte(b, '[') < 0)
		return -1;
	for (i = 0; i < v->len; i++) {
		if (i > 0 && leat_buf_add_byte(b, ',') < 0)
			return -1;
		if (add_items(b, &v->u.items[(size_t)i * 2], 2, depth + 1) < 0)
			return -1;
	}
	return leat_buf_add_byte(b, ']');
}

/* An object if all keys are strings, else an array of [key, value] pairs. */
static int
add_map(struct leat_buf *b, const struct leat_value *v, int depth)
{
	uint32_t i;

	for (i = 0; i < v->len; i++)
		if (v->u.items[(size_t)i * 2].kind != LEAT_STRING)
			return add_pairs(b, v, depth);
	return add_object(b, v, depth);
}

static int
add_value(struct leat_buf *b, const struct leat_value *v, int depth)
{
	if (depth > LEAT_JSON_DEPTH) {
		b->failed = true;
		return -1;
	}
	switch (v->kind) {
	case LEAT_BOOLEAN:
		return leat_buf_add_str(b, v->u.i != 0 ? "true" : "false");
	case LEAT_INT8:
	case LEAT_INT16:
	case LEAT_INT32:
	case LEAT_INT64:
		return leat_buf_add_i64(b, v->u.i);
	case LEAT_FLOAT32:
		return leat_json_add_f32(b, (float)v->u.f);
	case LEAT_FLOAT64:
		return leat_json_add_f64(b, v->u.f);
	case LEAT_STRING:
		return leat_json_add_string(b, v->u.s, v->len);
	case LEAT_BYTES:
		return add_bytes(b, v);
	case LEAT_MAP:
		return add_map(b, v, depth);
	case LEAT_ARRAY:
	case LEAT_STRUCT:	/* without its schema there are no names */
		return add_items(b, v->u.items, v->len, depth);
	default:
		return leat_buf_add_str(b, "null");
	}
}

int
leat_json_add_value(struct leat_buf *b, const struct leat_value *v)
{
	return add_value(b, v, 0);
}
