/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_type_rows.h: the table of types with a mapping, private to pg_types.c.
 *
 * Built-in types are found by their OID, which never changes; extensions' by
 * name. A row's maker completes the type where an option or the type modifier
 * decides.
 */
#ifndef LEAT_PG_TYPE_ROWS_H
#define LEAT_PG_TYPE_ROWS_H

#include "pg_types.h"

struct pg_type_build {
	const struct pg_type_env *env;
	struct leat_arena *a;
	struct pg_type *ty;
	int32_t typmod;
	const struct pg_typeinfo *info;	/* types that are not built in */
};

typedef int pg_type_maker(struct pg_type_build *b);

struct pg_type_row {
	uint32_t oid;
	uint32_t array_oid;	/* 0: arrays of it have no mapping */
	const char *name;	/* of an extension's type, oid 0 */
	uint8_t kind;
	uint8_t category;
	const char *schema_name;
	pg_conv_fn *conv;
	pg_type_maker *make;
};

/* The row of a built-in type; as_array: of the element of that array type. */
const struct pg_type_row *pg_type_row_by_oid(uint32_t oid, int as_array);
/* The row of an extension's type. */
const struct pg_type_row *pg_type_row_by_name(const char *name);

/* A row for types without a mapping: the bytes of their text. */
extern const struct pg_type_row pg_type_row_unknown;

void pg_type_set_schema(struct pg_type_build *b, uint8_t kind,
    const char *name);
/* n parameters from n pairs of key and value; 0 or -ENOMEM. */
int pg_type_set_params(struct pg_type_build *b, uint32_t n,
    const char *const *pairs);

#endif
