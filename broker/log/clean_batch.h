/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clean_batch.h: what compaction leaves of one batch.
 */
#ifndef LEAT_BROKER_CLEAN_BATCH_H
#define LEAT_BROKER_CLEAN_BATCH_H

#include <leat/buf.h>
#include <leat/err.h>
#include <leat/map.h>

#include "broker/log/batch.h"
#include "broker/log/codec.h"
#include "broker/log/key_map.h"
#include "broker/log/producers.h"

struct cleaning {
	const struct key_map *map;
	int64_t map_end;		/* the map knows all keys before it */
	int64_t now_ms;
	int64_t delete_retention_ms;
	const struct aborted_txn *aborted;
	size_t naborted;
	struct leat_map kept;		/* producers whose data was kept */
	struct batch_reader *reader;
	struct codec codec;
	struct leat_buf records;	/* of the batch being rebuilt */
	struct leat_buf out;		/* the rebuilt batch */
};

int cleaning_init(struct cleaning *c);
void cleaning_fini(struct cleaning *c);
/* Is this data of a transaction that was aborted? */
bool cleaning_is_aborted(const struct cleaning *c,
    const struct batch_header *h);
/*
 * 1 and the bytes to write (the batch itself, or a rebuilt one, valid until
 * the next call), 0 when nothing is left of it. With `must_stay` at least an
 * empty header is left.
 */
int cleaning_batch(struct cleaning *c, const struct batch_header *h,
    const uint8_t *batch, bool must_stay, const uint8_t **ret_data,
    size_t *ret_len, struct leat_err *err);

#endif
