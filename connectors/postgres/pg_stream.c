/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_stream.c: see pg_stream.h; what a message does is in pg_apply.c.
 */
#include "pg_stream.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <leat/buf.h>

#include "pg_apply.h"
#include "pg_command.h"
#include "pg_meter.h"
#include "pg_prepared.h"

enum {
	SQL_MAX = 64 * 1024,
	STATUS_AFTER_DURABLE_MS = 1000,
	NO_MEMORY_WAIT_MS = 10,
	/* An open transaction is gathered up to these limits. */
	GATHER_FRAMES = 2048,
	GATHER_BYTES = 256 * 1024,
	GATHER_MS = 2,
	REPLAY_FRAMES = 16384,	/* at a time */
	GATHER_BY_FD = 8	/* fewer frames than this: wake for each */
};

/* ------------------------------------------------------------------- start */

/* Well below the server's patience. */
static int64_t
status_interval(const struct pg_config *cfg, const struct pg_server *srv)
{
	int64_t third = srv->wal_sender_timeout_ms / 3;

	return third > 0 && third < cfg->status_interval_ms ? third :
	    cfg->status_interval_ms;
}

/* The counts of a transaction that was delivered in part. */
static int
load_counts(struct pg_stream *s, struct leat_err *err)
{
	struct leat_buf part;
	const char *text = NULL;

	s->emit->tx.open = 0;
	if (s->pos.final_lsn == 0 || !s->emit->tx.enabled)
		return 0;
	leat_buf_init(&part, PG_POSITION_MAX);
	if (pg_partition_json(s->emit->prefix, &part) == 0)
		text = leat_offset_get(s->task, leat_buf_cstr(&part));
	leat_buf_fini(&part);
	return text == NULL ? 0 : pg_txmeta_load(&s->emit->tx, text, err);
}

/* Streams what the options ask for and the server has. */
static void
choose_modes(struct pg_stream *s, struct pg_command *c, int two_phase)
{
	const struct pg_config *cfg = s->cfg;
	int version = s->repl->version;

	*c = (struct pg_command){ .from = s->start_lsn,
		.protocol = pg_command_protocol(cfg, version) };
	c->streaming = cfg->stream_large && c->protocol >= 2;
	c->two_phase = cfg->two_phase && c->protocol >= 3;
	s->two_phase = two_phase || c->two_phase;
	if (cfg->stream_large && !c->streaming)
		leat_log_warn(s->task, "streaming.large.transactions needs "
		    "PostgreSQL 14", "server=%d", version / 10000);
	if (cfg->two_phase && !c->two_phase)
		leat_log_warn(s->task, "streaming.two.phase needs PostgreSQL "
		    "15", "server=%d", version / 10000);
	else if (two_phase && !cfg->two_phase)
		leat_log_notice(s->task, "the slot decodes prepared "
		    "transactions at their PREPARE, whatever "
		    "streaming.two.phase says", "slot=%s", cfg->slot);
}

static int
explain_start(const struct pg_stream *s, struct leat_err *err)
{
	if (s->cfg->stream_params != NULL && err != NULL &&
	    strstr(err->text, "unrecognized pgoutput option") != NULL) {
		err->cls = LEAT_CLS_CONFIG;	/* an internal error there */
		return leat_err_wrap(err, "slot.stream.params: PostgreSQL %d "
		    "does not know all of '%s'", s->repl->version / 10000,
		    s->cfg->stream_params);
	}
	if (s->cfg->protocol != 0 && err != NULL &&
	    strstr(err->text, "client sent proto_version") != NULL) {
		err->cls = LEAT_CLS_CONFIG;
		return leat_err_wrap(err, "streaming.protocol.version: "
		    "PostgreSQL %d does not know version %d",
		    s->repl->version / 10000, (int)s->cfg->protocol);
	}
	return leat_err_wrap(err, "start streaming from slot '%s'",
	    s->cfg->slot);
}

