/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fd_cache.h: the open files of segments, the least recently used of which are
 * closed when there are too many. A pinned file stays open. @thread any.
 */
#ifndef LEAT_BROKER_FD_CACHE_H
#define LEAT_BROKER_FD_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include <leat/err.h>

#include "core/base/fsio.h"

struct fd_cache;

/* One file; embed it in what owns the file. */
struct fd_slot {
	const char *path;	/* the owner's, constant */
	/* private: */
	struct fd_slot *next, *prev;	/* idle ones, the oldest first */
	int fd;
	int32_t pins;
};

/*
 * Idle files are kept up to max_open in all; with `crowd` that are open there
 * are too many pinned ones.
 */
struct fd_cache *fd_cache_new(const struct fsio *fs, uint32_t max_open,
    uint32_t crowd);
void fd_cache_free(struct fd_cache *c);

void fd_slot_init(struct fd_slot *s, const char *path);
/* Must not be pinned. */
void fd_slot_fini(struct fd_cache *c, struct fd_slot *s);
/*
 * Opens the file (read and write; made when `create`) unless it is, and keeps
 * it open until the unpin. The descriptor, or a negative code.
 */
int fd_slot_pin(struct fd_cache *c, struct fd_slot *s, bool create,
    struct leat_err *err);
void fd_slot_unpin(struct fd_cache *c, struct fd_slot *s);
uint32_t fd_cache_open_count(struct fd_cache *c);
/* Should who pins files for long give some back? */
bool fd_cache_crowded(struct fd_cache *c);

#endif
