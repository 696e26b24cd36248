/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_types_testing.h: types by OID with a catalog of a few made-up ones, and
 * values as JSON: what the tests of types share.
 */
#ifndef LEAT_PG_TYPES_TESTING_H
#define LEAT_PG_TYPES_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <leat/json.h>

#include "pg_types.h"

enum {
	BOOL = 16,
	BYTEA = 17,
	INT8 = 20,
	INT2 = 21,
	INT4 = 23,
	TEXT = 25,
	OID = 26,
	JSON = 114,
	POINT = 600,
	FLOAT4 = 700,
	FLOAT8 = 701,
	MONEY = 790,
	INT4_ARRAY = 1007,
	TEXT_ARRAY = 1009,
	BPCHAR = 1042,
	DATE = 1082,
	TIME = 1083,
	TIMESTAMP = 1114,
	TIMESTAMPTZ = 1184,
	INTERVAL = 1186,
	TIMETZ = 1266,
	BIT = 1560,
	VARBIT = 1562,
	NUMERIC = 1700,
	UUID = 2950,
	ENUM = 70000,
	HSTORE = 70001,
	VECTOR = 70002,
	GEOMETRY = 70003,
	DOMAIN = 70004,
	ENUM_ARRAY = 70005,
	COMPOSITE = 70006,
	DOMAIN_ARRAY = 70007,
	ARRAY_DOMAIN = 70008,
	MULTIRANGE = 70009,
	CUBE = 70010,
	COMPOSITE_ARRAY = 70011,
	SPARSE = 70012,
	ARRAY_DOMAIN_ARRAY = 70013,
	CUBE_ARRAY = 70014
};

#define TYPMOD(p, s) ((((p) << 16) | ((s) & 0x7ff)) + 4)

static struct leat_arena arena;
static struct pg_config cfg;
static int32_t ndims;	/* of the columns that are asked for */

static inline int
lookup(void *arg, uint32_t oid, struct leat_arena *a, struct pg_typeinfo *ret,
    struct leat_err *err)
{
	static const struct leat_str labels[] = { { "sad", 3 }, { "a,b", 3 } };
	static const struct pg_typeinfo rows[] = {
		{ .oid = ENUM, .typtype = 'e', .name = "mood",
			.labels = labels, .nlabels = 2 },
		{ .oid = HSTORE, .typtype = 'b', .name = "hstore" },
		{ .oid = VECTOR, .typtype = 'b', .name = "vector" },
		{ .oid = GEOMETRY, .typtype = 'b', .name = "geometry" },
		{ .oid = DOMAIN, .typtype = 'd', .name = "price",
			.base_oid = NUMERIC, .base_typmod = TYPMOD(5, 1) },
		{ .oid = ENUM_ARRAY, .typtype = 'b', .name = "_mood",
			.elem_oid = ENUM },
		{ .oid = COMPOSITE, .typtype = 'c', .name = "pair" },
		{ .oid = COMPOSITE_ARRAY, .typtype = 'b', .name = "_pair",
			.elem_oid = COMPOSITE, .delim = ',' },
		{ .oid = DOMAIN_ARRAY, .typtype = 'b', .name = "_price",
			.elem_oid = DOMAIN, .delim = ',' },
		{ .oid = ARRAY_DOMAIN, .typtype = 'd', .name = "matrix",
			.base_oid = INT4_ARRAY, .base_typmod = -1,
			.base_ndims = 2 },
		{ .oid = ARRAY_DOMAIN_ARRAY, .typtype = 'b',
			.name = "_matrix", .elem_oid = ARRAY_DOMAIN,
			.delim = ',' },
		{ .oid = MULTIRANGE, .typtype = 'm', .name = "multi" },
		{ .oid = CUBE, .typtype = 'b', .name = "cube" },
		{ .oid = CUBE_ARRAY, .typtype = 'b', .name = "_cube",
			.elem_oid = CUBE, .delim = ',' },
		{ .oid = SPARSE, .typtype = 'b', .name = "sparsevec" },
	};

	(void)arg;
	(void)a;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].oid == oid) {
			*ret = rows[i];
			return 0;
		}
	}
	return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_NOTFOUND, "type %u",
	    oid);
}

static inline const struct pg_type *
type_of(uint32_t oid, int32_t typmod)
{
	struct pg_type_env env = { .cfg = &cfg, .lookup = lookup };
	const struct pg_type *ty = NULL;
	struct leat_err err = LEAT_ERR_INIT;

	if (pg_type_resolve(&env, oid, typmod, ndims, &arena, &ty, &err) < 0)
		fail_msg("type %u: %s", oid, err.text);
	return ty;
}

/* The value as JSON, or the number of the failure. */
static inline const char *
value_of(const struct pg_type *ty, const char *text)
{
	struct pg_arena_batch ab;
	struct leat_value v;
	struct leat_err err = LEAT_ERR_INIT;
	struct leat_buf b;
	uint32_t len = (uint32_t)strlen(text);
	char *s = malloc(len + 1);
	char *out;
	int rc;

	assert_non_null(s);
	memcpy(s, text, len);
	pg_arena_batch_init(&ab, &arena);
	rc = ty->conv(ty, s, len, &ab.b, &v);
	if (rc < 0) {
		free(s);
		return rc == PG_CONV_BAD ? "BAD" : rc == PG_CONV_NONE ? "NONE"
		    : rc == PG_CONV_STALE                             ? "STALE"
								      : "?";
	}
	if (leat_value_check(&ty->schema, &v, &err) < 0)
		fail_msg("'%s': %s", text, err.text);
	leat_buf_init(&b, 1u << 20);
	/* Structs print as their items. */
	if (v.kind == LEAT_STRUCT)
		v.kind = LEAT_ARRAY;
	assert_int_equal(leat_json_add_value(&b, &v), 0);
	out = leat_arena_strndup(&arena, (const char *)b.data, b.len);
	leat_buf_fini(&b);
	free(s);
	return out;
}

struct row {
	uint32_t oid;
	int32_t typmod;
	const char *text;
	const char *json;
};

static inline void
check(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *got = value_of(type_of(rows[i].oid, rows[i].typmod),
		    rows[i].text);

		if (strcmp(got, rows[i].json) != 0)
			fail_msg("type %u '%s': got %s, want %s", rows[i].oid,
			    rows[i].text, got, rows[i].json);
	}
}

#define CHECK(rows) check((rows), sizeof(rows) / sizeof((rows)[0]))

static inline int
types_set_up(void **state)
{
	(void)state;
	cfg = (struct pg_config){ .money_digits = 2,
		.placeholder = "__debezium_unavailable_value" };
	ndims = 0;
	leat_arena_init(&arena, 65536, 0);
	return 0;
}

static inline int
types_tear_down(void **state)
{
	(void)state;
	leat_arena_fini(&arena);
	return 0;
}

#define TYPES_TEST(f) \
	cmocka_unit_test_setup_teardown(f, types_set_up, types_tear_down)

#endif
