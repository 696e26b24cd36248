/* SPDX-License-Identifier: Apache-2.0 */
/*
 * herder_status.c: what can be asked of the herder. Snapshots: all strings are
 * copied into the caller's arena.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/obj.h"
#include "core/bus/bus.h"
#include "core/config/properties.h"
#include "core/plugin/registry.h"
#include "core/worker/herder_impl.h"

enum { GROUP_MAX = 300 };

static int
no_memory(struct leat_err *err)
{
	return leat_err_set(err, LEAT_CLS_RETRY, -ENOMEM, "out of memory");
}

static const char *
conn_state(const struct conn *c)
{
	if (c->target == TARGET_STOPPED)
		return c->phase == CONN_IDLE ? "STOPPED" : "RUNNING";
	if (c->error.code != 0)
		return "FAILED";
	switch (c->phase) {
	case CONN_IDLE:
	case CONN_PLANNING:
		return "UNASSIGNED";
	case CONN_STOPPING:
		return "RESTARTING";
	case CONN_RUNNING:
		break;
	}
	return c->target == TARGET_PAUSED ? "PAUSED" : "RUNNING";
}

static int
status_locked(struct herder *h, const struct conn *c,
    struct leat_arena *arena, struct connector_status *st)
{
	size_t i;

	memset(st, 0, sizeof(*st));
	st->name = leat_arena_strdup(arena, c->name);
	st->type = c->reg == NULL ? "unknown" :
	    c->reg->connector.kind == LEAT_SINK ? "sink" : "source";
	st->state = conn_state(c);
	if (c->error.code != 0)
		st->trace = leat_arena_printf(arena, "%s error: %s",
		    leat_err_class_name(c->error.cls), c->error.text);
	st->worker_id = leat_arena_strdup(arena, h->worker_id);
	st->target = c->target;
	st->generation = c->generation;
	st->props = properties_ref(c->props);
	st->tasks = leat_arena_calloc(arena, c->ntasks + 1,
	    sizeof(*st->tasks));
	if (st->tasks == NULL || st->name == NULL || st->worker_id == NULL)
		return -ENOMEM;
	st->ntasks = c->ntasks;
	for (i = 0; i < c->ntasks; i++)
		task_status_get(c->tasks[i], arena, &st->tasks[i]);
	return 0;
}

int
herder_status(struct herder *h, const char *name, struct leat_arena *arena,
    struct connector_status *ret_status, struct leat_err *err)
{
	const struct registered *reg;
	const char *class;
	struct conn *c;
	int rc = 0;

	lock_acquire(&h->lock);
	c = herder_find(h, name);
	if (c != NULL)
		rc = status_locked(h, c, arena, ret_status);
	lock_release(&h->lock);
	if (c == NULL)
		return herder_unknown(name, err);
	if (rc < 0)
		return no_memory(err);
	/* Before its first plan the plugin is found by what is wished. */
	class = properties_get(ret_status->props, "connector.class",
	    properties_get(ret_status->props, "connector", ""));
	reg = registry_find(h->o.registry, class);
	if (reg != NULL)
		ret_status->type = reg->connector.kind == LEAT_SINK ? "sink" :
		    "source";
	return 0;
}

