/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_txmeta.c: see pg_txmeta.h. Tables stay in the map from one transaction to
 * the next; a count is of the open transaction when it bears its number.
 */
#include "pg_txmeta.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <leat/json.h>

/* Debezium's names in stored positions, and of the messages' collection. */
#define ID_MEMBER "transaction_id"
#define COUNT_MEMBER "transaction_data_collection_order_"
#define MESSAGES "LOGICAL_DECODING_MESSAGE"

enum {
	ID_MAX = 48,
	NUMBER_BYTES = 24,
	NAME_MAX_BYTES = 1024,	/* of "schema.table" */
	PARSE_MAX = 32 * 1024 * 1024
};

enum { FIELD_STATUS, FIELD_ID, FIELD_COUNT, FIELD_TABLES, FIELD_TS, FIELD_N };

/* ---------------------------------------------------------------- schemas */

static struct leat_field
field(const char *name, int kind, int optional)
{
	return (struct leat_field){ .name = name,
		.schema = leat_schema_plain(kind, optional) };
}

const struct leat_schema *
pg_txmeta_block_schema(struct leat_task *t, struct leat_err *err)
{
	struct leat_field f[3] = { field("id", LEAT_STRING, 0),
		field("total_order", LEAT_INT64, 0),
		field("data_collection_order", LEAT_INT64, 0) };
	struct leat_schema s = { .kind = LEAT_STRUCT, .optional = 1,
		.name = "event.block", .version = 1, .fields = f,
		.nfields = 3 };

	return leat_schema_intern(t, &s, err);
}

static int
make_schemas(struct pg_txmeta *m, struct leat_task *t, struct leat_err *err)
{
	struct leat_field id = field("id", LEAT_STRING, 0);
	struct leat_field pair[2] = { field("data_collection", LEAT_STRING, 0),
		field("event_count", LEAT_INT64, 0) };
	struct leat_schema elem = { .kind = LEAT_STRUCT, .optional = 1,
		.name = "event.collection", .version = 1, .fields = pair,
		.nfields = 2 };
	struct leat_schema list = { .kind = LEAT_ARRAY, .optional = 1,
		.elem = &elem };
	struct leat_field f[FIELD_N] = {
		[FIELD_STATUS] = field("status", LEAT_STRING, 0),
		[FIELD_ID] = field("id", LEAT_STRING, 0),
		[FIELD_COUNT] = field("event_count", LEAT_INT64, 1),
		[FIELD_TABLES] = { .name = "data_collections",
		    .schema = &list },
		[FIELD_TS] = field("ts_ms", LEAT_INT64, 0) };
	struct leat_schema k = { .kind = LEAT_STRUCT, .version = 1,
		.name = "io.debezium.connector.common.TransactionMetadataKey",
		.fields = &id, .nfields = 1 };
	struct leat_schema v = { .kind = LEAT_STRUCT, .version = 1,
		.name = "io.debezium.connector.common.TransactionMetadataValue",
		.fields = f, .nfields = FIELD_N };

	m->key = leat_schema_intern(t, &k, err);
	m->value = m->key == NULL ? NULL : leat_schema_intern(t, &v, err);
	return m->value == NULL ?
	    leat_err_wrap(err, "schema of the transactions") : 0;
}

