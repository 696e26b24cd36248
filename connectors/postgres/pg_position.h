/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_position.h: where a source stands, as stored by the worker.
 *
 * Delivery is in the order of commits, so three numbers are exact: up to where
 * whole transactions are done (flush), which one is being delivered (its
 * final_lsn, known from its Begin message), and how many of its messages are
 * done. Debezium's keys are written beside them, and understood alone.
 */
#ifndef LEAT_PG_POSITION_H
#define LEAT_PG_POSITION_H

#include <stdint.h>

#include <leat/buf.h>
#include <leat/err.h>

/* The worker stores no more for a source. */
enum { PG_POSITION_MAX = 1024 * 1024 };

struct pg_position {
	uint64_t lsn;		/* of the last event: lsn, lsn_proc */
	uint64_t lsn_commit;	/* end of the last commit seen; 0: none */
	uint64_t flush;		/* whole transactions up to here are done */
	uint64_t prepared;	/* PREPARE that the stream must come back to */
	uint64_t final_lsn;	/* of a transaction delivered in part, or 0 */
	uint64_t events;	/* its messages that are done */
	uint64_t records;	/* records of the next message that are done */
	int64_t txid;		/* 0: none */
	int64_t ts_us;
	char message_type;	/* 'I' 'U' 'D' 'T' 'B' 'C', 0: none */
	char snapshot;		/* 1: a snapshot is being taken */
	int64_t snapshot_id;	/* which: see pg_progress.h; 0: not known */
	char snapshot_done;	/* 1: it was just completed */
	uint32_t timeline;	/* of the log; 0: not known */
	char system_id[24];	/* of the database cluster; "": not known */
};

/*
 * Where the stream is to begin, and what the server may be told once this is
 * durable: `flush`, or a PREPARE before it whose transaction is not decided.
 */
static inline uint64_t
pg_position_confirmed(const struct pg_position *p)
{
	return p->prepared != 0 && p->prepared < p->flush ? p->prepared :
	    p->flush;
}

/* Appends the JSON object; check b->failed. */
void pg_position_encode(const struct pg_position *p, struct leat_buf *b);

/* Reads what encode wrote, or what Debezium did. 0, or LEAT_E_PARSE. */
int pg_position_parse(const char *text, struct pg_position *ret,
    struct leat_err *err);

#endif
