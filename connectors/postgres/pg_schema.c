/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_schema.c: from a table's columns to the schemas of its events.
 */
#include "pg_schema.h"

#include <errno.h>
#include <string.h>

#include "pg_mask.h"
#include "pg_names.h"

enum { TOPIC_MAX = 249 };

static int
no_memory(struct leat_err *err)
{
	return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
}

/*
 * Replaces what a topic's name cannot have, by one underscore for each of
 * Java's characters, of which a letter beyond U+FFFF is two.
 */
static void
make_topic(char *s)
{
	char *to = s;

	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		/* What is written stays behind what was read. */
		while (((unsigned char)s[1] & 0xc0) == 0x80)
			s++;
		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || c == '.' || c == '-')
			*to++ = (char)c;
		else
			*to++ = '_';
		if (c >= 0xf0 && to <= s)
			*to++ = '_';
	}
	*to = '\0';
}

char *
pg_topic_name(struct leat_arena *a, const char *prefix, const char *delimiter,
    const char *schema, const char *table)
{
	char *s = leat_arena_printf(a, "%s%s%s%s%s", prefix, delimiter, schema,
	    delimiter, table);

	if (s == NULL)
		return NULL;
	make_topic(s);
	if (strlen(s) > TOPIC_MAX)
		s[TOPIC_MAX] = '\0';
	return s;
}

/* ------------------------------------------------------- fixed schemas */

static struct leat_field
plain_field(const char *name, int kind, int optional)
{
	return (struct leat_field){ .name = name,
		.schema = leat_schema_plain(kind, optional) };
}

int
pg_schema_source(struct leat_task *t, const struct leat_schema **ret,
    struct leat_err *err)
{
	static const struct leat_param allowed = { "allowed",
		"true,first,first_in_data_collection,last_in_data_collection,"
		"last,false,incremental" };
	static const struct leat_schema snapshot = { .kind = LEAT_STRING,
		.optional = 1,
		.has_default = 1,
		.version = 1,
		.nparams = 1,
		.name = "io.debezium.data.Enum",
		.params = &allowed,
		.def = { .kind = LEAT_STRING, .len = 5, .u.s = "false" } };
	struct leat_field f[PG_SRC_N] = {
		[PG_SRC_VERSION] = plain_field("version", LEAT_STRING, 0),
		[PG_SRC_CONNECTOR] = plain_field("connector", LEAT_STRING, 0),
		[PG_SRC_NAME] = plain_field("name", LEAT_STRING, 0),
		[PG_SRC_TS_MS] = plain_field("ts_ms", LEAT_INT64, 0),
		[PG_SRC_SNAPSHOT] = { .name = "snapshot", .schema = &snapshot },
		[PG_SRC_DB] = plain_field("db", LEAT_STRING, 0),
		[PG_SRC_SEQUENCE] = plain_field("sequence", LEAT_STRING, 1),
		[PG_SRC_TS_US] = plain_field("ts_us", LEAT_INT64, 1),
		[PG_SRC_TS_NS] = plain_field("ts_ns", LEAT_INT64, 1),
		[PG_SRC_SCHEMA] = plain_field("schema", LEAT_STRING, 0),
		[PG_SRC_TABLE] = plain_field("table", LEAT_STRING, 0),
		[PG_SRC_TXID] = plain_field("txId", LEAT_INT64, 1),
		[PG_SRC_LSN] = plain_field("lsn", LEAT_INT64, 1),
		[PG_SRC_XMIN] = plain_field("xmin", LEAT_INT64, 1),
		[PG_SRC_ORIGIN] = plain_field("origin", LEAT_STRING, 1),
		[PG_SRC_ORIGIN_LSN] = plain_field("origin_lsn", LEAT_INT64, 1),
	};
	struct leat_schema s = { .kind = LEAT_STRUCT, .version = 1,
		.name = "io.debezium.connector.postgresql.Source",
		.fields = f, .nfields = PG_SRC_N };

	*ret = leat_schema_intern(t, &s, err);
	return *ret == NULL ? leat_err_wrap(err, "schema of the source") : 0;
}

