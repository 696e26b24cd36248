/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree_build.h: making tree nodes within the limits; for tree.c and
 * tree_yaml.c.
 */
#ifndef LEAT_CORE_CONFIG_TREE_BUILD_H
#define LEAT_CORE_CONFIG_TREE_BUILD_H

#include "core/config/tree.h"

/* A list or map that is being filled. */
struct tree_open {
	struct tree_node *node;
	struct tree_item *items;
	size_t len;
	size_t cap;
	const char *key;	/* of the value to come; NULL: a key is next */
	int32_t line, column;	/* of that key */
	const char *anchor;	/* set once the node is complete */
};

struct tree_build {
	const char *file;
	struct leat_arena *arena;
	struct problems *problems;
};

/* Adds a problem; returns LEAT_E_PARSE. */
int tree_fail(struct tree_build *b, int32_t line, int32_t column,
    const char *key, const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));
int tree_no_memory(struct tree_build *b);

struct tree_node *tree_node_new(struct tree_build *b, enum tree_kind kind,
    int32_t line, int32_t column);
/* Adds a complete node to its list or map; checks sizes and duplicates. */
int tree_add(struct tree_build *b, struct tree_open *to,
    const struct tree_node *value);
/* Completes a list or map: merge keys are resolved. */
int tree_close(struct tree_build *b, struct tree_open *open);

/* From libyaml's events. */
const struct tree_node *tree_parse_yaml(struct tree_build *b,
    const char *text, size_t len);

#endif
