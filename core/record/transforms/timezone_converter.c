/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timezone_converter.c: Debezium's TimezoneConverter: the timestamps of change
 * events in another time zone. Texts with an offset get the zone's; numbers
 * without one are taken for times of the zone, and become instants.
 */
#include <string.h>
#include <time.h>

#include "core/base/obj.h"
#include "core/record/transforms/classes.h"
#include "core/record/transforms/edit.h"
#include "core/record/transforms/envelope.h"
#include "core/record/transforms/zone_rules.h"
#include "core/record/transforms/zoned_text.h"
#include "core/record/tz.h"
#include "core/record/value_text.h"

struct config {
	const char *zone;
	struct leat_list include;
	struct leat_list exclude;
};

/* What becomes of a field. */
enum conversion {
	AS_IS,
	ZONED_TIMESTAMP,
	ZONED_TIME,
	LOCAL_MS, /* times of the zone */
	LOCAL_US,
	LOCAL_NS,
	INSTANT_MS, /* of the source: shown as local time */
	INSTANT_US,
	INSTANT_NS
};

enum part { BEFORE,
	AFTER,
	SOURCE,
	PART_N };

static const char *const part_names[] = { "before", "after", "source" };

/* A struct within the envelope. */
struct part_plan {
	int32_t at; /* -1: the envelope has none */
	const struct leat_schema *schema;
	bool any; /* one of its fields is converted */
	uint8_t *fields; /* enum conversion */
};

/* What is known of an envelope, for one rule; another rule replaces it. */
struct zone_plan {
	bool done;
	const struct zone_rule *rule;
	int32_t source; /* of the envelope, -1: none */
	int32_t table; /* of the source, -1: none */
	struct part_plan parts[PART_N];
};

struct converter {
	struct tz *tz;
	struct zone_rules rules;
	struct plans plans; /* struct zone_plan by envelope */
};

/* clang-format off */
static const struct leat_option options[] = {
	{ "converted.timezone", NULL, LEAT_OPT_STRING, LEAT_OPT_REQUIRED,
	  NULL, 0, 0, NULL, offsetof(struct config, zone),
	  "A zone, as Europe/Berlin, or an offset, as +02:00.", "0.1" },
	{ "include.list", NULL, LEAT_OPT_LIST, 0, "", 0, 0, NULL,
	  offsetof(struct config, include),
	  "What is converted: source:table, source:table:field, topic:name, "
	  "topic:name:field, name:field. None: all.", "0.1" },
	{ "exclude.list", NULL, LEAT_OPT_LIST, 0, "", 0, 0, NULL,
	  offsetof(struct config, exclude),
	  "What is not converted, in the same form.", "0.1" },
	{ .name = NULL }
};
/* clang-format on */

static int
converter_init(struct transform *t, struct leat_err *err)
{
	const struct config *cfg = t->config;
	struct converter *self = t->self;

	if (cfg->include.len > 0 && cfg->exclude.len > 0)
		return config_error(err, "include.list and exclude.list: "
		    "Please specify only one.");
	if (tz_open(TZ_DIR, cfg->zone, &self->tz, err) < 0)
		return leat_err_wrap(err, "converted.timezone");
	if (zone_rules_parse(&self->rules, t, "include.list", &cfg->include,
		err) < 0)
		return err->code;
	return zone_rules_parse(&self->rules, t, "exclude.list",
	    &cfg->exclude, err);
}

/* ------------------------------------------------------------------- plans */

static enum conversion
conversion_of(enum part part, const struct leat_field *f)
{
	static const struct {
		const char *type;
		const char *field;	/* of a source, without a type */
		uint8_t kind;
		enum conversion conversion;
	} rows[] = {
		{ "io.debezium.time.ZonedTimestamp", NULL, LEAT_STRING,
		    ZONED_TIMESTAMP },
		{ "io.debezium.time.ZonedTime", NULL, LEAT_STRING,
		    ZONED_TIME },
		{ "io.debezium.time.Timestamp", NULL, LEAT_INT64, LOCAL_MS },
		{ "io.debezium.time.MicroTimestamp", NULL, LEAT_INT64,
		    LOCAL_US },
		{ "io.debezium.time.NanoTimestamp", NULL, LEAT_INT64,
		    LOCAL_NS },
		{ LOGICAL_TIMESTAMP, NULL, LEAT_INT64, LOCAL_MS },
		{ NULL, "ts_ms", LEAT_INT64, INSTANT_MS },
		{ NULL, "ts_us", LEAT_INT64, INSTANT_US },
		{ NULL, "ts_ns", LEAT_INT64, INSTANT_NS },
	};
	const bool bare = part == SOURCE && f->schema->name == NULL;
	size_t i;

	for (i = 0; i < COUNT_OF(rows); i++)
		if (f->schema->kind == rows[i].kind && (rows[i].type != NULL
			? schema_is(f->schema, rows[i].type)
			: bare && strcmp(f->name, rows[i].field) == 0))
			return rows[i].conversion;
	return AS_IS;
}

