/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flusher: one thread that makes written bytes durable.
 *
 * A round takes every partition that somebody waits for (or, when the interval
 * has passed, every dirty one), notes its end, syncs them all at once
 * (sync_pool.h) and calls back as each is done. What is appended meanwhile
 * waits for the next round, so under load each round carries all that arrived
 * during the one before: group commit without a timer.
 *
 * Internal topics are synced after the others, so that a group's offset does
 * not become durable before the records it has passed.
 *
 * A sync that fails takes its partition offline (P4 in partition.c).
 */
#include "broker/log/flusher.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/log/partition.h"
#include "broker/log/sync_pool.h"
#include "core/base/obj.h"
#include "core/base/thread.h"

enum { WRITEBACK_MAX = 32, ROUND_FILES_MAX = 64 };

struct flusher {
	struct log_env *env;
	struct thread thread;
	struct sync_pool *pool;
	int64_t interval_ns;
	int64_t *syncs;			/* metrics */
	int64_t *sync_ns;
	struct lock lock;		/* RANK_FLUSHER; guards all below */
	struct cond cond;
	struct broker_partition *dirty;	/* counted; in no order */
	int64_t due_ns;		/* of their first, INT64_MAX: none */
	bool urgent;
	bool stop;
	struct segment *writeback[WRITEBACK_MAX];	/* counted */
	uint32_t nwriteback;
};

/* ---------------------------------------------------------- one sync */

struct sync_set {
	struct segment *segs[ROUND_FILES_MAX];	/* pinned and counted */
	int fds[ROUND_FILES_MAX];
	size_t n;
	bool more;		/* there were more files than fit */
	bool fresh;		/* a name must be made durable, too */
	int64_t end;		/* what is durable afterwards */
	int64_t last_base;	/* of the newest segment there was */
};

/* Takes over the dirty files of a partition and the pins they hold. */
static void
collect(struct broker_partition *p, struct sync_set *set)
{
	memset(set, 0, sizeof(*set));
	lock_acquire(&p->lock);
	/* Who finds nothing dirty must not be faster than who syncs it. */
	while (p->syncing)
		cond_wait(&p->cond, &p->lock);
	p->syncing = true;
	set->end = p->written;
	set->last_base = p->nsegs > 0 ? partition_active_locked(p)->base : -1;
	for (size_t i = 0; i < p->nsegs; i++) {
		struct segment *s = p->segs[i];

		if (s->fresh)
			set->fresh = true;
		if (!s->dirty)
			continue;
		if (set->n == ROUND_FILES_MAX) {
			set->more = true;
			set->end = s->base;
			break;
		}
		s->dirty = false;
		segment_get(s);
		set->segs[set->n] = s;
		set->fds[set->n++] = s->file.fd;
	}
	p->unsynced_bytes = 0;
	lock_release(&p->lock);
}

static int
sync_files(struct broker_partition *p, const struct sync_set *set,
    struct leat_err *err)
{
	const struct fsio *fs = p->env->fs;
	int rc = 0;

	for (size_t i = 0; i < set->n && rc == 0; i++)
		if ((rc = fs->fdatasync(fs, set->fds[i])) < 0)
			leat_err_set(err, LEAT_CLS_FATAL, rc,
			    "sync of %s failed: %s", set->segs[i]->path,
			    strerror(-rc));
	if (rc == 0 && set->fresh &&
	    (rc = fs->fsync_dir(fs, p->dir)) < 0)
		leat_err_set(err, LEAT_CLS_FATAL, rc, "sync of %s failed: %s",
		    p->dir, strerror(-rc));
	return rc;
}

static int
finish(struct broker_partition *p, struct sync_set *set, int rc,
    struct leat_err *err)
{
	lock_acquire(&p->lock);
	if (p->state == PART_DELETED) {
		rc = partition_check_locked(p, err);
	} else if (rc < 0) {
		partition_fail_locked(p, err);
	} else {
		/* An older failure stays: durable does not move any more. */
		rc = partition_check_locked(p, err);
		if (rc == 0 && set->end > p->durable)
			offset_store(&p->durable, set->end);
		for (size_t i = 0; rc == 0 && i < p->nsegs; i++)
			if (p->segs[i]->base <= set->last_base)
				p->segs[i]->fresh = false;
	}
	p->syncing = false;
	cond_broadcast(&p->cond);
	lock_release(&p->lock);
	for (size_t i = 0; i < set->n; i++) {
		segment_unpin(set->segs[i]);
		segment_put(set->segs[i]);
	}
	return rc;
}

