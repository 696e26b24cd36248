/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pattern_compile.h: what the two halves of the compiler share: pieces and
 * quantifiers (pattern.c), characters and sets (pattern_set.c).
 */
#ifndef LEAT_RECORD_PATTERN_COMPILE_H
#define LEAT_RECORD_PATTERN_COMPILE_H

#include <string.h>

#include "core/record/expr/pattern_code.h"

enum {
	PATTERN_SETS_MAX = 500,
	PATTERN_RANGES_MAX = 200	/* of one set */
};

struct pattern_compiler {
	struct leat_str text;
	size_t at;
	struct leat_arena *arena;
	/* The code, and behind it the piece that a quantifier copies. */
	struct pattern_step *code;
	uint32_t n;
	struct pattern_set *sets;
	uint32_t nsets;
	struct pattern_range ranges[PATTERN_RANGES_MAX];
	uint32_t nranges;
	bool icase;
	bool dot_all;
	bool multi_line;
	struct pattern_fault *fault;
};

static inline int
pattern_refuse(struct pattern_compiler *c, const char *what)
{
	*c->fault = (struct pattern_fault){ what, c->at };
	return -1;
}

/* The next byte, or 0 at the end. */
static inline char
pattern_peek(const struct pattern_compiler *c)
{
	return c->at < c->text.len ? c->text.ptr[c->at] : '\0';
}

static inline bool
pattern_ahead(const struct pattern_compiler *c, const char *word)
{
	const size_t len = strlen(word);

	return c->text.len - c->at >= len &&
	    memcmp(c->text.ptr + c->at, word, len) == 0;
}

/* Appends a step. */
static inline int
pattern_emit(struct pattern_compiler *c, uint8_t op, uint32_t x, uint32_t y)
{
	if (c->n >= PATTERN_CODE_MAX)
		return pattern_refuse(c, "the pattern is too large");
	c->code[c->n++] = (struct pattern_step){ op, x, y };
	return 0;
}

/* The code point at the position, which moves behind it. */
uint32_t pattern_take_char(struct pattern_compiler *c);
/* One character behind a backslash. */
int pattern_escaped(struct pattern_compiler *c, uint32_t *ret_char);
/* Adds \d \w \s or an opposite to the ranges; -2: another letter. */
int pattern_add_class(struct pattern_compiler *c, char letter);
/* The ranges so far as a set of the program. */
int pattern_emit_set(struct pattern_compiler *c, bool invert);
/* [...] */
int pattern_bracket(struct pattern_compiler *c);

#endif
