/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_fetch.c: Fetch.
 *
 * A request is looked at once to see whether there is enough to answer; if not,
 * it waits on all its partitions, and is looked at again whenever one of them
 * has grown, until its time is up. Nothing is held while it waits but the
 * partitions. Records leave from their files (kout_records_slice).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/broker_int.h"
#include "broker/kafka/acl.h"
#include "broker/kafka/api.h"
#include "broker/kafka/fetch_session.h"
#include "broker/kafka/kafka_server.h"
#include "broker/kafka/kafka_request.h"
#include "broker/log/partition.h"
#include "core/base/obj.h"

enum {
	IDS_VERSION = 13,	/* topics by id from here on */
	SESSION_FINAL = -1,
	SESSION_INITIAL = 0,
	STORAGE_ERROR_VERSION = 6,
	ZSTD_VERSION = 10,	/* clients below it do not know zstd */
	DIVERGING_TAG = 0,
	DIVERGING_BYTES = 4 + 8 + 1
};

struct forgotten {
	struct forgotten *next;
	const char *topic;
	uint8_t id[16];
	int32_t number;
};

struct fetch {
	struct kafka_request *rq;
	int32_t max_wait_ms;
	int64_t min_bytes;
	int64_t limit;			/* of records in the answer */
	enum broker_isolation isolation;
	bool by_id;
	int32_t session_id, session_epoch;
	struct fetch_list own;		/* as it stands in the request */
	struct forgotten *forgotten;
	struct fetch_session *session;
	struct fetch_list *list;	/* own, or the session's */
	bool all;			/* answer also what has not changed */
	int64_t deadline_ns;
	/* Rights, for partitions of one topic in a row. */
	const char *checked_topic;
	bool checked_may;
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
	struct forgotten **at = &f->forgotten, t = { 0 };