int
flusher_sync(struct broker_partition *p, struct leat_err *err)
{
	struct sync_set set;
	struct leat_err why = LEAT_ERR_INIT;
	int rc;

	do {
		collect(p, &set);
		rc = sync_files(p, &set, &why);
		rc = finish(p, &set, rc, &why);
	} while (rc == 0 && set.more);
	if (rc < 0 && err != NULL)
		*err = why;
	return rc;
}

/* ------------------------------------------------------------- waiters */

/* Takes the waits that are over; all of them when `all`. */
static struct flush_wait *
take_waits(struct flusher *f, struct broker_partition *p, bool all)
{
	int64_t durable = offset_load(&p->durable);
	struct flush_wait *out = NULL, **tail = &out, **at = &p->waits;

	lock_acquire(&f->lock);
	while (*at != NULL) {
		struct flush_wait *w = *at;

		if (!all && w->offset > durable) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		w->next = NULL;
		*tail = w;
		tail = &w->next;
	}
	p->waits_tail = at;
	lock_release(&f->lock);
	return out;
}

static void
call_waits(struct flush_wait *w, const struct leat_err *err)
{
	while (w != NULL) {
		struct flush_wait *next = w->next;
		broker_done_fn *fn = w->fn;
		void *arg = w->arg;

		if (w->heap)
			free(w);
		fn(arg, err);
		w = next;
	}
}

static void
settle(struct flusher *f, struct broker_partition *p, int rc,
    const struct leat_err *err)
{
	call_waits(take_waits(f, p, false), NULL);
	if (rc < 0)
		call_waits(take_waits(f, p, true), err);
}

void
flusher_forget(struct flusher *f, struct broker_partition *p)
{
	struct leat_err err = LEAT_ERR_INIT;

	lock_acquire(&p->lock);
	(void)partition_check_locked(p, &err);
	lock_release(&p->lock);
	call_waits(take_waits(f, p, true), &err);
}

static void
note_due_locked(struct flusher *f, const struct broker_partition *p)
{
	f->due_ns = MIN(f->due_ns, p->dirty_since_ns + p->sync_within_ns);
}

static void
list_dirty_locked(struct flusher *f, struct broker_partition *p)
{
	if (p->is_dirty)
		return;
	__atomic_store_n(&p->is_dirty, true, __ATOMIC_RELEASE);
	p->dirty_since_ns = clock_mono_ns(&clock_system);
	partition_get(p);
	p->next_dirty = f->dirty;
	f->dirty = p;
	note_due_locked(f, p);
}

static void
add_wait_locked(struct flusher *f, struct broker_partition *p,
    struct flush_wait *w)
{
	w->next = NULL;
	*p->waits_tail = w;
	p->waits_tail = &w->next;
	if (!w->urgent)
		return;
	p->wanted = true;
	if (p->is_dirty && !f->urgent) {
		f->urgent = true;
		cond_signal(&f->cond);
	}
}

/* What is known at once: true when fn was called. */
static bool
answer_now(struct broker_partition *p, struct flush_wait *w)
{
	struct leat_err err = LEAT_ERR_INIT;
	int rc;

	if (offset_load(&p->durable) >= w->offset) {
		w->next = NULL;
		call_waits(w, NULL);
		return true;
	}
	lock_acquire(&p->lock);
	rc = partition_check_locked(p, &err);
	lock_release(&p->lock);
	if (rc == 0)
		return false;
	w->next = NULL;
	call_waits(w, &err);
	return true;
}

void
flusher_wait(struct flusher *f, struct broker_partition *p, int64_t offset,
    struct flush_wait *w, bool urgent)
{
	struct leat_err err = LEAT_ERR_INIT;
	int rc;

