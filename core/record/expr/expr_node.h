/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expr_node.h: the tree of an expression, as the parser makes it and the
 * evaluator walks it.
 */
#ifndef LEAT_RECORD_EXPR_NODE_H
#define LEAT_RECORD_EXPR_NODE_H

#include "core/record/expr/expr.h"
#include "core/record/expr/pattern.h"

enum expr_op {
	N_CONST,	/* value */
	N_VARIABLE,	/* variable */
	N_LIST,		/* a: the first member, and so on by next */
	N_MAP,		/* a: key, value, key, ... by next */
	N_TEXT,		/* a: the parts of "...${...}..." by next */
	N_PROPERTY,	/* a.name */
	N_INDEX,	/* a[b] */
	N_METHOD,	/* a.method(b, and so on by next) */
	N_NOT,		/* !a */
	N_NEGATE,	/* -a */
	N_PLUS,		/* +a */
	N_AND,
	N_OR,
	N_CHOOSE,	/* a ? b : c */
	N_ELVIS,	/* a ?: b */
	N_EQUAL,
	N_UNEQUAL,
	N_LESS,
	N_LESS_EQUAL,
	N_GREATER,
	N_GREATER_EQUAL,
	N_COMPARE,	/* a <=> b */
	N_IN,		/* a in b */
	N_NOT_IN,
	N_RANGE,	/* a..b, only behind in */
	N_RANGE_BELOW,	/* a..<b */
	N_FIND,		/* a =~ pattern */
	N_MATCH,	/* a ==~ pattern */
	N_ADD,
	N_SUB,
	N_MUL,
	N_DIV,
	N_REM
};

enum expr_variable {
	VAR_KEY,
	VAR_VALUE,
	VAR_KEY_SCHEMA,
	VAR_VALUE_SCHEMA,
	VAR_TOPIC,
	VAR_HEADERS
};

struct expr_method;

struct expr_node {
	uint8_t op;		/* enum expr_op */
	uint8_t variable;	/* enum expr_variable */
	bool safe;		/* ?. and ?[ */
	uint16_t height;	/* of the tree below */
	uint16_t nargs;
	uint32_t at;		/* byte of the text, for messages */
	struct expr_node *a, *b, *c;
	struct expr_node *next;	/* the next member or argument */
	union {
		struct expr_value value;
		const char *name;	/* NUL-terminated */
		const struct expr_method *method;
		struct pattern *pattern;
	} u;
	struct pattern *pattern;	/* of matches() */
	/* Where the name was last found: records of one schema follow. */
	const struct leat_schema *seen;
	int32_t seen_at;
};

/* What the evaluator hands to methods. */
struct expr_run {
	struct expr *expr;
	const struct leat_record *rec;
	struct leat_arena *arena;
	struct leat_err *err;
};

struct expr_method {
	const char *name;
	uint8_t least;		/* arguments */
	uint8_t most;
	bool pattern;		/* the argument is a literal pattern */
	int (*call)(struct expr_run *r, const struct expr_node *n,
	    const struct expr_value *self, const struct expr_value *args,
	    struct expr_value *ret_value);
	const char *property;	/* an accessor of this property, or NULL */
};

enum { EXPR_ARGS_MAX = 2 };

extern const struct expr_method expr_methods[];	/* ended by a NULL name */

struct expr {
	const char *text;
	struct expr_node *root;
	struct leat_buf work;	/* strings in the making */
};

/* An error of the record, with the place of the node. */
int expr_fail(struct expr_run *r, const struct expr_node *n, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));
int expr_no_memory(struct expr_run *r);

/* "line 1, column 9" of a byte; `to` needs 48. */
const char *expr_place(const char *text, uint32_t at, char *to);

/* a.name (expr_property.c). */
int expr_property(struct expr_run *r, struct expr_node *n,
    const struct expr_value *of, const char *name,
    struct expr_value *ret_value);
/* A member of a struct, a map or the headers by a computed name. */
int expr_member(struct expr_run *r, const struct expr_node *n,
    const struct expr_value *of, const struct expr_value *name,
    struct expr_value *ret_value);

/* A string's length, in UTF-16 units as Java counts. */
int expr_string_length(const struct expr_value *s,
    struct expr_value *ret_value);

/* Does the text of a value match? */
int expr_matches(struct expr_run *r, const struct expr_node *n,
    struct pattern *pattern, const struct expr_value *v, bool whole,
    struct expr_value *ret_value);

/* The value's text as a string in the arena. */
int expr_to_string(struct expr_run *r, const struct expr_node *n,
    const struct expr_value *v, struct expr_value *ret_value);

#endif
