/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of datagen: generators, reproducibility, rate, resumption.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <leat/fake_host.h>

static struct leat_fake *f;

static int
setup(void **state)
{
	f = leat_fake_new(leat_plugin()->connectors[0]);
	leat_fake_set(f, "topic", "t");
	leat_fake_set(f, "rate", "0");
	leat_fake_set_clock(f, 1700000000000000);
	return 0;
}

static int
teardown(void **state)
{
	leat_fake_free(f);
	return 0;
}

static void
must_open(void)
{
	if (leat_fake_open(f) != 0)
		fail_msg("%s", leat_fake_err(f)->text);
}

static void
test_generators(void **state)
{
	const struct leat_record *r;
	const struct leat_value *v;
	size_t i;

	leat_fake_set(f, "field.a", "sequence 10 -2");
	leat_fake_set(f, "field.b", "int -3 3");
	leat_fake_set(f, "field.c", "float 0.5 1.5 3");
	leat_fake_set(f, "field.d", "bool 1");
	leat_fake_set(f, "field.e", "choice x yy");
	leat_fake_set(f, "field.f", "string 13");
	leat_fake_set(f, "field.g", "label User_ 7 7");
	leat_fake_set(f, "field.h", "name");
	leat_fake_set(f, "field.i", "uuid");
	leat_fake_set(f, "field.j", "timestamp 2024-01-01T00:00:00Z 500");
	leat_fake_set(f, "field.k", "timestamp");
	leat_fake_set(f, "key.field", "g");
	must_open();
	assert_int_equal(leat_fake_poll(f), 500);
	for (i = 0; i < 500; i++) {
		r = leat_fake_record(f, i);
		v = r->value.u.items;
		assert_int_equal(v[0].u.i, 10 - 2 * (int64_t)i);
		assert_true(v[1].u.i >= -3 && v[1].u.i <= 3);
		assert_true(v[2].u.f >= 0.5 && v[2].u.f <= 1.5);
		assert_int_equal(v[3].u.i, 1);
		assert_true(v[4].len == 1 || v[4].len == 2);
		assert_int_equal(v[5].len, 13);
		assert_int_equal(v[6].len, 6);
		assert_int_equal(v[8].len, 36);
		assert_true(v[8].u.s[14] == '4');
		assert_non_null(strchr("89ab", v[8].u.s[19]));
		assert_int_equal(v[9].u.i, 1704067200000 + 500 * (int64_t)i);
		assert_int_equal(v[10].u.i, 1700000000000);
		assert_int_equal(r->key.len, 6);
		assert_int_equal(leat_value_check(r->value_schema, &r->value,
		    NULL), 0);
		assert_int_equal(leat_value_check(r->key_schema, &r->key,
		    NULL), 0);
	}
	assert_string_equal(leat_fake_record(f, 0)->value_schema->name,
	    "record");
	assert_string_equal(leat_fake_key(f, 0), "\"User_7\"");
}

static void
test_reproducible(void **state)
{
	char *first[20];
	size_t i;

	leat_fake_set(f, "quickstart", "orders");
	leat_fake_set(f, "count", "20");
	leat_fake_batch_limits(f, 7, 1 << 20);
	must_open();
	assert_int_equal(leat_fake_run(f, 20, 1000), 0);
	assert_int_equal(leat_fake_poll(f), 0);
	for (i = 0; i < 20; i++)
		first[i] = strdup(leat_fake_json(f, i));
	assert_string_not_equal(first[0], first[1]);
	/* From the middle: the same records. */
	assert_int_equal(leat_fake_durable_to(f, 1), 0);
	leat_fake_close(f);
	leat_fake_clear(f);
	must_open();
	assert_int_equal(leat_fake_run(f, 6, 1000), 0);
	for (i = 0; i < 6; i++)
		assert_string_equal(leat_fake_json(f, i), first[14 + i]);
	assert_int_equal(leat_fake_poll(f), 0);
	leat_fake_close(f);
	leat_fake_clear(f);
	/* Another seed: others. */
	leat_fake_set_offset(f, "{\"task\":0}", NULL);
	leat_fake_set(f, "seed", "2");
	must_open();
	assert_true(leat_fake_poll(f) > 0);
	assert_string_not_equal(leat_fake_json(f, 0), first[0]);
	for (i = 0; i < 20; i++)
		free(first[i]);
}

