/* SPDX-License-Identifier: Apache-2.0 */
#include "pg_snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <leat/buf.h>

enum {
	SNAPSHOT_CHUNK = 16 * 1024,
	SNAPSHOT_MAX = 256 * 1024 * 1024,
	SQL_MAX = 1024 * 1024
};

/* --------------------------------------------------------------- COPY text */

static char
unescaped(char c)
{
	switch (c) {
	case 'b': return '\b';
	case 'f': return '\f';
	case 'n': return '\n';
	case 'r': return '\r';
	case 't': return '\t';
	case 'v': return '\v';
	default: return c;
	}
}

/* From the first backslash on; returns the end of what was written. */
static char *
unescape(char *from, const char *end)
{
	char *to = from;

	while (from < end) {
		if (*from == '\\' && from + 1 < end) {
			*to++ = unescaped(from[1]);
			from += 2;
		} else {
			*to++ = *from++;
		}
	}
	return to;
}

static void
set_column(struct pgo_column *c, char *p, char *end)
{
	char *esc;

	if (end - p == 2 && p[0] == '\\' && p[1] == 'N') {
		*c = (struct pgo_column){ .kind = PGO_NULL };
		return;
	}
	esc = memchr(p, '\\', (size_t)(end - p));
	if (esc != NULL)
		end = unescape(esc, end);
	c->kind = PGO_TEXT;
	c->data = p;
	c->len = (uint32_t)(end - p);
}

int
pg_copy_split(char *line, size_t len, struct pgo_column *cols, uint32_t most)
{
	char *p = line, *end;
	uint32_t n = 0;

	if (len > 0 && line[len - 1] == '\n')
		len--;
	end = line + len;
	for (;;) {
		char *tab = memchr(p, '\t', (size_t)(end - p));

		if (n == most)
			return -1;
		set_column(&cols[n++], p, tab == NULL ? end : tab);
		if (tab == NULL)
			return (int)n;
		p = tab + 1;
	}
}

/* ------------------------------------------------------------- transaction */

static int
begin_transaction(struct pg_snapshot *s, const char *imported,
    struct leat_err *err)
{
	char sql[160];
	int rc = pg_query(s->conn, NULL, err,
	    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", 0, NULL);

	if (rc < 0 || imported == NULL)
		return rc;
	/* The name is the server's own: digits, letters and dashes. */
	if (imported[strspn(imported, "0123456789ABCDEFabcdef-")] != '\0')
		return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_PROTO,
		    "unexpected snapshot name '%s'", imported);
	(void)snprintf(sql, sizeof(sql), "SET TRANSACTION SNAPSHOT '%s'",
	    imported);
	return pg_query(s->conn, NULL, err, sql, 0, NULL);
}

static int
read_facts(struct pg_snapshot *s, int with_lsn, struct leat_err *err)
{
	static const char with_xact[] = "SELECT (extract(epoch FROM "
	    "CURRENT_TIMESTAMP) * 1000000)::int8, "
	    "CASE WHEN pg_is_in_recovery() THEN 0 ELSE "
	    "pg_current_xact_id()::text::int8 END, "
	    "CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() "
	    "ELSE pg_current_wal_lsn() END";
	static const char with_txid[] = "SELECT (extract(epoch FROM "
	    "CURRENT_TIMESTAMP) * 1000000)::int8, "
	    "CASE WHEN pg_is_in_recovery() THEN 0 ELSE txid_current() END, "
	    "CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() "
	    "ELSE pg_current_wal_lsn() END";
	PGresult *res = NULL;
	int rc = pg_query(s->conn, &res, err, s->conn->version >= 130000 ?
	    with_xact : with_txid, 0, NULL);

	if (rc < 0)
		return rc;
	s->ts_us = pg_cell_i64(res, 0, 0);
	s->txid = pg_cell_i64(res, 0, 1);
	if (with_lsn)
		s->lsn = pg_lsn_parse(pg_cell(res, 0, 2));
	PQclear(res);
	return 0;
}

