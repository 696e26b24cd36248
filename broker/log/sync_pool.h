/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sync_pool.h: syncs many partitions at the same time. A file system that is
 * asked for several syncs at once commits them together, which one after the
 * other are a commit each.
 */
#ifndef LEAT_BROKER_SYNC_POOL_H
#define LEAT_BROKER_SYNC_POOL_H

#include <leat/err.h>

struct broker_partition;
struct sync_pool;

/* One partition is done: rc and err are its sync's. */
typedef void sync_pool_fn(void *arg, struct broker_partition *p, int rc,
    struct leat_err *err);

/* Its threads start when they are first needed. NULL without memory. */
struct sync_pool *sync_pool_new(void);
/* Accepts NULL. */
void sync_pool_free(struct sync_pool *sp);
/*
 * Syncs a list (by next_round) and returns when all are done. fn is called on
 * the calling thread as each one ends, in no order; the partition may be let go
 * of in it. One caller at a time.
 */
void sync_pool_run(struct sync_pool *sp, struct broker_partition *list,
    sync_pool_fn *fn, void *arg);

#endif
