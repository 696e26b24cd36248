/* SPDX-License-Identifier: Apache-2.0 */
/*
 * txns.h: the transaction coordinator.
 *
 * Producers in this process use broker_txn_* of broker.h; the functions here
 * are for producers beyond the network, and for the broker itself. Codes of
 * refusals, beside those of the log:
 *
 *	BROKER_E_TXN_ID		unknown id, or another producer's
 *	BROKER_E_TXN_BUSY	the transaction before is being ended, try again
 *	BROKER_E_TXN_FENCED	a newer epoch took over
 *	BROKER_E_TXN_STATE	not in this state
 *	BROKER_E_OFFLINE	nothing goes on before a restart
 */
#ifndef LEAT_BROKER_TXNS_H
#define LEAT_BROKER_TXNS_H

#include "broker/broker_int.h"
#include "broker/coord/txn_record.h"

struct txns;

/*
 * Makes the topic when it is missing, loads it, finishes what was decided,
 * keeps what remote producers have open and aborts all else that is.
 */
int txns_open(struct broker *b, struct txns **ret, struct leat_err *err);
/* Nothing may be in flight. */
void txns_close(struct txns *ts);
/* Waits for ends in flight and writes what they have left to write. */
void txns_settle(struct txns *ts);
/*
 * Writes COMPLETE for transactions whose markers have become durable, tries
 * again what a full disk held up; true while there is more to come.
 * Housekeeper.
 */
bool txns_tend(struct txns *ts);
/* Aborts transactions that are open for longer than they may. */
void txns_expire(struct txns *ts);
/* Forgets ids that were not used since `before_ms`. */
void txns_expire_ids(struct txns *ts, int64_t before_ms);
/*
 * Makes every marker durable whose PREPARE may be compacted away. To be called
 * before __transaction_state is compacted.
 */
void txns_sync_markers(struct txns *ts);
/* May that producer append to a transaction in the partition? */
int txns_verify(void *arg, struct broker_partition *p, int64_t producer_id,
    int16_t epoch, struct leat_err *err);

/* ---------------------------------------------------- remote producers */

/* Who asks: its id, and the producer it takes itself for. */
struct txn_ident {
	const char *id;
	int64_t producer_id;
	int16_t epoch;
	/* TXN_CLASSIC, or the flow of the newer requests (KIP-890). */
	int16_t version;
};

/*
 * What Kafka calls transaction.version. In TXN_BUMPS each end of a transaction
 * gives the producer another epoch, so that what was long under way is fenced;
 * partitions come into a transaction with the first batch.
 */
enum { TXN_CLASSIC = 0, TXN_BUMPS = 2 };

/* err NULL: the producer id and epoch to go on with. Called once. */
typedef void txn_told_fn(void *arg, const struct leat_err *err,
    int64_t producer_id, int16_t epoch);
/*
 * InitProducerId: fences whoever had the id, aborts what it had open, and
 * gives out the next epoch, durably. who->producer_id -1: no matter what was;
 * else the caller must be the current producer, or have been it just before.
 * fn may be called before this returns. May wait for the disk.
 */
void txns_begin(struct txns *ts, const struct txn_ident *who,
    int32_t timeout_ms, txn_told_fn *fn, void *arg);
/* AddPartitionsToTxn: all or none. Written on return. */
int txns_add(struct txns *ts, const struct txn_ident *who,
    struct broker_partition *const *parts, size_t n, struct leat_err *err);
/* AddOffsetsToTxn: the partition that has the group's offsets. */
int txns_add_group(struct txns *ts, const struct txn_ident *who,
    const char *group, struct leat_err *err);
/*
 * TxnOffsetCommit: appends the offsets; they count when the transaction does.
 * In TXN_BUMPS the group's partition is added first, if need be. fn is called
 * when they are durable; possibly before this returns.
 */
void txns_offsets(struct txns *ts, const struct txn_ident *who,
    const char *group, const struct broker_group_offset *offsets, size_t n,
    broker_done_fn *fn, void *arg);
/*
 * EndTxn. fn is called when the outcome is durable and visible, or with the
 * reason why not; possibly before this returns. In TXN_BUMPS it gets the next
 * epoch, or a new producer id where none is left; the caller may ask again with
 * the epoch before, also after a restart, and there need be nothing to abort.
 */
void txns_end(struct txns *ts, const struct txn_ident *who, bool commit,
    txn_told_fn *fn, void *arg);

/* ----------------------------------------------------------- looking on */

struct txn_info {
	const char *id;
	enum txn_status state;
	int64_t producer_id;
	int16_t epoch;
	int32_t timeout_ms;
	int64_t start_ms;	/* -1: nothing is open */
	const struct txn_place *places;	/* sorted by topic */
	size_t nplaces;
};
/*
 * Calls fn for every transactional id, or for one (0 or LEAT_E_NOTFOUND).
 * fn runs under the coordinator's lock: it may only take notes. What info
 * points to is valid during the call.
 */
typedef void txn_info_fn(void *arg, const struct txn_info *info);
int txns_each(struct txns *ts, const char *id, txn_info_fn *fn, void *arg);

#endif
