/* SPDX-License-Identifier: Apache-2.0 */
/*
 * send.c: answers out, in the order of their requests.
 *
 * Bytes of the buffers of several answers go out in one call; records that
 * stand in files go from the page cache to the socket by sendfile.
 */
#include <errno.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "broker/net/net_int.h"
#include "core/base/log.h"
#include "core/base/obj.h"

enum { IOV_MAX_HERE = 32 };

static const struct logger lg = { "kafka", NULL, -1 };

/* Where the buffer's bytes end that may go before the next slice. */
static size_t
buffer_end(const struct kafka_out *out, uint32_t slice)
{
	return slice < out->nslices ? out->slices[slice].at : out->buf.len;
}

/* Buffers from the head on, up to the first slice. */
static int
gather(const struct conn *c, struct iovec *iov, bool *ret_more)
{
	const struct net_request *nr = c->head;
	size_t from = c->sent, end;
	int n = 0;

	*ret_more = false;
	for (; nr != NULL && nr->done && n < IOV_MAX_HERE; nr = nr->next) {
		const struct kafka_out *out = &nr->rq.out;
		uint32_t slice = nr == c->head ? c->sent_slices : 0;

		if (nr->rq.outcome == OUTCOME_HANG_UP)
			break;
		if (nr->rq.outcome == OUTCOME_SILENCE)
			continue;
		end = buffer_end(out, slice);
		if (end > from)
			iov[n++] = (struct iovec){ out->buf.data + from,
			    end - from };
		if (slice < out->nslices) {
			*ret_more = true;
			break;
		}
		from = 0;
	}
	return n;
}

static bool
head_is_out(const struct conn *c)
{
	const struct net_request *nr = c->head;

	return nr->done && (nr->rq.outcome == OUTCOME_SILENCE ||
	    (nr->rq.outcome == OUTCOME_REPLY &&
	    c->sent == nr->rq.out.buf.len &&
	    c->sent_slices == nr->rq.out.nslices));
}

/* n bytes of buffers have left. */
static void
account(struct conn *c, size_t n)
{
	size_t end, part;

	while (c->head != NULL) {
		if (head_is_out(c)) {
			conn_pop(c);
			continue;
		}
		if (n == 0)
			return;
		end = buffer_end(&c->head->rq.out, c->sent_slices);
		part = MIN(n, end - c->sent);
		c->sent += part;
		n -= part;
	}
}

static int
send_buffers(struct conn *c)
{
	struct iovec iov[IOV_MAX_HERE];
	bool more;
	struct msghdr msg = { .msg_iov = iov };
	int n = gather(c, iov, &more);
	ssize_t sent;

	msg.msg_iovlen = (size_t)n;
	if (n == 0)
		return 1;
	do {
		sent = sendmsg(c->fd, &msg,
		    MSG_NOSIGNAL | (more ? MSG_MORE : 0));
	} while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return errno == EAGAIN ? 0 : -1;
	account(c, (size_t)sent);
	return 1;
}

static int
send_slice(struct conn *c)
{
	const struct kafka_out *out = &c->head->rq.out;
	const struct broker_slice *s = &out->slices[c->sent_slices].slice;
	off_t pos = s->pos + (off_t)c->sent_of_slice;
	ssize_t n;

	do {
		n = sendfile(c->fd, s->fd, &pos, s->len - c->sent_of_slice);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -1;
	if (n == 0)
		return -1;	/* the segment became shorter */
	c->sent_of_slice += (size_t)n;
	if (c->sent_of_slice == s->len) {
		c->sent_slices++;
		c->sent_of_slice = 0;
	}
	return 1;
}

static bool
at_slice(const struct conn *c)
{
	const struct kafka_out *out = &c->head->rq.out;

	return c->sent_slices < out->nslices &&
	    c->sent == out->slices[c->sent_slices].at;
}

int
conn_send(struct conn *c)
{
	int rc = 1;

	for (;;) {
		account(c, 0);
		if (c->head == NULL || !c->head->done)
			return 1;
		if (c->head->rq.outcome == OUTCOME_HANG_UP) {
			log_warn(&lg, "connection ended for its request",
			    "peer=%s client=%s why=%s", c->peer.host,
			    c->head->rq.client_id, c->head->rq.why);
			conn_close(c, "its request was refused");
			return -1;
		}
		rc = at_slice(c) ? send_slice(c) : send_buffers(c);
		if (rc < 0)
			conn_close(c, "sending failed");
		if (rc <= 0)
			return rc;
	}
}
