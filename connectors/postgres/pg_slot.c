/* SPDX-License-Identifier: Apache-2.0 */
#include "pg_slot.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <leat/buf.h>

enum { SQL_MAX = 64 * 1024 };

static int
judge_slot(const PGresult *res, const char *name, struct pg_slot *s,
    struct leat_err *err)
{
	if (strcmp(pg_cell(res, 0, 0), "pgoutput") != 0)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "slot.name: slot '%s' is of plug-in '%s', not pgoutput: "
		    "choose another name, or SELECT "
		    "pg_drop_replication_slot('%s');", name,
		    pg_cell(res, 0, 0), name);
	if (pg_cell(res, 0, 6)[0] != 't')
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "slot.name: slot '%s' belongs to database '%s': choose "
		    "another name", name, pg_cell(res, 0, 1));
	s->exists = 1;
	s->active_pid = (int)pg_cell_i64(res, 0, 2);
	s->restart_lsn = pg_lsn_parse(pg_cell(res, 0, 3));
	s->confirmed_lsn = pg_lsn_parse(pg_cell(res, 0, 4));
	(void)snprintf(s->wal_status, sizeof(s->wal_status), "%.15s",
	    pg_cell(res, 0, 5));
	s->catalog_xmin = pg_cell_i64(res, 0, 7);
	s->retained_bytes = pg_cell_i64(res, 0, 8);
	s->oldest_tx_s = pg_cell_i64(res, 0, 9);
	(void)snprintf(s->reason, sizeof(s->reason), "%.31s",
	    pg_cell(res, 0, 10));
	s->failover = pg_cell(res, 0, 11)[0] == 't';
	s->two_phase = pg_cell(res, 0, 12)[0] == 't';
	s->lost = strcmp(s->wal_status, "lost") == 0 || s->reason[0] != '\0';
	return 0;
}

const char *
pg_slot_lost_reason(const struct pg_slot *slot)
{
	static const char *const rows[][2] = {
		{ "rows_removed", "a standby removed rows of the catalog that "
		    "it needed (hot_standby_feedback)" },
		{ "wal_level_insufficient", "wal_level was lowered" },
		{ "idle_timeout", "nobody used it "
		    "(idle_replication_slot_timeout)" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(slot->reason, rows[i][0]) == 0)
			return rows[i][1];
	return "the server removed the log that it needed "
	       "(max_slot_wal_keep_size)";
}

/* Columns of pg_replication_slots that came with a version. */
static void
write_slot_query(char *to, size_t size, int version)
{
	(void)snprintf(to, size,
	    "SELECT coalesce(plugin, 'physical'), database, active_pid,"
	    " restart_lsn, confirmed_flush_lsn, %s,"
	    " database IS NOT DISTINCT FROM current_database(), catalog_xmin,"
	    " pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery()"
	    "  THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END,"
	    "  restart_lsn)::int8,"
	    " (SELECT extract(epoch FROM clock_timestamp() -"
	    "  min(xact_start))::int8 FROM pg_catalog.pg_stat_activity"
	    "  WHERE backend_xid IS NOT NULL), %s, %s"
	    " FROM pg_catalog.pg_replication_slots WHERE slot_name = $1",
	    version >= 130000 ? "wal_status" : "''",
	    version >= 170000 ? "invalidation_reason, failover" :
	    version >= 160000 ?
	    /* Of every invalid slot; one without its log has no position. */
	    "CASE WHEN conflicting AND restart_lsn IS NOT NULL"
	    " THEN 'rows_removed' END, false" :
	    "NULL::text, false",
	    version >= 140000 ? "two_phase" : "false");
}

int
pg_slot_read(struct pg_conn *c, const char *name, struct pg_slot *ret,
    struct leat_err *err)
{
	const char *params[1] = { name };
	struct pg_slot s = { 0 };
	PGresult *res = NULL;
	char sql[1024];
	int rc;

	write_slot_query(sql, sizeof(sql), c->version);
	rc = pg_query(c, &res, err, sql, 1, params);
	if (rc < 0)
		return leat_err_wrap(err, "look up the slot");
	if (PQntuples(res) > 0)
		rc = judge_slot(res, name, &s, err);
	PQclear(res);
	if (rc == 0)
		*ret = s;
	return rc;
}

static int
explain_create(struct leat_err *err, const char *name)
{
	if (err != NULL && strcmp(err->sqlstate, "53400") == 0)
		return leat_err_wrap(err, "create slot '%s' (ALTER SYSTEM SET "
		    "max_replication_slots to more, then restart the server, "
		    "or drop slots that nobody uses)", name);
	return leat_err_wrap(err, "create slot '%s'", name);
}

int
pg_slot_create(struct pg_conn *repl, const struct pg_config *cfg,
    const char *name, int temporary, struct pg_new_slot *ret,
    struct leat_err *err)
{
	int failover = cfg->slot_failover && !temporary &&
	    repl->version >= 170000;
	PGresult *res = NULL;
	struct leat_buf b;
	int rc;

	leat_buf_init(&b, SQL_MAX);
	(void)leat_buf_add_str(&b, "CREATE_REPLICATION_SLOT ");
	pg_add_identifier(repl, &b, name);
	(void)leat_buf_printf(&b, "%s LOGICAL pgoutput%s",
	    temporary ? " TEMPORARY" : "", failover ? " (FAILOVER)" : "");
	rc = leat_buf_cstr(&b) == NULL ? leat_err_set(err, LEAT_CLS_RETRY,
	    -ENOMEM, "out of memory") :
	    pg_query_patient(repl, &res, err, leat_buf_cstr(&b));
	leat_buf_fini(&b);
	if (rc < 0)
		return explain_create(err, name);
	ret->consistent_lsn = pg_lsn_parse(pg_cell(res, 0, 1));
	(void)snprintf(ret->snapshot, sizeof(ret->snapshot), "%.63s",
	    pg_cell(res, 0, 2));
	PQclear(res);
	if (!temporary)
		leat_log_notice(repl->task, "slot created",
		    "name=%s lsn=" PG_LSN_FMT, name,
		    PG_LSN_ARGS(ret->consistent_lsn));
	return 0;
}

int
pg_slot_drop(struct pg_conn *c, const char *name, struct leat_err *err)
{
	const char *params[1] = { name };

	return pg_query(c, NULL, err, "SELECT pg_drop_replication_slot($1)", 1,
	    params);
}
