/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_throttle.h: no more than so many rows and bytes a second.
 */
#ifndef LEAT_PG_THROTTLE_H
#define LEAT_PG_THROTTLE_H

#include <stddef.h>
#include <stdint.h>

/* What may still be taken, in thousandths; below zero: wait. */
struct pg_rate {
	int64_t per_s;		/* 0: no limit */
	int64_t credit;
};

struct pg_throttle {
	struct pg_rate rows;
	struct pg_rate bytes;
	int64_t since_ms;	/* when the credits were raised last */
};

void pg_throttle_init(struct pg_throttle *t, int64_t rows_per_s,
    int64_t bytes_per_s, int64_t now_ms);

/* Raises the credits; how long to wait before more may be taken, 0: none. */
int64_t pg_throttle_wait_ms(struct pg_throttle *t, int64_t now_ms);

/* A row was taken. 1: that was the last for now. */
static inline int
pg_throttle_take(struct pg_throttle *t, size_t bytes)
{
	t->rows.credit -= t->rows.per_s == 0 ? 0 : 1000;
	t->bytes.credit -= t->bytes.per_s == 0 ? 0 : (int64_t)bytes * 1000;
	return t->rows.credit < 0 || t->bytes.credit < 0;
}

#endif
