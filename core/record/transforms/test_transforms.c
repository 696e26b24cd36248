/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_transforms.c: each transform as the reference describes it, by rows:
 * settings, a record as JSON, and what comes out, with and without schemas.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/record/testing_chain.h"

/* clang-format off */

#define K "org.apache.kafka.connect.transforms."
#define ONE(type) "transforms=x\ntransforms.x.type=" type "\n"
#define X(type, settings) ONE(K type) settings
/* Both converters with schemas. */
#define S "key.converter=json\nvalue.converter=" \
	"org.apache.kafka.connect.json.JsonConverter\n"

struct row {
	const char *settings;
	const char *value;	/* NULL: a tombstone */
	const char *want;
};

static const struct chain_header two_headers[] = {
	{ "a", { "1", 1 } }, { "b", { "x", 1 } } };

/* Decodes, transforms and encodes a record of topic "t", key {"k":1}. */
static const char *
run(struct testing_chain *c, const char *settings, const char *value)
{
	const bool schemas = strstr(settings, "key.converter=json") != NULL;
	struct chain_bytes bytes = {
		.key = leat_str_c(schemas ? "{\"schema\":{\"type\":\"struct\","
		    "\"fields\":[{\"type\":\"int64\",\"optional\":false,"
		    "\"field\":\"k\"}],\"optional\":false},\"payload\":{"
		    "\"k\":1}}" : "{\"k\":1}"),
		.headers = two_headers, .nheaders = 2 };
	struct leat_record rec = { .topic = "t", .partition = 3,
		.offset = 42, .timestamp_ms = 1577923200000,
		.origin_topic = "t" };

	if (testing_chain_open(c, settings) < 0)
		return leat_arena_printf(&c->arena, "?%s", c->err.text);
	if (value != NULL)
		bytes.value = leat_str_c(value);
	if (chain_decode(c->chain, &bytes, &c->arena, &rec, &c->failure,
		&c->err) < 0)
		return leat_arena_printf(&c->arena, "?%s", c->err.text);
	return testing_chain_run(c, &rec);
}

static void
check_rows(const struct row *rows, size_t n)
{
	struct testing_chain c;
	size_t i;

	for (i = 0; i < n; i++) {
		const char *got = run(&c, rows[i].settings, rows[i].value);

		if (strcmp(got, rows[i].want) != 0)
			fail_msg("row %zu: %s\n  value  %s\n  wanted %s\n"
			    "  got    %s", i, rows[i].settings, rows[i].value,
			    rows[i].want, got);
		testing_chain_close(&c);
	}
}

/* What comes out where only the value, or only the topic, changes. */
#define V(value) "t|{\"k\":1}|" value "|a=1 b=x"
#define T(topic, value) topic "|{\"k\":1}|" value "|a=1 b=x"
#define E(text) "!transform 'x': " text
/* A struct {a: int64?, b: string = "d"} and its record. */
#define FA "{\"type\":\"int64\",\"optional\":true,\"field\":\"a\"}"
#define FB "{\"type\":\"string\",\"optional\":true,\"default\":\"d\"," \
	"\"field\":\"b\"}"
#define STRUCT_OF(fields, tail) "{\"type\":\"struct\",\"fields\":[" fields \
	"],\"optional\":false" tail "}"
#define ENV(schema, payload) "{\"schema\":" schema ",\"payload\":" payload "}"
#define AB(payload) ENV(STRUCT_OF(FA "," FB, ",\"name\":\"n\""), payload)
#define SK "{\"schema\":{\"type\":\"struct\",\"fields\":[{\"type\":\"int64\"," \
	"\"optional\":false,\"field\":\"k\"}],\"optional\":false}," \
	"\"payload\":{\"k\":1}}"
#define SV(value) "t|" SK "|" value "|a=1 b=x"

