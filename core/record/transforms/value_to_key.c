/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value_to_key.c: ValueToKey: makes the key of fields of the value.
 */
#include "core/record/transforms/classes.h"
#include "core/record/transforms/edit.h"

#define PURPOSE "copying fields from value to key"

struct config {
	struct leat_list fields;
	int32_t replace_null;
};

struct to_key {
	struct derived_cache cache;
};

/* clang-format off */
static const struct leat_option options[] = {
	{ "fields", NULL, LEAT_OPT_LIST, LEAT_OPT_REQUIRED, NULL, 0, 0, NULL,
	  offsetof(struct config, fields),
	  "Fields of the value that make the key.", "0.1" },
	{ "replace.null.with.default", NULL, LEAT_OPT_BOOL, 0, "true", 0, 0,
	  NULL, offsetof(struct config, replace_null),
	  "A null in a field that has a default becomes the default.",
	  "0.1" },
	{ .name = NULL }
};
/* clang-format on */

static struct derived *
derive(struct transform *t, const struct leat_schema *in,
    struct leat_err *err)
{
	const struct config *cfg = t->config;
	struct to_key *self = t->self;
	struct draft d;
	uint32_t i;
	int32_t at;
	int rc = 0;

	if (draft_init(&d, NULL, cfg->fields.len, err) < 0)
		return NULL;
	for (i = 0; rc == 0 && i < cfg->fields.len; i++) {
		at = leat_schema_field(in, cfg->fields.items[i]);
		if (at < 0)
			rc = record_error(err, "Field does not exist: %s",
			    cfg->fields.items[i]);
		else
			rc = draft_add(&d, cfg->fields.items[i],
			    in->fields[at].schema, at, err);
	}
	if (rc == 0)
		return draft_finish(&d, t, &self->cache, in, err);
	draft_fini(&d);
	return NULL;
}

static int
key_of_struct(struct transform *t, struct leat_record *rec,
    struct leat_arena *arena, struct leat_err *err)
{
	const struct config *cfg = t->config;
	struct to_key *self = t->self;
	struct derived *d;
	struct leat_value *items;
	uint32_t i;

	if (require_struct(rec->value_schema, &rec->value, PURPOSE, err) < 0)
		return LEAT_E_DATA;
	d = derived_get(&self->cache, rec->value_schema);
	if (d == NULL && (d = derive(t, rec->value_schema, err)) == NULL)
		return LEAT_E_DATA;
	items = leat_arena_alloc(arena, d->n * sizeof(*items));
	if (items == NULL)
		return record_no_memory(arena, err);
	for (i = 0; i < d->n; i++)
		items[i] = field_value(rec->value_schema, &rec->value,
		    (uint32_t)d->from[i], cfg->replace_null);
	rec->key = leat_items(LEAT_STRUCT, items, d->n);
	rec->key_schema = d->out;
	return 0;
}

static int
to_key_apply(struct transform *t, struct leat_record *rec,
    struct leat_arena *arena, bool *keep, struct leat_err *err)
{
	const struct config *cfg = t->config;
	const struct leat_value *v;
	struct map_edit m;
	uint32_t i;

	if (rec->value_schema != NULL)
		return key_of_struct(t, rec, arena, err);
	if (require_map(&rec->value, PURPOSE, err) < 0)
		return LEAT_E_DATA;
	if (map_edit_init(&m, arena, NULL, cfg->fields.len, err) < 0)
		return err->code;
	for (i = 0; i < cfg->fields.len; i++) {
		v = leat_map_value(&rec->value, cfg->fields.items[i]);
		map_edit_put_c(&m, cfg->fields.items[i],
		    v != NULL ? *v : leat_null());
	}
	rec->key = map_edit_value(&m);
	rec->key_schema = NULL;
	return 0;
}

static void
to_key_fini(struct transform *t)
{
	struct to_key *self = t->self;

	derived_fini(&self->cache);
}

const struct transform_class transform_value_to_key = {
	.name = "org.apache.kafka.connect.transforms.ValueToKey",
	.on_null = NULL_REFUSED,
	.options = options,
	.config_size = sizeof(struct config),
	.self_size = sizeof(struct to_key),
	.apply = to_key_apply,
	.fini = to_key_fini,
};
