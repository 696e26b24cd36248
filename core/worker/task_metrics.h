/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_metrics.h: the numbers of a task, named after Kafka Connect's (its
 * groups became prefixes, its "-total" the ending), as rows.
 */
#ifndef LEAT_CORE_WORKER_TASK_METRICS_H
#define LEAT_CORE_WORKER_TASK_METRICS_H

#include <stdint.h>

#include "core/base/metrics.h"

/* id, kind (0 both, 1 source, 2 sink), type, name, help */
#define TASK_METRICS(X)                                                 \
	X(M_RUNNING, 0, METRIC_GAUGE, "leat_task_running",              \
	    "1 while the task runs")                                    \
	X(M_PAUSED, 0, METRIC_GAUGE, "leat_task_paused",                \
	    "1 while the task is paused")                               \
	X(M_FAILED, 0, METRIC_GAUGE, "leat_task_failed",                \
	    "1 while the task is failed or waits to try again")         \
	X(M_RESTARTS, 0, METRIC_COUNTER, "leat_task_restarts_total",    \
	    "Times the task was opened again")                          \
	X(M_MEMORY, 0, METRIC_GAUGE, "leat_task_memory_bytes",          \
	    "Memory taken from the worker's bound")                     \
	X(M_COMMITS, 0, METRIC_COUNTER, "leat_task_offset_commit_total", \
	    "Commits of offsets that succeeded")                        \
	X(M_COMMIT_FAILURES, 0, METRIC_COUNTER,                         \
	    "leat_task_offset_commit_failure_total",                    \
	    "Commits of offsets that failed")                           \
	X(M_COMMIT_US, 0, METRIC_COUNTER,                               \
	    "leat_task_offset_commit_microseconds_total",               \
	    "Time that commits took")                                   \
	X(M_BATCHES, 0, METRIC_COUNTER, "leat_task_batch_total",        \
	    "Batches polled or put")                                    \
	X(M_FAILURES, 0, METRIC_COUNTER,                                \
	    "leat_task_error_record_failures_total",                    \
	    "Failed attempts at a record")                              \
	X(M_ERRORS, 0, METRIC_COUNTER,                                  \
	    "leat_task_error_record_errors_total",                      \
	    "Records that failed for good")                             \
	X(M_SKIPPED, 0, METRIC_COUNTER,                                 \
	    "leat_task_error_records_skipped_total",                    \
	    "Records skipped because of errors")                        \
	X(M_RETRIES, 0, METRIC_COUNTER, "leat_task_error_retries_total", \
	    "Operations tried again")                                   \
	X(M_LOGGED, 0, METRIC_COUNTER,                                  \
	    "leat_task_error_errors_logged_total",                      \
	    "Errors of records that were logged")                       \
	X(M_LAST_ERROR, 0, METRIC_GAUGE,                                \
	    "leat_task_error_last_error_timestamp_ms",                  \
	    "When a record last failed, ms since 1970")                 \
	X(M_POLLED, 1, METRIC_COUNTER, "leat_source_record_poll_total", \
	    "Records polled, before transforms")                        \
	X(M_WRITTEN, 1, METRIC_COUNTER, "leat_source_record_write_total", \
	    "Records made durable, after transforms")                   \
	X(M_WRITTEN_BYTES, 1, METRIC_COUNTER,                           \
	    "leat_source_record_write_bytes_total",                     \
	    "Their keys and values")                                    \
	X(M_SOURCE_ACTIVE, 1, METRIC_GAUGE,                             \
	    "leat_source_record_active_count",                          \
	    "Records polled and not durable yet")                       \
	X(M_FILTERED, 1, METRIC_COUNTER,                                \
	    "leat_source_record_filtered_total",                        \
	    "Records dropped by transforms")                            \
	X(M_READ, 2, METRIC_COUNTER, "leat_sink_record_read_total",     \
	    "Records read, before transforms")                          \
	X(M_SENT, 2, METRIC_COUNTER, "leat_sink_record_send_total",     \
	    "Records that the connector took")                          \
	X(M_SINK_ACTIVE, 2, METRIC_GAUGE,                               \
	    "leat_sink_record_active_count",                            \
	    "Records read and not committed yet")                       \
	X(M_LAG, 2, METRIC_GAUGE, "leat_sink_record_lag",               \
	    "Records behind the ends of the partitions")                \
	X(M_LAG_MAX, 2, METRIC_GAUGE, "leat_sink_record_lag_max",       \
	    "The same of the partition that is most behind")            \
	X(M_PARTITIONS, 2, METRIC_GAUGE, "leat_sink_partition_count",   \
	    "Partitions that the task reads")                           \
	X(M_TOMBSTONES, 2, METRIC_COUNTER,                              \
	    "leat_sink_tombstone_skipped_total",                        \
	    "Tombstones skipped because the connector takes none")      \
	X(M_DLQ, 2, METRIC_COUNTER,                                     \
	    "leat_task_error_deadletterqueue_produce_requests_total",   \
	    "Dead letters written")                                     \
	X(M_DLQ_FAILURES, 2, METRIC_COUNTER,                            \
	    "leat_task_error_deadletterqueue_produce_failures_total",   \
	    "Dead letters that could not be written")

#define TASK_METRIC_ENUM(id, kind, type, name, help) id,
enum task_metric { TASK_METRICS(TASK_METRIC_ENUM) TASK_METRIC_N };

struct task_metrics {
	struct metrics *registry;
	int64_t *v[TASK_METRIC_N];
};

/* kind is LEAT_SOURCE or LEAT_SINK. */
void task_metrics_init(struct task_metrics *m, struct metrics *registry,
    int32_t kind, const char *connector, int32_t task);
void task_metrics_fini(struct task_metrics *m);

static inline void
task_count(struct task_metrics *m, enum task_metric id, int64_t n)
{
	metric_add(m->v[id], n);
}

static inline void
task_gauge(struct task_metrics *m, enum task_metric id, int64_t value)
{
	metric_set(m->v[id], value);
}

#endif
