/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a partition and the transaction coordinator tell each other.
 *
 * A remote producer may append to a transaction only where it has joined: the
 * coordinator says so after it has written down that the partition is part of
 * the transaction, and a marker (or the beginning of the end) takes it back
 * under the same lock. So no batch that was long under way can open a
 * transaction that nobody would end.
 */
#include <errno.h>
#include <stdlib.h>

#include "broker/log/partition.h"

bool
partition_open_txn(struct broker_partition *p, int64_t producer_id,
    struct open_txn *ret_open)
{
	const struct producer *pr;
	bool open;

	lock_acquire(&p->lock);
	pr = producers_find(&p->producers, producer_id);
	open = pr != NULL && pr->txn_first >= 0;
	if (open)
		*ret_open = (struct open_txn){ pr->epoch, pr->txn_first };
	lock_release(&p->lock);
	return open;
}

int
partition_txn_join(struct broker_partition *p, int64_t producer_id,
    int16_t epoch, struct leat_err *err)
{
	int rc;

	lock_acquire(&p->lock);
	if ((rc = partition_check_locked(p, err)) == 0 &&
	    (rc = producers_reserve(&p->producers, producer_id, err)) == 0)
		producers_find(&p->producers, producer_id)->txn_epoch = epoch;
	lock_release(&p->lock);
	return rc;
}

bool
partition_txn_joined(struct broker_partition *p, int64_t producer_id,
    int16_t epoch)
{
	const struct producer *pr;
	bool joined;

	lock_acquire(&p->lock);
	pr = producers_find(&p->producers, producer_id);
	joined = pr != NULL && pr->txn_epoch == epoch;
	lock_release(&p->lock);
	return joined;
}

static int64_t
txn_end(struct broker_partition *p, int64_t producer_id, bool leave)
{
	struct producer *pr;
	int64_t end = 0;

	lock_acquire(&p->lock);
	pr = producers_find(&p->producers, producer_id);
	if (pr != NULL && pr->txn_first >= 0)
		end = pr->nbatches > 0 ?
		    pr->batches[pr->nbatches - 1].last_offset + 1 :
		    offset_load(&p->written);
	if (pr != NULL && leave)
		pr->txn_epoch = -1;
	lock_release(&p->lock);
	return end;
}

int64_t
partition_txn_leave(struct broker_partition *p, int64_t producer_id)
{
	return txn_end(p, producer_id, true);
}

int64_t
partition_txn_end(struct broker_partition *p, int64_t producer_id)
{
	return txn_end(p, producer_id, false);
}

bool
partition_has_batches(struct broker_partition *p, int64_t producer_id)
{
	const struct producer *pr;
	bool has;

	lock_acquire(&p->lock);
	pr = producers_find(&p->producers, producer_id);
	has = pr != NULL && pr->nbatches > 0;
	lock_release(&p->lock);
	return has;
}

int32_t
partition_next_sequence(struct broker_partition *p, int64_t producer_id,
    int16_t epoch)
{
	const struct producer *pr;
	int32_t next = 0;

	lock_acquire(&p->lock);
	pr = producers_find(&p->producers, producer_id);
	if (pr != NULL && pr->epoch == epoch && pr->nbatches > 0)
		next = sequence_add(
		    pr->batches[pr->nbatches - 1].last_seq, 1);
	lock_release(&p->lock);
	return next;
}

struct producer_info *
partition_producers(struct broker_partition *p, size_t *ret_n)
{
	const struct leat_map_entry *e;
	struct producer_info *list;
	size_t it = 0, n = 0;

	lock_acquire(&p->lock);
	list = calloc(producers_count(&p->producers) + 1, sizeof(*list));
	while (list != NULL &&
	    (e = leat_map_next(&p->producers.by_id, &it)) != NULL) {
		const struct producer *pr = e->value;

		if (pr->epoch < 0)
			continue;	/* has joined, and written nothing */
		list[n++] = (struct producer_info){ pr->id, pr->epoch,
		    pr->nbatches == 0 ? -1 :
		    pr->batches[pr->nbatches - 1].last_seq, pr->last_ts,
		    pr->coordinator_epoch, pr->txn_first };
	}
	lock_release(&p->lock);
	*ret_n = n;
	return list;
}
