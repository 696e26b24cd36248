/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_doctor_server.c: version, settings, rights of the role, clock; then what
 * goes on at the server that a connector has to wait for.
 */
#include "pg_doctor.h"

#include <stdio.h>
#include <string.h>

#include <leat/str.h>

enum {
	CLOCK_OFF_MS = 1000,	/* worth a word */
	SENDER_TIMEOUT_LEAST_MS = 10000,
	OLD_TRANSACTION_S = 300
};

#define ALTER_RESTART(setting) \
	"ALTER SYSTEM SET " setting ";  -- then restart the server"
#define ALTER_RELOAD(setting) \
	"ALTER SYSTEM SET " setting ";\nSELECT pg_reload_conf();"

/* A setting by name out of name, setting rows; NULL where it does not exist. */
static const char *
setting(const PGresult *res, const char *name)
{
	for (int i = 0; i < PQntuples(res); i++)
		if (strcmp(pg_cell(res, i, 0), name) == 0)
			return pg_cell(res, i, 1);
	return NULL;
}

static int64_t
setting_number(const PGresult *res, const char *name, int64_t missing)
{
	const char *text = setting(res, name);
	int64_t n = missing;

	if (text != NULL)
		(void)leat_parse_i64(leat_str_c(text), INT64_MIN, INT64_MAX,
		    &n);
	return n;
}

static void
judge_wal_level(struct pg_doctor *d, const PGresult *res)
{
	const char *level = setting(res, "wal_level");

	if (level != NULL && strcmp(level, "logical") == 0)
		pg_good(d, "wal_level", "logical");
	else
		pg_bad(d, "wal_level", ALTER_RESTART("wal_level = 'logical'"),
		    "is '%s', logical decoding needs 'logical'",
		    level == NULL ? "?" : level);
}

/* How much log a slot may hold back before the server gives the slot up. */
static void
judge_retention(struct pg_doctor *d, const PGresult *res)
{
	int64_t mb = setting_number(res, "max_slot_wal_keep_size", -2);

	if (mb == -2)
		pg_note(d, "max_slot_wal_keep_size", NULL, "this version has "
		    "no limit on the log that a slot retains: watch the disk "
		    "of the server while the connector is down");
	else if (mb < 0)
		pg_warning(d, "max_slot_wal_keep_size",
		    ALTER_RELOAD("max_slot_wal_keep_size = '50GB'")
		    "\n-- as much as the disk can spare",
		    "is -1: a connector that is down for long fills the disk "
		    "of the server");
	else
		pg_good(d, "max_slot_wal_keep_size", "%lld MB: a connector "
		    "that falls further behind loses its slot",
		    (long long)mb);
}

static void
judge_senders(struct pg_doctor *d, const PGresult *res)
{
	int64_t timeout = setting_number(res, "wal_sender_timeout", 60000);

	if (timeout == 0)
		pg_warning(d, "wal_sender_timeout",
		    ALTER_RELOAD("wal_sender_timeout = '60s'"),
		    "is 0: a connection that was cut stays, and keeps its slot "
		    "from the next one");
	else if (timeout < SENDER_TIMEOUT_LEAST_MS)
		pg_warning(d, "wal_sender_timeout",
		    ALTER_RELOAD("wal_sender_timeout = '60s'"),
		    "is %lld ms: a busy moment of the worker may end the "
		    "stream", (long long)timeout);
	else
		pg_good(d, "wal_sender_timeout", "%lld ms",
		    (long long)timeout);
}

/* A list of plug-ins that may be loaded exists on some servers only. */
static void
judge_plugin(struct pg_doctor *d, const PGresult *res)
{
	const char *libraries = setting(res, "output_plugin_libraries");
	struct leat_str rest;

	if (libraries == NULL)
		return;
	rest = leat_str_c(libraries);
	while (rest.len > 0)
		if (leat_str_eq_c(leat_str_trim(leat_str_cut(&rest, ',')),
		    "pgoutput")) {
			pg_good(d, "output_plugin_libraries", "%s", libraries);
			return;
		}
	pg_bad(d, "output_plugin_libraries",
	    ALTER_RELOAD("output_plugin_libraries = 'pgoutput'"),
	    "is '%s', without pgoutput", libraries);
}

static void
judge_standby(struct pg_doctor *d, const PGresult *settings, int standby)
{
	const char *feedback = setting(settings, "hot_standby_feedback");

	d->primary = !standby;
	if (!standby)
		return;
	if (d->sql.version < 160000)
		pg_bad(d, "standby", NULL, "the server is a standby, and "
		    "logical decoding on a standby needs PostgreSQL 16: "
		    "connect to the primary");
	else if (feedback != NULL && strcmp(feedback, "on") != 0)
		pg_warning(d, "standby",
		    ALTER_RELOAD("hot_standby_feedback = on"),
		    "hot_standby_feedback is off: the primary may remove rows "
		    "that the slot needs, and the slot is lost then");
	else
		pg_note(d, "standby", NULL, "a standby: publications are made "
		    "on the primary");
}

