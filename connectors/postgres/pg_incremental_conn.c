/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_incremental_conn.c: the connection that chunks are read on, and what is
 * done when a statement on it fails.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pg_incremental_parts.h"

enum {
	BACKOFF_MS = 500,
	BACKOFF_MAX_MS = 30000
};

static int
read_first_column(struct pg_incremental *inc, struct leat_err *err)
{
	const char *params[1];
	PGresult *res = NULL;
	struct leat_buf b;
	int rc;

	leat_buf_init(&b, 1024);
	pg_inc_add_signal_table(inc, &b);
	params[0] = leat_buf_cstr(&b);
	if (params[0] == NULL)
		rc = leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	else
		rc = pg_query(inc->sql, &res, err, "SELECT attname FROM"
		    " pg_catalog.pg_attribute WHERE attrelid = $1::regclass"
		    " AND attnum > 0 AND NOT attisdropped"
		    " ORDER BY attnum LIMIT 1", 1, params);
	leat_buf_fini(&b);
	if (rc < 0)
		return rc;
	(void)snprintf(inc->first_column, sizeof(inc->first_column), "%s",
	    PQntuples(res) == 0 ? "id" : pg_cell(res, 0, 0));
	PQclear(res);
	return 0;
}

int
pg_inc_connect(struct pg_incremental *inc, struct leat_err *err)
{
	int rc = 0;

	if (pg_conn_ok(&inc->conn))
		return 0;
	pg_conn_close(&inc->conn);
	if (inc->epoll_fd >= 0)
		(void)close(inc->epoll_fd);
	inc->epoll_fd = -1;
	rc = pg_conn_open(&inc->conn, inc->task, inc->cfg, PG_CONN_SQL, err);
	/* Only our own disk is waited for, not a standby's. */
	if (rc == 0)
		rc = pg_query(&inc->conn, NULL, err,
		    "SET synchronous_commit = local", 0, NULL);
	if (rc == 0 && inc->cfg->signal_table != NULL && !inc->cfg->read_only)
		rc = read_first_column(inc, err);
	if (rc < 0 && inc->cfg->signal_table != NULL &&
	    err->cls == LEAT_CLS_CONFIG && pg_conn_ok(&inc->conn)) {
		/* No such table: the mark fails, and says so. */
		leat_err_clear(err);
		rc = 0;
	}
	return rc;
}

/* ---------------------------------------------------------------- failures */

void
pg_inc_drop_chunk(struct pg_incremental *inc)
{
	/* A statement under way is of no more use. */
	if (inc->step != PG_INC_IDLE && inc->step != PG_INC_WAIT &&
	    inc->step != PG_INC_EMIT)
		pg_conn_close(&inc->conn);
	pg_window_reset(&inc->window);
	leat_err_clear(&inc->failed);
	inc->chunk_id[0] = '\0';
	inc->changed = inc->cut = inc->copying = inc->torn = 0;
	inc->mark_seen = 0;
	inc->chunk_rows = 0;
	inc->step = PG_INC_IDLE;
}

void
pg_inc_back_off(struct pg_incremental *inc, const struct leat_err *why)
{
	inc->backoff_ms = inc->backoff_ms == 0 ? BACKOFF_MS :
	    inc->backoff_ms * 2;
	if (inc->backoff_ms > BACKOFF_MAX_MS)
		inc->backoff_ms = BACKOFF_MAX_MS;
	leat_log_warn(inc->task, "incremental snapshot is held up",
	    "table=%s retry_ms=%lld reason=\"%s\"", inc->first->id,
	    (long long)inc->backoff_ms, why->text);
	inc->retry_ms = leat_mono_ms(inc->task) + inc->backoff_ms;
	pg_conn_close(&inc->conn);
	pg_inc_drop_chunk(inc);
}

int
pg_inc_count_failure(struct pg_incremental *inc, const struct leat_err *why)
{
	if (++inc->failures < PG_INC_FAILURES_MAX)
		return 0;
	leat_log_error(inc->task, "a table cannot be read for the incremental "
	    "snapshot", "table=%s reason=\"%s\"", inc->first->id, why->text);
	pg_inc_table_done(inc, "SQL_EXCEPTION");
	return 1;
}

void
pg_inc_failed(struct pg_incremental *inc)
{
	struct leat_err why = inc->failed;
	/* Refused, not interrupted: a standby, or no right to write. */
	int marks = (inc->step == PG_INC_MARK || inc->step == PG_INC_OPEN) &&
	    why.sqlstate[0] != '\0' && strncmp(why.sqlstate, "57", 2) != 0 &&
	    strncmp(why.sqlstate, "53", 2) != 0;

	/* An error of the server left its transaction open: start anew. */
	pg_conn_close(&inc->conn);
	if (why.cls == LEAT_CLS_RETRY && !marks) {
		pg_inc_back_off(inc, &why);
		return;
	}
	pg_inc_drop_chunk(inc);
	if (marks) {
		leat_log_warn(inc->task, "chunks cannot be marked in the "
		    "database, the log's position is used", "reason=\"%s\"",
		    why.text);
		inc->no_marks = 1;
		return;
	}
	/* The table may have been altered since the plan was made. */
	inc->begun = 0;
	(void)pg_inc_count_failure(inc, &why);
}