static void
test_rate(void **state)
{
	size_t before;

	leat_fake_set(f, "quickstart", "users");
	leat_fake_set(f, "rate", "100");
	must_open();
	assert_int_equal(leat_fake_poll(f), 0);
	leat_fake_add_clock(f, 500000);
	assert_int_equal(leat_fake_poll(f), 50);
	assert_int_equal(leat_fake_run(f, 60, 1000), 0);
	/* A long pause is not made up for by more than a second's worth. */
	before = leat_fake_count(f);
	leat_fake_add_clock(f, 3600000000);
	while (leat_fake_poll(f) > 0)
		;
	assert_true(leat_fake_count(f) - before <= 101);
}

static void
test_confluent(void **state)
{
	leat_fake_set(f, "topic", NULL);
	leat_fake_set(f, "rate", NULL);
	leat_fake_set(f, "kafka.topic", "pageviews");
	leat_fake_set(f, "quickstart", "PAGEVIEWS");
	leat_fake_set(f, "max.interval", "100");
	leat_fake_set(f, "iterations", "10");
	must_open();
	leat_fake_add_clock(f, 100000);
	assert_int_equal(leat_fake_poll(f), 2);
	assert_int_equal(leat_fake_run(f, 10, 1000), 0);
	assert_string_equal(leat_fake_record(f, 0)->topic, "pageviews");
}

static void
refused(const char *key, const char *value, const char *text)
{
	leat_fake_set(f, key, value);
	assert_int_equal(leat_fake_validate(f), LEAT_E_CONFIG);
	if (strstr(leat_fake_err(f)->text, text) == NULL)
		fail_msg("'%s' is not in: %s", text, leat_fake_err(f)->text);
	leat_fake_set(f, key, NULL);
}

static void
test_validation(void **state)
{
	refused("topic", "t", "no fields");
	leat_fake_set(f, "topic", "t");
	refused("field.a", "nope 1", "no generator 'nope'");
	refused("field.a", "int 1", "wrong number of arguments");
	refused("field.a", "int 5 1", "bad argument");
	refused("field.a", "float 1 x", "bad argument");
	refused("field.a", "string 99999999", "bad argument");
	refused("field.a", "bool 2", "bad argument");
	refused("field.a", "timestamp yesterday", "bad argument");
	leat_fake_set(f, "field.a", "uuid");
	refused("key.field", "b", "no field 'b'");
	refused("rate", "-1", "rate");
	leat_fake_set_offset(f, "{\"task\":0}", "{\"x\":1}");
	assert_true(leat_fake_open(f) < 0);
	assert_non_null(strstr(leat_fake_err(f)->text, "sequence"));
}

static void
test_memory(void **state)
{
	uint32_t n;

	for (n = 1; n < 60; n++) {
		struct leat_fake *g = leat_fake_new(
		    leat_plugin()->connectors[0]);

		leat_fake_set(g, "topic", "t");
		leat_fake_set(g, "rate", "0");
		leat_fake_set(g, "count", "20");
		leat_fake_set(g, "quickstart", "users");
		leat_fake_fail_at(g, n);
		if (leat_fake_open(g) == 0) {
			/* What a poll() that fails added is not taken. */
			if (leat_fake_poll(g) < 0)
				leat_fake_clear(g);
			assert_int_equal(leat_fake_durable(g), 0);
			leat_fake_close(g);
		}
		leat_fake_fail_at(g, 0);
		assert_int_equal(leat_fake_open(g), 0);
		while (leat_fake_poll(g) > 0)
			;
		if (leat_fake_count(g) != 20)
			fail_msg("%zu records after failure %u",
			    leat_fake_count(g), n);
		leat_fake_free(g);
	}
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		T(test_generators),
		T(test_reproducible),
		T(test_rate),
		T(test_confluent),
		T(test_validation),
		T(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
