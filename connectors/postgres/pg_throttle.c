/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_throttle.c: see pg_throttle.h.
 */
#include "pg_throttle.h"

/* What came together while nothing was taken: a tenth of a second's worth. */
enum { BURST_MS = 100 };

void
pg_throttle_init(struct pg_throttle *t, int64_t rows_per_s,
    int64_t bytes_per_s, int64_t now_ms)
{
	*t = (struct pg_throttle){ .since_ms = now_ms,
		.rows = { rows_per_s, rows_per_s * BURST_MS },
		.bytes = { bytes_per_s, bytes_per_s * BURST_MS } };
}

static int64_t
raise_credit(struct pg_rate *r, int64_t ms)
{
	int64_t most = r->per_s * BURST_MS;

	if (r->per_s == 0)
		return 0;
	r->credit += r->per_s * ms;
	if (r->credit > most)
		r->credit = most;
	/* Once used up, it is let grow, so that batches are not single rows. */
	return r->credit >= 0 ? 0 : (most / 2 - r->credit) / r->per_s + 1;
}

int64_t
pg_throttle_wait_ms(struct pg_throttle *t, int64_t now_ms)
{
	int64_t ms = now_ms - t->since_ms;
	int64_t rows, bytes;

	/* Longer than any wait: the clock may have stood still or jumped. */
	if (ms > 3600 * 1000)
		ms = 3600 * 1000;
	t->since_ms = now_ms;
	rows = raise_credit(&t->rows, ms);
	bytes = raise_credit(&t->bytes, ms);
	return rows > bytes ? rows : bytes;
}
