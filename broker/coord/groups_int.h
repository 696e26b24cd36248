/* SPDX-License-Identifier: Apache-2.0 */
/*
 * groups_int.h: the coordinator's own structs, for its files. Functions that
 * are named *_locked, and all that take a struct group or member, want the
 * groups' lock held.
 */
#ifndef LEAT_BROKER_GROUPS_INT_H
#define LEAT_BROKER_GROUPS_INT_H

#include "broker/coord/groups.h"
#include "broker/coord/offset_record.h"
#include "core/base/lock.h"
#include "core/base/obj.h"
#include "core/base/thread.h"

enum {
	GROUP_MAX_BYTES = 1024,		/* of its name, and other short texts */
	CLIENT_MAX_BYTES = 255,		/* kept of a client's id and host */
	METADATA_MAX_BYTES = 4096,	/* of an offset */
	COMMIT_MAX_BYTES = 16 << 20,	/* of one batch */
	PROTOCOLS_MAX = 64,		/* of a member */
	MEMBER_MAX_BYTES = 1 << 20,	/* of protocols or an assignment */
	GROUPS_MAX = 100000,
	GROUPS_MEMORY_MAX = 512 << 20,	/* of all members and offsets */
	OFFSET_NAME_BYTES = TOPIC_NAME_MAX_LEN + 32
};

/* ------------------------------------------------------------- structs */

struct groups;
struct group;

/* Something to be done later; in the heap while it is set. */
struct group_timer {
	void (*fn)(struct groups *gs, void *owner);
	void *owner;
	int64_t at_ns;		/* where it stands in the heap */
	int64_t want_ns;	/* when it is due; never before at_ns */
	size_t pos;		/* in the heap + 1; 0: not set */
};

struct stored {
	int64_t offset;
	int32_t leader_epoch;
	int64_t commit_ms;
	int64_t expire_ms;	/* -1: by the broker's retention */
	uint32_t metadata_len;
	char metadata[];	/* a NUL behind it */
};

/* One offset of an open transaction. */
struct pending {
	struct pending *next;
	int32_t log;		/* partition of __consumer_offsets it is in */
	char *group;
	char *topic;
	int32_t partition;
	bool forget;
	struct stored *stored;
};

struct member_protocol {
	char *name;
	struct leat_str metadata;
};

/* A member of a classic group. */
struct member {
	struct group *g;
	char *id;
	char *instance;		/* NULL: a dynamic member */
	char *client_id, *client_host;
	int32_t rebalance_ms, session_ms;
	struct member_protocol *protocols;	/* one piece of memory */
	size_t nprotocols;
	uint8_t *assignment;
	size_t assignment_len;
	struct group_wait *join, *sync;	/* parked, or NULL */
	bool can_skip;		/* of the parked join */
	bool joined;		/* in the round under way */
	bool unsynced;		/* has not asked for its assignment yet */
	bool is_new;		/* its first join is not answered */
	struct group_timer timer;
	size_t bytes;		/* counted in groups.held */
};

/* An id that was given out and has not come back yet. */
struct pending_member {
	struct group *g;
	char *id;
	struct group_timer timer;
};

enum group_state {
	GS_EMPTY,
	GS_PREPARING,
	GS_COMPLETING,
	GS_STABLE,
	GS_STATE_N
};

struct broker_group_member;
struct consumer_group;

struct group {
	struct groups *gs;
	char *name;
	struct leat_map offsets;	/* "<topic>:<partition>" to stored */
	struct leat_map unstable;	/* the same to a number of pending */

	/* As a classic group; protocol_type NULL: a simple one. */
	enum group_state state;
	int64_t state_ms;	/* since when, by the wall; -1 unknown */
	bool saved;		/* has a record of its own in the topic */
	char *protocol_type;
	char *protocol;
	char *leader;
	int32_t generation;
	struct leat_map members;	/* id to struct member */
	struct leat_map instances;	/* instance id to struct member */
	struct leat_map awaited;	/* id to struct pending_member */
	size_t njoined;
	bool initial;		/* waits for more members to come */
	bool arrivals;		/* some came meanwhile */
	int64_t initial_left_ms;
	struct group_timer timer;	/* of the round, or of late syncs */