/* What is published; or, without a stream, what holds rows. */
static int
list_tables(struct pg_snapshot *s, struct leat_err *err)
{
	uint32_t n = 0;
	int rc;

	s->rels->publication = s->unpublished ? NULL : s->cfg->publication;
	if (!s->unpublished)
		return pg_catalog_published(s->conn, s->rels->filters,
		    s->cfg->publication, &s->arena, &s->tables, err);
	rc = pg_catalog_captured(s->conn, s->rels->filters, &s->arena,
	    &s->tables, err);
	for (uint32_t i = 0; rc == 0 && i < s->tables.len; i++)
		if (s->tables.items[i].kind == 'r')
			s->tables.items[n++] = s->tables.items[i];
	s->tables.len = n;
	return rc;
}

int
pg_snapshot_begin(struct pg_snapshot *s, const char *imported, uint64_t lsn,
    struct leat_err *err)
{
	int rc;

	leat_arena_init(&s->arena, SNAPSHOT_CHUNK, SNAPSHOT_MAX);
	s->lsn = lsn;
	s->m_tables_left = leat_metric(s->task, LEAT_METRIC_GAUGE,
	    "postgres_snapshot_tables_left",
	    "Tables that the snapshot has not finished.");
	rc = begin_transaction(s, imported, err);
	if (rc == 0)
		rc = read_facts(s, imported == NULL, err);
	if (rc == 0)
		rc = list_tables(s, err);
	if (rc < 0) {
		leat_err_wrap(err, "begin the snapshot");
		pg_snapshot_fini(s);
		return rc;
	}
	leat_metric_set(s->m_tables_left, s->tables.len);
	pg_emit_transaction(s->emit, s->ts_us, s->txid, 0);
	leat_log_notice(s->task, "snapshot started",
	    "tables=%u lsn=" PG_LSN_FMT, s->tables.len, PG_LSN_ARGS(s->lsn));
	return 0;
}

void
pg_snapshot_fini(struct pg_snapshot *s)
{
	if (s->held != NULL)
		PQfreemem(s->held);
	if (s->next != NULL)
		PQfreemem(s->next);
	s->held = s->next = NULL;
	leat_arena_fini(&s->arena);
	s->tables.len = 0;
}

/* ----------------------------------------------------------- notifications */

/* With the table in progress, if there is one, and its rows when they count. */
static void
tell(struct pg_snapshot *s, const char *type, const struct pg_table *t,
    const char *status)
{
	struct pg_notify_field f[4] = { { "data_collections", NULL } };
	struct leat_buf names, table;
	char rows[24];

	leat_buf_init(&names, SQL_MAX);
	leat_buf_init(&table, SQL_MAX);
	for (uint32_t i = 0; i < s->tables.len; i++)
		(void)leat_buf_printf(&names, "%s%s.%s", i == 0 ? "" : ",",
		    s->tables.items[i].schema, s->tables.items[i].name);
	if (t != NULL)
		(void)leat_buf_printf(&table, "%s.%s", t->schema, t->name);
	(void)snprintf(rows, sizeof(rows), "%lld", (long long)s->table_rows);
	f[0].value = t == NULL ? NULL : leat_buf_cstr(&names);
	f[1].name = status == NULL ? "current_collection_in_progress" :
	    "scanned_collection";
	f[1].value = t == NULL ? NULL : leat_buf_cstr(&table);
	f[2].name = "total_rows_scanned";
	f[2].value = status == NULL ? NULL : rows;
	f[3].name = "status";
	f[3].value = status;
	pg_notify(s->notify, s->notify_id, PG_NOTIFY_INITIAL, type, f, 4);
	leat_buf_fini(&names);
	leat_buf_fini(&table);
}

void
pg_snapshot_tell(struct pg_snapshot *s, const char *type)
{
	tell(s, type, NULL, NULL);
}

/* ------------------------------------------------------------------ tables */

static void
add_identifier(struct pg_conn *c, struct leat_buf *b, const char *name)
{
	char *q = PQescapeIdentifier(c->pg, name, strlen(name));

	if (q == NULL)
		b->failed = true;
	else
		(void)leat_buf_add_str(b, q);
	PQfreemem(q);
}

