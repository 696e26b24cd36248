/* SPDX-License-Identifier: Apache-2.0 */
/*
 * txns_int.h: the coordinator's own structs, for its files.
 */
#ifndef LEAT_BROKER_TXNS_INT_H
#define LEAT_BROKER_TXNS_INT_H

#include "broker/coord/txn_record.h"
#include "broker/coord/txns.h"
#include "broker/coord/txns_table.h"

#define TXN_MAGIC 0x7a2b0701

enum {
	TXN_ID_MAX_BYTES = 1024,
	TXN_IDS_MAX = 100000,
	TXN_PARTS_MAX = 100000,		/* partitions of one transaction */
	TXN_RECORD_MAX_BYTES = 16 << 20,
	/* What follows has a new producer id; markers may have one more. */
	TXN_EPOCH_LAST = 32766
};

struct txn_part {
	struct broker_partition *part;		/* counted */
	int32_t next_seq;	/* of a local producer */
	int64_t end;		/* behind what must be durable */
	bool ended;		/* its marker is written */
	uint8_t topic_id[16];	/* zero: a local producer's */
};

struct txn_beginning;

/* What the record of a finished transaction will say. */
struct txn_finished {
	int64_t producer_id;
	int16_t epoch;
	enum txn_status status;
	int16_t version;
	int64_t previous_id;
};

/* How a transaction is to end, and who waits: done or told, or nobody. */
struct txn_ending {
	enum txn_event event;	/* by which it goes to PREPARE */
	bool bump;		/* the markers, and what follows, have the
				   next epoch */
	broker_done_fn *done;
	txn_told_fn *told;
	void *arg;
};

/* A transactional id. */
struct txn_entry {
	struct txns *ts;
	char *id;
	enum txn_status state;	/* changed by txn_move only */
	/* An end, or a beginning, is under way: nothing else may be. */
	bool busy;
	/* Its producer is beyond the network; its records say all it does. */
	bool remote;
	int64_t producer_id;
	int16_t epoch;
	/* What it had before: a lost answer makes a client ask again. */
	int64_t last_producer_id;
	int16_t last_epoch;
	/* Of the open transaction, then of how it ended: TXN_CLASSIC, ... */
	int16_t version;
	/* Follows when the end has used up the epochs, or -1; in the table. */
	int64_t next_producer_id;
	int32_t timeout_ms;
	int64_t start_ms;
	int64_t start_mono_ns;
	int64_t update_ms;
	struct broker_txn *owner;	/* local; NULL: none, or fenced */
	uint32_t handles;	/* of struct broker_txn that point here */
	bool has_offsets;		/* of groups */

	struct txn_part *parts;		/* of the open transaction */
	size_t nparts, cap_parts;
	/*
	 * Where the last transaction's markers stand. They must be durable
	 * before the next PREPARE takes the place of this one's.
	 */
	struct txn_part *marked;
	size_t nmarked;
	bool complete_due;		/* ... and COMPLETE is to be written */
	struct txn_finished finished;
	uint64_t serial;		/* counts ends of transactions */

	/* The end under way. */
	enum txn_status to;		/* PREPARE_COMMIT or PREPARE_ABORT */
	struct txn_ending ending;
	int16_t unbumped;		/* the epoch before the bump, -1 */
	struct flush_target *targets;
	size_t ntargets;
	size_t left;			/* targets not yet durable */
	struct leat_err failure;
	struct flush_wait decision;
	bool stuck;			/* decided; markers to be tried again */

	struct txn_beginning *beginning;	/* under way */
};

struct broker_txn {
	unsigned magic;
	struct txns *ts;
	struct txn_entry *entry;
};

struct txns {
	struct broker *b;
	struct lock lock;		/* RANK_TXN; guards all entries */
	struct cond cond;		/* an entry is not busy any more */
	struct leat_map by_id;
	struct leat_map by_producer;	/* producer id (8 bytes) to entry */
	int32_t npartitions;
	struct broker_partition **parts;	/* of __transaction_state */
};

