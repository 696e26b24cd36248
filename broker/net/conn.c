/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn.c: a connection: frames in, requests begun in order.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "broker/kafka/kafka_server.h"
#include "broker/net/net_int.h"
#include "core/base/log.h"
#include "core/base/obj.h"

enum {
	ARENA_CHUNK_BYTES = 4 << 10,
	ARENA_MAX_BYTES = 64 << 20,
	/* Answers; records in files come on top. */
	OUT_MAX_BYTES = 128 << 20
};

static const struct logger lg = { "kafka", NULL, -1 };

/* ------------------------------------------------------------- requests */

static void
request_done(struct kafka_request *rq)
{
	struct net_request *nr = (struct net_request *)(void *)rq;
	struct io_thread *io;
	bool first;

	OBJ_CHECK(nr, NET_REQUEST_MAGIC);
	io = nr->conn->io;
	if (pthread_equal(pthread_self(), io->self)) {
		nr->done = true;
		return;
	}
	lock_acquire(&io->lock);
	first = io->replies == NULL;
	nr->next_reply = io->replies;
	io->replies = nr;
	lock_release(&io->lock);
	if (first)
		wake_up(&io->wake);
}

static void
request_resume(struct kafka_request *rq)
{
	struct net_request *nr = (struct net_request *)(void *)rq;
	struct io_thread *io = nr->conn->io;
	bool first = false;

	OBJ_CHECK(nr, NET_REQUEST_MAGIC);
	lock_acquire(&io->lock);
	if (!nr->resuming) {
		first = io->resumes == NULL;
		nr->resuming = true;
		nr->next_resume = io->resumes;
		io->resumes = nr;
	}
	lock_release(&io->lock);
	if (first)
		wake_up(&io->wake);
}

static void
request_timer(void *arg)
{
	conn_resume(arg);
}

static void
request_resume_after(struct kafka_request *rq, int64_t ms)
{
	struct net_request *nr = (struct net_request *)(void *)rq;

	if (nr->timer == NULL)
		nr->timer = loop_timer_new(nr->conn->io->loop, request_timer,
		    nr);
	if (nr->timer != NULL)
		loop_timer_start(nr->timer, ms);
	else
		request_resume(rq);
}

static const struct kafka_carrier carrier = { request_done, request_resume,
	request_resume_after };

/* What is on its way to a request that has been answered is void. */
static void
forget_resume(struct io_thread *io, struct net_request *nr)
{
	struct net_request **at;

	if (nr->timer != NULL)
		loop_timer_cancel(nr->timer);
	lock_acquire(&io->lock);
	if (nr->resuming) {
		for (at = &io->resumes; *at != nr; at = &(*at)->next_resume)
			;
		*at = nr->next_resume;
		nr->resuming = false;
	}
	lock_release(&io->lock);
}

static struct net_request *
request_new(struct conn *c, uint8_t *owned_frame, size_t len)
{
	struct io_thread *io = c->io;
	struct net_request *nr = io->pool;

	if (nr != NULL) {
		io->pool = nr->next;
		io->npool--;
	} else if ((nr = calloc(1, sizeof(*nr))) != NULL) {
		nr->magic = NET_REQUEST_MAGIC;
		leat_arena_init(&nr->rq.arena, ARENA_CHUNK_BYTES,
		    ARENA_MAX_BYTES);
		kout_init(&nr->rq.out, OUT_MAX_BYTES);
	} else {
		free(owned_frame);
		return NULL;
	}
	nr->conn = c;
	nr->next = NULL;
	nr->begun = nr->done = false;
	nr->rq.server = io->listener->server;
	nr->rq.broker = io->listener->server->broker;
	nr->rq.peer = &c->peer;
	nr->rq.frame = owned_frame;
	nr->rq.frame_len = len;
	nr->rq.parked = NULL;
	nr->rq.resume = NULL;
	nr->rq.carrier = &carrier;
	return nr;
}

void
net_request_free(struct net_request *nr)
{
	if (nr->timer != NULL)
		loop_timer_free(nr->timer);
	free(nr->rq.frame);
	kout_fini(&nr->rq.out);
	leat_arena_fini(&nr->rq.arena);
	OBJ_FREE(nr);
}

static void
request_recycle(struct io_thread *io, struct net_request *nr)
{
	forget_resume(io, nr);
	if (io->npool >= POOL_MAX || nr->rq.out.buf.cap > KEEP_OUT_BYTES) {
		net_request_free(nr);
		return;
	}
	free(TAKE(nr->rq.frame));
	kout_reset(&nr->rq.out);
	leat_arena_reset(&nr->rq.arena);
	nr->conn = NULL;
	nr->next = io->pool;
	io->pool = nr;
	io->npool++;
}

