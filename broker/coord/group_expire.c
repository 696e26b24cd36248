/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Offsets that go: because nobody reads any more, because their topic is gone,
 * because somebody deletes the group.
 *
 * What goes with time: of a group that has members, the offsets of topics that
 * no member reads; of one that had some, everything, counted from when the last
 * one left; of one that never had any, each offset counted from its commit.
 * A client that gave a commit a time of its own gets that time instead.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/coord/consumer_group.h"
#include "broker/coord/group_record.h"
#include "broker/coord/groups_int.h"

bool
group_subscribed(const struct group *g, const char *topic)
{
	const struct leat_map_entry *e;
	size_t it = 0;

	if (g->locals != NULL)
		return group_local_reads(g, topic);
	if (g->consumer != NULL)
		return consumer_reads(g, topic);
	if (g->members.len == 0)
		return false;
	if (g->protocol_type == NULL ||
	    strcmp(g->protocol_type, "consumer") != 0)
		return true;	/* who knows */
	while ((e = leat_map_next(&g->members, &it)) != NULL) {
		const struct member *m = e->value;

		for (size_t i = 0; i < m->nprotocols; i++)
			if (subscription_names(m->protocols[i].metadata,
			    topic))
				return true;
	}
	return false;
}

/* What picks the offsets that go. */
struct pick {
	int64_t before_ms;	/* offsets that are older */
	int64_t now_ms;
	const char *topic;	/* or all of this topic */
	bool all;		/* or all */
};

static bool
picked(const struct group *g, const struct pick *p, const char *name,
    const struct stored *s)
{
	char topic[OFFSET_NAME_BYTES];

	if (p->all)
		return true;
	snprintf(topic, sizeof(topic), "%s", name);
	(void)offset_name_split(topic);
	if (p->topic != NULL)
		return strcmp(topic, p->topic) == 0;
	if (group_subscribed(g, topic))
		return false;
	if (s->expire_ms > 0)
		return p->now_ms >= s->expire_ms;
	if (!group_has_members(g) && g->protocol_type != NULL &&
	    g->state_ms >= 0)
		return g->state_ms < p->before_ms;
	return s->commit_ms < p->before_ms;
}

static int
add_tombstones(const struct group *g, const struct pick *p,
    struct batch_builder *bb, size_t *ret_left, struct leat_err *err)
{
	const struct leat_map_entry *e;
	size_t it = 0;
	int rc = 0;

	*ret_left = 0;
	while (rc == 0 && (e = leat_map_next(&g->offsets, &it)) != NULL) {
		char name[OFFSET_NAME_BYTES];
		int32_t partition;

		if (!picked(g, p, e->key, e->value)) {
			++*ret_left;
			continue;
		}
		snprintf(name, sizeof(name), "%s", e->key);
		partition = offset_name_split(name);
		rc = group_add_offset(bb, g->name, name, partition, NULL,
		    p->now_ms, err);
	}
	return rc;
}

/* Tombstones for what is picked, and for a group that has nothing left. */
static int
forget(struct group *g, const struct pick *p, struct leat_err *err)
{
	struct groups *gs = g->gs;
	const struct leat_map_entry *e;
	struct batch_builder *bb = group_batch_new(err);
	size_t it = 0, left;
	bool gone;
	int rc;

	if (bb == NULL)
		return err->code;
	rc = add_tombstones(g, p, bb, &left, err);
	gone = left == 0 && !group_has_members(g) && g->awaited.len == 0;
	if (rc == 0 && gone)
		rc = g->consumer != NULL ? consumer_add_group_gone(bb,
		    g->name, p->now_ms, err) : group_add_tombstone(bb,
		    g->name, p->now_ms, err);
	if (rc == 0)
		rc = group_append(gs, g->name, bb, err);
	batch_builder_free(bb);
	while (rc == 0 && (e = leat_map_next(&g->offsets, &it)) != NULL)
		if (picked(g, p, e->key, e->value))
			offset_forget(g, (struct leat_str){ e->key,
			    e->key_len });
	if (rc == 0 && gone) {
		consumer_group_free(g);
		g->saved = false;
	}
	if (rc == 0)
		group_drop_if_unused(g);
	return rc;
}

static bool
any_picked(const struct group *g, const struct pick *p)
{
	const struct leat_map_entry *e;
	size_t it = 0;

	while ((e = leat_map_next(&g->offsets, &it)) != NULL)
		if (picked(g, p, e->key, e->value))
			return true;
	return p->topic == NULL && g->offsets.len == 0 &&
	    !group_has_members(g) && g->awaited.len == 0;
}

static void
forget_everywhere(struct groups *gs, const struct pick *p)
{
	const struct leat_map_entry *e;
	struct leat_err err;
	size_t it = 0;

	while ((e = leat_map_next(&gs->by_name, &it)) != NULL)
		if (any_picked(e->value, p) && forget(e->value, p, &err) < 0)
			groups_note_err(gs, "offsets not forgotten", &err);
}

void
groups_expire(struct groups *gs, int64_t before_ms)
{
	struct pick p = { .before_ms = before_ms,
	    .now_ms = clock_wall_ms(gs->b->env.clock) };

	groups_lock(gs);
	forget_everywhere(gs, &p);
	groups_unlock(gs);
}

void
groups_topic_deleted(struct groups *gs, const char *topic)
{
	struct pick p = { .topic = topic,
	    .now_ms = clock_wall_ms(gs->b->env.clock) };

	groups_lock(gs);
	forget_everywhere(gs, &p);
	groups_unlock(gs);
}

static int
delete_locked(struct groups *gs, const char *group, struct leat_err *err)
{
	struct pick p = { .all = true,
	    .now_ms = clock_wall_ms(gs->b->env.clock) };
	struct group *g = group_find(gs, group);

	if (g == NULL)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_NOTFOUND,
		    "there is no group '%.60s'", group);
	if (group_has_members(g) || g->awaited.len > 0)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_STATE,
		    "group '%.60s' has members", group);
	return forget(g, &p, err);
}

int
broker_group_delete(struct broker *b, const char *group, struct leat_err *err)
{
	int rc;

	OBJ_CHECK(b, BROKER_MAGIC);
	groups_lock(b->groups);
	rc = delete_locked(b->groups, group, err);
	groups_unlock(b->groups);
	return rc;
}

enum group_error
group_delete(struct groups *gs, const char *group)
{
	struct leat_err err = LEAT_ERR_INIT;
	int rc;

	if (!group_name_ok(group))
		return GROUP_INVALID_ID;
	groups_lock(gs);
	rc = delete_locked(gs, group, &err);
	groups_unlock(gs);
	if (rc == 0)
		return GROUP_OK;
	if (rc == LEAT_E_NOTFOUND)
		return GROUP_NOT_FOUND;
	if (rc == LEAT_E_STATE)
		return GROUP_NON_EMPTY;
	log_warn_err(&gs->b->env.lg, "group not deleted", &err);
	return GROUP_UNAVAILABLE;
}
