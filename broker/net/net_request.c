/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_request.c: requests of a connection, and the way they take through
 * threads.
 *
 * A request is always in one of these hands, which only the I/O thread frees it
 * from:
 *	running		its handler is on the I/O thread's stack; a reply there
 *			is just noted
 *	away		an admin thread has it; whatever replies meanwhile, the
 *			admin thread puts it into the list when it is through
 *	parked		nobody's stack; a reply puts it into the list
 * The list of replies is thus never told twice of one request at a time. What
 * is to resume while it is away or in that list resumes behind that.
 */
#include "broker/kafka/kafka_server.h"
#include "broker/net/net_int.h"
#include "core/base/clock.h"
#include "core/base/obj.h"

enum {
	ARENA_CHUNK_BYTES = 4 << 10,
	ARENA_MAX_BYTES = 64 << 20,
	/* What a decoded request may take: strings, arrays of structs. */
	ARENA_FREE_BYTES = 4 << 20,
	ARENA_PER_BYTE = 16,
	/* Answers; records in files come on top. */
	OUT_MAX_BYTES = 128 << 20
};

static struct net_request *
of_request(struct kafka_request *rq)
{
	struct net_request *nr = (struct net_request *)(void *)rq;

	OBJ_CHECK(nr, NET_REQUEST_MAGIC);
	return nr;
}

static bool
on_own_thread(const struct net_request *nr)
{
	return pthread_equal(pthread_self(), nr->conn->io->self);
}

/* ------------------------------------------------------------ the carrier */

/* True when the thread must be woken. */
static bool
post_reply_locked(struct io_thread *io, struct net_request *nr)
{
	bool first = io->replies == NULL;

	lock_assert_held(&io->lock);
	nr->posted = true;
	nr->next_reply = NULL;
	*io->replies_tail = nr;
	io->replies_tail = &nr->next_reply;
	return first;
}

static bool
post_resume_locked(struct io_thread *io, struct net_request *nr)
{
	bool first = io->resumes == NULL;

	lock_assert_held(&io->lock);
	nr->resuming = true;
	nr->next_resume = io->resumes;
	io->resumes = nr;
	return first;
}

static void
request_done(struct kafka_request *rq)
{
	struct net_request *nr = of_request(rq);
	struct io_thread *io = nr->conn->io;
	bool first = false;

	if (on_own_thread(nr) && nr->running) {
		nr->done = true;
		return;
	}
	lock_acquire(&io->lock);
	nr->replied = true;
	if (!nr->away && !nr->posted)
		first = post_reply_locked(io, nr);
	lock_release(&io->lock);
	if (first)
		wake_up(&io->wake);
}

static void
request_resume(struct kafka_request *rq)
{
	struct net_request *nr = of_request(rq);
	struct io_thread *io = nr->conn->io;
	bool first = false;

	lock_acquire(&io->lock);
	if (nr->away || nr->posted)
		nr->resume_later = true;
	else if (!nr->resuming)
		first = post_resume_locked(io, nr);
	lock_release(&io->lock);
	if (first)
		wake_up(&io->wake);
}

static void
request_timer(void *arg)
{
	struct net_request *nr = arg;

	net_request_resume(nr);
}

static void
request_resume_after(struct kafka_request *rq, int64_t ms)
{
	struct net_request *nr = of_request(rq);

	if (nr->timer == NULL)
		nr->timer = loop_timer_new(nr->conn->io->loop, request_timer,
		    nr);
	if (nr->timer != NULL)
		loop_timer_start(nr->timer, ms);
	else
		request_resume(rq);
}

static void
request_go_slow(struct kafka_request *rq, void (*fn)(struct kafka_request *rq))
{
	struct net_request *nr = of_request(rq);
	struct io_thread *io = nr->conn->io;

	nr->slow = fn;
	lock_acquire(&io->lock);
	nr->away = true;
	lock_release(&io->lock);
	if (queue_push(&io->listener->slow, &nr->slow_item) == 0)
		return;
	lock_acquire(&io->lock);
	nr->away = false;
	lock_release(&io->lock);
	kafka_hang_up(rq, "too many requests that change something");
}

static void
request_frame_dropped(struct kafka_request *rq)
{
	struct net_request *nr = of_request(rq);
	size_t room = nr->room;

	if (on_own_thread(nr)) {
		nr->room = 0;
		room_give(nr->conn->io->listener, room);
	}
}

static const struct kafka_carrier carrier = {
	.done = request_done,
	.resume = request_resume,
	.resume_after = request_resume_after,
	.go_slow = request_go_slow,
	.frame_dropped = request_frame_dropped,
};

void
net_request_run_slow(struct queue_item *item)
{
	struct net_request *nr = (struct net_request *)(void *)((char *)item -
	    offsetof(struct net_request, slow_item));
	struct io_thread *io = nr->conn->io;
	bool first = false;

	nr->slow(&nr->rq);
	lock_acquire(&io->lock);
	nr->away = false;
	first = post_reply_locked(io, nr);
	lock_release(&io->lock);
	if (first)
		wake_up(&io->wake);
}

