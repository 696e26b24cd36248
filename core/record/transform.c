/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transform.c: builds a connector's predicates and transforms from its
 * properties, and complains with their places.
 */
#include "core/record/transform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/record/conf.h"

enum {
	ARENA_CHUNK = 1024,
	ARENA_LIMIT = 4 << 20
};

/* What a transform and a predicate have in common while being built. */
struct wanted {
	const char *root;	/* "transforms" or "predicates" */
	const char *word;	/* for messages */
	const char *alias;
	const struct property *type;
	char prefix[280];	/* "transforms.<alias>." */
};

/* ------------------------------------------------------------------ classes */

static const char *
simple_name(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot != NULL ? dot + 1 : name;
}

/* Is `name` this class, whole or without its package, up to `len`? */
static bool
is_class(const char *cls, const char *name, size_t len)
{
	const char *simple = simple_name(cls);

	return (strlen(cls) == len && memcmp(cls, name, len) == 0) ||
	    (strlen(simple) == len && memcmp(simple, name, len) == 0);
}

/* clang-format off */
/* Classes that are known and not there, and what to do instead. */
static const struct {
	const char *name;
	const char *why;
} refused[] = {
	{ "io.debezium.connector.postgresql.transforms.timescaledb."
	  "TimescaleDb", "it asks the database for each chunk's table, which "
	  "a transform cannot do here; use ToLogicalTopicRouter with "
	  "topic.regex over the chunks" },
	{ "io.debezium.transforms.SchemaChangeEventFilter",
	  "PostgreSQL's source writes no schema change events; remove it" },
	{ "io.debezium.transforms.ExtractSchemaToNewRecord",
	  "the columns' types are in the records' schemas; use a converter "
	  "with schemas.enable" },
	{ "io.debezium.transforms.partitions.ComputePartition",
	  "Debezium replaced it; use PartitionRouting" },
	{ "io.debezium.transforms.UnwrapFromEnvelope",
	  "Debezium renamed it; use ExtractNewRecordState" },
	{ "io.debezium.transforms.tracing.ActivateTracingSpan",
	  "tracing spans are not written; remove it" },
	{ "io.debezium.transforms.openlineage.OpenLineage",
	  "lineage is not reported; remove it" },
	{ "io.debezium.connector.mongodb.transforms."
	  "ExtractNewDocumentState", "it is for MongoDB's events" },
	{ "io.debezium.connector.mongodb.transforms.outbox."
	  "MongoEventRouter", "it is for MongoDB's events" },
};
/* clang-format on */

/* Why there is no such class, or NULL. */
static const char *
why_refused(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (is_class(refused[i].name, name, strlen(name)))
			return refused[i].why;
	return NULL;
}

/* X, X$Key or X$Value: the class, and which of the two. */
static const struct transform_class *
find_transform(const char *name, bool *ret_on_key)
{
	const struct transform_class *const *c;
	const char *form = strchr(name, '$');
	const size_t len = form != NULL ? (size_t)(form - name) : strlen(name);

	for (c = transform_classes; *c != NULL; c++)
		if (is_class((*c)->name, name, len))
			break;
	if (*c == NULL)
		return NULL;
	*ret_on_key = form != NULL && strcmp(form, "$Key") == 0;
	if (form == NULL || *ret_on_key || strcmp(form, "$Value") == 0)
		return form == NULL || (*c)->key_or_value ? *c : NULL;
	return NULL;
}

static const struct predicate_class *
find_predicate(const char *name)
{
	const struct predicate_class *const *c;

	for (c = predicate_classes; *c != NULL; c++)
		if (is_class((*c)->name, name, strlen(name)))
			return *c;
	return NULL;
}

/* "did you mean" over the names without packages. */
static const char *
nearest_class(struct conf *c, const char *name, bool predicate)
{
	const char *names[64];
	size_t n = 0;

	if (predicate)
		for (; predicate_classes[n] != NULL && n < 63; n++)
			names[n] = simple_name(predicate_classes[n]->name);
	else
		for (; transform_classes[n] != NULL && n < 63; n++)
			names[n] = simple_name(transform_classes[n]->name);
	names[n] = NULL;
	return conf_nearest(c, simple_name(name), names);
}

/* ----------------------------------------------------------------- building */

static const struct property *
setting(struct conf *c, const struct wanted *w, const char *name)
{
	char key[300];
	const struct property *p;

	snprintf(key, sizeof(key), "%s%s", w->prefix, name);
	p = properties_find(c->props, key);
	return p != NULL && p->value != NULL ? p : NULL;
}

