/* SPDX-License-Identifier: Apache-2.0 */
/* test_cloud_events.c: change events as CloudEvents, and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <leat/json.h>

#include "core/config/properties.h"
#include "core/record/testing_chain.h"

#define CLOUD "value.converter=io.debezium.converters.CloudEventsConverter\n"
#define PLAIN CLOUD "value.converter.json.schemas.enable=false\n"

#define E1_HEAD                                                              \
	"{\"id\":\"name:px;lsn:531324432;txId:200795;sequence:[null,"        \
	"\\\"531324432\\\"]\",\"source\":\"/debezium/postgresql/px\","       \
	"\"specversion\":\"1.0\",\"type\":\"io.debezium.connector."          \
	"postgresql.DataChangeEvent\",\"time\":\"2026-11-22T07:07:48.011Z\"" \
	",\"datacontenttype\":\"application/json\""
#define E1_EXTENSIONS                                                     \
	",\"iodebeziumop\":\"c\",\"iodebeziumversion\":\"3.7.0.Final\","  \
	"\"iodebeziumconnector\":\"postgresql\",\"iodebeziumname\":"      \
	"\"px\",\"iodebeziumtsms\":\"1795331268011\","                    \
	"\"iodebeziumsnapshot\":\"false\",\"iodebeziumdb\":\"demo\","     \
	"\"iodebeziumsequence\":\"[null,\\\"531324432\\\"]\","            \
	"\"iodebeziumtsus\":\"1795331268011738\",\"iodebeziumtsns\":"     \
	"\"1795331268011738000\",\"iodebeziumschema\":\"shop\","          \
	"\"iodebeziumtable\":\"orders\",\"iodebeziumtxId\":\"200795\","   \
	"\"iodebeziumlsn\":\"531324432\",\"iodebeziumxmin\":null,"        \
	"\"iodebeziumorigin\":null,\"iodebeziumoriginlsn\":null"
#define NO_TRANSACTION                                        \
	",\"iodebeziumtxid\":null,\"iodebeziumtxtotalorder\":null," \
	"\"iodebeziumtxdatacollectionorder\":null"
#define E1_DATA "{\"before\":null,\"after\":" E1_AFTER "}"

/* The value's bytes for an event, or "!error". */
static const char *
run(struct testing_chain *c, const char *settings, struct leat_record *rec)
{
	const char *line;

	assert_int_equal(testing_chain_open(c, settings), 0);
	line = testing_chain_run(c, rec);
	if (line[0] == '!')
		return line;
	line = strchr(strchr(line, '|') + 1, '|') + 1;
	return leat_arena_strndup(&c->arena, line,
	    (size_t)(strrchr(line, '|') - line));
}

static void
expect(const char *settings, struct leat_record rec, const char *want)
{
	struct testing_chain c;

	assert_string_equal(run(&c, settings, &rec), want);
	testing_chain_close(&c);
}

static struct leat_record
event(const struct leat_value *v)
{
	return (struct leat_record){ .topic = "px.shop.orders",
		.key_schema = &t_key, .key = t_k1,
		.value_schema = &t_envelope, .value = *v };
}

static void
test_plain(void **state)
{
	expect(PLAIN, event(&t_e1), E1_HEAD E1_EXTENSIONS NO_TRANSACTION
	    ",\"data\":" E1_DATA "}");
	expect(PLAIN "value.converter.extension.attributes.enable=false\n",
	    event(&t_e1), E1_HEAD ",\"data\":" E1_DATA "}");
}

