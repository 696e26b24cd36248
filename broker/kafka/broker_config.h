/* SPDX-License-Identifier: Apache-2.0 */
/*
 * broker_config.h: the settings of the broker itself, under the names that
 * Kafka gives them. They come from the worker's configuration and are only
 * shown here.
 */
#ifndef LEAT_BROKER_KAFKA_BROKER_CONFIG_H
#define LEAT_BROKER_KAFKA_BROKER_CONFIG_H

#include "broker/kafka/kafka_request.h"
#include "broker/topic_settings.h"

/* How many there are; they are numbered from 0, in the order of their names. */
int broker_config_count(void);
const char *broker_config_name(int i);
enum setting_type broker_config_type(int i);
const char *broker_config_doc(int i);
/* In the request's arena; NULL: not set. Is it what it is if nothing is set? */
const char *broker_config_value(struct kafka_request *rq, int i,
    bool *ret_default);

#endif
