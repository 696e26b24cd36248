/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pg_position.c: positions as JSON, and the options against each other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <leat/fake_host.h>

#include "pg_conn.h"
#include "pg_position.h"
#include "pg_source.h"

static struct leat_err err;

static void
check_encode(const struct pg_position *p, const char *json)
{
	struct pg_position back;
	struct leat_buf b;

	leat_buf_init(&b, PG_POSITION_MAX);
	pg_position_encode(p, &b);
	assert_string_equal(leat_buf_cstr(&b), json);
	assert_int_equal(pg_position_parse(leat_buf_cstr(&b), &back, &err), 0);
	assert_memory_equal(&back, p, sizeof(back));
	leat_buf_fini(&b);
}

static void
test_encode(void **state)
{
	struct pg_position p = { 0 };

	p.lsn = 531325128;
	p.lsn_commit = 531324880;
	p.flush = 531324880;
	p.final_lsn = 531325200;
	p.events = 3;
	p.txid = 200798;
	p.ts_us = INT64_C(1795331268015674);
	p.message_type = 'D';
	memcpy(p.system_id, "7710916299321037692", 19);
	check_encode(&p, "{\"lsn_proc\":531325128,\"messageType\":\"DELETE\","
	    "\"lsn_commit\":531324880,\"lsn\":531325128,\"txId\":200798,"
	    "\"ts_usec\":1795331268015674,\"lsn_flush\":531324880,"
	    "\"final_lsn\":531325200,\"tx_events\":3,"
	    "\"system_id\":\"7710916299321037692\"}");
	p.records = 2;
	p.message_type = 'U';
	check_encode(&p, "{\"lsn_proc\":531325128,\"messageType\":\"UPDATE\","
	    "\"lsn_commit\":531324880,\"lsn\":531325128,\"txId\":200798,"
	    "\"ts_usec\":1795331268015674,\"lsn_flush\":531324880,"
	    "\"final_lsn\":531325200,\"tx_events\":3,\"tx_records\":2,"
	    "\"system_id\":\"7710916299321037692\"}");
	p = (struct pg_position){ .lsn = 5, .flush = 5, .timeline = 3 };
	check_encode(&p, "{\"lsn_proc\":5,\"lsn\":5,\"ts_usec\":0,"
	    "\"lsn_flush\":5,\"timeline\":3}");
	assert_int_equal(pg_position_confirmed(&p), 5);
	p = (struct pg_position){ .lsn = 5, .flush = 5, .prepared = 3 };
	check_encode(&p, "{\"lsn_proc\":5,\"lsn\":5,\"ts_usec\":0,"
	    "\"lsn_flush\":5,\"lsn_prepared\":3}");
	assert_int_equal(pg_position_confirmed(&p), 3);
	p.prepared = 6;
	assert_int_equal(pg_position_confirmed(&p), 5);
	p = (struct pg_position){ .lsn = 5, .flush = 5, .snapshot = 1 };
	check_encode(&p, "{\"snapshot\":\"INITIAL\",\"lsn_proc\":5,\"lsn\":5,"
	    "\"ts_usec\":0,\"lsn_flush\":5}");
	p.snapshot = 0;
	p.snapshot_done = 1;
	check_encode(&p, "{\"snapshot\":\"INITIAL\","
	    "\"last_snapshot_record\":true,\"snapshot_completed\":true,"
	    "\"lsn_proc\":5,\"lsn\":5,\"ts_usec\":0,\"lsn_flush\":5}");
}

static void
test_parse_foreign(void **state)
{
	struct pg_position p;

	/* Debezium's own, whole transactions are done up to its commit. */
	assert_int_equal(pg_position_parse("{\"lsn_proc\":531325128,"
	    "\"messageType\":\"DELETE\",\"lsn_commit\":531324880,"
	    "\"lsn\":531325128,\"txId\":200798,"
	    "\"ts_usec\":1795331268015674}", &p, &err), 0);
	assert_int_equal(p.flush, 531324880);
	assert_int_equal(p.final_lsn, 0);
	assert_int_equal(p.message_type, 'D');
	assert_int_equal(pg_position_parse("{\"lsn_proc\":7,\"lsn\":7,"
	    "\"txId\":null,\"snapshot\":true}", &p, &err), 0);
	assert_int_equal(p.flush, 7);
	assert_int_equal(p.snapshot, 1);
	assert_int_equal(pg_position_parse("{\"lsn\":1,"
	    "\"snapshot\":\"INITIAL\",\"snapshot_completed\":true}", &p,
	    &err), 0);
	assert_int_equal(p.snapshot, 0);
	assert_true(pg_position_parse("[1]", &p, &err) < 0);
	assert_non_null(strstr(err.text, "not a position"));
	assert_true(pg_position_parse("{\"lsn\":-1}", &p, &err) < 0);
	assert_true(pg_position_parse("{\"lsn\":\"1\"}", &p, &err) < 0);
	assert_true(pg_position_parse("{", &p, &err) < 0);
}

