/* SPDX-License-Identifier: Apache-2.0 */
/*
 * txns_int.h: the coordinator's own structs, for its files.
 */
#ifndef LEAT_BROKER_TXNS_INT_H
#define LEAT_BROKER_TXNS_INT_H

#include "broker/coord/txn_record.h"
#include "broker/coord/txns.h"

#define TXN_MAGIC 0x7a2b0701

enum txn_state {
	TX_IDLE,		/* nothing is open */
	TX_OPEN,		/* data was appended */
	TX_COMMITTING,		/* between broker_txn_commit and its callback */
	TX_DEAD			/* outcome unknown until the next start */
};

struct txn_part {
	struct broker_partition *part;		/* counted */
	int32_t next_seq;
	int64_t end;		/* behind what must be durable */
	bool ended;		/* its marker is written */
};

/* A transactional id. */
struct txn_entry {
	struct txns *ts;
	char *id;
	enum txn_state state;
	int64_t producer_id;
	int16_t epoch;
	int32_t timeout_ms;
	int64_t start_ms;
	int64_t start_mono_ns;
	struct broker_txn *owner;	/* NULL: none, or fenced */
	bool has_offsets;		/* of groups */

	struct txn_part *parts;		/* of the open transaction */
	size_t nparts, cap_parts;
	/*
	 * Where the last commit's markers stand. They must be durable before
	 * anything takes the place of its PREPARE record.
	 */
	struct txn_part *marked;
	size_t nmarked;
	uint64_t serial;		/* counts ends of transactions */

	/* The commit in flight. */
	broker_done_fn *fn;
	void *arg;
	struct flush_target *targets;
	size_t ntargets;
	size_t left;			/* targets not yet durable */
	struct leat_err failure;
	struct flush_wait decision;
	bool stuck;			/* decided; markers to be tried again */
};

struct broker_txn {
	unsigned magic;
	struct txns *ts;
	struct txn_entry *entry;
};

struct txns {
	struct broker *b;
	struct lock lock;		/* RANK_TXN; guards all entries */
	struct cond cond;		/* a commit ended */
	struct leat_map by_id;
	int32_t npartitions;
	struct broker_partition **parts;	/* of __transaction_state */
};

/* ---- txns.c */

struct txn_entry *txn_entry_get_locked(struct txns *ts, const char *id);
void txn_parts_clear(struct txn_part **parts, size_t *n);
struct broker_partition *txn_log(struct txns *ts, const char *id);
/* Writes a record of the entry; *ret_end gets the offset behind it. */
int txn_write(struct txn_entry *e, enum txn_status status, int64_t *ret_end,
    struct leat_err *err);
/* May this user go on? */
int txn_check_owner(const struct broker_txn *t, struct leat_err *err);
/*
 * COMMIT or ABORT into every part that has none yet; what fails is reported
 * after the others are done.
 */
int txn_mark(struct txn_entry *e, bool commit, int16_t epoch,
    struct leat_err *err);
int txn_new_producer(struct txn_entry *e, struct leat_err *err);

/* ---- txn_commit.c */

/* Waits until no commit is in flight. */
void txn_wait_idle_locked(struct txn_entry *e);
/* Makes the last commit's markers durable and writes COMPLETE. */
int txn_finish_marked(struct txn_entry *e, struct leat_err *err);
void txn_abort_locked(struct txn_entry *e, bool fence);

/* ---- txn_recover.c */

int txns_recover(struct txns *ts, struct leat_err *err);

/* ---- producer_ids.c */

int producer_ids_open(struct broker *b, struct leat_err *err);
/* No id below `to` is given out from now on; durable. While opening only. */
int producer_ids_raise(struct broker *b, int64_t to, struct leat_err *err);

#endif
