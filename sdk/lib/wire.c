/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire.c: the slower parts of the cursors.
 */
#include <leat/wire.h>

#include <leat/err.h>

void
leat_reader_fail(struct leat_reader *r)
{
	r->err = LEAT_E_PROTO;
	r->cur = r->end;
}

/*
 * A varint of at most `bits` value bits. What does not fit is refused, also in
 * the last byte, where others drop the bits silently.
 */
static uint64_t
read_varint_bits(struct leat_reader *r, unsigned bits)
{
	uint64_t v = 0;
	unsigned shift;

	for (shift = 0; shift < bits && r->cur < r->end; shift += 7) {
		uint8_t c = *r->cur++;

		if (bits - shift < 7 && (c & 0x7f) >> (bits - shift) != 0)
			break;
		v |= (uint64_t)(c & 0x7f) << shift;
		if (c < 0x80)
			return v;
	}
	leat_reader_fail(r);
	return 0;
}

uint32_t
leat_read_uvarint(struct leat_reader *r)
{
	if (r->cur < r->end && *r->cur < 0x80)
		return *r->cur++;
	return (uint32_t)read_varint_bits(r, 32);
}

int32_t
leat_read_varint(struct leat_reader *r)
{
	uint32_t v = leat_read_uvarint(r);

	return (int32_t)(v >> 1 ^ -(v & 1));
}

int64_t
leat_read_varlong(struct leat_reader *r)
{
	uint64_t v = read_varint_bits(r, 64);

	return (int64_t)(v >> 1 ^ -(v & 1));
}

struct leat_str
leat_read_cstr(struct leat_reader *r)
{
	const uint8_t *p = r->cur;
	const uint8_t *nul = memchr(p, 0, leat_reader_left(r));

	if (nul == NULL) {
		leat_reader_fail(r);
		return (struct leat_str){ NULL, 0 };
	}
	r->cur = nul + 1;
	return (struct leat_str){ (const char *)p, (size_t)(nul - p) };
}

static void
write_varint_bits(struct leat_buf *b, uint64_t v)
{
	uint8_t tmp[10];
	size_t n = 0;

	while (v >= 0x80) {
		tmp[n++] = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	tmp[n++] = (uint8_t)v;
	(void)leat_buf_add(b, tmp, n);
}

static uint32_t
zigzag32(int32_t v)
{
	return (uint32_t)v << 1 ^ (uint32_t)(v >> 31);
}

static uint64_t
zigzag64(int64_t v)
{
	return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}

void
leat_write_uvarint(struct leat_buf *b, uint32_t v)
{
	write_varint_bits(b, v);
}

void
leat_write_varint(struct leat_buf *b, int32_t v)
{
	write_varint_bits(b, zigzag32(v));
}

void
leat_write_varlong(struct leat_buf *b, int64_t v)
{
	write_varint_bits(b, zigzag64(v));
}

size_t
leat_varint_len(int32_t v)
{
	return leat_varlong_len(v);
}

size_t
leat_varlong_len(int64_t v)
{
	unsigned bits = 64 - (unsigned)__builtin_clzll(zigzag64(v) | 1);

	return (bits + 6) / 7;
}
