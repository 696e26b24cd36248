/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spread.h: the same for many things, by several threads: what waits for the
 * disk for each topic or partition takes a fraction of the time.
 */
#ifndef LEAT_BROKER_SPREAD_H
#define LEAT_BROKER_SPREAD_H

#include <stddef.h>

#include <leat/err.h>

typedef int spread_fn(void *arg, size_t i, struct leat_err *err);

/*
 * Calls fn for 0 .. n-1, in no order, on this thread and, where n is large, on
 * others; returns when all calls have ended. After a failure no more are begun:
 * it is the result. fn must not touch what another call of it does.
 */
int spread(size_t n, spread_fn *fn, void *arg, struct leat_err *err);

#endif
