/* SPDX-License-Identifier: Apache-2.0 */
#include "pg_resume.h"

#include <stdio.h>
#include <string.h>

#include <leat/str.h>

static const char cure[] = "changes since then are lost; delete the "
    "connector's stored offsets, or set snapshot.mode=when_needed, to take a "
    "new snapshot";

#define REFUSE(err, ...) \
	((void)leat_err_set((err), LEAT_CLS_CONFIG, LEAT_E_STATE, __VA_ARGS__))

/* -------------------------------------------------------------- timelines */

/* A line is "3\t0/5000000\treason"; comments begin with #. */
uint64_t
pg_timeline_end(const char *history, uint32_t timeline)
{
	struct leat_str line;
	char head[16], lsn[32];
	size_t n = (size_t)snprintf(head, sizeof(head), "%u\t", timeline);

	for (const char *p = history; *p != '\0'; p += line.len) {
		const char *end = strchr(p, '\n');

		line = (struct leat_str){ p, end == NULL ? strlen(p) :
		    (size_t)(end - p) + 1 };
		if (line.len <= n || memcmp(p, head, n) != 0)
			continue;
		(void)snprintf(lsn, sizeof(lsn), "%.*s",
		    (int)strcspn(p + n, "\t\n"), p + n);
		return pg_lsn_parse(lsn);
	}
	return 0;
}

static int
ask_timeline_end(struct pg_conn *repl, uint32_t now, uint32_t then,
    uint64_t *ret, struct leat_err *err)
{
	PGresult *res = NULL;
	char sql[48];
	int rc;

	(void)snprintf(sql, sizeof(sql), "TIMELINE_HISTORY %u", now);
	rc = pg_query(repl, &res, err, sql, 0, NULL);
	if (rc < 0)
		return leat_err_wrap(err, "history of timeline %u", now);
	*ret = PQntuples(res) < 1 || PQnfields(res) < 2 ? 0 :
	    pg_timeline_end(pg_cell(res, 0, 1), then);
	PQclear(res);
	return 0;
}

/* Is the position on the way that led to the server's timeline? */
static int
check_timeline(struct pg_conn *repl, const struct pg_server *srv,
    const struct pg_position *pos, struct leat_err *err)
{
	uint64_t end = 0;
	int rc;

	if (pos->timeline == 0 || srv->timeline == 0 ||
	    pos->timeline == srv->timeline)
		return 1;
	if (srv->timeline < pos->timeline) {
		REFUSE(err, "the stored position is of timeline %u, the server "
		    "is still on %u: it is not the one that was promoted, or "
		    "was restored from a backup; connect to the present "
		    "primary; %s", pos->timeline, srv->timeline, cure);
		return 0;
	}
	rc = ask_timeline_end(repl, srv->timeline, pos->timeline, &end, err);
	if (rc < 0)
		return rc;
	if (end == 0 || pos->flush > end) {
		REFUSE(err, "the server left timeline %u at " PG_LSN_FMT
		    " and is on %u, but the stored position is " PG_LSN_FMT
		    ": changes were delivered that the promoted server never "
		    "had; %s", pos->timeline, PG_LSN_ARGS(end), srv->timeline,
		    PG_LSN_ARGS(pos->flush), cure);
		return 0;
	}
	leat_log_notice(repl->task, "the server was promoted",
	    "timeline=%u before=%u at=" PG_LSN_FMT, srv->timeline,
	    pos->timeline, PG_LSN_ARGS(end));
	return 1;
}

/* ------------------------------------------------------------------ slots */

static int
check_slot(const struct pg_config *cfg, const struct pg_slot *slot,
    const struct pg_position *pos, struct leat_err *err)
{
	if (!slot->exists) {
		REFUSE(err, "replication slot '%s' is gone, the stored "
		    "position is " PG_LSN_FMT "; %s", cfg->slot,
		    PG_LSN_ARGS(pos->flush), cure);
		return 0;
	}
	if (slot->lost) {
		REFUSE(err, "replication slot '%s' is lost: %s; SELECT "
		    "pg_drop_replication_slot('%s'); %s", cfg->slot,
		    pg_slot_lost_reason(slot), cfg->slot, cure);
		return 0;
	}
	return 1;
}

