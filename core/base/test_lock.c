/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_lock.c: ranks, owners, waits with deadlines.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/lock.h"
#include "core/base/thread.h"

static struct lock low, high;

static int
setup(void **state)
{
	lock_init(&low, RANK_TASK);
	lock_init(&high, RANK_QUEUE);
	return 0;
}

/* Does fn abort? */
static void
assert_aborts(void (*fn)(void))
{
	struct sigaction plain = { .sa_handler = SIG_DFL };
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		(void)dup2(null, 2);
		(void)sigaction(SIGABRT, &plain, NULL);
		fn();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void
wrong_order(void)
{
	lock_acquire(&high);
	lock_acquire(&low);
}

static void
same_rank(void)
{
	struct lock other;

	lock_init(&other, RANK_TASK);
	lock_acquire(&low);
	lock_acquire(&other);
}

static void
release_unheld(void)
{
	lock_release(&low);
}

static void
assert_unheld(void)
{
	lock_assert_held(&low);
}

static void
wait_under_higher(void)
{
	struct cond c;

	cond_init(&c);
	lock_acquire(&low);
	lock_acquire(&high);
	(void)cond_wait_until(&c, &low, 1);
}

static void
test_misuse_aborts(void **state)
{
	assert_aborts(wrong_order);
	assert_aborts(same_rank);
	assert_aborts(release_unheld);
	assert_aborts(assert_unheld);
	assert_aborts(wait_under_higher);
}

static void
test_order(void **state)
{
	for (int i = 0; i < 3; i++) {
		lock_acquire(&low);
		lock_acquire(&high);
		lock_assert_held(&low);
		lock_assert_held(&high);
		/* Releasing in any order is fine. */
		lock_release(&low);
		lock_release(&high);
	}
	assert_int_equal(low.owner, 0);
}

static void
test_deadline(void **state)
{
	int64_t start = clock_mono_ns(&clock_system);
	int64_t deadline = clock_deadline_ns(&clock_system, 20);
	struct cond c;

	cond_init(&c);
	lock_acquire(&low);
	while (cond_wait_until(&c, &low, deadline))
		;
	lock_assert_held(&low);
	lock_release(&low);
	assert_true(clock_mono_ns(&clock_system) - start >= 20000000);
	cond_fini(&c);
}

struct meeting {
	struct lock lock;
	struct cond cond;
	int turn;
};

static void *
partner(void *arg)
{
	struct meeting *m = arg;

	for (int i = 0; i < 1000; i++) {
		lock_acquire(&m->lock);
		while (m->turn != 1)
			cond_wait(&m->cond, &m->lock);
		m->turn = 0;
		cond_signal(&m->cond);
		lock_release(&m->lock);
	}
	return NULL;
}

static void
test_two_threads(void **state)
{
	struct meeting m = { .turn = 0 };
	struct thread t;
	struct leat_err err;

	lock_init(&m.lock, RANK_LEAF);
	cond_init(&m.cond);
	assert_int_equal(thread_start(&t, "partner", partner, &m, &err), 0);
	for (int i = 0; i < 1000; i++) {
		lock_acquire(&m.lock);
		while (m.turn != 0)
			(void)cond_wait_until(&m.cond, &m.lock, -1);
		m.turn = 1;
		cond_broadcast(&m.cond);
		lock_release(&m.lock);
	}
	thread_join(&t);
	cond_fini(&m.cond);
	lock_fini(&m.lock);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_misuse_aborts),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_two_threads),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