#define ROW_SCHEMA(name)                                                      \
	"{\"type\":\"struct\",\"fields\":[{\"type\":\"int32\",\"optional\":"  \
	"false,\"default\":0,\"field\":\"id\"},{\"type\":\"string\","         \
	"\"optional\":false,\"field\":\"customer\"},{\"type\":\"bytes\","     \
	"\"optional\":true,\"name\":\"org.apache.kafka.connect.data.Decimal"  \
	"\",\"version\":1,\"parameters\":{\"scale\":\"2\",\"connect.decimal." \
	"precision\":\"10\"},\"field\":\"amount\"},{\"type\":\"string\","     \
	"\"optional\":true,\"default\":\"none\",\"field\":\"note\"},{"        \
	"\"type\":\"string\",\"optional\":false,\"name\":\"io.debezium.time." \
	"ZonedTimestamp\",\"version\":1,\"field\":\"created\"},{\"type\":"    \
	"\"string\",\"optional\":true,\"name\":\"io.debezium.data.Enum\","    \
	"\"version\":1,\"parameters\":{\"allowed\":\"sad,happy\"},\"field\":" \
	"\"m\"}],\"optional\":true,\"name\":\"px.shop.orders.Value\","        \
	"\"field\":\"" name "\"}"

static void
test_schema(void **state)
{
	expect(CLOUD "value.converter.extension.attributes.enable=false\n",
	    event(&t_e1), E1_HEAD ",\"data\":{\"schema\":{\"type\":\"struct\","
	    "\"fields\":[" ROW_SCHEMA("before") "," ROW_SCHEMA("after")
	    "],\"optional\":false,\"name\":\"io.debezium.connector."
	    "postgresql.Data\"},\"payload\":" E1_DATA "}}");
	expect(PLAIN "value.converter.extension.attributes.enable=false\n"
	    "value.converter.json.decimal.format=NUMERIC\n", event(&t_e1),
	    E1_HEAD ",\"data\":{\"before\":null,\"after\":{\"id\":1,"
	    "\"customer\":\"ann\",\"amount\":19.99,\"note\":\"none\","
	    "\"created\":\"2024-03-01T01:02:03.450000Z\",\"m\":null}}}");
}

/* With provide.transaction.metadata. */
static void
test_transaction(void **state)
{
	static const struct leat_value block[] = { V_STR("200795:531324432"),
		V_I64(2), V_I64(1) };
	static const struct leat_value values[] = { V_NULL,
		V_STRUCT(t_row_1), V_STRUCT(t_source_1), V_STRUCT(block),
		V_STR("c"), V_NULL, V_NULL, V_NULL };
	static const struct leat_value v = V_STRUCT(values);

	expect(PLAIN, event(&v), E1_HEAD E1_EXTENSIONS ",\"iodebeziumtxid\":"
	    "\"200795:531324432\",\"iodebeziumtxtotalorder\":\"2\","
	    "\"iodebeziumtxdatacollectionorder\":\"1\",\"data\":" E1_DATA "}");
}

/* What is no change event has no form as a CloudEvent. */
static void
test_others(void **state)
{
	expect(PLAIN, (struct leat_record){ .topic = "t" }, "NULL");
	expect(PLAIN, (struct leat_record){ .topic = "t",
	    .value_schema = &t_key, .value = t_k1 }, "NULL");
	expect(PLAIN, (struct leat_record){ .topic = "t",
	    .value = V_STR("x") }, "NULL");
}

static void
test_bad(void **state)
{
	static const struct leat_field fields[] = { { .name = "op",
	    .schema = &t_string } };
	static const struct leat_schema bare = { .kind = LEAT_STRUCT,
		.name = "x.Envelope", .fields = fields, .nfields = 1 };
	static const struct leat_value op = V_STR("c"), v = { .len = 1,
		.kind = LEAT_STRUCT, .u.items = &op };
	struct leat_value source[COUNT(t_source_1)];
	struct leat_value values[] = { V_NULL, V_NULL, { .kind = LEAT_STRUCT,
		.len = COUNT(source), .u.items = source }, V_NULL, V_STR("c"),
		V_NULL, V_NULL, V_NULL };
	struct leat_value other = { .kind = LEAT_STRUCT, .len = COUNT(values),
		.u.items = values };

	expect(PLAIN, (struct leat_record){ .topic = "t",
	    .value_schema = &bare, .value = v },
	    "!a change event without 'source'");
	memcpy(source, t_source_1, sizeof(source));
	source[1] = leat_cstring("mysql");
	expect(PLAIN, event(&other), "!No usable CloudEvents converters for "
	    "connector type \"mysql\"");
}

