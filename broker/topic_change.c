/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topic_change.c: what creating, changing and deleting a topic takes, up to the
 * commit (topic_commit.c).
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
check_total(const struct topic_changes *c, int32_t more, struct leat_err *err)
{
	if (c->partitions + more <= c->b->o.max_partitions)
		return 0;
	return leat_err_set(err, LEAT_CLS_CONFIG, BROKER_E_POLICY,
	    "%d more partitions beside the %lld there are would be more than "
	    "the broker takes (broker.max.partitions=%d)", more,
	    (long long)c->partitions, c->b->o.max_partitions);
}

/*
 * Names that are the same but for '.' and '_' would share their metrics: they
 * are compared in this form.
 */
static struct leat_str
fold(const char *name, char to[TOPIC_NAME_MAX_LEN + 1])
{
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++)
		to[i] = name[i] == '.' ? '_' : name[i];
	return (struct leat_str){ to, n };
}

static int
fold_add(struct topic_changes *c, const char *name)
{
	char text[TOPIC_NAME_MAX_LEN + 1];

	return leat_map_set(&c->folded, fold(name, text),
	    (void *)(uintptr_t)name, NULL);
}

/* The names that there are, so that many new ones are compared at once. */
static int
fold_all_locked(struct topic_changes *c)
{
	const struct leat_map_entry *e;
	size_t it = 0;
	int rc = 0;

	while (rc == 0 && c->folded.len < c->b->topics.len &&
	    (e = leat_map_next(&c->b->topics, &it)) != NULL)
		rc = fold_add(c, ((const struct topic *)e->value)->name);
	return rc;
}

static int
may_create(struct topic_changes *c, const char *name, struct leat_err *err)
{
	char text[TOPIC_NAME_MAX_LEN + 1];
	const char *other;
	int rc;

	lock_acquire(&c->b->lock);
	rc = fold_all_locked(c);
	lock_release(&c->b->lock);
	if (rc < 0)
		return leat_err_set(err, LEAT_CLS_RETRY, rc,
		    "out of memory for a topic");
	other = leat_map_get(&c->folded, fold(name, text));
	if (other == NULL)
		return 0;
	if (strcmp(other, name) == 0)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_EXISTS,
		    "topic '%s' exists", name);
	return leat_err_set(err, LEAT_CLS_CONFIG, BROKER_E_TOPIC_NAME,
	    "topic name '%s' collides with '%s'", name, other);
}

/* The files of a topic's new partitions, and its place in the commit. */
static int
prepare(struct topic_changes *c, struct topic *old, struct topic *new,
    struct leat_err *err)
{
	int rc;

	if ((rc = topic_open(c->b, new, err)) < 0 ||
	    (rc = topics_add_swap(c, old, new, err)) < 0) {
		topic_undo(c->b, old, new);
		if (old != NULL)
			topic_configure(c->b, old);
	}
	return rc;
}

static int
create(struct topic_changes *c, const struct topic_wish *w, bool internal,
    struct leat_err *err)
{
	struct broker *b = c->b;
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
	if ((rc = may_create(c, w->name, err)) == 0 &&
	    (rc = check_total(c, partitions, err)) == 0 &&
	    (rc = apply_settings(b, t, w->settings, w->nsettings, err)) == 0 &&
	    !w->check_only)
		rc = prepare(c, NULL, t, err);
	/* Without memory for it a twin of the same request is not noticed. */
	if (rc == 0 && !w->check_only)
		(void)fold_add(c, t->name);
	if (rc < 0 || w->check_only)
		topic_free(t);
	return rc;
}

int
topics_create(struct topic_changes *c, const struct topic_wish *w,
    struct leat_err *err)
{
	return create(c, w, strcmp(w->name, offsets_topic) == 0 ||
	    strcmp(w->name, txn_topic) == 0, err);
}

/* A commit of one change: `rc` is what its preparation came to. */
static int
commit_one(struct topic_changes *c, int rc, struct leat_err *err)
{
	int committed = topics_commit(c, rc < 0 ? NULL : err);

	return rc < 0 ? rc : committed;
}

int
broker_topics_create(struct broker *b, const char *const *names, size_t n,
    int32_t partitions, const struct broker_setting *settings,
    size_t nsettings, struct leat_err *err)
{
	struct topic_changes c;
	int rc = 0;

	OBJ_CHECK(b, BROKER_MAGIC);
	topics_begin(&c, b);
	for (size_t i = 0; i < n && rc == 0; i++) {
		const struct topic_wish w = { .name = names[i],
			.partitions = partitions,
			.settings = settings,
			.nsettings = nsettings };

		rc = topics_create(&c, &w, err);
		if (rc == LEAT_E_EXISTS) {
			leat_err_clear(err);
			rc = 0;
		} else if (rc < 0) {
			leat_err_wrap(err, "create topic '%s'", names[i]);
		}
	}
	return commit_one(&c, rc, err);
}

