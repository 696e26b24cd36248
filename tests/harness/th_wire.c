/* SPDX-License-Identifier: Apache-2.0 */
/* th_wire.c: see th_wire.h. */
#include "tests/harness/th_wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/harness/proc.h"

enum { PAIRS_MAX = 200, PIECE = 16 * 1024, LOOK_MS = 20 };

/* What came in at one end and has not gone out at the other. */
struct flow {
	char data[PIECE];
	size_t len, sent;
};

/* fd[0] leads to the program, fd[1] to the server; flow[i] came from fd[i]. */
struct pair {
	int fd[2];
	struct flow flow[2];
	bool forgotten;
};

struct th_wire {
	pthread_t thread;
	uint16_t port, to_port;
	int listen_fd;
	struct pollfd fds[1 + 2 * PAIRS_MAX];	/* the thread's own */
	pthread_mutex_t lock;	/* guards all below */
	struct pair *pairs[PAIRS_MAX];
	size_t npairs;
	size_t cut_after;	/* 0: never */
	size_t count, bytes;
	int delay_ms;
	bool refuse, stall, ended;
};

/* ------------------------------------------------------------ connections */

static struct sockaddr_in
loopback(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

/* A reset rather than an orderly end. */
static void
reset_fd(int fd)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

static void
drop_pair(struct th_wire *w, size_t i, bool reset)
{
	struct pair *p = w->pairs[i];

	for (int end = 0; end < 2; end++)
		if (p->fd[end] >= 0)
			reset ? reset_fd(p->fd[end]) : (void)close(p->fd[end]);
	free(p);
	w->pairs[i] = w->pairs[--w->npairs];
}

static void
cut_all(struct th_wire *w)
{
	while (w->npairs > 0)
		drop_pair(w, w->npairs - 1, true);
	w->cut_after = 0;
}

static void
accept_one(struct th_wire *w)
{
	int from = accept4(w->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	struct sockaddr_in to = loopback(w->to_port);
	struct pair *p;
	int fd, on = 1;

	if (from < 0)
		return;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	p = calloc(1, sizeof(*p));
	if (fd < 0 || p == NULL || w->refuse || w->npairs == PAIRS_MAX ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		reset_fd(from);
		if (fd >= 0)
			close(fd);
		free(p);
		return;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(from, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	p->fd[0] = from;
	p->fd[1] = fd;
	w->pairs[w->npairs++] = p;
	w->count++;
}

/* ------------------------------------------------------------------ bytes */

/* false: the connection ended. */
static bool
take(struct th_wire *w, struct pair *p, int end)
{
	struct flow *f = &p->flow[end];
	ssize_t n = recv(p->fd[end], f->data, sizeof(f->data), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0)
		return false;
	f->sent = 0;
	f->len = (size_t)n;
	if (end == 0)
		return true;
	w->bytes += f->len;
	if (w->cut_after > 0 && f->len >= w->cut_after) {
		f->len = w->cut_after;
		w->cut_after = SIZE_MAX;	/* when that is out */
	} else if (w->cut_after > 0 && w->cut_after != SIZE_MAX) {
		w->cut_after -= f->len;
	}
	return true;
}

static bool
give(struct pair *p, int end)
{
	struct flow *f = &p->flow[end];
	ssize_t n = send(p->fd[1 - end], f->data + f->sent, f->len - f->sent,
	    MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	f->sent += (size_t)n;
	if (f->sent == f->len)
		f->len = f->sent = 0;
	return true;
}

/* What a server sends to nobody; its end is not told. */
static bool
swallow(struct pair *p, short events)
{
	if (events != 0 && recv(p->fd[1], p->flow[1].data, PIECE,
	    MSG_DONTWAIT) == 0) {
		close(p->fd[1]);
		p->fd[1] = -1;
	}
	return true;
}

/* What to wait for at one end of a pair. */
static short
wanted(const struct th_wire *w, const struct pair *p, int end)
{
	short events = 0;

	if (w->stall)
		return 0;
	if (p->forgotten && end == 0)
		return POLLRDHUP;
	if (p->forgotten)
		return p->fd[end] < 0 ? 0 : POLLIN;
	if (p->flow[end].len == 0)
		events |= POLLIN;
	if (p->flow[1 - end].len > 0)
		events |= POLLOUT;
	return events;
}

/* false: the pair is to be dropped. */
static bool
serve(struct th_wire *w, struct pair *p, int end, short events)
{
	if (w->stall)
		return true;
	if (p->forgotten && end == 0)
		return (events & (POLLRDHUP | POLLHUP | POLLERR)) == 0;
	if (p->forgotten)
		return swallow(p, events);
	if ((events & POLLOUT) != 0 && p->flow[1 - end].len > 0 &&
	    !give(p, 1 - end))
		return false;
	if ((events & (POLLIN | POLLHUP | POLLERR)) != 0 &&
	    p->flow[end].len == 0)
		return take(w, p, end);
	return true;
}

/* ----------------------------------------------------------------- thread */

static size_t
gather(struct th_wire *w, struct pollfd *fds)
{
	size_t n = 0;

	/* Who comes while it is stalled stays with the kernel. */
	fds[n++] = (struct pollfd){ .fd = w->stall ? -1 : w->listen_fd,
		.events = POLLIN };
	for (size_t i = 0; i < w->npairs; i++)
		for (int end = 0; end < 2; end++) {
			short events = wanted(w, w->pairs[i], end);

			/* Without events the kernel tells of ends: no. */
			fds[n++] = (struct pollfd){ .events = events,
				.fd = events == 0 ? -1 :
				w->pairs[i]->fd[end] };
		}
	return n;
}

static void
serve_all(struct th_wire *w, const struct pollfd *fds)
{
	for (size_t i = w->npairs; i-- > 0;) {
		struct pair *p = w->pairs[i];
		bool well = serve(w, p, 0, fds[1 + 2 * i].revents) &&
		    serve(w, p, 1, fds[2 + 2 * i].revents);

		if (!well)
			drop_pair(w, i, false);
		else if (w->cut_after == SIZE_MAX && p->flow[1].len == 0)
			return cut_all(w);
	}
}

static void *
run(void *arg)
{
	struct th_wire *w = arg;
	bool ended = false;

	while (!ended) {
		size_t n, had;
		int delay;

		pthread_mutex_lock(&w->lock);
		n = gather(w, w->fds);
		had = w->npairs;
		pthread_mutex_unlock(&w->lock);
		(void)poll(w->fds, n, LOOK_MS);
		pthread_mutex_lock(&w->lock);
		ended = w->ended;
		delay = w->delay_ms;
		/* After a cut what was asked is of no use. */
		if (had == w->npairs)
			serve_all(w, w->fds);
		if ((w->fds[0].revents & POLLIN) != 0)
			accept_one(w);
		pthread_mutex_unlock(&w->lock);
		if (delay > 0)
			th_nap(delay);
	}
	return NULL;
}

/* ------------------------------------------------------------------ calls */

struct th_wire *
th_wire_open(uint16_t to_port)
{
	struct th_wire *w = calloc(1, sizeof(*w));
	struct sockaddr_in at = loopback(0);
	socklen_t len = sizeof(at);

	if (w == NULL)
		th_fail("out of memory");
	w->to_port = to_port;
	w->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (w->listen_fd < 0 ||
	    bind(w->listen_fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(w->listen_fd, 64) < 0 ||
	    getsockname(w->listen_fd, (struct sockaddr *)&at, &len) < 0)
		th_fail("listen: %s", strerror(errno));
	w->port = ntohs(at.sin_port);
	pthread_mutex_init(&w->lock, NULL);
	if (pthread_create(&w->thread, NULL, run, w) != 0)
		th_fail("no thread");
	return w;
}

void
th_wire_close(struct th_wire *w)
{
	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	w->ended = true;
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	cut_all(w);
	close(w->listen_fd);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

uint16_t
th_wire_port(const struct th_wire *w)
{
	return w->port;
}

#define LOCKED(w, what) \
	do { \
		pthread_mutex_lock(&(w)->lock); \
		what; \
		pthread_mutex_unlock(&(w)->lock); \
	} while (0)

void
th_wire_cut(struct th_wire *w)
{
	LOCKED(w, cut_all(w));
}

void
th_wire_cut_after(struct th_wire *w, size_t bytes)
{
	LOCKED(w, w->cut_after = bytes);
}

void
th_wire_refuse(struct th_wire *w, bool on)
{
	LOCKED(w, w->refuse = on);
}

void
th_wire_stall(struct th_wire *w, bool on)
{
	LOCKED(w, w->stall = on);
}

void
th_wire_forget(struct th_wire *w, int which)
{
	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < w->npairs; i++)
		if (which < 0 || i == (size_t)which % w->npairs)
			w->pairs[i]->forgotten = true;
	pthread_mutex_unlock(&w->lock);
}

void
th_wire_delay(struct th_wire *w, int ms)
{
	LOCKED(w, w->delay_ms = ms);
}

size_t
th_wire_count(struct th_wire *w)
{
	size_t n;

	LOCKED(w, n = w->count);
	return n;
}

size_t
th_wire_bytes(struct th_wire *w)
{
	size_t n;

	LOCKED(w, n = w->bytes);
	return n;
}
