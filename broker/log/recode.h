/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recode.h: a topic's compression.type, when it is not the producer's.
 */
#ifndef LEAT_BROKER_RECODE_H
#define LEAT_BROKER_RECODE_H

#include <stdbool.h>

#include <leat/err.h>

#include "broker/log/batch.h"
#include "broker/topic_settings.h"

/* Is the batch compressed otherwise than the topic wants? */
bool recode_needed(const struct batch_header *h, const struct topic_config *c);
/*
 * The same records, with the same producer and times, in the topic's
 * compression: *ret_batch, which is *ret_builder's (the caller frees it), and
 * its header. Sizes are checked again.
 */
int recode(const uint8_t *batch, size_t len, const struct topic_config *c,
    struct batch_builder **ret_builder, uint8_t **ret_batch, size_t *ret_len,
    struct batch_header *ret_header, struct leat_err *err);

#endif
