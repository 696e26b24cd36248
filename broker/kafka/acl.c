/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acl.c: who may do what.
 */
#include "broker/kafka/acl.h"

bool
kafka_may(const struct kafka_request *rq, enum acl_operation op,
    enum acl_resource resource, const char *name)
{
	return true;
}

int32_t
kafka_may_mask(const struct kafka_request *rq, enum acl_resource resource,
    const char *name)
{
	int32_t mask = 0;

	for (int op = ACL_READ; op <= ACL_IDEMPOTENT_WRITE; op++)
		if (kafka_may(rq, (enum acl_operation)op, resource, name))
			mask |= 1 << op;
	return mask;
}
