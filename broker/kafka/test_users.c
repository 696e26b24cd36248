/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_users.c: the users file: what its lines may say, and changing them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/kafka/users.h"
#include "core/base/fsio.h"
#include "core/base/obj.h"

#define SALT "W22ZaJ0SNY7soEsUEjb6gQ=="
#define KEY32 "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="
#define LINE256 "SCRAM-SHA-256$4096:" SALT "$" KEY32 ":" KEY32

static struct users *
parse(const char *text, struct access_problems *problems)
{
	struct users *u = NULL;

	access_problems_init(problems, "users");
	(void)users_parse(leat_str_c(text), problems, &u);
	return u;
}

static void
lines_of_a_user_are_merged(void **state)
{
	struct access_problems p;
	struct users *u = parse("# people\n\n  bob : " LINE256 "  \r\n"
	    "alice:PLAIN$a pass:word$\n" "bob:PLAIN$b\n", &p);
	const struct user *bob;

	assert_non_null(u);
	assert_int_equal(u->n, 2);
	bob = users_find(u, "bob");
	assert_non_null(bob);
	assert_int_equal(bob->scram[SCRAM_SHA_256].iterations, 4096);
	assert_int_equal(bob->scram[SCRAM_SHA_512].mechanism, 0);
	assert_string_equal(bob->password, "b");
	assert_string_equal(users_find(u, "alice")->password,
	    "a pass:word$");
	assert_null(users_find(u, "carol"));
	assert_null(users_find(u, ""));
	users_put(u);
	access_problems_fini(&p);
}

static void
every_problem_is_told_with_its_line(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "alice", "users:1: want name:secret\n" },
		{ "\nalice:x", "users:2: want SCRAM-SHA-256$, SCRAM-SHA-512$ "
		    "or PLAIN$\n" },
		{ "alice:PLAIN$", "users:1: the password is empty\n" },
		{ ":PLAIN$x", "users:1: the name is empty\n" },
		{ "a\tb:PLAIN$x", "users:1: the name has a colon or a control "
		    "character\n" },
		{ "\xff:PLAIN$x", "users:1: the name is not UTF-8\n" },
		{ "a:PLAIN$x\nb:PLAIN$y\na:PLAIN$z",
		    "users:3: 'a' has a line of this kind already\n" },
		{ "a:" LINE256 "\na:" LINE256,
		    "users:2: 'a' has a line of this kind already\n" },
		{ "a:SCRAM-SHA-256$1:" SALT "$" KEY32 ":" KEY32 "\nb",
		    "users:1: the iterations are no number from 4096 to "
		    "1000000\nusers:2: want name:secret\n" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct leat_err err = LEAT_ERR_INIT;
		struct access_problems p;

		assert_null(parse(rows[i].text, &p));
		(void)leat_buf_add_byte(&p.text, 0);
		assert_string_equal(p.text.data, rows[i].want);
		assert_true(access_problems_err(&p, &err) < 0);
		assert_memory_equal(err.text, rows[i].want, 8);
		access_problems_fini(&p);
	}
}

static void
a_secret_is_in_no_message(void **state)
{
	struct access_problems p;

	assert_null(parse("a:PLAIN$hunter2\na:PLAIN$hunter2\n"
	    "b:SCRAM-SHA-256$4096:hunter2\nc:hunter2", &p));
	(void)leat_buf_add_byte(&p.text, 0);
	assert_int_equal(p.n, 3);
	assert_null(strstr((char *)p.text.data, "hunter2"));
	access_problems_fini(&p);
}

static void
an_edit_leaves_the_rest_alone(void **state)
{
	static const char text[] = "# people\nalice:" LINE256 "\n"
	    "bob:PLAIN$b\n\ncarol:" LINE256 " \nbob:" LINE256;
	struct scram_credential c;
	struct user_change changes[] = {
		{ .name = "alice", .mechanism = SCRAM_SHA_256 },
		{ .name = "bob", .all = true },
		{ .name = "dora", .mechanism = SCRAM_SHA_256, .set = &c },
		{ .name = "carol", .mechanism = SCRAM_SHA_256, .set = &c },
	};
	const char *why = "";
	struct leat_buf out;

	assert_int_equal(scram_decode(leat_str_c("SCRAM-SHA-256$5000:" SALT
	    "$" KEY32 ":" KEY32), &c, &why), 0);
	leat_buf_init(&out, 1 << 16);
	assert_int_equal(users_edit(leat_str_c(text), changes,
	    ARRAY_LEN(changes), &out), 0);
	assert_string_equal(leat_buf_cstr(&out), "# people\n\n"
	    "carol:SCRAM-SHA-256$5000:" SALT "$" KEY32 ":" KEY32 "\n"
	    "dora:SCRAM-SHA-256$5000:" SALT "$" KEY32 ":" KEY32 "\n");
	leat_buf_fini(&out);
}

