/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_snapshot.h: reads the rows that are there, by COPY.
 *
 * All rows are read in REPEATABLE READ transactions that see the same: they
 * import the snapshot that a replication slot exported when it was created.
 * What was committed before the slot's consistent point is seen here, what came
 * later is seen by the stream, and nothing is seen twice or missed.
 *
 * Large tables are read in pieces, ranges of blocks: so that several
 * connections share them, and a snapshot that was interrupted need not read all
 * again. Rows are delivered as they come, those of up to as many tables mixed
 * as there are connections. One row of each table is kept back, because its
 * marker (first, last, ...) depends on what follows it.
 *
 * COPY's text format carries the same texts as the stream, so both go through
 * the same conversions.
 */
#ifndef LEAT_PG_SNAPSHOT_H
#define LEAT_PG_SNAPSHOT_H

#include <leat/buf.h>

#include "pg_emit.h"
#include "pg_notify.h"
#include "pg_progress.h"
#include "pg_reader.h"
#include "pg_throttle.h"

/* What is to be read. */
struct pg_snapshot_request {
	const char *imported;	/* exported snapshot; NULL: one of now */
	uint64_t lsn;		/* its position; of now: not used */
	int unpublished;	/* read what is captured, published or not */
	/*
	 * The tables, in this order; NULL: all, by the configuration. They and
	 * the texts below must live as long as the snapshot.
	 */
	const struct pg_tables *tables;
	/*
	 * With tables, may be NULL: a SELECT for each of them that takes the
	 * place of the whole table, or NULL.
	 */
	const char *const *selects;
	/* Without tables: what of them need not be read; may be NULL. */
	const struct pg_progress *finished;
};

enum { PG_BLOCKS_ALL = -1 };	/* as uint32_t: up to the end, wherever */

/* A table on its way. */
struct pg_snap_table {
	const struct pg_table *t;
	const char *select;	/* in the place of the table, or NULL */
	int64_t blocks;		/* size when the snapshot began */
	int64_t file;		/* its relfilenode; 0: it has no blocks */
	int64_t estimate;	/* of its rows; -1: not known */
	int resumed;		/* some of its blocks were read before */
	uint32_t pieces;	/* COPYs that it takes */
	struct pg_range *plan;	/* of each; of the last `to` is PG_BLOCKS_ALL */
	char *over;		/* of each: has it ended? */
	uint32_t started;	/* of them */
	uint32_t ended;
	struct pg_relation *rel;	/* its plan, while it is read */
	int64_t rows;		/* delivered */
	char *held;		/* the row that was read last; libpq's memory */
	size_t held_len;
	uint32_t held_piece;	/* that it came from */
};

struct pg_snapshot {
	/* The caller's. */
	struct leat_task *task;
	const struct pg_config *cfg;
	struct pg_conn *conn;	/* one of the readers' */
	struct pg_relcache *rels;
	struct pg_emit *emit;
	struct pg_notify *notify;	/* who hears of its progress */
	const char *notify_id;	/* of the signal behind it, or NULL */
	/*
	 * Called when the last row of a table is in the batch; may be NULL. 0,
	 * or negative with err filled.
	 */
	int (*table_done)(void *arg, const struct pg_snap_table *st,
	    struct leat_err *err);
	/* The same for a piece of a table; may be NULL. */
	void (*piece_done)(void *arg, const struct pg_snap_table *st,
	    uint32_t piece);
	void *arg;

	uint64_t lsn;		/* of the snapshot */
	int64_t txid;
	int64_t ts_us;
	struct leat_arena arena;
	struct pg_tables tables;
	struct pg_snap_table *states;	/* one for each of them */
	struct leat_buf names;	/* of the tables, for notifications */
	uint32_t next_table;	/* the one that is handed out */
	uint32_t tables_done;
	uint32_t tables_before;	/* finished by an earlier part */
	struct pg_reader *readers;
	uint32_t nreaders;
	uint32_t turn;		/* the reader that is asked next */
	int epoll_fd;		/* of their sockets; -1: there is one */
	struct pg_snap_table *tail;	/* read; its last row is kept back */
	int done;		/* all rows are out */
	int64_t rows;		/* delivered in all */
	int64_t bytes;
	int64_t estimate;	/* of the rows in all, as far as known */
	struct pg_throttle throttle;
	int64_t no_room_since;	/* mono: a row fits no batch; 0: none such */
	int64_t *m_tables_left, *m_bytes;
	struct pgo_column cols[PGO_MAX_COLUMNS];
};

/*
 * Opens the transactions. An exported snapshot must stay exported until this
 * returns. On failure nothing is left behind but s->conn in a transaction that
 * has failed.
 */
int pg_snapshot_begin(struct pg_snapshot *s,
    const struct pg_snapshot_request *rq, struct leat_err *err);

/*
 * Reads what is there into the batch. 0: the batch is full, or nothing came;
 * 1: that was the last row, and the transactions are over; negative: error.
 */
int pg_snapshot_poll(struct pg_snapshot *s, struct leat_batch *b,
    struct leat_err *err);

/*
 * Tells that it began, or did not end: once its tables are settled. The rest of
 * its progress is told by itself.
 */
void pg_snapshot_tell(struct pg_snapshot *s, const char *type);

/* Frees what it holds; s->conn is the caller's. Accepts a zeroed one. */
void pg_snapshot_fini(struct pg_snapshot *s);

#endif
