/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_scan.h: walks the batches of a segment file in order.
 */
#ifndef LEAT_BROKER_LOG_SCAN_H
#define LEAT_BROKER_LOG_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/buf.h>
#include <leat/err.h>

#include "broker/log/batch.h"
#include "core/base/fsio.h"

struct log_scan {
	const struct fsio *fs;
	int fd;
	int64_t end;		/* of what may be read */
	int64_t pos;		/* of the batch returned last */
	int64_t next;		/* of the one behind it */
	size_t window;		/* how much is read at once */
	bool bodies;		/* whole batches, checksums checked */
	struct leat_buf buf;	/* bytes from buf_pos on */
	int64_t buf_pos;
};

/* Batches from byte `pos` on; nothing is read at or behind `end`. */
void log_scan_init(struct log_scan *s, const struct fsio *fs, int fd,
    int64_t pos, int64_t end, size_t window, bool bodies);
void log_scan_fini(struct log_scan *s);
/*
 * 1 and a batch (with bodies, *ret_batch points to all of it, valid until the
 * next call; else it is NULL), 0 at the end, LEAT_E_CORRUPT where bytes at
 * s->next are no batch, another code when reading failed.
 */
int log_scan_next(struct log_scan *s, struct batch_header *ret_header,
    const uint8_t **ret_batch, struct leat_err *err);

#endif
