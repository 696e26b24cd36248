/* SPDX-License-Identifier: Apache-2.0 */
#include "pg_catalog.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <leat/str.h>

static int
no_memory(struct leat_err *err)
{
	return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
}

int64_t
pg_cell_i64(const PGresult *res, int row, int col)
{
	int64_t v = 0;

	(void)leat_parse_i64(leat_str_c(pg_cell(res, row, col)), INT64_MIN,
	    INT64_MAX, &v);
	return v;
}

static uint32_t
cell_u32(const PGresult *res, int row, int col)
{
	return (uint32_t)pg_cell_i64(res, row, col);
}

static uint32_t
cell_bool(const PGresult *res, int row, int col)
{
	return pg_cell(res, row, col)[0] == 't';
}

/* A text in the arena; NULL for null. Sets *failed when out of memory. */
static const char *
cell_dup(const PGresult *res, int row, int col, struct leat_arena *a,
    int *failed)
{
	const char *s;

	if (PQgetisnull(res, row, col))
		return NULL;
	s = leat_arena_strdup(a, pg_cell(res, row, col));
	*failed |= s == NULL;
	return s;
}

/* ----------------------------------------------------------------- columns */

/*
 * Defaults name no columns, so pg_get_expr() is not told the table: it would
 * look at all names of it each time, which takes minutes for 1,600 of them.
 */
#define COLUMNS_SQL(nkeys, generated, published)                            \
	"WITH k AS (SELECT i.indkey::int2[] AS cols, " nkeys " AS n"        \
	" FROM pg_catalog.pg_index i"                                       \
	" JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid"             \
	" WHERE i.indrelid = $1::oid AND i.indisunique AND i.indisvalid"    \
	" AND i.indpred IS NULL AND i.indexprs IS NULL"                     \
	" ORDER BY i.indisprimary DESC, ic.relname LIMIT 1)"                \
	" SELECT a.attname, a.atttypid, a.atttypmod, a.attnotnull,"         \
	" (SELECT array_position(k.cols[0:k.n - 1], a.attnum) FROM k),"     \
	" CASE c.relreplident WHEN 'f' THEN true WHEN 'n' THEN false"       \
	" ELSE EXISTS (SELECT 1 FROM pg_catalog.pg_index i"                 \
	"  WHERE i.indrelid = c.oid AND a.attnum = ANY (i.indkey::int2[])"  \
	"  AND CASE c.relreplident WHEN 'd' THEN i.indisprimary"            \
	"   ELSE i.indisreplident END) END,"                                \
	" pg_catalog.pg_get_expr(d.adbin, 0), c.relreplident,"              \
	" a.attndims, pg_catalog.col_description(c.oid, a.attnum),"         \
	" (SELECT t.typname FROM pg_catalog.pg_type t"                      \
	"  WHERE t.oid = a.atttypid)"                                       \
	" FROM pg_catalog.pg_class c"                                       \
	" JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid"             \
	" LEFT JOIN pg_catalog.pg_attrdef d"                                \
	"  ON d.adrelid = a.attrelid AND d.adnum = a.attnum"                \
	" WHERE c.oid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped"    \
	generated published " ORDER BY a.attnum"

#define NO_GENERATED " AND a.attgenerated = ''"
/*
 * The view lists all tables of the publication each time, which ten thousand
 * tables cannot afford; only the column list of a partition needs it, because
 * that may be an ancestor's.
 */
#define PUBLISHED                                                           \
	" AND ($2::text IS NULL OR CASE WHEN c.relispartition THEN"         \
	" a.attname IN (SELECT unnest(p.attnames)"                          \
	"  FROM pg_catalog.pg_publication_tables p"                         \
	"  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"        \
	"  WHERE p.pubname = $2 AND p.schemaname = n.nspname"               \
	"  AND p.tablename = c.relname)"                                    \
	" ELSE NOT EXISTS (SELECT FROM pg_catalog.pg_publication_rel r"     \
	"  JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid"           \
	"  WHERE p.pubname = $2 AND r.prrelid = c.oid"                      \
	"  AND r.prattrs IS NOT NULL"                                       \
	"  AND a.attnum <> ALL (r.prattrs::int2[])) END)"
#define NOT_PUBLISHED " AND ($2::text IS NULL OR true)"

static const char *
columns_sql(int version)
{
	if (version >= 150000)
		return COLUMNS_SQL("i.indnkeyatts", NO_GENERATED, PUBLISHED);
	if (version >= 120000)
		return COLUMNS_SQL("i.indnkeyatts", NO_GENERATED,
		    NOT_PUBLISHED);
	return COLUMNS_SQL("i.indnatts", "", NOT_PUBLISHED);
}

int
pg_catalog_table(struct pg_conn *c, uint32_t oid, const char *publication,
    struct leat_arena *a, struct pg_tableinfo *ret, struct leat_err *err)
{
	char text[16];
	const char *params[2] = { text, publication };
	PGresult *res = NULL;
	struct pg_tableinfo t = { .identity = 'd' };
	int rc, failed = 0;

