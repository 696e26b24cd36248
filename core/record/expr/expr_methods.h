/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expr_methods.h: what the methods' two files share.
 */
#ifndef LEAT_RECORD_EXPR_METHODS_H
#define LEAT_RECORD_EXPR_METHODS_H

#include "core/record/expr/expr_node.h"

#define METHOD_ARGS                                                       \
	struct expr_run *r, const struct expr_node *n,                    \
	    const struct expr_value *self, const struct expr_value *args, \
	    struct expr_value *ret_value
#define METHOD(name) static int call_##name(METHOD_ARGS)

/* "a list has no trim()" */
int expr_no_method(struct expr_run *r, const struct expr_node *n,
    const struct expr_value *self);

int expr_string_contains(METHOD_ARGS);
int expr_string_starts(METHOD_ARGS);
int expr_string_ends(METHOD_ARGS);
int expr_string_index(METHOD_ARGS);
int expr_string_lower(METHOD_ARGS);
int expr_string_upper(METHOD_ARGS);
int expr_string_trim(METHOD_ARGS);
int expr_string_blank(METHOD_ARGS);
int expr_string_equals_any_case(METHOD_ARGS);
int expr_string_substring(METHOD_ARGS);
int expr_string_replace(METHOD_ARGS);
int expr_string_matches(METHOD_ARGS);

#endif
