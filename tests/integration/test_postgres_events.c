/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_postgres_events.c: what a row and its changes look like as events.
 */
#include "tests/harness/pgserver.h"
#include "tests/integration/pgorders.h"

#include "core/record/converter.h"
#include "core/record/record_testing.h"

static void
test_operations(void **state)
{
	struct leat_fake *f = pgt_source(pg, "ops", "shop.orders");

	make_orders(pg);
	leat_fake_set(f, "skipped.operations", "none");
	pgt_open(f);
	(void)leat_fake_run(f, 1, 200);
	insert_ann(pg);
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
	pgt_expect(f, 0, "/source/snapshot", "null");
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

/* -------------------------------------------- the whole event, as written */

static void *converter;

/* A value by the JsonConverter, with its schema. */
static const char *
converted(const struct leat_schema *schema, const struct leat_value *v)
{
	struct leat_err err = LEAT_ERR_INIT;
	struct leat_buf b;
	const char *text;
	bool null = false;

	leat_buf_init(&b, 1u << 20);
	if (json_converter.encode(converter, schema, v, &b, &null, &err) < 0)
		fail_msg("%s", err.text);
	text = th_text("%s", leat_buf_cstr(&b));
	leat_buf_fini(&b);
	return text;
}

/* What the server decides is taken from the event; all else is spelled out. */
static const char *
expected_insert(struct leat_fake *f)
{
	const char *us = pgt_at(f, 0, "/source/ts_us");
	const char *lsn = pgt_at(f, 0, "/source/lsn");

	return th_text(ENVELOPE_SCHEMA "{\"before\":null,\"after\":" ROW1
	    ",\"source\":{\"version\":\"" LEAT_VERSION "\","
	    "\"connector\":\"postgresql\",\"name\":\"px\",\"ts_ms\":%.*s,"
	    "\"snapshot\":\"false\",\"db\":\"postgres\","
	    "\"sequence\":\"[null,\\\"%s\\\"]\",\"ts_us\":%s,"
	    "\"ts_ns\":%s000,\"schema\":\"shop\",\"table\":\"orders\","
	    "\"txId\":%s,\"lsn\":%s,\"xmin\":null,\"origin\":null,"
	    "\"origin_lsn\":null},\"transaction\":null,\"op\":\"c\","
	    "\"ts_ms\":1795331268300,\"ts_us\":1795331268300412,"
	    "\"ts_ns\":1795331268300412000}}", (int)strlen(us) - 3, us, lsn,
	    us, us, th_pg_value(pg, "SELECT xmin FROM shop.orders"), lsn);
}

static void
test_json(void **state)
{
	static const char *const settings[] = { NULL };
	struct leat_schema_pool *pool = leat_schema_pool_new(1u << 24);
	struct leat_fake *f = pgt_source(pg, "json", "shop.orders");
	const struct leat_record *rec;

	converter = testing_open(&json_converter, pool, settings);
	make_orders(pg);
	pgt_open(f);
	(void)leat_fake_run(f, 1, 200);
	insert_ann(pg);
	leat_fake_set_clock(f, INT64_C(1795331268300412));
	for (int i = 0; i < 1000 && leat_fake_count(f) == 0; i++) {
		assert_true(leat_fake_poll(f) >= 0);
		th_nap(5);
	}
	rec = leat_fake_record(f, 0);
	assert_string_equal(converted(rec->key_schema, &rec->key),
	    "{\"schema\":{\"type\":\"struct\",\"fields\":["
	    "{\"type\":\"int32\",\"optional\":false,\"default\":0,"
	    "\"field\":\"id\"}],\"optional\":false,\"name\":"
	    "\"px.shop.orders.Key\"},\"payload\":{\"id\":1}}");
	assert_string_equal(converted(rec->value_schema, &rec->value),
	    expected_insert(f));
	pgt_end(pg, f, "json");
	json_converter.close(converter);
	leat_schema_pool_free(pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_operations),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
