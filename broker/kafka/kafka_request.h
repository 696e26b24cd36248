/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_request.h: a request of Kafka's protocol on its way through the broker.
 *
 * The connection (net/) reads a frame, kafka_request_begin looks its API up in
 * the table of requests.c, and the row's handle() takes over: it decodes
 * rq->in, acts, encodes rq->out and calls kafka_reply, now or later and from
 * any thread, exactly once. Until then everything in rq is the handler's.
 *
 * A handler that waits (a fetch for data, a join for the others) keeps what it
 * needs in rq->parked and gives its row a cancel(), which is called on the I/O
 * thread when the connection has ended or the listener closes; it must lead to
 * a reply soon, and the reply is thrown away. It may be called when the reply
 * is under way already on another thread, but not while an admin thread is in
 * handle(). To go on on the I/O thread after something happened elsewhere, set
 * rq->resume and call kafka_resume.
 *
 * On one connection a request begins when those before it are answered, except
 * that rows with API_OVERLAP may follow each other without waiting. Answers
 * leave in the order of the requests.
 */
#ifndef LEAT_BROKER_KAFKA_KAFKA_REQUEST_H
#define LEAT_BROKER_KAFKA_KAFKA_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/broker.h"
#include "broker/kafka/kafka_error.h"
#include "broker/kafka/kafka_wire.h"

struct kafka_request;
struct kafka_server;
struct sasl;

enum {
	API_SLOW = 1,		/* may wait for the disk: on an admin thread */
	API_OVERLAP = 2,	/* may begin while others of its kind wait */
	API_UNAUTHENTICATED = 4	/* answered before SASL is through */
};

/* A row of the table. */
struct kafka_api {
	int16_t key;		/* Kafka's number */
	const char *name;
	int16_t min, max;	/* versions */
	int16_t flexible;	/* the first version of that encoding, or -1 */
	int16_t advertised_min;	/* what ApiVersions says; as a rule min */
	unsigned flags;		/* API_* */
	void (*handle)(struct kafka_request *rq);
	void (*cancel)(struct kafka_request *rq);	/* NULL: never waits */
};

/*
 * The other end of a connection. Changed on the I/O thread only, and by
 * requests that nothing overlaps.
 */
struct kafka_peer {
	char host[48];		/* "127.0.0.1" */
	char local_host[64];	/* what to advertise to it */
	uint16_t local_port;
	char *principal;	/* "User:ANONYMOUS"; owned */
	bool authenticated;	/* or needs not to be */
	bool refused;		/* ends when its answers have left */
	struct sasl *sasl;	/* an exchange under way; sasl_free */
};

enum kafka_outcome {
	OUTCOME_REPLY,
	OUTCOME_SILENCE,	/* acks=0: no answer */
	OUTCOME_HANG_UP		/* end the connection */
};

struct kafka_request {
	struct kafka_server *server;
	struct broker *broker;
	struct kafka_peer *peer;
	const struct kafka_api *api;
	int16_t version;
	int32_t correlation_id;
	const char *client_id;	/* "" for null */
	/*
	 * The frame behind its length; records in it may be changed in place.
	 * A handler that waits and needs it no more may let go of it early by
	 * kafka_drop_frame: rq->in is then at its end.
	 */
	uint8_t *frame;
	size_t frame_len;
	struct leat_arena arena;	/* until the reply has left */
	struct kafka_in in;
	struct kafka_out out;
	void *parked;		/* the handler's, while it waits */
	enum kafka_outcome outcome;
	char why[128];		/* of OUTCOME_HANG_UP, for the log */
	/* The handler's, called on the I/O thread. */
	void (*resume)(struct kafka_request *rq);
	const struct kafka_carrier *carrier;	/* the connection's */
};

/* What carries requests: a connection, or a test. */
struct kafka_carrier {
	void (*done)(struct kafka_request *rq);
	void (*resume)(struct kafka_request *rq);
	void (*resume_after)(struct kafka_request *rq, int64_t ms);
	/* NULL: calls fn at once. */
	void (*go_slow)(struct kafka_request *rq,
	    void (*fn)(struct kafka_request *rq));
	/* The frame has been freed; NULL: nobody minds. */
	void (*frame_dropped)(struct kafka_request *rq);
};

/* ---- requests.c */

/*
 * Decodes the header of rq->frame, finds the row and prepares in and out. 0, or
 * -1 when the connection must end (rq->why says why). An ApiVersions of a
 * version that we do not know gets its row all the same.
 */
int kafka_request_begin(struct kafka_request *rq);
/* Rows in the order of their keys; *ret_n of them. */
const struct kafka_api *kafka_apis(size_t *ret_n);
const struct kafka_api *kafka_api_find(int16_t key);

/* Ends the request with what is in rq->out. @thread any */
void kafka_reply(struct kafka_request *rq);
/* Ends it without an answer. */
void kafka_reply_nothing(struct kafka_request *rq);
/* Ends it and the connection. */
void kafka_hang_up(struct kafka_request *rq, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/*
 * Calls rq->resume on the I/O thread, soon; several calls before that count as
 * one. Whoever may call it must have been stopped (a waiter cancelled) before
 * the reply. @thread any
 */
static inline void
kafka_resume(struct kafka_request *rq)
{
	rq->carrier->resume(rq);
}

/* The same in ms milliseconds, unless the reply comes first. @thread io */
static inline void
kafka_resume_after(struct kafka_request *rq, int64_t ms)
{
	rq->carrier->resume_after(rq, ms);
}

/*
 * For a handler that finds out on the way that it has to wait for the disk:
 * calls fn on an admin thread, as the handler of an API_SLOW row would be. The
 * handler returns at once and touches rq no more. @thread io
 */
void kafka_go_slow(struct kafka_request *rq,
    void (*fn)(struct kafka_request *rq));

/*
 * Was the body decoded well? Otherwise the request has been ended by a hang-up
 * and the handler must return at once.
 */
bool kafka_decoded(struct kafka_request *rq);
void kafka_drop_frame(struct kafka_request *rq);

/* The throttle time, always 0, which most answers begin with. */
static inline void
kout_throttle(struct kafka_out *out)
{
	kout_i32(out, 0);
}

/* Where this peer should connect to. */
const char *kafka_advertised_host(const struct kafka_request *rq);
int32_t kafka_advertised_port(const struct kafka_request *rq);

#endif
