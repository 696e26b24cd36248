/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_loop.c: timers in order, and removal from everywhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/loop.h"
#include "core/base/thread.h"

static struct leat_err err;
static struct clock_fake fake;
static struct loop *loop;
static char trace[64];

static int
setup(void **state)
{
	clock_fake_init(&fake, 0);
	loop = loop_new(&fake.clock, &err);
	trace[0] = '\0';
	return loop == NULL;
}

static int
teardown(void **state)
{
	loop_free(loop);
	return 0;
}

static void
note(void *arg)
{
	size_t n = strlen(trace);

	trace[n] = *(const char *)arg;
	trace[n + 1] = '\0';
}

static void
run_after(int64_t ms)
{
	clock_fake_advance_ms(&fake, ms);
	assert_int_equal(loop_run_once(loop, 0, &err), 0);
}

static void
test_timer_order(void **state)
{
	static char names[] = "abcdefgh";
	static const int delays[] = { 50, 10, 30, 10, 70, 20, 60, 40 };
	struct loop_timer *t[8];

	for (int i = 0; i < 8; i++) {
		t[i] = loop_timer_new(loop, note, &names[i]);
		loop_timer_start(t[i], delays[i]);
	}
	loop_timer_cancel(t[5]);	/* f */
	loop_timer_start(t[4], 5);	/* e moves to the front */
	run_after(4);
	assert_string_equal(trace, "");
	run_after(1);
	assert_string_equal(trace, "e");
	run_after(100);
	assert_string_equal(trace, "ebdchag");
	run_after(100);
	assert_string_equal(trace, "ebdchag");
	for (int i = 0; i < 8; i++)
		loop_timer_free(t[i]);
}

/* Random starts and cancels against a plain list of deadlines. */
static void
test_timer_heap(void **state)
{
	enum { N = 64 };
	static char x[] = "x";
	struct loop_timer *t[N];
	int64_t at[N], now = 0;
	uint32_t seed = 1;

	for (int i = 0; i < N; i++) {
		t[i] = loop_timer_new(loop, note, x);
		at[i] = -1;
	}
	for (int round = 0; round < 2000; round++) {
		uint32_t i, due = 0;

		seed = seed * 1664525 + 1013904223;
		i = seed >> 16 & (N - 1);
		if (seed >> 24 & 1) {
			loop_timer_start(t[i], seed >> 8 & 127);
			at[i] = now + (int64_t)(seed >> 8 & 127);
		} else {
			loop_timer_cancel(t[i]);
			at[i] = -1;
		}
		now += seed >> 28;
		for (int k = 0; k < N; k++) {
			if (at[k] < 0 || at[k] > now)
				continue;
			at[k] = -1;
			due++;
		}
		trace[0] = '\0';
		run_after(seed >> 28);
		assert_int_equal(strlen(trace), due);
	}
	for (int i = 0; i < N; i++)
		loop_timer_free(t[i]);
}

static struct loop_timer *self_timer, *other_timer;

static void
again_at_once(void *arg)
{
	note(arg);
	loop_timer_start(self_timer, 0);
}

static void
test_timer_restarts_itself(void **state)
{
	static char a[] = "a";

	self_timer = loop_timer_new(loop, again_at_once, a);
	loop_timer_start(self_timer, 1);
	run_after(1);
	assert_string_equal(trace, "a");
	run_after(0);
	assert_string_equal(trace, "aa");
	loop_timer_free(self_timer);
}

static void
free_both(void *arg)
{
	note(arg);
	loop_timer_free(other_timer);
	loop_timer_free(self_timer);
}

static void
test_timer_frees_due_ones(void **state)
{
	static char a[] = "a", b[] = "b";

	self_timer = loop_timer_new(loop, free_both, a);
	other_timer = loop_timer_new(loop, note, b);
	loop_timer_start(self_timer, 1);
	loop_timer_start(other_timer, 1);
	run_after(5);
	assert_string_equal(trace, "a");
}

/* ---------------------------------------------------------- descriptors */

static struct loop_fd *watch[2];
static int last_events;

static void
remove_both(void *arg, int events)
{
	note(arg);
	last_events = events;
	for (int i = 0; i < 2; i++) {
		loop_fd_remove(watch[i]);
		watch[i] = NULL;
	}
}

static void
test_fd_removes_another(void **state)
{
	static char x[] = "x";
	int a[2], b[2];

	assert_int_equal(pipe(a), 0);
	assert_int_equal(pipe(b), 0);
	watch[0] = loop_fd_add(loop, a[0], LOOP_READ, remove_both, x, &err);
	watch[1] = loop_fd_add(loop, b[0], LOOP_READ, remove_both, x, &err);
	assert_int_equal(write(a[1], "1", 1), 1);
	assert_int_equal(write(b[1], "1", 1), 1);
	run_after(0);
	assert_string_equal(trace, "x");
	assert_int_equal(last_events, LOOP_READ);
	run_after(0);
	assert_string_equal(trace, "x");
	for (int i = 0; i < 2; i++) {
		(void)close(a[i]);
		(void)close(b[i]);
	}
}

static void
see(void *arg, int events)
{
	*(int *)arg = events;
}

static void
test_fd_change_and_hangup(void **state)
{
	struct loop_fd *f;
	int seen = 0;
	int p[2];

	assert_int_equal(pipe(p), 0);
	f = loop_fd_add(loop, p[0], 0, see, &seen, &err);
	assert_int_equal(write(p[1], "1", 1), 1);
	run_after(0);
	assert_int_equal(seen, 0);
	assert_int_equal(loop_fd_change(f, LOOP_READ), 0);
	run_after(0);
	assert_int_equal(seen, LOOP_READ);
	(void)close(p[1]);
	run_after(0);
	assert_int_equal(seen, LOOP_READ | LOOP_HANGUP);
	(void)close(p[0]);
	loop_fd_remove(f);
	assert_null(loop_fd_add(loop, -1, LOOP_READ, see, &seen, &err));
	assert_string_equal(err.text,
	    "watch descriptor -1: Bad file descriptor");
}

static void *
stop_it(void *arg)
{
	loop_wake(loop);
	loop_stop(loop);
	return NULL;
}

static void
test_stop_from_thread(void **state)
{
	struct thread t;

	for (int i = 0; i < 20; i++) {
		assert_int_equal(thread_start(&t, "s", stop_it, NULL, &err), 0);
		assert_int_equal(loop_run(loop, &err), 0);
		thread_join(&t);
	}
}

static void
test_system_clock_waits(void **state)
{
	int64_t start = clock_mono_ns(&clock_system);
	struct loop *l = loop_new(NULL, &err);
	static char a[] = "a";
	struct loop_timer *t = loop_timer_new(l, note, a);

	loop_timer_start(t, 15);
	while (trace[0] == '\0')
		assert_int_equal(loop_run_once(l, -1, &err), 0);
	assert_true(clock_mono_ns(&clock_system) - start >= 15000000);
	loop_timer_free(t);
	loop_free(l);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_timer_order),
		T(test_timer_heap),
		T(test_timer_restarts_itself),
		T(test_timer_frees_due_ones),
		T(test_fd_removes_another),
		T(test_fd_change_and_hangup),
		T(test_stop_from_thread),
		T(test_system_clock_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
