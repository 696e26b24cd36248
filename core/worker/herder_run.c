/* SPDX-License-Identifier: Apache-2.0 */
/*
 * herder_run.c: the herder's thread. Each round looks at every connector and
 * takes the one step that brings what is there nearer to what is wished. No
 * step waits: plans, tasks and interrupts have threads of their own, and the
 * round looks again.
 *
 *	IDLE --plan--> PLANNING --tasks--> RUNNING --stop--> STOPPING --> IDLE
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/obj.h"
#include "core/config/properties.h"
#include "core/plugin/registry.h"
#include "core/worker/herder_impl.h"

enum {
	SOON_MS = 20,		/* while something is on its way */
	LATER_MS = 1000,
	NUDGE_AFTER_MS = 50,	/* in a callback for so long: interrupt() */
	NUDGE_EVERY_MS = 1000,
	STUCK_MS = 60000	/* a callback of a running task, to be told */
};

/* A copy of the wish, taken once per round. */
struct wish {
	struct properties *props;	/* a reference */
	enum target_state target;
	bool gone;
	bool again;
};

static int64_t
now_ms(const struct herder *h)
{
	return clock_mono_ms(h->o.clock);
}

static void
set_phase(struct herder *h, struct conn *c, enum conn_phase phase)
{
	lock_acquire(&h->lock);
	c->phase = phase;
	lock_release(&h->lock);
}

static void
set_error(struct herder *h, struct conn *c, const struct leat_err *err,
    bool failed)
{
	lock_acquire(&h->lock);
	c->error = *err;
	c->failed = failed;
	lock_release(&h->lock);
}

/* ------------------------------------------------------------- planning */

void
herder_task_options(struct herder *h, const struct conn *c,
    struct task_options *o)
{
	memset(o, 0, sizeof(*o));
	o->bus = h->o.bus;
	o->metrics = h->o.metrics;
	o->budget = h->o.budget;
	o->clock = h->o.clock;
	o->worker = h->o.worker;
	o->conn = c->reg;
	o->props = c->running;
	o->connector = c->name;
	o->ntasks = 1;
	o->stop_timeout_ms = MAX(h->o.stop_timeout_ms * 4 / 5, (int64_t)1);
	o->changed = herder_poke;
	o->arg = h;
}

/* Cannot run now: for a human, or to be tried again later. */
static void
conn_failed(struct herder *h, struct conn *c, const struct leat_err *err)
{
	bool human = err->cls != LEAT_CLS_RETRY;

	set_error(h, c, err, human);
	set_phase(h, c, CONN_IDLE);
	c->retry_at_ms = now_ms(h) + backoff_next(&c->backoff);
	log_error_at(&c->log, human ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN,
	    human ? "connector failed" : "connector cannot start now, will "
	    "retry", err);
}

static int
find_plugin(struct herder *h, struct conn *c, const struct properties *props,
    struct leat_err *err)
{
	const char *class = properties_get(props, "connector.class", NULL);
	const struct registered *reg;
	const char *near;

	if (class == NULL)
		class = properties_get(props, "connector", NULL);
	if (class == NULL)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "connector.class: missing");
	reg = registry_find(h->o.registry, class);
	if (reg == NULL) {
		near = registry_nearest(h->o.registry, class);
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "connector.class: no plugin has a connector '%s'%s%s%s",
		    class, near == NULL ? "" : "; did you mean '",
		    near == NULL ? "" : near, near == NULL ? "" : "'?");
	}
	lock_acquire(&h->lock);
	c->reg = reg;
	lock_release(&h->lock);
	return 0;
}

static void
begin_plan(struct herder *h, struct conn *c, struct wish *w)
{
	struct properties *old;
	struct leat_err err = LEAT_ERR_INIT;
	struct task_options o;

	lock_acquire(&h->lock);
	old = c->running;
	c->running = TAKE(w->props);
	c->again = false;
	lock_release(&h->lock);
	properties_unref(old);
	c->plan_reported = false;
	if (find_plugin(h, c, c->running, &err) < 0) {
		conn_failed(h, c, &err);
		return;
	}
	herder_task_options(h, c, &o);
	o.id = -1;
	o.metrics = NULL;	/* a plan has none: it is no task */
	if (plan_start(&o, herder_poke, h, &c->plan, &err) < 0) {
		conn_failed(h, c, &err);
		return;
	}
	set_phase(h, c, CONN_PLANNING);
}

