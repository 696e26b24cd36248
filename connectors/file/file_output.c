/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file that the file-sink writes.
 *
 * The order that survives a crash: data, fdatasync, state. A rotation first
 * says in the state what it is going to do, then renames, then starts a new
 * file with a new state; each step can be found half done and is finished when
 * the file is opened again.
 */
#include "file_output.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <leat/time.h>

/* ----------------------------------------------------------------- opening */

static int
split_path(struct file_output *o, const char *path, struct leat_err *err)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash != NULL ? slash + 1 : path;
	char *dir = slash == NULL ? strdup(".")
	    : slash == path	  ? strdup("/")
				  : strndup(path, (size_t)(slash - path));
	size_t n = strlen(base);

	o->path = strdup(path);
	o->base = strdup(base);
	o->state_name = malloc(n + 7);
	if (dir == NULL || o->path == NULL || o->base == NULL ||
	    o->state_name == NULL) {
		free(dir);
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "no memory for '%s'", path);
	}
	snprintf(o->state_name, n + 7, ".%s.leat", base);
	o->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(dir);
	if (o->dir_fd < 0)
		return leat_err_errno(err, LEAT_CLS_CONFIG,
		    "file: open the directory of '%s'", path);
	if (n == 0 || n > 200)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "file: '%s' is not the name of a file", path);
	return 0;
}

static int
open_file(struct file_output *o, struct leat_err *err)
{
	struct stat st;

	o->fd = openat(o->dir_fd, o->base, O_WRONLY | O_CREAT | O_CLOEXEC,
	    0644);
	if (o->fd < 0 || fstat(o->fd, &st) < 0)
		return leat_err_errno(err, LEAT_CLS_CONFIG, "file: open '%s'",
		    o->path);
	o->plain = !S_ISREG(st.st_mode);
	if (!o->plain && flock(o->fd, LOCK_EX | LOCK_NB) < 0)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_EXISTS,
		    "file: '%s' is being written by another task (put "
		    "${task} into its name)",
		    o->path);
	return 0;
}

/* A rotation was announced and perhaps not done. */
static int
finish_rotation(struct file_output *o, struct leat_err *err)
{
	struct stat st;

	if (fstatat(o->dir_fd, o->state.rotated, &st, 0) < 0) {
		if (errno != ENOENT)
			return leat_err_errno(err, LEAT_CLS_RETRY, "stat '%s'",
			    o->state.rotated);
		if (renameat(o->dir_fd, o->base, o->dir_fd,
		    o->state.rotated) < 0 && errno != ENOENT)
			return leat_err_errno(err, LEAT_CLS_RETRY,
			    "rename '%s' to '%s'", o->base, o->state.rotated);
	}
	free(o->state.rotated);
	o->state.rotated = NULL;
	o->state.bytes = 0;
	return 0;
}

/* Cuts the file to what was durable. */
static int
recover(struct file_output *o, bool found, struct leat_err *err)
{
	struct stat st;

	if (fstat(o->fd, &st) < 0)
		return leat_err_errno(err, LEAT_CLS_RETRY, "stat '%s'",
		    o->path);
	if (!found) {
		/* Somebody else's lines: keep them. */
		o->state.bytes = st.st_size;
		return 0;
	}
	if (st.st_size < o->state.bytes)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CORRUPT,
		    "file: '%s' has %lld bytes, %lld were durable: it was "
		    "changed or removed by someone else (remove '%s' to go on "
		    "with it as it is)",
		    o->path, (long long)st.st_size,
		    (long long)o->state.bytes, o->state_name);
	if (st.st_size > o->state.bytes &&
	    ftruncate(o->fd, o->state.bytes) < 0)
		return leat_err_errno(err, LEAT_CLS_RETRY, "truncate '%s'",
		    o->path);
	return 0;
}

static int
copy_offsets(struct file_state *to, const struct file_state *from)
{
	const struct leat_map_entry *e;
	size_t it = 0;

	while ((e = leat_map_next(&from->offsets, &it)) != NULL) {
		int64_t n, *at, *value = e->value;
		size_t len = strlen(e->key);

		if (leat_parse_i64((struct leat_str){ e->key + len + 1,
		    e->key_len - len - 1 }, 0, INT32_MAX, &n) < 0)
			return -1;
		at = file_state_offset(to, e->key, (int32_t)n);
		if (at == NULL)
			return -1;
		*at = *value;
	}
	return 0;
}

static int
open_steps(struct file_output *o, const char *path, struct leat_err *err)
{
	int found = 0, rc;

	rc = split_path(o, path, err);
	if (rc == 0)
		rc = file_state_load(&o->state, o->dir_fd, o->state_name,
		    &found, err);
	if (rc == 0 && o->state.rotated != NULL)
		rc = finish_rotation(o, err);
	if (rc == 0)
		rc = open_file(o, err);
	if (rc < 0 || o->plain)
		return rc;
	rc = recover(o, found, err);
	if (rc == 0 && copy_offsets(&o->next, &o->state) < 0)
		rc = leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
	/* The first state says what is not ours, and ends a rotation. */
	if (rc == 0)
		rc = file_state_save(&o->state, o->dir_fd, o->state_name,
		    err);
	return rc;
}

