/* SPDX-License-Identifier: Apache-2.0 */
/*
 * insert_field.c: InsertField: adds fields with the record's metadata or a
 * fixed text.
 */
#include <string.h>

#include "core/record/transforms/classes.h"
#include "core/record/transforms/edit.h"
#include "core/record/value_text.h"

#define PURPOSE "field insertion"

struct config {
	const char *field[5];	/* in the order of `enum what` */
	const char *static_value;
	int32_t replace_null;
};

enum what { TOPIC, PARTITION, OFFSET, TIMESTAMP, STATIC, WHAT_N };

/* A field to insert; name is NULL where there is none. */
struct insertion {
	const char *name;
	bool optional;
};

struct insert {
	struct insertion v[WHAT_N];
	struct derived_cache cache;
};

/* clang-format off */
#define FIELD(option, i, text)                                         \
	{ option, NULL, LEAT_OPT_STRING, 0, NULL, 0, 0, NULL,          \
	  offsetof(struct config, field[i]), text " Suffix the name with !" \
	  " for a required field.", "0.1" }

static const struct leat_option options[] = {
	FIELD("topic.field", TOPIC, "Field for the topic."),
	FIELD("partition.field", PARTITION, "Field for the partition."),
	FIELD("offset.field", OFFSET, "Field for the offset (sinks only)."),
	FIELD("timestamp.field", TIMESTAMP, "Field for the timestamp."),
	FIELD("static.field", STATIC, "Field for static.value."),
	{ "static.value", NULL, LEAT_OPT_STRING, 0, NULL, 0, 0, NULL,
	  offsetof(struct config, static_value),
	  "The text of static.field.", "0.1" },
	{ "replace.null.with.default", NULL, LEAT_OPT_BOOL, 0, "true", 0, 0,
	  NULL, offsetof(struct config, replace_null),
	  "A null in a field that has a default becomes the default.",
	  "0.1" },
	{ .name = NULL }
};
/* clang-format on */

static int
parse_insertion(struct transform *t, const char *text, struct insertion *ret,
    struct leat_err *err)
{
	size_t len = text != NULL ? strlen(text) : 0;

	*ret = (struct insertion){ NULL, true };
	if (len == 0)
		return 0;
	if (text[len - 1] == '!' || text[len - 1] == '?')
		ret->optional = text[--len] == '?';
	ret->name = leat_arena_strndup(&t->arena, text, len);
	return ret->name == NULL ? record_no_memory(&t->arena, err) : 0;
}

static int
insert_init(struct transform *t, struct leat_err *err)
{
	const struct config *cfg = t->config;
	struct insert *self = t->self;
	int i, n = 0;

	for (i = 0; i < WHAT_N; i++) {
		if (parse_insertion(t, cfg->field[i], &self->v[i], err) < 0)
			return -1;
		n += self->v[i].name != NULL;
	}
	if (n == 0)
		return config_error(err, "No field insertion configured");
	if (self->v[STATIC].name != NULL && cfg->static_value == NULL)
		return config_error(err, "No value specified for static "
		    "field: %s", self->v[STATIC].name);
	return 0;
}

/* The value that goes in; null where the record has none. */
static struct leat_value
metadata(const struct config *cfg, const struct leat_record *rec,
    enum what what)
{
	switch (what) {
	case TOPIC:
		return leat_cstring(rec->topic);
	case PARTITION:
		return rec->partition < 0 ? leat_null()
		    : leat_i32(rec->partition);
	case OFFSET:
		return leat_i64(rec->offset);
	case TIMESTAMP:
		return rec->timestamp_ms < 0 ? leat_null()
		    : leat_i64(rec->timestamp_ms);
	case STATIC:
		return leat_cstring(cfg->static_value);
	case WHAT_N:
		break;
	}
	return leat_null();
}

