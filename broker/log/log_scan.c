/* SPDX-License-Identifier: Apache-2.0 */
/* Walking a segment file, reading it in windows. */
#include "broker/log/log_scan.h"

#include <errno.h>

#include "core/base/obj.h"

void
log_scan_init(struct log_scan *s, const struct fsio *fs, int fd, int64_t pos,
    int64_t end, size_t window, bool bodies)
{
	s->fs = fs;
	s->fd = fd;
	s->end = end;
	s->pos = s->next = pos;
	s->window = window;
	s->bodies = bodies;
	s->buf_pos = pos;
	leat_buf_init(&s->buf, (size_t)INT32_MAX + 12 + 1);
}

void
log_scan_fini(struct log_scan *s)
{
	leat_buf_fini(&s->buf);
}

/* At least `need` bytes at s->next into the buffer; they must be there. */
static int
load(struct log_scan *s, size_t need, struct leat_err *err)
{
	int64_t have = s->buf_pos + (int64_t)s->buf.len - s->next;
	size_t want;
	int rc;

	if (s->next >= s->buf_pos && have >= (int64_t)need)
		return 0;
	if (s->next < s->buf_pos || have < 0)
		have = 0;
	if (have > 0)
		memmove(s->buf.data, s->buf.data + (s->next - s->buf_pos),
		    (size_t)have);
	s->buf.len = (size_t)have;
	s->buf_pos = s->next;
	want = (size_t)MIN((int64_t)MAX(need, s->window), s->end - s->next);
	want -= (size_t)have;
	if (leat_buf_reserve(&s->buf, want) == NULL) {
		s->buf.failed = false;
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for %zu bytes of a log", want);
	}
	rc = fsio_pread_full(s->fs, s->fd, s->buf.data + have, want,
	    s->next + have, err);
	if (rc < 0)
		return rc;
	s->buf.len += want;
	return 0;
}

int
log_scan_next(struct log_scan *s, struct batch_header *ret_header,
    const uint8_t **ret_batch, struct leat_err *err)
{
	struct batch_header h;
	const uint8_t *p;
	int rc;

	if (s->next >= s->end)
		return 0;
	if (s->end - s->next < RECORD_BATCH_HEADER_BYTES)
		return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_CORRUPT,
		    "%lld bytes are no batch", (long long)(s->end - s->next));
	if ((rc = load(s, RECORD_BATCH_HEADER_BYTES, err)) < 0)
		return rc;
	p = s->buf.data + (s->next - s->buf_pos);
	rc = batch_header_decode(p, RECORD_BATCH_HEADER_BYTES, false, &h, err);
	if (rc < 0)
		return rc;
	if ((int64_t)h.size > s->end - s->next)
		return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_CORRUPT,
		    "batch of %zu bytes is cut off after %lld", h.size,
		    (long long)(s->end - s->next));
	if (s->bodies) {
		if ((rc = load(s, h.size, err)) < 0)
			return rc;
		p = s->buf.data + (s->next - s->buf_pos);
		rc = batch_header_decode(p, h.size, true, &h, err);
		if (rc < 0)
			return rc;
	}
	s->pos = s->next;
	s->next += (int64_t)h.size;
	*ret_header = h;
	if (ret_batch != NULL)
		*ret_batch = s->bodies ? p : NULL;
	return 1;
}