/* A snapshot without lsn and txId: their text is Java's. */
static void
test_nulls(void **state)
{
	struct leat_value source[COUNT(t_source_1)];
	struct leat_value values[] = { V_NULL, V_NULL, { .kind = LEAT_STRUCT,
		.len = COUNT(source), .u.items = source }, V_NULL, V_STR("r"),
		V_NULL, V_NULL, V_NULL };
	struct leat_value v = { .kind = LEAT_STRUCT, .len = COUNT(values),
		.u.items = values };
	struct leat_record rec = event(&v);
	struct testing_chain c;

	memcpy(source, t_source_1, sizeof(source));
	source[6] = source[11] = source[12] = leat_null();
	assert_non_null(strstr(run(&c, PLAIN, &rec),
	    "{\"id\":\"name:px;lsn:null;txId:null;sequence:null\""));
	testing_chain_close(&c);
}

/* ------------------------------------------------------------------ headers */

static const struct leat_header t_metadata[] = {
	{ "source", &t_source, V_STRUCT(t_source_1) },
	{ "op", &t_string, V_STR("c") },
	{ "id", &t_string, V_STR("id-7") },
	{ "type", &t_string, V_STR("a.type") },
	{ "dataSchemaName", &t_string, V_STR("a.name") },
	{ "traceparent", &t_string, V_STR("00-ab-cd-01") },
};

static void
test_headers(void **state)
{
	struct leat_record rec = event(&t_e1);
	struct leat_record outbox = { .topic = "t", .value_schema = &t_key,
		.value = t_k1, .headers = t_metadata,
		.nheaders = COUNT(t_metadata) };
	const char *small = PLAIN
	    "value.converter.extension.attributes.enable=false\n"
	    "value.converter.metadata.source=header\n";

	expect(small, outbox, "{\"id\":\"id-7\",\"source\":\"/debezium/"
	    "postgresql/px\",\"specversion\":\"1.0\",\"type\":\"a.type\","
	    "\"time\":\"2026-11-22T07:07:48.011Z\",\"datacontenttype\":"
	    "\"application/json\",\"data\":{\"id\":1}}");
	outbox.nheaders = 1;
	expect(small, outbox, "NULL");
	outbox.nheaders = 2;
	expect(small, outbox, "!Header `id` was not provided");
	rec.headers = t_metadata;
	rec.nheaders = COUNT(t_metadata);
	expect(PLAIN "value.converter.metadata.source=value,id:header,"
	    "type:generate,dataSchemaName:generate,traceparent:header\n"
	    "value.converter.extension.attributes.enable=false\n"
	    "value.converter.opentelemetry.tracing.attributes.enable=true\n",
	    rec, "{\"id\":\"id-7\",\"source\":\"/debezium/postgresql/px\","
	    "\"specversion\":\"1.0\",\"type\":\"io.debezium.connector."
	    "postgresql.DataChangeEvent\",\"time\":\"2026-11-22T07:07:48.011Z"
	    "\",\"datacontenttype\":\"application/json\",\"traceparent\":"
	    "\"00-ab-cd-01\",\"data\":" E1_DATA "}");
}

static void
test_data_name(void **state)
{
	struct leat_record rec = { .topic = "t", .value_schema = &t_key,
		.value = t_k1, .headers = t_metadata,
		.nheaders = COUNT(t_metadata) };
	const char *settings = CLOUD
	    "value.converter.metadata.source=header,id:generate\n"
	    "value.converter.schema.data.name.source.header.enable=true\n";
	struct testing_chain c;

	assert_non_null(strstr(run(&c, settings, &rec), "\"data\":{\"schema\":"
	    "{\"type\":\"struct\",\"fields\":[{\"type\":\"int32\","
	    "\"optional\":false,\"default\":0,\"field\":\"id\"}],"
	    "\"optional\":false,\"name\":\"a.name\"},\"payload\":{\"id\":1"
	    "}}}"));
	testing_chain_close(&c);
}

