/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_task.c: the loop of a source.
 *
 * A round: see what a commit brought, tick, bring the batch to the bus, commit
 * if it is time, poll, or wait. Polls and produced batches run ahead of the
 * commit in flight until the buffer of the producer or the memory bound is
 * full; then the round waits, and only tick() is called.
 *
 * When to commit. A commit covers whole polls, because only there a position
 * says exactly where the source stands. It is due at once when the source has
 * nothing more (the empty poll that follows the last record), which keeps
 * latency at one fsync; else after commit.linger.ms or commit.bytes, which
 * keeps the number of fsyncs low under load. One commit is in flight at a time,
 * so the slower the disk, the larger the commits.
 *
 * Load. A stream that we read faster than it is written runs dry after every
 * few records. To commit, and to wake, for each handful of them would cost more
 * than the records. So once a commit held many records the next one keeps a
 * small distance, and a wait begins with a nap that lets records gather.
 *
 * When poll() fails, the records before its last position are still good: they
 * are produced and made durable before the error is raised, so that a source
 * that fails again and again still makes progress.
 */
#include "core/worker/source_task.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/obj.h"
#include "core/config/properties.h"
#include "core/plugin/registry.h"

enum {
	TICK_MS = 1000,
	IDLE_MS = 100,		/* an empty poll that said nothing */
	POSITION_MS = 1000,	/* commits that only move a position */
	LOADED_RECORDS = 24,	/* so many in a commit are a load: */
	LOADED_COMMIT_MS = 10,	/* its commits are so far apart */
	LOADED_NAP_US = 400,	/* and its waits so long at least */
	RECORD_ERRORS_MAX = 100,
	TXN_ID_MAX = 300
};

static int
no_memory(struct leat_err *err)
{
	return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
}

/* ---------------------------------------------------------- open, close */

static bool
exactly_once(const struct leat_task *t)
{
	return settings_exactly_once(&t->set, t->o.worker) &&
	    (t->o.conn->connector.flags & LEAT_CAN_EXACTLY_ONCE) != 0;
}

static size_t
topic_settings(struct leat_task *t, struct source *s)
{
	const struct leat_params *p = &t->set.topic_settings;
	size_t i, n = 0;

	for (i = 0; i < p->len && n < SOURCE_SETTINGS_MAX; i++) {
		s->settings[n].name = p->items[i].key;
		s->settings[n++].value = p->items[i].value;
	}
	return n;
}

static int
open_producer(struct leat_task *t, struct source *s, struct leat_err *err)
{
	struct bus_producer_options o = { .connector = t->connector };
	char id[TXN_ID_MAX];

	(void)snprintf(id, sizeof(id), "leat-%s-%d", t->connector,
	    (int)t->o.id);
	o.transactional_id = exactly_once(t) ? id : NULL;
	o.transaction_timeout_ms = t->set.transaction_timeout_ms;
	o.compression = t->set.compression;
	o.batch_bytes = (size_t)t->set.batch_bytes;
	o.message_bytes = (size_t)t->set.message_bytes;
	o.buffer_bytes = (size_t)t->set.buffer_bytes;
	o.partitions = (int32_t)t->set.topic_partitions;
	o.settings = s->settings;
	o.nsettings = topic_settings(t, s);
	o.create_topics = true;
	o.wake = &t->wake;
	return bus_producer_open(t->o.bus, &o, &s->producer, err);
}

