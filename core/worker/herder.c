/* SPDX-License-Identifier: Apache-2.0 */
/*
 * herder.c: the herder's beginning and end, and the wishes that go in. What
 * becomes of them is herder_run.c, what can be asked herder_status.c.
 */
#include "core/worker/herder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/obj.h"
#include "core/bus/bus.h"
#include "core/config/properties.h"
#include "core/plugin/registry.h"
#include "core/record/chain.h"
#include "core/worker/herder_impl.h"
#include "core/worker/settings.h"

enum { PLAN_TIMEOUT_MS = 60000, STOP_TIMEOUT_MS = 5000,
	CONN_BACKOFF_MS = 500, CONN_BACKOFF_CAP_MS = 60000 };

int
herder_unknown(const char *name, struct leat_err *err)
{
	return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_NOTFOUND,
	    "Connector %s not found", name);
}

struct conn *
herder_find(struct herder *h, const char *name)
{
	struct conn *c = leat_map_get_c(&h->conns, name);

	lock_assert_held(&h->lock);
	return c == NULL || c->gone ? NULL : c;
}

void
herder_poke(void *arg)
{
	struct herder *h = arg;

	lock_acquire(&h->lock);
	h->changes++;
	cond_broadcast(&h->cond);
	lock_release(&h->lock);
}

/* ----------------------------------------------------------- new, free */

static void
metrics_init(struct herder *h)
{
	struct metrics *m = h->o.metrics;

	if (m == NULL)
		return;
	h->m.connectors = metrics_get(m, METRIC_GAUGE,
	    "leat_worker_connector_count", "Connectors", NULL, 0, 1);
	h->m.tasks = metrics_get(m, METRIC_GAUGE, "leat_worker_task_count",
	    "Tasks", NULL, 0, 1);
	h->m.stuck = metrics_get(m, METRIC_GAUGE,
	    "leat_worker_stuck_task_count",
	    "Tasks and plans that did not end and were left behind", NULL, 0,
	    1);
	h->m.generation = metrics_get(m, METRIC_GAUGE,
	    "leat_worker_config_generation",
	    "Generation of the configuration in force", NULL, 0, 1);
}

static void
metrics_fini(struct herder *h)
{
	int64_t *list[] = { h->m.connectors, h->m.tasks, h->m.stuck,
		h->m.generation };
	size_t i;

	for (i = 0; i < ARRAY_LEN(list); i++) {
		if (list[i] != NULL)
			metrics_put(h->o.metrics, list[i]);
	}
}

int
herder_new(const struct herder_options *o, struct herder **ret_herder,
    struct leat_err *err)
{
	struct herder *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	h->magic = HERDER_MAGIC;
	h->o = *o;
	if (h->o.clock == NULL)
		h->o.clock = &clock_system;
	if (h->o.stop_timeout_ms == 0)
		h->o.stop_timeout_ms = STOP_TIMEOUT_MS;
	if (h->o.plan_timeout_ms == 0)
		h->o.plan_timeout_ms = PLAN_TIMEOUT_MS;
	h->o.worker = o->worker == NULL ? NULL : properties_ref(o->worker);
	h->worker_id = strdup(o->worker_id == NULL ? "local" : o->worker_id);
	h->log = (struct logger){ "herder", NULL, -1 };
	lock_init(&h->lock, RANK_HERDER);
	cond_init(&h->cond);
	leat_map_init(&h->conns);
	leat_map_init(&h->targets);
	metrics_init(h);
	if (herder_store_load(h, err) < 0 || thread_start(&h->thread,
	    "herder", herder_main, h, err) < 0) {
		h->stopped = true;
		herder_free(h);
		return leat_err_wrap(err, "start herder");
	}
	*ret_herder = h;
	return 0;
}

