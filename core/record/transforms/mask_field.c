/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mask_field.c: MaskField: fields become empty, zero, or a fixed replacement.
 */
#include "core/record/decimal.h"
#include "core/record/transforms/cast_value.h"
#include "core/record/transforms/classes.h"
#include "core/record/transforms/edit.h"
#include "core/record/value_text.h"

#define PURPOSE "mask fields"

struct config {
	struct leat_list fields;
	const char *replacement;
	int32_t replace_null;
};

/* clang-format off */
static const struct leat_option options[] = {
	{ "fields", NULL, LEAT_OPT_LIST, LEAT_OPT_REQUIRED, NULL, 0, 0, NULL,
	  offsetof(struct config, fields), "Fields to mask.", "0.1" },
	{ "replacement", NULL, LEAT_OPT_STRING, 0, NULL, 0, 0, NULL,
	  offsetof(struct config, replacement),
	  "What numbers and texts become, instead of 0 and nothing.", "0.1" },
	{ "replace.null.with.default", NULL, LEAT_OPT_BOOL, 0, "true", 0, 0,
	  NULL, offsetof(struct config, replace_null),
	  "A null in a field that has a default becomes the default.",
	  "0.1" },
	{ .name = NULL }
};
/* clang-format on */

static int
mask_init(struct transform *t, struct leat_err *err)
{
	const struct config *cfg = t->config;

	if (cfg->fields.len == 0)
		return config_error(err, "fields: at least one is needed");
	if (cfg->replacement != NULL && *cfg->replacement == '\0')
		return config_error(err, "replacement: must not be empty");
	return 0;
}

static bool
is_date(const struct leat_schema *s)
{
	return schema_is(s, LOGICAL_DATE) || schema_is(s, LOGICAL_TIME) ||
	    schema_is(s, LOGICAL_TIMESTAMP);
}

static int
mask_decimal(const struct leat_schema *s, const char *text,
    struct leat_arena *arena, struct leat_value *v, struct leat_err *err)
{
	uint8_t bytes[DECIMAL_BYTES_MAX], *copy;
	int32_t scale;
	size_t len;

	if (schema_decimal_scale(s, &scale) < 0 ||
	    decimal_from_text(leat_str_c(text), scale, bytes, &len) < 0)
		return record_error(err, "Unable to convert %s to number",
		    text);
	copy = leat_arena_memdup(arena, bytes, len);
	if (copy == NULL)
		return record_no_memory(arena, err);
	*v = leat_bytes(copy, len);
	return 0;
}

static int
mask_with(const struct config *cfg, const struct leat_schema *s,
    struct leat_arena *arena, struct leat_value *v, struct leat_err *err)
{
	const struct leat_value text = leat_cstring(cfg->replacement);

	if (schema_is(s, LOGICAL_DECIMAL))
		return mask_decimal(s, cfg->replacement, arena, v, err);
	if (is_date(s) || v->kind < LEAT_INT8 || v->kind > LEAT_STRING)
		return record_error(err, "Cannot mask value of type %s with "
		    "custom replacement.", leat_kind_name(v->kind));
	if (v->kind == LEAT_STRING) {
		*v = text;
		return 0;
	}
	if (cast_value(NULL, &text, v->kind, arena, v, err) < 0)
		return record_error(err, "Unable to convert %s to number",
		    cfg->replacement);
	return 0;
}

/* Null stays null, for there is nothing to hide. */
static int
mask(const struct config *cfg, const struct leat_schema *s,
    struct leat_arena *arena, struct leat_value *v, struct leat_err *err)
{
	static const uint8_t zero[] = { 0 };

	if (v->kind == LEAT_NULL)
		return 0;
	if (cfg->replacement != NULL)
		return mask_with(cfg, s, arena, v, err);
	if (schema_is(s, LOGICAL_DECIMAL))
		*v = leat_bytes(zero, 1);
	else if (v->kind <= LEAT_INT64)
		v->u.i = 0;
	else if (v->kind <= LEAT_FLOAT64)
		v->u.f = 0;
	else if (v->kind == LEAT_STRING || v->kind == LEAT_ARRAY ||
	    v->kind == LEAT_MAP)
		v->len = 0;
	else
		return record_error(err, "Cannot mask value of type: %s",
		    leat_kind_name(v->kind));
	return 0;
}

static int
mask_struct(struct transform *t, struct operand op, struct leat_arena *arena,
    struct leat_err *err)
{
	const struct config *cfg = t->config;
	const struct leat_schema *s = *op.schema;
	struct leat_value *items;
	uint32_t i;

	if (require_struct(s, op.value, PURPOSE, err) < 0)
		return LEAT_E_DATA;
	items = leat_arena_alloc(arena, s->nfields * sizeof(*items));
	if (items == NULL)
		return record_no_memory(arena, err);
	for (i = 0; i < s->nfields; i++) {
		items[i] = field_value(s, op.value, i, cfg->replace_null);
		if (list_has(&cfg->fields, leat_str_c(s->fields[i].name)) &&
		    mask(cfg, s->fields[i].schema, arena, &items[i], err) < 0)
			return leat_err_wrap(err, "%s", s->fields[i].name);
	}
	*op.value = leat_items(LEAT_STRUCT, items, s->nfields);
	return 0;
}

static int
mask_apply(struct transform *t, struct leat_record *rec,
    struct leat_arena *arena, bool *keep, struct leat_err *err)
{
	const struct config *cfg = t->config;
	struct operand op = operand_of(t, rec);
	struct map_edit m;
	struct leat_value v;
	uint32_t i;
	int64_t at;

	if (*op.schema != NULL)
		return mask_struct(t, op, arena, err);
	if (require_map(op.value, PURPOSE, err) < 0)
		return LEAT_E_DATA;
	if (map_edit_init(&m, arena, op.value, cfg->fields.len, err) < 0)
		return err->code;
	for (i = 0; i < cfg->fields.len; i++) {
		at = map_find(m.items, m.n, leat_str_c(cfg->fields.items[i]));
		v = at < 0 ? leat_null() : m.items[at];
		if (mask(cfg, NULL, arena, &v, err) < 0)
			return leat_err_wrap(err, "%s", cfg->fields.items[i]);
		map_edit_put_c(&m, cfg->fields.items[i], v);
	}
	*op.value = map_edit_value(&m);
	return 0;
}

const struct transform_class transform_mask_field = {
	.name = "org.apache.kafka.connect.transforms.MaskField",
	.key_or_value = true,
	.on_null = NULL_REFUSED,
	.options = options,
	.config_size = sizeof(struct config),
	.init = mask_init,
	.apply = mask_apply,
};
