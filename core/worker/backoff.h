/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backoff.h: how long to wait before the next try: exponential, with full
 * jitter (uniform between the floor and the ceiling of the try), capped.
 */
#ifndef LEAT_CORE_WORKER_BACKOFF_H
#define LEAT_CORE_WORKER_BACKOFF_H

#include <stdint.h>

struct backoff {
	int64_t base_ms;	/* ceiling of the first wait */
	int64_t cap_ms;
	uint32_t tries;		/* failures in a row */
	uint64_t seed;
};

void backoff_init(struct backoff *b, int64_t base_ms, int64_t cap_ms,
    uint64_t seed);
/* Counts a failure; the milliseconds to wait. */
int64_t backoff_next(struct backoff *b);
/* Something succeeded. */
void backoff_reset(struct backoff *b);

#endif
