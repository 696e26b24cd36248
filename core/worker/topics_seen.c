/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topics_seen.c: see topics_seen.h. The value of an entry is a copy of its
 * name, which does not move when the table grows.
 */
#include "core/worker/topics_seen.h"

#include <stdlib.h>
#include <string.h>

#include <leat/str.h>

void
topics_seen_init(struct topics_seen *s)
{
	lock_init(&s->lock, RANK_LEAF);
	leat_map_init(&s->set);
}

void
topics_seen_clear(struct topics_seen *s)
{
	const struct leat_map_entry *e;
	size_t it = 0;

	lock_acquire(&s->lock);
	while ((e = leat_map_next(&s->set, &it)) != NULL)
		free(e->value);
	leat_map_fini(&s->set);
	leat_map_init(&s->set);
	lock_release(&s->lock);
}

void
topics_seen_fini(struct topics_seen *s)
{
	topics_seen_clear(s);
	leat_map_fini(&s->set);
	lock_fini(&s->lock);
}

const char *
topics_seen_add(struct topics_seen *s, const char *topic)
{
	char *name;

	lock_acquire(&s->lock);
	name = leat_map_get_c(&s->set, topic);
	if (name == NULL && s->set.len < TOPICS_SEEN_LIMIT) {
		name = strdup(topic);
		if (name != NULL && leat_map_set(&s->set, leat_str_c(topic),
		    name, NULL) < 0) {
			free(name);
			name = NULL;
		}
	}
	lock_release(&s->lock);
	return name;
}

void
topics_seen_each(struct topics_seen *s,
    void (*fn)(void *arg, const char *topic), void *arg)
{
	const struct leat_map_entry *e;
	size_t it = 0;

	lock_acquire(&s->lock);
	while ((e = leat_map_next(&s->set, &it)) != NULL)
		fn(arg, e->key);
	lock_release(&s->lock);
}
