/* SPDX-License-Identifier: Apache-2.0 */
/*
 * produce_join.c: how Produce 12 brings partitions into a transaction, without
 * AddPartitionsToTxn before (KIP-890).
 */
#include "broker/coord/txns.h"
#include "broker/kafka/produce.h"
#include "broker/log/partition.h"

enum {
	BUMPING_VERSION = 12,
	PRODUCER_ID_AT = 43,	/* in a batch */
	PRODUCER_EPOCH_AT = 51,
	BASE_SEQUENCE_AT = 53
};

/* Parts whose partitions are to be added to the transaction. */
struct joining {
	struct txn_ident who;
	struct produce_part **parts;
	struct broker_partition **list;	/* counted */
	size_t n;
};

static enum kafka_error
join_error(const struct leat_err *err)
{
	return err->code == BROKER_E_TXN_FENCED ?
	    KAFKA_INVALID_PRODUCER_EPOCH : kafka_error_of(err);
}

/* Is the partition to be added for this batch? */
static bool
is_joining(struct joining *j, struct produce_part *p,
    struct broker_partition *part)
{
	const char *batch = p->records.ptr;
	int64_t id = (int64_t)leat_get_u64(batch + PRODUCER_ID_AT);
	int16_t epoch = (int16_t)leat_get_u16(batch + PRODUCER_EPOCH_AT);

	if (part->internal)
		return false;
	if (j->who.producer_id < 0) {
		j->who.producer_id = id;
		j->who.epoch = epoch;
	}
	if (id != j->who.producer_id || epoch != j->who.epoch) {
		p->error = KAFKA_INVALID_PRODUCER_ID_MAPPING;
		p->message = "a transaction has one producer";
		return false;
	}
	return !partition_txn_joined(part, id, epoch);
}

static void
collect_joining(struct kafka_request *rq, struct produce_topic *t,
    struct joining *j)
{
	for (int32_t k = 0; k < t->n; k++) {
		struct produce_part *p = &t->parts[k];
		struct broker_partition *part;

		if (p->error != KAFKA_NONE ||
		    !(produce_attributes(p) & BATCH_TRANSACTIONAL) ||
		    (part = topics_find(rq->broker, t->name, p->index)) == NULL)
			continue;
		if (is_joining(j, p, part)) {
			j->parts[j->n] = p;
			j->list[j->n++] = part;
		} else {
			broker_partition_put(part);
		}
	}
}

void
produce_join(struct kafka_request *rq, struct produce *q)
{
	struct joining j = { .who = { .id = q->transactional_id,
	    .producer_id = -1, .epoch = -1, .version = TXN_BUMPS } };
	struct leat_err err = LEAT_ERR_INIT;
	size_t n = 0;

	if (rq->version < BUMPING_VERSION || q->transactional_id == NULL)
		return;
	for (int32_t i = 0; i < q->n; i++)
		n += (size_t)q->topics[i].n;
	j.parts = leat_arena_calloc(&rq->arena, n + 1,
	    sizeof(struct produce_part *));
	j.list = leat_arena_calloc(&rq->arena, n + 1,
	    sizeof(struct broker_partition *));
	for (int32_t i = 0; j.parts != NULL && j.list != NULL && i < q->n; i++)
		collect_joining(rq, &q->topics[i], &j);
	if (j.n > 0 && txns_add(rq->broker->txns, &j.who, j.list, j.n,
	    &err) < 0) {
		const char *message = leat_arena_strdup(&rq->arena, err.text);

		for (size_t i = 0; i < j.n; i++) {
			j.parts[i]->error = join_error(&err);
			j.parts[i]->message = message;
		}
	}
	for (size_t i = 0; i < j.n; i++)
		broker_partition_put(j.list[i]);
}

bool
produce_overtakes(const struct kafka_request *rq,
    const struct produce_part *p, struct broker_partition *part)
{
	const char *batch = p->records.ptr;

	return rq->version >= BUMPING_VERSION &&
	    (produce_attributes(p) & BATCH_TRANSACTIONAL) &&
	    leat_get_u32(batch + BASE_SEQUENCE_AT) != 0 &&
	    !partition_has_batches(part,
	    (int64_t)leat_get_u64(batch + PRODUCER_ID_AT));
}
