/* SPDX-License-Identifier: Apache-2.0 */
/*
 * java_regex.h: the regular expressions of Kafka Connect's configurations,
 * which are Java's, run by POSIX's matcher.
 *
 * Understood: what both share, and of Java's own \d \w \s and their opposites,
 * \t \n \r \f, \Q..\E, escaped punctuation, [..] with those inside, (?:..),
 * (?<name>..) and a leading (?i). Everything else of Java's (lazy and
 * possessive quantifiers, look-around, back references, \b, \p) is refused with
 * a hint. Where alternatives of different length both match, POSIX takes the
 * longest and Java the first: that can change what a group holds, never
 * whether the whole matches.
 *
 * expr/pattern.h is another matcher, and both are needed: this one knows what
 * the groups hold, which a replacement wants, for the names of topics, which
 * are short; that one has a bound for its time on any text, which the values of
 * records want, and knows no groups.
 */
#ifndef LEAT_RECORD_JAVA_REGEX_H
#define LEAT_RECORD_JAVA_REGEX_H

#include <stdbool.h>

#include <leat/arena.h>
#include <leat/err.h>

struct java_regex;

/* Fails with class CONFIG, saying what is not understood and where. */
int java_regex_new(const char *pattern, struct java_regex **ret_regex,
    struct leat_err *err);
void java_regex_free(struct java_regex *re);	/* accepts NULL */

/* Does the whole of the text match? */
bool java_regex_matches(const struct java_regex *re, const char *text);

/*
 * If the whole of the text matches, the replacement with its $1, ${name} and
 * \x filled in, from the arena; else *ret_text is NULL. 0, or -ENOMEM.
 */
int java_regex_replace(const struct java_regex *re, const char *text,
    const char *replacement, struct leat_arena *arena, const char **ret_text,
    struct leat_err *err);
/* Does the replacement name groups that there are? 0 or class CONFIG. */
int java_regex_check_replacement(const struct java_regex *re,
    const char *replacement, struct leat_err *err);

#endif
