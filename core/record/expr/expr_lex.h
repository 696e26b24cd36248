/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expr_lex.h: an expression's text as tokens, one at a time.
 */
#ifndef LEAT_RECORD_EXPR_LEX_H
#define LEAT_RECORD_EXPR_LEX_H

#include <leat/arena.h>
#include <leat/buf.h>
#include <leat/err.h>
#include <leat/str.h>

enum expr_token_kind {
	T_END,
	T_NAME,
	T_NUMBER,	/* text holds it as written */
	T_QUOTE,	/* the opening quote: expr_lex_string reads on */
	T_SIGN		/* an operator or a bracket */
};

/* All that is not a name, a number or a string; longest first. */
#define EXPR_SIGNS(X)                                                     \
	X(S_IDENTICAL, "===")                                             \
	X(S_NOT_IDENTICAL, "!==")                                         \
	X(S_MATCH, "==~")                                                 \
	X(S_COMPARE, "<=>")                                               \
	X(S_RANGE_BELOW, "..<")                                           \
	X(S_EQUAL, "==")                                                  \
	X(S_UNEQUAL, "!=")                                                \
	X(S_FIND, "=~")                                                   \
	X(S_LESS_EQUAL, "<=")                                             \
	X(S_GREATER_EQUAL, ">=")                                          \
	X(S_AND, "&&")                                                    \
	X(S_OR, "||")                                                     \
	X(S_SAFE_DOT, "?.")                                               \
	X(S_SAFE_INDEX, "?[")                                             \
	X(S_ELVIS, "?:")                                                  \
	X(S_RANGE, "..")                                                  \
	X(S_POWER, "**")                                                  \
	X(S_SHIFT_LEFT, "<<")                                             \
	X(S_SHIFT_RIGHT, ">>")                                            \
	X(S_ARROW, "->")                                                  \
	X(S_SPREAD, "*.")                                                 \
	X(S_INCREMENT, "++")                                              \
	X(S_DECREMENT, "--")                                              \
	X(S_LESS, "<")                                                    \
	X(S_GREATER, ">")                                                 \
	X(S_ASSIGN, "=")                                                  \
	X(S_BIT_AND, "&")                                                 \
	X(S_BIT_OR, "|")                                                  \
	X(S_BIT_XOR, "^")                                                 \
	X(S_TILDE, "~")                                                   \
	X(S_NOT, "!")                                                     \
	X(S_QUESTION, "?")                                                \
	X(S_COLON, ":")                                                   \
	X(S_DOT, ".")                                                     \
	X(S_COMMA, ",")                                                   \
	X(S_SEMICOLON, ";")                                               \
	X(S_PLUS, "+")                                                    \
	X(S_MINUS, "-")                                                   \
	X(S_STAR, "*")                                                    \
	X(S_SLASH, "/")                                                   \
	X(S_PERCENT, "%")                                                 \
	X(S_OPEN, "(")                                                    \
	X(S_CLOSE, ")")                                                   \
	X(S_OPEN_LIST, "[")                                               \
	X(S_CLOSE_LIST, "]")                                              \
	X(S_OPEN_BLOCK, "{")                                              \
	X(S_CLOSE_BLOCK, "}")

enum expr_sign {
#define SIGN(name, text) name,
	EXPR_SIGNS(SIGN)
#undef SIGN
	    S_N
};

struct expr_token {
	uint8_t kind;		/* enum expr_token_kind */
	uint8_t sign;		/* enum expr_sign */
	uint32_t at;		/* byte of the text */
	struct leat_str text;
};

struct expr_lexer {
	const char *text;	/* NUL-terminated */
	uint32_t at;		/* behind the token */
	struct expr_token token;
	struct leat_arena *arena;
	struct leat_err *err;
};

/* Moves to the next token; 0, or filled err. */
int expr_lex_next(struct expr_lexer *l);

/* What ended a piece of a string. */
enum expr_string_end { STRING_QUOTE, STRING_BLOCK, STRING_NAME };

/*
 * Reads a piece of a string from l->at up to its quote, to "${" or to "$name"
 * (only in double quotes), and moves behind the quote, the { or the $. Between
 * slashes only \/ is an escape.
 */
int expr_lex_string(struct expr_lexer *l, char quote,
    struct leat_str *ret_piece, enum expr_string_end *ret_end);

/* An error of the configuration at a byte of the text. */
int expr_lex_fail(struct expr_lexer *l, uint32_t at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
