/* SPDX-License-Identifier: Apache-2.0 */
/* Power cuts by seeds and rounds: see power_cuts.h. */
#include "tests/harness/power_cuts.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#include <leat/str.h>

#include "core/base/log.h"
#include "tests/harness/proc.h"

static uint64_t
number_of(const char *name, uint64_t none)
{
	const char *v = getenv(name);

	if (v != NULL)
		(void)leat_parse_u64(leat_str_c(v), UINT64_MAX, &none);
	return none;
}

static void
run_seed(const struct power_cuts *work, const char *root, uint64_t seed,
    uint64_t rounds)
{
	char dir[300], stash[300];
	void *model = work->begin(seed);
	struct crashfs *c;

	snprintf(dir, sizeof(dir), "%s/%llu", root, (unsigned long long)seed);
	snprintf(stash, sizeof(stash), "%s/stash", root);
	assert_int_equal(mkdir(dir, 0750), 0);
	(void)mkdir(stash, 0750);
	c = crashfs_new(dir, stash, seed);
	for (uint64_t i = 0; i < rounds; i++) {
		fprintf(stderr, "# seed %llu round %llu\n",
		    (unsigned long long)seed, (unsigned long long)i);
		work->round(c, dir, model, 1 + i * 3 + seed % 3);
	}
	crashfs_free(c);
	work->end(dir, model);
	th_remove(dir);
	th_remove(stash);
}

void
power_cuts_run(const struct power_cuts *work, const char *root)
{
	uint64_t rounds = number_of("LEAT_CRASH_ROUNDS", 30);
	uint64_t seed = number_of("LEAT_CRASH_SEED", 1);
	uint64_t seeds = number_of("LEAT_CRASH_SEEDS", 3);

	/* Partitions go offline all the time here. */
	log_setup(&(struct log_settings){ .level = LOG_LEVEL_ERROR,
	    .fd = open("/dev/null", O_WRONLY) });
	for (uint64_t s = seed; s < seed + seeds; s++)
		run_seed(work, root, s, rounds);
}
