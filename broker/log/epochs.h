/* SPDX-License-Identifier: Apache-2.0 */
/*
 * epochs.h: from which offset on each leader epoch wrote. There is one leader
 * here, so a new epoch begins only when a crash may have cost the tail of the
 * log: it tells consumers that offsets they have seen may now mean other
 * records. Serialised by the partition's lock.
 */
#ifndef LEAT_BROKER_EPOCHS_H
#define LEAT_BROKER_EPOCHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/err.h>

#include "core/base/fsio.h"

struct epoch_start {
	int32_t epoch;
	int64_t offset;
};

struct epochs {
	struct epoch_start *starts;	/* both fields ascend */
	size_t n;
};

void epochs_init(struct epochs *e);
void epochs_fini(struct epochs *e);
/* The newest, or -1. */
int32_t epochs_last(const struct epochs *e);
/* A newer epoch writes from `offset` on; 0 or -ENOMEM. */
int epochs_add(struct epochs *e, int32_t epoch, int64_t offset);
/* Forgets what begins at or behind the end. */
void epochs_cut(struct epochs *e, int64_t end);
/*
 * Where an epoch ends (Kafka's OffsetForLeaderEpoch): the largest epoch up to
 * it, and the first offset behind that. One before all that is known ends where
 * the first begins; -1, -1 for one that never was.
 */
void epochs_end(const struct epochs *e, int32_t epoch, int64_t log_end,
    int32_t *ret_epoch, int64_t *ret_end);
/* The epoch that wrote an offset, or -1. */
int32_t epochs_at(const struct epochs *e, int64_t offset);
/*
 * The file leader-epoch-checkpoint. Loading a missing one gives none. Without
 * `sync` it need not survive a power cut.
 */
int epochs_save(const struct epochs *e, const struct fsio *fs,
    const char *dir, bool sync, struct leat_err *err);
int epochs_load(struct epochs *e, const struct fsio *fs, const char *dir,
    struct leat_err *err);

#endif
