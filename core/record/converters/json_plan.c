/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_plan.c: compiles schemas.
 */
#include "core/record/converters/json_plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/record/converter.h"
#include "core/record/converters/json_text.h"
#include "core/record/memory.h"

enum {
	/* What a schema's fixed part may come to; more is a mistake. */
	FIXED_LIMIT = 16 << 20,
	NAME_LIMIT = 1 << 20,
	TEXT_LIMIT = 16 << 20,
	/* Structs with fewer fields are searched without a table. */
	TABLE_FIELDS = 8
};

void
json_plans_init(struct json_plans *ps, struct leat_schema_pool *pool)
{
	memset(ps, 0, sizeof(*ps));
	ps->pool = pool;
	ps->replace_null = true;
	leat_arena_init(&ps->arena, 4096, RECORD_LIMIT_PLANS);
}

void
json_plans_fini(struct json_plans *ps)
{
	leat_arena_fini(&ps->arena);
	free(ps->by_id);
	ps->by_id = NULL;
	ps->cap = 0;
}

size_t
json_plans_held(const struct json_plans *ps)
{
	return ps->arena.held_bytes + ps->cap * sizeof(*ps->by_id);
}

static int
no_memory(struct json_plans *ps, struct leat_err *err)
{
	if (ps->arena.held_bytes > RECORD_LIMIT_PLANS / 2)
		return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_LIMIT,
		    "schemas need more than %d bytes of encodings",
		    RECORD_LIMIT_PLANS);
	return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
}

/* ------------------------------------------------------------------ scalars */

static bool
is_named(const struct leat_schema *s, const char *name)
{
	return s->name != NULL && strcmp(s->name, name) == 0;
}

static const char *
param(const struct leat_schema *s, const char *key)
{
	uint32_t i;

	for (i = 0; i < s->nparams; i++)
		if (strcmp(s->params[i].key, key) == 0)
			return s->params[i].value;
	return NULL;
}

static int
read_scale(struct json_plan *plan, struct leat_err *err)
{
	const char *text = param(plan->schema, "scale");
	int64_t scale;

	if (text == NULL || leat_parse_i64(leat_str_c(text), INT32_MIN,
		INT32_MAX, &scale) < 0)
		return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_DATA,
		    "Invalid Decimal schema: %s",
		    text == NULL ? "scale parameter not found."
		    : "scale parameter is not a number.");
	plan->scale = (int32_t)scale;
	return 0;
}

static int
plan_bytes(struct json_plans *ps, struct json_plan *plan,
    struct leat_err *err)
{
	plan->op = JSON_BYTES;
	if (!is_named(plan->schema, JSON_DECIMAL_NAME))
		return 0;
	plan->decimal = true;
	if (ps->numeric)
		plan->op = JSON_DECIMAL;
	return read_scale(plan, err);
}

/* --------------------------------------------------------------- containers */

static int
plan_array(struct json_plans *ps, struct json_plan *plan,
    struct leat_err *err)
{
	plan->op = JSON_ARRAY;
	plan->elem = json_plan_of(ps, plan->schema->elem, err);
	return plan->elem == NULL ? -1 : 0;
}

static int
plan_map(struct json_plans *ps, struct json_plan *plan, struct leat_err *err)
{
	const struct leat_schema *s = plan->schema;

	plan->op = s->key->kind == LEAT_STRING ? JSON_OBJECT : JSON_PAIRS;
	plan->key = json_plan_of(ps, s->key, err);
	plan->elem = json_plan_of(ps, s->elem, err);
	return plan->key == NULL || plan->elem == NULL ? -1 : 0;
}

/* A field's key and the null behind it, in blocks of 16 for whole copies. */
static int
field_text(struct json_plans *ps, struct json_field *f, const char *name,
    char before, struct leat_err *err)
{
	const struct leat_str null = f->plan->null_text;
	uint8_t *text, *p;

	f->name_len = (uint32_t)strlen(name);
	if (f->name_len > NAME_LIMIT)
		return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_LIMIT,
		    "a field's name has %u bytes", f->name_len);
	text = leat_arena_alloc(&ps->arena,
	    JSON_STRING_MAX(f->name_len) + null.len + 64);
	if (text == NULL)
		return no_memory(ps, err);
	*text = (uint8_t)before;
	p = json_put_string(text + 1, (const uint8_t *)name, f->name_len);
	*p++ = ':';
	f->key_len = (uint32_t)(p - text);
	if (null.ptr != NULL) {
		memcpy(p, null.ptr, null.len);
		p += null.len;
		f->all_len = (uint32_t)(p - text);
	}
	memset(p, 0, 32);
	f->text = text;
	return 0;
}

