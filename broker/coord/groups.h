/* SPDX-License-Identifier: Apache-2.0 */
/*
 * groups.h: the group coordinator: who is a member of which group, who reads
 * what, and how far the groups have come. All of it is in memory, and in the
 * topic __consumer_offsets as Kafka keeps it.
 *
 * Nothing here knows Kafka's wire. What may have to wait for others (a join, a
 * sync) takes a struct group_wait of the caller's, whose fn is called exactly
 * once, perhaps before the call returns, from any thread and without the
 * groups' lock.
 */
#ifndef LEAT_BROKER_GROUPS_H
#define LEAT_BROKER_GROUPS_H

#include <leat/arena.h>

#include "broker/broker_int.h"

struct groups;
struct member;

/* What members are told, by Kafka's numbers. */
enum group_error {
	GROUP_FAILED = -1,
	GROUP_OK = 0,
	GROUP_METADATA_TOO_LARGE = 12,
	GROUP_UNAVAILABLE = 15,
	GROUP_ILLEGAL_GENERATION = 22,
	GROUP_INCONSISTENT_PROTOCOL = 23,
	GROUP_INVALID_ID = 24,
	GROUP_UNKNOWN_MEMBER = 25,
	GROUP_INVALID_SESSION_TIMEOUT = 26,
	GROUP_REBALANCING = 27,
	GROUP_INVALID_COMMIT_SIZE = 28,
	GROUP_UNSUPPORTED_VERSION = 35,
	GROUP_INVALID_REQUEST = 42,
	GROUP_NON_EMPTY = 68,
	GROUP_NOT_FOUND = 69,
	GROUP_MEMBER_ID_REQUIRED = 79,
	GROUP_FULL = 81,
	GROUP_FENCED_INSTANCE = 82,
	GROUP_SUBSCRIBED_TO_TOPIC = 86,
	GROUP_UNSTABLE_OFFSET = 88,
	GROUP_FENCED_EPOCH = 110,
	GROUP_UNRELEASED_INSTANCE = 111,
	GROUP_UNSUPPORTED_ASSIGNOR = 112,
	GROUP_STALE_EPOCH = 113,
	GROUP_INVALID_REGEX = 128
};

struct group_limits {
	int64_t initial_delay_ms;	/* before a new group's first round */
	int64_t session_min_ms, session_max_ms;
	int32_t max_members;		/* of one group */
};

/* ------------------------------------------------------ open and close */

/* Makes the topic when it is missing and loads what it has. */
int groups_open(struct broker *b, struct groups **ret, struct leat_err *err);
/* Starts the thread that watches time-outs. */
int groups_start(struct groups *gs, struct leat_err *err);
/* Ends it. Nobody may wait for an answer any more. Accepts NULL. */
void groups_stop(struct groups *gs);
void groups_close(struct groups *gs);
void groups_configure(struct groups *gs, const struct group_limits *limits);
/* Does what is due by the broker's clock; the thread calls it, and tests. */
void groups_tick(struct groups *gs);
/*
 * After an unclean stop: a group's offset must not be ahead of its topic.
 * Such offsets are set back to the end of what was recovered.
 */
int groups_clamp(struct groups *gs, struct leat_err *err);
/* The partition of __consumer_offsets that has a group; counted. */
struct broker_partition *groups_partition(struct groups *gs,
    const char *group);

/* ------------------------------------------------------ classic groups */

struct group_wait;
typedef void group_answer_fn(struct group_wait *w);

struct group_joined {		/* told to the leader about each member */
	const char *member_id;
	const char *instance_id;	/* NULL: none */
	struct leat_str metadata;
};

/*
 * A request that waits, and then its answer. The caller sets fn and arg and
 * keeps the struct until fn was called; fn must call group_wait_fini when it
 * has used the answer, whose pointers live in `memory`.
 */
