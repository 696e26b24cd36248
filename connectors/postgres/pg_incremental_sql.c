/* SPDX-License-Identifier: Apache-2.0 */
#include "pg_incremental_sql.h"

#include <string.h>

#include "pg_incremental_window.h"

void
pg_sql_name(struct leat_buf *b, const char *name)
{
	(void)leat_buf_add_byte(b, '"');
	for (; *name != '\0'; name++) {
		if (*name == '"')
			(void)leat_buf_add_byte(b, '"');
		(void)leat_buf_add_byte(b, (uint8_t)*name);
	}
	(void)leat_buf_add_byte(b, '"');
}

/* E'..' means the same whatever standard_conforming_strings is. */
void
pg_sql_literal(struct leat_buf *b, const char *s, size_t len)
{
	(void)leat_buf_add_str(b, " E'");
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '\'' || s[i] == '\\')
			(void)leat_buf_add_byte(b, (uint8_t)s[i]);
		(void)leat_buf_add_byte(b, (uint8_t)s[i]);
	}
	(void)leat_buf_add_byte(b, '\'');
}

void
pg_sql_table(struct leat_buf *b, const char *schema, const char *name)
{
	pg_sql_name(b, schema);
	(void)leat_buf_add_byte(b, '.');
	pg_sql_name(b, name);
}

/* -------------------------------------------------------------- conditions */

static void
add_value(struct leat_buf *b, const struct pg_order_col *c,
    const struct pgo_column *v)
{
	pg_sql_literal(b, v->data, v->len);
	(void)leat_buf_printf(b, "::%s", c->type);
}

static int
all_not_null(const struct pg_order *o)
{
	for (uint32_t i = 0; i < o->n; i++)
		if (!o->cols[i].not_null)
			return 0;
	return 1;
}

/* (a, b) > (1, 2), which an index serves best. */
static void
add_row_comparison(struct leat_buf *b, const struct pg_order *o,
    const char *op, struct leat_str key)
{
	struct pgo_column v;

	(void)leat_buf_add_byte(b, '(');
	for (uint32_t i = 0; i < o->n; i++) {
		if (i > 0)
			(void)leat_buf_add_str(b, ", ");
		pg_sql_name(b, o->cols[i].name);
	}
	(void)leat_buf_printf(b, ") %s (", op);
	for (uint32_t i = 0; i < o->n && pg_key_next(&key, &v); i++) {
		if (i > 0)
			(void)leat_buf_add_str(b, ", ");
		add_value(b, &o->cols[i], &v);
	}
	(void)leat_buf_add_byte(b, ')');
}

/*
 * One column of the expanded form; nulls come last. Leaves an "AND" open when
 * another column follows.
 */
static void
add_step(struct leat_buf *b, const struct pg_order_col *c, int after, int last,
    const struct pgo_column *v)
{
	const char *strict = " > ";

	if (!after)
		strict = last ? " <= " : " < ";
	(void)leat_buf_add_byte(b, '(');
	if (v->kind != PGO_NULL) {
		pg_sql_name(b, c->name);
		(void)leat_buf_add_str(b, strict);
		add_value(b, c, v);
		if (after && !c->not_null) {
			(void)leat_buf_add_str(b, " OR ");
			pg_sql_name(b, c->name);
			(void)leat_buf_add_str(b, " IS NULL");
		}
		if (last)
			return;
		(void)leat_buf_add_str(b, " OR (");
		pg_sql_name(b, c->name);
		(void)leat_buf_add_str(b, " =");
		add_value(b, c, v);
	} else if (last) {
		(void)leat_buf_add_str(b, after ? "false" : "true");
		return;
	} else {
		if (!after) {
			pg_sql_name(b, c->name);
			(void)leat_buf_add_str(b, " IS NOT NULL OR ");
		}
		(void)leat_buf_add_byte(b, '(');
		pg_sql_name(b, c->name);
		(void)leat_buf_add_str(b, " IS NULL");
	}
	(void)leat_buf_add_str(b, " AND ");
}

