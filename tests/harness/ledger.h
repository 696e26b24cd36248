/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger.h: did every committed change of a table arrive, once and in order?
 *
 * The table "item" has a row per key with a revision that each update raises by
 * one; ids are never used again and what is deleted is noted in "gone". So the
 * events of a key must be c1 u2 u3 .. dN, without a hole, and in the end the
 * last one of each key must be what the database says.
 *
 * As in proc.h, what is wrong fails the running test.
 */
#ifndef LEAT_TESTS_HARNESS_LEDGER_H
#define LEAT_TESTS_HARNESS_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/harness/pg.h"
#include "tests/harness/reader.h"

struct th_ledger;

/* Makes the tables, with `rows` rows that are never deleted. */
void th_ledger_tables(struct th_pg *pg, int rows);

/*
 * Load from `clients` connections until it is stopped, `rate` transactions a
 * second in all: inserts, updates of the lasting rows (single and many),
 * deletes, roll-backs and savepoints. It is a process of its own, which ends
 * when the server does.
 */
struct th_proc *th_ledger_load(struct th_pg *pg, int clients, int rate,
    uint32_t seed);

enum {
	/* An event may come again (at least once). */
	TH_LEDGER_REPEATS = 1,
	/*
	 * A key that came and went before the capture began is not missed, nor
	 * is what came before its delete.
	 */
	TH_LEDGER_LATE = 2
};

struct th_ledger *th_ledger_new(int flags);
void th_ledger_free(struct th_ledger *l);

/* Takes a change event (a Debezium envelope in JSON). */
void th_ledger_take(struct th_ledger *l, const char *event);
/* For th_reader_read(): tombstones are left out. arg is the ledger. */
void th_ledger_record(void *arg, const struct th_record *rec);

/* Events taken: changes without those of the snapshot; and repeated ones. */
size_t th_ledger_changes(const struct th_ledger *l);
size_t th_ledger_repeats(const struct th_ledger *l);

/*
 * Holds the ledger against the database, that nobody changes now. The number of
 * keys that differ; the first few are said on stderr when `say`.
 */
size_t th_ledger_differences(struct th_ledger *l, struct th_pg *pg, bool say);

/* Reads on until there is no difference; the test fails after the time. */
void th_ledger_settle(struct th_ledger *l, struct th_pg *pg,
    struct th_reader *r, int timeout_ms);

#endif
