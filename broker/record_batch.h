/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_batch.h: Kafka's RecordBatch v2, built and read (docs/FORMAT-log.md).
 *
 * The builder takes records and gives the bytes that stand in a segment; base
 * offset and leader epoch are filled in by the append, the rest here. The
 * reader walks the records of one batch, decompressing when it must, with a
 * limit on what it inflates. Neither is thread-safe. Part of broker.h.
 */
#ifndef LEAT_BROKER_RECORD_BATCH_H
#define LEAT_BROKER_RECORD_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/buf.h>
#include <leat/err.h>
#include <leat/str.h>

enum record_codec {
	CODEC_NONE = 0,
	CODEC_GZIP = 1,
	CODEC_SNAPPY = 2,
	CODEC_LZ4 = 3,
	CODEC_ZSTD = 4,
	CODEC_N
};

enum {
	RECORD_BATCH_HEADER_BYTES = 61,
	/* attributes */
	BATCH_CODEC_MASK = 0x07,
	BATCH_LOG_APPEND_TIME = 0x08,
	BATCH_TRANSACTIONAL = 0x10,
	BATCH_CONTROL = 0x20,
	BATCH_DELETE_HORIZON = 0x40
};

/* The header of a batch, decoded. */
struct batch_header {
	int64_t base_offset;
	int32_t length;		/* bytes behind this field */
	int32_t leader_epoch;
	uint32_t crc;
	uint16_t attributes;
	int32_t last_offset_delta;
	int64_t base_timestamp;
	int64_t max_timestamp;
	int64_t producer_id;
	int16_t producer_epoch;
	int32_t base_sequence;
	int32_t count;
	size_t size;		/* of the whole batch: length + 12 */
};

struct record_header {
	struct leat_str name;
	struct leat_str value;	/* ptr NULL: null */
};

/* One record; strings point into the batch or the reader's memory. */
struct record {
	int64_t offset;
	int64_t timestamp_ms;
	struct leat_str key;	/* ptr NULL: null */
	struct leat_str value;	/* ptr NULL: null (a tombstone) */
	const struct record_header *headers;
	uint32_t nheaders;
};

/* "gzip", "zstd", ... ("none", "uncompressed") or -1. */
int record_codec_parse(struct leat_str name);
const char *record_codec_name(enum record_codec codec);

/* CRC-32C (Castagnoli), in hardware where there is any. */
uint32_t crc32c(uint32_t crc, const void *p, size_t len);
/* The same without the hardware, for tests. */
uint32_t crc32c_portable(uint32_t crc, const void *p, size_t len);

/* ----------------------------------------------------------- building */

struct batch_builder;

/* level 0: the codec's default. max_bytes bounds the uncompressed batch. */
struct batch_builder *batch_builder_new(enum record_codec codec, int level,
    size_t max_bytes);
void batch_builder_free(struct batch_builder *b);
/* Starts the next batch; keeps the memory. */
void batch_builder_reset(struct batch_builder *b);
uint32_t batch_builder_count(const struct batch_builder *b);
/* Uncompressed bytes so far, header included. */
size_t batch_builder_bytes(const struct batch_builder *b);
/* Memory held, for budgets. */
size_t batch_builder_held(const struct batch_builder *b);
/*
 * Appends a record (rec->offset is ignored: offsets count from 0). 0,
 * LEAT_E_LIMIT when the batch is full (finish it and begin the next; a record
 * that does not fit an empty batch is class RECORD), -ENOMEM.
 */
int batch_builder_add(struct batch_builder *b, const struct record *rec,
    struct leat_err *err);
/*
 * Finishes: compresses, fills the header, computes the CRC. The bytes are the
 * builder's, valid until reset; base offset 0, leader epoch -1.
 */
struct batch_identity {
	int64_t producer_id;	/* -1: none */
	int16_t producer_epoch;
	int32_t base_sequence;
	bool transactional;
};
int batch_builder_finish(struct batch_builder *b,
    const struct batch_identity *id, uint8_t **ret_data, size_t *ret_len,
    struct leat_err *err);

/* ------------------------------------------------------------ reading */

/*
 * Decodes and checks a header (sizes, magic; with check_crc the checksum too).
 * 0; 1 when `len` is too short to tell; LEAT_E_CORRUPT with a reason.
 */
int batch_header_decode(const void *p, size_t len, bool check_crc,
    struct batch_header *ret_header, struct leat_err *err);

struct batch_reader;

struct batch_reader *batch_reader_new(size_t max_inflated_bytes);
void batch_reader_free(struct batch_reader *r);
/* Memory held, for budgets. */
size_t batch_reader_held(const struct batch_reader *r);
/* Opens a whole batch (size bytes at p, which must stay). */
int batch_reader_open(struct batch_reader *r, const void *p, size_t len,
    struct leat_err *err);
const struct batch_header *batch_reader_header(const struct batch_reader *r);
/* 1 and a record, 0 at the end, negative when the batch is corrupt. */
int batch_reader_next(struct batch_reader *r, struct record *ret_record,
    struct leat_err *err);

#endif
