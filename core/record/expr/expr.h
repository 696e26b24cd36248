/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expr.h: expressions over a record (docs/EXPRESSIONS.md): what Filter and
 * ContentBasedRouter evaluate, written as users of Debezium write Groovy.
 *
 * An expression is text once, then a tree in an arena. Evaluating it takes
 * memory only from the record's arena and from a buffer that the expression
 * keeps; there are no loops and no variables in the language, so that the work
 * is bounded by the expression's size, the record's size and PATTERN_WORK_MAX.
 * An expression belongs to one thread.
 */
#ifndef LEAT_RECORD_EXPR_H
#define LEAT_RECORD_EXPR_H

#include <leat/arena.h>
#include <leat/err.h>
#include <leat/record.h>

#include "core/record/expr/expr_value.h"

enum {
	EXPR_TEXT_MAX = 16384,	/* bytes of an expression */
	EXPR_NODES_MAX = 4096,
	EXPR_NESTING_MAX = 50,	/* brackets within brackets */
	EXPR_HEIGHT_MAX = 250,	/* operators upon operators */
	EXPR_STRING_MAX = 1 << 20	/* bytes of a string that it makes */
};

struct expr;

/*
 * Parses into `arena`, which the expression needs as long as it lives; the text
 * is copied. On failure the text says line, column and what was expected.
 */
int expr_new(const char *text, struct leat_arena *arena,
    struct expr **ret_expr, struct leat_err *err);
void expr_free(struct expr *e);

/*
 * The value for a record, valid as long as the record and the arena. Failures
 * are of class RECORD, or RETRY for want of memory, with line and column.
 */
int expr_eval(struct expr *e, const struct leat_record *rec,
    struct leat_arena *arena, struct expr_value *ret_value,
    struct leat_err *err);

#endif
