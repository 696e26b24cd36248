/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cloud_event.c: the attributes and the data of one CloudEvent.
 */
#include "core/record/converters/cloud_event.h"

#include <stdlib.h>
#include <string.h>

#include <leat/time.h>

#include "core/record/memory.h"

enum { NAME_MAX_BYTES = 200 };	/* of a source's field */

#define bad_data(err, ...) \
	leat_err_set((err), LEAT_CLS_RECORD, LEAT_E_DATA, __VA_ARGS__)

/* ------------------------------------------------------------ taking apart */

/* The last of that name, or NULL. */
static const struct leat_header *
header(const struct cloud_events *c, const char *name)
{
	uint32_t i;

	for (i = c->nheaders; i-- > 0;)
		if (strcmp(c->headers[i].name, name) == 0)
			return &c->headers[i];
	return NULL;
}

/* The text of a header that must be there. */
static int
header_text(const struct cloud_events *c, const char *name,
    struct leat_value *ret_value, struct leat_err *err)
{
	const struct leat_header *h = header(c, name);

	if (h == NULL)
		return bad_data(err, "Header `%s` was not provided", name);
	if (h->value.kind != LEAT_STRING)
		return bad_data(err, "header '%s' is no string", name);
	*ret_value = h->value;
	return 0;
}

/* The value of a field, with its default for a null; or NULL. */
static const struct leat_value *
member(const struct leat_schema *s, const struct leat_value *v,
    const char *name, const struct leat_schema **ret_schema)
{
	const int32_t i = s == NULL || s->kind != LEAT_STRUCT ||
	    v->kind != LEAT_STRUCT || v->len != s->nfields ? -1
	    : leat_schema_field(s, name);

	if (i < 0)
		return NULL;
	*ret_schema = s->fields[i].schema;
	if (v->u.items[i].kind == LEAT_NULL && (*ret_schema)->has_default)
		return &(*ret_schema)->def;
	return &v->u.items[i];
}

static bool
is_envelope(const struct leat_schema *s)
{
	return s->name != NULL && leat_str_ends(leat_str_c(s->name),
	    ".Envelope");
}

static void
from_headers(const struct cloud_events *c, struct cloud_change *to)
{
	const struct leat_header *h = header(c, "source");

	if (h != NULL) {
		to->source_schema = h->schema;
		to->source = &h->value;
	}
	h = header(c, "op");
	to->op = h != NULL ? &h->value : NULL;
	h = header(c, "transaction");
	if (h != NULL) {
		to->transaction_schema = h->schema;
		to->transaction = &h->value;
	}
}

int
cloud_change_of(struct cloud_events *c, const struct leat_schema *schema,
    const struct leat_value *v, struct cloud_change *ret_change,
    bool *ret_event, struct leat_err *err)
{
	const struct leat_schema *of;
	const struct leat_value *name;

	*ret_event = false;
	*ret_change = (struct cloud_change){ 0 };
	if (c->from_header.metadata) {
		from_headers(c, ret_change);
		if (ret_change->source == NULL || ret_change->op == NULL)
			return 0;
	} else if (!is_envelope(schema)) {
		return 0;
	} else {
		ret_change->source = member(schema, v, "source",
		    &ret_change->source_schema);
		ret_change->op = member(schema, v, "op", &of);
		ret_change->transaction = member(schema, v, "transaction",
		    &ret_change->transaction_schema);
	}
	if (v->kind != LEAT_STRUCT)
		return bad_data(err, "Mismatching schema");
	if (ret_change->source == NULL || ret_change->op == NULL ||
	    ret_change->op->kind != LEAT_STRING)
		return bad_data(err, "a change event without '%s'",
		    ret_change->source == NULL ? "source" : "op");
	name = member(ret_change->source_schema, ret_change->source,
	    "connector", &of);
	if (name == NULL || name->kind != LEAT_STRING)
		return bad_data(err, "the source has no 'connector'");
	ret_change->connector = leat_arena_strndup(&c->work, name->u.s,
	    name->len);
	if (ret_change->connector == NULL)
		return record_no_memory(&c->work, err);
	if (strcmp(ret_change->connector, "postgresql") != 0)
		return bad_data(err, "No usable CloudEvents converters for "
		    "connector type \"%.60s\"", ret_change->connector);
	*ret_event = true;
	return 0;
}

/* ------------------------------------------------------------------ schemas */

