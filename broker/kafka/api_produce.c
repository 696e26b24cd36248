/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_produce.c: Produce.
 *
 * Batches are appended where they stand in the frame, on the I/O thread: an
 * append is a copy into the page cache. With acks=all the answer then waits
 * for the flusher. What the flusher calls lives in memory of its own, as the
 * request may time out and be gone before the disk has answered.
 */
#include <stdlib.h>
#include <string.h>

#include "broker/broker_int.h"
#include "broker/kafka/acl.h"
#include "broker/kafka/api.h"
#include "broker/kafka/produce.h"
#include "broker/log/partition.h"
#include "core/base/log.h"
#include "core/base/obj.h"

enum {
	ACKS_NONE = 0,
	ACKS_WRITTEN = 1,
	ACKS_ALL = -1,
	ZSTD_VERSION = 7,	/* clients below it do not know zstd */
	ABORTABLE_VERSION = 11
};

/* ------------------------------------------------------------- decoding */

static void
decode_topic(struct kafka_in *in, struct produce_topic *t)
{
	t->name = kin_str(in);
	t->n = kin_array(in);
	t->parts = KIN_CALLOC(in, t->n, struct produce_part);
	for (int32_t i = 0; i < t->n && kin_ok(in); i++) {
		struct produce_part *p = &t->parts[i];

		p->index = kin_i32(in);
		p->records = kin_bytes_null(in);
		p->base_offset = p->append_time_ms = p->log_start = -1;
		p->bad_record = -1;
		kin_tags(in);
	}
	kin_tags(in);
}

static struct produce *
decode(struct kafka_request *rq)
{
	struct kafka_in *in = &rq->in;
	struct produce *q = KIN_CALLOC(in, 1, struct produce);

	if (q == NULL)
		return NULL;
	q->transactional_id = kin_str_null(in);
	q->acks = kin_i16(in);
	q->timeout_ms = kin_i32(in);
	q->n = kin_array(in);
	q->topics = KIN_CALLOC(in, q->n, struct produce_topic);
	for (int32_t i = 0; i < q->n && kin_ok(in); i++)
		decode_topic(in, &q->topics[i]);
	kin_tags(in);
	return q;
}

/* ------------------------------------------------------------ answering */

static void
write_part(struct kafka_request *rq, const struct produce_part *p)
{
	struct kafka_out *out = &rq->out;
	bool ok = p->error == KAFKA_NONE;

	kout_i32(out, p->index);
	kout_i16(out, p->error);
	kout_i64(out, ok ? p->base_offset : -1);
	kout_i64(out, ok ? p->append_time_ms : -1);
	if (rq->version >= 5)
		kout_i64(out, p->log_start);
	if (rq->version >= 8) {
		bool record = !ok && p->bad_record >= 0;

		kout_array(out, record ? 1 : 0);
		if (record) {
			kout_i32(out, p->bad_record);
			kout_str_null(out, p->message);
			kout_tags(out);
		}
		kout_str_null(out, ok ? NULL : p->message);
	}
	kout_tags(out);
}

static void
answer(struct kafka_request *rq, const struct produce *q)
{
	struct kafka_out *out = &rq->out;

	kout_array(out, q->n);
	for (int32_t i = 0; i < q->n; i++) {
		const struct produce_topic *t = &q->topics[i];

		kout_str(out, t->name);
		kout_array(out, t->n);
		for (int32_t k = 0; k < t->n; k++)
			write_part(rq, &t->parts[k]);
		kout_tags(out);
	}
	kout_throttle(out);
	kout_tags(out);
	kafka_reply(rq);
}

/* Without acks a closed connection is the only sign of an error. */
static void
answer_nothing(struct kafka_request *rq, const struct produce *q)
{
	for (int32_t i = 0; i < q->n; i++)
		for (int32_t k = 0; k < q->topics[i].n; k++) {
			const struct produce_part *p = &q->topics[i].parts[k];

			if (p->error == KAFKA_NONE)
				continue;
			kafka_hang_up(rq, "produce to %s-%d without acks: %s",
			    q->topics[i].name, p->index,
			    p->message != NULL ? p->message :
			    kafka_error_name(p->error));
			return;
		}
	kafka_reply_nothing(rq);
}

/* ---------------------------------------------------------- durability */

struct produce_wait;

struct produce_one {
	struct produce_wait *wait;
	struct produce_part *part;	/* the request's */
	struct broker_partition *counted;
	enum kafka_error error;
	bool done;
};

