/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_in.c: reading fields.
 */
#include <string.h>

#include "broker/kafka/kafka_wire.h"

enum { TAGS_MAX = 64 };		/* no message has more than a handful */

void
kin_init(struct kafka_in *in, const void *p, size_t len,
    struct leat_arena *arena, int16_t version, bool flexible)
{
	leat_reader_init(&in->r, p, len);
	in->arena = arena;
	in->why = NULL;
	in->version = version;
	in->flexible = flexible;
}

void
kin_fail(struct kafka_in *in, const char *why)
{
	if (in->why == NULL)
		in->why = why;
	leat_reader_fail(&in->r);
}

double
kin_f64(struct kafka_in *in)
{
	uint64_t bits = leat_read_u64(&in->r);
	double v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

void
kin_uuid(struct kafka_in *in, uint8_t ret_id[16])
{
	const uint8_t *p = leat_read_bytes(&in->r, 16);

	if (p != NULL)
		memcpy(ret_id, p, 16);
	else
		memset(ret_id, 0, 16);
}

/* A length in either encoding: -1 is null, -2 is malformed. */
static int64_t
read_length(struct kafka_in *in, bool wide)
{
	int64_t n;

	if (in->flexible)
		n = (int64_t)leat_read_uvarint(&in->r) - 1;
	else
		n = wide ? kin_i32(in) : kin_i16(in);
	if (!kin_ok(in))
		return -2;
	if (n < -1 || n > (int64_t)leat_reader_left(&in->r)) {
		kin_fail(in, "a length that the frame does not hold");
		return -2;
	}
	return n;
}

static struct leat_str
read_span(struct kafka_in *in, bool wide)
{
	int64_t n = read_length(in, wide);

	if (n < 0)
		return (struct leat_str){ NULL, 0 };
	return (struct leat_str){ (const char *)leat_read_bytes(&in->r,
	    (size_t)n), (size_t)n };
}

struct leat_str
kin_text_null(struct kafka_in *in)
{
	return read_span(in, false);
}

struct leat_str
kin_bytes_null(struct kafka_in *in)
{
	return read_span(in, true);
}

struct leat_str
kin_bytes(struct kafka_in *in)
{
	struct leat_str s = read_span(in, true);

	if (s.ptr == NULL) {
		kin_fail(in, "null bytes where there must be some");
		return LEAT_STR("");
	}
	return s;
}

const char *
kin_str_null(struct kafka_in *in)
{
	struct leat_str s = read_span(in, false);
	char *copy;

	if (s.ptr == NULL)
		return NULL;
	if (memchr(s.ptr, 0, s.len) != NULL) {
		kin_fail(in, "a NUL in a string");
		return NULL;
	}
	if ((copy = leat_arena_strndup(in->arena, s.ptr, s.len)) == NULL)
		kin_fail(in, "larger than its memory may be");
	return copy;
}

const char *
kin_str(struct kafka_in *in)
{
	const char *s = kin_str_null(in);

	if (s == NULL) {
		kin_fail(in, "a null string where there must be one");
		return "";
	}
	return s;
}

int32_t
kin_array_null(struct kafka_in *in)
{
	int64_t n = read_length(in, true);

	/* An element takes one byte at least, which read_length relies on. */
	return n == -2 ? 0 : (int32_t)n;
}

int32_t
kin_array(struct kafka_in *in)
{
	int32_t n = kin_array_null(in);

	if (n < 0) {
		kin_fail(in, "a null array where there must be one");
		return 0;
	}
	return n;
}

void *
kin_calloc(struct kafka_in *in, int32_t n, size_t size)
{
	void *p = leat_arena_calloc(in->arena, n > 0 ? (size_t)n : 0, size);

	if (p == NULL)
		kin_fail(in, "larger than its memory may be");
	return p;
}

bool
kin_present(struct kafka_in *in)
{
	int8_t mark = kin_i8(in);

	return kin_ok(in) && mark >= 0;
}

uint32_t
kin_tags_begin(struct kafka_in *in)
{
	uint32_t n;

	if (!in->flexible)
		return 0;
	n = leat_read_uvarint(&in->r);
	if (n > TAGS_MAX) {
		kin_fail(in, "too many tagged fields");
		return 0;
	}
	return n;
}

uint32_t
kin_tag(struct kafka_in *in, uint32_t *ret_size)
{
	uint32_t tag = leat_read_uvarint(&in->r);

	*ret_size = leat_read_uvarint(&in->r);
	if (*ret_size > leat_reader_left(&in->r))
		kin_fail(in, "a tagged field that the frame does not hold");
	return tag;
}

void
kin_skip(struct kafka_in *in, size_t size)
{
	(void)leat_read_bytes(&in->r, size);
}

void
kin_tags(struct kafka_in *in)
{
	uint32_t n = kin_tags_begin(in), size;

	while (n-- > 0) {
		(void)kin_tag(in, &size);
		kin_skip(in, size);
	}
}
