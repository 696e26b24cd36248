/* SPDX-License-Identifier: Apache-2.0 */
#include "pg_emit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "pg_notify.h"

/* The version that events carry in source.version. */
#define SOURCE_VERSION LEAT_VERSION

/* ---------------------------------------------------------------- set-up */

static int
set_context(struct pg_emit *e, struct leat_err *err)
{
	const struct leat_schema *s = leat_schema_intern(e->task,
	    leat_schema_plain(LEAT_STRING, 0), err);
	const struct leat_header rows[4] = {
		{ "__debezium.context.connectorLogicalName", s,
		    leat_cstring(e->prefix) },
		{ "__debezium.context.taskId", s, leat_cstring(e->task_id) },
		{ "__debezium.context.connectorName", s,
		    leat_cstring("postgresql") },
		{ "__debezium.context.runId", s, leat_cstring(e->run_id) },
	};

	memcpy(e->context, rows, sizeof(rows));
	e->ncontext = e->cfg->extended_headers ? 4 : 0;
	return s == NULL ? leat_err_wrap(err, "schema of the headers") : 0;
}

static void
set_metrics(struct pg_emit *e)
{
	static const char *const names[] = { "postgres_events_create_total",
		"postgres_events_update_total", "postgres_events_delete_total",
		"postgres_events_truncate_total",
		"postgres_events_snapshot_total" };
	static const char *const help[] = { "Inserted rows delivered.",
		"Updated rows delivered.", "Deleted rows delivered.",
		"Truncated tables delivered.",
		"Rows delivered from snapshots." };

	for (int i = 0; i < PG_OPS; i++)
		e->m_events[i] = leat_metric(e->task, LEAT_METRIC_COUNTER,
		    names[i], help[i]);
}

int
pg_emit_init(struct pg_emit *e, struct leat_task *t,
    const struct pg_config *cfg, const char *prefix, const char *db,
    struct leat_arena *a, struct leat_err *err)
{
	int rc;

