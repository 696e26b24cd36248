/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_txn.c: idempotent and transactional producers: InitProducerId,
 * AddPartitionsToTxn, AddOffsetsToTxn, TxnOffsetCommit and EndTxn. The
 * coordinator is broker/coord/txns.h. Clients of the newer flow (KIP-890) come
 * with TxnOffsetCommit 5 and EndTxn 5, and with Produce 12.
 */
#include <stdlib.h>
#include <string.h>

#include "broker/coord/groups.h"
#include "broker/coord/txns.h"
#include "broker/kafka/acl.h"
#include "broker/kafka/api.h"
#include "broker/kafka/kafka_server.h"
#include "broker/kafka/kafka_request.h"
#include "core/base/obj.h"

enum {
	METADATA_MAX_BYTES = 4096,
	BUMPING_OFFSETS = 5,	/* versions of the newer flow */
	BUMPING_END = 5
};

/*
 * The answer to what the coordinator says. Clients that are older than
 * PRODUCER_FENCED know another word for it.
 */
static enum kafka_error
error_of(const struct leat_err *err, bool knows_fenced)
{
	if (err == NULL)
		return KAFKA_NONE;
	switch (err->code) {
	case BROKER_E_TXN_FENCED:
		return knows_fenced ? KAFKA_PRODUCER_FENCED :
		    KAFKA_INVALID_PRODUCER_EPOCH;
	case LEAT_E_CONFIG:
		return KAFKA_INVALID_REQUEST;
	case LEAT_E_LIMIT:
		return KAFKA_POLICY_VIOLATION;
	default:
		return kafka_error_of(err);
	}
}

static bool
may_use(const struct kafka_request *rq, const char *id)
{
	return kafka_may(rq, ACL_WRITE, ACL_TRANSACTIONAL_ID, id);
}

static struct txn_ident
decode_ident(struct kafka_in *in)
{
	struct txn_ident who = { .version = TXN_CLASSIC };

	who.id = kin_str(in);
	who.producer_id = kin_i64(in);
	who.epoch = kin_i16(in);
	return who;
}

/* ------------------------------------------------------- InitProducerId */

static void
answer_init(struct kafka_request *rq, enum kafka_error error,
    int64_t producer_id, int16_t epoch)
{
	struct kafka_out *out = &rq->out;

	kout_throttle(out);
	kout_i16(out, error);
	kout_i64(out, error == KAFKA_NONE ? producer_id : -1);
	kout_i16(out, error == KAFKA_NONE ? epoch : -1);
	kout_tags(out);
	kafka_reply(rq);
}

static void
begun(void *arg, const struct leat_err *err, int64_t producer_id,
    int16_t epoch)
{
	struct kafka_request *rq = arg;

	answer_init(rq, error_of(err, rq->version >= 4), producer_id, epoch);
}

/* A producer without transactions. */
static void
init_idempotent(struct kafka_request *rq)
{
	struct leat_err err = LEAT_ERR_INIT;
	int64_t id = -1;

	/* Who may write to any topic may do so in order. */
	if (!kafka_may(rq, ACL_IDEMPOTENT_WRITE, ACL_CLUSTER,
	    ACL_THE_CLUSTER) && !kafka_may_any(rq, ACL_WRITE, ACL_TOPIC)) {
		answer_init(rq, KAFKA_CLUSTER_AUTHORIZATION_FAILED, -1, -1);
		return;
	}
	(void)broker_producer_id(rq->broker, &id, &err);
	answer_init(rq, kafka_error_of(&err), id, 0);
}

void
api_init_producer_id(struct kafka_request *rq)
{
	struct kafka_in *in = &rq->in;
	struct txn_ident who = { .producer_id = -1, .epoch = -1 };
	int32_t timeout_ms;

	who.id = kin_str_null(in);
	timeout_ms = kin_i32(in);
	if (rq->version >= 3) {
		who.producer_id = kin_i64(in);
		who.epoch = kin_i16(in);
	}
	kin_tags(in);
	if (!kafka_decoded(rq))
		return;
	if (who.id == NULL)
		init_idempotent(rq);
	else if (who.id[0] == '\0' ||
	    (who.producer_id < 0) != (who.epoch < 0))
		answer_init(rq, KAFKA_INVALID_REQUEST, -1, -1);
	else if (!may_use(rq, who.id))
		answer_init(rq, KAFKA_TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
		    -1, -1);
	else if (timeout_ms <= 0 ||
	    timeout_ms > rq->server->o.txn_max_timeout_ms)
		answer_init(rq, KAFKA_INVALID_TRANSACTION_TIMEOUT, -1, -1);
	else
		txns_begin(rq->broker->txns, &who, timeout_ms, begun, rq);
}