static const struct leat_schema *
metadata_schema(struct transform *t, enum what what, bool optional,
    struct leat_err *err)
{
	switch (what) {
	case PARTITION:
		return schema_plain(t, LEAT_INT32, optional, err);
	case OFFSET:
		return schema_plain(t, LEAT_INT64, optional, err);
	case TIMESTAMP:
		return schema_named(t, LEAT_INT64, LOGICAL_TIMESTAMP,
		    optional, err);
	case TOPIC:
	case STATIC:
	case WHAT_N:
		break;
	}
	return schema_plain(t, LEAT_STRING, optional, err);
}

static int
add_insertion(struct transform *t, struct draft *d, enum what what,
    struct leat_err *err)
{
	const struct insert *self = t->self;
	const struct leat_schema *s;

	s = metadata_schema(t, what, self->v[what].optional, err);
	return draft_add(d, self->v[what].name, s, -1 - (int32_t)what, err);
}

static struct derived *
derive(struct transform *t, const struct leat_schema *in,
    struct leat_err *err)
{
	struct insert *self = t->self;
	struct draft d;
	uint32_t i;
	int rc, w;

	if (draft_init(&d, in, in->nfields + WHAT_N, err) < 0)
		return NULL;
	for (rc = 0, i = 0; rc == 0 && i < in->nfields; i++)
		rc = draft_add(&d, in->fields[i].name, in->fields[i].schema,
		    (int32_t)i, err);
	for (w = 0; rc == 0 && w < WHAT_N; w++)
		if (self->v[w].name != NULL)
			rc = add_insertion(t, &d, (enum what)w, err);
	if (rc == 0)
		return draft_finish(&d, t, &self->cache, in, err);
	draft_fini(&d);
	return NULL;
}

static int
insert_struct(struct transform *t, struct leat_record *rec,
    struct operand op, struct leat_arena *arena, struct leat_err *err)
{
	const struct config *cfg = t->config;
	struct insert *self = t->self;
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
		if (d->from[i] < 0)
			items[i] = metadata(cfg, rec,
			    (enum what)(-1 - d->from[i]));
		else
			items[i] = field_value(in, op.value,
			    (uint32_t)d->from[i], cfg->replace_null);
	*op.value = leat_items(LEAT_STRUCT, items, d->n);
	*op.schema = d->out;
	return 0;
}

static int
insert_map(struct transform *t, struct leat_record *rec, struct operand op,
    struct leat_arena *arena, struct leat_err *err)
{
	const struct config *cfg = t->config;
	const struct insert *self = t->self;
	struct leat_value v;
	struct map_edit m;
	int rc, w;

	if (require_map(op.value, PURPOSE, err) < 0)
		return LEAT_E_DATA;
	rc = map_edit_init(&m, arena, op.value, WHAT_N, err);
	for (w = 0; rc == 0 && w < WHAT_N; w++) {
		if (self->v[w].name == NULL)
			continue;
		v = metadata(cfg, rec, (enum what)w);
		if (v.kind != LEAT_NULL)
			map_edit_put_c(&m, self->v[w].name, v);
	}
	if (rc == 0)
		*op.value = map_edit_value(&m);
	return rc;
}

static int
insert_apply(struct transform *t, struct leat_record *rec,
    struct leat_arena *arena, bool *keep, struct leat_err *err)
{
	const struct insert *self = t->self;
	struct operand op = operand_of(t, rec);

	if (op.value->kind == LEAT_NULL)
		return 0;
	if (self->v[OFFSET].name != NULL && rec->origin_topic == NULL)
		return record_error(err, "Offset insertion is only supported "
		    "for sink connectors");
	return *op.schema != NULL ? insert_struct(t, rec, op, arena, err)
	    : insert_map(t, rec, op, arena, err);
}

static void
insert_fini(struct transform *t)
{
	struct insert *self = t->self;

	derived_fini(&self->cache);
}

const struct transform_class transform_insert_field = {
	.name = "org.apache.kafka.connect.transforms.InsertField",
	.key_or_value = true,
	.on_null = NULL_PASSES,
	.options = options,
	.config_size = sizeof(struct config),
	.self_size = sizeof(struct insert),
	.init = insert_init,
	.apply = insert_apply,
	.fini = insert_fini,
};
