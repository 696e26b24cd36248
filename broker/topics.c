/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Topics: the table of names, and creating, changing and deleting them.
 *
 * `files` is held over the whole of a change, `lock` only to look into or swap
 * the table; so a slow sync of one topic's birth keeps no reader waiting.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <leat/str.h>

#include "broker/broker_int.h"
#include "broker/coord/groups.h"
#include "broker/log/dir_list.h"
#include "core/base/obj.h"

int
broker_topic_name_check(const char *name, struct leat_err *err)
{
	size_t len = strlen(name);
	const char *why = NULL;

	if (len == 0)
		why = "it is empty";
	else if (len > TOPIC_NAME_MAX_LEN)
		why = "it is longer than 249 characters";
	else if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		why = "it is \".\" or \"..\"";
	for (size_t i = 0; i < len && why == NULL; i++)
		if (!isalnum((unsigned char)name[i]) &&
		    strchr("._-", name[i]) == NULL)
			why = "only letters, digits, '.', '_' and '-' may "
			    "stand in it";
	if (why == NULL)
		return 0;
	return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
	    "topic name '%.60s' is not allowed: %s", name, why);
}

struct topic *
topic_new(const char *name, int32_t partitions, bool internal)
{
	struct topic *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->internal = internal;
	t->npartitions = partitions;
	t->name = strdup(name);
	t->parts = calloc((size_t)partitions, sizeof(*t->parts));
	t->settings = calloc((size_t)setting_count(), sizeof(*t->settings));
	if (t->name == NULL || t->parts == NULL || t->settings == NULL) {
		topic_free(t);
		return NULL;
	}
	return t;
}

void
topic_free(struct topic *t)
{
	if (t == NULL)
		return;
	for (int32_t i = 0; t->parts != NULL && i < t->npartitions; i++)
		broker_partition_put(t->parts[i]);
	for (int i = 0; t->settings != NULL && i < setting_count(); i++)
		free(t->settings[i]);
	free(t->settings);
	free(t->parts);
	free(t->name);
	free(t);
}

void
topic_configure(const struct broker *b, struct topic *t)
{
	topic_config_init(&t->config);
	for (int i = 0; i < setting_count(); i++) {
		const char *v = t->settings[i] != NULL ? t->settings[i] :
		    b->defaults[i];

		if (v != NULL)
			topic_config_apply(&t->config, i, v);
	}
	for (int32_t i = 0; i < t->npartitions; i++)
		if (t->parts[i] != NULL)
			partition_set_config(t->parts[i], &t->config);
}

/* -------------------------------------------------------------- opening */

/* Sets a directory of another topic's life aside. */
int
topic_set_aside(struct broker *b, const char *dir, struct leat_err *err)
{
	char to[4200], uuid[23];
	uint8_t id[16];
	int rc;

	uuid_make(id);
	uuid_text(id, uuid);
	snprintf(to, sizeof(to), "%s.%s-stray", dir, uuid);
	rc = b->env.fs->rename(b->env.fs, dir, to);
	if (rc < 0)
		return leat_err_set(err, LEAT_CLS_RETRY, rc, "rename %s", dir);
	log_warn(&b->env.lg, "directory belongs to no topic",
	    "renamed_to=%s", to);
	return 0;
}

static int
prepare_dir(struct broker *b, const struct topic *t,
    const struct broker_partition *p, struct leat_err *err)
{
	const struct fsio *fs = b->env.fs;
	uint8_t id[16];
	int rc = meta_partition_load(b, p->dir, id, err);

	if (rc == 0 && memcmp(id, t->id, 16) == 0)
		return 0;
	if (rc == 0 && (rc = topic_set_aside(b, p->dir, err)) < 0)
		return rc;
	rc = fs->mkdir(fs, p->dir, 0750);
	if (rc < 0 && rc != -EEXIST)
		return leat_err_set(err, LEAT_CLS_RETRY, rc, "mkdir %s",
		    p->dir);
	/* Without metadata: a create that a crash cut off, or a lost file. */
	return meta_partition_save(b, p->dir, t->id, err);
}

static int
open_partition(struct broker *b, struct topic *t, int32_t i,
    struct leat_err *err)
{
	struct broker_partition *p = partition_new(&b->env, b->dir, t->name,
	    i, t->internal, &t->config);
	struct recovered r;
	int64_t point, start;
	int rc;

