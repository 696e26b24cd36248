/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_fetch.c: Fetch.
 *
 * A request is looked at once to see whether there is enough to answer; if not,
 * it waits on all its partitions, and is looked at again whenever one of them
 * has grown, until its time is up. Nothing is held while it waits but the
 * partitions.
 */
#include <string.h>

#include "broker/kafka/api.h"
#include "broker/kafka/fetch.h"
#include "broker/kafka/kafka_server.h"
#include "core/base/obj.h"

enum {
	IDS_VERSION = 13,	/* topics by id from here on */
	SESSION_FINAL = -1,
	SESSION_INITIAL = 0
};

/* ------------------------------------------------------------- decoding */

static void
decode_part(struct fetch *f, const char *topic, const uint8_t id[16])
{
	struct kafka_in *in = &f->rq->in;
	struct fetch_part *p = KIN_CALLOC(in, 1, struct fetch_part);
	int16_t version = f->rq->version;

	if (p == NULL)
		return;
	p->topic = topic;
	memcpy(p->id, id, sizeof(p->id));
	p->number = kin_i32(in);
	p->leader_epoch = version >= 9 ? kin_i32(in) : -1;
	p->offset = kin_i64(in);
	p->fetched_epoch = version >= 12 ? kin_i32(in) : -1;
	if (version >= 5)
		(void)kin_i64(in);	/* a follower's log start */
	p->max_bytes = kin_i32(in);
	p->high_watermark = p->log_start = -1;
	kin_tags(in);
	fetch_list_add(&f->own, p);
}

static const char *
decode_topic(struct fetch *f, uint8_t id[16])
{
	memset(id, 0, 16);
	if (!f->by_id)
		return kin_str(&f->rq->in);
	kin_uuid(&f->rq->in, id);
	return NULL;
}

static void
decode_forgotten(struct fetch *f)
{
	struct kafka_in *in = &f->rq->in;
	int32_t topics = kin_array(in), n;
	struct fetch_forgotten **at = &f->forgotten, t = { 0 };

	for (int32_t i = 0; i < topics && kin_ok(in); i++) {
		t.topic = decode_topic(f, t.id);
		n = kin_array(in);
		for (int32_t k = 0; k < n && kin_ok(in); k++) {
			t.number = kin_i32(in);
			*at = KIN_CALLOC(in, 1, struct fetch_forgotten);
			if (*at == NULL)
				return;
			**at = t;
			at = &(*at)->next;
		}
		kin_tags(in);
	}
}

static void
decode_topics(struct fetch *f)
{
	struct kafka_in *in = &f->rq->in;
	int32_t topics = kin_array(in), n;
	const char *topic;
	uint8_t id[16];

	for (int32_t i = 0; i < topics && kin_ok(in); i++) {
		topic = decode_topic(f, id);
		n = kin_array(in);
		for (int32_t k = 0; k < n && kin_ok(in); k++)
			decode_part(f, topic, id);
		kin_tags(in);
	}
}

static struct fetch *
decode(struct kafka_request *rq)
{
	struct kafka_in *in = &rq->in;
	struct fetch *f = KIN_CALLOC(in, 1, struct fetch);

	if (f == NULL)
		return NULL;
	f->rq = rq;
	f->by_id = rq->version >= IDS_VERSION;
	if (rq->version <= 14)
		(void)kin_i32(in);	/* replica */
	f->max_wait_ms = kin_i32(in);
	f->min_bytes = kin_i32(in);
	f->limit = kin_i32(in);
	f->limit = MIN(MAX(f->limit, 0), rq->server->o.fetch_max_bytes);
	f->min_bytes = MIN(f->min_bytes, f->limit);
	f->isolation = kin_i8(in) == 1 ? READ_COMMITTED : READ_UNCOMMITTED;
	f->session_epoch = SESSION_FINAL;
	if (rq->version >= 7) {
		f->session_id = kin_i32(in);
		f->session_epoch = kin_i32(in);
	}
	decode_topics(f);
	if (rq->version >= 7)
		decode_forgotten(f);
	if (rq->version >= 11)
		(void)kin_text_null(in);	/* rack */
	kin_tags(in);
	f->list = &f->own;
	f->all = true;
	return f;
}

/* ------------------------------------------------------------- sessions */

/* Puts what the request says of a partition into the session. */
static int
session_set(struct fetch_session *s, const struct fetch_part *p)
{
	struct fetch_part *to = fetch_session_part(s, p->topic, p->id,
	    p->number);

	if (to == NULL)
		return -1;
	to->leader_epoch = p->leader_epoch;
	to->fetched_epoch = p->fetched_epoch;
	to->offset = p->offset;
	to->max_bytes = p->max_bytes;
	return 0;
}

static int
session_set_all(struct fetch *f, struct fetch_session *s)
{
	for (const struct fetch_part *p = f->own.head; p != NULL; p = p->next)
		if (session_set(s, p) < 0)
			return -1;
	return 0;
}

