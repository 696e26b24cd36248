/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_schema.h: the schemas of Debezium's events for PostgreSQL.
 */
#ifndef LEAT_PG_SCHEMA_H
#define LEAT_PG_SCHEMA_H

#include "pg_relation.h"

/* Fields of the source block and of the envelope, by place. */
enum pg_source_field {
	PG_SRC_VERSION,
	PG_SRC_CONNECTOR,
	PG_SRC_NAME,
	PG_SRC_TS_MS,
	PG_SRC_SNAPSHOT,
	PG_SRC_DB,
	PG_SRC_SEQUENCE,
	PG_SRC_TS_US,
	PG_SRC_TS_NS,
	PG_SRC_SCHEMA,
	PG_SRC_TABLE,
	PG_SRC_TXID,
	PG_SRC_LSN,
	PG_SRC_XMIN,
	PG_SRC_ORIGIN,
	PG_SRC_ORIGIN_LSN,
	PG_SRC_N
};

enum pg_envelope_field {
	PG_ENV_BEFORE,
	PG_ENV_AFTER,
	PG_ENV_SOURCE,
	PG_ENV_TRANSACTION,
	PG_ENV_OP,
	PG_ENV_TS_MS,
	PG_ENV_TS_US,
	PG_ENV_TS_NS,
	PG_ENV_N
};

/* The schema of the source block, interned. */
int pg_schema_source(struct leat_task *t, const struct leat_schema **ret,
    struct leat_err *err);

/*
 * Completes a plan whose columns are known: types, fields, key, schemas. The
 * relation's arena holds everything.
 */
int pg_schema_build(struct pg_relcache *rc, struct pg_relation *rel,
    struct leat_err *err);

/* The schemas of a heartbeat record, interned. */
int pg_schema_heartbeat(struct leat_task *t,
    const struct leat_schema **ret_key, const struct leat_schema **ret_value,
    struct leat_err *err);

#endif
