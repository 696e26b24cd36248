/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_config_snapshot.c: the options of snapshots against each other.
 */
#include "pg_config.h"

#include <string.h>

static int
refuse_custom(const char *option, const char *instead, struct leat_err *err)
{
	return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
	    "%s: custom names a Java class, which cannot be loaded here: %s",
	    option, instead);
}

static const char *
select_of(const struct pg_config *c, const char *table)
{
	for (uint32_t i = 0; i < c->snapshot_select_of.len; i++)
		if (strcmp(c->snapshot_select_of.items[i].key, table) == 0)
			return c->snapshot_select_of.items[i].value;
	return NULL;
}

static int
is_listed(const struct pg_config *c, const char *table)
{
	for (uint32_t i = 0; i < c->snapshot_overrides.len; i++)
		if (strcmp(c->snapshot_overrides.items[i], table) == 0)
			return 1;
	return 0;
}

/* Each listed table has its SELECT, and the other way round. */
static int
check_overrides(const struct pg_config *c, struct leat_err *err)
{
	static const char key[] = "snapshot.select.statement.overrides";

	for (uint32_t i = 0; i < c->snapshot_overrides.len; i++) {
		const char *table = c->snapshot_overrides.items[i];
		const char *sql = select_of(c, table);

		if (strchr(table, '.') == NULL)
			return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
			    "%s: '%s' is not schema.table", key, table);
		if (sql == NULL || sql[0] == '\0')
			return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
			    "%s: %s.%s, the SELECT of this table, is not set",
			    key, key, table);
	}
	for (uint32_t i = 0; i < c->snapshot_select_of.len; i++) {
		const char *table = c->snapshot_select_of.items[i].key;

		if (!is_listed(c, table))
			return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
			    "%s.%s: %s does not list this table", key, table,
			    key);
	}
	return 0;
}

static int
check_based(const struct pg_config *c, struct leat_err *err)
{
	if (c->snapshot_mode != PG_SNAPSHOT_CONFIGURATION_BASED ||
	    c->based_data || c->based_stream)
		return 0;
	return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
	    "snapshot.mode: configuration_based with neither "
	    "snapshot.mode.configuration.based.snapshot.data nor "
	    "snapshot.mode.configuration.based.start.stream does nothing");
}

int
pg_config_check_snapshot(const struct pg_config *c, struct leat_err *err)
{
	struct pg_filter f;
	int rc;

	if (c->snapshot_mode == PG_SNAPSHOT_CUSTOM)
		return refuse_custom("snapshot.mode", "configuration_based "
		    "combines what the others do", err);
	if (c->snapshot_locking == PG_LOCKING_CUSTOM)
		return refuse_custom("snapshot.locking.mode", "choose none or "
		    "shared", err);
	if (c->snapshot_query == PG_QUERY_CUSTOM)
		return refuse_custom("snapshot.query.mode",
		    "snapshot.select.statement.overrides gives each table a "
		    "SELECT", err);
	rc = check_based(c, err);
	if (rc == 0)
		rc = check_overrides(c, err);
	if (rc < 0)
		return rc;
	rc = pg_filter_init(&f, "snapshot.include.collection.list",
	    &c->snapshot_include, err);
	if (rc == 0)
		pg_filter_fini(&f);
	return rc;
}
