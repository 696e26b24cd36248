/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plain.c: bytes as they are.
 */
#include <errno.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "broker/net/net_int.h"

static ssize_t
result(ssize_t n)
{
	if (n >= 0)
		return n;
	return errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

static ssize_t
plain_read(struct conn *c, const struct iovec *iov, int n)
{
	ssize_t got;

	do {
		got = readv(c->fd, iov, n);
	} while (got < 0 && errno == EINTR);
	return result(got);
}

static ssize_t
plain_write(struct conn *c, struct iovec *iov, int n, bool more)
{
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = (size_t)n };
	ssize_t sent;

	do {
		sent = sendmsg(c->fd, &msg,
		    MSG_NOSIGNAL | (more ? MSG_MORE : 0));
	} while (sent < 0 && errno == EINTR);
	return result(sent);
}

static ssize_t
plain_send_file(struct conn *c, int fd, off_t pos, size_t len)
{
	ssize_t n;

	do {
		n = sendfile(c->fd, fd, &pos, len);
	} while (n < 0 && errno == EINTR);
	return result(n);
}

static bool
plain_pending(const struct conn *c)
{
	return false;
}

static void
plain_close(struct conn *c)
{
}

const struct transport transport_plain = {
	.read = plain_read,
	.write = plain_write,
	.send_file = plain_send_file,
	.pending = plain_pending,
	.shake = NULL,
	.close = plain_close,
};
