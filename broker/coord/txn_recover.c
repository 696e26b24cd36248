/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transactions at the start: what was decided is shown, what remote producers
 * have open is kept, all else is aborted (T1 to T5 in txns.c).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/coord/txns_int.h"
#include "core/base/obj.h"

/* A record, and what it says. */
struct saying {
	struct txn_value value;
	uint8_t *bytes;		/* what value points into */
	bool remote;		/* it has our header */
	struct txn_end *ends;	/* as many as places, or none */
	size_t nends;
};

/* What the records of a transactional id come to. */
struct history {
	struct saying *last;
	struct saying *decision;	/* a PREPARE that no COMPLETE follows */
	struct txn_entry *entry;
	bool fence;		/* data was found that no record knows */
};

static void
saying_free(struct saying *s)
{
	if (s == NULL)
		return;
	free(s->value.places);
	free(s->ends);
	free(s->bytes);
	free(s);
}

static void
history_free(struct history *h)
{
	if (h == NULL)
		return;
	if (h->decision != h->last)
		saying_free(h->decision);
	saying_free(h->last);
	free(h);
}

/* 0, -ENOMEM, or LEAT_E_PROTO. */
static int
saying_decode(struct saying *s, const struct record *rec)
{
	int rc;

	if ((s->bytes = malloc(rec->value.len + 1)) == NULL)
		return -ENOMEM;
	memcpy(s->bytes, rec->value.ptr, rec->value.len);
	rc = txn_value_decode((struct leat_str){ (char *)s->bytes,
	    rec->value.len }, &s->value);
	for (uint32_t i = 0; i < rec->nheaders && rc == 0; i++) {
		const struct record_header *h = &rec->headers[i];

		if (!leat_str_eq_c(h->name, txn_header_name) || s->remote)
			continue;
		rc = txn_header_decode(h->value, &s->ends, &s->nends);
		s->remote = rc == 0;
	}
	return rc;
}

static bool
is_prepare(enum txn_status s)
{
	return s == TXN_PREPARE_COMMIT || s == TXN_PREPARE_ABORT;
}

static bool
is_complete(enum txn_status s)
{
	return s == TXN_COMPLETE_COMMIT || s == TXN_COMPLETE_ABORT;
}

/* Takes the record over. */
static void
follow(struct history *h, struct saying *s)
{
	if (h->last != h->decision)
		saying_free(h->last);
	h->last = s;
	if (!is_prepare(s->value.status) && !is_complete(s->value.status))
		return;
	saying_free(h->decision);
	h->decision = is_prepare(s->value.status) ? s : NULL;
}

static int
load_record(struct leat_map *all, const struct record *rec)
{
	struct leat_str id;
	struct history *h;
	struct saying *s;
	int rc;

	if (txn_key_decode(rec->key, &id) != 0)
		return 0;
	if (rec->value.ptr == NULL) {
		history_free(leat_map_remove(all, id));
		return 0;
	}
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return -ENOMEM;
	if ((rc = saying_decode(s, rec)) < 0) {
		saying_free(s);
		return rc == LEAT_E_PROTO ? 0 : rc;
	}
	if ((h = leat_map_get(all, id)) == NULL) {
		if ((h = calloc(1, sizeof(*h))) == NULL ||
		    leat_map_set(all, id, h, NULL) < 0) {
			free(h);
			saying_free(s);
			return -ENOMEM;
		}
	}
	follow(h, s);
	return 0;
}

static int
load_batch(void *arg, const struct batch_header *h, const uint8_t *batch,
    struct leat_err *err)
{
	struct batch_reader *r;
	struct record rec;
	int rc;

	if ((h->attributes & BATCH_CONTROL) != 0)
		return 0;
	if ((r = batch_reader_new(BATCH_INFLATED_MAX)) == NULL)
		return -ENOMEM;
	rc = batch_reader_open(r, batch, h->size, err);
	while (rc >= 0 && (rc = batch_reader_next(r, &rec, err)) > 0)
		if ((rc = load_record(arg, &rec)) < 0)
			leat_err_set(err, LEAT_CLS_RETRY, rc,
			    "out of memory for transactions");
	batch_reader_free(r);
	return rc;
}

