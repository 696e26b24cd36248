/* SPDX-License-Identifier: Apache-2.0 */
/*
 * set_schema_metadata.c: SetSchemaMetadata: another name or version for the
 * schema.
 */
#include "core/record/transforms/classes.h"
#include "core/record/transforms/edit.h"

struct config {
	const char *name;
	const char *version;
	int32_t replace_null;
};

struct metadata {
	int64_t version;
	struct derived_cache cache;
};

/* clang-format off */
static const struct leat_option options[] = {
	{ "schema.name", NULL, LEAT_OPT_STRING, 0, NULL, 0, 0, NULL,
	  offsetof(struct config, name), "The new name.", "0.1" },
	{ "schema.version", NULL, LEAT_OPT_STRING, 0, NULL, 0, 0, NULL,
	  offsetof(struct config, version), "The new version.", "0.1" },
	{ "replace.null.with.default", NULL, LEAT_OPT_BOOL, 0, "true", 0, 0,
	  NULL, offsetof(struct config, replace_null),
	  "Has no effect: values are not changed.", "0.1" },
	{ .name = NULL }
};
/* clang-format on */

static int
metadata_init(struct transform *t, struct leat_err *err)
{
	const struct config *cfg = t->config;
	struct metadata *self = t->self;

	if (cfg->name == NULL && cfg->version == NULL)
		return config_error(err, "Neither schema name nor version "
		    "configured");
	if (cfg->version != NULL && leat_parse_i64(leat_str_c(cfg->version),
		1, INT32_MAX, &self->version) < 0)
		return config_error(err, "schema.version: expected a whole "
		    "number (1 to %d)", INT32_MAX);
	return 0;
}

static struct derived *
derive(struct transform *t, const struct leat_schema *in,
    struct leat_err *err)
{
	const struct config *cfg = t->config;
	struct metadata *self = t->self;
	struct leat_schema s = *in;
	struct derived d = { .in = in };

	s.interned = 0;
	if (cfg->name != NULL)
		s.name = cfg->name;
	if (cfg->version != NULL)
		s.version = (int32_t)self->version;
	d.out = leat_schema_pool_intern(t->pool, &s, err);
	return d.out == NULL ? NULL
	    : derived_add(&self->cache, &d, NULL, err);
}

static int
metadata_apply(struct transform *t, struct leat_record *rec,
    struct leat_arena *arena, bool *keep, struct leat_err *err)
{
	struct metadata *self = t->self;
	struct operand op = operand_of(t, rec);
	struct derived *d;

	if (*op.schema == NULL)
		return op.value->kind == LEAT_NULL ? 0 : record_error(err,
		    "Schema required for [updating schema metadata]");
	d = derived_get(&self->cache, *op.schema);
	if (d == NULL && (d = derive(t, *op.schema, err)) == NULL)
		return LEAT_E_DATA;
	*op.schema = d->out;
	return 0;
}

static void
metadata_fini(struct transform *t)
{
	struct metadata *self = t->self;

	derived_fini(&self->cache);
}

const struct transform_class transform_set_schema_metadata = {
	.name = "org.apache.kafka.connect.transforms.SetSchemaMetadata",
	.key_or_value = true,
	.on_null = NULL_HANDLED,
	.options = options,
	.config_size = sizeof(struct config),
	.self_size = sizeof(struct metadata),
	.init = metadata_init,
	.apply = metadata_apply,
	.fini = metadata_fini,
};
