/* SPDX-License-Identifier: Apache-2.0 */
/*
 * errors.c: see errors.h.
 */
#include "core/worker/errors.h"

#include <inttypes.h>

#include "core/base/obj.h"
#include "core/bus/bus.h"
#include "core/worker/task.h"

static const char *const stages[] = {
	[STAGE_TRANSFORMATION] = "TRANSFORMATION",
	[STAGE_KEY_CONVERTER] = "KEY_CONVERTER",
	[STAGE_VALUE_CONVERTER] = "VALUE_CONVERTER",
	[STAGE_HEADER_CONVERTER] = "HEADER_CONVERTER",
	[STAGE_PRODUCE] = "KAFKA_PRODUCE",
	[STAGE_PUT] = "TASK_PUT",
};

const char *
errors_stage(const struct chain_failure *failure)
{
	size_t i = (size_t)failure->stage;

	return i < ARRAY_LEN(stages) ? stages[i] : "?";
}

void
errors_log(struct leat_task *t, const struct chain_failure *failure,
    const struct leat_err *err, const struct leat_record *rec,
    const struct bus_message *msg)
{
	const char *what = failure->what == NULL ? "?" : failure->what;

	if (!t->set.log_errors)
		return;
	task_count(&t->m, M_LOGGED, 1);
	if (msg != NULL && t->set.log_messages)
		log_warn(&t->log, "record failed", "stage=%s class=%s "
		    "error=\"%s\" topic=%s partition=%d offset=%" PRId64
		    " timestamp=%" PRId64, errors_stage(failure), what,
		    err->text, msg->topic, (int)msg->partition, msg->offset,
		    msg->timestamp_ms);
	else if (rec != NULL && t->set.log_messages)
		log_warn(&t->log, "record failed", "stage=%s class=%s "
		    "error=\"%s\" topic=%s timestamp=%" PRId64,
		    errors_stage(failure), what, err->text, rec->topic,
		    rec->timestamp_ms);
	else
		log_warn(&t->log, "record failed",
		    "stage=%s class=%s error=\"%s\"", errors_stage(failure),
		    what, err->text);
}
