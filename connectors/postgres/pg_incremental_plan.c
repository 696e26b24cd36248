/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_incremental_plan.c: how a table is read: its columns as they are now, the
 * order of its chunks, and what tells its rows apart.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "pg_incremental_parts.h"

static int
no_memory(struct leat_err *err)
{
	return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
}

static const struct pg_table *
find_table(const struct pg_tables *tables, const char *id)
{
	for (uint32_t i = 0; i < tables->len; i++)
		if (pg_signal_is_table(id, leat_str_c(tables->items[i].schema),
		    leat_str_c(tables->items[i].name)))
			return &tables->items[i];
	return NULL;
}

static int
read_signature(struct pg_incremental *inc, uint32_t oid, struct leat_err *err)
{
	PGresult *res = NULL;
	int rc;

	leat_buf_reset(&inc->scratch);
	(void)leat_buf_add_str(&inc->scratch, "SELECT ");
	pg_sql_signature(&inc->scratch, oid);
	if (leat_buf_cstr(&inc->scratch) == NULL)
		return no_memory(err);
	rc = pg_query(inc->sql, &res, err, leat_buf_cstr(&inc->scratch), 0,
	    NULL);
	if (rc < 0)
		return rc;
	inc->signature = leat_arena_strdup(&inc->arena, pg_cell(res, 0, 0));
	PQclear(res);
	return inc->signature == NULL ? no_memory(err) : 0;
}

/* Adds a column to the order unless it is there. 0, or -1: too many. */
static int
order_by(struct pg_incremental *inc, const struct pg_relation *rel,
    uint32_t col)
{
	struct pg_order *o = &inc->query.order;

	for (uint32_t i = 0; i < o->n; i++)
		if (inc->order[i].col == col)
			return 0;
	if (o->n == PG_WINDOW_KEYS)
		return -1;
	inc->order[o->n] = (struct pg_order_col){
		.name = rel->cols[col].name, .col = col,
		.not_null = rel->cols[col].not_null != 0 };
	o->n++;
	return 0;
}

static int
find_column(const struct pg_relation *rel, const char *name, uint32_t *ret)
{
	for (uint32_t i = 0; i < rel->ncols; i++) {
		if (strcmp(rel->cols[i].name, name) == 0) {
			*ret = i;
			return 0;
		}
	}
	return -1;
}

/*
 * The order of the chunks: the surrogate key, then the event's key, then the
 * table's own, so that rows with equal values are still told apart.
 */
static int
choose_order(struct pg_incremental *inc, const struct pg_relation *rel)
{
	uint32_t col;
	int rc = 0;

	inc->query.order = (struct pg_order){ .cols = inc->order };
	if (inc->first->surrogate != NULL) {
		if (find_column(rel, inc->first->surrogate, &col) < 0)
			return -1;
		rc = order_by(inc, rel, col);
	}
	for (uint32_t i = 0; i < rel->nkeys && rc == 0; i++)
		rc = order_by(inc, rel, rel->key_cols[i]);
	for (uint32_t pos = 1; pos <= PG_WINDOW_KEYS && rc == 0; pos++)
		for (col = 0; col < rel->ncols && rc == 0; col++)
			if (rel->cols[col].key_pos == pos)
				rc = order_by(inc, rel, col);
	return rc;
}

static void
add_key(struct pg_incremental *inc, uint32_t col)
{
	if (inc->nkeys < PG_WINDOW_KEYS)
		inc->key_cols[inc->nkeys++] = col;
}

/*
 * What a row is told by in the stream: its key; or, where old rows come without
 * all of that, what they come with; or what it is ordered by.
 */