size_t
herder_stop(struct herder *h)
{
	OBJ_CHECK(h, HERDER_MAGIC);
	if (h->stopped)
		return h->stuck;
	lock_acquire(&h->lock);
	h->closing = true;
	h->changes++;
	cond_broadcast(&h->cond);
	lock_release(&h->lock);
	thread_join(&h->thread);
	h->stopped = true;
	return h->stuck;
}

void
herder_free(struct herder *h)
{
	if (h == NULL)
		return;
	(void)herder_stop(h);
	metrics_fini(h);
	leat_map_fini(&h->conns);
	herder_store_fini(h);
	properties_unref(h->o.worker);
	cond_fini(&h->cond);
	lock_fini(&h->lock);
	free(h->worker_id);
	OBJ_FREE(h);
}

/* -------------------------------------------------------------- wishes */

static enum target_state
first_target(const struct herder *h, const char *name,
    const struct properties *props)
{
	int stored = herder_store_target(h, name);
	struct leat_str said;

	if (stored >= 0)
		return (enum target_state)stored;
	said = leat_str_c(properties_get(props, "initial_state", "RUNNING"));
	if (leat_str_eq_c(said, "PAUSED") || leat_str_eq_c(said, "paused"))
		return TARGET_PAUSED;
	if (leat_str_eq_c(said, "STOPPED") || leat_str_eq_c(said, "stopped"))
		return TARGET_STOPPED;
	return TARGET_STARTED;
}

static int
conn_add_locked(struct herder *h, const struct wanted *w,
    struct leat_err *err)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (c == NULL || (c->name = strdup(w->name)) == NULL ||
	    leat_map_set(&h->conns, leat_str_c(w->name), c, NULL) < 0) {
		if (c != NULL)
			free(c->name);
		free(c);
		return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM,
		    "out of memory");
	}
	c->log = (struct logger){ "connector", c->name, -1 };
	c->props = properties_ref(w->props);
	c->target = first_target(h, w->name, w->props);
	c->stored = c->target;
	c->is_stored = herder_store_target(h, w->name) >= 0 ||
	    c->target == TARGET_STARTED;
	backoff_init(&c->backoff, CONN_BACKOFF_MS, CONN_BACKOFF_CAP_MS,
	    leat_hash(w->name, strlen(w->name),
	    (uint64_t)clock_mono_ns(h->o.clock)));
	return 0;
}

static int
wish_locked(struct herder *h, const struct wanted *w, uint64_t generation,
    struct leat_err *err)
{
	struct conn *c = leat_map_get_c(&h->conns, w->name);

	if (c == NULL && conn_add_locked(h, w, err) < 0)
		return err->code;
	c = leat_map_get_c(&h->conns, w->name);
	if (c->was_gone)	/* another one, though of the same name */
		c->target = TARGET_STARTED;
	c->gone = c->was_gone = false;
	if (c->props != w->props) {
		if (!properties_equal(c->props, w->props))
			c->generation = generation;
		properties_unref(c->props);
		c->props = properties_ref(w->props);
	}
	if (c->generation == 0)
		c->generation = generation;
	return 0;
}

int
herder_apply(struct herder *h, const struct wanted *list, size_t n,
    uint64_t generation, struct leat_err *err)
{
	const struct leat_map_entry *e;
	size_t i, it = 0;
	int rc = 0;

	OBJ_CHECK(h, HERDER_MAGIC);
	lock_acquire(&h->lock);
	while ((e = leat_map_next(&h->conns, &it)) != NULL) {
		struct conn *c = e->value;

		c->was_gone = c->gone;
		c->gone = true;
	}
	for (i = 0; rc == 0 && i < n; i++)
		rc = wish_locked(h, &list[i], generation, err);
	__atomic_store_n(&h->generation, generation, __ATOMIC_RELAXED);
	lock_release(&h->lock);
	metric_set(h->m.generation, (int64_t)generation);
	herder_poke(h);
	return rc;
}

int
herder_target(struct herder *h, const char *name, enum target_state want,
    struct leat_err *err)
{
	struct conn *c;

