/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_snapshot.c: see pg_snapshot.h.
 *
 * Pieces are handed to readers in the order of the tables. A table is read when
 * all its pieces have ended; its last row is kept back until another row comes
 * (last_in_data_collection) or there is none (last). At most one read table has
 * a row kept back: s->tail.
 */
#include "pg_snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <poll.h>
#include <unistd.h>

#include "pg_copy_text.h"
#include "pg_snap_tables.h"

enum {
	SQL_MAX = 1024 * 1024,
	TURN_ROWS = 256,	/* of one reader before the next is asked */
	NO_MEMORY_WAIT_MS = 10,
	GATHER_MS = 20,
	NO_ROOM_MS = 30000,	/* an empty batch that takes not one row */
	LARGE_ROW = 8 * 1024 * 1024
};

/* ----------------------------------------------------------- notifications */

/* The names of all tables, put together once. */
static const char *
all_names(struct pg_snapshot *s)
{
	uint32_t n = s->names.len > 0 ? 0 : s->tables.len;

	for (uint32_t i = 0; i < n; i++)
		(void)leat_buf_printf(&s->names, "%s%s.%s", i == 0 ? "" : ",",
		    s->tables.items[i].schema, s->tables.items[i].name);
	return leat_buf_cstr(&s->names);
}

/* With a table, if it is about one, and its rows when they count. */
static void
tell(struct pg_snapshot *s, const char *type, const struct pg_snap_table *st,
    const char *status)
{
	struct pg_notify_field f[4] = { { "data_collections", NULL } };
	char table[256] = "", rows[24] = "";

	if (!pg_notify_is_on(s->notify))
		return;
	if (st != NULL) {
		(void)snprintf(table, sizeof(table), "%s.%s", st->t->schema,
		    st->t->name);
		(void)snprintf(rows, sizeof(rows), "%lld",
		    (long long)st->rows);
	}
	f[0].value = st == NULL ? NULL : all_names(s);
	f[1].name = status == NULL ? "current_collection_in_progress" :
	    "scanned_collection";
	f[1].value = st == NULL ? NULL : table;
	f[2].name = "total_rows_scanned";
	f[2].value = status == NULL ? NULL : rows;
	f[3].name = "status";
	f[3].value = status;
	pg_notify(s->notify, s->notify_id, PG_NOTIFY_INITIAL, type, f, 4);
}

void
pg_snapshot_tell(struct pg_snapshot *s, const char *type)
{
	tell(s, type, NULL, NULL);
}

/* -------------------------------------------------------------------- rows */

/* Has the piece ended, and none of its rows is kept back? */
static void
note_piece(struct pg_snapshot *s, const struct pg_snap_table *st,
    uint32_t piece)
{
	if (s->piece_done != NULL && st->over[piece] &&
	    (st->held == NULL || st->held_piece != piece))
		s->piece_done(s->arg, st, piece);
}

/* last > first > last of its table > first of its table */
static const char *
marker_of(const struct pg_snapshot *s, const struct pg_snap_table *st,
    int last, int last_of_table)
{
	if (last)
		return "last";
	if (s->rows == 0)
		return "first";
	if (last_of_table)
		return "last_in_data_collection";
	return st->rows == 0 ? "first_in_data_collection" : "true";
}

/* Builds the event of the held row. */
static int
emit_held(struct pg_snapshot *s, struct pg_snap_table *st,
    struct leat_batch *b, const char *marker, struct leat_err *err)
{
	struct pgo_tuple t = { .cols = s->cols };
	struct pg_row row;
	char *line;
	int n, rc;

	line = leat_batch_copy(b, st->held, st->held_len);
	if (line == NULL)
		return PG_CONV_NOMEM;
	n = pg_copy_split(line, st->held_len, s->cols, PGO_MAX_COLUMNS);
	t.ncols = (uint32_t)n;
	if (n < 0)
		return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_PROTO,
		    "a row of %s.%s has too many columns", st->t->schema,
		    st->t->name);
	st->rel->any_label = 1;
	rc = pg_row_convert(s->rels, st->rel, &t, NULL, PG_ROW_NEW, b, &row,
	    err);
	st->rel->any_label = 0;
	if (rc != 0)
		return rc;
	pg_emit_marker(s->emit, marker);
	pg_emit_begin(s->emit, 0);
	rc = pg_emit_row(s->emit, b, st->rel, s->lsn, 'r', &row);
	if (rc != 0)
		return rc;
	PQfreemem(st->held);
	st->held = NULL;
	st->rows++;
	s->rows++;
	note_piece(s, st, st->held_piece);
	return 0;
}