void
net_request_back_locked(struct net_request *nr)
{
	struct io_thread *io = nr->conn->io;

	lock_assert_held(&io->lock);
	nr->posted = false;
	if (nr->resume_later && !nr->resuming)
		(void)post_resume_locked(io, nr);
	nr->resume_later = false;
}

/* ------------------------------------------------------- life of a request */

struct net_request *
net_request_new(struct conn *c, uint8_t *owned_frame, size_t len, size_t room)
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
		room_give(io->listener, room);
		return NULL;
	}
	nr->conn = c;
	nr->next = NULL;
	nr->begun = nr->running = nr->done = false;
	nr->posted = nr->replied = nr->away = nr->resume_later = false;
	nr->slow = NULL;
	nr->frame_bytes = len;
	nr->room = room;
	nr->rq.arena.limit_bytes = len > ARENA_MAX_BYTES ? ARENA_MAX_BYTES :
	    MIN(ARENA_FREE_BYTES + ARENA_PER_BYTE * len,
	    (size_t)ARENA_MAX_BYTES);
	nr->rq.server = io->listener->server;
	nr->rq.broker = io->listener->server->broker;
	nr->rq.peer = &c->peer;
	nr->rq.api = NULL;
	nr->rq.client_id = "";
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
	loop_timer_free(nr->timer);
	free(nr->rq.frame);
	kout_fini(&nr->rq.out);
	leat_arena_fini(&nr->rq.arena);
	OBJ_FREE(nr);
}

/* What is on its way to a request that has been answered is void. */
static void
forget_resume(struct io_thread *io, struct net_request *nr)
{
	struct net_request **at;

	if (nr->timer != NULL)
		loop_timer_cancel(nr->timer);
	lock_acquire(&io->lock);
	assert(!nr->away && !nr->posted);
	if (nr->resuming) {
		for (at = &io->resumes; *at != nr; at = &(*at)->next_resume)
			;
		*at = nr->next_resume;
		nr->resuming = false;
	}
	lock_release(&io->lock);
}

void
net_request_recycle(struct net_request *nr)
{
	struct io_thread *io = nr->conn->io;
	size_t room = nr->room;

	assert(!nr->running);
	forget_resume(io, nr);
	free(TAKE(nr->rq.frame));
	nr->room = 0;
	kout_reset(&nr->rq.out);
	if (io->npool >= POOL_MAX || nr->rq.out.buf.cap > KEEP_OUT_BYTES) {
		net_request_free(nr);
	} else {
		leat_arena_reset(&nr->rq.arena);
		nr->conn = NULL;
		nr->next = io->pool;
		io->pool = nr;
		io->npool++;
	}
	room_give(io->listener, room);
}

/* ---------------------------------------------------------------- handlers */

/*
 * Its frame is no longer needed: a reader that takes its time for the answer
 * must not keep others from sending requests.
 */
void
net_request_replied(struct net_request *nr)
{
	size_t room = nr->room;

	nr->done = true;
	nr->room = 0;
	free(TAKE(nr->rq.frame));
	room_give(nr->conn->io->listener, room);
}

void
net_request_begin(struct net_request *nr)
{
	struct kafka_request *rq = &nr->rq;

	nr->begun = true;
	nr->begun_ns = clock_mono_ns(&clock_system);
	if (kafka_request_begin(rq) < 0) {
		net_request_replied(nr);
		return;
	}
	nr->running = true;
	if (rq->api->flags & API_SLOW)
		request_go_slow(rq, rq->api->handle);
	else
		rq->api->handle(rq);
	nr->running = false;
	if (nr->done)
		net_request_replied(nr);
}

void
net_request_cancel(struct net_request *nr)
{
	struct io_thread *io = nr->conn->io;
	bool parked;

	if (!nr->begun || nr->done || nr->rq.api->cancel == NULL)
		return;
	lock_acquire(&io->lock);
	parked = !nr->away && !nr->posted && !nr->replied;
	lock_release(&io->lock);
	if (!parked)
		return;		/* when it is back */
	nr->running = true;
	nr->rq.api->cancel(&nr->rq);
	nr->running = false;
}

void
net_request_resume(struct net_request *nr)
{
	struct io_thread *io = nr->conn->io;
	bool parked;

	lock_acquire(&io->lock);
	parked = !nr->away && !nr->posted && !nr->replied;
	/* A timer may go off while it is not back from the admin thread. */
	if (nr->away || nr->posted)
		nr->resume_later = true;
	lock_release(&io->lock);
	if (nr->done || !parked || nr->rq.resume == NULL)
		return;
	nr->running = true;
	nr->rq.resume(&nr->rq);
	nr->running = false;
	if (nr->done)
		conn_returned(nr, true);
}
