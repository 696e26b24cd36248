/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_unread.c: see pg_unread.h.
 */
#include "pg_unread.h"

#include <errno.h>
#include <string.h>

enum {
	SQL_MAX = 1024 * 1024,
	KEY_MAX = 32,		/* columns of an index */
	KEY_BYTES = 64 * 1024,
	AROUND = 128		/* blocks that are read again for one row */
};

int
pg_unread_init(struct pg_unread *u, struct pg_snapshot *snap,
    struct pg_progress *progress, struct leat_err *err)
{
	pg_unread_fini(u);
	u->progress = progress;
	u->conn = snap->conn;
	for (uint32_t i = 0; i < snap->tables.len; i++) {
		struct pg_snap_table *st = &snap->states[i];
		struct leat_str key = { (const char *)&st->t->oid,
			sizeof(st->t->oid) };

		if (leat_map_set(&u->tables, key, st, NULL) < 0)
			return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
			    "out of memory");
	}
	return 0;
}

void
pg_unread_fini(struct pg_unread *u)
{
	leat_map_fini(&u->tables);
	leat_map_init(&u->tables);
}

static const struct pg_snap_table *
find(const struct pg_unread *u, uint32_t oid)
{
	struct leat_str key = { (const char *)&oid, sizeof(oid) };

	return u == NULL ? NULL : leat_map_get(&u->tables, key);
}

int
pg_unread_whole(const struct pg_unread *u, uint32_t oid)
{
	const struct pg_snap_table *st = find(u, oid);

	return st != NULL && !st->resumed;
}

int
pg_unread_partly(const struct pg_unread *u, uint32_t oid)
{
	const struct pg_snap_table *st = find(u, oid);

	return st != NULL && st->resumed;
}

/* -------------------------------------------------------------------- rows */

/* Does the new row lack values that the old one does not give either? */
static int
lacks_values(const struct pgo_change *c)
{
	if (c->old_kind == 'O')
		return 0;
	for (uint32_t i = 0; i < c->new_row.ncols; i++)
		if (c->new_row.cols[i].kind == PGO_UNCHANGED)
			return 1;
	return 0;
}

/* Where the row stands in the snapshot, by the index of its identity. */
struct lookup {
	struct leat_buf sql;
	struct leat_buf texts;	/* of the key, each with its end */
	size_t at[KEY_MAX];
	int n;
};

static int
add_key(struct lookup *l, const struct pg_relation *rel,
    const struct pgo_tuple *row, const struct pg_conn *c)
{
	for (uint32_t i = 0; i < rel->ncols && i < row->ncols; i++) {
		if (!rel->cols[i].in_identity)
			continue;
		if (row->cols[i].kind != PGO_TEXT || l->n == KEY_MAX)
			return 0;
		(void)leat_buf_add_str(&l->sql, l->n == 0 ? " WHERE " :
		    " AND ");
		pg_add_identifier(c, &l->sql, rel->cols[i].name);
		l->at[l->n++] = l->texts.len;
		(void)leat_buf_printf(&l->sql, " = $%d", l->n);
		(void)leat_buf_add(&l->texts, row->cols[i].data,
		    row->cols[i].len);
		(void)leat_buf_add_byte(&l->texts, '\0');
	}
	return l->n > 0 && leat_buf_cstr(&l->sql) != NULL && !l->texts.failed;
}

/* In a subtransaction: it gives its lock back, and may fail. */
static int
run(struct lookup *l, struct pg_conn *c, PGresult **ret, struct leat_err *err)
{
	struct leat_err why = LEAT_ERR_INIT;
	const char *params[KEY_MAX];
	int rc = pg_query(c, NULL, err, "SAVEPOINT leat", 0, NULL), found;

	for (int i = 0; i < l->n; i++)
		params[i] = (const char *)l->texts.data + l->at[i];
	if (rc < 0)
		return rc;
	found = pg_query(c, ret, &why, leat_buf_cstr(&l->sql), l->n, params);
	rc = pg_query(c, NULL, err, "ROLLBACK TO SAVEPOINT leat; "
	    "RELEASE SAVEPOINT leat", 0, NULL);
	return rc < 0 ? rc : found == 0;
}

/* 1: *ret has the row's block, or no row; 0: nobody knows; or an error. */
static int
look_up(struct pg_unread *u, const struct pg_snap_table *st,
    const struct pg_relation *rel, const struct pgo_tuple *row,
    PGresult **ret, struct leat_err *err)
{
	struct lookup l = { .n = 0 };
	int rc = 0;

	leat_buf_init(&l.sql, SQL_MAX);
	leat_buf_init(&l.texts, KEY_BYTES);
	(void)leat_buf_add_str(&l.sql,
	    "SELECT ((ctid::text::point)[0])::int8 FROM ONLY ");
	pg_add_table(u->conn, &l.sql, st->t->schema, st->t->name);
	if (add_key(&l, rel, row, u->conn))
		rc = run(&l, u->conn, ret, err);
	leat_buf_fini(&l.sql);
	leat_buf_fini(&l.texts);
	return rc;
}

/* What lies around its rows is read again. */
static void
forget(struct pg_unread *u, uint32_t oid, const PGresult *res)
{
	const struct pg_part *part = pg_progress_part(u->progress, oid);

	for (int i = 0; part != NULL && i < PQntuples(res); i++) {
		uint32_t block = (uint32_t)pg_cell_i64(res, i, 0);
		struct pg_range r = { block - block % AROUND,
			block - block % AROUND + AROUND };

		if (pg_ranges_has(&part->read, block))
			pg_progress_remove_blocks(u->progress, oid, r);
	}
}

int
pg_unread_update(struct pg_unread *u, const struct pg_relation *rel,
    const struct pgo_change *c, struct leat_batch *b, struct leat_err *err)
{
	const struct pg_snap_table *st = find(u, rel->oid);
	PGresult *res = NULL;
	int rc;

	if (st == NULL || !lacks_values(c) ||
	    pg_progress_part(u->progress, rel->oid) == NULL)
		return 0;
	rc = look_up(u, st, rel, &c->new_row, &res, err);
	if (rc == 0)
		pg_progress_drop_part(u->progress, rel->oid);
	if (rc == 1)
		forget(u, rel->oid, res);
	PQclear(res);
	return rc < 0 ? rc : pg_progress_give(u->progress, b, err);
}
