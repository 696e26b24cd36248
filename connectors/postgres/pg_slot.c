/* SPDX-License-Identifier: Apache-2.0 */
#include "pg_slot.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <leat/buf.h>

enum { SQL_MAX = 16 * 1024 * 1024 };

static void
add_identifier(struct pg_conn *c, struct leat_buf *b, const char *name)
{
	char *q = PQescapeIdentifier(c->pg, name, strlen(name));

	if (q == NULL)
		b->failed = true;
	else
		(void)leat_buf_add_str(b, q);
	PQfreemem(q);
}

static int
run_sql(struct pg_conn *c, struct leat_buf *b, const char *what,
    struct leat_err *err)
{
	const char *sql = leat_buf_cstr(b);
	int rc;

	if (sql == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "%s: out of memory", what);
	rc = pg_query(c, NULL, err, sql, 0, NULL);
	if (rc < 0 && err != NULL && strcmp(err->sqlstate, "42501") == 0)
		return leat_err_wrap(err, "%s, with the rights of the tables' "
		    "owner: %.200s", what, sql);
	return rc < 0 ? leat_err_wrap(err, "%s", what) : 0;
}

/* ------------------------------------------------------------- publication */

/* A partition comes with its root: is that among the tables? */
static int
has_root_among(const struct pg_tables *tables, const struct pg_table *t)
{
	for (uint32_t i = 0; t->root != NULL && i < tables->len; i++) {
		const struct pg_table *p = &tables->items[i];
		size_t n = strlen(p->schema);

		if (p->kind == 'p' && strncmp(t->root, p->schema, n) == 0 &&
		    t->root[n] == '.' && strcmp(t->root + n + 1, p->name) == 0)
			return 1;
	}
	return 0;
}

static uint32_t
add_tables(struct pg_conn *c, struct leat_buf *b,
    const struct pg_tables *tables, const uint8_t *skip)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < tables->len; i++) {
		const struct pg_table *t = &tables->items[i];

		if ((skip != NULL && skip[i]) || has_root_among(tables, t))
			continue;
		(void)leat_buf_add_str(b, n++ == 0 ? " " : ", ");
		add_identifier(c, b, t->schema);
		(void)leat_buf_add_byte(b, '.');
		add_identifier(c, b, t->name);
	}
	return n;
}

static int
create_publication(struct pg_conn *c, const struct pg_config *cfg,
    const struct pg_tables *tables, struct leat_err *err)
{
	struct leat_buf b;
	int rc;

	leat_buf_init(&b, SQL_MAX);
	(void)leat_buf_add_str(&b, "CREATE PUBLICATION ");
	add_identifier(c, &b, cfg->publication);
	if (cfg->publication_mode == PG_PUBLICATION_ALL_TABLES) {
		(void)leat_buf_add_str(&b, " FOR ALL TABLES");
	} else if (cfg->publication_mode == PG_PUBLICATION_FILTERED) {
		(void)leat_buf_add_str(&b, " FOR TABLE");
		(void)add_tables(c, &b, tables, NULL);
	}
	if (cfg->publish_via_root && c->version >= 130000)
		(void)leat_buf_add_str(&b,
		    " WITH (publish_via_partition_root = true)");
	rc = run_sql(c, &b, "create the publication", err);
	leat_buf_fini(&b);
	if (rc == 0)
		leat_log_notice(c->task, "publication created", "name=%s",
		    cfg->publication);
	return rc;
}

static int
alter_publication(struct pg_conn *c, const struct pg_config *cfg,
    const char *verb, const struct pg_tables *tables, const uint8_t *skip,
    struct leat_err *err)
{
	struct leat_buf b;
	int rc = 0;

	leat_buf_init(&b, SQL_MAX);
	(void)leat_buf_add_str(&b, "ALTER PUBLICATION ");
	add_identifier(c, &b, cfg->publication);
	(void)leat_buf_printf(&b, " %s TABLE", verb);
	if (add_tables(c, &b, tables, skip) > 0) {
		rc = run_sql(c, &b, "adjust the publication", err);
		if (rc == 0)
			leat_log_notice(c->task, "publication changed",
			    "sql=\"%s\"", leat_buf_cstr(&b));
	}
	leat_buf_fini(&b);
	return rc;
}

/* The tables of the publication itself, as members[oid] text. */
static int
read_members(struct pg_conn *c, const char *name, PGresult **ret,
    struct leat_err *err)
{
	const char *params[1] = { name };

	return pg_query(c, ret, err,
	    "SELECT r.prrelid, n.nspname, c.relname"
	    " FROM pg_catalog.pg_publication p"
	    " JOIN pg_catalog.pg_publication_rel r ON r.prpubid = p.oid"
	    " JOIN pg_catalog.pg_class c ON c.oid = r.prrelid"
	    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
	    " WHERE p.pubname = $1", 1, params);
}

static int
is_member(const PGresult *members, uint32_t oid)
{
	for (int i = 0; i < PQntuples(members); i++)
		if ((uint32_t)pg_cell_i64(members, i, 0) == oid)
			return 1;
	return 0;
}

