/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The topics as consumer groups see them: a copy, made anew when the broker
 * says that something changed, since the broker's lock cannot be taken while
 * the groups' is held.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/coord/consumer_group.h"

static int
copy_topic(void *arg, const struct broker_topic_info *info)
{
	struct topic_view *v = arg;
	struct seen_topic *t;

	if (info->internal)
		return 0;
	if ((t = calloc(1, sizeof(*t))) == NULL)
		return -ENOMEM;
	t->partitions = info->partitions;
	memcpy(t->id, info->id, sizeof(t->id));
	if ((t->name = strdup(info->name)) == NULL ||
	    leat_map_set(&v->by_name, leat_str_c(t->name), t, NULL) < 0) {
		free(t->name);
		free(t);
		return -ENOMEM;
	}
	return leat_map_set(&v->by_id, (struct leat_str){ (char *)t->id,
	    sizeof(t->id) }, t, NULL);
}

void
topic_view_fini(struct topic_view *v)
{
	const struct leat_map_entry *e;
	size_t it = 0;

	while ((e = leat_map_next(&v->by_name, &it)) != NULL) {
		struct seen_topic *t = e->value;

		free(t->name);
		free(t);
	}
	leat_map_fini(&v->by_name);
	leat_map_fini(&v->by_id);
}

int
topic_view_refresh(struct groups *gs)
{
	struct topic_view v = { .version = broker_topics_version(gs->b),
	    .valid = true }, old;
	bool same;

	groups_lock(gs);
	same = gs->topics.valid && gs->topics.version == v.version;
	groups_unlock(gs);
	if (same)
		return 0;
	if (broker_topic_each(gs->b, copy_topic, &v) < 0) {
		topic_view_fini(&v);
		return -ENOMEM;
	}
	groups_lock(gs);
	old = gs->topics;
	/* Somebody else may have been faster, with something newer. */
	if (old.valid && old.version > v.version)
		old = v;
	else
		gs->topics = v;
	groups_unlock(gs);
	topic_view_fini(&old);
	return 0;
}

const struct seen_topic *
topic_view_name(const struct groups *gs, const char *name)
{
	return leat_map_get_c(&gs->topics.by_name, name);
}

const struct seen_topic *
topic_view_id(const struct groups *gs, const uint8_t id[16])
{
	return leat_map_get(&gs->topics.by_id,
	    (struct leat_str){ (const char *)id, 16 });
}
