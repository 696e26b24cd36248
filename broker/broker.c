/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening and closing the broker.
 *
 * The order at a start: the lock, the catalogue, every partition's log, the
 * transactions that a crash left undecided, the groups' offsets; then the
 * housekeeper. The mark of a clean stop is removed before anything is written.
 */
#include "broker/broker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/broker_int.h"
#include "broker/coord/groups.h"
#include "broker/coord/txns_int.h"
#include "broker/log/dir_list.h"
#include "broker/spread.h"
#include "core/base/obj.h"

void
broker_options_init(struct broker_options *o)
{
	*o = (struct broker_options){
		.default_partitions = 1,
		.max_partitions = 100000,
		.auto_create = false,
		.flush_interval_ms = 500,
		.retention_check_ms = 300000,
		.checkpoint_ms = 60000,
		.offsets_retention_ms = 7LL * 24 * 3600 * 1000,
		.txn_id_expiration_ms = 7LL * 24 * 3600 * 1000,
		.offsets_partitions = 1,
		.txn_partitions = 1,
		.max_open_files = 256,
		.cleaner_memory = 16 << 20,
	};
}

static int
no_memory(struct leat_err *err)
{
	return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
	    "out of memory for the broker");
}

static int
copy_defaults(struct broker *b, struct leat_err *err)
{
	b->defaults = calloc((size_t)setting_count(), sizeof(*b->defaults));
	if (b->defaults == NULL)
		return no_memory(err);
	for (size_t k = 0; k < b->o.ndefaults; k++) {
		const struct broker_setting *s = &b->o.defaults[k];
		int i = setting_find(s->name);

		if (i < 0)
			return leat_err_set(err, LEAT_CLS_CONFIG,
			    LEAT_E_CONFIG, "unknown topic setting '%s'",
			    s->name);
		if (s->value == NULL)
			continue;
		if (setting_check(i, s->value, err) < 0)
			return LEAT_E_CONFIG;
		free(b->defaults[i]);
		if ((b->defaults[i] = strdup(s->value)) == NULL)
			return no_memory(err);
	}
	b->o.defaults = NULL;
	b->o.ndefaults = 0;
	return 0;
}

static int
make_env(struct broker *b, struct leat_err *err)
{
	struct log_env *env = &b->env;

	env->fs = b->o.fs != NULL ? b->o.fs : &fsio_system;
	env->clock = b->o.clock != NULL ? b->o.clock : &clock_system;
	env->lg = (struct logger){ "broker", NULL, -1 };
	env->kick = keeper_kick;
	env->checkpoint = keeper_wake;
	env->save_starts = keeper_save_starts;
	env->verify_txn = txns_verify;
	env->arg = b;
	if (b->o.metrics != NULL) {
		env->appended_bytes = metrics_get(b->o.metrics,
		    METRIC_COUNTER, "leat_broker_appended_bytes_total",
		    "Bytes of record batches appended.", NULL, 0, 0);
		env->appended_batches = metrics_get(b->o.metrics,
		    METRIC_COUNTER, "leat_broker_appended_batches_total",
		    "Record batches appended.", NULL, 0, 0);
		env->read_bytes = metrics_get(b->o.metrics, METRIC_COUNTER,
		    "leat_broker_read_bytes_total",
		    "Bytes of record batches read.", NULL, 0, 0);
	}
	env->fds = fd_cache_new(env->fs, b->o.descriptors == 0 ?
	    b->o.max_open_files : MIN(b->o.max_open_files,
	    b->o.descriptors / 4), b->o.descriptors == 0 ? UINT32_MAX :
	    MAX(b->o.descriptors, 1));
	if (env->fds == NULL)
		return no_memory(err);
	return flusher_start(env, b->o.flush_interval_ms, b->o.metrics,
	    &env->flusher, err);
}

static struct broker *
broker_new(const struct broker_options *o)
{
	struct broker *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	b->magic = BROKER_MAGIC;
	b->o = *o;
	b->lock_fd = -1;
	b->opening = true;
	lock_init(&b->files, RANK_BROKER_FILES);
	lock_init(&b->lock, RANK_BROKER);
	lock_init(&b->keeper_lock, RANK_LEAF);
	lock_init(&b->ids_lock, RANK_LEAF);
	cond_init(&b->keeper_cond);
	if ((b->dir = strdup(o->dir)) == NULL) {
		free(b);
		return NULL;
	}
	b->o.dir = b->dir;
	return b;
}