	(void)snprintf(text, sizeof(text), "%u", oid);
	rc = pg_query_often(c, &res, err, columns_sql(c->version), 2, params);
	if (rc < 0)
		return leat_err_wrap(err, "read the columns of table %u", oid);
	t.ncols = (uint32_t)PQntuples(res);
	t.cols = leat_arena_calloc(a, t.ncols, sizeof(*t.cols));
	failed = t.cols == NULL;
	for (int i = 0; i < (int)t.ncols && !failed; i++) {
		struct pg_colinfo *col = &t.cols[i];

		col->name = cell_dup(res, i, 0, a, &failed);
		col->type_oid = cell_u32(res, i, 1);
		col->typmod = (int32_t)pg_cell_i64(res, i, 2);
		col->not_null = cell_bool(res, i, 3);
		col->key_pos = cell_u32(res, i, 4);
		col->in_identity = cell_bool(res, i, 5);
		col->def = cell_dup(res, i, 6, a, &failed);
		t.identity = (unsigned char)pg_cell(res, i, 7)[0];
		col->ndims = (int32_t)pg_cell_i64(res, i, 8);
		col->comment = cell_dup(res, i, 9, a, &failed);
		col->type_name = cell_dup(res, i, 10, a, &failed);
	}
	PQclear(res);
	if (failed)
		return no_memory(err);
	*ret = t;
	return 0;
}

int
pg_catalog_root(struct pg_conn *c, uint32_t oid, struct leat_arena *a,
    const char **ret_root, struct leat_err *err)
{
	char text[16];
	const char *params[1] = { text };
	PGresult *res = NULL;
	int rc, failed = 0;

	*ret_root = NULL;
	if (c->version < 120000)
		return 0;
	(void)snprintf(text, sizeof(text), "%u", oid);
	rc = pg_query(c, &res, err,
	    "SELECT n.nspname || '.' || r.relname FROM pg_catalog.pg_class c"
	    " JOIN pg_catalog.pg_class r"
	    "  ON r.oid = pg_catalog.pg_partition_root(c.oid)"
	    " JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace"
	    " WHERE c.oid = $1::oid AND c.relispartition", 1, params);
	if (rc < 0)
		return leat_err_wrap(err, "find the root of partition %u", oid);
	if (PQntuples(res) > 0)
		*ret_root = cell_dup(res, 0, 0, a, &failed);
	PQclear(res);
	return failed ? no_memory(err) : 0;
}

/* ------------------------------------------------------------------- types */

static int
load_labels(struct pg_conn *c, const char *oid, struct leat_arena *a,
    struct pg_typeinfo *ret, struct leat_err *err)
{
	PGresult *res = NULL;
	struct leat_str *labels;
	int failed = 0, rc = pg_query(c, &res, err,
	    "SELECT enumlabel FROM pg_catalog.pg_enum"
	    " WHERE enumtypid = $1::oid ORDER BY enumsortorder", 1, &oid);

	if (rc < 0)
		return rc;
	ret->nlabels = (uint32_t)PQntuples(res);
	ret->labels = labels = leat_arena_calloc(a, ret->nlabels,
	    sizeof(*labels));
	failed = labels == NULL;
	for (int i = 0; i < (int)ret->nlabels && !failed; i++) {
		const char *s = cell_dup(res, i, 0, a, &failed);

		labels[i] = failed ? LEAT_STR("") : leat_str_c(s);
	}
	PQclear(res);
	return failed ? no_memory(err) : 0;
}

int
pg_catalog_type(void *arg, uint32_t oid, struct leat_arena *a,
    struct pg_typeinfo *ret, struct leat_err *err)
{
	struct pg_conn *c = arg;
	char text[16];
	const char *params[1] = { text };
	PGresult *res = NULL;
	int rc, failed = 0;

	(void)snprintf(text, sizeof(text), "%u", oid);
	rc = pg_query(c, &res, err,
	    "SELECT typname, typtype, typbasetype, typtypmod,"
	    " CASE WHEN typcategory = 'A' THEN typelem ELSE 0 END,"
	    " typndims, typdelim"
	    " FROM pg_catalog.pg_type WHERE oid = $1::oid", 1, params);
	if (rc < 0)
		return leat_err_wrap(err, "look up type %u", oid);
	*ret = (struct pg_typeinfo){ .oid = oid };
	if (PQntuples(res) > 0) {
		ret->name = cell_dup(res, 0, 0, a, &failed);
		ret->typtype = pg_cell(res, 0, 1)[0];
		ret->base_oid = cell_u32(res, 0, 2);
		ret->base_typmod = (int32_t)pg_cell_i64(res, 0, 3);
		ret->elem_oid = cell_u32(res, 0, 4);
		ret->base_ndims = (int32_t)pg_cell_i64(res, 0, 5);
		ret->delim = pg_cell(res, 0, 6)[0];
	}
	PQclear(res);
	if (failed)
		return no_memory(err);
	return ret->typtype == 'e' ? load_labels(c, text, a, ret, err) : 0;
}

/* ------------------------------------------------------------------ tables */

