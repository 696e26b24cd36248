/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rounds of a classic group.
 *
 *	Empty          no members; perhaps offsets
 *	   |  the first join
 *	Preparing      joins are parked until every member has come, the time
 *	   |  	       for it is over, or (a new group) its delay is
 *	Completing     they were answered: the generation counts up, the leader
 *	   |  	       was told who is there; syncs are parked until its
 *	   |  	       assignments arrive
 *	Stable         they were saved and given out
 *
 * From Completing and Stable a member that comes, goes or changes leads back to
 * Preparing, and from there a group without members to Empty. A deleted group
 * is taken out of the table, so nothing is ever Dead.
 *
 * What holds: in Empty and Stable no join is parked. Syncs are parked only in
 * Completing. njoined counts the members with `joined` set, which only those
 * have that answered the round in Preparing. A member with something parked has
 * no time-out, since its connection shows that it lives.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/coord/consumer_group.h"

#define BIT(s) (1u << (s))

/* From which states a state is reached, and its name for Kafka's tools. */
static const struct state_row {
	const char *name;
	unsigned from;
} states[] = {
	[GS_EMPTY] = { "Empty", BIT(GS_PREPARING) },
	[GS_PREPARING] = { "PreparingRebalance",
	    BIT(GS_EMPTY) | BIT(GS_COMPLETING) | BIT(GS_STABLE) },
	[GS_COMPLETING] = { "CompletingRebalance", BIT(GS_PREPARING) },
	[GS_STABLE] = { "Stable", BIT(GS_COMPLETING) },
};
_Static_assert(ARRAY_LEN(states) == GS_STATE_N, "a row per state");

const char *
group_state_name(const struct group *g)
{
	if (g->consumer != NULL)
		return consumer_state_name(g);
	return g->locals != NULL ? states[GS_STABLE].name :
	    states[g->state].name;
}

void
group_set_state(struct group *g, enum group_state state)
{
	assert((states[state].from & BIT(g->state)) != 0);
	groups_note(g->gs, LOG_LEVEL_DEBUG, "group changed",
	    "group=%s from=%s to=%s generation=%d members=%zu", g->name,
	    states[g->state].name, states[state].name, (int)g->generation,
	    g->members.len);
	g->state = state;
	g->state_ms = clock_wall_ms(g->gs->b->env.clock);
}

/* ------------------------------------------------------------- answers */

/* Texts of the group that every answer has; false without memory. */
static bool
describe(const struct group *g, struct group_wait *w)
{
	struct leat_arena *a = &w->memory;

	w->generation = g->generation;
	w->protocol_type = g->protocol_type == NULL ? NULL :
	    leat_arena_strdup(a, g->protocol_type);
	w->protocol = g->protocol == NULL ? NULL :
	    leat_arena_strdup(a, g->protocol);
	w->leader = leat_arena_strdup(a, g->leader != NULL ? g->leader : "");
	return w->leader != NULL &&
	    (g->protocol == NULL || w->protocol != NULL) &&
	    (g->protocol_type == NULL || w->protocol_type != NULL);
}

static bool
list_members(const struct group *g, struct group_wait *w)
{
	const struct leat_map_entry *e;
	struct group_joined *list;
	size_t it = 0, n = 0;

	list = leat_arena_calloc(&w->memory, g->members.len, sizeof(*list));
	while (list != NULL && (e = leat_map_next(&g->members, &it)) != NULL) {
		const struct member *m = e->value;
		struct leat_str s = member_metadata(m, g->protocol);
		struct group_joined *j = &list[n++];

		j->member_id = leat_arena_strdup(&w->memory, m->id);
		if (m->instance != NULL)
			j->instance_id = leat_arena_strdup(&w->memory,
			    m->instance);
		j->metadata = (struct leat_str){ leat_arena_memdup(&w->memory,
		    s.ptr, s.len), s.len };
		if (j->member_id == NULL || j->metadata.ptr == NULL ||
		    (m->instance != NULL && j->instance_id == NULL))
			return false;
	}
	w->members = list;
	w->nmembers = n;
	return list != NULL;
}

