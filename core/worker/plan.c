/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.c: see plan.h.
 *
 * A connector without plan() has one task with its own options; a sink without
 * one has tasks.max of them, which share out the partitions.
 */
#include "core/worker/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/obj.h"
#include "core/config/properties.h"
#include "core/plugin/registry.h"

enum { PLAN_RUNNING, PLAN_DONE, PLAN_ABANDONED };

struct plan {
	unsigned magic;
#define PLAN_MAGIC 0x706c616eu
	struct leat_task *task;	/* what the plugin sees; has no thread */
	struct thread thread;
	int32_t state;		/* atomic, PLAN_* */
	int64_t began_ms;
	void (*done)(void *arg);
	void *arg;
	int64_t tasks_max;
	struct properties **props;
	size_t n;
	struct leat_err err;
};

static void
plan_free(struct plan *p)
{
	size_t i;

	for (i = 0; i < p->n; i++)
		properties_unref(p->props[i]);
	free(p->props);
	task_put(p->task);
	OBJ_FREE(p);
}

/* The connector's properties with `over` on top. */
static struct properties *
merge(const struct properties *base, const struct leat_param *over,
    uint32_t n)
{
	struct properties_builder *b = properties_builder_new();
	struct place place = { "plan", 0, 0 };
	struct properties *made = NULL;
	const struct property *p;
	int rc = b == NULL ? -ENOMEM : 0;
	size_t i;

	for (i = 0; rc >= 0 && i < properties_count(base); i++) {
		p = properties_at(base, i);
		rc = properties_builder_set(b, p->key, p->raw, p->value,
		    p->place, p->secret);
	}
	for (i = 0; rc >= 0 && i < n; i++)
		rc = properties_builder_set(b, over[i].key, over[i].value,
		    over[i].value, place, false);
	if (rc >= 0)
		made = properties_builder_finish(b);
	properties_builder_free(b);
	return made;
}

static int
push(struct plan *p, struct properties *owned_props)
{
	struct properties **more;

	if (owned_props == NULL)
		return -ENOMEM;
	more = realloc(p->props, (p->n + 1) * sizeof(*more));
	if (more == NULL) {
		properties_unref(owned_props);
		return -ENOMEM;
	}
	p->props = more;
	p->props[p->n++] = owned_props;
	return 0;
}

int
plan_add(struct plan *p, const struct leat_param *over, uint32_t n)
{
	if ((int64_t)p->n >= p->tasks_max || p->n >= PLAN_TASKS_MAX)
		return LEAT_E_LIMIT;
	return push(p, merge(p->task->o.props, over, n));
}

static int
plan_default(struct plan *p, struct leat_err *err)
{
	int64_t n = p->task->o.conn->connector.kind == LEAT_SINK ?
	    p->tasks_max : 1;

	while ((int64_t)p->n < n) {
		if (push(p, properties_ref(p->task->o.props)) < 0)
			return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
			    "out of memory");
	}
	return 0;
}

static int
call_plan(struct plan *p, const struct leat_connector *c, struct leat_err *err)
{
	struct leat_task *t = p->task;
	int rc;

	task_enter(t, "plan");
	rc = c->plan(t, t->config, (int32_t)p->tasks_max, err);
	task_leave(t);
	return task_said(rc, "plan", err) < 0 ? leat_err_wrap(err, "plan") : 0;
}

static int
plan_run(struct plan *p, struct leat_err *err)
{
	struct leat_task *t = p->task;
	const struct leat_connector *c = &t->o.conn->connector;

	if (settings_parse(t->o.props, t->o.worker, c->kind, &t->set,
	    &t->memory, err) < 0)
		return err->code;
	p->tasks_max = t->set.tasks_max;
	t->config = leat_arena_calloc(&t->memory, 1,
	    MAX(c->config_size, (uint64_t)1));
	if (t->config == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	if (settings_fill(t->o.conn, t->o.props, t->config, &t->memory,
	    err) < 0)
		return err->code;
	t->plan = p;
	return c->plan == NULL ? plan_default(p, err) : call_plan(p, c, err);
}

static void *
plan_main(void *arg)
{
	struct plan *p;

	OBJ_CAST(p, arg, PLAN_MAGIC);
	(void)plan_run(p, &p->err);
	if (__atomic_exchange_n(&p->state, PLAN_DONE, __ATOMIC_ACQ_REL) ==
	    PLAN_ABANDONED)
		plan_free(p);
	else
		p->done(p->arg);	/* the herder joins this thread */
	return NULL;
}

int
plan_start(const struct task_options *o, void (*done)(void *arg), void *arg,
    struct plan **ret_plan, struct leat_err *err)
{
	struct plan *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	p->magic = PLAN_MAGIC;
	p->done = done;
	p->arg = arg;
	if (task_new(o, &p->task, err) < 0) {
		OBJ_FREE(p);
		return err->code;
	}
	p->began_ms = task_now_ms(p->task);
	if (thread_start(&p->thread, "plan", plan_main, p, err) < 0) {
		plan_free(p);
		return err->code;
	}
	*ret_plan = p;
	return 0;
}

bool
plan_finished(const struct plan *p)
{
	return __atomic_load_n(&p->state, __ATOMIC_ACQUIRE) == PLAN_DONE;
}

int64_t
plan_age_ms(const struct plan *p)
{
	return task_now_ms(p->task) - p->began_ms;
}

void
plan_abandon(struct plan *owned_p)
{
	struct thread thread = owned_p->thread;
	int32_t running = PLAN_RUNNING;

	task_want(owned_p->task, WANT_STOP);
	if (__atomic_compare_exchange_n(&owned_p->state, &running,
	    PLAN_ABANDONED, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		thread_detach(&thread);	/* the plan may be gone already */
		return;
	}
	thread_join(&owned_p->thread);
	plan_free(owned_p);
}

int
plan_take(struct plan *owned_p, struct properties ***ret_tasks,
    size_t *ret_n, struct leat_err *err)
{
	int rc;

	thread_join(&owned_p->thread);
	rc = owned_p->err.code;
	if (rc < 0)
		*err = owned_p->err;
	else {
		*ret_tasks = TAKE(owned_p->props);
		*ret_n = owned_p->n;
		owned_p->n = 0;
	}
	plan_free(owned_p);
	return rc;
}