/* Is the field one of those to convert? */
static bool
is_chosen(const struct config *cfg, const struct zone_rule *rule,
    enum part part, const char *field)
{
	bool named;

	if (part == SOURCE && (rule == NULL || !zone_rule_names_source(rule)))
		return false;
	named = rule != NULL &&
	    zone_rule_names(rule, part_names[part], field);
	if (cfg->include.len > 0)
		return named || (rule != NULL && rule->n == 0);
	return rule == NULL || (rule->n > 0 && !named);
}

static void
choose_fields(const struct transform *t, struct zone_plan *p,
    const struct zone_rule *rule)
{
	uint32_t part, i;

	for (part = 0; part < PART_N; part++) {
		struct part_plan *pp = &p->parts[part];

		pp->any = false;
		for (i = 0; pp->at >= 0 && i < pp->schema->nfields; i++) {
			const struct leat_field *f = &pp->schema->fields[i];

			pp->fields[i] = AS_IS;
			if (is_chosen(t->config, rule, part, f->name))
				pp->fields[i] = (uint8_t)conversion_of(part,
				    f);
			pp->any |= pp->fields[i] != AS_IS;
		}
	}
	p->rule = rule;
	p->done = true;
}

/* Finds the structs; one block of memory with their fields behind. */
static struct zone_plan *
make_plan(const struct leat_schema *in)
{
	struct part_plan parts[PART_N];
	struct zone_plan *p;
	size_t nfields = 0, i;
	uint8_t *fields;

	for (i = 0; i < PART_N; i++) {
		parts[i] = (struct part_plan){
			.at = leat_schema_field(in, part_names[i])
		};
		if (parts[i].at < 0)
			continue;
		parts[i].schema = in->fields[parts[i].at].schema;
		if (parts[i].schema->kind != LEAT_STRUCT)
			parts[i].at = -1;
		else
			nfields += parts[i].schema->nfields;
	}
	p = calloc(1, sizeof(*p) + nfields);
	if (p == NULL)
		return NULL;
	fields = (uint8_t *)(p + 1);
	for (i = 0; i < PART_N; i++) {
		p->parts[i] = parts[i];
		p->parts[i].fields = fields;
		if (parts[i].at >= 0)
			fields += parts[i].schema->nfields;
	}
	p->source = parts[SOURCE].at;
	p->table = p->source < 0 ? -1
	    : leat_schema_field(parts[SOURCE].schema, "table");
	return p;
}

static struct zone_plan *
get_plan(struct converter *self, const struct leat_schema *in,
    struct leat_err *err)
{
	struct zone_plan *p = plans_get(&self->plans, in);

	if (p != NULL)
		return p;
	p = make_plan(in);
	if (p != NULL && plans_put(&self->plans, in, p) == 0)
		return p;
	free(p);
	leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
	return NULL;
}

/* -------------------------------------------------------------- converting */

static int
convert_text(const struct tz *tz, enum conversion how, struct leat_value *v,
    struct leat_arena *arena, struct leat_err *err)
{
	const struct leat_str text = { v->u.s, v->len };
	char to[ZONED_TEXT], *copy;
	struct zoned z;
	size_t len;

	/* PostgreSQL's infinity is at no place of any zone. */
	if (leat_str_ends(text, "infinity"))
		return 0;
	if ((how == ZONED_TIMESTAMP ? zoned_parse_timestamp(text, &z)
	    : zoned_parse_time(text, &z)) < 0)
		return record_error(err, "'%.*s' is no time with an offset",
		    (int)MIN(text.len, 60), text.ptr);
	/* A time of day has no date: today's offset counts. */
	len = how == ZONED_TIMESTAMP
	    ? zoned_format_timestamp(to, &z, tz_offset_at(tz, z.utc_s))
	    : zoned_format_time(to, &z, tz_offset_at(tz, time(NULL)));
	copy = leat_arena_strndup(arena, to, len);
	if (copy == NULL)
		return record_no_memory(arena, err);
	*v = leat_string(copy, len);
	return 0;
}

