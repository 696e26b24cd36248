/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_shape.h: JSON text as a typed value, whose schema is inferred from it by
 * Debezium's rules.
 *
 * All is optional. Objects are structs named by the way to them ("payload.a"),
 * whole numbers int32 or int64 as they fit, others float64. Members that are
 * null or empty lists are left out unless asked for. The elements of a list
 * must be of one kind; the members of its objects are put together.
 */
#ifndef LEAT_RECORD_JSON_SHAPE_H
#define LEAT_RECORD_JSON_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

#include <leat/arena.h>
#include <leat/err.h>
#include <leat/schema.h>
#include <leat/str.h>

enum {
	JSON_SHAPE_MEMBERS = 2000, /* of an object */
	JSON_SHAPE_SCHEMAS = 20000 /* new ones that one user may cause */
};

struct json_shape {
	struct leat_schema_pool *pool;
	bool keep_nulls; /* as optional bytes */
	bool keep_empty_lists; /* as lists of optional strings */
	uint32_t nschemas; /* interned so far */
};

/*
 * The text must be one object or list; `name` is that of its struct, or NULL.
 * Fails with class RECORD where the text has no such shape.
 */
int json_shape_parse(struct json_shape *js, const char *name,
    struct leat_str text, struct leat_arena *arena,
    const struct leat_schema **ret_schema, struct leat_value *ret_value,
    struct leat_err *err);

#endif
