/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_metadata.c: Metadata, DescribeTopicPartitions and FindCoordinator: who
 * serves what. One broker serves all of it.
 */
#include <stdlib.h>
#include <string.h>

#include "broker/broker_int.h"
#include "broker/kafka/acl.h"
#include "broker/kafka/api.h"
#include "broker/kafka/kafka_server.h"
#include "broker/kafka/kafka_request.h"
#include "core/base/obj.h"

enum {
	NOT_ASKED = INT32_MIN,	/* for a set of authorized operations */
	COORDINATOR_GROUP = 0,
	COORDINATOR_TRANSACTION = 1
};

/* ------------------------------------------------------------- Metadata */

struct metadata_topic {
	const char *name;	/* NULL: by id */
	uint8_t id[16];
};

struct metadata_query {
	struct metadata_topic *topics;
	int32_t ntopics;	/* -1: all */
	bool create;
	bool cluster_operations;
	bool topic_operations;
};

static void
decode_metadata(struct kafka_request *rq, struct metadata_query *q)
{
	struct kafka_in *in = &rq->in;

	q->ntopics = rq->version >= 1 ? kin_array_null(in) : kin_array(in);
	if (rq->version == 0 && q->ntopics == 0)
		q->ntopics = -1;
	q->topics = KIN_CALLOC(in, q->ntopics, struct metadata_topic);
	for (int32_t i = 0; i < q->ntopics && kin_ok(in); i++) {
		if (rq->version >= 10)
			kin_uuid(in, q->topics[i].id);
		q->topics[i].name = rq->version >= 10 ? kin_str_null(in) :
		    kin_str(in);
		kin_tags(in);
		if (q->topics[i].name == NULL && rq->version < 12)
			kin_fail(in, "topic ids need version 12");
	}
	q->create = rq->version >= 4 ? kin_bool(in) : true;
	if (rq->version >= 8 && rq->version <= 10)
		q->cluster_operations = kin_bool(in);
	if (rq->version >= 8)
		q->topic_operations = kin_bool(in);
	kin_tags(in);
}

static void
write_nodes(struct kafka_out *out, int32_t node, bool there)
{
	kout_array(out, there ? 1 : 0);
	if (there)
		kout_i32(out, node);
}

/*
 * A damaged partition is led all the same, since what is whole of it can be
 * read; that it takes nothing more shows in its empty set of replicas in sync.
 */
static void
write_partition(struct kafka_request *rq, const char *topic, int32_t number,
    bool elr)
{
	struct broker_partition *p = topics_find(rq->broker, topic, number);
	struct kafka_out *out = &rq->out;
	int32_t node = rq->server->o.node_id;
	bool online = p == NULL || partition_is_online(p);

	kout_i16(out, KAFKA_NONE);
	kout_i32(out, number);
	kout_i32(out, node);
	if (rq->version >= 7 || elr)
		kout_i32(out, p == NULL ? 0 : broker_partition_epoch(p));
	write_nodes(out, node, true);		/* replicas */
	write_nodes(out, node, online);		/* in sync */
	if (elr) {
		kout_array(out, 0);		/* eligible leaders */
		kout_array(out, 0);		/* those of before */
	}
	if (rq->version >= 5 || elr)
		write_nodes(out, node, !online);
	kout_tags(out);
	broker_partition_put(p);
}

static void
write_topic(struct kafka_request *rq, const struct metadata_query *q,
    enum kafka_error error, const struct broker_topic_info *t)
{
	struct kafka_out *out = &rq->out;

	kout_i16(out, error);
	if (rq->version >= 12)
		kout_str_null(out, t->name);
	else
		kout_str(out, t->name);
	if (rq->version >= 10)
		kout_uuid(out, t->id);
	if (rq->version >= 1)
		kout_bool(out, t->internal);
	kout_array(out, t->partitions);
	for (int32_t i = 0; i < t->partitions; i++)
		write_partition(rq, t->name, i, false);
	if (rq->version >= 8)
		kout_i32(out, q->topic_operations && error == KAFKA_NONE ?
		    kafka_may_mask(rq, ACL_TOPIC, t->name) : NOT_ASKED);
	kout_tags(out);
}

