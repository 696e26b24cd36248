/* SPDX-License-Identifier: Apache-2.0 */
/* test_timezone.c: TimezoneConverter, its rules and its texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/record/testing_chain.h"
#include "core/record/transforms/zoned_text.h"

/* clang-format off */

#define ZONE(zone) "transforms=z\ntransforms.z.type=" \
	"io.debezium.transforms.TimezoneConverter\n" \
	"transforms.z.converted.timezone=" zone "\n"
#define INCLUDE(list) "transforms.z.include.list=" list "\n"
#define EXCLUDE(list) "transforms.z.exclude.list=" list "\n"

#define TYPE(k, type) { .kind = LEAT_##k, .optional = 1, .version = 1, \
	.name = type }
static const struct leat_schema s_z = TYPE(STRING,
    "io.debezium.time.ZonedTimestamp");
static const struct leat_schema s_t = TYPE(STRING,
    "io.debezium.time.ZonedTime");
static const struct leat_schema s_ms = TYPE(INT64,
    "io.debezium.time.Timestamp");
static const struct leat_schema s_us = TYPE(INT64,
    "io.debezium.time.MicroTimestamp");
static const struct leat_schema s_ns = TYPE(INT64,
    "io.debezium.time.NanoTimestamp");
static const struct leat_schema s_k = TYPE(INT64,
    "org.apache.kafka.connect.data.Timestamp");
static const struct leat_schema s_d = TYPE(INT32, "io.debezium.time.Date");
static const struct leat_field row_fields[] = {
	{ .name = "z", .schema = &s_z },
	{ .name = "t", .schema = &s_t },
	{ .name = "ms", .schema = &s_ms },
	{ .name = "us", .schema = &s_us },
	{ .name = "ns", .schema = &s_ns },
	{ .name = "k", .schema = &s_k },
	{ .name = "d", .schema = &s_d },
	{ .name = "ts_ms", .schema = &t_opt_int64 },
};
static const struct leat_schema row = { .kind = LEAT_STRUCT, .optional = 1,
	.name = "px.shop.orders.Value", .fields = row_fields,
	.nfields = COUNT(row_fields) };
static const struct leat_field source_fields[] = {
	{ .name = "ts_ms", .schema = &t_int64 },
	{ .name = "table", .schema = &t_string },
	{ .name = "ts_us", .schema = &t_opt_int64 },
	{ .name = "ts_ns", .schema = &t_opt_int64 },
};
static const struct leat_schema source = { .kind = LEAT_STRUCT,
	.fields = source_fields, .nfields = COUNT(source_fields) };
static const struct leat_field envelope_fields[] = {
	{ .name = "before", .schema = &row },
	{ .name = "after", .schema = &row },
	{ .name = "source", .schema = &source },
	{ .name = "op", .schema = &t_string },
	{ .name = "ts_ms", .schema = &t_opt_int64 },
};
static const struct leat_schema envelope = { .kind = LEAT_STRUCT,
	.version = 2, .name = "px.shop.orders.Envelope",
	.fields = envelope_fields, .nfields = COUNT(envelope_fields) };

/* 2024-07-01T12:00:00.123456789Z in all units. */
#define SECONDS 1719835200
static const struct leat_value row_values[] = {
	V_STR("2024-07-01T12:00:00.120000Z"), V_STR("12:00:00.5Z"),
	V_I64(SECONDS * 1000LL + 123), V_I64(SECONDS * 1000000LL + 123456),
	V_I64(SECONDS * 1000000000LL + 123456789), V_I64(SECONDS * 1000LL),
	V_I32(19905), V_I64(5) };
static const struct leat_value source_values[] = {
	V_I64(SECONDS * 1000LL), V_STR("orders"),
	V_I64(SECONDS * 1000000LL), V_NULL };
static const struct leat_value event_values[] = { V_NULL,
	V_STRUCT(row_values), V_STRUCT(source_values), V_STR("c"), V_I64(7) };

#define ROW(z, t, ms, us, ns, k) "{\"z\":\"" z "\",\"t\":\"" t "\",\"ms\":" ms \
	",\"us\":" us ",\"ns\":" ns ",\"k\":" k ",\"d\":19905,\"ts_ms\":5}"
