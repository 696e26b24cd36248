/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_task_fsm.c: every pair of state and event is a row or said to be
 * impossible, never both; the table hangs together; docs/STATES.md is what it
 * prints. And the back-off, whose waits must grow, stay under the cap, and
 * never wrap around.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/fsio.h"
#include "core/worker/backoff.h"
#include "core/worker/task_fsm.h"

static void
test_all_pairs(void **state)
{
	int s, e;

	(void)state;
	for (s = 0; s < TASK_STATE_N; s++) {
		for (e = 0; e < TASK_EVENT_N; e++) {
			enum task_state st = (enum task_state)s;
			enum task_event ev = (enum task_event)e;
			bool row = task_fsm_find(st, ev) != NULL;
			bool no = task_fsm_impossible(st, ev) != NULL;

			if (row == no)
				fail_msg("%s + %s: %s", task_state_name(st),
				    task_event_name(ev), row ? "a row, and "
				    "said to be impossible" : "neither");
		}
	}
}

static void
test_rows_are_unique(void **state)
{
	const struct task_transition *rows;
	size_t i, n;

	(void)state;
	rows = task_fsm_rows(&n);
	for (i = 0; i < n; i++) {
		assert_ptr_equal(task_fsm_find(rows[i].from, rows[i].event),
		    &rows[i]);
		assert_non_null(rows[i].words);
	}
}

/* From every state but the last there is a way to STOPPED by "stop". */
static void
test_stop_ends_all(void **state)
{
	const struct task_transition *row;
	int s;

	(void)state;
	for (s = 0; s < TASK_STOPPING; s++) {
		if (s == TASK_OPENING)
			continue;
		row = task_fsm_find((enum task_state)s, EV_STOP);
		assert_non_null(row);
		assert_true(row->to == TASK_STOPPING ||
		    row->to == TASK_STOPPED);
	}
	row = task_fsm_find(TASK_STOPPING, EV_DRAINED);
	assert_int_equal(row->to, TASK_STOPPED);
}

/* What leaves an open state must close, what enters OPENING was closed. */
static bool
is_open(enum task_state s)
{
	return s == TASK_RUNNING || s == TASK_DRAINING ||
	    s == TASK_RESTARTING || s == TASK_STOPPING;
}

static bool
closes(enum task_action a)
{
	return a == ACT_BACKOFF || a == ACT_FAIL || a == ACT_FAIL_LATER ||
	    a == ACT_CLOSE || a == ACT_REOPEN || a == ACT_END;
}

static void
test_open_and_close_pair_up(void **state)
{
	const struct task_transition *rows;
	size_t i, n;

	(void)state;
	rows = task_fsm_rows(&n);
	for (i = 0; i < n; i++) {
		if (is_open(rows[i].from) && !is_open(rows[i].to))
			assert_true(closes(rows[i].action));
		if (is_open(rows[i].from) && is_open(rows[i].to))
			assert_false(closes(rows[i].action));
	}
}

static void
test_docs_are_printed_from_the_table(void **state)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct leat_buf b;
	char *doc = NULL, path[4096];
	size_t len;

	(void)state;
	leat_buf_init(&b, 1 << 20);
	assert_int_equal(task_fsm_print(&b), 0);
	if (getenv("PRINT_STATES") != NULL)
		(void)printf("%s", leat_buf_cstr(&b));
	(void)snprintf(path, sizeof(path), "%s/../../docs/STATES.md",
	    getenv("LEAT_BUILD") == NULL ? "build/debug" :
	    getenv("LEAT_BUILD"));
	/* Only where the tree is at hand. */
	if (fsio_slurp(&fsio_system, path, 1 << 20, &doc, &len, &err) == 0)
		assert_non_null(strstr(doc, leat_buf_cstr(&b)));
	free(doc);
	leat_buf_fini(&b);
}

static void
test_backoff(void **state)
{
	struct backoff b;
	int64_t ms, top = 0;
	int i;

	(void)state;
	backoff_init(&b, 100, 60000, 42);
	for (i = 0; i < 1000; i++) {
		ms = backoff_next(&b);
		assert_true(ms >= 20 && ms <= 60000);
		if (i < 9)
			assert_true(ms <= INT64_C(100) << i);
		top = ms > top ? ms : top;
	}
	assert_true(top > 30000);
	backoff_reset(&b);
	assert_true(backoff_next(&b) <= 100);
	backoff_init(&b, 100, 5, 42);
	assert_int_equal(backoff_next(&b), 5);
	backoff_init(&b, 100, INT64_MAX, 1);
	for (i = 0; i < 200; i++)
		assert_true(backoff_next(&b) > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_pairs),
		cmocka_unit_test(test_rows_are_unique),
		cmocka_unit_test(test_stop_ends_all),
		cmocka_unit_test(test_open_and_close_pair_up),
		cmocka_unit_test(test_docs_are_printed_from_the_table),
		cmocka_unit_test(test_backoff),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