static void
add_columns(struct pg_snapshot *s, struct leat_buf *b)
{
	for (uint32_t i = 0; i < s->rel->ncols; i++) {
		if (i > 0)
			(void)leat_buf_add_byte(b, ',');
		add_identifier(s->conn, b, s->rel->cols[i].name);
	}
}

static void
add_table(struct pg_snapshot *s, struct leat_buf *b)
{
	add_identifier(s->conn, b, s->rel->schema);
	(void)leat_buf_add_byte(b, '.');
	add_identifier(s->conn, b, s->rel->name);
}

/*
 * A plain table is copied directly. A partitioned one, which is published under
 * its own name, and one with a row filter need a query.
 */
static void
write_copy(struct pg_snapshot *s, const struct pg_table *t, struct leat_buf *b)
{
	(void)leat_buf_add_str(b, "COPY ");
	if (t->kind == 'r' && t->row_filter == NULL && t->select == NULL) {
		add_table(s, b);
		(void)leat_buf_add_str(b, " (");
		add_columns(s, b);
		(void)leat_buf_add_str(b, ") TO STDOUT");
		return;
	}
	(void)leat_buf_add_str(b, "(SELECT ");
	add_columns(s, b);
	if (t->select != NULL) {
		(void)leat_buf_printf(b, " FROM (%s\n) AS q) TO STDOUT",
		    t->select);
		return;
	}
	(void)leat_buf_add_str(b, t->kind == 'r' ? " FROM ONLY " : " FROM ");
	add_table(s, b);
	if (t->row_filter != NULL)
		(void)leat_buf_printf(b, " WHERE %s", t->row_filter);
	(void)leat_buf_add_str(b, ") TO STDOUT");
}

/*
 * COPY sees the table of now, which may have been altered or dropped since the
 * snapshot: taking it again helps.
 */
static int
changed_meanwhile(const struct pg_table *t, struct leat_err *err)
{
	if (strcmp(err->sqlstate, "42703") == 0 ||
	    strcmp(err->sqlstate, "42P01") == 0)
		err->cls = LEAT_CLS_RETRY;
	return leat_err_wrap(err, "read table %s.%s", t->schema, t->name);
}

static int
start_table(struct pg_snapshot *s, struct leat_err *err)
{
	const struct pg_table *t = &s->tables.items[s->table];
	struct leat_buf b;
	int rc = pg_relcache_load(s->rels, t, &s->rel, err);

	if (rc < 0)
		return rc;
	s->table_rows = 0;
	/* A table without columns has rows that say nothing. */
	if (s->rel->ncols == 0) {
		s->table++;
		return 0;
	}
	leat_buf_init(&b, SQL_MAX);
	write_copy(s, t, &b);
	rc = leat_buf_cstr(&b) == NULL ? leat_err_set(err, LEAT_CLS_RETRY,
	    -ENOMEM, "out of memory") :
	    pg_copy_start(s->conn, leat_buf_cstr(&b), err);
	leat_buf_fini(&b);
	if (rc < 0)
		return changed_meanwhile(t, err);
	s->copying = 1;
	tell(s, "IN_PROGRESS", t, NULL);
	return 0;
}

static void
end_table(struct pg_snapshot *s)
{
	const struct pg_table *t = &s->tables.items[s->table];

	leat_log_info(s->task, "table read", "table=%s.%s rows=%lld",
	    t->schema, t->name, (long long)s->table_rows);
	tell(s, "TABLE_SCAN_COMPLETED", t, s->table_rows == 0 ? "EMPTY" :
	    "SUCCEEDED");
	s->copying = 0;
	s->table++;
	leat_metric_set(s->m_tables_left, s->tables.len - s->table);
}

/* -------------------------------------------------------------------- rows */

/* Builds the event of the held row. */
static int
emit_held(struct pg_snapshot *s, struct leat_batch *b, const char *marker,
    struct leat_err *err)
{
	struct pgo_tuple t = { .cols = s->cols };
	struct pg_row row;
	char *line;
	int n, rc;

