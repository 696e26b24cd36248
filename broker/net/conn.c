/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn.c: a connection: requests begun in order, and its end.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/kafka/kafka_server.h"
#include "broker/net/net_int.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/obj.h"

enum {
	READS_AT_ONCE = 4,	/* then others have their turn */
	SWEEP_MS = 2000,
	SWEEP_MIN_MS = 50,
	WHY_BYTES = 160
};

static const int64_t ns_per_ms = 1000000;

static const struct logger lg = { "kafka", NULL, -1 };

/* -------------------------------------------------------------- closing */

static void
conn_free(struct conn *c)
{
	struct io_thread *io = c->io;

	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		io->conns = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	accepted_ended(io, c->ip);
	kafka_peer_fini(&c->peer);
	OBJ_FREE(c);
	if (io->stopping && io->conns == NULL)
		loop_stop(io->loop);
}

/* Frees what no handler has; the connection too when that was all. */
static void
reap(struct conn *c)
{
	struct net_request **at = &c->head, *nr;

	while ((nr = *at) != NULL) {
		if (nr->begun && !nr->done) {
			at = &nr->next;
			continue;
		}
		*at = nr->next;
		c->npending--;
		net_request_recycle(nr);
	}
	c->tail = at;
	if (c->head == NULL)
		conn_free(c);
}

void
conn_close(struct conn *c, const char *why)
{
	struct net_request *nr;

	if (c->closed)
		return;
	log_debug(&lg, "connection closed", "peer=%s why=%s", c->peer.host,
	    why);
	c->closed = true;
	loop_fd_remove(TAKE(c->watch));
	c->transport->close(c);
	(void)close(c->fd);
	c->fd = -1;
	conn_read_fini(c);
	for (nr = c->head; nr != NULL; nr = nr->next)
		net_request_cancel(nr);
	reap(c);
}

void
conn_returned(struct net_request *nr, bool replied)
{
	struct conn *c = nr->conn;

	if (replied)
		net_request_replied(nr);
	nr->slow = NULL;
	if (!c->closed) {
		conn_pump(c);
		return;
	}
	net_request_cancel(nr);
	reap(c);
}

/* ------------------------------------------------------------- beginning */

/* May it begin while those before it wait? */
static bool
may_overlap(const struct net_request *nr)
{
	const struct kafka_api *api = nr->rq.frame_len >= 2 ?
	    kafka_api_find((int16_t)leat_get_u16(nr->rq.frame)) : NULL;

	return api != NULL && (api->flags & API_OVERLAP);
}

/*
 * Rows with API_OVERLAP may follow each other; everything else waits until all
 * before it is answered. Handlers of one connection are called in the order of
 * its requests: nothing begins while an admin thread has one of them.
 */
static void
begin_requests(struct conn *c)
{
	bool waiting = false, overlap = true;
	struct net_request *nr;
	size_t unsent = 0;

	for (nr = c->head; nr != NULL && !c->blocked; nr = nr->next) {
		if (!nr->begun) {
			if (unsent >= UNSENT_BYTES ||
			    (waiting && !(overlap && may_overlap(nr))))
				return;
			net_request_begin(nr);
		}
		if (!nr->done) {
			if (nr->slow != NULL)
				return;
			waiting = true;
			overlap = overlap && (nr->rq.api->flags & API_OVERLAP);
		} else if (nr->rq.outcome == OUTCOME_HANG_UP) {
			return;
		} else if (nr->rq.outcome == OUTCOME_REPLY) {
			unsent += nr->rq.out.buf.len + nr->rq.out.slice_bytes;
		}
	}
}

static bool
may_read(const struct conn *c)
{
	return !c->eof && !c->starved &&
	    (c->frame != NULL || c->size_have > 0 || !conn_is_full(c));
}

static void
watch_for(struct conn *c, bool writable)
{
	int events = c->wants;

	if (may_read(c))
		events |= LOOP_READ;
	if (writable)
		events |= LOOP_WRITE;
	if (events != c->events && loop_fd_change(c->watch, events) == 0)
		c->events = events;
}