struct group_wait {
	group_answer_fn *fn;
	void *arg;
	/* The answer. */
	enum group_error error;
	int32_t generation;		/* -1 with an error */
	const char *protocol_type;	/* NULL: none yet */
	const char *protocol;		/* NULL: none yet */
	const char *leader;		/* never NULL */
	const char *member_id;		/* never NULL */
	bool skip_assignment;
	const struct group_joined *members;	/* for the leader */
	size_t nmembers;
	struct leat_str assignment;	/* of a sync */
	struct leat_arena memory;
	/* Private. */
	struct group_wait *next;
	struct member *member;		/* where it is parked, or NULL */
};

void group_wait_fini(struct group_wait *w);
/* Answers what is parked, with GROUP_UNAVAILABLE: its connection has ended. */
void group_cancel(struct groups *gs, struct group_wait *w);

struct group_protocol {
	const char *name;
	struct leat_str metadata;
};

struct group_join {
	const char *group;
	const char *member_id;		/* "": new */
	const char *instance_id;	/* NULL: a dynamic member */
	const char *client_id, *client_host;
	const char *protocol_type;
	const struct group_protocol *protocols;	/* the favourite first */
	size_t nprotocols;
	int32_t session_ms, rebalance_ms;
	bool require_id;	/* a new member must come again with its id */
	bool can_skip;		/* understands skip_assignment */
};
/* What q points to is copied. */
void group_join(struct groups *gs, const struct group_join *q,
    struct group_wait *w);

/* Who asks, as a member of a generation says it. */
struct group_who {
	const char *member_id;
	const char *instance_id;	/* NULL: a dynamic member */
	int32_t generation;		/* or member epoch; -1: none */
};

struct group_assignment {
	const char *member_id;
	struct leat_str assignment;
};
/* protocol_type and protocol NULL: not said. */
void group_sync(struct groups *gs, const char *group,
    const struct group_who *who, const char *protocol_type,
    const char *protocol, const struct group_assignment *assignments,
    size_t n, struct group_wait *w);
enum group_error group_heartbeat(struct groups *gs, const char *group,
    const struct group_who *who);
/* who->generation does not count; member_id "" removes by instance_id. */
enum group_error group_leave(struct groups *gs, const char *group,
    const struct group_who *who);

/* ----------------------------------------------------- consumer groups */

/* Some partitions of a topic. */
struct group_partitions {
	uint8_t topic_id[16];
	const char *topic;	/* its name; only in what is described */
	const int32_t *partitions;
	int32_t n;
};

enum {
	CONSUMER_JOIN = 0,		/* instead of a member's epoch */
	CONSUMER_LEAVE = -1,
	CONSUMER_LEAVE_STATIC = -2	/* it means to come back */
};

/* What a member of the newer protocol says (KIP-848). */
struct consumer_beat {
	const char *group;
	const char *member_id;	/* "": one shall be made */
	int32_t epoch;
	const char *instance_id, *rack_id;	/* NULL: none */
	const char *client_id, *client_host;
	int32_t rebalance_ms;		/* -1: as before */
	const char *const *topics;
	int32_t ntopics;		/* -1: as before */
	/* POSIX extended, of the whole name; NULL: as before, "": none. */
	const char *regex;
	const char *assignor;		/* "uniform", "range"; NULL: any */
	const struct group_partitions *owned;
	int32_t nowned;			/* -1: as before */
};

struct consumer_told {
	const char *message;	/* with an error; NULL: none */
	const char *member_id;
	int32_t epoch;
	int32_t interval_ms;	/* until the next one */
	bool assigned;		/* is there an assignment? */
	const struct group_partitions *assignment;
	int32_t n;
};

/* The answer lives in `memory`. */
enum group_error consumer_heartbeat(struct groups *gs,
    const struct consumer_beat *q, struct leat_arena *memory,
    struct consumer_told *ret);

struct consumer_member_info {
	const char *member_id, *instance_id, *rack_id;	/* NULL: none */
	const char *client_id, *client_host;
	int32_t epoch;
	const char *const *topics;
	int32_t ntopics;
	const char *regex;		/* NULL: none */
	const struct group_partitions *assignment, *target;
	int32_t nassignment, ntarget;
};

