/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_cluster.c: what there is to say of a cluster of one broker:
 * DescribeCluster, DescribeLogDirs, and the answers to those who look for
 * elections, reassignments and quotas.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "broker/broker_int.h"
#include "broker/kafka/acl.h"
#include "broker/kafka/api.h"
#include "broker/kafka/kafka_server.h"
#include "broker/kafka/kafka_request.h"
#include "core/base/obj.h"

enum {
	NOT_ASKED = INT32_MIN,	/* for a set of authorized operations */
	ENDPOINT_BROKERS = 1
};

/* ------------------------------------------------------ DescribeCluster */

void
api_describe_cluster(struct kafka_request *rq)
{
	struct kafka_in *in = &rq->in;
	struct kafka_out *out = &rq->out;
	bool operations = kin_bool(in);
	int8_t endpoint = rq->version >= 1 ? kin_i8(in) : ENDPOINT_BROKERS;
	bool ok = endpoint == ENDPOINT_BROKERS;

	if (rq->version >= 2)
		(void)kin_bool(in);	/* fenced brokers too: there is none */
	kin_tags(in);
	if (!kafka_decoded(rq))
		return;
	kout_throttle(out);
	kout_i16(out, ok ? KAFKA_NONE : KAFKA_UNSUPPORTED_ENDPOINT_TYPE);
	kout_str_null(out, ok ? NULL : "there are only brokers here (1)");
	if (rq->version >= 1)
		kout_i8(out, ENDPOINT_BROKERS);
	kout_str(out, ok ? broker_cluster_id(rq->broker) : "");
	kout_i32(out, ok ? rq->server->o.node_id : -1);
	kout_array(out, ok ? 1 : 0);
	if (ok) {
		kout_i32(out, rq->server->o.node_id);
		kout_str(out, kafka_advertised_host(rq));
		kout_i32(out, kafka_advertised_port(rq));
		kout_str_null(out, NULL);	/* rack */
		if (rq->version >= 2)
			kout_bool(out, false);
		kout_tags(out);
	}
	kout_i32(out, ok && operations ? kafka_may_mask(rq, ACL_CLUSTER,
	    ACL_THE_CLUSTER) : NOT_ASKED);
	kout_tags(out);
	kafka_reply(rq);
}

/* --------------------------------------------- lists of topic partitions */

struct wanted {
	const char *topic;
	int32_t *partitions;
	int32_t n;
};

/* *ret_n -1: all there are. */
static struct wanted *
decode_wanted(struct kafka_in *in, int32_t *ret_n)
{
	int32_t n = kin_array_null(in);
	struct wanted *list = KIN_CALLOC(in, n, struct wanted);

	for (int32_t i = 0; i < n && kin_ok(in); i++) {
		struct wanted *w = &list[i];

		w->topic = kin_str(in);
		w->n = kin_array(in);
		w->partitions = KIN_CALLOC(in, w->n, int32_t);
		for (int32_t k = 0; k < w->n && kin_ok(in); k++)
			w->partitions[k] = kin_i32(in);
		kin_tags(in);
	}
	*ret_n = n;
	return list;
}

/* ------------------------------------------------------ DescribeLogDirs */

struct sizes {
	struct kafka_request *rq;
	int32_t n;
};

static bool
write_size(struct kafka_request *rq, const char *topic, int32_t partition)
{
	struct broker_partition *p = topics_find(rq->broker, topic, partition);
	struct kafka_out *out = &rq->out;

	if (p == NULL)
		return false;
	kout_i32(out, partition);
	kout_i64(out, broker_partition_size(p));
	kout_i64(out, 0);		/* nothing lags behind itself */
	kout_bool(out, false);
	kout_tags(out);
	broker_partition_put(p);
	return true;
}

static int
write_sizes(void *arg, const struct broker_topic_info *info)
{
	struct sizes *s = arg;
	struct kafka_out *out = &s->rq->out;
	int32_t n = 0;
	size_t at;

	kout_str(out, info->name);
	at = kout_array_begin(out);
	for (int32_t i = 0; i < info->partitions; i++)
		n += write_size(s->rq, info->name, i);
	kout_array_end(out, at, n);
	kout_tags(out);
	s->n++;
	return 0;
}

/* What of a topic is not there is left out. */
static void
write_wanted_sizes(struct sizes *s, const struct wanted *w)
{
	struct kafka_out *out = &s->rq->out;
	int32_t n = 0;
	size_t at;

	if (broker_topic_partitions(s->rq->broker, w->topic) < 0)
		return;
	kout_str(out, w->topic);
	at = kout_array_begin(out);
	for (int32_t i = 0; i < w->n; i++)
		n += write_size(s->rq, w->topic, w->partitions[i]);
	kout_array_end(out, at, n);
	kout_tags(out);
	s->n++;
}

static void
write_room(struct kafka_request *rq)
{
	struct kafka_out *out = &rq->out;
	struct statvfs st;
	int64_t total = -1, usable = -1;

	if (statvfs(rq->broker->dir, &st) == 0) {
		total = (int64_t)st.f_blocks * (int64_t)st.f_frsize;
		usable = (int64_t)st.f_bavail * (int64_t)st.f_frsize;
	}
	kout_i64(out, total);
	kout_i64(out, usable);
}

