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
#include "pg_slot.h"
#include "pg_snapshot.h"

enum {
	SOURCE_CHUNK = 16 * 1024,
	SOURCE_MAX = 256 * 1024 * 1024,
	REPORT_MS = 1000
};

enum pg_phase { PHASE_SNAPSHOT, PHASE_BETWEEN, PHASE_STREAM, PHASE_DONE };

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
	enum pg_phase phase;
	struct pg_position pos;	/* stored, or where the stream begins */
	int has_pos;
	int unpublished;	/* no slot: rows alone */
	int64_t next_report;
	struct pg_snapshot snap;
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
		s->has_pos = text != NULL && rc == 0;
	}
	leat_buf_fini(&part);
	return rc;
}

/*
 * Can the stream go on at the stored position? 1, or 0 with the reason in err,
 * in words for the case that nothing can be done about it.
 */
static int
can_resume(struct pg_source *s, struct leat_err *err)
{
	static const char cure[] = "changes since then are lost; delete the "
	    "connector's stored offsets, or set snapshot.mode=when_needed, to "
	    "take a new snapshot";
	const char *slot = s->cfg->slot;
	uint64_t at = s->pos.flush;

	if (s->pos.system_id[0] != '\0' && s->server.system_id[0] != '\0' &&
	    strcmp(s->pos.system_id, s->server.system_id) != 0) {
		leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_STATE,
		    "the stored position is of database cluster %s, this is "
		    "%s; %s", s->pos.system_id, s->server.system_id, cure);
		return 0;
	}
	if (!s->slot.exists) {
		leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_STATE,
		    "replication slot '%s' is gone, the stored position is "
		    PG_LSN_FMT "; %s", slot, PG_LSN_ARGS(at), cure);
		return 0;
	}
	if (s->slot.lost) {
		leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_STATE,
		    "replication slot '%s' is lost: the server removed the log "
		    "that it needed (max_slot_wal_keep_size); SELECT "
		    "pg_drop_replication_slot('%s'); %s", slot, slot, cure);
		return 0;
	}
	if (s->slot.confirmed_lsn > at) {
		leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_STATE,
		    "replication slot '%s' stands at " PG_LSN_FMT ", ahead of "
		    "the stored position " PG_LSN_FMT ": it was recreated, or "
		    "somebody else read from it; %s", slot,
		    PG_LSN_ARGS(s->slot.confirmed_lsn), PG_LSN_ARGS(at), cure);
		return 0;
	}
	return 1;
}

/* 1: a snapshot comes first, 0: not, or an error. */
static int
wants_snapshot(struct pg_source *s, struct leat_err *err)
{
	int32_t mode = s->cfg->snapshot_mode;
	int have = s->has_pos && !s->pos.snapshot;

	if (mode == PG_SNAPSHOT_ALWAYS)
		return 1;
	if (!have)
		return mode != PG_SNAPSHOT_NO_DATA && mode != PG_SNAPSHOT_NEVER;
	if (mode == PG_SNAPSHOT_INITIAL_ONLY || can_resume(s, err))
		return 0;
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
		    "replication slot '%s' is lost: the server removed the log "
		    "that it needed (max_slot_wal_keep_size): SELECT "
		    "pg_drop_replication_slot('%s');", s->cfg->slot,
		    s->cfg->slot);
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
}

static int
begin_snapshot(struct pg_source *s, const char *imported, uint64_t lsn,
    struct leat_err *err)
{
	const struct pg_snapshot_request rq = { .imported = imported,
		.lsn = lsn,
		.unpublished = s->unpublished };
	int rc = pg_snapshot_begin(&s->snap, &rq, err);

	if (rc < 0)
		return rc;
	s->pos = (struct pg_position){ .lsn = s->snap.lsn,
		.flush = s->snap.lsn, .ts_us = s->snap.ts_us,
		.txid = s->snap.txid, .snapshot = 1 };
	set_system(s);
	s->phase = PHASE_SNAPSHOT;
	return 0;
}

