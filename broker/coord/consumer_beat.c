/* SPDX-License-Identifier: Apache-2.0 */
/* ConsumerGroupHeartbeat: joining, going on, leaving. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/coord/consumer_group.h"

/* --------------------------------------------------------- the request */

static const char *
check_texts(const struct consumer_beat *q)
{
	if (strlen(q->member_id) > GROUP_MAX_BYTES)
		return "The member's id is too long.";
	if (q->instance_id != NULL && (q->instance_id[0] == '\0' ||
	    strlen(q->instance_id) > GROUP_MAX_BYTES))
		return "The instance id is empty or too long.";
	if (q->rack_id != NULL && (q->rack_id[0] == '\0' ||
	    strlen(q->rack_id) > GROUP_MAX_BYTES))
		return "The rack id is empty or too long.";
	if (q->ntopics > CONSUMER_TOPICS_MAX)
		return "There are more than 10000 topics.";
	for (int32_t i = 0; i < q->ntopics; i++)
		if (strlen(q->topics[i]) > TOPIC_NAME_MAX_LEN)
			return "A topic's name is too long.";
	return NULL;
}

static enum group_error
check_request(const struct consumer_beat *q, const char **why)
{
	bool join = q->epoch == CONSUMER_JOIN;

	if (!group_name_ok(q->group))
		*why = "The group's name is empty or too long.";
	else if (q->member_id[0] == '\0' && !join)
		*why = "There is no member id.";
	else if (q->epoch < CONSUMER_LEAVE_STATIC)
		*why = "The epoch is not one.";
	else if (q->epoch == CONSUMER_LEAVE_STATIC && q->instance_id == NULL)
		*why = "There is no instance id.";
	else if (join && q->rebalance_ms < 0)
		*why = "A new member must say its rebalance time-out.";
	else if (join && q->nowned != 0)
		*why = "A new member has no partitions yet.";
	else if (join && q->ntopics <= 0 &&
	    (q->regex == NULL || q->regex[0] == '\0') && q->ntopics < 0)
		*why = "A new member must subscribe to something.";
	else
		*why = check_texts(q);
	if (*why != NULL)
		return GROUP_INVALID_REQUEST;
	if (q->assignor != NULL && !assignor_known(q->assignor)) {
		*why = "The assignors are uniform and range.";
		return GROUP_UNSUPPORTED_ASSIGNOR;
	}
	return GROUP_OK;
}

static int
owned_set(const struct consumer_beat *q, struct tp_set *s)
{
	int rc = 0;

	for (int32_t i = 0; i < q->nowned && rc == 0; i++) {
		struct tp t = { .partition = 0 };

		memcpy(t.topic, q->owned[i].topic_id, sizeof(t.topic));
		for (int32_t k = 0; k < q->owned[i].n && rc == 0; k++) {
			t.partition = q->owned[i].partitions[k];
			rc = tp_set_add(s, &t);
		}
	}
	tp_set_sort(s);
	return rc;
}

/* ------------------------------------------------------- reconciliation */

static struct consumer *
owner_of(const struct group *g, const struct tp *t)
{
	return leat_map_get(&g->consumer->owners,
	    (struct leat_str){ (const char *)t, sizeof(*t) });
}

/*
 * What is in the target and free is added to the set; *waits when somebody else
 * still has some of it.
 */
static int
add_free(struct consumer *m, struct tp_set *s, bool *waits)
{
	size_t n = s->n;
	int rc = 0;

	*waits = false;
	for (size_t i = 0; i < m->target.n && rc == 0; i++) {
		const struct tp *t = &m->target.list[i];
		const struct consumer *owner = owner_of(m->g, t);

		if (owner != NULL && owner != m)
			*waits = true;
		else if (owner == NULL || !tp_set_has(
		    &(struct tp_set){ .list = s->list, .n = n }, t))
			rc = tp_set_add(s, t);
	}
	tp_set_sort(s);
	return rc;
}

static void
set_epoch(struct consumer *m, int32_t epoch)
{
	if (m->epoch == epoch)
		return;
	m->previous = m->epoch;
	m->epoch = epoch;
}

/* Nothing is to be given up any more: take what there is. */
static int
advance(struct consumer *m, struct tp_set *kept)
{
	bool waits;
	int rc = add_free(m, kept, &waits);

	if (rc == 0)
		rc = consumer_own(m, kept);
	if (rc < 0) {
		/* What it did not have before is free again. */
		struct tp_set extra;

		if (tp_set_minus(kept, &m->assigned, &extra) == 0) {
			consumer_disown(m, &extra);
			tp_set_fini(&extra);
		}
		return rc;
	}
	tp_set_fini(&m->assigned);
	m->assigned = *kept;
	*kept = (struct tp_set){ .n = 0 };
	m->state = waits ? CM_UNRELEASED : CM_STABLE;
	group_timer_stop(m->g->gs, &m->rebalance);
	set_epoch(m, m->g->consumer->assignment_epoch);
	return 0;
}

