/* SPDX-License-Identifier: Apache-2.0 */
/*
 * codec.h: the four compressions of Kafka's batches, as Java writes them and
 * as all known clients do. A codec keeps the libraries' contexts between
 * batches; not thread-safe.
 */
#ifndef LEAT_BROKER_CODEC_H
#define LEAT_BROKER_CODEC_H

#include <stddef.h>

#include <leat/buf.h>
#include <leat/err.h>

#include "broker/record_batch.h"

struct codec {
	void *zstd_compress;
	void *zstd_inflate;
	void *lz4_inflate;
};

/* A zeroed codec is ready. */
void codec_fini(struct codec *c);
/* Appends the compressed form of src to `to`. level 0: the default. */
int codec_compress(struct codec *c, enum record_codec kind, int level,
    const void *src, size_t len, struct leat_buf *to, struct leat_err *err);
/*
 * Appends what src inflates to. Output beyond to->max is LEAT_E_LIMIT, bytes
 * that are not of that codec LEAT_E_CORRUPT.
 */
int codec_inflate(struct codec *c, enum record_codec kind, const void *src,
    size_t len, struct leat_buf *to, struct leat_err *err);

#endif
