/* SPDX-License-Identifier: Apache-2.0 */
/*
 * broker_int.h: the broker's own struct, for the files beside it.
 */
#ifndef LEAT_BROKER_BROKER_INT_H
#define LEAT_BROKER_BROKER_INT_H

#include "broker/broker.h"
#include "broker/log/checkpoint.h"
#include "broker/log/flusher.h"
#include "broker/log/partition.h"
#include "broker/topic_settings.h"
#include "core/base/lock.h"
#include "core/base/thread.h"

#define BROKER_MAGIC 0xb40ce401

struct groups;
struct txns;

struct topic {
	char *name;
	uint8_t id[16];
	bool internal;
	bool leaving;		/* not for the catalogue; `files` guards it */
	int32_t npartitions;
	struct broker_partition **parts;	/* counted */
	char **settings;	/* by number; NULL: not set */
	struct topic_config config;
};

struct broker {
	unsigned magic;
	struct broker_options o;
	struct log_env env;
	char *dir;
	int lock_fd;
	char cluster_id[24];
	char node_dir_id[24];
	char **defaults;		/* of topics, by setting */
	bool was_clean;
	bool opening;			/* one thread, nothing is served yet */

	/*
	 * Serialises what changes files of the whole broker: the catalogue,
	 * checkpoints, topic directories. Held over their syncs.
	 */
	struct lock files;		/* RANK_BROKER_FILES; guards the next */
	struct leat_map kept;		/* names of protected topics */

	struct lock lock;		/* RANK_BROKER; guards the next five */
	struct leat_map topics;		/* name to struct topic */
	uint64_t version;
	struct leat_map ids;		/* to the topics of ids_version */
	uint64_t ids_version;
	bool ids_made;

	struct checkpoint recovery;	/* only while opening */
	struct checkpoint starts;
	struct checkpoint cleaned;

	struct groups *groups;
	struct txns *txns;

	struct thread keeper;		/* the housekeeper */
	struct lock keeper_lock;	/* RANK_LEAF; guards the next four */
	struct cond keeper_cond;
	bool keeper_idle;	/* atomic; it sleeps for long */
	bool keeper_kicked;
	bool keeper_stop;

	/* Producer ids: [next, end) are reserved on disk. */
	struct lock ids_lock;		/* RANK_LEAF; guards the next two */
	int64_t next_id;
	int64_t end_id;
};

static const char offsets_topic[] = "__consumer_offsets";
static const char txn_topic[] = "__transaction_state";

enum { TOPIC_NAME_MAX_LEN = 249, PARTITIONS_MAX = 10000 };

/* ---- topics.c */

/* Opens the partitions of a topic from the catalogue. */
int topic_open(struct broker *b, struct topic *t, struct leat_err *err);
struct topic *topic_new(const char *name, int32_t partitions, bool internal);
void topic_free(struct topic *t);
/* What the broker's defaults and the topic's own settings come to. */
void topic_effective(const struct broker *b, const struct topic *t,
    struct topic_config *ret_config);
/* The same, given to the topic and its partitions. */
void topic_configure(const struct broker *b, struct topic *t);

/* ---- topic_find.c */

struct topic *topic_find_locked(const struct broker *b, const char *name);
int topic_not_found(const char *name, struct leat_err *err);
/* What the table says of one topic (info->name is `name`): 0 or NOTFOUND. */
int topics_info(struct broker *b, const char *name,
    struct broker_topic_info *ret_info);
/* The name that belongs to an id: 0 or LEAT_E_NOTFOUND. */
int topics_name(struct broker *b, const uint8_t id[16],
    char ret_name[TOPIC_NAME_MAX_LEN + 1]);
/* Fills an array of all partitions, each counted; *ret_n of them. */
struct broker_partition **topics_partitions(struct broker *b, size_t *ret_n);
void partitions_put(struct broker_partition **list, size_t n);
/* A partition that is there, counted, or NULL; creates nothing. */
struct broker_partition *topics_find(struct broker *b, const char *topic,
    int32_t partition);

/* ---- topic_adopt.c */

/* Without a catalogue: makes one of the directories that are there. */
int topics_adopt(struct broker *b, struct leat_err *err);
/* Behind it, with the partitions open: no producer id is given out again. */
int topics_adopted(struct broker *b, struct leat_err *err);

/* ---- kraft_log.c */

