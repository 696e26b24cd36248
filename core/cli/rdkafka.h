/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rdkafka.h: librdkafka, loaded by the commands that need it.
 *
 * The library is not linked: a worker has no use for it, and it would bring
 * more than 1 MB of private memory and a dependency into each process of ours.
 * It is looked up at the first use, and `rdk.conf_set(...)` then calls
 * rd_kafka_conf_set(...).
 */
#ifndef LEAT_CORE_CLI_RDKAFKA_H
#define LEAT_CORE_CLI_RDKAFKA_H

#include <librdkafka/rdkafka.h>

#include <leat/err.h>

/* The functions in use, without the rd_kafka_ in front of their names. */
#define RDKAFKA_FUNCTIONS(X)                             \
	X(AdminOptions_destroy)                          \
	X(AdminOptions_new)                              \
	X(AdminOptions_set_operation_timeout)            \
	X(AdminOptions_set_request_timeout)              \
	X(AlterConfigs)                                  \
	X(AlterConfigs_result_resources)                 \
	X(AlterConsumerGroupOffsets)                     \
	X(AlterConsumerGroupOffsets_destroy)             \
	X(AlterConsumerGroupOffsets_new)                 \
	X(AlterConsumerGroupOffsets_result_groups)       \
	X(ConfigEntry_is_default)                        \
	X(ConfigEntry_is_read_only)                      \
	X(ConfigEntry_is_sensitive)                      \
	X(ConfigEntry_name)                              \
	X(ConfigEntry_source)                            \
	X(ConfigEntry_value)                             \
	X(ConfigResource_configs)                        \
	X(ConfigResource_destroy)                        \
	X(ConfigResource_error)                          \
	X(ConfigResource_error_string)                   \
	X(ConfigResource_new)                            \
	X(ConfigResource_set_config)                     \
	X(ConsumerGroupDescription_coordinator)          \
	X(ConsumerGroupDescription_error)                \
	X(ConsumerGroupDescription_member)               \
	X(ConsumerGroupDescription_member_count)         \
	X(ConsumerGroupDescription_partition_assignor)   \
	X(ConsumerGroupDescription_state)                \
	X(ConsumerGroupListing_group_id)                 \
	X(ConsumerGroupListing_is_simple_consumer_group) \
	X(ConsumerGroupListing_state)                    \
	X(CreatePartitions)                              \
	X(CreatePartitions_result_topics)                \
	X(CreateTopics)                                  \
	X(CreateTopics_result_topics)                    \
	X(DeleteConsumerGroupOffsets)                    \
	X(DeleteConsumerGroupOffsets_destroy)            \
	X(DeleteConsumerGroupOffsets_new)                \
	X(DeleteConsumerGroupOffsets_result_groups)      \
	X(DeleteGroup_destroy)                           \
	X(DeleteGroup_new)                               \
	X(DeleteGroups)                                  \
	X(DeleteGroups_result_groups)                    \
	X(DeleteRecords)                                 \
	X(DeleteRecords_destroy)                         \
	X(DeleteRecords_new)                             \
	X(DeleteRecords_result_offsets)                  \
	X(DeleteTopic_destroy)                           \
	X(DeleteTopic_new)                               \
	X(DeleteTopics)                                  \
	X(DeleteTopics_result_topics)                    \
	X(DescribeConfigs)                               \
	X(DescribeConfigs_result_resources)              \
	X(DescribeConsumerGroups)                        \
	X(DescribeConsumerGroups_result_groups)          \
	X(ListConsumerGroupOffsets)                      \
	X(ListConsumerGroupOffsets_destroy)              \
	X(ListConsumerGroupOffsets_new)                  \
	X(ListConsumerGroupOffsets_result_groups)        \
	X(ListConsumerGroups)                            \
	X(ListConsumerGroups_result_errors)              \
	X(ListConsumerGroups_result_valid)               \
	X(MemberAssignment_partitions)                   \
	X(MemberDescription_assignment)                  \
	X(MemberDescription_client_id)                   \
	X(MemberDescription_consumer_id)                 \
	X(MemberDescription_group_instance_id)           \
	X(MemberDescription_host)                        \
	X(NewPartitions_destroy)                         \
	X(NewPartitions_new)                             \
	X(NewTopic_destroy)                              \
	X(NewTopic_new)                                  \
	X(NewTopic_set_config)                           \
	X(Node_host)                                     \
	X(Node_id)                                       \
	X(Node_port)                                     \
	X(assign)                                        \
	X(assignment)                                    \
	X(clusterid)                                     \
	X(commit)                                        \
	X(conf_destroy)                                  \
	X(conf_get)                                      \
	X(conf_new)                                      \
	X(conf_set)                                      \
	X(conf_set_dr_msg_cb)                            \
	X(conf_set_error_cb)                             \
	X(conf_set_log_cb)                               \
	X(conf_set_opaque)                               \
	X(conf_set_rebalance_cb)                         \
	X(consume_batch_queue)                           \
	X(consumer_group_state_name)                     \
	X(consume_start_queue)                           \
	X(consume_stop)                                  \
	X(consumer_close)                                \
	X(destroy)                                       \
	X(destroy_flags)                                 \
	X(err2name)                                      \
	X(err2str)                                       \
	X(error_code)                                    \
	X(error_destroy)                                 \
	X(error_string)                                  \
	X(event_AlterConfigs_result)                     \
	X(event_AlterConsumerGroupOffsets_result)        \
	X(event_CreatePartitions_result)                 \
	X(event_CreateTopics_result)                     \
	X(event_DeleteConsumerGroupOffsets_result)       \
	X(event_DeleteGroups_result)                     \
	X(event_DeleteRecords_result)                    \
	X(event_DeleteTopics_result)                     \
	X(event_DescribeConfigs_result)                  \
	X(event_DescribeConsumerGroups_result)           \
	X(event_ListConsumerGroupOffsets_result)         \
	X(event_ListConsumerGroups_result)               \
	X(event_destroy)                                 \
	X(event_error)                                   \
	X(event_error_string)                            \
	X(event_type)                                    \
	X(fatal_error)                                   \
	X(flush)                                         \
	X(group_result_error)                            \
	X(group_result_name)                             \
	X(group_result_partitions)                       \
	X(header_get_all)                                \
	X(header_add)                                    \
	X(headers_destroy)                               \
	X(headers_new)                                   \
	X(incremental_assign)                            \
	X(incremental_unassign)                          \
	X(last_error)                                    \
	X(message_destroy)                               \
	X(message_headers)                               \
	X(message_timestamp)                             \
	X(metadata)                                      \
	X(metadata_destroy)                              \
	X(new)                                           \
	X(offsets_for_times)                             \
	X(offsets_store)                                 \
	X(outq_len)                                      \
	X(poll)                                          \
	X(poll_set_consumer)                             \
	X(produce)                                       \
	X(produceva)                                     \
	X(purge)                                         \
	X(queue_destroy)                                 \
	X(queue_get_consumer)                            \
	X(queue_new)                                     \
	X(queue_poll)                                    \
	X(rebalance_protocol)                            \
	X(subscribe)                                     \
	X(topic_destroy)                                 \
	X(topic_name)                                    \
	X(topic_new)                                     \
	X(topic_partition_list_add)                      \
	X(topic_partition_list_destroy)                  \
	X(topic_partition_list_new)                      \
	X(topic_partition_list_sort)                     \
	X(topic_result_error)                            \
	X(topic_result_error_string)                     \
	X(topic_result_name)                             \
	X(version)                                       \
	X(version_str)

struct rdkafka {
#define RDKAFKA_POINTER(name) __typeof__(rd_kafka_##name) *name;
	RDKAFKA_FUNCTIONS(RDKAFKA_POINTER)
#undef RDKAFKA_POINTER
};

/* Filled by rdkafka_load(), constant afterwards. */
extern struct rdkafka rdk;

/*
 * Loads the library, once; call it before the process has threads. 0, or an
 * error of class config that names the package to install.
 */
int rdkafka_load(struct leat_err *err);

#endif
