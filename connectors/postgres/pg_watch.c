/* SPDX-License-Identifier: Apache-2.0 */
#include "pg_watch.h"

#include <stdio.h>
#include <string.h>

enum { WATCH_MS = 10000 };

void
pg_watch_init(struct pg_watch *w, struct pg_conn *conn,
    const struct pg_conn *repl, const struct pg_config *cfg,
    struct pg_emit *emit)
{
	*w = (struct pg_watch){ .conn = conn, .repl = repl, .cfg = cfg,
		.emit = emit };
	pg_guard_init(&w->guard, conn->task, cfg);
	w->m_retained = leat_metric(conn->task, LEAT_METRIC_GAUGE,
	    "postgres_slot_retained_bytes",
	    "Log that the server keeps for the slot.");
	w->m_oldest = leat_metric(conn->task, LEAT_METRIC_GAUGE,
	    "postgres_oldest_transaction_seconds",
	    "Age of the server's oldest open transaction, which holds the "
	    "slot's log.");
}

/* Extended is normal under load; unreserved is the last chance. */
static void
note_wal_status(struct pg_watch *w, const struct pg_slot *slot)
{
	if (strcmp(w->wal_status, slot->wal_status) == 0)
		return;
	if (strcmp(slot->wal_status, "unreserved") == 0)
		leat_log_warn(w->conn->task, "the slot is about to lose its "
		    "log", "slot=%s wal_status=unreserved retained_bytes=%lld "
		    "try=\"raise max_slot_wal_keep_size, or make the topics "
		    "take more\"", w->cfg->slot,
		    (long long)slot->retained_bytes);
	else if (w->wal_status[0] != '\0')
		leat_log_info(w->conn->task, "wal_status of the slot changed",
		    "slot=%s before=%s now=%s", w->cfg->slot, w->wal_status,
		    slot->wal_status);
	memcpy(w->wal_status, slot->wal_status, sizeof(w->wal_status));
}

/* slot.failover is for slots that are made; one that is there keeps its own. */
static void
note_failover(struct pg_watch *w, const struct pg_slot *slot)
{
	if (!w->cfg->slot_failover || w->wal_status[0] != '\0')
		return;
	if (w->conn->version < 170000)
		leat_log_warn(w->conn->task, "slot.failover needs PostgreSQL "
		    "17: after a failover the slot is gone", "server=%d",
		    w->conn->version / 10000);
	else if (!slot->failover)
		leat_log_warn(w->conn->task, "the slot is not kept on standbys",
		    "slot=%s try=\"ALTER_REPLICATION_SLOT %s (FAILOVER true); "
		    "on a replication connection\"", w->cfg->slot,
		    w->cfg->slot);
}

static int
judge(struct pg_watch *w, const struct pg_slot *slot, struct leat_err *err)
{
	int pid = PQbackendPID(w->repl->pg);

	if (!slot->exists)
		return leat_err_set(err, LEAT_CLS_RETRY, LEAT_E_STATE,
		    "replication slot '%s' was dropped while it was streamed "
		    "from", w->cfg->slot);
	if (slot->lost)
		return leat_err_set(err, LEAT_CLS_RETRY, LEAT_E_STATE,
		    "replication slot '%s' was invalidated while it was "
		    "streamed from: %s", w->cfg->slot,
		    pg_slot_lost_reason(slot));
	/* Our walsender just ended: the stream is about to say why. */
	w->unused = slot->active_pid == 0 ? w->unused + 1 : 0;
	if (slot->active_pid != pid && w->unused != 1)
		return leat_err_set(err, LEAT_CLS_RETRY, LEAT_E_STATE,
		    "replication slot '%s' is used by process %d, not by this "
		    "stream's %d", w->cfg->slot, slot->active_pid, pid);
	return 0;
}

/* The number of the publication's tables in front of the blank. */
static int
number_len(const char *tables)
{
	return (int)strcspn(tables, " ");
}

static int
judge_publication(struct pg_watch *w, const char *tables, struct leat_err *err)
{
	const char *name = w->cfg->publication;

	if (tables[0] == '\0')
		return leat_err_set(err, LEAT_CLS_RETRY, LEAT_E_STATE,
		    "publication '%s' was dropped while it was streamed from",
		    name);
	if (w->tables[0] != '\0' && strcmp(w->tables, tables) != 0)
		leat_log_warn(w->conn->task, "the publication was changed "
		    "while it is streamed from", "name=%s tables_before=%.*s "
		    "tables=%.*s try=\"restart the task: it adjusts the "
		    "publication and says what is missing\"", name,
		    number_len(w->tables), w->tables, number_len(tables),
		    tables);
	(void)snprintf(w->tables, sizeof(w->tables), "%s", tables);
	return 0;
}

/* Its own tables only: those of FOR ALL TABLES would be many to ask for. */
static int
look_at_publication(struct pg_watch *w, struct leat_err *err)
{
	const char *params[1] = { w->cfg->publication };
	PGresult *res = NULL;
	int rc = pg_query(w->conn, &res, err,
	    "SELECT count(r.prrelid) || ' ' || md5(coalesce(string_agg("
	    "  r.prrelid::text, ',' ORDER BY r.prrelid), ''))"
	    " FROM pg_catalog.pg_publication p"
	    " LEFT JOIN pg_catalog.pg_publication_rel r ON r.prpubid = p.oid"
	    " WHERE p.pubname = $1 GROUP BY p.oid", 1, params);

	if (rc < 0)
		return leat_err_wrap(err, "look up the publication");
	rc = judge_publication(w, PQntuples(res) == 0 ? "" :
	    pg_cell(res, 0, 0), err);
	PQclear(res);
	return rc;
}

int
pg_watch_poll(struct pg_watch *w, struct leat_err *err)
{
	int64_t now = leat_mono_ms(w->conn->task), every = WATCH_MS;
	struct pg_slot slot;
	int rc;

	if (now < w->next)
		return 0;
	if (w->cfg->xmin_interval_ms > 0 && w->cfg->xmin_interval_ms < every)
		every = w->cfg->xmin_interval_ms;
	w->next = now + every;
	rc = pg_slot_read(w->conn, w->cfg->slot, &slot, err);
	if (rc == 0)
		rc = judge(w, &slot, err);
	if (rc == 0)
		rc = look_at_publication(w, err);
	if (rc < 0)
		return rc;
	note_failover(w, &slot);
	note_wal_status(w, &slot);
	leat_metric_set(w->m_retained, slot.retained_bytes);
	leat_metric_set(w->m_oldest, slot.oldest_tx_s);
	w->xmin = w->cfg->xmin_interval_ms > 0 ? slot.catalog_xmin : 0;
	w->emit->source[PG_SRC_XMIN] = w->xmin == 0 ? leat_null() :
	    leat_i64(w->xmin);
	return w->catching_up ? 0 : pg_guard_look(&w->guard, &slot, err);
}