	struct broker_group_member *locals;	/* in this process */
	struct consumer_group *consumer;	/* NULL: no such group */
};

/* The broker's topics as they were: its lock comes before the groups'. */
struct topic_view {
	struct leat_map by_name;	/* to struct seen_topic */
	struct leat_map by_id;		/* to the same */
	uint64_t version;
	bool valid;
};

/* A line of the log that waits for the end of the lock. */
struct group_note {
	struct group_note *next;
	enum log_level level;
	const char *msg;
	char *fields;		/* NULL: those of `err` */
	struct leat_err err;
};

struct groups {
	struct broker *b;
	int32_t npartitions;
	struct broker_partition **parts;	/* counted */

	struct lock lock;	/* RANK_GROUPS; guards all below */
	struct group_limits limits;
	struct leat_map by_name;
	struct leat_map pending;	/* producer id to struct pending list */
	size_t held;		/* bytes of members and offsets */
	struct topic_view topics;	/* for consumer groups */
	struct group_wait *answers, **answers_tail;
	struct group_note *notes, **notes_tail;

	struct group_timer **heap;
	size_t nheap, cap_heap;
	size_t ntimers;		/* that may be in the heap at once */
	struct thread thread;
	struct cond cond;
	bool stop;
};

/* --------------------------------------------------------- groups.c */

void groups_lock(struct groups *gs);
/*
 * Releases the lock, writes the lines of the log that were noted meanwhile, and
 * calls back what was answered.
 */
void groups_unlock(struct groups *gs);
/*
 * A line of the log, or a warning with an error, for the time after the lock.
 * `msg` is a constant. Without memory it is lost.
 */
