/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_plan.h: a schema, compiled for JSON.
 *
 * A plan holds all that does not change from value to value: the field names as
 * they are written, with the comma before them and the text of a null behind
 * them, the schema as JSON, and the most room that everything but strings,
 * bytes, arrays and maps can take. Plans are made once per schema and kept by
 * the schema's id; encoding and decoding walk them.
 */
#ifndef LEAT_RECORD_JSON_PLAN_H
#define LEAT_RECORD_JSON_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/arena.h>
#include <leat/buf.h>
#include <leat/err.h>
#include <leat/schema.h>
#include <leat/str.h>

enum json_op {
	JSON_BOOLEAN,
	JSON_INT,
	JSON_FLOAT32,
	JSON_FLOAT64,
	JSON_STRING,
	JSON_BYTES,
	JSON_DECIMAL,		/* as a number */
	JSON_ARRAY,
	JSON_OBJECT,		/* a map with string keys */
	JSON_PAIRS,		/* a map with other keys */
	JSON_STRUCT
};

/* The int64 that a field had last, and its text once it came twice. */
struct json_last {
	int64_t value;
	uint32_t len;		/* 0: no text */
	uint8_t text[24];
};

/* One field of a struct. */
struct json_field {
	uint8_t op;		/* enum json_op */
	uint8_t kind;		/* what a value that is not null must be */
	uint16_t reserved;
	uint32_t key_len;	/* of `,"name":`; the first begins with { */
	uint32_t all_len;	/* with the null behind it; 0: an error */
	uint32_t name_len;
	const uint8_t *text;	/* padded to blocks of 16 */
	const struct json_plan *plan;
	struct json_last *last;	/* of int64, or NULL */
};

struct json_plan {
	uint8_t op;
	uint8_t kind;
	bool null_is_default;	/* a null stands for the schema's default */
	bool decimal;		/* BYTES that are a Decimal */
	const struct leat_schema *schema;
	const struct json_plan *key;	/* PAIRS */
	const struct json_plan *elem;	/* ARRAY, OBJECT, PAIRS */
	const struct json_field *fields;
	uint32_t nfields;
	uint32_t nslots;	/* of the table of names; 2^n, or 0 */
	const uint32_t *slots;	/* field + 1, 0 is free */
	size_t fixed_max;	/* bytes that need no look at the values */
	struct leat_str null_text;	/* ptr NULL: null is an error */
	struct leat_str envelope;	/* {"schema":...,"payload": */
	int32_t scale;		/* of a Decimal */
};

struct json_plans {
	struct leat_schema_pool *pool;
	struct leat_arena arena;
	struct json_plan **by_id;
	uint32_t cap;
	bool envelopes;		/* schemas.enable */
	bool numeric;		/* decimal.format=NUMERIC */
	bool replace_null;	/* replace.null.with.default */
};

#define JSON_DECIMAL_NAME "org.apache.kafka.connect.data.Decimal"

void json_plans_init(struct json_plans *ps, struct leat_schema_pool *pool);
void json_plans_fini(struct json_plans *ps);
size_t json_plans_held(const struct json_plans *ps);

/* The slow path of json_plan_of. */
const struct json_plan *json_plan_make(struct json_plans *ps,
    const struct leat_schema *schema, struct leat_err *err);

/* The plan of a schema; NULL with err filled. */
static inline const struct json_plan *
json_plan_of(struct json_plans *ps, const struct leat_schema *schema,
    struct leat_err *err)
{
	const struct json_plan *plan;

	if (schema->interned && schema->id < ps->cap &&
	    (plan = ps->by_id[schema->id]) != NULL && plan->schema == schema)
		return plan;
	return json_plan_make(ps, schema, err);
}

/*
 * Makes plan->envelope. Apart from json_plan_make because only the outermost
 * schema of a value needs one.
 */
int json_plan_envelope(struct json_plans *ps, const struct json_plan *plan,
    struct leat_err *err);

/* The field of that name, or -1. */
int32_t json_plan_field(const struct json_plan *plan, struct leat_str name);

/*
 * Appends a value by its plan (json_encode.c), without the envelope. 0, or
 * LEAT_E_DATA, LEAT_E_LIMIT, -ENOMEM.
 */
int json_encode(const struct json_plan *plan, const struct leat_value *v,
    struct leat_buf *to, struct leat_err *err);

/* Appends a schema as JSON (json_schema.c). */
int json_schema_write(struct json_plans *ps, const struct leat_schema *schema,
    struct leat_buf *to, struct leat_err *err);

/*
 * The schema that a JSON text describes, interned (json_schema_read.c);
 * *ret_schema is NULL for a null. `arena` is for work.
 */
int json_schema_read(struct json_plans *ps, struct leat_str text,
    struct leat_arena *arena, const struct leat_schema **ret_schema,
    struct leat_err *err);

/*
 * Reads the text of one value (json_decode.c); all of it must be used but for
 * white space. The text must be valid UTF-8. Strings without escapes point into
 * it.
 */
int json_decode(const struct json_plan *plan, struct leat_str text,
    struct leat_arena *arena, struct leat_value *ret_value,
    struct leat_err *err);

#endif
