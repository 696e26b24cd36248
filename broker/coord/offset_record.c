/* SPDX-License-Identifier: Apache-2.0 */
/* Records of __consumer_offsets, byte for byte as Kafka writes them. */
#include "broker/coord/offset_record.h"

#include <leat/err.h>
#include <leat/wire.h>

static void
put_string(struct leat_buf *to, struct leat_str s)
{
	leat_write_u16(to, (uint16_t)s.len);
	(void)leat_buf_add(to, s.ptr, s.len);
}

static struct leat_str
get_string(struct leat_reader *r)
{
	int16_t n = leat_read_i16(r);
	const uint8_t *p;

	if (n < 0) {
		leat_reader_fail(r);
		return (struct leat_str){ NULL, 0 };
	}
	p = leat_read_bytes(r, (size_t)n);
	return (struct leat_str){ (const char *)p, p == NULL ? 0 : (size_t)n };
}

void
offset_key_encode(struct leat_buf *to, struct leat_str group,
    struct leat_str topic, int32_t partition)
{
	leat_write_u16(to, 1);
	put_string(to, group);
	put_string(to, topic);
	leat_write_u32(to, (uint32_t)partition);
}

void
offset_group_key_encode(struct leat_buf *to, struct leat_str group)
{
	leat_write_u16(to, 2);
	put_string(to, group);
}

void
offset_value_encode(struct leat_buf *to, const struct offset_value *v)
{
	bool expires = v->expire_ms > 0;

	leat_write_u16(to, expires ? 1 : 3);
	leat_write_u64(to, (uint64_t)v->offset);
	if (!expires)
		leat_write_u32(to, (uint32_t)v->leader_epoch);
	put_string(to, v->metadata);
	leat_write_u64(to, (uint64_t)v->commit_ms);
	if (expires)
		leat_write_u64(to, (uint64_t)v->expire_ms);
}

int
offset_key_decode(struct leat_str key, struct offset_key *ret)
{
	struct leat_reader r;
	struct offset_key k = { 0 };
	uint16_t version;

	leat_reader_init(&r, key.ptr, key.len);
	version = leat_read_u16(&r);
	if (r.err == 0 && version > 2)
		return 1;
	k.is_group = version == 2;
	k.group = get_string(&r);
	if (!k.is_group) {
		k.topic = get_string(&r);
		k.partition = leat_read_i32(&r);
	}
	if (r.err != 0)
		return r.err;
	*ret = k;
	return 0;
}

static struct leat_str
get_compact_string(struct leat_reader *r)
{
	uint32_t n = leat_read_uvarint(r);
	const uint8_t *p;

	if (n == 0) {
		leat_reader_fail(r);
		return (struct leat_str){ NULL, 0 };
	}
	p = leat_read_bytes(r, n - 1);
	return (struct leat_str){ (const char *)p, p == NULL ? 0 : n - 1 };
}

int
offset_value_decode(struct leat_str value, struct offset_value *ret)
{
	struct offset_value v = { .leader_epoch = -1, .expire_ms = -1 };
	struct leat_reader r;
	uint16_t version;

	leat_reader_init(&r, value.ptr, value.len);
	version = leat_read_u16(&r);
	if (version > 4)
		return LEAT_E_PROTO;
	v.offset = leat_read_i64(&r);
	if (version >= 3)
		v.leader_epoch = leat_read_i32(&r);
	v.metadata = version >= 4 ? get_compact_string(&r) : get_string(&r);
	v.commit_ms = leat_read_i64(&r);
	if (version == 1)
		v.expire_ms = leat_read_i64(&r);
	if (r.err != 0)
		return r.err;
	*ret = v;
	return 0;
}

uint32_t
java_hash(struct leat_str s)
{
	const uint8_t *p = (const uint8_t *)s.ptr, *end = p + s.len;
	uint32_t h = 0;

	while (p < end) {
		uint32_t c = *p++;
		int more = c < 0x80 ? 0 : c < 0xe0 ? 1
		    : c < 0xf0                     ? 2
						   : 3;

		if (more > 0)
			c &= 0x3fu >> more;
		for (; more > 0 && p < end; more--)
			c = c << 6 | (*p++ & 0x3f);
		if (c >= 0x10000) {	/* two UTF-16 units */
			h = h * 31 + (0xd7c0 + (c >> 10));
			c = 0xdc00 + (c & 0x3ff);
		}
		h = h * 31 + c;
	}
	return h & 0x7fffffff;
}
