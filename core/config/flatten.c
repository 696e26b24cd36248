/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flatten.c: walking a tree whose depth and size were bounded when it was made.
 */
#include "core/config/flatten.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/base/obj.h"

enum {
	KEY_MAX = 512,
	ALIAS_MAX = 128,
	TREE_ARENA_MAX = 64 * 1024 * 1024
};

struct walk {
	const struct flatten *f;
	struct properties_builder *to;
	bool failed;
	size_t key_len;
	char key[KEY_MAX];	/* joined so far */
};

static int flatten_node(struct walk *w, const struct tree_item *item,
    const struct tree_node *node);

/* ---------------------------------------------------------------- errors */

static struct place
place_of(const struct walk *w, int32_t line, int32_t column)
{
	return (struct place){ w->f->file, line, column };
}

static void
fail_at(struct walk *w, int32_t line, int32_t column, const char *text)
{
	problems_add(w->f->problems, place_of(w, line, column), w->key, NULL,
	    "%s", text);
	w->failed = true;
}

static int
no_memory(struct walk *w)
{
	fail_at(w, 0, 0, "out of memory");
	return -ENOMEM;
}

/* ---------------------------------------------------------------- scalars */

static int
set(struct walk *w, const struct tree_item *item, const char *raw,
    const char *value, bool secret)
{
	const struct property *first = properties_builder_find(w->to, w->key);
	int rc;

	if (first != NULL) {
		problems_add(w->f->problems,
		    place_of(w, item->line, item->column), w->key, NULL,
		    "set twice, first in line %d", first->place.line);
		w->failed = true;
		return 0;
	}
	rc = properties_builder_set(w->to, w->key, raw, value,
	    place_of(w, item->line, item->column), secret);
	if (rc == LEAT_E_LIMIT) {
		fail_at(w, item->line, item->column,
		    "too many settings in one file");
		return rc;
	}
	return rc < 0 ? no_memory(w) : 0;
}

/*
 * Appends the value of a scalar, and its text as interpolate() takes it; false
 * after a problem.
 */
static bool
resolve(struct walk *w, const struct tree_node *node, struct leat_buf *raw,
    struct leat_buf *value, bool *secret)
{
	struct leat_err err = LEAT_ERR_INIT;
	bool own = false;
	int rc;

	rc = w->f->kafka ? leat_buf_add_str(raw, node->text) :
	    interpolate_from_yaml(node->text, raw, &err);
	if (rc == 0 && leat_buf_cstr(raw) == NULL)
		rc = -ENOMEM;
	if (rc == 0)
		rc = interpolate(w->f->refs, (const char *)raw->data, value,
		    &own, &err);
	if (rc == 0 && leat_buf_cstr(value) == NULL)
		rc = -ENOMEM;
	if (rc < 0)
		fail_at(w, node->line, node->column,
		    err.text[0] != '\0' ? err.text : "out of memory");
	*secret = *secret || own;
	return rc == 0;
}

static int
flatten_scalar(struct walk *w, const struct tree_item *item,
    const struct tree_node *node)
{
	struct leat_buf raw, value;
	bool secret = false;
	int rc = 0;

	leat_buf_init(&raw, TREE_BYTES_MAX * 2);
	leat_buf_init(&value, INTERPOLATED_MAX);
	if (resolve(w, node, &raw, &value, &secret))
		rc = set(w, item, (const char *)raw.data,
		    (const char *)value.data, secret);
	leat_buf_fini(&raw);
	leat_buf_fini(&value);
	return rc;
}

/* ------------------------------------------------------------------ lists */

/* Appends an item of a list; false for one that the form has no way to hold. */
static bool
add_list_item(struct leat_buf *to, const char *s, bool first)
{
	size_t len = strlen(s);

	if (!first)
		(void)leat_buf_add_byte(to, ',');
	for (size_t i = 0; i < len; i++) {
		if (s[i] == ',')
			(void)leat_buf_add_byte(to, '\\');
		(void)leat_buf_add_byte(to, (uint8_t)s[i]);
	}
	return len == 0 || s[len - 1] != '\\';
}

static bool
join_item(struct walk *w, const struct tree_node *node, bool first,
    struct leat_buf *raw, struct leat_buf *value, bool *secret)
{
	struct leat_buf one_raw, one;
	bool ok = false;

