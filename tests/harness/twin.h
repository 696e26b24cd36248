/* SPDX-License-Identifier: Apache-2.0 */
/*
 * twin.h: tables that know all that became of them, and what a consumer makes
 * of their topics.
 *
 * The tables t0 .. t3 have triggers that note each change of a row, within its
 * transaction, in the table "journal". From the journal follows what the events
 * of each key must be, one by one and in order; the twin holds the topics
 * against it, applies the events, and compares what comes of it with the
 * tables, column by column. Keys are used again, moved and truncated.
 *
 *	t0, t1	REPLICA IDENTITY DEFAULT and FULL
 *	t2	gets more columns: "x<n> int DEFAULT <n>"
 *	t3	is truncated
 *
 * As in proc.h, what is wrong fails the running test.
 */
#ifndef LEAT_TESTS_HARNESS_TWIN_H
#define LEAT_TESTS_HARNESS_TWIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/harness/pg.h"
#include "tests/harness/reader.h"

enum { TH_TWIN_TABLES = 4, TH_TWIN_IDS = 2000, TH_TWIN_FIRST = 1000 };

struct th_twin;

/* Makes the tables, with TH_TWIN_FIRST rows each that no journal tells of. */
void th_twin_tables(struct th_pg *pg);

/* Topics are <prefix>.public.t0 and so on. */
struct th_twin *th_twin_new(struct th_worker *w, const char *prefix);
/* Accepts NULL. */
void th_twin_free(struct th_twin *t);

/* Reads what there is in the topics now. */
void th_twin_read(struct th_twin *t);

/*
 * Nobody writes now. Reads on until journal, topics and tables agree; the test
 * fails after the time. The first time only the tables are compared: there the
 * snapshot tells some of the changes.
 */
void th_twin_settle(struct th_twin *t, struct th_pg *pg, int timeout_ms);

/* Events taken but for those of snapshots; those of snapshots. */
size_t th_twin_changes(const struct th_twin *t);
size_t th_twin_rows(const struct th_twin *t);

/* Offsets of all records of a table's topic so far, in their order. */
const char *th_twin_topic(const struct th_twin *t, int table);
const int64_t *th_twin_offsets(const struct th_twin *t, int table,
    size_t *ret_n);

#endif
