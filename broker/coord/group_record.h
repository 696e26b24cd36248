/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group_record.h: the value of a classic group in __consumer_offsets (key 2),
 * and what consumers put into their subscriptions and assignments.
 */
#ifndef LEAT_BROKER_GROUP_RECORD_H
#define LEAT_BROKER_GROUP_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/buf.h>
#include <leat/str.h>

struct group_value_member {
	struct leat_str id;
	struct leat_str instance;	/* ptr NULL: none */
	struct leat_str client_id, client_host;
	int32_t rebalance_ms, session_ms;
	struct leat_str subscription, assignment;
};

struct group_value {
	const char *protocol_type;	/* NULL is written as "" */
	int32_t generation;
	const char *protocol;		/* NULL: none */
	const char *leader;		/* NULL: none */
	int64_t state_ms;		/* -1: unknown */
	struct group_value_member *members;
	size_t nmembers;
};

/* Appends value version 3. */
void group_value_encode(struct leat_buf *to, const struct group_value *v);
/*
 * Reads versions 0 to 4 (a fifth is LEAT_E_PROTO). The texts of *ret are
 * copies and members is an array, to be freed with group_value_fini; strings
 * of members point into the record.
 */
int group_value_decode(struct leat_str value, struct group_value *ret);
void group_value_fini(struct group_value *v);

/*
 * Does a subscription of the protocol type "consumer" name the topic? Text that
 * does not decode names them all.
 */
bool subscription_names(struct leat_str subscription, const char *topic);
/* Version 0 of both, as the consumers of this process have them. */
void subscription_encode(struct leat_buf *to, const char *const *topics,
    size_t n);
struct assigned_partition {
	const char *topic;
	int32_t partition;
};
/* Partitions of a topic stand together. */
void assignment_encode(struct leat_buf *to,
    const struct assigned_partition *list, size_t n);

#endif
