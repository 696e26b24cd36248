/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_outbox.c: the outbox EventRouter against Debezium's documentation:
 * settings, a row of an outbox table, and the event that it becomes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/record/testing_chain.h"

/* clang-format off */

#define ROUTER "transforms=o\ntransforms.o.type=" \
	"io.debezium.transforms.outbox.EventRouter\n"
#define O(key, value) "transforms.o." key "=" value "\n"
#define PLACE(list) O("table.fields.additional.placement", list)
#define SCHEMAS "key.converter=json\nvalue.converter=" \
	"org.apache.kafka.connect.json.JsonConverter\n"

static const struct leat_schema s_uuid = { .kind = LEAT_STRING, .version = 1,
	.name = "io.debezium.data.Uuid" };
static const struct leat_schema s_json = { .kind = LEAT_STRING, .version = 1,
	.optional = 1, .name = "io.debezium.data.Json" };
static const struct leat_schema s_micro = { .kind = LEAT_INT64, .version = 1,
	.optional = 1, .name = "io.debezium.time.MicroTimestamp" };
static const struct leat_schema s_zoned = { .kind = LEAT_STRING, .version = 1,
	.optional = 1, .name = "io.debezium.time.ZonedTimestamp" };
static const struct leat_schema s_tenant = { .kind = LEAT_STRING,
	.optional = 1, .has_default = 1,
	.def = { .kind = LEAT_STRING, .len = 3, .u.s = "acm" } };
static const struct leat_field row_fields[] = {
	{ .name = "id", .schema = &s_uuid },
	{ .name = "aggregatetype", .schema = &t_string },
	{ .name = "aggregateid", .schema = &t_int64 },
	{ .name = "type", .schema = &t_string },
	{ .name = "payload", .schema = &s_json },
	{ .name = "at", .schema = &s_micro },
	{ .name = "zoned", .schema = &s_zoned },
	{ .name = "version", .schema = &t_opt_int32 },
	{ .name = "part", .schema = &t_opt_int32 },
	{ .name = "tenant", .schema = &s_tenant },
};
static const struct leat_schema row = { .kind = LEAT_STRUCT, .optional = 1,
	.name = "px.shop.outbox.Value", .fields = row_fields,
	.nfields = COUNT(row_fields) };
static const struct leat_field envelope_fields[] = {
	{ .name = "before", .schema = &row },
	{ .name = "after", .schema = &row },
	{ .name = "source", .schema = &t_source },
	{ .name = "transaction", .schema = &t_block },
	{ .name = "op", .schema = &t_string },
	{ .name = "ts_ms", .schema = &t_opt_int64 },
};
static const struct leat_schema envelope = { .kind = LEAT_STRUCT,
	.version = 2, .name = "px.shop.outbox.Envelope",
	.fields = envelope_fields, .nfields = COUNT(envelope_fields) };

/* What of a row a test changes; NULL or -1: as it is, or null. */
struct change {
	const char *op;
	const char *route;
	const char *payload;
	const char *zoned;
	bool all_null;		/* the columns that may be */
	int part;
};

static const struct leat_header old_header = { "h", &t_string,
	{ .kind = LEAT_STRING, .len = 1, .u.s = "1" } };

/* Fills a record of the table; all but the row is static. */
static void
fill(struct leat_record *rec, struct leat_value *values,
    struct leat_value *event, const struct change *c)
{
	const char *op = c->op != NULL ? c->op : "c";
	const struct leat_value base[] = { V_STR("u-1"), V_STR("Order"),
		V_I64(7), V_STR("OrderCreated"), V_NULL,
		V_I64(1700000000123456), V_NULL, V_I32(3), V_I32(5), V_NULL };

	memcpy(values, base, sizeof(base));
	if (c->route != NULL)
		values[1] = leat_cstring(c->route);
	if (c->payload != NULL)
		values[4] = leat_cstring(c->payload);
	if (c->zoned != NULL)
		values[6] = leat_cstring(c->zoned);
	if (c->all_null)
		values[5] = values[7] = values[8] = leat_null();
	if (c->part != 0)
		values[8] = leat_i32(c->part);
	event[0] = event[1] = event[3] = leat_null();
	event[*op == 'd' ? 0 : 1] = leat_items(LEAT_STRUCT, values,
	    COUNT(base));
	event[2] = leat_items(LEAT_STRUCT, t_source_1, COUNT(t_source_1));
	event[4] = leat_cstring(op);
	event[5] = leat_i64(1795331268300);
	*rec = (struct leat_record){ .topic = "px.shop.outbox",
		.partition = LEAT_PARTITION_ANY, .key_schema = &t_key,
		.key = t_k1, .value_schema = &envelope,
		.value = leat_items(LEAT_STRUCT, event, 6),
		.headers = &old_header, .nheaders = 1 };
}

