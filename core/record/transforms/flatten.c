/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flatten.c: Flatten: nested structs and maps become fields "a.b".
 */
#include "core/record/transforms/classes.h"
#include "core/record/transforms/edit.h"

#define PURPOSE "flattening"

enum {
	DEPTH_MAX = 64,
	FIELDS_MAX = 10000
};

struct config {
	const char *delimiter;
	int32_t replace_null;
};

struct flatten {
	struct derived_cache cache;
};

/* clang-format off */
static const struct leat_option options[] = {
	{ "delimiter", NULL, LEAT_OPT_STRING, 0, ".", 0, 0, NULL,
	  offsetof(struct config, delimiter),
	  "Stands between the names.", "0.1" },
	{ "replace.null.with.default", NULL, LEAT_OPT_BOOL, 0, "true", 0, 0,
	  NULL, offsetof(struct config, replace_null),
	  "A null in a field that has a default becomes the default.",
	  "0.1" },
	{ .name = NULL }
};
/* clang-format on */

static const char *
join(const struct config *cfg, struct leat_arena *a, const char *prefix,
    const char *name)
{
	if (prefix == NULL)
		return name;
	return leat_arena_printf(a, "%s%s%s", prefix, cfg->delimiter, name);
}

/* ------------------------------------------------------------------ structs */

/* How many fields a struct has once it is flat; more than a limit: limit. */
static uint32_t
count_leaves(const struct leat_schema *s, int depth)
{
	uint32_t n = 0, i;

	for (i = 0; i < s->nfields && n < FIELDS_MAX; i++)
		n += s->fields[i].schema->kind != LEAT_STRUCT ||
		    depth >= DEPTH_MAX ? 1
		    : count_leaves(s->fields[i].schema, depth + 1);
	return n;
}

/* A leaf: what is optional above, or has a default there, counts for it. */
static const struct leat_schema *
leaf_schema(struct transform *t, const struct leat_schema *s, bool optional,
    const struct leat_value *def, struct leat_err *err)
{
	struct leat_schema copy = *s;

	if (s->optional == (s->optional || optional) && def == NULL)
		return s;
	copy.interned = 0;
	copy.optional = s->optional || optional;
	if (def != NULL) {
		copy.has_default = 1;
		copy.def = *def;
	}
	return leat_schema_pool_intern(t->pool, &copy, err);
}

static int
add_fields(struct transform *t, struct draft *d, const struct leat_schema *s,
    const char *prefix, bool optional, const struct leat_value *defaults,
    struct leat_err *err)
{
	uint32_t i;

