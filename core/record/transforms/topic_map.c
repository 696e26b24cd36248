/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topic_map.c: see topic_map.h.
 */
#include "core/record/transforms/topic_map.h"

#include "core/record/java_regex.h"
#include "core/record/memory.h"
#include "core/record/transforms/memo.h"

/* What the memo holds begins with one of these; the name stands behind. */
enum { NO_MATCH = '-',
	MATCH = '+' };

int
topic_map_init(struct topic_map *m, const char *regex_key, const char *regex,
    const char *replacement_key, const char *replacement,
    struct leat_err *err)
{
	leat_map_init(&m->memo);
	m->replacement = replacement;
	if (java_regex_new(regex, &m->re, err) < 0)
		return leat_err_wrap(err, "%s", regex_key);
	if (java_regex_check_replacement(m->re, replacement, err) < 0)
		return leat_err_wrap(err, "%s", replacement_key);
	return 0;
}

void
topic_map_fini(struct topic_map *m)
{
	java_regex_free(m->re);
	memo_fini(&m->memo);
	m->re = NULL;
}

int
topic_map_get(struct topic_map *m, const char *name, struct leat_arena *arena,
    const char **ret_name, struct leat_err *err)
{
	const char *answer = leat_map_get_c(&m->memo, name), *found;
	int rc;

	if (answer == NULL) {
		rc = java_regex_replace(m->re, name, m->replacement, arena,
		    &found, err);
		if (rc < 0)
			return rc;
		answer = leat_arena_printf(arena, "%c%s",
		    found != NULL ? MATCH : NO_MATCH,
		    found != NULL ? found : "");
		if (answer == NULL)
			return record_no_memory(arena, err);
		memo_add(&m->memo, name, answer);
	}
	*ret_name = NULL;
	if (answer[0] == NO_MATCH)
		return 0;
	/* Out of the memo, which may forget while the record lives. */
	*ret_name = leat_arena_strdup(arena, answer + 1);
	return *ret_name == NULL ? record_no_memory(arena, err) : 0;
}
