/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_out.c: writing fields.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "broker/kafka/kafka_wire.h"
#include "core/base/obj.h"

enum {
	/* Below it one read costs less than a sendfile of its own. */
	COPY_BELOW_BYTES = 16 << 10,
	UVARINT_MAX_BYTES = 5
};

void
kout_init(struct kafka_out *out, size_t max_bytes)
{
	*out = (struct kafka_out){ 0 };
	leat_buf_init(&out->buf, max_bytes);
}

void
kout_reset(struct kafka_out *out)
{
	for (uint32_t i = 0; i < out->nslices; i++)
		broker_slice_put(&out->slices[i].slice);
	out->nslices = 0;
	out->slice_bytes = 0;
	leat_buf_reset(&out->buf);
}

void
kout_fini(struct kafka_out *out)
{
	kout_reset(out);
	free(out->slices);
	out->slices = NULL;
	out->cap_slices = 0;
	leat_buf_fini(&out->buf);
}

void
kout_f64(struct kafka_out *out, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	leat_write_u64(&out->buf, bits);
}

void
kout_uuid(struct kafka_out *out, const uint8_t id[16])
{
	(void)leat_buf_add(&out->buf, id, 16);
}

/* A length in either encoding; -1 is null. */
static void
write_length(struct kafka_out *out, int64_t n, bool wide)
{
	if (out->flexible)
		leat_write_uvarint(&out->buf, (uint32_t)(n + 1));
	else if (wide)
		kout_i32(out, n);
	else
		kout_i16(out, n);
}

void
kout_text_null(struct kafka_out *out, struct leat_str s)
{
	/* No text of ours is that long; a classic length could not say it. */
	size_t len = MIN(s.len, (size_t)INT16_MAX);

	if (s.ptr == NULL) {
		write_length(out, -1, false);
		return;
	}
	write_length(out, (int64_t)len, false);
	(void)leat_buf_add(&out->buf, s.ptr, len);
}

void
kout_str_null(struct kafka_out *out, const char *s)
{
	kout_text_null(out, s == NULL ? (struct leat_str){ NULL, 0 } :
	    leat_str_c(s));
}

void
kout_str(struct kafka_out *out, const char *s)
{
	assert(s != NULL);
	kout_text_null(out, leat_str_c(s));
}

void
kout_bytes_null(struct kafka_out *out, struct leat_str s)
{
	write_length(out, s.ptr == NULL ? -1 : (int64_t)s.len, true);
	if (s.ptr != NULL)
		(void)leat_buf_add(&out->buf, s.ptr, s.len);
}

void
kout_bytes(struct kafka_out *out, const void *p, size_t len)
{
	kout_bytes_null(out, (struct leat_str){ len > 0 ? p : "", len });
}

void
kout_array(struct kafka_out *out, int32_t n)
{
	write_length(out, n, true);
}

size_t
kout_array_begin(struct kafka_out *out)
{
	size_t at = out->buf.len;

	if (out->flexible)
		leat_write_u8(&out->buf, 0);
	else
		kout_i32(out, 0);
	return at;
}

/* Makes room for `more` bytes at a place; slices behind it move along. */
static bool
widen(struct kafka_out *out, size_t at, size_t more)
{
	size_t behind = out->buf.len - at;

	if (leat_buf_reserve(&out->buf, more) == NULL)
		return false;
	memmove(out->buf.data + at + more, out->buf.data + at, behind);
	out->buf.len += more;
	for (uint32_t i = 0; i < out->nslices; i++)
		if (out->slices[i].at > at)
			out->slices[i].at += more;
	return true;
}

void
kout_array_end(struct kafka_out *out, size_t at, int32_t n)
{
	uint8_t bytes[UVARINT_MAX_BYTES];
	uint32_t v = (uint32_t)n + 1;
	size_t len = 0;

	if (out->buf.failed)
		return;
	if (!out->flexible) {
		leat_put_u32(out->buf.data + at, (uint32_t)n);
		return;
	}
	do {
		bytes[len++] = (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
		v >>= 7;
	} while (v > 0);
	if (len == 1 || widen(out, at, len - 1))
		memcpy(out->buf.data + at, bytes, len);
}

void
kout_present(struct kafka_out *out, bool present)
{
	kout_i8(out, present ? 1 : -1);
}

void
kout_tags(struct kafka_out *out)
{
	if (out->flexible)
		leat_write_u8(&out->buf, 0);
}

void
kout_tags_begin(struct kafka_out *out, uint32_t n)
{
	assert(out->flexible || n == 0);
	if (out->flexible)
		leat_write_uvarint(&out->buf, n);
}

void
kout_tag(struct kafka_out *out, uint32_t tag, uint32_t size)
{
	leat_write_uvarint(&out->buf, tag);
	leat_write_uvarint(&out->buf, size);
}

static int
copy_slice(struct kafka_out *out, const struct broker_slice *s,
    struct leat_err *err)
{
	uint8_t *to = leat_buf_reserve(&out->buf, s->len);
	size_t done = 0;
	ssize_t n;

	if (to == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "no memory for a response");
	while (done < s->len) {
		n = pread(s->fd, to + done, s->len - done,
		    s->pos + (off_t)done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n == 0 ? EIO : errno;
			return leat_err_errno(err, LEAT_CLS_RETRY,
			    "read %zu bytes of a segment", s->len);
		}
		done += (size_t)n;
	}
	out->buf.len += s->len;
	return 0;
}

static int
keep_slice(struct kafka_out *out, struct broker_slice *owned,
    struct leat_err *err)
{
	uint32_t cap = out->cap_slices > 0 ? 2 * out->cap_slices : 8;
	struct kafka_out_slice *more;

	if (out->nslices == out->cap_slices) {
		more = realloc(out->slices, cap * sizeof(*more));
		if (more == NULL)
			return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
			    "no memory for a response");
		out->slices = more;
		out->cap_slices = cap;
	}
	out->slices[out->nslices++] = (struct kafka_out_slice){ out->buf.len,
		*owned };
	out->slice_bytes += owned->len;
	return 0;
}

int
kout_records_slice(struct kafka_out *out, struct broker_slice *owned,
    struct leat_err *err)
{
	size_t before = out->buf.len;
	int rc;

	write_length(out, (int64_t)owned->len, true);
	if (owned->len < COPY_BELOW_BYTES) {
		rc = copy_slice(out, owned, err);
		broker_slice_put(owned);
	} else if ((rc = keep_slice(out, owned, err)) < 0) {
		broker_slice_put(owned);
	}
	if (rc < 0)
		out->buf.len = before;
	return rc;
}