static void
broker_free(struct broker *b)
{
	const struct leat_map_entry *e;
	size_t it = 0;

	while ((e = leat_map_next(&b->topics, &it)) != NULL)
		topic_free(e->value);
	leat_map_fini(&b->topics);
	leat_map_fini(&b->ids);
	leat_map_fini(&b->kept);
	for (int i = 0; b->defaults != NULL && i < setting_count(); i++)
		free(b->defaults[i]);
	free(b->defaults);
	fd_cache_free(b->env.fds);
	meta_close(b);
	lock_fini(&b->files);
	lock_fini(&b->lock);
	lock_fini(&b->keeper_lock);
	lock_fini(&b->ids_lock);
	cond_fini(&b->keeper_cond);
	if (b->o.metrics != NULL) {
		metrics_put(b->o.metrics, b->env.appended_bytes);
		metrics_put(b->o.metrics, b->env.appended_batches);
		metrics_put(b->o.metrics, b->env.read_bytes);
	}
	free(b->dir);
	OBJ_FREE(b);
}

/* --------------------------------------------------------------- opening */

static void
clean_mark_path(const struct broker *b, char *to, size_t n)
{
	snprintf(to, n, "%s/.kafka_cleanshutdown", b->dir);
}

/* Was the last stop clean? The mark goes before anything else changes. */
static int
take_clean_mark(struct broker *b, struct leat_err *err)
{
	const struct fsio *fs = b->env.fs;
	char path[4096];
	int rc;

	clean_mark_path(b, path, sizeof(path));
	rc = fs->unlink(fs, path);
	if (rc == -ENOENT)
		return 0;
	if (rc == 0)
		rc = fs->fsync_dir(fs, b->dir);
	if (rc < 0)
		return leat_err_set(err, LEAT_CLS_FATAL, rc, "unlink %s",
		    path);
	b->was_clean = true;
	return 0;
}

static int
load_checkpoints(struct broker *b, struct leat_err *err)
{
	static const char *const names[] = {
		"recovery-point-offset-checkpoint",
		"log-start-offset-checkpoint",
		"cleaner-offset-checkpoint",
	};
	struct checkpoint *to[] = { &b->recovery, &b->starts, &b->cleaned };
	char path[4096];
	int rc = 0;

	for (size_t i = 0; i < ARRAY_LEN(names) && rc == 0; i++) {
		snprintf(path, sizeof(path), "%s/%s", b->dir, names[i]);
		rc = checkpoint_load(to[i], b->env.fs, path, err);
	}
	return rc;
}

/* "<topic>-<number>" of a topic that the catalogue has? */
static bool
is_known(struct broker *b, const char *name)
{
	const char *dash = strrchr(name, '-');
	const struct topic *t;
	char topic[256];
	int64_t n;

	if (dash == NULL || (size_t)(dash - name) >= sizeof(topic) ||
	    leat_parse_i64(leat_str_c(dash + 1), 0, INT32_MAX, &n) < 0)
		return false;
	memcpy(topic, name, (size_t)(dash - name));
	topic[dash - name] = '\0';
	t = leat_map_get_c(&b->topics, topic);
	return t != NULL && n < t->npartitions;
}

/* Ends deletions that a crash cut off, sets aside what nobody knows. */
static int
tidy_dirs(struct broker *b, struct leat_err *err)
{
	struct dir_list list;
	char path[4200];
	int rc = dir_list_load(&list, b->dir, err);

	for (size_t i = 0; rc == 0 && i < list.n; i++) {
		const char *name = list.entries[i].name;
		struct leat_str s = leat_str_c(name);

		snprintf(path, sizeof(path), "%s/%s", b->dir, name);
		if (!list.entries[i].is_dir) {
			if (leat_str_ends(s, ".tmp"))
				(void)b->env.fs->unlink(b->env.fs, path);
			continue;
		}
		if (leat_str_ends(s, "-delete"))
			topic_remove_dir(b, path);
		else if (!leat_str_ends(s, "-stray") &&
		    strcmp(name, KRAFT_LOG_DIR) != 0 && !is_known(b, name))
			rc = topic_set_aside(b, path, err);
	}
	dir_list_fini(&list);
	return rc;
}

struct opening {
	struct broker *b;
	struct topic **list;
};

static int
open_one(void *arg, size_t i, struct leat_err *err)
{
	const struct opening *o = arg;

	return topic_open(o->b, o->list[i], err);
}

