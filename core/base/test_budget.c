/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_budget.c: minimums, waiting, and many threads within one limit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sched.h>
#include <string.h>

#include "core/base/budget.h"
#include "core/base/thread.h"

static char calls[16];

static void
note(void *arg)
{
	size_t n = strlen(calls);

	calls[n] = *(const char *)arg;
	calls[n + 1] = '\0';
}

static char a_name[] = "a", b_name[] = "b", c_name[] = "c";

static void
test_minimum_is_kept(void **state)
{
	struct budget *b = budget_new(100);
	struct budget_share *source = budget_join(b, 10);
	struct budget_share *sink = budget_join(b, 30);

	assert_true(budget_take(source, 70, NULL, NULL));
	assert_false(budget_take(source, 1, NULL, NULL));
	assert_true(budget_take(sink, 30, NULL, NULL));
	assert_false(budget_take(sink, 1, NULL, NULL));
	assert_int_equal(budget_used(b), 100);
	assert_int_equal(budget_limit(b), 100);
	budget_give(source, 70);
	assert_true(budget_take(sink, 60, NULL, NULL));
	assert_false(budget_take(sink, 1, NULL, NULL));
	assert_true(budget_take(source, 10, NULL, NULL));
	budget_leave(sink);
	assert_true(budget_take(source, 90, NULL, NULL));
	budget_leave(source);
	assert_int_equal(budget_used(b), 0);
	budget_free(b);
}

static void
test_join_refused(void **state)
{
	struct budget *b = budget_new(100);
	struct budget_share *s = budget_join(b, 60);

	assert_null(budget_join(b, 41));
	assert_true(budget_take(s, 100, NULL, NULL));
	/* The minimum is set aside even while somebody is above his own. */
	budget_leave(budget_join(b, 40));
	budget_leave(s);
	budget_leave(NULL);
	budget_free(b);
	budget_free(NULL);
}

static void
test_waiters(void **state)
{
	struct budget *b = budget_new(100);
	struct budget_share *s[3];

	calls[0] = '\0';
	for (int i = 0; i < 3; i++)
		s[i] = budget_join(b, 0);
	assert_true(budget_take(s[0], 100, NULL, NULL));
	assert_false(budget_take(s[1], 50, note, b_name));
	assert_false(budget_take(s[2], 10, note, c_name));
	budget_give(s[0], 5);
	assert_string_equal(calls, "");
	budget_give(s[0], 10);
	assert_string_equal(calls, "c");
	budget_give(s[0], 85);
	assert_string_equal(calls, "cb");
	budget_give(s[0], 0);
	assert_string_equal(calls, "cb");
	/* One that got what it wanted otherwise is not called. */
	assert_true(budget_take(s[0], 100, NULL, NULL));
	assert_false(budget_take(s[1], 50, note, b_name));
	assert_false(budget_take(s[2], 50, note, c_name));
	assert_false(budget_take(s[2], 60, NULL, NULL));
	budget_leave(s[0]);
	assert_string_equal(calls, "cbb");
	budget_leave(s[1]);
	budget_leave(s[2]);
	budget_free(b);
}

static void
test_oversize(void **state)
{
	struct budget *b = budget_new(100);
	struct budget_share *s = budget_join(b, 10);
	struct budget_share *other = budget_join(b, 20);

	assert_true(budget_take(s, 81, NULL, NULL));
	assert_true(budget_take(other, 20, NULL, NULL));
	assert_false(budget_take(other, 1000, note, a_name));
	budget_give(other, 20);
	assert_true(budget_take(other, 1000, NULL, NULL));
	assert_false(budget_take(s, SIZE_MAX, NULL, NULL));
	budget_leave(s);
	budget_leave(other);
	budget_free(b);
}

struct user {
	struct thread thread;
	struct budget *budget;
	struct wake wake;
};

static void
wake_user(void *arg)
{
	struct user *u = arg;

	wake_up(&u->wake);
}

static void *
use(void *arg)
{
	struct user *u = arg;
	struct budget_share *s = budget_join(u->budget, 10);

	for (int i = 0; i < 2000; i++) {
		while (!budget_take(s, 40, wake_user, u))
			sched_yield();
		if (budget_used(u->budget) > 100)
			return NULL;
		budget_give(s, 40);
	}
	budget_leave(s);
	return u;
}

static void
test_threads(void **state)
{
	struct budget *b = budget_new(100);
	struct user u[3];
	struct leat_err err;

	for (int i = 0; i < 3; i++) {
		u[i].budget = b;
		assert_int_equal(wake_init(&u[i].wake, &err), 0);
		assert_int_equal(thread_start(&u[i].thread, "use", use, &u[i],
		    &err), 0);
	}
	for (int i = 0; i < 3; i++) {
		thread_join(&u[i].thread);
		wake_fini(&u[i].wake);
	}
	assert_int_equal(budget_used(b), 0);
	budget_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_minimum_is_kept),
		cmocka_unit_test(test_join_refused),
		cmocka_unit_test(test_waiters),
		cmocka_unit_test(test_oversize),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
