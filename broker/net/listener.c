/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listener.c: sockets, and the threads that serve them.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/kafka/kafka_server.h"
#include "broker/net/net_int.h"
#include "core/base/log.h"
#include "core/base/obj.h"

enum {
	BACKLOG = 1024,
	ACCEPTS_AT_ONCE = 64,
	SLOW_MAX = 4096		/* requests waiting for the admin */
};

static const struct logger lg = { "kafka", NULL, -1 };

/* ------------------------------------------------------------ I/O threads */

static void
take_accepted(struct io_thread *io)
{
	int fds[ACCEPTS_AT_ONCE];
	uint32_t n;

	do {
		lock_acquire(&io->lock);
		n = MIN(io->naccepted, (uint32_t)ARRAY_LEN(fds));
		io->naccepted -= n;
		if (n > 0)
			memcpy(fds, io->accepted + io->naccepted,
			    n * sizeof(*fds));
		lock_release(&io->lock);
		for (uint32_t i = 0; i < n; i++)
			conn_open(io, fds[i]);
	} while (n > 0);
}

static void
take_replies(struct io_thread *io)
{
	struct net_request *list, *nr, *oldest = NULL;

	lock_acquire(&io->lock);
	list = TAKE(io->replies);
	lock_release(&io->lock);
	while ((nr = list) != NULL) {
		list = nr->next_reply;
		nr->next_reply = oldest;
		oldest = nr;
	}
	while ((nr = oldest) != NULL) {
		oldest = nr->next_reply;
		conn_replied(nr);
	}
}

/* One at a time: what a request does may take others out of the list. */
static void
take_resumes(struct io_thread *io)
{
	struct net_request *nr;

	for (;;) {
		lock_acquire(&io->lock);
		nr = io->resumes;
		if (nr != NULL) {
			io->resumes = nr->next_resume;
			nr->resuming = false;
		}
		lock_release(&io->lock);
		if (nr == NULL)
			return;
		conn_resume(nr);
	}
}

static void
io_woken(void *arg, int events)
{
	struct io_thread *io = arg;
	struct conn *c, *next;

	wake_drain(&io->wake);
	take_accepted(io);
	take_resumes(io);
	take_replies(io);
	if (!__atomic_load_n(&io->listener->stopping, __ATOMIC_ACQUIRE))
		return;
	io->stopping = true;
	for (c = io->conns; c != NULL; c = next) {
		next = c->next;
		conn_close(c, "the broker stops");
	}
	if (io->conns == NULL)
		loop_stop(io->loop);
}

static void *
io_main(void *arg)
{
	struct io_thread *io = arg;
	struct leat_err err = LEAT_ERR_INIT;

	io->self = pthread_self();
	if (loop_run(io->loop, &err) < 0)
		log_err(&lg, "connections are no longer served", &err);
	return NULL;
}

static int
io_init(struct io_thread *io, struct broker_listener *l, struct leat_err *err)
{
	int rc;

	io->listener = l;
	lock_init(&io->lock, RANK_LEAF);
	io->wake.fd = -1;
	if ((io->loop = loop_new(&clock_system, err)) == NULL)
		return err->code;
	if ((rc = wake_init(&io->wake, err)) < 0)
		return rc;
	io->wake_watch = loop_fd_add(io->loop, io->wake.fd, LOOP_READ,
	    io_woken, io, err);
	return io->wake_watch == NULL ? err->code : 0;
}

static void
io_fini(struct io_thread *io)
{
	struct net_request *nr;

	if (io->listener == NULL)
		return;
	while ((nr = io->pool) != NULL) {
		io->pool = nr->next;
		net_request_free(nr);
	}
	for (uint32_t i = 0; i < io->naccepted; i++)
		(void)close(io->accepted[i]);
	free(io->accepted);
	if (io->loop != NULL)
		loop_free(io->loop);
	if (io->wake.fd >= 0)
		wake_fini(&io->wake);
	lock_fini(&io->lock);
}

/* --------------------------------------------------------------- accepting */

static void
hand_over(struct broker_listener *l, int owned_fd)
{
	struct io_thread *io = &l->io[0];
	uint32_t cap;
	int *more;

	for (uint32_t i = 1; i < l->nio; i++)
		if (__atomic_load_n(&l->io[i].nconns, __ATOMIC_RELAXED) <
		    __atomic_load_n(&io->nconns, __ATOMIC_RELAXED))
			io = &l->io[i];
	lock_acquire(&io->lock);
	if (io->naccepted == io->cap_accepted) {
		cap = io->cap_accepted > 0 ? 2 * io->cap_accepted : 16;
		more = realloc(io->accepted, cap * sizeof(*more));
		if (more == NULL) {
			lock_release(&io->lock);
			(void)close(owned_fd);
			return;
		}
		io->accepted = more;
		io->cap_accepted = cap;
	}
	io->accepted[io->naccepted++] = owned_fd;
	lock_release(&io->lock);
	__atomic_fetch_add(&io->nconns, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&l->nconns, 1, __ATOMIC_RELAXED);
	wake_up(&io->wake);
}

static void
acceptor_event(void *arg, int events)
{
	struct acceptor *a = arg;
	struct broker_listener *l = a->listener;
	int fd;

	for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
		fd = accept4(a->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		if (__atomic_load_n(&l->nconns, __ATOMIC_RELAXED) >=
		    l->server->o.max_connections) {
			log_warn(&lg, "connection refused: too many",
			    "max=%d", l->server->o.max_connections);
			(void)close(fd);
			continue;
		}
		hand_over(l, fd);
	}
}