void
conn_pop(struct conn *c)
{
	struct net_request *nr = c->head;

	c->head = nr->next;
	if (c->head == NULL)
		c->tail = &c->head;
	c->npending--;
	c->sent = 0;
	c->sent_slices = 0;
	c->sent_of_slice = 0;
	request_recycle(c->io, nr);
}

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
	__atomic_fetch_sub(&io->nconns, 1, __ATOMIC_RELAXED);
	__atomic_fetch_sub(&io->listener->nconns, 1, __ATOMIC_RELAXED);
	free(c->frame);
	kafka_peer_fini(&c->peer);
	OBJ_FREE(c);
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
		request_recycle(c->io, nr);
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
	(void)close(c->fd);
	c->fd = -1;
	for (nr = c->head; nr != NULL; nr = nr->next)
		if (nr->begun && !nr->done && nr->rq.api->cancel != NULL)
			nr->rq.api->cancel(&nr->rq);
	reap(c);
}

void
conn_resume(struct net_request *nr)
{
	if (nr->done)
		return;
	nr->rq.resume(&nr->rq);
	if (nr->done)
		conn_replied(nr);
}

void
conn_replied(struct net_request *nr)
{
	struct conn *c = nr->conn;

	nr->done = true;
	if (c->closed)
		reap(c);
	else
		conn_pump(c);
}

/* ------------------------------------------------------------- beginning */

static void
request_begin(struct net_request *nr)
{
	struct kafka_request *rq = &nr->rq;

	nr->begun = true;
	if (kafka_request_begin(rq) < 0) {
		nr->done = true;
		return;
	}
	if ((rq->api->flags & API_SLOW) == 0) {
		rq->api->handle(rq);
		return;
	}
	if (queue_push(&nr->conn->io->listener->slow, &nr->slow) < 0)
		kafka_hang_up(rq, "too many requests that change something");
}

/*
 * Rows with API_OVERLAP may follow each other; everything else waits until all
 * before it is answered.
 */
static void
begin_requests(struct conn *c)
{
	bool waiting = false, overlap = true;
	struct net_request *nr;

	for (nr = c->head; nr != NULL && !c->closed; nr = nr->next) {
		if (!nr->begun) {
			int16_t key = nr->rq.frame_len >= 2 ?
			    (int16_t)leat_get_u16(nr->rq.frame) : -1;
			const struct kafka_api *api = kafka_api_find(key);

			if (waiting && !(overlap && api != NULL &&
			    (api->flags & API_OVERLAP)))
				return;
			request_begin(nr);
		}
		if (!nr->done) {
			waiting = true;
			overlap = overlap && (nr->rq.api->flags & API_OVERLAP);
		} else if (nr->rq.outcome == OUTCOME_HANG_UP) {
			return;
		}
	}
}

static void
watch_for(struct conn *c, bool writable)
{
	int events = 0;

	if (!c->eof && c->npending < PENDING_MAX)
		events |= LOOP_READ;
	if (writable)
		events |= LOOP_WRITE;
	if (events != c->events && loop_fd_change(c->watch, events) == 0)
		c->events = events;
}

void
conn_pump(struct conn *c)
{
	int rc;

	do {
		begin_requests(c);
		if (c->closed)
			return;
		rc = conn_send(c);
		/* What was sent may have been waited for. */
	} while (rc == 1 && c->head != NULL && !c->head->begun);
	if (rc < 0)
		return;
	if ((c->eof || c->peer.refused) && c->head == NULL) {
		conn_close(c, c->peer.refused ? "its login was refused" :
		    "the peer closed it");
		return;
	}
	watch_for(c, rc == 0);
}

/* --------------------------------------------------------------- reading */

static int
frame_begin(struct conn *c)
{
	int32_t size = (int32_t)leat_get_u32(c->size_bytes);
	int64_t max = c->io->listener->server->o.request_max_bytes;

	/* Strangers get no memory. */
	if (!c->peer.authenticated)
		max = MIN(max, STRANGER_REQUEST_MAX);
	if (size < 0 || size > max) {
		log_warn(&lg, "not a request of Kafka's protocol, or too large",
		    "peer=%s size=%d limit=%lld", c->peer.host, size,
		    (long long)max);
		return -1;
	}
	c->frame_len = (size_t)size;
	c->frame_have = 0;
	c->frame_cap = MIN(c->frame_len, (size_t)FRAME_FIRST_BYTES);
	c->frame = malloc(c->frame_cap + 1);
	return c->frame == NULL ? -1 : 0;
}

