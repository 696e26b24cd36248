/* SPDX-License-Identifier: Apache-2.0 */
/* Syncing many partitions at once: see sync_pool.h. */
#include "broker/log/sync_pool.h"

#include <stdlib.h>

#include "broker/log/flusher.h"
#include "broker/log/partition.h"
#include "core/base/obj.h"
#include "core/base/thread.h"

enum { HELPERS_MAX = 8 };

enum job_state { JOB_IDLE, JOB_GIVEN, JOB_DONE };

struct helper {
	struct sync_pool *pool;
	struct thread thread;
	struct cond cond;	/* a job was given, or the end has come */
	/* The pool's lock guards what follows. */
	enum job_state state;
	struct broker_partition *part;
	int rc;
	struct leat_err err;
};

struct sync_pool {
	struct lock lock;		/* RANK_LEAF */
	struct cond done;
	uint32_t nhelpers;
	bool stop;
	struct helper helpers[HELPERS_MAX];
};

struct sync_pool *
sync_pool_new(void)
{
	struct sync_pool *sp = calloc(1, sizeof(*sp));

	if (sp == NULL)
		return NULL;
	lock_init(&sp->lock, RANK_LEAF);
	cond_init(&sp->done);
	return sp;
}

void
sync_pool_free(struct sync_pool *sp)
{
	if (sp == NULL)
		return;
	lock_acquire(&sp->lock);
	sp->stop = true;
	for (uint32_t i = 0; i < sp->nhelpers; i++)
		cond_signal(&sp->helpers[i].cond);
	lock_release(&sp->lock);
	for (uint32_t i = 0; i < sp->nhelpers; i++) {
		thread_join(&sp->helpers[i].thread);
		cond_fini(&sp->helpers[i].cond);
	}
	cond_fini(&sp->done);
	lock_fini(&sp->lock);
	free(sp);
}

static void *
help(void *arg)
{
	struct helper *h = arg;
	struct sync_pool *sp = h->pool;
	struct leat_err err = LEAT_ERR_INIT;
	int rc;

	lock_acquire(&sp->lock);
	while (!sp->stop) {
		if (h->state != JOB_GIVEN) {
			cond_wait(&h->cond, &sp->lock);
			continue;
		}
		lock_release(&sp->lock);
		rc = flusher_sync(h->part, &err);
		lock_acquire(&sp->lock);
		h->rc = rc;
		if (rc < 0)
			h->err = err;
		h->state = JOB_DONE;
		cond_signal(&sp->done);
	}
	lock_release(&sp->lock);
	return NULL;
}

/* One that has nothing to do; NULL when all are busy. */
static struct helper *
idle_locked(struct sync_pool *sp)
{
	struct helper *h;

	for (uint32_t i = 0; i < sp->nhelpers; i++)
		if (sp->helpers[i].state == JOB_IDLE)
			return &sp->helpers[i];
	if (sp->nhelpers == HELPERS_MAX)
		return NULL;
	h = &sp->helpers[sp->nhelpers];
	h->pool = sp;
	cond_init(&h->cond);
	if (thread_start(&h->thread, "leat-sync", help, h, NULL) < 0) {
		cond_fini(&h->cond);
		return NULL;
	}
	sp->nhelpers++;
	return h;
}

static struct helper *
done_locked(struct sync_pool *sp)
{
	for (uint32_t i = 0; i < sp->nhelpers; i++)
		if (sp->helpers[i].state == JOB_DONE)
			return &sp->helpers[i];
	return NULL;
}

static void
settle(struct sync_pool *sp, struct helper *h, sync_pool_fn *fn, void *arg)
{
	struct broker_partition *p = h->part;
	struct leat_err err = LEAT_ERR_INIT;
	int rc = h->rc;

	if (rc < 0)
		err = h->err;
	h->state = JOB_IDLE;
	lock_release(&sp->lock);
	fn(arg, p, rc, &err);
	lock_acquire(&sp->lock);
}

/* In the calling thread, when there is nobody else. */
static void
sync_here(struct sync_pool *sp, struct broker_partition *p, sync_pool_fn *fn,
    void *arg)
{
	struct leat_err err = LEAT_ERR_INIT;
	int rc;

	lock_release(&sp->lock);
	rc = flusher_sync(p, &err);
	fn(arg, p, rc, &err);
	lock_acquire(&sp->lock);
}

void
sync_pool_run(struct sync_pool *sp, struct broker_partition *list,
    sync_pool_fn *fn, void *arg)
{
	uint32_t running = 0;
	struct helper *h;

	lock_acquire(&sp->lock);
	while (list != NULL || running > 0) {
		struct broker_partition *p = list;

		if ((h = done_locked(sp)) != NULL) {
			running--;
			settle(sp, h, fn, arg);
		} else if (p != NULL && (h = idle_locked(sp)) != NULL) {
			list = p->next_round;
			h->part = p;
			h->state = JOB_GIVEN;
			cond_signal(&h->cond);
			running++;
		} else if (running > 0) {
			cond_wait(&sp->done, &sp->lock);
		} else {
			list = p->next_round;
			sync_here(sp, p, fn, arg);
		}
	}
	lock_release(&sp->lock);
}
