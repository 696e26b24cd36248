/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The transaction coordinator: transactional ids, their states and records.
 *
 * What always holds:
 *
 *  T1  A PREPARE_COMMIT record is written only after all data of the
 *      transaction is durable, and no marker is written before the record is.
 *      So what a marker shows will be shown again after any crash.
 *  T2  The next PREPARE is written only after this one's markers are durable,
 *      and COMPLETE as well. EMPTY and ONGOING may stand between: the start
 *      goes by the last PREPARE that no COMPLETE follows, and by the last
 *      record. (So the cleaner must not come first: txns_sync_markers.) The
 *      next end's first round of syncs covers the markers, being mostly in the
 *      same files.
 *  T3  Data of a later transaction is never taken for the decided one. A
 *      remote producer's PREPARE has, in a header of the record, where each
 *      partition's data ended. A local producer has another epoch in each
 *      transaction, and another producer id at each opening.
 *  T4  What is open in a partition and neither decided nor Ongoing in a record
 *      is aborted at the start. A local producer's abort therefore needs no
 *      record and no sync.
 *  T5  A remote producer's transaction is Ongoing in a record before data is
 *      taken, and its abort is PREPARE_ABORT, durable, before its markers. When
 *      a power cut took the record and left data, the start finds data that no
 *      record knows: it aborts all of that transaction and fences the producer,
 *      which would otherwise take it for committed.
 *  T6  Where an end bumps the epoch (TXN_BUMPS), PREPARE and the markers have
 *      the next one already, and nobody is told of it before PREPARE is
 *      durable. Each epoch has one transaction at most, so what comes late is
 *      behind the current epoch. PREPARE and COMPLETE say whom they answer:
 *      the producer with the epoch before is the one that asks again
 *      (txn_bumped).
 */
#include "broker/coord/txns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/coord/offset_record.h"
#include "broker/coord/txns_int.h"
#include "core/base/obj.h"

/* -------------------------------------------------------------- entries */

static struct leat_str
producer_key(const int64_t *id)
{
	return (struct leat_str){ (const char *)id, sizeof(*id) };
}

void
txn_parts_clear(struct txn_part **parts, size_t *n)
{
	for (size_t i = 0; i < *n; i++)
		broker_partition_put((*parts)[i].part);
	free(*parts);
	*parts = NULL;
	*n = 0;
}

static void
entry_free(struct txn_entry *e)
{
	if (e == NULL)
		return;
	txn_parts_clear(&e->parts, &e->nparts);
	txn_parts_clear(&e->marked, &e->nmarked);
	free(e->targets);
	free(e->id);
	free(e);
}

struct txn_entry *
txn_entry_find(const struct txns *ts, const char *id)
{
	lock_assert_held(&ts->lock);
	return leat_map_get_c(&ts->by_id, id);
}

int
txn_entry_get(struct txns *ts, const char *id, struct txn_entry **ret,
    struct leat_err *err)
{
	struct txn_entry *e = txn_entry_find(ts, id);

	if (e == NULL && ts->by_id.len >= TXN_IDS_MAX)
		return leat_err_set(err, LEAT_CLS_RETRY, LEAT_E_LIMIT,
		    "there are %d transactional ids already", TXN_IDS_MAX);
	if (e == NULL && (e = calloc(1, sizeof(*e))) != NULL) {
		e->ts = ts;
		e->id = strdup(id);
		e->producer_id = e->last_producer_id = -1;
		e->next_producer_id = -1;
		e->last_epoch = e->unbumped = -1;
		e->update_ms = clock_wall_ms(ts->b->env.clock);
		if (e->id == NULL ||
		    leat_map_set(&ts->by_id, leat_str_c(id), e, NULL) < 0) {
			entry_free(e);
			e = NULL;
		}
	}
	if (e == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for a transaction");
	*ret = e;
	return 0;
}

void
txn_entry_drop(struct txn_entry *e)
{
	struct txns *ts = e->ts;

	(void)txn_set_next(e, -1, NULL);
	if (e->producer_id >= 0)
		(void)leat_map_remove(&ts->by_producer,
		    producer_key(&e->producer_id));
	(void)leat_map_remove(&ts->by_id, leat_str_c(e->id));
	entry_free(e);
}

int
txn_part_add(struct txn_entry *e, struct broker_partition *p, size_t *ret_i,
    struct leat_err *err)
{
	if (e->nparts == 0)
		e->cap_parts = e->parts == NULL ? 0 : e->cap_parts;
	if (e->nparts == e->cap_parts) {
		size_t cap = e->cap_parts == 0 ? 4 : e->cap_parts * 2;
		void *more = cap > TXN_PARTS_MAX ? NULL :
		    realloc(e->parts, cap * sizeof(*e->parts));

		if (more == NULL)
			return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
			    "out of memory for a transaction");
		e->parts = more;
		e->cap_parts = cap;
	}
	partition_get(p);
	e->parts[e->nparts] = (struct txn_part){ .part = p };
	*ret_i = e->nparts++;
	return 0;
}

