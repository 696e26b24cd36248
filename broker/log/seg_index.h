/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seg_index.h: one sparse index of a segment: fixed-size entries in a file,
 * the newest of them still in memory.
 *
 * Kafka maps its indexes; here the file is only opened to be searched or
 * extended, so that an idle partition holds no descriptor and little memory.
 * The caller serialises all calls (the partition's lock).
 */
#ifndef LEAT_BROKER_SEG_INDEX_H
#define LEAT_BROKER_SEG_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/err.h>

#include "core/base/fsio.h"

enum {
	OFFSET_ENTRY_BYTES = 8,		/* relative offset, position */
	TIME_ENTRY_BYTES = 12,		/* timestamp, relative offset */
	INDEX_PENDING_MAX = 512		/* entries kept in memory */
};

struct seg_index {
	uint32_t entry_bytes;
	uint32_t on_disk;		/* entries in the file */
	uint32_t npending;
	uint32_t cap;
	uint8_t *pending;
};

void seg_index_init(struct seg_index *x, uint32_t entry_bytes,
    uint32_t on_disk);
void seg_index_fini(struct seg_index *x);
static inline uint32_t
seg_index_count(const struct seg_index *x)
{
	return x->on_disk + x->npending;
}
/* Keeps an entry in memory; writes them all to `path` when there are many. */
int seg_index_add(struct seg_index *x, const struct fsio *fs,
    const char *path, const void *entry, struct leat_err *err);
/* Writes what is in memory and gives the memory back. */
int seg_index_write(struct seg_index *x, const struct fsio *fs,
    const char *path, struct leat_err *err);
/* Forgets all entries; the file is cut when it is next written. */
void seg_index_reset(struct seg_index *x);
/* The last entry; 0 when there is none, 1 when there is, or a code. */
int seg_index_last(const struct seg_index *x, const struct fsio *fs,
    const char *path, void *ret_entry, struct leat_err *err);
/*
 * The last entry that `le` says is at or before the target: 1, or 0 when the
 * first one is behind it already.
 */
int seg_index_search(const struct seg_index *x, const struct fsio *fs,
    const char *path, int (*le)(const uint8_t *entry, int64_t target),
    int64_t target, void *ret_entry, struct leat_err *err);

#endif
