/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directory_watch.c: inotify and the timer that waits changes out.
 *
 * What an event says is not looked at, except for the parent directory's: any
 * change means reading the directory again, and only a difference in parsed
 * content has consequences. The watches are set anew before each reload, which
 * costs nothing where they exist, so that nothing changes unseen after it.
 */
#include "core/config/directory_watch.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "core/base/obj.h"
#include "core/config/directory_state.h"

enum { EVENTS_BYTES = 16384, LINKS_MAX = 1000 };

static const uint32_t changes = IN_CREATE | IN_CLOSE_WRITE | IN_MODIFY |
    IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF |
    IN_MOVE_SELF;

struct directory_watch {
	struct directory *directory;
	struct loop *loop;
	const struct clock *clock;
	struct loop_fd *watch;
	struct loop_timer *timer;
	int fd;
	int parent;		/* its watch descriptor */
	int64_t latest_ns;	/* when a reload must come; 0: none is due */
};

/* --------------------------------------------------------------- watches */

/* A path cut at its last slash; *ret_base is what is behind it. */
static char *
split(const char *path, const char **ret_base)
{
	const char *end = path + strlen(path);
	const char *slash;

	while (end > path + 1 && end[-1] == '/')
		end--;
	for (slash = end; slash > path && slash[-1] != '/'; slash--)
		;
	*ret_base = slash;
	if (slash == path)
		return strdup(".");
	return strndup(path, (size_t)(slash - path));
}

static void
watch_parent(struct directory_watch *w)
{
	const char *base;
	char *parent = split(w->directory->path, &base);

	if (parent != NULL)
		w->parent = inotify_add_watch(w->fd, parent,
		    IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM |
		    IN_ONLYDIR);
	free(parent);
}

/* The directory that a link of the directory leads to. */
static void
watch_target(struct directory_watch *w, const char *name)
{
	char real[PATH_MAX];
	const char *base;
	char *path, *dir;

	if (asprintf(&path, "%s/%s", w->directory->path, name) < 0)
		return;
	if (realpath(path, real) != NULL) {
		dir = split(real, &base);
		/* One watch per inode: the parent's is now for all names. */
		if (dir != NULL && inotify_add_watch(w->fd, dir, changes) ==
		    w->parent)
			w->parent = -1;
		free(dir);
	}
	free(path);
}

static void
watch_links(struct directory_watch *w)
{
	DIR *dir = opendir(w->directory->path);
	struct dirent *de;
	int links = 0;

	while (dir != NULL && links < LINKS_MAX &&
	    (de = readdir(dir)) != NULL) {
		if (de->d_type != DT_LNK || de->d_name[0] == '.')
			continue;
		watch_target(w, de->d_name);
		links++;
	}
	if (dir != NULL)
		(void)closedir(dir);
}

static void
watch_all(struct directory_watch *w)
{
	/* The parent first: its descriptor changes if it is the same one. */
	watch_parent(w);
	(void)inotify_add_watch(w->fd, w->directory->path, changes);
	watch_links(w);
}

/* --------------------------------------------------------------- reloading */

static void
reload_soon(struct directory_watch *w)
{
	int64_t left;

	if (w->latest_ns == 0)
		w->latest_ns = clock_deadline_ns(w->clock,
		    DIRECTORY_DEBOUNCE_MAX_MS);
	left = clock_left_ms(w->clock, w->latest_ns);
	loop_timer_start(w->timer, MIN(left, DIRECTORY_DEBOUNCE_MS));
}

static void
on_timer(void *arg)
{
	struct directory_watch *w = arg;

	w->latest_ns = 0;
	watch_all(w);
	if (directory_reload(w->directory, NULL) < 0)
		loop_timer_start(w->timer, DIRECTORY_RETRY_MS);
}

/* Does a change beside the directory concern it? */
static bool
concerns(const struct directory_watch *w, const struct inotify_event *e)
{
	const char *base;
	char *parent;
	bool same;

	if (e->wd != w->parent || e->len == 0)
		return true;
	parent = split(w->directory->path, &base);
	same = strncmp(base, e->name, strlen(e->name)) == 0 &&
	    (base[strlen(e->name)] == '\0' || base[strlen(e->name)] == '/');
	free(parent);
	return same;
}

static void
on_events(void *arg, int events)
{
	_Alignas(struct inotify_event) char buf[EVENTS_BYTES];
	struct directory_watch *w = arg;
	bool any = false;
	ssize_t n;

	while ((n = read(w->fd, buf, sizeof(buf))) > 0) {
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *e =
			    (const struct inotify_event *)(const void *)
			    (buf + at);

			any = any || (!(e->mask & IN_IGNORED) &&
			    concerns(w, e));
			at += (ssize_t)(sizeof(*e) + e->len);
		}
	}
	if (any)
		reload_soon(w);
}

struct directory_watch *
directory_watch_new(struct directory *d, struct loop *loop,
    const struct clock *clock, struct leat_err *err)
{
	struct directory_watch *w = calloc(1, sizeof(*w));

	if (w == NULL) {
		(void)leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "watch '%s': out of memory", d->path);
		return NULL;
	}
	w->directory = d;
	w->loop = loop;
	w->clock = clock != NULL ? clock : &clock_system;
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->fd < 0) {
		(void)leat_err_errno(err, LEAT_CLS_RETRY, "watch '%s'",
		    d->path);
		goto fail;
	}
	w->watch = loop_fd_add(loop, w->fd, LOOP_READ, on_events, w, err);
	if (w->watch == NULL)
		goto fail;
	w->timer = loop_timer_new(loop, on_timer, w);
	if (w->timer == NULL) {
		(void)leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "watch '%s': out of memory", d->path);
		goto fail;
	}
	/* What changed before the watches stood is read now. */
	loop_timer_start(w->timer, 0);
	watch_all(w);
	return w;
fail:
	directory_watch_free(w);
	return NULL;
}

void
directory_watch_free(struct directory_watch *w)
{
	if (w == NULL)
		return;
	loop_timer_free(w->timer);
	loop_fd_remove(w->watch);
	if (w->fd >= 0)
		(void)close(w->fd);
	free(w);
}
