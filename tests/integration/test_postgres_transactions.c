/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_postgres_transactions.c: the records beside the rows: transaction
 * metadata, logical messages and heartbeats, byte for byte.
 */
#include "tests/harness/pgserver.h"
#include "tests/integration/pgjson.h"
#include "tests/integration/pgorders.h"

static void
check_record(struct leat_fake *f, size_t i, const char *key,
    const char *value)
{
	const struct leat_record *rec = leat_fake_record(f, i);

	assert_string_equal(pgt_json("true", rec->key_schema, &rec->key), key);
	assert_string_equal(pgt_json("true", rec->value_schema, &rec->value),
	    value);
	assert_int_equal(rec->nheaders, 0);
}

static struct leat_fake *
open_source(const char *id, const char *option, const char *value)
{
	struct leat_fake *f = pgt_source(pg, id, "public.[ab]");

	th_pg_exec(pg, "DROP TABLE IF EXISTS a, b, c;"
	    "CREATE TABLE a (id int PRIMARY KEY, v text);"
	    "CREATE TABLE b (id int PRIMARY KEY);"
	    "CREATE TABLE c (id int PRIMARY KEY)");
	leat_fake_set(f, "snapshot.mode", "no_data");
	leat_fake_set(f, option, value);
	pgt_open(f);
	(void)leat_fake_run(f, 1, 200);
	leat_fake_clear(f);
	return f;
}

/* Commit time in milliseconds of the transaction that event i is of. */
static const char *
commit_ms(struct leat_fake *f, size_t i)
{
	return pgt_at(f, i, "/source/ts_ms");
}

/* ---------------------------------------------------- transaction metadata */

/* clang-format off */
#define TX_KEY(id) \
	"{\"schema\":{\"type\":\"struct\",\"fields\":[{\"type\":\"string\"," \
	"\"optional\":false,\"field\":\"id\"}],\"optional\":false,\"name\":" \
	"\"io.debezium.connector.common.TransactionMetadataKey\"," \
	"\"version\":1},\"payload\":{\"id\":\"" id "\"}}"
#define TX_VALUE \
	"{\"schema\":{\"type\":\"struct\",\"fields\":[" \
	"{\"type\":\"string\",\"optional\":false,\"field\":\"status\"}," \
	"{\"type\":\"string\",\"optional\":false,\"field\":\"id\"}," \
	"{\"type\":\"int64\",\"optional\":true,\"field\":\"event_count\"}," \
	"{\"type\":\"array\",\"items\":{\"type\":\"struct\",\"fields\":[" \
	"{\"type\":\"string\",\"optional\":false," \
	"\"field\":\"data_collection\"}," \
	"{\"type\":\"int64\",\"optional\":false," \
	"\"field\":\"event_count\"}],\"optional\":true," \
	"\"name\":\"event.collection\",\"version\":1},\"optional\":true," \
	"\"field\":\"data_collections\"}," \
	"{\"type\":\"int64\",\"optional\":false,\"field\":\"ts_ms\"}]," \
	"\"optional\":false,\"name\":" \
	"\"io.debezium.connector.common.TransactionMetadataValue\"," \
	"\"version\":1},\"payload\":"
/* clang-format on */

