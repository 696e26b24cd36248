/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map.h: a hash table from byte strings to pointers, in insertion order.
 *
 * Keys are copied. The hash is seeded per process, so that a peer who chooses
 * the keys cannot make them collide. Not thread-safe.
 */
#ifndef LEAT_MAP_H
#define LEAT_MAP_H

#include <stddef.h>
#include <stdint.h>

#include <leat/str.h>

struct leat_map_entry {
	const char *key;	/* NUL-terminated copy, owned by the map */
	size_t key_len;
	uint64_t hash;
	void *value;
};

struct leat_map {
	struct leat_map_entry *entries;	/* in order, with gaps */
	uint32_t *slots;	/* entry index + 1, 0 is free */
	size_t len;		/* live entries */
	size_t used;		/* entries in use, removed ones included */
	size_t cap;
	size_t nslots;
};

/* A zeroed map is an empty map. */
void leat_map_init(struct leat_map *m);
/* Frees the table and its key copies, not the values. */
void leat_map_fini(struct leat_map *m);
/* The value, or NULL. */
void *leat_map_get(const struct leat_map *m, struct leat_str key);
void *leat_map_get_c(const struct leat_map *m, const char *key);
/* Sets or replaces; *ret_old (may be NULL) gets the old value. 0 or -ENOMEM. */
int leat_map_set(struct leat_map *m, struct leat_str key, void *value,
    void **ret_old);
/* Takes the entry out and returns its value, or NULL. */
void *leat_map_remove(struct leat_map *m, struct leat_str key);
/*
 * Walks in insertion order: start with *it = 0; NULL at the end. Entries may be
 * removed while walking, not added.
 */
const struct leat_map_entry *leat_map_next(const struct leat_map *m,
    size_t *it);

#endif