static int
source_open(struct leat_task *t, struct leat_err *err)
{
	struct source *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return no_memory(err);
	t->data = s;
	leat_arena_init(&s->arena, SOURCE_ARENA_CHUNK, SOURCE_ARENA_MAX +
	    2 * (size_t)t->set.message_bytes);
	t->share = budget_join(t->o.budget, SOURCE_SHARE_MIN);
	if (t->share == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, LEAT_E_LIMIT,
		    "no room for another task within the worker's "
		    "memory.bytes: raise it, or run fewer tasks");
	if (batch_init(&s->batch, t, (uint32_t)t->set.batch_records,
	    SOURCE_BATCH_MAX) < 0)
		return no_memory(err);
	/* A record's bytes may come as text of twice the size. */
	s->batch.max_piece = MAX(s->batch.max_piece,
	    4 * (size_t)t->set.message_bytes);
	if (chain_new(t->o.props, t->o.worker, t->pool, &s->chain, err) < 0)
		return err->code;
	/* Fences an older self before its positions are read. */
	if (open_producer(t, s, err) < 0)
		return err->code;
	s->last_commit_ms = task_now_ms(t);
	return task_plugin_open(t, err);
}

static void
source_close(struct leat_task *t)
{
	struct source *s = t->data;

	task_plugin_close(t);
	if (s == NULL)
		return;
	bus_producer_close(s->producer);
	chain_free(s->chain);
	batch_fini(&s->batch);
	leat_arena_fini(&s->arena);
	free(s->headers);
	free(s);
	t->data = NULL;
	task_gauge(&t->m, M_SOURCE_ACTIVE, 0);
}

/* -------------------------------------------------------------- commits */

/* Tells the source what is durable now. */
static int
tell_durable(struct leat_task *t, struct source *s, struct leat_err *err)
{
	struct batch_position *p;
	struct leat_position pos;
	int rc = 0;

	for (p = s->batch.positions; p != NULL; p = p->next) {
		if (!p->is_flying)
			continue;
		p->is_flying = false;
		if (rc < 0 || t->o.conn->source.durable == NULL)
			continue;
		pos.partition = p->partition;
		pos.offset = leat_buf_cstr(&p->flying);
		task_enter(t, "durable");
		rc = t->o.conn->source.durable(t->self, &pos, err);
		task_leave(t);
	}
	return task_said(rc, "durable", err);
}

static int
see_landing(struct leat_task *t, struct source *s, struct leat_err *err)
{
	uint64_t ticket;
	int rc = bus_commit_poll(s->producer, &ticket, err);

	if (rc == 0)
		return 0;
	if (rc < 0) {
		task_count(&t->m, M_COMMIT_FAILURES, 1);
		return rc;
	}
	task_count(&t->m, M_COMMITS, 1);
	task_count(&t->m, M_COMMIT_US,
	    clock_mono_ns(t->o.clock) / 1000 - s->flight_us);
	task_count(&t->m, M_WRITTEN, (int64_t)s->flight_records);
	task_count(&t->m, M_WRITTEN_BYTES, (int64_t)s->flight_bytes);
	/* A position alone says little: some sources give it as they open. */
	if (s->flight_records > 0 || task_now_ms(t) - t->opened_ms >=
	    t->backoff.cap_ms)
		task_progress(t);
	s->flight_records = s->flight_bytes = 0;
	(void)task_charge(t, s->batch.held + source_overhead(s));
	return tell_durable(t, s, err);
}

static bool
dirty(const struct source *s)
{
	return s->records > 0 || s->moved;
}

/* When a source that has nothing more may commit. */
static int64_t
idle_commit_ms(const struct source *s)
{
	return s->loaded ? s->last_commit_ms + LOADED_COMMIT_MS : 0;
}

/* Is it time? Only asked between batches. `now` only matters while running. */
static bool
commit_due(const struct leat_task *t, const struct source *s, int64_t now)
{
	if (!dirty(s) || bus_commit_in_flight(s->producer))
		return false;
	if (s->records == 0)
		return now - s->last_commit_ms >= POSITION_MS;
	return (s->idle && now >= idle_commit_ms(s)) ||
	    s->bytes >= (uint64_t)t->set.commit_bytes ||
	    now - s->first_ms >= t->set.linger_ms;
}

