/* SPDX-License-Identifier: Apache-2.0 */
/* One segment of a log: see segment.h. */
#include "broker/log/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <leat/wire.h>

#include "core/base/obj.h"

#define SEGMENT_MAGIC 0x5e63e275

static const char *const suffixes[SEG_FILE_N] = {
	".log", ".index", ".timeindex", ".txnindex", ".snapshot"
};

const char *
segment_suffix(enum segment_file which)
{
	return suffixes[which];
}

char *
segment_path(const char *dir, int64_t base, const char *suffix)
{
	char *path;

	if (asprintf(&path, "%s/%020lld%s", dir, (long long)base, suffix) < 0)
		return NULL;
	return path;
}

void
segment_sibling(const struct segment *s, enum segment_file which, char *to,
    size_t n)
{
	size_t stem = strlen(s->path) - strlen(suffixes[SEG_LOG]) -
	    strlen(s->suffix);

	snprintf(to, n, "%.*s%s%s", (int)stem, s->path, suffixes[which],
	    s->suffix);
}

struct segment *
segment_new(struct log_env *env, const char *dir, int64_t base)
{
	return segment_new_suffixed(env, dir, base, "");
}

struct segment *
segment_new_suffixed(struct log_env *env, const char *dir, int64_t base,
    const char *suffix)
{
	struct segment *s = calloc(1, sizeof(*s));
	char ext[32];

	if (s == NULL)
		return NULL;
	snprintf(ext, sizeof(ext), "%s%s", suffixes[SEG_LOG], suffix);
	s->suffix = suffix;
	s->path = segment_path(dir, base, ext);
	if (s->path == NULL) {
		free(s);
		return NULL;
	}
	s->magic = SEGMENT_MAGIC;
	s->refs = 1;
	s->env = env;
	s->base = base;
	s->next_offset = -1;
	s->indexed_ts = s->max_ts = s->first_ts = -1;
	s->max_ts_offset = -1;
	fd_slot_init(&s->file, s->path);
	seg_index_init(&s->offsets, OFFSET_ENTRY_BYTES, 0);
	seg_index_init(&s->times, TIME_ENTRY_BYTES, 0);
	return s;
}

void
segment_get(struct segment *s)
{
	OBJ_CHECK(s, SEGMENT_MAGIC);
	__atomic_fetch_add(&s->refs, 1, __ATOMIC_RELAXED);
}