void
conn_pump(struct conn *c)
{
	char why[WHY_BYTES] = "";
	int rc;

	for (;;) {
		begin_requests(c);
		if ((rc = conn_send(c)) < 0)
			return;
		/* What was sent may have been waited for. */
		if (rc == 1 && c->head != NULL && !c->head->begun)
			continue;
		if (!may_read(c) || !conn_has_rest(c))
			break;
		if (conn_read_rest(c, why, sizeof(why)) < 0) {
			log_warn(&lg, "connection ended", "peer=%s why=%s",
			    c->peer.host, why);
			conn_close(c, why);
			return;
		}
	}
	if ((c->eof || c->peer.refused) && c->head == NULL) {
		conn_close(c, c->peer.refused ? "its login was refused" :
		    "the peer closed it");
		return;
	}
	watch_for(c, rc == 0);
}

/* --------------------------------------------------------------- events */

/* Goes on with the handshake: true when it is through. */
static bool
shake(struct conn *c)
{
	char why[WHY_BYTES] = "";
	int rc = c->transport->shake(c, why, sizeof(why));

	if (rc == 0) {
		c->shaking = false;
		return true;
	}
	if (rc == -EAGAIN) {
		if (c->wants != c->events &&
		    loop_fd_change(c->watch, c->wants) == 0)
			c->events = c->wants;
		return false;
	}
	log_warn(&lg, "no TLS connection", "peer=%s why=%s", c->peer.host,
	    why);
	conn_close(c, why);
	return false;
}

/* Something else than a frame's fault is not worth a line. */
static void
read_failed(struct conn *c, const char *why)
{
	if (c->size_have == sizeof(c->size_bytes) && c->frame == NULL)
		log_warn(&lg, "connection ended", "peer=%s why=%s",
		    c->peer.host, why);
	conn_close(c, why);
}

static void
conn_event(void *arg, int events)
{
	char why[WHY_BYTES] = "";
	struct conn *c;
	int wanted;

	OBJ_CAST(c, arg, CONN_MAGIC);
	c->active_ns = clock_mono_ns(&clock_system);
	wanted = c->wants;
	c->wants = 0;
	if (c->shaking && !shake(c))
		return;
	if ((events & LOOP_WRITE) || wanted != 0)
		c->blocked = false;
	if ((events & LOOP_READ) || wanted != 0) {
		for (int i = 0; i < READS_AT_ONCE && may_read(c); i++) {
			size_t before = c->frame_have;
			bool into_frame = c->frame != NULL;

			if (conn_read_rest(c, why, sizeof(why)) < 0) {
				read_failed(c, why);
				return;
			}
			/* Only a long frame is likely to have more there. */
			if (!into_frame || c->frame == NULL ||
			    c->frame_have < c->frame_cap ||
			    c->frame_have == before)
				break;
		}
	} else if (events & LOOP_HANGUP) {
		conn_close(c, "the peer is gone");
		return;
	}
	conn_pump(c);
}

/* -------------------------------------------------------------- time-outs */

/* Why it has taken too long, or NULL. */
static const char *
overdue(const struct conn *c, int64_t now_ns)
{
	const struct broker_listener *l = c->io->listener;
	int64_t quiet_ms = (now_ns - c->active_ns) / ns_per_ms;
	int64_t age_ms = (now_ns - c->opened_ns) / ns_per_ms;
	int64_t frame_ms = (now_ns - c->frame_ns) / ns_per_ms;

	if (c->shaking && age_ms > HANDSHAKE_MS)
		return "no TLS handshake in time";
	if (!c->peer.authenticated && age_ms > HANDSHAKE_MS)
		return "no login in time";
	if (c->eof && quiet_ms > HALF_CLOSED_MS)
		return "the peer closed it";
	if (c->size_have > 0 && !c->starved) {
		if (frame_ms > FRAME_MS + (int64_t)c->frame_have /
		    FRAME_BYTES_PER_MS)
			return "a request comes too slowly";
		if (c->frame_room > 0 && quiet_ms > FRAME_STALL_MS &&
		    __atomic_load_n(&l->nstarved, __ATOMIC_RELAXED) > 0)
			return "its half request takes others' memory";
	}
	/* Requests that wait are our affair, unread answers the peer's. */
	if ((c->head == NULL || c->blocked) &&
	    quiet_ms > l->server->o.idle_ms)
		return c->blocked ? "nobody reads its answers" : "idle";
	return NULL;
}