struct broker_partition *
txn_log(struct txns *ts, const char *id)
{
	return ts->parts[java_hash(leat_str_c(id)) %
	    (uint32_t)ts->npartitions];
}

/* --------------------------------------------------------------- states */

int
txn_ask(const struct txn_entry *e, enum txn_event event, struct leat_err *err)
{
	const char *text = txn_event_text(event);

	switch (txn_cell(e->state, event).answer) {
	case TXN_GO:
		return 0;
	case TXN_NOTHING:
		return 1;
	case TXN_NO:
		return leat_err_set(err, LEAT_CLS_FATAL, BROKER_E_TXN_STATE,
		    "transactional id '%s': %s, but it is %s", e->id, text,
		    txn_status_name(e->state));
	case TXN_BUSY:
		return leat_err_set(err, LEAT_CLS_RETRY, BROKER_E_TXN_BUSY,
		    "transactional id '%s': %s, but it is still %s", e->id,
		    text, txn_status_name(e->state));
	case TXN_LOST:
		return leat_err_set(err, LEAT_CLS_FATAL, BROKER_E_OFFLINE,
		    "transactional id '%s': %s", e->id, e->failure.text);
	case TXN_IMPOSSIBLE:
		break;
	}
	UNREACHABLE(text);
}

void
txn_move(struct txn_entry *e, enum txn_event event)
{
	struct txn_cell c = txn_cell(e->state, event);

	lock_assert_held(&e->ts->lock);
	assert(c.answer == TXN_GO);
	e->state = c.to;
	e->update_ms = clock_wall_ms(e->ts->b->env.clock);
}

void
txn_restore(struct txn_entry *e, enum txn_status state)
{
	e->state = state;
}

void
txn_started(struct txn_entry *e)
{
	e->start_ms = clock_wall_ms(e->ts->b->env.clock);
	e->start_mono_ns = clock_mono_ns(e->ts->b->env.clock);
}

int
txn_set_producer(struct txn_entry *e, int64_t producer_id, int16_t epoch,
    struct leat_err *err)
{
	struct leat_map *m = &e->ts->by_producer;

	if (producer_id != e->producer_id &&
	    leat_map_set(m, producer_key(&producer_id), e, NULL) < 0)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for a transaction");
	if (producer_id != e->producer_id && e->producer_id >= 0)
		(void)leat_map_remove(m, producer_key(&e->producer_id));
	e->producer_id = producer_id;
	e->epoch = epoch;
	return 0;
}

int
txn_new_producer(struct txn_entry *e, struct leat_err *err)
{
	int64_t id;
	int rc = broker_producer_id(e->ts->b, &id, err);

	return rc < 0 ? rc : txn_set_producer(e, id, 0, err);
}

int
txn_set_next(struct txn_entry *e, int64_t producer_id, struct leat_err *err)
{
	struct leat_map *m = &e->ts->by_producer;

	if (producer_id >= 0 &&
	    leat_map_set(m, producer_key(&producer_id), e, NULL) < 0)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for a transaction");
	if (e->next_producer_id >= 0)
		(void)leat_map_remove(m, producer_key(&e->next_producer_id));
	e->next_producer_id = producer_id;
	return 0;
}

void
txn_bumped(struct txn_entry *e, int64_t last_id, int16_t last_epoch)
{
	e->last_producer_id = last_id;
	e->last_epoch = last_epoch;
	if (e->next_producer_id < 0)
		return;
	/* It is in the table already, so this cannot fail. */
	(void)txn_set_producer(e, e->next_producer_id, 0, NULL);
	e->next_producer_id = -1;
}

int
txns_verify(void *arg, struct broker_partition *p, int64_t producer_id,
    int16_t epoch, struct leat_err *err)
{
	struct txns *ts = ((struct broker *)arg)->txns;
	const struct txn_entry *e;
	int rc = BROKER_E_TXN_STATE;

	lock_acquire(&ts->lock);
	e = leat_map_get(&ts->by_producer, producer_key(&producer_id));
	if (e != NULL && epoch != e->epoch)
		rc = leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_FENCED,
		    "producer %lld epoch %d is not the current one, %d",
		    (long long)producer_id, epoch, e->epoch);
	else if (e != NULL && e->remote && !e->busy && e->epoch == epoch &&
	    e->state == TXN_ONGOING &&
	    partition_txn_joined(p, producer_id, epoch))
		rc = 0;
	lock_release(&ts->lock);
	if (rc != BROKER_E_TXN_STATE)
		return rc;
	return leat_err_set(err, LEAT_CLS_FATAL, BROKER_E_TXN_STATE,
	    "%s-%d is in no open transaction of producer %lld epoch %d",
	    p->topic, p->number, (long long)producer_id, epoch);
}

