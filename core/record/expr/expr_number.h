/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expr_number.h: numbers of three kinds, mixed as Groovy mixes them: a double
 * makes the result a double, else a decimal makes it a decimal. Decimals are
 * compared exactly at any length; they compute with up to 35 digits.
 */
#ifndef LEAT_RECORD_EXPR_NUMBER_H
#define LEAT_RECORD_EXPR_NUMBER_H

#include <leat/arena.h>

#include "core/record/expr/expr_value.h"

enum expr_arith { ARITH_ADD, ARITH_SUB, ARITH_MUL, ARITH_DIV, ARITH_REM };

/* Exact; NaN is above all others and equal to itself, as in Java. */
int expr_number_order(const struct expr_value *a, const struct expr_value *b);

/*
 * Computes; integers are int64, a quotient of integers is a decimal. Returns
 * NULL, or what is wrong ("the result is too large").
 */
const char *expr_number_compute(enum expr_arith op, const struct expr_value *a,
    const struct expr_value *b, struct leat_arena *arena,
    struct expr_value *ret_value);

/* The number with the other sign; what is wrong, as above. */
const char *expr_number_negate(const struct expr_value *v,
    struct leat_arena *arena, struct expr_value *ret_value);

double expr_number_double(const struct expr_value *v);
bool expr_number_is_zero(const struct expr_value *v);
/* Cut towards zero; false beyond int64. */
bool expr_number_int(const struct expr_value *v, int64_t *ret_value);

/* A decimal from its text ("1.50", "1e3"), or false. */
bool expr_number_parse(struct leat_str text, struct leat_arena *arena,
    struct expr_value *ret_value);

#endif
