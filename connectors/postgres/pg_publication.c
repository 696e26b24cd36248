/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_publication.c: the publication, made and kept as
 * publication.autocreate.mode says; see pg_slot.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <leat/buf.h>
#include <leat/map.h>

#include "pg_slot.h"

enum { SQL_MAX = 16 * 1024 * 1024 };

/* Columns of the query for an existing publication. */
enum {
	COL_ALL_TABLES,
	COL_INSERT,
	COL_UPDATE,
	COL_DELETE,
	COL_TRUNCATE,
	COL_VIA_ROOT,
	COL_SCHEMAS
};

static int
no_memory(struct leat_err *err)
{
	return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
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
	if (rc < 0 && err != NULL && strcmp(err->sqlstate, "25006") == 0) {
		err->cls = LEAT_CLS_CONFIG;
		return leat_err_wrap(err, "%s, which a standby or a read-only "
		    "session cannot: run it on the primary and set "
		    "publication.autocreate.mode=disabled: %.200s", what, sql);
	}
	return rc < 0 ? leat_err_wrap(err, "%s", what) : 0;
}

/* ----------------------------------------------------------------- options */

/*
 * The operations to publish, when skipped.operations says so; otherwise all of
 * them are, as another reader of the publication might want them.
 */
static void
add_publish(struct leat_buf *b, const struct pg_config *cfg, int version)
{
	static const struct {
		int32_t bit;
		int since;
		const char *word;
	} rows[] = {
		{ PG_SKIP_CREATE, 0, "insert" },
		{ PG_SKIP_UPDATE, 0, "update" },
		{ PG_SKIP_DELETE, 0, "delete" },
		{ PG_SKIP_TRUNCATE, 110000, "truncate" },
	};
	int32_t skipped = pg_config_skipped(cfg, NULL);
	const char *comma = "";

	(void)leat_buf_add_str(b, "publish = '");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if ((skipped & rows[i].bit) != 0 || version < rows[i].since)
			continue;
		(void)leat_buf_printf(b, "%s%s", comma, rows[i].word);
		comma = ", ";
	}
	(void)leat_buf_add_byte(b, '\'');
}

static void
add_options(struct leat_buf *b, const struct pg_config *cfg, int version)
{
	int root = cfg->publish_via_root && version >= 130000;

	if (!root && cfg->skipped.len == 0)
		return;
	(void)leat_buf_add_str(b, " WITH (");
	if (root)
		(void)leat_buf_add_str(b, "publish_via_partition_root = true");
	if (root && cfg->skipped.len > 0)
		(void)leat_buf_add(b, ", ", 2);
	if (cfg->skipped.len > 0)
		add_publish(b, cfg, version);
	(void)leat_buf_add_byte(b, ')');
}

/* ------------------------------------------------------------------ tables */

static int
add_oid(struct leat_map *set, uint32_t oid)
{
	struct leat_str key = { (const char *)&oid, sizeof(oid) };

	return leat_map_set(set, key, set, NULL);
}

static int
has_oid(const struct leat_map *set, uint32_t oid)
{
	struct leat_str key = { (const char *)&oid, sizeof(oid) };

	return leat_map_get(set, key) != NULL;
}

/* Partitioned tables among these, as "schema.table". */
static int
list_roots(const struct pg_tables *tables, struct leat_map *ret_roots)
{
	int rc = 0;

	for (uint32_t i = 0; i < tables->len && rc == 0; i++) {
		const struct pg_table *t = &tables->items[i];
		char name[256];

		if (t->kind != 'p')
			continue;
		(void)snprintf(name, sizeof(name), "%s.%s", t->schema, t->name);
		rc = leat_map_set(ret_roots, leat_str_c(name), ret_roots, NULL);
	}
	return rc;
}

