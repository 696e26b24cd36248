/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topic_change.c: creating, changing and deleting topics.
 *
 * `files` is held over the whole of a change, `lock` only to look into or swap
 * the table; so a slow sync of one topic's birth keeps no reader waiting.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <leat/str.h>

#include "broker/broker_int.h"
#include "broker/coord/groups.h"
#include "core/base/obj.h"

/* Checks all settings, then applies them. NULL values go back. */
static int
apply_settings(const struct broker *b, struct topic *t,
    const struct broker_setting *settings, size_t n, struct leat_err *err)
{
	struct topic_config config;

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
	topic_effective(b, t, &config);
	return n == 0 ? 0 : topic_config_check(&config, err);
}

/* Would so many more partitions be too many for the whole broker? */
static int
check_total(struct broker *b, int32_t more, struct leat_err *err)
{
	const struct leat_map_entry *e;
	int64_t total = 0;
	size_t it = 0;

	lock_acquire(&b->lock);
	while ((e = leat_map_next(&b->topics, &it)) != NULL)
		total += ((const struct topic *)e->value)->npartitions;
	lock_release(&b->lock);
	if (total + more <= b->o.max_partitions)
		return 0;
	return leat_err_set(err, LEAT_CLS_CONFIG, BROKER_E_POLICY,
	    "%d more partitions beside the %lld there are would be more than "
	    "the broker takes (broker.max.partitions=%d)", more,
	    (long long)total, b->o.max_partitions);
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
		rc = leat_err_set(err, LEAT_CLS_CONFIG, BROKER_E_TOPIC_NAME,
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
	if ((rc = topic_open(b, t, err)) < 0)
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

/* Takes back what of a topic's files there is already. */
static void
undo_create(struct broker *b, struct topic *t)
{
	for (int32_t i = 0; i < t->npartitions; i++) {
		if (t->parts[i] == NULL)
			continue;
		partition_delete(t->parts[i]);
		topic_remove_dir(b, t->parts[i]->dir);
	}
}

static int
create(struct broker *b, const struct topic_wish *w, bool internal,
    struct leat_err *err)
{
	int32_t partitions = w->partitions < 0 ? b->o.default_partitions :
	    w->partitions;
	struct topic *t;
	int rc;

	if ((rc = broker_topic_name_check(w->name, err)) < 0)
		return rc;
	if (partitions < 1 || partitions > PARTITIONS_MAX)
		return leat_err_set(err, LEAT_CLS_CONFIG, BROKER_E_PARTITIONS,
		    "%d partitions are not 1..%d", partitions, PARTITIONS_MAX);
	t = topic_new(w->name, partitions, internal);
	if (t == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for a topic");
	uuid_make(t->id);
	lock_acquire(&b->files);
	if ((rc = may_create(b, w->name, err)) == 0 &&
	    (rc = check_total(b, partitions, err)) == 0 &&
	    (rc = apply_settings(b, t, w->settings, w->nsettings, err)) == 0 &&
	    !w->check_only) {
		rc = create_locked(b, t, err);
		if (rc < 0)
			undo_create(b, t);
	}
	lock_release(&b->files);
	if (rc < 0 || w->check_only)
		topic_free(t);
	return rc;
}

int
topics_create(struct broker *b, const struct topic_wish *w,
    struct leat_err *err)
{
	return create(b, w, strcmp(w->name, offsets_topic) == 0 ||
	    strcmp(w->name, txn_topic) == 0, err);
}

int
broker_topic_create(struct broker *b, const char *name, int32_t partitions,
    const struct broker_setting *settings, size_t nsettings,
    struct leat_err *err)
{
	const struct topic_wish w = { .name = name, .partitions = partitions,
		.settings = settings, .nsettings = nsettings };

	OBJ_CHECK(b, BROKER_MAGIC);
	return topics_create(b, &w, err);
}

int
topic_ensure_internal(struct broker *b, const char *name, int32_t partitions,
    const struct broker_setting *settings, size_t n, struct leat_err *err)
{
	const struct topic_wish w = { .name = name, .partitions = partitions,
		.settings = settings, .nsettings = n };

	if (broker_topic_partitions(b, name) > 0)
		return 0;
	return create(b, &w, true, err);
}

/* ------------------------------------------------------------- deleting */

int
broker_topic_protect(struct broker *b, const char *name)
{
	int rc;

	OBJ_CHECK(b, BROKER_MAGIC);
	lock_acquire(&b->files);
	rc = leat_map_set(&b->kept, leat_str_c(name), b, NULL);
	lock_release(&b->files);
	return rc;
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
		rc = leat_err_set(err, LEAT_CLS_CONFIG, BROKER_E_TOPIC_NAME,
		    "topic '%s' is the broker's own", name);
	else if (leat_map_get_c(&b->kept, name) != NULL)
		rc = leat_err_set(err, LEAT_CLS_CONFIG, BROKER_E_POLICY,
		    "topic '%s' is in use by the worker itself", name);
	else
		rc = catalogue_save(b, NULL, t, err);
	if (rc == 0) {
		lock_acquire(&b->lock);
		leat_map_remove(&b->topics, leat_str_c(name));
		b->version++;
		lock_release(&b->lock);
		delete_files(b, t);
		topic_free(t);
		/* Before the name may be taken again. */
		groups_topic_deleted(b->groups, name);
	}
	lock_release(&b->files);
	return rc;
}

/* ------------------------------------------------- growing, altering */

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
check_growth(struct broker *b, const struct topic *t, int32_t to,
    struct leat_err *err)
{
	if (t->internal)	/* the number says where a group is */
		return leat_err_set(err, LEAT_CLS_CONFIG, BROKER_E_TOPIC_NAME,
		    "topic '%s' is the broker's own", t->name);
	if (to <= t->npartitions || to > PARTITIONS_MAX)
		return leat_err_set(err, LEAT_CLS_CONFIG, BROKER_E_PARTITIONS,
		    "topic '%s' has %d partitions and cannot get %d", t->name,
		    t->npartitions, to);
	return check_total(b, to - t->npartitions, err);
}

/* Takes back partitions that g has and t has not. */
static void
undo_growth(struct broker *b, const struct topic *t, struct topic *g)
{
	for (int32_t i = t->npartitions; i < g->npartitions; i++) {
		if (g->parts[i] == NULL)
			continue;
		partition_delete(g->parts[i]);
		topic_remove_dir(b, g->parts[i]->dir);
	}
}

int
topics_change(struct broker *b, const struct topic_wish *w,
    struct leat_err *err)
{
	int32_t partitions = w->partitions;
	struct topic *t, *g = NULL;
	int rc = 0;

	lock_acquire(&b->files);
	lock_acquire(&b->lock);
	t = topic_find_locked(b, w->name);
	lock_release(&b->lock);
	if (t == NULL)
		rc = topic_not_found(w->name, err);
	else if (partitions < 0)
		partitions = t->npartitions;
	else
		rc = check_growth(b, t, partitions, err);
	if (rc < 0)
		goto done;
	if ((g = grown(b, t, partitions)) == NULL) {
		rc = leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for a topic");
		goto done;
	}
	rc = apply_settings(b, g, w->settings, w->nsettings, err);
	if (rc < 0 || w->check_only)
		goto done;
	if ((rc = topic_open(b, g, err)) < 0 ||
	    (rc = catalogue_save(b, g, t, err)) < 0) {
		undo_growth(b, t, g);
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
	const struct topic_wish w = { .name = name,
		.partitions = MAX(partitions, 0) };

	OBJ_CHECK(b, BROKER_MAGIC);
	return topics_change(b, &w, err);
}

int
broker_topic_alter(struct broker *b, const char *name,
    const struct broker_setting *settings, size_t n, struct leat_err *err)
{
	const struct topic_wish w = { .name = name, .partitions = -1,
		.settings = settings, .nsettings = n };

	OBJ_CHECK(b, BROKER_MAGIC);
	return topics_change(b, &w, err);
}
