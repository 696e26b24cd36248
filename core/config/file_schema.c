/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_schema.c: option rows as JSON Schema.
 *
 * A value may always be text, since it may hold a reference (${env:X}); what
 * is narrower stands beside that as an alternative.
 */
#include "core/config/file_schema.h"

#include <string.h>

#include <leat/json.h>
#include <leat/str.h>

#include "core/base/obj.h"

/* Writes members with commas between them. */
struct writer {
	struct leat_buf *to;
	bool first;
};

static void
add_text(struct writer *w, const char *s)
{
	(void)leat_json_add_string(w->to, s, strlen(s));
}

static void
add_name(struct writer *w, const char *name)
{
	(void)leat_buf_add_str(w->to, w->first ? "\n" : ",\n");
	w->first = false;
	add_text(w, name);
	(void)leat_buf_add_byte(w->to, ':');
}

static void
open_object(struct writer *w)
{
	(void)leat_buf_add_byte(w->to, '{');
	w->first = true;
}

static void
close_object(struct writer *w)
{
	(void)leat_buf_add_byte(w->to, '}');
	w->first = false;
}

static void
add_member(struct writer *w, const char *name, const char *text)
{
	add_name(w, name);
	add_text(w, text);
}

/* ------------------------------------------------------------------- types */

#define REFERENCE "{\"type\":\"string\",\"pattern\":\"\\\\$\\\\{\"}"

static void
add_choices(struct writer *w, const struct leat_option *o)
{
	struct leat_str rest = leat_str_c(o->choices != NULL ? o->choices :
	    "");
	const char *sep = "";

	(void)leat_buf_add_str(w->to, "{\"enum\":[");
	while (rest.len > 0) {
		struct leat_str one = leat_str_trim(leat_str_cut(&rest, ','));

		(void)leat_buf_add_str(w->to, sep);
		(void)leat_json_add_string(w->to, one.ptr, one.len);
		sep = ",";
	}
	(void)leat_buf_add_str(w->to, "]}");
}

static void
add_integer(struct writer *w, const struct leat_option *o)
{
	(void)leat_buf_add_str(w->to, "{\"type\":\"integer\"");
	if (o->min != 0 || o->max != 0) {
		(void)leat_buf_add_str(w->to, ",\"minimum\":");
		(void)leat_buf_add_i64(w->to, o->min);
		(void)leat_buf_add_str(w->to, ",\"maximum\":");
		(void)leat_buf_add_i64(w->to, o->max);
	}
	(void)leat_buf_add_str(w->to, "}");
}

/* The alternatives for a value, or NULL where text of any form is right. */
static void
add_type(struct writer *w, const struct leat_option *o)
{
	static const char scalar[] =
	    "{\"type\":[\"string\",\"number\",\"boolean\",\"null\"]}";

	add_name(w, "anyOf");
	(void)leat_buf_add_byte(w->to, '[');
	switch (o->type) {
	case LEAT_OPT_BOOL:
		(void)leat_buf_add_str(w->to,
		    "{\"type\":\"boolean\"},{\"enum\":["
		    "\"true\",\"false\",\"yes\",\"no\",\"on\",\"off\"]},"
		    REFERENCE);
		break;
	case LEAT_OPT_INT:
		add_integer(w, o);
		(void)leat_buf_add_str(w->to, ",{\"type\":\"string\","
		    "\"pattern\":\"^-?[0-9]+$\"}," REFERENCE);
		break;
	case LEAT_OPT_DOUBLE:
		(void)leat_buf_add_str(w->to, "{\"type\":\"number\"},"
		    "{\"type\":\"string\"}");
		break;
	case LEAT_OPT_CHOICE:
		add_choices(w, o);
		(void)leat_buf_add_str(w->to, "," REFERENCE);
		break;
	case LEAT_OPT_DURATION:
		add_integer(w, o);
		(void)leat_buf_add_str(w->to,
		    ",{\"type\":\"string\",\"pattern\":"
		    "\"^-?[0-9.]+ *(ms|s|m|h|d)?$\"}," REFERENCE);
		break;
	case LEAT_OPT_BYTES:
		add_integer(w, o);
		(void)leat_buf_add_str(w->to,
		    ",{\"type\":\"string\",\"pattern\":"
		    "\"^-?[0-9.]+ *([kKMGT]?i?B)?$\"}," REFERENCE);
		break;
	case LEAT_OPT_LIST:
		(void)leat_buf_printf(w->to, "%s,{\"type\":\"array\","
		    "\"items\":%s}", scalar, scalar);
		break;
	default:
		(void)leat_buf_add_str(w->to, scalar);
		break;
	}
	(void)leat_buf_add_byte(w->to, ']');
}

