/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cast.c: Cast: fields, or the whole key or value, as another type.
 */
#include "core/record/transforms/cast_value.h"
#include "core/record/transforms/classes.h"
#include "core/record/transforms/edit.h"
#include "core/record/value_text.h"

#define PURPOSE "cast types"

struct config {
	struct leat_list spec;
	int32_t replace_null;
};

struct cast {
	int whole;		/* kind, or 0 */
	struct leat_str *field;
	int *kind;
	uint32_t n;
	struct derived_cache cache;	/* from: kind, 0: as it is */
};

/* clang-format off */
static const struct leat_option options[] = {
	{ "spec", NULL, LEAT_OPT_LIST, LEAT_OPT_REQUIRED, NULL, 0, 0, NULL,
	  offsetof(struct config, spec),
	  "Pairs field:type, or one type for the whole.", "0.1" },
	{ "replace.null.with.default", NULL, LEAT_OPT_BOOL, 0, "true", 0, 0,
	  NULL, offsetof(struct config, replace_null),
	  "A null in a field that has a default becomes the default.",
	  "0.1" },
	{ .name = NULL }
};
/* clang-format on */

/* -------------------------------------------------------------------- setup */

static int
parse_type(struct leat_str text, int *ret_kind, struct leat_err *err)
{
	char lower[16];
	size_t i;
	int kind;

	for (i = 0; i < text.len && i < sizeof(lower); i++)
		lower[i] = (char)(text.ptr[i] | 32);
	for (kind = LEAT_BOOLEAN; kind <= LEAT_STRING; kind++)
		if (text.len < sizeof(lower) && leat_str_eq_c(
			(struct leat_str){ lower, text.len },
			leat_kind_name(kind))) {
			*ret_kind = kind;
			return 0;
		}
	return config_error(err, "Invalid type found in casting spec: %.*s "
	    "(allowed: boolean, int8, int16, int32, int64, float32, float64, "
	    "string)", (int)text.len, text.ptr);
}

static int
cast_init(struct transform *t, struct leat_err *err)
{
	const struct config *cfg = t->config;
	struct cast *self = t->self;
	struct leat_str type, field;
	uint32_t i;

	self->field = leat_arena_calloc(&t->arena, cfg->spec.len,
	    sizeof(*self->field));
	self->kind = leat_arena_calloc(&t->arena, cfg->spec.len,
	    sizeof(*self->kind));
	if (self->field == NULL || self->kind == NULL)
		return record_no_memory(&t->arena, err);
	for (i = 0; i < cfg->spec.len; i++) {
		type = leat_str_c(cfg->spec.items[i]);
		if (strchr(type.ptr, ':') == NULL) {
			if (cfg->spec.len > 1)
				return config_error(err, "Cast "
				    "transformations that specify a type to "
				    "cast the entire value to may ONLY "
				    "specify a single cast in their spec");
			return parse_type(leat_str_trim(type), &self->whole,
			    err);
		}
		field = leat_str_trim(leat_str_cut(&type, ':'));
		if (parse_type(leat_str_trim(type), &self->kind[i], err) < 0)
			return LEAT_E_CONFIG;
		self->field[self->n++] = field;
	}
	return self->n > 0 ? 0 : config_error(err, "Must specify at least one "
	    "field to cast.");
}

/* The kind that a field is cast to, or 0. */
static int
kind_of(const struct cast *self, struct leat_str field)
{
	uint32_t i;

	for (i = 0; i < self->n; i++)
		if (leat_str_eq(self->field[i], field))
			return self->kind[i];
	return 0;
}

/* ------------------------------------------------------------------ schemas */

static int
check_source(const struct leat_schema *s, const char *field,
    struct leat_err *err)
{
	if (s->kind <= LEAT_BYTES)
		return 0;
	return record_error(err, "Cast transformation does not support casting "
	    "to/from %s (field '%s')", leat_kind_name(s->kind), field);
}

/* The schema of a value that was cast: optional and default are kept. */
static const struct leat_schema *
cast_schema(struct transform *t, const struct leat_schema *in, int kind,
    struct leat_arena *work, struct leat_err *err)
{
	struct leat_schema s = { .kind = (uint8_t)kind };

	s.optional = in->optional;
	s.has_default = in->has_default;
	if (in->has_default && cast_value(in, &in->def, kind, work, &s.def,
		err) < 0) {
		leat_err_wrap(err, "default value");
		return NULL;
	}
	return leat_schema_pool_intern(t->pool, &s, err);
}

static struct derived *
derive(struct transform *t, const struct leat_schema *in,
    struct leat_err *err)
{
	struct cast *self = t->self;
	struct draft d;
	uint32_t i;
	int rc = 0;

