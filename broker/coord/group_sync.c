/* SPDX-License-Identifier: Apache-2.0 */
/* SyncGroup, Heartbeat, LeaveGroup: what members ask in their generation. */
#include <string.h>

#include "broker/coord/groups_int.h"

/* What is due in each state, once member and generation are right. */
static const struct phase {
	enum group_error heartbeat;
	enum group_error sync;
} phases[GS_STATE_N] = {
	[GS_EMPTY] = { GROUP_UNKNOWN_MEMBER, GROUP_UNKNOWN_MEMBER },
	[GS_PREPARING] = { GROUP_REBALANCING, GROUP_REBALANCING },
	[GS_COMPLETING] = { GROUP_OK, GROUP_OK },
	[GS_STABLE] = { GROUP_OK, GROUP_OK },
};

static enum group_error
check(struct groups *gs, const char *group, const struct group_who *who,
    struct member **ret)
{
	enum group_error error;
	struct group *g;

	if (!group_name_ok(group))
		return GROUP_INVALID_ID;
	if ((g = group_find(gs, group)) == NULL)
		return GROUP_UNKNOWN_MEMBER;
	if ((error = member_check(g, who, ret)) != GROUP_OK)
		return error;
	return who->generation == g->generation ? GROUP_OK :
	    GROUP_ILLEGAL_GENERATION;
}

static bool
is(const char *said, const char *what)
{
	return said == NULL || (what != NULL && strcmp(said, what) == 0);
}

static void
sync_member(struct member *m, const struct group_assignment *assignments,
    size_t n, struct group_wait *w)
{
	struct group *g = m->g;

	m->unsynced = false;
	if (g->state == GS_STABLE) {
		group_answer_sync(m, w);
		member_session_start(m);
		return;
	}
	group_park_sync(m, w);
	if (g->leader != NULL && strcmp(g->leader, m->id) == 0)
		group_assigned(g, assignments, n);
}

void
group_sync(struct groups *gs, const char *group, const struct group_who *who,
    const char *protocol_type, const char *protocol,
    const struct group_assignment *assignments, size_t n,
    struct group_wait *w)
{
	enum group_error error;
	struct member *m;

	group_wait_begin(w);
	groups_lock(gs);
	error = check(gs, group, who, &m);
	if (error == GROUP_OK && (!is(protocol_type, m->g->protocol_type) ||
	    !is(protocol, m->g->protocol)))
		error = GROUP_INCONSISTENT_PROTOCOL;
	if (error == GROUP_OK)
		error = phases[m->g->state].sync;
	if (error != GROUP_OK)
		group_answer(gs, w, error);
	else
		sync_member(m, assignments, n, w);
	groups_unlock(gs);
}

enum group_error
group_heartbeat(struct groups *gs, const char *group,
    const struct group_who *who)
{
	enum group_error error;
	struct member *m;

	groups_lock(gs);
	error = check(gs, group, who, &m);
	if (error == GROUP_OK) {
		error = phases[m->g->state].heartbeat;
		member_session_start(m);
	}
	groups_unlock(gs);
	return error;
}

static enum group_error
leave_locked(struct groups *gs, const char *group,
    const struct group_who *who)
{
	struct group *g = group_find(gs, group);
	struct pending_member *p;
	struct member *m = NULL;
	enum group_error error = GROUP_OK;

	if (g == NULL)
		return GROUP_UNKNOWN_MEMBER;
	p = leat_map_remove(&g->awaited, leat_str_c(who->member_id));
	if (p != NULL) {
		pending_member_free(p);
		group_try_complete(g);
		group_drop_if_unused(g);
		return GROUP_OK;
	}
	/* An admin may name the instance alone. */
	if (who->instance_id != NULL && who->member_id[0] == '\0')
		m = leat_map_get_c(&g->instances, who->instance_id);
	else
		error = member_check(g, who, &m);
	if (m == NULL)
		return error != GROUP_OK ? error : GROUP_UNKNOWN_MEMBER;
	group_remove_member(m);
	return GROUP_OK;
}

enum group_error
group_leave(struct groups *gs, const char *group, const struct group_who *who)
{
	enum group_error error;

	if (!group_name_ok(group))
		return GROUP_INVALID_ID;
	groups_lock(gs);
	error = leave_locked(gs, group, who);
	groups_unlock(gs);
	return error;
}
