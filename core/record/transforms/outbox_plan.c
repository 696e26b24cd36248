/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outbox_plan.c: what the EventRouter works out once for each envelope: where
 * its columns are and the schema of a value that has more than the payload.
 */
#include "core/record/transforms/outbox.h"

#include <string.h>

#include "core/record/value_text.h"

/* ----------------------------------------------------------------- columns */

/* The column of an option; *at stays -1 for no option. */
static int
find_column(const struct leat_schema *row, const char *what,
    const char *column, int32_t *at, struct leat_err *err)
{
	*at = -1;
	if (column == NULL || *column == '\0')
		return 0;
	*at = leat_schema_field(row, column);
	if (*at >= 0)
		return 0;
	return record_error(err, "Unable to find %s field %s in event", what,
	    column);
}

static int
find_timestamp(const struct leat_schema *row, struct outbox_plan *p,
    struct leat_err *err)
{
	static const struct {
		const char *name;
		uint8_t kind;
		enum outbox_time unit;
	} units[] = {
		{ "io.debezium.time.Timestamp", LEAT_INT64, TIME_MS },
		{ "io.debezium.time.MicroTimestamp", LEAT_INT64, TIME_US },
		{ "io.debezium.time.NanoTimestamp", LEAT_INT64, TIME_NS },
		{ "io.debezium.time.ZonedTimestamp", LEAT_STRING, TIME_ISO },
		{ LOGICAL_TIMESTAMP, LEAT_INT64, TIME_MS },
	};
	const struct leat_schema *s;
	size_t i;

	if (p->timestamp < 0)
		return 0;
	s = row->fields[p->timestamp].schema;
	for (i = 0; i < COUNT_OF(units); i++)
		if (schema_is(s, units[i].name) &&
		    s->kind == units[i].kind)
			p->unit = units[i].unit;
	if (p->unit != TIME_NONE)
		return 0;
	return record_error(err, "Unsupported field type %s for event "
	    "timestamp",
	    s->name != NULL ? s->name : leat_kind_name(s->kind));
}

static int
check_kind(const struct leat_schema *row, int32_t at, int kind,
    const char *purpose, struct leat_err *err)
{
	if (at < 0 || row->fields[at].schema->kind == kind)
		return 0;
	return record_error(err, "the column '%s' is %s, and a %s must be %s",
	    row->fields[at].name,
	    leat_kind_name(row->fields[at].schema->kind), purpose,
	    leat_kind_name(kind));
}

static int
find_extras(const struct transform *t, const struct leat_schema *row,
    struct outbox_plan *p, struct leat_err *err)
{
	const struct outbox_config *cfg = t->config;
	const struct outbox *self = t->self;
	uint32_t i;

	for (i = 0; i < self->nextras; i++) {
		const struct outbox_extra *e = &self->extras[i];

		p->extras[i] = leat_schema_field(row, e->column);
		if (p->extras[i] < 0 && !cfg->ignore_missing)
			return record_error(err, "Unable to find field %s in "
			    "event",
			    e->column);
		if (e->place == PLACE_PARTITION && check_kind(row, p->extras[i],
		    LEAT_INT32, "partition", err) < 0)
			return LEAT_E_DATA;
	}
	return 0;
}

static int
find_columns(const struct outbox_config *cfg, struct outbox_plan *p,
    struct leat_err *err)
{
	const struct {
		const char *what;
		const char *column;
		int32_t *at;
	} columns[] = {
		{ "payload", cfg->field_payload, &p->payload },
		{ "event-id", cfg->field_id, &p->id },
		{ "key", cfg->field_key, &p->key },
		{ "route", cfg->route_by_field, &p->route },
		{ "timestamp", cfg->field_timestamp, &p->timestamp },
	};
	size_t i;

	for (i = 0; i < COUNT_OF(columns); i++)
		if (find_column(p->row, columns[i].what, columns[i].column,
			columns[i].at, err) < 0)
			return LEAT_E_DATA;
	return find_timestamp(p->row, p, err) < 0 ? LEAT_E_DATA
	    : check_kind(p->row, p->route, LEAT_STRING, "topic", err);
}

static int
fill_plan(const struct transform *t, const struct leat_schema *in,
    struct outbox_plan *p, struct leat_err *err)
{
	const struct outbox_config *cfg = t->config;
	const struct outbox *self = t->self;
	const struct leat_schema *row;

