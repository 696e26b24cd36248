/* SPDX-License-Identifier: Apache-2.0 */
/*
 * consumer.h: reading all partitions that one task of a sink is given.
 *
 * Sharing out. Partition p of topic t belongs to member (hash(t) + p) mod
 * members. That needs no talk between members, and a new topic moves no
 * partition that somebody reads already.
 *
 * Waiting. A partition is *ready* when it may have something to read. It stops
 * being so when a read finds its end; a waiter at the broker then makes it
 * ready again and wakes the task. So a poll costs what is there to read, and
 * idle partitions cost nothing but a look at a flag.
 *
 * Fairness. Each poll begins with the partition behind the one that the last
 * poll ended with, and takes no more than its share from each.
 */
#ifndef LEAT_CORE_BUS_CONSUMER_H
#define LEAT_CORE_BUS_CONSUMER_H

#include <errno.h>
#include <regex.h>

#include <leat/arena.h>

#include "core/bus/embedded.h"

enum { CONSUMER_CHUNK = 16 * 1024 };

struct cpart {
	struct bus_consumer *c;
	struct ctopic *topic;
	int32_t index;
	struct broker_partition *part;
	struct broker_reader *reader;	/* NULL: none open */
	struct broker_waiter waiter;
	bool waiting;
	bool loaded;		/* the reader holds records not handed out */
	int32_t ready;		/* atomic */
	int64_t position;	/* behind what was handed out */
	int64_t done;		/* behind what was dealt with */
	int64_t committed;	/* as stored; -1: nothing */
};

struct ctopic {
	char *name;
	int32_t n;		/* partitions known */
};

struct bus_consumer {
	unsigned magic;
#define BUS_CONSUMER_MAGIC 0x62636f6eu
	struct bus *bus;
	struct bus_consumer_options o;
	char *group;
	struct broker_group_member *member;	/* what others see; or NULL */
	char **topics;
	size_t ntopics;
	regex_t pattern;
	bool has_pattern;
	struct leat_map known;	/* name to struct ctopic */
	struct cpart **parts;
	size_t nparts;
	size_t next;		/* where the next poll begins */
	uint64_t topics_version;
	bool looked;		/* topics were listed once */
	struct bus_message *messages;
	struct leat_arena headers;
};

static inline int
consumer_no_memory(struct leat_err *err)
{
	return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
}

/* consumer.c */

/* Lets Kafka's tools see which partitions are read here. */
int consumer_tell(struct bus_consumer *c, struct leat_err *err);

/* consumer_topics.c */

/* Takes in topics and partitions that are new, drops those that are gone. */
int consumer_topics_refresh(struct bus_consumer *c, struct leat_err *err);
void consumer_part_free(struct cpart *cp);

#endif
