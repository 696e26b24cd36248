/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_thread.c: threads, joins with deadlines, wake-ups, queues.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/queue.h"
#include "core/base/thread.h"

static bool
readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

/* --------------------------------------------------------------- threads */

static void *
look_around(void *arg)
{
	sigset_t set;

	(void)pthread_getname_np(pthread_self(), arg, 16);
	(void)pthread_sigmask(SIG_SETMASK, NULL, &set);
	return sigismember(&set, SIGTERM) == 1 &&
	    sigismember(&set, SIGSEGV) == 0 ? NULL : arg;
}

static void
test_name_and_signals(void **state)
{
	struct leat_err err;
	struct thread t;
	char name[16] = "";

	assert_int_equal(thread_start(&t, "a-name-that-is-too-long",
	    look_around, name, &err), 0);
	thread_join(&t);
	assert_string_equal(name, "a-name-that-is-");
	assert_false(t.running);
	thread_join(&t);
}

static void *
wait_for_wake(void *arg)
{
	struct wake *w = arg;

	(void)readable(w->fd, -1);
	return NULL;
}

static void
test_join_deadline(void **state)
{
	struct leat_err err;
	struct thread t;
	struct wake w;

	assert_int_equal(wake_init(&w, &err), 0);
	assert_int_equal(thread_start(&t, "w", wait_for_wake, &w, &err), 0);
	assert_false(thread_join_until(&t,
	    clock_deadline_ns(&clock_system, 10)));
	assert_true(t.running);
	wake_up(&w);
	assert_true(thread_join_until(&t,
	    clock_deadline_ns(&clock_system, 10000)));
	wake_fini(&w);
	wake_fini(&w);
}

static void
test_wake(void **state)
{
	struct leat_err err;
	struct wake w;

	assert_int_equal(wake_init(&w, &err), 0);
	assert_false(readable(w.fd, 0));
	wake_up(&w);
	wake_up(&w);
	assert_true(readable(w.fd, 0));
	wake_drain(&w);
	assert_false(readable(w.fd, 0));
	wake_drain(&w);
	wake_fini(&w);
}

/* ---------------------------------------------------------------- queues */

struct number {
	struct queue_item item;
	int n;
};

static void
test_queue_bounds(void **state)
{
	struct number a = { .n = 1 }, b = { .n = 2 }, c = { .n = 3 };
	struct leat_err err;
	struct queue q;
	struct wake w;

	assert_int_equal(wake_init(&w, &err), 0);
	queue_init(&q, 2, &w);
	assert_null(queue_take(&q));
	assert_int_equal(queue_push(&q, &a.item), 0);
	assert_true(readable(w.fd, 0));
	assert_int_equal(queue_push(&q, &b.item), 0);
	assert_int_equal(queue_push(&q, &c.item), -EAGAIN);
	assert_ptr_equal(queue_take(&q), &a.item);
	assert_int_equal(queue_push(&q, &c.item), 0);
	queue_close(&q);
	assert_int_equal(queue_push(&q, &a.item), -EPIPE);
	/* What was pushed before the end can still be taken. */
	assert_ptr_equal(queue_wait(&q, -1), &b.item);
	assert_ptr_equal(queue_wait(&q, -1), &c.item);
	assert_null(queue_wait(&q, -1));
	queue_fini(&q);
	wake_fini(&w);
}

static void
test_queue_deadline(void **state)
{
	struct queue q;

	queue_init(&q, 1, NULL);
	assert_null(queue_wait(&q, clock_deadline_ns(&clock_system, 5)));
	queue_fini(&q);
}

enum { PUSHERS = 4, EACH = 2000 };

struct pusher {
	struct thread thread;
	struct queue *q;
	struct number numbers[EACH];
};

static void *
push_all(void *arg)
{
	struct pusher *p = arg;

	for (int i = 0; i < EACH; i++) {
		p->numbers[i].n = i;
		while (queue_push(p->q, &p->numbers[i].item) == -EAGAIN)
			sched_yield();
	}
	return NULL;
}

static void
test_queue_many(void **state)
{
	static struct pusher pushers[PUSHERS];
	struct leat_err err;
	struct queue q;
	long sum = 0;

	queue_init(&q, 16, NULL);
	for (int i = 0; i < PUSHERS; i++) {
		pushers[i].q = &q;
		assert_int_equal(thread_start(&pushers[i].thread, "push",
		    push_all, &pushers[i], &err), 0);
	}
	for (int i = 0; i < PUSHERS * EACH; i++) {
		struct queue_item *item = queue_wait(&q, -1);

		assert_non_null(item);
		sum += ((struct number *)(void *)item)->n;
	}
	for (int i = 0; i < PUSHERS; i++)
		thread_join(&pushers[i].thread);
	assert_int_equal(sum, (long)PUSHERS * EACH * (EACH - 1) / 2);
	queue_fini(&q);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_name_and_signals),
		cmocka_unit_test(test_join_deadline),
		cmocka_unit_test(test_wake),
		cmocka_unit_test(test_queue_bounds),
		cmocka_unit_test(test_queue_deadline),
		cmocka_unit_test(test_queue_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
