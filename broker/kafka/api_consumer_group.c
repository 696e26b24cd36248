/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_consumer_group.c: ConsumerGroupHeartbeat and ConsumerGroupDescribe, the
 * newer protocol of groups.
 */
#include <stdio.h>
#include <string.h>

#include "broker/coord/groups.h"
#include "broker/kafka/acl.h"
#include "broker/kafka/api.h"
#include "broker/kafka/kafka_request.h"

enum { NOT_ASKED = INT32_MIN, MEMBER_TYPE_CONSUMER = 1 };

/* ------------------------------------------------------------ heartbeat */

static void
decode_owned(struct kafka_in *in, struct consumer_beat *q)
{
	struct group_partitions *list;

	q->nowned = kin_array_null(in);
	list = KIN_CALLOC(in, q->nowned, struct group_partitions);
	for (int32_t i = 0; i < q->nowned && kin_ok(in); i++) {
		int32_t *numbers;

		kin_uuid(in, list[i].topic_id);
		list[i].n = kin_array(in);
		numbers = KIN_CALLOC(in, list[i].n, int32_t);
		for (int32_t k = 0; k < list[i].n && kin_ok(in); k++)
			numbers[k] = kin_i32(in);
		list[i].partitions = numbers;
		kin_tags(in);
	}
	q->owned = list;
}

static void
decode_beat(struct kafka_request *rq, struct consumer_beat *q)
{
	struct kafka_in *in = &rq->in;
	const char **topics;

	q->group = kin_str(in);
	q->member_id = kin_str(in);
	q->epoch = kin_i32(in);
	q->instance_id = kin_str_null(in);
	q->rack_id = kin_str_null(in);
	q->rebalance_ms = kin_i32(in);
	q->ntopics = kin_array_null(in);
	topics = KIN_CALLOC(in, q->ntopics, const char *);
	for (int32_t i = 0; i < q->ntopics && kin_ok(in); i++)
		topics[i] = kin_str(in);
	q->topics = topics;
	if (rq->version >= 1)
		q->regex = kin_str_null(in);
	q->assignor = kin_str_null(in);
	decode_owned(in, q);
	kin_tags(in);
}

static int16_t
beat(struct kafka_request *rq, const struct consumer_beat *q,
    struct consumer_told *told)
{
	*told = (struct consumer_told){ .epoch = q->epoch };
	if (!kafka_may(rq, ACL_READ, ACL_GROUP, q->group))
		return KAFKA_GROUP_AUTHORIZATION_FAILED;
	for (int32_t i = 0; i < q->ntopics; i++)
		if (!kafka_may(rq, ACL_DESCRIBE, ACL_TOPIC, q->topics[i]))
			return KAFKA_TOPIC_AUTHORIZATION_FAILED;
	if (rq->version >= 1 && q->member_id[0] == '\0') {
		told->message = "There is no member id.";
		return KAFKA_INVALID_REQUEST;
	}
	return (int16_t)consumer_heartbeat(rq->broker->groups, q, &rq->arena,
	    told);
}

void
api_consumer_group_heartbeat(struct kafka_request *rq)
{
	struct kafka_out *out = &rq->out;
	char host[sizeof(rq->peer->host) + 1];
	struct consumer_beat q = { .client_id = rq->client_id,
	    .client_host = host };
	struct consumer_told told;
	int16_t error;

	decode_beat(rq, &q);
	if (!kafka_decoded(rq))
		return;
	snprintf(host, sizeof(host), "/%s", rq->peer->host);
	error = beat(rq, &q, &told);
	kout_throttle(out);
	kout_i16(out, error);
	kout_str_null(out, told.message);
	kout_str_null(out, error == KAFKA_NONE ? told.member_id : NULL);
	kout_i32(out, error == KAFKA_NONE ? told.epoch : 0);
	kout_i32(out, told.interval_ms);
	kout_present(out, error == KAFKA_NONE && told.assigned);
	if (error == KAFKA_NONE && told.assigned) {
		kout_array(out, told.n);
		for (int32_t i = 0; i < told.n; i++) {
			const struct group_partitions *p = &told.assignment[i];

			kout_uuid(out, p->topic_id);
			kout_array(out, p->n);
			for (int32_t k = 0; k < p->n; k++)
				kout_i32(out, p->partitions[k]);
			kout_tags(out);
		}
		kout_tags(out);
	}
	kout_tags(out);
	kafka_reply(rq);
}