static bool
is_leader(const struct member *m)
{
	return m->g->leader != NULL && strcmp(m->g->leader, m->id) == 0;
}

void
group_answer_join(struct member *m, struct group_wait *w)
{
	bool ok = describe(m->g, w);

	w->member_id = leat_arena_strdup(&w->memory, m->id);
	if (ok && is_leader(m))
		ok = list_members(m->g, w);
	ok = ok && w->member_id != NULL;
	group_answer(m->g->gs, w, ok ? GROUP_OK : GROUP_UNAVAILABLE);
}

void
group_answer_sync(struct member *m, struct group_wait *w)
{
	bool ok = describe(m->g, w);

	w->assignment = (struct leat_str){ leat_arena_memdup(&w->memory,
	    m->assignment, m->assignment_len), m->assignment_len };
	ok = ok && w->assignment.ptr != NULL;
	group_answer(m->g->gs, w, ok ? GROUP_OK : GROUP_UNAVAILABLE);
}

/* What was parked before by the same member is overtaken. */
static void
replace_parked(struct member *m, struct group_wait **at, struct group_wait *w)
{
	if (*at != NULL)
		group_answer(m->g->gs, TAKE(*at), GROUP_REBALANCING);
	*at = w;
	w->member = m;
	group_timer_stop(m->g->gs, &m->timer);
}

void
group_park_join(struct member *m, struct group_wait *w)
{
	replace_parked(m, &m->join, w);
	if (!m->joined) {
		m->joined = true;
		m->g->njoined++;
	}
}

void
group_park_sync(struct member *m, struct group_wait *w)
{
	replace_parked(m, &m->sync, w);
}

/* -------------------------------------------------------------- members */

bool
group_supports(const struct group *g, const struct group_join *q)
{
	const struct leat_map_entry *e;

	for (size_t i = 0; i < q->nprotocols; i++) {
		size_t it = 0;
		bool all = true;

		while (all && (e = leat_map_next(&g->members, &it)) != NULL) {
			const struct member *m = e->value;

			all = false;
			for (size_t k = 0; k < m->nprotocols && !all; k++)
				all = strcmp(m->protocols[k].name,
				    q->protocols[i].name) == 0;
		}
		if (all)
			return true;
	}
	return false;
}

static void
take_out(struct member *m, enum group_error error)
{
	struct group *g = m->g;

	if (m->join != NULL)
		group_answer(g->gs, TAKE(m->join), error);
	if (m->sync != NULL)
		group_answer(g->gs, TAKE(m->sync), error);
	if (m->joined)
		g->njoined--;
	(void)leat_map_remove(&g->members, leat_str_c(m->id));
	if (m->instance != NULL)
		(void)leat_map_remove(&g->instances, leat_str_c(m->instance));
	if (is_leader(m))
		(void)group_set_text(&g->leader, NULL);
	member_free(m);
}

void
group_remove_member(struct member *m)
{
	struct group *g = m->g;

	take_out(m, GROUP_UNKNOWN_MEMBER);
	group_membership_changed(g);
}

void
group_membership_changed(struct group *g)
{
	if (g->state == GS_PREPARING)
		group_try_complete(g);
	else
		group_prepare(g);
}

/* -------------------------------------------------------------- rounds */

static int32_t
longest_rebalance_ms(const struct group *g)
{
	const struct leat_map_entry *e;
	int32_t longest = 0;
	size_t it = 0;

	while ((e = leat_map_next(&g->members, &it)) != NULL)
		longest = MAX(longest,
		    ((const struct member *)e->value)->rebalance_ms);
	return longest;
}

/* Syncs of the round before are told to join again. */
static void
drop_syncs(struct group *g)
{
	const struct leat_map_entry *e;
	size_t it = 0;

	while ((e = leat_map_next(&g->members, &it)) != NULL) {
		struct member *m = e->value;

		m->unsynced = false;
		member_clear_assignment(m);
		if (m->sync != NULL) {
			group_answer(g->gs, TAKE(m->sync), GROUP_REBALANCING);
			member_session_start(m);
		}
	}
}

