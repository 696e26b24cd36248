/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_int.h: the listener's own structs, for its files.
 *
 * A listener has some I/O threads, each with a loop and the connections it was
 * given: a connection never changes its thread, and all of it but the requests
 * in handlers' hands belongs to that thread. One more thread, the admin, runs
 * what may wait for the disk (API_SLOW). A reply from another thread comes back
 * through the I/O thread's list of replies.
 */
#ifndef LEAT_BROKER_NET_NET_INT_H
#define LEAT_BROKER_NET_NET_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/kafka/request.h"
#include "core/base/lock.h"
#include "core/base/loop.h"
#include "core/base/queue.h"
#include "core/base/thread.h"

#define CONN_MAGIC 0xc0113c7a
#define NET_REQUEST_MAGIC 0x4e7e9001

enum {
	SCRATCH_BYTES = 64 << 10,	/* read at once */
	FRAME_FIRST_BYTES = 64 << 10,	/* allocated before more has come */
	PENDING_MAX = 64,	/* requests of a connection, then no reading */
	POOL_MAX = 32,		/* idle requests kept by an I/O thread */
	KEEP_OUT_BYTES = 64 << 10	/* an idle request's buffer at most */
};

struct io_thread;
struct conn;

/* A request in the order of its connection. */
struct net_request {
	struct kafka_request rq;	/* first: done() gets its address */
	unsigned magic;
	struct conn *conn;
	struct net_request *next;	/* of the connection, or the pool */
	struct net_request *next_reply;	/* of the I/O thread */
	struct net_request *next_resume;
	bool resuming;		/* in the list; guarded by io->lock */
	struct loop_timer *timer;	/* NULL: never needed one */
	struct queue_item slow;		/* on its way to the admin */
	bool begun;		/* the handler has or had it */
	bool done;
	size_t cost;		/* counted in listener.queued */
};

struct conn {
	unsigned magic;
	struct io_thread *io;
	struct conn *prev, *next;	/* of the I/O thread */
	int fd;
	struct loop_fd *watch;
	int events;		/* what `watch` asks for */
	int64_t active_ns;	/* when something last came or went */

	/* The frame being read. */
	uint8_t size_bytes[4];
	uint32_t size_have;
	uint8_t *frame;
	size_t frame_len;	/* what it shall be */
	size_t frame_have;
	size_t frame_cap;

	/* Requests in order; answers leave from the head. */
	struct net_request *head, **tail;
	uint32_t npending;
	size_t sent;		/* of the head's buffer */
	uint32_t sent_slices;	/* of the head's, whole */
	size_t sent_of_slice;

	bool eof;		/* no more requests; answers still go out */
	bool closed;		/* waits for the handlers' replies */
	struct kafka_peer peer;
};

struct io_thread {
	struct broker_listener *listener;
	struct thread thread;
	pthread_t self;		/* set by itself before it serves */
	struct loop *loop;
	struct wake wake;
	struct loop_fd *wake_watch;

	struct lock lock;	/* RANK_LEAF; guards the next four */
	struct net_request *replies;	/* newest first */
	struct net_request *resumes;
	int *accepted;		/* sockets to take over */
	uint32_t naccepted, cap_accepted;

	struct conn *conns;
	int32_t nconns;		/* atomic: read by the acceptor */
	struct net_request *pool;
	uint32_t npool;
	bool stopping;
	uint8_t scratch[SCRATCH_BYTES];
};

struct acceptor {
	struct broker_listener *listener;
	int fd;
	struct loop_fd *watch;
};

enum { ADDRESSES_MAX = 8 };

struct broker_listener {
	struct kafka_server *server;
	struct acceptor acceptors[ADDRESSES_MAX];
	uint32_t nacceptors;
	uint16_t port;
	struct io_thread *io;	/* the first one accepts */
	uint32_t nio;
	struct thread admin;
	struct queue slow;	/* of net_request.slow */
	bool stopping;		/* atomic */
	int32_t nconns;		/* atomic */
};

/* ---- conn.c */

/* Takes the socket over; closes it on failure. @thread io */
void conn_open(struct io_thread *io, int owned_fd);
/* Ends it at once; its memory goes when its handlers have replied. */
void conn_close(struct conn *c, const char *why);
/* Begins what may begin, sends what is ready, asks for what it waits for. */
void conn_pump(struct conn *c);
/* Something that a parked request waits for has happened. */
void conn_resume(struct net_request *nr);
/* The reply of a handler on another thread has arrived. */
void conn_replied(struct net_request *nr);
/* Frees a pooled request. */
void net_request_free(struct net_request *nr);

/* ---- send.c */

/* Sends answers from the head: 1 all is out, 0 the socket is full, -1 gone. */
int conn_send(struct conn *c);
/* Takes the head off its list and recycles it. */
void conn_pop(struct conn *c);

#endif
