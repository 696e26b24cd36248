/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_metrics.c: the text that Prometheus reads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "core/base/metrics.h"
#include "core/base/thread.h"

static struct metrics *m;
static struct leat_buf text;

static int
setup(void **state)
{
	m = metrics_new(100);
	leat_buf_init(&text, 100000);
	return 0;
}

static int
teardown(void **state)
{
	metrics_free(m);
	leat_buf_fini(&text);
	return 0;
}

static const char *
printed(void)
{
	leat_buf_reset(&text);
	assert_int_equal(metrics_print(m, &text), 0);
	return leat_buf_cstr(&text);
}

static int64_t *
get(enum metric_type type, const char *name, const char *label,
    const char *value, int64_t scale)
{
	struct metric_label l = { label, value };

	return metrics_get(m, type, name, "Some help.", &l, label != NULL,
	    scale);
}

static void
test_text(void **state)
{
	int64_t *b = get(METRIC_GAUGE, "leat_b", "x", "2", 0);
	int64_t *a = get(METRIC_COUNTER, "leat_a_total", NULL, NULL, 0);
	int64_t *b1 = get(METRIC_GAUGE, "leat_b", "x", "1", 0);

	assert_string_equal(printed(),
	    "# HELP leat_a_total Some help.\n"
	    "# TYPE leat_a_total counter\n"
	    "leat_a_total 0\n"
	    "# HELP leat_b Some help.\n"
	    "# TYPE leat_b gauge\n"
	    "leat_b{x=\"1\"} 0\n"
	    "leat_b{x=\"2\"} 0\n");
	metric_add(a, 5);
	metric_add(a, 2);
	metric_set(b, -3);
	assert_int_equal(metric_value(a), 7);
	assert_non_null(strstr(printed(), "leat_a_total 7\n"));
	assert_non_null(strstr(printed(), "leat_b{x=\"2\"} -3\n"));
	metrics_put(m, a);
	metrics_put(m, b);
	assert_string_equal(printed(), "# HELP leat_b Some help.\n"
	    "# TYPE leat_b gauge\nleat_b{x=\"1\"} 0\n");
	metrics_put(m, b1);
	assert_string_equal(printed(), "");
}

static void
test_escaping(void **state)
{
	struct metric_label l = { "path", "C:\\\"x\"\n" };

	assert_non_null(metrics_get(m, METRIC_GAUGE, "leat_x",
	    "A \"quoted\" \\ help\nin two lines.", &l, 1, 0));
	assert_string_equal(printed(),
	    "# HELP leat_x A \"quoted\" \\\\ help\\nin two lines.\n"
	    "# TYPE leat_x gauge\n"
	    "leat_x{path=\"C:\\\\\\\"x\\\"\\n\"} 0\n");
}

static void
test_same_number(void **state)
{
	struct metric_label ab[] = { { "a", "1" }, { "b", "2" } };
	struct metric_label ba[] = { { "b", "2" }, { "a", "1" } };
	int64_t *x, *y;

	x = metrics_get(m, METRIC_GAUGE, "leat_x", "h", ab, 2, 0);
	y = metrics_get(m, METRIC_GAUGE, "leat_x", "h", ba, 2, 0);
	assert_ptr_equal(x, y);
	assert_non_null(strstr(printed(), "leat_x{a=\"1\",b=\"2\"} 0\n"));
	metrics_put(m, x);
	assert_non_null(strstr(printed(), "leat_x{"));
	metrics_put(m, y);
	assert_string_equal(printed(), "");
}

