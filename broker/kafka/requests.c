/* SPDX-License-Identifier: Apache-2.0 */
/*
 * requests.c: the table of requests, and what is the same for all of them.
 */
#include <assert.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

#include "broker/kafka/api.h"
#include "broker/kafka/kafka_server.h"
#include "broker/kafka/kafka_request.h"
#include "broker/kafka/sasl.h"
#include "core/base/obj.h"

enum {
	SIZE_BYTES = 4,		/* of a frame's length */
	API_VERSIONS = 18,
	KEY_MAX = 127		/* above all of the table's */
};

/* key, name, versions, first flexible version, flags */
#define ROW(k, n, lo, hi, flex, flags, fn, cancel) \
	{ \
		(k), (n), (lo), (hi), (flex), (lo), (flags), (fn), (cancel) \
	}

static const struct kafka_api table[] = {
	/* Old librdkafka compresses only if 0 is among the versions. */
	{ 0, "Produce", 3, 12, 9, 0, API_OVERLAP, api_produce,
	    api_produce_cancel },
	ROW(1, "Fetch", 4, 16, 12, 0, api_fetch, api_fetch_cancel),
	ROW(2, "ListOffsets", 1, 9, 6, 0, api_list_offsets, NULL),
	ROW(3, "Metadata", 0, 12, 9, 0, api_metadata, NULL),
	ROW(8, "OffsetCommit", 2, 9, 8, 0, api_offset_commit, NULL),
	ROW(9, "OffsetFetch", 1, 9, 6, 0, api_offset_fetch, NULL),
	ROW(10, "FindCoordinator", 0, 5, 3, 0, api_find_coordinator, NULL),
	ROW(11, "JoinGroup", 0, 9, 6, 0, api_join_group, api_group_cancel),
	ROW(12, "Heartbeat", 0, 4, 4, 0, api_heartbeat, NULL),
	ROW(13, "LeaveGroup", 0, 5, 4, 0, api_leave_group, NULL),
	ROW(14, "SyncGroup", 0, 5, 4, 0, api_sync_group, api_group_cancel),
	ROW(15, "DescribeGroups", 0, 6, 5, 0, api_describe_groups, NULL),
	ROW(16, "ListGroups", 0, 5, 3, 0, api_list_groups, NULL),
	ROW(17, "SaslHandshake", 0, 1, -1, API_UNAUTHENTICATED,
	    api_sasl_handshake, NULL),
	ROW(18, "ApiVersions", 0, 4, 3, API_UNAUTHENTICATED,
	    api_versions, NULL),
	ROW(19, "CreateTopics", 2, 7, 5, API_SLOW, api_create_topics, NULL),
	ROW(20, "DeleteTopics", 1, 6, 4, API_SLOW, api_delete_topics, NULL),
	ROW(21, "DeleteRecords", 0, 2, 2, API_SLOW, api_delete_records, NULL),
	/* Slow because a block of producer ids may have to be reserved. */
	ROW(22, "InitProducerId", 0, 5, 2, API_SLOW, api_init_producer_id,
	    NULL),
	ROW(23, "OffsetForLeaderEpoch", 2, 4, 4, 0,
	    api_offset_for_leader_epoch, NULL),
	ROW(24, "AddPartitionsToTxn", 0, 3, 3, 0, api_add_partitions_to_txn,
	    NULL),
	ROW(25, "AddOffsetsToTxn", 0, 4, 3, 0, api_add_offsets_to_txn, NULL),
	ROW(26, "EndTxn", 0, 5, 3, 0, api_end_txn, NULL),
	ROW(27, "WriteTxnMarkers", 1, 1, 1, 0, api_write_txn_markers, NULL),
	ROW(28, "TxnOffsetCommit", 0, 5, 3, 0, api_txn_offset_commit, NULL),
	ROW(29, "DescribeAcls", 1, 3, 2, API_SLOW, api_describe_acls, NULL),
	ROW(30, "CreateAcls", 1, 3, 2, API_SLOW, api_create_acls, NULL),
	ROW(31, "DeleteAcls", 1, 3, 2, API_SLOW, api_delete_acls, NULL),
	ROW(32, "DescribeConfigs", 1, 4, 4, API_SLOW,
	    api_describe_configs, NULL),
	ROW(33, "AlterConfigs", 0, 2, 2, API_SLOW, api_alter_configs, NULL),
	ROW(35, "DescribeLogDirs", 1, 4, 2, API_SLOW,
	    api_describe_log_dirs, NULL),
	/* Slow because it derives keys. */
	ROW(36, "SaslAuthenticate", 0, 2, 2, API_SLOW | API_UNAUTHENTICATED,
	    api_sasl_authenticate, api_sasl_cancel),
	ROW(37, "CreatePartitions", 0, 3, 2, API_SLOW,
	    api_create_partitions, NULL),
	ROW(42, "DeleteGroups", 0, 2, 2, 0, api_delete_groups, NULL),
	ROW(43, "ElectLeaders", 0, 2, 2, 0, api_elect_leaders, NULL),
	ROW(44, "IncrementalAlterConfigs", 0, 1, 1, API_SLOW,
	    api_incremental_alter_configs, NULL),
	ROW(46, "ListPartitionReassignments", 0, 0, 0, 0,
	    api_list_reassignments, NULL),
	ROW(47, "OffsetDelete", 0, 0, -1, 0, api_offset_delete, NULL),
	ROW(48, "DescribeClientQuotas", 0, 1, 1, 0,
	    api_describe_client_quotas, NULL),
	ROW(50, "DescribeUserScramCredentials", 0, 0, 0, API_SLOW,
	    api_describe_user_scram, NULL),
	ROW(51, "AlterUserScramCredentials", 0, 0, 0, API_SLOW,
	    api_alter_user_scram, NULL),
	ROW(60, "DescribeCluster", 0, 2, 0, 0, api_describe_cluster, NULL),
	ROW(61, "DescribeProducers", 0, 0, 0, 0, api_describe_producers,
	    NULL),
	ROW(65, "DescribeTransactions", 0, 0, 0, 0,
	    api_describe_transactions, NULL),
	ROW(66, "ListTransactions", 0, 2, 0, 0, api_list_transactions, NULL),
	ROW(68, "ConsumerGroupHeartbeat", 0, 1, 0, 0,
	    api_consumer_group_heartbeat, NULL),
	ROW(69, "ConsumerGroupDescribe", 0, 1, 0, 0,
	    api_consumer_group_describe, NULL),
	ROW(74, "ListConfigResources", 0, 1, 0, 0,
	    api_list_config_resources, NULL),
	ROW(75, "DescribeTopicPartitions", 0, 0, 0, API_SLOW,
	    api_describe_topic_partitions, NULL),
};