/* ----------------------------------------------------------------- settings */

static void
refuse(const char *settings, const char *want)
{
	struct properties *props = testing_props(settings);
	struct problems *problems = problems_new();

	assert_non_null(props);
	assert_non_null(problems);
	chain_validate(props, problems);
	assert_int_equal(problems_count(problems), 1);
	assert_string_equal(problems_at(problems, 0)->text, want);
	assert_int_equal(problems_at(problems, 0)->place.line, 1);
	problems_free(problems);
	properties_unref(props);
}

static void
test_refused(void **state)
{
	refuse(CLOUD "value.converter.serializer.type=avro\n",
	    "serializer.type: avro needs a schema registry, and there is no "
	    "client for one; json is supported");
	refuse(CLOUD "value.converter.data.serializer.type=avro\n",
	    "data.serializer.type: avro needs a schema registry, and there is "
	    "no client for one; json is supported");
	refuse(CLOUD "value.converter.metadata.source=value,id:x\n",
	    "metadata.source: 'id:x' is not known (allowed: value or header, "
	    "then id:, type:, dataSchemaName: with generate or header, and "
	    "traceparent:header)");
	refuse("key.converter=cloudevents\n",
	    "'cloudevents' converts values only");
}

/* ----------------------------------------------------------------- decoding */

static const char *
decode(struct testing_chain *c, const char *settings, const char *text)
{
	struct chain_bytes bytes = { .value = leat_str_c(text) };
	struct leat_record rec = { .topic = "t" };
	struct leat_buf buf;
	const char *out;

	assert_int_equal(testing_chain_open(c, settings), 0);
	if (chain_decode(c->chain, &bytes, &c->arena, &rec, &c->failure,
		&c->err) < 0) {
		assert_int_equal(c->err.cls, LEAT_CLS_RECORD);
		return c->err.text;
	}
	assert_null(rec.value_schema);
	leat_buf_init(&buf, 1 << 20);
	leat_json_add_value(&buf, &rec.value);
	out = leat_arena_strdup(&c->arena, leat_buf_cstr(&buf));
	leat_buf_fini(&buf);
	return out;
}

static void
expect_decoded(const char *settings, const char *text, const char *want)
{
	struct testing_chain c;

	assert_string_equal(decode(&c, settings, text), want);
	testing_chain_close(&c);
}

#define EVENT(data) \
	"{\"id\":\"1\",\"source\":\"/s\",\"specversion\":\"1.0\"," \
	"\"type\":\"t\",\"data\":" data ",\"more\":null}"

static void
test_decode(void **state)
{
	expect_decoded(PLAIN, EVENT("{\"a\":[1]}"), EVENT("{\"a\":[1]}"));
	expect_decoded(CLOUD, EVENT("{\"schema\":{},\"payload\":{\"a\":1}}"),
	    EVENT("{\"a\":1}"));
	expect_decoded(CLOUD, EVENT("null"), EVENT("null"));
	expect_decoded(CLOUD, EVENT("{\"a\":1}"), "with json.schemas.enable "
	    "the data has \"schema\" and \"payload\"; for plain data set it "
	    "to false");
	expect_decoded(PLAIN, "{\"id\":\"1\"}",
	    "not a CloudEvent: it has no 'source'");
	expect_decoded(PLAIN, "[]", "not a CloudEvent: it has no 'id'");
}

static void
test_decode_bad(void **state)
{
	struct testing_chain c;

	assert_non_null(strstr(decode(&c, PLAIN, "{"), "Converting byte[] to "
	    "Kafka Connect data failed due to serialization error"));
	testing_chain_close(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_schema),
		cmocka_unit_test(test_transaction),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_nulls),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_data_name),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_decode_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