static const char *const required[] = { "id", "source", "specversion", "type",
	"time", "datacontenttype" };
static const char *const transaction_names[] = { "id", "total_order",
	"data_collection_order" };

enum {
	NREQUIRED = sizeof(required) / sizeof(required[0]),
	NTRANSACTION = 3
};

/* iodebezium and the letters and digits of a name. */
static const char *
extension_name(struct leat_arena *arena, const char *group, const char *name)
{
	char text[NAME_MAX_BYTES + 1];
	size_t n = 0;

	for (; *name != '\0' && n < NAME_MAX_BYTES; name++)
		if ((*name >= 'a' && *name <= 'z') ||
		    (*name >= 'A' && *name <= 'Z') ||
		    (*name >= '0' && *name <= '9'))
			text[n++] = *name;
	return leat_arena_printf(arena, "iodebezium%s%.*s", group, (int)n,
	    text);
}

/* What a field of the source becomes: numbers of 64 bits are strings. */
static const struct leat_schema *
extension_schema(const struct leat_schema *field)
{
	switch (field->kind) {
	case LEAT_BOOLEAN:
		return leat_schema_plain(LEAT_BOOLEAN, field->optional);
	case LEAT_INT8:
	case LEAT_INT16:
	case LEAT_INT32:
		return leat_schema_plain(LEAT_INT32, field->optional);
	case LEAT_INT64:
	case LEAT_STRING:
		return leat_schema_plain(LEAT_STRING, field->optional);
	default:
		return NULL;
	}
}

static int
add_extensions(struct cloud_events *c, const struct leat_schema *source,
    struct leat_field *to, uint32_t *n, struct leat_err *err)
{
	uint32_t i;

	to[(*n)++] = (struct leat_field){ .name = "iodebeziumop",
		.schema = leat_schema_plain(LEAT_STRING, 0) };
	for (i = 0; i < source->nfields; i++) {
		const struct leat_field *f = &source->fields[i];

		to[*n].schema = extension_schema(f->schema);
		if (to[*n].schema == NULL)
			return bad_data(err, "the source's field '%.100s' "
			    "cannot be an attribute of a CloudEvent",
			    f->name);
		to[(*n)++].name = extension_name(&c->work, "", f->name);
	}
	for (i = 0; i < NTRANSACTION; i++) {
		to[*n].schema = leat_schema_plain(LEAT_STRING, 1);
		to[(*n)++].name = extension_name(&c->work, "tx",
		    transaction_names[i]);
	}
	return 0;
}

static int
event_schema(struct cloud_events *c, const struct leat_schema *source,
    struct leat_err *err)
{
	struct leat_schema s = { .kind = LEAT_STRUCT };
	struct leat_field *fields;
	uint32_t i, n = 0;

	fields = leat_arena_calloc(&c->work, NREQUIRED + 2U + NTRANSACTION +
	    source->nfields, sizeof(*fields));
	if (fields == NULL)
		return record_no_memory(&c->work, err);
	for (i = 0; i < NREQUIRED; i++)
		fields[n++] = (struct leat_field){ .name = required[i],
			.schema = leat_schema_plain(LEAT_STRING, 0) };
	if (c->extensions && add_extensions(c, source, fields, &n, err) < 0)
		return -1;
	if (c->tracing)
		fields[n++] = (struct leat_field){ .name = "traceparent",
			.schema = leat_schema_plain(LEAT_STRING, 1) };
	for (i = 0; i < n; i++)
		if (fields[i].name == NULL)
			return record_no_memory(&c->work, err);
	s.fields = fields;
	s.nfields = n;
	c->event_schema = leat_schema_pool_intern(c->pool, &s, err);
	c->source_schema = c->event_schema != NULL ? source : NULL;
	return c->event_schema != NULL ? 0 : -1;
}

/* --------------------------------------------------------------- attributes */

/* Text in the work arena, from a format. */
#define TEXT(c, to, ...)                                                      \
	((to)->u.s = leat_arena_printf(&(c)->work, __VA_ARGS__),              \
	    *(to) = (to)->u.s == NULL ? leat_null() : leat_cstring((to)->u.s))

