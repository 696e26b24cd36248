/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acl.h: may the sender of a request do this? Kafka's operations and resources,
 * by Kafka's numbers.
 */
#ifndef LEAT_BROKER_KAFKA_ACL_H
#define LEAT_BROKER_KAFKA_ACL_H

#include "broker/kafka/request.h"

enum acl_operation {
	ACL_READ = 3,
	ACL_WRITE = 4,
	ACL_CREATE = 5,
	ACL_DELETE = 6,
	ACL_ALTER = 7,
	ACL_DESCRIBE = 8,
	ACL_CLUSTER_ACTION = 9,
	ACL_DESCRIBE_CONFIGS = 10,
	ACL_ALTER_CONFIGS = 11,
	ACL_IDEMPOTENT_WRITE = 12
};

enum acl_resource {
	ACL_TOPIC = 2,
	ACL_GROUP = 3,
	ACL_CLUSTER = 4,
	ACL_TRANSACTIONAL_ID = 5
};

/* The name of the one cluster there is. */
#define ACL_THE_CLUSTER "kafka-cluster"

bool kafka_may(const struct kafka_request *rq, enum acl_operation op,
    enum acl_resource resource, const char *name);
/* Bit n for each allowed operation n, as answers list them. */
int32_t kafka_may_mask(const struct kafka_request *rq,
    enum acl_resource resource, const char *name);

#endif
