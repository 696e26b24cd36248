/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sparse index: see seg_index.h.
 *
 * A lost or damaged index costs time, never data: every position found in one
 * is checked against the log, and recovery builds them anew.
 */
#include "broker/log/seg_index.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/obj.h"

void
seg_index_init(struct seg_index *x, uint32_t entry_bytes, uint32_t on_disk)
{
	*x = (struct seg_index){ .entry_bytes = entry_bytes,
	    .on_disk = on_disk };
}

void
seg_index_fini(struct seg_index *x)
{
	free(x->pending);
	x->pending = NULL;
	x->npending = x->cap = 0;
}

void
seg_index_reset(struct seg_index *x)
{
	x->on_disk = 0;
	x->npending = 0;
}

static int
open_index(const struct fsio *fs, const char *path, int flags,
    struct leat_err *err)
{
	int fd = fs->open(fs, path, flags, 0640);

	if (fd >= 0)
		return fd;
	errno = -fd;
	return leat_err_errno(err, LEAT_CLS_RETRY, "open %s", path);
}

int
seg_index_write(struct seg_index *x, const struct fsio *fs, const char *path,
    struct leat_err *err)
{
	int64_t at = (int64_t)x->on_disk * x->entry_bytes;
	struct stat st;
	int fd, rc = 0;

	if ((fd = open_index(fs, path, O_RDWR | O_CREAT, err)) < 0)
		return fd;
	if (x->npending > 0)
		rc = fsio_pwrite_full(fs, fd, x->pending,
		    (size_t)x->npending * x->entry_bytes, at, err);
	at += (int64_t)x->npending * x->entry_bytes;
	/* Entries of an older life of this file must not follow. */
	if (rc == 0 && fs->fstat(fs, fd, &st) == 0 && st.st_size > at &&
	    (rc = fs->ftruncate(fs, fd, at)) < 0)
		rc = leat_err_set(err, LEAT_CLS_RETRY, rc, "truncate %s", path);
	(void)fs->close(fs, fd);
	if (rc < 0)
		return rc;
	x->on_disk += x->npending;
	seg_index_fini(x);
	return 0;
}

int
seg_index_add(struct seg_index *x, const struct fsio *fs, const char *path,
    const void *entry, struct leat_err *err)
{
	int rc;

	if (x->npending == INDEX_PENDING_MAX &&
	    (rc = seg_index_write(x, fs, path, err)) < 0)
		return rc;
	if (x->npending == x->cap) {
		uint32_t cap = x->cap == 0 ? 8 : x->cap * 2;
		void *more = realloc(x->pending, (size_t)cap * x->entry_bytes);

		if (more == NULL)
			return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
			    "out of memory for an index");
		x->pending = more;
		x->cap = cap;
	}
	memcpy(x->pending + (size_t)x->npending * x->entry_bytes, entry,
	    x->entry_bytes);
	x->npending++;
	return 0;
}

/* Entry i into `to`; fd is the open file, or -1 when none is needed. */
static int
entry_at(const struct seg_index *x, const struct fsio *fs, int fd, uint32_t i,
    uint8_t *to, struct leat_err *err)
{
	if (i >= x->on_disk) {
		memcpy(to, x->pending + (size_t)(i - x->on_disk) *
		    x->entry_bytes, x->entry_bytes);
		return 0;
	}
	return fsio_pread_full(fs, fd, to, x->entry_bytes,
	    (int64_t)i * x->entry_bytes, err);
}

int
seg_index_last(const struct seg_index *x, const struct fsio *fs,
    const char *path, void *ret_entry, struct leat_err *err)
{
	uint32_t n = seg_index_count(x);
	int fd = -1, rc;

	if (n == 0)
		return 0;
	if (x->npending == 0 && (fd = open_index(fs, path, O_RDONLY, err)) < 0)
		return fd;
	rc = entry_at(x, fs, fd, n - 1, ret_entry, err);
	if (fd >= 0)
		(void)fs->close(fs, fd);
	return rc < 0 ? rc : 1;
}

int
seg_index_search(const struct seg_index *x, const struct fsio *fs,
    const char *path, int (*le)(const uint8_t *entry, int64_t target),
    int64_t target, void *ret_entry, struct leat_err *err)
{
	uint32_t lo = 0, hi = seg_index_count(x);	/* in [lo-1, hi) */
	uint8_t e[TIME_ENTRY_BYTES];
	int fd = -1, rc = 0;

	/* Most searches are near the end: look into memory first. */
	if (x->npending > 0 && le(x->pending, target))
		lo = x->on_disk + 1;
	else
		hi = x->on_disk;
	if (lo < hi && lo < x->on_disk &&
	    (fd = open_index(fs, path, O_RDONLY, err)) < 0)
		return fd;
	while (lo < hi && rc == 0) {
		uint32_t mid = lo + (hi - lo) / 2;

		rc = entry_at(x, fs, fd, mid, e, err);
		if (rc == 0 && le(e, target))
			lo = mid + 1;
		else
			hi = mid;
	}
	if (rc == 0 && lo > 0)
		rc = entry_at(x, fs, fd, lo - 1, ret_entry, err);
	if (fd >= 0)
		(void)fs->close(fs, fd);
	return rc < 0 ? rc : lo > 0;
}
