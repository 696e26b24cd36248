/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.c: building nodes within the limits, and trees from JSON values.
 *
 * The limits count what the tree means, not what it takes: each node carries
 * the number of nodes below it with every alias written out, so that a few
 * lines of nested aliases ("billion laughs") are refused where they exceed
 * what a file may hold.
 */
#include "core/config/tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <leat/json.h>
#include <leat/map.h>

#include "core/base/obj.h"
#include "core/config/tree_build.h"

enum { TEXT_MAX = 512, FIRST_ITEMS = 8, HASH_FROM = 32, MERGE_MAX = 1000 };

int
tree_fail(struct tree_build *b, int32_t line, int32_t column, const char *key,
    const char *hint, const char *fmt, ...)
{
	struct place place = { b->file, line, column };
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	problems_add(b->problems, place, key, hint, "%s", text);
	return LEAT_E_PARSE;
}

int
tree_no_memory(struct tree_build *b)
{
	return tree_fail(b, 0, 0, NULL, NULL, "out of memory");
}

struct tree_node *
tree_node_new(struct tree_build *b, enum tree_kind kind, int32_t line,
    int32_t column)
{
	struct tree_node *n = leat_arena_calloc(b->arena, 1, sizeof(*n));

	if (n == NULL) {
		(void)tree_no_memory(b);
		return NULL;
	}
	n->kind = kind;
	n->line = line;
	n->column = column;
	n->weight = 1;
	n->height = 1;
	return n;
}

/* ----------------------------------------------------------------- items */

static const struct tree_item *
find_item(const struct tree_item *items, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(items[i].key, key) == 0)
			return &items[i];
	return NULL;
}

const struct tree_item *
tree_find(const struct tree_node *map, const char *key)
{
	if (map->kind != TREE_MAP)
		return NULL;
	return find_item(map->items, map->nitems, key);
}

static int
room(struct tree_build *b, struct tree_open *to)
{
	size_t cap = to->cap == 0 ? FIRST_ITEMS : to->cap * 2;
	struct tree_item *items;

	if (to->len < to->cap)
		return 0;
	items = leat_arena_calloc(b->arena, cap, sizeof(*items));
	if (items == NULL)
		return tree_no_memory(b);
	if (to->len > 0)
		memcpy(items, to->items, to->len * sizeof(*items));
	to->items = items;
	to->cap = cap;
	return 0;
}

/* Charges a child to its parent. */
static int
grow(struct tree_build *b, struct tree_node *node,
    const struct tree_node *child, int32_t line, int32_t column)
{
	node->weight += child->weight;
	node->height = MAX(node->height, child->height + 1);
	if (node->weight > TREE_NODES_MAX)
		return tree_fail(b, line, column, NULL, NULL,
		    "more than %d values, aliases written out",
		    (int)TREE_NODES_MAX);
	if (node->height > TREE_DEPTH_MAX)
		return tree_fail(b, line, column, NULL, NULL,
		    "nested deeper than %d levels", (int)TREE_DEPTH_MAX);
	return 0;
}

int
tree_add(struct tree_build *b, struct tree_open *to,
    const struct tree_node *value)
{
	int32_t line = to->key != NULL ? to->line : value->line;
	int32_t column = to->key != NULL ? to->column : value->column;
	int rc = grow(b, to->node, value, line, column);

	if (rc == 0)
		rc = room(b, to);
	if (rc < 0)
		return rc;
	assert(to->items != NULL);
	to->items[to->len++] = (struct tree_item){ TAKE(to->key), line, column,
		value };
	return 0;
}

/* ----------------------------------------------------- keys and merging */

static int
twice(struct tree_build *b, const struct tree_item *item,
    const struct tree_item *first)
{
	if (first->line == 0)
		return tree_fail(b, 0, 0, item->key, NULL, "set twice");
	return tree_fail(b, item->line, item->column, item->key, NULL,
	    "set twice, first in line %d", first->line);
}

