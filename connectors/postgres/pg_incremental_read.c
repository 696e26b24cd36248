/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_incremental_read.c: a chunk is read step by step, one statement after the
 * other, without waiting for any.
 */
#include <errno.h>
#include <string.h>

#include "pg_copy_text.h"
#include "pg_incremental_parts.h"

enum {
	TORN_MS = 10,
	PARSE_CHUNK = 4096,
	PARSE_MAX = 4 * 1024 * 1024,
	WAL_PAGE = 8192,
	WAL_HEADER = 40		/* the larger of a page's two */
};

static int
step_failed(struct pg_incremental *inc, const PGresult *res)
{
	leat_err_clear(&inc->failed);
	(void)pg_error(&inc->conn, res, "incremental snapshot", &inc->failed);
	pg_inc_failed(inc);
	return 0;
}

static int
send_step(struct pg_incremental *inc, enum pg_inc_step step)
{
	struct leat_buf sql;
	int rc;

	inc->step = step;
	leat_err_clear(&inc->failed);
	if (step == PG_INC_FACTS) {
		/* Before the server takes its snapshot. */
		pg_window_open(&inc->window);
		inc->opened = inc->ring.n;
	}
	leat_buf_init(&sql, PG_INC_SQL_MAX);
	pg_inc_write_step(inc, &sql);
	if (leat_buf_cstr(&sql) == NULL) {
		leat_buf_fini(&sql);
		(void)leat_err_set(&inc->failed, LEAT_CLS_CONFIG,
		    LEAT_E_LIMIT, "a statement of more than 1 MiB");
		pg_inc_failed(inc);
		return 0;
	}
	rc = PQsendQuery(inc->conn.pg, leat_buf_cstr(&sql));
	leat_buf_fini(&sql);
	if (rc == 0 || PQflush(inc->conn.pg) < 0)
		return step_failed(inc, NULL);
	return 0;
}

/* What the snapshot sees, and whether table and stream fit it. */
static int
take_facts(struct pg_incremental *inc, const PGresult *res)
{
	struct pg_visible v = { 0 };
	struct leat_arena a;
	int standby = pg_cell(res, 0, 1)[0] == 't';
	int rc;

	if (strcmp(pg_cell(res, 0, 2), inc->signature) != 0) {
		inc->begun = 0;
		inc->torn = 1;
		return send_step(inc, PG_INC_COMMIT);
	}
	leat_arena_init(&a, PARSE_CHUNK, PARSE_MAX);
	rc = pg_visible_parse(pg_cell(res, 0, 0), &a, &v);
	/* A standby sends only what it sees itself. */
	if (rc == 0 && !standby && !pg_ring_seen(&inc->ring, inc->opened, &v))
		rc = -EAGAIN;
	leat_arena_fini(&a);
	if (rc < 0) {
		inc->torn = 1;
		inc->retry_ms = leat_mono_ms(inc->task) + TORN_MS;
		return send_step(inc, PG_INC_COMMIT);
	}
	return send_step(inc, inc->has_upto ? PG_INC_COPY : PG_INC_MAXIMUM);
}

static int
take_maximum(struct pg_incremental *inc, const PGresult *res)
{
	leat_buf_reset(&inc->upto);
	inc->has_upto = 1;
	inc->dirty = 1;
	if (PQntuples(res) == 0) {
		inc->empty = 1;
		return send_step(inc, PG_INC_COMMIT);
	}
	for (uint32_t i = 0; i < inc->query.order.n; i++) {
		struct pgo_column c = { .kind = PGO_NULL };

		if (!PQgetisnull(res, 0, (int)i)) {
			c.kind = PGO_TEXT;
			c.data = pg_cell(res, 0, (int)i);
			c.len = (uint32_t)PQgetlength(res, 0, (int)i);
		}
		pg_key_encode(&inc->upto, &c, NULL, 1);
	}
	if (inc->upto.failed) {
		(void)leat_err_set(&inc->failed, LEAT_CLS_CONFIG,
		    LEAT_E_LIMIT, "a key of more than 64 KiB");
		inc->failures = PG_INC_FAILURES_MAX;
		pg_inc_failed(inc);
		return 0;
	}
	return send_step(inc, PG_INC_COPY);
}

/*
 * Behind a page's header the position says more than was written before it: a
 * stream that is at the page's start has everything.
 */
static uint64_t
to_page_start(uint64_t lsn)
{
	uint64_t in_page = lsn % WAL_PAGE;

	return in_page <= WAL_HEADER ? lsn - in_page : lsn;
}

static int
take_mark(struct pg_incremental *inc, const PGresult *res)
{
	inc->mark_lsn = to_page_start(pg_lsn_parse(pg_cell(res, 0, 0)));
	inc->step = PG_INC_WAIT;
	inc->at = 0;
	inc->backoff_ms = 0;
	inc->next_ask_ms = leat_mono_ms(inc->task) +
	    (inc->mark == PG_MARK_POSITION ? 0 : PG_INC_ASK_MS);
	if (inc->mark_seen)	/* the stream was faster */
		inc->step = PG_INC_EMIT;
	pg_inc_reached(inc, inc->stream_lsn);
	return 0;
}

static int
take_commit(struct pg_incremental *inc)
{
	if (inc->torn) {
		/* The snapshot or the plan was of no use: the same again. */
		leat_metric_add(inc->m_again, 1);
		inc->step = PG_INC_IDLE;
		pg_inc_drop_chunk(inc);
		return 0;
	}
	if (inc->window.nrows > 0)
		return send_step(inc, PG_INC_MARK);
	/* No row is left: nothing to deliver, nothing to wait for. */
	inc->step = PG_INC_IDLE;
	pg_window_reset(&inc->window);
	pg_inc_table_done(inc, inc->empty ? "EMPTY" : "SUCCEEDED");
	return 0;
}