/* ------------------------------------------------------ what was decided */

static struct broker_partition *
find_place(struct txns *ts, const struct txn_place *place,
    struct broker_topic_info *ret_info)
{
	char topic[TOPIC_NAME_MAX_LEN + 1];

	if (place->topic.len >= sizeof(topic))
		return NULL;
	memcpy(topic, place->topic.ptr, place->topic.len);
	topic[place->topic.len] = '\0';
	if (topics_info(ts->b, topic, ret_info) < 0)
		return NULL;
	return topics_find(ts->b, topic, place->partition);
}

/* Is what is open there the decided transaction (T3)? */
static bool
is_decided(const struct saying *s, size_t i, const uint8_t topic_id[16],
    const struct open_txn *open)
{
	/* Kafka's: its data has the epoch that the end bumped. */
	if (s->nends != s->value.nplaces)
		return open->epoch == s->value.epoch -
		    (s->value.version >= TXN_BUMPS ? 1 : 0);
	return open->epoch <= s->value.epoch &&
	    open->first < s->ends[i].offset &&
	    memcmp(topic_id, s->ends[i].topic_id, 16) == 0;
}

/*
 * Ends a decided transaction in one partition: 0 when nothing is left to do,
 * 1 when the partition cannot take the marker.
 */
static int
finish_place(struct txns *ts, const struct saying *s, size_t i,
    struct leat_err *err)
{
	const struct txn_value *v = &s->value;
	struct broker_topic_info info;
	struct broker_partition *p;
	struct open_txn open;
	int64_t end;
	int rc = 0;

	if ((p = find_place(ts, &v->places[i], &info)) == NULL)
		return 0;		/* deleted since */
	if (partition_open_txn(p, v->producer_id, &open) &&
	    is_decided(s, i, info.id, &open)) {
		rc = partition_append_marker(p, v->producer_id, v->epoch,
		    v->status == TXN_PREPARE_COMMIT, &end, err);
		if (rc == 0)
			rc = flusher_sync(p, err);
		if (rc == BROKER_E_OFFLINE)
			rc = 1;
	}
	broker_partition_put(p);
	return rc;
}

/* 0, or 1 when it cannot be shown before a repair. */
static int
finish_decision(struct txns *ts, const struct saying *s,
    struct leat_err *err)
{
	bool offline = false;
	int rc;

	for (size_t i = 0; i < s->value.nplaces; i++) {
		if ((rc = finish_place(ts, s, i, err)) < 0)
			return rc;
		offline = offline || rc == 1;
	}
	return offline && s->value.status == TXN_PREPARE_COMMIT;
}

/* --------------------------------------------------------- what is open */

/* An Ongoing record: the transaction goes on. */
static int
keep_open(struct txns *ts, struct txn_entry *e, const struct txn_value *v,
    struct leat_err *err)
{
	const struct clock *c = ts->b->env.clock;
	int64_t age_ms = clock_wall_ms(c) - v->start_ms;
	int rc = 0;

	for (size_t i = 0; i < v->nplaces && rc == 0; i++) {
		struct broker_topic_info info;
		struct broker_partition *p = find_place(ts, &v->places[i],
		    &info);
		size_t at;

		if (p == NULL)
			continue;
		if ((rc = txn_part_add(e, p, &at, err)) == 0) {
			memcpy(e->parts[at].topic_id, info.id, 16);
			e->has_offsets = e->has_offsets ||
			    strcmp(p->topic, offsets_topic) == 0;
			/* One that is offline takes nothing: so be it. */
			rc = partition_txn_join(p, e->producer_id, e->epoch,
			    err);
			if (rc == BROKER_E_OFFLINE)
				rc = 0;
		}
		broker_partition_put(p);
	}
	age_ms = MAX((int64_t)0, MIN(age_ms, (int64_t)e->timeout_ms));
	e->start_ms = v->start_ms;
	e->start_mono_ns = clock_mono_ns(c) - age_ms * 1000000;
	e->remote = true;
	return rc;
}

