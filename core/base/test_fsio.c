/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_fsio.c: whole transfers, replacing, slurping, directories; and each of
 * them with a file system whose calls fail or do half.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/fsio.h"
#include "tests/harness/proc.h"

static char dir[64];
static char path[160];
static struct leat_err err;

/* The n-th call of the broken file system fails; transfers move one byte. */
static int fail_at;

static int
tick(void)
{
	return fail_at > 0 && --fail_at == 0 ? -EIO : 0;
}

static int
broken_open(const struct fsio *fs, const char *p, int flags, mode_t mode)
{
	return tick() < 0 ? -EIO : fsio_system.open(fs, p, flags, mode);
}

static int
broken_close(const struct fsio *fs, int fd)
{
	int rc = tick();

	(void)fsio_system.close(fs, fd);
	return rc;
}

static int64_t
broken_pread(const struct fsio *fs, int fd, void *buf, size_t len, int64_t off)
{
	return tick() < 0 ? -EIO :
	    fsio_system.pread(fs, fd, buf, len > 1 ? 1 : len, off);
}

static int64_t
broken_pwritev(const struct fsio *fs, int fd, const struct iovec *iov, int n,
    int64_t off)
{
	struct iovec one = { iov[0].iov_base, 1 };

	return tick() < 0 ? -EIO : fsio_system.pwritev(fs, fd, &one, 1, off);
}

static int
broken_fdatasync(const struct fsio *fs, int fd)
{
	return tick();
}

static int
broken_fsync_dir(const struct fsio *fs, const char *p)
{
	return tick();
}

static int
broken_rename(const struct fsio *fs, const char *from, const char *to)
{
	return tick() < 0 ? -EIO : fsio_system.rename(fs, from, to);
}

static int
broken_mkdir(const struct fsio *fs, const char *p, mode_t mode)
{
	return tick() < 0 ? -EIO : fsio_system.mkdir(fs, p, mode);
}

static struct fsio broken;

static int
setup(void **state)
{
	broken = fsio_system;
	broken.open = broken_open;
	broken.close = broken_close;
	broken.pread = broken_pread;
	broken.pwritev = broken_pwritev;
	broken.fdatasync = broken_fdatasync;
	broken.fsync_dir = broken_fsync_dir;
	broken.rename = broken_rename;
	broken.mkdir = broken_mkdir;
	fail_at = 0;
	memcpy(dir, "/tmp/leat-fsio-XXXXXX", 22);
	return mkdtemp(dir) == NULL;
}

static int
teardown(void **state)
{
	th_remove(dir);
	return 0;
}

