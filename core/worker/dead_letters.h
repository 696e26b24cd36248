/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dead_letters.h: the records that a sink could not deliver, kept in a topic
 * with the reason, as Kafka Connect keeps them.
 *
 * A dead letter is the record as it was read (key, value, headers, timestamp)
 * with headers __connect.errors.* behind its own. It is durable before the
 * offset of its record moves: dead_letters_flush() waits for the disk.
 */
#ifndef LEAT_CORE_WORKER_DEAD_LETTERS_H
#define LEAT_CORE_WORKER_DEAD_LETTERS_H

#include <leat/connector.h>
#include <leat/err.h>

#include "core/record/chain.h"

struct bus_message;
struct dead_letters;

/* `topic` is copied. Nothing is opened before the first letter. */
struct dead_letters *dead_letters_new(struct leat_task *t, const char *topic,
    bool headers);
void dead_letters_free(struct dead_letters *d);
int dead_letters_add(struct dead_letters *d, const struct bus_message *m,
    const struct chain_failure *failure, const struct leat_err *why,
    struct leat_err *err);
/* Waits until all added so far is durable. */
int dead_letters_flush(struct dead_letters *d, struct leat_err *err);
size_t dead_letters_held(const struct dead_letters *d);

#endif