/* Whom the last end gave another epoch: it may ask again. */
static int
restore_bump(struct txn_entry *e, const struct txn_value *v,
    struct leat_err *err)
{
	int64_t last_id = v->previous_id >= 0 ? v->previous_id : v->producer_id;

	if (v->version < TXN_BUMPS)
		return 0;
	e->version = TXN_BUMPS;
	e->remote = true;	/* nobody else does; it may be Kafka's record */
	if (!is_prepare(v->status) && !is_complete(v->status))
		return 0;
	if (is_prepare(v->status) && txn_set_next(e, v->next_id, err) < 0)
		return -ENOMEM;
	if (v->epoch > 0)
		txn_bumped(e, last_id, (int16_t)(v->epoch - 1));
	else if (last_id != v->producer_id)
		txn_bumped(e, last_id, TXN_EPOCH_LAST);
	return 0;
}

static int
restore(struct txns *ts, const char *id, struct history *h,
    struct leat_err *err)
{
	const struct txn_value *v = &h->last->value;
	struct txn_entry *e;
	int64_t end;
	int rc, lost = 0;

	lock_acquire(&ts->lock);
	rc = txn_entry_get(ts, id, &e, err);
	if (rc == 0)
		rc = txn_set_producer(e, v->producer_id, v->epoch, err);
	lock_release(&ts->lock);
	if (rc < 0)
		return rc;
	h->entry = e;
	e->remote = h->last->remote;
	e->timeout_ms = v->timeout_ms;
	e->start_ms = v->start_ms;
	e->update_ms = v->update_ms;
	if ((rc = restore_bump(e, v, err)) < 0)
		return rc;
	if (h->decision != NULL &&
	    (lost = finish_decision(ts, h->decision, err)) < 0)
		return lost;
	txn_restore(e, lost > 0 ? TXN_DEAD : v->status);
	if (lost > 0) {
		leat_err_set(&e->failure, LEAT_CLS_FATAL, BROKER_E_OFFLINE,
		    "a committed transaction cannot be shown in a damaged "
		    "partition");
		return 0;
	}
	if (v->status == TXN_ONGOING)
		return keep_open(ts, e, v, err);
	if (v->status == TXN_PREPARE_EPOCH_FENCE || v->status == TXN_DEAD)
		txn_restore(e, TXN_EMPTY);
	if (!is_prepare(v->status))
		return 0;
	txn_restore(e, v->status == TXN_PREPARE_COMMIT ?
	    TXN_COMPLETE_COMMIT : TXN_COMPLETE_ABORT);
	return txn_write(e, e->state, &end, err);
}

/* ------------------------------------------------ what nobody speaks for */

static struct history *
find_history(struct leat_map *all, int64_t producer_id)
{
	const struct leat_map_entry *me;
	size_t it = 0;

	while ((me = leat_map_next(all, &it)) != NULL) {
		struct history *h = me->value;

		if (h->entry != NULL && h->entry->producer_id == producer_id)
			return h;
		if (h->entry != NULL && h->entry->state == TXN_DEAD &&
		    h->decision != NULL &&
		    h->decision->value.producer_id == producer_id)
			return h;
	}
	return NULL;
}

/* Is what a producer has open there known, and to stay? */
static bool
is_kept(const struct history *h, const struct broker_partition *p,
    const struct producer *pr)
{
	const struct txn_entry *e = h->entry;

	if (e->state == TXN_DEAD)
		return true;
	if (e->state != TXN_ONGOING || h->fence || pr->epoch != e->epoch)
		return false;
	for (size_t i = 0; i < e->nparts; i++)
		if (e->parts[i].part == p)
			return true;
	return false;
}

