/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus.h: what the worker needs of a broker: topics, producers, consumers, the
 * stored offsets of sources, and small tables kept in compacted topics.
 *
 * embedded.c and its neighbours do it on the broker in this process. A Kafka
 * cluster behind librdkafka fits the same calls; nothing above this header
 * knows which it is.
 *
 * Threads: a bus is shared; a producer or consumer belongs to one task thread.
 * The bus calls nobody back: it wakes the `wake` it was given, and the task
 * asks.
 */
#ifndef LEAT_CORE_BUS_BUS_H
#define LEAT_CORE_BUS_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/buf.h>
#include <leat/err.h>
#include <leat/str.h>

#include "core/base/thread.h"

struct broker;
struct bus;
struct bus_producer;
struct bus_consumer;

/* Kafka Connect's internal topics, compacted, one partition each. */
#define BUS_OFFSETS_TOPIC "connect-offsets"
#define BUS_CONFIGS_TOPIC "connect-configs"
#define BUS_STATUS_TOPIC "connect-status"

/*
 * On a broker in this process, which must outlive the bus. Creates the internal
 * topics and loads the source offsets; the broker has aborted what transactions
 * of an earlier life left open.
 */
int bus_open_embedded(struct broker *broker, struct bus **ret_bus,
    struct leat_err *err);
void bus_close(struct bus *b);

struct bus_setting {
	const char *name;
	const char *value;
};

/* Creates the topic unless it exists. partitions -1: the broker's default. */
int bus_topic_ensure(struct bus *b, const char *topic, int32_t partitions,
    const struct bus_setting *settings, size_t n, struct leat_err *err);

/* The same for many at once. */
int bus_topics_ensure(struct bus *b, const char *const *topics,
    size_t ntopics, int32_t partitions, const struct bus_setting *settings,
    size_t n, struct leat_err *err);

struct bus_topic_info {
	const char *name;	/* valid during the callback */
	int32_t partitions;
	bool internal;
};
/* By name; a negative return ends the walk and is the result. */
int bus_topic_each(struct bus *b,
    int (*fn)(void *arg, const struct bus_topic_info *info), void *arg);
/* Number of partitions, or LEAT_E_NOTFOUND. */
int32_t bus_topic_partitions(struct bus *b, const char *topic);
/* Every setting in force. */
int bus_topic_settings(struct bus *b, const char *topic,
    void (*fn)(void *arg, const char *name, const char *value, bool def),
    void *arg, struct leat_err *err);

struct bus_partition_info {
	int64_t start;		/* first offset there is */
	int64_t stable;		/* end of what read_committed sees */
	int64_t end;		/* the next offset */
	int64_t durable;	/* end of what an fsync has covered */
	int64_t bytes;
};
int bus_partition_info(struct bus *b, const char *topic, int32_t partition,
    struct bus_partition_info *ret_info, struct leat_err *err);

/* ----------------------------------------------------------- messages */

struct bus_header {
	struct leat_str name;
	struct leat_str value;	/* ptr NULL: null */
};

/* A record in bytes. */
struct bus_message {
	const char *topic;
	int32_t partition;	/* -1: by the key, as Kafka's clients */
	int32_t timestamp_type;	/* consumers: 0 CreateTime, 1 LogAppendTime */
	int64_t offset;		/* consumers */
	int64_t timestamp_ms;	/* -1: now */
	struct leat_str key;	/* ptr NULL: null */
	struct leat_str value;	/* ptr NULL: null */
	const struct bus_header *headers;
	uint32_t nheaders;
};

/* ---------------------------------------------------------- producers */

struct bus_producer_options {
	const char *connector;	/* whose source offsets these are */
	const char *transactional_id;	/* NULL: at-least-once */
	int64_t transaction_timeout_ms;	/* 0: 60 s */
	const char *compression;	/* "none", "lz4", ...; NULL: none */
	size_t batch_bytes;	/* a record batch is closed there; 0: 256 KiB */
	size_t message_bytes;	/* the largest message taken; 0: 1 MiB */
	size_t buffer_bytes;	/* held before bus_produce says -EAGAIN */
	int32_t partitions;	/* of topics created on first use, -1 default */
	/* Settings of topics created on first use; must stay. */
	const struct bus_setting *settings;
	size_t nsettings;
	bool create_topics;
	struct wake *wake;	/* woken when bus_commit_poll has news */
};

/* With a transactional id: fences an older producer of that id. */
int bus_producer_open(struct bus *b, const struct bus_producer_options *o,
    struct bus_producer **ret_producer, struct leat_err *err);
/* Drops what is not committed. Waits for a commit in flight. */
void bus_producer_close(struct bus_producer *p);
/*
 * Takes a message (its bytes are copied into the batch of its partition). 0;
 * -EAGAIN when the buffer is full and a commit is in flight: wait for that;
 * class RECORD when this message can never be taken. After any other failure
 * the producer is only good for closing.
 */
int bus_produce(struct bus_producer *p, const struct bus_message *m,
    struct leat_err *err);
/*
 * A source offset (JSON texts, copied) that moves with the next commit. The
 * newest of a partition counts. offset NULL: forget it.
 */
int bus_produce_offset(struct bus_producer *p, const char *partition,
    const char *offset, struct leat_err *err);
