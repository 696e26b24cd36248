/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key_map.h: which offset holds the newest record of each key, for compaction.
 *
 * Keys are kept as 128 bits of two hashes with random seeds, as Kafka keeps
 * their MD5: a table of 24 bytes a key, of a size that is given. Two keys that
 * meet in 128 bits would cost one of them a record; that does not happen.
 */
#ifndef LEAT_BROKER_KEY_MAP_H
#define LEAT_BROKER_KEY_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/str.h>

struct key_map;

/* Room for about max_bytes / 32 keys, taken as it is needed. */
struct key_map *key_map_new(size_t max_bytes);
void key_map_free(struct key_map *m);
/* 0; LEAT_E_LIMIT when it is full; -ENOMEM. */
int key_map_put(struct key_map *m, struct leat_str key, int64_t offset);
/* The newest offset, or -1. */
int64_t key_map_get(const struct key_map *m, struct leat_str key);
size_t key_map_count(const struct key_map *m);

#endif