/* A slot for the stream if there is none, and a snapshot that fits it. */
static int
prepare_snapshot(struct pg_source *s, struct leat_err *err)
{
	struct pg_new_slot slot = { 0 };
	char name[64];
	int rc;

	s->unpublished = s->cfg->snapshot_mode == PG_SNAPSHOT_INITIAL_ONLY;
	if (s->unpublished)
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

static int
start_stream(struct pg_source *s, struct leat_err *err)
{
	int rc = open_replication(s, err);

	if (rc == 0)
		rc = pg_stream_start(&s->stream, &s->pos, &s->server, err);
	if (rc == 0)
		s->phase = PHASE_STREAM;
	return rc;
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
	s->stream.skipped = pg_config_skipped(s->cfg, err);
	return rc < 0 ? rc : s->stream.skipped < 0 ? LEAT_E_CONFIG
						   : 0;
}

static void
source_free(struct pg_source *s)
{
	pg_snapshot_fini(&s->snap);
	pg_relcache_fini(&s->rels);
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

/* For tests: the slot dies with the task. */
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

	if (s->phase == PHASE_STREAM)
		pg_stream_stop(&s->stream);
	pg_conn_close(&s->repl);
	if (s->cfg->slot_drop)
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
	s->phase = s->unpublished ? PHASE_DONE : PHASE_BETWEEN;
	leat_wait(s->task, -1, 0, 0);
	return 0;
}

static void
report(struct pg_source *s)
{
	int64_t now = leat_mono_ms(s->task);
	char json[512];

	if (now < s->next_report)
		return;
	s->next_report = now + REPORT_MS;
	if (s->phase == PHASE_SNAPSHOT)
		(void)snprintf(json, sizeof(json), "{\"phase\":\"snapshot\","
		    "\"lsn\":\"" PG_LSN_FMT "\",\"tables\":%u,\"tables_done\":"
		    "%u,\"rows\":%lld}",
		    PG_LSN_ARGS(s->snap.lsn), s->snap.tables.len,
		    s->snap.tables_done, (long long)s->snap.rows);
	else if (s->phase == PHASE_STREAM)
		(void)snprintf(json, sizeof(json), "{\"phase\":\"streaming\","
		    "\"slot\":\"%s\",\"lsn\":\"" PG_LSN_FMT "\","
		    "\"confirmed_lsn\":\"" PG_LSN_FMT "\",\"server_lsn\":\""
		    PG_LSN_FMT "\",\"in_transaction\":%s}", s->cfg->slot,
		    PG_LSN_ARGS(s->stream.pos.lsn),
		    PG_LSN_ARGS(s->stream.confirmed),
		    PG_LSN_ARGS(s->stream.server_end),
		    s->stream.in_tx ? "true" : "false");
	else
		(void)snprintf(json, sizeof(json), "{\"phase\":\"done\"}");
	leat_status(s->task, json);
}

static int32_t
source_poll(void *self, struct leat_batch *b, struct leat_err *err)
{
	struct pg_source *s = self;

	pg_relcache_sweep(&s->rels);
	pg_emit_clock(&s->emit);
	report(s);
	switch (s->phase) {
	case PHASE_SNAPSHOT:
		return poll_snapshot(s, b, err);
	case PHASE_BETWEEN:
		leat_wait(s->task, -1, 0, 0);
		return start_stream(s, err);
	case PHASE_STREAM:
		return pg_stream_poll(&s->stream, b, err);
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
	if (s->phase != PHASE_STREAM || pos.snapshot)
		return 0;
	return pg_stream_durable(&s->stream, &pos, err);
}

static int32_t
source_tick(void *self, struct leat_err *err)
{
	struct pg_source *s = self;

	return s->phase == PHASE_STREAM ? pg_stream_tick(&s->stream, err) : 0;
}

static const struct leat_source_ops ops = {
	.size = sizeof(ops),
	.open = source_open,
	.poll = source_poll,
	.durable = source_durable,
	.tick = source_tick,
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
};
