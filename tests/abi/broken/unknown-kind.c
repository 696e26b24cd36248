/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unknown-kind.c: neither a source nor a sink.
 */
#include "source.h"

LEAT_SINGLE_PLUGIN("unknown-kind", "1.0.0",
    .kind = 3,
    .source = &idle_ops)
