/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_ranges.h: a set of a table's blocks, as ranges in order that do not touch.
 *
 * It may lose blocks, never win any: where it would have too many ranges the
 * shortest one is left out.
 */
#ifndef LEAT_PG_RANGES_H
#define LEAT_PG_RANGES_H

#include <stdint.h>

enum { PG_RANGES_MAX = 512 };

struct pg_range {
	uint32_t from;
	uint32_t to;		/* the block behind it */
};

struct pg_ranges {
	struct pg_range *items;
	uint32_t len;
};

/* 0, or -ENOMEM, and it is as before. */
int pg_ranges_add(struct pg_ranges *r, struct pg_range one);
/* Where memory is short it loses all. */
void pg_ranges_remove(struct pg_ranges *r, struct pg_range one);
int pg_ranges_has(const struct pg_ranges *r, uint32_t block);

/* Empties it. */
void pg_ranges_fini(struct pg_ranges *r);

#endif
