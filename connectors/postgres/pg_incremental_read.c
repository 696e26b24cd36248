/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_incremental_read.c: chunks are read on a connection of their own, one
 * statement after the other, without waiting for any. What fails is tried
 * again, on a new connection; a table that cannot be read is left out.
 */
#include "pg_incremental.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
	BACKOFF_MS = 500,
	BACKOFF_MAX_MS = 30000,
	TORN_MS = 10,
	ASK_MS = 100,
	FAILURES_MAX = 3,
	PARSE_CHUNK = 4096,
	PARSE_MAX = 4 * 1024 * 1024,
	WAL_PAGE = 8192,
	WAL_HEADER = 40		/* the larger of a page's two */
};

/* ------------------------------------------------------- the table's plan */

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

/* -------------------------------------------------------------- statements */

static enum pg_inc_mark
mark_of(const struct pg_incremental *inc)
{
	if (inc->cfg->read_only || inc->no_marks)
		return PG_MARK_POSITION;
	if (inc->cfg->signal_table != NULL)
		return PG_MARK_TABLE;
	return inc->conn.version >= 140000 ? PG_MARK_MESSAGE : PG_MARK_POSITION;
}

static void
add_signal_table(const struct pg_incremental *inc, struct leat_buf *b)
{
	struct leat_str rest = leat_str_c(inc->cfg->signal_table);
	struct leat_str schema = leat_str_cut(&rest, '.');
	char name[64];

	(void)snprintf(name, sizeof(name), "%.*s", (int)schema.len,
	    schema.ptr);
	pg_sql_table(b, name, rest.ptr);
}

static void
write_signal(const struct pg_incremental *inc, struct leat_buf *b,
    const char *end, const char *type)
{
	(void)leat_buf_add_str(b, "INSERT INTO ");
	add_signal_table(inc, b);
	(void)leat_buf_printf(b, " VALUES ('%s-%s', '%s', '{}')",
	    inc->chunk_id, end, type);
}

static void
write_mark(const struct pg_incremental *inc, struct leat_buf *b)
{
	if (inc->mark == PG_MARK_MESSAGE && inc->conn.version >= 170000) {
		(void)leat_buf_printf(b, "SELECT pg_catalog."
		    "pg_logical_emit_message(false, '" PG_INC_PREFIX
		    "', '%s', true)", inc->chunk_id);
		return;
	}
	if (inc->mark == PG_MARK_MESSAGE) {
		/* With an id of its own the commit flushes the message too. */
		(void)leat_buf_printf(b, "SELECT pg_catalog."
		    "pg_logical_emit_message(false, '" PG_INC_PREFIX
		    "', '%s'), pg_catalog.pg_current_xact_id()",
		    inc->chunk_id);
		return;
	}
	if (inc->mark == PG_MARK_TABLE &&
	    inc->cfg->watermark == PG_WATERMARK_INSERT_DELETE) {
		(void)leat_buf_add_str(b, "DELETE FROM ");
		add_signal_table(inc, b);
		(void)leat_buf_add_str(b, " WHERE ");
		pg_sql_name(b, inc->first_column);
		(void)leat_buf_printf(b, " = '%s-open'; ", inc->chunk_id);
	} else if (inc->mark == PG_MARK_TABLE) {
		write_signal(inc, b, "close", "snapshot-window-close");
		(void)leat_buf_add_str(b, "; ");
	}
	(void)leat_buf_add_str(b, "SELECT CASE WHEN pg_is_in_recovery() THEN"
	    " pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END");
}

static void
write_facts(const struct pg_incremental *inc, struct leat_buf *b)
{
	(void)leat_buf_printf(b, "SELECT %s()::text, pg_is_in_recovery(), ",
	    inc->conn.version >= 130000 ? "pg_catalog.pg_current_snapshot" :
	    "pg_catalog.txid_current_snapshot");
	pg_sql_signature(b, inc->query.rel->oid);
}

static void
write_begin(const struct pg_incremental *inc, struct leat_buf *b)
{
	/* The lock comes before the snapshot: no column changes behind it. */
	(void)leat_buf_add_str(b, "BEGIN ISOLATION LEVEL REPEATABLE READ "
	    "READ ONLY; LOCK TABLE ");
	if (inc->query.only)
		(void)leat_buf_add_str(b, "ONLY ");
	pg_sql_table(b, inc->query.rel->schema, inc->query.rel->name);
	(void)leat_buf_add_str(b, " IN ACCESS SHARE MODE");
}

