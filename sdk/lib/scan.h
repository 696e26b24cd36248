/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scan.h: fast scans over text, private to libleat.
 *
 * Each gives the length of the longest prefix without a byte of interest:
 * sixteen bytes at a time with SSE2, eight in a word elsewhere, and the end
 * byte by byte.
 */
#ifndef LEAT_LIB_SCAN_H
#define LEAT_LIB_SCAN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define SCAN_ONES UINT64_C(0x0101010101010101)
#define SCAN_HIGH UINT64_C(0x8080808080808080)

static inline uint64_t
scan_load(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return v;
}

/* Not 0 if a byte of v equals c. */
static inline uint64_t
scan_has(uint64_t v, uint8_t c)
{
	v ^= SCAN_ONES * c;
	return (v - SCAN_ONES) & ~v & SCAN_HIGH;
}

/* Up to the first byte above 0x7f. */
static inline size_t
scan_ascii(const uint8_t *s, size_t n)
{
	size_t i = 0;

#ifdef __SSE2__
	for (; i + 16 <= n; i += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(s + i));
		int mask = _mm_movemask_epi8(v);

		if (mask != 0)
			return i + (size_t)__builtin_ctz((unsigned)mask);
	}
#endif
	for (; i + 8 <= n; i += 8)
		if ((scan_load(s + i) & SCAN_HIGH) != 0)
			break;
	while (i < n && s[i] < 0x80)
		i++;
	return i;
}

/* Not 0 if JSON must escape a byte of v, or one is `high` and above 0x7f. */
static inline uint64_t
scan_json_hit(uint64_t v, int high)
{
	uint64_t hit = scan_has(v, '"') | scan_has(v, '\\') |
	    ((v - SCAN_ONES * 0x20) & ~v & SCAN_HIGH);

	return high ? hit | (v & SCAN_HIGH) : hit;
}

#ifdef __SSE2__
/* The same for sixteen bytes, with a bit for each. */
static inline int
scan_json_mask(__m128i v, int high)
{
	__m128i hit = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')),
	    _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));

	hit = _mm_or_si128(hit, _mm_cmpeq_epi8(v,
	    _mm_min_epu8(v, _mm_set1_epi8(0x1f))));
	return _mm_movemask_epi8(high ? _mm_or_si128(hit, v) : hit);
}
#endif

/*
 * Up to the first byte that JSON must escape; with `high` not 0 also up to the
 * first byte above 0x7f. The caller passes `high` as a constant.
 */
static inline size_t
scan_json(const uint8_t *s, size_t n, int high)
{
	size_t i = 0;

#ifdef __SSE2__
	for (; i + 16 <= n; i += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(s + i));
		int mask = scan_json_mask(v, high);

		if (mask != 0)
			return i + (size_t)__builtin_ctz((unsigned)mask);
	}
#endif
	for (; i + 8 <= n; i += 8)
		if (scan_json_hit(scan_load(s + i), high) != 0)
			break;
	while (i < n && s[i] >= 0x20 && s[i] != '"' && s[i] != '\\' &&
	    !(high && s[i] >= 0x80))
		i++;
	return i;
}

/* Not 0 if a byte of v begins a character of four bytes (or is none). */
static inline uint64_t
scan_has_astral(uint64_t v)
{
	return v & v << 1 & v << 2 & v << 3 & SCAN_HIGH;
}

/*
 * Copies the text up to the first byte that JSON must escape, or that begins a
 * character of four bytes, in one pass, and returns how much that is. Behind
 * it, up to n, `to` may be overwritten.
 */
static inline size_t
scan_copy_json(uint8_t *to, const uint8_t *s, size_t n)
{
	size_t i = 0;

#ifdef __SSE2__
	/* The last block overlaps the one before it, if that was whole. */
	while (n >= 16 && i < n) {
		size_t at = i + 16 <= n ? i : n - 16;
		__m128i v = _mm_loadu_si128((const __m128i *)(s + at));
		int mask = scan_json_mask(v, 0) | _mm_movemask_epi8(
		    _mm_cmpeq_epi8(v, _mm_max_epu8(v,
		    _mm_set1_epi8((char)0xf0))));

		_mm_storeu_si128((__m128i *)(to + at), v);
		if (mask != 0)
			return at + (size_t)__builtin_ctz((unsigned)mask);
		i = at + 16;
	}
#endif
	for (; i + 8 <= n; i += 8) {
		uint64_t v = scan_load(s + i);

		memcpy(to + i, &v, 8);
		if ((scan_json_hit(v, 0) | scan_has_astral(v)) != 0)
			break;
	}
	for (; i < n && s[i] >= 0x20 && s[i] != '"' && s[i] != '\\' &&
	     s[i] < 0xf0;
	     i++)
		to[i] = s[i];
	return i;
}

/*
 * The length of the multi-byte character at s, or 0 if it is not valid
 * (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF).
 */
static inline size_t
scan_utf8_char(const uint8_t *s, size_t n)
{
	uint8_t c = s[0], low = 0x80, high = 0xbf;
	size_t len, i;

	if (c < 0xc2 || c > 0xf4)
		return 0;
	len = 2 + (c >= 0xe0) + (c >= 0xf0);
	if (len > n)
		return 0;
	if (c == 0xe0)
		low = 0xa0;
	else if (c == 0xed)
		high = 0x9f;
	else if (c == 0xf0)
		low = 0x90;
	else if (c == 0xf4)
		high = 0x8f;
	if (s[1] < low || s[1] > high)
		return 0;
	for (i = 2; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

#endif
