/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_doctor_slots.c: the publication, the slot, and the other slots of the
 * server, whose number is limited and which all hold the log.
 */
#include "pg_doctor.h"

#include <stdio.h>
#include <string.h>

#include <leat/buf.h>

enum { CURE_MAX = 1 << 20, SQL_NAME_MAX = 256 };

/* ------------------------------------------------------------- publication */

/* " FOR TABLE a, b" as the captured tables are; 0 where that is too long. */
static void
add_tables(struct pg_doctor *d, struct leat_buf *b)
{
	for (uint32_t i = 0; i < d->tables.len; i++)
		(void)leat_buf_printf(b, "%s%s", i == 0 ? " " : ", ",
		    pg_doctor_table(d, d->tables.items[i].schema,
		    d->tables.items[i].name));
}

static void
judge_missing(struct pg_doctor *d, const PGresult *rights)
{
	int may_create = pg_cell(rights, 0, 0)[0] == 't';
	int super = pg_cell(rights, 0, 1)[0] == 't';
	int owns = pg_cell(rights, 0, 2)[0] == 't';
	int32_t mode = d->cfg->publication_mode;
	const char *name = d->cfg->publication;
	struct leat_buf b;

	leat_buf_init(&b, CURE_MAX);
	(void)leat_buf_printf(&b, "CREATE PUBLICATION %s FOR TABLE",
	    pg_doctor_name(d, name));
	add_tables(d, &b);
	(void)leat_buf_add_str(&b, ";");
	if (mode == PG_PUBLICATION_DISABLED)
		pg_bad(d, "publication", leat_buf_cstr(&b), "'%s' does not "
		    "exist, and publication.autocreate.mode is disabled",
		    name);
	else if (mode == PG_PUBLICATION_ALL_TABLES && !super)
		pg_bad(d, "publication", leat_buf_cstr(&b), "'%s' does not "
		    "exist, and only a superuser may create one FOR ALL "
		    "TABLES", name);
	else if (!super && (!may_create ||
	    (mode == PG_PUBLICATION_FILTERED && !owns)))
		pg_bad(d, "publication", leat_buf_cstr(&b), "'%s' does not "
		    "exist, and '%s' may not create it: %s", name,
		    PQuser(d->sql.pg), may_create ? "it does not own all "
		    "captured tables" : "it has no CREATE in the database");
	else
		pg_good(d, "publication", "'%s' is created at the first start",
		    name);
	leat_buf_fini(&b);
}

/* A publication may leave out kinds of changes. */
static void
judge_kinds(struct pg_doctor *d, const PGresult *res)
{
	static const char *const kinds[] = { "insert", "update", "delete" };
	char cure[SQL_NAME_MAX * 2];
	char missing[64] = "";

	for (int i = 0; i < 3; i++)
		if (pg_cell(res, 0, 1 + i)[0] != 't')
			(void)snprintf(missing + strlen(missing),
			    sizeof(missing) - strlen(missing), " %s",
			    kinds[i]);
	if (missing[0] == '\0')
		return;
	(void)snprintf(cure, sizeof(cure), "ALTER PUBLICATION %s SET (publish "
	    "= 'insert, update, delete, truncate');",
	    pg_doctor_name(d, d->cfg->publication));
	pg_warning(d, "publication", cure, "'%s' leaves out:%s",
	    d->cfg->publication, missing);
}

/* Captured tables that it does not have. */
static int
judge_members(struct pg_doctor *d, struct leat_err *err)
{
	const char *name = d->cfg->publication;
	struct pg_tables published;
	struct leat_buf b;
	uint32_t missing = 0;
	int rc = pg_catalog_published(&d->sql, &d->filters, name, &d->arena,
	    &published, err);

	if (rc < 0)
		return rc;
	leat_buf_init(&b, CURE_MAX);
	(void)leat_buf_printf(&b, "ALTER PUBLICATION %s ADD TABLE",
	    pg_doctor_name(d, name));
	for (uint32_t i = 0; i < d->tables.len; i++) {
		const struct pg_table *t = &d->tables.items[i];
		int there = t->kind == 'p' || t->is_partition;

		for (uint32_t j = 0; j < published.len && !there; j++)
			there = published.items[j].oid == t->oid;
		if (!there)
			(void)leat_buf_printf(&b, "%s%s",
			    missing++ == 0 ? " " : ", ",
			    pg_doctor_table(d, t->schema, t->name));
	}
	(void)leat_buf_add_byte(&b, ';');
	if (missing == 0)
		pg_good(d, "publication", "'%s' has the captured tables",
		    name);
	else if (d->cfg->publication_mode == PG_PUBLICATION_FILTERED)
		pg_note(d, "publication", NULL, "'%s' lacks %u captured "
		    "tables; they are added at the start", name, missing);
	else
		pg_bad(d, "publication", leat_buf_cstr(&b), "'%s' lacks %u "
		    "captured tables, whose changes are not sent", name,
		    missing);
	leat_buf_fini(&b);
	return 0;
}

