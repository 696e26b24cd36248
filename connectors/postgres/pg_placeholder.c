/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_placeholder.c: what stands for a large value that an update left alone.
 *
 * unavailable.value.placeholder is a text; its bytes stand for bytea, its
 * bytes as numbers for arrays of integers, and so on. A type that cannot hold
 * any of these has no placeholder.
 */
#include "pg_type_rows.h"

#include <errno.h>
#include <string.h>

#include <leat/buf.h>
#include <leat/json.h>

#include "pg_digest.h"

/* The option's text as bytes: itself, or what hex: spells. */
static struct leat_str
placeholder_bytes(struct pg_type_build *b)
{
	const char *text = b->env->cfg->placeholder;
	struct leat_str s = leat_str_c(text);
	char *hex;
	int64_t n;

	if (!leat_str_starts(s, "hex:"))
		return s;
	hex = leat_arena_strdup(b->a, text + 4);
	n = hex == NULL ? -1 : pg_hex_decode(hex, (uint32_t)strlen(hex));
	return n < 0 ? s : (struct leat_str){ hex, (size_t)n };
}

static int
set(struct pg_type *ty, struct leat_value v)
{
	ty->placeholder = v;
	ty->has_placeholder = 1;
	return 0;
}

static int
set_items(struct pg_type_build *b, uint8_t kind, struct leat_value one,
    size_t nvalues)
{
	struct leat_value *item = leat_arena_calloc(b->a, nvalues,
	    sizeof(*item));

	if (item == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < nvalues; i++)
		item[i] = one;
	return set(b->ty, leat_items(kind, item, 1));
}

/* Java's bytes have a sign. */
static int
set_numbers(struct pg_type_build *b, struct leat_str text, uint8_t kind)
{
	struct leat_value *item = leat_arena_calloc(b->a, text.len,
	    sizeof(*item));

	if (item == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < text.len; i++) {
		item[i] = leat_i64((signed char)text.ptr[i]);
		item[i].kind = kind;
	}
	return set(b->ty, leat_items(LEAT_ARRAY, item, text.len));
}

/* A UUID that follows from the text (version 3). */
static int
set_uuids(struct pg_type_build *b, struct leat_str text)
{
	static const char hex[] = "0123456789abcdef";
	uint8_t h[PG_DIGEST_MAX];
	char *s = leat_arena_alloc(b->a, 36), *to = s;

	if (s == NULL)
		return -ENOMEM;
	if (pg_digest("MD5", (struct leat_str){ "", 0 }, text, h) != 16)
		return 0;
	h[6] = (h[6] & 0x0f) | 0x30;
	h[8] = (h[8] & 0x3f) | 0x80;
	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*to++ = '-';
		*to++ = hex[h[i] >> 4];
		*to++ = hex[h[i] & 15];
	}
	return set_items(b, LEAT_ARRAY, leat_string(s, 36), 1);
}

static int
set_array(struct pg_type_build *b, struct leat_str text)
{
	const struct pg_type *e = b->ty->elem;
	uint8_t kind = e->schema.kind;

	if ((kind == LEAT_INT32 || kind == LEAT_INT64) &&
	    (e->schema.name == NULL || e->conv == pg_conv_date))
		return set_numbers(b, text, kind);
	if (e->category == PG_CAT_UUID)
		return set_uuids(b, text);
	return e->has_placeholder ? set_items(b, LEAT_ARRAY, e->placeholder,
	    1) : 0;
}

static int
set_bytes(struct pg_type_build *b, struct leat_str text)
{
	struct pg_arena_batch ab;
	struct leat_value v;

	/* Hex is the one text form in which it stays readable. */
	if (b->ty->mode == PG_BINARY_HEX)
		return set(b->ty, leat_string(text.ptr, text.len));
	pg_arena_batch_init(&ab, b->a);
	if (pg_binary_value(b->ty->mode, text.ptr, text.len, &ab.b, &v) < 0)
		return -ENOMEM;
	return set(b->ty, v);
}

/* An object with the text as its one member's name and value. */
static int
set_json_object(struct pg_type_build *b, struct leat_str text)
{
	struct leat_buf buf;
	const char *json;

	leat_buf_init(&buf, text.len * 12 + 64);
	(void)leat_buf_add_byte(&buf, '{');
	(void)leat_json_add_string(&buf, text.ptr, text.len);
	(void)leat_buf_add_byte(&buf, ':');
	(void)leat_json_add_string(&buf, text.ptr, text.len);
	(void)leat_buf_add_byte(&buf, '}');
	json = buf.failed ? NULL : leat_arena_strndup(b->a,
	    (const char *)buf.data, buf.len);
	leat_buf_fini(&buf);
	return json == NULL ? -ENOMEM : set(b->ty, leat_cstring(json));
}

int
pg_type_set_placeholder(struct pg_type_build *b)
{
	struct pg_type *ty = b->ty;
	struct leat_str text;

	if (b->env->cfg->placeholder == NULL)
		return 0;
	text = placeholder_bytes(b);
	if (ty->category == PG_CAT_BINARY)
		return set_bytes(b, text);
	if (ty->conv == pg_conv_hstore_json)
		return set_json_object(b, text);
	if (ty->schema.kind == LEAT_STRING && ty->category == PG_CAT_TEXT)
		return set(ty, leat_string(text.ptr, text.len));
	if (ty->schema.kind == LEAT_MAP)
		return set_items(b, LEAT_MAP, leat_string(text.ptr, text.len),
		    2);
	return ty->schema.kind == LEAT_ARRAY && ty->conv == pg_conv_array ?
	    set_array(b, text) : 0;
}