	w->offset = offset;
	w->urgent = urgent;
	if (answer_now(p, w))
		return;
	lock_acquire(&f->lock);
	add_wait_locked(f, p, w);
	lock_release(&f->lock);
	/* A round may have ended, or the partition failed, in between. */
	if (offset_load(&p->durable) < offset &&
	    __atomic_load_n(&p->state, __ATOMIC_SEQ_CST) == PART_ONLINE)
		return;
	lock_acquire(&p->lock);
	rc = partition_check_locked(p, &err);
	lock_release(&p->lock);
	settle(f, p, rc, &err);
}

void
flusher_wait_all(struct flusher *f, struct flush_target *t, size_t n)
{
	lock_acquire(&f->lock);
	for (size_t i = 0; i < n; i++) {
		t[i].wait.offset = t[i].offset;
		t[i].wait.urgent = true;
		add_wait_locked(f, t[i].part, &t[i].wait);
		/* Also what is durable already is answered by the round. */
		list_dirty_locked(f, t[i].part);
	}
	f->urgent = true;
	cond_signal(&f->cond);
	lock_release(&f->lock);
}

static void
when_durable_no_memory(broker_done_fn *fn, void *arg)
{
	struct leat_err err = LEAT_ERR_INIT;

	leat_err_set(&err, LEAT_CLS_RETRY, -ENOMEM,
	    "out of memory for a wait");
	fn(arg, &err);
}

void
broker_when_durable(struct broker_partition *p, int64_t offset,
    broker_done_fn *fn, void *arg)
{
	struct flush_wait *w = calloc(1, sizeof(*w));

	OBJ_CHECK(p, PARTITION_MAGIC);
	if (w == NULL) {
		when_durable_no_memory(fn, arg);
		return;
	}
	w->fn = fn;
	w->arg = arg;
	w->heap = true;
	flusher_wait(p->env->flusher, p, offset, w, true);
}

void
flusher_hurry(struct flusher *f, struct broker_partition *p)
{
	lock_acquire(&f->lock);
	p->wanted = true;
	if (p->is_dirty && !f->urgent) {
		f->urgent = true;
		cond_signal(&f->cond);
	}
	lock_release(&f->lock);
}

void
flusher_hurry_all(struct flusher *f)
{
	lock_acquire(&f->lock);
	if (f->dirty != NULL && f->due_ns != 0) {
		f->due_ns = 0;
		cond_signal(&f->cond);
	}
	lock_release(&f->lock);
}

void
flusher_dirty_locked(struct flusher *f, struct broker_partition *p)
{
	int64_t ms = p->config.flush_ms, due_ns;

	lock_assert_held(&p->lock);
	/* Only the flusher clears it, and then it looks again. */
	if (__atomic_load_n(&p->is_dirty, __ATOMIC_ACQUIRE))
		return;
	lock_acquire(&f->lock);
	p->sync_within_ns = ms < f->interval_ns / 1000000 ? ms * 1000000 :
	    f->interval_ns;
	due_ns = f->due_ns;
	list_dirty_locked(f, p);
	if (p->wanted)
		f->urgent = true;
	if (p->wanted || f->due_ns < due_ns)
		cond_signal(&f->cond);
	lock_release(&f->lock);
}

void
flusher_writeback(struct flusher *f, struct segment *s)
{
	if (f->env->fs->writeback == NULL)
		return;
	lock_acquire(&f->lock);
	if (f->nwriteback < WRITEBACK_MAX) {
		segment_get(s);
		f->writeback[f->nwriteback++] = s;
		cond_signal(&f->cond);
	}
	lock_release(&f->lock);
}

/* ------------------------------------------------------------- rounds */

static void
do_writeback(struct flusher *f)
{
	const struct fsio *fs = f->env->fs;
	struct segment *segs[WRITEBACK_MAX];
	uint32_t n = f->nwriteback;

	memcpy(segs, f->writeback, n * sizeof(segs[0]));
	f->nwriteback = 0;
	lock_release(&f->lock);
	for (uint32_t i = 0; i < n; i++) {
		int fd = segment_pin(segs[i], NULL);

		if (fd >= 0) {
			(void)fs->writeback(fs, fd, 0, 0);
			segment_unpin(segs[i]);
		}
		segment_put(segs[i]);
	}
	lock_acquire(&f->lock);
}

/* Out of the dirty list, into a round: who is waited for, or all. */
static struct broker_partition *
take_dirty_locked(struct flusher *f, bool all,
    struct broker_partition **ret_internal)
{
	struct broker_partition *first = NULL, *internal = NULL;
	struct broker_partition **at = &f->dirty, **end;

