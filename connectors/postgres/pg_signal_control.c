/* SPDX-License-Identifier: Apache-2.0 */
#include "pg_signal_control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <leat/json.h>
#include <leat/wire.h>

enum {
	PARSE_CHUNK = 8 * 1024,
	PARSE_MAX = 16 * 1024 * 1024,
	ASK_MS = 100,
	KEPT_MS = 1000		/* between two tries */
};

/* ----------------------------------------------------------------- signals */

/* "Signal at {}" with the position in place of the braces. */
static void
log_message(struct pg_control *c, const struct pg_signal *s)
{
	struct leat_buf pos, text;
	const char *at = strstr(s->message, "{}");

	leat_buf_init(&pos, PG_POSITION_MAX);
	leat_buf_init(&text, PARSE_MAX);
	pg_position_encode(c->pos, &pos);
	if (at == NULL)
		(void)leat_buf_add_str(&text, s->message);
	else
		(void)leat_buf_printf(&text, "%.*s%s%s", (int)(at -
		    s->message), s->message, leat_buf_cstr(&pos) == NULL ? "" :
		    leat_buf_cstr(&pos), at + 2);
	leat_log_notice(c->task, "signal", "id=%s message=\"%s\"", s->id,
	    leat_buf_cstr(&text) == NULL ? "" : leat_buf_cstr(&text));
	leat_buf_fini(&pos);
	leat_buf_fini(&text);
}

static void
refuse(void *arg, const char *id, const struct leat_err *err)
{
	struct pg_control *c = arg;
	struct pg_notify_field f = { "reason", err->text };

	leat_log_warn(c->task, "signal refused", "id=%s reason=\"%s\"", id,
	    err->text);
	pg_notify(&c->notify, id, PG_NOTIFY_SIGNAL, "REJECTED", &f, 1);
}

static void
block(struct pg_control *c, const struct pg_signal *s,
    const struct pg_tables *tables)
{
	struct leat_err err = LEAT_ERR_INIT;
	uint32_t n;

	if (s->surrogate != NULL)
		leat_log_info(c->task, "a blocking snapshot needs no "
		    "surrogate-key", "signal=%s", s->id);
	n = pg_blocking_want(&c->blocking, s, tables);
	if (n == 0) {
		(void)leat_err_set(&err, LEAT_CLS_RECORD, LEAT_E_DATA,
		    "data-collections: no captured table matches");
		refuse(c, s->id, &err);
		return;
	}
	leat_log_notice(c->task, "blocking snapshot wanted",
	    "signal=%s tables=%u", s->id, n);
}

/* The ordinary connection may be reading a table: then by one of its own. */
static int
list_tables(struct pg_control *c, struct leat_arena *a,
    struct pg_tables *ret_tables, struct leat_err *err)
{
	int busy = c->sql->pg != NULL &&
	    PQtransactionStatus(c->sql->pg) == PQTRANS_ACTIVE;
	struct pg_conn own = { 0 };
	int rc = !busy ? 0 :
	    pg_conn_open(&own, c->task, c->cfg, PG_CONN_SQL, err);

	if (rc == 0)
		rc = pg_catalog_published(busy ? &own : c->sql, c->filters,
		    c->cfg->publication, a, ret_tables, err);
	pg_conn_close(&own);
	return rc;
}

/* The server did not answer: the signal is tried again, by another task too. */
static void
keep(struct pg_control *c, const struct pg_signal *s,
    const struct leat_err *err)
{
	if (pg_kept_add(&c->kept, s) < 0) {
		refuse(c, s->id, err);
		return;
	}
	c->signals.moved = 1;
	c->kept.next_ms = leat_mono_ms(c->task) + KEPT_MS;
	leat_log_warn(c->task, "a signal is tried again later",
	    "id=%s reason=\"%s\"", s->id, err->text);
}

static void
execute(struct pg_control *c, const struct pg_signal *s)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct pg_tables tables = { 0 };
	struct leat_arena a;
	int rc = 0;

	leat_arena_init(&a, PARSE_CHUNK, PARSE_MAX);
	if (c->no_stream)
		rc = leat_err_set(&err, LEAT_CLS_RECORD, LEAT_E_STATE,
		    "snapshot.mode=initial_only has no stream that a snapshot "
		    "could fit into");
	if (rc == 0)
		rc = list_tables(c, &a, &tables, &err);
	if (rc < 0 && err.cls == LEAT_CLS_RETRY)
		keep(c, s, &err);
	else if (rc < 0)
		refuse(c, s->id, &err);
	else if (s->blocking)
		block(c, s, &tables);
	else
		pg_inc_execute(&c->inc, s, &tables);
	leat_arena_fini(&a);
}

