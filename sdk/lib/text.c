/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.c: UTF-8 and base64.
 */
#include <leat/str.h>

#include "sdk/lib/scan.h"

/* ----------------------------------------------------------------- UTF-8 */

bool
leat_utf8_valid(const void *p, size_t len)
{
	const uint8_t *s = p;
	size_t i = 0, n;

	for (;;) {
		i += scan_ascii(s + i, len - i);
		if (i == len)
			return true;
		n = scan_utf8_char(s + i, len - i);
		if (n == 0)
			return false;
		i += n;
	}
}

/* ---------------------------------------------------------------- base64 */

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
leat_base64_encode(char *to, const void *from, size_t n)
{
	const uint8_t *s = from;
	uint32_t v;

	for (; n >= 3; n -= 3, s += 3, to += 4) {
		v = (uint32_t)s[0] << 16 | (uint32_t)s[1] << 8 | s[2];
		to[0] = alphabet[v >> 18];
		to[1] = alphabet[v >> 12 & 63];
		to[2] = alphabet[v >> 6 & 63];
		to[3] = alphabet[v & 63];
	}
	if (n == 0)
		return;
	v = (uint32_t)s[0] << 16 | (n == 2 ? (uint32_t)s[1] << 8 : 0);
	to[0] = alphabet[v >> 18];
	to[1] = alphabet[v >> 12 & 63];
	to[2] = n == 2 ? alphabet[v >> 6 & 63] : '=';
	to[3] = '=';
}

/* The six bits of a letter, or 64 and more for none. */
static uint32_t
six_bits(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (uint32_t)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (uint32_t)(c - 'a') + 26;
	if (c >= '0' && c <= '9')
		return (uint32_t)(c - '0') + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : 64;
}

/* Decodes n letters (2, 3 or 4) of a quantum into n - 1 bytes; 0 or -1. */
static int
decode_quantum(uint8_t *to, const char *from, size_t n)
{
	uint32_t v = 0, bits;
	size_t i;

	for (i = 0; i < n; i++) {
		bits = six_bits(from[i]);
		if (bits > 63)
			return -1;
		v |= bits << (18 - 6 * i);
	}
	for (i = 0; i + 1 < n; i++)
		to[i] = (uint8_t)(v >> (16 - 8 * i));
	return 0;
}

int64_t
leat_base64_decode(void *to, const char *from, size_t len)
{
	uint8_t *out = to;
	size_t n = 4;

	if (len % 4 != 0)
		return -1;
	for (; len > 0; len -= 4, from += 4, out += n - 1) {
		if (len == 4 && from[3] == '=')
			n = from[2] == '=' ? 2 : 3;
		if (decode_quantum(out, from, n) < 0)
			return -1;
	}
	return out - (uint8_t *)to;
}