int
pg_stream_start(struct pg_stream *s, const struct pg_position *pos,
    const struct pg_server *srv, int two_phase, struct leat_err *err)
{
	int64_t now = leat_mono_ms(s->task);
	struct pg_command how;
	struct leat_buf b;
	int rc;

	s->pos = *pos;
	s->pos.snapshot = s->pos.snapshot_done = 0;
	/* Stored at once, so that a slot recreated meanwhile is noticed. */
	s->position_dirty = !pos->snapshot_done;
	s->resume_final = pos->final_lsn;
	s->resume_events = pos->events;
	s->resume_records = pos->records;
	s->start_lsn = s->confirmed = pg_position_confirmed(pos);
	s->resend_until = s->start_lsn < pos->flush ? pos->flush : 0;
	s->in_prepared = s->replays_prepared = 0;
	s->told = 0;
	s->server_end = pos->flush;
	s->status_ms = status_interval(s->cfg, srv);
	s->next_status = now + s->status_ms;
	s->last_idle = now;
	/* The first tells that the snapshot is complete. */
	s->next_heartbeat = now + (pos->snapshot_done ? 0 :
	    s->cfg->heartbeat_interval_ms);
	pgo_reset(&s->dec);
	pg_emit_transaction(s->emit, pos->ts_us, pos->txid, pos->lsn_commit);
	rc = load_counts(s, err);
	if (rc < 0)
		return rc;
	pg_spools_fini(&s->spools);
	pg_prepared_fini(s);
	rc = pg_spools_init(&s->spools, s->task, s->cfg, err);
	if (rc < 0)
		return rc;
	pg_meter_init(s);
	choose_modes(s, &how, two_phase);
	leat_buf_init(&b, SQL_MAX);
	pg_command_write(s->repl, s->cfg, &how, &b);
	rc = leat_buf_cstr(&b) == NULL ?
	    leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory") :
	    pg_copy_start(s->repl, leat_buf_cstr(&b), err);
	leat_buf_fini(&b);
	if (rc < 0) {
		pg_spools_fini(&s->spools);
		return explain_start(s, err);
	}
	pg_watch_init(&s->watch, s->rels->conn, s->repl, s->cfg, s->emit);
	leat_metric_set(s->m_connected, 1);
	leat_log_notice(s->task, "streaming", "slot=%s lsn=" PG_LSN_FMT
	    " protocol=%d", s->cfg->slot, PG_LSN_ARGS(s->start_lsn),
	    how.protocol);
	return 0;
}

/* ------------------------------------------------------------------ status */

/* The server takes nothing: for how long, and is that too long? */
static int
check_stuck(struct pg_stream *s, int stuck, struct leat_err *err)
{
	int64_t now = leat_mono_ms(s->task);

	if (!stuck) {
		s->stuck_since = 0;
		s->stuck_said = 0;
		return 0;
	}
	if (s->stuck_since == 0)
		s->stuck_since = now;
	if (now - s->stuck_since < s->cfg->flush_timeout_ms ||
	    s->cfg->flush_action == PG_TIMEOUT_IGNORE)
		return 0;
	if (s->cfg->flush_action == PG_TIMEOUT_FAIL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ETIMEDOUT,
		    "status update: the server takes nothing for %lld ms "
		    "(lsn.flush.timeout.ms)",
		    (long long)(now - s->stuck_since));
	if (!s->stuck_said)
		leat_log_warn(s->task, "the server takes no status updates",
		    "ms=%lld", (long long)(now - s->stuck_since));
	s->stuck_said = 1;
	return 0;
}

/*
 * A position of 0 confirms nothing, and moves no slot. What was received is
 * told with it, or a server that shuts down would wait to see it confirmed:
 * with lsn.flush.mode=manual, and where a prepared transaction holds the
 * position.
 */
static int
confirms_nothing(const struct pg_stream *s)
{
	return s->cfg->flush_mode == PG_FLUSH_MANUAL ||
	    !s->cfg->flush_source ||
	    (s->pos.prepared != 0 && s->told == s->confirmed);
}

static int
send_status(struct pg_stream *s, struct leat_err *err)
{
	int nothing = confirms_nothing(s);
	uint8_t msg[PGO_STATUS_BYTES];
	int rc, left;

	/* Who catches up wants to hear when that is done. */
	pgo_status_encode(msg, nothing ? s->server_end : s->confirmed,
	    nothing ? 0 : s->confirmed, leat_now_us(s->task),
	    s->asks || (s->until != 0 && !s->reached));
	rc = PQputCopyData(s->repl->pg, (const char *)msg, sizeof(msg));
	left = rc < 0 ? -1 : PQflush(s->repl->pg);
	if (left < 0)
		return pg_error(s->repl, NULL, "status update", err);
	/* rc 0: libpq's buffer is full; the next turn tries again. */
	s->next_status = leat_mono_ms(s->task) + (rc == 0 ? 100 : s->status_ms);
	if (rc > 0) {
		s->told = s->confirmed;
		s->must_reply = s->asks = 0;
	}
	pg_meter_status(s);
	return check_stuck(s, rc == 0 || left > 0, err);
}

