/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fsio.c: the system's file calls behind the table, and what is built on it.
 */
#include "core/base/fsio.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/obj.h"

enum {
	TRANSFER_MAX = 1 << 30,	/* the kernel moves at most 2 GiB at once */
	SLURP_STEP = 4096
};

/* ------------------------------------------------------- the real thing */

#define RETRY_EINTR(rc, call)                                           \
	do {                                                            \
		(rc) = (call);                                          \
	} while ((rc) < 0 && errno == EINTR)

static int
system_open(const struct fsio *fs, const char *path, int flags, mode_t mode)
{
	int fd;

	RETRY_EINTR(fd, open(path, flags | O_CLOEXEC, mode));
	return fd < 0 ? -errno : fd;
}

static int
system_close(const struct fsio *fs, int fd)
{
	/* Linux has closed the descriptor also when it says EINTR. */
	return close(fd) < 0 && errno != EINTR ? -errno : 0;
}

static int64_t
system_pread(const struct fsio *fs, int fd, void *buf, size_t len, int64_t off)
{
	ssize_t n;

	RETRY_EINTR(n, pread(fd, buf, len, off));
	return n < 0 ? -errno : n;
}

static int64_t
system_pwritev(const struct fsio *fs, int fd, const struct iovec *iov, int n,
    int64_t off)
{
	ssize_t done;

	RETRY_EINTR(done, pwritev(fd, iov, n, off));
	return done < 0 ? -errno : done;
}

/* EINTR is not retried: a sync that did not end well is for the caller. */
static int
system_fdatasync(const struct fsio *fs, int fd)
{
	return fdatasync(fd) < 0 ? -errno : 0;
}

static int
system_fsync_dir(const struct fsio *fs, const char *dir)
{
	int fd = system_open(fs, dir, O_RDONLY | O_DIRECTORY, 0);
	int rc = 0;

	if (fd < 0)
		return fd;
	if (fsync(fd) < 0)
		rc = -errno;
	(void)close(fd);
	return rc;
}

static int
system_ftruncate(const struct fsio *fs, int fd, int64_t len)
{
	int rc;

	RETRY_EINTR(rc, ftruncate(fd, len));
	return rc < 0 ? -errno : 0;
}

static int
system_rename(const struct fsio *fs, const char *from, const char *to)
{
	return rename(from, to) < 0 ? -errno : 0;
}

static int
system_unlink(const struct fsio *fs, const char *path)
{
	return unlink(path) < 0 ? -errno : 0;
}

static int
system_mkdir(const struct fsio *fs, const char *path, mode_t mode)
{
	return mkdir(path, mode) < 0 ? -errno : 0;
}

static int
system_rmdir(const struct fsio *fs, const char *path)
{
	return rmdir(path) < 0 ? -errno : 0;
}

static int
system_fstat(const struct fsio *fs, int fd, struct stat *st)
{
	return fstat(fd, st) < 0 ? -errno : 0;
}

static int
system_writeback(const struct fsio *fs, int fd, int64_t off, int64_t len)
{
	return sync_file_range(fd, off, len, SYNC_FILE_RANGE_WRITE) < 0 ?
	    -errno : 0;
}

static int
system_reserve(const struct fsio *fs, int fd, int64_t len)
{
	return fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, len) < 0 ? -errno : 0;
}

const struct fsio fsio_system = {
	.open = system_open,
	.close = system_close,
	.pread = system_pread,
	.pwritev = system_pwritev,
	.fdatasync = system_fdatasync,
	.fsync_dir = system_fsync_dir,
	.ftruncate = system_ftruncate,
	.rename = system_rename,
	.unlink = system_unlink,
	.mkdir = system_mkdir,
	.rmdir = system_rmdir,
	.fstat = system_fstat,
	.writeback = system_writeback,
	.reserve = system_reserve,
};

/* --------------------------------------------------- whole-range transfer */

