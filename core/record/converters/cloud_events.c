/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cloud_events.c: Debezium's CloudEventsConverter: a change event as one JSON
 * object by the CloudEvents specification 1.0, in structured mode.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <leat/json.h>

#include "core/record/converter.h"
#include "core/record/converters/cloud_event.h"
#include "core/record/memory.h"

enum { WORK_BYTES_MAX = 64 << 20 };	/* memory for one event */

enum serializer { SERIALIZER_JSON, SERIALIZER_AVRO };

struct cloud_config {
	const char *metadata_source;
	const char *schema_name;
	int64_t cache_size;
	int32_t serializer;	/* enum serializer */
	int32_t data_serializer;	/* enum serializer */
	int32_t schemas_enable;
	int32_t decimal_format;
	int32_t replace_null;
	int32_t extensions;
	int32_t name_adjustment;
	int32_t data_name;
	int32_t tracing;
};

#define AT(field) offsetof(struct cloud_config, field)

/* clang-format off */
static const struct leat_option cloud_options[] = {
	{ "serializer.type", NULL, LEAT_OPT_CHOICE, 0, "json", 0, 0,
	  "json,avro", AT(serializer),
	  "The form of the event; avro is refused.", "0.1" },
	{ "data.serializer.type", NULL, LEAT_OPT_CHOICE, 0, "json", 0, 0,
	  "json,avro", AT(data_serializer),
	  "The form of the event's data; avro is refused.", "0.1" },
	{ "json.schemas.enable", NULL, LEAT_OPT_BOOL, 0, "true", 0, 0, NULL,
	  AT(schemas_enable),
	  "The data is {\"schema\":...,\"payload\":...}.", "0.1" },
	{ "json.schemas.cache.size", NULL, LEAT_OPT_INT, 0, "1000", 1,
	  1000000, NULL, AT(cache_size),
	  "Accepted; it changes nothing.", "0.1" },
	{ "json.decimal.format", NULL, LEAT_OPT_CHOICE, 0, "BASE64", 0, 0,
	  "BASE64,NUMERIC", AT(decimal_format),
	  "How Decimals in the data are written.", "0.1" },
	{ "json.replace.null.with.default", NULL, LEAT_OPT_BOOL, 0, "true",
	  0, 0, NULL, AT(replace_null),
	  "A null in a field of the data that has a default is the default.",
	  "0.1" },
	{ "extension.attributes.enable", NULL, LEAT_OPT_BOOL, 0, "true", 0,
	  0, NULL, AT(extensions),
	  "Write the iodebezium* attributes.", "0.1" },
	{ "opentelemetry.tracing.attributes.enable", NULL, LEAT_OPT_BOOL, 0,
	  "false", 0, 0, NULL, AT(tracing),
	  "Write the header traceparent as an attribute.", "0.1" },
	{ "metadata.source", NULL, LEAT_OPT_STRING, 0, "value", 0, 0, NULL,
	  AT(metadata_source),
	  "Where source, op and transaction come from (value or header), and "
	  "with id:, type:, dataSchemaName: (generate or header) these.",
	  "0.1" },
	{ "schema.name.adjustment.mode", NULL, LEAT_OPT_CHOICE, 0, "none", 0,
	  0, "none,avro,avro_unicode", AT(name_adjustment),
	  "Accepted; it concerns Avro only.", "0.1" },
	{ "schema.cloudevents.name", NULL, LEAT_OPT_STRING, 0, NULL, 0, 0,
	  NULL, AT(schema_name), "Accepted; it concerns Avro only.", "0.1" },
	{ "schema.data.name.source.header.enable", NULL, LEAT_OPT_BOOL, 0,
	  "false", 0, 0, NULL, AT(data_name),
	  "Let metadata.source take the name of the data's schema from a "
	  "header.", "0.1" },
	{ .name = NULL }
};
/* clang-format on */

/* --------------------------------------------------------------- settings */

static int
bad_source(struct leat_err *err, struct leat_str part)
{
	return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
	    "metadata.source: '%.*s' is not known (allowed: value or header, "
	    "then id:, type:, dataSchemaName: with generate or header, and "
	    "traceparent:header)", (int)(part.len < 60 ? part.len : 60),
	    part.ptr);
}

