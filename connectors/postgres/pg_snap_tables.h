/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_snap_tables.h: which tables a snapshot reads, how large they are, in how
 * many pieces, and the COPY of each piece.
 */
#ifndef LEAT_PG_SNAP_TABLES_H
#define LEAT_PG_SNAP_TABLES_H

#include "pg_snapshot.h"

/* Fills s->tables and s->states, in the order of reading. */
int pg_snap_tables_list(struct pg_snapshot *s,
    const struct pg_snapshot_request *rq, struct leat_err *err);

/* All pieces of all tables, no more than UINT32_MAX. */
uint32_t pg_snap_tables_pieces(const struct pg_snapshot *s);

/*
 * Refuses a SELECT that is not one statement, or that gives no rows: asks the
 * server, on c.
 */
int pg_snap_tables_check_select(struct pg_conn *c,
    const struct pg_snap_table *st, struct leat_err *err);

/* Appends the COPY of a piece of st, whose plan is st->rel. */
void pg_snap_tables_copy(const struct pg_snap_table *st, uint32_t piece,
    const struct pg_conn *c, struct leat_buf *b);

/* LOCK TABLE for all of them, where snapshot.locking.mode asks for it. */
int pg_snap_tables_lock(struct pg_snapshot *s, struct leat_err *err);

#endif
