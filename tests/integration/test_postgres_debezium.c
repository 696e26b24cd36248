/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_postgres_debezium.c: connector configurations as people have them for
 * Debezium, posted to the REST API unchanged. The two have the forty keys that
 * are used most, and more; lists to include and to exclude do not go together,
 * so each configuration has one kind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/harness/jsonq.h"
#include "tests/harness/pg.h"
#include "tests/harness/proc.h"
#include "tests/harness/reader.h"
#include "tests/harness/th_worker.h"

enum { SOON_MS = 30000 };

#define INCLUDING \
    "{\"name\": \"inventory\", \"config\": {" \
    "\"connector.class\":" \
    " \"io.debezium.connector.postgresql.PostgresConnector\"," \
    "\"tasks.max\": \"1\"," \
    "\"database.hostname\": \"127.0.0.1\"," \
    "\"database.port\": \"%u\"," \
    "\"database.user\": \"postgres\"," \
    "\"database.password\": \"secret\"," \
    "\"database.dbname\": \"postgres\"," \
    "\"database.sslmode\": \"prefer\"," \
    "\"database.sslrootcert\": \"\"," \
    "\"topic.prefix\": \"fulfillment\"," \
    "\"plugin.name\": \"pgoutput\"," \
    "\"slot.name\": \"fulfillment\"," \
    "\"slot.drop.on.stop\": \"false\"," \
    "\"slot.failover\": \"false\"," \
    "\"publication.name\": \"fulfillment_pub\"," \
    "\"publication.autocreate.mode\": \"filtered\"," \
    "\"replica.identity.autoset.values\": \"inventory.orders:FULL\"," \
    "\"schema.include.list\": \"inventory\"," \
    "\"table.include.list\": \"inventory.customers,inventory.orders\"," \
    "\"column.include.list\":" \
    " \"inventory.customers.(id|name|attrs),inventory.orders.*\"," \
    "\"skipped.operations\": \"t\"," \
    "\"tombstones.on.delete\": \"true\"," \
    "\"message.key.columns\": \"inventory.orders:id,customer\"," \
    "\"decimal.handling.mode\": \"string\"," \
    "\"time.precision.mode\": \"connect\"," \
    "\"binary.handling.mode\": \"base64\"," \
    "\"hstore.handling.mode\": \"json\"," \
    "\"schema.name.adjustment.mode\": \"avro\"," \
    "\"field.name.adjustment.mode\": \"avro\"," \
    "\"provide.transaction.metadata\": \"true\"," \
    "\"snapshot.mode\": \"initial\"," \
    "\"snapshot.select.statement.overrides\": \"inventory.customers\"," \
    "\"snapshot.select.statement.overrides.inventory.customers\":" \
    " \"SELECT * FROM inventory.customers WHERE id < 1000\"," \
    "\"snapshot.fetch.size\": \"10240\"," \
    "\"snapshot.max.threads\": \"2\"," \
    "\"signal.data.collection\": \"inventory.debezium_signal\"," \
    "\"signal.enabled.channels\": \"source\"," \
    "\"incremental.snapshot.chunk.size\": \"2\"," \
    "\"max.batch.size\": \"2048\"," \
    "\"max.queue.size\": \"8192\"," \
    "\"heartbeat.interval.ms\": \"500\"," \
    "\"heartbeat.action.query\":" \
    " \"INSERT INTO inventory.beats DEFAULT VALUES\"," \
    "\"key.converter\": \"org.apache.kafka.connect.json.JsonConverter\"," \
    "\"key.converter.schemas.enable\": \"false\"," \
    "\"value.converter\": \"org.apache.kafka.connect.json.JsonConverter\"," \
    "\"value.converter.schemas.enable\": \"false\"" \
    "}}"

#define EXCLUDING \
    "{\"name\": \"archive\", \"config\": {" \
    "\"connector.class\":" \
    " \"io.debezium.connector.postgresql.PostgresConnector\"," \
    "\"tasks.max\": \"1\"," \
    "\"database.hostname\": \"127.0.0.1\"," \
    "\"database.port\": \"%u\"," \
    "\"database.user\": \"postgres\"," \
    "\"database.password\": \"secret\"," \
    "\"database.dbname\": \"postgres\"," \
    "\"topic.prefix\": \"archive\"," \
    "\"plugin.name\": \"pgoutput\"," \
    "\"slot.name\": \"archive\"," \
    "\"publication.name\": \"archive_pub\"," \
    "\"publication.autocreate.mode\": \"filtered\"," \
    "\"schema.exclude.list\": \"public,audit\"," \
    "\"table.exclude.list\": \"inventory.beats,inventory.debezium_signal\"," \
    "\"column.exclude.list\": \"inventory.customers.email\"," \
    "\"column.mask.with.5.chars\": \"inventory.customers.name\"," \
    "\"snapshot.mode\": \"initial\"," \
    "\"key.converter\": \"org.apache.kafka.connect.json.JsonConverter\"," \
    "\"value.converter\": \"org.apache.kafka.connect.json.JsonConverter\"" \
    "}}"

static struct th_pg *pg;
static struct th_worker *w;

