/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_snap_tables.c: see pg_snap_tables.h.
 */
#include "pg_snap_tables.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg_snap_pieces.h"

enum {
	SQL_MAX = 2 * 1024 * 1024,
	OIDS_MAX = 16 * 1024 * 1024,
	LOCKS_AT_ONCE = 100
};

static int
no_memory(struct leat_err *err)
{
	return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
}

/* ------------------------------------------------------------------- order */

static int
by_rows(const void *a, const void *b)
{
	const struct pg_table *x = a, *y = b;

	if (x->rows != y->rows)
		return x->rows < y->rows ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return x->oid < y->oid ? -1 : 1;
}

static int
by_rows_down(const void *a, const void *b)
{
	return -by_rows(a, b);
}

static int
is_included(const struct pg_filter *f, const struct pg_table *t)
{
	char name[1024];

	if (f->len == 0)
		return 1;
	(void)snprintf(name, sizeof(name), "%s.%s", t->schema, t->name);
	return pg_filter_find(f, name) >= 0;
}

/* Without a stream, what holds rows: leaves rather than their roots. */
static int
leave_out(struct pg_snapshot *s, const struct pg_snapshot_request *rq,
    struct leat_err *err)
{
	struct pg_tables *tables = &s->tables;
	struct pg_filter f;
	uint32_t n = 0;
	int rc = pg_filter_init(&f, "snapshot.include.collection.list",
	    &s->cfg->snapshot_include, err);

	if (rc < 0)
		return rc;
	for (uint32_t i = 0; i < tables->len; i++) {
		const struct pg_table *t = &tables->items[i];

		if ((rq->unpublished && t->kind != 'r') || !is_included(&f, t))
			continue;
		if (pg_progress_has(rq->finished, t->oid))
			s->tables_before++;
		else
			tables->items[n++] = *t;
	}
	tables->len = n;
	pg_filter_fini(&f);
	return 0;
}

static int
find_tables(struct pg_snapshot *s, const struct pg_snapshot_request *rq,
    struct leat_err *err)
{
	int order = s->cfg->snapshot_order;
	int rc;

	if (rq->unpublished)
		rc = pg_catalog_captured(s->conn, s->rels->filters, &s->arena,
		    &s->tables, err);
	else
		rc = pg_catalog_published(s->conn, s->rels->filters,
		    s->cfg->publication, &s->arena, &s->tables, err);
	if (rc == 0)
		rc = leave_out(s, rq, err);
	if (rc == 0 && s->tables.len > 1 && order != PG_ORDER_DISABLED)
		qsort(s->tables.items, s->tables.len, sizeof(*s->tables.items),
		    order == PG_ORDER_ASCENDING ? by_rows : by_rows_down);
	return rc;
}

/* ------------------------------------------------------------------- sizes */

#define SIZES_SQL(pages, heap)                                              \
	"SELECT " pages " / pg_catalog.current_setting('block_size')::int8,"\
	" " heap ", c.reltuples::int8, greatest(c.relpages, 0),"            \
	" c.relfilenode::int8"                                              \
	" FROM unnest($1::oid[]) WITH ORDINALITY AS o (oid, at)"            \
	" LEFT JOIN pg_catalog.pg_class c ON c.oid = o.oid ORDER BY o.at"
#define HEAP(rel)                                                           \
	rel ".relkind = 'r' AND (SELECT am.amname = 'heap'"                 \
	    " FROM pg_catalog.pg_am am WHERE am.oid = " rel ".relam)"
#define LEAVES                                                              \
	" FROM pg_catalog.pg_partition_tree(c.oid) p"                       \
	" JOIN pg_catalog.pg_class l ON l.oid = p.relid WHERE p.isleaf"

/*
 * A partitioned table is read by ranges of the largest partition's blocks: each
 * piece takes that range of every partition.
 */
static const char *
sizes_sql(int version)
{
	if (version >= 140000)
		return SIZES_SQL("CASE c.relkind WHEN 'p' THEN (SELECT"
		    " max(pg_catalog.pg_relation_size(l.oid))" LEAVES ") ELSE"
		    " pg_catalog.pg_relation_size(c.oid) END",
		    "CASE c.relkind WHEN 'p' THEN (SELECT bool_and("
		    HEAP("l") ")" LEAVES ") ELSE " HEAP("c") " END");
	return SIZES_SQL("pg_catalog.pg_relation_size(c.oid)", "false");
}

