/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_write.c: values to JSON text.
 */
#include <leat/json.h>

#include "sdk/lib/float.h"
#include "sdk/lib/scan.h"

static const char hex[] = "0123456789ABCDEF";

/* \uXXXX */
static uint8_t *
put_unit(uint8_t *to, uint32_t unit)
{
	*to++ = '\\';
	*to++ = 'u';
	for (int shift = 12; shift >= 0; shift -= 4)
		*to++ = (uint8_t)hex[unit >> shift & 15];
	return to;
}

size_t
leat_json_escape(uint8_t *to, const uint8_t *s, size_t n, size_t *ret_read)
{
	static const char letters[] = "btn?fr";	/* of 8, 9, 10, -, 12, 13 */
	uint8_t c = s[0];
	uint32_t u;

	*ret_read = 1;
	if (c >= 0xf0 && scan_utf8_char(s, n) == 4) {
		u = ((c & 7u) << 18 | (s[1] & 63u) << 12 | (s[2] & 63u) << 6 |
		    (s[3] & 63u)) - 0x10000;
		*ret_read = 4;
		put_unit(put_unit(to, 0xd800 | u >> 10), 0xdc00 | (u & 0x3ff));
		return 12;
	}
	if (c >= 0x80) {
		to[0] = c;
		return 1;
	}
	if (c != '"' && c != '\\' && (c < 8 || c > 13 || c == 11)) {
		put_unit(to, c);
		return 6;
	}
	to[0] = '\\';
	to[1] = c == '"' || c == '\\' ? c : (uint8_t)letters[c - 8];
	return 2;
}

/*
 * Room is made for the text as if nothing had to be escaped, and more of it at
 * each escape: `room` always covers what is left and the closing quote.
 */
