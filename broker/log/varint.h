/* SPDX-License-Identifier: Apache-2.0 */
/*
 * varint.h: Kafka's zig-zag varints into and out of plain memory, for the two
 * loops that run once per record. Everything else uses leat/wire.h.
 */
#ifndef LEAT_BROKER_VARINT_H
#define LEAT_BROKER_VARINT_H

#include <stddef.h>
#include <stdint.h>

enum { VARINT_MAX = 5, VARLONG_MAX = 10 };

static inline size_t
uvarlong_len(uint64_t v)
{
	return (size_t)(70 - __builtin_clzll(v | 1)) / 7;
}

static inline uint64_t
zigzag64(int64_t v)
{
	return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

static inline size_t
varlong_len(int64_t v)
{
	return uvarlong_len(zigzag64(v));
}

static inline uint8_t *
put_varlong(uint8_t *p, int64_t v)
{
	uint64_t u = zigzag64(v);

	for (; u >= 0x80; u >>= 7)
		*p++ = (uint8_t)(u | 0x80);
	*p++ = (uint8_t)u;
	return p;
}

/* Moves *p behind the number; -1 when it does not end before `end`. */
static inline int
get_varlong(const uint8_t **p, const uint8_t *end, int64_t *ret_value)
{
	const uint8_t *q = *p;
	uint64_t u = 0;

	for (unsigned shift = 0; q < end && shift < 64; shift += 7) {
		uint8_t c = *q++;

		u |= (uint64_t)(c & 0x7f) << shift;
		if (c < 0x80) {
			*p = q;
			*ret_value = (int64_t)(u >> 1) ^ -(int64_t)(u & 1);
			return 0;
		}
	}
	return -1;
}

static inline int
get_varint(const uint8_t **p, const uint8_t *end, int32_t *ret_value)
{
	int64_t v;

	if (get_varlong(p, end, &v) < 0 || v < INT32_MIN || v > INT32_MAX)
		return -1;
	*ret_value = (int32_t)v;
	return 0;
}

#endif
