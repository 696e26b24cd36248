/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_router.c: Debezium's outbox EventRouter: the rows of an outbox table as
 * events of the topics that they name.
 */
#include <string.h>
#include <strings.h>

#include <leat/time.h>

#include "core/base/log.h"
#include "core/record/transforms/classes.h"
#include "core/record/transforms/envelope.h"
#include "core/record/transforms/outbox.h"

enum invalid_op { INVALID_WARN,
	INVALID_ERROR,
	INVALID_FATAL };

static const struct logger lg = { .component = "transform", .task = -1 };

/* clang-format off */
#define TEXT(key, deflt, field, help) \
	{ key, NULL, LEAT_OPT_STRING, 0, deflt, 0, 0, NULL, \
	  offsetof(struct outbox_config, field), help, "0.1" }
#define SPAN(key, field) TEXT(key, NULL, field, \
	"Refused: there is no tracing. Use OpenTelemetry in the application.")

static const struct leat_option options[] = {
	TEXT("table.field.event.id", "id", field_id,
	    "The column with the event's id, which becomes the header id."),
	TEXT("table.field.event.key", "aggregateid", field_key,
	    "The column that becomes the record's key; empty: no key."),
	TEXT("table.field.event.type", "type", field_type,
	    "The column with the event's type; only named, placed nowhere."),
	TEXT("table.field.event.payload", "payload", field_payload,
	    "The column that becomes the record's value."),
	TEXT("table.field.event.timestamp", NULL, field_timestamp,
	    "The column with the record's timestamp; none: the envelope's "
	    "ts_ms."),
	TEXT("table.field.event.schema.version", NULL, field_version,
	    "The int32 column with the version of the value's schema, where a "
	    "column is placed in the envelope."),
	{ "table.fields.additional.placement", NULL, LEAT_OPT_LIST, 0, "", 0,
	  0, NULL, offsetof(struct outbox_config, placement),
	  "More columns: column:header, column:envelope:alias, "
	  "column:partition.", "0.1" },
	{ "table.field.additional.missing", NULL, LEAT_OPT_CHOICE, 0, "error",
	  0, 0, "error,ignore",
	  offsetof(struct outbox_config, ignore_missing),
	  "What an additional column means that the table does not have.",
	  "0.1" },
	{ "table.op.invalid.behavior", NULL, LEAT_OPT_CHOICE, 0, "warn", 0, 0,
	  "warn,error,fatal", offsetof(struct outbox_config, invalid_op),
	  "An update of the table is skipped and logged as a warning or an "
	  "error, or stops the task.", "0.1" },
	{ "table.expand.json.payload", NULL, LEAT_OPT_BOOL, 0, "false", 0, 0,
	  NULL, offsetof(struct outbox_config, expand_json),
	  "A payload that is JSON text becomes what it says.", "0.1" },
	{ "table.json.payload.null.behavior", NULL, LEAT_OPT_CHOICE, 0,
	  "ignore", 0, 0, "ignore,optional_bytes",
	  offsetof(struct outbox_config, keep_nulls),
	  "Nulls in expanded JSON: left out, or kept as optional bytes.",
	  "0.1" },
	{ "table.json.payload.empty.array.behavior", NULL, LEAT_OPT_CHOICE, 0,
	  "ignore", 0, 0, "ignore,optional_string",
	  offsetof(struct outbox_config, keep_empty_lists),
	  "Empty lists in expanded JSON: left out, or kept as lists of "
	  "optional strings.", "0.1" },
	TEXT("route.by.field", "aggregatetype", route_by_field,
	    "The column with the name that becomes the topic."),
	TEXT("route.topic.regex", "(?<routedByValue>.*)", topic_regex,
	    "What the whole of that name must match."),
	TEXT("route.topic.replacement", "outbox.event.${routedByValue}",
	    topic_replacement, "The topic."),
	{ "route.tombstone.on.empty.payload", NULL, LEAT_OPT_BOOL, 0, "false",
	  0, 0, NULL, offsetof(struct outbox_config, tombstone_on_empty),
	  "A payload that is null or blank becomes a tombstone.", "0.1" },
	SPAN("tracing.span.context.field", span_field),
	SPAN("tracing.operation.name", span_operation),
	SPAN("tracing.with.context.field.only", span_required),
	{ .name = NULL }
};
/* clang-format on */

/* ----------------------------------------------------------- configuration */

static int
bad_extra(const char *text, struct leat_err *err)
{
	return config_error(err, "table.fields.additional.placement: '%s' is "
	    "not column:header[:alias], column:envelope[:alias] or "
	    "column:partition",
	    text);
}