/* Members that are not wanted any more, as a list of tables. */
static int
drop_strangers(struct pg_conn *c, const struct pg_config *cfg,
    const struct pg_tables *tables, const PGresult *members,
    struct leat_arena *a, struct leat_err *err)
{
	struct pg_tables out = { 0 };

	out.items = leat_arena_calloc(a, (size_t)PQntuples(members),
	    sizeof(*out.items));
	if (out.items == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	for (int i = 0; i < PQntuples(members); i++) {
		uint32_t oid = (uint32_t)pg_cell_i64(members, i, 0);
		int wanted = 0;

		for (uint32_t j = 0; j < tables->len && !wanted; j++)
			wanted = tables->items[j].oid == oid;
		if (wanted)
			continue;
		out.items[out.len].schema = pg_cell(members, i, 1);
		out.items[out.len].name = pg_cell(members, i, 2);
		out.len++;
	}
	return out.len == 0 ? 0 : alter_publication(c, cfg, "DROP", &out, NULL,
	    err);
}

/* filtered: the publication gets exactly the captured tables. */
static int
sync_publication(struct pg_conn *c, const struct pg_config *cfg,
    const struct pg_tables *tables, struct leat_err *err)
{
	PGresult *members = NULL;
	struct leat_arena a;
	uint8_t *skip;
	int rc = read_members(c, cfg->publication, &members, err);

	if (rc < 0)
		return rc;
	leat_arena_init(&a, 4096, SQL_MAX);
	skip = leat_arena_calloc(&a, tables->len, 1);
	if (skip == NULL) {
		rc = leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
		goto done;
	}
	for (uint32_t i = 0; i < tables->len; i++)
		skip[i] = (uint8_t)is_member(members, tables->items[i].oid);
	rc = alter_publication(c, cfg, "ADD", tables, skip, err);
	if (rc == 0)
		rc = drop_strangers(c, cfg, tables, members, &a, err);
done:
	leat_arena_fini(&a);
	PQclear(members);
	return rc;
}

static int
existing_publication(struct pg_conn *c, const struct pg_config *cfg,
    const struct pg_tables *tables, const PGresult *res, struct leat_err *err)
{
	int all_tables = pg_cell(res, 0, 0)[0] == 't';
	int schemas = pg_cell_i64(res, 0, 4) > 0;

	if (pg_cell(res, 0, 1)[0] != 't' || pg_cell(res, 0, 2)[0] != 't' ||
	    pg_cell(res, 0, 3)[0] != 't')
		leat_log_warn(c->task, "the publication leaves operations out",
		    "name=%s insert=%s update=%s delete=%s", cfg->publication,
		    pg_cell(res, 0, 1), pg_cell(res, 0, 2), pg_cell(res, 0, 3));
	if (cfg->publication_mode != PG_PUBLICATION_FILTERED)
		return 0;
	if (all_tables || schemas) {
		leat_log_info(c->task, "publication used as it is",
		    "name=%s tables=\"%s\"", cfg->publication,
		    all_tables ? "all" : "by schema");
		return 0;
	}
	return sync_publication(c, cfg, tables, err);
}

int
pg_publication_ensure(struct pg_conn *c, const struct pg_config *cfg,
    const struct pg_tables *tables, struct leat_err *err)
{
	const char *params[1] = { cfg->publication };
	PGresult *res = NULL;
	int rc = pg_query(c, &res, err, c->version >= 150000 ?
	    "SELECT puballtables, pubinsert, pubupdate, pubdelete,"
	    " (SELECT count(*) FROM pg_catalog.pg_publication_namespace n"
	    "  WHERE n.pnpubid = p.oid)"
	    " FROM pg_catalog.pg_publication p WHERE pubname = $1" :
	    "SELECT puballtables, pubinsert, pubupdate, pubdelete, 0"
	    " FROM pg_catalog.pg_publication WHERE pubname = $1", 1, params);

	if (rc < 0)
		return leat_err_wrap(err, "look up the publication");
	if (PQntuples(res) > 0)
		rc = existing_publication(c, cfg, tables, res, err);
	else if (cfg->publication_mode == PG_PUBLICATION_DISABLED)
		rc = leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "publication '%s' does not exist and "
		    "publication.autocreate.mode is disabled: CREATE "
		    "PUBLICATION \"%s\" FOR TABLE ...;", cfg->publication,
		    cfg->publication);
	else
		rc = create_publication(c, cfg, tables, err);
	PQclear(res);
	return rc;
}

/* -------------------------------------------------------------------- slot */

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
	    "  WHERE backend_xid IS NOT NULL), %s"
	    " FROM pg_catalog.pg_replication_slots WHERE slot_name = $1",
	    version >= 130000 ? "wal_status" : "''",
	    version >= 170000 ? "invalidation_reason, failover" :
	    "NULL::text, false");
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
	add_identifier(repl, &b, name);
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
