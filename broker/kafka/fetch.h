/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch.h: a Fetch request, for the files that handle it.
 */
#ifndef LEAT_BROKER_KAFKA_FETCH_H
#define LEAT_BROKER_KAFKA_FETCH_H

#include "broker/broker_int.h"
#include "broker/kafka/fetch_session.h"
#include "broker/kafka/kafka_request.h"

/* A partition that its session shall no longer have. */
struct fetch_forgotten {
	struct fetch_forgotten *next;
	const char *topic;
	uint8_t id[16];
	int32_t number;
};

/* A Fetch request. */
struct fetch {
	struct kafka_request *rq;
	int32_t max_wait_ms;
	int64_t min_bytes;
	int64_t limit;			/* of records in the answer */
	enum broker_isolation isolation;
	bool by_id;
	int32_t session_id, session_epoch;
	struct fetch_list own;		/* as it stands in the request */
	struct fetch_forgotten *forgotten;
	struct fetch_session *session;
	struct fetch_list *list;	/* own, or the session's */
	bool all;			/* answer also what has not changed */
	int64_t deadline_ns;
	/* Rights, for partitions of one topic in a row. */
	const char *checked_topic;
	bool checked_may;
};

/* ---- fetch_read.c */

/*
 * Finds the partition and says whether it can be read from where the client
 * stands; p->diverging_epoch is set when that has to go back first.
 */
enum kafka_error fetch_check(struct fetch *f, struct fetch_part *p,
    struct broker_offsets *ret_offsets);
/*
 * Where the records are that the answer may have, when `taken` bytes stand in
 * it already: 1, 0 for none, or negative.
 */
int fetch_slice(const struct fetch *f, const struct fetch_part *p,
    int64_t taken, struct broker_slice *ret_slice, struct leat_err *err);
/*
 * What a failure to read is to the client. The log has it once for each place,
 * as clients ask again and again.
 */
enum kafka_error fetch_read_error(const struct fetch *f,
    const struct fetch_part *p, const struct leat_err *err);

/* ---- fetch_answer.c */

/* Sends what there is, and lets go of all that outlives the request. */
void fetch_answer(struct fetch *f);
/* The same with an error of the whole request. */
void fetch_answer_error(struct fetch *f, enum kafka_error error);
/* Lets go of the partitions and the session: no answer is wanted. */
void fetch_let_go(struct fetch *f);

#endif