struct produce_wait {
	struct produce *q;
	int32_t n;
	struct lock lock;		/* RANK_QUEUE; guards all below */
	struct kafka_request *rq;	/* NULL: it has been answered */
	int32_t pending;
	int32_t refs;
	struct produce_one ones[];
};

/* Releases the lock too. */
static void
wait_put(struct produce_wait *w)
{
	bool last = --w->refs == 0;

	lock_release(&w->lock);
	if (!last)
		return;
	for (int32_t i = 0; i < w->n; i++)
		broker_partition_put(w->ones[i].counted);
	lock_fini(&w->lock);
	free(w);
}

/* @thread any: the flusher's, as a rule */
static void
became_durable(void *arg, const struct leat_err *err)
{
	struct produce_one *one = arg;
	struct produce_wait *w = one->wait;

	lock_acquire(&w->lock);
	one->error = err == NULL ? KAFKA_NONE : kafka_error_of(err);
	one->done = true;
	/* Under the lock, so that who sees 0 has been resumed for it. */
	if (--w->pending == 0 && w->rq != NULL)
		kafka_resume(w->rq);
	wait_put(w);
}

/* All is durable, or the time is up. */
static void
end_wait(struct kafka_request *rq)
{
	struct produce_wait *w = rq->parked;
	struct produce *q = w->q;

	lock_acquire(&w->lock);
	for (int32_t i = 0; i < w->n; i++)
		w->ones[i].part->error = w->ones[i].done ?
		    w->ones[i].error : KAFKA_REQUEST_TIMED_OUT;
	w->rq = NULL;
	wait_put(w);
	answer(rq, q);
}

static int32_t
count_appended(const struct produce *q)
{
	int32_t n = 0;

	for (int32_t i = 0; i < q->n; i++)
		for (int32_t k = 0; k < q->topics[i].n; k++)
			n += q->topics[i].parts[k].part != NULL;
	return n;
}

static void
put_parts(struct produce *q)
{
	for (int32_t i = 0; i < q->n; i++)
		for (int32_t k = 0; k < q->topics[i].n; k++)
			broker_partition_put(
			    TAKE(q->topics[i].parts[k].part));
}

static void
fail_appended(struct produce *q, enum kafka_error error)
{
	for (int32_t i = 0; i < q->n; i++)
		for (int32_t k = 0; k < q->topics[i].n; k++)
			if (q->topics[i].parts[k].part != NULL)
				q->topics[i].parts[k].error = error;
}

static void
fill_wait(struct produce_wait *w, struct produce *q)
{
	for (int32_t i = 0; i < q->n; i++)
		for (int32_t k = 0; k < q->topics[i].n; k++) {
			struct produce_part *p = &q->topics[i].parts[k];

			if (p->part != NULL)
				w->ones[w->n++] = (struct produce_one){
				    .wait = w, .part = p,
				    .counted = TAKE(p->part) };
		}
}

static void
answer_when_durable(struct kafka_request *rq, struct produce *q)
{
	int32_t n = count_appended(q);
	struct produce_wait *w;

	if (n == 0) {
		answer(rq, q);
		return;
	}
	w = calloc(1, sizeof(*w) + (size_t)n * sizeof(w->ones[0]));
	if (w == NULL) {
		fail_appended(q, KAFKA_UNKNOWN_SERVER_ERROR);
		put_parts(q);
		answer(rq, q);
		return;
	}
	lock_init(&w->lock, RANK_QUEUE);
	w->rq = rq;
	w->q = q;
	w->pending = n;
	w->refs = n + 1;
	fill_wait(w, q);
	kafka_drop_frame(rq);
	rq->parked = w;
	rq->resume = end_wait;
	if (q->timeout_ms > 0)
		kafka_resume_after(rq, q->timeout_ms);
	for (int32_t i = 0; i < n; i++)
		broker_when_durable(w->ones[i].counted, w->ones[i].part->end,
		    became_durable, &w->ones[i]);
}

/* ------------------------------------------------------------ appending */

