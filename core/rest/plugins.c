/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins.c: /connector-plugins: which connectors there are, their options,
 * and the check of a configuration before it is used.
 */
#include <string.h>

#include <leat/connector.h>
#include <leat/str.h>

#include "core/config/properties.h"
#include "core/plugin/registry.h"
#include "core/rest/connector_json.h"

static const char *
kind_name(const struct registered *r)
{
	return r->connector.kind == LEAT_SOURCE ? "source" : "sink";
}

static void
get_plugins(struct request *rq)
{
	const struct registry *reg = herder_registry(rq->options->herder);
	struct json_writer *w = &rq->json;

	json_array(w);
	for (size_t i = 0; i < registry_count(reg); i++) {
		const struct registered *r = registry_at(reg, i);

		json_object(w);
		json_member(w, "class", r->connector.name);
		json_member(w, "type", kind_name(r));
		json_member(w, "version", r->connector.version);
		json_object_end(w);
	}
	json_array_end(w);
}

static const struct registered *
plugin_of(struct request *rq)
{
	const struct registered *r = registry_find(
	    herder_registry(rq->options->herder), rq->params[0]);

	if (r == NULL)
		answer_error(rq, 404, "Unknown plugin %s.", rq->params[0]);
	return r;
}

/* Kafka Connect's type for one of our options. */
static const char *
type_name(const struct leat_option *o)
{
	if (o->flags & LEAT_OPT_SECRET)
		return "PASSWORD";
	switch (o->type) {
	case LEAT_OPT_BOOL: return "BOOLEAN";
	case LEAT_OPT_INT:
	case LEAT_OPT_DURATION:
	case LEAT_OPT_BYTES: return "LONG";
	case LEAT_OPT_DOUBLE: return "DOUBLE";
	case LEAT_OPT_LIST: return "LIST";
	default: return "STRING";
	}
}

/* ConfigKeyInfo */
static void
write_option(struct json_writer *w, const struct leat_option *o,
    const char *group, int order)
{
	json_object(w);
	json_member(w, "name", o->name);
	json_member(w, "type", type_name(o));
	json_member_bool(w, "required", (o->flags & LEAT_OPT_REQUIRED) != 0);
	json_member(w, "default_value", o->def);
	json_member(
	    w, "importance", o->flags & LEAT_OPT_HIGH ? "HIGH" : "MEDIUM");
	json_member(w, "documentation", o->help);
	json_member(w, "group", group);
	json_member(w, "width", "MEDIUM");
	json_member(w, "display_name", o->name);
	json_key(w, "dependents");
	json_array(w);
	json_array_end(w);
	json_member_int(w, "order", order);
	json_object_end(w);
}

/* A connector's options: its own first, then those that every one has. */
enum { TABLES = 2 };

static const char *const groups[TABLES] = { "Connector", "Common" };

static const struct leat_option *
table_of(const struct registered *r, int table)
{
	static const struct leat_option none[] = { { .name = NULL } };

	if (table == 1)
		return herder_options(r->connector.kind);
	return r->connector.options == NULL ? none : r->connector.options;
}

static void
get_plugin_config(struct request *rq)
{
	const struct registered *r = plugin_of(rq);
	int order = 0;

	if (r == NULL)
		return;
	json_array(&rq->json);
	for (int t = 0; t < TABLES; t++)
		for (const struct leat_option *o = table_of(r, t);
		     o->name != NULL; o++)
			write_option(&rq->json, o, groups[t], ++order);
	json_array_end(&rq->json);
}

/* ------------------------------------------------------------ validate */

static void
write_recommended(struct json_writer *w, const struct leat_option *o)
{
	struct leat_str rest = leat_str_c(
	    o != NULL && o->choices != NULL ? o->choices : "");

	json_key(w, "recommended_values");
	json_array(w);
	while (rest.len > 0) {
		struct leat_str one = leat_str_trim(leat_str_cut(&rest, ','));

		json_text_n(w, one.ptr, one.len);
	}
	json_array_end(w);
}

