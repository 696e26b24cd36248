/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_txmeta.h: transaction metadata: the records BEGIN and END of topic
 * <prefix>.<topic.transaction>, and the `transaction` block of events.
 *
 * The orders in the block are counts, of the transaction and of each table in
 * it. They are part of the position while a transaction is delivered in part,
 * so that a restart goes on counting.
 */
#ifndef LEAT_PG_TXMETA_H
#define LEAT_PG_TXMETA_H

#include <leat/buf.h>

#include "pg_relation.h"

enum {
	/* What the counts of one transaction may take of a position. */
	PG_TXMETA_BYTES_MAX = 768 * 1024,
	/* Tables that are remembered from one transaction to the next. */
	PG_TXMETA_TABLES = 10000
};

/* Events of one table in the open transaction. */
struct pg_txcount {
	struct pg_txcount *next;	/* in the order of first events */
	int64_t n;
	int64_t of;		/* number of the transaction that n is of */
	uint32_t len;
	char name[];		/* "schema.table" */
};

struct pg_txmeta {
	int enabled;		/* provide.transaction.metadata */
	int open;		/* BEGIN is out, and END is not */
	const char *topic;
	const struct leat_schema *key;
	const struct leat_schema *value;
	int64_t xid;
	int64_t total;		/* events of the transaction */
	int64_t number;		/* of the transaction, for pg_txcount.of */
	size_t bytes;		/* of the counts in a position */
	uint32_t ntables;
	struct pg_txcount *first, *last;
	struct leat_map tables;	/* all that were seen lately */

	const struct pg_relation *rel;	/* of the latest event */
	struct pg_txcount *count;	/* its count */
};

/* A zeroed one counts nothing; topic and schemas are made when enabled. */
int pg_txmeta_init(struct pg_txmeta *m, struct leat_task *t,
    const struct pg_config *cfg, const char *prefix, struct leat_arena *a,
    struct leat_err *err);
void pg_txmeta_fini(struct pg_txmeta *m);

/* The schema of the block, interned. */
const struct leat_schema *pg_txmeta_block_schema(struct leat_task *t,
    struct leat_err *err);

/* The record BEGIN, unless metadata is off. 0 or PG_CONV_NOMEM. */
int pg_txmeta_begin(struct pg_txmeta *m, struct leat_batch *b, int64_t xid,
    uint64_t lsn, int64_t ts_us);

/* The record END. */
int pg_txmeta_end(struct pg_txmeta *m, struct leat_batch *b, uint64_t lsn,
    int64_t ts_us);

/*
 * The block of the next event, which counts once pg_txmeta_counted() is called.
 * rel NULL: a logical message.
 */
int pg_txmeta_block(struct pg_txmeta *m, struct leat_batch *b,
    const struct pg_relation *rel, uint64_t lsn, struct leat_value *ret);
static inline void
pg_txmeta_counted(struct pg_txmeta *m)
{
	m->total++;
	m->count->n++;
}

/* Relations were described anew: pointers to them say nothing any more. */
static inline void
pg_txmeta_forget_relations(struct pg_txmeta *m)
{
	m->rel = NULL;
	m->count = NULL;
}

/*
 * Appends its members to the object of a position, with a comma in front, and
 * reads them back from the whole text.
 */
void pg_txmeta_encode(const struct pg_txmeta *m, uint64_t lsn,
    struct leat_buf *b);
int pg_txmeta_load(struct pg_txmeta *m, const char *position,
    struct leat_err *err);

#endif
