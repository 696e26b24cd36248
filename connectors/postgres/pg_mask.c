/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_mask.c: what a masked, hashed or truncated value becomes.
 */
#include "pg_mask.h"

#include <string.h>

#include "pg_digest.h"

/* Bytes of the first n of Java's characters; a pair is never cut apart. */
static uint32_t
prefix_bytes(const char *s, uint32_t len, uint32_t n)
{
	uint32_t i = 0;

	while (i < len) {
		unsigned char c = (unsigned char)s[i];
		uint32_t units = c >= 0xf0 ? 2 : 1;

		if (units > n)
			break;
		n -= units;
		i += c < 0xe0 ? 1 + (c >= 0x80) : 3 + (c >= 0xf0);
	}
	return i < len ? i : len;
}

static void
truncate_value(const struct pg_mask *m, struct leat_value *v)
{
	if (v->kind == LEAT_BYTES && v->len > m->length)
		v->len = m->length;
	else if (v->kind == LEAT_STRING && v->len > m->length)
		v->len = prefix_bytes(v->u.s, v->len, m->length);
}

static uint8_t *
put_surrogate(uint8_t *to, uint32_t unit)
{
	*to++ = 0xe0 | (uint8_t)(unit >> 12);
	*to++ = 0x80 | (unit >> 6 & 0x3f);
	*to++ = 0x80 | (unit & 0x3f);
	return to;
}

/*
 * A text as Java's ObjectOutputStream writes it: header, tag, length, and
 * UTF-8 in which what lies beyond U+FFFF is two characters of three bytes.
 */
static int
java_serialized(struct leat_str *text, struct leat_batch *mem)
{
	uint8_t *b = leat_batch_alloc(mem, (uint64_t)text->len * 3 / 2 + 16);
	const uint8_t *p = (const uint8_t *)text->ptr, *end = p + text->len;
	uint8_t *start, *to;
	uint64_t n;

	if (b == NULL)
		return PG_CONV_NOMEM;
	start = to = b + 13;	/* behind the longer of both headers */
	while (p < end) {
		uint32_t c = *p;

		if (c < 0xf0 || end - p < 4) {
			*to++ = *p++;
			continue;
		}
		c = ((c & 7) << 18 | (p[1] & 0x3fu) << 12 |
		    (p[2] & 0x3fu) << 6 | (p[3] & 0x3fu)) - 0x10000;
		to = put_surrogate(to, 0xd800 + (c >> 10));
		to = put_surrogate(to, 0xdc00 + (c & 0x3ff));
		p += 4;
	}
	n = (uint64_t)(to - start);
	for (int i = 0, width = n > 0xffff ? 8 : 2; i < width; i++)
		*--start = (uint8_t)(n >> (8 * i));
	*--start = n > 0xffff ? 0x7c : 0x74;
	start -= 4;
	memcpy(start, "\xac\xed\0\5", 4);
	*text = (struct leat_str){ (const char *)start,
		(size_t)(to - start) };
	return 0;
}

static int
hash_value(const struct pg_mask *m, struct leat_batch *mem,
    struct leat_value *v)
{
	static const char hex[] = "0123456789abcdef";
	struct leat_str data = { v->u.s, v->len };
	uint8_t h[PG_DIGEST_MAX];
	char *s = leat_batch_alloc(mem, 2 * sizeof(h));
	int n;

	if (s == NULL || (m->what == PG_MASK_HASH_V1 &&
	    java_serialized(&data, mem) < 0))
		return PG_CONV_NOMEM;
	n = pg_digest(m->digest, leat_str_c(m->salt), data, h);
	if (n < 0)
		return PG_CONV_NONE;
	for (int i = 0; i < n; i++) {
		s[2 * i] = hex[h[i] >> 4];
		s[2 * i + 1] = hex[h[i] & 15];
	}
	n *= 2;
	*v = leat_string(s, (uint32_t)n < m->length ? (uint32_t)n : m->length);
	return 0;
}

int
pg_mask_value(const struct pg_mask *m, struct leat_batch *mem,
    struct leat_value *v)
{
	if (m->what == PG_MASK_TRUNCATE) {
		truncate_value(m, v);
	} else if (m->what == PG_MASK_CHARS) {
		/* Null too: that there is nothing is not told either. */
		*v = leat_string(m->text, m->length);
	} else if (v->kind == LEAT_STRING) {
		return hash_value(m, mem, v);
	}
	return 0;
}
