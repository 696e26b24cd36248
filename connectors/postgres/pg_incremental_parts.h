/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_incremental_parts.h: what the files of incremental snapshots use of each
 * other; the rest of the source includes pg_incremental.h.
 */
#ifndef LEAT_PG_INCREMENTAL_PARTS_H
#define LEAT_PG_INCREMENTAL_PARTS_H

#include "pg_incremental.h"

enum {
	PG_INC_FAILURES_MAX = 3,	/* then a table is left out */
	PG_INC_ASK_MS = 100,	/* between questions how far the stream is */
	PG_INC_NAMES_MAX = PG_INC_STATE_MAX	/* of all names in the queue */
};

/* ------------------------------------------------------------------ queue */

/*
 * Adds a table at the end, unless it waits there already. 0, LEAT_E_LIMIT or
 * -ENOMEM.
 */
int pg_inc_enqueue(struct pg_incremental *inc, const char *id,
    const char *condition, const char *surrogate);
/* Frees a table that is in no queue. */
void pg_inc_table_free(struct pg_inc_table *t);
/* Ends the table in progress with a status and goes to the next. */
void pg_inc_table_done(struct pg_incremental *inc, const char *status);

/* ------------------------------------------------------------------- plan */

/* Starts on the first table: 0; 1: it was done at once; or an error. */
int pg_inc_begin_table(struct pg_incremental *inc, struct leat_err *err);

/* ------------------------------------------------------------- connection */

/* There is one from now on, or an error. */
int pg_inc_connect(struct pg_incremental *inc, struct leat_err *err);
/* Forgets the chunk in progress and its connection's transaction. */
void pg_inc_drop_chunk(struct pg_incremental *inc);
/* Forgets it and waits, each time longer, before it is begun anew. */
void pg_inc_back_off(struct pg_incremental *inc, const struct leat_err *why);
/*
 * Another failure that waiting does not cure. 1: one too many, the table is
 * left out.
 */
int pg_inc_count_failure(struct pg_incremental *inc,
    const struct leat_err *why);
/*
 * A statement failed, inc->failed says how: by its kind, again, with a new
 * plan, or never.
 */
void pg_inc_failed(struct pg_incremental *inc);

/* ------------------------------------------------------------------ steps */

/* How the end of a chunk's window is marked. */
enum pg_inc_mark pg_inc_mark_of(const struct pg_incremental *inc);
/* The name of the table of signals, quoted. */
void pg_inc_add_signal_table(const struct pg_incremental *inc,
    struct leat_buf *b);
/* The statement of the step it is at. */
void pg_inc_write_step(struct pg_incremental *inc, struct leat_buf *b);

/* Starts reading a chunk. */
int pg_inc_start_chunk(struct pg_incremental *inc, struct leat_err *err);
/*
 * Takes what the server has answered. 1: the statement still runs; 0: it does
 * not, and something followed.
 */
int pg_inc_advance(struct pg_incremental *inc);

/* ---------------------------------------------------------------- telling */

/* A notification with the names in the queue. */
void pg_inc_tell(struct pg_incremental *inc, const char *type);
void pg_inc_tell_progress(struct pg_incremental *inc);
void pg_inc_tell_scanned(struct pg_incremental *inc, const char *id,
    int64_t rows, const char *status);

#endif
