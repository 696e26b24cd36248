/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_start.c: what a task does first, decided from the stored position, the
 * slot and snapshot.mode.
 *
 * The snapshot's position. A new slot exports a snapshot of its consistent
 * point. When the slot is there already (it was made by hand, or this is not
 * the first snapshot), a temporary slot exports one; the stream then begins at
 * the temporary slot's point. Either way the stream starts exactly where the
 * snapshot ends.
 *
 * A snapshot that was interrupted goes on. Its first part was read as of L1,
 * the stored position; the list of finished tables was stored together with
 * their last rows, so it is exact. The snapshot of L1 is gone, and so:
 *
 *  1. a temporary slot exports a snapshot of a later point, L2;
 *  2. the stream is followed from L1 to L2: all transactions that commit before
 *     L2, and no other. Of finished tables all changes are delivered, of the
 *     others deletes alone (that of an old key too);
 *  3. the tables that were not finished are read as of L2;
 *  4. the stream goes on from L2.
 *
 * That is right for each table. One that was finished: its rows of L1, then all
 * changes from L1 on, as if nothing had happened. One that was not: consumers
 * have some rows of L1. Let k be any key. If a row of k is there at L2, it is
 * read in 3, and what follows L2 follows it. If none is there, then either none
 * was at L1, and nothing was delivered; or it was deleted, or its key changed,
 * by a transaction that commits between L1 and L2, and 2 delivers that delete;
 * a delete of a row that was not delivered yet does no harm. Either way time
 * runs forward for each key, and behind 3 consumers have the tables of L2: the
 * state of a snapshot taken at L2. So if 3 is interrupted too, the same holds
 * with L2 in the place of L1; and if 2 is, with the position that it reached.
 *
 * What it rests on: commits are streamed in the order of their positions, a
 * snapshot of L sees exactly the commits before L, and the position is stored
 * with the records in one transaction. A table without a key has no deletes
 * that could be told apart: rows that were delivered before appear twice.
 * TRUNCATE is delivered unless it is skipped (skipped.operations), as always.
 *
 * A table that was finished in part goes on behind it. It is read in pieces,
 * ranges of blocks; R are the blocks of those that were finished as of L1, and
 * were stored together with their rows. Of such a table 2 delivers all changes,
 * and 3 reads the blocks that are not in R. Let k be any key. None at L2: as
 * above, its delete was delivered. Its row at L2 stands in a block:
 *
 *  - not in R: it is read in 3.
 *  - in R, made by a commit before L1: a row version never moves, and L2 sees
 *    it, so it stood there at L1 too and was delivered with its block. No
 *    commit since has touched the key.
 *  - in R, made by a commit between L1 and L2: 2 delivers the insert or update.
 *    It may have stood outside of R before, and not have been delivered; the
 *    event has all columns, but for large values (TOAST) that an update left
 *    alone. So for each update without them the row is looked up by its
 *    identity in the snapshot of L2; if it stands in R, the blocks around it
 *    leave R before the position moves past the update, and are read in 3.
 *
 * So behind 3 consumers have the table of L2, and R with what 3 has finished
 * are the R of L2: the same holds for the next part. If 2 is interrupted at P,
 * what stands in R as of P was delivered as of P, and L1 may be P: a row that
 * was looked up for an update before P and stands elsewhere at L3 was made by a
 * later update, which comes again or is still to come.
 *
 * That needs more: R is of one file (relfilenode), so that VACUUM FULL,
 * CLUSTER, TRUNCATE and ALTER TABLE make R empty (plain VACUUM moves nothing,
 * pruning moves nothing out of its block); all of insert, update and delete are
 * published and none is skipped, an update that changes nothing neither; the
 * table is plain, as partitions that are attached bring rows without events;
 * and it has an identity by columns, or rows that lack values empty R.
 *
 * snapshot.mode always, with a position from before, takes the same way with
 * all tables finished: what happened meanwhile is delivered before the rows.
 * A snapshot without a stream (initial_only) begins anew: its tables would not
 * be of one state.
 */
#include "pg_task.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "pg_resume.h"

enum { FIRST_RETRY_MS = 100 };

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
	}
	leat_buf_fini(&part);
	return rc;
}

