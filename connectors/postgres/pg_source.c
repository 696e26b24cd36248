/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_source.c: the life of a postgres-source task.
 *
 * open() connects, checks the server, makes publication and slot, and decides
 * from the stored position and snapshot.mode what comes first:
 *
 *	SNAPSHOT	reads the tables as of an exported snapshot
 *	BETWEEN		the snapshot is read, the stream not yet started
 *	STREAM		follows the slot
 *	BLOCKING	the stream waits, a signal's tables are read
 *	DONE		initial_only is through: nothing more to do
 *
 * A lost connection is an error of class RETRY: the worker closes the task and
 * opens it again, and everything goes on from the stored position. There is no
 * second way to recover.
 *
 * The snapshot's position. A new slot exports a snapshot of its consistent
 * point. When the slot is there already (a snapshot was interrupted, or the
 * slot was made by hand), a temporary slot exports one; the stream then begins
 * at the temporary slot's point. Either way the stream starts exactly where the
 * snapshot ends.
 */
#include "pg_source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pg_apply.h"
#include "pg_doctor.h"
#include "pg_resume.h"
#include "pg_slot.h"
#include "pg_snapshot.h"

enum {
	SOURCE_CHUNK = 16 * 1024,
	SOURCE_MAX = 256 * 1024 * 1024,
	REPORT_MS = 1000,
	STATUS_MAX = 16 * 1024,
	FIRST_RETRY_MS = 100
};

enum pg_phase {
	PHASE_SNAPSHOT,
	PHASE_BETWEEN,
	PHASE_STREAM,
	PHASE_BLOCKING,
	PHASE_DONE
};

struct pg_source {
	struct leat_task *task;
	const struct pg_config *cfg;
	const char *prefix;
	struct leat_arena arena;
	struct pg_filters filters;
	struct pg_conn sql;
	struct pg_conn repl;
	struct pg_server server;
	struct pg_slot slot;
	struct pg_tables tables;
	struct pg_relcache rels;
	struct pg_emit emit;
	struct pg_messages messages;
	enum pg_phase phase;
	struct pg_position pos;	/* stored, or where the stream begins */
	int has_pos;
	int was_snapshot;	/* the stored position is within one */
	int64_t next_report;
	int64_t next_start;	/* mono, of the stream */
	int64_t start_wait_ms;	/* before the next try */
	int64_t waited_ms;	/* for a slot in use, so far */
	struct pg_snapshot snap;
	struct pg_control control;
	int reading;		/* the tables of a blocking snapshot */
	struct pg_stream stream;
};

/* ---------------------------------------------------------------- deciding */

static int
read_stored(struct pg_source *s, struct leat_err *err)
{
	struct leat_buf part;
	const char *text;
	int rc = 0;

	leat_buf_init(&part, PG_POSITION_MAX);
	if (pg_partition_json(s->prefix, &part) < 0) {
		rc = leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	} else {
		text = leat_offset_get(s->task, leat_buf_cstr(&part));
		if (text != NULL)
			rc = pg_position_parse(text, &s->pos, err);
		if (text != NULL && rc == 0)
			rc = pg_control_restore(&s->control, text, err);
		s->has_pos = text != NULL && rc == 0;
		s->was_snapshot = s->has_pos && s->pos.snapshot;
	}
	leat_buf_fini(&part);
	return rc;
}

/* 1: a snapshot comes first, 0: not, or an error. */
static int
wants_snapshot(struct pg_source *s, struct leat_err *err)
{
	int32_t mode = s->cfg->snapshot_mode;
	int have = s->has_pos && !s->pos.snapshot, rc;

	if (mode == PG_SNAPSHOT_ALWAYS)
		return 1;
	if (!have)
		return mode != PG_SNAPSHOT_NO_DATA && mode != PG_SNAPSHOT_NEVER;
	if (mode == PG_SNAPSHOT_INITIAL_ONLY)
		return 0;
	rc = pg_resume_check(&s->repl, s->cfg, &s->server, &s->slot, &s->pos,
	    err);
	if (rc != 0)
		return rc > 0 ? 0 : rc;
	if (mode != PG_SNAPSHOT_WHEN_NEEDED)
		return err->code;
	leat_log_warn(s->task, "the stream has a hole, taking a new snapshot",
	    "reason=\"%s\"", err->text);
	leat_err_clear(err);
	return 1;
}

