/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memo.h: answers remembered by topic. Topics are few and records are many, so
 * what depends on the topic's name alone is worked out once for each.
 */
#ifndef LEAT_RECORD_MEMO_H
#define LEAT_RECORD_MEMO_H

#include <stdlib.h>

#include <leat/map.h>

enum { MEMO_MAX = 1000 };	/* then it forgets and begins anew */

static inline void
memo_fini(struct leat_map *m)
{
	const struct leat_map_entry *e;
	size_t it = 0;

	while ((e = leat_map_next(m, &it)) != NULL)
		free(e->value);
	leat_map_fini(m);
}

/* A copy of the answer, or NULL without memory (then nothing is lost). */
static inline const char *
memo_add(struct leat_map *m, const char *topic, const char *answer)
{
	char *copy = strdup(answer);

	if (copy == NULL)
		return NULL;
	if (m->len >= MEMO_MAX) {
		memo_fini(m);
		leat_map_init(m);
	}
	if (leat_map_set(m, leat_str_c(topic), copy, NULL) < 0) {
		free(copy);
		return NULL;
	}
	return copy;
}

#endif
