/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_reader.c: see pg_reader.h.
 */
#include "pg_reader.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { SQL_MAX = 2 * 1024 * 1024 };

int
pg_reader_begin(struct pg_reader *r, const struct pg_reader_begin *how,
    struct leat_err *err)
{
	char sql[160];
	int rc;

	(void)snprintf(sql, sizeof(sql),
	    "BEGIN ISOLATION LEVEL %s READ ONLY", how->isolation);
	rc = pg_query(r->conn, NULL, err, sql, 0, NULL);
	/* Like the limits of SESSION_OPTIONS, which older servers know too. */
	if (rc == 0 && r->conn->version >= 170000)
		rc = pg_query(r->conn, NULL, err,
		    "SET LOCAL transaction_timeout = 0", 0, NULL);
	if (rc < 0 || how->imported == NULL)
		return rc;
	/* The name is the server's own: digits, letters and dashes. */
	if (how->imported[strspn(how->imported,
	    "0123456789ABCDEFabcdef-")] != '\0')
		return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_PROTO,
		    "unexpected snapshot name '%s'", how->imported);
	(void)snprintf(sql, sizeof(sql), "SET TRANSACTION SNAPSHOT '%s'",
	    how->imported);
	return pg_query(r->conn, NULL, err, sql, 0, NULL);
}

/* Is it still the table that has this name? */
static void
add_name_check(struct leat_buf *b, const struct pg_conn *c,
    const struct pg_table *t)
{
	struct leat_buf name;
	char *literal = NULL;

	leat_buf_init(&name, SQL_MAX);
	pg_add_table(c, &name, t->schema, t->name);
	if (leat_buf_cstr(&name) != NULL)
		literal = PQescapeLiteral(c->pg, leat_buf_cstr(&name),
		    name.len);
	if (literal == NULL)
		b->failed = true;
	else
		(void)leat_buf_printf(b, " OR coalesce(pg_catalog.to_regclass("
		    "%s)::oid, 0) <> %u", literal, t->oid);
	PQfreemem(literal);
	leat_buf_fini(&name);
}

/* The present file against that in the snapshot's catalog. */
static void
add_check(struct leat_buf *b, const struct pg_conn *c,
    const struct pg_table *t, int by_name)
{
	(void)leat_buf_add_str(b, "; SELECT count(*) > 0");
	if (by_name)
		add_name_check(b, c, t);
	(void)leat_buf_add_str(b, " FROM pg_catalog.pg_class"
	    " WHERE relkind = 'r' AND relfilenode <>"
	    " pg_catalog.pg_relation_filenode(oid) AND oid ");
	if (t->kind == 'p' && c->version >= 120000)
		(void)leat_buf_printf(b, "IN (SELECT relid FROM"
		    " pg_catalog.pg_partition_tree(%u))", t->oid);
	else
		(void)leat_buf_printf(b, "= %u", t->oid);
}

int
pg_reader_start(struct pg_reader *r, const struct pg_table *t,
    const char *copy, int by_name, struct leat_err *err)
{
	struct leat_buf b;
	int rc = 0;

	leat_buf_init(&b, SQL_MAX);
	(void)leat_buf_add_str(&b, "SAVEPOINT leat; ");
	(void)leat_buf_add_str(&b, copy);
	add_check(&b, r->conn, t, by_name);
	(void)leat_buf_add_str(&b, "; ROLLBACK TO SAVEPOINT leat; "
	    "RELEASE SAVEPOINT leat");
	if (leat_buf_cstr(&b) == NULL)
		rc = leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	else if (!pg_conn_ok(r->conn) ||
	    PQsendQuery(r->conn->pg, leat_buf_cstr(&b)) == 0 ||
	    PQflush(r->conn->pg) < 0)
		rc = pg_error(r->conn, NULL, copy, err);
	leat_buf_fini(&b);
	if (rc == 0) {
		r->state = PG_READER_RESULTS;
		r->changed = 0;
	}
	return rc;
}

/* A result of one of the statements. */
static int
take_result(struct pg_reader *r, const PGresult *res, struct leat_err *err)
{
	ExecStatusType st = PQresultStatus(res);

	if (st == PGRES_COPY_OUT)
		r->state = PG_READER_ROWS;
	else if (st == PGRES_TUPLES_OK)
		r->changed = pg_cell(res, 0, 0)[0] == 't';
	else if (st != PGRES_COMMAND_OK)
		return pg_error(r->conn, res, "COPY", err);
	return 0;
}

/* 2: that was the last; 1: one was taken; 0: none now; or an error. */
static int
next_result(struct pg_reader *r, struct leat_err *err)
{
	PGresult *res;
	int rc;

	if (PQisBusy(r->conn->pg))
		return 0;
	res = PQgetResult(r->conn->pg);
	if (res == NULL) {
		r->state = PG_READER_IDLE;
		return 2;
	}
	rc = take_result(r, res, err);
	PQclear(res);
	return rc < 0 ? rc : 1;
}

/* The same for rows. */
static int
next_row(struct pg_reader *r, struct leat_err *err)
{
	int n = PQgetCopyData(r->conn->pg, &r->row, 1);

	if (n > 0) {
		r->row_len = (size_t)n;
		return 1;
	}
	if (n == -2)
		return pg_error(r->conn, NULL, "COPY", err);
	if (n == 0)
		return 0;
	r->state = PG_READER_RESULTS;
	return 1;
}

int
pg_reader_next(struct pg_reader *r, struct leat_err *err)
{
	int rc, looked = 0;

	while (r->row == NULL) {
		rc = r->state == PG_READER_ROWS ? next_row(r, err) :
		    next_result(r, err);
		if (rc < 0 || rc == 2)
			return rc;
		if (rc == 1)
			continue;
		if (looked)
			return 0;
		looked = 1;
		(void)PQflush(r->conn->pg);
		rc = pg_conn_consume(r->conn, err);
		if (rc < 0)
			return rc;
	}
	return 1;
}

void
pg_reader_fini(struct pg_reader *r)
{
	if (r->row != NULL)
		PQfreemem(r->row);
	r->row = NULL;
	pg_conn_close(&r->own);
}
