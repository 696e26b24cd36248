/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access_file.c: reading, watching and replacing; see access_file.h.
 */
#include "broker/kafka/access_file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/base/fsio.h"
#include "core/base/obj.h"

enum {
	PROBLEMS_SHOWN = 50,
	PROBLEMS_BYTES_MAX = 64 << 10,
	LOCK_TRIES = 8
};

int
access_file_init(struct access_file *f, const char *path, bool secret,
    struct leat_err *err)
{
	*f = (struct access_file){ .path = strdup(path), .secret = secret };
	if (f->path == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
	return 0;
}

void
access_file_fini(struct access_file *f)
{
	free(TAKE(f->path));
}

static bool
same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool
access_file_changed(const struct access_file *f)
{
	struct stat st = { 0 };

	/* One that is gone looks like one of zeroes, and so is told once. */
	(void)stat(f->path, &st);
	return st.st_dev != f->dev || st.st_ino != f->ino ||
	    st.st_size != f->size || !same_time(st.st_mtim, f->mtime) ||
	    !same_time(st.st_ctim, f->ctime);
}

static void
remember(struct access_file *f, const struct stat *st)
{
	f->dev = st->st_dev;
	f->ino = st->st_ino;
	f->size = st->st_size;
	f->mtime = st->st_mtim;
	f->ctime = st->st_ctim;
}

int
access_file_read(struct access_file *f, char **ret_text, size_t *ret_len,
    struct leat_err *err)
{
	struct stat st = { 0 };

	if (stat(f->path, &st) < 0) {
		leat_err_errno(err, LEAT_CLS_CONFIG, "%s", f->path);
		st = (struct stat){ 0 };
		remember(f, &st);
		return err != NULL ? err->code : LEAT_E_CONFIG;
	}
	/* Before the reading: a change in between is seen the next time. */
	remember(f, &st);
	if (!S_ISREG(st.st_mode))
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "%s: not a regular file", f->path);
	if (f->secret && (st.st_mode & (S_IROTH | S_IWOTH)) != 0)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "%s: open to everybody (mode %04o), and it has secrets: "
		    "chmod 600 it", f->path, st.st_mode & 07777U);
	return fsio_slurp(&fsio_system, f->path, ACCESS_FILE_MAX, ret_text,
	    ret_len, err);
}

void
access_text_free(char *text, size_t len)
{
	if (text != NULL)
		OPENSSL_cleanse(text, len);
	free(text);
}

int
access_file_lock(const struct access_file *f, struct leat_err *err)
{
	struct stat held, now;
	int fd;

	/* What was locked may have been replaced by its holder before. */
	for (int i = 0; i < LOCK_TRIES; i++) {
		fd = open(f->path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return leat_err_errno(err, LEAT_CLS_CONFIG, "%s",
			    f->path);
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			(void)close(fd);
			break;
		}
		if (fstat(fd, &held) == 0 && stat(f->path, &now) == 0 &&
		    held.st_ino == now.st_ino && held.st_dev == now.st_dev)
			return fd;
		(void)close(fd);
	}
	return leat_err_set(err, LEAT_CLS_RETRY, -EAGAIN,
	    "%s: somebody else is changing it; try again", f->path);
}

int
access_file_replace(struct access_file *f, const void *text, size_t len,
    struct leat_err *err)
{
	struct stat st, before = { .st_mode = S_IRUSR | S_IWUSR };
	bool there = stat(f->path, &before) == 0;
	int rc;

	if (len > ACCESS_FILE_MAX)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_LIMIT,
		    "%s: it would be larger than %d bytes", f->path,
		    ACCESS_FILE_MAX);
	rc = fsio_replace(&fsio_system, f->path, text, len,
	    before.st_mode & 0777, err);
	if (rc < 0)
		return rc;
	/* Root may change a file of the worker's user, which must read it. */
	if (there && (before.st_uid != geteuid() ||
	    before.st_gid != getegid()) &&
	    chown(f->path, before.st_uid, before.st_gid) < 0 &&
	    geteuid() == 0)
		return leat_err_errno(err, LEAT_CLS_CONFIG, "%s: keep its "
		    "owner", f->path);
	if (stat(f->path, &st) == 0)
		remember(f, &st);
	return 0;
}

/* -------------------------------------------------------------- problems */

void
access_problems_init(struct access_problems *p, const char *path)
{
	*p = (struct access_problems){ .path = path };
	leat_buf_init(&p->text, PROBLEMS_BYTES_MAX);
}

void
access_problems_fini(struct access_problems *p)
{
	leat_buf_fini(&p->text);
}

void
access_problem(struct access_problems *p, int32_t line, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	if (p->n++ >= PROBLEMS_SHOWN)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)leat_buf_printf(&p->text, "%s:%d: %s\n", p->path, line, text);
}

int
access_problems_err(const struct access_problems *p, struct leat_err *err)
{
	const char *text = (const char *)p->text.data, *end;

	if (p->n == 0)
		return 0;
	end = text == NULL ? NULL : memchr(text, '\n', p->text.len);
	if (end == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
	if (p->n == 1)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "%.*s", (int)(end - text), text);
	return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
	    "%.*s (and %zu more)", (int)(end - text), text, p->n - 1);
}

bool
access_line(struct leat_str *rest, int32_t *line, struct leat_str *ret_line)
{
	if (rest->len == 0)
		return false;
	*ret_line = leat_str_trim(leat_str_cut(rest, '\n'));
	(*line)++;
	return true;
}
