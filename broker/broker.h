/* SPDX-License-Identifier: Apache-2.0 */
/*
 * broker.h: the embedded broker, as its own process sees it.
 *
 * A broker is a directory of topics in Kafka's log format (docs/FORMAT-log.md)
 * and the coordinators that Kafka's clients expect of a broker. It knows
 * nothing of connectors. This is the only header of broker/ that the rest of
 * the program includes.
 *
 * Words. An append is *written* when its bytes are in the file, *durable* when
 * an fsync has covered them, *stable* when no open transaction stands before
 * it. The high watermark is the written end: one machine, one replica.
 *
 * All functions may be called from any thread unless they say otherwise.
 * Callbacks named *_fn run on a thread of the broker, hold none of its locks,
 * and must be brief: wake somebody.
 */
#ifndef LEAT_BROKER_BROKER_H
#define LEAT_BROKER_BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/buf.h>
#include <leat/err.h>

#include "broker/listener.h"
#include "broker/record_batch.h"
#include "core/base/clock.h"
#include "core/base/fsio.h"
#include "core/base/metrics.h"

struct broker;
struct broker_partition;

/* What a Kafka client must be able to tell apart, beside leat/err.h's codes. */
enum {
	BROKER_E_SEQUENCE = -1101,	/* a producer's sequence has a gap */
	BROKER_E_TXN_STATE = -1102,	/* not in this state of the txn */
	BROKER_E_TIMESTAMP = -1103,	/* too far from our clock */
	BROKER_E_TOO_LARGE = -1104,	/* batch above max.message.bytes */
	BROKER_E_RECORD = -1105,	/* breaks the topic's rules */
	BROKER_E_OFFLINE = -1106,	/* takes no appends (see err) */
	BROKER_E_TOPIC_NAME = -1107,	/* not allowed, or too like another */
	BROKER_E_PARTITIONS = -1108,	/* not a possible number of them */
	BROKER_E_POLICY = -1109,	/* the broker permits it not */
	BROKER_E_SEGMENT = -1110,	/* batch above segment.bytes */
	BROKER_E_TXN_ID = -1111,	/* another producer has that id */
	BROKER_E_TXN_BUSY = -1112,	/* its transaction is being ended */
	BROKER_E_TXN_FENCED = -1113,	/* a newer epoch of the id took over */
	BROKER_E_TXN_TIMEOUT = -1114	/* more than the broker allows */
};

struct broker_setting {
	const char *name;	/* Kafka's: "retention.ms" */
	const char *value;	/* NULL: back to the default */
};

struct broker_options {
	const char *dir;
	const struct fsio *fs;	/* NULL: the system's */
	const struct clock *clock;	/* NULL: the system's */
	struct metrics *metrics;	/* NULL: none */
	int32_t default_partitions;	/* of topics created on first use */
	int32_t max_partitions;		/* of all topics together */
	bool auto_create;
	int64_t flush_interval_ms;	/* written becomes durable in it */
	int64_t retention_check_ms;
	int64_t checkpoint_ms;	/* between recovery points */
	int64_t offsets_retention_ms;	/* of groups' committed offsets */
	int64_t txn_id_expiration_ms;	/* of unused transactional ids */
	int32_t offsets_partitions;	/* of __consumer_offsets when made */
	int32_t txn_partitions;	/* of __transaction_state when made */
	uint32_t max_open_files;	/* segments kept open but idle */
	uint32_t descriptors;	/* for segments in all; 0: no limit */
	size_t cleaner_memory;	/* largest key table of a compaction */
	/* Defaults of all topics, by Kafka's names. */
	const struct broker_setting *defaults;
	size_t ndefaults;
};

/* Fills in the defaults. */
void broker_options_init(struct broker_options *o);

/*
 * Opens or creates the directory, takes its lock (a second broker on it fails
 * with LEAT_E_STATE), recovers what a crash left, starts the flusher and the
 * cleaner.
 */
int broker_open(const struct broker_options *o, struct broker **ret_broker,
    struct leat_err *err);