/* Names a failed call; `code` is -errno as the table gives it. */
static int
failed(struct leat_err *err, int code, const char *what, const char *path)
{
	errno = -code;
	if (path == NULL)
		return leat_err_errno(err, LEAT_CLS_RETRY, "%s", what);
	return leat_err_errno(err, LEAT_CLS_RETRY, "%s '%s'", what, path);
}

int
fsio_pread_full(const struct fsio *fs, int fd, void *buf, size_t len,
    int64_t off, struct leat_err *err)
{
	uint8_t *to = buf;

	while (len > 0) {
		int64_t n = fs->pread(fs, fd, to, MIN(len, TRANSFER_MAX), off);

		if (n < 0)
			return failed(err, (int)n, "read", NULL);
		if (n == 0)
			return leat_err_set(err, LEAT_CLS_FATAL,
			    LEAT_E_CORRUPT,
			    "file ends at byte %lld, %zu bytes too early",
			    (long long)off, len);
		to += n;
		off += n;
		len -= (size_t)n;
	}
	return 0;
}

int
fsio_pwrite_full(const struct fsio *fs, int fd, const void *buf, size_t len,
    int64_t off, struct leat_err *err)
{
	struct iovec iov = {
		.iov_base = (void *)(uintptr_t)buf,
		.iov_len = len,
	};

	return fsio_pwritev_full(fs, fd, &iov, 1, off, err);
}

/* Moves the vector on by n bytes; both may end up empty. */
static void
iov_advance(struct iovec **iov, int *count, size_t n)
{
	while (*count > 0 && n >= (*iov)->iov_len) {
		n -= (*iov)->iov_len;
		(*iov)++;
		(*count)--;
	}
	if (*count > 0) {
		(*iov)->iov_base = (uint8_t *)(*iov)->iov_base + n;
		(*iov)->iov_len -= n;
	}
}

int
fsio_pwritev_full(const struct fsio *fs, int fd, struct iovec *iov, int n,
    int64_t off, struct leat_err *err)
{
	iov_advance(&iov, &n, 0);
	while (n > 0) {
		int64_t done = fs->pwritev(fs, fd, iov, MIN(n, IOV_MAX), off);

		if (done < 0)
			return failed(err, (int)done, "write", NULL);
		if (done == 0)
			return failed(err, -EIO, "write", NULL);
		off += done;
		iov_advance(&iov, &n, (size_t)done);
	}
	return 0;
}

/* ---------------------------------------------------------- whole files */

/* The directory of a path, in malloc'ed memory. */
static char *
parent_of(const char *path)
{
	const char *end = strrchr(path, '/');

	if (end == NULL)
		return strdup(".");
	if (end == path)
		return strdup("/");
	return strndup(path, (size_t)(end - path));
}

