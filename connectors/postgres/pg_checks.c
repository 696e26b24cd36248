/* SPDX-License-Identifier: Apache-2.0 */
#include "pg_checks.h"

#include <stdio.h>
#include <string.h>

#include <leat/buf.h>
#include <leat/str.h>

#include "pg_identity.h"

static int
config_error(struct leat_err *err, const char *text)
{
	return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG, "%s", text);
}

static int
check_rights(const struct pg_conn *c, const PGresult *res,
    struct leat_err *err)
{
	const char *role = pg_cell(res, 0, 4);
	struct leat_buf b;
	int rc;

	if (pg_cell(res, 0, 2)[0] == 't' || pg_cell(res, 0, 3)[0] == 't')
		return 0;
	leat_buf_init(&b, 1024);
	pg_add_identifier(c, &b, role);
	rc = leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
	    "role '%s' may not replicate: ALTER ROLE %s REPLICATION;", role,
	    leat_buf_cstr(&b) == NULL ? "?" : leat_buf_cstr(&b));
	leat_buf_fini(&b);
	return rc;
}

static int
check_settings(const struct pg_conn *c, const PGresult *res,
    struct leat_err *err)
{
	const char *level = pg_cell(res, 0, 0);

	if (strcmp(level, "logical") != 0)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "wal_level is '%s', logical decoding needs 'logical': "
		    "ALTER SYSTEM SET wal_level = logical; then restart the "
		    "server", level);
	if (pg_cell(res, 0, 1)[0] == 't' && c->version < 160000)
		return config_error(err, "the server is a standby, and logical "
		    "decoding on a standby needs PostgreSQL 16: connect to the "
		    "primary");
	return check_rights(c, res, err);
}

int
pg_check_server(struct pg_conn *c, struct pg_server *ret,
    struct leat_err *err)
{
	PGresult *res = NULL;
	int64_t timeout = 0;
	int rc;

	if (c->version < 100000)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "the server is PostgreSQL %d.%d, pgoutput needs 10 or "
		    "newer",
		    c->version / 10000, c->version / 100 % 100);
	rc = pg_query(c, &res, err,
	    "SELECT current_setting('wal_level'), pg_is_in_recovery(),"
	    " r.rolreplication OR r.rolsuper,"
	    " EXISTS (SELECT 1 FROM pg_catalog.pg_roles p WHERE p.rolname IN"
	    "  ('rds_replication', 'rds_superuser')"
	    "  AND pg_has_role(p.oid, 'USAGE')),"
	    " current_user, current_database(),"
	    " (SELECT setting FROM pg_catalog.pg_settings"
	    "  WHERE name = 'wal_sender_timeout')"
	    " FROM pg_catalog.pg_roles r WHERE r.rolname = current_user", 0,
	    NULL);
	if (rc < 0)
		return leat_err_wrap(err, "check the server");
	if (PQntuples(res) != 1)
		rc = config_error(err, "the role of the connection is unknown "
		    "to the server");
	else
		rc = check_settings(c, res, err);
	if (rc == 0) {
		(void)snprintf(ret->db, sizeof(ret->db), "%s",
		    pg_cell(res, 0, 5));
		(void)leat_parse_i64(leat_str_c(pg_cell(res, 0, 6)), 0,
		    INT32_MAX, &timeout);
		ret->wal_sender_timeout_ms = timeout;
	}
	PQclear(res);
	return rc;
}

int
pg_check_system(struct pg_conn *repl, struct pg_server *srv,
    struct leat_err *err)
{
	PGresult *res = NULL;
	int rc = pg_query(repl, &res, err, "IDENTIFY_SYSTEM", 0, NULL);

	if (rc < 0)
		return rc;
	if (PQntuples(res) == 1) {
		(void)snprintf(srv->system_id, sizeof(srv->system_id), "%.23s",
		    pg_cell(res, 0, 0));
		srv->timeline = (uint32_t)pg_cell_i64(res, 0, 1);
		srv->log_end = pg_lsn_parse(pg_cell(res, 0, 2));
	}
	PQclear(res);
	return 0;
}

/* ------------------------------------------------------------------ tables */

