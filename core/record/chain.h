/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chain.h: what stands between a connector and its topics: the converters and
 * the list of transforms with their predicates, built from a connector's
 * properties (key.converter, value.converter, header.converter, transforms,
 * predicates and what is below them).
 *
 * A chain belongs to one task thread.
 */
#ifndef LEAT_CORE_RECORD_CHAIN_H
#define LEAT_CORE_RECORD_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/arena.h>
#include <leat/buf.h>
#include <leat/err.h>
#include <leat/record.h>
#include <leat/schema.h>
#include <leat/str.h>

struct properties;
struct problems;
struct chain;

/*
 * Checks all keys that belong to converters, transforms and predicates, and
 * says through `known` whether a key is one of theirs.
 */
void chain_validate(const struct properties *props, struct problems *out);
bool chain_owns_key(const struct properties *props, const char *key);

/*
 * Builds; `defaults` are the worker's properties (its key.converter and so on),
 * `pool` is the task's, where transforms intern the schemas that they derive.
 */
int chain_new(const struct properties *props,
    const struct properties *defaults, struct leat_schema_pool *pool,
    struct chain **ret_chain, struct leat_err *err);
void chain_free(struct chain *c);

/* Where a record failed: Kafka Connect's stage names for dead letters. */
enum chain_stage {
	STAGE_TRANSFORMATION,
	STAGE_KEY_CONVERTER,
	STAGE_VALUE_CONVERTER,
	STAGE_HEADER_CONVERTER
};

struct chain_failure {
	enum chain_stage stage;
	const char *what;	/* class name of the transform or converter */
};

/*
 * Runs the transforms over a record in place; what they build comes from the
 * arena. *ret_keep is false when a transform dropped it. On failure (class
 * RECORD as a rule) *ret_failure says where.
 */
int chain_transform(struct chain *c, struct leat_record *rec,
    struct leat_arena *arena, bool *ret_keep,
    struct chain_failure *ret_failure, struct leat_err *err);

/* A header in bytes. */
struct chain_header {
	const char *name;
	struct leat_str value;	/* ptr NULL: null */
};

/* A record in bytes; all valid until the next encode or the arena's reset. */
struct chain_bytes {
	struct leat_str key;	/* ptr NULL: null */
	struct leat_str value;	/* ptr NULL: null */
	const struct chain_header *headers;
	uint32_t nheaders;
};

/* Source side: typed record to bytes. The hot path of a source. */
int chain_encode(struct chain *c, const struct leat_record *rec,
    struct leat_arena *arena, struct chain_bytes *ret_bytes,
    struct chain_failure *ret_failure, struct leat_err *err);

/*
 * Sink side: bytes to a typed record; key, value and headers of *rec are set,
 * in the arena or pointing into the bytes.
 */
int chain_decode(struct chain *c, const struct chain_bytes *bytes,
    struct leat_arena *arena, struct leat_record *rec,
    struct chain_failure *ret_failure, struct leat_err *err);

/* Memory held between records, for budgets. */
size_t chain_held(const struct chain *c);

#endif
