/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_unread.h: the tables that a snapshot is still to read, while the stream is
 * brought to where it begins. See pg_start.c.
 *
 * Of those that are read as a whole deletes alone count. Of those with blocks
 * that were read before all changes do; and a row must be read again whose
 * large values an update left alone: they are not in the stream.
 */
#ifndef LEAT_PG_UNREAD_H
#define LEAT_PG_UNREAD_H

#include "pg_relation.h"
#include "pg_snapshot.h"

struct pg_unread {
	struct leat_map tables;	/* struct pg_snap_table by OID */
	struct pg_progress *progress;
	struct pg_conn *conn;	/* in the snapshot's transaction */
};

int pg_unread_init(struct pg_unread *u, struct pg_snapshot *snap,
    struct pg_progress *progress, struct leat_err *err);
/* Accepts a zeroed one. */
void pg_unread_fini(struct pg_unread *u);

/* Is it to be read as a whole? u may be NULL: no. */
int pg_unread_whole(const struct pg_unread *u, uint32_t oid);
/* Were some blocks of it read before? */
int pg_unread_partly(const struct pg_unread *u, uint32_t oid);

/*
 * An update of such a table. Gives the batch the list of what was read, if it
 * shrinks: in front of the position behind the update.
 */
int pg_unread_update(struct pg_unread *u, const struct pg_relation *rel,
    const struct pgo_change *c, struct leat_batch *b, struct leat_err *err);

#endif
