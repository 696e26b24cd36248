/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_types.h: from PostgreSQL's types and text to Connect's schemas and values.
 *
 * A column's type is resolved once, into a struct pg_type that holds a schema
 * and a function; converting a value is then one call. Snapshot and stream use
 * the same functions on the same text, so that a row looks the same from both.
 */
#ifndef LEAT_PG_TYPES_H
#define LEAT_PG_TYPES_H

#include <stdint.h>

#include <leat/arena.h>
#include <leat/connector.h>
#include <leat/str.h>

#include "pg_config.h"

struct pg_type;

/* What a conversion may return besides 0. */
enum {
	PG_CONV_NOMEM = -1,	/* the batch is full: come again */
	PG_CONV_BAD = -2,	/* the text is not of this type */
	PG_CONV_NONE = -3,	/* the schema cannot express this value */
	PG_CONV_STALE = -4	/* a value newer than the schema: look again */
};

/*
 * Converts one text. `s` may be written to, and lives as long as the batch:
 * results may point into it. Other memory comes from `mem`.
 */
typedef int pg_conv_fn(const struct pg_type *ty, char *s, uint32_t len,
    struct leat_batch *mem, struct leat_value *ret);

struct pg_type {
	pg_conv_fn *conv;
	/* Without default. If optional, so whatever the column is. */
	struct leat_schema schema;
	struct leat_value fallback;	/* for a missing NOT NULL value */
	struct leat_value placeholder;	/* for an unchanged large value */
	int32_t has_placeholder;
	int32_t precision;	/* of time and numeric, length of bits */
	int32_t scale;
	int32_t mode;		/* the option that governs the type */
	int32_t infinity;	/* PG_INFINITY_*, of dates and timestamps */
	const struct pg_type *elem;	/* arrays */
	const struct pg_type *nested;	/* elem when it is a dimension */
	char delim;		/* between the elements */
	const struct leat_str *labels;	/* enums */
	uint32_t nlabels;
	uint32_t category;	/* PG_CAT_* */
	uint32_t oid;		/* of a built-in type that is no array */
	int32_t typmod;
	uint32_t is_domain;
};

/* What a default expression and a placeholder need to know of a type. */
enum {
	PG_CAT_OTHER,
	PG_CAT_NUMBER,
	PG_CAT_TEXT,
	PG_CAT_BINARY,
	PG_CAT_TIME,
	PG_CAT_UUID
};

/* A row of pg_type, for types that are not built in. */
struct pg_typeinfo {
	uint32_t oid;
	uint32_t base_oid;	/* of a domain */
	int32_t base_typmod;
	int32_t base_ndims;
	uint32_t elem_oid;	/* of an array */
	char typtype;		/* b c d e m p r */
	char delim;		/* between elements of an array of it */
	const char *name;
	const struct leat_str *labels;	/* of an enum, in order */
	uint32_t nlabels;
};

/* What resolving needs: the options, and a way to look into the catalog. */
struct pg_type_env {
	const struct pg_config *cfg;
	/* Fills *ret from pg_type, with memory of the arena. 0 or negative. */
	int (*lookup)(void *arg, uint32_t oid, struct leat_arena *a,
	    struct pg_typeinfo *ret, struct leat_err *err);
	void *arg;
};

/*
 * The type of a column; ndims is the number of dimensions that an array was
 * declared with. *ret_type is NULL for a type that has no mapping and is left
 * out. 0, or negative with err filled.
 */
int pg_type_resolve(const struct pg_type_env *env, uint32_t oid,
    int32_t typmod, int32_t ndims, struct leat_arena *a,
    const struct pg_type **ret_type, struct leat_err *err);

/*
 * The default of a column from its expression as pg_get_expr() prints it:
 * 1 and *ret, or 0 when the schema gets none.
 */
int pg_default_value(const struct pg_type *ty, const char *expr,
    struct leat_arena *a, struct leat_value *ret);

/* A batch whose memory is an arena, for values that live longer than a poll. */
struct pg_arena_batch {
	struct leat_batch b;
	struct leat_task_head head;
	struct leat_host host;
	struct leat_arena *arena;
};

void pg_arena_batch_init(struct pg_arena_batch *ab, struct leat_arena *a);

/* ---------------------------------------------- the conversions, by family */

/* pg_conv_number.c */
pg_conv_fn pg_conv_bool, pg_conv_int, pg_conv_float, pg_conv_decimal,
    pg_conv_vardecimal, pg_conv_numeric_double, pg_conv_numeric_string,
    pg_conv_money, pg_conv_money_double, pg_conv_money_string;
/* pg_conv_time.c */
pg_conv_fn pg_conv_date, pg_conv_time, pg_conv_timestamp, pg_conv_timestamptz,
    pg_conv_timetz;
/* pg_conv_structured.c */
pg_conv_fn pg_conv_date_struct, pg_conv_time_struct, pg_conv_timestamp_struct,
    pg_conv_timestamptz_struct, pg_conv_timetz_struct;
/* pg_conv_interval.c */
pg_conv_fn pg_conv_interval;
/* pg_conv_text.c */
pg_conv_fn pg_conv_text, pg_conv_enum, pg_conv_bytea, pg_conv_bits,
    pg_conv_bit1, pg_conv_hstore_json, pg_conv_hstore_map, pg_conv_unknown;
/* pg_conv_shape.c */
pg_conv_fn pg_conv_point, pg_conv_circle, pg_conv_line, pg_conv_box,
    pg_conv_lseg, pg_conv_path, pg_conv_polygon, pg_conv_geometry;
/* pg_conv_array.c */
pg_conv_fn pg_conv_array, pg_conv_vector, pg_conv_sparse;

/* How values of pg_conv_time.c come out; the `mode` of their type. */
enum {
	PG_OUT_DAYS,
	PG_OUT_MS,
	PG_OUT_US,
	PG_OUT_NS,
	PG_OUT_ISO
};

/* Bytes in the representation of binary.handling.mode. */
int pg_binary_value(int32_t mode, const void *p, size_t len,
    struct leat_batch *mem, struct leat_value *ret);

/* Decodes hex digits in place; the number of bytes, or -1. */
int64_t pg_hex_decode(char *s, uint32_t len);

/* A number as PostgreSQL prints float8: 0 or PG_CONV_BAD. */
int pg_parse_double(struct leat_str text, double *ret);

/* Two's complement of a decimal text with its point moved by `scale`. */
int pg_decimal_bytes(const char *s, uint32_t len, int32_t scale,
    struct leat_batch *mem, struct leat_value *ret);

#endif
