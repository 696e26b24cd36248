/* SPDX-License-Identifier: Apache-2.0 */
#include "pg_guard.h"

#include <stdio.h>

/* A slot that stands still costs nothing while the log does not grow either. */
enum { IDLE_BYTES = 64 << 20 };

void
pg_guard_init(struct pg_guard *g, struct leat_task *t,
    const struct pg_config *cfg)
{
	*g = (struct pg_guard){ .task = t, .cfg = cfg };
	g->m_over = leat_metric(t, LEAT_METRIC_GAUGE,
	    "postgres_wal_guard_over",
	    "1 while the slot retains more log than wal.guard allows.");
}

/* How long the slot has stood where it stands while log piles up, in ms. */
static int64_t
standing_ms(struct pg_guard *g, const struct pg_slot *slot)
{
	int64_t now = leat_mono_ms(g->task);

	if (slot->restart_lsn != g->stands_at || g->since_ms == 0 ||
	    slot->retained_bytes < IDLE_BYTES) {
		g->stands_at = slot->restart_lsn;
		g->since_ms = now;
	}
	return now - g->since_ms;
}

static int
give_up(struct pg_guard *g, const char *what, struct leat_err *err)
{
	g->gave_up = 1;
	return leat_err_set(err, LEAT_CLS_RETRY, LEAT_E_STATE,
	    "wal.guard.action=give-up: slot '%s' %s, and is dropped to spare "
	    "the server's disk; the changes that it held are lost here, and a "
	    "new snapshot is needed", g->cfg->slot, what);
}

static void
say(struct pg_guard *g, const char *what, const struct pg_slot *slot)
{
	leat_log_warn(g->task, "the slot holds more of the server's log than "
	    "wal.guard allows", "slot=%s reason=\"%s\" wal_status=%s "
	    "oldest_transaction_s=%lld try=\"look for an old transaction, for "
	    "a full disk of the topics, or raise wal.guard.bytes\"",
	    g->cfg->slot, what, slot->wal_status,
	    (long long)slot->oldest_tx_s);
}

int
pg_guard_look(struct pg_guard *g, const struct pg_slot *slot,
    struct leat_err *err)
{
	int64_t stands = standing_ms(g, slot);
	int heavy = g->cfg->wal_bytes > 0 &&
	    slot->retained_bytes > g->cfg->wal_bytes;
	int old = g->cfg->wal_age_ms > 0 && stands > g->cfg->wal_age_ms;
	int was = g->over;
	char what[128];

	g->over = heavy || old;
	leat_metric_set(g->m_over, g->over);
	if (!g->over) {
		if (was)
			leat_log_notice(g->task, "the slot is within wal.guard "
			    "again", "slot=%s", g->cfg->slot);
		return 0;
	}
	(void)snprintf(what, sizeof(what), heavy ?
	    "retains %lld bytes, more than %lld" :
	    "has stood still for %lld ms, more than %lld",
	    (long long)(heavy ? slot->retained_bytes : stands),
	    (long long)(heavy ? g->cfg->wal_bytes : g->cfg->wal_age_ms));
	if (g->cfg->wal_action == PG_WAL_GIVE_UP)
		return give_up(g, what, err);
	if (!was)
		say(g, what, slot);
	return 0;
}

int
pg_guard_snapshot(struct pg_guard *g, const struct pg_slot *slot,
    uint64_t lsn, int64_t age_ms)
{
	/* What was written since: what is older need not be the snapshot's. */
	int64_t since = (int64_t)(slot->restart_lsn - lsn) +
	    slot->retained_bytes;
	int heavy = g->cfg->wal_bytes > 0 && since > g->cfg->wal_bytes;
	int old = g->cfg->wal_age_ms > 0 && age_ms > g->cfg->wal_age_ms &&
	    since >= IDLE_BYTES;
	char what[128];

	if ((heavy || old) && !g->over) {
		(void)snprintf(what, sizeof(what), "%lld bytes were written in "
		    "%lld ms while the snapshot is read", (long long)since,
		    (long long)age_ms);
		say(g, what, slot);
	}
	g->over = heavy || old;
	leat_metric_set(g->m_over, g->over);
	return g->over && g->cfg->wal_action != PG_WAL_WARN;
}