int
pg_stream_tick(struct pg_stream *s, struct leat_err *err)
{
	if (!pg_conn_ok(s->repl))
		return 0;	/* poll() will say why */
	s->asks |= pg_control_asks(s->control);
	if (s->must_reply || s->asks || leat_mono_ms(s->task) >= s->next_status)
		return send_status(s, err);
	return check_stuck(s, PQflush(s->repl->pg) > 0, err);
}

int
pg_stream_durable(struct pg_stream *s, const struct pg_position *pos,
    struct leat_err *err)
{
	uint64_t confirmed = pg_position_confirmed(pos);
	int64_t soon;

	if (confirmed <= s->confirmed)
		return 0;
	s->confirmed = confirmed;
	s->confirmed_us = pos->ts_us;
	if (!pg_conn_ok(s->repl))
		return 0;
	soon = leat_mono_ms(s->task) + STATUS_AFTER_DURABLE_MS;
	if (s->must_reply)
		return send_status(s, err);
	if (s->next_status > soon)
		s->next_status = soon;
	return 0;
}

void
pg_stream_stop(struct pg_stream *s)
{
	leat_metric_set(s->m_connected, 0);
	pg_spools_fini(&s->spools);
	pg_queue_fini(&s->queue);
	pg_prepared_fini(s);
	if (!pg_conn_ok(s->repl))
		return;
	if (send_status(s, NULL) < 0)
		return;
	(void)PQputCopyEnd(s->repl->pg, NULL);
	(void)PQflush(s->repl->pg);
}

/* ----------------------------------------------------------------- receive */

/*
 * The server is at `end` and sent everything before it. Between transactions
 * that is a position like that of a commit: once stored, it may be confirmed,
 * so that the server need not keep log that does not concern us.
 */
static void
keepalive(struct pg_stream *s, const struct pgo_frame *f)
{
	int64_t now = leat_mono_ms(s->task);

	if (f->lsn > s->server_end)
		s->server_end = f->lsn;
	if (f->reply_now)
		s->must_reply = 1;
	pg_control_reached(s->control, f->lsn);
	pg_prepared_reached(s, f->lsn);
	if (s->until != 0 && !s->in_tx && f->lsn >= s->until) {
		s->reached = 1;
		return;
	}
	if (s->in_tx || f->lsn <= s->pos.flush)
		return;
	if (!f->reply_now && now - s->last_idle < s->status_ms)
		return;
	s->last_idle = now;
	s->pos.flush = f->lsn;
	s->position_dirty = 1;
}

/*
 * A transaction that was kept commits: its messages, until the batch is full.
 * Its commit stays at the head of the queue as long as there are more.
 */
static int
replay(struct pg_stream *s, struct leat_batch *b,
    const struct pgo_frame *commit, struct leat_err *err)
{
	struct pgo_frame f;
	int rc;

	for (int i = 0; i < REPLAY_FRAMES && !b->full &&
	    (int64_t)b->nrecords < s->cfg->max_batch; i++) {
		rc = pg_spools_next(&s->spools, &s->dec, commit, &f, err);
		if (rc <= 0)
			return rc;
		s->replays_prepared = commit->payload[0] == PGO_COMMIT_PREPARED;
		rc = pg_apply(s, b, &f, err);
		s->replays_prepared = 0;
		if (rc != 0)
			return rc;
		pg_spools_done(&s->spools);
		s->room.since = 0;
	}
	return PG_CONV_NOMEM;
}

/*
 * The server may commit what it never sent: a prepared transaction that wrote
 * nothing which can be decoded.
 */
static int
commit_prepared(struct pg_stream *s, struct leat_batch *b,
    const struct pgo_frame *f, struct leat_err *err)
{
	struct pgo_msg m;
	int rc = pgo_decode(&s->dec, f->payload, f->payload_len, &m, err);

	if (rc < 0 || pg_spool_find(&s->spools, m.xid) == NULL)
		return rc;
	rc = replay(s, b, f, err);
	if (rc == 0)
		pg_prepared_hold(s);
	return rc;
}

/* A frame of a transaction that comes before its commit, or its commit. */
static int
take_kept(struct pg_stream *s, struct leat_batch *b,
    const struct pgo_frame *f, struct leat_err *err)
{
	if (f->payload[0] == PGO_COMMIT_PREPARED)
		return commit_prepared(s, b, f, err);
	if (f->payload[0] == PGO_STREAM_COMMIT)
		return replay(s, b, f, err);
	leat_metric_add(s->m_messages, 1);
	if (pg_prepared_owns(s, f))
		return pg_prepared_take(s, f, err);
	return pg_spools_take(&s->spools, &s->dec, f, err);
}

