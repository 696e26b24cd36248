/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task.c: see task.h. The thread of a task, its state, its wishes, and what
 * stands around each call of its plugin.
 */
#include "core/worker/task.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <leat/str.h>

#include "core/base/obj.h"
#include "core/config/properties.h"
#include "core/plugin/registry.h"
#include "core/worker/herder.h"

enum {
	MEMORY_CHUNK = 4096,
	CALL_CHUNK = 4096,
	CALL_MEMORY_MAX = 4 * 1024 * 1024,
	BACKOFF_MS = 250,
	BACKOFF_CAP_MS = 60000,
	LATE_MS = 10000,
	LATE_CAP_MS = 600000,
	TICK_MS = 1000
};

/* ------------------------------------------------------ making, freeing */

static void
task_free(struct leat_task *t)
{
	task_signals_free(t);
	task_metrics_fini(&t->m);
	topics_seen_fini(&t->topics);
	leat_arena_fini(&t->memory);
	leat_arena_fini(&t->call_memory);
	properties_unref(t->o.props);
	properties_unref(t->o.worker);
	wake_fini(&t->wake);
	cond_fini(&t->cond);
	lock_fini(&t->lock);
	free(t->status_json);
	free(t->connector);
	OBJ_FREE(t);
}

void
task_put(struct leat_task *t)
{
	if (t == NULL)
		return;
	OBJ_CHECK(t, TASK_MAGIC);
	if (__atomic_sub_fetch(&t->refs, 1, __ATOMIC_ACQ_REL) == 0)
		task_free(t);
}

static struct leat_task *
task_get(struct leat_task *t)
{
	__atomic_add_fetch(&t->refs, 1, __ATOMIC_RELAXED);
	return t;
}

int
task_new(const struct task_options *o, struct leat_task **ret_task,
    struct leat_err *err)
{
	struct leat_task *t = calloc(1, sizeof(*t));
	uint64_t seed;

	if (t == NULL || (t->connector = strdup(o->connector)) == NULL) {
		free(t);
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	}
	if (wake_init(&t->wake, err) < 0) {
		free(t->connector);
		free(t);
		return err->code;
	}
	t->host = &host_table;
	t->magic = TASK_MAGIC;
	t->kind = o->conn->connector.kind == LEAT_SINK ? &sink_kind :
	    &source_kind;
	t->o = *o;
	t->o.connector = t->connector;
	t->o.props = properties_ref(o->props);
	t->o.worker = o->worker == NULL ? NULL : properties_ref(o->worker);
	t->log = (struct logger){ "task", t->connector, o->id };
	t->refs = 1;
	t->want = (int32_t)o->want;
	t->state = TASK_NEW;
	t->retry_at_ms = -1;
	lock_init(&t->lock, RANK_TASK);
	cond_init(&t->cond);
	topics_seen_init(&t->topics);
	leat_arena_init(&t->memory, MEMORY_CHUNK, 0);
	leat_arena_init(&t->call_memory, CALL_CHUNK, CALL_MEMORY_MAX);
	seed = leat_hash(t->connector, strlen(t->connector),
	    (uint64_t)clock_mono_ns(o->clock) + (uint64_t)o->id);
	backoff_init(&t->backoff, BACKOFF_MS, BACKOFF_CAP_MS, seed);
	backoff_init(&t->backoff_late, LATE_MS, LATE_CAP_MS, ~seed);
	task_metrics_init(&t->m, o->metrics, o->conn->connector.kind,
	    t->connector, o->id);
	*ret_task = t;
	return 0;
}

/* --------------------------------------------------------- other threads */

void
task_want(struct leat_task *t, enum task_want want)
{
	OBJ_CHECK(t, TASK_MAGIC);
	__atomic_store_n(&t->want, (int32_t)want, __ATOMIC_RELEASE);
	wake_up(&t->wake);
}

void
task_restart(struct leat_task *t)
{
	OBJ_CHECK(t, TASK_MAGIC);
	__atomic_store_n(&t->wish_restart, 1, __ATOMIC_RELEASE);
	wake_up(&t->wake);
}

enum task_state
task_state(const struct leat_task *t)
{
	return (enum task_state)__atomic_load_n(&t->state, __ATOMIC_ACQUIRE);
}

bool
task_ended(const struct leat_task *t)
{
	return task_state(t) == TASK_STOPPED;
}

const char *
task_call(const struct leat_task *t, int64_t *ret_ms)
{
	const char *call = __atomic_load_n(&t->call, __ATOMIC_ACQUIRE);
	int64_t since = __atomic_load_n(&t->call_since_ms, __ATOMIC_RELAXED);

	*ret_ms = call == NULL ? 0 : task_now_ms(t) - since;
	return call;
}

