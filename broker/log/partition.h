/* SPDX-License-Identifier: Apache-2.0 */
/*
 * partition.h: one partition: its log of segments, its producers, its waiters.
 * broker.h has the calls that others may use; these are the broker's own.
 */
#ifndef LEAT_BROKER_PARTITION_H
#define LEAT_BROKER_PARTITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/broker.h"
#include "broker/log/epochs.h"
#include "broker/log/log_env.h"
#include "broker/log/log_scan.h"
#include "broker/log/producers.h"
#include "broker/log/segment.h"
#include "broker/topic_settings.h"
#include "core/base/lock.h"

#define PARTITION_MAGIC 0x9a271710

enum partition_state {
	PART_ONLINE,
	PART_OFFLINE,		/* damaged: reads go on, appends are refused */
	PART_DELETED
};

struct flush_wait;
struct firing;

struct broker_partition {
	unsigned magic;
	int32_t refs;			/* atomic */
	struct log_env *env;		/* constant, as the next four */
	char *topic;
	char *dir;
	int32_t number;
	bool internal;

	/* Atomic; changed under the lock. */
	int64_t log_start;
	int64_t stable;
	int64_t written;
	int64_t durable;

	int64_t told_damaged;	/* where a Fetch last could not read, or -1 */

	struct lock lock;		/* RANK_PARTITION; guards all below */
	struct cond cond;		/* `busy` or `syncing` went down */
	struct topic_config config;
	enum partition_state state;
	struct leat_err why;		/* of OFFLINE */
	struct segment **segs;		/* by base; the last is active */
	size_t nsegs;
	size_t cap_segs;
	uint32_t layout;		/* counts changes of segs but appends */
	struct producers producers;
	struct epochs epochs;		/* constant once loaded */
	int64_t clean_end;		/* what compaction has seen ends here */
	int64_t damaged_point;		/* recovery point to keep, -1: none */
	int64_t unsynced_bytes;		/* since writeback was last started */
	bool changed;			/* since it was opened, all in order */
	bool busy;			/* the housekeeper is at its files */
	bool syncing;			/* a sync is under way */

	/* The flusher's (its lock). */
	struct broker_partition *next_dirty;
	struct broker_partition *next_round;
	bool is_dirty;
	bool wanted;			/* somebody waits for a sync */
	int64_t dirty_since_ns;
	int64_t sync_within_ns;		/* of dirty_since_ns; flush.ms */
	struct flush_wait *waits, **waits_tail;

	/* RANK_WAITERS; guards all below. */
	struct lock waiters_lock;
	struct cond waiters_cond;
	struct broker_waiter *waiters;
	struct firing *firing;
	int32_t nwaiters;		/* atomic */
};

static inline int64_t
offset_load(const int64_t *o)
{
	return __atomic_load_n(o, __ATOMIC_SEQ_CST);
}

static inline void
offset_store(int64_t *o, int64_t v)
{
	__atomic_store_n(o, v, __ATOMIC_SEQ_CST);
}

/* ---- partition.c */

struct broker_partition *partition_new(struct log_env *env,
    const char *data_dir, const char *topic, int32_t number, bool internal,
    const struct topic_config *config);
void partition_get(struct broker_partition *p);
/* Refuses appends from now on. */
void partition_fail_locked(struct broker_partition *p,
    const struct leat_err *why);
/* Does it take appends? */
bool partition_is_online(struct broker_partition *p);
int partition_check_locked(const struct broker_partition *p,
    struct leat_err *err);
struct segment *partition_active_locked(const struct broker_partition *p);
/* Index in segs of the segment that has or follows an offset; nsegs: none. */
size_t partition_find_locked(const struct broker_partition *p,
    int64_t offset);
int partition_insert_locked(struct broker_partition *p, size_t at,
    struct segment *owned_seg, struct leat_err *err);
/* Takes segs[from, to) out and drops them; files are the caller's. */
void partition_drop_locked(struct broker_partition *p, size_t from, size_t to);
/* Closes the active segment and begins the next at the log's end. */
int partition_roll_locked(struct broker_partition *p, struct leat_err *err);
int partition_snapshot_locked(struct broker_partition *p, bool sync,
    struct leat_err *err);
void partition_set_config(struct broker_partition *p,
    const struct topic_config *config);
/* Writes indexes and the snapshot; everything is durable afterwards. */
int partition_close_files(struct broker_partition *p, struct leat_err *err);
/* Makes finished segments' indexes durable. Housekeeper only. */
void partition_seal(struct broker_partition *p);
/* Below it recovery need not look, for the checkpoint. */
int64_t partition_recovery_point(struct broker_partition *p);
/* Marks deleted, wakes everybody, waits until no file is being worked on. */
void partition_delete(struct broker_partition *p);
/* Excludes the housekeeper's work from a delete; false when deleted. */
bool partition_begin_work(struct broker_partition *p);
void partition_end_work(struct broker_partition *p);

/* ---- recover.c */

struct recovered {
	bool unclean;		/* segments were scanned */
	int64_t truncated_bytes;
	int64_t scanned_bytes;	/* read whole, their checksums checked */
};
/*
 * Opens or creates the directory's log. Trusts the files when `clean`.
 * A damaged partition opens OFFLINE; only what keeps it from being read at
 * all is an error.
 */
int partition_load(struct broker_partition *p, bool clean,
    int64_t recovery_point, int64_t log_start, struct recovered *ret,
    struct leat_err *err);

/* ---- recover_files.c */

/*
 * Puts NNN.*.swap in the place of the segments with bases in [base, end).
 * Durable on return.
 */
int cleaned_install(struct broker_partition *p, int64_t base, int64_t end,
    struct leat_err *err);

