/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_query.c: statements and their results, and the streams that some of them
 * open.
 */
#include <errno.h>
#include <poll.h>

#include "pg_conn.h"

#define STATEMENT "leat"	/* of pg_query_often */

enum { NAG_MS = 10000 };	/* between two words about a long wait */

static int
flush_out(struct pg_conn *c, int64_t deadline, const char *what,
    struct leat_err *err)
{
	for (;;) {
		int rc = PQflush(c->pg);

		if (rc == 0)
			return 0;
		if (rc < 0)
			return pg_error(c, NULL, what, err);
		rc = pg_conn_wait(c, POLLIN | POLLOUT, deadline, what, err);
		if (rc < 0)
			return rc;
		if (PQconsumeInput(c->pg) == 0)
			return pg_error(c, NULL, what, err);
	}
}

static int
await_result(struct pg_conn *c, int64_t deadline, const char *what,
    struct leat_err *err)
{
	int64_t nag = leat_mono_ms(c->task) + NAG_MS;

	while (PQisBusy(c->pg)) {
		int64_t now = leat_mono_ms(c->task);
		int64_t until = deadline >= 0 && deadline < nag ? deadline :
		    nag;
		int rc = pg_conn_wait(c, POLLIN, until, what, err);

		if (rc == -ETIMEDOUT && until == nag) {
			leat_log_warn(c->task, "still waiting for PostgreSQL",
			    "statement=\"%s\"", what);
			nag = now + NAG_MS + NAG_MS;
			continue;
		}
		if (rc < 0)
			return rc;
		if (PQconsumeInput(c->pg) == 0)
			return pg_error(c, NULL, what, err);
	}
	return 0;
}

/* All results of a statement; *ret_res gets the last, as PQexec does. */
static int
take_results(struct pg_conn *c, PGresult **ret_res, int64_t deadline,
    const char *what, struct leat_err *err)
{
	PGresult *last = NULL, *res;
	ExecStatusType st;
	int rc;

	for (;;) {
		rc = await_result(c, deadline, what, err);
		if (rc < 0) {
			/* The statement runs on: the connection is no use. */
			PQclear(last);
			pg_conn_close(c);
			return rc;
		}
		res = PQgetResult(c->pg);
		if (res == NULL)
			break;
		PQclear(last);
		last = res;
		st = PQresultStatus(res);
		if (st == PGRES_COPY_OUT || st == PGRES_COPY_BOTH ||
		    PQstatus(c->pg) == CONNECTION_BAD)
			break;
	}
	if (last == NULL)
		return pg_error(c, NULL, what, err);
	*ret_res = last;
	return 0;
}

static int
send_query(struct pg_conn *c, const char *sql, int nparams,
    const char *const *params)
{
	if (sql == c->prepared)
		return PQsendQueryPrepared(c->pg, STATEMENT, nparams, params,
		    NULL, NULL, 0);
	/* Replication connections know the simple protocol only. */
	return nparams == 0 ? PQsendQuery(c->pg, sql) :
	    PQsendQueryParams(c->pg, sql, nparams, NULL, params, NULL, NULL, 0);
}

static int
run(struct pg_conn *c, PGresult **ret_res, struct leat_err *err,
    const char *sql, int nparams, const char *const *params,
    int64_t timeout_ms)
{
	int64_t deadline = timeout_ms > 0 ? leat_mono_ms(c->task) + timeout_ms :
	    -1;
	int rc;

	if (!pg_conn_ok(c))
		return leat_err_set(err, LEAT_CLS_RETRY, LEAT_E_REMOTE,
		    "%s: not connected", sql);
	if (send_query(c, sql, nparams, params) == 0)
		return pg_error(c, NULL, sql, err);
	rc = flush_out(c, deadline, sql, err);
	if (rc < 0) {
		pg_conn_close(c);
		return rc;
	}
	return take_results(c, ret_res, deadline, sql, err);
}

/* What pg_conn_send() began must end before the connection can do more. */
static int
finish_pending(struct pg_conn *c, const char *what, struct leat_err *err)
{
	int64_t deadline = leat_mono_ms(c->task) + c->timeout_ms;
	struct leat_err failed = LEAT_ERR_INIT;
	int rc, waited;

	while ((rc = pg_conn_collect(c, &failed)) == 1) {
		waited = pg_conn_wait(c, POLLIN, deadline, what, err);
		if (waited < 0)
			return waited;
	}
	if (rc < 0)
		leat_log_warn(c->task, "a statement failed", "reason=\"%s\"",
		    failed.text);
	return 0;
}

static int
run_checked(struct pg_conn *c, PGresult **ret_res, struct leat_err *err,
    const char *sql, int nparams, const char *const *params,
    int64_t timeout_ms)
{
	PGresult *res = NULL;
	ExecStatusType st;
	int rc;

	rc = finish_pending(c, sql, err);
	if (rc < 0)
		return rc;
	rc = run(c, &res, err, sql, nparams, params, timeout_ms);
	if (rc < 0)
		return rc;
	st = PQresultStatus(res);
	if (st != PGRES_TUPLES_OK && st != PGRES_COMMAND_OK &&
	    st != PGRES_EMPTY_QUERY) {
		rc = pg_error(c, res, sql, err);
		PQclear(res);
		return rc;
	}
	if (ret_res != NULL)
		*ret_res = res;
	else
		PQclear(res);
	return 0;
}