static void
choose_keys(struct pg_incremental *inc, const struct pg_relation *rel)
{
	inc->nkeys = 0;
	if (rel->nkeys > 0 && (rel->key_in_identity || rel->identity == 'f' ||
	    rel->identity == 'n'))
		for (uint32_t i = 0; i < rel->nkeys; i++)
			add_key(inc, rel->key_cols[i]);
	for (uint32_t i = 0; inc->nkeys == 0 && i < rel->ncols; i++)
		if (rel->identity != 'f' && rel->cols[i].in_identity)
			for (; i < rel->ncols; i++)
				if (rel->cols[i].in_identity)
					add_key(inc, i);
	for (uint32_t i = 0; inc->nkeys == 0 && i < inc->query.order.n; i++)
		for (; i < inc->query.order.n; i++)
			add_key(inc, inc->order[i].col);
	for (uint32_t i = 0; i < inc->nkeys; i++)
		inc->keys[i] = rel->cols[inc->key_cols[i]].name;
}

/* How the types of the order's columns are written. */
static int
read_types(struct pg_incremental *inc, uint32_t oid, struct leat_err *err)
{
	struct pg_order *o = &inc->query.order;
	char number[16];
	const char *params[1] = { number };
	PGresult *res = NULL;
	int rc;

	(void)snprintf(number, sizeof(number), "%u", oid);
	rc = pg_query(inc->sql, &res, err, "SELECT attname,"
	    " pg_catalog.format_type(atttypid, atttypmod)"
	    " FROM pg_catalog.pg_attribute WHERE attrelid = $1::oid"
	    " AND attnum > 0 AND NOT attisdropped", 1, params);
	if (rc < 0)
		return rc;
	for (uint32_t i = 0; i < o->n; i++) {
		inc->order[i].type = NULL;
		for (int k = 0; k < PQntuples(res); k++)
			if (strcmp(pg_cell(res, k, 0), inc->order[i].name) == 0)
				inc->order[i].type = leat_arena_strdup(
				    &inc->arena, pg_cell(res, k, 1));
		if (inc->order[i].type == NULL)
			rc = leat_err_set(err, LEAT_CLS_RETRY, LEAT_E_STATE,
			    "column '%s' is gone", inc->order[i].name);
	}
	PQclear(res);
	return rc;
}

static int
plan(struct pg_incremental *inc, const struct pg_table *t,
    struct leat_err *err)
{
	struct pg_relation *rel = NULL;
	int rc = read_signature(inc, t->oid, err);

	if (rc == 0)
		rc = pg_relcache_load(&inc->rels, t, &rel, err);
	if (rc < 0)
		return rc;
	inc->query.rel = rel;
	inc->query.only = t->kind == 'r';
	inc->query.row_filter = t->row_filter;
	inc->query.condition = inc->first->condition;
	inc->estimate = t->rows;
	if (choose_order(inc, rel) < 0) {
		leat_log_warn(inc->task, "no such surrogate key, or a key of "
		    "too many columns", "table=%s surrogate=%s",
		    inc->first->id, inc->first->surrogate);
		pg_inc_table_done(inc, "SKIPPED");
		return 1;
	}
	if (inc->query.order.n == 0) {
		leat_log_warn(inc->task, "a table without key cannot be read "
		    "in chunks: give it a primary key, message.key.columns or "
		    "a surrogate-key", "table=%s", inc->first->id);
		pg_inc_table_done(inc, "NO_PRIMARY_KEY");
		return 1;
	}
	choose_keys(inc, rel);
	rc = read_types(inc, t->oid, err);
	return rc;
}

int
pg_inc_begin_table(struct pg_incremental *inc, struct leat_err *err)
{
	const struct pg_table *t;
	struct pg_tables tables = { 0 };
	int rc;

	/* The plan before may still be in a batch: only its names go here. */
	leat_arena_reset(&inc->arena);
	rc = pg_catalog_published(inc->sql, inc->rels.filters,
	    inc->cfg->publication, &inc->arena, &tables, err);
	if (rc < 0)
		return rc;
	t = find_table(&tables, inc->first->id);
	if (t == NULL) {
		leat_log_warn(inc->task, "the table of an incremental snapshot "
		    "is gone, or not captured", "table=%s", inc->first->id);
		pg_inc_table_done(inc, "UNKNOWN_SCHEMA");
		return 1;
	}
	rc = plan(inc, t, err);
	if (rc != 0)
		return rc;
	inc->begun = 1;
	inc->begun_ms = leat_mono_ms(inc->task);
	inc->begun_rows = inc->rows;
	return 0;
}
