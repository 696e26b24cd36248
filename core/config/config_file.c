/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_file.c: which kind a file is, and the two kinds with one connector.
 */
#include "core/config/config_file.h"

#include <string.h>

#include <leat/str.h>

#include "core/base/obj.h"
#include "core/config/file_read.h"

enum { TREE_ARENA_MAX = 64 * 1024 * 1024 };

/* ----------------------------------------------------------------- errors */

struct place
file_place(const struct file_read *r, int32_t line, int32_t column)
{
	return (struct place){ r->flatten.file, line, column };
}

void
file_fail(struct file_read *r, struct place place, const char *key,
    const char *hint, const char *text)
{
	problems_add(r->flatten.problems, place, key, hint, "%s", text);
	r->failed = true;
}

void
file_no_memory(struct file_read *r)
{
	file_fail(r, file_place(r, 0, 0), NULL, NULL, "out of memory");
}

/* --------------------------------------------------------------- sections */

void
file_section(struct file_read *r, const struct tree_node *map,
    struct properties_builder *to)
{
	properties_builder_origin(to, file_place(r, map->line, map->column));
	if (flatten_map(&r->flatten, map, to) < 0)
		r->failed = true;
}

void
file_class(struct file_read *r, struct properties_builder *b)
{
	const struct property *alias = properties_builder_find(b, "connector");
	const struct property *full = properties_builder_find(b,
	    "connector.class");

	if (alias == NULL)
		return;
	if (full != NULL) {
		file_fail(r, alias->place, "connector", NULL,
		    "set twice, also as 'connector.class'");
		return;
	}
	if (properties_builder_set(b, "connector.class", alias->raw,
	    alias->value, alias->place, alias->secret) < 0)
		file_no_memory(r);
	properties_builder_remove(b, "connector");
}

bool
file_enabled(struct file_read *r, struct properties_builder *b)
{
	const struct property *row = properties_builder_find(b, "enabled");
	bool enabled = true;

	if (row == NULL)
		return true;
	if (leat_parse_bool(leat_str_trim(leat_str_c(row->value)),
	    &enabled) < 0)
		file_fail(r, row->place, "enabled", NULL,
		    "expected true or false");
	properties_builder_remove(b, "enabled");
	return enabled;
}

const char *
file_text(struct file_read *r, const struct tree_node *map, const char *key)
{
	const struct tree_item *item = tree_find(map, key);

	if (item == NULL || item->value->kind == TREE_NULL)
		return NULL;
	if (item->value->kind == TREE_SCALAR)
		return item->value->text;
	file_fail(r, file_place(r, item->line, item->column), key, NULL,
	    "expected a plain value");
	return NULL;
}

const char *
connector_name_check(const char *name)
{
	size_t len = strlen(name);

	if (len == 0)
		return "the name is empty";
	if (len > CONNECTOR_NAME_MAX)
		return "the name is longer than 255 bytes";
	if (!leat_utf8_valid(name, len))
		return "the name is not UTF-8";
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
			return "the name has a control character";
	return NULL;
}

/* -------------------------------------------------------------- connectors */

/* Decides on the name and makes it a property. */
static char *
settle_name(struct file_read *r, struct properties_builder *b,
    const char *name)
{
	const struct property *row = properties_builder_find(b, "name");
	struct place place = row != NULL ? row->place : file_place(r, 0, 0);
	const char *wrong;
	char *copy;

	copy = strdup(row != NULL ? row->value : name);
	if (copy == NULL) {
		file_no_memory(r);
		return NULL;
	}
	wrong = connector_name_check(copy);
	if (wrong != NULL)
		file_fail(r, place, "name", NULL, wrong);
	if (row == NULL && properties_builder_set(b, "name", copy, copy, place,
	    false) < 0)
		file_no_memory(r);
	return copy;
}

static int
append(struct config_file *f, char *owned_name, struct properties *owned_props)
{
	struct config_connector *more;

	if (f->len >= CONFIG_FILE_CONNECTORS_MAX)
		return LEAT_E_LIMIT;
	more = realloc(f->connectors, (f->len + 1) * sizeof(*more));
	if (more == NULL)
		return -1;
	f->connectors = more;
	more[f->len++] = (struct config_connector){ owned_name, owned_props };
	return 0;
}

static bool
is_taken(const struct config_file *f, const char *name)
{
	for (size_t i = 0; i < f->len; i++)
		if (strcmp(f->connectors[i].name, name) == 0)
			return true;
	return false;
}

void
file_connector(struct file_read *r, struct properties_builder *b,
    const char *name)
{
	struct properties *props;
	char *own;

	file_class(r, b);
	own = settle_name(r, b, name);
	props = properties_builder_finish(b);
	if (props == NULL || own == NULL) {
		if (!r->failed)
			file_no_memory(r);
	} else if (properties_find(props, "connector.class") == NULL) {
		file_fail(r, properties_origin(props), "connector.class",
		    "write 'connector: <name>'", "required, but not set");
	} else if (is_taken(r->file, own)) {
		file_fail(r, properties_origin(props), "name", NULL,
		    "another connector of this file has this name");
	} else if (append(r->file, own, props) == 0) {
		return;
	} else {
		file_fail(r, properties_origin(props), NULL, NULL,
		    "too many connectors in one file");
	}
	free(own);
	properties_unref(props);
}