static void
test_lsn(void **state)
{
	assert_int_equal(pg_lsn_parse("0/1FAB5E10"), 0x1fab5e10);
	assert_true(pg_lsn_parse("ffffffff/FFFFFFFF") == UINT64_MAX);
	assert_int_equal(pg_lsn_parse("1"), 0);
	assert_int_equal(pg_lsn_parse("1/x"), 0);
	assert_int_equal(pg_lsn_parse("1/123456789"), 0);
	assert_int_equal(pg_lsn_parse(""), 0);
}

static void
test_error_classes(void **state)
{
	assert_int_equal(pg_error_class("57P03", ""), LEAT_CLS_RETRY);
	assert_int_equal(pg_error_class("08006", ""), LEAT_CLS_RETRY);
	assert_int_equal(pg_error_class("55006", ""), LEAT_CLS_RETRY);
	assert_int_equal(pg_error_class("40001", ""), LEAT_CLS_RETRY);
	assert_int_equal(pg_error_class("53300", ""), LEAT_CLS_RETRY);
	assert_int_equal(pg_error_class("53400", ""), LEAT_CLS_CONFIG);
	assert_int_equal(pg_error_class("28P01", ""), LEAT_CLS_CONFIG);
	assert_int_equal(pg_error_class("42P01", ""), LEAT_CLS_CONFIG);
	assert_int_equal(pg_error_class("3D000", ""), LEAT_CLS_CONFIG);
	assert_int_equal(pg_error_class("", ""), LEAT_CLS_RETRY);
}

static struct leat_fake *f;

static void
refused(const char *key, const char *value, const char *text)
{
	leat_fake_set(f, key, value);
	assert_int_equal(leat_fake_validate(f), LEAT_E_CONFIG);
	if (strstr(leat_fake_err(f)->text, text) == NULL)
		fail_msg("'%s' lacks '%s'", leat_fake_err(f)->text, text);
	leat_fake_set(f, key, NULL);
}

static void
test_options(void **state)
{
	f = leat_fake_new(&pg_source_connector);
	refused("topic.prefix", "px",
	    "database.hostname: neither this nor url");
	leat_fake_set(f, "url", "postgres://localhost/x");
	assert_int_equal(leat_fake_validate(f), 0);
	refused("slot.name", "Big", "slot.name: 'Big' is not 1 to 63");
	refused("topic.prefix", "a b", "topic.prefix: only letters");
	refused("skipped.operations", "c,x", "skipped.operations: 'x' is not");
	refused("table.include.list", "a(", "table.include.list: 'a(' is not a "
	    "regular expression");
	refused("message.key.columns", "abc", "message.key.columns: 'abc' is "
	    "not table:column");
	refused("message.key.columns", "a.b: ", "names no column");
	refused("publication.name", "", "publication.name");
	leat_fake_set(f, "tables", "a.b");
	refused("table.exclude.list", "c.d",
	    "table.exclude.list: not together");
	assert_int_equal(leat_fake_validate(f), 0);
	leat_fake_free(f);
}

static void
test_filters(void **state)
{
	static const char *const in[] = { "shop\\.ord(?:ers|inals)_\\d+",
		"Public.T" };
	struct pg_config cfg = { .table_include = { .items = in, .len = 2 },
		.message_keys = "shop.*:a, b;public.t:c" };
	struct pg_filters fl;
	int32_t rank = -1;

	assert_int_equal(pg_filters_init(&fl, &cfg, &err), 0);
	assert_true(pg_filters_table(&fl, "shop", "orders_12", NULL, &rank));
	assert_int_equal(rank, 0);
	assert_true(pg_filters_table(&fl, "public", "t", NULL, &rank));
	assert_int_equal(rank, 1);
	assert_false(pg_filters_table(&fl, "public", "tt", NULL, NULL));
	assert_false(pg_filters_table(&fl, "shop", "orders_x", NULL, NULL));
	assert_true(pg_filters_table(&fl, "any", "leaf", "public.t", NULL));
	assert_false(pg_filters_table(&fl, "any", "spatial_ref_sys",
	    "public.t", NULL));
	assert_false(pg_filters_table(&fl, "pg_catalog", "t", "public.t",
	    NULL));
	assert_int_equal(pg_filters_key(&fl, "shop", "x")->ncolumns, 2);
	assert_string_equal(pg_filters_key(&fl, "shop", "x")->columns[1], "b");
	assert_null(pg_filters_key(&fl, "other", "x"));
	pg_filters_fini(&fl);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encode),
		cmocka_unit_test(test_parse_foreign),
		cmocka_unit_test(test_lsn),
		cmocka_unit_test(test_error_classes),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_filters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
