/* SPDX-License-Identifier: Apache-2.0 */
/*
 * producers.h: what a partition knows of the producers that write to it: the
 * last sequences of idempotent ones, the open transactions, and from these the
 * last stable offset. Kept in snapshots at segment boundaries.
 *
 * Serialised by the partition's lock.
 */
#ifndef LEAT_BROKER_PRODUCERS_H
#define LEAT_BROKER_PRODUCERS_H

#include <stddef.h>
#include <stdint.h>

#include <leat/buf.h>
#include <leat/err.h>
#include <leat/map.h>

#include "broker/log/batch.h"

enum { PRODUCER_BATCHES = 5 };

struct producer_batch {
	int32_t first_seq;
	int32_t last_seq;
	int64_t last_offset;
	int32_t delta;			/* offsets between first and last */
	int64_t timestamp_ms;
};

struct producer {
	int64_t id;
	int16_t epoch;			/* -1: none yet */
	int32_t coordinator_epoch;
	int64_t last_ts;
	int64_t txn_first;		/* of the open transaction, -1 none */
	/*
	 * With this epoch it may write into a transaction here, as the
	 * coordinator has said; -1: with none. Not kept in snapshots.
	 */
	int16_t txn_epoch;
	uint32_t nbatches;		/* the newest last */
	struct producer_batch batches[PRODUCER_BATCHES];
	struct producer *next_open;	/* with an open transaction */
};

struct producers {
	struct leat_map by_id;
	struct producer *open;		/* by first offset */
};

void producers_init(struct producers *ps);
void producers_fini(struct producers *ps);
void producers_clear(struct producers *ps);
size_t producers_count(const struct producers *ps);
/* -1 without producers. */
int64_t producers_largest_id(const struct producers *ps);
struct producer *producers_find(const struct producers *ps, int64_t id);
/* First offset of the oldest open transaction, or `end` when none is. */
int64_t producers_stable(const struct producers *ps, int64_t end);
/* The first sequence follows the other? (0 follows the largest.) */
int32_t sequence_add(int32_t seq, int32_t n);

/*
 * May this batch be appended? 0; 1 when it is a duplicate (*ret_dup gets the
 * earlier one); LEAT_E_FENCED, BROKER_E_SEQUENCE, BROKER_E_TXN_STATE.
 */
int producers_check(const struct producers *ps, const struct batch_header *h,
    const struct producer_batch **ret_dup, struct leat_err *err);
/*
 * May this marker be appended? 0; LEAT_E_FENCED when a newer epoch is known,
 * LEAT_E_STATE when a newer coordinator is.
 */
int producers_check_marker(const struct producers *ps,
    const struct batch_header *h, int32_t coordinator_epoch,
    struct leat_err *err);
/* Room for one more producer, so that the update cannot fail. */
int producers_reserve(struct producers *ps, int64_t id, struct leat_err *err);
/* A batch of data was appended. 0 or -ENOMEM (not after a reserve). */
int producers_update(struct producers *ps, const struct batch_header *h);

struct aborted_txn {
	int64_t producer_id;
	int64_t first_offset;
	int64_t last_offset;		/* of the marker */
	int64_t stable;			/* LSO after it */
};
/*
 * A marker was appended at `offset`: 1 and *ret_aborted when it aborted data,
 * else 0; -ENOMEM.
 */
int producers_end_txn(struct producers *ps, const struct batch_header *h,
    int marker, int32_t coordinator_epoch, struct aborted_txn *ret_aborted);
/* Forgets who has been silent since `before_ms` and has nothing open. */
void producers_expire(struct producers *ps, int64_t before_ms);

/* Kafka's .snapshot file. */
int producers_encode(const struct producers *ps, struct leat_buf *to);
int producers_decode(struct producers *ps, const void *data, size_t len,
    struct leat_err *err);

#endif
