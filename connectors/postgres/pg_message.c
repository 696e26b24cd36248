/* SPDX-License-Identifier: Apache-2.0 */
#include "pg_message.h"

#include <errno.h>

enum {
	FIELD_OP,
	FIELD_TS_MS,
	FIELD_SOURCE,
	FIELD_TRANSACTION,
	FIELD_MESSAGE,
	FIELD_N
};

static struct leat_field
field(const char *name, int kind, int optional)
{
	return (struct leat_field){ .name = name,
		.schema = leat_schema_plain(kind, optional) };
}

static int
make_schemas(struct pg_messages *m, const struct pg_emit *e,
    struct leat_err *err)
{
	int content = e->cfg->binary_mode == PG_BINARY_BYTES ? LEAT_BYTES :
	    LEAT_STRING;
	struct leat_field prefix = field("prefix", LEAT_STRING, 1);
	struct leat_field mf[2] = { prefix, field("content", content, 1) };
	struct leat_schema body = { .kind = LEAT_STRUCT, .version = 1,
		.name = "io.debezium.connector.postgresql.Message",
		.fields = mf, .nfields = 2 };
	struct leat_field f[FIELD_N] = {
		[FIELD_OP] = field("op", LEAT_STRING, 0),
		[FIELD_TS_MS] = field("ts_ms", LEAT_INT64, 1),
		[FIELD_SOURCE] = { .name = "source",
		    .schema = e->source_schema },
		[FIELD_TRANSACTION] = { .name = "transaction",
		    .schema = pg_txmeta_block_schema(e->task, err) },
		[FIELD_MESSAGE] = { .name = "message", .schema = &body } };
	struct leat_schema k = { .kind = LEAT_STRUCT, .version = 1,
		.name = "io.debezium.connector.postgresql.MessageKey",
		.fields = &prefix, .nfields = 1 };
	struct leat_schema v = { .kind = LEAT_STRUCT, .version = 1,
		.name = "io.debezium.connector.postgresql.MessageValue",
		.fields = f, .nfields = FIELD_N };

	m->key = leat_schema_intern(e->task, &k, err);
	m->value = m->key == NULL || f[FIELD_TRANSACTION].schema == NULL ?
	    NULL : leat_schema_intern(e->task, &v, err);
	return m->value == NULL ?
	    leat_err_wrap(err, "schema of the logical messages") : 0;
}

int
pg_messages_init(struct pg_messages *m, const struct pg_emit *e,
    struct leat_arena *a, struct leat_err *err)
{
	const struct pg_config *cfg = e->cfg;
	int rc;

	*m = (struct pg_messages){ 0 };
	m->topic = leat_arena_printf(a, "%s%smessage", e->prefix,
	    cfg->topic_delimiter);
	m->m_events = leat_metric(e->task, LEAT_METRIC_COUNTER,
	    "postgres_events_message_total", "Logical messages delivered.");
	if (m->topic == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	rc = pg_filter_init(&m->include, "message.prefix.include.list",
	    &cfg->message_include, err);
	if (rc == 0)
		rc = pg_filter_init(&m->exclude, "message.prefix.exclude.list",
		    &cfg->message_exclude, err);
	return rc < 0 ? rc : make_schemas(m, e, err);
}

void
pg_messages_fini(struct pg_messages *m)
{
	pg_filter_fini(&m->include);
	pg_filter_fini(&m->exclude);
}

int
pg_messages_wants(const struct pg_messages *m, struct leat_str prefix)
{
	if (m->include.len > 0)
		return pg_filter_find(&m->include, prefix.ptr) >= 0;
	return pg_filter_find(&m->exclude, prefix.ptr) < 0;
}

/* {"prefix":..,"content":..} */
static int
make_body(const struct pg_emit *e, struct leat_batch *b,
    const struct pgo_message *msg, struct leat_value *ret)
{
	struct leat_value *v = leat_batch_alloc(b, 2 * sizeof(*v));

	if (v == NULL)
		return PG_CONV_NOMEM;
	v[0] = leat_string(msg->prefix.ptr, msg->prefix.len);
	*ret = leat_items(LEAT_STRUCT, v, 2);
	return pg_binary_value(e->cfg->binary_mode, msg->content.ptr,
	    msg->content.len, b, &v[1]);
}

int
pg_messages_emit(const struct pg_messages *m, struct pg_emit *e,
    struct leat_batch *b, const struct pgo_message *msg, uint64_t lsn)
{
	int counts = msg->transactional && e->tx.open;
	struct leat_value *v = leat_batch_alloc(b, FIELD_N * sizeof(*v));
	struct leat_value *src = pg_emit_source(e, b, "", "", lsn);
	struct leat_record rec = { .topic = m->topic,
		.partition = LEAT_PARTITION_ANY,
		.timestamp_ms = LEAT_TIMESTAMP_NONE,
		.key_schema = m->key,
		.value_schema = m->value };
	int rc;

	if (v == NULL || src == NULL)
		return PG_CONV_NOMEM;
	if (!msg->transactional)
		src[PG_SRC_TXID] = leat_null();
	v[FIELD_OP] = leat_string("m", 1);
	v[FIELD_TS_MS] = e->now[0];
	v[FIELD_SOURCE] = leat_items(LEAT_STRUCT, src, PG_SRC_N);
	v[FIELD_TRANSACTION] = leat_null();
	rc = make_body(e, b, msg, &v[FIELD_MESSAGE]);
	if (rc == 0 && counts)
		rc = pg_txmeta_block(&e->tx, b, NULL, lsn,
		    &v[FIELD_TRANSACTION]);
	if (rc != 0)
		return rc;
	rec.key = leat_items(LEAT_STRUCT, v[FIELD_MESSAGE].u.items, 1);
	rec.value = leat_items(LEAT_STRUCT, v, FIELD_N);
	if (leat_batch_add(b, &rec) < 0)
		return PG_CONV_NOMEM;
	if (counts)
		pg_txmeta_counted(&e->tx);
	leat_metric_add(m->m_events, 1);
	return 0;
}