/* Units of a second, 0 for texts. */
static int64_t
units_of(enum conversion how)
{
	switch (how) {
	case LOCAL_MS:
	case INSTANT_MS:
		return 1000;
	case LOCAL_US:
	case INSTANT_US:
		return 1000000;
	case LOCAL_NS:
	case INSTANT_NS:
		return 1000000000;
	case AS_IS:
	case ZONED_TIMESTAMP:
	case ZONED_TIME:
		break;
	}
	return 0;
}

static int
convert_number(const struct tz *tz, enum conversion how, int64_t *v,
    struct leat_err *err)
{
	const int64_t units = units_of(how);
	const int64_t s = *v / units - (*v % units < 0);
	const int32_t offset = how >= INSTANT_MS ? tz_offset_at(tz, s)
	    : -tz_offset_of_local(tz, s);

	if (__builtin_add_overflow(*v, offset * units, v))
		return record_error(err, "the time is outside of what can be "
		    "converted");
	return 0;
}

static int
convert_part(const struct converter *self, const struct part_plan *pp,
    struct leat_value *v, struct leat_arena *arena, struct leat_err *err)
{
	struct leat_value *items;
	uint32_t i;
	int rc = 0;

	if (!pp->any || v->kind != LEAT_STRUCT ||
	    v->len != pp->schema->nfields)
		return 0;
	items = leat_arena_memdup(arena, v->u.items, v->len * sizeof(*items));
	if (items == NULL)
		return record_no_memory(arena, err);
	for (i = 0; rc == 0 && i < v->len; i++) {
		const enum conversion how = pp->fields[i];

		if (how == AS_IS || items[i].kind !=
		    pp->schema->fields[i].schema->kind)
			continue;
		rc = units_of(how) == 0 ? convert_text(self->tz, how,
		    &items[i], arena, err)
		    : convert_number(self->tz, how, &items[i].u.i, err);
		if (rc < 0)
			leat_err_wrap(err, "%s", pp->schema->fields[i].name);
	}
	*v = leat_items(LEAT_STRUCT, items, v->len);
	return rc;
}

/* The table that the source names, or NULL. */
static int
find_table(const struct zone_plan *p, const struct leat_value *envelope,
    struct leat_arena *arena, const char **ret, struct leat_err *err)
{
	const struct leat_value source = envelope_field(envelope, p->source);
	const struct leat_value table = envelope_field(&source, p->table);

	*ret = NULL;
	if (table.kind != LEAT_STRING)
		return 0;
	*ret = leat_arena_strndup(arena, table.u.s, table.len);
	return *ret == NULL ? record_no_memory(arena, err) : 0;
}

static int
converter_apply(struct transform *t, struct leat_record *rec,
    struct leat_arena *arena, bool *keep, struct leat_err *err)
{
	struct converter *self = t->self;
	const struct zone_rule *rule;
	struct leat_value *items;
	struct zone_plan *p;
	const char *table;
	uint32_t i;
	int rc = 0;

	if (rec->value.kind == LEAT_NULL || !envelope_is(rec->value_schema))
		return 0;
	if (require_struct(rec->value_schema, &rec->value,
		"time zone conversion", err) < 0 ||
	    (p = get_plan(self, rec->value_schema, err)) == NULL ||
	    find_table(p, &rec->value, arena, &table, err) < 0)
		return err->code;
	rule = zone_rules_find(&self->rules, rec->topic, table);
	if (!p->done || p->rule != rule)
		choose_fields(t, p, rule);
	items = leat_arena_memdup(arena, rec->value.u.items,
	    rec->value.len * sizeof(*items));
	if (items == NULL)
		return record_no_memory(arena, err);
	for (i = 0; rc == 0 && i < PART_N; i++)
		if (p->parts[i].at >= 0)
			rc = convert_part(self, &p->parts[i],
			    &items[p->parts[i].at], arena, err);
	if (rc < 0)
		return rc;
	rec->value = leat_items(LEAT_STRUCT, items, rec->value.len);
	return 0;
}

static void
converter_fini(struct transform *t)
{
	struct converter *self = t->self;

	tz_free(self->tz);
	zone_rules_fini(&self->rules);
	plans_fini(&self->plans);
}

const struct transform_class transform_timezone_converter = {
	.name = "io.debezium.transforms.TimezoneConverter",
	.on_null = NULL_PASSES,
	.options = options,
	.config_size = sizeof(struct config),
	.self_size = sizeof(struct converter),
	.init = converter_init,
	.apply = converter_apply,
	.fini = converter_fini,
};