static void
add_schema(struct writer *w, const struct leat_option *o)
{
	open_object(w);
	if (o->help != NULL)
		add_member(w, "description", o->help);
	if (o->def != NULL)
		add_member(w, "default", o->def);
	if (o->flags & LEAT_OPT_DEPRECATED) {
		add_name(w, "deprecated");
		(void)leat_buf_add_str(w->to, "true");
	}
	add_type(w, o);
	close_object(w);
}

/* ----------------------------------------------------------------- tables */

/* The framework's row of a key that add_own_keys() writes. */
static bool
is_own_key(const char *name)
{
	static const char *const own[] = { "connector", "connector.class",
	    "name", "enabled", "transforms", "predicates" };

	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		if (strcmp(name, own[i]) == 0)
			return true;
	return false;
}

static bool
seen_before(const struct leat_option *const *tables, size_t table,
    const struct leat_option *row)
{
	for (size_t t = 0; t <= table; t++)
		for (const struct leat_option *o = tables[t];
		    o->name != NULL; o++) {
			if (o == row)
				return false;
			if (strcmp(o->name, row->name) == 0 &&
			    o->type != LEAT_OPT_MAP)
				return true;
		}
	return false;
}

static void
add_aliases(struct writer *w, const struct leat_option *o)
{
	struct leat_str rest = leat_str_c(o->aliases != NULL ? o->aliases :
	    "");

	while (rest.len > 0) {
		struct leat_str one = leat_str_trim(leat_str_cut(&rest, ','));

		(void)leat_buf_add_str(w->to, w->first ? "\n" : ",\n");
		w->first = false;
		(void)leat_json_add_string(w->to, one.ptr, one.len);
		(void)leat_buf_add_byte(w->to, ':');
		add_schema(w, o);
	}
}

static void
add_properties(struct writer *w, const struct leat_option *const *tables,
    size_t ntables)
{
	for (size_t t = 0; t < ntables; t++) {
		for (const struct leat_option *o = tables[t];
		    o->name != NULL; o++) {
			if (o->type == LEAT_OPT_MAP ||
			    is_own_key(o->name) || seen_before(tables, t, o))
				continue;
			add_name(w, o->name);
			add_schema(w, o);
			add_aliases(w, o);
		}
	}
}

/* Maps, and the families that transforms and converters bring. */
static void
add_patterns(struct writer *w, const struct leat_option *const *tables,
    size_t ntables)
{
	static const char *const families[] = { "transforms", "predicates",
	    "key.converter", "value.converter", "header.converter",
	    "producer.override", "consumer.override", "admin.override",
	    "topic.creation" };

	add_name(w, "patternProperties");
	open_object(w);
	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		(void)leat_buf_printf(w->to, "%s\"^%s\\\\.\":{}",
		    w->first ? "\n" : ",\n", families[i]);
		w->first = false;
	}
	for (size_t t = 0; t < ntables; t++)
		for (const struct leat_option *o = tables[t];
		    o->name != NULL; o++)
			if (o->type == LEAT_OPT_MAP)
				(void)leat_buf_printf(w->to,
				    ",\n\"^%s\\\\.\":{}", o->name);
	close_object(w);
}

/* ------------------------------------------------------------- connectors */

static void
add_const(struct writer *w, const char *name,
    const struct leat_connector *c)
{
	struct leat_str rest = leat_str_c(c->aliases != NULL ? c->aliases :
	    "");

	add_name(w, name);
	(void)leat_buf_add_str(w->to, "{\"enum\":[");
	add_text(w, c->name);
	while (rest.len > 0) {
		struct leat_str one = leat_str_trim(leat_str_cut(&rest, ','));

		(void)leat_buf_add_byte(w->to, ',');
		(void)leat_json_add_string(w->to, one.ptr, one.len);
	}
	(void)leat_buf_add_str(w->to, "]}");
}