static int
lost_slot(struct pg_source *s, struct leat_err *err)
{
	if (!s->slot.exists || !s->slot.lost)
		return 0;
	if (s->cfg->snapshot_mode != PG_SNAPSHOT_WHEN_NEEDED)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_STATE,
		    "replication slot '%s' is lost: %s: SELECT "
		    "pg_drop_replication_slot('%s');", s->cfg->slot,
		    pg_slot_lost_reason(&s->slot), s->cfg->slot);
	s->slot.exists = 0;
	return pg_slot_drop(&s->sql, s->cfg->slot, err);
}

/* ----------------------------------------------------------------- phases */

static int
open_replication(struct pg_source *s, struct leat_err *err)
{
	if (pg_conn_ok(&s->repl))
		return 0;
	pg_conn_close(&s->repl);
	return pg_conn_open(&s->repl, s->task, s->cfg, PG_CONN_REPLICATION,
	    err);
}

static void
set_system(struct pg_source *s)
{
	memcpy(s->pos.system_id, s->server.system_id,
	    sizeof(s->pos.system_id));
	s->pos.timeline = s->server.timeline;
}

static int
begin_snapshot(struct pg_source *s, const char *imported, uint64_t lsn,
    struct leat_err *err)
{
	int rc = pg_snapshot_begin(&s->snap, imported, lsn, err);

	if (rc < 0)
		return rc;
	s->pos = (struct pg_position){ .lsn = s->snap.lsn,
		.flush = s->snap.lsn, .ts_us = s->snap.ts_us,
		.txid = s->snap.txid, .snapshot = 1 };
	set_system(s);
	s->phase = PHASE_SNAPSHOT;
	if (s->has_pos && s->was_snapshot)
		pg_snapshot_tell(&s->snap, "ABORTED");
	pg_snapshot_tell(&s->snap, "STARTED");
	return 0;
}

/* A slot for the stream if there is none, and a snapshot that fits it. */
static int
prepare_snapshot(struct pg_source *s, struct leat_err *err)
{
	struct pg_new_slot slot = { 0 };
	char name[64];
	int rc;

	s->snap.unpublished = s->cfg->snapshot_mode == PG_SNAPSHOT_INITIAL_ONLY;
	if (s->snap.unpublished)
		return begin_snapshot(s, NULL, 0, err);
	rc = lost_slot(s, err);
	if (rc < 0)
		return rc;
	(void)snprintf(name, sizeof(name), "%.52s_s%d", s->cfg->slot,
	    (int)getpid());
	rc = pg_slot_create(&s->repl, s->cfg, s->slot.exists ? name :
	    s->cfg->slot, s->slot.exists, &slot, err);
	if (rc < 0)
		return rc;
	rc = begin_snapshot(s, slot.snapshot, slot.consistent_lsn, err);
	/* Imported: its exporter, and a temporary slot with it, may go. */
	pg_conn_close(&s->repl);
	return rc;
}

/*
 * Another session uses the slot: often the one of a worker that died, which the
 * server has not noticed yet. 0: try again later, or the error as it is.
 */
static int
slot_in_use(struct pg_source *s, struct leat_err *err)
{
	int64_t most = s->cfg->slot_retries * s->cfg->slot_retry_ms;
	int64_t wait = s->start_wait_ms > 0 ? s->start_wait_ms * 2 :
	    FIRST_RETRY_MS;

	if (strcmp(err->sqlstate, "55006") != 0 || s->waited_ms >= most)
		return err->code;
	if (s->start_wait_ms == 0)
		leat_log_notice(s->task, "waiting for the slot",
		    "reason=\"%s\"", err->text);
	if (wait > s->cfg->slot_retry_ms)
		wait = s->cfg->slot_retry_ms;
	s->start_wait_ms = wait;
	s->waited_ms += wait;
	s->next_start = leat_mono_ms(s->task) + wait;
	s->phase = PHASE_BETWEEN;
	leat_err_clear(err);
	return 0;
}

