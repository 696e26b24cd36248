/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_doctor_tables.c: the captured tables: are there any, may they be read, can
 * their changes be told.
 */
#include "pg_doctor.h"

#include <stdio.h>
#include <string.h>

#include <leat/buf.h>

enum {
	CURE_MAX = 1 << 20,
	NAMED_MAX = 20		/* tables named in one finding */
};

/* Which tables a finding is about, as SQL names. */
struct named {
	struct leat_buf names;	/* "s"."a", "s"."b" */
	struct leat_buf cure;
	uint32_t n;
};

static void
named_init(struct named *x)
{
	*x = (struct named){ 0 };
	leat_buf_init(&x->names, CURE_MAX);
	leat_buf_init(&x->cure, CURE_MAX);
}

static void
named_fini(struct named *x)
{
	leat_buf_fini(&x->names);
	leat_buf_fini(&x->cure);
}

static const char *
text_of(struct leat_buf *b)
{
	const char *s = leat_buf_cstr(b);

	return s == NULL ? "(too many to name)" : s;
}

/* One more; `before` and `after` make its line of the cure, or are NULL. */
static void
named_add(struct pg_doctor *d, struct named *x, const char *schema,
    const char *table, const char *before, const char *after)
{
	const char *name = pg_doctor_table(d, schema, table);

	if (x->n < NAMED_MAX)
		(void)leat_buf_printf(&x->names, "%s%s", x->n > 0 ? ", " : "",
		    name);
	else if (x->n == NAMED_MAX)
		(void)leat_buf_add_str(&x->names, ", ...");
	if (before != NULL)
		(void)leat_buf_printf(&x->cure, "%s%s%s%s",
		    x->n > 0 ? "\n" : "", before, name, after);
	x->n++;
}

static void
judge_found(struct pg_doctor *d)
{
	if (d->tables.len > 0)
		pg_good(d, "tables", "%u are captured", d->tables.len);
	else
		pg_bad(d, "tables", NULL, "the include and exclude lists take "
		    "none of the tables of database '%s'; names are written "
		    "schema.table", PQdb(d->sql.pg));
}

static void
judge_rights(struct pg_doctor *d)
{
	const char *role = PQuser(d->sql.pg);
	struct named x;
	char to[256];

	named_init(&x);
	(void)snprintf(to, sizeof(to), " TO %s;",
	    pg_doctor_name(d, role));
	for (uint32_t i = 0; i < d->tables.len; i++) {
		const struct pg_table *t = &d->tables.items[i];

		if (!t->can_select)
			named_add(d, &x, t->schema, t->name,
			    "GRANT SELECT ON ", to);
	}
	if (x.n > 0) {
		(void)leat_buf_printf(&x.cure, "\n-- and where the role has it "
		    "not yet: GRANT USAGE ON SCHEMA ... TO %s;",
		    pg_doctor_name(d, role));
		pg_bad(d, "rights", text_of(&x.cure), "'%s' may not read %s, "
		    "so no snapshot can be taken", role, text_of(&x.names));
	} else if (d->tables.len > 0) {
		pg_good(d, "rights", "'%s' may read the captured tables",
		    role);
	}
	named_fini(&x);
}

/* Without an identity the server refuses UPDATE and DELETE to everybody. */
static void
judge_identity(struct pg_doctor *d)
{
	struct named x;

	named_init(&x);
	for (uint32_t i = 0; i < d->tables.len; i++) {
		const struct pg_table *t = &d->tables.items[i];

		if (t->identity == 'n' || (t->identity == 'd' && !t->has_pk))
			named_add(d, &x, t->schema, t->name, "ALTER TABLE ",
			    " REPLICA IDENTITY FULL;  -- or a primary key");
	}
	if (x.n > 0)
		pg_bad(d, "replica identity", text_of(&x.cure), "%s: no key "
		    "tells which row changed; while they are published, "
		    "UPDATE and DELETE of the application fail",
		    text_of(&x.names));
	else if (d->tables.len > 0)
		pg_good(d, "replica identity", "each captured table has one");
	named_fini(&x);
}

/* What row level security hides is in the stream, and not in the snapshot. */
static int
judge_row_security(struct pg_doctor *d, struct leat_err *err)
{
	PGresult *res = NULL;
	struct named x;
	char cure[256];
	int rc = pg_query(&d->sql, &res, err, "SELECT n.nspname, c.relname"
	    " FROM pg_catalog.pg_class c"
	    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
	    " WHERE c.relkind IN ('r', 'p') AND c.relrowsecurity"
	    " AND pg_catalog.row_security_active(c.oid)"
	    " ORDER BY 1, 2", 0, NULL);

	if (rc < 0)
		return rc;
	named_init(&x);
	for (int i = 0; i < PQntuples(res); i++)
		if (pg_filters_table(&d->filters, pg_cell(res, i, 0),
		    pg_cell(res, i, 1), NULL, NULL))
			named_add(d, &x, pg_cell(res, i, 0),
			    pg_cell(res, i, 1), NULL, NULL);
	(void)snprintf(cure, sizeof(cure), "ALTER ROLE %s BYPASSRLS;",
	    pg_doctor_name(d, PQuser(d->sql.pg)));
	if (x.n > 0)
		pg_warning(d, "row security", cure, "%s: policies hide rows "
		    "from the snapshot, while the stream carries them",
		    text_of(&x.names));
	named_fini(&x);
	PQclear(res);
	return 0;
}

/* Tables that match and cannot be captured. */
static int
judge_unlogged(struct pg_doctor *d, struct leat_err *err)
{
	PGresult *res = NULL;
	struct named x;
	int rc = pg_query(&d->sql, &res, err, "SELECT n.nspname, c.relname"
	    " FROM pg_catalog.pg_class c"
	    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
	    " WHERE (c.relkind = 'f' OR c.relkind IN ('r', 'p')"
	    " AND c.relpersistence = 'u')"
	    " AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
	    " ORDER BY 1, 2", 0, NULL);

	if (rc < 0)
		return rc;
	named_init(&x);
	for (int i = 0; i < PQntuples(res); i++)
		if (pg_filters_table(&d->filters, pg_cell(res, i, 0),
		    pg_cell(res, i, 1), NULL, NULL))
			named_add(d, &x, pg_cell(res, i, 0),
			    pg_cell(res, i, 1), "ALTER TABLE ",
			    " SET LOGGED;");
	if (x.n > 0)
		pg_warning(d, "unlogged tables", text_of(&x.cure), "%s: "
		    "unlogged and foreign tables are not in the server's log, "
		    "and are not captured", text_of(&x.names));
	named_fini(&x);
	PQclear(res);
	return 0;
}

int
pg_doctor_tables(struct pg_doctor *d, struct leat_err *err)
{
	int rc = pg_catalog_captured(&d->sql, &d->filters, &d->arena,
	    &d->tables, err);

	if (rc < 0)
		return rc;
	judge_found(d);
	judge_rights(d);
	judge_identity(d);
	rc = judge_row_security(d, err);
	return rc < 0 ? rc : judge_unlogged(d, err);
}