void groups_note(struct groups *gs, enum log_level level, const char *msg,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void groups_note_err(struct groups *gs, const char *msg,
    const struct leat_err *err);
/* The number of the partition that groups_partition gives. */
int32_t groups_partition_number(const struct groups *gs, const char *group);
/* Puts an answer in line; it is no more parked. */
void group_answer(struct groups *gs, struct group_wait *w,
    enum group_error error);
struct group *group_find(struct groups *gs, const char *name);
/* Finds or makes one; NULL when there is no room. */
struct group *group_make(struct groups *gs, const char *name);
/* Ends a group that has no offsets, no members and no record; else nothing. */
void group_drop_if_unused(struct group *g);
bool group_has_members(const struct group *g);
bool groups_have_room(const struct groups *gs, size_t bytes);
bool group_name_ok(const char *name);
/* Replaces an owned text; false, and no change, without memory. */
bool group_set_text(char **to, const char *text);

/* -------------------------------------------------- group_timers.c */

/* Makes room for one more timer: 0 or -ENOMEM. Before it is used. */
int group_timer_init(struct groups *gs, struct group_timer *t,
    void (*fn)(struct groups *gs, void *owner), void *owner);
/* Accepts a zeroed one. */
void group_timer_fini(struct groups *gs, struct group_timer *t);
void group_timer_set(struct groups *gs, struct group_timer *t, int64_t in_ms);
void group_timer_stop(struct groups *gs, struct group_timer *t);

/* ------------------------------------------------- group_offsets.c */

struct leat_str offset_name(char to[OFFSET_NAME_BYTES], const char *topic,
    int32_t partition);
/* "<topic>:<partition>" apart; the name is cut in place. */
int32_t offset_name_split(char *name);
struct stored *stored_new(const struct broker_group_offset *o,
    int64_t commit_ms, int64_t expire_ms);
struct leat_str offset_metadata(const struct broker_group_offset *o);
/* Stores (owned_s NULL: forgets) one offset; 0 or -ENOMEM. */
int offset_apply(struct groups *gs, const char *group, const char *topic,
    int32_t partition, struct stored *owned_s);
/* `log`: the partition of __consumer_offsets. */
int offset_add_pending(struct groups *gs, int64_t producer_id, int32_t log,
    const char *group, const char *topic, int32_t partition,
    struct stored *owned_s);
/* Of those in `log`, or of all (GROUPS_ALL_PARTITIONS). */
void offset_end_pending(struct groups *gs, int64_t producer_id, int32_t log,
    bool commit);
void offset_pending_free(struct pending *p);
/* Takes one stored offset out of memory. */
void offset_forget(struct group *g, struct leat_str name);

/* --------------------------------------------------- group_write.c */

/* Adds a record; value NULL: a tombstone. Frees both buffers. */
int group_add_record(struct batch_builder *bb, struct leat_buf *key,
    struct leat_buf *value, int64_t now_ms, struct leat_err *err);
/* Adds one offset; v NULL: a tombstone. */
int group_add_offset(struct batch_builder *bb, const char *group,
    const char *topic, int32_t partition, const struct offset_value *v,
    int64_t now_ms, struct leat_err *err);
/* key version 2; a tombstone. */
int group_add_tombstone(struct batch_builder *bb, const char *group,
    int64_t now_ms, struct leat_err *err);
int group_append(struct groups *gs, const char *group,
    struct batch_builder *bb, struct leat_err *err);
/* Writes members, generation and assignments; logs what goes wrong. */
int group_save(struct group *g);
struct batch_builder *group_batch_new(struct leat_err *err);

/* ----------------------------------------------------- group_join.c */

/* Prepares the answer's half of the struct. */
void group_wait_begin(struct group_wait *w);

/* ------------------------------------------------- group_members.c */

/* NULL when there is no memory. It is in the group's tables then. */
struct member *member_new(struct group *g, const struct group_join *q,
    const char *id);
void member_free(struct member *m);
/* Takes its protocols over from a join: 0 or -ENOMEM. */
int member_update(struct member *m, const struct group_join *q);
/* Gives a static member another id: 0 or -ENOMEM. */
int member_rename(struct member *m, const char *id);
size_t member_protocols_bytes(const struct group_join *q);
bool member_has_protocols_of(const struct member *m,
    const struct group_join *q);
struct member *member_find(const struct group *g, const char *id);
/* The member that `who` says it is, or why not. */
enum group_error member_check(const struct group *g,
    const struct group_who *who, struct member **ret);
void member_clear_assignment(struct member *m);
int member_set_assignment(struct member *m, struct leat_str assignment);
struct leat_str member_metadata(const struct member *m, const char *protocol);
/* "<client id>-<random>" */
char *member_make_id(const char *prefix);
void member_session_start(struct member *m);
/* An id that waits for its join. */
struct pending_member *pending_member_new(struct group *g, const char *id,
    int32_t session_ms);
void pending_member_free(struct pending_member *p);

/* --------------------------------------------------- group_state.c */

const char *group_state_name(const struct group *g);
void group_set_state(struct group *g, enum group_state state);
/* A round begins, if none does already. */
void group_prepare(struct group *g);
/* A member came or went: does the round go on? */
void group_membership_changed(struct group *g);
/* Ends the round under way if everybody is there. */
void group_try_complete(struct group *g);
/* Parks a join, or answers it with the generation that there is. */
void group_park_join(struct member *m, struct group_wait *w);
void group_answer_join(struct member *m, struct group_wait *w);
void group_answer_sync(struct member *m, struct group_wait *w);
void group_park_sync(struct member *m, struct group_wait *w);
/* Takes a member out, answering what it has parked. */
void group_remove_member(struct member *m);
/* Does every member know one of these protocols? */
bool group_supports(const struct group *g, const struct group_join *q);
/* The leader's assignments arrived. */
void group_assigned(struct group *g, const struct group_assignment *list,
    size_t n);
void group_timer_due(struct groups *gs, void *owner);
void member_timer_due(struct groups *gs, void *owner);
void pending_member_due(struct groups *gs, void *owner);

/* -------------------------------------------------- group_expire.c */

/* May a member of the group read the topic? */
bool group_subscribed(const struct group *g, const char *topic);

/* ---------------------------------------------------- group_load.c */

int groups_load(struct groups *gs, struct leat_err *err);

/* --------------------------------------------------- group_local.c */

struct local_assigned {
	char *topic;
	int32_t partition;
};

struct broker_group_member {
	struct groups *gs;
	struct group *g;
	struct broker_group_member *next;
	char *id, *client_id;
	struct local_assigned *assigned;	/* by topic */
	size_t nassigned;
};
/* Does a member in this process read the topic? */
bool group_local_reads(const struct group *g, const char *topic);
enum group_error group_local_describe(const struct group *g,
    struct leat_arena *memory, struct group_info *info);

#endif