static int
frame_end(struct conn *c)
{
	struct net_request *nr = request_new(c, TAKE(c->frame), c->frame_len);

	c->size_have = 0;
	if (nr == NULL)
		return -1;
	*c->tail = nr;
	c->tail = &nr->next;
	c->npending++;
	return 0;
}

/* Memory follows what has really come. */
static int
frame_grow(struct conn *c)
{
	size_t cap = MIN(c->frame_len, 2 * c->frame_cap);
	uint8_t *more;

	if (c->frame_have < c->frame_cap || c->frame_cap == c->frame_len)
		return 0;
	if ((more = realloc(c->frame, cap)) == NULL)
		return -1;
	c->frame = more;
	c->frame_cap = cap;
	return 0;
}

/* Takes bytes that came; makes requests of whole frames. */
static int
take_bytes(struct conn *c, const uint8_t *p, size_t len)
{
	size_t n;

	while (len > 0 || (c->frame != NULL &&
	    c->frame_have == c->frame_len)) {
		if (c->frame == NULL) {
			n = MIN(len, sizeof(c->size_bytes) - c->size_have);
			memcpy(c->size_bytes + c->size_have, p, n);
			c->size_have += (uint32_t)n;
			if (c->size_have == sizeof(c->size_bytes) &&
			    frame_begin(c) < 0)
				return -1;
		} else {
			if (frame_grow(c) < 0)
				return -1;
			n = MIN(len, c->frame_cap - c->frame_have);
			memcpy(c->frame + c->frame_have, p, n);
			c->frame_have += n;
			if (c->frame_have == c->frame_len &&
			    frame_end(c) < 0)
				return -1;
		}
		p += n;
		len -= n;
	}
	return 0;
}

/* One read: what is missing of the frame into it, the rest into scratch. */
static int
read_some(struct conn *c)
{
	struct io_thread *io = c->io;
	struct iovec iov[2];
	size_t room = 0;
	ssize_t n;

	if (c->frame != NULL) {
		if (frame_grow(c) < 0)
			return -1;
		room = c->frame_cap - c->frame_have;
		iov[0] = (struct iovec){ c->frame + c->frame_have, room };
	} else {
		iov[0] = (struct iovec){ NULL, 0 };
	}
	/* Behind a part of a frame nothing else can follow. */
	iov[1] = (struct iovec){ io->scratch, c->frame != NULL &&
		    c->frame_cap < c->frame_len ? 0 : SCRATCH_BYTES };
	do {
		n = readv(c->fd, iov, 2);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -1;
	if (n == 0) {
		c->eof = true;
		return 0;
	}
	if (room > 0) {
		size_t into = MIN((size_t)n, room);

		c->frame_have += into;
		if (c->frame_have == c->frame_len && frame_end(c) < 0)
			return -1;
		n -= (ssize_t)into;
	}
	return take_bytes(c, io->scratch, (size_t)n);
}

static void
conn_event(void *arg, int events)
{
	struct conn *c;

	OBJ_CAST(c, arg, CONN_MAGIC);
	c->active_ns = clock_mono_ns(&clock_system);
	if ((events & LOOP_READ) && !c->eof && read_some(c) < 0) {
		conn_close(c, "reading failed");
		return;
	}
	if ((events & LOOP_HANGUP) && !(events & LOOP_READ)) {
		conn_close(c, "the peer is gone");
		return;
	}
	conn_pump(c);
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

void
conn_open(struct io_thread *io, int owned_fd)
{
	struct conn *c = calloc(1, sizeof(*c));
	struct leat_err err = LEAT_ERR_INIT;
	int one = 1;

	if (c == NULL)
		goto fail;
	c->magic = CONN_MAGIC;
	c->io = io;
	c->fd = owned_fd;
	c->tail = &c->head;
	c->active_ns = clock_mono_ns(&clock_system);
	(void)setsockopt(owned_fd, IPPROTO_TCP, TCP_NODELAY, &one,
	    sizeof(one));
	c->events = LOOP_READ;
	if (fill_peer(c) < 0 || (c->watch = loop_fd_add(io->loop, owned_fd,
	    LOOP_READ, conn_event, c, &err)) == NULL)
		goto fail;
	c->next = io->conns;
	if (c->next != NULL)
		c->next->prev = c;
	io->conns = c;
	return;
fail:
	if (c != NULL)
		kafka_peer_fini(&c->peer);
	free(c);
	(void)close(owned_fd);
	__atomic_fetch_sub(&io->nconns, 1, __ATOMIC_RELAXED);
	__atomic_fetch_sub(&io->listener->nconns, 1, __ATOMIC_RELAXED);
}