static enum kafka_error
create_topic(struct kafka_request *rq, const struct metadata_query *q,
    const char *name, struct broker_topic_info *info)
{
	struct leat_err err = LEAT_ERR_INIT;
	int rc;

	if (broker_topic_name_check(name, NULL) < 0)
		return KAFKA_INVALID_TOPIC_EXCEPTION;
	if (!q->create || !rq->broker->o.auto_create)
		return KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
	if (!kafka_may(rq, ACL_CREATE, ACL_CLUSTER, ACL_THE_CLUSTER) &&
	    !kafka_may(rq, ACL_CREATE, ACL_TOPIC, name))
		return KAFKA_TOPIC_AUTHORIZATION_FAILED;
	rc = broker_topic_create(rq->broker, name, -1, NULL, 0, &err);
	if (rc < 0 && rc != LEAT_E_EXISTS)
		return rc == LEAT_E_CONFIG ? KAFKA_INVALID_TOPIC_EXCEPTION :
		    kafka_error_of(&err);
	return topics_info(rq->broker, name, info) == 0 ? KAFKA_NONE :
	    KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
}

static void
answer_topic(struct kafka_request *rq, const struct metadata_query *q,
    const struct metadata_topic *t)
{
	struct broker_topic_info info = { .name = t->name };
	char name[TOPIC_NAME_MAX_LEN + 1];
	enum kafka_error error = KAFKA_NONE;

	memcpy(info.id, t->id, sizeof(info.id));
	if (t->name == NULL) {
		if (topics_name(rq->broker, t->id, name) < 0 ||
		    !kafka_may(rq, ACL_DESCRIBE, ACL_TOPIC, name)) {
			write_topic(rq, q, KAFKA_UNKNOWN_TOPIC_ID, &info);
			return;
		}
		info.name = name;
	}
	if (!kafka_may(rq, ACL_DESCRIBE, ACL_TOPIC, info.name))
		error = KAFKA_TOPIC_AUTHORIZATION_FAILED;
	else if (topics_info(rq->broker, info.name, &info) < 0)
		error = create_topic(rq, q, info.name, &info);
	if (error != KAFKA_NONE)
		info.partitions = 0;
	write_topic(rq, q, error, &info);
}

struct all_topics {
	struct kafka_request *rq;
	const struct metadata_query *q;
	int32_t n;
};

static int
answer_each(void *arg, const struct broker_topic_info *info)
{
	struct all_topics *all = arg;

	if (!kafka_may(all->rq, ACL_DESCRIBE, ACL_TOPIC, info->name))
		return 0;
	write_topic(all->rq, all->q, KAFKA_NONE, info);
	all->n++;
	return 0;
}

static void
answer_metadata(struct kafka_request *rq)
{
	struct kafka_out *out = &rq->out;
	const struct metadata_query *q = rq->parked;
	struct all_topics all = { rq, q, 0 };
	size_t at;

	if (rq->version >= 3)
		kout_throttle(out);
	kout_array(out, 1);
	kout_i32(out, rq->server->o.node_id);
	kout_str(out, kafka_advertised_host(rq));
	kout_i32(out, kafka_advertised_port(rq));
	if (rq->version >= 1)
		kout_str_null(out, NULL);	/* rack */
	kout_tags(out);
	if (rq->version >= 2)
		kout_str_null(out, broker_cluster_id(rq->broker));
	if (rq->version >= 1)
		kout_i32(out, rq->server->o.node_id);	/* controller */
	at = kout_array_begin(out);
	if (q->ntopics < 0)
		(void)broker_topic_each(rq->broker, answer_each, &all);
	for (int32_t i = 0; i < q->ntopics; i++)
		answer_topic(rq, q, &q->topics[i]);
	kout_array_end(out, at, q->ntopics < 0 ? all.n : q->ntopics);
	if (rq->version >= 8 && rq->version <= 10)
		kout_i32(out, q->cluster_operations ? kafka_may_mask(rq,
		    ACL_CLUSTER, ACL_THE_CLUSTER) : NOT_ASKED);
	if (rq->version >= 13)
		kout_i16(out, KAFKA_NONE);
	kout_tags(out);
	kafka_reply(rq);
}

