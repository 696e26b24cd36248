/* SPDX-License-Identifier: Apache-2.0 */
/*
 * envelope.h: how Debezium's change events are told from other records.
 */
#ifndef LEAT_RECORD_ENVELOPE_H
#define LEAT_RECORD_ENVELOPE_H

#include <stdbool.h>
#include <string.h>

#include <leat/schema.h>
#include <leat/value.h>

/*
 * Is it the schema of a change event? NULL is none. Its name ends with
 * "Envelope", and it has at least the fields op and after.
 */
static inline bool
envelope_is(const struct leat_schema *s)
{
	const size_t len = s != NULL && s->name != NULL ? strlen(s->name) : 0;

	return len >= 8 && s->kind == LEAT_STRUCT &&
	    strcmp(s->name + len - 8, "Envelope") == 0 &&
	    leat_schema_field(s, "op") >= 0 &&
	    leat_schema_field(s, "after") >= 0;
}

/* Does a map look like one? */
static inline bool
envelope_is_map(const struct leat_value *v)
{
	const struct leat_value *op = leat_map_value(v, "op");

	return op != NULL && op->kind == LEAT_STRING && op->len == 1 &&
	    leat_map_value(v, "source") != NULL &&
	    (leat_map_value(v, "after") != NULL ||
		leat_map_value(v, "before") != NULL);
}

/* Is it this operation? NULL is none. */
static inline bool
envelope_op_is(const struct leat_value *op, char letter)
{
	return op != NULL && op->kind == LEAT_STRING && op->len == 1 &&
	    op->u.s[0] == letter;
}

/* A field's value of a struct that has it, or null. */
static inline struct leat_value
envelope_field(const struct leat_value *v, int32_t field)
{
	if (v->kind != LEAT_STRUCT || field < 0 || (uint32_t)field >= v->len)
		return leat_null();
	return v->u.items[field];
}

#endif