static int
start_stream(struct pg_source *s, struct leat_err *err)
{
	int rc = open_replication(s, err);

	if (rc == 0)
		rc = pg_stream_start(&s->stream, &s->pos, &s->server, err);
	if (rc < 0)
		return slot_in_use(s, err);
	s->phase = PHASE_STREAM;
	s->start_wait_ms = s->waited_ms = 0;
	return 0;
}

static int
poll_between(struct pg_source *s, struct leat_err *err)
{
	int64_t left = s->next_start - leat_mono_ms(s->task);

	leat_wait(s->task, -1, 0, left > 0 ? left : 0);
	return left > 0 ? 0 : start_stream(s, err);
}

/* No snapshot: from the stored position, or from the slot's. */
static int
prepare_stream(struct pg_source *s, struct leat_err *err)
{
	struct pg_new_slot slot = { 0 };
	int rc;

	if (s->cfg->snapshot_mode == PG_SNAPSHOT_INITIAL_ONLY) {
		s->phase = PHASE_DONE;
		return 0;
	}
	if (!s->has_pos || s->pos.snapshot) {
		rc = lost_slot(s, err);
		if (rc == 0 && !s->slot.exists)
			rc = pg_slot_create(&s->repl, s->cfg, s->cfg->slot, 0,
			    &slot, err);
		if (rc < 0)
			return rc;
		s->pos = (struct pg_position){ 0 };
		s->pos.flush = s->pos.lsn = s->slot.exists ?
		    s->slot.confirmed_lsn : slot.consistent_lsn;
	}
	set_system(s);
	pg_notify(&s->control.notify, NULL, PG_NOTIFY_INITIAL, "SKIPPED",
	    NULL, 0);
	return start_stream(s, err);
}

/* ----------------------------------------------------------- open and close */

static int
prepare(struct pg_source *s, struct leat_err *err)
{
	int only = s->cfg->snapshot_mode == PG_SNAPSHOT_INITIAL_ONLY;
	int snapshot, rc;

	rc = pg_catalog_captured(&s->sql, &s->filters, &s->arena, &s->tables,
	    err);
	if (rc == 0)
		rc = pg_slot_read(&s->sql, s->cfg->slot, &s->slot, err);
	if (rc == 0)
		rc = open_replication(s, err);
	if (rc == 0)
		rc = pg_check_system(&s->repl, &s->server, err);
	if (rc == 0)
		rc = read_stored(s, err);
	if (rc < 0)
		return rc;
	snapshot = wants_snapshot(s, err);
	if (snapshot < 0)
		return snapshot;
	rc = pg_check_tables(&s->sql, s->cfg, &s->tables, snapshot, err);
	if (rc == 0 && !only)
		rc = pg_control_publish(&s->control, &s->arena, &s->tables,
		    err);
	if (rc == 0 && !only)
		rc = pg_publication_ensure(&s->sql, s->cfg, &s->tables, err);
	if (rc < 0)
		return rc;
	return snapshot ? prepare_snapshot(s, err) : prepare_stream(s, err);
}