int
leat_json_add_string(struct leat_buf *b, const char *s, size_t len)
{
	const uint8_t *p = (const uint8_t *)(len > 0 ? s : "");
	const uint8_t *end = p + len;
	uint8_t *to;
	size_t run;

	if (len > SIZE_MAX - 16 ||
	    (to = leat_buf_reserve(b, len + 2)) == NULL) {
		b->failed = true;
		return -1;
	}
	*to++ = '"';
	for (;;) {
		run = scan_copy_json(to, p, (size_t)(end - p));
		to += run;
		p += run;
		if (p == end)
			break;
		b->len = (size_t)(to - b->data);
		to = leat_buf_reserve(b, LEAT_JSON_ESCAPE_MAX +
		    (size_t)(end - p));
		if (to == NULL)
			return -1;
		to += leat_json_escape(to, p, (size_t)(end - p), &run);
		p += run;
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

/* Where the writing of a value stands. */
struct writer {
	struct leat_buf *buf;
	bool canonical;		/* members in the order of their names */
	int depth;
};

static int add_value(struct writer *w, const struct leat_value *v);

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
add_items(struct writer *w, const struct leat_value *items, uint32_t n)
{
	uint32_t i;

	if (leat_buf_add_byte(w->buf, '[') < 0)
		return -1;
	for (i = 0; i < n; i++) {
		if (i > 0 && leat_buf_add_byte(w->buf, ',') < 0)
			return -1;
		if (add_value(w, &items[i]) < 0)
			return -1;
	}
	return leat_buf_add_byte(w->buf, ']');
}

static int
add_member(struct writer *w, const struct leat_value *kv)
{
	if (leat_json_add_string(w->buf, kv->u.s, kv->len) < 0 ||
	    leat_buf_add_byte(w->buf, ':') < 0)
		return -1;
	return add_value(w, kv + 1);
}

static int
add_object(struct writer *w, const struct leat_value *v)
{
	uint32_t i;

	if (leat_buf_add_byte(w->buf, '{') < 0)
		return -1;
	for (i = 0; i < v->len; i++) {
		if (i > 0 && leat_buf_add_byte(w->buf, ',') < 0)
			return -1;
		if (add_member(w, &v->u.items[(size_t)i * 2]) < 0)
			return -1;
	}
	return leat_buf_add_byte(w->buf, '}');
}

static int
compare_names(const struct leat_value *a, const struct leat_value *b)
{
	uint32_t n = a->len < b->len ? a->len : b->len;
	int rc = n == 0 ? 0 : memcmp(a->u.s, b->u.s, n);

	return rc != 0 ? rc : (a->len > b->len) - (a->len < b->len);
}

/* The member with the least name above `last`'s; of equal ones the last. */
static const struct leat_value *
next_member(const struct leat_value *v, const struct leat_value *last)
{
	const struct leat_value *best = NULL, *kv = v->u.items;
	uint32_t i;

	for (i = 0; i < v->len; i++, kv += 2)
		if ((last == NULL || compare_names(kv, last) > 0) &&
		    (best == NULL || compare_names(kv, best) <= 0))
			best = kv;
	return best;
}

static int
add_sorted(struct writer *w, const struct leat_value *v)
{
	const struct leat_value *kv = NULL;
	uint8_t before = '{';

	while ((kv = next_member(v, kv)) != NULL) {
		if (leat_buf_add_byte(w->buf, before) < 0 ||
		    add_member(w, kv) < 0)
			return -1;
		before = ',';
	}
	if (before == '{' && leat_buf_add_byte(w->buf, '{') < 0)
		return -1;
	return leat_buf_add_byte(w->buf, '}');
}

static int
add_pairs(struct writer *w, const struct leat_value *v)
{
	uint32_t i;

	if (leat_buf_add_byte(w->buf, '[') < 0)
		return -1;
	for (i = 0; i < v->len; i++) {
		if (i > 0 && leat_buf_add_byte(w->buf, ',') < 0)
			return -1;
		if (add_items(w, &v->u.items[(size_t)i * 2], 2) < 0)
			return -1;
	}
	return leat_buf_add_byte(w->buf, ']');
}

/* An object if all keys are strings, else an array of [key, value] pairs. */
static int
add_map(struct writer *w, const struct leat_value *v)
{
	uint32_t i;

	for (i = 0; i < v->len; i++)
		if (v->u.items[(size_t)i * 2].kind != LEAT_STRING)
			return add_pairs(w, v);
	return w->canonical ? add_sorted(w, v) : add_object(w, v);
}

static int
add_container(struct writer *w, const struct leat_value *v)
{
	int rc;

	if (w->depth == LEAT_JSON_DEPTH) {
		w->buf->failed = true;
		return -1;
	}
	w->depth++;
	rc = v->kind == LEAT_MAP ? add_map(w, v) :
	    add_items(w, v->u.items, v->len);
	w->depth--;
	return rc;
}

static int
add_value(struct writer *w, const struct leat_value *v)
{
	switch (v->kind) {
	case LEAT_BOOLEAN:
		return leat_buf_add_str(w->buf, v->u.i != 0 ? "true" : "false");
	case LEAT_INT8:
	case LEAT_INT16:
	case LEAT_INT32:
	case LEAT_INT64:
		return leat_buf_add_i64(w->buf, v->u.i);
	case LEAT_FLOAT32:
		return leat_json_add_f32(w->buf, (float)v->u.f);
	case LEAT_FLOAT64:
		return leat_json_add_f64(w->buf, v->u.f);
	case LEAT_STRING:
		return leat_json_add_string(w->buf, v->u.s, v->len);
	case LEAT_BYTES:
		return add_bytes(w->buf, v);
	case LEAT_ARRAY:
	case LEAT_MAP:
	case LEAT_STRUCT:	/* without its schema there are no names */
		return add_container(w, v);
	default:
		return leat_buf_add_str(w->buf, "null");
	}
}

int
leat_json_add_value(struct leat_buf *b, const struct leat_value *v)
{
	struct writer w = { b, false, 0 };

	return add_value(&w, v);
}

int
leat_json_add_canonical(struct leat_buf *b, const struct leat_value *v)
{
	struct writer w = { b, true, 0 };

	return add_value(&w, v);
}