const struct kafka_api *
kafka_apis(size_t *ret_n)
{
	*ret_n = ARRAY_LEN(table);
	return table;
}

/* Rows by key, as each request looks for its own twice. */
static const struct kafka_api *by_key[KEY_MAX + 1];
static pthread_once_t by_key_once = PTHREAD_ONCE_INIT;

static void
fill_by_key(void)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		assert(table[i].key >= 0 && table[i].key <= KEY_MAX);
		by_key[table[i].key] = &table[i];
	}
}

const struct kafka_api *
kafka_api_find(int16_t key)
{
	(void)pthread_once(&by_key_once, fill_by_key);
	return key < 0 || key > KEY_MAX ? NULL : by_key[key];
}

/* The frame's length, the correlation id and, where there are, tags. */
static void
begin_answer(struct kafka_request *rq)
{
	struct kafka_out *out = &rq->out;

	kout_reset(out);
	out->version = rq->version;
	out->flexible = rq->api->flexible >= 0 &&
	    rq->version >= rq->api->flexible;
	kout_i32(out, 0);
	kout_i32(out, rq->correlation_id);
	/* Clients decode this one before they know what we speak. */
	if (rq->api->key != API_VERSIONS)
		kout_tags(out);
}

static int
refuse(struct kafka_request *rq, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(rq->why, sizeof(rq->why), fmt, ap);
	va_end(ap);
	rq->outcome = OUTCOME_HANG_UP;
	return -1;
}

