/* SPDX-License-Identifier: Apache-2.0 */
/* JoinGroup: who may become a member, and what then. */
#include <stdlib.h>
#include <string.h>

#include "broker/coord/consumer_group.h"

/* ---------------------------------------------------------- may it join? */

static enum group_error
check_request(const struct groups *gs, const struct group_join *q)
{
	if (!group_name_ok(q->group))
		return GROUP_INVALID_ID;
	if (q->session_ms < gs->limits.session_min_ms ||
	    q->session_ms > gs->limits.session_max_ms)
		return GROUP_INVALID_SESSION_TIMEOUT;
	if (strlen(q->member_id) > GROUP_MAX_BYTES)
		return GROUP_UNKNOWN_MEMBER;
	if (q->nprotocols == 0 || q->nprotocols > PROTOCOLS_MAX ||
	    q->protocol_type[0] == '\0' ||
	    strlen(q->protocol_type) > GROUP_MAX_BYTES)
		return GROUP_INCONSISTENT_PROTOCOL;
	for (size_t i = 0; i < q->nprotocols; i++)
		if (strlen(q->protocols[i].name) > GROUP_MAX_BYTES)
			return GROUP_INCONSISTENT_PROTOCOL;
	if (q->instance_id != NULL && (q->instance_id[0] == '\0' ||
	    strlen(q->instance_id) > GROUP_MAX_BYTES))
		return GROUP_INVALID_REQUEST;
	if (member_protocols_bytes(q) > MEMBER_MAX_BYTES ||
	    !groups_have_room(gs, member_protocols_bytes(q)))
		return GROUP_FULL;
	return GROUP_OK;
}

static enum group_error
check_group(const struct group *g, const struct group_join *q)
{
	size_t n = g->members.len + g->awaited.len;
	bool known = q->member_id[0] != '\0' ||
	    (q->instance_id != NULL &&
	    leat_map_get_c(&g->instances, q->instance_id) != NULL);

	if (g->locals != NULL || g->consumer != NULL)
		return GROUP_INCONSISTENT_PROTOCOL;
	if (g->members.len > 0 && (g->protocol_type == NULL ||
	    strcmp(g->protocol_type, q->protocol_type) != 0 ||
	    !group_supports(g, q)))
		return GROUP_INCONSISTENT_PROTOCOL;
	if (!known && n >= (size_t)g->gs->limits.max_members)
		return GROUP_FULL;
	return GROUP_OK;
}

/* -------------------------------------------------------------- joining */

/* Parks the join and begins a round, or goes on with the one there is. */
static void
take_part(struct member *m, struct group_wait *w)
{
	group_park_join(m, w);
	group_membership_changed(m->g);
}

static void
add_member(struct group *g, const struct group_join *q, const char *id,
    struct group_wait *w)
{
	struct member *m;

	/* The type is the first member's. */
	if (g->members.len == 0 &&
	    !group_set_text(&g->protocol_type, q->protocol_type)) {
		group_answer(g->gs, w, GROUP_UNAVAILABLE);
		return;
	}
	if ((m = member_new(g, q, id)) == NULL) {
		group_answer(g->gs, w, GROUP_UNAVAILABLE);
		return;
	}
	m->can_skip = q->can_skip;
	g->arrivals = true;
	take_part(m, w);
}

/* A new dynamic member: at once, or with an id to come back with. */
static void
new_member(struct group *g, const struct group_join *q, struct group_wait *w)
{
	char *id = member_make_id(q->instance_id != NULL ? q->instance_id :
	    q->client_id);

	if (id == NULL) {
		group_answer(g->gs, w, GROUP_UNAVAILABLE);
	} else if (q->instance_id != NULL || !q->require_id) {
		add_member(g, q, id, w);
	} else {
		w->member_id = leat_arena_strdup(&w->memory, id);
		group_answer(g->gs, w, w->member_id != NULL &&
		    pending_member_new(g, id, q->session_ms) != NULL ?
		    GROUP_MEMBER_ID_REQUIRED : GROUP_UNAVAILABLE);
	}
	free(id);
}

/* Is the protocol still the one that would be chosen? */
static bool
keeps_protocol(const struct member *m, const struct group_join *q)
{
	const struct group *g = m->g;
	struct leat_str now = member_metadata(m, g->protocol);

	for (size_t i = 0; i < q->nprotocols; i++)
		if (g->protocol != NULL &&
		    strcmp(q->protocols[i].name, g->protocol) == 0)
			return leat_str_eq(now, q->protocols[i].metadata);
	return false;
}

/*
 * A static member that has come back, with a new id, to a stable group: it goes
 * on with what it had, and the others notice nothing.
 */
