/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topic_config.h: what has settings, and a topic's settings as Kafka's answers
 * show them.
 */
#ifndef LEAT_BROKER_KAFKA_TOPIC_CONFIG_H
#define LEAT_BROKER_KAFKA_TOPIC_CONFIG_H

#include "broker/kafka/kafka_request.h"

/* What settings belong to, by Kafka's numbers. */
enum config_resource { CONFIG_TOPIC = 2, CONFIG_BROKER = 4 };

/* Which broker does the name of a resource mean? */
enum config_target {
	CONFIG_OF_NOBODY,
	CONFIG_OF_BROKER,
	CONFIG_OF_ALL_BROKERS	/* "" */
};
enum config_target config_target(const struct kafka_request *rq,
    const char *name);

/* Where a value comes from, by Kafka's numbers. */
enum config_source {
	CONFIG_SOURCE_TOPIC = 1,
	CONFIG_SOURCE_STATIC_BROKER = 4,
	CONFIG_SOURCE_DEFAULT = 5
};

/*
 * The values set for the topic itself, by the number of the setting; NULL where
 * there is none. In the request's arena. NULL with err filled.
 */
const char **topic_config_own(struct kafka_request *rq, const char *topic,
    struct leat_err *err);
/* An array of that kind with nothing set; NULL: no memory. */
const char **topic_config_none(struct kafka_request *rq);

/* What setting i comes to, and from where. */
const char *topic_config_value(const struct kafka_request *rq,
    const char *const *own, int i);
enum config_source topic_config_source(const struct kafka_request *rq,
    const char *const *own, int i);

#endif
