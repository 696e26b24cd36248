/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fsio.h: the file system calls whose failure matters, as a table.
 *
 * The broker and everything that must survive a power cut go through this
 * table; tests replace it with one that cuts writes short, fails them, or loses
 * and tears what was not synced (crashfs in tests/crash). All functions return
 * a count or 0, or -errno; none sets errno for its caller.
 */
#ifndef LEAT_CORE_BASE_FSIO_H
#define LEAT_CORE_BASE_FSIO_H

#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <leat/err.h>

struct fsio {
	int (*open)(const struct fsio *, const char *path, int flags,
	    mode_t mode);
	int (*close)(const struct fsio *, int fd);
	int64_t (*pread)(const struct fsio *, int fd, void *buf, size_t len,
	    int64_t off);
	int64_t (*pwritev)(const struct fsio *, int fd,
	    const struct iovec *iov, int n, int64_t off);
	int (*fdatasync)(const struct fsio *, int fd);
	int (*fsync_dir)(const struct fsio *, const char *dir);
	int (*ftruncate)(const struct fsio *, int fd, int64_t len);
	int (*rename)(const struct fsio *, const char *from, const char *to);
	int (*unlink)(const struct fsio *, const char *path);
	int (*mkdir)(const struct fsio *, const char *path, mode_t mode);
	int (*rmdir)(const struct fsio *, const char *path);
	int (*fstat)(const struct fsio *, int fd, struct stat *st);
	/* Begins to write a range back, waits for nothing. NULL: not there. */
	int (*writeback)(const struct fsio *, int fd, int64_t off,
	    int64_t len);
	/*
	 * Reserves room for the first len bytes; the size stays. -EOPNOTSUPP
	 * where that is not possible. NULL: not there.
	 */
	int (*reserve)(const struct fsio *, int fd, int64_t len);
};

/* The real thing. Opens with O_CLOEXEC; retries EINTR. */
extern const struct fsio fsio_system;

/* Whole-range forms: short transfers are continued. 0, or err filled. */
int fsio_pread_full(const struct fsio *fs, int fd, void *buf, size_t len,
    int64_t off, struct leat_err *err);
int fsio_pwrite_full(const struct fsio *fs, int fd, const void *buf,
    size_t len, int64_t off, struct leat_err *err);
int fsio_pwritev_full(const struct fsio *fs, int fd, struct iovec *iov, int n,
    int64_t off, struct leat_err *err);

/*
 * Replaces a file so that after a power cut either the old or the new contents
 * are there: write "<path>.tmp", sync it, rename, sync the directory.
 */
int fsio_replace(const struct fsio *fs, const char *path, const void *data,
    size_t len, mode_t mode, struct leat_err *err);

/*
 * The same without its syncs, for what can be made again: after a power cut the
 * file may also be gone, empty or torn.
 */
int fsio_replace_unsynced(const struct fsio *fs, const char *path,
    const void *data, size_t len, mode_t mode, struct leat_err *err);

/* Reads a whole file of at most max bytes into malloc'ed memory + NUL. */
int fsio_slurp(const struct fsio *fs, const char *path, size_t max,
    char **ret_data, size_t *ret_len, struct leat_err *err);

/* mkdir -p, syncing each new entry's parent. */
int fsio_mkdirs(const struct fsio *fs, const char *path, mode_t mode,
    struct leat_err *err);

#endif
