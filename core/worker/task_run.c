/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_run.c: the thread of a task: wishes and outcomes become events, the
 * table of task_fsm.h says what follows.
 */
#include "core/worker/task.h"

#include <errno.h>
#include <string.h>

#include "core/base/obj.h"
#include "core/plugin/registry.h"

enum { POOL_BYTES = 16 * 1024 * 1024 };

/* --------------------------------------------------------------- the table */

static void
set_error(struct leat_task *t, const struct leat_err *err)
{
	lock_acquire(&t->lock);
	t->error = *err;
	lock_release(&t->lock);
}

static void
set_retry_in(struct leat_task *t, int64_t ms)
{
	__atomic_store_n(&t->retry_at_ms, ms < 0 ? -1 : task_now_ms(t) + ms,
	    __ATOMIC_RELAXED);
}

static void
task_close(struct leat_task *t)
{
	t->kind->close(t);
	if (t->share != NULL) {
		(void)task_charge(t, 0);
		budget_leave(TAKE(t->share));
	}
	leat_schema_pool_free(TAKE(t->pool));
	leat_arena_reset(&t->memory);
	t->config = NULL;
}

static void
show_state(struct leat_task *t, enum task_state s)
{
	task_gauge(&t->m, M_RUNNING, s == TASK_RUNNING || s == TASK_OPENING);
	task_gauge(&t->m, M_PAUSED, s == TASK_PAUSED);
	task_gauge(&t->m, M_FAILED, s == TASK_FAILED || s == TASK_BACKOFF);
}

static void
log_transition(struct leat_task *t, const struct task_transition *row,
    const struct leat_err *err)
{
	if (err != NULL && err->code != 0)
		log_error_at(&t->log, row->action == ACT_BACKOFF ?
		    LOG_LEVEL_WARN : LOG_LEVEL_ERROR, row->words, err);
	else
		log_notice(&t->log, row->words, "from=%s to=%s",
		    task_state_name(row->from), task_state_name(row->to));
}

static void
act(struct leat_task *t, const struct task_transition *row)
{
	switch (row->action) {
	case ACT_NONE:
	case ACT_DRAIN:
	case ACT_RUN:
		break;
	case ACT_OPEN:
	case ACT_CALL_OFF:
		set_retry_in(t, -1);
		break;
	case ACT_BACKOFF:
		task_close(t);
		set_retry_in(t, backoff_next(&t->backoff));
		break;
	case ACT_FAIL:
		task_close(t);
		set_retry_in(t, -1);
		break;
	case ACT_FAIL_LATER:
		task_close(t);
		set_retry_in(t, backoff_next(&t->backoff_late));
		break;
	case ACT_CLOSE:
	case ACT_REOPEN:
		task_close(t);
		break;
	case ACT_INTERRUPT:
		t->deadline_ms = task_now_ms(t) + t->o.stop_timeout_ms;
		break;
	case ACT_END:
		if (row->from == TASK_STOPPING)
			task_close(t);
		set_retry_in(t, -1);
		break;
	case TASK_ACTION_N:
		UNREACHABLE("action");
	}
}

/*
 * The one place where the state changes. The words are logged before the
 * action, which may call the plugin's close() and log by itself.
 */
static void
task_event(struct leat_task *t, enum task_event event,
    const struct leat_err *err)
{
	enum task_state from = task_state(t);
	const struct task_transition *row = task_fsm_find(from, event);

	assert(row != NULL);
	if (err != NULL)
		set_error(t, err);
	if (row->from != row->to || err != NULL)
		log_transition(t, row, err);
	act(t, row);
	if (row->to == TASK_OPENING && from != TASK_NEW)
		task_count(&t->m, M_RESTARTS, 1);
	show_state(t, row->to);
	__atomic_store_n(&t->state, (int32_t)row->to, __ATOMIC_RELEASE);
	if (t->o.changed != NULL)
		t->o.changed(t->o.arg);
}

static enum task_event
event_of(const struct leat_err *err)
{
	switch (err->cls) {
	case LEAT_CLS_RETRY:
		return EV_RETRYABLE;
	case LEAT_CLS_RECORD:
	case LEAT_CLS_CONFIG:
		return EV_HUMAN;
	default:
		return EV_FATAL;
	}
}

/* -------------------------------------------------------------- the thread */

