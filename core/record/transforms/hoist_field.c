/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hoist_field.c: HoistField: wraps the whole key or value in one field.
 */
#include "core/record/transforms/classes.h"
#include "core/record/transforms/edit.h"

struct config {
	const char *field;
};

struct hoist {
	struct derived_cache cache;
};

/* clang-format off */
static const struct leat_option options[] = {
	{ "field", NULL, LEAT_OPT_STRING, LEAT_OPT_REQUIRED, NULL, 0, 0, NULL,
	  offsetof(struct config, field), "The field's name.", "0.1" },
	{ .name = NULL }
};
/* clang-format on */

static struct derived *
derive(struct transform *t, const struct leat_schema *in,
    struct leat_err *err)
{
	const struct config *cfg = t->config;
	struct hoist *self = t->self;
	struct draft d;

	if (draft_init(&d, NULL, 1, err) < 0)
		return NULL;
	if (draft_add(&d, cfg->field, in, 0, err) == 0)
		return draft_finish(&d, t, &self->cache, in, err);
	draft_fini(&d);
	return NULL;
}

/* A null without a schema is wrapped too: a tombstone ends being one. */
static int
hoist_apply(struct transform *t, struct leat_record *rec,
    struct leat_arena *arena, bool *keep, struct leat_err *err)
{
	const struct config *cfg = t->config;
	struct hoist *self = t->self;
	struct operand op = operand_of(t, rec);
	struct leat_value *items;
	struct derived *d;

	items = leat_arena_alloc(arena, 2 * sizeof(*items));
	if (items == NULL)
		return record_no_memory(arena, err);
	if (*op.schema == NULL) {
		items[0] = leat_cstring(cfg->field);
		items[1] = *op.value;
		*op.value = leat_items(LEAT_MAP, items, 1);
		return 0;
	}
	d = derived_get(&self->cache, *op.schema);
	if (d == NULL && (d = derive(t, *op.schema, err)) == NULL)
		return LEAT_E_DATA;
	items[0] = *op.value;
	*op.value = leat_items(LEAT_STRUCT, items, 1);
	*op.schema = d->out;
	return 0;
}

static void
hoist_fini(struct transform *t)
{
	struct hoist *self = t->self;

	derived_fini(&self->cache);
}

const struct transform_class transform_hoist_field = {
	.name = "org.apache.kafka.connect.transforms.HoistField",
	.key_or_value = true,
	.on_null = NULL_HANDLED,
	.options = options,
	.config_size = sizeof(struct config),
	.self_size = sizeof(struct hoist),
	.apply = hoist_apply,
	.fini = hoist_fini,
};
