/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_reader.h: one connection of a snapshot, and the COPY that it runs.
 *
 * A snapshot is read over several connections that see the same: each runs one
 * COPY at a time, and none is waited for while another has rows.
 *
 * A COPY stands in a subtransaction that is rolled back behind it. That gives
 * its lock on the table back: a snapshot of ten thousand tables holds a few
 * locks, not ten thousand.
 *
 * Behind the rows, while the lock is held, the server says whether the table's
 * file is still that of the snapshot, and its name still that of this table. A
 * table that was rewritten in between (by some forms of ALTER TABLE, by
 * TRUNCATE) is empty for older snapshots, without an error; and one that was
 * renamed may have left its name to another table.
 */
#ifndef LEAT_PG_READER_H
#define LEAT_PG_READER_H

#include <leat/buf.h>

#include "pg_catalog.h"

enum {
	PG_READER_IDLE,
	PG_READER_RESULTS,
	PG_READER_ROWS,
	PG_READER_ENDED		/* the snapshot has not taken note of the end */
};

struct pg_reader {
	struct pg_conn *conn;	/* own, or that of the snapshot */
	struct pg_conn own;
	int state;		/* PG_READER_* */
	int changed;		/* the table is not what the snapshot saw */
	uint32_t table;		/* index of the table whose rows come */
	uint32_t piece;		/* of the table */
	char *row;		/* read and not yet taken; libpq's memory */
	size_t row_len;
};

/* How the transactions of a snapshot are begun. */
struct pg_reader_begin {
	const char *isolation;	/* "REPEATABLE READ", .. */
	const char *imported;	/* name of an exported snapshot, or NULL */
};

/* Begins the transaction on r->conn. */
int pg_reader_begin(struct pg_reader *r, const struct pg_reader_begin *how,
    struct leat_err *err);

/*
 * Sends the COPY of a table's rows; `copy` is the whole COPY statement, which
 * names the table itself if `by_name`.
 */
int pg_reader_start(struct pg_reader *r, const struct pg_table *t,
    const char *copy, int by_name, struct leat_err *err);

/*
 * The next row into r->row, without waiting. 1: it is there; 0: nothing now;
 * 2: that was all; negative: it failed.
 */
int pg_reader_next(struct pg_reader *r, struct leat_err *err);

/* Closes the connection where it is the reader's own. */
void pg_reader_fini(struct pg_reader *r);

#endif
