/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_names.h: names of schemas and fields as Avro allows them.
 */
#ifndef LEAT_PG_NAMES_H
#define LEAT_PG_NAMES_H

#include <stdint.h>

#include <leat/arena.h>

/*
 * The name itself where the mode (PG_NAMES_*) leaves it as it is, or a copy in
 * the arena; NULL when out of memory. Dots stay in the names of schemas.
 */
const char *pg_adjust_name(struct leat_arena *a, int32_t mode, int is_field,
    const char *name);

#endif
