/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The transaction coordinator, for producers in this process.
 *
 * What always holds:
 *
 *  T1  A PREPARE_COMMIT record is written only after all data of the
 *      transaction is durable, and no marker is written before the record is.
 *      So what a marker shows will be shown again after any crash.
 *  T2  A record that takes the place of a PREPARE_COMMIT (the next PREPARE,
 *      COMPLETE, EMPTY) is written only after that commit's markers are
 *      durable. The next commit's first round of syncs covers them, being
 *      mostly in the same files; so a commit costs two rounds and no third.
 *  T3  Each transaction of a producer has its own epoch, and each opening of a
 *      transactional id its own producer id. So when markers are written again
 *      after a crash, data of a later transaction cannot be taken for the
 *      decided one: it has a larger epoch.
 *  T4  What is open in a partition and not decided by T1 is aborted at the
 *      start. An abort therefore needs no record and no sync.
 *
 * Written to __transaction_state: EMPTY at an opening, PREPARE_COMMIT, and
 * COMPLETE_COMMIT once the markers are durable and nothing newer was written.
 */
#include "broker/coord/txns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/coord/groups.h"
#include "broker/coord/offset_record.h"
#include "broker/coord/txns_int.h"
#include "core/base/obj.h"

enum { RECORD_MAX_BYTES = 16 << 20, ID_MAX_BYTES = 1024, PARTS_MAX = 100000 };

/* -------------------------------------------------------------- entries */

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
txn_entry_get_locked(struct txns *ts, const char *id)
{
	struct txn_entry *e = leat_map_get_c(&ts->by_id, id);

	lock_assert_held(&ts->lock);
	if (e != NULL)
		return e;
	if ((e = calloc(1, sizeof(*e))) == NULL)
		return NULL;
	e->ts = ts;
	e->id = strdup(id);
	e->producer_id = -1;
	if (e->id == NULL ||
	    leat_map_set(&ts->by_id, leat_str_c(id), e, NULL) < 0) {
		entry_free(e);
		return NULL;
	}
	return e;
}

struct broker_partition *
txn_log(struct txns *ts, const char *id)
{
	return ts->parts[java_hash(leat_str_c(id)) %
	    (uint32_t)ts->npartitions];
}

static int
place_order(const void *a, const void *b)
{
	const struct txn_place *x = a, *y = b;
	size_t n = MIN(x->topic.len, y->topic.len);
	int c = memcmp(x->topic.ptr, y->topic.ptr, n);

	if (c != 0)
		return c;
	if (x->topic.len != y->topic.len)
		return x->topic.len < y->topic.len ? -1 : 1;
	return x->partition < y->partition ? -1 : 1;
}

static int
encode(const struct txn_entry *e, enum txn_status status,
    struct batch_builder *bb, struct leat_err *err)
{
	int64_t now = clock_wall_ms(e->ts->b->env.clock);
	struct record rec = { .timestamp_ms = now };
	struct txn_value v = { .producer_id = e->producer_id,
	    .epoch = e->epoch, .timeout_ms = e->timeout_ms, .status = status,
	    .update_ms = now, .start_ms = e->start_ms };
	struct leat_buf key, value;
	int rc;

	leat_buf_init(&key, RECORD_MAX_BYTES);
	leat_buf_init(&value, RECORD_MAX_BYTES);
	if (status == TXN_PREPARE_COMMIT) {
		v.places = calloc(e->nparts + 1, sizeof(*v.places));
		if (v.places == NULL)
			value.failed = true;
		else
			v.nplaces = e->nparts;
	}
	for (size_t i = 0; i < v.nplaces; i++)
		v.places[i] = (struct txn_place){
		    leat_str_c(e->parts[i].part->topic),
		    e->parts[i].part->number };
	if (v.nplaces > 1)
		qsort(v.places, v.nplaces, sizeof(*v.places), place_order);
	txn_key_encode(&key, leat_str_c(e->id));
	if (!value.failed)
		txn_value_encode(&value, &v);
	rec.key = (struct leat_str){ (char *)key.data, key.len };
	rec.value = (struct leat_str){ (char *)value.data, value.len };
	if (key.failed || value.failed)
		rc = leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for a transaction's record");
	else
		rc = batch_builder_add(bb, &rec, err);
	free(v.places);
	leat_buf_fini(&key);
	leat_buf_fini(&value);
	return rc;
}