static int
commit(struct leat_task *t, struct source *s, struct leat_err *err)
{
	struct batch_position *p;
	struct leat_buf tmp;

	for (p = s->batch.positions; p != NULL; p = p->next) {
		if (!p->is_ready)
			continue;
		if (bus_produce_offset(s->producer, p->partition,
		    leat_buf_cstr(&p->ready), err) < 0)
			return err->code;
		tmp = p->flying;
		p->flying = p->ready;
		p->ready = tmp;
		p->is_ready = false;
		p->is_flying = true;
	}
	s->flight_us = clock_mono_ns(t->o.clock) / 1000;
	if (bus_commit(s->producer, ++s->ticket, err) < 0) {
		task_count(&t->m, M_COMMIT_FAILURES, 1);
		return err->code;
	}
	s->loaded = s->records >= LOADED_RECORDS;
	s->flight_records = s->records;
	s->flight_bytes = s->bytes;
	s->records = s->bytes = 0;
	s->moved = false;
	s->last_commit_ms = task_now_ms(t);
	return 0;
}

/* ---------------------------------------------------------------- polls */

static void
batch_done(struct source *s)
{
	if (batch_positions_ready(&s->batch))
		s->moved = true;
	s->busy = false;
}

/* The error of a poll: kept until what came before it is durable. */
static int
poll_failed(struct leat_task *t, struct source *s, int rc,
    struct leat_err *err)
{
	(void)task_said(rc, "poll", err);
	if (err->cls == LEAT_CLS_RECORD && task_tolerates(t) &&
	    ++s->record_errors <= RECORD_ERRORS_MAX) {
		task_count(&t->m, M_ERRORS, 1);
		task_count(&t->m, M_SKIPPED, 1);
		log_warn_err(&t->log, "record skipped", err);
		leat_err_clear(err);
		return 0;
	}
	/* What stands behind the last position would come again. */
	s->todo = s->batch.prefix;
	s->poll_failed = true;
	s->poll_err = *err;
	leat_err_clear(err);
	return 0;
}

static int
poll_source(struct leat_task *t, struct source *s, struct leat_err *err)
{
	struct leat_batch *b = &s->batch.pub;
	int rc;

	batch_reset(&s->batch);
	s->batch.overhead = source_overhead(s);
	t->wait_set = false;
	task_enter(t, "poll");
	rc = t->o.conn->source.poll(t->self, b, err);
	task_leave(t);
	if (s->batch.failed)
		return no_memory(err);
	s->at = 0;
	s->todo = b->nrecords;
	s->msg_ready = false;
	if (rc < 0)
		(void)poll_failed(t, s, rc, err);
	else
		s->record_errors = 0;
	s->busy = s->todo > 0 || s->batch.polled != NULL;
	s->idle = s->todo == 0;
	if (s->todo > 0) {
		s->now_wall_ms = clock_wall_ms(t->o.clock);
		task_count(&t->m, M_POLLED, s->todo);
		task_count(&t->m, M_BATCHES, 1);
	}
	return 0;
}

static int
tick(struct leat_task *t, int64_t now, struct leat_err *err)
{
	struct source *s = t->data;

	if (now < t->next_tick_ms)
		return 0;
	t->next_tick_ms = now + TICK_MS;
	if (task_forget_topics(t))
		s->last_topic = NULL;
	task_gauge(&t->m, M_SOURCE_ACTIVE,
	    (int64_t)(s->records + s->flight_records) +
	    (s->busy ? s->todo - s->at : 0));
	return task_plugin_tick(t, err);
}

/* ----------------------------------------------------------------- rounds */

/*
 * What comes before a poll: 1 when there is nothing left to do but to poll or
 * to wait, 0 when something must be waited for, until *until at most.
 */
static int
work(struct leat_task *t, struct source *s, bool finishing, int64_t *until,
    struct leat_err *err)
{
	int64_t now = task_now_ms(t);
	int rc;

