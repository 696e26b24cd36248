/* SPDX-License-Identifier: Apache-2.0 */
/*
 * no-poll.c: a source without poll().
 */
#include "source.h"

static const struct leat_source_ops ops = IDLE_SOURCE_OPS(
    sizeof(struct leat_source_ops), NULL);

LEAT_SINGLE_PLUGIN("no-poll", "1.0.0",
    .kind = LEAT_SOURCE,
    .source = &ops)
