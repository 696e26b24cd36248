/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topics.c: what the bus tells about topics and partitions.
 */
#include "core/bus/embedded.h"

#include <string.h>

bool
bus_is_internal(const struct broker_topic_info *info)
{
	return info->internal || strcmp(info->name, BUS_OFFSETS_TOPIC) == 0 ||
	    strcmp(info->name, BUS_CONFIGS_TOPIC) == 0 ||
	    strcmp(info->name, BUS_STATUS_TOPIC) == 0;
}

struct each {
	int (*fn)(void *arg, const struct bus_topic_info *info);
	void *arg;
};

static int
tell_topic(void *arg, const struct broker_topic_info *info)
{
	const struct each *each = arg;
	const struct bus_topic_info told = { .name = info->name,
		.partitions = info->partitions,
		.internal = bus_is_internal(info) };

	return each->fn(each->arg, &told);
}

int
bus_topic_each(struct bus *b,
    int (*fn)(void *arg, const struct bus_topic_info *info), void *arg)
{
	struct each each = { fn, arg };

	return broker_topic_each(b->broker, tell_topic, &each);
}

int32_t
bus_topic_partitions(struct bus *b, const char *topic)
{
	return broker_topic_partitions(b->broker, topic);
}

int
bus_topic_settings(struct bus *b, const char *topic,
    void (*fn)(void *arg, const char *name, const char *value, bool def),
    void *arg, struct leat_err *err)
{
	return broker_topic_settings(b->broker, topic, fn, arg, err);
}

int
bus_partition_info(struct bus *b, const char *topic, int32_t partition,
    struct bus_partition_info *ret_info, struct leat_err *err)
{
	struct broker_partition *p =
	    broker_partition_get(b->broker, topic, partition, err);
	struct broker_offsets offsets;

	if (p == NULL)
		return err->code;
	broker_partition_offsets(p, &offsets);
	*ret_info = (struct bus_partition_info){ .start = offsets.log_start,
		.stable = offsets.stable, .end = offsets.written,
		.durable = offsets.durable, .bytes = broker_partition_size(p) };
	broker_partition_put(p);
	return 0;
}
