/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of proc.h.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/harness/proc.h"

static void
files(void **state)
{
	const char *path = th_path("a-%d", 1);
	size_t len;
	char *s;

	assert_false(th_exists(path));
	assert_false(th_file_has(path, "x"));
	th_write_text(path, "one\ntwo\n");
	assert_true(th_file_has(path, "two"));
	s = th_slurp(path, &len);
	assert_string_equal(s, "one\ntwo\n");
	assert_int_equal(len, 8);
	free(s);
	th_mkdir(th_path("d"));
	th_write_text(th_path("d/e"), "");
	th_remove(th_path("d"));
	assert_false(th_exists(th_path("d")));
}

static bool
third_time(void *arg)
{
	int *n = arg;

	return ++*n >= 3;
}

static bool
never(void *arg)
{
	return false;
}

static void
waiting(void **state)
{
	int64_t start = th_now_ms();
	int n = 0;

	assert_true(th_wait_until(third_time, &n, 5000));
	assert_false(th_wait_until(never, NULL, 30));
	assert_true(th_now_ms() - start >= 30);
	TH_WAIT(third_time(&n), 1000);
}

static void
ports(void **state)
{
	assert_int_not_equal(th_free_port(), th_free_port());
}

static void
run(void **state)
{
	char *out;

	assert_int_equal(th_run(&out, "sh", "-c", "echo hi; exit 3", NULL), 3);
	assert_string_equal(out, "hi\n");
	free(out);
}

static void
stop_and_kill(void **state)
{
	struct th_proc *p;
	int status;

	p = th_proc_spawn("sleep", "100", NULL);
	assert_true(th_proc_running(p));
	assert_false(th_proc_wait(p, 10, NULL));
	assert_int_equal(th_proc_stop(p, 5000), 128 + SIGTERM);
	assert_int_equal(th_proc_stop(p, 5000), 128 + SIGTERM);
	th_proc_free(p);

	p = th_proc_spawn("sh", "-c", "trap '' TERM; echo up; while :; do "
	    "sleep 0.05; done", NULL);
	TH_WAIT(th_proc_said(p, "up"), 5000);
	assert_int_equal(th_proc_stop(p, 50), 128 + SIGKILL);
	th_proc_free(p);

	p = th_proc_spawn("sleep", "100", NULL);
	th_proc_kill(p);
	assert_true(th_proc_wait(p, 0, &status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	th_proc_free(p);
}

static void
environment(void **state)
{
	const char *const argv[] = { "sh", "-c", "echo $A $TMPDIR; cat", NULL };
	const char *const env[] = { "A=b", "TMPDIR=/x", NULL };
	struct th_proc_opts opts = { .argv = argv, .env = env, .name = "env",
		.input = th_path("in") };
	struct th_proc *p;

	th_write_text(th_path("in"), "input\n");
	p = th_proc_start(&opts);
	assert_true(th_proc_wait(p, 5000, NULL));
	assert_string_equal(th_proc_output(p), th_path("env.log"));
	assert_true(th_file_has(th_path("env.log"), "b /x\ninput\n"));
	th_proc_free(p);
}

static bool
gone(pid_t pid)
{
	const char *stat = th_text("/proc/%d/stat", (int)pid);

	/* Nobody may be there to reap it: a zombie is gone enough. */
	return !th_exists(stat) || th_file_has(stat, ") Z ");
}

/* A child does not outlive its test, even one that was killed. */
static void
death_of_the_test(void **state)
{
	pid_t pid, grandchild = 0;
	int fds[2], status;

	assert_int_equal(pipe(fds), 0);
	if ((pid = fork()) == 0) {
		struct th_proc *p = th_proc_spawn("sleep", "100", NULL);

		grandchild = th_proc_pid(p);
		if (write(fds[1], &grandchild, sizeof(grandchild)) > 0)
			kill(getpid(), SIGKILL);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(read(fds[0], &grandchild, sizeof(grandchild)),
	    sizeof(grandchild));
	assert_true(grandchild > 1);
	TH_WAIT(gone(grandchild), 5000);
	close(fds[0]);
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files),
		cmocka_unit_test(waiting),
		cmocka_unit_test(ports),
		cmocka_unit_test(run),
		cmocka_unit_test(stop_and_kill),
		cmocka_unit_test(environment),
		cmocka_unit_test(death_of_the_test),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