static void
write_step(struct pg_incremental *inc, struct leat_buf *b)
{
	struct pg_chunk_query *q = &inc->query;

	q->after = (struct leat_str){ (const char *)inc->after.data,
		inc->after.len };
	q->upto = (struct leat_str){ (const char *)inc->upto.data,
		inc->upto.len };
	q->limit = inc->limit;
	switch (inc->step) {
	case PG_INC_OPEN:
		write_signal(inc, b, "open", "snapshot-window-open");
		break;
	case PG_INC_BEGIN:
		write_begin(inc, b);
		break;
	case PG_INC_FACTS:
		write_facts(inc, b);
		break;
	case PG_INC_MAXIMUM:
		pg_sql_maximum(b, q);
		break;
	case PG_INC_COPY:
		pg_sql_chunk(b, q);
		break;
	case PG_INC_COMMIT:
		(void)leat_buf_add_str(b, "COMMIT");
		break;
	case PG_INC_MARK:
		write_mark(inc, b);
		break;
	case PG_INC_IDLE:
	case PG_INC_WAIT:
	case PG_INC_EMIT:
		break;
	}
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

static void
back_off(struct pg_incremental *inc, const struct leat_err *why)
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

/* A statement failed: by its kind, again, with a new plan, or never. */
static void
failed(struct pg_incremental *inc)
{
	struct leat_err why = inc->failed;
	/* Refused, not interrupted: a standby, or no right to write. */
	int marks = (inc->step == PG_INC_MARK || inc->step == PG_INC_OPEN) &&
	    why.sqlstate[0] != '\0' && strncmp(why.sqlstate, "57", 2) != 0 &&
	    strncmp(why.sqlstate, "53", 2) != 0;

	/* An error of the server left its transaction open: start anew. */
	pg_conn_close(&inc->conn);
	if (why.cls == LEAT_CLS_RETRY && !marks) {
		back_off(inc, &why);
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
	if (++inc->failures < FAILURES_MAX)
		return;
	leat_log_error(inc->task, "a table cannot be read for the incremental "
	    "snapshot", "table=%s reason=\"%s\"", inc->first->id, why.text);
	pg_inc_table_done(inc, "SQL_EXCEPTION");
}

/* ------------------------------------------------------------------- steps */

static int send_step(struct pg_incremental *inc, enum pg_inc_step step);

static int
step_failed(struct pg_incremental *inc, const PGresult *res)
{
	leat_err_clear(&inc->failed);
	(void)pg_error(&inc->conn, res, "incremental snapshot", &inc->failed);
	failed(inc);
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
	write_step(inc, &sql);
	if (leat_buf_cstr(&sql) == NULL) {
		leat_buf_fini(&sql);
		(void)leat_err_set(&inc->failed, LEAT_CLS_CONFIG,
		    LEAT_E_LIMIT, "a statement of more than 1 MiB");
		failed(inc);
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
		inc->failures = FAILURES_MAX;
		failed(inc);
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
	    (inc->mark == PG_MARK_POSITION ? 0 : ASK_MS);
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
		failed(inc);
		return 0;
	}
}

/* 1: the statement still runs; 0: it does not, and something followed. */
static int
advance(struct pg_incremental *inc)
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

/* ------------------------------------------------------------------ chunks */

static int
read_first_column(struct pg_incremental *inc, struct leat_err *err)
{
	const char *params[1];
	PGresult *res = NULL;
	struct leat_buf b;
	int rc;

	leat_buf_init(&b, 1024);
	add_signal_table(inc, &b);
	params[0] = leat_buf_cstr(&b);
	rc = params[0] == NULL ? no_memory(err) : pg_query(inc->sql, &res, err,
	    "SELECT attname FROM pg_catalog.pg_attribute"
	    " WHERE attrelid = $1::regclass AND attnum > 0"
	    " AND NOT attisdropped ORDER BY attnum LIMIT 1", 1, params);
	leat_buf_fini(&b);
	if (rc < 0)
		return rc;
	(void)snprintf(inc->first_column, sizeof(inc->first_column), "%s",
	    PQntuples(res) == 0 ? "id" : pg_cell(res, 0, 0));
	PQclear(res);
	return 0;
}

static int
connect_reader(struct pg_incremental *inc, struct leat_err *err)
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

int
pg_inc_start_chunk(struct pg_incremental *inc, struct leat_err *err)
{
	int rc = connect_reader(inc, err);

	if (rc == 0)
		rc = pg_uuid(inc->chunk_id, err);
	if (rc < 0)
		return rc;
	inc->mark = mark_of(inc);
	inc->chunk_rows = 0;
	inc->empty = inc->mark_seen = 0;
	inc->chunk_ms = leat_mono_ms(inc->task);
	PQclear(inc->result);
	inc->result = NULL;
	return send_step(inc, inc->mark == PG_MARK_TABLE ? PG_INC_OPEN :
	    PG_INC_BEGIN);
}

/* From one chunk to the next. 1: nothing to do now. */
static int
start_next(struct pg_incremental *inc, int may_start, struct leat_err *err)
{
	struct leat_err why = LEAT_ERR_INIT;
	int rc = 0;

	if (!may_start || inc->paused || inc->held ||
	    leat_stopping(inc->task) || leat_mono_ms(inc->task) < inc->retry_ms)
		return 1;
	if (!inc->begun)
		rc = pg_inc_begin_table(inc, &why);
	if (rc > 0)
		return 0;
	if (rc == 0)
		rc = pg_inc_start_chunk(inc, &why);
	if (rc == 0)
		return 0;
	/* Without the source's own connection the task is no use. */
	if (!pg_conn_ok(inc->sql)) {
		*err = why;
		return rc;
	}
	if (why.cls != LEAT_CLS_RETRY && ++inc->failures >= FAILURES_MAX) {
		leat_log_error(inc->task, "a table cannot be read for the "
		    "incremental snapshot", "table=%s reason=\"%s\"",
		    inc->first->id, why.text);
		pg_inc_table_done(inc, "SQL_EXCEPTION");
		return 0;
	}
	back_off(inc, &why);
	return 1;
}

int
pg_inc_work(struct pg_incremental *inc, int may_start, struct leat_err *err)
{
	while (inc->first != NULL) {
		int rc = 0;

		if (inc->step == PG_INC_WAIT || inc->step == PG_INC_EMIT)
			return 0;
		rc = inc->step == PG_INC_IDLE ?
		    start_next(inc, may_start, err) : advance(inc);
		if (rc != 0)
			return rc < 0 ? rc : 0;
	}
	return 0;
}

/* ----------------------------------------------------------------- waiting */

int
pg_inc_asks(struct pg_incremental *inc)
{
	int64_t now;

	if (inc == NULL || inc->step != PG_INC_WAIT)
		return 0;
	now = leat_mono_ms(inc->task);
	if (now < inc->next_ask_ms)
		return 0;
	inc->next_ask_ms = now + ASK_MS;
	return 1;
}

static int
watch_both(struct pg_incremental *inc, int fd)
{
	int fds[2] = { fd, PQsocket(inc->conn.pg) };

	if (inc->epoll_fd >= 0)
		return inc->epoll_fd;
	inc->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 0; i < 2 && inc->epoll_fd >= 0; i++) {
		struct epoll_event ev = { .events = EPOLLIN };

		if (epoll_ctl(inc->epoll_fd, EPOLL_CTL_ADD, fds[i], &ev) < 0) {
			(void)close(inc->epoll_fd);
			inc->epoll_fd = -1;
		}
	}
	return inc->epoll_fd;
}

static void
shorten(int64_t *ms, int64_t left)
{
	if (left < *ms)
		*ms = left > 0 ? left : 0;
}

int
pg_inc_wait_fd(struct pg_incremental *inc, int fd, int64_t *ms)
{
	int64_t now;
	int both;

	if (!pg_inc_active(inc))
		return fd;
	now = leat_mono_ms(inc->task);
	if (inc->step == PG_INC_IDLE && !inc->paused && !inc->held)
		shorten(ms, inc->retry_ms > now ? inc->retry_ms - now : 1);
	else if (inc->step == PG_INC_WAIT)
		shorten(ms, inc->next_ask_ms - now);
	if (inc->step == PG_INC_IDLE || inc->step == PG_INC_WAIT ||
	    inc->step == PG_INC_EMIT || !pg_conn_ok(&inc->conn))
		return fd;
	both = watch_both(inc, fd);
	if (both < 0 || PQflush(inc->conn.pg) != 0)
		shorten(ms, 5);
	return both < 0 ? fd : both;
}
