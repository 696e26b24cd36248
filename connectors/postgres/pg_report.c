/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_report.c: what a task says of itself: its status, and the metrics of its
 * snapshot.
 */
#include "pg_task.h"

#include <stdio.h>
#include <string.h>

#include <leat/buf.h>
#include <leat/json.h>

enum { REPORT_MS = 1000, REPORT_MAX = 64 * 1024 };

#define GAUGE(s, name, help) \
	leat_metric((s)->task, LEAT_METRIC_GAUGE, "postgres_snapshot_" name, \
	    help)

void
pg_report_init(struct pg_source *s)
{
	struct pg_pace *p = &s->pace;

	p->m_running = GAUGE(s, "running", "1 while a snapshot is taken.");
	p->m_completed = GAUGE(s, "completed",
	    "1 when the task's snapshot was completed.");
	p->m_aborted = GAUGE(s, "aborted",
	    "1 when the task's snapshot has failed.");
	p->m_paused = GAUGE(s, "paused",
	    "1 while the snapshot waits for its rate, or for the stream.");
	p->m_tables = GAUGE(s, "tables", "Tables of the snapshot.");
	p->m_seconds = GAUGE(s, "seconds", "How long the snapshot has taken.");
	p->m_rows = GAUGE(s, "rows", "Rows that the snapshot has delivered.");
	p->m_estimated = GAUGE(s, "rows_estimated",
	    "Rows of the snapshot, by the server's estimate.");
	p->m_left = GAUGE(s, "seconds_left",
	    "How long the snapshot will take still; -1: not known.");
}

static int64_t
elapsed_ms(const struct pg_source *s)
{
	return leat_mono_ms(s->task) - s->pace.begun_ms;
}

/* By the estimate and the present rate; -1: not known. */
static int64_t
seconds_left(const struct pg_source *s)
{
	int64_t rows = s->snap.estimate - s->snap.rows;

	if (s->pace.rows_per_s < 0.001 || rows < 0)
		return -1;
	return (int64_t)((double)rows / s->pace.rows_per_s);
}

static void
set_gauges(struct pg_source *s)
{
	struct pg_pace *p = &s->pace;

	leat_metric_set(p->m_tables, s->snap.tables.len +
	    s->snap.tables_before);
	leat_metric_set(p->m_seconds, elapsed_ms(s) / 1000);
	leat_metric_set(p->m_rows, s->snap.rows);
	leat_metric_set(p->m_estimated, s->snap.estimate);
	leat_metric_set(p->m_left, seconds_left(s));
	leat_metric_set(p->m_paused, s->phase == PHASE_CATCH_UP ||
	    s->snap.throttle.rows.credit < 0 ||
	    s->snap.throttle.bytes.credit < 0);
}

void
pg_report_begin(struct pg_source *s)
{
	struct pg_pace *p = &s->pace;

	p->begun_ms = p->at_ms = leat_mono_ms(s->task);
	p->rows = 0;
	p->rows_per_s = 0;
	leat_metric_set(p->m_running, 1);
	leat_metric_set(p->m_completed, 0);
	leat_metric_set(p->m_aborted, 0);
	set_gauges(s);
}

void
pg_report_end(struct pg_source *s, int completed)
{
	struct pg_pace *p = &s->pace;

	set_gauges(s);
	leat_metric_set(p->m_running, 0);
	leat_metric_set(p->m_paused, 0);
	leat_metric_set(p->m_completed, completed);
	leat_metric_set(p->m_aborted, !completed);
	leat_metric_set(p->m_left, completed ? 0 : -1);
}

/* The rate of the last moments counts for a third of what is shown. */
static void
measure(struct pg_source *s, int64_t now)
{
	struct pg_pace *p = &s->pace;
	double rate;

	if (now <= p->at_ms)
		return;
	rate = (double)(s->snap.rows - p->rows) * 1000.0 /
	    (double)(now - p->at_ms);
	p->rows_per_s = p->rows_per_s < 0.001 ? rate :
	    p->rows_per_s + (rate - p->rows_per_s) / 3;
	p->rows = s->snap.rows;
	p->at_ms = now;
}

/* ------------------------------------------------------------------ status */