int
pg_schema_heartbeat(struct leat_task *t, const struct leat_schema **ret_key,
    const struct leat_schema **ret_value, struct leat_err *err)
{
	struct leat_field kf = plain_field("serverName", LEAT_STRING, 0);
	struct leat_field vf = plain_field("ts_ms", LEAT_INT64, 0);
	struct leat_schema k = { .kind = LEAT_STRUCT, .version = 1,
		.name = "io.debezium.connector.common.ServerNameKey",
		.fields = &kf, .nfields = 1 };
	struct leat_schema v = { .kind = LEAT_STRUCT, .version = 1,
		.name = "io.debezium.connector.common.Heartbeat",
		.fields = &vf, .nfields = 1 };

	*ret_key = leat_schema_intern(t, &k, err);
	*ret_value = *ret_key == NULL ? NULL : leat_schema_intern(t, &v, err);
	return *ret_value == NULL ?
	    leat_err_wrap(err, "schema of the heartbeat") : 0;
}

/* --------------------------------------------------------------- columns */

static int
build_column(struct pg_relcache *rc, struct pg_relation *rel,
    struct pg_col *col, const struct pg_rules *rules, struct leat_err *err)
{
	struct pg_type_env env = { .cfg = rc->cfg, .lookup = pg_catalog_type,
		.arg = rc->conn };
	int rc2 = pg_type_resolve(&env, col->type_oid, col->typmod, col->ndims,
	    &rel->arena, &col->type, err);

	col->field = -1;
	if (rc2 < 0)
		return leat_err_wrap(err, "column '%s'", col->name);
	if (col->type == NULL) {
		leat_log_info(rc->task, "column left out",
		    "table=%s.%s column=%s reason=\"type %u has no mapping\"",
		    rel->schema, rel->name, col->name, col->type_oid);
		return 0;
	}
	col->schema = col->type->schema;
	col->schema.optional |= !col->not_null;
	if (col->def_expr != NULL && pg_default_value(col->type,
	    col->def_expr, &rel->arena, &col->schema.def))
		col->schema.has_default = 1;
	col->missing = !col->not_null ? leat_null() :
	    col->schema.has_default ? col->schema.def : col->type->fallback;
	return pg_rules_apply(rules, rc->task, rel, col) < 0 ?
	    no_memory(err) : 0;
}

/* A column's name as that of a field. */
static const char *
field_name(struct pg_relcache *rc, struct pg_relation *rel,
    const struct pg_col *col)
{
	return pg_adjust_name(&rel->arena, rc->cfg->field_names, 1,
	    col->name);
}

/* <topic>.<what>, as the name of a schema. */
static const char *
schema_name(struct pg_relcache *rc, struct pg_relation *rel, const char *what)
{
	const char *s = leat_arena_printf(&rel->arena, "%s.%s", rel->topic,
	    what);

	return s == NULL ? NULL : pg_adjust_name(&rel->arena,
	    rc->cfg->schema_names, 0, s);
}

static int
same_names(const struct pg_relation *rel, const struct leat_field *f,
    struct leat_err *err)
{
	for (uint32_t i = 1; i < rel->nfields; i++)
		for (uint32_t j = 0; j < i; j++)
			if (strcmp(f[i].name, f[j].name) == 0)
				return leat_err_set(err, LEAT_CLS_CONFIG,
				    LEAT_E_CONFIG, "field.name.adjustment.mode:"
				    " two columns of %s.%s become '%s'; "
				    "avro_unicode keeps them apart",
				    rel->schema, rel->name, f[i].name);
	return 0;
}

/* The columns that become fields, and the array of those. */
static int
choose_fields(struct pg_relcache *rc, struct pg_relation *rel,
    struct leat_field **ret_fields, struct leat_err *err)
{
	struct leat_field *f = leat_arena_calloc(&rel->arena, rel->ncols,
	    sizeof(*f));

