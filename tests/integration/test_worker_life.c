/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_worker_life.c: the real worker: readiness, signals, its end under load,
 * wishes that outlive it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "tests/harness/th_worker.h"

static int64_t
now_ms(void)
{
	return clock_mono_ms(&clock_system);
}

static void
nap(void)
{
	struct timespec ts = { 0, 10000000 };

	nanosleep(&ts, NULL);
}

#define wait_until(cond)                                                \
	do {                                                            \
		int64_t until_ = now_ms() + 15000;                      \
		while (!(cond)) {                                       \
			assert_true(now_ms() < until_);                 \
			nap();                                          \
		}                                                       \
	} while (0)

/* Each test has a worker with folders of its own. */
static struct th_worker *
start(const char *name)
{
	const struct th_worker_opts o = { .name = name };

	return th_worker_start(&o);
}

static void
gen_file(struct th_worker *w, const char *topic, const char *rate)
{
	th_worker_file(w, "gen.yaml", "connector: datagen\n"
	    "topic: %s\nquickstart: orders\nrate: %s\n", topic, rate);
}

/* Under full load the end comes in time and is clean. */
static void
test_ends_under_load(void **state)
{
	struct th_worker *w = start("ends-under-load");
	int64_t began;

	(void)state;
	gen_file(w, "t", "0");
	th_worker_file(w, "out.yaml", "connector: file-sink\n"
	    "topics: [t]\nfile: %s/out.txt\n", th_worker_data(w));
	wait_until(th_worker_topic(w, "t", "end_offset") > 20000);
	began = now_ms();
	assert_int_equal(th_worker_stop(w), 0);
	assert_true(now_ms() - began < 5000);
	assert_true(th_worker_said(w, "worker ended"));
	assert_false(th_worker_said(w, "stuck"));
	th_worker_free(w);
}

static void
test_second_signal(void **state)
{
	struct th_worker *w = start("second-signal");

	(void)state;
	gen_file(w, "t", "0");
	wait_until(th_worker_is(w, "gen", "RUNNING"));
	(void)kill(th_worker_pid(w), SIGTERM);
	(void)kill(th_worker_pid(w), SIGINT);
	(void)th_worker_stop(w);
	th_worker_free(w);
}

static void
test_hangup_reads_again(void **state)
{
	struct th_worker *w = start("hangup-reads-again");

	(void)state;
	(void)kill(th_worker_pid(w), SIGHUP);
	gen_file(w, "t", "1000");
	(void)kill(th_worker_pid(w), SIGHUP);
	wait_until(th_worker_is(w, "gen", "RUNNING"));
	assert_int_equal(th_worker_stop(w), 0);
	th_worker_free(w);
}

/* Paused before the end, paused after it, and no record is made meanwhile. */
static void
test_pause_outlives_the_worker(void **state)
{
	struct th_worker *w = start("pause-outlives-the-worker");
	const char *body;
	int64_t n;

	(void)state;
	gen_file(w, "t", "0");
	wait_until(th_worker_topic(w, "t", "end_offset") > 1000);
	assert_int_equal(th_worker_call(w, "PUT", "/connectors/gen/pause",
	    NULL, &body), 202);
	wait_until(th_worker_is(w, "gen", "PAUSED"));
	n = th_worker_topic(w, "t", "end_offset");
	th_worker_kill(w);
	th_worker_resume(w);
	wait_until(th_worker_is(w, "gen", "PAUSED"));
	assert_int_equal(th_worker_topic(w, "t", "end_offset"), n);
	assert_int_equal(th_worker_call(w, "PUT", "/connectors/gen/resume",
	    NULL, &body), 202);
	wait_until(th_worker_topic(w, "t", "end_offset") > n + 1000);
	th_worker_free(w);
}

/* The service manager hears of readiness and of the end. */
static void
test_service_manager(void **state)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct th_worker_opts o = { .name = "service-manager" };
	char text[256] = "", env[200];
	const char *envs[] = { env, NULL };
	struct pollfd p;
	struct th_worker *w;
	ssize_t n;
	int fd;

	(void)state;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	(void)snprintf(at.sun_path, sizeof(at.sun_path), "/tmp/leat-sd-%d",
	    (int)getpid());
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	(void)snprintf(env, sizeof(env), "NOTIFY_SOCKET=%s", at.sun_path);
	o.env = envs;
	w = th_worker_start(&o);
	p.fd = fd;
	p.events = POLLIN;
	assert_int_equal(poll(&p, 1, 5000), 1);
	n = recv(fd, text, sizeof(text) - 1, 0);
	assert_true(n > 0);
	assert_non_null(strstr(text, "READY=1"));
	assert_int_equal(th_worker_stop(w), 0);
	memset(text, 0, sizeof(text));
	assert_true(recv(fd, text, sizeof(text) - 1, 0) > 0);
	assert_non_null(strstr(text, "STOPPING=1"));
	th_worker_free(w);
	(void)close(fd);
	(void)unlink(at.sun_path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ends_under_load),
		cmocka_unit_test(test_second_signal),
		cmocka_unit_test(test_hangup_reads_again),
		cmocka_unit_test(test_pause_outlives_the_worker),
		cmocka_unit_test(test_service_manager),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