static int
open_partitions(struct broker *b, struct leat_err *err)
{
	struct opening o = { .b = b };
	const struct leat_map_entry *e;
	size_t it = 0, n = 0;
	int rc;

	o.list = calloc(b->topics.len + 1, sizeof(struct topic *));
	if (o.list == NULL)
		return no_memory(err);
	while ((e = leat_map_next(&b->topics, &it)) != NULL)
		o.list[n++] = e->value;
	rc = spread(n, open_one, &o, err);
	free(o.list);
	return rc;
}

static int
open_topics(struct broker *b, struct leat_err *err)
{
	int rc = catalogue_load(b, err);
	bool adopted = rc == -ENOENT;

	if (adopted) {
		lock_acquire(&b->files);
		rc = topics_adopt(b, err);
		if (rc == 0)
			rc = catalogue_save(b, NULL, err);
		lock_release(&b->files);
	}
	if (rc < 0 || (rc = tidy_dirs(b, err)) < 0)
		return rc;
	rc = open_partitions(b, err);
	return rc < 0 || !adopted ? rc : topics_adopted(b, err);
}

static int
open_all(struct broker *b, struct leat_err *err)
{
	int rc;

	if ((rc = meta_open(b, err)) < 0 ||
	    (rc = take_clean_mark(b, err)) < 0 ||
	    (rc = load_checkpoints(b, err)) < 0 ||
	    (rc = producer_ids_open(b, err)) < 0 ||
	    (rc = open_topics(b, err)) < 0 ||
	    (rc = txns_open(b, &b->txns, err)) < 0 ||
	    (rc = groups_open(b, &b->groups, err)) < 0)
		return rc;
	if (!b->was_clean && (rc = groups_clamp(b->groups, err)) < 0)
		return rc;
	b->opening = false;
	/* After a clean stop they say already what they should. */
	if (!b->was_clean && (rc = keeper_save_checkpoints(b, err)) < 0)
		return rc;
	if ((rc = groups_start(b->groups, err)) < 0)
		return rc;
	return keeper_start(b, err);
}

struct closing {
	struct broker *b;
	struct broker_partition **list;
	bool failed;	/* atomic */
};

static int
close_one(void *arg, size_t i, struct leat_err *err)
{
	struct closing *c = arg;

	if (partition_close_files(c->list[i], err) < 0) {
		log_warn_err(&c->b->env.lg, "partition not closed", err);
		__atomic_store_n(&c->failed, true, __ATOMIC_RELAXED);
	}
	return 0;
}

/* Everything durable and marked as such; false when something is not. */
static bool
close_files(struct broker *b)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct closing c = { .b = b };
	size_t n;

	c.list = topics_partitions(b, &n);
	if (c.list == NULL)
		return false;
	(void)spread(n, close_one, &c, &err);
	partitions_put(c.list, n);
	return keeper_save_checkpoints(b, &err) == 0 && !c.failed;
}

static void
shut(struct broker *b, bool opened)
{
	static const char mark[] = "{\"version\":0,\"brokerEpoch\":-1}";
	char path[4096];
	bool clean = false;

	keeper_stop(b);
	groups_stop(b->groups);
	if (opened) {
		txns_settle(b->txns);
		clean = close_files(b);
	}
	flusher_stop(b->env.flusher);
	groups_close(b->groups);
	txns_close(b->txns);
	checkpoint_fini(&b->recovery);
	checkpoint_fini(&b->starts);
	checkpoint_fini(&b->cleaned);
	clean_mark_path(b, path, sizeof(path));
	if (clean)
		(void)fsio_replace(b->env.fs, path, mark, sizeof(mark) - 1,
		    0640, NULL);
	broker_free(b);
}

int
broker_open(const struct broker_options *o, struct broker **ret_broker,
    struct leat_err *err)
{
	struct broker *b = broker_new(o);
	int rc;

	if (b == NULL)
		return no_memory(err);
	if ((rc = copy_defaults(b, err)) < 0 ||
	    (rc = make_env(b, err)) < 0 || (rc = open_all(b, err)) < 0) {
		shut(b, false);
		return leat_err_wrap(err, "open broker in %s", o->dir);
	}
	*ret_broker = b;
	return 0;
}

void
broker_close(struct broker *b)
{
	if (b == NULL)
		return;
	OBJ_CHECK(b, BROKER_MAGIC);
	shut(b, true);
}

const char *
broker_cluster_id(const struct broker *b)
{
	OBJ_CHECK(b, BROKER_MAGIC);
	return b->cluster_id;
}
