/* SPDX-License-Identifier: Apache-2.0 */
/*
 * budget.h: one bound in bytes for everything that buffers records.
 *
 * Whoever is about to hold records takes their size from the budget first and
 * waits when there is none left: that is the back-pressure. Each holder is
 * guaranteed a minimum share, so that a sink can always drain what a source
 * filled. @thread any.
 */
#ifndef LEAT_CORE_BASE_BUDGET_H
#define LEAT_CORE_BASE_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct budget;
struct budget_share;

struct budget *budget_new(size_t limit_bytes);
void budget_free(struct budget *b);

/*
 * Opens a holder with min_bytes set aside for it; NULL when memory is out or
 * the minimum no longer fits the limit.
 */
struct budget_share *budget_join(struct budget *b, size_t min_bytes);
/* Gives everything back; when it returns, fn is not called any more. */
void budget_leave(struct budget_share *s);	/* accepts NULL */

/*
 * true and taken, or false: then fn(arg) is called once when it may fit, on the
 * thread of whoever gave; it must be brief and not leave. A share has one
 * waiter: a later take replaces it. What could never fit is granted to a share
 * that holds nothing.
 */
bool budget_take(struct budget_share *s, size_t bytes, void (*fn)(void *),
    void *arg);
void budget_give(struct budget_share *s, size_t bytes);

size_t budget_used(const struct budget *b);
size_t budget_limit(const struct budget *b);

#endif
