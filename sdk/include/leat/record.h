/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record.h: the record, as sources make it and sinks get it. Part of the ABI.
 */
#ifndef LEAT_RECORD_H
#define LEAT_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include <leat/schema.h>
#include <leat/value.h>

enum {
	LEAT_PARTITION_ANY = -1,	/* chosen by the key's hash */
	LEAT_TIMESTAMP_NONE = -1	/* the time of the append */
};

struct leat_header {
	const char *name;	/* NUL-terminated */
	const struct leat_schema *schema;	/* NULL: schemaless */
	struct leat_value value;
};

/*
 * A schema of NULL means a schemaless value: the kind of the value speaks. A
 * tombstone is a record whose value is null (and whose value_schema is NULL).
 */
struct leat_record {
	const char *topic;	/* NUL-terminated */
	int32_t partition;	/* or LEAT_PARTITION_ANY */
	uint32_t nheaders;
	int64_t timestamp_ms;	/* or LEAT_TIMESTAMP_NONE */
	const struct leat_schema *key_schema;
	const struct leat_schema *value_schema;
	struct leat_value key;
	struct leat_value value;
	const struct leat_header *headers;
	/* Sinks only: where the record stands in its topic. */
	const char *origin_topic;	/* before transforms */
	int32_t origin_partition;
	int32_t timestamp_type;	/* 0 CreateTime, 1 LogAppendTime */
	int64_t offset;
	uint64_t reserved;
};

/* The start of a record for a source: no key, no value, no headers yet. */
#define LEAT_RECORD(topic_)                                 \
	{                                                   \
		.topic = (topic_),                          \
		.partition = LEAT_PARTITION_ANY,            \
		.timestamp_ms = LEAT_TIMESTAMP_NONE         \
	}

_Static_assert(offsetof(struct leat_record, key_schema) == 24, "ABI");
_Static_assert(offsetof(struct leat_record, key) == 40, "ABI");
_Static_assert(offsetof(struct leat_record, headers) == 72, "ABI");
_Static_assert(offsetof(struct leat_record, offset) == 96, "ABI");
_Static_assert(sizeof(struct leat_record) == 112, "ABI");

#endif