	if (draft_init(&d, in, in->nfields, err) < 0)
		return NULL;
	d.schema.optional = in->optional;
	for (i = 0; rc == 0 && i < in->nfields; i++) {
		const struct leat_field *f = &in->fields[i];
		const int kind = kind_of(self, leat_str_c(f->name));
		const struct leat_schema *s = f->schema;

		if (kind != 0) {
			rc = check_source(s, f->name, err);
			if (rc == 0)
				s = cast_schema(t, s, kind, &d.work, err);
		}
		if (rc == 0)
			rc = draft_add(&d, f->name, s, kind, err);
	}
	if (rc == 0)
		return draft_finish(&d, t, &self->cache, in, err);
	draft_fini(&d);
	return NULL;
}

/* ----------------------------------------------------------------- applying */

static int
cast_struct(struct transform *t, struct operand op, struct leat_arena *arena,
    struct leat_err *err)
{
	const struct config *cfg = t->config;
	struct cast *self = t->self;
	const struct leat_schema *in = *op.schema;
	struct derived *d;
	struct leat_value *items;
	uint32_t i;

	if (require_struct(in, op.value, PURPOSE, err) < 0)
		return LEAT_E_DATA;
	d = derived_get(&self->cache, in);
	if (d == NULL && (d = derive(t, in, err)) == NULL)
		return LEAT_E_DATA;
	items = leat_arena_alloc(arena, d->n * sizeof(*items));
	if (items == NULL)
		return record_no_memory(arena, err);
	for (i = 0; i < d->n; i++) {
		items[i] = field_value(in, op.value, i, cfg->replace_null);
		if (d->from[i] != 0 && cast_value(in->fields[i].schema,
			&items[i], d->from[i], arena, &items[i], err) < 0)
			return leat_err_wrap(err, "%s", in->fields[i].name);
	}
	*op.value = leat_items(LEAT_STRUCT, items, d->n);
	*op.schema = d->out;
	return 0;
}

static int
cast_map(struct transform *t, struct operand op, struct leat_arena *arena,
    struct leat_err *err)
{
	const struct cast *self = t->self;
	struct leat_value v;
	struct map_edit m;
	uint32_t i;
	int64_t at;

	if (require_map(op.value, PURPOSE, err) < 0)
		return LEAT_E_DATA;
	if (map_edit_init(&m, arena, op.value, self->n, err) < 0)
		return err->code;
	for (i = 0; i < self->n; i++) {
		at = map_find(m.items, m.n, self->field[i]);
		v = at < 0 ? leat_null() : m.items[at];
		if (cast_value(NULL, &v, self->kind[i], arena, &v, err) < 0)
			return leat_err_wrap(err, "%.*s",
			    (int)self->field[i].len, self->field[i].ptr);
		map_edit_put(&m, self->field[i], v);
	}
	*op.value = map_edit_value(&m);
	return 0;
}

static int
cast_whole(struct transform *t, struct operand op, struct leat_arena *arena,
    struct leat_err *err)
{
	struct cast *self = t->self;
	struct derived head = { .in = *op.schema }, *d;

	if (*op.schema == NULL)
		return cast_value(NULL, op.value, self->whole, arena,
		    op.value, err);
	d = derived_get(&self->cache, *op.schema);
	if (d == NULL) {
		if (check_source(*op.schema, "", err) < 0)
			return LEAT_E_DATA;
		head.out = cast_schema(t, *op.schema, self->whole, arena,
		    err);
		d = head.out == NULL ? NULL
		    : derived_add(&self->cache, &head, NULL, err);
		if (d == NULL)
			return LEAT_E_DATA;
	}
	if (cast_value(*op.schema, op.value, self->whole, arena, op.value,
		err) < 0)
		return LEAT_E_DATA;
	*op.schema = d->out;
	return 0;
}

static int
cast_apply(struct transform *t, struct leat_record *rec,
    struct leat_arena *arena, bool *keep, struct leat_err *err)
{
	const struct cast *self = t->self;
	struct operand op = operand_of(t, rec);

	if (op.value->kind == LEAT_NULL)
		return 0;
	if (self->whole != 0)
		return cast_whole(t, op, arena, err);
	return *op.schema != NULL ? cast_struct(t, op, arena, err)
	    : cast_map(t, op, arena, err);
}

static void
cast_fini(struct transform *t)
{
	struct cast *self = t->self;

	derived_fini(&self->cache);
}

const struct transform_class transform_cast = {
	.name = "org.apache.kafka.connect.transforms.Cast",
	.key_or_value = true,
	.on_null = NULL_PASSES,
	.options = options,
	.config_size = sizeof(struct config),
	.self_size = sizeof(struct cast),
	.init = cast_init,
	.apply = cast_apply,
	.fini = cast_fini,
};
