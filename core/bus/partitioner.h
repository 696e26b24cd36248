/* SPDX-License-Identifier: Apache-2.0 */
/*
 * partitioner.h: which partition a key belongs to, as Kafka's Java client
 * decides it, so that records of other producers meet ours.
 */
#ifndef LEAT_CORE_BUS_PARTITIONER_H
#define LEAT_CORE_BUS_PARTITIONER_H

#include <stddef.h>
#include <stdint.h>

/* Kafka's murmur2 (org.apache.kafka.common.utils.Utils.murmur2). */
uint32_t partitioner_murmur2(const void *key, size_t len);

/* (murmur2(key) & 0x7fffffff) % n */
int32_t partitioner_of_key(const void *key, size_t len, int32_t n);

#endif
