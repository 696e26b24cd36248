/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_group_offsets.c: OffsetCommit, OffsetFetch and OffsetDelete: how far a
 * group has come.
 */
#include <string.h>

#include "broker/coord/groups.h"
#include "broker/kafka/acl.h"
#include "broker/kafka/api.h"
#include "broker/kafka/kafka_request.h"

enum {
	METADATA_MAX_BYTES = 4096,
	MAY_CHANGE = -2		/* an offset that group_fetch_all gives */
};

struct offset_partition {
	int32_t partition;
	int32_t leader_epoch;
	int64_t offset;
	struct leat_str metadata;
	int16_t error;
};

struct offset_topic {
	const char *name;
	struct offset_partition *partitions;
	int32_t n;
};

/* --------------------------------------------------------- OffsetCommit */

/* The number of partitions of all topics. */
static int32_t
decode_commit(struct kafka_request *rq, struct offset_topic **ret,
    int32_t *ret_n)
{
	struct kafka_in *in = &rq->in;
	int32_t n = kin_array(in), total = 0;
	struct offset_topic *topics = KIN_CALLOC(in, n, struct offset_topic);

	for (int32_t i = 0; i < n && kin_ok(in); i++) {
		struct offset_topic *t = &topics[i];

		t->name = kin_str(in);
		t->n = kin_array(in);
		t->partitions = KIN_CALLOC(in, t->n, struct offset_partition);
		for (int32_t k = 0; k < t->n && kin_ok(in); k++) {
			struct offset_partition *p = &t->partitions[k];

			p->partition = kin_i32(in);
			p->offset = kin_i64(in);
			p->leader_epoch = rq->version >= 6 ? kin_i32(in) : -1;
			p->metadata = kin_text_null(in);
			kin_tags(in);
			total++;
		}
		kin_tags(in);
	}
	*ret = topics;
	*ret_n = n;
	return total;
}

/* What is wrong with one partition, before the group is asked. */
static int16_t
check_partition(const struct kafka_request *rq, const struct offset_topic *t,
    const struct offset_partition *p)
{
	if (!kafka_may(rq, ACL_READ, ACL_TOPIC, t->name))
		return KAFKA_TOPIC_AUTHORIZATION_FAILED;
	if (p->partition < 0 || p->partition >=
	    broker_topic_partitions(rq->broker, t->name))
		return KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
	if (p->metadata.len > METADATA_MAX_BYTES)
		return KAFKA_OFFSET_METADATA_TOO_LARGE;
	/* Nothing is committed by that: it would take an offset back. */
	return p->offset < 0 ? KAFKA_INVALID_COMMIT_OFFSET_SIZE : KAFKA_NONE;
}

static int16_t
commit(struct kafka_request *rq, const char *group,
    const struct group_who *who, int64_t retention_ms,
    struct offset_topic *topics, int32_t ntopics, int32_t total)
{
	struct broker_group_offset *list = leat_arena_calloc(&rq->arena,
	    (size_t)total + 1, sizeof(*list)), *o;
	size_t n = 0;

	if (list == NULL)
		return KAFKA_COORDINATOR_NOT_AVAILABLE;
	for (int32_t i = 0; i < ntopics; i++) {
		for (int32_t k = 0; k < topics[i].n; k++) {
			struct offset_partition *p = &topics[i].partitions[k];

			p->error = check_partition(rq, &topics[i], p);
			if (p->error != KAFKA_NONE)
				continue;
			o = &list[n++];
			o->topic = topics[i].name;
			o->partition = p->partition;
			o->offset = p->offset;
			o->leader_epoch = p->leader_epoch;
			if (p->metadata.len > 0)
				o->metadata = p->metadata.ptr;
			o->metadata_len = p->metadata.len;
		}
	}
	return (int16_t)group_commit(rq->broker->groups, group, who,
	    rq->version >= 9, retention_ms, list, n);
}

void
api_offset_commit(struct kafka_request *rq)
{
	struct kafka_in *in = &rq->in;
	struct kafka_out *out = &rq->out;
	struct group_who who = { .generation = -1 };
	struct offset_topic *topics;
	int64_t retention_ms = -1;
	const char *group;
	int32_t total, n;
	int16_t error;

	group = kin_str(in);
	who.generation = kin_i32(in);
	who.member_id = kin_str(in);
	if (rq->version >= 7)
		who.instance_id = kin_str_null(in);
	if (rq->version <= 4)
		retention_ms = kin_i64(in);
	total = decode_commit(rq, &topics, &n);
	kin_tags(in);
	if (!kafka_decoded(rq))
		return;
	error = kafka_may(rq, ACL_READ, ACL_GROUP, group) ?
	    commit(rq, group, &who, retention_ms, topics, n, total) :
	    KAFKA_GROUP_AUTHORIZATION_FAILED;
	if (rq->version >= 3)
		kout_throttle(out);
	kout_array(out, n);
	for (int32_t i = 0; i < n; i++) {
		kout_str(out, topics[i].name);
		kout_array(out, topics[i].n);
		for (int32_t k = 0; k < topics[i].n; k++) {
			const struct offset_partition *p =
			    &topics[i].partitions[k];

			kout_i32(out, p->partition);
			kout_i16(out, p->error != KAFKA_NONE ? p->error :
			    error);
			kout_tags(out);
		}
		kout_tags(out);
	}
	kout_tags(out);
	kafka_reply(rq);
}

