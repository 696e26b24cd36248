/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema_hash.h: how the hash of a schema is made from its parts, private to
 * libleat. The pool makes it from hashes that it remembers.
 */
#ifndef LEAT_LIB_SCHEMA_HASH_H
#define LEAT_LIB_SCHEMA_HASH_H

#include <leat/schema.h>
#include <leat/str.h>

#define SCHEMA_HASH_NONE UINT64_C(0x9e3779b97f4a7c15)	/* of no schema */

/* The hash of everything but the key, element and field schemas. */
uint64_t schema_hash_head(const struct leat_schema *s);

/* Adds one part, in the order key, elem, fields. */
static inline uint64_t
schema_hash_mix(uint64_t h, uint64_t part)
{
	return leat_hash(&part, sizeof(part), h);
}

#endif
