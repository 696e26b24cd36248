/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topic_find.c: looking topics and partitions up.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/broker_int.h"
#include "core/base/obj.h"

struct topic *
topic_find_locked(const struct broker *b, const char *name)
{
	lock_assert_held(&b->lock);
	return leat_map_get_c(&b->topics, name);
}

int
topic_not_found(const char *name, struct leat_err *err)
{
	return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_NOTFOUND,
	    "there is no topic '%s'", name);
}

static int
topic_by_name(const void *a, const void *b)
{
	return strcmp((*(const struct broker_topic_info *const *)a)->name,
	    (*(const struct broker_topic_info *const *)b)->name);
}

/* A copy of what the walk shows, so that fn runs without the lock. */
static struct broker_topic_info **
infos(struct broker *b, size_t *ret_n)
{
	const struct leat_map_entry *e;
	struct broker_topic_info **list;
	size_t it = 0, n = 0;

	lock_acquire(&b->lock);
	list = calloc(b->topics.len + 1, sizeof(*list));
	while (list != NULL && (e = leat_map_next(&b->topics, &it)) != NULL) {
		const struct topic *t = e->value;
		struct broker_topic_info *i = calloc(1, sizeof(*i) +
		    strlen(t->name) + 1);

		if (i == NULL)
			break;
		memcpy(i + 1, t->name, strlen(t->name) + 1);
		i->name = (char *)(i + 1);
		memcpy(i->id, t->id, 16);
		i->partitions = t->npartitions;
		i->internal = t->internal;
		list[n++] = i;
	}
	lock_release(&b->lock);
	*ret_n = n;
	return list;
}

int
broker_topic_each(struct broker *b,
    int (*fn)(void *arg, const struct broker_topic_info *info), void *arg)
{
	struct broker_topic_info **list;
	size_t n;
	int rc = 0;

	OBJ_CHECK(b, BROKER_MAGIC);
	if ((list = infos(b, &n)) == NULL)
		return -ENOMEM;
	if (n > 1)
		qsort(list, n, sizeof(*list), topic_by_name);
	for (size_t i = 0; i < n; i++) {
		if (rc >= 0)
			rc = fn(arg, list[i]);
		free(list[i]);
	}
	free(list);
	return rc < 0 ? rc : 0;
}

int32_t
broker_default_partitions(const struct broker *b)
{
	return b->o.default_partitions;
}

int32_t
broker_topic_partitions(struct broker *b, const char *name)
{
	const struct topic *t;
	int32_t n;

	OBJ_CHECK(b, BROKER_MAGIC);
	lock_acquire(&b->lock);
	t = topic_find_locked(b, name);
	n = t == NULL ? LEAT_E_NOTFOUND : t->npartitions;
	lock_release(&b->lock);
	return n;
}

int
broker_topic_settings(struct broker *b, const char *name,
    void (*fn)(void *arg, const char *name, const char *value, bool def),
    void *arg, struct leat_err *err)
{
	const struct topic *t;

	OBJ_CHECK(b, BROKER_MAGIC);
	lock_acquire(&b->files);	/* the topic stays as it is */
	lock_acquire(&b->lock);
	t = topic_find_locked(b, name);
	lock_release(&b->lock);
	for (int i = 0; t != NULL && i < setting_count(); i++) {
		const char *v = t->settings[i];

		fn(arg, setting_name(i), v != NULL ? v : b->defaults[i] != NULL
		    ? b->defaults[i] : setting_default(i), v == NULL);
	}
	lock_release(&b->files);
	return t == NULL ? topic_not_found(name, err) : 0;
}

uint64_t
broker_topics_version(struct broker *b)
{
	uint64_t v;

	OBJ_CHECK(b, BROKER_MAGIC);
	lock_acquire(&b->lock);
	v = b->version;
	lock_release(&b->lock);
	return v;
}

static int
find_partition(struct broker *b, const char *topic, int32_t partition,
    struct broker_partition **ret, struct leat_err *err)
{
	const struct topic *t;
	int rc = 0;

