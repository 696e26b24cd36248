/* SPDX-License-Identifier: Apache-2.0 */
/*
 * power_cuts.h: runs a workload again and again on a crashfs, the n-th time
 * with a power cut at its n-th sync.
 *
 * LEAT_CRASH_ROUNDS runs more rounds than the default, LEAT_CRASH_SEED begins
 * at another seed, LEAT_CRASH_SEEDS runs more of them. The seed and the round
 * are printed, so that a failure's are the last ones.
 */
#ifndef LEAT_TESTS_POWER_CUTS_H
#define LEAT_TESTS_POWER_CUTS_H

#include <stdint.h>

#include "tests/harness/crashfs.h"

struct power_cuts {
	/* What the workload knows; it outlives the cuts of one seed. */
	void *(*begin)(uint64_t seed);
	/* One run in `dir`, cut at the n-th sync, and what must hold then. */
	void (*round)(struct crashfs *c, const char *dir, void *model,
	    uint64_t n);
	/* Behind the last round; frees the model. */
	void (*end)(const char *dir, void *model);
};

/* Below root, a directory of the caller's. Logs go nowhere from now on. */
void power_cuts_run(const struct power_cuts *work, const char *root);

#endif