static int
do_open(struct leat_task *t, struct leat_err *err)
{
	if (settings_parse(t->o.props, t->o.worker,
	    t->o.conn->connector.kind, &t->set, &t->memory, err) < 0)
		return err->code;
	t->backoff.cap_ms = t->set.retry_delay_max_ms;
	t->pool = leat_schema_pool_new(POOL_BYTES);
	if (t->pool == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	return t->kind->open(t, err);
}

static void
task_opened(struct leat_task *t)
{
	t->opened_ms = task_now_ms(t);
	task_event(t, EV_OPENED, NULL);
}

/* Turns the wishes of others into at most one event. */
static bool
take_wish(struct leat_task *t, enum task_event *ret_event)
{
	int32_t want = __atomic_load_n(&t->want, __ATOMIC_ACQUIRE);
	enum task_state s = task_state(t);
	bool held = s == TASK_PAUSED || s == TASK_DRAINING;

	/* What is about to open does so first: a stop finds it running. */
	if (s == TASK_STOPPING || s == TASK_OPENING)
		return false;
	if (want == WANT_STOP) {
		*ret_event = EV_STOP;
		return true;
	}
	if (want == WANT_PAUSE && !held && s != TASK_FAILED) {
		*ret_event = EV_PAUSE;
		return true;
	}
	if (want == WANT_RUN && held) {
		*ret_event = EV_RESUME;
		return true;
	}
	if (__atomic_exchange_n(&t->wish_restart, 0, __ATOMIC_ACQ_REL) != 0) {
		*ret_event = EV_RESTART;
		return true;
	}
	return false;
}

static void
wait_for_wish(struct leat_task *t)
{
	int64_t at = __atomic_load_n(&t->retry_at_ms, __ATOMIC_RELAXED);
	int64_t now = task_now_ms(t);

	if (at >= 0 && now >= at) {
		task_event(t, EV_TIMER, NULL);
		return;
	}
	task_wait(t, -1, 0, at >= 0 ? at : now + 3600 * 1000);
}

static void
drain_round(struct leat_task *t)
{
	struct leat_err err = LEAT_ERR_INIT;
	int rc = t->kind->drain(t, &err);

	if (rc < 0)
		task_event(t, event_of(&err), &err);
	else if (rc > 0)
		task_event(t, EV_DRAINED, NULL);
	else if (task_state(t) == TASK_STOPPING &&
	    task_now_ms(t) >= t->deadline_ms) {
		leat_err_set(&err, LEAT_CLS_RETRY, -ETIME, "not all records "
		    "became durable within %d ms", (int)t->o.stop_timeout_ms);
		task_event(t, EV_RETRYABLE, &err);
	}
}

static void
task_round(struct leat_task *t)
{
	struct leat_err err = LEAT_ERR_INIT;
	enum task_event event;

	if (task_state(t) != TASK_NEW && take_wish(t, &event)) {
		task_event(t, event, NULL);
		return;
	}
	switch (task_state(t)) {
	case TASK_NEW:
		event = EV_START;
		if (__atomic_load_n(&t->want, __ATOMIC_ACQUIRE) == WANT_PAUSE)
			event = EV_PAUSE;
		if (__atomic_load_n(&t->want, __ATOMIC_ACQUIRE) == WANT_STOP)
			event = EV_STOP;
		task_event(t, event, NULL);
		break;
	case TASK_OPENING:
		if (do_open(t, &err) < 0)
			task_event(t, event_of(&err), &err);
		else
			task_opened(t);
		break;
	case TASK_RUNNING:
		if (t->kind->step(t, &err) < 0)
			task_event(t, event_of(&err), &err);
		break;
	case TASK_DRAINING:
	case TASK_RESTARTING:
	case TASK_STOPPING:
		drain_round(t);
		break;
	case TASK_BACKOFF:
	case TASK_PAUSED:
	case TASK_FAILED:
		wait_for_wish(t);
		break;
	case TASK_STOPPED:
	case TASK_STATE_N:
		UNREACHABLE("state");
	}
}

void *
task_main(void *arg)
{
	struct leat_task *t;

	OBJ_CAST(t, arg, TASK_MAGIC);
	while (task_state(t) != TASK_STOPPED)
		task_round(t);
	task_put(t);
	return NULL;
}
