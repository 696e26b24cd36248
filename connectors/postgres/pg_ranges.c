/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_ranges.c: see pg_ranges.h.
 */
#include "pg_ranges.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Room for one more than there may be. */
static struct pg_range *
new_items(void)
{
	return calloc(PG_RANGES_MAX + 2, sizeof(struct pg_range));
}

static void
append(struct pg_ranges *r, uint32_t from, uint32_t to)
{
	if (from < to)
		r->items[r->len++] = (struct pg_range){ from, to };
}

static void
drop_shortest(struct pg_ranges *r)
{
	uint32_t at = 0;

	for (uint32_t i = 1; i < r->len; i++)
		if (r->items[i].to - r->items[i].from <
		    r->items[at].to - r->items[at].from)
			at = i;
	memmove(&r->items[at], &r->items[at + 1],
	    (r->len - at - 1) * sizeof(*r->items));
	r->len--;
}

static void
replace(struct pg_ranges *r, struct pg_ranges *by)
{
	free(r->items);
	*r = *by;
	while (r->len > PG_RANGES_MAX)
		drop_shortest(r);
}

int
pg_ranges_add(struct pg_ranges *r, struct pg_range one)
{
	struct pg_ranges to = { new_items(), 0 };
	uint32_t i = 0;

	if (to.items == NULL)
		return -ENOMEM;
	for (; i < r->len && r->items[i].to < one.from; i++)
		append(&to, r->items[i].from, r->items[i].to);
	for (; i < r->len && r->items[i].from <= one.to; i++) {
		if (r->items[i].from < one.from)
			one.from = r->items[i].from;
		if (r->items[i].to > one.to)
			one.to = r->items[i].to;
	}
	append(&to, one.from, one.to);
	for (; i < r->len; i++)
		append(&to, r->items[i].from, r->items[i].to);
	replace(r, &to);
	return 0;
}

void
pg_ranges_remove(struct pg_ranges *r, struct pg_range one)
{
	struct pg_ranges to = { new_items(), 0 };

	for (uint32_t i = 0; i < r->len && to.items != NULL; i++) {
		const struct pg_range *x = &r->items[i];

		append(&to, x->from, x->to < one.from ? x->to : one.from);
		append(&to, x->from > one.to ? x->from : one.to, x->to);
	}
	replace(r, &to);
}

int
pg_ranges_has(const struct pg_ranges *r, uint32_t block)
{
	for (uint32_t i = 0; i < r->len; i++)
		if (block >= r->items[i].from && block < r->items[i].to)
			return 1;
	return 0;
}

void
pg_ranges_fini(struct pg_ranges *r)
{
	free(r->items);
	*r = (struct pg_ranges){ NULL, 0 };
}
