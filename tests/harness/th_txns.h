/* SPDX-License-Identifier: Apache-2.0 */
/*
 * th_txns.h: remote producers of the transaction coordinator, for unit tests:
 * calls that wait for their answer and return its code.
 */
#ifndef LEAT_TESTS_HARNESS_TH_TXNS_H
#define LEAT_TESTS_HARNESS_TH_TXNS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "broker/coord/groups.h"
#include "broker/coord/txns_int.h"
#include "broker/log/batch.h"
#include "core/base/obj.h"

enum { TH_TXN_TIMEOUT_MS = 60000 };

struct th_answer {
	struct lock lock;
	struct cond cond;
	bool there;
	int code;
	int64_t producer_id;
	int16_t epoch;
};

static inline void
th_answer_init(struct th_answer *a)
{
	memset(a, 0, sizeof(*a));
	lock_init(&a->lock, RANK_LEAF);
	cond_init(&a->cond);
}

static inline void
th_on_told(void *arg, const struct leat_err *err, int64_t producer_id,
    int16_t epoch)
{
	struct th_answer *a = arg;

	lock_acquire(&a->lock);
	assert_false(a->there);
	a->there = true;
	a->code = err == NULL ? 0 : err->code;
	a->producer_id = producer_id;
	a->epoch = epoch;
	cond_signal(&a->cond);
	lock_release(&a->lock);
}

static inline void
th_on_done(void *arg, const struct leat_err *err)
{
	th_on_told(arg, err, -1, -1);
}

static inline int
th_answer_wait(struct th_answer *a)
{
	int code;

	lock_acquire(&a->lock);
	while (!a->there)
		cond_wait(&a->cond, &a->lock);
	code = a->code;
	lock_release(&a->lock);
	return code;
}

static inline bool
th_answered(struct th_answer *a)
{
	bool there;

	lock_acquire(&a->lock);
	there = a->there;
	lock_release(&a->lock);
	return there;
}

/* ------------------------------------------------------------- the calls */

/* InitProducerId: *who gets what it is to go on with. */
static inline int
th_txn_begin_as(struct broker *b, struct txn_ident *who, int64_t id,
    int16_t epoch)
{
	struct txn_ident as = { who->id, id, epoch, who->version };
	struct th_answer a;

	th_answer_init(&a);
	txns_begin(b->txns, &as, TH_TXN_TIMEOUT_MS, th_on_told, &a);
	if (th_answer_wait(&a) == 0) {
		who->producer_id = a.producer_id;
		who->epoch = a.epoch;
	}
	return a.code;
}

static inline int
th_txn_begin(struct broker *b, struct txn_ident *who)
{
	return th_txn_begin_as(b, who, -1, -1);
}

static inline int
th_txn_add(struct broker *b, const struct txn_ident *who,
    struct broker_partition *p)
{
	return txns_add(b->txns, who, &p, 1, NULL);
}

/* EndTxn; in TXN_BUMPS *who gets another epoch. */
static inline int
th_txn_end(struct broker *b, struct txn_ident *who, bool commit)
{
	struct th_answer a;

	th_answer_init(&a);
	txns_end(b->txns, who, commit, th_on_told, &a);
	if (th_answer_wait(&a) == 0) {
		who->producer_id = a.producer_id;
		who->epoch = a.epoch;
	}
	return a.code;
}

static inline int
th_txn_offsets(struct broker *b, const struct txn_ident *who, const char *group,
    int64_t offset)
{
	struct broker_group_offset o = { .topic = "t", .offset = offset,
	    .leader_epoch = -1 };
	struct th_answer a;

	th_answer_init(&a);
	txns_offsets(b->txns, who, group, &o, 1, th_on_done, &a);
	return th_answer_wait(&a);
}

/* One record as a client sends it. */
static inline int
th_txn_produce(struct broker_partition *p, const struct txn_ident *who,
    int32_t seq)
{
	struct batch_identity id = { who->producer_id, who->epoch, seq, true };
	struct batch_builder *bb = batch_builder_new(CODEC_NONE, 0, 1 << 16);
	struct record rec = { .timestamp_ms = 1700000000000LL };
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_appended done;
	uint8_t *data;
	size_t len;
	int rc;

	rec.value = LEAT_STR("v");
	assert_int_equal(batch_builder_add(bb, &rec, NULL), 0);
	assert_int_equal(batch_builder_finish(bb, &id, &data, &len, NULL), 0);
	rc = broker_append(p, data, len, &done, &err);
	batch_builder_free(bb);
	return rc;
}

/* How many records a reader sees. */
static inline int
th_txn_count(struct broker_partition *p)
{
	struct broker_reader *r = broker_reader_open(p, 0, READ_COMMITTED,
	    NULL);
	struct record rec;
	int n = 0;

	while (broker_reader_fill(r, 1 << 16, NULL) > 0)
		while (broker_reader_next(r, &rec, NULL) > 0)
			n++;
	broker_reader_close(r);
	return n;
}

static inline void
th_txn_take_info(void *arg, const struct txn_info *info)
{
	struct txn_info *to = arg;

	*to = *info;
	to->id = NULL;
	to->places = NULL;
}

static inline struct txn_info
th_txn_info(struct broker *b, const char *id)
{
	struct txn_info info = { .state = TXN_DEAD };

	assert_int_equal(txns_each(b->txns, id, th_txn_take_info, &info), 0);
	return info;
}

static inline enum txn_status
th_txn_state(struct broker *b, const char *id)
{
	return th_txn_info(b, id).state;
}

#endif
