/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_progress.h: which tables a snapshot has finished, and which blocks of
 * others, as stored by the worker, so that a snapshot that was interrupted goes
 * on with the rest.
 *
 * They stand under a source partition of their own, {"server":"px",
 * "snapshot":"tables"}, because the list may be long while the position is
 * written with every batch: the list is written when a table was finished. It
 * names its snapshot; that of another one counts as empty.
 */
#ifndef LEAT_PG_PROGRESS_H
#define LEAT_PG_PROGRESS_H

#include <stdint.h>

#include <leat/buf.h>
#include <leat/connector.h>
#include <leat/map.h>

#include "pg_ranges.h"

/* A table that is not finished, but has blocks that are. */
struct pg_part {
	uint32_t oid;
	int64_t file;		/* its relfilenode: they are its blocks */
	struct pg_ranges read;
};

enum { PG_PARTS_MAX = 32 };

struct pg_progress {
	int64_t id;		/* of the snapshot: when it began, in us */
	char *partition;	/* JSON text */
	struct leat_map oids;	/* of tables that are finished */
	struct leat_buf list;	/* the same as text, but for its end */
	int cut;		/* not all of them are in it */
	struct pg_part parts[PG_PARTS_MAX];
	uint32_t nparts;
	int dirty;		/* differs from what is stored */
	int stored;		/* something was given to a batch */
	int full;		/* it grew too long: written no more */
};

/* Prepares an empty list. */
int pg_progress_init(struct pg_progress *p, const char *prefix,
    struct leat_err *err);
void pg_progress_fini(struct pg_progress *p);

/* Reads what is stored of snapshot `id`; nothing is no error. */
int pg_progress_load(struct pg_progress *p, struct leat_task *t, int64_t id,
    struct leat_err *err);

/* Forgets all tables: another snapshot begins. */
void pg_progress_reset(struct pg_progress *p, int64_t id);

/* The table is finished; its part is forgotten. */
int pg_progress_add(struct pg_progress *p, uint32_t oid,
    struct leat_err *err);
/* Is the table finished? p may be NULL: no. */
int pg_progress_has(const struct pg_progress *p, uint32_t oid);

/*
 * Blocks of a table are finished. That may be forgotten where there is no room:
 * then they are read again.
 */
void pg_progress_add_blocks(struct pg_progress *p, uint32_t oid, int64_t file,
    struct pg_range blocks);
/* They are to be read again. */
void pg_progress_remove_blocks(struct pg_progress *p, uint32_t oid,
    struct pg_range blocks);
/* The part of a table, or NULL. p may be NULL. */
const struct pg_part *pg_progress_part(const struct pg_progress *p,
    uint32_t oid);
void pg_progress_drop_part(struct pg_progress *p, uint32_t oid);

/* Gives the batch the list, where it changed. */
int pg_progress_give(struct pg_progress *p, struct leat_batch *b,
    struct leat_err *err);

#endif
