/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topic_config.c: a topic's settings as Kafka's answers show them.
 */
#include "broker/kafka/topic_config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "broker/broker_int.h"
#include "broker/kafka/kafka_server.h"

enum config_target
config_target(const struct kafka_request *rq, const char *name)
{
	char id[16];

	snprintf(id, sizeof(id), "%d", rq->server->o.node_id);
	if (strcmp(name, id) == 0)
		return CONFIG_OF_BROKER;
	return name[0] == '\0' ? CONFIG_OF_ALL_BROKERS : CONFIG_OF_NOBODY;
}

const char **
topic_config_none(struct kafka_request *rq)
{
	return leat_arena_calloc(&rq->arena, (size_t)setting_count(),
	    sizeof(const char *));
}

const char **
topic_config_own(struct kafka_request *rq, const char *topic,
    struct leat_err *err)
{
	struct broker *b = rq->broker;
	const char **own = topic_config_none(rq);
	const struct topic *t;
	bool failed = own == NULL;

	lock_acquire(&b->lock);
	t = topic_find_locked(b, topic);
	for (int i = 0; t != NULL && !failed && i < setting_count(); i++)
		if (t->settings[i] != NULL) {
			own[i] = leat_arena_strdup(&rq->arena, t->settings[i]);
			failed = own[i] == NULL;
		}
	lock_release(&b->lock);
	if (t == NULL)
		(void)topic_not_found(topic, err);
	else if (failed)
		leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for the settings of a topic");
	return t == NULL || failed ? NULL : own;
}

const char *
topic_config_value(const struct kafka_request *rq, const char *const *own,
    int i)
{
	if (own[i] != NULL)
		return own[i];
	return rq->broker->defaults[i] != NULL ? rq->broker->defaults[i] :
	    setting_default(i);
}

enum config_source
topic_config_source(const struct kafka_request *rq, const char *const *own,
    int i)
{
	if (own[i] != NULL)
		return CONFIG_SOURCE_TOPIC;
	return rq->broker->defaults[i] != NULL ? CONFIG_SOURCE_STATIC_BROKER :
	    CONFIG_SOURCE_DEFAULT;
}
