/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_txn_admin.c: DescribeProducers, DescribeTransactions, ListTransactions
 * and WriteTxnMarkers, for those who look after transactions.
 */
#include <stdlib.h>
#include <string.h>

#include "broker/coord/groups.h"
#include "broker/coord/name_regex.h"
#include "broker/coord/txns.h"
#include "broker/coord/txns_table.h"
#include "broker/kafka/acl.h"
#include "broker/kafka/api.h"
#include "broker/kafka/kafka_request.h"
#include "core/base/obj.h"

/* ---------------------------------------------------- DescribeProducers */

static enum kafka_error
write_producers(struct kafka_request *rq, struct broker_partition *p)
{
	struct kafka_out *out = &rq->out;
	struct producer_info *list;
	size_t n;

	if ((list = partition_producers(p, &n)) == NULL)
		return KAFKA_UNKNOWN_SERVER_ERROR;
	kout_i16(out, KAFKA_NONE);
	kout_str_null(out, NULL);
	kout_array(out, (int32_t)n);
	for (size_t i = 0; i < n; i++) {
		kout_i64(out, list[i].id);
		kout_i32(out, list[i].epoch);
		kout_i32(out, list[i].last_sequence);
		kout_i64(out, list[i].last_ts);
		kout_i32(out, list[i].coordinator_epoch);
		kout_i64(out, list[i].txn_first);
		kout_tags(out);
	}
	free(list);
	return KAFKA_NONE;
}

static void
describe_partition(struct kafka_request *rq, const char *topic, bool may,
    int32_t number)
{
	struct broker_partition *p = may ? topics_find(rq->broker, topic,
	    number) : NULL;
	struct kafka_out *out = &rq->out;
	enum kafka_error error;

	kout_i32(out, number);
	if (p != NULL)
		error = write_producers(rq, p);
	else
		error = may ? KAFKA_UNKNOWN_TOPIC_OR_PARTITION :
		    KAFKA_TOPIC_AUTHORIZATION_FAILED;
	if (error != KAFKA_NONE) {
		kout_i16(out, error);
		kout_str_null(out, NULL);
		kout_array(out, 0);
	}
	kout_tags(out);
	broker_partition_put(p);
}

/* Topics and partitions are few bytes each: answered as they are read. */
void
api_describe_producers(struct kafka_request *rq)
{
	struct kafka_in *in = &rq->in;
	struct kafka_out *out = &rq->out;
	int32_t ntopics = kin_array(in);

	kout_throttle(out);
	kout_array(out, ntopics);
	for (int32_t i = 0; i < ntopics && kin_ok(in); i++) {
		const char *topic = kin_str(in);
		int32_t n = kin_array(in);
		bool may = kafka_may(rq, ACL_READ, ACL_TOPIC, topic);

		kout_str(out, topic);
		kout_array(out, n);
		for (int32_t k = 0; k < n && kin_ok(in); k++)
			describe_partition(rq, topic, may, kin_i32(in));
		kin_tags(in);
		kout_tags(out);
	}
	kin_tags(in);
	if (!kafka_decoded(rq))
		return;
	kout_tags(out);
	kafka_reply(rq);
}

/* ------------------------------------------------- DescribeTransactions */

/* How many places from i on are of one topic. */
static size_t
same_topic(const struct txn_info *info, size_t i)
{
	size_t k = i;

	while (k < info->nplaces &&
	    leat_str_eq(info->places[k].topic, info->places[i].topic))
		k++;
	return k - i;
}

static bool
may_see(const struct kafka_request *rq, struct leat_str topic)
{
	char name[TOPIC_NAME_MAX_LEN + 1];

	if (topic.len >= sizeof(name))
		return false;
	memcpy(name, topic.ptr, topic.len);
	name[topic.len] = '\0';
	return kafka_may(rq, ACL_DESCRIBE, ACL_TOPIC, name);
}

