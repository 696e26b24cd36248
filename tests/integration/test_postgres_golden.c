/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_postgres_golden.c: sessions whose events are known to the byte, as the
 * JsonConverter writes them with and without their schemas. What the server
 * decides (positions, times, transactions) is taken from the event, after it
 * was checked to be consistent.
 */
#include "tests/harness/pgserver.h"
#include "tests/integration/pgjson.h"
#include "tests/integration/pgorders.h"


#define NOW_US INT64_C(1795331268300412)

#define ROW_OF(id, amount) \
	"{\"id\":" id ",\"customer\":\"ann\",\"amount\":\"" amount "\"," \
	"\"note\":\"none\",\"created\":\"2024-03-01T01:02:03.450000Z\"," \
	"\"m\":null}"
/* What is NOT NULL and was not sent, and the default in place of null. */
#define KEY_OF(id) \
	"{\"id\":" id ",\"customer\":\"\",\"amount\":null,\"note\":\"none\"," \
	"\"created\":\"1970-01-01T00:00:00Z\",\"m\":null}"

/* The event's own word for a field of its source, which must be a number. */
static const char *
number_at(struct leat_fake *f, size_t i, const char *pointer)
{
	const char *s = pgt_at(f, i, pointer);

	assert_true(strspn(s, "0123456789") == strlen(s) && s[0] != '\0');
	return s;
}

/* sequence: the commit before it, or null, and the LSN. */
static const char *
checked_sequence(struct leat_fake *f, size_t i, const char *lsn)
{
	const char *s = pgt_at(f, i, "/source/sequence");
	const char *tail = th_text(",\\\"%s\\\"]\"", lsn);
	size_t n = strlen(s), m = strlen(tail);

	assert_true(n > m && strcmp(s + n - m, tail) == 0);
	assert_true(strncmp(s, "\"[null,", 7) == 0 ||
	    strncmp(s, "\"[\\\"", 4) == 0);
	return s;
}

static const char *
expected(struct leat_fake *f, size_t i, const char *before, const char *after,
    const char *op, const char *snapshot)
{
	const char *us = number_at(f, i, "/source/ts_us");
	const char *lsn = number_at(f, i, "/source/lsn");

	return th_text("{\"before\":%s,\"after\":%s,\"source\":{\"version\":\""
	    LEAT_VERSION "\",\"connector\":\"postgresql\",\"name\":\"px\","
	    "\"ts_ms\":%.*s,\"snapshot\":\"%s\",\"db\":\"postgres\","
	    "\"sequence\":%s,\"ts_us\":%s,\"ts_ns\":%s000,\"schema\":\"shop\","
	    "\"table\":\"orders\",\"txId\":%s,\"lsn\":%s,\"xmin\":null,"
	    "\"origin\":null,\"origin_lsn\":null},\"transaction\":null,"
	    "\"op\":\"%s\",\"ts_ms\":1795331268300,\"ts_us\":1795331268300412,"
	    "\"ts_ns\":1795331268300412000}", before, after,
	    (int)strlen(us) - 3, us, snapshot, checked_sequence(f, i, lsn), us,
	    us, number_at(f, i, "/source/txId"), lsn, op);
}

static void
expect_key(struct leat_fake *f, size_t i, const char *key)
{
	const struct leat_record *rec = leat_fake_record(f, i);

	assert_string_equal(rec->topic, "px.shop.orders");
	assert_string_equal(pgt_json("false", rec->key_schema, &rec->key), key);
	assert_string_equal(pgt_json("true", rec->key_schema, &rec->key),
	    th_text("{\"schema\":{\"type\":\"struct\",\"fields\":["
	    "{\"type\":\"int32\",\"optional\":false,\"default\":0,"
	    "\"field\":\"id\"}],\"optional\":false,\"name\":"
	    "\"px.shop.orders.Key\"},\"payload\":%s}", key));
}

static void
expect_event(struct leat_fake *f, size_t i, const char *before,
    const char *after, const char *op, const char *snapshot)
{
	const struct leat_record *rec = leat_fake_record(f, i);
	const char *want = expected(f, i, before, after, op, snapshot);

	assert_string_equal(pgt_json("false", rec->value_schema, &rec->value),
	    want);
	assert_string_equal(pgt_json("true", rec->value_schema,
	    &rec->value), th_text(ENVELOPE_SCHEMA "%s}", want));
}

static void
expect_tombstone(struct leat_fake *f, size_t i)
{
	const struct leat_record *rec = leat_fake_record(f, i);

	assert_null(rec->value_schema);
	assert_string_equal(pgt_json("false", NULL, &rec->value), "(null)");
	assert_string_equal(pgt_json("true", NULL, &rec->value),
	    "(null)");
}

/* A key header's value, with the schema of the key. */
static void
expect_header(struct leat_fake *f, size_t i, const char *name,
    const char *json)
{
	const struct leat_record *rec = leat_fake_record(f, i);

	for (uint32_t h = 0; h < rec->nheaders; h++) {
		if (strcmp(rec->headers[h].name, name) != 0)
			continue;
		assert_ptr_equal(rec->headers[h].schema, rec->key_schema);
		assert_string_equal(pgt_json("false", rec->headers[h].schema,
		    &rec->headers[h].value), json);
		return;
	}
	fail_msg("record %zu has no header %s", i, name);
}

static struct leat_fake *
open_orders(const char *id, const char *mode)
{
	struct leat_fake *f = pgt_source(pg, id, "shop.orders");

	leat_fake_set(f, "snapshot.mode", mode);
	leat_fake_set(f, "skipped.operations", "none");
	pgt_open(f);
	return f;
}

