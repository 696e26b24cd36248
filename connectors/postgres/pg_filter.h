/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_filter.h: include and exclude lists of anchored regular expressions.
 *
 * An expression must match the whole name, in any case, as in Debezium. The
 * dialect is POSIX extended; of Java's, \d \D and (?: are translated, and look-
 * around and lazy quantifiers do not exist.
 */
#ifndef LEAT_PG_FILTER_H
#define LEAT_PG_FILTER_H

#include <regex.h>
#include <stdint.h>

#include <leat/connector.h>

struct pg_filter {
	regex_t *res;
	uint32_t len;
};

/* Compiles a list; `option` is named in the error. An empty list is valid. */
int pg_filter_init(struct pg_filter *f, const char *option,
    const struct leat_list *list, struct leat_err *err);
void pg_filter_fini(struct pg_filter *f);

/* The index of the first expression that matches, or -1. */
int32_t pg_filter_find(const struct pg_filter *f, const char *name);

/* Compiles one expression to match whole names. */
int pg_regex_compile(regex_t *re, const char *option, const char *pattern,
    struct leat_err *err);

#endif
