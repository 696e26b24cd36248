/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_shape.c: first the schema is inferred and interned, then the value is
 * made to fit it. Depth is bounded by the JSON parser's.
 */
#include "core/record/transforms/json_shape.h"

#include <string.h>

#include <leat/json.h>

#include "core/record/transforms/edit.h"

/* What an inference needs at every step. */
struct infer {
	const struct json_shape *js;
	struct leat_arena *arena;
	struct leat_err *err;
};

/* NULL without an error is "unknown": a null, or an empty list. */
static int infer(struct infer *in, const char *name,
    const struct leat_value *v, const struct leat_schema **ret);
static int unite(struct infer *in, const struct leat_schema *a,
    const struct leat_schema *b, const struct leat_schema **ret);

static int
no_memory(const struct infer *in)
{
	return record_no_memory(in->arena, in->err);
}

/* ------------------------------------------------------------------- lists */

static int
list_of(struct infer *in, const struct leat_schema *elem,
    const struct leat_schema **ret)
{
	const struct leat_schema s = { .kind = LEAT_ARRAY, .optional = 1,
	    .elem = elem };

	*ret = leat_arena_memdup(in->arena, &s, sizeof(s));
	return *ret == NULL ? no_memory(in) : 0;
}

static int
infer_list(struct infer *in, const char *name, const struct leat_value *v,
    const struct leat_schema **ret)
{
	const struct leat_schema *elem = NULL, *s;
	uint32_t i;

	*ret = NULL;
	if (v->len == 0)
		return in->js->keep_empty_lists
		    ? list_of(in, leat_schema_plain(LEAT_STRING, 1), ret)
		    : 0;
	for (i = 0; i < v->len; i++) {
		const struct leat_value *e = &v->u.items[i];

		/* Lists within lists have no way to them. */
		if (infer(in, e->kind == LEAT_MAP ? name : NULL, e, &s) < 0 ||
		    unite(in, elem, s, &elem) < 0)
			return in->err->code;
	}
	if (elem == NULL)
		return record_error(in->err, "a list of nothing but nulls or "
		    "empty lists");
	return list_of(in, elem, ret);
}

/* ----------------------------------------------------------------- objects */

static int32_t
find_field(const struct leat_field *f, uint32_t n, struct leat_str name)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		if (f[i].name_len == name.len &&
		    memcmp(f[i].name, name.ptr, name.len) == 0)
			return (int32_t)i;
	return -1;
}

static int
struct_of(struct infer *in, const char *name, const struct leat_field *f,
    uint32_t n, const struct leat_schema **ret)
{
	const struct leat_schema s = { .kind = LEAT_STRUCT, .optional = 1,
	    .name = name, .fields = f, .nfields = n };

	*ret = leat_arena_memdup(in->arena, &s, sizeof(s));
	return *ret == NULL ? no_memory(in) : 0;
}

/* One member; of several with one name the last counts. */
static int
infer_member(struct infer *in, const char *name, const struct leat_value *kv,
    struct leat_field *f, uint32_t *n)
{
	const struct leat_str key = { kv->u.s, kv->len };
	const int32_t at = find_field(f, *n, key);
	const struct leat_schema *s;
	const char *path, *copy;

	copy = leat_arena_strndup(in->arena, key.ptr, key.len);
	path = name == NULL ? copy
	    : leat_arena_printf(in->arena, "%s.%s", name, copy);
	if (copy == NULL || path == NULL)
		return no_memory(in);
	if (strlen(copy) != key.len)
		return record_error(in->err, "a member's name holds a NUL");
	if (infer(in, path, &kv[1], &s) < 0)
		return in->err->code;
	if (at >= 0 && s != NULL)
		f[at].schema = s;
	else if (at >= 0)
		memmove(&f[at], &f[at + 1],
		    (--*n - (uint32_t)at) * sizeof(*f));
	else if (s != NULL)
		f[(*n)++] = (struct leat_field){ .name = copy, .schema = s,
		    .name_len = (uint32_t)key.len };
	return 0;
}

static int
too_many(const struct infer *in)
{
	return record_error(in->err, "an object of more than %d members",
	    JSON_SHAPE_MEMBERS);
}

static int
infer_object(struct infer *in, const char *name, const struct leat_value *v,
    const struct leat_schema **ret)
{
	struct leat_field *f;
	uint32_t i, n = 0;

	if (v->len > JSON_SHAPE_MEMBERS)
		return too_many(in);
	f = leat_arena_calloc(in->arena, v->len, sizeof(*f));
	if (f == NULL)
		return no_memory(in);
	for (i = 0; i < v->len; i++)
		if (infer_member(in, name, &v->u.items[(size_t)i * 2], f, &n) <
		    0)
			return in->err->code;
	return struct_of(in, name, f, n, ret);
}

/* --------------------------------------------------------------- inference */

static int
infer(struct infer *in, const char *name, const struct leat_value *v,
    const struct leat_schema **ret)
{
	int kind = v->kind;

	switch (kind) {
	case LEAT_NULL:
		*ret = in->js->keep_nulls ? leat_schema_plain(LEAT_BYTES, 1)
		    : NULL;
		return 0;
	case LEAT_ARRAY:
		return infer_list(in, name, v, ret);
	case LEAT_MAP:
		return infer_object(in, name, v, ret);
	case LEAT_INT64:
		if (v->u.i >= INT32_MIN && v->u.i <= INT32_MAX)
			kind = LEAT_INT32;
		break;
	}
	*ret = leat_schema_plain(kind, 1);
	return 0;
}