static int
start(void **state)
{
	(void)state;
	pg = th_pg_start(NULL);
	th_pg_exec(pg, "CREATE SCHEMA inventory; CREATE SCHEMA audit;"
	    "CREATE EXTENSION hstore;"
	    "CREATE TABLE inventory.customers (id int PRIMARY KEY, name text,"
	    " email text, attrs hstore);"
	    "CREATE TABLE inventory.orders (id int, customer int, total "
	    " numeric(10,2), at timestamp, doc bytea, PRIMARY KEY (id));"
	    "CREATE TABLE inventory.beats (id serial PRIMARY KEY);"
	    "CREATE TABLE inventory.debezium_signal (id varchar(42) PRIMARY "
	    " KEY, type varchar(32) NOT NULL, data varchar(2048));"
	    "CREATE TABLE audit.log (id int PRIMARY KEY);"
	    "INSERT INTO inventory.customers VALUES"
	    " (1, 'Ada', 'ada@x', 'k=>v'), (2, 'Bob', 'bob@x', NULL),"
	    " (5000, 'beyond', NULL, NULL);"
	    "INSERT INTO inventory.orders VALUES"
	    " (1, 1, 12.50, '2026-01-02 03:04:05', '\\x0102')");
	w = th_worker_start(NULL);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	assert_int_equal(th_worker_stop(w), 0);
	th_worker_free(w);
	th_pg_free(pg);
	return 0;
}

static void
post(const char *body)
{
	const char *answer;
	int status = th_worker_call(w, "POST", "/connectors", body, &answer);

	if (status != 201)
		fail_msg("%d: %s", status, answer);
}

/* The records of a topic so far, as "op key;". */
struct seen {
	char text[4096];
	const char *last;
};

static void
take(void *arg, const struct th_record *rec)
{
	struct seen *s = arg;
	size_t len = strlen(s->text);

	(void)snprintf(s->text + len, sizeof(s->text) - len, "%s %s;",
	    rec->value == NULL ? "-" : th_json_text(th_json(rec->value), "/op"),
	    rec->key);
	s->last = rec->value == NULL ? NULL : th_text("%s", rec->value);
}

static void
expect(struct th_reader *r, struct seen *s, size_t n, const char *text)
{
	th_reader_wait(r, n, SOON_MS, take, s);
	assert_string_equal(s->text, text);
}

static void
test_including(void **state)
{
	struct seen customers = { 0 }, orders = { 0 };
	struct th_reader *c, *o, *tx;

	(void)state;
	post(th_text(INCLUDING, (unsigned)th_pg_port(pg)));
	TH_WAIT(th_worker_is(w, "inventory", "RUNNING"), SOON_MS);
	c = th_reader_open(w, "fulfillment.inventory.customers");
	o = th_reader_open(w, "fulfillment.inventory.orders");
	tx = th_reader_open(w, "fulfillment.transaction");
	expect(c, &customers, 2, "r {\"id\":1};r {\"id\":2};");
	expect(o, &orders, 1, "r {\"id\":1,\"customer\":1};");
	assert_non_null(strstr(orders.last, "\"total\":\"12.50\""));
	assert_non_null(strstr(orders.last, "\"doc\":\"AQI=\""));
	assert_non_null(strstr(orders.last, "\"at\":1767323045000"));
	th_pg_exec(pg, "BEGIN; UPDATE inventory.orders SET total = 13;"
	    "DELETE FROM inventory.customers WHERE id = 2; COMMIT");
	expect(o, &orders, 2, "r {\"id\":1,\"customer\":1};"
	    "u {\"id\":1,\"customer\":1};");
	/* The identity was set to FULL, the transaction is told. */
	assert_non_null(strstr(orders.last, "\"before\":{\"id\":1"));
	assert_non_null(strstr(orders.last, "\"total_order\":1"));
	expect(c, &customers, 4, "r {\"id\":1};r {\"id\":2};"
	    "d {\"id\":2};- {\"id\":2};");
	th_reader_wait(tx, 2, SOON_MS, NULL, NULL);
	TH_WAIT(th_worker_topic(w, "__debezium-heartbeat.fulfillment",
	    "end_offset") > 0, SOON_MS);
	assert_true(th_pg_wait(pg, "t", SOON_MS,
	    "SELECT count(*) > 0 FROM inventory.beats"));
	th_pg_exec(pg, "INSERT INTO inventory.debezium_signal VALUES ('ad-hoc',"
	    " 'execute-snapshot', '{\"data-collections\":"
	    " [\"inventory.customers\"], \"type\": \"incremental\"}')");
	expect(c, &customers, 6, "r {\"id\":1};r {\"id\":2};"
	    "d {\"id\":2};- {\"id\":2};r {\"id\":1};r {\"id\":5000};");
	th_reader_close(c);
	th_reader_close(o);
	th_reader_close(tx);
}

static void
test_excluding(void **state)
{
	struct th_reader *r;
	struct seen seen = { 0 };

	(void)state;
	post(th_text(EXCLUDING, (unsigned)th_pg_port(pg)));
	TH_WAIT(th_worker_is(w, "archive", "RUNNING"), SOON_MS);
	r = th_reader_open(w, "archive.inventory.customers");
	th_reader_wait(r, 2, SOON_MS, take, &seen);
	assert_null(strstr(seen.last, "email"));
	assert_non_null(strstr(seen.last, "\"name\":\"*****\""));
	th_reader_close(r);
	assert_int_equal(th_worker_topic(w, "archive.audit.log", "end_offset"),
	    0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_including),
		cmocka_unit_test(test_excluding),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