static void
test_metadata(void **state)
{
	struct leat_fake *f = open_source("txm", "provide.transaction.metadata",
	    "true");
	const char *xid, *first, *end;

	th_pg_exec(pg, "BEGIN; INSERT INTO a VALUES (1); INSERT INTO b VALUES "
	    "(1); INSERT INTO a VALUES (2); UPDATE a SET id = 3 WHERE id = 2; "
	    "COMMIT");
	pgt_run(f, 8);
	xid = pgt_at(f, 1, "/source/txId");
	first = pgt_at(f, 1, "/source/lsn");
	assert_string_equal(leat_fake_record(f, 0)->topic, "px.transaction");
	check_record(f, 0, th_text(TX_KEY("%s:%s"), xid, first),
	    th_text(TX_VALUE "{\"status\":\"BEGIN\",\"id\":\"%s:%s\","
	    "\"event_count\":null,\"data_collections\":null,\"ts_ms\":%s}}",
	    xid, first, commit_ms(f, 1)));
	pgt_expect(f, 1, "/transaction", th_text("{\"id\":\"%s:%s\","
	    "\"total_order\":1,\"data_collection_order\":1}", xid, first));
	pgt_expect(f, 2, "/transaction", th_text("{\"id\":\"%s:%s\","
	    "\"total_order\":2,\"data_collection_order\":1}", xid,
	    pgt_at(f, 2, "/source/lsn")));
	pgt_expect(f, 3, "/transaction/data_collection_order", "2");
	pgt_expect(f, 4, "/op", "\"d\"");
	pgt_expect(f, 4, "/transaction/total_order", "4");
	assert_string_equal(leat_fake_value(f, 5), "null");
	pgt_expect(f, 6, "/op", "\"c\"");
	pgt_expect(f, 6, "/transaction/total_order", "5");
	pgt_expect(f, 6, "/transaction/data_collection_order", "4");
	end = pgt_at(f, 7, "/id");
	end = th_text("%.*s", (int)strlen(end) - 2, end + 1);
	check_record(f, 7, th_text(TX_KEY("%s"), end),
	    th_text(TX_VALUE "{\"status\":\"END\",\"id\":\"%s\","
	    "\"event_count\":5,\"data_collections\":["
	    "{\"data_collection\":\"public.a\",\"event_count\":4},"
	    "{\"data_collection\":\"public.b\",\"event_count\":1}],"
	    "\"ts_ms\":%s}}", end, commit_ms(f, 1)));
	assert_true(strncmp(end, th_text("%s:", xid), strlen(xid) + 1) == 0);

	/* The counts begin anew; a transaction without events has a pair. */
	th_pg_exec(pg, "ALTER PUBLICATION txm ADD TABLE c");
	th_pg_exec(pg, "INSERT INTO c VALUES (1)");
	th_pg_exec(pg, "INSERT INTO a VALUES (9)");
	pgt_run(f, 13);
	pgt_expect(f, 8, "/status", "\"BEGIN\"");
	pgt_expect(f, 9, "/status", "\"END\"");
	pgt_expect(f, 9, "/event_count", "0");
	pgt_expect(f, 9, "/data_collections", "[]");
	pgt_expect(f, 11, "/transaction/total_order", "1");
	pgt_expect(f, 12, "/data_collections", "[{\"data_collection\":"
	    "\"public.a\",\"event_count\":1}]");
	pgt_end(pg, f, "txm");
}

static void
test_metadata_topic(void **state)
{
	struct leat_fake *f = open_source("txt", "topic.transaction", "tx");

	th_pg_exec(pg, "INSERT INTO a VALUES (1)");
	pgt_run(f, 1);
	pgt_expect(f, 0, "/transaction", "null");
	pgt_settle(f);
	leat_fake_close(f);
	leat_fake_clear(f);
	leat_fake_set(f, "provide.transaction.metadata", "true");
	pgt_open(f);
	th_pg_exec(pg, "INSERT INTO a VALUES (2)");
	pgt_run(f, 3);
	assert_string_equal(leat_fake_record(f, 0)->topic, "px.tx");
	pgt_end(pg, f, "txt");
}

/* --------------------------------------------------------------- messages */

/* clang-format off */
#define MESSAGE_VALUE(content) \
	"{\"schema\":{\"type\":\"struct\",\"fields\":[" \
	PLAIN("op", "string", "false") "," \
	PLAIN("ts_ms", "int64", "true") "," SOURCE_SCHEMA \
	"{\"type\":\"struct\",\"fields\":[" \
	PLAIN("id", "string", "false") "," \
	PLAIN("total_order", "int64", "false") "," \
	PLAIN("data_collection_order", "int64", "false") "]," \
	"\"optional\":true,\"name\":\"event.block\",\"version\":1," \
	"\"field\":\"transaction\"}," \
	"{\"type\":\"struct\",\"fields\":[" \
	PLAIN("prefix", "string", "true") "," \
	PLAIN("content", content, "true") "],\"optional\":false," \
	"\"name\":\"io.debezium.connector.postgresql.Message\"," \
	"\"version\":1,\"field\":\"message\"}],\"optional\":false," \
	"\"name\":\"io.debezium.connector.postgresql.MessageValue\"," \
	"\"version\":1},\"payload\":"
#define MESSAGE_KEY \
	"{\"schema\":{\"type\":\"struct\",\"fields\":[" \
	PLAIN("prefix", "string", "true") "],\"optional\":false," \
	"\"name\":\"io.debezium.connector.postgresql.MessageKey\"," \
	"\"version\":1},\"payload\":{\"prefix\":\"audit\"}}"
/* clang-format on */

static void
check_message(struct leat_fake *f, size_t i, const char *txid, const char *us)
{
	check_record(f, i, MESSAGE_KEY, th_text(MESSAGE_VALUE("bytes")
	    "{\"op\":\"m\",\"ts_ms\":%s,\"source\":{\"version\":\""
	    LEAT_VERSION "\",\"connector\":\"postgresql\",\"name\":\"px\","
	    "\"ts_ms\":%.*s,\"snapshot\":\"false\",\"db\":\"postgres\","
	    "\"sequence\":%s,\"ts_us\":%s,\"ts_ns\":%s000,\"schema\":\"\","
	    "\"table\":\"\",\"txId\":%s,\"lsn\":%s,\"xmin\":null,"
	    "\"origin\":null,\"origin_lsn\":null},\"transaction\":null,"
	    "\"message\":{\"prefix\":\"audit\",\"content\":\"aGk=\"}}}",
	    pgt_at(f, i, "/ts_ms"), (int)strlen(us) - 3, us,
	    pgt_at(f, i, "/source/sequence"), us, us, txid,
	    pgt_at(f, i, "/source/lsn")));
}

