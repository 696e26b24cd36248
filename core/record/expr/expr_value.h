/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expr_value.h: what an expression computes with.
 *
 * A record's values keep their form and their schema (X_DATA) until somebody
 * looks inside; scalars become one of a few kinds at once.
 */
#ifndef LEAT_RECORD_EXPR_VALUE_H
#define LEAT_RECORD_EXPR_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include <leat/buf.h>
#include <leat/record.h>
#include <leat/str.h>

enum expr_kind {
	X_NULL,
	X_BOOL,		/* u.i */
	X_INT,		/* u.i */
	X_DOUBLE,	/* u.f */
	X_DECIMAL,	/* u.b, len: unscaled, as Connect's; scale */
	X_STRING,	/* u.s, len */
	X_BYTES,	/* u.b, len */
	X_LIST,		/* u.items, len: written in the expression */
	X_MAP,		/* u.items: key, value, ...; len counts pairs */
	X_DATA,		/* u.data with schema: STRUCT, ARRAY or MAP */
	X_SCHEMA,	/* schema */
	X_FIELD,	/* u.field; scale is its position */
	X_FIELDS,	/* of schema */
	X_PARAMS,	/* of schema */
	X_HEADERS,	/* u.rec */
	X_HEADER,	/* u.header */
	X_KIND_N
};

struct expr_value {
	uint8_t kind;		/* enum expr_kind */
	int32_t scale;
	uint32_t len;
	const struct leat_schema *schema;
	union {
		int64_t i;
		double f;
		const char *s;
		const uint8_t *b;
		const struct expr_value *items;
		const struct leat_value *data;
		const struct leat_field *field;
		const struct leat_record *rec;
		const struct leat_header *header;
	} u;
};

static inline struct expr_value
expr_null(void)
{
	return (struct expr_value){ .kind = X_NULL };
}

static inline struct expr_value
expr_bool(bool v)
{
	return (struct expr_value){ .kind = X_BOOL, .u.i = v };
}

static inline struct expr_value
expr_int(int64_t v)
{
	return (struct expr_value){ .kind = X_INT, .u.i = v };
}

static inline struct expr_value
expr_double(double v)
{
	return (struct expr_value){ .kind = X_DOUBLE, .u.f = v };
}

static inline struct expr_value
expr_string(const char *s, size_t len)
{
	return (struct expr_value){ .kind = X_STRING, .len = (uint32_t)len,
	    .u.s = s };
}

/* NULL is null. */
static inline struct expr_value
expr_cstring(const char *s)
{
	return s == NULL ? expr_null() : expr_string(s, strlen(s));
}

static inline struct expr_value
expr_schema(const struct leat_schema *s)
{
	return s == NULL ? expr_null() :
	    (struct expr_value){ .kind = X_SCHEMA, .schema = s };
}

static inline struct leat_str
expr_str(const struct expr_value *v)
{
	return (struct leat_str){ v->u.s, v->len };
}

static inline bool
expr_is_number(const struct expr_value *v)
{
	return v->kind >= X_INT && v->kind <= X_DECIMAL;
}

/* A record's value; `v` is pointed to when it is no scalar. */
struct expr_value expr_of_data(const struct leat_schema *s,
    const struct leat_value *v);

/* "a string", "null", "a struct": for messages. */
const char *expr_kind_words(const struct expr_value *v);

/* Groovy's truth: null, false, 0, "" and what is empty are false. */
bool expr_truth(const struct expr_value *v);

/* Lists of either form. */
bool expr_is_list(const struct expr_value *v);
uint32_t expr_list_len(const struct expr_value *list);
struct expr_value expr_list_at(const struct expr_value *list, uint32_t i);
/* Maps of either form, and schemas' parameters; and structs' lengths. */
bool expr_is_map(const struct expr_value *v);
uint32_t expr_map_len(const struct expr_value *map);

/*
 * Equality by value: numbers of any type, lists and structs by their members;
 * null equals null alone, different kinds are different.
 */
bool expr_equal(const struct expr_value *a, const struct expr_value *b);

/* The value of a key, or null. */
struct expr_value expr_map_get(const struct expr_value *map,
    const struct expr_value *key, bool *ret_found);

/*
 * The order of two values: null before all, numbers, strings, booleans. False
 * for kinds that have no order.
 */
bool expr_order(const struct expr_value *a, const struct expr_value *b,
    int *ret_order);

/* Appends the text, as Java's toString gives it. 0, or filled err. */
int expr_add_text(const struct expr_value *v, struct leat_buf *to,
    struct leat_err *err);

#endif
