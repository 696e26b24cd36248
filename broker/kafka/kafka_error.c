/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_error.c: rows of codes.
 */
#include "broker/kafka/kafka_error.h"

#include <stddef.h>

#include "broker/broker.h"
#include "core/base/obj.h"

static const struct {
	int code;
	const char *name;
} names[] = {
#define X(name, code) { (code), #name },
	KAFKA_ERRORS(X)
#undef X
};

static const struct {
	int code;
	enum kafka_error error;
} rows[] = {
	{ BROKER_E_SEQUENCE, KAFKA_OUT_OF_ORDER_SEQUENCE_NUMBER },
	{ BROKER_E_TXN_STATE, KAFKA_INVALID_TXN_STATE },
	{ BROKER_E_TXN_ID, KAFKA_INVALID_PRODUCER_ID_MAPPING },
	{ BROKER_E_TXN_BUSY, KAFKA_CONCURRENT_TRANSACTIONS },
	{ BROKER_E_TXN_FENCED, KAFKA_PRODUCER_FENCED },
	{ BROKER_E_TXN_TIMEOUT, KAFKA_INVALID_TRANSACTION_TIMEOUT },
	{ BROKER_E_TIMESTAMP, KAFKA_INVALID_TIMESTAMP },
	{ BROKER_E_TOO_LARGE, KAFKA_MESSAGE_TOO_LARGE },
	{ BROKER_E_RECORD, KAFKA_INVALID_RECORD },
	{ BROKER_E_SEGMENT, KAFKA_RECORD_LIST_TOO_LARGE },
	{ BROKER_E_OFFLINE, KAFKA_KAFKA_STORAGE_ERROR },
	{ BROKER_E_TOPIC_NAME, KAFKA_INVALID_TOPIC_EXCEPTION },
	{ BROKER_E_PARTITIONS, KAFKA_INVALID_PARTITIONS },
	{ LEAT_E_CORRUPT, KAFKA_CORRUPT_MESSAGE },
	{ LEAT_E_RANGE, KAFKA_OFFSET_OUT_OF_RANGE },
	{ LEAT_E_NOTFOUND, KAFKA_UNKNOWN_TOPIC_OR_PARTITION },
	{ LEAT_E_EXISTS, KAFKA_TOPIC_ALREADY_EXISTS },
	{ LEAT_E_FENCED, KAFKA_INVALID_PRODUCER_EPOCH },
	{ LEAT_E_CONFIG, KAFKA_INVALID_CONFIG },
	{ BROKER_E_POLICY, KAFKA_POLICY_VIOLATION },
	{ LEAT_E_STOPPED, KAFKA_NOT_LEADER_OR_FOLLOWER },
};

const char *
kafka_error_name(int code)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i].code == code)
			return names[i].name;
	return "UNKNOWN";
}

enum kafka_error
kafka_error_of(const struct leat_err *err)
{
	if (err->code == 0)
		return KAFKA_NONE;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].code == err->code)
			return rows[i].error;
	/* A system error: the disk's, as a rule. */
	if (err->code > -1000)
		return KAFKA_KAFKA_STORAGE_ERROR;
	return KAFKA_UNKNOWN_SERVER_ERROR;
}