static void
tasks_free(struct leat_task **tasks, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		task_put(tasks[i]);
	free(tasks);
}

static enum task_want
want_of(enum target_state target)
{
	return target == TARGET_PAUSED ? WANT_PAUSE : WANT_RUN;
}

/* Makes the tasks, then starts them, then shows them. */
static int
make_tasks(struct herder *h, struct conn *c, struct properties **props,
    size_t n, enum target_state target, struct leat_err *err)
{
	struct leat_task **tasks = calloc(n + 1, sizeof(*tasks));
	struct leat_err none = LEAT_ERR_INIT;
	struct task_options o;
	size_t i, made = 0;
	int rc = 0;

	if (tasks == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	herder_task_options(h, c, &o);
	o.ntasks = (int32_t)n;
	o.want = want_of(target);
	for (i = 0; rc == 0 && i < n; i++) {
		o.id = (int32_t)i;
		o.props = props[i];
		rc = task_new(&o, &tasks[i], err);
		made += rc == 0;
	}
	for (i = 0; rc == 0 && i < made; i++)
		rc = task_start(tasks[i], err);
	if (rc < 0 && i <= 1) {		/* none runs yet */
		tasks_free(tasks, made);
		return rc;
	}
	lock_acquire(&h->lock);
	c->tasks = tasks;
	c->ntasks = made;
	c->error = rc < 0 ? *err : none;
	c->failed = false;
	c->phase = CONN_RUNNING;
	lock_release(&h->lock);
	return 0;
}

static void
end_plan(struct herder *h, struct conn *c, const struct wish *w)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct properties **props = NULL;
	size_t i, n = 0;
	int rc;

	rc = plan_take(TAKE(c->plan), &props, &n, &err);
	if (w->gone || w->target == TARGET_STOPPED ||
	    !properties_equal(w->props, c->running))
		set_phase(h, c, CONN_IDLE);	/* overtaken */
	else if (rc < 0 || make_tasks(h, c, props, n, w->target, &err) < 0)
		conn_failed(h, c, &err);
	else
		backoff_reset(&c->backoff);
	for (i = 0; i < n; i++)
		properties_unref(props[i]);
	free(props);
}

static void
look_at_plan(struct herder *h, struct conn *c, const struct wish *w)
{
	struct leat_err err = LEAT_ERR_INIT;

	if (plan_finished(c->plan)) {
		end_plan(h, c, w);
		return;
	}
	if (plan_age_ms(c->plan) < h->o.plan_timeout_ms && !w->gone)
		return;
	if (w->gone && plan_age_ms(c->plan) < h->o.stop_timeout_ms)
		return;
	plan_abandon(TAKE(c->plan));
	h->stuck++;		/* its thread may still use the bus */
	metric_set(h->m.stuck, (int64_t)h->stuck);
	leat_err_set(&err, LEAT_CLS_RETRY, -ETIME, "plan() has not returned "
	    "and was left behind");
	conn_failed(h, c, &err);
}

/* ------------------------------------------------------- running, stopping */

/* A task that should come out of a callback, and does not, is interrupted. */
static void
nudge(struct herder *h, struct conn *c)
{
	int64_t now = now_ms(h), ms;
	const char *call;
	size_t i;

	if (now < c->nudge_at_ms)
		return;
	for (i = 0; i < c->ntasks; i++) {
		call = task_call(c->tasks[i], &ms);
		if (call == NULL)
			continue;
		if (task_stopping(c->tasks[i]) && ms >= NUDGE_AFTER_MS) {
			task_interrupt(c->tasks[i]);
			c->nudge_at_ms = now + NUDGE_EVERY_MS;
		} else if (ms >= STUCK_MS && !task_stopping(c->tasks[i])) {
			log_warn(&c->log, "callback does not return",
			    "task=%zu callback=%s", i, call);
			c->nudge_at_ms = now + NUDGE_EVERY_MS;
		}
	}
}