static void
test_routers(void **state)
{
	static const struct row rows[] = {
		{ X("RegexRouter", "transforms.x.regex=t.*\n"
		    "transforms.x.replacement=x\n"), "1", T("x", "1") },
		{ X("RegexRouter", "transforms.x.regex=zt.*\n"
		    "transforms.x.replacement=x\n"), "1", V("1") },
		{ X("RegexRouter", "transforms.x.regex=(.*)\n"
		    "transforms.x.replacement=$1-v2\n"), NULL,
		    T("t-v2", "NULL") },
		{ X("RegexRouter", "transforms.x.regex=(?<n>\\w+)\n"
		    "transforms.x.replacement=\\$${n}$0\n"), "1",
		    T("$tt", "1") },
		{ X("TimestampRouter", ""), "1", T("t-20200102", "1") },
		{ X("TimestampRouter", "transforms.x.topic.format="
		    "${timestamp}_${topic}\ntransforms.x.timestamp.format="
		    "yyyy-MM-dd'T'HH''mm\n"), "1",
		    T("2020-01-02T00'00_t", "1") },
	};

	check_rows(rows, COUNT(rows));
}

static void
test_filter_and_predicates(void **state)
{
#define P(type) "predicates=p\npredicates.p.type=" K "predicates." type "\n" \
	"transforms.x.predicate=p\n"
	static const struct row rows[] = {
		{ X("Filter", ""), "1", "dropped" },
		{ X("Filter", P("RecordIsTombstone")), "1", V("1") },
		{ X("Filter", P("RecordIsTombstone")), NULL, "dropped" },
		{ X("Filter", P("RecordIsTombstone")
		    "transforms.x.negate=true\n"), NULL, V("NULL") },
		{ X("Filter", P("RecordIsTombstone")
		    "transforms.x.negate=true\n"), "1", "dropped" },
		{ X("Filter", P("HasHeaderKey") "predicates.p.name=b\n"),
		    "1", "dropped" },
		{ X("Filter", P("HasHeaderKey") "predicates.p.name=c\n"),
		    "1", V("1") },
		{ X("Filter", P("TopicNameMatches")
		    "predicates.p.pattern=[t-z]\n"), "1", "dropped" },
		{ X("Filter", P("TopicNameMatches")
		    "predicates.p.pattern=.t\n"), "1", V("1") },
	};

	check_rows(rows, COUNT(rows));
}

static void
test_insert_field(void **state)
{
	static const struct row rows[] = {
		{ X("InsertField$Value", "transforms.x.topic.field=topic\n"
		    "transforms.x.partition.field=p!\n"
		    "transforms.x.offset.field=o?\n"
		    "transforms.x.timestamp.field=ts\n"
		    "transforms.x.static.field=s\n"
		    "transforms.x.static.value=v\n"), "{\"a\":1}",
		    V("{\"a\":1,\"topic\":\"t\",\"p\":3,\"o\":42,\"ts\":"
			"1577923200000,\"s\":\"v\"}") },
		{ X("InsertField", "transforms.x.topic.field=a\n"), NULL,
		    V("NULL") },
		{ X("InsertField$Key", "transforms.x.topic.field=k\n"), NULL,
		    "t|{\"k\":\"t\"}|NULL|a=1 b=x" },
		{ S X("InsertField$Value", "transforms.x.partition.field=p!\n"
		    "transforms.x.timestamp.field=ts\n"
		    "transforms.x.static.field=s\n"
		    "transforms.x.static.value=v\n"), AB("{\"a\":1}"),
		    SV(ENV(STRUCT_OF(FA "," FB ",{\"type\":\"int32\","
			"\"optional\":false,\"field\":\"p\"},{\"type\":"
			"\"int64\",\"optional\":true,\"name\":"
			"\"org.apache.kafka.connect.data.Timestamp\","
			"\"version\":1,\"field\":\"ts\"},{\"type\":"
			"\"string\",\"optional\":true,\"field\":\"s\"}",
			",\"name\":\"n\""), "{\"a\":1,\"b\":\"d\",\"p\":3,"
			"\"ts\":1577923200000,\"s\":\"v\"}")) },
		{ S X("InsertField$Value", "transforms.x.topic.field=a\n"),
		    AB("{\"a\":1}"), E("Cannot create field because of field "
			"name duplication a") },
		{ X("InsertField$Value", "transforms.x.topic.field=a\n"),
		    "[1]", E("Only Map objects supported in absence of schema "
			"for [field insertion], found: array") },
		{ S X("InsertField$Value", "transforms.x.topic.field=a\n"),
		    ENV("{\"type\":\"int8\"}", "1"), E("Only Struct objects "
			"supported for [field insertion], found: int8") },
	};

	check_rows(rows, COUNT(rows));
}