/* Kafka's log of metadata: no topic, and left as it is. */
#define KRAFT_LOG_DIR "__cluster_metadata-0"
/*
 * Gives the topics the settings that Kafka's metadata has for them. 0,
 * LEAT_E_NOTFOUND without such a log, LEAT_E_CORRUPT where it cannot be read.
 */
int kraft_log_read(struct broker *b, int64_t *ret_next_producer_id,
    struct leat_err *err);

/* ---- topics.c again: directories */

/* Sets a directory aside under a name of its own; removes one for good. */
int topic_set_aside(struct broker *b, const char *dir, struct leat_err *err);
void topic_remove_dir(struct broker *b, const char *dir);

/* ---- topic_commit.c */

/* One topic's change: made (old NULL), deleted (new NULL), or replaced. */
struct topic_swap {
	struct topic *old, *new;
};

/* Changes that are made together. */
struct topic_changes {
	struct broker *b;
	struct topic_swap *list;
	size_t n, cap;
	int64_t partitions;	/* of all topics, as they will be */
	struct leat_map folded;	/* names by their folded form, once made */
};
/*
 * Between these two `files` is held, and changes are prepared by the calls of
 * topic_change.c. The commit writes the catalogue once; when it fails, none of
 * the changes is made.
 */
void topics_begin(struct topic_changes *c, struct broker *b);
int topics_commit(struct topic_changes *c, struct leat_err *err);
/* Adds one; on failure `owned_new` stays the caller's. */
int topics_add_swap(struct topic_changes *c, struct topic *old,
    struct topic *owned_new, struct leat_err *err);
/* Removes the partitions that `new` has and `old` (may be NULL) has not. */
void topic_undo(struct broker *b, const struct topic *old, struct topic *new);

/* ---- topic_change.c */

struct topic_wish {
	const char *name;
	int32_t partitions;	/* -1: the default, or as many as it has */
	const struct broker_setting *settings;
	size_t nsettings;
	bool check_only;	/* say what would happen, change nothing */
};
/*
 * Prepare one change; a failure leaves the others as they are. Codes beside
 * those of the system: LEAT_E_EXISTS, LEAT_E_NOTFOUND, LEAT_E_STATE (changed
 * already in the same commit), BROKER_E_TOPIC_NAME, BROKER_E_PARTITIONS,
 * LEAT_E_CONFIG of a setting, BROKER_E_POLICY for what the broker does not
 * permit.
 */
int topics_create(struct topic_changes *c, const struct topic_wish *w,
    struct leat_err *err);
int topics_change(struct topic_changes *c, const struct topic_wish *w,
    struct leat_err *err);
int topics_delete(struct topic_changes *c, const char *name,
    struct leat_err *err);
/* Creates an internal topic unless it is there. */
int topic_ensure_internal(struct broker *b, const char *name,
    int32_t partitions, const struct broker_setting *settings, size_t n,
    struct leat_err *err);

/* ---- catalogue.c */

/* Writes all topics, as they will be after the changes (may be NULL). */
int catalogue_save(struct broker *b, const struct topic_changes *changes,
    struct leat_err *err);
int catalogue_load(struct broker *b, struct leat_err *err);

/* ---- meta.c */

int meta_open(struct broker *b, struct leat_err *err);
void meta_close(struct broker *b);
void uuid_make(uint8_t id[16]);
/* 22 characters of base64url and a NUL. */
void uuid_text(const uint8_t id[16], char to[23]);
int uuid_parse(const char *text, uint8_t id[16]);
int meta_partition_save(struct broker *b, const char *dir,
    const uint8_t id[16], struct leat_err *err);
/* 0; -ENOENT without a file. */
int meta_partition_load(struct broker *b, const char *dir, uint8_t id[16],
    struct leat_err *err);

/* ---- keeper.c */

int keeper_start(struct broker *b, struct leat_err *err);
void keeper_stop(struct broker *b);
void keeper_kick(void *arg);
/* There is something to tend, soon; cheap when it is awake. */
void keeper_wake(void *arg);
/* The three checkpoint files. */
int keeper_save_checkpoints(struct broker *b, struct leat_err *err);
/* The same with `files` held. */
int keeper_save_checkpoints_locked(struct broker *b, struct leat_err *err);
int keeper_save_starts(void *arg, struct leat_err *err);
/* One round of everything, now; for tests. */
void keeper_round(struct broker *b, bool retention, bool clean);

#endif