static const char *
in_dir(const char *name)
{
	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void
assert_contents(const char *name, const char *want)
{
	char *data;
	size_t len;

	assert_int_equal(fsio_slurp(&fsio_system, in_dir(name), 100, &data,
	    &len, &err), 0);
	assert_string_equal(data, want);
	assert_int_equal(len, strlen(want));
	free(data);
}

static void
test_replace(void **state)
{
	assert_int_equal(fsio_replace(&fsio_system, in_dir("f"), "one", 3,
	    0644, &err), 0);
	assert_contents("f", "one");
	assert_int_equal(fsio_replace(&broken, in_dir("f"), "three", 5, 0644,
	    &err), 0);
	assert_contents("f", "three");
	assert_int_equal(fsio_replace(&broken, in_dir("f"), "", 0, 0644,
	    &err), 0);
	assert_contents("f", "");
	assert_int_equal(access(in_dir("f.tmp"), F_OK), -1);
}

static void
test_replace_fails(void **state)
{
	static const char *const want[] = { "create ", "write", "write",
	    "write", "sync '", "close ", "rename into place ",
	    "sync directory " };

	assert_int_equal(fsio_replace(&fsio_system, in_dir("f"), "one", 3,
	    0644, &err), 0);
	for (int n = 0; n < 8; n++) {
		leat_err_clear(&err);
		fail_at = n + 1;
		assert_int_equal(fsio_replace(&broken, in_dir("f"), "two", 3,
		    0644, &err), -EIO);
		assert_int_equal(err.code, -EIO);
		assert_non_null(strstr(err.text, want[n]));
		assert_non_null(strstr(err.text, "Input/output error"));
		assert_contents("f", n < 7 ? "one" : "two");
		assert_int_equal(access(in_dir("f.tmp"), F_OK), -1);
	}
}

static void
test_slurp(void **state)
{
	char *data = NULL;
	size_t len = 0;
	char big[10000];

	memset(big, 'x', sizeof(big));
	assert_int_equal(fsio_replace(&fsio_system, in_dir("f"), big,
	    sizeof(big), 0644, &err), 0);
	assert_int_equal(fsio_slurp(&fsio_system, path, sizeof(big), &data,
	    &len, &err), 0);
	assert_int_equal(len, sizeof(big));
	assert_memory_equal(data, big, len);
	free(data);
	assert_int_equal(fsio_slurp(&broken, path, sizeof(big), &data, &len,
	    &err), 0);
	assert_int_equal(len, sizeof(big));
	free(data);
	data = NULL;
	assert_int_equal(fsio_slurp(&fsio_system, path, sizeof(big) - 1, &data,
	    &len, &err), LEAT_E_LIMIT);
	assert_null(data);
	assert_non_null(strstr(err.text, "is larger than 9999 bytes"));
	assert_int_equal(fsio_slurp(&fsio_system, in_dir("none"), 10, &data,
	    &len, &err), -ENOENT);
	assert_non_null(strstr(err.text, "No such file or directory"));
	assert_int_equal(fsio_slurp(&fsio_system, dir, 10, &data, &len, &err),
	    -EISDIR);
	fail_at = 2;
	assert_int_equal(fsio_slurp(&broken, in_dir("f"), 20000, &data, &len,
	    &err), -EIO);
	assert_null(data);
}

static void
test_slurp_fifo(void **state)
{
	char *data;
	size_t len;

	assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
	assert_int_equal(fsio_slurp(&fsio_system, path, 10, &data, &len, &err),
	    -ESPIPE);
}

static void
test_pread_full(void **state)
{
	char buf[6] = "";
	int fd;

	assert_int_equal(fsio_replace(&fsio_system, in_dir("f"), "abcdef", 6,
	    0600, &err), 0);
	fd = fsio_system.open(&fsio_system, path, O_RDONLY, 0);
	assert_int_equal(fsio_pread_full(&broken, fd, buf, 4, 1, &err), 0);
	assert_string_equal(buf, "bcde");
	assert_int_equal(fsio_pread_full(&broken, fd, buf, 4, 4, &err),
	    LEAT_E_CORRUPT);
	assert_string_equal(err.text,
	    "file ends at byte 6, 2 bytes too early");
	fail_at = 1;
	assert_int_equal(fsio_pread_full(&broken, fd, buf, 4, 0, &err), -EIO);
	(void)fsio_system.close(&fsio_system, fd);
}

static void
test_pwritev_full(void **state)
{
	char a[] = "ab", b[] = "", c[] = "cde";
	struct iovec iov[] = { { a, 2 }, { b, 0 }, { c, 3 }, { b, 0 } };
	int fd;

	fd = fsio_system.open(&fsio_system, in_dir("f"), O_RDWR | O_CREAT,
	    0600);
	assert_int_equal(fsio_pwritev_full(&broken, fd, iov, 4, 0, &err), 0);
	assert_int_equal(fsio_pwrite_full(&fsio_system, fd, "f", 1, 5, &err),
	    0);
	(void)fsio_system.close(&fsio_system, fd);
	assert_contents("f", "abcdef");
}

static void
test_mkdirs(void **state)
{
	assert_int_equal(fsio_mkdirs(&fsio_system, in_dir("a/b//c/"), 0755,
	    &err), 0);
	assert_int_equal(fsio_mkdirs(&fsio_system, path, 0755, &err), 0);
	assert_int_equal(access(in_dir("a/b/c"), F_OK), 0);
	assert_int_equal(fsio_mkdirs(&fsio_system, "/", 0755, &err), 0);
	assert_int_equal(fsio_replace(&fsio_system, in_dir("f"), "", 0, 0600,
	    &err), 0);
	assert_int_equal(fsio_mkdirs(&fsio_system, path, 0755, &err),
	    -ENOTDIR);
	assert_int_equal(fsio_mkdirs(&fsio_system, in_dir("f/x"), 0755, &err),
	    -ENOTDIR);
	fail_at = 3;
	assert_int_equal(fsio_mkdirs(&broken, in_dir("x"), 0755, &err), -EIO);
	assert_non_null(strstr(err.text, "make directory '"));
	fail_at = 4;
	assert_int_equal(fsio_mkdirs(&broken, in_dir("y"), 0755, &err), -EIO);
	assert_non_null(strstr(err.text, "sync directory '"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_replace),
		T(test_replace_fails),
		T(test_slurp),
		T(test_slurp_fifo),
		T(test_pread_full),
		T(test_pwritev_full),
		T(test_mkdirs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