static void
test_replace_field(void **state)
{
	static const struct row rows[] = {
		{ X("ReplaceField$Value", "transforms.x.exclude=a\n"
		    "transforms.x.include=a, b\n"), "{\"a\":1,\"b\":2,"
		    "\"c\":3}", V("{\"b\":2}") },
		{ X("ReplaceField$Value", "transforms.x.renames=a:b\n"
		    "transforms.x.exclude=b\n"), "{\"a\":1,\"b\":2}",
		    V("{\"b\":1}") },
		{ X("ReplaceField$Value", "transforms.x.renames=a:z,b:y\n"),
		    NULL, V("NULL") },
		{ S X("ReplaceField$Value", "transforms.x.exclude=a\n"
		    "transforms.x.renames=b:c\n"), AB("{\"a\":1}"),
		    SV(ENV(STRUCT_OF("{\"type\":\"string\",\"optional\":true,"
			"\"default\":\"d\",\"field\":\"c\"}",
			",\"name\":\"n\""), "{\"c\":\"d\"}")) },
		{ S X("ReplaceField$Value", "transforms.x.renames=b:a\n"),
		    AB("{}"), E("Cannot create field because of field name "
			"duplication a") },
	};

	check_rows(rows, COUNT(rows));
}

static void
test_value_to_key(void **state)
{
	static const struct row rows[] = {
		{ X("ValueToKey", "transforms.x.fields=b,z\n"),
		    "{\"a\":1,\"b\":2}", "t|{\"b\":2,\"z\":null}|{\"a\":1,"
		    "\"b\":2}|a=1 b=x" },
		{ S X("ValueToKey", "transforms.x.fields=a\n"),
		    AB("{\"a\":7}"), "t|" ENV(STRUCT_OF(FA, ""), "{\"a\":7}")
		    "|" AB("{\"a\":7,\"b\":\"d\"}") "|a=1 b=x" },
		{ S X("ValueToKey", "transforms.x.fields=a,q\n"),
		    AB("{\"a\":7}"), E("Field does not exist: q") },
		{ X("ValueToKey", "transforms.x.fields=a\n"), NULL,
		    E("Only Map objects supported in absence of schema for "
			"[copying fields from value to key], found: null") },
	};

	check_rows(rows, COUNT(rows));
}

