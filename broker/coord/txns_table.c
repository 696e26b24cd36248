/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one table of transaction states, for producers in this process and
 * beyond the network alike.
 *
 *	Empty			a producer, and nothing open since it began
 *	Ongoing			partitions were added; data may be there
 *	PrepareCommit, -Abort	decided; the markers are being written
 *	CompleteCommit, -Abort	the markers are written
 *	PrepareEpochFence	the producer was fenced; its transaction is
 *				about to be aborted in the next epoch. Never in
 *				a record
 *	Dead			what the last record says may not be what the
 *				disk says, or a partition cannot show a
 *				decision: only a restart can tell
 */
#include "broker/coord/txns_table.h"

#include "core/base/obj.h"

#define GO(to) { TXN_GO, TXN_##to }
#define NOTHING { TXN_NOTHING, TXN_EMPTY }
#define NO { TXN_NO, TXN_EMPTY }
#define BUSY { TXN_BUSY, TXN_EMPTY }
#define LOST { TXN_LOST, TXN_EMPTY }
#define NEVER { TXN_IMPOSSIBLE, TXN_EMPTY }

/*
 * Rows are states, columns events:
 *	INIT, ADD, WRITE, COMMIT, ABORT, COMMIT_BUMP, ABORT_BUMP, TIMEOUT,
 *	FENCE, SHOWN, GIVE_UP, UNKNOWN, EXPIRE
 *
 * Where each end bumps the epoch, who asks again has the epoch before and is
 * answered by COMMIT and ABORT; the current epoch asks for an end of its own.
 */
static const struct txn_cell table[TXN_STATUS_N][TXN_EV_N] = {
	[TXN_EMPTY] = {
	    GO(EMPTY), GO(ONGOING), NO, NO, NO,
	    NO, GO(PREPARE_ABORT), NOTHING,
	    NEVER, NEVER, NEVER, NEVER, GO(DEAD) },
	[TXN_ONGOING] = {
		GO(PREPARE_EPOCH_FENCE), GO(ONGOING), GO(ONGOING),
		GO(PREPARE_COMMIT), GO(PREPARE_ABORT),
		GO(PREPARE_COMMIT), GO(PREPARE_ABORT), GO(PREPARE_EPOCH_FENCE),
		NEVER, NEVER, NOTHING, NEVER, NOTHING },
	[TXN_PREPARE_COMMIT] = {
		BUSY, BUSY, BUSY, BUSY, NO, BUSY, NO, NOTHING,
		NEVER, GO(COMPLETE_COMMIT), NEVER, GO(DEAD), NOTHING },
	[TXN_PREPARE_ABORT] = {
		BUSY, BUSY, BUSY, NO, BUSY, NO, BUSY, NOTHING,
		NEVER, GO(COMPLETE_ABORT), NEVER, GO(DEAD), NOTHING },
	[TXN_COMPLETE_COMMIT] = {
		GO(EMPTY), GO(ONGOING), NO, NOTHING, NO,
		NO, GO(PREPARE_ABORT), NOTHING,
		NEVER, NEVER, NEVER, NEVER, GO(DEAD) },
	[TXN_COMPLETE_ABORT] = {
		GO(EMPTY), GO(ONGOING), NO, NO, NOTHING,
		NO, GO(PREPARE_ABORT), NOTHING,
		NEVER, NEVER, NEVER, NEVER, GO(DEAD) },
	[TXN_DEAD] = {
		LOST, LOST, LOST, LOST, LOST, LOST, LOST, NOTHING,
		NEVER, NEVER, NEVER, NEVER, NOTHING },
	[TXN_PREPARE_EPOCH_FENCE] = {
		BUSY, BUSY, BUSY, BUSY, BUSY, BUSY, BUSY, NOTHING,
		GO(PREPARE_ABORT), NEVER, GO(ONGOING), NEVER, NOTHING },
};

static const char *const names[TXN_STATUS_N] = {
	[TXN_EMPTY] = "Empty",
	[TXN_ONGOING] = "Ongoing",
	[TXN_PREPARE_COMMIT] = "PrepareCommit",
	[TXN_PREPARE_ABORT] = "PrepareAbort",
	[TXN_COMPLETE_COMMIT] = "CompleteCommit",
	[TXN_COMPLETE_ABORT] = "CompleteAbort",
	[TXN_DEAD] = "Dead",
	[TXN_PREPARE_EPOCH_FENCE] = "PrepareEpochFence",
};

static const char *const texts[] = {
#define X(name, text) text,
	TXN_EVENTS(X)
#undef X
};
_Static_assert(ARRAY_LEN(texts) == TXN_EV_N, "one text per event");

struct txn_cell
txn_cell(enum txn_status state, enum txn_event event)
{
	return table[state][event];
}

const char *
txn_status_name(enum txn_status state)
{
	return names[state];
}

const char *
txn_event_text(enum txn_event event)
{
	return texts[event];
}
