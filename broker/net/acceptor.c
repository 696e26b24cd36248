/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acceptor.c: the sockets that listen, and who is let in.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/kafka/kafka_server.h"
#include "core/base/net_address.h"
#include "broker/net/net_int.h"
#include "core/base/log.h"
#include "core/base/obj.h"

enum {
	BACKLOG = 1024,
	ACCEPTS_AT_ONCE = 64,
	ACCEPT_PAUSE_MS = 200	/* without descriptors or memory */
};

static const struct logger lg = { "kafka", NULL, -1 };

/* --------------------------------------------------------------- accepting */

void
accepted_ended(struct io_thread *io, struct ip_key ip)
{
	struct broker_listener *l = io->listener;

	ip_count_remove(&l->ips, ip);
	net_metrics_add(l->metrics, NET_CONNECTIONS, -1);
	__atomic_fetch_sub(&io->nconns, 1, __ATOMIC_RELAXED);
	__atomic_fetch_sub(&l->nconns, 1, __ATOMIC_RELAXED);
}

static bool
queue_accepted(struct io_thread *io, const struct accepted *a)
{
	struct accepted *more;
	uint32_t cap;
	bool ok = true;

	lock_acquire(&io->lock);
	if (io->naccepted == io->cap_accepted) {
		cap = io->cap_accepted > 0 ? 2 * io->cap_accepted : 16;
		more = realloc(io->accepted, cap * sizeof(*more));
		if ((ok = more != NULL)) {
			io->accepted = more;
			io->cap_accepted = cap;
		}
	}
	if (ok)
		io->accepted[io->naccepted++] = *a;
	lock_release(&io->lock);
	return ok;
}

/* To the thread with the fewest. */
static void
hand_over(struct broker_listener *l, const struct accepted *owned)
{
	struct io_thread *io = &l->io[0];

	for (uint32_t i = 1; i < l->nio; i++)
		if (__atomic_load_n(&l->io[i].nconns, __ATOMIC_RELAXED) <
		    __atomic_load_n(&io->nconns, __ATOMIC_RELAXED))
			io = &l->io[i];
	__atomic_fetch_add(&io->nconns, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&l->nconns, 1, __ATOMIC_RELAXED);
	net_metrics_add(l->metrics, NET_CONNECTIONS, 1);
	net_metrics_add(l->metrics, NET_ACCEPTED, 1);
	if (queue_accepted(io, owned)) {
		wake_up(&io->wake);
		return;
	}
	(void)close(owned->fd);
	accepted_ended(io, owned->ip);
}

/* May one more come in? */
static bool
admit(struct broker_listener *l, struct ip_key ip)
{
	const struct broker_listen_options *o = &l->server->o;

	if (__atomic_load_n(&l->nconns, __ATOMIC_RELAXED) >=
	    o->max_connections) {
		log_warn(&lg, "connection refused: too many", "max=%d",
		    o->max_connections);
		return false;
	}
	if (!ip_count_add(&l->ips, ip, o->max_connections_per_ip)) {
		log_warn(&lg, "connection refused: too many of one address",
		    "max=%d", o->max_connections_per_ip);
		return false;
	}
	return true;
}

static void
accept_again(void *arg)
{
	struct broker_listener *l = arg;

	for (uint32_t i = 0; i < l->nacceptors; i++)
		if (l->acceptors[i].watch != NULL)
			(void)loop_fd_change(l->acceptors[i].watch, LOOP_READ);
}

/* Without descriptors the socket stays ready: look again a little later. */
static void
pause_accepting(struct acceptor *a)
{
	log_warn(&lg, "cannot accept connections for a moment", "why=%s",
	    strerror(errno));
	(void)loop_fd_change(a->watch, 0);
	loop_timer_start(a->listener->accept_again, ACCEPT_PAUSE_MS);
}