/* ---------------------------------------------------------- OffsetFetch */

struct fetch_topic {
	const char *name;
	int32_t *partitions;
	int32_t n;
};

struct fetch_group {
	const char *name;
	struct group_who who;
	struct fetch_topic *topics;
	int32_t n;		/* -1: all */
};

static void
decode_fetch_topics(struct kafka_request *rq, struct fetch_group *g)
{
	struct kafka_in *in = &rq->in;

	g->n = rq->version >= 2 ? kin_array_null(in) : kin_array(in);
	g->topics = KIN_CALLOC(in, g->n, struct fetch_topic);
	for (int32_t i = 0; i < g->n && kin_ok(in); i++) {
		struct fetch_topic *t = &g->topics[i];

		t->name = kin_str(in);
		t->n = kin_array(in);
		t->partitions = KIN_CALLOC(in, t->n, int32_t);
		for (int32_t k = 0; k < t->n && kin_ok(in); k++)
			t->partitions[k] = kin_i32(in);
		kin_tags(in);
	}
}

static void
decode_fetch_group(struct kafka_request *rq, struct fetch_group *g)
{
	struct kafka_in *in = &rq->in;

	g->name = kin_str(in);
	g->who.generation = -1;
	if (rq->version >= 9) {
		g->who.member_id = kin_str_null(in);
		g->who.generation = kin_i32(in);
	}
	decode_fetch_topics(rq, g);
	if (rq->version >= 8)
		kin_tags(in);
}

static void
write_fetched(struct kafka_request *rq, int32_t partition, int16_t error,
    const struct broker_group_offset *o)
{
	struct kafka_out *out = &rq->out;
	bool ok = error == KAFKA_NONE;

	kout_i32(out, partition);
	kout_i64(out, ok ? o->offset : -1);
	if (rq->version >= 5)
		kout_i32(out, ok ? o->leader_epoch : -1);
	kout_text_null(out, ok && o->metadata_len > 0 ?
	    (struct leat_str){ o->metadata, o->metadata_len } : LEAT_STR(""));
	kout_i16(out, error);
	kout_tags(out);
}

static void
write_asked(struct kafka_request *rq, const struct fetch_group *g,
    bool stable, int16_t error)
{
	struct kafka_out *out = &rq->out;

	kout_array(out, g->n);
	for (int32_t i = 0; i < g->n; i++) {
		const struct fetch_topic *t = &g->topics[i];
		int16_t of_topic = error;

		if (error == KAFKA_NONE &&
		    !kafka_may(rq, ACL_DESCRIBE, ACL_TOPIC, t->name))
			of_topic = KAFKA_TOPIC_AUTHORIZATION_FAILED;
		kout_str(out, t->name);
		kout_array(out, t->n);
		for (int32_t k = 0; k < t->n; k++) {
			struct broker_group_offset o = { 0 };
			int16_t e = of_topic;

			if (e == KAFKA_NONE)
				e = (int16_t)group_fetch(rq->broker->groups,
				    g->name, t->name, t->partitions[k],
				    stable, &rq->arena, &o);
			write_fetched(rq, t->partitions[k], e, &o);
		}
		kout_tags(out);
	}
}

/* Everything that the group has, of topics that the peer may see. */
static int16_t
write_all(struct kafka_request *rq, const struct fetch_group *g, bool stable)
{
	struct kafka_out *out = &rq->out;
	struct broker_group_offset *list;
	size_t n, at = kout_array_begin(out);
	int32_t topics = 0;
	int16_t error = (int16_t)group_fetch_all(rq->broker->groups, g->name,
	    stable, &rq->arena, &list, &n);

	if (error != KAFKA_NONE)
		n = 0;
	for (size_t i = 0, end; i < n; i = end) {
		end = i;
		while (end < n && strcmp(list[end].topic, list[i].topic) == 0)
			end++;
		if (!kafka_may(rq, ACL_DESCRIBE, ACL_TOPIC, list[i].topic))
			continue;
		topics++;
		kout_str(out, list[i].topic);
		kout_array(out, (int32_t)(end - i));
		for (size_t k = i; k < end; k++)
			write_fetched(rq, list[k].partition,
			    list[k].offset == MAY_CHANGE ?
			    KAFKA_UNSTABLE_OFFSET_COMMIT : KAFKA_NONE,
			    &list[k]);
		kout_tags(out);
	}
	kout_array_end(out, at, topics);
	return error;
}