	for (i = 0; i < s->nfields; i++) {
		const struct leat_field *f = &s->fields[i];
		const char *name = join(t->config, &d->work, prefix, f->name);
		const struct leat_value *def = NULL;
		int rc;

		if (name == NULL)
			return record_no_memory(&d->work, err);
		if (f->schema->has_default)
			def = &f->schema->def;
		else if (defaults != NULL && defaults->kind == LEAT_STRUCT &&
		    defaults->u.items[i].kind != LEAT_NULL)
			def = &defaults->u.items[i];
		if (f->schema->kind == LEAT_MAP)
			return record_error(err, "Flatten transformation does "
			    "not support MAP for record with schemas (for "
			    "field %s).", name);
		if (f->schema->kind == LEAT_STRUCT)
			rc = add_fields(t, d, f->schema, name,
			    optional || f->schema->optional, def, err);
		else
			rc = draft_add(d, name, leaf_schema(t, f->schema,
				optional, def, err), 0, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static struct derived *
derive(struct transform *t, const struct leat_schema *in,
    struct leat_err *err)
{
	struct flatten *self = t->self;
	struct draft d;
	uint32_t n = count_leaves(in, 0);

	if (n >= FIELDS_MAX) {
		record_error(err, "the struct has too many fields");
		return NULL;
	}
	if (draft_init(&d, in, n, err) < 0)
		return NULL;
	if (add_fields(t, &d, in, NULL, in->optional,
		in->has_default ? &in->def : NULL, err) == 0)
		return draft_finish(&d, t, &self->cache, in, err);
	draft_fini(&d);
	return NULL;
}

/* The leaves of a value in the order of the schema's; of a null all null. */
static struct leat_value *
put_leaves(const struct config *cfg, const struct leat_schema *s,
    const struct leat_value *v, struct leat_value *to)
{
	struct leat_value item;
	uint32_t i;

	for (i = 0; i < s->nfields; i++) {
		item = v->kind == LEAT_STRUCT && v->len == s->nfields
		    ? field_value(s, v, i, cfg->replace_null) : leat_null();
		if (s->fields[i].schema->kind == LEAT_STRUCT)
			to = put_leaves(cfg, s->fields[i].schema, &item, to);
		else
			*to++ = item;
	}
	return to;
}

static int
flatten_struct(struct transform *t, struct operand op,
    struct leat_arena *arena, struct leat_err *err)
{
	struct flatten *self = t->self;
	const struct leat_schema *in = *op.schema;
	struct leat_value *items;
	struct derived *d;

	if (require_struct(in, op.value, PURPOSE, err) < 0)
		return LEAT_E_DATA;
	d = derived_get(&self->cache, in);
	if (d == NULL && (d = derive(t, in, err)) == NULL)
		return LEAT_E_DATA;
	items = leat_arena_alloc(arena, d->n * sizeof(*items));
	if (items == NULL)
		return record_no_memory(arena, err);
	put_leaves(t->config, in, op.value, items);
	*op.value = leat_items(LEAT_STRUCT, items, d->n);
	*op.schema = d->out;
	return 0;
}

/* --------------------------------------------------------------------- maps */

static uint32_t
count_entries(const struct leat_value *map, int depth)
{
	uint32_t n = 0, i;

	for (i = 0; i < map->len; i++) {
		const struct leat_value *v = &map->u.items[2 * (size_t)i + 1];

		n += v->kind == LEAT_MAP && depth < DEPTH_MAX
		    ? count_entries(v, depth + 1) : 1;
	}
	return n;
}

static int
put_entries(const struct config *cfg, const struct leat_value *map,
    const char *prefix, int depth, struct leat_arena *arena,
    struct map_edit *to, struct leat_err *err)
{
	const struct leat_value *kv = map->u.items;
	const char *name;
	uint32_t i;
	int rc;

	for (i = 0; i < map->len; i++, kv += 2) {
		if (kv->kind != LEAT_STRING)
			return record_error(err, "Flatten transformation needs "
			    "string keys, found: %s",
			    leat_kind_name(kv->kind));
		name = leat_arena_strndup(arena, kv->u.s, kv->len);
		if (name != NULL)
			name = join(cfg, arena, prefix, name);
		if (name == NULL)
			return record_no_memory(arena, err);
		if (kv[1].kind == LEAT_MAP && depth < DEPTH_MAX) {
			rc = put_entries(cfg, &kv[1], name, depth + 1, arena,
			    to, err);
			if (rc < 0)
				return rc;
		} else {
			map_edit_put_c(to, name, kv[1]);
		}
	}
	return 0;
}

static int
flatten_apply(struct transform *t, struct leat_record *rec,
    struct leat_arena *arena, bool *keep, struct leat_err *err)
{
	struct operand op = operand_of(t, rec);
	struct map_edit m;
	int rc;

	if (op.value->kind == LEAT_NULL)
		return 0;
	if (*op.schema != NULL)
		return flatten_struct(t, op, arena, err);
	if (require_map(op.value, PURPOSE, err) < 0)
		return LEAT_E_DATA;
	rc = map_edit_init(&m, arena, NULL, count_entries(op.value, 0), err);
	if (rc == 0)
		rc = put_entries(t->config, op.value, NULL, 0, arena, &m,
		    err);
	if (rc == 0)
		*op.value = map_edit_value(&m);
	return rc;
}

static void
flatten_fini(struct transform *t)
{
	struct flatten *self = t->self;

	derived_fini(&self->cache);
}

const struct transform_class transform_flatten = {
	.name = "org.apache.kafka.connect.transforms.Flatten",
	.key_or_value = true,
	.on_null = NULL_PASSES,
	.options = options,
	.config_size = sizeof(struct config),
	.self_size = sizeof(struct flatten),
	.apply = flatten_apply,
	.fini = flatten_fini,
};