static void
begin_stop(struct herder *h, struct conn *c)
{
	size_t i;

	for (i = 0; i < c->ntasks; i++)
		task_want(c->tasks[i], WANT_STOP);
	c->stop_at_ms = now_ms(h) + h->o.stop_timeout_ms;
	c->nudge_at_ms = 0;
	set_phase(h, c, CONN_STOPPING);
}

static bool
all_ended(const struct conn *c)
{
	size_t i;

	for (i = 0; i < c->ntasks; i++) {
		if (!task_ended(c->tasks[i]))
			return false;
	}
	return true;
}

/* Takes the tasks away, with those that will not end left to themselves. */
static void
end_stop(struct herder *h, struct conn *c)
{
	struct leat_task **tasks = c->tasks;
	size_t i, n = c->ntasks;
	const char *call;
	int64_t ms;

	lock_acquire(&h->lock);
	c->tasks = NULL;
	c->ntasks = 0;
	c->phase = CONN_IDLE;
	lock_release(&h->lock);
	for (i = 0; i < n; i++) {
		if (task_ended(tasks[i])) {
			task_join(tasks[i]);
			continue;
		}
		call = task_call(tasks[i], &ms);
		log_error(&c->log, "task is stuck and was left behind",
		    "task=%zu state=%s callback=%s for_ms=%" PRId64, i,
		    task_state_name(task_state(tasks[i])),
		    call == NULL ? "none" : call, ms);
		task_abandon(tasks[i]);
		h->stuck++;
		metric_set(h->m.stuck, (int64_t)h->stuck);
	}
	tasks_free(tasks, n);
}

static void
look_at_stopping(struct herder *h, struct conn *c)
{
	if (all_ended(c) || now_ms(h) >= c->stop_at_ms)
		end_stop(h, c);
	else
		nudge(h, c);
}

static void
look_at_running(struct herder *h, struct conn *c, const struct wish *w)
{
	size_t i;

	if (w->gone || w->target == TARGET_STOPPED ||
	    !properties_equal(w->props, c->running)) {
		begin_stop(h, c);
		return;
	}
	if (w->again) {		/* there is no more to it than its tasks */
		lock_acquire(&h->lock);
		c->again = false;
		lock_release(&h->lock);
	}
	for (i = 0; i < c->ntasks; i++) {
		enum task_want want = want_of(w->target);

		if (__atomic_load_n(&c->tasks[i]->want, __ATOMIC_ACQUIRE) !=
		    (int32_t)want)
			task_want(c->tasks[i], want);
	}
	nudge(h, c);
}

/* ------------------------------------------------------------------ rounds */

static void
look_at_idle(struct herder *h, struct conn *c, struct wish *w)
{
	struct leat_err none = LEAT_ERR_INIT;
	bool news = c->running == NULL || w->again ||
	    !properties_equal(w->props, c->running);

	if (w->target == TARGET_STOPPED) {
		if (c->error.code != 0)
			set_error(h, c, &none, false);
		return;
	}
	if (!news && c->failed)
		return;
	if (!news && c->error.code != 0 && now_ms(h) < c->retry_at_ms)
		return;
	if (news)
		backoff_reset(&c->backoff);
	begin_plan(h, c, w);
}

static void
look_at(struct herder *h, struct conn *c, struct wish *w)
{
	if (!w->gone)
		herder_store_put(h, c, w->target);
	switch (c->phase) {
	case CONN_IDLE:
		if (!w->gone)
			look_at_idle(h, c, w);
		break;
	case CONN_PLANNING:
		look_at_plan(h, c, w);
		break;
	case CONN_RUNNING:
		look_at_running(h, c, w);
		break;
	case CONN_STOPPING:
		look_at_stopping(h, c);
		break;
	}
}

static void
conn_free(struct conn *c)
{
	properties_unref(c->props);
	properties_unref(c->running);
	free(c->published_tasks);
	free(c->name);
	free(c);
}

/*
 * Forgets a connector that is gone; false when it was wished again since the
 * round took its copy of the wish.
 */
