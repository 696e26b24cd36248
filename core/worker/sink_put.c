/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink_put.c: from the messages of a poll to put(), and what happens to records
 * that fail on the way.
 *
 * A poll's messages are decoded and put in batches as large as the memory
 * allows. When put() fails:
 *   RETRY   the same records come again after a back-off, without those that
 *	     the connector acknowledged or failed.
 *   RECORD  one of them is bad and nobody said which: those left are put one by
 *	     one, and the one that fails alone is the one.
 *   else    the task fails; the offsets of what was delivered are stored.
 * A bad record becomes a dead letter (or is skipped, or stops the task, by
 * errors.tolerance); it is durable there before it counts as finished.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/obj.h"
#include "core/plugin/registry.h"
#include "core/worker/errors.h"
#include "core/worker/sink_task.h"

enum { PUT_BACKOFF_MS = 100 };

size_t
sink_held(const struct sink *s)
{
	return s->arena.held_bytes + bus_consumer_held(s->consumer) +
	    chain_held(s->chain) + dead_letters_held(s->dead) +
	    s->cap * (sizeof(*s->records) + sizeof(*s->origin) + 2) +
	    s->headers_cap * sizeof(*s->headers);
}

/* ------------------------------------------------------- bad records */

/* A record is bad for good. 0: it is dealt with; negative: stop the task. */
static int
give_up(struct leat_task *t, const struct bus_message *m,
    const struct leat_record *rec, const struct chain_failure *failure,
    const struct leat_err *why, struct leat_err *err)
{
	struct sink *s = t->data;

	task_count(&t->m, M_ERRORS, 1);
	task_gauge(&t->m, M_LAST_ERROR, clock_wall_ms(t->o.clock));
	errors_log(t, failure, why, rec, m);
	if (!task_tolerates(t)) {
		if (err != why)
			*err = *why;
		return leat_err_wrap(err, "%s of %s-%d at offset %lld",
		    errors_stage(failure), m->topic, (int)m->partition,
		    (long long)m->offset);
	}
	task_count(&t->m, M_SKIPPED, 1);
	if (s->dead == NULL)
		return 0;
	return dead_letters_add(s->dead, m, failure, why, err);
}

void
sink_ack(struct leat_task *t, uint32_t index)
{
	struct sink *s = t->data;

	if (index < s->count && s->state[s->first + index] == REC_WAITING)
		s->state[s->first + index] = REC_ACKED;
}

int
sink_fail(struct leat_task *t, uint32_t index, const struct leat_err *err)
{
	struct chain_failure failure = {
		(enum chain_stage)STAGE_PUT, t->o.conn->connector.name
	};
	struct sink *s = t->data;
	struct leat_err out = LEAT_ERR_INIT;
	uint32_t i = s->first + index;
	int rc;

	if (index >= s->count || s->state[i] != REC_WAITING)
		return 0;
	task_count(&t->m, M_FAILURES, 1);
	rc = give_up(t, &s->messages[s->origin[i]], &s->records[i], &failure,
	    err, &out);
	if (rc < 0) {
		s->fail_err = out;
		return rc;
	}
	s->state[i] = REC_FAILED;
	return 0;
}

/* ------------------------------------------------------------ decoding */

static int
set_bytes(struct sink *s, const struct bus_message *m,
    struct chain_bytes *bytes)
{
	struct chain_header *more;
	uint32_t i;

	bytes->key = m->key;
	bytes->value = m->value;
	bytes->headers = NULL;
	bytes->nheaders = m->nheaders;
	if (m->nheaders == 0)
		return 0;
	if (m->nheaders > s->headers_cap) {
		more = realloc(s->headers, m->nheaders * sizeof(*more));
		if (more == NULL)
			return -ENOMEM;
		s->headers = more;
		s->headers_cap = m->nheaders;
	}
	for (i = 0; i < m->nheaders; i++) {
		/* A name is no C string on the wire. */
		s->headers[i].name = leat_arena_strndup(&s->arena,
		    m->headers[i].name.ptr, m->headers[i].name.len);
		s->headers[i].value = m->headers[i].value;
		if (s->headers[i].name == NULL)
			return -ENOMEM;
	}
	bytes->headers = s->headers;
	return 0;
}

static void
record_frame(const struct bus_message *m, struct leat_record *rec)
{
	memset(rec, 0, sizeof(*rec));
	rec->topic = m->topic;
	rec->partition = m->partition;
	rec->timestamp_ms = m->timestamp_ms;
	rec->timestamp_type = m->timestamp_type;
	rec->origin_topic = m->topic;
	rec->origin_partition = m->partition;
	rec->offset = m->offset;
}

