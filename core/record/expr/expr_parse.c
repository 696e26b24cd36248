/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expr_parse.c: operators by their strength, and the whole.
 */
#include "core/record/expr/expr_parse.h"

#include <errno.h>
#include <stdio.h>

/* ----------------------------------------------------------------- failures */

const char *
expr_place(const char *text, uint32_t at, char *to)
{
	unsigned line = 1, column = 1;
	uint32_t i;

	for (i = 0; i < at && text[i] != '\0'; i++) {
		if (text[i] == '\n') {
			line++;
			column = 1;
		} else if (((uint8_t)text[i] & 0xc0) != 0x80) {
			column++;
		}
	}
	snprintf(to, 48, "line %u, column %u", line, column);
	return to;
}

void *
expr_parse_no_memory(struct expr_parser *p)
{
	leat_err_set(p->lex.err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
	return NULL;
}

/* What to write instead of Groovy that is not part of the language. */
static const char *
hint(const struct expr_token *t)
{
	static const struct {
		uint8_t sign;
		const char *text;
	} hints[] = {
		{ S_ASSIGN, "; == compares" },
		{ S_BIT_AND, "; && is the logical and" },
		{ S_BIT_OR, "; || is the logical or" },
		{ S_BIT_XOR, "; != tells two booleans apart" },
		{ S_OPEN_BLOCK, "; there are no closures and no blocks, "
				"c ? a : b chooses" },
		{ S_SEMICOLON, "; it is one expression, without statements" },
		{ S_ARROW, "; there are no functions of one's own" },
		{ S_SPREAD, "; a list's members have no properties at once" },
		{ S_POWER, "; multiply instead" },
	};
	unsigned i;

	for (i = 0; t->kind == T_SIGN && i < sizeof(hints) / sizeof(hints[0]);
	    i++)
		if (hints[i].sign == t->sign)
			return hints[i].text;
	return "";
}

void *
expr_parse_fail(struct expr_parser *p, const char *expected)
{
	const struct expr_token *t = &p->lex.token;

	if (t->kind == T_END)
		expr_lex_fail(&p->lex, t->at,
		    "expected %s, but the expression ends", expected);
	else
		expr_lex_fail(&p->lex, t->at, "expected %s, not '%.*s'%s",
		    expected, (int)(t->text.len < 40 ? t->text.len : 40),
		    t->text.ptr, hint(t));
	return NULL;
}

bool
expr_refuse_range(struct expr_parser *p, const struct expr_node *n)
{
	if (n == NULL || (n->op != N_RANGE && n->op != N_RANGE_BELOW))
		return false;
	expr_lex_fail(&p->lex, n->at, "a range stands only behind 'in'");
	return true;
}

struct expr_node *
expr_node_new(struct expr_parser *p, enum expr_op op, uint32_t at,
    struct expr_node *a, struct expr_node *b)
{
	struct expr_node *n;
	uint16_t height = 0;

	if (expr_refuse_range(p, a) || (op != N_IN && op != N_NOT_IN &&
	    expr_refuse_range(p, b)))
		return NULL;
	if (++p->nnodes > EXPR_NODES_MAX) {
		expr_lex_fail(&p->lex, at, "the expression has more than %d "
		    "parts", EXPR_NODES_MAX);
		return NULL;
	}
	if (a != NULL && a->height > height)
		height = a->height;
	if (b != NULL && b->height > height)
		height = b->height;
	if (height >= EXPR_HEIGHT_MAX) {
		expr_lex_fail(&p->lex, at, "more than %d operators in a row; "
		    "'in' with a list is shorter", EXPR_HEIGHT_MAX);
		return NULL;
	}
	n = leat_arena_calloc(p->arena, 1, sizeof(*n));
	if (n == NULL)
		return expr_parse_no_memory(p);
	n->op = (uint8_t)op;
	n->at = at;
	n->a = a;
	n->b = b;
	n->height = height + 1;
	return n;
}

/* ---------------------------------------------------------------- operators */

/* The strength of what stands behind an operand; larger binds tighter. */
enum { WEAKEST = 1, RELATIONS = 4 };

static const struct binary {
	uint8_t sign;
	uint8_t strength;
	uint8_t op;
} binaries[] = {
	{ S_OR, 1, N_OR },
	{ S_AND, 2, N_AND },
	{ S_EQUAL, 3, N_EQUAL },
	{ S_UNEQUAL, 3, N_UNEQUAL },
	{ S_IDENTICAL, 3, N_EQUAL },
	{ S_NOT_IDENTICAL, 3, N_UNEQUAL },
	{ S_COMPARE, 3, N_COMPARE },
	{ S_FIND, 3, N_FIND },
	{ S_MATCH, 3, N_MATCH },
	{ S_LESS, RELATIONS, N_LESS },
	{ S_LESS_EQUAL, RELATIONS, N_LESS_EQUAL },
	{ S_GREATER, RELATIONS, N_GREATER },
	{ S_GREATER_EQUAL, RELATIONS, N_GREATER_EQUAL },
	{ S_RANGE, 5, N_RANGE },
	{ S_RANGE_BELOW, 5, N_RANGE_BELOW },
	{ S_PLUS, 6, N_ADD },
	{ S_MINUS, 6, N_SUB },
	{ S_STAR, 7, N_MUL },
	{ S_SLASH, 7, N_DIV },
	{ S_PERCENT, 7, N_REM },
};

static const struct binary in_operator = { S_N, RELATIONS, N_IN };
static const struct binary not_in_operator = { S_N, RELATIONS, N_NOT_IN };

/* Is it "!in", with nothing between? */
static bool
at_not_in(const struct expr_parser *p)
{
	const char *after = p->lex.text + p->lex.at;

	return expr_at_sign(p, S_NOT) && strncmp(after, "in", 2) == 0 &&
	    after[2] != '\0' && strchr(" \t\r\n[(", after[2]) != NULL;
}

static const struct binary *
operator_at(const struct expr_parser *p)
{
	unsigned i;

	if (expr_at_word(p, "in"))
		return &in_operator;
	if (at_not_in(p))
		return &not_in_operator;
	for (i = 0; i < sizeof(binaries) / sizeof(binaries[0]); i++)
		if (expr_at_sign(p, binaries[i].sign))
			return &binaries[i];
	return NULL;
}

static struct expr_node *
unary(struct expr_parser *p)
{
	const uint32_t at = p->lex.token.at;
	enum expr_op op = N_CONST;
	struct expr_node *n;

	if (expr_at_sign(p, S_NOT))
		op = N_NOT;
	else if (expr_at_sign(p, S_MINUS))
		op = N_NEGATE;
	else if (expr_at_sign(p, S_PLUS))
		op = N_PLUS;
	if (op == N_CONST)
		return expr_parse_operand(p);
	if (++p->nesting > EXPR_NESTING_MAX)
		return expr_parse_fail(p, "fewer operators in a row");
	if (expr_lex_next(&p->lex) < 0)
		return NULL;
	n = unary(p);
	p->nesting--;
	return n == NULL ? NULL : expr_node_new(p, op, at, n, NULL);
}

static struct expr_node *binary(struct expr_parser *p, unsigned weakest);

/* What follows an operator. */
static struct expr_node *
right_side(struct expr_parser *p, const struct binary *b,
    struct expr_node *left, uint32_t at)
{
	struct expr_node *n, *right;

	if (b->op == N_FIND || b->op == N_MATCH) {
		n = expr_node_new(p, b->op, at, left, NULL);
		if (n != NULL)
			n->u.pattern = expr_parse_pattern(p);
		return n != NULL && n->u.pattern != NULL ? n : NULL;
	}
	right = binary(p, b->strength + 1U);
	return right == NULL ? NULL : expr_node_new(p, b->op, at, left, right);
}

static struct expr_node *
binary(struct expr_parser *p, unsigned weakest)
{
	struct expr_node *n = unary(p);
	const struct binary *b;
	uint32_t at;

	while (n != NULL) {
		b = operator_at(p);
		if (b == NULL || b->strength < weakest)
			return n;
		at = p->lex.token.at;
		if (expr_lex_next(&p->lex) < 0 ||
		    (b == &not_in_operator && expr_lex_next(&p->lex) < 0))
			return NULL;
		n = right_side(p, b, n, at);
	}
	return NULL;
}

/* c ? a : b */
static struct expr_node *
choose(struct expr_parser *p, struct expr_node *condition, uint32_t at)
{
	struct expr_node *n, *a, *b;

	a = expr_parse_whole(p);
	if (a == NULL)
		return NULL;
	if (!expr_at_sign(p, S_COLON))
		return expr_parse_fail(p, "':' and what else to choose");
	if (expr_lex_next(&p->lex) < 0)
		return NULL;
	b = expr_parse_whole(p);
	if (b == NULL || expr_refuse_range(p, b))
		return NULL;
	n = expr_node_new(p, N_CHOOSE, at, condition, a);
	if (n == NULL)
		return NULL;
	if (b->height + 1 > n->height)
		n->height = b->height + 1;
	n->c = b;
	return n;
}

struct expr_node *
expr_parse_whole(struct expr_parser *p)
{
	struct expr_node *n, *b;
	const bool deep = ++p->nesting > EXPR_NESTING_MAX;
	uint32_t at;

	if (deep)
		return expr_parse_fail(p, "fewer brackets within brackets");
	n = binary(p, WEAKEST);
	at = p->lex.token.at;
	if (n != NULL && expr_at_sign(p, S_QUESTION)) {
		n = expr_lex_next(&p->lex) < 0 ? NULL : choose(p, n, at);
	} else if (n != NULL && expr_at_sign(p, S_ELVIS)) {
		b = expr_lex_next(&p->lex) < 0 ? NULL : expr_parse_whole(p);
		n = b == NULL ? NULL : expr_node_new(p, N_ELVIS, at, n, b);
	}
	p->nesting--;
	return n;
}

/* -------------------------------------------------------------------- whole */

static struct expr_node *
parse(struct expr_parser *p)
{
	struct expr_node *n;

	if (expr_lex_next(&p->lex) < 0)
		return NULL;
	if (expr_at_word(p, "return") && expr_lex_next(&p->lex) < 0)
		return NULL;
	n = expr_parse_whole(p);
	if (expr_refuse_range(p, n))
		return NULL;
	if (n != NULL && expr_at_sign(p, S_SEMICOLON) &&
	    p->lex.text[p->lex.at] == '\0' && expr_lex_next(&p->lex) < 0)
		return NULL;
	if (n != NULL && p->lex.token.kind != T_END)
		return expr_parse_fail(p, "an operator or the end");
	return n;
}

int
expr_new(const char *text, struct leat_arena *arena, struct expr **ret_expr,
    struct leat_err *err)
{
	struct leat_err own = LEAT_ERR_INIT;
	struct expr_parser p = { .arena = arena };
	struct expr *e;

	if (err == NULL)
		err = &own;
	if (strlen(text) > EXPR_TEXT_MAX)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_LIMIT,
		    "the expression is longer than %d bytes", EXPR_TEXT_MAX);
	if (!leat_utf8_valid(text, strlen(text)))
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "the expression is not UTF-8");
	e = leat_arena_calloc(arena, 1, sizeof(*e));
	text = leat_arena_strdup(arena, text);
	if (e == NULL || text == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	p.lex = (struct expr_lexer){ .text = text, .arena = arena,
		.err = err };
	e->text = text;
	e->root = parse(&p);
	if (e->root == NULL)
		return err->code;
	leat_buf_init(&e->work, EXPR_STRING_MAX);
	*ret_expr = e;
	return 0;
}

void
expr_free(struct expr *e)
{
	if (e != NULL)
		leat_buf_fini(&e->work);
}
