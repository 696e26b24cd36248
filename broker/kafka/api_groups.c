/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_groups.c: JoinGroup, SyncGroup, Heartbeat and LeaveGroup: what members of
 * classic groups ask.
 */
#include <stdio.h>
#include <string.h>

#include "broker/coord/groups.h"
#include "broker/kafka/acl.h"
#include "broker/kafka/api.h"
#include "broker/kafka/kafka_request.h"

static bool
may_read(const struct kafka_request *rq, const char *group)
{
	return kafka_may(rq, ACL_READ, ACL_GROUP, group);
}

/* A join or a sync that waits: in the request's arena. */
static struct group_wait *
wait_new(struct kafka_request *rq, group_answer_fn *fn)
{
	struct group_wait *w = leat_arena_calloc(&rq->arena, 1, sizeof(*w));

	if (w == NULL) {
		kafka_hang_up(rq, "out of memory for %s", rq->api->name);
		return NULL;
	}
	w->fn = fn;
	w->arg = rq;
	rq->parked = w;
	return w;
}

void
api_group_cancel(struct kafka_request *rq)
{
	group_cancel(rq->broker->groups, rq->parked);
}

/* ------------------------------------------------------------ JoinGroup */

static void
write_join(struct kafka_request *rq, int16_t error,
    const struct group_wait *w)
{
	struct kafka_out *out = &rq->out;

	if (rq->version >= 2)
		kout_throttle(out);
	kout_i16(out, error);
	kout_i32(out, w->generation);
	if (rq->version >= 7) {
		kout_str_null(out, w->protocol_type);
		kout_str_null(out, w->protocol);
	} else {
		kout_str(out, w->protocol != NULL ? w->protocol : "");
	}
	kout_str(out, w->leader);
	if (rq->version >= 9)
		kout_bool(out, w->skip_assignment);
	kout_str(out, w->member_id);
	kout_array(out, (int32_t)w->nmembers);
	for (size_t i = 0; i < w->nmembers; i++) {
		const struct group_joined *m = &w->members[i];

		kout_str(out, m->member_id);
		if (rq->version >= 5)
			kout_str_null(out, m->instance_id);
		kout_bytes(out, m->metadata.ptr, m->metadata.len);
		kout_tags(out);
	}
	kout_tags(out);
}

static void
joined(struct group_wait *w)
{
	struct kafka_request *rq = w->arg;

	write_join(rq, (int16_t)w->error, w);
	group_wait_fini(w);
	kafka_reply(rq);
}

static void
decode_join(struct kafka_request *rq, struct group_join *q)
{
	struct kafka_in *in = &rq->in;
	struct group_protocol *list;
	int32_t n;

	q->group = kin_str(in);
	q->session_ms = kin_i32(in);
	q->rebalance_ms = rq->version >= 1 ? kin_i32(in) : -1;
	if (q->rebalance_ms < 0)
		q->rebalance_ms = q->session_ms;
	q->member_id = kin_str(in);
	if (rq->version >= 5)
		q->instance_id = kin_str_null(in);
	q->protocol_type = kin_str(in);
	n = kin_array(in);
	list = KIN_CALLOC(in, n, struct group_protocol);
	for (int32_t i = 0; i < n && kin_ok(in); i++) {
		list[i].name = kin_str(in);
		list[i].metadata = kin_bytes(in);
		kin_tags(in);
	}
	q->protocols = list;
	q->nprotocols = (size_t)n;
	if (rq->version >= 8)
		(void)kin_str_null(in);	/* why it joins */
	kin_tags(in);
}

void
api_join_group(struct kafka_request *rq)
{
	struct group_join q = { .require_id = rq->version >= 4,
	    .can_skip = rq->version >= 9, .client_id = rq->client_id };
	struct group_wait *w, none = { .generation = -1, .leader = "",
	    .member_id = "" };
	char host[sizeof(rq->peer->host) + 1];

	decode_join(rq, &q);
	if (!kafka_decoded(rq))
		return;
	if (!may_read(rq, q.group)) {
		none.member_id = q.member_id;
		write_join(rq, KAFKA_GROUP_AUTHORIZATION_FAILED, &none);
		kafka_reply(rq);
		return;
	}
	if ((w = wait_new(rq, joined)) == NULL)
		return;
	snprintf(host, sizeof(host), "/%s", rq->peer->host);
	q.client_host = host;
	group_join(rq->broker->groups, &q, w);
}

/* ------------------------------------------------------------ SyncGroup */

