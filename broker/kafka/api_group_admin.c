/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_group_admin.c: DescribeGroups, ListGroups and DeleteGroups: what tools
 * ask about groups.
 */
#include <string.h>
#include <strings.h>

#include "broker/coord/groups.h"
#include "broker/kafka/acl.h"
#include "broker/kafka/api.h"
#include "broker/kafka/kafka_request.h"

enum { NOT_ASKED = INT32_MIN };	/* for a set of authorized operations */

/* -------------------------------------------------------- DescribeGroups */

static void
write_members(struct kafka_request *rq, const struct group_info *info)
{
	struct kafka_out *out = &rq->out;

	kout_array(out, (int32_t)info->nmembers);
	for (size_t i = 0; i < info->nmembers; i++) {
		const struct group_member_info *m = &info->members[i];

		kout_str(out, m->member_id);
		if (rq->version >= 4)
			kout_str_null(out, m->instance_id);
		kout_str(out, m->client_id);
		kout_str(out, m->client_host);
		kout_bytes(out, m->metadata.ptr, m->metadata.len);
		kout_bytes(out, m->assignment.ptr, m->assignment.len);
		kout_tags(out);
	}
}

static void
describe_one(struct kafka_request *rq, const char *group, bool operations)
{
	static const struct group_info none = { .state = "",
	    .protocol_type = "", .protocol = "" };
	struct group_info info = none;
	struct kafka_out *out = &rq->out;
	const char *message = NULL;
	int16_t error;

	error = kafka_may(rq, ACL_DESCRIBE, ACL_GROUP, group) ?
	    (int16_t)group_describe(rq->broker->groups, group, &rq->arena,
	    &info) : KAFKA_GROUP_AUTHORIZATION_FAILED;
	if (error == KAFKA_GROUP_ID_NOT_FOUND) {
		info.state = "Dead";
		if (rq->version >= 6)
			message = "There is no such group.";
		else
			error = KAFKA_NONE;
	}
	kout_i16(out, error);
	if (rq->version >= 6)
		kout_str_null(out, message);
	kout_str(out, group);
	kout_str(out, info.state);
	kout_str(out, info.protocol_type);
	kout_str(out, info.protocol);
	write_members(rq, &info);
	if (rq->version >= 3)
		kout_i32(out, operations && error == KAFKA_NONE ?
		    kafka_may_mask(rq, ACL_GROUP, group) : NOT_ASKED);
	kout_tags(out);
}

/* An array of strings. */
static const char **
decode_names(struct kafka_in *in, int32_t *ret_n)
{
	int32_t n = kin_array(in);
	const char **names = KIN_CALLOC(in, n, const char *);

	for (int32_t i = 0; i < n && kin_ok(in); i++)
		names[i] = kin_str(in);
	*ret_n = n;
	return names;
}

void
api_describe_groups(struct kafka_request *rq)
{
	struct kafka_in *in = &rq->in;
	const char **groups;
	bool operations;
	int32_t n;

	groups = decode_names(in, &n);
	operations = rq->version >= 3 ? kin_bool(in) : false;
	kin_tags(in);
	if (!kafka_decoded(rq))
		return;
	if (rq->version >= 1)
		kout_throttle(&rq->out);
	kout_array(&rq->out, n);
	for (int32_t i = 0; i < n; i++)
		describe_one(rq, groups[i], operations);
	kout_tags(&rq->out);
	kafka_reply(rq);
}

/* ------------------------------------------------------------ ListGroups */

static bool
is_one_of(const char *text, const char *const *list, int32_t n)
{
	for (int32_t i = 0; i < n; i++)
		if (strcasecmp(list[i], text) == 0)
			return true;
	return n == 0;
}

static void
write_listed(struct kafka_request *rq, const struct group_info *g)
{
	struct kafka_out *out = &rq->out;

	kout_str(out, g->name);
	kout_str(out, g->protocol_type);
	if (rq->version >= 4)
		kout_str(out, g->state);
	if (rq->version >= 5)
		kout_str(out, g->type);
	kout_tags(out);
}

void
api_list_groups(struct kafka_request *rq)
{
	struct kafka_in *in = &rq->in;
	struct kafka_out *out = &rq->out;
	const char **states = NULL, **types = NULL;
	int32_t nstates = 0, ntypes = 0, listed = 0;
	struct group_info *groups;
	size_t n = 0, at;
	int16_t error;
	bool all;

	if (rq->version >= 4)
		states = decode_names(in, &nstates);
	if (rq->version >= 5)
		types = decode_names(in, &ntypes);
	kin_tags(in);
	if (!kafka_decoded(rq))
		return;
	error = (int16_t)group_list(rq->broker->groups, &rq->arena, &groups,
	    &n);
	all = kafka_may(rq, ACL_DESCRIBE, ACL_CLUSTER, ACL_THE_CLUSTER);
	if (rq->version >= 1)
		kout_throttle(out);
	kout_i16(out, error);
	at = kout_array_begin(out);
	for (size_t i = 0; error == KAFKA_NONE && i < n; i++) {
		if (!is_one_of(groups[i].state, states, nstates) ||
		    !is_one_of(groups[i].type, types, ntypes) ||
		    (!all && !kafka_may(rq, ACL_DESCRIBE, ACL_GROUP,
		    groups[i].name)))
			continue;
		write_listed(rq, &groups[i]);
		listed++;
	}
	kout_array_end(out, at, listed);
	kout_tags(out);
	kafka_reply(rq);
}

/* ---------------------------------------------------------- DeleteGroups */

void
api_delete_groups(struct kafka_request *rq)
{
	struct kafka_in *in = &rq->in;
	struct kafka_out *out = &rq->out;
	const char **groups;
	int32_t n;

	groups = decode_names(in, &n);
	kin_tags(in);
	if (!kafka_decoded(rq))
		return;
	kout_throttle(out);
	kout_array(out, n);
	for (int32_t i = 0; i < n; i++) {
		kout_str(out, groups[i]);
		kout_i16(out, kafka_may(rq, ACL_DELETE, ACL_GROUP,
		    groups[i]) ? (int16_t)group_delete(rq->broker->groups,
		    groups[i]) : KAFKA_GROUP_AUTHORIZATION_FAILED);
		kout_tags(out);
	}
	kout_tags(out);
	kafka_reply(rq);
}
