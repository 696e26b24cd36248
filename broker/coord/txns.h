/* SPDX-License-Identifier: Apache-2.0 */
/*
 * txns.h: the transaction coordinator.
 */
#ifndef LEAT_BROKER_TXNS_H
#define LEAT_BROKER_TXNS_H

#include "broker/broker_int.h"

struct txns;

/*
 * Makes the topic when it is missing, loads it, finishes what was decided and
 * aborts everything else that is open anywhere.
 */
int txns_open(struct broker *b, struct txns **ret, struct leat_err *err);
/* Nothing may be in flight. */
void txns_close(struct txns *ts);
/* Waits for commits in flight and writes what they have left to write. */
void txns_settle(struct txns *ts);
/*
 * Writes COMPLETE for commits whose markers have become durable, tries again
 * what a full disk held up; true while there is more to come. Housekeeper.
 */
bool txns_tend(struct txns *ts);
/* Aborts transactions that are open for longer than they may. */
void txns_expire(struct txns *ts);
/* Is the partition part of that producer's open transaction? */
int txns_verify(void *arg, struct broker_partition *p, int64_t producer_id,
    int16_t epoch, struct leat_err *err);

#endif
