/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_metrics.c: see task_metrics.h.
 */
#include "core/worker/task_metrics.h"

#include <stdio.h>
#include <string.h>

#include "core/base/obj.h"

struct metric_row {
	int32_t kind;
	enum metric_type type;
	const char *name;
	const char *help;
};

#define TASK_METRIC_ROW(id, kind, type, name, help) \
	{ kind, type, name, help },
static const struct metric_row rows[] = { TASK_METRICS(TASK_METRIC_ROW) };

_Static_assert(ARRAY_LEN(rows) == TASK_METRIC_N, "one row per metric");

void
task_metrics_init(struct task_metrics *m, struct metrics *registry,
    int32_t kind, const char *connector, int32_t task)
{
	char number[16];
	struct metric_label labels[] = {
		{ "connector", connector },
		{ "task", number },
	};
	size_t i;

	memset(m, 0, sizeof(*m));
	m->registry = registry;
	if (registry == NULL)
		return;
	(void)snprintf(number, sizeof(number), "%d", (int)task);
	for (i = 0; i < TASK_METRIC_N; i++) {
		if (rows[i].kind == 0 || rows[i].kind == kind)
			m->v[i] = metrics_get(registry, rows[i].type,
			    rows[i].name, rows[i].help, labels,
			    ARRAY_LEN(labels), 1);
	}
}

void
task_metrics_fini(struct task_metrics *m)
{
	size_t i;

	for (i = 0; i < TASK_METRIC_N; i++) {
		if (m->v[i] != NULL)
			metrics_put(m->registry, TAKE(m->v[i]));
	}
}
