/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of pg.h.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/harness/pg.h"
#include "tests/harness/proc.h"

static struct th_pg *pg;

static int
setup(void **state)
{
	const char *const settings[] = { "work_mem = 5MB", NULL };
	struct th_pg_opts opts = { .settings = settings };

	pg = th_pg_start(&opts);
	return 0;
}

static int
teardown(void **state)
{
	th_pg_free(pg);
	return 0;
}

static void
values(void **state)
{
	assert_string_equal(th_pg_value(pg, "show wal_level"), "logical");
	assert_string_equal(th_pg_value(pg, "show work_mem"), "5MB");
	assert_string_equal(th_pg_value(pg, "show fsync"), "off");
	assert_null(th_pg_value(pg, "select null"));
	assert_null(th_pg_value(pg, "select 1 where false"));
	assert_int_equal(th_pg_number(pg, "select %d + 1", 41), 42);
	assert_string_equal(th_pg_rows(pg,
	    "select i, i * 2 from generate_series(1, 2) i"), "1|2\n2|4\n");
	assert_string_equal(th_pg_try(pg, "select * from nothing"), "42P01");
	assert_string_equal(th_pg_try(pg, "select 1"), "00000");
	assert_true(th_pg_version() >= 13);
}

static void
tcp(void **state)
{
	PGconn *conn = PQconnectdb(th_pg_url(pg, NULL));

	assert_int_equal(PQstatus(conn), CONNECTION_OK);
	PQfinish(conn);
	conn = th_pg_connect(pg, "template1");
	th_pg_run(conn, "select 1");
	PQfinish(conn);
}

static void
restarts(void **state)
{
	uint16_t port = th_pg_port(pg);

	th_pg_exec(pg, "create table t (i int)");
	th_pg_exec(pg, "insert into t values (1)");
	th_pg_restart(pg);
	assert_int_equal(th_pg_number(pg, "select count(*) from t"), 1);
	th_pg_exec(pg, "insert into t values (2)");
	th_pg_stop_immediate(pg);
	assert_string_equal(th_pg_try(pg, "select 1"), "08006");
	th_pg_resume(pg);
	assert_int_equal(th_pg_number(pg, "select count(*) from t"), 2);
	th_pg_exec(pg, "insert into t values (3)");
	th_pg_kill(pg);
	assert_int_equal(th_pg_pid(pg), -1);
	assert_false(th_pg_wait(pg, "1", 20, "select 1"));
	th_pg_resume(pg);
	assert_true(th_pg_wait(pg, "3", 5000, "select count(*) from t"));
	assert_int_equal(th_pg_port(pg), port);
}

static void
settings(void **state)
{
	th_pg_set(pg, "wal_sender_timeout = 1234ms");
	th_pg_reload(pg);
	assert_true(th_pg_wait(pg, "1234ms", 5000, "show wal_sender_timeout"));
}

static void
second_server(void **state)
{
	struct th_pg_opts opts = { .name = "target", .fsync = true };
	struct th_pg *other = th_pg_start(&opts);

	assert_int_not_equal(th_pg_port(other), th_pg_port(pg));
	assert_string_equal(th_pg_value(other, "show fsync"), "on");
	th_pg_free(other);
	assert_false(th_exists(th_path("target")));
}

static void
programs(void **state)
{
	char *out;

	assert_int_equal(th_run(&out, th_pg_program("pg_recvlogical"), "-d",
	    th_pg_conninfo(pg), "--slot=s", "--create-slot",
	    "--plugin=pgoutput", NULL), 0);
	free(out);
	assert_string_equal(th_pg_value(pg,
	    "select plugin from pg_replication_slots where slot_name = 's'"),
	    "pgoutput");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),
		cmocka_unit_test(tcp),
		cmocka_unit_test(restarts),
		cmocka_unit_test(settings),
		cmocka_unit_test(second_server),
		cmocka_unit_test(programs),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
