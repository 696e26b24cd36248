/* SPDX-License-Identifier: Apache-2.0 */
/*
 * java_hash.c: see java_hash.h. Sums are modulo 2^32, hence unsigned.
 */
#include "core/record/transforms/java_hash.h"

#include <string.h>

#include "core/record/transforms/edit.h"
#include "core/record/value_text.h"

enum { LISTS_DEEP = 8 };

/* ---------------------------------------------------------------- hashCode */

/* The next code point of valid UTF-8. */
static uint32_t
next_point(const uint8_t **p, const uint8_t *end)
{
	uint32_t c = *(*p)++;
	int more = (c >= 0xc0) + (c >= 0xe0) + (c >= 0xf0);

	c &= more == 0 ? 0x7f : 0x3fU >> more;
	while (more-- > 0 && *p < end)
		c = c << 6 | (*(*p)++ & 0x3f);
	return c;
}

/* Over the units of UTF-16. */
static uint32_t
hash_string(const struct leat_value *v)
{
	const uint8_t *p = (const uint8_t *)v->u.s, *end = p + v->len;
	uint32_t h = 0, c;

	while (p < end) {
		c = next_point(&p, end);
		if (c >= 0x10000) {
			c -= 0x10000;
			h = 31 * h + (0xd800 + (c >> 10));
			c = 0xdc00 + (c & 0x3ff);
		}
		h = 31 * h + c;
	}
	return h;
}

/* Of a ByteBuffer: from the end, signed. */
static uint32_t
hash_bytes(const struct leat_value *v)
{
	uint32_t h = 1, i;

	for (i = v->len; i > 0; i--)
		h = 31 * h + (uint32_t)(int8_t)v->u.b[i - 1];
	return h;
}

static uint32_t
hash_i64(int64_t i)
{
	const uint64_t u = (uint64_t)i;

	return (uint32_t)(u ^ u >> 32);
}

static uint32_t
hash_f64(double d)
{
	int64_t bits;

	if (d != d)
		return 0x7ff80000;
	memcpy(&bits, &d, sizeof(bits));
	return hash_i64(bits);
}

static uint32_t
hash_f32(double d)
{
	const float f = (float)d;
	uint32_t bits;

	if (f != f)
		return 0x7fc00000;
	memcpy(&bits, &f, sizeof(bits));
	return bits;
}

/*
 * Of a BigDecimal: the magnitude's words from the highest, the sign, the scale.
 * Byte i of the magnitude of a negative number is that of the two's complement
 * inverted, but for the last that is not zero, which is negated.
 */
static uint32_t
hash_decimal(const struct leat_value *v, int32_t scale)
{
	const bool negative = v->len > 0 && (v->u.b[0] & 0x80) != 0;
	uint32_t h = 0, word = 0, last = v->len, i;

	while (last > 0 && v->u.b[last - 1] == 0)
		last--;
	for (i = 0; i < v->len; i++) {
		uint8_t b = v->u.b[i];

		if (negative && i + 1 <= last)
			b = (uint8_t)(~b + (i + 1 == last));
		word = word << 8 | b;
		if ((v->len - i - 1) % 4 == 0) {
			h = 31 * h + word;
			word = 0;
		}
	}
	return 31 * (negative ? -h : h) + (uint32_t)scale;
}

static int hash_value(const struct leat_schema *s, const struct leat_value *v,
    int depth, uint32_t *ret, struct leat_err *err);

static int
hash_list(const struct leat_schema *s, const struct leat_value *v, int depth,
    uint32_t *ret, struct leat_err *err)
{
	uint32_t h = 1, one, i;

	if (depth >= LISTS_DEEP)
		return record_error(err, "lists nested more than %d deep",
		    LISTS_DEEP);
	for (i = 0; i < v->len; i++) {
		if (hash_value(s != NULL ? s->elem : NULL, &v->u.items[i],
			depth + 1, &one, err) < 0)
			return LEAT_E_DATA;
		h = 31 * h + one;
	}
	*ret = h;
	return 0;
}

static int
hash_blob(const struct leat_schema *s, const struct leat_value *v,
    uint32_t *ret, struct leat_err *err)
{
	int32_t scale;

	if (!schema_is(s, LOGICAL_DECIMAL)) {
		*ret = hash_bytes(v);
		return 0;
	}
	if (schema_decimal_scale(s, &scale) < 0)
		return record_error(err, "a decimal without a scale");
	*ret = hash_decimal(v, scale);
	return 0;
}

/* Connect's dates are java.util.Date there: milliseconds. */
static uint32_t
hash_int(const struct leat_schema *s, const struct leat_value *v)
{
	if (schema_is(s, LOGICAL_DATE))
		return hash_i64(v->u.i * INT64_C(86400000));
	if (schema_is(s, LOGICAL_TIME) || schema_is(s, LOGICAL_TIMESTAMP) ||
	    v->kind == LEAT_INT64)
		return hash_i64(v->u.i);
	return (uint32_t)v->u.i;
}

