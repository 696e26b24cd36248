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
	}
	return 0;
}

/* Opening a transactional id aborts what its last owner left open. */
static void
abort_orphan(struct bus *b, const struct record *rec)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_txn *txn = NULL;
	char id[256];
	uint32_t i;

	for (i = 0; i < rec->nheaders; i++) {
		const struct record_header *h = &rec->headers[i];

		if (!leat_str_eq_c(h->name, BUS_TXN_HEADER) ||
		    h->value.ptr == NULL || h->value.len >= sizeof(id))
			continue;
		memcpy(id, h->value.ptr, h->value.len);
		id[h->value.len] = '\0';
		if (broker_txn_open(b->broker, id, 60000, &txn, &err) == 0)
			broker_txn_close(txn);
		return;
	}
}

/*
 * A worker that was killed may have left transactions open that hold back the
 * stable end of connect-offsets, and with it newer offsets of others. Their
 * producers were in that process, so nobody will ever commit them.
 */
static int
abort_orphans(struct bus *b, struct leat_err *err)
{
	struct broker_partition *p;
	struct broker_reader *r = NULL;
	struct broker_offsets at;
	struct record rec;
	int rc;

	p = broker_partition_get(b->broker, BUS_OFFSETS_TOPIC, 0, err);
	if (p == NULL)
		return err->code;
	broker_partition_offsets(p, &at);
	if (at.stable >= at.written) {
		broker_partition_put(p);
		return 0;
	}
	r = broker_reader_open(p, at.stable, READ_UNCOMMITTED, err);
	rc = r == NULL ? err->code : 0;
	while (rc >= 0 && (rc = broker_reader_fill(r, BUS_TABLE_READ,
	    err)) > 0) {
		while ((rc = broker_reader_next(r, &rec, err)) > 0)
			abort_orphan(b, &rec);
	}
	if (r != NULL)
		broker_reader_close(r);
	broker_partition_put(p);
	return rc;
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
	if (ensure_internal(b, err) < 0 || abort_orphans(b, err) < 0 ||
	    bus_offsets_load(b, err) < 0) {
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
bus_topic_ensure(struct bus *b, const char *topic, int32_t partitions,
    const struct bus_setting *settings, size_t n, struct leat_err *err)
{
	struct broker_setting list[SETTINGS_MAX];
	size_t i;
	int rc;

	if (broker_topic_partitions(b->broker, topic) > 0)
		return 0;
	if (n > SETTINGS_MAX)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_LIMIT,
		    "topic '%s': %zu settings, the most is %d", topic, n,
		    (int)SETTINGS_MAX);
	for (i = 0; i < n; i++) {
		list[i].name = settings[i].name;
		list[i].value = settings[i].value;
	}
	rc = broker_topic_create(b->broker, topic, partitions, list, n, err);
	if (rc == LEAT_E_EXISTS) {	/* somebody else was faster */
		leat_err_clear(err);
		return 0;
	}
	return rc < 0 ? leat_err_wrap(err, "create topic '%s'", topic) : 0;
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