static int
judge_publication(struct pg_doctor *d, const PGresult *res,
    struct leat_err *err)
{
	if (pg_cell(res, 0, 0)[0] == 't') {
		pg_warning(d, "publication", NULL, "'%s' is FOR ALL TABLES: "
		    "every table without a key, captured or not, refuses "
		    "UPDATE and DELETE", d->cfg->publication);
		judge_kinds(d, res);
		return 0;
	}
	judge_kinds(d, res);
	return judge_members(d, err);
}

/* May the role create the publication, is it superuser, owns it the tables? */
static int
read_rights(struct pg_doctor *d, PGresult **ret, struct leat_err *err)
{
	struct leat_buf oids;
	const char *params[1];
	int rc;

	leat_buf_init(&oids, CURE_MAX);
	(void)leat_buf_add_byte(&oids, '{');
	for (uint32_t i = 0; i < d->tables.len; i++)
		(void)leat_buf_printf(&oids, "%s%u", i == 0 ? "" : ",",
		    d->tables.items[i].oid);
	(void)leat_buf_add_byte(&oids, '}');
	params[0] = leat_buf_cstr(&oids);
	rc = pg_query(&d->sql, ret, err, "SELECT"
	    " has_database_privilege(current_database(), 'CREATE'),"
	    " (SELECT rolsuper FROM pg_catalog.pg_roles"
	    "  WHERE rolname = current_user),"
	    " NOT EXISTS (SELECT 1 FROM pg_catalog.pg_class c"
	    "  WHERE c.oid = ANY ($1::oid[])"
	    "  AND NOT pg_has_role(c.relowner, 'USAGE'))", 1, params);
	leat_buf_fini(&oids);
	return rc;
}

int
pg_doctor_publication(struct pg_doctor *d, struct leat_err *err)
{
	const char *params[1] = { d->cfg->publication };
	PGresult *res = NULL, *rights = NULL;
	int rc = pg_query(&d->sql, &res, err, "SELECT puballtables, pubinsert,"
	    " pubupdate, pubdelete FROM pg_catalog.pg_publication"
	    " WHERE pubname = $1", 1, params);

	if (rc < 0)
		return rc;
	if (PQntuples(res) > 0) {
		rc = judge_publication(d, res, err);
	} else {
		rc = read_rights(d, &rights, err);
		if (rc == 0)
			judge_missing(d, rights);
	}
	PQclear(rights);
	PQclear(res);
	return rc;
}

/* ------------------------------------------------------------------- slots */

/* The columns of the list of slots. */
enum {
	SLOT_NAME,
	SLOT_PLUGIN,
	SLOT_DATABASE,
	SLOT_ACTIVE,
	SLOT_PID,
	SLOT_STATUS,
	SLOT_BYTES,
	SLOT_PRETTY
};

static void
judge_own(struct pg_doctor *d, const PGresult *res, int row)
{
	const char *name = d->cfg->slot;
	const char *status = pg_cell(res, row, SLOT_STATUS);
	char drop[SQL_NAME_MAX];

	(void)snprintf(drop, sizeof(drop),
	    "SELECT pg_drop_replication_slot('%s');", name);
	if (strcmp(pg_cell(res, row, SLOT_PLUGIN), "pgoutput") != 0)
		pg_bad(d, "slot", drop, "'%s' exists with plug-in '%s', not "
		    "pgoutput: give slot.name another name, or drop it", name,
		    pg_cell(res, row, SLOT_PLUGIN));
	else if (strcmp(pg_cell(res, row, SLOT_DATABASE),
	    PQdb(d->sql.pg)) != 0)
		pg_bad(d, "slot", NULL, "'%s' is of database '%s': give "
		    "slot.name another name", name,
		    pg_cell(res, row, SLOT_DATABASE));
	else if (strcmp(status, "lost") == 0)
		pg_bad(d, "slot", drop, "'%s' is lost: the server removed the "
		    "log that it needed; drop it and take a new snapshot",
		    name);
	else if (pg_cell(res, row, SLOT_ACTIVE)[0] == 't')
		pg_note(d, "slot", NULL, "'%s' is in use by process %s, "
		    "retains %s (%s)", name, pg_cell(res, row, SLOT_PID),
		    pg_cell(res, row, SLOT_PRETTY), status);
	else
		pg_good(d, "slot", "'%s' exists, retains %s (%s)", name,
		    pg_cell(res, row, SLOT_PRETTY), status);
}

