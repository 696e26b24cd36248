/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wkb.c: see wkb.h. A geometry is a byte that says its order, a type, the SRID
 * if the type has that flag, and by type: a point, points, rings of points, or
 * geometries.
 */
#include "core/record/transforms/wkb.h"

#include <string.h>

#define FLAG_Z UINT32_C(0x80000000)
#define FLAG_M UINT32_C(0x40000000)
#define FLAG_SRID UINT32_C(0x20000000)
#define FLAGS (FLAG_Z | FLAG_M | FLAG_SRID)

enum {
	HEAD_BYTES = 5,
	POINT = 1,
	LINE_STRING = 2,
	POLYGON = 3,
	MULTI_POINT = 4,
	COLLECTION = 7
};

static uint32_t
load(const uint8_t *p, bool little)
{
	return little ? (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[1] << 8 | p[0]
	    : (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

static void
store(uint8_t *p, bool little, uint32_t v)
{
	int i;

	for (i = 0; i < 4; i++)
		p[little ? i : 3 - i] = (uint8_t)(v >> (8 * i));
}

bool
wkb_has_srid(const uint8_t *p, size_t len)
{
	return len >= HEAD_BYTES && (load(p + 1, p[0] == 1) & FLAG_SRID) != 0;
}

size_t
wkb_add_srid(uint8_t *to, const uint8_t *p, size_t len, int32_t srid)
{
	const bool little = p[0] == 1;

	to[0] = p[0];
	store(to + 1, little, load(p + 1, little) | FLAG_SRID);
	store(to + HEAD_BYTES, little, (uint32_t)srid);
	memcpy(to + HEAD_BYTES + WKB_SRID_BYTES, p + HEAD_BYTES,
	    len - HEAD_BYTES);
	return len + WKB_SRID_BYTES;
}

size_t
wkb_cut_srid(uint8_t *to, const uint8_t *p, size_t len)
{
	const size_t rest = HEAD_BYTES + WKB_SRID_BYTES;
	const bool little = p[0] == 1;

	to[0] = p[0];
	store(to + 1, little, load(p + 1, little) & ~FLAG_SRID);
	if (len > rest)
		memcpy(to + HEAD_BYTES, p + rest, len - rest);
	return len > rest ? len - WKB_SRID_BYTES : HEAD_BYTES;
}

/* ---------------------------------------------------------------- swapping */

struct cursor {
	uint8_t *p;
	uint8_t *end;
	bool little;
	int depth;
};

/* The next number of items, each of which has `least` bytes; or -1. */
static int64_t
take_count(struct cursor *c, size_t least)
{
	uint32_t n;

	if ((size_t)(c->end - c->p) < 4)
		return -1;
	n = load(c->p, c->little);
	c->p += 4;
	return n > (size_t)(c->end - c->p) / least ? -1 : (int64_t)n;
}

static int
swap_points(struct cursor *c, int64_t n, size_t bytes)
{
	uint8_t x[8];

	if (n < 0 || (size_t)(c->end - c->p) / bytes < (size_t)n)
		return -1;
	for (; n > 0; n--, c->p += bytes) {
		memcpy(x, c->p, 8);
		memcpy(c->p, c->p + 8, 8);
		memcpy(c->p + 8, x, 8);
	}
	return 0;
}

static int
swap_rings(struct cursor *c, size_t bytes)
{
	int64_t n = take_count(c, 4);

	if (n < 0)
		return -1;
	for (; n > 0; n--)
		if (swap_points(c, take_count(c, bytes), bytes) < 0)
			return -1;
	return 0;
}

static int swap_geometry(struct cursor *c);

static int
swap_parts(struct cursor *c)
{
	const bool little = c->little;
	int64_t n = take_count(c, HEAD_BYTES);

	if (n < 0 || c->depth == WKB_DEPTH)
		return -1;
	c->depth++;
	for (; n > 0; n--)
		if (swap_geometry(c) < 0)
			return -1;
	c->depth--;
	c->little = little;
	return 0;
}

/* The bytes of a point, by EWKB's flags or by ISO's thousands. */
static size_t
point_bytes(uint32_t type)
{
	const uint32_t iso = (type & ~FLAGS) / 1000;
	size_t ordinates = 2;

	ordinates += (type & FLAG_Z) != 0 || iso == 1 || iso == 3;
	ordinates += (type & FLAG_M) != 0 || iso == 2 || iso == 3;
	return ordinates * 8;
}

/* Recursion is bounded by WKB_DEPTH. */
static int
swap_geometry(struct cursor *c)
{
	uint32_t type, kind;
	size_t bytes;

	if ((size_t)(c->end - c->p) < HEAD_BYTES)
		return -1;
	c->little = c->p[0] == 1;
	type = load(c->p + 1, c->little);
	c->p += HEAD_BYTES;
	if ((type & FLAG_SRID) != 0) {
		if ((size_t)(c->end - c->p) < WKB_SRID_BYTES)
			return -1;
		c->p += WKB_SRID_BYTES;
	}
	bytes = point_bytes(type);
	kind = (type & ~FLAGS) % 1000;
	if (kind == POINT)
		return swap_points(c, 1, bytes);
	if (kind == LINE_STRING)
		return swap_points(c, take_count(c, bytes), bytes);
	if (kind == POLYGON)
		return swap_rings(c, bytes);
	return kind >= MULTI_POINT && kind <= COLLECTION ? swap_parts(c) : -1;
}

int
wkb_swap(uint8_t *p, size_t len)
{
	struct cursor c = { .p = p, .end = p + len };

	return swap_geometry(&c) < 0 || c.p != c.end ? -1 : 0;
}