/* ---- append.c */

struct append {
	uint8_t *batch;
	size_t len;
	struct batch_header header;	/* decoded from batch */
	int marker;			/* MARKER_*, -1: data */
	int32_t coordinator_epoch;
	bool joined;		/* the producer must have joined */
	bool foreign;		/* the marker is to be checked */
};
/* Appends what was checked. Written on return; wakes readers. */
int partition_append(struct broker_partition *p, struct append *a,
    struct broker_appended *ret, struct leat_err *err);
/* What a producer on the network wants to know besides. */
struct append_told {
	int32_t bad_record;	/* the index of the one at fault, -1: none */
	bool sync;		/* flush.messages: it counts when durable */
};
/* broker_append; *ret_told is filled on failure too. */
int partition_append_client(struct broker_partition *p, uint8_t *batch,
    size_t len, struct append_told *ret_told, struct broker_appended *ret,
    struct leat_err *err);
/* Appends a batch of the builder's, of the broker's own making. */
int partition_append_own(struct broker_partition *p, uint8_t *batch,
    size_t len, struct broker_appended *ret, struct leat_err *err);
/* Our coordinator's COMMIT or ABORT; *ret_end gets the offset behind it. */
int partition_append_marker(struct broker_partition *p, int64_t producer_id,
    int16_t epoch, bool commit, int64_t *ret_end, struct leat_err *err);
/*
 * The same in the name of a coordinator of that epoch: LEAT_E_FENCED when a
 * newer epoch of the producer is known, LEAT_E_STATE when a newer coordinator.
 */
int partition_append_foreign_marker(struct broker_partition *p,
    int64_t producer_id, int16_t epoch, bool commit,
    int32_t coordinator_epoch, int64_t *ret_end, struct leat_err *err);

/* ---- partition_txn.c: what the transaction coordinator asks and says */

/* The open transaction of a producer. */
struct open_txn {
	int16_t epoch;
	int64_t first;		/* offset */
};
/* false: nothing is open. */
bool partition_open_txn(struct broker_partition *p, int64_t producer_id,
    struct open_txn *ret_open);
/*
 * From now on, until a marker or partition_txn_leave, the producer may append
 * to a transaction with that epoch. -ENOMEM, or the partition's error.
 */
int partition_txn_join(struct broker_partition *p, int64_t producer_id,
    int16_t epoch, struct leat_err *err);
/* May it? */
bool partition_txn_joined(struct broker_partition *p, int64_t producer_id,
    int16_t epoch);
/*
 * No more. The offset behind the last record of its open transaction, 0 when
 * there is none.
 */
int64_t partition_txn_leave(struct broker_partition *p, int64_t producer_id);
/* The same offset, and it may go on. */
int64_t partition_txn_end(struct broker_partition *p, int64_t producer_id);
/* Has the producer written here with an epoch that is still its last? */
bool partition_has_batches(struct broker_partition *p, int64_t producer_id);
/* The sequence that follows what the producer has appended. */
int32_t partition_next_sequence(struct broker_partition *p,
    int64_t producer_id, int16_t epoch);

/* A producer that has written here, for those who administer. */
struct producer_info {
	int64_t id;
	int16_t epoch;
	int32_t last_sequence;		/* -1: none */
	int64_t last_ts;
	int32_t coordinator_epoch;
	int64_t txn_first;		/* -1: nothing is open */
};
/* All of them, in an array to be freed; NULL when there is no memory. */
struct producer_info *partition_producers(struct broker_partition *p,
    size_t *ret_n);

/* ---- aborted.c */

int aborted_append(struct segment *s, const struct aborted_txn *t,
    struct leat_err *err);
int aborted_load(struct segment *s, struct aborted_txn **ret, size_t *ret_n,
    struct leat_err *err);

/* ---- read.c */

/* A place to go on reading without a search. */
struct read_hint {
	int64_t offset;
	int64_t base;		/* of the segment */
	int64_t pos;
	uint32_t layout;
	bool valid;
};
/* Bytes of a segment. */
struct read_range {
	struct segment *seg;	/* counted */
	int64_t pos;
	int64_t len;
};
/*
 * The batches from `offset` on, up to `bound`; `max_bytes` may cut the last. 1,
 * 0 at the end, LEAT_E_RANGE outside the log.
 */
int partition_range(struct broker_partition *p, int64_t offset,
    int64_t bound, int64_t max_bytes, const struct read_hint *hint,
    struct read_range *ret, struct leat_err *err);

/*
 * Calls fn for every batch there is, control batches too; a negative return
 * ends the walk. For loading internal topics.
 */
int partition_each_batch(struct broker_partition *p,
    int (*fn)(void *arg, const struct batch_header *h, const uint8_t *batch,
    struct leat_err *err), void *arg, struct leat_err *err);

/* ---- waiters.c */

void waiters_init(struct broker_partition *p);
void waiters_fini(struct broker_partition *p);
/* Something to read appeared, or the partition went away. No lock held. */
void waiters_wake(struct broker_partition *p);

/* ---- retain.c */

/*
 * Drops segments before the log start, with `retention` also what has become
 * too old or too much.
 */
int partition_retain(struct broker_partition *p, bool retention,
    struct leat_err *err);

/*
 * broker_partition_trim in memory only: the caller saves the starts, and kicks
 * the housekeeper to remove what is before them.
 */
int partition_trim(struct broker_partition *p, int64_t before,
    struct leat_err *err);

/* ---- cleaner.c */

/* Compacts when there is enough to gain: 1 when something was done. */
int partition_clean(struct broker_partition *p, size_t max_memory, bool force,
    struct leat_err *err);

#endif
