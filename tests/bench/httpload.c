/* SPDX-License-Identifier: Apache-2.0 */
/*
 * httpload: posts one body over and over on a number of connections, one
 * request in flight on each, and prints how many requests a second were
 * answered: the limit that the http-sink benchmarks are held against.
 *
 *	httpload PORT CONNECTIONS REQUESTS BODY_BYTES
 *
 * Prints {"requests":n,"seconds":s,"rate":r}. Loopback only.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <leat/buf.h>
#include <leat/str.h>

static struct leat_buf request;

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t
number(const char *text)
{
	uint64_t v;

	if (leat_parse_u64(leat_str_c(text), 1u << 30, &v) < 0) {
		fprintf(stderr, "httpload: '%s' is not a number\n", text);
		exit(2);
	}
	return v;
}

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int
dial(uint16_t port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(port) };
	int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static void
post(int fd)
{
	size_t sent = 0;

	while (sent < request.len) {
		ssize_t n = write(fd, request.data + sent, request.len - sent);

		if (n < 0 && errno != EINTR)
			die("write");
		sent += n > 0 ? (size_t)n : 0;
	}
}

int
main(int argc, char **argv)
{
	struct epoll_event got[64];
	uint64_t total, sent = 0, done = 0, conns, body;
	char answer[4096];
	double began;
	int ep;

	if (argc != 5) {
		fputs("usage: httpload PORT CONNECTIONS REQUESTS BODY_BYTES\n",
		    stderr);
		return 2;
	}
	conns = number(argv[2]);
	total = number(argv[3]);
	body = number(argv[4]);
	leat_buf_init(&request, body + 4096);
	leat_buf_printf(&request,
	    "POST /load HTTP/1.1\r\nHost: 127.0.0.1\r\n"
	    "Content-Type: application/json\r\nContent-Length: %llu\r\n\r\n",
	    (unsigned long long)body);
	for (uint64_t i = 0; i < body; i++)
		leat_buf_add_byte(&request, 'x');
	ep = epoll_create1(EPOLL_CLOEXEC);
	began = now();
	for (uint64_t i = 0; i < conns && sent < total; i++, sent++) {
		int fd = dial((uint16_t)number(argv[1]));
		struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

		if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) < 0)
			die("epoll_ctl");
		post(fd);
	}
	while (done < total) {
		int n = epoll_wait(ep, got, 64, -1);

		for (int i = 0; i < n; i++) {
			if (read(got[i].data.fd, answer, sizeof(answer)) <= 0)
				die("read");
			done++;
			if (sent < total) {
				post(got[i].data.fd);
				sent++;
			}
		}
	}
	began = now() - began;
	printf("{\"requests\":%llu,\"seconds\":%.3f,\"rate\":%.0f}\n",
	    (unsigned long long)done, began, (double)done / began);
	return 0;
}
