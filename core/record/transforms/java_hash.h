/* SPDX-License-Identifier: Apache-2.0 */
/*
 * java_hash.h: the hashes of values that Debezium's PartitionRouting uses, bit
 * for bit, so that records go to the partitions that they went to there.
 */
#ifndef LEAT_RECORD_JAVA_HASH_H
#define LEAT_RECORD_JAVA_HASH_H

#include <stdint.h>

#include <leat/err.h>
#include <leat/schema.h>

/*
 * Java's hashCode() of what Kafka Connect holds for the value: strings,
 * numbers, bytes (a ByteBuffer), decimals, dates, lists of these. Other values,
 * and decimals whose scale is unknown, fail with class RECORD.
 */
int java_hash_code(const struct leat_schema *s, const struct leat_value *v,
    int32_t *ret, struct leat_err *err);

/* The variant of MurmurHash3 that Debezium has: of text, else of the above. */
int java_hash_murmur(const struct leat_schema *s, const struct leat_value *v,
    int32_t *ret, struct leat_err *err);

#endif
