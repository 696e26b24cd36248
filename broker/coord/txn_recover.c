/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transactions at the start: what was decided is shown, all else is aborted
 * (T1, T3, T4 in txns.c).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/coord/txns_int.h"
#include "core/base/obj.h"

/* The last record of a transactional id. */
struct last {
	struct txn_value value;
	uint8_t *bytes;		/* what value points into */
};

static void
last_free(struct last *l)
{
	if (l == NULL)
		return;
	free(l->value.places);
	free(l->bytes);
	free(l);
}

static int
load_record(struct leat_map *lasts, const struct record *rec)
{
	struct leat_str id;
	struct last *l;
	void *old = NULL;
	int rc;

	if (txn_key_decode(rec->key, &id) != 0)
		return 0;
	if (rec->value.ptr == NULL) {
		last_free(leat_map_remove(lasts, id));
		return 0;
	}
	if ((l = calloc(1, sizeof(*l))) == NULL)
		return -ENOMEM;
	l->bytes = malloc(rec->value.len + 1);
	if (l->bytes == NULL) {
		free(l);
		return -ENOMEM;
	}
	memcpy(l->bytes, rec->value.ptr, rec->value.len);
	rc = txn_value_decode((struct leat_str){ (char *)l->bytes,
	    rec->value.len }, &l->value);
	if (rc == 0)
		rc = leat_map_set(lasts, id, l, &old);
	if (rc < 0)
		last_free(l);
	last_free(old);
	return rc == LEAT_E_PROTO ? 0 : rc;
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

/*
 * Ends a decided transaction in one partition: 0 when nothing is left to do,
 * 1 when the partition cannot take the marker.
 */
static int
finish_place(struct txns *ts, const struct txn_value *v,
    const struct txn_place *place, struct leat_err *err)
{
	bool commit = v->status == TXN_PREPARE_COMMIT;
	struct broker_partition *p;
	char topic[256];
	int64_t end;
	int rc = 0;

	if (place->topic.len >= sizeof(topic))
		return 0;
	memcpy(topic, place->topic.ptr, place->topic.len);
	topic[place->topic.len] = '\0';
	p = topics_find(ts->b, topic, place->partition);
	if (p == NULL)
		return 0;		/* deleted since */
	if (partition_open_epoch(p, v->producer_id) == v->epoch) {
		rc = partition_append_marker(p, v->producer_id, v->epoch,
		    commit, &end, err);
		if (rc == 0)
			rc = flusher_sync(p, err);
		if (rc == BROKER_E_OFFLINE)
			rc = 1;
	}
	broker_partition_put(p);
	return rc;
}

static int
finish_txn(struct txns *ts, const char *id, const struct last *l,
    struct leat_err *err)
{
	const struct txn_value *v = &l->value;
	bool offline = false;
	struct txn_entry *e;
	int64_t end;
	int rc = 0;

	lock_acquire(&ts->lock);
	e = txn_entry_get_locked(ts, id);
	lock_release(&ts->lock);
	if (e == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for a transaction");
	e->producer_id = v->producer_id;
	e->epoch = v->epoch;
	e->timeout_ms = v->timeout_ms;
	e->start_ms = v->start_ms;
	if (v->status != TXN_PREPARE_COMMIT && v->status != TXN_PREPARE_ABORT)
		return 0;
	for (size_t i = 0; i < v->nplaces; i++) {
		rc = finish_place(ts, v, &v->places[i], err);
		if (rc < 0)
			return rc;
		offline = offline || rc == 1;
	}
	if (offline) {
		e->state = TX_DEAD;
		leat_err_set(&e->failure, LEAT_CLS_FATAL, BROKER_E_OFFLINE,
		    "a committed transaction cannot be shown in a damaged "
		    "partition");
		return 0;
	}
	return txn_write(e, v->status == TXN_PREPARE_COMMIT ?
	    TXN_COMPLETE_COMMIT : TXN_COMPLETE_ABORT, &end, err);
}

/* An open transaction of a partition that is not left open by a dead entry. */
static bool
next_open(struct txns *ts, struct broker_partition *p, int64_t *ret_id,
    int16_t *ret_epoch)
{
	const struct producer *pr;

	lock_acquire(&p->lock);
	pr = p->state == PART_ONLINE ? p->producers.open : NULL;
	while (pr != NULL) {
		const struct leat_map_entry *me;
		size_t it = 0;
		bool keep = false;

		while ((me = leat_map_next(&ts->by_id, &it)) != NULL) {
			const struct txn_entry *e = me->value;

			keep = keep || (e->state == TX_DEAD &&
			    e->producer_id == pr->id && e->epoch == pr->epoch);
		}
		if (!keep)
			break;
		pr = pr->next_open;
	}
	if (pr != NULL) {
		*ret_id = pr->id;
		*ret_epoch = pr->epoch;
	}
	lock_release(&p->lock);
	return pr != NULL;
}

static int
abort_open(struct txns *ts, struct leat_err *err)
{
	struct broker_partition **list;
	size_t n;
	int rc = 0;

	list = topics_partitions(ts->b, &n);
	if (list == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	for (size_t i = 0; i < n && rc == 0; i++) {
		int64_t id, end;
		int16_t epoch;

		while (rc == 0 && next_open(ts, list[i], &id, &epoch))
			rc = partition_append_marker(list[i], id, epoch, false,
			    &end, err);
	}
	partitions_put(list, n);
	return rc;
}

int
txns_recover(struct txns *ts, struct leat_err *err)
{
	const struct leat_map_entry *e;
	struct leat_map lasts;
	size_t it = 0;
	int rc = 0;

	leat_map_init(&lasts);
	for (int32_t i = 0; i < ts->npartitions && rc == 0; i++)
		rc = partition_each_batch(ts->parts[i], load_batch, &lasts,
		    err);
	while (rc == 0 && (e = leat_map_next(&lasts, &it)) != NULL)
		rc = finish_txn(ts, e->key, e->value, err);
	if (rc == 0)
		rc = abort_open(ts, err);
	it = 0;
	while ((e = leat_map_next(&lasts, &it)) != NULL)
		last_free(e->value);
	leat_map_fini(&lasts);
	return rc;
}
