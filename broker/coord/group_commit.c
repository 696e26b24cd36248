/* SPDX-License-Identifier: Apache-2.0 */
/* Committing offsets, and taking them back. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/coord/consumer_group.h"

/* --------------------------------------------------------- may it be so? */

static enum group_error
check_member(struct group *g, const struct group_who *who,
    bool transactional, bool fresh)
{
	bool says = who->generation >= 0 || who->member_id[0] != '\0' ||
	    who->instance_id != NULL;
	enum group_error error;
	struct member *m;

	if (g->locals != NULL)
		return transactional && !says ? GROUP_OK :
		    GROUP_UNKNOWN_MEMBER;
	if (g->consumer != NULL)
		return consumer_check(g, who, fresh, transactional);
	/* An admin, or a consumer without group management. */
	if (who->generation < 0 && g->state == GS_EMPTY)
		return GROUP_OK;
	if (!says)
		return transactional ? GROUP_OK : GROUP_UNKNOWN_MEMBER;
	if ((error = member_check(g, who, &m)) != GROUP_OK)
		return error;
	if (who->generation != g->generation)
		return GROUP_ILLEGAL_GENERATION;
	member_session_start(m);
	return !transactional && g->state == GS_COMPLETING ?
	    GROUP_REBALANCING : GROUP_OK;
}

static enum group_error
check_commit_locked(struct groups *gs, const char *group,
    const struct group_who *who, bool transactional, bool fresh)
{
	struct group *g;

	if (!group_name_ok(group))
		return GROUP_INVALID_ID;
	g = group_find(gs, group);
	if (g != NULL)
		return check_member(g, who, transactional, fresh);
	if (who->generation < 0)
		return GROUP_OK;
	return fresh && !transactional ? GROUP_NOT_FOUND :
	    GROUP_ILLEGAL_GENERATION;
}

enum group_error
group_check_commit(struct groups *gs, const char *group,
    const struct group_who *who, bool transactional)
{
	enum group_error error;

	groups_lock(gs);
	error = check_commit_locked(gs, group, who, transactional, false);
	groups_unlock(gs);
	return error;
}

enum group_error
group_check_fetch(struct groups *gs, const char *group,
    const struct group_who *who)
{
	enum group_error error = GROUP_OK;
	const struct group *g;

	groups_lock(gs);
	g = group_find(gs, group);
	/* Members of a classic group may always read. */
	if (g != NULL && g->consumer != NULL && who->generation >= 0)
		error = consumer_check(g, who, true, false);
	groups_unlock(gs);
	return error;
}

static int
check_offsets(const char *group, const struct broker_group_offset *o,
    size_t n, struct leat_err *err)
{
	const char *why = NULL;

	if (!group_name_ok(group))
		why = "the group's name is empty or too long";
	for (size_t i = 0; i < n && why == NULL; i++) {
		if (strlen(o[i].topic) > TOPIC_NAME_MAX_LEN)
			why = "a topic's name is too long";
		else if (offset_metadata(&o[i]).len > METADATA_MAX_BYTES)
			why = "the metadata is longer than 4096 bytes";
		else if (o[i].offset < BROKER_OFFSET_FORGET)
			why = "an offset is negative";
	}
	return why == NULL ? 0 : leat_err_set(err, LEAT_CLS_CONFIG,
	    LEAT_E_CONFIG, "offsets of group '%.60s' refused: %s", group, why);
}

/* ------------------------------------------------------------- writing */

static int
add_all(struct batch_builder *bb, const char *group,
    const struct broker_group_offset *offsets, size_t n, int64_t now,
    int64_t expire_ms, struct leat_err *err)
{
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		struct offset_value v = {
			.offset = offsets[i].offset,
			.leader_epoch = offsets[i].leader_epoch,
			.metadata = offset_metadata(&offsets[i]),
			.commit_ms = now,
			.expire_ms = expire_ms,
		};

		rc = group_add_offset(bb, group, offsets[i].topic,
		    offsets[i].partition,
		    v.offset == BROKER_OFFSET_FORGET ? NULL : &v, now, err);
	}
	return rc;
}

int
groups_prepare(struct groups *gs, const char *group,
    const struct broker_group_offset *offsets, size_t n,
    struct batch_builder **ret, struct leat_err *err)
{
	struct batch_builder *bb;
	int rc = check_offsets(group, offsets, n, err);

	if (rc < 0)
		return rc;
	if ((bb = group_batch_new(err)) == NULL)
		return err->code;
	rc = add_all(bb, group, offsets, n, clock_wall_ms(gs->b->env.clock),
	    -1, err);
	if (rc < 0) {
		batch_builder_free(bb);
		return rc;
	}
	*ret = bb;
	return 0;
}

