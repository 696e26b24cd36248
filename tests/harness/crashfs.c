/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crashfs: see crashfs.h.
 *
 * Files are known by inode. For each file with unsynced writes there is its
 * synced content (a copy in memory, made at the first write after a sync: tests
 * keep files small) and the list of writes since. For each directory there is
 * the list of changes of names since its last sync, each with what is needed
 * to undo it: what a name stood for before is kept as a hard link in the stash.
 */
#include "tests/harness/crashfs.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/harness/proc.h"

struct change {			/* of a file's bytes */
	struct change *next;
	int64_t off;
	int64_t len;		/* -1: truncated to off */
	uint8_t *data;
};

struct file {
	struct file *next;
	ino_t ino;
	uint8_t *synced;
	int64_t synced_len;
	struct change *first, **tail;
};

struct name {			/* of a directory's names */
	struct name *next;
	char *path;
	char *was;		/* stashed link of what stood there, or NULL */
	char *from;		/* a rename's source, or NULL */
	bool is_dir;
	bool removed;		/* else created, or renamed to */
	uint64_t number;	/* of all changes of names, in their order */
};

struct dir {
	struct dir *next;
	char *path;
	struct name *first, **tail;
};

struct crashfs {
	struct fsio fs;
	pthread_mutex_t mutex;
	char *root;
	char *stash;
	uint64_t seed;
	uint64_t nstashed;
	uint64_t nnames;
	uint64_t syncs;
	uint64_t crash_at;
	uint64_t fail_at;
	bool crashed;
	struct file *files;
	struct dir *dirs;
};

static struct crashfs *
self(const struct fsio *fs)
{
	return (struct crashfs *)(uintptr_t)fs;
}

static uint64_t
rnd(struct crashfs *c, uint64_t n)
{
	c->seed ^= c->seed << 13;
	c->seed ^= c->seed >> 7;
	c->seed ^= c->seed << 17;
	return n == 0 ? 0 : c->seed % n;
}