	if (f == NULL)
		return no_memory(err);
	for (uint32_t i = 0; i < rel->ncols; i++) {
		struct pg_col *col = &rel->cols[i];

		if (col->type == NULL || !pg_filters_column(rc->filters,
		    rel->schema, rel->name, col->name))
			continue;
		col->field = (int32_t)rel->nfields;
		f[rel->nfields].name = field_name(rc, rel, col);
		f[rel->nfields].schema = &col->schema;
		if (f[rel->nfields++].name == NULL)
			return no_memory(err);
	}
	*ret_fields = f;
	return rc->cfg->field_names == PG_NAMES_NONE ? 0 :
	    same_names(rel, f, err);
}

/* ------------------------------------------------------------------- keys */

static int32_t
column_index(const struct pg_relation *rel, const char *name)
{
	for (uint32_t i = 0; i < rel->ncols; i++)
		if (strcmp(rel->cols[i].name, name) == 0)
			return (int32_t)i;
	return -1;
}

static void
add_key(struct pg_relation *rel, uint32_t col)
{
	if (rel->cols[col].type != NULL)
		rel->key_cols[rel->nkeys++] = col;
}

static int
custom_key(struct pg_relation *rel, const struct pg_key_rule *rule,
    struct leat_err *err)
{
	for (uint32_t i = 0; i < rule->ncolumns; i++) {
		int32_t at = column_index(rel, rule->columns[i]);

		if (at < 0)
			return leat_err_set(err, LEAT_CLS_CONFIG,
			    LEAT_E_CONFIG, "message.key.columns: table %s.%s "
			    "has no column '%s'", rel->schema, rel->name,
			    rule->columns[i]);
		if (rel->nkeys < rel->ncols)
			add_key(rel, (uint32_t)at);
	}
	return 0;
}

/*
 * With REPLICA IDENTITY USING INDEX on other columns than the key's, old rows
 * do not say what the key was: the index is the key then.
 */
static int
identity_lacks_key(const struct pg_relation *rel)
{
	for (uint32_t i = 0; i < rel->ncols; i++)
		if (rel->cols[i].key_pos > 0 && !rel->cols[i].in_identity)
			return 1;
	return 0;
}

static void
catalog_key(struct pg_relcache *rc, struct pg_relation *rel)
{
	uint32_t has_key = 0;

	for (uint32_t i = 0; i < rel->ncols; i++)
		has_key |= rel->cols[i].key_pos;
	/* A table that is gone from the catalog still has its identity. */
	if ((rel->identity == 'i' && identity_lacks_key(rel)) ||
	    (has_key == 0 && (rel->identity == 'd' || rel->identity == 'i'))) {
		if (has_key != 0)
			leat_log_warn(rc->task,
			    "the replica identity lacks the primary key",
			    "table=%s.%s key=\"the columns of the identity's "
			    "index\"", rel->schema, rel->name);
		for (uint32_t i = 0; i < rel->ncols; i++)
			if (rel->cols[i].in_identity)
				add_key(rel, i);
		return;
	}
	for (uint32_t pos = 1; pos <= rel->ncols; pos++)
		for (uint32_t i = 0; i < rel->ncols; i++)
			if (rel->cols[i].key_pos == pos)
				add_key(rel, i);
}

static int
choose_key(struct pg_relcache *rc, struct pg_relation *rel,
    struct leat_err *err)
{
	const struct pg_key_rule *rule = pg_filters_key(rc->filters,
	    rel->schema, rel->name);

	rel->key_cols = leat_arena_calloc(&rel->arena, rel->ncols,
	    sizeof(*rel->key_cols));
	if (rel->key_cols == NULL)
		return no_memory(err);
	if (rule != NULL && custom_key(rel, rule, err) < 0)
		return LEAT_E_CONFIG;
	if (rule == NULL)
		catalog_key(rc, rel);
	rel->key_in_identity = 1;
	for (uint32_t i = 0; i < rel->nkeys; i++)
		rel->key_in_identity &=
		    rel->cols[rel->key_cols[i]].in_identity;
	return 0;
}

/* -------------------------------------------------------------- envelope */