/* The same, column by column, for keys that may have nulls. */
static void
add_expanded(struct leat_buf *b, const struct pg_order *o, int after,
    struct leat_str key)
{
	struct pgo_column v;
	uint32_t n = 0;

	for (; n < o->n && pg_key_next(&key, &v); n++)
		add_step(b, &o->cols[n], after, n + 1 == o->n, &v);
	for (uint32_t i = 0; i < n; i++)
		(void)leat_buf_add_str(b, i == 0 ? ")" : "))");
}

static void
add_bound(struct leat_buf *b, const struct pg_order *o, int after,
    struct leat_str key)
{
	if (all_not_null(o))
		add_row_comparison(b, o, after ? ">" : "<=", key);
	else
		add_expanded(b, o, after, key);
}

static void
add_where(struct leat_buf *b, const struct pg_chunk_query *q)
{
	const char *word = " WHERE ";

	if (q->after.len > 0) {
		(void)leat_buf_add_str(b, word);
		add_bound(b, &q->order, 1, q->after);
		word = " AND ";
	}
	if (q->upto.len > 0) {
		(void)leat_buf_add_str(b, word);
		add_bound(b, &q->order, 0, q->upto);
		word = " AND ";
	}
	if (q->row_filter != NULL) {
		(void)leat_buf_printf(b, "%s(%s)", word, q->row_filter);
		word = " AND ";
	}
	if (q->condition != NULL)
		(void)leat_buf_printf(b, "%s(%s\n)", word, q->condition);
}

static void
add_from(struct leat_buf *b, const struct pg_chunk_query *q)
{
	(void)leat_buf_add_str(b, q->only ? " FROM ONLY " : " FROM ");
	pg_sql_table(b, q->rel->schema, q->rel->name);
}

static void
add_order(struct leat_buf *b, const struct pg_order *o, const char *direction)
{
	(void)leat_buf_add_str(b, " ORDER BY ");
	for (uint32_t i = 0; i < o->n; i++) {
		if (i > 0)
			(void)leat_buf_add_str(b, ", ");
		pg_sql_name(b, o->cols[i].name);
		(void)leat_buf_add_str(b, direction);
	}
}

/* -------------------------------------------------------------- statements */

void
pg_sql_chunk(struct leat_buf *b, const struct pg_chunk_query *q)
{
	(void)leat_buf_add_str(b, "COPY (SELECT ");
	for (uint32_t i = 0; i < q->rel->ncols; i++) {
		if (i > 0)
			(void)leat_buf_add_byte(b, ',');
		pg_sql_name(b, q->rel->cols[i].name);
	}
	add_from(b, q);
	add_where(b, q);
	add_order(b, &q->order, "");
	(void)leat_buf_printf(b, " LIMIT %lld) TO STDOUT",
	    (long long)q->limit);
}

void
pg_sql_maximum(struct leat_buf *b, const struct pg_chunk_query *q)
{
	(void)leat_buf_add_str(b, "SELECT ");
	for (uint32_t i = 0; i < q->order.n; i++) {
		if (i > 0)
			(void)leat_buf_add_str(b, ", ");
		pg_sql_name(b, q->order.cols[i].name);
	}
	add_from(b, q);
	add_where(b, q);
	add_order(b, &q->order, " DESC");
	(void)leat_buf_add_str(b, " LIMIT 1");
}

void
pg_sql_signature(struct leat_buf *b, uint32_t oid)
{
	(void)leat_buf_printf(b, "(SELECT string_agg(a.attname || ' ' || "
	    "a.atttypid || ' ' || a.atttypmod || ' ' || a.attnotnull, ','"
	    " ORDER BY a.attnum) FROM pg_catalog.pg_attribute a"
	    " WHERE a.attrelid = %u AND a.attnum > 0 AND NOT a.attisdropped)",
	    oid);
}