void
connector_status_put(struct connector_status *st)
{
	properties_unref(st->props);
	st->props = NULL;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int
herder_names(struct herder *h, struct leat_arena *arena,
    const char *const **ret_names, size_t *ret_n, struct leat_err *err)
{
	const struct leat_map_entry *e;
	const char **list;
	size_t it = 0, n = 0;

	lock_acquire(&h->lock);
	list = leat_arena_calloc(arena, h->conns.len + 1, sizeof(*list));
	while (list != NULL && (e = leat_map_next(&h->conns, &it)) != NULL) {
		const struct conn *c = e->value;

		if (c->gone)
			continue;
		list[n] = leat_arena_strdup(arena, c->name);
		if (list[n] == NULL)
			list = NULL;
		else
			n++;
	}
	lock_release(&h->lock);
	if (list == NULL)
		return no_memory(err);
	qsort(list, n, sizeof(*list), compare_names);
	*ret_names = list;
	*ret_n = n;
	return 0;
}

struct properties *
herder_task_config(struct herder *h, const char *name, int32_t task)
{
	struct properties *props = NULL;
	struct conn *c;

	lock_acquire(&h->lock);
	c = herder_find(h, name);
	if (c != NULL && task >= 0 && (size_t)task < c->ntasks)
		props = properties_ref(c->tasks[task]->o.props);
	lock_release(&h->lock);
	return props;
}

/* -------------------------------------------------------------- topics */

struct topic_list {
	struct leat_arena *arena;
	struct leat_map names;
	bool failed;
};

static void
add_topic(void *arg, const char *topic)
{
	struct topic_list *l = arg;
	char *copy;

	if (leat_map_get_c(&l->names, topic) != NULL)
		return;
	copy = leat_arena_strdup(l->arena, topic);
	if (copy == NULL ||
	    leat_map_set(&l->names, leat_str_c(topic), copy, NULL) < 0)
		l->failed = true;
}

int
herder_topics(struct herder *h, const char *name, struct leat_arena *arena,
    const char *const **ret_topics, size_t *ret_n, struct leat_err *err)
{
	struct topic_list l = { .arena = arena };
	const struct leat_map_entry *e;
	const char **list = NULL;
	size_t i, it = 0, n = 0;
	struct conn *c;

	leat_map_init(&l.names);
	lock_acquire(&h->lock);
	c = herder_find(h, name);
	for (i = 0; c != NULL && i < c->ntasks; i++)
		topics_seen_each(&c->tasks[i]->topics, add_topic, &l);
	lock_release(&h->lock);
	if (!l.failed)
		list = leat_arena_calloc(arena, l.names.len + 1,
		    sizeof(*list));
	while (list != NULL && (e = leat_map_next(&l.names, &it)) != NULL)
		list[n++] = e->value;
	leat_map_fini(&l.names);
	if (c == NULL)
		return herder_unknown(name, err);
	if (list == NULL)
		return no_memory(err);
	qsort(list, n, sizeof(*list), compare_names);
	*ret_topics = list;
	*ret_n = n;
	return 0;
}

int
herder_topics_reset(struct herder *h, const char *name, struct leat_err *err)
{
	struct conn *c;
	size_t i;

	lock_acquire(&h->lock);
	c = herder_find(h, name);
	for (i = 0; c != NULL && i < c->ntasks; i++)
		__atomic_store_n(&c->tasks[i]->forget_topics, 1,
		    __ATOMIC_RELEASE);
	lock_release(&h->lock);
	return c == NULL ? herder_unknown(name, err) : 0;
}

/* ------------------------------------------------------------- offsets */

/* The kind of a connector, 0 when it is unknown. */
static int32_t
kind_of(struct herder *h, const char *name, bool *ret_stopped)
{
	const struct registered *reg = NULL;
	struct conn *c;

	lock_acquire(&h->lock);
	c = herder_find(h, name);
	if (c != NULL) {
		reg = registry_find(h->o.registry, properties_get(c->props,
		    "connector.class",
		    properties_get(c->props, "connector", "")));
		*ret_stopped = c->target == TARGET_STOPPED &&
		    c->phase == CONN_IDLE;
	}
	lock_release(&h->lock);
	if (c == NULL)
		return 0;
	return reg == NULL ? LEAT_SOURCE : reg->connector.kind;
}

static int
must_be_stopped(struct herder *h, const char *name, int32_t kind,
    struct leat_err *err)
{
	bool stopped = false;
	int32_t have = kind_of(h, name, &stopped);

	if (have == 0)
		return herder_unknown(name, err);
	if (!stopped)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_STATE,
		    "Connectors must be in the STOPPED state before their "
		    "offsets can be modified");
	if (kind != 0 && have != kind)
		return leat_err_set(err, LEAT_CLS_CONFIG, LEAT_E_CONFIG,
		    "connector '%s' is a %s", name,
		    have == LEAT_SINK ? "sink" : "source");
	return 0;
}

struct sink_walk {
	int (*fn)(void *arg, const char *topic, int32_t partition,
	    int64_t offset);
	void *arg;
};

static int
sink_one(void *arg, const struct bus_offset *o)
{
	struct sink_walk *w = arg;

	return w->fn(w->arg, o->topic, o->partition, o->offset);
}