/* A statement is done; res is its last result. */
static int
step_done(struct pg_incremental *inc, const PGresult *res)
{
	switch (inc->step) {
	case PG_INC_OPEN:
		return send_step(inc, PG_INC_BEGIN);
	case PG_INC_BEGIN:
		return send_step(inc, PG_INC_FACTS);
	case PG_INC_FACTS:
		return take_facts(inc, res);
	case PG_INC_MAXIMUM:
		return take_maximum(inc, res);
	case PG_INC_COMMIT:
		return take_commit(inc);
	case PG_INC_MARK:
		return take_mark(inc, res);
	case PG_INC_COPY:
	case PG_INC_IDLE:
	case PG_INC_WAIT:
	case PG_INC_EMIT:
		break;
	}
	return 0;
}

/* -------------------------------------------------------------------- rows */

static int
add_row(struct pg_incremental *inc, char *owned_line, size_t len)
{
	struct pgo_column *cols = inc->cols;
	uint32_t which[PG_WINDOW_KEYS];
	int n;

	inc->chunk_rows++;
	if (inc->cut || (inc->window.nrows > 0 &&
	    inc->window.bytes + len > PG_WINDOW_BYTES)) {
		inc->cut = 1;
		PQfreemem(owned_line);
		return 0;
	}
	leat_buf_reset(&inc->scratch);
	(void)leat_buf_add(&inc->scratch, owned_line, len);
	if (inc->scratch.failed) {
		PQfreemem(owned_line);
		return -ENOMEM;
	}
	n = pg_copy_split((char *)inc->scratch.data, len, cols,
	    PGO_MAX_COLUMNS);
	if (n != (int)inc->query.rel->ncols) {
		PQfreemem(owned_line);
		return LEAT_E_PROTO;
	}
	for (uint32_t i = 0; i < inc->query.order.n; i++)
		which[i] = inc->order[i].col;
	leat_buf_reset(&inc->chunk_end);
	pg_key_encode(&inc->chunk_end, cols, which, inc->query.order.n);
	leat_buf_reset(&inc->scratch_key);
	pg_key_encode(&inc->scratch_key, cols, inc->key_cols, inc->nkeys);
	if (inc->chunk_end.failed || inc->scratch_key.failed) {
		PQfreemem(owned_line);
		return LEAT_E_LIMIT;
	}
	return pg_window_add(&inc->window, (struct leat_str){
	    (const char *)inc->scratch_key.data, inc->scratch_key.len },
	    owned_line, len);
}

/* The rows that have come. 1: nothing more now; 0: go on. */
static int
take_rows(struct pg_incremental *inc)
{
	for (;;) {
		struct leat_err err = LEAT_ERR_INIT;
		char *line = NULL;
		size_t len = 0;
		int rc = pg_copy_read(&inc->conn, &line, &len, &err);

		if (rc == 0)
			return 1;
		if (rc == 2) {
			inc->copying = 0;
			(void)send_step(inc, PG_INC_COMMIT);
			return 0;
		}
		if (rc == 1)
			rc = add_row(inc, line, len);
		if (rc == 0)
			continue;
		if (err.code == 0)
			(void)leat_err_set(&err, rc == -ENOMEM ?
			    LEAT_CLS_RETRY : LEAT_CLS_CONFIG, rc, "a row of "
			    "a chunk cannot be kept (%d)", rc);
		inc->failed = err;
		pg_inc_failed(inc);
		return 0;
	}
}

int
pg_inc_advance(struct pg_incremental *inc)
{
	PGresult *last = NULL, *res;

	if (PQflush(inc->conn.pg) < 0 || PQconsumeInput(inc->conn.pg) == 0)
		return step_failed(inc, NULL);
	if (inc->copying)
		return take_rows(inc);
	while (!PQisBusy(inc->conn.pg)) {
		ExecStatusType st;

		res = PQgetResult(inc->conn.pg);
		if (res == NULL) {
			res = inc->result;
			inc->result = NULL;
			(void)step_done(inc, res);
			PQclear(res);
			return 0;
		}
		st = PQresultStatus(res);
		if (st == PGRES_COPY_OUT && inc->step == PG_INC_COPY) {
			PQclear(res);
			inc->copying = 1;
			return take_rows(inc);
		}
		if (st != PGRES_COMMAND_OK && st != PGRES_TUPLES_OK) {
			(void)step_failed(inc, res);
			PQclear(res);
			return 0;
		}
		last = inc->result;
		inc->result = res;
		PQclear(last);
	}
	return 1;
}

int
pg_inc_start_chunk(struct pg_incremental *inc, struct leat_err *err)
{
	int rc = pg_inc_connect(inc, err);

	if (rc == 0)
		rc = pg_uuid(inc->chunk_id, err);
	if (rc < 0)
		return rc;
	inc->mark = pg_inc_mark_of(inc);
	inc->chunk_rows = 0;
	inc->empty = inc->mark_seen = 0;
	inc->chunk_ms = leat_mono_ms(inc->task);
	PQclear(inc->result);
	inc->result = NULL;
	return send_step(inc, inc->mark == PG_MARK_TABLE ? PG_INC_OPEN :
	    PG_INC_BEGIN);
}