/* All rows of the table are in the batch. */
static int
table_done(struct pg_snapshot *s, struct pg_snap_table *st,
    struct leat_err *err)
{
	leat_log_info(s->task, "table read", "table=%s.%s rows=%lld",
	    st->t->schema, st->t->name, (long long)st->rows);
	tell(s, "TABLE_SCAN_COMPLETED", st, st->rows == 0 ? "EMPTY" :
	    "SUCCEEDED");
	s->tables_done++;
	leat_metric_set(s->m_tables_left, s->tables.len - s->tables_done);
	return s->table_done == NULL ? 0 : s->table_done(s->arg, st, err);
}

/* The last row of the table that was read before. */
static int
emit_tail(struct pg_snapshot *s, struct leat_batch *b, int last,
    struct leat_err *err)
{
	struct pg_snap_table *st = s->tail;
	int rc = emit_held(s, st, b, marker_of(s, st, last, 1), err);

	if (rc != 0)
		return rc;
	s->tail = NULL;
	return table_done(s, st, err);
}

/* The row before is delivered now that it is known what follows it. */
static int
take_row(struct pg_snapshot *s, struct pg_reader *r, struct leat_batch *b,
    struct leat_err *err)
{
	struct pg_snap_table *st = &s->states[r->table];
	int rc = s->tail == NULL ? 0 : emit_tail(s, b, 0, err);

	if (rc == 0 && st->held != NULL)
		rc = emit_held(s, st, b, marker_of(s, st, 0, 0), err);
	if (rc != 0)
		return rc;
	st->held = r->row;
	st->held_len = r->row_len;
	st->held_piece = r->piece;
	r->row = NULL;
	s->bytes += (int64_t)st->held_len;
	leat_metric_add(s->m_bytes, (int64_t)st->held_len);
	return 0;
}

/* ------------------------------------------------------------------ pieces */

/*
 * COPY sees the table of now, which may have been altered or dropped since the
 * snapshot: taking it again helps.
 */
static int
changed_meanwhile(const struct pg_snap_table *st, struct leat_err *err)
{
	if (st->select == NULL && (strcmp(err->sqlstate, "42703") == 0 ||
	    strcmp(err->sqlstate, "42P01") == 0))
		err->cls = LEAT_CLS_RETRY;
	return leat_err_wrap(err, "read table %s.%s", st->t->schema,
	    st->t->name);
}

/* The plan of a table, by the connection that is free. */
static int
plan_table(struct pg_snapshot *s, struct pg_snap_table *st,
    struct pg_reader *r, struct leat_err *err)
{
	struct pg_conn *mine = s->rels->conn;
	int rc;

	s->rels->conn = r->conn;
	rc = pg_relcache_load(s->rels, st->t, &st->rel, err);
	s->rels->conn = mine;
	if (rc == 0 && st->select != NULL)
		rc = pg_snap_tables_check_select(r->conn, st, err);
	return rc;
}

static int
start_piece(struct pg_snapshot *s, struct pg_snap_table *st,
    struct pg_reader *r, struct leat_err *err)
{
	struct leat_buf b;
	int rc;

	leat_buf_init(&b, SQL_MAX);
	pg_snap_tables_copy(st, st->started, r->conn, &b);
	rc = leat_buf_cstr(&b) == NULL ? leat_err_set(err, LEAT_CLS_RETRY,
	    -ENOMEM, "out of memory") :
	    pg_reader_start(r, st->t, leat_buf_cstr(&b),
	    st->select == NULL, err);
	leat_buf_fini(&b);
	if (rc < 0)
		return changed_meanwhile(st, err);
	r->table = s->next_table;
	r->piece = st->started;
	if (st->started++ == 0)
		tell(s, "IN_PROGRESS", st, NULL);
	return 0;
}