#define AS_IS ROW("2024-07-01T12:00:00.120000Z", "12:00:00.5Z",           \
	"1719835200123", "1719835200123456", "1719835200123456789",         \
	"1719835200000")
/* +05:30: 19800 seconds earlier as instants. */
#define KOLKATA ROW("2024-07-01T17:30:00.12+05:30", "17:30:00.5+05:30",    \
	"1719815400123", "1719815400123456", "1719815400123456789",         \
	"1719815400000")
#define SRC(ms, us) "{\"ts_ms\":" ms ",\"table\":\"orders\",\"ts_us\":" us \
	",\"ts_ns\":null}"
#define SRC_AS_IS SRC("1719835200000", "1719835200000000")
#define OUT(after, source) "px.shop.orders|NULL|{\"before\":null,\"after\":" \
	after ",\"source\":" source ",\"op\":\"c\",\"ts_ms\":7}|"

static void
expect(const char *settings, const char *want)
{
	struct leat_record rec = { .topic = "px.shop.orders",
		.value_schema = &envelope, .value = V_STRUCT(event_values) };
	struct testing_chain c;
	const char *got;

	if (testing_chain_open(&c, settings) < 0)
		fail_msg("%s", c.err.text);
	got = testing_chain_run(&c, &rec);
	if (strcmp(got, want) != 0)
		fail_msg("%s\n  wanted %s\n  got    %s", settings, want, got);
	testing_chain_close(&c);
}

static void
test_all(void **state)
{
	expect(ZONE("Asia/Kolkata"), OUT(KOLKATA, SRC_AS_IS));
	expect(ZONE("+05:30"), OUT(KOLKATA, SRC_AS_IS));
	expect(ZONE("UTC"), OUT(ROW("2024-07-01T12:00:00.12Z", "12:00:00.5Z",
	    "1719835200123", "1719835200123456", "1719835200123456789",
	    "1719835200000"), SRC_AS_IS));
	expect(ZONE("-00:00:30"), OUT(ROW("2024-07-01T11:59:30.12-00:00:30",
	    "11:59:30.5-00:00:30", "1719835230123", "1719835230123456",
	    "1719835230123456789", "1719835230000"), SRC_AS_IS));
}

/* With summer time: the offset is that of the instant. */
static void
test_summer(void **state)
{
	expect(ZONE("America/New_York") INCLUDE("source:orders:z,orders:ms"),
	    OUT(ROW("2024-07-01T08:00:00.12-04:00", "12:00:00.5Z",
	    "1719849600123", "1719835200123456", "1719835200123456789",
	    "1719835200000"), SRC_AS_IS));
}

#define Z_ONLY ROW("2024-07-01T17:30:00.12+05:30", "12:00:00.5Z",          \
	"1719835200123", "1719835200123456", "1719835200123456789",         \
	"1719835200000")
#define BUT_Z ROW("2024-07-01T12:00:00.120000Z", "17:30:00.5+05:30",       \
	"1719815400123", "1719815400123456", "1719815400123456789",         \
	"1719815400000")

static void
test_include(void **state)
{
#define I(list) ZONE("+05:30") INCLUDE(list)
	expect(I("source:orders"), OUT(KOLKATA, SRC_AS_IS));
	expect(I("source:others"), OUT(AS_IS, SRC_AS_IS));
	expect(I("source:orders:z"), OUT(Z_ONLY, SRC_AS_IS));
	expect(I("source:orders:after.z"), OUT(Z_ONLY, SRC_AS_IS));
	expect(I("source:orders:before.z"), OUT(AS_IS, SRC_AS_IS));
	expect(I("topic:px.shop.orders"), OUT(KOLKATA, SRC_AS_IS));
	expect(I("topic:px.shop.orders:z"), OUT(Z_ONLY, SRC_AS_IS));
	expect(I("topic:orders"), OUT(AS_IS, SRC_AS_IS));
	expect(I("orders:z"), OUT(Z_ONLY, SRC_AS_IS));
	expect(I("px.shop.orders:z"), OUT(Z_ONLY, SRC_AS_IS));
	/* A prefix holds for the items behind it. */
	expect(I("topic:x:y,orders:z"), OUT(AS_IS, SRC_AS_IS));
	expect(I("source:x:y,orders:z"), OUT(Z_ONLY, SRC_AS_IS));
	/* The source's times are shown as the zone's. */
	expect(I("source:orders:source.ts_ms"), OUT(AS_IS,
	    SRC("1719855000000", "1719835200000000")));
	expect(I("source:orders:source.ts_ms,source:orders:source.ts_us,"
	    "source:orders:source.ts_ns,source:orders:z"), OUT(Z_ONLY,
	    SRC("1719855000000", "1719855000000000")));
	expect(I("source:orders:ts_ms"), OUT(AS_IS, SRC_AS_IS));
}