int
txn_write(struct txn_entry *e, enum txn_status status, int64_t *ret_end,
    struct leat_err *err)
{
	struct batch_builder *bb = batch_builder_new(CODEC_NONE, 0,
	    RECORD_MAX_BYTES * 2);
	struct broker_appended done;
	uint8_t *data;
	size_t len;
	int rc;

	if (bb == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for a transaction's record");
	if ((rc = encode(e, status, bb, err)) == 0 &&
	    (rc = batch_builder_finish(bb, NULL, &data, &len, err)) == 0 &&
	    (rc = partition_append_own(txn_log(e->ts, e->id), data, len,
	    &done, err)) == 0)
		*ret_end = done.last_offset + 1;
	batch_builder_free(bb);
	return rc < 0 ? leat_err_wrap(err, "transaction '%s'", e->id) : 0;
}

int
txn_mark(struct txn_entry *e, bool commit, int16_t epoch,
    struct leat_err *err)
{
	int rc = 0;

	for (size_t i = 0; i < e->nparts; i++) {
		struct leat_err why = LEAT_ERR_INIT;
		int r;

		if (e->parts[i].ended)
			continue;
		r = partition_append_marker(e->parts[i].part, e->producer_id,
		    epoch, commit, &e->parts[i].end, &why);
		/* A deleted topic has nothing to show or to hide. */
		if (r < 0 && r != LEAT_E_NOTFOUND) {
			rc = r;
			if (err != NULL)
				*err = why;
			continue;
		}
		e->parts[i].ended = true;
	}
	if (e->has_offsets)
		groups_end_txn(e->ts->b->groups, e->producer_id, commit);
	e->has_offsets = false;
	return rc;
}

int
txn_new_producer(struct txn_entry *e, struct leat_err *err)
{
	int64_t id;
	int rc = broker_producer_id(e->ts->b, &id, err);

	if (rc == 0) {
		e->producer_id = id;
		e->epoch = 0;
	}
	return rc;
}

/* ------------------------------------------------------------- the calls */

/* May t go on? The lock is held. */
int
txn_check_owner(const struct broker_txn *t, struct leat_err *err)
{
	const struct txn_entry *e = t->entry;

	if (e->owner != t)
		return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_FENCED,
		    "transactional id '%s': a newer producer took over, or "
		    "the transaction was open for too long", e->id);
	if (e->state == TX_DEAD)
		return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_STATE,
		    "transactional id '%s': %s", e->id, e->failure.text);
	if (e->state == TX_COMMITTING)
		return leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_STATE,
		    "transactional id '%s': a commit is in flight", e->id);
	return 0;
}

static int
take_over(struct txn_entry *e, struct broker_txn *t, int64_t timeout_ms,
    struct leat_err *err)
{
	int64_t end;
	int rc;

	txn_wait_idle_locked(e);
	if (e->state == TX_DEAD) {
		e->owner = t;
		rc = txn_check_owner(t, err);
		e->owner = NULL;
		return rc;
	}
	e->owner = NULL;
	if (e->state == TX_OPEN)
		txn_abort_locked(e, true);
	if ((rc = txn_finish_marked(e, err)) < 0 ||
	    (rc = txn_new_producer(e, err)) < 0)
		return rc;
	e->timeout_ms = (int32_t)MIN(timeout_ms, (int64_t)INT32_MAX);
	if ((rc = txn_write(e, TXN_EMPTY, &end, err)) == 0)
		e->owner = t;
	return rc;
}

int
broker_txn_open(struct broker *b, const char *transactional_id,
    int64_t timeout_ms, struct broker_txn **ret_txn, struct leat_err *err)
{
	struct txns *ts = b->txns;
	struct broker_txn *t;
	int rc;

	OBJ_CHECK(b, BROKER_MAGIC);
	if (transactional_id[0] == '\0' ||
	    strlen(transactional_id) > ID_MAX_BYTES)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "transactional id is empty or too long");
	if ((t = calloc(1, sizeof(*t))) == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for a transaction");
	t->magic = TXN_MAGIC;
	t->ts = ts;
	lock_acquire(&ts->lock);
	t->entry = txn_entry_get_locked(ts, transactional_id);
	if (t->entry == NULL)
		rc = leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for a transaction");
	else
		rc = take_over(t->entry, t, timeout_ms, err);
	lock_release(&ts->lock);
	if (rc < 0) {
		OBJ_FREE(t);
		return rc;
	}
	*ret_txn = t;
	return 0;
}

