/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backoff.c: see backoff.h.
 */
#include "core/worker/backoff.h"

enum { FLOOR_MS = 20, SHIFT_MAX = 30 };

/* splitmix64: jitter needs no better. */
static uint64_t
next_random(uint64_t *seed)
{
	uint64_t z = (*seed += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

void
backoff_init(struct backoff *b, int64_t base_ms, int64_t cap_ms,
    uint64_t seed)
{
	b->base_ms = base_ms;
	b->cap_ms = cap_ms;
	b->tries = 0;
	b->seed = seed;
}

int64_t
backoff_next(struct backoff *b)
{
	int64_t top = b->cap_ms;

	/* Compared before it is shifted: no wait ever wraps around. */
	if (b->tries < SHIFT_MAX && b->base_ms < (b->cap_ms >> b->tries))
		top = b->base_ms << b->tries;
	if (b->tries < UINT32_MAX)
		b->tries++;
	if (top <= FLOOR_MS)
		return top;
	return FLOOR_MS + (int64_t)(next_random(&b->seed) %
	    (uint64_t)(top - FLOOR_MS + 1));
}

void
backoff_reset(struct backoff *b)
{
	b->tries = 0;
}
