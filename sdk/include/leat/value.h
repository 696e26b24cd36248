/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value.h: a typed value in 16 bytes, Kafka Connect's data model.
 *
 * A value does not own what it points to; whoever built it says how long that
 * lives (for records: until the batch is released). Values are part of the
 * ABI: the layout is pinned below.
 *
 * A value with a schema of kind STRUCT has one item per field, in field order.
 * Without a schema, structure is a MAP with string keys. The items of a map
 * are key, value, key, value, ...; its len counts pairs.
 */
#ifndef LEAT_VALUE_H
#define LEAT_VALUE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
	LEAT_NULL = 0,
	LEAT_BOOLEAN = 1,
	LEAT_INT8 = 2,
	LEAT_INT16 = 3,
	LEAT_INT32 = 4,
	LEAT_INT64 = 5,
	LEAT_FLOAT32 = 6,
	LEAT_FLOAT64 = 7,
	LEAT_STRING = 8,
	LEAT_BYTES = 9,
	LEAT_ARRAY = 10,
	LEAT_MAP = 11,
	LEAT_STRUCT = 12,
	LEAT_KIND_N = 13
};

struct leat_value {
	uint8_t kind;		/* LEAT_* above */
	uint8_t flags;		/* 0; reserved */
	uint16_t reserved;
	uint32_t len;		/* bytes, items, pairs or fields */
	union {
		int64_t i;	/* BOOLEAN (0, 1), INT8 .. INT64 */
		double f;	/* FLOAT32, FLOAT64 */
		const char *s;	/* STRING: UTF-8, not NUL-terminated */
		const uint8_t *b;	/* BYTES */
		const struct leat_value *items;	/* ARRAY, MAP, STRUCT */
	} u;
};

_Static_assert(sizeof(struct leat_value) == 16, "ABI");
_Static_assert(offsetof(struct leat_value, len) == 4, "ABI");
_Static_assert(offsetof(struct leat_value, u) == 8, "ABI");

static inline struct leat_value
leat_null(void)
{
	return (struct leat_value){ .kind = LEAT_NULL };
}

static inline struct leat_value
leat_bool(int v)
{
	return (struct leat_value){ .kind = LEAT_BOOLEAN, .u.i = v != 0 };
}

static inline struct leat_value
leat_i32(int32_t v)
{
	return (struct leat_value){ .kind = LEAT_INT32, .u.i = v };
}

static inline struct leat_value
leat_i64(int64_t v)
{
	return (struct leat_value){ .kind = LEAT_INT64, .u.i = v };
}

static inline struct leat_value
leat_f64(double v)
{
	return (struct leat_value){ .kind = LEAT_FLOAT64, .u.f = v };
}

static inline struct leat_value
leat_string(const char *s, size_t len)
{
	return (struct leat_value){ .kind = LEAT_STRING,
	    .len = (uint32_t)len, .u.s = s };
}

static inline struct leat_value
leat_cstring(const char *s)
{
	return leat_string(s, strlen(s));
}

static inline struct leat_value
leat_bytes(const void *p, size_t len)
{
	return (struct leat_value){ .kind = LEAT_BYTES,
	    .len = (uint32_t)len, .u.b = (const uint8_t *)p };
}

/* kind is LEAT_ARRAY, LEAT_MAP (n pairs, 2n items) or LEAT_STRUCT. */
static inline struct leat_value
leat_items(uint8_t kind, const struct leat_value *items, size_t n)
{
	return (struct leat_value){ .kind = kind, .len = (uint32_t)n,
	    .u.items = items };
}

/* Kafka Connect's word for a kind: "int32", "struct", ... */
const char *leat_kind_name(int kind);

/* The value of a string key in a MAP, or NULL. */
const struct leat_value *leat_map_value(const struct leat_value *map,
    const char *key);

#endif