static void
write_sync(struct kafka_request *rq, int16_t error,
    const struct group_wait *w)
{
	struct kafka_out *out = &rq->out;

	if (rq->version >= 1)
		kout_throttle(out);
	kout_i16(out, error);
	if (rq->version >= 5) {
		kout_str_null(out, w->protocol_type);
		kout_str_null(out, w->protocol);
	}
	kout_bytes(out, error == KAFKA_NONE ? w->assignment.ptr : "",
	    error == KAFKA_NONE ? w->assignment.len : 0);
	kout_tags(out);
}

static void
synced(struct group_wait *w)
{
	struct kafka_request *rq = w->arg;

	write_sync(rq, (int16_t)w->error, w);
	group_wait_fini(w);
	kafka_reply(rq);
}

void
api_sync_group(struct kafka_request *rq)
{
	struct kafka_in *in = &rq->in;
	struct group_assignment *list;
	struct group_wait *w, none = { 0 };
	const char *group, *type = NULL, *protocol = NULL;
	struct group_who who = { 0 };
	int32_t n;

	group = kin_str(in);
	who.generation = kin_i32(in);
	who.member_id = kin_str(in);
	if (rq->version >= 3)
		who.instance_id = kin_str_null(in);
	if (rq->version >= 5) {
		type = kin_str_null(in);
		protocol = kin_str_null(in);
	}
	n = kin_array(in);
	list = KIN_CALLOC(in, n, struct group_assignment);
	for (int32_t i = 0; i < n && kin_ok(in); i++) {
		list[i].member_id = kin_str(in);
		list[i].assignment = kin_bytes(in);
		kin_tags(in);
	}
	kin_tags(in);
	if (!kafka_decoded(rq))
		return;
	if (!may_read(rq, group)) {
		write_sync(rq, KAFKA_GROUP_AUTHORIZATION_FAILED, &none);
		kafka_reply(rq);
		return;
	}
	if ((w = wait_new(rq, synced)) == NULL)
		return;
	group_sync(rq->broker->groups, group, &who, type, protocol, list,
	    (size_t)n, w);
}

/* ------------------------------------------------------------ Heartbeat */

void
api_heartbeat(struct kafka_request *rq)
{
	struct kafka_in *in = &rq->in;
	struct kafka_out *out = &rq->out;
	struct group_who who = { 0 };
	const char *group;
	int16_t error;

	group = kin_str(in);
	who.generation = kin_i32(in);
	who.member_id = kin_str(in);
	if (rq->version >= 3)
		who.instance_id = kin_str_null(in);
	kin_tags(in);
	if (!kafka_decoded(rq))
		return;
	error = may_read(rq, group) ? (int16_t)group_heartbeat(
	    rq->broker->groups, group, &who) :
	    KAFKA_GROUP_AUTHORIZATION_FAILED;
	if (rq->version >= 1)
		kout_throttle(out);
	kout_i16(out, error);
	kout_tags(out);
	kafka_reply(rq);
}

/* ----------------------------------------------------------- LeaveGroup */

static void
leave_one(struct kafka_request *rq, const char *group)
{
	struct kafka_out *out = &rq->out;
	struct group_who who = { .member_id = kin_str(&rq->in) };
	int16_t error;

	kin_tags(&rq->in);
	if (!kafka_decoded(rq))
		return;
	error = may_read(rq, group) ? (int16_t)group_leave(
	    rq->broker->groups, group, &who) :
	    KAFKA_GROUP_AUTHORIZATION_FAILED;
	if (rq->version >= 1)
		kout_throttle(out);
	kout_i16(out, error);
	kafka_reply(rq);
}

void
api_leave_group(struct kafka_request *rq)
{
	struct kafka_in *in = &rq->in;
	struct kafka_out *out = &rq->out;
	const char *group = kin_str(in);
	struct group_who *list;
	bool may;
	int32_t n;

	if (rq->version <= 2) {
		leave_one(rq, group);
		return;
	}
	n = kin_array(in);
	list = KIN_CALLOC(in, n, struct group_who);
	for (int32_t i = 0; i < n && kin_ok(in); i++) {
		list[i].member_id = kin_str(in);
		list[i].instance_id = kin_str_null(in);
		if (rq->version >= 5)
			(void)kin_str_null(in);	/* why it leaves */
		kin_tags(in);
	}
	kin_tags(in);
	if (!kafka_decoded(rq))
		return;
	may = may_read(rq, group);
	kout_throttle(out);
	kout_i16(out, may ? KAFKA_NONE : KAFKA_GROUP_AUTHORIZATION_FAILED);
	kout_array(out, may ? n : 0);
	for (int32_t i = 0; may && i < n; i++) {
		int16_t error = (int16_t)group_leave(rq->broker->groups, group,
		    &list[i]);

		kout_str(out, list[i].member_id);
		kout_str_null(out, list[i].instance_id);
		kout_i16(out, error);
		kout_tags(out);
	}
	kout_tags(out);
	kafka_reply(rq);
}