static void *
must(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

/* --------------------------------------------------------------- records */

static void
free_changes(struct file *f)
{
	while (f->first != NULL) {
		struct change *n = f->first->next;

		free(f->first->data);
		free(f->first);
		f->first = n;
	}
	f->tail = &f->first;
	free(f->synced);
	f->synced = NULL;
	f->synced_len = 0;
}

static void
slurp_fd(int fd, uint8_t **ret, int64_t *ret_len)
{
	char path[64];
	struct stat st;
	int in;

	/* The descriptor itself may be open for writing only. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	in = open(path, O_RDONLY | O_CLOEXEC);
	if (in < 0 || fstat(in, &st) < 0)
		abort();
	*ret = must(malloc((size_t)st.st_size + 1));
	*ret_len = pread(in, *ret, (size_t)st.st_size, 0);
	assert(*ret_len == st.st_size);
	close(in);
}

/* The record of an open file; made with its present content as synced. */
static struct file *
file_of(struct crashfs *c, int fd)
{
	struct stat st;
	struct file *f;

	if (fstat(fd, &st) < 0)
		abort();
	for (f = c->files; f != NULL; f = f->next)
		if (f->ino == st.st_ino)
			return f;
	f = must(calloc(1, sizeof(*f)));
	f->ino = st.st_ino;
	f->tail = &f->first;
	f->next = c->files;
	c->files = f;
	return f;
}

static void
add_change(struct crashfs *c, int fd, int64_t off, int64_t len,
    const struct iovec *iov, int n)
{
	struct file *f = file_of(c, fd);
	struct change *ch = must(calloc(1, sizeof(*ch)));
	int64_t at = 0;

	if (f->first == NULL)
		slurp_fd(fd, &f->synced, &f->synced_len);
	ch->off = off;
	ch->len = len;
	if (len > 0)
		ch->data = must(malloc((size_t)len));
	for (int i = 0; i < n && at < len; i++) {
		int64_t part = (int64_t)iov[i].iov_len;

		if (part > len - at)
			part = len - at;
		memcpy(ch->data + at, iov[i].iov_base, (size_t)part);
		at += part;
	}
	*f->tail = ch;
	f->tail = &ch->next;
}

static char *
parent_of(const char *path)
{
	char *dir = must(strdup(path)), *slash = strrchr(dir, '/');

	*slash = '\0';
	return dir;
}

static void
add_name(struct crashfs *c, const char *path, char *was, const char *from,
    bool is_dir, bool removed)
{
	char *parent = parent_of(path);
	struct name *n = must(calloc(1, sizeof(*n)));
	struct dir *d;

	for (d = c->dirs; d != NULL; d = d->next)
		if (strcmp(d->path, parent) == 0)
			break;
	if (d == NULL) {
		d = must(calloc(1, sizeof(*d)));
		d->path = must(strdup(parent));
		d->tail = &d->first;
		d->next = c->dirs;
		c->dirs = d;
	}
	free(parent);
	n->path = must(strdup(path));
	n->was = was;
	n->from = from == NULL ? NULL : must(strdup(from));
	n->is_dir = is_dir;
	n->removed = removed;
	n->number = c->nnames++;
	*d->tail = n;
	d->tail = &n->next;
}

/* A second link to what stands at path, NULL when nothing does. */
static char *
stash_link(struct crashfs *c, const char *path)
{
	char *to;

	if (asprintf(&to, "%s/%llu", c->stash,
	    (unsigned long long)c->nstashed++) < 0)
		abort();
	if (link(path, to) == 0)
		return to;
	free(to);
	return NULL;
}

static void
free_names(struct dir *d)
{
	while (d->first != NULL) {
		struct name *n = d->first->next;

		if (d->first->was != NULL)
			unlink(d->first->was);
		free(d->first->was);
		free(d->first->from);
		free(d->first->path);
		free(d->first);
		d->first = n;
	}
	d->tail = &d->first;
}

/* ----------------------------------------------------------------- calls */

#define ENTER(c)                                                        \
	pthread_mutex_lock(&(c)->mutex);                                \
	if ((c)->crashed) {                                             \
		pthread_mutex_unlock(&(c)->mutex);                      \
		return -EIO;                                            \
	}
#define LEAVE(c, rc)                                                    \
	do {                                                            \
		pthread_mutex_unlock(&(c)->mutex);                      \
		return (rc);                                            \
	} while (0)

static int
c_open(const struct fsio *fs, const char *path, int flags, mode_t mode)
{
	struct crashfs *c = self(fs);
	struct stat st;
	bool there;
	int fd;

	ENTER(c);
	there = stat(path, &st) == 0;
	fd = fsio_system.open(&fsio_system, path, flags, mode);
	if (fd >= 0 && !there && (flags & O_CREAT) != 0) {
		free_changes(file_of(c, fd));	/* of the inode's past life */
		add_name(c, path, NULL, NULL, false, false);
	}
	if (fd >= 0 && there && (flags & O_TRUNC) != 0 && st.st_size > 0) {
		/* Too late to copy: only files of no account are opened so. */
		struct file *f = file_of(c, fd);

		free_changes(f);
		add_change(c, fd, 0, -1, NULL, 0);
	}
	LEAVE(c, fd);
}

static int
c_close(const struct fsio *fs, int fd)
{
	return fsio_system.close(&fsio_system, fd);
}

static int64_t
c_pread(const struct fsio *fs, int fd, void *buf, size_t len, int64_t off)
{
	struct crashfs *c = self(fs);

	ENTER(c);
	pthread_mutex_unlock(&c->mutex);
	return fsio_system.pread(&fsio_system, fd, buf, len, off);
}

static int64_t
c_pwritev(const struct fsio *fs, int fd, const struct iovec *iov, int n,
    int64_t off)
{
	struct crashfs *c = self(fs);
	int64_t len = 0, rc;

	ENTER(c);
	for (int i = 0; i < n; i++)
		len += (int64_t)iov[i].iov_len;
	add_change(c, fd, off, len, iov, n);
	rc = fsio_system.pwritev(&fsio_system, fd, iov, n, off);
	assert(rc == len);
	LEAVE(c, rc);
}

static int
c_ftruncate(const struct fsio *fs, int fd, int64_t len)
{
	struct crashfs *c = self(fs);

	ENTER(c);
	add_change(c, fd, len, -1, NULL, 0);
	LEAVE(c, fsio_system.ftruncate(&fsio_system, fd, len));
}

/* Counts a sync: 0 go on, 1 crash after it, negative it fails. */
static int
count_sync(struct crashfs *c)
{
	c->syncs++;
	if (c->fail_at != 0 && c->syncs == c->fail_at)
		return -EIO;
	if (c->crash_at == 0 || c->syncs != c->crash_at)
		return 0;
	if (rnd(c, 2) == 0)
		return 1;
	c->crashed = true;
	return -EIO;
}

static int
c_fdatasync(const struct fsio *fs, int fd)
{
	struct crashfs *c = self(fs);
	int rc;

	ENTER(c);
	rc = count_sync(c);
	if (rc >= 0)
		free_changes(file_of(c, fd));
	if (rc == 1) {
		c->crashed = true;
		rc = -EIO;
	}
	LEAVE(c, rc);
}

static int
c_fsync_dir(const struct fsio *fs, const char *path)
{
	struct crashfs *c = self(fs);
	int rc;

	ENTER(c);
	rc = count_sync(c);
	for (struct dir *d = c->dirs; d != NULL && rc >= 0; d = d->next)
		if (strcmp(d->path, path) == 0)
			free_names(d);
	if (rc == 1) {
		c->crashed = true;
		rc = -EIO;
	}
	LEAVE(c, rc);
}

/* The records of what lies below a renamed directory go with it. */
static void
move_records(struct crashfs *c, const char *from, const char *to)
{
	size_t n = strlen(from);

	for (struct dir *d = c->dirs; d != NULL; d = d->next) {
		char *path;

		if (strncmp(d->path, from, n) != 0 ||
		    (d->path[n] != '\0' && d->path[n] != '/'))
			continue;
		if (asprintf(&path, "%s%s", to, d->path + n) < 0)
			abort();
		free(d->path);
		d->path = path;
		for (struct name *nm = d->first; nm != NULL; nm = nm->next) {
			if (asprintf(&path, "%s%s", to, nm->path + n) < 0)
				abort();
			free(nm->path);
			nm->path = path;
			if (nm->from == NULL)
				continue;
			if (asprintf(&path, "%s%s", to, nm->from + n) < 0)
				abort();
			free(nm->from);
			nm->from = path;
		}
	}
}

static int
c_rename(const struct fsio *fs, const char *from, const char *to)
{
	struct crashfs *c = self(fs);
	struct stat st;
	char *was;
	int rc;

	ENTER(c);
	was = stash_link(c, to);
	rc = stat(from, &st) < 0 ? -errno :
	    fsio_system.rename(&fsio_system, from, to);
	if (rc == 0) {
		if (S_ISDIR(st.st_mode))
			move_records(c, from, to);
		add_name(c, to, was, from, S_ISDIR(st.st_mode), false);
	} else if (was != NULL) {
		unlink(was);
		free(was);
	}
	LEAVE(c, rc);
}

static int
c_unlink(const struct fsio *fs, const char *path)
{
	struct crashfs *c = self(fs);
	char *was;
	int rc;

	ENTER(c);
	was = stash_link(c, path);
	rc = fsio_system.unlink(&fsio_system, path);
	if (rc == 0) {
		add_name(c, path, was, NULL, false, true);
	} else if (was != NULL) {
		unlink(was);
		free(was);
	}
	LEAVE(c, rc);
}

static int
c_mkdir(const struct fsio *fs, const char *path, mode_t mode)
{
	struct crashfs *c = self(fs);
	int rc;

	ENTER(c);
	rc = fsio_system.mkdir(&fsio_system, path, mode);
	if (rc == 0)
		add_name(c, path, NULL, NULL, true, false);
	LEAVE(c, rc);
}

static int
c_rmdir(const struct fsio *fs, const char *path)
{
	struct crashfs *c = self(fs);
	int rc;

	ENTER(c);
	rc = fsio_system.rmdir(&fsio_system, path);
	if (rc == 0)
		add_name(c, path, NULL, NULL, true, true);
	LEAVE(c, rc);
}

static int
c_fstat(const struct fsio *fs, int fd, struct stat *st)
{
	struct crashfs *c = self(fs);

	ENTER(c);
	LEAVE(c, fsio_system.fstat(&fsio_system, fd, st));
}

/* -------------------------------------------------------------- recovery */

static void
apply_change(struct crashfs *c, int fd, const struct change *ch)
{
	uint8_t *data;
	int64_t len = ch->len;

	switch (rnd(c, 6)) {
	case 0:
	case 1:
		return;				/* lost */
	case 2:
		if (len > 1)			/* torn */
			len = 1 + (int64_t)rnd(c, (uint64_t)len - 1);
		break;
	default:
		break;
	}
	if (len < 0) {
		if (ftruncate(fd, ch->off) < 0)
			abort();
		return;
	}
	data = must(malloc((size_t)len + 1));
	if (len > 0)
		memcpy(data, ch->data, (size_t)len);
	if (len > 0 && rnd(c, 12) == 0)		/* garbled */
		for (int64_t i = (int64_t)rnd(c, (uint64_t)len); i < len; i++)
			data[i] = (uint8_t)(rnd(c, 3) == 0 ? 0 : rnd(c, 256));
	if (pwrite(fd, data, (size_t)len, ch->off) != len)
		abort();
	free(data);
}

static int
open_below(int dir, ino_t ino)
{
	DIR *d = fdopendir(dir);
	struct dirent *e;
	int fd = -1, sub;

	while (fd < 0 && (e = readdir(must(d))) != NULL) {
		if (strcmp(e->d_name, ".") == 0 ||
		    strcmp(e->d_name, "..") == 0)
			continue;
		if (e->d_type == DT_REG && e->d_ino == ino)
			fd = openat(dirfd(d), e->d_name, O_RDWR | O_CLOEXEC);
		if (e->d_type == DT_DIR && (sub = openat(dirfd(d), e->d_name,
		    O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0)
			fd = open_below(sub, ino);
	}
	closedir(d);
	return fd;
}

/* Finds the file of an inode anywhere below root or in the stash. */
static int
open_inode(const char *root, ino_t ino)
{
	int dir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return dir < 0 ? -1 : open_below(dir, ino);
}

static void
recover_file(struct crashfs *c, struct file *f)
{
	int fd;

	if (f->first == NULL)
		return;
	fd = open_inode(c->root, f->ino);
	if (fd < 0)
		fd = open_inode(c->stash, f->ino);
	if (fd < 0)
		return;			/* nothing names it any more */
	if (ftruncate(fd, 0) < 0 || pwrite(fd, f->synced,
	    (size_t)f->synced_len, 0) != f->synced_len)
		abort();
	for (const struct change *ch = f->first; ch != NULL; ch = ch->next)
		apply_change(c, fd, ch);
	close(fd);
}

static void
undo(struct crashfs *c, const struct name *n)
{
	if (n->from != NULL) {
		(void)rename(n->path, n->from);
		if (n->is_dir)
			move_records(c, n->path, n->from);
	} else if (n->removed && n->is_dir) {
		(void)mkdir(n->path, 0750);
		return;
	} else if (!n->removed) {
		if (n->is_dir)
			th_remove(n->path);
		else
			unlink(n->path);
	}
	/* With its directory gone, which was kept so, the name is gone too. */
	if (n->was != NULL && link(n->was, n->path) < 0 && errno != ENOENT)
		abort();
}

static int
newest_first(const void *a, const void *b)
{
	const struct name *const *x = a, *const *y = b;

	return ((*x)->number < (*y)->number) - ((*x)->number > (*y)->number);
}

/*
 * Of each directory's changes, a prefix is kept. What is undone is undone in
 * the reverse order of all directories, as one may have stood in another.
 */
static void
recover_names(struct crashfs *c)
{
	const struct name **list = must(calloc(c->nnames + 1, sizeof(*list)));
	size_t n = 0;

	for (const struct dir *d = c->dirs; d != NULL; d = d->next) {
		uint64_t all = 0, keep;

		for (const struct name *nm = d->first; nm != NULL;
		    nm = nm->next)
			all++;
		keep = rnd(c, all + 1);
		for (const struct name *nm = d->first; nm != NULL;
		    nm = nm->next)
			if (keep > 0)
				keep--;
			else
				list[n++] = nm;
	}
	qsort(list, n, sizeof(*list), newest_first);
	for (size_t i = 0; i < n; i++)
		undo(c, list[i]);
	free(list);
}

void
crashfs_recover(struct crashfs *c)
{
	/* Bytes first, while every file can still be found. */
	for (struct file *f = c->files; f != NULL; f = f->next)
		recover_file(c, f);
	recover_names(c);
	while (c->files != NULL) {
		struct file *f = c->files;

		c->files = f->next;
		free_changes(f);
		free(f);
	}
	while (c->dirs != NULL) {
		struct dir *d = c->dirs;

		c->dirs = d->next;
		free_names(d);
		free(d->path);
		free(d);
	}
	c->crashed = false;
	c->crash_at = c->fail_at = 0;
	c->syncs = 0;
	c->nnames = 0;
}

/* ------------------------------------------------------------------ self */

struct crashfs *
crashfs_new(const char *root, const char *stash, uint64_t seed)
{
	struct crashfs *c = must(calloc(1, sizeof(*c)));

	c->fs = (struct fsio){ .open = c_open, .close = c_close,
	    .pread = c_pread, .pwritev = c_pwritev,
	    .fdatasync = c_fdatasync, .fsync_dir = c_fsync_dir,
	    .ftruncate = c_ftruncate, .rename = c_rename,
	    .unlink = c_unlink, .mkdir = c_mkdir, .rmdir = c_rmdir,
	    .fstat = c_fstat };
	pthread_mutex_init(&c->mutex, NULL);
	c->root = must(strdup(root));
	c->stash = must(strdup(stash));
	c->seed = seed * 0x9e3779b97f4a7c15u + 1;
	for (int i = 0; i < 8; i++)
		(void)rnd(c, 2);
	return c;
}

void
crashfs_free(struct crashfs *c)
{
	if (c == NULL)
		return;
	crashfs_arm(c, 0);
	while (c->files != NULL) {
		struct file *f = c->files;

		c->files = f->next;
		free_changes(f);
		free(f);
	}
	while (c->dirs != NULL) {
		struct dir *d = c->dirs;

		c->dirs = d->next;
		free_names(d);
		free(d->path);
		free(d);
	}
	pthread_mutex_destroy(&c->mutex);
	free(c->root);
	free(c->stash);
	free(c);
}

const struct fsio *
crashfs_fsio(struct crashfs *c)
{
	return &c->fs;
}

void
crashfs_arm(struct crashfs *c, uint64_t n)
{
	pthread_mutex_lock(&c->mutex);
	c->crash_at = n == 0 ? 0 : c->syncs + n;
	pthread_mutex_unlock(&c->mutex);
}

void
crashfs_fail_sync(struct crashfs *c, uint64_t n)
{
	pthread_mutex_lock(&c->mutex);
	c->fail_at = n == 0 ? 0 : c->syncs + n;
	pthread_mutex_unlock(&c->mutex);
}

void
crashfs_crash(struct crashfs *c)
{
	pthread_mutex_lock(&c->mutex);
	c->crashed = true;
	pthread_mutex_unlock(&c->mutex);
}

bool
crashfs_crashed(const struct crashfs *c)
{
	return __atomic_load_n(&c->crashed, __ATOMIC_SEQ_CST);
}

uint64_t
crashfs_syncs(const struct crashfs *c)
{
	return c->syncs;
}
