/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink_task.c: the loop of a sink, and its offsets.
 *
 * A round: flush and store offsets if it is time, deliver what was polled,
 * poll, or wait. A poll is delivered to its end before the next one, in order,
 * so the order of each partition (and with it of each key) holds through
 * retries.
 *
 * An offset is stored when everything before it is delivered, and flush() has
 * returned, and its dead letters are on disk. A task that stops in the middle
 * of a poll stores, for each partition, how far it came.
 */
#include "core/worker/sink_task.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/obj.h"
#include "core/config/properties.h"
#include "core/plugin/registry.h"

enum { TICK_MS = 1000, GROUP_MAX = 300, OFFSETS_MAX = 256 };

static int
no_memory(struct leat_err *err)
{
	return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
}

/* ---------------------------------------------------------- open, close */

static void
out_of_range(void *arg, const char *topic, int32_t partition, int64_t from,
    int64_t to)
{
	struct leat_task *t = arg;

	log_warn(&t->log, "stored offset is not in the log any more, records "
	    "may be missing", "topic=%s partition=%d stored=%" PRId64
	    " next=%" PRId64, topic, (int)partition, from, to);
}

static int
open_consumer(struct leat_task *t, struct sink *s, struct leat_err *err)
{
	struct bus_consumer_options o = { 0 };
	char group[GROUP_MAX];

	(void)snprintf(group, sizeof(group), "connect-%s", t->connector);
	o.group = group;
	o.topics = t->set.topics.items;
	o.ntopics = t->set.topics.len;
	if (o.ntopics == 0)
		o.pattern = t->set.topics_regex;
	o.from_latest = t->set.reset == RESET_LATEST;
	o.read_uncommitted = t->set.isolation == ISOLATION_UNCOMMITTED;
	o.member = t->o.id;
	o.members = t->o.ntasks;
	o.poll_bytes = (size_t)t->set.poll_bytes;
	o.poll_records = (uint32_t)t->set.poll_records;
	o.wake = &t->wake;
	o.out_of_range = out_of_range;
	o.arg = t;
	return bus_consumer_open(t->o.bus, &o, &s->consumer, err);
}

static int
open_dead_letters(struct leat_task *t, struct sink *s, struct leat_err *err)
{
	const char *topic = t->set.dlq_topic;
	char name[GROUP_MAX];

	if (!task_tolerates(t) || (topic != NULL && topic[0] == '\0'))
		return 0;
	if (topic == NULL) {
		(void)snprintf(name, sizeof(name), "%s.dlq", t->connector);
		topic = name;
	}
	s->dead = dead_letters_new(t, topic, t->set.dlq_headers != 0);
	return s->dead == NULL ? no_memory(err) : 0;
}

static int
open_arrays(struct leat_task *t, struct sink *s)
{
	s->cap = (size_t)t->set.poll_records;
	s->records = calloc(s->cap, sizeof(*s->records));
	s->origin = calloc(s->cap, sizeof(*s->origin));
	s->state = calloc(s->cap, 1);
	s->finished = calloc(s->cap, 1);
	return s->records == NULL || s->origin == NULL || s->state == NULL ||
	    s->finished == NULL ? -ENOMEM : 0;
}

static int
sink_open(struct leat_task *t, struct leat_err *err)
{
	struct sink *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return no_memory(err);
	t->data = s;
	leat_arena_init(&s->arena, SINK_ARENA_CHUNK, SINK_ARENA_STEP);
	t->share = budget_join(t->o.budget, SINK_SHARE_MIN);
	if (t->share == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, LEAT_E_LIMIT,
		    "no room for another task within the worker's "
		    "memory.bytes: raise it, or run fewer tasks");
	if (open_arrays(t, s) < 0)
		return no_memory(err);
	if (chain_new(t->o.props, t->o.worker, t->pool, &s->chain, err) < 0 ||
	    open_dead_letters(t, s, err) < 0 || open_consumer(t, s, err) < 0)
		return err->code;
	s->next_commit_ms = task_now_ms(t) + t->set.commit_interval_ms;
	return task_plugin_open(t, err);
}

