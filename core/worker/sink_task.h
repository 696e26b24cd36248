/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink_task.h: what a task of a sink holds. Private to sink_task.c (the loop
 * and the offsets) and sink_put.c (a batch's way into the plugin).
 */
#ifndef LEAT_CORE_WORKER_SINK_TASK_H
#define LEAT_CORE_WORKER_SINK_TASK_H

#include "core/bus/bus.h"
#include "core/record/chain.h"
#include "core/worker/dead_letters.h"
#include "core/worker/errors.h"
#include "core/worker/task.h"

enum {
	SINK_SHARE_MIN = 1024 * 1024,
	SINK_ARENA_CHUNK = 64 * 1024,
	SINK_ARENA_STEP = 1024 * 1024,	/* the arena's limit grows by this */
	SINK_BATCH_MAX = 8 * 1024 * 1024	/* of records in one put */
};

enum { REC_WAITING, REC_ACKED, REC_FAILED };

struct sink {
	struct bus_consumer *consumer;
	struct chain *chain;
	struct dead_letters *dead;	/* NULL: none are written */
	char *dlq_topic;

	/* What the last poll gave, and how far it is dealt with. */
	const struct bus_message *messages;
	size_t nmessages;
	size_t at;		/* messages before it are decoded */
	uint8_t *finished;	/* per message */
	size_t cap;

	/* The batch for put(): decoded records, each with its message. */
	struct leat_arena arena;
	struct leat_record *records;
	uint32_t *origin;	/* record to message */
	uint8_t *state;		/* REC_*, of the records of this put */
	uint32_t n;
	uint32_t first;		/* of this put: single records go one by one */
	uint32_t count;
	bool single;		/* looking for the bad ones */
	struct leat_err fail_err;	/* of sink_fail, if the policy stops */
	struct chain_header *headers;
	uint32_t headers_cap;

	/* Of the put, which has no last try, or the next message's decoding. */
	struct record_retry retry;

	const char *last_topic;
	bool dirty;		/* something was taken since the last flush */
	int64_t next_commit_ms;
	uint64_t active;	/* records taken and not committed */
};

/*
 * Decodes and puts until the poll is used up (1) or something must be waited
 * for (0), until *ret_until_ms at most.
 */
int sink_deliver(struct leat_task *t, int64_t *ret_until_ms,
    struct leat_err *err);
size_t sink_held(const struct sink *s);
/* leat_host.sink_ack and sink_fail: of the records of this put. */
void sink_ack(struct leat_task *t, uint32_t index);
int sink_fail(struct leat_task *t, uint32_t index,
    const struct leat_err *err);

#endif