/* All but those in `skip`, which may be NULL; a partition comes by its root. */
static uint32_t
add_tables(struct pg_conn *c, struct leat_buf *b,
    const struct pg_tables *tables, const struct leat_map *skip)
{
	struct leat_map roots = { 0 };
	uint32_t n = 0;

	if (list_roots(tables, &roots) < 0)
		b->failed = true;
	for (uint32_t i = 0; i < tables->len; i++) {
		const struct pg_table *t = &tables->items[i];

		if ((skip != NULL && has_oid(skip, t->oid)) ||
		    (t->root != NULL && leat_map_get_c(&roots, t->root) !=
		    NULL))
			continue;
		(void)leat_buf_add_str(b, n++ == 0 ? " " : ", ");
		pg_add_table(c, b, t->schema, t->name);
	}
	leat_map_fini(&roots);
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
	pg_add_identifier(c, &b, cfg->publication);
	if (cfg->publication_mode == PG_PUBLICATION_ALL_TABLES) {
		(void)leat_buf_add_str(&b, " FOR ALL TABLES");
	} else if (cfg->publication_mode == PG_PUBLICATION_FILTERED) {
		(void)leat_buf_add_str(&b, " FOR TABLE");
		(void)add_tables(c, &b, tables, NULL);
	}
	add_options(&b, cfg, c->version);
	rc = run_sql(c, &b, "create the publication", err);
	leat_buf_fini(&b);
	if (rc == 0)
		leat_log_notice(c->task, "publication created", "name=%s",
		    cfg->publication);
	return rc;
}

