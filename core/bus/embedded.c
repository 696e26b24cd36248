/* SPDX-License-Identifier: Apache-2.0 */
/*
 * embedded.c: opening a bus on the broker in this process, and its topics. The
 * rest: producer.c, consumer.c, source_offsets.c, table.c.
 */
#include "core/bus/embedded.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/obj.h"

enum { SETTINGS_MAX = 64 };

static const struct bus_setting compacted[] = {
	{ "cleanup.policy", "compact" },
};

static int
ensure_internal(struct bus *b, struct leat_err *err)
{
	static const char *const names[] = { BUS_OFFSETS_TOPIC,
		BUS_CONFIGS_TOPIC, BUS_STATUS_TOPIC };
	size_t i;

	for (i = 0; i < ARRAY_LEN(names); i++) {
		if (bus_topic_ensure(b, names[i], 1, compacted,
		    ARRAY_LEN(compacted), err) < 0)
			return err->code;
		if (broker_topic_protect(b->broker, names[i]) < 0)
			return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
			    "out of memory");
	}
	return 0;
}

int
bus_open_embedded(struct broker *broker, struct bus **ret_bus,
    struct leat_err *err)
{
	struct bus *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	b->magic = BUS_MAGIC;
	b->broker = broker;
	lock_init(&b->lock, RANK_OFFSETS);
	leat_map_init(&b->offsets);
	if (ensure_internal(b, err) < 0 || bus_offsets_load(b, err) < 0) {
		bus_close(b);
		return leat_err_wrap(err, "open bus");
	}
	*ret_bus = b;
	return 0;
}

void
bus_close(struct bus *b)
{
	if (b == NULL)
		return;
	OBJ_CHECK(b, BUS_MAGIC);
	bus_offsets_fini(b);
	lock_fini(&b->lock);
	OBJ_FREE(b);
}

int
bus_topics_ensure(struct bus *b, const char *const *topics, size_t ntopics,
    int32_t partitions, const struct bus_setting *settings, size_t n,
    struct leat_err *err)
{
	struct broker_setting list[SETTINGS_MAX];
	size_t i;

	if (n > SETTINGS_MAX)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_LIMIT,
		    "topic '%s': %zu settings, the most is %d", topics[0], n,
		    (int)SETTINGS_MAX);
	for (i = 0; i < n; i++) {
		list[i].name = settings[i].name;
		list[i].value = settings[i].value;
	}
	return broker_topics_create(b->broker, topics, ntopics, partitions,
	    list, n, err);
}

int
bus_topic_ensure(struct bus *b, const char *topic, int32_t partitions,
    const struct bus_setting *settings, size_t n, struct leat_err *err)
{
	if (broker_topic_partitions(b->broker, topic) > 0)
		return 0;
	return bus_topics_ensure(b, &topic, 1, partitions, settings, n, err);
}

int
bus_group_set(struct bus *b, const char *group,
    const struct bus_offset *offsets, size_t n, struct leat_err *err)
{
	struct broker_group_offset one;
	size_t i;

	for (i = 0; i < n; i++) {
		memset(&one, 0, sizeof(one));
		one.topic = offsets[i].topic;
		one.partition = offsets[i].partition;
		one.leader_epoch = -1;
		one.offset = offsets[i].offset;
		one.metadata = "";
		if (broker_group_commit(b->broker, group, &one, 1, err) < 0)
			return err->code;
	}
	return 0;
}

int
bus_group_forget(struct bus *b, const char *group, struct leat_err *err)
{
	return broker_group_delete(b->broker, group, err);
}

struct group_walk {
	int (*fn)(void *arg, const struct bus_offset *offset);
	void *arg;
};

static int
group_one(void *arg, const char *group, const struct broker_group_offset *o)
{
	const struct group_walk *w = arg;
	struct bus_offset at = { o->topic, o->partition, o->offset };

	return w->fn(w->arg, &at);
}

int
bus_group_each(struct bus *b, const char *group,
    int (*fn)(void *arg, const struct bus_offset *offset), void *arg)
{
	struct group_walk w = { fn, arg };

	return broker_group_each(b->broker, group, group_one, &w);
}
