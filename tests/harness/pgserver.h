/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pgserver.h: one PostgreSQL for all tests of a program: the group's setup and
 * teardown.
 */
#ifndef LEAT_TESTS_HARNESS_PGSERVER_H
#define LEAT_TESTS_HARNESS_PGSERVER_H

#include "tests/harness/pg.h"

static struct th_pg *pg;

static inline int
start_server(void **state)
{
	(void)state;
	pg = th_pg_start(NULL);
	return 0;
}

static inline int
stop_server(void **state)
{
	(void)state;
	th_pg_free(pg);
	pg = NULL;
	return 0;
}

#endif
