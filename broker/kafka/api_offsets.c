/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_offsets.c: ListOffsets and OffsetForLeaderEpoch: which offsets a
 * partition has, by time and by epoch.
 */
#include "broker/broker_int.h"
#include "broker/kafka/acl.h"
#include "broker/kafka/api.h"
#include "broker/kafka/kafka_request.h"
#include "core/base/obj.h"

/* Timestamps that are names. */
enum {
	LATEST = -1,
	EARLIEST = -2,
	MAX_TIMESTAMP = -3,
	EARLIEST_LOCAL = -4,
	LATEST_TIERED = -5
};

/* From which version on a name is known. */
static const struct {
	int64_t timestamp;
	int16_t version;
} names[] = {
	{ LATEST, 1 },
	{ EARLIEST, 1 },
	{ MAX_TIMESTAMP, 7 },
	{ EARLIEST_LOCAL, 8 },
	{ LATEST_TIERED, 9 },
};

/* One partition of either request. */
struct asked {
	int32_t number;
	int32_t leader_epoch;		/* as the client knows it, -1: no */
	int64_t timestamp;
	int32_t epoch;			/* whose end is asked for */
};

struct asked_topic {
	const char *name;
	struct asked *parts;
	int32_t n;
};

struct found {
	int64_t timestamp, offset;
	int32_t epoch;
};

/* The partition, if the client may know of it and agrees on its leader. */
static enum kafka_error
find(struct kafka_request *rq, const char *topic, bool may,
    const struct asked *a, struct broker_partition **ret_part)
{
	struct broker_partition *p;
	int32_t epoch;

	if (!may)
		return KAFKA_TOPIC_AUTHORIZATION_FAILED;
	if ((p = topics_find(rq->broker, topic, a->number)) == NULL)
		return KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
	epoch = broker_partition_epoch(p);
	if (a->leader_epoch >= 0 && a->leader_epoch != epoch) {
		broker_partition_put(p);
		return a->leader_epoch < epoch ? KAFKA_FENCED_LEADER_EPOCH :
		    KAFKA_UNKNOWN_LEADER_EPOCH;
	}
	*ret_part = p;
	return KAFKA_NONE;
}

/* ---------------------------------------------------------- ListOffsets */

static bool
name_is_known(int64_t timestamp, int16_t version)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i].timestamp == timestamp)
			return version >= names[i].version;
	return timestamp >= 0;
}

static enum kafka_error
search(struct broker_partition *p, const struct asked *a,
    enum broker_isolation isolation, struct found *ret)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_offsets o;
	int64_t end, offset, ts;
	int rc;

	broker_partition_offsets(p, &o);
	end = isolation == READ_COMMITTED ? o.stable : o.written;
	if (a->timestamp == LATEST) {
		ret->offset = end;
		ret->epoch = broker_partition_epoch(p);
		return KAFKA_NONE;
	}
	if (a->timestamp == EARLIEST || a->timestamp == EARLIEST_LOCAL) {
		ret->offset = o.log_start;
		ret->epoch = broker_partition_epoch_at(p, o.log_start);
		return KAFKA_NONE;
	}
	if (a->timestamp == LATEST_TIERED)
		return KAFKA_NONE;
	rc = a->timestamp == MAX_TIMESTAMP ?
	    broker_partition_offset_of_max(p, &offset, &ts, &err) :
	    broker_partition_offset_at(p, a->timestamp, &offset, &ts, &err);
	if (rc < 0)
		return KAFKA_KAFKA_STORAGE_ERROR;
	if (offset < 0 || offset >= end)
		return KAFKA_NONE;
	ret->offset = offset;
	ret->timestamp = ts;
	ret->epoch = broker_partition_epoch_at(p, offset);
	return KAFKA_NONE;
}

static void
list_one(struct kafka_request *rq, const char *topic, bool may,
    enum broker_isolation isolation, const struct asked *a)
{
	struct kafka_out *out = &rq->out;
	struct broker_partition *p = NULL;
	struct found f = { -1, -1, -1 };
	enum kafka_error error;

	if (!name_is_known(a->timestamp, rq->version))
		error = KAFKA_UNSUPPORTED_VERSION;
	else if ((error = find(rq, topic, may, a, &p)) == KAFKA_NONE)
		error = search(p, a, isolation, &f);
	broker_partition_put(p);
	kout_i32(out, a->number);
	kout_i16(out, error);
	kout_i64(out, f.timestamp);
	kout_i64(out, f.offset);
	if (rq->version >= 4)
		kout_i32(out, f.epoch);
	kout_tags(out);
}