/* Hands the parts to each other; nothing here can fail but for memory. */
static int
wire_up(struct pg_source *s, struct leat_err *err)
{
	int rc = pg_emit_init(&s->emit, s->task, s->cfg, s->prefix,
	    s->server.db, &s->arena, err);

	if (rc == 0)
		rc = pg_messages_init(&s->messages, &s->emit, &s->arena, err);
	s->rels.task = s->snap.task = s->stream.task = s->task;
	s->rels.cfg = s->snap.cfg = s->stream.cfg = s->cfg;
	s->rels.filters = &s->filters;
	s->rels.prefix = s->prefix;
	s->rels.conn = s->snap.conn = &s->sql;
	s->rels.source_schema = s->emit.source_schema;
	s->rels.m_unconverted = leat_metric(s->task, LEAT_METRIC_COUNTER,
	    "postgres_values_unconverted_total",
	    "Values that their schema could not express.");
	s->snap.rels = s->stream.rels = &s->rels;
	s->snap.emit = s->stream.emit = &s->emit;
	s->stream.repl = &s->repl;
	s->stream.messages = &s->messages;
	s->stream.skipped = pg_config_skipped(s->cfg, err);
	if (rc == 0)
		rc = pg_control_init(&s->control, s->task, &s->rels, &s->emit,
		    &s->stream.dec, &s->arena, err);
	s->control.pos = &s->stream.pos;
	s->stream.control = &s->control;
	s->snap.notify = &s->control.notify;
	return rc < 0 ? rc : s->stream.skipped < 0 ? LEAT_E_CONFIG
						   : 0;
}

static void
source_free(struct pg_source *s)
{
	pg_snapshot_fini(&s->snap);
	pg_control_fini(&s->control);
	pg_relcache_fini(&s->rels);
	pg_messages_fini(&s->messages);
	pg_emit_fini(&s->emit);
	pg_conn_close(&s->repl);
	pg_conn_close(&s->sql);
	pg_filters_fini(&s->filters);
	leat_arena_fini(&s->arena);
	free(s);
}

static int32_t
source_open(struct leat_task *t, const void *config, void **ret_self,
    struct leat_err *err)
{
	struct pg_source *s = calloc(1, sizeof(*s));
	int rc;

