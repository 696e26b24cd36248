/* SPDX-License-Identifier: Apache-2.0 */
/*
 * producer.h: messages into batches, batches into partitions, commits.
 *
 * A target is one partition that this producer writes to. It has a builder
 * while it holds messages that were not appended; the builder comes from a
 * small pool and goes back there, so memory follows what is buffered and not
 * how many partitions were ever seen. A builder is *closed* when it is large
 * enough: it is appended at once, or, while a transaction is being committed
 * and must not be touched, put in line (struct closed) and appended when that
 * commit has landed. Order within a partition is the order of the calls.
 *
 * A flight is a commit between bus_commit and the bus_commit_poll that reports
 * it. With a transaction it is one step (FLYING). Without, it is two, because
 * an offset must not be durable before its data: the data (FLYING), then the
 * offsets (FLYING_OFFSETS), begun in bus_commit_poll on the task's thread.
 * Callbacks of the broker only change the state, under the lock, and wake.
 */
#ifndef LEAT_CORE_BUS_PRODUCER_H
#define LEAT_CORE_BUS_PRODUCER_H

#include <errno.h>

#include "core/bus/embedded.h"

enum { PRODUCER_POOL_MAX = 4 };

struct ptopic;

struct target {
	struct ptopic *topic;
	int32_t index;
	struct broker_partition *part;	/* NULL: the topic is missing */
	struct batch_builder *builder;	/* NULL: nothing taken */
	size_t bytes;		/* about what the builder holds */
	struct target *next_open;
	struct target *next_touched;
	bool touched;		/* appended to since the last commit */
	int64_t end;		/* behind the last append */
};

/*
 * A topic that does not exist is made when the first batch of it is appended,
 * together with all others that are missing then: many tables' topics cost one
 * write of the broker's catalogue, not one each.
 */
struct ptopic {
	char *name;
	struct target **targets;
	struct ptopic *next_missing;
	int32_t n;
	int32_t sticky;		/* where messages without a key go */
};

struct closed {
	struct closed *next;
	struct target *target;
	struct batch_builder *builder;
	size_t bytes;
};

/* A source partition whose offset moves with the next commit. */
struct slot {
	struct slot *next;
	char *partition;	/* as the source wrote it */
	char *key;		/* canonical */
	char *offset;		/* newest; NULL: forget */
	char *flying;
	bool dirty;
	struct slot *next_flight;	/* as long as it is in flight */
};

enum flight { IDLE, FLYING, FLYING_OFFSETS, LANDED_DATA, LANDED };

struct bus_producer {
	unsigned magic;
#define BUS_PRODUCER_MAGIC 0x62707264u
	struct bus *bus;
	struct broker_txn *txn;	/* NULL: at-least-once */
	struct bus_producer_options o;
	char *connector;
	enum record_codec codec;
	struct leat_map topics;	/* name to struct ptopic */
	struct ptopic *last;	/* the topic of the last message */
	struct ptopic *missing;	/* topics that are to be made */
	size_t nmissing;
	struct target *open;	/* targets with a builder */
	struct target *touched;
	struct closed *closed;
	struct closed **closed_tail;
	struct batch_builder *pool[PRODUCER_POOL_MAX];
	size_t npool;
	size_t bytes;		/* in open and closed builders, about */
	uint64_t topics_version;
	struct slot *slots;
	struct slot *last_slot;
	struct slot *flight_slots;	/* unchanged during a flight */
	uint64_t ticket;
	bool broken;
	struct lock lock;	/* RANK_LEAF; guards landing */
	struct cond cond;
	int32_t pending;	/* callbacks to come; guarded by lock */
	struct leat_err landing;	/* guarded by lock */
	enum flight flight;	/* set under lock, read with atomics */
};

static inline enum flight
producer_flight_of(const struct bus_producer *p)
{
	return __atomic_load_n(&p->flight, __ATOMIC_ACQUIRE);
}

static inline void
producer_flight_set(struct bus_producer *p, enum flight f)
{
	__atomic_store_n(&p->flight, f, __ATOMIC_RELEASE);
}

static inline bool
producer_flying(enum flight f)
{
	return f == FLYING || f == FLYING_OFFSETS;
}

/* An open transaction in commit must not be appended to. */
static inline bool
producer_blocked(const struct bus_producer *p)
{
	return p->txn != NULL && producer_flight_of(p) != IDLE;
}

static inline int
producer_no_memory(struct leat_err *err)
{
	return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
}

/* producer_topics.c */

/* Where a message goes; NULL with err filled. */
struct target *producer_target_of(struct bus_producer *p,
    const struct bus_message *m, struct leat_err *err);
/* Makes the topics that are missing. */
int producer_topics_make(struct bus_producer *p, struct leat_err *err);
/* Topics may have grown; those that are gone fail at their next append. */
int producer_topics_refresh(struct bus_producer *p, struct leat_err *err);
void producer_ptopic_free(struct ptopic *pt);

/* producer_batch.c */

/* Takes a message, whatever is held already. */
int producer_produce(struct bus_producer *p, const struct bus_message *m,
    struct leat_err *err);
/* Appends the batches that stand in line; all batches. */
int producer_write_closed(struct bus_producer *p, struct leat_err *err);
int producer_write_all(struct bus_producer *p, struct leat_err *err);
int producer_broken(struct leat_err *err);

/* producer_commit.c */

void producer_slot_free(struct slot *s);

#endif
