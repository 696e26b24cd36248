/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_int.h: the listener's own structs, for its files.
 *
 * A listener has some I/O threads, each with a loop and the connections it was
 * given: a connection never changes its thread, and all of it but the requests
 * in handlers' hands belongs to that thread. A few more, the admin threads, run
 * what may wait for the disk. A reply from another thread comes back through
 * the I/O thread's list of replies.
 *
 * What is bounded, and how:
 *	a frame		request_max_bytes; its memory follows what has come
 *	all frames	queued_max_bytes (see conn_read.c)
 *	a connection	PENDING_MAX requests and PENDING_BYTES of them, then no
 *			reading; UNSENT_BYTES of answers, then no beginning
 *	connections	max_connections, max_connections_per_ip
 *	time		idle_ms, and the enum of times below
 */
#ifndef LEAT_BROKER_NET_NET_INT_H
#define LEAT_BROKER_NET_NET_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "broker/kafka/kafka_request.h"
#include "broker/net/ip_count.h"
#include "core/base/lock.h"
#include "core/base/loop.h"
#include "core/base/queue.h"
#include "core/base/thread.h"

#define CONN_MAGIC 0xc0113c7a
#define NET_REQUEST_MAGIC 0x4e7e9001

enum {
	SCRATCH_BYTES = 64 << 10,	/* read at once */
	PENDING_MAX = 64,	/* requests of a connection, then no reading */
	PENDING_BYTES = 1 << 20,	/* the same in bytes of frames */
	UNSENT_BYTES = 1 << 20,	/* of answers, then nothing begins */
	SEND_AT_ONCE_BYTES = 4 << 20,	/* then others have their turn */
	POOL_MAX = 16,		/* idle requests kept by an I/O thread */
	KEEP_OUT_BYTES = 16 << 10,	/* an idle request's buffer at most */
	ADMINS = 2,
	ADDRESSES_MAX = 8
};

/* How long the other end may take. */
enum {
	HANDSHAKE_MS = 30000,	/* TLS, then the login */
	FRAME_MS = 30000,	/* a request, and for each part of it, */
	FRAME_BYTES_PER_MS = 4,	/* as long as this rate allows */
	FRAME_STALL_MS = 2000,	/* nothing of it, while others lack memory */
	HALF_CLOSED_MS = 10000	/* for answers that wait */
};

struct io_thread;
struct conn;
struct tls;
struct tls_conn;

/*
 * How bytes come and go. Counts of bytes are above 0; -EAGAIN wants the event
 * of the direction, or of conn.wants when that is set.
 */
struct transport {
	/* Into the first that has room, or several. 0 at the end. */
	ssize_t (*read)(struct conn *c, const struct iovec *iov, int n);
	/* more: further bytes follow at once. */
	ssize_t (*write)(struct conn *c, struct iovec *iov, int n,
	    bool more);
	ssize_t (*send_file)(struct conn *c, int fd, off_t pos, size_t len);
	/* Is there something that was read from the socket already? */
	bool (*pending)(const struct conn *c);
	/* Called until it gives 0; NULL: nothing to agree upon. */
	int (*shake)(struct conn *c, char *ret_why, size_t size);
	void (*close)(struct conn *c);
};

/* A request in the order of its connection. */
struct net_request {
	struct kafka_request rq;	/* first: done() gets its address */
	unsigned magic;
	struct conn *conn;
	struct net_request *next;	/* of the connection, or the pool */

	/* Guarded by io->lock. */
	struct net_request *next_reply, *next_resume;
	bool posted;		/* in the list of replies */
	bool replied;		/* by another thread */
	bool away;		/* an admin thread has it */
	bool resuming;		/* in the list of resumes */
	bool resume_later;	/* when it is back */

	struct queue_item slow_item;	/* on its way to an admin thread */
	void (*slow)(struct kafka_request *rq);

	/* The I/O thread's. */
	struct loop_timer *timer;	/* NULL: never needed one */
	bool begun;		/* the handler has or had it */
	bool running;		/* the handler is on the stack */
	bool done;
	size_t frame_bytes;	/* counted in conn.pending_bytes */
	size_t room;		/* counted in listener.queued */
	int64_t begun_ns;
};

struct conn {
	unsigned magic;
	struct io_thread *io;
	struct conn *prev, *next;	/* of the I/O thread */
	const struct transport *transport;
	struct tls_conn *tls;	/* NULL: plain */
	struct loop_fd *watch;
	int fd;
	int events;		/* what `watch` asks for */
	int wants;		/* LOOP_*: of the transport, besides */
	int64_t opened_ns;
	int64_t active_ns;	/* when something last came or went */

	/* The frame being read. */
	uint8_t size_bytes[4];
	uint32_t size_have;
	uint8_t *frame;
	size_t frame_len;	/* what it shall be */
	size_t frame_have;
	size_t frame_cap;
	size_t frame_room;	/* counted in listener.queued */
	int64_t frame_ns;	/* when it began, or could go on */
	/* Bytes behind it that had to wait. */
	uint8_t *rest;
	uint32_t rest_at, rest_len;
	struct conn *next_starved;	/* of the I/O thread */

	/* Requests in order; answers leave from the head. */
	struct net_request *head, **tail;
	uint32_t npending;
	size_t pending_bytes;
	size_t sent;		/* of the head's buffer */
	uint32_t sent_slices;	/* of the head's, whole */
	size_t sent_of_slice;

	bool shaking;		/* TLS is not through */
	bool starved;		/* in the list: waits for listener.queued */
	bool blocked;		/* the socket takes no more */
	bool eof;		/* no more requests; answers still go out */
	bool closed;		/* waits for the handlers' replies */
	struct ip_key ip;
	struct kafka_peer peer;
};