int
file_output_open(struct file_output *o, const char *path, int64_t now_ms,
    struct leat_err *err)
{
	int rc;

	memset(o, 0, sizeof(*o));
	o->fd = o->dir_fd = -1;
	file_state_init(&o->state);
	file_state_init(&o->next);
	leat_buf_init(&o->pending, FILE_OUTPUT_PENDING_MAX);
	rc = open_steps(o, path, err);
	if (rc < 0) {
		file_output_close(o);
		return rc;
	}
	o->bytes = o->state.bytes;
	o->opened_ms = now_ms;
	return 0;
}

void
file_output_close(struct file_output *o)
{
	if (o->path == NULL && o->base == NULL)
		return;
	if (o->fd >= 0)
		close(o->fd);
	if (o->dir_fd >= 0)
		close(o->dir_fd);
	file_state_fini(&o->state);
	file_state_fini(&o->next);
	leat_buf_fini(&o->pending);
	free(o->path);
	free(o->base);
	free(o->state_name);
	memset(o, 0, sizeof(*o));
}

/* ----------------------------------------------------------------- writing */

static ssize_t
write_some(const struct file_output *o, size_t done)
{
	const uint8_t *p = o->pending.data + done;
	size_t n = o->pending.len - done;

	if (o->plain)
		return write(o->fd, p, n);
	return pwrite(o->fd, p, n, o->bytes + (off_t)done);
}

int
file_output_write(struct file_output *o, struct leat_err *err)
{
	size_t done = 0;

	while (done < o->pending.len) {
		ssize_t n = write_some(o, done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return leat_err_errno(err, LEAT_CLS_RETRY,
			    "write '%s'", o->path);
		done += (size_t)n;
	}
	return 0;
}

void
file_output_commit(struct file_output *o)
{
	if (o->pending.len == 0)
		return;
	o->bytes += (int64_t)o->pending.len;
	o->dirty = true;
	leat_buf_reset(&o->pending);
	/* One huge batch should not hold its memory for ever. */
	if (o->pending.cap > 4 * 1024 * 1024)
		leat_buf_fini(&o->pending);
}

void
file_output_rollback(struct file_output *o)
{
	leat_buf_reset(&o->pending);
}

int
file_output_sync(struct file_output *o, struct leat_err *err)
{
	if (!o->dirty || o->plain) {
		o->dirty = false;
		return 0;
	}
	/*
	 * After a failed sync nobody knows what is on the disk: stop, and let
	 * the next open() cut the file to what was durable.
	 */
	if (fdatasync(o->fd) < 0)
		return leat_err_errno(err, LEAT_CLS_FATAL, "sync '%s'",
		    o->path);
	o->next.bytes = o->bytes;
	if (file_state_save(&o->next, o->dir_fd, o->state_name, err) < 0)
		return err != NULL ? err->code : -EIO;
	o->state.bytes = o->bytes;
	o->dirty = false;
	return copy_offsets(&o->state, &o->next) == 0
	    ? 0
	    : leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "no memory");
}

/* ---------------------------------------------------------------- rotation */

/* "out.jsonl.20240301T010203Z", with "-2" .. behind it when that is taken. */
static char *
rotated_name(const struct file_output *o, int64_t now_ms)
{
	char stamp[40], *name, *at;
	size_t n = leat_time_format_us(stamp, now_ms * 1000, 0), i;
	struct stat st;
	int try;

	name = malloc(strlen(o->base) + n + 16);
	if (name == NULL)
		return NULL;
	memcpy(name, o->base, strlen(o->base));
	at = name + strlen(o->base);
	*at++ = '.';
	for (i = 0; i < n; i++) {
		if (stamp[i] != '-' && stamp[i] != ':')
			*at++ = stamp[i];
	}
	*at = '\0';
	for (try = 2; try < 1000000; try++) {
		if (fstatat(o->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return name;
		snprintf(at, 14, "-%d", try);
	}
	free(name);
	return NULL;
}

int
file_output_rotate(struct file_output *o, int64_t now_ms,
    struct leat_err *err)
{
	int rc;

	if (o->plain || o->bytes == 0)
		return 0;
	rc = file_output_sync(o, err);
	if (rc < 0)
		return rc;
	o->next.rotated = rotated_name(o, now_ms);
	if (o->next.rotated == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "no name for the rotated '%s'", o->path);
	rc = file_state_save(&o->next, o->dir_fd, o->state_name, err);
	if (rc == 0 && renameat(o->dir_fd, o->base, o->dir_fd,
	    o->next.rotated) < 0)
		rc = leat_err_errno(err, LEAT_CLS_RETRY, "rename '%s' to '%s'",
		    o->base, o->next.rotated);
	free(o->next.rotated);
	o->next.rotated = NULL;
	if (rc < 0)
		return rc;
	close(o->fd);
	rc = open_file(o, err);
	o->bytes = o->next.bytes = o->state.bytes = 0;
	o->opened_ms = now_ms;
	if (rc == 0)
		rc = file_state_save(&o->next, o->dir_fd, o->state_name, err);
	return rc;
}
