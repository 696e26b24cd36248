/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host.c: the table of services that every plugin is given. Each function is
 * called from a callback, so on the task's thread, but where it says otherwise.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <leat/buf.h>

#include "core/base/obj.h"
#include "core/bus/bus.h"
#include "core/worker/plan.h"
#include "core/worker/sink_task.h"
#include "core/worker/source_batch.h"

_Static_assert((int)LOG_LEVEL_ERROR == (int)LEAT_LOG_ERROR &&
    (int)LOG_LEVEL_DEBUG == (int)LEAT_LOG_DEBUG, "the levels are the same");

static enum log_level
level_of(int32_t level)
{
	if (level < 0)
		return LOG_LEVEL_ERROR;
	return level >= LOG_LEVEL_N ? LOG_LEVEL_DEBUG : (enum log_level)level;
}

/* @thread any */
static int32_t
host_log_enabled(struct leat_task *t, int32_t level)
{
	return log_enabled(&t->log, level_of(level));
}

/* @thread any */
static void
host_log(struct leat_task *t, int32_t level, const char *msg,
    const char *fields)
{
	log_ready(&t->log, level_of(level), msg, fields);
}

static const struct leat_schema *
host_schema_intern(struct leat_task *t, const struct leat_schema *schema,
    struct leat_err *err)
{
	if (t->pool == NULL) {
		leat_err_set(err, LEAT_CLS_FATAL, LEAT_E_STATE,
		    "schemas are interned between open and close only");
		return NULL;
	}
	return leat_schema_pool_intern(t->pool, schema, err);
}

static const char *
host_offset_get(struct leat_task *t, const char *partition)
{
	char *stored = bus_source_offset(t->o.bus, t->connector, partition);
	const char *copy = NULL;

	if (stored != NULL)
		copy = leat_arena_strdup(&t->call_memory, stored);
	free(stored);
	return copy;
}

static void
host_wait(struct leat_task *t, int32_t fd, int32_t events,
    int64_t timeout_ms)
{
	t->wait_set = true;
	t->wait_fd = fd;
	t->wait_events = events;
	t->wait_ms = timeout_ms;
}

/* @thread any */
static int32_t
host_stopping(struct leat_task *t)
{
	return task_stopping(t);
}

static int64_t
host_now_us(struct leat_task *t)
{
	return clock_wall_us(t->o.clock);
}

static int64_t
host_mono_ms(struct leat_task *t)
{
	return task_now_ms(t);
}

static int64_t *
metric_new(struct leat_task *t, int32_t type, const char *name,
    const char *help)
{
	char full[128], number[16];
	struct metric_label labels[] = {
		{ "connector", t->connector },
		{ "task", number },
	};
	struct plugin_metric *m;
	int n;

	n = snprintf(full, sizeof(full), "leat_%s", name);
	if (n < 0 || (size_t)n >= sizeof(full) || t->o.metrics == NULL)
		return NULL;
	(void)snprintf(number, sizeof(number), "%d", (int)t->o.id);
	m = &t->plugin_metrics[t->nplugin_metrics];
	m->name = leat_arena_strdup(&t->memory, name);
	if (m->name == NULL)
		return NULL;
	m->value = metrics_get(t->o.metrics, type == LEAT_METRIC_COUNTER ?
	    METRIC_COUNTER : METRIC_GAUGE, full, help, labels,
	    ARRAY_LEN(labels), 1);
	if (m->value == NULL)
		return NULL;
	t->nplugin_metrics++;
	return m->value;
}

static int64_t *
host_metric(struct leat_task *t, int32_t type, const char *name,
    const char *help)
{
	size_t i;

	for (i = 0; i < t->nplugin_metrics; i++) {
		if (strcmp(t->plugin_metrics[i].name, name) == 0)
			return t->plugin_metrics[i].value;
	}
	if (t->nplugin_metrics == TASK_PLUGIN_METRICS_MAX)
		return NULL;
	return metric_new(t, type, name, help);
}

static int32_t
host_sink_fail(struct leat_task *t, uint32_t index,
    const struct leat_err *err)
{
	return sink_fail(t, index, err);
}

static int32_t
host_plan_add(struct leat_task *t, const struct leat_param *over, uint32_t n)
{
	if (t->plan == NULL)
		return LEAT_E_STATE;
	return plan_add(t->plan, over, n);
}

static void
host_status(struct leat_task *t, const char *json)
{
	char *copy = json == NULL ? NULL : strdup(json);

	lock_acquire(&t->lock);
	free(t->status_json);
	t->status_json = copy;
	lock_release(&t->lock);
}

static int32_t
host_topic_next(struct leat_task *t, const char *topic, int64_t from,
    struct leat_topic_record *rec, struct leat_err *err)
{
	return task_topic_next(t, topic, from, rec, err);
}

static const char *
host_task_name(struct leat_task *t)
{
	return t->connector;
}

static int32_t
host_task_id(struct leat_task *t)
{
	return t->o.id;
}

const struct leat_host host_table = {
	.size = sizeof(struct leat_host),
	.version = LEAT_VERSION,
	.log_enabled = host_log_enabled,
	.log = host_log,
	.batch_grow = batch_grow,
	.batch_add = batch_add,
	.batch_position = batch_position,
	.schema_intern = host_schema_intern,
	.offset_get = host_offset_get,
	.wait = host_wait,
	.stopping = host_stopping,
	.now_us = host_now_us,
	.mono_ms = host_mono_ms,
	.metric = host_metric,
	.sink_ack = sink_ack,
	.sink_fail = host_sink_fail,
	.plan_add = host_plan_add,
	.status = host_status,
	.task_name = host_task_name,
	.task_id = host_task_id,
	.topic_next = host_topic_next,
};