int
pg_query(struct pg_conn *c, PGresult **ret_res, struct leat_err *err,
    const char *sql, int nparams, const char *const *params)
{
	return run_checked(c, ret_res, err, sql, nparams, params,
	    c->timeout_ms);
}

int
pg_query_patient(struct pg_conn *c, PGresult **ret_res, struct leat_err *err,
    const char *sql)
{
	return run_checked(c, ret_res, err, sql, 0, NULL, 0);
}

/* The answer to what was just sent (`sent`: what libpq said to that). */
static int
describe_step(struct pg_conn *c, int sent, PGresult **ret_res,
    const char *sql, struct leat_err *err)
{
	int64_t deadline = leat_mono_ms(c->task) + c->timeout_ms;
	PGresult *res = NULL;
	int rc;

	if (sent == 0)
		return pg_error(c, NULL, sql, err);
	rc = flush_out(c, deadline, sql, err);
	if (rc == 0)
		rc = take_results(c, &res, deadline, sql, err);
	if (rc == 0 && PQresultStatus(res) != PGRES_COMMAND_OK)
		rc = pg_error(c, res, sql, err);
	if (rc == 0 && ret_res != NULL)
		*ret_res = res;
	else
		PQclear(res);
	return rc;
}

int
pg_describe(struct pg_conn *c, PGresult **ret_res, struct leat_err *err,
    const char *sql)
{
	int rc;

	if (!pg_conn_ok(c))
		return leat_err_set(err, LEAT_CLS_RETRY, LEAT_E_REMOTE,
		    "%s: not connected", sql);
	rc = describe_step(c, PQsendPrepare(c->pg, "", sql, 0, NULL), NULL,
	    sql, err);
	return rc < 0 ? rc : describe_step(c, PQsendDescribePrepared(c->pg,
	    ""), ret_res, sql, err);
}

int
pg_query_often(struct pg_conn *c, PGresult **ret_res, struct leat_err *err,
    const char *sql, int nparams, const char *const *params)
{
	int rc = finish_pending(c, sql, err);

	if (rc == 0 && pg_conn_ok(c) && c->prepared == NULL) {
		rc = describe_step(c, PQsendPrepare(c->pg, STATEMENT, sql,
		    nparams, NULL), NULL, sql, err);
		if (rc == 0)
			c->prepared = sql;
	}
	return rc < 0 ? rc : pg_query(c, ret_res, err, sql, nparams, params);
}

int
pg_conn_send(struct pg_conn *c, const char *sql, struct leat_err *err)
{
	if (!pg_conn_ok(c) || PQsendQuery(c->pg, sql) == 0)
		return pg_error(c, NULL, sql, err);
	c->pending = 1;
	return PQflush(c->pg) < 0 ? pg_error(c, NULL, sql, err) : 0;
}

int
pg_conn_collect(struct pg_conn *c, struct leat_err *err)
{
	PGresult *res;
	int rc = 0;

	if (!c->pending || c->pg == NULL)
		return 0;
	if (PQflush(c->pg) < 0 || PQconsumeInput(c->pg) == 0) {
		c->pending = 0;
		return pg_error(c, NULL, "query", err);
	}
	while (!PQisBusy(c->pg)) {
		res = PQgetResult(c->pg);
		if (res == NULL) {
			c->pending = 0;
			return rc;
		}
		if (PQresultStatus(res) == PGRES_FATAL_ERROR)
			rc = pg_error(c, res, "query", err);
		PQclear(res);
	}
	return 1;
}

/* ---------------------------------------------------------------- streams */

int
pg_copy_start(struct pg_conn *c, const char *sql, struct leat_err *err)
{
	PGresult *res = NULL;
	ExecStatusType st;
	int rc = run(c, &res, err, sql, 0, NULL, c->timeout_ms);

	if (rc < 0)
		return rc;
	st = PQresultStatus(res);
	if (st != PGRES_COPY_OUT && st != PGRES_COPY_BOTH)
		rc = pg_error(c, res, sql, err);
	PQclear(res);
	return rc;
}

/* The stream is over: did it end well? */
static int
copy_end(struct pg_conn *c, struct leat_err *err)
{
	PGresult *res = NULL;
	int rc = take_results(c, &res, leat_mono_ms(c->task) + c->timeout_ms,
	    "end of the stream", err);

	if (rc < 0)
		return rc;
	rc = 2;
	if (PQresultStatus(res) == PGRES_FATAL_ERROR)
		rc = pg_error(c, res, "stream from PostgreSQL", err);
	PQclear(res);
	return rc;
}

int
pg_copy_read(struct pg_conn *c, char **ret_data, size_t *ret_len,
    struct leat_err *err)
{
	int n = PQgetCopyData(c->pg, ret_data, 1);

	if (n > 0) {
		*ret_len = (size_t)n;
		return 1;
	}
	if (n == 0)
		return 0;
	if (n == -1)
		return copy_end(c, err);
	return pg_error(c, NULL, "stream from PostgreSQL", err);
}

int
pg_conn_consume(struct pg_conn *c, struct leat_err *err)
{
	if (PQconsumeInput(c->pg) == 0)
		return pg_error(c, NULL, "stream from PostgreSQL", err);
	return 0;
}
