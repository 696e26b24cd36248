/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api.h: the handlers that the table of requests names, by family.
 */
#ifndef LEAT_BROKER_KAFKA_API_H
#define LEAT_BROKER_KAFKA_API_H

struct kafka_api;
struct kafka_request;

/* ---- api_versions.c */
void api_versions(struct kafka_request *rq);

/* ---- api_metadata.c */
void api_metadata(struct kafka_request *rq);
void api_describe_topic_partitions(struct kafka_request *rq);
void api_find_coordinator(struct kafka_request *rq);

/* ---- api_produce.c */
void api_produce(struct kafka_request *rq);
void api_produce_cancel(struct kafka_request *rq);

/* ---- api_fetch.c */
void api_fetch(struct kafka_request *rq);
void api_fetch_cancel(struct kafka_request *rq);

/* ---- api_offsets.c */
void api_list_offsets(struct kafka_request *rq);
void api_offset_for_leader_epoch(struct kafka_request *rq);

/* ---- api_topics.c */
void api_create_topics(struct kafka_request *rq);
void api_delete_topics(struct kafka_request *rq);
void api_create_partitions(struct kafka_request *rq);

/* ---- api_delete_records.c */
void api_delete_records(struct kafka_request *rq);

/* ---- api_configs.c */
void api_describe_configs(struct kafka_request *rq);
void api_list_config_resources(struct kafka_request *rq);

/* ---- api_alter_configs.c */
void api_alter_configs(struct kafka_request *rq);
void api_incremental_alter_configs(struct kafka_request *rq);

/* ---- api_cluster.c */
void api_describe_cluster(struct kafka_request *rq);
void api_describe_log_dirs(struct kafka_request *rq);
void api_elect_leaders(struct kafka_request *rq);
void api_list_reassignments(struct kafka_request *rq);
void api_describe_client_quotas(struct kafka_request *rq);

/* ---- api_groups.c */
void api_join_group(struct kafka_request *rq);
void api_sync_group(struct kafka_request *rq);
void api_heartbeat(struct kafka_request *rq);
void api_leave_group(struct kafka_request *rq);
/* Of a join and a sync that wait. */
void api_group_cancel(struct kafka_request *rq);

/* ---- api_group_offsets.c */
void api_offset_commit(struct kafka_request *rq);
void api_offset_fetch(struct kafka_request *rq);
void api_offset_delete(struct kafka_request *rq);

/* ---- api_txn.c */
void api_init_producer_id(struct kafka_request *rq);
void api_add_partitions_to_txn(struct kafka_request *rq);
void api_add_offsets_to_txn(struct kafka_request *rq);
void api_txn_offset_commit(struct kafka_request *rq);
void api_end_txn(struct kafka_request *rq);

/* ---- api_txn_admin.c */
void api_describe_producers(struct kafka_request *rq);
void api_describe_transactions(struct kafka_request *rq);
void api_list_transactions(struct kafka_request *rq);
void api_write_txn_markers(struct kafka_request *rq);

/* ---- api_group_admin.c */
void api_describe_groups(struct kafka_request *rq);
void api_list_groups(struct kafka_request *rq);
void api_delete_groups(struct kafka_request *rq);

/* ---- api_acls.c */
void api_describe_acls(struct kafka_request *rq);
void api_create_acls(struct kafka_request *rq);
void api_delete_acls(struct kafka_request *rq);

/* ---- api_scram.c */
void api_describe_user_scram(struct kafka_request *rq);
void api_alter_user_scram(struct kafka_request *rq);

/* ---- api_sasl.c */
void api_sasl_handshake(struct kafka_request *rq);
void api_sasl_authenticate(struct kafka_request *rq);
void api_sasl_cancel(struct kafka_request *rq);
/* What comes after a handshake of version 0: tokens without a header. */
extern const struct kafka_api api_sasl_raw;

/* ---- api_consumer_group.c */
void api_consumer_group_heartbeat(struct kafka_request *rq);
void api_consumer_group_describe(struct kafka_request *rq);

#endif