/* Flushes everything, writes checkpoints, marks a clean shutdown. */
void broker_close(struct broker *b);
/* The cluster id (22 characters, base64url), made once per directory. */
const char *broker_cluster_id(const struct broker *b);

/* ------------------------------------------------------------- topics */

/* Is the name legal for a topic (Kafka's rules)? 0, or err with the reason. */
int broker_topic_name_check(const char *name, struct leat_err *err);

/* partitions -1: the default. LEAT_E_EXISTS when there. Durable on return. */
int broker_topic_create(struct broker *b, const char *name,
    int32_t partitions, const struct broker_setting *settings,
    size_t nsettings, struct leat_err *err);
/*
 * The same for many, by one change of the catalogue; those that exist stay as
 * they are. On failure none, or some of them are there.
 */
int broker_topics_create(struct broker *b, const char *const *names,
    size_t n, int32_t partitions, const struct broker_setting *settings,
    size_t nsettings, struct leat_err *err);
/* Of a topic that is made without a number. */
int32_t broker_default_partitions(const struct broker *b);
/* Groups' committed offsets of the topic go with it. */
int broker_topic_delete(struct broker *b, const char *name,
    struct leat_err *err);
/* Refuses to delete the topic from now on, whether it is there or not. */
int broker_topic_protect(struct broker *b, const char *name);
int broker_topic_grow(struct broker *b, const char *name, int32_t partitions,
    struct leat_err *err);
int broker_topic_alter(struct broker *b, const char *name,
    const struct broker_setting *settings, size_t n, struct leat_err *err);

struct broker_topic_info {
	const char *name;	/* valid during the callback */
	uint8_t id[16];
	int32_t partitions;
	bool internal;
};
/* Calls fn for each topic, by name; a negative return ends the walk. */
int broker_topic_each(struct broker *b,
    int (*fn)(void *arg, const struct broker_topic_info *info), void *arg);
/* Number of partitions, or LEAT_E_NOTFOUND. */
int32_t broker_topic_partitions(struct broker *b, const char *name);
/* Every setting in force: fn(arg, name, value, is_default). */
int broker_topic_settings(struct broker *b, const char *name,
    void (*fn)(void *arg, const char *name, const char *value, bool def),
    void *arg, struct leat_err *err);
/* Counts up whenever a topic is created, deleted or grown. */
uint64_t broker_topics_version(struct broker *b);

/* --------------------------------------------------------- partitions */

/* A reference; NULL with LEAT_E_NOTFOUND. It outlives a delete of the topic. */
struct broker_partition *broker_partition_get(struct broker *b,
    const char *topic, int32_t partition, struct leat_err *err);
void broker_partition_put(struct broker_partition *p);

const char *broker_partition_topic(const struct broker_partition *p);
int32_t broker_partition_number(const struct broker_partition *p);
/* The leader epoch that appends carry. It grows after an unclean stop. */
int32_t broker_partition_epoch(struct broker_partition *p);
/*
 * Kafka's OffsetForLeaderEpoch: the largest epoch up to `epoch` and the offset
 * behind its last record; both -1 when it is newer than all.
 */
void broker_partition_epoch_end(struct broker_partition *p, int32_t epoch,
    int32_t *ret_epoch, int64_t *ret_end);

/* The epoch that wrote an offset, or -1. */
int32_t broker_partition_epoch_at(struct broker_partition *p, int64_t offset);

struct broker_offsets {
	int64_t log_start;	/* first offset there is */
	int64_t stable;		/* end of what read_committed may see */
	int64_t written;	/* high watermark: the next offset */
	int64_t durable;	/* end of what fsync has covered */
};
void broker_partition_offsets(struct broker_partition *p,
    struct broker_offsets *ret_offsets);
/* Bytes on disk. */
int64_t broker_partition_size(struct broker_partition *p);
/* The first offset whose timestamp is at least ts; -1 when there is none. */
int broker_partition_offset_at(struct broker_partition *p, int64_t ts_ms,
    int64_t *ret_offset, int64_t *ret_ts_ms, struct leat_err *err);