static int
parse_extra(struct transform *t, const char *text, struct outbox_extra *e,
    struct leat_err *err)
{
	static const char *const places[] = { "header", "envelope",
		"partition" };
	struct leat_str rest = leat_str_c(text), column, place, alias;
	size_t i;

	column = leat_str_trim(leat_str_cut(&rest, ':'));
	place = leat_str_trim(leat_str_cut(&rest, ':'));
	alias = leat_str_trim(rest);
	for (i = 0; i < COUNT_OF(places); i++)
		if (place.len == strlen(places[i]) &&
		    strncasecmp(place.ptr, places[i], place.len) == 0)
			break;
	if (column.len == 0 || i == COUNT_OF(places) ||
	    (alias.len > 0 && memchr(alias.ptr, ':', alias.len) != NULL))
		return bad_extra(text, err);
	e->place = (enum outbox_place)i;
	e->column = leat_arena_strndup(&t->arena, column.ptr, column.len);
	e->name = alias.len == 0 ? e->column
	    : leat_arena_strndup(&t->arena, alias.ptr, alias.len);
	if (e->column == NULL || e->name == NULL)
		return record_no_memory(&t->arena, err);
	return 0;
}

static int
parse_extras(struct transform *t, struct leat_err *err)
{
	const struct outbox_config *cfg = t->config;
	struct outbox *self = t->self;
	uint32_t i;

	self->extras = leat_arena_calloc(&t->arena, cfg->placement.len,
	    sizeof(*self->extras));
	if (self->extras == NULL)
		return record_no_memory(&t->arena, err);
	for (i = 0; i < cfg->placement.len; i++) {
		struct outbox_extra *e = &self->extras[i];

		if (parse_extra(t, cfg->placement.items[i], e, err) < 0)
			return LEAT_E_CONFIG;
		self->with_envelope |= e->place == PLACE_ENVELOPE;
	}
	self->nextras = cfg->placement.len;
	return 0;
}

static int
refuse_tracing(const struct outbox_config *cfg, struct leat_err *err)
{
	const char *key = cfg->span_field != NULL
	    ? "tracing.span.context.field"
	    : cfg->span_operation != NULL ? "tracing.operation.name"
	    : cfg->span_required != NULL  ? "tracing.with.context.field.only"
	    : NULL;

	if (key == NULL)
		return 0;
	return config_error(err, "%s: tracing spans are not written; remove "
	    "it, and place the column in a header "
	    "(table.fields.additional.placement) for readers that trace",
	    key);
}

/* Columns without which there is no event. */
static int
require_columns(const struct outbox_config *cfg, struct leat_err *err)
{
	if (cfg->field_payload == NULL || *cfg->field_payload == '\0')
		return config_error(err, "table.field.event.payload: expected "
		    "a column");
	if (cfg->route_by_field == NULL || *cfg->route_by_field == '\0')
		return config_error(err, "route.by.field: expected a column");
	return 0;
}

static int
router_init(struct transform *t, struct leat_err *err)
{
	const struct outbox_config *cfg = t->config;
	struct outbox *self = t->self;

	if (require_columns(cfg, err) < 0 || refuse_tracing(cfg, err) < 0 ||
	    parse_extras(t, err) < 0)
		return LEAT_E_CONFIG;
	self->shape = (struct json_shape){ .pool = t->pool,
		.keep_nulls = cfg->keep_nulls,
		.keep_empty_lists = cfg->keep_empty_lists };
	return topic_map_init(&self->topics, "route.topic.regex",
	    cfg->topic_regex, "route.topic.replacement",
	    cfg->topic_replacement, err);
}

/* ---------------------------------------------------------------- applying */

/* What a row becomes, while it is put together. */
struct event {
	const struct leat_value *envelope;
	const struct leat_value *row;
	const struct leat_schema *schema; /* of the payload */
	struct leat_value payload;
	struct leat_str route;
};

static int
unexpected_update(const struct transform *t, struct leat_err *err)
{
	const struct outbox_config *cfg = t->config;

	switch ((enum invalid_op)cfg->invalid_op) {
	case INVALID_WARN:
		log_warn(&lg, "update of an outbox table skipped",
		    "transform=%s", t->alias);
		return 0;
	case INVALID_ERROR:
		log_error(&lg, "update of an outbox table skipped",
		    "transform=%s", t->alias);
		return 0;
	case INVALID_FATAL:
		break;
	}
	return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_STATE,
	    "Unexpected update message received: rows of an outbox table must "
	    "not change (table.op.invalid.behavior)");
}

/* As it is, or as what its JSON says. What cannot be expanded stays. */
static int
take_payload(struct transform *t, const struct outbox_plan *p,
    struct event *ev, struct leat_arena *arena, struct leat_err *err)
{
	const struct outbox_config *cfg = t->config;
	struct outbox *self = t->self;
	int rc;

