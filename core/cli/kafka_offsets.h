/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_offsets.h: places in partitions, as people name them, and the offsets
 * that they stand for.
 */
#ifndef LEAT_CORE_CLI_KAFKA_OFFSETS_H
#define LEAT_CORE_CLI_KAFKA_OFFSETS_H

#include <stdint.h>

#include "core/cli/kafka_client.h"

enum place_kind {
	PLACE_BEGINNING,
	PLACE_END,
	PLACE_OFFSET,
	PLACE_BACK,		/* n before the end, or the present place */
	PLACE_FORTH,		/* n behind it */
	PLACE_TIME,		/* the first record of n ms or later */
	PLACE_N
};

struct kafka_place {
	enum place_kind kind;
	int64_t n;
};

/*
 * "beginning", "earliest", "end", "latest", "17", "-5", "+5", "@<ms>",
 * "@<ISO 8601>", the date alone too, "@-15m" (so long ago); an ISO time without
 * "@" is understood. now_ms is the time of the wall clock. 0 or -1.
 */
int kafka_place_parse(const char *text, int64_t now_ms,
    struct kafka_place *ret_place);

struct kafka_range {
	int64_t low, high;	/* first offset, and behind the last */
};

/*
 * The ranges of partitions; ret has list->cnt items. What high means for
 * transactions under way, isolation.level says. Returns 0, or an exit code
 * after having printed why.
 */
int kafka_ranges(struct kafka *k, const rd_kafka_topic_partition_list_t *list,
    struct kafka_range *ret);

/*
 * The offsets of the first records of time_ms or later, into the items of the
 * list; the end where there are none. Returns as kafka_ranges().
 */
int kafka_times(struct kafka *k, rd_kafka_topic_partition_list_t *list,
    int64_t time_ms);

/* The wall clock in milliseconds. */
int64_t kafka_wall_ms(void);

#endif
