/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topic_adopt.c: a data directory without a catalogue (Kafka's, or ours after
 * its catalogue was lost): the directories that are there become topics. Their
 * settings come from Kafka's metadata log where there is one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <leat/str.h>

#include "broker/broker_int.h"
#include "broker/coord/txns_int.h"
#include "broker/log/dir_list.h"
#include "core/base/obj.h"

enum { PRODUCER_ID_BLOCK = 1000 };	/* Kafka gives them out so */

/* Has the directory a segment? A log of before topic ids has no metadata. */
static bool
has_log(const char *dir)
{
	struct dir_list files;
	bool found = false;

	if (dir_list_load(&files, dir, NULL) < 0)
		return false;
	for (size_t i = 0; i < files.n && !found; i++)
		found = leat_str_ends(leat_str_c(files.entries[i].name),
		    ".log");
	dir_list_fini(&files);
	return found;
}

/* The topic's id: 0, or negative when this is no partition's directory. */
static int
id_of(struct broker *b, const char *dir, uint8_t id[16])
{
	struct leat_err err = LEAT_ERR_INIT;
	int rc = meta_partition_load(b, dir, id, &err);

	if (rc == 0 || (rc == -ENOENT && !has_log(dir)))
		return rc;
	if (rc != -ENOENT) {
		log_warn_err(&b->env.lg, "directory not adopted", &err);
		return rc;
	}
	uuid_make(id);
	return meta_partition_save(b, dir, id, NULL);
}

/* Adds one directory "<topic>-<n>". */
static int
adopt(struct broker *b, const char *name, struct leat_err *err)
{
	const char *dash = strrchr(name, '-');
	char topic[TOPIC_NAME_MAX_LEN + 1], dir[4200];
	struct topic *t, *g;
	uint8_t id[16];
	int64_t n;

	if (dash == NULL || (size_t)(dash - name) >= sizeof(topic) ||
	    leat_parse_i64(leat_str_c(dash + 1), 0, PARTITIONS_MAX - 1,
	    &n) < 0)
		return 0;
	memcpy(topic, name, (size_t)(dash - name));
	topic[dash - name] = '\0';
	snprintf(dir, sizeof(dir), "%s/%s", b->dir, name);
	t = leat_map_get_c(&b->topics, topic);
	if (strcmp(name, KRAFT_LOG_DIR) == 0 ||
	    broker_topic_name_check(topic, NULL) < 0)
		return 0;
	if (t != NULL && meta_partition_load(b, dir, id, NULL) == -ENOENT)
		(void)meta_partition_save(b, dir, t->id, NULL);
	if ((t != NULL && n < t->npartitions) || id_of(b, dir, id) < 0)
		return 0;
	g = topic_new(topic, (int32_t)n + 1,
	    strcmp(topic, offsets_topic) == 0 ||
	    strcmp(topic, txn_topic) == 0);
	if (g == NULL ||
	    leat_map_set(&b->topics, leat_str_c(topic), g, NULL) < 0) {
		topic_free(g);
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for a topic");
	}
	memcpy(g->id, t != NULL ? t->id : id, 16);
	if (g->internal)
		g->settings[setting_find("cleanup.policy")] =
		    strdup("compact");
	topic_free(t);
	return 0;
}

/* Without better knowledge: what Kafka has compacted is to stay so. */
static int
guess_compacted(struct broker *b, struct leat_err *err)
{
	const struct leat_map_entry *e;
	int i = setting_find("cleanup.policy");
	size_t it = 0;

	while ((e = leat_map_next(&b->topics, &it)) != NULL) {
		struct topic *t = e->value;
		bool cleaned = false;

		for (int32_t k = 0; k < t->npartitions && !cleaned; k++)
			cleaned = checkpoint_get(&b->cleaned, t->name, k,
			    -1) >= 0;
		if (!cleaned || t->settings[i] != NULL)
			continue;
		if ((t->settings[i] = strdup("compact")) == NULL)
			return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
			    "out of memory for a setting");
		log_notice(&b->env.lg, "topic was compacted and stays so",
		    "topic=%s", t->name);
	}
	return 0;
}

int
topics_adopt(struct broker *b, struct leat_err *err)
{
	struct dir_list list;
	int64_t next_id = 0;
	int rc = dir_list_load(&list, b->dir, err);

	for (size_t i = 0; rc == 0 && i < list.n; i++)
		if (list.entries[i].is_dir)
			rc = adopt(b, list.entries[i].name, err);
	dir_list_fini(&list);
	if (rc < 0)
		return rc;
	rc = kraft_log_read(b, &next_id, err);
	if (rc == LEAT_E_NOTFOUND)
		return guess_compacted(b, err);
	if (rc == LEAT_E_CORRUPT) {	/* an end cut off by a crash */
		log_warn_err(&b->env.lg, "topics' settings are not complete",
		    err);
		leat_err_clear(err);
		rc = guess_compacted(b, err);
	}
	return rc < 0 ? rc : producer_ids_raise(b, next_id, err);
}

int
topics_adopted(struct broker *b, struct leat_err *err)
{
	struct broker_partition **list;
	int64_t largest = -1;
	size_t n;

	if ((list = topics_partitions(b, &n)) == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for partitions");
	for (size_t i = 0; i < n; i++) {
		lock_acquire(&list[i]->lock);
		largest = MAX(largest,
		    producers_largest_id(&list[i]->producers));
		lock_release(&list[i]->lock);
	}
	partitions_put(list, n);
	return largest < 0 ? 0 : producer_ids_raise(b,
	    (largest / PRODUCER_ID_BLOCK + 1) * PRODUCER_ID_BLOCK, err);
}
