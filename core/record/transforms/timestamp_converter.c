/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timestamp_converter.c: TimestampConverter: a date as a number, a text or one
 * of Kafka Connect's date types. In between it is milliseconds.
 */
#include "core/record/java_date.h"
#include "core/record/transforms/classes.h"
#include "core/record/transforms/edit.h"
#include "core/record/value_text.h"

#define PURPOSE "converting timestamp formats"

enum form { FORM_STRING, FORM_UNIX, FORM_DATE, FORM_TIME, FORM_TIMESTAMP };
enum precision { MILLIS, SECONDS, MICROS, NANOS };

struct config {
	const char *field;
	const char *format;
	int32_t target;		/* enum form */
	int32_t precision;
	int32_t replace_null;
};

struct converter {
	struct derived_cache cache;
};

/* clang-format off */
static const struct leat_option options[] = {
	{ "target.type", NULL, LEAT_OPT_CHOICE, LEAT_OPT_REQUIRED, NULL, 0, 0,
	  "string,unix,Date,Time,Timestamp", offsetof(struct config, target),
	  "What the date becomes.", "0.1" },
	{ "field", NULL, LEAT_OPT_STRING, 0, "", 0, 0, NULL,
	  offsetof(struct config, field),
	  "The field to convert; none: the whole.", "0.1" },
	{ "format", NULL, LEAT_OPT_STRING, 0, "", 0, 0, NULL,
	  offsetof(struct config, format),
	  "The pattern of texts, as of Java's SimpleDateFormat; UTC.",
	  "0.1" },
	{ "unix.precision", NULL, LEAT_OPT_CHOICE, 0, "milliseconds", 0, 0,
	  "milliseconds,seconds,microseconds,nanoseconds",
	  offsetof(struct config, precision),
	  "The unit of numbers.", "0.1" },
	{ "replace.null.with.default", NULL, LEAT_OPT_BOOL, 0, "true", 0, 0,
	  NULL, offsetof(struct config, replace_null),
	  "A null in a field that has a default becomes the default.",
	  "0.1" },
	{ .name = NULL }
};
/* clang-format on */

static int
converter_init(struct transform *t, struct leat_err *err)
{
	const struct config *cfg = t->config;
	const bool has_format = cfg->format != NULL && *cfg->format != '\0';

	if (cfg->target == FORM_STRING && !has_format)
		return config_error(err, "TimestampConverter requires format "
		    "option to be specified when using string timestamps");
	return has_format ? java_date_check(cfg->format, err) : 0;
}

/* ------------------------------------------------------------------- values */

static int
form_of(const struct leat_schema *s, const struct leat_value *v,
    enum form *ret, struct leat_err *err)
{
	const uint8_t kind = s != NULL ? s->kind : v->kind;

	if (v->kind != kind)
		return record_error(err, "Invalid type for %s: %s",
		    leat_kind_name(kind), leat_kind_name(v->kind));
	if (schema_is(s, LOGICAL_TIMESTAMP))
		*ret = FORM_TIMESTAMP;
	else if (schema_is(s, LOGICAL_DATE))
		*ret = FORM_DATE;
	else if (schema_is(s, LOGICAL_TIME))
		*ret = FORM_TIME;
	else if (kind == LEAT_STRING)
		*ret = FORM_STRING;
	else if (kind == LEAT_INT64)
		*ret = FORM_UNIX;
	else
		return record_error(err, "TimestampConverter does not support "
		    "%s %s", s != NULL ? "schemas of type" : "objects of type",
		    leat_kind_name(kind));
	return 0;
}

static int
too_large(struct leat_err *err)
{
	return record_error(err, "the timestamp is outside of what can be "
	    "converted");
}

static int
unix_to_ms(int64_t v, int32_t precision, int64_t *ret, struct leat_err *err)
{
	int64_t ms = v;

	if (precision == SECONDS && __builtin_mul_overflow(v, 1000, &ms))
		return too_large(err);
	if (precision == MICROS)
		ms = v / 1000;
	else if (precision == NANOS)
		ms = v / 1000000;
	*ret = ms;
	return 0;
}

static int
to_ms(const struct config *cfg, const struct leat_schema *s,
    const struct leat_value *v, int64_t *ret, struct leat_err *err)
{
	enum form form = FORM_UNIX;

	if (form_of(s, v, &form, err) < 0)
		return LEAT_E_DATA;
	switch (form) {
	case FORM_STRING:
		if (cfg->format == NULL || *cfg->format == '\0')
			return record_error(err, "TimestampConverter needs "
			    "the format option to read text");
		if (java_date_parse((struct leat_str){ v->u.s, v->len },
			cfg->format, ret) < 0)
			return record_error(err, "Could not parse timestamp: "
			    "value does not match pattern (%s)",
			    cfg->format);
		return 0;
	case FORM_UNIX:
		return unix_to_ms(v->u.i, cfg->precision, ret, err);
	case FORM_DATE:
		*ret = (int32_t)v->u.i * INT64_C(86400000);
		return 0;
	case FORM_TIME:
	case FORM_TIMESTAMP:
		*ret = v->u.i;
		return 0;
	}
	return LEAT_E_DATA;
}

static int
ms_to_unix(int64_t ms, int32_t precision, int64_t *ret, struct leat_err *err)
{
	int64_t v = ms;

	if (precision == SECONDS)
		v = ms / 1000;
	else if (precision == MICROS &&
	    __builtin_mul_overflow(ms, 1000, &v))
		return too_large(err);
	else if (precision == NANOS &&
	    __builtin_mul_overflow(ms, 1000000, &v))
		return too_large(err);
	*ret = v;
	return 0;
}

