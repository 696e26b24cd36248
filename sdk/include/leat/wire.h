/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire.h: cursors over binary formats, big-endian, with a sticky error.
 *
 * A reader never reads past its end: the first read that does not fit sets
 * `err`, and from then on every read gives 0 and moves nothing. Decode a whole
 * message, then check `err` once. Varints are Kafka's (zig-zag) and protobuf's
 * (unsigned), at most 5 or 10 bytes.
 */
#ifndef LEAT_WIRE_H
#define LEAT_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <leat/buf.h>
#include <leat/str.h>

/* Between the machine's order and big-endian, without <endian.h>'s macros. */
#define LEAT_BIG_ENDIAN (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)

static inline uint16_t
leat_be16(uint16_t v)
{
	return LEAT_BIG_ENDIAN ? v : __builtin_bswap16(v);
}

static inline uint32_t
leat_be32(uint32_t v)
{
	return LEAT_BIG_ENDIAN ? v : __builtin_bswap32(v);
}

static inline uint64_t
leat_be64(uint64_t v)
{
	return LEAT_BIG_ENDIAN ? v : __builtin_bswap64(v);
}

struct leat_reader {
	const uint8_t *start;
	const uint8_t *cur;
	const uint8_t *end;
	int err;		/* 0 or LEAT_E_PROTO */
};

static inline void
leat_reader_init(struct leat_reader *r, const void *p, size_t len)
{
	r->start = r->cur = (const uint8_t *)(p != NULL ? p : "");
	r->end = r->start + len;
	r->err = 0;
}

static inline size_t
leat_reader_left(const struct leat_reader *r)
{
	return (size_t)(r->end - r->cur);
}

static inline size_t
leat_reader_pos(const struct leat_reader *r)
{
	return (size_t)(r->cur - r->start);
}

/* Marks the reader as failed and parks it. */
void leat_reader_fail(struct leat_reader *r);

/* The next n bytes, or NULL on underflow. */
static inline const uint8_t *
leat_read_bytes(struct leat_reader *r, size_t n)
{
	const uint8_t *p = r->cur;

	if (n > leat_reader_left(r)) {
		leat_reader_fail(r);
		return NULL;
	}
	r->cur += n;
	return p;
}

static inline uint8_t
leat_read_u8(struct leat_reader *r)
{
	const uint8_t *p = leat_read_bytes(r, 1);

	return p == NULL ? 0 : *p;
}

static inline uint16_t
leat_read_u16(struct leat_reader *r)
{
	const uint8_t *p = leat_read_bytes(r, 2);
	uint16_t v = 0;

	if (p != NULL)
		memcpy(&v, p, 2);
	return leat_be16(v);
}

static inline uint32_t
leat_read_u32(struct leat_reader *r)
{
	const uint8_t *p = leat_read_bytes(r, 4);
	uint32_t v = 0;

	if (p != NULL)
		memcpy(&v, p, 4);
	return leat_be32(v);
}

static inline uint64_t
leat_read_u64(struct leat_reader *r)
{
	const uint8_t *p = leat_read_bytes(r, 8);
	uint64_t v = 0;

	if (p != NULL)
		memcpy(&v, p, 8);
	return leat_be64(v);
}

#define leat_read_i8(r) ((int8_t)leat_read_u8(r))
#define leat_read_i16(r) ((int16_t)leat_read_u16(r))
#define leat_read_i32(r) ((int32_t)leat_read_u32(r))
#define leat_read_i64(r) ((int64_t)leat_read_u64(r))

/* Unsigned and zig-zag varints of 32 and 64 bits. */
uint32_t leat_read_uvarint(struct leat_reader *r);
int32_t leat_read_varint(struct leat_reader *r);
int64_t leat_read_varlong(struct leat_reader *r);
/* Text up to and without its NUL; {NULL,0} on underflow. */
struct leat_str leat_read_cstr(struct leat_reader *r);

/* Writers append to a leat_buf, whose `failed` flag is the sticky error. */
static inline void
leat_write_u8(struct leat_buf *b, uint8_t v)
{
	(void)leat_buf_add_byte(b, v);
}

static inline void
leat_write_u16(struct leat_buf *b, uint16_t v)
{
	v = leat_be16(v);
	(void)leat_buf_add(b, &v, 2);
}

static inline void
leat_write_u32(struct leat_buf *b, uint32_t v)
{
	v = leat_be32(v);
	(void)leat_buf_add(b, &v, 4);
}

static inline void
leat_write_u64(struct leat_buf *b, uint64_t v)
{
	v = leat_be64(v);
	(void)leat_buf_add(b, &v, 8);
}

void leat_write_uvarint(struct leat_buf *b, uint32_t v);
void leat_write_varint(struct leat_buf *b, int32_t v);
void leat_write_varlong(struct leat_buf *b, int64_t v);
/* Bytes that a zig-zag varint takes. */
size_t leat_varint_len(int32_t v);
size_t leat_varlong_len(int64_t v);

/* In-place stores and loads at a byte position, for headers. */
static inline void
leat_put_u16(void *p, uint16_t v)
{
	v = leat_be16(v);
	memcpy(p, &v, 2);
}

static inline void
leat_put_u32(void *p, uint32_t v)
{
	v = leat_be32(v);
	memcpy(p, &v, 4);
}

static inline void
leat_put_u64(void *p, uint64_t v)
{
	v = leat_be64(v);
	memcpy(p, &v, 8);
}

static inline uint16_t
leat_get_u16(const void *p)
{
	uint16_t v;

	memcpy(&v, p, 2);
	return leat_be16(v);
}

static inline uint32_t
leat_get_u32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return leat_be32(v);
}

static inline uint64_t
leat_get_u64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return leat_be64(v);
}

#endif