/* -------------------------------------------------------------- offsets */

struct lag {
	int64_t sum, most, partitions;
};

static void
add_lag(void *arg, const struct bus_offset *committed, int64_t end)
{
	struct lag *lag = arg;
	int64_t behind = end - MAX(committed->offset, 0);

	behind = MAX(behind, 0);
	lag->sum += behind;
	lag->most = MAX(lag->most, behind);
	lag->partitions++;
}

static void
show_lag(struct leat_task *t, struct sink *s)
{
	struct lag lag = { 0, 0, 0 };

	bus_consumer_each(s->consumer, add_lag, &lag);
	task_gauge(&t->m, M_LAG, lag.sum);
	task_gauge(&t->m, M_LAG_MAX, lag.most);
	task_gauge(&t->m, M_PARTITIONS, lag.partitions);
	task_gauge(&t->m, M_SINK_ACTIVE, (int64_t)s->active);
}

static int
flush(struct leat_task *t, struct leat_err *err)
{
	const struct leat_sink_ops *ops = &t->o.conn->sink;
	int rc;

	if (ops->flush == NULL)
		return 0;
	task_enter(t, "flush");
	rc = ops->flush(t->self, err);
	task_leave(t);
	return task_said(rc, "flush", err) < 0 ? leat_err_wrap(err, "flush") :
	    0;
}

static int
commit(struct leat_task *t, struct sink *s, struct leat_err *err)
{
	int64_t began = clock_mono_ns(t->o.clock);

	if (flush(t, err) < 0 ||
	    bus_consumer_commit_done(s->consumer, err) < 0) {
		task_count(&t->m, M_COMMIT_FAILURES, 1);
		return err->code;
	}
	task_count(&t->m, M_COMMITS, 1);
	task_count(&t->m, M_COMMIT_US,
	    (clock_mono_ns(t->o.clock) - began) / 1000);
	s->dirty = false;
	s->active = 0;
	return 0;
}

/* How far each partition of a poll that is not finished came. */
static size_t
partial_offsets(const struct sink *s, struct bus_offset *out, size_t max)
{
	size_t i = 0, n = 0;

	while (i < s->nmessages && n < max) {
		const struct bus_message *m = &s->messages[i];
		struct bus_offset at = { m->topic, m->partition, m->offset };
		bool whole = true;

		/* Messages of a partition stand together. */
		for (; i < s->nmessages &&
		    s->messages[i].partition == m->partition &&
		    strcmp(s->messages[i].topic, m->topic) == 0; i++) {
			whole = whole && s->finished[i];
			if (whole)
				at.offset = s->messages[i].offset + 1;
		}
		out[n++] = at;
	}
	return n;
}

static int
commit_partial(struct leat_task *t, struct sink *s, struct leat_err *err)
{
	struct bus_offset list[OFFSETS_MAX];
	size_t n;

	if (s->nmessages == 0)
		return 0;
	n = partial_offsets(s, list, OFFSETS_MAX);
	return bus_consumer_commit(s->consumer, list, n, err);
}

/* ------------------------------------------------------------------ loop */

static int
tick(struct leat_task *t, struct sink *s, int64_t now, struct leat_err *err)
{
	if (now < t->next_tick_ms)
		return 0;
	t->next_tick_ms = now + TICK_MS;
	if (task_forget_topics(t))
		s->last_topic = NULL;
	show_lag(t, s);
	return task_plugin_tick(t, err);
}

static void
see_topics(struct leat_task *t, struct sink *s)
{
	size_t i;

	for (i = 0; i < s->nmessages; i++) {
		const char *topic = s->messages[i].topic;

		if (s->last_topic == NULL || strcmp(s->last_topic, topic) != 0)
			s->last_topic = topics_seen_add(&t->topics, topic);
	}
}