/* One frame. 0: done with it; PG_CONV_NOMEM: it stays; or an error. */
static int
take_frame(struct pg_stream *s, struct leat_batch *b, struct leat_err *err)
{
	struct leat_str head = pg_queue_head(&s->queue);
	struct pgo_frame f;
	int rc = pgo_frame_decode(head.ptr, head.len, &f, err);

	if (rc < 0)
		return rc;
	if (f.kind == PGO_FRAME_KEEPALIVE) {
		keepalive(s, &f);
		return 0;
	}
	if (f.lsn > s->server_end)
		s->server_end = f.lsn;
	if (pg_spools_owns(&s->spools, &f))
		return take_kept(s, b, &f, err);
	leat_metric_add(s->m_messages, 1);
	return pg_apply(s, b, &f, err);
}

/*
 * Between two transactions: rows of a chunk go out whose window has closed. 1:
 * the stream has to wait.
 */
static int
between(struct pg_stream *s, struct leat_batch *b, struct leat_err *err)
{
	struct leat_str head;

	if (s->control == NULL || s->in_tx || s->until != 0)
		return 0;
	if (pg_inc_ready(&s->control->inc)) {
		int rc = pg_inc_emit(&s->control->inc, b, s->pos.lsn_commit,
		    s->pos.lsn, err);

		if (rc != 0)
			return rc;
	}
	if (s->queue.len == 0)
		return 0;
	head = pg_queue_head(&s->queue);
	return pg_control_holds(s->control, head.ptr, head.len);
}

/* The queue into the batch, until one of them ends. */
static int
take_frames(struct pg_stream *s, struct leat_batch *b, struct leat_err *err)
{
	for (;;) {
		int rc = between(s, b, err);

		if (rc != 0)
			return rc < 0 ? rc : 0;
		if (s->queue.len == 0 || b->full || s->reached ||
		    (int64_t)b->nrecords >= s->cfg->max_batch)
			return 0;
		rc = take_frame(s, b, err);
		if (rc != 0)
			return rc;
		pg_queue_pop(&s->queue);
		s->room.since = 0;
	}
}

/*
 * The server decodes with the catalog of the change's time: a publication that
 * was missing then is missing for ever.
 */
static int
explain_lost(const struct pg_stream *s, struct leat_err *err)
{
	if (s->repl->unpublished)
		(void)leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_STATE,
		    "the server passed changes over");
	if (s->repl->unpublished || (strcmp(err->sqlstate, "42704") == 0 &&
	    strstr(err->text, "publication") != NULL))
		return leat_err_wrap(err, "changes were made while publication "
		    "'%s' did not exist, and cannot be decoded: SELECT "
		    "pg_drop_replication_slot('%s'); and delete the "
		    "connector's stored offsets, to take a new snapshot",
		    s->cfg->publication, s->cfg->slot);
	return err->code;
}

/* What the socket has, into the queue. 0: there is more; 2: that was all. */
static int
receive(struct pg_stream *s, struct leat_err *err)
{
	int64_t now = leat_mono_ms(s->task);
	int looked = 0;

	while (!pg_queue_full(&s->queue)) {
		char *data = NULL;
		size_t len = 0;
		int rc = pg_copy_read(s->repl, &data, &len, err);

		if (rc == 0 && looked)
			return 2;
		if (rc == 0)
			rc = pg_conn_consume(s->repl, err);
		looked = data == NULL;
		if (rc == 2)
			return leat_err_set(err, LEAT_CLS_RETRY, LEAT_E_REMOTE,
			    "the server ended the stream");
		if (rc < 0 || s->repl->unpublished) {
			PQfreemem(data);
			return explain_lost(s, err);
		}
		if (data == NULL)
			continue;
		rc = pg_queue_push(&s->queue, data, len, now);
		PQfreemem(data);
		if (rc < 0)
			return leat_err_set(err, LEAT_CLS_RETRY, rc,
			    "no memory for a message of %zu bytes", len);
	}
	return 0;
}

/* Is it better to let an open transaction go on a little? */
static int
gathers(const struct pg_stream *s)
{
	const struct pg_queue *q = &s->queue;

	return q->len > 0 && q->in_tx && q->len < GATHER_FRAMES &&
	    pg_queue_bytes(q) < GATHER_BYTES &&
	    leat_mono_ms(s->task) - q->since_ms < GATHER_MS;
}

