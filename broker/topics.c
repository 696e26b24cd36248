/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topics.c: a topic in memory: made, configured, its partitions opened.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <leat/str.h>

#include "broker/broker_int.h"
#include "broker/log/dir_list.h"
#include "core/base/obj.h"

static bool
is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

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
		if (!is_name_char(name[i]))
			why = "only letters, digits, '.', '_' and '-' may "
			    "stand in it";
	if (why == NULL)
		return 0;
	return leat_err_set(err, LEAT_CLS_CONFIG, BROKER_E_TOPIC_NAME,
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
topic_effective(const struct broker *b, const struct topic *t,
    struct topic_config *ret_config)
{
	topic_config_init(ret_config);
	for (int i = 0; i < setting_count(); i++) {
		const char *v = t->settings[i] != NULL ? t->settings[i] :
		    b->defaults[i];

		if (v != NULL)
			topic_config_apply(ret_config, i, v);
	}
}

void
topic_configure(const struct broker *b, struct topic *t)
{
	topic_effective(b, t, &t->config);
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