static void
test_exclude(void **state)
{
#define X(list) ZONE("+05:30") EXCLUDE(list)
	expect(X("source:orders"), OUT(AS_IS, SRC_AS_IS));
	expect(X("source:others"), OUT(KOLKATA, SRC_AS_IS));
	expect(X("source:orders:z"), OUT(BUT_Z, SRC_AS_IS));
	expect(X("source:orders:before.z"), OUT(KOLKATA, SRC_AS_IS));
	expect(X("topic:px.shop.orders:after.z"), OUT(BUT_Z, SRC_AS_IS));
	expect(X("source:orders:source.ts_ms"), OUT(KOLKATA,
	    SRC("1719835200000", "1719855000000000")));
}

/* One schema, and a rule that changes with the topic. */
static void
test_rules_of_topics(void **state)
{
	static const char *const topics[] = { "a", "b", "a" };
	struct testing_chain c;
	size_t i;

	assert_int_equal(testing_chain_open(&c, I("topic:b:z")), 0);
	for (i = 0; i < COUNT(topics); i++) {
		struct leat_record rec = { .topic = topics[i],
			.value_schema = &envelope,
			.value = V_STRUCT(event_values) };
		const bool b = *topics[i] == 'b';

		assert_true((strstr(testing_chain_run(&c, &rec), "17:30") !=
		    NULL) == b);
	}
	testing_chain_close(&c);
}

static void
test_odd_values(void **state)
{
	static const char *const rows[][2] = {
		{ "infinity", "\"infinity\"" },
		{ "-infinity", "\"-infinity\"" },
		{ "x", "!transform 'z': z: 'x' is no time with an offset" },
		{ "2024-01-01T00:00:00+01:00",
		    "\"2023-12-31T23:00:00Z\"" },
		{ "12024-01-01T00:00:00Z", "\"+12024-01-01T00:00:00Z\"" },
	};
	struct leat_value values[COUNT(row_values)], event[5];
	struct testing_chain c;
	size_t i;

	assert_int_equal(testing_chain_open(&c, ZONE("UTC")), 0);
	for (i = 0; i < COUNT(rows); i++) {
		struct leat_record rec = { .topic = "t",
			.value_schema = &envelope };
		const char *got;

		memcpy(values, row_values, sizeof(values));
		memcpy(event, event_values, sizeof(event));
		values[0] = leat_cstring(rows[i][0]);
		values[1] = leat_null();
		event[1] = leat_items(LEAT_STRUCT, values, COUNT(values));
		rec.value = leat_items(LEAT_STRUCT, event, 5);
		got = testing_chain_run(&c, &rec);
		if (strstr(got, rows[i][1]) == NULL)
			fail_msg("%s: %s", rows[i][0], got);
	}
	testing_chain_close(&c);
	/* Beyond what a number holds. */
	assert_int_equal(testing_chain_open(&c, ZONE("-18:00")), 0);
	memcpy(values, row_values, sizeof(values));
	values[4] = leat_i64(INT64_MAX);
	event[1] = leat_items(LEAT_STRUCT, values, COUNT(values));
	assert_string_equal(testing_chain_run(&c, &(struct leat_record){
	    .topic = "t", .value_schema = &envelope,
	    .value = leat_items(LEAT_STRUCT, event, 5) }), "!transform 'z': "
	    "ns: the time is outside of what can be converted");
	testing_chain_close(&c);
}

