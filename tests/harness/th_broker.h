/* SPDX-License-Identifier: Apache-2.0 */
/*
 * th_broker.h: a broker in a folder of the test program, for unit tests.
 */
#ifndef LEAT_TESTS_HARNESS_TH_BROKER_H
#define LEAT_TESTS_HARNESS_TH_BROKER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/broker.h"
#include "tests/harness/proc.h"

/* A call that fails fails the test, with the text of `err`. */
#define OK(call)                                                        \
	do {                                                            \
		if ((call) < 0)                                         \
			fail_msg("%s (%s:%d)", err.text, err.file,      \
			    err.line);                                  \
	} while (0)

/* In the folder `name`; the rest of the options is the caller's. */
static inline struct broker *
th_broker_open(const char *name, struct broker_options *o)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct broker *b = NULL;

	o->dir = th_path("%s", name);
	OK(broker_open(o, &b, &err));
	return b;
}

/* The first partition of a topic that is there. */
static inline struct broker_partition *
th_partition(struct broker *b, const char *topic)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_partition *p = broker_partition_get(b, topic, 0, &err);

	if (p == NULL)
		fail_msg("%s (%s:%d)", err.text, err.file, err.line);
	return p;
}

/* The same of a topic that is made first if it is not there. */
static inline struct broker_partition *
th_topic(struct broker *b, const char *topic)
{
	struct leat_err err = LEAT_ERR_INIT;

	if (broker_topic_partitions(b, topic) < 1)
		OK(broker_topic_create(b, topic, 1, NULL, 0, &err));
	return th_partition(b, topic);
}

#endif
