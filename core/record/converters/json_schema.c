/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_schema.c: schemas to JSON and back, member for member as Kafka Connect's
 * JsonConverter.
 */
#include <errno.h>
#include <string.h>

#include <leat/json.h>

#include "core/record/converters/json_plan.h"
#include "core/record/memory.h"

/* ------------------------------------------------------------------ writing */

/* What a kind is called in a schema. */
static const char *const type_names[LEAT_KIND_N] = {
	[LEAT_BOOLEAN] = "boolean",
	[LEAT_INT8] = "int8",
	[LEAT_INT16] = "int16",
	[LEAT_INT32] = "int32",
	[LEAT_INT64] = "int64",
	[LEAT_FLOAT32] = "float",
	[LEAT_FLOAT64] = "double",
	[LEAT_STRING] = "string",
	[LEAT_BYTES] = "bytes",
	[LEAT_ARRAY] = "array",
	[LEAT_MAP] = "map",
	[LEAT_STRUCT] = "struct",
};

static int write_schema(struct json_plans *ps, const struct leat_schema *s,
    const char *field, struct leat_buf *to, struct leat_err *err);

static void
add_text(struct leat_buf *to, const char *before, const char *text)
{
	leat_buf_add_str(to, before);
	leat_json_add_string(to, text, strlen(text));
}

static int
write_parts(struct json_plans *ps, const struct leat_schema *s,
    struct leat_buf *to, struct leat_err *err)
{
	uint32_t i;

	switch (s->kind) {
	case LEAT_ARRAY:
		leat_buf_add_str(to, ",\"items\":");
		return write_schema(ps, s->elem, NULL, to, err);
	case LEAT_MAP:
		leat_buf_add_str(to, ",\"keys\":");
		if (write_schema(ps, s->key, NULL, to, err) < 0)
			return -1;
		leat_buf_add_str(to, ",\"values\":");
		return write_schema(ps, s->elem, NULL, to, err);
	case LEAT_STRUCT:
		leat_buf_add_str(to, ",\"fields\":[");
		for (i = 0; i < s->nfields; i++) {
			if (i > 0)
				leat_buf_add_byte(to, ',');
			if (write_schema(ps, s->fields[i].schema,
				s->fields[i].name, to, err) < 0)
				return -1;
		}
		leat_buf_add_byte(to, ']');
		return 0;
	default:
		return 0;
	}
}

static void
write_params(const struct leat_schema *s, struct leat_buf *to)
{
	uint32_t i;

	if (s->nparams == 0)
		return;
	leat_buf_add_str(to, ",\"parameters\":");
	for (i = 0; i < s->nparams; i++) {
		add_text(to, i == 0 ? "{" : ",", s->params[i].key);
		add_text(to, ":", s->params[i].value);
	}
	leat_buf_add_byte(to, '}');
}

static int
write_schema(struct json_plans *ps, const struct leat_schema *s,
    const char *field, struct leat_buf *to, struct leat_err *err)
{
	const struct json_plan *plan;

	leat_buf_add_str(to, "{\"type\":\"");
	leat_buf_add_str(to, type_names[s->kind]);
	leat_buf_add_byte(to, '"');
	if (write_parts(ps, s, to, err) < 0)
		return -1;
	leat_buf_add_str(to, s->optional ? ",\"optional\":true"
	    : ",\"optional\":false");
	if (s->name != NULL)
		add_text(to, ",\"name\":", s->name);
	if (s->version != 0) {
		leat_buf_add_str(to, ",\"version\":");
		leat_buf_add_i64(to, s->version);
	}
	if (s->doc != NULL)
		add_text(to, ",\"doc\":", s->doc);
	write_params(s, to);
	if (s->has_default && s->def.kind != LEAT_NULL) {
		plan = json_plan_of(ps, s, err);
		leat_buf_add_str(to, ",\"default\":");
		if (plan == NULL || json_encode(plan, &s->def, to, err) < 0)
			return -1;
	}
	if (field != NULL)
		add_text(to, ",\"field\":", field);
	leat_buf_add_byte(to, '}');
	return 0;
}

int
json_schema_write(struct json_plans *ps, const struct leat_schema *schema,
    struct leat_buf *to, struct leat_err *err)
{
	if (write_schema(ps, schema, NULL, to, err) < 0)
		return -1;
	if (to->failed)
		return record_buf_failed(to, "a schema as JSON", err);
	return 0;
}
