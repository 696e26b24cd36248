/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_watch.h: a look at slot and publication from time to time, while the
 * stream runs.
 *
 * The stream itself tells nothing of a slot that is about to lose its log, or
 * that another session took over while the connection was down; nor of a
 * publication that lost a table, and of one that is gone it tells only with the
 * next change, which cannot be decoded any more then.
 */
#ifndef LEAT_PG_WATCH_H
#define LEAT_PG_WATCH_H

#include "pg_emit.h"
#include "pg_guard.h"

struct pg_watch {
	struct pg_conn *conn;	/* for SQL */
	const struct pg_conn *repl;
	const struct pg_config *cfg;
	struct pg_emit *emit;	/* its source.xmin */
	int64_t next;		/* mono */
	int64_t xmin;		/* 0: not known */
	int unused;		/* looks in a row that found it in no use */
	int catching_up;	/* the guard waits: the slot is about to move */
	char wal_status[16];
	char tables[40];	/* of the publication: number and digest */
	struct pg_guard guard;
	int64_t *m_retained;
	int64_t *m_oldest;
};

void pg_watch_init(struct pg_watch *w, struct pg_conn *conn,
    const struct pg_conn *repl, const struct pg_config *cfg,
    struct pg_emit *emit);

/*
 * Looks when it is time. 0, or what is wrong: class RETRY, as the next open()
 * decides what it means.
 */
int pg_watch_poll(struct pg_watch *w, struct leat_err *err);

#endif
