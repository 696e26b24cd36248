/* SPDX-License-Identifier: Apache-2.0 */
/* What people ask about groups. */
#include <stdlib.h>
#include <string.h>

#include "broker/coord/groups_int.h"

static bool
describe(const struct group *g, struct leat_arena *memory,
    struct group_info *info)
{
	const char *protocol = g->state == GS_STABLE && g->protocol != NULL ?
	    g->protocol : "";

	info->type = g->consumer != NULL ? "consumer" : "classic";
	info->state = group_state_name(g);
	info->name = leat_arena_strdup(memory, g->name);
	info->protocol_type = leat_arena_strdup(memory,
	    g->protocol_type != NULL ? g->protocol_type : "");
	info->protocol = leat_arena_strdup(memory, protocol);
	return info->name != NULL && info->protocol_type != NULL &&
	    info->protocol != NULL;
}

static bool
copy(struct leat_arena *memory, struct leat_str s, struct leat_str *to)
{
	*to = (struct leat_str){ leat_arena_memdup(memory, s.ptr, s.len),
	    s.len };
	return to->ptr != NULL;
}

static bool
describe_members(const struct group *g, struct leat_arena *memory,
    struct group_info *info)
{
	const struct leat_map_entry *e;
	struct group_member_info *list;
	size_t it = 0, n = 0;
	bool ok = true;

	list = leat_arena_calloc(memory, g->members.len + 1, sizeof(*list));
	if (list == NULL)
		return false;
	while (ok && (e = leat_map_next(&g->members, &it)) != NULL) {
		const struct member *m = e->value;
		struct group_member_info *i = &list[n++];

		i->member_id = leat_arena_strdup(memory, m->id);
		i->client_id = leat_arena_strdup(memory, m->client_id);
		i->client_host = leat_arena_strdup(memory, m->client_host);
		if (m->instance != NULL)
			i->instance_id = leat_arena_strdup(memory,
			    m->instance);
		ok = i->member_id != NULL && i->client_id != NULL &&
		    i->client_host != NULL &&
		    (m->instance == NULL || i->instance_id != NULL);
		/* Before a round has ended they say nothing. */
		if (ok && g->state == GS_STABLE)
			ok = copy(memory, member_metadata(m, g->protocol),
			    &i->metadata) && copy(memory,
			    (struct leat_str){ (const char *)m->assignment,
			    m->assignment_len }, &i->assignment);
	}
	info->members = list;
	info->nmembers = n;
	return ok;
}

enum group_error
group_describe(struct groups *gs, const char *group,
    struct leat_arena *memory, struct group_info *ret)
{
	enum group_error error = GROUP_OK;
	const struct group *g;
	struct group_info info = { .members = NULL };

	if (!group_name_ok(group))
		return GROUP_INVALID_ID;
	groups_lock(gs);
	if ((g = group_find(gs, group)) == NULL || g->consumer != NULL)
		error = GROUP_NOT_FOUND;
	else if (!describe(g, memory, &info))
		error = GROUP_UNAVAILABLE;
	else if (g->locals != NULL)
		error = group_local_describe(g, memory, &info);
	else if (!describe_members(g, memory, &info))
		error = GROUP_UNAVAILABLE;
	groups_unlock(gs);
	if (error == GROUP_OK)
		*ret = info;
	return error;
}

enum group_error
group_list(struct groups *gs, struct leat_arena *memory,
    struct group_info **ret, size_t *ret_n)
{
	const struct leat_map_entry *e;
	struct group_info *list;
	size_t it = 0, n = 0;
	bool ok;

	groups_lock(gs);
	list = leat_arena_calloc(memory, gs->by_name.len + 1, sizeof(*list));
	ok = list != NULL;
	while (ok && (e = leat_map_next(&gs->by_name, &it)) != NULL)
		ok = describe(e->value, memory, &list[n++]);
	groups_unlock(gs);
	if (!ok)
		return GROUP_UNAVAILABLE;
	*ret = list;
	*ret_n = n;
	return GROUP_OK;
}