static void
read_connector(struct file_read *r, const struct tree_node *root)
{
	struct properties_builder *b = properties_builder_new();

	if (b == NULL) {
		file_no_memory(r);
		return;
	}
	file_section(r, root, b);
	r->file->disabled = !file_enabled(r, b);
	file_connector(r, b, r->stem);
	properties_builder_free(b);
}

/* --------------------------------------------------- Kafka Connect's form */

static void
check_kafka_keys(struct file_read *r, const struct tree_node *root)
{
	static const char *const known[] = { "name", "config",
	    "initial_state" };

	for (size_t i = 0; i < root->nitems; i++) {
		const struct tree_item *item = &root->items[i];
		bool found = false;

		for (size_t k = 0; k < ARRAY_LEN(known); k++)
			found = found || strcmp(item->key, known[k]) == 0;
		if (!found)
			file_fail(r, file_place(r, item->line, item->column),
			    item->key, "it belongs into 'config'",
			    "not a key of this form (allowed: name, config, "
			    "initial_state)");
	}
}

/* The two names, of the file and of its config, must be one. */
static void
check_names(struct file_read *r, const struct properties_builder *b,
    const char *name)
{
	const struct property *row = properties_builder_find(b, "name");

	if (row != NULL && name != NULL && strcmp(row->value, name) != 0)
		file_fail(r, row->place, "name", NULL,
		    "not the name that stands beside 'config'");
}

static void
read_kafka(struct file_read *r, const struct tree_node *root)
{
	struct properties_builder *b = properties_builder_new();
	const char *name = file_text(r, root, "name");
	const char *state = file_text(r, root, "initial_state");
	const struct tree_item *at = tree_find(root, "initial_state");

	if (b == NULL) {
		file_no_memory(r);
		return;
	}
	check_kafka_keys(r, root);
	file_section(r, tree_find(root, "config")->value, b);
	check_names(r, b, name);
	if (state != NULL && properties_builder_set(b, "initial_state", state,
	    state, file_place(r, at->line, at->column), false) < 0)
		file_no_memory(r);
	file_connector(r, b, name != NULL ? name : r->stem);
	properties_builder_free(b);
}

/* ------------------------------------------------------------------ files */

static bool
has(const struct tree_node *root, const char *key)
{
	return tree_find(root, key) != NULL;
}

static bool
is_kafka(const struct tree_node *root)
{
	const struct tree_item *config = tree_find(root, "config");

	return config != NULL && config->value->kind == TREE_MAP &&
	    !has(root, "connector.class") && !has(root, "connector");
}

static bool
is_pipeline(const struct tree_node *root)
{
	return (has(root, "source") || has(root, "sink") ||
	    has(root, "sinks")) && !has(root, "connector.class") &&
	    !has(root, "connector");
}

static void
read_root(struct file_read *r, const struct tree_node *root)
{
	if (root->kind == TREE_NULL)
		file_fail(r, file_place(r, 0, 0), NULL, NULL,
		    "the file is empty");
	else if (root->kind != TREE_MAP)
		file_fail(r, file_place(r, root->line, root->column), NULL,
		    NULL, "expected settings, as 'key: value'");
	else if (is_kafka(root))
		read_kafka(r, root);
	else if (is_pipeline(root))
		pipeline_read(r, root);
	else
		read_connector(r, root);
}

static void
drop_connectors(struct config_file *f)
{
	for (size_t i = 0; i < f->len; i++) {
		free(f->connectors[i].name);
		properties_unref(f->connectors[i].props);
	}
	free(f->connectors);
	f->connectors = NULL;
	f->len = 0;
}

void
config_file_fini(struct config_file *f)
{
	drop_connectors(f);
	*f = (struct config_file){ 0 };
}

int
config_file_read(const struct config_reader *reader, const char *path,
    const char *stem, const char *text, size_t len,
    struct config_file *ret_file, struct problems *problems)
{
	struct config_file file = { 0 };
	struct file_read r = {
		.reader = reader,
		.flatten = { path, reader->refs,
		    leat_str_ends(leat_str_c(path), ".json"), problems },
		.file = &file,
		.stem = stem,
	};
	const struct tree_node *root;
	struct leat_arena arena;

	leat_arena_init(&arena, 0, TREE_ARENA_MAX);
	root = tree_parse(text, len, path, &arena, problems);
	if (root != NULL)
		read_root(&r, root);
	leat_arena_fini(&arena);
	if (root == NULL || r.failed) {
		config_file_fini(&file);
		return LEAT_E_CONFIG;
	}
	if (file.disabled)
		drop_connectors(&file);
	*ret_file = file;
	return 0;
}

bool
config_file_equal(const struct config_file *a, const struct config_file *b)
{
	if (a->len != b->len)
		return false;
	for (size_t i = 0; i < a->len; i++)
		if (strcmp(a->connectors[i].name, b->connectors[i].name) != 0 ||
		    !properties_equal(a->connectors[i].props,
		    b->connectors[i].props))
			return false;
	return true;
}