/* 1 a record, 0 none (a transform dropped it, or a tombstone nobody takes). */
static int
decode(struct leat_task *t, struct sink *s, const struct bus_message *m,
    struct leat_record *rec, struct chain_failure *failure,
    struct leat_err *err)
{
	struct chain_bytes bytes;
	bool keep = true;

	record_frame(m, rec);
	if (set_bytes(s, m, &bytes) < 0)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	if (chain_decode(s->chain, &bytes, &s->arena, rec, failure, err) < 0 ||
	    chain_transform(s->chain, rec, &s->arena, &keep, failure, err) < 0)
		return err->code;
	if (!keep)
		return 0;
	if (rec->value.kind == LEAT_NULL &&
	    (t->o.conn->connector.flags & LEAT_TAKES_TOMBSTONES) == 0) {
		task_count(&t->m, M_TOMBSTONES, 1);
		return 0;
	}
	return 1;
}

/*
 * The arena is full. 1: it was given more room, decode again; 0: put what there
 * is, or wait.
 */
static int
more_room(struct leat_task *t, struct sink *s)
{
	if (s->n > 0 && s->arena.held_bytes >= SINK_BATCH_MAX)
		return 0;
	if (!task_charge(t, sink_held(s) + SINK_ARENA_STEP))
		return 0;
	s->arena.limit_bytes += SINK_ARENA_STEP;
	return 1;
}

/* A record does not decode. 1: it is dealt with; 0: wait; negative: stop. */
static int
decode_failed(struct leat_task *t, struct sink *s,
    const struct bus_message *m, const struct chain_failure *failure,
    struct leat_err *err)
{
	struct leat_err why;

	task_count(&t->m, M_FAILURES, 1);
	if (err->cls == LEAT_CLS_RETRY && errors_retry(t, &s->retry))
		return 0;
	s->retry.on = false;
	if (err->cls != LEAT_CLS_RECORD && err->cls != LEAT_CLS_RETRY)
		return err->code;
	why = *err;
	leat_err_clear(err);
	return give_up(t, m, NULL, failure, &why, err) < 0 ? err->code : 1;
}

/* Fills the batch: 1 when it may be put, 0 wait. */
static int
decode_some(struct leat_task *t, struct sink *s, struct leat_err *err)
{
	struct chain_failure failure;
	const struct bus_message *m;
	int rc;

	while (s->at < s->nmessages && s->arena.held_bytes < SINK_BATCH_MAX) {
		m = &s->messages[s->at];
		failure = (struct chain_failure){ STAGE_TRANSFORMATION, NULL };
		rc = decode(t, s, m, &s->records[s->n], &failure, err);
		if (rc == -ENOMEM) {
			leat_err_clear(err);
			if (more_room(t, s))
				continue;
			return s->n > 0;
		}
		if (rc < 0) {
			/* What came before it goes first: order is kept. */
			if (s->n > 0) {
				leat_err_clear(err);
				return 1;
			}
			rc = decode_failed(t, s, m, &failure, err);
			if (rc <= 0)
				return rc;
			rc = 0;
		}
		s->retry.on = false;
		if (rc == 0)
			s->finished[s->at] = 1;
		else {
			s->state[s->n] = REC_WAITING;
			s->origin[s->n++] = (uint32_t)s->at;
		}
		s->at++;
	}
	return 1;
}

/* ---------------------------------------------------------------- put */

static void
finish_record(struct sink *s, uint32_t i)
{
	s->finished[s->origin[i]] = 1;
}

/* Takes out what was acknowledged or failed, and keeps the order. */
static void
compact(struct leat_task *t, struct sink *s, bool all_taken)
{
	uint32_t i, kept = s->first, sent = 0;

	for (i = s->first; i < s->n; i++) {
		bool in_put = i < s->first + s->count;

		if (in_put && (all_taken || s->state[i] != REC_WAITING)) {
			finish_record(s, i);
			sent += s->state[i] != REC_FAILED;
			continue;
		}
		s->records[kept] = s->records[i];
		s->origin[kept] = s->origin[i];
		s->state[kept] = s->state[i];
		kept++;
	}
	s->n = kept;
	s->count = 0;
	s->active += sent;
	s->dirty = true;
	task_count(&t->m, M_SENT, sent);
}

