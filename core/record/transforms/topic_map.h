/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topic_map.h: names rewritten by a regular expression that the whole of them
 * must match. Answers are remembered, as in memo.h.
 */
#ifndef LEAT_RECORD_TOPIC_MAP_H
#define LEAT_RECORD_TOPIC_MAP_H

#include <leat/arena.h>
#include <leat/err.h>
#include <leat/map.h>

struct java_regex;

struct topic_map {
	struct java_regex *re;
	const char *replacement;
	struct leat_map memo;
};

/*
 * Both texts must outlive the map; the keys are those of the options, for
 * messages. On failure fini is still to be called.
 */
int topic_map_init(struct topic_map *m, const char *regex_key,
    const char *regex, const char *replacement_key, const char *replacement,
    struct leat_err *err);
void topic_map_fini(struct topic_map *m); /* accepts a zeroed one */

/* The new name, from the arena; *ret_name is NULL if `name` does not match. */
int topic_map_get(struct topic_map *m, const char *name,
    struct leat_arena *arena, const char **ret_name, struct leat_err *err);

#endif