static const char *
write_oids(const struct pg_tables *tables, struct leat_buf *b)
{
	(void)leat_buf_add_byte(b, '{');
	for (uint32_t i = 0; i < tables->len; i++) {
		if (i > 0)
			(void)leat_buf_add_byte(b, ',');
		(void)leat_buf_add_u64(b, tables->items[i].oid);
	}
	(void)leat_buf_add_byte(b, '}');
	return leat_buf_cstr(b);
}

/* As the server's planner does: its rows a page, times the pages of now. */
static int64_t
estimate(const PGresult *res, int row, int64_t blocks)
{
	int64_t rows = pg_cell_i64(res, row, 2);
	int64_t pages = pg_cell_i64(res, row, 3);

	if (PQgetisnull(res, row, 2) || rows < 0)
		return blocks == 0 ? 0 : -1;
	if (pages == 0)
		return rows;
	return (int64_t)((double)rows / (double)pages * (double)blocks);
}

static int
take_sizes(struct pg_snapshot *s, const PGresult *res,
    const struct pg_progress *before, struct leat_err *err)
{
	if ((uint32_t)PQntuples(res) != s->tables.len)
		return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_PROTO,
		    "asked for %u tables' sizes, got %d", s->tables.len,
		    PQntuples(res));
	for (uint32_t i = 0; i < s->tables.len; i++) {
		struct pg_snap_table *st = &s->states[i];
		int heap = pg_cell(res, (int)i, 1)[0] == 't';

		st->blocks = pg_cell_i64(res, (int)i, 0);
		st->estimate = st->t->kind == 'p' && s->tables.items[i].rows <
		    0 ? -1 : estimate(res, (int)i, st->blocks);
		st->file = heap && st->t->kind == 'r' ?
		    pg_cell_i64(res, (int)i, 4) : 0;
		if (pg_snap_pieces_plan(s, st, heap, before) < 0)
			return no_memory(err);
		if (st->estimate > 0)
			s->estimate += st->estimate;
	}
	return 0;
}

static int
read_sizes(struct pg_snapshot *s, const struct pg_progress *before,
    struct leat_err *err)
{
	PGresult *res = NULL;
	const char *params[1];
	struct leat_buf b;
	int rc;

	if (s->tables.len == 0)
		return 0;
	leat_buf_init(&b, OIDS_MAX);
	params[0] = write_oids(&s->tables, &b);
	rc = params[0] == NULL ? no_memory(err) :
	    pg_query(s->conn, &res, err, sizes_sql(s->conn->version), 1,
	    params);
	leat_buf_fini(&b);
	if (rc < 0)
		return leat_err_wrap(err, "read the sizes of the tables");
	rc = take_sizes(s, res, before, err);
	PQclear(res);
	return rc;
}

/* --------------------------------------------------------------- overrides */

static const char *
override_of(const struct pg_config *cfg, const struct pg_table *t)
{
	size_t n = strlen(t->schema);

	for (uint32_t i = 0; i < cfg->snapshot_select_of.len; i++) {
		const struct leat_param *p = &cfg->snapshot_select_of.items[i];

		if (strncmp(p->key, t->schema, n) == 0 && p->key[n] == '.' &&
		    strcmp(p->key + n + 1, t->name) == 0)
			return p->value;
	}
	return NULL;
}

/* The server parses it as one statement and says what it gives. */
int
pg_snap_tables_check_select(struct pg_conn *c,
    const struct pg_snap_table *st, struct leat_err *err)
{
	PGresult *res = NULL;
	int rc = pg_describe(c, &res, err, st->select);

	if (rc == 0 && PQnfields(res) == 0)
		rc = leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "it gives no rows");
	PQclear(res);
	if (rc < 0)
		return leat_err_wrap(err, "the SELECT for table %s.%s",
		    st->t->schema, st->t->name);
	return 0;
}

/* -------------------------------------------------------------------- list */

int
pg_snap_tables_list(struct pg_snapshot *s,
    const struct pg_snapshot_request *rq, struct leat_err *err)
{
	int rc = 0;

	s->rels->publication = rq->unpublished ? NULL : s->cfg->publication;
	if (rq->tables != NULL)
		s->tables = *rq->tables;
	else
		rc = find_tables(s, rq, err);
	if (rc < 0)
		return rc;
	s->states = leat_arena_calloc(&s->arena, s->tables.len,
	    sizeof(*s->states));
	if (s->states == NULL)
		return no_memory(err);
	for (uint32_t i = 0; i < s->tables.len; i++) {
		s->states[i].t = &s->tables.items[i];
		s->states[i].select = rq->selects != NULL ? rq->selects[i] :
		    rq->tables != NULL ? NULL :
		    override_of(s->cfg, &s->tables.items[i]);
	}
	return read_sizes(s, rq->finished, err);
}

