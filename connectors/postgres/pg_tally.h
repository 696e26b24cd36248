/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_tally.h: events of each table since the task began, for its status.
 */
#ifndef LEAT_PG_TALLY_H
#define LEAT_PG_TALLY_H

#include <stdint.h>

#include <leat/arena.h>
#include <leat/buf.h>
#include <leat/map.h>

enum pg_op { PG_OP_C, PG_OP_U, PG_OP_D, PG_OP_T, PG_OP_R, PG_OPS };

struct pg_tally {
	const char *table;	/* schema.table */
	int64_t events[PG_OPS];
};

struct pg_tallies {
	struct leat_map map;	/* by schema.table */
	struct leat_arena arena;
};

enum {
	PG_TALLY_TABLES_MAX = 100000,	/* others are not counted */
	PG_TALLY_SHOWN = 100		/* those with the most events */
};

void pg_tallies_init(struct pg_tallies *t);
/* Accepts a zeroed one. */
void pg_tallies_fini(struct pg_tallies *t);

/* The count of a table, which lives as long as t; NULL: it is not counted. */
struct pg_tally *pg_tallies_of(struct pg_tallies *t, const char *schema,
    const char *table);

/* A member of the status with a comma in front; nothing without events. */
void pg_tallies_status(const struct pg_tallies *t, struct leat_buf *b);

#endif