static void
session_begin(struct fetch *f)
{
	struct fetch_sessions *table = f->rq->server->fetch_sessions;
	struct fetch_session *s;

	s = fetch_session_create(table, f->own.n, f->by_id);
	if (s == NULL)
		return;
	if (session_set_all(f, s) < 0) {
		fetch_session_close(table, s->id);
		fetch_session_release(table, s);
		return;
	}
	f->session = s;
	f->list = &s->list;
}

static enum kafka_error
session_go_on(struct fetch *f)
{
	struct fetch_sessions *table = f->rq->server->fetch_sessions;
	struct fetch_session *s = NULL;
	enum kafka_error error;

	error = fetch_session_take(table, f->session_id, f->session_epoch,
	    f->by_id, &s);
	if (error != KAFKA_NONE)
		return error;
	if (session_set_all(f, s) < 0) {
		/* The client begins a new one with all it wants. */
		fetch_session_close(table, s->id);
		fetch_session_release(table, s);
		return KAFKA_INVALID_FETCH_SESSION_EPOCH;
	}
	for (const struct fetch_forgotten *t = f->forgotten; t != NULL;
	    t = t->next)
		fetch_session_forget(s, t->topic, t->id, t->number);
	f->session = s;
	f->list = &s->list;
	f->all = false;
	return KAFKA_NONE;
}

static enum kafka_error
choose_session(struct fetch *f)
{
	struct fetch_sessions *table = f->rq->server->fetch_sessions;

	if (f->session_epoch != SESSION_FINAL &&
	    f->session_epoch != SESSION_INITIAL)
		return session_go_on(f);
	if (f->session_id > 0)
		fetch_session_close(table, f->session_id);
	if (f->session_epoch == SESSION_INITIAL)
		session_begin(f);
	return KAFKA_NONE;
}

/* -------------------------------------------------------------- waiting */

/* Is there an error to tell, or as much to read as was asked for? */
static bool
is_enough(struct fetch *f)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_slice slice;
	struct broker_offsets o;
	int64_t taken = 0;
	int rc;

	for (struct fetch_part *p = f->list->head; p != NULL; p = p->next) {
		if (fetch_check(f, p, &o) != KAFKA_NONE ||
		    p->diverging_epoch >= 0)
			return true;
		if (p->offset >= p->end)
			continue;
		if (f->min_bytes <= 1)
			return true;
		rc = fetch_slice(f, p, taken, &slice, &err);
		if (rc < 0)
			return true;
		if (rc == 0)
			continue;
		taken += (int64_t)slice.len;
		broker_slice_put(&slice);
		/* A finished segment will not get more. */
		if (taken >= f->min_bytes || (slice.next_offset < p->end &&
		    (int64_t)slice.len < p->max_bytes && taken < f->limit))
			return true;
	}
	return false;
}

/* @thread any */
static void
part_grew(void *arg)
{
	kafka_resume(arg);
}

static void
stop_waiting(struct fetch *f)
{
	for (struct fetch_part *p = f->list->head; p != NULL; p = p->next)
		if (p->waiting) {
			broker_wait_cancel(&p->waiter);
			p->waiting = false;
		}
}

static void
wait_or_answer(struct kafka_request *rq)
{
	struct fetch *f = rq->parked;
	int64_t left = f->deadline_ns - clock_mono_ns(&clock_system);

	stop_waiting(f);
	f->checked_topic = NULL;	/* rights may have changed */
	if (left <= 0 || f->min_bytes <= 0 || f->list->n == 0 ||
	    is_enough(f)) {
		fetch_answer(f);
		return;
	}
	for (struct fetch_part *p = f->list->head; p != NULL; p = p->next) {
		p->waiter.fn = part_grew;
		p->waiter.arg = rq;
		p->waiting = true;
		broker_wait(&p->waiter, p->part, MAX(p->end, p->offset),
		    f->isolation);
	}
	kafka_resume_after(rq, left / 1000000 + 1);
}

void
api_fetch(struct kafka_request *rq)
{
	struct fetch *f = decode(rq);
	enum kafka_error error;

	if (!kafka_decoded(rq))
		return;
	if ((error = choose_session(f)) != KAFKA_NONE) {
		fetch_answer_error(f, error);
		return;
	}
	kafka_drop_frame(rq);
	f->deadline_ns = clock_mono_ns(&clock_system) +
	    (int64_t)MAX(f->max_wait_ms, 0) * 1000000;
	rq->parked = f;
	rq->resume = wait_or_answer;
	wait_or_answer(rq);
}

void
api_fetch_cancel(struct kafka_request *rq)
{
	struct fetch *f = rq->parked;

	stop_waiting(f);
	fetch_let_go(f);
	kafka_reply_nothing(rq);
}
