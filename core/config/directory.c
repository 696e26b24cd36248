/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directory.c: reloads, one at a time, and publishing what they found.
 */
#include "core/config/directory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/obj.h"
#include "core/config/directory_state.h"

struct directory *
directory_new(const struct directory_options *o, struct leat_err *err)
{
	struct directory *d = calloc(1, sizeof(*d));
	struct problems *none = problems_new();

	if (d == NULL || none == NULL)
		goto no_memory;
	lock_init(&d->lock, RANK_CONFIG);
	cond_init(&d->idle);
	d->options = *o;
	if (d->options.refs == NULL)
		d->options.refs = &references_system;
	if (d->options.fs == NULL)
		d->options.fs = &fsio_system;
	d->path = strdup(o->path);
	d->view = directory_view_new(d, TAKE(none));
	if (d->path != NULL && d->view != NULL)
		return d;
	directory_free(TAKE(d));
no_memory:
	problems_free(none);
	free(d);
	(void)leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
	    "watch '%s': out of memory", o->path);
	return NULL;
}

void
directory_free(struct directory *d)
{
	if (d == NULL)
		return;
	assert(!d->busy);
	for (size_t i = 0; i < d->len; i++)
		entry_free(d->entries[i]);
	free(d->entries);
	directory_view_unref(d->view);
	free(d->path);
	cond_fini(&d->idle);
	lock_fini(&d->lock);
	free(d);
}

const struct directory_view *
directory_view(struct directory *d)
{
	const struct directory_view *v;

	lock_acquire(&d->lock);
	v = directory_view_ref(d->view);
	lock_release(&d->lock);
	return v;
}

/* The fresh text of an entry becomes what is live. */
static void
go_live(struct entry *e, uint64_t generation)
{
	config_file_fini(&e->live);
	e->live = e->fresh;
	e->fresh = (struct config_file){ 0 };
	e->has_live = true;
	e->generation = generation;
}

/* Takes over what was read; the entries then are what is wanted. */
static void
adopt(struct directory *d)
{
	uint64_t next = d->generation + 1;
	bool changed = false;
	size_t kept = 0;

	for (size_t i = 0; i < d->len; i++) {
		struct entry *e = d->entries[i];

		if (!e->seen) {
			changed = changed || e->has_live;
			entry_free(e);
			continue;
		}
		d->entries[kept++] = e;
		if (e->has_fresh && (!e->has_live ||
		    !config_file_equal(&e->live, &e->fresh))) {
			changed = true;
			go_live(e, next);
		} else if (e->has_fresh) {
			e->live.disabled = e->fresh.disabled;
		}
		config_file_fini(&e->fresh);
		e->has_fresh = false;
	}
	d->len = kept;
	if (changed)
		d->generation = next;
}

static int
publish(struct directory *d, struct problems *owned_problems,
    struct leat_err *err)
{
	struct directory_view *now, *before;
	bool same;

	problems_sort(owned_problems);
	now = directory_view_new(d, owned_problems);
	if (now == NULL) {
		d->unpublished = true;
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "read the configuration: out of memory");
	}
	same = directory_view_same(now, d->view) && !d->unpublished;
	d->unpublished = false;
	lock_acquire(&d->lock);
	before = d->view;
	d->view = directory_view_ref(now);
	lock_release(&d->lock);
	if (!same && d->options.changed != NULL)
		d->options.changed(d->options.arg, now, before);
	directory_view_unref(before);
	directory_view_unref(now);
	return 0;
}

int
directory_reload_busy(struct directory *d, struct leat_err *err)
{
	struct problems *problems = problems_new();
	int rc;

	if (problems == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "read the configuration: out of memory");
	rc = directory_scan(d, problems, err);
	if (rc < 0) {
		problems_free(problems);
		return rc;
	}
	adopt(d);
	return publish(d, TAKE(problems), err);
}

void
directory_begin(struct directory *d)
{
	lock_acquire(&d->lock);
	while (d->busy)
		cond_wait(&d->idle, &d->lock);
	d->busy = true;
	lock_release(&d->lock);
}

void
directory_end(struct directory *d)
{
	lock_acquire(&d->lock);
	d->busy = false;
	cond_signal(&d->idle);
	lock_release(&d->lock);
}

int
directory_reload(struct directory *d, struct leat_err *err)
{
	struct leat_err own = LEAT_ERR_INIT;
	int rc;

	directory_begin(d);
	rc = directory_reload_busy(d, &own);
	if (rc < 0 && d->options.failed != NULL)
		d->options.failed(d->options.arg, &own);
	directory_end(d);
	if (rc < 0 && err != NULL)
		*err = own;
	return rc;
}
