/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn_read.c: frames in.
 *
 * A frame's buffer grows with what has come of it, and beyond its first
 * FRAME_FREE_BYTES it is counted against queued_max_bytes until its request has
 * its answer. A connection for which there is no room stops reading and waits
 * in its thread's list. Half-read frames could then wait for each other for
 * ever, so one connection at a time may go beyond the limit until its frame is
 * whole: all frames together take no more than queued_max_bytes +
 * request_max_bytes + FRAME_FREE_BYTES for each connection.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include "broker/kafka/kafka_server.h"
#include "broker/net/net_int.h"
#include "core/base/clock.h"
#include "core/base/obj.h"

enum {
	FRAME_MIN_BYTES = 8,		/* key, version, correlation id */
	FRAME_FREE_BYTES = 4 << 10,
	GROW_MAX_BYTES = 8 << 20,
	SCARCE_BYTES = 4 << 10		/* read at once while memory is short */
};

/* ------------------------------------------------------------------- room */

static void
wake_all(struct broker_listener *l)
{
	if (__atomic_load_n(&l->nstarved, __ATOMIC_SEQ_CST) == 0)
		return;
	for (uint32_t i = 0; i < l->nio; i++)
		wake_up(&l->io[i].wake);
}

void
room_give(struct broker_listener *l, size_t n)
{
	if (n == 0)
		return;
	__atomic_sub_fetch(&l->queued, (int64_t)n, __ATOMIC_SEQ_CST);
	wake_all(l);
}

static bool
room_take(struct conn *c, size_t n)
{
	struct broker_listener *l = c->io->listener;
	const struct broker_listen_options *o = &l->server->o;
	struct conn *none = NULL;
	int64_t queued;

	queued = __atomic_add_fetch(&l->queued, (int64_t)n, __ATOMIC_SEQ_CST);
	if (queued <= o->queued_max_bytes)
		return true;
	/* Those that went before it may not be answered yet. */
	if (queued <= o->queued_max_bytes + o->request_max_bytes &&
	    (__atomic_load_n(&l->beyond, __ATOMIC_SEQ_CST) == c ||
	    __atomic_compare_exchange_n(&l->beyond, &none, c, false,
	    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)))
		return true;
	__atomic_sub_fetch(&l->queued, (int64_t)n, __ATOMIC_SEQ_CST);
	return false;
}

/* Lets another connection go beyond the limit. */
static void
beyond_end(struct conn *c)
{
	struct broker_listener *l = c->io->listener;

	if (__atomic_load_n(&l->beyond, __ATOMIC_SEQ_CST) != c)
		return;
	__atomic_store_n(&l->beyond, NULL, __ATOMIC_SEQ_CST);
	wake_all(l);
}

static void
starve(struct conn *c)
{
	struct io_thread *io = c->io;

	assert(!c->starved);
	c->starved = true;
	/* Who may go beyond the limit goes first: the others wait for it. */
	if (__atomic_load_n(&io->listener->beyond, __ATOMIC_SEQ_CST) == c) {
		c->next_starved = io->starved;
		if (io->starved == NULL)
			io->starved_tail = &c->next_starved;
		io->starved = c;
	} else {
		c->next_starved = NULL;
		*io->starved_tail = c;
		io->starved_tail = &c->next_starved;
	}
	__atomic_add_fetch(&io->listener->nstarved, 1, __ATOMIC_SEQ_CST);
	/* Room may have been given back before we were counted. */
	wake_up(&io->wake);
}

static void
end_starving(struct conn *c)
{
	struct io_thread *io = c->io;
	struct conn **at;

	if (!c->starved)
		return;
	for (at = &io->starved; *at != c; at = &(*at)->next_starved)
		;
	*at = c->next_starved;
	if (io->starved_tail == &c->next_starved)
		io->starved_tail = at;
	c->starved = false;
	__atomic_sub_fetch(&io->listener->nstarved, 1, __ATOMIC_SEQ_CST);
}

/* ----------------------------------------------------------------- frames */

