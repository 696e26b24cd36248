/* SPDX-License-Identifier: Apache-2.0 */
/* test: timeout=900 */
/*
 * test_kafka_history.c: real producers, transactions and consumer groups
 * (tests/clients/history_run.py) while the worker is killed, started again,
 * stopped and continued at random; then their whole history is checked for
 * lost, doubled, reordered and too early records.
 *
 * LEAT_LONG=1 goes on for minutes, LEAT_SEED repeats the clients' choices.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/harness/proc.h"
#include "tests/harness/th_worker.h"

#define PYTHON "/usr/bin/python3"

enum {
	SHORT_MS = 15000,
	LONG_MS = 300000,
	END_MS = 150000,
	TEXT_MAX = 6000
};

struct chance {
	unsigned short x[3];
};

static long
between(struct chance *c, long low, long high)
{
	return low + nrand48(c->x) % (high - low + 1);
}

static bool
have_python(void)
{
	return th_run(NULL, "sh", "-c", "test -x " PYTHON " && " PYTHON
	    " -c 'import confluent_kafka'", NULL) == 0;
}

static struct th_proc *
python(const char *script, const char *arg1, const char *arg2,
    const char *arg3)
{
	return th_proc_spawn(PYTHON, "-B", th_text("%s/tests/clients/%s",
	    th_src_dir(), script), arg1, arg2, arg3, NULL);
}

static void
check_end(struct th_proc *p, int timeout_ms)
{
	int status = -1;
	bool ended = th_proc_wait(p, timeout_ms, &status);
	char *text = th_proc_text(p);
	size_t len = strlen(text);

	if (!ended || status != 0)
		(void)fprintf(stderr, "%s\n",
		    len > TEXT_MAX ? text + len - TEXT_MAX : text);
	free(text);
	assert_true(ended);
	assert_int_equal(status, 0);
	th_proc_free(p);
}

/* The checker itself, against made-up histories. */
static void
test_checker(void **state)
{
	(void)state;
	if (!have_python()) {
		print_message("no confluent_kafka for " PYTHON "\n");
		skip();
	}
	check_end(python("test_history.py", NULL, NULL, NULL), END_MS);
}

/* One blow, and the time until it is over. */
static void
strike(struct th_worker *w, struct chance *c)
{
	if (between(c, 0, 2) > 0) {
		th_worker_kill(w);
		th_nap((int)between(c, 0, 500));
		th_worker_resume(w);
		return;
	}
	(void)kill(th_worker_pid(w), SIGSTOP);
	th_nap((int)between(c, 200, 3000));
	(void)kill(th_worker_pid(w), SIGCONT);
}

static void
test_history(void **state)
{
	static const char *const settings[] = {
		"broker.group.initial.rebalance.delay.ms: 0", NULL };
	int64_t end = th_now_ms() + (getenv("LEAT_LONG") != NULL ? LONG_MS :
	    SHORT_MS);
	const char *stop = th_path("stop"), *seed = getenv("LEAT_SEED");
	struct chance c = { { (unsigned short)getpid(),
	    (unsigned short)time(NULL), 7 } };
	struct th_worker *w;
	struct th_proc *p;
	int blows = 0;

	(void)state;
	if (!have_python())
		skip();
	if (seed == NULL)
		seed = th_text("%ld", (long)getpid());
	w = th_worker_start(&(struct th_worker_opts){ .settings = settings });
	p = python("history_run.py", th_worker_kafka(w), stop, seed);
	while (th_now_ms() < end && th_proc_running(p)) {
		th_nap((int)between(&c, 300, 2500));
		strike(w, &c);
		blows++;
	}
	assert_true(blows > 1);
	th_write_text(stop, "");
	check_end(p, END_MS);
	assert_int_equal(th_worker_stop(w), 0);
	th_worker_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checker),
		cmocka_unit_test(test_history),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
