/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_task_blocking.c: the tables of a blocking snapshot are read as of a slot's
 * point, while the stream waits at it.
 */
#include "pg_task.h"

static int
begin_blocking(struct pg_source *s, struct leat_err *err)
{
	struct pg_blocking *k = &s->control.blocking;
	const struct pg_snapshot fresh = { .task = s->task, .cfg = s->cfg,
		.conn = &s->sql, .rels = &s->control.inc.rels,
		.emit = &s->emit, .notify = &s->control.notify,
		.notify_id = k->signal_id };
	struct pg_snapshot_request rq = { .imported = k->slot.snapshot,
		.lsn = k->slot.consistent_lsn };
	int rc = pg_blocking_choose(k, &s->sql, &s->filters, err);

	s->snap = fresh;
	if (rc < 0)
		return rc;
	rq.tables = &k->tables;
	rq.selects = k->selects;
	rc = pg_snapshot_begin(&s->snap, &rq, err);
	if (rc < 0)
		return rc;
	/* Imported: the slot that exported it may go. */
	pg_conn_close(&k->repl);
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
	pg_emit_marker(&s->emit, NULL);
	end_blocking(s);
	pg_conn_close(&s->sql);
	return pg_conn_open(&s->sql, s->task, s->cfg, PG_CONN_SQL, err);
}

int
pg_poll_blocking(struct pg_source *s, struct leat_batch *b,
    struct leat_err *err)
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