/* One "name:generate" or "name:header". */
static int
read_pair(struct cloud_sources *to, struct leat_str part, struct leat_err *err)
{
	struct leat_str rest = part, name = leat_str_cut(&rest, ':');
	bool *field = leat_str_eq_c(name, "id") ? &to->id
	    : leat_str_eq_c(name, "type") ? &to->type
	    : leat_str_eq_c(name, "dataSchemaName") ? &to->data_name : NULL;
	const bool header = leat_str_eq_c(rest, "header");

	if (leat_str_eq_c(name, "traceparent") && header)
		return 0;
	if (field == NULL || (!header && !leat_str_eq_c(rest, "generate")))
		return bad_source(err, part);
	*field = header;
	return 0;
}

/* "header" alone says header of all that is not said otherwise. */
static int
read_sources(const char *text, struct cloud_sources *to, struct leat_err *err)
{
	struct leat_str rest = leat_str_c(text), part;

	part = leat_str_trim(leat_str_cut(&rest, ','));
	if (leat_str_eq_c(part, "header"))
		*to = (struct cloud_sources){ true, true, true, true };
	else if (!leat_str_eq_c(part, "value"))
		return bad_source(err, part);
	while (rest.len > 0) {
		part = leat_str_trim(leat_str_cut(&rest, ','));
		if (read_pair(to, part, err) < 0)
			return -1;
	}
	return 0;
}

static int
refuse_avro(const struct cloud_config *cfg, struct leat_err *err)
{
	if (cfg->serializer != SERIALIZER_AVRO &&
	    cfg->data_serializer != SERIALIZER_AVRO)
		return 0;
	return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
	    "%sserializer.type: avro needs a schema registry, and there is no "
	    "client for one; json is supported",
	    cfg->serializer == SERIALIZER_AVRO ? "" : "data.");
}

static void
cloud_close(void *self)
{
	struct cloud_events *c = self;

	if (c == NULL)
		return;
	json_plans_fini(&c->attributes);
	json_plans_fini(&c->data);
	leat_arena_fini(&c->work);
	free(c->data_schemas);
	free(c);
}

static int
cloud_open(const struct converter_class *cls, const void *config,
    struct leat_schema_pool *pool, void **ret_self, struct leat_err *err)
{
	const struct cloud_config *cfg = config;
	struct cloud_sources sources = { false, false, false, false };
	struct cloud_events *c;
	int rc;

	rc = refuse_avro(cfg, err);
	if (rc == 0)
		rc = read_sources(cfg->metadata_source, &sources, err);
	if (rc < 0)
		return rc;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	sources.data_name = sources.data_name && cfg->data_name != 0;
	c->pool = pool;
	c->from_header = sources;
	c->extensions = cfg->extensions != 0;
	c->tracing = cfg->tracing != 0;
	json_plans_init(&c->attributes, pool);
	json_plans_init(&c->data, pool);
	c->data.envelopes = cfg->schemas_enable != 0;
	c->data.numeric = cfg->decimal_format == 1;
	c->data.replace_null = cfg->replace_null != 0;
	leat_arena_init(&c->work, 4096, WORK_BYTES_MAX);
	*ret_self = c;
	return 0;
}

static size_t
cloud_held(const void *self)
{
	const struct cloud_events *c = self;

	return sizeof(*c) + json_plans_held(&c->attributes) +
	    json_plans_held(&c->data) + c->work.held_bytes +
	    c->ndata_schemas * sizeof(*c->data_schemas);
}

/* ----------------------------------------------------------------- encoding */

static void
cloud_headers(void *self, const struct leat_header *headers, uint32_t n)
{
	struct cloud_events *c = self;

	c->headers = headers;
	c->nheaders = n;
}

/* A value by its plan, in its envelope where that is wished. */
static int
add_json(struct json_plans *plans, const struct leat_schema *schema,
    const struct leat_value *v, struct leat_buf *to, struct leat_err *err)
{
	const struct json_plan *plan = json_plan_of(plans, schema, err);
	int rc;

	if (plan == NULL)
		return -1;
	if (plans->envelopes) {
		if (plan->envelope.ptr == NULL &&
		    json_plan_envelope(plans, plan, err) < 0)
			return -1;
		leat_buf_add(to, plan->envelope.ptr, plan->envelope.len);
	}
	rc = json_encode(plan, v, to, err);
	if (rc == 0 && plans->envelopes)
		leat_buf_add_byte(to, '}');
	return rc;
}

static int
add_event(struct cloud_events *c, const struct cloud_change *change,
    const struct leat_schema *schema, const struct leat_value *v,
    struct leat_buf *to, struct leat_err *err)
{
	const struct leat_schema *event_schema, *data_schema;
	struct leat_value event, data;

