/* SPDX-License-Identifier: Apache-2.0 */
/*
 * th_kafka.h: requests of Kafka's protocol without a connection, for unit tests
 * of the handlers.
 *
 *	th_kafka_begin(&c, server, 1, 12, "client");
 *	kout_i32(&c.body, ...);			the body, field by field
 *	th_kafka_send(&c);			calls the handler
 *	assert_true(th_kafka_wait(&c, 5000));	until it has replied
 *	kin_i32(&c.in);				the answer's body, as it stands
 *	th_kafka_end(&c);
 *
 * The thread of the test is the I/O thread: what a handler wants resumed runs
 * in th_kafka_wait.
 */
#ifndef LEAT_TESTS_HARNESS_TH_KAFKA_H
#define LEAT_TESTS_HARNESS_TH_KAFKA_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/kafka/kafka_server.h"
#include "broker/kafka/kafka_request.h"
#include "core/base/clock.h"
#include "core/base/lock.h"
#include "core/base/obj.h"

struct th_call {
	struct kafka_request rq;	/* first: the carrier's pointer */
	struct kafka_peer peer;
	struct kafka_out body;
	struct kafka_in in;		/* the answer behind its header */
	struct lock lock;		/* guards the next two */
	struct cond cond;
	bool done, resume;
	int64_t timer_ns;		/* -1: none */
};

static inline void
th_kafka_done(struct kafka_request *rq)
{
	struct th_call *c = (struct th_call *)(void *)rq;

	lock_acquire(&c->lock);
	c->done = true;
	cond_signal(&c->cond);
	lock_release(&c->lock);
}

static inline void
th_kafka_resume(struct kafka_request *rq)
{
	struct th_call *c = (struct th_call *)(void *)rq;

	lock_acquire(&c->lock);
	c->resume = true;
	cond_signal(&c->cond);
	lock_release(&c->lock);
}

static inline void
th_kafka_resume_after(struct kafka_request *rq, int64_t ms)
{
	struct th_call *c = (struct th_call *)(void *)rq;

	c->timer_ns = clock_mono_ns(&clock_system) + ms * 1000000;
}

static inline void
th_kafka_begin(struct th_call *c, struct kafka_server *s, int16_t key,
    int16_t version, const char *client)
{
	static const struct kafka_carrier carrier = {
		.done = th_kafka_done,
		.resume = th_kafka_resume,
		.resume_after = th_kafka_resume_after,
	};
	const struct kafka_api *api = kafka_api_find(key);

	memset(c, 0, sizeof(*c));
	lock_init(&c->lock, RANK_LEAF);
	cond_init(&c->cond);
	c->timer_ns = -1;
	c->peer.principal = strdup("User:ANONYMOUS");
	c->peer.authenticated = true;
	snprintf(c->peer.host, sizeof(c->peer.host), "127.0.0.1");
	snprintf(c->peer.local_host, sizeof(c->peer.local_host),
	    "127.0.0.1");
	c->peer.local_port = 9092;
	c->rq.server = s;
	c->rq.broker = s->broker;
	c->rq.peer = &c->peer;
	c->rq.carrier = &carrier;
	leat_arena_init(&c->rq.arena, 4096, 64 << 20);
	kout_init(&c->rq.out, 128 << 20);
	kout_init(&c->body, 128 << 20);
	c->body.version = version;
	c->body.flexible = api->flexible >= 0 && version >= api->flexible;
	kout_i16(&c->body, key);
	kout_i16(&c->body, version);
	kout_i32(&c->body, 7);		/* correlation */
	kout_i16(&c->body, strlen(client));
	(void)leat_buf_add(&c->body.buf, client, strlen(client));
	kout_tags(&c->body);
}

static inline void
th_kafka_send(struct th_call *c)
{
	c->rq.frame_len = c->body.buf.len;
	c->rq.frame = malloc(c->rq.frame_len + 1);
	memcpy(c->rq.frame, c->body.buf.data, c->rq.frame_len);
	if (kafka_request_begin(&c->rq) < 0)
		abort();
	c->rq.api->handle(&c->rq);
}

/* Has it replied, within ms? Then `in` stands behind the answer's header. */
static inline bool
th_kafka_wait(struct th_call *c, int64_t ms)
{
	int64_t deadline = clock_mono_ns(&clock_system) + ms * 1000000;
	bool in_time = true;

	lock_acquire(&c->lock);
	while (!c->done && in_time) {
		int64_t now = clock_mono_ns(&clock_system), until = deadline;

		if (c->timer_ns >= 0)
			until = MIN(until, c->timer_ns);
		if (c->resume || (c->timer_ns >= 0 && now >= c->timer_ns)) {
			if (!c->resume)
				c->timer_ns = -1;
			c->resume = false;
			lock_release(&c->lock);
			c->rq.resume(&c->rq);
			lock_acquire(&c->lock);
		} else {
			in_time = now < deadline;
			if (in_time)
				(void)cond_wait_until(&c->cond, &c->lock,
				    until);
		}
	}
	in_time = c->done;
	lock_release(&c->lock);
	if (!in_time || c->rq.outcome != OUTCOME_REPLY)
		return in_time;
	kin_init(&c->in, c->rq.out.buf.data, c->rq.out.buf.len, &c->rq.arena,
	    c->rq.version, c->body.flexible);
	kin_skip(&c->in, 8);
	kin_tags(&c->in);
	return true;
}

static inline void
th_kafka_end(struct th_call *c)
{
	free(c->rq.frame);
	free(c->peer.principal);
	kout_fini(&c->rq.out);
	kout_fini(&c->body);
	leat_arena_fini(&c->rq.arena);
	lock_fini(&c->lock);
	cond_fini(&c->cond);
}

#endif