	if (node->kind != TREE_SCALAR) {
		fail_at(w, node->line, node->column,
		    "a list may hold only plain values");
		return false;
	}
	leat_buf_init(&one_raw, TREE_BYTES_MAX * 2);
	leat_buf_init(&one, INTERPOLATED_MAX);
	if (resolve(w, node, &one_raw, &one, secret)) {
		ok = add_list_item(value, (const char *)one.data, first) &&
		    add_list_item(raw, (const char *)one_raw.data, first);
		if (!ok)
			fail_at(w, node->line, node->column,
			    "an item of a list may not end in a backslash");
	}
	leat_buf_fini(&one_raw);
	leat_buf_fini(&one);
	return ok;
}

static int
flatten_list(struct walk *w, const struct tree_item *item,
    const struct tree_node *node)
{
	struct leat_buf raw, value;
	bool secret = false, ok = true;
	int rc = 0;

	leat_buf_init(&raw, TREE_BYTES_MAX * 2);
	leat_buf_init(&value, INTERPOLATED_MAX);
	for (size_t i = 0; i < node->nitems; i++)
		ok = join_item(w, node->items[i].value, i == 0, &raw, &value,
		    &secret) && ok;
	if (ok && (leat_buf_cstr(&raw) == NULL ||
	    leat_buf_cstr(&value) == NULL))
		rc = no_memory(w);
	else if (ok)
		rc = set(w, item, (const char *)raw.data,
		    (const char *)value.data, secret);
	leat_buf_fini(&raw);
	leat_buf_fini(&value);
	return rc;
}

/* ------------------------------------------------------------------- maps */

/* Goes one level down; *ret_len is where to come back to. */
static bool
push_key(struct walk *w, const char *key, const struct tree_item *item,
    size_t *ret_len)
{
	size_t len = strlen(key);
	size_t dot = w->key_len > 0;

	if (w->key_len + dot + len >= sizeof(w->key)) {
		fail_at(w, item->line, item->column, "the name is too long");
		return false;
	}
	*ret_len = w->key_len;
	if (dot)
		w->key[w->key_len++] = '.';
	memcpy(w->key + w->key_len, key, len + 1);
	w->key_len += len;
	return true;
}

static void
pop_key(struct walk *w, size_t len)
{
	w->key_len = len;
	w->key[len] = '\0';
}

static int
flatten_items(struct walk *w, const struct tree_node *map)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < map->nitems; i++) {
		size_t back;

		if (!push_key(w, map->items[i].key, &map->items[i], &back))
			continue;
		rc = flatten_node(w, &map->items[i], map->items[i].value);
		pop_key(w, back);
	}
	return rc;
}

/* ------------------------------------------- transforms, the long way */

static bool
has_aliases(const struct walk *w)
{
	return strcmp(w->key, "transforms") == 0 ||
	    strcmp(w->key, "predicates") == 0;
}

/* Sets "transforms" to the aliases of a map, in order. */
static int
set_map_aliases(struct walk *w, const struct tree_item *item,
    const struct tree_node *map)
{
	struct leat_buf names;
	int rc = 0;

	leat_buf_init(&names, TREE_BYTES_MAX);
	for (size_t i = 0; i < map->nitems; i++) {
		const char *key = map->items[i].key;
		size_t len = strcspn(key, "."), k = 0;

		/* "a.type" and "a.predicate" are one alias. */
		while (k < i && (strncmp(map->items[k].key, key, len) != 0 ||
		    (map->items[k].key[len] != '\0' &&
		    map->items[k].key[len] != '.')))
			k++;
		if (k < i || map->items[i].value->kind == TREE_NULL)
			continue;
		if (names.len > 0)
			(void)leat_buf_add_byte(&names, ',');
		(void)leat_buf_add(&names, key, len);
	}
	if (leat_buf_cstr(&names) == NULL)
		rc = no_memory(w);
	else
		rc = set(w, item, (const char *)names.data,
		    (const char *)names.data, false);
	leat_buf_fini(&names);
	return rc;
}

/* The alias of a list's item: its `name`, or a letter and its number. */
static bool
item_alias(struct walk *w, const struct tree_node *node, size_t i, char *to)
{
	const struct tree_item *name = tree_find(node, "name");

	(void)snprintf(to, ALIAS_MAX, "%c%zu", w->key[0], i + 1);
	if (name == NULL || name->value->kind == TREE_NULL)
		return true;
	if (name->value->kind != TREE_SCALAR ||
	    name->value->text[strcspn(name->value->text, ".,")] != '\0' ||
	    strlen(name->value->text) >= ALIAS_MAX ||
	    name->value->text[0] == '\0') {
		fail_at(w, name->line, name->column,
		    "expected a name without dots and commas");
		return false;
	}
	(void)snprintf(to, ALIAS_MAX, "%s", name->value->text);
	return true;
}

