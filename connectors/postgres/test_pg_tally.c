/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pg_tally.c: the tables with the most events are shown, in their order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pg_tally.h"

static void
test_counts(void **state)
{
	struct pg_tallies t;
	struct pg_tally *a, *b;
	struct leat_buf out;

	(void)state;
	pg_tallies_init(&t);
	leat_buf_init(&out, 1 << 20);
	a = pg_tallies_of(&t, "s", "a\"");
	b = pg_tallies_of(&t, "s", "b");
	assert_ptr_equal(pg_tallies_of(&t, "s", "b"), b);
	assert_non_null(pg_tallies_of(&t, "s", "silent"));
	pg_tallies_status(&t, &out);
	assert_int_equal(out.len, 0);
	a->events[PG_OP_C] = 2;
	b->events[PG_OP_R] = 5;
	b->events[PG_OP_T] = 1;
	pg_tallies_status(&t, &out);
	assert_string_equal(leat_buf_cstr(&out), ",\"events\":["
	    "{\"table\":\"s.b\",\"create\":0,\"update\":0,\"delete\":0,"
	    "\"truncate\":1,\"read\":5},"
	    "{\"table\":\"s.a\\\"\",\"create\":2,\"update\":0,\"delete\":0,"
	    "\"truncate\":0,\"read\":0}]");
	leat_buf_fini(&out);
	pg_tallies_fini(&t);
}

/* Of many, in whatever order they come, the largest stay. */
static void
test_many(void **state)
{
	struct pg_tallies t;
	struct leat_buf out;
	char name[32];
	const char *at;

	(void)state;
	pg_tallies_init(&t);
	leat_buf_init(&out, 1 << 20);
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(name, sizeof(name), "t%d", i * 7 % 1000);
		pg_tallies_of(&t, "s", name)->events[PG_OP_U] = i * 7 % 1000;
	}
	pg_tallies_status(&t, &out);
	at = leat_buf_cstr(&out);
	for (int i = 0; i < PG_TALLY_SHOWN; i++) {
		(void)snprintf(name, sizeof(name), "\"s.t%d\"", 999 - i);
		at = strstr(at, name);
		assert_non_null(at);
	}
	assert_null(strstr(leat_buf_cstr(&out), "\"s.t899\""));
	leat_buf_fini(&out);
	pg_tallies_fini(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