struct consumer_group_info {
	const char *state;
	int32_t epoch, assignment_epoch;
	const char *assignor;
	const struct consumer_member_info *members;
	size_t nmembers;
};

/* GROUP_NOT_FOUND also for a classic group. */
enum group_error consumer_describe(struct groups *gs, const char *group,
    struct leat_arena *memory, struct consumer_group_info *ret);

/* ------------------------------------------------------------- offsets */

/*
 * May `who` commit offsets of the group? The member's session goes on with it.
 * In a transaction a missing group is GROUP_ILLEGAL_GENERATION, a member that
 * says nothing of itself may commit, and a rebalance does not matter.
 */
enum group_error group_check_commit(struct groups *gs, const char *group,
    const struct group_who *who, bool transactional);
/*
 * The same check and a commit in one. Appended on return. `fresh` is true for
 * requests that know GROUP_NOT_FOUND and GROUP_STALE_EPOCH. retention_ms -1:
 * as the broker has it.
 */
enum group_error group_commit(struct groups *gs, const char *group,
    const struct group_who *who, bool fresh, int64_t retention_ms,
    const struct broker_group_offset *offsets, size_t n);
/* One offset: metadata lives in `memory`. offset -1 when there is none. */
enum group_error group_fetch(struct groups *gs, const char *group,
    const char *topic, int32_t partition, bool stable,
    struct leat_arena *memory, struct broker_group_offset *ret);
/*
 * All offsets of a group, by topic; n in *ret_n. With `stable`, offset -2
 * stands for one that an open transaction may move.
 */
enum group_error group_fetch_all(struct groups *gs, const char *group,
    bool stable, struct leat_arena *memory,
    struct broker_group_offset **ret, size_t *ret_n);
/* May `who` read the offsets of a group? member_id NULL: not said. */
enum group_error group_check_fetch(struct groups *gs, const char *group,
    const struct group_who *who);

/*
 * Offsets inside a transaction: *ret gets the batch to append (free with
 * batch_builder_free), and they stay pending under the producer's id.
 * Metadata longer than 4096 bytes and the like are LEAT_E_CONFIG.
 */
int groups_prepare(struct groups *gs, const char *group,
    const struct broker_group_offset *offsets, size_t n,
    struct batch_builder **ret, struct leat_err *err);
int groups_add_pending(struct groups *gs, int64_t producer_id,
    const char *group, const struct broker_group_offset *offsets, size_t n,
    struct leat_err *err);
/*
 * The transaction ended: in one partition of __consumer_offsets, where a marker
 * of it stands now, or in all (GROUPS_ALL_PARTITIONS).
 */
enum { GROUPS_ALL_PARTITIONS = -1 };
void groups_end_txn(struct groups *gs, int64_t producer_id, int32_t partition,
    bool commit);
/* Forgets offsets that are older than that, and groups without any. */
void groups_expire(struct groups *gs, int64_t before_ms);
/* The topic is gone, and its offsets with it. */
void groups_topic_deleted(struct groups *gs, const char *topic);

/* --------------------------------------------------------------- admin */

struct group_member_info {
	const char *member_id;
	const char *instance_id;	/* NULL: none */
	const char *client_id, *client_host;
	struct leat_str metadata, assignment;
};

struct group_info {
	const char *name;
	const char *state;		/* "Stable" */
	const char *type;		/* "classic", "consumer" */
	const char *protocol_type;	/* "" of a simple group */
	const char *protocol;		/* "" */
	const struct group_member_info *members;	/* of describe only */
	size_t nmembers;
};

/* All groups; what they point to lives in `memory`. */
enum group_error group_list(struct groups *gs, struct leat_arena *memory,
    struct group_info **ret, size_t *ret_n);
enum group_error group_describe(struct groups *gs, const char *group,
    struct leat_arena *memory, struct group_info *ret);
enum group_error group_delete(struct groups *gs, const char *group);
/* 0, or why nothing of the group may be deleted. */
enum group_error group_check_delete_offsets(struct groups *gs,
    const char *group);
enum group_error group_delete_offset(struct groups *gs, const char *group,
    const char *topic, int32_t partition);

#endif
