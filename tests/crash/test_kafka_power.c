/* SPDX-License-Identifier: Apache-2.0 */
/* test: timeout=900 */
/*
 * test_kafka_power.c: the history checker's clients against a broker in this
 * process that loses power again and again (crashfs.h): what acks=all or a
 * commit promised is there whatever the disk kept.
 *
 * LEAT_LONG=1 goes on for minutes; LEAT_CRASH_SEED chooses what the disk keeps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <leat/str.h>

#include "broker/broker.h"
#include "broker/listener.h"
#include "tests/harness/crashfs.h"
#include "tests/harness/proc.h"

#define PYTHON "/usr/bin/python3"

enum {
	SHORT_MS = 8000,
	LONG_MS = 180000,
	END_MS = 150000,
	TEXT_MAX = 6000,
	SYNCS_MAX = 400,	/* until the next loss of power */
	RUNS_MAX = 4		/* until the client gets through one */
};

struct server {
	struct crashfs *fs;
	const char *dir, *listen;
	struct broker *b;
	struct broker_listener *l;
};

static void
serve(struct server *s)
{
	struct broker_listen_options lo;
	struct leat_err err = LEAT_ERR_INIT;
	struct broker_options o;

	broker_options_init(&o);
	o.dir = s->dir;
	o.fs = crashfs_fsio(s->fs);
	o.flush_interval_ms = 50;
	o.checkpoint_ms = 100;
	if (broker_open(&o, &s->b, &err) < 0)
		fail_msg("does not open: %s", err.text);
	broker_listen_options_init(&lo);
	lo.listen = s->listen;
	lo.group_initial_delay_ms = 0;
	if (broker_listen(s->b, &lo, &s->l, &err) < 0)
		fail_msg("does not listen: %s", err.text);
}

/* Nothing of it is left but what the disk has. */
static void
lose_power(struct server *s)
{
	crashfs_crash(s->fs);
	broker_listener_close(s->l);
	broker_close(s->b);
	crashfs_recover(s->fs);
	serve(s);
}

/*
 * The client's library may break when a broker tells it that its transaction
 * was lost: Debian's librdkafka then frees something twice. That ends the run
 * without a history, so there is nothing to check and another seed is taken.
 */
static bool
client_broke(struct th_proc *p)
{
	int status = 0;
	char *text;
	bool broke;

	if (!th_proc_wait(p, END_MS, &status) || !WIFSIGNALED(status) ||
	    WTERMSIG(status) != SIGABRT)
		return false;
	text = th_proc_text(p);
	broke = strstr(text, "FATAL|rdkafka") != NULL &&
	    strstr(text, "double free") != NULL;
	free(text);
	return broke;
}

static void
check_end(struct th_proc *p)
{
	int status = -1;
	bool ended = th_proc_wait(p, END_MS, &status);
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

static uint64_t
seed_of(void)
{
	const char *v = getenv("LEAT_CRASH_SEED");
	uint64_t seed = (uint64_t)getpid();

	if (v != NULL)
		(void)leat_parse_u64(leat_str_c(v), UINT64_MAX, &seed);
	return seed;
}

/* false when the client broke: then nothing is known. */
static bool
power_run(int run, uint64_t seed)
{
	const char *argv[] = { PYTHON, "-B", th_text(
		"%s/tests/clients/history_run.py", th_src_dir()), NULL,
		th_path("stop-%d", run), NULL };
	const char *const env[] = { "HISTORY_POWER=1", NULL };
	int64_t end = th_now_ms() + (getenv("LEAT_LONG") != NULL ? LONG_MS :
	    SHORT_MS);
	struct server s = { .dir = th_path("broker-%d", run),
	    .listen = th_text("127.0.0.1:%d", th_free_port()) };
	struct th_proc *p;
	int losses = 0;
	bool broke;

	(void)fprintf(stderr, "# LEAT_CRASH_SEED=%llu\n",
	    (unsigned long long)seed);
	th_mkdir(s.dir);
	th_mkdir(th_path("stash-%d", run));
	s.fs = crashfs_new(s.dir, th_path("stash-%d", run), seed);
	serve(&s);
	argv[3] = s.listen;
	p = th_proc_start(&(struct th_proc_opts){ .argv = argv, .env = env,
	    .name = th_text("history-%d", run) });
	while (th_now_ms() < end && th_proc_running(p)) {
		crashfs_arm(s.fs, 1 + (uint64_t)(losses * 37) % SYNCS_MAX);
		TH_WAIT(crashfs_crashed(s.fs) || th_now_ms() > end ||
		    !th_proc_running(p), LONG_MS);
		lose_power(&s);
		losses++;
	}
	crashfs_arm(s.fs, 0);
	th_write_text(argv[4], "");
	if ((broke = client_broke(p))) {
		th_proc_free(p);
	} else {
		assert_true(losses > 2);
		check_end(p);
	}
	broker_listener_close(s.l);
	broker_close(s.b);
	crashfs_free(s.fs);
	return !broke;
}

static void
test_power(void **state)
{
	uint64_t seed = seed_of();
	int run = 0;

	(void)state;
	if (th_run(NULL, PYTHON, "-c", "import confluent_kafka", NULL) != 0) {
		print_message("no confluent_kafka for " PYTHON "\n");
		skip();
	}
	while (!power_run(run, seed + (uint64_t)run))
		assert_true(++run < RUNS_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_power),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