static int
intern_key(struct pg_relcache *rc, struct pg_relation *rel,
    struct leat_err *err)
{
	struct leat_schema s = { .kind = LEAT_STRUCT, .nfields = rel->nkeys };
	struct leat_field *f = leat_arena_calloc(&rel->arena, rel->nkeys,
	    sizeof(*f));

	if (rel->nkeys == 0)
		return 0;
	s.name = schema_name(rc, rel, "Key");
	if (f == NULL || s.name == NULL)
		return no_memory(err);
	for (uint32_t i = 0; i < rel->nkeys; i++) {
		struct pg_col *col = &rel->cols[rel->key_cols[i]];

		f[i].name = field_name(rc, rel, col);
		f[i].schema = &col->key_schema;
		if (f[i].name == NULL)
			return no_memory(err);
	}
	s.fields = f;
	rel->key_schema = leat_schema_intern(rc->task, &s, err);
	return rel->key_schema == NULL ? leat_err_wrap(err, "key schema") : 0;
}

static int
intern_envelope(struct pg_relcache *rc, struct pg_relation *rel,
    const struct leat_field *fields, struct leat_err *err)
{
	struct leat_schema row = { .kind = LEAT_STRUCT, .optional = 1,
		.fields = fields, .nfields = rel->nfields };
	struct leat_field tf[3] = {
		plain_field("id", LEAT_STRING, 0),
		plain_field("total_order", LEAT_INT64, 0),
		plain_field("data_collection_order", LEAT_INT64, 0),
	};
	struct leat_schema tx = { .kind = LEAT_STRUCT, .optional = 1,
		.name = "event.block", .version = 1, .fields = tf,
		.nfields = 3 };
	struct leat_field f[PG_ENV_N] = {
		[PG_ENV_BEFORE] = { .name = "before", .schema = &row },
		[PG_ENV_AFTER] = { .name = "after", .schema = &row },
		[PG_ENV_SOURCE] = { .name = "source",
		    .schema = rc->source_schema },
		[PG_ENV_TRANSACTION] = { .name = "transaction",
		    .schema = &tx },
		[PG_ENV_OP] = plain_field("op", LEAT_STRING, 0),
		[PG_ENV_TS_MS] = plain_field("ts_ms", LEAT_INT64, 1),
		[PG_ENV_TS_US] = plain_field("ts_us", LEAT_INT64, 1),
		[PG_ENV_TS_NS] = plain_field("ts_ns", LEAT_INT64, 1),
	};
	struct leat_schema env = { .kind = LEAT_STRUCT, .version = 2,
		.fields = f, .nfields = PG_ENV_N };

	row.name = schema_name(rc, rel, "Value");
	env.name = schema_name(rc, rel, "Envelope");
	if (row.name == NULL || env.name == NULL)
		return no_memory(err);
	rel->envelope = leat_schema_intern(rc->task, &env, err);
	return rel->envelope == NULL ?
	    leat_err_wrap(err, "schema of the rows") : 0;
}

static int
build_columns(struct pg_relcache *rc, struct pg_relation *rel,
    struct leat_err *err)
{
	struct pg_rules rules;
	int rc2 = pg_rules_init(&rules, rc->cfg, err);

	if (rc2 < 0)
		return rc2;
	for (uint32_t i = 0; i < rel->ncols && rc2 == 0; i++)
		rc2 = build_column(rc, rel, &rel->cols[i], &rules, err);
	pg_rules_fini(&rules);
	return rc2;
}

int
pg_schema_build(struct pg_relcache *rc, struct pg_relation *rel,
    struct leat_err *err)
{
	struct leat_field *fields = NULL;
	int rc2 = build_columns(rc, rel, err);

	if (rc2 == 0)
		rc2 = choose_fields(rc, rel, &fields, err);
	if (rc2 == 0)
		rc2 = choose_key(rc, rel, err);
	if (rc2 == 0)
		rc2 = intern_key(rc, rel, err);
	if (rc2 == 0)
		rc2 = intern_envelope(rc, rel, fields, err);
	return rc2;
}
