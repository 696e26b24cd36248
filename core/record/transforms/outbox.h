/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outbox.h: the parts of the outbox EventRouter: its settings, and what it
 * works out for the envelopes of an outbox table (outbox_plan.c).
 */
#ifndef LEAT_RECORD_OUTBOX_H
#define LEAT_RECORD_OUTBOX_H

#include "core/record/transforms/edit.h"
#include "core/record/transforms/json_shape.h"
#include "core/record/transforms/topic_map.h"

struct outbox_config {
	const char *field_id;
	const char *field_key;
	const char *field_type;
	const char *field_payload;
	const char *field_timestamp;
	const char *field_version;
	struct leat_list placement;
	const char *route_by_field;
	const char *topic_regex;
	const char *topic_replacement;
	const char *span_field;
	const char *span_operation;
	const char *span_required;
	int32_t ignore_missing;
	int32_t invalid_op;
	int32_t tombstone_on_empty;
	int32_t expand_json;
	int32_t keep_nulls;
	int32_t keep_empty_lists;
};

enum outbox_place { PLACE_HEADER,
	PLACE_ENVELOPE,
	PLACE_PARTITION };

/* An item of table.fields.additional.placement. */
struct outbox_extra {
	const char *column;
	const char *name; /* the alias, or the column's name */
	enum outbox_place place;
};

struct outbox {
	struct outbox_extra *extras;
	uint32_t nextras;
	bool with_envelope; /* one of them is placed there */
	struct topic_map topics;
	struct json_shape shape;
	struct plans plans; /* struct outbox_plan by envelope */
};

/* The units of a timestamp column. */
enum outbox_time { TIME_NONE,
	TIME_MS,
	TIME_US,
	TIME_NS,
	TIME_ISO };

/* Columns of an outbox table, and fields of its envelope. */
struct outbox_plan {
	const struct leat_schema *row;
	int32_t op;
	int32_t after;
	int32_t ts_ms; /* -1: there is none */
	int32_t id;
	int32_t key;
	int32_t payload;
	int32_t route;
	int32_t timestamp; /* -1: ts_ms */
	int32_t version; /* -1: none */
	enum outbox_time unit; /* of `timestamp` */
	/* The last struct {payload, ...}, and what it was made for. */
	const struct leat_schema *out;
	const struct leat_schema *out_payload;
	int32_t extras[]; /* per extra: its column, -1: ignored */
};

/* The plan of an envelope; NULL with err filled. */
struct outbox_plan *outbox_plan_get(struct transform *t,
    const struct leat_schema *envelope, struct leat_err *err);

/*
 * The schema of {payload, columns ...} for a route and a version (0: none);
 * NULL with err filled.
 */
const struct leat_schema *outbox_value_schema(struct transform *t,
    struct outbox_plan *p, const struct leat_schema *payload,
    struct leat_str route, int32_t version, struct leat_arena *arena,
    struct leat_err *err);

#endif