/*
 * One step towards the target. owned: what the member says it has, or NULL.
 * 0 or -ENOMEM.
 */
static int
reconcile(struct consumer *m, const struct tp_set *owned)
{
	struct tp_set kept = { .n = 0 }, give_up = { .n = 0 };
	int rc = 0;

	if (m->state == CM_STABLE &&
	    m->epoch == m->g->consumer->assignment_epoch)
		return 0;
	if (m->state == CM_UNREVOKED &&
	    (owned == NULL || tp_set_meets(owned, &m->revoking)))
		return 0;		/* not yet */
	consumer_disown(m, &m->revoking);
	tp_set_fini(&m->revoking);
	m->state = CM_UNRELEASED;
	if (tp_set_and(&m->assigned, &m->target, &kept) < 0 ||
	    tp_set_minus(&m->assigned, &m->target, &give_up) < 0) {
		rc = -ENOMEM;
	} else if (give_up.n > 0 &&
	    (owned == NULL || tp_set_meets(owned, &give_up))) {
		tp_set_fini(&m->assigned);
		m->assigned = kept;
		m->revoking = give_up;
		kept = give_up = (struct tp_set){ .n = 0 };
		m->state = CM_UNREVOKED;
		group_timer_set(m->g->gs, &m->rebalance, m->rebalance_ms);
	} else {
		/* What it should give up it does not have: free as well. */
		consumer_disown(m, &give_up);
		rc = advance(m, &kept);
	}
	tp_set_fini(&kept);
	tp_set_fini(&give_up);
	return rc;
}

/* ------------------------------------------------------------- members */

void
consumer_left(struct group *g)
{
	g->state_ms = clock_wall_ms(g->gs->b->env.clock);
	if (consumer_assign(g, true) < 0)
		groups_note(g->gs, LOG_LEVEL_WARN,
		    "no new target for a group", "group=%s", g->name);
}

static void
put_out(struct consumer *m)
{
	struct group *g = m->g;
	struct consumer_batch cb;

	consumer_batch_begin(&cb);
	consumer_write_gone(&cb, g, m->id);
	(void)consumer_batch_end(&cb, g);
	consumer_remove(m);
	consumer_left(g);
}

void
consumer_session_due(struct groups *gs, void *owner)
{
	struct consumer *m = owner;

	groups_note(gs, LOG_LEVEL_INFO, "group member timed out",
	    "group=%s member=%s session_ms=%d", m->g->name, m->id,
	    CONSUMER_SESSION_MS);
	put_out(m);
}

void
consumer_rebalance_due(struct groups *gs, void *owner)
{
	struct consumer *m = owner;

	groups_note(gs, LOG_LEVEL_INFO, "group member gave nothing up",
	    "group=%s member=%s rebalance_ms=%d", m->g->name, m->id,
	    (int)m->rebalance_ms);
	put_out(m);
}

static enum group_error
leave(struct group *g, const struct consumer_beat *q,
    struct consumer_told *ret)
{
	struct consumer *m = NULL;
	struct consumer_batch cb;

	if (q->instance_id != NULL) {
		m = leat_map_get_c(&g->consumer->instances, q->instance_id);
		if (m != NULL && strcmp(m->id, q->member_id) != 0)
			return GROUP_FENCED_INSTANCE;
	} else {
		m = consumer_find(g, q->member_id);
	}
	if (m == NULL)
		return GROUP_UNKNOWN_MEMBER;
	ret->epoch = q->epoch;
	if (q->epoch == CONSUMER_LEAVE) {
		put_out(m);
		return GROUP_OK;
	}
	/* It keeps its place as long as a session lasts. */
	m->epoch = CONSUMER_LEAVE_STATIC;
	group_timer_stop(g->gs, &m->rebalance);
	consumer_batch_begin(&cb);
	consumer_write_current(&cb, m);
	return consumer_batch_end(&cb, g) < 0 ? GROUP_UNAVAILABLE : GROUP_OK;
}

/* A static member has come back under a new id: it takes everything over. */
static enum group_error
replace(struct group *g, struct consumer *old, const char *id,
    struct consumer **ret)
{
	struct consumer *m;
	struct consumer_batch cb;

