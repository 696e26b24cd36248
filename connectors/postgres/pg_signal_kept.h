/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_signal_kept.h: signals that came while the server did not answer. They are
 * part of the stored position, as that is past them, and are tried again.
 */
#ifndef LEAT_PG_SIGNAL_KEPT_H
#define LEAT_PG_SIGNAL_KEPT_H

#include <leat/buf.h>
#include <leat/value.h>

#include "pg_signal.h"

/* A position has room for so much of them. */
enum { PG_KEPT_BYTES = 384 * 1024 };

struct pg_kept {
	struct leat_buf signals;	/* JSON objects, a comma between them */
	int64_t next_ms;		/* mono, of the next try */
};

/* 0, or -EFBIG where there is no room for it. */
int pg_kept_add(struct pg_kept *k, const struct pg_signal *s);
int pg_kept_any(const struct pg_kept *k);

/* A member for the position, with a comma in front; mostly nothing. */
void pg_kept_encode(const struct pg_kept *k, struct leat_buf *b);
int pg_kept_restore(struct pg_kept *k, const struct leat_value *position);

/* Takes all of them out and gives each to `fn`, which may add it again. */
void pg_kept_each(struct pg_kept *k, pg_signal_fn *fn, void *arg);

/* Accepts a zeroed one. */
void pg_kept_fini(struct pg_kept *k);

#endif