/* As Java's string concatenation writes it. */
static int
plain_text(struct cloud_events *c, const struct leat_value *v,
    struct leat_value *ret_text, struct leat_err *err)
{
	if (v == NULL || v->kind == LEAT_NULL)
		*ret_text = leat_cstring("null");
	else if (v->kind == LEAT_STRING)
		*ret_text = *v;
	else if (v->kind >= LEAT_INT8 && v->kind <= LEAT_INT64)
		TEXT(c, ret_text, "%lld", (long long)v->u.i);
	else
		return bad_data(err, "the source has a value that is neither "
		    "text nor an integer");
	return ret_text->kind == LEAT_NULL ? record_no_memory(&c->work, err)
	    : 0;
}

/* "name:px;lsn:1;txId:2;sequence:[null,\"1\"]" */
static int
event_id(struct cloud_events *c, const struct cloud_change *change,
    struct leat_value *ret_value, struct leat_err *err)
{
	static const char *const names[] = { "name", "lsn", "txId",
		"sequence" };
	struct leat_value t[4];
	const struct leat_schema *of;
	unsigned i;

	for (i = 0; i < 4; i++)
		if (plain_text(c, member(change->source_schema,
			change->source, names[i], &of), &t[i], err) < 0)
			return -1;
	TEXT(c, ret_value, "name:%.*s;lsn:%.*s;txId:%.*s;sequence:%.*s",
	    (int)t[0].len, t[0].u.s, (int)t[1].len, t[1].u.s, (int)t[2].len,
	    t[2].u.s, (int)t[3].len, t[3].u.s);
	return ret_value->kind == LEAT_NULL ? record_no_memory(&c->work, err)
	    : 0;
}

static int
event_time(struct cloud_events *c, const struct cloud_change *change,
    struct leat_value *ret_value, struct leat_err *err)
{
	const int64_t most = INT64_C(9000000000000000);
	const struct leat_schema *of;
	const struct leat_value *ms = member(change->source_schema,
	    change->source, "ts_ms", &of);
	char text[40];

	if (ms == NULL || ms->kind != LEAT_INT64 || ms->u.i > most ||
	    ms->u.i < -most)
		return bad_data(err, "the source has no 'ts_ms'");
	*ret_value = leat_string(text, leat_time_format_us(text,
	    ms->u.i * 1000, 3));
	ret_value->u.s = leat_arena_strndup(&c->work, text, ret_value->len);
	return ret_value->u.s == NULL ? record_no_memory(&c->work, err) : 0;
}

/* The six that every event has. */
static int
required_values(struct cloud_events *c, const struct cloud_change *change,
    struct leat_value *to, struct leat_err *err)
{
	const struct leat_schema *of;
	struct leat_value name;
	int rc;

	rc = c->from_header.id ? header_text(c, "id", &to[0], err)
	    : event_id(c, change, &to[0], err);
	if (rc < 0 || plain_text(c, member(change->source_schema,
		change->source, "name", &of), &name, err) < 0)
		return -1;
	TEXT(c, &to[1], "/debezium/%s/%.*s", change->connector, (int)name.len,
	    name.u.s);
	to[2] = leat_cstring("1.0");
	TEXT(c, &to[3], "io.debezium.connector.%s.DataChangeEvent",
	    change->connector);
	if (to[1].kind == LEAT_NULL || to[3].kind == LEAT_NULL)
		return record_no_memory(&c->work, err);
	if (c->from_header.type && header_text(c, "type", &to[3], err) < 0)
		return -1;
	to[5] = leat_cstring("application/json");
	return event_time(c, change, &to[4], err);
}

/* A value of the source as its attribute. */
static int
extension_value(struct cloud_events *c, const struct leat_value *v,
    struct leat_value *ret_value, struct leat_err *err)
{
	*ret_value = v == NULL ? leat_null() : *v;
	if (v != NULL && v->kind == LEAT_INT64)
		return plain_text(c, v, ret_value, err);
	if (v != NULL && v->kind >= LEAT_INT8 && v->kind < LEAT_INT32)
		ret_value->kind = LEAT_INT32;
	return 0;
}

static int
extension_values(struct cloud_events *c, const struct cloud_change *change,
    struct leat_value *to, struct leat_err *err)
{
	const struct leat_schema *s = change->source_schema, *of;
	const struct leat_value *v;
	uint32_t i;

	*to++ = *change->op;
	for (i = 0; i < s->nfields; i++) {
		v = &change->source->u.items[i];
		if (v->kind == LEAT_NULL && s->fields[i].schema->has_default)
			v = &s->fields[i].schema->def;
		if (extension_value(c, v, to++, err) < 0)
			return -1;
	}
	for (i = 0; i < NTRANSACTION; i++) {
		v = NULL;
		if (change->transaction != NULL)
			v = member(change->transaction_schema,
			    change->transaction, transaction_names[i], &of);
		if (extension_value(c, v, to++, err) < 0)
			return -1;
	}
	return 0;
}