/* Topics are made on their first use, which waits for the disk. */
static bool
may_create(const struct kafka_request *rq, const struct metadata_query *q)
{
	struct broker_topic_info info;

	if (!q->create || !rq->broker->o.auto_create)
		return false;
	for (int32_t i = 0; i < q->ntopics; i++)
		if (q->topics[i].name != NULL && topics_info(rq->broker,
		    q->topics[i].name, &info) < 0)
			return true;
	return false;
}

void
api_metadata(struct kafka_request *rq)
{
	struct metadata_query *q;

	q = KIN_CALLOC(&rq->in, 1, struct metadata_query);
	if (q != NULL)
		decode_metadata(rq, q);
	if (!kafka_decoded(rq))
		return;
	rq->parked = q;
	if (may_create(rq, q))
		kafka_go_slow(rq, answer_metadata);
	else
		answer_metadata(rq);
}

/* ---------------------------------------------- DescribeTopicPartitions */

enum { PARTITIONS_IN_ANSWER_MAX = 2000 };

struct page {
	struct kafka_request *rq;
	const char *from_topic;	/* the first to tell of; NULL: any */
	int32_t from_partition;
	int32_t room;		/* partitions that may still be told */
	int32_t ntopics;	/* told */
	const char *next_topic;	/* not NULL: where the next page begins */
	int32_t next_partition;
};

static void
page_topic(struct page *pg, enum kafka_error error,
    const struct broker_topic_info *t, int32_t first)
{
	struct kafka_out *out = &pg->rq->out;
	int32_t n = error == KAFKA_NONE ? MIN(pg->room,
	    MAX(t->partitions - first, 0)) : 0;

	kout_i16(out, error);
	kout_str_null(out, t->name);
	kout_uuid(out, t->id);
	kout_bool(out, t->internal);
	kout_array(out, n);
	for (int32_t i = first; i < first + n; i++)
		write_partition(pg->rq, t->name, i, true);
	kout_i32(out, error == KAFKA_NONE ? kafka_may_mask(pg->rq, ACL_TOPIC,
	    t->name) : NOT_ASKED);
	kout_tags(out);
	pg->ntopics++;
	pg->room -= n;
	if (error == KAFKA_NONE && first + n < t->partitions) {
		pg->next_topic = leat_arena_strdup(&pg->rq->arena, t->name);
		pg->next_partition = first + n;
	}
}

/* Topics come in the order of their names; a negative return ends the walk. */
static int
page_each(void *arg, const struct broker_topic_info *info)
{
	struct page *pg = arg;
	int order = pg->from_topic == NULL ? 1 :
	    strcmp(info->name, pg->from_topic);

	if (order < 0 || !kafka_may(pg->rq, ACL_DESCRIBE, ACL_TOPIC,
	    info->name))
		return 0;
	if (pg->room == 0) {
		pg->next_topic = leat_arena_strdup(&pg->rq->arena, info->name);
		pg->next_partition = 0;
	} else {
		page_topic(pg, KAFKA_NONE, info, order == 0 ?
		    pg->from_partition : 0);
	}
	return pg->next_topic != NULL ? -1 : 0;
}

