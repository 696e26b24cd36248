/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which files there are to read.
 *
 * Each scan expands the patterns and compares inodes with the open files. A new
 * inode under a name that led to another file is a rotation: the new file is
 * read after the rest of the old one. At the first scan the names beside a
 * file ("app.log.1", "app.log-20240301") are looked at too: one with a stored
 * offset was renamed while nobody watched; it, and those written after it, come
 * first, oldest first.
 */
#include "file_watch.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

void
file_watch_init(struct file_watch *w, struct leat_task *t,
    const struct leat_list *patterns)
{
	memset(w, 0, sizeof(*w));
	w->task = t;
	w->patterns = patterns;
	w->changed = true;
	w->notify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
}

void
file_watch_fini(struct file_watch *w)
{
	struct file_tail *t, *next;

	for (t = w->tails; t != NULL; t = next) {
		next = t->next;
		file_tail_free(t);
	}
	w->tails = NULL;
	if (w->notify_fd >= 0)
		close(w->notify_fd);
	w->notify_fd = -1;
}

void
file_watch_events(struct file_watch *w)
{
	char buf[4096] __attribute__((aligned(8)));
	ssize_t n;

	if (w->notify_fd < 0) {
		w->changed = true;
		return;
	}
	while ((n = read(w->notify_fd, buf, sizeof(buf))) > 0) {
		ssize_t at = 0;

		while (at < n) {
			struct inotify_event ev;

			memcpy(&ev, buf + at, sizeof(ev));
			if ((ev.mask & ~(uint32_t)IN_MODIFY) != 0)
				w->changed = true;
			at += (ssize_t)(sizeof(ev) + ev.len);
		}
	}
}

static void
watch_directory(struct file_watch *w, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash == NULL ? strdup(".")
	    : slash == path	  ? strdup("/")
				  : strndup(path, (size_t)(slash - path));

	/* Watching twice is the same watch; where it fails we poll. */
	if (dir != NULL && w->notify_fd >= 0)
		inotify_add_watch(w->notify_fd, dir,
		    IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM |
			IN_DELETE | IN_ONLYDIR);
	free(dir);
}

static struct file_tail *
find(const struct file_watch *w, const struct stat *st)
{
	struct file_tail *t;

	for (t = w->tails; t != NULL; t = t->next) {
		if (t->ino == st->st_ino && t->dev == st->st_dev)
			return t;
	}
	return NULL;
}

static void
append(struct file_watch *w, struct file_tail *t)
{
	struct file_tail **at = &w->tails;

	while (*at != NULL) {
		if ((*at)->gone && strcmp((*at)->path, t->path) == 0)
			t->prev = *at;
		at = &(*at)->next;
	}
	*at = t;
	w->ntails++;
}

/*
 * Opens a file and finds where to begin. *ret_known: it had a stored offset.
 */
static int
open_tail(struct file_watch *w, const char *path, bool first,
    struct file_tail **ret_tail, bool *ret_known, struct leat_err *err)
{
	struct file_tail *t = file_tail_open(path, err);
	struct file_mark mark;
	const char *text;

	if (t == NULL)
		return err->code;
	text = leat_offset_get(w->task, t->partition);
	*ret_known = false;
	if (text != NULL) {
		if (file_mark_parse(&mark, text, err) < 0) {
			file_tail_free(t);
			return err->code;
		}
		*ret_known = file_tail_resume(t, &mark);
		if (!*ret_known)
			leat_log_notice(w->task, "file is a new one",
			    "file=\"%s\"", path);
	} else if (first && w->from_end) {
		if (file_tail_to_end(t, err) < 0) {
			file_tail_free(t);
			return err->code;
		}
	}
	*ret_tail = t;
	return 0;
}

/* A name that matches a pattern; prev: what to read before it. */
static int
visit(struct file_watch *w, const char *path, bool first,
    struct file_tail *prev, struct leat_err *err)
{
	struct file_tail *t;
	struct stat st;
	char *copy;
	bool known;
	int rc;

	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	t = find(w, &st);
	if (t != NULL) {
		t->gone = false;
		if (strcmp(t->path, path) != 0 &&
		    (copy = strdup(path)) != NULL) {
			free(t->path);
			t->path = copy;
		}
		return 0;
	}
	if (w->ntails >= WATCH_FILES_MAX)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_LIMIT,
		    "file: more than %d files", WATCH_FILES_MAX);
	rc = open_tail(w, path, first, &t, &known, err);
	if (rc == -ENOENT)
		return 0;
	if (rc < 0)
		return rc;
	leat_log_info(w->task, "file opened", "file=\"%s\" position=%lld",
	    path, (long long)t->pos);
	append(w, t);
	if (prev != NULL)
		t->prev = prev;
	return 0;
}

/* ------------------------------------------------ files renamed meanwhile */

struct sibling {
	struct file_tail *tail;
	int64_t mtime_ns;
	bool known;
};

static int
by_age(const void *a, const void *b)
{
	const struct sibling *x = a, *y = b;

	return (x->mtime_ns > y->mtime_ns) - (x->mtime_ns < y->mtime_ns);
}

