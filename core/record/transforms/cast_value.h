/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cast_value.h: one value as another type, by Java's rules.
 */
#ifndef LEAT_RECORD_CAST_VALUE_H
#define LEAT_RECORD_CAST_VALUE_H

#include <leat/arena.h>
#include <leat/err.h>
#include <leat/schema.h>

/*
 * Numbers are cut to the bits of narrower ones and fractions dropped; text must
 * be a number in range; true is what reads "true" or is not 0. Dates become
 * their numbers, or text. Null stays null. `schema` may be NULL; `kind` is
 * LEAT_BOOLEAN .. LEAT_STRING.
 */
int cast_value(const struct leat_schema *schema, const struct leat_value *v,
    int kind, struct leat_arena *arena, struct leat_value *ret,
    struct leat_err *err);

#endif
