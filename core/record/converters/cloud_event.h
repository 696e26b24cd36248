/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cloud_event.h: what the two halves of the CloudEvents converter share:
 * settings and bytes (cloud_events.c), and the making of one event's attributes
 * (cloud_event.c).
 *
 * An event is a struct of a schema derived from the schema of the change
 * event's source; its data is a struct of its own.
 */
#ifndef LEAT_RECORD_CLOUD_EVENT_H
#define LEAT_RECORD_CLOUD_EVENT_H

#include <leat/record.h>

#include "core/record/converters/json_plan.h"

/* Where parts of an event come from: metadata.source. */
struct cloud_sources {
	bool metadata;		/* source, op and transaction: headers */
	bool id;
	bool type;
	bool data_name;		/* the name of the data's schema */
};

struct cloud_events {
	struct leat_schema_pool *pool;
	struct json_plans attributes;	/* never with a schema */
	struct json_plans data;
	struct cloud_sources from_header;
	bool extensions;
	bool tracing;
	struct leat_arena work;		/* for one event */
	const struct leat_header *headers;	/* of the record to come */
	uint32_t nheaders;
	/* What was derived last: a source has one schema, tables have many. */
	const struct leat_schema *source_schema;
	const struct leat_schema *event_schema;
	const struct leat_schema **data_schemas;	/* by the value's id */
	uint32_t ndata_schemas;
};

/* A change event taken apart. */
struct cloud_change {
	const struct leat_schema *source_schema;
	const struct leat_value *source;
	const struct leat_value *op;
	const struct leat_value *transaction;	/* or NULL */
	const struct leat_schema *transaction_schema;
	const char *connector;	/* in the work arena */
};

/*
 * Is it a change event? Fills *ret_change; *ret_event is false for what has no
 * form as an event (heartbeats and the like).
 */
int cloud_change_of(struct cloud_events *c, const struct leat_schema *schema,
    const struct leat_value *v, struct cloud_change *ret_change,
    bool *ret_event, struct leat_err *err);

/* The attributes, as a struct in the work arena with its interned schema. */
int cloud_event_attributes(struct cloud_events *c,
    const struct cloud_change *change, const struct leat_schema **ret_schema,
    struct leat_value *ret_value, struct leat_err *err);

/* The data: before and after, or the whole value. */
int cloud_event_data(struct cloud_events *c, const struct cloud_change *change,
    const struct leat_schema *schema, const struct leat_value *v,
    const struct leat_schema **ret_schema, struct leat_value *ret_value,
    struct leat_err *err);

#endif
