/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_produce.c: a record's way from the batch to the bus: transforms,
 * converters, the batch of its partition; and what happens when that fails.
 *
 * This is the hot path. It takes no memory per record (the arena is reset while
 * it is still warm) and no lock, and it looks at the clock once per batch.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/obj.h"
#include "core/worker/errors.h"
#include "core/worker/source_task.h"
#include "core/worker/topics_seen.h"

size_t
source_overhead(const struct source *s)
{
	return bus_producer_held(s->producer) + chain_held(s->chain) +
	    s->arena.held_bytes + s->headers_cap * sizeof(*s->headers);
}

/*
 * What was written to the log needs no memory any more. Once that is done the
 * batch goes on even if the bound is reached: only so does it ever end, and at
 * most SOURCE_CHARGE_BYTES more are taken before this is asked again.
 */
int
source_make_room(struct leat_task *t, struct leat_err *err)
{
	struct source *s = t->data;
	int rc;

	if (task_charge(t, s->batch.held + source_overhead(s)))
		return 1;
	rc = bus_flush(s->producer, err);
	if (rc == -EAGAIN)
		return 0;
	if (rc < 0)
		return rc;
	(void)task_charge(t, s->batch.held + source_overhead(s));
	return 1;
}

static int
headers_fit(struct source *s, uint32_t n)
{
	struct bus_header *more;

	if (n <= s->headers_cap)
		return 0;
	more = realloc(s->headers, n * sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	s->headers = more;
	s->headers_cap = n;
	return 0;
}

static int
set_headers(struct source *s, const struct chain_bytes *bytes)
{
	uint32_t i;

	s->msg.headers = NULL;
	s->msg.nheaders = bytes->nheaders;
	if (bytes->nheaders == 0)
		return 0;
	if (headers_fit(s, bytes->nheaders) < 0)
		return -ENOMEM;
	for (i = 0; i < bytes->nheaders; i++) {
		s->headers[i].name = leat_str_c(bytes->headers[i].name);
		s->headers[i].value = bytes->headers[i].value;
	}
	s->msg.headers = s->headers;
	return 0;
}

/* Out of memory by one record alone: that is the record's fault. */
static int
too_large(const struct source *s, const struct leat_record *rec,
    struct leat_err *err)
{
	if (err->code != -ENOMEM || s->arena.held_bytes < SOURCE_ARENA_MAX / 4)
		return err->code;
	return leat_err_set(err, LEAT_CLS_RECORD, LEAT_E_LIMIT,
	    "a record for topic '%s' is larger than max.request.size by far: "
	    "raise it", rec->topic);
}

/* 1 with s->msg filled, 0 when a transform dropped the record. */
static int
encode(struct source *s, const struct leat_record *from,
    struct chain_failure *failure, struct leat_err *err)
{
	struct leat_record rec = *from;
	struct chain_bytes bytes;
	bool keep = true;

	if ((size_t)(s->arena.end - s->arena.cur) < SOURCE_ARENA_RESET)
		leat_arena_reset(&s->arena);
	if (chain_transform(s->chain, &rec, &s->arena, &keep, failure,
	    err) < 0)
		return err->code;
	if (!keep)
		return 0;
	if (chain_encode(s->chain, &rec, &s->arena, &bytes, failure, err) < 0)
		return too_large(s, &rec, err);
	s->msg.topic = rec.topic;
	s->msg.partition = rec.partition;
	s->msg.timestamp_ms = rec.timestamp_ms >= 0 ? rec.timestamp_ms :
	    s->now_wall_ms;
	s->msg.key = bytes.key;
	s->msg.value = bytes.value;
	if (set_headers(s, &bytes) < 0)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	return 1;
}

/*
 * A record failed. 1: skip it; 0: try it again at s->retry.at_ms; negative: the
 * task cannot go on.
 */
static int
failed(struct leat_task *t, const struct leat_record *rec,
    const struct chain_failure *failure, struct leat_err *err)
{
	struct source *s = t->data;

	task_count(&t->m, M_FAILURES, 1);
	task_gauge(&t->m, M_LAST_ERROR, clock_wall_ms(t->o.clock));
	if (err->cls == LEAT_CLS_RETRY && errors_retry(t, &s->retry))
		return 0;
	s->retry.on = false;
	if (err->cls != LEAT_CLS_RECORD && err->cls != LEAT_CLS_RETRY)
		return err->code;
	task_count(&t->m, M_ERRORS, 1);
	errors_log(t, failure, err, rec, NULL);
	if (!task_tolerates(t))
		return leat_err_wrap(err, "%s (%s)", errors_stage(failure),
		    failure->what == NULL ? "?" : failure->what);
	task_count(&t->m, M_SKIPPED, 1);
	return 1;
}

static void
taken(struct leat_task *t, struct source *s)
{
	size_t n = s->msg.key.len + s->msg.value.len;

	if (s->records++ == 0)
		s->first_ms = task_now_ms(t);
	s->bytes += n;
	s->uncharged += n;
	s->msg_ready = false;
	if (s->last_topic == NULL || strcmp(s->last_topic, s->msg.topic) != 0)
		s->last_topic = topics_seen_add(&t->topics, s->msg.topic);
}

/* One record: 1 it is dealt with, 0 wait, negative as ever. */
static int
produce_one(struct leat_task *t, struct source *s,
    const struct leat_record *rec, struct leat_err *err)
{
	struct chain_failure failure = { STAGE_TRANSFORMATION, NULL };
	int rc;

	if (!s->msg_ready) {
		rc = encode(s, rec, &failure, err);
		if (rc < 0)
			return failed(t, rec, &failure, err);
		s->retry.on = false;
		if (rc == 0) {
			task_count(&t->m, M_FILTERED, 1);
			return 1;
		}
		s->msg_ready = true;
	}
	rc = bus_produce(s->producer, &s->msg, err);
	if (rc == -EAGAIN)
		return 0;
	if (rc == 0) {
		taken(t, s);
		return 1;
	}
	s->msg_ready = false;
	if (err->cls == LEAT_CLS_RECORD) {
		failure.stage = (enum chain_stage)STAGE_PRODUCE;
		failure.what = "producer";
		return failed(t, rec, &failure, err);
	}
	return rc;
}

int
source_produce(struct leat_task *t, int64_t *ret_until_ms,
    struct leat_err *err)
{
	struct source *s = t->data;
	int rc;

	if (s->retry.on && task_now_ms(t) < s->retry.at_ms) {
		*ret_until_ms = MIN(*ret_until_ms, s->retry.at_ms);
		return 0;
	}
	while (s->at < s->todo) {
		if (s->uncharged >= SOURCE_CHARGE_BYTES) {
			rc = source_make_room(t, err);
			if (rc <= 0)
				return rc;
			s->uncharged = 0;
		}
		rc = produce_one(t, s, &s->batch.records[s->at], err);
		if (rc < 0)
			return rc;
		if (rc == 0) {
			if (s->retry.on)
				*ret_until_ms = MIN(*ret_until_ms,
				    s->retry.at_ms);
			return 0;
		}
		s->at++;
	}
	return 1;
}