static void
write_log_dir(struct kafka_request *rq, const struct wanted *list, int32_t n)
{
	struct kafka_out *out = &rq->out;
	struct sizes sizes = { rq, 0 };
	char *path = realpath(rq->broker->dir, NULL);
	size_t at;

	kout_i16(out, KAFKA_NONE);
	kout_str(out, path != NULL ? path : rq->broker->dir);
	free(path);
	at = kout_array_begin(out);
	if (n < 0)
		(void)broker_topic_each(rq->broker, write_sizes, &sizes);
	for (int32_t i = 0; i < n; i++)
		write_wanted_sizes(&sizes, &list[i]);
	kout_array_end(out, at, sizes.n);
	if (rq->version >= 4)
		write_room(rq);
	kout_tags(out);
}

void
api_describe_log_dirs(struct kafka_request *rq)
{
	struct kafka_out *out = &rq->out;
	struct wanted *list;
	int32_t n;
	bool may;

	list = decode_wanted(&rq->in, &n);
	kin_tags(&rq->in);
	if (!kafka_decoded(rq))
		return;
	may = kafka_may(rq, ACL_DESCRIBE, ACL_CLUSTER, ACL_THE_CLUSTER);
	kout_throttle(out);
	if (rq->version >= 3)
		kout_i16(out, may ? KAFKA_NONE :
		    KAFKA_CLUSTER_AUTHORIZATION_FAILED);
	kout_array(out, may ? 1 : 0);
	if (may)
		write_log_dir(rq, list, n);
	kout_tags(out);
	kafka_reply(rq);
}

/* --------------------------------------------------------- ElectLeaders */

/* The one broker leads: no election is needed. */
static void
write_elections(struct kafka_request *rq, const struct wanted *w)
{
	int32_t have = broker_topic_partitions(rq->broker, w->topic);
	struct kafka_out *out = &rq->out;

	kout_str(out, w->topic);
	kout_array(out, w->n);
	for (int32_t i = 0; i < w->n; i++) {
		bool there = w->partitions[i] >= 0 && w->partitions[i] < have;

		kout_i32(out, w->partitions[i]);
		kout_i16(out, there ? KAFKA_ELECTION_NOT_NEEDED :
		    KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
		kout_str_null(out, there ? "the one broker there is leads" :
		    "there is no such partition");
		kout_tags(out);
	}
	kout_tags(out);
}

void
api_elect_leaders(struct kafka_request *rq)
{
	struct kafka_in *in = &rq->in;
	struct kafka_out *out = &rq->out;
	struct wanted *list;
	int32_t n;
	bool may;

	if (rq->version >= 1)
		(void)kin_i8(in);	/* preferred or unclean */
	list = decode_wanted(in, &n);
	(void)kin_i32(in);		/* timeout */
	kin_tags(in);
	if (!kafka_decoded(rq))
		return;
	may = kafka_may(rq, ACL_ALTER, ACL_CLUSTER, ACL_THE_CLUSTER);
	kout_throttle(out);
	if (rq->version >= 1)
		kout_i16(out, may ? KAFKA_NONE :
		    KAFKA_CLUSTER_AUTHORIZATION_FAILED);
	/* Where all were meant, those that need none are not listed. */
	kout_array(out, may && n > 0 ? n : 0);
	for (int32_t i = 0; may && i < n; i++)
		write_elections(rq, &list[i]);
	kout_tags(out);
	kafka_reply(rq);
}

/* ------------------------------------------ ListPartitionReassignments */

void
api_list_reassignments(struct kafka_request *rq)
{
	struct kafka_out *out = &rq->out;
	int32_t n;
	bool may;

	(void)kin_i32(&rq->in);		/* timeout */
	(void)decode_wanted(&rq->in, &n);
	kin_tags(&rq->in);
	if (!kafka_decoded(rq))
		return;
	may = kafka_may(rq, ACL_DESCRIBE, ACL_CLUSTER, ACL_THE_CLUSTER);
	kout_throttle(out);
	kout_i16(out, may ? KAFKA_NONE : KAFKA_CLUSTER_AUTHORIZATION_FAILED);
	kout_str_null(out, NULL);
	kout_array(out, 0);		/* none is ever under way */
	kout_tags(out);
	kafka_reply(rq);
}

/* ------------------------------------------------- DescribeClientQuotas */

void
api_describe_client_quotas(struct kafka_request *rq)
{
	struct kafka_in *in = &rq->in;
	struct kafka_out *out = &rq->out;
	int32_t n = kin_array(in);
	bool may;

	for (int32_t i = 0; i < n && kin_ok(in); i++) {
		(void)kin_str(in);	/* entity type */
		(void)kin_i8(in);	/* match type */
		(void)kin_str_null(in);
		kin_tags(in);
	}
	(void)kin_bool(in);		/* strict */
	kin_tags(in);
	if (!kafka_decoded(rq))
		return;
	may = kafka_may(rq, ACL_DESCRIBE_CONFIGS, ACL_CLUSTER,
	    ACL_THE_CLUSTER);
	kout_throttle(out);
	kout_i16(out, may ? KAFKA_NONE : KAFKA_CLUSTER_AUTHORIZATION_FAILED);
	kout_str_null(out, NULL);
	kout_array(out, 0);		/* there are no quotas */
	kout_tags(out);
	kafka_reply(rq);
}
