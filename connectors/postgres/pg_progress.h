/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_progress.h: which tables a snapshot has finished, as stored by the worker,
 * so that a snapshot that was interrupted goes on with the others.
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

struct pg_progress {
	int64_t id;		/* of the snapshot: when it began, in us */
	char *partition;	/* JSON text */
	struct leat_map oids;	/* of tables that are finished */
	struct leat_buf list;	/* the same as text, but for its end */
	int dirty;		/* differs from what is stored */
	int stored;		/* something was given to a batch */
	int full;		/* it grew too long to be stored */
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

int pg_progress_add(struct pg_progress *p, uint32_t oid,
    struct leat_err *err);
/* Is the table finished? p may be NULL: no. */
int pg_progress_has(const struct pg_progress *p, uint32_t oid);

/* Gives the batch the list, where it changed. */
int pg_progress_give(struct pg_progress *p, struct leat_batch *b,
    struct leat_err *err);

#endif
