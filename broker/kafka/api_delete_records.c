/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_delete_records.c: DeleteRecords: moves the start of logs. The new starts
 * are durable, all by one write of their checkpoint, before the answer leaves.
 */
#include "broker/broker_int.h"
#include "broker/kafka/acl.h"
#include "broker/kafka/api.h"
#include "broker/kafka/kafka_request.h"
#include "core/base/obj.h"

enum { HIGH_WATERMARK = -1 };

struct trim {
	int32_t partition;
	int64_t before;
	int64_t start;		/* the new one; -1: none */
	enum kafka_error error;
};

struct trim_topic {
	const char *name;
	struct trim *trims;
	int32_t n;
};

static bool
only_compacts(struct broker_partition *p)
{
	bool yes;

	lock_acquire(&p->lock);
	yes = (p->config.cleanup & CLEANUP_DELETE) == 0;
	lock_release(&p->lock);
	return yes;
}

static void
trim(struct broker_partition *p, struct trim *t)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_offsets at;
	int64_t before = t->before;

	broker_partition_offsets(p, &at);
	/* What an open transaction has written stays until it ends. */
	if (before == HIGH_WATERMARK)
		before = at.stable;
	if (before < 0)
		t->error = KAFKA_OFFSET_OUT_OF_RANGE;
	else if (p->internal)
		t->error = KAFKA_INVALID_TOPIC_EXCEPTION;
	else if (only_compacts(p))
		t->error = KAFKA_POLICY_VIOLATION;
	else if (partition_trim(p, before, &err) < 0)
		t->error = kafka_error_of(&err);
	if (t->error != KAFKA_NONE)
		return;
	broker_partition_offsets(p, &at);
	t->start = at.log_start;
}

static void
trim_topic(struct kafka_request *rq, struct trim_topic *tt)
{
	bool may = kafka_may(rq, ACL_DELETE, ACL_TOPIC, tt->name);

	for (int32_t i = 0; i < tt->n; i++) {
		struct trim *t = &tt->trims[i];
		struct broker_partition *p;

		t->start = -1;
		if (!may) {
			t->error = KAFKA_TOPIC_AUTHORIZATION_FAILED;
			continue;
		}
		p = topics_find(rq->broker, tt->name, t->partition);
		if (p == NULL) {
			t->error = KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
			continue;
		}
		trim(p, t);
		broker_partition_put(p);
	}
}

static struct trim_topic *
decode(struct kafka_in *in, int32_t *ret_n)
{
	int32_t n = kin_array(in);
	struct trim_topic *topics = KIN_CALLOC(in, n, struct trim_topic);

	for (int32_t i = 0; i < n && kin_ok(in); i++) {
		struct trim_topic *tt = &topics[i];

		tt->name = kin_str(in);
		tt->n = kin_array(in);
		tt->trims = KIN_CALLOC(in, tt->n, struct trim);
		for (int32_t k = 0; k < tt->n && kin_ok(in); k++) {
			tt->trims[k].partition = kin_i32(in);
			tt->trims[k].before = kin_i64(in);
			kin_tags(in);
		}
		kin_tags(in);
	}
	(void)kin_i32(in);		/* timeout */
	kin_tags(in);
	*ret_n = n;
	return topics;
}

static void
write_topic(struct kafka_out *out, const struct trim_topic *tt, bool saved)
{
	kout_str(out, tt->name);
	kout_array(out, tt->n);
	for (int32_t k = 0; k < tt->n; k++) {
		const struct trim *t = &tt->trims[k];
		bool lost = !saved && t->error == KAFKA_NONE;

		kout_i32(out, t->partition);
		kout_i64(out, lost ? -1 : t->start);
		kout_i16(out, lost ? KAFKA_KAFKA_STORAGE_ERROR : t->error);
		kout_tags(out);
	}
	kout_tags(out);
}

void
api_delete_records(struct kafka_request *rq)
{
	struct kafka_out *out = &rq->out;
	struct leat_err err = LEAT_ERR_INIT;
	struct trim_topic *topics;
	bool saved;
	int32_t n;

	topics = decode(&rq->in, &n);
	if (!kafka_decoded(rq))
		return;
	for (int32_t i = 0; i < n; i++)
		trim_topic(rq, &topics[i]);
	saved = keeper_save_starts(rq->broker, &err) == 0;
	if (!saved)
		log_warn_err(&rq->broker->env.lg, "log starts not saved",
		    &err);
	keeper_kick(rq->broker);	/* removes the segments */
	kout_throttle(out);
	kout_array(out, n);
	for (int32_t i = 0; i < n; i++)
		write_topic(out, &topics[i], saved);
	kout_tags(out);
	kafka_reply(rq);
}