struct io_thread {
	struct broker_listener *listener;
	struct thread thread;
	pthread_t self;		/* set by itself before it serves */
	struct loop *loop;
	struct wake wake;
	struct loop_fd *wake_watch;
	struct loop_timer *sweeper;
	bool sweeping;

	struct lock lock;	/* RANK_LEAF; guards the next four */
	struct net_request *replies, **replies_tail;
	struct net_request *resumes;
	struct accepted *accepted;	/* sockets to take over */
	uint32_t naccepted, cap_accepted;

	struct conn *conns;
	struct conn *starved, **starved_tail;
	int32_t nconns;		/* atomic: read by the acceptor */
	struct net_request *pool;
	uint32_t npool;
	bool stopping;
	uint8_t scratch[SCRATCH_BYTES];
};

struct accepted {
	int fd;
	bool tls;
	struct ip_key ip;
};

struct acceptor {
	struct broker_listener *listener;
	int fd;
	bool tls;
	struct loop_fd *watch;
};

struct broker_listener {
	struct kafka_server *server;
	struct acceptor acceptors[ADDRESSES_MAX];
	uint32_t nacceptors;
	uint16_t port;
	struct loop_timer *accept_again;
	struct ip_count ips;
	struct tls *tls;	/* NULL: no certificate */
	struct io_thread *io;	/* the first one accepts */
	uint32_t nio;
	struct thread admins[ADMINS];
	struct queue slow;	/* of net_request.slow_item */
	bool stopping;		/* atomic */
	int32_t nconns;		/* atomic */
	int64_t queued;		/* atomic: bytes of frames */
	int32_t nstarved;	/* atomic */
	struct conn *beyond;	/* atomic: may go beyond queued_max_bytes */
	struct net_metrics *metrics;	/* NULL: none */
};

/* ---- acceptor.c */

/* Binds a comma list of addresses and watches them on the first I/O thread. */
int acceptors_open(struct broker_listener *l, const char *list,
    struct leat_err *err);
/* @thread the first I/O thread, or none runs */
void acceptors_close(struct broker_listener *l);
/* Undoes what accepting counted. @thread any */
void accepted_ended(struct io_thread *io, struct ip_key ip);

/* ---- conn.c */

/* Takes the socket over; closes it on failure. @thread io, as all below */
void conn_open(struct io_thread *io, const struct accepted *owned);
/* Ends it at once; its memory goes when its handlers have replied. */
void conn_close(struct conn *c, const char *why);
/* Begins what may begin, sends what is ready, asks for what it waits for. */
void conn_pump(struct conn *c);
/* A request that another thread had is back, answered or parked. */
void conn_returned(struct net_request *nr, bool replied);
/* Closes those that took too long; starts the timer again. */
void conns_sweep(void *arg);

/* ---- conn_read.c */

/*
 * Reads once from the socket, and makes requests of what came: 0, or -1 with
 * the reason.
 */
int conn_read(struct conn *c, char *ret_why, size_t size);
/* Goes on with bytes that had to wait; the same. */
int conn_read_rest(struct conn *c, char *ret_why, size_t size);
bool conn_has_rest(const struct conn *c);
/* May the next request be read? */
bool conn_is_full(const struct conn *c);
/* Frees the half-read frame. */
void conn_read_fini(struct conn *c);
/* Gives bytes of frames back to all connections. */
void room_give(struct broker_listener *l, size_t n);
/* There may be room again: goes on with those that wait for it. */
void take_starved(struct io_thread *io);

/* ---- net_request.c */

/* A request for a frame, which it takes over also on failure; or NULL. */
struct net_request *net_request_new(struct conn *c, uint8_t *owned_frame,
    size_t len, size_t room);
/* Calls the handler, or sends it to an admin thread. */
void net_request_begin(struct net_request *nr);
/* It has its answer, which may leave when its turn has come. */
void net_request_replied(struct net_request *nr);
/* Has the handler let it go. */
void net_request_cancel(struct net_request *nr);
/* Calls the handler's resume unless it has replied. */
void net_request_resume(struct net_request *nr);
/*
 * It leaves the list of replies; what was to resume meanwhile may now. The
 * caller holds io->lock.
 */
void net_request_back_locked(struct net_request *nr);
/* Takes it back: into the pool, or frees it. */
void net_request_recycle(struct net_request *nr);
/* Frees a pooled request. */
void net_request_free(struct net_request *nr);
/* Runs one on an admin thread. @thread admin */
void net_request_run_slow(struct queue_item *item);

/* ---- send.c */

/*
 * Sends answers from the head: 1 all that is ready is out, 0 the socket is full
 * or it is the others' turn, -1 the connection has been closed.
 */
int conn_send(struct conn *c);

/* ---- plain.c, tls.c */

extern const struct transport transport_plain;

/* Reads certificate and key, if the options name them; *ret_tls may be NULL. */
int tls_open(const struct broker_listen_options *o, struct tls **ret_tls,
    struct leat_err *err);
void tls_close(struct tls *t);
/* Makes the connection one of TLS. 0 or -1. @thread io */
int tls_attach(struct tls *t, struct conn *c);

/* ---- net_metrics.c */

enum net_metric {
	NET_CONNECTIONS,
	NET_ACCEPTED,
	NET_REFUSED,
	NET_BYTES_IN,
	NET_BYTES_OUT,
	NET_METRIC_N
};

/* NULL without a registry. */
struct net_metrics *net_metrics_new(struct metrics *registry);
void net_metrics_free(struct net_metrics *m);
void net_metrics_add(struct net_metrics *m, enum net_metric which, int64_t n);
/* A request has been answered, after ns nanoseconds. */
void net_metrics_request(struct net_metrics *m, const struct kafka_api *api,
    int64_t ns);

#endif
