/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_text.h: pieces of JSON text written through a bare pointer.
 *
 * These are the innermost steps of encoding. None checks for room: the caller
 * has reserved what JSON_NUMBER_MAX, JSON_STRING_MAX and JSON_SLACK say.
 */
#ifndef LEAT_RECORD_JSON_TEXT_H
#define LEAT_RECORD_JSON_TEXT_H

#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum {
	JSON_NUMBER_MAX = 32,	/* any number, with what it overwrites */
	JSON_SLACK = 64,	/* behind the end, for copies in blocks */
	JSON_SHORT_STRING = 512	/* reserved for the worst case, unseen */
};

/* A string of n bytes takes at most this much. */
#define JSON_STRING_MAX(n) ((size_t)(n) * 6 + 2)

/*
 * The eight decimal digits of v < 10^8, most significant first in memory
 * (little-endian), as numbers 0..9.
 */
static inline uint64_t
json_eight_digits(uint32_t v)
{
	uint64_t halves = v / 10000 | (uint64_t)(v % 10000) << 32;
	uint64_t hundreds = ((halves * 10486) >> 20) & UINT64_C(0x7f0000007f);
	uint64_t pairs = ((halves - 100 * hundreds) << 16) + hundreds;
	uint64_t tens = ((pairs * 103) >> 10) & UINT64_C(0x000f000f000f000f);

	return ((pairs - 10 * tens) << 8) + tens;
}

static inline uint8_t *
json_put_eight(uint8_t *p, uint64_t digits)
{
	digits |= UINT64_C(0x3030303030303030);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	digits = __builtin_bswap64(digits);
#endif
	memcpy(p, &digits, 8);
	return p + 8;
}

/* The same without leading zeros. */
static inline uint8_t *
json_put_up_to_eight(uint8_t *p, uint64_t digits)
{
	unsigned zeros = (unsigned)__builtin_ctzll(digits |
	    UINT64_C(1) << 56) / 8;

	json_put_eight(p, digits >> (8 * zeros));
	return p + 8 - zeros;
}

static inline uint8_t *
json_put_u64(uint8_t *p, uint64_t v)
{
	const uint64_t e8 = 100000000, e16 = e8 * e8;
	uint64_t low;

	if (v < 10) {
		*p = (uint8_t)('0' + v);
		return p + 1;
	}
	if (v < e8)
		return json_put_up_to_eight(p, json_eight_digits((uint32_t)v));
	if (v < e16) {
		p = json_put_up_to_eight(p,
		    json_eight_digits((uint32_t)(v / e8)));
		return json_put_eight(p, json_eight_digits((uint32_t)(v % e8)));
	}
	p = json_put_up_to_eight(p, json_eight_digits((uint32_t)(v / e16)));
	low = v % e16;
	p = json_put_eight(p, json_eight_digits((uint32_t)(low / e8)));
	return json_put_eight(p, json_eight_digits((uint32_t)(low % e8)));
}

static inline uint8_t *
json_put_i64(uint8_t *p, int64_t v)
{
	if (v >= 0)
		return json_put_u64(p, (uint64_t)v);
	*p = '-';
	return json_put_u64(p + 1, -(uint64_t)v);
}

/* Not 0 if one of the eight bytes must be escaped, or begins four. */
static inline uint64_t
json_must_escape8(uint64_t v)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t quote = v ^ ones * '"', slash = v ^ ones * '\\';

	uint64_t four = v & v << 1 & v << 2 & v << 3;

	return ((((v - ones * 0x20) | ((quote - ones) & ~quote) |
	    ((slash - ones) & ~slash)) & ~v) | four) & ones << 7;
}

/* The end of json_copy_plain where a byte must be escaped, or is near one. */
static inline size_t
json_copy_bytes(uint8_t *to, const uint8_t *s, size_t i, size_t n)
{
	for (; i < n && s[i] >= 0x20 && s[i] < 0xf0 && s[i] != '"' &&
	     s[i] != '\\';
	     i++)
		to[i] = s[i];
	return i;
}

