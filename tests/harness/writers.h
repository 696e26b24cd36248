/* SPDX-License-Identifier: Apache-2.0 */
/*
 * writers.h: load on the tables of twin.h, of all kinds: single changes and
 * large transactions, roll-backs, savepoints, keys that move, TOASTed values,
 * prepared transactions, TRUNCATE and ALTER TABLE.
 *
 * Each writer is a thread with a connection by the unix socket; when the server
 * goes away it waits for it. What they do follows from the seed.
 */
#ifndef LEAT_TESTS_HARNESS_WRITERS_H
#define LEAT_TESTS_HARNESS_WRITERS_H

#include <stddef.h>
#include <stdint.h>

#include "tests/harness/pg.h"

struct th_writers;

/* Starts n of them; each waits up to nap_ms between two transactions. */
struct th_writers *th_writers_start(struct th_pg *pg, int n, int nap_ms,
    uint64_t seed);
/* Ends them. Accepts NULL. */
void th_writers_free(struct th_writers *ws);

/*
 * Returns when no transaction is open and none is left prepared; the server
 * must be there. What the server refused without cause fails the test.
 */
void th_writers_pause(struct th_writers *ws, int timeout_ms);
void th_writers_go_on(struct th_writers *ws);

/* Transactions committed so far, as far as they were told. */
size_t th_writers_commits(struct th_writers *ws);

#endif