/* Gives the reader its next piece. 2: there is none. */
static int
next_piece(struct pg_snapshot *s, struct pg_reader *r, struct leat_err *err)
{
	struct pg_snap_table *st;
	int rc;

	if (s->next_table == s->tables.len)
		return 2;
	st = &s->states[s->next_table];
	if (st->started == 0) {
		rc = plan_table(s, st, r, err);
		if (rc < 0)
			return rc;
		/* A table without columns has rows that say nothing. */
		if (st->rel->ncols == 0) {
			s->next_table++;
			return table_done(s, st, err);
		}
	}
	rc = start_piece(s, st, r, err);
	if (rc == 0 && st->started == st->pieces)
		s->next_table++;
	return rc;
}

static int
end_piece(struct pg_snapshot *s, struct pg_reader *r, struct leat_batch *b,
    struct leat_err *err)
{
	struct pg_snap_table *st = &s->states[r->table];
	int rc;

	if (r->changed)
		return leat_err_set(err, LEAT_CLS_RETRY, LEAT_E_STATE,
		    "table %s.%s was renamed, truncated or rewritten since the "
		    "snapshot began: it is read again; "
		    "snapshot.locking.mode=shared keeps tables as they are",
		    st->t->schema, st->t->name);
	if (st->ended + 1 == st->pieces && st->held != NULL &&
	    s->tail != NULL) {
		/* This table's last row follows that of the tail. */
		rc = emit_tail(s, b, 0, err);
		if (rc != 0)
			return rc;
	}
	r->state = PG_READER_IDLE;
	st->over[r->piece] = 1;
	note_piece(s, st, r->piece);
	if (++st->ended < st->pieces)
		return 0;
	if (st->held == NULL)
		return table_done(s, st, err);
	s->tail = st;
	return 0;
}

/* -------------------------------------------------------------------- poll */

static int
finish(struct pg_snapshot *s, struct leat_batch *b, struct leat_err *err)
{
	int rc = s->tail == NULL ? 0 : emit_tail(s, b, 1, err);

	if (rc != 0)
		return rc;
	for (uint32_t i = 0; i < s->nreaders && rc == 0; i++)
		rc = pg_query(s->readers[i].conn, NULL, err, "COMMIT", 0, NULL);
	if (rc < 0)
		return leat_err_wrap(err, "end the snapshot");
	leat_log_notice(s->task, "snapshot completed",
	    "tables=%u rows=%lld", s->tables.len, (long long)s->rows);
	pg_emit_marker(s->emit, NULL);
	tell(s, "COMPLETED", NULL, NULL);
	s->done = 1;
	return 1;
}

static int
is_full(const struct pg_snapshot *s, const struct leat_batch *b)
{
	return b->full || (int64_t)b->nrecords >= s->cfg->max_batch;
}

/*
 * One reader's turn. 0: it may have more; 2: nothing came, or it has nothing to
 * do; PG_CONV_NOMEM or another error.
 */
static int
turn(struct pg_snapshot *s, struct pg_reader *r, struct leat_batch *b,
    struct leat_err *err)
{
	const struct pg_snap_table *st = &s->states[r->table];
	int rc;

	if (r->state == PG_READER_IDLE)
		return next_piece(s, r, err);
	for (int i = 0; i < TURN_ROWS && !is_full(s, b); i++) {
		rc = pg_reader_next(r, err);
		if (rc < 0)
			return changed_meanwhile(st, err);
		if (rc == 0)
			return 2;
		if (rc == 2) {
			r->state = PG_READER_ENDED;
			return end_piece(s, r, b, err);
		}
		rc = take_row(s, r, b, err);
		if (rc != 0)
			return rc;
		if (pg_throttle_take(&s->throttle, st->held_len))
			return 3;
	}
	return 0;
}

static int
is_over(const struct pg_snapshot *s)
{
	if (s->next_table < s->tables.len)
		return 0;
	for (uint32_t i = 0; i < s->nreaders; i++)
		if (s->readers[i].state != PG_READER_IDLE)
			return 0;
	return 1;
}

/* Turns until the batch is full, or no reader has anything. */
static int
turns(struct pg_snapshot *s, struct leat_batch *b, struct leat_err *err)
{
	uint32_t quiet = 0;

	while (quiet < s->nreaders && !is_full(s, b)) {
		struct pg_reader *r = &s->readers[s->turn];
		int rc = r->state == PG_READER_ENDED ? end_piece(s, r, b, err) :
		    turn(s, r, b, err);

		if (rc < 0 || rc == 3)
			return rc;
		quiet = rc == 2 ? quiet + 1 : 0;
		s->turn = (s->turn + 1) % s->nreaders;
	}
	return is_over(s) && !is_full(s, b) ? finish(s, b, err) : 0;
}