static void
write_places(struct kafka_request *rq, const struct txn_info *info)
{
	struct kafka_out *out = &rq->out;
	size_t at = kout_array_begin(out), n;
	int32_t topics = 0;

	for (size_t i = 0; i < info->nplaces; i += n) {
		n = same_topic(info, i);
		if (!may_see(rq, info->places[i].topic))
			continue;
		kout_text_null(out, info->places[i].topic);
		kout_array(out, (int32_t)n);
		for (size_t k = i; k < i + n; k++)
			kout_i32(out, info->places[k].partition);
		kout_tags(out);
		topics++;
	}
	kout_array_end(out, at, topics);
}

static void
write_state(struct kafka_request *rq, enum kafka_error error, const char *id,
    const struct txn_info *info)
{
	struct kafka_out *out = &rq->out;

	kout_i16(out, error);
	kout_str(out, id);
	kout_str(out, error == KAFKA_NONE ? txn_status_name(info->state) : "");
	kout_i32(out, info->timeout_ms);
	kout_i64(out, info->start_ms);
	kout_i64(out, info->producer_id);
	kout_i16(out, info->epoch);
	write_places(rq, info);
	kout_tags(out);
}

static void
describe_one(void *arg, const struct txn_info *info)
{
	write_state(arg, KAFKA_NONE, info->id, info);
}

void
api_describe_transactions(struct kafka_request *rq)
{
	static const struct txn_info none = { .state = TXN_DEAD,
	    .producer_id = -1, .epoch = -1, .start_ms = -1 };
	struct kafka_in *in = &rq->in;
	struct kafka_out *out = &rq->out;
	int32_t n = kin_array(in);

	kout_throttle(out);
	kout_array(out, n);
	for (int32_t i = 0; i < n && kin_ok(in); i++) {
		const char *id = kin_str(in);

		if (!kafka_may(rq, ACL_DESCRIBE, ACL_TRANSACTIONAL_ID, id))
			write_state(rq,
			    KAFKA_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, id,
			    &none);
		else if (txns_each(rq->broker->txns, id, describe_one,
		    rq) < 0)
			write_state(rq, KAFKA_TRANSACTIONAL_ID_NOT_FOUND, id,
			    &none);
	}
	kin_tags(in);
	if (!kafka_decoded(rq))
		return;
	kout_tags(out);
	kafka_reply(rq);
}

/* ----------------------------------------------------- ListTransactions */

struct list_query {
	struct kafka_request *rq;
	bool by_state;
	bool states[TXN_STATUS_N];	/* those that are asked for */
	const int64_t *producers;
	int32_t nproducers;		/* 0: all */
	int64_t open_ms;		/* for longer than it; -1: all */
	int64_t now_ms;
	struct listed *found, **end;	/* noted, in the arena */
	bool failed;			/* out of memory */
};

/* What is noted of a transactional id. */
struct listed {
	struct listed *next;
	const char *id;
	int64_t producer_id;
	enum txn_status state;
};

static int
state_of(const char *name)
{
	for (int s = 0; s < TXN_STATUS_N; s++)
		if (strcmp(txn_status_name((enum txn_status)s), name) == 0)
			return s;
	return -1;
}

static bool
is_wanted(const struct list_query *q, const struct txn_info *info)
{
	bool found = q->nproducers == 0;

	for (int32_t i = 0; i < q->nproducers && !found; i++)
		found = q->producers[i] == info->producer_id;
	if (!found || (q->by_state && !q->states[info->state]))
		return false;
	return q->open_ms < 0 || (info->start_ms >= 0 &&
	    q->now_ms - info->start_ms > q->open_ms);
}