static struct asked_topic *
decode_list(struct kafka_request *rq, enum broker_isolation *ret_isolation,
    int32_t *ret_n)
{
	struct kafka_in *in = &rq->in;
	struct asked_topic *topics;
	int8_t isolation;
	int32_t n;

	(void)kin_i32(in);	/* replica */
	isolation = rq->version >= 2 ? kin_i8(in) : 0;
	*ret_isolation = isolation == 1 ? READ_COMMITTED : READ_UNCOMMITTED;
	n = kin_array(in);
	topics = KIN_CALLOC(in, n, struct asked_topic);
	for (int32_t i = 0; i < n && kin_ok(in); i++) {
		struct asked_topic *t = &topics[i];

		t->name = kin_str(in);
		t->n = kin_array(in);
		t->parts = KIN_CALLOC(in, t->n, struct asked);
		for (int32_t k = 0; k < t->n && kin_ok(in); k++) {
			t->parts[k].number = kin_i32(in);
			t->parts[k].leader_epoch =
			    rq->version >= 4 ? kin_i32(in) : -1;
			t->parts[k].timestamp = kin_i64(in);
			kin_tags(in);
		}
		kin_tags(in);
	}
	kin_tags(in);
	*ret_n = n;
	return topics;
}

void
api_list_offsets(struct kafka_request *rq)
{
	struct kafka_out *out = &rq->out;
	enum broker_isolation isolation;
	struct asked_topic *topics;
	int32_t n;

	topics = decode_list(rq, &isolation, &n);
	if (!kafka_decoded(rq))
		return;
	if (rq->version >= 2)
		kout_throttle(out);
	kout_array(out, n);
	for (int32_t i = 0; i < n; i++) {
		const struct asked_topic *t = &topics[i];
		bool may = kafka_may(rq, ACL_DESCRIBE, ACL_TOPIC, t->name);

		kout_str(out, t->name);
		kout_array(out, t->n);
		for (int32_t k = 0; k < t->n; k++)
			list_one(rq, t->name, may, isolation, &t->parts[k]);
		kout_tags(out);
	}
	kout_tags(out);
	kafka_reply(rq);
}

/* ------------------------------------------------- OffsetForLeaderEpoch */

static void
end_of_one(struct kafka_request *rq, const char *topic, bool may,
    const struct asked *a)
{
	struct kafka_out *out = &rq->out;
	struct broker_partition *p = NULL;
	int32_t epoch = -1;
	int64_t end = -1;
	enum kafka_error error = find(rq, topic, may, a, &p);

	if (error == KAFKA_NONE)
		broker_partition_epoch_end(p, a->epoch, &epoch, &end);
	broker_partition_put(p);
	kout_i16(out, error);
	kout_i32(out, a->number);
	kout_i32(out, epoch);
	kout_i64(out, end);
	kout_tags(out);
}

static struct asked_topic *
decode_epochs(struct kafka_request *rq, int32_t *ret_n)
{
	struct kafka_in *in = &rq->in;
	struct asked_topic *topics;
	int32_t n;

	if (rq->version >= 3)
		(void)kin_i32(in);	/* replica */
	n = kin_array(in);
	topics = KIN_CALLOC(in, n, struct asked_topic);
	for (int32_t i = 0; i < n && kin_ok(in); i++) {
		struct asked_topic *t = &topics[i];

		t->name = kin_str(in);
		t->n = kin_array(in);
		t->parts = KIN_CALLOC(in, t->n, struct asked);
		for (int32_t k = 0; k < t->n && kin_ok(in); k++) {
			t->parts[k].number = kin_i32(in);
			t->parts[k].leader_epoch = kin_i32(in);
			t->parts[k].epoch = kin_i32(in);
			kin_tags(in);
		}
		kin_tags(in);
	}
	kin_tags(in);
	*ret_n = n;
	return topics;
}

void
api_offset_for_leader_epoch(struct kafka_request *rq)
{
	struct kafka_out *out = &rq->out;
	struct asked_topic *topics;
	int32_t n;

	topics = decode_epochs(rq, &n);
	if (!kafka_decoded(rq))
		return;
	kout_throttle(out);
	kout_array(out, n);
	for (int32_t i = 0; i < n; i++) {
		const struct asked_topic *t = &topics[i];
		bool may = kafka_may(rq, ACL_DESCRIBE, ACL_TOPIC, t->name);

		kout_str(out, t->name);
		kout_array(out, t->n);
		for (int32_t k = 0; k < t->n; k++)
			end_of_one(rq, t->name, may, &t->parts[k]);
		kout_tags(out);
	}
	kout_tags(out);
	kafka_reply(rq);
}