/* The record with the largest timestamp; offset -1 when there is none. */
int broker_partition_offset_of_max(struct broker_partition *p,
    int64_t *ret_offset, int64_t *ret_ts_ms, struct leat_err *err);
/* Deletes what is before an offset (Kafka's DeleteRecords). */
int broker_partition_trim(struct broker_partition *p, int64_t before,
    struct leat_err *err);

/* ------------------------------------------------------------- append */

struct broker_appended {
	int64_t base_offset;
	int64_t last_offset;
	int64_t append_time_ms;	/* -1 unless the topic uses LogAppendTime */
};

/*
 * Appends one finished batch, which is checked as Kafka checks a Produce
 * request (sizes, CRC, sequence, timestamps, keys of compacted topics) and
 * whose base offset and epoch are filled in place. Written on return.
 */
int broker_append(struct broker_partition *p, uint8_t *batch, size_t len,
    struct broker_appended *ret_appended, struct leat_err *err);

typedef void broker_done_fn(void *arg, const struct leat_err *err);

/*
 * Calls fn once everything before `offset` is durable; err is NULL, or says
 * why it never will be. May call before it returns. Appends of many callers
 * share one fsync.
 */
void broker_when_durable(struct broker_partition *p, int64_t offset,
    broker_done_fn *fn, void *arg);

/* --------------------------------------------------------------- read */

enum broker_isolation { READ_UNCOMMITTED, READ_COMMITTED };

/*
 * A one-shot waiter: fn is called when the partition has something to read at
 * or behind `offset` under `isolation`, or is deleted; possibly before
 * broker_wait returns. The caller owns the struct and must keep it, and its
 * reference of the partition, until fn was called or broker_wait_cancel
 * returned. fn must not cancel its own waiter; it may start it again.
 */
struct broker_waiter {
	void (*fn)(void *arg);
	void *arg;
	/* private: */
	struct broker_waiter *next, **prev;
	struct broker_partition *part;
	int64_t offset;
	int32_t isolation;
	int32_t state;
};
void broker_wait(struct broker_waiter *w, struct broker_partition *p,
    int64_t offset, enum broker_isolation isolation);
/* After it returns fn is not running and will not be called. */
void broker_wait_cancel(struct broker_waiter *w);

/*
 * Where whole batches from `offset` on stand, at most max_bytes unless the
 * first batch alone is larger: for sendfile. The slice holds its segment open.
 */
struct broker_slice {
	int fd;
	int64_t pos;
	size_t len;
	int64_t next_offset;	/* behind the last whole batch */
	void *segment;		/* private */
};
/* 1 with a slice, 0 when there is nothing yet, LEAT_E_RANGE, ... */
int broker_slice_get(struct broker_partition *p, int64_t offset,
    enum broker_isolation isolation, size_t max_bytes,
    struct broker_slice *ret_slice, struct leat_err *err);
void broker_slice_put(struct broker_slice *s);

/* Aborted transactions that overlap [from, to): fn(arg, pid, first offset). */
int broker_aborted_each(struct broker_partition *p, int64_t from, int64_t to,
    int (*fn)(void *arg, int64_t producer_id, int64_t first_offset),
    void *arg, struct leat_err *err);

/*
 * A reader of records in this process: control batches, aborted transactions
 * and offsets before the start are skipped. Not thread-safe.
 */
struct broker_reader;
struct broker_reader *broker_reader_open(struct broker_partition *p,
    int64_t offset, enum broker_isolation isolation, struct leat_err *err);
void broker_reader_close(struct broker_reader *r);
/*
 * Loads the next whole batches, about max_bytes: 1 when there are some, 0 when
 * the end is reached. Invalidates the records given before.
 */
int broker_reader_fill(struct broker_reader *r, size_t max_bytes,
    struct leat_err *err);
/* 1 and a record; 0 when what was loaded is used up. */
int broker_reader_next(struct broker_reader *r, struct record *ret_record,
    struct leat_err *err);
