/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topic_offsets.c: what groups have committed for a topic goes with the topic,
 * lest a new one of its name be read from the middle.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/broker_int.h"

struct found {
	char *group;
	int32_t partition;
};

struct search {
	const char *topic;
	struct found *list;
	size_t n, cap;
};

static int
keep(void *arg, const char *group, const struct broker_group_offset *o)
{
	struct search *s = arg;
	struct found *grown;

	if (strcmp(o->topic, s->topic) != 0)
		return 0;
	if (s->n == s->cap) {
		s->cap = s->cap == 0 ? 64 : s->cap * 2;
		grown = realloc(s->list, s->cap * sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		s->list = grown;
	}
	if ((s->list[s->n].group = strdup(group)) == NULL)
		return -ENOMEM;
	s->list[s->n++].partition = o->partition;
	return 0;
}

void
topic_offsets_forget(struct broker *b, const char *topic)
{
	struct search s = { .topic = topic };
	struct leat_err err = LEAT_ERR_INIT;
	int rc = broker_group_each(b, NULL, keep, &s);

	if (rc < 0)
		leat_err_set(&err, LEAT_CLS_RETRY, rc,
		    "list committed offsets");
	for (size_t i = 0; i < s.n; i++) {
		struct broker_group_offset o = { .topic = topic,
			.partition = s.list[i].partition, .leader_epoch = -1,
			.offset = BROKER_OFFSET_FORGET, .metadata = "" };

		if (rc == 0)
			rc = broker_group_commit(b, s.list[i].group, &o, 1,
			    &err);
		free(s.list[i].group);
	}
	free(s.list);
	if (rc < 0)
		log_warn_err(&b->env.lg, "offsets of a deleted topic stay",
		    &err);
}
