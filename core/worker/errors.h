/* SPDX-License-Identifier: Apache-2.0 */
/*
 * errors.h: words and log lines for records that failed.
 */
#ifndef LEAT_CORE_WORKER_ERRORS_H
#define LEAT_CORE_WORKER_ERRORS_H

#include <leat/connector.h>

#include "core/record/chain.h"

struct bus_message;

/* Stages beyond those of the chain. */
enum {
	STAGE_PRODUCE = STAGE_HEADER_CONVERTER + 1,
	STAGE_PUT
};

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