static void
page_named(struct page *pg, const char *name)
{
	struct broker_topic_info info = { .name = name };
	enum kafka_error error = KAFKA_NONE;

	if (!kafka_may(pg->rq, ACL_DESCRIBE, ACL_TOPIC, name))
		error = KAFKA_TOPIC_AUTHORIZATION_FAILED;
	else if (broker_topic_name_check(name, NULL) < 0)
		error = KAFKA_INVALID_TOPIC_EXCEPTION;
	else if (topics_info(pg->rq->broker, name, &info) < 0)
		error = KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
	if (error == KAFKA_NONE)
		(void)page_each(pg, &info);
	else if (pg->from_topic == NULL || strcmp(name, pg->from_topic) >= 0)
		page_topic(pg, error, &info, 0);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char **
decode_page(struct kafka_request *rq, struct page *pg, int32_t *ret_n)
{
	struct kafka_in *in = &rq->in;
	int32_t n = kin_array(in);
	const char **names = KIN_CALLOC(in, n, const char *);
	int32_t limit;

	for (int32_t i = 0; i < n && kin_ok(in); i++) {
		names[i] = kin_str(in);
		kin_tags(in);
	}
	limit = kin_i32(in);
	pg->room = MAX(MIN(limit, PARTITIONS_IN_ANSWER_MAX), 1);
	if (kin_present(in)) {
		pg->from_topic = kin_str(in);
		pg->from_partition = kin_i32(in);
		if (pg->from_partition < 0)
			kin_fail(in, "a cursor below 0");
		kin_tags(in);
	}
	kin_tags(in);
	*ret_n = n;
	return names;
}

void
api_describe_topic_partitions(struct kafka_request *rq)
{
	struct kafka_out *out = &rq->out;
	struct page pg = { .rq = rq };
	const char **names;
	size_t at;
	int32_t n;

	names = decode_page(rq, &pg, &n);
	if (!kafka_decoded(rq))
		return;
	kout_throttle(out);
	at = kout_array_begin(out);
	if (n == 0)
		(void)broker_topic_each(rq->broker, page_each, &pg);
	else
		qsort(names, (size_t)n, sizeof(*names), by_name);
	for (int32_t i = 0; i < n && pg.next_topic == NULL; i++)
		if (i == 0 || strcmp(names[i], names[i - 1]) != 0)
			page_named(&pg, names[i]);
	kout_array_end(out, at, pg.ntopics);
	kout_present(out, pg.next_topic != NULL);
	if (pg.next_topic != NULL) {
		kout_str(out, pg.next_topic);
		kout_i32(out, pg.next_partition);
		kout_tags(out);
	}
	kout_tags(out);
	kafka_reply(rq);
}

/* ------------------------------------------------------ FindCoordinator */

static enum kafka_error
may_find(const struct kafka_request *rq, int8_t type, const char *key)
{
	if (type == COORDINATOR_GROUP)
		return kafka_may(rq, ACL_DESCRIBE, ACL_GROUP, key) ?
		    KAFKA_NONE : KAFKA_GROUP_AUTHORIZATION_FAILED;
	if (type == COORDINATOR_TRANSACTION)
		return kafka_may(rq, ACL_DESCRIBE, ACL_TRANSACTIONAL_ID,
		    key) ? KAFKA_NONE :
		    KAFKA_TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
	return KAFKA_INVALID_REQUEST;
}

static void
write_coordinator(struct kafka_request *rq, enum kafka_error error)
{
	struct kafka_out *out = &rq->out;
	bool found = error == KAFKA_NONE;

	kout_i32(out, found ? rq->server->o.node_id : -1);
	kout_str(out, found ? kafka_advertised_host(rq) : "");
	kout_i32(out, found ? kafka_advertised_port(rq) : -1);
}

void
api_find_coordinator(struct kafka_request *rq)
{
	struct kafka_in *in = &rq->in;
	struct kafka_out *out = &rq->out;
	enum kafka_error error;
	const char **keys = NULL;
	const char *key = NULL;
	int32_t n = 0;
	int8_t type;

	if (rq->version <= 3)
		key = kin_str(in);
	type = rq->version >= 1 ? kin_i8(in) : COORDINATOR_GROUP;
	if (rq->version >= 4) {
		n = kin_array(in);
		keys = KIN_CALLOC(in, n, const char *);
		for (int32_t i = 0; i < n && kin_ok(in); i++)
			keys[i] = kin_str(in);
	}
	kin_tags(in);
	if (!kafka_decoded(rq))
		return;
	if (rq->version >= 1)
		kout_throttle(out);
	if (rq->version <= 3) {
		error = may_find(rq, type, key);
		kout_i16(out, error);
		if (rq->version >= 1)
			kout_str_null(out, NULL);
		write_coordinator(rq, error);
	} else {
		kout_array(out, n);
	}
	for (int32_t i = 0; i < n; i++) {
		error = may_find(rq, type, keys[i]);
		kout_str(out, keys[i]);
		write_coordinator(rq, error);
		kout_i16(out, error);
		kout_str_null(out, NULL);
		kout_tags(out);
	}
	kout_tags(out);
	kafka_reply(rq);
}
