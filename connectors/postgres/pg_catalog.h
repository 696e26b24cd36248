/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_catalog.h: what the system catalogs say about tables, columns and types.
 *
 * The catalogs tell the present, while the stream tells the past: what comes
 * from here (nullability, defaults, primary key, enum labels) is a supplement
 * to the Relation messages, which decide about the columns and their types.
 */
#ifndef LEAT_PG_CATALOG_H
#define LEAT_PG_CATALOG_H

#include <stdint.h>

#include <leat/arena.h>

#include "pg_conn.h"
#include "pg_types.h"

struct pg_colinfo {
	const char *name;
	uint32_t type_oid;
	int32_t typmod;
	uint32_t not_null;
	uint32_t key_pos;	/* 1.. in the primary or first unique index */
	uint32_t in_identity;	/* part of the replica identity */
	const char *def;	/* default expression or NULL */
	int32_t ndims;		/* of an array, as declared */
	const char *comment;	/* or NULL */
	const char *type_name;
};

struct pg_tableinfo {
	uint32_t identity;	/* 'd' 'n' 'f' 'i' */
	uint32_t ncols;
	struct pg_colinfo *cols;
};

/*
 * The columns of a table, in order, with memory of the arena. With a
 * publication: only those that it publishes. A table that is gone has none.
 */
int pg_catalog_table(struct pg_conn *c, uint32_t oid, const char *publication,
    struct leat_arena *a, struct pg_tableinfo *ret, struct leat_err *err);

/* The lookup of struct pg_type_env; arg is the struct pg_conn. */
int pg_catalog_type(void *arg, uint32_t oid, struct leat_arena *a,
    struct pg_typeinfo *ret, struct leat_err *err);

/* "schema.table" of the root of a partition; NULL for other tables. */
int pg_catalog_root(struct pg_conn *c, uint32_t oid, struct leat_arena *a,
    const char **ret_root, struct leat_err *err);

/* A table that is captured. */
struct pg_table {
	uint32_t oid;
	const char *schema;
	const char *name;
	char kind;		/* 'r' or 'p' */
	uint32_t identity;
	uint32_t has_pk;
	uint32_t can_select;
	uint32_t is_partition;
	const char *root;	/* "schema.table" it is a partition of */
	int32_t rank;		/* place in table.include.list */
	const char *row_filter;	/* of the publication, or NULL */
	const char *select;	/* to read instead of the table, or NULL */
	int64_t rows;		/* the server's estimate */
};

struct pg_tables {
	struct pg_table *items;
	uint32_t len;
	uint32_t seen;		/* tables looked at */
};

/* All user tables that the filters take. */
int pg_catalog_captured(struct pg_conn *c, const struct pg_filters *f,
    struct leat_arena *a, struct pg_tables *ret, struct leat_err *err);

/* Those of them that the publication has, in the order of the snapshot. */
int pg_catalog_published(struct pg_conn *c, const struct pg_filters *f,
    const char *publication, struct leat_arena *a, struct pg_tables *ret,
    struct leat_err *err);

/* A number of a result's cell, 0 for null or bad text. */
int64_t pg_cell_i64(const PGresult *res, int row, int col);

#endif
