/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pg_guard.c: when the budget of the server's log is spent, by the clock
 * and by bytes, and what then.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <leat/fake_host.h>

#include "pg_guard.h"
#include "pg_source.h"

enum { MB = 1 << 20 };

static struct leat_fake *f;
static struct pg_config cfg;
static struct pg_guard g;
static struct leat_err err;

static int
setup(void **state)
{
	(void)state;
	f = leat_fake_new(&pg_source_connector);
	leat_fake_set_clock(f, INT64_C(1000000000));
	cfg = (struct pg_config){ .slot = "s", .wal_bytes = 100 * (int64_t)MB,
		.wal_age_ms = 60000, .wal_action = PG_WAL_HOLD_SNAPSHOTS };
	pg_guard_init(&g, leat_fake_task(f), &cfg);
	leat_err_clear(&err);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	leat_fake_free(f);
	return 0;
}

/* A look at a slot after some seconds; is the budget spent? */
static int
over(int seconds, uint64_t restart_lsn, int64_t retained_mb)
{
	struct pg_slot slot = { .exists = 1, .restart_lsn = restart_lsn,
		.retained_bytes = retained_mb * MB, .wal_status = "reserved" };

	leat_fake_add_clock(f, seconds * INT64_C(1000000));
	assert_int_equal(pg_guard_look(&g, &slot, &err), 0);
	assert_int_equal(pg_guard_holds(&g), g.over);
	return g.over;
}

static void
test_bytes(void **state)
{
	(void)state;
	assert_false(over(0, 5, 100));
	assert_true(over(1, 6, 101));
	assert_true(over(1, 7, 102));
	assert_false(over(1, 8, 10));
	cfg.wal_bytes = 0;
	assert_false(over(1, 9, 1000000));
}

static void
test_age(void **state)
{
	(void)state;
	cfg.wal_bytes = 0;
	assert_false(over(0, 5, 70));
	assert_false(over(60, 5, 80));
	assert_true(over(1, 5, 90));
	assert_false(over(1, 6, 90));	/* it moved */
	assert_false(over(60, 6, 90));
	assert_true(over(1, 6, 90));
	assert_false(over(1, 6, 63));	/* nothing piles up */
	assert_false(over(1000, 6, 63));
	assert_false(over(60, 6, 64));
	assert_true(over(1, 6, 64));
}

static void
test_give_up(void **state)
{
	struct pg_slot slot = { .exists = 1, .restart_lsn = 1,
		.retained_bytes = 101 * (int64_t)MB };

	(void)state;
	cfg.wal_action = PG_WAL_GIVE_UP;
	assert_int_equal(pg_guard_look(&g, &slot, &err), LEAT_E_STATE);
	assert_int_equal(err.cls, LEAT_CLS_RETRY);
	assert_non_null(strstr(err.text, "retains 105906176 bytes, more than "
	    "104857600"));
	assert_int_equal(g.gave_up, 1);
	assert_false(pg_guard_holds(&g));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_age, setup, teardown),
		cmocka_unit_test_setup_teardown(test_give_up, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