static int
open_siblings(struct file_watch *w, const glob_t *g, struct sibling *s,
    size_t *ret_n, struct leat_err *err)
{
	size_t i, n = 0;

	*ret_n = 0;
	for (i = 0; i < g->gl_pathc; i++) {
		struct stat st;
		int rc;

		if (stat(g->gl_pathv[i], &st) < 0 || !S_ISREG(st.st_mode) ||
		    leat_str_ends(leat_str_c(g->gl_pathv[i]), ".bz2") ||
		    find(w, &st) != NULL)
			continue;
		rc = open_tail(w, g->gl_pathv[i], false, &s[n].tail,
		    &s[n].known, err);
		if (rc == -ENOENT)
			continue;
		if (rc < 0)
			return rc;
		s[n].mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 +
		    st.st_mtim.tv_nsec;
		*ret_n = ++n;
	}
	return 0;
}

/*
 * Keeps the oldest file with an offset and all that are younger, each to be
 * read after the one before. The last of them, or NULL.
 */
static struct file_tail *
take_siblings(struct file_watch *w, struct sibling *s, size_t n)
{
	struct file_tail *last = NULL;
	size_t i = 0;

	if (n > 0)
		qsort(s, n, sizeof(*s), by_age);
	while (i < n && !s[i].known)
		file_tail_free(s[i++].tail);
	for (; i < n; i++) {
		leat_log_notice(w->task, "file was renamed meanwhile",
		    "file=\"%s\" position=%lld size=%lld", s[i].tail->path,
		    (long long)s[i].tail->pos, (long long)s[i].tail->size);
		append(w, s[i].tail);
		s[i].tail->prev = last;
		last = s[i].tail;
	}
	return last;
}

/*
 * Rotated files have names that end in a number, by the habit of all programs
 * that rotate; copies and compressed ones have not.
 */
static int
visit_siblings(struct file_watch *w, const char *path,
    struct file_tail **ret_last, struct leat_err *err)
{
	struct sibling *s = NULL;
	struct leat_buf b;
	const char *pattern;
	glob_t g = { 0 };
	size_t n = 0;
	int rc = 0;

	leat_buf_init(&b, 16384);
	leat_buf_printf(&b, "%s[.-]*[0-9]", path);
	pattern = leat_buf_cstr(&b);
	if (pattern != NULL && glob(pattern, GLOB_NOSORT, NULL, &g) == 0 &&
	    g.gl_pathc < WATCH_FILES_MAX) {
		s = calloc(g.gl_pathc, sizeof(*s));
		if (s == NULL)
			rc = leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
			    "no memory");
		else
			rc = open_siblings(w, &g, s, &n, err);
		if (rc == 0)
			*ret_last = take_siblings(w, s, n);
		else
			while (n > 0)
				file_tail_free(s[--n].tail);
	}
	free(s);
	globfree(&g);
	leat_buf_fini(&b);
	return rc;
}

/* ------------------------------------------------------------------- scans */

static int
scan_pattern(struct file_watch *w, const char *pattern, bool first,
    struct leat_err *err)
{
	bool plain = pattern[strcspn(pattern, "*?[")] == '\0';
	struct file_tail *last = NULL;
	glob_t g = { 0 };
	size_t i;
	int rc = 0;

	watch_directory(w, pattern);
	if (plain) {
		if (first)
			rc = visit_siblings(w, pattern, &last, err);
		return rc < 0 ? rc : visit(w, pattern, first, last, err);
	}
	if (glob(pattern, 0, NULL, &g) == 0) {
		for (i = 0; rc == 0 && i < g.gl_pathc; i++) {
			watch_directory(w, g.gl_pathv[i]);
			rc = visit(w, g.gl_pathv[i], first, NULL, err);
		}
	}
	globfree(&g);
	return rc;
}

static void
forget(struct file_watch *w, struct file_tail *old)
{
	struct file_tail *t;

	for (t = w->tails; t != NULL; t = t->next) {
		if (t->prev == old)
			t->prev = NULL;
	}
	if (old->size > old->pos)
		leat_log_warn(w->task, "file closed within a line",
		    "file=\"%s\" position=%lld size=%lld", old->path,
		    (long long)old->pos, (long long)old->size);
	else
		leat_log_info(w->task, "file closed",
		    "file=\"%s\" position=%lld", old->path,
		    (long long)old->pos);
	file_tail_free(old);
	w->ntails--;
}

/* Files without a name are read to their end, and a while longer. */
static void
close_gone(struct file_watch *w, int64_t now_ms)
{
	struct file_tail **at = &w->tails;

	while (*at != NULL) {
		struct file_tail *t = *at;

		if (t->gone && t->gone_ms == 0)
			t->gone_ms = now_ms;
		if (!t->gone)
			t->gone_ms = 0;
		if (t->gone && now_ms - t->gone_ms >= w->keep_ms &&
		    !file_tail_ready(t) && !t->dirty) {
			*at = t->next;
			forget(w, t);
		} else {
			at = &t->next;
		}
	}
}

/*
 * All are taken for gone and found again by their names. Those that patterns
 * do not reach, because they were renamed, stay gone.
 */
int
file_watch_scan(struct file_watch *w, bool first, struct leat_err *err)
{
	struct file_tail *t;
	uint32_t i;
	int rc = 0;

	w->changed = false;
	for (t = w->tails; t != NULL; t = t->next)
		t->gone = true;
	for (i = 0; rc == 0 && i < w->patterns->len; i++)
		rc = scan_pattern(w, w->patterns->items[i], first, err);
	close_gone(w, leat_mono_ms(w->task));
	return rc;
}
