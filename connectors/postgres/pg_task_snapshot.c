/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_task_snapshot.c: a task while its snapshot is read, and while the stream
 * is brought to where it goes on.
 */
#include "pg_task.h"

#include "pg_snap_pieces.h"

enum { LOOK_MS = 10000 };

static int
give_position(struct pg_source *s, struct leat_batch *b, struct leat_err *err)
{
	s->stream.pos = s->pos;
	return pg_apply_position(&s->stream, b, err);
}

/* The snapshot is read: give the position that says so. */
static int
end_snapshot(struct pg_source *s, struct leat_batch *b, struct leat_err *err)
{
	int rc;

	pg_progress_reset(&s->progress, s->progress.id);
	s->pos.snapshot = 0;
	s->pos.snapshot_done = 1;
	rc = give_position(s, b, err);
	if (rc == 0)
		rc = pg_progress_give(&s->progress, b, err);
	if (rc < 0)
		return rc;
	pg_report_end(s, 1);
	pg_snapshot_fini(&s->snap);
	s->stream.until = 0;
	s->stream.reached = 0;
	s->stream.unread = NULL;
	/* Connecting may fail: these records must not hang on it. */
	s->phase = s->streams ? PHASE_BETWEEN : PHASE_DONE;
	s->wait_until = leat_mono_ms(s->task) + s->cfg->streaming_delay_ms;
	leat_wait(s->task, -1, 0, 0);
	return 0;
}

/* ------------------------------------------------------------------- guard */

/*
 * The slot stands still until the tables are read, and the server keeps its log
 * for it. Looked at over a connection of its own: the others read tables. What
 * goes wrong with that is no reason to end.
 */
static int
read_slot(struct pg_source *s, struct pg_slot *ret)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct pg_conn c = { 0 };
	int rc = pg_conn_open(&c, s->task, s->cfg, PG_CONN_SQL, &err);

	if (rc == 0)
		rc = pg_slot_read(&c, s->cfg->slot, ret, &err);
	pg_conn_close(&c);
	return rc;
}

static int
watch_slot(struct pg_source *s, struct leat_err *err)
{
	int64_t now = leat_mono_ms(s->task);
	struct pg_slot slot;

	if (!s->streams || now < s->next_look)
		return 0;
	s->next_look = now + LOOK_MS;
	if (read_slot(s, &slot) < 0)
		return 0;
	if (!slot.exists || slot.lost)
		return leat_err_set(err, LEAT_CLS_RETRY, LEAT_E_STATE,
		    "replication slot '%s' was %s while the snapshot was read: "
		    "it begins anew", s->cfg->slot, slot.exists ?
		    "invalidated" : "dropped");
	s->interrupts = pg_guard_snapshot(&s->guard, &slot, s->snap.lsn,
	    now - s->pace.begun_ms);
	return 0;
}

/*
 * Ends this part of the snapshot, so that the stream catches up and the slot
 * moves: once something was finished, or it would never end.
 */
static int
interrupt(struct pg_source *s, struct leat_err *err)
{
	int rc = watch_slot(s, err);

	if (rc < 0 || !s->interrupts || !s->kept)
		return rc;
	return leat_err_set(err, LEAT_CLS_RETRY, LEAT_E_STATE,
	    "wal.guard: the snapshot is interrupted, so that the stream "
	    "catches up and the server can free its log; it goes on then");
}

/* -------------------------------------------------------------------- poll */

int
pg_poll_snapshot(struct pg_source *s, struct leat_batch *b,
    struct leat_err *err)
{
	int rc = interrupt(s, err), moved;

	if (rc == 0)
		rc = pg_snapshot_poll(&s->snap, b, err);
	if (rc < 0)
		pg_report_end(s, 0);
	if (rc == 1)
		return end_snapshot(s, b, err);
	if (rc < 0)
		return rc;
	moved = pg_control_moved(&s->control);
	if (b->nrecords == 0 && !s->progress.dirty && !moved)
		return 0;
	s->gave_progress |= s->progress.dirty;
	rc = give_position(s, b, err);
	return rc < 0 ? rc : pg_progress_give(&s->progress, b, err);
}

int
pg_task_is_early(struct pg_source *s)
{
	int64_t left = s->wait_until - leat_mono_ms(s->task);

	leat_wait(s->task, -1, 0, left > 0 ? left : 0);
	return left > 0;
}

int
pg_poll_catch_up(struct pg_source *s, struct leat_batch *b,
    struct leat_err *err)
{
	int rc;

	if (!s->stream_open)
		return pg_task_is_early(s) ? 0 : pg_start_catch_up(s, err);
	/* First: what is read again must be known before it has moved. */
	rc = pg_progress_give(&s->progress, b, err);
	if (rc == 0)
		rc = pg_stream_poll(&s->stream, b, err);
	if (rc < 0 || !s->stream.reached)
		return rc;
	rc = pg_snap_pieces_again(&s->snap, &s->progress, err);
	if (rc < 0)
		return rc;
	s->pos = s->stream.pos;
	if (s->pos.flush < s->snap.lsn)
		s->pos.flush = s->snap.lsn;
	s->pos.lsn = s->snap.lsn;
	s->pos.ts_us = s->snap.ts_us;
	s->pos.txid = s->snap.txid;
	s->phase = PHASE_SNAPSHOT;
	leat_wait(s->task, -1, 0, 0);
	return give_position(s, b, err);
}
