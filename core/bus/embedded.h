/* SPDX-License-Identifier: Apache-2.0 */
/*
 * embedded.h: the bus on the broker in this process. Private to core/bus.
 */
#ifndef LEAT_CORE_BUS_EMBEDDED_H
#define LEAT_CORE_BUS_EMBEDDED_H

#include <leat/arena.h>
#include <leat/map.h>

#include "broker/broker.h"
#include "core/base/lock.h"
#include "core/bus/bus.h"

struct bus {
	unsigned magic;
#define BUS_MAGIC 0x6275735fu
	struct broker *broker;
	struct lock lock;	/* RANK_OFFSETS; guards offsets */
	/*
	 * Canonical key of connect-offsets (["name",{partition}]) to offset
	 * text, malloc. Holds what is committed, nothing else.
	 */
	struct leat_map offsets;
};

enum {
	BUS_JSON_MAX = 1024 * 1024,	/* of one key or offset */
	BUS_TABLE_READ = 1024 * 1024,
	BUS_OFFSET_COUNT_MAX = 1000000
};

/*
 * Is it a topic of the machinery? Kafka says so of its own two only; of ours, a
 * sink with a pattern must not read them either.
 */
bool bus_is_internal(const struct broker_topic_info *info);

/* ------------------------------------------------- source_offsets.c */

/* Appends JSON with sorted members and no blanks. */
int bus_json_canonical(struct leat_buf *to, struct leat_str text,
    struct leat_err *err);
/* Appends the canonical key of connect-offsets. */
int bus_offset_key(struct leat_buf *to, const char *connector,
    const char *partition, struct leat_err *err);
/* Reads connect-offsets. */
int bus_offsets_load(struct bus *b, struct leat_err *err);
/* Takes over a committed offset; value NULL forgets. @thread any */
void bus_offsets_apply(struct bus *b, const char *key, const char *value);
void bus_offsets_fini(struct bus *b);

/* ------------------------------------------------------- table.c */

/* Appends one record outside any transaction, and waits for the disk. */
int bus_append_one(struct bus *b, const char *topic, const char *key,
    const char *value, bool durable, struct leat_err *err);
/* Waits until everything before `offset` is durable. */
int bus_wait_durable(struct broker_partition *p, int64_t offset,
    struct leat_err *err);

#endif
