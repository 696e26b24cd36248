/* SPDX-License-Identifier: Apache-2.0 */
/* line_reader.c: see line_reader.h. */
#include "core/cli/line_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { READ_BYTES = 256 << 10, WAIT_MS = 100 };

int
line_open(
    struct line_reader *r, const char *path, size_t max, struct leat_err *err)
{
	memset(r, 0, sizeof(*r));
	leat_buf_init(&r->buf, max + 2 * (size_t)READ_BYTES);
	r->max = max;
	r->fd = strcmp(path, "-") == 0 ? STDIN_FILENO
				       : open(path, O_RDONLY | O_CLOEXEC);
	if (r->fd < 0)
		return leat_err_errno(err, LEAT_CLS_CONFIG, "open");
	return 0;
}

void
line_close(struct line_reader *r)
{
	if (r->fd > STDIN_FILENO)
		close(r->fd);
	leat_buf_fini(&r->buf);
}

int
line_failed(const struct line_reader *r, struct leat_err *err)
{
	if (r->error == 0)
		return 0;
	errno = r->error;
	return leat_err_errno(err, LEAT_CLS_RETRY, "read");
}

/* Reads more behind what is there; LINE_ONE: go on looking. */
static enum line_kind
fill(struct line_reader *r)
{
	struct pollfd p = { .fd = r->fd, .events = POLLIN };
	uint8_t *to;
	ssize_t n;

	if (r->at > 0) {
		memmove(r->buf.data, r->buf.data + r->at, r->buf.len - r->at);
		r->buf.len -= r->at;
		r->at = 0;
	}
	if (poll(&p, 1, WAIT_MS) <= 0)
		return LINE_WAIT;
	to = leat_buf_reserve(&r->buf, READ_BYTES);
	n = to == NULL ? -1 : read(r->fd, to, READ_BYTES);
	if (n < 0 && to != NULL && (errno == EINTR || errno == EAGAIN))
		return LINE_WAIT;
	if (n < 0)
		r->error = to == NULL ? ENOMEM : errno;
	if (n <= 0)
		r->ended = true;
	else
		r->buf.len += (size_t)n;
	return LINE_ONE;
}

/* Ends the line that is n bytes long, with `end` bytes behind it. */
static enum line_kind
end_line(
    struct line_reader *r, size_t n, size_t end, struct leat_str *ret_line)
{
	bool too_long = r->skipping || n > r->max;

	*ret_line = (struct leat_str){ (char *)r->buf.data + r->at, n };
	r->at += n + end;
	r->seen = 0;
	r->skipping = false;
	return too_long ? LINE_TOO_LONG : LINE_ONE;
}

enum line_kind
line_next(struct line_reader *r, struct leat_str *ret_line)
{
	for (;;) {
		const uint8_t *from = r->buf.data + r->at + r->seen;
		size_t left = r->buf.len - r->at;
		const uint8_t *end = left > r->seen
		    ? memchr(from, '\n', left - r->seen)
		    : NULL;
		enum line_kind kind;

		if (end != NULL)
			return end_line(r,
			    (size_t)(end - r->buf.data) - r->at, 1, ret_line);
		if (r->ended && r->error == 0 && (left > 0 || r->skipping))
			return end_line(r, left, 0, ret_line);
		if (r->ended)
			return LINE_END;
		r->seen = left;
		if (left > r->max) {
			/* It is forgotten while it comes. */
			r->skipping = true;
			r->at = r->buf.len;
			r->seen = 0;
		}
		kind = fill(r);
		if (kind != LINE_ONE)
			return kind;
	}
}