/* How many of this put are neither acknowledged nor failed, and the last. */
static uint32_t
waiting(const struct sink *s, uint32_t *ret_last)
{
	uint32_t i, n = 0;

	for (i = s->first; i < s->first + s->count; i++) {
		if (s->state[i] == REC_WAITING) {
			*ret_last = i;
			n++;
		}
	}
	return n;
}

static int
put_failed(struct leat_task *t, struct sink *s, struct leat_err *err)
{
	struct leat_err why;
	uint32_t last = 0;

	task_count(&t->m, M_FAILURES, 1);
	if (s->fail_err.code != 0) {	/* the policy was to stop */
		*err = s->fail_err;
		return err->code;
	}
	if (err->cls == LEAT_CLS_RECORD && waiting(s, &last) > 0) {
		why = *err;
		leat_err_clear(err);
		/* With one left there is no doubt which it is. */
		if (waiting(s, &last) == 1 &&
		    sink_fail(t, last - s->first, &why) < 0) {
			*err = s->fail_err;
			return err->code;
		}
		s->single = true;
		s->retry.on = false;	/* it is no matter of time any more */
		return 0;
	}
	if (err->cls == LEAT_CLS_RETRY) {
		if (!s->retry.on)
			backoff_init(&s->retry.backoff, PUT_BACKOFF_MS,
			    t->set.retry_delay_max_ms,
			    (uint64_t)task_now_ms(t));
		s->retry.on = true;
		s->retry.at_ms = task_now_ms(t) +
		    backoff_next(&s->retry.backoff);
		task_count(&t->m, M_RETRIES, 1);
		log_warn_err(&t->log, "delivery failed, will retry", err);
		leat_err_clear(err);
		return 0;
	}
	return err->code;
}

static int
put(struct leat_task *t, struct sink *s, struct leat_err *err)
{
	struct leat_err stopped = LEAT_ERR_INIT;
	struct leat_sink_batch b = { 0 };
	int rc, flushed;

	s->first = 0;
	s->count = s->single ? 1 : s->n;
	s->fail_err = stopped;
	b.records = s->records;
	b.nrecords = s->count;
	task_enter(t, "put");
	rc = t->o.conn->sink.put(t->self, &b, err);
	task_leave(t);
	task_count(&t->m, M_BATCHES, 1);
	(void)task_said(rc, "put", err);
	if (rc >= 0 && s->fail_err.code != 0) {
		*err = s->fail_err;	/* it went on in spite of the policy */
		rc = err->code;
	} else if (rc < 0)
		rc = put_failed(t, s, err);
	else {
		rc = 1;
		s->retry.on = false;
		task_progress(t);
	}
	/* Letters are durable before their records count as finished. */
	if (s->dead != NULL) {
		flushed = dead_letters_flush(s->dead, rc < 0 ? &stopped : err);
		if (flushed < 0)
			return rc < 0 ? rc : flushed;
	}
	compact(t, s, rc == 1);
	return rc < 0 ? rc : 0;
}

/* The batch is empty: the memory of its records may go. */
static void
batch_over(struct leat_task *t, struct sink *s)
{
	leat_arena_reset(&s->arena);
	s->arena.limit_bytes = SINK_ARENA_STEP;
	s->single = false;
	(void)task_charge(t, sink_held(s));
}

int
sink_deliver(struct leat_task *t, int64_t *ret_until_ms,
    struct leat_err *err)
{
	struct sink *s = t->data;
	int rc;

	if (s->retry.on && task_now_ms(t) < s->retry.at_ms) {
		*ret_until_ms = MIN(*ret_until_ms, s->retry.at_ms);
		return 0;
	}
	while (s->n > 0 || s->at < s->nmessages) {
		if (s->n == 0) {
			batch_over(t, s);
			rc = decode_some(t, s, err);
			if (s->dead != NULL && rc >= 0 &&
			    dead_letters_flush(s->dead, err) < 0)
				return err->code;
			if (rc < 0)
				return rc;
			if (rc == 0) {
				if (s->retry.on)
					*ret_until_ms = MIN(*ret_until_ms,
					    s->retry.at_ms);
				return 0;
			}
		}
		if (s->n == 0)
			continue;
		if (put(t, s, err) < 0)
			return err->code;
		if (s->retry.on) {
			*ret_until_ms = MIN(*ret_until_ms, s->retry.at_ms);
			return 0;
		}
		if (task_stopping(t))
			return s->n == 0 && s->at == s->nmessages;
	}
	batch_over(t, s);
	return 1;
}
