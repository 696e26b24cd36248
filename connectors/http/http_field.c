/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts of records, as text.
 */
#include "http_field.h"

#include <leat/json.h>

enum { TOKEN_MAX = 256 };

/* Undoes ~0 and ~1. -1 when the token is too long or malformed. */
static int
token_decode(struct leat_str in, char *out, size_t *ret_len)
{
	size_t i, n = 0;

	for (i = 0; i < in.len; i++) {
		char c = in.ptr[i];

		if (c == '~') {
			if (++i == in.len ||
			    (in.ptr[i] != '0' && in.ptr[i] != '1'))
				return -1;
			c = in.ptr[i] == '0' ? '~' : '/';
		}
		if (n == TOKEN_MAX)
			return -1;
		out[n++] = c;
	}
	*ret_len = n;
	return 0;
}

static const struct leat_value *
struct_member(const struct leat_schema **schema, const struct leat_value *v,
    struct leat_str name)
{
	const struct leat_schema *s = *schema;
	uint32_t i;

	if (s == NULL || s->nfields != v->len)
		return NULL;
	for (i = 0; i < s->nfields; i++) {
		const struct leat_field *f = &s->fields[i];

		if (f->name_len != name.len ||
		    memcmp(f->name, name.ptr, name.len) != 0)
			continue;
		*schema = f->schema;
		return &v->u.items[i];
	}
	return NULL;
}

static const struct leat_value *
map_member(const struct leat_schema **schema, const struct leat_value *v,
    struct leat_str name)
{
	const struct leat_value *found = NULL;
	uint32_t i;

	for (i = 0; i < v->len; i++) {
		const struct leat_value *k = &v->u.items[2 * i];

		if (k->kind == LEAT_STRING && k->len == name.len &&
		    memcmp(k->u.s, name.ptr, name.len) == 0)
			found = k + 1;
	}
	*schema = *schema != NULL ? (*schema)->elem : NULL;
	return found;
}

static const struct leat_value *
array_member(const struct leat_schema **schema, const struct leat_value *v,
    struct leat_str index)
{
	int64_t i;

	if (leat_parse_i64(index, 0, (int64_t)v->len - 1, &i) < 0)
		return NULL;
	*schema = *schema != NULL ? (*schema)->elem : NULL;
	return &v->u.items[i];
}

static const struct leat_value *
member(const struct leat_schema **schema, const struct leat_value *v,
    struct leat_str token)
{
	if (v->kind == LEAT_STRUCT)
		return struct_member(schema, v, token);
	if (v->kind == LEAT_MAP)
		return map_member(schema, v, token);
	if (v->kind == LEAT_ARRAY)
		return array_member(schema, v, token);
	return NULL;
}

const struct leat_value *
http_field_find(const struct leat_schema *schema, const struct leat_value *v,
    struct leat_str pointer, const struct leat_schema **ret_schema)
{
	char text[TOKEN_MAX];
	struct leat_str token;

	if (pointer.len > 0) {
		if (*pointer.ptr != '/')
			return NULL;
		pointer.ptr++;
		pointer.len--;
		for (;;) {
			const char *slash = memchr(pointer.ptr, '/',
			    pointer.len);

			token = leat_str_cut(&pointer, '/');
			if (memchr(token.ptr, '~', token.len) != NULL) {
				if (token_decode(token, text, &token.len) < 0)
					return NULL;
				token.ptr = text;
			}
			v = member(&schema, v, token);
			if (v == NULL)
				return NULL;
			if (slash == NULL)
				break;
		}
	}
	*ret_schema = schema;
	return v;
}

int
http_field_text(struct leat_buf *b, const struct leat_schema *schema,
    const struct leat_value *v)
{
	if (v->kind == LEAT_NULL)
		return 0;
	if (v->kind == LEAT_STRING)
		return leat_buf_add(b, v->u.s, v->len);
	if (v->kind == LEAT_BYTES && (schema == NULL || schema->name == NULL))
		return leat_buf_add(b, v->u.b, v->len);
	return leat_json_add_typed(b, schema, v, 0);
}

uint64_t
http_field_hash(const struct leat_value *v, uint64_t seed)
{
	uint32_t i, n = v->len;

	seed = seed * 31 + v->kind;
	if (v->kind == LEAT_STRING || v->kind == LEAT_BYTES)
		return leat_hash(v->u.b, v->len, seed);
	if (v->kind < LEAT_STRING)
		return leat_hash(&v->u.i, v->kind == LEAT_NULL ? 0 : 8, seed);
	if (v->kind == LEAT_MAP)
		n *= 2;
	for (i = 0; i < n; i++)
		seed = http_field_hash(&v->u.items[i], seed);
	return seed;
}
