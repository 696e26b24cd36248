/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replace_field.c: ReplaceField: keeps, drops and renames fields.
 */
#include <string.h>

#include "core/record/transforms/classes.h"
#include "core/record/transforms/edit.h"

#define PURPOSE "field replacement"

struct config {
	struct leat_list include;
	struct leat_list exclude;
	struct leat_list renames;
	int32_t replace_null;
};

struct rename {
	struct leat_str from;
	const char *to;
};

struct replace {
	struct rename *renames;
	uint32_t nrenames;
	struct derived_cache cache;
};

/* clang-format off */
static const struct leat_option options[] = {
	{ "include", "whitelist", LEAT_OPT_LIST, 0, "", 0, 0, NULL,
	  offsetof(struct config, include),
	  "Fields to keep; none: all.", "0.1" },
	{ "exclude", "blacklist", LEAT_OPT_LIST, 0, "", 0, 0, NULL,
	  offsetof(struct config, exclude),
	  "Fields to drop; wins over include.", "0.1" },
	{ "renames", NULL, LEAT_OPT_LIST, 0, "", 0, 0, NULL,
	  offsetof(struct config, renames),
	  "Pairs old:new; include and exclude go by the old names.", "0.1" },
	{ "replace.null.with.default", NULL, LEAT_OPT_BOOL, 0, "true", 0, 0,
	  NULL, offsetof(struct config, replace_null),
	  "A null in a field that has a default becomes the default.",
	  "0.1" },
	{ .name = NULL }
};
/* clang-format on */

static int
replace_init(struct transform *t, struct leat_err *err)
{
	const struct config *cfg = t->config;
	struct replace *self = t->self;
	struct leat_str from, to;
	uint32_t i;

	self->renames = leat_arena_calloc(&t->arena, cfg->renames.len,
	    sizeof(*self->renames));
	if (self->renames == NULL)
		return record_no_memory(&t->arena, err);
	self->nrenames = cfg->renames.len;
	for (i = 0; i < cfg->renames.len; i++) {
		to = leat_str_c(cfg->renames.items[i]);
		from = leat_str_trim(leat_str_cut(&to, ':'));
		to = leat_str_trim(to);
		if (from.len == 0 || to.len == 0 ||
		    memchr(to.ptr, ':', to.len) != NULL)
			return config_error(err, "Invalid rename mapping: "
			    "'%s' is not old:new", cfg->renames.items[i]);
		self->renames[i].from = from;
		self->renames[i].to = leat_arena_strndup(&t->arena, to.ptr,
		    to.len);
		if (self->renames[i].to == NULL)
			return record_no_memory(&t->arena, err);
	}
	return 0;
}

static bool
keeps(const struct config *cfg, struct leat_str name)
{
	return !list_has(&cfg->exclude, name) &&
	    (cfg->include.len == 0 || list_has(&cfg->include, name));
}

/* The new name, or NULL: unchanged. */
static const char *
renamed(const struct replace *self, struct leat_str name)
{
	uint32_t i;

	for (i = 0; i < self->nrenames; i++)
		if (leat_str_eq(self->renames[i].from, name))
			return self->renames[i].to;
	return NULL;
}

static struct derived *
derive(struct transform *t, const struct leat_schema *in,
    struct leat_err *err)
{
	const struct config *cfg = t->config;
	struct replace *self = t->self;
	const char *name;
	struct draft d;
	uint32_t i;
	int rc = 0;

	if (draft_init(&d, in, in->nfields, err) < 0)
		return NULL;
	for (i = 0; rc == 0 && i < in->nfields; i++) {
		struct leat_str old = leat_str_c(in->fields[i].name);

		if (!keeps(cfg, old))
			continue;
		name = renamed(self, old);
		rc = draft_add(&d, name != NULL ? name : old.ptr,
		    in->fields[i].schema, (int32_t)i, err);
	}
	if (rc == 0)
		return draft_finish(&d, t, &self->cache, in, err);
	draft_fini(&d);
	return NULL;
}

static int
replace_struct(struct transform *t, struct operand op,
    struct leat_arena *arena, struct leat_err *err)
{
	const struct config *cfg = t->config;
	struct replace *self = t->self;
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
	for (i = 0; i < d->n; i++)
		items[i] = field_value(in, op.value, (uint32_t)d->from[i],
		    cfg->replace_null);
	*op.value = leat_items(LEAT_STRUCT, items, d->n);
	*op.schema = d->out;
	return 0;
}

static int
replace_map(struct transform *t, struct operand op, struct leat_arena *arena,
    struct leat_err *err)
{
	const struct leat_value *kv = op.value->u.items;
	const struct replace *self = t->self;
	const char *name;
	struct map_edit m;
	uint32_t i;

	if (require_map(op.value, PURPOSE, err) < 0)
		return LEAT_E_DATA;
	if (map_edit_init(&m, arena, NULL, op.value->len, err) < 0)
		return err->code;
	for (i = 0; i < op.value->len; i++, kv += 2) {
		struct leat_str old = { kv->u.s, kv->len };

		if (kv->kind != LEAT_STRING || !keeps(t->config, old))
			continue;
		name = renamed(self, old);
		map_edit_put(&m, name != NULL ? leat_str_c(name) : old, kv[1]);
	}
	*op.value = map_edit_value(&m);
	return 0;
}

static int
replace_apply(struct transform *t, struct leat_record *rec,
    struct leat_arena *arena, bool *keep, struct leat_err *err)
{
	struct operand op = operand_of(t, rec);

	if (op.value->kind == LEAT_NULL)
		return 0;
	return *op.schema != NULL ? replace_struct(t, op, arena, err)
	    : replace_map(t, op, arena, err);
}

static void
replace_fini(struct transform *t)
{
	struct replace *self = t->self;

	derived_fini(&self->cache);
}

const struct transform_class transform_replace_field = {
	.name = "org.apache.kafka.connect.transforms.ReplaceField",
	.key_or_value = true,
	.on_null = NULL_PASSES,
	.options = options,
	.config_size = sizeof(struct config),
	.self_size = sizeof(struct replace),
	.init = replace_init,
	.apply = replace_apply,
	.fini = replace_fini,
};
