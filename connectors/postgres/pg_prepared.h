/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_prepared.h: transactions that the server sends at their PREPARE.
 *
 * That happens on a slot with two_phase, which streaming.two.phase makes of it.
 * Begin prepare, the messages and Prepare come in the order of the log, and
 * later Commit prepared or Rollback prepared. Consumers must not see what may
 * still be rolled back: the messages are kept (pg_spool.h), and are delivered
 * at the Commit prepared, as the events that there would be without two_phase.
 *
 * The server sends the messages once: not again with the Commit prepared, when
 * the stream begins behind the PREPARE. So the position that is stored says
 * where the oldest undecided PREPARE is, the stream begins there after a
 * restart, and nothing behind it is confirmed. That costs no log: the server
 * keeps that of an undecided transaction from its beginning in any case.
 *
 * A relation is described when it is used first, and again only when it has
 * changed. The description may come inside a prepared transaction and hold for
 * the ordinary ones behind it; or before it, and be another one by the time of
 * its commit. Hence the latest description of each relation, as the server
 * counts, is remembered here: one is put into the spool in front of the
 * relation's first change, and after the replay the latest holds again.
 */
#ifndef LEAT_PG_PREPARED_H
#define LEAT_PG_PREPARED_H

#include "pg_stream.h"

/* A frame of a prepared transaction, but no Commit prepared. 0 or an error. */
int pg_prepared_take(struct pg_stream *s, const struct pgo_frame *f,
    struct leat_err *err);

/* Is it one, or part of one? */
int pg_prepared_owns(const struct pg_stream *s, const struct pgo_frame *f);

/*
 * A Relation message is about to be applied. 1: its plan is there already; 0 or
 * an error.
 */
int pg_prepared_relation(struct pg_stream *s, const struct pgo_frame *f,
    uint32_t oid, struct leat_err *err);

/* A plan was made from that message. */
void pg_prepared_planned(struct pg_stream *s, const struct pgo_frame *f,
    struct pg_relation *rel);

/*
 * Before a change of the relation: 1 and its latest description, if that has
 * no plan yet; else 0.
 */
int pg_prepared_latest(struct pg_stream *s, uint32_t oid,
    struct pgo_frame *ret);

/* The oldest PREPARE that holds the position is another one now. */
void pg_prepared_hold(struct pg_stream *s);

/* The server has sent all before `lsn`: those of before the restart too. */
void pg_prepared_reached(struct pg_stream *s, uint64_t lsn);

void pg_prepared_fini(struct pg_stream *s);

#endif