static int
frame_begin(struct conn *c, char *ret_why, size_t why_size)
{
	int32_t size = (int32_t)leat_get_u32(c->size_bytes);
	int64_t max = c->io->listener->server->o.request_max_bytes;
	const char *what = "not a request of Kafka's protocol";

	/* Strangers get no memory; a token of a login may be short. */
	if (!c->peer.authenticated)
		max = MIN(max, STRANGER_REQUEST_MAX);
	if (size < (c->peer.authenticated ? FRAME_MIN_BYTES : 1) ||
	    size > max) {
		if (c->size_bytes[0] == 0x16 && c->size_bytes[1] == 0x03)
			what = "TLS on a port without it";
		else if (memcmp(c->size_bytes, "GET ", 4) == 0 ||
		    memcmp(c->size_bytes, "POST", 4) == 0 ||
		    memcmp(c->size_bytes, "HEAD", 4) == 0)
			what = "HTTP on the port of Kafka's protocol";
		else if (size > max && size < 1 << 30)
			what = "a request that is too large";
		(void)snprintf(ret_why, why_size, "%s (%d bytes, limit %lld)",
		    what, size, (long long)max);
		return -1;
	}
	c->frame_len = (size_t)size;
	c->frame_have = 0;
	c->frame_room = 0;
	c->frame_cap = MIN(c->frame_len, (size_t)FRAME_FREE_BYTES);
	if ((c->frame = malloc(c->frame_cap)) != NULL)
		return 0;
	(void)snprintf(ret_why, why_size, "no memory for a request");
	return -1;
}

static int
frame_end(struct conn *c, char *ret_why, size_t why_size)
{
	size_t room = c->frame_room;
	struct net_request *nr;

	c->frame_room = 0;
	c->size_have = 0;
	beyond_end(c);
	nr = net_request_new(c, TAKE(c->frame), c->frame_len, room);
	if (nr == NULL) {
		(void)snprintf(ret_why, why_size, "no memory for a request");
		return -1;
	}
	*c->tail = nr;
	c->tail = &nr->next;
	c->npending++;
	c->pending_bytes += nr->frame_bytes;
	return 0;
}

/* Memory follows what has come: 1, 0 without room, -1 without memory. */
static int
frame_grow(struct conn *c, size_t at_hand)
{
	size_t step = MIN(MAX(3 * c->frame_cap, at_hand),
	    (size_t)GROW_MAX_BYTES);
	size_t cap = MIN(c->frame_len, c->frame_cap + step), more;
	uint8_t *p;

	if (c->frame_have < c->frame_cap)
		return 1;
	more = cap - c->frame_room;
	if (!room_take(c, more))
		return 0;
	if ((p = realloc(c->frame, cap)) == NULL) {
		room_give(c->io->listener, more);
		return -1;
	}
	c->frame = p;
	c->frame_cap = c->frame_room = cap;
	return 1;
}

bool
conn_is_full(const struct conn *c)
{
	return c->npending >= PENDING_MAX || (c->npending > 0 &&
	    (c->blocked || c->pending_bytes >= PENDING_BYTES));
}

/* Takes bytes into the frame: how many, 0 when there is no room, or -1. */
static ssize_t
take_body(struct conn *c, const uint8_t *p, size_t len, char *ret_why,
    size_t why_size)
{
	int rc = frame_grow(c, len);
	size_t n;

	if (rc < 0) {
		(void)snprintf(ret_why, why_size, "no memory for a request");
		return -1;
	}
	if (rc == 0) {
		starve(c);
		return 0;
	}
	n = MIN(len, c->frame_cap - c->frame_have);
	memcpy(c->frame + c->frame_have, p, n);
	c->frame_have += n;
	return (ssize_t)n;
}

/*
 * Takes bytes that came, and makes requests of whole frames. How many it took:
 * fewer than all when the connection is full or starves; or -1.
 */
static ssize_t
take_bytes(struct conn *c, const uint8_t *p, size_t len, char *ret_why,
    size_t why_size)
{
	size_t at = 0, n;
	ssize_t took;

	while (at < len) {
		if (c->frame == NULL) {
			if (c->size_have == 0 && conn_is_full(c))
				break;
			if (c->size_have == 0)
				c->frame_ns = c->active_ns;
			n = MIN(len - at, sizeof(c->size_bytes) -
			    c->size_have);
			memcpy(c->size_bytes + c->size_have, p + at, n);
			c->size_have += (uint32_t)n;
			at += n;
			if (c->size_have == sizeof(c->size_bytes) &&
			    frame_begin(c, ret_why, why_size) < 0)
				return -1;
			continue;
		}
		took = take_body(c, p + at, len - at, ret_why, why_size);
		if (took < 0)
			return -1;
		if (took == 0)
			break;
		at += (size_t)took;
		if (c->frame_have == c->frame_len &&
		    frame_end(c, ret_why, why_size) < 0)
			return -1;
	}
	return (ssize_t)at;
}

/* ---------------------------------------------------------------- reading */

bool
conn_has_rest(const struct conn *c)
{
	return c->rest_len > 0 || c->transport->pending(c);
}