struct row {
	const char *settings;
	struct change change;
	const char *want;
};

/* The line that a chain makes of it, and the record. */
static void
check(const struct row *r, struct leat_record *rec, struct testing_chain *c)
{
	struct leat_value values[COUNT(row_fields)], event[6];
	const char *got;

	fill(rec, values, event, &r->change);
	if (testing_chain_open(c, r->settings) < 0)
		fail_msg("%s", c->err.text);
	got = testing_chain_run(c, rec);
	if (strcmp(got, r->want) != 0)
		fail_msg("%s\n  wanted %s\n  got    %s", r->settings, r->want,
		    got);
}

static void
check_rows(const struct row *rows, size_t n)
{
	struct testing_chain c;
	struct leat_record rec;
	size_t i;

	for (i = 0; i < n; i++) {
		check(&rows[i], &rec, &c);
		testing_chain_close(&c);
	}
}

#define OUT(topic, value) topic "|7|" value "|h=1 id=u-1"
#define E(text) "!transform 'o': " text

static void
test_routing(void **state)
{
	static const struct row rows[] = {
		{ ROUTER, { .payload = "{\"a\": 1}" },
		    OUT("outbox.event.Order", "\"{\\\"a\\\": 1}\"") },
		{ ROUTER, { .op = "r", .payload = "x" },
		    OUT("outbox.event.Order", "\"x\"") },
		{ ROUTER, { .op = "d" }, "dropped" },
		{ ROUTER, { .op = "u" }, "dropped" },
		{ ROUTER, { .op = "t" }, "dropped" },
		{ ROUTER O("table.op.invalid.behavior", "error"),
		    { .op = "u" }, "dropped" },
		{ ROUTER O("table.op.invalid.behavior", "fatal"),
		    { .op = "u" }, E("Unexpected update message received: "
			"rows of an outbox table must not change "
			"(table.op.invalid.behavior)") },
		{ ROUTER O("route.by.field", "type"), { .payload = "x" },
		    OUT("outbox.event.OrderCreated", "\"x\"") },
		{ ROUTER O("route.topic.replacement", "e.$1")
		    O("route.topic.regex", "(.)rder"), { .payload = "x" },
		    OUT("e.O", "\"x\"") },
		/* No match: the column's text is the topic. */
		{ ROUTER O("route.topic.regex", "(?<routedByValue>x.*)"),
		    { .payload = "x" }, OUT("Order", "\"x\"") },
		{ ROUTER O("route.by.field", "part"), { .payload = "x" },
		    E("the column 'part' is int32, and a topic must be "
			"string") },
		{ ROUTER O("route.topic.regex", "()Order")
		    O("route.topic.replacement", "$1"), { .payload = "x" },
		    E("route.topic.replacement gives no topic for 'Order'") },
	};

	check_rows(rows, COUNT(rows));
}

static void
test_columns(void **state)
{
	static const struct row rows[] = {
		{ ROUTER O("table.field.event.id", "type")
		    O("table.field.event.key", "tenant")
		    O("table.field.event.payload", "aggregateid"),
		    { .payload = "x" },
		    "outbox.event.Order|\"acm\"|7|h=1 id=OrderCreated" },
		{ ROUTER O("table.field.event.payload", "nope"), { 0 },
		    E("Unable to find payload field nope in event") },
		{ ROUTER O("table.field.event.id", "nope"), { 0 },
		    E("Unable to find event-id field nope in event") },
		{ ROUTER O("table.field.event.key", "nope"), { 0 },
		    E("Unable to find key field nope in event") },
		{ ROUTER O("table.field.event.timestamp", "nope"), { 0 },
		    E("Unable to find timestamp field nope in event") },
		{ ROUTER O("table.field.event.timestamp", "aggregateid"),
		    { 0 }, E("Unsupported field type int64 for event "
			"timestamp") },
		{ ROUTER O("route.by.field", "nope"), { 0 },
		    E("Unable to find route field nope in event") },
	};

	check_rows(rows, COUNT(rows));
}

