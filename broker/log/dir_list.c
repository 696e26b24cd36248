/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listing directories. Reading names cannot lose anything, so this does not go
 * through fsio.
 */
#include "broker/log/dir_list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct dir_entry *)a)->name,
	    ((const struct dir_entry *)b)->name);
}

static int
add_entry(struct dir_list *l, size_t *cap, int fd, const char *name)
{
	struct dir_entry *e;
	struct stat st;

	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (l->n == *cap) {
		size_t more = *cap == 0 ? 16 : *cap * 2;
		void *p = realloc(l->entries, more * sizeof(*l->entries));

		if (p == NULL)
			return -ENOMEM;
		l->entries = p;
		*cap = more;
	}
	e = &l->entries[l->n];
	if ((e->name = strdup(name)) == NULL)
		return -ENOMEM;
	e->size = st.st_size;
	e->mtime_ms = (int64_t)st.st_mtim.tv_sec * 1000 +
	    st.st_mtim.tv_nsec / 1000000;
	e->is_dir = S_ISDIR(st.st_mode);
	l->n++;
	return 0;
}

int
dir_list_load(struct dir_list *l, const char *path, struct leat_err *err)
{
	DIR *d = opendir(path);
	struct dirent *de;
	size_t cap = 0;
	int rc = 0;

	memset(l, 0, sizeof(*l));
	if (d == NULL)
		return leat_err_errno(err, LEAT_CLS_FATAL, "open %s", path);
	while (rc == 0 && (de = readdir(d)) != NULL)
		if (strcmp(de->d_name, ".") != 0 &&
		    strcmp(de->d_name, "..") != 0)
			rc = add_entry(l, &cap, dirfd(d), de->d_name);
	closedir(d);
	if (rc < 0) {
		dir_list_fini(l);
		return leat_err_set(err, LEAT_CLS_RETRY, rc, "list %s", path);
	}
	if (l->n > 1)
		qsort(l->entries, l->n, sizeof(*l->entries), by_name);
	return 0;
}

void
dir_list_fini(struct dir_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->entries[i].name);
	free(l->entries);
	memset(l, 0, sizeof(*l));
}

const struct dir_entry *
dir_list_find(const struct dir_list *l, const char *name)
{
	size_t lo = 0, hi = l->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(l->entries[mid].name, name);

		if (c == 0)
			return &l->entries[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}