/* ------------------------------------------------------------- describe */

static void
write_set(struct kafka_out *out, const struct group_partitions *list,
    int32_t n)
{
	kout_array(out, n);
	for (int32_t i = 0; i < n; i++) {
		kout_uuid(out, list[i].topic_id);
		kout_str(out, list[i].topic);
		kout_array(out, list[i].n);
		for (int32_t k = 0; k < list[i].n; k++)
			kout_i32(out, list[i].partitions[k]);
		kout_tags(out);
	}
	kout_tags(out);
}

static void
write_member(struct kafka_request *rq, const struct consumer_member_info *m)
{
	struct kafka_out *out = &rq->out;

	kout_str(out, m->member_id);
	kout_str_null(out, m->instance_id);
	kout_str_null(out, m->rack_id);
	kout_i32(out, m->epoch);
	kout_str(out, m->client_id);
	kout_str(out, m->client_host);
	kout_array(out, m->ntopics);
	for (int32_t i = 0; i < m->ntopics; i++)
		kout_str(out, m->topics[i]);
	kout_str_null(out, m->regex);
	write_set(out, m->assignment, m->nassignment);
	write_set(out, m->target, m->ntarget);
	if (rq->version >= 1)
		kout_i8(out, MEMBER_TYPE_CONSUMER);
	kout_tags(out);
}

/* May the peer know of the topics that this names? */
static bool
may_see(const struct kafka_request *rq, const struct consumer_group_info *g)
{
	for (size_t i = 0; i < g->nmembers; i++) {
		const struct consumer_member_info *m = &g->members[i];

		for (int32_t k = 0; k < m->nassignment; k++)
			if (!kafka_may(rq, ACL_DESCRIBE, ACL_TOPIC,
			    m->assignment[k].topic))
				return false;
		for (int32_t k = 0; k < m->ntopics; k++)
			if (!kafka_may(rq, ACL_DESCRIBE, ACL_TOPIC,
			    m->topics[k]))
				return false;
	}
	return true;
}

static void
describe_one(struct kafka_request *rq, const char *group, bool operations)
{
	static const struct consumer_group_info none = { .state = "",
	    .assignor = "" };
	struct consumer_group_info info = none;
	struct kafka_out *out = &rq->out;
	int16_t error;

	error = kafka_may(rq, ACL_DESCRIBE, ACL_GROUP, group) ?
	    (int16_t)consumer_describe(rq->broker->groups, group, &rq->arena,
	    &info) : KAFKA_GROUP_AUTHORIZATION_FAILED;
	if (error == KAFKA_NONE && !may_see(rq, &info)) {
		error = KAFKA_TOPIC_AUTHORIZATION_FAILED;
		info = none;
	}
	kout_i16(out, error);
	kout_str_null(out, error == KAFKA_GROUP_ID_NOT_FOUND ?
	    "There is no such consumer group." : NULL);
	kout_str(out, group);
	kout_str(out, info.state);
	kout_i32(out, info.epoch);
	kout_i32(out, info.assignment_epoch);
	kout_str(out, info.assignor);
	kout_array(out, (int32_t)info.nmembers);
	for (size_t i = 0; i < info.nmembers; i++)
		write_member(rq, &info.members[i]);
	kout_i32(out, operations && error == KAFKA_NONE ?
	    kafka_may_mask(rq, ACL_GROUP, group) : NOT_ASKED);
	kout_tags(out);
}

void
api_consumer_group_describe(struct kafka_request *rq)
{
	struct kafka_in *in = &rq->in;
	const char **groups;
	bool operations;
	int32_t n = kin_array(in);

	groups = KIN_CALLOC(in, n, const char *);
	for (int32_t i = 0; i < n && kin_ok(in); i++)
		groups[i] = kin_str(in);
	operations = kin_bool(in);
	kin_tags(in);
	if (!kafka_decoded(rq))
		return;
	kout_throttle(&rq->out);
	kout_array(&rq->out, n);
	for (int32_t i = 0; i < n; i++)
		describe_one(rq, groups[i], operations);
	kout_tags(&rq->out);
	kafka_reply(rq);
}