	if (old->epoch != CONSUMER_LEAVE_STATIC)
		return GROUP_UNRELEASED_INSTANCE;
	if ((m = consumer_new(g, id, old->instance)) == NULL) {
		(void)leat_map_set(&g->consumer->instances,
		    leat_str_c(old->instance), old, NULL);
		return GROUP_UNAVAILABLE;
	}
	if (consumer_own(m, &old->assigned) < 0) {
		(void)consumer_own(old, &old->assigned);
		consumer_remove(m);
		return GROUP_UNAVAILABLE;
	}
	m->assigned = old->assigned;
	m->target = old->target;
	old->assigned = old->target = (struct tp_set){ .n = 0 };
	consumer_batch_begin(&cb);
	consumer_write_gone(&cb, g, old->id);
	consumer_write_target(&cb, m);
	(void)consumer_batch_end(&cb, g);
	consumer_remove(old);
	*ret = m;
	return GROUP_OK;
}

static enum group_error
join(struct group *g, const struct consumer_beat *q, const char *id,
    struct consumer **ret)
{
	struct consumer_group *c = g->consumer;
	struct consumer *m = consumer_find(g, id), *old = NULL;

	if (q->instance_id != NULL)
		old = leat_map_get_c(&c->instances, q->instance_id);
	if (old != NULL && old != m)
		return replace(g, old, id, ret);
	if (m == NULL) {
		if (c->members.len >= (size_t)g->gs->limits.max_members ||
		    !groups_have_room(g->gs, 4096))
			return GROUP_FULL;
		if ((m = consumer_new(g, id, q->instance_id)) == NULL)
			return GROUP_UNAVAILABLE;
	}
	*ret = m;
	return GROUP_OK;
}

static enum group_error
go_on(struct group *g, const struct consumer_beat *q,
    const struct tp_set *owned, struct consumer **ret)
{
	struct consumer *m;

	if (q->instance_id != NULL) {
		m = leat_map_get_c(&g->consumer->instances, q->instance_id);
		if (m == NULL)
			return GROUP_UNKNOWN_MEMBER;
		if (strcmp(m->id, q->member_id) != 0)
			return GROUP_FENCED_INSTANCE;
	} else if ((m = consumer_find(g, q->member_id)) == NULL) {
		return GROUP_UNKNOWN_MEMBER;
	}
	if (q->epoch > m->epoch)
		return GROUP_FENCED_EPOCH;
	/* It may not have seen the last answer. */
	if (q->epoch < m->epoch && (q->epoch != m->previous ||
	    owned == NULL || !tp_set_within(owned, &m->assigned)))
		return GROUP_FENCED_EPOCH;
	*ret = m;
	return GROUP_OK;
}

/* -------------------------------------------------------------- answers */

static int
tell(const struct tp_set *s, struct leat_arena *memory,
    struct consumer_told *ret)
{
	struct group_partitions *list = leat_arena_calloc(memory, s->n + 1,
	    sizeof(*list));
	int32_t *numbers = leat_arena_calloc(memory, s->n + 1,
	    sizeof(*numbers));
	int32_t n = 0;

	if (list == NULL || numbers == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < s->n; i++) {
		if (i == 0 || memcmp(s->list[i].topic, s->list[i - 1].topic,
		    16) != 0) {
			memcpy(list[n].topic_id, s->list[i].topic, 16);
			list[n++].partitions = &numbers[i];
		}
		numbers[i] = s->list[i].partition;
		list[n - 1].n++;
	}
	ret->assigned = true;
	ret->assignment = list;
	ret->n = n;
	return 0;
}

/* What the member says and gets, once it is clear who it is. */
static enum group_error
serve(struct consumer *m, const struct consumer_beat *q,
    const struct tp_set *owned, struct leat_arena *memory,
    struct consumer_told *ret)
{
	struct group *g = m->g;
	bool joins = q->epoch == CONSUMER_JOIN, changed = joins, moved;
	bool full = joins || (q->rebalance_ms >= 0 && q->nowned >= 0 &&
	    (q->ntopics >= 0 || q->regex != NULL));
	struct tp_set before = { .n = 0 };
	int32_t epoch = m->epoch;
	enum consumer_state state = m->state;
	enum group_error error;
	struct consumer_batch cb;

