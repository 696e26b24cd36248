/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch_answer.c: the answer to a Fetch. Records leave from their files
 * (kout_records_slice).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/kafka/fetch.h"
#include "broker/kafka/kafka_server.h"
#include "core/base/obj.h"

enum {
	DIVERGING_TAG = 0,
	DIVERGING_BYTES = 4 + 8 + 1
};

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
		p->error = fetch_read_error(f, p, &err);
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

	p->error = fetch_check(f, p, &o);
	if (p->error == KAFKA_NONE &&
	    (rc = fetch_slice(f, p, taken, &slice, &err)) < 0)
		p->error = fetch_read_error(f, p, &err);
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

void
fetch_let_go(struct fetch *f)
{
	for (struct fetch_part *p = f->own.head; p != NULL; p = p->next)
		broker_partition_put(TAKE(p->part));
	if (f->session != NULL)
		fetch_session_release(f->rq->server->fetch_sessions,
		    TAKE(f->session));
}

void
fetch_answer(struct fetch *f)
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
	fetch_let_go(f);
	kafka_reply(f->rq);
}

void
fetch_answer_error(struct fetch *f, enum kafka_error error)
{
	write_head(f->rq, error, 0);
	kout_array(&f->rq->out, 0);
	kout_tags(&f->rq->out);
	fetch_let_go(f);
	kafka_reply(f->rq);
}
