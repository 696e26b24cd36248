/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_batch.h: what a source's poll() fills: memory in chunks, records,
 * and the positions said on the way. Belongs to one task; its memory
 * counts in the task's share of the worker's bound.
 */
#ifndef LEAT_CORE_WORKER_SOURCE_BATCH_H
#define LEAT_CORE_WORKER_SOURCE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/buf.h>
#include <leat/connector.h>
#include <leat/map.h>

enum {
	BATCH_CHUNK = 256 * 1024,
	BATCH_KEEP = 4,		/* chunks kept for the next poll */
	BATCH_RECORDS_MIN = 256,
	BATCH_POSITIONS_MAX = 100000
};

struct batch_chunk {
	struct batch_chunk *next;
	size_t size;
	_Alignas(16) uint8_t data[];
};

/*
 * Where one source partition stands. An offset moves from `polled` (said in
 * this poll) to `ready` (all its records are produced) to `flying` (in the
 * commit under way), and is told to durable() from there.
 */
struct batch_position {
	struct batch_position *next;
	struct batch_position *next_polled;
	char *partition;
	struct leat_buf polled;
	struct leat_buf ready;
	struct leat_buf flying;
	bool is_polled, is_ready, is_flying;
};

struct batch {
	struct leat_batch pub;	/* first: what the plugin sees */
	struct leat_record *records;
	uint32_t cap;
	uint32_t max_records;
	uint32_t prefix;	/* records before the last position */
	size_t held;		/* memory of chunks and records */
	size_t max_bytes;
	size_t max_piece;	/* of memory at once */
	size_t overhead;	/* what the task holds besides */
	struct batch_chunk *chunks;	/* in use; the first is filled */
	struct batch_chunk *free;
	size_t nfree;
	struct leat_map by_name;	/* partition to position */
	struct batch_position *positions;
	struct batch_position *last;
	struct batch_position *polled;	/* those said in this poll */
	bool failed;		/* an offset could not be kept */
};

int batch_init(struct batch *b, struct leat_task *t, uint32_t max_records,
    size_t max_bytes);
void batch_fini(struct batch *b);
/* Forgets records and memory of the last poll. */
void batch_reset(struct batch *b);
/* Gives back memory that is only kept for speed. */
void batch_trim(struct batch *b);

/* Behind the host table. */
uint8_t *batch_grow(struct leat_batch *pub, uint64_t size);
int32_t batch_add(struct leat_batch *pub, const struct leat_record *rec);
int32_t batch_position(struct leat_batch *pub,
    const struct leat_position *pos);

/*
 * All records before the last position are produced: what was polled is ready.
 * true when any position moved.
 */
bool batch_positions_ready(struct batch *b);

#endif