	error = consumer_update(m, q, &changed, &ret->message);
	if (error == GROUP_OK && tp_set_minus(&m->assigned, &before,
	    &before) < 0)
		error = GROUP_UNAVAILABLE;
	if (error == GROUP_OK && changed) {
		consumer_batch_begin(&cb);
		consumer_write_member(&cb, m);
		if (consumer_batch_end(&cb, g) < 0)
			error = GROUP_UNAVAILABLE;
	}
	if (error == GROUP_OK && (changed ||
	    g->consumer->topics_version != g->gs->topics.version) &&
	    consumer_assign(g, changed) < 0)
		error = GROUP_UNAVAILABLE;
	if (error == GROUP_OK && joins) {
		/* A new life: nothing is left to be given up. */
		consumer_disown(m, &m->revoking);
		tp_set_fini(&m->revoking);
		m->state = CM_UNRELEASED;
		m->epoch = 0;
	}
	if (error == GROUP_OK && reconcile(m, owned) < 0)
		error = GROUP_UNAVAILABLE;
	consumer_session_start(m);
	moved = !tp_set_equal(&m->assigned, &before);
	tp_set_fini(&before);
	if (error == GROUP_OK &&
	    (joins || moved || epoch != m->epoch || state != m->state)) {
		consumer_batch_begin(&cb);
		consumer_write_current(&cb, m);
		if (consumer_batch_end(&cb, g) < 0)
			error = GROUP_UNAVAILABLE;
	}
	ret->epoch = m->epoch;
	ret->member_id = leat_arena_strdup(memory, m->id);
	if (error == GROUP_OK && ((full || moved) &&
	    tell(&m->assigned, memory, ret) < 0))
		error = GROUP_UNAVAILABLE;
	return error;
}

/* The group of a new member: made, or turned into one of this kind. */
static enum group_error
group_to_join(struct groups *gs, const struct consumer_beat *q,
    struct group **ret, const char **why)
{
	struct group *g = group_make(gs, q->group);

	if (g == NULL)
		return GROUP_UNAVAILABLE;
	*ret = g;
	if (g->consumer != NULL)
		return GROUP_OK;
	if (g->members.len > 0 || g->awaited.len > 0 || g->locals != NULL) {
		*why = "The group has members of the classic protocol.";
		return GROUP_INCONSISTENT_PROTOCOL;
	}
	if (g->saved) {
		/* It was one of the classic kind. */
		struct consumer_batch cb;

		consumer_batch_begin(&cb);
		if (cb.rc == 0)
			cb.rc = group_add_tombstone(cb.bb, g->name,
			    clock_wall_ms(gs->b->env.clock), &cb.err);
		if (consumer_batch_end(&cb, g) < 0)
			return GROUP_UNAVAILABLE;
	}
	return consumer_group_make(g) == NULL ? GROUP_UNAVAILABLE : GROUP_OK;
}

static enum group_error
beat_locked(struct groups *gs, const struct consumer_beat *q,
    const struct tp_set *owned, struct leat_arena *memory,
    struct consumer_told *ret)
{
	struct group *g = group_find(gs, q->group);
	struct consumer *m = NULL;
	enum group_error error;
	char *made = NULL;
	bool fresh;

	if (q->epoch != CONSUMER_JOIN && (g == NULL || g->consumer == NULL))
		return GROUP_UNKNOWN_MEMBER;
	if (q->epoch < 0)
		return leave(g, q, ret);
	if (q->epoch != CONSUMER_JOIN) {
		error = go_on(g, q, owned, &m);
		return error != GROUP_OK ? error :
		    serve(m, q, owned, memory, ret);
	}
	if (q->member_id[0] == '\0' &&
	    (made = member_make_id(q->client_id)) == NULL)
		return GROUP_UNAVAILABLE;
	error = group_to_join(gs, q, &g, &ret->message);
	fresh = error == GROUP_OK && made == NULL &&
	    consumer_find(g, q->member_id) == NULL;
	if (error == GROUP_OK)
		error = join(g, q, made != NULL ? made : q->member_id, &m);
	if (error == GROUP_OK)
		error = serve(m, q, owned, memory, ret);
	/* Who was refused was never there. */
	if (error != GROUP_OK && m != NULL && (fresh || made != NULL))
		put_out(m);
	if (g != NULL)
		group_drop_if_unused(g);
	free(made);
	return error;
}

enum group_error
consumer_heartbeat(struct groups *gs, const struct consumer_beat *q,
    struct leat_arena *memory, struct consumer_told *ret)
{
	struct tp_set owned = { .n = 0 };
	enum group_error error;

	*ret = (struct consumer_told){ .member_id = q->member_id,
	    .epoch = q->epoch, .interval_ms = CONSUMER_INTERVAL_MS };
	error = check_request(q, &ret->message);
	if (error != GROUP_OK)
		return error;
	if (owned_set(q, &owned) < 0 || topic_view_refresh(gs) < 0) {
		tp_set_fini(&owned);
		return GROUP_UNAVAILABLE;
	}
	groups_lock(gs);
	error = beat_locked(gs, q, q->nowned >= 0 ? &owned : NULL, memory,
	    ret);
	groups_unlock(gs);
	tp_set_fini(&owned);
	return error;
}