/* The settings of one item, without the name, which became its alias. */
static int
flatten_aliased(struct walk *w, const struct tree_item *item,
    const char *alias)
{
	const struct tree_node *map = item->value;
	size_t back;
	int rc = 0;

	if (!push_key(w, alias, item, &back))
		return 0;
	for (size_t i = 0; rc == 0 && i < map->nitems; i++) {
		size_t inner;

		if (strcmp(map->items[i].key, "name") == 0 ||
		    !push_key(w, map->items[i].key, &map->items[i], &inner))
			continue;
		rc = flatten_node(w, &map->items[i], map->items[i].value);
		pop_key(w, inner);
	}
	pop_key(w, back);
	return rc;
}

static int
flatten_alias_list(struct walk *w, const struct tree_item *item,
    const struct tree_node *list)
{
	struct leat_buf names;
	char alias[ALIAS_MAX];
	int rc = 0;

	leat_buf_init(&names, TREE_BYTES_MAX);
	for (size_t i = 0; rc == 0 && i < list->nitems; i++) {
		const struct tree_node *node = list->items[i].value;

		if (node->kind != TREE_MAP) {
			fail_at(w, node->line, node->column,
			    "expected a map with a 'type'");
			continue;
		}
		if (!item_alias(w, node, i, alias))
			continue;
		(void)leat_buf_printf(&names, "%s%s", i > 0 ? "," : "", alias);
		rc = flatten_aliased(w, &list->items[i], alias);
	}
	if (rc == 0)
		rc = leat_buf_cstr(&names) == NULL ? no_memory(w) :
		    set(w, item, (const char *)names.data,
		    (const char *)names.data, false);
	leat_buf_fini(&names);
	return rc;
}

/* ------------------------------------------------------------------ nodes */

static int
flatten_node(struct walk *w, const struct tree_item *item,
    const struct tree_node *node)
{
	int rc = 0;

	switch (node->kind) {
	case TREE_NULL:
		return 0;
	case TREE_SCALAR:
		return flatten_scalar(w, item, node);
	case TREE_LIST:
		if (has_aliases(w) && node->nitems > 0 &&
		    node->items[0].value->kind == TREE_MAP)
			return flatten_alias_list(w, item, node);
		return flatten_list(w, item, node);
	case TREE_MAP:
		if (has_aliases(w) && node->nitems > 0)
			rc = set_map_aliases(w, item, node);
		return rc < 0 ? rc : flatten_items(w, node);
	}
	UNREACHABLE("kind of node");
}

int
flatten_item(const struct flatten *f, const struct tree_item *item,
    struct properties_builder *to)
{
	struct walk w = { .f = f, .to = to };
	size_t back;
	int rc = 0;

	if (push_key(&w, item->key, item, &back))
		rc = flatten_node(&w, item, item->value);
	return w.failed && rc == 0 ? LEAT_E_CONFIG : rc;
}

int
flatten_map(const struct flatten *f, const struct tree_node *map,
    struct properties_builder *to)
{
	struct walk w = { .f = f, .to = to };
	int rc = flatten_items(&w, map);

	return w.failed && rc == 0 ? LEAT_E_CONFIG : rc;
}

struct properties *
flatten_json(const struct leat_value *object, const char *file,
    const struct references *refs, struct problems *problems)
{
	struct flatten f = { file, refs, true, problems };
	struct properties_builder *b = properties_builder_new();
	struct properties *props = NULL;
	const struct tree_node *root = NULL;
	struct leat_arena arena;

	leat_arena_init(&arena, 0, TREE_ARENA_MAX);
	if (b != NULL)
		root = tree_from_value(object, file, &arena, problems);
	if (root != NULL && root->kind != TREE_MAP)
		problems_add(problems, (struct place){ .file = file }, NULL,
		    NULL, "expected an object");
	else if (root != NULL && flatten_map(&f, root, b) == 0)
		props = properties_builder_finish(b);
	if (props == NULL && problems_count(problems) == 0)
		problems_add(problems, (struct place){ .file = file }, NULL,
		    NULL, "out of memory");
	properties_builder_free(b);
	leat_arena_fini(&arena);
	return props;
}
