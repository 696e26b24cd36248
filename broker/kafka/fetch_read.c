/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch_read.c: one partition of a Fetch: may it be read, from there, and where
 * are its records.
 */
#include <string.h>

#include "broker/kafka/acl.h"
#include "broker/kafka/fetch.h"
#include "broker/log/partition.h"
#include "core/base/obj.h"

enum {
	STORAGE_ERROR_VERSION = 6,
	ZSTD_VERSION = 10	/* clients below it do not know zstd */
};

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

enum kafka_error
fetch_check(struct fetch *f, struct fetch_part *p,
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

static void
tell_once(const struct fetch *f, const struct fetch_part *p,
    const struct leat_err *err)
{
	if (__atomic_exchange_n(&p->part->told_damaged, p->offset,
	    __ATOMIC_RELAXED) == p->offset)
		return;
	log_error(&f->rq->broker->env.lg, "records cannot be read",
	    "partition=%s-%d offset=%lld error=%s", p->part->topic,
	    p->part->number, (long long)p->offset, err->text);
}

enum kafka_error
fetch_read_error(const struct fetch *f, const struct fetch_part *p,
    const struct leat_err *err)
{
	enum kafka_error error = kafka_error_of(err);

	if (error == KAFKA_CORRUPT_MESSAGE ||
	    error == KAFKA_KAFKA_STORAGE_ERROR)
		tell_once(f, p, err);
	if (error == KAFKA_CORRUPT_MESSAGE)
		error = KAFKA_KAFKA_STORAGE_ERROR;
	if (error == KAFKA_KAFKA_STORAGE_ERROR &&
	    f->rq->version < STORAGE_ERROR_VERSION)
		error = KAFKA_NOT_LEADER_OR_FOLLOWER;
	return error;
}

int
fetch_slice(const struct fetch *f, const struct fetch_part *p, int64_t taken,
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
