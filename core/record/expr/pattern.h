/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pattern.h: a Java regular expression that answers yes or no in linear time.
 *
 * The pattern becomes a program of at most PATTERN_CODE_MAX steps; all of its
 * threads walk the text together, so that a text of n characters costs at most
 * n times the program, whatever the pattern. Nothing is allocated while
 * matching. Which alternative matched is not known: groups only group (for
 * replacements, which need theirs, see java_regex.h).
 *
 * Refused, since they need more than that: back references, look-around,
 * possessive quantifiers. Characters are Unicode's; \d, \w, \s and (?i) are
 * ASCII's, as in Java.
 */
#ifndef LEAT_RECORD_PATTERN_H
#define LEAT_RECORD_PATTERN_H

#include <stdbool.h>

#include <leat/arena.h>
#include <leat/err.h>
#include <leat/str.h>

enum {
	PATTERN_TEXT_MAX = 4096,	/* bytes of a pattern */
	PATTERN_CODE_MAX = 2000,	/* steps of its program */
	PATTERN_WORK_MAX = 10000000	/* steps times characters of a text */
};

struct pattern;

/* What is wrong, and at which byte of the pattern. */
struct pattern_fault {
	const char *what;	/* NULL: no memory */
	size_t at;
};

/* Compiles into the arena, which the pattern needs as long as it lives. */
int pattern_new(struct leat_str text, struct leat_arena *arena,
    struct pattern **ret_pattern, struct pattern_fault *ret_fault);

/*
 * Does the whole text match, or (`whole` false) any part of it? 0, or
 * LEAT_E_LIMIT for a text that is too much work. Uses memory of the pattern:
 * one thread at a time.
 */
int pattern_test(struct pattern *p, struct leat_str text, bool whole,
    bool *ret_matches);

#endif
