/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_conn.h: connections to PostgreSQL by libpq.
 *
 * libpq is used in its asynchronous form throughout. The calls below that wait
 * do so in short slices, between which they look whether the task should stop,
 * and no longer than a limit; the streams (COPY, replication) never wait here.
 * Every failure gets its class from the SQLSTATE.
 */
#ifndef LEAT_PG_CONN_H
#define LEAT_PG_CONN_H

#include <libpq-fe.h>
#include <stdint.h>

#include <leat/buf.h>
#include <leat/connector.h>

#include "pg_config.h"

enum {
	PG_CONN_SQL = 0,
	PG_CONN_REPLICATION = 1
};

struct pg_conn {
	PGconn *pg;		/* NULL: closed */
	struct leat_task *task;
	int64_t timeout_ms;	/* of a query */
	int version;		/* 150004 */
	int pending;		/* a query was sent by pg_conn_send */
	const char *prepared;	/* the statement of pg_query_often */
	int unpublished;	/* changes were passed over: no publication */
};

/* Connects. On failure c is closed and err has class and hint. */
int pg_conn_open(struct pg_conn *c, struct leat_task *t,
    const struct pg_config *cfg, int kind, struct leat_err *err);

/* Accepts a zeroed and a closed connection. */
void pg_conn_close(struct pg_conn *c);

/* Is there a connection that has not failed? */
int pg_conn_ok(const struct pg_conn *c);

/*
 * Waits until the socket is ready for `events` (of poll). `deadline` is in
 * leat_mono_ms, -1: none. 0, or negative when stopped or out of time.
 */
int pg_conn_wait(struct pg_conn *c, int events, int64_t deadline,
    const char *what, struct leat_err *err);

/* ------------------------------------------------------------- pg_query.c */

/*
 * Runs one statement and waits for its result: rows or a completed command.
 * `params` are texts or NULL. *ret_res (which may be NULL) is the caller's,
 * to be freed with PQclear.
 */
int pg_query(struct pg_conn *c, PGresult **ret_res, struct leat_err *err,
    const char *sql, int nparams, const char *const *params);

/*
 * The same for a statement that comes again for each table: it is planned once.
 * `sql` is a constant, known by its address; one of them for a connection.
 */
int pg_query_often(struct pg_conn *c, PGresult **ret_res,
    struct leat_err *err, const char *sql, int nparams,
    const char *const *params);

/* The same, without a limit of time: for what waits for other transactions. */
int pg_query_patient(struct pg_conn *c, PGresult **ret_res,
    struct leat_err *err, const char *sql);

/*
 * What one statement would give: *ret_res has its columns, and no rows. More
 * than one statement in the text is an error.
 */
int pg_describe(struct pg_conn *c, PGresult **ret_res, struct leat_err *err,
    const char *sql);

/*
 * Sends a statement whose result nobody waits for; pg_conn_collect() takes it
 * when it has come, and so does the next pg_query(). 1: still running.
 */
int pg_conn_send(struct pg_conn *c, const char *sql, struct leat_err *err);
int pg_conn_collect(struct pg_conn *c, struct leat_err *err);

/*
 * Sends COPY .. TO STDOUT or START_REPLICATION and waits until the stream is
 * open. From then on: pg_copy_read().
 */
int pg_copy_start(struct pg_conn *c, const char *sql, struct leat_err *err);

/*
 * The next message of the stream without waiting. 1: *ret_data (PQfreemem it)
 * and *ret_len are set; 0: nothing now; 2: the stream has ended; negative: it
 * failed.
 */
int pg_copy_read(struct pg_conn *c, char **ret_data, size_t *ret_len,
    struct leat_err *err);

/* Takes what the socket has. 0, or negative when the connection is lost. */
int pg_conn_consume(struct pg_conn *c, struct leat_err *err);

/* ------------------------------------------------------------- pg_error.c */

/* Fills err from a failed result, or from the connection when res is NULL. */
int pg_error(const struct pg_conn *c, const PGresult *res, const char *what,
    struct leat_err *err);

/* The same from an attempt to connect. */
int pg_connect_error(PGconn *pg, struct leat_err *err);

/* The class of an SQLSTATE, for what has no better knowledge. */
int32_t pg_error_class(const char *sqlstate, const char *text);

/* ------------------------------------------------------------------ texts */

/* A column of a result as text, "" for null. */
static inline const char *
pg_cell(const PGresult *res, int row, int col)
{
	return PQgetvalue(res, row, col);
}

/* Appends a name as SQL wants it, quoted; check b->failed. */
void pg_add_identifier(const struct pg_conn *c, struct leat_buf *b,
    const char *name);
/* "schema"."table" */
void pg_add_table(const struct pg_conn *c, struct leat_buf *b,
    const char *schema, const char *table);

/* "H/L" and back; 0 for bad text. */
uint64_t pg_lsn_parse(const char *text);
#define PG_LSN_FMT "%X/%X"
#define PG_LSN_ARGS(lsn) (unsigned)((lsn) >> 32), (unsigned)(lsn)

#endif