void
broker_txn_close(struct broker_txn *t)
{
	struct txn_entry *e;

	if (t == NULL)
		return;
	OBJ_CHECK(t, TXN_MAGIC);
	e = t->entry;
	lock_acquire(&t->ts->lock);
	if (e->owner == t) {
		txn_wait_idle_locked(e);
		if (e->state == TX_OPEN)
			txn_abort_locked(e, true);
		e->owner = NULL;
	}
	lock_release(&t->ts->lock);
	OBJ_FREE(t);
}

/* The part of a partition, made when it is new; the lock is held. */
static int
get_part(struct txn_entry *e, struct broker_partition *p, size_t *ret_i,
    struct leat_err *err)
{
	for (size_t i = 0; i < e->nparts; i++)
		if (e->parts[i].part == p) {
			*ret_i = i;
			return 0;
		}
	if (e->nparts == 0)
		e->cap_parts = 0;
	if (e->nparts == e->cap_parts) {
		size_t cap = e->cap_parts == 0 ? 4 : e->cap_parts * 2;
		void *more = cap > PARTS_MAX ? NULL :
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
	if (e->state == TX_IDLE) {
		e->state = TX_OPEN;
		e->start_ms = clock_wall_ms(e->ts->b->env.clock);
		e->start_mono_ns = clock_mono_ns(e->ts->b->env.clock);
	}
	return 0;
}

static int
append(struct broker_txn *t, struct broker_partition *p,
    struct batch_builder *builder, bool offsets, struct broker_appended *ret,
    struct leat_err *err)
{
	struct txn_entry *e = t->entry;
	struct batch_identity id = { .transactional = true };
	uint8_t *data;
	uint64_t serial = 0;
	size_t i = 0, len;
	int rc;

	lock_acquire(&t->ts->lock);
	if ((rc = txn_check_owner(t, err)) == 0 &&
	    (rc = get_part(e, p, &i, err)) == 0) {
		id.producer_id = e->producer_id;
		id.producer_epoch = e->epoch;
		id.base_sequence = e->parts[i].next_seq;
		serial = e->serial;
		e->has_offsets = e->has_offsets || offsets;
	}
	lock_release(&t->ts->lock);
	if (rc < 0 || (rc = batch_builder_finish(builder, &id, &data, &len,
	    err)) < 0 ||
	    (rc = partition_append_own(p, data, len, ret, err)) < 0)
		return rc;
	lock_acquire(&t->ts->lock);
	/* Else it was fenced meanwhile, and the markers have the last word. */
	if (e->owner == t && e->serial == serial) {
		e->parts[i].next_seq = sequence_add(e->parts[i].next_seq,
		    (int32_t)(ret->last_offset - ret->base_offset + 1));
		e->parts[i].end = ret->last_offset + 1;
	}
	lock_release(&t->ts->lock);
	return 0;
}

int
broker_txn_append(struct broker_txn *t, struct broker_partition *p,
    struct batch_builder *builder, struct broker_appended *ret_appended,
    struct leat_err *err)
{
	int64_t max, bytes = (int64_t)batch_builder_bytes(builder);