void
group_prepare(struct group *g)
{
	int64_t delay = g->gs->limits.initial_delay_ms;
	int64_t longest = longest_rebalance_ms(g);

	if (g->state == GS_PREPARING)
		return;
	if (g->state == GS_COMPLETING)
		drop_syncs(g);
	g->initial = g->state == GS_EMPTY && delay > 0;
	g->arrivals = false;
	if (g->initial) {
		delay = MIN(delay, longest);
		g->initial_left_ms = longest - delay;
	}
	group_set_state(g, GS_PREPARING);
	group_timer_set(g->gs, &g->timer, g->initial ? delay : longest);
	group_try_complete(g);
}

/* Does every member know it? */
static bool
all_know(const struct group *g, const char *protocol)
{
	struct group_protocol p = { .name = protocol };
	struct group_join q = { .protocols = &p, .nprotocols = 1 };

	return group_supports(g, &q);
}

/* The protocol that most members put first, of those that all know. */
static const char *
elect_protocol(const struct group *g)
{
	size_t votes[PROTOCOLS_MAX] = { 0 }, it = 0, best = 0;
	bool known[PROTOCOLS_MAX];
	const struct leat_map_entry *e;
	const struct member *first;

	first = leat_map_next(&g->members, &it)->value;
	for (size_t i = 0; i < first->nprotocols; i++)
		known[i] = all_know(g, first->protocols[i].name);
	it = 0;
	while ((e = leat_map_next(&g->members, &it)) != NULL) {
		const struct member *m = e->value;
		size_t k, i = first->nprotocols;

		for (k = 0; k < m->nprotocols && i == first->nprotocols; k++)
			for (i = 0; i < first->nprotocols; i++)
				if (known[i] && strcmp(m->protocols[k].name,
				    first->protocols[i].name) == 0)
					break;
		if (i < first->nprotocols)
			votes[i]++;
	}
	for (size_t i = 1; i < first->nprotocols; i++)
		if (votes[i] > votes[best])
			best = i;
	return first->protocols[best].name;
}

/* Members that have not come are out, unless they are static. */
static void
drop_absent(struct group *g)
{
	const struct leat_map_entry *e;
	size_t it = 0;

	while ((e = leat_map_next(&g->members, &it)) != NULL) {
		struct member *m = e->value;

		if (!m->joined && m->instance == NULL) {
			groups_note(g->gs, LOG_LEVEL_INFO,
			    "group member did not come back",
			    "group=%s member=%s", g->name, m->id);
			take_out(m, GROUP_UNKNOWN_MEMBER);
		}
	}
}

/* The old leader if it is there, else the first one that is. */
static bool
elect_leader(struct group *g)
{
	const struct leat_map_entry *e;
	const struct member *m = NULL;
	size_t it = 0;

	if (g->leader != NULL)
		m = member_find(g, g->leader);
	if (m != NULL && m->joined)
		return true;
	while ((e = leat_map_next(&g->members, &it)) != NULL) {
		m = e->value;
		if (m->joined)
			return group_set_text(&g->leader, m->id);
	}
	return false;
}

static void
become_empty(struct group *g)
{
	g->generation++;
	(void)group_set_text(&g->protocol, NULL);
	(void)group_set_text(&g->leader, NULL);
	group_timer_stop(g->gs, &g->timer);
	group_set_state(g, GS_EMPTY);
	/* After a failure it comes back as it was saved, and times out. */
	(void)group_save(g);
}

static void
answer_joins(struct group *g)
{
	const struct leat_map_entry *e;
	size_t it = 0;

	g->njoined = 0;
	while ((e = leat_map_next(&g->members, &it)) != NULL) {
		struct member *m = e->value;

		m->joined = false;
		m->unsynced = true;
		m->is_new = false;
		if (m->join != NULL)
			group_answer_join(m, TAKE(m->join));
		member_session_start(m);
	}
}

