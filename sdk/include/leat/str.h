/* SPDX-License-Identifier: Apache-2.0 */
/*
 * str.h: strings with a length, and numbers parsed whole or refused.
 */
#ifndef LEAT_STR_H
#define LEAT_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A view of bytes that somebody else owns; not NUL-terminated. */
struct leat_str {
	const char *ptr;
	size_t len;
};

#define LEAT_STR(lit) ((struct leat_str){ (lit), sizeof(lit) - 1 })

static inline struct leat_str
leat_str_c(const char *s)
{
	return (struct leat_str){ s, strlen(s) };
}

static inline bool
leat_str_eq(struct leat_str a, struct leat_str b)
{
	return a.len == b.len &&
	    (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool leat_str_eq_c(struct leat_str a, const char *b);
bool leat_str_starts(struct leat_str s, const char *prefix);
bool leat_str_ends(struct leat_str s, const char *suffix);
/* Without leading and trailing white space. */
struct leat_str leat_str_trim(struct leat_str s);
/* Cuts off and returns what stands before sep; at the end, the rest. */
struct leat_str leat_str_cut(struct leat_str *rest, char sep);

/* The whole text must be one number within [min, max]; 0 or -1. */
int leat_parse_i64(struct leat_str s, int64_t min, int64_t max,
    int64_t *ret_value);
int leat_parse_u64(struct leat_str s, uint64_t max, uint64_t *ret_value);
int leat_parse_f64(struct leat_str s, double *ret_value);
/* true/false, yes/no, on/off, any case; 0 or -1. */
int leat_parse_bool(struct leat_str s, bool *ret_value);
/* A number with an optional unit: ms s m h d, none meaning ms; 0 or -1. */
int leat_parse_duration_ms(struct leat_str s, int64_t *ret_ms);
/* A number with an optional unit: B kB MB GB KiB MiB GiB TiB; 0 or -1. */
int leat_parse_bytes(struct leat_str s, int64_t *ret_bytes);

/* A fast 64-bit hash for tables (not for untrusted key floods: see map.h). */
uint64_t leat_hash(const void *p, size_t len, uint64_t seed);

/* How many edits turn a into b, at most `most`+1; for "did you mean". */
unsigned leat_edit_distance(struct leat_str a, struct leat_str b,
    unsigned most);

/* Base64 (RFC 4648, padded). Encoded size of n bytes, without a NUL. */
static inline size_t
leat_base64_len(size_t n)
{
	return (n + 2) / 3 * 4;
}
void leat_base64_encode(char *to, const void *from, size_t n);
/* Writes at most len/4*3 bytes; their number, or -1 for bad text. */
int64_t leat_base64_decode(void *to, const char *from, size_t len);

/* Is this valid UTF-8 (RFC 3629: no surrogates, no overlong forms)? */
bool leat_utf8_valid(const void *p, size_t len);

#endif
