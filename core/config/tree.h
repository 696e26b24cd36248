/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.h: a YAML (or JSON) text as a tree whose nodes know their place.
 *
 * Scalars stay text: nothing here decides that `no` is false or 010 is 8. A
 * plain `null`, `~` or nothing at all is TREE_NULL. Anchors, aliases and merge
 * keys (<<) work: an alias is the same node again, so that the tree may be a
 * graph, but one without cycles. Keys are plain text and stand once in a map.
 */
#ifndef LEAT_CORE_CONFIG_TREE_H
#define LEAT_CORE_CONFIG_TREE_H

#include <stddef.h>
#include <stdint.h>

#include <leat/arena.h>
#include <leat/value.h>

#include "core/config/properties.h"

enum {
	TREE_BYTES_MAX = 1024 * 1024,	/* of a text */
	TREE_DEPTH_MAX = 32,
	TREE_NODES_MAX = 100000		/* with every alias written out */
};

enum tree_kind { TREE_NULL, TREE_SCALAR, TREE_LIST, TREE_MAP };

struct tree_item {
	const char *key;	/* NULL in lists */
	int32_t line;		/* of the key, or of the list's item */
	int32_t column;
	const struct tree_node *value;
};

struct tree_node {
	enum tree_kind kind;
	int32_t line;		/* from 1; 0: unknown */
	int32_t column;
	const char *text;	/* TREE_SCALAR: UTF-8 without NUL bytes */
	const struct tree_item *items;	/* TREE_LIST, TREE_MAP, in order */
	size_t nitems;
	uint32_t weight;	/* nodes, itself too, aliases written out */
	uint32_t height;	/* levels below and its own */
};

/*
 * Parses one document. An empty text is TREE_NULL. NULL after a problem was
 * added, with its place in `file`. All memory comes from the arena.
 */
const struct tree_node *tree_parse(const char *text, size_t len,
    const char *file, struct leat_arena *arena, struct problems *problems);

/* The same from a JSON value, without places; NULL after a problem. */
const struct tree_node *tree_from_value(const struct leat_value *value,
    const char *file, struct leat_arena *arena, struct problems *problems);

/* The item of a key in a map, or NULL. */
const struct tree_item *tree_find(const struct tree_node *map,
    const char *key);

#endif