/* Until there are n records, with the clock standing. */
static void
run(struct leat_fake *f, size_t n)
{
	leat_fake_set_clock(f, NOW_US);
	for (int i = 0; i < 4000 && leat_fake_count(f) < n; i++) {
		if (leat_fake_poll(f) < 0)
			fail_msg("%s", leat_fake_err(f)->text);
		th_nap(5);
	}
	assert_int_equal(leat_fake_count(f), n);
}

static void
make_session(void)
{
	insert_ann(pg);
	th_pg_exec(pg, "UPDATE shop.orders SET amount=5 WHERE id=1");
	th_pg_exec(pg, "UPDATE shop.orders SET id=7 WHERE id=1");
	th_pg_exec(pg, "DELETE FROM shop.orders WHERE id=7");
	th_pg_exec(pg, "TRUNCATE shop.orders RESTART IDENTITY");
}

static void
expect_session(struct leat_fake *f, const char *before2, const char *before3,
    const char *before4)
{
	expect_key(f, 0, "{\"id\":1}");
	expect_event(f, 0, "null", ROW_OF("1", "B88="), "c", "false");
	expect_key(f, 1, "{\"id\":1}");
	expect_event(f, 1, before2, ROW_OF("1", "AfQ="), "u", "false");
	expect_key(f, 2, "{\"id\":1}");
	expect_event(f, 2, before3, "null", "d", "false");
	expect_header(f, 2, "__debezium.newkey", "{\"id\":7}");
	expect_key(f, 3, "{\"id\":1}");
	expect_tombstone(f, 3);
	expect_header(f, 3, "__debezium.newkey", "{\"id\":7}");
	expect_key(f, 4, "{\"id\":7}");
	expect_event(f, 4, "null", ROW_OF("7", "AfQ="), "c", "false");
	expect_header(f, 4, "__debezium.oldkey", "{\"id\":1}");
	/* All three of the changed key stand at one place. */
	assert_string_equal(pgt_at(f, 2, "/source"), pgt_at(f, 4, "/source"));
	expect_key(f, 5, "{\"id\":7}");
	expect_event(f, 5, before4, "null", "d", "false");
	expect_key(f, 6, "{\"id\":7}");
	expect_tombstone(f, 6);
	assert_null(leat_fake_record(f, 7)->key_schema);
	expect_event(f, 7, "null", "null", "t", "false");
}

static void
test_identity_default(void **state)
{
	struct leat_fake *f;

	make_orders(pg);
	f = open_orders("gold_default", "no_data");
	make_session();
	run(f, 8);
	expect_session(f, "null", KEY_OF("1"), KEY_OF("7"));
	assert_memory_equal(pgt_at(f, 0, "/source/sequence"), "\"[null,", 7);
	pgt_end(pg, f, "gold_default");
}

static void
test_identity_full(void **state)
{
	struct leat_fake *f;

	make_orders(pg);
	th_pg_exec(pg, "ALTER TABLE shop.orders REPLICA IDENTITY FULL");
	f = open_orders("gold_full", "no_data");
	make_session();
	run(f, 8);
	expect_session(f, ROW_OF("1", "B88="), ROW_OF("1", "AfQ="),
	    ROW_OF("7", "AfQ="));
	pgt_end(pg, f, "gold_full");
}

static void
test_snapshot(void **state)
{
	static const char *const markers[] = { "first", "true", "last" };
	struct leat_fake *f;

	make_orders(pg);
	for (int i = 0; i < 3; i++)
		insert_ann(pg);
	f = open_orders("gold_snap", "initial");
	run(f, 3);
	for (size_t i = 0; i < 3; i++) {
		const char *id = th_text("%zu", i + 1);

		expect_key(f, i, th_text("{\"id\":%s}", id));
		expect_event(f, i, "null", th_text(ROW_OF("%s", "B88="), id),
		    "r", markers[i]);
	}
	pgt_end(pg, f, "gold_snap");
}

/* A large value that the update left alone, by replica identity. */
static void
test_unchanged(void **state)
{
	struct leat_fake *f;
	const char *large;

	make_orders(pg);
	th_pg_exec(pg, "ALTER TABLE shop.orders ALTER note SET STORAGE "
	    "EXTERNAL");
	f = open_orders("gold_toast", "no_data");
	insert_ann(pg);
	th_pg_exec(pg, "UPDATE shop.orders SET note = repeat('x', 9000)");
	th_pg_exec(pg, "UPDATE shop.orders SET amount = 1");
	th_pg_exec(pg, "ALTER TABLE shop.orders REPLICA IDENTITY FULL");
	th_pg_exec(pg, "UPDATE shop.orders SET amount = 5");
	run(f, 4);
	expect_event(f, 2, "null", "{\"id\":1,\"customer\":\"ann\","
	    "\"amount\":\"ZA==\",\"note\":\"__debezium_unavailable_value\","
	    "\"created\":\"2024-03-01T01:02:03.450000Z\",\"m\":null}", "u",
	    "false");
	large = pgt_at(f, 1, "/after/note");
	assert_int_equal(strlen(large), 9002);
	assert_string_equal(pgt_at(f, 3, "/before/note"), large);
	assert_string_equal(pgt_at(f, 3, "/after/note"), large);
	pgt_end(pg, f, "gold_toast");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identity_default),
		cmocka_unit_test(test_identity_full),
		cmocka_unit_test(test_snapshot),
		cmocka_unit_test(test_unchanged),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