	lock_acquire(&h->lock);
	c = herder_find(h, name);
	if (c != NULL)
		c->target = want;
	lock_release(&h->lock);
	if (c == NULL)
		return herder_unknown(name, err);
	herder_poke(h);
	return 0;
}

static bool
is_failed(const struct leat_task *t)
{
	enum task_state s = task_state(t);

	return s == TASK_FAILED || s == TASK_BACKOFF;
}

int
herder_restart(struct herder *h, const char *name, int32_t task,
    bool include_tasks, bool only_failed, struct leat_err *err)
{
	struct conn *c;
	size_t i;
	bool found = true;

	lock_acquire(&h->lock);
	c = herder_find(h, name);
	if (c != NULL && task < 0 && (!only_failed || c->failed))
		c->again = true;
	if (c != NULL && task >= 0)
		found = (size_t)task < c->ntasks;
	for (i = 0; c != NULL && i < c->ntasks; i++) {
		if ((task < 0 && !include_tasks) ||
		    (task >= 0 && i != (size_t)task) ||
		    (only_failed && !is_failed(c->tasks[i])))
			continue;
		task_restart(c->tasks[i]);
	}
	lock_release(&h->lock);
	if (c == NULL)
		return herder_unknown(name, err);
	if (!found)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_NOTFOUND,
		    "Unknown task: %s-%d", name, (int)task);
	herder_poke(h);
	return 0;
}

/*
 * Tasks live as long as the herder's lock is held; a task's own lock is a leaf
 * below it.
 */
static int
signal_locked(const struct conn *c, const char *id, const char *type,
    const char *data, struct leat_err *err)
{
	int rc = 0;

	if (c->reg == NULL || c->ntasks == 0)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_STATE,
		    "connector %s has no task that runs", c->name);
	if (c->reg->connector.kind != LEAT_SOURCE ||
	    c->reg->source.signal == NULL)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_STATE,
		    "connector %s (%s) takes no signals", c->name,
		    c->reg->connector.name);
	for (size_t i = 0; i < c->ntasks && rc == 0; i++)
		rc = task_signal(c->tasks[i], id, type, data, err);
	return rc;
}

int
herder_signal(struct herder *h, const char *name, const char *id,
    const char *type, const char *data, struct leat_err *err)
{
	struct conn *c;
	int rc = 0;

	lock_acquire(&h->lock);
	c = herder_find(h, name);
	if (c != NULL)
		rc = signal_locked(c, id, type, data, err);
	lock_release(&h->lock);
	return c == NULL ? herder_unknown(name, err) : rc;
}

void
herder_validate(struct herder *h, const char *name,
    const struct properties *props, struct problems *out)
{
	const char *class = properties_get(props, "connector.class",
	    properties_get(props, "connector", NULL));
	const struct registered *reg;
	const struct property *p;
	struct place nowhere = { "", 0, 0 };
	char hint[300];
	const char *near;

	p = properties_find(props, "connector.class");
	if (p == NULL)
		p = properties_find(props, "connector");
	if (class == NULL) {
		problems_add(out, properties_count(props) > 0 ?
		    properties_at(props, 0)->place : nowhere,
		    "connector.class", NULL, "missing: which connector is it?");
		return;
	}
	reg = registry_find(h->o.registry, class);
	if (reg == NULL) {
		near = registry_nearest(h->o.registry, class);
		if (near != NULL)
			(void)snprintf(hint, sizeof(hint),
			    "did you mean '%s'?", near);
		problems_add(out, p->place, p->key, near == NULL ? NULL : hint,
		    "no plugin has a connector '%s'", class);
		return;
	}
	settings_validate(name, reg, props, h->o.worker, out);
}

const struct leat_option *
herder_options(int32_t kind)
{
	return settings_rows(kind);
}

const struct registry *
herder_registry(const struct herder *h)
{
	return h->o.registry;
}

uint64_t
herder_generation(const struct herder *h)
{
	return __atomic_load_n(&h->generation, __ATOMIC_RELAXED);
}