	f->due_ns = INT64_MAX;
	while (*at != NULL) {
		struct broker_partition *p = *at;

		if (!all && !p->wanted) {
			note_due_locked(f, p);
			at = &p->next_dirty;
			continue;
		}
		*at = p->next_dirty;
		p->wanted = false;
		/* Cleared before the sync: what comes now is listed anew. */
		__atomic_store_n(&p->is_dirty, false, __ATOMIC_RELEASE);
		end = p->internal ? &internal : &first;
		p->next_round = *end;
		*end = p;
	}
	*ret_internal = internal;
	return first;
}

static void
synced(void *arg, struct broker_partition *p, int rc, struct leat_err *err)
{
	struct flusher *f = arg;

	metric_add(f->syncs, 1);
	if (rc < 0 && rc != LEAT_E_NOTFOUND && rc != BROKER_E_OFFLINE)
		log_err(&f->env->lg, "sync failed, partition offline", err);
	settle(f, p, rc, err);
	broker_partition_put(p);
}

/* All of a list; one alone needs no other thread. */
static void
sync_list(struct flusher *f, struct broker_partition *list)
{
	struct leat_err err = LEAT_ERR_INIT;

	if (list == NULL)
		return;
	if (list->next_round == NULL)
		synced(f, list, flusher_sync(list, &err), &err);
	else
		sync_pool_run(f->pool, list, synced, f);
}

static void
sync_round(struct flusher *f, bool all)
{
	struct broker_partition *internal;
	struct broker_partition *list = take_dirty_locked(f, all, &internal);
	int64_t t = clock_mono_ns(&clock_system);

	f->urgent = false;
	lock_release(&f->lock);
	sync_list(f, list);
	sync_list(f, internal);
	metric_add(f->sync_ns, clock_mono_ns(&clock_system) - t);
	lock_acquire(&f->lock);
}

static void *
run(void *arg)
{
	struct flusher *f = arg;

	lock_acquire(&f->lock);
	while (!f->stop) {
		bool due = f->due_ns <= clock_mono_ns(&clock_system);

		if (f->urgent || due)
			sync_round(f, due);
		else if (f->nwriteback > 0)
			do_writeback(f);
		else
			(void)cond_wait_until(&f->cond, &f->lock,
			    f->due_ns == INT64_MAX ? -1 : f->due_ns);
	}
	while (f->dirty != NULL)
		sync_round(f, true);
	while (f->nwriteback > 0)
		segment_put(f->writeback[--f->nwriteback]);
	lock_release(&f->lock);
	return NULL;
}

int
flusher_start(struct log_env *env, int64_t interval_ms,
    struct metrics *metrics, struct flusher **ret, struct leat_err *err)
{
	struct flusher *f = calloc(1, sizeof(*f));
	int rc;

	if (f == NULL || (f->pool = sync_pool_new()) == NULL) {
		free(f);
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory for the flusher");
	}
	f->env = env;
	f->interval_ns = interval_ms * 1000000;
	f->due_ns = INT64_MAX;
	lock_init(&f->lock, RANK_FLUSHER);
	cond_init(&f->cond);
	if (metrics != NULL) {
		f->syncs = metrics_get(metrics, METRIC_COUNTER,
		    "leat_broker_syncs_total",
		    "Partitions made durable by the flusher.", NULL, 0, 0);
		f->sync_ns = metrics_get(metrics, METRIC_COUNTER,
		    "leat_broker_sync_seconds_total",
		    "Time spent in syncs.", NULL, 0, 1000000000);
	}
	if ((rc = thread_start(&f->thread, "leat-flusher", run, f, err)) < 0) {
		lock_fini(&f->lock);
		cond_fini(&f->cond);
		sync_pool_free(f->pool);
		free(f);
		return rc;
	}
	*ret = f;
	return 0;
}

void
flusher_stop(struct flusher *f)
{
	if (f == NULL)
		return;
	lock_acquire(&f->lock);
	f->stop = true;
	cond_signal(&f->cond);
	lock_release(&f->lock);
	thread_join(&f->thread);
	sync_pool_free(f->pool);
	lock_fini(&f->lock);
	cond_fini(&f->cond);
	free(f);
}
