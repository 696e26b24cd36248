/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open files of segments.
 *
 * Pinned files may exceed the limit: each is in use by a thread, an append or
 * a connection, and those are bounded elsewhere; or it waits for its sync, and
 * when there is a crowd of these, appends sync at once (append.c).
 */
#include "broker/log/fd_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/base/lock.h"
#include "core/base/obj.h"

struct fd_cache {
	const struct fsio *fs;
	struct lock lock;	/* RANK_LEAF; guards all below and the slots */
	struct fd_slot idle;	/* head of the ring */
	uint32_t open;
	uint32_t max;
	uint32_t crowd;		/* constant */
};

struct fd_cache *
fd_cache_new(const struct fsio *fs, uint32_t max_open, uint32_t crowd)
{
	struct fd_cache *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->fs = fs;
	c->max = max_open;
	c->crowd = crowd;
	c->idle.next = c->idle.prev = &c->idle;
	lock_init(&c->lock, RANK_LEAF);
	return c;
}

void
fd_cache_free(struct fd_cache *c)
{
	if (c == NULL)
		return;
	lock_fini(&c->lock);
	free(c);
}

void
fd_slot_init(struct fd_slot *s, const char *path)
{
	*s = (struct fd_slot){ .path = path, .fd = -1 };
}

static void
unlink_slot(struct fd_slot *s)
{
	if (s->next == NULL)
		return;
	s->next->prev = s->prev;
	s->prev->next = s->next;
	s->next = s->prev = NULL;
}

void
fd_slot_fini(struct fd_cache *c, struct fd_slot *s)
{
	int fd;

	lock_acquire(&c->lock);
	assert(s->pins == 0);
	unlink_slot(s);
	fd = s->fd;
	s->fd = -1;
	if (fd >= 0)
		c->open--;
	lock_release(&c->lock);
	if (fd >= 0)
		(void)c->fs->close(c->fs, fd);
}

/* Closes the oldest idle file when there are too many. */
static void
shrink(struct fd_cache *c)
{
	int fd = -1;

	lock_acquire(&c->lock);
	if (c->open > c->max && c->idle.next != &c->idle) {
		struct fd_slot *s = c->idle.next;

		unlink_slot(s);
		fd = s->fd;
		s->fd = -1;
		c->open--;
	}
	lock_release(&c->lock);
	if (fd >= 0)
		(void)c->fs->close(c->fs, fd);
}

static bool
pin_open(struct fd_cache *c, struct fd_slot *s, int *ret_fd)
{
	lock_acquire(&c->lock);
	*ret_fd = s->fd;
	if (s->fd >= 0) {
		s->pins++;
		unlink_slot(s);
	}
	lock_release(&c->lock);
	return *ret_fd >= 0;
}

int
fd_slot_pin(struct fd_cache *c, struct fd_slot *s, bool create,
    struct leat_err *err)
{
	int fd, mine;

	if (pin_open(c, s, &fd))
		return fd;
	mine = c->fs->open(c->fs, s->path, O_RDWR | (create ? O_CREAT : 0),
	    0640);
	if (mine < 0) {
		errno = -mine;
		return leat_err_errno(err, LEAT_CLS_RETRY, "open %s", s->path);
	}
	lock_acquire(&c->lock);
	if (s->fd < 0) {		/* else another thread was faster */
		s->fd = mine;
		mine = -1;
		c->open++;
	}
	s->pins++;
	unlink_slot(s);
	fd = s->fd;
	lock_release(&c->lock);
	if (mine >= 0)
		(void)c->fs->close(c->fs, mine);
	shrink(c);
	return fd;
}

void
fd_slot_unpin(struct fd_cache *c, struct fd_slot *s)
{
	lock_acquire(&c->lock);
	assert(s->pins > 0);
	if (--s->pins == 0) {
		s->next = &c->idle;
		s->prev = c->idle.prev;
		s->prev->next = s;
		c->idle.prev = s;
	}
	lock_release(&c->lock);
	shrink(c);
}

uint32_t
fd_cache_open_count(struct fd_cache *c)
{
	uint32_t n;

	lock_acquire(&c->lock);
	n = c->open;
	lock_release(&c->lock);
	return n;
}

bool
fd_cache_crowded(struct fd_cache *c)
{
	return fd_cache_open_count(c) >= c->crowd;
}
