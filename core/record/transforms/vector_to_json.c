/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vector_to_json.c: Debezium's VectorToJsonConverter: columns that are vectors
 * (of pgvector) as JSON text, for targets that know no vectors.
 */
#include <stdlib.h>
#include <string.h>

#include <leat/buf.h>

#include "core/record/transforms/classes.h"
#include "core/record/transforms/edit.h"
#include "core/record/value_text.h"

#define JSON_TYPE "io.debezium.data.Json"
#define SPARSE_TYPE "io.debezium.data.SparseDoubleVector"

enum { TEXT_MAX = 64 << 20 };

/* Of a struct's schema: what comes out, the same if it has no vectors. */
struct vector_plan {
	const struct leat_schema *out;
};

struct vectors {
	struct plans plans;
	struct leat_buf text;
};

static int
vectors_init(struct transform *t, struct leat_err *err)
{
	struct vectors *self = t->self;

	leat_buf_init(&self->text, TEXT_MAX);
	return 0;
}

static bool
is_vector(const struct leat_schema *s)
{
	return schema_is(s, "io.debezium.data.DoubleVector") ||
	    schema_is(s, "io.debezium.data.FloatVector");
}

/* ----------------------------------------------------------------- schemas */

static const struct leat_schema *map_struct(struct transform *t,
    const struct leat_schema *s, struct leat_err *err);

static const struct leat_schema *
map_field(struct transform *t, const struct leat_schema *s,
    struct leat_err *err)
{
	if (is_vector(s) || schema_is(s, SPARSE_TYPE))
		return schema_named(t, LEAT_STRING, JSON_TYPE, s->optional,
		    err);
	return s->kind == LEAT_STRUCT ? map_struct(t, s, err) : s;
}

static const struct leat_schema *
make_struct(struct transform *t, const struct leat_schema *s,
    struct leat_err *err)
{
	struct leat_schema out = *s;
	struct leat_arena work;
	struct leat_field *f;
	const struct leat_schema *ret = NULL;
	bool same = true;
	uint32_t i;

	leat_arena_init(&work, 4096, 0);
	f = leat_arena_memdup(&work, s->fields, s->nfields * sizeof(*f));
	for (i = 0; f != NULL && i < s->nfields; i++) {
		f[i].schema = map_field(t, s->fields[i].schema, err);
		if (f[i].schema == NULL)
			goto done;
		same = same && f[i].schema == s->fields[i].schema;
	}
	out.interned = 0;
	out.fields = f;
	if (f == NULL)
		record_no_memory(&work, err);
	else
		ret = same ? s : leat_schema_pool_intern(t->pool, &out, err);
done:
	leat_arena_fini(&work);
	return ret;
}

/* Depth is bounded by the schema's. */
static const struct leat_schema *
map_struct(struct transform *t, const struct leat_schema *s,
    struct leat_err *err)
{
	struct vectors *self = t->self;
	struct vector_plan *p = plans_get(&self->plans, s);
	const struct leat_schema *out;

	if (p != NULL)
		return p->out;
	out = make_struct(t, s, err);
	if (out == NULL)
		return NULL;
	p = malloc(sizeof(*p));
	if (p != NULL) {
		p->out = out;
		if (plans_put(&self->plans, s, p) == 0)
			return out;
	}
	free(p);
	leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
	return NULL;
}

/* ------------------------------------------------------------------- texts */

static int
add_list(struct leat_buf *b, const struct leat_value *v, struct leat_err *err)
{
	uint32_t i;

	leat_buf_printf(b, "{ \"values\": [");
	for (i = 0; i < v->len; i++) {
		if (i > 0)
			leat_buf_printf(b, ", ");
		if (value_text_java(NULL, &v->u.items[i], b, err) < 0)
			return err->code;
	}
	leat_buf_printf(b, "] }");
	return 0;
}

static int
by_index(const void *a, const void *b)
{
	const struct leat_value *x = a, *y = b;

	return (x->u.i > y->u.i) - (x->u.i < y->u.i);
}