static int
write_new(const struct fsio *fs, const char *path, const void *data,
    size_t len, mode_t mode, bool sync, struct leat_err *err)
{
	int fd = fs->open(fs, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
	int rc, closed;

	if (fd < 0)
		return failed(err, fd, "create", path);
	rc = fsio_pwrite_full(fs, fd, data, len, 0, err);
	if (rc < 0)
		(void)leat_err_wrap(err, "%s", path);
	if (rc == 0 && sync && (rc = fs->fdatasync(fs, fd)) < 0)
		(void)failed(err, rc, "sync", path);
	closed = fs->close(fs, fd);
	if (rc == 0 && closed < 0)
		rc = failed(err, closed, "close", path);
	return rc;
}

static int
replace(const struct fsio *fs, const char *path, const void *data,
    size_t len, mode_t mode, bool sync, struct leat_err *err)
{
	char *dir = parent_of(path);
	char *tmp = NULL;
	int rc = -ENOMEM;

	if (dir == NULL || asprintf(&tmp, "%s.tmp", path) < 0) {
		tmp = NULL;
		(void)failed(err, rc, "replace", path);
		goto done;
	}
	if ((rc = write_new(fs, tmp, data, len, mode, sync, err)) < 0) {
		(void)fs->unlink(fs, tmp);
		goto done;
	}
	if ((rc = fs->rename(fs, tmp, path)) < 0) {
		(void)failed(err, rc, "rename into place", path);
		(void)fs->unlink(fs, tmp);
		goto done;
	}
	if (sync && (rc = fs->fsync_dir(fs, dir)) < 0)
		(void)failed(err, rc, "sync directory", dir);
done:
	free(tmp);
	free(dir);
	return rc;
}

int
fsio_replace(const struct fsio *fs, const char *path, const void *data,
    size_t len, mode_t mode, struct leat_err *err)
{
	return replace(fs, path, data, len, mode, true, err);
}

int
fsio_replace_unsynced(const struct fsio *fs, const char *path,
    const void *data, size_t len, mode_t mode, struct leat_err *err)
{
	return replace(fs, path, data, len, mode, false, err);
}

/* Reads to the end of the file, whose size is not believed. */
static int
read_all(const struct fsio *fs, int fd, size_t max, char **data, size_t *len)
{
	size_t cap = 0;

	for (;;) {
		int64_t n;

		if (cap - *len < 2) {
			size_t more = MIN(MAX(cap * 2, SLURP_STEP), max + 2);
			char *grown = realloc(*data, more);

			if (grown == NULL)
				return -ENOMEM;
			*data = grown;
			cap = more;
		}
		n = fs->pread(fs, fd, *data + *len, cap - *len - 1,
		    (int64_t)*len);
		if (n < 0)
			return (int)n;
		if (n == 0)
			break;
		*len += (size_t)n;
		if (*len > max)
			return LEAT_E_LIMIT;
	}
	(*data)[*len] = '\0';
	return 0;
}

int
fsio_slurp(const struct fsio *fs, const char *path, size_t max,
    char **ret_data, size_t *ret_len, struct leat_err *err)
{
	/* O_NONBLOCK: a fifo must not hold up whoever reads a setting. */
	int fd = fs->open(fs, path, O_RDONLY | O_NONBLOCK, 0);
	char *data = NULL;
	size_t len = 0;
	int rc;

	assert(max < SIZE_MAX / 2);
	if (fd < 0)
		return failed(err, fd, "open", path);
	rc = read_all(fs, fd, max, &data, &len);
	(void)fs->close(fs, fd);
	if (rc == LEAT_E_LIMIT)
		(void)leat_err_set(err, LEAT_CLS_CONFIG, rc,
		    "'%s' is larger than %zu bytes", path, max);
	else if (rc < 0)
		(void)failed(err, rc, "read", path);
	if (rc < 0) {
		free(data);
		return rc;
	}
	*ret_data = data;
	*ret_len = len;
	return 0;
}

/* ---------------------------------------------------------- directories */

static int
make_one(const struct fsio *fs, const char *path, mode_t mode,
    struct leat_err *err)
{
	char *parent;
	int rc = fs->mkdir(fs, path, mode);

	if (rc == -EEXIST)
		return 0;
	if (rc < 0)
		return failed(err, rc, "make directory", path);
	parent = parent_of(path);
	if (parent == NULL)
		return failed(err, -ENOMEM, "make directory", path);
	rc = fs->fsync_dir(fs, parent);
	if (rc < 0)
		(void)failed(err, rc, "sync directory", parent);
	free(parent);
	return rc;
}

static int
check_dir(const struct fsio *fs, const char *path, struct leat_err *err)
{
	int fd = fs->open(fs, path, O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0)
		return failed(err, fd, "open directory", path);
	(void)fs->close(fs, fd);
	return 0;
}

int
fsio_mkdirs(const struct fsio *fs, const char *path, mode_t mode,
    struct leat_err *err)
{
	char *copy = strdup(path);
	char *slash;
	int rc = 0;

	if (copy == NULL)
		return failed(err, -ENOMEM, "make directory", path);
	slash = copy + strspn(copy, "/");
	while (rc == 0 && *slash != '\0') {
		char kept;

		slash += strcspn(slash, "/");
		kept = *slash;
		*slash = '\0';
		rc = make_one(fs, copy, mode, err);
		*slash = kept;
		slash += strspn(slash, "/");
	}
	free(copy);
	return rc < 0 ? rc : check_dir(fs, path, err);
}