static int
name_table(struct json_plans *ps, struct json_plan *plan,
    struct leat_err *err)
{
	const struct leat_schema *s = plan->schema;
	uint32_t n = 32, i, at;
	uint32_t *slots;

	if (plan->nfields <= TABLE_FIELDS)
		return 0;
	while (n < plan->nfields * 2)
		n *= 2;
	slots = leat_arena_calloc(&ps->arena, n, sizeof(*slots));
	if (slots == NULL)
		return no_memory(ps, err);
	for (i = 0; i < plan->nfields; i++) {
		at = (uint32_t)leat_hash(s->fields[i].name,
		    plan->fields[i].name_len, 0) & (n - 1);
		while (slots[at] != 0)
			at = (at + 1) & (n - 1);
		slots[at] = i + 1;
	}
	plan->slots = slots;
	plan->nslots = n;
	return 0;
}

static int
plan_struct(struct json_plans *ps, struct json_plan *plan,
    struct leat_err *err)
{
	const struct leat_schema *s = plan->schema;
	struct json_field *fields, *f;
	uint32_t i;

	plan->op = JSON_STRUCT;
	plan->fixed_max = 16;
	if (s->nfields > FIXED_LIMIT / 8)
		return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_LIMIT,
		    "a struct of %u fields", s->nfields);
	fields = leat_arena_calloc(&ps->arena, s->nfields, sizeof(*fields));
	if (fields == NULL)
		return no_memory(ps, err);
	for (i = 0, f = fields; i < s->nfields; i++, f++) {
		f->plan = json_plan_of(ps, s->fields[i].schema, err);
		if (f->plan == NULL || field_text(ps, f, s->fields[i].name,
			i == 0 ? '{' : ',', err) < 0)
			return -1;
		f->op = f->plan->op;
		f->kind = f->plan->kind;
		if (f->kind == LEAT_INT64 && (f->last = leat_arena_calloc(
			&ps->arena, 1, sizeof(*f->last))) == NULL)
			return no_memory(ps, err);
		plan->fixed_max += f->key_len + f->plan->fixed_max;
		if (plan->fixed_max > FIXED_LIMIT)
			return leat_err_set(err, LEAT_CLS_RECORD,
			    LEAT_E_LIMIT, "a struct needs more than %d bytes "
			    "without its strings", FIXED_LIMIT);
	}
	plan->fields = fields;
	plan->nfields = s->nfields;
	return name_table(ps, plan, err);
}

/* -------------------------------------------------------------- whole plans */

/* long: one case for each kind of schema. */
static int
plan_fill(struct json_plans *ps, struct json_plan *plan, struct leat_err *err)
{
	plan->kind = plan->schema->kind;
	plan->fixed_max = 8;
	switch (plan->kind) {
	case LEAT_BOOLEAN:
		plan->op = JSON_BOOLEAN;
		return 0;
	case LEAT_INT8:
	case LEAT_INT16:
	case LEAT_INT32:
	case LEAT_INT64:
		plan->op = JSON_INT;
		plan->fixed_max = JSON_NUMBER_MAX;
		return 0;
	case LEAT_FLOAT32:
		plan->op = JSON_FLOAT32;
		plan->fixed_max = JSON_NUMBER_MAX;
		return 0;
	case LEAT_FLOAT64:
		plan->op = JSON_FLOAT64;
		plan->fixed_max = JSON_NUMBER_MAX;
		return 0;
	case LEAT_STRING:
		plan->op = JSON_STRING;
		return 0;
	case LEAT_BYTES:
		return plan_bytes(ps, plan, err);
	case LEAT_ARRAY:
		return plan_array(ps, plan, err);
	case LEAT_MAP:
		return plan_map(ps, plan, err);
	case LEAT_STRUCT:
		return plan_struct(ps, plan, err);
	default:
		return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_DATA,
		    "Unknown schema type: %u", plan->kind);
	}
}