static int
hash_value(const struct leat_schema *s, const struct leat_value *v, int depth,
    uint32_t *ret, struct leat_err *err)
{
	switch (v->kind) {
	case LEAT_NULL:
		*ret = 0;
		return 0;
	case LEAT_BOOLEAN:
		*ret = v->u.i != 0 ? 1231 : 1237;
		return 0;
	case LEAT_INT8:
	case LEAT_INT16:
	case LEAT_INT32:
	case LEAT_INT64:
		*ret = hash_int(s, v);
		return 0;
	case LEAT_FLOAT32:
		*ret = hash_f32(v->u.f);
		return 0;
	case LEAT_FLOAT64:
		*ret = hash_f64(v->u.f);
		return 0;
	case LEAT_STRING:
		*ret = hash_string(v);
		return 0;
	case LEAT_BYTES:
		return hash_blob(s, v, ret, err);
	case LEAT_ARRAY:
		return hash_list(s, v, depth, ret, err);
	}
	return record_error(err, "a %s has no hash", leat_kind_name(v->kind));
}

int
java_hash_code(const struct leat_schema *s, const struct leat_value *v,
    int32_t *ret, struct leat_err *err)
{
	uint32_t h;

	if (hash_value(s, v, 0, &h, err) < 0)
		return LEAT_E_DATA;
	*ret = (int32_t)h;
	return 0;
}

/* ------------------------------------------------------------------ murmur */

enum { MURMUR_SEED = 9001 };

/* An early MurmurHash3 for x64, whose multipliers change with every block. */
struct murmur {
	uint64_t h1, h2;
	uint64_t c1, c2;
};

static uint64_t
rotate(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

static void
mix_block(struct murmur *m, uint64_t k1, uint64_t k2)
{
	m->h1 ^= rotate(k1 * m->c1, 23) * m->c2;
	m->h1 += m->h2;
	m->h2 = rotate(m->h2, 41);
	m->h2 ^= rotate(k2 * m->c2, 23) * m->c1;
	m->h2 += m->h1;
	m->h1 = m->h1 * 3 + 0x52dce729;
	m->h2 = m->h2 * 3 + 0x38495ab5;
	m->c1 = m->c1 * 5 + 0x7b7d159c;
	m->c2 = m->c2 * 5 + 0x6bce6396;
}

static uint64_t
mix_final(uint64_t k)
{
	k ^= k >> 33;
	k *= UINT64_C(0xff51afd7ed558ccd);
	k ^= k >> 33;
	k *= UINT64_C(0xc4ceb9fe1a85ec53);
	return k ^ k >> 33;
}

static uint64_t
load_u64(const uint8_t *p)
{
	uint64_t x = 0;
	int i;

	for (i = 7; i >= 0; i--)
		x = x << 8 | p[i];
	return x;
}

/* The bytes behind the last block are signed there, and so spread upwards. */
static uint64_t
load_tail(const uint8_t *p, size_t n)
{
	uint64_t x = 0;
	size_t i;

	for (i = 0; i < n; i++)
		x ^= (uint64_t)(int64_t)(int8_t)p[i] << (8 * i);
	return x;
}

static uint32_t
murmur(const uint8_t *p, size_t len)
{
	struct murmur m = { UINT64_C(0x9368e53c2f6af274) ^ MURMUR_SEED,
		UINT64_C(0x586dcd208f7cd3fd) ^ MURMUR_SEED,
		UINT64_C(0x87c37b91114253d5), UINT64_C(0x4cf5ad432745937f) };
	size_t rest = len;

	for (; rest >= 16; rest -= 16, p += 16)
		mix_block(&m, load_u64(p), load_u64(p + 8));
	if (rest > 8)
		mix_block(&m, load_tail(p, 8), load_tail(p + 8, rest - 8));
	else if (rest > 0)
		mix_block(&m, load_tail(p, rest), 0);
	m.h2 ^= len;
	m.h1 += m.h2;
	m.h2 += m.h1;
	m.h1 = mix_final(m.h1);
	m.h2 = mix_final(m.h2);
	return (uint32_t)((m.h1 + m.h2) >> 32);
}

int
java_hash_murmur(const struct leat_schema *s, const struct leat_value *v,
    int32_t *ret, struct leat_err *err)
{
	uint8_t bytes[4];
	int32_t code;
	int i;

	if (v->kind == LEAT_STRING) {
		*ret = (int32_t)murmur((const uint8_t *)v->u.s, v->len);
		return 0;
	}
	if (java_hash_code(s, v, &code, err) < 0)
		return LEAT_E_DATA;
	for (i = 0; i < 4; i++)
		bytes[i] = (uint8_t)((uint32_t)code >> (8 * i));
	*ret = (int32_t)murmur(bytes, 4);
	return 0;
}
