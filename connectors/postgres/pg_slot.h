/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_slot.h: the publication and the replication slot on the server.
 *
 * The publication must be there before the slot: changes that were written
 * while it was missing cannot be decoded.
 */
#ifndef LEAT_PG_SLOT_H
#define LEAT_PG_SLOT_H

#include "pg_catalog.h"

/* Creates or adjusts the publication as publication.autocreate.mode says. */
int pg_publication_ensure(struct pg_conn *c, const struct pg_config *cfg,
    const struct pg_tables *tables, struct leat_err *err);

struct pg_slot {
	int exists;
	int lost;		/* the server threw its log away */
	int active_pid;		/* 0: nobody uses it */
	uint64_t restart_lsn;
	uint64_t confirmed_lsn;
	int64_t catalog_xmin;	/* 0: none */
	int64_t retained_bytes;	/* log that is kept for it */
	int64_t oldest_tx_s;	/* age of the server's oldest transaction */
	int failover;		/* a standby keeps a copy (17 and newer) */
	int two_phase;		/* transactions come at their PREPARE */
	char wal_status[16];
	char reason[32];	/* of the invalidation, from 17 on */
};

/* Looks at the slot; a slot of another kind or database is an error. */
int pg_slot_read(struct pg_conn *c, const char *name, struct pg_slot *ret,
    struct leat_err *err);

/* Why a lost slot is lost, in words. */
const char *pg_slot_lost_reason(const struct pg_slot *slot);

/* What CREATE_REPLICATION_SLOT gives. */
struct pg_new_slot {
	uint64_t consistent_lsn;
	char snapshot[64];	/* to import, while the connection idles */
};

/*
 * Creates the slot on a replication connection; waits for the transactions
 * that run now. `temporary`: it dies with the connection.
 */
int pg_slot_create(struct pg_conn *repl, const struct pg_config *cfg,
    const char *name, int temporary, struct pg_new_slot *ret,
    struct leat_err *err);

int pg_slot_drop(struct pg_conn *c, const char *name, struct leat_err *err);

#endif
