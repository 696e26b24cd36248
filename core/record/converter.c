/* SPDX-License-Identifier: Apache-2.0 */
/*
 * converter.c: the list of converters, and which one a connector uses.
 */
#include "core/record/converter.h"

#include <stdio.h>
#include <string.h>

#include "core/record/conf.h"
#include "core/record/converter_pick.h"

const struct converter_class *const converter_classes[] = {
	&json_converter,
	&string_converter,
	&bytes_converter,
	&simple_header_converter,
	&boolean_converter,
	&short_converter,
	&integer_converter,
	&long_converter,
	&float_converter,
	&double_converter,
	&cloud_events_converter,
	NULL
};

static const char *const *
class_names(void)
{
	static const char *const names[] = {
		"json", "string", "bytes", "simple", "boolean", "short",
		"integer", "long", "float", "double", "cloudevents",
		"JsonConverter", "CloudEventsConverter",
		"StringConverter", "ByteArrayConverter",
		"SimpleHeaderConverter", "BooleanConverter", "ShortConverter",
		"IntegerConverter", "LongConverter", "FloatConverter",
		"DoubleConverter", NULL
	};

	return names;
}

/* The class's name behind the last dot. */
static const char *
simple_name(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot != NULL ? dot + 1 : name;
}

const struct converter_class *
converter_find(const char *name)
{
	const struct converter_class *const *c;

	for (c = converter_classes; *c != NULL; c++)
		if (strcmp((*c)->alias, name) == 0 ||
		    strcmp((*c)->name, name) == 0 ||
		    strcmp(simple_name((*c)->name), name) == 0)
			return *c;
	return NULL;
}

/* ------------------------------------------------------------------ picking */

/* What a connector that names no converter uses, if its worker names none. */
static const char *
built_in(const char *key)
{
	return strcmp(key, "header.converter") == 0 ? "simple" : "json";
}

static int
choose(struct conf *c, const char *key, const struct converter_class **ret_cls,
    bool *ret_own, bool *ret_built_in)
{
	const struct property *p = properties_find(c->props, key);
	const char *name;

	*ret_own = p != NULL && p->value != NULL;
	*ret_built_in = false;
	name = *ret_own ? p->value : NULL;
	if (name == NULL && c->defaults != NULL)
		name = properties_get(c->defaults, key, NULL);
	if (name == NULL) {
		name = built_in(key);
		*ret_built_in = true;
	}
	*ret_cls = converter_find(name);
	if (*ret_cls != NULL && (*ret_cls)->values_only &&
	    strcmp(key, "value.converter") != 0) {
		conf_problem(c, p, key, NULL, "'%s' converts values only",
		    name);
		return -1;
	}
	if (*ret_cls != NULL)
		return 0;
	conf_problem(c, p, key, conf_nearest(c, simple_name(name),
	    class_names()), "there is no converter '%s'", name);
	return -1;
}

/* Keys that Kafka Connect sets itself and that mean nothing here. */
static const char *const ignored[] = { "type", "converter.type", NULL };

static int
collect(struct conf *c, const char *prefix, bool own, bool is_built_in,
    const struct converter_class *cls, struct conf_settings *to)
{
	if (conf_collect(c, c->props, prefix, ignored, to) < 0)
		return -1;
	if (!own && c->defaults != NULL &&
	    conf_collect(c, c->defaults, prefix, ignored, to) < 0)
		return -1;
	/* Kafka's default is true; who names no converter wants plain JSON. */
	if (is_built_in && cls == &json_converter)
		return conf_add(c, to, "schemas.enable", "false");
	return 0;
}

int
converter_pick(struct conf *c, const char *key, struct leat_schema_pool *pool,
    struct converter *ret_converter)
{
	_Alignas(16) uint8_t config[64];
	struct conf_settings settings = { 0 };
	struct leat_err err = LEAT_ERR_INIT;
	const struct converter_class *cls;
	bool own, is_built_in;
	char prefix[32];
	void *self;
	int rc;

	if (choose(c, key, &cls, &own, &is_built_in) < 0)
		return -1;
	snprintf(prefix, sizeof(prefix), "%s.", key);
	if (collect(c, prefix, own, is_built_in, cls, &settings) < 0)
		return -1;
	if (cls->config_size > sizeof(config))
		return conf_no_memory(c);
	rc = conf_fill(c, prefix, cls->options, &settings, c->arena, config,
	    cls->config_size);
	if (rc < 0)
		return rc;
	rc = cls->open(cls, config, pool, &self, &err);
	if (rc < 0 && err.cls == LEAT_CLS_CONFIG) {
		conf_problem(c, properties_find(c->props, key), key, NULL,
		    "%s", err.text);
		return rc;
	}
	if (rc < 0) {
		*c->err = err;
		return rc;
	}
	*ret_converter = (struct converter){ cls, self };
	return 0;
}

void
converter_close(struct converter *c)
{
	if (c->cls != NULL)
		c->cls->close(c->self);
	c->cls = NULL;
	c->self = NULL;
}

size_t
converter_held(const struct converter *c)
{
	return c->cls == NULL || c->cls->held == NULL ? 0
	    : c->cls->held(c->self);
}
