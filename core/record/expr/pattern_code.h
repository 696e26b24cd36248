/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pattern_code.h: a compiled pattern, as pattern.c makes it and pattern_run.c
 * walks it.
 */
#ifndef LEAT_RECORD_PATTERN_CODE_H
#define LEAT_RECORD_PATTERN_CODE_H

#include "core/record/expr/pattern.h"

enum pattern_op {
	P_CHAR,		/* x: the code point */
	P_ANY,		/* all but line ends */
	P_ALL,
	P_SET,		/* x: which set */
	P_SPLIT,	/* goes on at x and at y */
	P_JUMP,		/* goes on at x */
	P_LINE_START,
	P_LINE_END,
	P_START,
	P_END,		/* of the text */
	P_LAST_END,	/* of the text, or before its last line end */
	P_WORD,		/* \b */
	P_NO_WORD,
	P_MATCH
};

struct pattern_step {
	uint8_t op;
	uint32_t x;
	uint32_t y;
};

struct pattern_range {
	uint32_t from;
	uint32_t to;
};

struct pattern_set {
	bool invert;
	uint32_t n;
	const struct pattern_range *ranges;
};

/* Program counters without twins: `mark[pc]` is the round it was added in. */
struct pattern_threads {
	uint16_t *pc;
	uint32_t n;
};

struct pattern {
	struct pattern_step *code;
	uint32_t ncode;
	const struct pattern_set *sets;
	bool icase;
	/* For the run. */
	struct pattern_threads now;
	struct pattern_threads next;
	uint16_t *stack;
	uint32_t *mark;
	uint32_t round;
};

#endif
