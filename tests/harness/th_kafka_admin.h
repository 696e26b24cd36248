/* SPDX-License-Identifier: Apache-2.0 */
/*
 * th_kafka_admin.h: a broker in a directory of its own, and the few shapes that
 * tests of admin requests share.
 */
#ifndef LEAT_TESTS_HARNESS_TH_KAFKA_ADMIN_H
#define LEAT_TESTS_HARNESS_TH_KAFKA_ADMIN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "broker/broker_int.h"
#include "tests/harness/proc.h"
#include "tests/harness/th_kafka.h"

struct admin {
	struct broker *broker;
	struct kafka_server *server;
	char *root;
	const struct fsio *fs;		/* NULL: the system's */
	struct th_call call;
};

static inline void
admin_open(struct admin *a)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_listen_options lo;
	struct broker_options o;

	broker_options_init(&o);
	o.dir = a->root;
	o.fs = a->fs;
	o.max_partitions = 200;
	o.defaults = &(struct broker_setting){ "retention.ms", "3600000" };
	o.ndefaults = 1;
	broker_listen_options_init(&lo);
	if (broker_open(&o, &a->broker, &err) < 0 ||
	    kafka_server_new(a->broker, &lo, &a->server, &err) < 0)
		fail_msg("%s", err.text);
}

static inline void
admin_close(struct admin *a)
{
	kafka_server_free(a->server);
	broker_close(a->broker);
}

static inline void
admin_begin(struct admin *a, int16_t key, int16_t version)
{
	th_kafka_begin(&a->call, a->server, key, version, "test");
}

/* Sends; the answer's body stands at a->call.in, behind the throttle time. */
static inline struct kafka_in *
admin_send(struct admin *a)
{
	th_kafka_send(&a->call);
	assert_true(th_kafka_wait(&a->call, 30000));
	assert_int_equal(a->call.rq.outcome, OUTCOME_REPLY);
	assert_int_equal(kin_i32(&a->call.in), 0);
	return &a->call.in;
}

/* Everything must have been read, and well. */
static inline void
admin_end(struct admin *a)
{
	struct kafka_in *in = &a->call.in;

	kin_tags(in);
	assert_true(kin_ok(in));
	assert_int_equal(leat_reader_left(&in->r), 0);
	th_kafka_end(&a->call);
}

#endif