static void
act(void *arg, const struct pg_signal *s)
{
	struct pg_control *c = arg;

	switch (s->kind) {
	case PG_SIGNAL_EXECUTE:
		execute(c, s);
		break;
	case PG_SIGNAL_STOP:
		pg_inc_stop(&c->inc, s);
		break;
	case PG_SIGNAL_PAUSE:
		pg_inc_pause(&c->inc, 1);
		break;
	case PG_SIGNAL_RESUME:
		pg_inc_pause(&c->inc, 0);
		break;
	case PG_SIGNAL_LOG:
		log_message(c, s);
		break;
	case PG_SIGNAL_WINDOW_CLOSE:
		pg_inc_signal_row(&c->inc, leat_str_c(s->id));
		break;
	case PG_SIGNAL_WINDOW_OPEN:
		break;
	}
}

/* ------------------------------------------------------------ init, fini */

int
pg_control_init(struct pg_control *c, struct leat_task *t,
    const struct pg_relcache *rels, struct pg_emit *emit,
    struct pgo_decoder *dec, struct leat_arena *a, struct leat_err *err)
{
	int rc;

	c->task = c->inc.task = c->blocking.task = t;
	c->cfg = c->inc.cfg = c->blocking.cfg = rels->cfg;
	c->sql = c->inc.sql = rels->conn;
	c->filters = rels->filters;
	c->no_stream = c->cfg->snapshot_mode == PG_SNAPSHOT_INITIAL_ONLY;
	c->inc.prefix = rels->prefix;
	c->inc.emit = emit;
	c->inc.notify = &c->notify;
	c->inc.dec = dec;
	c->signals.act = act;
	c->signals.refuse = refuse;
	c->signals.arg = c;
	rc = pg_inc_init(&c->inc, rels, err);
	if (rc == 0)
		rc = pg_notify_init(&c->notify, t, c->cfg, rels->prefix, err);
	if (rc == 0)
		rc = pg_signals_init(&c->signals, t, c->cfg, rels->prefix, a,
		    err);
	return rc;
}

void
pg_control_fini(struct pg_control *c)
{
	pg_blocking_fini(&c->blocking);
	pg_inc_fini(&c->inc);
	pg_notify_fini(&c->notify);
	pg_signals_fini(&c->signals);
	pg_kept_fini(&c->kept);
}

int
pg_control_publish(struct pg_control *c, struct leat_arena *a,
    struct pg_tables *tables, struct leat_err *err)
{
	const char *params[1] = { c->cfg->signal_table };
	struct pg_table *items, *t;
	PGresult *res = NULL;
	int rc;

	if (params[0] == NULL || (c->signals.channels & PG_CHANNEL_SOURCE) == 0)
		return 0;
	for (uint32_t i = 0; i < tables->len; i++)
		if (pg_signal_is_table(params[0], leat_str_c(
		    tables->items[i].schema), leat_str_c(
		    tables->items[i].name)))
			return 0;
	rc = pg_query(c->sql, &res, err, "SELECT c.oid, n.nspname, c.relname"
	    " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n"
	    " ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p')"
	    " AND n.nspname || '.' || c.relname = $1", 1, params);
	if (rc < 0)
		return leat_err_wrap(err, "look up the table of signals");
	if (PQntuples(res) == 0) {
		PQclear(res);
		leat_log_warn(c->task, "the table of signals does not exist: "
		    "CREATE TABLE it with columns id, type, data",
		    "table=%s", params[0]);
		return 0;
	}
	items = leat_arena_calloc(a, (size_t)tables->len + 1, sizeof(*items));
	if (items != NULL) {
		if (tables->len > 0)
			memcpy(items, tables->items, tables->len *
			    sizeof(*items));
		t = &items[tables->len];
		t->oid = (uint32_t)pg_cell_i64(res, 0, 0);
		t->schema = leat_arena_strdup(a, pg_cell(res, 0, 1));
		t->name = leat_arena_strdup(a, pg_cell(res, 0, 2));
		t->kind = 'r';
	}
	PQclear(res);
	if (items == NULL || t->schema == NULL || t->name == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	tables->items = items;
	tables->len++;
	return 0;
}

/* ------------------------------------------------------------------- state */

int
pg_control_restore(struct pg_control *c, const char *position,
    struct leat_err *err)
{
	const struct leat_value *n;
	struct leat_value v;
	struct leat_arena a;
	int rc;

