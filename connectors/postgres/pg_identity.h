/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_identity.h: replica.identity.autoset.values: what old rows carry, set for
 * the captured tables at the start.
 */
#ifndef LEAT_PG_IDENTITY_H
#define LEAT_PG_IDENTITY_H

#include "pg_catalog.h"

/* Are the values well formed? */
int pg_identity_check(const struct leat_list *values, struct leat_err *err);

/*
 * Sets the identity of each table that a value names and that has another, and
 * notes it in `tables`.
 */
int pg_identity_apply(struct pg_conn *c, const struct pg_config *cfg,
    struct pg_tables *tables, struct leat_err *err);

#endif