int
pg_txmeta_init(struct pg_txmeta *m, struct leat_task *t,
    const struct pg_config *cfg, const char *prefix, struct leat_arena *a,
    struct leat_err *err)
{
	*m = (struct pg_txmeta){ .enabled = cfg->transaction_metadata,
		.number = 1 };
	if (!m->enabled)
		return 0;
	m->topic = leat_arena_printf(a, "%s%s%s", prefix, cfg->topic_delimiter,
	    cfg->transaction_topic);
	if (m->topic == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	return make_schemas(m, t, err);
}

/* ----------------------------------------------------------------- counts */

static void
forget_tables(struct pg_txmeta *m)
{
	const struct leat_map_entry *e;
	size_t it = 0;

	while ((e = leat_map_next(&m->tables, &it)) != NULL)
		free(e->value);
	leat_map_fini(&m->tables);
	m->ntables = 0;
	m->first = m->last = NULL;
	pg_txmeta_forget_relations(m);
}

void
pg_txmeta_fini(struct pg_txmeta *m)
{
	forget_tables(m);
}

static void
start_counting(struct pg_txmeta *m, int64_t xid)
{
	if (m->ntables > PG_TXMETA_TABLES)
		forget_tables(m);
	m->number++;
	m->open = 1;
	m->xid = xid;
	m->total = 0;
	m->bytes = 0;
	m->first = m->last = NULL;
	pg_txmeta_forget_relations(m);
}

static struct pg_txcount *
new_count(struct pg_txmeta *m, struct leat_str name)
{
	struct pg_txcount *c = calloc(1, sizeof(*c) + name.len + 1);

	if (c == NULL)
		return NULL;
	memcpy(c->name, name.ptr, name.len);
	c->len = (uint32_t)name.len;
	if (leat_map_set(&m->tables, name, c, NULL) < 0) {
		free(c);
		return NULL;
	}
	m->ntables++;
	return c;
}

/* The count of a table in the open transaction, made when there is none. */
static struct pg_txcount *
find_count(struct pg_txmeta *m, struct leat_str name)
{
	struct pg_txcount *c = leat_map_get(&m->tables, name);

	if (c == NULL)
		c = new_count(m, name);
	if (c == NULL || c->of == m->number)
		return c;
	c->of = m->number;
	c->n = 0;
	c->next = NULL;
	if (m->last == NULL)
		m->first = c;
	else
		m->last->next = c;
	m->last = c;
	m->bytes += sizeof(COUNT_MEMBER) + c->len + NUMBER_BYTES;
	return c;
}

static struct pg_txcount *
count_of(struct pg_txmeta *m, const struct pg_relation *rel)
{
	char name[NAME_MAX_BYTES];
	int n;

	if (rel == NULL)
		return find_count(m, LEAT_STR(MESSAGES));
	n = snprintf(name, sizeof(name), "%s.%s", rel->schema, rel->name);
	if (n >= (int)sizeof(name))
		n = sizeof(name) - 1;
	return find_count(m, (struct leat_str){ name, (size_t)n });
}

/* ----------------------------------------------------------------- values */

/* "xid:lsn", as Debezium names a transaction at a place in the log. */
static int
make_id(const struct pg_txmeta *m, struct leat_batch *b, uint64_t lsn,
    struct leat_value *ret)
{
	char *id = leat_batch_alloc(b, ID_MAX);
	int n;

	if (id == NULL)
		return PG_CONV_NOMEM;
	n = snprintf(id, ID_MAX, "%" PRId64 ":%" PRIu64, m->xid, lsn);
	*ret = leat_string(id, (size_t)n);
	return 0;
}

int
pg_txmeta_block(struct pg_txmeta *m, struct leat_batch *b,
    const struct pg_relation *rel, uint64_t lsn, struct leat_value *ret)
{
	struct leat_value *v = leat_batch_alloc(b, 3 * sizeof(*v));

	if (m->count == NULL || m->rel != rel) {
		m->count = count_of(m, rel);
		m->rel = rel;
	}
	if (v == NULL || m->count == NULL || make_id(m, b, lsn, &v[0]) != 0)
		return PG_CONV_NOMEM;
	v[1] = leat_i64(m->total + 1);
	v[2] = leat_i64(m->count->n + 1);
	*ret = leat_items(LEAT_STRUCT, v, 3);
	return 0;
}

/* Adds BEGIN or END; `tables` is what END says of them. */
static int
add_record(struct pg_txmeta *m, struct leat_batch *b, const char *status,
    uint64_t lsn, int64_t ts_us, struct leat_value tables)
{
	struct leat_value *v = leat_batch_alloc(b, FIELD_N * sizeof(*v));
	struct leat_record rec = { .topic = m->topic,
		.partition = LEAT_PARTITION_ANY,
		.timestamp_ms = LEAT_TIMESTAMP_NONE,
		.key_schema = m->key,
		.value_schema = m->value };

	if (v == NULL || make_id(m, b, lsn, &v[FIELD_ID]) != 0)
		return PG_CONV_NOMEM;
	v[FIELD_STATUS] = leat_cstring(status);
	v[FIELD_COUNT] = tables.kind == LEAT_NULL ? leat_null() :
	    leat_i64(m->total);
	v[FIELD_TABLES] = tables;
	v[FIELD_TS] = leat_i64(ts_us / 1000);
	rec.key = leat_items(LEAT_STRUCT, &v[FIELD_ID], 1);
	rec.value = leat_items(LEAT_STRUCT, v, FIELD_N);
	return leat_batch_add(b, &rec) < 0 ? PG_CONV_NOMEM : 0;
}

int
pg_txmeta_begin(struct pg_txmeta *m, struct leat_batch *b, int64_t xid,
    uint64_t lsn, int64_t ts_us)
{
	int rc;

	if (!m->enabled)
		return 0;
	m->xid = xid;
	rc = add_record(m, b, "BEGIN", lsn, ts_us, leat_null());
	if (rc == 0)
		start_counting(m, xid);
	return rc;
}

/* [{"data_collection":..,"event_count":..},..] in the batch's memory. */
static int
make_list(const struct pg_txmeta *m, struct leat_batch *b,
    struct leat_value *ret)
{
	const struct pg_txcount *c;
	struct leat_value *list, *pair;
	uint32_t n = 0;