	ev->schema = p->row->fields[p->payload].schema;
	ev->payload = field_value(p->row, ev->row, (uint32_t)p->payload, true);
	if (!cfg->expand_json || ev->payload.kind == LEAT_NULL)
		return 0;
	if (ev->payload.kind != LEAT_STRING) {
		log_warn(&lg, "payload is no text, and not expanded",
		    "transform=%s", t->alias);
		return 0;
	}
	rc = json_shape_parse(&self->shape, cfg->field_payload,
	    (struct leat_str){ ev->payload.u.s, ev->payload.len }, arena,
	    &ev->schema, &ev->payload, err);
	if (rc == 0 || err->cls != LEAT_CLS_RECORD)
		return rc;
	log_warn(&lg, "payload not expanded", "transform=%s reason=%s",
	    t->alias, err->text);
	leat_err_clear(err);
	ev->schema = p->row->fields[p->payload].schema;
	return 0;
}

/* {payload, columns ...} */
static int
wrap_payload(struct transform *t, struct outbox_plan *p, struct event *ev,
    struct leat_arena *arena, struct leat_err *err)
{
	const struct outbox *self = t->self;
	struct leat_value *items, version = leat_null();
	uint32_t i, n = 0;

	if (p->version >= 0)
		version = ev->row->u.items[p->version];
	ev->schema = outbox_value_schema(t, p, ev->schema, ev->route,
	    version.kind == LEAT_INT32 ? (int32_t)version.u.i : 0, arena, err);
	if (ev->schema == NULL)
		return err->code;
	items = leat_arena_alloc(arena, ((size_t)self->nextras + 1) *
	    sizeof(*items));
	if (items == NULL)
		return record_no_memory(arena, err);
	items[n++] = ev->payload;
	for (i = 0; i < self->nextras; i++)
		if (self->extras[i].place == PLACE_ENVELOPE &&
		    p->extras[i] >= 0)
			items[n++] = field_value(p->row, ev->row,
			    (uint32_t)p->extras[i], true);
	ev->payload = leat_items(LEAT_STRUCT, items, n);
	return 0;
}

static bool
is_blank(const struct leat_value *v)
{
	uint32_t i;

	if (v->kind == LEAT_NULL)
		return true;
	if (v->kind != LEAT_STRING)
		return false;
	for (i = 0; i < v->len; i++)
		if ((unsigned char)v->u.s[i] > ' ')
			return false;
	return true;
}

static int
add_header(struct leat_record *rec, const struct outbox_plan *p,
    const struct event *ev, const char *name, int32_t column,
    struct leat_arena *arena, struct leat_err *err)
{
	const struct leat_header h = { name, p->row->fields[column].schema,
		field_value(p->row, ev->row, (uint32_t)column, true) };

	return header_add(rec, arena, &h, err);
}

/* The header id, and the columns placed in headers or as the partition. */
static int
place_extras(const struct outbox *self, const struct outbox_plan *p,
    const struct event *ev, struct leat_record *rec, struct leat_arena *arena,
    struct leat_err *err)
{
	int rc = p->id < 0 ? 0
	    : add_header(rec, p, ev, "id", p->id, arena, err);
	uint32_t i;

	rec->partition = LEAT_PARTITION_ANY;
	for (i = 0; rc == 0 && i < self->nextras; i++) {
		const struct outbox_extra *e = &self->extras[i];
		const int32_t at = p->extras[i];

		if (at < 0)
			continue;
		if (e->place == PLACE_HEADER)
			rc = add_header(rec, p, ev, e->name, at, arena, err);
		if (e->place != PLACE_PARTITION ||
		    ev->row->u.items[at].kind == LEAT_NULL)
			continue;
		rec->partition = (int32_t)ev->row->u.items[at].u.i;
		if (rec->partition < 0)
			rc = record_error(err, "partition %d in column '%s'",
			    rec->partition, e->column);
	}
	return rc;
}

static int
set_timestamp(const struct outbox_plan *p, const struct event *ev,
    struct leat_record *rec, struct leat_err *err)
{
	const struct leat_value *v = p->timestamp < 0 ? NULL
	    : &ev->row->u.items[p->timestamp];
	int64_t us;

