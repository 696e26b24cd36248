/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_env.h: what all partitions of a broker share.
 */
#ifndef LEAT_BROKER_LOG_ENV_H
#define LEAT_BROKER_LOG_ENV_H

#include <stdint.h>

#include <leat/err.h>

#include "core/base/clock.h"
#include "core/base/fsio.h"
#include "core/base/log.h"

struct fd_cache;
struct flusher;
struct broker_partition;

enum { CHECKPOINT_BYTES = 128 << 20 };	/* about 0.1 s of recovery */

struct log_env {
	const struct fsio *fs;
	const struct clock *clock;
	struct fd_cache *fds;
	struct flusher *flusher;
	struct logger lg;
	/* There is work for the housekeeper; must be brief. */
	void (*kick)(void *arg);
	/* So much was appended that recovery points are to be written. */
	void (*checkpoint)(void *arg);
	int64_t unnoted_bytes;		/* atomic; appended since they were */
	/* Makes the log start offsets durable. */
	int (*save_starts)(void *arg, struct leat_err *err);
	/* Is the partition part of that producer's open transaction? */
	int (*verify_txn)(void *arg, struct broker_partition *p,
	    int64_t producer_id, int16_t epoch, struct leat_err *err);
	void *arg;
	int64_t *appended_bytes;	/* metrics, may be NULL */
	int64_t *appended_batches;
	int64_t *read_bytes;
};

#endif