/* What both lists of tables select; %s: one more column. */
#define TABLE_COLUMNS                                                      \
	"SELECT c.oid, n.nspname, c.relname, c.relkind, c.relreplident,"   \
	" EXISTS (SELECT 1 FROM pg_catalog.pg_index i"                     \
	"  WHERE i.indrelid = c.oid AND i.indisprimary),"                  \
	" pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND"             \
	" pg_catalog.has_any_column_privilege(c.oid, 'SELECT'),"           \
	" c.relispartition, c.reltuples::int8,"
#define ROOT_COLUMN                                                        \
	" CASE WHEN c.relispartition THEN (SELECT rn.nspname || '.' ||"    \
	" r.relname FROM pg_catalog.pg_class r JOIN"                       \
	" pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace"           \
	" WHERE r.oid = pg_catalog.pg_partition_root(c.oid)) END,"
#define TABLE_FROM                                                         \
	" FROM pg_catalog.pg_class c"                                      \
	" JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
#define TABLE_WHERE                                                        \
	" WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p'"        \
	" ORDER BY n.nspname, c.relname"

static int
by_rank(const void *a, const void *b)
{
	const struct pg_table *x = a, *y = b;
	int rc;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	rc = strcmp(x->schema, y->schema);
	return rc != 0 ? rc : strcmp(x->name, y->name);
}

static int
take_tables(const PGresult *res, const struct pg_filters *f,
    struct leat_arena *a, struct pg_tables *ret)
{
	int n = PQntuples(res), failed = 0;
	struct pg_tables t = { .seen = (uint32_t)n };

	t.items = leat_arena_calloc(a, (size_t)n, sizeof(*t.items));
	if (t.items == NULL)
		return -ENOMEM;
	for (int i = 0; i < n; i++) {
		struct pg_table *one = &t.items[t.len];
		const char *root = PQgetisnull(res, i, 9) ? NULL :
		    pg_cell(res, i, 9);

		if (!pg_filters_table(f, pg_cell(res, i, 1), pg_cell(res, i, 2),
		    root, &one->rank))
			continue;
		one->oid = cell_u32(res, i, 0);
		one->schema = cell_dup(res, i, 1, a, &failed);
		one->name = cell_dup(res, i, 2, a, &failed);
		one->kind = pg_cell(res, i, 3)[0];
		one->identity = (unsigned char)pg_cell(res, i, 4)[0];
		one->has_pk = cell_bool(res, i, 5);
		one->can_select = cell_bool(res, i, 6);
		one->is_partition = cell_bool(res, i, 7);
		one->rows = pg_cell_i64(res, i, 8);
		one->root = cell_dup(res, i, 9, a, &failed);
		one->row_filter = cell_dup(res, i, 10, a, &failed);
		t.len++;
	}
	if (failed)
		return -ENOMEM;
	if (t.len > 1)
		qsort(t.items, t.len, sizeof(*t.items), by_rank);
	*ret = t;
	return 0;
}

static int
list_tables(struct pg_conn *c, const char *sql, int nparams,
    const char *const *params, const struct pg_filters *f,
    struct leat_arena *a, struct pg_tables *ret, struct leat_err *err)
{
	PGresult *res = NULL;
	int rc = pg_query(c, &res, err, sql, nparams, params);

	if (rc < 0)
		return leat_err_wrap(err, "list the tables");
	rc = take_tables(res, f, a, ret);
	PQclear(res);
	return rc < 0 ? no_memory(err) : 0;
}

int
pg_catalog_captured(struct pg_conn *c, const struct pg_filters *f,
    struct leat_arena *a, struct pg_tables *ret, struct leat_err *err)
{
	const char *sql = c->version >= 120000 ?
	    TABLE_COLUMNS ROOT_COLUMN " NULL::text" TABLE_FROM TABLE_WHERE :
	    TABLE_COLUMNS " NULL::text, NULL::text" TABLE_FROM TABLE_WHERE;

	return list_tables(c, sql, 0, NULL, f, a, ret, err);
}

#define JOIN_PUBLISHED                                                     \
	" JOIN pg_catalog.pg_publication_tables p ON p.pubname = $1"       \
	" AND p.schemaname = n.nspname AND p.tablename = c.relname"

int
pg_catalog_published(struct pg_conn *c, const struct pg_filters *f,
    const char *publication, struct leat_arena *a, struct pg_tables *ret,
    struct leat_err *err)
{
	const char *params[1] = { publication };
	const char *sql;

	if (c->version >= 150000)
		sql = TABLE_COLUMNS ROOT_COLUMN " p.rowfilter" TABLE_FROM
		    JOIN_PUBLISHED TABLE_WHERE;
	else if (c->version >= 120000)
		sql = TABLE_COLUMNS ROOT_COLUMN " NULL::text" TABLE_FROM
		    JOIN_PUBLISHED TABLE_WHERE;
	else
		sql = TABLE_COLUMNS " NULL::text, NULL::text" TABLE_FROM
		    JOIN_PUBLISHED TABLE_WHERE;
	return list_tables(c, sql, 1, params, f, a, ret, err);
}
