/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_asks.h: what a running source is asked to do from outside (signals), and
 * what it asks for: records of a topic. Private to core/worker.
 */
#ifndef LEAT_CORE_WORKER_TASK_ASKS_H
#define LEAT_CORE_WORKER_TASK_ASKS_H

#include <stdint.h>

#include <leat/connector.h>

#include "core/bus/bus.h"

enum {
	TASK_SIGNALS_MAX = 64,	/* that wait for a task */
	TASK_SIGNAL_BYTES = 1024 * 1024
};

/* A signal that waits; texts behind it. */
struct task_signal {
	struct task_signal *next;
	const char *id;
	const char *type;
	const char *data;
};

/* Reads partition 0 of one topic, record by record. */
struct topic_reader {
	char *topic;		/* NULL: none is open */
	struct bus_consumer *consumer;
	const struct bus_message *messages;	/* polled and not given yet */
	size_t n;
	size_t at;
	int64_t next;		/* offset behind the last one given */
};

/*
 * Leaves a signal for the task, which takes it before its next poll. The
 * source's signal() must be there. LEAT_E_STATE when the task is not up,
 * LEAT_E_LIMIT when too many wait. @thread any
 */
int task_signal(struct leat_task *t, const char *id, const char *type,
    const char *data, struct leat_err *err);

/* Gives the source what waits. @thread task */
void task_signals_deliver(struct leat_task *t);
/* Frees what nobody took. */
void task_signals_free(struct leat_task *t);

/* leat_host.topic_next. @thread task */
int32_t task_topic_next(struct leat_task *t, const char *topic, int64_t from,
    struct leat_topic_record *rec, struct leat_err *err);
void topic_reader_close(struct topic_reader *r);

#endif
