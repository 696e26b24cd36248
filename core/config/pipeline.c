/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pipeline.c: a file with `source:` and `sink:` (or `sinks:`).
 *
 * The two are joined by topics. What the source writes follows from its option
 * table: with a row `topic.prefix` it writes <prefix>.<anything>, with a row
 * `topic` it writes that one topic. Where neither is set and there is no
 * default, it is the pipeline's name. A sink without `topics` and
 * `topics.regex` gets what follows. A transform of the source that renames
 * topics makes that a guess, so then the sink must say.
 */
#include <stdio.h>
#include <string.h>

#include <leat/options.h>
#include <leat/str.h>

#include "core/base/obj.h"
#include "core/config/file_read.h"

enum { KEY_MAX = 600 };

/* What a pipeline's sinks read if they do not say. */
struct topics {
	struct leat_buf text;
	bool regex;
	bool known;
	struct place place;
	char renamed_by[128];	/* a transform of the source, or "" */
};

struct pipeline {
	struct file_read *r;
	const char *name;
	struct properties *shared;	/* converters for both sides */
	struct topics topics;
};

/* ----------------------------------------------------------------- topics */

/* The row of a key, never one of type MAP that only happens to take it. */
static const struct leat_option *
row_of(const struct leat_connector *c, const char *key)
{
	const char *rest;
	const struct leat_option *row = leat_options_find(c->options, key,
	    &rest);

	return rest == NULL ? row : NULL;
}

/* What is set for a row, by its name or an alias. */
static const struct property *
set_for(const struct properties_builder *b, const struct leat_option *row)
{
	struct leat_str more = leat_str_c(row->aliases != NULL ?
	    row->aliases : "");
	const struct property *p = properties_builder_find(b, row->name);

	while (p == NULL && more.len > 0) {
		struct leat_str one = leat_str_trim(leat_str_cut(&more, ','));
		char *key = strndup(one.ptr, one.len);

		if (key != NULL)
			p = properties_builder_find(b, key);
		free(key);
	}
	return p;
}

/* The value of a row; the pipeline's name is set where nothing else is. */
static const char *
value_of(struct pipeline *p, struct properties_builder *b,
    const struct leat_option *row)
{
	const struct property *set = set_for(b, row);

	p->topics.place = file_place(p->r, 0, 0);
	if (set != NULL && *set->value != '\0') {
		p->topics.place = set->place;
		return set->value;
	}
	if (set == NULL && row->def != NULL)
		return row->def;
	if (properties_builder_set(b, row->name, p->name, p->name,
	    file_place(p->r, 0, 0), false) < 0)
		file_no_memory(p->r);
	return p->name;
}

/* Text that a POSIX or Java expression takes as it is. */
static void
add_quoted(struct leat_buf *to, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (strchr("\\.[](){}*+?^$|", s[i]) != NULL)
			(void)leat_buf_add_byte(to, '\\');
		(void)leat_buf_add_byte(to, (uint8_t)s[i]);
	}
}

/* A topic with ${variables} of the connector is a whole family. */
static void
add_topic(struct topics *t, const char *topic)
{
	const char *end;

	t->regex = strstr(topic, "${") != NULL;
	if (!t->regex) {
		(void)leat_buf_add_str(&t->text, topic);
		return;
	}
	while (*topic != '\0') {
		size_t plain = strcspn(topic, "$");

		add_quoted(&t->text, topic, plain);
		topic += plain;
		end = strncmp(topic, "${", 2) == 0 ? strchr(topic, '}') : NULL;
		if (end != NULL) {
			(void)leat_buf_add_str(&t->text, ".*");
			topic = end + 1;
		} else if (*topic != '\0') {
			add_quoted(&t->text, topic++, 1);
		}
	}
}

static void
add_prefix(struct pipeline *p, struct properties_builder *b,
    const struct leat_connector *c, const char *prefix)
{
	const struct leat_option *row = c == NULL ? NULL :
	    row_of(c, "topic.delimiter");
	const struct property *set = row == NULL ? NULL : set_for(b, row);
	const char *delimiter = ".";

	if (set != NULL)
		delimiter = set->value;
	else if (row != NULL && row->def != NULL)
		delimiter = row->def;
	add_quoted(&p->topics.text, prefix, strlen(prefix));
	add_quoted(&p->topics.text, delimiter, strlen(delimiter));
	(void)leat_buf_add_str(&p->topics.text, ".*");
	p->topics.regex = true;
}

/* Without the connector's table: by the usual names. */
static void
guess_topics(struct pipeline *p, struct properties_builder *b)
{
	static const struct leat_option prefix = {
		.name = "topic.prefix",
		.type = LEAT_OPT_STRING,
	};
	static const struct leat_option topic = {
		.name = "topic",
		.aliases = "kafka.topic",
		.type = LEAT_OPT_STRING,
	};
	const struct property *class = properties_builder_find(b,
	    "connector.class");

	if (set_for(b, &prefix) != NULL || (class != NULL &&
	    strcasestr(class->value, "postgres") != NULL))
		add_prefix(p, b, NULL, value_of(p, b, &prefix));
	else
		add_topic(&p->topics, value_of(p, b, &topic));
	p->topics.known = true;
}

