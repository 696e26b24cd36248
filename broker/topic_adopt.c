/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topic_adopt.c: a data directory without a catalogue (Kafka's, or ours after
 * its catalogue was lost): the directories that are there become topics.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <leat/str.h>

#include "broker/broker_int.h"
#include "broker/log/dir_list.h"
#include "core/base/obj.h"

/* Adds one directory "<topic>-<n>" with a partition.metadata. */
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
	if (broker_topic_name_check(topic, NULL) < 0 ||
	    meta_partition_load(b, dir, id, NULL) < 0)
		return 0;
	t = leat_map_get_c(&b->topics, topic);
	if (t != NULL && n < t->npartitions)
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

int
topics_adopt(struct broker *b, struct leat_err *err)
{
	struct dir_list list;
	int rc = dir_list_load(&list, b->dir, err);

	for (size_t i = 0; rc == 0 && i < list.n; i++)
		if (list.entries[i].is_dir)
			rc = adopt(b, list.entries[i].name, err);
	dir_list_fini(&list);
	return rc;
}
