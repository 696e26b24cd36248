/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_snapshot.h: reads the rows that are there, by COPY.
 *
 * All tables are read in one REPEATABLE READ transaction, which imports the
 * snapshot that a replication slot exported when it was created: what was
 * committed before the slot's consistent point is seen here, what came later
 * is seen by the stream, and nothing is seen twice or missed.
 *
 * COPY's text format carries the same texts as the stream, so both go through
 * the same conversions.
 */
#ifndef LEAT_PG_SNAPSHOT_H
#define LEAT_PG_SNAPSHOT_H

#include "pg_emit.h"
#include "pg_notify.h"

struct pg_snapshot {
	struct leat_task *task;
	const struct pg_config *cfg;
	struct pg_conn *conn;
	struct pg_relcache *rels;
	struct pg_emit *emit;
	struct pg_notify *notify;
	const char *notify_id;	/* of the signal behind it, or NULL */
	int unpublished;	/* read what is captured, published or not */
	uint64_t lsn;		/* of the snapshot */
	int64_t txid;
	int64_t ts_us;

	struct leat_arena arena;
	struct pg_tables tables;
	uint32_t table;		/* the one being read */
	struct pg_relation *rel;	/* its plan */
	int copying;		/* a COPY is open */
	int done;		/* all rows are out */
	int64_t rows;		/* delivered in all */
	int64_t table_rows;
	int64_t *m_tables_left;

	/* The row that was read last: its marker depends on what follows. */
	char *held;		/* libpq's memory */
	size_t held_len;
	struct pg_relation *held_rel;
	int held_first;		/* first of the snapshot */
	int held_first_of_table;
	int any;		/* a row was read at all */
	char *next;		/* read, and not yet held */
	size_t next_len;
	struct pgo_column cols[PGO_MAX_COLUMNS];
};

/*
 * Opens the transaction on `conn`. `imported` is the name of an exported
 * snapshot and `lsn` its position; NULL: a snapshot of now.
 */
int pg_snapshot_begin(struct pg_snapshot *s, const char *imported,
    uint64_t lsn, struct leat_err *err);

/*
 * Reads what is there into the batch. 0: the batch is full, or nothing came;
 * 1: that was the last row, and the transaction is over; negative: error.
 */
int pg_snapshot_poll(struct pg_snapshot *s, struct leat_batch *b,
    struct leat_err *err);

/*
 * Tells that it began: once its tables are settled. The rest of its progress is
 * told by itself.
 */
void pg_snapshot_tell(struct pg_snapshot *s, const char *type);

/* Frees what it holds; the connection is the caller's. Accepts a zeroed one. */
void pg_snapshot_fini(struct pg_snapshot *s);

/*
 * Takes a line of COPY text apart, in place: columns point into `line`, "\N"
 * is null. The number of columns, or -1 when there are more than `most`.
 */
int pg_copy_split(char *line, size_t len, struct pgo_column *cols,
    uint32_t most);

#endif