static void
find_topics(struct pipeline *p, struct properties_builder *b)
{
	const struct config_reader *reader = p->r->reader;
	const struct property *class = properties_builder_find(b,
	    "connector.class");
	const struct leat_connector *c = NULL;
	const struct leat_option *row;

	if (reader->find == NULL) {
		guess_topics(p, b);
		return;
	}
	if (class != NULL)
		c = reader->find(reader->arg, class->value);
	if (c == NULL)
		return;	/* said elsewhere: there is no such connector */
	row = row_of(c, "topic.prefix");
	if (row != NULL) {
		add_prefix(p, b, c, value_of(p, b, row));
	} else {
		row = row_of(c, "topic");
		if (row == NULL)
			return;
		add_topic(&p->topics, value_of(p, b, row));
	}
	p->topics.known = true;
}

/* Notes a transform of the source that gives records another topic. */
static void
find_renaming(struct pipeline *p, const struct properties_builder *b)
{
	static const char *const words[] = { "Router", "ExtractTopic",
	    "ByLogicalTable", "Outbox" };
	const struct property *list = properties_builder_find(b,
	    "transforms");
	struct leat_str rest = leat_str_c(list != NULL ? list->value : "");

	while (rest.len > 0) {
		struct leat_str alias = leat_str_trim(leat_str_cut(&rest,
		    ','));
		const struct property *type;
		char key[KEY_MAX];

		(void)snprintf(key, sizeof(key), "transforms.%.*s.type",
		    (int)MIN(alias.len, 500), alias.ptr);
		type = properties_builder_find(b, key);
		for (size_t i = 0; type != NULL && i < ARRAY_LEN(words); i++)
			if (strstr(type->value, words[i]) != NULL)
				(void)snprintf(p->topics.renamed_by,
				    sizeof(p->topics.renamed_by), "%.*s",
				    (int)MIN(alias.len, 100), alias.ptr);
	}
}

/* ---------------------------------------------------------------- sections */

static void
share(struct pipeline *p, struct properties_builder *b)
{
	if (p->shared != NULL && properties_builder_add(b, p->shared,
	    true) < 0)
		file_no_memory(p->r);
}

static bool
is_map(struct pipeline *p, const struct tree_node *node, const char *key)
{
	if (node->kind == TREE_MAP)
		return true;
	file_fail(p->r, file_place(p->r, node->line, node->column), key, NULL,
	    "expected a map with the settings of a connector");
	return false;
}

static void
read_source(struct pipeline *p, const struct tree_node *node,
    struct properties_builder *b)
{
	char name[CONNECTOR_NAME_MAX + 64];
	bool enabled;

	if (!is_map(p, node, "source"))
		return;
	file_section(p->r, node, b);
	file_class(p->r, b);
	share(p, b);
	find_renaming(p, b);
	find_topics(p, b);
	enabled = file_enabled(p->r, b);
	(void)snprintf(name, sizeof(name), "%.260s-source", p->name);
	if (enabled)
		file_connector(p->r, b, name);
}

static void
join(struct pipeline *p, struct properties_builder *b,
    const struct tree_node *node)
{
	const struct topics *t = &p->topics;

	if (properties_builder_find(b, "topics") != NULL ||
	    properties_builder_find(b, "topics.regex") != NULL ||
	    !t->known)
		return;
	if (t->renamed_by[0] != '\0') {
		problems_add(p->r->flatten.problems, file_place(p->r,
		    node->line, node->column), "topics", NULL,
		    "required, since the source's transform '%s' renames "
		    "topics", t->renamed_by);
		p->r->failed = true;
		return;
	}
	if (properties_builder_set(b, t->regex ? "topics.regex" : "topics",
	    (const char *)t->text.data, (const char *)t->text.data, t->place,
	    false) < 0)
		file_no_memory(p->r);
}

static void
read_sink(struct pipeline *p, const struct tree_node *node, const char *suffix)
{
	char name[CONNECTOR_NAME_MAX * 2 + 64];
	struct properties_builder *b;

	if (!is_map(p, node, "sink"))
		return;
	b = properties_builder_new();
	if (b == NULL) {
		file_no_memory(p->r);
		return;
	}
	file_section(p->r, node, b);
	share(p, b);
	join(p, b, node);
	(void)snprintf(name, sizeof(name), "%.260s-sink%s%.260s", p->name,
	    *suffix != '\0' ? "-" : "", suffix);
	if (file_enabled(p->r, b))
		file_connector(p->r, b, name);
	properties_builder_free(b);
}