/* ----------------------------------------------------------------- files */

static char dir[] = "/tmp/test_users.XXXXXX";

static const char *
path_of(const char *name)
{
	static char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void
put_file(const char *path, const char *text, mode_t mode)
{
	struct leat_err err = LEAT_ERR_INIT;

	assert_int_equal(fsio_replace(&fsio_system, path, text, strlen(text),
	    0600, &err), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static int
set_up(void **state)
{
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	(void)unlink(path_of("users"));
	return rmdir(dir);
}

static void
a_file_that_all_may_read_is_refused(void **state)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct access_file f;
	char *text = NULL;
	size_t len;

	put_file(path_of("users"), "a:PLAIN$x\n", 0644);
	assert_int_equal(access_file_init(&f, path_of("users"), true, &err),
	    0);
	assert_true(access_file_read(&f, &text, &len, &err) < 0);
	assert_non_null(strstr(err.text, "open to everybody (mode 0644)"));
	/* Told once, until it changes. */
	assert_false(access_file_changed(&f));
	assert_int_equal(chmod(f.path, 0640), 0);
	assert_true(access_file_changed(&f));
	assert_int_equal(access_file_read(&f, &text, &len, &err), 0);
	assert_false(access_file_changed(&f));
	access_text_free(text, len);
	assert_int_equal(unlink(f.path), 0);
	assert_true(access_file_changed(&f));
	assert_true(access_file_read(&f, &text, &len, &err) < 0);
	assert_non_null(strstr(err.text, "No such file"));
	assert_false(access_file_changed(&f));
	access_file_fini(&f);
}

static void
a_change_keeps_the_mode_and_waits_for_nobody(void **state)
{
	struct user_change change = { .name = "a", .all = true };
	struct leat_err err = LEAT_ERR_INIT;
	struct access_file f;
	struct users *users = NULL;
	struct stat st;
	int fd, second;

	put_file(path_of("users"), "a:PLAIN$x\nb:PLAIN$y\n", 0640);
	assert_int_equal(access_file_init(&f, path_of("users"), true, &err),
	    0);
	fd = access_file_lock(&f, &err);
	assert_true(fd >= 0);
	second = access_file_lock(&f, &err);
	assert_true(second < 0);
	assert_non_null(strstr(err.text, "somebody else is changing it"));
	assert_int_equal(users_change(&f, &change, 1, &users, &err), 0);
	assert_int_equal(users->n, 1);
	users_put(users);
	(void)close(fd);
	assert_int_equal(stat(f.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_false(access_file_changed(&f));
	/* The lock was that of the file before. */
	fd = access_file_lock(&f, &err);
	assert_true(fd >= 0);
	(void)close(fd);
	access_file_fini(&f);
}

static void
a_file_with_mistakes_is_not_changed(void **state)
{
	struct user_change change = { .name = "a", .all = true };
	struct leat_err err = LEAT_ERR_INIT;
	struct access_file f;
	struct users *users = NULL;
	char *text = NULL;
	size_t len;

	put_file(path_of("users"), "a:PLAIN$x\nnonsense\n", 0600);
	assert_int_equal(access_file_init(&f, path_of("users"), true, &err),
	    0);
	assert_true(users_change(&f, &change, 1, &users, &err) < 0);
	assert_non_null(strstr(err.text, ":1: want name:secret"));
	assert_int_equal(access_file_read(&f, &text, &len, &err), 0);
	assert_string_equal(text, "a:PLAIN$x\nnonsense\n");
	access_text_free(text, len);
	access_file_fini(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_a_user_are_merged),
		cmocka_unit_test(every_problem_is_told_with_its_line),
		cmocka_unit_test(a_secret_is_in_no_message),
		cmocka_unit_test(an_edit_leaves_the_rest_alone),
		cmocka_unit_test(a_file_that_all_may_read_is_refused),
		cmocka_unit_test(a_change_keeps_the_mode_and_waits_for_nobody),
		cmocka_unit_test(a_file_with_mistakes_is_not_changed),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
