/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expr_parse.h: what the parts of the parser share: operators (expr_parse.c),
 * operands (expr_operand.c) and literals (expr_literal.c).
 */
#ifndef LEAT_RECORD_EXPR_PARSE_H
#define LEAT_RECORD_EXPR_PARSE_H

#include "core/record/expr/expr_lex.h"
#include "core/record/expr/expr_node.h"

struct expr_parser {
	struct expr_lexer lex;
	struct leat_arena *arena;
	uint32_t nnodes;
	uint32_t nesting;
};

/* An expression down to the weakest operator; NULL with err filled. */
struct expr_node *expr_parse_whole(struct expr_parser *p);
/* An operand with all that follows it: .name, [i], (...). */
struct expr_node *expr_parse_operand(struct expr_parser *p);
/* The literal behind =~ and ==~; or one that was read already. */
struct pattern *expr_parse_pattern(struct expr_parser *p);
struct pattern *expr_compile(struct expr_parser *p,
    const struct expr_node *literal);
struct expr_node *expr_parse_number(struct expr_parser *p);
/* A string whose opening quote is the token. */
struct expr_node *expr_parse_string(struct expr_parser *p, char quote);
/* A variable; the token stays where it is. */
struct expr_node *expr_parse_variable(struct expr_parser *p);

/* A node over up to two others, with its height. */
struct expr_node *expr_node_new(struct expr_parser *p, enum expr_op op,
    uint32_t at, struct expr_node *a, struct expr_node *b);
struct expr_node *expr_node_constant(struct expr_parser *p, uint32_t at,
    struct expr_value v);
/* a.name */
struct expr_node *expr_node_property(struct expr_parser *p, uint32_t at,
    struct expr_node *of, struct leat_str name);
/* Is it a range, which may not stand here? Then err is filled. */
bool expr_refuse_range(struct expr_parser *p, const struct expr_node *n);
/* Something else was expected; says what stands there. Always NULL. */
void *expr_parse_fail(struct expr_parser *p, const char *expected);
void *expr_parse_no_memory(struct expr_parser *p);

/* A node's height covers its members too. */
static inline void
expr_node_cover(struct expr_node *n, const struct expr_node *member)
{
	if (member->height >= n->height)
		n->height = member->height + 1;
}

static inline bool
expr_at_sign(const struct expr_parser *p, enum expr_sign sign)
{
	return p->lex.token.kind == T_SIGN && p->lex.token.sign == sign;
}

static inline bool
expr_at_word(const struct expr_parser *p, const char *word)
{
	return p->lex.token.kind == T_NAME &&
	    leat_str_eq_c(p->lex.token.text, word);
}

#endif
