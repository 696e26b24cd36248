/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_counter.c: the counter in the fake host; an example of such a test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <leat/fake_host.h>

static struct leat_fake *
counter_with(const char *last)
{
	struct leat_fake *f = leat_fake_new(leat_plugin()->connectors[0]);

	leat_fake_set(f, "topic", "numbers");
	leat_fake_set(f, "last", last);
	assert_int_equal(leat_fake_open(f), 0);
	return f;
}

static void
test_counts_to_the_end(void **state)
{
	struct leat_fake *f = counter_with("3");

	(void)state;
	assert_int_equal(leat_fake_poll(f), 3);
	assert_string_equal(leat_fake_json(f, 0),
	    "{\"topic\":\"numbers\",\"key\":null,\"value\":1}");
	assert_string_equal(leat_fake_value(f, 2), "3");
	assert_int_equal(leat_fake_poll(f), 0);
	leat_fake_free(f);
}

static void
test_stops_when_the_batch_is_full(void **state)
{
	struct leat_fake *f = counter_with("1000");

	(void)state;
	leat_fake_batch_limits(f, 10, 1000000);
	assert_int_equal(leat_fake_poll(f), 10);
	assert_int_equal(leat_fake_position(f, 0)->nrecords, 10);
	assert_string_equal(leat_fake_position(f, 0)->offset, "{\"n\":10}");
	leat_fake_free(f);
}

/* A restart goes on behind what was durable, not behind what was polled. */
static void
test_resumes(void **state)
{
	struct leat_fake *f = counter_with("10");

	(void)state;
	leat_fake_batch_limits(f, 4, 1000000);
	assert_int_equal(leat_fake_poll(f), 4);
	assert_int_equal(leat_fake_durable(f), 0);
	assert_int_equal(leat_fake_poll(f), 4);
	leat_fake_close(f);

	assert_int_equal(leat_fake_open(f), 0);
	leat_fake_clear(f);
	assert_int_equal(leat_fake_poll(f), 4);
	assert_string_equal(leat_fake_value(f, 0), "5");
	leat_fake_free(f);
}

/* Wherever memory ends, no number is lost and none comes twice. */
static void
test_survives_the_end_of_memory(void **state)
{
	uint32_t n;
	int more = 1;

	(void)state;
	for (n = 1; more; n++) {
		struct leat_fake *f = counter_with("5");

		leat_fake_fail_at(f, n);
		(void)leat_fake_poll(f);
		more = leat_fake_has_failed(f);
		leat_fake_fail_at(f, 0);
		(void)leat_fake_durable(f);
		leat_fake_close(f);

		leat_fake_clear(f);
		assert_int_equal(leat_fake_open(f), 0);
		assert_true(leat_fake_poll(f) >= 0);
		if (leat_fake_offset(f, "{\"counter\":1}") == NULL)
			assert_int_equal(leat_fake_count(f), 5);
		leat_fake_free(f);
	}
}

static void
test_needs_a_topic(void **state)
{
	struct leat_fake *f = leat_fake_new(leat_plugin()->connectors[0]);

	(void)state;
	assert_int_equal(leat_fake_open(f), LEAT_E_CONFIG);
	assert_string_equal(leat_fake_err(f)->text,
	    "topic: required, but not set");
	leat_fake_free(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts_to_the_end),
		cmocka_unit_test(test_stops_when_the_batch_is_full),
		cmocka_unit_test(test_resumes),
		cmocka_unit_test(test_survives_the_end_of_memory),
		cmocka_unit_test(test_needs_a_topic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