	if (see_landing(t, s, err) < 0)
		return err->code;
	if (tick(t, now, err) < 0)
		return err->code;
	*until = t->next_tick_ms;
	if (s->busy) {
		rc = source_produce(t, until, err);
		if (rc < 0)
			return rc;
		if (rc == 0)
			return 0;
		batch_done(s);
	}
	if (commit_due(t, s, now) || ((finishing || s->poll_failed) &&
	    dirty(s) && !bus_commit_in_flight(s->producer))) {
		if (commit(t, s, err) < 0)
			return err->code;
		/* With little to write it may have landed already. */
		if (see_landing(t, s, err) < 0)
			return err->code;
	}
	return 1;
}

static bool
clean(const struct source *s)
{
	return !s->busy && !dirty(s) && !bus_commit_in_flight(s->producer);
}

/* Nothing to poll: as the source said, or a little while. */
static void
wait_idle(struct leat_task *t, struct source *s, int64_t until)
{
	int64_t now = task_now_ms(t), ms = IDLE_MS;
	int32_t fd = -1, events = 0;

	if (t->wait_set) {
		fd = t->wait_fd;
		events = t->wait_events;
		ms = t->wait_ms;
	}
	if (ms >= 0)
		until = MIN(until, now + ms);
	if (s->moved && !bus_commit_in_flight(s->producer))
		until = MIN(until, MAX(now, s->last_commit_ms + POSITION_MS));
	if (s->records > 0 && !bus_commit_in_flight(s->producer))
		until = MIN(until, MAX(now, idle_commit_ms(s)));
	if (fd < 0 && until <= now)
		return;
	if (s->loaded)
		task_nap(LOADED_NAP_US);
	task_wait(t, fd, events, until);
}

/* Memory for the next poll: when there is none, that is back-pressure. */
static bool
may_poll(struct leat_task *t, struct source *s)
{
	struct leat_err err = LEAT_ERR_INIT;

	if (task_charge(t, s->batch.held + source_overhead(s)))
		return true;
	batch_trim(&s->batch);
	(void)bus_flush(s->producer, &err);	/* fails again at the commit */
	return task_charge(t, s->batch.held + source_overhead(s));
}

/* Waits for a landing, memory or a wish, but not beyond the next commit. */
static void
wait_pressed(struct leat_task *t, struct source *s, int64_t until)
{
	if (s->records > 0 && !s->busy && !bus_commit_in_flight(s->producer))
		until = MIN(until, s->first_ms + t->set.linger_ms);
	task_wait(t, -1, 0, until);
}

static int
source_step(struct leat_task *t, struct leat_err *err)
{
	struct source *s = t->data;
	int64_t until;
	int rc;

	rc = work(t, s, false, &until, err);
	if (rc < 0)
		return rc;
	if (s->poll_failed && rc > 0 && clean(s)) {
		*err = s->poll_err;
		return leat_err_wrap(err, "poll");
	}
	if (rc == 0 || s->poll_failed || !may_poll(t, s)) {
		wait_pressed(t, s, until);
		return 0;
	}
	task_signals_deliver(t);
	if (poll_source(t, s, err) < 0)
		return err->code;
	if (s->busy || s->poll_failed)
		return 0;
	if (commit_due(t, s, task_now_ms(t)))
		return 0;	/* the next round commits */
	if (!task_stopping(t))
		wait_idle(t, s, until);
	return 0;
}

static int
source_drain(struct leat_task *t, struct leat_err *err)
{
	struct source *s = t->data;
	int64_t until;
	int rc;

	rc = work(t, s, true, &until, err);
	if (rc < 0)
		return rc;
	if (rc > 0 && clean(s))
		return 1;
	if (t->deadline_ms > 0)
		until = MIN(until, t->deadline_ms);
	task_wait(t, -1, 0, until);
	return 0;
}

const struct task_kind source_kind = {
	.open = source_open,
	.step = source_step,
	.drain = source_drain,
	.close = source_close,
};