static void
test_messages(void **state)
{
	struct leat_fake *f = open_source("msg", "binary.handling.mode",
	    "bytes");
	const char *us, *end, *confirmed = "f";

	th_pg_exec(pg, "SELECT pg_logical_emit_message(true, 'audit', 'hi')");
	pgt_run(f, 1);
	assert_string_equal(leat_fake_record(f, 0)->topic, "px.message");
	us = pgt_at(f, 0, "/source/ts_us");
	check_message(f, 0, pgt_at(f, 0, "/source/txId"), us);
	th_pg_exec(pg, "BEGIN; SELECT pg_logical_emit_message(false, 'audit', "
	    "'hi'); ROLLBACK");
	pgt_run(f, 2);
	/* The time is that of the event before it. */
	check_message(f, 1, "null", us);
	pgt_settle(f);
	end = pgt_at(f, 1, "/source/lsn");
	assert_true(strstr(pgt_at(f, 1, "/source/sequence"), end) != NULL);
	/* A lone message is a position: the server may forget it. */
	for (int i = 0; i < 200 && strcmp(confirmed, "t") != 0; i++) {
		pgt_settle(f);
		confirmed = th_pg_value(pg, "SELECT confirmed_flush_lsn - "
		    "'0/0' >= %s FROM pg_replication_slots WHERE "
		    "slot_name = 'msg'", end);
	}
	assert_string_equal(confirmed, "t");
	leat_fake_close(f);
	leat_fake_clear(f);
	pgt_open(f);
	th_pg_exec(pg, "SELECT pg_logical_emit_message(false, 'z', 'new')");
	pgt_run(f, 1);
	pgt_expect(f, 0, "/message/prefix", "\"z\"");
	pgt_end(pg, f, "msg");
}

static void
test_message_lists(void **state)
{
	struct leat_fake *f = open_source("msl", "message.prefix.include.list",
	    "aud.*,b");

	th_pg_exec(pg, "SELECT pg_logical_emit_message(false, p, '\\xff00'::"
	    "bytea) FROM unnest(ARRAY['x','AUDIT','bb','b','aud']) p");
	pgt_run(f, 3);
	assert_string_equal(leat_fake_key(f, 0), "{\"prefix\":\"AUDIT\"}");
	assert_string_equal(leat_fake_key(f, 2), "{\"prefix\":\"aud\"}");
	assert_int_equal(leat_fake_metric(f, "postgres_events_message_total"),
	    3);
	pgt_settle(f);
	leat_fake_close(f);
	leat_fake_set(f, "message.prefix.exclude.list", "x");
	assert_int_equal(leat_fake_validate(f), LEAT_E_CONFIG);
	leat_fake_set(f, "message.prefix.include.list", NULL);
	leat_fake_set(f, "binary.handling.mode", "hex");
	leat_fake_clear(f);
	pgt_open(f);
	th_pg_exec(pg, "SELECT pg_logical_emit_message(true, p, '\\xff00'::"
	    "bytea) FROM unnest(ARRAY['x','y']) p");
	pgt_run(f, 1);
	pgt_expect(f, 0, "/message", "{\"prefix\":\"y\",\"content\":"
	    "\"ff00\"}");
	assert_int_equal(leat_fake_metric(f, "postgres_events_filtered_total"),
	    3);
	pgt_end(pg, f, "msl");
}

static void
test_message_metadata(void **state)
{
	struct leat_fake *f = open_source("msm", "provide.transaction.metadata",
	    "true");

	th_pg_exec(pg, "BEGIN; INSERT INTO a VALUES (1);"
	    "SELECT pg_logical_emit_message(true, 'p', 'x');"
	    "INSERT INTO a VALUES (2); COMMIT");
	pgt_run(f, 5);
	pgt_expect(f, 2, "/transaction/total_order", "2");
	pgt_expect(f, 2, "/transaction/data_collection_order", "1");
	pgt_expect(f, 3, "/transaction/data_collection_order", "2");
	pgt_expect(f, 4, "/data_collections", "[{\"data_collection\":"
	    "\"public.a\",\"event_count\":2},{\"data_collection\":"
	    "\"LOGICAL_DECODING_MESSAGE\",\"event_count\":1}]");
	pgt_end(pg, f, "msm");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_metadata),
		cmocka_unit_test(test_metadata_topic),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_message_lists),
		cmocka_unit_test(test_message_metadata),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