static void
note_one(void *arg, const struct txn_info *info)
{
	struct list_query *q = arg;
	struct listed *l;

	if (!is_wanted(q, info))
		return;
	l = leat_arena_calloc(&q->rq->arena, 1, sizeof(*l));
	if (l == NULL ||
	    (l->id = leat_arena_strdup(&q->rq->arena, info->id)) == NULL) {
		q->failed = true;
		return;
	}
	l->producer_id = info->producer_id;
	l->state = info->state;
	*q->end = l;
	q->end = &l->next;
}

/* What takes time is done without the coordinator's lock. */
static void
write_found(const struct list_query *q, const regex_t *re)
{
	struct kafka_out *out = &q->rq->out;
	size_t at = kout_array_begin(out);
	int32_t n = 0;

	for (const struct listed *l = q->found; l != NULL; l = l->next) {
		if (!kafka_may(q->rq, ACL_DESCRIBE, ACL_TRANSACTIONAL_ID,
		    l->id) || (re != NULL && !name_regex_matches(re, l->id)))
			continue;
		kout_str(out, l->id);
		kout_i64(out, l->producer_id);
		kout_str(out, txn_status_name(l->state));
		kout_tags(out);
		n++;
	}
	kout_array_end(out, at, n);
}

/* Names that are no states go into the answer. */
static void
decode_states(struct list_query *q)
{
	struct kafka_in *in = &q->rq->in;
	struct kafka_out *out = &q->rq->out;
	int32_t n = kin_array(in), unknown = 0;
	size_t at = kout_array_begin(out);

	q->by_state = n > 0;
	for (int32_t i = 0; i < n && kin_ok(in); i++) {
		const char *name = kin_str(in);
		int s = state_of(name);

		if (s >= 0) {
			q->states[s] = true;
			continue;
		}
		kout_str(out, name);
		unknown++;
	}
	kout_array_end(out, at, unknown);
}

static void
list_found(struct list_query *q, const char *pattern, size_t answer_at)
{
	struct kafka_out *out = &q->rq->out;
	bool all = pattern == NULL || pattern[0] == '\0';
	enum kafka_error error = KAFKA_NONE;
	regex_t re;

	if (!all && (name_regex_check(pattern) != NULL ||
	    name_regex_compile(&re, pattern) < 0))
		error = KAFKA_INVALID_REGULAR_EXPRESSION;
	if (error == KAFKA_NONE)
		(void)txns_each(q->rq->broker->txns, NULL, note_one, q);
	if (error == KAFKA_NONE && !q->failed) {
		write_found(q, all ? NULL : &re);
	} else {
		out->buf.len = answer_at;
		kout_i16(out, q->failed ? KAFKA_COORDINATOR_NOT_AVAILABLE :
		    error);
		kout_array(out, 0);
		kout_array(out, 0);
	}
	if (!all && error == KAFKA_NONE)
		regfree(&re);
}

void
api_list_transactions(struct kafka_request *rq)
{
	struct list_query q = { .rq = rq, .open_ms = -1, .end = &q.found,
	    .now_ms = clock_wall_ms(rq->broker->env.clock) };
	struct kafka_in *in = &rq->in;
	struct kafka_out *out = &rq->out;
	const char *pattern = NULL;
	int64_t *producers;
	size_t answer_at;

	kout_throttle(out);
	answer_at = out->buf.len;
	kout_i16(out, KAFKA_NONE);
	decode_states(&q);
	q.nproducers = kin_array(in);
	producers = KIN_CALLOC(in, q.nproducers, int64_t);
	for (int32_t i = 0; i < q.nproducers && kin_ok(in); i++)
		producers[i] = kin_i64(in);
	q.producers = producers;
	if (rq->version >= 1)
		q.open_ms = kin_i64(in);
	if (rq->version >= 2)
		pattern = kin_str_null(in);
	kin_tags(in);
	if (!kafka_decoded(rq))
		return;
	list_found(&q, pattern, answer_at);
	kout_tags(out);
	kafka_reply(rq);
}

/* ------------------------------------------------------ WriteTxnMarkers */

