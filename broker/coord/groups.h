/* SPDX-License-Identifier: Apache-2.0 */
/*
 * groups.h: the committed offsets of consumer groups: in memory, and in the
 * topic __consumer_offsets as Kafka keeps them.
 */
#ifndef LEAT_BROKER_GROUPS_H
#define LEAT_BROKER_GROUPS_H

#include "broker/broker_int.h"

struct groups;

/* Makes the topic when it is missing and loads what it has. */
int groups_open(struct broker *b, struct groups **ret, struct leat_err *err);
void groups_close(struct groups *g);
/*
 * After an unclean stop: a group's offset must not be ahead of its topic.
 * Such offsets are set back to the end of what was recovered.
 */
int groups_clamp(struct groups *g, struct leat_err *err);
/* The partition of __consumer_offsets that has a group; counted. */
struct broker_partition *groups_partition(struct groups *g,
    const char *group);
/*
 * Offsets inside a transaction: *ret gets the batch to append (free with
 * batch_builder_free), and they stay pending under the producer's id.
 */
int groups_prepare(struct groups *g, const char *group,
    const struct broker_group_offset *offsets, size_t n,
    struct batch_builder **ret, struct leat_err *err);
int groups_add_pending(struct groups *g, int64_t producer_id,
    const char *group, const struct broker_group_offset *offsets, size_t n,
    struct leat_err *err);
/* The transaction ended. */
void groups_end_txn(struct groups *g, int64_t producer_id, bool commit);
/* Forgets offsets that were committed before `before_ms`. */
void groups_expire(struct groups *g, int64_t before_ms);

#endif