/* The first open transaction of a partition that is not to stay. */
static bool
next_open(struct leat_map *all, struct broker_partition *p,
    int64_t *ret_id, int16_t *ret_epoch)
{
	const struct producer *pr;
	struct history *h = NULL;

	lock_acquire(&p->lock);
	pr = p->state == PART_ONLINE ? p->producers.open : NULL;
	while (pr != NULL && (h = find_history(all, pr->id)) != NULL &&
	    is_kept(h, p, pr))
		pr = pr->next_open;
	if (pr != NULL) {
		*ret_id = pr->id;
		*ret_epoch = pr->epoch;
		if (h != NULL && h->entry->remote) {
			h->fence = true;
			*ret_epoch = (int16_t)MAX(pr->epoch,
			    MIN(h->entry->epoch + 1, INT16_MAX));
		}
	}
	lock_release(&p->lock);
	return pr != NULL;
}

static int
abort_in(struct leat_map *all, struct broker_partition **list, size_t n,
    struct leat_err *err)
{
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		int64_t id, end;
		int16_t epoch;

		while (rc == 0 && next_open(all, list[i], &id, &epoch))
			rc = partition_append_marker(list[i], id, epoch, false,
			    &end, err);
	}
	return rc;
}

static int
abort_open(struct txns *ts, struct leat_map *all, struct leat_err *err)
{
	struct broker_partition **list;
	size_t n;
	int rc;

	list = topics_partitions(ts->b, &n);
	if (list == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	/* Twice: the first round finds out whom to fence altogether. */
	rc = abort_in(all, list, n, err);
	if (rc == 0)
		rc = abort_in(all, list, n, err);
	partitions_put(list, n);
	return rc;
}

/* A remote producer of whose transaction a part is lost: no more of it (T5). */
static int
fence(struct history *h, struct leat_err *err)
{
	struct txn_entry *e = h->entry;
	int64_t end;

	log_warn(&e->ts->b->env.lg, "transaction lost in a crash, aborted",
	    "id=%s producer=%lld epoch=%d", e->id, (long long)e->producer_id,
	    e->epoch);
	for (size_t i = 0; i < e->nparts; i++)
		(void)partition_txn_leave(e->parts[i].part, e->producer_id);
	txn_parts_clear(&e->parts, &e->nparts);
	e->has_offsets = false;
	if (e->version == TXN_BUMPS)
		txn_bumped(e, e->producer_id, e->epoch);
	e->epoch = (int16_t)MIN(e->epoch + 1, INT16_MAX);
	txn_restore(e, TXN_COMPLETE_ABORT);
	return txn_write(e, TXN_COMPLETE_ABORT, &end, err);
}

static int
recover(struct txns *ts, struct leat_map *all, struct leat_err *err)
{
	const struct leat_map_entry *me;
	size_t it = 0;
	int rc = 0;

	for (int32_t i = 0; i < ts->npartitions && rc == 0; i++)
		rc = partition_each_batch(ts->parts[i], load_batch, all, err);
	while (rc == 0 && (me = leat_map_next(all, &it)) != NULL)
		rc = restore(ts, me->key, me->value, err);
	if (rc == 0)
		rc = abort_open(ts, all, err);
	it = 0;
	lock_acquire(&ts->lock);
	while (rc == 0 && (me = leat_map_next(all, &it)) != NULL)
		if (((struct history *)me->value)->fence)
			rc = fence(me->value, err);
	lock_release(&ts->lock);
	/* What was found must be found the same way after the next crash. */
	for (int32_t i = 0; i < ts->npartitions && rc == 0; i++)
		if (offset_load(&ts->parts[i]->durable) <
		    offset_load(&ts->parts[i]->written))
			rc = flusher_sync(ts->parts[i], err);
	return rc;
}

int
txns_recover(struct txns *ts, struct leat_err *err)
{
	const struct leat_map_entry *e;
	struct leat_map all;
	size_t it = 0;
	int rc;

	leat_map_init(&all);
	rc = recover(ts, &all, err);
	while ((e = leat_map_next(&all, &it)) != NULL)
		history_free(e->value);
	leat_map_fini(&all);
	return rc;
}
