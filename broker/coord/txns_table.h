/* SPDX-License-Identifier: Apache-2.0 */
/*
 * txns_table.h: the states of a transactional id and what may happen in each.
 */
#ifndef LEAT_BROKER_TXNS_TABLE_H
#define LEAT_BROKER_TXNS_TABLE_H

#include "broker/coord/txn_record.h"

/* What somebody asks for, or what has come to pass. */
#define TXN_EVENTS(X)                                                   \
	X(INIT, "a producer begins")                                    \
	X(ADD, "a partition is added")                                  \
	X(WRITE, "data or offsets are appended")                        \
	X(COMMIT, "commit")                                             \
	X(ABORT, "abort")                                               \
	X(COMMIT_BUMP, "commit, with the next epoch")                   \
	X(ABORT_BUMP, "abort, with the next epoch")                     \
	X(TIMEOUT, "open for too long")                                 \
	X(FENCE, "the fenced transaction is aborted")                   \
	X(SHOWN, "all markers are written")                             \
	X(GIVE_UP, "it could not be ended, and goes on")                \
	X(UNKNOWN, "the outcome is open until the next start")          \
	X(EXPIRE, "not used for long")

enum txn_event {
#define X(name, text) TXN_EV_##name,
	TXN_EVENTS(X)
#undef X
	    TXN_EV_N
};

enum { TXN_STATUS_N = TXN_PREPARE_EPOCH_FENCE + 1 };

enum txn_answer {
	TXN_IMPOSSIBLE,		/* does not happen: our mistake */
	TXN_GO,			/* go to the state */
	TXN_NOTHING,		/* it is so already: success, no change */
	TXN_NO,			/* not in this state */
	TXN_BUSY,		/* the one before is being ended: try again */
	TXN_LOST		/* the outcome is not known: no more here */
};

struct txn_cell {
	enum txn_answer answer;
	enum txn_status to;	/* of TXN_GO */
};

struct txn_cell txn_cell(enum txn_status state, enum txn_event event);
/* Kafka's names: "PrepareCommit". */
const char *txn_status_name(enum txn_status state);
const char *txn_event_text(enum txn_event event);

#endif