static void
test_cast(void **state)
{
#define C(spec) X("Cast$Value", "transforms.x.spec=" spec "\n")
	static const struct row rows[] = {
		{ C("a:int8"), "{\"a\":300}", V("{\"a\":44}") },
		{ C("a:int8"), "{\"a\":\"300\"}", E("a: text that is not a "
		    "number, or out of range, for requested type int8") },
		{ C("a:int32,zz:int32"), "{\"a\":3.9}",
		    V("{\"a\":3,\"zz\":null}") },
		{ C("a:boolean,b:boolean,c:boolean,d:boolean"), "{\"a\":"
		    "\"TRUE\",\"b\":\"yes\",\"c\":2,\"d\":0.5}",
		    V("{\"a\":true,\"b\":false,\"c\":true,\"d\":false}") },
		{ C("a:string,b:float64,c:float32,d:string"), "{\"a\":1.5,"
		    "\"b\":2,\"c\":\"0.1\",\"d\":true}", V("{\"a\":\"1.5\","
		    "\"b\":2.0,\"c\":0.1,\"d\":\"true\"}") },
		{ C("int64"), "\"12\"", V("12") },
		{ C("int64"), NULL, V("NULL") },
		{ C("a:int8"), "{\"a\":[1]}", E("a: Unexpected type in Cast "
		    "transformation: array") },
		{ S C("a:string,b:string"), AB("{\"a\":5}"),
		    SV(ENV(STRUCT_OF("{\"type\":\"string\",\"optional\":true,"
			"\"field\":\"a\"}," FB, ",\"name\":\"n\""),
			"{\"a\":\"5\",\"b\":\"d\"}")) },
		{ S C("string"), ENV("{\"type\":\"bytes\",\"optional\":"
		    "false}", "\"AAEC\""), SV(ENV("{\"type\":\"string\","
		    "\"optional\":false}", "\"AAEC\"")) },
		{ S C("string"), ENV("{\"type\":\"int32\",\"optional\":false,"
		    "\"name\":\"org.apache.kafka.connect.data.Date\","
		    "\"version\":1}", "1"), SV(ENV("{\"type\":\"string\","
		    "\"optional\":false}", "\"1970-01-02\"")) },
		{ S C("float64"), ENV("{\"type\":\"bytes\",\"name\":"
		    "\"org.apache.kafka.connect.data.Decimal\","
		    "\"parameters\":{\"scale\":\"2\"}}", "\"BNI=\""),
		    SV(ENV("{\"type\":\"double\",\"optional\":false}",
			"12.34")) },
		{ S C("a:int8"), ENV("{\"type\":\"struct\",\"fields\":[{"
		    "\"type\":\"array\",\"items\":{\"type\":\"int8\"},"
		    "\"field\":\"a\"}]}", "{\"a\":[]}"), E("Cast "
		    "transformation does not support casting to/from array "
		    "(field 'a')") },
	};

	check_rows(rows, COUNT(rows));
}

static void
test_extract_and_hoist(void **state)
{
#define EX(field, more) X("ExtractField$Value", "transforms.x.field=" field \
	"\n" more)
#define V2 "transforms.x.field.syntax.version=V2\n"
	static const struct row rows[] = {
		{ EX("a.b", V2), "{\"a\":{\"b\":1}}", V("1") },
		{ EX("`a.b`.c", V2), "{\"a.b\":{\"c\":3}}", V("3") },
		{ EX("a`b", V2), "{\"a`b\":4}", V("4") },
		{ EX("a.b", ""), "{\"a.b\":5,\"a\":{\"b\":1}}", V("5") },
		{ EX("q", ""), "{\"a\":1}", V("NULL") },
		{ EX("a", ""), NULL, V("NULL") },
		{ S EX("b", ""), AB("{}"), SV(ENV("{\"type\":\"string\","
		    "\"optional\":true,\"default\":\"d\"}", "\"d\"")) },
		{ S EX("q", ""), AB("{}"), E("Unknown field: q") },
		{ X("HoistField$Value", "transforms.x.field=f\n"), NULL,
		    V("{\"f\":null}") },
		{ X("HoistField$Key", "transforms.x.field=f\n"), NULL,
		    "t|{\"f\":{\"k\":1}}|NULL|a=1 b=x" },
		{ S X("HoistField$Value", "transforms.x.field=f\n"),
		    ENV("{\"type\":\"int8\",\"optional\":true}", "1"),
		    SV(ENV(STRUCT_OF("{\"type\":\"int8\",\"optional\":true,"
			"\"field\":\"f\"}", ""), "{\"f\":1}")) },
	};

	check_rows(rows, COUNT(rows));
}

static void
test_flatten(void **state)
{
	static const struct row rows[] = {
		{ X("Flatten$Value", "transforms.x.delimiter=_\n"),
		    "{\"a\":{\"b\":1,\"c\":{\"d\":[2]}},\"e\":null}",
		    V("{\"a_b\":1,\"a_c_d\":[2],\"e\":null}") },
		{ X("Flatten$Value", ""), NULL, V("NULL") },
		{ S X("Flatten$Value", ""), ENV(STRUCT_OF("{\"type\":"
		    "\"struct\",\"fields\":[{\"type\":\"int8\",\"optional\":"
		    "false,\"field\":\"i\"}],\"optional\":true,\"field\":"
		    "\"s\"}," FB, ""), "{\"s\":null}"),
		    SV(ENV(STRUCT_OF("{\"type\":\"int8\",\"optional\":true,"
			"\"field\":\"s.i\"}," FB, ""),
			"{\"s.i\":null,\"b\":\"d\"}")) },
		{ S X("Flatten$Value", ""), ENV(STRUCT_OF("{\"type\":\"map\","
		    "\"keys\":{\"type\":\"string\"},\"values\":{\"type\":"
		    "\"int8\"},\"optional\":false,\"field\":\"m\"}", ""),
		    "{\"m\":{}}"), E("Flatten transformation does not support "
		    "MAP for record with schemas (for field m).") },
	};

	check_rows(rows, COUNT(rows));
}

