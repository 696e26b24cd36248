/* SPDX-License-Identifier: Apache-2.0 */
/*
 * header_from.c: HeaderFrom: fields of the key or value as headers.
 */
#include "core/record/transforms/classes.h"
#include "core/record/transforms/edit.h"

struct config {
	struct leat_list fields;
	struct leat_list headers;
	int32_t operation;	/* 0 move, 1 copy */
	int32_t replace_null;
};

struct header_from {
	struct derived_cache cache;	/* without the fields that move */
};

/* clang-format off */
static const struct leat_option options[] = {
	{ "fields", NULL, LEAT_OPT_LIST, LEAT_OPT_REQUIRED, NULL, 0, 0, NULL,
	  offsetof(struct config, fields), "Fields to take.", "0.1" },
	{ "headers", NULL, LEAT_OPT_LIST, LEAT_OPT_REQUIRED, NULL, 0, 0, NULL,
	  offsetof(struct config, headers),
	  "The headers' names, in the order of the fields.", "0.1" },
	{ "operation", NULL, LEAT_OPT_CHOICE, LEAT_OPT_REQUIRED, NULL, 0, 0,
	  "move,copy", offsetof(struct config, operation),
	  "move takes the fields away, copy leaves them.", "0.1" },
	{ "replace.null.with.default", NULL, LEAT_OPT_BOOL, 0, "true", 0, 0,
	  NULL, offsetof(struct config, replace_null),
	  "A null in a field that has a default becomes the default.",
	  "0.1" },
	{ .name = NULL }
};
/* clang-format on */

static const char *
purpose(const struct config *cfg)
{
	return cfg->operation == 0 ? "header move" : "header copy";
}

static int
from_init(struct transform *t, struct leat_err *err)
{
	const struct config *cfg = t->config;

	if (cfg->fields.len != cfg->headers.len)
		return config_error(err, "'fields' config must have the same "
		    "number of elements as 'headers' config.");
	return 0;
}

static struct derived *
derive(struct transform *t, const struct leat_schema *in,
    struct leat_err *err)
{
	const struct config *cfg = t->config;
	struct header_from *self = t->self;
	struct draft d;
	uint32_t i;
	int rc = 0;

	if (draft_init(&d, in, in->nfields, err) < 0)
		return NULL;
	for (i = 0; rc == 0 && i < in->nfields; i++)
		if (!list_has(&cfg->fields, leat_str_c(in->fields[i].name)))
			rc = draft_add(&d, in->fields[i].name,
			    in->fields[i].schema, (int32_t)i, err);
	if (rc == 0)
		return draft_finish(&d, t, &self->cache, in, err);
	draft_fini(&d);
	return NULL;
}

/* The rest of a struct whose fields have moved. */
static int
take_away(struct transform *t, struct operand op, struct leat_arena *arena,
    struct leat_err *err)
{
	const struct config *cfg = t->config;
	struct header_from *self = t->self;
	const struct leat_schema *in = *op.schema;
	struct derived *d = derived_get(&self->cache, in);
	struct leat_value *items;
	uint32_t i;

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
from_struct(struct transform *t, struct leat_record *rec, struct operand op,
    struct leat_arena *arena, struct leat_err *err)
{
	const struct config *cfg = t->config;
	const struct leat_schema *in = *op.schema;
	uint32_t i;
	int32_t at;
	int rc;

	if (require_struct(in, op.value, purpose(cfg), err) < 0)
		return LEAT_E_DATA;
	for (i = 0; i < cfg->fields.len; i++) {
		struct leat_header h = { .name = cfg->headers.items[i] };

		at = leat_schema_field(in, cfg->fields.items[i]);
		if (at < 0)
			return record_error(err, "Field does not exist: %s",
			    cfg->fields.items[i]);
		h.schema = in->fields[at].schema;
		h.value = field_value(in, op.value, (uint32_t)at,
		    cfg->replace_null);
		rc = header_add(rec, arena, &h, err);
		if (rc < 0)
			return rc;
	}
	return cfg->operation == 0 ? take_away(t, op, arena, err) : 0;
}

static int
from_map(struct transform *t, struct leat_record *rec, struct operand op,
    struct leat_arena *arena, struct leat_err *err)
{
	const struct config *cfg = t->config;
	const struct leat_value *kv = op.value->u.items, *v;
	struct map_edit m;
	uint32_t i;
	int rc = 0;

	if (require_map(op.value, purpose(cfg), err) < 0)
		return LEAT_E_DATA;
	for (i = 0; rc == 0 && i < cfg->fields.len; i++) {
		struct leat_header h = { .name = cfg->headers.items[i] };

		v = leat_map_value(op.value, cfg->fields.items[i]);
		h.value = v != NULL ? *v : leat_null();
		rc = header_add(rec, arena, &h, err);
	}
	if (rc < 0 || cfg->operation != 0)
		return rc;
	rc = map_edit_init(&m, arena, NULL, op.value->len, err);
	if (rc < 0)
		return rc;
	for (i = 0; i < op.value->len; i++, kv += 2)
		if (kv->kind == LEAT_STRING && !list_has(&cfg->fields,
			(struct leat_str){ kv->u.s, kv->len }))
			map_edit_put(&m, (struct leat_str){ kv->u.s,
			    kv->len }, kv[1]);
	*op.value = map_edit_value(&m);
	return 0;
}

static int
from_apply(struct transform *t, struct leat_record *rec,
    struct leat_arena *arena, bool *keep, struct leat_err *err)
{
	struct operand op = operand_of(t, rec);

	return *op.schema != NULL ? from_struct(t, rec, op, arena, err)
	    : from_map(t, rec, op, arena, err);
}

static void
from_fini(struct transform *t)
{
	struct header_from *self = t->self;

	derived_fini(&self->cache);
}

const struct transform_class transform_header_from = {
	.name = "org.apache.kafka.connect.transforms.HeaderFrom",
	.key_or_value = true,
	.on_null = NULL_REFUSED,
	.options = options,
	.config_size = sizeof(struct config),
	.self_size = sizeof(struct header_from),
	.init = from_init,
	.apply = from_apply,
	.fini = from_fini,
};
