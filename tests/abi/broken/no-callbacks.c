/* SPDX-License-Identifier: Apache-2.0 */
/*
 * no-callbacks.c: a sink that has the callbacks of a source.
 */
#include "source.h"

LEAT_SINGLE_PLUGIN("no-callbacks", "1.0.0",
    .kind = LEAT_SINK,
    .source = &idle_ops)