/* A map gives each sink its name, a list its number. */
static void
read_sinks(struct pipeline *p, const struct tree_item *sinks)
{
	const struct tree_node *node = sinks->value;
	char number[24];

	if (node->kind != TREE_MAP && node->kind != TREE_LIST)
		file_fail(p->r, file_place(p->r, sinks->line, sinks->column),
		    "sinks", NULL, "expected a list, or a map, of sinks");
	for (size_t i = 0; i < node->nitems; i++) {
		const struct tree_item *item = &node->items[i];

		(void)snprintf(number, sizeof(number), "%zu", i + 1);
		read_sink(p, item->value,
		    item->key != NULL ? item->key : number);
	}
}

/* ---------------------------------------------------------------- the file */

static bool
is_shared(const char *key)
{
	return leat_str_starts(leat_str_c(key), "key.converter") ||
	    leat_str_starts(leat_str_c(key), "value.converter") ||
	    leat_str_starts(leat_str_c(key), "header.converter") ||
	    strcmp(key, "key") == 0 || strcmp(key, "value") == 0 ||
	    strcmp(key, "header") == 0;
}

static const char *const own[] = { "name", "enabled", "source", "sink",
    "sinks" };

/* A stranger is a slip of the pen, or it belongs into a section. */
static void
not_a_key(struct pipeline *p, const struct tree_item *item)
{
	unsigned least = 3;
	char hint[64] = "put it under 'source' or 'sink'";

	for (size_t k = 0; k < ARRAY_LEN(own); k++) {
		unsigned d = leat_edit_distance(leat_str_c(item->key),
		    leat_str_c(own[k]), least);

		if (d >= least)
			continue;
		least = d;
		(void)snprintf(hint, sizeof(hint), "did you mean '%s'?",
		    own[k]);
	}
	file_fail(p->r, file_place(p->r, item->line, item->column), item->key,
	    hint, "not a key of a pipeline");
}

/* What stands beside the sections: settings for both, and strangers. */
static void
read_beside(struct pipeline *p, const struct tree_node *root)
{
	struct properties_builder *b = properties_builder_new();

	for (size_t i = 0; b != NULL && i < root->nitems; i++) {
		const struct tree_item *item = &root->items[i];
		bool known = false;

		for (size_t k = 0; k < ARRAY_LEN(own); k++)
			known = known || strcmp(item->key, own[k]) == 0;
		if (known)
			continue;
		if (!is_shared(item->key))
			not_a_key(p, item);
		else if (flatten_item(&p->r->flatten, item, b) < 0)
			p->r->failed = true;
	}
	if (b != NULL)
		p->shared = properties_builder_finish(b);
	if (p->shared == NULL)
		file_no_memory(p->r);
	properties_builder_free(b);
}

static bool
read_enabled(struct pipeline *p, const struct tree_node *root)
{
	const struct tree_item *item = tree_find(root, "enabled");
	const char *text = file_text(p->r, root, "enabled");
	bool enabled = true;

	if (text != NULL && leat_parse_bool(leat_str_trim(leat_str_c(text)),
	    &enabled) < 0)
		file_fail(p->r, file_place(p->r, item->line, item->column),
		    "enabled", NULL, "expected true or false");
	return enabled;
}

static void
read_sections(struct pipeline *p, const struct tree_node *root)
{
	const struct tree_item *source = tree_find(root, "source");
	const struct tree_item *sink = tree_find(root, "sink");
	const struct tree_item *sinks = tree_find(root, "sinks");
	struct properties_builder *b = properties_builder_new();

	if (b == NULL) {
		file_no_memory(p->r);
		return;
	}
	if (source == NULL)
		file_fail(p->r, file_place(p->r, root->line, root->column),
		    "source", NULL, "required beside 'sink', but not set");
	else
		read_source(p, source->value, b);
	if (leat_buf_cstr(&p->topics.text) == NULL) {
		p->topics.known = false;
		file_no_memory(p->r);
	}
	if (sink == NULL && sinks == NULL)
		file_fail(p->r, file_place(p->r, root->line, root->column),
		    "sink", NULL, "required beside 'source', but not set");
	if (sink != NULL)
		read_sink(p, sink->value, "");
	if (sinks != NULL)
		read_sinks(p, sinks);
	properties_builder_free(b);
}

void
pipeline_read(struct file_read *r, const struct tree_node *root)
{
	const char *name = file_text(r, root, "name");
	struct pipeline p = { .r = r, .name = name != NULL ? name : r->stem };

	leat_buf_init(&p.topics.text, TREE_BYTES_MAX);
	r->file->pipeline = true;
	r->file->disabled = !read_enabled(&p, root);
	read_beside(&p, root);
	if (p.shared != NULL)
		read_sections(&p, root);
	leat_buf_fini(&p.topics.text);
	properties_unref(p.shared);
}
