/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_incremental_window.h: the rows of a chunk, against what the stream says of
 * the same keys meanwhile.
 *
 * A chunk is read in a snapshot S of the server. The window opens before S is
 * taken, and closes when the stream has delivered everything that S sees. A key
 * that the stream changes while the window is open is struck out of the chunk:
 * the stream's event is as new as the row, or newer, or is followed by one that
 * is. What remains cannot be older than anything that was delivered.
 *
 * One case is left: a transaction whose commit the stream delivered before the
 * window opened, and that S does not see yet, because a server makes a commit
 * visible a moment after it wrote it (a long moment while a synchronous standby
 * does not answer). The ring of recent transactions tells: such a snapshot is
 * not used.
 */
#ifndef LEAT_PG_INCREMENTAL_WINDOW_H
#define LEAT_PG_INCREMENTAL_WINDOW_H

#include <stdint.h>

#include <leat/arena.h>
#include <leat/buf.h>
#include <leat/map.h>

#include "pgoutput.h"

enum {
	PG_WINDOW_KEYS = 64,	/* columns of a key */
	PG_WINDOW_TOUCHED = 1000000,	/* keys changed while it is open */
	PG_WINDOW_KEY_BYTES = 64 * 1024 * 1024,
	PG_WINDOW_BYTES = 32 * 1024 * 1024	/* of the rows */
};

struct pg_window_row {
	char *line;		/* a line of COPY, libpq's memory */
	size_t len;
	uint32_t next;		/* of the same key: index + 1, 0: none */
	int gone;		/* the stream has it */
};

struct pg_window {
	int open;
	int emptied;		/* the table was truncated */
	int overflow;		/* too much was changed to remember it */
	struct pg_window_row *rows;
	uint32_t nrows;
	uint32_t cap;
	size_t bytes;		/* of the rows */
	size_t key_bytes;	/* of the keys changed */
	uint32_t struck;	/* rows that are gone */
	struct leat_map keys;	/* to index + 1 of a row; or TOUCHED */
};

/* Forgets rows and keys. Accepts a zeroed one. */
void pg_window_reset(struct pg_window *w);

/* Empty, and from now on keys are struck out. */
void pg_window_open(struct pg_window *w);

/*
 * A row of the chunk; the line is the window's in any case. 0, or -ENOMEM.
 */
int pg_window_add(struct pg_window *w, struct leat_str key, char *owned_line,
    size_t len);

/* The stream changed a row with this key. */
void pg_window_strike(struct pg_window *w, struct leat_str key);

/* The stream emptied the table. */
void pg_window_strike_all(struct pg_window *w);

/*
 * Columns as bytes that are equal when all their texts are: for each 'n', or
 * 't', the length and the text.
 */
void pg_key_encode(struct leat_buf *b, const struct pgo_column *cols,
    const uint32_t *which, uint32_t n);

/* Takes one column from what encode wrote: 1, or 0 at the end. */
int pg_key_next(struct leat_str *rest, struct pgo_column *ret);

/* ------------------------------------------------------------- visibility */

enum { PG_SNAPSHOT_XIDS = 65536 };

/* What a snapshot sees; transaction ids of 64 bits. */
struct pg_visible {
	uint64_t xmin;
	uint64_t xmax;
	const uint64_t *xip;	/* running when it was taken */
	uint32_t nxip;
};

/* From the text of pg_current_snapshot(). 0, -ENOMEM or LEAT_E_PARSE. */
int pg_visible_parse(const char *text, struct leat_arena *a,
    struct pg_visible *ret);

/*
 * Does it see this transaction? The stream's ids have 32 bits, and are those
 * nearest to the snapshot.
 */
int pg_visible_has(const struct pg_visible *v, uint32_t xid);

/* Transactions that the stream delivered last. */
enum { PG_RING_XIDS = 8192 };

struct pg_ring {
	uint32_t xids[PG_RING_XIDS];
	uint64_t n;		/* so many in all */
};

static inline void
pg_ring_push(struct pg_ring *r, uint32_t xid)
{
	r->xids[r->n++ % PG_RING_XIDS] = xid;
}

/* Does the snapshot see all that were delivered before the `upto`th? */
int pg_ring_seen(const struct pg_ring *r, uint64_t upto,
    const struct pg_visible *v);

#endif