/* The row `transforms.<alias>.type`; without it there is nothing to build. */
static int
want(struct conf *c, struct wanted *w, const char *root, const char *word,
    const char *alias)
{
	char key[300];

	*w = (struct wanted){ .root = root, .word = word, .alias = alias };
	if (strlen(alias) > 200) {
		conf_problem(c, properties_find(c->props, root), root, NULL,
		    "the alias '%.40s...' is too long", alias);
		return -1;
	}
	snprintf(w->prefix, sizeof(w->prefix), "%s.%s.", root, alias);
	w->type = setting(c, w, "type");
	if (w->type != NULL)
		return 0;
	snprintf(key, sizeof(key), "%stype", w->prefix);
	conf_problem(c, properties_find(c->props, root), key, NULL,
	    "the %s '%s' needs a type", word, alias);
	return -1;
}

static int
fill(struct conf *c, const struct wanted *w, struct transform *t,
    const struct leat_option *options, size_t config_size, size_t self_size)
{
	static const char *const framework[] = { "type", "predicate",
		"negate", NULL };
	static const char *const only_type[] = { "type", NULL };
	struct conf_settings settings = { 0 };
	void *config;

	if (conf_collect(c, c->props, w->prefix,
		t->cls != NULL ? framework : only_type, &settings) < 0)
		return -1;
	t->alias = leat_arena_strdup(&t->arena, w->alias);
	config = leat_arena_calloc(&t->arena, 1, config_size + 1);
	t->self = leat_arena_calloc(&t->arena, 1, self_size + 1);
	if (t->alias == NULL || config == NULL || t->self == NULL)
		return conf_no_memory(c);
	t->config = config;
	return conf_fill(c, w->prefix, options, &settings, &t->arena, config,
	    config_size);
}

static void
transform_fini(struct transform *t)
{
	if (t->self != NULL && t->cls != NULL && t->cls->fini != NULL)
		t->cls->fini(t);
	if (t->self != NULL && t->pcls != NULL && t->pcls->fini != NULL)
		t->pcls->fini(t);
	leat_arena_fini(&t->arena);
	memset(t, 0, sizeof(*t));
}

/* Runs init; what it refuses is a problem of the option's row or the type's. */
static int
start(struct conf *c, const struct wanted *w, struct transform *t,
    int (*init)(struct transform *t, struct leat_err *err))
{
	struct leat_err err = LEAT_ERR_INIT;
	const struct property *at = NULL;

	if (init == NULL || init(t, &err) == 0)
		return 0;
	if (err.cls == LEAT_CLS_RETRY)
		return conf_no_memory(c);
	if (t->wrong != NULL)
		at = setting(c, w, t->wrong);
	if (at == NULL)
		at = w->type;
	conf_problem(c, at, at->key, NULL, "%s", err.text);
	return -1;
}

static int
build_predicate(struct conf *c, const char *alias,
    struct leat_schema_pool *pool, struct transform *t)
{
	struct wanted w;

	if (want(c, &w, "predicates", "predicate", alias) < 0)
		return -1;
	t->pcls = find_predicate(w.type->value);
	if (t->pcls == NULL) {
		conf_problem(c, w.type, w.type->key,
		    nearest_class(c, w.type->value, true),
		    "there is no predicate '%s'", w.type->value);
		return -1;
	}
	t->pool = pool;
	t->class_name = t->pcls->name;
	if (fill(c, &w, t, t->pcls->options, t->pcls->config_size,
		t->pcls->self_size) < 0) {
		t->self = NULL;
		return -1;
	}
	return start(c, &w, t, t->pcls->init);
}

static const struct transform *
by_alias(const struct transform_list *list, const char *alias)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (list->v[i].alias != NULL &&
		    strcmp(list->v[i].alias, alias) == 0)
			return &list->v[i];
	return NULL;
}

/* `predicate` and `negate`, which belong to the framework. */
static int
gate(struct conf *c, const struct wanted *w, struct transform *t,
    const struct transform_list *predicates)
{
	const struct property *predicate = setting(c, w, "predicate");
	const struct property *negate = setting(c, w, "negate");

	if (negate != NULL && leat_parse_bool(leat_str_c(negate->value),
		&t->negate) < 0) {
		conf_problem(c, negate, negate->key, NULL,
		    "expected true or false");
		return -1;
	}
	if (predicate == NULL) {
		if (!t->negate)
			return 0;
		conf_problem(c, negate, negate->key, NULL,
		    "negate needs a predicate");
		return -1;
	}
	t->predicate = by_alias(predicates, predicate->value);
	if (t->predicate != NULL)
		return 0;
	conf_problem(c, predicate, predicate->key, NULL,
	    "there is no predicate '%s' in 'predicates', or it is not valid",
	    predicate->value);
	return -1;
}

