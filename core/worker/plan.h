/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.h: from a connector's configuration to the configurations of its tasks,
 * by its plan() callback, on a thread of its own, because that is the plugin's
 * code and may take its time.
 */
#ifndef LEAT_CORE_WORKER_PLAN_H
#define LEAT_CORE_WORKER_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include <leat/err.h>

#include "core/worker/task.h"

enum { PLAN_TASKS_MAX = 1000 };

struct plan;

/*
 * Begins to plan; o is as for the tasks, but for props (the connector's), id
 * and ntasks. `done` is called once, on the plan's thread.
 */
int plan_start(const struct task_options *o, void (*done)(void *arg),
    void *arg, struct plan **ret_plan, struct leat_err *err);
bool plan_finished(const struct plan *p);
/* How long it has been at it. */
int64_t plan_age_ms(const struct plan *p);
/*
 * Does without it: it is told to stop, and freed, by its own thread if plan()
 * has not returned yet.
 */
void plan_abandon(struct plan *owned_p);
/* leat_host.plan_add. @thread plan */
int plan_add(struct plan *p, const struct leat_param *over, uint32_t n);

/*
 * The outcome of a finished plan: the tasks' properties, whose references and
 * array (free()) go to the caller. Frees the plan.
 */
int plan_take(struct plan *owned_p, struct properties ***ret_tasks,
    size_t *ret_n, struct leat_err *err);

#endif