static int
apply_all(struct groups *gs, const char *group,
    const struct broker_group_offset *offsets, size_t n, int64_t now,
    int64_t expire_ms, struct leat_err *err)
{
	struct group *g;
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		const struct broker_group_offset *o = &offsets[i];
		struct stored *s = o->offset == BROKER_OFFSET_FORGET ? NULL :
		    stored_new(o, now, expire_ms);

		rc = s == NULL && o->offset != BROKER_OFFSET_FORGET ? -ENOMEM :
		    offset_apply(gs, group, o->topic, o->partition, s);
	}
	if ((g = group_find(gs, group)) != NULL)
		group_drop_if_unused(g);
	return rc == 0 ? 0 : leat_err_set(err, LEAT_CLS_RETRY, rc,
	    "out of memory for group offsets");
}

static int
commit_locked(struct groups *gs, const char *group,
    const struct broker_group_offset *offsets, size_t n, int64_t expire_ms,
    struct leat_err *err)
{
	int64_t now = clock_wall_ms(gs->b->env.clock);
	struct batch_builder *bb;
	int rc;

	if (!groups_have_room(gs, n * 128))
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_LIMIT,
		    "groups and their offsets take %d MiB, the most there is",
		    GROUPS_MEMORY_MAX >> 20);
	if ((bb = group_batch_new(err)) == NULL)
		return err->code;
	rc = add_all(bb, group, offsets, n, now, expire_ms, err);
	if (rc == 0)
		rc = group_append(gs, group, bb, err);
	batch_builder_free(bb);
	return rc < 0 ? rc : apply_all(gs, group, offsets, n, now, expire_ms,
	    err);
}

int
broker_group_commit(struct broker *b, const char *group,
    const struct broker_group_offset *offsets, size_t n, struct leat_err *err)
{
	int rc;

	OBJ_CHECK(b, BROKER_MAGIC);
	if (n == 0)
		return 0;
	if ((rc = check_offsets(group, offsets, n, err)) < 0)
		return rc;
	groups_lock(b->groups);
	rc = commit_locked(b->groups, group, offsets, n, -1, err);
	groups_unlock(b->groups);
	return rc;
}

enum group_error
group_commit(struct groups *gs, const char *group,
    const struct group_who *who, bool fresh, int64_t retention_ms,
    const struct broker_group_offset *offsets, size_t n)
{
	int64_t now = clock_wall_ms(gs->b->env.clock), expire_ms = -1;
	struct leat_err err = LEAT_ERR_INIT;
	enum group_error error;
	int rc = 0;

	if (retention_ms >= 0 &&
	    __builtin_add_overflow(now, retention_ms, &expire_ms))
		expire_ms = -1;
	groups_lock(gs);
	error = check_commit_locked(gs, group, who, false, fresh);
	if (error == GROUP_OK && n > 0)
		rc = commit_locked(gs, group, offsets, n, expire_ms, &err);
	groups_unlock(gs);
	if (rc == 0)
		return error;
	log_warn_err(&gs->b->env.lg, "offsets not committed", &err);
	return rc == LEAT_E_LIMIT ? GROUP_INVALID_COMMIT_SIZE :
	    err.cls == LEAT_CLS_RETRY ? GROUP_UNAVAILABLE : GROUP_FAILED;
}

enum group_error
group_check_delete_offsets(struct groups *gs, const char *group)
{
	const struct group *g;
	enum group_error error = GROUP_OK;

	if (!group_name_ok(group))
		return GROUP_INVALID_ID;
	groups_lock(gs);
	if ((g = group_find(gs, group)) == NULL)
		error = GROUP_NOT_FOUND;
	else if (g->locals != NULL)
		error = GROUP_NON_EMPTY;
	else if (g->members.len > 0 && (g->protocol_type == NULL ||
	    strcmp(g->protocol_type, "consumer") != 0))
		error = GROUP_NON_EMPTY;
	groups_unlock(gs);
	return error;
}

enum group_error
group_delete_offset(struct groups *gs, const char *group, const char *topic,
    int32_t partition)
{
	struct broker_group_offset o = { .topic = topic,
	    .partition = partition, .offset = BROKER_OFFSET_FORGET };
	struct leat_err err = LEAT_ERR_INIT;
	struct group *g;
	int rc = 0;

	if (strlen(topic) > TOPIC_NAME_MAX_LEN)
		return GROUP_OK;
	groups_lock(gs);
	g = group_find(gs, group);
	if (g != NULL && group_subscribed(g, topic)) {
		groups_unlock(gs);
		return GROUP_SUBSCRIBED_TO_TOPIC;
	}
	if (g != NULL)
		rc = commit_locked(gs, group, &o, 1, -1, &err);
	groups_unlock(gs);
	if (rc < 0)
		log_warn_err(&gs->b->env.lg, "offset not deleted", &err);
	return rc < 0 ? GROUP_UNAVAILABLE : GROUP_OK;
}
