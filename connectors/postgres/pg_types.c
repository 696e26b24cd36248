/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_types.c: how a column's type is resolved: built-in types and extensions'
 * by the table in pg_type_rows.c; enums, domains and arrays by what the catalog
 * says.
 */
#include "pg_types.h"

#include <errno.h>
#include <string.h>

#include <leat/str.h>

#include "pg_type_rows.h"

/* --------------------------------------------------------------- resolving */

static struct leat_value
plain_fallback(uint8_t kind)
{
	switch (kind) {
	case LEAT_STRING: return leat_string("", 0);
	case LEAT_BYTES: return leat_bytes("", 0);
	default: return (struct leat_value){ .kind = kind };
	}
}

/* The option's text as bytes: itself, or what hex: spells. */
static struct leat_str
placeholder_bytes(struct pg_type_build *b)
{
	const char *text = b->env->cfg->placeholder;
	struct leat_str s = leat_str_c(text);
	char *hex;
	struct leat_value v;
	struct pg_type raw = { .mode = PG_BINARY_BYTES };
	struct pg_arena_batch ab;

	if (!leat_str_starts(s, "hex:"))
		return s;
	pg_arena_batch_init(&ab, b->a);
	hex = leat_arena_printf(b->a, "\\x%s", text + 4);
	if (hex == NULL || pg_conv_bytea(&raw, hex, (uint32_t)strlen(hex),
	    &ab.b, &v) < 0)
		return s;
	return (struct leat_str){ v.u.s, v.len };
}

/* One text, or the placeholder's bytes as numbers. */
static int
array_placeholder(struct pg_type_build *b, struct leat_str text)
{
	static const char uuid[] = "b68a35a7-17ad-35b3-af2a-ae46edb4545a";
	const struct pg_type *e = b->ty->elem;
	uint8_t kind = e->schema.kind;
	int numbers = (kind == LEAT_INT32 || kind == LEAT_INT64) &&
	    (e->schema.name == NULL || e->conv == pg_conv_date);
	size_t n = numbers ? text.len : 1;
	struct leat_value *item = leat_arena_calloc(b->a, n, sizeof(*item));

	if (item == NULL)
		return -ENOMEM;
	item[0] = leat_string(text.ptr, text.len);
	for (size_t i = 0; numbers && i < n; i++) {
		item[i] = leat_i64((unsigned char)text.ptr[i]);
		item[i].kind = kind;
	}
	/* The name-based UUID of the default text; others have none. */
	if (e->category == PG_CAT_UUID &&
	    leat_str_eq_c(text, "__debezium_unavailable_value"))
		item[0] = leat_cstring(uuid);
	else if (!numbers && e->category != PG_CAT_TEXT)
		return 0;
	b->ty->placeholder = leat_items(LEAT_ARRAY, item, n);
	b->ty->has_placeholder = 1;
	return 0;
}

/* What stands for an unchanged large value of this type, where anything can. */
static int
set_placeholder(struct pg_type_build *b)
{
	struct pg_type *ty = b->ty;
	struct pg_arena_batch ab;
	struct leat_value *item;
	struct leat_str text;

	if (b->env->cfg->placeholder == NULL)
		return 0;
	text = placeholder_bytes(b);
	if (ty->category == PG_CAT_BINARY) {
		pg_arena_batch_init(&ab, b->a);
		ty->has_placeholder = 1;
		return pg_binary_value(ty->mode, text.ptr, text.len, &ab.b,
		    &ty->placeholder);
	}
	if (ty->schema.kind == LEAT_STRING && ty->category == PG_CAT_TEXT) {
		ty->has_placeholder = 1;
		ty->placeholder = leat_string(text.ptr, text.len);
	} else if (ty->schema.kind == LEAT_MAP) {
		item = leat_arena_calloc(b->a, 2, sizeof(*item));
		if (item == NULL)
			return -ENOMEM;
		item[0] = item[1] = leat_string(text.ptr, text.len);
		ty->has_placeholder = 1;
		ty->placeholder = leat_items(LEAT_MAP, item, 1);
	} else if (ty->schema.kind == LEAT_ARRAY && ty->elem != NULL) {
		return array_placeholder(b, text);
	}
	return 0;
}

static int
no_memory(struct leat_err *err)
{
	return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
}

static struct pg_type *
type_of_row(struct pg_type_build *b, const struct pg_type_row *row)
{
	struct pg_type *ty = leat_arena_calloc(b->a, 1, sizeof(*ty));

	if (ty == NULL)
		return NULL;
	b->ty = ty;
	ty->conv = row->conv;
	ty->category = row->category;
	ty->fallback = plain_fallback(row->kind);
	pg_type_set_schema(b, row->kind, row->schema_name);
	if (row->make != NULL && row->make(b) < 0)
		return NULL;
	return set_placeholder(b) < 0 ? NULL : ty;
}

