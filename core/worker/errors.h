/* SPDX-License-Identifier: Apache-2.0 */
/*
 * errors.h: records that failed: tried again for a while, and told.
 */
#ifndef LEAT_CORE_WORKER_ERRORS_H
#define LEAT_CORE_WORKER_ERRORS_H

#include <stdbool.h>
#include <stdint.h>

#include <leat/connector.h>

#include "core/record/chain.h"
#include "core/worker/backoff.h"

struct bus_message;

/* Stages beyond those of the chain. */
enum {
	STAGE_PRODUCE = STAGE_HEADER_CONVERTER + 1,
	STAGE_PUT
};

/* A record that is tried again. A zeroed one is off. */
struct record_retry {
	bool on;
	int64_t at_ms;		/* the next try */
	int64_t until_ms;	/* the last */
	struct backoff backoff;
};

/*
 * A record failed by an error of class RETRY. true: it may be tried again, at
 * r->at_ms; false: the time of errors.retry.timeout is up.
 */
bool errors_retry(struct leat_task *t, struct record_retry *r);

/* Kafka Connect's name of a stage: "VALUE_CONVERTER", "TASK_PUT", ... */
const char *errors_stage(const struct chain_failure *failure);

/*
 * One line, if errors.log.enable; with errors.log.include.messages it says
 * which record. `msg` is the consumed message of a sink, or NULL.
 */
void errors_log(struct leat_task *t, const struct chain_failure *failure,
    const struct leat_err *err, const struct leat_record *rec,
    const struct bus_message *msg);

#endif