	OBJ_CHECK(t, TXN_MAGIC);
	OBJ_CHECK(p, PARTITION_MAGIC);
	lock_acquire(&p->lock);
	max = MIN(p->config.max_message_bytes, p->config.segment_bytes);
	lock_release(&p->lock);
	if (bytes > max && batch_builder_count(builder) > 1)
		return leat_err_set(err, LEAT_CLS_RECORD, BROKER_E_TOO_LARGE,
		    "batch of %lld bytes is larger than %s-%d takes (%lld)",
		    (long long)bytes, p->topic, p->number, (long long)max);
	return append(t, p, builder, false, ret_appended, err);
}

int
broker_txn_offsets(struct broker_txn *t, const char *group,
    const struct broker_group_offset *offsets, size_t n, struct leat_err *err)
{
	struct groups *gs = t->ts->b->groups;
	struct broker_appended done;
	struct broker_partition *p;
	struct batch_builder *bb;
	int64_t id;
	int rc;

	OBJ_CHECK(t, TXN_MAGIC);
	if (n == 0)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (offsets[i].offset < 0)
			return leat_err_set(err, LEAT_CLS_CONFIG,
			    LEAT_E_CONFIG, "a transaction cannot forget the "
			    "offset of '%.60s'", offsets[i].topic);
	if ((rc = groups_prepare(gs, group, offsets, n, &bb, err)) < 0)
		return rc;
	p = groups_partition(gs, group);
	lock_acquire(&t->ts->lock);
	id = t->entry->producer_id;
	lock_release(&t->ts->lock);
	rc = append(t, p, bb, true, &done, err);
	if (rc == 0)
		rc = groups_add_pending(gs, id, group, offsets, n, err);
	lock_acquire(&t->ts->lock);
	if (t->entry->owner != t)	/* fenced meanwhile, and so aborted */
		groups_end_txn(gs, id, false);
	lock_release(&t->ts->lock);
	broker_partition_put(p);
	batch_builder_free(bb);
	return rc;
}

int
broker_txn_abort(struct broker_txn *t, struct leat_err *err)
{
	struct txn_entry *e = t->entry;
	int rc;

	OBJ_CHECK(t, TXN_MAGIC);
	lock_acquire(&t->ts->lock);
	rc = txn_check_owner(t, err);
	if (rc == 0 && e->state == TX_OPEN)
		txn_abort_locked(e, false);
	if (rc == 0 && e->state == TX_DEAD)
		rc = txn_check_owner(t, err);
	lock_release(&t->ts->lock);
	return rc;
}

int
txns_verify(void *arg, struct broker_partition *p, int64_t producer_id,
    int16_t epoch, struct leat_err *err)
{
	struct broker *b = arg;
	const struct leat_map_entry *me;
	size_t it = 0;
	bool found = false;

	lock_acquire(&b->txns->lock);
	while (!found && (me = leat_map_next(&b->txns->by_id, &it)) != NULL) {
		const struct txn_entry *e = me->value;

		if (e->producer_id != producer_id || e->epoch != epoch ||
		    e->state != TX_OPEN)
			continue;
		for (size_t i = 0; i < e->nparts; i++)
			found = found || e->parts[i].part == p;
	}
	lock_release(&b->txns->lock);
	if (found)
		return 0;
	return leat_err_set(err, LEAT_CLS_FATAL, BROKER_E_TXN_STATE,
	    "%s-%d is in no open transaction of producer %lld epoch %d",
	    p->topic, p->number, (long long)producer_id, epoch);
}

void
txns_expire(struct txns *ts)
{
	int64_t now = clock_mono_ns(ts->b->env.clock);
	const struct leat_map_entry *me;
	size_t it = 0;

	lock_acquire(&ts->lock);
	while ((me = leat_map_next(&ts->by_id, &it)) != NULL) {
		struct txn_entry *e = me->value;

		if (e->state != TX_OPEN || e->timeout_ms <= 0 ||
		    now - e->start_mono_ns < (int64_t)e->timeout_ms * 1000000)
			continue;
		log_warn(&ts->b->env.lg, "transaction timed out, aborted",
		    "id=%s timeout_ms=%d", e->id, e->timeout_ms);
		txn_abort_locked(e, true);
		e->owner = NULL;
	}
	lock_release(&ts->lock);
}

/* --------------------------------------------------------------- opening */

static const struct broker_setting topic_settings[] = {
	{ "cleanup.policy", "compact" },
	{ "compression.type", "uncompressed" },
	{ "segment.bytes", "4194304" },
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
	for (int32_t i = 0; ts->parts != NULL && i < ts->npartitions; i++)
		broker_partition_put(ts->parts[i]);
	free(ts->parts);
	cond_fini(&ts->cond);
	lock_fini(&ts->lock);
	free(ts);
}
