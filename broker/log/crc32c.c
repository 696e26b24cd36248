/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRC-32C (Castagnoli, reflected 0x82f63b78).
 *
 * With SSE4.2 three independent streams are run side by side, because the
 * instruction has a latency of three cycles and a throughput of one; their
 * registers are then joined by shifting the earlier ones over the length of
 * the later. Shifting a register over n zero bytes is a multiplication by
 * x^(8n) modulo the polynomial, which is linear, so four tables of 256 words
 * do it. Without the instruction: eight tables, eight bytes a step.
 */
#include "broker/record_batch.h"

#include <endian.h>
#include <pthread.h>
#include <string.h>

#define POLY 0x82f63b78u

enum { LONG_BYTES = 4096, SHORT_BYTES = 256 };

typedef uint32_t crc_fn(uint32_t crc, const uint8_t *p, size_t len);

static pthread_once_t once = PTHREAD_ONCE_INIT;
static crc_fn *crc_impl;
static uint32_t slice_table[8][256];

static uint32_t
crc_software(uint32_t crc, const uint8_t *p, size_t len)
{
	for (; len > 0 && ((uintptr_t)p & 7) != 0; len--)
		crc = slice_table[0][(crc ^ *p++) & 0xff] ^ (crc >> 8);
	for (; len >= 8; len -= 8, p += 8) {
		uint32_t lo, hi;

		memcpy(&lo, p, 4);
		memcpy(&hi, p + 4, 4);
		lo = le32toh(lo) ^ crc;
		hi = le32toh(hi);
		crc = slice_table[7][lo & 0xff] ^
		    slice_table[6][lo >> 8 & 0xff] ^
		    slice_table[5][lo >> 16 & 0xff] ^
		    slice_table[4][lo >> 24] ^
		    slice_table[3][hi & 0xff] ^
		    slice_table[2][hi >> 8 & 0xff] ^
		    slice_table[1][hi >> 16 & 0xff] ^
		    slice_table[0][hi >> 24];
	}
	for (; len > 0; len--)
		crc = slice_table[0][(crc ^ *p++) & 0xff] ^ (crc >> 8);
	return crc;
}

static void
make_slice_tables(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;

		for (int k = 0; k < 8; k++)
			c = (c & 1) != 0 ? (c >> 1) ^ POLY : c >> 1;
		slice_table[0][i] = c;
	}
	for (int t = 1; t < 8; t++)
		for (uint32_t i = 0; i < 256; i++) {
			uint32_t c = slice_table[t - 1][i];

			slice_table[t][i] = slice_table[0][c & 0xff] ^ (c >> 8);
		}
}

#if defined(__x86_64__)

#include <nmmintrin.h>

static uint32_t shift_long[4][256];
static uint32_t shift_short[4][256];

/* a * b modulo the polynomial, both reflected. */
static uint32_t
poly_mul(uint32_t a, uint32_t b)
{
	uint32_t p = 0;

	for (uint32_t m = 1u << 31; m != 0; m >>= 1) {
		if ((a & m) != 0)
			p ^= b;
		b = (b & 1) != 0 ? (b >> 1) ^ POLY : b >> 1;
	}
	return p;
}

static void
make_shift_table(uint32_t table[4][256], size_t bytes)
{
	uint32_t x = 1u << 30;		/* x^1 */
	uint32_t power = 1u << 31;	/* x^0 */

	for (size_t n = bytes * 8; n > 0; n >>= 1) {
		if ((n & 1) != 0)
			power = poly_mul(power, x);
		x = poly_mul(x, x);
	}
	for (uint32_t i = 0; i < 256; i++)
		for (int k = 0; k < 4; k++)
			table[k][i] = poly_mul(power, i << (8 * k));
}

static inline uint32_t
shift(uint32_t table[4][256], uint32_t crc)
{
	return table[0][crc & 0xff] ^ table[1][crc >> 8 & 0xff] ^
	    table[2][crc >> 16 & 0xff] ^ table[3][crc >> 24];
}

static inline uint64_t
load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return v;
}

__attribute__((target("sse4.2"))) static inline uint64_t
three_way(uint64_t c0, const uint8_t *p, size_t bytes,
    uint32_t table[4][256])
{
	uint64_t c1 = 0, c2 = 0;

	for (const uint8_t *end = p + bytes; p < end; p += 8) {
		c0 = _mm_crc32_u64(c0, load64(p));
		c1 = _mm_crc32_u64(c1, load64(p + bytes));
		c2 = _mm_crc32_u64(c2, load64(p + 2 * bytes));
	}
	c0 = shift(table, (uint32_t)c0) ^ c1;
	return shift(table, (uint32_t)c0) ^ c2;
}

__attribute__((target("sse4.2"))) static uint32_t
crc_hardware(uint32_t crc, const uint8_t *p, size_t len)
{
	uint64_t c = crc;

	for (; len > 0 && ((uintptr_t)p & 7) != 0; len--)
		c = _mm_crc32_u8((uint32_t)c, *p++);
	for (; len >= 3 * LONG_BYTES; len -= 3 * LONG_BYTES) {
		c = three_way(c, p, LONG_BYTES, shift_long);
		p += 3 * LONG_BYTES;
	}
	for (; len >= 3 * SHORT_BYTES; len -= 3 * SHORT_BYTES) {
		c = three_way(c, p, SHORT_BYTES, shift_short);
		p += 3 * SHORT_BYTES;
	}
	for (; len >= 8; len -= 8, p += 8)
		c = _mm_crc32_u64(c, load64(p));
	for (; len > 0; len--)
		c = _mm_crc32_u8((uint32_t)c, *p++);
	return (uint32_t)c;
}

#endif

static void
choose(void)
{
	make_slice_tables();
	crc_impl = crc_software;
#if defined(__x86_64__)
	__builtin_cpu_init();
	if (__builtin_cpu_supports("sse4.2")) {
		make_shift_table(shift_long, LONG_BYTES);
		make_shift_table(shift_short, SHORT_BYTES);
		crc_impl = crc_hardware;
	}
#endif
}

uint32_t
crc32c(uint32_t crc, const void *p, size_t len)
{
	pthread_once(&once, choose);
	return ~crc_impl(~crc, p, len);
}

uint32_t
crc32c_portable(uint32_t crc, const void *p, size_t len)
{
	pthread_once(&once, choose);
	return ~crc_software(~crc, p, len);
}
