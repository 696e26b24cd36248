/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wkb.h: geometries in well-known binary (WKB), and in PostGIS's extended form
 * of it (EWKB), which carries the number of its reference system (SRID).
 */
#ifndef LEAT_RECORD_WKB_H
#define LEAT_RECORD_WKB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	WKB_DEPTH = 32,		/* collections within collections */
	WKB_SRID_BYTES = 4
};

/* Does it carry an SRID? Text that is too short does not. */
bool wkb_has_srid(const uint8_t *p, size_t len);

/*
 * Writes it with or without its SRID, which it has not or has; `to` has room
 * for len + 4 bytes. Returns the length.
 */
size_t wkb_add_srid(uint8_t *to, const uint8_t *p, size_t len, int32_t srid);
size_t wkb_cut_srid(uint8_t *to, const uint8_t *p, size_t len);

/* Swaps x and y of all points in place; 0, or -1 for what is no geometry. */
int wkb_swap(uint8_t *p, size_t len);

#endif