static int
bind_one(struct broker_listener *l, const struct addrinfo *ai,
    const char *text, struct leat_err *err)
{
	struct acceptor *a = &l->acceptors[l->nacceptors];
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	int one = 1, fd;

	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	if (fd < 0)
		return leat_err_errno(err, LEAT_CLS_CONFIG, "listen on %s",
		    text);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (ai->ai_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one,
		    sizeof(one));
	memcpy(&sa, ai->ai_addr, ai->ai_addrlen);
	if (bind(fd, (struct sockaddr *)&sa, ai->ai_addrlen) < 0 ||
	    listen(fd, BACKLOG) < 0 ||
	    getsockname(fd, (struct sockaddr *)&sa, &len) < 0) {
		leat_err_errno(err, LEAT_CLS_CONFIG, "listen on %s", text);
		(void)close(fd);
		return err->code;
	}
	/* The port stands at the same place in both families. */
	if (l->port == 0)
		l->port = ntohs(((struct sockaddr_in *)(void *)&sa)->sin_port);
	*a = (struct acceptor){ l, fd, NULL };
	l->nacceptors++;
	a->watch = loop_fd_add(l->io[0].loop, fd, LOOP_READ, acceptor_event,
	    a, err);
	return a->watch == NULL ? err->code : 0;
}

/* "host:port" or "[host]:port"; port 0 is the one that is bound already. */
static int
listen_one(struct broker_listener *l, const char *text, struct leat_err *err)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE }, *ai;
	const char *colon = strrchr(text, ':'), *host = text;
	char name[256], port[8];
	int64_t number;
	size_t len;
	int rc;

	if (colon == NULL ||
	    leat_parse_i64(leat_str_c(colon + 1), 0, 65535, &number) < 0)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "listener '%s': want host:port", text);
	len = (size_t)(colon - text);
	if (host[0] == '[' && len > 2 && host[len - 1] == ']') {
		host++;
		len -= 2;
	}
	if (len >= sizeof(name) || l->nacceptors == ADDRESSES_MAX)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "listener '%s': too long, or more than %d of them", text,
		    ADDRESSES_MAX);
	memcpy(name, host, len);
	name[len] = '\0';
	(void)snprintf(port, sizeof(port), "%d",
	    number == 0 ? l->port : (int)number);
	rc = getaddrinfo(len > 0 ? name : NULL, port, &hints, &ai);
	if (rc != 0)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "listener '%s': %s", text, gai_strerror(rc));
	rc = bind_one(l, ai, text, err);
	freeaddrinfo(ai);
	return rc;
}

static int
listen_all(struct broker_listener *l, const char *list, struct leat_err *err)
{
	char *copy = strdup(list), *save = NULL, *one;
	int rc = 0;

	if (copy == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
	for (one = strtok_r(copy, ", ", &save); one != NULL && rc == 0;
	    one = strtok_r(NULL, ", ", &save))
		rc = listen_one(l, one, err);
	free(copy);
	return rc;
}

/* ------------------------------------------------------------------- admin */

static void *
admin_main(void *arg)
{
	struct broker_listener *l = arg;
	struct queue_item *item;
	struct net_request *nr;

	while ((item = queue_wait(&l->slow, -1)) != NULL) {
		nr = (struct net_request *)(void *)((char *)item -
		    offsetof(struct net_request, slow));
		nr->rq.api->handle(&nr->rq);
	}
	return NULL;
}

/* -------------------------------------------------------------- front door */

int
broker_listen(struct broker *b, const struct broker_listen_options *o,
    struct broker_listener **ret_listener, struct leat_err *err)
{
	struct broker_listener *l = calloc(1, sizeof(*l));
	int rc = 0;

	if (l == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
	queue_init(&l->slow, SLOW_MAX, NULL);
	if ((rc = kafka_server_new(b, o, &l->server, err)) < 0)
		goto fail;
	l->io = calloc((size_t)MAX(o->threads, 1), sizeof(*l->io));
	if (l->io == NULL) {
		rc = leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
		goto fail;
	}
	for (; l->nio < (uint32_t)MAX(o->threads, 1); l->nio++)
		if ((rc = io_init(&l->io[l->nio], l, err)) < 0) {
			l->nio++;
			goto fail;
		}
	if ((rc = listen_all(l, o->listen, err)) < 0 ||
	    (rc = thread_start(&l->admin, "leat-admin", admin_main, l,
	    err)) < 0)
		goto fail;
	for (uint32_t i = 0; i < l->nio; i++)
		if ((rc = thread_start(&l->io[i].thread, "leat-kafka",
		    io_main, &l->io[i], err)) < 0)
			goto fail;
	*ret_listener = l;
	return 0;
fail:
	broker_listener_close(l);
	return rc;
}

void
broker_listener_close(struct broker_listener *l)
{
	if (l == NULL)
		return;
	__atomic_store_n(&l->stopping, true, __ATOMIC_RELEASE);
	for (uint32_t i = 0; i < l->nio; i++)
		if (l->io[i].thread.running)
			wake_up(&l->io[i].wake);
	for (uint32_t i = 0; i < l->nio; i++)
		thread_join(&l->io[i].thread);
	queue_close(&l->slow);
	thread_join(&l->admin);
	for (uint32_t i = 0; i < l->nacceptors; i++)
		(void)close(l->acceptors[i].fd);
	for (uint32_t i = 0; i < l->nio; i++)
		io_fini(&l->io[i]);
	free(l->io);
	kafka_server_free(l->server);
	queue_fini(&l->slow);
	free(l);
}

uint16_t
broker_listener_port(const struct broker_listener *l)
{
	return l->port;
}
