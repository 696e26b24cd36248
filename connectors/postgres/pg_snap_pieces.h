/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_snap_pieces.h: in which pieces a snapshot reads a table.
 *
 * Pieces are ranges of blocks, by ctid: from PostgreSQL 14 on the server reads
 * just those blocks. A row of the snapshot never moves: an update makes another
 * row, and what rewrites a table is found out (see pg_reader.h). The last piece
 * has no upper end.
 */
#ifndef LEAT_PG_SNAP_PIECES_H
#define LEAT_PG_SNAP_PIECES_H

#include "pg_snapshot.h"

/*
 * Fills the plan of st, by its size; what an earlier part of the snapshot has
 * read of the same file is left out. `before` may be NULL. 0, or -ENOMEM.
 */
int pg_snap_pieces_plan(struct pg_snapshot *s, struct pg_snap_table *st,
    int heap, const struct pg_progress *before);

/* The same once more for what was read in part, when that is less now. */
int pg_snap_pieces_again(struct pg_snapshot *s,
    const struct pg_progress *before, struct leat_err *err);

/* Is it read in one piece, from the start to the end? */
int pg_snap_pieces_whole(const struct pg_snap_table *st);

/* Appends the condition of a piece, with a blank in front. */
void pg_snap_pieces_where(const struct pg_range *piece, struct leat_buf *b);

#endif