	lock_acquire(&b->lock);
	t = topic_find_locked(b, topic);
	if (t == NULL) {
		rc = topic_not_found(topic, err);
	} else if (partition < 0 || partition >= t->npartitions) {
		rc = leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_NOTFOUND,
		    "topic '%s' has no partition %d", topic, partition);
		rc = 1;
	} else {
		partition_get(t->parts[partition]);
		*ret = t->parts[partition];
	}
	lock_release(&b->lock);
	return rc;
}

struct broker_partition *
topics_find(struct broker *b, const char *topic, int32_t partition)
{
	struct broker_partition *p = NULL;

	(void)find_partition(b, topic, partition, &p, NULL);
	return p;
}

struct broker_partition *
broker_partition_get(struct broker *b, const char *topic, int32_t partition,
    struct leat_err *err)
{
	struct broker_partition *p = NULL;
	int rc;

	OBJ_CHECK(b, BROKER_MAGIC);
	rc = find_partition(b, topic, partition, &p, err);
	if (rc != LEAT_E_NOTFOUND || !b->o.auto_create)
		return p;
	rc = broker_topic_create(b, topic, -1, NULL, 0, err);
	if (rc < 0 && rc != LEAT_E_EXISTS)
		return NULL;
	(void)find_partition(b, topic, partition, &p, err);
	return p;
}

struct broker_partition **
topics_partitions(struct broker *b, size_t *ret_n)
{
	const struct leat_map_entry *e;
	struct broker_partition **list;
	size_t it = 0, n = 0;

	lock_acquire(&b->lock);
	while ((e = leat_map_next(&b->topics, &it)) != NULL)
		n += (size_t)((const struct topic *)e->value)->npartitions;
	list = calloc(n + 1, sizeof(*list));
	n = it = 0;
	while (list != NULL && (e = leat_map_next(&b->topics, &it)) != NULL) {
		const struct topic *t = e->value;

		for (int32_t i = 0; i < t->npartitions; i++) {
			if (t->parts[i] == NULL)
				continue;
			partition_get(t->parts[i]);
			list[n++] = t->parts[i];
		}
	}
	lock_release(&b->lock);
	*ret_n = n;
	return list;
}

void
partitions_put(struct broker_partition **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		broker_partition_put(list[i]);
	free(list);
}

static void
fill_info(const struct topic *t, struct broker_topic_info *i)
{
	memcpy(i->id, t->id, sizeof(i->id));
	i->partitions = t->npartitions;
	i->internal = t->internal;
}

int
topics_info(struct broker *b, const char *name,
    struct broker_topic_info *ret_info)
{
	const struct topic *t;

	lock_acquire(&b->lock);
	t = topic_find_locked(b, name);
	if (t != NULL)
		fill_info(t, ret_info);
	lock_release(&b->lock);
	ret_info->name = name;
	return t == NULL ? LEAT_E_NOTFOUND : 0;
}

static struct leat_str
id_key(const uint8_t id[16])
{
	return (struct leat_str){ (const char *)id, 16 };
}

/* The table by ids, which is made anew after each change of topics. */
static int
index_ids_locked(struct broker *b)
{
	const struct leat_map_entry *e;
	size_t it = 0;

	if (b->ids_made && b->ids_version == b->version)
		return 0;
	leat_map_fini(&b->ids);
	leat_map_init(&b->ids);
	b->ids_made = false;
	while ((e = leat_map_next(&b->topics, &it)) != NULL) {
		struct topic *t = e->value;

		if (leat_map_set(&b->ids, id_key(t->id), t, NULL) < 0)
			return -ENOMEM;
	}
	b->ids_made = true;
	b->ids_version = b->version;
	return 0;
}

int
topics_name(struct broker *b, const uint8_t id[16],
    char ret_name[TOPIC_NAME_MAX_LEN + 1])
{
	const struct topic *t = NULL;

	lock_acquire(&b->lock);
	if (index_ids_locked(b) == 0)
		t = leat_map_get(&b->ids, id_key(id));
	if (t != NULL)
		memcpy(ret_name, t->name, strlen(t->name) + 1);
	lock_release(&b->lock);
	return t == NULL ? LEAT_E_NOTFOUND : 0;
}
