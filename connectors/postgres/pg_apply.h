/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_apply.h: what the messages of the stream do: begin and end transactions,
 * describe tables, become records.
 */
#ifndef LEAT_PG_APPLY_H
#define LEAT_PG_APPLY_H

#include "pg_stream.h"

/*
 * One XLogData frame. 0; PG_CONV_NOMEM: the batch is full, the same frame again
 * later; or an error.
 */
int pg_apply(struct pg_stream *s, struct leat_batch *b,
    const struct pgo_frame *f, struct leat_err *err);

/* Gives the batch the position behind its last record. */
int pg_apply_position(struct pg_stream *s, struct leat_batch *b,
    struct leat_err *err);

/* {"server":"px"} with the prefix escaped; 0 or -ENOMEM. */
int pg_partition_json(const char *prefix, struct leat_buf *b);

#endif
