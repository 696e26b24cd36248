/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logical_router.c: Debezium's ToLogicalTopicRouter, and ByLogicalTableRouter,
 * its former name: the events of many tables in one topic, with the table in
 * the key and with schemas named after the new topic.
 */
#include <string.h>

#include "core/base/log.h"
#include "core/record/transforms/classes.h"
#include "core/record/transforms/edit.h"
#include "core/record/transforms/envelope.h"
#include "core/record/transforms/schema_name.h"
#include "core/record/transforms/topic_map.h"

static const struct logger lg = { .component = "transform", .task = -1 };

struct config {
	const char *regex;
	const char *replacement;
	const char *key_name;
	const char *key_regex;
	const char *key_replacement;
	int64_t cache_size;
	int32_t unique;
	int32_t adjustment; /* enum schema_name_mode */
};

/* A schema for one topic; another topic is rare, and replaces it. */
struct renamed {
	const struct leat_schema *out;
	char topic[];
};

struct router {
	struct topic_map topics;
	struct topic_map sources;
	bool with_sources;
	struct plans keys; /* struct renamed by key schema */
	struct plans envelopes; /* struct renamed by envelope */
};

/* clang-format off */
#define ROW(key, type, flags, deflt, min, max, range, field, help) \
	{ key, NULL, type, flags, deflt, min, max, range, \
	  offsetof(struct config, field), help, "0.1" }
#define OPTIONS(default_key_name) \
	ROW("topic.regex", LEAT_OPT_STRING, LEAT_OPT_REQUIRED, NULL, 0, 0, \
	    NULL, regex, "What the whole topic must match."), \
	ROW("topic.replacement", LEAT_OPT_STRING, LEAT_OPT_REQUIRED, NULL, 0, \
	    0, NULL, replacement, "The new topic."), \
	ROW("key.enforce.uniqueness", LEAT_OPT_BOOL, 0, "true", 0, 0, NULL, \
	    unique, "Add a field with the old topic to the key."), \
	ROW("key.field.name", LEAT_OPT_STRING, 0, default_key_name, 0, 0, \
	    NULL, key_name, "That field's name."), \
	ROW("key.field.regex", LEAT_OPT_STRING, 0, NULL, 0, 0, NULL, \
	    key_regex, "What the whole old topic must match to be changed in "\
	    "the key."), \
	ROW("key.field.replacement", LEAT_OPT_STRING, 0, NULL, 0, 0, NULL, \
	    key_replacement, "What stands in the key then."), \
	ROW("schema.name.adjustment.mode", LEAT_OPT_CHOICE, 0, "none", 0, 0, \
	    SCHEMA_NAME_CHOICES, adjustment, \
	    "How the new names of schemas are made fit for Avro."), \
	{ "logical.destination.cache.size", "logical.table.cache.size", \
	  LEAT_OPT_INT, 0, "16", 1, INT32_MAX, NULL, \
	  offsetof(struct config, cache_size), \
	  "Without effect: what is known of a schema is kept.", "0.1" }, \
	{ .name = NULL }

static const struct leat_option topic_options[] = {
	OPTIONS("__dbz__sourceIdentifier")
};
static const struct leat_option table_options[] = {
	OPTIONS("__dbz__physicalTableIdentifier")
};
/* clang-format on */

/* ----------------------------------------------------------- configuration */

static bool
is_set(const char *text)
{
	return text != NULL && *text != '\0';
}

static int
router_init(struct transform *t, struct leat_err *err)
{
	const struct config *cfg = t->config;
	struct router *self = t->self;

	self->with_sources = is_set(cfg->key_regex);
	if (self->with_sources && !is_set(cfg->key_replacement))
		return config_error(err, "key.field.replacement must be "
		    "non-empty if key.field.regex is set");
	if (cfg->unique && !is_set(cfg->key_name))
		return config_error(err, "key.field.name: expected the name "
		    "of a field");
	if (topic_map_init(&self->topics, "topic.regex", cfg->regex,
		"topic.replacement", cfg->replacement, err) < 0)
		return LEAT_E_CONFIG;
	if (!self->with_sources)
		return 0;
	return topic_map_init(&self->sources, "key.field.regex",
	    cfg->key_regex, "key.field.replacement", cfg->key_replacement,
	    err);
}

