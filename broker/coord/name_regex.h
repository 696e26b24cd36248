/* SPDX-License-Identifier: Apache-2.0 */
/*
 * name_regex.h: expressions for names (of topics, of transactional ids) that
 * clients send: POSIX extended ones that must match the whole name.
 */
#ifndef LEAT_BROKER_NAME_REGEX_H
#define LEAT_BROKER_NAME_REGEX_H

#include <regex.h>
#include <stdbool.h>

enum { NAME_REGEX_MAX_BYTES = 256 };

/*
 * Expressions that take the matcher a long time, or that mean something else
 * elsewhere, are refused. NULL, or why.
 */
const char *name_regex_check(const char *regex);
/* 0, then to be freed with regfree; -1: it is none, or there is no memory. */
int name_regex_compile(regex_t *re, const char *regex);
bool name_regex_matches(const regex_t *re, const char *name);

#endif
