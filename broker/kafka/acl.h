/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acl.h: may the sender of a request do this? Operations and resources stand in
 * acl_rules.h. Without an ACL file everybody may do everything.
 */
#ifndef LEAT_BROKER_KAFKA_ACL_H
#define LEAT_BROKER_KAFKA_ACL_H

#include "broker/kafka/acl_rules.h"
#include "broker/kafka/kafka_request.h"

/* Fast enough for each topic of each request; waits for nothing. @thread any */
bool kafka_may(const struct kafka_request *rq, enum acl_operation op,
    enum acl_resource resource, const char *name);
/* The same for some resource of the kind, whichever it is. Slower. */
bool kafka_may_any(const struct kafka_request *rq, enum acl_operation op,
    enum acl_resource resource);
/* Bit n for each allowed operation n, as answers list them. */
int32_t kafka_may_mask(const struct kafka_request *rq,
    enum acl_resource resource, const char *name);

#endif