static void
test_timestamps(void **state)
{
	static const struct {
		struct row row;
		int64_t want;
	} rows[] = {
		{ { ROUTER, { .payload = "x" },
		    OUT("outbox.event.Order", "\"x\"") }, 1795331268300 },
		{ { ROUTER O("table.field.event.timestamp", "at"),
		    { .payload = "x" }, OUT("outbox.event.Order", "\"x\"") },
		    1700000000123 },
		{ { ROUTER O("table.field.event.timestamp", "at"),
		    { .payload = "x", .all_null = true },
		    OUT("outbox.event.Order", "\"x\"") }, 1795331268300 },
		{ { ROUTER O("table.field.event.timestamp", "zoned"),
		    { .payload = "x", .zoned = "2024-03-01T01:02:03.45Z" },
		    OUT("outbox.event.Order", "\"x\"") }, 1709254923450 },
	};
	struct testing_chain c;
	struct leat_record rec;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		check(&rows[i].row, &rec, &c);
		assert_int_equal(rec.timestamp_ms, rows[i].want);
		testing_chain_close(&c);
	}
}

static void
test_tombstones(void **state)
{
	static const struct row rows[] = {
		{ ROUTER O("route.tombstone.on.empty.payload", "true"),
		    { 0 }, OUT("outbox.event.Order", "NULL") },
		{ ROUTER O("route.tombstone.on.empty.payload", "true"),
		    { .payload = " \n" }, OUT("outbox.event.Order", "NULL") },
		{ ROUTER O("route.tombstone.on.empty.payload", "true")
		    PLACE("type:envelope"), { .payload = "" },
		    OUT("outbox.event.Order", "NULL") },
		{ ROUTER O("route.tombstone.on.empty.payload", "true"),
		    { .payload = "x" }, OUT("outbox.event.Order", "\"x\"") },
		{ ROUTER, { .payload = "" },
		    OUT("outbox.event.Order", "\"\"") },
	};
	struct leat_record rec = { .topic = "t", .key = V_I32(1) };
	struct testing_chain c;

	check_rows(rows, COUNT(rows));
	/* The connector's own tombstones go. */
	assert_int_equal(testing_chain_open(&c, ROUTER), 0);
	assert_string_equal(testing_chain_run(&c, &rec), "dropped");
	testing_chain_close(&c);
}

static void
test_placement(void **state)
{
	static const struct row rows[] = {
		{ ROUTER PLACE("type:header, type:HEADER:eventType,"
		    "tenant:header,part:partition"), { .payload = "x" },
		    "outbox.event.Order|7|\"x\"|h=1 id=u-1 type=OrderCreated "
		    "eventType=OrderCreated tenant=acm" },
		{ ROUTER PLACE("type:envelope:eventType,tenant:envelope"),
		    { .payload = "x" }, OUT("outbox.event.Order",
			"{\"payload\":\"x\",\"eventType\":\"OrderCreated\","
			"\"tenant\":\"acm\"}") },
		{ ROUTER PLACE("nope:header"), { 0 },
		    E("Unable to find field nope in event") },
		{ ROUTER PLACE("nope:header,nope:envelope,nope:partition,"
		    "type:envelope") O("table.field.additional.missing",
			"ignore"), { .payload = "x" },
		    OUT("outbox.event.Order", "{\"payload\":\"x\",\"type\":"
			"\"OrderCreated\"}") },
		{ ROUTER PLACE("type:partition"), { 0 }, E("the column 'type' "
			"is string, and a partition must be int32") },
		{ ROUTER PLACE("part:partition"), { .part = -2 },
		    E("partition -2 in column 'part'") },
	};
	static const struct row partition = { ROUTER PLACE("part:partition"),
		{ .payload = "x" }, OUT("outbox.event.Order", "\"x\"") };
	static const struct row none = { ROUTER PLACE("part:partition"),
		{ .payload = "x", .all_null = true },
		OUT("outbox.event.Order", "\"x\"") };
	struct testing_chain c;
	struct leat_record rec;

	check_rows(rows, COUNT(rows));
	check(&partition, &rec, &c);
	assert_int_equal(rec.partition, 5);
	testing_chain_close(&c);
	check(&none, &rec, &c);
	assert_int_equal(rec.partition, LEAT_PARTITION_ANY);
	testing_chain_close(&c);
}

