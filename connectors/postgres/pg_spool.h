/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_spool.h: transactions that the server sends before they commit: large ones
 * while they run (streaming), prepared ones at their PREPARE (two-phase).
 *
 * Their parts are kept here, each transaction by itself: in memory, and when it
 * grows in a file that has no name any more. At the commit they are replayed as
 * the transaction that would have been sent: a Begin, its messages without
 * those of aborted subtransactions, a Commit. What reads them need not know.
 */
#ifndef LEAT_PG_SPOOL_H
#define LEAT_PG_SPOOL_H

#include <leat/buf.h>
#include <leat/map.h>

#include "pg_conn.h"
#include "pgoutput.h"

enum {
	PG_SPOOLS_MAX = 1024,	/* transactions at the same time */
	PG_SPOOL_HEAD_BYTES = 16,
	PG_SPOOL_IN_BYTES = 256 * 1024	/* read at a time */
};

struct pg_spool {
	uint32_t xid;		/* 0: not in use */
	int has_file;
	int fd;
	uint64_t bytes;		/* in the file and in `out` */
	uint64_t first_lsn;	/* of what its Begin would stand before */
	int has_origin;
	uint64_t prepared;	/* where its PREPARE stands; 0: not prepared */
	struct leat_map described;	/* relations whose description is in */
	struct leat_buf out;	/* not written yet */
	uint32_t *aborted;	/* subtransactions */
	uint32_t naborted;
	uint32_t cap;
};

struct pg_spools {
	struct leat_task *task;
	const struct pg_config *cfg;
	struct pg_spool *items;	/* PG_SPOOLS_MAX of them */
	uint32_t top;		/* those in use lie below */
	struct pg_spool *open;	/* between Stream start and Stream stop */
	uint64_t bytes;		/* of all */

	/* the replay under way */
	int step;
	uint64_t at;		/* place in the file */
	struct leat_buf in;	/* of the file, or a message made here */
	size_t in_at;		/* of it, the place `at` */
	int64_t *m_bytes;
	int64_t *m_total;
	int64_t *m_prepared;
};

int pg_spools_init(struct pg_spools *s, struct leat_task *t,
    const struct pg_config *cfg, struct leat_err *err);
/* Accepts a zeroed one. */
void pg_spools_fini(struct pg_spools *s);

/* Does the frame belong to a transaction that is kept, or ends one? */
int pg_spools_owns(const struct pg_spools *s, const struct pgo_frame *f);

/* A frame of a streamed transaction, but no Stream commit. 0 or an error. */
int pg_spools_take(struct pg_spools *s, struct pgo_decoder *d,
    const struct pgo_frame *f, struct leat_err *err);

/*
 * The frame is a Stream commit or Commit prepared: the next message of its
 * transaction, valid until the next call. 1: *ret is filled; 0: that was all,
 * and the spool is gone; or an error. The same message comes again until
 * pg_spools_done().
 */
int pg_spools_next(struct pg_spools *s, struct pgo_decoder *d,
    const struct pgo_frame *commit, struct pgo_frame *ret,
    struct leat_err *err);
void pg_spools_done(struct pg_spools *s);

/*
 * The oldest PREPARE, from `from` on, whose transaction is kept; 0: none. The
 * server sends the transaction at it, and not once more with its COMMIT
 * PREPARED, so no position behind it may be confirmed.
 */
uint64_t pg_spools_hold(const struct pg_spools *s, uint64_t from);

/* Single ones. */
struct pg_spool *pg_spool_find(struct pg_spools *s, uint32_t xid);
int pg_spool_begin(struct pg_spools *s, uint32_t xid, struct pg_spool **ret,
    struct leat_err *err);
/* Keeps the message without `skip` bytes behind its tag. */
int pg_spool_keep(struct pg_spools *s, struct pg_spool *sp,
    const struct pgo_frame *f, size_t skip, struct leat_err *err);
/* Writes what is not written yet, where there is a file. */
int pg_spool_flush(struct pg_spools *s, struct pg_spool *sp,
    struct leat_err *err);
void pg_spool_free(struct pg_spools *s, struct pg_spool *sp);
/* Empties it; memory that one large value took goes back. */
void pg_spool_empty(struct leat_buf *b, size_t most);

#endif