	if (v == NULL || v->kind == LEAT_NULL) {
		const struct leat_value ts =
		    envelope_field(ev->envelope, p->ts_ms);

		rec->timestamp_ms = ts.kind == LEAT_INT64 ? ts.u.i
		    : LEAT_TIMESTAMP_NONE;
		return 0;
	}
	switch (p->unit) {
	case TIME_NONE:
	case TIME_MS:
		rec->timestamp_ms = v->u.i;
		return 0;
	case TIME_US:
		rec->timestamp_ms = v->u.i / 1000;
		return 0;
	case TIME_NS:
		rec->timestamp_ms = v->u.i / 1000000;
		return 0;
	case TIME_ISO:
		break;
	}
	if (leat_time_parse_us((struct leat_str){ v->u.s, v->len }, &us) < 0)
		return record_error(err, "the event timestamp '%.*s' is no "
		    "time",
		    (int)v->len, v->u.s);
	rec->timestamp_ms = us / 1000;
	return 0;
}

static int
set_topic(struct outbox *self, const struct event *ev,
    struct leat_record *rec, struct leat_arena *arena, struct leat_err *err)
{
	const char *name = leat_arena_strndup(arena, ev->route.ptr,
	    ev->route.len),
		   *topic;

	if (name == NULL)
		return record_no_memory(arena, err);
	if (topic_map_get(&self->topics, name, arena, &topic, err) < 0)
		return err->code;
	rec->topic = topic != NULL ? topic : name;
	if (*rec->topic == '\0')
		return record_error(err, "route.topic.replacement gives no "
		    "topic for '%s'",
		    name);
	return 0;
}

static void
set_key(const struct outbox_plan *p, const struct event *ev,
    struct leat_record *rec)
{
	rec->key_schema = NULL;
	rec->key = leat_null();
	if (p->key < 0)
		return;
	rec->key_schema = p->row->fields[p->key].schema;
	rec->key = field_value(p->row, ev->row, (uint32_t)p->key, true);
}

static int
route_row(struct transform *t, struct outbox_plan *p, struct event *ev,
    struct leat_record *rec, struct leat_arena *arena, struct leat_err *err)
{
	const struct outbox_config *cfg = t->config;
	struct outbox *self = t->self;
	const struct leat_value *route;
	bool empty;

	if (ev->row->kind != LEAT_STRUCT || ev->row->len != p->row->nfields)
		return record_error(err, "Only Struct objects supported for "
		    "[Read Outbox Event], found: %s",
		    leat_kind_name(ev->row->kind));
	route = &ev->row->u.items[p->route];
	if (route->kind != LEAT_STRING)
		return record_error(err, "route.by.field: the row has no text "
		    "in '%s'",
		    cfg->route_by_field);
	ev->route = (struct leat_str){ route->u.s, route->len };
	if (place_extras(self, p, ev, rec, arena, err) < 0 ||
	    set_timestamp(p, ev, rec, err) < 0 ||
	    set_topic(self, ev, rec, arena, err) < 0 ||
	    take_payload(t, p, ev, arena, err) < 0)
		return err->code;
	empty = cfg->tombstone_on_empty && is_blank(&ev->payload);
	if (!empty && self->with_envelope && wrap_payload(t, p, ev, arena,
	    err) < 0)
		return err->code;
	set_key(p, ev, rec);
	rec->value_schema = empty ? NULL : ev->schema;
	rec->value = empty ? leat_null() : ev->payload;
	return 0;
}

static int
router_apply(struct transform *t, struct leat_record *rec,
    struct leat_arena *arena, bool *keep, struct leat_err *err)
{
	const struct leat_value envelope = rec->value;
	struct event ev = { .envelope = &envelope };
	const struct leat_value *op;
	struct outbox_plan *p;

	if (rec->value.kind == LEAT_NULL) {
		*keep = false;
		return 0;
	}
	if (!envelope_is(rec->value_schema))
		return 0;
	if (require_struct(rec->value_schema, &rec->value,
		"Detect Debezium Operation", err) < 0)
		return LEAT_E_DATA;
	op = &envelope.u.items[leat_schema_field(rec->value_schema, "op")];
	*keep = !envelope_op_is(op, 'd') && !envelope_op_is(op, 't') &&
	    !envelope_op_is(op, 'u');
	if (envelope_op_is(op, 'u'))
		return unexpected_update(t, err);
	if (!*keep)
		return 0;
	p = outbox_plan_get(t, rec->value_schema, err);
	if (p == NULL)
		return err->code;
	ev.row = &envelope.u.items[p->after];
	return route_row(t, p, &ev, rec, arena, err);
}

static void
router_fini(struct transform *t)
{
	struct outbox *self = t->self;

	topic_map_fini(&self->topics);
	plans_fini(&self->plans);
}

const struct transform_class transform_event_router = {
	.name = "io.debezium.transforms.outbox.EventRouter",
	.on_null = NULL_HANDLED,
	.options = options,
	.config_size = sizeof(struct outbox_config),
	.self_size = sizeof(struct outbox),
	.init = router_init,
	.apply = router_apply,
	.fini = router_fini,
};