static int
give_position(struct pg_stream *s, struct leat_batch *b, struct leat_err *err)
{
	int rc;

	/* A notification that waits goes out with what it tells. */
	if (!s->position_dirty || (s->control != NULL &&
	    pg_notify_flush(&s->control->notify, b) != 0))
		return 0;
	rc = pg_apply_position(s, b, err);
	if (rc == 0)
		s->position_dirty = 0;
	return rc;
}

/* How to wait after a poll without records. */
static void
wait_for_more(struct pg_stream *s, int taken)
{
	int64_t left = s->next_status - leat_mono_ms(s->task);
	int64_t ms = s->cfg->poll_interval_ms;
	int fd = PQsocket(s->repl->pg);

	if (left < ms)
		ms = left > 0 ? left : 0;
	fd = pg_control_wait_fd(s->control, fd, &ms);
	if (taken == PG_CONV_NOMEM)
		leat_wait(s->task, -1, 0, NO_MEMORY_WAIT_MS);
	else if (s->queue.len >= GATHER_BY_FD && s->queue.in_tx)
		leat_wait(s->task, -1, 0, 1);
	else if (s->queue.len > 0)
		leat_wait(s->task, fd, LEAT_WAIT_READ, 1);
	else
		leat_wait(s->task, fd, LEAT_WAIT_READ,
		    s->failed.code != 0 ? 0 : ms);
}

/* ---------------------------------------------------------------- heartbeat */

static int
action_query(struct pg_stream *s, struct leat_err *err)
{
	int rc;

	if (s->cfg->heartbeat_query == NULL)
		return 0;
	rc = pg_conn_collect(s->rels->conn, err);
	if (rc == 0)
		rc = pg_conn_send(s->rels->conn, s->cfg->heartbeat_query, err);
	return rc < 0 ? leat_err_wrap(err, "heartbeat.action.query") : 0;
}

static int
heartbeat(struct pg_stream *s, struct leat_batch *b, struct leat_err *err)
{
	int64_t now = leat_mono_ms(s->task);
	int rc;

	/* Catching up, the ordinary connection holds a snapshot. */
	if (s->cfg->heartbeat_interval_ms == 0 || s->until != 0 ||
	    now < s->next_heartbeat)
		return 0;
	rc = pg_emit_heartbeat(s->emit, b);
	if (rc == PG_CONV_NOMEM)
		return 0;	/* the next poll has room */
	if (rc < 0)
		return rc;
	s->next_heartbeat = now + s->cfg->heartbeat_interval_ms;
	s->position_dirty = 1;
	return action_query(s, err);
}

/* -------------------------------------------------------------------- poll */

/* Delivers the queue. Errors behind good records wait for the next poll. */
static int
deliver(struct pg_stream *s, struct leat_batch *b, struct leat_err *err)
{
	int rc = take_frames(s, b, err);

	if (rc < 0 && rc != PG_CONV_NOMEM && b->nrecords > 0) {
		leat_err_clear(err);
		rc = 0;		/* the same frame fails again */
	}
	return rc;
}

int
pg_stream_poll(struct pg_stream *s, struct leat_batch *b,
    struct leat_err *err)
{
	int rc, taken = 0;

	rc = s->until != 0 ? 0 : pg_control_work(s->control, err);
	if (rc < 0)
		return rc;
	if (s->failed.code == 0)
		(void)receive(s, &s->failed);
	s->watch.catching_up = s->until != 0;
	if (s->failed.code == 0)
		(void)pg_watch_poll(&s->watch, &s->failed);
	if (s->control != NULL)
		s->control->inc.held = pg_guard_holds(&s->watch.guard);
	if (s->failed.code != 0 && s->queue.len == 0) {
		leat_metric_set(s->m_connected, 0);
		*err = s->failed;
		return err->code;
	}
	rc = pg_stream_tick(s, err);
	if (rc < 0 && s->queue.len == 0)
		return rc;
	if (s->failed.code != 0 || !gathers(s))
		taken = deliver(s, b, err);
	if (taken == PG_CONV_NOMEM && b->nrecords == 0)
		rc = pg_stream_no_room(s, err);
	else if (taken < 0 && taken != PG_CONV_NOMEM)
		rc = taken;
	if (rc < 0)
		return rc;
	rc = heartbeat(s, b, err);
	if (rc < 0)
		return rc;
	pg_meter_poll(s, b->nrecords);
	if (b->nrecords > 0 || pg_control_moved(s->control))
		s->position_dirty = 1;
	rc = give_position(s, b, err);
	if (rc == 0 && s->must_reply)
		rc = pg_stream_tick(s, err);
	if (rc == 0 && b->nrecords == 0)
		wait_for_more(s, taken);
	return rc;
}