/* -------------------------------------------------------------- records */

static int
part_order(const void *a, const void *b)
{
	const struct txn_part *x = *(struct txn_part *const *)a;
	const struct txn_part *y = *(struct txn_part *const *)b;
	int c = strcmp(x->part->topic, y->part->topic);

	if (c != 0)
		return c;
	return x->part->number < y->part->number ? -1 :
	    x->part->number > y->part->number;
}

static bool
has_places(enum txn_status s)
{
	return s == TXN_ONGOING || s == TXN_PREPARE_COMMIT ||
	    s == TXN_PREPARE_ABORT;
}

/* The parts in the order of their topics; the array is to be freed. */
static struct txn_part **
sorted_parts(const struct txn_entry *e)
{
	struct txn_part **list = calloc(e->nparts + 1,
	    sizeof(struct txn_part *));

	for (size_t i = 0; list != NULL && i < e->nparts; i++)
		list[i] = &e->parts[i];
	if (list != NULL && e->nparts > 1)
		qsort(list, e->nparts, sizeof(struct txn_part *), part_order);
	return list;
}

/* What the record says; `v` lacks only the places. */
static int
add_record(struct batch_builder *bb, const struct txn_entry *e,
    struct txn_value *v, struct leat_err *err)
{
	size_t n = has_places(v->status) ? e->nparts : 0;
	struct txn_part **parts = sorted_parts(e);
	struct record rec = { .timestamp_ms = v->update_ms };
	struct record_header header = { .name = leat_str_c(txn_header_name) };
	struct leat_buf key, value, ends;
	int rc;

	leat_buf_init(&key, TXN_RECORD_MAX_BYTES);
	leat_buf_init(&value, TXN_RECORD_MAX_BYTES);
	leat_buf_init(&ends, TXN_RECORD_MAX_BYTES);
	v->places = calloc(n + 1, sizeof(*v->places));
	v->nplaces = n;
	value.failed = parts == NULL || v->places == NULL;
	for (size_t i = 0; !value.failed && i < n; i++)
		v->places[i] = (struct txn_place){
		    leat_str_c(parts[i]->part->topic), parts[i]->part->number };
	txn_key_encode(&key, leat_str_c(e->id));
	txn_header_begin(&ends);
	for (size_t i = 0; !value.failed && i < n &&
	    v->status != TXN_ONGOING; i++)
		txn_header_add(&ends, parts[i]->topic_id, parts[i]->end);
	if (!value.failed)
		txn_value_encode(&value, v);
	rec.key = (struct leat_str){ (char *)key.data, key.len };
	rec.value = (struct leat_str){ (char *)value.data, value.len };
	header.value = (struct leat_str){ (char *)ends.data, ends.len };
	rec.headers = &header;
	rec.nheaders = e->remote ? 1 : 0;
	if (key.failed || value.failed || ends.failed)
		rc = leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for a transaction's record");
	else
		rc = batch_builder_add(bb, &rec, err);
	free(v->places);
	free(parts);
	leat_buf_fini(&key);
	leat_buf_fini(&value);
	leat_buf_fini(&ends);
	return rc;
}

static int
append_record(struct txn_entry *e, struct txn_value *v, int64_t *ret_end,
    struct leat_err *err)
{
	struct batch_builder *bb = batch_builder_new(CODEC_NONE, 0,
	    TXN_RECORD_MAX_BYTES * 2);
	struct broker_appended done;
	uint8_t *data;
	size_t len;
	int rc;

	if (bb == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for a transaction's record");
	if ((rc = add_record(bb, e, v, err)) == 0 &&
	    (rc = batch_builder_finish(bb, NULL, &data, &len, err)) == 0 &&
	    (rc = partition_append_own(txn_log(e->ts, e->id), data, len,
	    &done, err)) == 0)
		*ret_end = done.last_offset + 1;
	batch_builder_free(bb);
	return rc < 0 ? leat_err_wrap(err, "transaction '%s'", e->id) : 0;
}

int
txn_write(struct txn_entry *e, enum txn_status status, int64_t *ret_end,
    struct leat_err *err)
{
	bool ends = status == TXN_PREPARE_COMMIT || status == TXN_PREPARE_ABORT;
	struct txn_value v = { .producer_id = e->producer_id,
	    .epoch = e->epoch, .timeout_ms = e->timeout_ms, .status = status,
	    .update_ms = clock_wall_ms(e->ts->b->env.clock),
	    .start_ms = has_places(status) ? e->start_ms : -1,
	    .version = ends ? txn_ending_version(e) : e->version,
	    .previous_id = ends ? e->producer_id : e->last_producer_id,
	    .next_id = e->next_producer_id };
	int rc = append_record(e, &v, ret_end, err);