static void
complete(struct group *g)
{
	drop_absent(g);
	g->initial = false;
	if (g->members.len == 0) {
		become_empty(g);
		return;
	}
	/* Static members alone, all away: wait for one of them. */
	if (!elect_leader(g) ||
	    !group_set_text(&g->protocol, elect_protocol(g))) {
		group_timer_set(g->gs, &g->timer, longest_rebalance_ms(g));
		return;
	}
	g->generation++;
	group_set_state(g, GS_COMPLETING);
	answer_joins(g);
	group_timer_set(g->gs, &g->timer, longest_rebalance_ms(g));
}

void
group_try_complete(struct group *g)
{
	if (g->state == GS_PREPARING && !g->initial &&
	    g->njoined == g->members.len && g->awaited.len == 0)
		complete(g);
}

void
group_assigned(struct group *g, const struct group_assignment *list, size_t n)
{
	const struct leat_map_entry *e;
	bool failed = false;
	size_t it = 0;

	while ((e = leat_map_next(&g->members, &it)) != NULL)
		member_clear_assignment(e->value);
	for (size_t i = 0; i < n && !failed; i++) {
		struct member *m = member_find(g, list[i].member_id);

		failed = m != NULL &&
		    (list[i].assignment.len > MEMBER_MAX_BYTES ||
		    member_set_assignment(m, list[i].assignment) < 0);
	}
	if (!failed)
		group_set_state(g, GS_STABLE);
	/* What is not saved was never given out. */
	if (failed || group_save(g) < 0) {
		it = 0;
		while ((e = leat_map_next(&g->members, &it)) != NULL) {
			struct member *m = e->value;

			if (m->sync != NULL)
				group_answer(g->gs, TAKE(m->sync),
				    GROUP_UNAVAILABLE);
			member_session_start(m);
		}
		group_prepare(g);
		return;
	}
	it = 0;
	while ((e = leat_map_next(&g->members, &it)) != NULL) {
		struct member *m = e->value;

		if (m->sync != NULL) {
			group_answer_sync(m, TAKE(m->sync));
			member_session_start(m);
		}
	}
}

/* --------------------------------------------------------------- times */

static void
drop_unsynced(struct group *g)
{
	const struct leat_map_entry *e;
	size_t it = 0, n = 0;

	while ((e = leat_map_next(&g->members, &it)) != NULL) {
		struct member *m = e->value;

		if (!m->unsynced)
			continue;
		groups_note(g->gs, LOG_LEVEL_INFO,
		    "group member did not ask for its assignment",
		    "group=%s member=%s", g->name, m->id);
		take_out(m, GROUP_UNKNOWN_MEMBER);
		n++;
	}
	if (n > 0)
		group_prepare(g);
}

void
group_timer_due(struct groups *gs, void *owner)
{
	struct group *g = owner;
	int64_t delay = gs->limits.initial_delay_ms;

	switch (g->state) {
	case GS_EMPTY:
		break;
	case GS_PREPARING:
		if (g->initial && g->arrivals && g->initial_left_ms > 0) {
			delay = MIN(delay, g->initial_left_ms);
			g->initial_left_ms -= delay;
			g->arrivals = false;
			group_timer_set(gs, &g->timer, delay);
			break;
		}
		complete(g);
		break;
	case GS_COMPLETING:
	case GS_STABLE:
		drop_unsynced(g);
		break;
	case GS_STATE_N:
		break;
	}
}

void
member_timer_due(struct groups *gs, void *owner)
{
	struct member *m = owner;

	groups_note(gs, LOG_LEVEL_INFO, "group member timed out",
	    "group=%s member=%s session_ms=%d", m->g->name, m->id,
	    (int)m->session_ms);
	group_remove_member(m);
}

void
pending_member_due(struct groups *gs, void *owner)
{
	struct pending_member *p = owner;
	struct group *g = p->g;

	(void)leat_map_remove(&g->awaited, leat_str_c(p->id));
	pending_member_free(p);
	group_try_complete(g);
	group_drop_if_unused(g);
}