static void
test_headers(void **state)
{
#define HF(op) "transforms.x.fields=a,b\ntransforms.x.headers=ha,hb\n" \
	"transforms.x.operation=" op "\n"
	static const struct row rows[] = {
		{ X("DropHeaders", "transforms.x.headers=a,c\n"), "1",
		    "t|{\"k\":1}|1|b=x" },
		{ X("InsertHeader", "transforms.x.header=h\n"
		    "transforms.x.value.literal=007\n"), "1",
		    "t|{\"k\":1}|1|a=1 b=x h=7" },
		{ X("HeaderFrom$Value", HF("move")), "{\"a\":1,\"c\":2}",
		    "t|{\"k\":1}|{\"c\":2}|a=1 b=x ha=1 hb=NULL" },
		{ X("HeaderFrom$Value", HF("copy")), "{\"a\":1,\"b\":\"y\"}",
		    "t|{\"k\":1}|{\"a\":1,\"b\":\"y\"}|a=1 b=x ha=1 hb=y" },
		{ S X("HeaderFrom$Value", HF("move")), AB("{\"a\":1}"),
		    "t|" SK "|" ENV(STRUCT_OF("", ",\"name\":\"n\""), "{}")
		    "|a=1 b=x ha=1 hb=d" },
		{ X("HeaderFrom$Value", HF("move")), NULL, E("Only Map "
		    "objects supported in absence of schema for [header "
		    "move], found: null") },
	};

	check_rows(rows, COUNT(rows));
}

static void
test_mask(void **state)
{
	static const struct row rows[] = {
		{ X("MaskField$Value", "transforms.x.fields=a,b,n,zz\n"),
		    "{\"a\":300,\"b\":\"TRUE\",\"n\":{\"x\":1}}",
		    V("{\"a\":0,\"b\":\"\",\"n\":{},\"zz\":null}") },
		{ X("MaskField$Value", "transforms.x.fields=a,b\n"
		    "transforms.x.replacement=12\n"), "{\"a\":300,\"b\":"
		    "\"s\"}", V("{\"a\":12,\"b\":\"12\"}") },
		{ X("MaskField$Value", "transforms.x.fields=a\n"
		    "transforms.x.replacement=zz\n"), "{\"a\":300}",
		    E("a: Unable to convert zz to number") },
		{ X("MaskField$Value", "transforms.x.fields=a\n"
		    "transforms.x.replacement=zz\n"), "{\"a\":true}",
		    E("a: Cannot mask value of type boolean with custom "
			"replacement.") },
		{ X("MaskField$Value", "transforms.x.fields=a\n"), NULL,
		    E("Only Map objects supported in absence of schema for "
			"[mask fields], found: null") },
		{ S X("MaskField$Value", "transforms.x.fields=a,b\n"),
		    AB("{\"b\":\"x\"}"), SV(AB("{\"a\":null,\"b\":\"\"}")) },
	};

	check_rows(rows, COUNT(rows));
}

static void
test_schema_metadata(void **state)
{
	static const struct row rows[] = {
		{ S X("SetSchemaMetadata$Value", "transforms.x.schema.name=m\n"
		    "transforms.x.schema.version=3\n"), AB("{\"a\":1}"),
		    SV(ENV(STRUCT_OF(FA "," FB, ",\"name\":\"m\",\"version\":"
			"3"), "{\"a\":1,\"b\":\"d\"}")) },
		{ X("SetSchemaMetadata$Value", "transforms.x.schema.name=m\n"),
		    "1", E("Schema required for [updating schema metadata]") },
		{ X("SetSchemaMetadata$Value", "transforms.x.schema.name=m\n"),
		    NULL, V("NULL") },
	};

	check_rows(rows, COUNT(rows));
}