static int
alter_publication(struct pg_conn *c, const struct pg_config *cfg,
    const char *verb, const struct pg_tables *tables,
    const struct leat_map *skip, struct leat_err *err)
{
	struct leat_buf b;
	int rc = 0;

	leat_buf_init(&b, SQL_MAX);
	(void)leat_buf_add_str(&b, "ALTER PUBLICATION ");
	pg_add_identifier(c, &b, cfg->publication);
	(void)leat_buf_printf(&b, " %s TABLE", verb);
	if (add_tables(c, &b, tables, skip) > 0) {
		rc = run_sql(c, &b, "adjust the publication", err);
		if (rc == 0)
			leat_log_notice(c->task, "publication changed",
			    "sql=\"%.400s\"", leat_buf_cstr(&b));
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

/* Members that are not wanted any more, as a list of tables. */
static int
drop_strangers(struct pg_conn *c, const struct pg_config *cfg,
    const struct leat_map *wanted, const PGresult *members,
    struct leat_err *err)
{
	struct pg_tables out = { 0 };
	int n = PQntuples(members), rc;

	out.items = calloc((size_t)n + 1, sizeof(*out.items));
	if (out.items == NULL)
		return no_memory(err);
	for (int i = 0; i < n; i++) {
		if (has_oid(wanted, (uint32_t)pg_cell_i64(members, i, 0)))
			continue;
		out.items[out.len].schema = pg_cell(members, i, 1);
		out.items[out.len].name = pg_cell(members, i, 2);
		out.len++;
	}
	rc = out.len == 0 ? 0 : alter_publication(c, cfg, "DROP", &out, NULL,
	    err);
	free(out.items);
	return rc;
}

/* filtered: the publication gets exactly the captured tables. */
static int
sync_publication(struct pg_conn *c, const struct pg_config *cfg,
    const struct pg_tables *tables, struct leat_err *err)
{
	struct leat_map have = { 0 }, wanted = { 0 };
	PGresult *members = NULL;
	int failed = 0, rc = read_members(c, cfg->publication, &members, err);

	if (rc < 0)
		return rc;
	for (int i = 0; i < PQntuples(members); i++)
		failed |= add_oid(&have, (uint32_t)pg_cell_i64(members, i,
		    0)) < 0;
	for (uint32_t i = 0; i < tables->len; i++)
		failed |= add_oid(&wanted, tables->items[i].oid) < 0;
	rc = failed ? no_memory(err) : alter_publication(c, cfg, "ADD",
	    tables, &have, err);
	if (rc == 0)
		rc = drop_strangers(c, cfg, &wanted, members, err);
	leat_map_fini(&have);
	leat_map_fini(&wanted);
	PQclear(members);
	return rc;
}

static int
is_true(const PGresult *res, int col)
{
	return pg_cell(res, 0, col)[0] == 't';
}

/* Does the publication leave out what is wanted, or the other way round? */
static int
publishes_as_wanted(const struct pg_config *cfg, const PGresult *res)
{
	int32_t skipped = pg_config_skipped(cfg, NULL);

	return is_true(res, COL_INSERT) == !(skipped & PG_SKIP_CREATE) &&
	    is_true(res, COL_UPDATE) == !(skipped & PG_SKIP_UPDATE) &&
	    is_true(res, COL_DELETE) == !(skipped & PG_SKIP_DELETE) &&
	    is_true(res, COL_TRUNCATE) == !(skipped & PG_SKIP_TRUNCATE);
}

static void
warn_missing(struct pg_conn *c, const struct pg_config *cfg,
    const PGresult *res)
{
	int32_t skipped = pg_config_skipped(cfg, NULL);

	if ((is_true(res, COL_INSERT) || (skipped & PG_SKIP_CREATE)) &&
	    (is_true(res, COL_UPDATE) || (skipped & PG_SKIP_UPDATE)) &&
	    (is_true(res, COL_DELETE) || (skipped & PG_SKIP_DELETE)) &&
	    (is_true(res, COL_TRUNCATE) || (skipped & PG_SKIP_TRUNCATE)))
		return;
	leat_log_warn(c->task, "the publication leaves operations out",
	    "name=%s insert=%s update=%s delete=%s truncate=%s",
	    cfg->publication, pg_cell(res, 0, COL_INSERT),
	    pg_cell(res, 0, COL_UPDATE), pg_cell(res, 0, COL_DELETE),
	    pg_cell(res, 0, COL_TRUNCATE));
}

static int
set_publish(struct pg_conn *c, const struct pg_config *cfg,
    struct leat_err *err)
{
	struct leat_buf b;
	int rc;

	leat_buf_init(&b, SQL_MAX);
	(void)leat_buf_add_str(&b, "ALTER PUBLICATION ");
	pg_add_identifier(c, &b, cfg->publication);
	(void)leat_buf_add_str(&b, " SET (");
	add_publish(&b, cfg, c->version);
	(void)leat_buf_add_byte(&b, ')');
	rc = run_sql(c, &b, "adjust the publication", err);
	if (rc == 0)
		leat_log_notice(c->task, "publication changed", "sql=\"%s\"",
		    leat_buf_cstr(&b));
	leat_buf_fini(&b);
	return rc;
}

static void
warn_root(struct pg_conn *c, const struct pg_config *cfg, const PGresult *res)
{
	if (is_true(res, COL_VIA_ROOT) == (cfg->publish_via_root != 0))
		return;
	leat_log_warn(c->task, "the publication names partitions otherwise "
	    "than publish.via.partition.root says",
	    "name=%s try=\"ALTER PUBLICATION \\\"%s\\\" SET "
	    "(publish_via_partition_root = %s);\"", cfg->publication,
	    cfg->publication, cfg->publish_via_root ? "true" : "false");
}

static int
existing_publication(struct pg_conn *c, const struct pg_config *cfg,
    const struct pg_tables *tables, const PGresult *res, struct leat_err *err)
{
	int all_tables = is_true(res, COL_ALL_TABLES);
	int ours = cfg->publication_mode == PG_PUBLICATION_FILTERED &&
	    !all_tables && pg_cell_i64(res, 0, COL_SCHEMAS) == 0;
	int rc = 0;

	if (ours && cfg->skipped.len > 0 && !publishes_as_wanted(cfg, res))
		rc = set_publish(c, cfg, err);
	else
		warn_missing(c, cfg, res);
	warn_root(c, cfg, res);
	if (rc < 0 || ours)
		return rc < 0 ? rc : sync_publication(c, cfg, tables, err);
	if (cfg->publication_mode == PG_PUBLICATION_FILTERED)
		leat_log_info(c->task, "publication used as it is",
		    "name=%s tables=\"%s\"", cfg->publication,
		    all_tables ? "all" : "by schema");
	return 0;
}

static const char *
publication_query(int version)
{
	if (version >= 150000)
		return "SELECT puballtables, pubinsert, pubupdate, pubdelete,"
		       " pubtruncate, pubviaroot, (SELECT count(*) FROM"
		       " pg_catalog.pg_publication_namespace n"
		       "  WHERE n.pnpubid = p.oid)"
		       " FROM pg_catalog.pg_publication p WHERE pubname = $1";
	if (version >= 130000)
		return "SELECT puballtables, pubinsert, pubupdate, pubdelete,"
		       " pubtruncate, pubviaroot, 0"
		       " FROM pg_catalog.pg_publication WHERE pubname = $1";
	return "SELECT puballtables, pubinsert, pubupdate, pubdelete,"
	       " true, false, 0"
	       " FROM pg_catalog.pg_publication WHERE pubname = $1";
}

int
pg_publication_ensure(struct pg_conn *c, const struct pg_config *cfg,
    const struct pg_tables *tables, struct leat_err *err)
{
	const char *params[1] = { cfg->publication };
	PGresult *res = NULL;
	int rc = pg_query(c, &res, err, publication_query(c->version), 1,
	    params);

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