typedef void interrupt_fn(void *self);

static interrupt_fn *
interrupt_of(const struct leat_task *t)
{
	return t->o.conn->connector.kind == LEAT_SINK ?
	    t->o.conn->sink.interrupt : t->o.conn->source.interrupt;
}

/*
 * interrupt() is the plugin's code, so it may be stuck too: it gets a thread.
 * close() waits until it has returned, because self must not go away under it.
 */
static void *
interrupt_main(void *arg)
{
	struct leat_task *t = arg;
	bool may;

	lock_acquire(&t->lock);
	may = t->interruptible;
	if (may)
		t->interrupting++;
	lock_release(&t->lock);
	if (may) {
		interrupt_of(t)(t->self);
		lock_acquire(&t->lock);
		t->interrupting--;
		cond_broadcast(&t->cond);
		lock_release(&t->lock);
	}
	task_put(t);
	return NULL;
}

void
task_interrupt(struct leat_task *t)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct thread th;
	int64_t ms;

	OBJ_CHECK(t, TASK_MAGIC);
	if (task_call(t, &ms) == NULL || interrupt_of(t) == NULL)
		return;
	if (thread_start(&th, "interrupt", interrupt_main, task_get(t),
	    &err) < 0) {
		task_put(t);
		return;
	}
	thread_detach(&th);
}

static char *
error_trace(const struct leat_err *e, struct leat_arena *arena)
{
	if (e->file == NULL)
		return leat_arena_printf(arena, "%s error: %s",
		    leat_err_class_name(e->cls), e->text);
	return leat_arena_printf(arena, "%s error: %s\n\tat %s:%d (code %d)",
	    leat_err_class_name(e->cls), e->text, e->file, (int)e->line,
	    (int)e->code);
}

void
task_status_get(struct leat_task *t, struct leat_arena *arena,
    struct task_status *ret_status)
{
	enum task_state s = task_state(t);
	struct task_status st = { .id = t->o.id };
	int64_t at = __atomic_load_n(&t->retry_at_ms, __ATOMIC_RELAXED);
	struct leat_err e;
	char *json = NULL;

	lock_acquire(&t->lock);
	e = t->error;
	if (t->status_json != NULL)
		json = leat_arena_strdup(arena, t->status_json);
	lock_release(&t->lock);
	st.state = task_state_kafka(s);
	st.detail = task_state_name(s);
	st.json = json;
	st.trace = (s == TASK_FAILED || s == TASK_BACKOFF) && e.code != 0 ?
	    error_trace(&e, arena) : NULL;
	st.retry_in_ms = at < 0 ? -1 : MAX(at - task_now_ms(t), 0);
	st.restarts = (uint64_t)metric_value(t->m.v[M_RESTARTS]);
	*ret_status = st;
}

/* ---------------------------------------------------------------- waiting */

int64_t
task_now_ms(const struct leat_task *t)
{
	return clock_mono_ms(t->o.clock);
}

bool
task_stopping(const struct leat_task *t)
{
	return __atomic_load_n(&t->want, __ATOMIC_ACQUIRE) != WANT_RUN ||
	    __atomic_load_n(&t->wish_restart, __ATOMIC_ACQUIRE) != 0;
}

void
task_wait(struct leat_task *t, int32_t fd, int32_t events, int64_t until_ms)
{
	struct pollfd fds[2] = {
		{ .fd = t->wake.fd, .events = POLLIN },
		{ .fd = fd },
	};
	int64_t left = until_ms - task_now_ms(t);
	struct timespec ts;

	if (events & LEAT_WAIT_READ)
		fds[1].events |= POLLIN;
	if (events & LEAT_WAIT_WRITE)
		fds[1].events |= POLLOUT;
	left = MAX(left, 0);
	ts.tv_sec = (time_t)(left / 1000);
	ts.tv_nsec = (long)(left % 1000) * 1000000;
	if (ppoll(fds, fd >= 0 ? 2 : 1, &ts, NULL) > 0 &&
	    (fds[0].revents & POLLIN) != 0)
		wake_drain(&t->wake);
}

void
task_nap(int64_t us)
{
	const struct timespec ts = { .tv_nsec = us * 1000 };

	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
}

static void
budget_wake(void *arg)
{
	struct leat_task *t = arg;

	wake_up(&t->wake);
}

bool
task_charge(struct leat_task *t, size_t bytes)
{
	if (t->share == NULL)
		return true;
	if (bytes > t->charged) {
		if (!budget_take(t->share, bytes - t->charged, budget_wake, t))
			return false;
	} else if (bytes < t->charged)
		budget_give(t->share, t->charged - bytes);
	t->charged = bytes;
	task_gauge(&t->m, M_MEMORY, (int64_t)bytes);
	return true;
}