/* What a null is written as, and room for it. */
static int
plan_null(struct json_plans *ps, struct json_plan *plan, struct leat_err *err)
{
	const struct leat_schema *s = plan->schema;
	struct leat_buf text;
	char *copy;
	int rc;

	plan->null_is_default = s->has_default && ps->replace_null &&
	    s->def.kind != LEAT_NULL;
	if (!plan->null_is_default) {
		if (s->optional)
			plan->null_text = LEAT_STR("null");
		return 0;
	}
	leat_buf_init(&text, TEXT_LIMIT);
	rc = json_encode(plan, &s->def, &text, err);
	copy = rc < 0 ? NULL : leat_arena_memdup(&ps->arena, text.data,
	    text.len);
	if (rc < 0)
		leat_err_wrap(err, "default value");
	else if (copy == NULL)
		rc = no_memory(ps, err);
	else
		plan->null_text = (struct leat_str){ copy, text.len };
	if (rc == 0 && text.len > plan->fixed_max)
		plan->fixed_max = text.len;
	leat_buf_fini(&text);
	return rc;
}

static int
make_slot(struct json_plans *ps, uint32_t id, struct leat_err *err)
{
	struct json_plan **by_id;
	uint32_t cap = ps->cap == 0 ? 64 : ps->cap;

	if (id < ps->cap)
		return 0;
	while (cap <= id)
		cap *= 2;
	by_id = realloc(ps->by_id, cap * sizeof(*by_id));
	if (by_id == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	memset(by_id + ps->cap, 0, (cap - ps->cap) * sizeof(*by_id));
	ps->by_id = by_id;
	ps->cap = cap;
	return 0;
}

const struct json_plan *
json_plan_make(struct json_plans *ps, const struct leat_schema *schema,
    struct leat_err *err)
{
	struct json_plan *plan;

	if (!schema->interned) {
		schema = leat_schema_pool_intern(ps->pool, schema, err);
		if (schema == NULL)
			return NULL;
	}
	if (make_slot(ps, schema->id, err) < 0)
		return NULL;
	plan = ps->by_id[schema->id];
	if (plan != NULL && plan->schema == schema)
		return plan;
	plan = leat_arena_calloc(&ps->arena, 1, sizeof(*plan));
	if (plan == NULL) {
		no_memory(ps, err);
		return NULL;
	}
	plan->schema = schema;
	if (plan_fill(ps, plan, err) < 0 || plan_null(ps, plan, err) < 0)
		return NULL;
	return ps->by_id[schema->id] = plan;
}

int
json_plan_envelope(struct json_plans *ps, const struct json_plan *plan,
    struct leat_err *err)
{
	struct leat_buf text;
	char *copy;
	int rc = 0;

	leat_buf_init(&text, TEXT_LIMIT);
	leat_buf_add_str(&text, "{\"schema\":");
	if (json_schema_write(ps, plan->schema, &text, err) < 0)
		rc = -1;
	else if (leat_buf_add_str(&text, ",\"payload\":") < 0)
		rc = record_buf_failed(&text, "a schema as JSON", err);
	if (rc == 0) {
		copy = leat_arena_memdup(&ps->arena, text.data, text.len);
		if (copy == NULL)
			rc = no_memory(ps, err);
		else
			ps->by_id[plan->schema->id]->envelope =
			    (struct leat_str){ copy, text.len };
	}
	leat_buf_fini(&text);
	return rc;
}

int32_t
json_plan_field(const struct json_plan *plan, struct leat_str name)
{
	const struct leat_field *fields = plan->schema->fields;
	uint32_t i, at;

	if (plan->nslots == 0) {
		for (i = 0; i < plan->nfields; i++)
			if (plan->fields[i].name_len == name.len &&
			    memcmp(fields[i].name, name.ptr, name.len) == 0)
				return (int32_t)i;
		return -1;
	}
	at = (uint32_t)leat_hash(name.ptr, name.len, 0) & (plan->nslots - 1);
	for (; plan->slots[at] != 0; at = (at + 1) & (plan->nslots - 1)) {
		i = plan->slots[at] - 1;
		if (plan->fields[i].name_len == name.len &&
		    memcmp(fields[i].name, name.ptr, name.len) == 0)
			return (int32_t)i;
	}
	return -1;
}