struct marker {
	int64_t producer_id;
	int16_t epoch;
	bool commit;
	int32_t coordinator_epoch;
};

struct marker_topic {
	const char *name;
	int32_t *partitions;
	int32_t n;
};

static enum kafka_error
write_marker(struct kafka_request *rq, const struct marker *m,
    const char *topic, int32_t number)
{
	struct broker_partition *p = topics_find(rq->broker, topic, number);
	struct leat_err err = LEAT_ERR_INIT;
	int64_t end;
	int rc;

	if (p == NULL)
		return KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
	rc = partition_append_foreign_marker(p, m->producer_id, m->epoch,
	    m->commit, m->coordinator_epoch, &end, &err);
	if (rc == 0 && strcmp(topic, offsets_topic) == 0)
		groups_end_txn(rq->broker->groups, m->producer_id, number,
		    m->commit);
	broker_partition_put(p);
	return rc == LEAT_E_STATE ? KAFKA_TRANSACTION_COORDINATOR_FENCED :
	    kafka_error_of(&err);
}

static void
answer_topic(struct kafka_request *rq, const struct marker *m, bool may,
    const struct marker_topic *t)
{
	struct kafka_out *out = &rq->out;

	kout_str(out, t->name);
	kout_array(out, t->n);
	for (int32_t i = 0; i < t->n; i++) {
		kout_i32(out, t->partitions[i]);
		kout_i16(out, may ? write_marker(rq, m, t->name,
		    t->partitions[i]) : KAFKA_CLUSTER_AUTHORIZATION_FAILED);
		kout_tags(out);
	}
	kout_tags(out);
}

/* The coordinator's epoch stands behind the topics: all is read first. */
static struct marker_topic *
decode_marker(struct kafka_in *in, struct marker *m, int32_t *ret_n)
{
	struct marker_topic *topics;
	int32_t n;

	m->producer_id = kin_i64(in);
	m->epoch = kin_i16(in);
	m->commit = kin_bool(in);
	n = kin_array(in);
	topics = KIN_CALLOC(in, n, struct marker_topic);
	for (int32_t i = 0; i < n && kin_ok(in); i++) {
		struct marker_topic *t = &topics[i];

		t->name = kin_str(in);
		t->n = kin_array(in);
		t->partitions = KIN_CALLOC(in, t->n, int32_t);
		for (int32_t k = 0; k < t->n && kin_ok(in); k++)
			t->partitions[k] = kin_i32(in);
		kin_tags(in);
	}
	m->coordinator_epoch = kin_i32(in);
	kin_tags(in);
	*ret_n = n;
	return topics;
}

void
api_write_txn_markers(struct kafka_request *rq)
{
	struct kafka_in *in = &rq->in;
	struct kafka_out *out = &rq->out;
	int32_t n = kin_array(in);
	struct marker *markers = KIN_CALLOC(in, n, struct marker);
	struct marker_topic **topics = KIN_CALLOC(in, n,
	    struct marker_topic *);
	int32_t *ntopics = KIN_CALLOC(in, n, int32_t);
	bool may;

	for (int32_t i = 0; i < n && kin_ok(in); i++)
		topics[i] = decode_marker(in, &markers[i], &ntopics[i]);
	kin_tags(in);
	if (!kafka_decoded(rq))
		return;
	may = kafka_may(rq, ACL_ALTER, ACL_CLUSTER, ACL_THE_CLUSTER) ||
	    kafka_may(rq, ACL_CLUSTER_ACTION, ACL_CLUSTER, ACL_THE_CLUSTER);
	kout_array(out, n);
	for (int32_t i = 0; i < n; i++) {
		kout_i64(out, markers[i].producer_id);
		kout_array(out, ntopics[i]);
		for (int32_t k = 0; k < ntopics[i]; k++)
			answer_topic(rq, &markers[i], may, &topics[i][k]);
		kout_tags(out);
	}
	kout_tags(out);
	kafka_reply(rq);
}