	if (s == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	s->task = t;
	s->cfg = config;
	s->prefix = s->cfg->prefix != NULL ? s->cfg->prefix :
	    leat_task_name(t);
	leat_arena_init(&s->arena, SOURCE_CHUNK, SOURCE_MAX);
	pg_relcache_init(&s->rels);
	rc = pg_filters_init(&s->filters, s->cfg, err);
	if (rc == 0)
		rc = pg_conn_open(&s->sql, t, s->cfg, PG_CONN_SQL, err);
	if (rc == 0)
		rc = pg_check_server(&s->sql, &s->server, err);
	if (rc == 0)
		rc = wire_up(s, err);
	if (rc == 0)
		rc = prepare(s, err);
	if (rc < 0) {
		source_free(s);
		return rc;
	}
	*ret_self = s;
	return 0;
}

/* For tests, and where the guard gives it up: the slot dies with the task. */
static void
drop_slot(struct pg_source *s)
{
	char sql[128];

	if (!pg_conn_ok(&s->sql))
		return;
	/* The host is stopping, so this waits by itself, if briefly. */
	(void)PQsetnonblocking(s->sql.pg, 0);
	(void)snprintf(sql, sizeof(sql),
	    "SELECT pg_drop_replication_slot('%s')", s->cfg->slot);
	for (int i = 0; i < 50; i++) {
		PGresult *res = PQexec(s->sql.pg, sql);
		const char *st = PQresultErrorField(res, PG_DIAG_SQLSTATE);
		int busy = st != NULL && strcmp(st, "55006") == 0;

		PQclear(res);
		if (!busy)
			return;
		PQclear(PQexec(s->sql.pg, "SELECT pg_sleep(0.02)"));
	}
}

static void
source_close(void *self)
{
	struct pg_source *s = self;

	if (s->phase == PHASE_STREAM || s->phase == PHASE_BLOCKING)
		pg_stream_stop(&s->stream);
	pg_conn_close(&s->repl);
	if (s->cfg->slot_drop || s->stream.watch.guard.gave_up)
		drop_slot(s);
	source_free(s);
}

/* -------------------------------------------------------------------- poll */

static int
give_position(struct pg_source *s, struct leat_batch *b, struct leat_err *err)
{
	s->stream.pos = s->pos;
	return pg_apply_position(&s->stream, b, err);
}

static int
poll_snapshot(struct pg_source *s, struct leat_batch *b, struct leat_err *err)
{
	int rc = pg_snapshot_poll(&s->snap, b, err);

	if (rc < 0)
		return rc;
	if (rc == 0)
		return b->nrecords == 0 ? 0 : give_position(s, b, err);
	s->pos.snapshot = 0;
	s->pos.snapshot_done = 1;
	rc = give_position(s, b, err);
	if (rc < 0)
		return rc;
	pg_snapshot_fini(&s->snap);
	/* Connecting may fail: these records must not hang on it. */
	s->phase = s->snap.unpublished ? PHASE_DONE : PHASE_BETWEEN;
	leat_wait(s->task, -1, 0, 0);
	return 0;
}

/* The tables are read as of the slot's point, where the stream stands. */
static int
begin_blocking(struct pg_source *s, struct leat_err *err)
{
	const struct pg_blocking *k = &s->control.blocking;
	const struct pg_snapshot fresh = { .task = s->task, .cfg = s->cfg,
		.conn = &s->sql, .rels = &s->control.inc.rels,
		.emit = &s->emit, .notify = &s->control.notify,
		.notify_id = k->signal_id };
	int rc;

	s->snap = fresh;
	rc = pg_snapshot_begin(&s->snap, k->slot.snapshot,
	    k->slot.consistent_lsn, err);
	if (rc < 0)
		return rc;
	/* Imported: the slot that exported it may go. */
	pg_conn_close(&s->control.blocking.repl);
	pg_blocking_choose(k, &s->snap);
	pg_snapshot_tell(&s->snap, "STARTED");
	s->reading = 1;
	return 0;
}

static void
end_blocking(struct pg_source *s)
{
	pg_snapshot_fini(&s->snap);
	pg_blocking_finish(&s->control.blocking);
	s->control.inc.begun = 0;	/* its plans were replaced */
	s->reading = 0;
	s->phase = PHASE_STREAM;
	leat_wait(s->task, -1, 0, 0);
}

/* What the signal asked for cannot be read: that ends it, not the task. */
static int
give_up_blocking(struct pg_source *s, struct leat_err *err)
{
	leat_log_error(s->task, "blocking snapshot given up", "reason=\"%s\"",
	    err->text);
	pg_snapshot_tell(&s->snap, "ABORTED");
	leat_err_clear(err);
	pg_emit_marker(&s->emit, "false");
	end_blocking(s);
	pg_conn_close(&s->sql);
	return pg_conn_open(&s->sql, s->task, s->cfg, PG_CONN_SQL, err);
}

static int
poll_blocking(struct pg_source *s, struct leat_batch *b, struct leat_err *err)
{
	int rc = s->reading ? 0 : begin_blocking(s, err);

	if (rc == 0)
		rc = pg_snapshot_poll(&s->snap, b, err);
	if (rc < 0 && err->cls != LEAT_CLS_RETRY)
		rc = give_up_blocking(s, err);
	else if (rc == 1)
		end_blocking(s);
	if (rc < 0 || pg_notify_flush(&s->control.notify, b) != 0)
		return rc < 0 ? rc : 0;
	if (b->nrecords > 0 || pg_control_moved(&s->control))
		return pg_apply_position(&s->stream, b, err);
	return 0;
}

static void
report(struct pg_source *s)
{
	int64_t now = leat_mono_ms(s->task);
	struct leat_buf b;

	if (now < s->next_report)
		return;
	s->next_report = now + REPORT_MS;
	leat_buf_init(&b, STATUS_MAX);
	if (s->phase == PHASE_SNAPSHOT)
		(void)leat_buf_printf(&b, "{\"phase\":\"snapshot\","
		    "\"lsn\":\"" PG_LSN_FMT "\",\"tables\":%u,\"tables_done\":"
		    "%u,\"rows\":%lld,\"table_rows\":%lld",
		    PG_LSN_ARGS(s->snap.lsn), s->snap.tables.len,
		    s->snap.table, (long long)s->snap.rows,
		    (long long)s->snap.table_rows);
	else if (s->phase == PHASE_STREAM || s->phase == PHASE_BLOCKING)
		(void)leat_buf_printf(&b, "{\"phase\":\"streaming\","
		    "\"slot\":\"%s\",\"lsn\":\"" PG_LSN_FMT "\","
		    "\"confirmed_lsn\":\"" PG_LSN_FMT "\",\"server_lsn\":\""
		    PG_LSN_FMT "\",\"in_transaction\":%s", s->cfg->slot,
		    PG_LSN_ARGS(s->stream.pos.lsn),
		    PG_LSN_ARGS(s->stream.confirmed),
		    PG_LSN_ARGS(s->stream.server_end),
		    s->stream.in_tx ? "true" : "false");
	else if (s->phase == PHASE_BETWEEN)
		(void)leat_buf_printf(&b, "{\"phase\":\"starting\","
		    "\"slot\":\"%s\",\"slot_in_use\":%s", s->cfg->slot,
		    s->start_wait_ms > 0 ? "true" : "false");
	else
		(void)leat_buf_add_str(&b, "{\"phase\":\"done\"");
	pg_control_status(&s->control, &b);
	(void)leat_buf_add_byte(&b, '}');
	if (leat_buf_cstr(&b) != NULL)
		leat_status(s->task, leat_buf_cstr(&b));
	leat_buf_fini(&b);
}

static int32_t
source_poll(void *self, struct leat_batch *b, struct leat_err *err)
{
	struct pg_source *s = self;
	int rc;

	pg_relcache_sweep(&s->rels);
	pg_emit_clock(&s->emit);
	(void)pg_control_poll(&s->control, b);
	report(s);
	switch (s->phase) {
	case PHASE_SNAPSHOT:
		return poll_snapshot(s, b, err);
	case PHASE_BETWEEN:
		return poll_between(s, err);
	case PHASE_STREAM:
		rc = pg_stream_poll(&s->stream, b, err);
		if (rc == 0 && s->control.blocking.step == PG_BLOCKING_READY &&
		    !s->stream.in_tx)
			s->phase = PHASE_BLOCKING;
		return rc;
	case PHASE_BLOCKING:
		return poll_blocking(s, b, err);
	case PHASE_DONE:
		leat_wait(s->task, -1, 0, -1);
		return 0;
	}
	return 0;
}

static int32_t
source_durable(void *self, const struct leat_position *p,
    struct leat_err *err)
{
	struct pg_source *s = self;
	struct pg_position pos;
	int rc = pg_position_parse(p->offset, &pos, err);