bool
task_forget_topics(struct leat_task *t)
{
	if (__atomic_exchange_n(&t->forget_topics, 0, __ATOMIC_ACQ_REL) == 0)
		return false;
	topics_seen_clear(&t->topics);
	return true;
}

void
task_progress(struct leat_task *t)
{
	backoff_reset(&t->backoff);
	backoff_reset(&t->backoff_late);
}

bool
task_tolerates(const struct leat_task *t)
{
	if (t->set.tolerance == TOLERATE_DEFAULT)
		return t->kind == &sink_kind && (t->set.dlq_topic == NULL ||
		    t->set.dlq_topic[0] != '\0');
	return t->set.tolerance == TOLERATE_ALL;
}

/* ----------------------------------------------------- calling the plugin */

void
task_enter(struct leat_task *t, const char *call)
{
	__atomic_store_n(&t->call_since_ms, task_now_ms(t), __ATOMIC_RELAXED);
	__atomic_store_n(&t->call, call, __ATOMIC_RELEASE);
}

void
task_leave(struct leat_task *t)
{
	__atomic_store_n(&t->call, NULL, __ATOMIC_RELEASE);
	if (t->call_memory.held_bytes > 0)
		leat_arena_reset(&t->call_memory);
}

static int
open_config(struct leat_task *t, struct leat_err *err)
{
	size_t size = t->o.conn->connector.config_size;

	t->config = leat_arena_calloc(&t->memory, 1, MAX(size, 1));
	if (t->config == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	return settings_fill(t->o.conn, t->o.props, t->config, &t->memory,
	    err);
}

int
task_said(int rc, const char *call, struct leat_err *err)
{
	if (rc < 0 && err->code == 0)
		return leat_err_set(err, LEAT_CLS_RETRY, rc,
		    "%s() failed without a reason (code %d)", call, rc);
	if (rc < 0 && err->cls == LEAT_CLS_NONE)
		err->cls = LEAT_CLS_RETRY;
	return rc;
}

int
task_plugin_open(struct leat_task *t, struct leat_err *err)
{
	const struct registered *c = t->o.conn;
	void *self = NULL;
	int rc;

	if (open_config(t, err) < 0)
		return err->code;
	task_enter(t, "open");
	if (c->connector.kind == LEAT_SINK)
		rc = c->sink.open(t, t->config, &self, err);
	else
		rc = c->source.open(t, t->config, &self, err);
	task_leave(t);
	if (rc < 0)
		return task_said(rc, "open", err);
	t->self = self;
	t->opened = true;
	lock_acquire(&t->lock);
	t->interruptible = true;
	lock_release(&t->lock);
	t->next_tick_ms = task_now_ms(t) + TICK_MS;
	return 0;
}

int
task_plugin_tick(struct leat_task *t, struct leat_err *err)
{
	const struct registered *c = t->o.conn;
	int32_t (*tick)(void *self, struct leat_err *err) =
	    c->connector.kind == LEAT_SINK ? c->sink.tick : c->source.tick;
	int rc;

	if (tick == NULL)
		return 0;
	task_enter(t, "tick");
	rc = tick(t->self, err);
	task_leave(t);
	return task_said(rc, "tick", err);
}

static void
metrics_drop(struct leat_task *t)
{
	while (t->nplugin_metrics > 0) {
		struct plugin_metric *m =
		    &t->plugin_metrics[--t->nplugin_metrics];

		metrics_put(t->o.metrics, TAKE(m->value));
	}
}

void
task_plugin_close(struct leat_task *t)
{
	const struct registered *c = t->o.conn;

	lock_acquire(&t->lock);
	t->interruptible = false;
	while (t->interrupting > 0)
		cond_wait(&t->cond, &t->lock);
	lock_release(&t->lock);
	if (t->opened) {
		task_enter(t, "close");
		if (c->connector.kind == LEAT_SINK)
			c->sink.close(t->self);
		else
			c->source.close(t->self);
		task_leave(t);
	}
	t->self = NULL;
	t->opened = false;
	topic_reader_close(&t->topic_reader);
	metrics_drop(t);
}

int
task_start(struct leat_task *t, struct leat_err *err)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "%.10s-%d", t->connector,
	    (int)t->o.id);
	if (thread_start(&t->thread, name, task_main, task_get(t), err) < 0) {
		task_put(t);
		return err->code;
	}
	t->started = true;
	return 0;
}

void
task_join(struct leat_task *t)
{
	if (!t->started)
		return;
	t->started = false;
	thread_join(&t->thread);
}

void
task_abandon(struct leat_task *t)
{
	if (!t->started)
		return;
	t->started = false;
	thread_detach(&t->thread);
}