	if (rc == 0)
		e->complete_due = false;	/* this one says more */
	return rc;
}

int
txn_write_complete(struct txn_entry *e, struct leat_err *err)
{
	struct txn_value v = { .producer_id = e->finished.producer_id,
	    .epoch = e->finished.epoch, .timeout_ms = e->timeout_ms,
	    .status = e->finished.status,
	    .update_ms = clock_wall_ms(e->ts->b->env.clock),
	    .start_ms = e->start_ms, .version = e->finished.version,
	    .previous_id = e->finished.previous_id, .next_id = -1 };
	int64_t end;
	int rc = append_record(e, &v, &end, err);

	if (rc == 0)
		e->complete_due = false;
	return rc;
}

/* ----------------------------------------------------------- looking on */

static void
show_entry(const struct txn_entry *e, txn_info_fn *fn, void *arg)
{
	struct txn_part **parts = sorted_parts(e);
	struct txn_place *places = calloc(e->nparts + 1, sizeof(*places));
	struct txn_info info = { .id = e->id, .state = e->state,
	    .producer_id = e->producer_id, .epoch = e->epoch,
	    .timeout_ms = e->timeout_ms,
	    .start_ms = e->nparts > 0 ? e->start_ms : -1, .places = places };

	for (size_t i = 0; parts != NULL && places != NULL && i < e->nparts;
	    i++)
		places[info.nplaces++] = (struct txn_place){
		    leat_str_c(parts[i]->part->topic),
		    parts[i]->part->number };
	fn(arg, &info);
	free(places);
	free(parts);
}

int
txns_each(struct txns *ts, const char *id, txn_info_fn *fn, void *arg)
{
	const struct leat_map_entry *me;
	const struct txn_entry *one;
	size_t it = 0;
	int rc = 0;

	lock_acquire(&ts->lock);
	if (id != NULL) {
		one = txn_entry_find(ts, id);
		if (one != NULL)
			show_entry(one, fn, arg);
		else
			rc = LEAT_E_NOTFOUND;
	}
	while (id == NULL && (me = leat_map_next(&ts->by_id, &it)) != NULL)
		show_entry(me->value, fn, arg);
	lock_release(&ts->lock);
	return rc;
}

/* --------------------------------------------------------------- opening */

static const struct broker_setting topic_settings[] = {
	{ "cleanup.policy", "compact" },
	{ "compression.type", "uncompressed" },
	{ "segment.bytes", "4194304" },
	/* What is compacted was written before txns_sync_markers was called. */
	{ "min.compaction.lag.ms", "10000" },
};

int
txns_open(struct broker *b, struct txns **ret, struct leat_err *err)
{
	struct txns *ts;
	int rc;

	rc = topic_ensure_internal(b, txn_topic, b->o.txn_partitions,
	    topic_settings, ARRAY_LEN(topic_settings), err);
	if (rc < 0)
		return rc;
	if ((ts = calloc(1, sizeof(*ts))) == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for transactions");
	ts->b = b;
	lock_init(&ts->lock, RANK_TXN);
	cond_init(&ts->cond);
	ts->npartitions = broker_topic_partitions(b, txn_topic);
	ts->parts = calloc((size_t)ts->npartitions, sizeof(*ts->parts));
	if (ts->parts == NULL)
		rc = leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for transactions");
	for (int32_t i = 0; i < ts->npartitions && rc == 0; i++)
		ts->parts[i] = broker_partition_get(b, txn_topic, i, err);
	if (rc == 0)
		rc = txns_recover(ts, err);
	if (rc < 0) {
		txns_close(ts);
		return leat_err_wrap(err, "recover transactions");
	}
	*ret = ts;
	return 0;
}

void
txns_close(struct txns *ts)
{
	const struct leat_map_entry *e;
	size_t it = 0;

	if (ts == NULL)
		return;
	while ((e = leat_map_next(&ts->by_id, &it)) != NULL)
		entry_free(e->value);
	leat_map_fini(&ts->by_id);
	leat_map_fini(&ts->by_producer);
	for (int32_t i = 0; ts->parts != NULL && i < ts->npartitions; i++)
		broker_partition_put(ts->parts[i]);
	free(ts->parts);
	cond_fini(&ts->cond);
	lock_fini(&ts->lock);
	free(ts);
}
