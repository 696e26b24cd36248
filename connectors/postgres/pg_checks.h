/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_checks.h: what must be true of the server before a task starts.
 *
 * Each refusal says what was found, what is needed, and the SQL that makes it
 * so. What works but may surprise is logged as a warning.
 */
#ifndef LEAT_PG_CHECKS_H
#define LEAT_PG_CHECKS_H

#include "pg_catalog.h"

struct pg_server {
	char system_id[24];
	uint32_t timeline;
	uint64_t log_end;	/* when it was asked */
	char db[256];
	int64_t wal_sender_timeout_ms;	/* 0: none */
};

/* Version, wal_level, primary or standby, rights of the role. */
int pg_check_server(struct pg_conn *c, struct pg_server *ret,
    struct leat_err *err);

/* The identity of the cluster, asked on a replication connection. */
int pg_check_system(struct pg_conn *repl, struct pg_server *srv,
    struct leat_err *err);

/*
 * Are there tables, may they be read (when a snapshot is needed), and can their
 * updates and deletes be published? Their identities are set before, as
 * replica.identity.autoset.values says.
 */
int pg_check_tables(struct pg_conn *c, const struct pg_config *cfg,
    struct pg_tables *tables, int need_select, struct leat_err *err);

#endif