	for (c = m->first; c != NULL; c = c->next)
		n++;
	list = leat_batch_alloc(b, (n + 1) * 3 * sizeof(*list));
	if (list == NULL)
		return PG_CONV_NOMEM;
	pair = list + n;
	*ret = leat_items(LEAT_ARRAY, list, n);
	for (c = m->first; c != NULL; c = c->next, pair += 2) {
		char *name = leat_batch_copy(b, c->name, c->len);

		if (name == NULL)
			return PG_CONV_NOMEM;
		pair[0] = leat_string(name, c->len);
		pair[1] = leat_i64(c->n);
		*list++ = leat_items(LEAT_STRUCT, pair, 2);
	}
	return 0;
}

int
pg_txmeta_end(struct pg_txmeta *m, struct leat_batch *b, uint64_t lsn,
    int64_t ts_us)
{
	struct leat_value tables;
	int rc;

	if (!m->open)
		return 0;
	rc = make_list(m, b, &tables);
	if (rc == 0)
		rc = add_record(m, b, "END", lsn, ts_us, tables);
	if (rc == 0)
		m->open = 0;
	return rc;
}

/* --------------------------------------------------------------- position */

void
pg_txmeta_encode(const struct pg_txmeta *m, uint64_t lsn, struct leat_buf *b)
{
	const struct pg_txcount *c;

	if (!m->open)
		return;
	(void)leat_buf_printf(b, ",\"" ID_MEMBER "\":\"%" PRId64 ":%" PRIu64
	    "\"", m->xid, lsn);
	for (c = m->first; c != NULL; c = c->next) {
		char name[sizeof(COUNT_MEMBER) + NAME_MAX_BYTES];
		int n = snprintf(name, sizeof(name), COUNT_MEMBER "%s",
		    c->name);

		(void)leat_buf_add_byte(b, ',');
		(void)leat_json_add_string(b, name, (size_t)n);
		(void)leat_buf_add_byte(b, ':');
		(void)leat_buf_add_i64(b, c->n);
	}
}

/* One member; 0 when it is none of ours, or -ENOMEM. */
static int
load_member(struct pg_txmeta *m, struct leat_str name,
    const struct leat_value *v)
{
	size_t skip = sizeof(COUNT_MEMBER) - 1;
	struct pg_txcount *c;

	if (name.len <= skip || memcmp(name.ptr, COUNT_MEMBER, skip) != 0 ||
	    v->kind != LEAT_INT64 || v->u.i < 0)
		return 0;
	c = find_count(m, (struct leat_str){ name.ptr + skip,
	    name.len - skip });
	if (c == NULL)
		return -ENOMEM;
	m->total += v->u.i - c->n;
	c->n = v->u.i;
	return 0;
}

/* The number in front of the colon that Debezium writes behind it. */
static int64_t
xid_of(const struct leat_value *v)
{
	int64_t xid = 0;

	for (uint32_t i = 0; i < v->len && i < 18 && v->u.s[i] >= '0' &&
	    v->u.s[i] <= '9'; i++)
		xid = xid * 10 + (v->u.s[i] - '0');
	return xid;
}

static int
load_members(struct pg_txmeta *m, const struct leat_value *map)
{
	const struct leat_value *id = leat_map_value(map, ID_MEMBER);

	if (id == NULL || id->kind != LEAT_STRING)
		return 0;
	start_counting(m, xid_of(id));
	for (uint32_t i = 0; i + 1 < map->len * 2; i += 2) {
		const struct leat_value *name = &map->u.items[i];
		int rc;

		if (name->kind != LEAT_STRING)
			continue;
		rc = load_member(m, (struct leat_str){ name->u.s, name->len },
		    name + 1);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int
pg_txmeta_load(struct pg_txmeta *m, const char *position, struct leat_err *err)
{
	struct leat_arena a;
	struct leat_value v;
	int rc;

	m->open = 0;
	if (!m->enabled)
		return 0;
	leat_arena_init(&a, 4096, PARSE_MAX);
	rc = leat_json_parse(&a, position, strlen(position), &v, err);
	if (rc == 0 && v.kind == LEAT_MAP && load_members(m, &v) < 0)
		rc = leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	leat_arena_fini(&a);
	return rc < 0 ? leat_err_wrap(err, "stored position") : 0;
}