	if (cloud_event_attributes(c, change, &event_schema, &event, err) <
		0 ||
	    cloud_event_data(c, change, schema, v, &data_schema,
		&data, err) < 0)
		return -1;
	if (add_json(&c->attributes, event_schema, &event, to, err) < 0)
		return -1;
	to->len--;	/* the closing bracket */
	leat_buf_add_str(to, ",\"data\":");
	if (add_json(&c->data, data_schema, &data, to, err) < 0)
		return -1;
	return leat_buf_add_byte(to, '}') < 0
	    ? record_buf_failed(to, "a CloudEvent", err) : 0;
}

static int
cloud_encode(void *self, const struct leat_schema *schema,
    const struct leat_value *v, struct leat_buf *to, bool *ret_null,
    struct leat_err *err)
{
	struct cloud_events *c = self;
	struct leat_err own = LEAT_ERR_INIT;
	struct cloud_change change;
	bool event = false;
	int rc = 0;

	if (err == NULL)
		err = &own;
	leat_arena_reset(&c->work);
	if (schema != NULL && v->kind != LEAT_NULL)
		rc = cloud_change_of(c, schema, v, &change, &event, err);
	if (rc == 0 && event)
		rc = add_event(c, &change, schema, v, to, err);
	*ret_null = !event;
	return rc < 0 && err->code < 0 ? err->code : rc;
}

/* ----------------------------------------------------------------- decoding */

static int
not_an_event(struct leat_err *err, const char *what)
{
	return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_DATA,
	    "not a CloudEvent: it has no '%s'", what);
}

/* The data without its envelope: the event has no schema. */
static int
unwrap_data(const struct cloud_events *c, struct leat_value *data,
    struct leat_err *err)
{
	const struct leat_value *payload;

	if (!c->data.envelopes || data->kind == LEAT_NULL)
		return 0;
	payload = data->kind != LEAT_MAP ? NULL
	    : leat_map_value(data, "payload");
	if (payload == NULL)
		return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_DATA,
		    "with json.schemas.enable the data has \"schema\" and "
		    "\"payload\"; for plain data set it to false");
	*data = *payload;
	return 0;
}

/* The event with its data unwrapped, in a map of its own. */
static int
read_event(const struct cloud_events *c, const struct leat_value *event,
    struct leat_arena *arena, struct leat_value *ret_value,
    struct leat_err *err)
{
	static const char *const names[] = { "id", "source", "specversion",
		"type", "data" };
	struct leat_value *items;
	uint32_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (event->kind != LEAT_MAP ||
		    leat_map_value(event, names[i]) == NULL)
			return not_an_event(err, names[i]);
	items = leat_arena_memdup(arena, event->u.items,
	    event->len * 2 * sizeof(*items));
	if (items == NULL)
		return record_no_memory(arena, err);
	for (i = 0; i < event->len; i++)
		if (items[2 * i].len == 4 &&
		    memcmp(items[2 * i].u.s, "data", 4) == 0 &&
		    unwrap_data(c, &items[2 * i + 1], err) < 0)
			return LEAT_E_DATA;
	*ret_value = leat_items(LEAT_MAP, items, event->len);
	return 0;
}

static int
cloud_decode(void *self, struct leat_str bytes, struct leat_arena *arena,
    const struct leat_schema **ret_schema, struct leat_value *ret_value,
    struct leat_err *err)
{
	struct leat_value event;
	int rc;

	*ret_schema = NULL;
	*ret_value = leat_null();
	if (bytes.ptr == NULL)
		return 0;
	rc = leat_json_parse(arena, bytes.ptr, bytes.len, &event, err);
	if (rc == -ENOMEM)
		return record_no_memory(arena, err);
	if (rc == 0)
		return read_event(self, &event, arena, ret_value, err);
	leat_err_wrap(err, "Converting byte[] to Kafka Connect data failed "
	    "due to serialization error");
	if (err != NULL)
		err->cls = LEAT_CLS_RECORD;
	return rc;
}

const struct converter_class cloud_events_converter = {
	.name = "io.debezium.converters.CloudEventsConverter",
	.alias = "cloudevents",
	.values_only = true,
	.options = cloud_options,
	.config_size = sizeof(struct cloud_config),
	.open = cloud_open,
	.close = cloud_close,
	.headers = cloud_headers,
	.encode = cloud_encode,
	.decode = cloud_decode,
	.held = cloud_held,
};

_Static_assert(sizeof(struct cloud_config) <= 64, "converter_pick's room");
