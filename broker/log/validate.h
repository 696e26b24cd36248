/* SPDX-License-Identifier: Apache-2.0 */
/*
 * validate.h: what is asked of a batch before it is appended.
 */
#ifndef LEAT_BROKER_VALIDATE_H
#define LEAT_BROKER_VALIDATE_H

#include <leat/err.h>

#include "broker/log/batch.h"
#include "broker/topic_settings.h"

/*
 * Checks a client's batch as Kafka does and fills in the timestamps that are
 * the broker's (then with a new checksum). *ret_header gets the header as it
 * stands afterwards. When a record is at fault *ret_bad_record gets its index.
 */
int validate_batch(uint8_t *batch, size_t len, const struct topic_config *c,
    int64_t now_ms, struct batch_header *ret_header, int32_t *ret_bad_record,
    struct leat_err *err);

/* Only that it is one batch of the right magic, and not too large. */
int validate_size(const uint8_t *batch, size_t len,
    const struct topic_config *c, struct leat_err *err);

#endif
