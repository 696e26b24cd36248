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
	int32_t ndims;	/* of an array, as declared */
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

/* Rows for types without a mapping: the bytes of their text, or that itself. */
extern const struct pg_type_row pg_type_row_unknown, pg_type_row_text;

/* pg_placeholder.c: 0 or -ENOMEM */
int pg_type_set_placeholder(struct pg_type_build *b);

/* pg_type_time.c */
pg_type_maker pg_make_date, pg_make_time, pg_make_timestamp,
    pg_make_timestamptz, pg_make_timetz, pg_make_interval;
/* pg_type_shape.c */
pg_type_maker pg_make_point, pg_make_line, pg_make_circle, pg_make_shape,
    pg_make_geometry;

void pg_type_set_schema(struct pg_type_build *b, uint8_t kind,
    const char *name);
/* n parameters from n pairs of key and value; 0 or -ENOMEM. */
int pg_type_set_params(struct pg_type_build *b, uint32_t n,
    const char *const *pairs);
/*
 * The fields of a struct, of plain kinds: C H I L for int8 to int64, D for
 * float64, S and B for string and bytes; small letters for optional ones.
 */
int pg_type_set_fields(struct pg_type_build *b, uint32_t n, const char *kinds,
    const char *const *names);
/* What the type makes of a text, for a missing NOT NULL value. */
int pg_type_set_fallback(struct pg_type_build *b, const char *text);

#endif