/* Many keys are compared through a table, few one by one. */
static int
check_keys_hashed(struct tree_build *b, const struct tree_open *open)
{
	struct leat_map seen = { 0 };
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < open->len; i++) {
		struct tree_item *item = &open->items[i];
		void *first = NULL;

		if (leat_map_set(&seen, leat_str_c(item->key), item,
		    &first) < 0)
			rc = tree_no_memory(b);
		else if (first != NULL)
			rc = twice(b, item, first);
	}
	leat_map_fini(&seen);
	return rc;
}

static int
check_keys(struct tree_build *b, const struct tree_open *open)
{
	int rc = 0;

	if (open->len > HASH_FROM)
		return check_keys_hashed(b, open);
	for (size_t i = 1; rc == 0 && i < open->len; i++) {
		const struct tree_item *first = find_item(open->items, i,
		    open->items[i].key);

		if (first != NULL)
			rc = twice(b, &open->items[i], first);
	}
	return rc;
}

/* Adds what a merged map has and the map itself has not. */
static int
merge_map(struct tree_build *b, struct tree_open *open,
    const struct tree_node *from)
{
	int rc = 0;

	if (open->len + from->nitems > MERGE_MAX)
		return tree_fail(b, open->node->line, open->node->column, NULL,
		    NULL, "more than %d keys in a map with '<<'",
		    (int)MERGE_MAX);
	for (size_t i = 0; rc == 0 && i < from->nitems; i++) {
		const struct tree_item *item = &from->items[i];

		if (find_item(open->items, open->len, item->key) != NULL)
			continue;
		rc = room(b, open);
		assert(rc < 0 || open->items != NULL);
		if (rc == 0)
			open->items[open->len++] = *item;
	}
	return rc;
}

/* The value of "<<": a map, or a list of maps of which earlier ones win. */
static int
merge(struct tree_build *b, struct tree_open *open,
    const struct tree_item *item)
{
	const struct tree_node *from = item->value;
	int rc = 0;

	if (from->kind == TREE_MAP)
		return merge_map(b, open, from);
	for (size_t i = 0; from->kind == TREE_LIST && rc == 0 &&
	    i < from->nitems; i++) {
		if (from->items[i].value->kind != TREE_MAP)
			break;
		rc = merge_map(b, open, from->items[i].value);
		if (rc == 0 && i + 1 == from->nitems)
			return 0;
	}
	return rc < 0 ? rc : tree_fail(b, item->line, item->column, "<<", NULL,
	    "expected a map, or a list of maps");
}

int
tree_close(struct tree_build *b, struct tree_open *open)
{
	struct tree_item merged = { 0 };
	int rc = 0;

	if (open->node->kind == TREE_MAP)
		rc = check_keys(b, open);
	for (size_t i = 0; rc == 0 && i < open->len; i++) {
		if (open->items[i].key == NULL ||
		    strcmp(open->items[i].key, "<<") != 0)
			continue;
		merged = open->items[i];
		memmove(open->items + i, open->items + i + 1,
		    (open->len - i - 1) * sizeof(merged));
		open->len--;
		rc = merge(b, open, &merged);
		break;
	}
	open->node->items = open->items;
	open->node->nitems = open->len;
	return rc;
}

/* ------------------------------------------------------ from JSON values */

static const struct tree_node *from_value(struct tree_build *b,
    const struct leat_value *v, unsigned depth);

static const char *
copy_text(struct tree_build *b, const char *s, size_t len)
{
	char *to;

	if (memchr(s, '\0', len) != NULL) {
		(void)tree_fail(b, 0, 0, NULL, NULL,
		    "text may not hold a NUL character");
		return NULL;
	}
	to = leat_arena_strndup(b->arena, s, len);
	if (to == NULL)
		(void)tree_no_memory(b);
	return to;
}