/* ----------------------------------------------------------------- schemas */

/* What the table holds for this topic, or NULL. */
static const struct leat_schema *
find_renamed(const struct plans *plans, const struct leat_schema *in,
    const char *topic)
{
	const struct renamed *r = plans_get(plans, in);

	return r != NULL && strcmp(r->topic, topic) == 0 ? r->out : NULL;
}

static const struct leat_schema *
keep_renamed(struct plans *plans, const struct leat_schema *in,
    const char *topic, const struct leat_schema *out, struct leat_err *err)
{
	const size_t len = strlen(topic) + 1;
	struct renamed *r;

	if (out == NULL)
		return NULL;
	r = malloc(sizeof(*r) + len);
	if (r != NULL) {
		r->out = out;
		memcpy(r->topic, topic, len);
		if (plans_put(plans, in, r) == 0)
			return out;
	}
	free(r);
	leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
	return NULL;
}

/* A copy named after the topic: "<topic>.Key". NULL with err filled. */
static const struct leat_schema *
named_after(struct transform *t, struct leat_schema *s, const char *topic,
    const char *suffix, struct leat_arena *arena, struct leat_err *err)
{
	const struct config *cfg = t->config;
	const char *name;

	name = leat_arena_printf(arena, "%s.%s", topic, suffix);
	if (name != NULL)
		name = schema_name_adjust(
		    (enum schema_name_mode)cfg->adjustment, name, arena);
	if (name == NULL) {
		record_no_memory(arena, err);
		return NULL;
	}
	s->interned = 0;
	s->name = name;
	return leat_schema_pool_intern(t->pool, s, err);
}

/* The fields, with room for one more. */
static struct leat_field *
copy_fields(const struct leat_schema *s, struct leat_arena *arena,
    struct leat_err *err)
{
	struct leat_field *f;

	f = leat_arena_calloc(arena, (size_t)s->nfields + 1, sizeof(*f));
	if (f == NULL)
		record_no_memory(arena, err);
	else if (s->nfields > 0)
		memcpy(f, s->fields, s->nfields * sizeof(*f));
	return f;
}

static const struct leat_schema *
key_schema(struct transform *t, const struct leat_schema *in,
    const char *topic, struct leat_arena *arena, struct leat_err *err)
{
	const struct config *cfg = t->config;
	struct router *self = t->self;
	const struct leat_schema *out = find_renamed(&self->keys, in, topic);
	struct leat_schema s = *in;
	struct leat_field *f;

	if (out != NULL)
		return out;
	f = copy_fields(in, arena, err);
	if (f == NULL)
		return NULL;
	if (cfg->unique) {
		if (leat_schema_field(in, cfg->key_name) >= 0) {
			record_error(err, "the key has a field '%s' already: "
			    "choose another key.field.name",
			    cfg->key_name);
			return NULL;
		}
		f[s.nfields++] = (struct leat_field){ .name = cfg->key_name,
			.schema = leat_schema_plain(LEAT_STRING, 0) };
	}
	s.fields = f;
	out = named_after(t, &s, topic, "Key", arena, err);
	return keep_renamed(&self->keys, in, topic, out, err);
}

static const struct leat_schema *
envelope_schema(struct transform *t, const struct leat_schema *in,
    const char *topic, struct leat_arena *arena, struct leat_err *err)
{
	static const char *const rows[] = { "before", "after" };
	struct router *self = t->self;
	const struct leat_schema *out = find_renamed(&self->envelopes, in,
	    topic);
	struct leat_schema s = *in;
	struct leat_field *f;
	size_t i;

	if (out != NULL)
		return out;
	f = copy_fields(in, arena, err);
	if (f == NULL)
		return NULL;
	for (i = 0; i < COUNT_OF(rows); i++) {
		const int32_t at = leat_schema_field(in, rows[i]);
		struct leat_schema row;

		if (at < 0)
			continue;
		row = *in->fields[at].schema;
		f[at].schema = named_after(t, &row, topic, "Value", arena, err);
		if (f[at].schema == NULL)
			return NULL;
	}
	s.fields = f;
	out = named_after(t, &s, topic, "Envelope", arena, err);
	return keep_renamed(&self->envelopes, in, topic, out, err);
}