/* The offset that the next record will have or be behind. */
int64_t broker_reader_offset(const struct broker_reader *r);
void broker_reader_seek(struct broker_reader *r, int64_t offset);
/* Memory held, for budgets. */
size_t broker_reader_held(const struct broker_reader *r);

/* ------------------------------------------------------- transactions */

/*
 * A transactional producer in this process. Records of all partitions that it
 * appends between two commits become visible to read_committed readers
 * together or not at all, across any crash. One user at a time.
 */
struct broker_txn;

/*
 * Opening fences the older producer of that id: its open transaction is
 * aborted and its further calls fail with LEAT_E_FENCED.
 */
int broker_txn_open(struct broker *b, const char *transactional_id,
    int64_t timeout_ms, struct broker_txn **ret_txn, struct leat_err *err);
/* Aborts what is open. */
void broker_txn_close(struct broker_txn *t);
/* Finishes the builder's batch as part of the transaction and appends it. */
int broker_txn_append(struct broker_txn *t, struct broker_partition *p,
    struct batch_builder *builder, struct broker_appended *ret_appended,
    struct leat_err *err);
/* Group offsets that move with the transaction. */
struct broker_group_offset;
int broker_txn_offsets(struct broker_txn *t, const char *group,
    const struct broker_group_offset *offsets, size_t n,
    struct leat_err *err);
/*
 * Commits: data durable, then the decision durable in __transaction_state, then
 * the markers. fn is called when the records are visible and will stay so.
 * Until then no other call on t is allowed. With nothing open fn is called at
 * once.
 */
void broker_txn_commit(struct broker_txn *t, broker_done_fn *fn, void *arg);
int broker_txn_abort(struct broker_txn *t, struct leat_err *err);

/* A producer id that was never given out before and never will be again. */
int broker_producer_id(struct broker *b, int64_t *ret_id,
    struct leat_err *err);

/* ------------------------------------------------------------- groups */

struct broker_group_offset {
	const char *topic;
	int32_t partition;
	int32_t leader_epoch;	/* -1: unknown */
	int64_t offset;		/* the next to consume */
	const char *metadata;	/* "" as a rule */
	size_t metadata_len;	/* 0: as long as the C string */
	int64_t commit_ms;	/* set by the broker */
};

enum { BROKER_OFFSET_FORGET = -1 };

/*
 * Stores offsets in __consumer_offsets. Written on return. An offset of
 * BROKER_OFFSET_FORGET takes back what was stored for the partition; a
 * transaction does not carry one.
 */
int broker_group_commit(struct broker *b, const char *group,
    const struct broker_group_offset *offsets, size_t n,
    struct leat_err *err);
/* 0, or LEAT_E_NOTFOUND. */
int broker_group_offset(struct broker *b, const char *group,
    const char *topic, int32_t partition, int64_t *ret_offset);
/* Calls fn for each stored offset of a group (NULL: of all groups). */
int broker_group_each(struct broker *b, const char *group,
    int (*fn)(void *arg, const char *group,
    const struct broker_group_offset *offset), void *arg);
/* Forgets a group and its offsets; LEAT_E_STATE while it has members. */
int broker_group_delete(struct broker *b, const char *group,
    struct leat_err *err);

/*
 * A member of a group that reads in this process, so that Kafka's clients see
 * who reads what. It says itself which partitions it has; nothing is handed
 * out. While a group has such members no others may join it, and its offsets
 * are committed by broker_group_commit alone. LEAT_E_STATE (class RETRY) when
 * clients are members of the group.
 */
struct broker_group_member;
int broker_group_join(struct broker *b, const char *group,
    const char *client_id, struct broker_group_member **ret_member,
    struct leat_err *err);
struct broker_assigned {
	const char *topic;
	int32_t partition;
};
/* What it reads from now on. 0 or an error of memory, with nothing changed. */
int broker_group_assign(struct broker_group_member *m,
    const struct broker_assigned *assigned, size_t n, struct leat_err *err);
/* Accepts NULL. */
void broker_group_leave(struct broker_group_member *m);

#endif
