/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema.c: plain schemas, their equality and hash.
 */
#include <leat/schema.h>

#include "sdk/lib/schema_hash.h"

#include <leat/str.h>

/* clang-format off */
#define PLAIN(k) { { .kind = LEAT_##k }, { .kind = LEAT_##k, .optional = 1 } }
/* clang-format on */

const struct leat_schema *
leat_schema_plain(int kind, int optional)
{
	static const struct leat_schema plain[][2] = {
		PLAIN(BOOLEAN), PLAIN(INT8), PLAIN(INT16), PLAIN(INT32),
		PLAIN(INT64), PLAIN(FLOAT32), PLAIN(FLOAT64), PLAIN(STRING),
		PLAIN(BYTES)
	};

	if (kind < LEAT_BOOLEAN || kind > LEAT_BYTES)
		return NULL;
	return &plain[kind - LEAT_BOOLEAN][optional != 0];
}

/* name_len is known in interned schemas only. */
static int
is_named(const struct leat_schema *s, const struct leat_field *f,
    const char *name, size_t len)
{
	if (s->interned)
		return f->name_len == len && memcmp(f->name, name, len) == 0;
	return strcmp(f->name, name) == 0;
}

int32_t
leat_schema_field(const struct leat_schema *s, const char *name)
{
	size_t len = strlen(name);
	uint32_t i;

	for (i = 0; i < s->nfields; i++)
		if (is_named(s, &s->fields[i], name, len))
			return (int32_t)i;
	return -1;
}

/* --------------------------------------------------------------- equality */

static int
text_equal(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return a == b || strcmp(a, b) == 0;
}

static int value_equal(const struct leat_value *a, const struct leat_value *b,
    int depth);

static int
items_equal(const struct leat_value *a, const struct leat_value *b,
    size_t n, int depth)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!value_equal(&a->u.items[i], &b->u.items[i], depth + 1))
			return 0;
	return 1;
}

/* Floats are compared by their bits: NaN equals NaN, 0.0 is not -0.0. */
static int
value_equal(const struct leat_value *a, const struct leat_value *b, int depth)
{
	if (depth > LEAT_SCHEMA_DEPTH || a->kind != b->kind)
		return 0;
	switch (a->kind) {
	case LEAT_NULL:
		return 1;
	case LEAT_STRING:
	case LEAT_BYTES:
		return a->len == b->len &&
		    (a->len == 0 || memcmp(a->u.b, b->u.b, a->len) == 0);
	case LEAT_ARRAY:
	case LEAT_STRUCT:
		return a->len == b->len && items_equal(a, b, a->len, depth);
	case LEAT_MAP:
		return a->len == b->len &&
		    items_equal(a, b, (size_t)a->len * 2, depth);
	default:
		return a->u.i == b->u.i;
	}
}

static int
params_equal(const struct leat_schema *a, const struct leat_schema *b)
{
	uint32_t i;

	for (i = 0; i < a->nparams; i++)
		if (!text_equal(a->params[i].key, b->params[i].key) ||
		    !text_equal(a->params[i].value, b->params[i].value))
			return 0;
	return 1;
}

/* All but the parts: children and fields. */
static int
head_equal(const struct leat_schema *a, const struct leat_schema *b)
{
	return a->kind == b->kind && a->optional == b->optional &&
	    a->has_default == b->has_default && a->version == b->version &&
	    a->nparams == b->nparams && a->nfields == b->nfields &&
	    text_equal(a->name, b->name) && text_equal(a->doc, b->doc) &&
	    params_equal(a, b) &&
	    (!a->has_default || value_equal(&a->def, &b->def, 0));
}

static int
equal(const struct leat_schema *a, const struct leat_schema *b, int depth)
{
	uint32_t i;

	if (a == b)
		return 1;
	if (a == NULL || b == NULL || depth > LEAT_SCHEMA_DEPTH ||
	    !head_equal(a, b))
		return 0;
	if (!equal(a->key, b->key, depth + 1) ||
	    !equal(a->elem, b->elem, depth + 1))
		return 0;
	for (i = 0; i < a->nfields; i++)
		if (!text_equal(a->fields[i].name, b->fields[i].name) ||
		    !equal(a->fields[i].schema, b->fields[i].schema,
		    depth + 1))
			return 0;
	return 1;
}

int
leat_schema_equal(const struct leat_schema *a, const struct leat_schema *b)
{
	return equal(a, b, 0);
}

/* ------------------------------------------------------------------- hash */

static uint64_t
hash_text(const char *s, uint64_t h)
{
	return s == NULL ? leat_hash("", 0, h + 1) :
	    leat_hash(s, strlen(s), h);
}

/* Defaults are rarely all that differs: the outermost level will do. */
static uint64_t
hash_default(const struct leat_schema *s, uint64_t h)
{
	const struct leat_value *v = &s->def;

	if (v->kind == LEAT_STRING || v->kind == LEAT_BYTES)
		return leat_hash(v->u.b, v->len, h);
	if (v->kind >= LEAT_ARRAY || v->kind == LEAT_NULL)
		return h + v->len;
	return leat_hash(&v->u.i, sizeof(v->u.i), h);
}

uint64_t
schema_hash_head(const struct leat_schema *s)
{
	int64_t fixed[] = { s->kind, s->optional, s->has_default, s->version,
	    s->nparams, s->nfields };
	uint64_t h = leat_hash(fixed, sizeof(fixed), 0);
	uint32_t i;

	h = hash_text(s->name, h);
	h = hash_text(s->doc, h);
	for (i = 0; i < s->nparams; i++)
		h = hash_text(s->params[i].value,
		    hash_text(s->params[i].key, h));
	for (i = 0; i < s->nfields; i++)
		h = hash_text(s->fields[i].name, h);
	return s->has_default ? hash_default(s, h) : h;
}

static uint64_t
hash(const struct leat_schema *s, int depth)
{
	uint64_t h;
	uint32_t i;

	if (s == NULL || depth > LEAT_SCHEMA_DEPTH)
		return SCHEMA_HASH_NONE;
	h = schema_hash_head(s);
	h = schema_hash_mix(h, hash(s->key, depth + 1));
	h = schema_hash_mix(h, hash(s->elem, depth + 1));
	for (i = 0; i < s->nfields; i++)
		h = schema_hash_mix(h, hash(s->fields[i].schema, depth + 1));
	return h;
}

uint64_t
leat_schema_hash(const struct leat_schema *s)
{
	return hash(s, 0);
}