static void
test_refusals(void **state)
{
	struct metric_label twice[] = { { "a", "1" }, { "a", "2" } };
	struct metrics *small = metrics_new(1);

	assert_null(get(METRIC_GAUGE, "1x", NULL, NULL, 0));
	assert_null(get(METRIC_GAUGE, "", NULL, NULL, 0));
	assert_null(get(METRIC_GAUGE, "a b", NULL, NULL, 0));
	assert_null(get(METRIC_GAUGE, "x", "a:b", "1", 0));
	assert_null(get(METRIC_GAUGE, "x", "", "1", 0));
	assert_null(get(METRIC_GAUGE, "x", "a", "1", 60));
	assert_null(metrics_get(m, METRIC_GAUGE, "x", "h", twice, 2, 0));
	assert_non_null(get(METRIC_GAUGE, "x", "a", "5", 0));
	assert_null(get(METRIC_COUNTER, "x", "a", "1", 0));
	assert_null(get(METRIC_COUNTER, "x", "a", "9", 0));
	assert_non_null(metrics_get(small, METRIC_GAUGE, "a", "", NULL, 0, 0));
	assert_non_null(metrics_get(small, METRIC_GAUGE, "a", "", NULL, 0, 0));
	assert_null(metrics_get(small, METRIC_GAUGE, "b", "", NULL, 0, 0));
	metrics_free(small);
	metric_add(NULL, 1);
	metric_set(NULL, 1);
	metrics_put(m, NULL);
	assert_int_equal(metric_value(NULL), 0);
}

static void
test_scale(void **state)
{
	int64_t *s = get(METRIC_GAUGE, "leat_s", NULL, NULL, 1000);
	static const struct {
		int64_t value;
		const char *want;
	} rows[] = {
		{ 0, "leat_s 0\n" },
		{ 1, "leat_s 0.001\n" },
		{ 1230, "leat_s 1.23\n" },
		{ 5000, "leat_s 5\n" },
		{ -1005, "leat_s -1.005\n" },
		{ INT64_MIN, "leat_s -9223372036854775.808\n" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		metric_set(s, rows[i].value);
		assert_non_null(strstr(printed(), rows[i].want));
	}
}

static void
on_collect(void *arg)
{
	struct metric_label l = { "n", arg };
	int64_t *g = metrics_get(m, METRIC_GAUGE, "leat_fresh", "h", &l, 1, 0);

	metric_add(g, 1);
}

static void
test_collect(void **state)
{
	static char one[] = "1";

	assert_int_equal(metrics_on_collect(m, on_collect, one), 0);
	assert_non_null(strstr(printed(), "leat_fresh{n=\"1\"} 1\n"));
	assert_non_null(strstr(printed(), "leat_fresh{n=\"1\"} 2\n"));
	for (int i = 1; i < 32; i++)
		assert_int_equal(metrics_on_collect(m, on_collect, one), 0);
	assert_int_equal(metrics_on_collect(m, on_collect, one), -1);
}

static void
test_print_ceiling(void **state)
{
	struct leat_buf small;

	leat_buf_init(&small, 10);
	assert_non_null(get(METRIC_GAUGE, "leat_x", NULL, NULL, 0));
	assert_int_equal(metrics_print(m, &small), -1);
	leat_buf_fini(&small);
}

static void *
busy(void *arg)
{
	for (int i = 0; i < 300; i++) {
		int64_t *own = get(METRIC_GAUGE, "leat_own", "t", arg, 0);
		int64_t *all = get(METRIC_COUNTER, "leat_all", NULL, NULL, 0);

		metric_add(own, 1);
		metric_add(all, 1);
		metrics_put(m, own);
		metrics_put(m, all);
	}
	return NULL;
}

static void
test_threads(void **state)
{
	static char names[3][2] = { "a", "b", "c" };
	int64_t *all = get(METRIC_COUNTER, "leat_all", NULL, NULL, 0);
	struct thread t[3];
	struct leat_err err;

	for (int i = 0; i < 3; i++)
		assert_int_equal(thread_start(&t[i], "busy", busy, names[i],
		    &err), 0);
	for (int i = 0; i < 50; i++)
		(void)printed();
	for (int i = 0; i < 3; i++)
		thread_join(&t[i]);
	assert_int_equal(metric_value(all), 900);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_text),
		T(test_escaping),
		T(test_same_number),
		T(test_refusals),
		T(test_scale),
		T(test_collect),
		T(test_print_ceiling),
		T(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