/* Names and versions of the schemas, which follow the route of each row. */
static void
test_schemas(void **state)
{
	static const struct row first = { ROUTER
		O("table.field.event.schema.version", "version")
		PLACE("tenant:envelope"), { .payload = "x" },
		OUT("outbox.event.Order", "{\"payload\":\"x\",\"tenant\":"
		    "\"acm\"}") };
	struct leat_value values[COUNT(row_fields)], event[6];
	const struct change more[] = { { .payload = "x", .route = "Cust" },
		{ .payload = "y", .route = "Cust", .all_null = true } };
	const struct leat_schema *s;
	struct leat_record rec;
	struct testing_chain c;

	check(&first, &rec, &c);
	s = rec.value_schema;
	assert_string_equal(s->name, "px.shop.outbox.Order.Value");
	assert_int_equal(s->version, 3);
	assert_false(s->optional);
	assert_string_equal(s->fields[0].schema->name,
	    "io.debezium.data.Json");
	assert_true(s->fields[1].schema->has_default);
	assert_int_equal(rec.key_schema->kind, LEAT_INT64);
	assert_string_equal(rec.headers[1].schema->name,
	    "io.debezium.data.Uuid");
	fill(&rec, values, event, &more[0]);
	assert_string_equal(testing_chain_run(&c, &rec),
	    "outbox.event.Cust|7|{\"payload\":\"x\",\"tenant\":\"acm\"}|"
	    "h=1 id=u-1");
	assert_string_equal(rec.value_schema->name,
	    "px.shop.outbox.Cust.Value");
	assert_int_equal(rec.value_schema->version, 3);
	fill(&rec, values, event, &more[1]);
	(void)testing_chain_run(&c, &rec);
	assert_string_equal(rec.value_schema->name,
	    "px.shop.outbox.Cust.Value");
	assert_int_equal(rec.value_schema->version, 0);
	testing_chain_close(&c);
}

#define EXPAND O("table.expand.json.payload", "true")
#define JSON(in, out) { ROUTER EXPAND, { .payload = in }, \
	OUT("outbox.event.Order", out) }

static void
test_expand(void **state)
{
	static const struct row rows[] = {
		JSON("{\"a\": 1, \"b\": \"x\", \"c\": null, \"d\": [], \"e\":"
		    " {\"f\": [1, 2]}, \"g\": 1.5, \"h\": true}",
		    "{\"a\":1,\"b\":\"x\",\"e\":{\"f\":[1,2]},\"g\":1.5,"
		    "\"h\":true}"),
		JSON("[{\"a\": 1}, {\"b\": [null, {\"c\": 2}]}]",
		    "[{\"a\":1,\"b\":null},{\"a\":null,\"b\":[null,{\"c\":2}]}"
		    "]"),
		/* What is no JSON, or has no one shape, stays as it is. */
		JSON("x", "\"x\""),
		JSON("", "\"\""),
		JSON("{\"a\": ", "\"{\\\"a\\\": \""),
		JSON("[1, \"x\"]", "\"[1, \\\"x\\\"]\""),
		JSON("[1, 2.5]", "\"[1, 2.5]\""),
		JSON("[]", "\"[]\""),
		JSON("{\"a\": [null]}", "\"{\\\"a\\\": [null]}\""),
		{ ROUTER EXPAND O("table.json.payload.null.behavior",
		    "optional_bytes")
		    O("table.json.payload.empty.array.behavior",
			"optional_string"),
		    { .payload = "{\"a\": null, \"b\": [], \"c\": [null, 1]}" },
		    OUT("outbox.event.Order", "{\"a\":null,\"b\":[],\"c\":"
			"[null,1]}") },
		{ ROUTER EXPAND PLACE("type:envelope"),
		    { .payload = "{\"a\": 5000000000}" },
		    OUT("outbox.event.Order", "{\"payload\":{\"a\":5000000000}"
			",\"type\":\"OrderCreated\"}") },
		{ ROUTER EXPAND O("route.tombstone.on.empty.payload", "true"),
		    { 0 }, OUT("outbox.event.Order", "NULL") },
		/* Not text: as it is. */
		{ ROUTER EXPAND O("table.field.event.payload", "part"), { 0 },
		    OUT("outbox.event.Order", "5") },
	};

	check_rows(rows, COUNT(rows));
}

