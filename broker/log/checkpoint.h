/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checkpoint.h: Kafka's files of one offset per partition.
 */
#ifndef LEAT_BROKER_CHECKPOINT_H
#define LEAT_BROKER_CHECKPOINT_H

#include <stddef.h>
#include <stdint.h>

#include <leat/buf.h>
#include <leat/err.h>
#include <leat/map.h>

#include "core/base/fsio.h"

/* Appends one line. */
void checkpoint_add(struct leat_buf *lines, const char *topic,
    int32_t partition, int64_t offset);
/* Replaces the file durably with `n` lines. */
int checkpoint_save(const struct fsio *fs, const char *path,
    const struct leat_buf *lines, size_t n, struct leat_err *err);

struct checkpoint {
	struct leat_map offsets;	/* "<topic> <n>" to offset + 1 */
};
/* Loads a file; a missing or damaged one gives no offsets. */
int checkpoint_load(struct checkpoint *c, const struct fsio *fs,
    const char *path, struct leat_err *err);
void checkpoint_fini(struct checkpoint *c);
/* The offset of a partition, or `none`. */
int64_t checkpoint_get(const struct checkpoint *c, const char *topic,
    int32_t partition, int64_t none);

#endif