static void
write_errors(
    struct json_writer *w, const char *key, const struct problems *problems)
{
	json_key(w, "errors");
	json_array(w);
	for (size_t i = 0; i < problems_count(problems); i++) {
		const struct problem *p = problems_at(problems, i);

		if (p->key != NULL && strcmp(p->key, key) == 0)
			json_text(w, p->text);
	}
	json_array_end(w);
}

static void
write_value(struct json_writer *w, const char *key, const char *value,
    const struct leat_option *o, const struct problems *problems)
{
	bool secret = o != NULL && (o->flags & LEAT_OPT_SECRET);

	json_key(w, "value");
	json_object(w);
	json_member(w, "name", key);
	json_member(w, "value", secret && value != NULL ? "[hidden]" : value);
	write_recommended(w, o);
	write_errors(w, key, problems);
	json_member_bool(w, "visible", true);
	json_object_end(w);
}

static bool
is_option(const struct registered *r, const char *key)
{
	for (int t = 0; t < TABLES; t++)
		for (const struct leat_option *o = table_of(r, t);
		     o->name != NULL; o++)
			if (strcmp(o->name, key) == 0)
				return true;
	return false;
}

static void
write_checked(struct json_writer *w, const struct leat_option *o,
    const char *group, int order, const struct properties *props,
    const struct problems *problems)
{
	json_object(w);
	json_key(w, "definition");
	write_option(w, o, group, order);
	write_value(w, o->name, properties_get(props, o->name, o->def), o,
	    problems);
	json_object_end(w);
}

static void
write_validation(struct request *rq, const struct registered *r,
    const struct properties *props, const struct problems *problems)
{
	struct json_writer *w = &rq->json;
	int order = 0;

	json_object(w);
	json_member(w, "name", r->connector.name);
	json_member_int(w, "error_count", (int64_t)problems_count(problems));
	json_key(w, "groups");
	json_raw(w, "[\"Connector\",\"Common\"]");
	json_key(w, "configs");
	json_array(w);
	for (int t = 0; t < TABLES; t++)
		for (const struct leat_option *o = table_of(r, t);
		     o->name != NULL; o++)
			write_checked(w, o, groups[t], ++order, props,
			    problems);
	/* What has an error but is no option of the connector. */
	for (size_t i = 0; i < problems_count(problems); i++) {
		const char *key = problems_at(problems, i)->key;

		if (key == NULL || is_option(r, key))
			continue;
		json_object(w);
		json_key(w, "definition");
		json_null(w);
		write_value(
		    w, key, properties_get(props, key, NULL), NULL, problems);
		json_object_end(w);
	}
	json_array_end(w);
	json_object_end(w);
}

static void
put_validate(struct request *rq)
{
	const struct registered *r = plugin_of(rq), *named;
	struct problems *problems = NULL;
	struct properties *props = NULL;
	const char *class;
	struct leat_value body;

	if (r == NULL || request_json(rq, &body) < 0)
		return;
	problems = problems_new();
	props = problems == NULL ? NULL :
				   config_from_json(rq, &body, problems);
	if (props == NULL)
		goto done;
	class = properties_get(props, "connector.class", NULL);
	named = class == NULL
	    ? r
	    : registry_find(herder_registry(rq->options->herder), class);
	if (named != r) {
		answer_error(rq, 400,
		    "Included connector type %s does not match request type %s",
		    class, rq->params[0]);
		goto done;
	}
	herder_validate(rq->options->herder, properties_get(props, "name", ""),
	    props, problems);
	write_validation(rq, r, props, problems);
done:
	properties_unref(props);
	problems_free(problems);
}

const struct route routes_plugins[] = {
	{ "GET", "/connector-plugins", get_plugins },
	{ "GET", "/connector-plugins/{}/config", get_plugin_config },
	{ "PUT", "/connector-plugins/{}/config/validate", put_validate },
	{ 0 },
};