int
cloud_event_attributes(struct cloud_events *c,
    const struct cloud_change *change, const struct leat_schema **ret_schema,
    struct leat_value *ret_value, struct leat_err *err)
{
	struct leat_value *items;

	if (c->source_schema != change->source_schema &&
	    event_schema(c, change->source_schema, err) < 0)
		return -1;
	items = leat_arena_calloc(&c->work, c->event_schema->nfields,
	    sizeof(*items));
	if (items == NULL)
		return record_no_memory(&c->work, err);
	if (required_values(c, change, items, err) < 0 || (c->extensions &&
	    extension_values(c, change, items + NREQUIRED, err) < 0))
		return -1;
	if (c->tracing && header(c, "traceparent") != NULL &&
	    header_text(c, "traceparent",
		&items[c->event_schema->nfields - 1], err) < 0)
		return -1;
	*ret_schema = c->event_schema;
	*ret_value = leat_items(LEAT_STRUCT, items, c->event_schema->nfields);
	return 0;
}

/* --------------------------------------------------------------------- data */

/* Remembered by the id of the value's schema. */
static void
remember(struct cloud_events *c, const struct leat_schema *of,
    const struct leat_schema *data)
{
	const uint32_t n = of->id < 64 ? 64 : of->id * 2;
	const struct leat_schema **more;

	if (!of->interned || of->id > UINT32_MAX / 4)
		return;
	if (of->id >= c->ndata_schemas) {
		more = realloc(c->data_schemas, n * sizeof(*more));
		if (more == NULL)
			return;		/* derived again next time */
		memset(more + c->ndata_schemas, 0,
		    (n - c->ndata_schemas) * sizeof(*more));
		c->data_schemas = more;
		c->ndata_schemas = n;
	}
	c->data_schemas[of->id] = data;
}

static int
data_schema(struct cloud_events *c, const struct cloud_change *change,
    const struct leat_schema *schema, const struct leat_field *fields,
    uint32_t n, const struct leat_schema **ret_schema, struct leat_err *err)
{
	struct leat_schema s = { .kind = LEAT_STRUCT, .fields = fields,
		.nfields = n };
	struct leat_value name;

	*ret_schema = schema->interned && schema->id < c->ndata_schemas
	    ? c->data_schemas[schema->id] : NULL;
	if (*ret_schema != NULL && !c->from_header.data_name)
		return 0;
	if (c->from_header.data_name) {
		if (header_text(c, "dataSchemaName", &name, err) < 0)
			return -1;
		s.name = leat_arena_strndup(&c->work, name.u.s, name.len);
	} else {
		s.name = leat_arena_printf(&c->work,
		    "io.debezium.connector.%s.Data", change->connector);
	}
	if (s.name == NULL)
		return record_no_memory(&c->work, err);
	*ret_schema = leat_schema_pool_intern(c->pool, &s, err);
	if (*ret_schema == NULL)
		return -1;
	if (!c->from_header.data_name)
		remember(c, schema, *ret_schema);
	return 0;
}

int
cloud_event_data(struct cloud_events *c, const struct cloud_change *change,
    const struct leat_schema *schema, const struct leat_value *v,
    const struct leat_schema **ret_schema, struct leat_value *ret_value,
    struct leat_err *err)
{
	static const char *const names[] = { "before", "after" };
	struct leat_field fields[2];
	struct leat_value *items;
	unsigned i;
	int32_t at;

	if (c->from_header.metadata) {
		*ret_value = *v;
		return data_schema(c, change, schema, schema->fields,
		    schema->nfields, ret_schema, err);
	}
	items = leat_arena_calloc(&c->work, 2, sizeof(*items));
	if (items == NULL)
		return record_no_memory(&c->work, err);
	for (i = 0; i < 2; i++) {
		at = leat_schema_field(schema, names[i]);
		if (at < 0)
			return bad_data(err, "the change event has no '%s'",
			    names[i]);
		fields[i] = (struct leat_field){ .name = names[i],
			.schema = schema->fields[at].schema };
		items[i] = v->u.items[at];
	}
	*ret_value = leat_items(LEAT_STRUCT, items, 2);
	return data_schema(c, change, schema, fields, 2, ret_schema, err);
}
