/* SPDX-License-Identifier: Apache-2.0 */
/*
 * consumer_group.h: groups of the newer protocol (KIP-848), for the files of
 * the coordinator. All of it wants the groups' lock held.
 *
 * The broker hands out the partitions. When members, subscriptions or topics
 * change, the group's epoch counts up and a *target* is computed for each
 * member. A member comes to its target by its own heartbeats: first it is told
 * to give up what is not in the target; when it says that it has, its epoch
 * moves up to the target's, and it gets what is free. What somebody else still
 * has follows when that one has let go.
 *
 * What holds: a partition has at most one owner (`owners`), who has it in
 * `assigned` or in `revoking`.
 */
#ifndef LEAT_BROKER_CONSUMER_GROUP_H
#define LEAT_BROKER_CONSUMER_GROUP_H

#include "broker/coord/groups_int.h"
#include "broker/coord/name_regex.h"
#include "broker/coord/tp_set.h"

enum {
	CONSUMER_INTERVAL_MS = 5000,
	CONSUMER_SESSION_MS = 45000,
	CONSUMER_TOPICS_MAX = 10000	/* subscribed by one member */
};

struct seen_topic {
	char *name;
	uint8_t id[16];
	int32_t partitions;
};

/* Numbers as they are written. */
enum consumer_state {
	CM_STABLE = 1,
	CM_UNREVOKED = 2,	/* has yet to give up `revoking` */
	CM_UNRELEASED = 3	/* waits for what others have */
};

struct consumer {
	struct group *g;
	char *id, *instance, *rack;	/* instance, rack NULL: none */
	char *client_id, *client_host;
	int32_t rebalance_ms;
	char **topics;
	int32_t ntopics;
	char *regex;			/* NULL: none */
	regex_t compiled;		/* when regex is not NULL */
	char *assignor;			/* NULL: any */
	int32_t epoch;			/* CONSUMER_LEAVE_STATIC: away */
	int32_t previous;
	enum consumer_state state;
	struct tp_set assigned, revoking, target;
	struct group_timer session, rebalance;
	size_t bytes;
	/* Only while a target is computed. */
	struct tp_set next;
	size_t load;
};

struct consumer_group {
	int32_t epoch, assignment_epoch;
	const char *assignor;		/* of the last target */
	struct leat_map members;	/* id to struct consumer */
	struct leat_map instances;	/* instance id to the same */
	struct leat_map owners;		/* struct tp to the same */
	uint64_t topics_version;	/* that the target is made for */
};

/* ---- consumer_members.c */

/* The group's half for the newer protocol, made when missing; or NULL. */
struct consumer_group *consumer_group_make(struct group *g);
void consumer_group_free(struct group *g);
/* Ends it where it has no members, in the topic too; the offsets stay. */
void consumer_group_end(struct group *g);
/* NULL without memory. It is in the group's tables then. */
struct consumer *consumer_new(struct group *g, const char *id,
    const char *instance);
/* Out of the tables, its partitions free. */
void consumer_remove(struct consumer *m);
struct consumer *consumer_find(const struct group *g, const char *id);
/* Takes over what the beat says; *changed when it matters for the target. */
enum group_error consumer_update(struct consumer *m,
    const struct consumer_beat *q, bool *changed, const char **why);
int consumer_set_regex(struct consumer *m, const char *regex);
/* Replaces a set and says who owns it: 0 or -ENOMEM. */
int consumer_own(struct consumer *m, const struct tp_set *s);
void consumer_disown(struct consumer *m, const struct tp_set *s);
void consumer_session_start(struct consumer *m);
const char *consumer_state_name(const struct group *g);
bool consumer_reads(const struct group *g, const char *topic);
/* May it commit? */
enum group_error consumer_check(const struct group *g,
    const struct group_who *who, bool fresh, bool transactional);

/* ---- topic_view.c */

/* Looks whether the broker's topics have changed. No lock held. */
int topic_view_refresh(struct groups *gs);
void topic_view_fini(struct topic_view *v);
const struct seen_topic *topic_view_name(const struct groups *gs,
    const char *name);
const struct seen_topic *topic_view_id(const struct groups *gs,
    const uint8_t id[16]);

/* ---- consumer_assign.c */

bool assignor_known(const char *name);
/* Does the member read it? */
bool consumer_subscribes(const struct consumer *m,
    const struct seen_topic *t);
/*
 * Computes every member's target anew; the epoch counts up when `changed` or
 * some target is another one. 0 or -ENOMEM, with nothing changed.
 */
int consumer_assign(struct group *g, bool changed);

/* ---- consumer_beat.c */

/* A member is gone: what was its becomes the others'. */
void consumer_left(struct group *g);
void consumer_session_due(struct groups *gs, void *owner);
void consumer_rebalance_due(struct groups *gs, void *owner);

/* ---- consumer_write.c */

/* All of these append to a batch, and remember the first failure in it. */
struct consumer_batch {
	struct batch_builder *bb;
	struct leat_err err;
	int rc;
};
void consumer_batch_begin(struct consumer_batch *cb);
/* Writes it for the group; logs what went wrong. Frees. */
int consumer_batch_end(struct consumer_batch *cb, struct group *g);
void consumer_write_epoch(struct consumer_batch *cb, const struct group *g);
void consumer_write_member(struct consumer_batch *cb,
    const struct consumer *m);
void consumer_write_target_epoch(struct consumer_batch *cb,
    const struct group *g);
void consumer_write_target(struct consumer_batch *cb,
    const struct consumer *m);
void consumer_write_current(struct consumer_batch *cb,
    const struct consumer *m);
/* Tombstones for all that is written of a member, of a group. */
void consumer_write_gone(struct consumer_batch *cb, const struct group *g,
    const char *member_id);
int consumer_add_group_gone(struct batch_builder *bb, const char *group,
    int64_t now_ms, struct leat_err *err);

/* ---- consumer_load.c */

/* A record of key 3 to 8: 0 or -ENOMEM. What does not decode is left out. */
int consumer_load(struct groups *gs, struct leat_str key,
    struct leat_str value);
/* All records are loaded. */
int consumer_load_end(struct group *g);

#endif