static int
from_ms(const struct config *cfg, int64_t ms, struct leat_arena *arena,
    struct leat_value *ret, struct leat_err *err)
{
	const int64_t day = ms / 86400000 - (ms % 86400000 < 0);
	char text[JAVA_DATE_TEXT], *copy;
	size_t len;

	switch ((enum form)cfg->target) {
	case FORM_STRING:
		len = java_date_format(text, cfg->format, ms);
		copy = leat_arena_strndup(arena, text, len);
		if (copy == NULL)
			return record_no_memory(arena, err);
		*ret = leat_string(copy, len);
		return 0;
	case FORM_UNIX:
		*ret = leat_i64(0);
		return ms_to_unix(ms, cfg->precision, &ret->u.i, err);
	case FORM_DATE:
		if (day < INT32_MIN || day > INT32_MAX)
			return too_large(err);
		*ret = leat_i32((int32_t)day);
		return 0;
	case FORM_TIME:
		*ret = leat_i32((int32_t)(ms - day * 86400000));
		return 0;
	case FORM_TIMESTAMP:
		*ret = leat_i64(ms);
		return 0;
	}
	return LEAT_E_DATA;
}

static int
convert(const struct config *cfg, const struct leat_schema *s,
    struct leat_arena *arena, struct leat_value *v, struct leat_err *err)
{
	int64_t ms;

	if (v->kind == LEAT_NULL)
		return 0;
	if (to_ms(cfg, s, v, &ms, err) < 0)
		return LEAT_E_DATA;
	return from_ms(cfg, ms, arena, v, err);
}

/* ------------------------------------------------------------------ records */

static const struct leat_schema *
target_schema(struct transform *t, bool optional, struct leat_err *err)
{
	const struct config *cfg = t->config;

	switch ((enum form)cfg->target) {
	case FORM_UNIX:
		return schema_plain(t, LEAT_INT64, optional, err);
	case FORM_DATE:
		return schema_named(t, LEAT_INT32, LOGICAL_DATE, optional,
		    err);
	case FORM_TIME:
		return schema_named(t, LEAT_INT32, LOGICAL_TIME, optional,
		    err);
	case FORM_TIMESTAMP:
		return schema_named(t, LEAT_INT64, LOGICAL_TIMESTAMP, optional,
		    err);
	case FORM_STRING:
		break;
	}
	return schema_plain(t, LEAT_STRING, optional, err);
}

/* from: 1 for the field that is converted. */
static struct derived *
derive(struct transform *t, const struct leat_schema *in,
    struct leat_err *err)
{
	const struct config *cfg = t->config;
	struct converter *self = t->self;
	const int32_t at = leat_schema_field(in, cfg->field);
	struct draft d;
	uint32_t i;
	int rc = 0;

	if (draft_init(&d, in, in->nfields, err) < 0)
		return NULL;
	for (i = 0; rc == 0 && i < in->nfields; i++) {
		const struct leat_field *f = &in->fields[i];
		const bool it = (int32_t)i == at;

		rc = draft_add(&d, f->name, it ? target_schema(t,
			f->schema->optional, err) : f->schema, it, err);
	}
	d.schema.optional = in->optional;
	if (rc == 0)
		return draft_finish(&d, t, &self->cache, in, err);
	draft_fini(&d);
	return NULL;
}

static int
convert_struct(struct transform *t, struct operand op,
    struct leat_arena *arena, struct leat_err *err)
{
	const struct config *cfg = t->config;
	struct converter *self = t->self;
	const struct leat_schema *in = *op.schema;
	struct leat_value *items;
	struct derived *d;
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
		if (d->from[i] && convert(cfg, in->fields[i].schema, arena,
			&items[i], err) < 0)
			return leat_err_wrap(err, "%s", cfg->field);
	}
	*op.value = leat_items(LEAT_STRUCT, items, d->n);
	*op.schema = d->out;
	return 0;
}

static int
convert_map(struct transform *t, struct operand op, struct leat_arena *arena,
    struct leat_err *err)
{
	const struct config *cfg = t->config;
	struct map_edit m;
	int64_t at;

	if (require_map(op.value, PURPOSE, err) < 0)
		return LEAT_E_DATA;
	if (map_edit_init(&m, arena, op.value, 1, err) < 0)
		return err->code;
	at = map_find(m.items, m.n, leat_str_c(cfg->field));
	if (at < 0)
		map_edit_put_c(&m, cfg->field, leat_null());
	else if (convert(cfg, NULL, arena, &m.items[at], err) < 0)
		return leat_err_wrap(err, "%s", cfg->field);
	*op.value = map_edit_value(&m);
	return 0;
}

static int
converter_apply(struct transform *t, struct leat_record *rec,
    struct leat_arena *arena, bool *keep, struct leat_err *err)
{
	const struct config *cfg = t->config;
	struct operand op = operand_of(t, rec);
	const struct leat_schema *schema = *op.schema;

	if (op.value->kind == LEAT_NULL)
		return 0;
	if (cfg->field != NULL && *cfg->field != '\0')
		return schema != NULL ? convert_struct(t, op, arena, err)
		    : convert_map(t, op, arena, err);
	if (schema != NULL) {
		*op.schema = target_schema(t, schema->optional, err);
		if (*op.schema == NULL)
			return LEAT_E_LIMIT;
	}
	return convert(cfg, schema, arena, op.value, err);
}

static void
converter_fini(struct transform *t)
{
	struct converter *self = t->self;

	derived_fini(&self->cache);
}

const struct transform_class transform_timestamp_converter = {
	.name = "org.apache.kafka.connect.transforms.TimestampConverter",
	.key_or_value = true,
	.on_null = NULL_PASSES,
	.options = options,
	.config_size = sizeof(struct config),
	.self_size = sizeof(struct converter),
	.init = converter_init,
	.apply = converter_apply,
	.fini = converter_fini,
};
