/* SPDX-License-Identifier: Apache-2.0 */
/*
 * segment.h: one segment of a partition's log: the file of batches, its two
 * indexes and what is known about it.
 *
 * The struct is counted; who holds it may read the file although the log has
 * dropped it. Fields are guarded by the partition's lock unless they say
 * otherwise; bytes of the file below `size` never change.
 */
#ifndef LEAT_BROKER_SEGMENT_H
#define LEAT_BROKER_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <leat/err.h>

#include "broker/log/batch.h"
#include "broker/log/fd_cache.h"
#include "broker/log/log_env.h"
#include "broker/log/seg_index.h"

struct segment {
	unsigned magic;
	int32_t refs;			/* atomic */
	struct log_env *env;
	char *path;			/* "<dir>/<base>.log", constant */
	const char *suffix;		/* behind all names: "", ".cleaned" */
	struct fd_slot file;
	int64_t base;			/* constant */
	int64_t size;			/* bytes of whole batches */
	int64_t next_offset;		/* behind the last batch, -1 unknown */
	struct seg_index offsets;
	struct seg_index times;
	int64_t since_index;		/* bytes since the last entry */
	int64_t indexed_ts;		/* of the last time entry, -1 none */
	int64_t max_ts;			/* -1: no record, or unknown */
	int64_t max_ts_offset;
	int64_t first_ts;		/* of the first batch, -1 unknown */
	int64_t created_ms;		/* wall clock, or the file's mtime */
	bool stats_known;		/* max_ts is that of the whole file */
	bool dirty;			/* has bytes that no sync covers */
	bool fresh;			/* its name is not yet durable */
	bool sealed;			/* inactive, all its files durable */
	bool has_aborted;		/* there is a .txnindex with entries */
	bool retired;			/* pinned: its name is another's now */
};

enum segment_file {
	SEG_LOG,
	SEG_INDEX,
	SEG_TIMEINDEX,
	SEG_TXNINDEX,
	SEG_SNAPSHOT,
	SEG_FILE_N
};

/* "<dir>/<base, 20 digits><suffix>" */
char *segment_path(const char *dir, int64_t base, const char *suffix);
const char *segment_suffix(enum segment_file which);
/* The path of a file beside the log, into to[n]. */
void segment_sibling(const struct segment *s, enum segment_file which,
    char *to, size_t n);

struct segment *segment_new(struct log_env *env, const char *dir,
    int64_t base);
/* The same for files that are being made; suffix must be a constant. */
struct segment *segment_new_suffixed(struct log_env *env, const char *dir,
    int64_t base, const char *suffix);
/*
 * Keeps the file open until the last holder is gone, before its name is
 * removed or given to another.
 */
int segment_retire(struct segment *s, struct leat_err *err);
void segment_get(struct segment *s);
/* NULL is accepted. The last one closes. @thread any */
void segment_put(struct segment *s);

int segment_pin(struct segment *s, struct leat_err *err);
void segment_unpin(struct segment *s);

/* Loads max_ts of an inactive segment from its time index. */
void segment_load_stats(struct segment *s);
/* A batch was put at `pos`: keeps size, indexes and statistics. */
void segment_note(struct segment *s, const struct batch_header *h,
    int64_t pos, int64_t index_interval);
/* The forced last time entry, before a roll or a close. */
void segment_finish_index(struct segment *s);
/* Are the indexes full? */
bool segment_index_full(const struct segment *s, int64_t index_bytes);
/* Writes what the indexes hold in memory. */
int segment_write_index(struct segment *s, struct leat_err *err);
/* Makes the files beside the log durable. No lock needed. */
int segment_seal(struct segment *s, struct leat_err *err);

/* Where to begin to look for an offset: a byte position, 0 at worst. */
int64_t segment_seek(const struct segment *s, int64_t offset);
/* The same for a timestamp. */
int64_t segment_seek_time(const struct segment *s, int64_t ts);
/* A batch boundary at or before `pos` and beyond `from`; -1 if not known. */
int64_t segment_boundary(const struct segment *s, int64_t from, int64_t pos);

/* Removes all files of a segment; missing ones are no error. */
int segment_unlink(const struct fsio *fs, const char *dir, int64_t base,
    struct leat_err *err);
/* The same but for the producer snapshot, which compaction keeps. */
int segment_unlink_logs(const struct fsio *fs, const char *dir, int64_t base,
    struct leat_err *err);

#endif