static void
answer_fetch(struct kafka_request *rq, const struct fetch_group *g,
    bool stable)
{
	int16_t error = KAFKA_NONE;

	if (!kafka_may(rq, ACL_DESCRIBE, ACL_GROUP, g->name))
		error = KAFKA_GROUP_AUTHORIZATION_FAILED;
	else if (g->who.member_id != NULL)
		error = (int16_t)group_check_fetch(rq->broker->groups,
		    g->name, &g->who);
	if (rq->version >= 8)
		kout_str(&rq->out, g->name);
	if (g->n < 0 && error == KAFKA_NONE)
		error = write_all(rq, g, stable);
	else if (error != KAFKA_NONE && (g->n < 0 || rq->version >= 2))
		kout_array(&rq->out, 0);
	else
		write_asked(rq, g, stable, error);
	if (rq->version >= 2)
		kout_i16(&rq->out, error);
	if (rq->version >= 8)
		kout_tags(&rq->out);
}

void
api_offset_fetch(struct kafka_request *rq)
{
	struct kafka_in *in = &rq->in;
	struct fetch_group *groups, one = { 0 };
	bool stable = false;
	int32_t n = 1;

	groups = &one;
	if (rq->version <= 7) {
		decode_fetch_group(rq, &one);
	} else {
		n = kin_array(in);
		groups = KIN_CALLOC(in, n, struct fetch_group);
		for (int32_t i = 0; i < n && kin_ok(in); i++)
			decode_fetch_group(rq, &groups[i]);
	}
	if (rq->version >= 7)
		stable = kin_bool(in);
	kin_tags(in);
	if (!kafka_decoded(rq))
		return;
	if (rq->version >= 3)
		kout_throttle(&rq->out);
	if (rq->version >= 8)
		kout_array(&rq->out, n);
	for (int32_t i = 0; i < n; i++)
		answer_fetch(rq, &groups[i], stable);
	kout_tags(&rq->out);
	kafka_reply(rq);
}

/* --------------------------------------------------------- OffsetDelete */

static int16_t
delete_one(const struct kafka_request *rq, const char *group,
    const char *topic, int32_t partition)
{
	if (!kafka_may(rq, ACL_READ, ACL_TOPIC, topic))
		return KAFKA_TOPIC_AUTHORIZATION_FAILED;
	if (partition < 0 ||
	    partition >= broker_topic_partitions(rq->broker, topic))
		return KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
	return (int16_t)group_delete_offset(rq->broker->groups, group, topic,
	    partition);
}

void
api_offset_delete(struct kafka_request *rq)
{
	struct kafka_in *in = &rq->in;
	struct kafka_out *out = &rq->out;
	struct fetch_group g = { .name = kin_str(in) };
	int16_t error;

	g.n = kin_array(in);
	g.topics = KIN_CALLOC(in, g.n, struct fetch_topic);
	for (int32_t i = 0; i < g.n && kin_ok(in); i++) {
		g.topics[i].name = kin_str(in);
		g.topics[i].n = kin_array(in);
		g.topics[i].partitions = KIN_CALLOC(in, g.topics[i].n,
		    int32_t);
		for (int32_t k = 0; k < g.topics[i].n && kin_ok(in); k++)
			g.topics[i].partitions[k] = kin_i32(in);
	}
	if (!kafka_decoded(rq))
		return;
	error = kafka_may(rq, ACL_DELETE, ACL_GROUP, g.name) ?
	    (int16_t)group_check_delete_offsets(rq->broker->groups, g.name) :
	    KAFKA_GROUP_AUTHORIZATION_FAILED;
	kout_i16(out, error);
	kout_throttle(out);
	kout_array(out, error == KAFKA_NONE ? g.n : 0);
	for (int32_t i = 0; error == KAFKA_NONE && i < g.n; i++) {
		const struct fetch_topic *t = &g.topics[i];

		kout_str(out, t->name);
		kout_array(out, t->n);
		for (int32_t k = 0; k < t->n; k++) {
			kout_i32(out, t->partitions[k]);
			kout_i16(out, delete_one(rq, g.name, t->name,
			    t->partitions[k]));
		}
	}
	kafka_reply(rq);
}
