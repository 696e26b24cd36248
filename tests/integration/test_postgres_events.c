/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_postgres_events.c: what a row and its changes look like as events.
 */
#include "tests/integration/pgtest.h"

static struct th_pg *pg;

#define ROW1 "{\"id\":1,\"customer\":\"ann\",\"amount\":\"B88=\"," \
	"\"note\":\"none\",\"created\":\"2024-03-01T01:02:03.450000Z\"," \
	"\"m\":null}"

static void
make_orders(void)
{
	th_pg_exec(pg, "DROP SCHEMA IF EXISTS shop CASCADE; CREATE SCHEMA shop;"
	    "CREATE TYPE shop.mood AS ENUM ('sad','happy');"
	    "CREATE TABLE shop.orders(id serial PRIMARY KEY,"
	    " customer varchar(20) NOT NULL, amount numeric(10,2),"
	    " note text DEFAULT 'none', created timestamptz NOT NULL,"
	    " m shop.mood)");
}

static void
insert_ann(void)
{
	th_pg_exec(pg, "INSERT INTO shop.orders(customer,amount,created) "
	    "VALUES ('ann',19.99,'2024-03-01 01:02:03.45+00')");
}

static void
test_operations(void **state)
{
	struct leat_fake *f = pgt_source(pg, "ops", "shop.orders");

	make_orders();
	leat_fake_set(f, "skipped.operations", "none");
	pgt_open(f);
	(void)leat_fake_run(f, 1, 200);
	insert_ann();
	th_pg_exec(pg, "UPDATE shop.orders SET amount=5 WHERE id=1");
	th_pg_exec(pg, "UPDATE shop.orders SET id=7 WHERE id=1");
	th_pg_exec(pg, "DELETE FROM shop.orders WHERE id=7");
	th_pg_exec(pg, "TRUNCATE shop.orders RESTART IDENTITY");
	pgt_run(f, 8);

	assert_string_equal(leat_fake_record(f, 0)->topic, "px.shop.orders");
	assert_string_equal(leat_fake_key(f, 0), "{\"id\":1}");
	pgt_expect(f, 0, "/op", "\"c\"");
	pgt_expect(f, 0, "/before", "null");
	pgt_expect(f, 0, "/after", ROW1);
	pgt_expect(f, 0, "/source/snapshot", "\"false\"");
	pgt_expect(f, 0, "/source/table", "\"orders\"");

	pgt_expect(f, 1, "/op", "\"u\"");
	pgt_expect(f, 1, "/before", "null");
	pgt_expect(f, 1, "/after/amount", "\"AfQ=\"");

	assert_string_equal(leat_fake_key(f, 2), "{\"id\":1}");
	pgt_expect(f, 2, "/op", "\"d\"");
	pgt_expect(f, 2, "/before/id", "1");
	pgt_expect(f, 2, "/before/customer", "\"\"");
	pgt_expect(f, 2, "/before/created", "\"1970-01-01T00:00:00Z\"");
	pgt_expect(f, 2, "/after", "null");
	assert_non_null(strstr(leat_fake_json(f, 2),
	    "\"__debezium.newkey\":{\"id\":7}"));
	assert_string_equal(leat_fake_key(f, 3), "{\"id\":1}");
	assert_string_equal(leat_fake_value(f, 3), "null");
	assert_string_equal(leat_fake_key(f, 4), "{\"id\":7}");
	pgt_expect(f, 4, "/op", "\"c\"");
	assert_non_null(strstr(leat_fake_json(f, 4),
	    "\"__debezium.oldkey\":{\"id\":1}"));

	assert_string_equal(leat_fake_key(f, 5), "{\"id\":7}");
	pgt_expect(f, 5, "/op", "\"d\"");
	assert_string_equal(leat_fake_value(f, 6), "null");
	pgt_expect(f, 7, "/op", "\"t\"");
	assert_string_equal(leat_fake_key(f, 7), "null");
	pgt_end(pg, f, "ops");
}

static int
start(void **state)
{
	pg = th_pg_start(NULL);
	return 0;
}

static int
stop(void **state)
{
	th_pg_free(pg);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_operations),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
