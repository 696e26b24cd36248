/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_group.h: a consumer group as the commands of `leat groups` see it.
 */
#ifndef LEAT_CORE_CLI_KAFKA_GROUP_H
#define LEAT_CORE_CLI_KAFKA_GROUP_H

#include <stddef.h>
#include <stdint.h>

#include "core/cli/kafka_admin.h"
#include "core/cli/kafka_offsets.h"

/* A partition that the group has an offset of, or a member reads. */
struct kafka_group_part {
	const char *topic;
	int32_t partition;
	int64_t committed;	/* -1: none */
	struct kafka_range range;	/* -1, -1: there is no such partition */
	const rd_kafka_MemberDescription_t *member;	/* or NULL */
};

struct kafka_group {
	const char *name;
	struct kafka_call described, offsets;	/* hold what is pointed to */
	const rd_kafka_ConsumerGroupDescription_t *about;
	rd_kafka_consumer_group_state_t state;
	size_t nmembers;
	struct kafka_group_part *parts;	/* by topic and partition */
	size_t nparts, room;
};

/*
 * Asks for all of it. Returns 0, or an exit code after having printed why; a
 * group that is not there is EXIT_NOT_FOUND unless it may be `new_one`.
 * kafka_group_fini() in any case.
 */
int kafka_group_load(struct kafka *k, const char *name, bool new_one,
    struct kafka_group *ret_group);
void kafka_group_fini(struct kafka_group *g);
/* Adds a partition unless it is there; NULL when out of memory. */
struct kafka_group_part *kafka_group_part_of(
    struct kafka_group *g, const char *topic, int32_t partition);
/* Fills the ranges of all partitions. An exit code. */
int kafka_group_ranges(struct kafka *k, struct kafka_group *g);
/* What lies between the group and the end; -1: not known. */
int64_t kafka_group_lag(const struct kafka_group_part *p);

int cmd_groups_list(int argc, char **argv);
int cmd_groups_describe(int argc, char **argv);
int cmd_groups_reset(int argc, char **argv);
int cmd_groups_delete(int argc, char **argv);

#endif
