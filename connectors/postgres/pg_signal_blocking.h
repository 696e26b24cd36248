/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_signal_blocking.h: a snapshot of some tables while the stream waits.
 *
 * A temporary slot exports a snapshot, and says which place of the stream that
 * is. The stream goes on to that place and stops there; the tables are read;
 * the stream goes on. So the rows stand exactly where they belong between the
 * changes. If the stream passed the place before it was known, the stream waits
 * a little while the next slot is made. What is wanted is part of the source's
 * position until it is done: a restart begins it again.
 */
#ifndef LEAT_PG_SIGNAL_BLOCKING_H
#define LEAT_PG_SIGNAL_BLOCKING_H

#include <leat/buf.h>
#include <leat/value.h>

#include "pg_signal.h"
#include "pg_slot.h"
#include "pg_snapshot.h"

enum { PG_BLOCKING_MAX = 1000 };

/* A table that is wanted. */
struct pg_blocking_table {
	char *id;		/* schema.table */
	char *select;		/* the whole query in place of it, or NULL */
	struct pg_blocking_table *next;
};

enum pg_blocking_step {
	PG_BLOCKING_NONE,
	PG_BLOCKING_SLOT,	/* the temporary slot is being made */
	PG_BLOCKING_WAIT,	/* until the stream is there */
	PG_BLOCKING_READY	/* it is: read, and finish */
};

struct pg_blocking {
	struct leat_task *task;
	const struct pg_config *cfg;
	struct pg_blocking_table *first;
	uint32_t n;
	char signal_id[PG_SIGNAL_ID_MAX + 1];
	enum pg_blocking_step step;
	struct pg_conn repl;
	PGresult *result;
	struct pg_new_slot slot;
	int64_t retry_ms;	/* mono */
	int64_t next_ask_ms;
	uint64_t stream_lsn;	/* everything before it was delivered */
	uint64_t begun_lsn;	/* of the last transaction begun */
	int64_t hold_ms;	/* mono: until then the stream waits for SLOT */
	int dirty;
	/* What is read, from pg_blocking_choose() to the end. */
	struct leat_arena memory;
	struct pg_tables tables;
	const char **selects;
};

static inline int
pg_blocking_wanted(const struct pg_blocking *k)
{
	return k->first != NULL;
}

/* Wants the tables that the signal's expressions match; their number. */
uint32_t pg_blocking_want(struct pg_blocking *k, const struct pg_signal *s,
    const struct pg_tables *tables);

/* Goes on, without waiting. */
void pg_blocking_work(struct pg_blocking *k);

/* Everything before `lsn` was delivered. */
void pg_blocking_reached(struct pg_blocking *k, uint64_t lsn);

/* Must the stream stop in front of this frame? */
int pg_blocking_holds(struct pg_blocking *k, const char *frame, size_t len);

/* Finds the tables wanted among those published, as `tables` and `selects`. */
int pg_blocking_choose(struct pg_blocking *k, struct pg_conn *sql,
    const struct pg_filters *filters, struct leat_err *err);

/* It is done, or given up. */
void pg_blocking_finish(struct pg_blocking *k);

/* A member for the position, with a comma in front; nothing when idle. */
void pg_blocking_encode(const struct pg_blocking *k, struct leat_buf *b);
int pg_blocking_restore(struct pg_blocking *k, const struct leat_value *pos,
    struct leat_err *err);

/* Accepts a zeroed one. */
void pg_blocking_fini(struct pg_blocking *k);

#endif
