/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_task.h: a task of postgres-source, shared by the files that make it:
 * pg_source.c its life, pg_start.c what comes first, pg_task_snapshot.c the
 * snapshot, pg_task_blocking.c what a signal may put in between, pg_report.c
 * what it says of itself.
 */
#ifndef LEAT_PG_TASK_H
#define LEAT_PG_TASK_H

#include "pg_apply.h"
#include "pg_progress.h"
#include "pg_slot.h"
#include "pg_signal_control.h"
#include "pg_snapshot.h"
#include "pg_stream.h"

/*
 *	DELAY		snapshot.delay.ms before a snapshot is begun
 *	CATCH_UP	an interrupted snapshot goes on: the stream is brought
 *			to where its second part begins
 *	SNAPSHOT	reads the tables as of an exported snapshot
 *	BETWEEN		the snapshot is read, the stream not yet started
 *	STREAM		follows the slot
 *	BLOCKING	the stream waits, a signal's tables are read
 *	DONE		there is nothing more to do
 */
enum pg_phase {
	PHASE_DELAY,
	PHASE_CATCH_UP,
	PHASE_SNAPSHOT,
	PHASE_BETWEEN,
	PHASE_STREAM,
	PHASE_BLOCKING,
	PHASE_DONE
};

/* For the rate of a snapshot. */
struct pg_pace {
	int64_t begun_ms;
	int64_t at_ms;		/* of the last look */
	int64_t rows;		/* at that time */
	double rows_per_s;	/* smoothed */
	int64_t *m_running, *m_completed, *m_aborted, *m_paused;
	int64_t *m_tables, *m_seconds, *m_rows, *m_estimated, *m_left;
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
	struct pg_tallies tallies;
	struct pg_emit emit;
	struct pg_messages messages;
	enum pg_phase phase;
	struct pg_position pos;	/* stored, or where the stream begins */
	int has_pos;
	int catches_up;		/* the snapshot goes on from s->pos */
	int streams;		/* the stream follows the snapshot */
	int stream_open;
	int64_t wait_until;	/* mono: DELAY, CATCH_UP, BETWEEN */
	int64_t start_wait_ms;	/* before the next try to open the stream */
	int64_t waited_ms;	/* for a slot in use, so far */
	int64_t next_report;
	struct pg_progress progress;	/* of the snapshot */
	struct pg_unread unread;	/* tables to be read, catching up */
	struct pg_pace pace;
	struct pg_guard guard;	/* of the log, while tables are read */
	int64_t next_look;	/* at the slot, mono */
	int interrupts;		/* the guard wants the stream to catch up */
	int gave_progress;	/* something was finished and given, */
	int kept;		/* and that is durable */
	struct pg_snapshot snap;
	struct pg_control control;
	int reading;		/* the tables of a blocking snapshot */
	struct pg_stream stream;
};

/*
 * Looks at the server, the slot and what is stored, decides what comes first,
 * and begins it.
 */
int pg_start(struct pg_source *s, struct leat_err *err);

/* Begins the snapshot that was decided on: behind a delay. */
int pg_start_snapshot(struct pg_source *s, struct leat_err *err);

/* Opens the stream of PHASE_CATCH_UP; it may be closed still behind a 0. */
int pg_start_catch_up(struct pg_source *s, struct leat_err *err);

/*
 * Opens the stream at s->pos; does nothing where it is open. While the slot is
 * in use it stays closed, and s->wait_until says when to try again.
 */
int pg_start_stream(struct pg_source *s, struct leat_err *err);

/* 1: s->wait_until has not come; then it is waited for. */
int pg_task_is_early(struct pg_source *s);

/* PHASE_CATCH_UP: the stream up to where the snapshot's second part begins. */
int pg_poll_catch_up(struct pg_source *s, struct leat_batch *b,
    struct leat_err *err);
/* PHASE_SNAPSHOT */
int pg_poll_snapshot(struct pg_source *s, struct leat_batch *b,
    struct leat_err *err);

/* PHASE_BLOCKING: reads the tables of a signal, then the stream goes on. */
int pg_poll_blocking(struct pg_source *s, struct leat_batch *b,
    struct leat_err *err);

/* Status and metrics, once a second at most. */
void pg_report(struct pg_source *s);

/* The metrics of a snapshot; a snapshot has begun. */
void pg_report_init(struct pg_source *s);
void pg_report_begin(struct pg_source *s);
/* It is over, with or without success. */
void pg_report_end(struct pg_source *s, int completed);

#endif
