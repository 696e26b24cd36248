/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus.h: what the worker needs of a broker: topics, producers, consumers and
 * the stored offsets of sources.
 *
 * embedded.c does it on the broker in this process. A Kafka cluster behind
 * librdkafka fits the same calls; nothing above this header knows which it is.
 *
 * Threads: a bus is shared; a producer or consumer belongs to one task thread.
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

/* On a broker in this process, which must outlive the bus. */
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
	int32_t partition;	/* -1: by the key (murmur2, as Kafka's clients) */
	int32_t timestamp_type;	/* consumers: 0 CreateTime, 1 LogAppendTime */
	int64_t offset;		/* consumers */
	int64_t timestamp_ms;	/* -1: now */
	struct leat_str key;	/* ptr NULL: null */
	struct leat_str value;	/* ptr NULL: null */
	const struct bus_header *headers;
	uint32_t nheaders;
};

/* ---------------------------------------------------------- producers */

typedef void bus_committed_fn(void *arg, uint64_t ticket,
    const struct leat_err *err);

struct bus_producer_options {
	const char *connector;	/* whose source offsets these are */
	const char *transactional_id;	/* NULL: at-least-once */
	const char *compression;	/* "none", "lz4", ... */
	size_t batch_bytes;	/* of one record batch, uncompressed */
	size_t buffer_bytes;	/* held before bus_produce says -EAGAIN */
	int32_t partitions;	/* of topics created on first use, -1 default */
	bool create_topics;
	/* Called on a thread of the bus; must be brief. */
	bus_committed_fn *committed;
	void *arg;
};

int bus_producer_open(struct bus *b, const struct bus_producer_options *o,
    struct bus_producer **ret_producer, struct leat_err *err);
/* Drops what is not committed. Waits for a commit in flight. */
void bus_producer_close(struct bus_producer *p);
/*
 * Takes a message (its bytes are copied into the batch of its partition). 0;
 * -EAGAIN when the buffer is full: commit, or wait for the one in flight.
 */
int bus_produce(struct bus_producer *p, const struct bus_message *m,
    struct leat_err *err);
/* A source offset (JSON texts) that moves with the next commit. */
int bus_produce_offset(struct bus_producer *p, const char *partition,
    const char *offset, struct leat_err *err);
/*
 * Makes everything produced since the last commit durable and, with a
 * transactional id, visible at once together with its source offsets;
 * `committed` is called with the ticket. At most one commit is in flight: while
 * there is one this returns -EAGAIN, and messages go on being taken up to
 * buffer_bytes.
 */
int bus_commit(struct bus_producer *p, uint64_t ticket, struct leat_err *err);
bool bus_commit_in_flight(const struct bus_producer *p);
/* Bytes held by messages that are not committed. */
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
};

int bus_consumer_open(struct bus *b, const struct bus_consumer_options *o,
    struct bus_consumer **ret_consumer, struct leat_err *err);
void bus_consumer_close(struct bus_consumer *c);
/*
 * What is there now, without waiting; *ret_n is 0 when nothing is, and then the
 * wake of the options comes when that changes. Valid until the next poll.
 */
int bus_poll(struct bus_consumer *c, const struct bus_message **ret_messages,
    size_t *ret_n, struct leat_err *err);

struct bus_offset {
	const char *topic;
	int32_t partition;
	int64_t offset;		/* the next to consume */
};
int bus_consumer_commit(struct bus_consumer *c,
    const struct bus_offset *offsets, size_t n, struct leat_err *err);
/* The next poll begins there. */
int bus_consumer_seek(struct bus_consumer *c, const struct bus_offset *to,
    struct leat_err *err);
/* fn(arg, offset committed or -1, end offset) per assigned partition. */
int bus_consumer_each(struct bus_consumer *c, void (*fn)(void *arg,
    const struct bus_offset *committed, int64_t end), void *arg);

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

#endif
