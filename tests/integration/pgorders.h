/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pgorders.h: a small table of orders, a row of it as an event has it, and the
 * schema that the JsonConverter writes for its events.
 */
#ifndef LEAT_TESTS_INTEGRATION_PGORDERS_H
#define LEAT_TESTS_INTEGRATION_PGORDERS_H

#include "tests/integration/pgtest.h"

#define ROW1 "{\"id\":1,\"customer\":\"ann\",\"amount\":\"B88=\"," \
	     "\"note\":\"none\",\"created\":\"2024-03-01T01:02:03.450000Z\"," \
	     "\"m\":null}"

static inline void
make_orders(struct th_pg *server)
{
	th_pg_exec(server,
	    "DROP SCHEMA IF EXISTS shop CASCADE; CREATE SCHEMA shop;"
	    "CREATE TYPE shop.mood AS ENUM ('sad','happy');"
	    "CREATE TABLE shop.orders(id serial PRIMARY KEY,"
	    " customer varchar(20) NOT NULL, amount numeric(10,2),"
	    " note text DEFAULT 'none', created timestamptz NOT NULL,"
	    " m shop.mood)");
}

static inline void
insert_ann(struct th_pg *server)
{
	th_pg_exec(server, "INSERT INTO shop.orders(customer,amount,created) "
	    "VALUES ('ann',19.99,'2024-03-01 01:02:03.45+00')");
}

/* clang-format off */
#define COLUMNS \
	"{\"type\":\"int32\",\"optional\":false,\"default\":0," \
	"\"field\":\"id\"}," \
	"{\"type\":\"string\",\"optional\":false,\"field\":\"customer\"}," \
	"{\"type\":\"bytes\",\"optional\":true,\"name\":" \
	"\"org.apache.kafka.connect.data.Decimal\",\"version\":1," \
	"\"parameters\":{\"scale\":\"2\"," \
	"\"connect.decimal.precision\":\"10\"},\"field\":\"amount\"}," \
	"{\"type\":\"string\",\"optional\":true,\"default\":\"none\"," \
	"\"field\":\"note\"}," \
	"{\"type\":\"string\",\"optional\":false,\"name\":" \
	"\"io.debezium.time.ZonedTimestamp\",\"version\":1," \
	"\"field\":\"created\"}," \
	"{\"type\":\"string\",\"optional\":true,\"name\":" \
	"\"io.debezium.data.Enum\",\"version\":1,\"parameters\":" \
	"{\"allowed\":\"sad,happy\"},\"field\":\"m\"}"
#define ROW_SCHEMA(field) \
	"{\"type\":\"struct\",\"fields\":[" COLUMNS "]," \
	"\"optional\":true,\"name\":\"px.shop.orders.Value\"," \
	"\"field\":\"" field "\"},"
#define PLAIN(name, type, optional) \
	"{\"type\":\"" type "\",\"optional\":" optional \
	",\"field\":\"" name "\"}"
#define SOURCE_SCHEMA \
	"{\"type\":\"struct\",\"fields\":[" \
	PLAIN("version", "string", "false") "," \
	PLAIN("connector", "string", "false") "," \
	PLAIN("name", "string", "false") "," \
	PLAIN("ts_ms", "int64", "false") "," \
	"{\"type\":\"string\",\"optional\":true,\"name\":" \
	"\"io.debezium.data.Enum\",\"version\":1,\"parameters\":" \
	"{\"allowed\":\"true,first,first_in_data_collection," \
	"last_in_data_collection,last,false,incremental\"}," \
	"\"default\":\"false\",\"field\":\"snapshot\"}," \
	PLAIN("db", "string", "false") "," \
	PLAIN("sequence", "string", "true") "," \
	PLAIN("ts_us", "int64", "true") "," \
	PLAIN("ts_ns", "int64", "true") "," \
	PLAIN("schema", "string", "false") "," \
	PLAIN("table", "string", "false") "," \
	PLAIN("txId", "int64", "true") "," \
	PLAIN("lsn", "int64", "true") "," \
	PLAIN("xmin", "int64", "true") "," \
	PLAIN("origin", "string", "true") "," \
	PLAIN("origin_lsn", "int64", "true") "]," \
	"\"optional\":false,\"name\":" \
	"\"io.debezium.connector.postgresql.Source\"," \
	"\"version\":1,\"field\":\"source\"},"
#define TRANSACTION_SCHEMA \
	"{\"type\":\"struct\",\"fields\":[" \
	PLAIN("id", "string", "false") "," \
	PLAIN("total_order", "int64", "false") "," \
	PLAIN("data_collection_order", "int64", "false") "]," \
	"\"optional\":true,\"name\":\"event.block\",\"version\":1," \
	"\"field\":\"transaction\"},"
#define ENVELOPE_SCHEMA \
	"{\"schema\":{\"type\":\"struct\",\"fields\":[" \
	ROW_SCHEMA("before") ROW_SCHEMA("after") SOURCE_SCHEMA \
	TRANSACTION_SCHEMA PLAIN("op", "string", "false") "," \
	PLAIN("ts_ms", "int64", "true") "," \
	PLAIN("ts_us", "int64", "true") "," \
	PLAIN("ts_ns", "int64", "true") "],\"optional\":false," \
	"\"name\":\"px.shop.orders.Envelope\",\"version\":2},\"payload\":"

/* clang-format on */

#endif