/* Keys of the file format, in every connector. */
static void
add_own_keys(struct writer *w, const struct leat_connector *c)
{
	static const char *const lists[] = { "transforms", "predicates" };

	add_const(w, "connector", c);
	add_const(w, "connector.class", c);
	add_name(w, "name");
	(void)leat_buf_add_str(w->to, "{\"type\":\"string\"}");
	add_name(w, "enabled");
	(void)leat_buf_add_str(w->to, "{\"type\":[\"boolean\",\"string\"]}");
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		add_name(w, lists[i]);
		(void)leat_buf_add_str(w->to,
		    "{\"type\":[\"string\",\"array\",\"object\"]}");
	}
}

static void
add_connector(struct writer *w, const struct file_schema_input *in,
    const struct leat_connector *c)
{
	const struct leat_option *const tables[] = { c->options,
	    c->kind == LEAT_SOURCE ? in->source_rows : in->sink_rows };

	open_object(w);
	add_member(w, "title", c->name);
	if (c->help != NULL)
		add_member(w, "description", c->help);
	add_member(w, "type", "object");
	add_name(w, "anyOf");
	(void)leat_buf_add_str(w->to, "[{\"required\":[\"connector\"]},"
	    "{\"required\":[\"connector.class\"]}]");
	add_name(w, "properties");
	open_object(w);
	add_own_keys(w, c);
	add_properties(w, tables, ARRAY_LEN(tables));
	close_object(w);
	add_patterns(w, tables, ARRAY_LEN(tables));
	add_name(w, "additionalProperties");
	(void)leat_buf_add_str(w->to, "{\"type\":\"object\"}");
	close_object(w);
}

/* The connectors of a kind as alternatives; 0 is both. */
static void
add_alternatives(struct writer *w, const struct file_schema_input *in,
    int32_t kind)
{
	bool first = true;

	(void)leat_buf_add_str(w->to, "{\"anyOf\":[");
	for (size_t i = 0; i < in->nconnectors; i++) {
		if (kind != 0 && in->connectors[i]->kind != kind)
			continue;
		(void)leat_buf_printf(w->to, "%s{\"$ref\":"
		    "\"#/definitions/%s\"}", first ? "" : ",",
		    in->connectors[i]->name);
		first = false;
	}
	(void)leat_buf_add_str(w->to, first ? "{}]}" : "]}");
}

static void
add_definitions(struct writer *w, const struct file_schema_input *in)
{
	open_object(w);
	for (size_t i = 0; i < in->nconnectors; i++) {
		add_name(w, in->connectors[i]->name);
		add_connector(w, in, in->connectors[i]);
	}
	add_name(w, "any-source");
	add_alternatives(w, in, LEAT_SOURCE);
	add_name(w, "any-sink");
	add_alternatives(w, in, LEAT_SINK);
	add_name(w, "any-connector");
	add_alternatives(w, in, 0);
	close_object(w);
}

int
file_schema_write(const struct file_schema_input *in, struct leat_buf *to)
{
	struct writer w = { to, true };

	open_object(&w);
	add_member(&w, "$schema", "http://json-schema.org/draft-07/schema#");
	add_member(&w, "title", "A file of Leat's connectors.d");
	add_name(&w, "anyOf");
	(void)leat_buf_add_str(to,
	    "[{\"$ref\":\"#/definitions/any-connector\"},"
	    "{\"type\":\"object\",\"required\":[\"source\"],\"properties\":{"
	    "\"name\":{\"type\":\"string\"},"
	    "\"enabled\":{\"type\":[\"boolean\",\"string\"]},"
	    "\"source\":{\"$ref\":\"#/definitions/any-source\"},"
	    "\"sink\":{\"$ref\":\"#/definitions/any-sink\"},"
	    "\"sinks\":{\"anyOf\":[{\"type\":\"array\",\"items\":"
	    "{\"$ref\":\"#/definitions/any-sink\"}},"
	    "{\"type\":\"object\",\"additionalProperties\":"
	    "{\"$ref\":\"#/definitions/any-sink\"}}]}},"
	    "\"patternProperties\":"
	    "{\"^(key|value|header)(\\\\.converter.*)?$\":{}},"
	    "\"additionalProperties\":false},"
	    "{\"type\":\"object\",\"required\":[\"config\"],\"properties\":{"
	    "\"name\":{\"type\":\"string\"},"
	    "\"initial_state\":{\"type\":\"string\"},"
	    "\"config\":{\"type\":\"object\"}},"
	    "\"additionalProperties\":false}]");
	add_name(&w, "definitions");
	add_definitions(&w, in);
	close_object(&w);
	(void)leat_buf_add_byte(to, '\n');
	return to->failed ? -1 : 0;
}