static int
name_class(struct conf *c, struct transform *t)
{
	t->class_name = t->cls->name;
	if (t->cls->key_or_value)
		t->class_name = leat_arena_printf(&t->arena, "%s$%s",
		    t->cls->name, t->on_key ? "Key" : "Value");
	return t->class_name == NULL ? conf_no_memory(c) : 0;
}

static int
no_transform(struct conf *c, const struct property *type)
{
	const char *why = why_refused(type->value);

	if (why != NULL)
		conf_problem(c, type, type->key, NULL,
		    "there is no transform '%s': %s", type->value, why);
	else
		conf_problem(c, type, type->key,
		    nearest_class(c, type->value, false),
		    "there is no transform '%s'", type->value);
	return -1;
}

static int
build_transform(struct conf *c, const char *alias,
    struct leat_schema_pool *pool, const struct transform_list *predicates,
    struct transform *t)
{
	struct wanted w;
	int rc;

	if (want(c, &w, "transforms", "transform", alias) < 0)
		return -1;
	t->cls = find_transform(w.type->value, &t->on_key);
	if (t->cls == NULL)
		return no_transform(c, w.type);
	t->pool = pool;
	if (name_class(c, t) < 0)
		return -1;
	rc = fill(c, &w, t, t->cls->options, t->cls->config_size,
	    t->cls->self_size);
	if (rc < 0)
		t->self = NULL;
	else
		rc = start(c, &w, t, t->cls->init);
	return gate(c, &w, t, predicates) < 0 ? -1 : rc;
}

/* ---------------------------------------------------------------- the whole */

/* Settings of an alias that the list does not have would do nothing. */
static void
check_strays(struct conf *c, const char *root, const char *const *aliases)
{
	const size_t len = strlen(root), n = properties_count(c->props);
	size_t i, j, alias_len;

	for (i = 0; i < n; i++) {
		const struct property *p = properties_at(c->props, i);
		const char *alias = p->key + len + 1, *dot;

		if (strncmp(p->key, root, len) != 0 || p->key[len] != '.')
			continue;
		dot = strchr(alias, '.');
		alias_len = dot != NULL ? (size_t)(dot - alias)
		    : strlen(alias);
		for (j = 0; aliases[j] != NULL; j++)
			if (strncmp(aliases[j], alias, strlen(aliases[j])) ==
			    0 && alias[strlen(aliases[j])] == '.')
				break;
		if (aliases[j] == NULL)
			conf_problem(c, p, p->key, conf_nearest(c,
				leat_arena_strndup(c->arena, alias,
				    alias_len), aliases),
			    "'%.*s' is not listed in '%s'", (int)alias_len,
			    alias, root);
	}
}

static size_t
count(const char *const *list)
{
	size_t n = 0;

	while (list[n] != NULL)
		n++;
	return n;
}

static int
list_init(struct transform_list *list, struct conf *c, size_t n)
{
	list->v = calloc(n + 1, sizeof(*list->v));
	if (list->v == NULL)
		return conf_no_memory(c);
	for (list->n = 0; list->n < n; list->n++)
		leat_arena_init(&list->v[list->n].arena, ARENA_CHUNK,
		    ARENA_LIMIT);
	return 0;
}

int
transform_set_init(struct transform_set *set, struct conf *c,
    struct leat_schema_pool *pool)
{
	const char *const *predicates = conf_aliases(c, "predicates");
	const char *const *transforms = conf_aliases(c, "transforms");
	int rc = 0;
	size_t i;

	if (predicates == NULL || transforms == NULL ||
	    list_init(&set->predicates, c, count(predicates)) < 0 ||
	    list_init(&set->transforms, c, count(transforms)) < 0)
		return -1;
	for (i = 0; i < set->predicates.n && (rc == 0 || c->out != NULL); i++)
		rc |= build_predicate(c, predicates[i], pool,
		    &set->predicates.v[i]);
	for (i = 0; i < set->transforms.n && (rc == 0 || c->out != NULL); i++)
		rc |= build_transform(c, transforms[i], pool,
		    &set->predicates, &set->transforms.v[i]);
	check_strays(c, "predicates", predicates);
	check_strays(c, "transforms", transforms);
	return rc != 0 || c->nproblems > 0 ? -1 : 0;
}

static void
list_fini(struct transform_list *list)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		transform_fini(&list->v[i]);
	free(list->v);
	list->v = NULL;
	list->n = 0;
}

void
transform_set_fini(struct transform_set *set)
{
	list_fini(&set->transforms);
	list_fini(&set->predicates);
}

size_t
transform_set_held(const struct transform_set *set)
{
	size_t held = 0, i;

	for (i = 0; i < set->predicates.n; i++)
		held += set->predicates.v[i].arena.held_bytes;
	for (i = 0; i < set->transforms.n; i++)
		held += set->transforms.v[i].arena.held_bytes;
	return held;
}