static void
resume_static(struct member *m, const struct group_join *q, bool was_leader,
    const char *old_id, struct group_wait *w)
{
	struct group *g = m->g;

	if (group_save(g) < 0) {
		group_answer(g->gs, w, GROUP_UNAVAILABLE);
		return;
	}
	m->is_new = false;
	member_session_start(m);
	group_answer_join(m, w);
	if (!was_leader)
		return;
	if (q->can_skip) {
		w->skip_assignment = true;
	} else {
		/* It must not think that it leads, or it would assign anew. */
		w->leader = leat_arena_strdup(&w->memory, old_id);
		w->members = NULL;
		w->nmembers = 0;
		if (w->leader == NULL)
			w->leader = "";
	}
}

static void
replace_static(struct member *m, const struct group_join *q,
    struct group_wait *w)
{
	struct group *g = m->g;
	bool leads = g->leader != NULL && strcmp(g->leader, m->id) == 0;
	bool same = keeps_protocol(m, q);
	char *id = member_make_id(q->instance_id), *old = strdup(m->id);

	if (m->join != NULL)
		group_answer(g->gs, TAKE(m->join), GROUP_FENCED_INSTANCE);
	if (m->sync != NULL)
		group_answer(g->gs, TAKE(m->sync), GROUP_FENCED_INSTANCE);
	if (id == NULL || old == NULL || member_update(m, q) < 0 ||
	    (leads && !group_set_text(&g->leader, id)) ||
	    member_rename(m, id) < 0) {
		group_answer(g->gs, w, GROUP_UNAVAILABLE);
		member_session_start(m);
	} else if (g->state == GS_STABLE && same) {
		m->can_skip = q->can_skip;
		resume_static(m, q, leads, old, w);
	} else {
		take_part(m, w);
	}
	free(id);
	free(old);
}

/* A member that the group knows comes again. */
static void
rejoin(struct member *m, const struct group_join *q, struct group_wait *w)
{
	struct group *g = m->g;
	bool leads = g->leader != NULL && strcmp(g->leader, m->id) == 0;
	bool same = member_has_protocols_of(m, q);

	if ((g->state == GS_COMPLETING && same) ||
	    (g->state == GS_STABLE && same && !leads)) {
		/* It has not seen the answer: once more. */
		group_answer_join(m, w);
		member_session_start(m);
		return;
	}
	if (member_update(m, q) < 0) {
		group_answer(g->gs, w, GROUP_UNAVAILABLE);
		return;
	}
	take_part(m, w);
}

static void
join_known(struct group *g, const struct group_join *q, struct group_wait *w)
{
	struct group_who who = { q->member_id, q->instance_id, -1 };
	enum group_error error;
	struct pending_member *p;
	struct member *m;

	p = leat_map_remove(&g->awaited, leat_str_c(q->member_id));
	if (p != NULL && q->instance_id == NULL) {
		pending_member_free(p);
		add_member(g, q, q->member_id, w);
		return;
	}
	pending_member_free(p);
	error = member_check(g, &who, &m);
	if (error != GROUP_OK)
		group_answer(g->gs, w, error);
	else
		rejoin(m, q, w);
}

static void
join_locked(struct groups *gs, const struct group_join *q,
    struct group_wait *w)
{
	enum group_error error = check_request(gs, q);
	struct group *g = group_find(gs, q->group);
	struct member *m;

	if (error == GROUP_OK && g == NULL) {
		if (q->member_id[0] != '\0')
			error = GROUP_UNKNOWN_MEMBER;
		else if ((g = group_make(gs, q->group)) == NULL)
			error = GROUP_UNAVAILABLE;
	}
	if (error == GROUP_OK && g->consumer != NULL)
		consumer_group_end(g);
	if (error == GROUP_OK)
		error = check_group(g, q);
	if (error != GROUP_OK) {
		group_answer(gs, w, error);
	} else if (q->member_id[0] != '\0') {
		join_known(g, q, w);
	} else if (q->instance_id != NULL &&
	    (m = leat_map_get_c(&g->instances, q->instance_id)) != NULL) {
		replace_static(m, q, w);
	} else {
		new_member(g, q, w);
	}
	if (g != NULL)
		group_drop_if_unused(g);
}

void
group_wait_begin(struct group_wait *w)
{
	w->error = GROUP_OK;
	w->generation = -1;
	w->protocol_type = w->protocol = w->leader = w->member_id = NULL;
	w->skip_assignment = false;
	w->members = NULL;
	w->nmembers = 0;
	w->assignment = (struct leat_str){ "", 0 };
	w->member = NULL;
	leat_arena_init(&w->memory, 1024, 0);
}

void
group_join(struct groups *gs, const struct group_join *q,
    struct group_wait *w)
{
	group_wait_begin(w);
	groups_lock(gs);
	join_locked(gs, q, w);
	groups_unlock(gs);
}
