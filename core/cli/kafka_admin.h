/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_admin.h: one admin request and its answer.
 *
 *	struct kafka_call c;
 *
 *	kafka_call_begin(k, &c);
 *	rdk.DeleteTopics(k->rk, topics, n, c.options, c.queue);
 *	rc = kafka_call_wait(&c, "cannot delete topics");
 *	if (rc == EXIT_OK)
 *		... rdk.event_DeleteTopics_result(c.event) ...
 *	kafka_call_end(&c);
 */
#ifndef LEAT_CORE_CLI_KAFKA_ADMIN_H
#define LEAT_CORE_CLI_KAFKA_ADMIN_H

#include "core/cli/kafka_client.h"

struct kafka_call {
	struct kafka *k;
	rd_kafka_queue_t *queue;
	rd_kafka_AdminOptions_t *options;
	rd_kafka_event_t *event;	/* the answer */
};

void kafka_call_begin(struct kafka *k, struct kafka_call *ret_call);
/*
 * Waits for the answer. 0, or the exit code after having printed `what` and why
 * the request as a whole failed; its parts may still have failed.
 */
int kafka_call_wait(struct kafka_call *c, const char *what);
void kafka_call_end(struct kafka_call *c);

/*
 * Prints why topics failed, of an answer made of them; verb as in "cannot
 * <verb> topic". Errors equal to `fine` are none. The exit code.
 */
int kafka_topic_results(const struct kafka *k,
    const rd_kafka_topic_result_t **results, size_t n, const char *verb,
    rd_kafka_resp_err_t fine);

/* The same for groups. */
int kafka_group_results(const struct kafka *k,
    const rd_kafka_group_result_t **results, size_t n, const char *verb);

/*
 * The settings of one topic, by name. entries belong to the call, which must be
 * ended. 0, or the exit code after having printed why.
 */
int kafka_topic_config(struct kafka *k, struct kafka_call *c,
    const char *topic, const rd_kafka_ConfigEntry_t ***ret_entries,
    size_t *ret_n);

#endif