static bool
forget(struct herder *h, struct conn *c)
{
	bool closing, gone;

	lock_acquire(&h->lock);
	closing = h->closing;
	gone = closing || c->gone;
	if (gone)
		(void)leat_map_remove(&h->conns, leat_str_c(c->name));
	lock_release(&h->lock);
	if (!gone)
		return false;
	if (!closing) {
		herder_store_remove(h, c->name);
		herder_unpublish(h, c);
		log_notice(&c->log, "connector ended", "name=%s", c->name);
	}
	conn_free(c);
	return true;
}

/* true when a step was taken, so that another may follow at once. */
static bool
look_at_one(struct herder *h, struct conn *c)
{
	enum conn_phase before = c->phase;
	bool moved, over;
	struct wish w;

	lock_acquire(&h->lock);
	w.props = properties_ref(c->props);
	w.target = c->target;
	w.gone = c->gone || h->closing;
	w.again = c->again;
	lock_release(&h->lock);
	look_at(h, c, &w);
	properties_unref(w.props);
	moved = c->phase != before;
	over = w.gone && c->phase == CONN_IDLE;
	if (!over || !forget(h, c))
		herder_publish(h, c);
	return moved || over;
}

/* The connectors there are, as pointers: only this thread frees them. */
static struct conn **
list_conns(struct herder *h, size_t *ret_n)
{
	const struct leat_map_entry *e;
	struct conn **list;
	size_t it = 0, n = 0;

	lock_acquire(&h->lock);
	list = calloc(h->conns.len + 1, sizeof(*list));
	while (list != NULL && (e = leat_map_next(&h->conns, &it)) != NULL)
		list[n++] = e->value;
	lock_release(&h->lock);
	*ret_n = n;
	return list;
}

static bool
on_its_way(const struct conn *c)
{
	size_t i;

	if (c->phase == CONN_PLANNING || c->phase == CONN_STOPPING)
		return true;
	for (i = 0; i < c->ntasks; i++) {
		if (task_stopping(c->tasks[i]) &&
		    task_state(c->tasks[i]) != TASK_PAUSED &&
		    task_state(c->tasks[i]) != TASK_FAILED)
			return true;
	}
	return false;
}

static void
show_metrics(struct herder *h, struct conn *const *list, size_t n)
{
	int64_t tasks = 0;
	size_t i;

	for (i = 0; i < n; i++)
		tasks += (int64_t)list[i]->ntasks;
	metric_set(h->m.connectors, (int64_t)n);
	metric_set(h->m.tasks, tasks);
}

/* How long until the next look, should nobody poke: 0 when a step was taken. */
static int64_t
next_look_ms(struct herder *h, bool moved)
{
	struct conn **list;
	size_t i, n;
	int64_t ms = moved ? 0 : LATER_MS;

	list = list_conns(h, &n);
	if (list == NULL)
		return SOON_MS;
	for (i = 0; i < n; i++) {
		if (on_its_way(list[i]))
			ms = MIN(ms, (int64_t)SOON_MS);
		else if (list[i]->phase == CONN_IDLE &&
		    list[i]->retry_at_ms > now_ms(h))
			ms = MIN(ms, list[i]->retry_at_ms - now_ms(h));
	}
	show_metrics(h, list, n);
	free(list);
	return ms;
}

/* One round; false when the herder is closing and nothing is left. */
static bool
round_of(struct herder *h, int64_t *ret_ms)
{
	bool closing, moved = false;
	struct conn **list;
	size_t i, n, left;

	list = list_conns(h, &n);
	for (i = 0; list != NULL && i < n; i++) {
		if (look_at_one(h, list[i]))
			moved = true;
	}
	free(list);
	*ret_ms = next_look_ms(h, moved);
	lock_acquire(&h->lock);
	closing = h->closing;
	left = h->conns.len;
	lock_release(&h->lock);
	return !closing || left > 0;
}

void *
herder_main(void *arg)
{
	uint64_t seen = 0;
	struct herder *h;
	int64_t ms;

	OBJ_CAST(h, arg, HERDER_MAGIC);
	while (round_of(h, &ms)) {
		lock_acquire(&h->lock);
		cond_broadcast(&h->cond);	/* for herder_settle */
		if (h->changes == seen && ms > 0)
			(void)cond_wait_until(&h->cond, &h->lock,
			    clock_deadline_ns(h->o.clock, ms));
		seen = h->changes;
		lock_release(&h->lock);
	}
	return NULL;
}
