/* SPDX-License-Identifier: Apache-2.0 */
/*
 * txn_record.h: keys and values of __transaction_state.
 */
#ifndef LEAT_BROKER_TXN_RECORD_H
#define LEAT_BROKER_TXN_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include <leat/buf.h>
#include <leat/str.h>

enum txn_status {
	TXN_EMPTY = 0,
	TXN_ONGOING = 1,
	TXN_PREPARE_COMMIT = 2,
	TXN_PREPARE_ABORT = 3,
	TXN_COMPLETE_COMMIT = 4,
	TXN_COMPLETE_ABORT = 5,
	TXN_DEAD = 6,
	TXN_PREPARE_EPOCH_FENCE = 7
};

struct txn_place {
	struct leat_str topic;
	int32_t partition;
};

struct txn_value {
	int64_t producer_id;
	int16_t epoch;
	int32_t timeout_ms;
	enum txn_status status;
	struct txn_place *places;
	size_t nplaces;
	int64_t update_ms;
	int64_t start_ms;
	/*
	 * Of the flow in which each end bumps the epoch: what the client
	 * speaks (0 or 2), whom the end answered, and in a PREPARE the
	 * producer id that follows when no epoch is left. -1: none.
	 */
	int16_t version;
	int64_t previous_id;
	int64_t next_id;
};

/*
 * A header that the records of remote producers carry beside: a version, and
 * in a PREPARE record where the data of each place ended.
 */
static const char txn_header_name[] = "leat.txn";

struct txn_end {
	uint8_t topic_id[16];	/* the topic may have been made anew since */
	int64_t offset;		/* behind the last record; 0: there is none */
};

void txn_header_begin(struct leat_buf *to);
void txn_header_add(struct leat_buf *to, const uint8_t topic_id[16],
    int64_t offset);
/*
 * The ends, malloc'ed (NULL when there are none): 0, LEAT_E_PROTO, -ENOMEM.
 */
int txn_header_decode(struct leat_str header, struct txn_end **ret_ends,
    size_t *ret_n);

void txn_key_encode(struct leat_buf *to, struct leat_str id);
/*
 * Version 1 where `version` is not 0, else version 0, which all can read.
 * Places of one topic should stand together.
 */
void txn_value_encode(struct leat_buf *to, const struct txn_value *v);
/* 0; 1 for an unknown version of the key; LEAT_E_PROTO. */
int txn_key_decode(struct leat_str key, struct leat_str *ret_id);
/*
 * Reads versions 0 and 1. places is malloc'ed (NULL when there are none) and
 * points into the record. 0, LEAT_E_PROTO or -ENOMEM.
 */
int txn_value_decode(struct leat_str value, struct txn_value *ret);

#endif