	*e = (struct pg_emit){ .task = t, .cfg = cfg, .prefix = prefix };
	rc = pg_uuid(e->run_id, err);
	if (rc == 0)
		rc = pg_schema_source(t, &e->source_schema, err);
	if (rc == 0)
		rc = pg_schema_heartbeat(t, &e->hb_key, &e->hb_value, err);
	if (rc == 0)
		rc = pg_txmeta_init(&e->tx, t, cfg, prefix, a, err);
	if (rc < 0)
		return rc;
	e->hb_topic = cfg->heartbeat_topic != NULL ? cfg->heartbeat_topic :
	    leat_arena_printf(a, "%s%s%s", cfg->heartbeat_prefix,
	    cfg->topic_delimiter, prefix);
	if (e->hb_topic == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	(void)snprintf(e->task_id, sizeof(e->task_id), "%d", leat_task_id(t));
	rc = set_context(e, err);
	if (rc < 0)
		return rc;
	set_metrics(e);
	e->source[PG_SRC_VERSION] = leat_cstring(SOURCE_VERSION);
	e->source[PG_SRC_CONNECTOR] = leat_cstring("postgresql");
	e->source[PG_SRC_NAME] = leat_cstring(prefix);
	e->source[PG_SRC_DB] = leat_cstring(db);
	pg_emit_marker(e, NULL);
	pg_emit_transaction(e, 0, 0, 0);
	pg_emit_clock(e);
	return 0;
}

void
pg_emit_fini(struct pg_emit *e)
{
	pg_txmeta_fini(&e->tx);
}

void
pg_emit_clock(struct pg_emit *e)
{
	int64_t us = leat_now_us(e->task);

	e->now[0] = leat_i64(us / 1000);
	e->now[1] = leat_i64(us);
	e->now[2] = leat_i64(us * 1000);
}

static uint32_t
put_u64(char *to, uint64_t v)
{
	char tmp[20];
	uint32_t n = 0, len;

	do {
		tmp[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	for (len = n; n > 0; to++)
		*to = tmp[--n];
	return len;
}

void
pg_emit_transaction(struct pg_emit *e, int64_t ts_us, int64_t txid,
    uint64_t last_commit)
{
	char *p = e->sequence;

	e->source[PG_SRC_TS_MS] = leat_i64(ts_us / 1000);
	e->source[PG_SRC_TS_US] = leat_i64(ts_us);
	e->source[PG_SRC_TS_NS] = leat_i64(ts_us * 1000);
	e->source[PG_SRC_TXID] = txid == 0 ? leat_null() : leat_i64(txid);
	pg_emit_origin(e, NULL, 0);
	if (last_commit == 0) {
		memcpy(p, "[null,\"", 7);
		p += 7;
	} else {
		memcpy(p, "[\"", 2);
		p += 2;
		p += put_u64(p, last_commit);
		memcpy(p, "\",\"", 3);
		p += 3;
	}
	e->sequence_len = (uint32_t)(p - e->sequence);
}

void
pg_emit_marker(struct pg_emit *e, const char *marker)
{
	e->source[PG_SRC_SNAPSHOT] = marker == NULL ? leat_null() :
	    leat_cstring(marker);
}

void
pg_emit_origin(struct pg_emit *e, const struct leat_str *name, uint64_t lsn)
{
	size_t n;

	e->source[PG_SRC_ORIGIN] = leat_null();
	e->source[PG_SRC_ORIGIN_LSN] = leat_null();
	if (name == NULL)
		return;
	n = name->len < sizeof(e->origin) ? name->len : sizeof(e->origin);
	memcpy(e->origin, name->ptr, n);
	e->source[PG_SRC_ORIGIN] = leat_string(e->origin, n);
	e->source[PG_SRC_ORIGIN_LSN] = leat_i64((int64_t)lsn);
}

/* --------------------------------------------------------------- records */

struct leat_value *
pg_emit_source(struct pg_emit *e, struct leat_batch *b, const char *schema,
    const char *table, uint64_t lsn)
{
	struct leat_value *v = leat_batch_alloc(b, PG_SRC_N * sizeof(*v) +
	    sizeof(e->sequence) + 24 + sizeof(e->origin));
	char *seq = (char *)(v + PG_SRC_N), *p = seq + e->sequence_len;

	if (v == NULL)
		return NULL;
	memcpy(v, e->source, sizeof(e->source));
	memcpy(seq, e->sequence, e->sequence_len);
	p += put_u64(p, lsn);
	*p++ = '"';
	*p++ = ']';
	v[PG_SRC_SEQUENCE] = leat_string(seq, (size_t)(p - seq));
	v[PG_SRC_SCHEMA] = leat_cstring(schema);
	v[PG_SRC_TABLE] = leat_cstring(table);
	v[PG_SRC_LSN] = e->no_lsn ? leat_null() : leat_i64((int64_t)lsn);
	if (v[PG_SRC_ORIGIN].kind != LEAT_NULL) {
		memcpy(p, e->origin, v[PG_SRC_ORIGIN].len);
		v[PG_SRC_ORIGIN].u.s = p;
	}
	return v;
}

/* Adds a record unless an earlier batch had it. */
static int
add(struct pg_emit *e, struct leat_batch *b, const struct leat_record *rec)
{
	if (e->done >= e->skip && leat_batch_add(b, rec) < 0)
		return PG_CONV_NOMEM;
	e->done++;
	return 0;
}

static struct leat_record
record_of(struct pg_emit *e, const struct pg_relation *rel,
    const struct leat_value *keys)
{
	struct leat_record rec = { .topic = rel->topic,
		.partition = LEAT_PARTITION_ANY,
		.timestamp_ms = LEAT_TIMESTAMP_NONE,
		.headers = e->context,
		.nheaders = e->ncontext };

	if (keys != NULL && rel->nkeys > 0) {
		rec.key_schema = rel->key_schema;
		rec.key = leat_items(LEAT_STRUCT, keys, rel->nkeys);
	}
	return rec;
}

static struct leat_value
row_value(const struct pg_relation *rel, const struct pg_row *row)
{
	return row == NULL ? leat_null() :
	    leat_items(LEAT_STRUCT, row->fields, rel->nfields);
}

/* Adds the event; `rec` has topic, key and headers. */
static int
add_event(struct pg_emit *e, struct leat_batch *b,
    const struct pg_relation *rel, struct leat_record *rec,
    const struct leat_value *source, const char *op,
    const struct pg_row *before, const struct pg_row *after)
{
	int counts = e->tx.open && op[0] != 'r';
	struct leat_value *v;
	int rc = 0;

	if (e->done < e->skip) {
		e->done++;
		return 0;
	}
	v = leat_batch_alloc(b, PG_ENV_N * sizeof(*v));
	if (v == NULL)
		return PG_CONV_NOMEM;
	v[PG_ENV_BEFORE] = row_value(rel, before);
	v[PG_ENV_AFTER] = row_value(rel, after);
	v[PG_ENV_SOURCE] = leat_items(LEAT_STRUCT, source, PG_SRC_N);
	v[PG_ENV_TRANSACTION] = leat_null();
	v[PG_ENV_OP] = leat_string(op, 1);
	memcpy(&v[PG_ENV_TS_MS], e->now, sizeof(e->now));
	rec->value_schema = rel->envelope;
	rec->value = leat_items(LEAT_STRUCT, v, PG_ENV_N);
	if (counts)
		rc = pg_txmeta_block(&e->tx, b, rel,
		    (uint64_t)source[PG_SRC_LSN].u.i, &v[PG_ENV_TRANSACTION]);
	if (rc == 0)
		rc = add(e, b, rec);
	if (rc == 0 && counts)
		pg_txmeta_counted(&e->tx);
	return rc;
}

static int
add_tombstone(struct pg_emit *e, struct leat_batch *b,
    const struct pg_relation *rel, struct leat_record *rec)
{
	/* Without a key there is nothing to bury. */
	if (!e->cfg->tombstones || rel->nkeys == 0)
		return 0;
	rec->value_schema = NULL;
	rec->value = leat_null();
	return add(e, b, rec);
}

static void
count(struct pg_emit *e, const struct pg_relation *rel, enum pg_op op)
{
	leat_metric_add(e->m_events[op], 1);
	if (rel->tally != NULL)
		rel->tally->events[op]++;
}

int
pg_emit_row(struct pg_emit *e, struct leat_batch *b,
    const struct pg_relation *rel, uint64_t lsn, char op,
    const struct pg_row *row)
{
	const struct leat_value *src = pg_emit_source(e, b, rel->schema,
	    rel->name, lsn);
	struct leat_record rec = record_of(e, rel, row->keys);
	int rc;

	if (src == NULL)
		return PG_CONV_NOMEM;
	rc = add_event(e, b, rel, &rec, src, op == 'r' ? "r" : "c", NULL, row);
	if (rc == 0)
		count(e, rel, op == 'r' ? PG_OP_R : PG_OP_C);
	return rc;
}

/* The headers of a record about a changed key: one more than usual. */
static int
key_headers(struct pg_emit *e, struct leat_batch *b,
    const struct pg_relation *rel, const char *name,
    const struct leat_value *keys, struct leat_record *rec)
{
	struct leat_header *h = leat_batch_alloc(b,
	    (e->ncontext + 1) * sizeof(*h));

	if (h == NULL)
		return PG_CONV_NOMEM;
	h[0].name = name;
	h[0].schema = rel->key_schema;
	h[0].value = leat_items(LEAT_STRUCT, keys, rel->nkeys);
	memcpy(h + 1, e->context, e->ncontext * sizeof(*h));
	rec->headers = h;
	rec->nheaders = e->ncontext + 1;
	return 0;
}

static int
emit_key_change(struct pg_emit *e, struct leat_batch *b,
    const struct pg_relation *rel, const struct leat_value *src,
    const struct pg_row *before, const struct pg_row *after)
{
	struct leat_record gone = record_of(e, rel, before->keys);
	struct leat_record come = record_of(e, rel, after->keys);
	int rc;

	rc = key_headers(e, b, rel, "__debezium.newkey", after->keys, &gone);
	if (rc == 0)
		rc = key_headers(e, b, rel, "__debezium.oldkey", before->keys,
		    &come);
	if (rc == 0)
		rc = add_event(e, b, rel, &gone, src, "d", before, NULL);
	if (rc == 0)
		rc = add_tombstone(e, b, rel, &gone);
	if (rc == 0)
		rc = add_event(e, b, rel, &come, src, "c", NULL, after);
	return rc;
}

int
pg_emit_update(struct pg_emit *e, struct leat_batch *b,
    const struct pg_relation *rel, uint64_t lsn, const struct pg_row *before,
    const struct pg_row *after, int key_changed)
{
	const struct leat_value *src = pg_emit_source(e, b, rel->schema,
	    rel->name, lsn);
	struct leat_record rec = record_of(e, rel, after->keys);
	int rc;

	if (src == NULL)
		return PG_CONV_NOMEM;
	rc = key_changed ? emit_key_change(e, b, rel, src, before, after) :
	    add_event(e, b, rel, &rec, src, "u", before, after);
	if (rc == 0)
		count(e, rel, PG_OP_U);
	return rc;
}

int
pg_emit_delete(struct pg_emit *e, struct leat_batch *b,
    const struct pg_relation *rel, uint64_t lsn, const struct pg_row *before)
{
	const struct leat_value *src = pg_emit_source(e, b, rel->schema,
	    rel->name, lsn);
	struct leat_record rec = record_of(e, rel, before->keys);
	int rc;

	if (src == NULL)
		return PG_CONV_NOMEM;
	rc = add_event(e, b, rel, &rec, src, "d", before, NULL);
	if (rc == 0)
		rc = add_tombstone(e, b, rel, &rec);
	if (rc == 0)
		count(e, rel, PG_OP_D);
	return rc;
}

int
pg_emit_truncate(struct pg_emit *e, struct leat_batch *b,
    const struct pg_relation *rel, uint64_t lsn)
{
	const struct leat_value *src = pg_emit_source(e, b, rel->schema,
	    rel->name, lsn);
	struct leat_record rec = record_of(e, rel, NULL);
	int rc;

	if (src == NULL)
		return PG_CONV_NOMEM;
	rc = add_event(e, b, rel, &rec, src, "t", NULL, NULL);
	if (rc == 0)
		count(e, rel, PG_OP_T);
	return rc;
}

int
pg_emit_heartbeat(struct pg_emit *e, struct leat_batch *b)
{
	struct leat_value *v = leat_batch_alloc(b, 2 * sizeof(*v));
	struct leat_record rec = { .topic = e->hb_topic, .partition = 0,
		.timestamp_ms = LEAT_TIMESTAMP_NONE, .key_schema = e->hb_key,
		.value_schema = e->hb_value };

	if (v == NULL)
		return PG_CONV_NOMEM;
	v[0] = leat_cstring(e->prefix);
	v[1] = e->now[0];
	rec.key = leat_items(LEAT_STRUCT, &v[0], 1);
	rec.value = leat_items(LEAT_STRUCT, &v[1], 1);
	return leat_batch_add(b, &rec) < 0 ? PG_CONV_NOMEM : 0;
}