static int
socket_of(const struct pg_snapshot *s)
{
	return s->epoll_fd >= 0 ? s->epoll_fd :
	    PQsocket(s->readers[0].conn->pg);
}

/*
 * Small tables come one with each answer of the server. What comes within a
 * moment is one batch, or each of them would be a commit of its own.
 */
static int
gather(struct pg_snapshot *s, struct leat_batch *b, struct leat_err *err)
{
	int64_t until = leat_mono_ms(s->task) + GATHER_MS, left = GATHER_MS;
	struct pollfd p = { .events = POLLIN };
	int rc = turns(s, b, err);

	while (rc == 0 && b->nrecords > 0 && !is_full(s, b) && left > 0) {
		p.fd = socket_of(s);
		if (poll(&p, 1, (int)left) <= 0)
			break;
		rc = turns(s, b, err);
		left = until - leat_mono_ms(s->task);
	}
	return rc;
}

static void
wait_for_more(struct pg_snapshot *s)
{
	leat_wait(s->task, socket_of(s), LEAT_WAIT_READ,
	    s->cfg->poll_interval_ms);
}

static const struct pg_snap_table *
largest_held(const struct pg_snapshot *s)
{
	const struct pg_snap_table *found = NULL;

	for (uint32_t i = 0; i < s->tables.len && i <= s->next_table; i++)
		if (s->states[i].held != NULL && (found == NULL ||
		    s->states[i].held_len > found->held_len))
			found = &s->states[i];
	return found;
}

/*
 * The batch is empty and takes no row. Memory that others hold comes back;
 * what is larger than all of it does not.
 */
static int
no_room(struct pg_snapshot *s, struct leat_err *err)
{
	int64_t now = leat_mono_ms(s->task);
	const struct pg_snap_table *st = largest_held(s);

	if (s->no_room_since == 0)
		s->no_room_since = now;
	leat_wait(s->task, -1, 0, NO_MEMORY_WAIT_MS);
	if (now - s->no_room_since < NO_ROOM_MS || st == NULL)
		return 0;
	return leat_err_set(err, st->held_len >= LARGE_ROW ?
	    LEAT_CLS_CONFIG : LEAT_CLS_RETRY, LEAT_E_LIMIT,
	    "a row of %s.%s, %zu bytes as text, finds no room: raise "
	    "memory.max.bytes of the worker to ten times that, and "
	    "max.request.size above it, or leave the column out "
	    "(column.exclude.list, column.truncate.to.<n>.chars)",
	    st->t->schema, st->t->name, st->held_len);
}

int
pg_snapshot_poll(struct pg_snapshot *s, struct leat_batch *b,
    struct leat_err *err)
{
	int64_t ms = pg_throttle_wait_ms(&s->throttle, leat_mono_ms(s->task));
	int rc;

	if (ms > 0) {
		leat_wait(s->task, -1, 0, ms);
		return 0;
	}
	pg_emit_transaction(s->emit, s->ts_us, s->txid, 0);
	rc = gather(s, b, err);
	if (rc == 1 || (rc < 0 && rc != PG_CONV_NOMEM))
		return rc;
	if (b->nrecords == 0 && rc == PG_CONV_NOMEM)
		return no_room(s, err);
	s->no_room_since = 0;
	if (b->nrecords == 0)
		wait_for_more(s);
	return 0;
}

void
pg_snapshot_fini(struct pg_snapshot *s)
{
	for (uint32_t i = 0; i < s->tables.len && s->states != NULL; i++)
		if (s->states[i].held != NULL)
			PQfreemem(s->states[i].held);
	for (uint32_t i = 0; i < s->nreaders; i++)
		pg_reader_fini(&s->readers[i]);
	if (s->nreaders > 1 && s->epoll_fd >= 0)
		(void)close(s->epoll_fd);
	free(s->readers);
	leat_arena_fini(&s->arena);
	leat_buf_fini(&s->names);
	s->readers = NULL;
	s->nreaders = 0;
	s->states = NULL;
	s->tail = NULL;
	s->tables.len = 0;
}
