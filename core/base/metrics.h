/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics.h: numbers for /metrics, in Prometheus' text format.
 *
 * A metric is an int64_t that its owner changes with relaxed atomics, without a
 * lock; registering and printing take one. Names follow Prometheus: unit last,
 * counters end in _total; every name starts with "leat_". @thread any.
 */
#ifndef LEAT_CORE_BASE_METRICS_H
#define LEAT_CORE_BASE_METRICS_H

#include <stdint.h>

#include <leat/buf.h>

struct metrics;

enum metric_type { METRIC_COUNTER, METRIC_GAUGE };

struct metric_label {
	const char *name;
	const char *value;
};

enum { METRIC_LABELS_MAX = 4 };

struct metrics *metrics_new(uint32_t limit);
void metrics_free(struct metrics *m);

/*
 * The number of that name and those labels, made when it is new; NULL when the
 * limit is reached, memory is out, or a name is not Prometheus', stands under
 * another type, or has a label twice. scale divides when printed (1000 prints
 * milliseconds as seconds) and is a power of ten; 0 and 1 print as it is. The
 * number counts its users: each metrics_get needs one metrics_put.
 */
int64_t *metrics_get(struct metrics *m, enum metric_type type,
    const char *name, const char *help, const struct metric_label *labels,
    uint32_t nlabels, int64_t scale);
void metrics_put(struct metrics *m, int64_t *metric);

static inline void
metric_add(int64_t *metric, int64_t n)
{
	if (metric != NULL)
		__atomic_fetch_add(metric, n, __ATOMIC_RELAXED);
}

static inline void
metric_set(int64_t *metric, int64_t v)
{
	if (metric != NULL)
		__atomic_store_n(metric, v, __ATOMIC_RELAXED);
}

static inline int64_t
metric_value(const int64_t *metric)
{
	return metric == NULL ? 0 : __atomic_load_n(metric, __ATOMIC_RELAXED);
}

/* Called before printing, for gauges that are cheaper to ask than to keep. */
int metrics_on_collect(struct metrics *m, void (*fn)(void *), void *arg);

/* Appends everything as text, one HELP and TYPE per name. */
int metrics_print(struct metrics *m, struct leat_buf *to);

#endif
