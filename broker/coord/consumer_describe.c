/* SPDX-License-Identifier: Apache-2.0 */
/* What people ask about consumer groups. */
#include <stdlib.h>
#include <string.h>

#include "broker/coord/consumer_group.h"

/* NULL stays NULL; *ok is false without memory. */
static const char *
copy(struct leat_arena *memory, const char *s, bool *ok)
{
	const char *to = s == NULL ? NULL : leat_arena_strdup(memory, s);

	if (s != NULL && to == NULL)
		*ok = false;
	return to;
}

static const char *
name_of(const struct groups *gs, struct leat_arena *memory,
    const uint8_t id[16], bool *ok)
{
	const struct seen_topic *t = topic_view_id(gs, id);

	return t == NULL ? NULL : copy(memory, t->name, ok);
}

/* Partitions by topic; of topics that are gone nothing is said. */
static const struct group_partitions *
describe_set(const struct groups *gs, struct leat_arena *memory,
    const struct tp_set *s, int32_t *ret_n, bool *ok)
{
	struct group_partitions *list = leat_arena_calloc(memory, s->n + 1,
	    sizeof(*list));
	int32_t *numbers = leat_arena_calloc(memory, s->n + 1,
	    sizeof(*numbers));
	int32_t n = 0;

	*ret_n = 0;
	if (list == NULL || numbers == NULL) {
		*ok = false;
		return NULL;
	}
	for (size_t i = 0, end; i < s->n; i = end) {
		struct group_partitions *p = &list[n];

		memcpy(p->topic_id, s->list[i].topic, 16);
		p->topic = name_of(gs, memory, p->topic_id, ok);
		p->partitions = &numbers[i];
		p->n = 0;
		for (end = i; end < s->n && memcmp(s->list[end].topic,
		    p->topic_id, 16) == 0; end++, p->n++)
			numbers[end] = s->list[end].partition;
		if (p->topic != NULL)
			n++;
	}
	*ret_n = n;
	return list;
}

static bool
describe_member(const struct consumer *m, struct leat_arena *memory,
    struct consumer_member_info *i)
{
	const char **topics = leat_arena_calloc(memory,
	    (size_t)m->ntopics + 1, sizeof(*topics));
	bool ok = topics != NULL;

	for (int32_t k = 0; ok && k < m->ntopics; k++)
		topics[k] = copy(memory, m->topics[k], &ok);
	i->topics = topics;
	i->ntopics = m->ntopics;
	i->member_id = copy(memory, m->id, &ok);
	i->instance_id = copy(memory, m->instance, &ok);
	i->rack_id = copy(memory, m->rack, &ok);
	i->client_id = copy(memory, m->client_id, &ok);
	i->client_host = copy(memory, m->client_host, &ok);
	i->regex = copy(memory, m->regex, &ok);
	i->epoch = m->epoch;
	i->assignment = describe_set(m->g->gs, memory, &m->assigned,
	    &i->nassignment, &ok);
	i->target = describe_set(m->g->gs, memory, &m->target, &i->ntarget,
	    &ok);
	return ok;
}

static enum group_error
describe_locked(const struct group *g, struct leat_arena *memory,
    struct consumer_group_info *ret)
{
	const struct consumer_group *c = g->consumer;
	struct consumer_member_info *list = leat_arena_calloc(memory,
	    c->members.len + 1, sizeof(*list));
	const struct leat_map_entry *e;
	size_t it = 0, n = 0;

	if (list == NULL)
		return GROUP_UNAVAILABLE;
	while ((e = leat_map_next(&c->members, &it)) != NULL)
		if (!describe_member(e->value, memory, &list[n++]))
			return GROUP_UNAVAILABLE;
	*ret = (struct consumer_group_info){
		.state = consumer_state_name(g),
		.epoch = c->epoch,
		.assignment_epoch = c->assignment_epoch,
		.assignor = c->assignor,
		.members = list,
		.nmembers = n,
	};
	return GROUP_OK;
}

enum group_error
consumer_describe(struct groups *gs, const char *group,
    struct leat_arena *memory, struct consumer_group_info *ret)
{
	enum group_error error;
	const struct group *g;

	if (!group_name_ok(group))
		return GROUP_INVALID_ID;
	if (topic_view_refresh(gs) < 0)
		return GROUP_UNAVAILABLE;
	groups_lock(gs);
	g = group_find(gs, group);
	error = g == NULL || g->consumer == NULL ? GROUP_NOT_FOUND :
	    describe_locked(g, memory, ret);
	groups_unlock(gs);
	return error;
}
