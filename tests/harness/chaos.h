/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chaos.h: a worker that captures from PostgreSQL through a wire (th_wire.h),
 * and what may happen to the three of them at random: kills, stops, cuts, and
 * what people do meanwhile.
 */
#ifndef LEAT_TESTS_HARNESS_CHAOS_H
#define LEAT_TESTS_HARNESS_CHAOS_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/harness/pg.h"
#include "tests/harness/th_worker.h"
#include "tests/harness/th_wire.h"

/* The source's name. It captures t0 .. t9, with the topic prefix "chaos". */
#define TH_CHAOS_SOURCE "chaos"

struct th_chaos {
	uint64_t dice;		/* the seed, and then what it became */
	struct th_pg *pg;	/* with a database "other", table "noise" */
	struct th_wire *wire;	/* to it */
	struct th_worker *w;
	bool worker_up, server_up, frozen, stalled;
	bool spare;		/* the worker is not to be ended */
	int edits;		/* of the source's file */
};

/* Puts the source's file into the worker's directory. */
void th_chaos_source(struct th_chaos *c);

/* Is there a worker that answers? */
bool th_chaos_worker(const struct th_chaos *c);

/*
 * Lets something happen, and says what; now and then nothing can. When the next
 * is due, by th_now_ms().
 */
int64_t th_chaos_trouble(struct th_chaos *c);
/* Ends what lasts and has had its time; or all, so that everything is well. */
void th_chaos_mend(struct th_chaos *c, bool all);
/* Says how often what happened. */
void th_chaos_tell(void);

/* Log of the server that is not ours: a transaction in "other". */
void th_chaos_noise(struct th_chaos *c);

#endif