static int
take_or_keep(struct conn *c, const uint8_t *p, size_t len, char *ret_why,
    size_t why_size)
{
	ssize_t took = take_bytes(c, p, len, ret_why, why_size);

	if (took < 0)
		return -1;
	if ((size_t)took == len)
		return 0;
	c->rest_len = (uint32_t)(len - (size_t)took);
	c->rest_at = 0;
	if ((c->rest = malloc(c->rest_len)) == NULL) {
		c->rest_len = 0;
		(void)snprintf(ret_why, why_size, "no memory for requests");
		return -1;
	}
	memcpy(c->rest, p + took, c->rest_len);
	return 0;
}

int
conn_read_rest(struct conn *c, char *ret_why, size_t why_size)
{
	ssize_t took;

	if (c->rest_len == 0)
		return conn_read(c, ret_why, why_size);
	took = take_bytes(c, c->rest + c->rest_at, c->rest_len, ret_why,
	    why_size);
	if (took < 0)
		return -1;
	c->rest_at += (uint32_t)took;
	c->rest_len -= (uint32_t)took;
	if (c->rest_len == 0)
		free(TAKE(c->rest));
	return 0;
}

/* Where to read: what is missing of the frame, the rest into scratch. */
static int
places(struct conn *c, struct iovec iov[2], char *ret_why, size_t why_size)
{
	struct io_thread *io = c->io;
	bool scarce = __atomic_load_n(&io->listener->nstarved,
	    __ATOMIC_RELAXED) > 0;
	int rc;

	iov[0] = (struct iovec){ NULL, 0 };
	iov[1] = (struct iovec){ io->scratch,
		scarce ? SCARCE_BYTES : SCRATCH_BYTES };
	if (c->frame == NULL)
		return 1;
	if ((rc = frame_grow(c, 0)) < 0) {
		(void)snprintf(ret_why, why_size, "no memory for a request");
		return -1;
	}
	if (rc == 0) {
		starve(c);
		return 0;
	}
	iov[0] = (struct iovec){ c->frame + c->frame_have,
		c->frame_cap - c->frame_have };
	/* Behind a part of a frame nothing else can follow. */
	if (c->frame_cap < c->frame_len)
		iov[1].iov_len = 0;
	return 1;
}

int
conn_read(struct conn *c, char *ret_why, size_t why_size)
{
	struct iovec iov[2];
	size_t into;
	ssize_t n;
	int rc;

	if ((rc = places(c, iov, ret_why, why_size)) <= 0)
		return rc;
	n = c->transport->read(c, iov, 2);
	if (n == -EAGAIN)
		return 0;
	if (n < 0) {
		(void)snprintf(ret_why, why_size, "%s",
		    strerror((int)-n));
		return -1;
	}
	if (n == 0) {
		c->eof = true;
		return 0;
	}
	net_metrics_add(c->io->listener->metrics, NET_BYTES_IN, n);
	into = MIN((size_t)n, iov[0].iov_len);
	if (into > 0) {
		c->frame_have += into;
		if (c->frame_have == c->frame_len &&
		    frame_end(c, ret_why, why_size) < 0)
			return -1;
	}
	return take_or_keep(c, c->io->scratch, (size_t)n - into, ret_why,
	    why_size);
}

void
conn_read_fini(struct conn *c)
{
	size_t room = c->frame_room;

	end_starving(c);
	free(TAKE(c->frame));
	free(TAKE(c->rest));
	c->rest_len = 0;
	c->frame_room = 0;
	beyond_end(c);
	room_give(c->io->listener, room);
}

/* Would it get memory and then make the others wait for its next byte? */
static bool
has_stalled(const struct conn *c, int64_t now_ns)
{
	int waiting = 0;

	return now_ns - c->active_ns > (int64_t)FRAME_STALL_MS * 1000000 &&
	    c->frame_have + c->rest_len < c->frame_len &&
	    !c->transport->pending(c) &&
	    ioctl(c->fd, FIONREAD, &waiting) == 0 && waiting == 0;
}

void
take_starved(struct io_thread *io)
{
	int64_t now_ns = io->starved == NULL ? 0 :
	    clock_mono_ns(&clock_system);
	struct conn *c;
	int rc;

	/* In turn; the first that gets nothing keeps its place. */
	while ((c = io->starved) != NULL) {
		if (has_stalled(c, now_ns)) {
			conn_close(c, "its half request takes others' memory");
			continue;
		}
		if ((rc = frame_grow(c, 0)) == 0)
			return;
		end_starving(c);
		c->frame_ns = c->active_ns = now_ns;
		if (rc < 0)
			conn_close(c, "no memory for a request");
		else
			conn_pump(c);
	}
}