/* ---------------------------------------------------------------- applying */

/* What the key says of where the record comes from. */
static int
find_source(struct router *self, const char *topic, struct leat_arena *arena,
    struct leat_value *ret, struct leat_err *err)
{
	const char *source = NULL;

	if (self->with_sources && topic_map_get(&self->sources, topic, arena,
	    &source, err) < 0)
		return err->code;
	*ret = leat_cstring(source != NULL ? source : topic);
	return 0;
}

/* A key without a schema. */
static int
extend_map(const struct config *cfg, struct leat_value *key,
    struct leat_value source, struct leat_arena *arena, struct leat_err *err)
{
	struct map_edit m;

	if (require_map(key, "Updating schema", err) < 0 ||
	    map_edit_init(&m, arena, key, 1, err) < 0)
		return err->code;
	map_edit_put_c(&m, cfg->key_name, source);
	*key = map_edit_value(&m);
	return 0;
}

static int
extend_struct(struct leat_value *key, struct leat_value source,
    struct leat_arena *arena, struct leat_err *err)
{
	const uint32_t n = key->len;
	struct leat_value *items;

	items = leat_arena_alloc(arena, ((size_t)n + 1) * sizeof(*items));
	if (items == NULL)
		return record_no_memory(arena, err);
	if (n > 0)
		memcpy(items, key->u.items, n * sizeof(*items));
	items[n] = source;
	*key = leat_items(LEAT_STRUCT, items, (size_t)n + 1);
	return 0;
}

static int
route_key(struct transform *t, struct leat_record *rec, const char *topic,
    struct leat_arena *arena, struct leat_err *err)
{
	const struct config *cfg = t->config;
	struct leat_value source = leat_null();

	if (rec->key.kind == LEAT_NULL) {
		rec->key_schema = NULL;
		return 0;
	}
	if (cfg->unique && find_source(t->self, rec->topic, arena, &source,
	    err) < 0)
		return err->code;
	if (rec->key_schema == NULL)
		return cfg->unique ? extend_map(cfg, &rec->key, source, arena,
		    err)
		    : 0;
	if (require_struct(rec->key_schema, &rec->key, "Updating schema",
		err) < 0)
		return LEAT_E_DATA;
	rec->key_schema = key_schema(t, rec->key_schema, topic, arena, err);
	if (rec->key_schema == NULL)
		return err->code;
	return cfg->unique ? extend_struct(&rec->key, source, arena, err) : 0;
}

static int
router_apply(struct transform *t, struct leat_record *rec,
    struct leat_arena *arena, bool *keep, struct leat_err *err)
{
	struct router *self = t->self;
	const char *topic;

	if (topic_map_get(&self->topics, rec->topic, arena, &topic, err) < 0)
		return err->code;
	if (topic == NULL)
		return 0;
	if (*topic == '\0') {
		log_warn(&lg, "topic.replacement gives no topic",
		    "transform=%s topic=%s", t->alias, rec->topic);
		return 0;
	}
	if (route_key(t, rec, topic, arena, err) < 0)
		return err->code;
	/* A row's fields stay where they are: only names of schemas change. */
	if (rec->value.kind == LEAT_STRUCT &&
	    envelope_is(rec->value_schema)) {
		rec->value_schema = envelope_schema(t, rec->value_schema,
		    topic, arena, err);
		if (rec->value_schema == NULL)
			return err->code;
	}
	rec->topic = topic;
	return 0;
}

static void
router_fini(struct transform *t)
{
	struct router *self = t->self;

	topic_map_fini(&self->topics);
	topic_map_fini(&self->sources);
	plans_fini(&self->keys);
	plans_fini(&self->envelopes);
}

#define CLASS(class_name, table) \
	{ \
		.name = "io.debezium.transforms." class_name, \
		.on_null = NULL_HANDLED, \
		.options = table, \
		.config_size = sizeof(struct config), \
		.self_size = sizeof(struct router), \
		.init = router_init, \
		.apply = router_apply, \
		.fini = router_fini, \
	}

const struct transform_class transform_to_logical_topic_router =
    CLASS("ToLogicalTopicRouter", topic_options);
const struct transform_class transform_by_logical_table_router =
    CLASS("ByLogicalTableRouter", table_options);