static void
judge_role(struct pg_doctor *d, const PGresult *res)
{
	const char *role = pg_cell(res, 0, 1);
	char cure[256];

	(void)snprintf(cure, sizeof(cure), "ALTER ROLE %s REPLICATION;",
	    pg_doctor_name(d, role));
	if (pg_cell(res, 0, 2)[0] == 't' || pg_cell(res, 0, 3)[0] == 't')
		pg_good(d, "role", "'%s' may replicate", role);
	else
		pg_bad(d, "role", cure, "'%s' may not replicate", role);
}

static void
judge_clock(struct pg_doctor *d, const PGresult *res)
{
	int64_t there = pg_cell_i64(res, 0, 4);
	int64_t off = (leat_now_us(d->task) - there) / 1000;

	if (off > CLOCK_OFF_MS || off < -CLOCK_OFF_MS)
		pg_warning(d, "clock", NULL, "the server's is %lld ms %s this "
		    "machine's: lag and ts_ms are wrong by that; synchronise "
		    "both (chrony, systemd-timesyncd)",
		    (long long)(off < 0 ? -off : off),
		    off > 0 ? "behind" : "ahead of");
	else
		pg_good(d, "clock", "%lld ms from the server's",
		    (long long)(off < 0 ? -off : off));
}

int
pg_doctor_server(struct pg_doctor *d, struct leat_err *err)
{
	struct pg_conn *c = &d->sql;
	PGresult *settings = NULL, *now = NULL;
	int rc;

	if (c->version < 100000)
		pg_bad(d, "version", NULL, "PostgreSQL %d.%d, pgoutput needs "
		    "10 or newer", c->version / 10000, c->version / 100 % 100);
	else
		pg_good(d, "version", "PostgreSQL %d.%d",
		    c->version / 10000, c->version % 10000);
	rc = pg_query(c, &settings, err, "SELECT name, setting"
	    " FROM pg_catalog.pg_settings WHERE name IN ('wal_level',"
	    " 'max_slot_wal_keep_size', 'wal_sender_timeout',"
	    " 'output_plugin_libraries', 'hot_standby_feedback')", 0, NULL);
	if (rc < 0)
		return rc;
	rc = pg_query(c, &now, err, "SELECT pg_is_in_recovery(), current_user,"
	    " r.rolreplication OR r.rolsuper,"
	    " EXISTS (SELECT 1 FROM pg_catalog.pg_roles p WHERE p.rolname IN"
	    "  ('rds_replication', 'rds_superuser')"
	    "  AND pg_has_role(p.oid, 'USAGE')),"
	    " (extract(epoch FROM clock_timestamp()) * 1000000)::int8"
	    " FROM pg_catalog.pg_roles r WHERE r.rolname = current_user", 0,
	    NULL);
	if (rc == 0 && PQntuples(now) == 1) {
		judge_wal_level(d, settings);
		judge_plugin(d, settings);
		judge_standby(d, settings, pg_cell(now, 0, 0)[0] == 't');
		judge_role(d, now);
		judge_senders(d, settings);
		judge_retention(d, settings);
		judge_clock(d, now);
	}
	PQclear(settings);
	PQclear(now);
	return rc;
}

/* ---------------------------------------------------------------- activity */

/*
 * A new slot waits for all transactions that write now, and the log is kept
 * from the oldest one on.
 */
int
pg_doctor_activity(struct pg_doctor *d, struct leat_err *err)
{
	PGresult *res = NULL;
	char cure[128];
	int rc = pg_query(&d->sql, &res, err,
	    "SELECT (extract(epoch FROM clock_timestamp() - xact_start))::int8,"
	    " pid::text, usename, left(query, 80), 0"
	    " FROM pg_catalog.pg_stat_activity"
	    " WHERE backend_xid IS NOT NULL AND xact_start IS NOT NULL"
	    " UNION ALL SELECT (extract(epoch FROM"
	    " clock_timestamp() - prepared))::int8, gid, owner, '', 1"
	    " FROM pg_catalog.pg_prepared_xacts"
	    " ORDER BY 1 DESC LIMIT 1", 0, NULL);

	if (rc < 0)
		return rc;
	if (PQntuples(res) == 0 ||
	    pg_cell_i64(res, 0, 0) < OLD_TRANSACTION_S) {
		pg_good(d, "transactions", "none is open for long");
	} else if (pg_cell(res, 0, 4)[0] == '1') {
		(void)snprintf(cure, sizeof(cure),
		    "ROLLBACK PREPARED '%.80s';  -- or COMMIT PREPARED",
		    pg_cell(res, 0, 1));
		pg_warning(d, "transactions", cure, "'%s' of %s is prepared "
		    "for %s s: a new slot waits for it, and the log is kept "
		    "from it on", pg_cell(res, 0, 1), pg_cell(res, 0, 2),
		    pg_cell(res, 0, 0));
	} else {
		(void)snprintf(cure, sizeof(cure),
		    "SELECT pg_terminate_backend(%s);", pg_cell(res, 0, 1));
		pg_warning(d, "transactions", cure, "process %s of %s writes "
		    "in a transaction that is open for %s s (%s): a new slot "
		    "waits for it, and the log is kept from it on",
		    pg_cell(res, 0, 1), pg_cell(res, 0, 2), pg_cell(res, 0, 0),
		    pg_cell(res, 0, 3));
	}
	PQclear(res);
	return 0;
}