	for (int32_t i = 0; i < topics && kin_ok(in); i++) {
		t.topic = decode_topic(f, t.id);
		n = kin_array(in);
		for (int32_t k = 0; k < n && kin_ok(in); k++) {
			t.number = kin_i32(in);
			*at = KIN_CALLOC(in, 1, struct forgotten);
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
	for (const struct forgotten *t = f->forgotten; t != NULL; t = t->next)
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

/* -------------------------------------------------------- one partition */

static bool
may_read(struct fetch *f, const char *topic)
{
	if (f->checked_topic == NULL ||
	    strcmp(f->checked_topic, topic) != 0) {
		f->checked_topic = topic;
		f->checked_may = kafka_may(f->rq, ACL_READ, ACL_TOPIC, topic);
	}
	return f->checked_may;
}

static bool
is_deleted(const struct broker_partition *p)
{
	return __atomic_load_n(&p->state, __ATOMIC_SEQ_CST) == PART_DELETED;
}

/* Finds the partition; it stays found until it is deleted. */
static enum kafka_error
resolve(struct fetch *f, struct fetch_part *p)
{
	char name[TOPIC_NAME_MAX_LEN + 1];
	const char *topic = p->topic;

	if (p->part != NULL && is_deleted(p->part)) {
		f->checked_topic = NULL;	/* its text may go with it */
		broker_partition_put(TAKE(p->part));
	}
	if (p->part != NULL) {
		topic = broker_partition_topic(p->part);
	} else if (f->by_id) {
		if (topics_name(f->rq->broker, p->id, name) < 0)
			return KAFKA_UNKNOWN_TOPIC_ID;
		topic = name;
	}
	if (!may_read(f, topic)) {
		f->checked_topic = NULL;
		return KAFKA_TOPIC_AUTHORIZATION_FAILED;
	}
	if (p->part == NULL)
		p->part = topics_find(f->rq->broker, topic, p->number);
	if (topic == name)
		f->checked_topic = NULL;	/* it ends here */
	return p->part == NULL ? KAFKA_UNKNOWN_TOPIC_OR_PARTITION :
	    KAFKA_NONE;
}

/*
 * Has the client read records that are gone since? NONE and where to go back
 * to, if so.
 */
static enum kafka_error
check_divergence(struct fetch_part *p)
{
	int32_t epoch;
	int64_t end;

	if (p->fetched_epoch < 0)
		return KAFKA_NONE;
	broker_partition_epoch_end(p->part, p->fetched_epoch, &epoch, &end);
	if (epoch < 0 || end < 0)
		return KAFKA_OFFSET_OUT_OF_RANGE;
	if (epoch < p->fetched_epoch || end < p->offset) {
		p->diverging_epoch = epoch;
		p->diverging_end = end;
	}
	return KAFKA_NONE;
}

/* Only the topic is asked, as in a producer's batches may be anything. */
static bool
is_zstd(struct broker_partition *p)
{
	bool zstd;

	lock_acquire(&p->lock);
	zstd = p->config.compression == CODEC_ZSTD;
	lock_release(&p->lock);
	return zstd;
}

static enum kafka_error
check_part(struct fetch *f, struct fetch_part *p,
    struct broker_offsets *ret_offsets)
{
	enum kafka_error error = resolve(f, p);
	int32_t epoch;

	p->diverging_epoch = -1;
	if (error != KAFKA_NONE)
		return error;
	if (f->rq->version < ZSTD_VERSION && is_zstd(p->part))
		return KAFKA_UNSUPPORTED_COMPRESSION_TYPE;
	if (p->leader_epoch >= 0) {
		epoch = broker_partition_epoch(p->part);
		if (p->leader_epoch < epoch)
			return KAFKA_FENCED_LEADER_EPOCH;
		if (p->leader_epoch > epoch)
			return KAFKA_UNKNOWN_LEADER_EPOCH;
	}
	broker_partition_offsets(p->part, ret_offsets);
	p->end = f->isolation == READ_COMMITTED ? ret_offsets->stable :
	    ret_offsets->written;
	if ((error = check_divergence(p)) != KAFKA_NONE)
		return error;
	if (p->diverging_epoch < 0 && (p->offset < ret_offsets->log_start ||
	    p->offset > ret_offsets->written))
		return KAFKA_OFFSET_OUT_OF_RANGE;
	return KAFKA_NONE;
}

static enum kafka_error
read_error(const struct fetch *f, const struct leat_err *err)
{
	enum kafka_error error = kafka_error_of(err);

	if (error == KAFKA_CORRUPT_MESSAGE)
		error = KAFKA_KAFKA_STORAGE_ERROR;
	if (error == KAFKA_KAFKA_STORAGE_ERROR &&
	    f->rq->version < STORAGE_ERROR_VERSION)
		error = KAFKA_NOT_LEADER_OR_FOLLOWER;
	return error;
}

/*
 * Where the records are that the answer may have, when `taken` bytes stand in
 * it already: 1, 0 for none, or negative.
 */
static int
take_slice(const struct fetch *f, const struct fetch_part *p, int64_t taken,
    struct broker_slice *ret_slice, struct leat_err *err)
{
	int64_t room = MIN((int64_t)MAX(p->max_bytes, 0), f->limit - taken);
	int rc;

	if (p->diverging_epoch >= 0 || p->offset >= p->end ||
	    (room <= 0 && taken > 0))
		return 0;
	rc = broker_slice_get(p->part, p->offset, f->isolation,
	    (size_t)MAX(room, 1), ret_slice, err);
	/* Only the first batch of an answer may be larger than it should. */
	if (rc > 0 && taken > 0 && (int64_t)ret_slice->len > room) {
		broker_slice_put(ret_slice);
		rc = 0;
	}
	return rc;
}

/* ------------------------------------------------------------ answering */

struct abort_entry {
	int64_t producer_id, first_offset;
};

struct abort_list {
	struct abort_entry *e;
	size_t n, cap;
};

static int
add_aborted(void *arg, int64_t producer_id, int64_t first_offset)
{
	struct abort_list *l = arg;

	if (l->n == l->cap) {
		size_t cap = l->cap > 0 ? 2 * l->cap : 16;
		void *more = realloc(l->e, cap * sizeof(*l->e));

		if (more == NULL)
			return -ENOMEM;
		l->e = more;
		l->cap = cap;
	}
	l->e[l->n++] = (struct abort_entry){ producer_id, first_offset };
	return 0;
}

static int
by_first_offset(const void *a, const void *b)
{
	const struct abort_entry *x = a, *y = b;

	return (x->first_offset > y->first_offset) -
	    (x->first_offset < y->first_offset);
}

/* The aborted transactions among the records; 0 or an error of reading. */
static int
write_aborted(struct fetch *f, const struct fetch_part *p,
    const struct broker_slice *slice, struct leat_err *err)
{
	struct kafka_out *out = &f->rq->out;
	struct abort_list l = { 0 };
	int rc = 0;

	if (f->isolation != READ_COMMITTED) {
		kout_array(out, -1);
		return 0;
	}
	if (slice != NULL)
		rc = broker_aborted_each(p->part, p->offset,
		    slice->next_offset, add_aborted, &l, err);
	if (rc < 0) {
		free(l.e);
		return rc;
	}
	if (l.n > 1)
		qsort(l.e, l.n, sizeof(*l.e), by_first_offset);
	kout_array(out, (int32_t)l.n);
	for (size_t i = 0; i < l.n; i++) {
		kout_i64(out, l.e[i].producer_id);
		kout_i64(out, l.e[i].first_offset);
		kout_tags(out);
	}
	free(l.e);
	return 0;
}

static void
write_part_tags(struct kafka_out *out, const struct fetch_part *p)
{
	if (p->error != KAFKA_NONE || p->diverging_epoch < 0) {
		kout_tags(out);
		return;
	}
	kout_tags_begin(out, 1);
	kout_tag(out, DIVERGING_TAG, DIVERGING_BYTES);
	kout_i32(out, p->diverging_epoch);
	kout_i64(out, p->diverging_end);
	kout_tags(out);
}

static void
write_failed_part(struct fetch *f, struct fetch_part *p)
{
	struct kafka_out *out = &f->rq->out;

	p->high_watermark = p->log_start = -1;
	kout_i32(out, p->number);
	kout_i16(out, p->error);
	kout_i64(out, -1);
	kout_i64(out, -1);
	if (f->rq->version >= 5)
		kout_i64(out, -1);
	kout_array(out, -1);
	if (f->rq->version >= 11)
		kout_i32(out, -1);
	kout_bytes(out, "", 0);
	write_part_tags(out, p);
}

/* Takes the slice over (NULL: no records). */
static void
write_part(struct fetch *f, struct fetch_part *p,
    const struct broker_offsets *o, struct broker_slice *owned_slice)
{
	struct kafka_out *out = &f->rq->out;
	size_t before = out->buf.len;
	struct leat_err err = LEAT_ERR_INIT;
	int rc;

	p->high_watermark = o->written;
	p->log_start = o->log_start;
	kout_i32(out, p->number);
	kout_i16(out, KAFKA_NONE);
	kout_i64(out, o->written);
	kout_i64(out, o->stable);
	if (f->rq->version >= 5)
		kout_i64(out, o->log_start);
	rc = write_aborted(f, p, owned_slice, &err);
	if (f->rq->version >= 11)
		kout_i32(out, -1);	/* preferred replica */
	if (owned_slice == NULL)
		kout_bytes(out, "", 0);
	else if (rc < 0)
		broker_slice_put(owned_slice);
	else
		rc = kout_records_slice(out, owned_slice, &err);
	if (rc < 0) {
		out->buf.len = before;
		p->error = read_error(f, &err);
		write_failed_part(f, p);
		return;
	}
	write_part_tags(out, p);
}

/* Topics with their partitions, as these come. */
struct answer {
	const struct fetch_part *last;
	size_t topics_at, parts_at;
	int32_t topics, parts;
};

static bool
same_topic(const struct fetch *f, const struct fetch_part *a,
    const struct fetch_part *b)
{
	return f->by_id ? memcmp(a->id, b->id, sizeof(a->id)) == 0 :
	    a->topic == b->topic || strcmp(a->topic, b->topic) == 0;
}

static void
end_topic(struct kafka_out *out, struct answer *a)
{
	if (a->last == NULL)
		return;
	kout_array_end(out, a->parts_at, a->parts);
	kout_tags(out);
}

static void
next_part(const struct fetch *f, struct answer *a, const struct fetch_part *p)
{
	struct kafka_out *out = &f->rq->out;

	if (a->last == NULL || !same_topic(f, a->last, p)) {
		end_topic(out, a);
		if (f->by_id)
			kout_uuid(out, p->id);
		else
			kout_str(out, p->topic);
		a->parts_at = kout_array_begin(out);
		a->parts = 0;
		a->topics++;
	}
	a->last = p;
	a->parts++;
}

/* What there is of one partition; the bytes of its records. */
static int64_t
answer_part(struct fetch *f, struct answer *a, struct fetch_part *p,
    int64_t taken)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_slice slice;
	struct broker_offsets o;
	int64_t len = 0;
	int rc = 0;

	p->error = check_part(f, p, &o);
	if (p->error == KAFKA_NONE &&
	    (rc = take_slice(f, p, taken, &slice, &err)) < 0)
		p->error = read_error(f, &err);
	if (p->error != KAFKA_NONE) {
		next_part(f, a, p);
		write_failed_part(f, p);
		return 0;
	}
	if (rc == 0 && !f->all && p->diverging_epoch < 0 &&
	    p->high_watermark == o.written && p->log_start == o.log_start)
		return 0;
	next_part(f, a, p);
	if (rc > 0)
		len = (int64_t)slice.len;
	write_part(f, p, &o, rc > 0 ? &slice : NULL);
	return p->error == KAFKA_NONE ? len : 0;
}

static void
write_head(struct kafka_request *rq, enum kafka_error error, int32_t session)
{
	kout_throttle(&rq->out);
	if (rq->version >= 7) {
		kout_i16(&rq->out, error);
		kout_i32(&rq->out, session);
	}
}

/* Lets go of all that outlives the request. */
static void
let_go(struct fetch *f)
{
	for (struct fetch_part *p = f->own.head; p != NULL; p = p->next)
		broker_partition_put(TAKE(p->part));
	if (f->session != NULL)
		fetch_session_release(f->rq->server->fetch_sessions,
		    TAKE(f->session));
}

static void
answer(struct fetch *f)
{
	struct kafka_out *out = &f->rq->out;
	struct fetch_list read = { 0 };
	struct fetch_part *p, *next;
	struct answer a = { 0 };
	int64_t taken = 0, n;

	write_head(f->rq, KAFKA_NONE, f->session != NULL &&
	    f->list->n > 0 ? f->session->id : 0);
	a.topics_at = kout_array_begin(out);
	for (p = f->list->head; p != NULL; p = next) {
		next = p->next;
		taken += n = answer_part(f, &a, p, taken);
		if (n > 0 && f->session != NULL) {
			fetch_list_remove(f->list, p);
			fetch_list_add(&read, p);
		}
	}
	/* Next time it is the others' turn first. */
	while ((p = read.head) != NULL) {
		fetch_list_remove(&read, p);
		fetch_list_add(f->list, p);
	}
	end_topic(out, &a);
	kout_array_end(out, a.topics_at, a.topics);
	kout_tags(out);
	let_go(f);
	kafka_reply(f->rq);
}

static void
answer_error(struct fetch *f, enum kafka_error error)
{
	write_head(f->rq, error, 0);
	kout_array(&f->rq->out, 0);
	kout_tags(&f->rq->out);
	let_go(f);
	kafka_reply(f->rq);
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
		if (check_part(f, p, &o) != KAFKA_NONE ||
		    p->diverging_epoch >= 0)
			return true;
		if (p->offset >= p->end)
			continue;
		if (f->min_bytes <= 1)
			return true;
		rc = take_slice(f, p, taken, &slice, &err);
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
		answer(f);
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
		answer_error(f, error);
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
	let_go(f);
	kafka_reply_nothing(rq);
}
