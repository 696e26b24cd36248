/* SPDX-License-Identifier: Apache-2.0 */
/*
 * receiver: an HTTP/1.1 server that takes what is posted to it and answers
 * 200, for the demo and as the far end of the http-sink benchmarks.
 *
 *	receiver [--port N] [--log FILE]
 *
 * It prints "port N" when it listens (loopback only). With --log every body
 * is appended as one line, after the Idempotency-Key header and a tab. GET
 * /stats answers {"requests":n,"bytes":n,"seconds":s}: s between the first and
 * the last of them; GET /reset forgets them. One thread, epoll, no limits on
 * speed: it must never be the slower side of a measurement.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <leat/buf.h>
#include <leat/str.h>

#include "tests/bench/bench.h"

enum { MAX_REQUEST = 64 << 20, READ_BYTES = 64 << 10 };

struct connection {
	int fd;
	struct leat_buf in;
};

static uint64_t nrequests, nbytes;
static double first, last;
static FILE *log_file;

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

/* The value of a header in the head of a request, or an empty string. */
static struct leat_str
header(struct leat_str head, const char *name)
{
	size_t n = strlen(name);

	leat_str_cut(&head, '\n');
	while (head.len > 0) {
		struct leat_str line = leat_str_cut(&head, '\n');

		if (line.len > n && line.ptr[n] == ':' &&
		    strncasecmp(line.ptr, name, n) == 0)
			return leat_str_trim((struct leat_str){
			    line.ptr + n + 1, line.len - n - 1 });
	}
	return (struct leat_str){ "", 0 };
}

static void
note(struct leat_str head, struct leat_str body)
{
	struct leat_str key = header(head, "Idempotency-Key");

	last = bench_now();
	if (nrequests == 0)
		first = last;
	nrequests++;
	nbytes += body.len;
	if (log_file == NULL)
		return;
	fwrite(key.ptr, 1, key.len, log_file);
	fputc('\t', log_file);
	fwrite(body.ptr, 1, body.len, log_file);
	fputc('\n', log_file);
}

static void
answer(struct leat_buf *out, struct leat_str head, struct leat_str body)
{
	char stats[128];

	if (leat_str_starts(head, "GET /reset")) {
		nrequests = nbytes = 0;
	} else if (!leat_str_starts(head, "GET /stats")) {
		note(head, body);
		leat_buf_add_str(
		    out, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
		return;
	}
	snprintf(stats, sizeof(stats),
	    "{\"requests\":%llu,\"bytes\":%llu,\"seconds\":%.6f}\n",
	    (unsigned long long)nrequests, (unsigned long long)nbytes,
	    nrequests == 0 ? 0 : last - first);
	leat_buf_printf(out,
	    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	    "Content-Length: %zu\r\n\r\n%s",
	    strlen(stats), stats);
}

/* Answers all whole requests in the buffer; false ends the connection. */
static bool
serve(struct connection *c, struct leat_buf *out)
{
	size_t used = 0;

	while (used < c->in.len) {
		char *start = (char *)c->in.data + used;
		size_t left = c->in.len - used;
		char *end = memmem(start, left, "\r\n\r\n", 4);
		struct leat_str head, body, text;
		uint64_t n = 0;

		if (end == NULL)
			break;
		head = (struct leat_str){ start, (size_t)(end - start) + 2 };
		text = header(head, "Content-Length");
		if (text.len > 0 && leat_parse_u64(text, MAX_REQUEST, &n) < 0)
			return false;
		if (left < head.len + 2 + n)
			break;
		body = (struct leat_str){ end + 4, n };
		answer(out, head, body);
		used += head.len + 2 + n;
	}
	memmove(c->in.data, c->in.data + used, c->in.len - used);
	c->in.len -= used;
	return true;
}

static bool
readable(struct connection *c, struct leat_buf *out)
{
	uint8_t *to = leat_buf_reserve(&c->in, READ_BYTES);
	ssize_t n = to == NULL ? -1 : read(c->fd, to, READ_BYTES);
	size_t sent = 0;

	if (n < 0 && to != NULL && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0)
		return false;
	c->in.len += (size_t)n;
	leat_buf_reset(out);
	if (!serve(c, out))
		return false;
	if (log_file != NULL && out->len > 0)
		fflush(log_file);
	while (sent < out->len) {
		ssize_t w = write(c->fd, out->data + sent, out->len - sent);

		if (w < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (w <= 0)
			return false;
		sent += (size_t)w;
	}
	return true;
}

static int
listen_on(uint16_t port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(port) };
	socklen_t len = sizeof(sa);
	int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		die("bind");
	if (listen(fd, 512) < 0 ||
	    getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
		die("listen");
	printf("port %u\n", ntohs(sa.sin_port));
	fflush(stdout);
	return fd;
}

static void
welcome(int ep, int lfd)
{
	int one = 1;
	int fd = accept4(lfd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct connection *c;
	struct epoll_event ev = { .events = EPOLLIN };

	if (fd < 0)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		die("calloc");
	c->fd = fd;
	leat_buf_init(&c->in, MAX_REQUEST + READ_BYTES);
	ev.data.ptr = c;
	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) < 0)
		die("epoll_ctl");
}

static void
farewell(struct connection *c)
{
	close(c->fd);
	leat_buf_fini(&c->in);
	free(c);
}

int
main(int argc, char **argv)
{
	struct epoll_event ev = { .events = EPOLLIN }, got[64];
	struct leat_buf out;
	uint64_t port = 0;
	int ep, lfd;

	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--port") == 0)
			leat_parse_u64(leat_str_c(argv[i + 1]), 65535, &port);
		else if (strcmp(argv[i], "--log") == 0 &&
		    (log_file = fopen(argv[i + 1], "ae")) == NULL)
			die(argv[i + 1]);
	}
	leat_buf_init(&out, MAX_REQUEST);
	lfd = listen_on((uint16_t)port);
	ep = epoll_create1(EPOLL_CLOEXEC);
	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, lfd, &ev) < 0)
		die("epoll");
	for (;;) {
		int n = epoll_wait(ep, got, 64, -1);

		for (int i = 0; i < n; i++) {
			struct connection *c = got[i].data.ptr;

			if (c == NULL)
				welcome(ep, lfd);
			else if (!readable(c, &out))
				farewell(c);
		}
	}
}
