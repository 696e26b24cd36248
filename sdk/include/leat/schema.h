/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema.h: what a value is, in Kafka Connect's terms.
 *
 * A schema is immutable. Write one as static const data, or build it in any
 * memory, and have the host intern it (leat_schema_intern in connector.h):
 * the interned copy is unique within a task, so that two schemas are equal
 * exactly when their pointers are, and it carries what converters precompute.
 * Records must carry interned schemas.
 *
 * Logical types are names on schemas, as in Kafka Connect and Debezium
 * ("org.apache.kafka.connect.data.Decimal", "io.debezium.time.MicroTimestamp").
 * The layout is part of the ABI; it grows at the end only.
 */
#ifndef LEAT_SCHEMA_H
#define LEAT_SCHEMA_H

#include <stdint.h>

#include <leat/arena.h>
#include <leat/err.h>
#include <leat/value.h>

struct leat_param {
	const char *key;
	const char *value;
};

struct leat_field {
	const char *name;
	const struct leat_schema *schema;
	/* Set by interning: `"name":` escaped as JSON, and its length. */
	const char *json_key;
	uint32_t json_key_len;
	uint32_t name_len;
};

struct leat_schema {
	uint8_t kind;		/* LEAT_BOOLEAN .. LEAT_STRUCT */
	uint8_t optional;	/* 1: null is allowed */
	uint8_t has_default;	/* 1: def is the default value */
	uint8_t interned;	/* 1: made by the host */
	uint32_t id;		/* dense per task, set by interning */
	int32_t version;	/* 0: none */
	uint32_t nparams;
	const char *name;	/* NULL: none */
	const char *doc;	/* NULL: none */
	const struct leat_param *params;
	struct leat_value def;
	const struct leat_schema *key;	/* MAP */
	const struct leat_schema *elem;	/* ARRAY elements, MAP values */
	const struct leat_field *fields;	/* STRUCT */
	uint32_t nfields;
	uint32_t reserved;
};

enum { LEAT_SCHEMA_DEPTH = 128 };	/* schemas within schemas */

/*
 * The plain schemas without attributes, required or optional; NULL for kinds
 * above BYTES.
 */
const struct leat_schema *leat_schema_plain(int kind, int optional);

/* Are the two equal in all their attributes, recursively? NULL is a schema. */
int leat_schema_equal(const struct leat_schema *a,
    const struct leat_schema *b);
uint64_t leat_schema_hash(const struct leat_schema *s);

/* The position of a field, or -1. */
int32_t leat_schema_field(const struct leat_schema *s, const char *name);

/*
 * A pool interns schemas: the host has one per task. Pure memory, no I/O, not
 * thread-safe. When the pool's limit is reached intern fails with LEAT_E_LIMIT.
 */
struct leat_schema_pool;
struct leat_schema_pool *leat_schema_pool_new(size_t limit_bytes);
void leat_schema_pool_free(struct leat_schema_pool *pool);
/* Schemas interned so far; ids are 0 .. n-1. */
uint32_t leat_schema_pool_count(const struct leat_schema_pool *pool);
/* A deep copy, or the one already there; NULL with err filled. */
const struct leat_schema *leat_schema_pool_intern(
    struct leat_schema_pool *pool, const struct leat_schema *schema,
    struct leat_err *err);

/*
 * Does the value fit the schema (kinds, lengths, nulls), recursively? 0, or
 * LEAT_E_DATA with a text that names the place ("after.amount: ...").
 */
int leat_value_check(const struct leat_schema *s, const struct leat_value *v,
    struct leat_err *err);

#endif