static struct pg_type *
type_of_enum(struct pg_type_build *b)
{
	const struct pg_typeinfo *info = b->info;
	struct pg_type *ty = leat_arena_calloc(b->a, 1, sizeof(*ty));
	const char *pairs[2] = { "allowed", NULL };
	size_t len = 1;
	char *list, *p;

	for (uint32_t i = 0; i < info->nlabels; i++)
		len += info->labels[i].len + 1;
	list = p = leat_arena_alloc(b->a, len);
	if (ty == NULL || list == NULL)
		return NULL;
	for (uint32_t i = 0; i < info->nlabels; i++) {
		if (i > 0)
			*p++ = ',';
		memcpy(p, info->labels[i].ptr, info->labels[i].len);
		p += info->labels[i].len;
	}
	*p = '\0';
	pairs[1] = list;
	b->ty = ty;
	ty->conv = pg_conv_enum;
	ty->labels = info->labels;
	ty->nlabels = info->nlabels;
	ty->fallback = leat_string("", 0);
	pg_type_set_schema(b, LEAT_STRING, "io.debezium.data.Enum");
	return pg_type_set_params(b, 1, pairs) < 0 ? NULL : ty;
}

static struct pg_type *
type_of_array(struct pg_type_build *b, const struct pg_type *elem)
{
	struct pg_type *ty = leat_arena_calloc(b->a, 1, sizeof(*ty));
	struct leat_schema *es = leat_arena_memdup(b->a, &elem->schema,
	    sizeof(elem->schema));

	if (ty == NULL || es == NULL)
		return NULL;
	es->optional = 1;
	b->ty = ty;
	ty->conv = pg_conv_array;
	ty->elem = elem;
	ty->fallback = leat_items(LEAT_ARRAY, NULL, 0);
	pg_type_set_schema(b, LEAT_ARRAY, NULL);
	ty->schema.elem = es;
	return set_placeholder(b) < 0 ? NULL : ty;
}

static int
unknown_type(struct pg_type_build *b, const struct pg_type **ret,
    struct leat_err *err)
{
	*ret = NULL;
	if (!b->env->cfg->include_unknown)
		return 0;
	*ret = type_of_row(b, &pg_type_row_unknown);
	return *ret == NULL ? no_memory(err) : 0;
}

static int resolve(struct pg_type_build *b, uint32_t oid, int depth,
    const struct pg_type **ret, struct leat_err *err);

static int
resolve_array(struct pg_type_build *b, uint32_t elem_oid, int depth,
    const struct pg_type **ret, struct leat_err *err)
{
	const struct pg_type *elem = NULL;
	int32_t unknown = b->env->cfg->include_unknown;
	int rc = resolve(b, elem_oid, depth + 1, &elem, err);

	if (rc < 0)
		return rc;
	if (elem == NULL || (unknown && elem->conv == pg_conv_unknown))
		return unknown_type(b, ret, err);
	*ret = type_of_array(b, elem);
	return *ret == NULL ? no_memory(err) : 0;
}

/* Types that are not built in: ask the catalog. */
static int
resolve_other(struct pg_type_build *b, uint32_t oid, int depth,
    const struct pg_type **ret, struct leat_err *err)
{
	struct pg_typeinfo info = { 0 };
	const struct pg_type_row *row;
	int rc = b->env->lookup(b->env->arg, oid, b->a, &info, err);

	if (rc < 0)
		return rc;
	b->info = &info;
	row = info.name == NULL ? NULL : pg_type_row_by_name(info.name);
	if (info.typtype == 'd') {
		if (b->typmod < 0)
			b->typmod = info.base_typmod;
		/* Arrays of domains have no mapping. */
		rc = depth > 0 ? unknown_type(b, ret, err) :
		    resolve(b, info.base_oid, depth, ret, err);
	} else if (info.typtype == 'e') {
		*ret = type_of_enum(b);
		rc = *ret == NULL ? no_memory(err) : 0;
	} else if (row != NULL) {
		*ret = type_of_row(b, row);
		rc = *ret == NULL ? no_memory(err) : 0;
	} else if (info.elem_oid != 0 && depth == 0) {
		rc = resolve_array(b, info.elem_oid, depth, ret, err);
	} else {
		rc = unknown_type(b, ret, err);
	}
	b->info = NULL;
	return rc;
}

static int
resolve(struct pg_type_build *b, uint32_t oid, int depth,
    const struct pg_type **ret, struct leat_err *err)
{
	const struct pg_type_row *row = pg_type_row_by_oid(oid, 0);

	*ret = NULL;
	if (depth > 1)
		return unknown_type(b, ret, err);
	if (row != NULL) {
		*ret = type_of_row(b, row);
		return *ret == NULL ? no_memory(err) : 0;
	}
	row = depth > 0 ? NULL : pg_type_row_by_oid(oid, 1);
	if (row != NULL)
		return resolve_array(b, row->oid, depth, ret, err);
	return resolve_other(b, oid, depth, ret, err);
}

int
pg_type_resolve(const struct pg_type_env *env, uint32_t oid, int32_t typmod,
    struct leat_arena *a, const struct pg_type **ret_type,
    struct leat_err *err)
{
	struct pg_type_build b = { .env = env, .a = a, .typmod = typmod };

	return resolve(&b, oid, 0, ret_type, err);
}

/* ---------------------------------------------------------- arena as batch */

static uint8_t *
arena_grow(struct leat_batch *batch, uint64_t size)
{
	struct pg_arena_batch *ab = (struct pg_arena_batch *)(void *)batch;

	return leat_arena_alloc(ab->arena, size);
}

void
pg_arena_batch_init(struct pg_arena_batch *ab, struct leat_arena *a)
{
	*ab = (struct pg_arena_batch){ .arena = a };
	ab->host.size = sizeof(ab->host);
	ab->host.batch_grow = arena_grow;
	ab->head.host = &ab->host;
	ab->b.task = (struct leat_task *)(void *)&ab->head;
}