void
conns_sweep(void *arg)
{
	struct io_thread *io = arg;
	const struct broker_listener *l = io->listener;
	int64_t now_ns = clock_mono_ns(&clock_system);
	int64_t wait_ms = MIN(l->server->o.idle_ms / 4, (int64_t)SWEEP_MS);
	struct conn *c, *next;
	const char *why;

	for (c = io->conns; c != NULL; c = next) {
		next = c->next;
		if (!c->closed && (why = overdue(c, now_ns)) != NULL) {
			log_info(&lg, "connection closed", "peer=%s why=%s",
			    c->peer.host, why);
			conn_close(c, why);
		}
	}
	take_starved(io);
	if (io->conns == NULL) {
		io->sweeping = false;
		return;
	}
	io->sweeping = true;
	loop_timer_start(io->sweeper, MAX(wait_ms, (int64_t)SWEEP_MIN_MS));
}

/* --------------------------------------------------------------- opening */

static void
address_text(const struct sockaddr_storage *sa, char *to, size_t size,
    uint16_t *ret_port)
{
	struct sockaddr_in6 in6;
	struct sockaddr_in in4;

	to[0] = '\0';
	*ret_port = 0;
	if (sa->ss_family == AF_INET) {
		memcpy(&in4, sa, sizeof(in4));
		(void)inet_ntop(AF_INET, &in4.sin_addr, to, (socklen_t)size);
		*ret_port = ntohs(in4.sin_port);
	} else if (sa->ss_family == AF_INET6) {
		memcpy(&in6, sa, sizeof(in6));
		(void)inet_ntop(AF_INET6, &in6.sin6_addr, to, (socklen_t)size);
		*ret_port = ntohs(in6.sin6_port);
	}
}

static int
fill_peer(struct conn *c)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t len = sizeof(sa);
	uint16_t port;

	if (getpeername(c->fd, (struct sockaddr *)&sa, &len) < 0)
		return -1;
	address_text(&sa, c->peer.host, sizeof(c->peer.host), &port);
	len = sizeof(sa);
	if (getsockname(c->fd, (struct sockaddr *)&sa, &len) < 0)
		return -1;
	address_text(&sa, c->peer.local_host, sizeof(c->peer.local_host),
	    &c->peer.local_port);
	return kafka_peer_init(&c->peer, c->io->listener->server);
}

/* A peer that vanished is found out; small answers go at once. */
static void
set_socket(int fd)
{
	int one = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
}

void
conn_open(struct io_thread *io, const struct accepted *owned)
{
	struct conn *c = calloc(1, sizeof(*c));
	struct leat_err err = LEAT_ERR_INIT;

	if (c == NULL)
		goto fail;
	c->magic = CONN_MAGIC;
	c->io = io;
	c->fd = owned->fd;
	c->ip = owned->ip;
	c->tail = &c->head;
	c->transport = &transport_plain;
	c->opened_ns = c->active_ns = clock_mono_ns(&clock_system);
	set_socket(c->fd);
	c->events = LOOP_READ;
	if (fill_peer(c) < 0 ||
	    (owned->tls && tls_attach(io->listener->tls, c) < 0) ||
	    (c->watch = loop_fd_add(io->loop, c->fd, LOOP_READ, conn_event, c,
	    &err)) == NULL)
		goto fail;
	c->next = io->conns;
	if (c->next != NULL)
		c->next->prev = c;
	io->conns = c;
	if (!io->sweeping)
		conns_sweep(io);
	return;
fail:
	if (c != NULL) {
		c->transport->close(c);
		kafka_peer_fini(&c->peer);
	}
	free(c);
	(void)close(owned->fd);
	accepted_ended(io, owned->ip);
}
