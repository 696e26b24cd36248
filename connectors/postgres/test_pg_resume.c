/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pg_resume.c: history files of timelines, and the options of a stream.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "pg_resume.h"
#include "pg_command.h"

static void
test_timeline_end(void **state)
{
	static const char history[] = "# a comment\n"
	    "1\t0/3000000\tno recovery target specified\n\n"
	    "2\tA/5000028\tbefore 2000-01-01\n"
	    "12\t0/9000000\tx";

	assert_int_equal(pg_timeline_end(history, 1), 0x3000000);
	assert_int_equal(pg_timeline_end(history, 2), 0xa05000028);
	assert_int_equal(pg_timeline_end(history, 12), 0x9000000);
	assert_int_equal(pg_timeline_end(history, 3), 0);
	assert_int_equal(pg_timeline_end("", 1), 0);
	assert_int_equal(pg_timeline_end("1\t", 1), 0);
	assert_int_equal(pg_timeline_end("1\tnonsense\n", 1), 0);
}

static void
check_refused(const char *params, const char *part)
{
	struct leat_err err = LEAT_ERR_INIT;

	assert_int_equal(pg_command_check(params, &err), LEAT_E_CONFIG);
	if (strstr(err.text, part) == NULL)
		fail_msg("'%s' does not contain '%s'", err.text, part);
}

static void
test_params(void **state)
{
	struct leat_err err = LEAT_ERR_INIT;

	assert_int_equal(pg_command_check(NULL, &err), 0);
	assert_int_equal(pg_command_check("", &err), 0);
	assert_int_equal(pg_command_check("origin=none", &err), 0);
	assert_int_equal(pg_command_check(" a = b ;c_d=e=f;", &err), 0);
	check_refused("origin", "'origin' is not name=value");
	check_refused("=x", "is not name=value");
	check_refused("a=b;proto_version=4", "'proto_version' is set by");
	check_refused("a=b;x) y=1", "'x) y' is no name of an option");
	check_refused("Origin=none", "no name of an option");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_timeline_end),
		cmocka_unit_test(test_params),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