static void
test_others(void **state)
{
	struct leat_record rec = { .topic = "t", .value_schema = &t_key,
		.value = t_k1 };
	struct testing_chain c;

	assert_int_equal(testing_chain_open(&c, ZONE("UTC")), 0);
	assert_string_equal(testing_chain_run(&c, &rec),
	    "t|NULL|{\"id\":1}|");
	rec.value_schema = NULL;
	rec.value = leat_null();
	assert_string_equal(testing_chain_run(&c, &rec), "t|NULL|NULL|");
	testing_chain_close(&c);
}

static void
test_bad_settings(void **state)
{
	static const char *const rows[][2] = {
		{ "transforms=z\ntransforms.z.type=TimezoneConverter\n",
		    "converted.timezone" },
		{ ZONE("Mars/Base"), "converted.timezone: there is no time "
		    "zone 'Mars/Base'" },
		{ ZONE("+25:00"), "converted.timezone: the offset '+25:00'" },
		{ I("orders"), "include.list: 'orders' is not source:<table>" },
		{ I("foo:bar:baz"), "include.list: 'foo:bar:baz'" },
		{ I("source:a:b:c"), "include.list: 'source:a:b:c'" },
		{ I("source:"), "include.list: 'source:'" },
		{ X("a:b;c"), "exclude.list: 'a:b;c'" },
		{ I("a:b") EXCLUDE("a:b"), "include.list and exclude.list: "
		    "Please specify only one." },
	};
	struct testing_chain c;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		assert_true(testing_chain_open(&c, rows[i][0]) < 0);
		if (strstr(c.err.text, rows[i][1]) == NULL)
			fail_msg("%s: %s", rows[i][0], c.err.text);
		testing_chain_close(&c);
	}
}

static void
test_texts(void **state)
{
	static const struct {
		const char *text;
		int32_t offset;
		const char *want;
	} rows[] = {
		{ "2024-07-01T12:00:00.123456789Z", -14400,
		    "2024-07-01T08:00:00.123456789-04:00" },
		{ "2024-07-01T00:00:00.000000Z", -1,
		    "2024-06-30T23:59:59-00:00:01" },
		{ "0001-01-01T00:00:00Z", 0, "0001-01-01T00:00:00Z" },
		{ "9999-12-31T23:59:59Z", 3600,
		    "+10000-01-01T00:59:59+01:00" },
		{ "2024-07-01T12:00:00.5+02:00", 0,
		    "2024-07-01T10:00:00.5Z" },
		{ "2024-07-01T12:00:00.Z", 0, NULL },
		{ "2024-07-01T12:00:00.1234567890Z", 0, NULL },
		{ "2024-07-01T25:00:00Z", 0, NULL },
		{ "", 0, NULL },
		{ "2024-07-01T12:00:00.000000000000000000000000000000000000"
		    "00000Z", 0, NULL },
	}, times[] = {
		{ "23:30:00.25Z", 3600, "00:30:00.25+01:00" },
		{ "00:30:00Z", -3600, "23:30:00-01:00" },
		{ "12:00:00+02:00", 0, "10:00:00Z" },
		{ "x", 0, NULL },
		{ "25:00:00Z", 0, NULL },
	};
	char to[ZONED_TEXT];
	struct zoned z;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		const int rc = zoned_parse_timestamp(leat_str_c(rows[i].text),
		    &z);

		assert_int_equal(rc, rows[i].want == NULL ? -1 : 0);
		if (rc < 0)
			continue;
		to[zoned_format_timestamp(to, &z, rows[i].offset)] = '\0';
		assert_string_equal(to, rows[i].want);
	}
	for (i = 0; i < COUNT(times); i++) {
		const int rc = zoned_parse_time(leat_str_c(times[i].text),
		    &z);

		assert_int_equal(rc, times[i].want == NULL ? -1 : 0);
		if (rc < 0)
			continue;
		to[zoned_format_time(to, &z, times[i].offset)] = '\0';
		assert_string_equal(to, times[i].want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_summer),
		cmocka_unit_test(test_include),
		cmocka_unit_test(test_exclude),
		cmocka_unit_test(test_rules_of_topics),
		cmocka_unit_test(test_odd_values),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_bad_settings),
		cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