static void
test_timestamps(void **state)
{
#define TC(type, more) X("TimestampConverter$Value", \
	"transforms.x.target.type=" type "\n" more)
#define NAMED(kind, name) "{\"type\":\"" kind "\",\"optional\":false," \
	"\"name\":\"org.apache.kafka.connect.data." name "\",\"version\":1}"
	static const struct row rows[] = {
		{ TC("unix", "transforms.x.unix.precision=microseconds\n"),
		    "1577923200123456", V("1577923200123000") },
		{ TC("string", "transforms.x.field=a\n"
		    "transforms.x.format=yyyy-MM-dd HH:mm:ss.SSS\n"),
		    "{\"a\":1577923200123}",
		    V("{\"a\":\"2020-01-02 00:00:00.123\"}") },
		{ TC("unix", "transforms.x.format=dd MMM yyyy hh:mm a Z\n"),
		    "\"02 Jan 2020 01:30 PM +0130\"", V("1577966400000") },
		{ TC("unix", "transforms.x.format=yyyyMMdd\n"),
		    "\"20200230\"", E("Could not parse timestamp: value does "
		    "not match pattern (yyyyMMdd)") },
		{ TC("unix", ""), "1.5", E("TimestampConverter does not "
		    "support objects of type float64") },
		{ TC("unix", ""), NULL, V("NULL") },
		{ S TC("Date", ""), ENV(NAMED("int64", "Timestamp"), "-1"),
		    SV(ENV(NAMED("int32", "Date"), "-1")) },
		{ S TC("Time", ""), ENV("{\"type\":\"int64\",\"optional\":"
		    "false}", "86400001"),
		    SV(ENV(NAMED("int32", "Time"), "1")) },
		{ S TC("Timestamp", "transforms.x.field=a\n"
		    "transforms.x.unix.precision=seconds\n"), AB("{\"a\":2}"),
		    SV(ENV(STRUCT_OF("{\"type\":\"int64\",\"optional\":true,"
			"\"name\":\"org.apache.kafka.connect.data.Timestamp\""
			",\"version\":1,\"field\":\"a\"}," FB,
			",\"name\":\"n\""), "{\"a\":2000,\"b\":\"d\"}")) },
	};

	check_rows(rows, COUNT(rows));
}

/* Two transforms in order, and null defaults left alone. */
static void
test_chain_order(void **state)
{
	static const struct row rows[] = {
		{ "transforms=one, two\ntransforms.one.type=ReplaceField\n"
		    "transforms.one.renames=a:b\ntransforms.two.type="
		    "InsertField$Value\ntransforms.two.topic.field=a\n",
		    "{\"a\":1}", V("{\"b\":1,\"a\":\"t\"}") },
		{ "value.converter=json\nvalue.converter.schemas.enable=true\n"
		    "value.converter.replace.null.with.default=false\n"
		    X("ReplaceField$Value", "transforms.x.exclude=a\n"
			"transforms.x.replace.null.with.default=false\n"),
		    AB("{}"), V(ENV(STRUCT_OF(FB, ",\"name\":\"n\""),
			"{\"b\":null}")) },
	};

	check_rows(rows, COUNT(rows));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_routers),
		cmocka_unit_test(test_filter_and_predicates),
		cmocka_unit_test(test_insert_field),
		cmocka_unit_test(test_replace_field),
		cmocka_unit_test(test_value_to_key),
		cmocka_unit_test(test_cast),
		cmocka_unit_test(test_extract_and_hoist),
		cmocka_unit_test(test_flatten),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_mask),
		cmocka_unit_test(test_schema_metadata),
		cmocka_unit_test(test_timestamps),
		cmocka_unit_test(test_chain_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