/* Goes on at the slot's position, as the strategy accepts. */
static int
move_to_slot(struct pg_conn *repl, const struct pg_config *cfg,
    const struct pg_slot *slot, struct pg_position *pos)
{
	leat_log_warn(repl->task, "changes are skipped, as "
	    "offset.mismatch.strategy accepts", "slot=%s from=" PG_LSN_FMT
	    " to=" PG_LSN_FMT, cfg->slot, PG_LSN_ARGS(pos->flush),
	    PG_LSN_ARGS(slot->confirmed_lsn));
	pos->flush = slot->confirmed_lsn;
	pos->final_lsn = pos->prepared = 0;
	pos->events = pos->records = 0;
	return 1;
}

static int
forget_prepared(struct pg_conn *repl, const struct pg_slot *slot,
    struct pg_position *pos)
{
	leat_log_warn(repl->task, "prepared transactions are skipped, as "
	    "offset.mismatch.strategy accepts", "from=" PG_LSN_FMT
	    " to=" PG_LSN_FMT, PG_LSN_ARGS(pos->prepared),
	    PG_LSN_ARGS(slot->confirmed_lsn));
	pos->prepared = 0;
	return 1;
}

static int
accepts_hole(int32_t strategy)
{
	return strategy == PG_MISMATCH_NO_VALIDATION ||
	    strategy == PG_MISMATCH_TRUST_SLOT ||
	    strategy == PG_MISMATCH_TRUST_GREATER;
}

static int
check_place(struct pg_conn *repl, const struct pg_config *cfg,
    const struct pg_server *srv, const struct pg_slot *slot,
    struct pg_position *pos, struct leat_err *err)
{
	if (slot->confirmed_lsn > pos->flush) {
		if (accepts_hole(cfg->mismatch_strategy))
			return move_to_slot(repl, cfg, slot, pos);
		REFUSE(err, "replication slot '%s' stands at " PG_LSN_FMT
		    ", ahead of the stored position " PG_LSN_FMT ": it was "
		    "recreated, or somebody else read from it; %s; or accept "
		    "the hole by offset.mismatch.strategy=trust_slot",
		    cfg->slot, PG_LSN_ARGS(slot->confirmed_lsn),
		    PG_LSN_ARGS(pos->flush), cure);
		return 0;
	}
	if (srv->log_end != 0 && srv->log_end < pos->flush) {
		if (cfg->mismatch_strategy == PG_MISMATCH_TRUST_SLOT)
			return move_to_slot(repl, cfg, slot, pos);
		REFUSE(err, "the server's log ends at " PG_LSN_FMT ", before "
		    "the stored position " PG_LSN_FMT ": the server was "
		    "restored from a backup; %s", PG_LSN_ARGS(srv->log_end),
		    PG_LSN_ARGS(pos->flush), cure);
		return 0;
	}
	return 1;
}

/* The server sends a prepared transaction at its PREPARE and never again. */
static int
check_prepared(struct pg_conn *repl, const struct pg_config *cfg,
    const struct pg_slot *slot, struct pg_position *pos, struct leat_err *err)
{
	if (pos->prepared == 0 || slot->confirmed_lsn <= pos->prepared)
		return 1;
	if (accepts_hole(cfg->mismatch_strategy))
		return forget_prepared(repl, slot, pos);
	REFUSE(err, "replication slot '%s' stands at " PG_LSN_FMT ", ahead of "
	    "the PREPARE at " PG_LSN_FMT " whose transaction was not "
	    "delivered: somebody else read from it; %s; or accept the hole by "
	    "offset.mismatch.strategy=trust_slot", cfg->slot,
	    PG_LSN_ARGS(slot->confirmed_lsn), PG_LSN_ARGS(pos->prepared), cure);
	return 0;
}

int
pg_resume_check(struct pg_conn *repl, const struct pg_config *cfg,
    const struct pg_server *srv, const struct pg_slot *slot,
    struct pg_position *pos, struct leat_err *err)
{
	int rc;

	if (pos->system_id[0] != '\0' && srv->system_id[0] != '\0' &&
	    strcmp(pos->system_id, srv->system_id) != 0) {
		REFUSE(err, "the stored position is of database cluster %s, "
		    "this is %s; %s", pos->system_id, srv->system_id, cure);
		return 0;
	}
	rc = check_slot(cfg, slot, pos, err);
	if (rc > 0)
		rc = check_timeline(repl, srv, pos, err);
	if (rc > 0)
		rc = check_place(repl, cfg, srv, slot, pos, err);
	if (rc > 0)
		rc = check_prepared(repl, cfg, slot, pos, err);
	return rc;
}
