/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bind.h: properties against option tables, with places.
 */
#ifndef LEAT_CORE_CONFIG_BIND_H
#define LEAT_CORE_CONFIG_BIND_H

#include <leat/arena.h>
#include <leat/connector.h>

#include "core/config/properties.h"

/*
 * Fills a config struct from properties by its option table. Everything wrong
 * goes to `errors`, each with its place and, where there is one, a "did you
 * mean"; what is only deprecated goes to `warnings` (NULL: nowhere). `others`
 * are further tables, ended by NULL, whose keys are known but filled by
 * somebody else (NULL: none). config NULL checks only.
 *
 * The number of errors found, or -ENOMEM (told as a problem too).
 */
int config_bind(const struct properties *props,
    const struct leat_option *table, const struct leat_option *const *others,
    struct leat_arena *arena, void *config, size_t config_size,
    struct problems *errors, struct problems *warnings);

/* The bytes that the fields of a table span. */
size_t config_table_bytes(const struct leat_option *table);

#endif