	if (p == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for a partition");
	t->parts[i] = p;
	if ((rc = prepare_dir(b, t, p, err)) < 0)
		return rc;
	point = checkpoint_get(&b->recovery, t->name, i, 0);
	start = checkpoint_get(&b->starts, t->name, i, 0);
	p->clean_end = checkpoint_get(&b->cleaned, t->name, i, 0);
	rc = partition_load(p, b->was_clean || !b->opening, point, start, &r,
	    err);
	if (rc < 0)
		return rc;
	p->clean_end = MIN(p->clean_end, p->written);
	if (p->state == PART_OFFLINE)
		log_error(&b->env.lg, "partition offline", "reason=\"%s\"",
		    p->why.text);
	else if (r.truncated_bytes > 0)
		log_warn(&b->env.lg, "log cut after unclean stop",
		    "partition=%s-%d bytes=%lld end=%lld", t->name, i,
		    (long long)r.truncated_bytes, (long long)p->written);
	return 0;
}

int
topic_open(struct broker *b, struct topic *t, struct leat_err *err)
{
	int rc = 0;

	topic_configure(b, t);
	for (int32_t i = 0; i < t->npartitions && rc == 0; i++)
		if (t->parts[i] == NULL)
			rc = open_partition(b, t, i, err);
	return rc;
}

/* ------------------------------------------------------------- changing */

/* Checks all settings, then applies them. NULL values go back. */
static int
apply_settings(struct topic *t, const struct broker_setting *settings,
    size_t n, struct leat_err *err)
{
	for (size_t k = 0; k < n; k++) {
		int i = setting_find(settings[k].name);

		if (i < 0)
			return leat_err_set(err, LEAT_CLS_CONFIG,
			    LEAT_E_CONFIG, "unknown topic setting '%s'",
			    settings[k].name);
		if (settings[k].value != NULL &&
		    setting_check(i, settings[k].value, err) < 0)
			return LEAT_E_CONFIG;
	}
	for (size_t k = 0; k < n; k++) {
		int i = setting_find(settings[k].name);
		char *v = NULL;

		if (settings[k].value != NULL &&
		    (v = strdup(settings[k].value)) == NULL)
			return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
			    "out of memory for a setting");
		free(t->settings[i]);
		t->settings[i] = v;
	}
	return 0;
}

/* A name that differs only in '.' and '_' would share its metrics. */
static const char *
collides_locked(const struct broker *b, const char *name)
{
	const struct leat_map_entry *e;
	size_t it = 0;

	while ((e = leat_map_next(&b->topics, &it)) != NULL) {
		const char *p = e->key, *q = name;

		for (; *p != '\0' && *q != '\0'; p++, q++)
			if (*p != *q && !((*p == '.' && *q == '_') ||
			    (*p == '_' && *q == '.')))
				break;
		if (*p == '\0' && *q == '\0')
			return e->key;
	}
	return NULL;
}

static int
may_create(struct broker *b, const char *name, struct leat_err *err)
{
	const char *other;
	int rc = 0;

	lock_acquire(&b->lock);
	other = collides_locked(b, name);
	if (other != NULL && strcmp(other, name) == 0)
		rc = leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_EXISTS,
		    "topic '%s' exists", name);
	else if (other != NULL)
		rc = leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "topic name '%s' collides with '%s'", name, other);
	lock_release(&b->lock);
	return rc;
}

/* The files of the topic, then the catalogue, then the table. */
static int
create_locked(struct broker *b, struct topic *t, struct leat_err *err)
{
	int rc;

	lock_assert_held(&b->files);
	if ((rc = may_create(b, t->name, err)) < 0 ||
	    (rc = topic_open(b, t, err)) < 0)
		return rc;
	if ((rc = b->env.fs->fsync_dir(b->env.fs, b->dir)) < 0)
		return leat_err_set(err, LEAT_CLS_FATAL, rc, "sync %s",
		    b->dir);
	if ((rc = catalogue_save(b, t, NULL, err)) < 0)
		return rc;
	lock_acquire(&b->lock);
	rc = leat_map_set(&b->topics, leat_str_c(t->name), t, NULL);
	b->version++;
	lock_release(&b->lock);
	if (rc < 0) {
		(void)catalogue_save(b, NULL, NULL, NULL);
		return leat_err_set(err, LEAT_CLS_RETRY, rc,
		    "out of memory for a topic");
	}
	return 0;
}

static int
create(struct broker *b, const char *name, int32_t partitions, bool internal,
    const struct broker_setting *settings, size_t n, struct leat_err *err)
{
	struct topic *t;
	int rc;

	if (partitions < 0)
		partitions = b->o.default_partitions;
	if ((rc = broker_topic_name_check(name, err)) < 0)
		return rc;
	if (partitions < 1 || partitions > PARTITIONS_MAX)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "%d partitions are not 1..%d", partitions, PARTITIONS_MAX);
	t = topic_new(name, partitions, internal);
	if (t == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for a topic");
	uuid_make(t->id);
	rc = apply_settings(t, settings, n, err);
	if (rc == 0) {
		lock_acquire(&b->files);
		rc = create_locked(b, t, err);
		lock_release(&b->files);
	}
	if (rc < 0) {
		for (int32_t i = 0; i < t->npartitions; i++)
			if (t->parts[i] != NULL)
				partition_delete(t->parts[i]);
		topic_free(t);
	}
	return rc;
}

int
broker_topic_create(struct broker *b, const char *name, int32_t partitions,
    const struct broker_setting *settings, size_t nsettings,
    struct leat_err *err)
{
	OBJ_CHECK(b, BROKER_MAGIC);
	return create(b, name, partitions, strncmp(name, "__", 2) == 0 &&
	    (strcmp(name, offsets_topic) == 0 || strcmp(name, txn_topic) == 0),
	    settings, nsettings, err);
}