int
broker_topic_create(struct broker *b, const char *name, int32_t partitions,
    const struct broker_setting *settings, size_t nsettings,
    struct leat_err *err)
{
	const struct topic_wish w = { .name = name, .partitions = partitions,
		.settings = settings, .nsettings = nsettings };

	struct topic_changes c;

	OBJ_CHECK(b, BROKER_MAGIC);
	topics_begin(&c, b);
	return commit_one(&c, topics_create(&c, &w, err), err);
}

int
topic_ensure_internal(struct broker *b, const char *name, int32_t partitions,
    const struct broker_setting *settings, size_t n, struct leat_err *err)
{
	const struct topic_wish w = { .name = name, .partitions = partitions,
		.settings = settings, .nsettings = n };
	struct topic_changes c;

	if (broker_topic_partitions(b, name) > 0)
		return 0;
	topics_begin(&c, b);
	return commit_one(&c, create(&c, &w, true, err), err);
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

/* A topic that this commit has not changed yet. */
static int
find(const struct topic_changes *c, const char *name, struct topic **ret,
    struct leat_err *err)
{
	struct topic *t;

	lock_acquire(&c->b->lock);
	t = topic_find_locked(c->b, name);
	lock_release(&c->b->lock);
	if (t == NULL)
		return topic_not_found(name, err);
	if (t->leaving)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_STATE,
		    "topic '%s' is changed twice at once", name);
	*ret = t;
	return 0;
}

int
topics_delete(struct topic_changes *c, const char *name, struct leat_err *err)
{
	struct topic *t;
	int rc = find(c, name, &t, err);

	if (rc < 0)
		return rc;
	if (t->internal)
		return leat_err_set(err, LEAT_CLS_CONFIG, BROKER_E_TOPIC_NAME,
		    "topic '%s' is the broker's own", name);
	if (leat_map_get_c(&c->b->kept, name) != NULL)
		return leat_err_set(err, LEAT_CLS_CONFIG, BROKER_E_POLICY,
		    "topic '%s' is in use by the worker itself", name);
	return topics_add_swap(c, t, NULL, err);
}

int
broker_topic_delete(struct broker *b, const char *name, struct leat_err *err)
{
	struct topic_changes c;

	OBJ_CHECK(b, BROKER_MAGIC);
	topics_begin(&c, b);
	return commit_one(&c, topics_delete(&c, name, err), err);
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

static int
check_growth(const struct topic_changes *c, const struct topic *t, int32_t to,
    struct leat_err *err)
{
	if (t->internal)	/* the number says where a group is */
		return leat_err_set(err, LEAT_CLS_CONFIG, BROKER_E_TOPIC_NAME,
		    "topic '%s' is the broker's own", t->name);
	if (to <= t->npartitions || to > PARTITIONS_MAX)
		return leat_err_set(err, LEAT_CLS_CONFIG, BROKER_E_PARTITIONS,
		    "topic '%s' has %d partitions and cannot get %d", t->name,
		    t->npartitions, to);
	return check_total(c, to - t->npartitions, err);
}

int
topics_change(struct topic_changes *c, const struct topic_wish *w,
    struct leat_err *err)
{
	struct topic *t, *g;
	int32_t partitions;
	int rc = find(c, w->name, &t, err);

	if (rc < 0)
		return rc;
	partitions = w->partitions < 0 ? t->npartitions : w->partitions;
	if (w->partitions >= 0 &&
	    (rc = check_growth(c, t, partitions, err)) < 0)
		return rc;
	if ((g = grown(c->b, t, partitions)) == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for a topic");
	rc = apply_settings(c->b, g, w->settings, w->nsettings, err);
	if (rc == 0 && !w->check_only)
		rc = prepare(c, t, g, err);
	if (rc < 0 || w->check_only)
		topic_free(g);
	return rc;
}

static int
change(struct broker *b, const struct topic_wish *w, struct leat_err *err)
{
	struct topic_changes c;

	OBJ_CHECK(b, BROKER_MAGIC);
	topics_begin(&c, b);
	return commit_one(&c, topics_change(&c, w, err), err);
}

int
broker_topic_grow(struct broker *b, const char *name, int32_t partitions,
    struct leat_err *err)
{
	const struct topic_wish w = { .name = name,
		.partitions = MAX(partitions, 0) };

	return change(b, &w, err);
}

int
broker_topic_alter(struct broker *b, const char *name,
    const struct broker_setting *settings, size_t n, struct leat_err *err)
{
	const struct topic_wish w = { .name = name, .partitions = -1,
		.settings = settings, .nsettings = n };

	return change(b, &w, err);
}
