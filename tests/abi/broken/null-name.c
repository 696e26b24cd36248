/* SPDX-License-Identifier: Apache-2.0 */
/*
 * null-name.c: a plugin without a name.
 */
#include "source.h"

LEAT_SINGLE_PLUGIN(NULL, "1.0.0",
    .kind = LEAT_SOURCE,
    .source = &idle_ops)