static const struct tree_node *
scalar_from_value(struct tree_build *b, const struct leat_value *v)
{
	struct tree_node *n = tree_node_new(b, TREE_SCALAR, 0, 0);
	struct leat_buf text;

	if (n == NULL)
		return NULL;
	if (v->kind == LEAT_STRING) {
		n->text = copy_text(b, v->u.s, v->len);
		return n->text != NULL ? n : NULL;
	}
	leat_buf_init(&text, TEXT_MAX);
	(void)leat_json_add_value(&text, v);
	if (leat_buf_cstr(&text) == NULL)
		(void)tree_no_memory(b);
	else
		n->text = copy_text(b, (const char *)text.data, text.len);
	leat_buf_fini(&text);
	return n->text != NULL ? n : NULL;
}

static const struct tree_node *
items_from_value(struct tree_build *b, const struct leat_value *v,
    unsigned depth)
{
	bool map = v->kind == LEAT_MAP;
	struct tree_open open = {
		.node = tree_node_new(b, map ? TREE_MAP : TREE_LIST, 0, 0),
	};

	if (open.node == NULL)
		return NULL;
	for (uint32_t i = 0; i < v->len; i++) {
		const struct leat_value *item = &v->u.items[map ? 2 * i + 1 :
		    i];
		const struct leat_value *key = &v->u.items[map ? 2 * i : i];
		const struct tree_node *child = from_value(b, item, depth + 1);

		if (child == NULL)
			return NULL;
		if (map)
			open.key = copy_text(b, key->u.s, key->len);
		if ((map && open.key == NULL) ||
		    tree_add(b, &open, child) < 0)
			return NULL;
	}
	open.node->items = open.items;
	open.node->nitems = open.len;
	if (map && check_keys(b, &open) < 0)
		return NULL;
	return open.node;
}

static const struct tree_node *
from_value(struct tree_build *b, const struct leat_value *v, unsigned depth)
{
	if (depth > TREE_DEPTH_MAX) {
		(void)tree_fail(b, 0, 0, NULL, NULL,
		    "nested deeper than %d levels", (int)TREE_DEPTH_MAX);
		return NULL;
	}
	if (v->kind == LEAT_NULL)
		return tree_node_new(b, TREE_NULL, 0, 0);
	if (v->kind == LEAT_MAP || v->kind == LEAT_ARRAY)
		return items_from_value(b, v, depth);
	return scalar_from_value(b, v);
}

const struct tree_node *
tree_from_value(const struct leat_value *value, const char *file,
    struct leat_arena *arena, struct problems *problems)
{
	struct tree_build b = { file, arena, problems };

	return from_value(&b, value, 1);
}

/* ---------------------------------------------------------------- parsing */

/*
 * JSON is YAML but for a few corners (escaped surrogate pairs, keys longer than
 * 1024 bytes): what only a JSON parser understands is read as JSON, without
 * places.
 */
static const struct tree_node *
parse_json(struct tree_build *b, const char *text, size_t len)
{
	struct leat_value doc;

	if (leat_json_parse(b->arena, text, len, &doc, NULL) < 0)
		return NULL;
	return from_value(b, &doc, 1);
}

const struct tree_node *
tree_parse(const char *text, size_t len, const char *file,
    struct leat_arena *arena, struct problems *problems)
{
	struct tree_build b = { file, arena, problems };
	struct tree_build yaml = { file, arena, problems_new() };
	const struct tree_node *root = NULL;

	if (yaml.problems == NULL) {
		(void)tree_no_memory(&b);
		return NULL;
	}
	if (len > TREE_BYTES_MAX)
		(void)tree_fail(&yaml, 0, 0, NULL, NULL,
		    "larger than %d bytes", (int)TREE_BYTES_MAX);
	else
		root = tree_parse_yaml(&yaml, text, len);
	if (root == NULL && len <= TREE_BYTES_MAX && len > 0 &&
	    text[0] == '{')
		root = parse_json(&yaml, text, len);
	if (root == NULL)
		problems_append(problems, yaml.problems);
	problems_free(yaml.problems);
	return root;
}
