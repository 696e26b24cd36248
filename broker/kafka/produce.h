/* SPDX-License-Identifier: Apache-2.0 */
/*
 * produce.h: a Produce request, for the files that handle it.
 */
#ifndef LEAT_BROKER_PRODUCE_H
#define LEAT_BROKER_PRODUCE_H

#include "broker/broker_int.h"
#include "broker/kafka/kafka_request.h"
#include "broker/log/batch.h"

struct produce_part {
	int32_t index;
	struct leat_str records;	/* in the frame; ptr NULL: null */
	struct broker_partition *part;	/* counted while it is waited for */
	enum kafka_error error;
	int64_t base_offset;
	int64_t append_time_ms;
	int64_t log_start;
	int64_t end;			/* to be durable up to here */
	int32_t bad_record;		/* -1: it was not a record's fault */
	const char *message;		/* NULL: none */
};

struct produce_topic {
	const char *name;
	struct produce_part *parts;
	int32_t n;
};

struct produce {
	const char *transactional_id;
	int16_t acks;
	int32_t timeout_ms;
	struct produce_topic *topics;
	int32_t n;
};

/* Of a part's batch; 0 when it is none. */
static inline uint16_t
produce_attributes(const struct produce_part *p)
{
	enum { ATTRIBUTES_AT = 21 };

	return p->records.ptr != NULL &&
	    p->records.len >= RECORD_BATCH_HEADER_BYTES ?
	    leat_get_u16(p->records.ptr + ATTRIBUTES_AT) : 0;
}

/* ---- produce_join.c */

/*
 * From version 12 on the first batch that a transaction has in a partition adds
 * it: all those of the request at once. They fail together too.
 */
void produce_join(struct kafka_request *rq, struct produce *q);
/*
 * An epoch begins with sequence 0: a later batch must not overtake the first,
 * which is to be sent again when its partition could not be added.
 */
bool produce_overtakes(const struct kafka_request *rq,
    const struct produce_part *p, struct broker_partition *part);

#endif
