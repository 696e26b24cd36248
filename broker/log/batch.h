/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch.h: what only the broker itself does with batches: writing a header in
 * place, transaction markers, single-record scans.
 */
#ifndef LEAT_BROKER_BATCH_H
#define LEAT_BROKER_BATCH_H

#include "broker/record_batch.h"

enum {
	BATCH_LENGTH_MIN = 49,	/* of the length field: no records */
	BATCH_MARKER_BYTES = 78,
	BATCH_INFLATED_MAX = 128 << 20,	/* what a batch may inflate to */
	MARKER_ABORT = 0,
	MARKER_COMMIT = 1
};

/* Reads the 61 bytes of a header as they stand, without any check. */
void batch_header_fields(const uint8_t *p, struct batch_header *ret_header);
/* Writes all 61 bytes; `length` and `crc` as they stand in h. */
void batch_header_encode(uint8_t *p, const struct batch_header *h);
/* Fills in the length and the checksum of a whole batch. */
void batch_seal(uint8_t *batch, size_t len);
/* A COMMIT or ABORT marker into BATCH_MARKER_BYTES bytes; its length. */
size_t batch_marker_encode(uint8_t *to, int64_t producer_id, int16_t epoch,
    bool commit, int32_t coordinator_epoch, int64_t timestamp_ms);
/*
 * Reads the marker in a control batch: MARKER_COMMIT, MARKER_ABORT, another
 * control type, or LEAT_E_CORRUPT.
 */
int batch_marker_decode(const uint8_t *batch, size_t len,
    int32_t *ret_coordinator_epoch);

/* The first offset behind a batch. */
static inline int64_t
batch_next_offset(const struct batch_header *h)
{
	return h->base_offset + h->last_offset_delta + 1;
}

#endif