static void
judge_other(struct pg_doctor *d, const PGresult *res, int row)
{
	char drop[SQL_NAME_MAX];

	if (pg_cell(res, row, SLOT_ACTIVE)[0] == 't' ||
	    pg_cell_i64(res, row, SLOT_BYTES) < (INT64_C(1) << 30))
		return;
	(void)snprintf(drop, sizeof(drop),
	    "SELECT pg_drop_replication_slot('%.63s');  -- if nobody needs it",
	    pg_cell(res, row, SLOT_NAME));
	pg_warning(d, "other slots", drop, "nobody reads slot '%s', and it "
	    "retains %s of log", pg_cell(res, row, SLOT_NAME),
	    pg_cell(res, row, SLOT_PRETTY));
}

/* Is there a free one of a thing whose number is limited? */
static void
judge_room(struct pg_doctor *d, const char *what, const char *name,
    int64_t used, int64_t most, int64_t wanted)
{
	char cure[SQL_NAME_MAX];

	(void)snprintf(cure, sizeof(cure),
	    "ALTER SYSTEM SET %s = %lld;  -- then restart the server", name,
	    (long long)most + 10);
	if (most - used < wanted)
		pg_bad(d, name, cure, "%lld of %lld %s are used, a snapshot "
		    "and the stream need %lld", (long long)used,
		    (long long)most, what, (long long)wanted);
	else
		pg_good(d, name, "%lld of %lld %s are used", (long long)used,
		    (long long)most, what);
}

static int
count_room(struct pg_doctor *d, int64_t slots, int exists,
    struct leat_err *err)
{
	PGresult *res = NULL;
	int rc = pg_query(&d->sql, &res, err,
	    "SELECT current_setting('max_replication_slots')::int,"
	    " current_setting('max_wal_senders')::int,"
	    " (SELECT count(*) FROM pg_catalog.pg_stat_replication)", 0, NULL);

	if (rc < 0)
		return rc;
	/* Over an existing slot a snapshot needs a second one for a moment. */
	judge_room(d, "slots", "max_replication_slots", slots,
	    pg_cell_i64(res, 0, 0), 1);
	judge_room(d, "walsenders", "max_wal_senders", pg_cell_i64(res, 0, 2),
	    pg_cell_i64(res, 0, 1), exists ? 1 : 2);
	PQclear(res);
	return 0;
}

int
pg_doctor_slots(struct pg_doctor *d, struct leat_err *err)
{
	const char *sql = d->sql.version >= 130000 ?
	    "SELECT slot_name, coalesce(plugin, ''), coalesce(database, ''),"
	    " active, active_pid, coalesce(wal_status, 'lost'),"
	    " coalesce(b.n, 0)::int8, pg_size_pretty(coalesce(b.n, 0))"
	    " FROM pg_catalog.pg_replication_slots s, LATERAL (SELECT"
	    " pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery()"
	    " THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END,"
	    " s.restart_lsn) AS n) b ORDER BY slot_name" :
	    "SELECT slot_name, coalesce(plugin, ''), coalesce(database, ''),"
	    " active, active_pid, 'kept',"
	    " coalesce(b.n, 0)::int8, pg_size_pretty(coalesce(b.n, 0))"
	    " FROM pg_catalog.pg_replication_slots s, LATERAL (SELECT"
	    " pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn) AS n) b"
	    " ORDER BY slot_name";
	PGresult *res = NULL;
	int exists = 0, rc = pg_query(&d->sql, &res, err, sql, 0, NULL);

	if (rc < 0)
		return rc;
	for (int i = 0; i < PQntuples(res); i++) {
		if (strcmp(pg_cell(res, i, SLOT_NAME), d->cfg->slot) == 0) {
			exists = 1;
			judge_own(d, res, i);
		} else {
			judge_other(d, res, i);
		}
	}
	if (!exists)
		pg_good(d, "slot", "'%s' is created at the first start",
		    d->cfg->slot);
	rc = count_room(d, PQntuples(res), exists, err);
	PQclear(res);
	return rc;
}