	leat_arena_init(&a, PARSE_CHUNK, PARSE_MAX);
	rc = leat_json_parse(&a, position, strlen(position), &v, err);
	if (rc == 0)
		rc = pg_inc_restore(&c->inc, &v, err);
	if (rc == 0)
		rc = pg_blocking_restore(&c->blocking, &v, err);
	if (rc == 0 && pg_kept_restore(&c->kept, &v) < 0)
		rc = leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	if (rc == 0) {
		n = leat_map_value(&v, "signal_topic_offset");
		if (n != NULL && n->kind == LEAT_INT64)
			c->signals.topic_offset = n->u.i;
	}
	leat_arena_fini(&a);
	return rc < 0 ? leat_err_wrap(err, "stored position") : 0;
}

void
pg_control_encode(const struct pg_control *c, struct leat_buf *b)
{
	if (c == NULL || b->len == 0)
		return;
	b->len--;
	pg_inc_encode(&c->inc, b);
	pg_blocking_encode(&c->blocking, b);
	if (c->signals.topic_offset > 0)
		(void)leat_buf_printf(b, ",\"signal_topic_offset\":%lld",
		    (long long)c->signals.topic_offset);
	pg_signals_encode(&c->signals, b);
	pg_kept_encode(&c->kept, b);
	(void)leat_buf_add_byte(b, '}');
}

void
pg_control_status(const struct pg_control *c, struct leat_buf *b)
{
	pg_inc_status(&c->inc, b);
	if (pg_blocking_wanted(&c->blocking))
		(void)leat_buf_printf(b, ",\"blocking_snapshot\":"
		    "{\"tables\":%u,\"state\":\"%s\"}", c->blocking.n,
		    c->blocking.step == PG_BLOCKING_READY ? "reading" :
		    "waiting");
}

int
pg_control_poll(struct pg_control *c, struct leat_batch *b)
{
	pg_relcache_sweep(&c->inc.rels);
	pg_notify_sweep(&c->notify);
	pg_signals_poll(&c->signals);
	return pg_notify_flush(&c->notify, b);
}

/* -------------------------------------------------------------- the stream */

int
pg_control_work(struct pg_control *c, struct leat_err *err)
{
	if (c == NULL)
		return 0;
	if (pg_kept_any(&c->kept) && leat_mono_ms(c->task) >=
	    c->kept.next_ms) {
		if (!pg_conn_ok(c->sql))	/* then by another task */
			return leat_err_set(err, LEAT_CLS_RETRY,
			    LEAT_E_REMOTE, "a signal waits, and the "
			    "connection to PostgreSQL is lost");
		c->signals.moved = 1;
		pg_kept_each(&c->kept, act, c);
	}
	if (pg_blocking_wanted(&c->blocking) && c->inc.step == PG_INC_IDLE)
		pg_blocking_work(&c->blocking);
	return pg_inc_work(&c->inc, !pg_blocking_wanted(&c->blocking), err);
}

void
pg_control_begin(struct pg_control *c, uint32_t xid, uint64_t lsn)
{
	if (c == NULL)
		return;
	pg_inc_begin(&c->inc, xid, lsn);
	c->blocking.stream_lsn = c->inc.stream_lsn;
	c->blocking.begun_lsn = lsn;
}

void
pg_control_reached(struct pg_control *c, uint64_t lsn)
{
	if (c == NULL)
		return;
	pg_inc_reached(&c->inc, lsn);
	pg_blocking_reached(&c->blocking, lsn);
}

void
pg_control_relation(struct pg_control *c, const struct pgo_relation *rel)
{
	if (c == NULL)
		return;
	pg_signals_relation(&c->signals, rel);
	pg_inc_relation(&c->inc, rel);
}

int
pg_control_message(struct pg_control *c, const struct pgo_message *m)
{
	return c != NULL && pg_inc_message(&c->inc, m);
}

void
pg_control_change(struct pg_control *c, struct pg_relcache *rels,
    const char *payload, size_t len)
{
	if (c != NULL && c->inc.window.open)
		pg_inc_change(&c->inc, rels, payload, len);
}

void
pg_control_done(struct pg_control *c, const char *payload, size_t len)
{
	struct pgo_msg m;

	if (c == NULL || c->signals.table_oid == 0 || len < 5 ||
	    payload[0] != PGO_INSERT || leat_get_u32((const uint8_t *)payload +
	    1) != c->signals.table_oid)
		return;
	if (pgo_decode(c->inc.dec, payload, len, &m, NULL) == 0)
		pg_signals_row(&c->signals, &m.u.change.new_row);
}

int
pg_control_holds(struct pg_control *c, const char *frame, size_t len)
{
	return c != NULL && c->blocking.step != PG_BLOCKING_NONE &&
	    pg_blocking_holds(&c->blocking, frame, len);
}

int
pg_control_asks(struct pg_control *c)
{
	struct pg_blocking *k;
	int64_t now;

	if (c == NULL)
		return 0;
	k = &c->blocking;
	if (k->step == PG_BLOCKING_WAIT) {
		now = leat_mono_ms(c->task);
		if (now >= k->next_ask_ms) {
			k->next_ask_ms = now + ASK_MS;
			return 1;
		}
	}
	return pg_inc_asks(&c->inc);
}

int
pg_control_moved(struct pg_control *c)
{
	int moved;

	if (c == NULL)
		return 0;
	moved = c->inc.dirty || c->blocking.dirty || c->signals.moved;
	c->inc.dirty = c->blocking.dirty = c->signals.moved = 0;
	return moved;
}

int
pg_control_wait_fd(struct pg_control *c, int fd, int64_t *ms)
{
	int64_t look;

	if (c == NULL)
		return fd;
	if (pg_blocking_wanted(&c->blocking) && *ms > ASK_MS)
		*ms = ASK_MS;
	if ((c->signals.channels & (PG_CHANNEL_FILE | PG_CHANNEL_KAFKA)) != 0) {
		look = c->signals.next_look - leat_mono_ms(c->task);
		if (look < *ms)
			*ms = look > 0 ? look : 0;
	}
	return pg_inc_wait_fd(&c->inc, fd, ms);
}
