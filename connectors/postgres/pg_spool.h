/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_spool.h: large transactions that the server streams before they commit.
 *
 * Without streaming the server keeps a large transaction until its commit, and
 * everything behind it waits while it is sent. With it, pieces of it come while
 * it runs, and are kept here in a file of its own that has no name any more; at
 * the commit they are replayed as the transaction that would have been sent: a
 * Begin, its messages without those of aborted subtransactions, a Commit. What
 * reads them need not know.
 */
#ifndef LEAT_PG_SPOOL_H
#define LEAT_PG_SPOOL_H

#include <leat/buf.h>

#include "pg_conn.h"
#include "pgoutput.h"

enum { PG_SPOOLS_MAX = 128 };	/* transactions at the same time */

struct pg_spool {
	uint32_t xid;		/* 0: not in use */
	int fd;
	uint64_t bytes;		/* in the file */
	uint64_t first_lsn;
	struct leat_buf out;	/* not written yet */
	uint32_t *aborted;	/* subtransactions */
	uint32_t naborted;
	uint32_t cap;
};

struct pg_spools {
	struct leat_task *task;
	const struct pg_config *cfg;
	int enabled;
	struct pg_spool *items;	/* PG_SPOOLS_MAX of them */
	struct pg_spool *open;	/* between Stream start and Stream stop */
	uint64_t bytes;		/* in all files */

	/* the replay under way */
	int step;
	uint64_t at;		/* place in the file */
	struct leat_buf in;	/* of the file, or a message made here */
	size_t in_at;		/* of it, the place `at` */
	int64_t *m_bytes;
	int64_t *m_total;
};

/* Asks for streaming where the options and the server allow it. */
int pg_spools_init(struct pg_spools *s, struct leat_task *t,
    const struct pg_config *cfg, int version, struct leat_err *err);
/* Accepts a zeroed one. */
void pg_spools_fini(struct pg_spools *s);

/* Does the frame belong to a streamed transaction? */
int pg_spools_owns(const struct pg_spools *s, const struct pgo_frame *f);

/* Keeps the frame, if it is no Stream commit. 0 or an error. */
int pg_spools_take(struct pg_spools *s, struct pgo_decoder *d,
    const struct pgo_frame *f, struct leat_err *err);

/*
 * The frame is a Stream commit: the next message of its transaction, valid
 * until the next call. 1: *ret is filled; 0: that was all, and the file is
 * gone; or an error. The same message comes again until pg_spools_done().
 */
int pg_spools_next(struct pg_spools *s, struct pgo_decoder *d,
    const struct pgo_frame *commit, struct pgo_frame *ret,
    struct leat_err *err);
void pg_spools_done(struct pg_spools *s);

#endif
