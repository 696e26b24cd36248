/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf.h: from a connector's properties to the configs of converters,
 * transforms and predicates. One walk serves both validation, which collects
 * all problems with their places, and building, which stops at the first.
 */
#ifndef LEAT_RECORD_CONF_H
#define LEAT_RECORD_CONF_H

#include <stddef.h>

#include <leat/arena.h>
#include <leat/err.h>
#include <leat/options.h>
#include <leat/str.h>

#include "core/config/properties.h"

struct conf {
	const struct properties *props;
	const struct properties *defaults;	/* the worker's, or NULL */
	struct problems *out;	/* NULL: only the first problem, in err */
	struct leat_err *err;
	struct leat_arena *arena;	/* for work */
	int nproblems;
};

/* The settings below a prefix, with the prefix cut off. */
struct conf_settings {
	struct leat_setting *v;
	size_t n;
	size_t cap;
};

/* Something is wrong at `at` (NULL: nowhere), or with `key`. */
void conf_problem(struct conf *c, const struct property *at, const char *key,
    const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* Out of memory: not a problem of the configuration. Returns -ENOMEM. */
int conf_no_memory(struct conf *c);

/*
 * Adds the properties below `prefix` ("value.converter."), but for the keys in
 * `skip` (ended by NULL, or NULL). Those already there stay.
 */
int conf_collect(struct conf *c, const struct properties *props,
    const char *prefix, const char *const *skip, struct conf_settings *to);
/* Adds one that nobody wrote, unless it is there. */
int conf_add(struct conf *c, struct conf_settings *to, const char *key,
    const char *value);

/*
 * Fills a config struct from settings; problems are reported with `prefix` in
 * front. What the config points to comes from `arena`. 0 if there was none.
 */
int conf_fill(struct conf *c, const char *prefix,
    const struct leat_option *table, const struct conf_settings *settings,
    struct leat_arena *arena, void *config, size_t config_size);

/* A list of aliases, ended by NULL; complains of twins. NULL: no memory. */
const char *const *conf_aliases(struct conf *c, const char *key);

/* "did you mean '...'?" for the nearest of the names, or NULL. */
const char *conf_nearest(struct conf *c, const char *word,
    const char *const *names);

#endif
