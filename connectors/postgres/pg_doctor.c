/* SPDX-License-Identifier: Apache-2.0 */
#include "pg_doctor.h"

#include <stdio.h>
#include <string.h>

enum {
	DOCTOR_CHUNK = 64 * 1024,
	DOCTOR_MEMORY = 64 * 1024 * 1024,
	NAME_BYTES = 1024	/* of a schema and a table, quoted */
};

/* What was written, kept; `plain` where there is no memory for it. */
static const char *
keep_name(struct pg_doctor *d, struct leat_buf *b, const char *plain)
{
	const char *text = leat_buf_cstr(b);
	const char *kept = text == NULL ? NULL :
	    leat_arena_strdup(&d->arena, text);

	leat_buf_fini(b);
	return kept == NULL ? plain : kept;
}

const char *
pg_doctor_name(struct pg_doctor *d, const char *name)
{
	struct leat_buf b;

	leat_buf_init(&b, NAME_BYTES);
	pg_add_identifier(&d->sql, &b, name);
	return keep_name(d, &b, name);
}

const char *
pg_doctor_table(struct pg_doctor *d, const char *schema, const char *table)
{
	struct leat_buf b;

	leat_buf_init(&b, NAME_BYTES);
	pg_add_table(&d->sql, &b, schema, table);
	return keep_name(d, &b, table);
}

/* What pg_hba.conf must allow, as far as the failure tells. */
static void
no_connection(struct pg_doctor *d, const char *subject,
    const struct leat_err *err)
{
	const struct pg_config *cfg = d->cfg;
	char line[512];
	int hba = strcmp(err->sqlstate, "28000") == 0 &&
	    strstr(err->text, "pg_hba") != NULL;

	(void)snprintf(line, sizeof(line),
	    "-- in pg_hba.conf, then SELECT pg_reload_conf();\n"
	    "-- (a logical replication connection needs a line for its "
	    "database)\n"
	    "host  %s  %s  <address of this machine>/32  scram-sha-256",
	    cfg->dbname == NULL ? "<database>" : cfg->dbname,
	    cfg->user == NULL ? "<role>" : cfg->user);
	pg_bad(d, subject, hba ? line : NULL, "%s", err->text);
}

/* The connection that the stream needs; it finds its own way in pg_hba.conf. */
static void
examine_replication(struct pg_doctor *d)
{
	struct leat_err err = LEAT_ERR_INIT;
	PGresult *res = NULL;

	if (pg_conn_open(&d->repl, d->task, d->cfg, PG_CONN_REPLICATION,
	    &err) < 0) {
		no_connection(d, "replication connection", &err);
		return;
	}
	if (pg_query(&d->repl, &res, &err, "IDENTIFY_SYSTEM", 0, NULL) < 0 ||
	    PQntuples(res) != 1)
		pg_bad(d, "replication connection", NULL, "%s", err.text);
	else
		pg_good(d, "replication connection", "cluster %s, timeline %s, "
		    "at %s", pg_cell(res, 0, 0), pg_cell(res, 0, 1),
		    pg_cell(res, 0, 2));
	PQclear(res);
}

static void
examine_parts(struct pg_doctor *d)
{
	static int (*const parts[])(struct pg_doctor *, struct leat_err *) = {
		pg_doctor_server,
		pg_doctor_activity,
		pg_doctor_tables,
		pg_doctor_publication,
		pg_doctor_slots,
	};
	struct leat_err err = LEAT_ERR_INIT;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) &&
	    pg_conn_ok(&d->sql); i++) {
		leat_err_clear(&err);
		if (parts[i](d, &err) < 0)
			pg_bad(d, "examination", NULL, "%s", err.text);
	}
}

int32_t
pg_examine(struct leat_task *t, const void *config, struct leat_err *err)
{
	struct pg_doctor d = { .task = t, .cfg = config };
	struct leat_err why = LEAT_ERR_INIT;
	int rc = pg_filters_init(&d.filters, d.cfg, err);

	if (rc < 0)
		return rc;
	leat_arena_init(&d.arena, DOCTOR_CHUNK, DOCTOR_MEMORY);
	if (pg_conn_open(&d.sql, t, d.cfg, PG_CONN_SQL, &why) < 0) {
		no_connection(&d, "connection", &why);
	} else {
		examine_parts(&d);
		examine_replication(&d);
	}
	pg_conn_close(&d.repl);
	pg_conn_close(&d.sql);
	pg_filters_fini(&d.filters);
	leat_arena_fini(&d.arena);
	return 0;
}
