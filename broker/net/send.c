/* SPDX-License-Identifier: Apache-2.0 */
/*
 * send.c: answers out, in the order of their requests.
 *
 * Bytes of the buffers of several answers go out in one call; records that
 * stand in files go from the page cache to the socket where the transport can
 * do that, and in small pieces where it cannot.
 */
#include <errno.h>

#include "broker/net/net_int.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/obj.h"

enum { IOV_MAX_HERE = 32 };

static const struct logger lg = { "kafka", NULL, -1 };

/* Takes the head off its list and recycles it. */
static void
pop(struct conn *c)
{
	struct net_request *nr = c->head;

	c->active_ns = clock_mono_ns(&clock_system);
	c->head = nr->next;
	if (c->head == NULL)
		c->tail = &c->head;
	c->npending--;
	c->pending_bytes -= nr->frame_bytes;
	c->sent = 0;
	c->sent_slices = 0;
	c->sent_of_slice = 0;
	if (c->io->listener->metrics != NULL)
		net_metrics_request(c->io->listener->metrics, nr->rq.api,
		    c->active_ns - nr->begun_ns);
	net_request_recycle(nr);
}

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
			pop(c);
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

static ssize_t
send_buffers(struct conn *c)
{
	struct iovec iov[IOV_MAX_HERE];
	bool more;
	int n = gather(c, iov, &more);
	ssize_t sent = c->transport->write(c, iov, n, more);

	if (sent > 0)
		account(c, (size_t)sent);
	return sent;
}

static ssize_t
send_slice(struct conn *c)
{
	const struct kafka_out *out = &c->head->rq.out;
	const struct broker_slice *s = &out->slices[c->sent_slices].slice;
	ssize_t n = c->transport->send_file(c, s->fd,
	    s->pos + (off_t)c->sent_of_slice, s->len - c->sent_of_slice);

	if (n <= 0)
		return n;
	c->sent_of_slice += (size_t)n;
	if (c->sent_of_slice == s->len) {
		c->sent_slices++;
		c->sent_of_slice = 0;
	}
	return n;
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
	size_t total = 0;
	ssize_t n;

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
		if (total >= SEND_AT_ONCE_BYTES)
			return 0;
		n = at_slice(c) ? send_slice(c) : send_buffers(c);
		if (n == -EAGAIN) {
			c->blocked = true;
			return 0;
		}
		if (n <= 0) {
			conn_close(c, n == 0 ? "a segment became shorter" :
			    "sending failed");
			return -1;
		}
		total += (size_t)n;
		net_metrics_add(c->io->listener->metrics, NET_BYTES_OUT, n);
	}
}
