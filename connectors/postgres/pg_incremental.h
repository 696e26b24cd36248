/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_incremental.h: rows that are there, read in chunks while the stream goes
 * on.
 *
 * Signals put tables into a queue. The first of it is read by key, chunk after
 * chunk, on a connection of its own, without the stream waiting:
 *
 *	FACTS	the window opens, and a snapshot S of the server is taken
 *	COPY	the chunk's rows are read in S
 *	MARK	a mark is set in the server's log: S sees nothing behind it
 *	WAIT	until the stream comes to the mark
 *	EMIT	what the stream did not change meanwhile becomes records
 *
 * The mark is a logical message (PostgreSQL 14), a row of the table of signals
 * if there is one, or, read only, just the log's position. The position in the
 * log closes the window in any case, should the mark itself not come.
 *
 * Where this stands is part of the source's position: the queue, the last key
 * whose row was delivered, the largest key there was at the table's start. A
 * restart goes on behind the last row, without one twice.
 *
 * Files, in the order of a chunk's life: _queue.c (signals), pg_incremental.c
 * (from chunk to chunk), _plan.c (a table's key and order), _conn.c (failures),
 * _read.c (the steps), _statement.c and _sql.c (their text), _window.c (the
 * rows), _stream.c (what changes meanwhile), _emit.c (records), _tell.c
 * (notifications), _state.c (as JSON).
 */
#ifndef LEAT_PG_INCREMENTAL_H
#define LEAT_PG_INCREMENTAL_H

#include "pg_emit.h"
#include "pg_incremental_sql.h"
#include "pg_incremental_window.h"
#include "pg_notify.h"
#include "pg_signal.h"
#include "pg_snapshot.h"

enum {
	PG_INC_TABLES_MAX = 1000,	/* in the queue */
	PG_INC_STATE_MAX = 512 * 1024,	/* bytes of the queue as JSON */
	PG_INC_KEY_MAX = 64 * 1024,
	PG_INC_SQL_MAX = 1024 * 1024
};

#define PG_INC_PREFIX "leat.snapshot"	/* of our logical messages */

/* A table that waits for its turn. */
struct pg_inc_table {
	char *id;		/* schema.table */
	char *condition;	/* or NULL */
	char *surrogate;	/* or NULL */
	struct pg_inc_table *next;
};

enum pg_inc_step {
	PG_INC_IDLE,		/* between chunks */
	PG_INC_OPEN,		/* writing the row that opens a window */
	PG_INC_BEGIN,		/* BEGIN, LOCK TABLE */
	PG_INC_FACTS,
	PG_INC_MAXIMUM,		/* first chunk: the largest key */
	PG_INC_COPY,
	PG_INC_COMMIT,
	PG_INC_MARK,
	PG_INC_WAIT,
	PG_INC_EMIT
};

enum pg_inc_mark { PG_MARK_MESSAGE, PG_MARK_TABLE, PG_MARK_POSITION };

struct pg_incremental {
	struct leat_task *task;
	const struct pg_config *cfg;
	const char *prefix;
	struct pg_conn *sql;	/* the source's, for the catalog */
	struct pg_emit *emit;
	struct pg_notify *notify;
	struct pg_relcache rels;	/* plans of our own */

	/* The queue; its first table is the one in progress. */
	struct pg_inc_table *first;
	uint32_t ntables;
	int paused;
	int held;		/* by wal.guard: as paused, and not told */
	int dirty;		/* the state is newer than the last position */
	char signal_id[PG_SIGNAL_ID_MAX + 1];

	/* The table in progress. */
	int begun;		/* the plan is made */
	struct leat_arena arena;	/* of the plan */
	struct pg_chunk_query query;
	struct pg_order_col order[PG_WINDOW_KEYS];
	const char *keys[PG_WINDOW_KEYS];	/* columns of a window's key */
	uint32_t key_cols[PG_WINDOW_KEYS];	/* their places in the plan */
	uint32_t nkeys;
	char *signature;	/* of the columns, in the arena */
	struct leat_buf after;	/* key of the last row delivered */
	struct leat_buf upto;
	int has_upto;
	int64_t rows;		/* of the table so far */
	int64_t chunk;		/* chunks done */
	int64_t begun_ms;	/* mono; with begun_rows: the rate */
	int64_t begun_rows;
	int64_t estimate;	/* rows of the table, as the server guesses */
	int failures;		/* in a row that a new plan may cure */

	/* The chunk. */
	enum pg_inc_step step;
	enum pg_inc_mark mark;
	struct pg_conn conn;
	struct leat_err failed;	/* of the statement in flight */
	int64_t retry_ms;	/* mono: not before */
	int64_t backoff_ms;
	char chunk_id[37];
	struct pg_window window;
	struct leat_buf chunk_end;	/* key of the last row read */
	int64_t chunk_rows;	/* rows the server sent */
	int64_t limit;		/* rows to ask for */
	int cut;		/* rows behind PG_WINDOW_BYTES were left */
	int changed;		/* the table changed: read the chunk again */
	uint64_t opened;	/* transactions of the ring before the window */
	uint64_t mark_lsn;
	uint64_t stream_lsn;	/* everything before it was delivered */
	int64_t chunk_ms;	/* mono: when it was begun */
	int64_t next_ask_ms;
	uint32_t at;		/* EMIT: next row */
	struct pg_ring ring;
	struct leat_buf scratch;
	struct leat_buf scratch_key;
	char first_column[64];	/* of the table of signals */
	PGresult *result;	/* the last one of the statement */
	int copying;
	int empty;		/* the table has no row */
	int no_marks;		/* writing them failed */
	int torn;		/* the snapshot is not to be used */
	int mark_seen;		/* in the stream */
	int epoll_fd;		/* -1: none */

	int64_t *m_rows, *m_chunks, *m_left, *m_again;
	struct pgo_column cols[PGO_MAX_COLUMNS];
	struct pgo_decoder *dec;	/* the stream's */
};

/*
 * The parts must have been set (task to notify, dec); the caches are made
 * here. `rels` gets what a plan needs.
 */
int pg_inc_init(struct pg_incremental *inc, const struct pg_relcache *rels,
    struct leat_err *err);
/* Accepts a zeroed one. */
void pg_inc_fini(struct pg_incremental *inc);

/* Is there anything to do? */
static inline int
pg_inc_active(const struct pg_incremental *inc)
{
	return inc != NULL && inc->first != NULL;
}

/* -------------------------------------------------------------- signals */

void pg_inc_execute(struct pg_incremental *inc, const struct pg_signal *s,
    const struct pg_tables *tables);
void pg_inc_stop(struct pg_incremental *inc, const struct pg_signal *s);
void pg_inc_pause(struct pg_incremental *inc, int paused);

/* ---------------------------------------------------- what the stream says */

/* A transaction begins whose commit stands at `lsn`. */
void pg_inc_begin(struct pg_incremental *inc, uint32_t xid, uint64_t lsn);
/* Everything before `lsn` was delivered. */
void pg_inc_reached(struct pg_incremental *inc, uint64_t lsn);
/* A relation is described. */
void pg_inc_relation(struct pg_incremental *inc,
    const struct pgo_relation *rel);
/* A logical message: 1 when it was one of ours. */
int pg_inc_message(struct pg_incremental *inc, const struct pgo_message *m);
/*
 * Rows change, captured or not: the payload of I, U, D or T. `rels` are the
 * stream's.
 */
void pg_inc_change(struct pg_incremental *inc, struct pg_relcache *rels,
    const char *payload, size_t len);
/* A row of the table of signals that has our id closes a window too. */
void pg_inc_signal_row(struct pg_incremental *inc, struct leat_str id);

/* ------------------------------------------------------------------- work */

/*
 * Goes on with the chunk, without waiting. `may_start`: a chunk may begin. 0,
 * or an error that ends the task.
 */
int pg_inc_work(struct pg_incremental *inc, int may_start,
    struct leat_err *err);

/* Are there rows to deliver before the stream may go on? */
static inline int
pg_inc_ready(const struct pg_incremental *inc)
{
	return inc != NULL && inc->step == PG_INC_EMIT;
}

/*
 * Delivers them; the stream stands at `lsn`, behind the commit `last_commit`.
 * 0: done, PG_CONV_NOMEM: the batch is full, or an error.
 */
int pg_inc_emit(struct pg_incremental *inc, struct leat_batch *b,
    uint64_t last_commit, uint64_t lsn, struct leat_err *err);

/* Should the server be asked how far the stream is? */
int pg_inc_asks(struct pg_incremental *inc);

/*
 * What to wait for instead of `fd` (the stream's): it, or one that is readable
 * when either is. *ms is made shorter when something is due earlier.
 */
int pg_inc_wait_fd(struct pg_incremental *inc, int fd, int64_t *ms);

/* ------------------------------------------------------------------ state */

/* Members for the position, each with a comma in front; none when idle. */
void pg_inc_encode(const struct pg_incremental *inc, struct leat_buf *b);
/* From the stored position; what is not ours is ignored. */
int pg_inc_restore(struct pg_incremental *inc, const struct leat_value *pos,
    struct leat_err *err);
/* ,"incremental_snapshot":{..} for the task's status; nothing when idle. */
void pg_inc_status(const struct pg_incremental *inc, struct leat_buf *b);

#endif
