/* SPDX-License-Identifier: Apache-2.0 */
/*
 * errors.c: see errors.h.
 */
#include "core/worker/errors.h"

#include <inttypes.h>

#include "core/base/obj.h"
#include "core/bus/bus.h"
#include "core/worker/task.h"

enum { RETRY_MS = 300 };	/* at first, as Kafka Connect */

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

bool
errors_retry(struct leat_task *t, struct record_retry *r)
{
	int64_t now = task_now_ms(t);

	if (!r->on) {
		r->on = true;
		r->until_ms = t->set.retry_timeout_ms < 0 ? INT64_MAX :
		    now + t->set.retry_timeout_ms;
		backoff_init(&r->backoff, RETRY_MS, t->set.retry_delay_max_ms,
		    (uint64_t)now);
	}
	if (now >= r->until_ms)
		return false;
	task_count(&t->m, M_RETRIES, 1);
	r->at_ms = MIN(now + backoff_next(&r->backoff), r->until_ms);
	return true;
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
