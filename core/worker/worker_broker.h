/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker_broker.h: the worker's settings as those of the broker and of its port
 * for Kafka's clients.
 */
#ifndef LEAT_CORE_WORKER_WORKER_BROKER_H
#define LEAT_CORE_WORKER_WORKER_BROKER_H

#include <stdint.h>

#include <leat/arena.h>
#include <leat/err.h>

struct broker;
struct broker_listener;
struct metrics;
struct worker_options;

/*
 * Raises the limit of open files, and says how many there may be, without a few
 * for what the worker itself has open. Of them five of eight are for Kafka's
 * clients, a quarter for the files of topics.
 */
int64_t worker_descriptors(void);
/* What it is made of beyond the settings is in `memory`. */
int worker_open_broker(const struct worker_options *set, int64_t descriptors,
    struct metrics *metrics, struct leat_arena *memory,
    struct broker **ret_broker, struct leat_err *err);
/* 0 without a listener where the settings name no address. */
int worker_open_listener(const struct worker_options *set,
    int64_t descriptors, struct broker *broker,
    struct broker_listener **ret_listener, struct leat_err *err);

#endif
