/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_task.h: what a task of a source holds. Private to source_task.c (the
 * loop, polls, commits) and source_produce.c (a record's way to the bus).
 */
#ifndef LEAT_CORE_WORKER_SOURCE_TASK_H
#define LEAT_CORE_WORKER_SOURCE_TASK_H

#include "core/bus/bus.h"
#include "core/record/chain.h"
#include "core/worker/errors.h"
#include "core/worker/source_batch.h"
#include "core/worker/task.h"

enum {
	SOURCE_SHARE_MIN = 1024 * 1024,
	SOURCE_BATCH_MAX = 4 * 1024 * 1024,
	SOURCE_ARENA_CHUNK = 64 * 1024,
	SOURCE_ARENA_MAX = 64 * 1024 * 1024,
	SOURCE_ARENA_RESET = 32 * 1024,	/* reset between records from there */
	SOURCE_CHARGE_BYTES = 64 * 1024,
	SOURCE_SETTINGS_MAX = 32
};

struct source {
	struct batch batch;
	struct bus_producer *producer;
	struct chain *chain;
	struct leat_arena arena;	/* one record's transforms and bytes */
	struct bus_setting settings[SOURCE_SETTINGS_MAX];

	/* The batch on its way to the bus. */
	uint32_t at;		/* next record */
	uint32_t todo;		/* records that go; all, or the prefix */
	bool busy;		/* there is one */
	struct bus_message msg;	/* the record at `at`, in bytes, */
	bool msg_ready;		/* if it was encoded and not taken yet */
	struct bus_header *headers;
	uint32_t headers_cap;
	size_t uncharged;	/* bytes produced since the last charge */
	int64_t now_wall_ms;	/* of this batch */
	const char *last_topic;	/* of the last record, for the topics seen */

	struct record_retry retry;	/* of the record at `at` */

	/* A poll that failed: raised when what came before is durable. */
	bool poll_failed;
	struct leat_err poll_err;
	uint32_t record_errors;	/* polls in a row that failed by a record */

	/* What waits for a commit. */
	uint64_t records;
	uint64_t bytes;
	bool moved;		/* a position moved */
	bool idle;		/* the last poll had nothing */
	int64_t first_ms;	/* when the oldest of it was produced */
	int64_t last_commit_ms;
	bool loaded;		/* the last commit held many records */
	/* The commit in flight. */
	uint64_t flight_records;
	uint64_t flight_bytes;
	int64_t flight_us;
	uint64_t ticket;
};

/*
 * Brings the batch to the bus: 1 when it is all there, 0 when something must be
 * waited for (a commit, memory, the time of a retry, which is *ret_until_ms).
 */
int source_produce(struct leat_task *t, int64_t *ret_until_ms,
    struct leat_err *err);
/* 1: go on; 0: the bound is reached, wait for the commit in flight. */
int source_make_room(struct leat_task *t, struct leat_err *err);
/* Memory that the task holds besides the batch. */
size_t source_overhead(const struct source *s);

#endif
