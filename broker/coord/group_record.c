/* SPDX-License-Identifier: Apache-2.0 */
/* Groups in __consumer_offsets, byte for byte as Kafka writes them. */
#include "broker/coord/group_record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <leat/err.h>
#include <leat/wire.h>

enum { MEMBER_MIN_BYTES = 12 };

/* ------------------------------------------------------------- writing */

static void
put_text(struct leat_buf *to, struct leat_str s)
{
	leat_write_u16(to, s.ptr == NULL ? UINT16_MAX : (uint16_t)s.len);
	if (s.ptr != NULL)
		(void)leat_buf_add(to, s.ptr, s.len);
}

static void
put_c(struct leat_buf *to, const char *s)
{
	put_text(to, s == NULL ? (struct leat_str){ NULL, 0 } : leat_str_c(s));
}

static void
put_bytes(struct leat_buf *to, struct leat_str s)
{
	leat_write_u32(to, (uint32_t)s.len);
	(void)leat_buf_add(to, s.ptr, s.len);
}

void
group_value_encode(struct leat_buf *to, const struct group_value *v)
{
	leat_write_u16(to, 3);
	put_c(to, v->protocol_type != NULL ? v->protocol_type : "");
	leat_write_u32(to, (uint32_t)v->generation);
	put_c(to, v->protocol);
	put_c(to, v->leader);
	leat_write_u64(to, (uint64_t)v->state_ms);
	leat_write_u32(to, (uint32_t)v->nmembers);
	for (size_t i = 0; i < v->nmembers; i++) {
		const struct group_value_member *m = &v->members[i];

		put_text(to, m->id);
		put_text(to, m->instance);
		put_text(to, m->client_id);
		put_text(to, m->client_host);
		leat_write_u32(to, (uint32_t)m->rebalance_ms);
		leat_write_u32(to, (uint32_t)m->session_ms);
		put_bytes(to, m->subscription);
		put_bytes(to, m->assignment);
	}
}

/* ------------------------------------------------------------- reading */

/* A reader that knows which of the two encodings it reads. */
struct value_reader {
	struct leat_reader r;
	bool compact;
};

static struct leat_str
get_n(struct value_reader *in, int64_t n)
{
	const uint8_t *p;

	if (n < 0)
		return (struct leat_str){ NULL, 0 };
	p = leat_read_bytes(&in->r, (size_t)n);
	return (struct leat_str){ (const char *)p, p == NULL ? 0 : (size_t)n };
}

static struct leat_str
get_text(struct value_reader *in)
{
	return get_n(in, in->compact ?
	    (int64_t)leat_read_uvarint(&in->r) - 1 :
	    (int64_t)leat_read_i16(&in->r));
}

static struct leat_str
get_bytes(struct value_reader *in)
{
	return get_n(in, in->compact ?
	    (int64_t)leat_read_uvarint(&in->r) - 1 :
	    (int64_t)leat_read_i32(&in->r));
}

static void
skip_tags(struct value_reader *in)
{
	uint32_t n = in->compact ? leat_read_uvarint(&in->r) : 0;

	for (; n > 0 && in->r.err == 0; n--) {
		(void)leat_read_uvarint(&in->r);
		(void)leat_read_bytes(&in->r, leat_read_uvarint(&in->r));
	}
}

/* NULL for null and "", which mean the same here; *failed without memory. */
static const char *
own(struct leat_str s, bool *failed)
{
	char *copy;

	if (s.ptr == NULL || s.len == 0)
		return NULL;
	if ((copy = strndup(s.ptr, s.len)) == NULL)
		*failed = true;
	return copy;
}

