/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "connectors/postgres/pg_ranges.h"

static void
expect(const struct pg_ranges *r, const char *text)
{
	char have[256] = "";
	size_t n = 0;

	for (uint32_t i = 0; i < r->len; i++)
		n += (size_t)snprintf(have + n, sizeof(have) - n, "%s%u-%u",
		    i == 0 ? "" : " ", r->items[i].from, r->items[i].to);
	assert_string_equal(have, text);
}

static void
add(struct pg_ranges *r, uint32_t from, uint32_t to)
{
	assert_int_equal(pg_ranges_add(r, (struct pg_range){ from, to }), 0);
}

static void
test_add(void **state)
{
	struct pg_ranges r = { NULL, 0 };

	add(&r, 10, 20);
	add(&r, 30, 40);
	expect(&r, "10-20 30-40");
	add(&r, 20, 25);
	expect(&r, "10-25 30-40");
	add(&r, 5, 8);
	expect(&r, "5-8 10-25 30-40");
	add(&r, 7, 30);
	expect(&r, "5-40");
	add(&r, 6, 7);
	add(&r, 50, 50);
	expect(&r, "5-40");
	pg_ranges_fini(&r);
}

static void
test_remove(void **state)
{
	struct pg_ranges r = { NULL, 0 };

	pg_ranges_remove(&r, (struct pg_range){ 0, 9 });
	expect(&r, "");
	add(&r, 10, 20);
	add(&r, 30, 40);
	pg_ranges_remove(&r, (struct pg_range){ 20, 30 });
	expect(&r, "10-20 30-40");
	pg_ranges_remove(&r, (struct pg_range){ 12, 14 });
	expect(&r, "10-12 14-20 30-40");
	pg_ranges_remove(&r, (struct pg_range){ 11, 35 });
	expect(&r, "10-11 35-40");
	assert_true(pg_ranges_has(&r, 10) && pg_ranges_has(&r, 39));
	assert_false(pg_ranges_has(&r, 11) || pg_ranges_has(&r, 40));
	pg_ranges_remove(&r, (struct pg_range){ 0, UINT32_MAX });
	expect(&r, "");
	pg_ranges_fini(&r);
}

/* One too many: the shortest is not worth it. */
static void
test_limit(void **state)
{
	struct pg_ranges r = { NULL, 0 };

	for (uint32_t i = 0; i < PG_RANGES_MAX; i++)
		add(&r, i * 10, i * 10 + (i == 7 ? 1 : 5));
	add(&r, 1000000, 1000009);
	assert_int_equal(r.len, PG_RANGES_MAX);
	assert_false(pg_ranges_has(&r, 70));
	pg_ranges_remove(&r, (struct pg_range){ 1000001, 1000003 });
	assert_int_equal(r.len, PG_RANGES_MAX);
	assert_false(pg_ranges_has(&r, 1000000));
	assert_true(pg_ranges_has(&r, 1000003));
	pg_ranges_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_remove),
		cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