/* 1: a snapshot comes first, 0: not, or an error. */
static int
wants_snapshot(struct pg_source *s, struct leat_err *err)
{
	int32_t mode = s->cfg->snapshot_mode;
	int based = mode == PG_SNAPSHOT_CONFIGURATION_BASED;
	int have = s->has_pos && !s->pos.snapshot, rc;

	if (mode == PG_SNAPSHOT_ALWAYS || (based && s->cfg->based_data))
		return 1;
	if (!have)
		return mode == PG_SNAPSHOT_INITIAL ||
		    mode == PG_SNAPSHOT_INITIAL_ONLY ||
		    mode == PG_SNAPSHOT_WHEN_NEEDED;
	if (!s->streams)
		return 0;
	rc = pg_resume_check(&s->repl, s->cfg, &s->server, &s->slot, &s->pos,
	    err);
	if (rc != 0)
		return rc > 0 ? 0 : rc;
	if (mode != PG_SNAPSHOT_WHEN_NEEDED &&
	    !(based && s->cfg->based_data_error))
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
	if (s->cfg->snapshot_mode != PG_SNAPSHOT_WHEN_NEEDED &&
	    !s->cfg->based_data_error)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_STATE,
		    "replication slot '%s' is lost: %s: SELECT "
		    "pg_drop_replication_slot('%s');", s->cfg->slot,
		    pg_slot_lost_reason(&s->slot), s->cfg->slot);
	s->slot.exists = 0;
	return pg_slot_drop(&s->sql, s->cfg->slot, err);
}

/* ------------------------------------------------------------------- parts */

/* Does the stream have all changes of rows? */
static int
streams_all(struct pg_source *s, int *ret, struct leat_err *err)
{
	const char *params[1] = { s->cfg->publication };
	PGresult *res = NULL;
	int rc = pg_query(&s->sql, &res, err, "SELECT pubinsert AND pubupdate"
	    " AND pubdelete FROM pg_catalog.pg_publication WHERE pubname = $1",
	    1, params);

	if (rc < 0)
		return leat_err_wrap(err, "look up the publication");
	*ret = PQntuples(res) == 1 && pg_cell(res, 0, 0)[0] == 't' &&
	    (s->stream.skipped & (PG_SKIP_CREATE | PG_SKIP_UPDATE |
	    PG_SKIP_DELETE)) == 0;
	PQclear(res);
	return 0;
}

/* Where it has not, what was read of a table is no help. */
static int
check_parts(struct pg_source *s, struct leat_err *err)
{
	int all = 0, rc;

	if (s->progress.nparts == 0)
		return 0;
	rc = streams_all(s, &all, err);
	while (rc == 0 && !all && s->progress.nparts > 0)
		pg_progress_drop_part(&s->progress, s->progress.parts[0].oid);
	return rc;
}