static void
get_member(struct value_reader *in, uint16_t version,
    struct group_value_member *m)
{
	m->id = get_text(in);
	if (version >= 3)
		m->instance = get_text(in);
	m->client_id = get_text(in);
	m->client_host = get_text(in);
	m->rebalance_ms = version >= 1 ? leat_read_i32(&in->r) : -1;
	m->session_ms = leat_read_i32(&in->r);
	if (m->rebalance_ms < 0)
		m->rebalance_ms = m->session_ms;
	m->subscription = get_bytes(in);
	m->assignment = get_bytes(in);
	skip_tags(in);
	if (m->id.ptr == NULL)
		leat_reader_fail(&in->r);
}

int
group_value_decode(struct leat_str value, struct group_value *ret)
{
	struct group_value v = { .state_ms = -1 };
	struct value_reader in = { .compact = false };
	bool failed = false;
	uint16_t version;
	int64_t n;

	leat_reader_init(&in.r, value.ptr, value.len);
	version = leat_read_u16(&in.r);
	if (version > 4)
		return LEAT_E_PROTO;
	in.compact = version >= 4;
	v.protocol_type = own(get_text(&in), &failed);
	v.generation = leat_read_i32(&in.r);
	v.protocol = own(get_text(&in), &failed);
	v.leader = own(get_text(&in), &failed);
	if (version >= 2)
		v.state_ms = leat_read_i64(&in.r);
	n = in.compact ? (int64_t)leat_read_uvarint(&in.r) - 1 :
	    (int64_t)leat_read_i32(&in.r);
	if (n > (int64_t)(leat_reader_left(&in.r) / MEMBER_MIN_BYTES) + 1)
		leat_reader_fail(&in.r);
	if (in.r.err == 0 && n > 0) {
		v.members = calloc((size_t)n, sizeof(*v.members));
		failed = failed || v.members == NULL;
	}
	for (int64_t i = 0; v.members != NULL && i < n && in.r.err == 0; i++)
		get_member(&in, version, &v.members[v.nmembers++]);
	skip_tags(&in);
	if (failed || in.r.err != 0) {
		group_value_fini(&v);
		return failed ? -ENOMEM : in.r.err;
	}
	*ret = v;
	return 0;
}

void
group_value_fini(struct group_value *v)
{
	free((char *)(uintptr_t)v->protocol_type);
	free((char *)(uintptr_t)v->protocol);
	free((char *)(uintptr_t)v->leader);
	free(v->members);
	*v = (struct group_value){ 0 };
}

/* ---------------------------------------- subscriptions and assignments */

bool
subscription_names(struct leat_str subscription, const char *topic)
{
	struct value_reader in = { .compact = false };
	int32_t n;

	leat_reader_init(&in.r, subscription.ptr, subscription.len);
	(void)leat_read_i16(&in.r);
	n = leat_read_i32(&in.r);
	for (int32_t i = 0; i < n && in.r.err == 0; i++) {
		struct leat_str s = get_text(&in);

		if (in.r.err == 0 && s.ptr != NULL && leat_str_eq_c(s, topic))
			return true;
	}
	return in.r.err != 0;
}

void
subscription_encode(struct leat_buf *to, const char *const *topics, size_t n)
{
	leat_write_u16(to, 0);
	leat_write_u32(to, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		put_c(to, topics[i]);
	leat_write_u32(to, UINT32_MAX);	/* no user data */
}

void
assignment_encode(struct leat_buf *to, const struct assigned_partition *list,
    size_t n)
{
	size_t at = to->len + 2;
	uint32_t topics = 0;

	leat_write_u16(to, 0);
	leat_write_u32(to, 0);
	for (size_t i = 0; i < n; topics++) {
		size_t end = i;

		while (end < n && strcmp(list[end].topic, list[i].topic) == 0)
			end++;
		put_c(to, list[i].topic);
		leat_write_u32(to, (uint32_t)(end - i));
		for (; i < end; i++)
			leat_write_u32(to, (uint32_t)list[i].partition);
	}
	leat_write_u32(to, UINT32_MAX);
	if (!to->failed)
		leat_put_u32(to->data + at, topics);
}