static int
unite_structs(struct infer *in, const struct leat_schema *a,
    const struct leat_schema *b, const struct leat_schema **ret)
{
	const uint32_t most = a->nfields + b->nfields;
	struct leat_field *f;
	uint32_t i, n = a->nfields;

	f = leat_arena_calloc(in->arena, most, sizeof(*f));
	if (f == NULL)
		return no_memory(in);
	if (n > 0)
		memcpy(f, a->fields, n * sizeof(*f));
	for (i = 0; i < b->nfields; i++) {
		const struct leat_field *g = &b->fields[i];
		const int32_t at = find_field(f, a->nfields,
		    (struct leat_str){ g->name, g->name_len });

		if (at < 0)
			f[n++] = *g;
		else if (unite(in, f[at].schema, g->schema, &f[at].schema) < 0)
			return in->err->code;
	}
	return n > JSON_SHAPE_MEMBERS ? too_many(in)
	    : struct_of(in, a->name, f, n, ret);
}

/* A null is whatever the others are. */
static bool
is_null(const struct leat_schema *s)
{
	return s == NULL || s->kind == LEAT_BYTES;
}

static int
unite(struct infer *in, const struct leat_schema *a,
    const struct leat_schema *b, const struct leat_schema **ret)
{
	const struct leat_schema *elem;

	if (is_null(a) || is_null(b)) {
		*ret = b == NULL || (is_null(b) && a != NULL) ? a : b;
		return 0;
	}
	if (leat_schema_equal(a, b)) {
		*ret = a;
		return 0;
	}
	if (a->kind != b->kind || a->kind < LEAT_ARRAY)
		return record_error(in->err, "a list holds both %s and %s",
		    leat_kind_name(a->kind), leat_kind_name(b->kind));
	if (a->kind == LEAT_STRUCT)
		return unite_structs(in, a, b, ret);
	if (unite(in, a->elem, b->elem, &elem) < 0)
		return in->err->code;
	return list_of(in, elem, ret);
}

/* ------------------------------------------------------------------ values */

static int fit(const struct leat_schema *s, const struct leat_value *v,
    struct leat_arena *arena, struct leat_value *ret, struct leat_err *err);

static int
fit_list(const struct leat_schema *s, const struct leat_value *v,
    struct leat_arena *arena, struct leat_value *ret, struct leat_err *err)
{
	struct leat_value *items;
	uint32_t i;
	int rc = 0;

	items = leat_arena_calloc(arena, v->len, sizeof(*items));
	if (items == NULL)
		return record_no_memory(arena, err);
	for (i = 0; rc == 0 && i < v->len; i++)
		rc = fit(s->elem, &v->u.items[i], arena, &items[i], err);
	*ret = leat_items(LEAT_ARRAY, items, v->len);
	return rc;
}

static int
fit_object(const struct leat_schema *s, const struct leat_value *v,
    struct leat_arena *arena, struct leat_value *ret, struct leat_err *err)
{
	struct leat_value *items;
	uint32_t i;
	int rc = 0;

	items = leat_arena_calloc(arena, s->nfields, sizeof(*items));
	if (items == NULL)
		return record_no_memory(arena, err);
	for (i = 0; rc == 0 && i < v->len; i++) {
		const struct leat_value *kv = &v->u.items[(size_t)i * 2];
		const int32_t at = find_field(s->fields, s->nfields,
		    (struct leat_str){ kv->u.s, kv->len });

		if (at >= 0)
			rc = fit(s->fields[at].schema, &kv[1], arena,
			    &items[at], err);
	}
	*ret = leat_items(LEAT_STRUCT, items, s->nfields);
	return rc;
}

/* What the schema left out is null. */
static int
fit(const struct leat_schema *s, const struct leat_value *v,
    struct leat_arena *arena, struct leat_value *ret, struct leat_err *err)
{
	*ret = leat_null();
	if (v->kind == LEAT_ARRAY && s->kind == LEAT_ARRAY)
		return fit_list(s, v, arena, ret, err);
	if (v->kind == LEAT_MAP && s->kind == LEAT_STRUCT)
		return fit_object(s, v, arena, ret, err);
	if (v->kind == s->kind || (v->kind == LEAT_INT64 && s->kind ==
	    LEAT_INT32)) {
		*ret = *v;
		ret->kind = s->kind;
	}
	return 0;
}

/* --------------------------------------------------------------- the whole */

static const struct leat_schema *
intern(struct json_shape *js, const struct leat_schema *s,
    struct leat_err *err)
{
	const uint32_t before = leat_schema_pool_count(js->pool);

	if (js->nschemas >= JSON_SHAPE_SCHEMAS) {
		record_error(err, "the JSON so far had more than %d different "
		    "shapes",
		    JSON_SHAPE_SCHEMAS);
		return NULL;
	}
	s = leat_schema_pool_intern(js->pool, s, err);
	js->nschemas += leat_schema_pool_count(js->pool) - before;
	return s;
}

int
json_shape_parse(struct json_shape *js, const char *name,
    struct leat_str text, struct leat_arena *arena,
    const struct leat_schema **ret_schema, struct leat_value *ret_value,
    struct leat_err *err)
{
	struct infer in = { .js = js, .arena = arena, .err = err };
	const struct leat_schema *s;
	struct leat_value doc;
	int rc;

	if (text.len == 0 || (text.ptr[0] != '{' && text.ptr[0] != '['))
		return record_error(err, "the text begins neither with '{' "
		    "nor with '['");
	rc = leat_json_parse(arena, text.ptr, text.len, &doc, err);
	if (rc < 0)
		return rc;
	rc = infer(&in, name, &doc, &s);
	if (rc == 0 && s == NULL)
		rc = record_error(err, "an empty list");
	if (rc < 0)
		return rc;
	s = intern(js, s, err);
	if (s == NULL)
		return err->code;
	*ret_schema = s;
	return fit(s, &doc, arena, ret_value, err);
}