/* --------------------------------------------------- AddPartitionsToTxn */

struct add_topic {
	const char *name;
	int32_t *partitions;
	enum kafka_error *errors;
	int32_t n;
};

struct add_query {
	struct txn_ident who;
	struct add_topic *topics;
	int32_t ntopics;
	size_t nparts;		/* of all topics */
};

static void
decode_add(struct kafka_in *in, struct add_query *q)
{
	q->who = decode_ident(in);
	q->ntopics = kin_array(in);
	q->topics = KIN_CALLOC(in, q->ntopics, struct add_topic);
	for (int32_t i = 0; i < q->ntopics && kin_ok(in); i++) {
		struct add_topic *t = &q->topics[i];

		t->name = kin_str(in);
		t->n = kin_array(in);
		t->partitions = KIN_CALLOC(in, t->n, int32_t);
		t->errors = KIN_CALLOC(in, t->n, enum kafka_error);
		for (int32_t k = 0; k < t->n && kin_ok(in); k++)
			t->partitions[k] = kin_i32(in);
		q->nparts += (size_t)t->n;
		kin_tags(in);
	}
	kin_tags(in);
}

static void
answer_add(struct kafka_request *rq, const struct add_query *q)
{
	struct kafka_out *out = &rq->out;

	kout_throttle(out);
	kout_array(out, q->ntopics);
	for (int32_t i = 0; i < q->ntopics; i++) {
		const struct add_topic *t = &q->topics[i];

		kout_str(out, t->name);
		kout_array(out, t->n);
		for (int32_t k = 0; k < t->n; k++) {
			kout_i32(out, t->partitions[k]);
			kout_i16(out, t->errors[k]);
			kout_tags(out);
		}
		kout_tags(out);
	}
	kout_tags(out);
	kafka_reply(rq);
}

/* The same for all that have none of their own. */
static void
fill_errors(struct add_query *q, enum kafka_error error)
{
	for (int32_t i = 0; i < q->ntopics; i++)
		for (int32_t k = 0; k < q->topics[i].n; k++)
			if (q->topics[i].errors[k] == KAFKA_NONE)
				q->topics[i].errors[k] = error;
}

/* Finds them all, counted; false when one is not there or not allowed. */
static bool
find_partitions(struct kafka_request *rq, struct add_query *q,
    struct broker_partition **list, size_t *ret_n)
{
	bool all = true;
	size_t n = 0;

	for (int32_t i = 0; i < q->ntopics; i++) {
		struct add_topic *t = &q->topics[i];
		bool may = kafka_may(rq, ACL_WRITE, ACL_TOPIC, t->name);

		for (int32_t k = 0; k < t->n; k++) {
			struct broker_partition *p = !may ? NULL :
			    topics_find(rq->broker, t->name, t->partitions[k]);

			if (p != NULL) {
				list[n++] = p;
				continue;
			}
			t->errors[k] = may ? KAFKA_UNKNOWN_TOPIC_OR_PARTITION :
			    KAFKA_TOPIC_AUTHORIZATION_FAILED;
			all = false;
		}
	}
	*ret_n = n;
	return all;
}

static void
add_partitions(struct kafka_request *rq, struct add_query *q)
{
	struct broker_partition **list = calloc(q->nparts + 1,
	    sizeof(struct broker_partition *));
	struct leat_err err = LEAT_ERR_INIT;
	size_t n = 0;

	if (list == NULL)
		fill_errors(q, KAFKA_COORDINATOR_NOT_AVAILABLE);
	else if (!find_partitions(rq, q, list, &n))
		fill_errors(q, KAFKA_OPERATION_NOT_ATTEMPTED);
	else if (txns_add(rq->broker->txns, &q->who, list, n, &err) < 0)
		fill_errors(q, error_of(&err, rq->version >= 2));
	for (size_t i = 0; i < n; i++)
		broker_partition_put(list[i]);
	free(list);
}

