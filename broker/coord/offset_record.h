/* SPDX-License-Identifier: Apache-2.0 */
/*
 * offset_record.h: keys and values of __consumer_offsets.
 */
#ifndef LEAT_BROKER_OFFSET_RECORD_H
#define LEAT_BROKER_OFFSET_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include <leat/buf.h>
#include <leat/str.h>

struct offset_key {
	bool is_group;		/* key 2: the classic group itself */
	struct leat_str group;
	struct leat_str topic;
	int32_t partition;
};

struct offset_value {
	int64_t offset;
	int32_t leader_epoch;
	struct leat_str metadata;
	int64_t commit_ms;
	int64_t expire_ms;	/* 0 or less: when the broker thinks so */
};

/*
 * Appends key version 1 and value version 3, or 1 where the client wants a time
 * of its own (that one has no leader epoch).
 */
void offset_key_encode(struct leat_buf *to, struct leat_str group,
    struct leat_str topic, int32_t partition);
void offset_group_key_encode(struct leat_buf *to, struct leat_str group);
void offset_value_encode(struct leat_buf *to, const struct offset_value *v);
/*
 * Strings point into the record. 0; 1 when it is of a kind that is not kept
 * here; LEAT_E_PROTO when it does not decode.
 */
int offset_key_decode(struct leat_str key, struct offset_key *ret);
/* Reads versions 0 to 4. */
int offset_value_decode(struct leat_str value, struct offset_value *ret);
/* Java's String.hashCode of UTF-8 text, made positive: picks the partition. */
uint32_t java_hash(struct leat_str s);

#endif