static int
poll_bus(struct leat_task *t, struct sink *s, struct leat_err *err)
{
	s->nmessages = s->at = 0;
	if (bus_poll(s->consumer, &s->messages, &s->nmessages, err) < 0)
		return err->code;
	if (s->nmessages == 0)
		return 0;
	memset(s->finished, 0, s->nmessages);
	task_count(&t->m, M_READ, (int64_t)s->nmessages);
	see_topics(t, s);
	return 0;
}

/* The poll is delivered whole. */
static void
poll_done(struct sink *s)
{
	if (bus_consumer_done(s->consumer))
		s->dirty = true;
	s->nmessages = s->at = 0;
}

static bool
may_poll(struct leat_task *t, struct sink *s)
{
	return task_charge(t, sink_held(s));
}

static void
wait_for_more(struct leat_task *t, struct sink *s, int64_t until)
{
	int32_t fd = -1, events = 0;

	if (s->dirty)
		until = MIN(until, s->next_commit_ms);
	if (t->wait_set) {
		fd = t->wait_fd;
		events = t->wait_events;
		if (t->wait_ms >= 0)
			until = MIN(until, task_now_ms(t) + t->wait_ms);
		t->wait_set = false;
	}
	task_wait(t, fd, events, until);
}

static int
sink_step(struct leat_task *t, struct leat_err *err)
{
	struct sink *s = t->data;
	int64_t now = task_now_ms(t), until;
	int rc;

	if (tick(t, s, now, err) < 0)
		return err->code;
	if (now >= s->next_commit_ms) {
		s->next_commit_ms = now + t->set.commit_interval_ms;
		if (s->dirty && commit(t, s, err) < 0)
			return err->code;
	}
	until = t->next_tick_ms;
	if (s->nmessages > 0) {
		rc = sink_deliver(t, &until, err);
		if (rc < 0)
			return rc;
		if (rc == 0) {
			if (!task_stopping(t))
				wait_for_more(t, s, until);
			return 0;
		}
		poll_done(s);
	}
	if (!may_poll(t, s)) {
		wait_for_more(t, s, until);
		return 0;
	}
	if (poll_bus(t, s, err) < 0)
		return err->code;
	if (s->nmessages == 0) {
		poll_done(s);	/* control records may have moved the end */
		if (!task_stopping(t))
			wait_for_more(t, s, until);
	}
	return 0;
}

/* Nothing more is delivered; what is delivered is stored. */
static int
sink_drain(struct leat_task *t, struct leat_err *err)
{
	struct sink *s = t->data;

	if (s->nmessages > 0 && s->n == 0 && s->at == s->nmessages)
		poll_done(s);
	if (commit(t, s, err) < 0 || commit_partial(t, s, err) < 0)
		return err->code;
	show_lag(t, s);
	return 1;
}

static void
sink_close(struct leat_task *t)
{
	struct sink *s = t->data;
	struct leat_err err = LEAT_ERR_INIT;

	/* After a failure: what was delivered need not come again. */
	if (t->opened && t->error.cls != LEAT_CLS_FATAL &&
	    task_state(t) == TASK_RUNNING)
		(void)sink_drain(t, &err);
	task_plugin_close(t);
	if (s == NULL)
		return;
	dead_letters_free(s->dead);
	bus_consumer_close(s->consumer);
	chain_free(s->chain);
	leat_arena_fini(&s->arena);
	free(s->records);
	free(s->origin);
	free(s->state);
	free(s->finished);
	free(s->headers);
	free(s);
	t->data = NULL;
	task_gauge(&t->m, M_SINK_ACTIVE, 0);
}

const struct task_kind sink_kind = {
	.open = sink_open,
	.step = sink_step,
	.drain = sink_drain,
	.close = sink_close,
};