	p->op = leat_schema_field(in, "op");
	p->after = leat_schema_field(in, "after");
	p->ts_ms = leat_schema_field(in, "ts_ms");
	row = p->row = in->fields[p->after].schema;
	if (row->kind != LEAT_STRUCT)
		return record_error(err, "Only Struct objects supported for "
		    "[Read Outbox Event], found: %s",
		    leat_kind_name(row->kind));
	if (find_columns(cfg, p, err) < 0)
		return LEAT_E_DATA;
	p->version = -1;
	if (self->with_envelope && (find_column(row, "schema version",
		cfg->field_version, &p->version, err) < 0 ||
	    check_kind(row, p->version, LEAT_INT32, "schema's version", err) <
		0))
		return LEAT_E_DATA;
	return find_extras(t, row, p, err);
}

struct outbox_plan *
outbox_plan_get(struct transform *t, const struct leat_schema *envelope,
    struct leat_err *err)
{
	struct outbox *self = t->self;
	struct outbox_plan *p;

	p = plans_get(&self->plans, envelope);
	if (p != NULL)
		return p;
	p = calloc(1, sizeof(*p) + self->nextras * sizeof(p->extras[0]));
	if (p == NULL) {
		leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
		return NULL;
	}
	if (fill_plan(t, envelope, p, err) < 0) {
		free(p);
		return NULL;
	}
	if (plans_put(&self->plans, envelope, p) < 0) {
		free(p);
		leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
		return NULL;
	}
	return p;
}

/* ------------------------------------------------------------------ values */

/* How long is what stands before and behind the route in the name? */
static void
split_name(const char *row_name, struct leat_str *head, struct leat_str *tail)
{
	const char *dot = row_name == NULL ? NULL : strrchr(row_name, '.');

	*head = (struct leat_str){ "", 0 };
	*tail = leat_str_c(row_name == NULL ? "" : row_name);
	if (dot != NULL) {
		*head = (struct leat_str){ row_name,
			(size_t)(dot + 1 - row_name) };
		*tail = leat_str_c(dot + 1);
	}
}

/* Is it "a.b.<route>.Value" for a row "a.b.Value"? */
static bool
is_named_for(const char *name, const char *row_name, struct leat_str route)
{
	struct leat_str rest = leat_str_c(name), head, tail;
	const size_t dot = row_name != NULL;

	split_name(row_name, &head, &tail);
	return rest.len == head.len + route.len + dot + tail.len &&
	    memcmp(rest.ptr, head.ptr, head.len) == 0 &&
	    memcmp(rest.ptr + head.len, route.ptr, route.len) == 0 &&
	    memcmp(rest.ptr + rest.len - tail.len, tail.ptr, tail.len) == 0;
}

static const struct leat_schema *
make_value_schema(struct transform *t, const struct outbox_plan *p,
    const struct leat_schema *payload, struct leat_str route,
    int32_t version, struct leat_arena *arena, struct leat_err *err)
{
	const struct outbox *self = t->self;
	struct leat_schema s = { .kind = LEAT_STRUCT, .version = version };
	struct leat_str head, tail;
	struct leat_field *f;
	uint32_t i, n = 0;

	split_name(p->row->name, &head, &tail);
	s.name = leat_arena_printf(arena, "%.*s%.*s%s%.*s", (int)head.len,
	    head.ptr, (int)route.len, route.ptr,
	    p->row->name != NULL ? "." : "", (int)tail.len, tail.ptr);
	f = leat_arena_calloc(arena, (size_t)self->nextras + 1, sizeof(*f));
	if (s.name == NULL || f == NULL) {
		record_no_memory(arena, err);
		return NULL;
	}
	f[n++] = (struct leat_field){ .name = "payload", .schema = payload };
	for (i = 0; i < self->nextras; i++)
		if (self->extras[i].place == PLACE_ENVELOPE &&
		    p->extras[i] >= 0)
			f[n++] = (struct leat_field){
				.name = self->extras[i].name,
				.schema = p->row->fields[p->extras[i]].schema
			};
	s.fields = f;
	s.nfields = n;
	return leat_schema_pool_intern(t->pool, &s, err);
}

const struct leat_schema *
outbox_value_schema(struct transform *t, struct outbox_plan *p,
    const struct leat_schema *payload, struct leat_str route, int32_t version,
    struct leat_arena *arena, struct leat_err *err)
{
	const struct leat_schema *s = p->out;

	if (s != NULL && p->out_payload == payload && s->version == version &&
	    is_named_for(s->name, p->row->name, route))
		return s;
	s = make_value_schema(t, p, payload, route, version, arena, err);
	if (s != NULL) {
		p->out = s;
		p->out_payload = payload;
	}
	return s;
}
