/* SPDX-License-Identifier: Apache-2.0 */
/* Compressing anew: see recode.h. */
#include "broker/log/recode.h"

#include <errno.h>

#include <leat/wire.h>

#include "broker/broker.h"
#include "broker/log/validate.h"

bool
recode_needed(const struct batch_header *h, const struct topic_config *c)
{
	return c->compression != COMPRESSION_PRODUCER &&
	    (h->attributes & BATCH_CODEC_MASK) != c->compression;
}

/* As the builder counts: 0 is the codec's own. */
static int
level_of(const struct topic_config *c)
{
	if (c->compression == CODEC_GZIP)
		return c->gzip_level < 0 ? 0 : (int)c->gzip_level;
	if (c->compression == CODEC_LZ4)
		return (int)c->lz4_level;
	return c->compression == CODEC_ZSTD ? (int)c->zstd_level : 0;
}

static int
copy_records(const uint8_t *batch, size_t len, struct batch_builder *to,
    struct leat_err *err)
{
	struct batch_reader *r = batch_reader_new(BATCH_INFLATED_MAX);
	struct record rec;
	int rc;

	if (r == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for a batch");
	rc = batch_reader_open(r, batch, len, err);
	while (rc >= 0 && (rc = batch_reader_next(r, &rec, err)) > 0)
		rc = batch_builder_add(to, &rec, err);
	batch_reader_free(r);
	return rc;
}

/* What the builder does not know. */
static int
finish(uint8_t *batch, size_t len, const struct batch_header *from,
    const struct topic_config *c, struct batch_header *ret_header,
    struct leat_err *err)
{
	struct batch_header h;
	int rc;

	if ((rc = validate_size(batch, len, c, err)) < 0)
		return rc;
	batch_header_fields(batch, &h);
	if ((from->attributes & BATCH_LOG_APPEND_TIME) != 0) {
		h.attributes |= BATCH_LOG_APPEND_TIME;
		h.max_timestamp = from->max_timestamp;
		batch_header_encode(batch, &h);
		batch_seal(batch, len);
		h.crc = leat_get_u32(batch + 17);
	}
	*ret_header = h;
	return 0;
}

int
recode(const uint8_t *batch, size_t len, const struct topic_config *c,
    struct batch_builder **ret_builder, uint8_t **ret_batch, size_t *ret_len,
    struct batch_header *ret_header, struct leat_err *err)
{
	struct batch_builder *b = batch_builder_new(
	    (enum record_codec)c->compression, level_of(c),
	    BATCH_INFLATED_MAX);
	struct batch_identity id;
	struct batch_header from;
	uint8_t *data;
	size_t n;
	int rc;

	if (b == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for a batch");
	batch_header_fields(batch, &from);
	id = (struct batch_identity){
		.producer_id = from.producer_id,
		.producer_epoch = from.producer_epoch,
		.base_sequence = from.base_sequence,
		.transactional =
		    (from.attributes & BATCH_TRANSACTIONAL) != 0,
	};
	if ((rc = copy_records(batch, len, b, err)) < 0 ||
	    (rc = batch_builder_finish(b, &id, &data, &n, err)) < 0 ||
	    (rc = finish(data, n, &from, c, ret_header, err)) < 0) {
		batch_builder_free(b);
		return leat_err_wrap(err, "compress as the topic wants");
	}
	*ret_builder = b;
	*ret_batch = data;
	*ret_len = n;
	return 0;
}