static void
test_expand_schema(void **state)
{
#define F(type, name) "{\"type\":\"" type "\",\"optional\":true,\"field\":\"" \
	name "\"}"
	static const struct row row_1 = { SCHEMAS ROUTER EXPAND,
		{ .payload = "{\"a\": 1, \"b\": 5000000000, \"c\": {\"d\": "
		    "[{\"e\": \"x\"}]}, \"a\": \"y\"}" },
		"outbox.event.Order|{\"schema\":{\"type\":\"int64\","
		"\"optional\":false},\"payload\":7}|{\"schema\":{\"type\":"
		"\"struct\",\"fields\":[" F("string", "a") "," F("int64", "b")
		",{\"type\":\"struct\",\"fields\":[{\"type\":\"array\","
		"\"items\":{\"type\":\"struct\",\"fields\":["
		F("string", "e") "],\"optional\":true,\"name\":"
		"\"payload.c.d\"},\"optional\":true,\"field\":\"d\"}],"
		"\"optional\":true,\"name\":\"payload.c\",\"field\":\"c\"}],"
		"\"optional\":true,\"name\":\"payload\"},\"payload\":{\"a\":"
		"\"y\",\"b\":5000000000,\"c\":{\"d\":[{\"e\":\"x\"}]}}}|"
		"h=1 id=u-1" };
	struct testing_chain c;
	struct leat_record rec;

	check(&row_1, &rec, &c);
	testing_chain_close(&c);
}

/* More members than are looked at: the text stays. */
static void
test_expand_limits(void **state)
{
	struct leat_value values[COUNT(row_fields)], event[6];
	const struct change change = { .payload = "x" };
	struct leat_record rec;
	struct testing_chain c;
	struct leat_buf b;
	int i;

	leat_buf_init(&b, 1 << 20);
	for (i = 0; i < 2001; i++)
		leat_buf_printf(&b, "%s\"m%d\":%d", i == 0 ? "{" : ",", i, i);
	leat_buf_printf(&b, "}");
	fill(&rec, values, event, &change);
	values[4] = leat_cstring(leat_buf_cstr(&b));
	assert_int_equal(testing_chain_open(&c, ROUTER EXPAND), 0);
	(void)testing_chain_run(&c, &rec);
	assert_int_equal(rec.value.kind, LEAT_STRING);
	assert_int_equal(rec.value.len, b.len);
	testing_chain_close(&c);
	leat_buf_fini(&b);
}

/* Heartbeats and what has no schema pass. */
static void
test_others(void **state)
{
	static const struct leat_value pairs[] = { V_STR("op"), V_STR("c") };
	struct leat_record rec = { .topic = "hb",
		.value = leat_items(LEAT_MAP, pairs, 1) };
	struct testing_chain c;

	assert_int_equal(testing_chain_open(&c, ROUTER), 0);
	assert_string_equal(testing_chain_run(&c, &rec),
	    "hb|NULL|{\"op\":\"c\"}|");
	rec.value = t_k1;
	rec.value_schema = &t_key;
	assert_string_equal(testing_chain_run(&c, &rec),
	    "hb|NULL|{\"id\":1}|");
	testing_chain_close(&c);
}

static void
test_bad_settings(void **state)
{
	static const char *const rows[][2] = {
		{ PLACE("a"), "table.fields.additional.placement: 'a' is not "
		    "column:header[:alias]" },
		{ PLACE("a:b"), "table.fields.additional.placement" },
		{ PLACE("a:header:b:c"), "table.fields.additional.placement" },
		{ O("route.topic.regex", "("), "route.topic.regex: " },
		{ O("route.topic.replacement", "${x}"),
		    "route.topic.replacement: " },
		{ O("table.op.invalid.behavior", "x"),
		    "table.op.invalid.behavior" },
		{ O("table.json.payload.null.behavior", "x"),
		    "table.json.payload.null.behavior" },
		{ O("tracing.span.context.field", "x"),
		    "tracing.span.context.field: tracing spans are not "
		    "written" },
		{ O("tracing.operation.name", "x"),
		    "tracing.operation.name: " },
		{ O("tracing.with.context.field.only", "true"),
		    "tracing.with.context.field.only: " },
		{ O("route.by.field", ""), "route.by.field: expected a " },
		{ O("table.field.event.payload", ""),
		    "table.field.event.payload: expected a column" },
		{ O("table.field.event.nope", "x"),
		    "table.field.event.nope" },
	};
	struct testing_chain c;
	char settings[400];
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		snprintf(settings, sizeof(settings), "%s%s", ROUTER,
		    rows[i][0]);
		assert_true(testing_chain_open(&c, settings) < 0);
		if (strstr(c.err.text, rows[i][1]) == NULL)
			fail_msg("%s: %s", rows[i][0], c.err.text);
		testing_chain_close(&c);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_routing),
		cmocka_unit_test(test_columns),
		cmocka_unit_test(test_timestamps),
		cmocka_unit_test(test_tombstones),
		cmocka_unit_test(test_placement),
		cmocka_unit_test(test_schemas),
		cmocka_unit_test(test_expand),
		cmocka_unit_test(test_expand_schema),
		cmocka_unit_test(test_expand_limits),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_bad_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