static void
add_i64(struct leat_buf *b, const char *key, int64_t v)
{
	(void)leat_buf_printf(b, ",\"%s\":%lld", key, (long long)v);
}

/* The tables that are being read. */
static void
add_reading(const struct pg_snapshot *snap, struct leat_buf *b)
{
	const char *sep = "";
	char name[1024];

	(void)leat_buf_add_str(b, ",\"reading\":[");
	for (uint32_t i = 0; i < snap->tables.len && i <= snap->next_table;
	    i++) {
		const struct pg_snap_table *st = &snap->states[i];

		if (st->started == 0 || st->ended == st->pieces)
			continue;
		(void)snprintf(name, sizeof(name), "%s.%s", st->t->schema,
		    st->t->name);
		(void)leat_buf_printf(b, "%s{\"table\":", sep);
		(void)leat_json_add_string(b, name, strlen(name));
		add_i64(b, "rows", st->rows);
		if (st->estimate >= 0)
			add_i64(b, "rows_estimated", st->estimate);
		add_i64(b, "pieces", st->pieces);
		add_i64(b, "pieces_done", st->ended);
		(void)leat_buf_add_byte(b, '}');
		sep = ",";
	}
	(void)leat_buf_add_byte(b, ']');
}

static void
add_snapshot(const struct pg_source *s, struct leat_buf *b)
{
	const struct pg_snapshot *snap = &s->snap;
	int64_t left = seconds_left(s);

	(void)leat_buf_printf(b, ",\"snapshot_lsn\":\"" PG_LSN_FMT "\"",
	    PG_LSN_ARGS(snap->lsn));
	add_i64(b, "tables", snap->tables.len + snap->tables_before);
	add_i64(b, "tables_done", snap->tables_done + snap->tables_before);
	add_i64(b, "rows", snap->rows);
	add_i64(b, "rows_estimated", snap->estimate);
	add_i64(b, "bytes", snap->bytes);
	add_i64(b, "rows_per_second", (int64_t)s->pace.rows_per_s);
	add_i64(b, "seconds", elapsed_ms(s) / 1000);
	if (left >= 0)
		add_i64(b, "seconds_left", left);
	add_reading(snap, b);
}

static void
add_stream(const struct pg_source *s, struct leat_buf *b)
{
	(void)leat_buf_printf(b, ",\"slot\":\"%s\",\"lsn\":\"" PG_LSN_FMT "\","
	    "\"confirmed_lsn\":\"" PG_LSN_FMT "\",\"server_lsn\":\""
	    PG_LSN_FMT "\",\"in_transaction\":%s", s->cfg->slot,
	    PG_LSN_ARGS(s->stream.pos.lsn), PG_LSN_ARGS(s->stream.confirmed),
	    PG_LSN_ARGS(s->stream.server_end),
	    s->stream.in_tx ? "true" : "false");
}

static const char *
phase_name(enum pg_phase phase)
{
	static const char *const names[] = { "waiting for the snapshot",
		"catching up", "snapshot", "waiting for the stream",
		"streaming", "blocking snapshot", "done" };

	return names[phase];
}

void
pg_report(struct pg_source *s)
{
	int64_t now = leat_mono_ms(s->task);
	int snapshot = s->phase == PHASE_SNAPSHOT ||
	    s->phase == PHASE_CATCH_UP;
	struct leat_buf b;

	if (now < s->next_report)
		return;
	s->next_report = now + REPORT_MS;
	leat_buf_init(&b, REPORT_MAX);
	(void)leat_buf_printf(&b, "{\"phase\":\"%s\"", phase_name(s->phase));
	if (snapshot) {
		measure(s, now);
		set_gauges(s);
		add_snapshot(s, &b);
	}
	if (s->phase == PHASE_STREAM || s->phase == PHASE_CATCH_UP ||
	    s->phase == PHASE_BLOCKING)
		add_stream(s, &b);
	if (s->start_wait_ms > 0)
		(void)leat_buf_add_str(&b, ",\"slot_in_use\":true");
	pg_control_status(&s->control, &b);
	pg_tallies_status(&s->tallies, &b);
	(void)leat_buf_add_byte(&b, '}');
	if (leat_buf_cstr(&b) != NULL)
		leat_status(s->task, leat_buf_cstr(&b));
	leat_buf_fini(&b);
}
