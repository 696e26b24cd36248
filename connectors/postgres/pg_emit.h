/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_emit.h: builds the records of Debezium's events and puts them in a batch.
 *
 * The source block is a template of 16 values; of these only what changes is
 * written per event. All calls return 0, PG_CONV_NOMEM when the batch took no
 * more, or an error.
 *
 * One message of the stream may make several records (a changed key makes
 * three). When the batch ends between them, the caller repeats the message
 * with `skip` set to the number of its records that were delivered.
 */
#ifndef LEAT_PG_EMIT_H
#define LEAT_PG_EMIT_H

#include <stdint.h>

#include "pg_relation.h"
#include "pg_schema.h"
#include "pg_txmeta.h"

struct pg_emit {
	struct leat_task *task;
	const struct pg_config *cfg;
	const char *prefix;
	const struct leat_schema *source_schema;
	const struct leat_schema *hb_key;
	const struct leat_schema *hb_value;
	const char *hb_topic;
	struct leat_header context[4];
	uint32_t ncontext;
	char run_id[37];
	char task_id[12];

	/* what the next records say */
	struct leat_value source[PG_SRC_N];
	struct leat_value now[3];	/* ts_ms, ts_us, ts_ns */
	char sequence[32];	/* `["123","`, up to the event's LSN */
	uint32_t sequence_len;
	char origin[256];	/* name of the replication origin */
	int no_lsn;		/* source.lsn is null: incremental rows */

	uint32_t skip;		/* records of this message not to repeat */
	uint32_t done;		/* records of this message that are out */
	struct pg_txmeta tx;	/* counts while a transaction is open */
	int64_t *m_events[PG_OPS];
};

int pg_emit_init(struct pg_emit *e, struct leat_task *t,
    const struct pg_config *cfg, const char *prefix, const char *db,
    struct leat_arena *a, struct leat_err *err);
void pg_emit_fini(struct pg_emit *e);

/* Once per poll: the time that events carry as that of their making. */
void pg_emit_clock(struct pg_emit *e);

/* A transaction begins: time of its commit, id, end of the one before. */
void pg_emit_transaction(struct pg_emit *e, int64_t ts_us, int64_t txid,
    uint64_t last_commit);

/*
 * What `source.snapshot` says from now on; NULL: it is null, as Debezium's is
 * outside of snapshots, and reads as its default, "false".
 */
void pg_emit_marker(struct pg_emit *e, const char *marker);

/* The replication origin of the transaction; NULL: none. */
void pg_emit_origin(struct pg_emit *e, const struct leat_str *name,
    uint64_t lsn);

/* Starts the records of one message: none is out yet. */
static inline void
pg_emit_begin(struct pg_emit *e, uint32_t skip)
{
	e->skip = skip;
	e->done = 0;
}

/* c or r: a row that is there now. */
int pg_emit_row(struct pg_emit *e, struct leat_batch *b,
    const struct pg_relation *rel, uint64_t lsn, char op,
    const struct pg_row *row);

/* u, or the three records of a changed key. before may be NULL. */
int pg_emit_update(struct pg_emit *e, struct leat_batch *b,
    const struct pg_relation *rel, uint64_t lsn, const struct pg_row *before,
    const struct pg_row *after, int key_changed);

/* d and its tombstone. */
int pg_emit_delete(struct pg_emit *e, struct leat_batch *b,
    const struct pg_relation *rel, uint64_t lsn, const struct pg_row *before);

int pg_emit_truncate(struct pg_emit *e, struct leat_batch *b,
    const struct pg_relation *rel, uint64_t lsn);

/* The source block of an event at `lsn`, in the batch; NULL: no memory. */
struct leat_value *pg_emit_source(struct pg_emit *e, struct leat_batch *b,
    const char *schema, const char *table, uint64_t lsn);

int pg_emit_heartbeat(struct pg_emit *e, struct leat_batch *b);

#endif