static void
acceptor_event(void *arg, int events)
{
	struct acceptor *a = arg;
	struct broker_listener *l = a->listener;
	struct sockaddr_storage sa = { 0 };
	struct accepted one;
	socklen_t len;

	for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
		len = sizeof(sa);
		one.fd = accept4(a->fd, (struct sockaddr *)&sa, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (one.fd < 0) {
			if (errno == EMFILE || errno == ENFILE ||
			    errno == ENOMEM || errno == ENOBUFS)
				pause_accepting(a);
			if (errno == ECONNABORTED || errno == EINTR)
				continue;
			return;
		}
		one.tls = a->tls;
		one.ip = ip_key_of(&sa);
		if (admit(l, one.ip)) {
			hand_over(l, &one);
		} else {
			net_metrics_add(l->metrics, NET_REFUSED, 1);
			(void)close(one.fd);
		}
	}
}

/* ----------------------------------------------------------------- binding */

static int
bind_one(struct broker_listener *l, const struct addrinfo *ai, bool tls,
    const char *text, struct leat_err *err)
{
	struct acceptor *a = &l->acceptors[l->nacceptors];
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	int one = 1, fd;

	if (l->nacceptors == ADDRESSES_MAX)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "listen on %s: more than %d addresses", text,
		    ADDRESSES_MAX);
	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	if (fd < 0)
		return leat_err_errno(err, LEAT_CLS_CONFIG, "listen on %s",
		    text);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (ai->ai_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one,
		    sizeof(one));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 ||
	    listen(fd, BACKLOG) < 0 ||
	    getsockname(fd, (struct sockaddr *)&sa, &len) < 0) {
		leat_err_errno(err, LEAT_CLS_CONFIG, "listen on %s", text);
		(void)close(fd);
		return err->code;
	}
	/* The port stands at the same place in both families. */
	if (l->port == 0)
		l->port = ntohs(((struct sockaddr_in *)(void *)&sa)->sin_port);
	*a = (struct acceptor){ l, fd, tls, NULL };
	l->nacceptors++;
	a->watch = loop_fd_add(l->io[0].loop, fd, LOOP_READ, acceptor_event,
	    a, err);
	return a->watch == NULL ? err->code : 0;
}

/*
 * A name may have several addresses ("localhost"), of families that are not
 * there: one that can be had is enough.
 */
static int
listen_one(struct broker_listener *l, const char *text, struct leat_err *err)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE };
	struct addrinfo *list, *ai;
	struct net_address at;
	uint32_t before = l->nacceptors;
	char port[8];
	bool tls;
	int rc;

	if ((rc = net_address_parse(text, &at, err)) < 0)
		return rc;
	if (at.protocol == NET_TLS && l->tls == NULL)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "listener '%s': TLS without a certificate", text);
	tls = l->tls != NULL && at.protocol != NET_PLAIN;
	(void)snprintf(port, sizeof(port), "%d",
	    at.port == 0 ? l->port : at.port);
	rc = getaddrinfo(at.host[0] != '\0' ? at.host : NULL, port, &hints,
	    &list);
	if (rc != 0)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "listener '%s': %s", text, gai_strerror(rc));
	for (ai = list; ai != NULL; ai = ai->ai_next) {
		rc = bind_one(l, ai, tls, text, err);
		if (rc < 0 && rc != -EADDRNOTAVAIL && rc != -EAFNOSUPPORT)
			break;
	}
	freeaddrinfo(list);
	if (l->nacceptors > before &&
	    (rc == -EADDRNOTAVAIL || rc == -EAFNOSUPPORT))
		rc = 0;
	return rc;
}

int
acceptors_open(struct broker_listener *l, const char *list,
    struct leat_err *err)
{
	char *copy = strdup(list), *save = NULL, *one;
	int rc = 0;

	l->accept_again = loop_timer_new(l->io[0].loop, accept_again, l);
	if (copy == NULL || l->accept_again == NULL) {
		free(copy);
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
	}
	for (one = strtok_r(copy, ", ", &save); one != NULL && rc == 0;
	    one = strtok_r(NULL, ", ", &save))
		rc = listen_one(l, one, err);
	free(copy);
	return rc;
}

void
acceptors_close(struct broker_listener *l)
{
	for (uint32_t i = 0; i < l->nacceptors; i++) {
		struct acceptor *a = &l->acceptors[i];

		loop_fd_remove(TAKE(a->watch));
		if (a->fd >= 0)
			(void)close(a->fd);
		a->fd = -1;
	}
	loop_timer_free(TAKE(l->accept_again));
}
