/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_incremental_sql.h: the statements of incremental snapshots.
 *
 * Chunks follow the order of a key. Comparisons and ORDER BY are the server's,
 * both by the column's own collation and operators, and a key goes back to it
 * as text with the column's type: no order is decided here.
 */
#ifndef LEAT_PG_INCREMENTAL_SQL_H
#define LEAT_PG_INCREMENTAL_SQL_H

#include <leat/buf.h>
#include <leat/str.h>

#include "pg_conn.h"
#include "pg_relation.h"

/* A column that chunks are ordered by. */
struct pg_order_col {
	const char *name;
	const char *type;	/* as format_type() writes it */
	int not_null;
	uint32_t col;		/* place in the plan's columns */
};

struct pg_order {
	const struct pg_order_col *cols;
	uint32_t n;
};

struct pg_chunk_query {
	const struct pg_relation *rel;
	struct pg_order order;
	int only;		/* FROM ONLY: not its children */
	const char *row_filter;	/* of the publication, or NULL */
	const char *condition;	/* of the signal, or NULL */
	struct leat_str after;	/* encoded keys; len 0: none */
	struct leat_str upto;
	int64_t limit;
};

/* A quoted name, a literal; on failure b->failed. */
void pg_sql_name(struct leat_buf *b, const char *name);
void pg_sql_literal(struct leat_buf *b, const char *s, size_t len);
/* "schema"."table" */
void pg_sql_table(struct leat_buf *b, const char *schema, const char *name);

/* COPY (SELECT ...) TO STDOUT of one chunk. */
void pg_sql_chunk(struct leat_buf *b, const struct pg_chunk_query *q);
/* SELECT of the texts of the last key there is. */
void pg_sql_maximum(struct leat_buf *b, const struct pg_chunk_query *q);
/* What says whether the columns of a table are still the same: one text. */
void pg_sql_signature(struct leat_buf *b, uint32_t oid);

#endif
