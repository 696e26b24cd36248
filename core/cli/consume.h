/* SPDX-License-Identifier: Apache-2.0 */
/*
 * consume.h: what `leat consume` knows while it runs. All of it belongs to the
 * main thread.
 */
#ifndef LEAT_CORE_CLI_CONSUME_H
#define LEAT_CORE_CLI_CONSUME_H

#include <stdbool.h>
#include <stdint.h>

#include <leat/arena.h>
#include <leat/buf.h>

#include "core/cli/kafka_client.h"
#include "core/cli/record_text.h"

struct consume {
	struct kafka k;
	rd_kafka_queue_t *queue;
	bool group;		/* else partitions were given by us */
	bool assigned;		/* the group has given us partitions once */
	bool json;
	bool exit_eof;
	int64_t left;		/* records to print; -1: no limit */
	struct record_format format;
	/* Without a group: what we read; opaque is not NULL at its end. */
	rd_kafka_topic_partition_list_t *parts;
	/* Where the group goes on, of what is in `out` or written. */
	rd_kafka_topic_partition_list_t *done;
	struct leat_buf out;
	struct leat_arena work;	/* of one record's JSON */
	struct leat_arena record;	/* of one record's headers */
	bool closed;		/* nobody reads our output any more */
	int exit_code;
};

/* Reads until the count, the ends, a signal or an error; an exit code. */
int consume_run(struct consume *c);
/* For rd_kafka_conf_set_rebalance_cb; arg is the struct consume's k. */
void consume_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
    rd_kafka_topic_partition_list_t *parts, void *arg);
/* Writes what is in `out`, then the group may go on behind it. */
void consume_flush(struct consume *c);

#endif