/* {dimensions, vector: {index: value}}, in the order of the indexes. */
static int
add_sparse(struct leat_buf *b, const struct leat_value *v,
    struct leat_arena *arena, struct leat_err *err)
{
	const struct leat_value *map = &v->u.items[1];
	struct leat_value *pairs;
	uint32_t i;

	if (v->len < 2 || map->kind != LEAT_MAP)
		return record_error(err, "a sparse vector without its map");
	pairs = leat_arena_memdup(arena, map->u.items,
	    (size_t)map->len * 2 * sizeof(*pairs));
	if (pairs == NULL)
		return record_no_memory(arena, err);
	qsort(pairs, map->len, 2 * sizeof(*pairs), by_index);
	leat_buf_printf(b, "{ \"dimensions\": %lld, \"vector\": { ",
	    (long long)v->u.items[0].u.i);
	for (i = 0; i < map->len; i++) {
		leat_buf_printf(b, "%s\"%lld\": ", i > 0 ? ", " : "",
		    (long long)pairs[(size_t)i * 2].u.i);
		if (value_text_java(NULL, &pairs[(size_t)i * 2 + 1], b, err) <
		    0)
			return err->code;
	}
	leat_buf_printf(b, " } }");
	return 0;
}

static int
to_text(struct vectors *self, struct leat_value *v, struct leat_arena *arena,
    struct leat_err *err)
{
	struct leat_buf *b = &self->text;
	const char *copy;
	int rc;

	leat_buf_reset(b);
	rc = v->kind == LEAT_ARRAY ? add_list(b, v, err)
	    : add_sparse(b, v, arena, err);
	if (rc < 0)
		return rc;
	if (b->failed)
		return record_buf_failed(b, "a vector", err);
	copy = leat_arena_strndup(arena, (const char *)b->data, b->len);
	if (copy == NULL)
		return record_no_memory(arena, err);
	*v = leat_string(copy, b->len);
	return 0;
}

/* ---------------------------------------------------------------- applying */

static int
convert(struct transform *t, const struct leat_schema *s,
    struct leat_value *v, struct leat_arena *arena, struct leat_err *err)
{
	const struct leat_schema *out = map_struct(t, s, err);
	struct leat_value *items;
	uint32_t i;
	int rc = 0;

	if (out == NULL)
		return err->code;
	if (out == s || v->kind != LEAT_STRUCT || v->len != s->nfields)
		return 0;
	items = leat_arena_memdup(arena, v->u.items, v->len * sizeof(*items));
	if (items == NULL)
		return record_no_memory(arena, err);
	for (i = 0; rc == 0 && i < v->len; i++) {
		const struct leat_schema *f = s->fields[i].schema;

		if (items[i].kind == LEAT_NULL)
			continue;
		if (is_vector(f) || schema_is(f, SPARSE_TYPE))
			rc = to_text(t->self, &items[i], arena, err);
		else if (f->kind == LEAT_STRUCT)
			rc = convert(t, f, &items[i], arena, err);
	}
	*v = leat_items(LEAT_STRUCT, items, v->len);
	return rc;
}

static int
vectors_apply(struct transform *t, struct leat_record *rec,
    struct leat_arena *arena, bool *keep, struct leat_err *err)
{
	const struct leat_schema *s = rec->value_schema;

	if (s == NULL || s->kind != LEAT_STRUCT ||
	    rec->value.kind != LEAT_STRUCT)
		return 0;
	if (convert(t, s, &rec->value, arena, err) < 0)
		return err->code;
	rec->value_schema = map_struct(t, s, err);
	return 0;
}

static void
vectors_fini(struct transform *t)
{
	struct vectors *self = t->self;

	plans_fini(&self->plans);
	leat_buf_fini(&self->text);
}

const struct transform_class transform_vector_to_json = {
	.name = "io.debezium.transforms.VectorToJsonConverter",
	.on_null = NULL_PASSES,
	.self_size = sizeof(struct vectors),
	.init = vectors_init,
	.apply = vectors_apply,
	.fini = vectors_fini,
};