/* "GRANT USAGE ON SCHEMA s TO r; GRANT SELECT ON " */
static void
add_usage(const struct pg_conn *c, struct leat_buf *b, const char *schema,
    const char *role)
{
	(void)leat_buf_add_str(b, "GRANT USAGE ON SCHEMA ");
	pg_add_identifier(c, b, schema);
	(void)leat_buf_add_str(b, " TO ");
	pg_add_identifier(c, b, role);
	(void)leat_buf_add_str(b, "; GRANT SELECT ON ");
}

static int
check_select(struct pg_conn *c, const struct pg_tables *tables,
    struct leat_err *err)
{
	const char *role = PQuser(c->pg);
	struct leat_buf b;
	uint32_t n = 0;
	int rc;

	leat_buf_init(&b, 1u << 20);
	for (uint32_t i = 0; i < tables->len; i++) {
		const struct pg_table *t = &tables->items[i];

		if (t->can_select)
			continue;
		if (n++ == 0)
			add_usage(c, &b, t->schema, role);
		else
			(void)leat_buf_add_str(&b, ", ");
		pg_add_table(c, &b, t->schema, t->name);
	}
	if (n == 0) {
		leat_buf_fini(&b);
		return 0;
	}
	(void)leat_buf_add_str(&b, " TO ");
	pg_add_identifier(c, &b, role);
	(void)leat_buf_add_byte(&b, ';');
	rc = leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
	    "role '%s' may not read %u of the tables: %s", role, n,
	    leat_buf_cstr(&b) == NULL ? "?" : leat_buf_cstr(&b));
	leat_buf_fini(&b);
	return rc;
}

/* A published table without an identity refuses UPDATE and DELETE. */
static void
warn_identity(struct pg_conn *c, const struct pg_tables *tables)
{
	for (uint32_t i = 0; i < tables->len; i++) {
		const struct pg_table *t = &tables->items[i];

		if (t->identity == 'n' ||
		    (t->identity == 'd' && !t->has_pk))
			leat_log_warn(c->task, "the table has no replica "
			    "identity, its UPDATE and DELETE will fail while "
			    "it is published", "table=%s.%s "
			    "try=\"ALTER TABLE \\\"%s\\\".\\\"%s\\\" REPLICA "
			    "IDENTITY FULL;\"", t->schema, t->name, t->schema,
			    t->name);
	}
}

static int
no_tables(const struct pg_config *cfg, const struct pg_tables *tables,
    const char *db, struct leat_err *err)
{
	if (cfg->table_include.len > 0)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "table.include.list: none of the %u tables of database "
		    "'%s' matches '%s'%s; names are written schema.table",
		    tables->seen, db, cfg->table_include.items[0],
		    cfg->table_include.len > 1 ? ", ..." : "");
	return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
	    "no table to capture: database '%s' has %u tables, and the include "
	    "and exclude lists leave none", db, tables->seen);
}

/* guardrail.collections.max */
static int
check_number(struct pg_conn *c, const struct pg_config *cfg,
    const struct pg_tables *tables, struct leat_err *err)
{
	if (cfg->guard_tables == 0 || tables->len <= cfg->guard_tables)
		return 0;
	if (cfg->guard_action == PG_GUARD_FAIL)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_LIMIT,
		    "guardrail.collections.max: %u tables would be captured, "
		    "%lld are allowed; narrow table.include.list",
		    tables->len, (long long)cfg->guard_tables);
	leat_log_warn(c->task, "more tables than guardrail.collections.max",
	    "tables=%u max=%lld", tables->len, (long long)cfg->guard_tables);
	return 0;
}

int
pg_check_tables(struct pg_conn *c, const struct pg_config *cfg,
    struct pg_tables *tables, int need_select, struct leat_err *err)
{
	int rc;

	if (tables->len == 0) {
		rc = no_tables(cfg, tables, PQdb(c->pg), err);
		/* Tables may come later where others make the publication. */
		if (cfg->publication_mode == PG_PUBLICATION_FILTERED)
			return rc;
		leat_log_warn(c->task, "no table to capture yet",
		    "reason=\"%s\"", err == NULL ? "" : err->text);
		leat_err_clear(err);
		return 0;
	}
	rc = check_number(c, cfg, tables, err);
	if (rc == 0)
		rc = pg_identity_apply(c, cfg, tables, err);
	if (rc < 0)
		return rc;
	warn_identity(c, tables);
	return need_select ? check_select(c, tables, err) : 0;
}