uint32_t
pg_snap_tables_pieces(const struct pg_snapshot *s)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < s->tables.len; i++)
		n += s->states[i].pieces;
	return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

/* -------------------------------------------------------------------- COPY */

static void
add_columns(const struct pg_relation *rel, const struct pg_conn *c,
    struct leat_buf *b)
{
	for (uint32_t i = 0; i < rel->ncols; i++) {
		if (i > 0)
			(void)leat_buf_add_byte(b, ',');
		pg_add_identifier(c, b, rel->cols[i].name);
	}
}

/*
 * A plain table is copied directly. A part of one, a partitioned one, which is
 * published under its own name, and one with a row filter need a query.
 */
void
pg_snap_tables_copy(const struct pg_snap_table *st, uint32_t piece,
    const struct pg_conn *c, struct leat_buf *b)
{
	const struct pg_table *t = st->t;
	int whole = pg_snap_pieces_whole(st);

	(void)leat_buf_add_str(b, "COPY ");
	if (t->kind == 'r' && t->row_filter == NULL && whole &&
	    st->select == NULL) {
		pg_add_table(c, b, t->schema, t->name);
		(void)leat_buf_add_str(b, " (");
		add_columns(st->rel, c, b);
		(void)leat_buf_add_str(b, ") TO STDOUT");
		return;
	}
	(void)leat_buf_add_str(b, "(SELECT ");
	add_columns(st->rel, c, b);
	if (st->select != NULL) {
		/* The newline ends a comment that ends the text. */
		(void)leat_buf_printf(b, " FROM (%s\n) AS leat) TO STDOUT",
		    st->select);
		return;
	}
	(void)leat_buf_add_str(b, t->kind == 'r' ? " FROM ONLY " : " FROM ");
	pg_add_table(c, b, t->schema, t->name);
	if (!whole) {
		(void)leat_buf_add_str(b, " WHERE");
		pg_snap_pieces_where(&st->plan[piece], b);
	}
	if (t->row_filter != NULL)
		(void)leat_buf_printf(b, " %s (%s)", whole ? "WHERE" : "AND",
		    t->row_filter);
	(void)leat_buf_add_str(b, ") TO STDOUT");
}

/* -------------------------------------------------------------------- LOCK */

static int
lock_some(struct pg_snapshot *s, uint32_t from, uint32_t to,
    struct leat_err *err)
{
	struct leat_buf b;
	int rc;

	leat_buf_init(&b, SQL_MAX);
	(void)leat_buf_add_str(&b, "LOCK TABLE ");
	for (uint32_t i = from; i < to; i++) {
		(void)leat_buf_add_str(&b, i > from ? ", " : "");
		pg_add_table(s->conn, &b, s->tables.items[i].schema,
		    s->tables.items[i].name);
	}
	(void)leat_buf_add_str(&b, " IN ACCESS SHARE MODE");
	rc = leat_buf_cstr(&b) == NULL ? no_memory(err) :
	    pg_query(s->conn, NULL, err, leat_buf_cstr(&b), 0, NULL);
	leat_buf_fini(&b);
	return rc;
}

int
pg_snap_tables_lock(struct pg_snapshot *s, struct leat_err *err)
{
	char sql[64];
	int rc;

	if (s->cfg->snapshot_locking != PG_LOCKING_SHARED)
		return 0;
	(void)snprintf(sql, sizeof(sql), "SET LOCAL lock_timeout = %lld",
	    (long long)s->cfg->snapshot_lock_timeout_ms);
	rc = pg_query(s->conn, NULL, err, sql, 0, NULL);
	for (uint32_t i = 0; rc == 0 && i < s->tables.len;
	    i += LOCKS_AT_ONCE) {
		uint32_t to = i + LOCKS_AT_ONCE;

		rc = lock_some(s, i, to < s->tables.len ? to : s->tables.len,
		    err);
	}
	if (rc == 0)
		rc = pg_query(s->conn, NULL, err,
		    "SET LOCAL lock_timeout = 0", 0, NULL);
	return rc < 0 ? leat_err_wrap(err,
	    "snapshot.locking.mode shared: lock the tables") : 0;
}