/* n < 8, in one word made of overlapping parts. */
static inline size_t
json_copy_short(uint8_t *to, const uint8_t *s, size_t n)
{
	uint32_t head, tail;
	uint64_t w;

	if (n >= 4) {
		memcpy(&head, s, 4);
		memcpy(&tail, s + n - 4, 4);
		if (json_must_escape8(head | (uint64_t)tail << 32) != 0)
			return json_copy_bytes(to, s, 0, n);
		memcpy(to, &head, 4);
		memcpy(to + n - 4, &tail, 4);
		return n;
	}
	if (n == 0)
		return 0;
	w = UINT64_C(0x3030303030000000) | s[0] | (uint64_t)s[n / 2] << 8 |
	    (uint64_t)s[n - 1] << 16;
	if (json_must_escape8(w | UINT64_C(0x30000000)) != 0)
		return json_copy_bytes(to, s, 0, n);
	to[0] = s[0];
	to[n / 2] = s[n / 2];
	to[n - 1] = s[n - 1];
	return n;
}

#ifdef __SSE2__
/* Bit i is set if byte i must be escaped, or begins four. */
static inline unsigned
json_must_escape16(__m128i v)
{
	__m128i hit = _mm_or_si128(
	    _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')),
		_mm_cmpeq_epi8(v, _mm_set1_epi8('\\'))),
	    _mm_cmpeq_epi8(v, _mm_min_epu8(v, _mm_set1_epi8(0x1f))));
	__m128i four = _mm_cmpeq_epi8(v, _mm_max_epu8(v,
	    _mm_set1_epi8((char)0xf0)));

	return (unsigned)_mm_movemask_epi8(_mm_or_si128(hit, four));
}

/* 8 <= n < 16, in one register made of overlapping halves. */
static inline size_t
json_copy_halves(uint8_t *to, const uint8_t *s, size_t n)
{
	__m128i v = _mm_unpacklo_epi64(
	    _mm_loadl_epi64((const __m128i *)s),
	    _mm_loadl_epi64((const __m128i *)(s + n - 8)));
	unsigned mask = json_must_escape16(v);
	size_t at;

	_mm_storel_epi64((__m128i *)to, v);
	_mm_storel_epi64((__m128i *)(to + n - 8), _mm_unpackhi_epi64(v, v));
	if (mask == 0)
		return n;
	at = (size_t)__builtin_ctz(mask);
	return at < 8 ? at : n - 16 + at;
}

/* n >= 8; what remains behind the last whole block overlaps it. */
static inline size_t
json_copy_long(uint8_t *to, const uint8_t *s, size_t n)
{
	size_t i = 0;

	if (n < 16)
		return json_copy_halves(to, s, n);
	for (;;) {
		__m128i v = _mm_loadu_si128((const __m128i *)(s + i));
		unsigned mask = json_must_escape16(v);

		_mm_storeu_si128((__m128i *)(to + i), v);
		if (mask != 0)
			return i + (size_t)__builtin_ctz(mask);
		i += 16;
		if (i == n)
			return n;
		if (i > n - 16)
			i = n - 16;
	}
}
#else
static inline size_t
json_copy_long(uint8_t *to, const uint8_t *s, size_t n)
{
	size_t i = 0;
	uint64_t w;

	for (;;) {
		memcpy(&w, s + i, 8);
		if (json_must_escape8(w) != 0)
			return json_copy_bytes(to, s, i, n);
		memcpy(to + i, &w, 8);
		i += 8;
		if (i == n)
			return n;
		if (i > n - 8)
			i = n - 8;
	}
}
#endif

/*
 * Copies n bytes up to the first that must be escaped and returns how many
 * those are. May write up to 16 bytes more than it copies, reads none more.
 */
static inline size_t
json_copy_plain(uint8_t *to, const uint8_t *s, size_t n)
{
	return n < 8 ? json_copy_short(to, s, n) : json_copy_long(to, s, n);
}

/* The rest of a text from a byte that must be escaped. */
uint8_t *json_put_escaped(uint8_t *p, const uint8_t *s, size_t n);

/* Text escaped, without quotes. */
static inline uint8_t *
json_put_piece(uint8_t *p, const uint8_t *s, size_t n)
{
	size_t done = json_copy_plain(p, s, n);

	if (done < n)
		return json_put_escaped(p + done, s + done, n - done);
	return p + n;
}

/* A quoted string. */
static inline uint8_t *
json_put_string(uint8_t *p, const uint8_t *s, size_t n)
{
	*p = '"';
	p = json_put_piece(p + 1, s, n);
	*p = '"';
	return p + 1;
}

#endif