	line = leat_batch_copy(b, s->held, s->held_len);
	if (line == NULL)
		return PG_CONV_NOMEM;
	n = pg_copy_split(line, s->held_len, s->cols, PGO_MAX_COLUMNS);
	t.ncols = (uint32_t)n;
	if (n < 0)
		return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_PROTO,
		    "a row of %s.%s has too many columns", s->held_rel->schema,
		    s->held_rel->name);
	s->held_rel->any_label = 1;
	rc = pg_row_convert(s->rels, s->held_rel, &t, NULL, PG_ROW_NEW, b,
	    &row, err);
	s->held_rel->any_label = 0;
	if (rc != 0)
		return rc;
	pg_emit_marker(s->emit, marker);
	pg_emit_begin(s->emit, 0);
	rc = pg_emit_row(s->emit, b, s->held_rel, s->lsn, 'r', &row);
	if (rc != 0)
		return rc;
	PQfreemem(s->held);
	s->held = NULL;
	s->rows++;
	return 0;
}

/* last > first > last of its table > first of its table */
static const char *
marker_of(const struct pg_snapshot *s, int last, int last_of_table)
{
	if (last)
		return "last";
	if (s->held_first)
		return "first";
	if (last_of_table)
		return "last_in_data_collection";
	return s->held_first_of_table ? "first_in_data_collection" : "true";
}

/* The row before is delivered now that it is known what follows it. */
static int
take_row(struct pg_snapshot *s, struct leat_batch *b, struct leat_err *err)
{
	int rc = 0;

	if (s->held != NULL)
		rc = emit_held(s, b, marker_of(s, 0, s->held_rel != s->rel),
		    err);
	if (rc != 0)
		return rc;
	s->held = s->next;
	s->held_len = s->next_len;
	s->next = NULL;
	s->held_rel = s->rel;
	s->held_first = !s->any;
	s->held_first_of_table = s->table_rows == 0;
	s->any = 1;
	s->table_rows++;
	return 0;
}

static int
finish(struct pg_snapshot *s, struct leat_batch *b, struct leat_err *err)
{
	int rc = s->held == NULL ? 0 : emit_held(s, b, marker_of(s, 1, 1), err);

	if (rc != 0)
		return rc;
	rc = pg_query(s->conn, NULL, err, "COMMIT", 0, NULL);
	if (rc < 0)
		return leat_err_wrap(err, "end the snapshot");
	leat_log_notice(s->task, "snapshot completed",
	    "tables=%u rows=%lld", s->tables.len, (long long)s->rows);
	pg_emit_marker(s->emit, "false");
	tell(s, "COMPLETED", NULL, NULL);
	s->done = 1;
	return 1;
}

/* The next row into s->next. 1: it is there, 2: nothing came, 0: the end. */
static int
read_row(struct pg_snapshot *s, struct leat_err *err)
{
	int rc;

	if (s->next != NULL)
		return 1;
	rc = pg_copy_read(s->conn, &s->next, &s->next_len, err);
	if (rc == 0) {
		rc = pg_conn_consume(s->conn, err);
		if (rc == 0)
			rc = pg_copy_read(s->conn, &s->next, &s->next_len, err);
		if (rc == 0)
			return 2;
	}
	if (rc < 0)
		return leat_err_wrap(err, "read table %s.%s", s->rel->schema,
		    s->rel->name);
	if (rc == 1)
		return 1;
	end_table(s);
	return 0;
}

/* One step: a table begins, ends, or gives a row. 2: nothing came. */
static int
step(struct pg_snapshot *s, struct leat_batch *b, struct leat_err *err)
{
	int rc;

	if (!s->copying)
		return s->table == s->tables.len ? finish(s, b, err) :
		    start_table(s, err);
	rc = read_row(s, err);
	return rc == 1 ? take_row(s, b, err) : rc;
}

int
pg_snapshot_poll(struct pg_snapshot *s, struct leat_batch *b,
    struct leat_err *err)
{
	int rc = 0;

	while (!b->full && (int64_t)b->nrecords < s->cfg->max_batch) {
		rc = step(s, b, err);
		if (rc != 0)
			break;
	}
	if (rc == 2) {
		if (b->nrecords == 0)
			leat_wait(s->task, PQsocket(s->conn->pg),
			    LEAT_WAIT_READ, s->cfg->poll_interval_ms);
		return 0;
	}
	return rc == PG_CONV_NOMEM ? 0 : rc;
}