static void
group_of(const char *name, char *to)
{
	(void)snprintf(to, GROUP_MAX, "connect-%s", name);
}

int
herder_offsets_each(struct herder *h, const char *name,
    int (*source)(void *arg, const char *partition, const char *offset),
    int (*sink)(void *arg, const char *topic, int32_t partition,
    int64_t offset), void *arg, struct leat_err *err)
{
	struct sink_walk w = { sink, arg };
	char group[GROUP_MAX];
	bool stopped;

	switch (kind_of(h, name, &stopped)) {
	case LEAT_SOURCE:
		return bus_source_offset_each(h->o.bus, name, source, arg);
	case LEAT_SINK:
		group_of(name, group);
		return bus_group_each(h->o.bus, group, sink_one, &w);
	default:
		return herder_unknown(name, err);
	}
}

int
herder_source_offset_set(struct herder *h, const char *name,
    const char *partition, const char *offset, struct leat_err *err)
{
	if (must_be_stopped(h, name, LEAT_SOURCE, err) < 0)
		return err->code;
	return bus_source_offset_set(h->o.bus, name, partition, offset, err);
}

int
herder_sink_offset_set(struct herder *h, const char *name, const char *topic,
    int32_t partition, int64_t offset, struct leat_err *err)
{
	struct bus_offset at = { topic, partition, offset };
	char group[GROUP_MAX];

	if (must_be_stopped(h, name, LEAT_SINK, err) < 0)
		return err->code;
	group_of(name, group);
	return bus_group_set(h->o.bus, group, &at, 1, err);
}

struct reset {
	struct herder *h;
	const char *name;
	struct leat_err *err;
};

static int
reset_one(void *arg, const char *partition, const char *offset)
{
	struct reset *r = arg;

	(void)offset;
	return bus_source_offset_set(r->h->o.bus, r->name, partition, NULL,
	    r->err);
}

int
herder_offsets_reset(struct herder *h, const char *name,
    struct leat_err *err)
{
	struct reset r = { h, name, err };
	char group[GROUP_MAX];
	bool stopped;

	if (must_be_stopped(h, name, 0, err) < 0)
		return err->code;
	if (kind_of(h, name, &stopped) == LEAT_SOURCE)
		return bus_source_offset_each(h->o.bus, name, reset_one, &r);
	group_of(name, group);
	return bus_group_forget(h->o.bus, group, err) == LEAT_E_NOTFOUND ? 0 :
	    err->code;
}

/* -------------------------------------------------------------- settling */

static bool
task_settled(const struct leat_task *t, enum target_state target)
{
	enum task_state s = task_state(t);

	if (s == TASK_FAILED)
		return true;
	if (__atomic_load_n(&t->wish_restart, __ATOMIC_ACQUIRE) != 0)
		return false;
	return s == (target == TARGET_PAUSED ? TASK_PAUSED : TASK_RUNNING);
}

static bool
conn_settled(const struct conn *c)
{
	size_t i;

	if (c->gone || c->again)
		return false;
	if (c->target == TARGET_STOPPED)
		return c->phase == CONN_IDLE;
	if (c->phase == CONN_IDLE)
		return c->failed && properties_equal(c->props, c->running);
	if (c->phase != CONN_RUNNING ||
	    !properties_equal(c->props, c->running))
		return false;
	for (i = 0; i < c->ntasks; i++) {
		if (!task_settled(c->tasks[i], c->target))
			return false;
	}
	return true;
}

int
herder_settle(struct herder *h, int64_t timeout_ms)
{
	int64_t deadline = clock_deadline_ns(h->o.clock, timeout_ms);
	const struct leat_map_entry *e;
	bool settled = false, late = false;
	size_t it;

	lock_acquire(&h->lock);
	while (!settled && !late) {
		settled = true;
		it = 0;
		while ((e = leat_map_next(&h->conns, &it)) != NULL)
			settled = settled && conn_settled(e->value);
		if (!settled)
			late = !cond_wait_until(&h->cond, &h->lock, deadline);
	}
	lock_release(&h->lock);
	return settled ? 0 : -ETIME;
}
