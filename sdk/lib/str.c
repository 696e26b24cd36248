/* SPDX-License-Identifier: Apache-2.0 */
/*
 * str.c: views of strings, the hash, and the distance between words.
 */
#include <leat/str.h>

bool
leat_str_eq_c(struct leat_str a, const char *b)
{
	return leat_str_eq(a, leat_str_c(b));
}

bool
leat_str_starts(struct leat_str s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.len >= n && (n == 0 || memcmp(s.ptr, prefix, n) == 0);
}

bool
leat_str_ends(struct leat_str s, const char *suffix)
{
	size_t n = strlen(suffix);

	return s.len >= n &&
	    (n == 0 || memcmp(s.ptr + s.len - n, suffix, n) == 0);
}

static bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct leat_str
leat_str_trim(struct leat_str s)
{
	while (s.len > 0 && is_space(s.ptr[0])) {
		s.ptr++;
		s.len--;
	}
	while (s.len > 0 && is_space(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

struct leat_str
leat_str_cut(struct leat_str *rest, char sep)
{
	const char *at = NULL;
	struct leat_str head = *rest;

	if (rest->len > 0)
		at = memchr(rest->ptr, sep, rest->len);
	if (at == NULL) {
		if (rest->len > 0)
			rest->ptr += rest->len;
		rest->len = 0;
		return head;
	}
	head.len = (size_t)(at - head.ptr);
	rest->ptr = at + 1;
	rest->len -= head.len + 1;
	return head;
}

/* -------------------------------------------------------------- hashing */

static inline uint64_t
load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return v;
}

/* Both halves of the 128-bit product, folded. */
static inline uint64_t
fold(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 r = (unsigned __int128)a * b;

	return (uint64_t)r ^ (uint64_t)(r >> 64);
}

uint64_t
leat_hash(const void *p, size_t len, uint64_t seed)
{
	static const uint64_t k0 = 0xa0761d6478bd642fu;
	static const uint64_t k1 = 0xe7037ed1a0b428dbu;
	uint64_t h = seed ^ k0, tail[2] = { 0, 0 };
	const uint8_t *s = p;
	size_t left = len;

	for (; left > 16; s += 16, left -= 16)
		h = fold(load64(s) ^ k1, load64(s + 8) ^ h);
	if (left > 0)
		memcpy(tail, s, left);
	h = fold(tail[0] ^ k1, tail[1] ^ h);
	return fold(h ^ k0, (uint64_t)len ^ k1);
}

/* ------------------------------------------------------- edit distance */

enum { EDIT_MAX = 64 };		/* longer words are not compared */

static unsigned
min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* One row of the table: distances of a[0..i) to all prefixes of b. */
static unsigned
edit_row(struct leat_str a, struct leat_str b, size_t i,
    const unsigned *before, const unsigned *prev, unsigned *row)
{
	unsigned best = row[0] = (unsigned)i;
	size_t j;

	for (j = 1; j <= b.len; j++) {
		unsigned cost = a.ptr[i - 1] != b.ptr[j - 1];

		row[j] = min3(prev[j] + 1, row[j - 1] + 1, prev[j - 1] + cost);
		if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] &&
		    a.ptr[i - 2] == b.ptr[j - 1] && before[j - 2] + 1 < row[j])
			row[j] = before[j - 2] + 1;
		if (row[j] < best)
			best = row[j];
	}
	return best;
}

unsigned
leat_edit_distance(struct leat_str a, struct leat_str b, unsigned most)
{
	unsigned rows[3][EDIT_MAX + 1] = { { 0 } };
	size_t i, j;

	if (leat_str_eq(a, b))
		return 0;
	if (a.len > EDIT_MAX || b.len > EDIT_MAX)
		return most + 1;
	for (j = 0; j <= b.len; j++)
		rows[0][j] = (unsigned)j;
	for (i = 1; i <= a.len; i++)
		if (edit_row(a, b, i, rows[(i + 1) % 3], rows[(i + 2) % 3],
		    rows[i % 3]) > most + 1)
			return most + 1;
	i = a.len % 3;
	return rows[i][b.len] > most ? most + 1 : rows[i][b.len];
}