int
topic_ensure_internal(struct broker *b, const char *name, int32_t partitions,
    const struct broker_setting *settings, size_t n, struct leat_err *err)
{
	if (broker_topic_partitions(b, name) > 0)
		return 0;
	return create(b, name, partitions, true, settings, n, err);
}

/* Removes a partition's directory; what is left of it is found at a start. */
void
topic_remove_dir(struct broker *b, const char *dir)
{
	const struct fsio *fs = b->env.fs;
	struct dir_list files;
	char path[8192];

	if (dir_list_load(&files, dir, NULL) < 0)
		return;
	for (size_t i = 0; i < files.n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir,
		    files.entries[i].name);
		(void)fs->unlink(fs, path);
	}
	dir_list_fini(&files);
	(void)fs->rmdir(fs, dir);
}

static void
delete_files(struct broker *b, struct topic *t)
{
	const struct fsio *fs = b->env.fs;
	char to[4200], uuid[23];

	uuid_text(t->id, uuid);
	for (int32_t i = 0; i < t->npartitions; i++) {
		struct broker_partition *p = t->parts[i];

		partition_delete(p);
		snprintf(to, sizeof(to), "%s.%s-delete", p->dir, uuid);
		if (fs->rename(fs, p->dir, to) == 0)
			topic_remove_dir(b, to);
	}
	(void)fs->fsync_dir(fs, b->dir);
}

int
broker_topic_delete(struct broker *b, const char *name, struct leat_err *err)
{
	struct topic *t;
	int rc;

	OBJ_CHECK(b, BROKER_MAGIC);
	lock_acquire(&b->files);
	lock_acquire(&b->lock);
	t = topic_find_locked(b, name);
	lock_release(&b->lock);
	if (t == NULL)
		rc = topic_not_found(name, err);
	else if (t->internal)
		rc = leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "topic '%s' is the broker's own", name);
	else
		rc = catalogue_save(b, NULL, t, err);
	if (rc == 0) {
		lock_acquire(&b->lock);
		leat_map_remove(&b->topics, leat_str_c(name));
		b->version++;
		lock_release(&b->lock);
		delete_files(b, t);
		topic_free(t);
		groups_topic_deleted(b->groups, name);
	}
	lock_release(&b->files);
	return rc;
}

/* A copy of the topic with more partitions, sharing those it has. */
static struct topic *
grown(const struct broker *b, const struct topic *t, int32_t partitions)
{
	struct topic *g = topic_new(t->name, partitions, t->internal);

	if (g == NULL)
		return NULL;
	memcpy(g->id, t->id, 16);
	for (int i = 0; i < setting_count(); i++)
		if (t->settings[i] != NULL &&
		    (g->settings[i] = strdup(t->settings[i])) == NULL) {
			topic_free(g);
			return NULL;
		}
	for (int32_t i = 0; i < MIN(t->npartitions, partitions); i++) {
		partition_get(t->parts[i]);
		g->parts[i] = t->parts[i];
	}
	return g;
}

/* Puts g in the place of its older self; in memory this cannot fail. */
static void
replace(struct broker *b, struct topic *t, struct topic *g)
{
	lock_acquire(&b->lock);
	(void)leat_map_set(&b->topics, leat_str_c(g->name), g, NULL);
	b->version++;
	lock_release(&b->lock);
	topic_free(t);
}

static int
change(struct broker *b, const char *name, int32_t partitions,
    const struct broker_setting *settings, size_t n, struct leat_err *err)
{
	struct topic *t, *g = NULL;
	int rc;

	lock_acquire(&b->files);
	lock_acquire(&b->lock);
	t = topic_find_locked(b, name);
	lock_release(&b->lock);
	if (t == NULL) {
		rc = topic_not_found(name, err);
		goto done;
	}
	if (partitions < 0)
		partitions = t->npartitions;
	else if (partitions <= t->npartitions || partitions > PARTITIONS_MAX) {
		rc = leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "topic '%s' has %d partitions and cannot get %d", name,
		    t->npartitions, partitions);
		goto done;
	}
	if ((g = grown(b, t, partitions)) == NULL) {
		rc = leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for a topic");
		goto done;
	}
	if ((rc = apply_settings(g, settings, n, err)) < 0 ||
	    (rc = topic_open(b, g, err)) < 0 ||
	    (rc = catalogue_save(b, g, t, err)) < 0) {
		topic_configure(b, t);
		goto done;
	}
	replace(b, t, g);
	g = NULL;
done:
	topic_free(g);
	lock_release(&b->files);
	return rc;
}

int
broker_topic_grow(struct broker *b, const char *name, int32_t partitions,
    struct leat_err *err)
{
	OBJ_CHECK(b, BROKER_MAGIC);
	return change(b, name, MAX(partitions, 0), NULL, 0, err);
}

int
broker_topic_alter(struct broker *b, const char *name,
    const struct broker_setting *settings, size_t n, struct leat_err *err)
{
	OBJ_CHECK(b, BROKER_MAGIC);
	return change(b, name, -1, settings, n, err);
}
