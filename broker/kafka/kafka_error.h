/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_error.h: the error codes of Kafka's protocol, and what of ours they
 * stand for.
 */
#ifndef LEAT_BROKER_KAFKA_KAFKA_ERROR_H
#define LEAT_BROKER_KAFKA_KAFKA_ERROR_H

#include <leat/err.h>

#define KAFKA_ERRORS(X)                                                 \
	X(UNKNOWN_SERVER_ERROR, -1)                                     \
	X(NONE, 0)                                                      \
	X(OFFSET_OUT_OF_RANGE, 1)                                       \
	X(CORRUPT_MESSAGE, 2)                                           \
	X(UNKNOWN_TOPIC_OR_PARTITION, 3)                                \
	X(LEADER_NOT_AVAILABLE, 5)                                      \
	X(NOT_LEADER_OR_FOLLOWER, 6)                                    \
	X(REQUEST_TIMED_OUT, 7)                                         \
	X(MESSAGE_TOO_LARGE, 10)                                        \
	X(OFFSET_METADATA_TOO_LARGE, 12)                                \
	X(COORDINATOR_LOAD_IN_PROGRESS, 14)                             \
	X(COORDINATOR_NOT_AVAILABLE, 15)                                \
	X(NOT_COORDINATOR, 16)                                          \
	X(INVALID_TOPIC_EXCEPTION, 17)                                  \
	X(RECORD_LIST_TOO_LARGE, 18)                                    \
	X(NOT_ENOUGH_REPLICAS, 19)                                      \
	X(INVALID_REQUIRED_ACKS, 21)                                    \
	X(ILLEGAL_GENERATION, 22)                                       \
	X(INCONSISTENT_GROUP_PROTOCOL, 23)                              \
	X(INVALID_GROUP_ID, 24)                                         \
	X(UNKNOWN_MEMBER_ID, 25)                                        \
	X(INVALID_SESSION_TIMEOUT, 26)                                  \
	X(REBALANCE_IN_PROGRESS, 27)                                    \
	X(INVALID_COMMIT_OFFSET_SIZE, 28)                               \
	X(TOPIC_AUTHORIZATION_FAILED, 29)                               \
	X(GROUP_AUTHORIZATION_FAILED, 30)                               \
	X(CLUSTER_AUTHORIZATION_FAILED, 31)                             \
	X(INVALID_TIMESTAMP, 32)                                        \
	X(UNSUPPORTED_SASL_MECHANISM, 33)                               \
	X(ILLEGAL_SASL_STATE, 34)                                       \
	X(UNSUPPORTED_VERSION, 35)                                      \
	X(TOPIC_ALREADY_EXISTS, 36)                                     \
	X(INVALID_PARTITIONS, 37)                                       \
	X(INVALID_REPLICATION_FACTOR, 38)                               \
	X(INVALID_REPLICA_ASSIGNMENT, 39)                               \
	X(INVALID_CONFIG, 40)                                           \
	X(NOT_CONTROLLER, 41)                                           \
	X(INVALID_REQUEST, 42)                                          \
	X(UNSUPPORTED_FOR_MESSAGE_FORMAT, 43)                           \
	X(POLICY_VIOLATION, 44)                                         \
	X(OUT_OF_ORDER_SEQUENCE_NUMBER, 45)                             \
	X(DUPLICATE_SEQUENCE_NUMBER, 46)                                \
	X(INVALID_PRODUCER_EPOCH, 47)                                   \
	X(INVALID_TXN_STATE, 48)                                        \
	X(INVALID_PRODUCER_ID_MAPPING, 49)                              \
	X(INVALID_TRANSACTION_TIMEOUT, 50)                              \
	X(CONCURRENT_TRANSACTIONS, 51)                                  \
	X(TRANSACTION_COORDINATOR_FENCED, 52)                           \
	X(TRANSACTIONAL_ID_AUTHORIZATION_FAILED, 53)                    \
	X(SECURITY_DISABLED, 54)                                        \
	X(OPERATION_NOT_ATTEMPTED, 55)                                  \
	X(KAFKA_STORAGE_ERROR, 56)                                      \
	X(LOG_DIR_NOT_FOUND, 57)                                        \
	X(SASL_AUTHENTICATION_FAILED, 58)                               \
	X(UNKNOWN_PRODUCER_ID, 59)                                      \
	X(NON_EMPTY_GROUP, 68)                                          \
	X(GROUP_ID_NOT_FOUND, 69)                                       \
	X(FETCH_SESSION_ID_NOT_FOUND, 70)                               \
	X(INVALID_FETCH_SESSION_EPOCH, 71)                              \
	X(TOPIC_DELETION_DISABLED, 73)                                  \
	X(FENCED_LEADER_EPOCH, 74)                                      \
	X(UNKNOWN_LEADER_EPOCH, 75)                                     \
	X(UNSUPPORTED_COMPRESSION_TYPE, 76)                             \
	X(OFFSET_NOT_AVAILABLE, 78)                                     \
	X(MEMBER_ID_REQUIRED, 79)                                       \
	X(GROUP_MAX_SIZE_REACHED, 81)                                   \
	X(FENCED_INSTANCE_ID, 82)                                       \
	X(ELECTION_NOT_NEEDED, 84)                                      \
	X(NO_REASSIGNMENT_IN_PROGRESS, 85)                              \
	X(GROUP_SUBSCRIBED_TO_TOPIC, 86)                                \
	X(INVALID_RECORD, 87)                                           \
	X(UNSTABLE_OFFSET_COMMIT, 88)                                   \
	X(PRODUCER_FENCED, 90)                                          \
	X(RESOURCE_NOT_FOUND, 91)                                       \
	X(DUPLICATE_RESOURCE, 92)                                       \
	X(UNACCEPTABLE_CREDENTIAL, 93)                                  \
	X(UNKNOWN_TOPIC_ID, 100)                                        \
	X(INCONSISTENT_TOPIC_ID, 103)                                   \
	X(TRANSACTIONAL_ID_NOT_FOUND, 105)                              \
	X(FETCH_SESSION_TOPIC_ID_ERROR, 106)                            \
	X(FENCED_MEMBER_EPOCH, 110)                                     \
	X(UNRELEASED_INSTANCE_ID, 111)                                  \
	X(UNSUPPORTED_ASSIGNOR, 112)                                    \
	X(STALE_MEMBER_EPOCH, 113)                                      \
	X(UNSUPPORTED_ENDPOINT_TYPE, 115)                               \
	X(TRANSACTION_ABORTABLE, 120)                                   \
	X(INVALID_REGULAR_EXPRESSION, 128)

enum kafka_error {
#define X(name, code) KAFKA_##name = (code),
	KAFKA_ERRORS(X)
#undef X
};

/* "UNKNOWN_TOPIC_OR_PARTITION"; a number we do not know gives "UNKNOWN". */
const char *kafka_error_name(int code);
/* What a client is told of an error of the broker's; NONE for none. */
enum kafka_error kafka_error_of(const struct leat_err *err);

#endif
