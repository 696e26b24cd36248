/* SPDX-License-Identifier: Apache-2.0 */
/*
 * option_value.h: the text of one option to its field, private to libleat.
 */
#ifndef LEAT_LIB_OPTION_VALUE_H
#define LEAT_LIB_OPTION_VALUE_H

#include <leat/arena.h>
#include <leat/buf.h>
#include <leat/connector.h>
#include <leat/str.h>

/*
 * Parses a text as the option's type and stores it in its field. 0; -ENOMEM; or
 * LEAT_E_CONFIG with what was expected appended to `why`, and a word that may
 * have been meant appended to `meant`.
 */
int option_set(const struct leat_option *opt, const char *text,
    struct leat_arena *arena, void *config, struct leat_buf *why,
    struct leat_buf *meant);

/* The field of an option. */
void *option_field(const struct leat_option *opt, void *config);

/* How many edits apart a wrong and a right word may be, by length. */
unsigned option_edits(size_t len);

#endif
