/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_filters.c: the compiled filters of a task: which schemas, tables and
 * columns are captured, and which columns make a key.
 */
#include "pg_config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <leat/str.h>

static int
add_key_columns(struct pg_key_rule *rule, struct leat_str cols)
{
	size_t most = 1;

	for (size_t i = 0; i < cols.len; i++)
		most += cols.ptr[i] == ',';
	rule->columns = calloc(most, sizeof(*rule->columns));
	if (rule->columns == NULL)
		return -ENOMEM;
	while (cols.len > 0) {
		struct leat_str c = leat_str_trim(leat_str_cut(&cols, ','));

		if (c.len == 0)
			continue;
		rule->columns[rule->ncolumns] = strndup(c.ptr, c.len);
		if (rule->columns[rule->ncolumns] == NULL)
			return -ENOMEM;
		rule->ncolumns++;
	}
	return rule->ncolumns == 0 ? LEAT_E_CONFIG : 0;
}

static int
add_key_rule(struct pg_filters *f, struct leat_str text, struct leat_err *err)
{
	struct pg_key_rule *rule = &f->keys[f->nkeys];
	size_t colon = text.len;
	char *pattern;
	int rc;

	while (colon > 0 && text.ptr[colon - 1] != ':')
		colon--;
	if (colon <= 1)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "message.key.columns: '%.*s' is not table:column,...",
		    (int)text.len, text.ptr);
	pattern = strndup(text.ptr, colon - 1);
	if (pattern == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	rc = pg_regex_compile(&rule->re, "message.key.columns", pattern, err);
	free(pattern);
	if (rc < 0)
		return rc;
	f->nkeys++;
	rc = add_key_columns(rule, (struct leat_str){ text.ptr + colon,
	    text.len - colon });
	if (rc < 0)
		return leat_err_set(err, LEAT_CLS_CONFIG, rc,
		    "message.key.columns: '%.*s' names no column",
		    (int)text.len, text.ptr);
	return 0;
}

static int
init_keys(struct pg_filters *f, const char *text, struct leat_err *err)
{
	struct leat_str rest;
	size_t most = 1;

	if (text == NULL)
		return 0;
	for (const char *p = text; *p != '\0'; p++)
		most += *p == ';';
	f->keys = calloc(most, sizeof(*f->keys));
	if (f->keys == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	rest = leat_str_c(text);
	while (rest.len > 0) {
		struct leat_str one = leat_str_trim(leat_str_cut(&rest, ';'));
		int rc = one.len == 0 ? 0 : add_key_rule(f, one, err);

		if (rc < 0)
			return rc;
	}
	return 0;
}

int
pg_filters_init(struct pg_filters *f, const struct pg_config *c,
    struct leat_err *err)
{
	int rc;

	*f = (struct pg_filters){ 0 };
	if ((rc = pg_filter_init(&f->schema_include, "schema.include.list",
	    &c->schema_include, err)) < 0 ||
	    (rc = pg_filter_init(&f->schema_exclude, "schema.exclude.list",
	    &c->schema_exclude, err)) < 0 ||
	    (rc = pg_filter_init(&f->table_include, "table.include.list",
	    &c->table_include, err)) < 0 ||
	    (rc = pg_filter_init(&f->table_exclude, "table.exclude.list",
	    &c->table_exclude, err)) < 0 ||
	    (rc = pg_filter_init(&f->column_include, "column.include.list",
	    &c->column_include, err)) < 0 ||
	    (rc = pg_filter_init(&f->column_exclude, "column.exclude.list",
	    &c->column_exclude, err)) < 0 ||
	    (rc = init_keys(f, c->message_keys, err)) < 0)
		pg_filters_fini(f);
	return rc;
}

void
pg_filters_fini(struct pg_filters *f)
{
	pg_filter_fini(&f->schema_include);
	pg_filter_fini(&f->schema_exclude);
	pg_filter_fini(&f->table_include);
	pg_filter_fini(&f->table_exclude);
	pg_filter_fini(&f->column_include);
	pg_filter_fini(&f->column_exclude);
	for (uint32_t i = 0; i < f->nkeys; i++) {
		for (uint32_t j = 0; j < f->keys[i].ncolumns; j++)
			free(f->keys[i].columns[j]);
		free(f->keys[i].columns);
		regfree(&f->keys[i].re);
	}
	free(f->keys);
	*f = (struct pg_filters){ 0 };
}

/* Three names of the server's 63 bytes, and builds with longer ones. */
enum { JOINED_MAX = 1024 };

/* "a.b" or "a.b.c"; what does not fit is cut. */
static void
joined(char to[JOINED_MAX], const char *a, const char *b, const char *c)
{
	(void)snprintf(to, JOINED_MAX, "%s.%s%s%s", a, b, c == NULL ? "" : ".",
	    c == NULL ? "" : c);
}

/* The server's own tables, and PostGIS's table of thousands of projections. */
static int
is_system_table(const char *schema, const char *table)
{
	return strcasecmp(table, "spatial_ref_sys") == 0 ||
	    strcmp(schema, "pg_catalog") == 0 ||
	    strcmp(schema, "information_schema") == 0 ||
	    strncmp(schema, "pg_toast", 8) == 0 ||
	    strncmp(schema, "pg_temp_", 8) == 0;
}

int
pg_filters_table(const struct pg_filters *f, const char *schema,
    const char *table, const char *root, int32_t *ret_rank)
{
	int32_t rank = 0;
	char name[JOINED_MAX];
	int yes = 1;

	if (is_system_table(schema, table))
		return 0;
	if (f->schema_include.len > 0 &&
	    pg_filter_find(&f->schema_include, schema) < 0)
		return 0;
	if (pg_filter_find(&f->schema_exclude, schema) >= 0)
		return 0;
	joined(name, schema, table, NULL);
	if (f->table_include.len > 0) {
		rank = pg_filter_find(&f->table_include, name);
		if (rank < 0 && root != NULL)
			rank = pg_filter_find(&f->table_include, root);
		yes = rank >= 0;
	} else if (pg_filter_find(&f->table_exclude, name) >= 0 ||
	    (root != NULL && pg_filter_find(&f->table_exclude, root) >= 0)) {
		yes = 0;
	}
	if (yes && ret_rank != NULL)
		*ret_rank = rank;
	return yes;
}

int
pg_filters_column(const struct pg_filters *f, const char *schema,
    const char *table, const char *column)
{
	char name[JOINED_MAX];
	int yes = 1;

	if (f->column_include.len == 0 && f->column_exclude.len == 0)
		return 1;
	joined(name, schema, table, column);
	if (f->column_include.len > 0)
		yes = pg_filter_find(&f->column_include, name) >= 0;
	else
		yes = pg_filter_find(&f->column_exclude, name) < 0;
	return yes;
}

const struct pg_key_rule *
pg_filters_key(const struct pg_filters *f, const char *schema,
    const char *table)
{
	const struct pg_key_rule *found = NULL;
	char name[JOINED_MAX];

	joined(name, schema, table, NULL);
	for (uint32_t i = 0; i < f->nkeys && found == NULL; i++)
		if (regexec(&f->keys[i].re, name, 0, NULL, 0) == 0)
			found = &f->keys[i];
	return found;
}
