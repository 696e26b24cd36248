/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_signal_control.h: everything that can be asked of a running source, as the
 * source and its stream see it: signals come in, incremental and blocking
 * snapshots go on beside the stream, notifications go out.
 */
#ifndef LEAT_PG_SIGNAL_CONTROL_H
#define LEAT_PG_SIGNAL_CONTROL_H

#include "pg_incremental.h"
#include "pg_position.h"
#include "pg_signal_blocking.h"
#include "pg_signal_kept.h"

struct pg_control {
	struct leat_task *task;
	const struct pg_config *cfg;
	struct pg_conn *sql;
	const struct pg_filters *filters;
	const struct pg_position *pos;	/* of the stream, for words */
	int no_stream;		/* initial_only: there will be none */
	struct pg_notify notify;
	struct pg_signals signals;
	struct pg_kept kept;
	struct pg_incremental inc;
	struct pg_blocking blocking;
};

/* `rels` and `dec` are the stream's; the source's arena lives as long. */
int pg_control_init(struct pg_control *c, struct leat_task *t,
    const struct pg_relcache *rels, struct pg_emit *emit,
    struct pgo_decoder *dec, struct leat_arena *a, struct leat_err *err);
/* Accepts a zeroed one. */
void pg_control_fini(struct pg_control *c);

/* The table of signals belongs into the publication: adds it to the list. */
int pg_control_publish(struct pg_control *c, struct leat_arena *a,
    struct pg_tables *tables, struct leat_err *err);

/* The state that a stored position holds. */
int pg_control_restore(struct pg_control *c, const char *position,
    struct leat_err *err);
/* Puts it into a position that was encoded, in front of its brace. */
void pg_control_encode(const struct pg_control *c, struct leat_buf *b);

/* Members for the task's status, each with a comma in front. */
void pg_control_status(const struct pg_control *c, struct leat_buf *b);

/* At the start of each poll: memory of the batch before, channels. */
int pg_control_poll(struct pg_control *c, struct leat_batch *b);

/* ----------------------------------------------- for the stream; c or NULL */

/* Work beside the stream. 0, or an error that ends the task. */
int pg_control_work(struct pg_control *c, struct leat_err *err);
void pg_control_begin(struct pg_control *c, uint32_t xid, uint64_t lsn);
void pg_control_reached(struct pg_control *c, uint64_t lsn);
void pg_control_relation(struct pg_control *c,
    const struct pgo_relation *rel);
/* 1: the message is one of ours, and no event. */
int pg_control_message(struct pg_control *c, const struct pgo_message *m);
/* A message about rows comes, whether it is delivered or was. */
void pg_control_change(struct pg_control *c, struct pg_relcache *rels,
    const char *payload, size_t len);
/* A message about rows is done with. */
void pg_control_done(struct pg_control *c, const char *payload, size_t len);
/* Must the stream wait in front of this frame, between transactions? */
int pg_control_holds(struct pg_control *c, const char *frame, size_t len);
/* Should the server be asked how far it is? */
int pg_control_asks(struct pg_control *c);
/* Is the state newer than the last position? Asked once. */
int pg_control_moved(struct pg_control *c);
int pg_control_wait_fd(struct pg_control *c, int fd, int64_t *ms);

#endif
