/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_stream.h: the replication stream: receive, deliver, acknowledge.
 *
 * Received messages become records as they come, within a transaction too; the
 * position says how many of its messages are out. After a restart the server
 * sends whole transactions again from the confirmed one on: those whose commit
 * stands before `flush` are dropped, and of the one that was delivered in part
 * its first messages.
 *
 * The server hears of a position only when it is durable here, or when the
 * stream was idle up to it and that was stored.
 */
#ifndef LEAT_PG_STREAM_H
#define LEAT_PG_STREAM_H

#include "pg_checks.h"
#include "pg_emit.h"
#include "pg_message.h"
#include "pg_position.h"
#include "pg_queue.h"
#include "pg_signal_control.h"
#include "pg_spool.h"
#include "pg_unread.h"
#include "pg_watch.h"

/* A change that finds no room in a batch that is empty. */
struct pg_room {
	struct pgo_frame frame;	/* the latest that was tried */
	int64_t since;		/* mono; 0: none such */
};

struct pg_stream {
	struct leat_task *task;
	const struct pg_config *cfg;
	struct pg_conn *repl;
	struct pg_relcache *rels;
	struct pg_emit *emit;
	struct pg_control *control;	/* NULL: nobody asks for anything */
	const struct pg_messages *messages;
	int32_t skipped;	/* PG_SKIP_* */

	struct pg_position pos;	/* behind the last record */
	uint64_t resume_final;	/* transaction that was delivered in part */
	uint64_t resume_events;
	uint64_t resume_records;
	int in_tx;
	int drop_tx;		/* the open transaction was delivered before */
	uint64_t final_lsn;	/* of the open transaction */
	uint64_t seen;		/* its messages so far */
	int64_t commit_us;
	int64_t last_event_us;	/* commit time of what was read last */

	/*
	 * Catching up: what commits from `until` on is left in the queue, and
	 * `reached` is set. `unread` are the tables that are read afterwards
	 * (NULL: none). See pg_start.c.
	 */
	uint64_t until;		/* 0: goes on and on */
	int reached;
	struct pg_unread *unread;

	struct pg_queue queue;
	struct pg_spools spools;

	/* see pg_prepared.h */
	int two_phase;		/* transactions may come at their PREPARE */
	int in_prepared;	/* between Begin prepare and Prepare */
	int replays_prepared;
	uint64_t start_lsn;	/* where the stream was asked to begin */
	uint64_t resend_until;	/* PREPAREs before it come again; 0: none */
	struct leat_map described;	/* relations, by OID */
	size_t described_bytes;

	struct pg_watch watch;
	struct leat_err failed;	/* of the connection; what came counts first */

	uint64_t confirmed;	/* durable, may be told */
	int64_t confirmed_us;	/* commit time of the last transaction in it */
	uint64_t told;		/* what the server was told last; 0: nothing */
	uint64_t server_end;	/* end of its log, as far as it said */
	int must_reply;
	int asks;		/* the server shall say where it is */
	struct pg_room room;
	int64_t stuck_since;	/* mono, since when a status waits; 0: none */
	int stuck_said;
	int position_dirty;
	int64_t status_ms;	/* interval */
	int64_t next_status;	/* mono */
	int64_t last_idle;	/* mono, of the last idle advance */
	int64_t next_heartbeat;

	/* see pg_meter.c */
	int64_t *m_lag, *m_messages, *m_tx, *m_delay, *m_filtered, *m_confirmed;
	int64_t *m_connected, *m_lsn, *m_txid, *m_last_event, *m_unconfirmed;
	int64_t *m_erroneous, *m_unchanged;
	struct pgo_decoder dec;
};

/*
 * Sends START_REPLICATION. `pos` is the stored position; it says where to
 * begin. `two_phase`: the slot is so already.
 */
int pg_stream_start(struct pg_stream *s, const struct pg_position *pos,
    const struct pg_server *srv, int two_phase, struct leat_err *err);

/* Delivers what is there. */
int pg_stream_poll(struct pg_stream *s, struct leat_batch *b,
    struct leat_err *err);

/* A position became durable. */
int pg_stream_durable(struct pg_stream *s, const struct pg_position *pos,
    struct leat_err *err);

/* Sends a status when one is due. */
int pg_stream_tick(struct pg_stream *s, struct leat_err *err);

/* Says goodbye: the last status and CopyDone, as far as that goes at once. */
void pg_stream_stop(struct pg_stream *s);

/*
 * Nothing was taken into an empty batch. 0: memory that others hold comes back;
 * or the error of a change that is larger than all of it.
 */
int pg_stream_no_room(struct pg_stream *s, struct leat_err *err);

#endif