/* The frame is a token of a login, and so is the answer. */
static int
begin_token(struct kafka_request *rq)
{
	rq->api = &api_sasl_raw;
	rq->version = 0;
	rq->correlation_id = 0;
	kin_init(&rq->in, rq->frame, rq->frame_len, &rq->arena, 0, false);
	kout_reset(&rq->out);
	rq->out.version = 0;
	rq->out.flexible = false;
	kout_i32(&rq->out, 0);
	return 0;
}

int
kafka_request_begin(struct kafka_request *rq)
{
	struct kafka_in *in = &rq->in;
	const char *client;
	int16_t key;

	rq->client_id = "";
	if (rq->peer->refused)
		return refuse(rq, "a request after a refused login");
	if (rq->peer->sasl != NULL && sasl_is_raw(rq->peer->sasl))
		return begin_token(rq);
	kin_init(in, rq->frame, rq->frame_len, &rq->arena, 0, false);
	key = kin_i16(in);
	rq->version = kin_i16(in);
	rq->correlation_id = kin_i32(in);
	client = kin_str_null(in);
	rq->client_id = client != NULL ? client : "";
	if (!kin_ok(in))
		return refuse(rq, "no request header (%s)",
		    in->why != NULL ? in->why : "too short");
	if ((rq->api = kafka_api_find(key)) == NULL)
		return refuse(rq, "unknown request %d", key);
	if (!rq->peer->authenticated &&
	    !(rq->api->flags & API_UNAUTHENTICATED))
		return refuse(rq, "%s before authentication", rq->api->name);
	if (rq->version < rq->api->min || rq->version > rq->api->max) {
		if (key != API_VERSIONS)
			return refuse(rq, "%s of version %d, of %d to %d",
			    rq->api->name, rq->version, rq->api->min,
			    rq->api->max);
		/* Answered in the layout of version 0; its body is not read. */
		rq->version = -1;
	}
	in->version = rq->version;
	in->flexible = rq->api->flexible >= 0 &&
	    rq->version >= rq->api->flexible;
	kin_tags(in);
	begin_answer(rq);
	return 0;
}

void
kafka_reply(struct kafka_request *rq)
{
	if (rq->out.buf.failed) {
		kafka_hang_up(rq, "the answer to %s has no room",
		    rq->api->name);
		return;
	}
	leat_put_u32(rq->out.buf.data, (uint32_t)(rq->out.buf.len -
	    SIZE_BYTES + rq->out.slice_bytes));
	rq->outcome = OUTCOME_REPLY;
	rq->carrier->done(rq);
}

void
kafka_reply_nothing(struct kafka_request *rq)
{
	rq->outcome = OUTCOME_SILENCE;
	rq->carrier->done(rq);
}

void
kafka_hang_up(struct kafka_request *rq, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(rq->why, sizeof(rq->why), fmt, ap);
	va_end(ap);
	rq->outcome = OUTCOME_HANG_UP;
	rq->carrier->done(rq);
}

void
kafka_go_slow(struct kafka_request *rq, void (*fn)(struct kafka_request *rq))
{
	if (rq->carrier->go_slow != NULL)
		rq->carrier->go_slow(rq, fn);
	else
		fn(rq);
}

bool
kafka_decoded(struct kafka_request *rq)
{
	if (kin_ok(&rq->in))
		return true;
	kafka_hang_up(rq, "malformed %s of version %d: %s", rq->api->name,
	    rq->version, rq->in.why != NULL ? rq->in.why : "too short");
	return false;
}

void
kafka_drop_frame(struct kafka_request *rq)
{
	free(TAKE(rq->frame));
	rq->frame_len = 0;
	kin_init(&rq->in, NULL, 0, &rq->arena, rq->version,
	    rq->in.flexible);
	if (rq->carrier->frame_dropped != NULL)
		rq->carrier->frame_dropped(rq);
}

const char *
kafka_advertised_host(const struct kafka_request *rq)
{
	const struct kafka_server *s = rq->server;

	return s->advertised_host != NULL ? s->advertised_host :
	    rq->peer->local_host;
}

int32_t
kafka_advertised_port(const struct kafka_request *rq)
{
	const struct kafka_server *s = rq->server;

	return s->advertised_host != NULL ? s->advertised_port :
	    rq->peer->local_port;
}