/* ---- txns.c */

struct txn_entry *txn_entry_find(const struct txns *ts, const char *id);
/* Found, or made. -ENOMEM, LEAT_E_LIMIT. */
int txn_entry_get(struct txns *ts, const char *id, struct txn_entry **ret,
    struct leat_err *err);
/* Out of the tables; nothing may point to it. */
void txn_entry_drop(struct txn_entry *e);
void txn_parts_clear(struct txn_part **parts, size_t *n);
/* One more at the end, counted; *ret_i is its place. */
int txn_part_add(struct txn_entry *e, struct broker_partition *p,
    size_t *ret_i, struct leat_err *err);
struct broker_partition *txn_log(struct txns *ts, const char *id);

/*
 * What the table says: 0 to go, 1 when there is nothing to do, BROKER_E_* with
 * a reason when it is refused.
 */
int txn_ask(const struct txn_entry *e, enum txn_event event,
    struct leat_err *err);
/* Goes where the table says: it must be TXN_GO. */
void txn_move(struct txn_entry *e, enum txn_event event);
/* As the records have it, at the start. */
void txn_restore(struct txn_entry *e, enum txn_status state);
/* The transaction begins now. */
void txn_started(struct txn_entry *e);

/* 0 or -ENOMEM, then nothing has changed. */
int txn_set_producer(struct txn_entry *e, int64_t producer_id, int16_t epoch,
    struct leat_err *err);
int txn_new_producer(struct txn_entry *e, struct leat_err *err);
/*
 * The producer id to follow this end's; -1: none. 0 or -ENOMEM. The caller lets
 * go of the one before.
 */
int txn_set_next(struct txn_entry *e, int64_t producer_id,
    struct leat_err *err);
/* What the records say of the end under way. */
static inline int16_t
txn_ending_version(const struct txn_entry *e)
{
	return e->ending.bump ? TXN_BUMPS : TXN_CLASSIC;
}
/* The end has bumped the epoch: what follows, as the records tell too. */
void txn_bumped(struct txn_entry *e, int64_t last_id, int16_t last_epoch);
/* Writes a record of the entry; *ret_end gets the offset behind it. */
int txn_write(struct txn_entry *e, enum txn_status status, int64_t *ret_end,
    struct leat_err *err);
/* Writes COMPLETE; the markers are durable. */
int txn_write_complete(struct txn_entry *e, struct leat_err *err);

/* ---- txns_local.c */

/* May this user go on? */
int txn_check_owner(const struct broker_txn *t, struct leat_err *err);

/* ---- txn_commit.c */

/* Waits until nothing is under way. */
void txn_wait_idle_locked(struct txn_entry *e);
/*
 * Aborts a local producer's transaction: markers only (T4). With `fence` they
 * have the next epoch.
 */
void txn_abort_locked(struct txn_entry *e, bool fence);
/*
 * Begins to end the open transaction; who waits is called when the outcome is
 * durable and shown. The lock is held, and released on return; then they may
 * have been called.
 */
void txn_end_unlock(struct txn_entry *e, const struct txn_ending *how);
/* The same for a remote producer that is fenced by `event`. */
void txn_fence_unlock(struct txn_entry *e, enum txn_event event,
    broker_done_fn *fn, void *arg);
/* Tries again what a full disk has held up. Releases the lock. */
void txn_show_unlock(struct txn_entry *e);

/* ---- txns_remote.c */

/* The transaction before it has been aborted: goes on. Releases the lock. */
void txn_begin_unlock(struct txn_entry *e);

/* ---- txn_recover.c */

int txns_recover(struct txns *ts, struct leat_err *err);

/* ---- producer_ids.c */

int producer_ids_open(struct broker *b, struct leat_err *err);
/* No id below `to` is given out from now on; durable. While opening only. */
int producer_ids_raise(struct broker *b, int64_t to, struct leat_err *err);

#endif
