/* SPDX-License-Identifier: Apache-2.0 */
/*
 * partitioner.c: see partitioner.h.
 */
#include "core/bus/partitioner.h"

#include <endian.h>
#include <string.h>

uint32_t
partitioner_murmur2(const void *key, size_t len)
{
	static const uint32_t m = 0x5bd1e995;
	const uint8_t *p = key;
	uint32_t h = 0x9747b28c ^ (uint32_t)len, k;

	for (; len >= 4; len -= 4, p += 4) {
		memcpy(&k, p, 4);
		k = le32toh(k);
		k *= m;
		k ^= k >> 24;
		k *= m;
		h *= m;
		h ^= k;
	}
	if (len >= 3)
		h ^= (uint32_t)p[2] << 16;
	if (len >= 2)
		h ^= (uint32_t)p[1] << 8;
	if (len >= 1) {
		h ^= p[0];
		h *= m;
	}
	h ^= h >> 13;
	h *= m;
	h ^= h >> 15;
	return h;
}

int32_t
partitioner_of_key(const void *key, size_t len, int32_t n)
{
	return (int32_t)((partitioner_murmur2(key, len) & 0x7fffffff) %
	    (uint32_t)n);
}