/*
 * Makes everything produced since the last commit durable and, with a
 * transactional id, visible at once together with its source offsets. At most
 * one commit is in flight: while there is one this returns -EAGAIN, and
 * messages go on being taken up to buffer_bytes.
 */
int bus_commit(struct bus_producer *p, uint64_t ticket, struct leat_err *err);
/*
 * 1 and the ticket when the commit in flight has succeeded (said once), 0 when
 * there is no news; negative when it failed: whether it took effect is unknown,
 * so close the producer and read the source offsets again.
 */
int bus_commit_poll(struct bus_producer *p, uint64_t *ret_ticket,
    struct leat_err *err);
/*
 * Writes what was taken to the log, without a commit, and gives back memory
 * that is only kept for speed. -EAGAIN when a commit in flight forbids it.
 */
int bus_flush(struct bus_producer *p, struct leat_err *err);
bool bus_commit_in_flight(const struct bus_producer *p);
/* Memory held by messages that were taken and not written. */
size_t bus_producer_held(const struct bus_producer *p);

/* ---------------------------------------------------------- consumers */

struct bus_consumer_options {
	/*
	 * "connect-<name>". NULL: no group; nothing is stored, and it begins
	 * where bus_consumer_seek says.
	 */
	const char *group;
	const char *const *topics;	/* NULL: pattern */
	size_t ntopics;
	const char *pattern;	/* POSIX extended, the whole name */
	bool from_latest;	/* without a stored offset; default earliest */
	bool read_uncommitted;	/* default read_committed */
	int32_t member;		/* this task of ... */
	int32_t members;	/* ... so many: partitions are shared out */
	size_t poll_bytes;	/* about how much a poll loads */
	uint32_t poll_records;
	struct wake *wake;	/* woken when there may be something to poll */
	/*
	 * The stored offset `from` is not in the log any more; reading goes on
	 * at `to`. Called from bus_poll.
	 */
	void (*out_of_range)(void *arg, const char *topic, int32_t partition,
	    int64_t from, int64_t to);
	void *arg;
};

int bus_consumer_open(struct bus *b, const struct bus_consumer_options *o,
    struct bus_consumer **ret_consumer, struct leat_err *err);
void bus_consumer_close(struct bus_consumer *c);
/*
 * What is there now, without waiting; *ret_n is 0 when nothing is, and then the
 * wake of the options comes when that changes. New topics and partitions are
 * noticed here. The messages are valid until the next poll.
 */
int bus_poll(struct bus_consumer *c, const struct bus_message **ret_messages,
    size_t *ret_n, struct leat_err *err);
/*
 * All messages polled so far are dealt with: the next bus_consumer_commit_done
 * stores the offsets behind them. true when there is something to store.
 */
bool bus_consumer_done(struct bus_consumer *c);
/* Stores what changed since the last commit. */
int bus_consumer_commit_done(struct bus_consumer *c, struct leat_err *err);

struct bus_offset {
	const char *topic;
	int32_t partition;
	int64_t offset;		/* the next to consume */
};
/* Stores these, for a batch that was dealt with in part. */
int bus_consumer_commit(struct bus_consumer *c,
    const struct bus_offset *offsets, size_t n, struct leat_err *err);
/* The next poll begins there. */
int bus_consumer_seek(struct bus_consumer *c, const struct bus_offset *to,
    struct leat_err *err);
/* fn(arg, offset committed or -1, end offset) per assigned partition. */
void bus_consumer_each(struct bus_consumer *c, void (*fn)(void *arg,
    const struct bus_offset *committed, int64_t end), void *arg);
/* Memory held by messages that were loaded. */
size_t bus_consumer_held(const struct bus_consumer *c);

/* Is the topic one of those that the options name? */
bool bus_consumer_takes(const struct bus_consumer *c, const char *topic);

/* The stored offsets of a group, and changing them while nobody consumes. */
int bus_group_each(struct bus *b, const char *group,
    int (*fn)(void *arg, const struct bus_offset *offset), void *arg);
int bus_group_set(struct bus *b, const char *group,
    const struct bus_offset *offsets, size_t n, struct leat_err *err);
int bus_group_forget(struct bus *b, const char *group, struct leat_err *err);

/* ------------------------------------------------------ source offsets */

/*
 * The stored offset of a connector's source partition, both JSON texts; the
 * partition is compared as JSON. NULL when there is none; free() the result.
 */
char *bus_source_offset(struct bus *b, const char *connector,
    const char *partition);
int bus_source_offset_each(struct bus *b, const char *connector,
    int (*fn)(void *arg, const char *partition, const char *offset),
    void *arg);
/* offset NULL: forget it. Durable on return. */
int bus_source_offset_set(struct bus *b, const char *connector,
    const char *partition, const char *offset, struct leat_err *err);

/* --------------------------------------------------------------- tables */

/*
 * A compacted topic of one partition, seen as a table from key to newest value.
 * Reads it all: for what is asked at start.
 */
int bus_table_each(struct bus *b, const char *topic,
    int (*fn)(void *arg, struct leat_str key, struct leat_str value),
    void *arg, struct leat_err *err);
/* value NULL: removed. durable: wait for the disk. */
int bus_table_put(struct bus *b, const char *topic, const char *key,
    const char *value, bool durable, struct leat_err *err);

#endif
