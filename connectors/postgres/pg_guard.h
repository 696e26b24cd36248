/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_guard.h: a budget for the log that the server keeps for the slot.
 *
 * A slot that does not advance fills the server's disk. The budget is in bytes
 * and in time; beyond it wal.guard.action decides: say it, hold back snapshots
 * until the stream has caught up, or give the slot up for the sake of the
 * database.
 */
#ifndef LEAT_PG_GUARD_H
#define LEAT_PG_GUARD_H

#include "pg_slot.h"

struct pg_guard {
	struct leat_task *task;
	const struct pg_config *cfg;
	uint64_t stands_at;	/* restart_lsn of the slot, and */
	int64_t since_ms;	/* how long it stands there, mono */
	int over;		/* the budget is spent */
	int gave_up;		/* the slot is to be dropped */
	int64_t *m_over;
};

void pg_guard_init(struct pg_guard *g, struct leat_task *t,
    const struct pg_config *cfg);

/* Judges what the slot retains now. 0, or class RETRY: it is given up. */
int pg_guard_look(struct pg_guard *g, const struct pg_slot *slot,
    struct leat_err *err);

/*
 * The same while the snapshot of `lsn` is read, for age_ms by now: only its end
 * lets the slot move. 1: it should be interrupted, to spare the server's disk.
 * It is never given up: that would begin it anew, for ever.
 */
int pg_guard_snapshot(struct pg_guard *g, const struct pg_slot *slot,
    uint64_t lsn, int64_t age_ms);

/* Should snapshots beside the stream wait? */
static inline int
pg_guard_holds(const struct pg_guard *g)
{
	return g->over && g->cfg->wal_action == PG_WAL_HOLD_SNAPSHOTS;
}

#endif
