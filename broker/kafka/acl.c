/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acl.c: who may do what.
 */
#include "broker/kafka/acl.h"

#include "broker/kafka/access.h"
#include "broker/kafka/kafka_server.h"

static struct access *
rules_of(const struct kafka_request *rq)
{
	struct access *a = rq->server != NULL ? rq->server->access : NULL;

	return a != NULL && access_has_rules(a) ? a : NULL;
}

bool
kafka_may(const struct kafka_request *rq, enum acl_operation op,
    enum acl_resource resource, const char *name)
{
	struct access *a = rules_of(rq);

	return a == NULL || (access_allowed(a, rq->peer->principal,
	    rq->peer->host, resource, name) & (1u << op)) != 0;
}

bool
kafka_may_any(const struct kafka_request *rq, enum acl_operation op,
    enum acl_resource resource)
{
	struct access *a = rules_of(rq);

	return a == NULL || access_allowed_any(a, rq->peer->principal,
	    rq->peer->host, op, resource);
}

int32_t
kafka_may_mask(const struct kafka_request *rq, enum acl_resource resource,
    const char *name)
{
	struct access *a = rules_of(rq);
	uint32_t ops = a == NULL ? UINT32_MAX : access_allowed(a,
	    rq->peer->principal, rq->peer->host, resource, name);

	return (int32_t)(ops & acl_known_ops(resource));
}
