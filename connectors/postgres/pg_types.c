/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_types.c: how a column's type is resolved: built-in types and extensions'
 * by the table in pg_type_rows.c; enums, domains, arrays and the rest by what
 * the catalog says.
 */
#include "pg_types.h"

#include <errno.h>
#include <string.h>

#include <leat/str.h>

#include "pg_type_rows.h"

enum {
	BOX_OID = 603,	/* the built-in type whose arrays use semicolons */
	FIRST_USER_OID = 16384,
	DIMENSIONS_MAX = 6,	/* the server's own limit */
	NESTING_MAX = 16	/* domains over arrays of domains over ... */
};

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
	ty->oid = row->oid;
	ty->typmod = b->typmod;
	/* The catalog's word, of the type or of an array or domain over it. */
	ty->delim = row->oid == BOX_OID ? ';' : ',';
	if (b->info != NULL && b->info->delim != '\0')
		ty->delim = b->info->delim;
	ty->fallback = plain_fallback(row->kind);
	pg_type_set_schema(b, row->kind, row->schema_name);
	if (row->make != NULL && row->make(b) < 0)
		return NULL;
	return pg_type_set_placeholder(b) < 0 ? NULL : ty;
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
type_of_array(struct pg_type_build *b, const struct pg_type *elem,
    int nested)
{
	struct pg_type *ty = leat_arena_calloc(b->a, 1, sizeof(*ty));
	struct leat_schema *es = leat_arena_memdup(b->a, &elem->schema,
	    sizeof(elem->schema));

	if (ty == NULL || es == NULL)
		return NULL;
	/* What is in quotes may be null; a dimension never is. */
	es->optional = 1;
	b->ty = ty;
	ty->conv = pg_conv_array;
	ty->elem = elem;
	ty->nested = nested ? elem : NULL;
	ty->delim = elem->delim == '\0' ? ',' : elem->delim;
	ty->typmod = b->typmod;
	ty->fallback = leat_items(LEAT_ARRAY, NULL, 0);
	pg_type_set_schema(b, LEAT_ARRAY, NULL);
	ty->schema.elem = es;
	return pg_type_set_placeholder(b) < 0 ? NULL : ty;
}

/* A type that Debezium leaves out, as `row` or, if asked for, as bytes. */
static int
unmapped(struct pg_type_build *b, const struct pg_type_row *row,
    const struct pg_type **ret, struct leat_err *err)
{
	*ret = NULL;
	if (b->env->cfg->include_unknown)
		row = &pg_type_row_unknown;
	if (row == NULL)
		return 0;
	*ret = type_of_row(b, row);
	return *ret == NULL ? no_memory(err) : 0;
}

static int resolve(struct pg_type_build *b, uint32_t oid, int depth,
    const struct pg_type **ret, struct leat_err *err);

static int
resolve_array(struct pg_type_build *b, uint32_t elem_oid, int depth,
    const struct pg_type **ret, struct leat_err *err)
{
	const struct pg_type *ty = NULL;
	int32_t ndims = b->ndims;
	int rc;

	b->ndims = 0;
	rc = resolve(b, elem_oid, depth + 1, &ty, err);
	*ret = NULL;
	if (rc < 0 || ty == NULL)
		return rc;
	if (b->env->cfg->array_mode == PG_ARRAY_TEXT)
		ty = type_of_row(b, &pg_type_row_text);
	else
		ty = type_of_array(b, ty, 0);
	for (int i = 1; i < ndims && i < DIMENSIONS_MAX && ty != NULL &&
	    ty->conv == pg_conv_array; i++)
		ty = type_of_array(b, ty, 1);
	*ret = ty;
	return ty == NULL ? no_memory(err) : 0;
}

static int
resolve_domain(struct pg_type_build *b, const struct pg_typeinfo *info,
    int depth, const struct pg_type **ret, struct leat_err *err)
{
	struct pg_type *ty;
	int rc;

	if (b->typmod < 0)
		b->typmod = info->base_typmod;
	if (b->ndims == 0)
		b->ndims = info->base_ndims;
	rc = resolve(b, info->base_oid, depth + 1, ret, err);
	if (rc < 0 || *ret == NULL)
		return rc;
	ty = leat_arena_memdup(b->a, *ret, sizeof(*ty));
	*ret = ty;
	if (ty == NULL)
		return no_memory(err);
	ty->is_domain = 1;
	return 0;
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
		rc = resolve_domain(b, &info, depth, ret, err);
	} else if (info.typtype == 'e') {
		*ret = type_of_enum(b);
		rc = *ret == NULL ? no_memory(err) : 0;
	} else if (info.typtype == 'b' && row != NULL) {
		*ret = type_of_row(b, row);
		rc = *ret == NULL ? no_memory(err) : 0;
	} else if (info.elem_oid != 0) {
		rc = resolve_array(b, info.elem_oid, depth, ret, err);
	} else if (info.typtype == 'c' || info.typtype == 'r' ||
	    info.typtype == 'm' || oid < FIRST_USER_OID) {
		rc = unmapped(b, &pg_type_row_text, ret, err);
	} else {
		rc = unmapped(b, NULL, ret, err);
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
	if (depth > NESTING_MAX)
		return unmapped(b, NULL, ret, err);
	if (row != NULL) {
		*ret = type_of_row(b, row);
		return *ret == NULL ? no_memory(err) : 0;
	}
	row = pg_type_row_by_oid(oid, 1);
	if (row != NULL)
		return resolve_array(b, row->oid, depth, ret, err);
	return resolve_other(b, oid, depth, ret, err);
}

int
pg_type_resolve(const struct pg_type_env *env, uint32_t oid, int32_t typmod,
    int32_t ndims, struct leat_arena *a, const struct pg_type **ret_type,
    struct leat_err *err)
{
	struct pg_type_build b = { .env = env, .a = a, .typmod = typmod,
		.ndims = ndims };

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
