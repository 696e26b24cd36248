/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_source.c: the life of a postgres-source task.
 *
 * open() connects, checks the server, makes publication and slot, and begins
 * what comes first (pg_start.c): a snapshot (pg_task_snapshot.c), or the
 * stream.
 *
 * A lost connection is an error of class RETRY: the worker closes the task and
 * opens it again, and everything goes on from the stored position. There is no
 * second way to recover.
 */
#include "pg_source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pg_doctor.h"
#include "pg_task.h"

enum { SOURCE_CHUNK = 16 * 1024, SOURCE_MAX = 256 * 1024 * 1024 };

/* ----------------------------------------------------------- open and close */

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
	s->rels.tallies = &s->tallies;
	s->rels.m_unconverted = leat_metric(s->task, LEAT_METRIC_COUNTER,
	    "postgres_values_unconverted_total",
	    "Values that their schema could not express.");
	s->snap.rels = s->stream.rels = &s->rels;
	s->snap.emit = s->stream.emit = &s->emit;
	s->stream.repl = &s->repl;
	s->stream.messages = &s->messages;
	s->stream.skipped = pg_config_skipped(s->cfg, err);
	pg_report_init(s);
	if (rc == 0)
		rc = pg_control_init(&s->control, s->task, &s->rels, &s->emit,
		    &s->stream.dec, &s->arena, err);
	s->control.pos = &s->stream.pos;
	s->stream.control = &s->control;
	s->snap.notify = &s->control.notify;
	if (rc == 0)
		rc = pg_progress_init(&s->progress, s->prefix, err);
	return rc < 0 ? rc : s->stream.skipped < 0 ? LEAT_E_CONFIG
						   : 0;
}

static void
source_free(struct pg_source *s)
{
	pg_snapshot_fini(&s->snap);
	pg_control_fini(&s->control);
	pg_progress_fini(&s->progress);
	pg_unread_fini(&s->unread);
	pg_relcache_fini(&s->rels);
	pg_tallies_fini(&s->tallies);
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
	pg_tallies_init(&s->tallies);
	rc = pg_filters_init(&s->filters, s->cfg, err);
	if (rc == 0)
		rc = pg_conn_open(&s->sql, t, s->cfg, PG_CONN_SQL, err);
	if (rc == 0)
		rc = pg_check_server(&s->sql, &s->server, err);
	if (rc == 0)
		rc = wire_up(s, err);
	if (rc == 0)
		rc = pg_start(s, err);
	if (rc < 0) {
		source_free(s);
		return rc;
	}
	*ret_self = s;
	return 0;
}

/* Ends what runs on the connection; the rest of a COPY would come else. */
static void
cancel(PGconn *pg)
{
	PGcancel *c = PQgetCancel(pg);
	char text[256];

	if (c != NULL)
		(void)PQcancel(c, text, sizeof(text));
	PQfreeCancel(c);
	PQclear(PQexec(pg, "ROLLBACK"));
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
	if (PQtransactionStatus(s->sql.pg) != PQTRANS_IDLE)
		cancel(s->sql.pg);
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

	if (s->stream_open)
		pg_stream_stop(&s->stream);
	pg_conn_close(&s->repl);
	if (s->cfg->slot_drop || s->stream.watch.guard.gave_up)
		drop_slot(s);
	source_free(s);
}

/* -------------------------------------------------------------------- poll */

static int32_t
source_poll(void *self, struct leat_batch *b, struct leat_err *err)
{
	struct pg_source *s = self;
	int rc;

	pg_relcache_sweep(&s->rels);
	pg_emit_clock(&s->emit);
	(void)pg_control_poll(&s->control, b);
	pg_report(s);
	switch (s->phase) {
	case PHASE_DELAY:
		return pg_task_is_early(s) ? 0 : pg_start_snapshot(s, err);
	case PHASE_CATCH_UP:
		return pg_poll_catch_up(s, b, err);
	case PHASE_SNAPSHOT:
		return pg_poll_snapshot(s, b, err);
	case PHASE_BETWEEN:
		return pg_task_is_early(s) ? 0 : pg_start_stream(s, err);
	case PHASE_STREAM:
		rc = pg_stream_poll(&s->stream, b, err);
		if (rc == 0 && s->control.blocking.step == PG_BLOCKING_READY &&
		    !s->stream.in_tx)
			s->phase = PHASE_BLOCKING;
		return rc;
	case PHASE_BLOCKING:
		return pg_poll_blocking(s, b, err);
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
	int rc;

	if (strcmp(p->partition, s->progress.partition) == 0) {
		s->kept = s->gave_progress;
		return 0;
	}
	rc = pg_position_parse(p->offset, &pos, err);
	if (rc < 0)
		return rc;
	pg_signals_durable(&s->control.signals, p->offset);
	/* Of an interrupted snapshot too: what lies before it is delivered. */
	return s->stream_open ? pg_stream_durable(&s->stream, &pos, err) : 0;
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

	return s->stream_open ? pg_stream_tick(&s->stream, err) : 0;
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