void
segment_put(struct segment *s)
{
	if (s == NULL)
		return;
	OBJ_CHECK(s, SEGMENT_MAGIC);
	if (__atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	if (s->retired)
		segment_unpin(s);
	fd_slot_fini(s->env->fds, &s->file);
	seg_index_fini(&s->offsets);
	seg_index_fini(&s->times);
	free(s->path);
	OBJ_FREE(s);
}

int
segment_pin(struct segment *s, struct leat_err *err)
{
	return fd_slot_pin(s->env->fds, &s->file, false, err);
}

void
segment_unpin(struct segment *s)
{
	fd_slot_unpin(s->env->fds, &s->file);
}

int
segment_retire(struct segment *s, struct leat_err *err)
{
	int fd;

	if (s->retired)
		return 0;
	if ((fd = segment_pin(s, err)) < 0)
		return fd;
	s->retired = true;
	return 0;
}

void
segment_load_stats(struct segment *s)
{
	uint8_t e[TIME_ENTRY_BYTES];
	char path[4096];

	if (s->stats_known)
		return;
	s->stats_known = true;
	segment_sibling(s, SEG_TIMEINDEX, path, sizeof(path));
	if (seg_index_last(&s->times, s->env->fs, path, e, NULL) <= 0)
		return;
	s->max_ts = s->indexed_ts = (int64_t)leat_get_u64(e);
	s->max_ts_offset = s->base + leat_get_u32(e + 8);
}

/*
 * An index that cannot be written stays sparse: lookups start further back,
 * and the log itself reports what is wrong with the disk.
 */
static void
add_entries(struct segment *s, int64_t last_offset, int64_t pos)
{
	uint8_t e[TIME_ENTRY_BYTES];
	char path[4096];

	leat_put_u32(e, (uint32_t)(last_offset - s->base));
	leat_put_u32(e + 4, (uint32_t)pos);
	segment_sibling(s, SEG_INDEX, path, sizeof(path));
	(void)seg_index_add(&s->offsets, s->env->fs, path, e, NULL);
	segment_finish_index(s);
}

void
segment_finish_index(struct segment *s)
{
	uint8_t e[TIME_ENTRY_BYTES];
	char path[4096];

	if (s->max_ts <= s->indexed_ts)
		return;
	leat_put_u64(e, (uint64_t)s->max_ts);
	leat_put_u32(e + 8, (uint32_t)(s->max_ts_offset - s->base));
	segment_sibling(s, SEG_TIMEINDEX, path, sizeof(path));
	if (seg_index_add(&s->times, s->env->fs, path, e, NULL) == 0)
		s->indexed_ts = s->max_ts;
}

void
segment_note(struct segment *s, const struct batch_header *h, int64_t pos,
    int64_t index_interval)
{
	int64_t last = h->base_offset + h->last_offset_delta;

	if (pos == 0)
		s->first_ts = h->max_timestamp;
	if (h->max_timestamp > s->max_ts) {
		s->max_ts = h->max_timestamp;
		s->max_ts_offset = last;
	}
	if (s->since_index > index_interval) {
		add_entries(s, last, pos);
		s->since_index = 0;
	}
	s->since_index += (int64_t)h->size;
	s->size = pos + (int64_t)h->size;
	s->next_offset = last + 1;
}

bool
segment_index_full(const struct segment *s, int64_t index_bytes)
{
	return (int64_t)(seg_index_count(&s->offsets) + 1) *
	    OFFSET_ENTRY_BYTES > index_bytes ||
	    (int64_t)(seg_index_count(&s->times) + 2) *
	    TIME_ENTRY_BYTES > MAX(index_bytes, 48);
}

int
segment_write_index(struct segment *s, struct leat_err *err)
{
	char path[4096];
	int rc;

	segment_sibling(s, SEG_INDEX, path, sizeof(path));
	if ((rc = seg_index_write(&s->offsets, s->env->fs, path, err)) < 0)
		return rc;
	segment_sibling(s, SEG_TIMEINDEX, path, sizeof(path));
	return seg_index_write(&s->times, s->env->fs, path, err);
}

int
segment_seal(struct segment *s, struct leat_err *err)
{
	const struct fsio *fs = s->env->fs;
	char path[4096];
	int rc = 0;

	for (int k = SEG_INDEX; k <= SEG_TXNINDEX && rc == 0; k++) {
		int fd;

		segment_sibling(s, (enum segment_file)k, path, sizeof(path));
		fd = fs->open(fs, path, O_RDWR, 0);
		if (fd == -ENOENT)
			continue;
		if (fd < 0)
			return leat_err_set(err, LEAT_CLS_RETRY, fd, "open %s",
			    path);
		if ((rc = fs->fdatasync(fs, fd)) < 0)
			leat_err_set(err, LEAT_CLS_FATAL, rc, "sync %s", path);
		(void)fs->close(fs, fd);
	}
	return rc;
}

/* -------------------------------------------------------------- lookup */

static int
offset_le(const uint8_t *e, int64_t target)
{
	return (int64_t)leat_get_u32(e) <= target;
}

static int
position_le(const uint8_t *e, int64_t target)
{
	return (int64_t)leat_get_u32(e + 4) <= target;
}

static int
time_le(const uint8_t *e, int64_t target)
{
	return (int64_t)leat_get_u64(e) <= target;
}

int64_t
segment_seek(const struct segment *s, int64_t offset)
{
	uint8_t e[OFFSET_ENTRY_BYTES];
	char path[4096];
	int64_t pos;

	segment_sibling(s, SEG_INDEX, path, sizeof(path));
	if (offset <= s->base || seg_index_search(&s->offsets, s->env->fs,
	    path, offset_le, offset - s->base, e, NULL) <= 0)
		return 0;
	pos = leat_get_u32(e + 4);
	return pos < s->size ? pos : 0;
}

int64_t
segment_seek_time(const struct segment *s, int64_t ts)
{
	uint8_t e[TIME_ENTRY_BYTES];
	char path[4096];

	segment_sibling(s, SEG_TIMEINDEX, path, sizeof(path));
	if (seg_index_search(&s->times, s->env->fs, path, time_le, ts, e,
	    NULL) <= 0)
		return 0;
	return segment_seek(s, s->base + leat_get_u32(e + 8));
}

int64_t
segment_boundary(const struct segment *s, int64_t from, int64_t pos)
{
	uint8_t e[OFFSET_ENTRY_BYTES];
	char path[4096];
	int64_t at;

	if (pos >= s->size)
		return s->size;
	segment_sibling(s, SEG_INDEX, path, sizeof(path));
	if (seg_index_search(&s->offsets, s->env->fs, path, position_le, pos,
	    e, NULL) <= 0)
		return -1;
	at = leat_get_u32(e + 4);
	return at > from ? at : -1;
}

static int
unlink_files(const struct fsio *fs, const char *dir, int64_t base, int last,
    struct leat_err *err)
{
	/* The log goes last: without it the others are known as orphans. */
	for (int i = last; i >= 0; i--) {
		char *path = segment_path(dir, base, suffixes[i]);
		int rc;

		if (path == NULL)
			return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
			    "out of memory");
		rc = fs->unlink(fs, path);
		if (rc < 0 && rc != -ENOENT) {
			leat_err_set(err, LEAT_CLS_RETRY, rc, "unlink %s",
			    path);
			free(path);
			return rc;
		}
		free(path);
	}
	return 0;
}

int
segment_unlink(const struct fsio *fs, const char *dir, int64_t base,
    struct leat_err *err)
{
	return unlink_files(fs, dir, base, SEG_SNAPSHOT, err);
}

int
segment_unlink_logs(const struct fsio *fs, const char *dir, int64_t base,
    struct leat_err *err)
{
	return unlink_files(fs, dir, base, SEG_TXNINDEX, err);
}