static void
append_failed(struct kafka_request *rq, struct produce_part *p,
    const struct leat_err *err)
{
	p->error = kafka_error_of(err);
	/* The producer's own faults are its business; the disk's are ours. */
	if (p->error == KAFKA_KAFKA_STORAGE_ERROR)
		log_warn_err(&rq->broker->env.lg, "produce refused", err);
	if (p->error == KAFKA_INVALID_TXN_STATE &&
	    (produce_attributes(p) & BATCH_TRANSACTIONAL) &&
	    rq->version >= ABORTABLE_VERSION)
		p->error = KAFKA_TRANSACTION_ABORTABLE;
	p->message = leat_arena_strdup(&rq->arena, err->text);
}

static void
append_part(struct kafka_request *rq, const struct produce *q,
    const char *topic, struct produce_part *p)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct append_told told = { .bad_record = -1 };
	struct broker_appended done;
	struct broker_partition *part;

	if (rq->version < ZSTD_VERSION &&
	    (produce_attributes(p) & BATCH_CODEC_MASK) == CODEC_ZSTD) {
		p->error = KAFKA_UNSUPPORTED_COMPRESSION_TYPE;
		return;
	}
	if ((part = topics_find(rq->broker, topic, p->index)) == NULL) {
		p->error = KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
		return;
	}
	if (part->internal && strcmp(rq->client_id, "__admin_client") != 0) {
		p->error = KAFKA_INVALID_TOPIC_EXCEPTION;
		p->message = "only the broker writes to an internal topic";
	} else if (p->records.len == 0) {
		p->error = KAFKA_INVALID_RECORD;
		p->message = "batch refused: it is empty";
	} else if (produce_overtakes(rq, p, part)) {
		p->error = KAFKA_OUT_OF_ORDER_SEQUENCE_NUMBER;
		p->message = "an epoch begins with sequence 0";
	} else if (partition_append_client(part, (uint8_t *)(uintptr_t)
	    p->records.ptr, p->records.len, &told, &done, &err) < 0) {
		p->bad_record = told.bad_record;
		append_failed(rq, p, &err);
	} else {
		p->base_offset = done.base_offset;
		p->append_time_ms = done.append_time_ms;
		p->end = done.last_offset + 1;
		if (q->acks == ACKS_ALL ||
		    (q->acks == ACKS_WRITTEN && told.sync))
			p->part = part;
	}
	p->log_start = offset_load(&part->log_start);
	if (p->part == NULL)
		broker_partition_put(part);
}

/* What is wrong with the request as a whole. */
static enum kafka_error
check_request(const struct kafka_request *rq, const struct produce *q)
{
	bool transactional = false;

	if (q->acks != ACKS_NONE && q->acks != ACKS_WRITTEN &&
	    q->acks != ACKS_ALL)
		return KAFKA_INVALID_REQUIRED_ACKS;
	for (int32_t i = 0; i < q->n; i++)
		for (int32_t k = 0; k < q->topics[i].n; k++)
			if (produce_attributes(&q->topics[i].parts[k]) &
			    BATCH_TRANSACTIONAL)
				transactional = true;
	if (transactional && (q->transactional_id == NULL ||
	    !kafka_may(rq, ACL_WRITE, ACL_TRANSACTIONAL_ID,
	    q->transactional_id)))
		return KAFKA_TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
	return KAFKA_NONE;
}

/* The error of the request, or of a topic, is that of each part. */
static void
check_topics(struct kafka_request *rq, struct produce *q,
    enum kafka_error error)
{
	for (int32_t i = 0; i < q->n; i++) {
		struct produce_topic *t = &q->topics[i];
		enum kafka_error of_topic = error != KAFKA_NONE ||
		    kafka_may(rq, ACL_WRITE, ACL_TOPIC, t->name) ? error :
		    KAFKA_TOPIC_AUTHORIZATION_FAILED;

		for (int32_t k = 0; k < t->n; k++)
			t->parts[k].error = of_topic;
	}
}

void
api_produce(struct kafka_request *rq)
{
	struct produce *q = decode(rq);

	if (!kafka_decoded(rq))
		return;
	check_topics(rq, q, check_request(rq, q));
	produce_join(rq, q);
	for (int32_t i = 0; i < q->n; i++) {
		struct produce_topic *t = &q->topics[i];

		for (int32_t k = 0; k < t->n; k++)
			if (t->parts[k].error == KAFKA_NONE)
				append_part(rq, q, t->name, &t->parts[k]);
	}
	if (q->acks == ACKS_NONE)
		answer_nothing(rq, q);
	else
		answer_when_durable(rq, q);
}

void
api_produce_cancel(struct kafka_request *rq)
{
	/* The flusher's round is under way and ends it. */
	(void)rq;
}