void
api_add_partitions_to_txn(struct kafka_request *rq)
{
	struct add_query q = { 0 };

	decode_add(&rq->in, &q);
	if (!kafka_decoded(rq))
		return;
	if (q.who.id[0] == '\0')
		fill_errors(&q, KAFKA_INVALID_REQUEST);
	else if (!may_use(rq, q.who.id))
		fill_errors(&q, KAFKA_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
	else
		add_partitions(rq, &q);
	answer_add(rq, &q);
}

/* ------------------------------------------------------ AddOffsetsToTxn */

void
api_add_offsets_to_txn(struct kafka_request *rq)
{
	struct kafka_in *in = &rq->in;
	struct leat_err err = LEAT_ERR_INIT;
	enum kafka_error error = KAFKA_NONE;
	struct txn_ident who = decode_ident(in);
	const char *group = kin_str(in);

	kin_tags(in);
	if (!kafka_decoded(rq))
		return;
	if (who.id[0] == '\0')
		error = KAFKA_INVALID_REQUEST;
	else if (!may_use(rq, who.id))
		error = KAFKA_TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
	else if (!kafka_may(rq, ACL_READ, ACL_GROUP, group))
		error = KAFKA_GROUP_AUTHORIZATION_FAILED;
	else if (group[0] == '\0')
		error = KAFKA_INVALID_GROUP_ID;
	else if (txns_add_group(rq->broker->txns, &who, group, &err) < 0)
		error = error_of(&err, rq->version >= 2);
	kout_throttle(&rq->out);
	kout_i16(&rq->out, error);
	kout_tags(&rq->out);
	kafka_reply(rq);
}

/* ------------------------------------------------------ TxnOffsetCommit */

struct offset_part {
	int32_t partition;
	int32_t leader_epoch;
	int64_t offset;
	struct leat_str metadata;
	enum kafka_error error;
};

struct offset_topic {
	const char *name;
	struct offset_part *parts;
	int32_t n;
};

struct offset_query {
	struct txn_ident who;
	const char *group;
	struct group_who member;
	struct offset_topic *topics;
	int32_t ntopics;
	size_t nparts;		/* of all topics */
};

static void
decode_offset_topics(struct kafka_request *rq, struct offset_query *q)
{
	struct kafka_in *in = &rq->in;

	q->ntopics = kin_array(in);
	q->topics = KIN_CALLOC(in, q->ntopics, struct offset_topic);
	for (int32_t i = 0; i < q->ntopics && kin_ok(in); i++) {
		struct offset_topic *t = &q->topics[i];

		t->name = kin_str(in);
		t->n = kin_array(in);
		t->parts = KIN_CALLOC(in, t->n, struct offset_part);
		for (int32_t k = 0; k < t->n && kin_ok(in); k++) {
			struct offset_part *p = &t->parts[k];

			p->partition = kin_i32(in);
			p->offset = kin_i64(in);
			p->leader_epoch = rq->version >= 2 ? kin_i32(in) : -1;
			p->metadata = kin_text_null(in);
			kin_tags(in);
		}
		q->nparts += (size_t)t->n;
		kin_tags(in);
	}
}

static struct offset_query *
decode_offsets(struct kafka_request *rq)
{
	struct kafka_in *in = &rq->in;
	struct offset_query *q = KIN_CALLOC(in, 1, struct offset_query);

	if (q == NULL)
		return NULL;
	q->who.id = kin_str(in);
	q->group = kin_str(in);
	q->who.producer_id = kin_i64(in);
	q->who.epoch = kin_i16(in);
	q->who.version = rq->version >= BUMPING_OFFSETS ? TXN_BUMPS :
	    TXN_CLASSIC;
	q->member = (struct group_who){ "", NULL, -1 };
	if (rq->version >= 3) {
		q->member.generation = kin_i32(in);
		q->member.member_id = kin_str(in);
		q->member.instance_id = kin_str_null(in);
	}
	decode_offset_topics(rq, q);
	kin_tags(in);
	return q;
}

static void
answer_offsets(struct kafka_request *rq, const struct offset_query *q,
    enum kafka_error error)
{
	struct kafka_out *out = &rq->out;

	kout_throttle(out);
	kout_array(out, q->ntopics);
	for (int32_t i = 0; i < q->ntopics; i++) {
		const struct offset_topic *t = &q->topics[i];

		kout_str(out, t->name);
		kout_array(out, t->n);
		for (int32_t k = 0; k < t->n; k++) {
			kout_i32(out, t->parts[k].partition);
			kout_i16(out, t->parts[k].error != KAFKA_NONE ?
			    t->parts[k].error : error);
			kout_tags(out);
		}
		kout_tags(out);
	}
	kout_tags(out);
	kafka_reply(rq);
}

static void
offsets_done(void *arg, const struct leat_err *err)
{
	struct kafka_request *rq = arg;
	enum kafka_error error = error_of(err, false);

	/* The coordinator does not know the group in this transaction. */
	if (error == KAFKA_INVALID_TXN_STATE && rq->version >= 4)
		error = KAFKA_TRANSACTION_ABORTABLE;
	/* Which clients would not expect here. */
	if (error == KAFKA_CONCURRENT_TRANSACTIONS)
		error = KAFKA_COORDINATOR_LOAD_IN_PROGRESS;
	answer_offsets(rq, rq->parked, error);
}

static enum kafka_error
check_offset(const struct kafka_request *rq, const char *topic, bool may,
    const struct offset_part *p)
{
	if (!may)
		return KAFKA_TOPIC_AUTHORIZATION_FAILED;
	if (p->partition < 0 ||
	    p->partition >= broker_topic_partitions(rq->broker, topic))
		return KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
	if (p->metadata.len > METADATA_MAX_BYTES)
		return KAFKA_OFFSET_METADATA_TOO_LARGE;
	return p->offset < 0 ? KAFKA_INVALID_COMMIT_OFFSET_SIZE : KAFKA_NONE;
}

/* Those that are right, in the arena; NULL without memory. */
static struct broker_group_offset *
collect_offsets(struct kafka_request *rq, struct offset_query *q,
    size_t *ret_n)
{
	struct broker_group_offset *list = leat_arena_calloc(&rq->arena,
	    q->nparts + 1, sizeof(*list));
	size_t n = 0;

	for (int32_t i = 0; list != NULL && i < q->ntopics; i++) {
		const struct offset_topic *t = &q->topics[i];
		bool may = kafka_may(rq, ACL_READ, ACL_TOPIC, t->name);

		for (int32_t k = 0; k < t->n; k++) {
			struct offset_part *p = &t->parts[k];

			p->error = check_offset(rq, t->name, may, p);
			if (p->error != KAFKA_NONE)
				continue;
			list[n++] = (struct broker_group_offset){
			    .topic = t->name, .partition = p->partition,
			    .offset = p->offset,
			    .leader_epoch = p->leader_epoch,
			    .metadata = p->metadata.len > 0 ?
				p->metadata.ptr : NULL,
			    .metadata_len = p->metadata.len };
		}
	}
	*ret_n = n;
	return list;
}

static enum kafka_error
may_commit_offsets(const struct kafka_request *rq,
    const struct offset_query *q)
{
	if (q->who.id[0] == '\0')
		return KAFKA_INVALID_REQUEST;
	if (!may_use(rq, q->who.id))
		return KAFKA_TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
	if (!kafka_may(rq, ACL_READ, ACL_GROUP, q->group))
		return KAFKA_GROUP_AUTHORIZATION_FAILED;
	/* Groups answer in Kafka's numbers. */
	return (enum kafka_error)group_check_commit(rq->broker->groups,
	    q->group, &q->member, true);
}

void
api_txn_offset_commit(struct kafka_request *rq)
{
	struct offset_query *q = decode_offsets(rq);
	struct broker_group_offset *list;
	enum kafka_error error;
	size_t n;

	if (!kafka_decoded(rq))
		return;
	if ((error = may_commit_offsets(rq, q)) != KAFKA_NONE) {
		answer_offsets(rq, q, error);
		return;
	}
	if ((list = collect_offsets(rq, q, &n)) == NULL) {
		answer_offsets(rq, q, KAFKA_COORDINATOR_NOT_AVAILABLE);
		return;
	}
	if (n == 0) {
		answer_offsets(rq, q, KAFKA_NONE);
		return;
	}
	rq->parked = q;
	txns_offsets(rq->broker->txns, &q->who, q->group, list, n,
	    offsets_done, rq);
}

/* --------------------------------------------------------------- EndTxn */

static void
answer_end(struct kafka_request *rq, enum kafka_error error,
    int64_t producer_id, int16_t epoch)
{
	kout_throttle(&rq->out);
	kout_i16(&rq->out, error);
	if (rq->version >= BUMPING_END) {
		kout_i64(&rq->out, error == KAFKA_NONE ? producer_id : -1);
		kout_i16(&rq->out, error == KAFKA_NONE ? epoch : -1);
	}
	kout_tags(&rq->out);
	kafka_reply(rq);
}

static void
ended(void *arg, const struct leat_err *err, int64_t producer_id,
    int16_t epoch)
{
	struct kafka_request *rq = arg;

	answer_end(rq, error_of(err, rq->version >= 2), producer_id, epoch);
}

void
api_end_txn(struct kafka_request *rq)
{
	struct kafka_in *in = &rq->in;
	struct txn_ident who = decode_ident(in);
	bool commit = kin_bool(in);

	who.version = rq->version >= BUMPING_END ? TXN_BUMPS : TXN_CLASSIC;
	kin_tags(in);
	if (!kafka_decoded(rq))
		return;
	if (who.id[0] == '\0')
		answer_end(rq, KAFKA_INVALID_REQUEST, -1, -1);
	else if (!may_use(rq, who.id))
		answer_end(rq, KAFKA_TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
		    -1, -1);
	else
		txns_end(rq->broker->txns, &who, commit, ended, rq);
}