	if (rc < 0)
		return rc;
	if ((s->phase != PHASE_STREAM && s->phase != PHASE_BLOCKING) ||
	    pos.snapshot)
		return 0;
	return pg_stream_durable(&s->stream, &pos, err);
}

static int32_t
source_signal(void *self, const struct leat_signal *sig, struct leat_err *err)
{
	struct pg_source *s = self;

	return pg_signals_take(&s->control.signals, leat_str_c(sig->id),
	    leat_str_c(sig->type), leat_str_c(sig->data), err);
}

static int32_t
source_tick(void *self, struct leat_err *err)
{
	struct pg_source *s = self;

	return s->phase == PHASE_STREAM || s->phase == PHASE_BLOCKING ?
	    pg_stream_tick(&s->stream, err) : 0;
}

static const struct leat_source_ops ops = {
	.size = sizeof(ops),
	.open = source_open,
	.poll = source_poll,
	.durable = source_durable,
	.tick = source_tick,
	.signal = source_signal,
	.close = source_close,
};

const struct leat_connector pg_source_connector = {
	.size = sizeof(pg_source_connector),
	.kind = LEAT_SOURCE,
	.name = "postgres-source",
	.version = LEAT_VERSION,
	.aliases = "io.debezium.connector.postgresql.PostgresConnector",
	.help = "Captures the changes of PostgreSQL tables by logical "
	    "decoding, as Debezium's events.",
	.flags = LEAT_CAN_EXACTLY_ONCE,
	.options = pg_source_options,
	.config_size = sizeof(struct pg_config),
	.check = pg_config_check,
	.source = &ops,
	.examine = pg_examine,
};