/* Of tables that are not to be read, or that have another file now. */
static void
drop_stale_parts(struct pg_source *s)
{
	for (uint32_t i = s->progress.nparts; i-- > 0;)
		if (!pg_unread_partly(&s->unread, s->progress.parts[i].oid))
			pg_progress_drop_part(&s->progress,
			    s->progress.parts[i].oid);
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

/* From the stored position to the snapshot's. */
static int
catch_up(struct pg_source *s, struct leat_err *err)
{
	int rc = 0;

	/* With a snapshot behind it, what happened meanwhile is complete. */
	if (s->pos.snapshot)
		rc = pg_unread_init(&s->unread, &s->snap, &s->progress, err);
	if (rc < 0)
		return rc;
	drop_stale_parts(s);
	s->stream.until = s->snap.lsn;
	s->stream.reached = 0;
	s->stream.unread = s->pos.snapshot ? &s->unread : NULL;
	leat_log_notice(s->task, "catching up with the snapshot",
	    "from=" PG_LSN_FMT " to=" PG_LSN_FMT " tables_finished=%u "
	    "tables_read_in_part=%u", PG_LSN_ARGS(s->pos.flush),
	    PG_LSN_ARGS(s->snap.lsn), s->snap.tables_before,
	    s->progress.nparts);
	s->phase = PHASE_CATCH_UP;
	s->wait_until = 0;
	return 0;
}

/* The stream is opened from poll(): its slot may be in use for a while. */
int
pg_start_catch_up(struct pg_source *s, struct leat_err *err)
{
	int rc = pg_start_stream(s, err);

	if (rc < 0 || !s->stream_open)
		return rc;
	s->pos.snapshot = s->stream.pos.snapshot = 1;
	s->stream.pos.snapshot_id = s->pos.snapshot_id = s->progress.id;
	s->stream.next_status = leat_mono_ms(s->task);
	return 0;
}

static int
table_done(void *arg, const struct pg_snap_table *st, struct leat_err *err)
{
	struct pg_source *s = arg;

	return pg_progress_add(&s->progress, st->t->oid, err);
}

static void
piece_done(void *arg, const struct pg_snap_table *st, uint32_t piece)
{
	struct pg_source *s = arg;
	struct pg_range r = st->plan[piece];

	/* What the snapshot saw was there when it began. */
	if (r.to == (uint32_t)PG_BLOCKS_ALL)
		r.to = (uint32_t)st->blocks;
	if (st->file != 0 && r.from < r.to)
		pg_progress_add_blocks(&s->progress, st->t->oid, st->file, r);
}

/* Before the position is a new one. */
static void
tell_begin(struct pg_source *s)
{
	int goes_on = s->has_pos && s->pos.snapshot;

	if (goes_on && !s->catches_up)
		pg_snapshot_tell(&s->snap, "ABORTED");
	pg_snapshot_tell(&s->snap, goes_on && s->catches_up ? "RESUMED" :
	    "STARTED");
}

static int
begin_snapshot(struct pg_source *s, const struct pg_new_slot *slot,
    struct leat_err *err)
{
	const struct pg_snapshot_request rq = {
		.imported = slot == NULL ? NULL : slot->snapshot,
		.lsn = slot == NULL ? 0 : slot->consistent_lsn,
		.unpublished = !s->streams,
		.finished = s->catches_up ? &s->progress : NULL,
	};
	int rc = pg_snapshot_begin(&s->snap, &rq, err);

	if (rc < 0)
		return rc;
	/* Imported: its exporter, and a temporary slot with it, may go. */
	pg_conn_close(&s->repl);
	if (s->streams) {
		s->snap.table_done = table_done;
		s->snap.piece_done = piece_done;
		s->snap.arg = s;
	}
	pg_report_begin(s);
	pg_guard_init(&s->guard, s->task, s->cfg);
	tell_begin(s);
	if (!s->catches_up || !s->pos.snapshot)
		pg_progress_reset(&s->progress, s->snap.ts_us);
	if (s->catches_up)
		return catch_up(s, err);
	s->pos = (struct pg_position){ .lsn = s->snap.lsn,
		.flush = s->snap.lsn, .ts_us = s->snap.ts_us,
		.txid = s->snap.txid, .snapshot = 1,
		.snapshot_id = s->progress.id };
	/* What was prepared before, and commits behind the snapshot. */
	if (s->slot.exists && s->slot.two_phase)
		s->pos.prepared = s->slot.confirmed_lsn;
	set_system(s);
	s->phase = PHASE_SNAPSHOT;
	return 0;
}

/*
 * May the stream be followed from the stored position up to the snapshot? 1,
 * and the finished tables are known; 0: the snapshot stands alone.
 */
static int
can_catch_up(struct pg_source *s, struct leat_err *err)
{
	int rc;

	if (!s->streams || !s->has_pos)
		return 0;
	rc = open_replication(s, err);
	if (rc == 0)
		rc = pg_resume_check(&s->repl, s->cfg, &s->server, &s->slot,
		    &s->pos, err);
	if (rc < 0)
		return rc;
	if (rc == 0) {
		leat_log_warn(s->task, "the snapshot begins anew",
		    "reason=\"%s\"", err->text);
		leat_err_clear(err);
		return 0;
	}
	if (!s->pos.snapshot)
		return 1;
	rc = pg_progress_load(&s->progress, s->task, s->pos.snapshot_id, err);
	if (rc == 0)
		rc = check_parts(s, err);
	return rc < 0 ? rc : 1;
}

/* A slot for the stream if there is none, and a snapshot that fits it. */
int
pg_start_snapshot(struct pg_source *s, struct leat_err *err)
{
	struct pg_new_slot slot = { 0 };
	char name[64];
	int rc;

	if (!s->streams)
		return begin_snapshot(s, NULL, err);
	rc = s->catches_up = can_catch_up(s, err);
	if (rc >= 0)
		rc = lost_slot(s, err);
	if (rc == 0)
		rc = open_replication(s, err);
	if (rc < 0)
		return rc;
	/* By the server's process: the one of a lost connection may live on. */
	(void)snprintf(name, sizeof(name), "%.52s_s%d", s->cfg->slot,
	    PQbackendPID(s->repl.pg));
	rc = pg_slot_create(&s->repl, s->cfg, s->slot.exists ? name :
	    s->cfg->slot, s->slot.exists, &slot, err);
	return rc < 0 ? rc : begin_snapshot(s, &slot, err);
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
	s->wait_until = leat_mono_ms(s->task) + wait;
	if (s->stream.until == 0)
		s->phase = PHASE_BETWEEN;
	leat_err_clear(err);
	return 0;
}

int
pg_start_stream(struct pg_source *s, struct leat_err *err)
{
	int rc = 0;

	if (!s->stream_open) {
		rc = open_replication(s, err);
		if (rc == 0)
			rc = pg_stream_start(&s->stream, &s->pos, &s->server,
			    s->slot.two_phase, err);
	}
	if (rc < 0)
		return slot_in_use(s, err);
	s->stream_open = 1;
	s->start_wait_ms = s->waited_ms = 0;
	if (s->stream.until == 0) {
		/* Of a stream that is open since the snapshot caught up too. */
		s->stream.pos.snapshot = s->stream.pos.snapshot_done = 0;
		s->phase = PHASE_STREAM;
	}
	return 0;
}

/* No snapshot: from the stored position, or from the slot's. */
static int
prepare_stream(struct pg_source *s, struct leat_err *err)
{
	struct pg_new_slot slot = { 0 };
	int rc;

	if (!s->streams) {
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
	return pg_start_stream(s, err);
}

static int
follows_stream(const struct pg_config *cfg)
{
	if (cfg->snapshot_mode == PG_SNAPSHOT_CONFIGURATION_BASED)
		return cfg->based_stream;
	return cfg->snapshot_mode != PG_SNAPSHOT_INITIAL_ONLY;
}

/*
 * A worker died while it made the slot, and its session still waits for old
 * transactions: where the slot will begin is not known, it may be behind the
 * snapshot that would be taken now.
 */
static int
slot_in_making(const struct pg_source *s, struct leat_err *err)
{
	if (!s->slot.exists || s->slot.lost || s->slot.confirmed_lsn != 0)
		return 0;
	return leat_err_set(err, LEAT_CLS_RETRY, LEAT_E_STATE,
	    "replication slot '%s' is being made by process %d, which waits "
	    "for transactions to end: let it finish, or SELECT "
	    "pg_terminate_backend(%d);", s->cfg->slot, s->slot.active_pid,
	    s->slot.active_pid);
}

static int
look(struct pg_source *s, struct leat_err *err)
{
	int rc = pg_catalog_captured(&s->sql, &s->filters, &s->arena,
	    &s->tables, err);

	if (rc == 0)
		rc = pg_slot_read(&s->sql, s->cfg->slot, &s->slot, err);
	if (rc == 0 && s->streams)
		rc = slot_in_making(s, err);
	if (rc == 0)
		rc = open_replication(s, err);
	if (rc == 0)
		rc = pg_check_system(&s->repl, &s->server, err);
	return rc < 0 ? rc : read_stored(s, err);
}

int
pg_start(struct pg_source *s, struct leat_err *err)
{
	int snapshot, rc;

	s->streams = follows_stream(s->cfg);
	rc = look(s, err);
	if (rc < 0)
		return rc;
	snapshot = wants_snapshot(s, err);
	if (snapshot < 0)
		return snapshot;
	rc = pg_check_tables(&s->sql, s->cfg, &s->tables, snapshot, err);
	if (rc == 0 && s->streams)
		rc = pg_control_publish(&s->control, &s->arena, &s->tables,
		    err);
	if (rc == 0 && s->streams)
		rc = pg_publication_ensure(&s->sql, s->cfg, &s->tables, err);
	if (rc < 0)
		return rc;
	if (!snapshot)
		return prepare_stream(s, err);
	if (s->cfg->snapshot_delay_ms == 0)
		return pg_start_snapshot(s, err);
	pg_conn_close(&s->repl);
	s->wait_until = leat_mono_ms(s->task) + s->cfg->snapshot_delay_ms;
	s->phase = PHASE_DELAY;
	return 0;
}
